"""Promise: byte for byte the samples that the ffmpeg command of the same libav writes."""

from pathlib import Path

import numpy as np
import pytest

import ffmpeg_command
import pyffaudio
from media import LOSSLESS, LOSSY, LOSSY_FRAMES, RECIPES, TELEPHONE, Media
from signals import Samples

# The stored sample format and the wider ones. Narrowing is not golden, but the dtype promise.
WIDER = {
    "uint8": ["uint8", "int16", "int32", "float32", "float64"],
    "int16": ["int16", "int32", "float32", "float64"],
    "int32": ["int32", "float64"],
    "float32": ["float32", "float64"],
    "float64": ["float64"],
}


def cases(names: dict[str, object]) -> list[tuple[str, str]]:
    return [(name, dtype) for name in names for dtype in WIDER[RECIPES[name].dtype]]


@pytest.mark.parametrize(("name", "dtype"), cases({**LOSSLESS, **LOSSY, **TELEPHONE}))
def test_generated_media(media: Media, name: str, dtype: str) -> None:
    recipe = RECIPES[name]
    form = "g722" if name == "g722" else None
    expected = ffmpeg_command.decode(media[name], dtype, recipe.channels)
    audio = pyffaudio.decode_file(media[name], dtype=dtype, format=form)
    assert audio.sample_rate == recipe.rate
    assert audio.samples.dtype == expected.dtype
    assert audio.samples.tobytes() == as_it_ends(name, expected).tobytes()


def as_it_ends(name: str, expected: Samples) -> Samples:
    """The oracle may leave padding on the end of MP4 and short Vorbis: docs/differences.md."""
    if RECIPES[name].container != "mov" and name not in ("vorbis", "vorbis_6"):
        return expected
    assert LOSSY_FRAMES <= len(expected) < LOSSY_FRAMES + 1152
    return expected[:LOSSY_FRAMES]


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_media_narrowed_to_16_bits(media: Media, name: str) -> None:
    """The primer's comparison, ``diff golden.raw``, on codecs that decode to float."""
    expected = ffmpeg_command.decode(media[name], "int16", RECIPES[name].channels)
    audio = pyffaudio.decode_file(media[name], dtype="int16")
    assert audio.samples.tobytes() == as_it_ends(name, expected).tobytes()


@pytest.mark.parametrize(
    "name", ["mp3", "mp3_mono", "opus", "mka_opus", "vorbis", "m4a", "m4a_mono", "m4a_6", "mp4_mp3"]
)
def test_lossy_media_keep_their_length(media: Media, name: str) -> None:
    """These containers say where the encoder's padding starts and ends."""
    audio = pyffaudio.decode_file(media[name])
    assert audio.samples.shape == (LOSSY_FRAMES, RECIPES[name].channels)


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "uint8"])
@pytest.mark.parametrize("number", range(4))
def test_recordings_of_speech(speech: list[Path], number: int, dtype: str) -> None:
    path = speech[number]
    expected = ffmpeg_command.decode(path, dtype, 1)
    audio = pyffaudio.decode_file(path, dtype=dtype)
    assert audio.samples.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "uint8"])
def test_recordings_of_speech_in_g722(speech_g722: list[Path], dtype: str) -> None:
    path = speech_g722[0]
    expected = ffmpeg_command.decode(path, dtype, 1)
    audio = pyffaudio.decode_file(path, dtype=dtype, format="g722")
    assert audio.samples.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "uint8"])
def test_recordings_of_music(song: Path, dtype: str) -> None:
    channels = pyffaudio.probe(song).num_channels
    expected = ffmpeg_command.decode(song, dtype, channels)
    audio = pyffaudio.decode_file(song, dtype=dtype)
    assert audio.samples.tobytes() == expected.tobytes()


@pytest.mark.parametrize("codec", ["flac", "libmp3lame", "libvorbis", "libopus", "aac"])
def test_real_speech_through_every_codec(speech: list[Path], tmp_path: Path, codec: str) -> None:
    path = tmp_path / "speech.mka"
    ffmpeg_command.ffmpeg("-i", speech[0], "-c:a", codec, path)
    expected = ffmpeg_command.decode(path, "float32", 1)
    audio = pyffaudio.decode_file(path)
    np.testing.assert_array_equal(audio.samples, expected)
