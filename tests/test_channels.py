"""Promise: the level contract. One matrix, the same for every dtype, and never above full scale."""

import numpy as np
import numpy.typing as npt
import pytest

import pyffaudio
from media import Media
from signals import FULL_SCALE, Samples, as_float, full_range
from wav_bytes import wav_bytes

HALF = 0.5**0.5  # -3 dB

# What reaches (left, right), by ITU-R BS.775, before each side is divided by its sum; no LFE.
ITU = {
    "FL": (1, 0), "FR": (0, 1), "FC": (HALF, HALF), "LFE": (0, 0), "BL": (HALF, 0), "BR": (0, HALF),
    "SL": (HALF, 0), "SR": (0, HALF), "BC": (0.5, 0.5),
}  # fmt: skip

LAYOUTS = {
    "2.1": "FL FR LFE",
    "3.0": "FL FR FC",
    "3.0(back)": "FL FR BC",
    "4.0": "FL FR FC BC",
    "quad": "FL FR BL BR",
    "quad(side)": "FL FR SL SR",
    "5.0": "FL FR FC BL BR",
    "5.0(side)": "FL FR FC SL SR",
    "5.1": "FL FR FC LFE BL BR",
    "5.1(side)": "FL FR FC LFE SL SR",
    "6.1": "FL FR FC LFE BC SL SR",
    "7.1": "FL FR FC LFE BL BR SL SR",
}
DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]

# The working precision is float32 for all but int32 and float64: sums of at most 8 products, each
# rounded to 2^-24, and the result rounded once more.
ROUNDING = {"int32": 2.0**-31, "float64": 2.0**-50}
SINGLE = 9 * 2.0**-24


def to_stereo(layout: str) -> npt.NDArray[np.float64]:
    weights = np.array([ITU[name] for name in LAYOUTS[layout].split()], np.float64)
    return np.asarray(weights / weights.sum(axis=0))


def decode(samples: Samples, layout: str | None, dtype: str, channels: int) -> Samples:
    wav = wav_bytes(samples, 8000, layout)
    return pyffaudio.decode_bytes(wav, dtype=dtype, num_channels=channels).samples


def assert_close(found: Samples, expected: npt.NDArray[np.float64]) -> None:
    """Within one step of the sample format, and the working precision beneath."""
    dtype = found.dtype.name
    step = 1 / FULL_SCALE[dtype] if found.dtype.kind in "ui" else 0.0
    assert found.shape == expected.shape
    assert np.abs(as_float(found) - expected).max() <= step + ROUNDING.get(dtype, SINGLE)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_named_layouts_to_stereo_and_mono(layout: str, dtype: str) -> None:
    samples = full_range(3001, len(LAYOUTS[layout].split()), "int16")
    stereo = as_float(samples) @ to_stereo(layout)
    assert_close(decode(samples, layout, dtype, 2), stereo)
    assert_close(decode(samples, layout, dtype, 1), stereo.mean(axis=1, keepdims=True))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", [None, "stereo"])
def test_stereo_to_mono_is_the_mean(layout: str | None, dtype: str) -> None:
    samples = full_range(3001, 2, "int16")
    assert_close(decode(samples, layout, dtype, 1), as_float(samples).mean(axis=1, keepdims=True))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [2, 3, 6, 8, 17, 64])
@pytest.mark.parametrize("layout", [None, "mono"])
def test_mono_repeats(layout: str | None, channels: int, dtype: str) -> None:
    samples = full_range(3001, 1, "int16")
    found = decode(samples, layout, dtype, channels)
    assert_close(found[:, :1], as_float(samples))
    np.testing.assert_array_equal(found, np.repeat(found[:, :1], channels, axis=1), strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [3, 4, 6, 8, 16])
def test_unspecified_layouts_to_mono_are_the_mean(channels: int, dtype: str) -> None:
    samples = full_range(3001, channels, "int16")
    expected = as_float(samples).mean(axis=1, keepdims=True)
    assert np.abs(as_float(decode(samples, None, dtype, 1)) - expected).max() <= (
        1 / FULL_SCALE[dtype] if np.dtype(dtype).kind in "ui" else 0
    ) + (channels + 1) * (2.0**-53 if dtype in ROUNDING else 2.0**-24)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", [None, *LAYOUTS])
def test_the_same_number_of_channels_changes_nothing(layout: str | None, dtype: str) -> None:
    channels = 6 if layout is None else len(LAYOUTS[layout].split())
    wav = wav_bytes(full_range(3001, channels, "int16"), 8000, layout)
    expected = pyffaudio.decode_bytes(wav, dtype=dtype).samples
    found = pyffaudio.decode_bytes(wav, dtype=dtype, num_channels=channels).samples
    np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", [1, 2])
def test_full_scale_stays_full_scale(layout: str, channels: int) -> None:
    """All channels at full scale and silence on LFE, which does not count: no more, no less."""
    names = LAYOUTS[layout].split()
    full = np.where(np.array(names) == "LFE", 0.0, 1.0) * np.array([[1.0], [-1.0]])
    found = decode(full, layout, "float64", channels)
    np.testing.assert_allclose(np.abs(as_float(found)), 1.0, rtol=0, atol=2.0**-50)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_never_above_full_scale(layout: str, dtype: str) -> None:
    samples = np.sign(as_float(full_range(3001, len(LAYOUTS[layout].split()), "float64")))
    for channels in (1, 2):
        found = decode(samples, layout, dtype, channels)
        assert np.abs(as_float(found)).max() <= 1 + ROUNDING.get(dtype, SINGLE)


def test_lfe_is_dropped() -> None:
    samples = np.zeros((100, 6), np.float32)
    samples[:, 3] = 1
    assert not decode(samples, "5.1", "float32", 2).any()
    assert not decode(samples, "5.1", "float32", 1).any()


@pytest.mark.parametrize(
    ("layout", "have", "wanted"),
    [
        (None, 3, 2),
        (None, 6, 2),
        (None, 6, 5),
        (None, 2, 3),
        ("stereo", 2, 6),
        ("5.1", 6, 8),
        ("7.1", 8, 6),
    ],
)
def test_what_no_rule_covers_is_an_error_that_names_both(
    layout: str | None, have: int, wanted: int
) -> None:
    with pytest.raises(ValueError, match=rf"{have} channels.*\b{wanted}\b"):
        decode(full_range(100, have, "int16"), layout, "float32", wanted)


@pytest.mark.parametrize(("name", "channels"), [("vorbis_6", 6), ("flac_16_6", 6), ("m4a_6", 6)])
def test_5_1_of_real_codecs(media: Media, name: str, channels: int) -> None:
    """They store channels in orders of their own; what comes out is in the order of the layout."""
    audio = pyffaudio.decode_file(media[name], dtype="float64")
    assert audio.info.channel_layout in ("5.1", "5.1(side)")
    stereo = pyffaudio.decode_file(media[name], dtype="float64", num_channels=2).samples
    assert_close(stereo, as_float(audio.samples) @ to_stereo("5.1"))


def test_remixing_comes_before_nothing_else(media: Media) -> None:
    """Remix and resample are both linear: together they equal one after the other."""
    both = pyffaudio.decode_file(
        media["flac_16_6"], dtype="float64", num_channels=1, sample_rate=32000
    )
    rate = pyffaudio.decode_file(media["flac_16_6"], dtype="float64", sample_rate=32000)
    expected = as_float(rate.samples) @ to_stereo("5.1").mean(axis=1, keepdims=True)
    np.testing.assert_allclose(as_float(both.samples), expected, rtol=0, atol=2.0**-45)
