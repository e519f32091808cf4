"""Promise: a file that claims or becomes much costs no more memory than its limits, and some."""

import io
import os
import time
from pathlib import Path

import pytest

import bombs
import forged
import pyffaudio
from bombs import BOMBS, CALLS
from oddities_riff import id3

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


def test_packed_tags_are_read() -> None:
    """What text is packed to, and not what only a bomb is."""
    words = " ".join(map(str, range(10_000)))
    tags = [("words", words), ("spaces", 50 * " " + "."), ("title", "of a song")]
    frames = [bombs.packed_tag(*tag) for tag in tags]
    assert len(frames[0]) < len(words) / 2
    bomb = bombs.packed_tag("bomb", 500_000 * "x")
    info = pyffaudio.probe(id3(b"".join([*frames, bomb])) + bombs.MP3)
    assert {key: info.tags.get(key) for key, _ in tags} == dict(tags)
    assert ("bomb" in info.tags) is not IS_BUNDLED


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def is_refused() -> bool:
    """Of what FFmpeg takes for these, the last part is a larger buffer of its resampler."""
    limits = pyffaudio.Limits(max_bytes=4 << 20)
    shape = {"sample_rate": 16_000, "channels": 1}
    try:
        pyffaudio.AudioReader(
            io.BytesIO(bytes(4800)), format="s16le", format_options=shape, limits=limits,
            filters="loudnorm", sample_rate=11_025, num_channels=64, dtype="int32",
        ).read(3000)  # fmt: skip
    except pyffaudio.LimitExceededError:
        return True
    return False


def test_what_is_refused_leaves_no_memory_behind() -> None:
    """FFmpeg's resampler lost a megabyte (scripts/ffmpeg.patch)."""
    assert is_refused() is IS_BUNDLED
    before = resident()
    for _ in range(60):
        is_refused()
    assert resident() - before < 16 << 20


def test_a_small_forged_file_ends_in_time() -> None:
    """What takes minutes without an end is asked for between two reads (scripts/ffmpeg.patch)."""
    for name, make in forged.SLOW.items() if IS_BUNDLED else ():
        data, began = make(), time.process_time()
        with pytest.raises(pyffaudio.DecodeTimeoutError):
            pyffaudio.decode_bytes(data, limits=pyffaudio.Limits(timeout=0.2))
        assert time.process_time() - began < 2, name
