"""Promise: FFmpeg opens nothing itself, and damaged bytes give an array or one of our errors."""

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

import pyffaudio
from attacks import PLAYLISTS, listening
from media import RECIPES, Media
from pyffaudio import Limits, PyffaudioError, UnsupportedFormatError
from signals import full_range, noise
from wav_bytes import wav_bytes

# Nothing but what the caller gave is opened.


@contextmanager
def opened_in(folder: Path) -> Iterator[set[str]]:
    """The names of the files in a folder that anyone opens meanwhile, as the kernel reports it."""
    libc = ctypes.CDLL(None, use_errno=True)
    in_open, in_nonblock = 0x20, os.O_NONBLOCK
    watch = libc.inotify_init1(in_nonblock)
    assert watch >= 0, os.strerror(ctypes.get_errno())
    assert libc.inotify_add_watch(watch, os.fsencode(folder), in_open) >= 0
    names: set[str] = set()
    try:
        yield names
        with suppress(BlockingIOError):
            while events := os.read(watch, 65536):
                while events:
                    length = struct.unpack_from("I", events, 12)[0]
                    names.add(os.fsdecode(events[16 : 16 + length].rstrip(b"\0")))
                    events = events[16 + length :]
    finally:
        os.close(watch)


@pytest.mark.parametrize("name", PLAYLISTS)
@pytest.mark.parametrize(
    "target", ["canary.wav", "file:canary.wav", "http://127.0.0.1:{port}/canary.wav"]
)
def test_playlists_open_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, target: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("canary.wav").write_bytes(wav_bytes(full_range(1000, 1, "int16"), 8000))
    with listening() as port:
        text = PLAYLISTS[name].format(target.format(port=port), port)
        Path(name).write_text(text)
        with opened_in(tmp_path) as opened:
            with pytest.raises(UnsupportedFormatError):
                pyffaudio.decode_file(name)
            with pytest.raises(UnsupportedFormatError):
                pyffaudio.decode_bytes(text.encode())
            with pytest.raises(UnsupportedFormatError):
                pyffaudio.probe(name)
    assert opened <= {name}


@pytest.mark.parametrize("form", [None, "mov"])
def test_an_external_data_reference_is_not_followed(media: Media, form: str | None) -> None:
    """An MP4 may say that its samples lie in another file."""
    path = media["external"]
    canary = path.parent / "canary.wav"
    canary.write_bytes(wav_bytes(full_range(1000, 1, "int16"), 8000))
    with opened_in(path.parent) as opened:
        with suppress(PyffaudioError):
            pyffaudio.decode_file(path, format=form)
        with suppress(PyffaudioError):
            pyffaudio.decode_bytes(path.read_bytes(), format=form)
    assert opened == {path.name}


@pytest.mark.parametrize("name", ["hls", "concat", "dash", "sdp", "lavfi", "image2", "tty", "rtsp"])
def test_demuxers_that_open_things_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        pyffaudio.decode_bytes(b"", format=name)
    with pytest.raises(ValueError, match=name):
        Limits(allowed_formats={name})


def test_nothing_that_opens_things_is_on_the_list() -> None:
    formats = pyffaudio.formats()
    openers = {
        "hls",
        "concat",
        "dash",
        "imf",
        "rtsp",
        "sdp",
        "sap",
        "rtp",
        "lavfi",
        "image2",
        "tty",
    }
    assert not openers & set(formats["demuxers"])
    assert {"wav", "flac", "mp3", "ogg", "mov", "matroska", "aac", "g722"} <= set(
        formats["demuxers"]
    )
    assert {"flac", "vorbis", "opus", "aac", "g722"} <= set(formats["decoders"])


def test_a_picture_is_not_decoded() -> None:
    """Nor is it any audio."""
    with pytest.raises(UnsupportedFormatError):
        pyffaudio.decode_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))


# Damaged bytes. A thousand cases for each kind of damage, each of some milliseconds.

STRICT = Limits(max_bytes=64 << 20, timeout=10)
SEEDS = range(30)


def survives(data: bytes) -> None:
    """An array or one of our errors, whatever is asked; anything else fails the test by itself."""
    for on_error in ("raise", "partial"):
        try:
            audio = pyffaudio.decode_bytes(data, limits=STRICT, on_error=on_error)
        except PyffaudioError as error:
            partial = error.partial
        else:
            partial = audio
        if partial is not None:
            assert partial.samples.shape == (partial.num_frames, partial.num_channels)
            assert partial.samples.flags.c_contiguous
    with suppress(PyffaudioError):
        pyffaudio.probe(data, limits=STRICT)


def places(data: bytes, count: int, seed: int) -> list[int]:
    """Where to do harm: half of the places in the first 500 bytes, where the headers are."""
    draws = [int(draw) for draw in noise(count, 1, seed)[:, 0]]
    return [draw // 2 % min(len(data), 500 if draw % 2 else 1 << 62) for draw in draws]


ALL = [
    *RECIPES,
    "mp4_film",
    "mkv_film",
    "tagged",
    "chapters",
    "silent_film",
    "nellymoser",
    "external",
]


@pytest.mark.parametrize("name", ALL)
def test_truncated_files(media: Media, name: str) -> None:
    data = media[name].read_bytes()
    for size in {*range(64), *places(data, len(SEEDS), seed=1)}:
        survives(data[:size])


@pytest.mark.parametrize("name", ALL)
def test_flipped_bits(media: Media, name: str) -> None:
    data = media[name].read_bytes()
    for seed in SEEDS:
        damaged = bytearray(data)
        for bit, place in enumerate(places(data, 1 + seed % 8, seed)):
            damaged[place] ^= 1 << (bit + seed) % 8
        survives(bytes(damaged))


@pytest.mark.parametrize("name", ALL)
def test_overwritten_cut_out_and_doubled_parts(media: Media, name: str) -> None:
    data = media[name].read_bytes()
    for seed in SEEDS:
        first, second = sorted(places(data, 2, seed + 1000))
        part = data[first : min(second, first + 64)]
        survives(data[:first] + data[second:])
        survives(data[:second] + part + data[second:])
        survives(data[:first] + b"\xff" * len(part) + data[first + len(part) :])


@pytest.mark.parametrize("name", ALL)
def test_forged_numbers(media: Media, name: str) -> None:
    """Sizes and counts are 4 bytes somewhere in the headers: the largest, the smallest, zero."""
    data = media[name].read_bytes()
    for place in range(0, min(len(data) - 4, 400), 7):
        for lie in (
            b"\xff\xff\xff\xff",
            b"\x7f\xff\xff\xff",
            b"\x80\0\0\0",
            b"\0\0\0\0",
            b"\0\0\0\x80",
        ):
            survives(data[:place] + lie + data[place + 4 :])


def test_the_channels_of_a_forged_wav_are_bounded() -> None:
    """More channels than swresample has room for: an error, not an overrun."""
    for channels in (0, 65, 236, 255, 65535):
        data = bytearray(wav_bytes(np.zeros((4000, 1), np.int16), 8000))
        struct.pack_into("<H", data, 22, channels)
        struct.pack_into("<H", data, 32, channels * 2 & 0xFFFF)
        with pytest.raises(PyffaudioError):
            pyffaudio.decode_bytes(data)


def test_noise_is_no_audio() -> None:
    for seed in range(50):
        with suppress(PyffaudioError):
            pyffaudio.decode_bytes(noise(500, 1, seed).tobytes(), limits=STRICT)
