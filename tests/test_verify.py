"""Promise: probe(exact=True) counts, and says what is wrong: damage, and FLAC's MD5."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

import pyffaudio
from ffmpeg_command import ffmpeg
from pyffaudio import CorruptAudioError, Limits
from zoo import ZOO, Zoo

FLACS = [name for name, it in ZOO.items() if it.codec == "flac"]


def stated_md5(data: bytes | bytearray) -> int:
    """Where STREAMINFO has the MD5 of the samples: its last 16 bytes."""
    return data.index(b"fLaC") + 8 + 18


@pytest.mark.parametrize("name", FLACS)
def test_flac_that_is_whole(specimens: Zoo, name: str) -> None:
    info = pyffaudio.probe(specimens[name], exact=True)
    assert (info.num_frames, info.is_exact) == (ZOO[name].frames, True)


@pytest.mark.parametrize("name", ["flac_16", "flac_program_24", "oga_flac_program"])
def test_the_md5_is_that_of_the_samples(specimens: Zoo, name: str) -> None:
    """The tests' own sum over the signal is what the encoders wrote, which is what we compare."""
    it = ZOO[name]
    samples = it.signal() >> (it.bits and np.dtype(it.dtype).itemsize * 8 - it.bits)
    width = (it.bits or 16) // 8
    raw = samples.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
    assert hashlib.md5(raw).digest() in specimens[name].read_bytes()


def test_flac_of_which_the_md5_is_another_s(specimens: Zoo) -> None:
    data = bytearray(specimens["flac_16"].read_bytes())
    data[stated_md5(data)] ^= 1
    with pytest.raises(CorruptAudioError, match="MD5") as caught:
        pyffaudio.probe(data, exact=True)
    assert caught.value.code == "md5_mismatch"
    assert pyffaudio.decode_bytes(data).complete is True, "only who asks for it pays for it"


@pytest.mark.parametrize("second", ["oga_flac_program", "ogg_flac"])
def test_in_a_chain_it_is_that_of_the_first_link(specimens: Zoo, second: str) -> None:
    """Of the same stream number, and of another."""
    chain = specimens["oga_flac_program"].read_bytes() + specimens[second].read_bytes()
    frames = pyffaudio.decode_bytes(chain).num_frames
    assert frames == 2 * ZOO[second].frames
    assert pyffaudio.probe(chain, exact=True).num_frames == frames


def test_flac_without_md5_is_counted(specimens: Zoo) -> None:
    data = bytearray(specimens["flac_16"].read_bytes())
    at = stated_md5(data)
    data[at : at + 16] = bytes(16)
    assert pyffaudio.probe(data, exact=True).num_frames == ZOO["flac_16"].frames


@pytest.mark.parametrize("name", ["flac_16", "wav_s16", "ogg", "m4a_faststart"])
def test_damage_does_not_go_unsaid(specimens: Zoo, name: str) -> None:
    data = specimens[name].read_bytes()
    with pytest.raises(CorruptAudioError, match="frames") as caught:
        pyffaudio.probe(data[: len(data) // 2], exact=True)
    assert caught.value.issues


def test_what_is_merely_counted_is_no_memory(tmp_path: Path) -> None:
    """More bytes of samples than FFmpeg may take beside them."""
    path = tmp_path / "long.flac"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=96000", "-t", "170", "-sample_fmt", "s16", path)
    info = pyffaudio.probe(path, exact=True, limits=Limits(max_bytes=1000))
    assert info.num_frames == 170 * 96000
