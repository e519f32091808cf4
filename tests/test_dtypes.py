"""Promise: every sample format tells the same story, to within one step of the coarser one."""

from typing import Any

import numpy as np
import pytest

import pyffaudio
from media import LOSSLESS, RECIPES, Media
from signals import FULL_SCALE, as_float, full_range, quantise, sine
from wav_bytes import wav_bytes

DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]
NAMES = [
    "wav_u8",
    "wav_s16",
    "flac_24",
    "wav_s32",
    "wav_f32",
    "wav_f64",
    "mp3",
    "vorbis",
    "opus",
    "m4a",
]


def step(dtype: str) -> float:
    """The distance between neighbours at full scale, full scale being 1."""
    return 1 / FULL_SCALE[dtype] if np.dtype(dtype).kind in "ui" else float(np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_formats_agree_within_one_step(media: Media, name: str, dtype: str) -> None:
    exact = pyffaudio.decode_file(media[name], dtype="float64").samples
    audio = pyffaudio.decode_file(media[name], dtype=dtype)
    assert audio.samples.dtype == dtype
    error = np.abs(as_float(audio.samples) - np.clip(exact, -1, 1 - step(dtype)))
    assert error.max() <= step(dtype)


@pytest.mark.parametrize("options", [{"sample_rate": 12345}, {"num_channels": 1}])
@pytest.mark.parametrize("dtype", DTYPES)
def test_formats_agree_after_resampling_and_remixing(dtype: str, options: dict[str, Any]) -> None:
    """One step, and the rounding of the float32 arithmetic within: 2^-20 is 8 steps of its own."""
    wav = wav_bytes(quantise(sine(5000, 2, 44100), "int16"), 44100)
    exact = pyffaudio.decode_bytes(wav, dtype="float64", **options).samples
    audio = pyffaudio.decode_bytes(wav, dtype=dtype, **options)
    assert np.abs(as_float(audio.samples) - exact).max() <= step(dtype) + 2.0**-20


@pytest.mark.parametrize("name", NAMES)
def test_int8_is_uint8_with_the_top_bit_flipped(media: Media, name: str) -> None:
    unsigned = pyffaudio.decode_file(media[name], dtype="uint8").samples
    signed = pyffaudio.decode_file(media[name], dtype="int8").samples
    np.testing.assert_array_equal(signed.view(np.uint8), unsigned ^ 0x80, strict=True)


@pytest.mark.parametrize("name", LOSSLESS)
def test_none_is_the_stored_format(media: Media, name: str) -> None:
    assert pyffaudio.decode_file(media[name], dtype=None).samples.dtype == RECIPES[name].dtype


@pytest.mark.parametrize("name", ["mp3", "vorbis", "opus", "m4a", "adts"])
def test_none_is_float32_for_lossy_codecs(media: Media, name: str) -> None:
    assert pyffaudio.decode_file(media[name], dtype=None).samples.dtype == np.float32


def test_none_is_float64_for_64_bit_integers() -> None:
    """FFmpeg decodes these to 64-bit integers, which no dtype here holds."""
    values = (np.arange(-500, 500, dtype=np.int64) << 54).reshape(500, 2)
    audio = pyffaudio.decode_bytes(wav_bytes(values, 8000), dtype=None)
    np.testing.assert_array_equal(audio.samples, values / 2.0**63, strict=True)


def test_the_default_is_float32() -> None:
    assert (
        pyffaudio.decode_bytes(wav_bytes(full_range(9, 1, "uint8"), 8000)).samples.dtype
        == np.float32
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_dtype_by_any_of_its_names(dtype: str) -> None:
    wav = wav_bytes(full_range(9, 1, "int16"), 8000)
    for name in (dtype, np.dtype(dtype), np.dtype(dtype).type):
        assert pyffaudio.decode_bytes(wav, dtype=name).samples.dtype == dtype


@pytest.mark.parametrize("stored", ["float32", "float64"])
@pytest.mark.parametrize("dtype", ["int16", "int32", "uint8", "int8"])
def test_integers_saturate(stored: str, dtype: str) -> None:
    """A float beyond full scale becomes the last value, and never wraps round; NaN is silence."""
    loud = [1.0, 1.5, 1e4, 1e9, 1e30, np.inf]
    values = np.array([loud, np.negative(loud), [np.nan] * 6], stored).T
    samples = pyffaudio.decode_bytes(wav_bytes(values, 8000), dtype=dtype).samples
    bound = np.iinfo(dtype)
    expected = [bound.max, bound.min, 128 if dtype == "uint8" else 0]
    np.testing.assert_array_equal(samples, [expected] * 6)
