"""Decode recordings, and say what they are and how fast it went: `make demo [FILE=my.mp3]`."""

import math
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter

import numpy as np

import pyffaudio

# A speaker and a piece of music, from Debian's packages (see setup.sh).
RECORDINGS = [
    "/usr/share/asterisk/sounds/en_US_f_Allison/demo-congrats.wav",
    "/usr/share/games/noiz2sa/sounds/stg3.ogg",
]


def fastest(action: Callable[[], object]) -> float:
    """Seconds of the fastest of some runs, the least disturbed one."""
    times: list[float] = []
    while len(times) < 20 and sum(times) < 1:
        start = perf_counter()
        action()
        times.append(perf_counter() - start)
    return min(times)


def decibels(level: float) -> str:
    return f"{20 * math.log10(level):.1f} dBFS" if level else "silence"


def report(path: str) -> None:
    info = pyffaudio.probe(path)
    audio = pyffaudio.decode_file(path)
    samples = audio.samples
    print(path)
    print(f"  {info.codec} in {info.container}, {info.sample_rate} Hz, {info.channel_layout}")
    print(f"  {samples.dtype} samples of shape {samples.shape}, {audio.duration_seconds:.2f} s")
    peak = np.abs(samples).max(initial=0)
    rms = math.sqrt(np.square(samples, dtype=float).sum() / max(samples.size, 1))
    print(f"  peak {decibels(peak)}, rms {decibels(rms)}")

    command = ["ffmpeg", "-v", "error", "-i", f"file:{path}", "-f", "f32le", "-"]
    ways: dict[str, Callable[[], object]] = {
        "pyffaudio.decode_file": lambda: pyffaudio.decode_file(path),
        "ffmpeg -f f32le -, a process": lambda: subprocess.check_output(command),
    }
    for name, way in ways.items():
        seconds = fastest(way)
        speed = audio.duration_seconds / seconds
        print(f"  {name:30} {1000 * seconds:8.2f} ms {speed:10,.0f} x real time")
    print()


for path in sys.argv[1:] or RECORDINGS:
    try:
        report(path)
    except (OSError, subprocess.SubprocessError, pyffaudio.PyffaudioError) as error:
        sys.exit(str(error))
