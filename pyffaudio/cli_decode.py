"""``pyffaudio decode``: one file, or all files under a folder."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from typing import Any

import pyffaudio
from pyffaudio.convert import Converted, convert_tree
from pyffaudio.formats import RAW_PCM_DEMUXERS
from pyffaudio.options import DecodeOptions
from pyffaudio.output import check_writable, output_file, suffix_of, write_audio
from pyffaudio.terminal import (
    CommandError,
    add_untrusted,
    blaming,
    open_source,
    progress_bar,
    say,
    source_name,
    stdout,
)
from pyffaudio.wav import wav_header

__all__ = ["add_decode"]

_EPILOG = """\
OUT decides what is written: NAME.npy a NumPy array of shape (frames, channels), NAME.wav a WAV
file, anything else, and standard output, the bare samples. A file appears under its name only
when it is complete.

Where IN is a folder, every audio file in it and beneath it becomes a file of its own in the folder
OUT: song.mp3 becomes song.mp3.npy. Killed and started again with the same arguments, it goes on
where it was.

examples:
  pyffaudio decode a.wav > a.raw                       the samples as stored
  pyffaudio decode a.mp3 --dtype int16 | aplay -f cd
  pyffaudio decode call.g722 --format g722 -o call.wav
  pyffaudio decode a.flac --start-seconds -10 -o last_ten_seconds.wav
  pyffaudio decode music -o arrays --to npy --sample-rate 16000 --num-channels 1
"""


def add_decode(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    decode = commands.add_parser(
        "decode",
        help="write the samples of one file, or of all in a folder",
        description="Decode one file, or all in a folder. Without options: the samples as they are "
        "stored.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    decode.set_defaults(run=_decode)
    _add_arguments(decode.add_argument)


def _add_arguments(add: Callable[..., object]) -> None:
    add("input", metavar="IN", help="a file, - for standard input, or a folder")
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
    add_untrusted(add)
    add("--to", choices=["npy", "wav"], help="of a folder: what its files become")
    add("--jobs", type=int, metavar="N", help="of a folder: threads (default: one for each core)")


def _decode(args: argparse.Namespace) -> int:
    _check_format(args.format)
    if args.input != "-" and os.path.isdir(args.input):
        return _decode_tree(args)
    if args.to is not None or args.jobs is not None:
        raise CommandError(f"{args.input}: --to and --jobs are for folders", status=2)
    _check_output(args)
    with blaming(source_name(args.input)):
        audio = pyffaudio.decode_file(open_source(args.input), **_options(args))
    if args.output == "-":
        # Not sys.stdout.buffer: under PYTHONUNBUFFERED its write may stop early and say nothing.
        with open(stdout().fileno(), "wb", closefd=False) as file:
            write_audio(audio, "", file)
    else:
        with blaming(args.output), output_file(args.output) as file:
            write_audio(audio, suffix_of(args.output), file)
    return 0


def _check_format(name: str | None) -> None:
    if name in RAW_PCM_DEMUXERS:
        raise CommandError(
            f"--format {name}: raw PCM does not say its rate and channels, and this command has no "
            "options for them: use format_options in Python",
            status=2,
        )


def _check_output(args: argparse.Namespace) -> None:
    """Refuse before decoding, which may take long, what cannot be written after it."""
    if args.output == "-":
        if stdout().isatty():
            raise CommandError(
                "standard output is a terminal: write the samples to a file with -o OUT, "
                "or send them through a pipe",
                status=2,
            )
        return
    if suffix_of(args.output) == ".wav":
        _check_wav(args)
    with blaming(args.output):
        check_writable(os.path.realpath(args.output))


def _check_wav(args: argparse.Namespace) -> None:
    if args.channels_first:
        raise CommandError("--channels-first: WAV is interleaved; write .npy or raw", status=2)
    if args.dtype is not None:
        with blaming(f"--dtype {args.dtype}"):
            wav_header(args.dtype, 1, 1, 0)


def _options(args: argparse.Namespace) -> DecodeOptions:
    return {
        "sample_rate": args.sample_rate,
        "num_channels": args.num_channels,
        "dtype": args.dtype,
        "channels_first": args.channels_first,
        "start_seconds": args.start_seconds,
        "stop_seconds": args.stop_seconds,
        "stream_index": args.stream_index,
        "format": args.format,
        "filters": args.filters,
        "limits": args.limits,
    }


def _decode_tree(args: argparse.Namespace) -> int:
    if args.output == "-" or args.to is None:
        raise CommandError(
            f"{args.input} is a folder: name one for its files with -o OUT, and what they become "
            "with --to npy or --to wav",
            status=2,
        )
    if args.to == "wav":
        _check_wav(args)
    with blaming(args.input):
        os.scandir(args.input).close()  # raises what is wrong with it
    with blaming(args.output):
        done = convert_tree(
            args.input,
            args.output,
            args.to,
            num_workers=args.jobs,
            bar=progress_bar,
            **_options(args),
        )
    for path, reason in done.failures.items():
        say(f"{os.path.join(args.input, path)}: {reason}")
    print(", ".join(_counts(done)))
    return 1 if done.failures else 0


def _counts(done: Converted) -> Iterator[str]:
    yield f"{done.num_files} decoded"
    for number, words in (
        (len(done.failures), "failed"),
        (done.num_not_audio, "not audio"),
        (done.num_special, "pipes, sockets and devices"),
        (done.num_folder_links, "links to folders, not followed"),
    ):
        if number:
            yield f"{number} {words}"
