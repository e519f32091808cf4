"""Small or harmless files that claim much, or become much, and what one of them costs a process.

usage: python tests/bombs.py FILE OPTIONS CALLS LIMITS   a line of JSON for each call and limit
"""

import ctypes
import json
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import flac_frames
import forged
import pyffaudio
from flac_bytes import COMMENTS, PICTURE, STREAMINFO, block, stream_info
from oddities_boxes import box
from oddities_riff import id3
from pyffaudio import AudioReader, Limits
from wav_bytes import chunk, wav_bytes

COVER_BYTES = 60_000_000
WAV = wav_bytes(np.zeros((1000, 1), np.int16), 8000)
MP3 = (b"\xff\xfb\x90\0" + bytes(413)) * 20  # silence


def decode_into(path: Path, **options: Any) -> None:
    pyffaudio.decode_into(path, np.zeros((100, 1), np.float32), num_channels=1, **options)


CALLS: dict[str, Callable[..., object]] = {
    "path": pyffaudio.decode_file,
    "planes": partial(pyffaudio.decode_file, channels_first=True),
    "bytes": pyffaudio.decode_bytes,
    "file object": pyffaudio.decode_file,
    "into": decode_into,
    "reader": lambda path, num_threads=1, **options: AudioReader(path, **options).read(),
    "probe": lambda path, limits, **options: pyffaudio.probe(path, limits=limits),
    "exact probe": lambda path, limits, **options: pyffaudio.probe(path, limits=limits, exact=True),
}
OPENED: dict[str, Callable[[Path], Any]] = {
    "bytes": Path.read_bytes,
    "file object": lambda path: path.open("rb"),
}


@dataclass(frozen=True)
class Bomb:
    """A file, and the options that set it off."""

    make: Callable[[], bytes]
    options: dict[str, Any]
    bundled_only: bool = False  # it is FFmpeg itself that allocates
    limits: tuple[int, ...] = (0, 1 << 20)  # of max_bytes; 0 is that of Limits.untrusted()


def patched(data: bytes, layout: str, at: int, *values: int) -> bytes:
    out = bytearray(data)
    struct.pack_into(layout, out, at, *values)
    return bytes(out)


def long_flac() -> bytes:
    """2048 s of eight channels in 52 KB: each frame is of 65,535 samples, all the same."""
    size, rate, channels = 65_535, 48_000, 8
    count = 2048 * rate // size
    subframes = [flac_frames.constant(0, 16)] * channels
    frames = [flac_frames.frame(subframes, size, 16, place=place) for place in range(count)]
    info = stream_info((size, size), rate, channels, 16, count * size)
    return b"fLaC" + block(STREAMINFO, info, last=True) + b"".join(frames)


def lying_flac() -> bytes:
    """Some 80 bytes that claim 2^36 - 1 samples."""
    info = stream_info((4096, 4096), 48_000, 8, 16, (1 << 36) - 1)
    frame = flac_frames.frame([flac_frames.constant(0, 16)] * 8, 4096, 16)
    return b"fLaC" + block(STREAMINFO, info, last=True) + frame


def sample_table(samples: int, size: int) -> bytes:
    """The boxes of a track of PCM that has so many samples of this size, in chunks of one each."""
    entry = bytes(6) + struct.pack(">H8xHHHHI", 1, 2, 16, 0, 0, 48_000 << 16)
    described = struct.pack(">II", 0, 1) + box(b"sowt", entry)
    return box(
        b"stbl",
        box(b"stsd", described)
        + box(b"stts", struct.pack(">IIII", 0, 1, samples, 1024))
        + box(b"stsc", struct.pack(">IIIII", 0, 1, 1, samples, 1))
        + box(b"stsz", struct.pack(">III", 0, size, samples))
        + box(b"stco", struct.pack(">III", 0, 1, 560)),
    )


def mp4_of(table: bytes) -> bytes:
    """An MP4 of one track of sound, without any samples."""
    handler = struct.pack(">II4s12xx", 0, 0, b"soun")
    information = box(b"smhd", bytes(8)) + table
    header = struct.pack(">IIIIII", 0, 0, 0, 48_000, 48_000, 0)
    media = box(b"mdhd", header) + box(b"hdlr", handler) + box(b"minf", information)
    track = struct.pack(">IIIIII60x", 7, 0, 0, 1, 0, 48_000)
    movie = struct.pack(">IIIII80x", 0, 0, 0, 1000, 1000)
    moov = box(b"mvhd", movie) + box(b"trak", box(b"tkhd", track) + box(b"mdia", media))
    return box(b"ftyp", b"isom\0\0\2\0isomiso2") + box(b"moov", moov)


def greedy_mp4() -> bytes:
    """560 bytes that say there are 80 million samples: FFmpeg makes a table of them, of 1.9 GB."""
    data = mp4_of(sample_table(80_000_000, 1000))
    return data + box(b"free", bytes(max(560 - len(data) - 8, 0)))


def growing_mp4() -> bytes:
    """An index of 1.9 million samples of a byte, to which each fragment adds 100,000."""
    extends = box(b"mvex", box(b"trex", struct.pack(">IIIIII", 0, 1, 1, 1, 1, 0)))
    header = mp4_of(sample_table(0, 1))
    at = header.index(b"moov") - 4
    run = box(b"trun", struct.pack(">II", 0, 100_000))
    track = box(b"traf", box(b"tfhd", struct.pack(">II", 0x20000, 1)) + run)
    fragment = box(b"moof", box(b"mfhd", struct.pack(">II", 0, 1)) + track)
    fragment += box(b"mdat", bytes(100_000))
    return header[:at] + box(b"moov", header[at + 8 :] + extends) + fragment * 19


def of_rate(rate: int) -> bytes:
    return patched(WAV, "<I", 24, rate)


def of_channels(channels: int) -> bytes:
    return patched(patched(WAV, "<H", 22, channels), "<H", 32, channels * 2 & 0xFFFF)


def with_cover(data: bytes) -> bytes:
    """An ID3 tag with a picture of 60 MB before these frames."""
    picture = b"\0image/png\0\3\0" + bytes(COVER_BYTES)
    size = bytes(len(picture) >> shift & 127 for shift in (21, 14, 7, 0))
    return id3(b"APIC" + size + bytes(2) + picture) + data


def flac_with_cover() -> bytes:
    """Blocks of 16 MB, the most that there can be, which are a picture each."""
    picture = struct.pack(">II9sIIIIII", 3, 9, b"image/png", 0, 1, 1, 24, 0, (1 << 24) - 100)
    pictures = block(PICTURE, picture.ljust((1 << 24) - 60, b"\0")) * 4
    info = stream_info((4096, 4096), 48_000, 1, 16, 4096)
    frame = flac_frames.frame([flac_frames.constant(0, 16)], 4096, 16)
    return b"fLaC" + block(STREAMINFO, info) + pictures[:-1] + b"\0" + block(1, b"", True) + frame


def mp4_with_cover() -> bytes:
    """Its moov has a covr of 60 MB."""
    data = mp4_of(sample_table(1, 4))
    cover = box(b"data", struct.pack(">II", 14, 0) + bytes(COVER_BYTES))
    items = box(b"ilst", box(b"covr", cover))
    handler = box(b"hdlr", struct.pack(">II4s12xx", 0, 0, b"mdir"))
    tags = box(b"udta", box(b"meta", bytes(4) + handler + items))
    at = data.index(b"moov") - 4
    moov = box(b"moov", data[at + 8 :] + tags)
    return data[:at] + moov


def with_comments(comments: list[bytes]) -> bytes:
    """A FLAC of silence with these Vorbis comments, as many blocks of 16 MB as they need."""
    info = stream_info((4096, 4096), 48_000, 1, 16, 4096)
    content = struct.pack("<II", 0, len(comments))
    content += b"".join(struct.pack("<I", len(each)) + each for each in comments)
    frame = flac_frames.frame([flac_frames.constant(0, 16)], 4096, 16)
    return b"fLaC" + block(STREAMINFO, info) + block(COMMENTS, content, last=True) + frame


def many_comments() -> bytes:
    """100,000 tags in 1.3 MB, which FFmpeg compares each with all."""
    return with_comments([b"%05x=v" % number for number in range(100_000)])


def packed_tag(name: str, value: str) -> bytes:
    """A frame of ID3 whose text is compressed (ID3v2.4, 4.1.2)."""

    def size(value: int) -> bytes:
        return bytes(value >> shift & 127 for shift in (21, 14, 7, 0))

    raw = b"\3" + name.encode() + b"\0" + value.encode()
    packed = zlib.compress(raw, 9)
    return b"TXXX" + size(len(packed) + 4) + b"\0\x09" + size(len(raw)) + packed


def packed_tags() -> bytes:
    """140 MiB of text in 150 KB. Its one character beyond the first 65,536 makes four bytes of each
    in Python.
    """
    long = "\U0001f600" + "x" * (7 << 20)
    return id3(b"".join(packed_tag(f"k{number}", long) for number in range(20))) + MP3


def with_long_comment(mebibytes: int = 25) -> bytes:
    """A WAV of 200 s with a comment, which each thread's decoder would keep; FFmpeg copies it."""
    comment = chunk(b"LIST", b"INFO" + chunk(b"ICMT", b"x" * (mebibytes << 20)))
    data = wav_bytes(np.zeros((1_600_000, 1), np.int16), 8000)
    return patched(data[:36] + comment + data[36:], "<I", 4, len(data) + len(comment) - 8)


BOMBS = {
    "100,000 tags": Bomb(many_comments, {}, bundled_only=True),
    "tags of 140 MiB, packed": Bomb(packed_tags, {}, bundled_only=True),
    "a tag of 25 MiB and 32 threads": Bomb(
        with_long_comment, {"num_threads": 32}, bundled_only=True
    ),
    "a tag of 26 MiB": Bomb(lambda: with_long_comment(26), {}, bundled_only=True),
    "a FLAC of 2048 s": Bomb(long_flac, {}),
    "a FLAC that claims 2^36 samples": Bomb(lying_flac, {}),
    "an MP4 whose index grows": Bomb(growing_mp4, {}, bundled_only=True, limits=(1 << 20,)),
    "an MP4 with a forged table": Bomb(greedy_mp4, {}, bundled_only=True),
    "200,000 chapters in MP3": Bomb(forged.mp3_chapters, {}, bundled_only=True, limits=(1 << 20,)),
    "1 Hz to 48 kHz": Bomb(lambda: of_rate(1), {"sample_rate": 48_000}),
    "a cover of 60 MB in MP3": Bomb(lambda: with_cover(MP3), {}),
    "a cover of 60 MB in FLAC": Bomb(flac_with_cover, {}),
    "a cover of 60 MB in MP4": Bomb(mp4_with_cover, {}),
    "65,535 channels": Bomb(lambda: of_channels(65_535), {}),
    "64 channels": Bomb(lambda: of_channels(64), {"sample_rate": 48_000}),
    "a rate of 0": Bomb(lambda: of_rate(0), {"sample_rate": 48_000}),
    "a rate of 2^32 - 1": Bomb(lambda: of_rate(0xFFFF_FFFF), {"sample_rate": 48_000}),
}


def measure(path: Path, bomb: Bomb, calls: list[str]) -> list[dict[str, Any]]:
    """What each call costs under each of its limits, in a process of its own."""
    numbers = ",".join(map(str, bomb.limits))
    words = [str(path), json.dumps(bomb.options), ",".join(calls), numbers]
    done = subprocess.run(
        [sys.executable, __file__, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# In a child, whose memory nothing else has used.


def peak() -> int:
    """The most memory that this process has had since it was last forgotten, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return 1024 * int(found[1])


def cost(path: Path, call: str, limits: Limits, options: dict[str, Any]) -> dict[str, Any]:
    """What came of it, and what it took: seconds, and bytes beyond what was in use before."""
    source = OPENED.get(call, Path)(path)
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before, start = peak(), perf_counter()
    try:
        CALLS[call](source, limits=limits, **options)
        outcome = "right"
    except (pyffaudio.PyffaudioError, ValueError) as error:
        outcome = str(error)
        error.__traceback__ = None
    return {
        "call": call,
        "outcome": outcome,
        "seconds": perf_counter() - start,
        "bytes": peak() - before,
        "max_bytes": limits.max_bytes,
    }


def main() -> None:
    path, options, calls, limits = sys.argv[1:]
    pyffaudio.decode_bytes(WAV)
    for call in calls.split(","):
        for max_bytes in map(int, limits.split(",")):
            small = Limits.untrusted() if max_bytes == 0 else Limits(max_bytes=max_bytes)
            print(json.dumps(cost(Path(path), call, small, json.loads(options))))


if __name__ == "__main__":
    main()
