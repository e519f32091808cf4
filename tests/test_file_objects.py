"""Promise: whatever a file object does, the call ends as is documented, and nothing is overrun.

`make sanitize` runs these under AddressSanitizer too.
"""

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyffaudio
from ffmpeg_command import encode
from media import Media
from pyffaudio import AudioReader
from signals import full_range, music, quantise
from wav_bytes import wav_bytes

FRAMES = full_range(30_011, 2, "int16")
WAV = wav_bytes(FRAMES, 8000)
KINDS = ["wav_s16", "flac_16", "mp3", "vorbis", "opus", "m4a", "mka_flac", "adts"]


class Odd(io.BytesIO):
    """A file object whose read and seek do something first."""

    def __init__(self, data: bytes, before: Callable[["Odd"], object]) -> None:
        super().__init__(data)
        self.before = before
        self.asked: list[int] = []

    def read(self, size: int | None = -1, /) -> Any:
        assert size is not None
        self.asked.append(size)
        self.before(self)
        return super().read(size)


def test_no_read_is_of_more_than_a_megabyte() -> None:
    """However large a picture is: what is answered is in memory twice."""
    tag = b"APIC\0" + bytes([1, 64, 0]) + b"\0\0" + b"\0image/png\0\3\0" + bytes(3 << 20)
    sizes = bytes(len(tag) >> shift & 127 for shift in (21, 14, 7, 0))
    file = Odd(b"ID3\4\0\0" + sizes + tag + (b"\xff\xfb\x90\0" + bytes(413)) * 9, lambda _: None)
    pyffaudio.decode_file(file, on_error="partial")
    assert 0 < max(file.asked) <= 1 << 20


@pytest.mark.parametrize("name", KINDS)
def test_answers_of_every_length(media: Media, name: str) -> None:
    """Short ones change nothing; any that is too long is an error."""
    data = media[name].read_bytes()
    expected = pyffaudio.decode_bytes(data).samples
    for seed in range(4):
        draw = random.Random(seed)

        class Short(io.BytesIO):
            def read(self, size: int | None = -1, /, draw: random.Random = draw) -> bytes:
                return super().read(draw.randint(1, max(size or 1, 1)))

        np.testing.assert_array_equal(pyffaudio.decode_file(Short(data)).samples, expected)
        reads = iter(range(1 << 30))

        class Long(io.BytesIO):
            def read(self, size: int | None = -1, /, late: int = seed, reads: Any = reads) -> bytes:
                return super().read(size) if next(reads) < late else bytes((size or 0) + 1)

        try:
            audio = pyffaudio.decode_file(Long(data))
        except ValueError as error:
            assert "more than asked" in str(error)  # noqa: PT017 - there may be no such read
        else:
            np.testing.assert_array_equal(audio.samples, expected)


class OneThird(io.BytesIO):
    """A file object that answers a third of what is asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(None if size is None else 1 + size // 3)


def test_damage_is_the_same_however_it_is_read(tmp_path: Path) -> None:
    """FFmpeg's parser of FLAC takes damage for more where its bytes come in other pieces."""
    samples = quantise(music(60_000)[:, :1], "int16")
    flac = encode(tmp_path / "a.flac", samples, 8000, "-c:a", "flac").read_bytes()
    draw = random.Random(0)
    for _ in range(60):
        data = bytearray(flac)
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(100, len(data))] ^= 1 << draw.randrange(8)
        expected = pyffaudio.decode_bytes(data, on_error="partial")
        audio = pyffaudio.decode_file(OneThird(data), on_error="partial")
        assert audio.issues == expected.issues
        assert audio.samples.tobytes() == expected.samples.tobytes()


@pytest.mark.parametrize("told", [2**70, -(2**63), -1])
def test_a_position_that_cannot_be(told: int) -> None:
    class Odd(io.BytesIO):
        def tell(self) -> int:
            return told

    with pytest.raises(ValueError, match="tell"):
        pyffaudio.decode_file(Odd(WAV))


def test_an_answer_with_gaps() -> None:
    class Gaps(io.BytesIO):
        def read(self, size: int | None = -1, /) -> Any:
            return memoryview(bytes(2 * (size or 0)))[::2]

    with pytest.raises(TypeError, match="contiguous"):
        pyffaudio.decode_file(Gaps(WAV))


def test_what_is_no_audio_is_told_alike_however_it_is_read() -> None:
    """A demuxer that looks for its first frame finds another one among other pieces."""
    data = random.Random(0).randbytes(90_000)
    codes = set()
    for file in (io.BytesIO(data), OneThird(data)):
        with pytest.raises(pyffaudio.PyffaudioError) as caught:
            pyffaudio.decode_file(file, format="sbc")
        codes.add(caught.value.code)
    assert len(codes) == 1


@pytest.mark.parametrize(
    "grows", [b"", b"x" * 5000, WAV], ids=["shrinks", "grows a little", "grows"]
)
@pytest.mark.parametrize("name", KINDS)
def test_a_size_that_changes(media: Media, name: str, grows: bytes) -> None:
    """An array or one of our errors."""

    def change(file: Odd) -> None:
        if len(file.asked) == 3 and grows:
            place = file.tell()
            file.seek(0, 2)
            file.write(grows)
            file.seek(place)
        elif len(file.asked) == 2 and not grows:
            file.truncate(len(file.getvalue()) // 2)

    file = Odd(media[name].read_bytes(), change)
    try:
        audio = pyffaudio.decode_file(file, on_error="partial")
    except pyffaudio.PyffaudioError as error:
        assert error.code  # noqa: PT017 - or an array
    else:
        assert audio.num_frames >= 0


def test_another_decode_within_a_read() -> None:
    """Each has a stream of its own, however deep."""
    inner: list[Any] = []

    def decode(file: Odd) -> None:
        if len(inner) < 5:
            inner.append(None)
            inner.append(pyffaudio.decode_file(Odd(WAV, decode), dtype=None).samples)

    outer = pyffaudio.decode_file(Odd(WAV, decode), dtype=None)
    np.testing.assert_array_equal(outer.samples, FRAMES)
    for samples in inner:
        assert samples is None or (samples == FRAMES).all()


@pytest.mark.parametrize(
    "use",
    [
        lambda reader: reader.read(1),
        lambda reader: reader.seek(0),
        lambda reader: reader.close(),
        lambda reader: reader.issues,
        lambda reader: next(reader.blocks(10)),
    ],
    ids=["read", "seek", "close", "issues", "blocks"],
)
def test_a_reader_within_its_own_read(use: Callable[[AudioReader], object]) -> None:
    """An error at once, which comes out of the read that it was made in; the reader lives on."""
    readers: list[AudioReader] = []
    found: list[str] = []

    def come_back(_: Odd) -> None:
        if readers:
            try:
                use(readers[0])
            except RuntimeError as error:
                found.append(str(error))

    with AudioReader(Odd(WAV, come_back), dtype=None) as reader:
        readers.append(reader)
        samples = reader.read()
        readers.clear()
    np.testing.assert_array_equal(samples, FRAMES)
    assert found
    assert all("in use by its own file object" in words for words in found)


def test_an_answer_that_is_still_being_written() -> None:
    """A bytearray that is used again for each answer, and lies behind a memoryview."""
    file, room = io.BytesIO(WAV), bytearray(1 << 20)

    class Reused:
        def read(self, size: int) -> memoryview:
            count = file.readinto(memoryview(room)[:size])
            return memoryview(room)[:count]

    np.testing.assert_array_equal(pyffaudio.decode_file(Reused(), dtype=None).samples, FRAMES)
    room.extend(b"nobody holds it any more")


@pytest.mark.parametrize("call", ["read", "seek", "tell", "seekable"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, GeneratorExit, OSError])
def test_what_is_raised_anywhere_reaches_the_caller(
    media: Media, call: str, error: type[BaseException]
) -> None:
    """Once it is raised in the n-th call, for each n."""
    data = media["m4a"].read_bytes()
    for late in range(6):
        calls = iter(range(1 << 30))

        class Raising(io.BytesIO):
            def _maybe(self, name: str, late: int = late, calls: Any = calls) -> None:
                if name == call and next(calls) == late:
                    raise error("odd")

            def read(self, size: int | None = -1, /) -> bytes:
                self._maybe("read")
                return super().read(size)

            def seek(self, offset: int, whence: int = 0, /) -> int:
                self._maybe("seek")
                return super().seek(offset, whence)

            def tell(self) -> int:
                self._maybe("tell")
                return super().tell()

            def seekable(self) -> bool:
                self._maybe("seekable")
                return True

        file = Raising(data)
        try:
            pyffaudio.decode_file(file)
        except error as raised:
            assert raised.args == ("odd",)  # noqa: PT017 - there may be no such call
        else:
            assert next(calls) <= late
