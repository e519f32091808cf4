"""Promise: our own FLAC kernel decodes what is sound, and leaves to FFmpeg what is not."""

import hashlib
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import pyffaudio
from flac_bytes import STREAMINFO, block, crc_8, crc_16, flac, stream_info
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
from pyffaudio import CorruptAudioError
from pyffaudio.native import open_decoder
from pyffaudio.options import normalise
from signals import Samples, noise, sine

RATE = 44100
# FFmpeg's parser, behind which the kernel is, knows frames of 32 bits as of 6.0.
KNOWS_32_BITS = int(pyffaudio.versions()["libavcodec"].split(".")[0]) >= 60


def wave(count: int, bits: int, seed: int = 0) -> list[int]:
    """A sine with a little noise, in so many bits."""
    scale = 2 ** (bits - 1) - 1
    tone = sine(count, 1, frequency=440 + 10 * seed)[:, 0]
    grain = noise(count, 1, seed)[:, 0].astype(np.float64) / 2**64 - 0.5
    values = np.floor((1.6 * tone + 0.1 * grain) * scale)
    return [int(value) for value in np.clip(values, -scale - 1, scale)]


def loud(count: int, bits: int, seed: int = 0) -> list[int]:
    """Noise in all of the bits, with both extremes."""
    values = noise(count, 1, seed)[:, 0] >> np.uint64(64 - bits)
    numbers = [int(value) - 2 ** (bits - 1) for value in values]
    return [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, *numbers][:count]


def stream(frames: Sequence[bytes], size: int, channels: int, bits: int, total: int) -> bytes:
    info = stream_info((size, size), RATE, channels, bits, total)
    return b"fLaC" + block(STREAMINFO, info, last=True) + b"".join(frames)


def decode(data: bytes | Path) -> tuple[Samples, int, int]:
    """The samples as the decoder has them; how many packets there were, and of the kernel's."""
    with open_decoder(data, normalise(dtype=None)) as decoder:
        pieces: list[Samples] = []
        while True:
            piece = np.empty((4096, decoder.num_channels), decoder.dtype)
            count = decoder.read_into(piece)
            if count == 0:
                assert not decoder.issues
                samples = np.concatenate(pieces)
                return samples, decoder.packets_decoded, decoder.kernel_packets
            pieces.append(piece[:count])


def as_stored(planes: Sequence[Sequence[int]], bits: int) -> Samples:
    """Channels as FFmpeg has them: aligned to the left of 16 or 32 bits."""
    width = 16 if bits <= 16 else 32
    values = np.array(planes, np.int64).T << (width - bits)
    return values.astype(np.int16 if bits <= 16 else np.int32)


def check(
    subframes: Sequence[str], planes: Sequence[Sequence[int]], bits: int, assignment: int = -1
) -> None:
    """One frame alone, and three of them, are decoded by the kernel to what they were made of."""
    size = len(planes[0])
    expected = as_stored(planes, bits)
    for count in (1, 3):
        frames = [
            frame(subframes, size, bits, place=place, assignment=assignment)
            for place in range(count)
        ]
        data = stream(frames, size, len(planes), bits, count * size)
        if bits == 32 and not KNOWS_32_BITS:
            with pytest.raises(CorruptAudioError):
                decode(data)
            continue
        samples, packets, by_kernel = decode(data)
        np.testing.assert_array_equal(samples, np.tile(expected, (count, 1)), strict=True)
        assert packets == by_kernel == count


BITS = [4, 7, 8, 12, 13, 16, 17, 20, 24, 31, 32]


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("make", [wave, loud])
def test_every_depth_in_every_kind_of_subframe(bits: int, make: Callable[..., list[int]]) -> None:
    samples = make(192, bits)
    check([constant(samples[0], bits)], [samples[:1] * 192], bits)
    check([verbatim(samples, bits)], [samples], bits)
    if make is loud:
        samples = [value >> max(bits - 27, 0) for value in samples]  # as residuals have 32 bits
    for coefficients in FIXED:
        check([predicted(samples, bits, coefficients, method=1)], [samples], bits)
    check([predicted(samples, bits, [1900, -950], 10, 12, method=1)], [samples], bits)
    check([predicted(samples, bits, [16383, -16384, 77], 13, 15, method=1)], [samples], bits)


@pytest.mark.parametrize("order", range(1, 33))
@pytest.mark.parametrize(("bits", "precision"), [(16, 5), (16, 15), (24, 12), (32, 15)])
def test_every_order_of_prediction(order: int, bits: int, precision: int) -> None:
    """With coefficients so small that sums fit 32 bits, and so large that they do not."""
    most = 2 ** (precision - 1)
    coefficients = [int(value % (2 * most)) - most for value in noise(order, 1, order)[:, 0]]
    coefficients[0] = most - 1
    for size in (max(order, 16), max(order + 1, 16), 64, 97):
        samples = [value >> max(bits - 27, 0) for value in wave(size, bits)]
        text = predicted(samples, bits, coefficients, precision - 1, precision, method=1)
        check([text], [samples], bits)


@pytest.mark.parametrize("precision", range(1, 16))
@pytest.mark.parametrize("shift", [0, 1, 7, 15])
def test_every_precision_and_shift(precision: int, shift: int) -> None:
    samples = wave(64, 16)
    most = 2 ** (precision - 1)
    check([predicted(samples, 16, [most - 1, -most], shift, precision, method=1)], [samples], 16)


@pytest.mark.parametrize("method", [0, 1])
def test_every_rice_parameter(method: int) -> None:
    for parameter in range(15 if method == 0 else 31):
        samples = wave(96, min(parameter + 4, 32))
        text = predicted(samples, 32, [1], 0, 0, [parameter], method)
        check([text], [samples], 32)


@pytest.mark.parametrize("width", range(32))
def test_every_width_of_escaped_partitions(width: int) -> None:
    """Beside others that are not escaped, in Rice code of either kind."""
    samples = loud(128, width) if width else [0] * 128
    for method in (0, 1):
        for partitions in ([-1 - width], [-1 - width, width % 15] * 2):
            if max(map(abs, samples)) >> 12 == 0 or len(partitions) == 1:
                text = predicted(samples, 32, [], 0, 0, partitions, method)
                check([text], [samples], 32)
    samples = wave(128, 16)
    check([predicted(samples, 16, [30, -15], 4, 6, [-21, 8, -20, 9])], [samples], 16)


@pytest.mark.parametrize("order", range(16))
def test_every_partition_order(order: int) -> None:
    size = max(64, 2**order)
    samples = wave(size, 12)
    partitions = [3 + at % 7 for at in range(2**order)]
    check([predicted(samples, 12, FIXED[1], 0, 0, partitions)], [samples], 12)
    if size // 2**order >= 8:
        text = predicted(samples, 12, [9, -4] * 4, 4, 6, partitions)
        check([text], [samples], 12)


@pytest.mark.parametrize("folded", [55, 63, 64, 300, 5000])
def test_long_unary_codes(folded: int) -> None:
    """Longer than any register: the same again and again, and one alone at the end."""
    for samples in ([folded] * 40, [0] * 39 + [-folded], [folded, 0] * 20):
        check([predicted(samples, 16, [], 0, 0, [0])], [samples], 16)


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("wasted", [1, 3, 7])
def test_wasted_bits(bits: int, wasted: int) -> None:
    samples = [value >> wasted << wasted for value in wave(100, bits)]
    check([constant(samples[3], bits, wasted)], [samples[3:4] * 100], bits)
    check([verbatim(samples, bits, wasted)], [samples], bits)
    check([predicted(samples, bits, FIXED[2], wasted=wasted, method=1)], [samples], bits)
    text = predicted(samples, bits, [62, -31], 5, 7, wasted=wasted, method=1)
    check([text], [samples], bits)


def pair(left: list[int], right: list[int], assignment: int) -> tuple[list[int], list[int]]:
    """The two channels of a frame, the side in one bit more."""
    side = [one - two for one, two in zip(left, right, strict=True)]
    if assignment == LEFT_SIDE:
        return left, side
    if assignment == RIGHT_SIDE:
        return side, right
    return [(one + two) >> 1 for one, two in zip(left, right, strict=True)], side


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("assignment", [LEFT_SIDE, RIGHT_SIDE, MID_SIDE])
@pytest.mark.parametrize("make", [wave, loud])
def test_every_pair_of_channels(bits: int, assignment: int, make: Callable[..., list[int]]) -> None:
    """The side of loud channels of 32 bits takes all of 33."""
    planes = [make(128, bits, 1), make(128, bits, 2)]
    planes[1][:4] = [~value for value in planes[0][:4]]
    one, two = pair(planes[0], planes[1], assignment)
    widths = (bits + (assignment == RIGHT_SIDE), bits + (assignment != RIGHT_SIDE))
    texts = [verbatim(one, widths[0]), verbatim(two, widths[1])]
    check(texts, planes, bits, assignment=assignment)
    if bits < 31 or make is wave:
        for coefficients in (FIXED[1], FIXED[2]):
            texts = [predicted(one, widths[0], coefficients, method=1)]
            texts += [predicted(two, widths[1], coefficients, method=1)]
            check(texts, planes, bits, assignment=assignment)
        texts = [predicted(one, widths[0], [1023, -512], 9, 11, method=1)]
        texts += [predicted(two, widths[1], [1023, -512], 9, 11, method=1)]
        check(texts, planes, bits, assignment=assignment)
    flat = [[value] * 128 for value in (planes[0][0], planes[1][0])]
    one, two = pair(flat[0], flat[1], assignment)
    texts = [constant(one[0], widths[0]), constant(two[0], widths[1])]
    check(texts, flat, bits, assignment=assignment)


@pytest.mark.parametrize("assignment", [LEFT_SIDE, RIGHT_SIDE, MID_SIDE])
def test_a_side_of_33_bits_with_wasted_ones(assignment: int) -> None:
    planes = [[value >> 4 << 4 for value in loud(64, 32, seed)] for seed in (1, 2)]
    one, two = pair(planes[0], planes[1], assignment)
    widths = (32 + (assignment == RIGHT_SIDE), 32 + (assignment != RIGHT_SIDE))
    wasted = (3, 4) if assignment == MID_SIDE else (4, 4)
    texts = [verbatim(one, widths[0], wasted[0]), verbatim(two, widths[1], wasted[1])]
    check(texts, planes, 32, assignment=assignment)


@pytest.mark.parametrize("bits", [8, 16, 24])
@pytest.mark.parametrize("channels", range(1, 9))
def test_every_number_of_channels(channels: int, bits: int) -> None:
    planes = [wave(200, bits, seed) for seed in range(channels)]
    texts = [predicted(plane, bits, FIXED[2], method=1) for plane in planes]
    check(texts, planes, bits)


@pytest.mark.parametrize("sizes", [(16,), (17,), (4096,), (16, 100, 33, 4096), (1000, 7)])
@pytest.mark.parametrize("bits", [8, 16, 24])
def test_every_size_of_block(sizes: tuple[int, ...], bits: int) -> None:
    planes = [wave(9000, bits, seed) for seed in (0, 1)]
    samples = np.array(planes).T
    result, packets, by_kernel = decode(flac(samples, sizes, bits=bits))
    np.testing.assert_array_equal(result, as_stored(planes, bits), strict=True)
    assert packets == by_kernel


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_the_largest_block(bits: int) -> None:
    samples = wave(65535, bits)
    check([predicted(samples, bits, FIXED[2], method=1)], [samples], bits)


def md5(samples: Samples, bits: int) -> str:
    """Of samples as FLAC counts them: little-endian, and no wider than they must be."""
    values = (samples.astype(np.int64) >> (-bits % 16)).astype("<i8")
    octets = values.view(np.uint8).reshape(-1, 8)[:, : (bits + 7) // 8]
    return hashlib.md5(octets.tobytes()).hexdigest()


def raw(bits: int, channels: int) -> bytes:
    """Two seconds of channels that are alike and not the same, in as few bytes as hold them."""
    tone = wave(30000, bits)
    planes = [np.roll(np.array(tone), 7 * at) // (at + 1) for at in range(channels)]
    octets = np.array(planes).T.astype("<i8").reshape(-1, 1).view(np.uint8)
    return octets[:, : (bits + 7) // 8].tobytes()


@pytest.mark.parametrize("level", range(9))
@pytest.mark.parametrize(
    ("bits", "channels"), [(8, 1), (16, 1), (16, 2), (24, 2), (32, 2), (16, 6), (24, 8)]
)
def test_every_level_of_the_reference_encoder(
    tmp_path: Path, level: int, bits: int, channels: int
) -> None:
    path = tmp_path / "out.flac"
    shape = [f"--bps={bits}", f"--channels={channels}", "--sample-rate=44100"]
    command = ["flac", "-s", f"-{level}", "--force-raw-format", "--endian=little", "--sign=signed"]
    data = raw(bits, channels)
    subprocess.run([*command, *shape, "-o", path, "-"], input=data, check=True)
    if bits == 32 and not KNOWS_32_BITS:
        with pytest.raises(CorruptAudioError):
            decode(path)
        return
    samples, packets, by_kernel = decode(path)
    assert packets == by_kernel > 0
    with open_decoder(path, normalise()) as decoder:
        assert md5(samples, bits) == decoder.md5


@pytest.mark.parametrize(
    ("suffix", "level"),
    [*(("flac", level) for level in range(13)), ("ogg", 5), ("ogg", 8), ("mka", 5), ("mp4", 5)],
)
@pytest.mark.parametrize(("bits", "channels"), [(16, 1), (16, 2), (24, 2), (24, 8)])
def test_every_level_of_ffmpegs_encoder(
    tmp_path: Path, suffix: str, level: int, bits: int, channels: int
) -> None:
    path = tmp_path / f"out.{suffix}"
    source = ["-f", f"s{bits}le", "-ar", "44100", "-ac", str(channels), "-i", "-"]
    coded = ["-c:a", "flac", "-compression_level", str(level), "-strict", "-2"]
    coded += ["-sample_fmt", "s16" if bits == 16 else "s32"]
    coded += ["-bits_per_raw_sample", str(bits)] if bits > 16 else []
    command = ["ffmpeg", "-v", "error", "-y", *source, *coded, str(path)]
    data = raw(bits, channels)
    subprocess.run(command, input=data, check=True)
    samples, packets, by_kernel = decode(path)
    assert packets == by_kernel > 0
    assert md5(samples, bits) == hashlib.md5(data).hexdigest()


def refused(odd: bytes, size: int) -> int:
    """How many packets of a stream with one odd frame in the middle the kernel leaves."""
    sound = [frame([verbatim(wave(size, 16), 16)], size, 16, place=place) for place in (0, 2)]
    whole = stream([sound[0], odd, sound[1]], size, 1, 16, 0)
    with open_decoder(whole, normalise(dtype=None)) as decoder:
        while decoder.read_into(np.empty((4096, decoder.num_channels), decoder.dtype)):
            pass
        return int(decoder.packets_decoded - decoder.kernel_packets)


def middle(text: str, size: int = 64, rate_code: int = 0) -> bytes:
    return frame([text], size, 16, place=1, rate_code=rate_code)


def mend(data: bytearray) -> bytes:
    """Make the checksums right again."""
    data[7] = crc_8(bytes(data[:7]))
    data[-2:] = crc_16(bytes(data[:-2])).to_bytes(2, "big")
    return bytes(data)


SOUND = predicted(wave(64, 16), 16, [62, -31], 5, 7)
ODD = {
    "a negative shift": SOUND[:44] + "11111" + SOUND[49:],
    "a precision of 16": SOUND[:40] + "1111" + SOUND[44:],
    "a reserved bit": "1" + SOUND[1:],
    "a reserved kind": SOUND[:1] + "000010" + SOUND[7:],
    "a reserved method": predicted(wave(64, 16), 16, FIXED[1], method=2),
    "partitions that do not fit": predicted(wave(63, 16), 16, FIXED[1], partitions=[9, 9]),
    "partitions shorter than the order": predicted(wave(64, 16), 16, FIXED[4], partitions=[9] * 32),
    "too little": SOUND[:-40],
    "too much": SOUND + "0" * 8,
    "wasted bits and no others": "0000000" + "1" + "0" * 15 + "1" + "0" * 8,
    "a residual of 33 bits": predicted([0] * 63 + [1 << 31], 33, FIXED[0], 0, 0, [30], 1),
    "samples of 17 bits": predicted([0] * 63 + [1 << 15], 16, FIXED[0], 0, 0, [14]),
}


def test_what_is_sound_is_not_left_to_ffmpeg() -> None:
    assert refused(middle(SOUND), 64) == 0
    assert refused(middle(SOUND, rate_code=9), 64) == 0
    assert refused(middle(predicted([0] * 63 + [32767], 16, [], 0, 0, [14])), 64) == 0


@pytest.mark.parametrize("odd", ODD)
def test_what_is_not_sound_is_left_to_ffmpeg(odd: str) -> None:
    """Some of it FFmpeg plays, such as samples that are too large; it is for FFmpeg to judge."""
    assert refused(middle(ODD[odd], 63 if "do not fit" in odd else 64), 64) >= 1


def test_wrong_checksums_are_left_to_ffmpeg() -> None:
    for place in (-10, 7, -1):
        damaged = bytearray(middle(SOUND))
        damaged[place] ^= 4
        assert refused(bytes(damaged), 64) >= 1


def test_headers_with_reserved_bits_are_left_to_ffmpeg() -> None:
    for place, bits in ((1, 2), (2, 0xF), (3, 1), (3, 6), (3, 0xB0)):
        odd = bytearray(middle(SOUND))
        odd[place] |= bits
        assert refused(mend(odd), 64) >= 1


def test_other_parameters_than_the_streams_are_left_to_ffmpeg() -> None:
    assert refused(middle(SOUND, rate_code=10), 64) >= 1
    assert refused(frame([SOUND, SOUND], 64, 16, place=1), 64) >= 1
    assert refused(middle(predicted(wave(65, 16), 16, FIXED[2]), 65), 64) >= 1


def test_frames_of_ffmpegs_lie_between_those_of_the_kernel() -> None:
    """In their order, and with their times: a frame too loud for its bits, again and again."""
    size, texts, planes = 64, [], []
    for place in range(9):
        samples = wave(size, 16, place)
        if place % 3 == 1:
            samples[-1] = 1 << 15
        texts.append(predicted(samples, 16, FIXED[0], 0, 0, [14]))
        planes.append(np.array(samples).astype(np.int16))
    frames = [frame([text], size, 16, place=place) for place, text in enumerate(texts)]
    result, packets, by_kernel = decode(stream(frames, size, 1, 16, 9 * size))
    np.testing.assert_array_equal(result[:, 0], np.concatenate(planes))
    assert (packets, by_kernel) == (9, 6)
