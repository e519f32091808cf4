"""The options of every entry point, normalised once; what lies beneath trusts them."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import DTypeLike

from pyffaudio.formats import DEMUXERS, RAW_PCM_DEMUXERS
from pyffaudio.limits import Limits

DTYPES = ("uint8", "int8", "int16", "int32", "float32", "float64")

ALL_FRAMES = 2**62
_NO_OPTIONS: Mapping[str, int] = MappingProxyType({})


class StreamOptions(TypedDict, total=False):
    """What holds for all of a stream, whatever is read of it."""

    sample_rate: int | None
    num_channels: int | None
    channels_first: bool
    stream_index: int | None
    format: str | None
    format_options: Mapping[str, int] | None
    filters: str | None
    on_error: Literal["raise", "partial"]
    limits: Limits | None


class ReaderOptions(StreamOptions, total=False):
    """The keyword arguments of `AudioReader`."""

    dtype: DTypeLike | None


class DecodeIntoOptions(StreamOptions, total=False):
    """The keyword arguments of `decode_into`, as a type for ``**options``."""

    start_seconds: float
    stop_seconds: float | None
    frame_offset: int
    num_frames: int | None
    num_threads: int


class BatchIntoOptions(StreamOptions, total=False):
    """The keyword arguments of `decode_batch_into`."""

    start_seconds: float | Sequence[float]
    stop_seconds: float | Sequence[float | None] | None
    frame_offset: int | Sequence[int]
    num_frames: int | Sequence[int | None] | None
    num_threads: int


class DecodeOptions(DecodeIntoOptions, total=False):
    """The keyword arguments of `decode_file` and `decode_bytes`."""

    dtype: DTypeLike | None


@dataclass(frozen=True, eq=False, repr=False)  # each costs every import some time
class Options:
    """Normalised options: native types, checked ranges, canonical names."""

    sample_rate: int | None
    num_channels: int | None
    dtype: str | None
    channels_first: bool
    start_seconds: float
    stop_seconds: float | None
    frame_offset: int
    num_frames: int | None
    stream_index: int | None
    format: str | None
    format_options: Mapping[str, str]
    filters: str | None
    num_threads: int
    on_error: Literal["raise", "partial"]
    limits: Limits
    demuxers: bytes  # allowed by the limits, as FFmpeg takes them
    decoders: bytes


def normalise(**options: Any) -> Options:
    """Check every option, or raise a TypeError or ValueError that names it."""
    try:
        return _remembered(**options)
    except TypeError:
        return _normalise(**options)  # something that cannot be hashed, or is wrong here too


def _normalise(
    *,
    sample_rate: int | None = None,
    num_channels: int | None = None,
    dtype: DTypeLike | None = "float32",
    channels_first: bool = False,
    start_seconds: float = 0.0,
    stop_seconds: float | None = None,
    frame_offset: int = 0,
    num_frames: int | None = None,
    stream_index: int | None = None,
    format: str | None = None,
    format_options: Mapping[str, int] | None = None,
    filters: str | None = None,
    num_threads: int = 1,
    on_error: Literal["raise", "partial"] = "raise",
    limits: Limits | None = None,
    **unknown: object,
) -> Options:
    _refuse_unknown(unknown)
    limits = Limits() if limits is None else limits
    if not isinstance(limits, Limits):
        raise TypeError(f"limits must be a pyffaudio.Limits, not {type(limits).__name__}")
    if on_error not in ("raise", "partial"):
        raise ValueError(f'on_error must be "raise" or "partial", not {on_error!r}')
    if not isinstance(channels_first, (bool, np.bool_)):
        raise TypeError(f"channels_first must be True or False, not {channels_first!r}")
    by_seconds = start_seconds != 0 or stop_seconds is not None
    if by_seconds and (frame_offset != 0 or num_frames is not None):
        raise ValueError(
            "give start_seconds and stop_seconds, or frame_offset and num_frames, not both kinds"
        )
    return Options(
        sample_rate=integer("sample_rate", sample_rate, 1, limits.max_sample_rate),
        num_channels=integer("num_channels", num_channels, 1, limits.max_channels),
        dtype=_dtype_name(dtype),
        channels_first=bool(channels_first),
        start_seconds=_seconds("start_seconds", start_seconds),
        stop_seconds=None if stop_seconds is None else _seconds("stop_seconds", stop_seconds),
        frame_offset=integer("frame_offset", frame_offset, 0, ALL_FRAMES) or 0,
        num_frames=integer("num_frames", num_frames, 0, ALL_FRAMES),
        stream_index=integer("stream_index", stream_index, 0, 2**31 - 1),
        format=_format_name(format, limits),
        format_options=_format_options(format, format_options or _NO_OPTIONS, limits),
        filters=_filter_string(filters, frame_offset, num_frames),
        num_threads=integer("num_threads", num_threads, 0, 1024) or 0,
        on_error=on_error,
        limits=limits,
        demuxers=",".join(limits.demuxers).encode(),
        decoders=",".join(limits.decoders).encode(),
    )


# Most calls ask for the same as the one before. 1, 1.0 and True are told apart.
_remembered = lru_cache(maxsize=64, typed=True)(_normalise)


def _refuse_unknown(unknown: Mapping[str, object]) -> None:
    for name in unknown:
        import difflib  # noqa: PLC0415 # 1 ms, which few need

        near = difflib.get_close_matches(name, DecodeOptions.__annotations__, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise TypeError(f"there is no option {name!r}{hint}")


def frame_count(name: str, value: Any) -> int:
    """A number of frames that a method was given, or a TypeError or ValueError that names it."""
    if value is None:
        raise TypeError(f"{name} must be an integer, not None")
    return integer(name, value, 0, ALL_FRAMES) or 0


def integer(name: str, value: Any, least: int, most: int) -> int | None:
    """The value as an int within these bounds, None for None; else an error that names it."""
    if value is None:
        return None
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, not {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}") from None
    if not least <= number <= most:
        raise ValueError(f"{name} must be from {least} to {most}, not {number}")
    return number


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, (bool, str, bytes)):
        raise TypeError(f"{name} must be a number of seconds, not {value!r}")
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number of seconds, not {value!r}") from None
    if not math.isfinite(seconds) or abs(seconds) > 2**40:
        raise ValueError(f"{name} must be finite and less than 2**40, not {value!r}")
    return seconds


def _dtype_name(dtype: DTypeLike | None) -> str | None:
    if dtype is None:
        return None
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise TypeError(
            f"dtype must be one of {', '.join(DTYPES)} or None, not {dtype!r}"
        ) from None
    if found.name not in DTYPES or not found.isnative:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)} or None, not {dtype!r}")
    return found.name


def _format_name(name: Any, limits: Limits) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str):
        raise TypeError(f"format must be a str, not {name!r}")
    if name not in DEMUXERS:
        raise ValueError(f"format {name!r} is not known or not allowed; see pyffaudio.formats()")
    if name not in limits.demuxers:
        raise ValueError(f"format {name!r} is not among limits.allowed_formats")
    return name


def _filter_string(filters: Any, frame_offset: int, num_frames: int | None) -> str | None:
    if filters is None:
        return None
    if not isinstance(filters, str):
        raise TypeError(f'filters must be a str, such as "highpass=f=200", not {filters!r}')
    if frame_offset != 0 or num_frames is not None:
        raise ValueError(
            "with filters give start_seconds and stop_seconds, which cut what goes in, not "
            "frame_offset and num_frames: which frames come out is the filters' business"
        )
    return filters


def _format_options(
    format: str | None, given: Mapping[str, int], limits: Limits
) -> Mapping[str, str]:
    """FFmpeg's options for raw PCM; nothing else has any that a caller needs."""
    if not isinstance(given, Mapping):
        raise TypeError(f"format_options must be a mapping, not {given!r}")
    if given and format not in RAW_PCM_DEMUXERS:
        raise ValueError('format_options go with a raw PCM format only, such as format="s16le"')
    unknown = sorted(str(key) for key in given if key not in ("sample_rate", "channels"))
    if unknown:
        raise ValueError(f"format_options takes sample_rate and channels, not {', '.join(unknown)}")
    if format not in RAW_PCM_DEMUXERS:
        return MappingProxyType({})
    rate = integer(
        "format_options: sample_rate", given.get("sample_rate"), 1, limits.max_sample_rate
    )
    channels = integer("format_options: channels", given.get("channels"), 1, limits.max_channels)
    if rate is None or channels is None:
        raise ValueError(
            f"format {format!r} has no header: give format_options="
            '{"sample_rate": ..., "channels": ...}'
        )
    # "2C" is two channels of no named place; FFmpeg's older "channels" option is gone since 7.0.
    return MappingProxyType({"sample_rate": str(rate), "ch_layout": f"{channels}C"})
