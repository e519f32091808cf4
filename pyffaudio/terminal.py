"""What the command line says, where it says it, and what to blame for a failure."""

from __future__ import annotations

import errno
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, TextIO

from pyffaudio.diagnose import words_of
from pyffaudio.errors import PyffaudioError
from pyffaudio.limits import Limits

__all__ = [
    "CommandError",
    "add_untrusted",
    "blaming",
    "clock",
    "open_source",
    "printable",
    "progress_bar",
    "say",
    "source_name",
    "stdout",
    "table",
]

_NOT_PRINTED = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})


class CommandError(Exception):
    """What goes to standard error, on one line, and the exit status it means."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


def add_untrusted(add: Callable[..., object]) -> None:
    """Add the flag for files from strangers: `limits` is those for them, or None."""
    add(
        "--untrusted",
        dest="limits",
        action="store_const",
        const=Limits.untrusted(),
        help="apply Limits.untrusted(): for files that strangers sent",
    )


@contextmanager
def blaming(name: str) -> Iterator[None]:
    """Turn what a file or an argument can cause into a line; anything else is a bug."""
    try:
        yield
    except BrokenPipeError:  # the reader of a named pipe has gone: as on standard output
        raise
    except (PyffaudioError, OSError, MemoryError) as error:
        raise CommandError(f"{name}: {words_of(error)}") from error
    except ValueError as error:
        words = words_of(error).removeprefix(f"{name}: ")
        raise CommandError(f"{name}: {words}", status=2) from error


def open_source(name: str) -> str | BinaryIO:
    """A path, or standard input for ``-``."""
    if name != "-":
        return name
    if sys.stdin is None:
        raise OSError(errno.EBADF, "it is closed")
    # Unbuffered: a Ctrl-C that comes between the reads of a filling buffer waits for more input.
    return open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)


def source_name(name: str) -> str:
    """What a message calls it."""
    return "standard input" if name == "-" else name


def stdout() -> TextIO:
    """Standard output, which may have been closed."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    return sys.stdout


def say(message: str) -> None:
    """Write a line to standard error, if there is one."""
    if sys.stderr is not None:  # else print would take standard output
        print(f"pyffaudio: {printable(message)}", file=sys.stderr)


def printable(text: str) -> str:
    """Escape what would break a line or command a terminal: names and tags are foreign text."""
    return "".join(
        c.encode("unicode_escape").decode("ascii") if unicodedata.category(c) in _NOT_PRINTED else c
        for c in text
    )


def table(rows: Sequence[tuple[str, str]], indent: str = "  ") -> list[str]:
    """Lines with the labels in one column and the values in another."""
    width = max((len(label) for label, _ in rows), default=0)
    return [f"{indent}{label:<{width}}  {printable(value)}" for label, value in rows]


def clock(seconds: float) -> str:
    """Write seconds as h:mm:ss.mmm."""
    milliseconds = round(abs(seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    sign = "-" if seconds < 0 else ""
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


@contextmanager
def progress_bar(total: int, done: int) -> Iterator[Callable[[], object]]:
    """A bar on standard error, where that is a terminal and tqdm is installed; else nothing."""
    if sys.stderr is None or not os.isatty(sys.stderr.fileno()):
        yield lambda: None
        return
    try:
        from tqdm import tqdm  # noqa: PLC0415 - an extra
    except ImportError:
        yield lambda: None
        return
    with tqdm(total=total, initial=done, unit=" files", dynamic_ncols=True, leave=False) as bar:
        yield bar.update
