"""Promise: the private Decoder fails with an exception where it is misused, and never crashes."""

import gc
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyffaudio
from pyffaudio import native
from pyffaudio._decode import Batch, Settings
from pyffaudio.native import Decoder, Stop
from pyffaudio.options import normalise
from signals import full_range
from wav_bytes import wav_bytes

WAV = wav_bytes(full_range(5000, 1, "int16"), 8000)

AFTER_CLOSE: dict[str, Callable[[Decoder], object]] = {
    "read_into": lambda decoder: decoder.read_into(np.zeros((10, 1), np.float32)),
    "skip": lambda decoder: decoder.skip(10),
    "describe": lambda decoder: decoder.describe(),
    "claimed_frames": lambda decoder: decoder.claimed_frames,
}


@pytest.mark.parametrize("call", AFTER_CLOSE)
def test_a_closed_decoder_says_so(call: str) -> None:
    decoder = native.open_data(WAV, normalise())
    decoder.skip(100)
    decoder.close()
    decoder.close()
    with pytest.raises(ValueError, match="closed"):
        AFTER_CLOSE[call](decoder)


def test_closing_releases_the_data() -> None:
    data = bytearray(WAV)
    decoder = native.open_data(data, normalise())
    with pytest.raises(BufferError):
        data.append(0)
    decoder.close()
    data.append(0)


def test_a_header_that_changes_after_it_was_read() -> None:
    """Memory may be shared: what was checked once is what is used."""
    data = bytearray(WAV)
    decoder = native.open_data(data, normalise())
    data[36:40] = b"xxxx"
    assert decoder.describe()["is_exact"] is True
    assert decoder.skip(10_000) == 5000


def test_a_decoder_in_a_reference_cycle_with_its_file_object_is_collected() -> None:
    class File:
        decoder: Decoder | None = None
        position = 0
        alive = 0

        def __init__(self) -> None:
            File.alive += 1

        def __del__(self) -> None:
            File.alive -= 1

        def read(self, size: int) -> bytes:
            start = self.position
            self.position += size
            return WAV[start : start + size]

    for _ in range(3):
        file = File()
        file.decoder = native.open_file(file, normalise())
        file.decoder.skip(10)
    del file
    gc.collect()
    assert File.alive == 0


def test_an_exception_within_a_conversion_reaches_the_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As that of a signal's handler, which may run in any line of Python."""
    source = wav_bytes(full_range(100_000, 2, "int16"), 8000)
    options: Any = {"sample_rate": 11025, "num_channels": 1}
    expected = pyffaudio.decode_bytes(source, **options).samples

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pyffaudio.AudioReader(source, **options) as reader:
        with monkeypatch.context() as patched:
            patched.setattr("pyffaudio.levels.mix_matrix", interrupt)
            with pytest.raises(KeyboardInterrupt):
                pyffaudio.decode_bytes(source, **options)
            reader.seek(100_000)
            with pytest.raises(KeyboardInterrupt):
                reader.read(10)
        reader.seek(0)
        np.testing.assert_array_equal(reader.read(), expected)


def test_arguments_that_are_refused_close_nothing() -> None:
    """The descriptor 0 of a decoder that was never opened is not its own."""
    before = os.fstat(0)
    with pytest.raises(TypeError):
        Decoder(None, description="x")  # type: ignore[arg-type]
    assert os.fstat(0) == before


def test_a_batch_fits_its_array() -> None:
    asked = normalise(dtype="int16")
    row = (None, WAV, None, 0.0, math.inf, 0, 100)
    for shape, padding in [((1, 9), 2), ((0, 9, 1), 2), ((1, 9, 1), 3)]:
        out = np.zeros(shape, np.int16)
        with pytest.raises(ValueError, match="row for each source"):
            Batch(Settings(asked), asked.limits, out, bytes(padding), [row], Stop())
    batch = Batch(
        Settings(asked), asked.limits, np.zeros((1, 9, 1), np.int16), bytes(2), [row], Stop()
    )
    assert batch.fill() == -1
    assert batch.result(0) == (9, True, 0)
    for index in (-1, 1):
        with pytest.raises(IndexError):
            batch.result(index)


def test_paths_of_any_kind_of_str(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(full_range(100, 1, "int16"), 8000))
    assert pyffaudio.decode_file(np.str_(path)).num_frames == 100
