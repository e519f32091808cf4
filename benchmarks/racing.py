"""Times calls side by side: in turn, in one process, medians of rounds, and how far they spread."""

import gc
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

ROUNDS = 11
SHORTEST = 0.02  # seconds: what takes less is called as often as fills that, and divided
MOST_SPREAD = 0.10
Call = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """The median of all rounds, and the distance between the quartiles in parts of it."""

    seconds: float
    spread: float


def race(calls: Mapping[str, Call], rounds: int = ROUNDS) -> dict[str, Timing]:
    """Time all of the calls; once more where one spreads too far, and keep the calmer time."""
    timings = _race(calls, rounds)
    if _worst(timings) > MOST_SPREAD:
        timings = min(timings, _race(calls, rounds), key=_worst)
    return timings


def timing(seconds: list[float]) -> Timing:
    """Sum up the rounds of one call."""
    median = statistics.median(seconds)
    first, _, third = statistics.quantiles(seconds, n=4, method="inclusive")
    return Timing(median, (third - first) / median)


def once(call: Call, times: int = 1) -> float:
    """Seconds for each of some calls in a row."""
    start = perf_counter()
    for _ in range(times):
        call()
    return (perf_counter() - start) / times


@contextmanager
def no_collector() -> Iterator[None]:
    """Keep the cycle collector out of the times."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def rotated(names: list[str], number: int) -> list[str]:
    """The names from another one on in each round, so that none always follows the same other."""
    first = number % len(names)
    return names[first:] + names[:first]


def _race(calls: Mapping[str, Call], rounds: int) -> dict[str, Timing]:
    times = {name: _repetitions(call) for name, call in calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    with no_collector():
        for number in range(rounds):
            for name in rotated(list(calls), number):
                seconds[name].append(once(calls[name], times[name]))
    return {name: timing(each) for name, each in seconds.items()}


def _repetitions(call: Call) -> int:
    once(call)  # the first finds nothing in the caches
    return max(1, round(SHORTEST / min(once(call) for _ in range(3))))


def _worst(timings: Mapping[str, Timing]) -> float:
    return max(each.spread for each in timings.values())
