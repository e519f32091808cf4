"""How long the audio is by the container's word."""
from libc.stdint cimport INT64_MAX, int64_t

from pyffaudio cimport ffmpeg as ff
from pyffaudio._container cimport AAC, MOV, MP3, OGG
from pyffaudio._media cimport Media, frame_bits, reads


cdef inline int64_t in_frames(const Media *media, int64_t ticks, int sample_rate) noexcept nogil:
    """A time of the container in frames at this rate."""
    return ff.av_rescale_q(ticks, media.stream.time_base, ff.AVRational(1, sample_rate))


cdef inline bint has_sample_clock(const Media *media) noexcept nogil:
    """Whether the container's times are whole numbers of frames."""
    return media.first_rate > 0 and media.stream.time_base.num == 1 \
        and media.stream.time_base.den % media.first_rate == 0


cdef inline int64_t end_of_table(const Media *media) noexcept nogil:
    """Where a track of MP4 ends by the sum of its packets, in its ticks, or AV_NOPTS_VALUE."""
    cdef int64_t duration = media.track_end.table_duration
    if duration <= 0:
        # Fragments have no table: once they are read, this is the sum of their durations.
        duration = media.stream.duration
    if duration <= 0 or media.first_pts == ff.AV_NOPTS_VALUE:
        return ff.AV_NOPTS_VALUE
    return duration + min(media.first_pts, 0)


cdef inline int64_t end_of_mov(const Media *media) noexcept nogil:
    """Where a track of MP4 ends: by its edit list, unless that is the table's end, rounded."""
    cdef int ticks_in_second = media.stream.time_base.den // media.stream.time_base.num
    cdef int64_t end = end_of_table(media)
    cdef int64_t edit_end
    if (end != ff.AV_NOPTS_VALUE and media.track_end.edit_duration > 0
            and media.track_end.movie_ticks > 0):
        edit_end = ff.av_rescale(media.track_end.edit_duration, ticks_in_second,
                                 media.track_end.movie_ticks)
        if edit_end < end - ticks_in_second // media.track_end.movie_ticks - 1:
            return edit_end
    return end


cdef inline int64_t claimed_ticks(const Media *media) noexcept nogil:
    """The stream's length in its own time; not positive where that is unknown."""
    if media.track_end.gapless_end > 0 and media.first_pts == 0:
        return media.track_end.gapless_end - media.track_end.gapless_delay
    if reads(media, MOV) and frame_bits(media) == 0:
        return end_of_mov(media)
    return media.stream.duration


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
                   - (media.start_frames if reads(media, OGG) else 0), 0)
    if media.format.duration > 0:
        return ff.av_rescale(media.format.duration, media.first_rate, ff.AV_TIME_BASE)
    return -1


cdef inline int64_t last_claimed(const Media *media) noexcept nogil:
    """The last frame by the container's word, beyond which only decoding goes; else any."""
    cdef int64_t claimed = claimed_frames(media)
    return claimed - 1 if claimed > 0 and not reads(media, MP3 | AAC) else INT64_MAX // 4
