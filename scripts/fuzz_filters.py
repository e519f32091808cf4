"""Filter with random options for a while: python scripts/fuzz_filters.py [SECONDS [SEED]].

Each child process goes on until it ends badly, which is a finding, and the next one goes on behind
that case. glibc's checking allocator ends a child whose heap is damaged; a case that takes longer
than its timeout by SLOWEST seconds is a finding too.
"""

import os
import subprocess
import sys
from contextlib import suppress
from random import Random
from time import monotonic

import pyffaudio
from pyffaudio.filter_rules import REFUSED_FILTERS
from pyffaudio.native import options_of_filter

SLOWEST = 5.0
CHECKS = {"LD_PRELOAD": "libc_malloc_debug.so.0", "GLIBC_TUNABLES": "glibc.malloc.check=3"}
LIMITS = pyffaudio.Limits(timeout=1, max_bytes=1 << 26)
# rate, channels, sample format and frames of what goes in
INPUTS = [
    (48000, 2, "s16le", 4801),
    (8000, 1, "f32le", 7777),
    (44100, 6, "f64le", 5000),
    (192000, 8, "s32le", 3000),
]
NUMBERS = (
    "0 1 -1 2 3 0.5 0.01 10 64 100 1000 20000 65536 1e6 1e9 2147483647 -2147483648 nan inf 50%"
)
WORDS = "1ms 1.5s mono stereo 7.1 100C 0|1 0|1|2 a b x FL-FR c0=c1 mono|c0=c0 0.1|0.2 -80/-80|0/0"
VALUES = [*NUMBERS.split(" "), *WORDS.split(" "), "0/0", "val(0)", "random(0)", "n", "t"]


def a_filter(random: Random, name: str) -> str:
    options = [option for option, _ in options_of_filter(name.encode())]
    count = random.randrange(4) if options else 0
    given = ":".join(f"{random.choice(options)}={random.choice(VALUES)}" for _ in range(count))
    return f"{name}={given}" if given else name


def a_graph(random: Random, names: list[str]) -> str:
    text = ",".join(a_filter(random, random.choice(names)) for _ in range(random.choice((1, 1, 2))))
    kind = random.randrange(3)
    if kind == 1:
        return f"asplit[a][b];[b]atrim=end_sample=1000[c];[a][c]{text}"
    return f"{text}[a][b];[a][b]amix" if kind == 2 else text


def run_cases(seed: str, case: int, end: float) -> None:
    names = [name for name in pyffaudio.filters() if name not in REFUSED_FILTERS]
    while monotonic() < end:
        random = Random(f"{seed} {case}")
        graph = a_graph(random, names)
        os.write(1, f"{case} {graph}\n".encode())
        rate, channels, form, frames = random.choice(INPUTS)
        data = random.randbytes(frames * channels * int(form[1:3]) // 8)
        start = monotonic()
        with suppress(pyffaudio.PyffaudioError, MemoryError):
            pyffaudio.decode_bytes(
                data,
                filters=graph,
                dtype=None,
                format=form,
                format_options={"sample_rate": rate, "channels": channels},
                limits=LIMITS,
            )
        if monotonic() - start > SLOWEST:
            sys.exit(f"took {monotonic() - start:.0f} s")
        case += 1


def main(seconds: float, seed: str) -> int:
    case, findings, end = 0, 0, monotonic() + seconds
    while monotonic() < end:
        command = [sys.executable, __file__, "cases", seed, str(case), str(end)]
        with subprocess.Popen(
            command, env=os.environ | CHECKS, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as child:
            try:
                said, complaint = child.communicate(timeout=end - monotonic() + 10 * SLOWEST)
            except subprocess.TimeoutExpired:
                child.kill()
                said, complaint = child.communicate()
        last = said.decode().splitlines()[-1] if said else f"{case} nothing"
        case = int(last.split()[0]) + 1
        if child.returncode:
            findings += 1
            words = complaint.decode(errors="replace").strip()[-200:]
            print(f"seed {seed} case {last}: ended with {child.returncode} {words}", flush=True)
    print(f"{case} cases, {findings} findings")
    return findings > 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["cases"]:
        run_cases(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        _, *given = [*sys.argv, *("60", "0")[len(sys.argv) - 1 :]]
        sys.exit(main(float(given[0]), given[1]))
