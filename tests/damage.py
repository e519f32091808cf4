"""What each format can tell of damage, and the ways of damaging a file: the oracle of the suite."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Often = Literal["always", "noted", "sometimes", "never"]
Cut = Literal["truncated", "last_frame", "no_end_of_stream", "header", "nothing"]
Missing = Literal["always", "noted", "sometimes", "never", "header"]
Twice = Literal["both", "first", "damaged", "any"]
Kept = Literal["yes", "mostly", "to 1 ms", "yes, unless bytes are missing", "no"]

WHERE = 37  # per cent of the file: in the audio, and far from the last fifth, which is compared


@dataclass(frozen=True)
class Fate:
    """What is known of a damaged file: what its format's bytes can tell, less what FFmpeg drops.

    ``complete`` is that of an undamaged file: True where a count is stated and must be kept.
    ``kept`` is whether samples after the damage keep their place, by time or by frame number:
    where frames are of one size, a clock of milliseconds says exactly how many are lost.
    ``noted`` is an error or, with ``complete`` None, the note length_mismatch. ``unplayed`` is the
    one frame that FFmpeg plays though its checksum is wrong, and this library does not.
    """

    specimens: tuple[str, ...]
    cut: Cut
    overwritten: Often
    missing: Missing
    by: str  # what shows overwritten or missing bytes
    kept: Kept
    twice: Twice
    complete: bool | None
    unplayed: int = 0


def _fate(
    specimens: str,
    cut: Cut,
    overwritten: Often,
    missing: Missing,
    by: str,
    *,
    kept: Kept = "no",
    twice: Twice = "first",
    complete: bool | None = True,
    unplayed: int = 0,
) -> Fate:
    names = tuple(specimens.split())
    return Fate(names, cut, overwritten, missing, by, kept, twice, complete, unplayed)


_SIZE = "the stated size"
_PLACE: Kept = "yes, unless bytes are missing"  # the place in the file is the place in time
_FRAMES = "frames that do not follow each other"
_TABLE = "the sample table stands at the end"
_PACKETS = "the packet table stands at the end"

# PCM, G.711, G.726 and DSD are bytes of which each is valid: only how many there are is known.
TABLE: dict[str, Fate] = {
    "WAV, RF64: PCM, G.711, G.726": _fate(
        "wav_s16 wav_f32 wav_mulaw wav_g726 rf64", "truncated", "never", "always", _SIZE,
        kept=_PLACE),
    "Wave64": _fate("w64", "truncated", "never", "always", _SIZE, kept=_PLACE),
    "AIFF, AIFF-C: PCM": _fate("aiff", "truncated", "never", "always", _SIZE, kept=_PLACE),
    "AU": _fate("au au_mulaw", "truncated", "never", "always", _SIZE, kept=_PLACE),
    "CAF: PCM": _fate("caf", "truncated", "never", "always", _SIZE, kept=_PLACE),
    "DSF, DSDIFF": _fate("dsf dff", "truncated", "never", "always", _SIZE, kept=_PLACE),
    "AVI": _fate("avi avi_mp3 avi_ac3", "truncated", "sometimes", "always",
                 _SIZE, twice="both", complete=None),
    "WAV: GSM": _fate("wav_gsm", "truncated", "sometimes", "always", _SIZE, kept=_PLACE),
    # Of a block that is refused nothing says how long it was.
    "WAV: ADPCM": _fate(
        "wav_adpcm_ima wav_adpcm_ms", "truncated", "sometimes", "always", _SIZE),
    "AIFF-C, CAF: IMA ADPCM": _fate(
        "aifc_ima4 caf_ima4", "truncated", "sometimes", "always", _SIZE),
    "WAV: MP3": _fate("wav_mp3", "truncated", "sometimes", "always", _SIZE),
    "G.722, G.726 without a container": _fate(
        "g722 g726", "nothing", "never", "never", "nothing", kept=_PLACE,
        twice="both", complete=None),
    "GSM without a container": _fate(
        "gsm", "truncated", "sometimes", "sometimes", "the mark of each frame",
        kept=_PLACE, twice="both", complete=None),
    # FFmpeg's parsers of SBC, TrueHD, MLP and of MP3 in FLV drop a last frame that is cut.
    "SBC": _fate("sbc", "nothing", "sometimes", "always", f"checksums of heads; {_FRAMES}",
                 twice="both", complete=None),
    "AMR": _fate("amr_nb amr_wb", "last_frame", "sometimes", "sometimes",
                 "frames of no known kind", twice="damaged", complete=None),
    "MP4, MOV": _fate(
        "mov m4a m4a_alac_16 m4a_fdk_he_iso", "header", "sometimes", "header", _TABLE,
        kept="yes"),
    # What an overwritten frame is taken for, and so its length, depends on FFmpeg's version.
    "3GP: AMR": _fate("3gp_amr_nb 3gp_amr_wb", "header", "sometimes", "header", _TABLE),
    # Nothing guards the bytes of Opus, and a packet with others may state another length.
    "MP4: Opus": _fate("mp4_opus", "header", "sometimes", "header", _TABLE),
    "MP4: FLAC, AC-3": _fate("mp4_flac mp4_ac3", "header", "always", "header",
                             "checksums of frames", kept="yes"),
    "MP4 with its table first": _fate(
        "m4a_faststart", "truncated", "sometimes", "always", "sizes of boxes",
        kept=_PLACE),
    "MP4 in fragments": _fate(
        "m4a_fragments", "truncated", "sometimes", "always",
        "sizes of boxes",
        kept=_PLACE, twice="any"),
    "CAF: ALAC": _fate("caf_alac", "header", "sometimes", "header", _PACKETS, kept="yes"),
    "CAF: Opus": _fate("caf_opus", "header", "sometimes", "header", _PACKETS),
    "Matroska, WebM": _fate(
        "mka_mp3 mka_aac mka_alac mka_opus", "truncated", "sometimes", "always",
        "the stated size; times", kept="yes", twice="both"),
    "Matroska, WebM: PCM, Vorbis": _fate(
        "mka_s24 webm_vorbis", "truncated", "sometimes", "always",
        "the stated size; times", kept="to 1 ms", twice="both"),
    "Matroska: FLAC, WavPack, AC-3": _fate(
        "mka_flac mka_wavpack mka_ac3", "truncated", "always", "always",
        "checksums of frames; times", kept="yes", twice="both"),
    "Ogg": _fate(
        "ogg ogg_vorbis_ffmpeg opus ogg_speex spx ogg_flac oga_flac_program",
        "truncated", "noted", "noted", "checksums and numbers of pages; times", kept="mostly",
        twice="both"),
    "FLAC": _fate("flac_16", "last_frame", "always", "always",
                  "checksums and numbers of frames", kept="yes", twice="both"),
    # FFmpeg's parser gathers some frames before it tells one from the next, and loses one of them.
    "FLAC of less than ten frames": _fate(
        "flac_program_24", "last_frame", "always", "always", "checksums and numbers of frames",
        kept="yes", twice="both", unplayed=4096),
    "WavPack": _fate("wv_16 wv_f32", "truncated", "always", "always",
                     "checksums and numbers of frames", kept=_PLACE, twice="both"),
    "True Audio": _fate("tta_16", "truncated", "always", "always",
                        "checksums and sizes of frames", kept=_PLACE, unplayed=46_080),
    "Monkey's Audio": _fate("ape", "last_frame", "always", "always",
                            "checksums of frames"),
    "TAK": _fate("tak", "last_frame", "always", "always",
                 "checksums and numbers of frames", unplayed=5512),
    "TrueHD, MLP": _fate("thd mlp", "nothing", "sometimes", "always",
                         "checks of frames, most of them", twice="both", complete=None),
    "MPEG audio layers 1 and 2": _fate(
        "mp1 mp2", "truncated", "sometimes", "always", _FRAMES, twice="both", complete=None),
    # Each file's own header states a count, which the second adds to.
    "MP3 with a Xing or LAME header": _fate(
        "mp3_cbr mp3_vbr", "truncated", "sometimes", "always",
        f"{_FRAMES}; the count", twice="both"),
    "MP3 with checksums": _fate(
        "mp3_crc", "truncated", "sometimes", "always", f"{_FRAMES}; the count", twice="both"),
    "MP3 without a header": _fate(
        "mp3_vbr_untagged", "truncated", "sometimes", "always", _FRAMES,
        twice="both", complete=None),
    "AAC in ADTS, LATM": _fate(
        "aac latm aac_fdk_he latm_fdk_he2", "truncated", "sometimes", "always", _FRAMES,
        twice="both", complete=None),
    "AC-3, E-AC-3": _fate("ac3 eac3", "truncated", "always", "always", "checksums of frames",
                          twice="both", complete=None),
    "DTS": _fate("dts", "truncated", "sometimes", "always", _FRAMES, twice="both", complete=None),
    "ASF, WMA": _fate("wma_2 asf_mp3", "truncated", "sometimes", "always",
                      "the stated size; times", kept="yes"),
    "FLV: MP3": _fate("flv_mp3", "nothing", "sometimes", "always", "sizes of tags; times",
                      kept="yes", twice="any", complete=None),
    "FLV: AAC": _fate("flv_aac", "truncated", "sometimes", "always", "sizes of tags; times",
                      kept="yes", twice="any", complete=None),
    # A recording of a broadcast ends anywhere: that it does is no damage.
    "MPEG transport stream": _fate(
        "ts_mp2 ts_aac ts_latm ts_opus", "no_end_of_stream", "sometimes", "always",
        "numbers of packets; times", kept="yes", twice="both", complete=None),
    "MPEG transport stream: AC-3": _fate(
        "ts_ac3", "no_end_of_stream", "always", "always",
        "checksums of frames; numbers of packets; times", kept="yes", twice="both",
        complete=None),
    "MPEG program stream": _fate(
        "mpg_mp2", "no_end_of_stream", "sometimes", "always", "times", kept="yes",
        twice="both", complete=None),
    "MPEG program stream: AC-3": _fate(
        "vob_ac3", "no_end_of_stream", "always", "always", "checksums of frames; times",
        kept="yes", twice="both", complete=None),
}  # fmt: skip

FATES = {name: fate for fate in TABLE.values() for name in fate.specimens}


@dataclass(frozen=True)
class Damage:
    """The damaged bytes, and the part of the original, from 0 to 1, that is not as it was."""

    data: bytes
    begin: float
    end: float


def whole(data: bytes) -> Damage:
    return Damage(data, 1, 1)


def cut(data: bytes, percent: int) -> Damage:
    """The first per cent; a few bytes more, as half of a file may end where a frame does."""
    kept = min(len(data) * percent // 100 + 11, len(data) - 1)
    return Damage(data[:kept], kept / len(data), 1)


def overwrite(data: bytes, count: int) -> Damage:
    """Other bytes for these, each of them different; of small files no more than a quarter."""
    count = min(count, len(data) // 4)
    begin = len(data) * WHERE // 100 - count // 2
    end = begin + count
    numbers = random.Random(count)
    other = bytes(byte ^ numbers.randrange(1, 256) for byte in data[begin:end])
    return Damage(data[:begin] + other + data[end:], begin / len(data), end / len(data))


def splice(data: bytes) -> Damage:
    """A twentieth taken out, an odd number of bytes."""
    begin = len(data) * WHERE // 100
    end = begin + (len(data) // 20 | 1)
    return Damage(data[:begin] + data[end:], begin / len(data), end / len(data))


def twice(data: bytes) -> Damage:
    return Damage(data + data, 1, 1)


CUTS: dict[str, Callable[[bytes], Damage]] = {
    "cut_10": lambda data: cut(data, 10),
    "cut_50": lambda data: cut(data, 50),
    "cut_99": lambda data: cut(data, 99),
}
OVERWRITES: dict[str, Callable[[bytes], Damage]] = {
    "over_1": lambda data: overwrite(data, 1),
    "over_10": lambda data: overwrite(data, 10),
    "over_256": lambda data: overwrite(data, 256),
    "over_3000": lambda data: overwrite(data, 3000),
}
WAYS = CUTS | OVERWRITES | {"splice": splice, "twice": twice}

_CUT_WORDS = {
    "truncated": "error: truncated",
    "last_frame": "error: truncated or corrupt_data",
    "no_end_of_stream": "no error",
    "header": "cannot be opened",
    "nothing": "cannot be told",
}
_FOUND_WORDS = {
    "noted": "always found, as an error or as length_mismatch",
    "header": "cannot be opened",
}


def _found(how: str) -> str:
    return _FOUND_WORDS.get(how, f"{how} found")


def row(name: str) -> tuple[str, str, str, str, str, str]:
    """A format's row in docs/damage.md."""
    fate = TABLE[name]
    lost = _found(fate.missing)
    if fate.by != "nothing":
        lost += f": {fate.by}"
    return (name, _CUT_WORDS[fate.cut], _found(fate.overwritten), lost,
            fate.kept, str(fate.complete))  # fmt: skip


def audio_bytes(path: Path) -> bytes:
    """A specimen without the tag that may follow its audio, which is no loss when it is cut."""
    data = path.read_bytes()
    tag = data.find(b"APETAGEX")
    return data[:tag] if tag > 0 else data
