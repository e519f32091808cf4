"""Ogg pages (RFC 3533), taken apart and put together again with the right checksum."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace

CONTINUED, FIRST, LAST = 1, 2, 4


def _table() -> list[int]:
    table = []
    for value in range(256):
        crc = value << 24
        for _ in range(8):
            crc = crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)
            crc &= 0xFFFFFFFF
        table.append(crc)
    return table


_CRC = _table()


def checksum(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _CRC[crc >> 24 ^ byte]
    return crc


@dataclass(frozen=True)
class Page:
    """One page; the lacing values tell how its content divides into packets."""

    flags: int
    granule: int
    serial: int
    number: int
    lacing: bytes
    content: bytes

    def data(self) -> bytes:
        head = struct.pack("<4sBBqII", b"OggS", 0, self.flags, self.granule, self.serial,
                           self.number)  # fmt: skip
        lacing = bytes([len(self.lacing)]) + self.lacing
        crc = checksum(head + bytes(4) + lacing + self.content)
        return head + struct.pack("<I", crc) + lacing + self.content

    def but(self, **changes: int | bytes) -> "Page":
        return replace(self, **changes)  # type: ignore[arg-type]


def pages(data: bytes) -> list[Page]:
    found, at = [], 0
    while at < len(data):
        _, _, flags, granule, serial, number = struct.unpack_from("<4sBBqII", data, at)
        lacing = data[at + 27 : at + 27 + data[at + 26]]
        begin = at + 27 + len(lacing)
        at = begin + sum(lacing)
        found.append(Page(flags, granule, serial, number, lacing, data[begin:at]))
    return found


def join(all_pages: Iterable[Page]) -> bytes:
    return b"".join(page.data() for page in all_pages)
