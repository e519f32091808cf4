"""Promise: what does not add up is decoded from the start, so that segments are right there too."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyffaudio
from conftest import MUSIC
from flac_bytes import flac
from long_media import LongMedia
from media import recordings
from ogg_pages import join, pages
from pyffaudio import Audio, AudioReader, CorruptAudioError, Limits
from signals import full_range
from test_timeline import Counting


@pytest.fixture(scope="module")
def long_media(tmp_path_factory: pytest.TempPathFactory) -> LongMedia:
    return LongMedia(tmp_path_factory.mktemp("odd"), recordings(MUSIC["ogg"])[0])


def _twice(data: bytes) -> bytes:
    return data + data


def _short_first(data: bytes) -> bytes:
    """A little of it, and then all: one that begins anew not far in."""
    return data[: len(data) // 7] + data


def _hole(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + data[middle + 20_000 :]


def _overwritten(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(20_000) + data[middle + 20_000 :]


def _repeated(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + data[middle - 50_000 :]


def _cut(data: bytes) -> bytes:
    return data[: len(data) * 3 // 4]


def _tagged_inside(data: bytes) -> bytes:
    """A tag in the middle, as where recordings were put together."""
    middle = data.index(data[-4000:-3996], len(data) // 2)
    return data[:middle] + b"TAG" + bytes(125) + data[middle:]


WAYS = {
    way.__name__.strip("_"): way
    for way in (_twice, _short_first, _hole, _overwritten, _repeated, _cut, _tagged_inside)
}
FORMATS = ["flac", "ogg", "mp3", "mp3_cbr", "adts", "wav", "m4a", "wv", "tta", "mka_flac", "opus"]


# Where bytes stand twice, frames say their own time: only decoding all shows that there are more.
SAY_THEIR_TIME = {("flac", "repeated"), ("ogg", "repeated"), ("opus", "repeated")}
CASES = [(name, way) for name in FORMATS for way in WAYS if (name, way) not in SAY_THEIR_TIME]


@pytest.fixture(scope="module")
def odd(long_media: LongMedia) -> Any:
    """An odd file's bytes, and what decoding all of them gives; None where that is an error."""

    @cache
    def odd(name: str, way: str) -> tuple[bytes, Audio | None]:
        data = WAYS[way](long_media.path(name).read_bytes())
        try:
            return data, pyffaudio.decode_bytes(data, on_error="partial")
        except pyffaudio.PyffaudioError:
            return data, None  # a header that is damaged

    yield odd
    odd.cache_clear()


def _check_segment(odd: Any, name: str, way: str, offset: int, count: int) -> None:
    data, whole = odd(name, way)
    part = pyffaudio.decode_bytes(
        data, on_error="partial", frame_offset=offset, num_frames=count
    ).samples
    expected = whole.samples[offset : offset + count]
    assert part.shape == expected.shape
    if name == "opus":
        np.testing.assert_allclose(part, expected, atol=1e-3)
    else:
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize(("name", "way"), CASES)
@settings(max_examples=8)
@given(place=st.floats(0, 1.01), count=st.integers(1, 20_000))
def test_a_segment_of_an_odd_file_is_the_slice(
    odd: Any, name: str, way: str, place: float, count: int
) -> None:
    whole = odd(name, way)[1]
    if whole is not None:
        _check_segment(odd, name, way, round(place * len(whole.samples)), count)


@pytest.mark.parametrize(("name", "way"), CASES)
@settings(max_examples=25)
@given(distance=st.integers(-5000, 20_000), count=st.integers(1, 2000))
def test_a_segment_near_to_the_damage_is_the_slice(
    odd: Any, name: str, way: str, distance: int, count: int
) -> None:
    """Where a decoder that starts anew would miss what the whole still has from before."""
    whole = odd(name, way)[1]
    for issue in whole.issues[:1] if whole is not None else ():
        _check_segment(odd, name, way, max(0, issue.frame_offset + distance), count)


def test_a_segment_behind_a_link_that_cannot_be_opened(long_media: LongMedia) -> None:
    """Packets are counted up to there, and then there is no decoder any more."""
    data = long_media.path("ogg_flac").read_bytes()
    pages = [match.start() for match in re.finditer(b"OggS", data)]
    link = data[: pages[len(pages) // 2]]
    # Another stream's first page, without the rate and channels in its STREAMINFO; and so much
    # behind it that looking for the last page does not come by.
    other = data[:14] + b"abcd" + data[18:55] + bytes(3) + data[58 : pages[1]] + bytes(70_000)
    whole = pyffaudio.decode_bytes(link + other, on_error="partial")
    assert [issue.code for issue in whole.issues] == ["no_end_of_stream", "corrupt_data"]
    end = len(whole.samples)
    for offset in (end - 50, end, end + 100_000):
        part = pyffaudio.decode_bytes(
            link + other, on_error="partial", frame_offset=offset, num_frames=100
        )
        np.testing.assert_array_equal(part.samples, whole.samples[offset : offset + 100])


@pytest.mark.parametrize("way", ["twice", "hole", "overwritten", "cut"])
@pytest.mark.parametrize("name", ["flac", "mp3", "ogg", "wav"])
def test_threads_leave_damage_to_one(long_media: LongMedia, name: str, way: str) -> None:
    data = WAYS[way](long_media.path(name).read_bytes())
    one = pyffaudio.decode_bytes(data, on_error="partial")
    two = pyffaudio.decode_bytes(data, on_error="partial", num_threads=2)
    np.testing.assert_array_equal(two.samples, one.samples)
    assert (two.issues, two.complete, two.more) == (one.issues, one.complete, one.more)


def test_threads_leave_frames_that_stand_there_twice_to_one() -> None:
    """Each is whole, but what follows has moved; where they are last, it is after all."""
    samples = full_range(100_000, 1, "int16")

    def first_frames(count: int) -> bytes:
        return flac(samples[: 4096 * count], [4096], rate=8000)

    data = flac(samples, [4096], rate=8000)
    for begin, end in ((2, 4), (14, 15), (24, 25)):
        first, second = len(first_frames(begin)), len(first_frames(end))
        repeated = data[:second] + data[first:]
        one = pyffaudio.decode_bytes(repeated, dtype="int16")
        two = pyffaudio.decode_bytes(repeated, dtype="int16", num_threads=2)
        expected = np.concatenate([samples[: 4096 * end], samples[4096 * begin :]])
        np.testing.assert_array_equal(one.samples, expected)
        np.testing.assert_array_equal(two.samples, one.samples)
        assert (two.issues, two.complete, two.more) == (one.issues, one.complete, one.more)
        assert {issue.code for issue in one.issues} == {"length_mismatch"}


@pytest.mark.parametrize("name", ["ogg", "opus"])
def test_an_end_that_is_years_off_is_found_in_few_steps(long_media: LongMedia, name: str) -> None:
    """Ogg's last page says where the audio ends, and a forged one says what it likes."""
    *others, last = pages(long_media.path(name).read_bytes())
    data = join([*others, last.but(granule=1 << 50)])
    file = Counting(data)
    part = pyffaudio.decode_file(
        file, start_seconds=1e9, num_channels=1, on_error="partial", limits=Limits(timeout=20)
    )
    assert part.num_frames == 0
    assert file.count < 50 * len(data)


def test_a_reader_goes_on_behind_damage(long_media: LongMedia) -> None:
    """The call that meets it raises, with what it read; the next one has what follows."""
    data = _overwritten(long_media.path("flac").read_bytes())
    whole = pyffaudio.decode_bytes(data, on_error="partial")
    pieces, errors = [], []
    with AudioReader(data) as reader:
        while True:
            try:
                piece = reader.read(65_536)
            except CorruptAudioError as error:
                errors.append(error)
                piece = getattr(error.partial, "samples", whole.samples[:0])
            if len(piece) == 0:
                break
            pieces.append(piece)
        assert reader.issues == whole.issues
    assert errors
    np.testing.assert_array_equal(np.concatenate(pieces), whole.samples)
    with AudioReader(data, on_error="partial") as reader:
        np.testing.assert_array_equal(reader.read(), whole.samples)
        assert reader.issues == whole.issues


def test_what_has_been_read_of_a_pipe_is_gone(long_media: LongMedia, tmp_path: Path) -> None:
    class Pipe(Counting):
        def seekable(self) -> bool:
            return False

    with AudioReader(Pipe(long_media.path("ogg").read_bytes())) as reader:
        reader.seek(1000)
        assert len(reader.read(10)) == 10
        reader.seek(5)
        with pytest.raises(ValueError, match="cannot seek back"):
            reader.read(1)


def test_what_a_reader_does_not_take(long_media: LongMedia) -> None:
    path = long_media.path("wav")
    for option in ("frame_offset", "start_seconds", "num_threads"):
        with pytest.raises(TypeError, match=option):
            AudioReader(path, **{option: 1})  # type: ignore[arg-type]
    with AudioReader(path) as reader:
        calls: list[Any] = [
            lambda: reader.seek(-1),
            lambda: reader.read(-1),
            lambda: reader.blocks(0),
            lambda: reader.blocks(5, overlap=5),
            lambda: reader.segments([(0, -1)]),
        ]
        for call in calls:
            with pytest.raises(ValueError, match="must be"):
                call()
        with pytest.raises(TypeError):
            reader.seek(1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="closed"):
        reader.read(1)


def test_a_file_object_that_comes_back_to_its_reader(long_media: LongMedia) -> None:
    """It would wait for itself for ever."""

    class Curious(Counting):
        reader: AudioReader | None = None

        def read(self, size: int | None = -1, /) -> bytes:
            if self.reader is not None:
                self.reader.tell()
                self.reader.read(1)
            return super().read(size)

    file = Curious(long_media.path("ogg").read_bytes())
    with AudioReader(file) as reader:
        file.reader = reader
        with pytest.raises(RuntimeError, match="in use"):
            reader.read()
        file.reader = None


def test_the_limits_hold_for_each_call(long_media: LongMedia) -> None:
    limits = pyffaudio.Limits(max_duration=2.0)
    with AudioReader(long_media.path("flac"), limits=limits) as reader:
        assert sum(len(block) for block in reader.blocks(44_100)) == 882_000
        reader.seek(0)
        with pytest.raises(pyffaudio.LimitExceededError, match="max_duration"):
            reader.read()
