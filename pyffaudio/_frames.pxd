"""From packets to decoded frames; what the decoder refuses is noted and passed over."""
from libc.errno cimport EAGAIN, ENOMEM
from libc.stdint cimport int64_t, uint8_t

from pyffaudio cimport ffmpeg as ff
from pyffaudio._bare cimport frame_bytes, has_audio, is_bare_stream, is_broadcast
from pyffaudio._chunks cimport read_integer
from pyffaudio._container cimport AMR, APE, FLAC, FLV, MATROSKA, MOV, QOA, TAK, TTA, WV
from pyffaudio._count cimport packet_frames
from pyffaudio._issues cimport IssueCode, RawIssue, last_issue
from pyffaudio._decoder cimport MAX_FRAME_SAMPLES, close_decoder, open_decoder
from pyffaudio._flac cimport flac_position
from pyffaudio._kernel cimport decode_flac
from pyffaudio._length cimport in_frames
from pyffaudio._media cimport Fault, Media, Policy, fail, frame_bits, note_here, reads
from pyffaudio._packets cimport next_packet
from pyffaudio._plain cimport take_samples
from pyffaudio._source cimport Source


cdef inline void note_refusal(Media *media) noexcept nogil:
    """The decoder refused data: damage, unless it is no frame, or PCM's last and less than one."""
    cdef int bits = frame_bits(media)
    cdef const RawIssue *last = last_issue(&media.issues, media.decoded_frames)
    if media.sent_junk and media.first_rate == 0:
        return      # the rest of a frame, where a broadcast was cut
    if last != NULL and last.code == IssueCode.TRAILING_DATA and media.retimes:
        return      # what is left of a tag
    if bits == 0 or media.sent_bytes * <int64_t>8 % bits == 0:
        note_here(media, IssueCode.CORRUPT_DATA, 0)
    media.retimes = media.sent_junk


cdef inline int follow_codec(Media *media, const Policy *policy) noexcept nogil:
    """Open another decoder where the stream goes on in another codec, as broadcasts may."""
    if media.stream.codecpar.codec_id == media.codec.codec_id:
        return 1
    close_decoder(media)
    return open_decoder(media, policy)


cdef inline bint ends_early(const Media *media, const ff.AVPacket *packet) noexcept nogil:
    """Whether the packet is not whole, by the frame's own header or by the demuxer's word."""
    if is_bare_stream(media) or is_broadcast(media):
        return frame_bytes(media, packet) > packet.size
    # The others read pieces of a length of their own choosing, or flag all that came of one piece.
    return (packet.flags & ff.AV_PKT_FLAG_CORRUPT != 0
            and reads(media, MOV | MATROSKA | FLV | AMR | TTA | APE | WV | TAK | QOA))


cdef inline int64_t padding_in(const Media *media, int64_t begin, int64_t count) noexcept nogil:
    """How much of a frame of an MP3 is padding, by the tags of its first frame."""
    cdef int64_t padding_begin = media.xing_frames - media.padding_frames
    if media.xing_frames <= 0 or begin >= media.xing_frames:
        return 0
    return max(min(begin + count - padding_begin, count), 0)


cdef inline void take_own_time(Media *media) noexcept nogil:
    """Behind a jump to a byte the demuxer counts from zero, and trims by that."""
    cdef ff.AVPacket *packet = media.packet
    packet.pts = media.own_pts
    media.own_pts += packet.duration
    media.sent_trims = True
    media.sent_skip = 0
    media.sent_discard = padding_in(media, in_frames(media, packet.pts, media.first_rate),
                                    in_frames(media, packet.duration, media.first_rate))


cdef inline void take_demuxers_trims(Media *media) noexcept nogil:
    cdef size_t size = 0
    cdef const uint8_t *trims = ff.av_packet_get_side_data(
        media.packet, ff.AV_PKT_DATA_SKIP_SAMPLES, &size)
    media.sent_trims = trims != NULL and size >= 10
    if media.sent_trims:
        media.sent_skip = <int64_t>read_integer(trims, 4, False)
        media.sent_discard = <int64_t>read_integer(trims + 4, 4, False)


cdef inline void remember_packet(Media *media) noexcept nogil:
    """What the frames of this packet are judged by."""
    cdef ff.AVPacket *packet = media.packet
    media.sent_bytes = packet.size
    media.sent_junk = is_bare_stream(media) and frame_bytes(media, packet) == 0
    if is_bare_stream(media) and not media.sent_junk:
        media.frame_kind = packet.data[1] | 1
    if reads(media, FLAC):
        packet.pts = flac_position(packet, media.stream.codecpar, &media.had_short)
    if media.own_pts != ff.AV_NOPTS_VALUE:
        take_own_time(media)
    else:
        take_demuxers_trims(media)
    media.sent_cut = ends_early(media, packet)
    media.sent_pts = packet.pts
    media.sent_position = packet.pos
    media.sent_duration = packet.duration
    if media.first_pts == ff.AV_NOPTS_VALUE:
        media.first_pts = packet.pts


cdef inline bint comes_too_early(Media *media) noexcept nogil:
    """Whether a seek went further back than was needed, and this packet need not be decoded."""
    cdef const ff.AVPacket *packet = media.packet
    if packet.pts != ff.AV_NOPTS_VALUE and packet.pts + packet.duration <= media.wanted_pts:
        return True
    media.wanted_pts = ff.AV_NOPTS_VALUE
    return False


cdef inline int take_packet(Media *media, Source *source, const Policy *policy) noexcept nogil:
    """Have the next packet of audio in `media.packet`, and know what its frames are judged by."""
    cdef int status
    while True:
        status = next_packet(media, source)
        if status <= 0:
            return status
        if media.sent_cut or media.has_junk_behind:
            # Not the last, so it was not the end of the file that cut it, or padding behind it.
            note_here(media, IssueCode.CORRUPT_DATA, 0)
            media.sent_cut = False
            media.has_junk_behind = False
        if has_audio(media, source) and not comes_too_early(media):
            break
        ff.av_packet_unref(media.packet)
    status = follow_codec(media, policy)
    if status > 0:
        remember_packet(media)
    return status


cdef inline int decode_packet(Media *media) noexcept nogil:
    """Decode the packet: without FFmpeg's decoder where the result is sure to be the same."""
    if take_samples(media) or decode_flac(media):
        return 0
    return ff.avcodec_send_packet(media.codec, media.packet)


cdef inline int send_packet(Media *media, Source *source, const Policy *policy) noexcept nogil:
    """Give the decoder the next packet, or tell it of the end."""
    cdef int status = take_packet(media, source, policy)
    if status == 0:
        media.demuxed = True
        ff.avcodec_send_packet(media.codec, NULL)
        return 1
    if status > 0:
        if media.codec.codec_id == ff.AV_CODEC_ID_MP3:
            # Else a frame of another rate than the one before it says that one's.
            media.codec.sample_rate = 0
        media.packets_decoded += 1
        if decode_packet(media) < 0:
            note_refusal(media)
    ff.av_packet_unref(media.packet)
    return status


cdef inline int count_frame(Media *media, Source *source, const Policy *policy) noexcept nogil:
    """As decode_frame(), but the frame has no samples, only their number and its time."""
    cdef ff.AVFrame *frame = media.frame
    cdef int status = take_packet(media, source, policy)
    cdef int64_t count
    if status > 0:
        count = packet_frames(media)
        if count < 0 or count > MAX_FRAME_SAMPLES or media.sent_junk:
            status = ff.AVERROR_INVALIDDATA
        else:
            frame.nb_samples = <int>count
            frame.pts = media.packet.pts
            frame.sample_rate = media.first_rate
            frame.format = media.first_format
            if media.packet.flags & ff.AV_PKT_FLAG_DISCARD:
                frame.flags |= ff.AV_FRAME_FLAG_DISCARD
    media.demuxed |= status == 0
    ff.av_packet_unref(media.packet)
    return status


cdef inline int accept_frame(Media *media, const Policy *policy) noexcept nogil:
    """1 if the frame is sound, 0 if it is nothing, an error if it is too much."""
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
        media.first_samples = frame.nb_samples
        if ff.av_channel_layout_copy(&media.first_layout, &frame.ch_layout) < 0:
            return ff.AVERROR(ENOMEM)
    return 1


cdef inline int receive_frame(Media *media) noexcept nogil:
    """What has come of the packets sent so far."""
    if media.has_own_frame:
        media.has_own_frame = False
        return 0
    return ff.avcodec_receive_frame(media.codec, media.frame)


cdef inline int decode_frame(Media *media, Source *source, const Policy *policy) noexcept nogil:
    """Decode the next frame into `media.frame`, as it comes from the decoder."""
    cdef int status
    while True:
        status = receive_frame(media)
        if status >= 0:
            status = accept_frame(media, policy)
            if status != 0:
                return status
        elif status == ff.AVERROR_EOF:
            return 0
        elif status == ff.AVERROR(EAGAIN) and not media.demuxed:
            status = send_packet(media, source, policy)
            if status < 0:
                return status
        else:
            note_refusal(media)
            if media.demuxed:
                return 0
