"""Promise: probe(exact=True) counts what decoding gives, and decodes only where it must."""

import pytest

import pyffaudio
from long_media import LONG
from pyffaudio.native import open_decoder
from pyffaudio.options import normalise
from test_formats import READ
from test_timeline import long_media, wholes
from zoo import Zoo

__all__ = ["long_media", "wholes"]  # fixtures

# Lossless or not, these have all that counting takes in the headers of their packets.
COUNTED = ["wav_s16", "aiff", "mp3_ffmpeg", "aac", "m4a", "m4a_alac_16", "opus", "mka_flac"]


@pytest.mark.parametrize("name", READ)
def test_the_count_is_what_decoding_gives(specimens: Zoo, name: str) -> None:
    info = pyffaudio.probe(specimens[name], exact=True)
    assert info.is_exact
    assert info.num_frames == pyffaudio.decode_file(specimens[name]).num_frames


@pytest.mark.parametrize("name", COUNTED)
def test_counting_does_not_decode(specimens: Zoo, name: str) -> None:
    with open_decoder(specimens[name], normalise(dtype=None)) as decoder:
        opened = decoder.packets_decoded
        assert decoder.count() == pyffaudio.decode_file(specimens[name]).num_frames
        assert decoder.packets_decoded == opened


@pytest.mark.parametrize("name", LONG)
def test_what_is_called_exact_is(long_media: object, wholes: object, name: str) -> None:
    path = long_media.path(name)  # type: ignore[attr-defined]
    whole = wholes(name)  # type: ignore[operator]
    if whole.info.is_exact:
        assert whole.info.num_frames == whole.num_frames
    assert pyffaudio.probe(path, exact=True).num_frames == whole.num_frames
