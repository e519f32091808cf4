"""Promise: a segment is the slice of the whole, sample for sample, however it is asked for."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyffaudio
from media import Media
from signals import full_range
from wav_bytes import wav_bytes

RATE = 8000
FRAMES = 12_007
WHOLE = full_range(FRAMES, 2, "int16")
WAV = wav_bytes(WHOLE, RATE)
CODECS = ["flac_16", "mp3", "vorbis", "opus", "m4a", "mka_vorbis", "webm_opus", "adts", "mka_flac"]


@given(offset=st.integers(0, FRAMES + 9), frames=st.none() | st.integers(0, FRAMES + 9))
def test_frames(offset: int, frames: int | None) -> None:
    audio = pyffaudio.decode_bytes(WAV, dtype=None, frame_offset=offset, num_frames=frames)
    end = FRAMES if frames is None else offset + frames
    np.testing.assert_array_equal(audio.samples, WHOLE[offset:end], strict=True)
    assert audio.more is (end < FRAMES)


@given(
    start=st.integers(-FRAMES - 9, FRAMES + 9),
    stop=st.none() | st.integers(-FRAMES - 9, FRAMES + 9),
)
def test_seconds_count_as_a_slice_does(start: int, stop: int | None) -> None:
    """Negative ones from the end; -0.0 is 0."""
    audio = pyffaudio.decode_bytes(
        WAV,
        dtype=None,
        start_seconds=start / RATE,
        stop_seconds=None if stop is None else stop / RATE,
    )
    np.testing.assert_array_equal(audio.samples, WHOLE[start:stop], strict=True)


@given(
    start=st.floats(0, 2), length=st.floats(0, 2), rate=st.sampled_from([None, 8000, 11025, 16000])
)
def test_seconds_are_rounded_to_frames_of_the_output_rate(
    start: float, length: float, rate: int | None
) -> None:
    whole = pyffaudio.decode_bytes(WAV, sample_rate=rate).samples
    audio = pyffaudio.decode_bytes(
        WAV, sample_rate=rate, start_seconds=start, stop_seconds=start + length
    )
    first, last = (round(seconds * (rate or RATE)) for seconds in (start, start + length))
    np.testing.assert_array_equal(audio.samples, whole[first:last], strict=True)


@pytest.mark.parametrize("rate", [None, 16000])
@pytest.mark.parametrize("name", CODECS)
def test_segments_of_every_codec(media: Media, name: str, rate: int | None) -> None:
    whole = pyffaudio.decode_file(media[name], sample_rate=rate)
    for offset in (0, 1, 1000, whole.num_frames - 1, whole.num_frames):
        audio = pyffaudio.decode_file(
            media[name], sample_rate=rate, frame_offset=offset, num_frames=777
        )
        np.testing.assert_array_equal(audio.samples, whole.samples[offset : offset + 777])
    audio = pyffaudio.decode_file(media[name], sample_rate=rate, start_seconds=-0.01)
    count = round(0.01 * whole.sample_rate)
    np.testing.assert_array_equal(audio.samples, whole.samples[-count:])


def test_from_the_end_of_what_cannot_seek_is_refused() -> None:
    """The end is found by a first pass; keeping all that comes by would be a surprise."""

    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(ValueError, match=r"negative seconds.*cannot seek"):
        pyffaudio.decode_file(Unseekable(WAV), start_seconds=-0.5)


def test_nothing_is_two_dimensional_too() -> None:
    for audio in (
        pyffaudio.decode_bytes(WAV, start_seconds=99),
        pyffaudio.decode_bytes(WAV, num_frames=0),
        pyffaudio.decode_bytes(WAV, start_seconds=1, stop_seconds=0.5),
    ):
        assert audio.samples.shape == (0, 2)
    assert pyffaudio.decode_bytes(WAV, start_seconds=99, channels_first=True).samples.shape == (
        2,
        0,
    )


@pytest.mark.parametrize("channels_first", [False, True])
def test_segments_into_an_array(channels_first: bool) -> None:
    out = np.zeros((2, 100) if channels_first else (100, 2), np.int16)
    audio = pyffaudio.decode_into(WAV, out, channels_first=channels_first, start_seconds=0.5)
    np.testing.assert_array_equal(out.T if channels_first else out, WHOLE[4000:4100])
    assert audio.more is True


def test_what_was_asked_for_ends_with_more() -> None:
    """More tells of the audio, not of the segment that was asked for."""
    assert pyffaudio.decode_bytes(WAV, stop_seconds=1).more is True
    assert pyffaudio.decode_bytes(WAV, start_seconds=1).more is False
    assert pyffaudio.decode_bytes(WAV, num_frames=FRAMES).more is False


def test_channels_first_is_the_transpose() -> None:
    audio = pyffaudio.decode_bytes(WAV, dtype=None, channels_first=True)
    np.testing.assert_array_equal(audio.samples, WHOLE.T, strict=True)
    assert (audio.num_frames, audio.num_channels) == (FRAMES, 2)


@pytest.mark.parametrize("seconds", [{"start_seconds": 1.0}, {"stop_seconds": 1.0}])
@pytest.mark.parametrize("frames", [{"frame_offset": 1}, {"num_frames": 1}])
def test_both_kinds_together_are_an_error(
    seconds: dict[str, float], frames: dict[str, int]
) -> None:
    with pytest.raises(ValueError, match="seconds"):
        pyffaudio.decode_file("/nonexistent", **seconds, **frames)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [OSError(5, "I/O error"), KeyboardInterrupt()])
def test_an_error_while_counting_to_the_end_is_raised(error: BaseException) -> None:
    """A look for the end that fails half-way must not pass for the length."""

    class Failing(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.reads += 1
            if self.reads == 3:
                raise error
            return super().read(size)

    data = wav_bytes(full_range(1_000_000, 1, "int16"), 8000)
    with pytest.raises(type(error)) as caught:
        pyffaudio.decode_file(Failing(data), start_seconds=-0.01, sample_rate=4000)
    assert caught.value is error
