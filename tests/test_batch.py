"""Promise: many at a time give what one by one gives, and take no more than they need."""

import gc
import io
import itertools
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyffaudio
from conftest import MUSIC
from damage import overwrite
from ffmpeg_command import ffmpeg
from media import recordings
from pyffaudio import Audio, CorruptAudioError, Limits, PyffaudioError, batch, cores, decode
from pyffaudio.batch import _workers
from signals import full_range
from wav_bytes import wav_bytes

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")
WAV = wav_bytes(full_range(1000, 1, "int16"), 8000)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Clips of real music, of other lengths and codecs, some of them mono."""
    folder = tmp_path_factory.mktemp("batch")
    music = folder / "music.wav"
    ffmpeg("-i", recordings(MUSIC["ogg"])[0], "-t", "20", music)
    made = []
    for index, suffix in enumerate(SUFFIXES * 2):
        path = folder / f"{index}{suffix}"
        codec = ("-c:a", "libvorbis") if suffix == ".ogg" else ()
        seconds = str(0.3 + 0.11 * index)
        shape = ("-t", seconds, "-ac", str(1 + index // len(SUFFIXES)), *codec)
        ffmpeg("-ss", str(index), "-i", music, *shape, path)
        made.append(path)
    return made


def _one_by_one(sources: list[Any], **options: Any) -> list[Audio]:
    return [
        pyffaudio.decode_bytes(source, **options)
        if isinstance(source, bytes)
        else pyffaudio.decode_file(source, **options)
        for source in sources
    ]


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sample_rate": 16000, "num_channels": 1, "dtype": "int16"},
        {"channels_first": True, "frame_offset": 1000, "num_frames": 3000},
    ],
    ids=["as stored", "resampled", "segments"],
)
def test_many_are_those_of_one_by_one(paths: list[Path], options: Any, workers: int) -> None:
    sources: list[Any] = [*paths, *(path.read_bytes() for path in paths), paths[0]]
    many = list(pyffaudio.decode_many(iter(sources), num_workers=workers, **options))
    for audio, expected in zip(many, _one_by_one(sources, **options), strict=True):
        assert isinstance(audio, Audio)
        np.testing.assert_array_equal(audio.samples, expected.samples)
        assert audio.info == expected.info
        assert (audio.issues, audio.complete, audio.more) == (
            *(expected.issues, expected.complete, expected.more),
        )


def test_an_item_s_error_comes_in_its_place() -> None:
    sources: list[Any] = [WAV, "/nowhere.wav", b"no audio", WAV]
    returned = list(pyffaudio.decode_many(sources, num_workers=2, on_item_error="return"))
    kinds = [Audio, FileNotFoundError, pyffaudio.UnsupportedFormatError, Audio]
    assert [type(item) for item in returned] == kinds
    many = pyffaudio.decode_many(sources, num_workers=2)
    assert isinstance(next(many), Audio)
    with pytest.raises(FileNotFoundError) as raised:
        next(many)
    assert raised.value.__notes__ == ["sources[1]"]
    assert list(many) == []


def test_what_is_asked_for_is_checked_before_anything_is_taken() -> None:
    sources: Iterator[bytes] = iter([WAV])
    for wrong, error in (
        ({"sample_rate": 0}, ValueError),
        ({"num_workers": 0}, ValueError),
        ({"num_workers": 1.5}, TypeError),
        ({"on_item_error": "ignore"}, ValueError),
        ({"sample_rates": 1}, TypeError),
    ):
        with pytest.raises(error):
            pyffaudio.decode_many(sources, **wrong)
    assert next(sources) == WAV


def test_no_more_is_taken_than_the_look_ahead() -> None:
    """Of sources without end, and what was taken is let go of once it has been given."""
    taken = itertools.count()
    many = pyffaudio.decode_many((WAV for _ in taken), num_workers=2)
    for _ in range(20):
        next(many)
    assert next(taken) <= 20 + 6
    del many
    gc.collect()
    assert not [thread for thread in threading.enumerate() if "pyffaudio" in thread.name]


def test_an_error_of_the_sources_own_reaches_the_caller() -> None:
    def sources() -> Iterator[bytes]:
        yield WAV
        raise LookupError

    with pytest.raises(LookupError):
        list(pyffaudio.decode_many(sources()))


@settings(max_examples=40)
@given(data=st.data())
def test_a_batch_is_the_rows_of_one_by_one(paths: list[Path], data: st.DataObject) -> None:
    """In whatever layout and strides; behind each comes padding, and around it nothing."""
    chosen = data.draw(st.lists(st.sampled_from(paths), max_size=5))
    frames = data.draw(st.integers(0, 20_000))
    channels = data.draw(st.integers(1, 2))
    dtype = data.draw(st.sampled_from(["float32", "int16", "float64", "uint8"]))
    planar, first = data.draw(st.booleans()), data.draw(st.booleans())
    count = len(chosen)
    offsets = data.draw(st.lists(st.integers(0, 9000), min_size=count, max_size=count))
    lengths = data.draw(st.lists(st.none() | st.integers(0, 9000), min_size=count, max_size=count))
    shape = (count, channels, frames) if planar else (count, frames, channels)
    whole = np.full((count + 1, shape[1] + 1, shape[2] + 1), 77, dtype)
    out = whole[:count, : shape[1], : shape[2]]
    if first != planar:
        out = out.transpose(0, 2, 1)
    options: Any = {"sample_rate": 16000, "num_channels": channels, "channels_first": first}
    result = pyffaudio.decode_batch_into(
        chosen, out, pad_value=3, frame_offset=offsets, num_frames=lengths, **options
    )
    for index, path in enumerate(chosen):
        expected = pyffaudio.decode_file(
            path, dtype=dtype, frame_offset=offsets[index], num_frames=lengths[index], **options
        )
        row = out[index].T if first else out[index]
        samples = (expected.samples.T if first else expected.samples)[:frames]
        assert result.lengths[index] == len(samples)
        assert result.more[index] == (expected.more or expected.num_frames > frames)
        np.testing.assert_array_equal(row[: len(samples)], samples)
        assert (row[len(samples) :] == 3).all()
    whole[:count, : shape[1], : shape[2]] = 77
    assert (whole == 77).all()
    assert result.errors == [None] * count


def test_rows_that_are_well_need_no_python(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what has to be told, or opened, by Python is decoded once more there."""
    by_hand: list[Any] = []

    def decode_item_into(source: Any, *others: Any) -> Audio:
        by_hand.append(source)
        return decode.decode_item_into(source, *others)

    monkeypatch.setattr(batch, "decode_item_into", decode_item_into)
    damaged = overwrite(paths[1].read_bytes(), 300).data
    well: list[Any] = [*paths, paths[0].read_bytes(), bytearray(WAV)]
    others: list[Any] = [io.BytesIO(WAV), damaged, "/nowhere.wav", b"", "\0"]
    out = np.zeros((len(well) + len(others), 40_000), np.float32)
    result = pyffaudio.decode_batch_into(
        [*well, *others], out, num_channels=1, sample_rate=16000, on_item_error="return"
    )
    assert sorted(map(id, by_hand)) == sorted(map(id, others))
    kinds = [type(error) for error in result.errors[len(well) :]]
    assert kinds == [
        *(type(None), CorruptAudioError, FileNotFoundError, pyffaudio.UnsupportedFormatError),
        ValueError,
    ]


@given(
    start=st.floats(0, 3),
    stop=st.none() | st.floats(0, 3),
    rate=st.sampled_from([None, 11025, 48000]),
)
def test_seconds_are_those_of_one_by_one(start: float, stop: float | None, rate: Any) -> None:
    samples = full_range(16_001, 1, "int16")
    source = wav_bytes(samples, 8000)
    options: Any = {"start_seconds": start, "stop_seconds": stop, "sample_rate": rate}
    expected = pyffaudio.decode_bytes(source, dtype="int16", **options)
    out = np.full((1, 100_000, 1), 5, np.int16)
    result = pyffaudio.decode_batch_into([source], out, pad_value=5, **options)
    assert (result.lengths[0], result.more[0]) == (expected.num_frames, expected.more)
    np.testing.assert_array_equal(out[0, : expected.num_frames], expected.samples)
    assert (out[0, expected.num_frames :] == 5).all()


def test_padding_reaches_the_end_of_a_long_row() -> None:
    """It is written in pieces."""
    for frames in ((1 << 20) + 800, (1 << 20) + 801, (1 << 21) + 1000):
        out = np.zeros((1, frames, 1), np.uint8)
        result = pyffaudio.decode_batch_into([WAV], out, num_channels=1, pad_value=9)
        assert (out[0, result.lengths[0] :] == 9).all()


def test_a_row_whose_error_is_raised_is_not_padded() -> None:
    """Its rows may be of gigabytes, and the error should not wait for that."""
    out = np.zeros((1, 1000, 1), np.uint8)
    with pytest.raises(pyffaudio.UnsupportedFormatError):
        pyffaudio.decode_batch_into([b"no audio"], out, pad_value=9)
    assert not out.any()


@pytest.mark.parametrize(
    "limits",
    [
        Limits(max_duration=0.1),
        Limits(max_bytes=500),
        Limits(max_input_bytes=1000),
        Limits(max_sample_rate=4000),
        Limits(allowed_formats=["flac"]),
        Limits(timeout=1e-9),
    ],
)
def test_limits_of_a_batch_are_those_of_one(limits: Limits, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(WAV)
    with pytest.raises(PyffaudioError) as alone:
        pyffaudio.decode_into(path, np.zeros((1000, 1), np.float32), limits=limits)
    out = np.zeros((2, 1000, 1), np.float32)
    result = pyffaudio.decode_batch_into([path, path], out, limits=limits, on_item_error="return")
    for error in result.errors:
        assert (type(error), str(error)) == (type(alone.value), str(alone.value))


def test_a_pipe_is_opened_once(tmp_path: Path) -> None:
    """What was read from it is gone: a row of it cannot begin anew."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    cut = wav_bytes(full_range(20_000, 1, "int16"), 8000)[:-10_000]
    writer = threading.Thread(target=path.write_bytes, args=(cut,))
    writer.start()
    out = np.zeros((1, 20_000), np.int16)
    result = pyffaudio.decode_batch_into([path], out, on_item_error="return")
    writer.join()
    assert isinstance(result.errors[0], CorruptAudioError)
    assert result.lengths.tolist() == [15_000]


def test_what_no_source_is_fails_its_row_alone() -> None:
    class Path2(os.PathLike[str]):
        def __fspath__(self) -> str:
            raise RuntimeError("no path")

    released = memoryview(WAV)
    released.release()
    sources: list[Any] = [WAV, Path2(), released, np.zeros(0, np.uint8), WAV]
    out = np.zeros((5, 1000), np.int16)
    result = pyffaudio.decode_batch_into(sources, out, on_item_error="return")
    assert [type(error) for error in result.errors] == [
        *(type(None), RuntimeError, ValueError, pyffaudio.UnsupportedFormatError, type(None)),
    ]
    assert result.lengths.tolist() == [1000, 0, 0, 0, 1000]
    with pytest.raises(ValueError, match="channels"):
        pyffaudio.decode_batch_into([WAV], np.zeros((1, 1000, 0), np.int16))


def test_seconds_beyond_all_numbers_are_past_the_end() -> None:
    for name in ("start_seconds", "stop_seconds"):
        options: Any = {
            name: 2.0**40,
            "sample_rate": 2**24,
            "limits": Limits(max_sample_rate=2**24),
        }
        expected = pyffaudio.decode_bytes(WAV, dtype="int16", **options).num_frames
        out = np.zeros((1, expected + 1, 1), np.int16)
        result = pyffaudio.decode_batch_into([WAV], out, **options)
        assert result.lengths[0] == expected


def test_errors_of_a_batch() -> None:
    """The first of them by its place is raised; or each is kept, and with it what is good."""
    samples = full_range(100_000, 1, "int16")
    cut = wav_bytes(samples, 8000)[:-50_000]
    sources = [WAV, cut, b"no audio", WAV]
    out = np.full((4, 100_000), 9, np.int16)
    result = pyffaudio.decode_batch_into(sources, out, on_item_error="return", pad_value=-1)
    assert [type(error) for error in result.errors] == [
        *(type(None), CorruptAudioError, pyffaudio.UnsupportedFormatError, type(None)),
    ]
    assert result.lengths.tolist() == [1000, 75_000, 0, 1000]
    np.testing.assert_array_equal(out[1, :75_000], samples[:75_000, 0])
    assert (out[1, 75_000:] == -1).all()
    assert (out[2] == -1).all()
    assert [issue.code for issue in result.issues[1]] == ["truncated"]
    with pytest.raises(CorruptAudioError) as raised:
        pyffaudio.decode_batch_into(sources, out, num_workers=3)
    assert raised.value.__notes__ == ["sources[1]"]
    kept = pyffaudio.decode_batch_into(sources[:2], out, on_error="partial")
    assert kept.errors == [None, None]
    assert [issue.code for issue in kept.issues[1]] == ["truncated"]


def test_a_batch_that_is_interrupted_begins_no_more_items() -> None:
    """Also where errors are kept: those of items that nobody waits for are not looked for."""
    begun = []

    class Clip(io.BytesIO):
        def seekable(self) -> bool:
            begun.append(self)
            return True

    class Interrupts(Clip):
        def read(self, size: int | None = -1, /) -> bytes:
            while len(begun) < 10:
                time.sleep(0.001)
            raise KeyboardInterrupt

    class Slow(Clip):
        def read(self, size: int | None = -1, /) -> bytes:
            time.sleep(0.002)
            return super().read(size)

    sources = [Interrupts(WAV), *(Slow(WAV) for _ in range(2000))]
    with pytest.raises(KeyboardInterrupt):
        pyffaudio.decode_batch_into(
            sources, np.zeros((2001, 1000), np.int16), num_workers=2, on_item_error="return"
        )
    assert len(begun) < 1000


def test_damage_is_told_item_by_item(paths: list[Path]) -> None:
    data = paths[1].read_bytes()
    damaged = overwrite(data, 300).data
    whole = pyffaudio.decode_bytes(damaged, on_error="partial")
    out = np.zeros((2, whole.num_frames, 1), np.float32)
    result = pyffaudio.decode_batch_into([damaged, data], out, on_error="partial")
    np.testing.assert_array_equal(out[0], whole.samples)
    assert result.issues[0] == whole.issues != ()
    assert result.issues[1] == ()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"out": np.zeros(5, np.float32)}, "dimensions"),
        ({"out": np.zeros((1, 5), np.float32)}, "2 sources"),
        ({"out": [[1.0]]}, "NumPy array"),
        ({"pad_value": 0.5, "out": np.zeros((2, 5), np.int16)}, "pad_value"),
        ({"pad_value": 300, "out": np.zeros((2, 5), np.uint8)}, "pad_value"),
        ({"pad_value": np.nan, "out": np.zeros((2, 5), np.int16)}, "pad_value"),
        ({"pad_value": 1e300}, "pad_value"),
        ({"pad_value": 2**100}, "pad_value"),
        ({"pad_value": "x"}, "pad_value"),
        ({"pad_value": True}, "pad_value"),
        ({"num_frames": [1]}, "num_frames has 1"),
        ({"num_frames": [1, -1]}, "num_frames"),
        ({"dtype": "int16"}, "dtype"),
        ({"num_channels": 2}, "num_channels"),
    ],
)
def test_what_a_batch_does_not_take(wrong: Any, error: str) -> None:
    out = wrong.pop("out", np.full((2, 5), 8, np.float32))
    with pytest.raises((TypeError, ValueError), match=error):
        pyffaudio.decode_batch_into([WAV, WAV], out, **wrong)


def test_the_default_number_of_workers() -> None:
    assert _workers(None) == cores.num_cores()


@pytest.mark.parametrize(
    ("membership", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, np.inf),
        ("0::/\n", {}, np.inf),
        ("0::/a/b\n", {"a/cpu.max": "200000 100000", "a/b/cpu.max": "max 100000"}, 2.0),
        ("0::/../x\n", {"cpu.max": "300000 100000"}, 3.0),
        ("0::/\udcff\n", {"\udcff/cpu.max": "300000 100000"}, 3.0),
        (
            "4:cpu,cpuacct:/job\n3:memory:/job\n0::/\n",
            {"cpu/job/cpu.cfs_quota_us": "50000", "cpu/job/cpu.cfs_period_us": "100000"},
            0.5,
        ),
        (
            "4:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            np.inf,
        ),
    ],
)
def test_the_quota_of_control_groups(
    tmp_path: Path, membership: str, files: dict[str, str], quota: float
) -> None:
    (tmp_path / "cgroup").write_text(membership, errors="surrogateescape")
    for name, text in files.items():
        file = tmp_path / "root" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert cores._quota(str(tmp_path / "cgroup"), str(tmp_path / "root")) == quota


def test_cores_are_at_least_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_quota", lambda *_: 0.2)
    assert cores.num_cores() == 1
    monkeypatch.setattr(cores, "_quota", lambda *_: np.inf)
    assert cores.num_cores() >= 1


def test_a_row_has_its_timeout_once(tmp_path: Path) -> None:
    """It is decoded again for its error, which has no time left to find any samples."""
    path = tmp_path / "silence"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    result = pyffaudio.decode_batch_into(
        [path],
        np.zeros((1, 1 << 26), np.float32),
        format="s16le",
        format_options={"sample_rate": 192000, "channels": 1},
        sample_rate=1000,
        limits=Limits(timeout=0.3),
        on_item_error="return",
    )
    assert isinstance(result.errors[0], pyffaudio.DecodeTimeoutError)
    assert result.lengths[0] == 0
