"""How many frames there are, to the last, and whether all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyffaudio.diagnose import md5_error, unsound_error
from pyffaudio.issues import Issue, any_fatal

if TYPE_CHECKING:
    from pyffaudio.audio import Samples
    from pyffaudio.decoder import Decoder

_BLOCK_FRAMES = 65536


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
        Audio is known to be missing, or a FLAC stream does not have the MD5 of its STREAMINFO
        (RFC 9639, 8.2: of the samples, interleaved, each in whole little-endian bytes).
    """
    stated = decoder.md5
    counted = None if stated else decoder.count()
    if counted is not None:
        _raise_unsound(decoder, counted)
        return counted
    bits = decoder.describe()["bits_per_sample"]
    # As late as this: it loads a library of cryptography, 2 ms of every import of this package.
    import hashlib  # noqa: PLC0415

    md5 = hashlib.md5(usedforsecurity=False)
    block = np.empty((_BLOCK_FRAMES, decoder.num_channels), decoder.dtype)
    while count := decoder.read_into(block):
        if stated:
            md5.update(_as_encoded(block[:count], bits))
    issues = _raise_unsound(decoder, decoder.position)
    if stated and md5.hexdigest() != stated:
        raise md5_error(issues, decoder.description)
    return decoder.position


def _raise_unsound(decoder: Decoder, num_frames: int) -> tuple[Issue, ...]:
    """Raise what says that audio is missing; answer what else was noted."""
    issues = tuple(Issue(*issue) for issue in decoder.issues)
    if any_fatal(issues):
        raise unsound_error(issues, num_frames, decoder.sample_rate, decoder.description)
    return issues


def _as_encoded(samples: Samples, bits: int) -> bytes:
    """The bytes that an encoder had for these samples, which are left-aligned here."""
    width = samples.itemsize
    values = np.ascontiguousarray(samples >> (8 * width - bits), samples.dtype.newbyteorder("<"))
    return values.view(np.uint8).reshape(-1, width)[:, : (bits + 7) // 8].tobytes()
