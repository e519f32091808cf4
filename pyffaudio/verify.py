"""How many frames there are, to the last, and whether all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyffaudio.diagnose import md5_error, unsound_error
from pyffaudio.issues import Issue, any_fatal

if TYPE_CHECKING:
    from pyffaudio.audio import Samples
    from pyffaudio.decoder import Decoder
    from pyffaudio.errors import CorruptAudioError

__all__ = ["StatedMd5", "count_frames", "stated_md5"]

_BLOCK_FRAMES = 65536
# What a float32 holds of an integer.
_FLOAT_BITS = 24


def count_frames(decoder: Decoder) -> int:
    """Count the frames: by packets where they tell, else by decoding to the end.

    FLAC that states the MD5 of its samples is decoded, to compare it.

    Parameters
    ----------
    decoder
        At the start of its stream, with the dtype, rate and channels of the decoder.

    Raises
    ------
    CorruptAudioError
        Audio is known to be missing, or a FLAC stream does not have the MD5 that it states.
    """
    md5 = stated_md5(decoder)
    counted = decoder.count() if md5 is None else None
    if counted is not None:
        _raise_unsound(decoder, counted)
        return counted
    block = np.empty((_BLOCK_FRAMES, decoder.num_channels), decoder.dtype)
    while count := decoder.read_into(block):
        if md5 is not None:
            md5.add(block[:count])
        decoder.forget_samples()
    issues = _raise_unsound(decoder, decoder.position)
    if md5 is not None and (error := md5.error(issues)) is not None:
        raise error
    return decoder.position


def _raise_unsound(decoder: Decoder, num_frames: int) -> tuple[Issue, ...]:
    """Raise what says that audio is missing; answer what else was noted."""
    issues = tuple(Issue(*issue) for issue in decoder.issues)
    if any_fatal(issues):
        raise unsound_error(issues, num_frames, decoder.sample_rate, decoder.description)
    return issues


class StatedMd5:
    """The MD5 that FLAC states of its samples, to compare it with what is decoded.

    In STREAMINFO (RFC 9639, 8.2) it is of the samples, interleaved, each in whole little-endian
    bytes.

    Parameters
    ----------
    decoder : Decoder
        At the start of a stream that states it.
    """

    def __init__(self, decoder: Decoder) -> None:
        # As late as this: it loads a library of cryptography, 2 ms of every import of this package.
        import hashlib  # noqa: PLC0415

        self._decoder = decoder
        self._about = decoder.describe()
        self._bits = self._about["bits_per_sample"]
        self._found = hashlib.md5(usedforsecurity=False)

    def add(self, samples: Samples) -> None:
        """Take the next ``(frames, channels)`` into account, as the decoder's dtype or float32."""
        if samples.dtype.kind == "f":
            values = np.ldexp(samples, self._bits - 1).astype("<i4")
        else:
            shift = 8 * samples.itemsize - self._bits  # they are left-aligned
            values = np.ascontiguousarray(samples >> shift, samples.dtype.newbyteorder("<"))
        columns = values.view(np.uint8).reshape(-1, values.itemsize)
        self._found.update(columns[:, : (self._bits + 7) // 8].tobytes())

    def error(self, issues: tuple[Issue, ...]) -> CorruptAudioError | None:
        """What there is to raise at the end of the stream, if anything."""
        decoder = self._decoder
        if self._found.hexdigest() == decoder.md5:
            return None
        if self._about["container"] == "ogg" and decoder.position != decoder.claimed_frames:
            return None  # a chain, of which it is that of the first link
        return md5_error(issues, decoder.description)


def stated_md5(decoder: Decoder) -> StatedMd5 | None:
    """What to compare with, where a stream states it, and the decoder's dtype holds its samples."""
    if not decoder.md5:
        return None
    if decoder.dtype == "float32" and decoder.describe()["bits_per_sample"] > _FLOAT_BITS:
        return None
    return StatedMd5(decoder)
