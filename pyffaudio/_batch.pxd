"""One row of a batch, from a source to its samples, in one go and without Python."""
from libc.math cimport INFINITY as inf
from libc.stdint cimport INT64_MAX, int64_t, uint8_t
from posix.stat cimport S_ISREG, stat, struct_stat

from pyffaudio cimport ffmpeg as ff
from pyffaudio._claim cimport is_raised
from pyffaudio._convert cimport MAX_CHANNELS, Output
from pyffaudio._copy cimport Copy, Frames, copy_frames
from pyffaudio._feed cimport is_filtered
from pyffaudio._memory cimport count_memory
from pyffaudio._session cimport (
    Session, close_session, cut_session, fill_session, in_frames_of, open_session, seek_session)
from pyffaudio._source cimport monotonic_ns, use_memory, use_path


cdef extern from *:
    """
    #define PYFFAUDIO_TAKE_NEXT(next) __atomic_fetch_add((next), 1, __ATOMIC_RELAXED)
    #define PYFFAUDIO_TAKE_ALL(next, count) __atomic_store_n((next), (count), __ATOMIC_RELAXED)
    """
    int64_t take_next "PYFFAUDIO_TAKE_NEXT" (int64_t *next) nogil
    void take_all "PYFFAUDIO_TAKE_ALL" (int64_t *next, int64_t count) nogil

cdef enum:
    PADDED_FRAMES = 1 << 20     # at once

# What all rows have in common.
cdef struct Plan:
    Session fresh               # as every session begins
    int num_channels
    int64_t row_frames
    int64_t max_bytes           # of samples, by the limits
    double max_duration         # likewise, in seconds; or infinity
    int64_t timeout_ns
    uint8_t padding[8]          # the sample that fills a row behind its audio

# A row: its source, its segment, and what became of it.
cdef struct Row:
    const char *path            # NULL: `data`
    const uint8_t *data         # NULL too: something that only Python can open
    int64_t data_bytes
    const char *format_hint
    double start_seconds
    double stop_seconds         # infinity: as far as it goes
    int64_t frame_offset
    int64_t num_frames          # at most
    Output output
    int64_t began_ns            # on the monotonic clock, where there is a timeout
    int64_t filled
    bint more


cdef inline int open_row(Session *session, const Plan *plan, Row *row) noexcept nogil:
    cdef struct_stat status_of_file
    cdef int status = 0
    session.feed.policy.format_hint = row.format_hint
    if plan.timeout_ns > 0:
        row.began_ns = monotonic_ns()
        session.feed.source.deadline_ns = row.began_ns + plan.timeout_ns
    if row.path != NULL:
        # What is read from a pipe is gone, should the row have to begin anew.
        if stat(row.path, &status_of_file) < 0 or not S_ISREG(status_of_file.st_mode):
            return ff.AVERROR_EXIT
        status = use_path(&session.feed.source, row.path)
    else:
        use_memory(&session.feed.source, row.data, row.data_bytes)
    return open_session(session) if status == 0 else status


cdef inline int64_t find_segment(const Session *session, const Row *row,
                                 int64_t *num_frames) noexcept nogil:
    """The first frame of the segment, and how many it has at most."""
    cdef int rate = session.target.sample_rate
    cdef int64_t first = row.frame_offset
    if first == 0:
        first = in_frames_of(row.start_seconds, rate)
    num_frames[0] = row.num_frames
    if row.stop_seconds < inf:
        num_frames[0] = max(in_frames_of(row.stop_seconds, rate) - first, 0)
    return first


cdef inline int64_t most_frames(const Session *session, const Plan *plan) noexcept nogil:
    """How many frames the limits allow."""
    cdef int64_t most = plan.max_bytes // (plan.num_channels * session.target.item_bytes)
    cdef double by_duration = plan.max_duration * session.target.sample_rate
    return <int64_t>by_duration if by_duration < most else most


cdef inline bint read_row(Session *session, const Plan *plan, Row *row) noexcept nogil:
    cdef int64_t num_frames = 0
    cdef int64_t first = 0
    cdef int64_t room, before
    if session.target.num_channels != plan.num_channels:
        return False
    if is_filtered(&session.feed):
        if cut_session(session, row.start_seconds, row.stop_seconds) < 0:
            return False
        num_frames = plan.row_frames
    else:
        first = find_segment(session, row, &num_frames)
        num_frames = min(num_frames, plan.row_frames)
    room = min(num_frames, most_frames(session, plan))
    if seek_session(session, first) < 0 \
            or fill_session(session, &row.output, room, &row.filled) < 0:
        return False
    before = session.position
    if row.filled == room and seek_session(session, before + 1) < 0:
        return False
    row.more = session.position > before
    return session.converter.error >= 0 and session.feed.media.issues.count == 0 \
        and not session.memory.refused and not (row.more and room < num_frames)


cdef inline void pad_row(const Session *session, Plan *plan, const Row *row) noexcept nogil:
    cdef uint8_t *from_channels[MAX_CHANNELS]
    cdef uint8_t *to_channels[MAX_CHANNELS]
    cdef Frames source, target
    cdef int64_t at = row.filled
    cdef int channel
    source.channels = from_channels
    source.step = 0
    target.channels = to_channels
    target.step = row.output.frame_stride
    # In pieces, since a row may be of gigabytes, and whoever has stopped does not wait for it.
    while at < plan.row_frames and not is_raised(session.feed.source.stop_flag):
        for channel in range(plan.num_channels):
            from_channels[channel] = plan.padding
            to_channels[channel] = row.output.base + at * row.output.frame_stride \
                + channel * row.output.channel_stride
        copy_frames(Copy.SAME, session.target.item_bytes, &source, &target, plan.num_channels,
                    min(plan.row_frames - at, PADDED_FRAMES))
        at += PADDED_FRAMES


cdef inline bint fill_row(Session *session, Plan *plan, Row *row) noexcept nogil:
    """Whether the row is as it should be; else Python decodes it, to say what is wrong."""
    cdef bint clean = row.path != NULL or row.data != NULL
    if clean:
        session[0] = plan.fresh
        count_memory(&session.memory)
        clean = open_row(session, plan, row) >= 0 and read_row(session, plan, row)
        if clean and row.filled < plan.row_frames:
            pad_row(session, plan, row)
        close_session(session)
        count_memory(NULL)
    return clean
