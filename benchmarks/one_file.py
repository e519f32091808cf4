"""One hour by one thread and by all cores: `python benchmarks/one_file.py [FORMAT ...]`.

Both decode into the same array, in turns, and the medians are compared.
"""

import os
import statistics
import sys
from time import perf_counter

import numpy as np
from hour import hour

import pyffaudio

ROUNDS = 5
FORMATS = ("flac", "mp3", "ogg", "wav")


def main() -> None:
    """Print one line per format."""
    print(f"{os.cpu_count()} cores, FFmpeg {pyffaudio.versions()['ffmpeg']}, {ROUNDS} rounds")
    out = np.zeros((3601 * 44100, 2), "int16")
    for suffix in sys.argv[1:] or FORMATS:
        path = hour(suffix)
        seconds: dict[int, list[float]] = {1: [], 0: []}
        for _ in range(ROUNDS):
            for num_threads, times in seconds.items():
                start = perf_counter()
                pyffaudio.decode_into(path, out, num_threads=num_threads)
                times.append(perf_counter() - start)
        one, many = (statistics.median(times) for times in seconds.values())
        print(f"{suffix:5} {one:.2f} s, {many:.2f} s: {one / many:.2f} times", flush=True)


if __name__ == "__main__":
    main()
