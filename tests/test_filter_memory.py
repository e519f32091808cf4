"""Promise: what filters give depends on the audio and the arguments, and on no memory besides.

FFmpeg has filters that read what they have not written, or write where they must not. The allocator
fills memory with one byte and then with another, and checks what is around each piece of it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pyffaudio

SCRIPT = Path(__file__).with_name("filters_alone.py")
CHECKS = {"LD_PRELOAD": "libc_malloc_debug.so.0", "GLIBC_TUNABLES": "glibc.malloc.check=3"}


def digests(fill: int) -> dict[str, str]:
    environment = os.environ | CHECKS | {"MALLOC_PERTURB_": str(fill)}
    command = [sys.executable, str(SCRIPT)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    last = done.stdout.splitlines()[-1:]
    assert done.returncode == 0, f"{done.stderr[-500:]} after {last}"
    return dict(line.split(": ") for line in done.stdout.splitlines())


def test_no_filter_depends_on_what_memory_holds() -> None:
    first, second = digests(0x55), digests(0xAA)
    assert {graph for graph in first if first[graph] != second[graph]} == set()
    assert len(first) > 2 * len(pyffaudio.filters())
    assert sum("filters" not in digest for digest in first.values()) > 90
