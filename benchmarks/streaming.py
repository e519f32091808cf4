"""Memory that streaming hours takes: `python benchmarks/streaming.py [HOURS]`.

Each format is read in a process of its own, block by block; what the process peaks at beyond what
it had before opening is printed. The hours are one hour again and again, in one file.
"""

import resource
import subprocess
import sys

from hour import FOLDER, hour

import pyffaudio

FORMATS = ("mp3", "ogg", "opus", "m4a", "flac", "wav")


def stream(path: str) -> None:
    """Read all of it and print what it took."""
    with pyffaudio.AudioReader(hour("mp3")) as reader:
        next(reader.blocks(16384))  # what any first use costs
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pyffaudio.AudioReader(path, on_error="partial") as reader:
        frames = sum(len(block) for block in reader.blocks(16384))
        hours = frames / reader.sample_rate / 3600
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{path.rpartition('.')[2]:5} {hours:.1f} hours, {more / 1024:.1f} MB more")


def main(hours: int) -> None:
    """Print one line per format."""
    for suffix in FORMATS:
        path = FOLDER / f"hours.{suffix}"
        again = ["-stream_loop", str(hours - 1), "-i", str(hour(suffix)), "-c", "copy"]
        if suffix == "wav":
            again += ["-rf64", "auto"]
        subprocess.run(["ffmpeg", "-v", "error", "-y", *again, str(path)], check=True)
        subprocess.run([sys.executable, __file__, str(path)], check=True)
        path.unlink()


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].isdigit():
        stream(sys.argv[1])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
