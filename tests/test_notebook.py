"""Promise: what a notebook shows of Audio is true, small, complete in itself, and harmless."""

from __future__ import annotations

import base64
import io
import re
import wave
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyffaudio
from ffmpeg_command import encode
from signals import full_range, music, quantise, sine
from wav_bytes import wav_bytes

_RATE = 8000
# What the page may be made of; none of these fetches, submits or runs anything.
_ALLOWED = {
    "div": {"class", "style"},
    "bdi": set(),
    "audio": {"controls", "preload", "style", "src"},
    "svg": {"viewbox", "preserveaspectratio", "role", "aria-label", "style"},
    "g": {"transform"},
    "path": {"d", "stroke", "opacity", "vector-effect"},
    "polygon": {"points", "fill"},
    "rect": {"x", "y", "width", "height", "fill", "opacity"},
}


class _Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def sound(self) -> tuple[Any, int]:
        """What the player has: samples and rate."""
        (source,) = [attributes["src"] for tag, attributes in self.elements if tag == "audio"]
        assert source is not None
        kind, data = source.split(",")
        assert kind == "data:audio/wav;base64"
        with wave.open(io.BytesIO(base64.b64decode(data, validate=True))) as reader:
            assert reader.getsampwidth() == 2
            samples = np.frombuffer(reader.readframes(reader.getnframes()), "<i2")
            return samples.reshape(-1, reader.getnchannels()), reader.getframerate()

    def strips(self) -> list[Any]:
        """The outline of each channel, as (corners, 2)."""
        return [
            np.array([corner.split(",") for corner in str(attributes["points"]).split()], float)
            for tag, attributes in self.elements
            if tag == "polygon"
        ]


def _page(audio: pyffaudio.Audio) -> _Page:
    page = _Page(audio._repr_html_())
    for tag, attributes in page.elements:
        assert set(attributes) <= _ALLOWED[tag], tag
        assert "url" not in (attributes.get("style") or "")
    return page


def _audio(signal: Any, rate: int = _RATE, **options: Any) -> pyffaudio.Audio:
    return pyffaudio.decode_bytes(wav_bytes(np.asarray(signal), rate), **options)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("channels_first", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "float32", "float64"])
def test_the_player_has_the_samples(dtype: str, channels_first: bool, channels: int) -> None:
    """Those of 8 bits are exactly samples of 16 bits as well."""
    stored = full_range(1000, channels, "uint8")
    audio = _audio(stored, dtype=dtype, channels_first=channels_first)
    samples, rate = _page(audio).sound()
    assert rate == _RATE
    np.testing.assert_array_equal(samples, (stored.astype(int) - 128) * 256)


def test_the_player_has_the_mean_of_many_channels() -> None:
    stored = full_range(1000, 6, "int16")
    page = _page(_audio(stored))
    samples, _ = page.sound()
    np.testing.assert_array_equal(samples[:, 0], np.rint(stored.mean(axis=1)))
    assert "The player has the mean of the 6 channels." in page.text


def test_beyond_full_scale_is_clipped_and_no_number_is_silence() -> None:
    signal = np.array([[2.0], [-2.0], [np.nan], [np.inf], [0.5]], "float32")
    page = _page(_audio(signal))
    assert page.sound()[0][:, 0].tolist() == [32767, -32768, 0, 0, 16384]
    assert "which the player clips" in page.text
    assert "peak +6.0 dBFS" in page.text


def test_long_audio_is_cut_for_the_player_and_drawn_whole() -> None:
    """An hour, of which only the last minute is not silent."""
    signal = np.zeros((3600 * _RATE, 1), "int16")
    signal[-60 * _RATE :] = 8192
    html = _audio(signal, dtype=None)._repr_html_()
    assert 1_300_000 < len(html) < 1_500_000
    page = _Page(html)
    assert len(page.sound()[0]) == 500_000
    assert "The player has the first 62.5 s of it." in page.text
    (strip,) = page.strips()
    tall = strip[np.abs(strip[:, 1]) > 10]
    assert tall[:, 0].min() == pytest.approx(640 * 59 / 60, abs=1)
    (shade,) = [attributes for tag, attributes in page.elements if tag == "rect"]
    assert float(str(shade["x"])) == pytest.approx(640 * 62.5 / 3600, abs=0.01)


def test_the_waveform_is_that_of_each_channel() -> None:
    """A crest of 1 and a trough of 1/2, as high as there is room, and above is up."""
    signal = np.zeros((640, 2), "float32")
    signal[100, 0], signal[200, 1] = 1.0, -0.5
    first, second = _page(_audio(signal)).strips()
    assert (first[:, 1].min(), second[:, 1].max()) == (-29.0, 14.5)
    assert first[first[:, 1] == -29.0, 0].tolist()[-1] == 101
    assert second[second[:, 1] == 14.5, 0].tolist()[0] == 201


@pytest.mark.parametrize("peak", [1e-310, 1e-40, 1e300])
def test_the_waveform_of_any_peak_is_as_high(peak: float) -> None:
    (strip,) = _page(_audio(np.full((640, 1), peak), dtype="float64")).strips()
    assert (strip[:, 1].min(), strip[:, 1].max()) == (-45.5, -44.5)


def test_the_strips_of_many_channels_are_one() -> None:
    assert len(_page(_audio(np.zeros((100, 4), "int16"))).strips()) == 4
    assert len(_page(_audio(np.zeros((100, 5), "int16"))).strips()) == 1


def test_no_frames_have_no_player() -> None:
    page = _page(_audio(np.zeros((0, 2), "int16")))
    assert {tag for tag, _ in page.elements} == {"div"}
    assert "it has no frames" in page.text


@pytest.mark.parametrize(("rate", "is_played"), [(2999, False), (3000, True), (384_001, False)])
def test_a_rate_that_browsers_refuse_has_no_player(rate: int, is_played: bool) -> None:
    page = _page(_audio(np.zeros((100, 1), "int16"), rate))
    assert ("audio" in {tag for tag, _ in page.elements}) == is_played
    assert (f"browsers do not play {rate} Hz" in page.text) != is_played


def test_one_dimension_is_one_channel() -> None:
    out = np.zeros(100, "float32")
    page = _page(pyffaudio.decode_into(io.BytesIO(wav_bytes(sine(100), _RATE)), out))
    assert len(page.sound()[0]) == 100
    assert "float32 (100,)" in page.text


def test_facts_are_those_of_the_audio() -> None:
    whole = wav_bytes(quantise(sine(_RATE, 1, _RATE), "int16"), _RATE)
    audio = pyffaudio.decode_bytes(whole[:-8000], on_error="partial", stop_seconds=0.75)
    assert _page(audio).text == (
        "Audio0:00:00.500 · 8000 Hz · 1 channel · float32 (4000, 1) · pcm_s16le in wav · "
        "peak -6.0 dBFSDamaged: truncated at 0:00:00.500"
    )
    part = pyffaudio.decode_bytes(whole, num_frames=10)
    assert "The audio goes on beyond what was read." in _page(part).text
    assert "silent" in _page(_audio(np.zeros((10, 1), "int16"))).text


_HOSTILE = [
    "<script>alert(1)</script>",
    "</div></svg><img src=x onerror=alert(1)>",
    "\" onload='alert(1)' x=\"",
    "&lt;script&gt; &#60;b&#62;",
    "<!-- ", "]]><style>*{display:none}</style>",
    "\u202egnp.exe\u2066 \x1b[2J\x07",
    "{{ 7*7 }} $x$ `y`",
    "<" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("words", _HOSTILE, ids=range(len(_HOSTILE)))
def test_tags_are_text_and_nothing_else(tmp_path: Path, words: str) -> None:
    tags = [arg for name in ("title", "artist") for arg in ("-metadata", f"{name}={words}")]
    encode(tmp_path / "a.flac", music(1000).astype("float32"), 44100, "-c:a", "flac", *tags)
    audio = pyffaudio.decode_file(tmp_path / "a.flac")
    page = _page(audio)  # checks that there is no element but ours
    title = page.text[: page.text.index("0:00:00")]
    shown = "".join(c if c.isprintable() else "\ufffd" for c in audio.info.tags["title"])
    assert shown[:200] in title
    assert len(title) < 500
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x1f]", title)


def test_tags_that_are_not_unicode_can_be_sent(tmp_path: Path) -> None:
    data = wav_bytes(sine(100), _RATE)
    chunk = b"INFOINAM" + (4).to_bytes(4, "little") + b"a\xff<\0"
    data += b"LIST" + len(chunk).to_bytes(4, "little") + chunk
    html = pyffaudio.decode_bytes(data)._repr_html_()
    assert html.encode()
    assert "a" in _Page(html).text
