"""The command line: its parser and its end, ``pyffaudio probe``, and versions."""

from __future__ import annotations

import argparse
import errno
import importlib.metadata
import importlib.util
import io
import json
import os
import signal
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict

import pyffaudio
from pyffaudio.cli_decode import add_decode
from pyffaudio.cli_scan import add_scan
from pyffaudio.diagnose import words_of
from pyffaudio.terminal import (
    CommandError,
    add_untrusted,
    blaming,
    clock,
    open_source,
    printable,
    say,
    source_name,
    table,
)

__all__ = ["main"]

# What the extras bring, and what for.
_OPTIONAL = {
    "torch": "PyTorch tensors: Audio.torch()",
    "matplotlib": "plots: Audio.plot()",
    "fsspec": "object stores: pyffaudio.remote",
    "ray": "clusters: pyffaudio.ray",
    "pyarrow": "reports in Parquet: pyffaudio scan",
    "tqdm": "progress bars: pyffaudio scan and decode",
}

_EPILOG = """\
examples:
  pyffaudio decode speech.mp3 > speech.raw
  pyffaudio decode talk.m4a --sample-rate 16000 --num-channels 1 --dtype float32 -o talk.npy
  pyffaudio decode film.mkv --stream-index 2 --start-seconds 60 --stop-seconds 90 -o scene.wav
  curl -s https://example.org/a.ogg | pyffaudio decode - -o a.wav
  pyffaudio probe *.flac --json | jq .duration_seconds
  pyffaudio scan music -o music.csv
  pyffaudio decode music -o arrays --to npy

exit status:
  0  done
  1  a file could not be read, decoded or written (one line on standard error says why; of a scan,
     the summary and the report)
  2  the arguments were wrong
"""

_PROBE_EPILOG = """\
With --json there is one JSON object on a line of its own for each file (JSON Lines): "file", then
the fields of pyffaudio.AudioInfo. A file that cannot be read is reported on standard error, has
no line, and makes the exit status 1; the others are still shown.

examples:
  pyffaudio probe song.mp3
  pyffaudio probe *.flac --json | jq -r '[.file, .duration_seconds] | @tsv'
"""


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
            args = _parser().parse_args(argv)
            return int(args.run(args))
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except CommandError as error:
        say(str(error))
        return error.status
    except KeyboardInterrupt:
        return _die_by(signal.SIGINT)
    except BrokenPipeError:
        return _die_by(signal.SIGPIPE)
    except OSError as error:  # standard output's own: those of files have become a CommandError
        _discard_stdout()
        say(f"standard output: {words_of(error)}")
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
    parser.set_defaults(run=_about)
    add_decode(commands)
    probe = commands.add_parser(
        "probe",
        help="say what files hold, without decoding them",
        description="Say what files hold, without decoding them.",
        epilog=_PROBE_EPILOG,
        formatter_class=layout,
    )
    probe.add_argument("files", nargs="+", metavar="FILE", help="a file, or - for standard input")
    probe.add_argument("--json", action="store_true", help="one JSON object per line and file")
    add_untrusted(probe.add_argument)
    probe.set_defaults(run=_probe_all)
    add_scan(commands)
    return parser


# --- probe


def _probe_all(args: argparse.Namespace) -> int:
    status = 0
    separator = ""
    for name in args.files:
        try:
            with blaming(source_name(name)):
                source = open_source(name)
                if not isinstance(source, str) and not source.seekable():
                    raise OSError(errno.ESPIPE, "probe cannot read a pipe; give it a file")
                info = pyffaudio.probe(source, limits=args.limits)
        except CommandError as failure:
            sys.stdout.flush()  # so that both streams keep their order on a terminal
            say(str(failure))
            status = 1
            continue
        if args.json:
            print(json.dumps({"file": name, **asdict(info)}))
        else:
            print(separator + "\n".join([printable(name), *_describe(info)]))
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
        ("chapter", f"{clock(c.start_seconds)} - {clock(c.stop_seconds)}  {_title(c)}")
        for c in info.chapters
    ]
    return table([(label, value) for label, value in rows if value])


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
    text = clock(info.duration_seconds)
    if info.num_frames is not None:
        text += f" ({info.num_frames} frames)"
    return text if info.is_exact else f"about {text}"


def _with_note(value: object, note: object) -> str:
    return f"{value} ({note})" if note else f"{value}"


# --- versions


def _about(args: argparse.Namespace) -> int:
    print("\n".join(_about_lines()))
    return 0


def _about_lines() -> list[str]:
    """Return the lines printed when there are no arguments."""
    versions = pyffaudio.versions()
    lines = table(
        [(key, str(value)) for key, value in versions.items() if key != "configuration"],
        indent="",
    )
    for kind, names in pyffaudio.formats().items():
        lines += ["", f"{kind} ({len(names)}):"]
        lines += textwrap.wrap(" ".join(names), 78, initial_indent="  ", subsequent_indent="  ")
    lines += ["", "optional parts:"]
    return lines + table([(name, _installed(name)) for name in _OPTIONAL])


def _installed(name: str) -> str:
    if importlib.util.find_spec(name) is None:  # looks, and does not import
        return f"not installed ({_OPTIONAL[name]})"
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "installed"


# --- streams and signals


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
