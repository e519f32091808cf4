"""From a source to an open stream, from one link of a chain to the next, and the way back."""
from libc.errno cimport ENOMEM
from libc.stdint cimport int64_t
from libc.string cimport memset, strcmp, strncmp

from pyffaudio cimport ffmpeg as ff
from pyffaudio._container cimport CAF, MOV, MP3, OGG, WAV
from pyffaudio._decoder cimport close_decoder, open_decoder
from pyffaudio._demuxer cimport open_demuxer
from pyffaudio._links cimport begin_link
from pyffaudio._media cimport Fault, Media, Policy, frame_bits, reads
from pyffaudio._gapless cimport find_track_end, read_gapless_tag, read_packet_table
from pyffaudio._plain cimport is_plain
from pyffaudio._promise cimport find_promise
from pyffaudio._source cimport Source
from pyffaudio._stream cimport choose_stream
from pyffaudio._sync cimport xing_frames


cdef inline int allocate(Media *media) noexcept nogil:
    media.packet = ff.av_packet_alloc()
    media.ahead = ff.av_packet_alloc()
    media.frame = ff.av_frame_alloc()
    media.waiting = ff.av_frame_alloc()
    if (media.packet == NULL or media.ahead == NULL or media.frame == NULL
            or media.waiting == NULL):
        return ff.AVERROR(ENOMEM)
    return 1


cdef inline bint has_padded_blocks(const Media *media) noexcept nogil:
    """Whether this is a WAV of blocks, the last padded, whose "fact" chunk counts the frames."""
    cdef const char *codec = ff.avcodec_get_name(media.codec.codec_id)
    return reads(media, WAV) and media.stream.duration > 0 and (
        strncmp(codec, "adpcm_", 6) == 0 or strcmp(codec, "gsm_ms") == 0)


cdef inline void learn_end(Media *media, Source *source) noexcept nogil:
    """What the container says of the audio's end.

    Read once: the caller's memory may change, and what was checked is what is used.
    """
    cdef int bits = frame_bits(media)
    cdef int64_t audio_bytes
    cdef const ff.AVDictionaryEntry *tag
    memset(&media.track_end, 0, sizeof(media.track_end))
    media.first_pts = ff.AV_NOPTS_VALUE
    media.frame_pts = ff.AV_NOPTS_VALUE
    media.next_pts = ff.AV_NOPTS_VALUE
    media.own_pts = ff.AV_NOPTS_VALUE
    media.wanted_pts = ff.AV_NOPTS_VALUE
    media.promised_frames = -1
    find_promise(source, media.container, &media.promise)
    if bits > 0 and media.promise.begin >= 0:
        audio_bytes = media.promise.end - media.promise.begin
        media.promised_frames = audio_bytes // bits * 8 + audio_bytes % bits * 8 // bits
    media.plain = is_plain(media, source)
    media.plain_next = 0
    if reads(media, CAF) and bits == 0:
        read_packet_table(source, &media.track_end)
    media.looks_ahead = reads(media, MOV | OGG) or has_padded_blocks(media)
    if reads(media, MP3):
        media.xing_frames = xing_frames(source, &media.padding_frames, &media.xing_bytes)
    if reads(media, MOV):
        find_track_end(source, media.stream.id, &media.track_end)
        tag = ff.av_dict_get(media.format.metadata, "iTunSMPB", NULL, 0)
        if tag != NULL:
            read_gapless_tag(tag.value, media.stream.duration, &media.track_end)


cdef inline int open_stream(Media *media, Source *source, const Policy *policy,
                            ff.AVDictionary **options) noexcept nogil:
    cdef int status = allocate(media)
    if status > 0:
        status = open_demuxer(media, source, policy, options)
    if status > 0:
        status = choose_stream(media, source, policy)
    if status > 0:
        status = open_decoder(media, policy)
    if status > 0:
        learn_end(media, source)
    return status


cdef inline void close_stream(Media *media) noexcept nogil:
    while media.early_count > 0:
        media.early_count -= 1
        ff.av_packet_free(&media.early[media.early_count])
    media.early_given = 0
    ff.av_frame_free(&media.waiting)
    ff.av_frame_free(&media.frame)
    ff.av_packet_free(&media.ahead)
    ff.av_packet_free(&media.packet)
    close_decoder(media)
    media.stream = NULL
    ff.avformat_close_input(&media.format)
    if media.io != NULL:
        ff.av_freep(&media.io.buffer)
        ff.avio_context_free(&media.io)


cdef inline int open_next_link(Media *media, Source *source, const Policy *policy) noexcept nogil:
    """Go on with the next link of a chained Ogg, the way a file is opened."""
    cdef int64_t origin = source.links.next_link
    close_stream(media)
    source.position = origin
    begin_link(&source.links, origin)
    media.has_ahead = False
    media.demuxed = False
    media.read_failed = False
    media.sent_cut = False
    media.end_kept = False
    media.sent_last = False
    media.skip = 0
    media.start_frames = 0
    media.primed_frames = 0
    media.trimmed_frames = 0
    media.retimes = False
    media.proved = False
    media.fault = Fault.NO_FAULT
    media.link_position = media.decoded_frames
    return open_stream(media, source, policy, NULL)


cdef inline void close_media(Media *media) noexcept nogil:
    close_stream(media)
    ff.av_channel_layout_uninit(&media.first_layout)
