"""Files that get their names when they are complete: raw samples, NumPy arrays and WAV."""

from __future__ import annotations

import errno
import io
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from pyffaudio.audio import Audio, Samples
from pyffaudio.wav import wav_header, write_wav

__all__ = ["check_writable", "output_file", "suffix_of", "write_audio", "write_blocks"]


def suffix_of(path: str) -> str:
    """``.wav`` of ``A.WAV``; what it decides is in lower case."""
    return os.path.splitext(path)[1].lower()


def check_writable(path: str) -> None:
    """Raise an OSError where there is no place for a file of that name."""
    folder = os.path.dirname(path)
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {folder}")
    # Replacing a file asks nothing of the file itself, but people protect one to keep it.
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextmanager
def output_file(path: str, folder: str | None = None) -> Iterator[BinaryIO]:
    """Open a file that gets its name when it is complete; devices and pipes as they are.

    Until then it is in `folder`, or beside the place it will have.
    """
    path = os.path.realpath(path)  # a link stays a link, to the new file
    exists = os.path.exists(path)
    if exists and not os.path.isfile(path):
        with open(path, "wb") as file:
            yield file
        return
    folder = os.path.dirname(path) if folder is None else folder
    temporary = os.path.join(folder, f".pyffaudio-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
        if exists:
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def write_audio(audio: Audio, suffix: str, file: BinaryIO) -> None:
    """Write samples as the suffix says: ``.npy``, ``.wav``, else bare."""
    if suffix == ".wav":
        write_wav(file, audio.samples, audio.sample_rate, audio.info.channel_layout)
        return
    samples = np.ascontiguousarray(audio.samples)
    if suffix == ".npy":
        # Not np.save: it writes through a C stream and does not notice a full disk.
        header = np.lib.format.header_data_from_array_1_0(samples)
        np.lib.format.write_array_header_1_0(file, header)
    file.write(samples.reshape(-1).view(np.uint8).data)


def write_blocks(
    file: BinaryIO,
    suffix: str,
    blocks: Iterable[Samples],
    *,
    dtype: str,
    sample_rate: int,
    num_channels: int,
    channel_layout: str,
    channels_first: bool = False,
) -> int:
    """Write blocks of ``(frames, channels)`` as they come, ``.npy`` or ``.wav``.

    A header for no frames stands first, and gives way to the one for all of them, which is as long.
    With `channels_first` the array that NumPy loads is ``(channels, frames)``, in Fortran's order.

    Returns
    -------
    int
        How many frames there were.
    """

    def header(num_frames: int) -> bytes:
        if suffix == ".wav":
            return wav_header(dtype, sample_rate, num_channels, num_frames, channel_layout)
        return _npy_header(dtype, num_frames, num_channels, channels_first)

    first = header(0)
    file.write(first)
    num_frames = 0
    for block in blocks:
        file.write(_little_endian(block))
        num_frames += len(block)
        header(num_frames)  # of WAV, too long is an error: as soon as it is
    if suffix == ".wav" and file.tell() % 2:
        file.write(b"\0")
    last = header(num_frames)
    assert len(last) == len(first)
    file.seek(0)
    file.write(last)
    return num_frames


def _npy_header(dtype: str, num_frames: int, num_channels: int, channels_first: bool) -> bytes:
    shape = (num_frames, num_channels)
    file = io.BytesIO()
    said = {
        "descr": np.dtype(dtype).newbyteorder("<").str,
        "fortran_order": channels_first,
        "shape": shape[::-1] if channels_first else shape,
    }
    np.lib.format.write_array_header_1_0(file, said)
    return file.getvalue()


def _little_endian(block: Samples) -> memoryview:
    little: npt.NDArray[np.generic] = np.ascontiguousarray(block, block.dtype.newbyteorder("<"))
    return little.reshape(-1).view(np.uint8).data
