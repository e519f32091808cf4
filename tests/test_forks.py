"""Promise: a process that decodes may fork, and end, whenever it likes; threads take turns."""

import subprocess
import sys
from pathlib import Path

import pytest

from media import Media

PRELUDE = """
import contextlib, io, os, signal, sys, threading, time
import numpy as np
import pyffaudio
path, silence, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
raw = {"format": "s16le", "format_options": {"sample_rate": 192000, "channels": 2}}
expected = pyffaudio.decode_file(path).samples

def busy(call):
    threading.Thread(target=call, daemon=True).start()

def forever():
    while True:
        pyffaudio.decode_file(path, sample_rate=8000)

def in_child(call):
    "What a child of a fork ends with; one that hangs is killed by its alarm."
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        status = 1
        try:
            call()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def decode_all():
    np.testing.assert_array_equal(pyffaudio.decode_file(path).samples, expected)
    (audio, *_), out = list(pyffaudio.decode_many([path] * 4)), np.zeros((2, 100, 2), np.float32)
    np.testing.assert_array_equal(audio.samples, expected)
    pyffaudio.decode_batch_into([path] * 2, out)
    np.testing.assert_array_equal(out[1], expected[:100])
"""


def run(code: str, *arguments: object, timeout: float = 100) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a program.

    As of 3.12, Python warns of every fork beside threads.
    """
    quiet = ["-W", "ignore:This process:DeprecationWarning"]
    done = subprocess.run(
        [sys.executable, *quiet, "-c", PRELUDE + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    path = tmp_path / "silence"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    return path


# Everything is imported beforehand: an import that a fork breaks off hangs the child in a lock of
# Python's own, whatever is imported.
UNDER_LOAD = """
decode_all()
busy(forever)
busy(lambda: [None for _ in pyffaudio.decode_many([path] * 100000, num_workers=2)])
reader = pyffaudio.AudioReader(path)
reader.read(100)

def read_on():
    np.testing.assert_array_equal(reader.read(100), expected[100:200])

failed = [status for _ in range(rounds) for call in (decode_all, read_on)
          if (status := in_child(call)) != 0]
np.testing.assert_array_equal(reader.read(), expected[100:])
print(failed)
os._exit(0)
"""


def test_forks_under_load(media: Media, silence: Path) -> None:
    """While other threads decode, a child decodes, and reads on in a reader that was idle."""
    assert run(UNDER_LOAD, media["flac_16"], silence, 10) == (0, "[]\n", "")


SHARED_FILE = """
long = silence + ".wav"
samples = np.arange(2_000_000, dtype=np.int32)[:, None]
with open(long, "wb") as file:
    file.write(samples.tobytes())
form = {"format": "s32le", "format_options": {"sample_rate": 8000, "channels": 1}}
reader = pyffaudio.AudioReader(long, dtype="int32", **form)

def read_all():
    for begin in range(0, len(samples), 1000):
        np.testing.assert_array_equal(reader.read(1000), samples[begin : begin + 1000])

children = []
for _ in range(2):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            read_all()
        except BaseException:
            os._exit(1)
        os._exit(0)
    children.append(child)
read_all()
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""


def test_a_reader_in_three_processes_at_once(media: Media, silence: Path) -> None:
    """Of a file too long to be in memory: each reads on in its own place."""
    assert run(SHARED_FILE, media["flac_16"], silence, 1) == (0, "[0, 0]\n", "")


BUSY_READER = """
reader = pyffaudio.AudioReader(silence, sample_rate=1000, **raw)
busy(lambda: reader.read())
time.sleep(0.2)

def read():
    try:
        reader.read(1)
    except RuntimeError as error:
        assert "forked" in str(error)
    else:
        os._exit(2)

print({in_child(read) for _ in range(rounds)})
os._exit(0)
"""


def test_a_reader_that_was_busy_is_an_error_in_the_child(media: Media, silence: Path) -> None:
    """Not a deadlock: the thread that had its turn is not there."""
    assert run(BUSY_READER, media["flac_16"], silence, 3) == (0, "{0}\n", "")


MANY_INHERITED = """
def many(errors):
    begun = pyffaudio.decode_many([path] * 20, num_workers=2, on_item_error=errors)
    next(begun)
    return begun

def read_on(begun):
    try:
        next(begun)
    except RuntimeError as error:
        assert "forked" in str(error)
    else:
        os._exit(2)

def decode_in_full(begun):
    for audio in begun:
        np.testing.assert_array_equal(audio.samples, expected)

found = set()
for _ in range(rounds):
    for begun in (many("raise"), many("return")):
        found.add(in_child(lambda: read_on(begun)))
        found.add(in_child(begun.close))
        assert len(list(begun)) == 19
unused = pyffaudio.decode_many([path] * 20, num_workers=2)
found.add(in_child(lambda: decode_in_full(unused)))
last = pyffaudio.decode_many([path])
next(last)
found.add(in_child(lambda: decode_in_full(last)))
print(found)
os._exit(0)
"""


def test_a_decode_many_that_was_begun_is_an_error_in_the_child(media: Media, silence: Path) -> None:
    """Its threads are not there. The child may close it, and the parent goes on."""
    assert run(MANY_INHERITED, media["flac_16"], silence, 5) == (0, "{0}\n", "")


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing(tmp_path: Path, media: Media, method: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing, sys, pyffaudio\n"
        "if __name__ == '__main__':\n"
        "    pyffaudio.decode_file(sys.argv[1])\n"
        "    with multiprocessing.get_context(sys.argv[2]).Pool(2) as pool:\n"
        "        found = pool.map(pyffaudio.decode_file, [sys.argv[1]] * 4)\n"
        "    print({audio.samples.shape for audio in found})\n"
    )
    command = [sys.executable, str(script), str(media["flac_16"]), method]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{(5003, 2)}\n", "")


@pytest.mark.torch
def test_a_data_loader(media: Media, silence: Path) -> None:
    """Of paths, and of segments of a reader that was opened before its workers were."""
    code = """
import torch.utils.data

class Segments(torch.utils.data.Dataset):
    def __init__(self):
        self.reader = pyffaudio.AudioReader(path)
    def __len__(self):
        return 8
    def __getitem__(self, index):
        self.reader.seek(100 * index)
        return self.reader.read(100), pyffaudio.decode_file(path).samples

if __name__ == "__main__":
    busy(forever)
    loader = torch.utils.data.DataLoader(
        Segments(), num_workers=2, multiprocessing_context="fork", batch_size=None)
    for index, (segment, whole) in enumerate(loader):
        np.testing.assert_array_equal(segment, expected[100 * index :][:100])
        np.testing.assert_array_equal(whole, expected)
    print(index)
    sys.stdout.flush()
    os._exit(0)
"""
    status, out, err = run(code, media["wav_s16"], silence, 1)
    assert (status, out) == (0, "7\n"), err


ENDINGS = {
    "open readers": "readers = [pyffaudio.AudioReader(path) for _ in range(9)]\n",
    "a reader in its middle": "readers = pyffaudio.AudioReader(path).blocks(10); next(readers)\n",
    "threads that decode": "busy(forever); busy(forever)\n",
    "threads in a long call": (
        "for _ in range(2): busy(lambda: pyffaudio.decode_file(silence, sample_rate=1000, **raw))\n"
    ),
    "a thread in decode_batch_into": (
        "out = np.zeros((4, 1 << 20, 2), np.float32)\n"
        "busy(lambda: pyffaudio.decode_batch_into([silence] * 4, out, sample_rate=1000, **raw))\n"
    ),
    "decode_many in its middle": "many = pyffaudio.decode_many([path] * 99); next(many)\n",
    "a thread that waits for a pipe": (
        "busy(lambda: pyffaudio.decode_file(f'/dev/fd/{os.pipe()[0]}', **raw))\n"
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_interpreter_ends_meanwhile(media: Media, silence: Path, ending: str) -> None:
    code = ENDINGS[ending] + "time.sleep(0.1)\nprint('end')\n"
    assert run(code, media["flac_16"], silence, 1) == (0, "end\n", "")


TURNS = """
reader, found = pyffaudio.AudioReader(path), []

def take():
    while len(block := reader.read(7)):
        found.append(block)

sys.setswitchinterval(1e-5)
threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
whole = sorted(map(bytes, np.concatenate(found)))
print(whole == sorted(map(bytes, expected)), {len(block) for block in found[:-8]})
"""


def test_threads_on_one_reader_take_turns(media: Media, silence: Path) -> None:
    """Each frame goes to one of them, and blocks are whole."""
    assert run(TURNS, media["flac_16"], silence, 1) == (0, "True {7}\n", "")


SECOND_INTERPRETER = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
interpreters.run_string(interpreters.create(), '''
try:
    import pyffaudio
except ImportError as error:
    print("ImportError", flush=True)
''')
decode_all()
"""


def test_one_interpreter_of_a_process_has_it(media: Media, silence: Path) -> None:
    """As it is with NumPy: another gets an ImportError, and the first goes on."""
    assert run(SECOND_INTERPRETER, media["flac_16"], silence, 1) == (0, "ImportError\n", "")
