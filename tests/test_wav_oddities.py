"""Promise: WAV in all its oddities, bit for bit; more of them are in tests/oddities_riff.py."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pyffaudio
from encoders import wide_wav
from signals import Samples, full_range
from wav_bytes import EXTENSIBLE, GUID_TAIL, PCM, chunk, wav_bytes

STEREO_48K = struct.pack("<HHIIHH", PCM, 2, 48000, 192_000, 4, 16)
TAIL = np.arange(96_000, dtype=np.int16).reshape(-1, 2)  # the last second of the large files
LARGE = 5 * 10**9 // 4  # frames of four bytes, beyond what 32 bits count


def decode(data: bytes) -> Samples:
    audio = pyffaudio.decode_bytes(data, dtype=None)
    assert audio.issues == ()
    assert audio.complete is True
    return audio.samples


def fmt(channels: int, bits: int, width: int, mask: int = 0) -> bytes:
    block = channels * width
    head = struct.pack("<HHIIHH", EXTENSIBLE, channels, 8000, 8000 * block, block, 8 * width)
    return head + struct.pack("<HHIH", 22, bits, mask, PCM) + GUID_TAIL


def test_24_bits_in_4_bytes() -> None:
    """Left-aligned, as WAVE_FORMAT_EXTENSIBLE has it; FFmpeg takes it for another format."""
    samples = full_range(1001, 2, "int32") & ~0xFF
    data = wav_bytes(samples, 8000)
    old = struct.pack("<HHIIHH", PCM, 2, 8000, 64_000, 8, 32)
    plain = data.replace(old, struct.pack("<HHIIHH", PCM, 2, 8000, 64_000, 8, 24))
    for wav in (plain, wide_wav(samples, 8000, 4, 24)):
        np.testing.assert_array_equal(decode(wav), samples, strict=True)


def test_big_endian() -> None:
    samples = full_range(1001, 2, "int16")
    head = struct.pack(">HHIIHH", PCM, 2, 8000, 32_000, 4, 16)
    body = b"WAVE" + b"fmt " + struct.pack(">I", 16) + head
    body += b"data" + struct.pack(">I", samples.nbytes) + samples.astype(">i2").tobytes()
    data = b"RIFX" + struct.pack(">I", len(body)) + body
    np.testing.assert_array_equal(decode(data), samples, strict=True)


@pytest.mark.parametrize("channels", [9, 10, 16, 33, 64])
@pytest.mark.parametrize("mask", [0, 0x3, 0x3F, 0xFFFFFFFF])
def test_many_channels_and_masks_that_lie(channels: int, mask: int) -> None:
    samples = full_range(501, channels, "int16")
    data = chunk(b"fmt ", fmt(channels, 16, 2, mask)) + chunk(b"data", samples.tobytes())
    np.testing.assert_array_equal(decode(chunk(b"RIFF", b"WAVE" + data)), samples, strict=True)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFF0])
def test_a_size_left_open(size: int) -> None:
    """As a program writes that does not know how much will come."""
    samples = full_range(1001, 2, "int16")
    data = bytearray(wav_bytes(samples, 8000))
    at = data.index(b"data") + 4
    struct.pack_into("<I", data, at, size)
    struct.pack_into("<I", data, 4, 0xFFFFFFFF)
    audio = pyffaudio.decode_bytes(data, dtype=None)
    np.testing.assert_array_equal(audio.samples, samples, strict=True)
    assert audio.complete is None
    assert audio.issues == ()


@pytest.mark.parametrize("error", [-1, 1])
def test_a_size_that_is_one_off(error: int) -> None:
    """Whole frames decide: the odd byte is of none."""
    samples = full_range(1001, 2, "int16")
    data = bytearray(wav_bytes(samples, 8000))
    at = data.index(b"data") + 4
    struct.pack_into("<I", data, at, samples.nbytes + error)
    expected = samples if error > 0 else samples[:-1]
    np.testing.assert_array_equal(decode(bytes(data)), expected, strict=True)


def sparse(path: Path, head: bytes) -> Path:
    """Five gigabytes that take no room: a header, nothing, and the last second."""
    with path.open("wb") as file:
        file.write(head)
        file.seek(len(head) + (LARGE - len(TAIL)) * 4)
        file.write(TAIL.tobytes())
    return path


def rf64(path: Path) -> Path:
    sizes = struct.pack("<QQQI", LARGE * 4 + 72, LARGE * 4, LARGE, 0)
    head = b"RF64\xff\xff\xff\xffWAVE" + chunk(b"ds64", sizes) + chunk(b"fmt ", STEREO_48K)
    return sparse(path, head + b"data\xff\xff\xff\xff")


def w64(path: Path) -> Path:
    def guid(name: bytes) -> bytes:
        return name + bytes.fromhex("f3acd3118cd100c04f8edb8a")

    head = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
    head += struct.pack("<Q", LARGE * 4 + 104) + guid(b"wave")
    head += guid(b"fmt ") + struct.pack("<Q", 24 + 16) + STEREO_48K
    return sparse(path, head + guid(b"data") + struct.pack("<Q", LARGE * 4 + 24))


@pytest.mark.parametrize("make", [rf64, w64])
def test_the_tail_of_what_is_beyond_4_gigabytes(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    """Found by a seek: decoding up to there would take seconds, and is cut off after one."""
    path = make(tmp_path / "large")
    limits = pyffaudio.Limits(timeout=1)
    info = pyffaudio.probe(path)
    assert (info.num_frames, info.is_exact) == (LARGE, True)
    for audio in (
        pyffaudio.decode_file(path, dtype=None, limits=limits, frame_offset=LARGE - 48_000),
        pyffaudio.decode_file(path, dtype=None, limits=limits, start_seconds=-1.0),
    ):
        np.testing.assert_array_equal(audio.samples, TAIL, strict=True)
        assert audio.more is False
    piece = pyffaudio.decode_file(path, frame_offset=LARGE - 100, num_frames=7, dtype="int16")
    np.testing.assert_array_equal(piece.samples, TAIL[-100:-93])
