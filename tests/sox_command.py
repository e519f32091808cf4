"""The sox command, which is the oracle of the SoX backend: the same libsox, another program."""

import subprocess
from pathlib import Path

import numpy as np

from signals import Samples

RAW = ("-t", "raw", "-e", "signed", "-b", "32", "-L")


def sox(*arguments: str | Path, stdin: bytes = b"") -> bytes:
    """Run sox without dither and with the same noise each time; return its standard output."""
    command = ["sox", "-V1", "-D", "-R", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr.decode(errors='replace')}"
    return done.stdout


def make(path: Path, samples: Samples, rate: int, *options: str) -> Path:
    """Write 16-bit samples of shape (frames, channels) to a file of libsox's."""
    raw = ("-t", "raw", "-e", "signed", "-b", "16", "-L", "-r", str(rate))
    data = np.ascontiguousarray(samples, "<i2").tobytes()
    sox(*raw, "-c", str(samples.shape[1]), "-", *options, path, stdin=data)
    return path


def decode(path: Path, channels: int, *after: str, before: tuple[str, ...] = ()) -> Samples:
    """What sox decodes, as int32 of shape (frames, channels); `after` has effects, as do `RAW`."""
    data = sox(*before, path, *RAW, "-", *after)
    return np.frombuffer(data, "<i4").reshape(-1, channels)


def apply(path: Path, samples: Samples, rate: int, *effects: str) -> bytes:
    """What sox makes of int32 samples, which it reads from a file, since it must know how many."""
    path.write_bytes(np.ascontiguousarray(samples, "<i4").tobytes())
    channels = ("-r", str(rate), "-c", str(samples.shape[1]))
    return sox(*channels, *RAW, path, *RAW, "-", *effects)
