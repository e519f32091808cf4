"""Load libraries and pyffaudio in the order given, and decode a file with each that can.

usage: python load_all.py FILE WORD...

A word is the path of a library, which is loaded for all to see, or `ours`, which imports pyffaudio,
or `ours-for-all`, which makes its names visible to all as well. What pyffaudio decodes is printed.
"""

import ctypes
import hashlib
import json
import os
import sys

FOR_ALL = os.RTLD_NOW | os.RTLD_GLOBAL


def import_ours(flags: int) -> None:
    before = sys.getdlopenflags()
    sys.setdlopenflags(flags)
    import pyffaudio  # noqa: F401, PLC0415

    sys.setdlopenflags(before)


def open_with(avformat: ctypes.CDLL, path: str) -> None:
    """Let another FFmpeg open the file and decode its start."""
    context = ctypes.c_void_p()
    assert avformat.avformat_open_input(ctypes.byref(context), path.encode(), None, None) == 0
    assert avformat.avformat_find_stream_info(context, None) >= 0
    avformat.avformat_close_input(ctypes.byref(context))


def main(path: str, *words: str) -> None:
    theirs = {}
    for word in words:
        if word.startswith("ours"):
            import_ours(FOR_ALL if word == "ours-for-all" else sys.getdlopenflags())
        else:
            theirs[os.path.basename(word)] = ctypes.CDLL(word, mode=FOR_ALL)
    if avformat := theirs.get("libavformat.so"):
        open_with(avformat, path)
    if victim := theirs.get("victim.so"):
        victim.victim()
    if ours := sys.modules.get("pyffaudio"):
        samples, rate = ours.decode_file(path)
        print(json.dumps([samples.shape, rate, hashlib.sha256(samples.tobytes()).hexdigest()]))


if __name__ == "__main__":
    main(*sys.argv[1:])
