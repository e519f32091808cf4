"""Which effects of libsox's may be applied to an array, and what is said of those that may not."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from pyffaudio.diagnose import limit_error
from pyffaudio.errors import PyffaudioError
from pyffaudio.limits import Limits

REFUSED = {
    "firfit": "it opens a file",
    "input": "it opens a file",
    "ladspa": "it loads other programs' code",
    "noiseprof": "it writes a file",
    "noisered": "it opens a file",
    "output": "it writes a file",
    "splice": "libsox crashes where a splice is near the start",
    "spectrogram": "it writes a picture into a file",
    "stat": "it prints to the terminal; numpy tells the same of samples",
    "stats": "it prints to the terminal; numpy tells the same of samples",
}

# Below such a rate these crash, or never come back.
_NEED_RATE = ("mcompand", "phaser", "pitch", "reverb", "stretch", "tempo")
_LEAST_RATE = 1000
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?k?", re.ASCII | re.IGNORECASE)
_NAN = re.compile(r"[+-]?nan", re.IGNORECASE)

Effect = tuple[str, list[str], bool]


class EffectError(PyffaudioError, ValueError):
    """An effect that there is none of, that is refused, or that refuses its arguments.

    Attributes
    ----------
    effect : str
        Its name; empty where a chain failed as a whole.
    usage : str
        What libsox says of its arguments.
    """

    effect: str = ""
    usage: str = ""


def effect_error(effect: str, words: str, usage: str = "") -> EffectError:
    """The exception for what libsox, or this module, says of an effect."""
    if usage and usage not in words:
        words = f"{words}; usage: {usage}" if words else f"usage: {usage}"
    source = f"effect {effect}" if effect else "effects"
    error = EffectError(f"{source}: {words}", code="effect_refused", source=source)
    error.effect, error.usage = effect, usage
    return error


def check_signal(effect: str, sample_rate: float, num_channels: int, limits: Limits) -> None:
    """Refuse what an effect would make of rate and channels, if the limits do not allow it."""
    if num_channels > limits.max_channels:
        raise limit_error(limits, "max_channels", f"effect {effect}", num_channels)
    if not sample_rate >= 1:
        raise effect_error(effect, f"it would give a rate of {sample_rate:g} Hz")
    if sample_rate > limits.max_sample_rate:
        raise limit_error(limits, "max_sample_rate", f"effect {effect}", int(sample_rate))


def check_place(
    effect: str, arguments: Sequence[str], sample_rate: float, num_channels: int, limits: Limits
) -> None:
    """Refuse arguments that would end the process at this place of a chain, by its rate."""
    numbers = [_number(word) for word in arguments]
    if effect in _NEED_RATE and sample_rate < _LEAST_RATE:
        raise effect_error(effect, f"it is refused: it needs a rate of {_LEAST_RATE} Hz or more")
    if effect == "phaser" and len(numbers) > 2 and (numbers[2] or 0) * sample_rate < 500:
        raise effect_error(effect, "it is refused: the delay is less than one frame")
    if effect == "mcompand" and any(
        float(word[:-1]) * 1000 >= sample_rate / 2
        if word[-1:] == "k"
        else (number or 0) >= sample_rate / 2
        for word, number in zip(arguments[1::2], numbers[1::2], strict=True)
    ):
        raise effect_error(effect, "it is refused: a crossover is not below half of the rate")
    longest = max((number for number in numbers if number is not None), default=0)
    if effect == "delay" and longest * sample_rate * num_channels * 4 > limits.max_bytes:
        raise limit_error(limits, "max_bytes", f"effect {effect}")


def check_effects(effects: Iterable[Sequence[str]] | None, usages: dict[str, str]) -> list[Effect]:
    """The name and arguments of each effect, and whether it keeps all it gets until the end.

    Before libsox sees any of it.

    Raises
    ------
    TypeError
        It is not a sequence of sequences of str.
    EffectError
        There is no such effect, or it is refused.
    """
    if effects is None or isinstance(effects, (str, bytes)):
        raise TypeError('effects must be a list of lists of str, such as [["tempo", "1.1"]]')
    return [_checked(effect, usages) for effect in effects]


def _checked(effect: Sequence[str], usages: dict[str, str]) -> Effect:
    words = None if isinstance(effect, (str, bytes)) else list(effect)
    if not words or not all(isinstance(word, str) for word in words):
        raise TypeError(
            f'an effect must be a list of str, such as ["tempo", "1.1"], not {effect!r}'
        )
    name, *arguments = words
    if any("\0" in word for word in words):
        raise effect_error(name, "an argument cannot contain a null byte")
    if any("\udc80" <= char <= "\udcff" for word in words for char in word):
        raise effect_error(ascii(name), "an argument is not text")
    if name not in usages:
        raise effect_error(name, _unknown(name, usages))
    if why := _why_refused(name, arguments):
        raise effect_error(name, f"it is refused: {why}", usages[name])
    return name, arguments, _keeps_all(name, arguments)


def _unknown(name: str, known: Collection[str]) -> str:
    import difflib  # noqa: PLC0415 # 1 ms, which few need

    near = difflib.get_close_matches(name, known, n=1)
    allowed = ", ".join(sorted(set(known) - set(REFUSED)))
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"libsox has no such effect{hint}; it has {allowed}"


def _why_refused(name: str, arguments: Sequence[str]) -> str:
    """The reason; of arguments, only of those that libsox does not refuse as it should."""
    numbers = [number for number in map(_number, arguments) if number is not None]
    if any(_NAN.match(word.strip()) for word in arguments):
        return "an argument is no number"
    if name in ("tempo", "stretch") and not all(
        _PLAIN.fullmatch(word) or re.fullmatch("-[a-z]+", word) for word in arguments
    ):
        return "an argument is not a plain number"
    if name == "tempo" and not numbers:
        return "without a factor libsox would run for ever"
    if name == "stretch" and any(number <= 0 for number in numbers):
        return "with a factor or a window that is not positive libsox would end the process"
    if name == "fir" and len(arguments) < 2:
        return "with fewer than two coefficients it opens a file"
    if name == "mcompand" and any(len(each.split()) > 4 for each in arguments):
        return "with a delay libsox would end the process"
    return REFUSED.get(name, "")


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _keeps_all(name: str, arguments: Sequence[str]) -> bool:
    """Whether libsox puts all that comes into a temporary file, before it gives any of it."""
    if name == "gain":
        return any(word[:1] == "-" and set(word) & set("neBbr") for word in arguments)
    return name in ("norm", "repeat", "reverse")
