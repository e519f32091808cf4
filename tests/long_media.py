"""Files long enough to be gone about in: twenty seconds of real music in every class of codec."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ffmpeg_command import ffmpeg
from zoo import run

_LAME = "libmp3lame"
_QUIET_AAC = ("-c:a", "aac", "-aac_pns", "0")


SECONDS = 20


@dataclass(frozen=True)
class Long:
    """How a file is made, and how near a part that is decoded alone comes to the whole."""

    suffix: str
    arguments: tuple[str, ...]
    klass: str = "exact"  # or "converging", "from the start"
    jumps: bool = True  # whether a part far in costs much less than what comes before it
    rate: int = 44100
    channels: int = 2
    program: str = "ffmpeg"


def _as(suffix: str, *arguments: str, **about: object) -> Long:
    return Long(suffix, arguments, **about)  # type: ignore[arg-type]


START = {"klass": "from the start", "jumps": False}
LONG = {
    "wav": _as(".wav", "-c:a", "pcm_s16le"),
    "wav_8k": _as(".wav", "-c:a", "pcm_s16le", rate=8000, channels=1),
    "wav_s24": _as(".wav", "-c:a", "pcm_s24le"),
    "wav_f32": _as(".wav", "-c:a", "pcm_f32le"),
    "rf64": _as(".wav", "-c:a", "pcm_s16le", "-rf64", "always"),
    "aiff": _as(".aiff", "-c:a", "pcm_s16be"),
    "au": _as(".au", "-c:a", "pcm_s16be"),
    "caf": _as(".caf", "-c:a", "pcm_s16le"),
    "w64": _as(".w64", "-c:a", "pcm_s16le"),
    "mov_pcm": _as(".mov", "-c:a", "pcm_s16le"),
    "mka_pcm": _as(".mka", "-c:a", "pcm_s16le"),
    "wav_alaw": _as(".wav", "-c:a", "pcm_alaw"),
    "flac": _as(".flac", "-c:a", "flac"),
    "flac_8k": _as(".flac", "-c:a", "flac", rate=8000, channels=1),
    "flac_24": _as(".flac", "-c:a", "flac", "-sample_fmt", "s32"),
    "flac_mono": _as(".flac", "-c:a", "flac", channels=1),
    "flac_program": _as(".flac", "flac --silent --force -o OUT IN", program="flac"),
    "ogg_flac": _as(".ogg", "-c:a", "flac"),
    "mka_flac": _as(".mka", "-c:a", "flac"),
    "mp4_flac": _as(".mp4", "-c:a", "flac", "-strict", "-2"),
    "m4a_alac": _as(".m4a", "-c:a", "alac"),
    "m4a_alac_8k": _as(".m4a", "-c:a", "alac", rate=8000, channels=1),
    "caf_alac": _as(".caf", "-c:a", "alac", jumps=False),  # as of FFmpeg 9 it does
    "mka_alac": _as(".mka", "-c:a", "alac", jumps=False),
    "wv": _as(".wv", "-c:a", "wavpack"),
    "wv_program": _as(".wv", "wavpack -q -y IN -o OUT", program="wavpack"),
    "tta": _as(".tta", "-c:a", "tta"),
    "mp2": _as(".mp2", "-c:a", "mp2", **START),
    "mp3": _as(".mp3", "-c:a", _LAME, "-q:a", "4"),
    "mp3_cbr": _as(".mp3", "-c:a", _LAME, "-b:a", "128k"),
    "mp3_cbr_320": _as(".mp3", "-c:a", _LAME, "-b:a", "320k"),
    "mp3_32k": _as(".mp3", "-c:a", _LAME, "-b:a", "32k"),
    "mp3_no_xing": _as(
        ".mp3", "-c:a", _LAME, "-q:a", "5", "-write_xing", "0", "-id3v2_version", "0"
    ),
    "mp3_22k_mono": _as(".mp3", "-c:a", _LAME, "-b:a", "8k", rate=22050, channels=1),
    "mp3_24k": _as(".mp3", "-c:a", _LAME, "-b:a", "16k", rate=24000),
    "mka_mp3": _as(".mka", "-c:a", _LAME),
    "mp4_mp3": _as(".mp4", "-c:a", _LAME),
    "avi_mp3": _as(".avi", "-c:a", _LAME),
    "ogg": _as(".ogg", "-c:a", "libvorbis", "-q:a", "4"),
    "oggenc": _as(".ogg", "oggenc -Q -o OUT IN", program="oggenc"),
    "ogg_mono": _as(".ogg", "-c:a", "libvorbis", "-q:a", "1", rate=22050, channels=1),
    "mka_vorbis": _as(".mka", "-c:a", "libvorbis", jumps=False),
    "opus": _as(".opus", "-c:a", "libopus", "-b:a", "96k", klass="converging", rate=48000),
    "opus_speech": _as(
        ".opus",
        "-c:a",
        "libopus",
        "-b:a",
        "12k",
        "-application",
        "voip",
        klass="converging",
        rate=48000,
        channels=1,
    ),
    "mka_opus": _as(".mka", "-c:a", "libopus", klass="converging", rate=48000),
    "mp4_opus": _as(".mp4", "-c:a", "libopus", klass="converging", rate=48000),
    "adts": _as(".aac", *_QUIET_AAC),
    "adts_mono": _as(".aac", *_QUIET_AAC, "-b:a", "24k", rate=22050, channels=1),
    "m4a": _as(".m4a", *_QUIET_AAC),
    "m4a_faststart": _as(".m4a", *_QUIET_AAC, "-movflags", "faststart"),
    "m4a_fragments": _as(
        ".mp4", *_QUIET_AAC, "-frag_duration", "500000", "-movflags", "empty_moov+delay_moov"
    ),
    "mka_aac": _as(".mka", *_QUIET_AAC),
    "flv_aac": _as(".flv", *_QUIET_AAC),
    "ts_aac": _as(".ts", *_QUIET_AAC),
    "he_aac": _as(".m4a", "fdkaac --silent -p 5 -m 2 -o OUT IN", program="fdkaac", **START),
    "adts_he_aac": _as(
        ".aac", "fdkaac --silent -p 5 -m 2 -f 2 -o OUT IN", program="fdkaac", **START
    ),
    "ac3": _as(".ac3", "-c:a", "ac3", **START),
    "m4a_ac3": _as(".mp4", "-c:a", "ac3", **START),
    "wma": _as(".wma", "-c:a", "wmav2", **START),
    "g722": _as(".g722", "-c:a", "g722", rate=16000, channels=1, **START),
    "adpcm_ima": _as(".wav", "-c:a", "adpcm_ima_wav", **START),
    "adpcm_ms": _as(".wav", "-c:a", "adpcm_ms", **START),
    "amr_nb": _as(".amr", "sox IN -t amr-nb OUT", program="sox", rate=8000, channels=1, **START),
    "spx": _as(".spx", "-c:a", "libspeex", rate=16000, channels=1, **START),
    "dts": _as(".dts", "-c:a", "dca", "-strict", "-2", rate=48000, **START),
}


class LongMedia:
    """Paths of the long files by name; each is made once in a session, of this recording."""

    def __init__(self, folder: Path, recording: Path) -> None:
        self._folder = folder
        self._recording = recording
        self.path = cache(self._make)

    def _make(self, name: str) -> Path:
        long = LONG[name]
        path = self._folder / (name + long.suffix)
        wav = self._wav(name)
        if long.program == "ffmpeg":
            ffmpeg("-i", wav, *long.arguments, path)
        else:
            words = {"IN": str(wav), "OUT": str(path)}
            run([words.get(word, word) for word in long.arguments[0].split()])
        return path

    def _wav(self, name: str) -> Path:
        long = LONG[name]
        path = self._folder / f"{long.rate}_{long.channels}.wav"
        if not path.exists():
            shape = ("-t", str(SECONDS), "-ar", str(long.rate), "-ac", str(long.channels))
            ffmpeg("-stream_loop", "-1", "-i", self._recording, *shape, "-c:a", "pcm_s16le", path)
        return path

    def hour(self, name: str) -> Path:
        """The same music again and again, for an hour."""
        path = self._folder / f"hour_{name}{LONG[name].suffix}"
        if not path.exists():
            again = ("-stream_loop", str(3600 // SECONDS - 1), "-i")
            if path.suffix in (".ogg", ".opus"):
                ffmpeg(*again, self.path(name), "-c", "copy", path)
            else:
                ffmpeg(*again, self._wav(name), *LONG[name].arguments, path)
        return path
