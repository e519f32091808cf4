"""Oddities of Ogg: without an end, chained, with other streams, with odd headers of Opus."""

import struct
from collections.abc import Callable

import numpy as np

from oddities import (
    Maker,
    Shop,
    add,
    by_ffmpeg,
    changed,
    equals,
    joined,
    plus,
    rate_and_frames,
    same,
    suffix_of,
)
from ogg_pages import FIRST, LAST, Page, join, pages
from pyffaudio import Audio
from signals import Samples, as_float

OGGS = ("ogg", "opus", "ogg_flac", "spx", "oga_flac_program")


def repaged(change: Callable[[list[Page]], list[Page]]) -> Callable[[bytes], bytes]:
    """The file with its pages changed."""
    return lambda data: join(change(pages(data)))


def without_end(all_pages: list[Page]) -> list[Page]:
    return [*all_pages[:-1], all_pages[-1].but(flags=all_pages[-1].flags & ~LAST)]


def without_last_page(all_pages: list[Page]) -> list[Page]:
    return all_pages[:-1]


def with_empty_last_page(all_pages: list[Page]) -> list[Page]:
    """The end on a page of its own, without a packet."""
    last = all_pages[-1]
    empty = last.but(flags=LAST, number=last.number + 1, lacing=b"", content=b"")
    return [*without_end(all_pages), empty]


def with_unfinished_numbers(all_pages: list[Page]) -> list[Page]:
    """Numbered from 1000 on, as a recorder does that came late, but for the heads."""
    return [page.but(number=page.number + 1000) if page.granule else page for page in all_pages]


def with_serial(serial: int) -> Callable[[list[Page]], list[Page]]:
    return lambda all_pages: [page.but(serial=serial) for page in all_pages]


def with_nil_pages(all_pages: list[Page]) -> list[Page]:
    """Pages without any packet between the others, numbered as they stand."""
    out: list[Page] = []
    for page in all_pages:
        out.append(page.but(number=len(out)))
        if page.granule > 0 and not page.flags & LAST:
            out.append(page.but(flags=0, number=len(out), lacing=b"", content=b"", granule=-1))
    return out


def with_another_stream(head: bytes) -> Callable[[list[Page]], list[Page]]:
    """A stream of one packet, that no one knows, beside the audio."""

    def change(all_pages: list[Page]) -> list[Page]:
        other = Page(FIRST, 0, 77, 0, bytes([len(head)]), head)
        end = Page(LAST, 0, 77, 1, b"", b"")
        return [all_pages[0], other, *all_pages[1:-1], end, all_pages[-1]]

    return change


SKELETON = b"fishead\0" + struct.pack("<HHQQQQ20x", 3, 0, 0, 1000, 0, 1000)


def skeleton_first(all_pages: list[Page]) -> list[Page]:
    """As ffmpeg2theora and oggz write it: Skeleton's head before, its end after the heads."""
    head = Page(FIRST, 0, 77, 0, bytes([len(SKELETON)]), SKELETON)
    return [head, all_pages[0], Page(LAST, 0, 77, 1, b"\0", b""), *all_pages[1:]]


def _ends() -> None:
    for name in OGGS:
        suffix = suffix_of(name)
        add(f"{name}_without_end_of_stream", suffix, changed(name, repaged(without_end)),
            untrimmed_of(name), notes="no_end_of_stream")  # fmt: skip
        add(f"{name}_end_on_a_page_of_its_own", suffix,
            changed(name, repaged(with_empty_last_page)), untrimmed_of(name),
            complete=True)  # fmt: skip
        add(f"{name}_with_nil_pages", suffix, changed(name, repaged(with_nil_pages)), same(name),
            complete=True)  # fmt: skip
        add(f"{name}_skeleton", suffix, changed(name, repaged(skeleton_first)), same(name),
            complete=True)  # fmt: skip
        add(f"{name}_last_page_missing", suffix, changed(name, repaged(without_last_page)),
            beginning(name), notes="no_end_of_stream")  # fmt: skip
    unknown = repaged(with_another_stream(b"\x80unknown stream"))
    add("ogg_unknown_stream", ".ogg", changed("ogg", unknown), same("ogg"), complete=True)
    add("opus_unknown_stream", ".opus", changed("opus", unknown), same("opus"), complete=True)
    add("ogg_serial_largest", ".ogg", changed("ogg", repaged(with_serial(0xFFFFFFFF))),
        same("ogg"), complete=True)  # fmt: skip


def untrimmed_of(specimen: str) -> Callable[[Shop, Audio], None]:
    """The specimen, and what the end of stream alone would trim, of the last packet."""

    def check(shop: Shop, audio: Audio) -> None:
        plain = shop.plain(specimen)
        assert 0 <= audio.num_frames - len(plain) < 2048, audio.num_frames
        np.testing.assert_array_equal(audio.samples[: len(plain)], plain)

    return check


def beginning(specimen: str) -> Callable[[Shop, Audio], None]:
    """What the specimen gives, as far as it goes, which is half of it at least."""

    def check(shop: Shop, audio: Audio) -> None:
        plain = shop.plain(specimen)
        assert len(plain) // 4 <= audio.num_frames < len(plain)
        # Where an end was trimmed, it may now be whole.
        sure = audio.num_frames - 1024
        np.testing.assert_array_equal(audio.samples[:sure], plain[:sure])

    return check


def specimen(name: str) -> Maker:
    return lambda shop: shop[name]


def _chains() -> None:
    other = repaged(with_serial(99))
    for name in OGGS:
        add(f"{name}_chained", suffix_of(name), plus(specimen(name), changed(name, other)),
            same(name, name), complete=True)  # fmt: skip
        add(f"{name}_chained_with_one_serial", suffix_of(name), joined(name, name),
            same(name, name), complete=True)  # fmt: skip
    slow = by_ffmpeg("ogg", "-c:a libvorbis -ar 22050", "ogg")
    mono = by_ffmpeg("ogg", "-c:a libvorbis -ac 1", "ogg")
    for kind, second in (("rate_halves", slow), ("mono", mono)):
        add(f"ogg_chained_{kind}", ".ogg", plus(specimen("ogg"), second),
            first_of("ogg", 2 * 132_313, 4), notes="params_changed", complete=True)  # fmt: skip
    opus_mono = by_ffmpeg("opus", "-c:a libopus -ac 1", "opus")
    add("opus_chained_mono", ".opus", lambda shop: shop["opus"] + opus_mono(shop),
        first_of("opus", 2 * 144_013, 4), notes="params_changed", complete=True)  # fmt: skip
    add("opus_chained_stereo", ".opus", lambda shop: opus_mono(shop) + shop["opus"],
        rate_and_frames(48000, 2 * 144_013, 4), notes="params_changed", complete=True)  # fmt: skip
    # Samples of the three rates and codecs become those of the first.
    add("ogg_chained_opus_flac", ".ogg", joined("ogg", "opus", "ogg_flac"),
        first_of("ogg", 3 * 132_313, 4), notes="params_changed", complete=True)  # fmt: skip
    add("opus_chained_vorbis", ".opus", joined("opus", "ogg"),
        first_of("opus", 2 * 144_013, 4), notes="params_changed", complete=True)  # fmt: skip
    ended = changed("ogg", repaged(without_end))
    add("ogg_chained_without_ends", ".ogg", lambda shop: ended(shop) + other(ended(shop)),
        first_of("ogg", 2 * 132_313, 100), notes="no_end_of_stream")  # fmt: skip
    add("ogg_chained_junk_between", ".ogg", lambda shop: shop["ogg"] + bytes(777)
        + other(shop["ogg"]), same("ogg", "ogg"), notes="trailing_data", complete=True)  # fmt: skip


def first_of(specimen: str, frames: int, slack: int) -> Callable[[Shop, Audio], None]:
    """Begins as the specimen; so many frames in all."""

    def check(shop: Shop, audio: Audio) -> None:
        plain = shop.plain(specimen)
        sure = len(plain) - 100
        np.testing.assert_array_equal(audio.samples[:sure], plain[:sure])
        assert abs(audio.num_frames - frames) <= slack, audio.num_frames

    return check


# Opus


def opus_head(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def turn(all_pages: list[Page]) -> list[Page]:
        return [all_pages[0].but(content=change(all_pages[0].content)), *all_pages[1:]]

    return repaged(turn)


def pre_skip(count: int) -> Callable[[bytes], bytes]:
    return opus_head(lambda head: head[:10] + struct.pack("<H", count) + head[12:])


def gain(steps: int) -> Callable[[bytes], bytes]:
    """In 1/256 dB."""
    return opus_head(lambda head: head[:16] + struct.pack("<h", steps) + head[18:])


def said_rate(rate: int) -> Callable[[bytes], bytes]:
    return opus_head(lambda head: head[:12] + struct.pack("<I", rate) + head[16:])


def louder(specimen: str, factor: float) -> Callable[[Shop, Audio], None]:
    def check(shop: Shop, audio: Audio) -> None:
        expected = as_float(shop.plain(specimen)) * factor
        np.testing.assert_allclose(as_float(audio.samples), expected, atol=1e-3)

    return check


def end_at(granule: int) -> Callable[[bytes], bytes]:
    def change(all_pages: list[Page]) -> list[Page]:
        return [*all_pages[:-1], all_pages[-1].but(granule=granule)]

    return repaged(change)


def own_pre_skip(data: bytes) -> int:
    return int.from_bytes(data[data.index(b"OpusHead") + 10 :][:2], "little")


def _opus() -> None:
    def skipped(shop: Shop) -> Samples:
        return shop.plain("opus")[3000 - own_pre_skip(shop["opus"]) :]

    add("opus_pre_skip_3000", ".opus", changed("opus", pre_skip(3000)), equals(skipped),
        complete=True)  # fmt: skip
    add("opus_pre_skip_0", ".opus", changed("opus", pre_skip(0)), unskipped, complete=True)
    add("opus_gain", ".opus", changed("opus", gain(-1541)), louder("opus", 0.5), complete=True)
    for rate in (0, 8000, 44100, 192_000, 0xFFFFFFFF):
        add(f"opus_said_{rate}", ".opus", changed("opus", said_rate(rate)), same("opus"),
            complete=True)  # fmt: skip
    add("opus_no_end_trim", ".opus", lambda shop: end_at(whole(shop))(shop["opus"]), untrimmed,
        complete=True)  # fmt: skip
    for length in ("2.5", "10", "40", "60", "120"):
        add(f"opus_of_{length}_ms".replace(".", "_"), ".opus", by_ffmpeg(
            "opus", f"-c:a libopus -frame_duration {length}", "opus"),
            rate_and_frames(48000, 144_013), complete=True)  # fmt: skip
    surround = "-c:a libopus -mapping_family 1 -af aformat=channel_layouts=5.1"
    add("opus_6_channels", ".opus", by_ffmpeg("opus", surround, "ac3_6"),
        rate_and_frames(48000, 144_384), complete=True)  # fmt: skip


def whole(shop: Shop) -> int:
    """The granule position of all packets: 20 ms each, but for two of headers."""
    packets = sum(sum(size < 255 for size in page.lacing) for page in pages(shop["opus"]))
    return 960 * (packets - 2)


def unskipped(shop: Shop, audio: Audio) -> None:
    plain, more = shop.plain("opus"), own_pre_skip(shop["opus"])
    np.testing.assert_array_equal(audio.samples[more:], plain)


def untrimmed(shop: Shop, audio: Audio) -> None:
    plain = shop.plain("opus")
    assert audio.num_frames == whole(shop) - own_pre_skip(shop["opus"])
    np.testing.assert_array_equal(audio.samples[: len(plain)], plain)


_ends()
_chains()
_opus()
