"""``pyffaudio scan``: a report on every audio file under a folder."""

from __future__ import annotations

import argparse
import os
from typing import Any

from pyffaudio.report import check_report
from pyffaudio.scan import scan
from pyffaudio.terminal import CommandError, add_untrusted, blaming, progress_bar

__all__ = ["add_scan"]

_EPILOG = """\
A file is audio if it can be opened as such, or if its name says so (song.mp3); others are counted,
and have no row. With --decode each file is decoded to its end, which finds damage, and measured:
peak, RMS, clipped samples, silence. docs/command_line.md describes the columns.

The report appears under its name when it is complete. Killed and started again with the same
arguments, the command goes on where it was.

examples:
  pyffaudio scan music -o music.csv
  pyffaudio scan recordings -o recordings.parquet --decode --jobs 8

exit status:
  0  every row is ok
  1  a file is damaged, not supported, not what its name says, or cannot be read
  2  the arguments were wrong
"""


def add_scan(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = commands.add_parser(
        "scan",
        help="write a report on all audio files under a folder",
        description="Write a report on all audio files under a folder, and print a summary.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_scan)
    add = parser.add_argument
    add("folder", metavar="DIR", help="looked into with all its folders")
    add("-o", "--output", metavar="REPORT", required=True, help="NAME.parquet, .csv or .jsonl")
    add("--jobs", type=int, metavar="N", help="threads (default: one for each core)")
    add("--decode", action="store_true", help="decode every file to its end, and measure it")
    add_untrusted(add)


def _scan(args: argparse.Namespace) -> int:
    with blaming(args.output):
        try:
            check_report(args.output)
        except ImportError as error:
            raise CommandError(str(error)) from error
    with blaming(args.folder):
        os.scandir(args.folder).close()  # raises what is wrong with it
    with blaming(args.output):
        summary = scan(
            args.folder,
            args.output,
            num_workers=args.jobs,
            decode=args.decode,
            limits=args.limits,
            bar=progress_bar,
        )
    print("\n".join(summary.lines()))
    return 0 if summary.is_all_well else 1
