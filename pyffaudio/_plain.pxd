"""WAV's PCM straight from its data chunk, whose place is known.

FFmpeg asks every demuxer whether the first of its own packets might be something else, at ten times
the cost of opening the file; and here going to a frame is arithmetic. Its decoder copies samples of
the machine's own kind, where the packet may as well become the frame.
"""
from libc.errno cimport ENOMEM
from libc.stdint cimport int64_t, uint8_t

from pyffaudio cimport ffmpeg as ff
from pyffaudio._chunks cimport Chunk, ChunkForm, find_chunk
from pyffaudio._container cimport WAV
from pyffaudio._issues cimport IssueCode
from pyffaudio._media cimport Media, frame_bits, note_here, reads, shape_frame
from pyffaudio._preroll cimport is_pcm
from pyffaudio._source cimport Source, peek, watch
from pyffaudio._wav cimport may_be_dts


cdef enum:
    PLAIN_BYTES = 32 * 1024     # of a packet


cdef inline bint is_plain(const Media *media, const Source *source) noexcept nogil:
    return (reads(media, WAV) and is_pcm(media) and media.promise.begin >= 0
            and source.seekable and media.stream.time_base.num == 1
            and media.stream.time_base.den == media.stream.codecpar.sample_rate
            and frame_bits(media) % 8 == 0 and not may_be_dts(source.start, source.start_size))


cdef inline void note_second_chunk(Media *media, Source *source) noexcept nogil:
    """Audio behind the audio, which is not played."""
    cdef ChunkForm form = ChunkForm(4, 4, False, 2, False)
    cdef Chunk chunk
    if media.promised_frames > 0 and find_chunk(
            source, &form, media.promise.end + media.promise.end % 2, "data", &chunk):
        note_here(media, IssueCode.TRAILING_DATA, 0)


cdef inline int plain_frames(const Media *media) noexcept nogil:
    """How many frames a packet has, but for the last."""
    return max(PLAIN_BYTES * 8 // frame_bits(media), 1)


cdef inline int read_plain(Media *media, Source *source, ff.AVPacket *packet) noexcept nogil:
    cdef int block = frame_bits(media) // 8
    cdef int64_t left = media.promised_frames - media.plain_next
    cdef int count = <int>min(left, plain_frames(media))
    cdef int got
    if left <= 0:
        note_second_chunk(media, source)
        return 0
    if ff.av_new_packet(packet, count * block) < 0:
        return ff.AVERROR(ENOMEM)
    packet.pos = media.promise.begin + media.plain_next * block
    got = peek(source, packet.pos, packet.data, packet.size)
    if watch(source) < 0 or source.errnum != 0 or got == 0:
        ff.av_packet_unref(packet)
        return 0 if got == 0 and source.errnum == 0 and watch(source) == 0 else ff.AVERROR_EXIT
    ff.av_shrink_packet(packet, got)
    packet.stream_index = media.stream_index
    packet.pts = media.plain_next
    packet.duration = got // block
    media.plain_next += count
    return 1


cdef inline bint is_native(ff.AVCodecID codec_id) noexcept nogil:
    """Whether samples are stored as FFmpeg's decoder gives them."""
    return (codec_id == ff.AV_CODEC_ID_PCM_U8
            or codec_id == ff.AV_NE(ff.AV_CODEC_ID_PCM_S16BE, ff.AV_CODEC_ID_PCM_S16LE)
            or codec_id == ff.AV_NE(ff.AV_CODEC_ID_PCM_S32BE, ff.AV_CODEC_ID_PCM_S32LE)
            or codec_id == ff.AV_NE(ff.AV_CODEC_ID_PCM_F32BE, ff.AV_CODEC_ID_PCM_F32LE)
            or codec_id == ff.AV_NE(ff.AV_CODEC_ID_PCM_F64BE, ff.AV_CODEC_ID_PCM_F64LE))


cdef inline bint take_samples(Media *media) noexcept nogil:
    """Have the packet's memory in `media.frame`, if that is what decoding would give."""
    cdef ff.AVFrame *frame = media.frame
    cdef ff.AVPacket *packet = media.packet
    cdef int block = frame_bits(media) // 8
    if not media.plain or not is_native(media.codec.codec_id) or packet.size % block != 0 \
            or not shape_frame(media, packet.size // block):
        return False
    frame.buf[0] = packet.buf
    frame.data[0] = packet.data
    packet.buf = NULL
    return True


cdef inline int64_t read_samples(Media *media, Source *source, uint8_t *into,
                                 int64_t room) noexcept nogil:
    """Read frames straight into memory for so many, all but those of the last packet; 0 where that
    is no way, which includes all that has to be judged.
    """
    cdef int block = frame_bits(media) // 8
    cdef int64_t count
    if (not media.plain or source.errnum != 0 or not is_native(media.codec.codec_id)
            or media.has_frame
            or media.has_waiting or media.silence > 0 or media.skip > 0
            or media.next_pts != media.plain_next or media.decoded_frames != media.plain_next):
        return 0
    count = min(room, media.promised_frames - media.plain_next - plain_frames(media))
    if count <= 0:
        return 0
    count = peek(source, media.promise.begin + media.plain_next * block, into,
                 <int>(count * block)) // block
    media.plain_next += count
    media.next_pts += count
    media.decoded_frames += count
    return count
