"""The tables of docs/coming_from.md, both columns run and compared: python tests/coming_from.py.

It needs all of the other libraries, and fails where one is missing. tests/test_docs.py runs the
column that is ours.
"""

import os
import re
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import doc_files
import pyffaudio
from signals import FULL_SCALE

PAGE = Path(__file__).parents[1] / "docs/coming_from.md"
ROW = re.compile(r"^\| `([^`]*)`[^|]* \| `([^`]*pyffaudio[^`]*)` \| (.*) \|$", re.MULTILINE)
# How many rows each has, so that none is passed over.
PEERS = {"soundfile": 10, "librosa": 11, "PyAV": 6, "torchcodec": 11, "torchaudio": 7}
WITHIN = 12  # decibels by which a difference may be less: its last bits are the processor's


@dataclass(frozen=True)
class Row:
    """A row: two expressions, and what the page says of their difference."""

    peer: str
    theirs: str
    ours: str
    said: str

    def is_true(self) -> tuple[bool, str]:
        """Whether it is as the page says, and what was found."""
        theirs, ours = (np.asarray(evaluate(each)) for each in (self.theirs, self.ours))
        if theirs.shape != ours.shape or theirs.dtype != ours.dtype:
            return False, f"{theirs.dtype} {theirs.shape}, {ours.dtype} {ours.shape}"
        apart = np.abs(theirs.astype(np.float64) - ours).max() / FULL_SCALE.get(ours.dtype.name, 1)
        if apart == 0 or self.said == "none":
            return (apart == 0) == (self.said == "none"), f"largest difference: {apart}"
        found, bound = 20 * np.log10(apart), float(self.said.removesuffix(" dB"))
        return bound - WITHIN < found <= bound, f"{found:.1f} dB"


def rows() -> list[Row]:
    """All rows that have a call of ours."""
    sections = PAGE.read_text().split("\n## ")[1:]
    found = [
        Row(section.partition("\n")[0], *match)
        for section in sections
        for match in ROW.findall(section)
    ]
    counts = {peer: sum(row.peer == peer for row in found) for peer in PEERS}
    assert counts == PEERS, f"{PAGE} has other rows: {counts}"
    return found


def evaluate(expression: str) -> Any:
    """What an expression of the page gives, with the modules that it names imported."""
    known: dict[str, Any] = {}
    for module in ("av", "librosa", "numpy", "pyffaudio", "soundfile"):
        if f"{module}." in expression:
            exec(f"import {module}", known)
    if "AudioDecoder" in expression:
        exec("from torchcodec.decoders import AudioDecoder", known)
    return eval(expression, known)


def main() -> None:
    """Print what was found; the exit status says whether all of it is as the page has it."""
    warnings.simplefilter("ignore")  # what the others will remove one day
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(doc_files.make(Path(folder)))
        for row in rows():
            if row.said == "not run":
                continue
            good, found = row.is_true()
            wrong += not good
            print(f"{'ok   ' if good else 'WRONG'} {row.said:8} {found:30} {row.theirs}")
        os.chdir("/")
    print(f"coming from: {wrong} rows are not as {PAGE.name} has them, {pyffaudio.__version__}")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
