"""A report on every audio file under a folder; killed, it goes on where it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from pyffaudio.about import __version__
from pyffaudio.cores import num_cores
from pyffaudio.diagnose import words_of
from pyffaudio.errors import CorruptAudioError, LimitExceededError, PyffaudioError
from pyffaudio.info import AudioInfo, info_of
from pyffaudio.issues import Issue, any_fatal
from pyffaudio.journal import Bar, Journal, Outcome, do_all, is_of_all, no_bar
from pyffaudio.limits import Limits
from pyffaudio.measure import Meter
from pyffaudio.native import Decoder, Stop, open_decoder
from pyffaudio.options import Options, integer, normalise
from pyffaudio.output import check_writable
from pyffaudio.report import ScanRow, check_report, write_report
from pyffaudio.stream import stream
from pyffaudio.summary import Summary
from pyffaudio.tree import Found, Tree, is_no_audio, walk
from pyffaudio.verify import stated_md5

__all__ = ["scan"]

_CODES_UNSUPPORTED = frozenset(
    {"format_not_allowed", "format_missing", "codec_not_allowed", "codec_missing"}
)


def scan(
    folder: str,
    report: str,
    *,
    num_workers: int | None = None,
    decode: bool = False,
    limits: Limits | None = None,
    bar: Bar = no_bar,
) -> Summary:
    """Write a report on every audio file under a folder.

    Parameters
    ----------
    folder : str
        Links to files in it are followed, links to folders are not.
    report : str
        ``NAME.parquet`` (needs pyarrow), ``NAME.csv`` or ``NAME.jsonl``; replaced if it is there.
        It appears when it is complete. Until then what has been done is in
        ``report + ".journal"``, and whoever calls again goes on from there.
    num_workers : int, optional
        Threads. Default: the cores that this process may use.
    decode : bool
        False (default) opens each file and decodes its first frame; True decodes it all, block by
        block, counts its frames and measures it.
    limits : Limits, optional
        As in `decode_file`, for each file; what exceeds one has a row. No samples are kept, so that
        none count: `max_duration` bounds nothing, and `max_bytes` what FFmpeg keeps.
    bar : callable
        Called with the number of files and of those done before; a context manager that gives what
        is called for each file that is done. Default: nothing is shown.

    Returns
    -------
    Summary
        Of the rows of the report, and of what has none.

    Raises
    ------
    OSError
        `folder` or the report; BlockingIOError where another process is writing that report.
        Files and folders in `folder` that cannot be read have a row.
    TypeError, ValueError
        An option or the name of the report is wrong, or the journal is of another scan.
    ImportError
        Parquet without pyarrow.

    Examples
    --------
    >>> from pyffaudio.scan import scan
    >>> summary = scan("clips", "report.csv")
    >>> summary.num_rows, summary.statuses["not_audio"]
    (3, 1)
    """
    suffix = check_report(report)
    report = os.path.realpath(report)  # a link stays a link, to the new file
    check_writable(report)
    workers = integer("num_workers", num_workers, 1, 1024) or num_cores()
    asked = _options(decode, limits)
    part = report + ".part"
    heading = {
        "what": "scan",
        "version": __version__,
        "folder": os.path.realpath(folder),
        "decode": decode,
        "limits": repr(asked.limits),
    }
    with Journal(report + ".journal", heading) as journal:
        tree = walk(folder, {journal.identity, *_identities(report, part)})
        do_all(tree.files, partial(_look, folder, decode, asked), journal, workers, bar)
        summary = Summary(tree)
        write_report(report, suffix, part, _counted(summary, tree, journal))
        journal.remove()
    return summary


def _options(decode: bool, limits: Limits | None) -> Options:
    """Neither rate nor channels change; nobody is asked to type an option for a damaged file."""
    if decode:
        return normalise(dtype="float32", on_error="partial", limits=limits)
    return normalise(dtype=None, limits=limits)


def _identities(*paths: str) -> Iterator[tuple[int, int]]:
    for path in paths:
        with suppress(OSError):
            status = os.stat(path)
            yield status.st_dev, status.st_ino


def _counted(summary: Summary, tree: Tree, journal: Journal) -> Iterator[ScanRow]:
    """The rows, in the order of the tree, each counted as it goes by."""
    for found in tree.files:
        if found.error is not None:
            row = _row(found, "unreadable", reason=found.error)
        else:
            said = journal[found]
            if said is None:
                summary.num_not_audio += 1
                continue
            row = ScanRow(**said)
        summary.add(row)
        yield row


def _row(found: Found, status: str, reason: str | None = None, **facts: Any) -> ScanRow:
    r"""A row about a file; bytes of its name that are not UTF-8 are shown as ``\xff``."""
    name = os.fsencode(found.path)
    path = name.decode("utf-8", "backslashreplace")
    return ScanRow(
        path=path,
        path_hex=None if path.encode() == name else name.hex(),
        status=status,
        # It may quote what the file says.
        reason=reason and reason.encode("utf-8", "backslashreplace").decode(),
        size_bytes=found.size_bytes,
        modified_seconds=None if found.modified_ns is None else found.modified_ns / 1e9,
        **facts,
    )


def _look(folder: str, decode: bool, asked: Options, found: Found, stop: Stop) -> Outcome:
    """What there is to say of a file: a row, or None if it is not audio."""
    path = os.path.join(folder, found.path)
    try:
        with open_decoder(path, asked, stop) as decoder:
            info = info_of(decoder.describe())
            row = _row(found, "ok", **_facts(info))
            return Outcome(asdict(_measured(row, info, decoder, path, asked) if decode else row))
    except PyffaudioError as error:
        if is_no_audio(found.path, error):
            return Outcome(None)
        row = _row(found, _status(error), reason=words_of(error), code=error.code)
        return Outcome(asdict(row))
    except (OSError, MemoryError) as error:
        if is_of_all(error):
            raise
        return Outcome(asdict(_row(found, "unreadable", reason=words_of(error))), is_final=False)


def _status(error: PyffaudioError) -> str:
    if isinstance(error, CorruptAudioError):
        return "damaged"
    if isinstance(error, LimitExceededError) or error.code in _CODES_UNSUPPORTED:
        return "unsupported"
    return "not_audio"


def _facts(info: AudioInfo) -> dict[str, Any]:
    names = (
        "container codec sample_format bits_per_sample bit_rate sample_rate num_channels "
        "channel_layout num_frames duration_seconds is_exact"
    )
    return {name: getattr(info, name) for name in names.split()}


def _measured(
    row: ScanRow, info: AudioInfo, decoder: Decoder, path: str, asked: Options
) -> ScanRow:
    """The row with what decoding the whole file shows."""
    # Of ADPCM and DSD these are bits of the code.
    is_code = info.codec.startswith(("adpcm_", "dsd_"))
    meter = Meter(None if is_code else info.bits_per_sample)
    md5 = stated_md5(decoder)
    error: PyffaudioError | None = None
    try:
        for block in stream(decoder, path, asked, is_kept=False):
            meter.add(block)
            if md5 is not None:
                md5.add(block)
    except PyffaudioError as raised:
        error = raised
    issues = tuple(Issue(*issue) for issue in decoder.issues)
    if error is None and not any_fatal(issues) and md5 is not None:
        error = md5.error(issues)
    row = replace(
        row,
        **_verdict(error, issues, decoder.sample_rate),
        issues=" ".join(sorted({issue.code for issue in issues})) or None,
    )
    if isinstance(error, LimitExceededError):  # how far it came is no fact of the file
        return row
    return replace(
        row,
        num_frames=decoder.position,
        duration_seconds=decoder.position / decoder.sample_rate,
        is_exact=True,
        **asdict(meter.measures(decoder.sample_rate)),
    )


def _verdict(
    error: PyffaudioError | None, issues: tuple[Issue, ...], sample_rate: int
) -> dict[str, Any]:
    """What becomes of the row by an error, or else by the issues that are fatal."""
    if error is not None:
        return {"status": _status(error), "reason": words_of(error), "code": error.code}
    fatal = [issue for issue in issues if issue.is_fatal]
    if not fatal:
        return {}
    others = f", and {len(fatal) - 1} more" if len(fatal) > 1 else ""
    reason = f"{fatal[0].code} at {fatal[0].frame_offset / sample_rate:.3f} s{others}"
    return {"status": "damaged", "reason": reason, "code": fatal[0].code}
