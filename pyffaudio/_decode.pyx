# cython: auto_pickle=False, autotestdict=False, freethreading_compatible=True
"""The one door to FFmpeg: `Decoder` opens a source and fills arrays.

Policy is in the Python modules above this one: they pass normalised options and sound arrays.
"""
cimport cython
from cpython.buffer cimport (
    PyBUF_SIMPLE, PyBUF_STRIDED, PyBuffer_Release, PyObject_GetBuffer)
from cpython.object cimport PyObject
from libc.errno cimport ENOMEM
from libc.stdint cimport INT64_MAX, int64_t, uint8_t
from libc.string cimport memset

from pyffaudio cimport ffmpeg as ff
from pyffaudio._claim cimport claim, raise_flag, release
from pyffaudio._convert cimport (
    MAX_CHANNELS, Converter, Output, Phase, Target, aligned_frame, belongs_to_run, close_converter,
    end_run, fill, start_run)
from pyffaudio._count cimport is_counted_to_the_end
from pyffaudio._demuxer cimport init_quiet_class
from pyffaudio._describe cimport (
    channel_names, chars_or_null, describe, describe_issues, flac_md5, text)
from pyffaudio._issues cimport IssueCode, Issues, is_damaged
from pyffaudio._index cimport Index, free_index
from pyffaudio._length cimport last_claimed
from pyffaudio._linked cimport (
    decoders_of_ffmpeg, demuxers_of_ffmpeg, files_of_ffmpeg, versions_of_ffmpeg)
from pyffaudio._media cimport Fault, Media, Policy, note_here
from pyffaudio._open cimport close_media
from pyffaudio._seek cimport Outcome, can_go, count_to, go_to, is_divisible
from pyffaudio._source cimport (
    Source, SourceKind, SourceStop, close_source, drop_error, init_source, monotonic_ns, rewind,
    start_source, use_memory, use_path)
from pyffaudio._timeline cimport consume_frame, next_frame, open_media

from pyffaudio import diagnose, issues
from pyffaudio.levels import continuing_matrix, mix_matrix
from pyffaudio.rates import check_rates

if not init_quiet_class():
    raise MemoryError

cdef enum:
    HEAD_BYTES = 512            # shown to diagnose: enough to tell a web page
    MOST_LOST = 3

FAULTS = {
    Fault.FORMAT_UNKNOWN: "format_unknown",
    Fault.FORMAT_NOT_ALLOWED: "format_not_allowed",
    Fault.FORMAT_MISSING: "format_missing",
    Fault.HEADER_DAMAGED: "header_damaged",
    Fault.NO_AUDIO_STREAM: "no_audio_stream",
    Fault.NO_SUCH_STREAM: "no_such_stream",
    Fault.NOT_AN_AUDIO_STREAM: "not_an_audio_stream",
    Fault.CODEC_NOT_ALLOWED: "codec_not_allowed",
    Fault.CODEC_MISSING: "codec_missing",
    Fault.CODEC_REFUSED: "codec_refused",
    Fault.NOTHING_DECODED: "nothing_decoded",
    Fault.TOO_MANY_STREAMS: "max_streams",
    Fault.TOO_MANY_CHANNELS: "max_channels",
    Fault.RATE_TOO_HIGH: "max_sample_rate",
}
SAMPLE_FORMATS = {
    "uint8": ff.AV_SAMPLE_FMT_U8,
    "int8": ff.AV_SAMPLE_FMT_U8,
    "int16": ff.AV_SAMPLE_FMT_S16,
    "int32": ff.AV_SAMPLE_FMT_S32,
    "float32": ff.AV_SAMPLE_FMT_FLT,
    "float64": ff.AV_SAMPLE_FMT_DBL,
}


cdef object check_source(Source *source, str description):
    """Raise what stopped the source, if anything did."""
    cdef object error
    if source.error != NULL:
        error = <object>source.error
        drop_error(source)
        raise error
    if source.stop == SourceStop.TIMED_OUT:
        raise diagnose.limit_error("timeout", None, description)
    if source.stop == SourceStop.CANCELLED:
        raise RuntimeError(f"{description}: cancelled by another thread")
    if source.stop == SourceStop.INPUT_TOO_LARGE:
        raise diagnose.limit_error("max_input_bytes", source.offset, description)
    if source.errnum != 0:
        raise diagnose.system_error(source.errnum, description)


cdef object check(int64_t status, Source *source, Media *media, str description):
    """Raise what a negative status means: the one place where codes become exceptions."""
    cdef char words[128]
    cdef int64_t head_size = source.start_size if source.start_size < HEAD_BYTES else HEAD_BYTES
    if status >= 0:
        return
    check_source(source, description)
    if status == ff.AVERROR(ENOMEM):
        raise MemoryError(f"{description}: FFmpeg could not allocate memory")
    if media.fault == Fault.NO_FAULT:
        ff.av_strerror(<int>status, words, sizeof(words))
        raise diagnose.fault_error("ffmpeg", status, text(words), b"", description)
    raise diagnose.fault_error(FAULTS[media.fault], media.fault_value, text(media.fault_name),
                               source.start[:head_size], description)


@cython.final
cdef class Stop:
    """Has the decoders that were given it stop with an error, soon, from another thread."""
    cdef int flag

    def request(self):
        raise_flag(&self.flag)


@cython.final
@cython.no_gc_clear     # FFmpeg's callbacks use `file` and `stop` for as long as C fields are open
cdef class Decoder:
    """An open audio stream; `read_into()` is the primitive that everything else is made of."""
    cdef Source source
    cdef Media media
    cdef Converter converter
    cdef Target target
    cdef Policy policy
    cdef Index index
    cdef int jumps_left         # so often may going to a frame still fail
    cdef Py_buffer view
    cdef bint has_view
    cdef int busy               # by `claim` and `release` only
    cdef bint closed
    cdef object file
    cdef Stop stop
    cdef object format_options
    cdef object texts           # the bytes that `policy` points into
    cdef int64_t timeout_ns
    cdef dict facts             # what describe() answers
    cdef readonly str description
    cdef readonly str dtype
    cdef readonly str md5       # of the samples, in hexadecimal; "" where it is not stated
    cdef readonly int64_t position      # frames read or skipped so far

    def __cinit__(self, options, *, bytes path=None, data=None, file=None, str description,
                  str format_hint=None, Stop stop=None):
        init_source(&self.source)
        self.jumps_left = MOST_LOST
        self.description = description
        self.file = file
        self.stop = stop
        if stop is not None:
            self.source.stop_flag = &stop.flag
        self.format_options = options.format_options
        self._set_policy(options, format_hint)
        self._set_limits(options.limits)
        if data is not None:
            PyObject_GetBuffer(data, &self.view, PyBUF_SIMPLE)
            self.has_view = True
            use_memory(&self.source, <const uint8_t *>self.view.buf, self.view.len)
        elif file is not None:
            self._use_file_object()
        try:
            self._open(options, path)
        except BaseException:
            self._free()
            raise

    def __dealloc__(self):
        self._free()

    cdef void _free(self):
        close_converter(&self.converter)
        close_media(&self.media)
        free_index(&self.index)
        close_source(&self.source)
        drop_error(&self.source)
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

    cdef object _set_policy(self, options, str format_hint):
        cdef object limits = options.limits
        cdef object demuxers = options.demuxers
        cdef object decoders = options.decoders
        cdef object format = options.format and options.format.encode()
        cdef object hint = format_hint and format_hint.encode()
        self.texts = (demuxers, decoders, format, hint)
        self.policy.demuxers = demuxers
        self.policy.decoders = decoders
        self.policy.format = chars_or_null(format)
        self.policy.format_hint = chars_or_null(hint)
        self.policy.stream_index = -1 if options.stream_index is None else options.stream_index
        self.policy.max_channels = limits.max_channels
        self.policy.max_sample_rate = limits.max_sample_rate
        self.policy.max_streams = limits.max_streams

    cdef object _set_limits(self, limits):
        if limits.timeout is not None:
            # At most 30 years: nanoseconds beyond that do not fit.
            self.timeout_ns = <int64_t>(min(limits.timeout, 1e9) * 1e9)
            self.start_clock()
        if limits.max_input_bytes is not None:
            self.source.max_bytes = limits.max_input_bytes

    def start_clock(self):
        """Let the timeout begin now: it is that of one call."""
        if self.timeout_ns > 0:
            self.source.deadline_ns = monotonic_ns() + self.timeout_ns

    cdef object _use_file_object(self):
        """Read from the present position, which is our byte 0, as far as the file object seeks."""
        self.source.kind = SourceKind.FILE_OBJECT
        self.source.file = <PyObject *>self.file
        seekable = getattr(self.file, "seekable", None)
        if seekable is None or not seekable():
            return
        self.source.base = self.file.tell()
        self.file.seek(0, 2)
        self.source.size = max(0, self.file.tell() - self.source.base)
        self.file.seek(self.source.base)
        self.source.seekable = True

    cdef object _open(self, options, bytes path):
        cdef const char *path_chars = chars_or_null(path)
        cdef int64_t status = 0
        with nogil:
            if path_chars != NULL:
                status = use_path(&self.source, path_chars)
            if status == 0:
                status = start_source(&self.source)
        self._check(status)
        self._open_media()
        self._set_target(options)
        # Before a chained stream goes on to files that say something else.
        self.facts = describe(&self.media, &self.source)
        self.md5 = flac_md5(self.media.codec)
        if self.media.has_frame:
            self._start_run()

    cdef object _open_media(self):
        cdef ff.AVDictionary *format_options = NULL
        cdef int64_t status = 0
        for key, value in self.format_options.items():
            if ff.av_dict_set(&format_options, key.encode(), value.encode(), 0) < 0:
                status = ff.AVERROR(ENOMEM)
        with nogil:
            if status == 0:
                status = open_media(&self.media, &self.source, &self.policy, &format_options)
            ff.av_dict_free(&format_options)
        self._check(status)

    cdef object _rewind(self):
        """Begin anew with the first frame."""
        if not self.source.seekable:
            raise ValueError(f"{self.description}: this source cannot seek back")
        with nogil:
            close_converter(&self.converter)
            close_media(&self.media)
            rewind(&self.source)
        memset(&self.media, 0, sizeof(self.media))
        memset(&self.converter, 0, sizeof(self.converter))
        self.position = 0
        try:
            self._open_media()
            if self.media.has_frame:
                self._start_run()
        except BaseException:
            self.closed = True
            self._free()
            raise

    cdef object _check(self, int64_t status):
        return check(status, &self.source, &self.media, self.description)

    cdef object _check_open(self):
        if self.closed:
            raise ValueError(f"{self.description}: this decoder is closed")

    cdef object _take(self):
        if not claim(&self.busy):
            raise RuntimeError(f"{self.description}: this decoder is in use, by another thread "
                               "or by its own file object")

    cdef object _take_open(self):
        self._take()
        if self.closed:
            release(&self.busy)
            self._check_open()

    cdef object _set_target(self, options):
        """The rate, channels and dtype of what comes out: as asked, else as the first frame is."""
        self.dtype = options.dtype or dtype_of(<ff.AVSampleFormat>self.media.first_format)
        self.target.sample_rate = options.sample_rate or self.media.first_rate
        self.target.num_channels = options.num_channels or self.media.first_layout.nb_channels
        self.target.planar = options.channels_first
        self.target.flips_sign = self.dtype == "int8"
        self.target.sample_format = SAMPLE_FORMATS[self.dtype]
        if self.target.planar:
            self.target.sample_format = ff.av_get_planar_sample_fmt(self.target.sample_format)
        self.target.item_bytes = ff.av_get_bytes_per_sample(self.target.sample_format)

    cdef object _start_run(self):
        """Set the converter up for the waiting frame, remixed by the level contract if need be."""
        cdef double[MAX_CHANNELS * MAX_CHANNELS] matrix
        cdef const double *used = NULL
        cdef const ff.AVFrame *frame = self.media.frame
        cdef int row, column
        try:
            check_rates(frame.sample_rate, self.target.sample_rate)
            rows = self._mix(channel_names(&frame.ch_layout))
        except ValueError as error:
            raise ValueError(f"{self.description}: {error}") from None
        if rows is not None:
            for row in range(self.target.num_channels):
                for column in range(frame.ch_layout.nb_channels):
                    matrix[row * frame.ch_layout.nb_channels + column] = rows[row][column]
            used = matrix
        if self.converter.has_run:
            note_here(&self.media, IssueCode.PARAMS_CHANGED, 0)
        self._check(start_run(&self.converter, &self.target, frame, used))

    cdef object _mix(self, list channels):
        """The matrix by the level contract; on the way, where it has none, what comes nearest."""
        try:
            return mix_matrix(channels, self.target.num_channels)
        except ValueError:
            if not self.converter.has_run:
                raise
            first = channel_names(&self.media.first_layout)
            if len(first) != self.target.num_channels:
                first = [None] * self.target.num_channels
            return continuing_matrix(channels, first)

    cdef bint _begin_run(self) except -1:
        """Start a run with the waiting frame; one of a rate too far off is dropped as damage."""
        cdef int status
        try:
            self._start_run()
            return True
        except ValueError:
            if not self.converter.has_run:
                raise
        with nogil:
            note_here(&self.media, IssueCode.CORRUPT_DATA, 0)
            consume_frame(&self.media)
            status = next_frame(&self.media, &self.source, &self.policy)
        self._check(status)
        return False

    cdef int64_t _fill(self, Output *output, int64_t room) except -1:
        cdef int64_t filled = 0, count
        try:
            while filled < room:
                if self.converter.phase == Phase.FINISHED:
                    if not self.media.has_frame:
                        break
                    if not self._begin_run():
                        continue
                with nogil:
                    count = fill(&self.converter, &self.target, output, room - filled, &self.media,
                                 &self.source, &self.policy)
                self._check(count)
                filled += count
                if output.base != NULL:
                    output.base += count * output.frame_stride
                if self.converter.error < 0:
                    break
        finally:
            self.position += filled
        return filled

    def read_into(self, out):
        """Fill `out`, a writable (frames, channels) array of `dtype` with any strides.

        Answers how many frames were written; fewer than asked means the end, or a fault that the
        next call raises.
        """
        cdef Py_buffer view
        cdef Output output
        PyObject_GetBuffer(out, &view, PyBUF_STRIDED)
        try:
            if view.readonly or view.ndim != 2 or view.itemsize != self.target.item_bytes \
                    or view.shape[1] != self.target.num_channels:
                raise ValueError(f"out must be a writable (frames, {self.target.num_channels}) "
                                 f"array of {self.dtype}")
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
            self._seek(frame)
            return self.position
        finally:
            release(&self.busy)

    def skip(self, int64_t num_frames):
        """Drop up to `num_frames` frames; answers how many there were."""
        cdef int64_t before
        self._take_open()
        try:
            before = self.position
            self._seek(before + num_frames)
            return self.position - before
        finally:
            release(&self.busy)

    def count(self):
        """Frames of the whole by its packets, which are not decoded; None where that is no way.

        Before anything has been read; behind it, the end has come, or the first frame again.
        """
        cdef int status = Outcome.LOST
        self._take_open()
        try:
            if not self.media.has_frame or not can_go(&self.media, &self.source) \
                    or not is_counted_to_the_end(&self.media):
                return None
            with nogil:
                status = count_to(&self.media, &self.source, &self.policy, INT64_MAX // 4)
            if status == Outcome.ARRIVED:
                self._arrive(0)
                return self.position
            if status == Outcome.LOST:
                self._rewind()
            self._check(status)
            return None
        finally:
            release(&self.busy)

    @property
    def is_divisible(self):
        """Whether parts of the stream may be decoded by decoders of their own, bit for bit."""
        cdef bint divisible
        self._take_open()
        divisible = can_go(&self.media, &self.source) and is_divisible(&self.media, &self.source)
        release(&self.busy)
        return divisible

    @property
    def packets_decoded(self):
        """How many packets have been given to the decoder."""
        return self.media.packets_decoded

    @property
    def kernel_packets(self):
        """How many of them our own kernel has decoded in its place."""
        return self.media.kernel_packets

    cdef object _seek(self, int64_t frame):
        cdef Output nowhere
        memset(&nowhere, 0, sizeof(nowhere))
        if self.jumps_left > 0 and frame != self.position and can_go(&self.media, &self.source):
            self._jump(frame)
        if frame < self.position:
            self._rewind()
        if frame > self.position:
            self._fill(&nowhere, frame - self.position)

    cdef object _jump(self, int64_t frame):
        """Get near to a frame in another way than by decoding, where there is one."""
        cdef int rate = self.media.first_rate
        cdef bint ahead = frame >= self.position
        cdef int64_t current = self.media.decoded_frames + self.converter.frame_offset
        cdef int64_t most = last_claimed(&self.media)
        cdef int64_t target = min(frame, most)
        cdef int64_t aligned = target
        cdef int status
        if not self.converter.has_run or self.converter.sample_rate != rate \
                or (self.converter.error < 0 and ahead):
            return
        if self.target.sample_rate != rate:
            aligned = aligned_frame(frame, most, rate, self.target.sample_rate, &target)
        with nogil:
            status = go_to(&self.media, &self.source, &self.policy, &self.index, current, ahead,
                           target)
        if status == Outcome.ARRIVED:
            self._arrive(aligned)
        elif status == Outcome.LOST:
            self.jumps_left -= 1
            self._rewind()
        else:
            self._check(status)

    cdef object _arrive(self, int64_t position):
        """Have the converter go on with the frame that was gone to, or know the end."""
        cdef bint resamples = self.target.sample_rate != self.media.first_rate
        self.converter.frame_offset = 0
        self.converter.kept = 0
        self.converter.error = 0
        self.position = position
        if not self.media.has_frame:
            self.converter.phase = Phase.FINISHED
            self.position = ff.av_rescale_rnd(self.media.decoded_frames, self.target.sample_rate,
                                              self.media.first_rate, ff.AV_ROUND_UP)
        elif resamples or self.converter.phase != Phase.FEEDING \
                or not belongs_to_run(&self.converter, &self.target, self.media.frame):
            end_run(&self.converter)
            self._start_run()

    @property
    def sample_rate(self):
        return self.target.sample_rate

    @property
    def num_channels(self):
        return self.target.num_channels

    @property
    def frame_bytes(self):
        """Bytes of a frame of what comes out."""
        return self.target.num_channels * self.target.item_bytes

    @property
    def claimed_frames(self):
        """Frames at the output rate by the container's word, which may be wrong; or None."""
        self._check_open()
        if self.facts["num_frames"] is None:
            return None
        return ff.av_rescale_rnd(self.facts["num_frames"], self.target.sample_rate,
                                 self.media.first_rate, ff.AV_ROUND_UP)

    @property
    def input_bytes(self):
        return None if self.source.size < 0 else self.source.size

    @property
    def complete(self):
        """False: audio is known to be missing; True: all that was promised came; None: unknown."""
        cdef bint damaged, proved
        self._take()
        damaged = is_damaged(&self.media.issues)
        proved = self.media.ended and self.media.proved and not self.media.unproved_links
        release(&self.busy)
        return False if damaged else True if proved else None

    @property
    def issues(self):
        """(code, frame offset, frames) of each irregularity so far, at the output rate."""
        cdef Issues found
        self._take()
        found = self.media.issues
        release(&self.busy)
        return describe_issues(&found, issues.ISSUE_CODES, self.media.first_rate,
                               self.target.sample_rate)

    def describe(self):
        """What the container and the first frame say, for AudioInfo."""
        self._check_open()
        return self.facts


cdef str dtype_of(ff.AVSampleFormat sample_format):
    cdef int packed = ff.av_get_packed_sample_fmt(sample_format)
    for name, code in SAMPLE_FORMATS.items():
        if code == packed:
            return name
    return "float64"    # 64-bit integers


def linked_versions():
    """Versions, licence and configuration of the FFmpeg that this process has loaded."""
    return versions_of_ffmpeg()


def loaded_from():
    """The files that the libraries of `linked_versions` come from, as this process has them."""
    return files_of_ffmpeg()


def available_formats():
    """Names of every demuxer and of every audio decoder of the linked FFmpeg."""
    return demuxers_of_ffmpeg(), decoders_of_ffmpeg()
