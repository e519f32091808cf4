"""Promise: by the loader's log, no other FFmpeg is taken for ours, nor ours for another."""

import hashlib
import json
import re
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

import pyffaudio
from artefacts import LIBRARY, ORACLE, output, run
from media import Media

LOAD_ALL = Path(__file__).with_name("load_all.py")
# Files by their names up to `.so`, since the same one goes by several.
OUR_EXTENSION, OUR_LIBRARY = "_decode.abi3", "libpyffaudio_ffmpeg"
OURS = {OUR_EXTENSION, OUR_LIBRARY}
THEIRS = {"libavutil", "libswresample", "libavcodec", "libavformat", "libavfilter"}
SYSTEM = {"libc", "libm", "libpthread", "ld-linux-x86-64"}
THEIR_PATHS = [ORACLE / f"lib/{name}.so" for name in sorted(THEIRS)]
BINDING = re.compile(r"binding file (\S+) \[\d+\] to (\S+) \[\d+\]: normal symbol `(\w+)'")

ORDERS: dict[str, list[str | Path]] = {
    "theirs before ours": [*THEIR_PATHS, "ours"],
    "ours before theirs": ["ours", *THEIR_PATHS],
    "ours for all to see before theirs": ["ours-for-all", *THEIR_PATHS],
}


class Log:
    """What the loader says that it bound: how many names of each pair of files."""

    def __init__(self, folder: Path) -> None:
        self.prefix = folder / "bindings"
        self.environment = {
            "LD_DEBUG": "bindings",
            "LD_DEBUG_OUTPUT": str(self.prefix),
            "LD_BIND_NOW": "1",  # bind what is not called, too
        }

    def pairs(self) -> Counter[tuple[str, str]]:
        logs = self.prefix.parent.glob(f"{self.prefix.name}.*")
        found = [match for log in logs for match in BINDING.findall(log.read_text())]
        return Counter((stem(user), stem(owner)) for user, owner, _ in found)


def stem(path: str) -> str:
    return Path(path).name.partition(".so")[0]


def decoded_here(path: Path) -> str:
    samples, rate = pyffaudio.decode_file(path)
    return json.dumps([samples.shape, rate, hashlib.sha256(samples.tobytes()).hexdigest()]) + "\n"


def compile_library(folder: Path, name: str, source: str, *arguments: str) -> Path:
    code, library = folder / f"{name}.c", folder / f"{name}.so"
    code.write_text(source)
    output("cc", "-shared", "-fPIC", "-w", "-fno-builtin", "-o", library, code, *arguments)
    return library


@pytest.mark.parametrize("order", ORDERS)
def test_beside_shared_libraries_of_the_same_version(
    media: Media, tmp_path: Path, order: str
) -> None:
    log = Log(tmp_path)
    command = (sys.executable, LOAD_ALL, media["m4a"], *ORDERS[order])
    assert output(*command, env=log.environment) == decoded_here(media["m4a"])
    pairs = log.pairs()
    crossing = {pair for pair in pairs if set(pair) & OURS and set(pair) & THEIRS}
    assert crossing == set()
    # Nor does our library use anybody else's but the system's, nor anybody else ours.
    assert {owner for user, owner in pairs if user == OUR_LIBRARY} <= SYSTEM | {OUR_LIBRARY}
    assert {user for user, owner in pairs if owner == OUR_LIBRARY} <= OURS
    # The log has all of it.
    assert pairs[OUR_EXTENSION, OUR_LIBRARY] > 50
    assert sum(pairs[OUR_LIBRARY, system] for system in SYSTEM) > 50
    assert pairs["libavformat", "libavutil"] > 100
    assert pairs["libavcodec", "libavutil"] > 100


@pytest.fixture(scope="module")
def impostor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with every public name of FFmpeg, and some of libsoxr, which all abort."""
    exported = output("nm", "-D", "--defined-only", "--format=just-symbols", LIBRARY).split()
    names = [name.removeprefix("pyffaudio_") for name in exported]
    names += ["soxr_create", "soxr_process", "soxr_delete", "soxr_quality_spec"]
    assert {"av_frame_alloc", "avformat_open_input", "avcodec_send_packet"} <= set(names)
    source = "void abort(void);\n" + "".join(
        f"void {name}(void) {{ abort(); }}\n" for name in names
    )
    return compile_library(tmp_path_factory.mktemp("impostor"), "impostor", source)


def test_an_impostor_is_not_called(media: Media, tmp_path: Path, impostor: Path) -> None:
    log = Log(tmp_path)
    command = (sys.executable, LOAD_ALL, media["m4a"])
    assert output(*command, impostor, "ours", env=log.environment) == decoded_here(media["m4a"])
    assert {owner for user, owner in log.pairs() if user in OURS}.isdisjoint({"impostor"})
    preloaded = {"LD_PRELOAD": str(impostor)}
    found = output(*command, "ours", env=preloaded)
    assert found == decoded_here(media["m4a"])


def test_anybody_else_falls_for_the_impostor(media: Media, tmp_path: Path, impostor: Path) -> None:
    """The control: a library linked to that FFmpeg does call it, and the log says so."""
    source = "void *av_frame_alloc(void);\nvoid victim(void) { av_frame_alloc(); }\n"
    folder = str(ORACLE / "lib")
    linked = (f"-L{folder}", f"-Wl,-rpath,{folder}", "-lavutil")
    victim = compile_library(tmp_path, "victim", source, *linked)
    command = (sys.executable, LOAD_ALL, media["m4a"])
    assert output(*command, victim) == ""
    log = Log(tmp_path)
    done = run(*command, impostor, victim, env=log.environment)
    assert done.returncode == -signal.SIGABRT
    assert log.pairs()["victim", "impostor"] == 1
