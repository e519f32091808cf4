"""The SoX backend: files that libsox reads, and its effects on arrays; docs/sox.md.

It is optional: pyffaudio has it where it was built beside libsox. It is for files that are trusted.
"""

from __future__ import annotations

import errno
import math
import os
import select
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Any, Unpack

import numpy as np

from pyffaudio import native
from pyffaudio.audio import Audio, Samples
from pyffaudio.buffers import GrowingBuffer, as_array
from pyffaudio.collect import excess_error, frame_limit
from pyffaudio.decode import decode_into_with, decode_with
from pyffaudio.diagnose import limit_error, system_error
from pyffaudio.info import AudioInfo, info_of
from pyffaudio.limits import Limits
from pyffaudio.native import Data, File, Source
from pyffaudio.options import (
    DTYPES,
    DecodeIntoOptions,
    DecodeOptions,
    Options,
    ReaderOptions,
    integer,
    normalise,
)
from pyffaudio.reader import AudioReader as _AudioReader
from pyffaudio.sox_effects import REFUSED, EffectError, check_effects
from pyffaudio.verify import count_frames

try:
    from pyffaudio import _sox
except ImportError as _error:
    raise ImportError(
        f"pyffaudio.sox is not there ({_error}): wheels are without it; on Debian or Ubuntu, "
        "`apt-get install libsox-dev libsox-fmt-mp3` and build pyffaudio from source"
    ) from _error

__all__ = [
    "AudioReader",
    "EffectError",
    "apply_effects",
    "decode_bytes",
    "decode_file",
    "decode_into",
    "effects",
    "formats",
    "probe",
]

_SERVED = {
    *("sample_rate", "num_channels", "dtype", "channels_first", "on_error", "limits"),
    *("start_seconds", "stop_seconds", "frame_offset", "num_frames", "format", "format_options"),
}
_COPY_BYTES = 1 << 20
# Of a pipe or a file object, where `max_input_bytes` does not say how much.
_MOST_COPIED = 1 << 30
_USAGES = _sox.effects_of_libsox()
_FORMATS = tuple(_sox.formats_of_libsox())


def decode_file(source: File, **options: Unpack[DecodeOptions]) -> Audio:
    """Decode a local file or a binary file object by libsox.

    As `pyffaudio.decode_file`, but for what is said here.

    Parameters
    ----------
    source : str, os.PathLike or binary file object
        A str is always a local path. What a file object has is copied into memory first.
    format, format_options
        Of libsox's names (`formats`): ``"vox"``, ``"s16"``; rate and channels of any format that
        does not say them. Default: as the file's first bytes say, or else its suffix.
    **options
        sample_rate, num_channels, dtype, channels_first, start_seconds, stop_seconds, frame_offset,
        num_frames, on_error and limits; no others. dtype=None is int32.

    Returns
    -------
    Audio
        Unpacks as ``samples, sample_rate``.

    Raises
    ------
    PyffaudioError, OSError, TypeError, ValueError
        As in `pyffaudio.decode_file`.

    Examples
    --------
    >>> import pyffaudio.sox
    >>> samples, sample_rate = pyffaudio.sox.decode_file("tone.wav", sample_rate=16000)
    >>> samples.shape, sample_rate
    ((1600, 2), 16000)
    """
    if native.is_data(source):
        raise TypeError(
            "decode_file takes a path (str, os.PathLike) or a binary file object, not "
            f"{type(source).__name__}: for data in memory use decode_bytes"
        )
    asked = _normalise(options)
    return decode_with(partial(_open, source, asked), source, asked, None)


def decode_bytes(data: Data, **options: Unpack[DecodeOptions]) -> Audio:
    """Decode data in memory by libsox, which needs a copy of it.

    Parameters
    ----------
    data : bytes-like
        As in `pyffaudio.decode_bytes`.
    **options
        As in `decode_file`.

    Returns
    -------
    Audio
        Unpacks as ``samples, sample_rate``.

    Raises
    ------
    PyffaudioError, TypeError, ValueError
        As in `pyffaudio.decode_bytes`.

    Examples
    --------
    >>> import pathlib, pyffaudio.sox
    >>> data = pathlib.Path("tone.wav").read_bytes()
    >>> pyffaudio.sox.decode_bytes(data, dtype="int16").samples.shape
    (800, 2)
    """
    if not native.is_data(data):
        raise TypeError(
            f"data must be bytes-like, not {type(data).__name__}: for a path or a file object use "
            "decode_file"
        )
    asked = _normalise(options)
    return decode_with(partial(_open, data, asked), data, asked, None)


def decode_into(source: Source, out: Any, **options: Unpack[DecodeIntoOptions]) -> Audio:
    """Decode by libsox into an array that exists already.

    Parameters
    ----------
    source : str, os.PathLike, binary file object or bytes-like
        As in `decode_file` and `decode_bytes`.
    out : numpy.ndarray or torch.Tensor
        As in `pyffaudio.decode_into`.
    **options
        As in `decode_file`, except `dtype`.

    Returns
    -------
    Audio
        `samples` is the view of `out` that was filled; nothing outside it is written.

    Raises
    ------
    PyffaudioError, OSError, TypeError, ValueError
        As in `pyffaudio.decode_into`.

    Examples
    --------
    >>> import numpy as np, pyffaudio.sox
    >>> out = np.zeros((1000, 2), "int32")
    >>> pyffaudio.sox.decode_into("tone.wav", out).num_frames
    800
    """
    if "dtype" in options:
        raise TypeError("decode_into takes the dtype of out: leave the dtype option out")
    array = as_array(out)
    asked = _normalise({**options, "dtype": array.dtype})
    return decode_into_with(partial(_open, source, asked), source, array, asked, None)


def probe(
    source: Source,
    *,
    exact: bool = False,
    format: str | None = None,
    format_options: Mapping[str, int] | None = None,
    limits: Limits | None = None,
) -> AudioInfo:
    """Tell what libsox finds in a source; codec and container are libsox's names.

    Parameters
    ----------
    source : str, os.PathLike, binary file object or bytes-like
        As in `pyffaudio.probe`.
    exact : bool
        Count the frames, by decoding. Default: `num_frames` is the header's word.
    format, format_options, limits
        As in `decode_file`.

    Returns
    -------
    AudioInfo
        Of one stream, without chapters; libsox's comments are the tags.

    Raises
    ------
    PyffaudioError, OSError, TypeError, ValueError
        As in `pyffaudio.probe`.

    Examples
    --------
    >>> import pyffaudio.sox
    >>> info = pyffaudio.sox.probe("tone.wav")
    >>> info.container, info.codec, info.sample_rate, info.num_channels, info.num_frames
    ('wav', 'Signed Integer PCM', 8000, 2, 800)
    """
    asked = _normalise(
        {"dtype": None, "format": format, "format_options": format_options, "limits": limits}
    )
    put_back = native.rewinder(source, "probe puts a file object back to its position")
    try:
        with _open(source, asked) as decoder:
            counted = count_frames(decoder) if exact else None
            return info_of(decoder.describe(), counted)
    finally:
        put_back()


class AudioReader(_AudioReader):
    """Read a file of libsox's in pieces, as `pyffaudio.AudioReader` does.

    Plain PCM in WAV, AIFF and AU is found at once; all else is decoded from the start, or from
    where the reader is.

    Parameters
    ----------
    source : str, os.PathLike, binary file object or bytes-like
        As in `decode_file` and `decode_bytes`.
    **options
        As in `decode_file`, but for those of a segment.

    Raises
    ------
    PyffaudioError, OSError, TypeError, ValueError
        As in `decode_file`.

    Examples
    --------
    >>> import pyffaudio.sox
    >>> with pyffaudio.sox.AudioReader("tone.wav") as reader:
    ...     position = reader.seek(700)
    ...     reader.read().shape
    (100, 2)
    """

    @staticmethod
    def _open(source: Source, options: ReaderOptions) -> tuple[Options, _sox.Decoder]:
        asked = _normalise(options)
        return asked, _open(source, asked)


def apply_effects(
    samples: Any,
    sample_rate: int | None = None,
    effects: Iterable[Sequence[str]] | None = None,
    *,
    channels_first: bool = False,
    limits: Limits | None = None,
) -> Audio:
    """Apply a chain of libsox's effects to samples, in memory.

    The samples are those of ``sox -D in.wav out.wav EFFECT...`` with files of 32-bit integers,
    except that no effect is added: after `speed` the rate is another one, as in torchaudio.

    Parameters
    ----------
    samples : array-like or Audio
        ``(frames, channels)``, or ``(channels, frames)`` with `channels_first`, or 1-D for one
        channel; of a dtype that decoding gives. libsox works with 32-bit integers.
    sample_rate : int
        In Hz; an Audio brings its own, and its layout.
    effects : sequence of sequences of str
        ``[["tempo", "1.1"], ["rate", "16000"]]``: names (`effects` lists them) and arguments, as on
        the command line of sox.
    channels_first : bool
        The layout of `samples`, and of the result.
    limits : Limits, optional
        What the call may cost; those of a source do not matter here.

    Returns
    -------
    Audio
        Of the dtype of `samples`, always 2-D; unpacks as ``samples, sample_rate``.

    Raises
    ------
    EffectError
        There is no such effect, it is refused (docs/sox.md), or it refuses its arguments; the
        message has its usage. It is a ValueError too.
    LimitExceededError
        More came out than `limits` allow, as of ``["repeat", "-"]``.
    TypeError, ValueError
        `samples` or `sample_rate` do not suit.

    Examples
    --------
    >>> import pyffaudio, pyffaudio.sox
    >>> audio = pyffaudio.decode_file("tone.wav")
    >>> fast = pyffaudio.sox.apply_effects(audio, effects=[["tempo", "2"], ["rate", "16000"]])
    >>> fast.samples.shape, fast.samples.dtype, fast.sample_rate
    ((800, 2), dtype('float32'), 16000)
    >>> samples, sample_rate = pyffaudio.sox.apply_effects(audio.samples, 8000, [["reverse"]])
    """
    if isinstance(samples, Audio):
        channels_first = samples.channels_first
        sample_rate = samples.sample_rate if sample_rate is None else sample_rate
    checked = check_effects(effects, _USAGES)
    frames = _frames(samples, channels_first)
    asked = normalise(dtype=frames.dtype, channels_first=channels_first, limits=limits)
    integer("channels of samples", frames.shape[1], 1, asked.limits.max_channels)
    rate = integer("sample_rate", sample_rate, 1, asked.limits.max_sample_rate)
    if rate is None:
        raise TypeError("sample_rate is needed where samples are no Audio")
    chain = _sox.Chain(frames, rate, checked, asked.limits)
    most = frame_limit(chain, asked)
    expected = len(frames) if chain.expected_frames is None else chain.expected_frames
    buffer = GrowingBuffer(
        min(expected, most), chain.num_channels, chain.dtype, asked.channels_first
    )
    filled, exceeded = chain.run(buffer, most)
    if exceeded:
        raise excess_error(chain, asked)
    result = buffer.take(filled)
    facts = _facts_of(chain, filled)
    return Audio(
        result,
        chain.sample_rate,
        partial(info_of, facts),
        complete=True,
        channels_first=asked.channels_first,
    )


def effects() -> dict[str, str]:
    """What libsox says of the use of each effect that `apply_effects` takes.

    Examples
    --------
    >>> import pyffaudio.sox
    >>> pyffaudio.sox.effects()["tempo"]
    '[-q] [-m | -s | -l] factor [segment-ms [search-ms [overlap-ms]]]'
    """
    return {name: usage for name, usage in _USAGES.items() if name not in REFUSED}


def formats() -> tuple[str, ...]:
    """Names of the formats that libsox knows here, for `format`; some it can only write.

    Examples
    --------
    >>> import pyffaudio.sox
    >>> "vox" in pyffaudio.sox.formats()
    True
    """
    return _FORMATS


# --- options


def _normalise(options: Mapping[str, Any]) -> Options:
    """The options that libsox can serve; others are refused, unless they are None."""
    given = dict(options)
    if given.get("num_threads") == 1:
        del given["num_threads"]
    for other in sorted((given.keys() & DecodeOptions.__annotations__) - _SERVED):
        if given.pop(other) is not None:
            raise TypeError(f"pyffaudio.sox has no option {other}: libsox cannot serve it")
    name = given.pop("format", None)
    raw = given.pop("format_options", None)
    asked = normalise(**given)
    if asked.limits.allowed_formats is not None:
        raise ValueError(
            "limits.allowed_formats names FFmpeg's formats: libsox is for files that are trusted"
        )
    return replace(asked, format=_format(name), format_options=_raw(raw, asked.limits))


def _format(name: object) -> str | None:
    if name is not None and not isinstance(name, str):
        raise TypeError(f"format must be a str, not {name!r}")
    if name is not None and name not in _FORMATS:
        raise ValueError(f"format {name!r} is not known to libsox; see pyffaudio.sox.formats()")
    return name


def _raw(given: object, limits: Limits) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"format_options must be a mapping, not {given!r}")
    most = {"sample_rate": limits.max_sample_rate, "channels": limits.max_channels}
    unknown = sorted(str(key) for key in given if key not in most)
    if unknown:
        raise ValueError(f"format_options takes sample_rate and channels, not {', '.join(unknown)}")
    return {key: integer(f"format_options: {key}", given[key], 1, most[key]) for key in given}


# --- sources: libsox gets a descriptor of ours by its name in /proc, never a name of the caller's


def _open(source: Any, asked: Options, stop: object = None) -> _sox.Decoder:
    """Open a source of any kind: of the type that its first bytes say, or else its suffix."""
    deadline = math.inf if asked.limits.timeout is None else monotonic() + asked.limits.timeout
    with _descriptor(source, asked.limits, deadline) as (descriptor, name):
        size = os.fstat(descriptor).st_size
        _check_size(size, asked.limits, name)
        hint = None if asked.format else _hint(source, os.pread(descriptor, 3, 0))
        if asked.limits.timeout is not None:
            left = max(deadline - monotonic(), 1e-6)
            asked = replace(asked, limits=replace(asked.limits, timeout=left))
        return _sox.Decoder(
            asked, descriptor=descriptor, input_bytes=size, description=name, format_hint=hint
        )


@contextmanager
def _descriptor(source: Any, limits: Limits, deadline: float) -> Iterator[tuple[int, str]]:
    """A descriptor of a whole file, and the source in words.

    Formats need a file to seek in, with its size: libsox's own way to read memory has neither.
    """
    kind = type(source).__name__
    if isinstance(source, (str, os.PathLike)):
        name = source if isinstance(source, str) else os.fsdecode(source)
        opened = _opened(source, name)
    elif native.is_data(source):
        with memoryview(source) as view:
            name = f"<{kind} of {view.nbytes} bytes>"
            bounds = replace(limits, max_input_bytes=limits.max_input_bytes or view.nbytes or 1)
            opened = _in_memory(_parts(view), bounds, deadline, name)
    elif callable(getattr(source, "read", None)):
        name = f"<{kind}>"
        opened = _in_memory(_read_parts(source.read), limits, deadline, name)
    else:
        raise TypeError(
            "the source must be a path (str, os.PathLike) or a binary file object with read(), "
            f"not {kind}"
        )
    try:
        mode = os.fstat(opened).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        if not stat.S_ISREG(mode):
            copied = _in_memory(_read_pipe(opened), limits, deadline, name)
            os.close(opened)
            opened = copied
        yield opened, name
    finally:
        os.close(opened)


def _opened(path: str | os.PathLike[str] | os.PathLike[bytes], name: str) -> int:
    try:
        # O_NONBLOCK: opening a FIFO must not wait for its writer.
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise system_error(error.errno or errno.EIO, name) from None


def _in_memory(parts: Iterable[memoryview], limits: Limits, deadline: float, name: str) -> int:
    """A file that is in memory only, with what comes; an endless source must not fill it for ever.

    An empty part only says that time goes by.
    """
    bounds = replace(limits, max_input_bytes=limits.max_input_bytes or _MOST_COPIED)
    descriptor = os.memfd_create("pyffaudio", os.MFD_CLOEXEC)
    size = 0
    try:
        with open(descriptor, "wb", closefd=False) as file:
            for part in parts:
                size += len(part)
                _check_size(size, bounds, name)
                if monotonic() > deadline:
                    raise limit_error(limits, "timeout", name)
                file.write(part)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _parts(view: memoryview) -> Iterator[memoryview]:
    if view.itemsize != 1 or not view.c_contiguous:
        gaps = "" if view.c_contiguous else " and gaps between them"
        raise TypeError(f"data must be contiguous bytes: it has items of {view.itemsize}{gaps}")
    flat = view.cast("B")
    for start in range(0, len(flat), _COPY_BYTES):
        yield flat[start : start + _COPY_BYTES]


def _read_parts(read: Callable[[int], Any]) -> Iterator[memoryview]:
    while True:
        part = read(_COPY_BYTES)
        if not native.is_data(part):
            raise TypeError(f"read() must answer bytes, not {type(part).__name__}")
        view = memoryview(part).cast("B")
        if not len(view):
            return
        yield view


def _read_pipe(descriptor: int) -> Iterator[memoryview]:
    while True:
        ready, _, _ = select.select([descriptor], [], [], 0.02)
        part = b""
        if ready:
            try:
                part = os.read(descriptor, _COPY_BYTES)
            except BlockingIOError:  # another reader of the same pipe was faster
                continue
            if not part:
                return
        yield memoryview(part)


def _check_size(size: int, limits: Limits, name: str) -> None:
    if limits.max_input_bytes is not None and size > limits.max_input_bytes:
        raise limit_error(limits, "max_input_bytes", name, size)


def _hint(source: object, head: bytes) -> str | None:
    """The format that a path's suffix names, or MPEG audio, which libsox does not look for."""
    if isinstance(source, (str, os.PathLike)):
        suffix = os.path.splitext(os.fsdecode(source))[1][1:].lower()
        if suffix in _FORMATS:
            return suffix
    is_mpeg = head == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] >= 0xE0)
    return "mp3" if is_mpeg and "mp3" in _FORMATS else None


def _frames(samples: Any, channels_first: bool) -> Samples:
    """What effects are applied to, as (frames, channels)."""
    array = np.asarray(samples)
    if array.dtype.name not in DTYPES or not array.dtype.isnative:
        raise ValueError(f"samples have dtype {array.dtype}; audio is one of {', '.join(DTYPES)}")
    if array.ndim == 1:
        return array[:, np.newaxis]
    if array.ndim != 2:
        raise ValueError(
            f"samples have shape {array.shape}: give (frames, channels), (channels, frames) with "
            "channels_first=True, or one dimension for one channel"
        )
    return array.T if channels_first else array


def _facts_of(chain: _sox.Chain, num_frames: int) -> dict[str, Any]:
    """What `info` says of the result of effects."""
    facts = {
        "codec": "pcm",
        "sample_rate": chain.sample_rate,
        "num_channels": chain.num_channels,
    }
    return {
        **facts,
        "channel_layout": f"{chain.num_channels} channels",
        "num_frames": num_frames,
        "is_exact": True,
        "container": "memory",
        "sample_format": chain.dtype,
        "bits_per_sample": None,
        "bit_rate": None,
        "stream_index": 0,
        "tags": {},
        "chapters": [],
        "streams": [{**facts, "index": 0, "type": "audio", "is_cover": False, "tags": {}}],
    }
