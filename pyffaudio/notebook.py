"""Audio as a notebook shows it: a player, a waveform and facts, in HTML that needs nothing else."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pyffaudio.terminal import clock
from pyffaudio.wav import write_wav
from pyffaudio.waveform import envelope, frames_of, in_full_scale

if TYPE_CHECKING:
    from pyffaudio.audio import Audio, Samples

__all__ = ["html_of"]

# In base64 they become a third more, which goes into the file of the notebook.
_MOST_PLAYED_BYTES = 1_000_000
# What every browser plays.
_LEAST_RATE, _MOST_RATE = 3000, 384_000
_COLUMNS = 640
_MOST_STRIPS = 4
_MOST_CHARACTERS = 200
_MOST_ISSUES = 5
_TAGS = ("title", "artist", "album")
_COLOUR = "#3d85c6"


def html_of(audio: Audio) -> str:
    """HTML of an Audio: of bounded size, without scripts, and with all foreign text escaped."""
    frames = frames_of(audio)
    shape = envelope(frames, min(_COLUMNS, len(frames)))
    peak = float(np.nanmax(np.abs(shape), initial=0)) if shape.size else 0.0
    played = _played_frames(audio)
    parts = [f'<div style="font-weight:600">{_title(audio)}</div>']
    if len(frames):
        parts.append(_svg(shape, peak, played / len(frames)))
    if played:
        sound = base64.b64encode(_wav(frames[:played], audio.sample_rate)).decode("ascii")
        parts.append(
            '<audio controls preload="auto" style="display:block;width:100%;height:40px" '
            f'src="data:audio/wav;base64,{sound}"></audio>'
        )
    facts = " · ".join(_text(fact) for fact in _facts(audio, peak))
    parts.append(f'<div style="opacity:.75">{facts}</div>')
    parts += [f"<div>{_text(note)}</div>" for note in _notes(audio, peak, played)]
    return (
        '<div class="pyffaudio" style="max-width:640px;font:13px/1.5 system-ui,sans-serif;'
        f'display:grid;gap:6px">{"".join(parts)}</div>'
    )


def _played_frames(audio: Audio) -> int:
    if not _LEAST_RATE <= audio.sample_rate <= _MOST_RATE:
        return 0
    return min(audio.num_frames, _MOST_PLAYED_BYTES // (2 * _played_channels(audio)))


def _played_channels(audio: Audio) -> int:
    """Those of the file, if these are what every browser plays; else one, the mean of all."""
    return audio.num_channels if audio.num_channels <= 2 else 1


def _wav(frames: Samples, sample_rate: int) -> bytes:
    """A WAV file of 16 bits, whatever the samples are."""
    sound = in_full_scale(frames)
    sound = np.where(np.isfinite(sound), sound, 0)
    if sound.shape[1] > 2:
        sound = sound.mean(axis=1, keepdims=True)
    scaled = np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)
    file = io.BytesIO()
    write_wav(file, scaled, sample_rate)
    return file.getvalue()


def _title(audio: Audio) -> str:
    said = [audio.info.tags[name] for name in _TAGS if audio.info.tags.get(name)]
    # A tag may have letters that turn the direction of all that follows.
    return " · ".join(f"<bdi>{_text(words)}</bdi>" for words in said) or "Audio"


def _text(words: str) -> str:
    """Foreign text, of bounded length, that is nothing but text."""
    if len(words) > _MOST_CHARACTERS:
        words = words[:_MOST_CHARACTERS] + "…"
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)
    return html.escape(shown)


def _facts(audio: Audio, peak: float) -> Iterator[str]:
    yield clock(audio.duration_seconds)
    yield f"{audio.sample_rate} Hz"
    yield f"{audio.num_channels} channel{'s' * (audio.num_channels != 1)}"
    yield f"{audio.samples.dtype} {audio.samples.shape}"
    yield f"{audio.info.codec} in {audio.info.container}"
    yield f"peak {20 * math.log10(peak):+.1f} dBFS" if peak else "silent"


def _notes(audio: Audio, peak: float, played: int) -> Iterator[str]:
    if audio.num_frames == 0:
        yield "There is nothing to play: it has no frames."
    elif not played:
        yield f"There is no player: browsers do not play {audio.sample_rate} Hz."
    elif played < audio.num_frames:
        yield f"The player has the first {played / audio.sample_rate:.1f} s of it."
    if played and audio.num_channels != _played_channels(audio):
        yield f"The player has the mean of the {audio.num_channels} channels."
    if played and peak > 1:
        yield "It goes beyond full scale, which the player clips."
    if audio.more:
        yield "The audio goes on beyond what was read."
    for issue in audio.issues[:_MOST_ISSUES]:
        kind = "Damaged" if issue.is_fatal else "Note"
        yield f"{kind}: {issue.code} at {clock(issue.frame_offset / audio.sample_rate)}"
    if len(audio.issues) > _MOST_ISSUES:
        yield f"and {len(audio.issues) - _MOST_ISSUES} issues more"


def _svg(shape: npt.NDArray[np.float64], peak: float, share_played: float) -> str:
    """The envelope of each channel, or of all together, as high as there is room."""
    if shape.shape[2] > _MOST_STRIPS:
        shape = np.stack([np.fmin.reduce(shape[0], axis=1), np.fmax.reduce(shape[1], axis=1)])
        shape = shape[:, :, np.newaxis]
    columns, strips = shape.shape[1:]
    height = 96 if strips == 1 else 64
    paths = "".join(
        f'<g transform="translate(0 {height * (strip + 0.5):g})">{_strip(own, peak, height)}</g>'
        for strip, own in enumerate(np.moveaxis(shape, 2, 0))
    )
    # What lies beyond the player's part is shaded.
    rest = (1 - share_played) * columns if share_played else 0
    shade = (
        f'<rect x="{columns - rest:.2f}" y="0" width="{rest:.2f}" height="{height * strips}" '
        'fill="currentColor" opacity=".12"/>'
    )
    return (
        f'<svg viewBox="0 0 {columns} {height * strips}" preserveAspectRatio="none" role="img" '
        f'aria-label="waveform" style="display:block;width:100%;height:{height * strips}px">'
        f"{paths}{shade if rest else ''}</svg>"
    )


def _strip(own: npt.NDArray[np.float64], peak: float, height: int) -> str:
    """The line of zero and the envelope about it, of which a pixel at least is seen."""
    low, high = np.nan_to_num(own / (peak or 1)) * (3 - height / 2)
    # A column reaches as far as the next one begins: the line has no gaps.
    low[:-1], high[:-1] = np.maximum(low[:-1], high[1:]), np.minimum(high[:-1], low[1:])
    low, high = np.maximum(low, (low + high) / 2 + 0.5), np.minimum(high, (low + high) / 2 - 0.5)
    columns = len(low)
    edge = [f"{x},{y:.1f} {x + 1},{y:.1f}" for x, y in enumerate(high)]
    back = [f"{x + 1},{y:.1f} {x},{y:.1f}" for x, y in reversed(list(enumerate(low)))]
    return (
        f'<path d="M0,0H{columns}" stroke="currentColor" opacity=".3" '
        'vector-effect="non-scaling-stroke"/>'
        f'<polygon points="{" ".join(edge + back)}" fill="{_COLOUR}"/>'
    )
