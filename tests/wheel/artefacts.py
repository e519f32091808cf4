"""What these tests are about: the wheel and the sdist in dist, and the wheel as installed."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyffaudio

ROOT = Path(__file__).parents[2]
(WHEEL,) = ROOT.glob("dist/pyffaudio-*-abi3-*.whl")
(SDIST,) = ROOT.glob("dist/pyffaudio-*.tar.gz")
ORACLE = ROOT / "build/oracle"  # an FFmpeg of the same source as ours, in shared libraries

INSTALLED = Path(pyffaudio.__file__).parent
EXTENSION = INSTALLED / "_decode.abi3.so"
LIBRARY = INSTALLED / "bundle/libpyffaudio_ffmpeg.so"

# Else it would all be about the checkout.
assert INSTALLED.is_relative_to(sys.prefix), f"{INSTALLED} is not in {sys.prefix}"

# So that what our processes import and find does not depend on who calls.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("PYTHON", "PYFFAUDIO_", "PKG_CONFIG_", "LD_", "MAKE", "MFLAGS"))
}


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command with no more in its environment than `env` adds; it may fail."""
    options["env"] = ENVIRONMENT | options.get("env", {})
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def output(*command: str | Path, **options: Any) -> str:
    """Run a command that must succeed and have nothing to complain of; return what it printed."""
    done = run(*command, **options)
    assert (done.returncode, done.stderr) == (0, ""), f"{command}: {done.returncode} {done.stderr}"
    return done.stdout
