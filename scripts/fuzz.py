"""Decode mutated files: python scripts/fuzz.py [INPUTS] [--seed 0] [--first 0] [--report FILE].

An input is a function of the seed and its number: a finding is printed with its number, and
--input N runs that one again and keeps the file; Ctrl-C ends a run that is still reported. The
processes, one for each core, share the numbers. One that crashes or hangs is a finding, and another
goes on behind that input. So is whatever appears on stderr, but for the lines that FFmpeg prints
without a context (docs/safety.md), and, where LeakSanitizer is loaded, memory that nothing points
to any more.
"""

import argparse
import ctypes
import faulthandler
import multiprocessing
import os
import platform
import re
import signal
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from fuzz_cases import SANITIZED, SLOWEST, Case, Seeds, TooSlowError, make_seeds, outcomes

import pyffaudio
from pyffaudio import errors

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from report import processor, table

FOLDER = Path("build/fuzz")
FINDINGS = FOLDER / "findings"
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# What another FFmpeg than the bundled one prints from where only its whole process could be told
# not to.
CHATTER = re.compile(
    rb"Truncating packet of size|ID3v2|nvalid frame id|Skipping encrypted|nknown encoding|"
    rb"Failed to uncompress tag|^\[NULL @|^\[flac @|^\[Vorbis parser @|\[IMGUTILS @|"
    rb"is not in the full list|nknown attached picture|^ *Last message repeated|"
    rb"idelta overflow|Header missing|too large timebase|not on whitelist"
)
OUTCOMES = ["no error", "ValueError", *(n for n in vars(errors) if n.endswith("Error"))]
LEAK_CHECK = 500  # inputs of one process
POLL = 0.5  # seconds
TELL = 60.0  # seconds
processes = multiprocessing.get_context("fork")


def report_finding(number: int, what: str) -> None:
    line = f"input {number}: {what}"
    print(line, flush=True)
    with FINDINGS.open("a") as file:
        file.write(line + "\n")


class Worker:
    """A process that takes every so many-th input; what it has counted outlives it."""

    def __init__(self, seed: str, seeds: Seeds, numbers: range) -> None:
        self.seed, self.seeds, self.numbers = seed, seeds, numbers
        self.stderr = FOLDER / f"stderr-{numbers.start}"
        self.number = processes.RawValue("q", -1)
        self.inputs = processes.RawValue("q", 0)
        self.counts = processes.RawArray("q", len(OUTCOMES))
        self.stderr.write_bytes(b"")
        self.start()

    def start(self) -> None:
        self.seen, self.stalled = -1, 0
        self.process = processes.Process(target=self.work)
        self.process.start()

    def goes_on(self) -> bool:
        """Whether there is more to wait for; called every so often, in the parent."""
        if self.process.is_alive():
            # Counted, and not timed: the whole machine may have been asleep.
            self.stalled = self.stalled + 1 if self.number.value == self.seen else 0
            self.seen = self.number.value
            if self.hangs():
                os.kill(self.process.pid or 0, signal.SIGABRT)
                self.process.join()
            return True
        if self.process.exitcode == 0:
            return False
        self.report_end()
        self.numbers = self.numbers[self.numbers.index(self.number.value) + 1 :]
        self.start()
        return True

    def report_end(self) -> None:
        """Apart: what local variables of Python hold at a fork is lost to LeakSanitizer."""
        said = self.stderr.read_text(errors="replace").splitlines() or ["nothing said"]
        telling = [line for line in said if line.startswith(("SUMMARY", "Fatal Python error"))]
        what = "hung" if self.hangs() else f"ended with {self.process.exitcode}"
        report_finding(self.number.value, f"{what}: {[*said, *telling][-1]}")

    def hangs(self) -> bool:
        return self.stalled * POLL > 10 * SLOWEST

    def work(self) -> None:
        file = os.open(self.stderr, os.O_RDWR | os.O_APPEND)
        os.dup2(file, 2)
        if not SANITIZED:  # which has more to say
            faulthandler.enable(2)
        with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
            for count, number in enumerate(self.numbers, 1):
                self.number.value = number
                self.take(number, Path(folder))
                if count % LEAK_CHECK == 0 or number == self.numbers[-1]:
                    check_leaks()

    def take(self, number: int, folder: Path) -> None:
        """Try one input, twice where it takes too long, since the machine may have been busy."""
        said = os.fstat(2).st_size
        before = outcomes.copy()
        try:
            try:
                Case(Random(f"{self.seed} {number}"), self.seeds, number, folder).run()
            except TooSlowError:
                Case(Random(f"{self.seed} {number}"), self.seeds, number, folder).run()
            check_stderr(os.pread(2, 1 << 20, said))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            report_finding(number, repr(error))
        for place, name in enumerate(OUTCOMES):
            self.counts[place] += outcomes[name] - before[name]
        self.inputs.value += 1


def check_stderr(said: bytes) -> None:
    bundled = "libpyffaudio_ffmpeg" in pyffaudio.versions()["path"]
    lines = filter(None, re.split(rb"[\r\n]+", said))
    news = [line for line in lines if bundled or not CHATTER.search(line)]
    assert not news, f"on stderr: {news[:3]}"


def check_leaks() -> None:
    """End this process if any memory is lost; what is lost stays so, and would be found again."""
    check = getattr(ctypes.CDLL(None), "__lsan_do_recoverable_leak_check", None)
    if check is not None and check():
        sys.exit("memory leaks")


def run_one(seed: str, seeds: Seeds, number: int) -> None:
    case = Case(Random(f"{seed} {number}"), seeds, number, FOLDER)
    print(f"{case.written()}: {len(case.data)} bytes of {case.suffix}; {case.options}", flush=True)
    case.run()


def run(seed: str, seeds: Seeds, numbers: range) -> list[Worker]:
    cores = len(os.sched_getaffinity(0))
    workers = [Worker(seed, seeds, numbers[core::cores]) for core in range(cores)]
    working = workers
    told = time.monotonic()
    try:
        while working:
            time.sleep(POLL)
            working = [worker for worker in working if worker.goes_on()]
            if time.monotonic() - told > TELL:
                told = time.monotonic()
                done = sum(worker.inputs.value for worker in workers)
                print(f"{time.strftime('%H:%M')}  {done:,} of {len(numbers):,} inputs", flush=True)
    except KeyboardInterrupt:
        for worker in working:
            worker.process.kill()
    return workers


def describe(workers: list[Worker], seed: str, first: int, seconds: float) -> str:
    """What was done, where, and what came of it, in Markdown."""
    counts = [sum(column) for column in zip(*(worker.counts for worker in workers), strict=True)]
    findings = FINDINGS.read_text().splitlines()
    linked = pyffaudio.versions()
    kind = "bundled" if "libpyffaudio_ffmpeg" in linked["path"] else "shared"
    extent = {"": "none", "extension": "pyffaudio", "all": "pyffaudio, FFmpeg, libsoxr and zlib"}
    facts = {
        "when": time.strftime("%Y-%m-%d", time.gmtime()),
        "took": f"{seconds / 60:.0f} min" if seconds > 600 else f"{seconds:.0f} s",
        "processor": f"{processor()}, {len(workers)} cores, {platform.machine()}",
        "pyffaudio": f"{linked['pyffaudio']}, {kind} FFmpeg {linked['ffmpeg']}",
        "under sanitizers": extent[os.environ.get("FUZZ_SANITIZED", "")],
        "seed": seed,
        "inputs": f"{sum(worker.inputs.value for worker in workers):,}, from number {first:,}",
        "calls": f"{sum(counts):,}",
        "a call may take": f"{SLOWEST:.0f} s of the processor",
        "findings": f"{len(findings):,}",
    }
    calls = [(f"`{name}`" if name in vars(errors) else name, f"{count:,}")
             for name, count in zip(OUTCOMES, counts, strict=True) if count]  # fmt: skip
    tables = [table(("", ""), facts.items()), table(("what a call gave", "calls"), calls)]
    title = f"# What `make fuzz{'-sanitized' if SANITIZED else ''}` found"
    return "\n\n".join([title, *tables, *findings])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("inputs", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--first", type=int, default=0, help="the number to begin with")
    parser.add_argument("--input", type=int, help="try this one alone")
    parser.add_argument("--report", type=Path, help="write what came of it there")
    asked = parser.parse_args()
    seeds = make_seeds(FOLDER / "seeds")
    if asked.input is not None:
        run_one(asked.seed, seeds, asked.input)
        return 0
    FINDINGS.write_text("")
    start = time.monotonic()
    workers = run(asked.seed, seeds, range(asked.first, asked.first + asked.inputs))
    text = describe(workers, asked.seed, asked.first, time.monotonic() - start)
    print(text)
    if asked.report:
        asked.report.parent.mkdir(exist_ok=True)
        asked.report.write_text(text + "\n")
    return FINDINGS.stat().st_size > 0


if __name__ == "__main__":
    sys.exit(main())
