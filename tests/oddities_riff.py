"""Oddities of PCM in chunks: WAV, AIFF, AU, CAF and Wave64, written byte by byte."""

import struct

import numpy as np

from oddities import add, after, by_pipe, equals, same
from signals import Samples, full_range
from wav_bytes import EXTENSIBLE, FLOAT, GUID_TAIL, PCM, chunk, wav_bytes

FRAMES = 1003
STEREO = full_range(FRAMES, 2, "int16")
JUNK = chunk(b"JUNK", bytes(28))
LIST = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"odd\0"))
BEXT = chunk(b"bext", b"a broadcast".ljust(602, b"\0") + b"A=PCM\r\n")
ODD = chunk(b"odd ", b"seven..")
FACT = chunk(b"fact", struct.pack("<I", 7))
UNKNOWN = 0xFFFFFFFF

NEITHER: Samples = np.zeros((0, 2), np.int16)


def fmt(samples: Samples, rate: int = 44100, mask: int | None = None, order: str = "<") -> bytes:
    """The content of a format chunk; with a mask it is WAVE_FORMAT_EXTENSIBLE's."""
    channels, width = samples.shape[1], samples.dtype.itemsize
    tag = FLOAT if samples.dtype.kind == "f" else PCM
    extension = b""
    if mask is not None:
        extension = struct.pack("<HHIH", 22, 8 * width, mask, tag) + GUID_TAIL
        tag = EXTENSIBLE
    block = channels * width
    head = struct.pack(f"{order}HHIIHH", tag, channels, rate, rate * block, block, 8 * width)
    return head + extension


def wav(*chunks: bytes, size: int | None = None, name: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return name + struct.pack("<I", len(body) if size is None else size) + body


def data_of(samples: Samples = STEREO, size: int | None = None) -> bytes:
    """A data chunk that says another size than it has."""
    body = samples.tobytes()
    return b"data" + struct.pack("<I", len(body) if size is None else size) + body


FMT = chunk(b"fmt ", fmt(STEREO))


def odd_wav(
    name: str,
    data: bytes,
    expected: Samples = STEREO,
    notes: str = "",
    complete: bool | None = True,
) -> None:
    add(f"wav_{name}", ".wav", lambda _: data, equals(lambda _: expected), notes=notes,
        complete=complete)  # fmt: skip


def _chunks() -> None:
    data = data_of()
    odd_wav("list_before_fmt", wav(LIST, FMT, data))
    odd_wav("list_before_data", wav(FMT, LIST, data))
    odd_wav("junk_before_fmt", wav(JUNK, FMT, data))
    odd_wav("bext_first", wav(BEXT, FMT, data))
    odd_wav("large_junk", wav(chunk(b"JUNK", bytes(70_000)), FMT, data))
    odd_wav("odd_chunk_padded", wav(FMT, ODD, data))
    odd_wav("chunks_after_data", wav(FMT, data, LIST, ODD, JUNK))
    odd_wav("id3_chunk_after_data", wav(FMT, data, chunk(b"id3 ", id3(bytes(50)))))
    odd_wav("fact_wrong", wav(FMT, FACT, data))
    odd_wav("peak_and_cue", wav(FMT, chunk(b"cue ", bytes(4)), chunk(b"PEAK", bytes(24)), data))
    odd_wav("riff_size_zero", wav(FMT, data, size=0))
    odd_wav("riff_size_short", wav(FMT, data, size=100))
    odd_wav("riff_size_long", wav(FMT, data, size=1 << 30))
    odd_wav("junk_after_riff", wav(FMT, data) + b"\0junk behind the RIFF chunk")
    odd_wav("another_wav_behind", wav(FMT, data) + wav(FMT, data))
    odd_wav("lower_case_chunks", wav(chunk(b"junk", bytes(6)), FMT, chunk(b"list", b"INFO"), data))
    odd_wav("chunks_of_nothing", wav(FMT, *[chunk(b"none", b"")] * 50, data))
    odd_wav("fmt_of_18_bytes", wav(chunk(b"fmt ", fmt(STEREO) + b"\0\0"), data))
    odd_wav("fmt_of_40_bytes_plain_pcm", wav(chunk(b"fmt ", fmt(STEREO).ljust(40, b"\0")), data))


def _sizes() -> None:
    size = STEREO.nbytes
    odd_wav("size_one_less", wav(FMT, data_of(size=size - 1)), STEREO[:-1])
    odd_wav("size_one_less_than_frame", wav(FMT, data_of(size=size - 3)), STEREO[:-1])
    odd_wav("size_one_more_and_a_byte", wav(FMT, data_of(size=size + 1) + b"\0"))
    odd_wav("size_one_more", wav(FMT, data_of(size=size + 1)))
    odd_wav("size_three_more", wav(FMT, data_of(size=size + 3)))
    odd_wav("size_zero", wav(FMT, data_of(size=0), size=0), complete=None)
    odd_wav("size_unknown", wav(FMT, data_of(size=UNKNOWN), size=UNKNOWN), complete=None)
    largest = UNKNOWN - UNKNOWN % 4
    odd_wav("size_largest_of_whole_frames", wav(FMT, data_of(size=largest)), complete=None)
    odd_wav("size_unknown_and_half_a_frame",
            wav(FMT, data_of(size=UNKNOWN), size=UNKNOWN) + b"\1\2", complete=None)  # fmt: skip
    mono = full_range(FRAMES, 1, "uint8")
    head = chunk(b"fmt ", fmt(mono, 8000))
    odd_wav("odd_size_without_padding", wav(head, data_of(mono)), mono)
    odd_wav("odd_size_with_padding", wav(head, chunk(b"data", mono.tobytes()), LIST), mono)
    odd_wav("odd_size_unpadded_and_list", wav(head, data_of(mono), LIST), mono)
    odd_wav("empty", wav(FMT, data_of(NEITHER)), NEITHER, complete=None)
    odd_wav("empty_and_list", wav(FMT, data_of(NEITHER), LIST), NEITHER, complete=True)
    odd_wav("one_frame", wav(FMT, data_of(STEREO[:1])), STEREO[:1])
    add("wav_of_a_pipe", ".wav", by_pipe("wav", "-c copy", "wav_s16"), same("wav_s16"))
    add("wav_s24_of_a_pipe", ".wav", by_pipe("wav", "-c copy", "wav_s24"), same("wav_s24"))


def _formats() -> None:
    def extensible(name: str, channels: int, mask: int) -> None:
        samples = full_range(FRAMES, channels, "int16")
        data = wav(chunk(b"fmt ", fmt(samples, mask=mask)), data_of(samples))
        odd_wav(f"extensible_{name}", data, samples)

    extensible("mask_0", 2, 0)
    extensible("mask_0_mono", 1, 0)
    extensible("mask_of_too_few", 4, 3)
    extensible("mask_of_too_many", 2, 0x3F)
    extensible("mask_of_all", 2, 0xFFFFFFFF)
    extensible("10_channels", 10, 0x3FF)
    extensible("16_channels", 16, 0)
    for channels in (3, 16):
        samples = full_range(FRAMES, channels, "int16")
        odd_wav(f"plain_{channels}_channels", wav_bytes(samples, 44100), samples)
    mono = full_range(FRAMES, 1, "uint8")
    odd_wav("u8_8000", wav_bytes(mono, 8000), mono)
    odd_wav("rate_1", wav_bytes(STEREO, 1))
    odd_wav("rate_384000", wav_bytes(STEREO, 384_000))
    wrong = struct.pack("<HHIIHH", PCM, 2, 44100, 1, 4, 16)
    odd_wav("bytes_per_second_wrong", wav(chunk(b"fmt ", wrong), data_of()))
    wrong = struct.pack("<HHIIHH", PCM, 2, 44100, 176_400, 1, 16)
    odd_wav("bytes_per_frame_wrong", wav(chunk(b"fmt ", wrong), data_of()))
    wide = STEREO.astype(">i2")
    rifx = struct.pack(">I", 4 + 8 + 16 + 8 + wide.nbytes) + b"WAVE"
    rifx += b"fmt " + struct.pack(">I", 16) + fmt(STEREO, order=">")
    odd_wav("rifx", b"RIFX" + rifx + b"data" + struct.pack(">I", wide.nbytes) + wide.tobytes())
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 1 << 20, STEREO.nbytes, FRAMES, 0))
    odd_wav("rf64_small", wav(ds64, FMT, data_of(size=UNKNOWN), size=UNKNOWN, name=b"RF64"))
    odd_wav("rf64_sizes_in_place", wav(ds64, FMT, data_of(), LIST, name=b"RF64"))
    odd_wav("bw64", wav(ds64, FMT, data_of(size=UNKNOWN), size=UNKNOWN, name=b"BW64"))


def id3(body: bytes, footer: bool = False) -> bytes:
    """An ID3v2.4 tag around frames or zeros."""
    size = bytes(len(body) >> shift & 127 for shift in (21, 14, 7, 0))
    head = bytes([4, 0, 0x10 if footer else 0]) + size
    return b"ID3" + head + body + (b"3DI" + head if footer else b"")


# AIFF, AU, CAF, Wave64


def big(name: bytes, body: bytes, size: int | None = None) -> bytes:
    """A chunk of AIFF."""
    said = len(body) if size is None else size
    return name + struct.pack(">I", said) + body + bytes(len(body) % 2)


RATE_80 = bytes.fromhex("400eac44000000000000")  # 44100 as an 80-bit float
WIDE = STEREO.astype(">i2").tobytes()


def comm(frames: int = FRAMES) -> bytes:
    return big(b"COMM", struct.pack(">HIH", 2, frames, 16) + RATE_80)


def ssnd(data: bytes = WIDE, offset: int = 0) -> bytes:
    return big(b"SSND", struct.pack(">II", offset, 0) + bytes(offset) + data)


def aiff(*chunks: bytes) -> bytes:
    return big(b"FORM", b"AIFF" + b"".join(chunks))


def caf_chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return name + struct.pack(">q", len(body) if size is None else size) + body


DESC = caf_chunk(b"desc", struct.pack(">d4sIIIII", 44100.0, b"lpcm", 0, 4, 1, 2, 16))


def caf(*chunks: bytes) -> bytes:
    return b"caff\0\1\0\0" + b"".join(chunks)


def au(size: int, note: bytes = b"", data: bytes = WIDE) -> bytes:
    return struct.pack(">4s5I", b".snd", 24 + len(note), size, 3, 44100, 2) + note + data


def odd(
    name: str, data: bytes, expected: Samples = STEREO, notes: str = "",
    complete: bool | None = True,
) -> None:  # fmt: skip
    suffix = "." + name.partition("_")[0]
    add(name, suffix, lambda _: data, equals(lambda _: expected), notes=notes, complete=complete)


def _aiff() -> None:
    text = big(b"NAME", b"odd"), big(b"AUTH", b"nobody"), big(b"ANNO", b"seven..")
    odd("aiff_texts_between", aiff(*text, comm(), *text, ssnd()))
    odd("aiff_texts_after", aiff(comm(), ssnd(), *text))
    odd("aiff_ssnd_offset", aiff(comm(), ssnd(offset=64)))
    odd("aiff_comm_counts_too_few", aiff(comm(FRAMES - 100), ssnd()))
    odd("aiff_comm_after_ssnd", aiff(ssnd(), comm()))
    odd("aiff_empty", aiff(comm(0), ssnd(b"")), NEITHER, complete=None)
    odd("aiff_one_frame", aiff(comm(1), ssnd(WIDE[:4])), STEREO[:1])
    odd("aiff_junk_after", aiff(comm(), ssnd()) + b"junk behind the FORM")
    odd("aiff_id3_chunk", aiff(comm(), ssnd(), big(b"ID3 ", id3(bytes(51)))))


def _au() -> None:
    odd("au_size_unknown", au(UNKNOWN), complete=None)
    odd("au_note", au(len(WIDE), b"a note to the file".ljust(32, b"\0")))
    odd("au_empty", au(UNKNOWN, data=b""), NEITHER, complete=None)
    odd("au_one_frame", au(4, data=WIDE[:4]), STEREO[:1])
    add("au_of_a_pipe", ".au", by_pipe("au", "-c copy", "au"), same("au"))


def _caf() -> None:
    edits = bytes(4)
    data = caf_chunk(b"data", edits + WIDE)
    free = caf_chunk(b"free", bytes(333))
    info = caf_chunk(b"info", struct.pack(">I", 1) + b"title\0odd\0")
    odd("caf_chunks_between", caf(DESC, free, info, data))
    odd("caf_chunks_after", caf(DESC, data, free, info))
    odd("caf_size_unknown", caf(DESC, caf_chunk(b"data", edits + WIDE, -1)), complete=None)
    odd("caf_size_unknown_and_chunks_before",
        caf(DESC, free, info, caf_chunk(b"data", edits + WIDE, -1)), complete=None)  # fmt: skip
    odd("caf_empty", caf(DESC, caf_chunk(b"data", edits)), NEITHER, complete=None)
    odd("caf_one_frame", caf(DESC, caf_chunk(b"data", edits + WIDE[:4])), STEREO[:1])


def _w64() -> None:
    add("w64_junk_after", ".w64", after("w64", b"junk" * 6), same("w64"), complete=True)


_chunks()
_sizes()
_formats()
_aiff()
_au()
_caf()
_w64()
