"""Mutations that know how files are made up of parts, and those that do not.

A parser knows no more of a format than where its parts lie: chunks, boxes, elements, pages, blocks,
frames, packets. It takes what it can of a damaged file, and never fails. One set of operations
works on the parts of all formats. What follows from a change, such as a checksum or the sizes of
what lies around it, is made right again half of the time, so that what comes behind is reached.
"""

import re
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from flac_bytes import crc_8, crc_16

MOST_PARTS = 2000
MOST_BYTES = 1 << 18
HEADER = 64  # bytes from the beginning of a part among which its numbers are
INTEGERS = [
    *(0, 1, 2, 3, 4, 8, 16, 32, 64, 127, 128, 255, 256, 1000, 32767, 32768, 44100, 65535, 65536),
    *(2**24 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1),
]
Order = Literal["little", "big"]


class Part(NamedTuple):
    """One part of a file, from `begin` to `end`, its header in front of `body`."""

    begin: int
    body: int
    end: int
    field: int = 0  # where its size field is
    encode: Callable[[int], bytes] | None = None  # that field, for a body of so many bytes
    seal: Callable[[bytearray], None] | None = None  # makes the checksums of such bytes right


# --- Where the parts lie --------------------------------------------------------------------------


def fixed(width: int, order: Order, more: int) -> Callable[[int], bytes]:
    """How a size field is written that counts so many bytes beside the body."""
    return lambda size: ((size + more) % 256**width).to_bytes(width, order)


class Layout(NamedTuple):
    """How chunks follow each other: a header with a name and a size, and the body."""

    start: int  # of the first chunk
    header: int
    name: slice
    field: slice
    order: Order
    counts_header: bool = False
    align: int = 1
    # The names of chunks that hold chunks, and how many bytes of their body come before those.
    holds: dict[bytes, int] = {}  # noqa: RUF012

    def parts(self, data: bytes, begin: int, end: int) -> Iterator[Part]:
        width = self.field.stop - self.field.start
        own = self.header if self.counts_header else 0
        while begin + self.header <= end:
            body = begin + self.header
            head = data[begin:body]
            size = int.from_bytes(head[self.field], self.order) - own
            # A size of nothing or of all ones stands for all that is left.
            stop = body + size if 0 <= size < 256**width - 1 else end
            stop = min(stop + -(stop - begin) % self.align, end)
            encode = fixed(width, self.order, own)
            yield Part(begin, body, stop, begin + self.field.start, encode)
            if (skipped := self.holds.get(head[self.name])) is not None:
                yield from self.parts(data, body + skipped, stop)
            begin = stop


MOVIE = dict.fromkeys(b"moov trak mdia minf stbl udta moof traf edts mvex dinf ilst".split(), 0) | {
    b"meta": 4,
    b"stsd": 8,
    b"dref": 8,
    b"mp4a": 28,
    b"alac": 28,
    b"Opus": 28,
    b"wave": 0,
}
AIFF = Layout(0, 8, slice(0, 4), slice(4, 8), "big", align=2, holds={b"FORM": 4})
RIFF = AIFF._replace(order="little", holds={b"RIFF": 4, b"RF64": 4, b"LIST": 4})
BOXES = Layout(0, 8, slice(4, 8), slice(0, 4), "big", counts_header=True, holds=MOVIE)
GUIDS = Layout(0, 24, slice(0, 4), slice(16, 24), "little", counts_header=True)
W64 = GUIDS._replace(align=8, holds={b"riff": 16})
ASF = GUIDS._replace(holds={bytes.fromhex("3026b275"): 6, bytes.fromhex("b503bf5f"): 22})
CAF = Layout(8, 12, slice(0, 4), slice(4, 12), "big")
WAVPACK = Layout(0, 8, slice(0, 4), slice(4, 8), "little")
FLAC_BLOCK = Layout(4, 4, slice(0, 1), slice(1, 4), "big")
ID3_FRAME = Layout(10, 10, slice(0, 4), slice(4, 8), "big")
# What a file begins with, from its first byte or its fifth.
LAYOUTS = {
    b"RIFF": RIFF,
    b"RF64": RIFF,
    b"FORM": AIFF,
    b"riff": W64,
    b"caff": CAF,
    b"ftyp": BOXES,
    b"wvpk": WAVPACK,
    bytes.fromhex("3026b275"): ASF,
}


def flv_tags(data: bytes) -> Iterator[Part]:
    """Each has its own size again behind it."""
    begin = 13
    while begin + 11 <= len(data):
        size = int.from_bytes(data[begin + 1 : begin + 4], "big")
        end = min(begin + size + 15, len(data))
        yield Part(begin, begin + 11, end, begin + 1, fixed(3, "big", -4))
        begin = end


MASTERS = {
    bytes.fromhex(name)
    for name in (
        *("1a45dfa3", "18538067", "1549a966", "1654ae6b", "ae", "e1", "1f43b675", "a0", "1254c367"),
        *("7373", "63c0", "67c8", "1c53bb6b", "bb", "b7", "114d9b74", "4dbb", "1043a770", "45b9"),
        "b6",
    )
}


def elements(data: bytes, begin: int, end: int) -> Iterator[Part]:
    """Those of Matroska."""
    while begin < end:
        field = begin + 9 - data[begin].bit_length()
        width = 9 - data[field].bit_length() if field < end else 9
        body = field + width
        if width > 8 or body > end:
            return
        unknown = (1 << 7 * width) - 1
        size = int.from_bytes(data[field:body], "big") & unknown
        stop = end if size == unknown else min(body + size, end)
        yield Part(begin, body, stop, field, partial(element_size, width))
        if data[begin:field] in MASTERS:
            yield from elements(data, body, stop)
        begin = stop


def element_size(width: int, size: int) -> bytes:
    return (1 << 7 * width | size % (1 << 7 * width)).to_bytes(width, "big")


def syncsafe(size: int) -> bytes:
    return bytes(size >> shift & 127 for shift in (21, 14, 7, 0))


def flac_parts(data: bytes) -> Iterator[Part]:
    begin = 4
    for part in FLAC_BLOCK.parts(data, begin, len(data)):
        yield part
        begin = part.end
        if data[part.begin] & 0x80:
            break
    starts = []
    for match in re.compile(rb"\xff[\xf8\xf9]").finditer(data, begin):
        length = flac_header_bytes(data[match.start() : match.start() + 16])
        if length and crc_8(data[match.start() : match.start() + length]) == 0:
            starts.append((match.start(), length))
    for (at, length), (end, _) in zip(starts, [*starts[1:], (len(data), 0)], strict=False):
        yield Part(at, at + length, end, seal=partial(seal_flac, length))


def flac_header_bytes(head: bytes) -> int:
    """How long a frame's header is that begins so; 0 if none does."""
    if len(head) < 16:
        return 0
    number = max(8 - (~head[4] & 0xFF).bit_length(), 1)
    size, rate = head[2] >> 4, head[2] & 15
    return 5 + number + (size in (6, 7)) + (size == 7) + (rate in (12, 13, 14)) + (rate in (13, 14))


def framed(data: bytes, begin: int, sync: bytes, body: int) -> Iterator[Part]:
    """Frames of which each begins with the same bytes."""
    starts = [match.start() for match in re.compile(re.escape(sync)).finditer(data, begin)]
    seal = {b"OggS": seal_ogg}.get(sync)
    for at, end in zip(starts, [*starts[1:], len(data)], strict=False):
        yield Part(at, min(at + body, end), end, seal=seal)


def ts_packets(data: bytes) -> Iterator[Part]:
    for at in range(0, len(data), 188):
        yield Part(at, min(at + 4, len(data)), min(at + 188, len(data)), seal=seal_ts)


def all_parts(data: bytes) -> Iterator[Part]:
    if layout := LAYOUTS.get(data[:4]) or LAYOUTS.get(data[4:8]):
        yield from layout.parts(data, layout.start, len(data))
    elif data[:4] == bytes.fromhex("1a45dfa3"):
        yield from elements(data, 0, len(data))
    elif data[:4] == b"fLaC":
        yield from flac_parts(data)
    elif data[:3] == b"FLV":
        yield from flv_tags(data)
    elif data[:1] == b"G" and data[188:189] == b"G":
        yield from ts_packets(data)
    else:
        begin = 0
        if data[:3] == b"ID3" and len(data) > 10:
            begin = 10 + (data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9])
            yield Part(0, 10, begin, 6, syncsafe)
            yield from ID3_FRAME.parts(data, 10, min(begin, len(data)))
        sync = 4 if data[:4] in (b"OggS", b"\0\0\1\xba") else 2
        yield from framed(data, begin, data[begin : begin + sync], {4: 28}.get(sync, 4))


def parts_of(data: bytes) -> list[Part]:
    found = []
    for part in all_parts(data):
        if part.begin < part.end <= len(data):
            found.append(part)
        if len(found) == MOST_PARTS:
            break
    return found


# --- Checksums ------------------------------------------------------------------------------------

REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def crc_32(data: bytearray, start: int) -> int:
    """The one of Ogg and MPEG, which is zlib's with the bits of everything the other way round."""
    crc = zlib.crc32(data.translate(REVERSED), start ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "little").translate(REVERSED), "big")


def seal_ogg(page: bytearray) -> None:
    if len(page) >= 27:
        page[22:26] = bytes(4)
        page[22:26] = crc_32(page, 0).to_bytes(4, "little")


def seal_ts(packet: bytearray) -> None:
    """Of a packet that begins with a table, and has all of it."""
    if len(packet) < 188 or not packet[1] & 0x40:
        return
    begin = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
    begin += 1 + packet[begin] if begin < 188 else 0
    end = begin + 3 + (int.from_bytes(packet[begin + 1 : begin + 3], "big") & 0xFFF)
    if begin + 7 < end <= 188:
        packet[end - 4 : end] = crc_32(packet[begin : end - 4], 0xFFFFFFFF).to_bytes(4, "big")


def seal_flac(header: int, frame: bytearray) -> None:
    if len(frame) > header + 2:
        frame[header - 1] = crc_8(bytes(frame[: header - 1]))
        frame[-2:] = crc_16(bytes(frame[:-2])).to_bytes(2, "big")


# --- What is done to them -------------------------------------------------------------------------


def overwrite(random: Random, data: bytearray, begin: int, end: int) -> None:
    """Put another number where there may be one: an odd one, or one near to what was there."""
    width = min(random.choice((1, 2, 2, 4, 4, 8)), end - begin)
    at = random.randrange(begin, end - width + 1)
    order: Order = random.choice(("little", "big"))
    number = int.from_bytes(data[at : at + width], order)
    nearby = (number + 1, number - 1, number * 2, number // 2, number ^ 1 << 8 * width - 1)
    number = random.choice(nearby if random.random() < 0.4 else INTEGERS)
    data[at : at + width] = (number % 256**width).to_bytes(width, order)


def change_bytes(random: Random, data: bytearray, other: bytes) -> None:
    """Change the data once, half of the time near its start, whatever is there."""
    end = len(data) if random.random() < 0.5 else min(len(data), 512)
    at = random.randrange(end + 1)
    run = int(random.expovariate(1 / 64)) + 1
    kind = random.randrange(7)
    if kind == 0 and at < len(data):
        data[at] ^= 1 << random.randrange(8)
    elif kind == 1 and at < len(data):
        overwrite(random, data, at, len(data))
    elif kind == 2:
        data[at : at + run] = random.randbytes(run)
    elif kind == 3:
        del data[at : at + run * random.choice((1, 1, 64, 4096))]
    elif kind == 4:
        data[at:at] = data[at : at + run] * random.choice((1, 2, 16))
    elif kind == 5:
        start = random.randrange(len(other))
        data[at : at + run] = other[start : start + run]
    elif kind == 6 and random.random() < 0.2:
        data[at:] = other


def change_within(random: Random, data: bytearray, part: Part, other: bytes) -> None:
    """Change a part, and its checksums so that they are right."""
    piece = data[part.begin : part.end]
    if random.random() < 0.5:
        overwrite(random, piece, 0, min(part.body - part.begin + HEADER, len(piece)))
    else:
        change_bytes(random, piece, other)
    if part.seal and random.random() < 0.8:
        part.seal(piece)
    data[part.begin : part.end] = piece


def forge_size(random: Random, data: bytearray, part: Part) -> None:
    """Have a part claim another size than it has."""
    if part.encode:
        size = part.end - part.body
        lies = (size + 1, size - 1, 0, size * 2, size // 2, random.choice(INTEGERS), -1, -8)
        forged = part.encode(random.choice(lies) % 2**64)
        data[part.field : part.field + len(forged)] = forged


def put(data: bytearray, begin: int, end: int, new: bytes, around: list[Part]) -> None:
    """Put other bytes there, and tell those parts around the place how long they are now."""
    for part in around:
        if part.encode and part.body <= begin and end <= part.end:
            field = part.encode(part.end - part.body + len(new) - (end - begin))
            data[part.field : part.field + len(field)] = field
    data[begin:end] = new


def rearrange(random: Random, data: bytearray, part: Part, parts: list[Part], other: bytes) -> None:
    """Delete, repeat, move, nest or swap a part, or put another file's beside it."""
    around = parts if random.random() < 0.5 else []
    piece = bytes(data[part.begin : part.end])
    place = random.choice(parts)
    kind = random.randrange(6)
    if kind == 0:
        put(data, part.begin, part.end, b"", around)
    elif kind == 1:
        put(data, part.end, part.end, piece * random.choice((1, 1, 2, 50)), around)
    elif kind == 2:
        at = random.choice((place.begin, place.body))
        put(data, at, at, piece, around)
    elif kind == 3 and place.begin >= part.end:
        put(data, place.begin, place.end, piece, around)
        put(data, part.begin, part.end, bytes(data[place.begin : place.end]), [])
    elif kind == 4:
        strange = random.choice(parts_of(other) or [Part(0, 0, len(other))])
        put(data, part.end, part.end, other[strange.begin : strange.end], around)
    else:
        del data[random.choice((part.begin, part.body, part.end)) :]


def change_parts(random: Random, data: bytearray, other: bytes) -> None:
    """Change a part of the file or their order, half of the time near its start."""
    parts = parts_of(bytes(data))
    if not parts:
        return change_bytes(random, data, other)
    part = random.choice(parts if random.random() < 0.5 else parts[:12])
    kind = random.randrange(4)
    if kind == 0:
        forge_size(random, data, part)
    elif kind == 1:
        rearrange(random, data, part, parts, other)
    else:
        change_within(random, data, part, other)
    return None


def mutate(random: Random, data: bytearray, other: bytes) -> None:
    """Change the data once; `other` is a file to take from."""
    (change_parts if random.random() < 0.6 else change_bytes)(random, data, other)
    del data[MOST_BYTES:]
