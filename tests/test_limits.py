"""Promise: no call costs more than its limits, whatever the file claims."""

import io
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyffaudio
from media import Media
from pyffaudio import DecodeTimeoutError, LimitExceededError, Limits, UnsupportedFormatError
from signals import full_range
from wav_bytes import chunk, wav_bytes

STEREO = full_range(1000, 2, "int16")
WAV = wav_bytes(STEREO, 8000)


def exceeded(data: bytes, limits: Limits, **options: Any) -> LimitExceededError:
    with pytest.raises(LimitExceededError) as caught:
        pyffaudio.decode_bytes(data, limits=limits, **options)
    return caught.value


# Each field, at the limit and one beyond.


@pytest.mark.parametrize(
    ("name", "enough", "options"),
    [
        ("max_bytes", 1000 * 2 * 4, {}),
        ("max_bytes", 1000 * 2 * 2, {"dtype": None}),
        ("max_bytes", 1000 * 1 * 8, {"dtype": "float64", "num_channels": 1}),
        ("max_bytes", 2000 * 2 * 4, {"sample_rate": 16000}),
        ("max_bytes", 100 * 2 * 4, {"num_frames": 100}),
        ("max_channels", 2, {}),
        ("max_sample_rate", 8000, {}),
        ("max_input_bytes", len(WAV), {}),
    ],
)
def test_each_limit_holds_exactly(name: str, enough: Any, options: dict[str, Any]) -> None:
    pyffaudio.decode_bytes(WAV, limits=Limits(**{name: enough}), **options)
    error = exceeded(WAV, Limits(**{name: enough - 1}), **options)
    assert error.limit == name
    assert f"{name}={enough - 1};" in str(error), "the message names the limit and its value"
    assert str(error).endswith(f"raise it with limits=Limits({name}=...)")


def test_max_duration() -> None:
    pyffaudio.decode_bytes(WAV, limits=Limits(max_duration=0.125))
    pyffaudio.decode_bytes(WAV, limits=Limits(max_duration=0.05), num_frames=400)
    error = exceeded(WAV, Limits(max_duration=0.124))
    assert (error.limit, error.value) == ("max_duration", 0.124)
    assert "max_duration=0.124 seconds; raise it with" in str(error)


def test_max_streams(media: Media) -> None:
    pyffaudio.decode_file(media["mkv_film"], limits=Limits(max_streams=4))
    with pytest.raises(LimitExceededError, match="max_streams"):
        pyffaudio.decode_file(media["mkv_film"], limits=Limits(max_streams=3))


def test_max_input_bytes_of_what_has_no_size() -> None:
    """Also where the size shows only as it is read."""

    class Endless(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            return bytes(size)

    options = {"sample_rate": 8000, "channels": 1}
    with pytest.raises(LimitExceededError, match="max_input_bytes"):
        pyffaudio.decode_file(
            Endless(),
            format="s16le",
            format_options=options,
            limits=Limits(max_input_bytes=1_000_000),
        )


def test_max_tag_bytes_skips_and_is_never_fatal() -> None:
    """Tags beyond the budget are left out; the audio is what it was."""
    text = b"x" * 5000 + b"\0"
    tags = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"short\0") + chunk(b"ICMT", text))
    data = chunk(b"RIFF", WAV[8:] + tags)
    every = pyffaudio.probe(data)
    assert sorted(every.tags.values(), key=len) == ["short", "x" * 5000]
    some = pyffaudio.probe(data, limits=Limits(max_tag_bytes=100))
    assert list(some.tags.values()) == ["short"]
    audio = pyffaudio.decode_bytes(data, dtype=None, limits=Limits(max_tag_bytes=100))
    np.testing.assert_array_equal(audio.samples, STEREO)


def test_allowed_formats_narrow_the_list(media: Media) -> None:
    limits = Limits(allowed_formats={"flac", "ogg"})
    pyffaudio.decode_file(media["flac_16"], limits=limits)
    pyffaudio.decode_file(media["vorbis"], limits=limits)
    with pytest.raises(UnsupportedFormatError, match="allowed_formats"):
        pyffaudio.decode_bytes(WAV, limits=limits)
    with pytest.raises(ValueError, match="allowed_formats"):
        pyffaudio.decode_bytes(WAV, limits=limits, format="wav")


def test_limits_hold_for_probe_and_decode_into() -> None:
    with pytest.raises(LimitExceededError):
        pyffaudio.probe(WAV, limits=Limits(max_channels=1))
    with pytest.raises(LimitExceededError):
        pyffaudio.decode_into(WAV, np.zeros((1000, 2)), limits=Limits(max_channels=1))


@pytest.mark.parametrize("limits", [Limits(max_bytes=400), Limits(max_duration=0.0125)])
def test_read_into_goes_by_the_limits_of_decode_into(limits: Limits) -> None:
    """Call by call: 100 frames of the thousand, and no more into an array that has the room."""
    out = np.zeros((101, 2), np.int16)
    with pytest.raises(LimitExceededError) as caught:
        pyffaudio.decode_into(WAV, out, limits=limits)
    with pyffaudio.AudioReader(WAV, dtype="int16", limits=limits) as reader:
        for _ in range(2):
            out[:] = 77
            with pytest.raises(LimitExceededError, match=caught.value.limit):
                reader.read_into(out)
            np.testing.assert_array_equal(out[:100], STEREO[:100])
            assert (out[100:] == 77).all()
            assert reader.tell() == 0
        for start in range(0, 1000, 100):
            assert reader.read_into(out[:100]) == 100
            np.testing.assert_array_equal(out[:100], STEREO[start : start + 100])
        assert reader.read_into(out) == 0


def test_a_small_out_is_within_a_small_limit() -> None:
    """What counts is what the call gives, and not what the file holds."""
    out = np.zeros((10, 2), np.int16)
    audio = pyffaudio.decode_into(WAV, out, limits=Limits(max_bytes=40))
    assert (audio.num_frames, audio.more) == (10, True)


def test_the_good_part_comes_with_the_error() -> None:
    error = exceeded(WAV, Limits(max_bytes=400), dtype=None)
    assert error.partial is not None
    np.testing.assert_array_equal(error.partial.samples, STEREO[: error.partial.num_frames])
    assert error.partial.samples.nbytes <= 400


# Lies in headers: no size is believed.


def decoded_in_little_memory(data: bytes, tmp_path: Path, expression: str) -> str:
    """Decode in a child that may use 512 MiB of memory beyond what its imports take."""
    path = tmp_path / "lie"
    path.write_bytes(data)
    code = f"""
import resource
from pathlib import Path
import pyffaudio
path = {os.fspath(path)!r}
in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_DATA, (in_use + (512 << 20),) * 2)
try:
    print({expression})
except pyffaudio.PyffaudioError as error:
    print(type(error).__name__, error.code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def lying_flac(flac: bytes) -> bytes:
    """A FLAC whose header claims 2^36 - 1 frames."""
    where = flac.index(b"fLaC") + 8  # STREAMINFO: the last 36 bits before the checksum of 16 bytes
    lie = bytearray(flac)
    lie[where + 13] |= 0x0F
    lie[where + 14 : where + 18] = b"\xff" * 4
    return bytes(lie)


def lying_wav(frames: bytes) -> bytes:
    """A WAV that claims 2^32 - 1 bytes of data and holds these."""
    return WAV[:4] + b"\xff" * 4 + WAV[8:40] + b"\xff" * 4 + frames


@pytest.mark.parametrize("held", [0, 4, 4000])
def test_a_wav_that_claims_4_gib(tmp_path: Path, held: int) -> None:
    found = decoded_in_little_memory(
        lying_wav(WAV[44 : 44 + held]),
        tmp_path,
        'pyffaudio.decode_file(path, dtype=None, on_error="partial").samples.nbytes',
    )
    assert found == str(held)


def test_a_flac_that_claims_2_to_the_36_frames(media: Media, tmp_path: Path) -> None:
    found = decoded_in_little_memory(
        lying_flac(media["flac_16"].read_bytes()),
        tmp_path,
        'pyffaudio.decode_file(path, dtype=None, on_error="partial").num_frames',
    )
    assert found == "5003"


@pytest.mark.parametrize("size", [1 << 10, 1 << 20])
def test_one_hertz_to_a_high_rate_is_limited_by_bytes(tmp_path: Path, size: int) -> None:
    """A forged rate makes a small file 192,000 times longer: up to the limit, and no further."""
    data = bytearray(wav_bytes(np.zeros((size, 1), np.uint8), 8000))
    struct.pack_into("<I", data, 24, 1)
    limits = "pyffaudio.Limits(max_bytes=64 << 20)"
    call = f"pyffaudio.decode_file(path, sample_rate=192000, limits={limits})"
    found = decoded_in_little_memory(bytes(data), tmp_path, call)
    assert found == "LimitExceededError limit_exceeded"


# Time.


@pytest.fixture
def stalled(tmp_path: Path) -> Iterator[Path]:
    """A FIFO whose writer has written the start of a WAV, and nothing since."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    descriptor = os.open(fifo, os.O_RDWR)
    os.write(descriptor, WAV[:1000])
    yield fifo
    os.close(descriptor)


def test_a_stalled_fifo_times_out(stalled: Path) -> None:
    with pytest.raises(DecodeTimeoutError, match=r"longer than timeout=0\.05 seconds") as caught:
        pyffaudio.decode_file(stalled, limits=Limits(timeout=0.05))
    assert (caught.value.limit, caught.value.value) == ("timeout", 0.05)


def test_a_fifo_that_nobody_writes_to_times_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(DecodeTimeoutError):
        pyffaudio.decode_file(tmp_path / "fifo", limits=Limits(timeout=0.05))


def test_a_stalled_pipe_by_its_descriptor_s_path_times_out() -> None:
    reading_end, writing_end = os.pipe()
    os.write(writing_end, WAV[:1000])
    with pytest.raises(DecodeTimeoutError):
        pyffaudio.decode_file(f"/dev/fd/{reading_end}", limits=Limits(timeout=0.05))
    os.close(reading_end)
    os.close(writing_end)


def test_a_slow_file_object_times_out_between_its_reads() -> None:
    """Each read takes a while and gives a byte: the deadline passes during some read."""
    waiting = threading.Event()

    class Slow(io.RawIOBase):
        def __init__(self) -> None:
            self.data = io.BytesIO(WAV)
            self.reads = 0

        def read(self, size: int = -1, /) -> bytes:
            self.reads += 1
            waiting.wait(0.01)
            return self.data.read(1)

    slow = Slow()
    with pytest.raises(DecodeTimeoutError):
        pyffaudio.decode_file(slow, limits=Limits(timeout=0.05))
    assert slow.reads <= 6  # each takes at least a fifth of the time there is


def test_a_long_decode_times_out(tmp_path: Path) -> None:
    """A terabyte of silence that takes no space on the disk."""
    path = tmp_path / "long"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DecodeTimeoutError):
        pyffaudio.decode_file(
            path,
            sample_rate=1000,
            format="s16le",
            format_options={"sample_rate": 192_000, "channels": 1},
            limits=Limits(timeout=0.1),
        )


# The class itself.


@pytest.mark.parametrize(
    "name", ["max_bytes", "max_channels", "max_sample_rate", "max_streams", "max_tag_bytes"]
)
@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (-1, ValueError), ("1", TypeError), (None, TypeError)]
)
def test_a_wrong_value_is_refused(name: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=name):
        Limits(**{name: value})


@pytest.mark.parametrize("name", ["timeout", "max_duration"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf")])
def test_a_wrong_time_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        Limits(**{name: value})


@pytest.mark.parametrize("value", ["wav", ["wav", "no such format"], ["hls"]])
def test_wrong_formats_are_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="allowed_formats"):
        Limits(allowed_formats=value)


def test_allowed_formats_are_kept_as_they_were_given() -> None:
    """Whatever they come in, and whatever becomes of that."""
    names = ["wav", "flac"]
    kinds: list[Any] = [names, set(names), ("flac", "wav", "wav"), (name for name in names)]
    every = [Limits(allowed_formats=kind) for kind in kinds]
    names.clear()
    kinds[1].clear()
    assert {limits.demuxers for limits in every} == {("wav", "flac")}
    assert len(set(every)) == 1
    assert len({repr(limits) for limits in every}) == 1
    assert pyffaudio.decode_bytes(WAV, limits=every[-1]).num_frames == len(STEREO)


def test_limits_are_frozen_and_keyword_only() -> None:
    with pytest.raises(AttributeError):
        Limits().max_bytes = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        Limits(1 << 30)  # type: ignore[call-arg]


def test_the_defaults_are_those_documented() -> None:
    limits = Limits()
    assert limits.max_bytes == 16 << 30
    assert (limits.max_duration, limits.timeout, limits.max_input_bytes) == (None, None, None)
    assert (limits.max_channels, limits.max_sample_rate, limits.max_streams) == (64, 768_000, 64)
    assert (limits.max_tag_bytes, limits.allowed_formats) == (1 << 20, None)


def test_limits_for_strangers() -> None:
    limits = Limits.untrusted()
    assert (limits.max_bytes, limits.max_duration, limits.timeout) == (256 << 20, 600, 30)
    np.testing.assert_array_equal(
        pyffaudio.decode_bytes(WAV, dtype=None, limits=limits).samples, STEREO
    )
    with pytest.raises(ValueError, match="s16le"):
        pyffaudio.decode_bytes(
            WAV, limits=limits, format="s16le", format_options={"sample_rate": 1, "channels": 1}
        )


def test_a_timeout_beyond_what_a_clock_counts() -> None:
    assert pyffaudio.decode_bytes(WAV, limits=Limits(timeout=1e12)).num_frames > 0


@pytest.mark.parametrize("name", ["max_sample_rate", "max_streams", "max_channels", "max_bytes"])
def test_a_limit_beyond_all_use_is_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be positive and at most"):
        Limits(**{name: 2**63})  # type: ignore[arg-type]


def test_limits_take_numpy_integers() -> None:
    size: Any = np.int64(1 << 20)
    limits = Limits(max_bytes=size)
    assert type(limits.max_bytes) is int
    assert pyffaudio.decode_bytes(WAV, limits=limits).num_frames == len(STEREO)
