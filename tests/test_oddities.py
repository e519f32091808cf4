"""Promise: a file that is odd and yet whole raises nothing, and the notes on it are right."""

import pytest

import oddities_bare
import oddities_boxes
import oddities_copies
import oddities_extras
import oddities_flac
import oddities_matroska
import oddities_ogg
import oddities_riff
import pyffaudio
from oddities import ODDITIES, Shop

KINDS = (oddities_bare, oddities_boxes, oddities_copies, oddities_extras, oddities_flac,
         oddities_matroska, oddities_ogg, oddities_riff)  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Material, each piece made when a test first asks for it."""
    return Shop(tmp_path_factory.mktemp("oddities"))


@pytest.mark.parametrize("name", ODDITIES)
def test_an_odd_file_gives_what_it_should(shop: Shop, name: str) -> None:
    oddity = ODDITIES[name]
    path = shop.folder / f"odd_{name}{oddity.suffix}"
    path.write_bytes(oddity.make(shop))
    audio = pyffaudio.decode_file(path, dtype=None)
    found = {issue.code for issue in audio.issues}
    assert oddity.notes <= found <= oddity.notes | oddity.maybe
    oddity.check(shop, audio)
    assert audio.complete is oddity.complete
