"""Whole clips from a path to float32 beside other libraries: every length in every format.

All decode the same files in turn, in one process and one thread, and medians of rounds are
compared; the plain C loop over the same libav is the reference. Those that give other samples are
timed, but not counted as a peer that reads the file.
"""

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import report
from agreement import Difference, difference
from corpus import Clip, cells
from peers import OURS, PEERS, PLAIN, PROCESS, PlainLoop, Read, one_thread, read_process
from peers import read_pyffaudio as read
from racing import MOST_SPREAD, ROUNDS, Timing, race

import pyffaudio

BYTES = "decode_bytes"
COLUMNS = (*PEERS, PROCESS)


@dataclass(frozen=True)
class Row:
    """Times over that of pyffaudio's decode_file, and pyffaudio's over what it is judged by."""

    clip: str
    format: str
    over_fastest_peer: float
    fastest_peer: str
    over_plain_loop: float
    bytes_over_fastest_peer: float
    bytes_over_plain_loop: float
    times_of_ours: dict[str, float]
    spreads: dict[str, float]
    differences: dict[str, Difference]


def measure(kind: str, clip: Clip, plain: PlainLoop) -> Row:
    """Check and time everything that can read this clip."""
    ours = read(clip)
    assert difference(plain.read(clip), ours, clip.suffix).largest == 0, clip.path
    differences = {}
    calls: dict[str, Callable[[], object]] = {
        OURS: partial(pyffaudio.decode_file, clip.path),
        BYTES: partial(pyffaudio.decode_bytes, Path(clip.path).read_bytes()),
        PLAIN: partial(plain.time_me, clip),
    }
    for name, peer in able(clip).items():
        differences[name] = difference(peer(clip), ours, clip.suffix)
        calls[name] = partial(peer, clip)
    return row(kind, clip, race(calls), differences)


def able(clip: Clip) -> dict[str, Read]:
    """The peers that can read this clip, and the process."""
    found = {}
    for name, peer in {**PEERS, PROCESS: read_process}.items():
        try:
            peer(clip)
            found[name] = peer
        except Exception as error:  # noqa: BLE001 - each has errors of its own
            print(f"{clip.suffix} without {name}: {str(error)[:70]!r}", file=sys.stderr)
    return found


def row(
    kind: str, clip: Clip, timings: dict[str, Timing], differences: dict[str, Difference]
) -> Row:
    seconds = {name: timing.seconds for name, timing in timings.items()}
    peers = [name for name, how in differences.items() if how.same and name in PEERS]
    fastest = min(peers, key=seconds.__getitem__)
    return Row(
        clip=kind,
        format=clip.suffix,
        over_fastest_peer=seconds[OURS] / seconds[fastest],
        fastest_peer=fastest,
        over_plain_loop=seconds[OURS] / seconds[PLAIN],
        bytes_over_fastest_peer=seconds[BYTES] / seconds[fastest],
        bytes_over_plain_loop=seconds[BYTES] / seconds[PLAIN],
        times_of_ours={name: each / seconds[OURS] for name, each in seconds.items()},
        spreads={name: timing.spread for name, timing in timings.items()},
        differences=differences,
    )


def mark(row: Row, name: str) -> str:
    how = row.differences.get(name)
    return "*" if how is not None and not how.same else ""


def times(rows: list[Row]) -> str:
    header = ["clip", "format", f"{OURS} over the fastest peer", "which is", f"over the {PLAIN}"]
    header += [f"{BYTES} over these two", *(f"{name} over {OURS}" for name in COLUMNS), "spread"]
    lines = []
    for row in rows:
        both = (row.bytes_over_fastest_peer, row.bytes_over_plain_loop)
        spread = max(row.spreads[name] for name in (OURS, PLAIN, row.fastest_peer))
        judged = [report.ratio(row.over_fastest_peer), row.fastest_peer]
        judged += [report.ratio(row.over_plain_loop), ", ".join(map(report.ratio, both))]
        others = [report.ratio(row.times_of_ours.get(name)) + mark(row, name) for name in COLUMNS]
        lines.append([row.clip, row.format, *judged, *others, f"{spread:.0%}"])
    return report.table(header, lines)


def unlike(rows: list[Row]) -> str:
    lines = [
        [row.clip, row.format, name, str(how)]
        for row in rows
        for name, how in row.differences.items()
        if how.more_frames or how.shift or not how.same
    ]
    return report.table(["clip", "format", "library", f"beside {OURS}"], lines)


def main() -> None:
    """Measure all cells and write them down."""
    one_thread()
    plain = PlainLoop()
    rows = []
    for (kind, suffix), clip in cells().items():
        print(f"clips: {kind}, {suffix}", file=sys.stderr, flush=True)
        rows.append(measure(kind, clip, plain))
    text = f"""Times as ratios, medians of {ROUNDS} rounds; a row is measured once more where one of
its times spreads by more than {MOST_SPREAD:.0%} between the quartiles. The spread is the largest of
those that the first two ratios are made of. Below 1 in these two, {OURS} is faster; above 1 behind
them, it is faster as well. *: that library gives other samples, and is not counted as a peer.

{times(rows)}

All others give the same samples as {OURS}, but for these:

{unlike(rows)}"""
    report.write("clips", text, [asdict(row) for row in rows])


if __name__ == "__main__":
    main()
