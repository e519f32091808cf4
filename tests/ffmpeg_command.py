"""The ffmpeg command: the system's makes the test media, the one of the same libav is the oracle.

The media never change with the FFmpeg that is tested. For the bundled one, scripts/ffmpeg.py builds
the command from the same source; another that is not the system's has it in its own prefix.
"""

import subprocess
from pathlib import Path

import numpy as np

import pyffaudio
from signals import Samples

FORMATS = {
    "uint8": "u8",
    "int16": "s16le",
    "int32": "s32le",
    "float32": "f32le",
    "float64": "f64le",
}

BUNDLED = "libpyffaudio_ffmpeg" in pyffaudio.versions()["path"]
MAKER = "ffmpeg"


def _oracle() -> str:
    if BUNDLED:
        return str(Path(__file__).parents[1] / "build/oracle/bin/ffmpeg")
    library = pyffaudio.versions()["path"].split(", ")[0]
    program = Path(library).parents[1] / "bin/ffmpeg"
    return str(program) if program.exists() else MAKER


ORACLE = _oracle()


def ffmpeg(*arguments: str | Path, stdin: bytes = b"", program: str = MAKER) -> bytes:
    """Run ffmpeg and return what it writes to standard output; its complaint fails the test."""
    command = [program, "-hide_banner", "-v", "error", "-xerror", "-y", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr.decode(errors='replace')}"
    return done.stdout


def encode(path: Path, samples: Samples, rate: int, *arguments: str) -> Path:
    """Encode samples of shape (frames, channels) into a file, by these options of ffmpeg's."""
    raw = ["-f", FORMATS[samples.dtype.name], "-ar", str(rate), "-ac", str(samples.shape[1])]
    ffmpeg(*raw, "-i", "-", "-fflags", "+bitexact", *arguments, path, stdin=samples.tobytes())
    return path


def decode(
    path: Path, dtype: str, channels: int, *after: str, before: tuple[str, ...] = ()
) -> Samples:
    """Decode to samples of shape (frames, channels): ``ffmpeg BEFORE -i PATH AFTER -f s16le -``."""
    arguments = (*before, "-i", f"file:{path}", *after, "-f", FORMATS[dtype], "-")
    raw = ffmpeg(*arguments, program=ORACLE)
    return np.frombuffer(raw, dtype).reshape(-1, channels)
