"""Promise: decoding runs without the GIL, in as many threads as there are."""

import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import pyffaudio
from media import Media
from signals import full_range
from wav_bytes import wav_bytes

WAV = wav_bytes(full_range(200_000, 2, "int16"), 44100)


@pytest.fixture
def unhurried() -> Iterator[None]:
    """No thread is made to give up the GIL: whoever gets it, was given it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


def others_run_during(call: Callable[[], object]) -> bool:
    """Whether another thread gets the GIL while this one makes the same call again and again."""
    turns = 0
    stop = threading.Event()

    def take_turns() -> None:
        nonlocal turns
        while not stop.is_set():
            turns += 1
            time.sleep(0)

    thread = threading.Thread(target=take_turns)
    thread.start()
    before = turns
    for _ in range(300):
        call()
        if turns > before:
            break
    found = turns > before
    stop.set()
    thread.join()
    return found


CALLS: dict[str, Callable[[], object]] = {
    "decode": lambda: pyffaudio.decode_bytes(WAV),
    "resample": lambda: pyffaudio.decode_bytes(WAV, sample_rate=16000),
    "decode_into": lambda: pyffaudio.decode_into(WAV, np.zeros((200_000, 2), np.float32)),
    "a segment": lambda: pyffaudio.decode_bytes(WAV, frame_offset=190_000),
}


@pytest.mark.parametrize("call", CALLS)
def test_other_threads_run_meanwhile(unhurried: None, call: str) -> None:
    assert others_run_during(CALLS[call])


def test_the_same_is_not_so_of_what_keeps_the_gil(unhurried: None) -> None:
    """The control: this is what the test above would see of a decode that kept it."""
    data = bytes(1 << 20)
    assert not others_run_during(lambda: data.count(b"x"))


class Meeting(io.BytesIO):
    """Its reads wait until the other thread reads too."""

    def __init__(self, barrier: threading.Barrier) -> None:
        super().__init__(WAV)
        self.barrier = barrier

    def read(self, size: int | None = -1, /) -> bytes:
        self.barrier.wait(60)
        return super().read(size)


def test_two_decodes_are_under_way_at_once() -> None:
    """No lock of the library's is held by either: each can go on only when the other does."""
    barrier = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(pyffaudio.decode_file, [Meeting(barrier), Meeting(barrier)])
    assert first.samples.tobytes() == second.samples.tobytes()


def test_a_decode_waits_for_its_pipe_while_others_go_on(tmp_path: Path) -> None:
    """Twenty wait for a pipe each, all in C: the one that writes to them still runs."""
    pipes = [tmp_path / f"{number}.fifo" for number in range(20)]
    for pipe in pipes:
        os.mkfifo(pipe)
    with ThreadPoolExecutor(len(pipes)) as pool:
        waiting = [pool.submit(pyffaudio.decode_file, pipe) for pipe in pipes]
        expected = pyffaudio.decode_bytes(WAV)
        for pipe in pipes:
            pipe.write_bytes(WAV)
        for future in waiting:
            assert future.result(60).samples.tobytes() == expected.samples.tobytes()


def test_many_threads_get_the_same_samples(media: Media) -> None:
    names = ["flac_16", "mp3", "vorbis", "opus", "m4a", "mka_flac", "wav_s24"] * 8
    paths = [media[name] for name in names]
    expected = {
        path: pyffaudio.decode_file(path, sample_rate=16000).samples.tobytes() for path in paths
    }
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda path: pyffaudio.decode_file(path, sample_rate=16000), paths))
    for path, audio in zip(paths, found, strict=True):
        assert audio.samples.tobytes() == expected[path]


def test_one_buffer_in_many_threads() -> None:
    expected = pyffaudio.decode_bytes(WAV).samples.tobytes()
    with ThreadPoolExecutor(8) as pool:
        for audio in pool.map(pyffaudio.decode_bytes, [WAV] * 24):
            assert audio.samples.tobytes() == expected
