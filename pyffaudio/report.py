"""The rows of a scan's report, and its three kinds of file."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, astuple, dataclass, fields
from itertools import islice
from typing import Any, TypeAlias, get_args, get_type_hints

from pyffaudio.output import suffix_of

__all__ = ["SUFFIXES", "ScanRow", "check_report", "write_report"]

SUFFIXES = (".parquet", ".csv", ".jsonl")
_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRow:
    """A line of the report: a file that is audio by its content or its name, or cannot be read.

    The fields are the columns, in this order; docs/command_line.md says what each means.
    """

    path: str
    path_hex: str | None = None
    status: str
    reason: str | None = None
    code: str | None = None
    issues: str | None = None
    size_bytes: int | None = None
    modified_seconds: float | None = None
    container: str | None = None
    codec: str | None = None
    sample_format: str | None = None
    bits_per_sample: int | None = None
    bit_rate: int | None = None
    sample_rate: int | None = None
    num_channels: int | None = None
    channel_layout: str | None = None
    num_frames: int | None = None
    duration_seconds: float | None = None
    is_exact: bool | None = None
    peak: float | None = None
    rms: float | None = None
    clipped_share: float | None = None
    leading_silence_seconds: float | None = None
    trailing_silence_seconds: float | None = None
    is_silent: bool | None = None


def column_types() -> dict[str, type]:
    """The columns, and the one type of each: str, int, float or bool."""
    hints = get_type_hints(ScanRow)
    return {name: next(iter(get_args(hint)), hint) for name, hint in hints.items()}


def check_report(path: str) -> str:
    """The suffix that says what a report is; a ValueError or ImportError where it cannot be."""
    suffix = suffix_of(path)
    if suffix not in SUFFIXES:
        raise ValueError(f"a report's name ends in {', '.join(SUFFIXES)}")
    if suffix == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401, PLC0415 - an extra
        except ImportError as error:
            words = "Parquet needs pyarrow: pip install pyffaudio[scan], or write .csv or .jsonl"
            raise ImportError(words) from error
    return suffix


def write_report(path: str, suffix: str, part: str, rows: Iterable[ScanRow]) -> None:
    """Write rows as they come; the report gets its name when it is complete, and on the disk.

    Parameters
    ----------
    path : str
        The file, whatever its name.
    suffix : str
        Its kind, one of `SUFFIXES`.
    part : str
        Its name until then, in the same folder. What an earlier run left there is overwritten.
    rows : iterable of ScanRow
        Only some of them are held at a time.
    """
    write = {".parquet": _parquet, ".csv": _csv, ".jsonl": _jsonl}
    try:
        with write[suffix](part) as add:
            rows = iter(rows)
            while some := list(islice(rows, _ROWS_AT_ONCE)):
                add(some)
        with open(part, "rb") as file:
            os.fsync(file.fileno())  # whoever has this report removes what it could be made of
        os.replace(part, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(part)
        raise


_Add: TypeAlias = Callable[[list[ScanRow]], object]


@contextmanager
def _jsonl(part: str) -> Iterator[_Add]:
    with open(part, "w", encoding="utf-8") as file:
        yield lambda rows: file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)


@contextmanager
def _csv(part: str) -> Iterator[_Add]:
    with open(part, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)  # lines end in CR LF: else a CR in a name would not be quoted
        writer.writerow([field.name for field in fields(ScanRow)])
        yield lambda rows: writer.writerows(map(_csv_cells, rows))


def _csv_cells(row: ScanRow) -> list[object]:
    """None is an empty cell; true and false are as in JSON."""
    cells = astuple(row)
    return [str(cell).lower() if isinstance(cell, bool) else cell for cell in cells]


@contextmanager
def _parquet(part: str) -> Iterator[_Add]:
    import pyarrow  # noqa: PLC0415 - an extra
    import pyarrow.parquet  # noqa: PLC0415

    kinds: dict[type, Any] = {
        str: pyarrow.string(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        bool: pyarrow.bool_(),
    }
    columns = column_types()
    schema = pyarrow.schema(
        [
            pyarrow.field(name, kinds[kind], nullable=name not in ("path", "status"))
            for name, kind in columns.items()
        ]
    )
    with pyarrow.parquet.ParquetWriter(part, schema) as writer:
        yield lambda rows: writer.write_batch(
            pyarrow.RecordBatch.from_pylist([asdict(row) for row in rows], schema=schema)
        )
