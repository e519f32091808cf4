"""The audio stream that is meant, among those of the container."""
from libc.errno cimport ENOMEM
from libc.string cimport memcmp

from pyffaudio cimport ffmpeg as ff
from pyffaudio._container cimport FLV, MP3, MPEG
from pyffaudio._media cimport MAX_EARLY, Fault, Media, Policy, fail, reads
from pyffaudio._mp3 cimport describe_mp3
from pyffaudio._source cimport Source, watch


cdef inline bint is_audio(const ff.AVFormatContext *context, int index) noexcept nogil:
    return context.streams[index].codecpar.codec_type == ff.AVMEDIA_TYPE_AUDIO


cdef inline int only_audio_stream(ff.AVFormatContext *context) noexcept nogil:
    """The one audio stream, of which the header told all; -1 where packets must be read to know."""
    cdef unsigned int i
    cdef int found = -1
    cdef ff.AVCodecParameters *parameters
    if context.ctx_flags & ff.AVFMTCTX_NOHEADER:
        return -1
    for i in range(context.nb_streams):
        parameters = context.streams[i].codecpar
        if parameters.codec_type != ff.AVMEDIA_TYPE_AUDIO:
            continue
        # A FLAC decoder finds its parameters in STREAMINFO, which the demuxer does not read.
        if found >= 0 or parameters.codec_id == ff.AV_CODEC_ID_NONE or (
                parameters.codec_id != ff.AV_CODEC_ID_FLAC
                and (parameters.sample_rate <= 0 or parameters.ch_layout.nb_channels <= 0)):
            return -1
        found = <int>i
    return found


cdef struct Probed:
    ff.AVMediaType codec_type
    ff.AVCodecID codec_id


cdef inline bint is_other(const Probed *probed, const Policy *policy) noexcept nogil:
    """Whether this is known to be no audio, or none that is allowed."""
    cdef const ff.AVCodec *decoder
    if probed.codec_type != ff.AVMEDIA_TYPE_AUDIO:
        return probed.codec_type != ff.AVMEDIA_TYPE_UNKNOWN
    decoder = ff.avcodec_find_decoder(probed.codec_id)
    return decoder != NULL and not ff.av_match_list(decoder.name, policy.decoders, b',')


cdef inline int find_parameters(Media *media, const Policy *policy) noexcept nogil:
    """avformat_find_stream_info() for the audio: other streams are shown to it as data.

    It would try to open a decoder for each, and say what it thinks of our whitelist.
    """
    cdef unsigned int i, count = media.format.nb_streams
    cdef int status = 0
    cdef ff.AVCodecParameters *parameters
    cdef ff.AVDictionary **options = <ff.AVDictionary **>ff.av_malloc(
        (count + 1) * sizeof(ff.AVDictionary *))
    cdef Probed *probed = <Probed *>ff.av_malloc((count + 1) * sizeof(Probed))
    if options == NULL or probed == NULL:
        ff.av_free(options)
        ff.av_free(probed)
        return ff.AVERROR(ENOMEM)
    for i in range(count):
        options[i] = NULL
        if ff.av_dict_set(&options[i], "log_level_offset", "64", 0) < 0:
            status = ff.AVERROR(ENOMEM)
        parameters = media.format.streams[i].codecpar
        probed[i].codec_type = parameters.codec_type
        probed[i].codec_id = parameters.codec_id
        if is_other(&probed[i], policy):
            parameters.codec_type = ff.AVMEDIA_TYPE_DATA
            parameters.codec_id = ff.AV_CODEC_ID_NONE
    if status == 0:
        status = ff.avformat_find_stream_info(media.format, options)
    for i in range(count):
        ff.av_dict_free(&options[i])
        if is_other(&probed[i], policy):
            parameters = media.format.streams[i].codecpar
            parameters.codec_type = probed[i].codec_type
            parameters.codec_id = probed[i].codec_id
    ff.av_free(options)
    ff.av_free(probed)
    return status


cdef inline ff.AVCodecID big_endian(ff.AVCodecID codec_id) noexcept nogil:
    if codec_id == ff.AV_CODEC_ID_PCM_S16LE:
        return ff.AV_CODEC_ID_PCM_S16BE
    if codec_id == ff.AV_CODEC_ID_PCM_S24LE:
        return ff.AV_CODEC_ID_PCM_S24BE
    if codec_id == ff.AV_CODEC_ID_PCM_S32LE:
        return ff.AV_CODEC_ID_PCM_S32BE
    if codec_id == ff.AV_CODEC_ID_PCM_F32LE:
        return ff.AV_CODEC_ID_PCM_F32BE
    if codec_id == ff.AV_CODEC_ID_PCM_F64LE:
        return ff.AV_CODEC_ID_PCM_F64BE
    return codec_id


cdef inline void correct_parameters(ff.AVCodecParameters *parameters,
                                    const Source *source) noexcept nogil:
    """Mend what FFmpeg is known to read wrongly, before anything relies on it."""
    if parameters.codec_id == ff.AV_CODEC_ID_OPUS:
        # Whatever rate the container names (RFC 7845), and before any frame can tell.
        parameters.sample_rate = 48000
    elif parameters.codec_id == ff.AV_CODEC_ID_PCM_F24LE:
        # 24 valid bits in 4 bytes, taken for a private float format. WAVE_FORMAT_EXTENSIBLE, and
        # all that is known to write such files, aligns them to the left.
        parameters.codec_id = ff.AV_CODEC_ID_PCM_S32LE
    if source.start_size >= 4 and memcmp(source.start, "RIFX", 4) == 0:
        parameters.codec_id = big_endian(parameters.codec_id)


cdef inline int meet_streams(Media *media, Source *source, const Policy *policy) noexcept nogil:
    """Read packets until there is audio, where a container names streams only as they come.

    avformat_find_stream_info() would open decoders for them, video too, before we can say no. The
    packets are kept for next_packet().
    """
    cdef int status
    cdef ff.AVPacket *packet
    while media.early_count < MAX_EARLY:
        packet = ff.av_packet_alloc()
        if packet == NULL:
            return ff.AVERROR(ENOMEM)
        media.early[media.early_count] = packet
        media.early_count += 1
        status = ff.av_read_frame(media.format, packet)
        if watch(source) < 0 or source.errnum != 0:
            return ff.AVERROR_EXIT
        if status < 0:
            return 0
        media.early_stream = packet.stream_index
        if packet.stream_index == policy.stream_index or (
                policy.stream_index < 0 and is_audio(media.format, packet.stream_index)):
            return 1
        ff.av_packet_unref(packet)
    return 0


cdef inline int find_best(Media *media, Source *source, const Policy *policy) noexcept nogil:
    """The index of the best audio stream, -1 if there is none; other negative values are errors."""
    cdef int best, status
    if reads(media, MP3):
        describe_mp3(source, media.format)
    best = only_audio_stream(media.format)
    if best >= 0:
        return best
    if reads(media, FLV | MPEG):
        status = meet_streams(media, source, policy)
        if status == 0:
            return -1
        return media.early_stream if status > 0 else status
    # Its own verdict does not matter: what it did not find, opening the decoder will miss.
    if find_parameters(media, policy) == ff.AVERROR(ENOMEM):
        return ff.AVERROR(ENOMEM)
    if watch(source) < 0:
        return ff.AVERROR_EXIT
    return max(ff.av_find_best_stream(media.format, ff.AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0), -1)


cdef inline int choose_stream(Media *media, Source *source, const Policy *policy) noexcept nogil:
    cdef unsigned int i
    cdef int index = find_best(media, source, policy)
    if index < -1:
        return index
    if media.format.nb_streams > <unsigned int>policy.max_streams:
        return fail(media, Fault.TOO_MANY_STREAMS, media.format.nb_streams, NULL)
    if policy.stream_index >= 0:
        index = policy.stream_index
    if index < 0:
        return fail(media, Fault.NO_AUDIO_STREAM, media.format.nb_streams, NULL)
    if index >= <int>media.format.nb_streams:
        return fail(media, Fault.NO_SUCH_STREAM, index, NULL)
    if not is_audio(media.format, index):
        return fail(media, Fault.NOT_AN_AUDIO_STREAM, index, NULL)
    for i in range(media.format.nb_streams):
        if <int>i != index:
            media.format.streams[i].discard = ff.AVDISCARD_ALL
    media.stream_index = index
    media.stream = media.format.streams[index]
    correct_parameters(media.stream.codecpar, source)
    return 1
