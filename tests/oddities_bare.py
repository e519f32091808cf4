"""Oddities of bare streams of frames: cut as broadcasts are, tagged, padded, joined."""

import struct
from collections.abc import Callable

import numpy as np

import pyffaudio
from oddities import (
    Check,
    Maker,
    Shop,
    add,
    after,
    before,
    by_ffmpeg,
    changed,
    excerpt,
    joined,
    rate_and_frames,
    same,
    suffix_of,
)
from oddities_riff import id3
from pyffaudio import Audio

MPEG_1_KILOBITS = {
    2: (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}


def mpeg_1(data: bytes, at: int) -> int:
    """The size of the frame of Layer II or III that begins there."""
    layer, rate = 4 - (data[at + 1] >> 1 & 3), (44100, 48000, 32000)[data[at + 2] >> 2 & 3]
    kilobits = MPEG_1_KILOBITS[layer][data[at + 2] >> 4]
    return 144_000 * kilobits // rate + (data[at + 2] >> 1 & 1)


def adts(data: bytes, at: int) -> int:
    return (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5


def loas(data: bytes, at: int) -> int:
    return 3 + ((data[at + 1] & 0x1F) << 8 | data[at + 2])


def dts(data: bytes, at: int) -> int:
    return ((data[at + 5] & 3) << 12 | data[at + 6] << 4 | data[at + 7] >> 4) + 1


def ac3(data: bytes, at: int) -> int:
    """At 48 kHz."""
    kilobits = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448)
    return 4 * kilobits[data[at + 4] >> 1 & 31]


def eac3(data: bytes, at: int) -> int:
    return 2 * (((data[at + 2] & 7) << 8 | data[at + 3]) + 1)


def id3_bytes(data: bytes) -> int:
    """The length of the tag at the start."""
    if not data.startswith(b"ID3"):
        return 0
    return 10 + (data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9])


# Of each specimen: the size of a frame, samples in it, and what a decoder needs to come in.
STREAMS: dict[str, tuple[Callable[[bytes, int], int], int, int, float]] = {
    "mp3_cbr": (mpeg_1, 1152, 4 * 1152, 1e-6),
    "mp3_vbr_untagged": (mpeg_1, 1152, 4 * 1152, 1e-6),
    "mp2": (mpeg_1, 1152, 1152, 5e-5),
    "aac_fdk_lc": (adts, 1024, 2 * 1024, 0.05),
    "latm": (loas, 1024, 2 * 1024, 0.05),
    "ac3": (ac3, 1536, 1536, 0.05),
    "eac3": (eac3, 1536, 1536, 0.05),
    "dts": (dts, 512, 4 * 512, 1e-4),
}


def frames_of(shop: Shop, name: str) -> list[bytes]:
    """The frames of audio: without tags, and without the frame that holds LAME's."""
    size_at, data = STREAMS[name][0], shop[name]
    at, frames = id3_bytes(data), []
    while at + 8 < len(data):
        size = size_at(data, at)
        frames.append(data[at : at + size])
        at += size
    if b"Xing" in frames[0] or b"Info" in frames[0]:
        del frames[0]
    return frames


def cut(name: str, first: int, count: int, start: int = 0, more: int = 0) -> Maker:
    """So many whole frames, a piece of the one before, and some bytes of the one after."""

    def make(shop: Shop) -> bytes:
        frames = frames_of(shop, name)
        head = frames[first - 1][-start:] if start else b""
        return head + b"".join(frames[first : first + count]) + frames[first + count][:more]

    return make


def _cuts() -> None:
    count = 40
    for name, (_, samples, warm, tolerance) in STREAMS.items():
        check = excerpt(name, count * samples, warm, tolerance)
        stem, suffix = name.removesuffix("_untagged"), suffix_of(name)
        add(f"{stem}_cut_between_frames", suffix, cut(name, 30, count), check)
        add(f"{stem}_cut_in_a_frame_before", suffix, cut(name, 30, count, start=100), check)
        lenient = excerpt(name, count * samples, warm, tolerance, more=samples)
        add(f"{stem}_cut_in_frames", suffix, cut(name, 30, count, start=78, more=60), lenient,
            notes="no_end_of_stream")  # fmt: skip
        # Three bytes are not known to be of a frame.
        add(f"{stem}_cut_in_heads", suffix, cut(name, 30, count, start=4, more=3), check,
            maybe="no_end_of_stream trailing_data")  # fmt: skip


# Junk and tags

ID3V1 = b"TAG" + b"odd".ljust(125, b"\0")
TEXT_FRAME = b"TIT2" + bytes([0, 0, 0, 4]) + b"\0\0\0odd"
ID3V2 = id3(TEXT_FRAME + bytes(500))
FOOTED = id3(TEXT_FRAME, footer=True)
PICTURE = b"\xff\xfb\x90\x64".join([b"likenesses of frames"] * 3000)
COVER = id3(
    b"APIC"
    + bytes(len(PICTURE) + 14 >> shift & 127 for shift in (21, 14, 7, 0))
    + b"\0\0\0image/png\0\3\0"
    + PICTURE
)


def ape_tag() -> bytes:
    """APEv2: head, one item, foot."""
    item = struct.pack("<II", 3, 0) + b"Title\0odd"
    ends = (
        struct.pack("<8sIIII8x", b"APETAGEX", 2000, len(item) + 32, 1, flags)
        for flags in (0xA0000000, 0x80000000)
    )
    return item.join(ends)


APE = ape_tag()
LYRICS = b"LYRICSBEGININD0000310LYR00005la la"
LYRICS3 = LYRICS + f"{len(LYRICS):06}LYRICS200".encode()

TAILS = {
    "zeros": bytes(1000),
    "text": b"Lorem ipsum dolor sit amet, consectetur adipiscing elit.\n" * 9,
    "id3v1": ID3V1,
    "id3v2": ID3V2,
    "ape": APE,
    "ape_id3v1": APE + ID3V1,
    "lyrics_id3v1": LYRICS3 + ID3V1,
}


def tailed(specimen: str, tails: str, complete: bool | None, maybe: str = "") -> None:
    """The specimen with each tail: a note says so, but maybe not of tags that belong there."""
    for tail in tails.split():
        lenient = tail in maybe.split()
        add(f"{specimen}_and_{tail}", suffix_of(specimen), after(specimen, TAILS[tail]),
            same(specimen), notes="" if lenient else "trailing_data",
            maybe="trailing_data" if lenient else "", complete=complete)  # fmt: skip


def headed(specimen: str, name: str, head: bytes, complete: bool | None) -> None:
    add(f"{specimen}_behind_{name}", suffix_of(specimen), before(specimen, head), same(specimen),
        complete=complete)  # fmt: skip


def _tails() -> None:
    tags = "id3v1 ape ape_id3v1"
    tailed("mp3_cbr", " ".join(TAILS), True, maybe=tags)
    tailed("mp3_vbr_untagged", "zeros id3v1 ape_id3v1 lyrics_id3v1", None, maybe=tags)
    tailed("mp2", "zeros id3v1", None, maybe=tags)
    # Its demuxer passes over what it does not know.
    tailed("aac_fdk_lc", "zeros text id3v1 ape", None, maybe=f"zeros text {tags}")
    tailed("ac3", "zeros text id3v1", None)
    tailed("eac3", "zeros", None)
    tailed("dts", "zeros", None, maybe="zeros")
    tailed("latm", "zeros", None)
    tailed("flac_16", "zeros text id3v1 id3v2 ape", True)
    tailed("wav_s16", "zeros text id3v1 ape_id3v1", True, maybe="zeros text id3v1 ape_id3v1")
    tailed("ogg", "zeros text id3v1", True)
    tailed("opus", "zeros id3v1", True)
    tailed("wv_16", "zeros id3v1 ape ape_id3v1", True, maybe="ape ape_id3v1")
    tailed("tta_16", "zeros id3v1 ape ape_id3v1", True, maybe="zeros id3v1 ape ape_id3v1")


def _heads() -> None:
    for name, complete in (
        ("mp3_cbr", True), ("mp2", None), ("aac_fdk_lc", None), ("ac3", None), ("flac_16", True),
        ("tta_16", True), ("dts", None),
    ):  # fmt: skip
        headed(name, "id3v2", ID3V2, complete)
    headed("mp3_cbr", "two_tags", ID3V2 + id3(bytes(77)), True)
    headed("mp3_cbr", "cover", COVER, True)
    headed("mp3_cbr", "footed_tag", FOOTED, True)
    headed("mp3_vbr_untagged", "zeros", bytes(700), None)
    headed("mp3_vbr_untagged", "many_zeros", bytes(70_000), None)
    headed("aac_fdk_lc", "zeros", bytes(700), None)
    headed("aac_fdk_lc", "cover", COVER, None)
    headed("flac_16", "two_tags", ID3V2 + ID3V2, True)
    headed("flac_program_24", "id3v2", ID3V2, True)
    headed("flac_16", "cover", COVER, True)
    add("mp3_cbr_tagged_at_both_ends", ".mp3", lambda shop: ID3V2 + shop["mp3_cbr"] + ID3V1,
        same("mp3_cbr"), maybe="trailing_data", complete=True)  # fmt: skip


# Files one after the other


def doubled(specimen: str) -> Check:
    """All of the specimen, twice as long."""

    def check(shop: Shop, audio: Audio) -> None:
        plain = shop.plain(specimen)
        np.testing.assert_array_equal(audio.samples[: len(plain)], plain)
        assert audio.num_frames == 2 * len(plain)

    return check


def _joined() -> None:
    for name in ("mp2", "mp3_vbr_untagged", "aac_fdk_lc", "ac3", "eac3", "latm"):
        add(f"{name}_twice", suffix_of(name), joined(name, name), doubled(name))
    for tag, name in ((ID3V2, "id3v2"), (ID3V1, "id3v1"), (APE, "ape")):
        add(f"mp3_tagged_between_{name}", ".mp3",
            joined("mp3_vbr_untagged", "mp3_vbr_untagged", between=tag),
            doubled("mp3_vbr_untagged"), notes="trailing_data")  # fmt: skip
    # The total in the first Xing header is not that of all.
    add("mp3_xing_twice", ".mp3", joined("mp3_vbr", "mp3_vbr"), longer("mp3_vbr", 2),
        notes="length_mismatch")  # fmt: skip
    add("flac_twice", ".flac", joined("flac_16", "flac_16"), same("flac_16", "flac_16"),
        notes="length_mismatch")  # fmt: skip
    add("aac_tagged_between", ".aac", joined("aac_fdk_lc", "aac_fdk_lc", between=ID3V2),
        doubled("aac_fdk_lc"), maybe="trailing_data")  # fmt: skip


def longer(specimen: str, times: int) -> Check:
    """Some of the padding may come with it."""

    def check(shop: Shop, audio: Audio) -> None:
        plain = shop.plain(specimen)
        np.testing.assert_array_equal(audio.samples[: len(plain)], plain)
        assert 0 <= audio.num_frames - times * len(plain) <= 4 * 1152

    return check


def narrow(codec: str, rate: int, channels: int, suffix: str, *more: str) -> Maker:
    """A second of another rate or number of channels."""
    arguments = f"-c:a {codec} -ar {rate} -ac {channels} -t 1 {' '.join(more)}"
    return by_ffmpeg(suffix, arguments, "wav_s16" if rate != 48000 else "opus")


def turning(first: str, second: Maker) -> Maker:
    return lambda shop: b"".join(frames_of(shop, first)) + second(shop)


def goes_on(specimen: str, frames: int, slack: int) -> Check:
    """The specimen as it is, and then so many frames more at its rate."""

    def check(shop: Shop, audio: Audio) -> None:
        plain = pyffaudio.decode_bytes(b"".join(frames_of(shop, specimen)), dtype=None).samples
        np.testing.assert_array_equal(audio.samples[: len(plain) - 100], plain[:-100])
        extra = audio.num_frames - len(plain)
        assert abs(extra - frames) <= slack, extra

    return check


def _turning() -> None:
    bare = ("-write_xing", "0", "-id3v2_version", "0")
    for name, rate, channels, frames in (
        ("rate_halves", 22050, 2, 44100),
        ("mono", 44100, 1, 44100),
        ("rate_and_channels", 16000, 1, 44100),
    ):
        second = narrow("libmp3lame", rate, channels, "mp3", *bare)
        add(f"mp3_{name}", ".mp3", turning("mp3_cbr", second), goes_on("mp3_cbr", frames, 6000),
            notes="params_changed")  # fmt: skip
        second = narrow("aac", rate, channels, "aac")
        add(f"aac_{name}", ".aac", turning("aac_fdk_lc", second),
            goes_on("aac_fdk_lc", frames, 6000), notes="params_changed")  # fmt: skip
    add("mp2_mono", ".mp2", turning("mp2", narrow("mp2", 44100, 1, "mp2")),
        goes_on("mp2", 44100, 3000), notes="params_changed")  # fmt: skip
    add("mp2_after_mono_stereo_again", ".mp2", lambda shop: shop["mp2"]
        + narrow("mp2", 44100, 1, "mp2")(shop) + shop["mp2"],
        goes_on("mp2", 44100 + 132_480, 3000), notes="params_changed")  # fmt: skip
    add("ac3_stereo_after_6", ".ac3", joined("ac3_6", "ac3"), rate_and_frames(48000, 2 * 144_384),
        notes="params_changed")  # fmt: skip
    add("ac3_6_after_stereo", ".ac3", joined("ac3", "ac3_6"), rate_and_frames(48000, 2 * 144_384),
        notes="params_changed")  # fmt: skip
    add("ac3_44100_after_48000", ".ac3", lambda shop: shop["ac3"] + narrow(
        "ac3", 44100, 2, "ac3")(shop), rate_and_frames(48000, 144_384 + 48_000, 3000),
        notes="params_changed")  # fmt: skip


# Xing and VBRI


def xing(shop: Shop, flags: int, body: bytes) -> bytes:
    """The specimen with a header that says no more than these flags have it."""
    frames = frames_of(shop, "mp3_vbr_untagged")
    head = b"\xff\xfb\x90\x00" + bytes(32) + b"Xing" + struct.pack(">I", flags) + body
    return head.ljust(417, b"\0") + b"".join(frames)


def miscounted(wrong: int) -> Maker:
    return lambda shop: xing(shop, 1, xing_total(shop, wrong))


def vbri(shop: Shop) -> bytes:
    """Fraunhofer's header: version, delay, quality, bytes, frames, table of four entries."""
    frames = frames_of(shop, "mp3_vbr_untagged")
    size = sum(map(len, frames)) + 417
    head = struct.pack(">4sHHHIIHHHH", b"VBRI", 1, 0, 75, size, len(frames), 4, 1, 2, 32)
    head = b"\xff\xfb\x90\x00" + bytes(32) + head + bytes(8)
    return head.ljust(417, b"\0") + b"".join(frames)


def xing_total(shop: Shop, wrong: int = 0) -> bytes:
    return struct.pack(">I", len(frames_of(shop, "mp3_vbr_untagged")) + wrong)


def _headers() -> None:
    whole = same("mp3_vbr_untagged")
    add("mp3_xing_of_nothing", ".mp3", lambda shop: xing(shop, 0, b""), whole)
    add("mp3_xing_of_bytes", ".mp3", lambda shop: xing(shop, 2, struct.pack(">I", 9999)), whole)
    add("mp3_xing_of_frames", ".mp3", lambda shop: xing(shop, 1, xing_total(shop)), whole,
        complete=True)  # fmt: skip
    add("mp3_xing_of_table", ".mp3", lambda shop: xing(shop, 4, bytes(range(100))), whole)
    for name, wrong in (("few", -20), ("many", 20)):
        add(f"mp3_xing_of_too_{name}_frames", ".mp3",
            miscounted(wrong), whole,
            notes="length_mismatch")  # fmt: skip
    add("mp3_vbri", ".mp3", vbri, whole, complete=True)
    add("mp3_info_without_padding", ".mp3", changed("mp3_cbr", no_padding),
        rate_and_frames(44100, 116 * 1152 - 529), complete=True)  # fmt: skip
    add("aac_one_packet", ".aac", lambda shop: frames_of(shop, "aac_fdk_lc")[0],
        rate_and_frames(44100, 1024))  # fmt: skip


def no_padding(data: bytes) -> bytes:
    """LAME's tag with a delay of nothing and no padding."""
    at = data.index(b"LAME") + 21
    return data[:at] + bytes(3) + data[at + 3 :]


_cuts()
_tails()
_heads()
_joined()
_turning()
_headers()
