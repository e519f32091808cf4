"""Promise: NumPy and DLPack look at the same memory; nothing is imported before use."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import pyffaudio
from media import Media
from signals import full_range
from wav_bytes import wav_bytes

EXPECTED = full_range(1000, 2, "int16")
WAV = wav_bytes(EXPECTED, 8000)


@pytest.fixture(params=[False, True], ids=["frames_first", "channels_first"])
def audio(request: pytest.FixtureRequest) -> pyffaudio.Audio:
    return pyffaudio.decode_bytes(WAV, dtype=None, channels_first=request.param)


def test_unpacks_as_samples_and_rate(audio: pyffaudio.Audio) -> None:
    samples, sample_rate = audio
    assert samples is audio.samples
    assert sample_rate == audio.sample_rate == 8000


def test_attributes(audio: pyffaudio.Audio) -> None:
    assert (audio.num_frames, audio.num_channels) == (1000, 2)
    assert audio.duration_seconds == 0.125
    assert audio.info.sample_rate == 8000
    assert list(audio.issues) == []
    assert audio.complete is True
    assert audio.more is False


def test_samples_are_the_caller_s_own(audio: pyffaudio.Audio) -> None:
    """Contiguous in the layout asked for, writable, aligned, of native byte order."""
    flags = audio.samples.flags
    assert flags.c_contiguous
    assert flags.writeable
    assert flags.aligned
    assert audio.samples.dtype.isnative
    again = pyffaudio.decode_bytes(WAV, dtype=None)
    assert not np.shares_memory(audio.samples, again.samples)


# NumPy.


def test_asarray_is_a_view(audio: pyffaudio.Audio) -> None:
    assert np.shares_memory(np.asarray(audio), audio.samples)
    assert np.asarray(audio).shape == audio.samples.shape
    assert np.shares_memory(np.asarray(audio, dtype=np.int16), audio.samples)


def test_array_copies(audio: pyffaudio.Audio) -> None:
    copied = np.array(audio)
    assert not np.shares_memory(copied, audio.samples)
    np.testing.assert_array_equal(copied, audio.samples, strict=True)


def test_array_with_a_dtype_converts(audio: pyffaudio.Audio) -> None:
    converted = np.asarray(audio, dtype=np.float64)
    np.testing.assert_array_equal(converted, audio.samples.astype(np.float64), strict=True)


def test_the_array_protocol_s_copy_argument(audio: pyffaudio.Audio) -> None:
    assert np.shares_memory(audio.__array__(copy=False), audio.samples)
    assert np.shares_memory(audio.__array__(np.dtype("int16"), copy=False), audio.samples)
    assert not np.shares_memory(audio.__array__(copy=True), audio.samples)
    with pytest.raises(ValueError, match="copy"):
        audio.__array__(np.dtype("float64"), copy=False)


# DLPack.


def test_numpy_from_dlpack_is_a_view(audio: pyffaudio.Audio) -> None:
    found = np.from_dlpack(audio)
    assert np.shares_memory(found, audio.samples)
    np.testing.assert_array_equal(found, audio.samples, strict=True)


def test_dlpack_device_is_the_cpu(audio: pyffaudio.Audio) -> None:
    kind, number = audio.__dlpack_device__()
    assert (int(kind), number) == (1, 0)


# Pickling and copying.


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(audio: pyffaudio.Audio, protocol: int) -> None:
    again = pickle.loads(pickle.dumps(audio, protocol))
    np.testing.assert_array_equal(again.samples, audio.samples, strict=True)
    assert again.info == audio.info
    assert (again.issues, again.complete, again.more) == (audio.issues, audio.complete, audio.more)
    assert again.num_channels == 2


def test_pickles_with_tags_and_streams(media: Media) -> None:
    for name in ("tagged", "chapters", "mkv_film"):
        info = pyffaudio.probe(media[name])
        assert pickle.loads(pickle.dumps(info)) == info


def test_deep_copies(audio: pyffaudio.Audio) -> None:
    again = copy.deepcopy(audio)
    assert not np.shares_memory(again.samples, audio.samples)
    np.testing.assert_array_equal(again.samples, audio.samples)


def test_repr_is_short() -> None:
    audio = pyffaudio.decode_bytes(wav_bytes(full_range(100_000, 2, "int16"), 8000))
    assert len(repr(audio)) < 2000


# Imports.


def test_only_numpy_is_imported() -> None:
    """What `torch()` imports is in tests/test_torch.py."""
    code = """
import sys
import pyffaudio
pyffaudio.decode_bytes(sys.stdin.buffer.read())
print({name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names)
"""
    done = subprocess.run([sys.executable, "-c", code], input=WAV, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    roots = set(eval(done.stdout))
    assert {"numpy", "pyffaudio"} <= roots
    assert "torch" not in roots
    assert not roots & {"scipy", "soundfile", "fsspec", "ray", "pandas", "typing_extensions"}


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"pip install pyffaudio\[torch\]"):
        pyffaudio.decode_bytes(WAV).torch()
