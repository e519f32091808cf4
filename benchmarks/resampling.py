"""44.1 kHz stereo to 16 kHz mono, from a path to float32, beside others that can."""

import subprocess
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import report
from corpus import FORMATS, Clip, cells
from peers import OURS, PROCESS, one_thread
from racing import ROUNDS, race

import pyffaudio

RATE = 16000


def with_pyffaudio(path: str) -> Any:
    return pyffaudio.decode_file(path, sample_rate=RATE, num_channels=1).samples


def with_torchcodec(path: str) -> Any:
    from torchcodec.decoders import AudioDecoder

    decoder = AudioDecoder(path, sample_rate=RATE, num_channels=1)
    return decoder.get_all_samples().data.T.numpy()


def with_pyav(path: str) -> Any:
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    with av.open(path) as container:
        frames = (*container.decode(audio=0), None)  # the last has it give what it holds
        pieces = [out.to_ndarray() for frame in frames for out in resampler.resample(frame)]
    return np.concatenate(pieces, axis=1).T


def with_librosa(path: str) -> Any:
    """By soxr_hq, its own choice."""
    import librosa

    return librosa.load(path, sr=RATE, mono=True)[0].reshape(-1, 1)


def with_process(path: str) -> Any:
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", path]
    command += ["-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"]
    raw = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(raw, "float32").reshape(-1, 1)


WAYS: dict[str, Callable[[str], Any]] = {
    OURS: with_pyffaudio,
    "torchcodec": with_torchcodec,
    "PyAV": with_pyav,
    "librosa": with_librosa,
    PROCESS: with_process,
}
WITHOUT = {"m4a": ("librosa",)}  # for which it would launch a process of its own


def measure(clip: Clip) -> dict[str, float]:
    """Check that all give the same number of frames, or nearly so, and time them."""
    calls = {
        name: partial(way, clip.path)
        for name, way in WAYS.items()
        if name not in WITHOUT.get(clip.suffix, ())
    }
    frames = {name: len(call()) for name, call in calls.items()}
    assert max(frames.values()) - min(frames.values()) <= RATE // 100, frames
    return {name: timing.seconds for name, timing in race(calls).items()}


def main() -> None:
    """Measure all formats and write them down."""
    one_thread()
    results, rows = {}, []
    others = [name for name in WAYS if name != OURS]
    for suffix in FORMATS:
        seconds = measure(cells()["music, 30 s", suffix])
        results[suffix] = {name: seconds[OURS] / seconds[name] for name in seconds}
        rows.append([suffix, *(report.ratio(results[suffix].get(name)) for name in others)])
    lead = f"""30 s of 44.1 kHz stereo music to 16 kHz mono float32: the time of pyffaudio over that
of each other, medians of {ROUNDS} rounds. librosa resamples by soxr_hq, all others by swresample.
What each gives is not compared but in its length: each mixes and filters in its own way."""
    text = report.table(["format", *(f"over {name}" for name in others)], rows)
    report.write("resampling", f"{lead}\n\n{text}", results)


if __name__ == "__main__":
    main()
