"""Get the source tarballs that sources.toml pins by SHA-256, from wherever they can be had.

usage: python scripts/sources.py NAME...  put them into build/sources and print where they lie
       python scripts/sources.py --newer  warn of each that has a newer point release in Debian

The places are asked in this order: the folder that PYFFAUDIO_SOURCES names, and no other if there
is one; build/sources, from an earlier time; Debian's source packages of any suite, by lists of our
own, so that the machine's stay as they are; the project's release address; and, where the pinned
one is gone from all of them, Debian again, for a newer point release.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STORE = ROOT / "build/sources"
SUITES = ("bookworm", "trixie", "forky", "sid", "experimental")
ONE_DAY = 86_400
APT_SOURCES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources")


class SourceError(Exception):
    """A source cannot be had; the message says what to do."""


@dataclass(frozen=True)
class Pin:
    """What sources.toml says of one source."""

    name: str
    version: str
    series: str
    debian: str
    release: str
    sha256: tuple[str, ...]


@dataclass(frozen=True)
class Tarball:
    """A source that is here: the pinned one, or a newer point release."""

    name: str
    version: str
    sha256: str
    origin: str
    path: str


def read_pins() -> dict[str, Pin]:
    tables = tomllib.loads((ROOT / "scripts/sources.toml").read_text())
    return {
        name: Pin(name=name, **table | {"sha256": tuple(table["sha256"])})
        for name, table in tables.items()
    }


def fetch(pin: Pin, store: Path = STORE) -> Tarball:
    """Find or download the tarball; one that is not the pinned one has a record beside it."""
    if named := os.environ.get("PYFFAUDIO_SOURCES"):
        tarball = _pinned_in(Path(named), pin)
        if not tarball:
            raise SourceError(
                f"PYFFAUDIO_SOURCES={named} has no {pin.name} {pin.version} whose SHA-256 is "
                f"{' or '.join(pin.sha256)}; {pin.release} has it"
            )
        return tarball
    store.mkdir(parents=True, exist_ok=True)
    if tarball := _pinned_in(store, pin):
        return tarball
    reasons = []
    for attempt in (_from_debian, _from_release, _newer_from_store, _newer_from_debian):
        try:
            return attempt(pin, store)
        except SourceError as reason:
            reasons.append(str(reason))
    raise SourceError(
        f"the source of {pin.name} {pin.version} cannot be had: {'; '.join(reasons)}. Put its "
        f"tarball into a folder and name that folder with PYFFAUDIO_SOURCES"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pinned_in(folder: Path, pin: Pin) -> Tarball | None:
    """The pinned tarball, by whatever name it has."""
    for path in (it for it in sorted(folder.glob("*.tar.*")) if it.is_file()):
        if (digest := _sha256(path)) in pin.sha256:
            return _pinned(pin, digest, path)
    return None


def _pinned(pin: Pin, digest: str, path: Path) -> Tarball:
    origin = pin.release if digest == pin.sha256[0] else f"Debian's {pin.debian} {pin.version}"
    return Tarball(pin.name, pin.version, digest, origin, str(path.resolve()))


def _from_release(pin: Pin, store: Path) -> Tarball:
    path = store / pin.release.rpartition("/")[2]
    part = path.with_name(path.name + ".part")
    try:
        with urllib.request.urlopen(pin.release, timeout=60) as answer, part.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(f"{pin.release}: {error}") from error
    if (digest := _sha256(part)) not in pin.sha256:
        part.unlink()
        raise SourceError(f"{pin.release} has another SHA-256 than the pinned one, {digest}")
    part.rename(path)
    return _pinned(pin, digest, path)


# --- Debian ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Package:
    """One version of a Debian source package."""

    version: str
    tarball: str
    sha256: str

    @property
    def upstream(self) -> str:
        """The version as its makers number it: 1.3.1 of 1:1.3.dfsg+really1.3.1-1."""
        return self.version.rpartition("-")[0].rpartition(":")[2].rpartition("really")[2]


def _from_debian(pin: Pin, store: Path) -> Tarball:
    for package in _packages(pin, store):
        if package.sha256 in pin.sha256:
            return _pinned(pin, package.sha256, _download(pin, package, store))
    raise SourceError(f"no suite of Debian has {pin.debian} {pin.version}")


def _newer_from_debian(pin: Pin, store: Path) -> Tarball:
    newer = _newest_point_release(pin, store)
    if newer is None:
        raise SourceError(f"nor has Debian a newer {pin.series}")
    path = _download(pin, newer, store)
    origin = f"Debian's {pin.debian} {newer.version}"
    tarball = Tarball(pin.name, newer.upstream, newer.sha256, origin, str(path))
    print(f"sources: {pin.name} {pin.version} is gone; Debian's {newer.upstream} is taken instead")
    record = _record_of(pin, store)
    record.with_suffix(".part").write_text(json.dumps(asdict(tarball)))
    record.with_suffix(".part").rename(record)
    return tarball


def _newer_from_store(pin: Pin, store: Path) -> Tarball:
    """What `_newer_from_debian` took at an earlier time."""
    try:
        tarball = Tarball(**json.loads(_record_of(pin, store).read_text()))
        path = store / Path(tarball.path).name
        intact = _sha256(path) == tarball.sha256 and _is_point_release(tarball.version, pin)
    except (OSError, TypeError, ValueError):
        intact = False
    if not intact:
        raise SourceError("none is here from an earlier time")
    return replace(tarball, path=str(path.resolve()))


def _record_of(pin: Pin, store: Path) -> Path:
    return store / f"{pin.name}-instead-of-{pin.version}.json"


def _is_point_release(version: str, pin: Pin) -> bool:
    """Of the same series, later, and no candidate of a release (9.0.3~rc1)."""
    is_release = re.fullmatch(rf"{re.escape(pin.series)}(\.\d+)+", version)
    return bool(is_release) and _numbers(version) > _numbers(pin.version)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _newest_point_release(pin: Pin, store: Path) -> _Package | None:
    newer = [p for p in _packages(pin, store) if _is_point_release(p.upstream, pin)]
    return max(newer, key=lambda package: _numbers(package.upstream), default=None)


def _download(pin: Pin, package: _Package, store: Path) -> Path:
    """Let apt check the tarball against the lists, whose signature it has checked."""
    # Nothing else of the package: the files of its last revision may be gone from a mirror already.
    command = ["apt-get", "source", "--download-only", "--tar-only"]
    _apt(store, *command, f"{pin.debian}={package.version}")
    path = store / package.tarball
    if _sha256(path) != package.sha256:
        path.unlink()
        raise SourceError(f"Debian's {package.tarball} is not the one of its signed lists")
    return path


def _packages(pin: Pin, store: Path) -> Iterator[_Package]:
    answer = _apt(store, "apt-cache", "showsrc", "--only-source", pin.debian)
    for stanza in answer.split("\n\n"):
        version = re.search(r"^Version: (\S+)", stanza, re.MULTILINE)
        sums = re.search(r"^ ([0-9a-f]{64}) \d+ (\S+\.orig\.tar\.\w+)$", stanza, re.MULTILINE)
        if version and sums:
            yield _Package(version[1], sums[2], sums[1])


def _apt(store: Path, program: str, *arguments: str) -> str:
    """Run one of apt's programs with lists of our own, fetched by the first call of a day."""
    lists = store / "apt"
    fetched = lists / "fetched"
    if not fetched.exists() or time.time() - fetched.stat().st_mtime > ONE_DAY:
        _write_lists(lists)
        _run([program.replace("cache", "get"), *_options(lists), "update"], store)
        fetched.touch()
    return _run([program, *_options(lists), *arguments], store)


def _write_lists(lists: Path) -> None:
    keys = sorted(Path("/usr/share/keyrings").glob("debian-archive-keyring.[gp]*"))
    known = "\n".join(Path(path).read_text() for path in APT_SOURCES if Path(path).exists())
    mirror = re.search(r"^[^#\n]*(https?://\S+/debian)/?(?:\s|$)", known, re.MULTILINE)
    if not shutil.which("apt-get") or not keys or not mirror:
        raise SourceError("this is no Debian whose apt names a mirror")
    for folder in ("lists/partial", "cache/archives/partial"):
        (lists / folder).mkdir(parents=True, exist_ok=True)
    lines = [f"deb-src [signed-by={keys[0]}] {mirror[1]} {suite} main\n" for suite in SUITES]
    (lists / "sources.list").write_text("".join(lines))


def _options(lists: Path) -> list[str]:
    settings = {
        "Dir::Etc::sourcelist": lists / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": lists / "lists",
        "Dir::Cache": lists / "cache",
        "APT::Sandbox::User": "",
        # Half of the lists, from a network that fails, are none.
        "APT::Update::Error-Mode": "any",
        # Whatever the machine allows: what is built is only what Debian has signed.
        "APT::Get::AllowUnauthenticated": "false",
        "Acquire::AllowInsecureRepositories": "false",
        "Acquire::AllowDowngradeToInsecureRepositories": "false",
        "Acquire::AllowWeakRepositories": "false",
    }
    return [f"-o{name}={value}" for name, value in settings.items()]


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SourceError(f"`{command[0]}` failed: {done.stderr.strip()[-500:]}")
    return done.stdout


def warn_of_newer(pins: dict[str, Pin], store: Path = STORE) -> None:
    """Print a line for each newer point release; not being able to look is such a line, too."""
    store.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(store / "apt", ignore_errors=True)
    for pin in pins.values():
        try:
            newer = _newest_point_release(pin, store)
        except SourceError as reason:
            print(f"sources: cannot tell whether {pin.name} {pin.version} is the newest: {reason}")
            continue
        if newer:
            print(f"sources: WARNING: {pin.name} {newer.upstream} is out; {pin.version} is pinned")
        else:
            print(f"sources: {pin.name} {pin.version} is the newest {pin.series} in Debian")


def main(arguments: list[str]) -> None:
    pins = read_pins()
    if arguments == ["--newer"]:
        warn_of_newer(pins)
        return
    if not arguments or not set(arguments) <= set(pins):
        sys.exit(f"usage: sources.py --newer | {' | '.join(pins)} ...")
    for name in arguments:
        print(fetch(pins[name]).path)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SourceError as error:
        sys.exit(f"sources: {error}")
