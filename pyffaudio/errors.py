"""The exceptions of this library's own account.

File trouble is the builtin OSError family; bad arguments are TypeError or ValueError; what a file
object's method raises reaches the caller unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyffaudio.audio import Audio
    from pyffaudio.issues import Issue


class PyffaudioError(RuntimeError):
    """Root of what pyffaudio raises on its own account.

    Attributes
    ----------
    code : str
        A short word for programs, such as ``"format_unknown"``.
    source : str
        A short description of the source, never its data.
    issues : tuple of Issue
        What was found wrong, in order.
    partial : Audio or None
        The audio decoded all the same. Left out when pickled.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        source: str = "",
        issues: Sequence[Issue] = (),
        partial: Audio | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.source = source
        self.issues = tuple(issues)
        self.partial = partial

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.args, self.__dict__ | {"partial": None}


class UnsupportedFormatError(PyffaudioError):
    """The bytes are no audio that pyffaudio reads: unknown, not allowed, or no audio at all."""


class NoAudioStreamError(PyffaudioError):
    """The container is sound but holds no audio stream, or not the one asked for."""


class CorruptAudioError(PyffaudioError):
    """Audio is known to be missing or damaged; what could be decoded is on `partial`."""


class LimitExceededError(PyffaudioError):
    """A limit of `Limits` was reached.

    Attributes
    ----------
    limit : str
        The name of the field of `Limits`.
    value : float or None
        What was met, where that is known, and else the limit itself.
    """

    limit: str = ""
    value: float | None = None


class DecodeTimeoutError(LimitExceededError):
    """`Limits.timeout` passed before the call was done."""


class FilterError(PyffaudioError):
    """A filter graph is wrong, not allowed, or cannot take this audio.

    Attributes
    ----------
    place : int or None
        The character of the string where it is wrong, where that is known.
    """

    place: int | None = None
