"""Promise: a DataLoader's workers give what the parent would, samples and errors, and leak nothing.

docs/datasets.md has the examples, which tests/test_docs.py runs.
"""

import json
import mmap
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import loading
import pyffaudio
from loading import CALLS, FRAMES, RATE, Faults, Segments, fault
from media import Media
from signals import full_range
from wav_bytes import wav_bytes

pytestmark = [
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
    # As of 3.12, Python warns of every fork beside threads, and torch has some.
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]

ITEMS = 20_000
# 16 bytes of malloc's for each, 64 where four workers share them. What malloc keeps for later moves
# by hundreds of pages, so that of resident memory it is a page for each twentieth.
MOST_USED = 16 * ITEMS
MOST_RESIDENT = mmap.PAGESIZE * ITEMS // 20
NAMES = ("wav_s16", "flac_16", "mp3", "vorbis", "opus", "m4a")


@pytest.fixture(scope="module")
def paths(media: Media) -> list[str]:
    return [str(media[name]) for name in NAMES]


@pytest.fixture(scope="module")
def folder(media: Media, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of `CALLS`, but for the one that is missing."""
    path = tmp_path_factory.mktemp("faults")
    sound = wav_bytes(full_range(24000, 1, "int16"), 8000)
    (path / "sound.wav").write_bytes(sound)
    (path / "cut.wav").write_bytes(sound[:20044])
    (path / "page.mp3").write_text("<!DOCTYPE html><html><body>Not found</body></html>")
    (path / "silent_film.mp4").write_bytes(media["silent_film"].read_bytes())
    return path


@pytest.mark.parametrize(
    ("workers", "context", "persistent"),
    [
        (0, None, False),
        *((workers, "fork", persistent) for workers in (1, 2, 4) for persistent in (False, True)),
        (1, "spawn", False),
        (4, "spawn", True),
    ],
)
def test_items_are_slices_of_the_whole(
    paths: list[str], workers: int, context: str | None, persistent: bool
) -> None:
    dataset = Segments(paths, 60)
    loader = DataLoader[Any](
        dataset,
        batch_size=7,
        num_workers=workers,
        multiprocessing_context=context,
        persistent_workers=persistent,
    )
    wholes = {path: one_channel(path) for path in paths}
    processes = []
    for _ in range(2):
        items = [item for batch in loader for item in zip(*batch, strict=True)]
        assert [int(index) for index, *_ in items] == list(range(60))
        for index, _, frames, clip in items:
            path, offset = dataset.place(int(index))
            expected = wholes[path][offset : offset + FRAMES]
            assert frames == len(expected)
            np.testing.assert_array_equal(clip[:frames].numpy(), expected)
            assert (clip[frames:] == 9).all()
        processes.append({int(process) for _, process, _, _ in items})
    assert [len(each) for each in processes] == [max(workers, 1)] * 2
    assert (processes[0] == processes[1]) == (persistent or workers == 0)
    assert (os.getpid() in processes[0]) == (workers == 0)


def one_channel(path: str) -> Any:
    return pyffaudio.decode_file(path, sample_rate=RATE, num_channels=1).samples[:, 0]


def raised(folder: Path, index: int) -> Exception:
    try:
        fault(str(folder), index)
    except Exception as error:  # noqa: BLE001 - whichever it is
        return error
    raise AssertionError(CALLS[index])


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_errors_arrive_with_their_class(folder: Path, context: str) -> None:
    """As torch makes them anew: from the class, and a text in which the worker's is quoted."""
    loader = DataLoader[Any](
        Faults(str(folder), returns=False),
        batch_size=None,
        num_workers=1,
        multiprocessing_context=context,
    )
    arriving = iter(loader)
    kinds = set()
    for index in range(len(CALLS)):
        expected = raised(folder, index)
        with pytest.raises(type(expected)) as caught:
            next(arriving)
        assert type(caught.value) is type(expected)
        assert str(expected) in str(caught.value)
        assert getattr(caught.value, "partial", None) is None
        kinds.add(type(expected))
    assert {kind for kind in kinds if issubclass(kind, pyffaudio.PyffaudioError)} == {
        getattr(pyffaudio, name) for name in pyffaudio.__all__ if name.endswith("Error")
    } - {pyffaudio.PyffaudioError}


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_errors_that_are_items_keep_all_but_the_samples(folder: Path, context: str) -> None:
    loader = DataLoader[Any](
        Faults(str(folder), returns=True),
        batch_size=None,
        num_workers=1,
        multiprocessing_context=context,
    )
    had_samples = 0
    for index, found in enumerate(loader):
        expected = raised(folder, index)
        assert type(found) is type(expected)
        assert str(found) == str(expected)
        known = {key: value for key, value in vars(expected).items() if key != "partial"}
        assert {key: value for key, value in vars(found).items() if key != "partial"} == known
        assert getattr(found, "errno", None) == getattr(expected, "errno", None)
        had_samples += getattr(expected, "partial", None) is not None
        assert getattr(found, "partial", None) is None
    assert had_samples >= 2


def test_audio_is_an_item_too(paths: list[str]) -> None:
    """With its samples, its info, and what pickling must keep."""
    audio = pyffaudio.decode_file(paths[2])
    again = pickle.loads(pickle.dumps(audio))
    np.testing.assert_array_equal(again.samples, audio.samples)
    assert (again.sample_rate, again.info, again.complete) == (
        audio.sample_rate,
        audio.info,
        audio.complete,
    )


def grown(paths: list[str], folder: Path, items: int, workers: int, *how: str) -> list[list[int]]:
    command = [sys.executable, loading.__file__, str(items), str(workers), *how, *paths]
    command += [str(folder / "cut.wav"), str(folder / "page.mp3")]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        # Python's own pools would hide up to a megabyte, or show one more.
        env={**os.environ, "PYTHONMALLOC": "malloc"},
    )
    assert done.returncode == 0, done.stderr
    found: list[list[int]] = json.loads(done.stdout)
    assert len(found) == 1 + workers
    return found


@pytest.mark.parametrize(("workers", "context"), [(0, "fork"), (2, "fork"), (4, "spawn")])
def test_twenty_thousand_items_leave_nothing(
    paths: list[str], folder: Path, workers: int, context: str
) -> None:
    """In two epochs, by workers that are kept."""
    for used, resident, descriptors in grown(paths, folder, ITEMS, workers, context, "none"):
        assert used <= MOST_USED
        assert resident <= MOST_RESIDENT
        assert descriptors == 0


def test_what_items_leave_is_found(paths: list[str], folder: Path) -> None:
    """Else that would show nothing: 200 bytes and a page an item, a descriptor each hundredth."""
    _, *workers = grown(paths, folder, ITEMS // 4, 2, "fork", "leak")
    for used, resident, descriptors in workers:
        assert used > MOST_USED
        assert resident > MOST_RESIDENT
        assert descriptors > 0


@pytest.mark.parametrize(
    "memory",
    [
        lambda shape: torch.empty(shape, pin_memory=torch.cuda.is_available()),
        lambda shape: torch.empty(shape).share_memory_(),
    ],
    ids=["pinned, where there is CUDA", "shared"],
)
def test_a_padded_batch(paths: list[str], memory: Any) -> None:
    batch = memory((len(paths), 9000))
    batch.fill_(9)
    assert batch.is_pinned() == (torch.cuda.is_available() and not batch.is_shared())
    result = pyffaudio.decode_batch_into(paths, batch, sample_rate=RATE, num_channels=1)
    for path, length, row in zip(paths, result.lengths, batch, strict=True):
        expected = one_channel(path)
        assert length == len(expected) < 9000
        np.testing.assert_array_equal(row[:length].numpy(), expected)
        assert not row[length:].any()
