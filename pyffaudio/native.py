"""Opening a source, which is what its type says: the only module that touches the extension."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from mmap import mmap
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyffaudio._decode import (
    Batch,
    Decoder,
    Settings,
    Stop,
    available_formats,
    filters_of_ffmpeg,
    linked_versions,
    loaded_from,
    options_of_filter,
    try_filter,
)
from pyffaudio.filter_rules import REFUSED_BEFORE, REFUSED_FILTERS
from pyffaudio.formats import SUFFIX_HINTS
from pyffaudio.options import ALL_FRAMES, Options, normalise

__all__ = [
    "Batch",
    "Data",
    "Decoder",
    "File",
    "LazyFile",
    "Source",
    "Stop",
    "allowed_filters",
    "available_formats",
    "check",
    "is_data",
    "is_file_object",
    "linked_versions",
    "loaded_from",
    "open_batch",
    "open_data",
    "open_decoder",
    "open_file",
    "options_of_filter",
    "rewinder",
    "try_filter",
    "why_filter_refused",
]


class Readable(Protocol):
    """A binary file object: `read(n)` is enough; with `seekable()` true also `seek` and `tell`."""

    def read(self, size: int, /) -> Any:
        """Answer at most `size` bytes, none at the end."""


class LazyFile(ABC):
    """A file object that opens itself when it is read, and whose name errors may show."""

    name: str

    @abstractmethod
    def read(self, size: int, /) -> Any:
        """Answer at most `size` bytes, none at the end."""

    @abstractmethod
    def close(self) -> None:
        """Drop what was opened."""

    @abstractmethod
    def anew(self) -> Self:
        """Answer another one of the same file, not opened yet."""


# Whatever has the buffer protocol is taken; these are its usual kinds.
Data: TypeAlias = bytes | bytearray | memoryview | mmap | NDArray[np.uint8]
File: TypeAlias = str | os.PathLike[str] | os.PathLike[bytes] | Readable
Source: TypeAlias = File | Data


def _make_settings(options: Options) -> Settings:
    if options.filters is None:
        return Settings(options)
    from pyffaudio.filter_plan import plan  # noqa: PLC0415 # for those who filter

    return Settings(options, plan(options.filters, options.dtype))


# Options are remembered too, so that most calls have the same ones.
_settings = lru_cache(maxsize=64)(_make_settings)


def open_decoder(
    source: Source, options: Options, stop: Stop | None = None, began_ns: int = 0
) -> Decoder:
    """Open a source of either kind: bytes-like is data, all else as in `open_file`.

    Whoever has `stop` can end what it does, from another thread. The timeout begins now, or did
    at that time on the monotonic clock.
    """
    if is_data(source):
        return open_data(source, options, stop, began_ns)
    return open_file(source, options, stop, began_ns)


def open_file(
    source: Any, options: Options, stop: Stop | None = None, began_ns: int = 0
) -> Decoder:
    """Open a path or a file object."""
    if isinstance(source, (str, os.PathLike)):
        path, name, hint = _path(source)
        return _open(options, stop, began_ns, path=path, description=name, format_hint=hint)
    if isinstance(source, LazyFile):
        hint = _hint(source.name.partition("?")[0])
        return _open(
            options, stop, began_ns, file=source, description=source.name, format_hint=hint
        )
    kind = type(source).__name__
    if is_data(source):
        raise TypeError(
            "decode_file takes a path (str, os.PathLike) or a binary file object, not "
            f"{kind}: for data in memory use decode_bytes"
        )
    if not callable(getattr(source, "read", None)):
        raise TypeError(
            "the source must be a path (str, os.PathLike) or a binary file object with read(), "
            f"not {kind}"
        )
    return _open(options, stop, began_ns, file=source, description=f"<{kind}>")


def open_data(data: Any, options: Options, stop: Stop | None = None, began_ns: int = 0) -> Decoder:
    """Open bytes-like data, without copying it."""
    if not is_data(data):
        raise TypeError(
            f"data must be bytes-like, not {type(data).__name__}: for a path or a file object use "
            "decode_file"
        )
    with memoryview(data) as view:
        if not _is_plain(view):
            raise TypeError(
                f"data must be contiguous bytes: this {type(data).__name__} has items of "
                f"{view.itemsize} bytes{'' if view.c_contiguous else ' and gaps between them'}"
            )
        description = f"<{type(data).__name__} of {view.nbytes} bytes>"
    return _open(options, stop, began_ns, data=data, description=description)


def _open(options: Options, stop: Stop | None, began_ns: int, **source: Any) -> Decoder:
    """Open a source, and let filters have no more of it than the segment that was asked for."""
    decoder = Decoder(_settings(options), stop=stop, began_ns=began_ns, **source)
    start, end = options.start_seconds, options.stop_seconds
    if options.filters is not None and (start != 0 or end is not None):
        try:
            decoder.cut(start, math.inf if end is None else end)
        except BaseException:
            decoder.close()  # or the error's traceback would keep it open
            raise
    return decoder


def open_batch(
    sources: Sequence[Source],
    asked: Sequence[Options],
    rows: NDArray[Any],
    padding: NDArray[Any],
    stop: Stop,
) -> Batch:
    """What fills rows of (frames, channels) from sources; their options differ by segment alone."""
    options = asked[0] if asked else normalise(dtype=rows.dtype)
    # libswresample writes planes or interleaved frames: whichever these rows are made of.
    settings = _settings(in_layout(options, rows.strides[1] == rows.itemsize))
    return Batch(
        settings,
        options.limits,
        rows,
        padding.tobytes(),
        [_row(source, each) for source, each in zip(sources, asked, strict=True)],
        stop,
    )


_Row = tuple[bytes | None, object, bytes | None, float, float, int, int]


def _row(source: Source, options: Options) -> _Row:
    """A source and its segment, as `Batch` takes them; without data where it cannot."""
    segment = (
        options.start_seconds,
        math.inf if options.stop_seconds is None else options.stop_seconds,
        options.frame_offset,
        ALL_FRAMES if options.num_frames is None else options.num_frames,
    )
    if options.num_threads != 1 or segment[0] < 0 or segment[1] < 0:
        return (None, None, None, *segment)
    try:
        if isinstance(source, (str, os.PathLike)):
            path, _, hint = _path(source)
            return (path, None, hint, *segment)
        with memoryview(source) as view:  # type: ignore[arg-type]
            if _is_plain(view) and view.nbytes:
                return (None, source, None, *segment)
    except Exception:  # noqa: BLE001 - whatever it is, that item will meet it, and not the batch
        pass
    return (None, None, None, *segment)


def check(options: Options) -> None:
    """Raise what is wrong with the filters, which `normalise` does not look into."""
    _settings(options)


def in_layout(options: Options, channels_first: bool) -> Options:
    """The same options for another layout; most often it is the same."""
    if options.channels_first == channels_first:
        return options
    return replace(options, channels_first=channels_first)


def why_filter_refused(name: str) -> str | None:
    """Why a filter may not be used, in words that follow "because"; None if it may."""
    if name in REFUSED_BEFORE:
        version, reason = REFUSED_BEFORE[name]
        linked = linked_versions()["libavfilter"].split(".")
        return reason if tuple(map(int, linked)) < version else None
    return REFUSED_FILTERS.get(name)


def allowed_filters() -> dict[str, str]:
    """The audio filters of the linked FFmpeg that are not refused, with a line on each."""
    found = sorted(filters_of_ffmpeg())
    return {name: words for name, words in found if why_filter_refused(name) is None}


def _path(source: str | os.PathLike[str] | os.PathLike[bytes]) -> tuple[bytes, str, bytes | None]:
    """A path for the system and for people, and the demuxer that its suffix names."""
    path = bytes(os.fsencode(source))
    if b"\0" in path:
        raise ValueError("a path cannot contain a null byte")
    name = str(source) if isinstance(source, str) else os.fsdecode(path)
    return path, name, _hint(name)


def _hint(name: str) -> bytes | None:
    """The demuxer that a suffix names."""
    return SUFFIX_HINTS.get(name.rpartition(".")[2].lower())


def _is_plain(view: memoryview) -> bool:
    return view.itemsize == 1 and view.c_contiguous


def is_file_object(source: Any) -> bool:
    """Whether this has a position of its own, so that it cannot be opened once more."""
    return not isinstance(source, (str, os.PathLike)) and not is_data(source)


def rewinder(source: Any, purpose: str) -> Callable[[], object]:
    """What puts a source back to where it is now; a file object that cannot is refused."""
    if not is_file_object(source):
        return lambda: None
    seekable = getattr(source, "seekable", None)
    if seekable is None or not seekable():
        raise ValueError(f"{purpose}, and this {type(source).__name__} cannot seek")
    position = source.tell()
    return lambda: source.seek(position)


def is_data(value: object) -> bool:
    """Whether this is bytes-like; an mmap, which is a file object too, is read as data."""
    try:
        memoryview(value).release()  # type: ignore[arg-type]
    except TypeError:
        return False
    return True
