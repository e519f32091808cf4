"""Promise: a notebook that is run shows Audio as a browser can play and draw it, and runs nothing.

The cells are the examples of docs/notebooks.md, and cells with what is hard to show.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread
from nbconvert import HTMLExporter
from nbconvert.preprocessors import ExecutePreprocessor
from nbformat.v4 import new_code_cell, new_notebook

import pyffaudio
from ffmpeg_command import encode
from signals import music, quantise, sine
from wav_bytes import wav_bytes

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs/notebooks.md").read_text(), re.DOTALL)
HOSTILE = "</div></svg><img src=x onerror='document.owned=1'><script>document.owned=1</script>"
# By the text of a cell: how long its player is, in seconds; None is no player.
SHOWN = {
    "song.mp3": 2.0,
    "speech.wav": 3.0,
    "half.wav": 1.0,
    "long.flac": 500_000 / 2 / 44100,
    "six.wav": 0.25,
    "beyond.wav": 1.0,
    "hostile.flac": 1.0,
    "slow.wav": 1.0,
    "fast.wav": 0.1,
    "empty.wav": None,
}
CHROMIUM = (
    "chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--hide-scrollbars --window-size=1000,4600"
)
# Before the page's `load` event, a browser has loaded what its players begin with.
PROBE = """<pre id="probe"></pre><script>
addEventListener("load", () => {
  const shown = Array.from(document.querySelectorAll(".pyffaudio"), (element) => {
    const [sound, svg] = [element.querySelector("audio"), element.querySelector("svg")];
    const box = svg && svg.getBoundingClientRect();
    return {
      text: element.textContent,
      sound: sound && {ready: sound.readyState, seconds: sound.duration, error: sound.error},
      box: box && [box.left, box.top, box.width, box.height],
      elements: Array.from(element.querySelectorAll("*"), (each) => each.tagName.toLowerCase()),
    };
  });
  const facts = {shown, owned: document.owned === 1, pictures: document.images.length};
  document.getElementById("probe").textContent = JSON.stringify(facts);
});
</script>"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the cells read."""
    path = tmp_path_factory.mktemp("notebook")
    encode(path / "song.mp3", music(88200).astype("float32"), 44100, "-c:a", "libmp3lame")
    for name, signal, rate in (
        ("speech.wav", sine(24000, 1, 8000), 8000),
        ("half.wav", np.repeat([[0.0, 0.0], [0.5, -0.5]], 4000, axis=0).reshape(-1, 1), 16000),
        ("six.wav", sine(12000, 6, 48000), 48000),
        ("slow.wav", sine(3000, 1, 3000), 3000),
        ("fast.wav", sine(38400, 1, 384_000), 384_000),
        ("empty.wav", np.zeros((0, 2)), 8000),
    ):
        (path / name).write_bytes(wav_bytes(quantise(signal, "int16"), rate))
    (path / "beyond.wav").write_bytes(wav_bytes(3 * sine(8000, 1, 8000).astype("float32"), 8000))
    encode(path / "long.flac", music(44100 * 30).astype("float32"), 44100, "-c:a", "flac")
    tags = ("-metadata", f"title={HOSTILE}")
    encode(path / "hostile.flac", sine(44100).astype("float32"), 44100, "-c:a", "flac", *tags)
    return path


@pytest.fixture(scope="session")
def notebook(folder: Path) -> Any:
    """The notebook, run; each cell that shows Audio shows one file."""
    cells = [new_code_cell(code) for code in EXAMPLES]
    cells += [
        new_code_cell(f'pyffaudio.decode_file("{name}")') for name in SHOWN if name != "song.mp3"
    ]
    notebook = new_notebook(cells=cells)
    ExecutePreprocessor(timeout=60).preprocess(notebook, {"metadata": {"path": str(folder)}})
    return notebook


@pytest.fixture(scope="session", params=["light", "dark"])
def page(request: pytest.FixtureRequest, folder: Path, notebook: Any) -> Path:
    """A page of it, of either theme."""
    exporter = HTMLExporter(theme=request.param)
    exporter.require_js_url = exporter.mathjax_url = exporter.jquery_url = ""
    body, _ = exporter.from_notebook_node(notebook)
    path = folder / f"{request.param}.html"
    path.write_text(body.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    return path


def _browse(page: Path, profile: Path, *options: str) -> str:
    command = [*CHROMIUM.split(), f"--user-data-dir={profile}", *options, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def seen(page: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page's own script finds in it."""
    dom = _browse(page, tmp_path_factory.mktemp("profile"), "--dump-dom")
    match = re.search(r'<pre id="probe">(.*?)</pre>', dom, re.DOTALL)
    assert match, dom[-2000:]
    # As the text of an element it has been escaped once.
    text = match[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    facts: dict[str, Any] = json.loads(text)
    assert len(facts["shown"]) == len(SHOWN)
    return facts


@pytest.fixture(scope="session")
def picture(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The page as (rows, columns, red green blue) from 0 to 1; kept in build/browser to look at."""
    kept = ROOT / "build" / "browser" / f"{page.stem}.png"
    kept.parent.mkdir(parents=True, exist_ok=True)
    _browse(page, tmp_path_factory.mktemp("profile"), f"--screenshot={kept}")
    return imread(kept)[:, :, :3]


def _shown(seen: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return zip(SHOWN, seen["shown"], strict=True)


def test_every_player_has_loaded_its_sound(seen: dict[str, Any]) -> None:
    for name, shown in _shown(seen):
        seconds = SHOWN[name]
        if seconds is None:
            assert shown["sound"] is None
            continue
        assert shown["sound"]["error"] is None, name
        assert shown["sound"]["ready"] >= 2, name  # HAVE_CURRENT_DATA
        assert shown["sound"]["seconds"] == pytest.approx(seconds, abs=1e-3), name


def test_hostile_tags_are_text(seen: dict[str, Any]) -> None:
    """No picture of theirs, no script; only the plots are pictures."""
    assert seen["owned"] is False
    assert seen["pictures"] == 3
    allowed = {"div", "bdi", "audio", "svg", "g", "path", "polygon", "rect"}
    for name, shown in _shown(seen):
        assert set(shown["elements"]) <= allowed
        assert (HOSTILE in shown["text"]) == (name == "hostile.flac")


def test_what_is_left_out_is_said(seen: dict[str, Any]) -> None:
    texts = {name: shown["text"] for name, shown in _shown(seen)}
    assert "The player has the first 5.7 s of it." in texts["long.flac"]
    assert "The player has the mean of the 6 channels." in texts["six.wav"]
    assert "which the player clips" in texts["beyond.wav"]
    assert "it has no frames" in texts["empty.wav"]


def _drawn(picture: Any, box: list[float]) -> Any:
    """Which pixels of a waveform are of its colour, #3d85c6 or what a shade makes of it."""
    left, top, width, height = (round(number) for number in box)
    piece = picture[top : top + height, left : left + width]
    assert piece.shape[:2] == (height, width)
    return (piece[:, :, 2] - piece[:, :, 0] > 0.3) & (piece[:, :, 2] > 0.5)


def test_waveforms_are_drawn_where_the_sound_is(seen: dict[str, Any], picture: Any) -> None:
    """Half of this file is silent, the other alternates between both sides of the peak."""
    drawn = _drawn(picture, dict(_shown(seen))["half.wav"]["box"])
    height, width = drawn.shape
    heights = drawn.sum(axis=0)
    assert heights[: width // 2 - 2].max() <= 2  # the line of zero
    # All but the three pixels that are left free above and below, and a blurred one.
    assert heights[width // 2 + 2 :].min() >= height - 8


@pytest.mark.parametrize(("name", "strips"), [("song.mp3", 2), ("speech.wav", 1), ("six.wav", 1)])
def test_the_strips_are_those_of_the_channels(
    seen: dict[str, Any], picture: Any, name: str, strips: int
) -> None:
    """Nothing is drawn where one ends and the next begins; each has its own share."""
    drawn = _drawn(picture, dict(_shown(seen))[name]["box"])
    rows = drawn.mean(axis=1) > 0.5
    assert np.count_nonzero(np.diff(rows.astype(int)) == 1) == strips
    assert drawn.mean() > 0.5


def test_text_can_be_read_on_its_background(seen: dict[str, Any], picture: Any) -> None:
    """Beneath each waveform there are pixels far from the background, dark or light."""
    for name, shown in _shown(seen):
        if shown["box"] is None:
            continue
        left, top, width, height = (round(number) for number in shown["box"])
        beneath = picture[top + height : top + height + 90, left : left + width].mean(axis=2)
        background = np.median(beneath)
        assert np.abs(beneath - background).max() > 0.4, name


def test_the_version_that_is_looked_at_is_this_one() -> None:
    assert Path(pyffaudio.__file__).parents[1] == ROOT
