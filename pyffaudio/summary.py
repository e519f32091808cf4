"""The summary of a scan, counted row by row."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence

from pyffaudio.report import ScanRow
from pyffaudio.terminal import clock, printable, table
from pyffaudio.tree import Tree

__all__ = ["Summary"]

_MOST_LISTED = 20
_STATUS_WORDS = {
    "ok": "ok",
    "damaged": "damaged",
    "unsupported": "not supported",
    "not_audio": "not what the name says",
    "unreadable": "not readable",
}


class Summary:
    """Totals of a report, and of what has no row in it.

    Attributes
    ----------
    num_rows, num_bytes : int
        Rows, and the sizes of their files.
    num_not_audio : int
        Files without a row.
    statuses : Counter
        Rows by their status.
    seconds : float
        Of all audio whose length is known.
    num_silent, num_clipped : int
        Files without a sample beyond -60 dB, and with clipped samples, of those decoded.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.num_rows = 0
        self.num_bytes = 0
        self.num_not_audio = 0
        self.num_silent = 0
        self.num_clipped = 0
        self.statuses: Counter[str] = Counter()
        self._formats: dict[str, _Share] = {}
        self._rates: dict[int, _Share] = {}
        self._channels: dict[int, _Share] = {}
        self._durations = array("d")
        self._wrong: list[str] = []
        self._is_decoded = False
        self._worst_clipped: tuple[float, str] = (0.0, "")

    @property
    def seconds(self) -> float:
        """Of all audio whose length is known."""
        return math.fsum(self._durations)

    @property
    def is_all_well(self) -> bool:
        """Whether every row is ok."""
        return self.statuses["ok"] == self.num_rows

    def add(self, row: ScanRow) -> None:
        """Count a row."""
        self.num_rows += 1
        self.num_bytes += row.size_bytes or 0
        self.statuses[row.status] += 1
        if row.status != "ok" and len(self._wrong) < _MOST_LISTED:
            self._wrong.append(f"{row.path}: {row.reason}")
        if row.sample_rate is None or row.num_channels is None:
            return
        seconds = row.duration_seconds
        if seconds is not None:
            self._durations.append(seconds)
        for counted, key in (
            (self._rates, row.sample_rate),
            (self._channels, row.num_channels),
        ):
            counted.setdefault(key, _Share()).add(seconds)
        self._formats.setdefault(f"{row.codec} in {row.container}", _Share()).add(seconds)
        self._add_measures(row)

    def _add_measures(self, row: ScanRow) -> None:
        if row.is_silent is None:
            return
        self._is_decoded = True
        self.num_silent += row.is_silent
        if row.clipped_share:
            self.num_clipped += 1
            self._worst_clipped = max(self._worst_clipped, (row.clipped_share, row.path))

    def lines(self) -> list[str]:
        """The summary as it is printed."""
        lines = ["files", *table(list(self._totals()))]
        if self._formats:
            rates = {f"{rate} Hz": share for rate, share in sorted(self._rates.items())}
            channels = {f"{number}": share for number, share in sorted(self._channels.items())}
            lines += ["formats", *_shares(dict(sorted(self._formats.items())))]
            lines += ["sample rates", *_shares(rates), "channels", *_shares(channels)]
        if self._durations:
            lines += ["durations", *table(list(self._lengths()))]
        if self._is_decoded:
            lines += ["levels", *table(list(self._levels()))]
        if self._wrong:
            lines += ["what is wrong", *(f"  {printable(words)}" for words in self._wrong)]
            more = self.num_rows - self.statuses["ok"] - len(self._wrong)
            if more:
                lines.append(f"  and {more} more, which the report has")
        return lines

    def _totals(self) -> Iterator[tuple[str, str]]:
        yield "in the report", f"{self.num_rows}, {_size(self.num_bytes)}"
        for status, words in _STATUS_WORDS.items():
            if self.statuses[status]:
                yield f"  {words}", f"{self.statuses[status]}"
        for words, number in (
            ("not audio", self.num_not_audio),
            ("pipes, sockets and devices", self._tree.num_special),
            ("links to folders, not followed", self._tree.num_folder_links),
        ):
            if number:
                yield words, f"{number}"

    def _lengths(self) -> Iterator[tuple[str, str]]:
        lengths = sorted(self._durations)
        yield "all", clock(self.seconds)
        yield "shortest", clock(lengths[0])
        yield "median", clock(lengths[len(lengths) // 2])
        yield "longest", clock(lengths[-1])

    def _levels(self) -> Iterator[tuple[str, str]]:
        yield "silent", f"{self.num_silent}"
        share, path = self._worst_clipped
        worst = f"; {share:.2%} of the samples of {path}" if share else ""
        yield "clipped", f"{self.num_clipped}{worst}"


class _Share:
    """How many files, and how long they are together."""

    def __init__(self) -> None:
        self.num_files = 0
        self.seconds = 0.0

    def add(self, seconds: float | None) -> None:
        self.num_files += 1
        self.seconds += seconds or 0.0


def _shares(shares: dict[str, _Share]) -> Sequence[str]:
    """Those of most files, in the order given."""
    listed = set(sorted(shares, key=lambda key: -shares[key].num_files)[:_MOST_LISTED])
    rows = [
        (key, f"{share.num_files:>6}  {clock(share.seconds):>14}")
        for key, share in shares.items()
        if key in listed
    ]
    return [
        *table(rows),
        *([f"  and {len(shares) - len(rows)} more"] if len(shares) > len(rows) else []),
    ]


def _size(num_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if num_bytes < 999.5:  # what is more has a fourth digit
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.3g} PB"
