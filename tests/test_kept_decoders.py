"""Promise: whatever was decoded before, in whatever order, a file gives the same samples."""

import random
import threading
from typing import Any

import numpy as np
import pytest

import pyffaudio
from conftest import MUSIC
from damage import overwrite
from ffmpeg_command import ORACLE, ffmpeg
from media import recordings
from pyffaudio import PyffaudioError

COUNT = 5


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[bytes, Any]]:
    """Vorbis with equal headers and with others, and each as the command decodes it."""
    folder = tmp_path_factory.mktemp("kept")
    music = folder / "music.wav"
    ffmpeg("-i", recordings(MUSIC["ogg"])[0], "-t", "40", music)
    made = []
    for index in range(2 * COUNT):
        path = folder / f"{index}.ogg"
        quality = "3" if index < COUNT else str(index - COUNT)
        cut = ("-ss", str(3 * index), "-t", str(0.4 + 0.3 * index))
        ffmpeg(*cut, "-i", music, "-c:a", "libvorbis", "-q:a", quality, path)
        raw = ffmpeg("-i", path, "-f", "f32le", "-", program=ORACLE)
        # The command plays the last packet of Vorbis to its end.
        frames = round((0.4 + 0.3 * index) * 44100)
        made.append((path.read_bytes(), np.frombuffer(raw, np.float32).reshape(-1, 2)[:frames]))
    return made


def _misuse(data: bytes, chance: random.Random) -> None:
    """Leave a decoder in the middle, or at damage."""
    with pyffaudio.AudioReader(data) as reader:
        reader.read(chance.randrange(20_000))
    try:
        pyffaudio.decode_bytes(overwrite(data, len(data) // 2).data)
        pyffaudio.decode_bytes(data[: chance.randrange(len(data))])
    except PyffaudioError:
        pass


@pytest.mark.parametrize("seed", range(4))
def test_what_came_before_changes_nothing(clips: list[tuple[bytes, Any]], seed: int) -> None:
    chance = random.Random(seed)
    for data, expected in chance.sample(clips * 3, 3 * len(clips)):
        if chance.random() < 0.5:
            _misuse(chance.choice(clips)[0], chance)
        samples = pyffaudio.decode_bytes(data).samples
        np.testing.assert_array_equal(samples, expected, strict=True)


def test_threads_share_what_is_kept(clips: list[tuple[bytes, Any]]) -> None:
    wrong = []

    def decode(seed: int) -> None:
        chance = random.Random(seed)
        for data, expected in chance.sample(clips * 2, 2 * len(clips)):
            if not np.array_equal(pyffaudio.decode_bytes(data).samples, expected):
                wrong.append(seed)

    threads = [threading.Thread(target=decode, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
