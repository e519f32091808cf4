"""Levels and silence of audio that goes by in blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["SILENCE", "Measures", "Meter"]

# No sample beyond this is silence: -60 dB of full scale.
SILENCE = 0.001
# Coarser samples are clipped at their own greatest value, finer ones as those of 16 bits.
_FINEST_BITS = 16


@dataclass(frozen=True, slots=True)
class Measures:
    """What a `Meter` has measured; full scale is 1.

    Attributes
    ----------
    peak, rms : float or None
        Over all channels; None where there are no samples.
    clipped_share : float or None
        Samples at full scale or beyond, of all samples, from 0 to 1; None where there are none.
    leading_silence_seconds, trailing_silence_seconds : float
        How long no channel passes -60 dB. Both are the duration if none ever does.
    is_silent : bool
        Whether none ever does.
    """

    peak: float | None
    rms: float | None
    clipped_share: float | None
    leading_silence_seconds: float
    trailing_silence_seconds: float
    is_silent: bool


class Meter:
    """Measure blocks of float32, each ``(frames, channels)``.

    Samples that are infinite or no number count as zeros.

    Parameters
    ----------
    bits : int or None
        Of the samples as they are stored, where they are integers.
    """

    def __init__(self, bits: int | None) -> None:
        self._full_scale = 1 - 2.0 ** (1 - min(bits or _FINEST_BITS, _FINEST_BITS))
        self._num_frames = 0
        self._num_samples = 0
        self._peak = 0.0
        self._energy = 0.0
        self._num_clipped = 0
        self._first_loud: int | None = None
        self._after_loud = 0

    def add(self, block: npt.NDArray[np.float32]) -> None:
        """Take the next frames into account."""
        peak = _peak(block)
        if not math.isfinite(peak):
            block = np.where(np.isfinite(block), block, np.float32(0))
            peak = _peak(block)
        self._peak = max(self._peak, peak)
        self._energy += float(np.square(block, dtype=np.float64).sum())
        if peak >= self._full_scale:
            self._num_clipped += int(np.count_nonzero(np.abs(block) >= self._full_scale))
        if peak > SILENCE:
            if self._first_loud is None:
                self._first_loud = self._num_frames + _quiet_frames(block)
            self._after_loud = self._num_frames + len(block) - _quiet_frames(block[::-1])
        self._num_frames += len(block)
        self._num_samples += block.size

    def measures(self, sample_rate: int) -> Measures:
        """What has been measured so far."""
        leading = self._num_frames if self._first_loud is None else self._first_loud
        count = self._num_samples
        return Measures(
            peak=self._peak if count else None,
            rms=float(np.sqrt(self._energy / count)) if count else None,
            clipped_share=self._num_clipped / count if count else None,
            leading_silence_seconds=leading / sample_rate,
            trailing_silence_seconds=(self._num_frames - self._after_loud) / sample_rate,
            is_silent=self._first_loud is None,
        )


def _peak(block: npt.NDArray[np.float32]) -> float:
    """The greatest size of a sample; NaN where one is no number."""
    return float(max(block.max(initial=0), -block.min(initial=0)))


def _quiet_frames(block: npt.NDArray[np.float32]) -> int:
    """How many frames come before the first that is no silence, which there is."""
    begin, count = 0, 256
    while True:  # mostly it is near
        loud = (np.abs(block[begin : begin + count]) > SILENCE).any(axis=1)
        if loud.any():
            return begin + int(loud.argmax())
        begin, count = begin + count, 4 * count
