"""How much faster two threads decode two files than one does: `python benchmarks/threads.py`.

Each format is measured in turn, one thread and two interleaved, and the medians are compared. The
files are made with the ffmpeg command; 2.00 is perfect on a machine with at least two free cores.
"""

import os
import statistics
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import pyffaudio

ROUNDS = 9
SIGNAL = (
    "aevalsrc=0.4*sin(440*t)*sin(3*t)+0.05*random(0)|0.4*sin(660*t)+0.05*random(1):s=44100:d=120"
)
FORMATS = ("wav", "flac", "mp3", "ogg", "opus", "m4a")


def seconds(pool: ThreadPoolExecutor, paths: list[Path]) -> float:
    """Wall time until the pool has decoded all of these files."""
    start = perf_counter()
    for _ in pool.map(pyffaudio.decode_file, paths):
        pass
    return perf_counter() - start


def measure(paths: list[Path]) -> float:
    """Median speed of two threads over that of one."""
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two:
        seconds(two, paths)
        return statistics.median(seconds(one, paths) / seconds(two, paths) for _ in range(ROUNDS))


def main() -> None:
    """Print one line per format."""
    print(f"{os.cpu_count()} cores, FFmpeg {pyffaudio.versions()['ffmpeg']}, {ROUNDS} rounds")
    with tempfile.TemporaryDirectory() as folder:
        for suffix in FORMATS:
            paths = [Path(folder, f"{name}.{suffix}") for name in ("first", "second")]
            command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", SIGNAL, str(paths[0])]
            subprocess.run(command, check=True)
            paths[1].write_bytes(paths[0].read_bytes())
            print(f"{suffix:5} {measure(paths):.2f} times one thread")


if __name__ == "__main__":
    main()
