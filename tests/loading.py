"""Data sets for DataLoaders, and what their workers come to use.

usage: python tests/loading.py ITEMS WORKERS fork|spawn none|leak PATH...

Prints by how much each process has grown, as JSON: bytes of malloc's, bytes resident, descriptors.
"""

import ctypes
import gc
import io
import json
import mmap
import os
import sys
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

import pyffaudio

RATE, FRAMES = 16000, 400
EPOCHS = 2


class Segments:
    """Segments at 16 kHz, mono: of each file in turn, from a place that follows from the index."""

    def __init__(self, paths: list[str], items: int) -> None:
        self.paths = paths
        self.items = items

    def __len__(self) -> int:
        return self.items

    def place(self, index: int) -> tuple[str, int]:
        """Path and offset of an item; some segments end beyond their file."""
        return self.paths[index % len(self.paths)], index * 7919 % 7000

    def __getitem__(self, index: int) -> Any:
        path, offset = self.place(index)
        clip = torch.full((FRAMES,), 9.0)
        audio = pyffaudio.decode_into(
            path, clip, sample_rate=RATE, num_channels=1, frame_offset=offset
        )
        return index, os.getpid(), audio.num_frames, clip


class Faults:
    """What each call of `CALLS` raises: raised again, or given as the item."""

    def __init__(self, folder: str, returns: bool) -> None:
        self.folder = folder
        self.returns = returns

    def __len__(self) -> int:
        return len(CALLS)

    def __getitem__(self, index: int) -> Any:
        try:
            return fault(self.folder, index)
        except Exception as error:
            if self.returns:
                return error
            raise


# A file of a folder, and options; each is an error of another kind.
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("page.mp3", {}),
    ("silent_film.mp4", {}),
    ("cut.wav", {}),
    ("sound.wav", {"limits": pyffaudio.Limits(max_bytes=100)}),
    ("sound.wav", {"limits": pyffaudio.Limits(timeout=1e-9)}),
    ("sound.wav", {"filters": "volume=2,nonesuch"}),
    ("none.wav", {}),
    ("sound.wav", {"sample_rate": -1}),
]


def fault(folder: str, index: int) -> Any:
    name, options = CALLS[index]
    return pyffaudio.decode_file(Path(folder, name), **options)


class Measured(Segments):
    """Small items by every call, good and bad; with some, what their process uses."""

    def __init__(self, paths: list[str], items: int, leak: bool) -> None:
        super().__init__(paths, items)
        self.leak = leak
        self.kept: list[object] = []
        self.calls = 0

    def __getitem__(self, index: int) -> Any:
        if self.calls == 0:
            gc.freeze()  # what is imported by now need not be looked at each time
        path, offset = self.place(index)
        clip = torch.zeros(FRAMES)
        try:
            self.decode(path, clip, offset)
        except pyffaudio.CorruptAudioError:
            pass
        except pyffaudio.UnsupportedFormatError:
            clip[:] = 0
        self.calls += 1
        if self.leak:
            page = mmap.mmap(-1, mmap.PAGESIZE)
            page[0] = 1
            self.kept += [bytes(200), page]
            if self.calls % 100 == 0:
                self.kept.append(os.open(path, os.O_RDONLY))
        return clip, torch.tensor(in_use() if self.calls % 50 == 0 else (0, 0, 0, 0))

    def decode(self, path: str, clip: torch.Tensor, offset: int) -> None:
        match self.calls // len(self.paths) % 4:  # each call has each path in its turn
            case 0:
                pyffaudio.decode_into(
                    path, clip, sample_rate=RATE, num_channels=1, frame_offset=offset
                )
            case 1:
                data = Path(path).read_bytes()
                samples = pyffaudio.decode_bytes(data, num_channels=1, num_frames=FRAMES).samples
                clip[: len(samples)] = torch.from_numpy(samples[:, 0])
            case 2:
                stream = io.BytesIO(Path(path).read_bytes())
                pyffaudio.decode_into(stream, clip, num_channels=1)
            case _:
                pyffaudio.decode_batch_into([path, path], clip.view(2, -1), num_channels=1)


class _Info(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_size_t) for name in "abcdefghij")


def in_use() -> tuple[int, int, int, int]:
    """This process: its id, bytes of malloc's in use, bytes resident, open descriptors."""
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = _Info
    gc.collect()
    libc.malloc_trim(0)
    info = libc.mallinfo2()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    resident = pages * os.sysconf("SC_PAGE_SIZE")
    return os.getpid(), info.h + info.e, resident, len(os.listdir("/proc/self/fd"))


def growth(items: int, workers: int, context: str, leak: bool, paths: list[str]) -> list[list[int]]:
    """By how much each process has grown, this one first, from an early tenth to the last.

    Workers stay from epoch to epoch. Of a tenth the least counts, since batches on their way are
    memory and descriptors too. Of memory it is twice what both halves grew by: what is lost is lost
    in each, and what something takes once is in one of them.
    """
    loader = DataLoader[Any](
        Measured(paths, items // EPOCHS, leak),
        batch_size=50,
        num_workers=workers,
        multiprocessing_context=context if workers else None,
        persistent_workers=workers > 0,
    )
    found = {os.getpid(): array("q")}  # these grow too, but by little
    gc.freeze()
    for _ in range(EPOCHS):
        for _, used in loader:
            for process, *figures in [in_use(), *used[used[:, 0] > 0].tolist()]:
                found.setdefault(process, array("q")).extend(figures)
    assert len(found) == 1 + workers
    grown = []
    for each in found.values():
        figures = np.array(each).reshape(-1, 3)
        tenth = len(figures) // 10
        early, middle, last = (figures[at * tenth :][:tenth].min(axis=0) for at in (1, 5, 9))
        used, resident, _ = 2 * np.minimum(middle - early, last - middle)
        grown.append([int(used), int(resident), int(last[2] - early[2])])
    return grown


if __name__ == "__main__":
    _, count, number, start, leaks, *files = sys.argv
    print(json.dumps(growth(int(count), int(number), start, leaks == "leak", files)))
