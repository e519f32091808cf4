"""decode_file, decode_bytes and decode_into: from a source to an Audio in one call."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Unpack

import numpy as np

from pyffaudio import native
from pyffaudio.audio import Audio, Samples
from pyffaudio.buffers import Buffer, CallersBuffer, GrowingBuffer
from pyffaudio.diagnose import damage_error, limit_error
from pyffaudio.errors import PyffaudioError
from pyffaudio.info import info_of
from pyffaudio.issues import Issue
from pyffaudio.native import Data, Decoder, File, Source
from pyffaudio.options import (
    ALL_FRAMES,
    DTYPES,
    DecodeIntoOptions,
    DecodeOptions,
    Options,
    normalise,
)

# More output than this many bytes for each byte of input is reserved only as it comes.
_PLAUSIBLE_RATIO = 1024
_LEAST_BYTES = 1 << 20
_SPILL_FRAMES = 4096


def decode_file(source: File, **options: Unpack[DecodeOptions]) -> Audio:
    """Decode a local file or a binary file object.

    Parameters
    ----------
    source : str, os.PathLike or binary file object
        A str is always a local path, whatever it looks like. A file object needs `read(n)`; it is
        read from its present position.
    sample_rate : int, optional
        Resample to this many Hz: ``ceil(frames * sample_rate / stored rate)`` frames come out.
        Default: as stored.
    num_channels : int, optional
        Mix to this many channels by the level contract (docs/levels.md). Default: as stored.
    dtype : str or numpy.dtype, optional
        ``"float32"`` (default), ``"float64"``, ``"int32"``, ``"int16"``, ``"int8"`` or ``"uint8"``;
        full scale is 1.0, or the whole range of an integer. None: as the decoder gives it.
    channels_first : bool
        False (default): ``(frames, channels)``; True: ``(channels, frames)``. Always 2-D.
    start_seconds, stop_seconds : float
        The half-open segment wanted, rounded to frames; negative counts from the end, past the end
        are zero frames. Default: all.
    frame_offset, num_frames : int
        The same in frames at the output rate; not together with seconds.
    stream_index : int, optional
        The stream's index in the container (`probe().streams`). Default: the best audio stream.
    format : str, optional
        Names the demuxer, for what has no signature: ``"g722"``, ``"s16le"``.
    format_options : mapping, optional
        ``{"sample_rate": 8000, "channels": 1}``, for raw PCM.
    on_error : str
        For audio that is known to be damaged or cut: ``"raise"`` (default) or ``"partial"``, which
        returns what could be decoded, with `issues`.
    limits : Limits, optional
        What the call may cost; `Limits.untrusted()` for files from strangers.

    Returns
    -------
    Audio
        Unpacks as ``samples, sample_rate``.

    Raises
    ------
    OSError
        The file cannot be opened or read (FileNotFoundError and so on).
    UnsupportedFormatError
        Not audio, or of a format or codec that is not allowed.
    NoAudioStreamError
        There is no audio stream, or not the one asked for.
    CorruptAudioError
        Audio is damaged; what could be decoded is on ``.partial``.
    LimitExceededError
        One of `limits` was reached.
    TypeError, ValueError
        An option is wrong; nothing was opened. ValueError too where no rule mixes the stored
        channels to `num_channels`, or the stored rate is too far from `sample_rate`.

    Examples
    --------
    >>> import pyffaudio
    >>> samples, sample_rate = pyffaudio.decode_file("tone.wav")
    >>> samples.shape, sample_rate
    ((800, 2), 8000)
    >>> speech = pyffaudio.decode_file("tone.wav", sample_rate=16000, num_channels=1)
    >>> speech.samples[:, 0].shape
    (1600,)
    """
    return _decode(native.open_file, source, normalise(**options))


def decode_bytes(data: Data, **options: Unpack[DecodeOptions]) -> Audio:
    """Decode data in memory, which is not copied.

    Parameters
    ----------
    data : bytes-like
        bytes, bytearray, memoryview, mmap or a contiguous uint8 array, which must not change
        meanwhile.
    **options
        As in `decode_file`.

    Returns
    -------
    Audio
        Unpacks as ``samples, sample_rate``.

    Raises
    ------
    PyffaudioError, TypeError, ValueError
        As in `decode_file`.

    Examples
    --------
    >>> import pathlib, pyffaudio
    >>> pyffaudio.decode_bytes(pathlib.Path("tone.wav").read_bytes(), dtype="int16").samples.dtype
    dtype('int16')
    """
    return _decode(native.open_data, data, normalise(**options))


def decode_into(source: Source, out: Any, **options: Unpack[DecodeIntoOptions]) -> Audio:
    """Decode into an array that exists already; no sample memory is allocated.

    Parameters
    ----------
    source : str, os.PathLike, binary file object or bytes-like
        As in `decode_file` and `decode_bytes`.
    out : numpy.ndarray or torch.Tensor
        Writable, on the CPU, of any strides: ``(frames, channels)``, ``(channels, frames)`` with
        `channels_first`, or 1-D for one channel. Its dtype is that of the samples, and its channels
        must be the stream's, or `num_channels` be given and equal them: mixing is never silent.
    **options
        As in `decode_file`, except `dtype`.

    Returns
    -------
    Audio
        `samples` is the view of `out` that was filled; nothing outside it is written. A full `out`
        with audio left is no error: `more` says so.

    Raises
    ------
    PyffaudioError, OSError, TypeError, ValueError
        As in `decode_file`; ValueError too where `out` does not suit, naming both sides.

    Examples
    --------
    >>> import numpy as np, pyffaudio
    >>> out = np.zeros((1000, 2), "float32")
    >>> audio = pyffaudio.decode_into("tone.wav", out)
    >>> audio.num_frames, np.shares_memory(audio.samples, out), audio.more
    (800, True, False)
    """
    if "dtype" in options:
        raise TypeError("decode_into takes the dtype of out: leave the dtype option out")
    array = _as_array(out)
    asked = normalise(dtype=array.dtype, **options)
    buffer = CallersBuffer(array, asked.channels_first)
    frames = buffer.frames
    if asked.num_channels not in (None, frames.shape[1]):
        raise ValueError(_channels_differ(frames.shape[1], f"num_channels is {asked.num_channels}"))
    # libswresample writes planes or interleaved frames: whichever this array is made of.
    planar = frames.strides[0] == array.itemsize
    decoder, count = _open_segment(
        native.open_decoder, source, dataclasses.replace(asked, channels_first=planar)
    )
    with decoder:
        if frames.shape[1] != decoder.num_channels:
            stored = f"{decoder.description} has {decoder.num_channels}"
            message = _channels_differ(frames.shape[1], stored)
            if len(frames) == decoder.num_channels:
                other = "False" if asked.channels_first else "True"
                message = f"out has shape {array.shape}, {stored}: give channels_first={other}"
            raise ValueError(message)
        return _read(decoder, buffer, min(count, len(frames)), asked)


def _decode(open_source: Callable[[Any, Options], Decoder], source: Any, options: Options) -> Audio:
    decoder, count = _open_segment(open_source, source, options)
    with decoder:
        buffer = GrowingBuffer(
            _first_capacity(decoder, options, count),
            decoder.num_channels,
            decoder.dtype,
            options.channels_first,
        )
        return _read(decoder, buffer, count, options)


def _read(decoder: Decoder, buffer: Buffer, count: int, options: Options) -> Audio:
    """Fill the buffer with at most `count` frames: the one loop over `read_into`."""
    limit, limit_name = _frame_limit(decoder, options)
    room = min(count, limit)
    start = decoder.position
    filled = 0
    try:
        while filled < room:
            if filled < len(buffer.frames):
                got = decoder.read_into(buffer.frames[filled:room])
            else:
                got = _spill(decoder, buffer, filled, room)
            if got == 0:
                break
            filled += got
        more = filled == room and decoder.skip(1) > 0
        if more and room < count:
            value = getattr(options.limits, limit_name)
            raise limit_error(limit_name, value, decoder.description)
    except PyffaudioError as error:
        error.partial = _audio(decoder, buffer.take(filled), start, options, more=True)
        raise
    stop = start + filled if filled == count else None
    audio = _audio(decoder, buffer.take(filled), start, options, more, stop)
    if options.on_error == "raise" and any(issue.is_fatal for issue in audio.issues):
        raise damage_error(audio, decoder.description)
    return audio


def _spill(decoder: Decoder, buffer: Buffer, filled: int, room: int) -> int:
    """Frames beyond the capacity, which grows only if there are any: a true claim is the rule."""
    assert isinstance(buffer, GrowingBuffer)
    spill = np.empty((min(_SPILL_FRAMES, room - filled), decoder.num_channels), decoder.dtype)
    got = decoder.read_into(spill)
    if got:
        buffer.grow(room)
        buffer.frames[filled : filled + got] = spill[:got]
    return got


def _first_capacity(decoder: Decoder, options: Options, count: int) -> int:
    """As the file claims, as far as its size makes that plausible; claimed is not yet used."""
    frame_bytes = decoder.num_channels * np.dtype(decoder.dtype).itemsize
    input_bytes = decoder.input_bytes
    claimed = decoder.claimed_frames
    if claimed is None:
        claimed = _LEAST_BYTES // frame_bytes
    if not options.channels_first:
        # A claim is often a packet short; planes would have to be moved together afterwards.
        claimed += _SPILL_FRAMES
    plausible = max(_LEAST_BYTES, (input_bytes or 0) * _PLAUSIBLE_RATIO) // frame_bytes
    limit, _ = _frame_limit(decoder, options)
    return min(max(claimed - decoder.position, 0), plausible, count, limit)


def _frame_limit(decoder: Decoder, options: Options) -> tuple[int, str]:
    """How many frames the limits allow, and the name of the stricter one."""
    limits = options.limits
    frame_bytes = decoder.num_channels * np.dtype(decoder.dtype).itemsize
    by_bytes = limits.max_bytes // frame_bytes
    if limits.max_duration is not None:
        by_duration = int(limits.max_duration * decoder.sample_rate)
        if by_duration < by_bytes:
            return by_duration, "max_duration"
    return by_bytes, "max_bytes"


def _first_pass(
    open_source: Callable[[Any, Options], Decoder], source: Any, options: Options
) -> tuple[float, Options]:
    """The length in seconds, and the options with what time is left for the second pass."""
    limits = options.limits
    began = time.monotonic()
    with open_source(source, options) as decoder:
        # A short answer may be a fault, which the next call raises.
        while decoder.skip(ALL_FRAMES):
            pass
        length = decoder.position / decoder.sample_rate
        if limits.timeout is not None:
            left = limits.timeout - (time.monotonic() - began)
            if left <= 0:
                raise limit_error("timeout", None, decoder.description)
            options = dataclasses.replace(options, limits=dataclasses.replace(limits, timeout=left))
    return length, options


def _open_segment(
    open_source: Callable[[Any, Options], Decoder], source: Any, options: Options
) -> tuple[Decoder, int]:
    """A decoder at the segment's first frame, and the most frames that the segment may have."""
    start, stop = options.start_seconds, options.stop_seconds
    from_end = start < 0 or (stop is not None and stop < 0)
    rewind = (
        native.rewinder(source, "negative seconds, which count from the end, take a first pass")
        if from_end
        else None
    )
    if rewind is not None:
        length, options = _first_pass(open_source, source, options)
        rewind()
        start = max(start + length, 0) if start < 0 else start
        stop = stop + length if stop is not None and stop < 0 else stop
    decoder = open_source(source, options)
    first = options.frame_offset or round(start * decoder.sample_rate)
    count = ALL_FRAMES if options.num_frames is None else options.num_frames
    if stop is not None:
        count = max(round(stop * decoder.sample_rate) - first, 0)
    try:
        decoder.skip(first)
    except BaseException:
        decoder.close()
        raise
    return decoder, count


def _audio(
    decoder: Decoder,
    samples: Samples,
    start: int,
    options: Options,
    more: bool,
    stop: int | None = None,
) -> Audio:
    """The result, with the issues of the frames from `start` to `stop`, or else to the end."""
    issues = tuple(_issues_within(decoder, start, stop))
    complete = decoder.complete if start == 0 and not more else None
    return Audio(
        samples,
        decoder.sample_rate,
        info_of(decoder, options.limits),
        issues,
        False if any(issue.is_fatal for issue in issues) else complete,
        more,
        options.channels_first,
    )


def _issues_within(decoder: Decoder, start: int, stop: int | None) -> Iterator[Issue]:
    """What of each issue is of these frames; one without a length is of the frame it is at."""
    for code, offset, num_frames in decoder.issues:
        begin, end = max(offset, start), offset + num_frames
        if stop is not None:
            end = min(end, stop)
        is_here = num_frames == 0 and begin == offset and (stop is None or offset < stop)
        if begin < end or is_here:
            yield Issue(code, begin - start, end - begin)


def _as_array(out: Any) -> Samples:
    """The NumPy view of what a caller wants filled, or an error that says why it cannot be."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(out, torch.Tensor):
        if out.device.type != "cpu" or out.requires_grad:
            raise ValueError(
                f"out must be a CPU tensor without requires_grad, not one on {out.device}"
                f"{' that requires grad' if out.requires_grad else ''}"
            )
        out = out.numpy()
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a NumPy array or a CPU tensor, not {type(out).__name__}")
    if out.dtype.name not in DTYPES or not out.dtype.isnative:
        raise ValueError(f"out has dtype {out.dtype}; audio comes as one of {', '.join(DTYPES)}")
    if out.ndim not in (1, 2):
        raise ValueError(f"out has {out.ndim} dimensions; audio has 2, or 1 for one channel")
    if not out.flags.writeable:
        raise ValueError("out is read-only; audio needs a writable array")
    return out


def _channels_differ(channels: int, other: str) -> str:
    return f"out has {channels} channels, {other}: give num_channels={channels} to mix them"
