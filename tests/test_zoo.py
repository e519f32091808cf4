"""Promise of the tests themselves: each specimen of the zoo is what it says it is."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import encoders
import ffmpeg_command
import zoo
from signals import Samples, as_float
from zoo import ZOO, Specimen, Zoo

# What FFmpeg, this or any, does not read; each has a test of its own below.
UNREAD = {
    "qoa": "FFmpeg 5.1 has no demuxer",
    "mp3_free": "no support for free format",
    "wav_24_in_32": "taken for pcm_f24le, an old kind of float: the samples become noise",
}
READ = [name for name in ZOO if name not in UNREAD]


@dataclass(frozen=True)
class Seen:
    """What the ffprobe of the system makes of a file, and ffmpeg's samples if it is lossless."""

    claims: tuple[str, str, int, int]
    samples: Samples | None


@pytest.fixture(scope="module")
def seen(specimens: Zoo) -> dict[str, Seen]:
    """All that can be read, at once: what takes time is to start some three hundred programs."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(READ, pool.map(lambda name: look(ZOO[name], specimens), READ), strict=True))


def look(it: Specimen, specimens: Zoo) -> Seen:
    path = specimens[it.name]
    form = ("-f", it.container) if it.headerless else ()
    shown = "stream=codec_name,sample_rate,channels:format=format_name"
    command = ["ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", shown]
    done = subprocess.run([*command, "-of", "json", *form, path], capture_output=True, check=True)
    found = json.loads(done.stdout)
    stream, container = found["streams"][0], found["format"]["format_name"].split(",")[0]
    claims = container, stream["codec_name"], int(stream["sample_rate"]), stream["channels"]
    decoded = ffmpeg_command.decode(path, it.dtype, it.channels) if it.lossless else None
    return Seen(claims, decoded)


@pytest.mark.parametrize("name", READ)
def test_ffprobe_finds_what_is_claimed(seen: dict[str, Seen], name: str) -> None:
    it = ZOO[name]
    assert seen[name].claims == (it.container, it.codec, it.rate, it.channels)


@pytest.mark.parametrize("name", [name for name in READ if ZOO[name].lossless])
def test_lossless_ones_decode_to_the_signal(seen: dict[str, Seen], name: str) -> None:
    samples = seen[name].samples
    assert samples is not None
    np.testing.assert_array_equal(samples, ZOO[name].signal(), strict=True)


@pytest.mark.parametrize("name", ZOO)
def test_size_and_length_make_sense(specimens: Zoo, name: str) -> None:
    it = ZOO[name]
    assert 0 < specimens[name].stat().st_size < 600_000
    assert it.length is None or abs(it.length - it.frames) <= it.rate // 1000


def test_24_bits_in_32_hold_the_signal(specimens: Zoo, tmp_path: Path) -> None:
    """The flac program reads it as it is meant."""
    path = tmp_path / "same.flac"
    zoo.run(["flac", "--silent", "-o", str(path), str(specimens["wav_24_in_32"])])
    expected = ZOO["wav_24_in_32"].signal()
    np.testing.assert_array_equal(ffmpeg_command.decode(path, "int32", 2), expected)


def test_free_format_holds_the_signal(specimens: Zoo, tmp_path: Path) -> None:
    path = tmp_path / "same.wav"
    zoo.run(["lame", "--quiet", "--decode", str(specimens["mp3_free"]), str(path)])
    decoded = ffmpeg_command.decode(path, "int16", 2)
    assert len(decoded) == ZOO["mp3_free"].length
    assert similarity(decoded, ZOO["mp3_free"]) > 30


def test_qoa_holds_the_signal(specimens: Zoo) -> None:
    decoded = encoders.qoa_decode(specimens["qoa"].read_bytes())
    assert similarity(decoded, ZOO["qoa"]) > 30


def similarity(decoded: Samples, specimen: Specimen) -> float:
    """How far the error is below the signal, in dB."""
    signal = as_float(specimen.signal())
    error = as_float(decoded) - signal
    return float(10 * np.log10((signal**2).mean() / (error**2).mean()))
