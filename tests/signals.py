"""Closed-form test signals: every sample follows from its position, its channel and a formula."""

from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[Any]

FULL_SCALE = {
    "uint8": 2.0**7,
    "int8": 2.0**7,
    "int16": 2.0**15,
    "int32": 2.0**31,
    "float32": 1.0,
    "float64": 1.0,
}


def noise(frames: int, channels: int = 1, seed: int = 0) -> npt.NDArray[np.uint64]:
    """Uniform 64-bit integers of shape (frames, channels): the splitmix64 hash of the position."""
    index = np.arange(frames * channels, dtype=np.uint64).reshape(frames, channels)
    state = (index + np.uint64(seed << 32) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def sine(
    frames: int, channels: int = 1, rate: int = 44100, frequency: float = 440.0
) -> npt.NDArray[np.float64]:
    """A sine of amplitude 1/2, of shape (frames, channels), each channel a fifth above the last."""
    seconds = np.arange(frames)[:, None] / rate
    return np.asarray(0.5 * np.sin(2 * np.pi * frequency * seconds * 1.5 ** np.arange(channels)))


def quantise(signal: npt.NDArray[np.float64], dtype: str) -> Samples:
    """The signal in another sample format: scaled, rounded, clipped; uint8 is centred on 128."""
    if np.dtype(dtype).kind == "f":
        return signal.astype(dtype)
    bound = np.iinfo(dtype)
    scaled = np.rint(signal * FULL_SCALE[dtype]) + (128 if dtype == "uint8" else 0)
    return np.asarray(np.clip(scaled, bound.min, bound.max), dtype)


def full_range(frames: int, channels: int, dtype: str, seed: int = 0) -> Samples:
    """Noise over the whole range of a sample format, beginning with both extremes."""
    bits = noise(frames, channels, seed)
    width = np.dtype(dtype).itemsize * 8
    values: Samples
    if np.dtype(dtype).kind == "f":
        values = uniform(bits).astype(dtype)
        extremes = np.array([-1.0, 1.0 - 2.0**-23])
    else:
        values = (bits >> np.uint64(64 - width)).astype(f"uint{width}").view(dtype)
        extremes = np.array([np.iinfo(dtype).min, np.iinfo(dtype).max])
    values[:2] = extremes[: len(values[:2]), None].astype(dtype)
    return values


def uniform(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """The top 24 bits as numbers from -1 to 1, exact in float32 too."""
    return np.asarray((bits >> np.uint64(40)) * 2.0**-23 - 1.0)


def music(
    frames: int, channels: int = 2, rate: int = 44100, seed: int = 0
) -> npt.NDArray[np.float64]:
    """A sine with a little noise over it: what a lossy codec is asked to keep."""
    return sine(frames, channels, rate) + 0.02 * uniform(noise(frames, channels, seed))


def as_float(samples: Samples) -> npt.NDArray[np.float64]:
    """Any sample format as float64, full scale being 1: exact for every integer format."""
    name = samples.dtype.name
    centre = 128 if name == "uint8" else 0
    return np.asarray((samples.astype(np.float64) - centre) / FULL_SCALE[name])
