"""Small files that ask FFmpeg for a great deal in one go, as it opens them.

What they ask for grows with the square of their size: each of very many chapters is compared with
all, each entry of an index goes before all that are there, each edit goes through all samples.
"""

import struct

from oddities_boxes import box
from oddities_matroska import element
from oddities_riff import id3

MP3_FRAME = b"\xff\xfb\x90\0" + bytes(413)


def matroska(more: bytes) -> bytes:
    """A second of PCM behind what is to be read before it."""
    audio = element("b5", struct.pack(">d", 8000)) + element("9f", b"\1") + element("6264", b"\x10")
    entry = element("d7", b"\1") + element("73c5", b"\1") + element("83", b"\2")
    entry += element("86", b"A_PCM/INT/LIT") + element("e1", audio)
    tracks = element("1654ae6b", element("ae", entry))
    cluster = element("e7", b"\0") + element("a3", b"\x81\0\0\x80" + bytes(1600))
    content = tracks + more + element("1f43b675", cluster)
    return element("1a45dfa3", element("4282", b"matroska")) + element("18538067", content)


def mkv_chapters(count: int = 100_000) -> bytes:
    """Their numbers descend."""
    atoms = (
        element("b6", element("73c4", number.to_bytes(3, "big"), 1) + element("91", b"\0", 1), 1)
        for number in range(count, 0, -1)
    )
    return matroska(element("1043a770", element("45b9", b"".join(atoms))))


def mkv_cues(count: int = 300_000) -> bytes:
    """Their times descend."""
    place = element("b7", element("f7", b"\1", 1) + element("f1", b"\0\1", 1), 1)
    points = (
        element("bb", element("b3", number.to_bytes(3, "big"), 1) + place, 1)
        for number in range(count, 0, -1)
    )
    return matroska(element("1c53bb6b", b"".join(points)))


def mp4(edits: int = 0, samples: int = 400_000, more: bytes = b"") -> bytes:
    """A track of PCM, of which each edit is the last ten frames."""
    description = bytes(6) + struct.pack(">H8xHHHHI", 1, 2, 16, 0, 0, 48_000 << 16)
    table = b"".join((
        box(b"stsd", struct.pack(">II", 0, 1) + box(b"sowt", description)),
        box(b"stts", struct.pack(">IIII", 0, 1, samples, 2)),
        box(b"ctts", struct.pack(">IIII", 0, 1, samples, 2)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, samples, 1)),
        box(b"stsz", struct.pack(">III", 0, 4, samples)),
        box(b"stco", struct.pack(">III", 0, 1, 600)),
    ))  # fmt: skip
    handler = box(b"hdlr", struct.pack(">II4s12xx", 0, 0, b"soun"))
    header = box(b"mdhd", struct.pack(">IIIIII", 0, 0, 0, 48_000, samples, 0))
    information = box(b"minf", box(b"smhd", bytes(8)) + box(b"stbl", table))
    edit = struct.pack(">IiI", 1, 2 * samples - 20, 1 << 16)
    edit_list = box(b"edts", box(b"elst", struct.pack(">II", 0, edits) + edit * edits))
    track = box(b"tkhd", struct.pack(">IIIIII60x", 7, 0, 0, 1, 0, 48_000))
    track = box(b"trak", track + edit_list + box(b"mdia", header + handler + information))
    movie = box(b"mvhd", struct.pack(">IIIII80x", 0, 0, 0, 48_000, samples))
    moov = box(b"moov", movie + track + more)
    return box(b"ftyp", b"isom\0\0\2\0isomiso2") + box(b"mdat", bytes(2000)) + moov


def mp4_edits() -> bytes:
    """20,000 of them in 242 KB."""
    return mp4(20_000)


def mp4_keys() -> bytes:
    """Each header of an encryption is put behind all that there are."""
    return mp4(samples=10, more=box(b"pssh", bytes(24)) * 200_000)


def mp3_chapters(count: int = 200_000) -> bytes:
    """Each of ID3 has a title of its own, so that there are millions of small blocks."""

    def frame(name: bytes, body: bytes) -> bytes:
        size = bytes(len(body) >> shift & 127 for shift in (21, 14, 7, 0))
        return name + size + b"\0\0" + body

    chapter = b"\0" + struct.pack(">IIII", 0, 1, 0, 0) + frame(b"TIT2", b"\3x")
    return id3(frame(b"CHAP", chapter) * count) + MP3_FRAME * 20


SLOW = {
    "chapters of Matroska": mkv_chapters,
    "cues of Matroska": mkv_cues,
    "edits of MP4": mp4_edits,
    "encryption in MP4": mp4_keys,
}
