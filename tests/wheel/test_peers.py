"""Promise: beside other libraries that carry or load an FFmpeg, all decode as if alone."""

import json
import sys
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from artefacts import LIBRARY, output
from ffmpeg_command import encode, ffmpeg
from signals import music

SCRIPT = Path(__file__).with_name("decode_together.py")
PEERS = ("av", "torchcodec", "cv2")
ALL = ("pyffaudio", *PEERS)
PAIRS = [pair for peer in PEERS for pair in permutations(("pyffaudio", peer))]


class Files(NamedTuple):
    audio: Path
    video: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("peers")
    signal = music(100_000).astype("float32")
    audio = encode(folder / "audio.mp3", signal, 44100, "-c:a", "libmp3lame")
    video = folder / "video.mp4"
    picture = "testsrc=duration=2:size=128x96:rate=10"
    ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "libx264", "-pix_fmt", "yuv420p", video)
    return Files(audio, video)


def decode(files: Files, *names: str) -> Any:
    return json.loads(output(sys.executable, SCRIPT, *files, *names))


@pytest.fixture(scope="module")
def alone(files: Files) -> dict[str, Any]:
    """What each gives in a process of its own, and the files it has FFmpeg's decoders from."""
    return {name: decode(files, name) for name in ALL}


def test_each_has_an_ffmpeg_of_its_own(alone: dict[str, Any]) -> None:
    """Else the others would show nothing."""
    libraries = [tuple(alone[name]["libraries"]) for name in ALL]
    assert libraries[0] == (str(LIBRARY),)
    assert all(len(paths) == 1 for paths in libraries)
    assert len(set(libraries)) == len(ALL)
    for name in ALL:
        assert int(alone[name]["pieces"][name].split()[0]) >= 20, name


@pytest.mark.parametrize("names", [*PAIRS, ALL, ALL[::-1]], ids=" then ".join)
def test_together_as_alone(files: Files, alone: dict[str, Any], names: tuple[str, ...]) -> None:
    together = decode(files, *names)
    assert together["pieces"] == {name: alone[name]["pieces"][name] for name in names}
    loaded = {path for name in names for path in alone[name]["libraries"]}
    assert loaded == set(together["libraries"])
