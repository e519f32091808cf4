"""WAV files written here are read alike by the standard library, ffprobe and ffmpeg."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyffaudio.wav import wav_header, write_wav

_DTYPES = ["uint8", "int16", "int32", "float32", "float64"]
_CODECS = {"uint8": "pcm_u8", "int16": "pcm_s16le", "int32": "pcm_s32le",
           "float32": "pcm_f32le", "float64": "pcm_f64le"}  # fmt: skip


def _bytes(samples: np.ndarray[Any, Any], layout: str | None = None) -> bytes:
    file = io.BytesIO()
    write_wav(file, samples, 16000, layout)
    return file.getvalue()


def _random(dtype: str, shape: tuple[int, int]) -> np.ndarray[Any, Any]:
    raw = np.random.default_rng(7).integers(0, 256, np.prod(shape) * np.dtype(dtype).itemsize)
    if dtype.startswith("float"):
        return (raw[: np.prod(shape)] / 256).astype(dtype).reshape(shape)
    return raw.astype(np.uint8).view(dtype).reshape(shape)


@pytest.mark.parametrize("dtype", _DTYPES)
@pytest.mark.parametrize("num_channels", [1, 2, 3, 6, 8])
def test_ffmpeg_reads_the_same_samples_and_names(
    tmp_path: Path, dtype: str, num_channels: int
) -> None:
    samples = _random(dtype, (101, num_channels))
    path = tmp_path / "x.wav"
    path.write_bytes(_bytes(samples))
    fields = "stream=codec_name,channels,sample_rate,duration_ts,bits_per_sample"
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", fields, "-of", "json", path],
        capture_output=True,
        check=True,
    )
    assert (shown.stderr, json.loads(shown.stdout)["streams"]) == (
        b"",
        [
            {
                "codec_name": _CODECS[dtype],
                "sample_rate": "16000",
                "channels": num_channels,
                "bits_per_sample": samples.itemsize * 8,
                "duration_ts": 101,
            }
        ],
    )
    raw_format = _CODECS[dtype].removeprefix("pcm_")
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-c", "copy", "-f", raw_format, "-"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == samples.tobytes()


@pytest.mark.parametrize("layout", ["2.1", "3.0", "quad", "4.0", "5.0", "5.1", "5.1(side)",
                                    "6.0", "6.1", "7.0", "7.1", "quad(side)", "3.0(back)",
                                    "3.1", "4.1", "5.0(side)"])  # fmt: skip
def test_layouts_are_those_of_ffmpeg(tmp_path: Path, layout: str) -> None:
    names = subprocess.run(["ffmpeg", "-v", "error", "-layouts"], capture_output=True, check=True)
    rows = [line.split() for line in names.stdout.decode().splitlines()]
    num_channels = next(row[1].count("+") + 1 for row in rows if row and row[0] == layout)
    path = tmp_path / "x.wav"
    path.write_bytes(_bytes(np.zeros((10, num_channels), np.int16), layout))
    command = ["ffprobe", "-v", "error", "-show_entries", "stream=channel_layout"]
    shown = subprocess.run([*command, "-of", "csv=p=0", path], capture_output=True, check=True)
    assert shown.stdout.decode().strip() == layout


@pytest.mark.parametrize("layout", [None, "3 channels", "stereo", "FL+FR+TFC"])
def test_other_speakers_are_left_unassigned(layout: str | None) -> None:
    assert wav_header("int16", 8000, 3, 1, layout)[40:44] == bytes(4)


@given(st.sampled_from(["uint8", "int16"]), st.integers(0, 50), st.integers(1, 2), st.booleans())
def test_plain_pcm_is_read_by_the_standard_library(
    dtype: str, num_frames: int, num_channels: int, planar: bool
) -> None:
    samples = _random(dtype, (num_frames, num_channels))
    if planar:
        samples = np.asfortranarray(samples)
    data = _bytes(samples)
    assert len(data) % 2 == 0
    assert struct.unpack_from("<I", data, 4) == (len(data) - 8,)
    with wave.open(io.BytesIO(data)) as reader:
        assert reader.getnframes() == num_frames
        assert reader.getnchannels() == num_channels
        assert reader.readframes(num_frames + 1) == samples.tobytes()


@pytest.mark.parametrize(
    ("dtype", "num_channels", "tag", "length"),
    [
        ("uint8", 2, 1, 44),
        ("int16", 2, 1, 44),
        ("float32", 2, 3, 58),
        ("float64", 1, 3, 58),
        ("int16", 3, 0xFFFE, 80),
        ("int32", 1, 0xFFFE, 80),
        ("float32", 3, 0xFFFE, 80),
    ],
)
def test_the_tag_follows_the_rules(dtype: str, num_channels: int, tag: int, length: int) -> None:
    header = wav_header(dtype, 8000, num_channels, 5)
    assert (struct.unpack_from("<H", header, 20), len(header)) == ((tag,), length)
    assert (b"fact" in header) == (tag != 1)


def test_int8_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="WAV cannot hold int8"):
        wav_header("int8", 8000, 1, 1)


def test_the_size_ends_at_four_gib() -> None:
    most = 0xFFFFFFFF - 36 - 1  # an odd byte is padded
    assert struct.unpack_from("<I", wav_header("uint8", 8000, 1, most), 40) == (most,)
    with pytest.raises(ValueError, match="4 GiB"):
        wav_header("uint8", 8000, 1, most + 1)
