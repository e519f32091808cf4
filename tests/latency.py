"""How long a call that would go on for hours, or for ever, goes on once it is to end.

usage: python tests/latency.py FOLDER KIND ROUNDS SECONDS   a line of JSON

In ROUNDS calls a signal comes, spread over the first SECONDS; its handler raises, as Ctrl-C's does.
In others the timeout passes, after 20 ms and after SECONDS.
"""

import io
import json
import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

import forged
import pyffaudio
from ffmpeg_command import ffmpeg
from pyffaudio import AudioReader, DecodeTimeoutError, Limits

HOURS = 1 << 40  # bytes of silence in a sparse file: two months at 192 kHz
RAW: dict[str, Any] = {"format": "s16le", "format_options": {"sample_rate": 192_000, "channels": 2}}
WIDE: dict[str, Any] = {
    "format": "s16le",
    "format_options": {"sample_rate": 192_000, "channels": 64},
}
# Twenty seconds again and again, for five hours; those of bare frames are joined as they are.
REPEATED = 900
FILES = {
    "a.mp3": "-c:a libmp3lame -q:a 4 -write_xing 0 -id3v2_version 0",
    "a.aac": "-c:a aac",
    "a.ac3": "-c:a ac3",
    "a.ts": "-c:a aac",
    "a.m4a": "-c:a aac",
    "a.mka": "-c:a aac",
    "a.flac": "-c:a flac",
    "a.ogg": "-c:a libvorbis",
    "a.opus": "-c:a libopus",
    "a.avi": "-c:a libmp3lame",
}
BARE = (".mp3", ".aac", ".ac3", ".ts")


def make(folder: Path, recording: Path, repeated: int = REPEATED) -> None:
    """The files that KINDS are about."""
    for name, forge in forged.SLOW.items():
        (folder / name).write_bytes(forge())
    with (folder / "silence").open("wb") as file:
        file.truncate(HOURS)
    if not (folder / "fifo").exists():
        os.mkfifo(folder / "fifo")
    source = ("-f", "lavfi", "-i", "sine=r=48000:d=400", "-ac", "2")
    ffmpeg(*source, "-af", "asetnsamples=n=3900000", "-c:a", "pcm_s16le", folder / "packets.mka")
    wav, shape = folder / "short.wav", ("-t", "20", "-ar", "48000", "-ac", "2")
    ffmpeg("-stream_loop", "-1", "-i", recording, *shape, wav)
    for name, arguments in FILES.items():
        short = folder / f"short_{name}"
        ffmpeg("-i", wav, *arguments.split(), short)
        if short.suffix in BARE:
            with (folder / name).open("wb") as file:
                file.writelines([short.read_bytes()] * repeated)
        else:
            again = ("-stream_loop", str(repeated - 1), "-i")
            ffmpeg(*again, short, "-c", "copy", folder / name)
        short.unlink()


def mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class Endless(io.RawIOBase):
    """Silence, for ever."""

    def read(self, size: int = -1, /) -> bytes:
        return bytes(size)


def seek(path: Path, **options: Any) -> None:
    """Near the end, which is found by what is before it."""
    with AudioReader(path, **options) as reader:
        reader.seek(48_000 * 17_000)
        reader.read(100)


def count(path: Path, limits: Limits | None = None) -> None:
    pyffaudio.probe(path, exact=True, limits=limits)


def many(source: Any, **options: Any) -> None:
    list(pyffaudio.decode_many([source] * 9, num_workers=2, **options))


def batch(source: Any, **options: Any) -> None:
    """Rows whose padding alone would take seconds."""
    rows: Any = np.zeros((3, 1 << 28), np.float64)
    pyffaudio.decode_batch_into(
        [source] * 3, rows, num_workers=2, num_channels=1, sample_rate=1000, **options
    )


def again(source: Any, **options: Any) -> None:
    for _ in range(100):
        decode(source, **options)


def into(source: Any, **options: Any) -> None:
    pyffaudio.decode_into(source, np.zeros((1 << 28, 2), np.int16), **options)


decode: Callable[..., object] = pyffaudio.decode_file
decode_bytes: Callable[..., object] = pyffaudio.decode_bytes
SLOWLY: dict[str, Any] = {"sample_rate": 1000}
Call = Callable[[Path, dict[str, Any]], object]
KINDS: dict[str, Call] = {
    "a path": lambda at, options: into(at / "silence", **RAW, **options),
    "a path, resampled": lambda at, options: decode(at / "silence", **SLOWLY, **RAW, **options),
    "a path, 64 channels mixed": lambda at, options: decode(
        at / "silence", num_channels=1, **SLOWLY, **WIDE, **options
    ),
    "bytes, resampled": lambda at, options: decode_bytes(
        mapped(at / "silence"), **SLOWLY, **RAW, **options
    ),
    "a file object": lambda at, options: decode(Endless(), **SLOWLY, **RAW, **options),
    "a stalled FIFO": lambda at, options: decode(at / "fifo", **options),
    "stalled FIFOs, decode_many": lambda at, options: many(at / "fifo", **options),
    "decode_many": lambda at, options: many(at / "silence", **SLOWLY, **RAW, **options),
    "decode_batch_into": lambda at, options: batch(at / "silence", **RAW, **options),
    "packets of millions, resampled": lambda at, options: again(
        at / "packets.mka", **SLOWLY, **options
    ),
    "packets of millions, filtered": lambda at, options: again(
        at / "packets.mka", filters="highpass=f=200,aresample=1000", **options
    ),
    "a filter graph": lambda at, options: decode(
        at / "silence", filters="highpass=f=200,aresample=1000", **RAW, **options
    ),
}


def decoding(name: str) -> Call:
    return lambda at, options: decode(at / name, **options)


KINDS |= {f"forged {name}": decoding(name) for name in forged.SLOW}
OF_FILES: dict[str, Call] = {
    "opened": lambda path, options: pyffaudio.probe(path, limits=options.get("limits")),
    "decoded": lambda path, options: decode(path, **SLOWLY, **options),
    "sought": lambda path, options: seek(path, **options),
    "counted": lambda path, options: count(path, **options),
}


def call(folder: Path, kind: str, options: dict[str, Any]) -> None:
    if kind in KINDS:
        KINDS[kind](folder, options)
    else:
        name, done = kind.split(", ")
        OF_FILES[done](folder / name, options)


def lateness(folder: Path, kind: str, seconds: float, options: dict[str, Any]) -> float | None:
    """How late the end came, or None where the call had ended by itself before."""
    start = monotonic()
    if not options:
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        call(folder, kind, options)
    except (KeyboardInterrupt, DecodeTimeoutError):
        return monotonic() - start - seconds
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return None


def measure(folder: Path, kind: str, rounds: int, seconds: float) -> list[float]:
    """The same in a process of its own, for all rounds and timeouts."""
    command = [sys.executable, __file__, str(folder), kind, str(rounds), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[float] = json.loads(done.stdout)
    return found


def main() -> None:
    folder, kind, rounds, seconds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    late = []
    for number in range(rounds):
        after = 0.005 + float(seconds) * number / rounds
        late.append(lateness(folder, kind, after, {}))
    late += [
        lateness(folder, kind, after, {"limits": Limits(timeout=after)})
        for after in (0.02, 0.02, 0.02, float(seconds))
    ]
    print(json.dumps([each for each in late if each is not None]))


if __name__ == "__main__":
    main()
