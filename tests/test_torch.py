"""Promise: a tensor is the samples' own memory, and can be decoded into; torch is optional."""

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

import pyffaudio
from pyffaudio.batch import _workers
from signals import full_range
from wav_bytes import wav_bytes

FRAMES = 4999
STEREO = full_range(FRAMES, 2, "int16")
WAV = wav_bytes(STEREO, 8000)
DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]


@pytest.fixture(params=[False, True], ids=["frames_first", "channels_first"])
def audio(request: pytest.FixtureRequest) -> pyffaudio.Audio:
    return pyffaudio.decode_bytes(WAV, dtype=None, channels_first=request.param)


def address(audio: pyffaudio.Audio) -> int:
    return int(audio.samples.__array_interface__["data"][0])


# A tensor of what was decoded.


@pytest.mark.parametrize("channels_first", [False, True])
def test_torch_is_a_view(audio: pyffaudio.Audio, channels_first: bool) -> None:
    tensor = audio.torch(channels_first=channels_first)
    assert tensor.data_ptr() == address(audio)
    assert tensor.dtype == torch.int16
    expected = STEREO.T if channels_first else STEREO
    np.testing.assert_array_equal(tensor.numpy(), expected, strict=True)
    tensor[0, 0] = 77
    assert audio.samples[0, 0] == 77


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_has_its_torch_dtype(dtype: str) -> None:
    found = pyffaudio.decode_bytes(WAV, dtype=dtype).torch()
    assert found.dtype == getattr(torch, dtype)


def test_torch_of_nothing() -> None:
    assert pyffaudio.decode_bytes(WAV, num_frames=0).torch().shape == (0, 2)


def test_a_tensor_outlives_its_audio() -> None:
    tensor = pyffaudio.decode_bytes(WAV, dtype=None).torch()
    np.testing.assert_array_equal(tensor.numpy(), STEREO)


def test_torch_from_dlpack_is_a_view(audio: pyffaudio.Audio) -> None:
    tensor = torch.from_dlpack(audio)
    assert tensor.data_ptr() == address(audio)
    assert tuple(tensor.shape) == audio.samples.shape
    tensor[0, 0] = 77
    assert audio.samples[0, 0] == 77


def test_an_audio_that_was_pickled_gives_tensors(audio: pyffaudio.Audio) -> None:
    again = pickle.loads(pickle.dumps(audio))
    assert again.torch(channels_first=True).shape == (2, FRAMES)


def test_torch_is_imported_by_who_asks_for_a_tensor() -> None:
    code = """
import sys
import pyffaudio
audio = pyffaudio.decode_bytes(sys.stdin.buffer.read())
assert "torch" not in sys.modules
audio.torch()
assert "torch" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], input=WAV, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


# Into a tensor.


@pytest.mark.parametrize("channels_first", [False, True])
def test_a_torch_tensor(channels_first: bool) -> None:
    out = torch.zeros((2, FRAMES) if channels_first else (FRAMES, 2), dtype=torch.int16)
    audio = pyffaudio.decode_into(WAV, out, channels_first=channels_first)
    np.testing.assert_array_equal(out.numpy(), STEREO.T if channels_first else STEREO, strict=True)
    assert address(audio) == out.data_ptr()


def test_a_torch_tensor_in_shared_memory() -> None:
    out = torch.zeros((FRAMES, 2), dtype=torch.float32).share_memory_()
    pyffaudio.decode_into(WAV, out)
    np.testing.assert_array_equal(out.numpy(), pyffaudio.decode_bytes(WAV).samples)


def test_a_torch_view_with_strides() -> None:
    out = torch.zeros((FRAMES, 5), dtype=torch.int16)[:, 1:4:2]
    pyffaudio.decode_into(WAV, out)
    np.testing.assert_array_equal(out.numpy(), STEREO)


def test_torch_tensors_that_numpy_cannot_share_are_refused() -> None:
    with pytest.raises((TypeError, ValueError), match=r"requires_grad|detach"):
        pyffaudio.decode_into(WAV, torch.zeros((10, 2), requires_grad=True))
    with pytest.raises((TypeError, ValueError), match=r"(?i)bfloat16"):
        pyffaudio.decode_into(WAV, torch.zeros((10, 2), dtype=torch.bfloat16))
    with pytest.raises((TypeError, ValueError), match=r"meta|cpu|CPU"):
        pyffaudio.decode_into(WAV, torch.zeros((10, 2), device="meta"))


# Batches.


def test_a_batch_into_shared_memory() -> None:
    out = torch.zeros((2, FRAMES, 2), dtype=torch.int16).share_memory_()
    result = pyffaudio.decode_batch_into([WAV, WAV], out, num_frames=[None, 100])
    assert result.lengths.tolist() == [FRAMES, 100]
    np.testing.assert_array_equal(out[0].numpy(), STEREO)
    np.testing.assert_array_equal(out[1, :100].numpy(), STEREO[:100])
    assert not out[1, 100:].any()


def test_the_default_number_of_workers_in_a_data_loader() -> None:
    class Asks:
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> int:
            audio = list(pyffaudio.decode_many([WAV, WAV]))
            return _workers(None) if len(audio) == 2 else -1

    loader = torch.utils.data.DataLoader[Any](Asks(), num_workers=2, multiprocessing_context="fork")
    assert [int(answer) for answer in loader] == [1, 1]
