"""The files under a folder, what keeps others from being looked at, and which names say audio."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from pyffaudio.diagnose import words_of
from pyffaudio.errors import CorruptAudioError, FilterError, LimitExceededError, PyffaudioError

__all__ = ["Found", "Tree", "is_no_audio", "walk"]

# A file of such a name that is not audio is worth a line; any other is merely counted.
_AUDIO_SUFFIXES = frozenset((
    "3ga", "aac", "ac3", "adts", "aif", "aifc", "aiff", "amr", "ape", "au", "awb", "bwf", "caf",
    "dff", "dsf", "dts", "eac3", "ec3", "flac", "g722", "g726", "g726le", "gsm", "latm", "loas",
    "m4a", "m4b", "m4r", "mka", "mlp", "mp1", "mp2", "mp3", "mpa", "mpc", "oga", "ogg", "opus",
    "qoa", "ra", "rf64", "sbc", "snd", "spx", "tak", "thd", "truehd", "tta", "w64", "wav", "wave",
    "weba", "wma", "wv",
))  # fmt: skip
# These need not have audio, but damaged ones may have had some. Not ts, which is TypeScript too.
_VIDEO_SUFFIXES = frozenset((
    "3gp", "asf", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "vob",
    "webm", "wmv",
))  # fmt: skip
# There is an audio stream, which this library or its FFmpeg does not decode.
_CODES_OF_AUDIO = frozenset({"codec_not_allowed", "codec_missing", "format_missing"})


@dataclass(frozen=True, slots=True)
class Found:
    """A file, or what stands in the way of one: then `error` says why, and nothing was opened."""

    path: str  # from the top, of names as os.fsdecode has them; a folder's ends with a slash
    size_bytes: int | None = None
    modified_ns: int | None = None
    error: str | None = None


@dataclass(slots=True)
class Tree:
    """What `walk` met: files and failures by their paths, and counts of what it leaves alone."""

    files: list[Found] = field(default_factory=list)
    num_folders: int = 0
    num_folder_links: int = 0
    num_special: int = 0


def walk(top: str, leave_out: Collection[tuple[int, int]] = ()) -> Tree:
    """List all files under a folder.

    Links to files are followed. Links to folders are not, so that no loop can be; neither is
    anything opened that is not a regular file when it is looked at.

    Parameters
    ----------
    top : str
        The folder; itself it may be a link.
    leave_out : collection of (int, int)
        Device and inode of files and folders that are as if they were not there.

    Returns
    -------
    Tree
        Its files sorted by the bytes of their paths.

    Raises
    ------
    OSError
        `top` cannot be listed. What lies deeper and cannot has an entry with an `error`.
    """
    tree = Tree(num_folders=1)
    waiting = _look_at(tree, top, "", leave_out)
    while waiting:
        folder = waiting.pop()
        try:
            waiting += _look_at(tree, top, folder, leave_out)
            tree.num_folders += 1
        except OSError as error:
            tree.files.append(Found(folder, error=words_of(error)))
    tree.files.sort(key=lambda found: os.fsencode(found.path))
    return tree


def _look_at(
    tree: Tree, top: str, folder: str, leave_out: Collection[tuple[int, int]]
) -> list[str]:
    """Note what is in one folder; answers the folders in it."""
    deeper = []
    for entry in _entries(os.path.join(top, folder)):
        path = folder + entry.name
        try:
            status = entry.stat()
        except OSError as error:  # it has vanished, or is a link to nothing or to itself
            tree.files.append(Found(path, error=words_of(error)))
            continue
        if (status.st_dev, status.st_ino) in leave_out:
            continue
        if stat.S_ISREG(status.st_mode):
            tree.files.append(Found(path, status.st_size, status.st_mtime_ns))
        elif not stat.S_ISDIR(status.st_mode):
            tree.num_special += 1
        elif entry.is_symlink():
            tree.num_folder_links += 1
        else:
            deeper.append(path + "/")
    return deeper


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from entries


def is_no_audio(path: str, error: PyffaudioError) -> bool:
    """Whether a file that could not be opened is merely something else, and not a broken one.

    It is unless an audio stream was found in it, or its name says audio, or says video and its
    content is of that kind too.
    """
    suffix = _suffix(path)
    if suffix in _AUDIO_SUFFIXES or error.code in _CODES_OF_AUDIO:
        return False
    if isinstance(error, (LimitExceededError, FilterError)):
        return False
    return not (suffix in _VIDEO_SUFFIXES and isinstance(error, CorruptAudioError))


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1][1:].lower()
