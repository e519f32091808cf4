"""Promise: a scan that was ended, anywhere and anyhow, goes on to the report of a whole one."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

import pyffaudio
from pyffaudio import journal as journal_module
from pyffaudio import scan as scan_module
from pyffaudio.scan import scan
from scanning import ENV, SOUND, command, fill, rows_of, run


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """A tree of all sorts, in a folder where nothing else is."""
    top = tmp_path / "top"
    top.mkdir()
    return fill(top)


@pytest.fixture
def kept_journal(several: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, bytes]:
    """The journal of a whole scan, and its report."""
    report = several.parent / "report.jsonl"
    with monkeypatch.context() as patched:
        patched.setattr(journal_module.Journal, "remove", lambda self: None)
        scan(str(several), str(report), decode=True)
    journal = Path(f"{report}.journal").read_bytes()
    assert journal.count(b"\n") == 1 + 9
    return journal, report.read_bytes()


def test_a_journal_cut_anywhere_is_gone_on_with(
    several: Path, kept_journal: tuple[bytes, bytes]
) -> None:
    """At the end of each line, beside it and within it; what was whole is not looked at again."""
    journal, expected = kept_journal
    report = several.parent / "report.jsonl"
    ends = [place for place, byte in enumerate(journal) if byte == 10]
    cuts = {0, 1, *range(7, len(journal), 97), *ends, *(end + 1 for end in ends)}
    looked: list[str] = []
    whole = scan_module._look

    def look(*args: Any) -> journal_module.Outcome:
        looked.append(args[-2].path)
        return whole(*args)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scan_module, "_look", look)
        for cut in sorted(cuts):
            looked.clear()
            report.unlink()
            Path(f"{report}.journal").write_bytes(journal[:cut])
            scan(str(several), str(report), decode=True)
            assert report.read_bytes() == expected
            assert len(looked) == len(set(looked)) == 9 - max(journal[:cut].count(b"\n") - 1, 0)


@pytest.mark.parametrize("junk", [b"\0" * 50 + b"\n", b"[]\n", b'{"path": 1}\n', b"{}\nhalf a li"])
def test_what_is_no_line_of_a_journal_is_done_again(
    several: Path, kept_journal: tuple[bytes, bytes], junk: bytes
) -> None:
    journal, expected = kept_journal
    lines = journal.splitlines(keepends=True)
    report = several.parent / "report.jsonl"
    Path(f"{report}.journal").write_bytes(b"".join([*lines[:4], junk]))
    scan(str(several), str(report), decode=True)
    assert report.read_bytes() == expected


def _killed_before(call: str, number: int, top: Path, report: Path) -> int:
    """Scan, and be killed just before the system call of that name and number; the status."""
    strace = ["strace", "-f", "-o", os.devnull, "-e", f"trace={call}"]
    inject = ["-e", f"inject={call}:signal=SIGKILL:when={number}"]
    environment = {**ENV, "PYTHONDONTWRITEBYTECODE": "1"}
    traced = [*strace, *inject, *command(top, "-o", report, "--decode")]
    return subprocess.run(traced, env=environment, capture_output=True, check=False).returncode


@pytest.mark.parametrize(
    ("call", "number", "lines"),
    [
        *(("pwrite64", number, number - 1) for number in (1, 2, 6, 10)),
        ("rename", 1, 10),  # of the report, to its name
        ("unlink", 1, 10),  # of the journal
    ],
)
def test_killed_at_any_change_it_ends_with_the_same_report(
    several: Path, kept_journal: tuple[bytes, bytes], call: str, number: int, lines: int
) -> None:
    """A heading and nine lines are written; then the report gets its name, the journal goes."""
    report = several.parent / "report.jsonl"
    report.unlink()
    journal = Path(f"{report}.journal")
    journal.unlink()
    assert _killed_before(call, number, several, report) == -signal.SIGKILL
    assert journal.read_bytes().count(b"\n") == lines
    assert report.exists() == (call == "unlink")
    scan(str(several), str(report), decode=True)
    assert report.read_bytes() == kept_journal[1]
    assert sorted(os.listdir(several.parent)) == ["report.jsonl", "top"]


def test_killed_again_and_again_it_comes_to_an_end(
    several: Path, kept_journal: tuple[bytes, bytes]
) -> None:
    report = several.parent / "report.jsonl"
    report.unlink()
    Path(f"{report}.journal").unlink()
    statuses = [_killed_before("pwrite64", 4, several, report)]
    while statuses[-1] == -signal.SIGKILL:
        statuses.append(_killed_before("pwrite64", 4, several, report))
    # A heading and two lines, then three lines each time, then one, the name and the end.
    assert statuses == [-signal.SIGKILL] * 3 + [1]
    assert report.read_bytes() == kept_journal[1]


def test_a_file_that_has_changed_is_looked_at_again(
    several: Path, kept_journal: tuple[bytes, bytes]
) -> None:
    (several / "a.WAV").write_bytes(SOUND[:-4])
    (several / "b" / "0.wav").unlink()
    (several / "new.wav").write_bytes(SOUND)
    report = several.parent / "report.jsonl"
    scan(str(several), str(report), decode=True)
    gone_on = report.read_bytes()
    scan(str(several), str(report), decode=True)
    assert gone_on == report.read_bytes() != kept_journal[1]


def test_what_could_not_be_read_is_tried_again(
    several: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = several.parent / "report.jsonl"

    def refuse(*args: Any) -> None:
        raise OSError(5, os.strerror(5))

    with monkeypatch.context() as patched:
        patched.setattr(journal_module.Journal, "remove", lambda self: None)
        patched.setattr(scan_module, "open_decoder", refuse)
        scan(str(several), str(report))
    assert {row["reason"] for row in rows_of(report).values()} == {"Input/output error"}
    scan(str(several), str(report))
    assert {row["status"] for row in rows_of(report).values()} == {"ok", "not_audio"}


def test_too_many_open_files_are_no_fault_of_a_file(
    several: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = several.parent / "report.jsonl"

    def refuse(*args: Any) -> None:
        raise OSError(24, os.strerror(24))

    with monkeypatch.context() as patched:
        patched.setattr(scan_module, "open_decoder", refuse)
        with pytest.raises(OSError, match="Too many open files"):
            scan(str(several), str(report))
    assert not report.exists()
    scan(str(several), str(report))
    assert {row["status"] for row in rows_of(report).values()} == {"ok", "not_audio"}


def test_the_journal_of_another_scan_is_refused(
    several: Path, kept_journal: tuple[bytes, bytes]
) -> None:
    report = several.parent / "report.jsonl"
    done = run(several, "-o", report)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"is of another run" in done.stderr
    assert Path(f"{report}.journal").read_bytes() == kept_journal[0]


def test_the_journal_of_a_scan_with_other_limits_is_refused(
    several: Path, kept_journal: tuple[bytes, bytes]
) -> None:
    report = several.parent / "report.jsonl"
    done = run(several, "-o", report, "--decode", "--untrusted")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"is of another run" in done.stderr
    assert Path(f"{report}.journal").read_bytes() == kept_journal[0]
    scan(str(several), str(report), decode=True, limits=pyffaudio.Limits())
    assert report.read_bytes() == kept_journal[1]


def test_a_journal_without_a_line_is_taken_over(several: Path) -> None:
    report = several.parent / "report.jsonl"
    with journal_module.Journal(f"{report}.journal", {"what": "another"}):
        pass
    assert scan(str(several), str(report)).num_rows == 8


def test_two_at_a_time_are_refused(several: Path) -> None:
    report = several.parent / "report.jsonl"
    with journal_module.Journal(f"{report}.journal", {}):
        done = run(several, "-o", report)
    assert done.returncode == 1
    assert done.stderr.endswith(b"report.jsonl: another process is at this work\n")


def test_a_report_that_cannot_be_written_leaves_no_part_of_it(
    several: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = several.parent / "report.jsonl"

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            scan(str(several), str(report))
    assert sorted(os.listdir(several.parent)) == ["report.jsonl.journal", "top"]
    assert scan(str(several), str(report)).num_rows == 8


def test_a_full_disk_is_one_line(several: Path) -> None:
    """The journal's own; what it has is gone on with."""
    report = several.parent / "report.jsonl"
    limit = (resource.RLIMIT_FSIZE, (900, 900))
    done = run(several, "-o", report, preexec_fn=lambda: resource.setrlimit(*limit))
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.endswith(b"report.jsonl: File too large\n")
    assert not report.exists()
    assert run(several, "-o", report).returncode == 1
    assert len(rows_of(report)) == 8
