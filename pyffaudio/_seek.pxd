"""Going to a frame without decoding all that comes before."""
from libc.stdint cimport int64_t

from pyffaudio cimport ffmpeg as ff
from pyffaudio._media cimport Media
from pyffaudio._source cimport Source


cdef enum:
    SHORTEST_JUMP = 65536       # frames: fewer are decoded as fast as a seek is done


cdef inline int64_t jump(Media *media, const Source *source, int64_t offset,
                         int64_t num_frames) noexcept nogil:
    """Go forward by frames of PCM, each of which has its place; answers by how many, perhaps 0.

    `offset` frames of the present one have been consumed. The last frame is left to be decoded, so
    that the end is found as ever.
    """
    cdef int64_t position = media.decoded_frames + offset
    cdef int64_t target
    cdef int64_t ticks
    if media.ended or media.promised_frames < 0 or not source.seekable \
            or media.promise.end > source.size or media.trimmed_frames > 0:
        return 0
    target = min(position + num_frames, media.promised_frames - 1)
    if target - position < SHORTEST_JUMP:
        return 0
    ticks = ff.av_rescale_q(target, ff.AVRational(1, media.first_rate), media.stream.time_base)
    if ff.av_seek_frame(media.format, media.stream_index, ticks, ff.AVSEEK_FLAG_BACKWARD) < 0:
        return 0
    ff.avcodec_flush_buffers(media.codec)
    ff.av_frame_unref(media.frame)
    media.has_frame = False
    media.next_pts = ff.AV_NOPTS_VALUE
    media.decoded_frames = target
    return target - position
