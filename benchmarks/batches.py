"""A thousand clips of 10 s by two workers: pyffaudio's own, and each other library in pools.

The others run in a ThreadPoolExecutor and in a pool of two processes, that send the samples back
or only look at them. With a warm page cache, and with the files dropped from it before each run.
"""

import os
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from statistics import median

import numpy as np
import report
from corpus import CLIP_SECONDS, CLIPS, FORMATS, Clip, clips
from peers import OURS, PEERS, Decoded, Read, one_thread, read_pyffaudio
from racing import no_collector, once, rotated

import pyffaudio

WORKERS = 2
CHUNK = 8  # clips that a process of a pool takes at a time
ROUNDS = 7
# After so many rounds, who has taken so many times as long as pyffaudio cannot win, and goes.
HOPELESS = ((1, 2.0), (3, 1.25))
# A version of pyffaudio without these is measured in pools alone, like the others.
MANY, BATCH = (getattr(pyffaudio, name, None) for name in ("decode_many", "decode_batch_into"))
ONE = "decode_many, 1 worker"
TWO = f"decode_many, {WORKERS} workers"
INTO = f"decode_batch_into, {WORKERS} workers"
Run = Callable[[Sequence[Clip]], None]


def touched(read: Read, clip: Clip) -> float:
    """What a process makes of the samples, where they do not come back."""
    return float(read(clip)[0].sum())


def drain(results: Iterator[Decoded] | Iterator[float]) -> None:
    for _ in results:
        pass


def in_threads(pool: ThreadPoolExecutor, read: Read, files: Sequence[Clip]) -> None:
    drain(pool.map(read, files))


def in_processes(
    pool: ProcessPoolExecutor, work: Callable[[Clip], Decoded | float], files: Sequence[Clip]
) -> None:
    drain(pool.map(work, files, chunksize=CHUNK))  # type: ignore[arg-type]


def many(num_workers: int, files: Sequence[Clip]) -> None:
    assert MANY is not None
    for audio in MANY([clip.path for clip in files], num_workers=num_workers):
        assert len(audio.samples)


def batch(out: np.ndarray, files: Sequence[Clip]) -> None:
    assert BATCH is not None
    BATCH([clip.path for clip in files], out, num_workers=WORKERS)


@contextmanager
def contenders(suffix: str, first: Clip) -> Iterator[dict[str, Run]]:
    """All ways to decode the batch, with their pools started and their modules imported."""
    runs: dict[str, Run] = {}
    with ExitStack() as stack:
        if MANY is not None:
            runs |= {ONE: partial(many, 1), TWO: partial(many, WORKERS)}
        if BATCH is not None:
            rate = first.decoded_rate
            # In memory already, as that of a second batch is.
            out = np.ones((CLIPS, CLIP_SECONDS * rate, 1), "float32")
            runs[INTO] = partial(batch, out)
        threads = stack.enter_context(ThreadPoolExecutor(WORKERS))
        spawn = get_context("spawn")
        for name, read in {OURS: read_pyffaudio, **PEERS}.items():
            if (name, suffix) == ("librosa", "m4a") or not able(read, first):
                continue  # librosa launches a process for each
            pool = stack.enter_context(ProcessPoolExecutor(WORKERS, spawn))
            runs[f"{name}, threads"] = partial(in_threads, threads, read)
            runs[f"{name}, processes"] = partial(in_processes, pool, read)
            runs[f"{name}, processes that keep the samples"] = partial(
                in_processes, pool, partial(touched, read)
            )
        yield runs


def able(read: Read, clip: Clip) -> bool:
    try:
        return len(read(clip)[0]) > 0
    except Exception:  # noqa: BLE001 - each has errors of its own
        return False


def drop(files: Sequence[Clip]) -> None:
    """Have the kernel forget the files' pages; they were written through when they were made."""
    for clip in files:
        file = os.open(clip.path, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def is_cold(files: Sequence[Clip]) -> bool:
    """Whether dropped files are then read from the disk, at least most of their blocks of 512."""
    drop(files)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_inblock
    size = 0
    for clip in files:
        with open(clip.path, "rb") as file:
            size += len(file.read())
    return (resource.getrusage(resource.RUSAGE_SELF).ru_inblock - before) * 512 > size / 2


def is_hopeless(seconds: list[float], ours: list[float]) -> bool:
    return any(
        len(seconds) >= rounds and min(seconds) > times * min(ours) for rounds, times in HOPELESS
    )


def measure(runs: dict[str, Run], files: Sequence[Clip], cold: bool) -> dict[str, float]:
    """Median seconds of each run, all in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    ours = TWO if TWO in runs else f"{OURS}, threads"
    for run in runs.values():
        run(files[: 2 * CHUNK])  # starts the workers, and has them import
    with no_collector():
        for number in range(ROUNDS):
            for name in rotated(list(runs), number):
                if is_hopeless(seconds[name], seconds[ours]):
                    continue
                if cold:
                    drop(files)
                seconds[name].append(once(partial(runs[name], files)))
    return {name: median(each) for name, each in seconds.items()}


def line(suffix: str, cache: str, seconds: dict[str, float]) -> dict[str, float | str]:
    """All times over that of two workers; where there are none yet, over ours in threads."""
    ours = TWO if TWO in seconds else f"{OURS}, threads"
    ratios = {name: each / seconds[ours] for name, each in seconds.items()}
    return {"format": suffix, "cache": cache, **ratios}


def table(lines: Sequence[dict[str, float | str]]) -> str:
    """One column for each format and cache, one line for each way, as there are many of these."""
    names = list(dict.fromkeys(name for each in lines for name in each))[2:]
    header = ["", *(f"{each['format']}, {each['cache']}" for each in lines)]
    rows = []
    for name in names:
        values = [each.get(name) for each in lines]
        rows.append([name, *(report.ratio(v if isinstance(v, float) else None) for v in values)])
    return report.table(header, rows)


def main() -> None:
    """Measure all formats and write them down."""
    one_thread()
    lines = []
    corpus = clips()
    for suffix in sys.argv[1:] or FORMATS:
        files = corpus[suffix]
        caches = ("warm", "cold") if is_cold(files) else ("warm",)
        with contenders(suffix, files[0]) as runs:
            for cache in caches:
                print(f"batches: {suffix}, {cache}", file=sys.stderr, flush=True)
                lines.append(line(suffix, cache, measure(runs, files, cache == "cold")))
    base = f"`{TWO}`" if MANY is not None else f"{OURS} in {WORKERS} threads"
    lead = f"""{CLIPS} clips of {CLIP_SECONDS} s of speech: times over that of {base}, medians of
{ROUNDS} rounds, fewer for who is far behind after the first. All have {WORKERS} threads or
processes. Cold: the files are dropped from the page cache before each run."""
    if "cold" not in [each["cache"] for each in lines]:
        lead += " Where cold is missing, this machine keeps files in its cache in spite of that."
    report.write("batches", f"{lead}\n\n{table(lines)}", lines)


if __name__ == "__main__":
    main()
