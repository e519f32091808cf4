"""Where decode_file spends its time on clips of a second: instructions, by callgrind, of each part.

Counts are the same from run to run, whatever else the machine does. That of a decode is the
difference between a process that makes a few and one that makes more. Needs valgrind.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import report
from corpus import FORMATS, cells

FEW, MORE = 5, 25
PARTS = {
    "libpyffaudio_ffmpeg": "FFmpeg",
    "_decode": "pyffaudio",
    "libpython": "Python",
    "python": "Python",
    "_multiarray_umath": "NumPy",
    "libc.so": "libc",
}
PROGRAM = """
import sys, pyffaudio
for _ in range(int(sys.argv[2])):
    pyffaudio.decode_file(sys.argv[1])
"""


def part(library: str) -> str:
    """The column for a library's file name."""
    return next((name for start, name in PARTS.items() if library.startswith(start)), "other")


def count(path: str, times: int) -> Counter[str]:
    """Instructions of each part of a process that decodes so many times."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        subprocess.run(
            [*command, sys.executable, "-c", PROGRAM, path, str(times)],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"},
        )
        said = subprocess.run(
            ["callgrind_annotate", "--threshold=100", "--auto=no", out],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    counts: Counter[str] = Counter()
    line = re.compile(r"^\s*([\d,]+) \([\d. ]+%\)\s+.*\[(.+)\]$", re.MULTILINE)
    for number, library in line.findall(said):
        counts[part(Path(library).name)] += int(number.replace(",", ""))
    return counts


def main() -> None:
    """Count all formats and write them down."""
    rows = {}
    for suffix in FORMATS:
        path = cells()["speech, 1 s", suffix].path
        few, more = count(path, FEW), count(path, MORE)
        rows[suffix] = {name: (more[name] - few[name]) / (MORE - FEW) for name in more}
        print(f"instructions: {suffix}", file=sys.stderr, flush=True)
    names = list(dict.fromkeys(PARTS.values()))
    lines = [
        [suffix, f"{sum(row.values()) / 1000:.0f}"]
        + [f"{row.get(name, 0) / 1000:.0f}" for name in names]
        for suffix, row in rows.items()
    ]
    text = f"""Thousands of instructions of one decode_file of 1 s of 16 kHz mono speech.

{report.table(["format", "all", *names], lines)}"""
    report.write("instructions", text, [{"format": key, **row} for key, row in rows.items()])


if __name__ == "__main__":
    main()
