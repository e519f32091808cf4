"""Opening a source, which is what its type says: the only module that touches the extension."""

from __future__ import annotations

import os
from collections.abc import Callable
from mmap import mmap
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyffaudio._decode import Decoder, Stop, available_formats, linked_versions, loaded_from
from pyffaudio.formats import SUFFIX_HINTS
from pyffaudio.options import Options

__all__ = [
    "Data",
    "Decoder",
    "File",
    "Source",
    "Stop",
    "available_formats",
    "is_file_object",
    "linked_versions",
    "loaded_from",
    "open_data",
    "open_decoder",
    "open_file",
    "rewinder",
]


class Readable(Protocol):
    """A binary file object: `read(n)` is enough; with `seekable()` true also `seek` and `tell`."""

    def read(self, size: int, /) -> Any:
        """Answer at most `size` bytes, none at the end."""


# Whatever has the buffer protocol is taken; these are its usual kinds.
Data: TypeAlias = bytes | bytearray | memoryview | mmap | NDArray[np.uint8]
File: TypeAlias = str | os.PathLike[str] | os.PathLike[bytes] | Readable
Source: TypeAlias = File | Data


def open_decoder(source: Source, options: Options, stop: Stop | None = None) -> Decoder:
    """Open a source of either kind: bytes-like is data, all else as in `open_file`.

    Whoever has `stop` can end what it does, from another thread.
    """
    if _is_data(source):
        return open_data(source, options, stop)
    return open_file(source, options, stop)


def open_file(source: Any, options: Options, stop: Stop | None = None) -> Decoder:
    """Open a path or a file object."""
    if isinstance(source, (str, os.PathLike)):
        path = os.fsencode(source)
        if b"\0" in path:
            raise ValueError("a path cannot contain a null byte")
        name = source if isinstance(source, str) else os.fsdecode(path)
        hint = SUFFIX_HINTS.get(name.rpartition(".")[2].lower())
        return Decoder(options, path=path, description=name, format_hint=hint, stop=stop)
    kind = type(source).__name__
    if _is_data(source):
        raise TypeError(
            "decode_file takes a path (str, os.PathLike) or a binary file object, not "
            f"{kind}: for data in memory use decode_bytes"
        )
    if not callable(getattr(source, "read", None)):
        raise TypeError(
            "the source must be a path (str, os.PathLike) or a binary file object with read(), "
            f"not {kind}"
        )
    return Decoder(options, file=source, description=f"<{kind}>", stop=stop)


def open_data(data: Any, options: Options, stop: Stop | None = None) -> Decoder:
    """Open bytes-like data, without copying it."""
    if not _is_data(data):
        raise TypeError(
            f"data must be bytes-like, not {type(data).__name__}: for a path or a file object use "
            "decode_file"
        )
    with memoryview(data) as view:
        if view.itemsize != 1 or not view.c_contiguous:
            raise TypeError(
                f"data must be contiguous bytes: this {type(data).__name__} has items of "
                f"{view.itemsize} bytes{'' if view.c_contiguous else ' and gaps between them'}"
            )
        description = f"<{type(data).__name__} of {view.nbytes} bytes>"
    return Decoder(options, data=data, description=description, stop=stop)


def is_file_object(source: Any) -> bool:
    """Whether this has a position of its own, so that it cannot be opened once more."""
    return not isinstance(source, (str, os.PathLike)) and not _is_data(source)


def rewinder(source: Any, purpose: str) -> Callable[[], object]:
    """What puts a source back to where it is now; a file object that cannot is refused."""
    if not is_file_object(source):
        return lambda: None
    seekable = getattr(source, "seekable", None)
    if seekable is None or not seekable():
        raise ValueError(f"{purpose}, and this {type(source).__name__} cannot seek")
    position = source.tell()
    return lambda: source.seek(position)


def _is_data(value: object) -> bool:
    """Whether this is bytes-like; an mmap, which is a file object too, is read as data."""
    try:
        memoryview(value).release()  # type: ignore[arg-type]
    except TypeError:
        return False
    return True
