"""decode_file, decode_bytes and decode_into: from a source to an Audio in one call."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from typing import Any, Unpack

from pyffaudio import native
from pyffaudio.audio import Audio, Samples
from pyffaudio.buffers import Buffer, CallersBuffer, GrowingBuffer, as_array
from pyffaudio.collect import collect, first_capacity
from pyffaudio.cores import num_cores
from pyffaudio.decoder import Decoder
from pyffaudio.native import Data, File, Source, Stop
from pyffaudio.options import (
    ALL_FRAMES,
    DecodeIntoOptions,
    DecodeOptions,
    Options,
    normalise,
)

Open = Callable[[Stop | None], Decoder]


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
    filters : str, optional
        An FFmpeg filter graph with one input and one output, ``"highpass=f=200,loudnorm"``
        (docs/filters.md); the options above hold for what comes out, seconds cut what goes in.
    num_threads : int
        Threads that decode one long file side by side; 0 is one for each core. The samples are the
        same; only exact codecs (docs/seeking.md) of a path or of bytes are divided. Default: 1.
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
    FilterError
        `filters` are wrong, not allowed or cannot take this audio.
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
    asked = normalise(**options)
    return decode_with(partial(native.open_file, source, asked), source, asked, None)


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
    asked = normalise(**options)
    return decode_with(partial(native.open_data, data, asked), data, asked, None)


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
    array = as_array(out)
    return decode_item_into(source, array, normalise(dtype=array.dtype, **options), None)


def decode_item(source: Source, asked: Options, stop: Stop | None) -> Audio:
    """Decode a source of either kind, unless `stop` ends it."""
    with _own(source) as own:
        return decode_with(partial(native.open_decoder, own, asked), own, asked, stop)


def decode_item_into(
    source: Source, array: Samples, asked: Options, stop: Stop | None, began_ns: int = 0
) -> Audio:
    """Fill an array whose dtype is the one asked for, unless `stop` ends it.

    The timeout counts from `began_ns` on the monotonic clock, where that is given.
    """
    # libswresample writes planes or interleaved frames: whichever this array is made of.
    planar = CallersBuffer(array, asked.channels_first).frames.strides[0] == array.itemsize
    with _own(source) as own:
        layout = native.in_layout(asked, planar)
        open_again = partial(native.open_decoder, own, layout, began_ns=began_ns)
        return decode_into_with(open_again, own, array, asked, stop)


def _own(source: Source) -> AbstractContextManager[Source]:
    """The source for one decode: what opens itself is opened for that alone, and closed."""
    if isinstance(source, native.LazyFile):
        return closing(source.anew())
    return nullcontext(source)


def decode_into_with(
    open_again: Open, source: Source, array: Samples, asked: Options, stop: Stop | None
) -> Audio:
    """Fill an array by a decoder of either backend."""
    buffer = CallersBuffer(array, asked.channels_first)
    frames = buffer.frames
    if asked.num_channels not in (None, frames.shape[1]):
        raise ValueError(_channels_differ(frames.shape[1], f"num_channels is {asked.num_channels}"))
    with open_again(stop) as decoder:
        if frames.shape[1] != decoder.num_channels:
            stored = f"{decoder.description} has {decoder.num_channels}"
            message = _channels_differ(frames.shape[1], stored)
            if len(frames) == decoder.num_channels:
                other = "False" if asked.channels_first else "True"
                message = f"out has shape {array.shape}, {stored}: give channels_first={other}"
            raise ValueError(message)
        count = min(go_to_segment(decoder, source, asked), len(frames))
        return _fill(decoder, open_again, source, buffer, count, asked)


def decode_with(open_again: Open, source: Any, options: Options, stop: Stop | None) -> Audio:
    """Decode by a decoder of either backend."""
    with open_again(stop) as decoder:
        count = go_to_segment(decoder, source, options)
        buffer = GrowingBuffer(
            first_capacity(decoder, options, count),
            decoder.num_channels,
            decoder.dtype,
            options.channels_first,
        )
        return _fill(decoder, open_again, source, buffer, count, options)


def _fill(
    decoder: Decoder, open_again: Open, source: Any, buffer: Buffer, count: int, options: Options
) -> Audio:
    start = decoder.position
    filled = 0
    # Cores are counted anew each time: affinity may have changed since these options were checked.
    num_threads = options.num_threads or num_cores()
    if num_threads > 1 and not native.is_file_object(source):
        # As late as this, with the threads that come with it: most calls never need them.
        from pyffaudio.parallel import fill_with_threads  # noqa: PLC0415

        frames = min(count, len(buffer.frames))
        filled = fill_with_threads(decoder, open_again, buffer, frames, num_threads)
    return collect(decoder, buffer, count, options, start, filled)


def go_to_segment(decoder: Decoder, source: Any, options: Options) -> int:
    """Have the segment's first frame come next; answers the most frames that it may have."""
    start, stop = options.start_seconds, options.stop_seconds
    if options.filters is not None:
        return ALL_FRAMES  # what went in was cut when it was opened
    if start < 0 or (stop is not None and stop < 0):
        native.rewinder(source, "negative seconds, which count from the end, need a look at it")
        # A short answer may be a fault, which the next call raises.
        while decoder.skip(ALL_FRAMES):
            pass
        length = decoder.position / decoder.sample_rate
        start = max(start + length, 0) if start < 0 else start
        stop = stop + length if stop is not None and stop < 0 else stop
    first = options.frame_offset or min(round(start * decoder.sample_rate), ALL_FRAMES)
    decoder.seek(first)
    if stop is not None:
        return max(round(stop * decoder.sample_rate) - first, 0)
    return ALL_FRAMES if options.num_frames is None else options.num_frames


def _channels_differ(channels: int, other: str) -> str:
    return f"out has {channels} channels, {other}: give num_channels={channels} to mix them"
