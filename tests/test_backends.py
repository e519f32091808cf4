"""Promise: both backends keep one contract, and give the same samples of lossless files."""

import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyffaudio
import pyffaudio.sox
from ffmpeg_command import encode
from media import FRAMES, RATE, Media
from pyffaudio import Limits
from signals import Samples, full_range, quantise, sine
from wav_bytes import wav_bytes

DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]
STEREO = full_range(FRAMES, 2, "int16")
WAV = wav_bytes(STEREO, 8000)
MADE: dict[str, tuple[str, str, tuple[str, ...]]] = {  # by name: suffix, dtype, options of ffmpeg's
    "aiff_16": (".aiff", "int16", ()),
    "aiff_24": (".aiff", "int32", ("-c:a", "pcm_s24be")),
    "au_16": (".au", "int16", ()),
    "au_32": (".au", "int32", ("-c:a", "pcm_s32be")),
    "au_ulaw": (".au", "int16", ("-c:a", "pcm_mulaw")),
    "au_f32": (".au", "float32", ("-c:a", "pcm_f32be")),
    "wav_alaw": (".wav", "int16", ("-c:a", "pcm_alaw")),
}
WAVS = ["wav_u8", "wav_s16", "wav_s16_mono", "wav_s24", "wav_s32", "wav_f32", "wav_s16_6"]
LOSSLESS = [*WAVS, "flac_16", "flac_24", "flac_16_mono", *MADE]


@pytest.fixture(params=["pyffaudio", "pyffaudio.sox"], scope="module")
def backend(request: pytest.FixtureRequest) -> ModuleType:
    return {"pyffaudio": pyffaudio, "pyffaudio.sox": pyffaudio.sox}[request.param]


@pytest.fixture(scope="module")
def paths(media: Media, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A file by its name, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("backends")

    def path(name: str) -> Path:
        if name not in MADE:
            return media[name]
        suffix, dtype, options = MADE[name]
        made = folder / f"{name}{suffix}"
        if not made.exists():
            encode(made, full_range(FRAMES, 2, dtype), RATE, *options)
        return made

    return path


# Samples.


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_files_give_the_same_samples(
    paths: Callable[[str], Path], name: str, dtype: str
) -> None:
    ours = pyffaudio.decode_file(paths(name), dtype=dtype)
    theirs = pyffaudio.sox.decode_file(paths(name), dtype=dtype)
    np.testing.assert_array_equal(theirs.samples, ours.samples, strict=True)
    assert theirs.sample_rate == ours.sample_rate
    assert theirs.complete is not False
    assert not theirs.more
    assert not theirs.issues


# Of MP3, libsox also gives the frame with the encoder's notes and the encoder's delay, and loses a
# part of the last frame.
@pytest.mark.parametrize(
    ("name", "before", "lost"),
    [("vorbis", 0, 0), ("mp3", 1152 + 1105, 581), ("mp3_mono", 2257, 581)],
)
def test_lossy_files_come_near(media: Media, name: str, before: int, lost: int) -> None:
    ours = pyffaudio.decode_file(media[name]).samples
    theirs = pyffaudio.sox.decode_file(media[name]).samples[before:]
    assert len(theirs) == len(ours) - lost
    assert np.abs(theirs - ours[: len(theirs)]).max() < 2e-5


@pytest.mark.parametrize("channels_first", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_layouts(backend: ModuleType, dtype: str, channels_first: bool) -> None:
    whole = backend.decode_bytes(WAV, dtype=dtype).samples
    audio = backend.decode_bytes(WAV, dtype=dtype, channels_first=channels_first)
    assert audio.samples.flags.c_contiguous
    np.testing.assert_array_equal(audio.samples.T if channels_first else audio.samples, whole)
    assert (audio.num_frames, audio.num_channels) == (FRAMES, 2)
    np.testing.assert_array_equal(backend.decode_bytes(WAV, dtype="int16").samples, STEREO)


def test_none_is_the_decoders_own_dtype(backend: ModuleType) -> None:
    samples = backend.decode_bytes(WAV, dtype=None).samples
    assert samples.dtype == ("int16" if backend is pyffaudio else "int32")


# Sources.


class Stream:
    """All that a file object needs, and a little at a time."""

    def __init__(self, data: bytes) -> None:
        self.file = io.BytesIO(data)

    def read(self, size: int, /) -> bytes:
        return self.file.read(min(size, 700))


SOURCES: dict[str, Callable[[bytes], Any]] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "array": lambda data: np.frombuffer(data, "uint8"),
    "file object": io.BytesIO,
    "stream": Stream,
}
SHORT = wav_bytes(STEREO[:800], 8000)


@pytest.mark.parametrize("kind", SOURCES)
def test_sources(backend: ModuleType, kind: str) -> None:
    out = np.empty((900, 2), "int16")
    audio = backend.decode_into(SOURCES[kind](SHORT), out)
    np.testing.assert_array_equal(audio.samples, STEREO[:800])
    with backend.AudioReader(SOURCES[kind](SHORT), dtype="int16") as reader:
        np.testing.assert_array_equal(reader.read(), STEREO[:800])


@pytest.mark.parametrize("name", ["wav_s24", "flac_16", "vorbis", "mp3", "aiff_16", "au_16"])
def test_bytes_equal_the_file(backend: ModuleType, paths: Callable[[str], Path], name: str) -> None:
    """What libsox needs of a FILE that it opens itself, it has for data in memory too."""
    path = paths(name)
    whole = backend.decode_file(path).samples
    np.testing.assert_array_equal(backend.decode_bytes(path.read_bytes()).samples, whole)
    with path.open("rb") as file:
        np.testing.assert_array_equal(backend.decode_file(file).samples, whole)


def test_a_file_object_is_read_from_where_it_is(backend: ModuleType) -> None:
    file = io.BytesIO(b"something before" + SHORT)
    file.seek(16)
    assert backend.probe(file).num_frames == 800
    assert file.tell() == 16
    assert backend.decode_file(file).num_frames == 800


@pytest.mark.parametrize(
    "name", ["|touch came", "http:x.wav", "-", "list.m3u", "a b\nc.wav", "x.", "\udcff.wav"]
)
def test_a_name_is_only_a_name(
    backend: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError):
        backend.decode_file(name)
    Path(name).write_bytes(SHORT)
    assert backend.decode_file(name).num_frames == 800
    assert backend.decode_file(Path(name)).num_frames == 800
    assert os.listdir(tmp_path) == [name]


# Segments.


@pytest.mark.parametrize("name", ["wav_s24", "flac_16", "aiff_16", "au_ulaw"])
@given(offset=st.integers(0, FRAMES + 50), count=st.none() | st.integers(0, FRAMES + 50))
def test_segments_by_frames_are_slices(
    paths: Callable[[str], Path], name: str, offset: int, count: int | None
) -> None:
    for backend in (pyffaudio, pyffaudio.sox):
        whole = backend.decode_file(paths(name), dtype="int32").samples
        part = backend.decode_file(
            paths(name), dtype="int32", frame_offset=offset, num_frames=count
        )
        stop = None if count is None else offset + count
        np.testing.assert_array_equal(part.samples, whole[offset:stop])
        assert part.more == (stop is not None and stop < FRAMES)


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0.1, 0.2, slice(800, 1600)),
        (-0.1, None, slice(FRAMES - 800, None)),
        (-0.2, -0.1, slice(FRAMES - 1600, FRAMES - 800)),
        (0.5, None, slice(4000, None)),
        (99, None, slice(FRAMES, None)),
        (-99, 0.01, slice(0, 80)),
        (0.2, 0.1, slice(0, 0)),
    ],
)
def test_segments_by_seconds(
    backend: ModuleType, start: float, stop: float | None, expected: slice
) -> None:
    audio = backend.decode_bytes(WAV, dtype="int16", start_seconds=start, stop_seconds=stop)
    np.testing.assert_array_equal(audio.samples, STEREO[expected])


@given(st.integers(0, 12_000), st.integers(0, 3000))
def test_resampled_segments_are_slices(offset: int, count: int) -> None:
    for backend in (pyffaudio, pyffaudio.sox):
        whole = backend.decode_bytes(WAV, sample_rate=11025).samples
        part = backend.decode_bytes(
            WAV, sample_rate=11025, frame_offset=offset, num_frames=count
        ).samples
        np.testing.assert_array_equal(part, whole[offset : offset + count])


@pytest.mark.parametrize("name", ["wav_s16", "flac_16", "vorbis", "mp3", "aiff_24"])
def test_a_reader_gives_slices_in_any_order(
    backend: ModuleType, paths: Callable[[str], Path], name: str
) -> None:
    whole = backend.decode_file(paths(name)).samples
    length = len(whole)
    with backend.AudioReader(paths(name)) as reader:
        for frame, count in ((700, 100), (0, 900), (length - 5, 99), (4000, 1), (length + 9, 3)):
            assert reader.seek(frame) == frame
            np.testing.assert_array_equal(reader.read(count), whole[frame : frame + count])
        wanted = [(500, 50), (0, 20), (4400, 4000), (520, 50)]
        for (offset, count), part in zip(wanted, reader.segments(wanted), strict=True):
            np.testing.assert_array_equal(part, whole[offset : offset + count])
        reader.seek(0)
        blocks = [len(block) for block in reader.blocks(1000)]
        assert sum(blocks) == length


# Channels and rates.


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32"])
@pytest.mark.parametrize(("stored", "asked"), [(1, 2), (1, 5), (2, 1), (6, 1)])
def test_channels_by_the_level_contract(stored: int, asked: int, dtype: str) -> None:
    """WAV of 6 channels without a mask of places, which libsox knows nothing of."""
    data = wav_bytes(full_range(FRAMES, stored, "int16"), 8000)
    ours = pyffaudio.decode_bytes(data, num_channels=asked, dtype=dtype).samples
    theirs = pyffaudio.sox.decode_bytes(data, num_channels=asked, dtype=dtype).samples
    assert theirs.shape == ours.shape == (FRAMES, asked)
    near = {"int16": 1, "int32": 256, "float32": 2e-7}[dtype]
    assert np.abs(theirs.astype(np.float64) - ours).max() <= near


def test_channels_that_no_rule_mixes(backend: ModuleType) -> None:
    with pytest.raises(ValueError, match="no rule mixes 2 channels"):
        backend.decode_bytes(WAV, num_channels=3)


@given(
    st.integers(0, 400),
    st.sampled_from([8000, 11025, 22050, 44100, 48000]),
    st.sampled_from([4000, 8000, 11025, 16000, 44100, 47999, 96000]),
)
def test_a_new_rate_gives_every_frame_that_is_begun(frames: int, stored: int, rate: int) -> None:
    data = wav_bytes(STEREO[:frames], stored)
    for backend in (pyffaudio, pyffaudio.sox):
        audio = backend.decode_bytes(data, sample_rate=rate)
        assert audio.samples.shape == (-(-frames * rate // stored), 2)
        assert audio.sample_rate == rate


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_a_new_rate_keeps_a_sine(backend: ModuleType, rate: int) -> None:
    data = wav_bytes(quantise(sine(22050, 1, 22050), "int16"), 22050)
    samples = backend.decode_bytes(data, sample_rate=rate).samples
    inside = slice(200, -200)
    assert np.abs(samples - sine(rate, 1, rate))[inside].max() < 1e-3


# decode_into.

LAYOUTS: dict[str, Callable[[str], tuple[Samples, Samples]]] = {
    "C order": lambda dtype: both(np.full((FRAMES, 2), 77, dtype), lambda a: a),
    "Fortran order": lambda dtype: both(np.full((2, FRAMES), 77, dtype), lambda a: a.T),
    "every third": lambda dtype: both(np.full((3 * FRAMES, 2), 77, dtype), lambda a: a[::3]),
    "columns": lambda dtype: both(np.full((FRAMES, 5), 77, dtype), lambda a: a[:, 1:4:2]),
    "reversed": lambda dtype: both(np.full((FRAMES + 9, 2), 77, dtype), lambda a: a[-3:2:-1, ::-1]),
    "records": lambda dtype: both(
        np.full(FRAMES, 77, [("a", "u1"), ("b", dtype, 2)]), lambda a: a["b"]
    ),
}


def both(whole: Samples, view: Callable[[Samples], Samples]) -> tuple[Samples, Samples]:
    return whole, view(whole)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_decode_into_writes_its_array_and_nothing_else(
    backend: ModuleType, layout: str, dtype: str
) -> None:
    memory, out = LAYOUTS[layout](dtype)
    expected = backend.decode_bytes(WAV, dtype=dtype).samples
    cut = min(len(out), 4000)
    audio = backend.decode_into(WAV, out[:cut])
    assert audio.more
    np.testing.assert_array_equal(out[:cut], expected[:cut])
    np.testing.assert_array_equal(audio.samples, expected[:cut])
    assert np.shares_memory(audio.samples, memory)
    assert (out[cut:] == 77).all()
    out[:cut] = 77
    fields = [memory[name] for name in memory.dtype.names or ()] or [memory]
    assert all((field == 77).all() for field in fields)


def test_decode_into_errors(backend: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"out has 3 channels, .* has 2"):
        backend.decode_into(WAV, np.zeros((10, 3)))
    with pytest.raises(ValueError, match="num_channels is 1"):
        backend.decode_into(WAV, np.zeros((10, 2)), num_channels=1)
    with pytest.raises(TypeError, match="dtype of out"):
        backend.decode_into(WAV, np.zeros((10, 2)), dtype="int16")


# Limits and errors.


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("max_bytes", FRAMES * 8 - 1),
        ("max_duration", (FRAMES - 1) / 8000),
        ("max_channels", 1),
        ("max_sample_rate", 7999),
        ("max_input_bytes", len(WAV) - 1),
    ],
)
@pytest.mark.parametrize("kind", ["bytes", "file object"])
def test_limits(backend: ModuleType, limit: str, value: Any, kind: str) -> None:
    decode = backend.decode_bytes if kind == "bytes" else backend.decode_file
    with pytest.raises(pyffaudio.LimitExceededError, match=rf"Limits\({limit}=") as caught:
        decode(SOURCES[kind](WAV), limits=Limits(**{limit: value}))
    assert caught.value.limit == limit
    assert backend.decode_bytes(WAV, limits=Limits(**{limit: value + 1})).num_frames == FRAMES


def test_the_part_before_a_limit_is_there(backend: ModuleType) -> None:
    with pytest.raises(pyffaudio.LimitExceededError) as caught:
        backend.decode_bytes(WAV, dtype="int16", limits=Limits(max_bytes=4000))
    assert caught.value.partial is not None
    np.testing.assert_array_equal(caught.value.partial.samples, STEREO[:1000])


def test_a_timeout(backend: ModuleType) -> None:
    with pytest.raises(pyffaudio.DecodeTimeoutError):
        backend.decode_bytes(WAV, limits=Limits(timeout=1e-9))


@pytest.mark.parametrize(
    ("option", "value", "kind"),
    [
        ("sample_rate", 0, ValueError),
        ("num_channels", True, TypeError),
        ("dtype", "int64", ValueError),
        ("format", "nosuch", ValueError),
        ("on_error", "ignore", ValueError),
        ("no_such_option", 1, TypeError),
        ("limits", 3, TypeError),
    ],
)
def test_wrong_options(backend: ModuleType, option: str, value: object, kind: type) -> None:
    with pytest.raises(kind, match=option):
        backend.decode_file("is never opened", **{option: value})


def test_wrong_sources(backend: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        backend.decode_file(tmp_path / "absent.wav")
    assert caught.value.filename == str(tmp_path / "absent.wav")
    with pytest.raises(IsADirectoryError):
        backend.decode_file(tmp_path)
    with pytest.raises(TypeError, match="use decode_bytes"):
        backend.decode_file(WAV)
    with pytest.raises(TypeError, match="decode_file"):
        backend.decode_bytes("a.wav")
    with pytest.raises(TypeError, match="read"):
        backend.decode_file(3)
    with pytest.raises(TypeError, match="contiguous"):
        backend.decode_bytes(np.zeros(10, "int16"))
    with pytest.raises(ValueError, match="null byte"):
        backend.decode_file("a\0b.wav")


class Broken(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise ZeroDivisionError("of its own")


def test_what_read_raises_comes_through(backend: ModuleType) -> None:
    with pytest.raises(ZeroDivisionError, match="of its own"):
        backend.decode_file(Broken())


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"", pyffaudio.UnsupportedFormatError, r"is empty \(0 bytes\)"),
        (b"<!DOCTYPE html><html>" * 9, pyffaudio.UnsupportedFormatError, "an HTML page"),
        (bytes(range(256)) * 9, pyffaudio.UnsupportedFormatError, "needs format="),
        (b"RIFF\x24\0\0\0WAVEfmt \x04\0\0\0\1\0\1\0", pyffaudio.PyffaudioError, "bytes"),
    ],
)
def test_what_is_not_audio(
    backend: ModuleType, data: bytes, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        backend.decode_bytes(data)


def test_a_file_cut_short(backend: ModuleType) -> None:
    data = WAV[: 44 + 4 * 1000]
    with pytest.raises(pyffaudio.CorruptAudioError) as caught:
        backend.decode_bytes(data)
    assert caught.value.code == "truncated"
    assert caught.value.issues == (pyffaudio.Issue("truncated", 1000, FRAMES - 1000),)
    audio = backend.decode_bytes(data, dtype="int16", on_error="partial")
    np.testing.assert_array_equal(audio.samples, STEREO[:1000])
    assert audio.complete is False
    assert backend.decode_bytes(data, num_frames=500).num_frames == 500


def test_damaged_flac(backend: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    encode(path, full_range(40_000, 1, "int16"), RATE)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 50] = bytes(50)
    with pytest.raises(pyffaudio.CorruptAudioError) as caught:
        backend.decode_bytes(data)
    assert caught.value.code == "corrupt_data"
    assert 8_000 < caught.value.issues[0].frame_offset < 20_000


# What a file says of itself.

SAME = ("sample_rate", "num_channels", "num_frames", "duration_seconds", "stream_index")


@pytest.mark.parametrize("name", [*LOSSLESS, "vorbis"])
def test_probe(paths: Callable[[str], Path], name: str) -> None:
    ours, theirs = pyffaudio.probe(paths(name)), pyffaudio.sox.probe(paths(name))
    for field in SAME:
        assert getattr(theirs, field) == getattr(ours, field), field
    exact = pyffaudio.sox.probe(paths(name), exact=True)
    assert (exact.is_exact, exact.num_frames) == (True, ours.num_frames)


def test_tags(media: Media, tmp_path: Path) -> None:
    path = tmp_path / "tagged.flac"
    subprocess.run(["sox", media["wav_s16"], "--add-comment", "Title=A name", path], check=True)
    assert pyffaudio.sox.probe(path).tags["title"] == pyffaudio.probe(path).tags["title"]
