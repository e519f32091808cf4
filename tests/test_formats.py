"""Promise: every format decodes, to the frame; to the signal if lossless, else as ffmpeg has it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import ffmpeg_command
import pyffaudio
from pyffaudio import UnsupportedFormatError
from signals import Samples
from zoo import ZOO, Zoo

# What the linked FFmpeg cannot read: the reason that the message gives.
UNREAD = {"mp3_free": "free format"}
if "qoa" not in pyffaudio.formats()["demuxers"]:
    UNREAD["qoa"] = "the linked FFmpeg cannot read qoa"
READ = [name for name in ZOO if name not in UNREAD]

# Where the ffmpeg command does not keep to the container's word, docs/differences.md: it leaves
# padding on the end, or cuts some of the audio.
ENDS = {
    *("m4a", "m4a_faststart", "m4a_fine", "mov_aac", "3gp_aac", "3gp_amr_nb", "3gp_amr_wb"),
    *("mp4_mp3", "mp4_opus", "mp4_ac3", "mov"),
    *("m4a_fragments", "m4a_fragments_moof", "m4a_fragments_delay"),
    *(f"m4a_fdk_{codec}_{mode}" for codec in ("lc", "he", "he2") for mode in ("itunes", "iso")),
    *(f"m4a_fdk_{codec}_both" for codec in ("lc", "he", "he2")),
    *("wav_adpcm_ima_sox", "wav_adpcm_ms_sox", "wav_gsm_sox", "wav_g726"),
}
# Frames that some versions leave before the start as well.
STARTS = {"m4a_fragments_delay": 1024, "m4a_fdk_he_itunes": 2048, "m4a_fdk_he2_itunes": 3072}
OTHERS = {"wav_24_in_32", "spx", "ogg_speex"}  # these have tests of their own


@pytest.fixture(scope="module")
def golden(specimens: Zoo) -> dict[str, Samples]:
    """What the command makes of each, all at once: it is starting it that takes time."""

    def decode(name: str) -> Samples:
        it = ZOO[name]
        # What a demuxer calls corrupt may only be shorter than it thought.
        form = ("-noxerror", *(("-f", it.container) if it.headerless else ()))
        return ffmpeg_command.decode(specimens[name], "float32", it.channels, before=form)

    names = [name for name in READ if not ZOO[name].lossless and name not in OTHERS]
    with ThreadPoolExecutor() as pool:
        return dict(zip(names, pool.map(decode, names), strict=True))


@pytest.mark.parametrize("name", READ)
def test_what_is_in_it(specimens: Zoo, name: str) -> None:
    """Rate, channels, codec and container; probe and decoding say the same."""
    it = ZOO[name]
    audio = pyffaudio.decode_file(specimens[name])
    assert (audio.sample_rate, audio.num_channels) == (it.rate, it.channels)
    assert (audio.info.codec, audio.info.container) == (it.codec, it.container)
    assert audio.info == pyffaudio.probe(specimens[name])
    # FFmpeg's muxer counts the last block of WavPack in Matroska as a whole one.
    expected = ["length_mismatch"] if name == "mka_wavpack" else []
    assert [issue.code for issue in audio.issues] == expected
    assert audio.complete is not False
    if it.length is not None and name != "ts_opus":
        assert audio.num_frames == it.length


@pytest.mark.parametrize("name", [name for name in READ if ZOO[name].lossless])
def test_lossless_ones_give_the_signal(specimens: Zoo, name: str) -> None:
    it = ZOO[name]
    audio = pyffaudio.decode_file(specimens[name], dtype=it.dtype)
    np.testing.assert_array_equal(audio.samples, it.signal(), strict=True)


@pytest.mark.parametrize(
    "name", [name for name in READ if not ZOO[name].lossless and name not in OTHERS]
)
def test_lossy_ones_equal_the_command(
    specimens: Zoo, golden: dict[str, Samples], name: str
) -> None:
    ours, expected = pyffaudio.decode_file(specimens[name]).samples, golden[name]
    if name in ENDS:
        start = STARTS.get(name, 0)
        if np.array_equal(ours[:1000], expected[:1000]):
            start = 0
        count = min(len(ours), len(expected) - start)
        assert len(ours) - count < ZOO[name].rate // 1000, "the command cuts less than 1 ms"
        ours, expected = ours[:count], expected[start : start + count]
    np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("name", ["spx", "ogg_speex"])
def test_speex(specimens: Zoo, name: str) -> None:
    """As the command has it behind the encoder's look-ahead, which Ogg has before its zero."""
    it = ZOO[name]
    expected = ffmpeg_command.decode(specimens[name], "float32", 1)[:, 0]
    if len(expected) > 1.5 * it.frames:
        # FFmpeg 7.1 has as much silence after each packet.
        expected, silence = expected.reshape(-1, 2, 320).swapaxes(0, 1).reshape(2, -1)
        assert not silence.any()
    ours = pyffaudio.decode_file(specimens[name]).samples[:, 0]
    np.testing.assert_array_equal(ours, expected[143 : 143 + len(ours)])


@pytest.mark.parametrize("name", UNREAD)
def test_what_cannot_be_read_is_named(specimens: Zoo, name: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=UNREAD[name]):
        pyffaudio.decode_file(specimens[name])


@pytest.mark.parametrize(
    "name", [name for name in READ if ZOO[name].length is not None and name != "ts_opus"]
)
def test_probe_knows_the_length_that_the_container_says(specimens: Zoo, name: str) -> None:
    """Without decoding to the end. The others count milliseconds, bytes, or nothing."""
    it = ZOO[name]
    info = pyffaudio.probe(specimens[name])
    if info.container not in ("matroska", "voc", "avi", "dsf", "truehd", "caf"):
        assert info.num_frames == it.length


@pytest.mark.parametrize("name", READ)
def test_bytes_decode_like_the_path(specimens: Zoo, name: str) -> None:
    path = specimens[name]
    form = ZOO[name].container if ZOO[name].headerless else None
    expected = pyffaudio.decode_file(path).samples
    data = pyffaudio.decode_bytes(path.read_bytes(), format=form)
    np.testing.assert_array_equal(data.samples, expected)
