"""What hostile files, interruptions, forks and long use come to: python scripts/soak.py [--report].

Each row is the long form of tests that `make test` has in short. With --report, the figures go into
docs/safety/soak.md too.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from report import machine, table

import attacks
import bombs
import latency
import test_attacks
import test_bombs
import test_forks
from conftest import MUSIC
from ffmpeg_command import ffmpeg
from media import Media, recordings

REPORT = Path("docs/safety/soak.md")
FORKS = 200
DECODES = 100_000
# Counts bytes in use by malloc, and descriptors, once a tenth of the decodes are done, and at last.
GROWTH = """
import ctypes, gc, io, itertools, os, sys
from pathlib import Path
import numpy as np
import pyffaudio
libc = ctypes.CDLL(None)
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "abcdefghij"]
libc.mallinfo2.restype = Info
def in_use():
    gc.collect()
    libc.malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    info = libc.mallinfo2()
    return info.h + info.e, pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd"))
decodes, paths = int(sys.argv[1]), sys.argv[2:]
def reader(path):
    "Abandoned in its middle."
    return next(pyffaudio.AudioReader(path).blocks(100))
out = np.zeros((2, 500, 2), np.float32)
CALLS = [
    pyffaudio.decode_file, pyffaudio.probe, reader,
    lambda path: pyffaudio.decode_bytes(Path(path).read_bytes(), sample_rate=16000),
    lambda path: pyffaudio.decode_file(open(path, "rb"), num_channels=1, dtype="int16"),
    lambda path: pyffaudio.decode_into(path, out[0], num_channels=2),
    lambda path: pyffaudio.decode_file(path, filters="highpass=f=200"),
    lambda path: pyffaudio.decode_bytes(Path(path).read_bytes()[:900]),
    lambda path: pyffaudio.decode_file(path + ".none"),
    lambda path: pyffaudio.decode_file(path, stream_index=50),
    lambda path: pyffaudio.decode_file(path, limits=pyffaudio.Limits(max_bytes=1000)),
    lambda path: pyffaudio.decode_file(path, limits=pyffaudio.Limits(timeout=1e-9)),
    lambda path: pyffaudio.decode_bytes(b"<html>" + Path(path).read_bytes()[:20]),
    lambda path: pyffaudio.decode_file(path, filters="nonesuch"),
]
failed = 0
for number, (path, call) in zip(range(decodes), itertools.cycle(itertools.product(paths, CALLS))):
    if number == decodes // 10:
        before = in_use()
    if number % 1000 == 999:
        pyffaudio.decode_batch_into([path] * 2, out, num_channels=2, on_item_error="return")
        next(pyffaudio.decode_many([path] * 9, on_item_error="return"))
    try:
        call(path)
    except (pyffaudio.PyffaudioError, OSError, ValueError):
        failed += 1
after = in_use()
print(failed, *(last - first for first, last in zip(before, after)))
"""
# The recipe of SECURITY.md beside the same decode in this process: medians, in milliseconds.
CHILD = r"""
import re, statistics, sys, time
from pathlib import Path
import pyffaudio
recipe = re.search(r"```python\n(.*?)\nwith open", Path("SECURITY.md").read_text(), re.DOTALL)[1]
exec(recipe)
def timed(call):
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)
data, apart, here = Path(sys.argv[1]).read_bytes(), [], []
for _ in range(200):
    apart.append(timed(lambda: decode(data)))
    here.append(timed(lambda: pyffaudio.decode_bytes(data, num_channels=1, limits=LIMITS)))
print(statistics.median(apart), statistics.median(here))
"""
# How much faster two threads decode two sources than one thread both: the median of pairs.
THREADS = """
import statistics, sys, time
from threading import Thread
import pyffaudio
data = [open(sys.argv[1], "rb").read() for _ in range(2)]
def work(sources):
    for source in sources:
        for _ in range(20):
            pyffaudio.decode_bytes(source)
def timed(*shares):
    threads = [Thread(target=work, args=(share,)) for share in shares]
    start = time.perf_counter()
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return time.perf_counter() - start
print(statistics.median(timed(data) / timed(data[:1], data[1:]) for _ in range(21)))
"""
Row = tuple[str, str, bool]


def attack_rows(folder: Path) -> Iterator[Row]:
    media, place = Media(folder), folder / "attacks"
    place.mkdir()
    with attacks.listening() as port:
        attacks.make(place, media, port)
        calls = test_attacks.traced(place, test_attacks.HERE / "attacks.py", place)
    wrong = [call for call in calls if "canary" in call and "ENOENT" not in call]
    wrong += [call for call in calls if "openat" not in call]
    yield "attacks", f"{len(calls)} system calls watched, {len(wrong)} of them wrong", not wrong
    names = ("mp4_film", "mkv_film", "tagged", "silent_film")
    if not test_bombs.IS_BUNDLED:
        opened = test_attacks.decoders_opened(folder, [media[name] for name in names])
        found = sorted({name for kind, name in opened if kind != str(test_attacks.AUDIO)})
        yield "decoders of films and covers", f"{len(opened)} opened, not audio: {found}", not found


def bomb_rows(folder: Path) -> Iterator[Row]:
    for name in test_bombs.HARMLESS:
        path = folder / "bomb"
        path.write_bytes(bombs.BOMBS[name].make())
        costs = bombs.measure(path, bombs.BOMBS[name], list(bombs.CALLS))
        over = max(cost["bytes"] - cost["max_bytes"] for cost in costs)
        peak, slowest = (max(cost[key] for cost in costs) for key in ("bytes", "seconds"))
        figures = f"at most {peak / 2**20:.0f} MiB, {max(over, 0) / 2**20:.0f} beyond max_bytes"
        yield name, f"{figures}, {slowest:.2f} s", over <= test_bombs.ROOM and slowest < 1


def latency_rows(folder: Path) -> Iterator[Row]:
    latency.make(folder, recordings(MUSIC["ogg"])[0])
    kinds = list(latency.KINDS)
    kinds += [f"{name}, {done}" for name in latency.FILES for done in latency.OF_FILES]
    for kind in kinds:
        late = sorted(latency.measure(folder, kind, 50, 1.0))
        if late:
            middle, worst = (1000 * late[at] for at in (len(late) // 2, -1))
            figures = f"{len(late)} times, median {middle:.0f} ms, worst {worst:.0f} ms"
            yield f"interrupted: {kind}", figures, worst <= 100


def growth_rows(folder: Path) -> Iterator[Row]:
    media = Media(folder)
    names = ("wav_s16", "flac_16", "mp3", "vorbis", "opus", "m4a", "mka_flac", "adts", "tagged")
    command = [sys.executable, "-c", GROWTH, str(DECODES), *(str(media[name]) for name in names)]
    # Python's own pools would hide up to a megabyte, or show one more.
    env = {**os.environ, "PYTHONMALLOC": "malloc"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    failed, used, resident, descriptors = map(int, done.stdout.split())
    figures = f"{failed} failed; {used / 1024:.0f} KiB of malloc's, {resident / 1024:.0f} KiB "
    figures += f"resident, {descriptors} descriptors more than after {DECODES // 10}"
    good = max(used, resident) <= 1 << 20 and descriptors == 0
    yield f"{DECODES} decodes", figures, good


def fork_rows(folder: Path) -> Iterator[Row]:
    silence = folder / "silence"
    with silence.open("wb") as file:
        file.truncate(latency.HOURS)
    path = Media(folder)["flac_16"]
    status, out, err = test_forks.run(test_forks.UNDER_LOAD, path, silence, FORKS, timeout=5000)
    good = (status, out, err) == (0, "[]\n", "")
    yield f"{2 * FORKS} forks under load", f"{out.strip()} hung or failed", good
    for ending, code in test_forks.ENDINGS.items():
        ended = [test_forks.run(code, path, silence, 1) for _ in range(10)]
        bad = [each for each in ended if each != (0, "", "")]
        yield f"the end, with {ending}", f"{len(bad)} of 10 not silent and 0", not bad


def child_rows(folder: Path) -> Iterator[Row]:
    for name in ("wav_s16", "mp3"):
        apart, here = map(float, said(CHILD, Media(folder)[name]))
        figures = f"{apart:.1f} ms a file in a process of its own, {here:.1f} ms in this one"
        yield f"the recipe of SECURITY.md, {name}", figures, True


def thread_rows(folder: Path) -> Iterator[Row]:
    """On music, so that it is decoding that is measured; two cores are needed."""
    whole = folder / "music.wav"
    ffmpeg("-i", recordings(MUSIC["ogg"])[0], "-t", "20", whole)
    for suffix in ("flac", "mp3", "ogg"):
        path = folder / f"music.{suffix}"
        ffmpeg("-i", whole, path)
        (times,) = map(float, said(THREADS, path))
        yield f"two threads on two cores, {suffix}", f"{times:.2f} times one", times >= 1.9


def said(code: str, *arguments: object) -> list[str]:
    """The words that a program of its own prints."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


PARTS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "attacks": attack_rows,
    "bombs": bomb_rows,
    "forks": fork_rows,
    "latency": latency_rows,
    "growth": growth_rows,
    "child": child_rows,
    "threads": thread_rows,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", action="store_true", help="write the figures into docs")
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    asked = parser.parse_args()
    start = monotonic()
    rows = []
    for part in asked.parts:
        with tempfile.TemporaryDirectory() as folder:
            for row in PARTS[part](Path(folder)):
                rows.append(row)
                print(
                    *row[:2], "" if row[2] else "<- beyond what is promised", sep="  ", flush=True
                )
    if asked.report:
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(report(rows, monotonic() - start))
    if not all(row[2] for row in rows):
        sys.exit(1)


def report(rows: list[Row], seconds: float) -> str:
    """What was found, where and when, in Markdown."""
    when, took = f"{datetime.now(UTC):%Y-%m-%d}", f"{seconds / 60:.0f} min"
    about = {"when": when, "took": took, **machine()}
    found = [(name, figures, "yes" if good else "no") for name, figures, good in rows]
    tables = [table(("", ""), about.items()), table(("what", "found", "as promised"), found)]
    return "\n\n".join(["# What `make soak` found", *tables]) + "\n"


if __name__ == "__main__":
    main()
