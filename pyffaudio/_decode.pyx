# cython: auto_pickle=False, autotestdict=False, freethreading_compatible=True
"""The one door to FFmpeg: `Decoder` opens a source and fills arrays.

Policy is in the Python modules above this one: they pass normalised options and sound arrays.
"""
cimport cython
from cpython.buffer cimport (
    PyBUF_SIMPLE, PyBUF_STRIDED, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer)
from libc.limits cimport INT_MAX
from libc.stdint cimport INT64_MAX, int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from pyffaudio cimport ffmpeg as ff
from pyffaudio._batch cimport Plan, Row, fill_row, take_all, take_next
from pyffaudio._claim cimport claim, is_raised, raise_flag, release
from pyffaudio._convert cimport Output, Target
from pyffaudio._demuxer cimport init_quiet_class
from pyffaudio._describe cimport chars_or_null, describe, describe_issues, dtype_of, flac_md5
from pyffaudio._feed cimport is_filtered
from pyffaudio._graph cimport GraphPlan, init_graph, init_filters
from pyffaudio._issues cimport Issues, is_damaged
from pyffaudio._linked cimport (
    decoders_of_ffmpeg, demuxers_of_ffmpeg, files_of_ffmpeg, versions_of_ffmpeg)
from pyffaudio._media cimport Fault, Media, Policy
from pyffaudio._memory cimport MemoryAccount, count_memory, open_account
from pyffaudio._mixing cimport find_conversion, mixing_rows
from pyffaudio._plan cimport fill_plan, filters_of_ffmpeg as all_filters, free_plan, \
    options_of_filter as all_options, try_filter as try_one
from pyffaudio._raise cimport memory_error, raise_if_failed, raise_if_stopped
from pyffaudio._seek cimport can_go, is_divisible
from pyffaudio._session cimport (
    Session, close_session, count_session, cut_session, fill_session, init_session, mend_session,
    open_session, seek_session)
from pyffaudio._source cimport (
    drop_error, has_stopped, monotonic_ns, use_file_object, use_memory, use_path)

from pyffaudio import issues

if not init_quiet_class():
    raise MemoryError
init_filters()

SAMPLE_FORMATS = {
    "uint8": ff.AV_SAMPLE_FMT_U8,
    "int8": ff.AV_SAMPLE_FMT_U8,
    "int16": ff.AV_SAMPLE_FMT_S16,
    "int32": ff.AV_SAMPLE_FMT_S32,
    "float32": ff.AV_SAMPLE_FMT_FLT,
    "float64": ff.AV_SAMPLE_FMT_DBL,
}


@cython.final
cdef class Stop:
    """Has the decoders that were given it stop with an error, soon, from another thread."""
    cdef int flag

    def request(self):
        raise_flag(&self.flag)

    @property
    def is_requested(self):
        return is_raised(&self.flag)


@cython.final
cdef class Settings:
    """Options as sessions take them; made once for all calls that have the same."""
    cdef Session fresh          # as every session begins
    cdef int64_t timeout_ns
    cdef ff.AVDictionary *format_options
    cdef GraphPlan plan
    cdef object limits
    cdef tuple texts            # the bytes that the policy and the plan point into

    def __cinit__(self, options, plan=None):
        cdef Target *target = &self.fresh.target
        init_session(&self.fresh)
        self.fresh.find_conversion = find_conversion
        self._set_policy(options)
        self._set_limits(options.limits)
        if plan is not None:
            self.texts += (plan,)
            fill_plan(&self.plan, plan.nodes, plan.ends, plan.links)
            self.plan.max_bytes = options.limits.max_bytes
            init_graph(&self.fresh.feed.graph, &self.plan)
        target.sample_rate = options.sample_rate or 0
        target.num_channels = options.num_channels or 0
        target.planar = options.channels_first
        target.flips_sign = options.dtype == "int8"
        target.sample_format = ff.AV_SAMPLE_FMT_NONE
        if options.dtype is not None:
            target.sample_format = SAMPLE_FORMATS[options.dtype]
        for key, value in options.format_options.items():
            if ff.av_dict_set(&self.format_options, key.encode(), value.encode(), 0) < 0:
                raise MemoryError
        self.fresh.format_options = self.format_options

    def __dealloc__(self):
        ff.av_dict_free(&self.format_options)
        free_plan(&self.plan)

    cdef object _set_policy(self, options):
        cdef Policy *policy = &self.fresh.feed.policy
        cdef object limits = options.limits
        cdef object format = options.format and options.format.encode()
        self.texts = (options.demuxers, options.decoders, format)
        policy.demuxers = options.demuxers
        policy.decoders = options.decoders
        policy.format = chars_or_null(format)
        policy.stream_index = -1 if options.stream_index is None else options.stream_index
        policy.max_channels = limits.max_channels
        policy.max_sample_rate = limits.max_sample_rate
        policy.max_streams = limits.max_streams

    cdef object _set_limits(self, limits):
        self.limits = limits
        open_account(&self.fresh.memory, limits.max_bytes)
        if limits.timeout is not None:
            # At most 30 years: nanoseconds beyond that do not fit.
            self.timeout_ns = <int64_t>(min(limits.timeout, 1e9) * 1e9)
        if limits.max_input_bytes is not None:
            self.fresh.feed.source.max_bytes = limits.max_input_bytes


@cython.final
@cython.no_gc_clear     # FFmpeg's callbacks use `file` and `stop` for as long as C fields are open
cdef class Decoder:
    """An open audio stream; `read_into()` is the primitive that everything else is made of."""
    cdef Session session
    cdef Py_buffer view
    cdef bint has_view
    cdef int busy               # by `claim` and `release` only
    cdef bint closed
    cdef object file
    cdef Stop stop
    cdef Settings settings
    cdef bytes format_hint
    cdef dict facts             # what describe() answers
    cdef readonly str description
    cdef readonly str dtype
    cdef readonly str md5       # of the samples, in hexadecimal; "" where it is not stated

    def __cinit__(self, Settings settings not None, *, bytes path=None, data=None, file=None,
                  str description not None, bytes format_hint=None, Stop stop=None,
                  int64_t began_ns=0):
        self.session = settings.fresh
        self.session.feed.policy.format_hint = chars_or_null(format_hint)
        self.settings = settings
        self.format_hint = format_hint
        self.description = description
        self.file = file
        self.stop = stop
        if stop is not None:
            self.session.feed.source.stop_flag = &stop.flag
        self._start_clock(began_ns)
        if data is not None:
            PyObject_GetBuffer(data, &self.view, PyBUF_SIMPLE)
            self.has_view = True
            use_memory(&self.session.feed.source, <const uint8_t *>self.view.buf, self.view.len)
        elif file is not None:
            use_file_object(&self.session.feed.source, file)
        try:
            self._open(path)
        except BaseException:
            self._free()
            raise

    def __dealloc__(self):
        if self.settings is not None:       # else no argument was taken, and nothing is open
            self._free()

    cdef void _free(self):
        count_memory(&self.session.memory)
        close_session(&self.session)
        count_memory(NULL)
        drop_error(&self.session.feed.source)
        if self.has_view:
            self.has_view = False
            PyBuffer_Release(&self.view)

    def close(self):
        """Release everything; reading and describing are errors from now on."""
        self._take()
        if not self.closed:
            self.closed = True
            self._free()
        release(&self.busy)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    cdef void _start_clock(self, int64_t began_ns):
        if self.settings.timeout_ns > 0:
            self.session.feed.source.deadline_ns \
                = (began_ns or monotonic_ns()) + self.settings.timeout_ns

    def begin_call(self):
        """Let the timeout, which is that of one call, begin now.

        A stream that its source had broken off in an earlier one begins anew, with frame 0.
        """
        cdef int status = 0
        self._take()
        try:
            self._check_open()
            self._start_clock(0)
            self.session.feed.graph.bytes_in = 0
            self.session.memory.samples = 0
            if self.session.broken or has_stopped(&self.session.feed.source):
                with nogil:
                    count_memory(&self.session.memory)
                    status = mend_session(&self.session)
                    count_memory(NULL)
                self._check(status)
        finally:
            release(&self.busy)

    def forget_samples(self):
        """Let what has been read in this call no longer count: the caller does not keep it."""
        self._take()
        self.session.memory.samples = 0
        release(&self.busy)

    cdef object _open(self, bytes path):
        cdef const char *path_chars = chars_or_null(path)
        cdef int64_t status = 0
        with nogil:
            count_memory(&self.session.memory)
            if path_chars != NULL:
                status = use_path(&self.session.feed.source, path_chars)
            if status == 0:
                status = open_session(&self.session)
            count_memory(NULL)
        self._check(status)
        self.dtype = dtype_of(SAMPLE_FORMATS, &self.session.target)
        # Before a chained stream goes on to files that say something else.
        self.facts = describe(&self.session.feed.media, &self.session.feed.source,
                              self.settings.limits.max_tag_bytes)
        self.md5 = flac_md5(self.session.feed.media.codec)

    cdef object _check(self, int64_t status):
        """Raise what a negative status means, or that FFmpeg went on without enough memory."""
        cdef Session *session = &self.session
        cdef object limits = self.settings.limits
        if session.memory.refused:
            session.memory.refused = False
            session.broken = True
            raise_if_stopped(&session.feed.source, limits, self.description)
            raise memory_error(limits, self.description)
        if status >= 0:
            return
        if has_stopped(&session.feed.source):
            session.broken = True
        if session.feed.media.fault == Fault.CANNOT_GO_BACK:
            session.feed.media.fault = Fault.NO_FAULT
            raise ValueError(f"{self.description}: this source cannot seek back")
        if session.feed.media.fault == Fault.CANNOT_CONVERT:
            session.feed.media.fault = Fault.NO_FAULT
            try:
                mixing_rows(session)        # once more, and aloud
            except ValueError as error:
                raise ValueError(f"{self.description}: {error}") from None
        raise_if_failed(status, &session.feed.source, &session.feed.media, limits,
                        self.description)

    cdef object _check_open(self):
        if self.closed:
            raise ValueError(f"{self.description}: this decoder is closed")

    cdef object _take(self):
        if not claim(&self.busy):
            raise RuntimeError(f"{self.description}: this decoder is in use, by another thread "
                               "or by its own file object")

    cdef object _take_open(self):
        self._take()
        if self.closed or self.session.broken:
            release(&self.busy)
            self._check_open()
            raise RuntimeError(f"{self.description}: an error has broken this stream off")

    cdef int64_t _fill(self, const Output *output, int64_t room) except -1:
        cdef int64_t filled = 0
        cdef int64_t status
        with nogil:
            count_memory(&self.session.memory)
            status = fill_session(&self.session, output, room, &filled)
            count_memory(NULL)
        self._check(status)
        return filled

    def read_into(self, out):
        """Fill `out`, a writable (frames, channels) array of `dtype` with any strides.

        Answers how many frames were written; fewer than asked means the end, or a fault that the
        next call raises.
        """
        cdef const Target *target = &self.session.target
        cdef Py_buffer view
        cdef Output output
        PyObject_GetBuffer(out, &view, PyBUF_STRIDED)
        try:
            if view.readonly or view.ndim != 2 or view.itemsize != target.item_bytes \
                    or view.shape[1] != target.num_channels:
                raise ValueError(f"out must be a writable (frames, {target.num_channels}) array "
                                 f"of {self.dtype}")
            output.base = <uint8_t *>view.buf
            output.frame_stride = view.strides[0]
            output.channel_stride = view.strides[1]
            self._take_open()
            try:
                return self._fill(&output, view.shape[0])
            finally:
                release(&self.busy)
        finally:
            PyBuffer_Release(&view)

    def seek(self, int64_t frame):
        """Go to a frame, or to the end if that comes before; answers the position reached."""
        self._take_open()
        try:
            return self._seek(frame)
        finally:
            release(&self.busy)

    cdef int64_t _seek(self, int64_t frame) except -1:
        cdef int status
        with nogil:
            count_memory(&self.session.memory)
            status = seek_session(&self.session, frame)
            count_memory(NULL)
        self._check(status)
        return self.session.position

    def skip(self, int64_t num_frames):
        """Drop up to `num_frames` frames; answers how many there were."""
        cdef int64_t before
        self._take_open()
        try:
            before = self.session.position
            return self._seek(before + num_frames) - before
        finally:
            release(&self.busy)

    def cut(self, double start_seconds, double stop_seconds):
        """Of a stream that was just opened, let its filters have no more than this segment.

        Negative seconds count from the end, which is then looked for.
        """
        cdef int status
        self._take_open()
        try:
            with nogil:
                count_memory(&self.session.memory)
                status = cut_session(&self.session, start_seconds, stop_seconds)
                count_memory(NULL)
            self._check(status)
        finally:
            release(&self.busy)

    def count(self):
        """Frames of the whole by its packets, which are not decoded; None where that is no way.

        Before anything has been read; behind it, the end has come, or the first frame again.
        """
        cdef int status
        self._take_open()
        try:
            with nogil:
                count_memory(&self.session.memory)
                status = count_session(&self.session)
                count_memory(NULL)
            self._check(status)
            return self.session.position if status > 0 else None
        finally:
            release(&self.busy)

    @property
    def position(self):
        """Frames read or skipped so far."""
        return self.session.position

    def most_parts(self, int64_t sample_bytes):
        """Into how many parts, for decoders of their own, the stream may be divided, bit for bit:
        as many as there is room for beside so many bytes of samples, if each takes what this does,
        and as much again while it is opened.
        """
        cdef const MemoryAccount *memory = &self.session.memory
        cdef bint divisible
        self._take_open()
        divisible = not is_filtered(&self.session.feed) \
            and can_go(&self.session.feed.media, &self.session.feed.source) \
            and is_divisible(&self.session.feed.media, &self.session.feed.source)
        release(&self.busy)
        if not divisible:
            return 1
        return max(memory.most - sample_bytes, 0) // max(2 * memory.used, 1)

    @property
    def packets_decoded(self):
        """How many packets have been given to the decoder."""
        return self.session.feed.media.packets_decoded

    @property
    def kernel_packets(self):
        """How many of them our own kernel has decoded in its place."""
        return self.session.feed.media.kernel_packets

    @property
    def sample_rate(self):
        return self.session.target.sample_rate

    @property
    def num_channels(self):
        return self.session.target.num_channels

    @property
    def frame_bytes(self):
        """Bytes of a frame of what comes out."""
        return self.session.target.num_channels * self.session.target.item_bytes

    @property
    def claimed_frames(self):
        """Frames at the output rate by the container's word, which may be wrong; or None."""
        self._check_open()
        if self.facts["num_frames"] is None or is_filtered(&self.session.feed):
            return None
        return ff.av_rescale_rnd(self.facts["num_frames"], self.session.target.sample_rate,
                                 self.facts["sample_rate"], ff.AV_ROUND_UP)

    @property
    def input_bytes(self):
        return None if self.session.feed.source.size < 0 else self.session.feed.source.size

    @property
    def complete(self):
        """False: audio is known to be missing; True: all that was promised came; None: unknown."""
        cdef const Media *media = &self.session.feed.media
        cdef bint damaged, proved
        self._take()
        damaged = is_damaged(&media.issues)
        proved = media.ended and media.proved and not media.unproved_links
        release(&self.busy)
        return False if damaged else True if proved else None

    @property
    def issues(self):
        """(code, frame offset, frames) of each irregularity so far, at the output rate.

        With filters, in the time of what goes in.
        """
        cdef Issues found
        self._take()
        found = self.session.feed.media.issues
        release(&self.busy)
        return describe_issues(&found, issues.ISSUE_CODES, self.session.feed.graph.origin,
                               self.facts["sample_rate"], self.session.target.sample_rate)

    def describe(self):
        """What the container and the first frame say, for AudioInfo."""
        self._check_open()
        return self.facts


@cython.final
@cython.no_gc_clear
cdef class Batch:
    """Rows that threads fill side by side, each taking the next one that none has taken."""
    cdef Plan plan
    cdef Row *rows
    cdef int64_t count, next
    cdef Py_buffer out
    cdef Py_buffer *views       # of each row's data, where it has some
    cdef list sources           # what these are of, and the bytes that rows point into
    cdef Settings settings
    cdef Stop stop

    def __cinit__(self, Settings settings not None, limits, out, padding, list sources not None,
                  Stop stop not None):
        """`out` is (rows, frames, channels); `padding` one of its samples as bytes.

        Of each source: path, data, format hint, start and stop in seconds, frame offset and count.
        """
        self.settings = settings
        self.stop = stop
        self.sources = sources
        self.plan.fresh = settings.fresh
        self.plan.fresh.feed.source.stop_flag = &stop.flag
        self.plan.fresh.feed.source.next_watch_ns = INT64_MAX    # signals are the main thread's
        self.plan.timeout_ns = settings.timeout_ns
        self.plan.max_bytes = limits.max_bytes
        self.plan.max_duration = float("inf") if limits.max_duration is None \
            else limits.max_duration
        PyObject_GetBuffer(out, &self.out, PyBUF_STRIDED | PyBUF_WRITABLE)
        if self.out.ndim != 3 or len(sources) > self.out.shape[0] or self.out.shape[2] > INT_MAX \
                or len(padding) != self.out.itemsize or self.out.itemsize > 8:
            raise ValueError("out must have a row for each source, of samples like padding")
        memcpy(self.plan.padding, <const char *>padding, len(padding))
        self.plan.row_frames = self.out.shape[1]
        self.plan.num_channels = <int>self.out.shape[2]
        self.rows = <Row *>calloc(len(sources), sizeof(Row))
        self.views = <Py_buffer *>calloc(len(sources), sizeof(Py_buffer))
        if self.rows == NULL or self.views == NULL:
            raise MemoryError
        for source in sources:
            self._add(source)

    cdef object _add(self, tuple source):
        cdef Row *row = &self.rows[self.count]
        cdef Py_buffer *view = &self.views[self.count]
        path, data, hint, row.start_seconds, row.stop_seconds, row.frame_offset, row.num_frames \
            = source
        row.path = chars_or_null(path)
        row.format_hint = chars_or_null(hint)
        if data is not None:
            PyObject_GetBuffer(data, view, PyBUF_SIMPLE)
            row.data = <const uint8_t *>view.buf
            row.data_bytes = view.len
        row.output.base = <uint8_t *>self.out.buf + self.count * self.out.strides[0]
        row.output.frame_stride = self.out.strides[1]
        row.output.channel_stride = self.out.strides[2]
        self.count += 1

    def __dealloc__(self):
        cdef int64_t i
        if self.views != NULL:
            for i in range(self.count):
                PyBuffer_Release(&self.views[i])
        PyBuffer_Release(&self.out)
        free(self.views)
        free(self.rows)

    def fill(self):
        """Fill rows until one needs Python: its index, or -1 where none is left to take."""
        cdef Session *session = <Session *>calloc(1, sizeof(Session))
        cdef int64_t taken
        if session == NULL:
            raise MemoryError
        with nogil:
            taken = take_next(&self.next)
            while taken < self.count and fill_row(session, &self.plan, &self.rows[taken]):
                taken = take_next(&self.next)
        drop_error(&session.feed.source)     # of the last row, which Python will meet
        free(session)
        return taken if taken < self.count else -1

    def end(self):
        """Have all threads take no more rows."""
        take_all(&self.next, self.count)

    def result(self, Py_ssize_t index):
        """How many frames a row was filled with, whether there was more, when its clock began."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self.rows[index].filled, self.rows[index].more, self.rows[index].began_ns


def linked_versions():
    """Versions, licence and configuration of the FFmpeg that this process has loaded."""
    return versions_of_ffmpeg()


def loaded_from():
    """The files that the libraries of `linked_versions` come from, as this process has them."""
    return files_of_ffmpeg()


def available_formats():
    """Names of every demuxer and of every audio decoder of the linked FFmpeg."""
    return demuxers_of_ffmpeg(), decoders_of_ffmpeg()


def filters_of_ffmpeg():
    """Name and purpose of each filter from audio to audio, as far as that is known beforehand."""
    return all_filters()


def options_of_filter(bytes name not None):
    """Name of each option, and its place in memory, in the order that arguments without a name
    have; names of the same place are of one option.
    """
    return all_options(name)


def try_filter(bytes name not None, tuple options not None, tuple bounds not None):
    """Make a filter as a graph would, if the integers that `bounds` name are within these.

    Answers what is wrong, or ""; the index of the option that FFmpeg said it of, or -1; the kinds
    of its inputs and of its outputs; and those integers.
    """
    return try_one(name, options, bounds)
