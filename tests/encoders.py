"""Small encoders for formats that no program here can write, each from its public description."""

import ctypes
import struct

import numpy as np
import numpy.typing as npt

from signals import Samples
from wav_bytes import EXTENSIBLE, GUID_TAIL, PCM, chunk

Signal = npt.NDArray[np.float64]


def wide_wav(samples: Samples, rate: int, width: int, valid: int = 0) -> bytes:
    """A WAV file of int32 samples cut to their top bytes, as many as ``width``.

    With a number of valid bits it is a WAVE_FORMAT_EXTENSIBLE one.
    """
    channels = samples.shape[1]
    data = samples.astype("<i4").view(np.uint8).reshape(-1, 4)[:, 4 - width :].tobytes()
    tag, extension = PCM, b""
    if valid:
        extension = struct.pack("<HHIH", 22, valid, (1 << channels) - 1, PCM) + GUID_TAIL
        tag = EXTENSIBLE
    block = channels * width
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, 8 * width) + extension
    return chunk(b"RIFF", b"WAVE" + chunk(b"fmt ", fmt) + chunk(b"data", data))


def one_bit(signal: Signal) -> npt.NDArray[np.uint8]:
    """A first-order sigma-delta modulator: the density of ones follows the signal, from -1 to 1."""
    level = np.floor(np.cumsum((1 + signal) / 2, axis=0))
    return np.diff(level, axis=0, prepend=0).astype(np.uint8)


def dsf(signal: Signal, rate: int) -> bytes:
    """DSD as Sony writes it: the first bit lowest, in blocks of 4096 bytes for each channel."""
    frames, channels = signal.shape
    octets = np.packbits(one_bit(signal), axis=0, bitorder="little")
    octets = np.pad(octets, ((0, -len(octets) % 4096), (0, 0)))
    data = octets.reshape(-1, 4096, channels).transpose(0, 2, 1).tobytes()
    total = 28 + 52 + 12 + len(data)
    layout = {1: 1, 2: 2}[channels]
    return (
        struct.pack("<4sQQQ", b"DSD ", 28, total, 0)
        + struct.pack("<4sQ6IQII", b"fmt ", 52, 1, 0, layout, channels, rate, 1, frames, 4096, 0)
        + struct.pack("<4sQ", b"data", 12 + len(data))
        + data
    )


def dff(signal: Signal, rate: int) -> bytes:
    """DSD as Philips writes it: the first bit highest, channels taking turns at every byte."""

    def big(name: bytes, body: bytes) -> bytes:
        return name + struct.pack(">Q", len(body)) + body + bytes(len(body) % 2)

    channels = signal.shape[1]
    names = {1: b"C000", 2: b"SLFTSRGT"}[channels]
    properties = (
        b"SND "
        + big(b"FS  ", struct.pack(">I", rate))
        + big(b"CHNL", struct.pack(">H", channels) + names)
        + big(b"CMPR", b"DSD " + bytes([14]) + b"not compressed")
    )
    data = np.packbits(one_bit(signal), axis=0).tobytes()
    version = struct.pack(">I", 0x01050000)
    chunks = big(b"FVER", version) + big(b"PROP", properties) + big(b"DSD ", data)
    return big(b"FRM8", b"DSD " + chunks)


# QOA (https://qoaformat.org): 16 scale factors; 3 bits of residual, the lowest being the sign.
_SCALES = np.rint(np.arange(1, 17) ** 2.75).astype(np.int64)
_STEPS = np.array([0.75, 2.5, 4.5, 7])
_MAGNITUDES = np.floor(_SCALES[:, None] * _STEPS + 0.5).astype(np.int64)
_RESIDUALS = np.stack([_MAGNITUDES, -_MAGNITUDES], axis=2).reshape(16, 8)
_SLICE, _QOA_FRAME = 20, 5120


def _start(channels: int) -> tuple[Samples, Samples]:
    """The history and the weights of the predictor as the first frame finds them."""
    weights = np.zeros((channels, 4), np.int64)
    weights[:, 2:] = -(1 << 13), 1 << 14
    return np.zeros((channels, 4), np.int64), weights


def _adapt(history: Samples, weights: Samples, residual: Samples, sample: Samples) -> None:
    """One step of the sign-sign LMS filter, whose last axis is the taps, in place."""
    delta = (residual >> 4)[..., None]
    weights += np.where(history < 0, -delta, delta)
    history[..., :-1] = history[..., 1:]
    history[..., -1] = sample


def qoa(samples: Samples, rate: int) -> bytes:
    """QOA of int16 samples: each slice takes whichever scale factor errs least."""
    frames, channels = samples.shape
    history, weights = _start(channels)
    file = [struct.pack(">4sI", b"qoaf", frames)]
    for start in range(0, frames, _QOA_FRAME):
        block = samples[start : start + _QOA_FRAME].astype(np.int64)
        slices = -(-len(block) // _SLICE)
        size = 8 + 16 * channels + 8 * channels * slices
        file.append(struct.pack(">IHH", channels << 24 | rate, len(block), size))
        file += [np.stack([history, weights], axis=1).astype(">i2").tobytes()]
        for at in range(0, len(block), _SLICE):
            words, history, weights = _qoa_slice(block[at : at + _SLICE], history, weights)
            file.append(words.astype(">u8").tobytes())
    return b"".join(file)


def _qoa_slice(
    block: Samples, history: Samples, weights: Samples
) -> tuple[Samples, Samples, Samples]:
    """One word for each channel, and where its predictor then stands."""
    each = np.arange(block.shape[1])
    histories, tried = (np.repeat(state[:, None], 16, axis=1) for state in (history, weights))
    words = np.tile(np.arange(16, dtype=np.uint64), (len(each), 1))
    error = np.zeros((len(each), 16))
    for sample in block[:, :, None]:
        predicted = (histories * tried).sum(axis=2) >> 13
        misses = np.abs((sample - predicted)[..., None] - _RESIDUALS)
        code = misses.argmin(axis=2)
        residual = np.take_along_axis(_RESIDUALS[None], code[..., None], axis=2)[..., 0]
        decoded = np.clip(predicted + residual, -32768, 32767)
        error += (sample - decoded).astype(float) ** 2
        _adapt(histories, tried, residual, decoded)
        words = words << np.uint64(3) | code.astype(np.uint64)
    # A weight must fit 16 bits where the next frame begins.
    error[(np.abs(tried) > 32767).any(axis=2)] = np.inf
    best = error.argmin(axis=1)
    unused = np.uint64(3 * (_SLICE - len(block)))
    return words[each, best] << unused, histories[each, best], tried[each, best]


def qoa_decode(data: bytes) -> Samples:
    """What a QOA file holds, sample by sample as the specification reads."""
    at, blocks = 8, []
    while at < len(data):
        head, length, size = struct.unpack_from(">IHH", data, at)
        channels = head >> 24
        state = np.frombuffer(data, ">i2", 8 * channels, at + 8).reshape(channels, 2, 4)
        history, weights = state[:, 0].astype(np.int64), state[:, 1].astype(np.int64)
        words = np.frombuffer(data, ">u8", offset=at + 8 + 16 * channels)
        words = words[: (size - 8 - 16 * channels) // 8].astype(np.uint64).reshape(-1, channels)
        block = np.empty((length, channels), np.int16)
        for index in range(length):
            word = words[index // _SLICE]
            code = word >> np.uint64(57 - 3 * (index % _SLICE)) & np.uint64(7)
            residual = _RESIDUALS[(word >> np.uint64(60)).astype(int), code.astype(int)]
            predicted = (history * weights).sum(axis=1) >> 13
            block[index] = np.clip(predicted + residual, -32768, 32767)
            _adapt(history, weights, residual, block[index])
        blocks.append(block)
        at += size
    return np.concatenate(blocks)


def mp1(signal: Signal) -> bytes:
    """MPEG-1 Layer I, stereo at 48 kHz: 8 bits for each of the lower 16 subbands of a channel.

    The prototype filter is a windowed sinc in place of the standard's table, which it resembles.
    """
    time = np.arange(512) - 256
    prototype = np.sinc(time * 1.14 / 64) * np.kaiser(513, 9)[:512] * 1.14 / 32
    phase = np.outer(time + 240, 2 * np.arange(16) + 1) * np.pi / 64
    padded = np.pad(signal, ((480, -len(signal) % 384 + 480), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 512, axis=0)[::32, :, ::-1]
    bands = windows[: len(windows) // 12 * 12] @ (prototype[:, None] * np.cos(phase))
    bands = bands.reshape(-1, 12, 2, 16).transpose(0, 1, 3, 2)  # frame, sample, subband, channel
    peaks = np.abs(bands).max(axis=1)
    index = np.floor(3 - 3 * np.log2(np.maximum(peaks, 2.0**-19))).astype(np.int64)
    scaled = bands / 2.0 ** (1 - index[:, None] / 3)
    levels = np.clip(np.floor(127.5 * scaled + 127.5), 0, 254).astype(np.int64)
    head, allocation = (
        np.tile(same, (len(index), 1)) for same in ([0xFFFFE400], [7] * 32 + [0] * 32)
    )
    fields = (_bits(head, 32), _bits(allocation, 4), _bits(index, 6), _bits(levels, 8))
    frames = np.packbits(np.concatenate(fields, axis=1), axis=1)
    return np.pad(frames, ((0, 0), (0, 448 - frames.shape[1]))).tobytes()


def _bits(values: Samples, width: int) -> Samples:
    """The bits of each frame's values, of this width, the highest first."""
    bits = values[..., None] >> np.arange(width - 1, -1, -1) & 1
    return bits.reshape(len(values), -1).astype(np.uint8)


def amr_wb(samples: Samples) -> bytes:
    """AMR-WB at 23.85 kbit/s of int16 samples at 16 kHz, mono, by the library vo-amrwbenc."""
    library = ctypes.CDLL("libvo-amrwbenc.so.0")
    library.E_IF_init.restype = ctypes.c_void_p
    encoder = ctypes.c_void_p(library.E_IF_init())
    padded = np.pad(samples[:, 0], (0, -len(samples) % 320))
    packet = ctypes.create_string_buffer(64)
    file = b"#!AMR-WB\n"
    for start in range(0, len(padded), 320):
        speech = padded[start : start + 320].tobytes()
        length = library.E_IF_encode(encoder, 8, speech, packet, 0)
        file += packet.raw[:length]
    library.E_IF_exit(encoder)
    return file
