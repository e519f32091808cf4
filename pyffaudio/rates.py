"""Which sample rates can be turned into which: the cost of libswresample's filter."""

import math

_TAPS = 32
_PHASES = 1024
# Coefficients computed in one go, which nothing can interrupt: some 0.06 s.
_MOST_COEFFICIENTS = 2_000_000
# Input that the filter needs for one frame of output: a fall by a factor of 1024.
_MOST_TAPS = 32 * 1024


def check_rates(source_rate: int, target_rate: int) -> None:
    """Refuse a pair of rates whose filter would take too long to compute.

    It has 32 taps, stretched where the rate falls, in up to 1024 phases (libswresample/resample.c,
    `exact_rational`).

    Raises
    ------
    ValueError
        The rates are too far apart. 768 kHz to 16 kHz is not.
    """
    taps = _TAPS * max(source_rate / target_rate, 1)
    phases = min(target_rate // math.gcd(source_rate, target_rate), _PHASES)
    if taps > _MOST_TAPS or (source_rate != target_rate and taps * phases > _MOST_COEFFICIENTS):
        raise ValueError(
            f"resampling {source_rate} Hz to sample_rate={target_rate} takes a filter of "
            f"{taps * phases:.0f} coefficients: choose a rate nearer to the stored one"
        )
