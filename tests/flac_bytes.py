"""A FLAC writer independent of the package and of FFmpeg: verbatim samples, any block sizes.

RFC 9639.
"""

from collections.abc import Iterable
from itertools import cycle

import numpy as np

from signals import Samples

STREAMINFO, PADDING, APPLICATION, SEEKTABLE, COMMENTS, CUESHEET, PICTURE = range(7)
SAMPLE_SIZES = {8: 1, 12: 2, 16: 4, 20: 5, 24: 6}


def _table(polynomial: int, width: int) -> list[int]:
    table = []
    for value in range(256):
        crc = value << width - 8
        for _ in range(8):
            crc = crc << 1 ^ (polynomial if crc >> width - 1 else 0)
            crc &= (1 << width) - 1
        table.append(crc)
    return table


_CRC_8, _CRC_16 = _table(0x07, 8), _table(0x8005, 16)


def crc_8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = _CRC_8[crc ^ byte]
    return crc


def crc_16(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xFFFF) ^ _CRC_16[crc >> 8 ^ byte]
    return crc


def block(kind: int, body: bytes, last: bool = False) -> bytes:
    """One metadata block."""
    return bytes([kind | last << 7]) + len(body).to_bytes(3, "big") + body


def stream_info(
    blocks: tuple[int, int], rate: int, channels: int, bits: int, total: int, md5: bytes = b""
) -> bytes:
    """The content of STREAMINFO; frame sizes are left out, which is allowed."""
    packed = rate << 44 | (channels - 1) << 41 | (bits - 1) << 36 | total
    sizes = b"".join(size.to_bytes(2, "big") for size in blocks)
    return sizes + bytes(6) + packed.to_bytes(8, "big") + md5.ljust(16, b"\0")


def number(value: int) -> bytes:
    """As UTF-8 has it, extended to 36 bits."""
    if value < 0x80:
        return bytes([value])
    count = 1
    while value >> 6 * count >= 1 << 6 - count:
        count += 1
    lead = (0xFF80 >> count & 0xFF) | value >> 6 * count
    tail = (0x80 | value >> 6 * at & 0x3F for at in range(count - 1, -1, -1))
    return bytes([lead, *tail])


def frame(samples: Samples, position: int, bits: int, *, variable: bool) -> bytes:
    """A frame of verbatim subframes; the position is in samples, or in frames of a fixed size."""
    size, channels = samples.shape
    head = bytes([0xFF, 0xF9 if variable else 0xF8, 0x70, channels - 1 << 4])
    head = head[:3] + bytes([head[3] | SAMPLE_SIZES.get(bits, 0) << 1])
    head += number(position) + (size - 1).to_bytes(2, "big")
    head += bytes([crc_8(head)])
    shifts = np.arange(bits - 1, -1, -1)
    planes = (samples.T[:, :, None].astype(np.int64) >> shifts & 1).astype(np.uint8)
    verbatim = np.array([0, 0, 0, 0, 0, 0, 1, 0], np.uint8)
    subframes = [np.concatenate([verbatim, plane.ravel()]) for plane in planes]
    body: bytes = head + bytes(np.packbits(np.concatenate(subframes)))
    return body + int.to_bytes(crc_16(body), 2, "big")


def flac(
    samples: Samples, sizes: Iterable[int], *, bits: int = 16, rate: int = 44100, total: int = -1
) -> bytes:
    """Samples in blocks of these sizes, which are repeated as often as it takes."""
    sizes = list(sizes)
    variable = len(sizes) > 1
    position, frames = 0, []
    for size in cycle(sizes):
        piece = samples[position : position + size]
        if len(piece) == 0:
            break
        place = position if variable else position // size
        frames.append(frame(piece, place, bits, variable=variable))
        position += size
    total = len(samples) if total < 0 else total
    info = stream_info((min(sizes), max(sizes)), rate, samples.shape[1], bits, total)
    return b"fLaC" + block(STREAMINFO, info, last=True) + b"".join(frames)
