"""Samples of any layout and type in terms of full scale, and their envelope: what pictures need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pyffaudio.audio import Audio, Samples

__all__ = ["envelope", "frames_of", "in_full_scale"]

_BLOCK_FRAMES = 1 << 20


def frames_of(audio: Audio) -> Samples:
    """The samples as ``(frames, channels)``, whatever their layout; no copy."""
    samples = audio.samples
    if samples.ndim == 1:
        return samples[:, np.newaxis]
    return samples.T if audio.channels_first else samples


def in_full_scale(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Values of any sample format as numbers of which 1 is full scale."""
    numbers = values.astype(np.float64)
    if values.dtype.kind == "f":
        return numbers
    full_scale = 2.0 ** (8 * values.itemsize - 1)
    return (numbers - full_scale if values.dtype.kind == "u" else numbers) / full_scale


def envelope(frames: Samples, columns: int) -> npt.NDArray[np.float64]:
    """The least and the greatest sample in each of many columns, so that no peak is lost.

    Parameters
    ----------
    frames : numpy.ndarray
        ``(frames, channels)``. Those that are infinite or no number are left out.
    columns : int
        At most one for each frame.

    Returns
    -------
    numpy.ndarray
        ``(2, columns, channels)``, of which 1 is full scale; NaN where a column has no samples.
    """
    edges = np.linspace(0, len(frames), columns + 1).astype(np.intp)
    found = np.empty((2, columns, frames.shape[1]), frames.dtype)
    step = max(_BLOCK_FRAMES * columns // max(len(frames), 1), 1)  # no copy of all of it at once
    for first in range(0, columns, step):
        some = edges[first : first + step + 1]
        block = frames[some[0] : some[-1]]
        if frames.dtype.kind == "f":
            block = np.where(np.isfinite(block), block, np.nan)
        for extreme, row in zip((np.fmin, np.fmax), found, strict=True):
            row[first : first + step] = extreme.reduceat(block, some[:-1] - some[0], axis=0)
    return in_full_scale(found)
