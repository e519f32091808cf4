"""Peak memory of decoding an hour, beyond the result: each in a fresh process.

The process decodes a clip of one second of the same format first, which loads what any use loads
and leaves next to no free memory behind; then the kernel is told to forget the peak so far.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import report
from corpus import FORMATS, cells
from hour import hour

import pyffaudio

LAYOUTS = {"decode_file": False, "decode_file, channels_first": True}
INTO = "decode_into"
MIB = 1 << 20


def status(field: str) -> int:
    """A number of bytes from /proc: VmRSS now, VmHWM at most."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


def child(way: str, short: str, path: str) -> None:
    """Decode one file one way and print the bytes it took beyond the samples."""
    layout = LAYOUTS.get(way, False)
    pyffaudio.decode_file(short, channels_first=layout)
    out = None
    if way == INTO:
        info = pyffaudio.probe(path)
        assert info.num_frames is not None
        shape = (info.num_frames + info.sample_rate, info.num_channels)
        out = np.full(shape, 1, "float32")  # so that each page of it is there already
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    if out is not None:
        pyffaudio.decode_into(path, out)
        print(status("VmHWM") - before)
    else:
        audio = pyffaudio.decode_file(path, channels_first=layout)
        print(status("VmHWM") - before - audio.samples.nbytes)


def main() -> None:
    """Measure all formats in all ways and write them down."""
    results: dict[str, dict[str, float]] = {}
    short = {suffix: cells()["speech, 1 s", suffix].path for suffix in FORMATS}
    for suffix in FORMATS:
        for way in (*LAYOUTS, INTO):
            command = [sys.executable, __file__, way, short[suffix], str(hour(suffix))]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            results.setdefault(suffix, {})[way] = int(done.stdout) / MIB
    lead = """Peak of the process's memory beyond the result, MiB, while it decodes one hour of
44.1 kHz stereo music to float32, which is some 1.2 GiB. Pages of the file that the process has
mapped count too."""
    rows = [[suffix, *(f"{more:.1f}" for more in results[suffix].values())] for suffix in FORMATS]
    text = report.table(["format", *LAYOUTS, INTO], rows)
    report.write("memory", f"{lead}\n\n{text}", results)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(*sys.argv[1:])
    else:
        main()
