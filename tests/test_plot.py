"""Promise: pictures of Audio have the right axes and units, lose no peak, and state true levels."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

import pyffaudio
from signals import as_float, full_range, quantise, sine
from wav_bytes import wav_bytes

mpl.use("agg")

from matplotlib import pyplot

from pyffaudio.waveform import envelope

_RATE = 16000
_SECONDS = np.arange(_RATE)[:, None] / _RATE


def _audio(signal: Any, rate: int = _RATE, **options: Any) -> pyffaudio.Audio:
    return pyffaudio.decode_bytes(wav_bytes(np.asarray(signal), rate), **options)


def _tone(amplitude: float, frequency: float = 1000, phase: float = 0) -> Any:
    tone = amplitude * np.sin(2 * np.pi * frequency * _SECONDS + phase)
    return tone.astype("float32")


def _levels(ax: Any) -> Any:
    """The picture as (frequencies, columns), in dBFS."""
    return np.asarray(ax.images[0].get_array())


@pytest.fixture(autouse=True)
def _no_figure_left() -> Iterator[None]:
    yield
    pyplot.close("all")


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("columns", [1, 3, 1000, 2999, 3000])
def test_the_envelope_is_the_extremes_of_each_column(
    dtype: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyffaudio.waveform._BLOCK_FRAMES", 700)  # several pieces, and a rest
    samples = full_range(3000, 2, dtype)
    edges = [3000 * column // columns for column in range(columns + 1)]
    pieces = [as_float(samples[a:b]) for a, b in pairwise(edges)]
    found = envelope(samples, columns)
    np.testing.assert_array_equal(found[0], [piece.min(axis=0) for piece in pieces])
    np.testing.assert_array_equal(found[1], [piece.max(axis=0) for piece in pieces])


def test_what_is_no_number_is_left_out_of_the_envelope() -> None:
    samples = np.array([[np.nan], [0.5], [np.inf], [-np.inf], [np.nan], [np.nan]], "float32")
    found = envelope(samples, 3)[:, :, 0]
    np.testing.assert_array_equal(found, [[0.5, np.nan, np.nan]] * 2)


@pytest.mark.parametrize("channels_first", [False, True])
def test_a_waveform_has_seconds_and_full_scale(channels_first: bool) -> None:
    ax = _audio(sine(1000, 2, _RATE).astype("float32"), channels_first=channels_first).plot()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "amplitude (full scale = 1)")
    assert ax.get_xlim() == (0, 1000 / _RATE)
    low, high = ax.get_ylim()
    assert low == -high
    assert high == pytest.approx(0.525, rel=1e-3)
    assert [line.get_label() for line in ax.lines] == ["channel 0", "channel 1"]
    for channel, line in enumerate(ax.lines):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1000) / _RATE)
        expected = sine(1000, 2, _RATE).astype("float32")[:, channel]
        np.testing.assert_array_equal(line.get_ydata(), expected)


def test_long_audio_keeps_every_peak() -> None:
    """One sample of a million, drawn as high as it is and where it is."""
    signal = np.zeros((1_000_000, 1), "float32")
    signal[654_321] = -0.75
    ax = _audio(signal).plot()
    assert not ax.lines
    corners = np.asarray(ax.collections[0].get_paths()[0].vertices)
    assert corners[:, 1].min() == -0.75
    at = corners[corners[:, 1] == -0.75, 0]
    assert at.min() <= 654_321 / _RATE <= at.max()
    assert at.max() - at.min() == pytest.approx(500 / _RATE)
    assert ax.get_xlim() == (0, 1_000_000 / _RATE)


@pytest.mark.parametrize("amplitude", [1.0, 0.5, 0.01])
def test_a_tone_has_its_frequency_and_its_level(amplitude: float) -> None:
    """At the middle of a bin the level is 20 log10 of the amplitude, by any window."""
    ax = _audio(_tone(amplitude)).plot("spectrogram")
    levels = _levels(ax)
    middle = levels[:, levels.shape[1] // 2]
    left, right, bottom, top = ax.images[0].get_extent()
    frequency = bottom + (top - bottom) * (middle.argmax() + 0.5) / len(middle)
    assert frequency == pytest.approx(1000)
    assert middle.max() == pytest.approx(20 * np.log10(amplitude), abs=1e-3)
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 1), (0, 8000))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "frequency (Hz)")
    assert ax.child_axes[0].get_ylabel() == "level (dBFS)"
    assert ax.images[0].get_clim() == (-100, 0)
    assert left < 0 < 1 < right


@pytest.mark.parametrize("n_fft", [2, 3, 32, 320, 1001])
def test_of_any_window_0_hz_and_the_highest_are_level(n_fft: int) -> None:
    """A constant and an alternation of 1/2 are -6 dBFS; beside them is nothing else."""
    constant = np.full((4000, 1), 0.5, "float32")
    alternating = constant * np.array([1, -1] * 2000)[:, None].astype("float32")
    levels = _levels(_audio(constant).plot("spectrogram", n_fft=n_fft))
    assert levels.shape[0] == n_fft // 2 + 1
    half = 20 * np.log10(0.5)
    assert levels[0, levels.shape[1] // 2] == pytest.approx(half, abs=1e-6)
    if n_fft % 2 == 0:
        levels = _levels(_audio(alternating).plot("spectrogram", n_fft=n_fft))
        assert levels[-1, levels.shape[1] // 2] == pytest.approx(half, abs=1e-6)


def test_opposite_phases_do_not_cancel() -> None:
    both = np.hstack([_tone(0.5), _tone(0.5, phase=np.pi)])
    levels = _levels(_audio(both).plot("spectrogram"))
    assert levels[:, levels.shape[1] // 2].max() == pytest.approx(20 * np.log10(0.5), abs=1e-3)


def test_a_burst_stands_where_it_is_and_long_audio_keeps_it() -> None:
    """A tenth of a second in twenty minutes."""
    signal = np.zeros((1200 * 8000, 1), "int16")
    burst = quantise(0.5 * np.sin(np.pi / 4 * np.arange(800))[:, None], "int16")
    signal[5_000_000:5_000_800] = burst
    ax = _audio(signal, 8000).plot("spectrogram")
    levels = _levels(ax)
    assert levels.shape[1] <= 2000
    row, column = np.unravel_index(levels.argmax(), levels.shape)
    assert levels.max() == pytest.approx(20 * np.log10(0.5), abs=1e-2)
    left, right, bottom, top = ax.images[0].get_extent()
    width = (right - left) / levels.shape[1]
    assert left + width * column <= 5_000_400 / 8000 <= left + width * (column + 1) + 0.1
    assert bottom + (top - bottom) * (row + 0.5) / levels.shape[0] == pytest.approx(1000)


@pytest.mark.parametrize("kind", ["waveform", "spectrogram"])
@pytest.mark.parametrize("frames", [0, 1, 2])
def test_little_or_no_audio_can_be_drawn(kind: Any, frames: int) -> None:
    ax = _audio(np.zeros((frames, 2), "int16")).plot(kind)
    assert ax.get_xlim() == (0, max(frames, 1) / _RATE)
    ax.figure.canvas.draw()


@pytest.mark.parametrize("rate", [1, 10, 22, 768_000])
def test_any_rate_can_be_drawn(rate: int) -> None:
    """Those of sensors, of which 32 ms are less than a sample, too."""
    ax = _audio(quantise(sine(100), "int16"), rate).plot("spectrogram")
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 100 / rate), (0, rate / 2))


@pytest.mark.parametrize("kind", ["waveform", "spectrogram"])
def test_what_is_no_number_is_no_peak(kind: Any) -> None:
    signal = _tone(0.5)
    signal[[100, 200, 300], 0] = np.nan, np.inf, -np.inf
    ax = _audio(signal).plot(kind)
    if kind == "waveform":
        assert ax.get_ylim()[1] == pytest.approx(0.525, rel=1e-3)
    else:
        assert np.isfinite(_levels(ax)).all()


def test_it_draws_on_the_axes_it_is_given_in_the_style_it_is_given() -> None:
    axes = pyplot.subplots(2, sharex=True)[1]
    audio = _audio(_tone(0.5)[:1000])
    assert audio.plot(ax=axes[0], color="red") is axes[0]
    assert audio.plot("spectrogram", axes[1], cmap="gray", vmin=-60) is axes[1]
    assert axes[0].lines[0].get_color() == "red"
    assert (axes[1].images[0].get_cmap().name, axes[1].images[0].get_clim()) == ("gray", (-60, 0))
    axes[0].figure.canvas.draw()
    upper, lower = (ax.get_position() for ax in axes)
    assert (upper.x0, upper.x1) == (lower.x0, lower.x1)  # times stand above each other


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"kind": "pie"}, "kind must be"), ({"kind": "spectrogram", "n_fft": 1}, "n_fft must be")],
)
def test_wrong_arguments_are_refused(arguments: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        _audio(_tone(0.5)).plot(**arguments)


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install pyffaudio\[plot\]"):
        _audio(_tone(0.5)).plot()


def test_matplotlib_is_not_imported_before_it_is_used() -> None:
    code = "import sys, pyffaudio.plot, pyffaudio.notebook; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
