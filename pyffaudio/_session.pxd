"""An open stream and all that moves on in it, from bytes to samples: no Python from here down.

Functions answer 1, 0 or a count, or a negative AVERROR of which _raise.pxd makes an
exception.
"""
from libc.errno cimport ENOMEM
from libc.math cimport rint
from libc.stdint cimport INT64_MAX, int64_t
from libc.string cimport memset

from pyffaudio cimport ffmpeg as ff
from pyffaudio._convert cimport (
    MAX_CHANNELS, Converter, Output, Phase, Target, aligned_frame, belongs_to_run, close_converter,
    end_run, fill, settle_target, start_run)
from pyffaudio._count cimport is_counted_to_the_end
from pyffaudio._feed cimport (
    Feed, close_feed, consume_feed, feed_frame, is_filtered, next_feed, open_feed)
from pyffaudio._graph cimport Graph
from pyffaudio._index cimport Index, free_index
from pyffaudio._issues cimport IssueCode
from pyffaudio._length cimport last_claimed
from pyffaudio._media cimport Fault, Media, note_here
from pyffaudio._interpreter cimport stay_if_ended
from pyffaudio._memory cimport MemoryAccount, take_samples
from pyffaudio._seek cimport Outcome, can_go, count_to, go_to
from pyffaudio._source cimport (
    Source, SourceStop, close_source, init_source, rewind, start_source)
from pyffaudio._timeline cimport consume_frame, next_frame


cdef enum:
    MOST_LOST = 3

cdef struct Session:
    Feed feed
    Converter converter
    Target target
    const ff.AVDictionary *format_options   # of the caller's
    Index index
    MemoryAccount memory        # count_memory() is its user's to call
    int jumps_left              # so often may going to a frame still fail
    int64_t position            # frames read or skipped so far
    bint broken                 # by what stopped the source: only mend_session() may follow
    # How frames like the waiting one come to the target's rate and channels: the matrix, of which
    # the answer says whether it is one. Called only where these differ.
    int (*find_conversion)(Session *session, double *matrix) noexcept nogil


cdef inline void init_session(Session *session) noexcept nogil:
    memset(session, 0, sizeof(Session))
    init_source(&session.feed.source)
    session.jumps_left = MOST_LOST


cdef inline int64_t in_frames_of(double seconds, int rate) noexcept nogil:
    return <int64_t>min(rint(seconds * rate), <double>(INT64_MAX // 2))


cdef inline void close_session(Session *session) noexcept nogil:
    close_converter(&session.converter)
    close_feed(&session.feed)
    free_index(&session.index)
    close_source(&session.feed.source)


cdef inline int start_conversion(Session *session) noexcept nogil:
    """Set the converter up for the waiting frame, remixed by the level contract if need be."""
    cdef double[MAX_CHANNELS * MAX_CHANNELS] matrix
    cdef const ff.AVFrame *frame = feed_frame(&session.feed)
    cdef int status = 0
    if frame.sample_rate != session.target.sample_rate \
            or frame.ch_layout.nb_channels != session.target.num_channels:
        stay_if_ended()
        status = session.find_conversion(session, matrix)
        if status < 0:
            return status
    if session.converter.has_run:
        note_here(&session.feed.media, IssueCode.PARAMS_CHANGED, 0)
    return start_run(&session.converter, &session.target, frame, matrix if status > 0 else NULL)


cdef inline int begin_run(Session *session) noexcept nogil:
    """Start a run with the waiting frame; one of a rate too far off is dropped as damage."""
    cdef Media *media = &session.feed.media
    cdef bint goes_on = session.converter.has_run
    cdef int status = start_conversion(session)
    if not goes_on or media.fault != Fault.CANNOT_CONVERT:
        return status
    media.fault = Fault.NO_FAULT
    note_here(media, IssueCode.CORRUPT_DATA, 0)
    consume_feed(&session.feed)
    status = next_feed(&session.feed)
    return status if status < 0 else 0


cdef inline int open_stream_of(Session *session) noexcept nogil:
    cdef ff.AVDictionary *format_options = NULL
    cdef int status = ff.av_dict_copy(&format_options, session.format_options, 0)
    if status >= 0:
        status = open_feed(&session.feed, &format_options)
    ff.av_dict_free(&format_options)
    if status >= 0:
        settle_target(&session.target, &session.feed)
    if status >= 0 and session.feed.media.has_frame and not is_filtered(&session.feed):
        status = start_conversion(session)
    return status


cdef inline int open_session(Session *session) noexcept nogil:
    """Open the source that has been named, up to its first frame."""
    cdef int status = start_source(&session.feed.source)
    return open_stream_of(session) if status == 0 else status


cdef inline int begin_anew(Session *session) noexcept nogil:
    """Be at the first frame again."""
    cdef int status
    close_converter(&session.converter)
    close_feed(&session.feed)
    memset(&session.feed.media, 0, sizeof(Media))
    memset(&session.converter, 0, sizeof(Converter))
    rewind(&session.feed.source)
    session.position = 0
    status = open_stream_of(session)
    session.broken = status < 0
    return status


cdef inline int mend_session(Session *session) noexcept nogil:
    """Be at the first frame again after the source was stopped, which perhaps was not for good."""
    if not session.feed.source.seekable:
        session.feed.media.fault = Fault.CANNOT_GO_BACK
        return ff.AVERROR_INVALIDDATA
    session.feed.source.stop = SourceStop.GOES_ON
    session.feed.source.errnum = 0
    return begin_anew(session)


cdef inline int64_t fill_session(Session *session, const Output *output, int64_t room,
                                 int64_t *filled) noexcept nogil:
    """Read on into the output; fewer frames than there is room for are the end, or come before an
    error that the next call answers.
    """
    cdef Output rest = output[0]
    cdef int64_t frame_bytes = session.target.num_channels * session.target.item_bytes
    cdef int64_t count
    filled[0] = 0
    while filled[0] < room:
        if session.converter.phase == Phase.FINISHED:
            count = next_feed(&session.feed)
            if count == 0:
                break
            if count > 0:
                count = begin_run(session)
            if count < 0:
                return count
            if count == 0:
                continue
        count = fill(&session.converter, &session.target, &rest, room - filled[0], &session.feed)
        if session.memory.refused:
            return ff.AVERROR(ENOMEM)       # these frames may be others than they should be
        if count < 0:
            return count
        filled[0] += count
        session.position += count
        if rest.base != NULL:
            rest.base += count * rest.frame_stride
            take_samples(&session.memory, count * frame_bytes)
        if session.converter.error < 0:
            break
    return 1


cdef inline int arrive(Session *session, int64_t position) noexcept nogil:
    """Have the converter go on with the frame that was gone to, or know the end."""
    cdef Media *media = &session.feed.media
    cdef bint resamples = session.target.sample_rate != media.first_rate
    session.converter.frame_offset = 0
    session.converter.kept = 0
    session.converter.error = 0
    session.position = position
    if not media.has_frame:
        session.converter.phase = Phase.FINISHED
        session.position = ff.av_rescale_rnd(media.decoded_frames, session.target.sample_rate,
                                             media.first_rate, ff.AV_ROUND_UP)
    elif resamples or session.converter.phase != Phase.FEEDING \
            or not belongs_to_run(&session.converter, &session.target, media.frame):
        end_run(&session.converter)
        return start_conversion(session)
    return 1


cdef inline int jump(Session *session, int64_t frame) noexcept nogil:
    """Get near to a frame in another way than by decoding, where there is one."""
    cdef Media *media = &session.feed.media
    cdef int rate = media.first_rate
    cdef bint ahead = frame >= session.position
    cdef int64_t current = media.decoded_frames + session.converter.frame_offset
    cdef int64_t most = last_claimed(media)
    cdef int64_t target = min(frame, most)
    cdef int64_t aligned = target
    cdef int status
    if not session.converter.has_run or session.converter.sample_rate != rate \
            or (session.converter.error < 0 and ahead):
        return 0
    if session.target.sample_rate != rate:
        aligned = aligned_frame(frame, most, rate, session.target.sample_rate, &target)
    status = go_to(media, &session.feed.source, &session.feed.policy, &session.index, current,
                   ahead, target)
    if status == Outcome.ARRIVED:
        return arrive(session, aligned)
    if status == Outcome.LOST:
        session.jumps_left -= 1
        return begin_anew(session)
    return status


cdef inline int seek_session(Session *session, int64_t frame) noexcept nogil:
    """Go to a frame, or to the end if that comes before."""
    cdef Output nowhere
    cdef int64_t skipped = 0
    cdef int status = 0
    memset(&nowhere, 0, sizeof(nowhere))
    if session.jumps_left > 0 and frame != session.position and not is_filtered(&session.feed) \
            and can_go(&session.feed.media, &session.feed.source):
        status = jump(session, frame)
    if status >= 0 and frame < session.position:
        if not session.feed.source.seekable:
            session.feed.media.fault = Fault.CANNOT_GO_BACK
            return ff.AVERROR_INVALIDDATA
        status = begin_anew(session)
    if status >= 0 and frame > session.position:
        status = <int>fill_session(session, &nowhere, frame - session.position, &skipped)
    return status


cdef inline int measure(Session *session, int64_t *frames) noexcept nogil:
    """Decode to the end to know where it is, and be at the first frame again."""
    cdef Feed *feed = &session.feed
    cdef int status = 1
    if not feed.source.seekable:
        feed.media.fault = Fault.CANNOT_GO_BACK
        return ff.AVERROR_INVALIDDATA
    while status > 0:
        status = next_frame(&feed.media, &feed.source, &feed.policy)
        if status > 0:
            consume_frame(&feed.media)
    frames[0] = feed.media.decoded_frames
    return begin_anew(session) if status == 0 else status


cdef inline int go_in(Session *session, int64_t frame) noexcept nogil:
    """Be at this frame of what is decoded, or before it."""
    cdef Media *media = &session.feed.media
    cdef int status = Outcome.STAYED
    if frame > 0 and can_go(media, &session.feed.source):
        status = go_to(media, &session.feed.source, &session.feed.policy, &session.index, 0, True,
                       min(frame, last_claimed(media)))
    return begin_anew(session) if status == Outcome.LOST else status


cdef inline int cut_session(Session *session, double start_seconds,
                            double stop_seconds) noexcept nogil:
    """Of a stream that was just opened, let its filters have no more than this segment.

    Negative seconds count from the end.
    """
    cdef Graph *graph = &session.feed.graph
    cdef int rate = session.feed.media.first_rate
    cdef int64_t first = in_frames_of(start_seconds, rate)
    cdef int64_t stop = in_frames_of(stop_seconds, rate)
    cdef int64_t length = 0
    cdef int status = 0
    if first < 0 or stop < 0:
        status = measure(session, &length)
        first = max(first + length, 0) if first < 0 else first
        stop = stop + length if stop < 0 else stop
    if status >= 0:
        status = go_in(session, first)
    graph.origin = first
    graph.stop = max(stop, first)
    return status


cdef inline int count_session(Session *session) noexcept nogil:
    """Go to the end by packets that are not decoded; 0 where that is no way, at the first frame."""
    cdef Media *media = &session.feed.media
    cdef Source *source = &session.feed.source
    cdef int status
    if not media.has_frame or is_filtered(&session.feed) or not can_go(media, source) \
            or not is_counted_to_the_end(media):
        return 0
    status = count_to(media, source, &session.feed.policy, INT64_MAX // 4)
    if status == Outcome.ARRIVED:
        status = arrive(session, 0)
        return status if status < 0 else 1
    if status == Outcome.LOST:
        status = begin_anew(session)
    return status if status < 0 else 0
