"""The command line: ``pyffaudio decode``, ``pyffaudio probe``, and versions without arguments."""

from __future__ import annotations

import argparse
import errno
import importlib.metadata
import importlib.util
import io
import json
import os
import secrets
import shutil
import signal
import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import BinaryIO, TextIO

import numpy as np

import pyffaudio
from pyffaudio.formats import RAW_PCM_DEMUXERS
from pyffaudio.wav import wav_header, write_wav

__all__ = ["main"]

_OPTIONAL = {"torch": "PyTorch tensors: Audio.torch()"}

_EPILOG = """\
examples:
  pyffaudio decode speech.mp3 > speech.raw
  pyffaudio decode talk.m4a --sample-rate 16000 --num-channels 1 --dtype float32 -o talk.npy
  pyffaudio decode film.mkv --stream-index 2 --start-seconds 60 --stop-seconds 90 -o scene.wav
  curl -s https://example.org/a.ogg | pyffaudio decode - -o a.wav
  pyffaudio probe *.flac --json | jq .duration_seconds

exit status:
  0  done
  1  a file could not be read, decoded or written (one line on standard error says why)
  2  the arguments were wrong
"""

_DECODE_EPILOG = """\
OUT decides what is written: NAME.npy a NumPy array of shape (frames, channels), NAME.wav a WAV
file, anything else, and standard output, the bare samples. A file appears under its name only
when it is complete.

examples:
  pyffaudio decode a.wav > a.raw                       the samples as stored
  pyffaudio decode a.mp3 --dtype int16 | aplay -f cd
  pyffaudio decode call.g722 --format g722 -o call.wav
  pyffaudio decode a.flac --start-seconds -10 -o last_ten_seconds.wav
"""

_PROBE_EPILOG = """\
With --json there is one JSON object on a line of its own for each file (JSON Lines): "file", then
the fields of pyffaudio.AudioInfo. A file that cannot be read is reported on standard error, has
no line, and makes the exit status 1; the others are still shown.

examples:
  pyffaudio probe song.mp3
  pyffaudio probe *.flac --json | jq -r '[.file, .duration_seconds] | @tsv'
"""


class _CommandError(Exception):
    """What goes to standard error, on one line, and the exit status it means."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the program's name; None takes those of the process.

    Returns
    -------
    int
        The exit status: 0 done, 1 a file failed, 2 wrong arguments. Ctrl-C and a closed
        output pipe end the process by SIGINT and SIGPIPE, as a shell expects.

    Raises
    ------
    SystemExit
        From argparse, after ``--help``, ``--version`` or an argument it does not know.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names and tags are in any script
    try:
        try:
            return _run(_parser().parse_args(argv))
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except _CommandError as error:
        _say(str(error))
        return error.status
    except KeyboardInterrupt:
        return _die_by(signal.SIGINT)
    except BrokenPipeError:
        return _die_by(signal.SIGPIPE)
    except OSError as error:  # standard output's own: those of files have become a _CommandError
        _discard_stdout()
        _say(f"standard output: {_what(error)}")
        return 1


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="pyffaudio",
        description="Decode audio of any format. Without arguments: print versions, the FFmpeg "
        "that was loaded, and the formats it gives.",
        epilog=_EPILOG,
        formatter_class=layout,
    )
    parser.add_argument("--version", action="version", version=f"pyffaudio {pyffaudio.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_decode(
        commands.add_parser(
            "decode",
            help="write the samples of one file",
            description="Decode one file. Without options: the samples as they are stored.",
            epilog=_DECODE_EPILOG,
            formatter_class=layout,
        )
    )
    probe = commands.add_parser(
        "probe",
        help="say what files hold, without decoding them",
        description="Say what files hold, without decoding them.",
        epilog=_PROBE_EPILOG,
        formatter_class=layout,
    )
    probe.add_argument("files", nargs="+", metavar="FILE", help="a file, or - for standard input")
    probe.add_argument("--json", action="store_true", help="one JSON object per line and file")
    return parser


def _add_decode(decode: argparse.ArgumentParser) -> None:
    add = decode.add_argument
    add("input", metavar="IN", help="a file, or - for standard input")
    add("-o", "--output", metavar="OUT", default="-", help="default: - for standard output")
    add("--sample-rate", type=int, metavar="HZ", help="resample (default: as stored)")
    add("--num-channels", type=int, metavar="N", help="remix (default: as stored)")
    add(
        "--dtype",
        choices=["uint8", "int8", "int16", "int32", "float32", "float64"],
        help="sample type (default: as the decoder gives it)",
    )
    add("--channels-first", action="store_true", help="one channel after the other (not in .wav)")
    add(
        "--start-seconds",
        type=float,
        default=0,
        metavar="S",
        help="begin here; negative counts from the end",
    )
    add("--stop-seconds", type=float, metavar="S", help="end before this (default: the end)")
    add("--stream-index", type=int, metavar="I", help="stream in the container (default: best)")
    add("--format", metavar="NAME", help="demuxer for what has no signature, such as g722")
    add("--filters", metavar="GRAPH", help="FFmpeg filter graph, such as highpass=f=200,loudnorm")


def _run(args: argparse.Namespace) -> int:
    if args.command == "decode":
        return _decode(args)
    if args.command == "probe":
        return _probe_all(args.files, args.json)
    print("\n".join(_about()))
    return 0


# --- decode


def _decode(args: argparse.Namespace) -> int:
    _check_format(args.format)
    _check_output(args)
    with _blaming(_source_name(args.input)):
        audio = pyffaudio.decode_file(
            _source(args.input),
            sample_rate=args.sample_rate,
            num_channels=args.num_channels,
            dtype=args.dtype,
            channels_first=args.channels_first,
            start_seconds=args.start_seconds,
            stop_seconds=args.stop_seconds,
            stream_index=args.stream_index,
            format=args.format,
            filters=args.filters,
        )
    if args.output == "-":
        # Not sys.stdout.buffer: under PYTHONUNBUFFERED its write may stop early and say nothing.
        with open(_stdout().fileno(), "wb", closefd=False) as file:
            _write(audio, "", file)
    else:
        with _blaming(args.output), _output_file(args.output) as file:
            _write(audio, _suffix(args.output), file)
    return 0


def _check_format(name: str | None) -> None:
    if name in RAW_PCM_DEMUXERS:
        raise _CommandError(
            f"--format {name}: raw PCM does not say its rate and channels, and this command has no "
            "options for them: use format_options in Python",
            status=2,
        )


def _check_output(args: argparse.Namespace) -> None:
    """Refuse before decoding, which may take long, what cannot be written after it."""
    if args.output == "-":
        if _stdout().isatty():
            raise _CommandError(
                "standard output is a terminal: write the samples to a file with -o OUT, "
                "or send them through a pipe",
                status=2,
            )
        return
    if _suffix(args.output) == ".wav":
        if args.channels_first:
            raise _CommandError("--channels-first: WAV is interleaved; write .npy or raw", status=2)
        if args.dtype is not None:
            with _blaming(f"--dtype {args.dtype}"):
                wav_header(args.dtype, 1, 1, 0)
    with _blaming(args.output):
        _check_writable(os.path.realpath(args.output))


def _check_writable(path: str) -> None:
    folder = os.path.dirname(path)
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {folder}")
    # Replacing a file asks nothing of the file itself, but people protect one to keep it.
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextmanager
def _output_file(path: str) -> Iterator[BinaryIO]:
    """Open a file that gets its name when it is complete; devices and pipes as they are."""
    path = os.path.realpath(path)  # a link stays a link, to the new file
    exists = os.path.exists(path)
    if exists and not os.path.isfile(path):
        with open(path, "wb") as file:
            yield file
        return
    temporary = os.path.join(os.path.dirname(path), f".pyffaudio-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
        if exists:
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _write(audio: pyffaudio.Audio, suffix: str, file: BinaryIO) -> None:
    if suffix == ".wav":
        write_wav(file, audio.samples, audio.sample_rate, audio.info.channel_layout)
        return
    samples = np.ascontiguousarray(audio.samples)
    if suffix == ".npy":
        # Not np.save: it writes through a C stream and does not notice a full disk.
        header = np.lib.format.header_data_from_array_1_0(samples)
        np.lib.format.write_array_header_1_0(file, header)
    file.write(samples.reshape(-1).view(np.uint8).data)


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


# --- probe


def _probe_all(files: Sequence[str], as_json: bool) -> int:
    status = 0
    separator = ""
    for name in files:
        try:
            with _blaming(_source_name(name)):
                source = _source(name)
                if not isinstance(source, str) and not source.seekable():
                    raise OSError(errno.ESPIPE, "probe cannot read a pipe; give it a file")
                info = pyffaudio.probe(source)
        except _CommandError as failure:
            sys.stdout.flush()  # so that both streams keep their order on a terminal
            _say(str(failure))
            status = 1
            continue
        if as_json:
            print(json.dumps({"file": name, **asdict(info)}))
        else:
            print(separator + "\n".join([_printable(name), *_describe(info)]))
            separator = "\n"
    return status


def _describe(info: pyffaudio.AudioInfo) -> list[str]:
    """Return the lines of the block that ``probe`` prints beneath a file's name."""
    bits = info.bits_per_sample
    several = len(info.streams) > 1
    rows: list[tuple[str, str | None]] = [
        ("codec", info.codec),
        ("container", info.container),
        ("sample rate", f"{info.sample_rate} Hz"),
        ("channels", _with_note(info.num_channels, info.channel_layout)),
        ("duration", _duration(info)),
        ("bit rate", f"{info.bit_rate / 1000:.0f} kb/s" if info.bit_rate else None),
        ("sample format", _with_note(info.sample_format, bits and f"{bits} bits")),
        ("stream index", f"{info.stream_index}" if several else None),
        ("cover", "yes" if info.has_cover else None),
    ]
    rows += [("tag", f"{key}: {value}") for key, value in info.tags.items()]
    rows += [("other stream", _stream(s)) for s in info.streams if s.index != info.stream_index]
    rows += [
        ("chapter", f"{_clock(c.start_seconds)} - {_clock(c.stop_seconds)}  {_title(c)}")
        for c in info.chapters
    ]
    return _table([(label, value) for label, value in rows if value])


def _stream(stream: pyffaudio.StreamInfo) -> str:
    kind = "cover" if stream.is_cover else stream.type
    parts = [f"{stream.index}: {kind}", stream.codec or "unknown codec"]
    if stream.sample_rate:
        parts.append(f"{stream.sample_rate} Hz")
    if stream.num_channels:
        parts.append(f"{stream.num_channels} channel{'s' * (stream.num_channels > 1)}")
    if stream.tags.get("language", "und") != "und":
        parts.append(stream.tags["language"])
    return ", ".join(parts)


def _title(chapter: pyffaudio.Chapter) -> str:
    return chapter.tags.get("title", "")


def _duration(info: pyffaudio.AudioInfo) -> str:
    if info.duration_seconds is None:
        return "unknown"
    text = _clock(info.duration_seconds)
    if info.num_frames is not None:
        text += f" ({info.num_frames} frames)"
    return text if info.is_exact else f"about {text}"


def _clock(seconds: float) -> str:
    """Write seconds as h:mm:ss.mmm."""
    milliseconds = round(abs(seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    sign = "-" if seconds < 0 else ""
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _with_note(value: object, note: object) -> str:
    return f"{value} ({note})" if note else f"{value}"


# --- versions


def _about() -> list[str]:
    """Return the lines printed when there are no arguments."""
    versions = pyffaudio.versions()
    lines = _table(
        [(key, str(value)) for key, value in versions.items() if key != "configuration"],
        indent="",
    )
    for kind, names in pyffaudio.formats().items():
        lines += ["", f"{kind} ({len(names)}):"]
        lines += textwrap.wrap(" ".join(names), 78, initial_indent="  ", subsequent_indent="  ")
    lines += ["", "optional parts:"]
    return lines + _table([(name, _installed(name)) for name in _OPTIONAL])


def _installed(name: str) -> str:
    if importlib.util.find_spec(name) is None:  # looks, and does not import
        return f"not installed ({_OPTIONAL[name]})"
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "installed"


# --- words and streams


@contextmanager
def _blaming(name: str) -> Iterator[None]:
    """Turn what a file or an argument can cause into a line; anything else is a bug."""
    try:
        yield
    except BrokenPipeError:  # the reader of a named pipe has gone: as on standard output
        raise
    except (pyffaudio.PyffaudioError, OSError, MemoryError) as error:
        raise _CommandError(f"{name}: {_what(error)}") from error
    except ValueError as error:
        words = _what(error).removeprefix(f"{name}: ")
        raise _CommandError(f"{name}: {words}", status=2) from error


def _what(error: BaseException) -> str:
    """Return what happened without the name, which the line begins with already."""
    if isinstance(error, pyffaudio.PyffaudioError):
        return str(error).removeprefix(f"{error.source}: ")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, MemoryError):
        return f"out of memory ({error})" if str(error) else "out of memory"
    return str(error) or type(error).__name__


def _source(name: str) -> str | BinaryIO:
    if name != "-":
        return name
    if sys.stdin is None:
        raise OSError(errno.EBADF, "it is closed")
    # Unbuffered: a Ctrl-C that comes between the reads of a filling buffer waits for more input.
    return open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)


def _source_name(name: str) -> str:
    return "standard input" if name == "-" else name


def _stdout() -> TextIO:
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    return sys.stdout


def _table(rows: Sequence[tuple[str, str]], indent: str = "  ") -> list[str]:
    width = max((len(label) for label, _ in rows), default=0)
    return [f"{indent}{label:<{width}}  {_printable(value)}" for label, value in rows]


def _say(message: str) -> None:
    print(f"pyffaudio: {_printable(message)}", file=sys.stderr)


def _printable(text: str) -> str:
    """Escape what would break a line or command a terminal: names and tags are foreign text."""
    return "".join(
        c.encode("unicode_escape").decode("ascii") if unicodedata.category(c) in _NOT_PRINTED else c
        for c in text
    )


_NOT_PRINTED = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})


def _discard_stdout() -> None:
    """Let the interpreter's last flush succeed: what it would say has been said."""
    if sys.stdout is not None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def _die_by(signum: signal.Signals) -> int:
    """End by a signal's default action, so that a shell loop around this command ends too."""
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)
    return 128 + signum
