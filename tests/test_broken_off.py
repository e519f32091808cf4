"""Promise: a call that its source broke off is an error, never the end, and the next one is right:
it reads again what the broken one had read.

A reader's source may be a network that was down, a disk that was busy, or one read took too long.
"""

import io
from time import sleep

import numpy as np
import pytest

from conftest import MUSIC
from long_media import LongMedia
from media import recordings
from pyffaudio import AudioReader, DecodeTimeoutError, LimitExceededError, Limits, decode_bytes
from signals import full_range
from wav_bytes import wav_bytes


@pytest.fixture(scope="module")
def long_media(tmp_path_factory: pytest.TempPathFactory) -> LongMedia:
    return LongMedia(tmp_path_factory.mktemp("broken"), recordings(MUSIC["ogg"])[0])


class Moody(io.BytesIO):
    """A file object whose reads fail while it is told to, as those of a network do."""

    error: Exception | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        if self.error is not None:
            raise self.error
        return super().read(size)


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "m4a"])
@pytest.mark.parametrize("place", [0, 200_000])
def test_a_reader_outlives_an_error_of_its_source(
    long_media: LongMedia, name: str, place: int
) -> None:
    """What was read before the error and what comes after it are the slices of the whole."""
    data = long_media.path(name).read_bytes()
    whole = decode_bytes(data).samples
    file = Moody(data)
    with AudioReader(file) as reader:
        np.testing.assert_array_equal(reader.read(5000), whole[:5000])
        file.error = OSError("the network is down")
        for _ in range(3):
            reader.seek(place)
            with pytest.raises(OSError, match="network is down"):
                reader.read()
        known = reader.num_frames
        assert known in (None, len(whole))
        file.error = None
        reader.seek(place)
        np.testing.assert_array_equal(reader.read(1000), whole[place : place + 1000])
        np.testing.assert_array_equal(reader.read(), whole[place + 1000 :])
        assert reader.num_frames == len(whole)


def test_a_pipe_does_not_outlive_an_error(long_media: LongMedia) -> None:
    class Pipe(Moody):
        def seekable(self) -> bool:
            return False

    file = Pipe(long_media.path("ogg").read_bytes())
    with AudioReader(file) as reader:
        reader.read(1000)
        file.error = OSError("the network is down")
        with pytest.raises(OSError, match="network is down"):
            reader.read()
        file.error = None
        with pytest.raises(ValueError, match="cannot seek back"):
            reader.read()


class Stumbling(io.BytesIO):
    """A file object that raises an error once, after so many reads."""

    reads_left: int | None = None
    error: BaseException

    def stumble(self, error: BaseException, reads: int) -> None:
        self.error, self.reads_left = error, reads

    def read(self, size: int | None = -1, /) -> bytes:
        if self.reads_left == 0:
            self.reads_left = None
            raise self.error
        if self.reads_left is not None:
            self.reads_left -= 1
        return super().read(size)


# Raised in the middle of a call, when much has been read for it.
MIDST = [OSError("the network is down"), KeyboardInterrupt("of the user")]


@pytest.mark.parametrize("error", MIDST, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("rate", [None, 11_025])
@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "m4a"])
def test_a_call_that_fails_in_its_midst_can_be_made_again(
    long_media: LongMedia, name: str, rate: int | None, error: BaseException
) -> None:
    """It loses nothing of what it had read: the position is what it was before."""
    data = long_media.path(name).read_bytes()
    whole = decode_bytes(data, sample_rate=rate).samples
    file = Stumbling(data)
    out = np.zeros_like(whole[2000:])
    with AudioReader(file, sample_rate=rate) as reader:
        first = reader.read(2000)
        for call in (reader.read, lambda: reader.read_into(out)):
            file.stumble(error, 3)
            with pytest.raises(type(error), match=str(error)):
                call()
            assert (file.reads_left, reader.tell()) == (None, 2000)
        np.testing.assert_array_equal(np.concatenate([first, reader.read()]), whole)
        reader.seek(2000)
        assert reader.read_into(out) == len(out)
    np.testing.assert_array_equal(out, whole[2000:])


@pytest.mark.parametrize("limits", [Limits(max_bytes=4000), Limits(max_duration=0.25)])
def test_a_limit_loses_nothing_either(limits: Limits) -> None:
    """What came before it is on the error, and is read again by who asks for less."""
    whole = full_range(20_000, 1, "int16")
    with AudioReader(wav_bytes(whole, 8000), dtype="int16", limits=limits) as reader:
        first = reader.read(1000)
        for _ in range(2):
            with pytest.raises(LimitExceededError) as caught:
                reader.read()
            assert reader.tell() == 1000
            assert caught.value.partial is not None
            assert caught.value.partial.more
            np.testing.assert_array_equal(caught.value.partial.samples, whole[1000:3000])
        assert reader.num_frames == 20_000
        rest = list(reader.blocks(2000))
    np.testing.assert_array_equal(np.concatenate([first, *rest]), whole)


def test_a_limit_that_is_met_exactly_is_the_end() -> None:
    whole = full_range(2000, 1, "int16")
    limits = Limits(max_bytes=whole.nbytes)
    with AudioReader(Unsized(wav_bytes(whole, 8000)), dtype="int16", limits=limits) as reader:
        np.testing.assert_array_equal(reader.read(), whole)
        assert reader.num_frames == 2000


class Unsized(io.BytesIO):
    def seekable(self) -> bool:
        return False


def test_of_a_pipe_a_limit_keeps_what_it_read_on_the_error() -> None:
    """It cannot be read again, which is said; what comes behind can be gone to."""
    whole = full_range(20_000, 1, "int16")
    limits = Limits(max_bytes=4000)
    with AudioReader(Unsized(wav_bytes(whole, 8000)), dtype="int16", limits=limits) as reader:
        with pytest.raises(LimitExceededError) as caught:
            reader.read()
        assert caught.value.partial is not None
        np.testing.assert_array_equal(caught.value.partial.samples, whole[:2000])
        for _ in range(2):
            with pytest.raises(ValueError, match="cannot seek back"):
                reader.read(100)
        reader.seek(5000)
        np.testing.assert_array_equal(reader.read(100), whole[5000:5100])


class Slow(io.BytesIO):
    delay = 0.0

    def read(self, size: int | None = -1, /) -> bytes:
        sleep(self.delay)
        return super().read(size)


def test_a_reader_that_took_too_long_is_not_at_the_end() -> None:
    """Each call has the whole of the timeout, whatever those before it came to."""
    file = Slow(np.random.default_rng(5).bytes(500_000))
    with AudioReader(file, format="g722", limits=Limits(timeout=0.5)) as reader:
        start = reader.read(5000)
        for _ in range(2):
            file.delay = 0.2
            reader.seek(900_000)  # which G.722 reaches only through all that comes before
            with pytest.raises(DecodeTimeoutError):
                reader.read(10)
            assert reader.num_frames is None
            file.delay = 0
            reader.seek(0)
            np.testing.assert_array_equal(reader.read(5000), start)
        reader.seek(2_000_000)
        assert len(reader.read(10)) == 0
        assert reader.num_frames == 1_000_000


def test_what_took_too_long_is_read_again() -> None:
    whole = full_range(400_000, 1, "int16")

    class Stalling(Stumbling):
        def read(self, size: int | None = -1, /) -> bytes:
            try:
                return super().read(size)
            except TimeoutError:
                sleep(0.6)
                return super().read(size)

    file = Stalling(wav_bytes(whole, 8000))
    with AudioReader(file, dtype="int16", limits=Limits(timeout=0.5)) as reader:
        first = reader.read(5000)
        file.stumble(TimeoutError(), 3)
        with pytest.raises(DecodeTimeoutError) as caught:
            reader.read()
        assert reader.tell() == 5000
        partial = caught.value.partial
        assert partial is not None
        assert 0 < partial.num_frames < 395_000
        np.testing.assert_array_equal(partial.samples, whole[5000:][: partial.num_frames])
        np.testing.assert_array_equal(np.concatenate([first, reader.read()]), whole)
