"""Writes a WAV file: the header by Microsoft's rules, then the samples as they are.

The rules, and where they come from:

- chunks, their order and the pad byte after an odd one: IBM and Microsoft, "Multimedia
  Programming Interface and Data Specifications 1.0" (1991), chapters 2 and 3;
- ``cbSize`` and a ``fact`` chunk in everything but plain PCM: Microsoft, "New Multimedia Data
  Types and Data Techniques", revision 3.0 (1994);
- WAVE_FORMAT_EXTENSIBLE for more than two channels and for PCM of more than 16 bits, and its
  channel mask: Microsoft, "Multiple Channel Audio Data and WAVE Files" (2001).
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["wav_header", "write_wav"]

_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_TAGS = {"uint8": _PCM, "int16": _PCM, "int32": _PCM, "float32": _FLOAT, "float64": _FLOAT}
# A SubFormat GUID is the format tag followed by these bytes (KSDATAFORMAT_SUBTYPE_WAVEFORMATEX).
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
# FFmpeg's names for the layouts that have a mask; its channel bits are Microsoft's.
_MASKS = {
    "mono": 0x4, "stereo": 0x3, "2.1": 0xB, "3.0": 0x7, "3.0(back)": 0x103, "quad": 0x33,
    "quad(side)": 0x603, "4.0": 0x107, "3.1": 0xF, "4.1": 0x10F, "5.0": 0x37, "5.0(side)": 0x607,
    "5.1": 0x3F, "5.1(side)": 0x60F, "6.0": 0x707, "6.1": 0x70F, "7.0": 0x637, "7.1": 0x63F,
}  # fmt: skip


def wav_header(
    dtype: DTypeLike,
    sample_rate: int,
    num_channels: int,
    num_frames: int,
    channel_layout: str | None = None,
) -> bytes:
    """Return everything of a WAV file that stands before its samples.

    Parameters
    ----------
    dtype : dtype
        Of the samples: uint8, int16, int32, float32 or float64.
    sample_rate : int
        In Hz.
    num_channels, num_frames : int
        What will follow, exactly: ``num_frames`` frames of ``num_channels`` samples.
    channel_layout : str, optional
        FFmpeg's name for the speakers (``"5.1"``). One that is unknown, or that has another
        number of channels, is written as "not assigned" beyond stereo.

    Returns
    -------
    bytes
        The header. The samples follow interleaved and little-endian, and a zero byte if
        they are an odd number of bytes.

    Raises
    ------
    ValueError
        If WAV has no such sample type (int8), or the file would pass 4 GiB.

    Examples
    --------
    >>> header = wav_header("int16", 16000, 1, 3)
    >>> len(header), header[:4]
    (44, b'RIFF')
    """
    kind = np.dtype(dtype)
    if kind.name not in _TAGS:
        raise ValueError(f"WAV cannot hold {kind.name} samples; it holds {', '.join(_TAGS)}")
    tag, width = _TAGS[kind.name], kind.itemsize
    num_bytes = num_frames * num_channels * width
    extensible = num_channels > 2 or (tag == _PCM and width > 2)
    rate_fields = (sample_rate, sample_rate * num_channels * width, num_channels * width, width * 8)
    fmt = struct.pack("<HHIIHH", _EXTENSIBLE if extensible else tag, num_channels, *rate_fields)
    if extensible:
        mask = _channel_mask(num_channels, channel_layout)
        fmt += struct.pack("<HHIH", 22, width * 8, mask, tag) + _GUID_TAIL
    elif tag == _FLOAT:
        fmt += struct.pack("<H", 0)
    plain = tag == _PCM and not extensible
    fact = b"" if plain else struct.pack("<4sII", b"fact", 4, num_frames & 0xFFFFFFFF)
    body = struct.pack("<4s4sI", b"WAVE", b"fmt ", len(fmt)) + fmt + fact
    total = len(body) + 8 + num_bytes + num_bytes % 2
    if total > 0xFFFFFFFF:
        raise ValueError(f"{num_bytes} bytes of samples do not fit in a WAV file (at most 4 GiB)")
    return struct.pack("<4sI", b"RIFF", total) + body + struct.pack("<4sI", b"data", num_bytes)


def write_wav(
    file: BinaryIO, samples: NDArray[Any], sample_rate: int, channel_layout: str | None = None
) -> None:
    """Write samples as a WAV file.

    Parameters
    ----------
    file : binary file object
        Open for writing; it is not sought in.
    samples : ndarray, shape (frames, channels)
        uint8, int16, int32, float32 or float64, written bit for bit.
    sample_rate : int
        In Hz.
    channel_layout : str, optional
        As in :func:`wav_header`.

    Raises
    ------
    ValueError
        As :func:`wav_header`; nothing has been written then.
    """
    num_frames, num_channels = samples.shape
    file.write(wav_header(samples.dtype, sample_rate, num_channels, num_frames, channel_layout))
    little = np.ascontiguousarray(samples, dtype=samples.dtype.newbyteorder("<"))
    file.write(little.reshape(-1).view(np.uint8).data)
    if little.nbytes % 2:
        file.write(b"\0")


def _channel_mask(num_channels: int, channel_layout: str | None) -> int:
    mask = _MASKS.get(channel_layout or "", 0)
    if mask.bit_count() == num_channels:
        return mask
    return {1: _MASKS["mono"], 2: _MASKS["stereo"]}.get(num_channels, 0)
