"""Files that are valid and yet odd: what recorders, editors and broadcasts make of audio.

Each is made at test time, mostly by surgery on a specimen of the zoo, and comes with what decoding
it must give: which notes, which samples, and whether that is known to be all. Nothing here may
raise: what is fatal (corrupt_data, truncated, gap) would be a false alarm.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

import pyffaudio
from ffmpeg_command import ffmpeg
from pyffaudio import Audio
from signals import Samples, as_float
from zoo import ZOO, Zoo


class Shop:
    """The material, and what pyffaudio makes of it as it is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.zoo = Zoo(folder)
        self._data: dict[str, bytes] = {}
        self._plain: dict[str, Samples] = {}

    def __getitem__(self, name: str) -> bytes:
        """The bytes of a specimen."""
        if name not in self._data:
            self._data[name] = self.zoo[name].read_bytes()
        return self._data[name]

    def plain(self, name: str) -> Samples:
        """The samples of a specimen as it is."""
        if name not in self._plain:
            self._plain[name] = pyffaudio.decode_file(self.zoo[name], dtype=None).samples
        return self._plain[name]


Maker = Callable[[Shop], bytes]
Check = Callable[[Shop, Audio], None]


class Promise(TypedDict, total=False):
    """What decoding must report; nothing and None where that is not said.

    What follows audio whose length is stated may be noted or not, hence ``maybe``.
    """

    notes: str
    maybe: str
    complete: bool | None


@dataclass(frozen=True)
class Oddity:
    """A file by its maker, the notes that it must and may have, and a check of the samples."""

    name: str
    suffix: str
    make: Maker
    check: Check
    notes: frozenset[str]
    maybe: frozenset[str]
    complete: bool | None


ODDITIES: dict[str, Oddity] = {}


def add(name: str, suffix: str, make: Maker, check: Check, **promise: Unpack[Promise]) -> None:
    """Enter an oddity; the notes are words separated by spaces."""
    assert name not in ODDITIES, name
    notes = frozenset(promise.get("notes", "").split())
    maybe = frozenset(promise.get("maybe", "").split())
    ODDITIES[name] = Oddity(name, suffix, make, check, notes, maybe, promise.get("complete"))


def suffix_of(specimen: str) -> str:
    return ZOO[specimen].suffix


# Checks


def equals(expected: Callable[[Shop], Samples]) -> Check:
    """These samples exactly, in their own format."""

    def check(shop: Shop, audio: Audio) -> None:
        np.testing.assert_array_equal(audio.samples, expected(shop), strict=True)

    return check


def same(*specimens: str) -> Check:
    """What the specimens give as they are, one after the other."""
    return equals(lambda shop: np.concatenate([shop.plain(name) for name in specimens]))


def part(specimen: str, start: int, stop: int | None = None) -> Check:
    """A slice of what the specimen gives as it is."""
    return equals(lambda shop: shop.plain(specimen)[start:stop])


def rate_and_frames(rate: int, frames: int, slack: int = 0) -> Check:
    """No more than that; for what is lossy beyond comparison."""

    def check(_: Shop, audio: Audio) -> None:
        assert audio.sample_rate == rate
        assert abs(audio.num_frames - frames) <= slack, (audio.num_frames, frames)

    return check


def excerpt(
    specimen: str, frames: int, warm: int = 0, tolerance: float = 0, more: int = 0
) -> Check:
    """So many frames, which after a warm-up are somewhere in what the specimen gives as it is.

    A decoder that begins in the middle of a stream lacks what came before. It may make more of a
    frame that is not whole, and of that nothing is expected.
    """

    def check(shop: Shop, audio: Audio) -> None:
        assert audio.num_frames in (frames, frames + more)
        whole, found = as_float(shop.plain(specimen)), as_float(audio.samples)[warm:frames]
        at = where(found, whole)
        error = np.abs(found - whole[at : at + len(found)]).max()
        assert error <= tolerance, f"{error} from frame {at}"

    return check


def where(part_of: Samples, whole: Samples) -> int:
    """The position at which a part differs least from the whole."""
    size = 1 << (len(whole) + len(part_of)).bit_length()
    spectra = np.fft.rfft(whole, size, axis=0) * np.conj(np.fft.rfft(part_of, size, axis=0))
    likeness = np.fft.irfft(spectra, size, axis=0).sum(axis=1)[: len(whole) - len(part_of) + 1]
    energy = np.concatenate([[0], np.cumsum((whole**2).sum(axis=1))])
    return int(np.argmin(energy[len(part_of) :] - energy[: -len(part_of)] - 2 * likeness))


# Makers


def piped(shop: Shop, suffix: str, arguments: str, *sources: str) -> bytes:
    """What ffmpeg writes to a pipe, which it cannot go back in to enter totals."""
    inputs = [word for name in sources for word in ("-i", shop.zoo[name])]
    return ffmpeg(*inputs, *arguments.split(), "-fflags", "+bitexact", "-f", suffix, "-")


def written(shop: Shop, suffix: str, arguments: str, *sources: str, before: str = "") -> bytes:
    """What ffmpeg writes to a file."""
    inputs = [word for name in sources for word in ("-i", shop.zoo[name])]
    path = shop.folder / f"written.{suffix}"
    ffmpeg(*before.split(), *inputs, *arguments.split(), "-fflags", "+bitexact", path)
    return path.read_bytes()


def by_ffmpeg(suffix: str, arguments: str, *sources: str, before: str = "") -> Maker:
    return partial(_written, suffix, arguments, sources, before)


def _written(
    suffix: str, arguments: str, sources: tuple[str, ...], before: str, shop: Shop
) -> bytes:
    return written(shop, suffix, arguments, *sources, before=before)


def by_pipe(suffix: str, arguments: str, *sources: str) -> Maker:
    return lambda shop: piped(shop, suffix, arguments, *sources)


def after(specimen: str, tail: bytes) -> Maker:
    return lambda shop: shop[specimen] + tail


def before(specimen: str, head: bytes) -> Maker:
    return lambda shop: head + shop[specimen]


def changed(specimen: str, change: Callable[[bytes], bytes]) -> Maker:
    return lambda shop: change(shop[specimen])


def plus(first: Maker, second: Maker) -> Maker:
    return lambda shop: first(shop) + second(shop)


def joined(*specimens: str, between: bytes = b"") -> Maker:
    return lambda shop: between.join(shop[name] for name in specimens)
