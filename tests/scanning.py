"""What the tests of scans share: a tree of all sorts, and the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyffaudio
from signals import quantise, sine
from wav_bytes import wav_bytes

ENV = {**os.environ, "PYTHONPATH": str(Path(pyffaudio.__file__).parents[1]), "LC_ALL": "C.UTF-8"}
RATE = 8000
SOUND = wav_bytes(quantise(sine(800, 2, RATE), "int16"), RATE)


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "pyffaudio", "scan", *map(str, args)]


def run(*args: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    settings: dict[str, Any] = {"env": ENV, "capture_output": True, "timeout": 60, **options}
    return subprocess.run(command(*args), check=False, **settings)


def rows_of(report: Path) -> dict[str, dict[str, Any]]:
    """The rows of a JSON Lines report by their paths, of which each must be there once."""
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    by_path = {row["path"]: row for row in rows}
    assert len(by_path) == len(rows)
    return by_path


def fill(top: Path) -> Path:
    """Make a tree of all sorts, of which no part needs long."""
    (top / "b").mkdir()
    for number in range(5):
        (top / "b" / f"{number}.wav").write_bytes(SOUND)
    (top / "a.WAV").write_bytes(SOUND)
    (top / "cut.wav").write_bytes(SOUND[:-1000])
    (top / "page.mp3").write_bytes(b"<!DOCTYPE html><html></html>")
    (top / "notes.txt").write_bytes(b"some words")
    return top
