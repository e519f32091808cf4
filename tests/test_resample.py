"""Promise: whatever the rates, channels, formats, lengths and block sizes, one answer is right."""

import io
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

import pyffaudio
from ffmpeg_command import decode
from pyffaudio.native import open_decoder
from pyffaudio.options import DecodeOptions, normalise
from signals import Samples, full_range, quantise, sine
from wav_bytes import wav_bytes

DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]
STORED = ["uint8", "int16", "int32", "float32", "float64"]
COMMON = [8000, 11025, 16000, 22050, 24000, 44100, 48000, 96000, 192000]

rates = st.sampled_from(COMMON) | st.integers(4000, 192_000)
lengths = st.sampled_from([0, 1, 2, 3]) | st.integers(4, 60) | st.integers(1000, 6000)


@dataclass(frozen=True)
class Case:
    """A WAV of noise, and how it is to be decoded."""

    stored: str
    frames: int
    channels: int
    rate: int
    target: int
    dtype: str
    channels_first: bool

    @property
    def wav(self) -> bytes:
        return wav_bytes(full_range(self.frames, self.channels, self.stored), self.rate)

    @property
    def options(self) -> DecodeOptions:
        return {
            "sample_rate": self.target,
            "dtype": self.dtype,
            "channels_first": self.channels_first,
        }


cases = st.builds(
    Case,
    stored=st.sampled_from(STORED),
    frames=lengths,
    channels=st.integers(1, 8),
    rate=rates,
    target=rates,
    dtype=st.sampled_from(DTYPES),
    channels_first=st.booleans(),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("resample") / "case.wav"


@given(case=cases)
def test_length_law(case: Case) -> None:
    """As many frames as begin before the end of the last one: ceil(frames x target / rate)."""
    audio = pyffaudio.decode_bytes(case.wav, **case.options)
    expected = -(-case.frames * case.target // case.rate)
    assert audio.num_frames == expected
    assert audio.num_channels == case.channels
    assert audio.sample_rate == case.target
    shape = (case.channels, expected) if case.channels_first else (expected, case.channels)
    assert audio.samples.shape == shape
    assert audio.samples.dtype == case.dtype
    assert audio.samples.flags.c_contiguous


@given(case=cases)
def test_equals_the_command_with_the_same_settings(path: Path, case: Case) -> None:
    """As far as the command's output goes.

    It drops up to a filter's length of the end, and the whole of what is shorter than the filter.
    """
    path.write_bytes(case.wav)
    expected = command_resamples(path, case)
    audio = pyffaudio.decode_file(path, **case.options)
    found = audio.samples.T if case.channels_first else audio.samples
    event("the same length" if len(found) == len(expected) else "ours is longer")
    assert len(found) >= len(expected)
    np.testing.assert_array_equal(found[: len(expected)], expected, strict=True)


def command_resamples(path: Path, case: Case) -> Samples:
    if case.frames == 0:
        return np.zeros((0, case.channels), case.dtype)
    internal = "dblp" if case.dtype in ("int32", "float64") else "fltp"
    resampler = f"aresample={case.target}:internal_sample_fmt={internal}"
    if case.dtype == "int8":
        unsigned = decode(path, "uint8", case.channels, "-af", resampler)
        return (unsigned ^ np.uint8(0x80)).view(np.int8)
    return decode(path, case.dtype, case.channels, "-af", resampler)


@given(
    case=cases, sizes=st.lists(st.integers(1, 50) | st.integers(51, 9000), min_size=1, max_size=5)
)
def test_block_by_block_equals_one_shot(case: Case, sizes: list[int]) -> None:
    whole = pyffaudio.decode_bytes(case.wav, **case.options).samples
    expected = whole.T if case.channels_first else whole
    decoder = open_decoder(case.wav, normalise(**case.options))
    blocks: list[Samples] = []
    count = size = -1
    while count == size:  # fewer than asked means the end
        size = sizes[len(blocks) % len(sizes)]
        shape = (case.channels, size) if case.channels_first else (size, case.channels)
        block = np.zeros(shape, case.dtype)
        frames = block.T if case.channels_first else block
        count = decoder.read_into(frames)
        assert not frames[count:].any(), "nothing beyond what is reported"
        blocks.append(frames[:count])
    np.testing.assert_array_equal(np.concatenate(blocks), expected, strict=True)
    assert decoder.read_into(np.zeros_like(expected[:1], shape=(1, case.channels))) == 0


class Stream(io.BytesIO):
    """A file object that cannot seek."""

    def seekable(self) -> bool:
        return False


@given(case=cases, remix=st.booleans())
def test_every_way_in_gives_the_same(path: Path, case: Case, remix: bool) -> None:
    options = case.options
    if remix:
        options["num_channels"] = 1
    path.write_bytes(case.wav)
    expected = pyffaudio.decode_file(path, **options)
    out = np.empty_like(expected.samples)
    into: dict[str, Any] = {name: value for name, value in options.items() if name != "dtype"}
    for audio in (
        pyffaudio.decode_bytes(case.wav, **options),
        pyffaudio.decode_file(io.BytesIO(case.wav), **options),
        pyffaudio.decode_file(Stream(case.wav), **options),
        pyffaudio.decode_into(path, out, **into),
        pyffaudio.decode_into(case.wav, out.copy(order="F"), **into),
    ):
        np.testing.assert_array_equal(audio.samples, expected.samples, strict=True)
        assert audio.sample_rate == expected.sample_rate
        # A stream may end before or after it said it would.
        assert replace(audio.info, is_exact=expected.info.is_exact) == expected.info
        assert audio.more is False
        assert audio.complete is (True if case.frames else None)  # WAV's 0 may mean "unknown"


@given(case=cases)
def test_probe_equals_decode(case: Case) -> None:
    audio = pyffaudio.decode_bytes(case.wav, dtype=None)
    info = pyffaudio.probe(case.wav)
    assert audio.num_frames == case.frames
    assert info.num_channels == audio.num_channels == case.channels
    assert info.sample_rate == audio.sample_rate == case.rate
    if case.frames:  # a size of 0 means "unknown" where a stream is recorded
        assert info.num_frames == audio.num_frames
        assert info.duration_seconds == audio.duration_seconds


@given(case=cases)
def test_decoding_twice_gives_the_same(case: Case) -> None:
    first, second = (pyffaudio.decode_bytes(case.wav, **case.options) for _ in range(2))
    assert first.samples.tobytes() == second.samples.tobytes()


@given(case=cases)
def test_the_stored_rate_is_no_resampling(case: Case) -> None:
    """Asking for the rate that is there changes no bit."""
    audio = pyffaudio.decode_bytes(case.wav, dtype=None, sample_rate=case.rate)
    np.testing.assert_array_equal(
        audio.samples, full_range(case.frames, case.channels, case.stored), strict=True
    )


@given(rate=rates, target=rates, part=st.floats(0.001, 0.1))
def test_a_sine_stays_that_sine(rate: int, target: int, part: float) -> None:
    """In band, away from the ends, against the closed form at the new rate.

    The filter is looked up at 1024 phases between two samples, so that a sample may come from a
    1024th of an input sample beside its place; the rest is the filter's ripple, under -80 dB.
    """
    frequency = part * min(rate, target)
    filter_length = 32 * max(1, math.ceil(rate / target))
    frames = 4 * filter_length + 1000
    wav = wav_bytes(quantise(sine(frames, 1, rate, frequency), "float64"), rate)
    found = pyffaudio.decode_bytes(wav, sample_rate=target, dtype="float64").samples
    edge = math.ceil(filter_length * target / rate)
    expected = sine(len(found), 1, target, frequency)
    error = np.abs(found - expected)[edge : len(found) - edge].max()
    slope = 0.5 * 2 * math.pi * frequency / rate
    assert error <= slope / 1024 + 1e-4


@pytest.mark.parametrize(("stored", "asked"), [(767_999, 1000), (44_100, 1), (768_000, 100)])
def test_rates_too_far_apart_are_refused(stored: int, asked: int) -> None:
    """The filter between them takes seconds to compute, in which nothing can interrupt it."""
    wav = wav_bytes(full_range(100, 1, "int16"), stored)
    with pytest.raises(ValueError, match=f"resampling {stored} Hz to sample_rate={asked} takes"):
        pyffaudio.decode_bytes(wav, sample_rate=asked)
