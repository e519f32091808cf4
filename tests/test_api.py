"""Promise: the names are those documented, and the FFmpeg is the one the tests compare with."""

import inspect
import subprocess
import sys

import pytest

import pyffaudio
from ffmpeg_command import BUNDLED, ORACLE, ffmpeg

OPTIONS = (
    *("sample_rate", "num_channels", "dtype", "channels_first", "start_seconds", "stop_seconds"),
    *(
        "frame_offset",
        "num_frames",
        "stream_index",
        "format",
        "format_options",
        "on_error",
        "limits",
    ),
)


def test_an_import_brings_nothing_that_few_need() -> None:
    """Each of the modules left out here would cost every import a millisecond or more."""
    code = (
        "import sys, __future__, dataclasses, mmap, numpy;"  # what these bring differs by Python
        "had = set(sys.modules); import pyffaudio; print(*set(sys.modules) - had)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    others = {name for name in found if not name.startswith(("pyffaudio", "numpy.", "_cython_"))}
    assert others <= {"cython_runtime"}


def test_the_public_names() -> None:
    assert set(pyffaudio.__all__) == {
        *("decode_file", "decode_bytes", "decode_into", "probe", "versions", "formats"),
        "filters",
        "FilterError",
        *("decode_many", "decode_batch_into", "BatchResult"),
        *("Audio", "AudioInfo", "AudioReader", "StreamInfo", "Chapter", "Issue", "Limits"),
        *("PyffaudioError", "UnsupportedFormatError", "NoAudioStreamError", "CorruptAudioError"),
        *("LimitExceededError", "DecodeTimeoutError", "__version__"),
    }


@pytest.mark.parametrize("name", pyffaudio.__all__)
def test_every_name_is_documented(name: str) -> None:
    assert name == "__version__" or inspect.getdoc(getattr(pyffaudio, name))


@pytest.mark.parametrize("option", OPTIONS)
def test_the_options_are_keyword_only_and_documented(option: str) -> None:
    for call in (pyffaudio.decode_file, pyffaudio.decode_bytes, pyffaudio.probe):
        with pytest.raises(TypeError, match="positional argument"):
            call(b"", option)  # type: ignore[call-arg, arg-type]
    assert option in (inspect.getdoc(pyffaudio.decode_file) or "")


def test_golden_equality_compares_with_the_same_ffmpeg() -> None:
    versions = pyffaudio.versions()
    assert versions["pyffaudio"] == pyffaudio.__version__
    said = ffmpeg("-version", program=ORACLE).decode()
    assert said.startswith(f"ffmpeg version {versions['ffmpeg']} ")
    assert BUNDLED or versions["configuration"] in said
