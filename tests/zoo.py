"""One small file of every format that an encoder can be had for, and what is true of each."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from glob import glob
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

import encoders
from ffmpeg_command import decode, encode, ffmpeg
from signals import Samples, as_float, music, quantise, sine
from wav_bytes import wav_bytes

# Three seconds of each rate: primes, so that no block size divides them, and no whole number of ms.
FRAMES = {8000: 24_019, 16000: 48_017, 22050: 66_161, 44100: 132_313, 48000: 144_013}
BRIEF = 33_071  # of wide samples, which would make the files large

PIECES = "-frag_duration 500000 -movflags"

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / ".venv/tools"  # what `scripts/setup.sh test` unpacks there
SAMPLES = ROOT / ".venv/samples"

Maker = Callable[["Specimen", Path], object]


class About(TypedDict, total=False):
    """What may be said of a specimen beside its names; what is not said is most common."""

    suffix: str
    rate: int
    channels: int
    dtype: str
    bits: int
    frames: int
    lossless: bool
    length: int | bool
    headerless: bool
    original: str


@dataclass(frozen=True)
class Specimen:
    """A file of one format; ``container`` and ``codec`` are the names that ffprobe shows.

    The length is taken literally: MP4's edit list of 3000 ms means 132,300 frames at 44.1 kHz, even
    where the sample table goes on to the end of the signal, 13 frames later.
    """

    name: str
    suffix: str
    container: str
    codec: str
    rate: int
    channels: int
    made_by: str
    lossless: bool  # decoding gives ``signal()`` exactly
    length: int | None  # frames by the container, less delay and padding; None: it does not say
    make: Maker
    dtype: str  # of the signal
    bits: int  # valid bits of the signal, where they are fewer than the sample format's
    frames: int  # of the signal
    headerless: bool  # nothing in the file tells the format: it has to be named
    original: str  # of a sample from elsewhere: a file with the same audio, or nothing

    def signal(self) -> Samples:
        """What went into the encoder."""
        if self.original:
            return decode(SAMPLES / self.original, self.dtype, self.channels, "-map", "0:a")
        return _signal(self.frames, self.channels, self.rate, self.dtype, self.bits)


@cache
def _signal(frames: int, channels: int, rate: int, dtype: str, bits: int) -> Samples:
    samples = quantise(music(frames, channels, rate), dtype)
    unused = np.dtype(dtype).itemsize * 8 - bits if bits else 0
    return samples if unused == 0 else (samples >> unused) << unused


class Zoo:
    """Paths of the specimens by name; each is made once in a session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._paths: dict[str, Path] = {}

    def __getitem__(self, name: str) -> Path:
        if name not in self._paths:
            specimen = ZOO[name]
            path = self.folder / (name + specimen.suffix)
            specimen.make(specimen, path)
            self._paths[name] = path
        return self._paths[name]


ZOO: dict[str, Specimen] = {}


def _add(
    name: str, container: str, codec: str, make: Maker, made_by: str, **about: Unpack[About]
) -> None:
    """Enter a specimen; its length is that of the signal (True), unknown (False), or another."""
    rate, dtype = about.get("rate", 44100), about.get("dtype", "int16")
    usual = BRIEF if np.dtype(dtype).itemsize > 2 else FRAMES.get(rate, 0)
    frames = about.get("frames", usual)
    length = about.get("length", True)
    ZOO[name] = Specimen(
        name=name,
        suffix="." + about.get("suffix", name.partition("_")[0]),
        container=container,
        codec=codec,
        rate=rate,
        channels=about.get("channels", 2),
        made_by=made_by,
        lossless=about.get("lossless", False),
        length=(frames if length else None) if isinstance(length, bool) else length,
        make=make,
        dtype=dtype,
        bits=about.get("bits", 0),
        frames=frames,
        headerless=about.get("headerless", False),
        original=about.get("original", ""),
    )


def _ffmpeg(name: str, container: str, codec: str, *arguments: str, **about: Unpack[About]) -> None:
    def make(specimen: Specimen, path: Path) -> None:
        bitexact = ("-flags:a", "+bitexact")
        encode(path, specimen.signal(), specimen.rate, *bitexact, *arguments)

    _add(name, container, codec, make, "ffmpeg", **about)


def _remuxed(
    name: str, container: str, source: str, *arguments: str, **about: Unpack[About]
) -> None:
    """The packets of another specimen in this container."""
    original = ZOO[source]

    def make(specimen: Specimen, path: Path) -> None:
        other = path.with_name(f"{path.name}.{source}{original.suffix}")
        original.make(original, other)
        ffmpeg("-i", other, "-c", "copy", "-fflags", "+bitexact", *arguments, path)

    about["rate"], about["channels"] = original.rate, original.channels
    _add(name, container, original.codec, make, f"{original.made_by}, ffmpeg", **about)


def _program(name: str, container: str, codec: str, command: str, **about: Unpack[About]) -> None:
    """By a command in which IN is a WAV file, OUT the file to make, and PNG a picture."""

    def make(specimen: Specimen, path: Path) -> None:
        wav, png = path.with_name(path.name + ".wav"), path.with_name(path.name + ".png")
        wav.write_bytes(_wav(specimen))
        if "PNG" in command:
            ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "1", png)
        words = {"IN": str(wav), "OUT": str(path), "PNG": str(png)}
        run([words.get(word, word) for word in command.split()])
        wav.unlink()

    _add(name, container, codec, make, command.partition(" ")[0], **about)


def run(command: list[str]) -> None:
    """Run a program of the system, or one that set-up has unpacked."""
    unpacked = TOOLS / "usr/bin" / command[0]
    environment = dict(os.environ)
    if unpacked.exists():
        command = [str(unpacked), *command[1:]]
        environment["LD_LIBRARY_PATH"] = ":".join(glob(f"{TOOLS}/usr/lib/*/"))
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr.decode(errors='replace')}"


def _wav(specimen: Specimen) -> bytes:
    samples = specimen.signal()
    if specimen.bits:
        return encoders.wide_wav(samples, specimen.rate, specimen.bits // 8, specimen.bits)
    return wav_bytes(samples, specimen.rate)


def _encoder(
    name: str,
    container: str,
    codec: str,
    encoder: Callable[[Specimen], bytes],
    **about: Unpack[About],
) -> None:
    """By a function of ours, from the specimen to bytes."""

    def make(specimen: Specimen, path: Path) -> None:
        path.write_bytes(encoder(specimen))

    _add(name, container, codec, make, "test encoder", **about)


def _wav_pcm() -> None:
    for coding, dtype in (
        ("u8", "uint8"),
        ("s16le", "int16"),
        ("s32le", "int32"),
        ("f32le", "float32"),
        ("f64le", "float64"),
    ):
        name, codec = f"wav_{coding.removesuffix('le')}", f"pcm_{coding}"
        _ffmpeg(name, "wav", codec, "-c:a", codec, dtype=dtype, lossless=True)
    # width in bytes and valid bits; without valid bits, the plain header
    for name, codec, width, valid in (
        ("wav_s24", "pcm_s24le", 3, 0),
        ("wav_s24_extensible", "pcm_s24le", 3, 24),
        ("wav_20_in_24", "pcm_s24le", 3, 20),
        ("wav_24_in_32", "pcm_s32le", 4, 24),
    ):

        def write(specimen: Specimen, width: int = width, valid: int = valid) -> bytes:
            return encoders.wide_wav(specimen.signal(), specimen.rate, width, valid)

        _encoder(name, "wav", codec, write, dtype="int32", bits=valid or 24, lossless=True)


def _other_pcm() -> None:
    for name, container, codec, dtype, *arguments in (
        ("rf64", "wav", "pcm_s16le", "int16", "-rf64", "always", "-f", "wav"),
        ("aiff", "aiff", "pcm_s16be", "int16"),
        ("aiff_s24", "aiff", "pcm_s24be", "int32"),
        ("aifc_sowt", "aiff", "pcm_s16le", "int16", "-f", "aiff"),
        ("aifc_fl32", "aiff", "pcm_f32be", "float32", "-f", "aiff"),
        ("au", "au", "pcm_s16be", "int16"),
        ("au_f32", "au", "pcm_f32be", "float32"),
        ("caf", "caf", "pcm_s16le", "int16"),
        ("mov", "mov", "pcm_s16le", "int16"),
        ("avi", "avi", "pcm_s16le", "int16"),
        ("mka_s24", "matroska", "pcm_s24le", "int32"),
    ):
        bits = 24 if "24" in codec else 0
        about: About = {"dtype": dtype, "bits": bits, "lossless": True}
        _ffmpeg(name, container, codec, "-c:a", codec, *arguments, **about)
    _program("w64_sox", "w64", "pcm_s16le", "sox IN OUT", suffix="w64", lossless=True)
    # FFmpeg's muxer counts the padding to 8 bytes as audio, so here there is none.
    _ffmpeg("w64", "w64", "pcm_s16le", frames=132_314, lossless=True)
    _ffmpeg("w64_s24", "w64", "pcm_s24le", "-c:a", "pcm_s24le",
            dtype="int32", bits=24, frames=33_072, lossless=True)  # fmt: skip


def _telephone() -> None:
    for law in ("alaw", "mulaw"):
        codec = f"pcm_{law}"
        _ffmpeg(f"wav_{law}", "wav", codec, "-c:a", codec, rate=8000, channels=1)
    _ffmpeg("aifc_alaw", "aiff", "pcm_alaw", "-c:a", "pcm_alaw", "-f", "aiff")
    _ffmpeg("au_mulaw", "au", "pcm_mulaw", "-c:a", "pcm_mulaw")
    # Of a WAV of whole blocks only SoX says in the fact chunk where the audio ends.
    narrow: About = {"rate": 8000, "channels": 1}
    for name, codec, encoder, encoding, about in (
        ("wav_adpcm_ima", "adpcm_ima_wav", "adpcm_ima_wav", "ima-adpcm", About()),
        ("wav_adpcm_ms", "adpcm_ms", "adpcm_ms", "ms-adpcm", About()),
        ("wav_gsm", "gsm_ms", "libgsm_ms", "gsm-full-rate", narrow),
    ):
        _ffmpeg(name, "wav", codec, "-c:a", encoder, **about | {"length": False})
        _program(f"{name}_sox", "wav", codec, f"sox -D IN -e {encoding} OUT", **about)
    for name, container in (("aifc_ima4", "aiff"), ("caf_ima4", "caf")):
        codec = "adpcm_ima_qt"
        _ffmpeg(name, container, codec, "-c:a", codec, "-f", container, length=False)
    _ffmpeg("wav_g726", "wav", "adpcm_g726", "-c:a", "g726", **narrow)
    _ffmpeg("gsm", "gsm", "gsm", "-c:a", "libgsm", **narrow | {"length": False})
    _program("gsm_sox", "gsm", "gsm", "sox IN OUT", **narrow | {"length": False})
    for name in ("g726", "g726le"):
        about = narrow | {"length": False, "headerless": True}
        _ffmpeg(name, name, f"adpcm_{name}", "-c:a", name, "-f", name, **about)
    _ffmpeg("g722", "g722", "adpcm_g722", rate=16000, channels=1, length=False, headerless=True)
    about = narrow | {"length": False}
    _program("amr_nb", "amr", "amr_nb", "sox IN -t amr-nb OUT", **about)
    about["rate"] = 16000
    _encoder("amr_wb", "amr", "amr_wb", lambda it: encoders.amr_wb(it.signal()), **about)
    _remuxed("3gp_amr_nb", "mov", "amr_nb", length=False)
    _remuxed("3gp_amr_wb", "mov", "amr_wb", length=False)
    _ffmpeg("ogg_speex", "ogg", "speex", "-c:a", "libspeex", rate=16000, channels=1, length=False)
    speexenc = "speexenc --quiet --wideband IN OUT"
    _program("spx", "ogg", "speex", speexenc, rate=16000, channels=1)


def _lossless() -> None:
    wide: About = {"dtype": "int32", "bits": 24, "lossless": True}
    exact: About = {"lossless": True}
    s24 = ("-sample_fmt", "s32", "-bits_per_raw_sample", "24")
    _ffmpeg("flac_16", "flac", "flac", **exact)
    _ffmpeg("flac_24", "flac", "flac", *s24, **wide)
    flac = "flac --silent --force -o OUT IN"
    _program("flac_program_16", "flac", "flac", flac, **exact)
    _program("flac_program_24", "flac", "flac", flac, **wide)
    flac = "flac --silent --force --ogg --serial-number 1 -o OUT IN"
    _program("oga_flac_program", "ogg", "flac", flac, **exact)
    _ffmpeg("ogg_flac", "ogg", "flac", "-c:a", "flac", **exact)
    _ffmpeg("mka_flac", "matroska", "flac", "-c:a", "flac", **exact)
    _ffmpeg("mp4_flac", "mov", "flac", "-c:a", "flac", "-strict", "-2", **exact)
    s24 = ("-sample_fmt", "s32p", "-bits_per_raw_sample", "24")
    _ffmpeg("m4a_alac_16", "mov", "alac", "-c:a", "alac", **exact)
    _ffmpeg("m4a_alac_24", "mov", "alac", "-c:a", "alac", *s24, **wide)
    _ffmpeg("caf_alac", "caf", "alac", "-c:a", "alac", **exact)
    _ffmpeg("mka_alac", "matroska", "alac", "-c:a", "alac", **exact)
    _ffmpeg("wv_ffmpeg_16", "wv", "wavpack", **exact)
    _ffmpeg("wv_ffmpeg_24", "wv", "wavpack", *s24, **wide)
    _ffmpeg("wv_ffmpeg_f32", "wv", "wavpack", dtype="float32", lossless=True)
    wavpack = "wavpack -q -y IN -o OUT"
    _program("wv_16", "wv", "wavpack", wavpack, **exact)
    _program("wv_24", "wv", "wavpack", wavpack, **wide)
    _program("wv_f32", "wv", "wavpack", wavpack, dtype="float32", lossless=True)
    _ffmpeg("mka_wavpack", "matroska", "wavpack", "-c:a", "wavpack", **exact)
    _ffmpeg("tta_16", "tta", "tta", **exact)
    _ffmpeg("tta_24", "tta", "tta", "-sample_fmt", "s32", **wide)
    # FFmpeg takes the last block's size from the duration, in milliseconds: whole ones, then.
    _ffmpeg("mka_tta", "matroska", "tta", "-c:a", "tta", frames=132_300, lossless=True)
    # TrueHD says how short the last access unit is; MLP cannot, so here it is whole.
    strict = ("-strict", "-2")
    _ffmpeg("thd", "truehd", "truehd", *strict, "-f", "truehd", rate=48000, lossless=True)
    _ffmpeg("mlp", "mlp", "mlp", *strict, rate=48000, frames=144_040, length=False, lossless=True)


def _mpeg() -> None:
    _encoder("mp1", "mp3", "mp1", lambda it: encoders.mp1(as_float(it.signal())),
             rate=48000, length=False)  # fmt: skip
    _ffmpeg("mp2", "mp3", "mp2", length=False)
    _program("mp2_twolame", "mp3", "mp2", "twolame --quiet IN OUT", length=False)
    _ffmpeg("mp3_ffmpeg", "mp3", "mp3")
    for name, options, known in (
        ("mp3_cbr", "-b 128", True),
        ("mp3_vbr", "-V2", True),
        ("mp3_vbr_untagged", "-V2 -t", False),
        ("mp3_id3", "--add-id3v2 --tt Title --ti PNG", True),
        ("mp3_free", "--freeformat -b 400", True),
        ("mp3_crc", "-p", True),
    ):
        _program(name, "mp3", "mp3", f"lame --quiet {options} IN OUT", length=known)
    mono: About = {"rate": 22050, "channels": 1}
    _program("mp3_mpeg2", "mp3", "mp3", "lame --quiet -b 64 IN OUT", **mono)
    # At 32 kbit/s a frame has no room for LAME's tag.
    _program(
        "mp3_mpeg2_slow", "mp3", "mp3", "lame --quiet -b 32 IN OUT", **mono | {"length": False}
    )
    for suffix, container in (
        ("wav", "wav"), ("mka", "matroska"), ("flv", "flv"), ("avi", "avi"), ("asf", "asf"),
    ):  # fmt: skip
        _ffmpeg(f"{suffix}_mp3", container, "mp3", "-c:a", "libmp3lame", length=False)
    _ffmpeg("mp4_mp3", "mov", "mp3", "-c:a", "libmp3lame")
    _ffmpeg("ts_mp2", "mpegts", "mp2", "-c:a", "mp2", length=False)
    _ffmpeg("mpg_mp2", "mpeg", "mp2", "-c:a", "mp2", length=False)


def _aac() -> None:
    _ffmpeg("aac", "aac", "aac", length=False)
    _ffmpeg("latm", "loas", "aac_latm", "-f", "latm", length=False)
    for name, options, length in (
        ("m4a", "", True),
        ("m4a_faststart", "-movflags faststart", True),
        ("m4a_fine", "-movie_timescale 44100", True),
        # An empty moov is written before the delay is known, and has no edit list.
        ("m4a_fragments", f"{PIECES} frag_keyframe+empty_moov", False),
        ("m4a_fragments_moof", f"{PIECES} frag_keyframe+empty_moov+default_base_moof", False),
        ("m4a_fragments_delay", f"{PIECES} frag_keyframe+delay_moov", True),
        ("mov_aac", "", True),
        ("3gp_aac", "", True),
    ):
        _ffmpeg(name, "mov", "aac", "-c:a", "aac", *options.split(), length=length)
    for name, container in (
        ("mka_aac", "matroska"),
        ("ts_aac", "mpegts"),
        ("flv_aac", "flv"),
    ):
        _ffmpeg(name, container, "aac", "-c:a", "aac", length=False)
    _ffmpeg("ts_latm", "mpegts", "aac_latm", "-c:a", "aac", "-mpegts_flags", "latm", suffix="ts",
            length=False)  # fmt: skip
    for name, profile, rate in (("lc", 2, 96), ("he", 5, 48), ("he2", 29, 32)):
        fdkaac = f"fdkaac -S -p {profile} -b {rate}000 -o OUT IN"
        for gapless, mode in (("itunes", 0), ("iso", 1), ("both", 2)):
            command = fdkaac.replace("-S", f"-S -G {mode}")
            # HE-AAC counts at half the rate, which an odd length does not fit.
            count = FRAMES[44100] + (name != "lc")
            _program(f"m4a_fdk_{name}_{gapless}", "mov", "aac", command, length=count)
        _program(f"aac_fdk_{name}", "aac", "aac", fdkaac.replace("-S", "-S -f 2"), length=False)
        _program(f"latm_fdk_{name}", "loas", "aac_latm", fdkaac.replace("-S", "-S -f 10"),
                 length=False)  # fmt: skip


def _film_sound() -> None:
    _ffmpeg("ac3", "ac3", "ac3", rate=48000, length=False)
    _ffmpeg("eac3", "eac3", "eac3", rate=48000, length=False)
    _ffmpeg("ac3_6", "ac3", "ac3", "-b:a", "384k", rate=48000, channels=6, length=False)
    _ffmpeg("dts", "dts", "dts", "-strict", "-2", rate=48000, length=False)
    for suffix, container in (
        ("mka", "matroska"), ("ts", "mpegts"), ("vob", "mpeg"), ("avi", "avi"),
    ):  # fmt: skip
        _ffmpeg(f"{suffix}_ac3", container, "ac3", "-c:a", "ac3", rate=48000, length=False)
    # The edit list takes the delay off, and of the padding what is beyond a whole millisecond.
    _ffmpeg("mp4_ac3", "mov", "ac3", "-c:a", "ac3", rate=48000, length=False)


def _vorbis_and_opus() -> None:
    _ffmpeg("ogg_vorbis_ffmpeg", "ogg", "vorbis", "-c:a", "libvorbis")
    _program("ogg", "ogg", "vorbis", "oggenc -Q -s 1 -o OUT IN")
    _ffmpeg("mka_vorbis", "matroska", "vorbis", "-c:a", "libvorbis", length=False)
    _ffmpeg("webm_vorbis", "matroska", "vorbis", "-c:a", "libvorbis", length=False)
    opus: About = {"rate": 48000}
    _ffmpeg("opus_ffmpeg", "ogg", "opus", "-c:a", "libopus", **opus)
    _program("opus", "ogg", "opus", "opusenc --quiet --serial 1 IN OUT", **opus)
    for suffix, container, length in (
        ("mka", "matroska", True),
        ("webm", "matroska", True),
        ("ts", "mpegts", True),  # in the control headers, which FFmpeg does not heed
        ("mp4", "mov", True),
        ("caf", "caf", False),
    ):
        name = f"{suffix}_opus"
        _ffmpeg(name, container, "opus", "-c:a", "libopus", rate=48000, length=length)


def _others() -> None:
    # FFmpeg's encoders of these three leave out the end of the signal.
    _ffmpeg("wma_1", "asf", "wmav1", "-c:a", "wmav1", length=False)
    _ffmpeg("wma_2", "asf", "wmav2", "-c:a", "wmav2", length=False)
    _ffmpeg("sbc", "sbc", "sbc", length=False, headerless=True)
    _encoder("qoa", "qoa", "qoa", lambda it: encoders.qoa(it.signal(), it.rate), frames=6607)
    bits, rate = 846_728, 352_800  # FFmpeg's frames are of 8 bits

    def dsf(specimen: Specimen) -> bytes:
        return encoders.dsf(sine(bits, 2, 8 * rate), 8 * rate)

    def dff(specimen: Specimen) -> bytes:
        return encoders.dff(sine(bits, 2, 8 * rate), 8 * rate)

    _encoder("dsf", "dsf", "dsd_lsbf_planar", dsf, rate=rate, frames=bits // 8)
    _encoder("dff", "iff", "dsd_msbf", dff, rate=rate, frames=bits // 8)


def _samples() -> None:
    """Files of formats that only their owners' programs write, from other projects' test data."""
    mutagen, mediafile = "mutagen-1.47.0/tests/data", "mediafile-0.13.0/test/rsrc"
    silence = f"{mutagen}/silence-44-s"

    def sample(name: str, path: str, container: str, codec: str, **about: Unpack[About]) -> None:
        def make(_: Specimen, copy: Path) -> None:
            shutil.copyfile(SAMPLES / path, copy)

        _add(name, container, codec, make, path.partition("-")[0], **about)

    known: About = {"lossless": True, "frames": 162_496, "original": f"{silence}.wv"}
    sample("tak", f"{silence}.tak", "tak", "tak", **known)
    known = {
        "lossless": True,
        "frames": 44_100,
        "original": f"{mediafile}/full.flac",
        "channels": 1,
    }
    sample("ape", f"{mediafile}/full.ape", "ape", "ape", **known)
    sample("ape_silent", f"{mutagen}/mac-399.ape", "ape", "ape", frames=162_496)
    sample("ape_396", f"{mutagen}/mac-396.ape", "ape", "ape", frames=162_496)
    sample("wv_dsd", f"{mutagen}/dsd.wv", "wv", "wavpack", rate=352_800, frames=3528)
    sample("wma_pro", f"{mutagen}/silence-2.wma", "asf", "wmapro", frames=162_496, length=False)
    sample("wma_lossless", f"{mutagen}/silence-3.wma", "asf", "wmalossless", frames=162_496,
           length=False)  # fmt: skip


_wav_pcm()
_other_pcm()
_telephone()
_lossless()
_mpeg()
_aac()
_film_sound()
_vorbis_and_opus()
_others()
_samples()
