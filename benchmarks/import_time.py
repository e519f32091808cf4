"""How much longer `import pyffaudio` takes than `import numpy`: `python benchmarks/import_time.py`.

Whole processes, the two in turn, and medians: with the bundled FFmpeg at most 15 ms are meant to
lie between them where nothing else runs. tests/test_api.py has a list of what is imported.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from time import perf_counter

ROUNDS = 25
MOST_MS = 15.0
MODULES = ("numpy", "pyffaudio")
# How long NumPy's linear algebra takes to start its threads depends on what else is running.
ENVIRONMENT = os.environ | {"OPENBLAS_NUM_THREADS": "1"}


def milliseconds(module: str, folder: str) -> float:
    """The time of one process; from an empty folder, so that it imports what is installed."""
    start = perf_counter()
    command = [sys.executable, "-c", f"import {module}"]
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True)
    return 1000 * (perf_counter() - start)


def main() -> None:
    """Print both medians and the difference."""
    times: dict[str, list[float]] = {module: [] for module in MODULES}
    with tempfile.TemporaryDirectory() as folder:
        for module in MODULES:
            milliseconds(module, folder)  # the first finds nothing in the caches
        for _ in range(ROUNDS):
            for module in MODULES:
                times[module].append(milliseconds(module, folder))
    numpy, ours = (statistics.median(times[module]) for module in MODULES)
    print(f"import numpy      {numpy:6.1f} ms, median of {ROUNDS} processes")
    print(f"import pyffaudio  {ours:6.1f} ms, {ours - numpy:.1f} ms more; promised: {MOST_MS:.0f}")


if __name__ == "__main__":
    main()
