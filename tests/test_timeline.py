"""Promise: one timeline. Whatever is read, in whatever way, is that slice of the whole."""

import io
import math
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyffaudio
from conftest import MUSIC
from long_media import LONG, LongMedia
from media import recordings
from pyffaudio import Audio, AudioReader, LimitExceededError
from pyffaudio.native import Decoder, open_decoder
from pyffaudio.options import normalise
from signals import Samples
from wav_bytes import wav_bytes

EXACT = [name for name, it in LONG.items() if it.klass != "converging"]
CONVERGING = [name for name, it in LONG.items() if it.klass == "converging"]
LEAST_DECIBELS = 90
# Few for each of many formats; far in more often than near the start, where nothing is skipped.
examples = settings(max_examples=12)
places = st.floats(0, 1.02) | st.sampled_from([0.0, 0.999, 1.0])
lengths = st.integers(0, 3) | st.integers(0, 40_000)
rates = st.sampled_from([None, 8000, 16000, 22050, 48000]) | st.integers(4000, 96_000)


@pytest.fixture(scope="module")
def long_media(tmp_path_factory: pytest.TempPathFactory) -> LongMedia:
    return LongMedia(tmp_path_factory.mktemp("long"), recordings(MUSIC["ogg"])[0])


@pytest.fixture(scope="module")
def wholes(long_media: LongMedia) -> Any:
    """What decoding all of a file gives, at a rate."""

    @cache
    def whole(name: str, rate: int | None = None) -> Audio:
        return pyffaudio.decode_file(long_media.path(name), sample_rate=rate)

    yield whole
    whole.cache_clear()


def decibels(whole: Samples, part: Samples) -> float:
    """How far below the signal the difference is."""
    difference = float(np.sqrt(np.mean((whole.astype(float) - part) ** 2)))
    level = float(np.sqrt(np.mean(whole.astype(float) ** 2)))
    return math.inf if difference == 0 else 20 * math.log10(max(level, 1e-9) / difference)


@pytest.mark.parametrize("name", EXACT)
@examples
@given(place=places, count=lengths, channels_first=st.booleans())
def test_a_segment_is_the_slice(
    long_media: LongMedia, wholes: Any, name: str, place: float, count: int, channels_first: bool
) -> None:
    whole = wholes(name).samples
    offset = round(place * len(whole))
    part = pyffaudio.decode_file(
        long_media.path(name), frame_offset=offset, num_frames=count, channels_first=channels_first
    )
    samples = part.samples.T if channels_first else part.samples
    np.testing.assert_array_equal(samples, whole[offset : offset + count], strict=True)
    assert part.more is (offset + count < len(whole))
    assert part.issues == ()


@pytest.mark.parametrize("name", CONVERGING)
@examples
@given(place=places, count=st.integers(2000, 40_000))
def test_a_converging_segment_comes_near(
    long_media: LongMedia, wholes: Any, name: str, place: float, count: int
) -> None:
    whole = wholes(name).samples
    offset = round(place * len(whole))
    part = pyffaudio.decode_file(long_media.path(name), frame_offset=offset, num_frames=count)
    expected = whole[offset : offset + count]
    assert part.samples.shape == expected.shape
    if len(expected) >= 2000:
        assert decibels(expected, part.samples) >= LEAST_DECIBELS


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "m4a", "adts", "mka_flac", "ac3"])
@settings(max_examples=25)
@given(rate=rates, place=places, count=lengths)
def test_a_resampled_segment_is_the_slice(
    long_media: LongMedia, name: str, rate: int | None, place: float, count: int
) -> None:
    path = long_media.path(name)
    whole = pyffaudio.decode_file(path, sample_rate=rate, num_channels=1)
    offset = round(place * whole.num_frames)
    part = pyffaudio.decode_file(
        path, sample_rate=rate, num_channels=1, frame_offset=offset, num_frames=count
    )
    np.testing.assert_array_equal(part.samples, whole.samples[offset : offset + count], strict=True)


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "m4a", "he_aac", "mka_aac"])
@settings(max_examples=25)
@given(
    start=st.floats(-21, 21),
    stop=st.none() | st.floats(-21, 21),
    rate=st.sampled_from([None, 16000]),
)
def test_seconds_count_as_a_slice_does(
    long_media: LongMedia,
    wholes: Any,
    name: str,
    start: float,
    stop: float | None,
    rate: int | None,
) -> None:
    whole = wholes(name, rate)
    length = whole.num_frames

    def frame(seconds: float) -> int:
        at = max(seconds + length / whole.sample_rate, 0) if seconds < 0 else seconds
        return round(at * int(whole.sample_rate))

    part = pyffaudio.decode_file(
        long_media.path(name), sample_rate=rate, start_seconds=start, stop_seconds=stop
    )
    first = frame(start)
    last = length if stop is None else max(frame(stop), first)
    np.testing.assert_array_equal(part.samples, whole.samples[first:last], strict=True)


class Unseekable(io.RawIOBase):
    """Bytes that come by once."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size)


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "ogg", "adts", "wv", "m4a_faststart"])
def test_every_kind_of_source(long_media: LongMedia, wholes: Any, name: str) -> None:
    data = long_media.path(name).read_bytes()
    whole = wholes(name).samples
    for offset in (0, 300_001, len(whole) - 70, len(whole) + 5):
        expected = whole[offset : offset + 5000]
        for file in (io.BytesIO(data), Unseekable(data)):
            part = pyffaudio.decode_file(file, frame_offset=offset, num_frames=5000)
            np.testing.assert_array_equal(part.samples, expected)
        part = pyffaudio.decode_bytes(data, frame_offset=offset, num_frames=5000)
        np.testing.assert_array_equal(part.samples, expected)
        out = np.zeros((5000, whole.shape[1]), "float32")
        filled = pyffaudio.decode_into(data, out, frame_offset=offset).samples
        np.testing.assert_array_equal(filled, expected)


@pytest.mark.parametrize("name", [name for name, it in LONG.items() if it.jumps])
def test_little_is_decoded_for_a_segment_far_in(long_media: LongMedia, name: str) -> None:
    """Of twenty seconds, some two: the preroll, and what is as cheap to decode as to skip."""
    with open_decoder(long_media.path(name), normalise()) as decoder:
        while decoder.skip(2**40):
            pass
        length = decoder.position
    with open_decoder(long_media.path(name), normalise()) as decoder:
        while decoder.read_into(np.empty((4096, decoder.num_channels), "float32")):
            pass
        all_packets = decoder.packets_decoded
    with open_decoder(long_media.path(name), normalise()) as decoder:
        assert decoder.seek(length * 9 // 10) == length * 9 // 10
        decoder.read_into(np.empty((1000, decoder.num_channels), "float32"))
        assert decoder.packets_decoded < all_packets / 4


@pytest.mark.parametrize("name", ["flac", "mp3", "ogg", "m4a", "adts", "mka_mp3", "wav"])
@examples
@given(data=st.data())
def test_a_reader_goes_anywhere_and_keeps_to_the_slice(
    long_media: LongMedia, wholes: Any, name: str, data: st.DataObject
) -> None:
    rate = data.draw(st.sampled_from([None, 16000]))
    whole = wholes(name, rate).samples
    position = 0
    with AudioReader(long_media.path(name), sample_rate=rate) as reader:
        for _ in range(data.draw(st.integers(1, 6))):
            if data.draw(st.booleans()):
                position = data.draw(st.integers(0, len(whole) + 10))
                assert reader.seek(position) == reader.tell() == position
            count = data.draw(st.integers(0, 30_000))
            samples = reader.read(count)
            np.testing.assert_array_equal(samples, whole[position : position + count])
            position += len(samples)
            assert reader.tell() == position
            if len(samples) < count:
                assert reader.num_frames == len(whole)
        assert reader.issues == ()


@pytest.mark.parametrize("name", ["flac", "mp3", "ogg", "opus", "wav", "he_aac"])
@settings(max_examples=6)
@given(size=st.sampled_from([1021, 4096, 65_537, 10**6]), rate=st.sampled_from([None, 16000]))
def test_blocks_are_the_whole(
    long_media: LongMedia, wholes: Any, name: str, size: int, rate: int | None
) -> None:
    """Also resampled: the filter's state is carried from block to block."""
    with AudioReader(long_media.path(name), sample_rate=rate) as reader:
        blocks = list(reader.blocks(size))
    assert {len(block) for block in blocks[:-1]} <= {size}
    np.testing.assert_array_equal(np.concatenate(blocks), wholes(name, rate).samples)


def overlapping(whole: Samples, size: int, overlap: int) -> Iterator[Samples]:
    """As soundfile.blocks has it: nothing but what was in the block before makes no block."""
    for start in range(0, len(whole), size - overlap):
        if start == 0 or start + overlap < len(whole):
            yield whole[start : start + size]


@pytest.mark.parametrize("channels_first", [False, True])
@given(
    frames=st.integers(0, 40),
    size=st.integers(1, 17),
    overlap=st.integers(0, 16),
    fill=st.booleans(),
)
def test_blocks_overlap_as_those_of_soundfile(
    wholes: Any, channels_first: bool, frames: int, size: int, overlap: int, fill: bool
) -> None:
    whole = wholes("wav").samples[:frames]
    overlap = min(overlap, size - 1)
    value = 0.5 if fill else None
    with AudioReader(
        whole.tobytes(),
        format="f32le",
        format_options={"sample_rate": 44100, "channels": 2},
        channels_first=channels_first,
    ) as reader:
        blocks = list(reader.blocks(size, overlap, fill_value=value))
    expected = list(overlapping(whole, size, overlap))
    assert len(blocks) == len(expected)
    for block, part in zip(blocks, expected, strict=True):
        frames_of = block.T if channels_first else block
        np.testing.assert_array_equal(frames_of[: len(part)], part)
        assert (frames_of[len(part) :] == 0.5).all()
        assert len(frames_of) == (size if fill else len(part))
    assert not any(np.shares_memory(a, b) for a, b in pairwise(blocks))


def test_a_block_larger_than_the_file_takes_no_more_than_the_file() -> None:
    """What is asked for is no reason to reserve it; what is to be filled up must be allowed."""
    with AudioReader(wav_bytes(np.ones((10, 2), np.int16), 8000)) as reader:
        assert [block.shape for block in reader.blocks(10**14)] == [(10, 2)]
        reader.seek(0)
        assert [part.shape for part in reader.segments([(5, 10**14), (2, 10**14)])] == [
            (5, 2),
            (8, 2),
        ]
        reader.seek(0)
        with pytest.raises(LimitExceededError, match="max_bytes"):
            next(reader.blocks(10**14, fill_value=0))


def packets_decoded(reader: AudioReader) -> int:
    assert isinstance(reader._decoder, Decoder)
    return reader._decoder.packets_decoded


@pytest.mark.parametrize("name", ["flac", "mp3", "ogg", "m4a", "adts", "wav", "mka_opus"])
@examples
@given(data=st.data())
def test_segments_come_in_their_order_each_packet_decoded_once(
    long_media: LongMedia, wholes: Any, name: str, data: st.DataObject
) -> None:
    whole = wholes(name).samples
    wanted = data.draw(
        st.lists(st.tuples(st.integers(0, len(whole) + 99), st.integers(0, 60_000)), max_size=8)
    )
    with AudioReader(long_media.path(name)) as reader:
        for (offset, count), samples in zip(wanted, reader.segments(wanted), strict=True):
            expected = whole[offset : offset + count]
            assert samples.shape == expected.shape
            if LONG[name].klass == "exact":
                np.testing.assert_array_equal(samples, expected)
        decoded = packets_decoded(reader)
    with AudioReader(long_media.path(name)) as reader:
        for _ in reader.blocks(100_000):
            pass
        assert decoded <= packets_decoded(reader)


def test_segments_do_not_share_memory(long_media: LongMedia, wholes: Any) -> None:
    whole = wholes("flac").samples
    wanted = [(1000, 500), (1200, 500), (1200, 100), (1600, 10)]
    with AudioReader(long_media.path("flac")) as reader:
        for (offset, count), samples in zip(wanted, reader.segments(wanted), strict=True):
            np.testing.assert_array_equal(samples, whole[offset : offset + count])
            samples[:] = 9


def test_read_into_any_layout(long_media: LongMedia, wholes: Any) -> None:
    whole = wholes("ogg").samples
    with AudioReader(long_media.path("ogg")) as reader:
        out = np.zeros((500, 4), "float32")
        assert reader.read_into(out[:, ::2]) == 500
        np.testing.assert_array_equal(out[:, ::2], whole[:500])
        assert not out[:, 1::2].any()
        reader.seek(len(whole) - 10)
        assert reader.read_into(out[:, :2]) == 10
        assert reader.read_into(out[:, :2]) == 0
        with pytest.raises(ValueError, match="2"):
            reader.read_into(out)


def test_read_into_is_as_particular_as_decode_into(long_media: LongMedia) -> None:
    """An integer of the same size would take the bits of a float for a number."""
    with AudioReader(long_media.path("wav")) as reader:
        for out in (np.zeros((9, 2), "int32"), np.zeros((9, 3), "float32"), np.zeros((9, 2), "f8")):
            with pytest.raises(ValueError, match="out"):
                reader.read_into(out)
            assert not out.any()
        with pytest.raises(TypeError, match="out"):
            reader.read_into([0.0])
        assert reader.tell() == 0


class Counting(io.BytesIO):
    """A store of objects: what is asked of it costs."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


@pytest.mark.parametrize("name", ["wav_8k", "flac_8k", "ogg_mono", "opus_speech", "m4a_alac_8k"])
def test_a_second_out_of_an_hour_reads_little(long_media: LongMedia, name: str) -> None:
    """As out of a store of objects, over a network."""
    data = long_media.hour(name).read_bytes()
    file = Counting(data)
    part = pyffaudio.decode_file(file, start_seconds=2345, stop_seconds=2346)
    assert part.duration_seconds == 1
    assert file.count < 700_000, (file.count, len(data))


@pytest.mark.parametrize(
    "name", ["flac", "mp3", "ogg", "wav", "wv", "opus", "m4a", "he_aac", "ac3"]
)
@pytest.mark.parametrize("rate", [None, 16000])
def test_threads_change_nothing(
    long_media: LongMedia, wholes: Any, name: str, rate: int | None
) -> None:
    whole = wholes(name, rate)
    path = long_media.path(name)
    for num_threads in (0, 2, 3):
        for channels_first in (False, True):
            audio = pyffaudio.decode_file(
                path, sample_rate=rate, num_threads=num_threads, channels_first=channels_first
            )
            samples = audio.samples.T if channels_first else audio.samples
            np.testing.assert_array_equal(samples, whole.samples, strict=True)
            assert (audio.issues, audio.complete) == (whole.issues, whole.complete)
            assert audio.more is False
    part = pyffaudio.decode_bytes(
        path.read_bytes(), sample_rate=rate, num_threads=2, frame_offset=9999, num_frames=10**9
    )
    if LONG[name].klass == "exact":
        np.testing.assert_array_equal(part.samples, whole.samples[9999:])
    out = np.zeros((whole.num_frames + 77, whole.num_channels), "float32")
    into = pyffaudio.decode_into(path, out, sample_rate=rate, num_threads=2)
    np.testing.assert_array_equal(into.samples, whole.samples)
    file = pyffaudio.decode_file(io.BytesIO(path.read_bytes()), sample_rate=rate, num_threads=2)
    np.testing.assert_array_equal(file.samples, whole.samples)


def test_exact_codecs_are_divided(long_media: LongMedia) -> None:
    """Which the test above would not notice if they were not."""
    for name in ("flac", "mp3", "ogg", "wav", "wv", "m4a_alac"):
        with open_decoder(long_media.path(name), normalise()) as decoder:
            assert decoder.most_parts(0) > 1
    for name in ("opus", "m4a", "he_aac", "ac3", "mka_mp3"):
        with open_decoder(long_media.path(name), normalise()) as decoder:
            assert decoder.most_parts(0) == 1


def test_all_cores_are_those_there_are_when_it_is_called(
    long_media: LongMedia, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Affinity may change between two calls that ask for the same."""
    asked = []

    def fill_nothing(*given: Any) -> int:
        asked.append(given[-1])
        return 0

    monkeypatch.setattr("pyffaudio.parallel.fill_with_threads", fill_nothing)
    for cores in (3, 2):
        monkeypatch.setattr("pyffaudio.decode.num_cores", lambda cores=cores: cores)
        pyffaudio.decode_file(long_media.path("flac"), num_threads=0)
    assert asked == [3, 2]
