"""30 s of stereo WAV beside NumPy's own ways to the same array: a bare read, and one conversion."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import report
from corpus import cells
from numpy.typing import NDArray
from racing import ROUNDS, race

import pyffaudio


def main() -> None:
    """Measure both and write them down."""
    clip = cells()["music, 30 s", "wav"]
    shape = (-1, clip.channels)
    header = Path(clip.path).stat().st_size - clip.seconds * clip.rate * clip.channels * 2

    def read() -> NDArray[np.int16]:
        return np.fromfile(clip.path, "<i2", offset=header).reshape(shape)

    def read_and_convert() -> NDArray[np.float32]:
        return np.multiply(read(), np.float32(1 / 32768), dtype="float32")

    floors: dict[str, Callable[[], NDArray[np.int16] | NDArray[np.float32]]] = {
        "int16": read,
        "float32": read_and_convert,
    }
    calls: dict[str, Callable[[], object]] = {}
    for dtype, floor in floors.items():
        ours = partial(pyffaudio.decode_file, clip.path, dtype=dtype)
        assert (ours().samples == floor()).all()
        calls |= {dtype: ours, f"numpy {dtype}": floor}
    timings = race(calls)
    results = {
        dtype: timings[dtype].seconds / timings[f"numpy {dtype}"].seconds for dtype in floors
    }
    ways = {"int16": "`numpy.fromfile`", "float32": "`numpy.fromfile` and one `numpy.multiply`"}
    rows = [[dtype, ways[dtype], f"{found:.2f}"] for dtype, found in results.items()]
    lead = f"30 s of stereo WAV, medians of {ROUNDS} rounds."
    text = report.table(["dtype", "NumPy's way", "pyffaudio over it"], rows)
    report.write("plain_copies", f"{lead}\n\n{text}", results)


if __name__ == "__main__":
    main()
