"""Promise: Ctrl-C ends a decode at once, wherever it is.

Every decode here would go on for hours or for ever: a child that ends with KeyboardInterrupt was
interrupted. How long that took is for benchmarks to tell.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HOURS = 1 << 40  # bytes of silence in a sparse file: two months at 192 kHz

PRELUDE = """
import io, mmap, os, sys
import numpy as np
import pyffaudio
path = sys.argv[1]
raw = {"format": "s16le", "format_options": {"sample_rate": 192000, "channels": 1}}
wide = {"format": "s16le", "format_options": {"sample_rate": 192000, "channels": 64}}
class Endless(io.RawIOBase):
    def read(self, size=-1):
        return bytes(size)
def mapped():
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
def fifo():
    os.mkfifo(path + ".fifo")
    return path + ".fifo"
def pipe():
    return open(os.pipe()[0], "rb")
"""

CALLS = {
    "resampling a path": "pyffaudio.decode_file(path, sample_rate=1000, **raw)",
    "resampling mapped bytes": "pyffaudio.decode_bytes(mapped(), sample_rate=1000, **raw)",
    "resampling a file object": "pyffaudio.decode_file(Endless(), sample_rate=1000, **raw)",
    "remixing a path": "pyffaudio.decode_file(path, num_channels=1, **wide)",
    "into an array": "pyffaudio.decode_into(path, np.zeros(1 << 30), sample_rate=1000, **raw)",
    "many": "list(pyffaudio.decode_many([path] * 9, sample_rate=1000, **raw))",
    "a stalled FIFO among many": "list(pyffaudio.decode_many([fifo()], **raw))",
    "a batch": (
        "pyffaudio.decode_batch_into([path] * 3, np.zeros((3, 1 << 29)), sample_rate=1000, **raw)"
    ),
    "a filter graph": 'pyffaudio.decode_file(path, filters="highpass=f=200,aresample=1000", **raw)',
    "a stalled FIFO": "pyffaudio.decode_file(fifo(), **raw)",
    "probing a stalled FIFO": "pyffaudio.decode_file(fifo())",
    "a stalled pipe": "pyffaudio.decode_file(pipe(), **raw)",
}


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    path = tmp_path / "silence"
    with path.open("wb") as file:
        file.truncate(HOURS)
    return path


@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c(silence: Path, call: str) -> None:
    code = PRELUDE + f"print('decoding', flush=True)\n{CALLS[call]}\nprint('done')"
    command = [sys.executable, "-c", code, os.fspath(silence)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "decoding\n"
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.3)  # it goes on by itself
        child.send_signal(signal.SIGINT)
        try:
            out, err = child.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
    assert out == ""
    assert err.rstrip().endswith("KeyboardInterrupt"), err


def check_output(code: str, silence: Path, expected: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code, os.fspath(silence)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == expected, done.stderr


def test_a_batch_that_was_interrupted_is_not_padded(silence: Path) -> None:
    """Its rows may be of gigabytes, and nobody will look at them."""
    code = PRELUDE + (
        "import signal\n"
        "signal.signal(signal.SIGALRM, signal.default_int_handler)\n"
        "out = np.zeros((3, 1 << 22), np.int8)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.1)\n"
        "try:\n"
        "    pyffaudio.decode_batch_into([path] * 3, out, pad_value=7, sample_rate=1000, **raw)\n"
        "except KeyboardInterrupt:\n"
        "    print((out == 7).any())\n"
    )
    check_output(code, silence, "False\n")


def test_padding_is_interrupted_too(silence: Path) -> None:
    """Of items that are no audio, padding is all there is to do."""
    code = PRELUDE + (
        "import signal\n"
        "signal.signal(signal.SIGALRM, signal.default_int_handler)\n"
        "row = np.zeros((1, 1 << 26), np.uint8)\n"
        "out = np.lib.stride_tricks.as_strided(row, (1000, 1 << 26), (0, 1))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.2)\n"
        "try:\n"
        "    pyffaudio.decode_batch_into([b'junk'] * 1000, out, on_item_error='return')\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped')\n"
    )
    check_output(code, silence, "stopped\n")


def test_a_signal_handler_s_exception_reaches_the_caller(silence: Path) -> None:
    """And a handler that raises nothing disturbs nothing."""
    code = PRELUDE + (
        "import itertools, signal\n"
        "class Enough(Exception): pass\n"
        "ticks = itertools.count()\n"
        "def tick(*_):\n"
        "    if next(ticks) == 5: raise Enough\n"
        "signal.signal(signal.SIGALRM, tick)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)\n"
        "try:\n"
        f"    {CALLS['resampling a path']}\n"
        "except Enough:\n"
        "    print('enough')\n"
    )
    check_output(code, silence, "enough\n")
