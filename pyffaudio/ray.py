"""Ray Data over this library: datasets of audio that a cluster decodes, block by block."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import numpy as np

from pyffaudio import native
from pyffaudio.audio import Audio, Samples
from pyffaudio.batch import decode_many
from pyffaudio.decode import decode_item
from pyffaudio.native import Source
from pyffaudio.options import DecodeOptions, integer, normalise

if TYPE_CHECKING:
    import ray.data as _data

__all__ = ["decode_column", "read_audio"]

# Samples of a block, where Ray sets no size.
_BLOCK_BYTES = 128 * 1024 * 1024
_MOST_FREE = 2  # blocks of memory: while one is filled, Ray has the one before
# Files of a task: what a lost worker repeats, and what Ray has to keep account of.
_MOST_FILES = 1000
_TASKS_PER_CPU = 4
# Threads of a task that waits for a network; one that does not has the one core that Ray gives it.
_REMOTE_WORKERS = 4

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def read_audio(
    paths: Paths,
    *,
    storage_options: Mapping[str, Any] | None = None,
    override_num_blocks: int | None = None,
    **options: Unpack[DecodeOptions],
) -> _data.Dataset:
    """Make a Ray dataset of audio files, which are decoded as it is consumed.

    Its rows are ``samples``, an array as in `Audio`; ``sample_rate``; ``path``; and ``error``. A
    file that cannot be decoded is a row too: no samples, rate 0, and in ``error`` what is wrong.
    With ``on_error="partial"``, ``error`` tells what is missing from the samples.

    Parameters
    ----------
    paths : str, os.PathLike or sequence of them
        A list is taken as it is. A single str or path may be a pattern with ``*``, ``**``, ``?``
        and ``[...]``, unless there is a file of that very name. A str with ``://`` is a URL, read
        by `pyffaudio.remote`. Local paths must be there on every node.
    storage_options : mapping, optional
        Of URLs, as in `pyffaudio.remote.decode`.
    override_num_blocks : int, optional
        Into how many tasks the files are divided. Default: four for each core of the cluster, and
        no task has more than a thousand.
    **options
        As in `decode_file`, for all of them. `dtype` cannot be None: a column has one.

    Returns
    -------
    ray.data.Dataset
        In the order of `paths` where `DataContext.execution_options.preserve_order` is set.

    Raises
    ------
    ImportError
        Ray is not installed.
    FileNotFoundError
        No file matches the pattern. Of a list, such files are rows with an error.
    FilterError, TypeError, ValueError
        An argument is wrong, or a path is not UTF-8; no task was begun.

    Examples
    --------
    >>> import pyffaudio.ray
    >>> dataset = pyffaudio.ray.read_audio(["tone.wav"], sample_rate=16000)
    >>> [(row["samples"].shape, row["error"]) for row in dataset.iter_rows()]
    [((1600, 2), None)]
    """
    data = _ray_data()
    _check(options)
    names = _names(paths, storage_options)
    wanted = integer("override_num_blocks", override_num_blocks, 1, max(len(names), 1))
    per_task = max(-(-len(names) // (wanted or _num_tasks(len(names)))), 1)
    import pyarrow as pa  # noqa: PLC0415 # comes with Ray

    tables = [
        pa.table({"path": pa.array(names[start : start + per_task], pa.string())})
        for start in range(0, max(len(names), 1), per_task)
    ]
    work = {"storage_options": storage_options, "options": options}
    return data.from_arrow(tables).map_batches(_decode_paths, fn_kwargs=work, **_IN_BLOCKS)


def decode_column(
    dataset: _data.Dataset, column: str, **options: Unpack[DecodeOptions]
) -> _data.Dataset:
    """Decode a column of bytes of a Ray dataset, as it is consumed.

    The samples take the place of the bytes, in the same column. ``sample_rate`` and ``error`` are
    added, with the meaning that they have in `read_audio`; a null is a row with an error. All other
    columns stay as they are.

    Parameters
    ----------
    dataset : ray.data.Dataset
        With a column of binary data: of Parquet, of WebDataset, of `ray.data.read_binary_files`.
    column : str
        Its name.
    **options
        As in `decode_bytes`. `dtype` cannot be None: a column has one.

    Returns
    -------
    ray.data.Dataset
        With as many rows, each in its place.

    Raises
    ------
    ImportError
        Ray is not installed.
    FilterError, TypeError, ValueError
        An option is wrong; no task was begun. Where the column is not there, is not of bytes, or
        one of the new names is taken, that shows only when the dataset is consumed, which then
        fails.

    Examples
    --------
    >>> import pathlib, pyffaudio.ray, ray.data
    >>> files = ray.data.from_items([{"id": 7, "audio": pathlib.Path("tone.wav").read_bytes()}])
    >>> dataset = pyffaudio.ray.decode_column(files, "audio", dtype="int16")
    >>> [(row["id"], row["audio"].shape, row["sample_rate"]) for row in dataset.iter_rows()]
    [(7, (800, 2), 8000)]
    """
    _ray_data()
    _check(options)
    if not isinstance(column, str):
        raise TypeError(f"column must be a str, not {column!r}")
    work = {"column": column, "options": options}
    return dataset.map_batches(_decode_data, fn_kwargs=work, **_IN_BLOCKS)


# A task has a block of Ray's at a time, as it lies in shared memory, and gives several back.
_IN_BLOCKS: dict[str, Any] = {
    "batch_size": None,
    "batch_format": "pyarrow",
    "zero_copy_batch": True,
}


def _ray_data() -> Any:
    try:
        import ray.data as data  # noqa: PLC0415 # for those who have a cluster
    except ImportError as error:
        raise ImportError("pyffaudio.ray needs Ray: pip install pyffaudio[ray]") from error
    return data


def _check(options: DecodeOptions) -> None:
    """Raise what is wrong here, and not in each of a million rows."""
    asked = normalise(**options)
    if asked.dtype is None:
        raise ValueError("a column has one dtype: give one in place of None")
    native.check(asked)


def _names(paths: Paths, storage_options: Mapping[str, Any] | None) -> list[str]:
    """Local paths, absolute since a worker stands elsewhere, and URLs."""
    if isinstance(paths, (str, os.PathLike)):
        return _matches(os.fspath(paths), storage_options)
    names = [os.fspath(path) if _is_url(path) else os.path.abspath(path) for path in paths]
    for scheme in {name.partition("://")[0] for name in names if _is_url(name)}:
        from pyffaudio import remote  # noqa: PLC0415 # for those who read from afar

        remote.check_scheme(scheme)
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise ValueError(f"the column of paths cannot hold {name!r}: not UTF-8") from None
    return names


def _matches(pattern: str, storage_options: Mapping[str, Any] | None) -> list[str]:
    if _is_url(pattern):
        from pyffaudio import remote  # noqa: PLC0415 # for those who read from afar

        return [file.name for file in remote.files(pattern, storage_options=storage_options)]
    found = [pattern] if os.path.exists(pattern) else sorted(glob.glob(pattern, recursive=True))
    if not found:
        raise FileNotFoundError(f"no file matches {pattern!r}")
    return _names(found, None)


def _is_url(path: str | os.PathLike[str]) -> bool:
    return isinstance(path, str) and "://" in path


def _num_tasks(num_files: int) -> int:
    import ray  # noqa: PLC0415 # for those who have a cluster

    if not ray.is_initialized():
        ray.init()
    cores = int(ray.cluster_resources().get("CPU", 1))
    return max(min(_TASKS_PER_CPU * cores, num_files), -(-num_files // _MOST_FILES), 1)


# --- What runs in the workers. Tables of Arrow go in and come out.


def _decode_paths(
    table: Any, storage_options: Mapping[str, Any] | None, options: DecodeOptions
) -> Iterator[Any]:
    names = table["path"].to_pylist()
    sources: Iterable[Source] = names
    workers = 1
    if any(map(_is_url, names)):
        from pyffaudio.remote import RemoteFile  # noqa: PLC0415 # for those who read from afar

        sources = (RemoteFile(n, storage_options) if _is_url(n) else n for n in names)
        workers = _REMOTE_WORKERS
    for rows, samples, rates, errors in _blocks(table, sources, workers, options):
        import pyarrow as pa  # noqa: PLC0415 # comes with Ray

        yield pa.table(
            {"samples": samples, "sample_rate": rates, "path": rows["path"], "error": errors}
        )


def _decode_data(table: Any, column: str, options: DecodeOptions) -> Iterator[Any]:
    place = table.schema.get_field_index(column)
    if place < 0:
        raise ValueError(f"there is no column {column!r} among {table.column_names}")
    if taken := {"sample_rate", "error"} & set(table.column_names):
        raise ValueError(f"there is a column {min(taken)!r} already: rename it first")
    kind = str(table.schema.field(place).type)
    if kind not in ("binary", "large_binary"):
        raise TypeError(f"column {column!r} is of {kind}, not of bytes")
    sources = (value.as_buffer() for value in table[column])
    for rows, samples, rates, errors in _blocks(table, sources, 1, options):
        replaced = rows.set_column(place, column, samples)
        yield replaced.append_column("sample_rate", rates).append_column("error", errors)


def _blocks(
    table: Any, sources: Iterable[Source], workers: int, options: DecodeOptions
) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Decode the source of each row; give rows, samples, rates and errors, a block at a time."""
    most = _block_bytes()
    dtype = np.dtype(options.get("dtype", "float32"))
    first, size = 0, 0
    held: list[tuple[Samples, int, str | None]] = []
    room = np.empty(0, dtype)
    for last, outcome in enumerate(_outcomes(sources, workers, options), 1):
        if not held:
            room = _room(2 * most // 8 * 8, dtype)
        if isinstance(outcome, Audio):
            samples, room = _put(outcome.samples, room)
            held.append((samples, outcome.sample_rate, _lost(outcome)))
        else:
            samples, room = _put(np.empty((0, 0), dtype), room)
            held.append((samples, 0, f"{type(outcome).__name__}: {outcome}"))
        size += samples.nbytes
        if size > most or last == table.num_rows:
            yield table.slice(first, len(held)), *_columns(held)
            first, size, held = last, 0, []


# Note [Memory of blocks]: the first write to fresh memory takes several times as long as the copy,
# and the samples of a block are too much for what malloc keeps. So a block is made where one was
# made before, as soon as nobody refers to that one: neither Ray nor Arrow nor the caller.
class _Owner:
    """What every view of some memory refers to; when it goes, the memory is free again."""

    free: ClassVar[list[Any]] = []

    def __init__(self, memory: Any, dtype: np.dtype[Any]) -> None:
        self._memory = memory
        self.__array_interface__ = memory.view(dtype).__array_interface__

    def __del__(self) -> None:
        if len(self.free) < _MOST_FREE:
            self.free.append(self._memory)


def _room(size: int, dtype: np.dtype[Any]) -> Any:
    """So many bytes as an array; of fresh ones, none is there before it is written."""
    memory = None
    while _Owner.free and (memory is None or len(memory) != size):
        memory = _Owner.free.pop()
    if memory is None or len(memory) != size:
        memory = np.empty(size, np.uint8)
    return np.asarray(_Owner(memory, dtype))


def _block_bytes() -> int:
    """More than this makes a block: of what is less, Ray would put one together, by a copy."""
    from ray.data import DataContext  # noqa: PLC0415 # in workers

    return DataContext.get_current().target_max_block_size or _BLOCK_BYTES


def _outcomes(
    sources: Iterable[Source], workers: int, options: DecodeOptions
) -> Iterator[Audio | Exception]:
    """What becomes of each; where one thread is enough, it is this, which need not wait for it."""
    if workers > 1:
        yield from decode_many(sources, num_workers=workers, on_item_error="return", **options)
        return
    asked = normalise(**options)
    for source in sources:
        try:
            audio = decode_item(source, asked, None)
        except Exception as error:  # noqa: BLE001 # it is the row's
            yield error
        else:
            yield audio


def _put(samples: Samples, room: Samples) -> tuple[Samples, Samples]:
    """Copy samples to the head of some room, if they fit: where they are, and the room left.

    What lies one behind the other is a column of Arrow's as it is, and this early it is still in
    the processor's cache.
    """
    if samples.size > room.size:
        return samples, room
    place = room[: samples.size].reshape(samples.shape)
    place[...] = samples
    return place, room[samples.size :]


def _lost(audio: Audio) -> str | None:
    """What is missing of the samples, where the caller takes them all the same."""
    fatal = [issue for issue in audio.issues if issue.is_fatal]
    return ", ".join(f"{issue.code} at frame {issue.frame_offset}" for issue in fatal) or None


def _columns(held: Sequence[tuple[Samples, int, str | None]]) -> tuple[Any, Any, Any]:
    import pyarrow as pa  # noqa: PLC0415 # comes with Ray
    from ray.data.extensions import ArrowVariableShapedTensorArray  # noqa: PLC0415 # in workers

    samples, rates, errors = zip(*held, strict=True)
    tensors = ArrowVariableShapedTensorArray.from_numpy(samples)
    return tensors, pa.array(rates, pa.int32()), pa.array(errors, pa.string())
