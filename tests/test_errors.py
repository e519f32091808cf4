"""Promise: errors say what is wrong in words a person can act on, and bad arguments come first."""

import os
import pickle
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyffaudio
from ffmpeg_command import encode
from media import Media
from oddities_matroska import garbage
from pyffaudio import (
    CorruptAudioError,
    DecodeTimeoutError,
    LimitExceededError,
    NoAudioStreamError,
    PyffaudioError,
    UnsupportedFormatError,
)
from signals import full_range
from wav_bytes import wav_bytes

HTML = b"<!DOCTYPE html>\n<html><head><title>404</title></head><body>Not found</body></html>\n"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef\nsize 12345\n"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return tmp_path / "song.mp3"


# Messages.


@pytest.mark.parametrize("data", [b"RIFF1234WAVE", bytearray(8), memoryview(b"fLaC")])
def test_bytes_given_to_decode_file(data: Any) -> None:
    with pytest.raises(TypeError, match="decode_bytes"):
        pyffaudio.decode_file(data)


@pytest.mark.parametrize(
    "url", ["https://example.org/a.mp3", "s3://bucket/key.flac", "HTTP://x/a.wav"]
)
def test_a_url_given_as_a_path(url: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"pyffaudio\.remote"):
        pyffaudio.decode_file(url)
    with pytest.raises(FileNotFoundError, match=r"pyffaudio\.remote"):
        pyffaudio.probe(url)


def test_an_empty_file(saved: Path) -> None:
    saved.touch()
    with pytest.raises(UnsupportedFormatError, match="empty"):
        pyffaudio.decode_file(saved)
    with pytest.raises(UnsupportedFormatError, match="empty"):
        pyffaudio.decode_bytes(b"")


@pytest.mark.parametrize(
    "data", [HTML, b"\n\n  " + HTML, HTML.lower(), b"\xef\xbb\xbf" + HTML, HTML[16:]]
)
def test_an_html_page_saved_as_audio(saved: Path, data: bytes) -> None:
    saved.write_bytes(data)
    with pytest.raises(UnsupportedFormatError, match="HTML"):
        pyffaudio.decode_file(saved)
    with pytest.raises(UnsupportedFormatError, match="HTML"):
        pyffaudio.decode_bytes(data)


def test_a_long_html_page(saved: Path) -> None:
    saved.write_bytes(HTML + b"<p>\xff\xfb\x90\x00 lorem ipsum</p>\n" * 50_000)
    with pytest.raises(UnsupportedFormatError, match="HTML"):
        pyffaudio.decode_file(saved)


def test_a_git_lfs_pointer_saved_as_audio(saved: Path) -> None:
    saved.write_bytes(LFS)
    with pytest.raises(UnsupportedFormatError, match="Git LFS"):
        pyffaudio.decode_file(saved)


def test_a_video_without_audio(media: Media) -> None:
    with pytest.raises(NoAudioStreamError, match="audio"):
        pyffaudio.decode_file(media["silent_film"])


def test_a_codec_that_is_not_allowed(media: Media) -> None:
    with pytest.raises(UnsupportedFormatError, match=r"nellymoser.*not allowed") as caught:
        pyffaudio.decode_file(media["nellymoser"])
    assert "list" in str(caught.value), "says why"
    with pytest.raises(UnsupportedFormatError, match=r"nellymoser.*not allowed"):
        pyffaudio.decode_bytes(media["nellymoser"].read_bytes())


@pytest.mark.parametrize("codec", ["A_TRUEHD", "A_MLP", "A_AC3", "A_MPEG/L3"])
def test_blocks_without_a_frame(codec: str) -> None:
    """Whether the decoder refuses them, or FFmpeg's parser leaves it none; no block is no fault."""
    for call in (pyffaudio.decode_bytes, pyffaudio.probe, pyffaudio.AudioReader):
        with pytest.raises(CorruptAudioError, match="no audio can be decoded") as caught:
            call(garbage(codec, 3))
        assert caught.value.code == "nothing_decoded"
    empty = pyffaudio.decode_bytes(garbage(codec, 0))
    assert (empty.samples.shape, empty.complete, empty.issues) == ((0, 1), None, ())


def test_what_is_no_audio_at_all() -> None:
    with pytest.raises(UnsupportedFormatError, match="format="):
        pyffaudio.decode_bytes(np.arange(10_000, dtype=np.uint32).tobytes())


def test_a_missing_file() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        pyffaudio.decode_file("/nonexistent/a.wav")
    assert caught.value.filename == "/nonexistent/a.wav"
    assert caught.value.errno == 2


def test_a_missing_file_by_a_path_object(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        pyffaudio.decode_file(tmp_path / "a.wav")
    assert os.fspath(caught.value.filename) == str(tmp_path / "a.wav")


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        pyffaudio.decode_file(tmp_path)


def test_a_file_in_no_directory(saved: Path) -> None:
    saved.touch()
    with pytest.raises(NotADirectoryError):
        pyffaudio.decode_file(saved / "a.wav")


def test_a_name_with_a_null_byte() -> None:
    with pytest.raises(ValueError, match="null"):
        pyffaudio.decode_file("a\0b.wav")


def test_a_name_that_is_too_long() -> None:
    with pytest.raises(OSError, match="too long"):
        pyffaudio.decode_file("a" * 10_000)


def test_a_file_that_may_not_be_read() -> None:
    """In a child that drops root's rights, which no permission stops, where it has them."""
    code = """
import os, sys
import pyffaudio
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    pyffaudio.decode_file(sys.argv[1])
except PermissionError as error:
    print(error.filename)
"""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        os.fchmod(file.fileno(), 0)
        done = subprocess.run(
            [sys.executable, "-c", code, file.name], capture_output=True, text=True, check=False
        )
        assert done.stdout == f"{file.name}\n", done.stderr


# Bad arguments: before anything is opened, and with the name of the argument.

WRONG: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"sample_rate": 0}, ValueError),
    ({"sample_rate": -8000}, ValueError),
    ({"sample_rate": 10**9}, ValueError),
    ({"sample_rate": "16000"}, TypeError),
    ({"sample_rate": 16000.0}, TypeError),
    ({"sample_rate": True}, TypeError),
    ({"num_channels": 0}, ValueError),
    ({"num_channels": 65}, ValueError),
    ({"num_channels": 1.5}, TypeError),
    ({"dtype": "int64"}, ValueError),
    ({"dtype": ">i2"}, ValueError),
    ({"dtype": np.complex64}, ValueError),
    ({"dtype": "no such type"}, TypeError),
    ({"channels_first": "yes"}, TypeError),
    ({"channels_first": 2}, TypeError),
    ({"start_seconds": float("nan")}, ValueError),
    ({"start_seconds": float("inf")}, ValueError),
    ({"start_seconds": "1"}, TypeError),
    ({"stop_seconds": float("nan")}, ValueError),
    ({"stop_seconds": [1]}, TypeError),
    ({"frame_offset": 1.0}, TypeError),
    ({"frame_offset": 2**70}, ValueError),
    ({"num_frames": -1}, ValueError),
    ({"num_frames": "all"}, TypeError),
    ({"stream_index": -1}, ValueError),
    ({"stream_index": 2**40}, ValueError),
    ({"stream_index": "0"}, TypeError),
    ({"format": "no such format"}, ValueError),
    ({"format": "hls"}, ValueError),
    ({"format": 7}, TypeError),
    ({"format": "s16le"}, ValueError),
    ({"format_options": {"sample_rate": 8000, "channels": 1}}, ValueError),
    ({"format": "s16le", "format_options": {"sample_rate": 8000}}, ValueError),
    ({"format": "s16le", "format_options": {"sample_rate": 0, "channels": 1}}, ValueError),
    ({"format": "s16le", "format_options": {"sample_rate": 8000, "channels": 65}}, ValueError),
    ({"format": "s16le", "format_options": {"sample_rate": 8000, "channels": "2"}}, TypeError),
    ({"format": "s16le", "format_options": "ar=8000"}, TypeError),
    ({"format": "mov", "format_options": {"enable_drefs": 1}}, ValueError),
    ({"on_error": "ignore"}, ValueError),
    ({"limits": {"timeout": 1}}, TypeError),
    ({"no_such_option": 1}, TypeError),
]


@pytest.mark.parametrize(("options", "error"), WRONG, ids=str)
def test_bad_options_are_refused_before_anything_is_opened(
    options: dict[str, Any], error: type[Exception]
) -> None:
    name = list(options)[-1]
    with pytest.raises(error, match=name.removesuffix("_options")):
        pyffaudio.decode_file("/nonexistent", **options)
    with pytest.raises(error):
        pyffaudio.decode_bytes(b"", **options)
    if "dtype" not in options:
        with pytest.raises(error):
            pyffaudio.decode_into("/nonexistent", np.zeros((2, 2)), **options)


@pytest.mark.parametrize(
    "options",
    [
        {"sample_rate": np.int64(16000)},
        {"num_channels": np.uint8(1)},
        {"start_seconds": np.float32(0.5)},
        {"stop_seconds": 1},
        {"frame_offset": np.int32(5)},
        {"channels_first": np.True_},
        {"format_options": {}},
        {"format": "wav"},
    ],
    ids=str,
)
def test_numbers_of_any_kind_are_good(options: dict[str, Any]) -> None:
    pyffaudio.decode_bytes(wav_bytes(full_range(9, 1, "int16"), 8000), **options)


# The classes.


def test_hierarchy() -> None:
    assert issubclass(PyffaudioError, RuntimeError)
    for kind in (UnsupportedFormatError, NoAudioStreamError, CorruptAudioError, LimitExceededError):
        assert issubclass(kind, PyffaudioError)
    assert issubclass(DecodeTimeoutError, LimitExceededError)


@pytest.mark.parametrize(
    "kind",
    [
        PyffaudioError,
        UnsupportedFormatError,
        NoAudioStreamError,
        CorruptAudioError,
        LimitExceededError,
    ],
)
def test_made_from_one_string(kind: type[PyffaudioError]) -> None:
    error = kind("what happened")
    assert str(error) == "what happened"
    assert error.partial is None
    assert list(error.issues) == []


def caught_error(call: Any, *arguments: Any, **options: Any) -> PyffaudioError:
    with pytest.raises(PyffaudioError) as caught:
        call(*arguments, **options)
    return caught.value


def test_pickling_keeps_everything_but_the_samples(media: Media) -> None:
    data = media["wav_s16"].read_bytes()[:5000]
    error = caught_error(pyffaudio.decode_bytes, data)
    assert error.partial is not None
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (again.args, again.code, again.source) == (error.args, error.code, error.source)
    assert again.issues == error.issues
    assert again.partial is None


def test_pickling_a_limit(media: Media) -> None:
    limits = pyffaudio.Limits(max_bytes=1000)
    error = caught_error(pyffaudio.decode_file, media["wav_s16"], limits=limits)
    again = pickle.loads(pickle.dumps(error))
    assert (again.limit, again.value) == (error.limit, error.value)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "data", [HTML, b"", LFS, wav_bytes(full_range(99, 1, "int16"), 8000)[:100]]
)
def test_the_source_is_a_description_and_never_the_data(data: bytes, saved: Path) -> None:
    saved.write_bytes(data)
    for error in (
        caught_error(pyffaudio.decode_bytes, data),
        caught_error(pyffaudio.decode_file, saved),
    ):
        assert error.code
        assert error.source
        assert len(error.source) < 200
        for start in range(0, len(data) - 8, 8):
            assert repr(data[start : start + 8])[2:-1] not in str(error) + error.source
    assert str(saved) in caught_error(pyffaudio.decode_file, saved).source


def test_a_damaged_flac(tmp_path: Path) -> None:
    """Its checksums tell: the frame that was hit is lost, those around it are not."""
    good = full_range(20_000, 2, "int16")
    path = encode(tmp_path / "a.flac", good, 44100, "-c:a", "flac", "-frame_size", "1000")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    error = caught_error(pyffaudio.decode_bytes, data, dtype=None)
    assert isinstance(error, CorruptAudioError)
    assert error.code == "corrupt_data"
    assert error.partial is not None
    np.testing.assert_array_equal(error.partial.samples[:8000], good[:8000])
    np.testing.assert_array_equal(error.partial.samples[-8000:], good[-8000:])


def test_ffmpeg_prints_nothing(media: Media, capfd: pytest.CaptureFixture[str]) -> None:
    """What is to be said is in the exception, the issues, or nowhere."""
    for name in (
        "wav_s16",
        "flac_16",
        "mp3",
        "vorbis",
        "opus",
        "m4a",
        "mkv_film",
        "nellymoser",
        "tagged",
    ):
        data = media[name].read_bytes()
        for damaged in (data[:-1000], data[: len(data) // 2], data[:-2000] + data[-1000:]):
            for call in (pyffaudio.probe, pyffaudio.decode_bytes):
                with suppress(PyffaudioError):
                    call(damaged)
    assert capfd.readouterr() == ("", "")


def test_system_errors_keep_their_class_with_every_entry_point() -> None:
    with pytest.raises(FileNotFoundError):
        pyffaudio.probe("/nonexistent")
    with pytest.raises(FileNotFoundError):
        pyffaudio.decode_into("/nonexistent", np.zeros((1, 1), np.float32))


def test_a_misspelt_option_is_named_with_the_right_one() -> None:
    with pytest.raises(TypeError, match=r"no option 'samplerate'; did you mean sample_rate\?"):
        pyffaudio.decode_bytes(b"", samplerate=16000)  # type: ignore[call-arg]


def test_an_array_in_the_other_layout_is_told_so() -> None:
    wav = wav_bytes(full_range(1000, 2, "int16"), 8000)
    with pytest.raises(ValueError, match=r"shape \(2, 1000\).*channels_first=True"):
        pyffaudio.decode_into(wav, np.zeros((2, 1000), np.int16))
    with pytest.raises(ValueError, match=r"shape \(1000, 2\).*channels_first=False"):
        pyffaudio.decode_into(wav, np.zeros((1000, 2), np.int16), channels_first=True)
