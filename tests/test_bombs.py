"""Promise: a file that claims or becomes much costs no more memory than its limits, and some."""

from pathlib import Path

import pytest

import bombs
import pyffaudio
from bombs import BOMBS, CALLS

# Beside the samples: what FFmpeg itself needs, a cover of 60 MB among it.
ROOM = 64 << 20
IS_BUNDLED = "libpyffaudio_ffmpeg" in pyffaudio.versions()["path"]
HARMLESS = [name for name, bomb in BOMBS.items() if IS_BUNDLED or not bomb.bundled_only]


@pytest.mark.parametrize("name", HARMLESS)
def test_a_bomb_costs_its_limit_and_some(tmp_path: Path, name: str) -> None:
    """Whatever the call; one that needs FFmpeg's memory bounded does only where it is ours."""
    path = tmp_path / "bomb"
    path.write_bytes(BOMBS[name].make())
    for cost in bombs.measure(path, BOMBS[name], list(CALLS)):
        assert cost["bytes"] <= cost["max_bytes"] + ROOM, cost
        assert cost["seconds"] < 10, cost  # it ends; `make soak` says how soon


def test_what_a_bomb_costs_is_seen(tmp_path: Path) -> None:
    """The control: 100 MB of samples, which are allowed, are in the figure."""
    path = tmp_path / "large"
    path.write_bytes(bombs.long_flac())
    (cost,) = bombs.measure(path, bombs.Bomb(bombs.long_flac, {}, limits=(100 << 20,)), ["path"])
    assert 90 << 20 < cost["bytes"] < 120 << 20
