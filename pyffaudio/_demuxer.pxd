"""From a source to an open demuxer; what is not allowed is refused, and FFmpeg opens nothing."""
from libc.errno cimport EACCES, ENOMEM
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp, strcmp

from pyffaudio cimport ffmpeg as ff
from pyffaudio._container cimport AAC, FLAC, MP3, OGG, container_of
from pyffaudio._links cimport begin_link
from pyffaudio._media cimport Fault, Media, Policy, fail, reads
from pyffaudio._mp3 cimport begins_with_mp3
from pyffaudio._source cimport IO_BUFFER_BYTES, START_BYTES, Source, peek, read_callback, \
    seek_callback, watch, watch_callback
from pyffaudio._sync cimport MpegAudio, first_byte
from pyffaudio._wav cimport may_be_dts


cdef extern from *:
    """
    #include <stddef.h>
    #include <libavformat/avformat.h>
    /* FFmpeg's messages are not ours to print. The level of av_log belongs to the whole process, so
       that only a bundled FFmpeg's is set. With another, a copy of the context's class that takes
       its level offset from a field that demuxing leaves unused keeps this context quiet without
       touching anything shared. The offset must pass AV_LOG_TRACE (56) for every level, and stay
       below 256, where av_log keeps colours, for the parsers that add 127 of their own. */
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
        if (PYFFAUDIO_BUNDLED) av_log_set_level(AV_LOG_QUIET);
        return 1;
    }
    """
    void quieten "pyffaudio_quieten" (ff.AVFormatContext *context) nogil
    int init_quiet_class "pyffaudio_init_quiet_class" ()
    int QUIET "PYFFAUDIO_QUIET"


cdef enum:
    INDEX_BYTES = 4096

# What FFmpeg's parser of FLAC is given at once; of 1,024 each it takes as long as decoding does.
cdef extern from *:
    const char *RAW_BYTES "\"16384\""


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
    # Freed with the context, as all of its options are.
    media.format.protocol_whitelist = ff.av_strdup("")
    media.format.format_whitelist = ff.av_strdup(policy.demuxers)
    media.format.codec_whitelist = ff.av_strdup(policy.decoders)
    if (media.format.protocol_whitelist == NULL or media.format.format_whitelist == NULL
            or media.format.codec_whitelist == NULL):
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
    if size >= 4 and memcmp(head, "qoaf", 4) == 0:
        return "qoa"            # which FFmpeg has as of 6.1
    return NULL


cdef inline bint is_flac_behind_tags(Source *source) noexcept nogil:
    """Whether a FLAC follows ID3 tags: past more than one, FFmpeg does not look."""
    cdef uint8_t head[4]
    cdef int64_t begin = first_byte(source)
    return begin > 0 and peek(source, begin, head, 4) == 4 and memcmp(head, "fLaC", 4) == 0


cdef inline int choose_demuxer(Media *media, Source *source, const Policy *policy,
                               const ff.AVInputFormat **demuxer) noexcept nogil:
    cdef int size = START_BYTES if source.start_size > START_BYTES else <int>source.start_size
    cdef const char *name = policy.format
    cdef MpegAudio frame
    cdef int status
    demuxer[0] = NULL
    if name == NULL:
        name = demuxer_of_signature(source.start, size)
    if name == NULL and is_flac_behind_tags(source):
        name = "flac"
    if name == NULL and begins_with_mp3(source, &frame):
        name = "mp3"
    if name != NULL and strcmp(name, "wav") == 0 and not may_be_dts(source.start, size):
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
    media.container = container_of(demuxer[0].name)
    if reads(media, OGG) and not source.links.watched:
        begin_link(&source.links, 0)
    return 1


cdef inline int open_demuxer(Media *media, Source *source, const Policy *policy,
                             ff.AVDictionary **options) noexcept nogil:
    cdef const ff.AVInputFormat *demuxer = NULL
    cdef int status = open_context(media, source, policy)
    # What FFmpeg makes of damage depends on how the bytes come to it. Those of a pipe may be live,
    # and are not waited for; but FLAC's parser finds other frames then.
    source.fills = source.seekable
    if status > 0:
        status = choose_demuxer(media, source, policy, &demuxer)
    if status < 0:
        return status
    if reads(media, FLAC) and options != NULL \
            and ff.av_dict_set(options, "raw_packet_size", RAW_BYTES, 0) < 0:
        return ff.AVERROR(ENOMEM)
    source.fills |= reads(media, FLAC)
    status = ff.avformat_open_input(&media.format, "", demuxer, options)
    if status < 0:
        # AVERROR(ENOMEM) too: it answers sizes that the header makes up.
        return fail(media, Fault.FORMAT_UNKNOWN if media.doubtful else Fault.HEADER_DAMAGED,
                    status, demuxer.name)
    if media.format.nb_streams > <unsigned int>policy.max_streams:
        return fail(media, Fault.TOO_MANY_STREAMS, media.format.nb_streams, NULL)
    if reads(media, FLAC | OGG | MP3 | AAC):
        # We know better where their packets are: what FFmpeg keeps of each as it goes by, it sorts
        # into a megabyte.
        media.format.max_index_size = INDEX_BYTES
    return 1
