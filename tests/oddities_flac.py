"""Oddities of FLAC: its metadata, its totals, and block sizes and widths that no encoder writes."""

from collections.abc import Callable

import numpy as np

import flac_bytes
from flac_bytes import APPLICATION, COMMENTS, CUESHEET, PADDING, PICTURE, SEEKTABLE, block
from oddities import Shop, add, by_pipe, changed, equals, part, same
from signals import Samples, full_range

TOTAL = 132_313
NEITHER: Samples = np.zeros((0, 2), np.int16)


def with_blocks(*blocks: bytes) -> Callable[[bytes], bytes]:
    """More metadata, behind STREAMINFO, which is 4 + 38 bytes from the start."""

    def change(data: bytes) -> bytes:
        assert not data[4] & 0x80
        return data[:42] + b"".join(blocks) + data[42:]

    return change


def with_total(total: int) -> Callable[[bytes], bytes]:
    """Another number of frames, which is the lower 36 bits of eight bytes in STREAMINFO."""

    def change(data: bytes) -> bytes:
        packed = int.from_bytes(data[18:26], "big") >> 36 << 36 | total
        return data[:18] + packed.to_bytes(8, "big") + data[26:]

    return change


def without_md5(data: bytes) -> bytes:
    return data[:26] + bytes(16) + data[42:]


def without_other_blocks(data: bytes) -> bytes:
    """STREAMINFO and audio, no more."""
    at = 42
    while not data[at] & 0x80:
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    return data[:4] + bytes([0x80]) + data[5:42] + data[at:]


def picture(size: int) -> bytes:
    """The content of a PICTURE block: front cover, PNG."""
    words = (3).to_bytes(4, "big"), (9).to_bytes(4, "big"), b"image/png", bytes(4 + 16)
    return b"".join(words) + size.to_bytes(4, "big") + b"\xff\xf8" * (size // 2)


def comments(*texts: bytes) -> bytes:
    parts = [bytes(4), len(texts).to_bytes(4, "little")]
    parts += [len(text).to_bytes(4, "little") + text for text in texts]
    return b"".join(parts)


def cuesheet() -> bytes:
    """One track with one index, and the lead-out."""
    track = bytes(8) + b"\1" + bytes(12 + 14) + b"\1" + bytes(12)
    return bytes(395) + b"\2" + track + TOTAL.to_bytes(8, "big") + b"\xff" + bytes(27)


def _metadata() -> None:
    for name, change in (
        ("many_paddings", with_blocks(*[block(PADDING, bytes(100))] * 200)),
        ("large_padding", with_blocks(block(PADDING, bytes(100_000)))),
        ("empty_padding", with_blocks(block(PADDING, b""))),
        ("seektable", with_blocks(block(SEEKTABLE, (b"\xff" * 8 + bytes(10)) * 30))),
        ("applications", with_blocks(*[block(APPLICATION, b"odd " + bytes(9))] * 5)),
        ("picture", with_blocks(block(PICTURE, picture(90_000)))),
        ("two_pictures", with_blocks(*[block(PICTURE, picture(900))] * 2)),
        ("many_comments", with_blocks(block(COMMENTS, comments(*[b"ARTIST=odd"] * 3000)))),
        ("cuesheet", with_blocks(block(CUESHEET, cuesheet()))),
        ("unknown_block", with_blocks(block(77, bytes(99)))),
        ("no_other_blocks", without_other_blocks),
        ("no_md5", without_md5),
    ):
        add(f"flac_{name}", ".flac", changed("flac_16", change), same("flac_16"), complete=True)
    add("flac_total_unknown", ".flac", changed("flac_16", with_total(0)), same("flac_16"))
    for name, total in (("small", TOTAL - 50_000), ("one_less", TOTAL - 1), ("one_more", TOTAL + 1),
                        ("large", TOTAL + 50_000), ("largest", (1 << 36) - 1)):  # fmt: skip
        add(f"flac_total_too_{name}", ".flac", changed("flac_16", with_total(total)),
            same("flac_16"), notes="length_mismatch")  # fmt: skip
    add("flac_of_a_pipe", ".flac", by_pipe("flac", "-c:a flac", "wav_s16"), same("wav_s16"))


def by_hand(
    name: str, samples: Samples, sizes: tuple[int, ...], bits: int = 16, rate: int = 44100
) -> None:
    """A FLAC of verbatim blocks; FFmpeg gives narrow samples at the top of 16 or 32 bits."""
    unused = (16 if bits <= 16 else 32) - bits
    expected: Samples = samples.astype(np.int16 if bits <= 16 else np.int32)
    expected <<= unused
    add(f"flac_{name}", ".flac",
        lambda _: flac_bytes.flac(samples, sizes, bits=bits, rate=rate),
        equals(lambda _: expected), complete=True)  # fmt: skip


def _by_hand() -> None:
    stereo = full_range(5003, 2, "int16")
    by_hand("fixed_blocks", stereo, (1000,))
    by_hand("variable_blocks", stereo, (16, 4608, 192, 577))
    by_hand("small_blocks", stereo, (16,))
    by_hand("one_block", stereo, (5003,))
    by_hand("large_block", full_range(66_000, 1, "int16"), (65_535,))
    by_hand("8_bits", stereo >> 8, (1152,), bits=8)
    by_hand("4_bits", stereo >> 12, (1152,), bits=4)
    by_hand("12_bits", stereo >> 4, (1152,), bits=12)
    by_hand("20_bits", full_range(5003, 2, "int32") >> 12, (1152,), bits=20)
    by_hand("96000", stereo, (4096,), rate=96_000)
    by_hand("rate_1", stereo, (4096,), rate=1)
    by_hand("rate_655350", stereo, (4096,), rate=655_350)
    by_hand("8_channels", full_range(5003, 8, "int16"), (576,))
    by_hand("one_frame", stereo[:1], (4096,))
    by_hand("17_frames", stereo[:17], (16,))
    add("flac_empty", ".flac", lambda _: flac_bytes.flac(NEITHER, (4096,), total=0),
        equals(lambda _: NEITHER))  # fmt: skip


def _copies() -> None:
    def three_blocks(shop: Shop) -> bytes:
        """The total is that of all, and the frames keep their numbers."""
        data = shop["flac_16"]
        starts = [at for at in range(len(data) - 4) if is_frame(data, at)]
        return without_other_blocks(data)[:42] + data[starts[3] : starts[6]]

    add("flac_middle_under_the_old_header", ".flac", three_blocks,
        part("flac_16", 3 * 4608, 6 * 4608), notes="length_mismatch")  # fmt: skip


def is_frame(data: bytes, at: int) -> bool:
    """Whether a whole head of a frame stands there, by its checksum."""
    return (
        data[at] == 0xFF
        and data[at + 1] & 0xFE == 0xF8
        and any(flac_bytes.crc_8(data[at : at + size]) == data[at + size] for size in (5, 6, 7, 8))
    )


_metadata()
_by_hand()
_copies()
