"""Promise: the wheel has what is needed and nothing else, and is what its name says."""

import re
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from fnmatch import fnmatchcase

import pytest

import pyffaudio
from artefacts import EXTENSION, INSTALLED, LIBRARY, ROOT, WHEEL, output
from pyffaudio.formats import DECODERS, DEMUXERS

MB = 1_000_000
BINARIES = [EXTENSION, LIBRARY]
LICENCES = {
    "ffmpeg-COPYING.LGPLv2.1": "GNU LESSER GENERAL PUBLIC LICENSE",
    "ffmpeg-LICENSE.md": "LGPL",
    "soxr-COPYING.LGPL": "GNU LESSER GENERAL PUBLIC LICENSE",
    "soxr-LICENCE": "SoX Resampler Library",
    "soxr-pffft": "Redistributions in binary form must reproduce the above copyright",
    "zlib-LICENSE": "Jean-loup Gailly and Mark Adler",
}
# The last has what thread-local memory needs.
SYSTEM = {"libc.so.6", "libm.so.6", "libpthread.so.0", "ld-linux-x86-64.so.2"}


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    with zipfile.ZipFile(WHEEL) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")}


def about(files: dict[str, bytes], name: str) -> Message:
    """One of the wheel's own files of headers."""
    (path,) = (path for path in files if path.endswith(f".dist-info/{name}"))
    return Parser().parsestr(files[path].decode())


def test_the_tag_is_the_true_one(
    files: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    said = output(sys.executable, "-m", "auditwheel", "show", WHEEL)
    found = re.search(r'platform tag:\s+"(manylinux_\d+_\d+_\w+)"', said)
    assert found, said
    tag = f"cp311-abi3-{found[1]}"
    with capsys.disabled():
        print(f"\n{WHEEL.name}: auditwheel says {found[1]}")
    assert WHEEL.stem.split("-", 2)[2] == tag
    assert about(files, "WHEEL").get_all("Tag") == [tag]


def test_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    packed = WHEEL.stat().st_size / MB
    unpacked = sum(path.stat().st_size for path in BINARIES) / MB
    with capsys.disabled():
        print(f"\nthe wheel is {packed:.2f} MB; its libraries are {unpacked:.2f} MB unpacked")
    assert packed <= 5
    assert unpacked <= 12


def test_files(files: dict[str, bytes]) -> None:
    modules = {f"pyffaudio/{path.name}" for path in ROOT.glob("pyffaudio/*.py")}
    others = {
        "pyffaudio/py.typed",
        "pyffaudio/_decode.pyi",
        "pyffaudio/_sox.pyi",
        "pyffaudio/_decode.abi3.so",
        "pyffaudio/bundle/libpyffaudio_ffmpeg.so",
        "pyffaudio/bundle/SOURCE.md",
        "pyffaudio/bundle/ffmpeg.patch",
        *(f"pyffaudio/bundle/{name}" for name in LICENCES),
    }
    metadata = ("METADATA", "WHEEL", "RECORD", "top_level.txt", "entry_points.txt")
    info = {f"pyffaudio-*.dist-info/{name}" for name in (*metadata, "licenses/LICENSE")}
    rest = files.keys() - modules - others
    assert modules | others <= files.keys()
    assert len(rest) == len(info)
    assert all(any(fnmatchcase(name, pattern) for pattern in info) for name in rest)


def test_nothing_tells_of_the_machine_that_built_it(files: dict[str, bytes]) -> None:
    folders = [str(ROOT), sys.prefix, "/home/", ".pyenv"]
    telling = [name for name, data in files.items() for it in folders if it.encode() in data]
    assert telling == []


def test_requirements_and_licence(files: dict[str, bytes]) -> None:
    metadata = about(files, "METADATA")
    needed = [it for it in metadata.get_all("Requires-Dist", []) if "extra ==" not in it]
    assert [re.split(r"\W", it)[0] for it in needed] == ["numpy"]
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_source_is_named() -> None:
    text = (INSTALLED / "bundle/SOURCE.md").read_text()
    pins = tomllib.loads((ROOT / "scripts/sources.toml").read_text())
    for name in ("ffmpeg", "soxr", "zlib"):
        found = re.search(rf"- {name} (\S+), from (.+),\n  SHA-256 `([0-9a-f]{{64}})`", text)
        assert found, name
        version, origin, digest = found.groups()
        pin = pins[name]
        # A newer point release, if the pinned one could not be had.
        assert version.startswith(f"{pin['series']}."), name
        assert (version == pin["version"]) == (digest in pin["sha256"]), name
        # Debian's tarball may be the released one, or another.
        is_release = digest == pin["sha256"][0] and origin == pin["release"]
        assert is_release or origin.startswith("Debian's "), name
    flags = pyffaudio.versions()["configuration"].split()
    assert len(flags) > 10
    assert [flag for flag in flags if flag.replace("'", "") not in text.split()] == []


def test_the_licences_are_there() -> None:
    for name, words in LICENCES.items():
        assert words in (INSTALLED / "bundle" / name).read_text(errors="replace"), name


def test_the_library_is_under_the_lgpl() -> None:
    versions = pyffaudio.versions()
    assert not re.search(r"--enable-(gpl|nonfree|version3)", versions["configuration"])
    assert "--disable-network" in versions["configuration"]
    assert versions["license"].startswith("LGPL version 2.1")
    assert versions["path"] == str(LIBRARY)


def test_every_format_is_in_it() -> None:
    formats = pyffaudio.formats()
    assert set(formats["demuxers"]) == set(DEMUXERS)
    assert set(formats["decoders"]) == set(DECODERS)


def dynamic(path: object, kind: str) -> list[str]:
    """The entries of a kind in the dynamic section."""
    return re.findall(rf"\({kind}\).*\[(.*)\]", output("readelf", "-dW", str(path)))


def test_what_the_libraries_load() -> None:
    ours = set(dynamic(EXTENSION, "NEEDED"))
    assert LIBRARY.name in ours
    assert ours <= SYSTEM | {LIBRARY.name}
    assert set(dynamic(LIBRARY, "NEEDED")) <= SYSTEM
    assert dynamic(EXTENSION, "RPATH") + dynamic(EXTENSION, "RUNPATH") == ["$ORIGIN/bundle"]
    assert dynamic(LIBRARY, "RPATH") + dynamic(LIBRARY, "RUNPATH") == []


def test_what_the_libraries_export() -> None:
    exported = output("nm", "-D", "--defined-only", "--format=just-symbols", LIBRARY).split()
    assert len(exported) > 100
    assert [name for name in exported if not name.startswith("pyffaudio_")] == []
    (only,) = output("nm", "-D", "--defined-only", EXTENSION).splitlines()
    assert only.endswith(" PyInit__decode")


def test_the_stack_is_not_executable_and_addresses_are_read_only() -> None:
    for path in BINARIES:
        headers = output("readelf", "-lW", path)
        assert re.search(r"GNU_STACK .* RW +0x", headers), path
        assert "GNU_RELRO" in headers, path
