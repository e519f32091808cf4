"""Promise: delay and padding go as the container says, and no lying length cuts real audio."""

import contextlib
import struct
from pathlib import Path

import numpy as np
import pytest

import ffmpeg_command
import pyffaudio
from signals import music
from zoo import Zoo

# Lengths around the block sizes; none a whole number of milliseconds.
LENGTHS = [1, 2, 63, 1023, 1025, 2047, 4801, 10_007]
CODECS = {
    "mp3": (".mp3", "libmp3lame"),
    "opus": (".opus", "libopus"),
    "mka_opus": (".mka", "libopus"),
    "vorbis": (".ogg", "libvorbis"),
    "m4a": (".m4a", "aac"),
    "mp4_opus": (".mp4", "libopus"),
    "mp4_mp3": (".mp4", "libmp3lame"),
    "m4a_alac": (".m4a", "alac"),
}


# What encoders do not write down: LAME fewer than some 50 frames, the muxer of MP4 an edit shorter
# than a millisecond, and FFmpeg's AAC the one frame in a packet of its own. Of a single packet in
# Matroska, FFmpeg 9.0 forgets what is to be discarded at its end.
UNTOLD = {("mp3", 1), ("mp3", 2), ("m4a", 1), ("m4a", 2), ("m4a", 1025)}
UNTOLD |= {(name, frames) for name in ("mp4_opus", "mp4_mp3", "mka_opus") for frames in (1, 2, 63)}


@pytest.mark.parametrize(
    ("name", "frames"),
    [(name, frames) for name in CODECS for frames in LENGTHS if (name, frames) not in UNTOLD],
)
def test_any_length_comes_back(tmp_path: Path, name: str, frames: int) -> None:
    suffix, codec = CODECS[name]
    rate = 48000 if "opus" in codec else 44100
    signal = music(frames, 1, rate).astype(np.float32)
    arguments = ("-c:a", codec, *(("-sample_fmt", "s16p") if codec == "alac" else ()))
    path = ffmpeg_command.encode(tmp_path / f"clip{suffix}", signal, rate, *arguments)
    audio = pyffaudio.decode_file(path)
    assert audio.issues == ()
    assert audio.num_frames == frames
    assert pyffaudio.probe(path).num_frames == frames or name == "mka_opus"


def patched(data: bytes, box: bytes, offset: int, value: int) -> bytes:
    """The MP4 with four bytes of a box replaced, counted from behind its name."""
    forged = bytearray(data)
    struct.pack_into(">I", forged, data.index(box) + 4 + offset, value)
    return bytes(forged)


@pytest.mark.parametrize(
    ("box", "offset", "value"),
    [
        (b"mvhd", 16, 1500),
        (b"tkhd", 20, 1500),
        (b"mdhd", 16, 66_000),
        (b"mdhd", 16, 2**32 - 1),
        (b"elst", 8, 6000),
    ],
)
def test_a_duration_that_lies_cuts_nothing(
    specimens: Zoo, box: bytes, offset: int, value: int
) -> None:
    """Half the audio, or twice: the sample table has what there is."""
    data = specimens["m4a"].read_bytes()
    expected = pyffaudio.decode_bytes(data)
    audio = pyffaudio.decode_bytes(patched(data, box, offset, value))
    np.testing.assert_array_equal(audio.samples, expected.samples)


def test_an_edit_list_that_hides_audio_is_noted(specimens: Zoo) -> None:
    """It is an instruction, which every player follows; what it hides does not go unsaid."""
    data = specimens["m4a"].read_bytes()
    whole = pyffaudio.decode_bytes(data)
    audio = pyffaudio.decode_bytes(patched(data, b"elst", 8, 1500))
    np.testing.assert_array_equal(audio.samples, whole.samples[:66_150])
    assert [issue.code for issue in audio.issues] == ["length_mismatch"]
    assert audio.complete is None


@pytest.mark.parametrize("name", ["m4a_fdk_lc_itunes", "m4a_fdk_he_itunes"])
def test_a_gapless_tag_that_does_not_add_up_cuts_nothing(specimens: Zoo, name: str) -> None:
    """iTunSMPB: delay, padding and length must make up the sample table."""
    data = specimens[name].read_bytes()
    at = data.index(b"iTunSMPB")
    fields = data.index(b" 00000000 ", at)
    length = data[fields + 28 : fields + 44]
    forged = data.replace(length, b"%016X" % (int(length, 16) // 2))
    audio = pyffaudio.decode_bytes(forged)
    assert audio.num_frames >= pyffaudio.decode_bytes(data).num_frames


def test_the_packet_table_of_caf(specimens: Zoo) -> None:
    """FFmpeg's muxer writes no priming: with it, the same packets are as long as in Ogg."""
    data = bytearray(specimens["caf_opus"].read_bytes())
    expected = pyffaudio.decode_file(specimens["opus_ffmpeg"]).samples
    at = data.index(b"pakt") + 12
    struct.pack_into(">qii", data, at + 8, len(expected), 312, 144_960 - 312 - len(expected))
    audio = pyffaudio.decode_bytes(data)
    np.testing.assert_array_equal(audio.samples, expected)
    assert audio.info.num_frames == len(expected)


def test_every_link_of_a_chain_is_trimmed(specimens: Zoo) -> None:
    parts = [specimens[name] for name in ("opus", "opus_ffmpeg", "opus")]
    audio = pyffaudio.decode_bytes(b"".join(path.read_bytes() for path in parts))
    expected = np.concatenate([pyffaudio.decode_file(path).samples for path in parts])
    np.testing.assert_array_equal(audio.samples, expected)
    assert audio.issues == ()


@pytest.mark.parametrize("second", ["ogg", "ogg_flac", "spx", "opus"])
def test_a_chain_of_different_codecs(specimens: Zoo, second: str) -> None:
    """Rate, channels and codec change: each link is what it is alone, converted to the first."""
    first = pyffaudio.decode_file(specimens["opus"])
    alone = pyffaudio.decode_file(
        specimens[second], sample_rate=first.sample_rate, num_channels=first.num_channels
    )
    data = specimens["opus"].read_bytes() + specimens[second].read_bytes()
    audio = pyffaudio.decode_bytes(data)
    np.testing.assert_array_equal(audio.samples[: first.num_frames], first.samples)
    np.testing.assert_array_equal(audio.samples[first.num_frames :], alone.samples)
    assert [issue.code for issue in audio.issues] == ["params_changed"] * (second != "opus")
    assert audio.info.codec == first.info.codec, "what is told is told of the first link"


def test_a_chain_read_block_by_block_and_from_a_pipe(specimens: Zoo) -> None:
    """Page headers may fall anywhere between two reads."""
    data = specimens["opus"].read_bytes() + specimens["ogg"].read_bytes()
    expected = pyffaudio.decode_bytes(data).samples

    class Trickle:
        """A file object that gives a few bytes at a time, of odd numbers, and cannot seek."""

        def __init__(self) -> None:
            self.at = 0

        def seekable(self) -> bool:
            return False

        def read(self, size: int) -> bytes:
            count = min(size, 1 + self.at * 7919 % 997)
            self.at += count
            return data[self.at - count : self.at]

    np.testing.assert_array_equal(pyffaudio.decode_file(Trickle()).samples, expected)


class Pipe:
    """A file object that cannot seek, of which reads end where they are told to."""

    def __init__(self, data: bytes, step: int) -> None:
        self.data, self.step, self.at = data, step, 0

    def seekable(self) -> bool:
        return False

    def read(self, size: int) -> bytes:
        end = min(self.at + size, self.at - self.at % self.step + self.step)
        self.at, begin = end, self.at
        return self.data[begin:end]


@pytest.mark.parametrize("step", [1 << 20, 30_011, 4096, 997])
def test_short_links_behind_a_long_one_from_a_pipe(specimens: Zoo, step: int) -> None:
    """Several begin in what is read at once, and none can be read again."""
    names = ["opus", "spx", "opus", "ogg", "opus", "spx"]
    data = b"".join(specimens[name].read_bytes() for name in names)
    expected = pyffaudio.decode_bytes(data)
    audio = pyffaudio.decode_file(Pipe(data, step))
    np.testing.assert_array_equal(audio.samples, expected.samples)
    assert [issue.code for issue in audio.issues] == [issue.code for issue in expected.issues]


@pytest.mark.parametrize("first", ["opus", "ogg"])
def test_a_link_that_cannot_be_opened(specimens: Zoo, first: str) -> None:
    """It is damage, for every way of asking, and never a crash."""
    page = bytearray(specimens["opus"].read_bytes()[:47])
    junk = bytes(page[:28]) + b"XXXXXXXX" + bytes(11)
    data = specimens[first].read_bytes() + junk
    alone = pyffaudio.decode_file(specimens[first])
    for options in ({}, {"start_seconds": -1.0}):
        partial = pyffaudio.decode_bytes(data, on_error="partial", **options)  # type: ignore[arg-type]
        assert partial.num_frames <= alone.num_frames
    with contextlib.suppress(pyffaudio.PyffaudioError):
        pyffaudio.decode_bytes(junk + junk)
    with contextlib.suppress(pyffaudio.PyffaudioError):
        pyffaudio.probe(data, exact=True)


def test_a_chain_is_complete_if_all_its_links_are(specimens: Zoo) -> None:
    data = specimens["opus"].read_bytes()
    cut = data[: data.rindex(b"OggS")]
    for chain, verdict in ((data + data, True), (data + cut, None), (cut + data, None)):
        assert pyffaudio.decode_bytes(chain, on_error="partial").complete is verdict
