"""Oddities of Matroska that no muxer at hand makes, element by element."""

import struct
import zlib

from oddities import Shop, add, equals
from signals import full_range

RATE, FRAMES, BLOCK = 44100, 30_000, 1000


def element(name: str, body: bytes | int, size_bytes: int = 8) -> bytes:
    """An element of EBML (RFC 8794) by its ID in hexadecimal, of bytes or of a number."""
    if isinstance(body, int):
        body = body.to_bytes(8, "big")
    size = 1 << 7 * size_bytes | len(body)
    return bytes.fromhex(name) + size.to_bytes(size_bytes, "big") + body


def matroska(info: bytes, track: bytes, clusters: bytes) -> bytes:
    """A file of one track of audio."""
    header = element("4282", b"matroska") + element("4287", 4) + element("4285", 2)
    track = element("D7", 1) + element("73C5", 1) + element("83", 2) + track
    segment = element("1549A966", info) + element("1654AE6B", element("AE", track)) + clusters
    return element("1A45DFA3", header) + element("18538067", segment)


def garbage(codec: str, blocks: int) -> bytes:
    """So many blocks without a frame of the codec, of 48 kHz mono by the track's word."""
    shape = element("B5", struct.pack(">d", 48_000)) + element("9F", 1)
    track = element("E1", shape) + element("86", codec.encode())
    block = element("A3", b"\x81\0\0\x80" + 3000 * b"\xff")
    cluster = element("1F43B675", element("E7", 0) + blocks * block)
    return matroska(element("2AD7B1", 1_000_000), track, cluster)


def zipped_blocks(_: Shop) -> bytes:
    """PCM in blocks that are compressed by algorithm 0, which is zlib (RFC 9559, 5.1.4.1.31)."""
    audio = full_range(FRAMES, 2, "int16")
    compression = element("5034", element("4254", 0))
    encodings = element("6D80", element("6240", element("5033", 0) + compression))
    shape = element("B5", struct.pack(">d", RATE)) + element("9F", 2) + element("6264", 16)
    track = element("E1", shape) + element("86", b"A_PCM/INT/LIT") + encodings
    info = element("2AD7B1", 1_000_000) + element("4489", struct.pack(">d", FRAMES * 1e3 / RATE))
    clusters = b""
    for at in range(0, FRAMES, BLOCK):
        packed = zlib.compress(audio[at : at + BLOCK].tobytes())
        simple = element("A3", bytes([0x81, 0, 0, 0x80]) + packed)
        clusters += element("1F43B675", element("E7", at * 1000 // RATE) + simple)
    return matroska(info, track, clusters)


pcm = equals(lambda _: full_range(FRAMES, 2, "int16"))
add("mka_zipped_blocks", ".mka", zipped_blocks, pcm, complete=True)
