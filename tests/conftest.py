"""Fixtures that every test shares, and how hard Hypothesis tries."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from media import Media, recordings
from zoo import Zoo

settings.register_profile("local", deadline=None, max_examples=60)
settings.register_profile("ci", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("ci" if "CI" in os.environ else "local")

SPEECH = "/usr/share/asterisk/sounds/en_US_f_Allison/*"
MUSIC = {
    "ogg": "/usr/share/games/noiz2sa/sounds/*.ogg",
    "mp3": "/usr/share/games/asc/music/*.mp3",
}


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    """Generated media by name."""
    return Media(tmp_path_factory.mktemp("media"))


@pytest.fixture(scope="session")
def specimens(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """A specimen of every format, by name."""
    return Zoo(tmp_path_factory.mktemp("zoo"))


@pytest.fixture(scope="session")
def speech() -> list[Path]:
    """Recordings of speech, longest first: WAV, 8 kHz, mono."""
    return recordings(SPEECH + ".wav")


@pytest.fixture(scope="session")
def speech_g722() -> list[Path]:
    """The same recordings in G.722, which has no header."""
    return recordings(SPEECH + ".g722")


@pytest.fixture(scope="session", params=MUSIC)
def song(request: pytest.FixtureRequest) -> Path:
    """A recording of music, the shortest there is: Ogg Vorbis, then MP3, both stereo."""
    return recordings(MUSIC[request.param])[-1]
