"""Promise: what is behind a URL decodes to what it holds, or there is an error that says so."""

import io
import itertools
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import tenacity

import pyffaudio
from loopback import Shelf, serving
from media import Media
from pyffaudio import remote
from remote_moved import make
from signals import full_range
from wav_bytes import wav_bytes

KINDS = ["wav_s16", "flac_16", "mp3", "vorbis", "opus", "m4a", "mka_flac"]
WAV = wav_bytes(full_range(300_000, 2, "int16"), 8000)  # 1.2 MB: more than is read at once


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    """An honest server with one file."""
    with serving({"/a.wav": WAV}) as found:
        yield found


def ignores_ranges(shelf: Shelf) -> None:
    shelf.ranges = False


def says_no_ranges(shelf: Shelf) -> None:
    shelf.ranges, shelf.says_no_ranges = False, True


def chunked(shelf: Shelf) -> None:
    shelf.ranges, shelf.framing = False, "chunked"


def until_closed(shelf: Shelf) -> None:
    shelf.ranges, shelf.framing = False, "close"


def compresses(shelf: Shelf) -> None:
    shelf.compresses = True


SERVERS = [lambda _: None, ignores_ranges, says_no_ranges, chunked, until_closed, compresses]
SERVER_NAMES = ["honest", *(each.__name__ for each in SERVERS[1:])]


@pytest.mark.parametrize("change", SERVERS, ids=SERVER_NAMES)
@pytest.mark.parametrize("name", KINDS)
def test_every_format_from_every_server(
    media: Media, name: str, change: Callable[[Shelf], None]
) -> None:
    path = media[name]
    url = f"/a{path.suffix}"
    expected = pyffaudio.decode_file(path).samples
    with serving({url: path.read_bytes()}, change) as server:
        whole = remote.decode(server.url + url)
        part = remote.decode(server.url + url, frame_offset=2000, num_frames=500)
        info = remote.probe(server.url + url)
    np.testing.assert_array_equal(whole.samples, expected)
    np.testing.assert_array_equal(part.samples, expected[2000:2500])
    assert info.codec == pyffaudio.probe(path).codec


@pytest.mark.parametrize("change", SERVERS, ids=SERVER_NAMES)
def test_files_that_are_not_read_at_once(change: Callable[[Shelf], None]) -> None:
    expected = pyffaudio.decode_bytes(WAV).samples
    with serving({"/a.wav": WAV}, change) as server:
        np.testing.assert_array_equal(remote.decode(server.url + "/a.wav").samples, expected)
        with remote.reader(server.url + "/a.wav") as reader:
            for frame in (250_000, 290_000):
                reader.seek(frame)
                np.testing.assert_array_equal(reader.read(9), expected[frame : frame + 9])


# What one second out of the middle may move, as docs/remote.md has it. Of MP3, all headers before.
MOST_MOVED = {
    "wav": 256 << 10,
    "flac": 1 << 20,
    "ogg": 1 << 20,
    "opus": 1 << 20,
    "m4a": 512 << 10,
    "mp3": None,
}


@pytest.mark.parametrize("suffix", MOST_MOVED)
def test_a_segment_moves_little(tmp_path: Path, suffix: str) -> None:
    """The server counts; the samples are those of the file."""
    data = make(tmp_path, suffix, 400)
    expected = pyffaudio.decode_bytes(data, start_seconds=200, stop_seconds=201)
    assert len(data) > 1 << 20  # what is read whole at once
    with serving({f"/a.{suffix}": data}) as server:
        url = f"{server.url}/a.{suffix}"
        audio = remote.decode(url, start_seconds=200, stop_seconds=201)
        np.testing.assert_array_equal(audio.samples, expected.samples)
        assert 0 < server.sent <= (MOST_MOVED[suffix] or 0.7 * len(data))
        server.sent = 0
        remote.probe(url)
        assert server.sent <= 256 << 10


def test_a_second_of_an_hour() -> None:
    frames = full_range(8000 * 3600, 1, "int16")
    with serving({"/a.wav": wav_bytes(frames, 8000)}) as server:
        url = f"{server.url}/a.wav"
        audio = remote.decode(url, start_seconds=1800, stop_seconds=1801, dtype="int16")
        np.testing.assert_array_equal(audio.samples, frames[8000 * 1800 : 8000 * 1801])
        # FFmpeg before 6 reads on for one request more before it calls a WAV open.
        assert server.gets <= 4
        assert server.sent <= 384 << 10


def test_a_whole_file_takes_few_requests(shelf: Shelf) -> None:
    """A small one a single GET, and each further one of a large one is larger."""
    shelf.files["/small.wav"] = WAV[:100_044]
    remote.decode(f"{shelf.url}/small.wav", on_error="partial")
    assert shelf.gets == 1
    shelf.requests.clear()
    shelf.sent = 0
    remote.decode(f"{shelf.url}/a.wav")
    assert shelf.gets <= 5
    assert shelf.sent <= len(WAV)


@pytest.mark.parametrize("on_error", ["raise", "partial"])
@pytest.mark.parametrize("change", SERVERS[:4], ids=SERVER_NAMES[:4])
@pytest.mark.parametrize("name", KINDS)
def test_a_connection_that_is_cut_is_an_error(
    media: Media, name: str, change: Callable[[Shelf], None], on_error: Any
) -> None:
    """Never a part that passes for the whole, nor for what a damaged file still has."""
    path = media[name]
    url, data = f"/a{path.suffix}", path.read_bytes()
    for cut_after in (len(data) // 2, len(data) - 1):
        with serving({url: data}, change) as server:
            server.cut_after = cut_after
            with pytest.raises(OSError, match="payload is not completed") as caught:
                remote.decode(server.url + url, on_error=on_error)
            assert caught.value.filename == server.url + url


@pytest.mark.parametrize("name", KINDS)
def test_what_ends_with_its_connection_is_never_called_complete(media: Media, name: str) -> None:
    """Without a length, a cut looks like the end: only the audio itself can tell."""
    path = media[name]
    url, data = f"/a{path.suffix}", path.read_bytes()
    with serving({url: data}, until_closed) as server:
        server.cut_after = len(data) // 2
        try:
            assert not remote.decode(server.url + url, on_error="partial").complete
        except pyffaudio.CorruptAudioError as error:
            assert server.url in str(error)  # noqa: PT017 - or what there is of it


def test_a_file_that_shrinks_is_an_error(shelf: Shelf) -> None:
    with remote.reader(f"{shelf.url}/a.wav") as reader:
        reader.read(100)
        shelf.files["/a.wav"] = WAV[:500_000]
        with pytest.raises(OSError, match=r"ended at byte \d+ of 1200044") as caught:
            reader.read()
    assert caught.value.filename == f"{shelf.url}/a.wav"


def test_more_than_was_asked_for_is_an_error(shelf: Shelf) -> None:
    shelf.extra = b"x"
    with pytest.raises(OSError, match="65537 bytes where 65536 were asked for"):
        remote.decode(f"{shelf.url}/a.wav")


STATUSES = [
    (401, PermissionError),
    (403, PermissionError),
    (404, FileNotFoundError),
    (410, FileNotFoundError),
    (429, OSError),
    (500, OSError),
    (503, OSError),
]


@pytest.mark.parametrize("first", [1, 2], ids=["at once", "later"])
@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_an_answer_that_is_an_error(
    shelf: Shelf, status: int, kind: type[Exception], first: int
) -> None:
    """FileNotFoundError is for what is not there, and for nothing else."""
    shelf.fail_from, shelf.status = first, status
    with pytest.raises(OSError, match=f"{status}|No such|{shelf.url}") as caught:
        remote.decode(f"{shelf.url}/a.wav")
    assert type(caught.value) is kind
    assert caught.value.filename == f"{shelf.url}/a.wav"


def test_errors_of_opening(shelf: Shelf) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.wav"):
        remote.decode(f"{shelf.url}/nothing.wav")
    with pytest.raises(ConnectionRefusedError, match=r"127\.0\.0\.1:9"):
        remote.probe("http://127.0.0.1:9/a.wav")
    with pytest.raises(FileNotFoundError, match="memory://none"):
        remote.decode("memory://none")
    with pytest.raises(ValueError, match="Protocol not known"):
        remote.decode("nothing-like-it://a.wav")
    with pytest.raises(TypeError, match="URL must be a str"):
        remote.decode(Path("a.wav"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not iterable"):
        remote.decode("memory://none", storage_options=1)  # type: ignore[arg-type]
    shelf.files |= {"/page": b"<!DOCTYPE html><html>", "/empty": b""}
    with pytest.raises(pyffaudio.UnsupportedFormatError, match=f"^{shelf.url}/page: not recog"):
        remote.decode(f"{shelf.url}/page")
    with pytest.raises(pyffaudio.UnsupportedFormatError, match="/empty"):
        remote.decode(f"{shelf.url}/empty")


def test_a_redirect_is_followed(shelf: Shelf) -> None:
    audio = remote.decode(f"{shelf.url}/moved/a.wav", num_frames=5)
    np.testing.assert_array_equal(audio.samples, pyffaudio.decode_bytes(WAV).samples[:5])


def test_nothing_is_opened_for_a_wrong_option_nor_for_a_path(shelf: Shelf) -> None:
    url = f"{shelf.url}/a.wav"
    with pytest.raises(ValueError, match="sample_rate"):
        remote.decode(url, sample_rate=-1)
    with pytest.raises(TypeError, match="no option"):
        remote.reader(url, sample_rat=1)  # type: ignore[call-arg]
    with pytest.raises(FileNotFoundError):
        pyffaudio.decode_file(url)
    assert not shelf.requests


def test_a_reader_goes_on_after_an_error(shelf: Shelf) -> None:
    with remote.reader(f"{shelf.url}/a.wav", dtype="int16") as reader:
        first = reader.read(10_000)
        shelf.fail_from = 0
        reader.seek(200_000)
        with pytest.raises(OSError, match="503"):
            reader.read(10)
        shelf.fail_from = None
        rest = reader.read(10)
    expected = full_range(300_000, 2, "int16")
    np.testing.assert_array_equal(first, expected[:10_000])
    np.testing.assert_array_equal(rest, expected[200_000:200_010])


@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_what_tries_again_goes_on(shelf: Shelf, first: int) -> None:
    """As docs/remote.md has it, whichever request fails: two methods are all that need it."""
    tries = tenacity.retry(
        retry=tenacity.retry_if_exception_type(OSError),
        stop=tenacity.stop_after_attempt(2),
        before_sleep=lambda _: setattr(shelf, "fail_from", None),
    )

    class File(remote.RemoteFile):
        seekable = tries(remote.RemoteFile.seekable)
        read = tries(remote.RemoteFile.read)

    shelf.fail_from = first
    (audio,) = pyffaudio.decode_many([File(f"{shelf.url}/a.wav")], num_workers=1)
    assert shelf.fail_from is None
    assert isinstance(audio, pyffaudio.Audio)
    np.testing.assert_array_equal(audio.samples, pyffaudio.decode_bytes(WAV).samples)


def test_a_stream_that_cannot_be_begun_is_begun_by_the_next_read(shelf: Shelf) -> None:
    """What stands in for ranges is asked for once more, and not what was closed for it."""
    shelf.ranges = False
    with remote.RemoteFile(f"{shelf.url}/a.wav") as file:
        assert file.read(10) == WAV[:10]
        shelf.fail_from = shelf.gets + 2  # the one after that which is answered without a range
        with pytest.raises(OSError, match="503"):
            file.read()
        shelf.fail_from = None
        file.seek(200_000)
        assert file.read(10) == WAV[200_000:200_010]


def test_many_are_opened_as_they_are_needed() -> None:
    files = {f"/{number}.wav": WAV for number in range(40)}
    with serving(files) as server:
        urls = [server.url + name for name in files]
        sources = [remote.RemoteFile(url) for url in urls]
        results = pyffaudio.decode_many(sources, num_workers=2, num_frames=10)
        assert not server.requests
        assert len(list(itertools.islice(results, 1))) == 1
        results.close()  # type: ignore[attr-defined]
        assert server.gets <= 7
        assert not any(source._file for source in sources)


def test_one_item_many_times_at_a_time(shelf: Shelf) -> None:
    """Each decode has a file of its own."""
    expected = pyffaudio.decode_bytes(WAV).samples
    source = remote.RemoteFile(f"{shelf.url}/a.wav")
    for audio in pyffaudio.decode_many([source] * 20, num_workers=4):
        assert isinstance(audio, pyffaudio.Audio)
        np.testing.assert_array_equal(audio.samples, expected)


def test_into_arrays(shelf: Shelf) -> None:
    expected = pyffaudio.decode_bytes(WAV).samples
    good, bad = (remote.RemoteFile(shelf.url + name) for name in ("/a.wav", "/none.wav"))
    out = np.empty((3, 100, 2), "float32")
    assert pyffaudio.decode_into(good, out[0], frame_offset=7).more
    np.testing.assert_array_equal(out[0], expected[7:107])
    result = pyffaudio.decode_batch_into([bad, good, good], out, on_item_error="return")
    assert [type(error) for error in result.errors] == [FileNotFoundError, type(None), type(None)]
    np.testing.assert_array_equal(out[2], expected[:100])


def test_files_of_a_pattern() -> None:
    memory = fsspec.filesystem("memory")
    for name in ("b.wav", "a.wav", "deep/c.wav", "d.txt"):
        memory.pipe(f"/patterns/{name}", WAV)
    found = remote.files("memory://patterns/*.wav")
    assert [file.name for file in found] == [f"memory:///patterns/{n}.wav" for n in "ab"]
    assert len(remote.files("memory://patterns/**/*.wav")) == 3
    assert [a.num_frames for a in pyffaudio.decode_many(found)] == [300_000] * 2  # type: ignore[union-attr]
    with pytest.raises(FileNotFoundError, match=r"patterns/\*\.mp3"):
        remote.files("memory://patterns/*.mp3")


def test_files_of_an_archive() -> None:
    """A chain of fsspec's, whose items keep the chain."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("in/a.wav", WAV)
    fsspec.filesystem("memory").pipe("/archive.zip", buffer.getvalue())
    (found,) = remote.files("zip://in/*.wav::memory://archive.zip")
    assert found.name == "zip://in/a.wav::memory://archive.zip"
    with pickle.loads(pickle.dumps(found)) as file:
        assert pyffaudio.decode_file(file).num_frames == 300_000


def test_an_archive_that_cannot_be_opened_is_an_error(shelf: Shelf) -> None:
    """An OSError, and one of what is behind the archive where that is at fault."""
    shelf.files["/bad.zip"] = b"not an archive"
    urls = [f"zip://a.wav::{shelf.url}/{name}.zip" for name in ("bad", "none")]
    for url, kind in zip(urls, (OSError, FileNotFoundError), strict=True):
        for call in (remote.decode, remote.files):
            with pytest.raises(kind) as caught:
                call(url)
            assert type(caught.value) is kind
            assert caught.value.filename == url
    shelf.files["/busy.zip"], shelf.fail_from = b"", 0
    with pytest.raises(OSError, match="503") as caught:
        remote.decode(f"zip://a.wav::{shelf.url}/busy.zip")
    assert type(caught.value) is OSError


def test_a_suffix_is_the_last_hint(shelf: Shelf, speech_g722: list[Path]) -> None:
    data = speech_g722[0].read_bytes()
    shelf.files["/a.g722?key=1.wav"] = data
    audio = remote.decode(f"{shelf.url}/a.g722?key=1.wav")
    expected = pyffaudio.decode_bytes(data, format="g722")
    np.testing.assert_array_equal(audio.samples, expected.samples)


def test_an_item_is_a_file_object(shelf: Shelf) -> None:
    with remote.RemoteFile(f"{shelf.url}/a.wav") as file:
        assert (file.read(4), file.tell(), file.seek(-4, 2)) == (b"RIFF", 4, len(WAV) - 4)
        assert (file.read(9), file.read(9)) == (WAV[-4:], b"")
        assert (file.seek(8), file.seek(2, 1), file.read(2)) == (8, 10, WAV[10:12])
        assert (file.read(), file.read(-1)) == (WAV[12:], b"")
    assert file.read(4) == b"RIFF"  # used again, it is opened anew


def test_a_forked_child_reads_on_its_own(shelf: Shelf) -> None:
    code = """
import os, sys
from pyffaudio import remote
assert remote.decode(sys.argv[1]).num_frames == 300_000
child = os.fork()
if child == 0:
    status = 1
    try:
        status = remote.decode(sys.argv[1]).num_frames != 300_000
    finally:
        os._exit(status)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    url = f"{shelf.url}/a.wav"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, url], check=True, timeout=100)


def test_without_fsspec_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ImportError, match=r"pip install pyffaudio\[remote\]"):
        remote.decode("memory://a.wav")


def test_a_file_whose_size_cannot_be_found_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sizeless(io.BytesIO):
        def tell(self) -> int:
            raise RuntimeError("no size")

    opened = Sizeless()
    monkeypatch.setattr(remote.RemoteFile, "_open_file", lambda self, block_size: opened)
    with pytest.raises(OSError, match="no size"):
        remote.RemoteFile("memory://a.wav").read(1)
    assert opened.closed
