"""Audio.plot: a waveform or a spectrogram, by matplotlib."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from pyffaudio.options import integer
from pyffaudio.waveform import envelope, frames_of, in_full_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pyffaudio.audio import Audio, Samples

__all__ = ["plot"]

# More columns than any screen has for one picture.
_COLUMNS = 2000
_FLOOR_DBFS = -100.0
_WINDOW_SECONDS = 0.032
_WINDOWS_AT_ONCE = 256


def plot(
    audio: Audio,
    kind: Literal["waveform", "spectrogram"],
    ax: Axes | None,
    n_fft: int | None,
    style: dict[str, Any],
) -> Axes:
    """Draw; see `Audio.plot`."""
    if kind not in ("waveform", "spectrogram"):
        raise ValueError(f'kind must be "waveform" or "spectrogram", not {kind!r}')
    size = integer("n_fft", n_fft, 2, 1 << 20) or _window_frames(audio.sample_rate)
    try:
        from matplotlib import pyplot  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ImportError("Audio.plot needs matplotlib: pip install pyffaudio[plot]") from error
    if ax is None:
        ax = pyplot.subplots(figsize=(9, 3), layout="constrained")[1]
    if kind == "waveform":
        _draw_waveform(audio, ax, style)
    else:
        _draw_spectrogram(audio, ax, size, style)
    ax.set_xlim(0, max(audio.num_frames, 1) / audio.sample_rate)
    ax.set_xlabel("time (s)")
    return ax


def _window_frames(sample_rate: int) -> int:
    """The power of two that comes next to 32 ms."""
    return 1 << max(round(math.log2(sample_rate * _WINDOW_SECONDS)), 4)


def _draw_waveform(audio: Audio, ax: Axes, style: dict[str, Any]) -> None:
    frames = frames_of(audio)
    columns = min(_COLUMNS, len(frames))
    least, greatest = envelope(frames, columns)
    several = frames.shape[1] > 1
    style = {"alpha": 0.7 if several else 1, "linewidth": 0.8, **style}
    for channel in range(frames.shape[1]):
        own = {"label": f"channel {channel}", **style} if several else style
        if columns == len(frames):
            ax.plot(np.arange(columns) / audio.sample_rate, least[:, channel], **own)
            continue
        edges = np.linspace(0, len(frames), columns + 1) / audio.sample_rate
        low, high = (np.append(each[:, channel], each[-1:, channel]) for each in (least, greatest))
        ax.fill_between(edges, low, high, step="post", **own)
    peak = max(float(np.nanmax(np.abs(each), initial=0)) for each in (least, greatest))
    ax.set_ylim(-1.05 * (peak or 1), 1.05 * (peak or 1))
    ax.set_ylabel("amplitude (full scale = 1)")
    if several:
        ax.legend(loc="upper right", fontsize="small")


def _draw_spectrogram(audio: Audio, ax: Axes, size: int, style: dict[str, Any]) -> None:
    hop = max(size // 4, 1)
    num_windows = -(-audio.num_frames // hop) + 1  # about both ends, too
    held = -(-num_windows // _COLUMNS)
    levels = _levels(frames_of(audio), size, hop, num_windows, held)
    # A column stands about the middles of its windows, a row about its frequency.
    left, width = -hop / 2 / audio.sample_rate, held * hop / audio.sample_rate
    half_bin = audio.sample_rate / size / 2
    image = ax.imshow(
        levels.T,
        **{
            "origin": "lower",
            "aspect": "auto",
            "interpolation": "nearest",
            "cmap": "magma",
            "vmin": _FLOOR_DBFS,
            "vmax": 0.0,
            "extent": (
                left,
                left + width * len(levels),
                -half_bin,
                (2 * levels.shape[1] - 1) * half_bin,
            ),
            **style,
        },
    )
    ax.set_ylim(0, audio.sample_rate / 2)
    ax.set_ylabel("frequency (Hz)")
    # Beside the axes, and not out of their room: those above and below keep the same time axis.
    beside = ax.inset_axes((1.01, 0, 0.02, 1))
    ax.figure.colorbar(image, cax=beside, label="level (dBFS)")


def _levels(
    frames: Samples, size: int, hop: int, num_windows: int, held: int
) -> npt.NDArray[np.float64]:
    """Levels ``(columns, size // 2 + 1)``: of each column the greatest of `held` windows.

    A sine of full scale is 0 dBFS. Channels are averaged by their power, which no phase cancels.
    """
    window = np.hanning(size + 1)[:-1]
    gain = np.full(size // 2 + 1, 2 / window.sum())
    gain[0] /= 2
    if size % 2 == 0:
        gain[-1] /= 2
    columns = -(-num_windows // held)
    power = np.zeros((columns * held, len(gain)) if held == 1 else (columns, len(gain)))
    for first in range(0, num_windows, _WINDOWS_AT_ONCE):
        count = min(_WINDOWS_AT_ONCE, num_windows - first)
        piece = _piece(frames, first * hop - size // 2, (count - 1) * hop + size)
        windows = np.lib.stride_tricks.sliding_window_view(piece, size, axis=0)[::hop]
        found = (np.abs(np.fft.rfft(windows * window, axis=2) * gain) ** 2).mean(axis=1)
        np.maximum.at(power, np.arange(first, first + count) // held, found)
    return 10 * np.log10(np.maximum(power, 10 ** (_FLOOR_DBFS / 10)))


def _piece(frames: Samples, start: int, count: int) -> npt.NDArray[np.float64]:
    """Frames from anywhere; zeros for what is not there, or is infinite or no number."""
    piece = np.zeros((count, frames.shape[1]))
    begin, end = max(start, 0), min(start + count, len(frames))
    if begin < end:
        found = in_full_scale(frames[begin:end])
        piece[begin - start : end - start] = np.where(np.isfinite(found), found, 0)
    return piece
