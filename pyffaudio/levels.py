"""The level contract: how channels are mixed when another number of them is asked for.

One table for every dtype, and never above full scale: FFmpeg's own mixing depends on the output
format (0.8/0.8 stereo gives 0.8 as int16 and 1.131 as float32).
"""

from collections.abc import Sequence

_MINUS_3_DB = 0.5**0.5

# What a channel adds to (left, right) before each side is normalised to sum 1. Centre and surrounds
# at -3 dB, a single rear one at -6 dB to both sides, as in ITU-R BS.775; height channels, which it
# does not know, at -6 dB; LFE is left out.
_WEIGHTS = {
    "FL": (1.0, 0.0),
    "FR": (0.0, 1.0),
    "FC": (_MINUS_3_DB, _MINUS_3_DB),
    "LFE": (0.0, 0.0),
    "LFE2": (0.0, 0.0),
    "BL": (_MINUS_3_DB, 0.0),
    "BR": (0.0, _MINUS_3_DB),
    "SL": (_MINUS_3_DB, 0.0),
    "SR": (0.0, _MINUS_3_DB),
    "BC": (0.5, 0.5),
    "FLC": (1.0, 0.0),
    "FRC": (0.0, 1.0),
    "DL": (1.0, 0.0),
    "DR": (0.0, 1.0),
    "WL": (_MINUS_3_DB, 0.0),
    "WR": (0.0, _MINUS_3_DB),
    "TFL": (0.5, 0.0),
    "TFR": (0.0, 0.5),
    "TSL": (0.5, 0.0),
    "TSR": (0.0, 0.5),
    "TBL": (0.5, 0.0),
    "TBR": (0.0, 0.5),
    "TFC": (0.5, 0.5),
    "TBC": (0.5, 0.5),
    "TC": (0.5, 0.5),
}

Matrix = list[list[float]]


def mix_matrix(channels: Sequence[str | None], num_channels: int) -> Matrix | None:
    """Weights of each source channel in each output channel, one row per output channel.

    None where as many channels come out as go in: they are not mixed.

    Parameters
    ----------
    channels
        Names of the source channels (``"FL"``); None for a channel of no known place.
    num_channels
        How many channels come out.

    Raises
    ------
    ValueError
        No rule leads from these channels to that number.
    """
    if len(channels) == num_channels:
        return None
    if len(channels) == 1:
        return [[1.0]] * num_channels
    weights = [_WEIGHTS.get(name) for name in channels if name is not None]
    placed = [pair for pair in weights if pair is not None]
    if num_channels <= 2 and len(placed) == len(channels):
        stereo = [_normalised([pair[side] for pair in placed]) for side in (0, 1)]
        if num_channels == 2:
            return stereo
        return [[(left + right) / 2 for left, right in zip(*stereo, strict=True)]]
    if num_channels == 1:
        return [[1 / len(channels)] * len(channels)]
    names = "+".join(name or "?" for name in channels)
    raise ValueError(
        f"no rule mixes {len(channels)} channels ({names}) to num_channels={num_channels}: mono "
        "goes to any number, any number to mono, and channels of known places to stereo"
    )


def continuing_matrix(channels: Sequence[str | None], first: Sequence[str | None]) -> Matrix:
    """Weights for a stream that changes its channels on the way, where no rule mixes them.

    Each goes to the channel of its own place among the first ones, and the others are silent; if
    one has no such place, the mean of all goes to every channel.
    """
    if None not in channels and set(channels) <= set(first):
        return [[float(name == place) for name in channels] for place in first]
    return [[1 / len(channels)] * len(channels)] * len(first)


def _normalised(row: list[float]) -> list[float]:
    total = sum(row)
    return [weight / total for weight in row] if total else row
