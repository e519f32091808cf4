"""Filter graphs: from a string to a plan of filters and links, in which nothing is left to chance.

The string may come from a stranger, and many filters open files. So it is not FFmpeg that takes it
apart: what is checked here, filter by filter and option by option, is what is made.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pyffaudio import filter_rules as rules
from pyffaudio.filter_string import FilterText, filter_error, split_arguments, split_graph
from pyffaudio.native import allowed_filters, options_of_filter, try_filter, why_filter_refused

# In the name of an option that nobody has looked at.
MAY_NAME_A_FILE = re.compile(
    r"(?<!pro)file|path|url|model|plugin|dump|destination|host|port|addr|device"
)
_SAMPLE_FORMATS = {
    "uint8": "u8",
    "int8": "u8",
    "int16": "s16",
    "int32": "s32",
    "float32": "flt",
    "float64": "dbl",
}

Node = tuple[bytes, tuple[tuple[bytes, bytes], ...]]  # name, and options with their values
Pad = tuple[int, int]  # of which node, and which of its inputs or outputs


@dataclass(frozen=True)
class Plan:
    """What a graph is made of, in the order that it is made in."""

    nodes: tuple[Node, ...]
    ends: int  # how many nodes come before the graph's own input and output
    links: tuple[tuple[int, int, int, int], ...]  # filter and pad, to filter and pad


def plan(text: str, dtype: str | None) -> Plan:
    """The plan of a graph whose samples come out as this dtype, or a FilterError."""
    parts = split_graph(text)
    _check_counts(text, parts)
    made = [_make(text, part) for part in parts]
    links, source, sink = _link(text, parts, [pads for _, pads in made])
    nodes = [node for node, _ in made]
    ends = len(nodes)
    if dtype is not None:
        # As the ffmpeg command does for what it writes: filters may then work in that format.
        nodes.append((b"aformat", ((b"sample_fmts", _SAMPLE_FORMATS[dtype].encode()),)))
        links.append((sink, (ends + 2, 0)))
        sink = (ends + 2, 0)
    links += [((ends, 0), source), (sink, (ends + 1, 0))]
    return Plan(tuple(nodes), ends, tuple((*begin, *end) for begin, end in links))


def _check_counts(text: str, parts: Sequence[FilterText]) -> None:
    names = [part.name.partition("@")[0] for part in parts]
    for name, most in rules.MOST_OF.items():
        if names.count(name) > most:
            place = [part.place for part, other in zip(parts, names, strict=True) if other == name]
            raise filter_error(text, place[most], f"{name} is allowed {most} times in a graph")


# --- One filter


def _make(text: str, part: FilterText) -> tuple[Node, tuple[int, int]]:
    """A node, tried out, and how many inputs and outputs it has."""
    name = part.name.partition("@")[0]
    if problem := _why_not(name):
        raise filter_error(text, part.place, problem)
    try:
        options = split_arguments(part.arguments, _unnamed_options(name))
        for key, value in options:
            _check_option(name, key, value)
        pairs = tuple((key.encode(), value.encode()) for key, value in options)
        return (name.encode(), pairs), _try(name, pairs)
    except ValueError as error:
        raise filter_error(text, part.place, f"{name}: {error}") from None


def _why_not(name: str) -> str | None:
    if reason := why_filter_refused(name):
        return f"{name} is not allowed: {reason}"
    known = allowed_filters()
    if name in known:
        return None
    near = difflib.get_close_matches(name, known, n=1)
    return f"no such audio filter: {name[:40]!r}" + (f"; did you mean {near[0]}?" if near else "")


def _try(name: str, pairs: tuple[tuple[bytes, bytes], ...]) -> tuple[int, int]:
    """Make the filter as a graph would, and see how many inputs and outputs it has."""
    bounds = rules.BOUNDS.get(name, {})
    asked = tuple((key.encode(), least, most) for key, (least, most) in bounds.items())
    words, index, inputs, outputs, values = try_filter(name.encode(), pairs, asked)
    if words:
        about = "" if index < 0 else f"{pairs[index][0].decode()}={pairs[index][1].decode()!r}: "
        raise ValueError(f"{about}{words}")
    if {*inputs, *outputs} - {"audio"}:
        raise ValueError("it is not from audio to audio")
    ends = rules.ENDED_BY.get(name, ())
    if ends and not any(values[key.encode()] > 0 for key in ends):
        raise ValueError(f"it would go on for ever: give it {' or '.join(ends)}")
    return len(inputs), len(outputs)


def _unnamed_options(name: str) -> list[str]:
    """Options in the order that arguments without a name are for; one of two names counts once."""
    names: list[str] = []
    last = None
    for option, offset in options_of_filter(name.encode()):
        if offset != last:
            names.append(option)
        last = offset
    return names


def _names_of(name: str, key: str) -> set[str]:
    """All names of an option: those of the same place in memory."""
    options = options_of_filter(name.encode())
    places = dict(options)
    return {key} | {other for other, place in options if place == places.get(key, -1)}


def _check_option(name: str, key: str, value: str) -> None:
    """Raise a ValueError for an option that is refused, or a value that is."""
    for other in _names_of(name, key):
        if reason := rules.REFUSED_OPTIONS.get(name, {}).get(other):
            raise ValueError(f"{key} is not allowed: {reason}")
        pattern, words = rules.PATTERNS.get(name, {}).get(other, (".*", ""))
        if not re.fullmatch(pattern, value, re.ASCII | re.DOTALL):
            raise ValueError(f"{key} must be {words}, not {value!r}")
        if MAY_NAME_A_FILE.search(other):
            raise ValueError(f"{key} is not allowed: it may name a file")
    if key not in rules.ALLOWED_OPTIONS.get(name, {key}) or key in rules.REFUSED_GENERIC_OPTIONS:
        raise ValueError(f"{key} is not allowed")
    _check_value(key, value)


def _check_value(key: str, value: str) -> None:
    """Any value may be an expression, within which spaces and quotes do not count."""
    bare = re.sub(r"[\s\\']", "", value)
    for function in rules.REFUSED_FUNCTIONS:
        if function in bare:
            raise ValueError(f"{key}: {function}() is not allowed")
    if bare.count("clip") > rules.MOST_CLIPS:
        raise ValueError(f"{key}: more than {rules.MOST_CLIPS} clip() are not allowed")
    if len(value) > rules.MOST_CHARACTERS:
        raise ValueError(f"{key} has more than {rules.MOST_CHARACTERS} characters")


# --- What flows from where to where


def _link(
    text: str, parts: Sequence[FilterText], pads: Sequence[tuple[int, int]]
) -> tuple[list[tuple[Pad, Pad]], Pad, Pad]:
    """All links, and the pads where the graph's input goes in and its output comes out."""
    links: list[tuple[Pad, Pad]] = []
    inputs: list[tuple[str, Pad]] = []  # still open, by label
    outputs: list[tuple[str, Pad]] = []
    flowing: list[Pad] = []  # without a label, from the filter before
    for node, (part, (num_inputs, num_outputs)) in enumerate(zip(parts, pads, strict=True)):
        if not part.follows:
            outputs += [("", pad) for pad in flowing]
            flowing = []
        sources = [(label, _take(outputs, label)) for label in part.inputs]
        sources += [("", pad) for pad in flowing]
        if len(sources) > num_inputs:
            raise filter_error(
                text, part.place, f"{part.name} has no more than {num_inputs} inputs"
            )
        sources += [("", None)] * (num_inputs - len(sources))
        for pad, (label, source) in enumerate(sources):
            if source is None:
                inputs.append((label, (node, pad)))
            else:
                links.append((source, (node, pad)))
        if len(part.outputs) > num_outputs:
            message = f"{part.name} has no more than {num_outputs} outputs"
            raise filter_error(text, part.place, message)
        for pad, label in enumerate(part.outputs):
            target = _take(inputs, label)
            if target is None:
                outputs.append((label, (node, pad)))
            else:
                links.append(((node, pad), target))
        flowing = [(node, pad) for pad in range(len(part.outputs), num_outputs)]
    outputs += [("", pad) for pad in flowing]
    if _is_circular(len(parts), links):
        raise filter_error(text, 0, "it flows in a circle")
    if len(inputs) != 1 or len(outputs) != 1:
        message = f"it has {len(inputs)} inputs and {len(outputs)} outputs, and not one of each"
        raise filter_error(text, 0, message)
    return links, inputs[0][1], outputs[0][1]


def _take(pads: list[tuple[str, Pad]], label: str) -> Pad | None:
    """The open pad of this label, which then is not open any more; None if there is none."""
    for index, (name, pad) in enumerate(pads):
        if name == label:
            del pads[index]
            return pad
    return None


def _is_circular(count: int, links: Sequence[tuple[Pad, Pad]]) -> bool:
    """Whether what comes out of some filter goes into it again."""
    waiting = {node: {begin[0] for begin, end in links if end[0] == node} for node in range(count)}
    while ready := [node for node, before in waiting.items() if not before & waiting.keys()]:
        for node in ready:
            del waiting[node]
    return bool(waiting)
