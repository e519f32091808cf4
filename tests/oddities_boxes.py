"""Oddities of MP4: boxes in any place, fragments, edits; and of Matroska, ASF and the like."""

import struct
from collections.abc import Callable, Iterator

import numpy as np

from oddities import Maker, Shop, add, after, by_ffmpeg, by_pipe, changed, part, same
from pyffaudio import Audio
from signals import Samples


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


def boxes(data: bytes, at: int = 0, end: int = -1) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end of each box between two positions."""
    end = len(data) if end < 0 else end
    while at < end:
        size, name = struct.unpack_from(">I4s", data, at)
        if size == 1:
            size = struct.unpack_from(">Q", data, at + 8)[0]
        yield name, at, at + size
        at += size


def find(data: bytes, path: str) -> tuple[int, int]:
    """Where a box begins and ends, by the names on the way to it."""
    at, end = 0, len(data)
    inner = 0
    for name in path.split("/"):
        found = [(a, e) for n, a, e in boxes(data, inner, end) if n == name.encode()]
        at, end = found[0]
        inner = at + 8
    return at, end


def replace(data: bytes, path: str, new: bytes) -> bytes:
    """The box replaced; those it is in grow, and chunks behind it are told where they are now."""
    at, end = find(data, path)
    growth = len(new) - (end - at)
    out = bytearray(data[:at] + new + data[end:])
    parents = path.split("/")[:-1]
    for depth in range(len(parents)):
        where, _ = find(data, "/".join(parents[: depth + 1]))
        struct.pack_into(">I", out, where, struct.unpack_from(">I", out, where)[0] + growth)
    return moved(bytes(out), at, growth)


def moved(data: bytes, start: int, growth: int) -> bytes:
    """The chunk offsets, where they lie behind the place that grew, follow."""
    if b"stco" not in data:
        return data
    out = bytearray(data)
    at = find(data, "moov/trak/mdia/minf/stbl/stco")[0] + 12
    for index in range(struct.unpack_from(">I", data, at)[0]):
        place = at + 4 + 4 * index
        offset = struct.unpack_from(">I", data, place)[0]
        struct.pack_into(">I", out, place, offset + growth * (offset >= start))
    return bytes(out)


def insert(data: bytes, before: str, new: bytes) -> bytes:
    """More before a box."""
    at, end = find(data, before)
    return replace(data, before, new + data[at:end])


FREE = box(b"free", bytes(100))


def inserted(specimen: str, before: str) -> Maker:
    return lambda shop: insert(shop[specimen], before, FREE)


def wide_mdat(data: bytes) -> bytes:
    """The size of mdat in 64 bits."""
    at, end = find(data, "mdat")
    head = struct.pack(">I4sQ", 1, b"mdat", end - at + 8)
    out = data[:at] + head + data[at + 8 :]
    return moved(out, at, 8)


def open_mdat(data: bytes) -> bytes:
    """A size of 0: up to the end of the file."""
    at, end = find(data, "mdat")
    assert end == len(data)
    return data[:at] + bytes(4) + data[at + 4 :]


def with_edits(*edits: tuple[int, int]) -> Callable[[bytes], bytes]:
    """An edit list of (duration, start) in thousandths and in the track's ticks."""

    def change(data: bytes) -> bytes:
        entries = b"".join(struct.pack(">IiI", *edit, 0x10000) for edit in edits)
        body = bytes(4) + struct.pack(">I", len(edits)) + entries
        return replace(data, "moov/trak/edts/elst", box(b"elst", body))

    return change


def start_of(data: bytes) -> int:
    """The start of the only edit: the encoder's delay."""
    at = find(data, "moov/trak/edts/elst")[0]
    return int(struct.unpack_from(">i", data, at + 20)[0])


def _boxes() -> None:
    for place in ("mdat", "moov", "moov/mvhd", "moov/trak", "moov/trak/mdia",
                  "moov/trak/mdia/minf/stbl/stsz", "moov/trak/edts"):  # fmt: skip
        name = place.rpartition("/")[2]
        for specimen in ("m4a", "m4a_faststart"):
            add(f"{specimen}_free_before_{name}", ".m4a",
                inserted(specimen, place),                 same("m4a"), complete=True)  # fmt: skip
    free = {"free": FREE, "many_free": FREE * 50, "unknown": box(b"odd ", bytes(7)),
            "empty": box(b"free", b""), "uuid": box(b"uuid", bytes(40))}  # fmt: skip
    for name, tail in free.items():
        add(f"m4a_and_{name}_box", ".m4a", after("m4a", tail), same("m4a"),
            complete=True)  # fmt: skip
    add("m4a_wide_mdat", ".m4a", changed("m4a", wide_mdat), same("m4a"), complete=True)
    add("m4a_wide_mdat_behind_moov", ".m4a", changed("m4a_faststart", wide_mdat), same("m4a"),
        complete=True)  # fmt: skip
    add("m4a_open_mdat", ".m4a", changed("m4a_faststart", open_mdat), same("m4a"), complete=True)
    for name, junk in (("zeros", bytes(100)), ("text", b"some text behind the boxes, odd.")):
        add(f"m4a_and_{name}", ".m4a", after("m4a", junk), same("m4a"),
            maybe="trailing_data", complete=True)  # fmt: skip
    add("m4a_id3v1", ".m4a", after("m4a", b"TAG" + bytes(125)), same("m4a"),
        maybe="trailing_data", complete=True)  # fmt: skip
    add("m4a_two_mdats", ".m4a", lambda shop: insert(shop["m4a"], "mdat", box(
        b"mdat", bytes(999))), same("m4a"), complete=True)  # fmt: skip


def _edits() -> None:
    add("m4a_no_edits", ".m4a", changed("m4a", lambda data: replace(
        data, "moov/trak/edts", b"")), all_of, complete=True)  # fmt: skip
    add("m4a_edit_of_2_seconds", ".m4a",
        lambda shop: with_edits((2000, start_of(shop["m4a"])))(shop["m4a"]),
        part("m4a", 0, 88_200), notes="length_mismatch")  # fmt: skip
    add("m4a_edit_from_1_second", ".m4a",
        lambda shop: with_edits((1000, start_of(shop["m4a"]) + 44_100))(shop["m4a"]),
        near(44_100, 44_100), notes="length_mismatch")  # fmt: skip
    add("m4a_two_edits", ".m4a", lambda shop: with_edits(
        (1000, start_of(shop["m4a"])), (1000, start_of(shop["m4a"]) + 88_200))(shop["m4a"]),
        near(0, 88_200), notes="length_mismatch")  # fmt: skip
    for scale in (600, 90_000, 48_000, 1):
        add(f"m4a_movie_scale_{scale}", ".m4a", by_ffmpeg(
            "m4a", f"-c copy -movie_timescale {scale}", "m4a_fine"), similar("m4a", scale),
            complete=True)  # fmt: skip


def all_of(shop: Shop, audio: Audio) -> None:
    """The delay comes with it, which the edit list took off, and some padding."""
    delay, plain = start_of(shop["m4a"]), shop.plain("m4a")
    np.testing.assert_array_equal(audio.samples[delay : delay + len(plain)], plain)
    assert audio.num_frames - len(plain) - delay < 1024


def near(start: int, frames: int) -> Callable[[Shop, Audio], None]:
    """So many frames, give or take a packet, that begin as the specimen does from there."""

    def check(shop: Shop, audio: Audio) -> None:
        assert abs(audio.num_frames - frames) <= 1024, audio.num_frames
        expected = shop.plain("m4a")[start : start + 40_000]
        np.testing.assert_allclose(audio.samples[2048:40_000], expected[2048:], atol=0.05)

    return check


def similar(specimen: str, scale: int) -> Callable[[Shop, Audio], None]:
    """Whole ticks of the movie's clock may be lost at the end."""

    def check(shop: Shop, audio: Audio) -> None:
        plain = shop.plain(specimen)
        both = min(len(plain), audio.num_frames)
        assert abs(audio.num_frames - len(plain)) <= max(44_100 // scale, 1000)
        np.testing.assert_array_equal(audio.samples[:both], plain[:both])

    return check


def _fragments() -> None:
    for name, flags in (
        ("frag_keyframe", "frag_keyframe+empty_moov"),
        ("every_packet", "frag_every_frame+empty_moov"),
        ("delay_moov", "frag_keyframe+delay_moov"),
        ("no_mfra", "frag_keyframe+empty_moov+skip_trailer"),
        ("base_moof", "frag_keyframe+empty_moov+default_base_moof"),
        ("first_in_moov", "frag_keyframe"),
        ("dash", "dash"),
        ("cmaf", "cmaf"),
    ):
        arguments = f"-c copy -strict -2 -frag_duration 300000 -movflags {flags}"
        add(f"mp4_fragments_{name}", ".mp4", by_ffmpeg("mp4", arguments, "m4a_fine"), within,
            complete=True)  # fmt: skip
        if name in ("every_packet", "no_mfra", "dash"):
            add(f"mp4_fragments_{name}_pipe", ".mp4", by_pipe("mp4", arguments, "m4a_fine"), within,
                complete=True)  # fmt: skip
        if name in ("every_packet", "delay_moov", "first_in_moov"):
            add(f"mp4_flac_fragments_{name}", ".mp4", by_pipe("mp4", arguments, "mp4_flac"),
                same("mp4_flac"), complete=True)  # fmt: skip


def within(shop: Shop, audio: Audio) -> None:
    """All of it, with the delay or without, and with padding of less than two packets."""
    plain, extra = shop.plain("m4a_fine"), audio.num_frames - len(shop.plain("m4a_fine"))
    assert 0 <= extra < 3 * 1024, extra
    delay = 1024 if extra >= 1024 else 0
    np.testing.assert_array_equal(audio.samples[delay : delay + len(plain)], plain)


def _pieces_of_films() -> None:
    """Many streams, pictures and chapters beside the audio."""
    for suffix in ("mp4", "mka", "mov"):
        add(f"{suffix}_two_tracks", f".{suffix}", by_ffmpeg(
            suffix, "-map 0 -map 1 -c copy", "m4a_fine", "mp3_cbr"),
            like("m4a_fine"), complete=True)  # fmt: skip
    cover = "-map 0:a -map 1:v -c copy -disposition:v attached_pic"
    for suffix, specimen in (("m4a", "m4a_fine"), ("mp3", "mp3_cbr"), ("flac", "flac_program_16")):
        add(f"{specimen}_cover", f".{suffix}", by_ffmpeg(suffix, cover, specimen, "mp3_id3"),
            like(specimen), complete=True)  # fmt: skip
    add("wma_cover", ".wma", by_ffmpeg("asf", cover, "wma_2", "mp3_id3"), same("wma_2"),
        complete=True)  # fmt: skip


def like(specimen: str) -> Callable[[Shop, Audio], None]:
    """The specimen, with up to a packet of padding or delay more or less."""

    def check(shop: Shop, audio: Audio) -> None:
        plain = shop.plain(specimen)
        assert abs(audio.num_frames - len(plain)) <= 2400, audio.num_frames - len(plain)
        at = next(shift for shift in range(2400) if matches(audio.samples, plain, shift))
        rest = audio.samples[at:][: len(plain)]
        np.testing.assert_array_equal(rest[4608:], plain[4608 : len(rest)])

    return check


def matches(samples: Samples, plain: Samples, shift: int) -> bool:
    return np.array_equal(samples[shift + 9999 : shift + 10_099], plain[9999:10_099])


# Other containers


def unsized_segment(data: bytes) -> bytes:
    """Matroska's Segment with an unknown size, as if it were live."""
    at = data.index(bytes.fromhex("18538067")) + 4
    assert data[at] == 1
    return data[:at] + b"\1" + b"\xff" * 7 + data[at + 8 :]


def void_after(data: bytes) -> bytes:
    """A Void element inside the Segment, at its end."""
    at = data.index(bytes.fromhex("18538067")) + 4
    size = int.from_bytes(data[at + 1 : at + 8], "big") + 22
    return data[: at + 1] + size.to_bytes(7, "big") + data[at + 8 :] + b"\xec\x94" + bytes(20)


def broadcast_asf(data: bytes) -> bytes:
    """The broadcast flag set, and totals left at zero."""
    at = data.index(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")) + 24
    out = bytearray(data)
    out[at + 16 : at + 24] = bytes(8)
    out[at + 32 : at + 56] = bytes(24)
    out[at + 64] |= 1
    return bytes(out)


def _others() -> None:
    for name in ("mka_flac", "mka_s24", "mka_opus", "mka_vorbis", "mka_aac", "webm_vorbis"):
        suffix = ".webm" if name.startswith("webm") else ".mka"
        muxer = "webm" if name.startswith("webm") else "matroska"
        add(f"{name}_unsized", suffix, changed(name, unsized_segment), same(name))
        add(f"{name}_live", suffix, by_pipe(muxer, "-c copy -live 1", name), like(name))
        add(f"{name}_void_at_end", suffix, changed(name, void_after), same(name), complete=True)
    add("wma_broadcast", ".wma", changed("wma_2", broadcast_asf), same("wma_2"))
    add("wma_of_a_pipe", ".wma", by_pipe("asf", "-c copy", "wma_2"), same("wma_2"))
    add("avi_of_a_pipe", ".avi", by_pipe("avi", "-c copy", "avi"), same("avi"))
    add("flv_of_a_pipe", ".flv", by_pipe("flv", "-c copy", "flv_aac"), same("flv_aac"))
    add("caf_of_a_pipe", ".caf", by_pipe("caf", "-c copy", "caf"), same("caf"))
    add("tta_of_a_pipe", ".tta", by_pipe("tta", "-c copy", "tta_16"), same("tta_16"),
        complete=True)  # fmt: skip
    add("wv_of_a_pipe", ".wv", by_pipe("wv", "-c copy", "wv_16"), same("wv_16"),
        complete=True)  # fmt: skip
    add("mp3_of_a_pipe", ".mp3", by_pipe("mp3", "-c copy", "mp3_cbr"), like("mp3_cbr"))


_boxes()
_edits()
_fragments()
_pieces_of_films()
_others()
