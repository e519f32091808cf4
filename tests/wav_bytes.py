"""A WAV writer independent of the package and of FFmpeg, quick enough for thousands of examples."""

import struct

import numpy as np

from signals import Samples

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")

# Channel masks by FFmpeg's names, their bits in the order in which the channels are stored.
MASKS = {
    "mono": 0x4,
    "stereo": 0x3,
    "2.1": 0xB,
    "3.0": 0x7,
    "3.0(back)": 0x103,
    "4.0": 0x107,
    "quad": 0x33,
    "quad(side)": 0x603,
    "5.0": 0x37,
    "5.0(side)": 0x607,
    "5.1": 0x3F,
    "5.1(side)": 0x60F,
    "6.1": 0x70F,
    "7.1": 0x63F,
}


def wav_bytes(samples: Samples, rate: int, layout: str | None = None) -> bytes:
    """A WAV file of samples of shape (frames, channels); a named layout becomes a channel mask."""
    channels, width = samples.shape[1], samples.dtype.itemsize
    tag = FLOAT if samples.dtype.kind == "f" else PCM
    data = np.ascontiguousarray(samples).tobytes()
    extension = b""
    if layout is not None:
        extension = struct.pack("<HHIH", 22, 8 * width, MASKS[layout], tag) + GUID_TAIL
        tag = EXTENSIBLE
    block = channels * width
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, 8 * width) + extension
    body = b"WAVE" + chunk(b"fmt ", fmt) + chunk(b"data", data)
    return chunk(b"RIFF", body)


def chunk(name: bytes, body: bytes) -> bytes:
    """One RIFF chunk, padded to an even length."""
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
