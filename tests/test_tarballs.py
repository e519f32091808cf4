"""Promise: what is built from source is what is pinned, from wherever, or it is recorded."""

import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from zoo import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

import sources
from sources import Pin, SourceError, Tarball

CONTENT, NEWER = b"the source of 1.2.3", b"the source of 1.2.10"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def pin(release: str = "http://127.0.0.1:9/lib-1.2.3.tar.xz") -> Pin:
    return Pin("lib", "1.2.3", "1.2", "debianlib", release, (digest(CONTENT), "0" * 64))


class Debian:
    """Stands in for apt and a mirror that has these versions."""

    def __init__(self, versions: dict[str, bytes]) -> None:
        self.versions = versions

    def __call__(self, store: Path, program: str, *arguments: str) -> str:
        if program == "apt-cache":
            return "\n\n".join(
                f"Package: debianlib\nVersion: {version}\nChecksums-Sha256:\n"
                f" {digest(content)} 10 lib_{version}.orig.tar.xz\n"
                f" {'1' * 64} 10 lib_{version}.debian.tar.xz"
                for version, content in self.versions.items()
            )
        assert arguments[:3] == ("source", "--download-only", "--tar-only")
        version = arguments[3].removeprefix("debianlib=")
        (store / f"lib_{version}.orig.tar.xz").write_bytes(self.versions[version])
        return ""


@pytest.fixture
def debian(monkeypatch: pytest.MonkeyPatch) -> Debian:
    stand_in = Debian({})
    monkeypatch.setattr(sources, "_apt", stand_in)
    monkeypatch.delenv("PYFFAUDIO_SOURCES", raising=False)
    return stand_in


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which its files can be fetched."""
    folder = tmp_path / "releases"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_named_folder_is_the_only_place(
    tmp_path: Path, debian: Debian, monkeypatch: pytest.MonkeyPatch
) -> None:
    debian.versions["1.2.3-1"] = CONTENT
    monkeypatch.setenv("PYFFAUDIO_SOURCES", str(tmp_path))
    (tmp_path / "lib-1.2.3.tar.xz").write_bytes(b"something else of this name")
    with pytest.raises(SourceError, match=r"no lib 1\.2\.3 whose SHA-256 is .*; http"):
        sources.fetch(pin(), tmp_path / "store")
    (tmp_path / "another_name.tar.gz").write_bytes(CONTENT)
    assert sources.fetch(pin(), tmp_path / "store").path == str(tmp_path / "another_name.tar.gz")


def test_debian_is_asked_before_the_release_address(tmp_path: Path, debian: Debian) -> None:
    debian.versions = {"7:1.2.3-4": CONTENT, "7:1.2.10-1": NEWER}
    found = sources.fetch(pin(), tmp_path)
    assert (found.version, found.sha256) == ("1.2.3", digest(CONTENT))
    debian.versions = {}
    assert sources.fetch(pin(), tmp_path) == found, "from an earlier time"


def test_what_debian_changed_is_said_to_be_debian_s(tmp_path: Path, debian: Debian) -> None:
    free = b"the source of 1.2.3, less what is not free"
    debian.versions = {"1:1.2.dfsg+really1.2.3-1": free}
    changed = Pin("lib", "1.2.3", "1.2", "debianlib", "http://r", ("0" * 64, digest(free)))
    for _ in range(2):
        assert sources.fetch(changed, tmp_path).origin == "Debian's debianlib 1.2.3"


def test_the_release_address(
    tmp_path: Path, debian: Debian, releases: tuple[Path, str], capfd: pytest.CaptureFixture[str]
) -> None:
    folder, address = releases
    (folder / "lib-1.2.3.tar.xz").write_bytes(CONTENT)
    found = sources.fetch(pin(f"{address}/lib-1.2.3.tar.xz"), tmp_path)
    assert Path(found.path).read_bytes() == CONTENT
    assert found.origin == f"{address}/lib-1.2.3.tar.xz"
    assert 'GET /lib-1.2.3.tar.xz HTTP/1.1" 200' in capfd.readouterr().err


def test_a_release_that_was_tampered_with_is_refused(
    tmp_path: Path, debian: Debian, releases: tuple[Path, str]
) -> None:
    folder, address = releases
    (folder / "lib-1.2.3.tar.xz").write_bytes(CONTENT + b"!")
    with pytest.raises(SourceError, match="another SHA-256 than the pinned one"):
        sources.fetch(pin(f"{address}/lib-1.2.3.tar.xz"), tmp_path / "store")
    assert list((tmp_path / "store").iterdir()) == []


def test_a_newer_point_release_is_taken_and_recorded(
    tmp_path: Path, debian: Debian, capsys: pytest.CaptureFixture[str]
) -> None:
    """The newest of the same series, by number and not by letter; no other series."""
    debian.versions = {
        "7:1.2.9-1": b"9",
        "7:1.2.10-2": NEWER,
        "7:1.3.0-1": b"1.3",
        "7:1.2.2-1": b"2",
    }
    found = sources.fetch(pin(), tmp_path)
    path = str(tmp_path / "lib_7:1.2.10-2.orig.tar.xz")
    assert found == Tarball("lib", "1.2.10", digest(NEWER), "Debian's debianlib 7:1.2.10-2", path)
    assert "1.2.3 is gone; Debian's 1.2.10 is taken instead" in capsys.readouterr().out
    debian.versions = {}
    assert sources.fetch(pin(), tmp_path) == found, "from an earlier time, by its record"
    Path(path).write_bytes(b"changed since")
    with pytest.raises(SourceError, match=r"cannot be had: .* PYFFAUDIO_SOURCES$"):
        sources.fetch(pin(), tmp_path)


@pytest.mark.parametrize(
    "record",
    ['{"name": "lib", ', "[]", '{"name": "lib"}', "OTHER"],
    ids=["cut", "no table", "not whole", "another file"],
)
def test_a_record_that_is_not_right_is_not_believed(
    tmp_path: Path, debian: Debian, record: str
) -> None:
    """Least of all one that names a file elsewhere, with its right sum."""
    other = tmp_path / "elsewhere"
    other.write_bytes(NEWER)
    store = tmp_path / "store"
    store.mkdir()
    if record == "OTHER":
        it = Tarball("lib", "1.2.10", digest(NEWER), "nowhere", str(other))
        record = json.dumps(asdict(it))
    (store / "lib-instead-of-1.2.3.json").write_text(record)
    with pytest.raises(SourceError, match=r"cannot be had: .* PYFFAUDIO_SOURCES$"):
        sources.fetch(pin(), store)


def test_a_candidate_of_a_release_is_none(tmp_path: Path, debian: Debian) -> None:
    debian.versions = {"7:1.2.4~rc1-1": NEWER}
    with pytest.raises(SourceError, match=r"nor has Debian a newer 1\.2"):
        sources.fetch(pin(), tmp_path)


def test_a_tarball_that_is_not_the_one_of_the_lists_is_refused(
    tmp_path: Path, debian: Debian
) -> None:
    class Mirror(Debian):
        def __call__(self, store: Path, program: str, *arguments: str) -> str:
            answer = super().__call__(store, program, *arguments)
            for path in store.glob("*.orig.tar.xz"):
                path.write_bytes(b"tampered with")
            return answer

    debian.__class__ = Mirror
    debian.versions = {"1.2.3-1": CONTENT}
    with pytest.raises(SourceError, match="is not the one of its signed lists"):
        sources.fetch(pin(), tmp_path)


def test_a_newer_release_is_a_warning_and_no_error(
    tmp_path: Path, debian: Debian, capsys: pytest.CaptureFixture[str]
) -> None:
    debian.versions = {"1.2.3-1": CONTENT}
    sources.warn_of_newer({"lib": pin()}, tmp_path)
    assert capsys.readouterr().out == "sources: lib 1.2.3 is the newest 1.2 in Debian\n"
    debian.versions["1.2.4-1"] = NEWER
    sources.warn_of_newer({"lib": pin()}, tmp_path)
    assert "WARNING: lib 1.2.4 is out; 1.2.3 is pinned" in capsys.readouterr().out


def test_the_pins_of_the_tree_are_whole() -> None:
    pins = sources.read_pins()
    assert {"ffmpeg", "soxr", "zlib", "ffmpeg-7.1", "python"} == set(pins)
    for it in pins.values():
        assert it.version.startswith(f"{it.series}."), it.name
        assert it.version in it.release, it.name
        assert it.release.startswith("https://"), it.name
        assert all(len(sha256) == 64 for sha256 in it.sha256), it.name
