"""Promise: decoding runs in as many threads as there are, whether there is a GIL or not."""

import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

import pyffaudio
from media import Media
from pyffaudio import native
from pyffaudio.native import Decoder
from pyffaudio.options import normalise
from signals import Samples, full_range
from wav_bytes import wav_bytes

T = TypeVar("T")
WAV = wav_bytes(full_range(200_000, 2, "int16"), 44100)
THREADS = 8


def has_gil() -> bool:
    """Whether there is a GIL, which may also come back while a free-threaded interpreter runs."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def switching_every(seconds: float) -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    yield
    sys.setswitchinterval(before)


def together(action: Callable[[int], T]) -> list[T]:
    """What the action answers for each number, in threads that start at the same time."""
    barrier = threading.Barrier(THREADS)

    def act(number: int) -> T:
        barrier.wait(60)
        return action(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(act, range(THREADS)))


# The GIL is given up. Without one there is nothing to give up, and the control could not hold.


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


if has_gil():

    @pytest.fixture
    def unhurried() -> Iterator[None]:
        """No thread is made to give up the GIL: whoever gets it, was given it."""
        yield from switching_every(1000)

    @pytest.mark.parametrize("call", CALLS)
    def test_other_threads_run_meanwhile(unhurried: None, call: str) -> None:
        assert others_run_during(CALLS[call])

    def test_the_same_is_not_so_of_what_keeps_the_gil(unhurried: None) -> None:
        """The control: this is what the test above would see of a decode that kept it."""
        data = bytes(1 << 20)
        assert not others_run_during(lambda: data.count(b"x"))

else:

    @pytest.mark.parametrize("call", CALLS)
    def test_the_gil_stays_off(call: str) -> None:
        """An extension that is not made to run without it brings it back for all."""
        CALLS[call]()
        assert not has_gil()


# Decodes side by side.


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


# Each is opened anew by all threads at once.
MIXED: dict[str, dict[str, Any]] = {
    "wav_s24": {},
    "flac_24": {"dtype": "int32"},
    "mka_flac": {"channels_first": True},
    "mp3": {"sample_rate": 16000, "num_channels": 1},
    "adts": {"dtype": "int16"},
    "m4a_6": {"num_channels": 2},
    "vorbis": {"sample_rate": 8000},
    "opus": {"start_seconds": -0.1},
    "wav_alaw": {"dtype": None},
}


def test_many_decodes_of_every_kind_at_once(media: Media) -> None:
    data = {name: media[name].read_bytes() for name in MIXED}
    expected = {name: pyffaudio.decode_bytes(data[name], **MIXED[name]) for name in MIXED}

    def decode_all(number: int) -> None:
        names = list(MIXED)[number:] + list(MIXED)[:number]
        for name in names * 5:
            audio = pyffaudio.decode_bytes(data[name], **MIXED[name])
            assert audio.samples.tobytes() == expected[name].samples.tobytes(), name
            assert (audio.info, audio.issues) == (expected[name].info, expected[name].issues)

    together(decode_all)


# One decoder, which is private, in many threads: of two calls at the same time one is refused.

NUMBERS = np.arange(100_000, dtype=np.int32)[:, None]
NUMBERED = wav_bytes(NUMBERS, 44100)
OPENED: dict[str, Callable[[], Decoder]] = {
    "data": lambda: native.open_data(NUMBERED, normalise(dtype="int32")),
    "a file object": lambda: native.open_file(io.BytesIO(NUMBERED), normalise(dtype="int32")),
}
USES: list[Callable[[Decoder], object]] = [
    lambda decoder: decoder.read_into(np.empty((500, 1), np.int32)),
    lambda decoder: decoder.skip(50),
    lambda decoder: decoder.describe(),
    lambda decoder: decoder.claimed_frames,
    lambda decoder: decoder.issues,
    lambda decoder: decoder.complete,
    lambda decoder: decoder.position,
]


@pytest.fixture
def hurried() -> Iterator[None]:
    """With a GIL, threads come to each other's calls at many more places."""
    yield from switching_every(1e-5)


def insist(call: Callable[..., T], *arguments: object) -> T:
    """Make the call again for as long as it is refused."""
    while True:
        try:
            return call(*arguments)
        except RuntimeError as error:
            if "in use" not in str(error):
                raise
        time.sleep(0)


@pytest.mark.parametrize("opened", OPENED)
def test_each_frame_of_a_decoder_goes_to_one_thread(hurried: None, opened: str) -> None:
    decoder = OPENED[opened]()

    def read_and_skip(number: int) -> tuple[list[Samples], int]:
        blocks: list[Samples] = []
        skipped = 0
        while True:
            block = np.empty((100 + number, 1), np.int32)
            got = insist(decoder.read_into, block)
            if got == 0:
                return blocks, skipped
            blocks.append(block[:got])
            skipped += insist(decoder.skip, number)

    found = together(read_and_skip)
    blocks = [block for blocks, _ in found for block in blocks]
    assert all((np.diff(block, axis=0) == 1).all() for block in blocks)
    frames = np.concatenate(blocks)
    assert np.isin(frames, NUMBERS).all()
    assert len(np.unique(frames)) == len(frames)
    assert len(frames) + sum(skipped for _, skipped in found) == len(NUMBERS) == decoder.position


def use_on(decoder: Decoder) -> None:
    while True:
        for call in USES:
            insist(call, decoder)


def close_after(turns: int, decoder: Decoder) -> None:
    try:
        for _ in range(turns):
            insist(decoder.skip, 1)
    finally:
        insist(decoder.close)


@pytest.mark.parametrize("opened", OPENED)
@pytest.mark.parametrize("turns", range(10))
def test_a_decoder_closes_while_others_use_it(hurried: None, opened: str, turns: int) -> None:
    decoder = OPENED[opened]()

    def act(number: int) -> None:
        if number == 0:
            close_after(turns, decoder)
        else:
            with pytest.raises(ValueError, match="closed"):
                use_on(decoder)

    together(act)
