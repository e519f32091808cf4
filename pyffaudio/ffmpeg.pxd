"""The part of FFmpeg's C API that pyffaudio uses: real names, only the fields it touches."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "libavutil/error.h" nogil:
    int AVERROR(int errnum)
    int AVERROR_EOF
    int AVERROR_EXIT
    int AVERROR_FILTER_NOT_FOUND
    int AVERROR_INVALIDDATA
    int av_strerror(int errnum, char *errbuf, size_t errbuf_size)


cdef extern from "libavutil/avstring.h" nogil:
    int av_match_list(const char *name, const char *list, char separator)


cdef extern from "libavutil/log.h" nogil:
    ctypedef struct AVClass:
        int log_level_offset_offset


cdef extern from "libavutil/mem.h" nogil:
    void *av_malloc(size_t size)
    char *av_strdup(const char *s)
    void *av_realloc_array(void *ptr, size_t nmemb, size_t size)
    void av_free(void *ptr)
    void av_freep(void *ptr)


cdef extern from "libavutil/avutil.h" nogil:
    unsigned int avutil_version()
    const char *av_version_info()
    int64_t AV_NOPTS_VALUE
    int64_t AV_TIME_BASE
    enum AVMediaType:
        AVMEDIA_TYPE_UNKNOWN
        AVMEDIA_TYPE_AUDIO
        AVMEDIA_TYPE_DATA
    const char *av_get_media_type_string(AVMediaType media_type)


cdef extern from "libavutil/rational.h" nogil:
    ctypedef struct AVRational:
        int num
        int den


cdef extern from "libavutil/mathematics.h" nogil:
    enum AVRounding:
        AV_ROUND_UP
    int64_t av_rescale(int64_t a, int64_t b, int64_t c)
    int64_t av_rescale_rnd(int64_t a, int64_t b, int64_t c, AVRounding rnd)
    int64_t av_rescale_q(int64_t a, AVRational bq, AVRational cq)


cdef extern from "libavutil/dict.h" nogil:
    ctypedef struct AVDictionary
    ctypedef struct AVDictionaryEntry:
        char *key
        char *value
    int AV_DICT_IGNORE_SUFFIX
    AVDictionaryEntry *av_dict_get(const AVDictionary *m, const char *key,
                                   const AVDictionaryEntry *prev, int flags)
    int av_dict_copy(AVDictionary **dst, const AVDictionary *src, int flags)
    int av_dict_set(AVDictionary **pm, const char *key, const char *value, int flags)
    void av_dict_free(AVDictionary **m)


cdef extern from "libavutil/samplefmt.h" nogil:
    enum AVSampleFormat:
        AV_SAMPLE_FMT_NONE
        AV_SAMPLE_FMT_U8
        AV_SAMPLE_FMT_S64
        AV_SAMPLE_FMT_S16
        AV_SAMPLE_FMT_S32
        AV_SAMPLE_FMT_FLT
        AV_SAMPLE_FMT_DBL
        AV_SAMPLE_FMT_FLTP
        AV_SAMPLE_FMT_DBLP
    AVSampleFormat av_get_packed_sample_fmt(AVSampleFormat sample_fmt)
    AVSampleFormat av_get_planar_sample_fmt(AVSampleFormat sample_fmt)
    int av_get_bytes_per_sample(AVSampleFormat sample_fmt)
    int av_samples_copy(uint8_t **dst, uint8_t **src, int dst_offset, int src_offset,
                        int nb_samples, int nb_channels, AVSampleFormat sample_fmt)
    int av_samples_set_silence(uint8_t **audio_data, int offset, int nb_samples, int nb_channels,
                               AVSampleFormat sample_fmt)
    int av_sample_fmt_is_planar(AVSampleFormat sample_fmt)
    const char *av_get_sample_fmt_name(AVSampleFormat sample_fmt)


cdef extern from "libavutil/opt.h" nogil:
    enum AVOptionType:
        AV_OPT_TYPE_CONST
    ctypedef struct AVOption:
        const char *name
        int offset
        AVOptionType type
    int AV_OPT_SEARCH_CHILDREN
    const AVOption *av_opt_next(const void *obj, const AVOption *prev)
    int av_opt_set(void *obj, const char *name, const char *val, int search_flags)
    int av_opt_get_int(void *obj, const char *name, int search_flags, int64_t *out_val)
    int av_opt_set_sample_fmt(void *obj, const char *name, AVSampleFormat fmt, int search_flags)


cdef extern from "libavutil/channel_layout.h" nogil:
    enum AVChannel:
        AV_CHAN_NONE
    enum AVChannelOrder:
        AV_CHANNEL_ORDER_UNSPEC
    ctypedef struct AVChannelLayout:
        AVChannelOrder order
        int nb_channels
    void av_channel_layout_default(AVChannelLayout *ch_layout, int nb_channels)
    AVChannel av_channel_layout_channel_from_index(const AVChannelLayout *layout, unsigned int idx)
    int av_channel_name(char *buf, size_t buf_size, AVChannel channel)
    int av_channel_layout_compare(const AVChannelLayout *a, const AVChannelLayout *b)
    int av_channel_layout_copy(AVChannelLayout *dst, const AVChannelLayout *src)
    int av_channel_layout_describe(const AVChannelLayout *layout, char *buf, size_t buf_size)
    void av_channel_layout_uninit(AVChannelLayout *layout)


cdef extern from "libavutil/buffer.h" nogil:
    ctypedef struct AVBufferRef:
        uint8_t *data
    ctypedef struct AVBufferPool
    AVBufferPool *av_buffer_pool_init(size_t size, void *alloc)
    AVBufferRef *av_buffer_pool_get(AVBufferPool *pool)
    void av_buffer_pool_uninit(AVBufferPool **pool)


cdef extern from "libavutil/frame.h" nogil:
    enum AVFrameSideDataType:
        AV_FRAME_DATA_SKIP_SAMPLES
    ctypedef struct AVFrameSideData:
        uint8_t *data
        size_t size
    ctypedef struct AVFrame:
        uint8_t **data
        int *linesize
        AVBufferRef **buf
        int64_t pts
        int flags
        uint8_t **extended_data
        int nb_samples
        int format
        int sample_rate
        AVChannelLayout ch_layout
    int AV_FRAME_FLAG_DISCARD
    AVFrame *av_frame_alloc()
    void av_frame_free(AVFrame **frame)
    void av_frame_unref(AVFrame *frame)
    int av_frame_make_writable(AVFrame *frame)
    int av_frame_get_buffer(AVFrame *frame, int align)
    void av_frame_move_ref(AVFrame *dst, AVFrame *src)
    AVFrameSideData *av_frame_get_side_data(const AVFrame *frame, AVFrameSideDataType type)


cdef extern from "libavutil/common.h" nogil:
    AVCodecID AV_NE(AVCodecID big_endian, AVCodecID little_endian)

cdef extern from "libavcodec/codec_id.h" nogil:
    enum AVCodecID:
        AV_CODEC_ID_NONE
        AV_CODEC_ID_AAC
        AV_CODEC_ID_AAC_LATM
        AV_CODEC_ID_AC3
        AV_CODEC_ID_ALAC
        AV_CODEC_ID_APE
        AV_CODEC_ID_DTS
        AV_CODEC_ID_EAC3
        AV_CODEC_ID_FLAC
        AV_CODEC_ID_MLP
        AV_CODEC_ID_MP1
        AV_CODEC_ID_MP2
        AV_CODEC_ID_MP3
        AV_CODEC_ID_OPUS
        AV_CODEC_ID_PCM_F24LE
        AV_CODEC_ID_PCM_F32BE
        AV_CODEC_ID_PCM_F32LE
        AV_CODEC_ID_PCM_F64BE
        AV_CODEC_ID_PCM_F64LE
        AV_CODEC_ID_PCM_S16BE
        AV_CODEC_ID_PCM_S16LE
        AV_CODEC_ID_PCM_S24BE
        AV_CODEC_ID_PCM_S24LE
        AV_CODEC_ID_PCM_S32BE
        AV_CODEC_ID_PCM_S32LE
        AV_CODEC_ID_PCM_U8
        AV_CODEC_ID_SPEEX
        AV_CODEC_ID_TAK
        AV_CODEC_ID_TRUEHD
        AV_CODEC_ID_TTA
        AV_CODEC_ID_VORBIS
        AV_CODEC_ID_WAVPACK
    const char *avcodec_get_name(AVCodecID id)


cdef extern from *:
    """
    #include <libavcodec/avcodec.h>
    /* Its name until FFmpeg 6.1. */
    #ifndef AV_PROFILE_AAC_LOW
    #define AV_PROFILE_AAC_LOW FF_PROFILE_AAC_LOW
    #endif
    """
    int AV_PROFILE_AAC_LOW


cdef extern from "libavcodec/packet.h" nogil:
    enum AVPacketSideDataType:
        AV_PKT_DATA_SKIP_SAMPLES
    ctypedef struct AVPacket:
        AVBufferRef *buf
        int64_t pts
        uint8_t *data
        int size
        int stream_index
        int flags
        int64_t duration
        int64_t pos
    int AV_PKT_FLAG_CORRUPT
    int AV_PKT_FLAG_DISCARD
    AVPacket *av_packet_alloc()
    void av_packet_free(AVPacket **pkt)
    int av_new_packet(AVPacket *pkt, int size)
    void av_shrink_packet(AVPacket *pkt, int size)
    void av_packet_unref(AVPacket *pkt)
    void av_packet_move_ref(AVPacket *dst, AVPacket *src)
    uint8_t *av_packet_get_side_data(const AVPacket *pkt, AVPacketSideDataType type, size_t *size)


cdef extern from "libavcodec/codec.h" nogil:
    ctypedef struct AVCodec:
        const char *name
        int type
    const AVCodec *avcodec_find_decoder(AVCodecID id)
    const AVCodec *av_codec_iterate(void **opaque)
    int av_codec_is_decoder(const AVCodec *codec)


cdef extern from "libavcodec/codec_par.h" nogil:
    ctypedef struct AVCodecParameters:
        AVMediaType codec_type
        AVCodecID codec_id
        uint8_t *extradata
        int extradata_size
        int64_t bit_rate
        AVChannelLayout ch_layout
        int sample_rate
        int initial_padding


cdef extern from "libavcodec/avcodec.h" nogil:
    ctypedef struct AVCodecContext:
        int log_level_offset
        AVCodecID codec_id
        int flags2
        AVRational pkt_timebase
        AVSampleFormat sample_fmt
        int sample_rate
        AVChannelLayout ch_layout
        int bits_per_raw_sample
        int frame_size
        int profile
        uint8_t *extradata
        int extradata_size
        int err_recognition
        int64_t max_samples
    int AV_CODEC_FLAG2_SKIP_MANUAL
    int AV_EF_CRCCHECK
    int AV_EF_EXPLODE
    unsigned int avcodec_version()
    const char *avcodec_configuration()
    const char *avcodec_license()
    AVCodecContext *avcodec_alloc_context3(const AVCodec *codec)
    void avcodec_free_context(AVCodecContext **avctx)
    int avcodec_parameters_to_context(AVCodecContext *codec, const AVCodecParameters *par)
    int avcodec_open2(AVCodecContext *avctx, const AVCodec *codec, AVDictionary **options)
    int avcodec_send_packet(AVCodecContext *avctx, const AVPacket *avpkt)
    void avcodec_flush_buffers(AVCodecContext *avctx)
    int avcodec_receive_frame(AVCodecContext *avctx, AVFrame *frame)
    int av_get_exact_bits_per_sample(AVCodecID codec_id)


cdef extern from "libavformat/avio.h" nogil:
    ctypedef struct AVIOInterruptCB:
        int (*callback)(void *opaque) noexcept nogil
        void *opaque
    ctypedef struct AVIOContext:
        unsigned char *buffer
        int seekable
    int AVSEEK_SIZE
    int AVSEEK_FORCE
    AVIOContext *avio_alloc_context(
        unsigned char *buffer, int buffer_size, int write_flag, void *opaque,
        int (*read_packet)(void *opaque, uint8_t *buf, int buf_size) noexcept nogil,
        void *write_packet,
        int64_t (*seek)(void *opaque, int64_t offset, int whence) noexcept nogil)
    void avio_context_free(AVIOContext **s)
    int64_t avio_tell(AVIOContext *io)


cdef extern from "libavformat/avformat.h" nogil:
    ctypedef struct AVInputFormat:
        const char *name
    ctypedef struct AVStream:
        int id
        AVCodecParameters *codecpar
        AVRational time_base
        int64_t duration
        int disposition
        int discard
        AVDictionary *metadata
        int event_flags
    ctypedef struct AVIndexEntry:
        int64_t pos
        int64_t timestamp
        int size
    ctypedef struct AVChapter:
        AVRational time_base
        int64_t start
        int64_t end
        AVDictionary *metadata
    ctypedef struct AVFormatContext:
        const AVClass *av_class
        const AVInputFormat *iformat
        AVIOContext *pb
        int ctx_flags
        unsigned int nb_streams
        AVStream **streams
        int64_t duration
        int64_t bit_rate
        int flags
        unsigned int nb_chapters
        AVChapter **chapters
        AVDictionary *metadata
        AVIOInterruptCB interrupt_callback
        int max_streams
        char *protocol_whitelist
        char *format_whitelist
        char *codec_whitelist
        unsigned int max_index_size
        int max_probe_packets
        int (*io_open)(AVFormatContext *s, AVIOContext **pb, const char *url, int flags,
                       AVDictionary **options) noexcept nogil
    int AVDISCARD_ALL
    int AV_DISPOSITION_ATTACHED_PIC
    int AVSTREAM_EVENT_FLAG_NEW_PACKETS
    int AVFMTCTX_NOHEADER
    int AVFMT_FLAG_CUSTOM_IO
    int AVPROBE_SCORE_RETRY
    unsigned int avformat_version()
    const AVInputFormat *av_demuxer_iterate(void **opaque)
    const AVInputFormat *av_find_input_format(const char *short_name)
    int av_probe_input_buffer2(AVIOContext *pb, const AVInputFormat **fmt, const char *url,
                               void *logctx, unsigned int offset, unsigned int max_probe_size)
    AVFormatContext *avformat_alloc_context()
    int avformat_open_input(AVFormatContext **ps, const char *url, const AVInputFormat *fmt,
                            AVDictionary **options)
    void avformat_close_input(AVFormatContext **s)
    int avformat_find_stream_info(AVFormatContext *ic, AVDictionary **options)
    int av_find_best_stream(AVFormatContext *ic, AVMediaType media_type, int wanted_stream_nb,
                            int related_stream, const AVCodec **decoder_ret, int flags)
    int avformat_index_get_entries_count(const AVStream *st)
    const AVIndexEntry *avformat_index_get_entry(AVStream *st, int idx)
    int AVINDEX_KEYFRAME
    int av_add_index_entry(AVStream *st, int64_t pos, int64_t timestamp, int size, int distance,
                           int flags)
    int AVSEEK_FLAG_BACKWARD
    int AVSEEK_FLAG_BYTE
    int av_seek_frame(AVFormatContext *s, int stream_index, int64_t timestamp, int flags)
    int av_read_frame(AVFormatContext *s, AVPacket *pkt)


cdef extern from "libswresample/swresample.h" nogil:
    ctypedef struct SwrContext
    unsigned int swresample_version()
    int swr_alloc_set_opts2(SwrContext **ps,
                            AVChannelLayout *out_ch_layout, AVSampleFormat out_sample_fmt,
                            int out_sample_rate,
                            AVChannelLayout *in_ch_layout, AVSampleFormat in_sample_fmt,
                            int in_sample_rate,
                            int log_offset, void *log_ctx)
    int swr_init(SwrContext *s)
    void swr_free(SwrContext **s)
    int swr_set_matrix(SwrContext *s, const double *matrix, int stride)
    int swr_inject_silence(SwrContext *s, int count)
    int swr_convert(SwrContext *s, uint8_t **out, int out_count, const uint8_t **data, int in_count)


cdef extern from "libavfilter/avfilter.h" nogil:
    ctypedef struct AVFilterPad
    ctypedef struct AVFilter:
        const char *name
        const char *description
        const AVFilterPad *inputs
        const AVFilterPad *outputs
        const AVClass *priv_class
    ctypedef struct AVFilterContext:
        const AVClass *av_class
        const AVFilter *filter
        const AVFilterPad *input_pads
        const AVFilterPad *output_pads
        unsigned int nb_inputs
        unsigned int nb_outputs
    ctypedef struct AVFilterGraph:
        AVFilterContext **filters
        unsigned int nb_filters
        int nb_threads
    unsigned int avfilter_version()
    const AVFilter *av_filter_iterate(void **opaque)
    const AVFilter *avfilter_get_by_name(const char *name)
    unsigned int avfilter_filter_pad_count(const AVFilter *filter, int is_output)
    AVMediaType avfilter_pad_get_type(const AVFilterPad *pads, int pad_idx)
    AVFilterGraph *avfilter_graph_alloc()
    AVFilterContext *avfilter_graph_alloc_filter(AVFilterGraph *graph, const AVFilter *filter,
                                                 const char *name)
    int avfilter_init_str(AVFilterContext *ctx, const char *args)
    int avfilter_link(AVFilterContext *src, unsigned int srcpad,
                      AVFilterContext *dst, unsigned int dstpad)
    int avfilter_graph_config(AVFilterGraph *graphctx, void *log_ctx)
    void avfilter_graph_free(AVFilterGraph **graph)


cdef extern from "libavfilter/buffersrc.h" nogil:
    ctypedef struct AVBufferSrcParameters:
        int format
        AVRational time_base
        int sample_rate
        AVChannelLayout ch_layout
    AVBufferSrcParameters *av_buffersrc_parameters_alloc()
    int av_buffersrc_parameters_set(AVFilterContext *ctx, AVBufferSrcParameters *param)
    int av_buffersrc_add_frame_flags(AVFilterContext *buffer_src, AVFrame *frame, int flags)


cdef extern from "libavfilter/buffersink.h" nogil:
    int av_buffersink_get_frame_flags(AVFilterContext *ctx, AVFrame *frame, int flags)
    int av_buffersink_get_format(const AVFilterContext *ctx)
    int av_buffersink_get_sample_rate(const AVFilterContext *ctx)
    int av_buffersink_get_ch_layout(const AVFilterContext *ctx, AVChannelLayout *ch_layout)
