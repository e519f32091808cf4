"""What is moved from a server: python tests/remote_moved.py prints the table of docs/remote.md.

The server counts, so that neither the machine nor its load matters.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import numpy as np

import pyffaudio
from ffmpeg_command import encode
from loopback import Shelf, serving
from pyffaudio.remote import RemoteFile
from signals import music, quantise

RATE = 16000
ENCODERS = {
    "wav": ("pcm_s16le",),
    "flac": ("flac",),
    "ogg": ("libvorbis", "-q:a", "5"),
    "opus": ("libopus", "-b:a", "64k"),
    "m4a": ("aac", "-aac_coder", "fast", "-aac_pns", "0", "-b:a", "96k"),
    "mp3": ("libmp3lame", "-compression_level", "9", "-b:a", "96k"),
}
NAMES = {
    "wav": "WAV",
    "flac": "FLAC",
    "ogg": "Ogg Vorbis",
    "opus": "Opus",
    "m4a": "M4A, index at its end",
    "mp3": "MP3",
}
HEADER = (
    "| File | Bytes | Moved for one second | Requests | Moved by `probe` | Requests for all of it |"
)


def make(folder: Path, suffix: str, seconds: int) -> bytes:
    """A file of so many seconds, mono."""
    part = quantise(music(RATE * 40, 1, RATE), "int16")
    frames = np.tile(part, (-(-seconds // 40), 1))[: RATE * seconds]
    return encode(folder / f"a.{suffix}", frames, RATE, "-c:a", *ENCODERS[suffix]).read_bytes()


def _row(name: str, server: Shelf, seconds: int, opened: Callable[[], Any]) -> str:
    def moved(work: Callable[..., object], **options: Any) -> tuple[int, int]:
        """Bytes, and requests; a HEAD, which each open takes, aside."""
        sent, gets = server.sent, server.gets
        with opened() as file:
            work(file, **options)
        return server.sent - sent, server.gets - gets

    middle = seconds // 2
    part, gets = moved(pyffaudio.decode_file, start_seconds=middle, stop_seconds=middle + 1)
    told, _ = moved(pyffaudio.probe)
    _, all_gets = moved(pyffaudio.decode_file)
    (data,) = server.files.values()
    cells = [name, _bytes(len(data)), _bytes(part), f"{gets:,}", _bytes(told), f"{all_gets:,}"]
    return f"| {' | '.join(cells)} |"


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 999_500 else f"{count / 1e3:.0f} kB"


def main(seconds: int = 3600) -> None:
    """Print a row for each format, and for what fsspec's own caches make of FLAC."""
    print(HEADER, "|---|---|---|---|---|---|", sep="\n")
    caches: dict[str, dict[str, Any]] = {
        "FLAC, by `fsspec.open`": {},
        "FLAC, `readahead` of 64 KiB": {"cache_type": "readahead", "block_size": 1 << 16},
        "FLAC, `blockcache` of 64 KiB": {"cache_type": "blockcache", "block_size": 1 << 16},
    }
    with tempfile.TemporaryDirectory() as folder:
        for suffix, name in NAMES.items():
            with serving({f"/a.{suffix}": make(Path(folder), suffix, seconds)}) as server:
                url = f"{server.url}/a.{suffix}"
                print(_row(name, server, seconds, partial(RemoteFile, url)), flush=True)
                for kind, how in caches.items() if suffix == "flac" else ():
                    opened = partial(fsspec.open, url, **how)
                    print(_row(kind, server, seconds, opened), flush=True)


if __name__ == "__main__":
    main()
