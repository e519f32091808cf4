"""Every audio file under a folder into ``.npy`` or ``.wav``; killed, it goes on where it was."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, Unpack

from pyffaudio.about import __version__
from pyffaudio.cores import num_cores
from pyffaudio.diagnose import words_of
from pyffaudio.errors import PyffaudioError
from pyffaudio.journal import Bar, Journal, Outcome, do_all, is_of_all, no_bar
from pyffaudio.native import Decoder, Stop, open_decoder
from pyffaudio.options import DecodeOptions, Options, integer, normalise
from pyffaudio.output import output_file, write_blocks
from pyffaudio.stream import stream
from pyffaudio.tree import Found, Tree, is_no_audio, walk

__all__ = ["Converted", "convert_tree"]

# Where the journal is, and files that are not complete yet.
_WORKSHOP = ".pyffaudio"


@dataclass(frozen=True, slots=True)
class Converted:
    """What `convert_tree` did.

    Attributes
    ----------
    num_files : int
        Files written, those of earlier runs that this one went on from among them.
    failures : dict of str to str
        Reasons by path.
    num_not_audio : int
        Files that are not audio, and not named as if they were.
    num_special, num_folder_links : int
        Pipes, sockets and devices; links to folders, which are not followed.
    """

    num_files: int
    failures: dict[str, str]
    num_not_audio: int
    num_special: int
    num_folder_links: int


def convert_tree(
    folder: str,
    out: str,
    to: Literal["npy", "wav"],
    *,
    num_workers: int | None = None,
    bar: Bar = no_bar,
    **options: Unpack[DecodeOptions],
) -> Converted:
    """Decode every audio file under a folder into a file of its own under another.

    Parameters
    ----------
    folder : str
        Links to files in it are followed, links to folders are not.
    out : str
        Made if it is not there. ``a/b.mp3`` becomes ``a/b.mp3.npy`` in it, so that no two files
        meet. Each appears when it is complete. Until all have, what has been done is in a folder
        ``.pyffaudio`` there, and whoever calls again goes on from it.
    to : str
        ``"npy"``, of shape ``(frames, channels)``, or ``"wav"``.
    num_workers : int, optional
        Threads. Default: the cores that this process may use.
    bar : callable
        As for `pyffaudio.scan.scan`.
    **options
        As in `decode_file`; the samples are those that it gives.

    Returns
    -------
    Converted
        A file that cannot be decoded, or only in part, is among its failures, and is not written.

    Raises
    ------
    OSError
        `folder` cannot be listed, `out` not written to.
    TypeError, ValueError, FilterError
        An option is wrong; `out` is `folder`, or has the journal of another run.

    Examples
    --------
    >>> import numpy
    >>> from pyffaudio.convert import convert_tree
    >>> done = convert_tree("clips", "arrays", "npy", dtype="float32")
    >>> done.num_files, sorted(done.failures)
    (1, ['cut.wav', 'page.mp3'])
    >>> numpy.load("arrays/sound.wav.npy").shape
    (24000, 1)
    """
    real, real_out = os.path.realpath(folder), os.path.realpath(out)
    if os.path.commonpath([real, real_out]) == real_out:
        raise ValueError(f"it is {folder}, or holds it: the files need a folder of their own")
    workers = integer("num_workers", num_workers, 1, 1024) or num_cores()
    asked = normalise(**options)
    if asked.filters is not None:
        from pyffaudio.filter_plan import plan  # noqa: PLC0415 # for those who filter

        plan(asked.filters, asked.dtype)  # raises what is wrong with it, once and not of each file
    workshop = os.path.join(out, _WORKSHOP)
    os.makedirs(workshop, exist_ok=True)
    heading = {
        "what": "decode",
        "version": __version__,
        "folder": real,
        "to": to,
        "options": {name: repr(value) for name, value in sorted(options.items())},
    }
    with Journal(os.path.join(workshop, "journal"), heading) as journal:
        places = _Places(folder, out, workshop, "." + to)
        places.sweep()
        status = os.stat(out)
        tree = walk(folder, {(status.st_dev, status.st_ino)})
        for found in tree.files:
            if found in journal and journal[found] is None and not places.has(found):
                journal.forget(found)  # somebody took the file away
        do_all(tree.files, partial(_convert, places, asked), journal, workers, bar)
        done = _converted(tree, journal)
        journal.remove()
    with suppress(OSError):  # something else is in it
        os.rmdir(workshop)
    return done


def _converted(tree: Tree, journal: Journal) -> Converted:
    said = {file.path: journal[file] if file.error is None else file.error for file in tree.files}
    failures = {path: reason for path, reason in said.items() if reason}
    num_not_audio = sum(reason is False for reason in said.values())
    return Converted(
        num_files=len(said) - len(failures) - num_not_audio,
        failures=failures,
        num_not_audio=num_not_audio,
        num_special=tree.num_special,
        num_folder_links=tree.num_folder_links,
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """Where files come from and go to."""

    folder: str
    out: str
    workshop: str
    suffix: str

    def source(self, found: Found) -> str:
        return os.path.join(self.folder, found.path)

    def target(self, found: Found) -> str:
        return os.path.join(self.out, found.path + self.suffix)

    def has(self, found: Found) -> bool:
        return os.path.isfile(self.target(found))

    def sweep(self) -> None:
        """Remove what a killed run was writing."""
        with os.scandir(self.workshop) as entries:
            for entry in entries:
                if entry.name.startswith(".pyffaudio-") and entry.name.endswith(".tmp"):
                    os.unlink(entry)


def _convert(places: _Places, asked: Options, found: Found, stop: Stop) -> Outcome:
    """Write one file. The result is None, or False if it is not audio, or the reason of failure."""
    try:
        with open_decoder(
            places.source(found), replace(asked, channels_first=False), stop
        ) as decoder:
            _write(places, decoder, asked, found)
    except PyffaudioError as error:
        return Outcome(False if is_no_audio(found.path, error) else words_of(error))
    except ValueError as error:  # only the file could tell: its channels, its rate, its length
        return Outcome(words_of(error))
    except (OSError, MemoryError) as error:
        if is_of_all(error):
            raise
        return Outcome(words_of(error), is_final=False)
    return Outcome(None)


def _write(places: _Places, decoder: Decoder, asked: Options, found: Found) -> None:
    target = places.target(found)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.exists(target) and not places.has(found):
        raise FileExistsError(errno.EEXIST, f"{target} is there, and is no file", target)
    with output_file(target, places.workshop) as file:
        write_blocks(
            file,
            places.suffix,
            stream(decoder, places.source(found), asked),
            dtype=decoder.dtype,
            sample_rate=decoder.sample_rate,
            num_channels=decoder.num_channels,
            channel_layout=decoder.describe()["channel_layout"],
            channels_first=asked.channels_first,
        )
