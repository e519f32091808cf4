"""The test media: each file is encoded from a closed-form signal when a test first asks for it."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from glob import glob
from pathlib import Path

import numpy as np

from ffmpeg_command import encode, ffmpeg
from signals import Samples, full_range, music, quantise
from wav_bytes import wav_bytes

FRAMES = 5003  # of lossless media: prime, so that no block size divides it
LOSSY_FRAMES = 22_491  # 0.51 s at 44.1 kHz: whole milliseconds, which MP4 edit lists count in
RATE = 44100


@dataclass(frozen=True)
class Recipe:
    """How a file is made: from a signal of this sample format and width, by ffmpeg options."""

    suffix: str
    dtype: str
    channels: int
    arguments: tuple[str, ...]
    container: str
    codec: str
    rate: int = RATE
    bits: int = 0  # valid bits, where they are fewer than the sample format's

    def signal(self, frames: int = FRAMES) -> Samples:
        """What a lossless decoder must give back, exactly."""
        samples = full_range(frames, self.channels, self.dtype)
        unused = np.dtype(self.dtype).itemsize * 8 - self.bits if self.bits else 0
        return samples if unused == 0 else (samples >> unused) << unused


def _pcm(suffix: str, dtype: str, codec: str, channels: int = 2, bits: int = 0) -> Recipe:
    container = {".wav": "wav", ".mka": "matroska"}[suffix]
    return Recipe(suffix, dtype, channels, ("-c:a", codec), container, codec, bits=bits)


def _flac(suffix: str, bits: int, container: str, channels: int = 2) -> Recipe:
    if bits == 16:
        return Recipe(suffix, "int16", channels, ("-c:a", "flac"), container, "flac")
    arguments = ("-c:a", "flac", "-sample_fmt", "s32", "-bits_per_raw_sample", "24")
    return Recipe(suffix, "int32", channels, arguments, container, "flac", bits=24)


def _lossy(suffix: str, container: str, encoder: str, codec: str, channels: int = 2) -> Recipe:
    rate = 48000 if codec == "opus" else RATE
    return Recipe(suffix, "float32", channels, ("-c:a", encoder), container, codec, rate)


LOSSLESS = {
    "wav_u8": _pcm(".wav", "uint8", "pcm_u8"),
    "wav_s16": _pcm(".wav", "int16", "pcm_s16le"),
    "wav_s16_mono": _pcm(".wav", "int16", "pcm_s16le", channels=1),
    "wav_s16_6": _pcm(".wav", "int16", "pcm_s16le", channels=6),
    "wav_s24": _pcm(".wav", "int32", "pcm_s24le", bits=24),
    "wav_s32": _pcm(".wav", "int32", "pcm_s32le"),
    "wav_f32": _pcm(".wav", "float32", "pcm_f32le"),
    "wav_f64": _pcm(".wav", "float64", "pcm_f64le"),
    "flac_16": _flac(".flac", 16, "flac"),
    "flac_24": _flac(".flac", 24, "flac"),
    "flac_16_mono": _flac(".flac", 16, "flac", channels=1),
    "flac_16_6": _flac(".flac", 16, "flac", channels=6),
    "ogg_flac": _flac(".ogg", 16, "ogg"),
    "mka_flac": _flac(".mka", 24, "matroska"),
    "mka_s16": _pcm(".mka", "int16", "pcm_s16le"),
}

LOSSY = {
    "mp3": _lossy(".mp3", "mp3", "libmp3lame", "mp3"),
    "mp3_mono": _lossy(".mp3", "mp3", "libmp3lame", "mp3", channels=1),
    "vorbis": _lossy(".ogg", "ogg", "libvorbis", "vorbis"),
    "vorbis_6": _lossy(".ogg", "ogg", "libvorbis", "vorbis", channels=6),
    "opus": _lossy(".opus", "ogg", "libopus", "opus"),
    "opus_mono": _lossy(".opus", "ogg", "libopus", "opus", channels=1),
    "mka_opus": _lossy(".mka", "matroska", "libopus", "opus"),
    "mka_vorbis": _lossy(".mka", "matroska", "libvorbis", "vorbis"),
    "mka_mp3": _lossy(".mka", "matroska", "libmp3lame", "mp3"),
    "webm_opus": _lossy(".webm", "matroska", "libopus", "opus"),
    "webm_vorbis": _lossy(".webm", "matroska", "libvorbis", "vorbis"),
    "adts": _lossy(".aac", "aac", "aac", "aac"),
    "m4a": _lossy(".m4a", "mov", "aac", "aac"),
    "m4a_mono": _lossy(".m4a", "mov", "aac", "aac", channels=1),
    "m4a_6": _lossy(".m4a", "mov", "aac", "aac", channels=6),
    "mp4_mp3": _lossy(".mp4", "mov", "libmp3lame", "mp3"),
}

# G.711 and G.722 lose samples, but what is left is defined bit by bit.
TELEPHONE = {
    "wav_alaw": Recipe(".wav", "int16", 1, ("-c:a", "pcm_alaw"), "wav", "pcm_alaw", rate=8000),
    "wav_mulaw": Recipe(".wav", "int16", 1, ("-c:a", "pcm_mulaw"), "wav", "pcm_mulaw", rate=8000),
    "g722": Recipe(".g722", "int16", 1, ("-c:a", "g722"), "g722", "adpcm_g722", rate=16000),
}

RECIPES = {**LOSSLESS, **LOSSY, **TELEPHONE}

_PICTURE = ("-f", "lavfi", "-i", "testsrc=duration=0.5:size=64x48:rate=10")


class Media:
    """Paths of the media by name; each is made once in a session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._paths: dict[str, Path] = {}

    def __getitem__(self, name: str) -> Path:
        if name not in self._paths:
            make = SPECIAL.get(name)
            self._paths[name] = make(self.folder) if make else _recorded(self.folder, name)
        return self._paths[name]


def _recorded(folder: Path, name: str) -> Path:
    recipe = RECIPES[name]
    if name in LOSSY:
        signal: Samples = music(LOSSY_FRAMES, recipe.channels, recipe.rate).astype(np.float32)
    else:
        signal = recipe.signal()
    return encode(folder / (name + recipe.suffix), signal, recipe.rate, *recipe.arguments)


def track(number: int) -> Samples:
    """The audio track of this number in the films below: quarter-scale noise, a seed for each."""
    return full_range(22050, 1 + number % 2, "int16", seed=number) >> 2


def _film(folder: Path, name: str, codecs: list[str], *video: str) -> Path:
    """A video: stream 0 is the picture, and streams 1, 2, ... are tracks in these codecs."""
    inputs: list[str | Path] = list(_PICTURE)
    maps = ["-map", "0:v"]
    for number, codec in enumerate(codecs, 1):
        wav = folder / f"{name}.{number}.wav"
        wav.write_bytes(wav_bytes(track(number), RATE))
        inputs += ["-i", wav]
        maps += ["-map", f"{number}:a", f"-c:a:{number - 1}", codec]
        maps += [f"-metadata:s:a:{number - 1}", f"language={('eng', 'fra', 'deu')[number - 1]}"]
    path = folder / name
    ffmpeg(*inputs, *maps, *video, "-fflags", "+bitexact", path)
    return path


def _plain(folder: Path) -> Path:
    """An MP3 without tags or pictures."""
    signal = music(LOSSY_FRAMES).astype(np.float32)
    return encode(folder / "plain.mp3", signal, RATE, "-c:a", "libmp3lame")


def _tagged(folder: Path) -> Path:
    """The same MP3 with tags in several scripts and a cover picture."""
    cover, path = folder / "cover.png", folder / "tagged.mp3"
    plain = _plain(folder)
    ffmpeg(*_PICTURE, "-frames:v", "1", cover)
    tags = ("-metadata", "title=Ein Löffel 日本", "-metadata", "artist=Åsa")
    ffmpeg("-i", plain, "-i", cover, "-map", "0", "-map", "1", "-c", "copy", *tags, path)
    return path


def _chapters(folder: Path) -> Path:
    """An M4A with two chapters, the first of 0.25 s."""
    listing = ";FFMETADATA1\ntitle=Book\n"
    for number, (start, end) in enumerate(((0, 250), (250, 500)), 1):
        listing += f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\ntitle=Part {number}\n"
    text, wav, path = folder / "chapters.txt", folder / "book.wav", folder / "book.m4a"
    text.write_text(listing)
    wav.write_bytes(wav_bytes(quantise(music(22050), "int16"), RATE))
    ffmpeg("-i", wav, "-i", text, "-map", "0", "-map_metadata", "1", "-c:a", "aac", path)
    return path


def _silent_film(folder: Path) -> Path:
    path = folder / "silent.mp4"
    ffmpeg(*_PICTURE, "-c:v", "mpeg4", path)
    return path


def _nellymoser(folder: Path) -> Path:
    """A codec that the package does not allow in a container that it does."""
    signal = quantise(music(RATE, 1), "int16")
    return encode(folder / "nellymoser.flv", signal, RATE, "-c:a", "nellymoser")


def _raw(folder: Path) -> Path:
    path = folder / "raw.s16le"
    path.write_bytes(RECIPES["wav_s16"].signal().tobytes())
    return path


def _external(folder: Path) -> Path:
    """An MP4 whose samples are said to lie in another file, ``canary.wav`` beside it."""
    path = folder / "external.mp4"
    signal = quantise(music(2000), "int16")
    encode(folder / "whole.mp4", signal, RATE, "-c:a", "libmp3lame")
    path.write_bytes(external_reference((folder / "whole.mp4").read_bytes(), "canary.wav"))
    return path


def external_reference(mp4: bytes, target: str) -> bytes:
    """The same one-track MP4 with its data reference replaced by a Macintosh alias to a file."""
    name = target.encode()
    absolute = struct.pack(">HH", 2, len(name)) + name + bytes(len(name) % 2)
    alias = bytes(10) + bytes(28) + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0")
    alias += bytes(16) + struct.pack(">HH", 1, 1) + bytes(16) + absolute + b"\xff\xff\0\0"
    entry = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
    at = mp4.index(b"dref") + 12  # past the name, version, flags and number of entries
    growth = len(entry) - struct.unpack_from(">I", mp4, at)[0]
    forged = bytearray(mp4[:at] + entry + mp4[at + len(entry) - growth :])
    for parent in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        where = forged.index(parent) - 4
        struct.pack_into(">I", forged, where, struct.unpack_from(">I", forged, where)[0] + growth)
    return bytes(forged)


SPECIAL: dict[str, Callable[[Path], Path]] = {
    "mp4_film": lambda folder: _film(
        folder, "film.mp4", ["aac", "libmp3lame"], "-c:v", "libx264", "-pix_fmt", "yuv420p"
    ),
    "mkv_film": lambda folder: _film(
        folder, "film.mkv", ["flac", "pcm_s16le", "libvorbis"], "-c:v", "mpeg4"
    ),
    "silent_film": _silent_film,
    "plain": _plain,
    "tagged": _tagged,
    "chapters": _chapters,
    "nellymoser": _nellymoser,
    "raw": _raw,
    "external": _external,
}


def recordings(pattern: str) -> list[Path]:
    """Real recordings that set-up has installed, longest first."""
    found = sorted(map(Path, glob(pattern)), key=lambda path: (-path.stat().st_size, path))
    assert found, f"there is no {pattern}: run `make test`, which installs the packages they are in"
    return found
