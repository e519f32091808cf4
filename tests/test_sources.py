"""Promise: what a source is depends on its type, never on its text; all kinds give the same."""

import array
import io
import mmap
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pytest

import pyffaudio
from media import Media
from signals import full_range
from wav_bytes import wav_bytes

EXPECTED = full_range(30_011, 2, "int16")
WAV = wav_bytes(EXPECTED, 8000)


def check(audio: pyffaudio.Audio) -> None:
    np.testing.assert_array_equal(audio.samples, EXPECTED, strict=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "a.wav"
    found.write_bytes(WAV)
    return found


# Paths.


class Located(os.PathLike[Any]):
    """A path by its protocol alone."""

    def __init__(self, path: str | bytes) -> None:
        self.path = path

    def __fspath__(self) -> str | bytes:
        return self.path


def test_paths_of_every_type(path: Path) -> None:
    for source in (path, str(path), Located(str(path)), Located(os.fsencode(path))):
        check(pyffaudio.decode_file(source, dtype=None))


@pytest.mark.parametrize(
    "name",
    [
        "take:1.wav",
        "-",
        "-i",
        "pipe:0",
        "file:a.wav",
        "concat:a.wav|b.wav",
        "data:audio,x",
        "subfile,,start,0,end,9,,:a.wav",
        "a%03d.wav",
        "*.wav",
        " a b\n.wav",
        "Löffel 日本.wav",
        "no suffix",
        "wrong suffix.mp3",
        "hls.m3u8",
    ],
)
def test_a_name_is_only_a_name(path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(path.parent)
    path.rename(name)
    check(pyffaudio.decode_file(name, dtype=None))
    assert pyffaudio.probe(name).num_frames == len(EXPECTED)


def test_a_url_is_a_path_where_such_a_file_exists(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    os.makedirs("http:/localhost")
    path.rename("http:/localhost/a.wav")
    check(pyffaudio.decode_file("http://localhost/a.wav", dtype=None))


def test_a_name_that_is_not_utf8(path: Path) -> None:
    odd = os.fsencode(path.parent) + b"/\xff\xfe\x80.wav"
    path.rename(os.fsdecode(odd))
    check(pyffaudio.decode_file(os.fsdecode(odd), dtype=None))


def test_a_long_file_by_path(tmp_path: Path) -> None:
    """Too long to be read whole before decoding."""
    expected = full_range(2_000_003, 1, "int16")
    (tmp_path / "long.wav").write_bytes(wav_bytes(expected, 48000))
    audio = pyffaudio.decode_file(tmp_path / "long.wav", dtype=None)
    np.testing.assert_array_equal(audio.samples, expected)


# Bytes.


def mapped(data: bytes) -> mmap.mmap:
    memory = mmap.mmap(-1, len(data))
    memory.write(data)
    return memory


def read_only(data: bytes) -> npt.NDArray[np.uint8]:
    values = np.frombuffer(data, np.uint8)
    assert not values.flags.writeable
    return values


BYTES_LIKE: dict[str, Callable[[bytes], Any]] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "memoryview_of_part": lambda data: memoryview(b"junk" + data + b"junk")[4:-4],
    "mmap": mapped,
    "uint8_array": read_only,
    "array": lambda data: array.array("B", data),
}


@pytest.mark.parametrize("kind", BYTES_LIKE)
def test_every_bytes_like_kind(kind: str) -> None:
    data = BYTES_LIKE[kind](WAV)
    check(pyffaudio.decode_bytes(data, dtype=None))
    assert pyffaudio.probe(data).num_frames == len(EXPECTED)


def test_data_that_is_not_contiguous_is_refused() -> None:
    with pytest.raises(TypeError, match="contiguous"):
        pyffaudio.decode_bytes(memoryview(WAV)[::2])


def test_samples_are_not_mistaken_for_a_file() -> None:
    with pytest.raises(TypeError, match="bytes"):
        pyffaudio.decode_bytes(EXPECTED)


@pytest.mark.parametrize("data", ["RIFF", 7, None, [1, 2, 3], io.BytesIO(WAV), Path("a.wav")])
def test_what_is_not_bytes_is_refused(data: Any) -> None:
    with pytest.raises(TypeError, match=type(data).__name__):
        pyffaudio.decode_bytes(data)


@pytest.mark.parametrize("data", [WAV, WAV[:20], b"<html>"])
def test_the_buffer_is_released_whatever_happens(data: bytes) -> None:
    """A bytearray cannot grow while anyone holds its buffer."""
    held = bytearray(data)
    try:
        pyffaudio.decode_bytes(held)
    except pyffaudio.PyffaudioError:
        assert data != WAV
    held.extend(b"more")


def test_bytes_are_not_copied() -> None:
    """A child whose address space has room for the data once, and not for a copy, decodes it."""
    code = """
import resource, sys
import pyffaudio
from media import Media
from signals import full_range
from wav_bytes import wav_bytes
from pathlib import Path
pyffaudio.decode_bytes(wav_bytes(full_range(100, 1, "int16"), 8000))
head = wav_bytes(full_range(0, 1, "int16"), 8000)
data = bytearray(512 << 20)
data[: len(head)] = head
data[40:44] = (len(data) - 44).to_bytes(4, "little")
in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (in_use + (256 << 20),) * 2)
audio = pyffaudio.decode_bytes(data, dtype=None, frame_offset=1000, num_frames=1000)
print(audio.samples.shape)
"""
    here = os.fspath(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([here, os.getcwd()])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "(1000, 1)\n", done.stderr


# File objects.


class Unseekable(io.RawIOBase):
    """A stream: it can be read from start to end, at most ``at_most`` bytes at a time."""

    def __init__(self, data: bytes, at_most: int = 1 << 30) -> None:
        self.data = io.BytesIO(data)
        self.at_most = at_most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        assert size > 0, "only bounded reads"
        return self.data.read(min(size, self.at_most))


class Reader:
    """The least that counts as a file object: a ``read``, and nothing else."""

    def __init__(self, answer: Callable[[int], object]) -> None:
        self.read = answer


def answering(data: bytes, kind: Callable[[bytes], object]) -> Reader:
    file = io.BytesIO(data)
    return Reader(lambda size: kind(file.read(size)))


def zip_member(data: bytes) -> IO[bytes]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.wav", data)
    return zipfile.ZipFile(packed).open("a.wav")


FILE_OBJECTS: dict[str, Callable[[bytes], Any]] = {
    "BytesIO": io.BytesIO,
    "BufferedReader": lambda data: io.BufferedReader(io.BytesIO(data)),
    "zip_member": zip_member,
    "unseekable": Unseekable,
    "short_answers": lambda data: Unseekable(data, at_most=7),
    "read_only": lambda data: Reader(io.BytesIO(data).read),
    "bytearray_answers": lambda data: answering(data, bytearray),
    "memoryview_answers": lambda data: answering(data, memoryview),
}


@pytest.mark.parametrize("kind", FILE_OBJECTS)
def test_every_kind_of_file_object(kind: str) -> None:
    check(pyffaudio.decode_file(FILE_OBJECTS[kind](WAV), dtype=None))


@pytest.mark.parametrize("max_size", [1000, 1 << 30], ids=["on disk", "in memory"])
def test_a_spooled_temporary_file(max_size: int) -> None:
    with tempfile.SpooledTemporaryFile(max_size) as file:
        file.write(WAV)
        file.seek(0)
        check(pyffaudio.decode_file(file, dtype=None))


def test_a_file_object_that_does_not_know_its_size() -> None:
    """Files of /proc say that they end where they begin, and have content."""

    class Unsized(io.BytesIO):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            return super().seek(0 if whence == 2 else offset)

    check(pyffaudio.decode_file(Unsized(WAV), dtype=None))


def test_an_open_file(path: Path) -> None:
    for buffering in (-1, 0):
        with path.open("rb", buffering=buffering) as file:
            check(pyffaudio.decode_file(file, dtype=None))
            assert not file.closed


def test_one_byte_at_a_time() -> None:
    audio = pyffaudio.decode_file(Unseekable(WAV[:4044], at_most=1), dtype=None, on_error="partial")
    np.testing.assert_array_equal(audio.samples, EXPECTED[:1000])


@pytest.mark.parametrize("codec", ["flac_16", "mp3", "vorbis", "opus", "m4a", "mka_opus", "adts"])
def test_a_file_object_equals_the_path(media: Media, codec: str) -> None:
    found = media[codec]
    expected = pyffaudio.decode_file(found)
    for source in (io.BytesIO(found.read_bytes()), Unseekable(found.read_bytes(), at_most=997)):
        if codec == "m4a" and isinstance(source, Unseekable):
            continue  # its table stands at the end: see the test below
        audio = pyffaudio.decode_file(source)
        np.testing.assert_array_equal(audio.samples, expected.samples, strict=True)
    audio = pyffaudio.decode_bytes(found.read_bytes())
    np.testing.assert_array_equal(audio.samples, expected.samples, strict=True)


def test_decoding_starts_at_the_current_position() -> None:
    file = io.BytesIO(b"junk" + WAV)
    file.seek(4)
    check(pyffaudio.decode_file(file, dtype=None))


def test_decoding_starts_at_the_current_position_in_seeking_formats(media: Media) -> None:
    found = media["m4a"]
    file = io.BytesIO(b"junk" * 1000 + found.read_bytes())
    file.seek(4000)
    expected = pyffaudio.decode_file(found).samples
    np.testing.assert_array_equal(pyffaudio.decode_file(file).samples, expected)


def test_probe_puts_the_position_back() -> None:
    file = io.BytesIO(b"junk" + WAV)
    file.seek(4)
    assert pyffaudio.probe(file).num_frames == len(EXPECTED)
    assert file.tell() == 4


def test_probe_refuses_what_it_could_not_put_back() -> None:
    with pytest.raises(ValueError, match="seek"):
        pyffaudio.probe(Unseekable(WAV))


def test_the_name_of_a_file_object_is_not_looked_at(path: Path) -> None:
    class Named(io.BytesIO):
        name = "/nonexistent/a.mp3"

    check(pyffaudio.decode_file(Named(WAV), dtype=None))


# File objects that misbehave: whatever they raise reaches the caller, and nothing is overrun.


class OddError(Exception):
    pass


class OddExit(BaseException):
    pass


def raising_at(number: int, error: BaseException) -> Reader:
    """Reads well until the call of this number, 0 being the first."""
    file, calls = io.BytesIO(WAV), iter(range(1 << 30))

    def read(size: int) -> bytes:
        if next(calls) == number:
            raise error
        return file.read(min(size, 4096))

    return Reader(read)


@pytest.mark.parametrize(
    "error", [OddError("x"), OddExit("x"), KeyboardInterrupt(), SystemExit(3), OSError(5, "x")]
)
@pytest.mark.parametrize("number", [0, 1, 5])
def test_an_exception_from_read_reaches_the_caller(error: BaseException, number: int) -> None:
    with pytest.raises(type(error)) as caught:
        pyffaudio.decode_file(raising_at(number, error))
    assert caught.value is error


@pytest.mark.parametrize("error", [OddError("x"), OddExit("x")])
def test_an_exception_from_seek_or_tell_reaches_the_caller(error: BaseException) -> None:
    class Broken(io.BytesIO):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            raise error

        def tell(self) -> int:
            raise error

    with pytest.raises(type(error)) as caught:
        pyffaudio.decode_file(Broken(WAV))
    assert caught.value is error


def test_partial_does_not_swallow_the_exception() -> None:
    error = OddError("x")
    with pytest.raises(OddError):
        pyffaudio.decode_file(raising_at(3, error), on_error="partial")


@pytest.mark.parametrize("extra", [1, 1 << 20])
def test_an_answer_longer_than_asked_is_an_error(extra: int) -> None:
    with pytest.raises(ValueError, match="more than asked"):
        pyffaudio.decode_file(Reader(lambda size: bytes(size + extra)))


@pytest.mark.parametrize(
    ("answer", "error"),
    [("RIFF", TypeError), (7, TypeError), ([1], TypeError), (None, BlockingIOError)],
)
def test_an_answer_that_is_not_bytes_is_an_error(answer: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        pyffaudio.decode_file(Reader(lambda size: answer))


def test_a_text_file_is_an_error_that_says_so(path: Path) -> None:
    with path.open(encoding="latin-1") as file, pytest.raises(TypeError, match="binary"):
        pyffaudio.decode_file(file)


def test_a_file_object_that_closes_itself() -> None:
    class Closing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(64)
            self.close()
            return data

    with pytest.raises(ValueError, match="closed file"):
        pyffaudio.decode_file(Closing(WAV))


def test_a_closed_file_object(path: Path) -> None:
    with path.open("rb") as file:
        pass
    with pytest.raises(ValueError, match="closed file"):
        pyffaudio.decode_file(file)


@pytest.mark.parametrize("source", [7, None, 3.5, ["a.wav"], object()])
def test_what_is_no_source_is_refused(source: Any) -> None:
    with pytest.raises(TypeError, match=type(source).__name__):
        pyffaudio.decode_file(source)


# Pipes.


@contextmanager
def writing(descriptor: int | Path) -> Iterator[None]:
    """Write the WAV from another thread, in pieces, as a process at the other end would."""

    def write() -> None:
        with open(descriptor, "wb", buffering=0) as file:
            file.writelines(WAV[start : start + 5000] for start in range(0, len(WAV), 5000))

    thread = threading.Thread(target=write)
    thread.start()
    yield
    thread.join()


def test_a_pipe_as_a_file_object() -> None:
    reading_end, writing_end = os.pipe()
    with writing(writing_end), open(reading_end, "rb") as file:
        check(pyffaudio.decode_file(file, dtype=None))


def test_a_fifo_as_a_path(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with writing(fifo):
        check(pyffaudio.decode_file(fifo, dtype=None))


def test_standard_input() -> None:
    code = "import sys, pyffaudio; print(pyffaudio.decode_file(sys.stdin.buffer).samples.shape)"
    done = subprocess.run([sys.executable, "-c", code], input=WAV, capture_output=True, check=False)
    assert done.stdout == b"(30011, 2)\n", done.stderr


def test_dev_stdin_as_a_path() -> None:
    code = "import pyffaudio; print(pyffaudio.decode_file('/dev/stdin').samples.shape)"
    done = subprocess.run([sys.executable, "-c", code], input=WAV, capture_output=True, check=False)
    assert done.stdout == b"(30011, 2)\n", done.stderr


def test_g722_is_known_by_the_suffix_of_its_path(speech_g722: list[Path]) -> None:
    """Its bytes have no signature, and some look a little like those of other formats."""
    for path in speech_g722:
        audio = pyffaudio.decode_file(path)
        assert (audio.info.codec, audio.sample_rate) == ("adpcm_g722", 16000)
        assert audio.num_frames == 2 * path.stat().st_size
