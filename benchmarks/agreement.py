"""Whether two libraries give the same samples, and if not, what the difference is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from peers import Decoded

MOST_SHIFT = 4096  # more than any encoder's delay
# What decoders of one format may differ by: the scale of PCM is 1/32767 to some, and Opus is
# decoded in other arithmetic by libopus. What lies beyond full scale is clipped by some.
TOLERANCES = {"wav": 4e-5, "flac": 4e-5, "mp3": 1e-4, "ogg": 1e-5, "opus": 3e-2, "m4a": 1e-4}


@dataclass(frozen=True)
class Difference:
    """How a peer's samples differ: frames more, where they begin, the largest of one sample."""

    rate: int
    expected_rate: int
    more_frames: int
    shift: int
    largest: float
    same: bool

    def __str__(self) -> str:
        if self.rate != self.expected_rate:
            return f"{self.rate} Hz instead of {self.expected_rate}"
        frames = f"{self.more_frames:+} frames, of which {self.shift} before the first"
        return frames if self.same else f"{frames}; other samples, by up to {self.largest:.2g}"


def difference(theirs: Decoded, ours: Decoded, suffix: str) -> Difference:
    """Compare where they overlap best."""
    (samples, rate), (reference, our_rate) = theirs, ours
    assert samples.dtype == np.float32, samples.dtype
    more = len(samples) - len(reference)
    if rate != our_rate or samples.shape[1] != reference.shape[1]:
        return Difference(rate, our_rate, more, 0, 1.0, same=False)
    shift = 0 if _largest(samples, reference) <= TOLERANCES[suffix] else _shift(samples, reference)
    largest = _largest(samples[max(shift, 0) :], reference[max(-shift, 0) :])
    return Difference(rate, our_rate, more, shift, largest, largest <= TOLERANCES[suffix])


def _largest(samples: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    count = min(len(samples), len(reference))
    one, other = (np.clip(each[:count], -1, 1) for each in (samples, reference))
    return float(np.abs(one - other).max())


def _shift(samples: NDArray[np.float32], reference: NDArray[np.float32]) -> int:
    """Frames by which the samples are late, by cross-correlation."""
    count = min(len(samples), len(reference))
    size = count + MOST_SHIFT
    one, other = (np.fft.rfft(each[:count].mean(axis=1), size) for each in (samples, reference))
    likeness = np.fft.irfft(one * other.conj(), size)
    return (int(np.roll(likeness, MOST_SHIFT)[: 2 * MOST_SHIFT].argmax())) - MOST_SHIFT
