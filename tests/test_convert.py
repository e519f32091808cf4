"""Promise: a tree is decoded to what `decode_file` gives of each file, whatever happens."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyffaudio
from ffmpeg_command import encode
from pyffaudio import convert as convert_module
from pyffaudio import journal as journal_module
from pyffaudio.convert import convert_tree
from pyffaudio.tree import Found
from signals import music, quantise, sine
from wav_bytes import wav_bytes

_ENV = {**os.environ, "PYTHONPATH": str(Path(pyffaudio.__file__).parents[1]), "LC_ALL": "C.UTF-8"}
_RATE = 8000
_SOUND = wav_bytes(quantise(sine(800, 2, _RATE), "int16"), _RATE)


def _command(*args: object) -> list[str]:
    return [sys.executable, "-m", "pyffaudio", "decode", *map(str, args)]


def _run(*args: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    settings: dict[str, Any] = {"env": _ENV, "capture_output": True, "timeout": 60, **options}
    return subprocess.run(_command(*args), check=False, **settings)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Files of three formats, one of them longer than a block, and things that are no audio."""
    path = tmp_path / "top"
    (path / "b" / "c").mkdir(parents=True)
    long = quantise(music(400_000, 2), "int16")
    (path / "a.wav").write_bytes(wav_bytes(long, 44100))
    encode(path / "b" / "a.mp3", music(50_000).astype("float32"), 44100, "-c:a", "libmp3lame")
    encode(path / "b" / "c" / "a.flac", music(50_000).astype("float32"), 48000, "-c:a", "flac")
    (path / "b" / "notes.txt").write_text("words")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


_NAMES = ("a.wav", "b/a.mp3", "b/c/a.flac")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dtype": None},
        {"sample_rate": 16000, "num_channels": 1, "dtype": "int16"},
        {"start_seconds": 0.1, "stop_seconds": 0.5},
        {"start_seconds": -0.25, "dtype": "int32"},
        {"start_seconds": 100.0},
        {"filters": "areverse", "dtype": "float64"},
        {"channels_first": True},
    ],
)
def test_arrays_are_those_of_decode_file(top: Path, out: Path, options: Any) -> None:
    done = convert_tree(str(top), str(out), "npy", **options)
    assert (done.num_files, done.failures, done.num_not_audio) == (3, {}, 1)
    assert sorted(_files(out)) == [f"{name}.npy" for name in _NAMES]
    for name in _NAMES:
        expected = pyffaudio.decode_file(top / name, **options).samples
        np.testing.assert_array_equal(np.load(out / f"{name}.npy"), expected, strict=True)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64", None])
def test_wav_is_what_the_command_writes_of_one_file(top: Path, out: Path, dtype: Any) -> None:
    convert_tree(str(top), str(out), "wav", dtype=dtype)
    for name in _NAMES:
        args = [] if dtype is None else ["--dtype", dtype]
        assert _run(top / name, "-o", top.parent / "one.wav", *args).returncode == 0
        assert (out / f"{name}.wav").read_bytes() == (top.parent / "one.wav").read_bytes()


def test_an_odd_number_of_bytes_is_padded(tmp_path: Path, out: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.wav").write_bytes(wav_bytes(np.full((3, 1), 200, "uint8"), _RATE))
    convert_tree(str(tmp_path / "in"), str(out), "wav", dtype=None)
    assert os.path.getsize(out / "a.wav.wav") == 44 + 4
    with wave.open(str(out / "a.wav.wav")) as reader:
        assert reader.readframes(10) == b"\xc8" * 3


def test_what_fails_is_named_and_not_written(top: Path, out: Path) -> None:
    (top / "cut.wav").write_bytes(_SOUND[:-100])
    (top / "page.mp3").write_bytes(b"<!DOCTYPE html>")
    (top / "self").symlink_to("self")
    os.mkfifo(top / "pipe.wav")
    (top / "loop").symlink_to(".")
    done = _run(top, "-o", out, "--to", "npy")
    assert done.returncode == 1
    counts = b"3 decoded, 3 failed, 1 not audio, 1 pipes, sockets and devices, "
    assert done.stdout == counts + b"1 links to folders, not followed\n"
    lines = done.stderr.decode().splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        str(top / name) for name in ("cut.wav", "page.mp3", "self")
    ]
    assert "truncated at frame" in lines[0]
    assert sorted(_files(out)) == [f"{name}.npy" for name in _NAMES]


def test_what_only_the_file_can_tell_is_its_failure(tmp_path: Path, out: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.wav").write_bytes(wav_bytes(np.zeros((9, 5), "int16"), _RATE))
    (tmp_path / "in" / "b.wav").write_bytes(_SOUND)
    done = convert_tree(str(tmp_path / "in"), str(out), "npy", num_channels=3)
    assert (done.num_files, list(done.failures)) == (0, ["a.wav", "b.wav"])


def test_a_place_that_is_taken_is_a_failure(top: Path, out: Path) -> None:
    """By a folder, and by a pipe, which would wait for a reader."""
    (out / "a.wav.npy").mkdir(parents=True)
    (out / "b").mkdir()
    os.mkfifo(out / "b" / "a.mp3.npy")
    done = convert_tree(str(top), str(out), "npy")
    assert (done.num_files, list(done.failures)) == (1, ["a.wav", "b/a.mp3"])


def test_names_may_be_any_bytes(tmp_path: Path, out: Path) -> None:
    folder = os.fsencode(tmp_path / "in")
    os.mkdir(folder)
    with open(folder + b"/caf\xe9\n.wav", "wb") as file:
        file.write(_SOUND)
    with open(folder + b"/cut\xe9.wav", "wb") as file:
        file.write(_SOUND[:-100])
    done = _run(tmp_path / "in", "-o", out, "--to", "wav")
    assert done.stderr.startswith(b"pyffaudio: " + folder + b"/cut\\udce9.wav: truncated")
    assert os.listdir(os.fsencode(out)) == [b"caf\xe9\n.wav.wav"]


def test_only_what_is_its_own_is_removed(top: Path, out: Path) -> None:
    """Whatever else is in the folder of unfinished files, and what comes from one of that name."""
    (top / ".pyffaudio").mkdir()
    (top / ".pyffaudio" / "a.wav").write_bytes(_SOUND)
    (out / ".pyffaudio").mkdir(parents=True)
    (out / ".pyffaudio" / "mine.tmp").write_text("words")
    assert convert_tree(str(top), str(out), "npy").num_files == 4
    names = [".pyffaudio/a.wav.npy", ".pyffaudio/mine.tmp", *(f"{name}.npy" for name in _NAMES)]
    assert sorted(_files(out)) == names


# --- killed, and gone on with


@pytest.mark.parametrize(
    ("call", "number"),
    [("pwrite64", 1), ("pwrite64", 3), ("rename", 1), ("rename", 3), ("unlink", 1), ("rmdir", 1)],
)
def test_killed_anywhere_it_ends_with_the_same_files(
    top: Path, out: Path, call: str, number: int
) -> None:
    """Just before a line of the journal, the naming of a file, and the end of the journal."""
    convert_tree(str(top), str(top.parent / "expected"), "npy", dtype=None)
    expected = _files(top.parent / "expected")
    strace = ["strace", "-f", "-o", os.devnull, "-e", f"trace={call}"]
    inject = ["-e", f"inject={call}:signal=SIGKILL:when={number}"]
    command = [*strace, *inject, *_command(top, "-o", out, "--to", "npy", "--jobs", 1)]
    environment = {**_ENV, "PYTHONDONTWRITEBYTECODE": "1"}
    killed = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    there = {name: data for name, data in _files(out).items() if name[0] != "."}
    assert there.items() <= expected.items()
    done = _run(top, "-o", out, "--to", "npy")
    assert (done.returncode, done.stdout) == (0, b"3 decoded, 1 not audio\n")
    assert _files(out) == expected


def test_gone_on_with_it_does_what_is_missing_alone(
    top: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(journal_module.Journal, "remove", lambda self: None)
        convert_tree(str(top), str(out), "npy")
    (out / "b" / "a.mp3.npy").unlink()
    (top / "a.wav").write_bytes(_SOUND)
    seen = []
    whole = convert_module._convert

    def convert(*args: Any) -> journal_module.Outcome:
        seen.append(args[2].path)
        return whole(*args)

    monkeypatch.setattr(convert_module, "_convert", convert)
    done = convert_tree(str(top), str(out), "npy")
    assert (done.num_files, sorted(seen)) == (3, ["a.wav", "b/a.mp3"])
    assert len(np.load(out / "a.wav.npy")) == 800
    assert sorted(_files(out)) == [f"{name}.npy" for name in _NAMES]


def test_ctrl_c_ends_by_the_signal_and_can_be_gone_on_with(top: Path, out: Path) -> None:
    """It comes as the journal is written to for the second time."""
    strace = ["strace", "-f", "-o", os.devnull, "-e", "trace=pwrite64"]
    inject = ["-e", "inject=pwrite64:signal=SIGINT:when=2"]
    command = [*strace, *inject, *_command(top, "-o", out, "--to", "npy")]
    stopped = subprocess.run(command, env=_ENV, capture_output=True, check=False)
    assert (stopped.returncode, stopped.stderr) == (-signal.SIGINT, b"")
    assert (out / ".pyffaudio" / "journal").exists()
    assert _run(top, "-o", out, "--to", "npy").returncode == 0
    assert sorted(_files(out)) == [f"{name}.npy" for name in _NAMES]


def test_other_options_are_refused_until_the_run_is_complete(top: Path, out: Path) -> None:
    with journal_module.Journal(_workshop(out), {"what": "another"}) as journal:
        journal.add(Found("a.wav", 1, 1), journal_module.Outcome(None))
        done = _run(top, "-o", out, "--to", "npy")
        assert (done.returncode, b"another process is at this work" in done.stderr) == (1, True)
    done = _run(top, "-o", out, "--to", "npy")
    assert (done.returncode, b"is of another run" in done.stderr) == (2, True)


def _workshop(out: Path) -> str:
    (out / ".pyffaudio").mkdir(parents=True)
    return str(out / ".pyffaudio" / "journal")


def test_a_file_too_large_is_its_failure_and_leaves_nothing(top: Path, out: Path) -> None:
    limit = (resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    done = _run(top, "-o", out, "--to", "npy", preexec_fn=lambda: resource.setrlimit(*limit))
    assert done.returncode == 1
    assert done.stderr == f"pyffaudio: {top / 'a.wav'}: File too large\n".encode()
    assert sorted(_files(out)) == ["b/a.mp3.npy", "b/c/a.flac.npy"]


def test_a_full_disk_ends_it_and_can_be_gone_on_with(
    top: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **options: Any) -> int:
        raise OSError(28, os.strerror(28), "b")

    with monkeypatch.context() as patched:
        patched.setattr(convert_module, "write_blocks", full)
        with pytest.raises(OSError, match="No space left"):
            convert_tree(str(top), str(out), "npy")
    assert convert_tree(str(top), str(out), "npy").num_files == 3


# --- arguments


@pytest.mark.parametrize("place", [".", "..", "b/../", "link"])
def test_the_files_need_a_folder_of_their_own(top: Path, place: str) -> None:
    (top / "link").symlink_to(".")
    before = _files(top)
    done = _run(".", "-o", place, "--to", "wav", cwd=top)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"folder of their own" in done.stderr
    assert _files(top) == before


def test_the_folder_may_be_in_the_tree(top: Path) -> None:
    """What was written is not taken for more to decode."""
    for _ in range(2):
        assert convert_tree(str(top), str(top / "out"), "wav").num_files == 3


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["top"], b"name one for its files with -o OUT"),
        (["top", "-o", "out"], b"--to npy or --to wav"),
        (["top", "--to", "npy"], b"-o OUT"),
        (["top/a.wav", "--to", "npy", "-o", "out"], b"--to and --jobs are for folders"),
        (["top", "--to", "wav", "--channels-first", "-o", "out"], b"WAV is interleaved"),
        (["top", "--to", "wav", "--dtype", "int8", "-o", "out"], b"WAV cannot hold int8"),
        (["top", "--to", "npy", "--num-channels", "0", "-o", "out"], b"num_channels must be"),
        (["top", "--to", "npy", "--jobs", "0", "-o", "out"], b"num_workers must be"),
        (["top", "--to", "mp3", "-o", "out"], b"invalid choice"),
    ],
)
def test_wrong_arguments_are_status_2(top: Path, args: list[str], words: bytes) -> None:
    done = _run(*args, cwd=top.parent)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr
    assert b"Traceback" not in done.stderr
    assert not [name for name in _files(top.parent) if not name.startswith("top/")]


def test_the_limits_hold_for_what_is_written(top: Path, out: Path) -> None:
    limits = pyffaudio.Limits(max_bytes=1_000_000)
    done = convert_tree(str(top), str(out), "npy", limits=limits)
    assert (done.num_files, list(done.failures)) == (2, ["a.wav"])
    assert "max_bytes=1000000" in done.failures["a.wav"]


def test_wrong_filters_are_said_once(top: Path, out: Path) -> None:
    done = _run(top, "-o", out, "--to", "npy", "--filters", "areverze")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
    assert b"did you mean areverse?" in done.stderr
