"""AudioReader: an open stream, read piece by piece and at any place."""

from __future__ import annotations

import os
from _thread import allocate_lock, get_ident  # threading costs 1 ms of every import
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self, Unpack

import numpy as np

from pyffaudio import native
from pyffaudio.audio import Audio, Samples
from pyffaudio.buffers import Buffer, CallersBuffer, GrowingBuffer, as_array
from pyffaudio.collect import (
    audio_of,
    excess_error,
    fill,
    first_capacity,
    frame_limit,
    raise_damage,
)
from pyffaudio.decoder import Decoder
from pyffaudio.errors import CorruptAudioError, PyffaudioError
from pyffaudio.info import AudioInfo, info_of
from pyffaudio.issues import Issue
from pyffaudio.native import Source
from pyffaudio.options import (
    ALL_FRAMES,
    DecodeOptions,
    Options,
    ReaderOptions,
    frame_count,
    normalise,
)

# Seconds after which a thread that waits for its turn asks whether it may ever come: who has it may
# have stayed behind in the process that this one was forked from.
_PATIENCE = 0.1


class AudioReader:
    """Read an audio stream in pieces: in constant memory, or here and there.

    Frames are counted at the output rate, from 0. Whatever is read, in whatever order, equals that
    slice of what `decode_file` gives (docs/seeking.md has the codecs where it only comes near).
    Threads that share a reader take turns, call by call.

    Parameters
    ----------
    source : str, os.PathLike, binary file object or bytes-like
        As in `decode_file` and `decode_bytes`. What cannot seek is read forward.
    sample_rate, num_channels, dtype, channels_first, stream_index, format, format_options, limits
        As in `decode_file`. The limits hold for each call.
    filters : str, optional
        As in `decode_file`. The frames that come out are read; going back begins anew.
    on_error : str
        ``"raise"`` (default): a call that meets damage raises CorruptAudioError, with what it read
        on ``.partial``, and the next call goes on behind it. ``"partial"``: `issues` tells.

    Raises
    ------
    PyffaudioError, OSError, TypeError, ValueError
        As in `decode_file`.

    Examples
    --------
    >>> import pyffaudio
    >>> with pyffaudio.AudioReader("tone.wav") as reader:
    ...     first = reader.read(100)
    ...     position = reader.seek(700)
    ...     last = reader.read()
    >>> first.shape, position, last.shape
    ((100, 2), 700, (100, 2))
    """

    def __init__(self, source: Source, **options: Unpack[ReaderOptions]) -> None:
        for name in options:
            if (
                name not in ReaderOptions.__optional_keys__
                and name in DecodeOptions.__annotations__
            ):
                raise TypeError(
                    f"AudioReader has no {name}: seek() and segments() choose what is read"
                )
        self._options, self._decoder = self._open(source, options)
        self._position = 0
        self._end: int | None = None
        self._issues: dict[Issue, None] = {}
        self._told: set[Issue] = set()
        self._lock = allocate_lock()
        self._process = os.getpid()
        self._holder: int | None = None

    @staticmethod
    def _open(source: Source, options: ReaderOptions) -> tuple[Options, Decoder]:
        """What another backend's reader does in its own way."""
        asked = normalise(**options)
        return asked, native.open_decoder(source, asked)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the source; reading is an error from now on."""
        with self._turn():
            self._decoder.close()

    @property
    def info(self) -> AudioInfo:
        """What the file says of itself."""
        return info_of(self._decoder.describe())

    @property
    def sample_rate(self) -> int:
        """Of what is read, in Hz."""
        return self._decoder.sample_rate

    @property
    def num_channels(self) -> int:
        """Of what is read."""
        return self._decoder.num_channels

    @property
    def num_frames(self) -> int | None:
        """Frames of the whole stream; None until they are known for certain."""
        if self._end is None and self.info.is_exact:
            return self._decoder.claimed_frames
        return self._end

    @property
    def issues(self) -> tuple[Issue, ...]:
        """Irregularities met so far, each once, by their place in the stream."""
        with self._turn():
            self._note_issues()
        return tuple(sorted(self._issues, key=lambda issue: (issue.frame_offset, issue.code)))

    def tell(self) -> int:
        """Answer which frame is read next."""
        return self._position

    def seek(self, frame: int) -> int:
        """Have this frame read next.

        Parameters
        ----------
        frame : int
            Counted from the start. Past the end is no error: nothing is read there.

        Returns
        -------
        int
            The same frame.

        Raises
        ------
        ValueError
            Reading, later: the source cannot seek, and the frame is behind.
        """
        frame = frame_count("frame", frame)
        with self._turn():
            self._position = frame
        return frame

    def read(self, num_frames: int | None = None) -> Samples:
        """Read on.

        Parameters
        ----------
        num_frames : int, optional
            At most so many frames; None reads to the end.

        Returns
        -------
        numpy.ndarray
            A new array in the layout that was asked for. Fewer frames mean the end.

        Raises
        ------
        CorruptAudioError, LimitExceededError, OSError
            As in `decode_file`, for the frames of this call. After any but CorruptAudioError the
            position is what it was: to read again gives the same frames, or ValueError where the
            source cannot seek.
        """
        count = ALL_FRAMES if num_frames is None else frame_count("num_frames", num_frames)
        with self._turn():
            self._go()
            buffer = self._buffer(first_capacity(self._decoder, self._options, count))
            return self._fill(buffer, count)

    def read_into(self, out: Any) -> int:
        """Read on into an array that exists; no sample memory is allocated.

        Parameters
        ----------
        out : numpy.ndarray or torch.Tensor
            As for `decode_into`: writable, of any strides, in the layout, dtype and number of
            channels of what is read; 1-D for one channel.

        Returns
        -------
        int
            Frames written; fewer than `out` has mean the end.

        Raises
        ------
        TypeError, ValueError
            `out` does not suit.
        CorruptAudioError, LimitExceededError, OSError
            As in `read`; only what `out` has room for counts.
        """
        array = as_array(out)
        if array.dtype.name != self._decoder.dtype:
            raise ValueError(f"out has dtype {array.dtype}, what is read is {self._decoder.dtype}")
        with self._turn():
            self._go()
            buffer = CallersBuffer(array, self._options.channels_first)
            before = self._position
            self._fill(buffer, len(buffer.frames))
            return self._position - before

    def blocks(
        self, num_frames: int, overlap: int = 0, fill_value: float | None = None
    ) -> Iterator[Samples]:
        """Go through the rest in blocks, each a new array, in constant memory.

        Parameters
        ----------
        num_frames : int
            Of each block.
        overlap : int
            Frames that each block shares with the one before, fewer than `num_frames`.
        fill_value : float, optional
            Fills up the last block, which else may be shorter.

        Yields
        ------
        numpy.ndarray
            In the layout that was asked for.

        Raises
        ------
        CorruptAudioError, LimitExceededError, OSError
            As in `decode_file`, for each block; one that is filled up must be within the limits.
        ValueError
            `overlap` is not less than `num_frames`.

        Examples
        --------
        >>> import pyffaudio
        >>> with pyffaudio.AudioReader("tone.wav") as reader:
        ...     [len(block) for block in reader.blocks(300, overlap=100)]
        [300, 300, 300, 200]
        """
        size, overlap = frame_count("num_frames", num_frames), frame_count("overlap", overlap)
        if overlap >= size:
            raise ValueError(
                f"overlap must be less than num_frames, which is {size}, not {overlap}"
            )
        return self._blocks(size, overlap, fill_value)

    def _blocks(self, size: int, overlap: int, fill_value: float | None) -> Iterator[Samples]:
        if fill_value is not None and size > frame_limit(self._decoder, self._options):
            raise excess_error(self._decoder, self._options)
        shared = self._empty(0)
        while True:
            fresh = self.read(size - self._length(shared))
            if self._length(fresh) == 0:
                return
            got = self._length(shared) + self._length(fresh)
            block = self._joined(shared, fresh, got if fill_value is None else size)
            frames = self._along(block)
            if got < len(frames):
                frames[got:] = fill_value
            shared = np.array(self._along(frames[got - overlap : got])) if overlap else shared
            yield block
            if got < size:
                return

    def segments(self, segments: Iterable[tuple[int, int]]) -> Iterator[Samples]:
        """Read many segments, each packet decoded at most once, and give them in their order.

        They are read in the order of time. Those that come out of it wait in memory for their turn.

        Parameters
        ----------
        segments : iterable of (int, int)
            Frame offset and number of frames of each; they may overlap.

        Yields
        ------
        numpy.ndarray
            A new array for each; past the end it is shorter, or empty.

        Examples
        --------
        >>> import pyffaudio
        >>> with pyffaudio.AudioReader("tone.wav") as reader:
        ...     [part.shape for part in reader.segments([(500, 100), (0, 10), (790, 100)])]
        [(100, 2), (10, 2), (10, 2)]
        """
        wanted = [
            (frame_count("a segment's offset", offset), frame_count("a segment's length", count))
            for offset, count in segments
        ]
        return self._segments(wanted)

    def _segments(self, wanted: Sequence[tuple[int, int]]) -> Iterator[Samples]:
        waiting: dict[int, Samples] = {}
        due = 0
        behind, start = self._empty(0), 0  # what the next ones may share with those before
        order = sorted(range(len(wanted)), key=wanted.__getitem__)
        for number, index in enumerate(order, 1):
            offset, count = wanted[index]
            shared = self._along(self._along(behind)[max(offset - start, 0) :][:count])
            self.seek(offset + self._length(shared))
            fresh = self.read(count - self._length(shared))
            samples = self._joined(shared, fresh, self._length(shared) + self._length(fresh))
            end = offset + self._length(samples)
            if end >= start + self._length(behind):
                # The caller may write into what it gets.
                shares = number < len(order) and wanted[order[number]][0] < end
                behind, start = (samples.copy() if shares else self._empty(0)), offset
            waiting[index] = samples
            while due in waiting:
                yield waiting.pop(due)
                due += 1

    # --- what the methods above are made of; the caller has the turn

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let other threads wait; a file object whose `read` comes back to its reader must not."""
        if self._holder == get_ident():
            raise RuntimeError("this reader is in use by its own file object")
        while not self._lock.acquire(timeout=_PATIENCE):
            if self._process != os.getpid():
                raise RuntimeError(
                    "this reader was in use when the process was forked: open it anew here"
                )
        self._process = os.getpid()
        self._holder = get_ident()
        try:
            yield
        finally:
            self._holder = None
            self._lock.release()

    def _go(self) -> None:
        """Be where the next frame is to be read, or at the end if that comes before."""
        self._decoder.begin_call()
        if self._decoder.position != self._position:
            self._note_issues()
            if self._decoder.seek(self._position) < self._position and not self._goes_on():
                self._end = self._decoder.position

    def _goes_on(self) -> bool:
        """Whether there is another frame, which is then behind; a fault on the way is raised."""
        return self._decoder.skip(1) > 0

    def _fill(self, buffer: Buffer, count: int) -> Samples:
        """Read on into the buffer, or raise what is wrong with what was read.

        Only damage is behind the reader once it was told of: after any other error the position is
        what it was, so that nobody who asks again misses what had been read.
        """
        decoder, options, start = self._decoder, self._options, self._decoder.position
        if start < self._position:
            return buffer.take(0)
        room, filled = min(count, frame_limit(decoder, options)), 0
        try:
            filled = fill(decoder, buffer, room)
            if filled == room < count and self._goes_on():
                raise excess_error(decoder, options)
        except PyffaudioError as error:
            filled = max(filled, min(decoder.position - start, room))
            error.partial = audio_of(decoder, buffer.take(filled), start, options, more=True)
            if isinstance(error, CorruptAudioError):
                self._position = decoder.position
            raise
        samples = buffer.take(filled)
        audio = self._judged(samples, start, filled < count) if decoder.issues else None
        if filled < count:
            self._end = decoder.position
        self._position = decoder.position
        if audio is not None:
            raise_damage(audio, decoder, options)
        return samples

    def _judged(self, samples: Samples, start: int, is_end: bool) -> Audio:
        """What was read from a frame on, perhaps to the end, with what is wrong with it."""
        stop = None if is_end else self._decoder.position
        audio = audio_of(self._decoder, samples, start, self._options, not is_end, stop)
        if self._options.filters is not None:
            audio = replace(audio, issues=self._not_told(audio.issues))
        return audio

    def _not_told(self, issues: tuple[Issue, ...]) -> tuple[Issue, ...]:
        """Those that no call has told yet: of what comes out of filters, none has a place."""
        news = tuple(issue for issue in issues if issue not in self._told)
        self._told.update(news)
        return news

    def _note_issues(self) -> None:
        for issue in self._decoder.issues:
            self._issues[Issue(*issue)] = None

    def _buffer(self, capacity: int) -> GrowingBuffer:
        decoder = self._decoder
        return GrowingBuffer(
            capacity, decoder.num_channels, decoder.dtype, self._options.channels_first
        )

    def _empty(self, frames: int) -> Samples:
        shape = (frames, self.num_channels)
        return np.empty(shape[::-1] if self._options.channels_first else shape, self._decoder.dtype)

    def _joined(self, first: Samples, second: Samples, length: int) -> Samples:
        """The two in one array of so many frames; the second itself where that is all."""
        if length == self._length(second):
            return second
        joined = self._empty(length)
        at, end = self._length(first), self._length(first) + self._length(second)
        self._along(joined)[:at] = self._along(first)
        self._along(joined)[at:end] = self._along(second)
        return joined

    def _along(self, samples: Samples) -> Any:
        """The frames along the first axis, or back again."""
        return samples.T if self._options.channels_first else samples

    def _length(self, samples: Samples) -> int:
        return len(self._along(samples))
