"""Write frames of FLAC to begin fuzzing with: python scripts/fuzz_flac.py FILE.

Some the reference encoder makes, others no encoder would. They are short, so that much can be tried
in a second. The file is a row of streams, each a STREAMINFO, the number of its frames, and of each
its size and its bytes; numbers have four bytes, the lowest first.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from flac_bytes import crc_16, stream_info
from flac_frames import (
    FIXED,
    LEFT_SIDE,
    MID_SIDE,
    RIGHT_SIDE,
    constant,
    frame,
    predicted,
    verbatim,
)

RATE = 44100
MOST_FRAMES = 64
Stream = tuple[bytes, list[bytes]]


def split(data: bytes) -> list[bytes]:
    """The frames of a file: each ends where its checksum is right and another begins."""
    begin = 4
    while True:
        last, length = data[begin] & 0x80, int.from_bytes(data[begin + 1 : begin + 4], "big")
        begin += 4 + length
        if last:
            break
    frames = []
    for end in range(begin + 10, len(data) + 1):
        ends = end == len(data) or data[end : end + 2] in (b"\xff\xf8", b"\xff\xf9")
        if ends and end >= begin + 10 and crc_16(data[begin:end]) == 0:
            frames.append(data[begin:end])
            begin = end
    assert begin == len(data)
    return frames


def walk(random: Random, count: int, bits: int) -> list[int]:
    """A random walk back and forth about zero, of steps as large as a choice made once."""
    most = 2 ** (bits - 1) - 1
    step = 2 ** random.randrange(bits)
    values = [0]
    while len(values) < count:
        value = values[-1] * 7 // 8 + int(random.gauss(0, step))
        values.append(max(-most - 1, min(most, value)))
    return values


def encoded(random: Random, bits: int, channels: int, options: str) -> Stream:
    """What the reference encoder makes."""
    size = random.choice((48, 64, 192, 300))
    planes = [walk(random, 5 * size + 7, bits)] * channels
    planes[1:2] = [[value // 2 for value in planes[0]]] * (channels > 1)
    data = b"".join(
        value.to_bytes(bits // 8, "little", signed=True)
        for values in zip(*planes, strict=True)
        for value in values
    )
    command = ["flac", "-s", "-c", *options.split(), "-b", str(size), "--lax", "--force-raw-format"]
    command += ["--endian=little", "--sign=signed", f"--bps={bits}", f"--channels={channels}"]
    command += [f"--sample-rate={RATE}", "-"]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    return done.stdout[8:42], split(done.stdout)


def subframes(random: Random, size: int, bits: int, values: list[int]) -> Iterator[str]:
    """The same samples in every way that takes them."""
    yield constant(values[0], bits)
    yield verbatim(values, bits)
    yield verbatim([value & -4 for value in values], bits, 2)
    for method in (0, 1):
        for coefficients in FIXED:
            yield predicted(values, bits, coefficients, method=method)
    for order in (1, 2, 3, 5, 8, 11, 12, 13, 20, 32):
        precision = random.randint(2, 15)
        most = 2 ** (precision - 1)
        coefficients = [random.randrange(-most, most) // order for _ in range(order)]
        shift = random.randint(0, 15)
        yield predicted(values, bits, coefficients, shift, precision, method=1)
        if size % 4 == 0 and size // 4 >= order:
            widths = [-1 - min(bits + 1, 31), -32, 5, 9][: 4 if bits <= 8 else 2] * 2
            yield predicted(values, bits, coefficients, 15, precision, widths[:4], 1)


def hand_made(random: Random, bits: int, channels: int) -> Stream:
    """What no encoder would make, as far as residuals have 32 bits."""
    size = random.choice((16, 40, 64, 100))
    ways = []
    for _ in range(channels):
        values = [value >> max(bits - 25, 0) for value in walk(random, size, bits)]
        ways.append([way for way in subframes(random, size, bits, values) if len(way) < 40000])
    choices = [[random.choice(texts) for texts in ways] for _ in range(MOST_FRAMES // 2)]
    frames = [frame(texts, size, bits, place=random.randrange(2**31)) for texts in choices]
    if channels == 2:
        for assignment in (LEFT_SIDE, RIGHT_SIDE, MID_SIDE):
            side = 0 if assignment == RIGHT_SIDE else 1
            values = [value >> max(bits - 25, 0) for value in walk(random, size, bits)]
            wide = [way for way in subframes(random, size, bits + 1, values) if len(way) < 40000]
            for way in random.sample(wide, min(len(wide), 10)):
                texts = [random.choice(ways[0]), random.choice(ways[1])]
                texts[side] = way
                frames.append(frame(texts, size, bits, assignment=assignment, variable=True))
    return stream_info((size, size), RATE, channels, bits, 0), frames[:MOST_FRAMES]


def main(path: str) -> None:
    random = Random(0)
    streams = [
        encoded(random, bits, channels, options)
        for bits in (8, 16, 24, 32)
        for channels in (1, 2, 6)
        for options in ("-0", "-5", "-8 -l 32 -e", "-8 -r 0,8")
    ]
    streams += [
        hand_made(random, bits, channels)
        for bits in (4, 5, 8, 12, 15, 16, 17, 20, 24, 28, 31, 32)
        for channels in (1, 2, 2, 2, 3, 8)
    ]
    with open(path, "wb") as file:
        for info, frames in streams:
            file.write(info + len(frames).to_bytes(4, "little"))
            file.writelines(len(data).to_bytes(4, "little") + data for data in frames)
    print(f"{sum(len(frames) for _, frames in streams)} frames of {len(streams)} streams")


if __name__ == "__main__":
    main(sys.argv[1])
