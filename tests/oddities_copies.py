"""Oddities that ffmpeg makes in copying streams: cuts at packets, other containers; broadcasts."""

from collections.abc import Callable

import numpy as np

from oddities import Maker, Shop, add, by_ffmpeg, changed, joined, same, where
from pyffaudio import Audio
from signals import as_float

SECOND = "-ss 1 -t 1"


def piece(specimen: str, frames: int, slack: int, warm: int = 0, tolerance: float = 0) -> Callable[
    [Shop, Audio], None
]:  # fmt: skip
    """About so many frames, that after a warm-up and up to the last packet are the specimen's."""

    def check(shop: Shop, audio: Audio) -> None:
        assert abs(audio.num_frames - frames) <= slack, audio.num_frames
        whole, found = as_float(shop.plain(specimen)), as_float(audio.samples)[warm:]
        if tolerance:
            found = found[:-2400]
        at = where(found, whole)
        error = np.abs(found - whole[at : at + len(found)]).max()
        assert error <= tolerance, f"{error} from frame {at}"

    return check


def _cuts() -> None:
    for name, suffix, rate, slack, warm, tolerance, complete, notes in (
        ("wav_s16", "wav", 44100, 4096, 0, 0, True, ""),
        ("wav_s16", "mka", 44100, 4096, 0, 0, True, ""),
        ("flac_16", "flac", 44100, 9216, 0, 0, None, "length_mismatch"),
        ("flac_16", "mka", 44100, 9216, 0, 0, True, ""),
        ("wv_16", "wv", 44100, 44100, 0, 0, True, ""),
        ("mp3_cbr", "mp3", 44100, 2400, 4608, 1e-6, True, ""),
        ("mp3_vbr", "mp3", 44100, 2400, 4608, 1e-6, True, ""),
        ("aac_fdk_lc", "aac", 44100, 2048, 2048, 0.05, None, ""),
        ("m4a_fdk_lc_iso", "m4a", 44100, 2048, 4096, 0.05, True, ""),
        ("m4a_alac_16", "m4a", 44100, 4096, 0, 0, True, ""),
        ("ogg", "ogg", 44100, 4096, 4096, 1e-6, True, ""),
        ("opus", "opus", 48000, 1920, 9600, 0.01, True, ""),
        ("mka_vorbis", "mka", 44100, 4096, 4096, 1e-6, True, ""),
        ("mka_opus", "webm", 48000, 1920, 9600, 0.01, True, ""),
        ("ac3", "ac3", 48000, 3072, 1536, 0.05, None, ""),
        ("ts_mp2", "ts", 44100, 2304, 1152, 5e-5, None, ""),
        ("ts_ac3", "ts", 48000, 3072, 1536, 0.05, None, ""),
        ("wma_2", "wma", 44100, 4096, 4096, 1e-3, True, ""),
        ("flv_mp3", "flv", 44100, 2304, 4608, 1e-6, None, ""),
        ("avi_mp3", "avi", 44100, 2304, 4608, 1e-6, None, ""),
        ("caf_alac", "caf", 44100, 8192, 0, 0, True, ""),
    ):  # fmt: skip
        cut = by_ffmpeg(suffix, "-c copy", name, before=SECOND)
        add(f"second_of_{name}_in_{suffix}", f".{suffix}", cut,
            piece(name, rate, slack, warm, tolerance), notes=notes, complete=complete)  # fmt: skip
        if name in ("mp3_cbr", "m4a_fdk_lc_iso", "ogg", "opus", "mka_opus"):
            cut = by_ffmpeg(suffix, "-t 1 -c copy", name)
            add(f"first_second_of_{name}", f".{suffix}", cut,
                piece(name, rate, slack, 0, tolerance or 1e-6), complete=complete)  # fmt: skip


def _remuxes() -> None:
    for source, suffix, slack, complete in (
        ("mp3_cbr", "mka", 2400, True), ("mp3_cbr", "mp4", 2400, True),
        ("mp3_cbr", "avi", 2400, None), ("mp3_cbr", "flv", 2400, None),
        ("mp3_cbr", "asf", 2400, True), ("mp3_cbr", "ts", 2400, None),
        ("mp3_cbr", "wav", 2400, True), ("mp3_vbr", "mov", 2400, True),
        ("mp3_vbr", "avi", 2400, None),
        ("aac_fdk_lc", "m4a", 2048, True), ("aac_fdk_lc", "mka", 2048, True),
        ("aac_fdk_lc", "ts", 2048, None), ("m4a_fdk_lc_iso", "mka", 4096, True),
        ("m4a_fdk_lc_iso", "ts", 4096, None), ("m4a_fdk_lc_iso", "flv", 4096, None),
        ("opus", "webm", 0, True), ("opus", "mka", 0, True), ("opus", "mp4", 960, True),
        ("opus", "ts", 4000, None), ("mka_opus", "opus", 960, True),
        ("flac_16", "ogg", 0, True), ("flac_16", "mka", 0, True), ("flac_16", "mp4", 0, True),
        ("ogg_flac", "flac", 0, None), ("mka_flac", "flac", 0, True),
        ("ogg", "webm", 2048, True), ("webm_vorbis", "ogg", 2048, True),
        ("ac3", "ts", 0, None), ("ac3", "mka", 0, True), ("ac3", "mp4", 1536, True),
        ("ac3", "avi", 0, None), ("ac3", "vob", 0, None), ("eac3", "ts", 0, None),
        ("eac3", "mka", 0, True), ("dts", "ts", 0, None), ("dts", "mka", 0, True),
        ("m4a_alac_16", "caf", 0, True), ("m4a_alac_16", "mov", 0, True),
        ("m4a_alac_16", "mka", 0, True), ("wv_16", "mka", 0, True),
        ("wav_s16", "mka", 0, True), ("wav_s16", "mov", 0, True), ("wav_s16", "avi", 0, None),
        ("wav_s16", "w64", 3, True), ("wav_s16", "caf", 0, True), ("aiff", "mov", 0, True),
        ("wma_2", "mka", 4096, True), ("amr_nb", "3gp", 0, True),
        ("mlp", "mka", 0, True), ("thd", "mka", 80, True),
    ):  # fmt: skip
        strict = "-c copy -strict -2"
        add(f"{source}_in_{suffix}", f".{suffix}", by_ffmpeg(suffix, strict, source),
            remuxed(source, slack), complete=complete)  # fmt: skip


def remuxed(source: str, slack: int) -> Callable[[Shop, Audio], None]:
    """The samples of the source, but for delay and padding that the container cannot tell."""

    def check(shop: Shop, audio: Audio) -> None:
        plain = shop.plain(source)
        assert abs(audio.num_frames - len(plain)) <= slack, audio.num_frames - len(plain)
        if slack == 0:
            np.testing.assert_array_equal(audio.samples, plain, strict=True)
            return
        middle = as_float(audio.samples)[6000:-6000]
        at = where(middle, as_float(plain))
        assert abs(at - 6000) <= slack, at
        error = np.abs(middle - as_float(plain)[at : at + len(middle)]).max()
        assert error <= 1e-3, f"{error} from frame {at}"

    return check


# MPEG transport streams, in packets of 188 bytes

TS = 188


def starts(data: bytes) -> list[int]:
    """Where PES packets of the audio begin: its PID is 0x100 in what ffmpeg writes."""
    return [
        at for at in range(0, len(data), TS)
        if data[at + 1] & 0x40 and (data[at + 1] & 0x1F) << 8 | data[at + 2] == 0x100
    ]  # fmt: skip


def ts_slice(specimen: str, lead: int, more: int, whole: bool = True) -> Maker:
    """PES packets 3 to 20 with some bytes of what comes before and after; tables in front."""

    def make(shop: Shop) -> bytes:
        data = shop[specimen]
        at = starts(data)
        tables = data[: 3 * TS] if whole else b""
        return tables + data[at[3] - lead : at[-3] + more]

    return make


def ts_frames(specimen: str, least: int) -> Callable[[Shop, Audio], None]:
    """At least so many frames, of the specimen, but for the last, which may not be whole."""

    def check(shop: Shop, audio: Audio) -> None:
        assert least <= audio.num_frames < len(shop.plain(specimen)), audio.num_frames
        whole, found = as_float(shop.plain(specimen)), as_float(audio.samples)[3072:-1536]
        at = where(found, whole)
        error = np.abs(found - whole[at : at + len(found)]).max()
        assert error <= 0.05, f"{error} from frame {at}"

    return check


def _broadcasts() -> None:
    for name, least in (("ts_mp2", 30_000), ("ts_aac", 30_000), ("ts_ac3", 30_000),
                        ("ts_latm", 30_000)):  # fmt: skip
        check = ts_frames(name, least)
        add(f"{name}_cut_at_pes", ".ts", ts_slice(name, 0, 0), check)
        add(f"{name}_cut_at_packets", ".ts", ts_slice(name, TS, TS), check,
            notes="no_end_of_stream")  # fmt: skip
        add(f"{name}_cut_anywhere", ".ts", ts_slice(name, 3 * TS + 77, TS + 50, whole=False),
            check, notes="no_end_of_stream")  # fmt: skip
        add(f"{name}_twice", ".ts", joined(name, name), twice(name))
        add(f"{name}_zeros_after", ".ts", changed(name, lambda data: data + bytes(1000)),
            same(name), maybe="trailing_data")  # fmt: skip
        add(f"{name}_junk_before", ".ts", changed(name, lambda data: bytes(91) + data), same(name))
        add(f"{name}_null_packets", ".ts", changed(name, with_null_packets), same(name))
        add(f"{name}_of_192", ".m2ts", changed(name, with_times), same(name))


def with_null_packets(data: bytes) -> bytes:
    """Padding of the multiplex between all packets, and at the end."""
    null = b"\x47\x1f\xff\x10" + b"\xff" * 184
    return b"".join(data[at : at + TS] + null for at in range(0, len(data), TS))


def with_times(data: bytes) -> bytes:
    """Four bytes of time before each packet, as on Blu-ray."""
    return b"".join(bytes(4) + data[at : at + TS] for at in range(0, len(data), TS))


def twice(specimen: str) -> Callable[[Shop, Audio], None]:
    def check(shop: Shop, audio: Audio) -> None:
        plain = shop.plain(specimen)
        np.testing.assert_array_equal(audio.samples[: len(plain)], plain)
        assert audio.num_frames == 2 * len(plain)

    return check


_cuts()
_remuxes()
_broadcasts()
