# cython: auto_pickle=False, autotestdict=False, freethreading_compatible=True
"""The one door to libsox: `Decoder` reads a file, `Chain` applies effects to an array.

`Decoder` has the interface that is in decoder.py, so that all that is made of that can be of this.
"""
cimport cython
from cpython.buffer cimport PyBUF_STRIDED_RO, PyBuffer_Release, PyObject_GetBuffer
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from posix.unistd cimport close, getpid

from pyffaudio cimport sox
from pyffaudio._claim cimport claim, release
from pyffaudio._sox_chain cimport (
    Flow, add_effect, add_own, drop_effect, fill_handler, give_source, new_effect, pass_meter,
    run_chain, take_result)
from pyffaudio._sox_describe cimport (
    describe_effects, describe_formats, facts_of, is_lossless, text)
from pyffaudio._sox_library cimport (
    Watch, cannot_tell, forget_words, keep_error, kept_error, lock, start_libsox, start_watch,
    unlock, words_of_libsox)
from pyffaudio._sox_samples cimport Kind, Place
from pyffaudio._sox_stream cimport (
    BLOCK_SAMPLES, MAX_CHANNELS, Stream, can_seek, close_resampler, close_stream,
    is_counted, keeps_integers, open_format, read_frames, resampled_length, start_resampler)

import os

from pyffaudio import diagnose, issues
from pyffaudio.levels import mix_matrix
from pyffaudio.rates import check_rates
from pyffaudio.sox_effects import check_place, check_signal, effect_error

KINDS = {
    "uint8": Kind.UINT8,
    "int8": Kind.INT8,
    "int16": Kind.INT16,
    "int32": Kind.INT32,
    "float32": Kind.FLOAT32,
    "float64": Kind.FLOAT64,
}
HEAD_BYTES = 512                # enough to tell a web page
ITEM_BYTES = {"uint8": 1, "int8": 1, "int16": 2, "int32": 4, "float32": 4, "float64": 8}

if start_libsox() != sox.SOX_SUCCESS:
    raise ImportError("libsox could not be initialised")

cdef sox.sox_effect_handler_t SOURCE, RESULT, METER
fill_handler(&SOURCE, "input")
SOURCE.drain = give_source
fill_handler(&RESULT, "output")
RESULT.flow = take_result
fill_handler(&METER, "meter")
METER.flow = pass_meter


cdef int64_t nanoseconds(seconds):
    # At most 30 years: nanoseconds beyond that do not fit.
    return 0 if seconds is None else <int64_t>(min(seconds, 1e9) * 1e9)


cdef int take_place(Place *place, Py_buffer *view, array, Kind kind) except -1:
    """Where the frames of an array are, whose buffer is then held."""
    PyObject_GetBuffer(array, view, PyBUF_STRIDED_RO)
    place.kind = kind
    if view.ndim == 2:
        place.base = <char *>view.buf
        place.frame_stride = view.strides[0]
        place.channel_stride = view.strides[1]
        place.num_channels = <int>view.shape[1]
    return 0


cdef object check_watch(Watch *watch, limits, str description):
    """Raise what has ended a call from outside."""
    error = kept_error(watch)
    if error is not None:
        raise error
    if watch.timed_out:
        raise diagnose.limit_error(limits, "timeout", description)


@cython.final
cdef class Decoder:
    """An open file; `read_into()` is the primitive that everything else is made of."""
    cdef Stream stream
    cdef Watch watch
    cdef int descriptor         # of our own, which libsox opens once more by its name in /proc
    cdef int process            # that opened it: a forked child would share its offset
    cdef int busy
    cdef bint closed
    cdef bint is_lossless       # as stored
    cdef Kind kind
    cdef object limits
    cdef bytes filetype, rate_text
    cdef list found             # issues
    cdef dict facts             # what describe() answers
    cdef readonly str description
    cdef readonly str dtype
    cdef readonly int frame_bytes
    cdef readonly int64_t input_bytes

    def __cinit__(self, options, *, int descriptor, int64_t input_bytes, str description not None,
                  format_hint=None):
        self.descriptor = -1
        self.process = getpid()
        self.description = description
        self.input_bytes = input_bytes
        self.found = []
        self.limits = options.limits
        self.dtype = options.dtype or "int32"
        self.kind = KINDS[self.dtype]
        start_watch(&self.watch, nanoseconds(self.limits.timeout))
        self.descriptor = os.dup(descriptor)        # which a program started meanwhile has not
        snprintf(self.stream.path, sizeof(self.stream.path), "/proc/self/fd/%d", self.descriptor)
        try:
            self._open(options, format_hint)
        except BaseException:
            self._free()
            raise

    def __dealloc__(self):
        if self.description is not None:    # else no argument was taken, and nothing is open
            self._free()

    cdef void _free(self):
        with nogil:
            close_stream(&self.stream)
            if self.descriptor >= 0:
                close(self.descriptor)
                self.descriptor = -1

    def close(self):
        """Release everything; reading and describing are errors from now on."""
        self._take()
        self.closed = True
        self._free()
        release(&self.busy)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def begin_call(self):
        """Let the timeout, which is that of one call, begin now."""
        self._take_open()
        start_watch(&self.watch, nanoseconds(self.limits.timeout))
        release(&self.busy)

    def forget_samples(self):
        """Samples are counted by who asks for them, and libsox's memory is not."""

    cdef object _open(self, options, format_hint):
        cdef Stream *stream = &self.stream
        stream.raw.rate = options.format_options.get("sample_rate", 0)
        stream.raw.channels = options.format_options.get("channels", 0)
        self._open_as(options.format)
        if stream.format == NULL and format_hint is not None and cannot_tell():
            self._open_as(format_hint)
        if stream.format == NULL:
            raise diagnose.sox_error(self._words(), self._head(), self.description)
        self._check_limits(options.limits)
        stream.source_channels = <int>stream.format.signal.channels
        stream.source_rate = stream.format.signal.rate
        stream.num_channels = options.num_channels or stream.source_channels
        self.facts = facts_of(stream.format, self.limits.max_tag_bytes)
        self.is_lossless = is_lossless(stream.format)
        stream.sample_rate = options.sample_rate or self.facts["sample_rate"]
        self._set_matrix()
        self.frame_bytes = stream.num_channels * <int>ITEM_BYTES[self.dtype]
        self.rate_text = b"%d" % stream.sample_rate
        self._start()

    cdef object _open_as(self, filetype):
        if filetype is not None:
            self.filetype = filetype.encode()
            self.stream.filetype = self.filetype
        forget_words()
        with nogil:
            open_format(&self.stream)

    cdef bytes _head(self):
        return os.pread(self.descriptor, HEAD_BYTES, 0)

    cdef str _words(self):
        """What libsox said last, of our name for the source."""
        return text(words_of_libsox()).replace(text(self.stream.path), self.description)

    cdef object _check_limits(self, limits):
        cdef sox.sox_signalinfo_t *signal = &self.stream.format.signal
        most = min(limits.max_channels, MAX_CHANNELS)
        if signal.channels > most:
            raise diagnose.limit_error(limits, "max_channels", self.description, signal.channels)
        if not signal.rate >= 1:
            raise diagnose.sox_error(f"its sample rate is {signal.rate:g} Hz", self._head(),
                                     self.description)
        if signal.rate > limits.max_sample_rate:
            raise diagnose.limit_error(limits, "max_sample_rate", self.description, signal.rate)

    cdef object _set_matrix(self):
        """Weights by the level contract. libsox knows of no places: two are left and right."""
        cdef Stream *stream = &self.stream
        cdef Py_ssize_t place = 0
        names = ["FL", "FR"] if stream.source_channels == 2 else [None] * stream.source_channels
        try:
            check_rates(self.facts["sample_rate"], stream.sample_rate)
            rows = mix_matrix(names, stream.num_channels)
        except ValueError as error:
            raise ValueError(f"{self.description}: {error}") from None
        stream.mixes = rows is not None
        for row in rows or ():
            for weight in row:
                stream.matrix[place] = weight
                place += 1

    cdef object _start(self):
        """Have the resampler begin, where there is one."""
        cdef int status = 1
        cdef char *rate = self.rate_text
        with nogil:
            close_resampler(&self.stream)
            if self.stream.sample_rate != <int>(self.stream.source_rate + 0.5):
                status = start_resampler(&self.stream, rate)
        if status < 0:
            raise RuntimeError(f"{self.description}: {self._words()}")

    cdef object _begin_anew(self):
        cdef int status
        with nogil:
            close_stream(&self.stream)
            status = open_format(&self.stream)
        if status < 0:
            raise RuntimeError(f"{self.description}: {self._words()}")
        self.found = []
        self._start()

    cdef object _take(self):
        if not claim(&self.busy):
            raise RuntimeError(f"{self.description}: this decoder is in use by another thread")

    cdef object _take_open(self):
        self._take()
        if self.closed or self.process != getpid():
            release(&self.busy)
            raise ValueError(f"{self.description}: this decoder is closed" if self.closed else
                             f"{self.description}: this decoder was opened before a fork")

    cdef int64_t _fill(self, Place *place, int64_t room) except -1:
        cdef int64_t filled = 0
        cdef int status
        forget_words()
        with nogil:
            status = read_frames(&self.stream, &self.watch, place, room, &filled)
        if not self.found:
            self._note(status == 0)
        check_watch(&self.watch, self.limits, self.description)
        return filled

    cdef object _note(self, bint ended):
        """Note the first thing that is wrong with what has been read."""
        cdef Stream *stream = &self.stream
        cdef int64_t lost = 0
        claimed = self.facts["num_frames"]
        if ended and stream.frames_in == 0 and self.input_bytes and not self.is_lossless:
            raise diagnose.fault_error("nothing_decoded", 0, self.facts["container"],
                                       self._head(), self.description, self.limits)
        if ended and claimed is not None and stream.frames_in < claimed:
            lost = resampled_length(stream, claimed) - stream.position
        if stream.error != 0:
            place = resampled_length(stream, stream.error_frame)
            self.found.append(("corrupt_data", min(place, stream.position), 0))
        elif lost > 0 and is_counted(stream):
            self.found.append(("truncated", stream.position, lost))
        elif lost > 0:
            self.found.append(("length_mismatch", stream.position, 0))

    def read_into(self, out):
        """Fill `out`, a writable (frames, channels) array of `dtype` with any strides.

        Answers how many frames were written; fewer than asked means the end.
        """
        cdef Py_buffer view
        cdef Place place
        take_place(&place, &view, out, self.kind)
        try:
            if view.readonly or view.ndim != 2 or view.itemsize != ITEM_BYTES[self.dtype] \
                    or view.shape[1] != self.stream.num_channels:
                raise ValueError(f"out must be a writable (frames, {self.stream.num_channels}) "
                                 f"array of {self.dtype}")
            place.rounds = not keeps_integers(&self.stream)
            self._take_open()
            try:
                return self._fill(&place, view.shape[0])
            finally:
                release(&self.busy)
        finally:
            PyBuffer_Release(&view)

    def seek(self, int64_t frame):
        """Go to a frame, or to the end if that comes before; answers the position reached."""
        self._take_open()
        try:
            if frame < self.stream.position:
                self._begin_anew()
            if frame > self.stream.position and can_seek(&self.stream):
                self._jump(frame)
            self._drop(frame - self.stream.position)
            return self.stream.position
        finally:
            release(&self.busy)

    cdef object _jump(self, int64_t frame):
        """Have libsox go to a frame: once in an open file, since it counts on from there."""
        cdef Stream *stream = &self.stream
        cdef uint64_t sample
        claimed = self.facts["num_frames"]
        if claimed is None or frame - stream.position < BLOCK_SAMPLES:
            return
        if claimed * stream.source_channels * stream.format.encoding.bits_per_sample \
                > self.input_bytes * 8:
            return              # the file is cut: only reading tells where
        frame = min(frame, <int64_t>claimed)
        sample = <uint64_t>frame * stream.source_channels
        self._begin_anew()
        if sox.sox_seek(stream.format, sample, sox.SOX_SEEK_SET) != sox.SOX_SUCCESS:
            self._begin_anew()
            return
        stream.format.olength = sample      # else libsox would read so much beyond the audio
        stream.frames_in = stream.position = frame

    cdef object _drop(self, int64_t count):
        cdef Place nowhere
        memset(&nowhere, 0, sizeof(nowhere))
        if count > 0:
            self._fill(&nowhere, count)

    def skip(self, int64_t num_frames):
        """Drop up to `num_frames` frames; answers how many there were."""
        cdef int64_t before
        self._take_open()
        try:
            before = self.stream.position
            self._drop(num_frames)
            return self.stream.position - before
        finally:
            release(&self.busy)

    def count(self):
        """Frames of the whole without decoding: libsox has no such way."""

    @property
    def md5(self):
        return ""

    def most_parts(self, sample_bytes):
        return 1

    @property
    def position(self):
        """Frames read or skipped so far."""
        return self.stream.position

    @property
    def sample_rate(self):
        return self.stream.sample_rate

    @property
    def num_channels(self):
        return self.stream.num_channels

    @property
    def claimed_frames(self):
        """Frames at the output rate by the file's word, which may be wrong; or None."""
        claimed = self.facts["num_frames"]
        return None if claimed is None else resampled_length(&self.stream, claimed)

    @property
    def complete(self):
        """False: audio is known to be missing; True: all that was promised came; None: unknown."""
        if self.found:
            return False if self.found[0][0] in issues.FATAL_CODES else None
        told = self.stream.source_ended and self.facts["num_frames"] == self.stream.frames_in
        return True if told and is_counted(&self.stream) else None

    @property
    def issues(self):
        """(code, frame offset, frames) of each irregularity so far, at the output rate."""
        return list(self.found)

    def describe(self):
        """What libsox says of the file, for AudioInfo."""
        return self.facts


cdef int make_room(Flow *flow, int64_t frames) noexcept with gil:
    try:
        (<Chain>flow.owner).grow(frames)
    except BaseException as error:
        keep_error(&flow.watch, error)
        return -1
    return 0


@cython.final
@cython.no_gc_clear     # libsox's callbacks use `buffer` for as long as the chain runs
cdef class Chain:
    """Effects on an array, of which each has been accepted by libsox; `run()` once."""
    cdef sox.sox_effects_chain_t *chain
    cdef sox.sox_signalinfo_t signal
    cdef Flow flow
    cdef Py_buffer view
    cdef bint has_view
    cdef object limits
    cdef object buffer
    cdef list texts             # the arguments, which some effects keep pointers to
    cdef readonly str dtype, description

    def __cinit__(self, samples, double sample_rate, list effects not None, limits):
        """`samples` is (frames, channels); of each effect: name, arguments, whether it keeps all
        it gets.
        """
        self.dtype = samples.dtype.name
        self.description = "apply_effects"
        self.texts = []
        self.limits = limits
        take_place(&self.flow.source, &self.view, samples, KINDS[self.dtype])
        self.has_view = True
        if self.view.ndim != 2 or self.view.itemsize != ITEM_BYTES[self.dtype]:
            raise ValueError("samples must be a (frames, channels) array")
        self.flow.source_frames = self.view.shape[0]
        self.signal.rate = sample_rate
        self.signal.channels = <unsigned>self.view.shape[1]
        self.signal.precision = 32
        self.signal.length = <uint64_t>(self.view.shape[0] * self.view.shape[1])
        self.flow.owner = <PyObject *>self
        self.flow.make_room = make_room
        self.flow.meter.left = limits.max_bytes // sizeof(sox.sox_sample_t)
        self._build(effects, limits)

    def __dealloc__(self):
        with nogil:
            if self.chain != NULL:
                lock()
                sox.sox_delete_effects_chain(self.chain)
                unlock()
        if self.has_view:
            PyBuffer_Release(&self.view)

    cdef object _build(self, list effects, limits):
        cdef Py_ssize_t count = len(effects)
        cdef Py_ssize_t i
        cdef sox.sox_effect_t **made = <sox.sox_effect_t **>calloc(
            <size_t>count + 1, sizeof(sox.sox_effect_t *))
        if made == NULL:
            raise MemoryError
        try:
            for i in range(count):
                made[i] = self._parsed(effects[i][0], effects[i][1])
            self._add(effects, made, limits)
        finally:
            with nogil:
                lock()
                for i in range(count):
                    if made[i] != NULL:
                        drop_effect(made[i])
                unlock()
                free(made)

    cdef sox.sox_effect_t *_parsed(self, str name, list arguments) except NULL:
        cdef sox.sox_effect_t *effect
        cdef int count = <int>len(arguments)
        cdef char **texts = <char **>calloc(<size_t>count + 1, sizeof(char *))
        cdef bytes chars = name.encode()
        cdef const char *name_chars = chars
        if texts == NULL:
            raise MemoryError
        for i in range(count):
            copy = bytearray(arguments[i].encode() + b"\0")     # some are written into
            self.texts.append(copy)
            texts[i] = copy
        forget_words()
        with nogil:
            lock()
            effect = new_effect(name_chars, texts, count)
            unlock()
            free(texts)
        if effect == NULL:
            self._raise_refused(name)
        return effect

    cdef object _raise_refused(self, str name):
        raise effect_error(name, text(words_of_libsox()), describe_effects()[name])

    cdef object _add(self, list effects, sox.sox_effect_t **made, limits):
        """Put the chain together; what `rate` and `channels` may leave open is as the sox command
        has it: what the last that says so says, or else as the source has it.
        """
        cdef sox.sox_signalinfo_t wanted = self.signal
        cdef sox.sox_effect_t *effect
        cdef bint keeps
        cdef int status
        for i in range(len(effects)):
            if made[i].out_signal.rate > 0:
                wanted.rate = made[i].out_signal.rate
            if made[i].out_signal.channels > 0:
                wanted.channels = made[i].out_signal.channels
            # Before libsox makes a filter for it.
            check_signal(effects[i][0], max(made[i].out_signal.rate, 1), wanted.channels, limits)
        with nogil:
            lock()
            self.chain = sox.sox_create_effects_chain(NULL, NULL)
            add_own(self.chain, &SOURCE, &self.flow, &self.signal)
            unlock()
        for i, (name, arguments, keeps) in enumerate(effects):
            check_place(name, arguments, self.signal.rate, self.signal.channels, limits)
            effect = made[i]
            made[i] = NULL
            with nogil:
                lock()
                if keeps:
                    add_own(self.chain, &METER, &self.flow, &self.signal)
                status = add_effect(self.chain, effect, &self.signal, &wanted)
                unlock()
            if status != sox.SOX_SUCCESS:
                self._raise_refused(name)
            check_signal(name, self.signal.rate, self.signal.channels, limits)
        self.flow.target.kind = self.flow.source.kind
        self.flow.target.rounds = True
        with nogil:
            lock()
            add_own(self.chain, &RESULT, &self.flow, &self.signal)
            unlock()

    @property
    def sample_rate(self):
        return int(self.signal.rate + 0.5)

    @property
    def num_channels(self):
        return <int>self.signal.channels

    @property
    def frame_bytes(self):
        return <int>self.signal.channels * <int>ITEM_BYTES[self.dtype]

    @property
    def expected_frames(self):
        """How many frames libsox expects to come out; None where it cannot tell."""
        if self.signal.length == sox.SOX_UNKNOWN_LEN:
            return None
        return <int64_t>(self.signal.length // self.signal.channels)

    cdef object grow(self, int64_t frames):
        """Have room for so many frames; beneath libsox, without its lock."""
        if self.flow.capacity < frames:
            self.buffer.grow(self.flow.room)
        self._use_buffer()

    cdef object _use_buffer(self):
        cdef Place *target = &self.flow.target
        cdef Py_buffer view
        take_place(target, &view, self.buffer.frames, target.kind)
        target.base += self.flow.filled * target.frame_stride
        self.flow.capacity = view.shape[0]
        PyBuffer_Release(&view)     # growing the buffer is what moves it, and only we do that

    def run(self, buffer, int64_t room):
        """Fill the buffer with at most `room` frames; answers how many, and whether more came."""
        cdef Flow *flow = &self.flow
        if self.buffer is not None:
            raise RuntimeError("a chain runs once")
        self.buffer = buffer
        flow.room = room
        self._use_buffer()
        forget_words()
        start_watch(&flow.watch, nanoseconds(self.limits.timeout))
        with nogil:
            run_chain(self.chain, flow)
        check_watch(&flow.watch, self.limits, self.description)
        if flow.meter.exceeded:
            return flow.filled, True
        if words_of_libsox()[0] != 0:
            raise effect_error("", text(words_of_libsox()), "")
        return flow.filled, flow.exceeded


def effects_of_libsox():
    return describe_effects()


def formats_of_libsox():
    return describe_formats()
