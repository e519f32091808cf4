"""Real speech and real music from Debian packages, cut and encoded: made once, in build/bench.

1 s and 10 s of 16 kHz mono speech and 30 s of 44.1 kHz stereo music in six formats, and a thousand
clips of 10 s of speech in the same formats.
"""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hour import MUSIC

FOLDER = Path(__file__).parents[1] / "build/bench"
SPEECH = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
CLIPS = 1000
CLIP_SECONDS = 10
SPEECH_SECONDS = 1200  # all there is are some twenty minutes
ENCODERS = {
    "wav": ("-c:a", "pcm_s16le"),
    "flac": ("-c:a", "flac"),
    "mp3": ("-c:a", "libmp3lame", "-q:a", "2"),
    "ogg": ("-c:a", "libvorbis", "-q:a", "5"),
    "opus": ("-c:a", "libopus"),
    "m4a": ("-c:a", "aac"),
}
FORMATS = tuple(ENCODERS)


@dataclass(frozen=True)
class Clip:
    """A file, and what is stored in it."""

    path: str
    seconds: int
    rate: int
    channels: int

    @property
    def suffix(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def decoded_rate(self) -> int:
        """Opus is 48 kHz whatever was encoded."""
        return 48000 if self.suffix == "opus" else self.rate


KINDS = {
    "speech, 1 s": (1, 16000, 1),
    "speech, 10 s": (10, 16000, 1),
    "music, 30 s": (30, 44100, 2),
}


def cells() -> dict[tuple[str, str], Clip]:
    """One file for each kind and format."""
    found = {}
    for kind, (seconds, rate, channels) in KINDS.items():
        source, start = (speech(), 60) if channels == 1 else (music(), 30)
        stem = f"{kind.partition(',')[0]}-{seconds}s"
        _encode(source, start, seconds, FOLDER / "cells" / stem)
        for suffix in FORMATS:
            path = FOLDER / "cells" / f"{stem}.{suffix}"
            found[kind, suffix] = Clip(str(path), seconds, rate, channels)
    return found


def clips() -> dict[str, list[Clip]]:
    """A thousand different clips of speech in each format; making them takes minutes."""
    step = (SPEECH_SECONDS - CLIP_SECONDS) / CLIPS
    source = speech()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(
            lambda number: _encode(
                source, number * step, CLIP_SECONDS, FOLDER / "clips" / f"{number:03}"
            ),
            range(CLIPS),
        ):
            pass
    return {
        suffix: [
            Clip(str(FOLDER / "clips" / f"{number:03}.{suffix}"), CLIP_SECONDS, 16000, 1)
            for number in range(CLIPS)
        ]
        for suffix in FORMATS
    }


def speech() -> Path:
    """All the recordings of speech, one after the other: G.722, which was made at 16 kHz."""
    pieces = sorted(SPEECH.glob("*.g722"), key=lambda piece: (-piece.stat().st_size, piece))
    assert pieces, f"there is no {SPEECH}/*.g722: run `make bench`, which installs them"
    raw = b"".join(piece.read_bytes() for piece in pieces)
    return _wav("speech", raw, "-f", "g722", "-i", "-", "-t", str(SPEECH_SECONDS))


def music() -> Path:
    """A recording of music in 16 bits, so that FLAC does not take more of them from floats."""
    return _wav("music", b"", "-i", str(MUSIC / "stg3.ogg"), "-c:a", "pcm_s16le")


def _wav(name: str, stdin: bytes, *arguments: str) -> Path:
    path = FOLDER / f"{name}.wav"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.wav")
        command = ["ffmpeg", "-v", "error", "-y", *arguments, str(part)]
        subprocess.run(command, input=stdin, check=True)
        part.rename(path)
    return path


def _encode(source: Path, start: float, seconds: int, stem: Path) -> None:
    """Cut a piece and encode it in every format; the WAV, which is there last, tells all are."""
    last = stem.with_suffix(".wav")
    if last.exists():
        return
    part = stem.with_name(f"{stem.name}.part")
    part.mkdir(parents=True, exist_ok=True)
    command = ["ffmpeg", "-v", "error", "-y", "-ss", str(start), "-t", str(seconds)]
    command += ["-i", str(source), "-threads", "1"]
    for suffix, options in ENCODERS.items():
        command += ["-map_metadata", "-1", "-fflags", "+bitexact", *options]
        command.append(str(part / f"x.{suffix}"))
    subprocess.run(command, check=True)
    for suffix in reversed(FORMATS):
        _write_through(part / f"x.{suffix}")
        (part / f"x.{suffix}").rename(stem.with_suffix(f".{suffix}"))
    part.rmdir()


def _write_through(path: Path) -> None:
    """To the disk, or its pages could not be dropped from the cache later."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
