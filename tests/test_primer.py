"""Promise: the primer's transcript runs as it is printed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.torch
def test_the_primer_runs() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "primer.sh"],
        cwd=ROOT,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "four decodes, each equal to golden.raw\n"
    assert done.stderr.count("+ diff ") == 4
