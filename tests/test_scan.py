"""Promise: a scan's report has every audio file once, with what is true of it, whatever happens."""

from __future__ import annotations

import csv
import json
import math
import os
import pty
import shutil
import socket
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

import pyffaudio
from ffmpeg_command import encode, ffmpeg
from pyffaudio import scan as scan_module
from pyffaudio import tree as tree_module
from pyffaudio.cli import main
from pyffaudio.report import ScanRow, column_types
from pyffaudio.scan import scan
from pyffaudio.summary import Summary
from scanning import ENV, RATE, SOUND, command, fill, rows_of, run
from signals import music, quantise
from test_verify import FLACS, stated_md5
from wav_bytes import wav_bytes
from zoo import ZOO, Zoo


def _csv_rows(report: Path) -> list[dict[str, str]]:
    with report.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _scan(folder: Path, **options: Any) -> dict[str, dict[str, Any]]:
    report = folder.parent / "report.jsonl"
    scan(str(folder), str(report), **options)
    assert sorted(os.listdir(folder.parent)) == sorted([folder.name, report.name])
    return rows_of(report)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    path = tmp_path / "top"
    path.mkdir()
    return path


@pytest.fixture
def several(top: Path) -> Path:
    """A tree of all sorts, of which no part needs long."""
    return fill(top)


# --- which files have a row, and what it says


def test_a_file_is_audio_by_its_content_or_by_its_name(several: Path) -> None:
    (several / "sound").write_bytes(SOUND)
    (several / "empty.flac").write_bytes(b"")
    (several / "noise.bin").write_bytes(bytes(range(256)) * 40)
    (several / "fLaC.bin").write_bytes(b"fLaC" + bytes(1000))
    (several / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(1000))
    rows = _scan(several)
    assert {path: (row["status"], row["code"]) for path, row in rows.items() if path[1] != "/"} == {
        "a.WAV": ("ok", None),
        "cut.wav": ("ok", None),  # its first frame is
        "empty.flac": ("not_audio", "format_unknown"),
        "film.mp4": ("damaged", "header_damaged"),
        "page.mp3": ("not_audio", "format_unknown"),
        "sound": ("ok", None),
    }
    assert "it is an HTML page" in rows["page.mp3"]["reason"]
    assert [path for path in rows if path[1] == "/"] == [f"b/{number}.wav" for number in range(5)]


def test_what_is_not_audio_is_counted(several: Path) -> None:
    summary = scan(str(several), str(several.parent / "report.csv"))
    assert (summary.num_rows, summary.num_not_audio) == (8, 1)
    assert summary.statuses == {"ok": 7, "not_audio": 1}


def test_a_video_without_audio_is_no_audio(top: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=s=32x32:d=0.1", "-c:v", "mpeg4", top / "film.mp4")
    assert _scan(top) == {}


def test_facts_are_those_of_probe(top: Path) -> None:
    encode(top / "a.mp3", music(44100).astype("float32"), 44100, "-c:a", "libmp3lame")
    encode(top / "a.flac", music(1000).astype("float32"), 48000, "-c:a", "flac")
    rows = _scan(top)
    assert len(rows) == 2
    for path, row in rows.items():
        info = pyffaudio.probe(top / path)
        for name in set(column_types()) & set(info.__dataclass_fields__):
            assert row[name] == getattr(info, name), name
        assert row["size_bytes"] == os.path.getsize(top / path)
        assert row["modified_seconds"] == pytest.approx(os.path.getmtime(top / path), abs=1e-6)
        assert {row[name] for name in ("peak", "rms", "is_silent", "issues", "reason")} == {None}


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_measures_are_those_of_the_signal(top: Path, dtype: str) -> None:
    """A square wave between two silences, of which every second crest is at full scale."""
    low, high = (0.0, 1.0) if dtype != "float32" else (0.0, 1.5)
    square = np.tile(np.repeat([0.5, -0.5, high, -high], 10), 100)[:, None]
    signal = np.concatenate([np.full((800, 1), low), square, np.full((400, 1), low)])
    (top / "a.wav").write_bytes(wav_bytes(quantise(signal, dtype), RATE))
    row = _scan(top, decode=True)["a.wav"]
    step = {"uint8": 2.0**-7, "int16": 2.0**-15}.get(dtype, 2.0**-24)  # positive full scale is less
    assert row["peak"] == (1.5 if dtype == "float32" else 1.0)
    energy = 1000 * (0.5**2 * 2 + high**2 + (high if dtype == "float32" else 1 - step) ** 2)
    assert row["rms"] == pytest.approx(math.sqrt(energy / 5200), rel=1e-7)
    assert row["clipped_share"] == 2000 / 5200
    assert (row["leading_silence_seconds"], row["trailing_silence_seconds"]) == (0.1, 0.05)
    assert row["is_silent"] is False
    assert (row["num_frames"], row["duration_seconds"], row["is_exact"]) == (5200, 0.65, True)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.g722", "g722"), ("a.wav", "adpcm_yamaha"), ("a.wav", "g726"), ("a.wav", "pcm_mulaw")],
)
def test_what_a_code_has_of_bits_is_no_full_scale(top: Path, name: str, codec: str) -> None:
    """Four bits of ADPCM stand for as fine a sample as any: 0.95 is not clipped."""
    tone = 0.95 * np.sin(np.arange(8000) / 20)[:, None]
    encode(top / name, tone.astype("float32"), RATE, "-c:a", codec)
    row = _scan(top, decode=True)[name]
    assert row["peak"] == pytest.approx(0.95, abs=0.03)
    assert row["clipped_share"] == 0


def test_silence_is_what_stays_below_60_db(top: Path) -> None:
    for name, level in (("below", 0.0009), ("above", 0.0011)):
        (top / f"{name}.wav").write_bytes(wav_bytes(np.full((800, 2), level, "float32"), RATE))
    rows = _scan(top, decode=True)
    quiet, loud = rows["below.wav"], rows["above.wav"]
    assert (quiet["is_silent"], loud["is_silent"]) == (True, False)
    assert (quiet["leading_silence_seconds"], loud["leading_silence_seconds"]) == (0.1, 0)
    assert (quiet["trailing_silence_seconds"], loud["trailing_silence_seconds"]) == (0.1, 0)


def test_no_frames_and_no_numbers_are_measured(top: Path) -> None:
    (top / "none.wav").write_bytes(wav_bytes(np.zeros((0, 1), "int16"), RATE))
    odd = np.array([[np.nan], [np.inf], [-0.5], [-np.inf]], "float32")
    (top / "odd.wav").write_bytes(wav_bytes(odd, RATE))
    rows = _scan(top, decode=True)
    none, odd_row = rows["none.wav"], rows["odd.wav"]
    assert (none["peak"], none["rms"], none["clipped_share"]) == (None, None, None)
    assert (none["num_frames"], none["is_silent"]) == (0, True)
    assert (odd_row["peak"], odd_row["rms"], odd_row["issues"]) == (0.5, 0.25, "nonfinite")
    assert (odd_row["status"], odd_row["clipped_share"]) == ("ok", 0)


def test_decoding_finds_damage_and_says_where(top: Path) -> None:
    (top / "cut.wav").write_bytes(SOUND[: 44 + 400 * 4])
    row = _scan(top, decode=True)["cut.wav"]
    assert (row["status"], row["code"], row["issues"]) == ("damaged", "truncated", "truncated")
    assert (row["reason"], row["num_frames"]) == ("truncated at 0.050 s", 400)


@pytest.mark.parametrize("name", FLACS)
def test_decoding_compares_the_md5_of_flac(top: Path, specimens: Zoo, name: str) -> None:
    """Also of 24 bits, which float32 holds."""
    data = bytearray(specimens[name].read_bytes())
    (top / "whole.flac").write_bytes(data)
    if ZOO[name].container in ("flac", "matroska"):  # a page of Ogg has a checksum of its own
        data[stated_md5(data)] ^= 1
        (top / "other.flac").write_bytes(data)
    rows = _scan(top, decode=True)
    assert rows.pop("whole.flac")["status"] == "ok"
    for row in rows.values():
        assert (row["status"], row["code"]) == ("damaged", "md5_mismatch")
        assert row["num_frames"] == ZOO[name].frames


def test_a_file_of_more_than_a_block_is_measured_whole(top: Path) -> None:
    signal = np.zeros((1_000_000, 1), "int16")
    signal[[300_000, 700_000], 0] = 16384, -20000
    (top / "a.wav").write_bytes(wav_bytes(signal, RATE))
    row = _scan(top, decode=True)["a.wav"]
    assert (row["peak"], row["num_frames"]) == (20000 / 32768, 1_000_000)
    assert row["leading_silence_seconds"] == 300_000 / RATE
    assert row["trailing_silence_seconds"] == 299_999 / RATE


def _make_long(path: Path, size: int) -> None:
    """A WAV of so many bytes of silence, which are a hole in the file."""
    header = bytearray(wav_bytes(np.zeros((0, 2), "int16"), RATE))
    header[4:8] = (size + 36).to_bytes(4, "little")
    header[40:44] = size.to_bytes(4, "little")
    path.write_bytes(header)
    os.truncate(path, size + 44)


def test_a_long_file_is_not_held_whole(top: Path) -> None:
    """A quarter of a gigabyte, which is a hole in the file, and twice that as it is measured."""
    size = 256 << 20
    _make_long(top / "long.wav", size)
    report = top.parent / "report.jsonl"
    # What wait4() answers counts the memory of whoever started the process, too.
    code = (
        "import sys, pyffaudio.cli\n"
        "status = pyffaudio.cli.main(sys.argv[1:])\n"
        "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])\n"
        "sys.exit(status)\n"
    )
    words = [
        "scan",
        os.fspath(top),
        "-o",
        os.fspath(report),
        "--decode",
        "--jobs",
        "1",
        "--untrusted",
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=ENV, capture_output=True, text=True, check=True
    )
    assert rows_of(report)["long.wav"]["num_frames"] == size // 4
    assert int(done.stdout.splitlines()[-1]) < 200 << 10  # KiB, Python, NumPy and FFmpeg in it


def test_limits_on_what_is_kept_are_not_those_of_what_goes_by(top: Path) -> None:
    (top / "a.wav").write_bytes(SOUND)
    limits = pyffaudio.Limits(max_bytes=1000, max_duration=0.01)
    row = _scan(top, decode=True, limits=limits)["a.wav"]
    assert (row["status"], row["num_frames"]) == ("ok", 800)


def test_what_has_gone_by_counts_no_longer(top: Path) -> None:
    """More of it than FFmpeg may take beside the samples."""
    _make_long(top / "a.wav", 64 << 20)
    row = _scan(top, decode=True, limits=pyffaudio.Limits(max_bytes=1000))["a.wav"]
    assert (row["status"], row["num_frames"]) == ("ok", 16 << 20)


def test_a_limit_is_not_damage(top: Path) -> None:
    (top / "a.wav").write_bytes(SOUND)
    row = _scan(top, limits=pyffaudio.Limits(max_channels=1))["a.wav"]
    assert (row["status"], row["code"]) == ("unsupported", "limit_exceeded")


def test_a_slow_file_has_a_row_and_the_others_theirs(top: Path) -> None:
    """Of what was not decoded to its end, the row has what the file says, and no measures."""
    _make_long(top / "b.wav", (4 << 30) - 1000)
    for name in ("a.wav", "c.wav"):
        (top / name).write_bytes(SOUND)
    rows = _scan(top, decode=True, limits=pyffaudio.Limits(timeout=0.5), num_workers=1)
    assert [row["status"] for row in rows.values()] == ["ok", "unsupported", "ok"]
    row = rows["b.wav"]
    assert row["code"] == "timeout"
    assert "longer than timeout=0.5 seconds" in row["reason"]
    assert row["num_frames"] == ((4 << 30) - 1000) // 4
    assert {row[name] for name in ("peak", "rms", "is_silent")} == {None}


def test_a_file_that_opens_slowly_has_a_row(top: Path) -> None:
    """Also where its name says nothing: it may be audio."""
    for name in ("a.wav", "notes"):
        (top / name).write_bytes(SOUND)
    rows = _scan(top, limits=pyffaudio.Limits(timeout=1e-9))
    assert {(row["status"], row["code"]) for row in rows.values()} == {("unsupported", "timeout")}
    assert len(rows) == 2


def test_wrong_limits_are_refused_before_anything(top: Path) -> None:
    with pytest.raises(TypeError, match="limits must be"):
        _scan(top, limits=5)
    assert os.listdir(top.parent) == ["top"]


def test_a_report_may_be_a_link(several: Path) -> None:
    (several.parent / "there").mkdir()
    link, report = several.parent / "link.jsonl", several.parent / "there" / "report.jsonl"
    link.symlink_to(report)
    scan(str(several), str(link))
    assert link.is_symlink()
    assert len(rows_of(report)) == 8


def test_the_name_that_was_given_says_what_a_report_is(several: Path) -> None:
    """Not that of the file which a link leads to."""
    link, report = several.parent / "link.jsonl", several.parent / "report.data"
    link.symlink_to(report)
    scan(str(several), str(link))
    assert len(rows_of(report)) == 8
    assert sorted(os.listdir(several.parent)) == ["link.jsonl", "report.data", "top"]


# --- what is no plain file


def test_special_files_are_never_opened(several: Path) -> None:
    os.mkfifo(several / "pipe.wav")
    (several / "link.wav").symlink_to("pipe.wav")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(several / "socket.wav"))
        (several / "device.wav").symlink_to("/dev/zero")
        log, report = several.parent / "log", several.parent / "report.jsonl"
        strace = ["strace", "-f", "-e", "trace=open,openat", "-o", str(log)]
        done = subprocess.run(
            [*strace, *command(several, "-o", report)],
            env=ENV,
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1, done.stderr  # the page
    assert b"pipes, sockets and devices  4" in done.stdout
    opened = log.read_text()
    assert "/a.WAV" in opened
    for name in ("pipe.wav", "link.wav", "socket.wav", "device.wav", "/dev/zero"):
        assert name not in opened
        assert name not in rows_of(report)


def test_links_to_files_are_followed_and_to_folders_not(several: Path) -> None:
    (several / "file.wav").symlink_to("a.WAV")
    (several / "b" / "loop").symlink_to("..")
    (several / "self.wav").symlink_to("self.wav")
    (several / "nowhere.wav").symlink_to("nothing.wav")
    report = several.parent / "report.jsonl"
    done = run(several, "-o", report)
    rows = rows_of(report)
    assert rows["file.wav"]["status"] == "ok"
    assert b"links to folders, not followed  1" in done.stdout
    assert rows["self.wav"]["reason"] == "Too many levels of symbolic links"
    assert rows["nowhere.wav"]["reason"] == "No such file or directory"
    assert {rows[name]["status"] for name in ("self.wav", "nowhere.wav")} == {"unreadable"}
    assert len(rows) == 11


def test_a_folder_that_cannot_be_listed_has_a_row(
    several: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a fault in its place: whoever may read everything runs these tests too."""
    listed = tree_module._entries

    def entries(folder: str) -> Iterator[os.DirEntry[str]]:
        if folder.endswith("/b/"):
            raise PermissionError(13, os.strerror(13), folder)
        return listed(folder)

    monkeypatch.setattr(tree_module, "_entries", entries)
    row = _scan(several)["b/"]
    assert (row["status"], row["reason"], row["size_bytes"]) == (
        "unreadable",
        "Permission denied",
        None,
    )


def test_a_folder_that_cannot_be_listed_at_all_is_named(
    several: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, os.strerror(13), path)

    monkeypatch.setattr("os.scandir", refuse)
    report = several.parent / "report.csv"
    assert main(["scan", str(several), "-o", str(report)]) == 1
    assert main(["decode", str(several), "-o", str(several.parent / "out"), "--to", "npy"]) == 1
    assert capsys.readouterr().err == f"pyffaudio: {several}: Permission denied\n" * 2
    assert not list(several.parent.glob("[or]*"))


def test_a_file_that_vanishes_has_a_row(several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def walk(*args: Any) -> tree_module.Tree:
        tree = tree_module.walk(*args)
        (several / "a.WAV").unlink()
        return tree

    monkeypatch.setattr(scan_module, "walk", walk)
    row = _scan(several)["a.WAV"]
    assert (row["status"], row["reason"]) == ("unreadable", "No such file or directory")


def test_names_may_be_any_bytes(top: Path) -> None:
    names = [b"caf\xe9.wav", b"\\xe9.wav", "é\n\x1b[1m,\"'.wav".encode(), b"a\r.wav", b"=1.wav"]
    for name in names:
        Path(os.fsdecode(bytes(top) + b"/" + name)).write_bytes(SOUND)
    report = top.parent / "report"
    for suffix in ("jsonl", "csv", "parquet"):
        scan(str(top), f"{report}.{suffix}")
    found = [
        list(rows_of(report.with_suffix(".jsonl")).values()),
        _csv_rows(report.with_suffix(".csv")),
        pyarrow.parquet.read_table(report.with_suffix(".parquet")).to_pylist(),
    ]
    for rows in found:
        paths = [
            bytes.fromhex(row["path_hex"]) if row["path_hex"] else row["path"].encode()
            for row in rows
        ]
        assert paths == sorted(names)
        assert rows[-1]["path"] == "é\n\x1b[1m,\"'.wav"
        assert rows[3]["path"] == "caf\\xe9.wav"
    done = run(top, "-o", report.with_suffix(".csv"))
    assert b"\x1b" not in done.stdout


# --- the report


def test_the_three_kinds_of_report_say_the_same(several: Path) -> None:
    report = several.parent / "report"
    for suffix in ("jsonl", "csv", "parquet"):
        scan(str(several), f"{report}.{suffix}", decode=True)
    rows = list(rows_of(report.with_suffix(".jsonl")).values())
    table = pyarrow.parquet.read_table(report.with_suffix(".parquet"))
    assert table.to_pylist() == rows
    kinds = {str: "string", int: "int64", float: "double", bool: "bool"}
    assert {field.name: str(field.type) for field in table.schema} == {
        name: kinds[kind] for name, kind in column_types().items()
    }
    assert list(rows[0]) == table.column_names == list(ScanRow.__dataclass_fields__)
    parse: dict[type, Callable[[str], object]] = {
        str: str,
        int: int,
        float: float,
        bool: json.loads,
    }
    assert [
        {name: parse[column_types()[name]](cell) if cell else None for name, cell in row.items()}
        for row in _csv_rows(report.with_suffix(".csv"))
    ] == rows


def test_an_empty_folder_has_an_empty_report(top: Path) -> None:
    report = top.parent / "report.parquet"
    summary = scan(str(top), str(report))
    assert (summary.num_rows, summary.is_all_well, summary.seconds) == (0, True, 0)
    assert pyarrow.parquet.read_table(report).num_rows == 0


def test_the_report_may_be_in_the_folder(several: Path) -> None:
    report = several / "report.jsonl"
    for _ in range(2):
        summary = scan(str(several), str(report))
        assert (summary.num_rows, summary.num_not_audio) == (8, 1)


def test_without_pyarrow_parquet_is_refused_before_anything(
    several: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    report = several.parent / "report.parquet"
    with pytest.raises(ImportError, match=r"pip install pyffaudio\[scan\]"):
        scan(str(several), str(report))
    assert os.listdir(several.parent) == ["top"]


# --- the command


def test_the_command_says_what_it_found(several: Path) -> None:
    done = run("top", "-o", "report.csv", "--decode", cwd=several.parent)
    lines = [" ".join(line.split()) for line in done.stdout.decode().splitlines()]
    assert (done.returncode, done.stderr) == (1, b"")
    for line in (
        "in the report 8, 21.7 kB",
        "ok 6",
        "damaged 1",
        "not what the name says 1",
        "not audio 1",
        "pcm_s16le in wav 7 0:00:00.669",
        "8000 Hz 7 0:00:00.669",
        "2 7 0:00:00.669",
        "median 0:00:00.100",
        "silent 0",
        "cut.wav: truncated at 0.069 s",
    ):
        assert line in lines
    shutil.rmtree(several / "b")
    for name in ("cut.wav", "page.mp3"):
        (several / name).unlink()
    assert run("top", "-o", "report.csv", cwd=several.parent).returncode == 0


def test_the_bar_is_for_a_terminal_alone(several: Path) -> None:
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    with subprocess.Popen(
        command(several, "-o", several.parent / "report.csv"),
        env=ENV,
        stdout=subprocess.DEVNULL,
        stderr=follower,
    ) as process:
        os.close(follower)
        shown = b""
        try:
            while piece := os.read(leader, 4096):
                shown += piece
        except OSError:  # how a terminal ends
            pass
        assert process.wait(60) == 1
    os.close(leader)
    assert b"files" in shown
    assert b"/9" in shown


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (999_499, "999 kB"), (999_500, "1 MB"),
        (123_456_789, "123 MB"), (2 * 10**12, "2 TB"), (10**15, "1 PB"),
    ],
)  # fmt: skip
def test_sizes_have_three_digits(size: int, words: str) -> None:
    summary = Summary(tree_module.Tree())
    summary.add(ScanRow(path="a", status="ok", size_bytes=size))
    assert summary.lines()[1].split(", ")[1] == words


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        (["top", "-o", "report.xlsx"], 2, b"a report's name ends in .parquet, .csv, .jsonl"),
        (["nowhere", "-o", "report.csv"], 1, b"nowhere: No such file or directory"),
        (["top/a.WAV", "-o", "report.csv"], 1, b"top/a.WAV: Not a directory"),
        (["top", "-o", "none/report.csv"], 1, b"none/report.csv: there is no folder "),
        (["top", "-o", "report.csv", "--jobs", "0"], 2, b"num_workers must be from 1 to 1024"),
        (["top", "-o", "there.csv"], 1, b"there.csv: Is a directory"),
        (["top"], 2, b"required: -o"),
    ],
)
def test_wrong_arguments_are_one_line(
    several: Path, args: list[str], status: int, words: bytes
) -> None:
    (several.parent / "there.csv").mkdir()
    done = run(*args, cwd=several.parent)
    assert (done.returncode, done.stdout) == (status, b"")
    assert words in done.stderr
    assert b"Traceback" not in done.stderr
    assert not (several.parent / "report.csv").exists()
