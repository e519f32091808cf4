"""decode_many and decode_batch_into: many sources, several of them at a time."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Unpack

import numpy as np
from numpy.typing import NDArray

from pyffaudio.audio import Audio, Samples
from pyffaudio.buffers import as_array
from pyffaudio.cores import num_cores
from pyffaudio.decode import decode_item, decode_item_into
from pyffaudio.issues import Issue
from pyffaudio.native import Batch, Source, Stop, open_batch
from pyffaudio.options import BatchIntoOptions, DecodeOptions, Options, integer, normalise

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

# Items for each worker that are decoded or being decoded while the caller works on one.
_LOOK_AHEAD = 3
_PADDED_FRAMES = 1 << 20  # at once: a row may be of gigabytes
_SEGMENT = ("start_seconds", "stop_seconds", "frame_offset", "num_frames")


@dataclass(frozen=True, eq=False)
class BatchResult:
    """What `decode_batch_into` did, item by item.

    Attributes
    ----------
    lengths : numpy.ndarray
        Frames written to each row, int64.
    errors : list
        The exception of each item, None where there was none.
    more : numpy.ndarray
        Whether audio goes on beyond what its row holds or its segment asked for, bool.
    issues : list of tuple of Issue
        Irregularities met in each item.
    """

    lengths: NDArray[np.int64]
    errors: list[Exception | None]
    more: NDArray[np.bool_]
    issues: list[tuple[Issue, ...]]


def decode_many(
    sources: Iterable[Source],
    *,
    num_workers: int | None = None,
    on_item_error: Literal["raise", "return"] = "raise",
    **options: Unpack[DecodeOptions],
) -> Iterator[Audio | Exception]:
    """Decode sources in their order, some of them ahead, on threads that decode side by side.

    Parameters
    ----------
    sources : iterable of str, os.PathLike, binary file object or bytes-like
        Taken from as they are needed, by the thread that iterates.
    num_workers : int, optional
        Threads. Default: the cores that this process may use, by affinity and by the quota of its
        control group; 1 in a worker of PyTorch's DataLoader.
    on_item_error : str
        ``"raise"`` (default) raises the first error, in the order of the sources; ``"return"``
        gives each exception in the place of its item, and goes on.
    **options
        As in `decode_file`, for all of them.

    Yields
    ------
    Audio or Exception
        In the order of `sources`. At most three items for each worker are kept ahead.

    Raises
    ------
    PyffaudioError, OSError, TypeError, ValueError
        As in `decode_file`.

    Examples
    --------
    >>> import pyffaudio
    >>> [audio.samples.shape for audio in pyffaudio.decode_many(["tone.wav"] * 3, dtype="int16")]
    [(800, 2), (800, 2), (800, 2)]
    """
    asked = normalise(**options)
    workers = _workers(num_workers)
    returns = _returns_errors(on_item_error)
    return _decode_ahead(iter(sources), asked, workers, returns)


def decode_batch_into(
    sources: Iterable[Source],
    out: Any,
    *,
    num_workers: int | None = None,
    on_item_error: Literal["raise", "return"] = "raise",
    pad_value: float = 0,
    **options: Unpack[BatchIntoOptions],
) -> BatchResult:
    """Decode each source into a row of one array that exists already.

    Parameters
    ----------
    sources : iterable of str, os.PathLike, binary file object or bytes-like
        As many as `out` has rows, or fewer: rows beyond are not touched.
    out : numpy.ndarray or torch.Tensor
        Writable, on the CPU, of any strides, pinned and shared memory too:
        ``(items, frames, channels)``, ``(items, channels, frames)`` with `channels_first`, or
        ``(items, frames)`` for one channel. Its channels must be those of the streams, or
        `num_channels` be given and equal them: mixing is never silent.
    num_workers : int, optional
        As in `decode_many`.
    on_item_error : str
        ``"raise"`` (default) raises the error of the first item, in the order of the sources, that
        has one; ``"return"`` gives them in `BatchResult.errors`.
    pad_value : float
        Fills each row behind what was decoded.
    **options
        As in `decode_into`. Each of `frame_offset`, `num_frames`, `start_seconds` and
        `stop_seconds` may also be a sequence with one for each source.

    Returns
    -------
    BatchResult
        Of an item with an error, what could be decoded is in its row, and counted.

    Raises
    ------
    PyffaudioError, OSError, TypeError, ValueError
        As in `decode_into`.

    Examples
    --------
    >>> import numpy, pyffaudio
    >>> out = numpy.empty((2, 1000, 2), "float32")
    >>> result = pyffaudio.decode_batch_into(["tone.wav"] * 2, out, frame_offset=[0, 700])
    >>> result.lengths.tolist(), result.errors
    ([800, 100], [None, None])
    """
    if "dtype" in options:
        raise TypeError("decode_batch_into takes the dtype of out: leave the dtype option out")
    array = as_array(out, for_batch=True)
    items = list(sources)
    if len(items) > len(array):
        raise ValueError(f"there are {len(items)} sources, and out has {len(array)} rows")
    padding = _padding(pad_value, array.dtype)
    asked = _asked_of_each(len(items), {"dtype": array.dtype, **options})
    workers, returns = _workers(num_workers), _returns_errors(on_item_error)
    batch = _Batch(items, array, asked, padding, keeps_on=returns)
    batch.run(min(workers, max(len(items), 1)))
    result = batch.result
    for error in result.errors:
        if error is not None and not returns:
            raise error
    return result


@contextmanager
def crew(workers: int) -> Iterator[tuple[ThreadPoolExecutor, Stop]]:
    """Threads that are gone, and decode nothing any more, once they are left, however it may be.

    In the child of a fork they are gone already, and may have held locks of the pool's.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 # 5 ms, for who asks for it

    stop = Stop()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="pyffaudio")
    # At the interpreter's end, no module has its names any more.
    is_finalizing, process_now, process = sys.is_finalizing, os.getpid, os.getpid()
    try:
        yield pool, stop
    finally:
        stop.request()
        # Else its threads have ended already.
        if not is_finalizing() and process_now() == process:
            pool.shutdown(wait=True, cancel_futures=True)


def _decode_ahead(
    sources: Iterator[Source], asked: Options, workers: int, returns: bool
) -> Iterator[Audio | Exception]:
    waiting: deque[Future[Audio]] = deque()
    process = os.getpid()
    with crew(workers) as (pool, stop):
        for index, source in enumerate(sources):
            _check_not_forked(process)
            waiting.append(pool.submit(decode_item, source, asked, stop))
            if len(waiting) >= _LOOK_AHEAD * workers:
                yield _outcome(waiting, index + 1, returns)
        last = len(waiting)
        while waiting:
            _check_not_forked(process)
            yield _outcome(waiting, last, returns)


def _check_not_forked(process: int) -> None:
    """In the child of a fork, nobody would ever do what waits."""
    if process != os.getpid():
        raise RuntimeError(
            "this decode_many was in use when the process was forked: call it anew here"
        )


def _outcome(waiting: deque[Future[Audio]], number: int, returns: bool) -> Audio | Exception:
    """What became of the item that is due; the last of those that wait is the `number`-th."""
    index = number - len(waiting)
    try:
        return waiting.popleft().result()
    except Exception as error:
        error.add_note(f"sources[{index}]")
        if returns:
            return error
        raise


class _Batch:
    """The rows of one call, filled by whichever thread comes first."""

    def __init__(
        self,
        items: Sequence[Source],
        array: Samples,
        asked: Sequence[Options],
        padding: Samples,
        keeps_on: bool,
    ) -> None:
        self._items = items
        self._array = array
        self._asked = asked
        self._padding = padding
        self._keeps_on = keeps_on
        self._by_hand: set[int] = set()
        self.result = BatchResult(
            np.zeros(len(items), np.int64),
            [None] * len(items),
            np.zeros(len(items), np.bool_),
            [()] * len(items),
        )

    def run(self, workers: int) -> None:
        """Fill all rows; after an error those that have begun, unless errors are kept."""
        with crew(workers) as (pool, stop):
            batch = open_batch(self._items, self._asked, self._rows(), self._padding, stop)
            done = [pool.submit(self._work, batch, stop) for _ in range(workers)]
            try:
                for future in done:
                    future.result()
            finally:
                batch.end()
        for index in range(len(self._items)):
            if index not in self._by_hand:
                self.result.lengths[index], self.result.more[index], _ = batch.result(index)

    def _rows(self) -> Samples:
        """The array as (items, frames, channels)."""
        if self._array.ndim == 2:
            return self._array[:, :, np.newaxis]
        channels_first = bool(self._asked) and self._asked[0].channels_first
        return self._array.swapaxes(1, 2) if channels_first else self._array

    def _work(self, batch: Batch, stop: Stop) -> None:
        """Fill rows without Python, but for those that are not all well.

        These begin anew, by the clock that they began by.
        """
        while (index := batch.fill()) >= 0:
            self._by_hand.add(index)
            self._fill(index, stop, batch.result(index)[2])
            if self.result.errors[index] is not None and not self._keeps_on:
                batch.end()

    def _fill(self, index: int, stop: Stop, began_ns: int) -> None:
        result, row = self.result, self._array[index]
        audio: Audio | None
        try:
            audio = decode_item_into(self._items[index], row, self._asked[index], stop, began_ns)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this item's
            error.add_note(f"sources[{index}]")
            result.errors[index] = error
            audio = getattr(error, "partial", None)
        if audio is not None:
            result.lengths[index] = audio.num_frames
            result.more[index] = audio.more
            result.issues[index] = audio.issues
        if stop.is_requested or (result.errors[index] is not None and not self._keeps_on):
            return  # nobody will see the row, and padding it may take seconds
        along = row.T if self._asked[index].channels_first and row.ndim == 2 else row
        for begin in range(int(result.lengths[index]), len(along), _PADDED_FRAMES):
            if stop.is_requested:
                return
            along[begin : begin + _PADDED_FRAMES] = self._padding


def _asked_of_each(count: int, options: dict[str, Any]) -> list[Options]:
    """The options of each item, of which the segment may differ."""
    differing = {
        name: list(options.pop(name))
        for name in _SEGMENT
        if isinstance(options.get(name), (Sequence, np.ndarray))
    }
    for name, values in differing.items():
        if len(values) != count:
            raise ValueError(f"{name} has {len(values)} values for {count} sources")
    asked = normalise(**options)
    if not differing:
        return [asked] * count
    segments = zip(*differing.values(), strict=True)
    return [
        normalise(**options, **dict(zip(differing, segment, strict=True))) for segment in segments
    ]


def _padding(value: float, dtype: np.dtype[Any]) -> Samples:
    """The value as a sample of the batch, which it must be: not too large, nor between integers."""
    padding = np.asarray(value)
    if padding.ndim != 0 or padding.dtype.kind not in "iuf":
        raise TypeError(f"pad_value must be a number, not {value!r}")
    with np.errstate(all="ignore"):
        cast = padding.astype(dtype)
    if (np.isfinite(cast) != np.isfinite(padding)) if dtype.kind == "f" else cast != padding:
        raise ValueError(f"pad_value {value!r} does not fit the dtype of out, {dtype}")
    return cast


def _workers(num_workers: int | None) -> int:
    given = integer("num_workers", num_workers, 1, 1024)
    return given if given is not None else 1 if _is_in_data_loader() else num_cores()


def _is_in_data_loader() -> bool:
    """Whether this is a worker process of PyTorch's, of which there is one for each core or so."""
    data = sys.modules.get("torch.utils.data")
    return data is not None and data.get_worker_info() is not None


def _returns_errors(on_item_error: str) -> bool:
    if on_item_error not in ("raise", "return"):
        raise ValueError(f'on_item_error must be "raise" or "return", not {on_item_error!r}')
    return on_item_error == "return"
