"""How long the audio is by the container's word."""
from libc.stdint cimport int64_t

from pyffaudio cimport ffmpeg as ff
from pyffaudio._media cimport Media, frame_bits, reads


cdef inline int64_t in_frames(const Media *media, int64_t ticks, int sample_rate) noexcept nogil:
    """A time of the container in frames at this rate."""
    return ff.av_rescale_q(ticks, media.stream.time_base, ff.AVRational(1, sample_rate))


cdef inline int64_t end_of_mov(const Media *media, int64_t last_pts,
                               int64_t table_end) noexcept nogil:
    """Where a track of MP4 ends, in its ticks; `table_end` is that of its sample table if not 0.

    The edit list decides, unless it is the table's end, rounded to the movie's clock.
    """
    cdef int ticks_in_second = media.stream.time_base.den // media.stream.time_base.num
    cdef int64_t edit_end
    if table_end == 0 and media.track_end.last_duration > 0:
        table_end = last_pts + media.track_end.last_duration
    elif table_end == 0:
        # In fragments, which have no table: once read, the sum of their durations.
        return media.stream.duration + min(media.first_pts, 0)
    if media.track_end.edit_duration > 0 and media.track_end.movie_ticks > 0:
        edit_end = ff.av_rescale(media.track_end.edit_duration, ticks_in_second,
                                 media.track_end.movie_ticks)
        if edit_end < table_end - ticks_in_second // media.track_end.movie_ticks - 1:
            return edit_end
    return table_end


cdef inline int64_t claimed_ticks(const Media *media) noexcept nogil:
    """The stream's length in its own time; not positive where that is unknown."""
    cdef int count
    cdef const ff.AVIndexEntry *last = NULL
    if media.track_end.gapless_end > 0 and media.first_pts == 0:
        return media.track_end.gapless_end - media.track_end.gapless_delay
    if not reads(media, "mov") or frame_bits(media) > 0:
        return media.stream.duration
    count = ff.avformat_index_get_entries_count(media.stream)
    if count > 0:
        last = ff.avformat_index_get_entry(media.stream, count - 1)
    if last == NULL or media.first_pts == ff.AV_NOPTS_VALUE:
        return media.stream.duration
    return end_of_mov(media, last.timestamp, 0)


cdef inline int64_t claimed_frames(const Media *media) noexcept nogil:
    """The stream's length in frames at `first_rate`, or -1."""
    cdef int64_t ticks
    if media.promised_frames >= 0:
        return media.promised_frames
    if media.xing_frames > 0:
        return max(media.xing_frames - media.padding_frames - media.start_frames, 0)
    ticks = claimed_ticks(media)
    if ticks > 0:
        # Ogg counts what is skipped at the start.
        return max(in_frames(media, ticks, media.first_rate)
                   - (media.start_frames if reads(media, "ogg") else 0), 0)
    if media.format.duration > 0:
        return ff.av_rescale(media.format.duration, media.first_rate, ff.AV_TIME_BASE)
    return -1
