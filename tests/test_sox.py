"""Promise: what libsox reads is what the sox command reads, and libsox keeps to itself."""

import gc
import importlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyffaudio
from media import RECIPES, Media
from pyffaudio import Limits, sox
from signals import full_range, music, quantise
from sox_command import decode, make
from wav_bytes import wav_bytes

RATE = 8000
MUSIC = quantise(music(9001, 1, RATE), "int16")
WAV = wav_bytes(MUSIC, RATE)

# What libsox reads and, mostly, FFmpeg does not; by the suffix that both know them by.
WITH_HEADER = ["sph", "hcom", "prc", "8svx", "avr", "maud", "sndt", "sf", "smp", "voc", "pvf"]
WITH_HEADER += ["paf", "fap", "mat4", "mat5", "caf", "w64", "wv", "sox", "dat", "vms", "htk"]
WITHOUT_HEADER = ["vox", "cvsd", "cvu", "ima", "la", "lu", "ul", "al", "s8", "u16", "s24", "f32"]
WITHOUT_HEADER += ["gsm", "lpc10", "sln", "raw", "sndr"]
RAW = {"sample_rate": RATE, "channels": 1}


@pytest.mark.parametrize("suffix", WITH_HEADER)
def test_formats_equal_the_command(tmp_path: Path, suffix: str) -> None:
    path = make(tmp_path / f"music.{suffix}", MUSIC, RATE)
    audio = sox.decode_file(path, dtype="int32")
    np.testing.assert_array_equal(audio.samples, decode(path, 1))
    assert audio.num_frames > 8000
    assert audio.sample_rate == sox.probe(path).sample_rate
    renamed = path.rename(tmp_path / "music")
    named = sox.decode_file(renamed, dtype="int32", format=suffix)
    np.testing.assert_array_equal(named.samples, audio.samples)


@pytest.mark.parametrize("suffix", WITHOUT_HEADER)
def test_raw_formats_equal_the_command(tmp_path: Path, suffix: str) -> None:
    """By the suffix, or by `format`; rate and channels are said where they must be."""
    options = ("-e", "signed", "-b", "16") if suffix == "raw" else ()
    path = make(tmp_path / f"music.{suffix}", MUSIC, RATE, *options)
    if suffix == "raw":
        with pytest.raises(pyffaudio.CorruptAudioError, match="data encoding or sample size"):
            sox.decode_file(path, format_options=RAW)
        return
    expected = decode(path, 1, before=("-r", str(RATE), "-c", "1"))
    by_suffix = sox.decode_file(path, dtype="int32", format_options=RAW)
    by_name = sox.decode_bytes(path.read_bytes(), dtype="int32", format=suffix, format_options=RAW)
    for audio in (by_suffix, by_name):
        np.testing.assert_array_equal(audio.samples, expected)
        assert audio.sample_rate == RATE


@pytest.mark.parametrize("name", ["mp3", "mp3_mono", "vorbis", "vorbis_6", "flac_16_6"])
def test_music_formats_equal_the_command(media: Media, name: str) -> None:
    audio = sox.decode_file(media[name], dtype="int32")
    np.testing.assert_array_equal(audio.samples, decode(media[name], RECIPES[name].channels))


@pytest.mark.parametrize("rate", [4000, 16000, 44100, 48000])
@pytest.mark.parametrize("name", ["wav_s16", "flac_24", "vorbis"])
def test_a_new_rate_is_that_of_the_command(media: Media, name: str, rate: int) -> None:
    """Which rounds the length; here a frame that is begun is given."""
    audio = sox.decode_file(media[name], dtype="int32", sample_rate=rate)
    expected = decode(media[name], 2, "rate", str(rate))
    assert 0 <= audio.num_frames - len(expected) <= 1
    np.testing.assert_array_equal(audio.samples[: len(expected)], expected)


def test_floats_lose_what_is_below_31_bits() -> None:
    stored = np.array([[0.5, 2.0**-31, 2.0**-33, -(2.0**-40), 1.5, -2.0]], "float32").T
    got = sox.decode_bytes(wav_bytes(stored, RATE)).samples
    np.testing.assert_array_equal(got[:, 0], [0.5, 2.0**-31, 0, 0, 1, -1])


def test_compressed_data_that_gives_nothing(media: Media) -> None:
    with pytest.raises(pyffaudio.CorruptAudioError) as caught:
        sox.decode_bytes(media["vorbis"].read_bytes()[:5000])
    assert caught.value.code == "nothing_decoded"


# Options.


@pytest.mark.parametrize(("name", "value"), [("stream_index", 0), ("num_threads", 2)])
def test_options_that_libsox_cannot_serve(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=name):
        sox.decode_bytes(WAV, **{name: value})
    with pytest.raises(TypeError, match=name):
        sox.decode_into(WAV, np.zeros((9, 1)), **{name: value})
    with pytest.raises(TypeError, match=name):
        sox.AudioReader(WAV, **{name: value})


def test_formats_of_ffmpeg_are_no_limit_here() -> None:
    with pytest.raises(ValueError, match="allowed_formats"):
        sox.decode_bytes(WAV, limits=Limits.untrusted())


@pytest.mark.parametrize("name", ["alsa", "null", "pulseaudio", "s16le", "../x", ""])
def test_formats_that_are_not_of_files(tmp_path: Path, name: str) -> None:
    """A device would be opened by its name, which a suffix could be."""
    assert name not in sox.formats()
    with pytest.raises(ValueError, match="format"):
        sox.decode_bytes(WAV, format=name)
    path = tmp_path / f"x.{Path(name).name}"
    path.write_bytes(b"\1\2\3\4" * 99)
    with pytest.raises(pyffaudio.UnsupportedFormatError):
        sox.decode_file(path)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"rate": 8000}, ValueError),
        ({"sample_rate": 0}, ValueError),
        ({"channels": 65}, ValueError),
        ({"channels": "1"}, TypeError),
        ([8000], TypeError),
    ],
)
def test_format_options_that_do_not_suit(given: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="format_options"):
        sox.decode_bytes(WAV, format="ul", format_options=given)


def test_a_reader_knows_its_place() -> None:
    with sox.AudioReader(WAV, dtype="int16") as reader:
        assert reader.info.num_frames == len(MUSIC)
        assert reader.num_frames is None  # it is the header's word
        assert reader.read().shape == MUSIC.shape
        assert reader.num_frames == len(MUSIC)
        with pytest.raises(TypeError, match="start_seconds"):
            sox.AudioReader(WAV, start_seconds=1)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="closed"):
        reader.read()


def test_seeking_finds_frames_of_large_files(tmp_path: Path) -> None:
    """And not what follows the audio, which libsox would read on into."""
    samples = full_range(100_003, 2, "int16")
    for suffix in ("wav", "aiff", "au", "flac"):
        path = make(tmp_path / f"long.{suffix}", samples, RATE)
        with path.open("ab") as file:
            file.write(bytes(4000) if suffix in ("wav", "aiff") else b"")
        with sox.AudioReader(path, dtype="int16") as reader:
            for frame in (90_000, 50_000, 99_999, 0, 70_000):
                reader.seek(frame)
                np.testing.assert_array_equal(reader.read(5000), samples[frame : frame + 5000])
            reader.seek(10_000)
            np.testing.assert_array_equal(reader.read(), samples[10_000:])


# One libsox for all threads, and in forked children.

CHAIN = [["tempo", "1.1"], ["bend", "0.1,200,0.3"], ["rate", "16000"], ["reverb"], ["norm"]]


def _jobs(media: Media) -> list[Callable[[], pyffaudio.Audio]]:
    files = [media[name].read_bytes() for name in ("mp3", "flac_16", "vorbis")]
    return [
        *(lambda data=data: sox.decode_bytes(data) for data in files),
        lambda: sox.decode_bytes(files[1], sample_rate=16000, num_channels=1),
        lambda: sox.apply_effects(MUSIC, RATE, CHAIN),
        lambda: sox.apply_effects(MUSIC, RATE, [["compand", "0.3,1", "6:-70,-60,-20"]]),
        lambda: sox.apply_effects(MUSIC, RATE, [["sinc", "300-3000"], ["reverse"]]),
    ]


def test_eight_threads_at_once(media: Media) -> None:
    """8 threads and 200 calls each; the samples are what one thread alone gets."""
    jobs = _jobs(media)
    expected = [job().samples for job in jobs]

    def work(thread: int) -> None:
        for number in range(200):
            index = (thread + number) % len(jobs)
            np.testing.assert_array_equal(jobs[index]().samples, expected[index])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def test_errors_are_those_of_their_own_thread() -> None:
    def work(number: int) -> None:
        effect = ["tempo", "rate", "reverb", "flanger"][number % 4]
        with pytest.raises(sox.EffectError, match=f"effect {effect}: ") as caught:
            sox.apply_effects(MUSIC, RATE, [[effect, "-9", "x", "y", "z", "1", "2", "3", "4"]])
        assert str(caught.value).count("usage: ") == 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(400)))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # beside threads: as of 3.12
def test_forks_while_threads_are_busy(media: Media) -> None:
    jobs = _jobs(media)
    expected = [job().samples for job in jobs]
    stop = threading.Event()

    def keep_busy(index: int) -> None:
        while not stop.is_set():
            jobs[index % len(jobs)]()

    threads = [threading.Thread(target=keep_busy, args=(index,)) for index in range(3, 7)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(15):
            child = os.fork()
            if child == 0:
                same = all(
                    np.array_equal(job().samples, known)
                    for job, known in zip(jobs, expected, strict=True)
                )
                os._exit(0 if same else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_does_not_share_an_open_file() -> None:
    with sox.AudioReader(WAV) as reader:
        reader.read(10)
        child = os.fork()
        if child == 0:
            try:
                reader.read(10)
            except ValueError as error:
                os._exit(0 if "before a fork" in str(error) else 1)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert reader.read(10).shape == (10, 1)


# Nothing is left behind.


def _memory() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_nothing_leaks(media: Media) -> None:
    jobs: list[Callable[[], object]] = list(_jobs(media))
    bad = wav_bytes(MUSIC, RATE)[:3000]

    def fail() -> None:
        with pytest.raises(pyffaudio.CorruptAudioError):
            sox.decode_bytes(bad)
        with pytest.raises(sox.EffectError):
            sox.apply_effects(MUSIC, RATE, [["reverse"], ["earwax"]])
        with pytest.raises(pyffaudio.LimitExceededError):
            sox.apply_effects(MUSIC, RATE, [["repeat", "-"]], limits=Limits(max_bytes=100_000))

    jobs.append(fail)
    for _ in range(20):
        for job in jobs:
            job()
    gc.collect()
    files, memory = len(os.listdir("/proc/self/fd")), _memory()
    for _ in range(60):
        for job in jobs:
            job()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == files
    assert _memory() - memory < 4 << 20


def test_no_file_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    sox.decode_bytes(WAV, sample_rate=16000)
    sox.apply_effects(MUSIC, RATE, CHAIN)
    with pytest.raises(pyffaudio.UnsupportedFormatError):
        sox.decode_bytes(b"not audio")
    assert os.listdir(tmp_path) == []
    assert capfd.readouterr() == ("", "")


# Where it is not built.


def test_without_libsox_the_import_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyffaudio._sox", None)
    monkeypatch.delitem(sys.modules, "pyffaudio.sox")
    monkeypatch.delattr(pyffaudio, "_sox")
    with pytest.raises(ImportError, match="apt-get install libsox-dev"):
        importlib.import_module("pyffaudio.sox")


def test_pyffaudio_itself_does_not_load_libsox() -> None:
    code = "import pyffaudio; print('libsox.so' in open('/proc/self/maps').read())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_cut_file_whose_length_libsndfile_corrects_is_not_called_complete(tmp_path: Path) -> None:
    samples = full_range(20_000, 1, "int16")
    wav, w64 = tmp_path / "a.wav", tmp_path / "a.w64"
    wav.write_bytes(wav_bytes(samples, 8000))
    subprocess.run(["sox", wav, w64], check=True)
    half = w64.read_bytes()[: w64.stat().st_size // 2]
    assert sox.decode_bytes(half, format="w64").complete is None


def test_a_seek_beyond_the_end_of_a_cut_file_tells_where_it_ends() -> None:
    data = wav_bytes(full_range(200_000, 1, "int16"), 8000)[: 44 + 200_000]
    backends: list[ModuleType] = [pyffaudio, sox]
    for backend in backends:
        audio = backend.decode_bytes(data, frame_offset=50_000, on_error="partial")
        late = backend.decode_bytes(data, frame_offset=150_000, on_error="partial")
        assert audio.num_frames == 50_000
        assert late.num_frames == 0
        with backend.AudioReader(data, on_error="partial") as reader:
            reader.seek(150_000)
            assert len(reader.read(10)) == 0
            assert [issue.frame_offset for issue in reader.issues] == [100_000]


def test_a_source_that_never_ends_or_never_begins(tmp_path: Path) -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            return bytes(size)

    limits = Limits(max_input_bytes=10_000_000)
    with pytest.raises(pyffaudio.LimitExceededError, match="max_input_bytes"):
        sox.decode_file(Endless(), limits=limits)
    with pytest.raises(pyffaudio.LimitExceededError, match="max_input_bytes"):
        sox.decode_file("/dev/zero", limits=limits)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(pyffaudio.DecodeTimeoutError):
        sox.decode_file(tmp_path / "fifo", limits=Limits(timeout=0.2))


def test_a_rate_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_text("; Sample Rate -5\n; Channels 1\n" + "0 0.5\n" * 100)
    with pytest.raises(pyffaudio.PyffaudioError):
        sox.decode_file(path)
