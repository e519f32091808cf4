"""The command line, run as a real process: what it writes, what it says, how it ends."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import resource
import signal
import stat
import struct
import subprocess
import sys
import tomllib
import wave
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyffaudio
from pyffaudio import cli
from pyffaudio.terminal import clock

_ROOT = Path(__file__).parents[1]
_ENV = {**os.environ, "PYTHONPATH": str(Path(pyffaudio.__file__).parents[1]), "LC_ALL": "C.UTF-8"}
_RATE = 8000


def _command(*args: object) -> list[str | bytes]:
    tail = [arg if isinstance(arg, bytes) else str(arg) for arg in args]
    return [sys.executable, "-m", "pyffaudio", *tail]


def _run(*args: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    settings: dict[str, Any] = {"env": _ENV, "capture_output": True, "timeout": 60, **options}
    return subprocess.run(_command(*args), check=False, **settings)


def _decode(*args: object, **options: Any) -> bytes:
    done = _run("decode", *args, **options)
    assert (done.returncode, done.stderr) == (0, b"")
    return bytes(done.stdout)


def _start(*args: object, **environment: str) -> subprocess.Popen[bytes]:
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(_command(*args), env={**_ENV, **environment}, **pipes)


def _payload(num_frames: int, num_channels: int = 2) -> bytes:
    ramp = np.arange(num_frames * num_channels, dtype=np.int64) * 7919
    return ramp.astype("<i2").tobytes()


def _wav(num_frames: int = 1000, num_channels: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(num_channels)
        writer.setsampwidth(2)
        writer.setframerate(_RATE)
        writer.writeframes(_payload(num_frames, num_channels))
    return file.getvalue()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    path.write_bytes(_wav())
    return path


# --- what decode writes


def test_raw_output_is_the_payload_of_the_wav_file(source: Path) -> None:
    assert _decode(source) == _payload(1000)


def test_filters_are_those_of_the_option(source: Path) -> None:
    expected = pyffaudio.decode_file(source, filters="areverse", dtype=None).samples
    assert _decode("--filters", "areverse", source) == expected.tobytes()
    done = _run("decode", "--filters", "areverze", source)
    assert done.returncode == 1
    assert done.stderr.startswith(b"pyffaudio: ")
    assert b"did you mean areverse?" in done.stderr


def test_empty_audio_is_empty_output(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(_wav(0))
    assert _decode("a.wav", cwd=tmp_path) == b""
    _decode("a.wav", "-o", "a.npy", cwd=tmp_path)
    assert np.load(tmp_path / "a.npy").shape == (0, 2)


def test_standard_input_may_be_a_pipe_or_a_file(source: Path) -> None:
    assert _decode("-", input=source.read_bytes()) == _payload(1000)
    with source.open("rb") as file:
        assert _decode("-", stdin=file) == _payload(1000)


def test_any_other_suffix_is_raw(source: Path) -> None:
    out = source.with_name("a.bin")
    assert _decode(source, "-o", out) == b""
    assert out.read_bytes() == _payload(1000)


def test_channels_first_is_one_channel_after_the_other(source: Path) -> None:
    frames = np.frombuffer(_payload(1000), "<i2").reshape(1000, 2)
    assert _decode(source, "--channels-first") == frames.T.tobytes()
    _decode(source, "--channels-first", "-o", source.with_name("a.npy"))
    assert np.array_equal(np.load(source.with_name("a.npy")), frames.T)


def test_npy_is_the_array(source: Path) -> None:
    out = source.with_name("a.NPY")
    _decode(source, "-o", out)
    samples = np.load(out)
    assert (samples.shape, samples.dtype) == ((1000, 2), np.int16)
    assert samples.tobytes() == _payload(1000)


def test_wav_is_read_back_by_the_standard_library(source: Path) -> None:
    out = source.with_name("b.wav")
    _decode(source, "-o", out)
    with wave.open(str(out)) as reader:
        assert reader.getparams()[:4] == (2, 2, _RATE, 1000)
        assert reader.readframes(1000) == _payload(1000)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_wav_of_every_dtype_is_read_back_by_ffmpeg(source: Path, dtype: str) -> None:
    out = source.with_name("b.wav")
    _decode(source, "--dtype", dtype, "-o", out)
    fmt = {"uint8": "u8", "int16": "s16le", "int32": "s32le", "float32": "f32le"}.get(
        dtype, "f64le"
    )
    command = ["ffmpeg", "-v", "error", "-i", str(out), "-c", "copy", "-f", fmt, "-"]
    copied = subprocess.run(command, capture_output=True, check=True).stdout
    assert copied == pyffaudio.decode_file(source, dtype=dtype).samples.tobytes()


@pytest.mark.parametrize(
    "options",
    [
        {"sample_rate": 16000},
        {"num_channels": 1},
        {"dtype": "float32"},
        {"dtype": "int8"},
        {"start_seconds": 0.05, "stop_seconds": 0.1},
        {"start_seconds": -0.01},
        {"stream_index": 0},
        {"format": "wav"},
        {"sample_rate": 11025, "num_channels": 1, "dtype": "int32"},
    ],
)
def test_options_mean_what_they_mean_in_the_api(source: Path, options: dict[str, Any]) -> None:
    expected = pyffaudio.decode_file(source, **{"dtype": None, **options}).samples
    args = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    assert _decode(source, *args) == expected.tobytes()


# --- the output file is whole or not there


def test_a_link_stays_a_link_and_modes_stay(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.raw"
    target.write_bytes(b"old")
    target.chmod(0o640)
    (tmp_path / "link.raw").symlink_to(target)
    _decode(source, "-o", tmp_path / "link.raw")
    assert (tmp_path / "link.raw").is_symlink()
    assert target.read_bytes() == _payload(1000)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    _decode(source, "-o", tmp_path / "new.raw", umask=0o027)
    assert stat.S_IMODE((tmp_path / "new.raw").stat().st_mode) == 0o640


def test_devices_and_pipes_are_written_to_not_replaced(source: Path, tmp_path: Path) -> None:
    _decode(source, "-o", "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with _start("decode", source, "-o", fifo) as process:
        assert fifo.read_bytes() == _payload(1000)
        assert process.communicate(timeout=60) == (b"", b"")
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_the_input_may_be_the_output(source: Path) -> None:
    _decode(source, "--num-channels", 1, "-o", source)
    with wave.open(str(source)) as reader:
        assert reader.getparams()[:4] == (1, 2, _RATE, 1000)


def test_the_output_is_untouched_when_decoding_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"not audio at all" * 100)
    assert _run("decode", path, "-o", path).returncode == 1
    assert path.read_bytes() == b"not audio at all" * 100
    assert os.listdir(tmp_path) == ["a.wav"]


@pytest.mark.parametrize("name", ["out.raw", "out.npy", "out.wav"])
def test_a_full_disk_leaves_what_was_there(source: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    out.write_bytes(b"old")
    done = _run(
        "decode",
        source,
        "-o",
        out,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    assert (done.returncode, done.stderr) == (1, f"pyffaudio: {out}: File too large\n".encode())
    assert out.read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == sorted(["a.wav", name])


# --- how it fails


def test_raw_samples_are_not_sent_to_a_terminal(source: Path) -> None:
    leader, follower = pty.openpty()
    done = _run("decode", source, capture_output=False, stdout=follower, stderr=subprocess.PIPE)
    os.close(follower)
    os.close(leader)
    assert done.returncode == 2
    assert done.stderr.startswith(b"pyffaudio: standard output is a terminal")
    assert (b"-o OUT" in done.stderr, done.stderr.count(b"\n")) == (True, 1)


@pytest.mark.parametrize("command", ["decode", "probe"])
def test_a_missing_file_is_one_line(tmp_path: Path, command: str) -> None:
    done = _run(command, "nowhere.mp3", cwd=tmp_path)
    line = b"pyffaudio: nowhere.mp3: No such file or directory\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", line)


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html></html>", b"plain text" * 999])
@pytest.mark.parametrize("command", ["decode", "probe"])
def test_what_is_not_audio_is_one_line(tmp_path: Path, command: str, content: bytes) -> None:
    (tmp_path / "a.mp3").write_bytes(content)
    done = _run(command, "a.mp3", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
    assert done.stderr.startswith(b"pyffaudio: a.mp3: ")
    assert done.stderr.count(b"a.mp3") == 1


def test_untrusted_is_the_limits_for_strangers(tmp_path: Path) -> None:
    """Of AU, which is not on the web, and of WAV, which is."""
    au = struct.pack(">4s5I", b".snd", 24, 400, 3, _RATE, 1) + bytes(400)
    (tmp_path / "a.au").write_bytes(au)
    (tmp_path / "a.wav").write_bytes(_wav())
    for command in ("probe", "decode"):
        assert _run(command, "a.au", cwd=tmp_path).returncode == 0
        done = _run(command, "--untrusted", "a.au", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
        assert b"not among limits.allowed_formats" in done.stderr
        assert _run(command, "--untrusted", "a.wav", cwd=tmp_path).stderr == b""
    done = _run("decode", "--untrusted", ".", "--to", "npy", "-o", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, b"1 decoded, 1 failed\n")
    assert b"a.au: format au is not allowed" in done.stderr
    done = _run("scan", "--untrusted", ".", "-o", "report.jsonl", cwd=tmp_path)
    row = json.loads((tmp_path / "report.jsonl").read_text().partition("\n")[0])
    assert (row["path"], row["code"]) == ("a.au", "format_not_allowed")


@pytest.mark.parametrize(
    "args",
    [
        ["--num-channels", "0"],
        ["--sample-rate", "-1"],
        ["--start-seconds", "nan"],
        ["--dtype", "float16"],
        ["--dtype", "int8", "-o", "b.wav"],
        ["--channels-first", "-o", "b.wav"],
        ["--loud"],
    ],
)
def test_wrong_arguments_are_status_2(source: Path, args: list[str]) -> None:
    done = _run("decode", source, *args, cwd=source.parent)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Traceback" not in done.stderr
    assert os.listdir(source.parent) == ["a.wav"]


@pytest.mark.parametrize(
    ("out", "reason"),
    [("none/b.wav", b"there is no folder"), (".", b"Is a directory")],
)
def test_an_impossible_output_is_said_before_decoding(
    source: Path, out: str, reason: bytes
) -> None:
    done = _run("decode", "nowhere.mp3", "-o", out, cwd=source.parent)
    assert done.returncode == 1
    assert done.stderr.startswith(b"pyffaudio: " + out.encode() + b": " + reason)


def test_a_full_or_closed_standard_output_is_one_line(source: Path) -> None:
    for command in ("decode", "probe"):
        with open("/dev/full", "wb") as full:
            done = _run(command, source, capture_output=False, stdout=full, stderr=subprocess.PIPE)
        line = b"pyffaudio: standard output: No space left on device\n"
        assert (done.returncode, done.stderr) == (1, line)
    closed = _run("decode", source, preexec_fn=lambda: os.close(1))
    assert (closed.returncode, closed.stderr) == (1, b"pyffaudio: standard output: it is closed\n")


def test_what_is_for_standard_error_is_for_nothing_else(source: Path) -> None:
    """Where that is closed, standard output has samples or nothing."""
    done = _run("decode", source.parent / "nothing.wav", preexec_fn=lambda: os.close(2))
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])  # then sys.stdout's write may write a part
@pytest.mark.parametrize("command", ["decode", "probe"])
def test_a_reader_that_goes_away_is_no_error(tmp_path: Path, command: str, unbuffered: str) -> None:
    path = tmp_path / "long.wav"
    path.write_bytes(_wav(500_000))
    with _start(command, path, PYTHONUNBUFFERED=unbuffered) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        if command == "decode":
            assert process.stdout.read(10) == _payload(5)[:10]
        process.stdout.close()
        assert (process.stderr.read(), process.wait(60)) == (b"", -signal.SIGPIPE)


def test_ctrl_c_ends_by_the_signal_and_leaves_nothing(tmp_path: Path) -> None:
    with _start("decode", "-", "-o", tmp_path / "out.wav") as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(_wav(500_000)[:-1000])  # more than a pipe holds: it is being read now
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == -signal.SIGINT
        assert process.stderr.read() == b""
    assert os.listdir(tmp_path) == []


# --- names and words


def test_names_need_not_be_utf8(tmp_path: Path) -> None:
    name = b"caf\xe9 \x1b[1m.wav"
    Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).write_bytes(_wav())
    out = b"out\xff.wav"
    assert _decode(name, cwd=tmp_path) == _payload(1000)
    _decode(name, b"-o", out, cwd=tmp_path)
    assert os.path.getsize(bytes(tmp_path) + b"/" + out) == 44 + 4000
    shown = _run("probe", name, cwd=tmp_path)
    assert shown.stdout.splitlines()[0] == rb"caf\udce9 \x1b[1m.wav"
    line = json.loads(_run("probe", "--json", name, cwd=tmp_path).stdout)
    assert os.fsencode(line["file"]) == name
    missing = _run("probe", b"\xff\n", cwd=tmp_path)
    assert missing.stderr == b"pyffaudio: \\udcff\\n: No such file or directory\n"


def test_a_name_may_look_like_an_option_or_a_url(tmp_path: Path) -> None:
    for name in ("-x.wav", "take:1.wav"):
        (tmp_path / name).write_bytes(_wav())
        assert _decode("--", name, cwd=tmp_path) == _payload(1000)


def test_tags_cannot_command_the_terminal(source: Path) -> None:
    title = b"\x1b]0;gotcha\x07\n\0"
    chunk = b"INFOINAM" + struct.pack("<I", len(title)) + title + bytes(len(title) % 2)
    data = source.read_bytes() + b"LIST" + struct.pack("<I", len(chunk)) + chunk
    source.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    shown = _run("probe", source).stdout
    assert rb"title: \x1b]0;gotcha\x07" in shown
    assert b"\x1b" not in shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_any_locale_can_be_printed_to(source: Path, encoding: str) -> None:
    path = source.with_name("日本.wav")
    source.rename(path)
    done = _run("probe", path, env={**_ENV, "PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u65e5\u672c.wav" in done.stdout


# --- probe


def test_probe_shows_what_the_api_says(source: Path) -> None:
    done = _run("probe", source.name, cwd=source.parent)
    rows = dict(line.strip().split("  ", 1) for line in done.stdout.decode().splitlines()[1:])
    rows = {key: value.strip() for key, value in rows.items()}
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines()[0] == b"a.wav"
    assert rows["codec"] == "pcm_s16le"
    assert rows["sample rate"] == "8000 Hz"
    assert rows["channels"].startswith("2")
    assert rows["duration"].removeprefix("about ") == "0:00:00.125 (1000 frames)"


def test_probe_json_is_a_line_per_file_and_goes_on_after_a_failure(source: Path) -> None:
    done = _run("probe", "--json", source, "nowhere.mp3", source)
    assert done.returncode == 1
    assert done.stderr == b"pyffaudio: nowhere.mp3: No such file or directory\n"
    expected = {"file": str(source), **asdict(pyffaudio.probe(source))}
    lines = done.stdout.decode().splitlines()
    assert [json.loads(line) for line in lines] == [json.loads(json.dumps(expected))] * 2
    assert lines[0].startswith('{"file": ')
    assert (expected["sample_rate"], expected["num_frames"]) == (_RATE, 1000)


def test_probe_text_goes_on_after_a_failure(source: Path) -> None:
    done = _run("probe", source, "nowhere.mp3", source)
    blocks = done.stdout.decode().rstrip("\n").split("\n\n")
    assert (done.returncode, len(blocks), blocks[0]) == (1, 2, blocks[1])


def test_probe_reads_standard_input_from_a_file_but_no_pipe(source: Path) -> None:
    with source.open("rb") as file:
        done = _run("probe", "--json", "-", stdin=file)
    assert json.loads(done.stdout)["num_frames"] == 1000
    done = _run("probe", "-", input=source.read_bytes())
    line = b"pyffaudio: standard input: probe cannot read a pipe; give it a file\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", line)


@pytest.fixture
def film(source: Path) -> Path:
    """Video, the audio twice, and a chapter."""
    path = source.with_name("film.mkv")
    chapter = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=100\ntitle=Opening\n"
    inputs = ["-f", "lavfi", "-i", "color=s=32x32:d=0.1", "-i", str(source), "-i", "-"]
    streams = ["-map", "0", "-map", "1", "-map", "1", "-map_chapters", "2", "-c:a", "pcm_s16le"]
    streams += ["-c:v", "mpeg4", "-metadata:s:a:1", "language=deu"]
    command = ["ffmpeg", "-v", "error", *inputs, *streams, str(path)]
    subprocess.run(command, input=chapter.encode(), check=True)
    return path


def test_probe_shows_streams_and_chapters(film: Path) -> None:
    done = _run("probe", film)
    shown = [" ".join(line.split()) for line in done.stdout.decode().splitlines()]
    assert (done.returncode, done.stderr) == (0, b"")
    assert "stream index 1" in shown
    assert "other stream 0: video, mpeg4" in shown
    assert "other stream 2: audio, pcm_s16le, 8000 Hz, 2 channels, deu" in shown
    assert "chapter 0:00:00.000 - 0:00:00.100 Opening" in shown


def test_decode_takes_audio_out_of_video(film: Path) -> None:
    assert _decode(film, "--stream-index", 2) == _payload(1000)
    done = _run("decode", film, "--stream-index", 0)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00:00.000"),
        (59.9996, "0:01:00.000"),
        (-1.5, "-0:00:01.500"),
        (7265.25, "2:01:05.250"),
    ],
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


# --- without a file


def test_without_arguments_it_says_what_was_loaded(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise SystemExit('torch was imported')")
    path = os.pathsep.join([str(tmp_path), _ENV["PYTHONPATH"]])
    done = _run(env={**_ENV, "PYTHONPATH": path})
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode()
    for name in ("pyffaudio", "ffmpeg", "libavformat", "libavcodec", "license", "path"):
        assert str(pyffaudio.versions()[name]) in shown
    words = shown.split()
    for names in pyffaudio.formats().values():
        assert set(names) <= set(words)
    assert re.search(r"^  torch +(installed|\d)", shown, re.MULTILINE)


def test_a_missing_optional_part_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    assert re.search("^  torch +not installed", shown, re.MULTILINE)
    assert shown.count("not installed") == len(cli._OPTIONAL)


def test_what_the_extras_bring_is_an_optional_part() -> None:
    """The last lines name all that `pip install pyffaudio[...]` may bring to a user."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    extras = [
        project["optional-dependencies"][name]
        for name in ("torch", "scan", "plot", "remote", "ray")
    ]
    brought = {re.split(r"\W", package)[0] for extra in extras for package in extra}
    assert brought == set(cli._OPTIONAL)


@pytest.mark.parametrize("args", [["--help"], ["decode", "--help"], ["probe", "--help"]])
def test_help_has_examples(args: list[str]) -> None:
    done = _run(*args)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"examples:\n  " in done.stdout


def test_version() -> None:
    assert _run("--version").stdout.decode() == f"pyffaudio {pyffaudio.__version__}\n"
