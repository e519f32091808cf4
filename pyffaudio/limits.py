"""Limits: how much one call may cost, whatever the file claims."""

from __future__ import annotations

import operator
from collections.abc import Collection
from dataclasses import dataclass, fields

from pyffaudio.formats import DECODERS, DEMUXERS, WEB_FORMATS

# As many channels as libswresample can mix.
_MOST_CHANNELS = 64
# What fits FFmpeg's integers, with room for arithmetic.
_REALS = ("max_duration", "timeout")
_MOST = {"max_channels": _MOST_CHANNELS, "max_sample_rate": 2**24, "max_streams": 2**20}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one call may cost; every message about a limit names the argument that lifts it.

    Parameters
    ----------
    max_bytes : int
        Bytes of the resulting samples, after resampling, and of what goes into filters; 16 GiB.
        With the bundled FFmpeg, what that keeps for itself beyond 56 MiB counts with the samples.
    max_duration : float or None
        Seconds of the resulting audio; None is no limit.
    timeout : float or None
        Seconds of wall-clock time for the whole call; None is no limit.
    max_channels : int
        Channels of the stream, at most 64.
    max_sample_rate : int
        Rate of the stream and of the result, in Hz.
    max_input_bytes : int or None
        Bytes of the source; None is no limit.
    max_streams : int
        Streams in the container.
    max_tag_bytes : int
        Bytes of tags kept; the excess is skipped.
    allowed_formats : collection of str or None
        Names of demuxers, a part of `pyffaudio.formats()["demuxers"]`; None allows them all.
        Kept as a sorted tuple.

    Examples
    --------
    >>> from pyffaudio import Limits
    >>> Limits(timeout=5.0).timeout
    5.0
    >>> Limits.untrusted().max_duration
    600.0
    """

    max_bytes: int = 16 << 30
    max_duration: float | None = None
    timeout: float | None = None
    max_channels: int = _MOST_CHANNELS
    max_sample_rate: int = 768_000
    max_input_bytes: int | None = None
    max_streams: int = 64
    max_tag_bytes: int = 1 << 20
    allowed_formats: Collection[str] | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name == "allowed_formats":
                self._check_formats()
            elif getattr(self, field.name) is not None or field.default is not None:
                self._check_number(field.name, whole=field.name not in _REALS)

    def _check_number(self, name: str, whole: bool) -> None:
        value = getattr(self, name)
        try:
            if isinstance(value, (bool, str)):
                raise TypeError
            number = operator.index(value) if whole else float(value)
        except (TypeError, ValueError):
            kind = "an integer" if whole else "a number"
            raise TypeError(f"Limits: {name} must be {kind}, not {value!r}") from None
        most = _MOST.get(name, 2**62)
        if not 0 < number <= most:
            raise ValueError(f"Limits: {name} must be positive and at most {most}, not {value!r}")
        object.__setattr__(self, name, number)

    def _check_formats(self) -> None:
        if self.allowed_formats is None:
            return
        if isinstance(self.allowed_formats, str):
            raise TypeError("Limits: allowed_formats must be a collection of names, not one str")
        names = set(self.allowed_formats)
        unknown = sorted(names - set(DEMUXERS))
        if unknown:
            raise ValueError(f"Limits: allowed_formats has unknown names: {', '.join(unknown)}")
        # In order, so that the repr is the same in each process: journals have it.
        object.__setattr__(self, "allowed_formats", tuple(sorted(names)))

    @classmethod
    def untrusted(cls) -> Limits:
        """Limits for files from strangers: 256 MiB, 600 s of audio, 30 s, the web's formats."""
        return cls(
            max_bytes=256 << 20, max_duration=600.0, timeout=30.0, allowed_formats=WEB_FORMATS
        )

    @property
    def demuxers(self) -> tuple[str, ...]:
        """The demuxers that may read a source."""
        if self.allowed_formats is None:
            return tuple(DEMUXERS)
        return tuple(name for name in DEMUXERS if name in self.allowed_formats)

    @property
    def decoders(self) -> tuple[str, ...]:
        """The decoders that may decode a stream."""
        return tuple(DECODERS)
