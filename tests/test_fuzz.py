"""Promise: mutated files give an array or one of our errors by every way in, and nothing else.

The short form of `make fuzz`, and that mutations are what they are meant to be.
"""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pyffaudio
from ogg_pages import checksum
from zoo import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from fuzz_cases import make_input, make_seeds
from mutate import mutate, parts_of


def test_a_few_hundred_inputs(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/fuzz.py"), "400"]
    environment = os.environ | {"PYTHONPATH": str(Path(pyffaudio.__file__).parents[1])}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_inputs_are_functions_of_their_number_and_parts_lie_in_them(tmp_path: Path) -> None:
    seeds = make_seeds(tmp_path)
    for number in range(300):
        suffix, data = make_input(Random(number), seeds, number)
        assert (suffix, data) == make_input(Random(number), seeds, number)
        assert all(0 <= part.begin < part.end <= len(data) for part in parts_of(data))


def test_a_changed_page_of_ogg_has_its_checksum(tmp_path: Path) -> None:
    pages = [data for suffix, data in make_seeds(tmp_path) if suffix == "opus"]
    for part in parts_of(pages[0]):
        page = bytearray(pages[0][part.begin : part.end])
        mutate(Random(part.begin), page, pages[0])
        assert part.seal
        part.seal(page)
        right = checksum(bytes(page[:22] + bytes(4) + page[26:]))
        assert len(page) < 27 or page[22:26] == right.to_bytes(4, "little")
