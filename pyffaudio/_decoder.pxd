"""The decoder of the chosen stream."""
from libc.errno cimport ENOMEM

from pyffaudio cimport ffmpeg as ff
from pyffaudio._demuxer cimport QUIET
from pyffaudio._kernel cimport close_kernel, open_kernel
from pyffaudio._media cimport Fault, Media, Policy, fail


cdef enum:
    MAX_FRAME_SAMPLES = 1 << 24


cdef inline bint plays_wrong_checksums(ff.AVCodecID codec_id) noexcept nogil:
    """Whether FFmpeg, unless told otherwise, gives frames whose checksum is wrong."""
    return (codec_id == ff.AV_CODEC_ID_FLAC or codec_id == ff.AV_CODEC_ID_TTA
            or codec_id == ff.AV_CODEC_ID_TAK or codec_id == ff.AV_CODEC_ID_APE
            or codec_id == ff.AV_CODEC_ID_AC3 or codec_id == ff.AV_CODEC_ID_EAC3
            or codec_id == ff.AV_CODEC_ID_MP1 or codec_id == ff.AV_CODEC_ID_MP2
            or codec_id == ff.AV_CODEC_ID_MP3)


cdef inline int open_decoder(Media *media, const Policy *policy) noexcept nogil:
    cdef ff.AVCodecParameters *parameters = media.stream.codecpar
    cdef const ff.AVCodec *decoder = ff.avcodec_find_decoder(parameters.codec_id)
    cdef int status
    if decoder == NULL:
        return fail(media, Fault.CODEC_MISSING, 0, ff.avcodec_get_name(parameters.codec_id))
    if not ff.av_match_list(decoder.name, policy.decoders, b','):
        return fail(media, Fault.CODEC_NOT_ALLOWED, 0, ff.avcodec_get_name(parameters.codec_id))
    if parameters.ch_layout.nb_channels > policy.max_channels:
        return fail(media, Fault.TOO_MANY_CHANNELS, parameters.ch_layout.nb_channels, NULL)
    if parameters.sample_rate > policy.max_sample_rate:
        return fail(media, Fault.RATE_TOO_HIGH, parameters.sample_rate, NULL)
    media.codec = ff.avcodec_alloc_context3(decoder)
    if media.codec == NULL:
        return ff.AVERROR(ENOMEM)
    status = ff.avcodec_parameters_to_context(media.codec, parameters)
    if status < 0:
        return status
    media.codec.log_level_offset = QUIET
    media.codec.pkt_timebase = media.stream.time_base
    # What comes before the start and after the end is for _timeline.pxd to trim.
    media.codec.flags2 |= ff.AV_CODEC_FLAG2_SKIP_MANUAL
    media.codec.max_samples = MAX_FRAME_SAMPLES
    media.codec.err_recognition |= ff.AV_EF_CRCCHECK
    if plays_wrong_checksums(parameters.codec_id):
        media.codec.err_recognition |= ff.AV_EF_EXPLODE
    if ff.avcodec_open2(media.codec, decoder, NULL) < 0:
        return fail(media, Fault.CODEC_REFUSED, 0, ff.avcodec_get_name(parameters.codec_id))
    open_kernel(media)
    return 1


cdef inline void close_decoder(Media *media) noexcept nogil:
    close_kernel(media)
    ff.avcodec_free_context(&media.codec)
