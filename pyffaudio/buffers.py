"""Where the samples of one call are collected: an array that grows, or the caller's own."""

from __future__ import annotations

import sys
from typing import Any, Protocol

import numpy as np

from pyffaudio.audio import Samples
from pyffaudio.options import DTYPES


class Buffer(Protocol):
    """Frames to fill from the front, whatever the layout of what comes out.

    No view of `frames` may be kept, not even in a local variable, which a traceback would keep:
    growing and taking move the memory.
    """

    @property
    def frames(self) -> Samples:
        """All of the capacity as ``(frames, channels)``."""

    def take(self, filled: int) -> Samples:
        """The filled part, in the layout asked for; the buffer is not used any more."""


class GrowingBuffer:
    """Memory of its own, contiguous in either layout."""

    def __init__(self, capacity: int, num_channels: int, dtype: str, channels_first: bool) -> None:
        self._channels = num_channels
        self._channels_first = channels_first
        self._flat: Samples = np.empty(capacity * num_channels, dtype)

    @property
    def frames(self) -> Samples:
        """All of the capacity as ``(frames, channels)``."""
        return self._shaped().T if self._channels_first else self._shaped()

    def _shaped(self) -> Samples:
        capacity = len(self._flat) // self._channels
        if self._channels_first:
            return self._flat.reshape(self._channels, capacity)
        return self._flat.reshape(capacity, self._channels)

    def grow(self, most: int) -> None:
        """Make room for half as much again, at most for `most` frames."""
        capacity = len(self._flat) // self._channels
        larger = min(most, capacity + max(capacity // 2, 65536))
        self._resize(larger)
        if self._channels_first:
            # The last plane first: none is then written over before it has moved.
            for channel in range(self._channels - 1, 0, -1):
                self._move(channel * capacity, capacity, channel * larger)

    def take(self, filled: int) -> Samples:
        """The filled part, in the layout asked for; the buffer is not used any more."""
        capacity = len(self._flat) // self._channels
        if filled < capacity:
            if self._channels_first:
                for channel in range(1, self._channels):
                    self._move(channel * capacity, filled, channel * filled)
            self._resize(filled)
        return self._shaped()

    def _move(self, start: int, count: int, to: int) -> None:
        # The two may overlap, which NumPy allows where there is one dimension.
        self._flat[to : to + count] = self._flat[start : start + count]

    def _resize(self, frames: int) -> None:
        # In place, by realloc: nothing else refers to this memory yet.
        self._flat.resize(frames * self._channels, refcheck=False)


class CallersBuffer:
    """An array of the caller's: nothing is allocated."""

    def __init__(self, array: Samples, channels_first: bool) -> None:
        self._array = array
        self._channels_first = channels_first

    @property
    def frames(self) -> Samples:
        """The array as ``(frames, channels)``."""
        if self._array.ndim == 1:
            return self._array[:, np.newaxis]
        return self._array.T if self._channels_first else self._array

    def take(self, filled: int) -> Samples:
        """The view of the array that was filled."""
        if self._channels_first and self._array.ndim == 2:
            return self._array[:, :filled]
        return self._array[:filled]


def as_array(out: Any, for_batch: bool = False) -> Samples:
    """The NumPy view of what a caller wants filled, or an error that says why it cannot be.

    That for a batch has one more dimension.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(out, torch.Tensor):
        if out.device.type != "cpu" or out.requires_grad:
            raise ValueError(
                f"out must be a CPU tensor without requires_grad, not one on {out.device}"
                f"{' that requires grad' if out.requires_grad else ''}"
            )
        out = out.numpy()
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a NumPy array or a CPU tensor, not {type(out).__name__}")
    if out.dtype.name not in DTYPES or not out.dtype.isnative:
        raise ValueError(f"out has dtype {out.dtype}; audio comes as one of {', '.join(DTYPES)}")
    most = 3 if for_batch else 2
    if out.ndim not in (most - 1, most):
        thing = "a batch" if for_batch else "audio"
        raise ValueError(
            f"out has {out.ndim} dimensions; {thing} has {most}, or {most - 1} for one channel"
        )
    if not out.flags.writeable:
        raise ValueError("out is read-only; audio needs a writable array")
    return out
