"""Promise: a packet may be as long as it likes; what is made of it is that of short ones.

Matroska, AVI and others hold PCM in packets of any length. These are taken in pieces, so that a
resampler or a filter is not busy with one for longer than a deadline allows (tests/latency.py).
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyffaudio
from ffmpeg_command import ffmpeg
from signals import music, quantise
from wav_bytes import wav_bytes

RATE, FRAMES, LONG = 48000, 500_000, 200_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same audio in packets that are short, and in three that are not."""
    folder = tmp_path_factory.mktemp("packets")
    short, long = folder / "short.wav", folder / "long.mka"
    short.write_bytes(wav_bytes(quantise(music(FRAMES, 2), "int16"), RATE))
    ffmpeg("-i", short, "-af", f"asetnsamples=n={LONG}:p=0", "-c:a", "pcm_s16le", long)
    return short, long


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sample_rate": 16000},
        {"sample_rate": 44100, "dtype": "int16", "num_channels": 1},
        {"sample_rate": 96000, "channels_first": True, "dtype": "float64"},
        {"filters": "anull"},
        {"filters": "highpass=f=200,aresample=22050"},
        {"filters": "areverse", "start_seconds": 1.5, "stop_seconds": 9},
        {"filters": "volume=0.5", "sample_rate": 8000},
        {"sample_rate": 16000, "start_seconds": 4.3, "stop_seconds": 8.4},
        {"frame_offset": 250_001, "num_frames": 190_000},
    ],
    ids=str,
)
def test_as_of_short_packets(files: tuple[Path, Path], options: dict[str, Any]) -> None:
    short, long = (pyffaudio.decode_file(path, **options) for path in files)
    np.testing.assert_array_equal(long.samples, short.samples)
    assert (long.issues, long.sample_rate) == (short.issues, short.sample_rate)
    with pyffaudio.AudioReader(files[1]) as reader:
        assert len(reader.read(LONG + 1)) == LONG + 1


def test_block_by_block(files: tuple[Path, Path]) -> None:
    """Also where a reader leaves the middle of such a packet, and comes back to it."""
    whole = pyffaudio.decode_file(files[0], sample_rate=16000).samples
    with pyffaudio.AudioReader(files[1], sample_rate=16000) as reader:
        for first in (0, 70_000, 20_001, 150_000, 3):
            reader.seek(first)
            np.testing.assert_array_equal(reader.read(999), whole[first : first + 999])
