"""Promise: what is lost is known, what is good is given, and changes on the way are converted."""

from pathlib import Path

import numpy as np
import pytest

import pyffaudio
from ffmpeg_command import encode
from flac_bytes import flac
from media import RECIPES, Media
from pyffaudio import CorruptAudioError
from signals import full_range, music
from wav_bytes import wav_bytes
from zoo import Zoo


def damage(data: bytes) -> CorruptAudioError:
    with pytest.raises(CorruptAudioError) as caught:
        pyffaudio.decode_bytes(data, dtype=None)
    return caught.value


def codes(audio: pyffaudio.Audio) -> set[str]:
    return {issue.code for issue in audio.issues}


def test_partial_returns_what_raise_has_on_the_error(media: Media) -> None:
    for name in ("wav_s16", "flac_16"):
        data = media[name].read_bytes()[:-1000]
        error = damage(data)
        partial = pyffaudio.decode_bytes(data, dtype=None, on_error="partial")
        assert error.partial is not None
        np.testing.assert_array_equal(error.partial.samples, partial.samples, strict=True)
        assert error.issues == error.partial.issues == partial.issues
        assert error.code in codes(partial)
        assert partial.complete is error.partial.complete is False


@pytest.mark.parametrize("name", ["wav_u8", "wav_s16", "wav_s24", "wav_f32", "wav_s16_6"])
@pytest.mark.parametrize("lost", [1, 5, 3000])
def test_a_truncated_wav(media: Media, name: str, lost: int) -> None:
    """Its data chunk says how many bytes there should be."""
    data = media[name].read_bytes()
    start = data.index(b"data") + 8
    expected = RECIPES[name].signal()
    width = (len(data) - start) // len(expected)
    frames = (len(data) - lost - start) // width
    error = damage(data[:-lost])
    assert error.code == "truncated"
    assert error.partial is not None
    assert codes(error.partial) == {"truncated"}
    assert error.partial.complete is False
    np.testing.assert_array_equal(error.partial.samples, expected[:frames], strict=True)


def test_a_truncated_wav_of_which_only_the_good_part_was_asked_for(media: Media) -> None:
    """A segment reports only what it reads."""
    data = media["wav_s16"].read_bytes()[:-3000]
    audio = pyffaudio.decode_bytes(data, dtype=None, num_frames=1000)
    assert audio.issues == ()
    assert audio.more is True
    np.testing.assert_array_equal(audio.samples, RECIPES["wav_s16"].signal()[:1000])


def test_a_truncated_wav_into_an_array(media: Media) -> None:
    data = media["wav_s16"].read_bytes()[:-3000]
    out = np.full((6000, 2), 7, np.int16)
    audio = pyffaudio.decode_into(data, out, on_error="partial")
    assert codes(audio) == {"truncated"}
    assert (out[audio.num_frames :] == 7).all()
    with pytest.raises(CorruptAudioError):
        pyffaudio.decode_into(data, out)


@pytest.mark.parametrize("codec", ["mp3", "adts"])
def test_rate_and_channels_that_change_on_the_way(tmp_path: Path, codec: str) -> None:
    """Two files in one: the second becomes what the first is, and a note says so."""
    recipe = RECIPES[codec]
    data = b""
    for rate, channels in ((44100, 2), (22050, 1)):
        signal = music(rate, channels, rate).astype(np.float32)
        path = tmp_path / f"{rate}{recipe.suffix}"
        bare = ("-write_xing", "0", "-id3v2_version", "0") if codec == "mp3" else ()
        data += encode(path, signal, rate, *recipe.arguments, *bare).read_bytes()
    audio = pyffaudio.decode_bytes(data)
    assert (audio.sample_rate, audio.num_channels) == (44100, 2)
    assert "params_changed" in codes(audio)
    assert audio.complete is not False
    assert audio.duration_seconds == pytest.approx(2, abs=0.2)  # the encoders' padding
    second = audio.samples[-20_000:-10_000]
    np.testing.assert_array_equal(second[:, 0], second[:, 1])  # mono repeats
    assert np.abs(second).max() == pytest.approx(0.5, abs=0.1)


def test_channels_that_change_to_what_no_rule_converts(tmp_path: Path) -> None:
    """Stereo after 5.1: each goes to the channel of its own place, and the others are silent."""
    first, second = (full_range(5003, channels, "int16") for channels in (6, 2))
    data = b"".join(
        encode(tmp_path / f"{len(part.T)}.ogg", part, 44100, "-c:a", "flac").read_bytes()
        for part in (first, second)
    )
    audio = pyffaudio.decode_bytes(data, dtype="int16")
    assert codes(audio) == {"params_changed"}
    np.testing.assert_array_equal(audio.samples[:5003], first)
    np.testing.assert_array_equal(audio.samples[5003:, :2], second)
    assert not audio.samples[5003:, 2:].any()


@pytest.mark.parametrize("name", ["vorbis", "opus", "flac_16"])
def test_chained_files(media: Media, name: str) -> None:
    """Ogg streams one after the other are one long one; FLAC is not made for this."""
    data = media[name].read_bytes()
    one = pyffaudio.decode_bytes(data)
    two = pyffaudio.decode_bytes(data * 2, on_error="partial")
    np.testing.assert_array_equal(two.samples[: one.num_frames - 1000], one.samples[:-1000])
    if name != "flac_16":
        assert two.num_frames == pytest.approx(2 * one.num_frames, abs=2000)


@pytest.mark.parametrize("name", ["mp3", "wav_s16", "flac_16"])
@pytest.mark.parametrize("tail", [b"TAG" + bytes(125), bytes(100)], ids=["ID3v1", "zeros"])
def test_what_comes_after_the_audio_is_no_error(media: Media, name: str, tail: bytes) -> None:
    data = media[name].read_bytes()
    expected = pyffaudio.decode_bytes(data)
    audio = pyffaudio.decode_bytes(data + tail)
    np.testing.assert_array_equal(audio.samples, expected.samples)


def test_what_comes_before_the_audio_is_no_error(media: Media) -> None:
    """An ID3 tag in front of a FLAC, which some programs write."""
    tag = b"ID3\x04\0\0" + bytes([0, 0, 0, 50]) + bytes(50)
    audio = pyffaudio.decode_bytes(tag + media["flac_16"].read_bytes(), dtype=None)
    np.testing.assert_array_equal(audio.samples, RECIPES["flac_16"].signal())


def test_a_wav_with_other_chunks_around_its_data() -> None:
    expected = full_range(1001, 1, "uint8")
    wav = wav_bytes(expected, 8000)
    junk = b"junk" + (7).to_bytes(4, "little") + b"1234567\0"
    for where in (12, 36, len(wav)):
        audio = pyffaudio.decode_bytes(wav[:where] + junk + wav[where:], dtype=None)
        np.testing.assert_array_equal(audio.samples, expected, strict=True)


def test_a_traceback_holds_no_view_of_memory_that_moved(media: Media) -> None:
    """Debuggers and error reporters print local variables."""
    data = media["wav_s16"].read_bytes()
    error = damage(data[: len(data) // 2])
    traceback = error.__traceback__
    frames = []
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    ours = [frame for frame in frames if "pyffaudio/decode" in frame.f_code.co_filename]
    assert ours
    for frame in ours:
        assert not any(isinstance(value, np.ndarray) for value in frame.f_locals.values())


def test_a_segment_is_not_blamed_for_what_comes_after_it(media: Media) -> None:
    data = bytearray(media["flac_16"].read_bytes())
    data[-100] ^= 1
    error = damage(bytes(data))
    good = error.issues[0].frame_offset
    expected = RECIPES["flac_16"].signal()[:good]
    assert good > 0
    audio = pyffaudio.decode_bytes(data, dtype=None, num_frames=good)
    np.testing.assert_array_equal(audio.samples, expected, strict=True)
    assert audio.issues == ()
    out = np.zeros((good, 2), np.int16)
    assert pyffaudio.decode_into(data, out).issues == ()
    np.testing.assert_array_equal(out, expected)


def test_mp3_files_one_after_the_other_with_their_tags(media: Media) -> None:
    data = media["mp3"].read_bytes()
    assert data.startswith(b"ID3")
    audio = pyffaudio.decode_bytes(data + data)
    assert codes(audio) == {"trailing_data", "length_mismatch"}
    assert audio.complete is not False


@pytest.mark.parametrize(
    "tag",
    [b"ID3\x04\0\0\x7f\x7f\x7f\x7f", b"APETAGEX" + bytes(4) + b"\xff\xff\xff\x7f" + bytes(16)],
    ids=["ID3", "APE"],
)
def test_a_tag_that_says_it_is_longer_than_the_file(specimens: Zoo, tag: bytes) -> None:
    """What follows it is not swallowed, but for the frame that it stands before."""
    data = specimens["mp3_vbr_untagged"].read_bytes()
    one = pyffaudio.decode_bytes(data).num_frames
    audio = pyffaudio.decode_bytes(data + tag + data)
    assert codes(audio) == {"trailing_data"}
    assert audio.num_frames >= 2 * one - 1152


def test_a_piece_of_a_frame_between_frames_of_ac3(specimens: Zoo) -> None:
    """It comes in one packet with the frame before it, which is not lost with it."""
    data = specimens["ac3"].read_bytes()
    head = data[:4]
    second = data.index(head[:2], 2)
    at = data.index(head[:2], 20 * second)
    frames = pyffaudio.decode_bytes(data).num_frames
    audio = pyffaudio.decode_bytes(data[:at] + data[at + 100 : at + 300] + data[at:],
                                   on_error="partial")  # fmt: skip
    assert "corrupt_data" in codes(audio)
    assert audio.num_frames >= frames - 1536
    assert codes(pyffaudio.decode_bytes(data + data[at + 100 : at + 300])) == {"trailing_data"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bad", [[(0, 1)], [(17, 40), (41, 42)], [(0, 9000), (15_000, 20_000)]])
def test_floats_that_are_no_numbers_are_noted_to_the_frame(
    dtype: str, bad: list[tuple[int, int]]
) -> None:
    """Run by run, whatever the sizes of the packets that a version of FFmpeg makes of a WAV."""
    samples = music(20_000, 2, 44100).astype(dtype)
    for begin, end in bad:
        samples[begin:end, begin % 2] = np.nan
        samples[end - 1, 1 - begin % 2] = -np.inf
    data = wav_bytes(samples, 44100)
    for first, count in ((0, 20_000), (10_000, 4990), (10_000, 10_000), (0, 16_000), (17, 24)):
        audio = pyffaudio.decode_bytes(data, dtype=None, frame_offset=first, num_frames=count)
        runs = [(max(begin, first) - first, min(end, first + count) - first) for begin, end in bad]
        expected = [(begin, end - begin) for begin, end in runs if begin < end]
        assert [(it.frame_offset, it.num_frames) for it in audio.issues] == expected
        assert codes(audio) <= {"nonfinite"}
        np.testing.assert_array_equal(audio.samples, samples[first : first + count])


@pytest.mark.parametrize(
    ("sizes", "stated"), [([4096], 4608), ([1152], 4096), ([4096, 4096], 4608)]
)
def test_flac_whose_blocks_are_not_of_the_stated_size(sizes: list[int], stated: int) -> None:
    """Its frames' numbers cannot be times of the stated size: FFmpeg's are as good as any."""
    samples = full_range(40_000, 2, "int16")
    data = flac(samples, sizes)
    info = 8  # of its four first bytes, STREAMINFO has the sizes
    assert data[info : info + 2] == data[info + 2 : info + 4]
    lying = data[:info] + stated.to_bytes(2, "big") * 2 + data[info + 4 :]
    audio = pyffaudio.decode_bytes(lying, dtype=None)
    assert audio.issues == ()
    np.testing.assert_array_equal(audio.samples, samples)


def test_flac_files_of_two_block_sizes_one_after_the_other() -> None:
    samples = full_range(30_000, 2, "int16")
    data = flac(samples, [4096]) + flac(samples, [1152])
    audio = pyffaudio.decode_bytes(data, dtype=None)
    assert codes(audio) <= {"length_mismatch"}
    np.testing.assert_array_equal(audio.samples, np.concatenate([samples, samples]))


def test_flac_keeps_time_by_the_numbers_of_its_frames() -> None:
    """Of a short file, FFmpeg's parser makes one packet of several frames around a damaged one."""
    samples = full_range(40_000, 2, "int16")
    for sizes in ([4096], [4096, 1152, 2304]):
        data = flac(samples, sizes)
        at = data.index(b"\xff\xf8" if len(sizes) == 1 else b"\xff\xf9", 30_000)
        whole = pyffaudio.decode_bytes(data, dtype=None)
        damaged = data[: at + 2000] + bytes([data[at + 2000] ^ 1]) + data[at + 2001 :]
        missing = data[: at + 2000] + data[at + 3000 :]
        for bad in (damaged, missing):
            audio = pyffaudio.decode_bytes(bad, dtype=None, on_error="partial")
            assert codes(audio) == {"corrupt_data"}
            (issue,) = audio.issues
            after = issue.frame_offset + issue.num_frames
            assert 0 < issue.num_frames <= 3 * 4096
            np.testing.assert_array_equal(audio.samples[after:], whole.samples[after:])
            before = slice(issue.frame_offset)
            np.testing.assert_array_equal(audio.samples[before], whole.samples[before])
            assert not audio.samples[issue.frame_offset : after].any()
