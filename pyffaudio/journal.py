"""Work on many files that can be killed at any moment, and goes on where it was.

Note [Journal]
The one record of what has been done is a file to which a line is appended for each file that is
done, with a single write. A kill can tear the last line alone, and a torn line is dropped: that
file is done again. Whoever goes on takes a line for a file only if it still has the size and time
that the line states, and of two lines the later one. So what stands in a journal is always true of
the file as it is, nothing is counted twice, and what is missing from it is done. The work's result
is made from the journal and the tree at the end, and appears under its name in one step.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias

from pyffaudio.batch import crew
from pyffaudio.native import Stop
from pyffaudio.tree import Found

__all__ = ["Bar", "Journal", "Outcome", "do_all", "is_of_all", "no_bar"]

# Files for each thread that are being done or wait for one: what a Ctrl-C has to wait for is less.
_LOOK_AHEAD = 2
# Of no single file: the disk is full, or too many files are open, of which threads have one each.
_OF_ALL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE})

# Given how many files there are and how many were done before; gives what is called for each more.
Bar: TypeAlias = Callable[[int, int], AbstractContextManager[Callable[[], object]]]


def no_bar(total: int, done: int) -> AbstractContextManager[Callable[[], object]]:
    """Show nothing."""
    return nullcontext(lambda: None)


def is_of_all(error: BaseException) -> bool:
    """Whether the next file will fare no better, so that this is to end the work."""
    return isinstance(error, OSError) and error.errno in _OF_ALL


class Outcome(NamedTuple):
    """What became of a file."""

    result: Any  # as JSON has it
    is_final: bool = True  # False: whoever goes on is to try again


class _Line(NamedTuple):
    offset: int
    size_bytes: int
    modified_ns: int


class Journal:
    """What has been done already; a context manager that holds the file, which nobody else may.

    Parameters
    ----------
    path : str
        Made if it is not there.
    heading : mapping
        What the work is, as JSON has it: the journal of another work is refused.

    Raises
    ------
    BlockingIOError
        Another process is at this work.
    ValueError
        The journal is of another work.
    OSError
        It cannot be opened.
    """

    def __init__(self, path: str, heading: Mapping[str, object]) -> None:
        self.path = path
        self._lines: dict[str, _Line] = {}
        self._end = 0
        self._descriptor = _open_locked(path)
        try:
            self._read(heading)
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        status = os.fstat(self._descriptor)
        return status.st_dev, status.st_ino

    def __contains__(self, file: Found) -> bool:
        """Whether the file has been done, and not changed since."""
        line = self._lines.get(file.path)
        return line is not None and line[1:] == (file.size_bytes, file.modified_ns)

    def __getitem__(self, file: Found) -> Any:
        """The result of a file."""
        line = _whole_line(self._descriptor, self._lines[file.path].offset)
        return json.loads(line)["result"]

    def add(self, file: Found, outcome: Outcome) -> None:
        """Note that a file has been done."""
        assert file.size_bytes is not None
        assert file.modified_ns is not None
        entry = {
            "path": file.path,
            "size_bytes": file.size_bytes,
            "modified_ns": file.modified_ns,
            **outcome._asdict(),
        }
        offset = self._end
        self._append(entry)
        self._lines[file.path] = _Line(offset, file.size_bytes, file.modified_ns)

    def forget(self, file: Found) -> None:
        """Have a file done again."""
        del self._lines[file.path]

    def remove(self) -> None:
        """Remove the file: the work is complete."""
        os.unlink(self.path)

    def _append(self, entry: Mapping[str, object]) -> None:
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"  # ASCII, surrogates too
        written = 0
        while written < len(line):  # once, unless the disk is almost full
            written += os.pwrite(self._descriptor, line[written:], self._end + written)
        self._end += written

    def _read(self, heading: Mapping[str, object]) -> None:
        """Take in the lines that are whole, and cut off what is not."""
        is_other = False
        with open(self._descriptor, "rb", closefd=False) as file:
            for number, line in enumerate(file):
                if not line.endswith(b"\n"):
                    break
                if number == 0:
                    is_other = _parsed(line) != json.loads(json.dumps(heading))
                else:
                    self._take(line)
                self._end += len(line)
        if is_other and self._lines:
            raise ValueError(
                f"{self.path} is of another run, with other arguments or another version: finish "
                "that with its own arguments, or remove the file to begin anew"
            )
        if is_other:  # and has done nothing yet
            self._end = 0
        os.ftruncate(self._descriptor, self._end)
        if self._end == 0:
            self._append(heading)

    def _take(self, line: bytes) -> None:
        entry = _parsed(line)
        try:
            found = _Line(self._end, entry["size_bytes"], entry["modified_ns"])
            path, is_final = entry["path"], entry["is_final"]
        except (KeyError, TypeError):
            return  # nothing that this class wrote: the file is done again
        if is_final:
            self._lines[path] = found
        else:
            self._lines.pop(path, None)


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _whole_line(descriptor: int, offset: int) -> bytes:
    pieces: list[bytes] = []
    while not pieces or b"\n" not in pieces[-1]:
        pieces.append(os.pread(descriptor, 4096, offset + sum(map(len, pieces))))
        if not pieces[-1]:
            raise OSError("the journal has been cut while it was in use")
    return b"".join(pieces).partition(b"\n")[0]


def _open_locked(path: str) -> int:
    """A descriptor of the file of that name that is locked, which the kernel undoes at any end."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except FileNotFoundError:
            pass  # whoever had it has just removed it
        except BlockingIOError as error:
            os.close(descriptor)
            raise BlockingIOError(error.errno, "another process is at this work", path) from error
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def do_all(
    files: Sequence[Found],
    work: Callable[[Found, Stop], Outcome],
    journal: Journal,
    num_workers: int,
    bar: Bar = no_bar,
) -> None:
    """Do what the journal does not have, on threads, and note each file as soon as it is done.

    Parameters
    ----------
    files : sequence of Found
        Those with an `error` are left alone.
    work : callable
        Called by the threads; what it raises ends everything. It gives up when `Stop` says so.
    journal : Journal
        Has all files afterwards.
    num_workers : int
        Threads.
    bar : callable
        Told of each file that is done.
    """
    todo = [file for file in files if file.error is None and file not in journal]
    running: dict[Future[Outcome], Found] = {}
    with bar(len(files), len(files) - len(todo)) as step, crew(num_workers) as (pool, stop):
        for file in todo:
            running[pool.submit(work, file, stop)] = file
            if len(running) >= _LOOK_AHEAD * num_workers:
                _note(running, journal, step)
        while running:
            _note(running, journal, step)


def _note(
    running: dict[Future[Outcome], Found], journal: Journal, step: Callable[[], object]
) -> None:
    """Wait until some are done, and note them."""
    for done in wait(running, return_when=FIRST_COMPLETED).done:
        journal.add(running.pop(done), done.result())
        step()
