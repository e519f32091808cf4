"""Promise: decode_into fills the caller's array, writes nowhere else, allocates no such memory."""

import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import pyffaudio
from media import RECIPES, Media
from signals import Samples, full_range
from wav_bytes import wav_bytes

FRAMES = 4999
STEREO = full_range(FRAMES, 2, "int16")
WAV = wav_bytes(STEREO, 8000)
DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["wav_s24", "flac_16_mono", "vorbis", "flac_16_6"])
def test_equals_decode_file(media: Media, name: str, dtype: str) -> None:
    expected = pyffaudio.decode_file(media[name], dtype=dtype).samples
    out = np.empty_like(expected)
    audio = pyffaudio.decode_into(media[name], out)
    assert audio.sample_rate == RECIPES[name].rate
    assert np.shares_memory(audio.samples, out)
    np.testing.assert_array_equal(audio.samples, expected, strict=True)
    np.testing.assert_array_equal(out, expected, strict=True)


@pytest.mark.parametrize(
    "options", [{"sample_rate": 11025}, {"num_channels": 1}, {"start_seconds": 0.1}]
)
def test_equals_decode_file_with_options(options: dict[str, Any]) -> None:
    expected = pyffaudio.decode_bytes(WAV, **options).samples
    audio = pyffaudio.decode_into(WAV, np.empty_like(expected), **options)
    np.testing.assert_array_equal(audio.samples, expected, strict=True)


# Memory layouts: (frames, channels) as seen by the caller, whatever the strides beneath.

LAYOUTS: dict[str, Callable[[str], Samples]] = {
    "C order": lambda dtype: np.zeros((FRAMES, 2), dtype),
    "Fortran order": lambda dtype: np.zeros((FRAMES, 2), dtype, order="F"),
    "every third frame": lambda dtype: np.zeros((3 * FRAMES, 2), dtype)[::3],
    "two of five columns": lambda dtype: np.zeros((FRAMES, 5), dtype)[:, 1:4:2],
    "frames reversed": lambda dtype: np.zeros((FRAMES, 2), dtype)[::-1],
    "channels reversed": lambda dtype: np.zeros((FRAMES, 2), dtype)[:, ::-1],
    "a field of records": lambda dtype: np.zeros(FRAMES, [("a", "u1"), ("b", dtype, 2)])["b"],
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_strides(layout: str, dtype: str) -> None:
    out = LAYOUTS[layout](dtype)
    audio = pyffaudio.decode_into(WAV, out)
    expected = pyffaudio.decode_bytes(WAV, dtype=dtype).samples
    np.testing.assert_array_equal(out, expected, strict=True)
    assert audio.samples.shape == (FRAMES, 2)
    assert np.shares_memory(audio.samples, out)


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_planes_of_what_is_stored(dtype: str, channels: int) -> None:
    """Of WAV that needs no conversion, long enough to be read in pieces; around them is nothing."""
    stored = full_range(50_000, channels, dtype)
    source = wav_bytes(stored, 8000)
    whole = np.full((channels + 2, 50_000 + 2), 77, dtype)
    out = whole[1:-1, 1:-1]
    pyffaudio.decode_into(source, out, channels_first=True)
    np.testing.assert_array_equal(out.T, stored, strict=True)
    samples = pyffaudio.decode_bytes(source, dtype=dtype, channels_first=True).samples
    np.testing.assert_array_equal(samples.T, stored, strict=True)
    out[:] = 77
    assert (whole == 77).all()


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["flac_16", "flac_24", "vorbis"])
def test_any_strides_of_other_samples(media: Media, name: str, layout: str, dtype: str) -> None:
    """Of planes and of more bits than came out of WAV, in pieces that do not fill a frame."""
    expected = pyffaudio.decode_file(media[name], dtype=dtype).samples
    assert expected.shape[1] == 2
    out = LAYOUTS[layout](dtype)
    with pyffaudio.AudioReader(media[name], dtype=dtype) as reader:
        place = 0
        while count := reader.read_into(out[place : place + 700]):
            place += count
    np.testing.assert_array_equal(out[:place], expected[:FRAMES])


@pytest.mark.parametrize(
    "layout", ["C order", "Fortran order", "every third frame", "frames reversed"]
)
def test_any_strides_with_channels_first(layout: str) -> None:
    out = LAYOUTS[layout]("int16").T
    audio = pyffaudio.decode_into(WAV, out, channels_first=True)
    np.testing.assert_array_equal(out, STEREO.T, strict=True)
    assert audio.samples.shape == (2, FRAMES)


@pytest.mark.parametrize("rate", [None, 11025])
def test_any_strides_when_resampling(rate: int | None) -> None:
    expected = pyffaudio.decode_bytes(WAV, sample_rate=rate).samples
    for order in ("C", "F"):
        out = np.zeros((2 * len(expected), 2), np.float32, order=order)[::2]
        pyffaudio.decode_into(WAV, out, sample_rate=rate)
        np.testing.assert_array_equal(out, expected, strict=True)


@pytest.mark.parametrize("step", [1, 3, -1])
def test_one_dimension_for_one_channel(step: int) -> None:
    mono = STEREO[:, :1]
    out = np.zeros(FRAMES * abs(step), np.int16)[::step]
    audio = pyffaudio.decode_into(wav_bytes(mono, 8000), out)
    assert audio.samples.ndim == 1
    np.testing.assert_array_equal(out, mono[:, 0], strict=True)


def test_one_dimension_for_a_remix_to_mono() -> None:
    out = np.zeros(FRAMES, np.float32)
    pyffaudio.decode_into(WAV, out, num_channels=1)
    expected = pyffaudio.decode_bytes(WAV, num_channels=1).samples
    np.testing.assert_array_equal(out, expected[:, 0])


# Nothing else is touched.


@pytest.mark.parametrize("channels_first", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "room", [0, 1, 2, 1023, 1024, 1025, FRAMES - 1, FRAMES, FRAMES + 1, 2 * FRAMES]
)
def test_only_the_frames_reported_are_written(room: int, dtype: str, channels_first: bool) -> None:
    guard = np.frombuffer(b"\xa5" * 8, dtype)[0]
    whole = np.full((room + 20, 6), guard, dtype)
    out = whole[10 : room + 10, 2:4]
    audio = pyffaudio.decode_into(
        WAV, out.T if channels_first else out, channels_first=channels_first
    )
    frames = min(room, FRAMES)
    assert audio.num_frames == frames
    assert audio.more is (room < FRAMES)
    expected = np.full_like(whole, guard)
    expected[10 : frames + 10, 2:4] = pyffaudio.decode_bytes(WAV, dtype=dtype).samples[:frames]
    assert whole.tobytes() == expected.tobytes()


@pytest.mark.parametrize("room", [0, 1, 100, 6000, 6890])
def test_only_the_frames_reported_are_written_when_resampling(room: int) -> None:
    expected = pyffaudio.decode_bytes(WAV, sample_rate=11025).samples
    whole = np.full((room + 20, 2), np.float32(7))
    audio = pyffaudio.decode_into(WAV, whole[10 : room + 10], sample_rate=11025)
    frames = min(room, len(expected))
    assert audio.num_frames == frames
    assert audio.more is (room < len(expected))
    np.testing.assert_array_equal(audio.samples, expected[:frames])
    assert (whole[:10] == 7).all()
    assert (whole[10 + frames :] == 7).all()


def test_an_error_leaves_the_rest_untouched(media: Media) -> None:
    data = media["wav_s16"].read_bytes()[:10_000]
    whole = np.full((FRAMES, 2), 7, np.int16)
    with pytest.raises(pyffaudio.CorruptAudioError) as caught:
        pyffaudio.decode_into(data, whole)
    assert caught.value.partial is not None
    frames = caught.value.partial.num_frames
    assert np.shares_memory(caught.value.partial.samples, whole)
    np.testing.assert_array_equal(whole[:frames], RECIPES["wav_s16"].signal()[:frames])
    assert (whole[frames:] == 7).all()


def test_more_is_false_where_the_audio_ends_with_out(media: Media) -> None:
    """Not one frame too early to tell: also for a decoder that has to be asked again."""
    for name in ("flac_16", "mp3", "vorbis", "opus", "m4a"):
        expected = pyffaudio.decode_file(media[name]).samples
        audio = pyffaudio.decode_into(media[name], np.empty_like(expected))
        assert audio.more is False
        audio = pyffaudio.decode_into(media[name], np.empty_like(expected[:-1]))
        assert audio.more is True


# What is refused: the message names what out is, and what it should be.


def test_a_wrong_number_of_channels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"(?s)3.*2|2.*3"):
        pyffaudio.decode_into(WAV, np.zeros((10, 3), np.int16))


def test_channels_first_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="channel"):
        pyffaudio.decode_into(WAV, np.zeros((2, 100), np.int16))


def test_num_channels_must_equal_the_columns() -> None:
    with pytest.raises(ValueError, match=r"(?s)1.*2|2.*1"):
        pyffaudio.decode_into(WAV, np.zeros((10, 2), np.int16), num_channels=1)


def test_mixing_is_never_silent() -> None:
    with pytest.raises(ValueError, match="num_channels"):
        pyffaudio.decode_into(WAV, np.zeros((10, 1), np.int16))
    with pytest.raises(ValueError, match="num_channels"):
        pyffaudio.decode_into(WAV, np.zeros(10, np.int16))


@pytest.mark.parametrize("shape", [(), (2, 10, 2), (1, 1, 1, 1)])
def test_a_wrong_rank_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"(?s){len(shape)}.*2|2.*{len(shape)}"):
        pyffaudio.decode_into(WAV, np.zeros(shape, np.int16))


@pytest.mark.parametrize(
    "dtype", ["int64", "uint16", "float16", "complex64", "bool", ">i2", ">f4", "S2", "O"]
)
def test_a_wrong_dtype_is_refused(dtype: str) -> None:
    out = np.zeros((10, 2), dtype)
    with pytest.raises((TypeError, ValueError), match="float32") as caught:
        pyffaudio.decode_into(WAV, out)
    assert str(out.dtype) in str(caught.value)


def test_a_read_only_array_is_refused() -> None:
    out = np.zeros((10, 2), np.int16)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        pyffaudio.decode_into(WAV, out)


@pytest.mark.parametrize("out", [bytearray(40), [0.0] * 10, None, "out", 7])
def test_what_is_no_array_is_refused(out: object) -> None:
    with pytest.raises(TypeError, match=type(out).__name__):
        pyffaudio.decode_into(WAV, out)


def test_dtype_comes_from_out_and_is_no_option() -> None:
    with pytest.raises(TypeError, match="dtype"):
        pyffaudio.decode_into(WAV, np.zeros((10, 2), np.int16), dtype="int16")  # type: ignore[call-arg]


@pytest.mark.parametrize("out", [np.zeros((1, 2, 3)), np.zeros((9, 2), np.int64)])
def test_out_is_looked_at_before_anything_is_opened(out: npt.NDArray[Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        pyffaudio.decode_into("/nonexistent", out)


# Memory.

LONG = wav_bytes(full_range(2_000_000, 2, "int16"), 48000)


@pytest.mark.parametrize("options", [{}, {"sample_rate": 44100}, {"num_channels": 1}])
def test_python_and_numpy_allocate_no_sample_memory(options: dict[str, Any]) -> None:
    """NumPy reports its arrays to tracemalloc: 16 MB if there were any, a few KB without."""
    out = np.zeros((2_000_000, options.get("num_channels", 2)), np.float32)
    pyffaudio.decode_into(LONG, out[:10], **options)  # what is imported or cached by the first call
    tracemalloc.start()
    pyffaudio.decode_into(LONG, out, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 1024


def test_the_process_grows_by_no_sample_memory(tmp_path: Path) -> None:
    """A decode into 256 MB, touched before: the peak of memory grows by less than a tenth."""
    head = wav_bytes(np.zeros((0, 2), np.int16), 48000)
    size = 32_000_000 * 4
    wav = tmp_path / "long.wav"
    with wav.open("wb") as file:
        file.write(head[:40] + size.to_bytes(4, "little"))
        file.truncate(len(head) + size)
    code = f"""
import resource
import numpy as np, pyffaudio
out = np.ones((32_000_000, 2), np.float32)
pyffaudio.decode_into({os.fspath(wav)!r}, out[:1000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
audio = pyffaudio.decode_into({os.fspath(wav)!r}, out)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert audio.num_frames == len(out) and not out.any()
print(after - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 25_000, f"the peak grew by {done.stdout} KiB"
