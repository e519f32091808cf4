"""Promise: the sdist has what is needed to build it, and says in a sentence what is not there."""

import re
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from artefacts import ROOT, SDIST, output, run
from media import Media

# The C that is written by hand; all other is Cython's.
WRITTEN = [
    "pyffaudio/flac_kernel.c",
    "scripts/ffmpeg_memory.c",
    "scripts/ffmpeg_tags.c",
    "scripts/fuzz_flac.c",
]
NEEDED = [
    *WRITTEN,
    *(f"pyffaudio/{path.name}" for path in ROOT.glob("pyffaudio/*.h")),
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "setup.py",
    "scripts/ffmpeg.py",
    "scripts/sources.py",
    "scripts/sources.toml",
    *(f"pyffaudio/{path.name}" for path in ROOT.glob("pyffaudio/*.p*")),
]
UNWANTED = re.compile(r"\.(c|o|so)$|/bundle/|/build/|/dist/|__pycache__|/\.")
DECODE = """
import sys, pyffaudio
assert pyffaudio.__file__.startswith(sys.argv[2])
print(pyffaudio.decode_file(sys.argv[1]).samples.shape, pyffaudio.versions()["path"])
"""


def install(folder: Path, source: Path = SDIST, **environment: str) -> str:
    """Let pip build and install the sdist into a folder; return what it said where it failed."""
    pip = (sys.executable, "-m", "pip", "install", "--no-deps", "--target", folder, source)
    done = run(*pip, env=environment)
    assert (done.returncode == 0) == (folder / "pyffaudio").exists()
    return done.stdout + done.stderr if done.returncode else ""


def decode(folder: Path, file: Path) -> str:
    """The shape that what was installed there decodes the file to, and where its FFmpeg is."""
    arguments = (sys.executable, "-P", "-c", DECODE, file, str(folder))
    return output(*arguments, env={"PYTHONPATH": str(folder)})


def sentence(said: str) -> str:
    """The one line of ours at the end of what the build said, which pip quotes."""
    assert "Traceback" not in said
    lines = [line.strip() for line in said.partition("[end of output]")[0].splitlines()]
    before, after = [line for line in lines if line][-2:]
    assert before.startswith(("running build_ext", "creating", "copying")), said
    return after


def test_files() -> None:
    with tarfile.open(SDIST) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert len(NEEDED) > 40
    assert [name for name in NEEDED if name not in names] == []
    others = [name for name in names if name not in WRITTEN]
    assert [name for name in others if UNWANTED.search("/" + name)] == []


def test_with_the_system_s_ffmpeg(media: Media, tmp_path: Path) -> None:
    assert install(tmp_path, PYFFAUDIO_FFMPEG="system") == ""
    shape, path = decode(tmp_path, media["wav_s16"]).split(" /", 1)
    assert shape == "(5003, 2)"
    assert "libavformat.so" in path
    assert "pyffaudio" not in path


def test_one_tree_with_one_ffmpeg_after_the_other(media: Media, tmp_path: Path) -> None:
    """Nothing of the first build may get into the second."""
    with tarfile.open(SDIST) as sdist:
        sdist.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    (tree / "build").mkdir()
    (tree / "build/bundle").symlink_to(ROOT / "build/bundle")
    for number, kind in enumerate(("bundled", "system", "bundled")):
        target = tmp_path / str(number)
        assert install(target, tree, PYFFAUDIO_FFMPEG=kind) == ""
        inside = f"{target}/pyffaudio/bundle/" in decode(target, media["wav_s16"])
        assert inside == (target / "pyffaudio/bundle").exists() == (kind == "bundled")


def test_without_an_ffmpeg(tmp_path: Path) -> None:
    said = sentence(install(tmp_path, PKG_CONFIG_LIBDIR="/nonexistent"))
    assert said.startswith("pyffaudio needs FFmpeg 5.1 or later to build, but pkg-config finds no")
    assert "apt-get install" in said


def test_without_a_source_of_ffmpeg(tmp_path: Path) -> None:
    empty, target = tmp_path / "empty", tmp_path / "target"
    empty.mkdir()
    said = sentence(install(target, PYFFAUDIO_FFMPEG="bundled", PYFFAUDIO_SOURCES=str(empty)))
    assert re.fullmatch(rf"ffmpeg: PYFFAUDIO_SOURCES={empty} has no ffmpeg \S+ whose .*", said)


@pytest.mark.parametrize("kind", ["system", "bundled"])
def test_without_a_compiler(tmp_path: Path, kind: str) -> None:
    programs, target = tmp_path / "bin", tmp_path / "target"
    programs.mkdir()
    (programs / "pkg-config").symlink_to(str(shutil.which("pkg-config")))
    said = sentence(install(target, PYFFAUDIO_FFMPEG=kind, PATH=str(programs)))
    assert said.startswith("pyffaudio needs a C compiler to build, but there is no ")
