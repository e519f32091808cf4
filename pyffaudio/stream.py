"""What `decode_file` gives, block by block: of any length in the memory of one block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pyffaudio.audio import Samples
from pyffaudio.collect import excess_error, frame_limit, issues_of
from pyffaudio.decode import go_to_segment
from pyffaudio.decoder import Decoder
from pyffaudio.diagnose import unsound_error
from pyffaudio.issues import any_fatal
from pyffaudio.native import Source
from pyffaudio.options import ALL_FRAMES, Options

__all__ = ["stream"]

_BLOCK_BYTES = 1 << 20


def stream(
    decoder: Decoder, source: Source, options: Options, *, is_kept: bool = True
) -> Iterator[Samples]:
    """Give the samples that were asked for, ``(frames, channels)``, in one buffer again and again.

    Parameters
    ----------
    decoder : Decoder
        Of `source`, at its start.
    source, options
        As it was opened with; the layout is always that one.
    is_kept : bool
        Whether the caller keeps all samples somewhere, so that the limits on their length hold.

    Yields
    ------
    numpy.ndarray
        The next frames, which the next step overwrites.

    Raises
    ------
    CorruptAudioError, LimitExceededError, OSError
        Where `decode_file` raises them, behind all that could be decoded; damage only with
        ``on_error="raise"``.
    """
    asked = go_to_segment(decoder, source, options)
    limit = frame_limit(decoder, options) if is_kept else ALL_FRAMES
    start, room = decoder.position, min(asked, limit)
    shape = (max(_BLOCK_BYTES // decoder.frame_bytes, 1), decoder.num_channels)
    block = np.empty(shape, decoder.dtype)
    filled = 0
    while filled < room and (got := decoder.read_into(block[: room - filled])):
        filled += got
        yield block[:got]
        if not is_kept:
            decoder.forget_samples()
    goes_on = filled == room and decoder.skip(1) > 0
    if goes_on and room < asked:
        raise excess_error(decoder, options)
    issues = issues_of(decoder, start, options, start + filled if filled == asked else None)
    if options.on_error == "raise" and any_fatal(issues):
        raise unsound_error(issues, filled, decoder.sample_rate, decoder.description)
