"""Promise: a call that its source broke off is an error, never the end, and the next one is right.

A reader's source may be a network that was down, a disk that was busy, or one read took too long.
"""

import io
from time import sleep

import numpy as np
import pytest

from conftest import MUSIC
from long_media import LongMedia
from media import recordings
from pyffaudio import AudioReader, DecodeTimeoutError, Limits, decode_bytes


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
