"""One second from anywhere in an hour, beside other libraries: `python benchmarks/seek.py`.

Each library opens the file anew for each place; all go to the same random places, in turns, in one
process, and medians are compared. A library that is not installed, or cannot read a format, is
left out. Then a thousand seconds through one open reader, each at a place of its own.
"""

import os
import platform
import random
import statistics
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from hour import ENCODERS, SECONDS, hour

import pyffaudio

PLACES = 15
FEW_PLACES = 3  # for who takes more than this many seconds
SLOW = 0.3
Read = Callable[[str, int, int], Any]


def _pyffaudio(path: str, frame: int, rate: int) -> Any:
    return pyffaudio.decode_file(path, frame_offset=frame, num_frames=rate).samples


def _soundfile(path: str, frame: int, rate: int) -> Any:
    import soundfile

    return soundfile.read(path, frames=rate, start=frame, dtype="float32", always_2d=True)[0]


def _pedalboard(path: str, frame: int, rate: int) -> Any:
    from pedalboard.io import AudioFile

    with AudioFile(path) as file:
        file.seek(frame)
        return file.read(rate).T


def _miniaudio(path: str, frame: int, rate: int) -> Any:
    import miniaudio

    form = miniaudio.SampleFormat.FLOAT32
    stream = miniaudio.stream_file(
        path, output_format=form, sample_rate=rate, frames_to_read=rate, seek_frame=frame
    )
    return np.asarray(next(stream)).reshape(-1, 2)


def _pyav(path: str, frame: int, rate: int) -> Any:
    import av

    pieces, count = [], 0
    with av.open(path) as container:
        stream = container.streams.audio[0]
        assert stream.time_base is not None
        container.seek(int(frame / rate / stream.time_base), stream=stream)
        for piece in container.decode(stream):
            assert piece.pts is not None
            begin = round(float(piece.pts * stream.time_base) * rate)
            samples = piece.to_ndarray()
            samples = samples.reshape(-1, 2).T if not piece.format.is_planar else samples
            if samples.dtype == np.int16:
                samples = np.multiply(samples, 1 / 32768, dtype="float32")
            pieces.append(samples[:, max(frame - begin, 0) :])
            count += pieces[-1].shape[1]
            if count >= rate:
                return np.concatenate(pieces, axis=1)[:, :rate].T
    return None


def _torchcodec(path: str, frame: int, rate: int) -> Any:
    from torchcodec.decoders import AudioDecoder

    samples = AudioDecoder(path).get_samples_played_in_range(frame / rate, frame / rate + 1)
    return samples.data.T.numpy()


LIBRARIES: dict[str, Read] = {
    "pyffaudio": _pyffaudio,
    "soundfile": _soundfile,
    "pedalboard": _pedalboard,
    "miniaudio": _miniaudio,
    "PyAV": _pyav,
    "torchcodec": _torchcodec,
}


def readers(path: Path, rate: int) -> dict[str, Read]:
    """Those of the libraries that can read a second of this file."""
    able = {}
    for name, read in LIBRARIES.items():
        try:
            if len(read(str(path), 60 * rate, rate)) >= rate - 2048:
                able[name] = read
        except Exception as error:  # noqa: BLE001 - each has errors of its own
            print(f"  without {name}: {str(error).splitlines()[0][:90]}", file=sys.stderr)
    return able


def race(path: Path, rate: int) -> dict[str, float]:
    """Median seconds of each library, all at the same places."""
    seconds: dict[str, list[float]] = {name: [] for name in readers(path, rate)}
    chance = random.Random(1)
    for _ in range(PLACES):
        frame = chance.randrange((SECONDS - 10) * rate)
        for name, times in seconds.items():
            if len(times) >= FEW_PLACES and statistics.median(times) > SLOW:
                continue
            start = perf_counter()
            LIBRARIES[name](str(path), frame, rate)
            times.append(perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def through_one_reader(path: Path, rate: int) -> float:
    """Seconds for each of a thousand segments, with what opening costs."""
    chance = random.Random(2)
    places = [(chance.randrange((SECONDS - 10) * rate), rate) for _ in range(1000)]
    start = perf_counter()
    with pyffaudio.AudioReader(path) as reader:
        for frame, count in places:
            reader.seek(frame)
            reader.read(count)
    return (perf_counter() - start) / len(places)


def main() -> None:
    """Print a table in Markdown."""
    warnings.simplefilter("ignore")
    print(f"{os.cpu_count()} cores, {platform.machine()}, {PLACES} places, ", end="")
    print(f"FFmpeg {pyffaudio.versions()['ffmpeg']}\n")
    names = list(LIBRARIES)
    print("| format |", " | ".join(names), "| over the fastest other | one reader |")
    print("|" + "---|" * (len(names) + 3))
    for suffix in sys.argv[1:] or ENCODERS:
        path = hour(suffix)
        rate = pyffaudio.probe(path).sample_rate
        medians = race(path, rate)
        others = [median for name, median in medians.items() if name != "pyffaudio"]
        cells = [f"{medians[name] * 1e3:.2f}" if name in medians else "" for name in names]
        ratio = f"{medians['pyffaudio'] / min(others):.2f}" if others else ""
        each = through_one_reader(path, rate) * 1e3
        print(f"| {suffix} |", " | ".join(cells), f"| {ratio} | {each:.2f} |", flush=True)


if __name__ == "__main__":
    main()
