"""Promise: any audio stream of several, inside video too, and what probe tells about them."""

from typing import Any

import numpy as np
import pytest

import ffmpeg_command
import pyffaudio
from media import LOSSLESS, RATE, RECIPES, Media, track
from ogg_pages import LAST, join, pages


@pytest.mark.parametrize("index", [1, 2])
def test_each_lossless_track_of_a_film(media: Media, index: int) -> None:
    audio = pyffaudio.decode_file(media["mkv_film"], stream_index=index, dtype=None)
    assert audio.info.stream_index == index
    np.testing.assert_array_equal(audio.samples, track(index), strict=True)


@pytest.mark.parametrize(
    ("name", "index"),
    [("mkv_film", 1), ("mkv_film", 2), ("mkv_film", 3), ("mp4_film", 1), ("mp4_film", 2)],
)
def test_each_track_equals_the_command(media: Media, name: str, index: int) -> None:
    channels = track(index).shape[1]
    expected = ffmpeg_command.decode(media[name], "float32", channels, "-map", f"0:{index}")
    audio = pyffaudio.decode_file(media[name], stream_index=index)
    if name == "mp4_film":
        assert len(audio.samples) == len(track(index))
        expected = expected[: len(track(index))]
    np.testing.assert_array_equal(audio.samples, expected, strict=True)


@pytest.mark.parametrize("name", ["mkv_film", "mp4_film"])
def test_the_best_stream_is_the_command_s_own_choice(media: Media, name: str) -> None:
    expected = ffmpeg_command.decode(media[name], "float32", 2)
    audio = pyffaudio.decode_file(media[name])
    assert audio.num_channels == 2
    np.testing.assert_array_equal(audio.samples, expected[: len(audio.samples)])


@pytest.mark.parametrize("index", [0, 4, 1000, -1])
def test_an_index_that_is_no_audio_stream(media: Media, index: int) -> None:
    """Neither the picture (0) nor what is not there; the message names the index."""
    expected = ValueError if index < 0 else pyffaudio.NoAudioStreamError
    with pytest.raises(expected, match=str(index)):
        pyffaudio.decode_file(media["mkv_film"], stream_index=index)


def test_probe_lists_every_stream(media: Media) -> None:
    info = pyffaudio.probe(media["mkv_film"])
    assert [stream.codec for stream in info.streams] == ["mpeg4", "flac", "pcm_s16le", "vorbis"]
    assert [stream.index for stream in info.streams] == [0, 1, 2, 3]
    assert [stream.tags.get("language") for stream in info.streams[1:]] == ["eng", "fra", "deu"]
    assert info.stream_index == 1
    assert info.has_cover is False


def test_probe_of_a_chosen_stream(media: Media) -> None:
    info = pyffaudio.probe(media["mkv_film"], stream_index=2)
    assert (info.stream_index, info.codec, info.num_channels) == (2, "pcm_s16le", 1)


@pytest.mark.parametrize("name", RECIPES)
def test_probe_names_codec_and_container(media: Media, name: str) -> None:
    recipe = RECIPES[name]
    info = pyffaudio.probe(media[name], format="g722" if name == "g722" else None)
    assert info.codec == recipe.codec
    assert recipe.container in info.container
    assert info.sample_rate == recipe.rate
    assert info.num_channels == recipe.channels


@pytest.mark.parametrize("name", RECIPES)
def test_probe_equals_what_decoding_gives(media: Media, name: str) -> None:
    form = "g722" if name == "g722" else None
    info = pyffaudio.probe(media[name], format=form)
    audio = pyffaudio.decode_file(media[name], dtype=None, format=form)
    assert audio.info == info
    assert (info.sample_rate, info.num_channels) == (audio.sample_rate, audio.num_channels)
    if info.is_exact or (name in LOSSLESS and "matroska" not in info.container):
        assert info.num_frames == audio.num_frames


@pytest.mark.parametrize("name", ["wav_s16", "flac_24", "mp3", "opus", "m4a", "adts", "g722"])
def test_exact_probe_counts_the_frames(media: Media, name: str) -> None:
    form = "g722" if name == "g722" else None
    options: dict[str, Any] = {"format": form, "exact": True}
    info = pyffaudio.probe(media[name], **options)
    audio = pyffaudio.decode_file(media[name], format=form)
    assert info.is_exact
    assert info.num_frames == audio.num_frames
    assert info.duration_seconds == audio.duration_seconds


@pytest.mark.parametrize(
    "name", ["wav_u8", "wav_s16", "wav_s24", "wav_s32", "wav_f32", "wav_f64", "flac_24"]
)
def test_probe_counts_valid_bits(media: Media, name: str) -> None:
    recipe = RECIPES[name]
    info = pyffaudio.probe(media[name])
    assert info.bits_per_sample == (recipe.bits or np.dtype(recipe.dtype).itemsize * 8)
    assert info.duration_seconds == pytest.approx(5003 / RATE)  # a division, rounded


def test_tags_in_any_script(media: Media) -> None:
    info = pyffaudio.probe(media["tagged"])
    assert info.tags["title"] == "Ein Löffel 日本"
    assert info.tags["artist"] == "Åsa"


def test_a_cover_is_seen_and_not_decoded(media: Media) -> None:
    assert pyffaudio.probe(media["tagged"]).has_cover is True
    audio, plain = (pyffaudio.decode_file(media[name]) for name in ("tagged", "plain"))
    np.testing.assert_array_equal(audio.samples, plain.samples)


def test_chapters(media: Media) -> None:
    first, second = pyffaudio.probe(media["chapters"]).chapters
    assert (first.start_seconds, first.stop_seconds) == (0.0, 0.25)
    assert (second.start_seconds, second.stop_seconds) == (0.25, 0.5)
    assert [first.tags["title"], second.tags["title"]] == ["Part 1", "Part 2"]


def test_info_is_frozen(media: Media) -> None:
    info = pyffaudio.probe(media["wav_s16"])
    with pytest.raises(AttributeError):
        info.sample_rate = 1  # type: ignore[misc]


@pytest.mark.parametrize("granule", [0, 1])
def test_a_link_of_which_nothing_is_kept_before_one_that_cannot_be_opened(
    media: Media, granule: int
) -> None:
    """There was a first frame, and nothing is open any more: FFmpeg must not be asked about it."""
    head, tags, audio, *_ = pages(media["opus"].read_bytes())
    first = join([head, tags, audio.but(granule=granule, flags=audio.flags | LAST)])
    for link in (
        join([head]),
        join([head.but(serial=77, content=b"Speex   1.2.", lacing=b"\x0c")]),
    ):
        with pytest.raises(pyffaudio.CorruptAudioError):
            pyffaudio.decode_bytes(first + link)
