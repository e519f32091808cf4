"""Each library's own way from a path to float32 of shape (frames, channels), and the rate.

Each is what its documentation has for a whole file; modules are imported on first use, so that a
process of a pool has no more than it needs.
"""

import ctypes
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from corpus import Clip
from numpy.typing import NDArray

import pyffaudio

Decoded = tuple[NDArray[np.float32], int]
Read = Callable[[Clip], Decoded]


def read_pyffaudio(clip: Clip) -> Decoded:
    audio = pyffaudio.decode_file(clip.path)
    return audio.samples, audio.sample_rate


def read_soundfile(clip: Clip) -> Decoded:
    import soundfile

    samples, rate = soundfile.read(clip.path, dtype="float32", always_2d=True)
    return samples, rate


def read_pedalboard(clip: Clip) -> Decoded:
    from pedalboard.io import AudioFile

    with AudioFile(clip.path) as file:
        return file.read(file.frames).T, int(file.samplerate)


def read_miniaudio(clip: Clip) -> Decoded:
    """Told the file's rate and channels, since it resamples and mixes to those of a CD unasked."""
    import miniaudio

    decoded = miniaudio.decode_file(
        clip.path, miniaudio.SampleFormat.FLOAT32, clip.channels, clip.rate
    )
    samples = np.frombuffer(decoded.samples, "float32").reshape(-1, decoded.nchannels)
    return samples, decoded.sample_rate


def read_pyav(clip: Clip) -> Decoded:
    import av

    with av.open(clip.path) as container:
        stream = container.streams.audio[0]
        pieces = [frame.to_ndarray() for frame in container.decode(stream)]
        samples = np.concatenate(pieces, axis=1)
        planar = stream.format.is_planar
        samples = samples.T if planar else samples.reshape(-1, stream.channels)
        if samples.dtype == np.int16:
            samples = np.multiply(samples, np.float32(1 / 32768), dtype="float32")
        return samples, stream.rate


def read_librosa(clip: Clip) -> Decoded:
    import librosa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that its way to M4A will go
        samples, rate = librosa.load(clip.path, sr=None, mono=False)
    return np.atleast_2d(samples).T, int(rate)


def read_torchcodec(clip: Clip) -> Decoded:
    from torchcodec.decoders import AudioDecoder

    samples = AudioDecoder(clip.path).get_all_samples()
    return samples.data.T.numpy(), samples.sample_rate


def read_process(clip: Clip) -> Decoded:
    """The launch-a-process way, which has to be told the channels, as nothing in its output is."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", clip.path]
    command += ["-ac", str(clip.channels), "-ar", str(clip.decoded_rate), "-f", "f32le", "-"]
    raw = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(raw, "float32").reshape(-1, clip.channels), clip.decoded_rate


PEERS: dict[str, Read] = {
    "soundfile": read_soundfile,
    "pedalboard": read_pedalboard,
    "miniaudio": read_miniaudio,
    "PyAV": read_pyav,
    "librosa": read_librosa,
    "torchcodec": read_torchcodec,
}
PROCESS = "ffmpeg process"
PLAIN = "plain C loop"
OURS = "pyffaudio"


class _Samples(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.POINTER(ctypes.c_float)),
        ("frames", ctypes.c_int64),
        ("capacity", ctypes.c_int64),
        ("rate", ctypes.c_int),
        ("channels", ctypes.c_int),
    )


class PlainLoop:
    """benchmarks/plain_loop.c, which `make bench` compiles; a call costs some microsecond more."""

    def __init__(self) -> None:
        path = Path(__file__).parents[1] / "build/bench/plain_loop.so"
        self._library: Any = ctypes.CDLL(str(path))
        self._samples = _Samples()

    def time_me(self, clip: Clip) -> None:
        """Decode, and drop the samples."""
        self._decode(clip)
        self._library.plain_free(ctypes.byref(self._samples))

    def read(self, clip: Clip) -> Decoded:
        """Decode, and copy the samples."""
        self._decode(clip)
        shape = (self._samples.frames, self._samples.channels)
        samples = np.ctypeslib.as_array(self._samples.data, shape).copy()
        self._library.plain_free(ctypes.byref(self._samples))
        return samples, self._samples.rate

    def _decode(self, clip: Clip) -> None:
        error = self._library.plain_decode(clip.path.encode(), ctypes.byref(self._samples))
        if error:
            raise RuntimeError(f"the plain C loop cannot decode {clip.path}: error {error}")


def one_thread() -> None:
    """Keep torch to the thread that calls it, as the others are."""
    import torch

    torch.set_num_threads(1)
