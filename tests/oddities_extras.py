"""Oddities that come with more than audio, or with hardly any: covers, chapters, single frames."""

from base64 import b64encode

from ffmpeg_command import ffmpeg
from oddities import Maker, Shop, add, by_ffmpeg, part, rate_and_frames, same, suffix_of
from oddities_flac import picture

ONE = "-af atrim=end_sample=1"
CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=1000
title=One
[CHAPTER]
TIMEBASE=1/1000
START=1000
END=3000
title=Two
"""


def _brief() -> None:
    """A single frame of audio."""
    for suffix, codec in (
        ("wv", "wavpack"), ("tta", "tta"), ("aiff", "pcm_s16be"), ("flac", "flac"),
        ("mka", "flac"), ("m4a", "alac"), ("ogg", "flac"), ("caf", "alac"), ("mov", "pcm_s16le"),
        ("w64", "pcm_s16le"), ("avi", "pcm_s16le"),
    ):  # fmt: skip
        # FFmpeg's muxer of Wave64 counts the padding to 8 bytes as audio.
        one = "-af atrim=end_sample=2" if suffix == "w64" else ONE
        frames = 2 if suffix == "w64" else 1
        add(f"one_frame_of_{codec}_in_{suffix}", f".{suffix}",
            by_ffmpeg(suffix, f"{one} -c:a {codec}", "wav_s16"), part("wav_s16", 0, frames),
            complete=None if suffix == "avi" else True)  # fmt: skip
    for suffix, codec, frames in (
        ("mp3", "libmp3lame", 47),  # so says the tag that FFmpeg writes
        ("ogg", "libvorbis", 1),
        ("m4a", "aac", 1),
    ):  # fmt: skip
        add(f"one_frame_of_{codec}", f".{suffix}",
            by_ffmpeg(suffix, f"{ONE} -c:a {codec} -movie_timescale 44100"
                      if suffix == "m4a" else f"{ONE} -c:a {codec}", "wav_s16"),
            rate_and_frames(44100, frames), complete=True)  # fmt: skip
    add("one_frame_of_opus", ".opus", by_ffmpeg("opus", f"{ONE} -c:a libopus", "opus"),
        rate_and_frames(48000, 1), complete=True)  # fmt: skip


def with_chapters(suffix: str, specimen: str) -> Maker:
    def make(shop: Shop) -> bytes:
        listing, path = shop.folder / "chapters.txt", shop.folder / f"chapters.{suffix}"
        listing.write_text(CHAPTERS)
        inputs = ("-i", shop.zoo[specimen], "-i", listing, "-map", "0", "-map_metadata", "1")
        ffmpeg(*inputs, "-c", "copy", path)
        return path.read_bytes()

    return make


def with_attachment(shop: Shop) -> bytes:
    """A picture attached, as Matroska has it."""
    png, path = shop.folder / "cover.png", shop.folder / "attached.mka"
    png.write_bytes(b"\x89PNG\r\n" + bytes(5000))
    attach = ("-attach", png, "-metadata:s:t", "mimetype=image/png")
    ffmpeg("-i", shop.zoo["mka_flac"], *attach, "-c", "copy", path)
    return path.read_bytes()


def with_film(suffix: str, specimen: str, codec: str) -> Maker:
    """A picture that moves, before the audio and interleaved with it."""

    def make(shop: Shop) -> bytes:
        path = shop.folder / f"film.{suffix}"
        film = ("-f", "lavfi", "-i", "testsrc=duration=2:size=64x48:rate=5")
        copy = ("-map", "0:v", "-map", "1:a", "-c:v", codec, "-c:a", "copy")
        ffmpeg(*film, "-i", shop.zoo[specimen], *copy, path)
        return path.read_bytes()

    return make


def _more_than_audio() -> None:
    for suffix, specimen, complete in (
        ("m4a", "m4a_fine", True), ("mka", "mka_flac", True), ("ogg", "ogg", True),
        ("mp3", "mp3_cbr", True), ("flac", "flac_16", True), ("opus", "opus_ffmpeg", True),
        ("wma", "wma_2", True),
    ):  # fmt: skip
        if suffix != "mp3":
            add(f"{specimen}_chapters", f".{suffix}", with_chapters(suffix, specimen),
                same(specimen), complete=complete)  # fmt: skip
    cover = b64encode(picture(60_000)).decode()
    for specimen in ("ogg", "opus_ffmpeg", "ogg_flac"):
        add(f"{specimen}_cover", suffix_of(specimen), by_ffmpeg(
            suffix_of(specimen)[1:], f"-c copy -metadata METADATA_BLOCK_PICTURE={cover}", specimen),
            same(specimen), complete=True)  # fmt: skip
    add("mka_attachment", ".mka", with_attachment, same("mka_flac"), complete=True)
    add("ogv_film", ".ogv", with_film("ogv", "ogg", "libtheora"), same("ogg"), complete=True)
    add("mkv_film", ".mkv", with_film("mkv", "mka_flac", "mpeg4"), same("mka_flac"),
        complete=True)  # fmt: skip
    add("mp4_film", ".mp4", with_film("mp4", "m4a_fine", "mpeg4"), same("m4a_fine"),
        complete=True)  # fmt: skip
    add("avi_film", ".avi", with_film("avi", "avi", "mpeg4"), same("avi"))
    add("ts_film", ".ts", with_film("ts", "ts_mp2", "mpeg2video"), same("ts_mp2"))


_brief()
_more_than_audio()
