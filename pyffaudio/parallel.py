"""One long file decoded by several threads, side by side into one array."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from pyffaudio.audio import Samples
from pyffaudio.buffers import Buffer
from pyffaudio.decoder import Decoder
from pyffaudio.errors import PyffaudioError
from pyffaudio.native import Stop

# Seconds for each thread; what is shorter is decoded before another thread has begun.
_LEAST_SECONDS = 5


def fill_with_threads(
    decoder: Decoder,
    open_again: Callable[[Stop], Decoder],
    buffer: Buffer,
    num_frames: int,
    num_threads: int,
) -> int:
    """Fill `num_frames` frames, if this file can be divided; answers how many have been.

    The last part is decoded by this thread, so that `decoder` goes on behind it as it always does,
    and judges the end. If there is anything at all to say of the other parts, nothing of theirs is
    kept, and one thread is left to find and report it: 0.
    """
    start = decoder.position
    claimed = decoder.claimed_frames
    if claimed is None:
        return 0
    num_frames = min(num_frames, claimed - start)
    parts = min(
        num_threads,
        num_frames // (_LEAST_SECONDS * decoder.sample_rate),
        decoder.most_parts(num_frames * decoder.frame_bytes),
    )
    if parts < 2:
        return 0
    edges = [num_frames * part // parts for part in range(parts + 1)]
    others: list[Decoder] = []
    useless = Stop()
    try:
        others += (open_again(useless) for _ in range(parts - 1))
        with ThreadPoolExecutor(parts - 1) as pool:
            try:
                whole = [
                    pool.submit(_fill_part, other, start + begin, buffer.frames[begin:end])
                    for other, begin, end in zip(others, edges, edges[1:], strict=False)
                ]
                here = _fill_part(decoder, start + edges[-2], buffer.frames[edges[-2] : edges[-1]])
                if here and all(_is_whole(part) for part in whole):
                    return num_frames
            finally:
                useless.request()  # those that are not done must not write any more
    finally:
        for other in others:
            other.close()
    decoder.forget_samples()
    decoder.seek(start)
    return 0


def _fill_part(decoder: Decoder, position: int, frames: Samples) -> bool:
    """Whether all of these frames were there, and nothing to be said of them."""
    try:
        whole = decoder.seek(position) == position and decoder.read_into(frames) == len(frames)
    except PyffaudioError:
        return False  # for the one thread to meet again, and to keep what is good before it
    return whole and not decoder.issues


def _is_whole(part: Future[bool]) -> bool:
    """The part's verdict; what it raised is for the one thread to meet again."""
    return part.exception() is None and part.result()
