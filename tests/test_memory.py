"""Promise: samples and the bundled FFmpeg's own memory together stay within the limits.

FFmpeg's part is counted and bounded where it is the bundled one; with another, `Limits` bounds the
samples alone.
"""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bombs
import pyffaudio
from media import Media
from pyffaudio import (
    AudioReader,
    CorruptAudioError,
    LimitExceededError,
    Limits,
)
from pyffaudio.buffers import GrowingBuffer
from pyffaudio.native import open_decoder
from pyffaudio.options import normalise
from pyffaudio.stream import stream
from signals import full_range
from test_verify import stated_md5
from wav_bytes import wav_bytes

BUNDLED = "libpyffaudio_ffmpeg" in pyffaudio.versions()["path"]
MIB = 1 << 20
BESIDE = 64 * MIB  # what may come on top of max_bytes, by docs/safety.md


def with_samples(m4a: bytes, count: int) -> bytes:
    """The same file with tables that claim so many packets, of a byte each, in one chunk."""
    forged = bytearray(m4a)
    size = m4a.index(b"stsz") + 8
    struct.pack_into(">II", forged, size, 1, count)
    times = m4a.index(b"stts") + 8
    struct.pack_into(">III", forged, times, 1, count, 1024)
    chunks = m4a.index(b"stsc") + 8
    struct.pack_into(">IIII", forged, chunks, 1, 1, count, 1)
    return bytes(forged)


PEAK = """
import sys
from pathlib import Path
import pyffaudio

def status(field):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) << 10

class Stream:
    def __init__(self, data):
        self.data = memoryview(data)

    def read(self, size):
        part, self.data = self.data[:size], self.data[size:]
        return part

data = Path(sys.argv[1]).read_bytes()
limits = pyffaudio.Limits(max_bytes=int(sys.argv[2]))
pyffaudio.decode_file(sys.argv[3])
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
try:
    found = pyffaudio.{call}
    print("right", status("VmHWM") - before)
except pyffaudio.LimitExceededError as error:
    print(error.limit, status("VmHWM") - before)
"""


def peak_of(data: bytes, call: str, max_bytes: int, warm: Path, folder: Path) -> tuple[str, int]:
    """What became of a call in a process of its own, and the memory that it took at most."""
    path = folder / "forged"
    path.write_bytes(data)
    command = [sys.executable, "-c", PEAK.replace("{call}", call), str(path), str(max_bytes)]
    command.append(str(warm))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    outcome, peak = done.stdout.split()
    return outcome, int(peak)


CALLS = {
    "probe": "probe(data, limits=limits)",
    "decode_bytes": "decode_bytes(data, limits=limits)",
    "partial": "decode_bytes(data, limits=limits, on_error='partial')",
    "AudioReader": "AudioReader(data, limits=limits).read(10)",
    "decode_many": "decode_many([data], limits=limits).__next__()",
    "filters": "decode_bytes(data, limits=limits, filters='anull')",
    "planes": "decode_bytes(data, limits=limits, channels_first=True)",
}

if BUNDLED:

    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("max_bytes", [MIB, 256 * MIB])
    def test_a_forged_index(media: Media, tmp_path: Path, call: str, max_bytes: int) -> None:
        """An entry of FFmpeg's index takes 24 bytes: these are 2 GB, of a file of some KB."""
        data = with_samples(media["m4a"].read_bytes(), 80_000_000)
        found, peak = peak_of(data, CALLS[call], max_bytes, media["m4a"], tmp_path)
        assert found == "max_bytes"
        assert peak <= max_bytes + BESIDE

    def test_what_the_index_needs_is_there_where_the_limit_is_higher(media: Media) -> None:
        """The control: it is the limit that refuses; to FFmpeg this is a file like others."""
        data = with_samples(media["m4a"].read_bytes(), 4_000_000)
        with pytest.raises(
            LimitExceededError, match="max_bytes=1048576; raise it with limits=Limits"
        ):
            pyffaudio.probe(data, limits=Limits(max_bytes=MIB))
        with pytest.raises(CorruptAudioError, match="looks like mov"):
            pyffaudio.probe(data, limits=Limits(max_bytes=256 * MIB))

    def test_a_row_of_a_batch(media: Media) -> None:
        good = media["m4a"].read_bytes()
        data = with_samples(good, 4_000_000)
        out = np.zeros((3, 100, pyffaudio.probe(good).num_channels), np.float32)
        result = pyffaudio.decode_batch_into(
            [good, data, good], out, on_item_error="return", limits=Limits(max_bytes=MIB)
        )
        assert [type(error).__name__ for error in result.errors] == [
            "NoneType",
            "LimitExceededError",
            "NoneType",
        ]
        np.testing.assert_array_equal(out[0], out[2])

    def test_filters_that_keep_it_all() -> None:
        """What areverse holds is FFmpeg's memory: here 24 times as much as what comes out."""
        data = wav_bytes(full_range(1_000_000, 1, "int16"), 8000)
        filters = "aresample=192000,areverse"
        with pytest.raises(LimitExceededError, match="what FFmpeg keeps"):
            pyffaudio.decode_bytes(
                data, filters=filters, sample_rate=8000, limits=Limits(max_bytes=8 * MIB)
            )
        audio = pyffaudio.decode_bytes(
            data, filters=filters, sample_rate=8000, limits=Limits(max_bytes=256 * MIB)
        )
        assert abs(audio.num_frames - 1_000_000) < 20

    def test_filters_that_make_an_hour_of_nothing() -> None:
        with pytest.raises(LimitExceededError, match="what FFmpeg keeps"):
            pyffaudio.decode_bytes(
                wav_bytes(full_range(1000, 2, "int16"), 48000),
                filters="apad=whole_dur=3600,areverse",
                limits=Limits(max_bytes=64 * MIB),
            )

    def test_a_decode_within_a_file_object_counts_for_itself(media: Media) -> None:
        """And what comes after it counts for the outer one again."""
        forged = with_samples(media["m4a"].read_bytes(), 4_000_000)

        class Nested:
            def __init__(self) -> None:
                self.data = forged

            def read(self, size: int) -> bytes:
                with pytest.raises(LimitExceededError):
                    pyffaudio.probe(forged, limits=Limits(max_bytes=1))
                part, self.data = self.data[:size], self.data[size:]
                return part

        with pytest.raises(LimitExceededError, match="max_bytes=1048576"):
            pyffaudio.decode_file(Nested(), limits=Limits(max_bytes=MIB))

    def test_a_reader_counts_samples_by_the_call() -> None:
        """In constant memory one may read for ever."""
        data = wav_bytes(full_range(3_000_000, 2, "int16"), 48000)
        with AudioReader(data, limits=Limits(max_bytes=MIB)) as reader:
            total = sum(len(block) for block in reader.blocks(50_000))
        assert total == 3_000_000


# Whatever FFmpeg it is.


def test_what_is_counted_and_not_kept_takes_one_block() -> None:
    """A FLAC with an MD5 is decoded for its count, to 1.5 GB in all, block by block."""
    flac = bytearray(bombs.long_flac())
    at = stated_md5(flac)
    flac[at : at + 16] = bytes(15) + b"\1"
    with pytest.raises(CorruptAudioError) as caught:
        pyffaudio.probe(flac, exact=True, limits=Limits.untrusted())
    assert caught.value.code == "md5_mismatch"


@pytest.mark.parametrize("is_kept", [False, True])
def test_what_is_streamed_and_not_kept_takes_one_block(is_kept: bool) -> None:
    """A scan goes through more than any memory has; here 96 MB, with room for 57."""
    wav = wav_bytes(full_range(24_000_000, 2, "int16"), 48_000)
    options = normalise(dtype=None, limits=Limits(max_bytes=MIB))
    with open_decoder(wav, options) as decoder:
        blocks = stream(decoder, wav, options, is_kept=is_kept)
        if not is_kept:
            assert sum(map(len, blocks)) == 24_000_000
            return
        with pytest.raises(LimitExceededError):
            sum(map(len, blocks))


def test_what_threads_decoded_in_vain_counts_once() -> None:
    """One of them meets damage, and another one begins anew: 197 MB, and not 295."""
    out = np.empty((2048 * 48_000, 1), np.int16)
    counted = pyffaudio.decode_into(
        bombs.long_flac()[:-10], out, num_channels=1, num_threads=2, on_error="partial",
        limits=Limits(max_bytes=190 * MIB),
    )  # fmt: skip
    assert counted.complete is False


def test_planes_grow_in_place(tmp_path: Path) -> None:
    buffer = GrowingBuffer(5, 3, "int16", channels_first=True)
    frames = np.arange(15, dtype=np.int16).reshape(5, 3)
    buffer.frames[:] = frames
    buffer.grow(100_000)
    assert len(buffer.frames) == 5 + 65536
    np.testing.assert_array_equal(buffer.frames[:5], frames)
    np.testing.assert_array_equal(buffer.take(5), frames.T)


@pytest.mark.parametrize("channels_first", [False, True])
def test_growth_takes_no_more_than_the_result(
    media: Media, tmp_path: Path, channels_first: bool
) -> None:
    """Nobody knows how much is to come: the array grows again and again."""
    data = wav_bytes(full_range(20_000_000, 2, "int16"), 48000)
    call = f"decode_file(Stream(data), channels_first={channels_first}, limits=limits)"
    found, peak = peak_of(data, call, 160_000_000, media["wav_s16"], tmp_path)
    assert found == "right"
    assert peak <= 160_000_000 + BESIDE


@pytest.mark.parametrize("max_bytes", [1, 1000, MIB, 2**62])
def test_little_memory_gives_the_samples_or_our_error(media: Media, max_bytes: int) -> None:
    """FFmpeg's part has room by itself: a short clip decodes to the limit exactly."""
    for name in ("wav_s16", "flac_16", "mp3", "vorbis", "opus", "m4a"):
        audio = pyffaudio.decode_file(media[name])
        try:
            again = pyffaudio.decode_file(media[name], limits=Limits(max_bytes=max_bytes))
        except LimitExceededError:
            assert audio.samples.nbytes > max_bytes
        else:
            np.testing.assert_array_equal(again.samples, audio.samples)
