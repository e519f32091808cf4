"""The string of a filter graph, taken apart as FFmpeg's documentation has its syntax.

https://ffmpeg.org/ffmpeg-filters.html, "Filtergraph syntax" and "Notes on filtergraph escaping";
https://ffmpeg.org/ffmpeg-utils.html, "Quoting and escaping".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyffaudio.errors import FilterError

_SPACE = " \n\t\r"
# More than this is no filter that anyone wrote.
_MOST_CHARACTERS = 16384
_MOST_FILTERS = 256
_KEY = re.compile(r"[ \n\t\r]*([\w./-]+)[ \n\t\r]*=", re.ASCII)


@dataclass(frozen=True)
class FilterText:
    """One filter as the string has it."""

    name: str
    arguments: str
    place: int  # in the string
    inputs: tuple[str, ...]  # labels
    outputs: tuple[str, ...]
    follows: bool  # after a comma: what the one before puts out flows in


def split_graph(text: str) -> list[FilterText]:
    """The filters of a string, or a FilterError that says where it is wrong."""
    if len(text) > _MOST_CHARACTERS:
        raise filter_error(text, 0, f"it has more than {_MOST_CHARACTERS} characters")
    if "\0" in text:
        raise filter_error(text, text.index("\0"), "a null byte")
    found = list(_split(text))
    if len(found) > _MOST_FILTERS:
        raise filter_error(text, 0, f"it has more than {_MOST_FILTERS} filters")
    return found


def filter_error(text: str, place: int, words: str) -> FilterError:
    """The exception for what is wrong at this character of the string."""
    shown = text if len(text) <= 200 else text[:197] + "..."
    error = FilterError(f"filters={shown!r}, at character {place}: {words}", code="filters")
    error.place = place
    return error


def split_arguments(arguments: str, unnamed: Sequence[str]) -> list[tuple[str, str]]:
    """Arguments as pairs of an option and its value.

    Those without a name are of the `unnamed` options in their order, until one has a name. One
    beyond is a ValueError.
    """
    options = []
    left = list(unnamed)
    at = 0
    while at < len(arguments):
        if key := _KEY.match(arguments, at):
            left = []
            name, at = key[1], key.end()
        elif left:
            name = left.pop(0)
        else:
            raise ValueError(f"{arguments[at:]!r} has no option's name before it")
        value, at = unescape(arguments, at, ":")
        options.append((name, value))
        at += 1
    return options


def unescape(text: str, at: int, stops: str) -> tuple[str, int]:
    """A word as far as one of these characters, and where that is.

    A backslash takes the next character as it is, and single quotes all between them; spaces
    around the word go, unless they were taken so.
    """
    word: list[str] = []
    kept = 0
    at = skip_space(text, at)
    while at < len(text) and text[at] not in stops:
        char = text[at]
        at += 1
        if char == "\\" and at < len(text):
            word.append(text[at])
            at += 1
            kept = len(word)
        elif char == "'":
            end = text.find("'", at)
            end = len(text) if end < 0 else end
            word.extend(text[at:end])
            at = min(end + 1, len(text))
            kept = len(word)
        else:
            word.append(char)
    while len(word) > kept and word[-1] in _SPACE:
        word.pop()
    return "".join(word), at


def skip_space(text: str, at: int) -> int:
    """Where the next character is that is no space."""
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _split(text: str) -> Iterator[FilterText]:
    at, follows = 0, False
    while True:
        inputs, at = _labels(text, at)
        place = at
        name, at = unescape(text, at, "=,;[")
        if not name:
            raise filter_error(text, place, "a filter's name is missing")
        arguments = ""
        if text[at : at + 1] == "=":
            arguments, at = unescape(text, at + 1, "[],;")
        outputs, at = _labels(text, at)
        yield FilterText(name, arguments, place, inputs, outputs, follows)
        if at == len(text):
            return
        if text[at] not in ",;":
            raise filter_error(text, at, f"{text[at]!r} where , or ; or the end should be")
        follows = text[at] == ","
        at += 1


def _labels(text: str, at: int) -> tuple[tuple[str, ...], int]:
    labels = []
    at = skip_space(text, at)
    while text[at : at + 1] == "[":
        label, end = unescape(text, at + 1, "]")
        if end == len(text) or not label:
            raise filter_error(text, at, "a label without a name, or without its ]")
        labels.append(label)
        at = skip_space(text, end + 1)
    return tuple(labels), at
