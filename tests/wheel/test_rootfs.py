"""Promise: where there is Python and no FFmpeg, the wheel decodes every format, the same."""

import json
import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artefacts import ROOT, WHEEL, output
from decode_all import LIBM_DECIDES
from zoo import ZOO, Zoo

# The suites of Debian, and their Pythons.
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
SUDO = [] if os.geteuid() == 0 else ["sudo"]
TESTS = ROOT / "tests"
LIBRARIES = ("libav*.so*", "libsw*.so*", "libsoxr*.so*", "*ffmpeg*")
PROGRAMS = ("*ffprobe*", "cc", "*gcc*", "*tcc*", "*clang*", "as", "ld")


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every specimen, the tests' modules, and nothing else."""
    zoo, folder = Zoo(tmp_path_factory.mktemp("zoo")), tmp_path_factory.mktemp("collection")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path in pool.map(zoo.__getitem__, ZOO):
            shutil.copy(path, folder)
    for script in (*TESTS.glob("*.py"), TESTS / "wheel/decode_all.py"):
        shutil.copy(script, folder)
    return folder


def results_outside(collection: Path) -> Any:
    """What the wheel gives on this machine, where the tests' other programs are."""
    return json.loads(output(sys.executable, collection / "decode_all.py", collection))


def inside(root: Path, *command: str) -> str:
    """Run a command with this root, as this user and with nothing of this process's environment."""
    user = f"--userspec={os.getuid()}:{os.getgid()}"
    done = subprocess.run(
        [*SUDO, "/usr/sbin/chroot", user, root, *command],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/srv/test"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), f"{command}: {done.stdout} {done.stderr}"
    return done.stdout


@pytest.fixture(scope="module", params=PYTHONS)
def root(request: pytest.FixtureRequest, collection: Path) -> Path:
    """A root file system with the wheel installed, without a network, and the collection."""
    root, version = ROOT / f"build/rootfs-{request.param}", PYTHONS[request.param]
    test, wheels = root / "srv/test", root / "srv/test/wheels"
    shutil.rmtree(test, ignore_errors=True)
    shutil.copytree(collection, test)
    wheels.mkdir()
    shutil.copy(WHEEL, wheels)
    platforms = [
        f"--platform={name}_{platform.machine()}" for name in ("manylinux_2_28", "manylinux2014")
    ]
    download = (sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:")
    output(*download, "--dest", wheels, f"--python-version={version}", *platforms, "numpy")
    inside(root, "python3", "-m", "venv", "/srv/test/venv")
    pip = ("/srv/test/venv/bin/python", "-m", "pip", "install", "--quiet", "--no-index")
    inside(root, *pip, "--find-links=/srv/test/wheels", "pyffaudio")
    return root


def test_there_is_no_ffmpeg_and_no_compiler(root: Path) -> None:
    assert (root / "usr/bin/python3").is_symlink()
    patterns = [f"usr/**/{name}" for name in LIBRARIES] + [f"usr/*bin/{name}" for name in PROGRAMS]
    assert [path for pattern in patterns for path in root.glob(pattern)] == []


def test_every_specimen_decodes_as_outside(root: Path, collection: Path) -> None:
    outside = results_outside(collection)
    said = inside(root, "/srv/test/venv/bin/python", "/srv/test/decode_all.py", "/srv/test")
    found = json.loads(said)
    suite = root.name.removeprefix("rootfs-")
    assert found["about"]["python"].startswith(PYTHONS[suite])
    assert found["about"]["path"].startswith("/srv/test/venv/lib/")
    assert found["about"]["ffmpeg"] == outside["about"]["ffmpeg"]
    assert found["specimens"].keys() == ZOO.keys()
    near = set()
    if found["about"]["libc"] != outside["about"]["libc"]:
        near = {name for name in ZOO if ZOO[name].codec in LIBM_DECIDES}
    for name in near:
        for specimen in (found["specimens"][name], outside["specimens"][name]):
            del specimen["samples"]
        samples, expected = (np.load(it / f"{name}.npy") for it in (root / "srv/test", collection))
        np.testing.assert_allclose(samples, expected, rtol=0, atol=2**-15)  # one step of 16 bits
    differing = {
        name: (result, outside["specimens"][name])
        for name, result in found["specimens"].items()
        if result != outside["specimens"][name]
    }
    assert differing == {}


def test_no_specimen_fails_but_the_known_one(collection: Path) -> None:
    specimens = results_outside(collection)["specimens"]
    assert specimens.pop("mp3_free")["code"] == "format_unknown"  # see docs/formats.md
    assert {name: it for name, it in specimens.items() if "error" in it or not it["shape"][0]} == {}
    for name, it in specimens.items():
        assert (it["rate"], it["shape"][1]) == (ZOO[name].rate, ZOO[name].channels), name
