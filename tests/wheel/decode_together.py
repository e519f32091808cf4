"""Import libraries that decode in the order given, decode with all in turn, and say what came out.

usage: python decode_together.py AUDIO VIDEO NAME...

The names are pyffaudio, av, torchcodec and cv2. Each decodes its file piece by piece, all taking
turns, so that each is in the midst of its file while the others decode. What is printed is JSON: a
digest of the pieces of each, and which files with a part of FFmpeg are in the process.
"""

import hashlib
import importlib
import json
import re
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

IMPORTS = {
    "pyffaudio": "pyffaudio",
    "av": "av",
    "torchcodec": "torchcodec.decoders",
    "cv2": "cv2",
}


def pyffaudio_pieces(audio: str, _: str) -> Iterator[bytes]:
    import pyffaudio  # noqa: PLC0415

    for start in range(0, 100_000, 5000):
        piece = pyffaudio.decode_file(
            audio, frame_offset=start, num_frames=5000, sample_rate=48_000, num_channels=1
        )
        yield piece.samples.tobytes()


def av_pieces(audio: str, _: str) -> Iterator[bytes]:
    import av  # noqa: PLC0415

    with av.open(audio) as container:
        for frame in container.decode(audio=0):
            yield frame.to_ndarray().tobytes()


def torchcodec_pieces(audio: str, _: str) -> Iterator[bytes]:
    from torchcodec.decoders import AudioDecoder  # noqa: PLC0415

    decoder = AudioDecoder(audio)
    for start in range(20):
        seconds = (start / 10, (start + 1) / 10)
        yield decoder.get_samples_played_in_range(*seconds).data.numpy().tobytes()


def cv2_pieces(_: str, video: str) -> Iterator[bytes]:
    import cv2  # noqa: PLC0415

    capture = cv2.VideoCapture(video, cv2.CAP_FFMPEG)
    while True:
        more, frame = capture.read()
        if not more:
            break
        yield frame.tobytes()


PIECES = {
    "pyffaudio": pyffaudio_pieces,
    "av": av_pieces,
    "torchcodec": torchcodec_pieces,
    "cv2": cv2_pieces,
}


def codec_libraries() -> list[str]:
    """The files with FFmpeg's decoders that this process has loaded."""
    files = re.findall(r"(/\S+)$", Path("/proc/self/maps").read_text(), re.MULTILINE)
    return sorted({file for file in files if re.search(r"/lib(avcodec|pyffaudio_)", file)})


def main(audio: str, video: str, *names: str) -> None:
    for name in names:
        importlib.import_module(IMPORTS[name])
    digests = {name: hashlib.sha256() for name in names}
    counts = dict.fromkeys(names, 0)
    for turn in zip_longest(*(PIECES[name](audio, video) for name in names)):
        for name, piece in zip(names, turn, strict=True):
            if piece is not None:
                digests[name].update(piece)
                counts[name] += 1
    found = {name: f"{counts[name]} pieces, {digests[name].hexdigest()}" for name in names}
    print(json.dumps({"pieces": found, "libraries": codec_libraries()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
