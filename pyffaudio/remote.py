"""Audio behind any URL that fsspec reads: object stores, HTTP, archives. FFmpeg opens no socket."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeAlias, Unpack

from pyffaudio.audio import Audio
from pyffaudio.decode import decode_file
from pyffaudio.info import AudioInfo, tell
from pyffaudio.limits import Limits
from pyffaudio.native import LazyFile
from pyffaudio.options import DecodeOptions, ReaderOptions, normalise
from pyffaudio.reader import AudioReader

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RemoteFile", "decode", "files", "probe", "reader"]

StorageOptions: TypeAlias = Mapping[str, Any] | None

# Note [Reading ahead]: what is asked of the server at a time. After a jump it is little, for a
# segment needs little; it doubles while the reading goes on, so that a whole file takes few
# requests. fsspec's own caches have one size for both (docs/remote.md has what they move).
_LEAST_BYTES = 64 * 1024
_MOST_BYTES = 4 * 1024 * 1024
# Of what went before: a demuxer that has looked ahead goes back within one buffer of its own.
_KEPT_BYTES = 64 * 1024
# What is smaller is read whole at once, as the decoder does with local files.
_SMALL_FILE_BYTES = 1024 * 1024

_ERRNO_OF_STATUS = {
    401: errno.EACCES,
    403: errno.EACCES,
    404: errno.ENOENT,
    410: errno.ENOENT,
}
_ERRNO_OF_KIND = {
    FileNotFoundError: errno.ENOENT,
    PermissionError: errno.EACCES,
    IsADirectoryError: errno.EISDIR,
    TimeoutError: errno.ETIMEDOUT,
}


class RemoteFile(LazyFile):
    """A file behind a URL, opened when it is first read, in the ranges that are needed.

    It is a source like any binary file object; use it as a context manager. `decode_into`,
    `decode_many` and `decode_batch_into` open it for themselves, from its first byte, and close it
    when its decode is done, so that a list of any length can be given them. It pickles.

    Parameters
    ----------
    url : str
        What `fsspec.open` takes: ``"s3://bucket/key"``, ``"https://host/path"``, ``"memory://a"``.
    storage_options : mapping, optional
        What the file system of that URL takes, such as credentials.

    Attributes
    ----------
    name : str
        The URL, as errors have it.

    Examples
    --------
    >>> import pyffaudio, pyffaudio.remote
    >>> with pyffaudio.remote.RemoteFile("file://tone.wav") as file:
    ...     pyffaudio.decode_file(file).samples.shape
    (800, 2)
    """

    _file_system: Any
    _file: Any  # fsspec's, or None until it is opened
    _size: int | None
    _position: int

    def __init__(self, url: str, storage_options: StorageOptions = None) -> None:
        if not isinstance(url, str):
            raise TypeError(f"a URL must be a str, not {type(url).__name__}")
        self.name = url
        self._storage_options = storage_options
        self._forget()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self._storage_options)

    def __repr__(self) -> str:
        return f"RemoteFile({self.name!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def read(self, size: int = -1, /) -> bytes:
        """Answer at most so many bytes, none at the end; an OSError where some cannot be had.

        Without a size, all that is left.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(_MOST_BYTES), b""))
        self._open()
        at = self._position - self._held_at
        if not 0 <= at < len(self._held):
            self._read_ahead(size)
            at = self._position - self._held_at
        answer = self._held[at : at + size]
        self._position += len(answer)
        return answer

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Have this byte come next; answers its place."""
        self._open()
        if self._size is None:
            raise OSError(errno.ESPIPE, "the server does not say how long it is", self.name)
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def tell(self) -> int:
        """Answer which byte comes next."""
        return self._position

    def seekable(self) -> bool:
        """Whether it can be gone about in: whether its size is known."""
        self._open()
        return self._size is not None

    def close(self) -> None:
        """Drop what was opened and read; whoever reads on begins anew."""
        if self._file is not None:
            self._file.close()
        self._forget()

    def anew(self) -> Self:
        """Answer another one of the same file, not opened yet."""
        return type(self)(self.name, self._storage_options)

    def _forget(self) -> None:
        self._file_system = None
        self._path = ""
        self._file = None
        self._size = None
        self._streams = False
        self._position = 0
        self._held, self._held_at = b"", 0
        self._window = _LEAST_BYTES // 2

    def _open(self) -> None:
        if self._file is not None:
            return
        self._file_system, self._path = _file_system(self.name, self._storage_options)
        with _as_os_errors(self.name):
            file = self._open_file(_MOST_BYTES)
            try:
                self._measure(file)
            except BaseException:
                file.close()
                raise
        self._file = file

    def _measure(self, file: Any) -> None:
        """Find its size, and whether it can be had in ranges."""
        try:
            file.seek(0, os.SEEK_END)
            self._size = file.tell()
        except (OSError, ValueError):  # of HTTP that serves no ranges, or does not tell a size
            self._size = self._file_system.info(self._path).get("size")
            self._streams = True

    def _open_file(self, block_size: int) -> Any:
        """Open it by fsspec, whose caches would only keep what is kept here."""
        how: dict[str, Any] = {}
        if "https" in self._file_system.protocol:
            # Ranges of what was compressed on the way are ranges of something else.
            given = self._file_system.kwargs.get("headers", {})
            how["headers"] = {"Accept-Encoding": "identity", **given}
        return self._file_system.open(
            self._path, "rb", block_size=block_size, cache_type="none", **how
        )

    def _read_ahead(self, size: int) -> None:
        """Hold what comes next; see Note [Reading ahead]."""
        start = self._position
        goes_on = start == self._held_at + len(self._held)
        self._window = min(2 * self._window, _MOST_BYTES) if goes_on else _LEAST_BYTES
        count = max(size, self._window)
        if self._size is not None:
            count = max(count, self._size if self._size <= _SMALL_FILE_BYTES else 0)
            count = min(count, max(self._size - start, 0))
        with _as_os_errors(self.name):
            data = self._fetch(start, count) if count > 0 else b""
            if len(data) > count:
                raise OSError(f"the server sent {len(data)} bytes where {count} were asked for")
            if count > 0 and not data and self._size is not None:
                raise OSError(f"it ended at byte {start} of {self._size}")
        kept = self._held[-_KEPT_BYTES:] if goes_on else b""
        self._held, self._held_at = kept + data, start - len(kept)

    def _fetch(self, start: int, count: int) -> bytes:
        if not self._streams:
            try:
                self._file.seek(start)
                return bytes(self._file.read(count))
            except ValueError:  # the server does not serve ranges: fsspec says so as late as this
                self._begin_stream()
        if self._file.tell() > start:
            self._begin_stream()
        while (left := start - self._file.tell()) > 0:
            if not self._file.read(min(left, _MOST_BYTES)):
                return b""
        return bytes(self._file.read(count))

    def _begin_stream(self) -> None:
        """Have all of it come from the first byte on, in place of ranges."""
        file = self._open_file(0)  # where that fails, the next read tries it again
        self._file.close()
        self._file, self._streams = file, True


def decode(
    url: str, *, storage_options: StorageOptions = None, **options: Unpack[DecodeOptions]
) -> Audio:
    """Decode what is behind a URL, of which a segment reads little more than it needs.

    Parameters
    ----------
    url : str
        What `fsspec.open` takes: ``"s3://bucket/key"``, ``"https://host/path"``, ``"memory://a"``.
    storage_options : mapping, optional
        What the file system of that URL takes, such as credentials.
    **options
        As in `pyffaudio.decode_file`.

    Returns
    -------
    Audio
        Unpacks as ``samples, sample_rate``.

    Raises
    ------
    OSError
        It cannot be opened or read to its end (FileNotFoundError and so on); `filename` is the URL.
    ImportError
        fsspec, or what it needs for this kind of URL, is not installed.
    PyffaudioError, TypeError, ValueError
        As in `pyffaudio.decode_file`; ValueError too where there is no such kind of URL.

    Examples
    --------
    >>> import pyffaudio.remote
    >>> pyffaudio.remote.decode("file://tone.wav", num_frames=10).samples.shape
    (10, 2)
    """
    with RemoteFile(url, storage_options) as file:
        return decode_file(file, **options)


def probe(
    url: str,
    *,
    storage_options: StorageOptions = None,
    exact: bool = False,
    stream_index: int | None = None,
    format: str | None = None,
    format_options: Mapping[str, int] | None = None,
    limits: Limits | None = None,
) -> AudioInfo:
    """Tell what is behind a URL; of the audio, only the first frame is read and decoded.

    Parameters
    ----------
    url, storage_options
        As in `decode`.
    exact, stream_index, format, format_options, limits
        As in `pyffaudio.probe`.

    Returns
    -------
    AudioInfo
        Rate, channels and codec equal what decoding gives.

    Raises
    ------
    PyffaudioError, OSError, ImportError, TypeError, ValueError
        As in `decode`.

    Examples
    --------
    >>> import pyffaudio.remote
    >>> pyffaudio.remote.probe("file://tone.wav").codec
    'pcm_s16le'
    """
    asked = normalise(
        dtype=None,
        stream_index=stream_index,
        format=format,
        format_options=format_options,
        limits=limits,
    )
    with RemoteFile(url, storage_options) as file:
        return tell(file, asked, exact)


def reader(
    url: str, *, storage_options: StorageOptions = None, **options: Unpack[ReaderOptions]
) -> AudioReader:
    """Open what is behind a URL, to read it in pieces.

    Parameters
    ----------
    url, storage_options
        As in `decode`.
    **options
        As in `pyffaudio.AudioReader`.

    Returns
    -------
    AudioReader
        Which closes what it has opened. After an OSError it reads on where it was.

    Raises
    ------
    PyffaudioError, OSError, ImportError, TypeError, ValueError
        As in `decode`.

    Examples
    --------
    >>> import pyffaudio.remote
    >>> with pyffaudio.remote.reader("file://tone.wav") as reader:
    ...     [len(block) for block in reader.blocks(500)]
    [500, 300]
    """
    return _RemoteReader(RemoteFile(url, storage_options), **options)


def files(pattern: str, *, storage_options: StorageOptions = None) -> list[RemoteFile]:
    """List the files that a pattern names, for `decode_many`; none is opened yet.

    Parameters
    ----------
    pattern : str
        A URL, in whose path ``*``, ``**``, ``?`` and ``[...]`` stand for what there is.
    storage_options : mapping, optional
        As in `decode`.

    Returns
    -------
    list of RemoteFile
        In the order of their names.

    Raises
    ------
    FileNotFoundError
        There is none.
    OSError, ImportError, ValueError
        As in `decode`.

    Examples
    --------
    >>> import pyffaudio, pyffaudio.remote
    >>> found = pyffaudio.remote.files("file://t*.wav")
    >>> [audio.num_frames for audio in pyffaudio.decode_many(found)]
    [800]
    """
    file_system, path = _file_system(pattern, storage_options)
    with _as_os_errors(pattern):
        found = sorted(file_system.glob(path))
    if not found:
        raise FileNotFoundError(errno.ENOENT, "no file matches", pattern)
    # Of a chain such as "zip://*.wav::s3://bucket/key", the first link has the pattern.
    _, link, rest = pattern.partition("::")
    names = [f"{file_system.unstrip_protocol(each)}{link}{rest}" for each in found]
    return [RemoteFile(name, storage_options) for name in names]


class _RemoteReader(AudioReader):
    def __init__(self, file: RemoteFile, **options: Unpack[ReaderOptions]) -> None:
        self._file = file
        super().__init__(file, **options)

    def close(self) -> None:
        super().close()
        self._file.close()


def check_scheme(scheme: str) -> None:
    """Raise what is wrong with all URLs of this kind: it is unknown, or its package missing."""
    _fsspec().get_filesystem_class(scheme)


def _file_system(url: str, storage_options: StorageOptions) -> tuple[Any, str]:
    options = dict(storage_options or {})  # or raises, as what it is: no error of the system's
    fsspec = _fsspec()
    for link in url.split("::"):
        check_scheme(fsspec.core.split_protocol(link)[0] or "file")
    with _as_os_errors(url):  # of a chain, which opens the archive
        file_system, path = fsspec.core.url_to_fs(url, **options)
    return file_system, path


def _fsspec() -> Any:
    try:
        import fsspec  # noqa: PLC0415 # for those who read from afar
    except ImportError as error:
        raise ImportError("pyffaudio.remote needs fsspec: pip install pyffaudio[remote]") from error
    return fsspec


@contextmanager
def _as_os_errors(url: str) -> Iterator[None]:
    """Whatever a file system raises, as an OSError that names the URL: each has its own kinds."""
    try:
        yield
    except Exception as error:
        # fsspec's HTTP finds no file whatever happens at opening: the cause tells what did.
        cause = error.__cause__ if isinstance(error, FileNotFoundError) else None
        status = getattr(cause or error, "status", None)
        if isinstance(status, int):
            number = _ERRNO_OF_STATUS.get(status, errno.EIO)
            what = f"the server answered {status} {getattr(cause or error, 'message', '')}".strip()
        else:
            told = cause if isinstance(cause, OSError) else error
            kinds = (code for kind, code in _ERRNO_OF_KIND.items() if isinstance(told, kind))
            number = getattr(told, "errno", None) or next(kinds, errno.EIO)
            what = str(told) or type(told).__name__
        raise OSError(number, what, url) from error
