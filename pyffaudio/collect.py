"""Collecting what a decoder gives into one buffer, and what was met on the way into an Audio."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from pyffaudio.audio import Audio, Samples
from pyffaudio.buffers import Buffer, GrowingBuffer
from pyffaudio.decoder import Decoder, Output
from pyffaudio.diagnose import damage_error, limit_error
from pyffaudio.errors import LimitExceededError, PyffaudioError
from pyffaudio.info import info_of
from pyffaudio.issues import Issue, any_fatal
from pyffaudio.options import Options

# More output than this many bytes for each byte of input is reserved only as it comes.
_PLAUSIBLE_RATIO = 1024
_LEAST_BYTES = 1 << 20
_SPILL_FRAMES = 4096


def collect(
    decoder: Decoder, buffer: Buffer, count: int, options: Options, start: int, filled: int
) -> Audio:
    """Fill the buffer with at most `count` frames from `start`: the one loop over `read_into`.

    So many as `filled` are there already, and the decoder stands behind them.
    """
    limit = frame_limit(decoder, options)
    room = min(count, limit)
    try:
        filled = fill(decoder, buffer, room, filled)
        more = filled == room and decoder.skip(1) > 0
        if more and room < count:
            raise excess_error(decoder, options)
    except PyffaudioError as error:
        filled = max(filled, min(decoder.position - start, room))
        error.partial = audio_of(decoder, buffer.take(filled), start, options, more=True)
        raise
    stop = start + filled if filled == count else None
    audio = audio_of(decoder, buffer.take(filled), start, options, more, stop)
    raise_damage(audio, decoder, options)
    return audio


def fill(decoder: Decoder, buffer: Buffer, room: int, filled: int = 0) -> int:
    """Fill the buffer up to `room` frames; answers how many there are then."""
    while filled < room:
        if filled < len(buffer.frames):
            got = decoder.read_into(buffer.frames[filled:room])
        else:
            got = _spill(decoder, buffer, filled, room)
        if got == 0:
            break
        filled += got
    return filled


def raise_damage(audio: Audio, decoder: Decoder, options: Options) -> None:
    """Raise what was found, if audio is missing and the caller does not want to have the rest."""
    if options.on_error == "raise" and any_fatal(audio.issues):
        raise damage_error(audio, decoder.description)


def _spill(decoder: Decoder, buffer: Buffer, filled: int, room: int) -> int:
    """Frames beyond the capacity, which grows only if there are any: a true claim is the rule."""
    assert isinstance(buffer, GrowingBuffer)
    spill = np.empty((min(_SPILL_FRAMES, room - filled), decoder.num_channels), decoder.dtype)
    got = decoder.read_into(spill)
    if got:
        buffer.grow(room)
        buffer.frames[filled : filled + got] = spill[:got]
    return got


def first_capacity(decoder: Decoder, options: Options, count: int) -> int:
    """As the file claims, as far as its size makes that plausible; claimed is not yet used."""
    frame_bytes = decoder.frame_bytes
    input_bytes = decoder.input_bytes
    claimed = decoder.claimed_frames
    if claimed is None:
        claimed = _LEAST_BYTES // frame_bytes
    if not options.channels_first:
        # A claim is often a packet short; planes would have to be moved together afterwards.
        claimed += _SPILL_FRAMES
    plausible = max(_LEAST_BYTES, (input_bytes or 0) * _PLAUSIBLE_RATIO) // frame_bytes
    limit = frame_limit(decoder, options)
    return min(max(claimed - decoder.position, 0), plausible, count, limit)


def frame_limit(decoder: Output, options: Options) -> int:
    """How many frames the limits allow."""
    limits = options.limits
    by_bytes = limits.max_bytes // decoder.frame_bytes
    if limits.max_duration is None:
        return by_bytes
    return min(by_bytes, int(limits.max_duration * decoder.sample_rate))


def excess_error(decoder: Output, options: Options) -> LimitExceededError:
    """The error of what goes beyond `frame_limit`, which names the stricter limit."""
    limits = options.limits
    by_bytes = limits.max_bytes // decoder.frame_bytes
    name = "max_bytes" if frame_limit(decoder, options) == by_bytes else "max_duration"
    return limit_error(limits, name, decoder.description)


def audio_of(
    decoder: Decoder,
    samples: Samples,
    start: int,
    options: Options,
    more: bool,
    stop: int | None = None,
) -> Audio:
    """The result, with the issues of the frames from `start` to `stop`, or else to the end."""
    issues = issues_of(decoder, start, options, stop)
    if options.filters is not None:
        is_whole = options.start_seconds == 0 and options.stop_seconds is None
    else:
        is_whole = start == 0
    complete = decoder.complete if is_whole and not more else None
    return Audio(
        samples,
        decoder.sample_rate,
        partial(info_of, decoder.describe()),
        issues,
        False if any_fatal(issues) else complete,
        more,
        options.channels_first,
    )


def issues_of(
    decoder: Decoder, start: int, options: Options, stop: int | None
) -> tuple[Issue, ...]:
    """What was found wrong with the frames from `start` to `stop`, or else to the end."""
    if options.filters is not None:
        # They are in the time of what went in: what came of them may be anywhere.
        return tuple(Issue(*issue) for issue in decoder.issues)
    return tuple(_issues_within(decoder.issues, start, stop))


def _issues_within(
    found: list[tuple[str, int, int]], start: int, stop: int | None
) -> Iterator[Issue]:
    """What of each issue is of these frames; one without a length is of the frame it is at."""
    for code, offset, num_frames in found:
        begin, end = max(offset, start), offset + num_frames
        if stop is not None:
            end = min(end, stop)
        is_here = num_frames == 0 and begin == offset and (stop is None or offset < stop)
        if begin < end or is_here:
            yield Issue(code, begin - start, end - begin)
