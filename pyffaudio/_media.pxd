"""From the source's bytes to decoded frames: demuxer and decoder.

Everything is refused that is not allowed, and everything noted that is damaged.

Functions answer 1 (there is one), 0 (the end) or a negative AVERROR; where FFmpeg has no code for
what went wrong, `Media.fault` says it.
"""
from libc.errno cimport EACCES, EAGAIN, ENOMEM
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from pyffaudio cimport ffmpeg as ff
from pyffaudio._source cimport IO_BUFFER_BYTES, START_BYTES, Source, read_callback, seek_callback, \
    watch, watch_callback
from pyffaudio._wav cimport may_be_dts, wav_data_bytes


cdef extern from *:
    """
    #include <stddef.h>
    #include <libavformat/avformat.h>
    /* FFmpeg's messages are not ours to print, and av_log's level belongs to the whole process. A
       copy of the context's class that takes its level offset from a field that demuxing leaves
       unused keeps this context quiet without touching anything shared. The offset must pass
       AV_LOG_TRACE (56) for every level, and stay below 256, where av_log keeps colours, for
       the parsers that add 127 of their own. */
    #define PYFFAUDIO_QUIET 64
    static AVClass pyffaudio_quiet_class;
    static inline void pyffaudio_quieten(AVFormatContext *context) {
        context->max_chunk_size = PYFFAUDIO_QUIET;
        context->av_class = &pyffaudio_quiet_class;
    }
    static inline int pyffaudio_init_quiet_class(void) {
        AVFormatContext *context = avformat_alloc_context();
        if (!context) return 0;
        pyffaudio_quiet_class = *context->av_class;
        pyffaudio_quiet_class.log_level_offset_offset = offsetof(AVFormatContext, max_chunk_size);
        avformat_free_context(context);
        return 1;
    }
    """
    void quieten "pyffaudio_quieten" (ff.AVFormatContext *context) nogil
    int init_quiet_class "pyffaudio_init_quiet_class" ()
    int QUIET "PYFFAUDIO_QUIET"


# What FFmpeg has no error code for; check() in _decode.pyx has the exception for each.
cdef enum Fault:
    NO_FAULT
    FORMAT_UNKNOWN
    FORMAT_NOT_ALLOWED
    FORMAT_MISSING
    HEADER_DAMAGED
    NO_AUDIO_STREAM
    NO_SUCH_STREAM
    NOT_AN_AUDIO_STREAM
    CODEC_NOT_ALLOWED
    CODEC_MISSING
    CODEC_REFUSED
    NOTHING_DECODED
    TOO_MANY_STREAMS
    TOO_MANY_CHANNELS
    RATE_TOO_HIGH

cdef enum IssueCode:
    CORRUPT_DATA
    TRUNCATED
    TRAILING_DATA
    PARAMS_CHANGED

cdef enum:
    MAX_ISSUES = 256
    MAX_FRAME_SAMPLES = 1 << 24

cdef struct RawIssue:
    IssueCode code
    int64_t position            # frames at Media.first_rate
    int64_t num_frames

# What the options and limits ask for, fixed before opening.
cdef struct Policy:
    const char *demuxers        # allowed, comma-separated
    const char *decoders
    const char *format          # demuxer named by the caller, or NULL
    const char *format_hint     # demuxer suggested by the path's suffix, or NULL
    int stream_index            # -1: the best
    int max_channels
    int max_sample_rate
    int max_streams

cdef struct Media:
    ff.AVIOContext *io
    ff.AVFormatContext *format
    ff.AVCodecContext *codec
    ff.AVPacket *packet
    ff.AVFrame *frame
    bint has_frame              # `frame` is decoded and not yet consumed
    int sent_bytes              # of the packet last given to the decoder
    bint sent_tag               # that packet is a tag, which MPEG audio may have anywhere
    bint demuxed                # the demuxer has nothing more
    bint ended                  # the decoder has nothing more
    bint doubtful               # the format is a guess that hardly beats others
    ff.AVStream *stream
    int stream_index
    int first_rate              # of the first frame: the rate that positions are counted at
    ff.AVChannelLayout first_layout
    int first_format            # an AVSampleFormat
    int64_t decoded_frames
    int64_t promised_frames     # a count that the container must keep, or -1
    bint keeps_promise          # the source is long enough for all of them
    RawIssue issues[MAX_ISSUES]
    int issue_count
    Fault fault
    int64_t fault_value
    const char *fault_name


cdef inline int fail(Media *media, Fault fault, int64_t value, const char *name) noexcept nogil:
    media.fault = fault
    media.fault_value = value
    media.fault_name = name
    return ff.AVERROR_INVALIDDATA


cdef inline bint is_fatal(IssueCode code) noexcept nogil:
    """Whether audio is known to be missing; the others are notes."""
    return code == IssueCode.CORRUPT_DATA or code == IssueCode.TRUNCATED


cdef inline void note(Media *media, IssueCode code, int64_t num_frames) noexcept nogil:
    """Record an issue at the present position; a run of the same one is one issue."""
    cdef RawIssue *issue
    if media.issue_count > 0:
        issue = &media.issues[media.issue_count - 1]
        if issue.code == code and issue.position + issue.num_frames == media.decoded_frames:
            issue.num_frames += num_frames
            return
    if media.issue_count < MAX_ISSUES:
        media.issue_count += 1
    elif not is_fatal(code):
        return
    issue = &media.issues[media.issue_count - 1]
    issue.code = code
    issue.position = media.decoded_frames
    issue.num_frames = num_frames


cdef inline bint is_damaged(const Media *media) noexcept nogil:
    cdef int i
    for i in range(media.issue_count):
        if is_fatal(media.issues[i].code):
            return True
    return False


cdef inline int deny_open(ff.AVFormatContext *context, ff.AVIOContext **io, const char *url,
                          int flags, ff.AVDictionary **options) noexcept nogil:
    return ff.AVERROR(EACCES)


cdef inline int open_context(Media *media, Source *source, const Policy *policy) noexcept nogil:
    """A format context that can read the source and nothing else."""
    cdef unsigned char *buffer = <unsigned char *>ff.av_malloc(IO_BUFFER_BYTES)
    if buffer == NULL:
        return ff.AVERROR(ENOMEM)
    media.io = ff.avio_alloc_context(buffer, IO_BUFFER_BYTES, 0, source, read_callback, NULL,
                                     seek_callback)
    if media.io == NULL:
        ff.av_free(buffer)
        return ff.AVERROR(ENOMEM)
    if not source.seekable:
        media.io.seekable = 0
    media.format = ff.avformat_alloc_context()
    if media.format == NULL:
        return ff.AVERROR(ENOMEM)
    quieten(media.format)
    media.format.pb = media.io
    media.format.flags |= ff.AVFMT_FLAG_CUSTOM_IO
    media.format.io_open = deny_open
    media.format.interrupt_callback.callback = watch_callback
    media.format.interrupt_callback.opaque = source
    # One more than allowed, so that too many can be told from a lack of memory.
    media.format.max_streams = policy.max_streams + 1
    if (ff.av_opt_set(media.format, "protocol_whitelist", "", 0) < 0
            or ff.av_opt_set(media.format, "format_whitelist", policy.demuxers, 0) < 0
            or ff.av_opt_set(media.format, "codec_whitelist", policy.decoders, 0) < 0):
        return ff.AVERROR(ENOMEM)
    return 1


cdef inline const char *demuxer_of_signature(const uint8_t *head, int size) noexcept nogil:
    """The demuxer that these first bytes name beyond doubt; asking every demuxer costs far more."""
    if size >= 12 and memcmp(head, "RIFF", 4) == 0 and memcmp(head + 8, "WAVE", 4) == 0:
        return "wav"
    if size >= 4 and memcmp(head, "fLaC", 4) == 0:
        return "flac"
    if size >= 4 and memcmp(head, "OggS", 4) == 0:
        return "ogg"
    if size >= 4 and memcmp(head, "\x1a\x45\xdf\xa3", 4) == 0:
        return "matroska"
    if size >= 8 and memcmp(head + 4, "ftyp", 4) == 0:
        return "mov"
    return NULL


cdef inline int choose_demuxer(Media *media, Source *source, const Policy *policy,
                               const ff.AVInputFormat **demuxer) noexcept nogil:
    cdef int size = START_BYTES if source.start_size > START_BYTES else <int>source.start_size
    cdef const char *name = policy.format
    cdef int status
    demuxer[0] = NULL
    if name == NULL:
        name = demuxer_of_signature(source.start, size)
    if name != NULL and memcmp(name, "wav", 3) == 0 and not may_be_dts(source.start, size):
        media.format.max_probe_packets = 0
    if name != NULL:
        demuxer[0] = ff.av_find_input_format(name)
    else:
        status = ff.av_probe_input_buffer2(media.io, demuxer, "", media.format, 0, 0)
        if watch(source) < 0:
            return ff.AVERROR_EXIT
        media.doubtful = status <= ff.AVPROBE_SCORE_RETRY
        # A guess that hardly beats others is worth less than the suffix of the path.
        if (status < 0 or media.doubtful) and policy.format_hint != NULL:
            name = policy.format_hint
            demuxer[0] = ff.av_find_input_format(name)
    if demuxer[0] == NULL:
        return fail(media, Fault.FORMAT_UNKNOWN if name == NULL else Fault.FORMAT_MISSING, 0, name)
    if not ff.av_match_list(demuxer[0].name, policy.demuxers, b','):
        return fail(media, Fault.FORMAT_NOT_ALLOWED, 0, demuxer[0].name)
    return 1


cdef inline int open_demuxer(Media *media, Source *source, const Policy *policy,
                             ff.AVDictionary **options) noexcept nogil:
    cdef const ff.AVInputFormat *demuxer = NULL
    cdef int status = open_context(media, source, policy)
    if status > 0:
        status = choose_demuxer(media, source, policy, &demuxer)
    if status < 0:
        return status
    status = ff.avformat_open_input(&media.format, "", demuxer, options)
    if status < 0:
        # AVERROR(ENOMEM) too: it answers sizes that the header makes up.
        return fail(media, Fault.FORMAT_UNKNOWN if media.doubtful else Fault.HEADER_DAMAGED,
                    status, demuxer.name)
    if media.format.nb_streams > <unsigned int>policy.max_streams:
        return fail(media, Fault.TOO_MANY_STREAMS, media.format.nb_streams, NULL)
    return 1


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


cdef inline int find_parameters(Media *media) noexcept nogil:
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
        if parameters.codec_type != ff.AVMEDIA_TYPE_AUDIO:
            parameters.codec_type = ff.AVMEDIA_TYPE_DATA
            parameters.codec_id = ff.AV_CODEC_ID_NONE
    if status == 0:
        status = ff.avformat_find_stream_info(media.format, options)
    for i in range(count):
        ff.av_dict_free(&options[i])
        if probed[i].codec_type != ff.AVMEDIA_TYPE_AUDIO:
            parameters = media.format.streams[i].codecpar
            parameters.codec_type = probed[i].codec_type
            parameters.codec_id = probed[i].codec_id
    ff.av_free(options)
    ff.av_free(probed)
    return status


cdef inline int choose_stream(Media *media, Source *source, const Policy *policy) noexcept nogil:
    cdef unsigned int i
    cdef int index = policy.stream_index
    cdef int best = only_audio_stream(media.format)
    if best < 0:
        # Its own verdict does not matter: what it did not find, opening the decoder will miss.
        if find_parameters(media) == ff.AVERROR(ENOMEM):
            return ff.AVERROR(ENOMEM)
        if watch(source) < 0:
            return ff.AVERROR_EXIT
        best = ff.av_find_best_stream(media.format, ff.AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0)
    if media.format.nb_streams > <unsigned int>policy.max_streams:
        return fail(media, Fault.TOO_MANY_STREAMS, media.format.nb_streams, NULL)
    if index < 0:
        index = best
    if index < 0:
        return fail(media, Fault.NO_AUDIO_STREAM, media.format.nb_streams, NULL)
    if index >= <int>media.format.nb_streams:
        return fail(media, Fault.NO_SUCH_STREAM, index, NULL)
    if media.format.streams[index].codecpar.codec_type != ff.AVMEDIA_TYPE_AUDIO:
        return fail(media, Fault.NOT_AN_AUDIO_STREAM, index, NULL)
    for i in range(media.format.nb_streams):
        if <int>i != index:
            media.format.streams[i].discard = ff.AVDISCARD_ALL
    media.stream_index = index
    media.stream = media.format.streams[index]
    if media.stream.codecpar.codec_id == ff.AV_CODEC_ID_OPUS:
        # Whatever rate the container names (RFC 7845), and before any frame can tell.
        media.stream.codecpar.sample_rate = 48000
    return 1


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
    media.packet = ff.av_packet_alloc()
    media.frame = ff.av_frame_alloc()
    if media.codec == NULL or media.packet == NULL or media.frame == NULL:
        return ff.AVERROR(ENOMEM)
    status = ff.avcodec_parameters_to_context(media.codec, parameters)
    if status < 0:
        return status
    media.codec.log_level_offset = QUIET
    # Without it, trimming by timestamps (gapless start and end) goes wrong.
    media.codec.pkt_timebase = media.stream.time_base
    media.codec.max_samples = MAX_FRAME_SAMPLES
    media.codec.err_recognition |= ff.AV_EF_CRCCHECK
    if parameters.codec_id == ff.AV_CODEC_ID_FLAC:
        # FFmpeg otherwise plays frames whose checksum is wrong.
        media.codec.err_recognition |= ff.AV_EF_EXPLODE
    if ff.avcodec_open2(media.codec, decoder, NULL) < 0:
        return fail(media, Fault.CODEC_REFUSED, 0, ff.avcodec_get_name(parameters.codec_id))
    return 1


cdef inline bint is_bare_stream(const Media *media) noexcept nogil:
    """Whether this is MPEG audio or ADTS, whose frames are known by their own headers alone."""
    return ff.av_match_list(media.format.iformat.name, "mp3,aac", b',') != 0


cdef inline bint is_tag(const ff.AVPacket *packet) noexcept nogil:
    return packet.size >= 8 and (
        memcmp(packet.data, "ID3", 3) == 0 or memcmp(packet.data, "TAG", 3) == 0
        or memcmp(packet.data, "APETAGEX", 8) == 0)


cdef inline void note_refusal(Media *media) noexcept nogil:
    """The decoder refused data: damage, unless it is a tag, or PCM's last packet beyond a frame."""
    cdef int frame_bits = (ff.av_get_exact_bits_per_sample(media.codec.codec_id)
                           * media.codec.ch_layout.nb_channels)
    if media.sent_tag:
        note(media, IssueCode.TRAILING_DATA, 0)
    elif frame_bits == 0 or media.sent_bytes * <int64_t>8 % frame_bits == 0:
        note(media, IssueCode.CORRUPT_DATA, 0)


cdef inline int send_packet(Media *media, Source *source) noexcept nogil:
    """Give the decoder the next packet of the stream, or tell it of the end."""
    cdef int status = watch(source)
    if status < 0:
        return status
    if media.first_rate > 0:
        # The demuxer counts what it trims at this rate, puts the header's back, and is wrong then.
        media.stream.codecpar.sample_rate = media.first_rate
    status = ff.av_read_frame(media.format, media.packet)
    if status == ff.AVERROR(EAGAIN):
        return 1
    if watch(source) < 0 or source.errnum != 0:
        return status if status < 0 else ff.AVERROR_EXIT
    if status < 0:
        media.demuxed = True
        if status != ff.AVERROR_EOF:
            note(media, IssueCode.CORRUPT_DATA, 0)
        ff.avcodec_send_packet(media.codec, NULL)
        return 1
    if media.packet.stream_index == media.stream_index:
        if media.stream.codecpar.codec_id != media.codec.codec_id:
            status = fail(media, Fault.CODEC_NOT_ALLOWED, 0,
                          ff.avcodec_get_name(media.stream.codecpar.codec_id))
        else:
            media.sent_bytes = media.packet.size
            media.sent_tag = is_bare_stream(media) and is_tag(media.packet)
            if media.codec.codec_id == ff.AV_CODEC_ID_MP3:
                # Else a frame of another rate than the one before it says that one's.
                media.codec.sample_rate = 0
            status = ff.avcodec_send_packet(media.codec, media.packet)
            if status < 0:
                note_refusal(media)
                status = 1
    ff.av_packet_unref(media.packet)
    return status if status < 0 else 1


cdef inline int accept_frame(Media *media, const Policy *policy) noexcept nogil:
    cdef ff.AVFrame *frame = media.frame
    if frame.nb_samples <= 0 or frame.ch_layout.nb_channels <= 0 or frame.sample_rate <= 0:
        ff.av_frame_unref(frame)
        return 0
    if frame.ch_layout.nb_channels > policy.max_channels:
        return fail(media, Fault.TOO_MANY_CHANNELS, frame.ch_layout.nb_channels, NULL)
    if frame.sample_rate > policy.max_sample_rate:
        return fail(media, Fault.RATE_TOO_HIGH, frame.sample_rate, NULL)
    if media.first_rate == 0:
        media.first_rate = frame.sample_rate
        media.first_format = frame.format
        if ff.av_channel_layout_copy(&media.first_layout, &frame.ch_layout) < 0:
            return ff.AVERROR(ENOMEM)
    media.has_frame = True
    return 1


cdef inline int64_t claimed_frames(const Media *media) noexcept nogil:
    """The stream's length by the container's word, in frames at `first_rate`, or -1."""
    if media.promised_frames >= 0:
        return media.promised_frames
    if media.stream.duration > 0:
        return ff.av_rescale_q(media.stream.duration, media.stream.time_base,
                               ff.AVRational(1, media.first_rate))
    if media.format.duration > 0:
        return ff.av_rescale(media.format.duration, media.first_rate, ff.AV_TIME_BASE)
    return -1


cdef inline bint was_complete(const Media *media) noexcept nogil:
    """Whether what the decoder refuses now comes after the audio.

    At the end of a bare stream, what is no frame is tags or padding.
    """
    cdef int64_t claimed = claimed_frames(media)
    return (is_bare_stream(media)
            or 0 <= claimed <= media.decoded_frames)


cdef inline int end_stream(Media *media) noexcept nogil:
    cdef RawIssue *last
    media.ended = True
    if media.issue_count > 0 and media.decoded_frames > 0 and was_complete(media):
        last = &media.issues[media.issue_count - 1]
        if last.code == IssueCode.CORRUPT_DATA and last.position == media.decoded_frames:
            last.code = IssueCode.TRAILING_DATA
    if media.decoded_frames < media.promised_frames:
        note(media, IssueCode.TRUNCATED, media.promised_frames - media.decoded_frames)
    return 0


cdef inline int next_frame(Media *media, Source *source, const Policy *policy) noexcept nogil:
    """Decode into `media.frame` unless it still holds one; damaged packets are noted and passed."""
    cdef int status
    while not media.has_frame:
        if media.ended:
            return 0
        status = ff.avcodec_receive_frame(media.codec, media.frame)
        if status >= 0:
            status = accept_frame(media, policy)
        elif status == ff.AVERROR_EOF:
            return end_stream(media)
        elif status == ff.AVERROR(EAGAIN) and not media.demuxed:
            status = send_packet(media, source)
        else:
            note_refusal(media)
            status = end_stream(media) if media.demuxed else 1
        if status < 0:
            return status
    return 1


cdef inline void consume_frame(Media *media) noexcept nogil:
    media.decoded_frames += ff.av_rescale(media.frame.nb_samples, media.first_rate,
                                          media.frame.sample_rate)
    media.has_frame = False
    ff.av_frame_unref(media.frame)


cdef inline void find_promise(Media *media, const Source *source) noexcept nogil:
    """The frames that a WAV's data chunk has by its own size.

    Read once: the caller's memory may change, and what was checked is what is used.
    """
    cdef ff.AVCodecContext *codec = media.codec
    cdef int64_t data_bytes, end = 0
    cdef int frame_bits = (ff.av_get_exact_bits_per_sample(codec.codec_id)
                           * codec.ch_layout.nb_channels)
    media.promised_frames = -1
    if frame_bits == 0 or not ff.av_match_list(media.format.iformat.name, "wav", b','):
        return
    # No further than every kind of source has read by now, so that they all tell the same.
    data_bytes = wav_data_bytes(source.start, min(source.start_size, START_BYTES), &end)
    if data_bytes >= 0:
        media.promised_frames = data_bytes * 8 // frame_bits
        media.keeps_promise = end <= source.size


cdef inline int open_media(Media *media, Source *source, const Policy *policy,
                           ff.AVDictionary **options) noexcept nogil:
    """Open everything and decode the first frame, which alone tells the true parameters."""
    cdef int status = open_demuxer(media, source, policy, options)
    if status > 0:
        status = choose_stream(media, source, policy)
    if status > 0:
        status = open_decoder(media, policy)
    if status < 0:
        return status
    find_promise(media, source)
    status = next_frame(media, source, policy)
    if status != 0:
        return status
    media.first_rate = media.codec.sample_rate
    media.first_format = media.codec.sample_fmt
    if ff.av_channel_layout_copy(&media.first_layout, &media.codec.ch_layout) < 0:
        return ff.AVERROR(ENOMEM)
    if (is_damaged(media) or media.first_rate <= 0 or media.codec.ch_layout.nb_channels <= 0
            or claimed_frames(media) > 0):
        return fail(media, Fault.FORMAT_UNKNOWN if media.doubtful else Fault.NOTHING_DECODED, 0,
                    media.format.iformat.name)
    return 1


cdef inline void close_media(Media *media) noexcept nogil:
    ff.av_channel_layout_uninit(&media.first_layout)
    ff.av_frame_free(&media.frame)
    ff.av_packet_free(&media.packet)
    ff.avcodec_free_context(&media.codec)
    ff.avformat_close_input(&media.format)
    if media.io != NULL:
        ff.av_freep(&media.io.buffer)
        ff.avio_context_free(&media.io)
