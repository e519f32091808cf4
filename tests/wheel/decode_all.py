"""Decode the specimens in a folder, and print what came out as JSON: `python decode_all.py FOLDER`.

It also runs where there is nothing but Python and the wheel: tests/results.py, and what that
imports, must be importable there. The samples of the codecs in LIBM_DECIDES go into files, too.
"""

import json
import platform
import sys
from pathlib import Path

import numpy as np

import pyffaudio
from results import result
from zoo import ZOO

# Their decoders carry the gain on through log10f, whose last bits are the C library's own: those of
# the two Debians, glibc 2.36 and 2.41, differ.
LIBM_DECIDES = ("amr_nb", "amr_wb")


def main(folder: str) -> None:
    paths = {name: Path(folder, name + specimen.suffix) for name, specimen in ZOO.items()}
    found = {name: result(path.read_bytes(), name, of_all=True) for name, path in paths.items()}
    for name, path in paths.items():
        if ZOO[name].codec in LIBM_DECIDES:
            np.save(path.with_name(f"{name}.npy"), pyffaudio.decode_file(path, dtype=None).samples)
    versions = pyffaudio.versions()
    about = {name: versions[name] for name in ("ffmpeg", "path")}
    about |= {"python": platform.python_version(), "libc": platform.libc_ver()[1]}
    print(json.dumps({"about": about, "specimens": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
