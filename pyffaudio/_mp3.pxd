"""MP3 by its first frames, where these leave no doubt; FFmpeg's guesses cost a third of a clip."""
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from pyffaudio cimport ffmpeg as ff
from pyffaudio._source cimport Source, peek
from pyffaudio._sync cimport MpegAudio, read_mpeg_audio, tag_bytes


cdef enum:
    SURE_FRAMES = 6             # alike and in a row are no chance


cdef inline bint begins_with_mp3(Source *source, MpegAudio *first) noexcept nogil:
    """Whether frames of layer 3 follow each other from the start on, or from behind an ID3 tag.

    `first` has 0 kilobits where they differ in that.
    """
    cdef uint8_t head[10]
    cdef int64_t at = 0
    cdef MpegAudio frame
    cdef int found
    if peek(source, 0, head, 10) == 10 and memcmp(head, "ID3", 3) == 0:
        at = tag_bytes(head, 10)
    for found in range(SURE_FRAMES):
        if peek(source, at, head, 4) < 4:
            return False
        frame = read_mpeg_audio(head)
        if found == 0:
            first[0] = frame
        if frame.num_bytes == 0 or frame.layer != 3 or frame.sample_rate != first.sample_rate:
            return False
        if frame.kilobits != first.kilobits:
            first.kilobits = 0
        at += frame.num_bytes
    return True


cdef inline void describe_mp3(Source *source, ff.AVFormatContext *context) noexcept nogil:
    """Fill in the parameters that FFmpeg finds by decoding, and the length that it estimates."""
    cdef ff.AVStream *stream
    cdef ff.AVCodecParameters *parameters
    cdef MpegAudio frame
    cdef int64_t num_bytes = source.size - ff.avio_tell(context.pb)
    if context.nb_streams == 0:
        return
    stream = context.streams[0]
    parameters = stream.codecpar
    if parameters.codec_id != ff.AV_CODEC_ID_MP3 or not begins_with_mp3(source, &frame):
        return
    if frame.kilobits == 0 and (parameters.bit_rate <= 0 or stream.duration == ff.AV_NOPTS_VALUE):
        return      # a mean of more of them is wanted
    parameters.sample_rate = frame.sample_rate
    ff.av_channel_layout_default(&parameters.ch_layout, frame.num_channels)
    if parameters.bit_rate <= 0:
        parameters.bit_rate = 1000 * frame.kilobits
    if stream.duration == ff.AV_NOPTS_VALUE and num_bytes > 0:
        stream.duration = ff.av_rescale(num_bytes, 8 * <int64_t>stream.time_base.den,
                                        parameters.bit_rate * stream.time_base.num)
