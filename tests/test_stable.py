"""Promise: what docs/stable.md says is the same on other processors and versions is the same."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ffmpeg_command import BUNDLED
from signals import Samples
from stability import AXES, SPECIMENS, difference
from zoo import Zoo

# The page is about x86-64; the system's FFmpeg is another version only beside the bundled one.
IS_HERE = {"processor": platform.machine() == "x86_64", "version": BUNDLED}
HERE = [axis for axis in AXES if IS_HERE[axis]]
PAGE = (Path(__file__).parents[1] / "docs/stable.md").read_text()
ROWS = re.findall(r"^\| (`.+`) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
SAID = {
    codec: dict(zip(AXES, said, strict=True))
    for codecs, *said in ROWS
    for codec in re.findall(r"`([^`]+)`", codecs)
}


def test_every_codec_has_its_row() -> None:
    assert sorted(SAID) == sorted(SPECIMENS)


@pytest.mark.parametrize("axis", HERE)
@pytest.mark.parametrize("codec", SPECIMENS)
def test_as_the_page_says(specimens: Zoo, codec: str, axis: str) -> None:
    said, found = SAID[codec][axis], difference(specimens, codec, axis)
    if said == "same":
        assert found == 0
    else:
        assert found <= 10 ** (float(said.removesuffix(" dB")) / 20)


SOXR = """
import sys, pyffaudio
audio = pyffaudio.decode_file(sys.argv[1], filters="aresample=16000:resampler=soxr")
sys.stdout.buffer.write(audio.samples)
"""


def resampled_by_soxr(path: Path, **environment: str) -> Samples:
    command = [sys.executable, "-c", SOXR, str(path)]
    done = subprocess.run(
        command, capture_output=True, check=True, env={**os.environ, **environment}
    )
    return np.frombuffer(done.stdout, "float32")


if BUNDLED:  # another FFmpeg need not have soxr

    def test_soxr_is_as_the_page_says(specimens: Zoo) -> None:
        (said,) = re.findall(r"resampler=soxr.*?(-\d+) dB", PAGE, re.DOTALL)
        usual = resampled_by_soxr(specimens["flac_16"])
        plain = resampled_by_soxr(specimens["flac_16"], SOXR_USE_SIMD="0")
        assert np.abs(usual - plain).max() <= 10 ** (float(said) / 20)
