"""Promise: what was stored without loss comes out exactly as it went in."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

import ffmpeg_command
import pyffaudio
from media import LOSSLESS, RECIPES, Media
from signals import as_float
from wav_bytes import wav_bytes

Codes = npt.NDArray[np.uint8]
Expansion = Callable[[Codes], npt.NDArray[np.int16]]


@pytest.mark.parametrize("name", LOSSLESS)
def test_stored_samples_come_back_unchanged(media: Media, name: str) -> None:
    expected = LOSSLESS[name].signal()
    audio = pyffaudio.decode_file(media[name], dtype=None)
    assert audio.samples.dtype == expected.dtype
    assert audio.sample_rate == LOSSLESS[name].rate
    np.testing.assert_array_equal(audio.samples, expected)


@pytest.mark.parametrize("name", LOSSLESS)
def test_float32_is_the_stored_value_over_full_scale(media: Media, name: str) -> None:
    """Rounded once: from 24 bits on, float32 cannot hold every value."""
    expected = as_float(LOSSLESS[name].signal()).astype(np.float32)
    audio = pyffaudio.decode_file(media[name])
    assert audio.samples.dtype == np.float32
    np.testing.assert_array_equal(audio.samples, expected)


@pytest.mark.parametrize("name", LOSSLESS)
def test_nothing_is_missing_and_nothing_wrong(media: Media, name: str) -> None:
    audio = pyffaudio.decode_file(media[name])
    assert audio.complete is not False
    assert audio.more is False
    assert list(audio.issues) == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_beyond_full_scale_are_kept(dtype: str) -> None:
    expected = np.array([[2.5], [-7.0], [1e30], [-1e-30]], dtype)
    audio = pyffaudio.decode_bytes(wav_bytes(expected, 8000), dtype=dtype)
    np.testing.assert_array_equal(audio.samples, expected, strict=True)


def test_raw_samples_by_format_name(media: Media) -> None:
    options = {"sample_rate": 44100, "channels": 2}
    audio = pyffaudio.decode_file(media["raw"], dtype=None, format="s16le", format_options=options)
    assert audio.sample_rate == 44100
    np.testing.assert_array_equal(audio.samples, RECIPES["wav_s16"].signal())


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_raw_samples_of_every_width(dtype: str) -> None:
    expected = np.arange(64).astype(dtype).reshape(32, 2)
    audio = pyffaudio.decode_bytes(
        expected.tobytes(),
        dtype=None,
        format=ffmpeg_command.FORMATS[dtype],
        format_options={"sample_rate": 8000, "channels": 2},
    )
    np.testing.assert_array_equal(audio.samples, expected, strict=True)


def expand_alaw(codes: Codes) -> npt.NDArray[np.int16]:
    """G.711 A-law: sign, 3 bits of exponent, 4 of mantissa; every other bit is inverted."""
    code = codes.astype(np.int32) ^ 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    linear = np.where(exponent == 0, 2 * mantissa + 1, 2 * mantissa + 33) << np.maximum(
        exponent - 1, 0
    )
    return np.asarray(np.where(code & 0x80, linear, -linear) << 3, np.int16)


def expand_mulaw(codes: Codes) -> npt.NDArray[np.int16]:
    """G.711 mu-law: the same with a bias of 33 and all bits inverted."""
    code = codes.astype(np.int32) ^ 0xFF
    exponent, mantissa = code >> 4 & 7, code & 15
    linear = ((2 * mantissa + 33) << exponent) - 33
    return np.asarray(np.where(code & 0x80, -linear, linear) << 2, np.int16)


@pytest.mark.parametrize(("law", "expand"), [("alaw", expand_alaw), ("mulaw", expand_mulaw)])
def test_g711_expands_every_code_as_the_standard_says(law: str, expand: Expansion) -> None:
    codes = np.arange(256, dtype=np.uint8)
    options = {"sample_rate": 8000, "channels": 1}
    audio = pyffaudio.decode_bytes(codes.tobytes(), dtype=None, format=law, format_options=options)
    np.testing.assert_array_equal(audio.samples[:, 0], expand(codes), strict=True)


@pytest.mark.parametrize("name", ["wav_alaw", "wav_mulaw"])
def test_g711_in_wav(media: Media, name: str) -> None:
    codes = np.frombuffer(media[name].read_bytes().split(b"data", 1)[1][4:], np.uint8)[:5003]
    expand = expand_alaw if name == "wav_alaw" else expand_mulaw
    audio = pyffaudio.decode_file(media[name], dtype=None)
    np.testing.assert_array_equal(audio.samples[:, 0], expand(codes), strict=True)


def test_g722_equals_the_command(media: Media) -> None:
    expected = ffmpeg_command.decode(media["g722"], "int16", 1, before=("-f", "g722"))
    audio = pyffaudio.decode_file(media["g722"], dtype=None, format="g722")
    assert audio.sample_rate == 16000
    np.testing.assert_array_equal(audio.samples, expected, strict=True)
