"""The packets of the chosen stream, one after the other."""
from libc.errno cimport EAGAIN

from pyffaudio cimport ffmpeg as ff
from pyffaudio._media cimport Media
from pyffaudio._plain cimport read_plain
from pyffaudio._source cimport Source, watch


cdef inline bint take_early(Media *media, ff.AVPacket *packet) noexcept nogil:
    """The next packet that was read before the stream was chosen, if it is of that stream."""
    while media.early_given < media.early_count:
        ff.av_packet_move_ref(packet, media.early[media.early_given])
        media.early_given += 1
        if packet.size > 0 and packet.stream_index == media.stream_index:
            return True
        ff.av_packet_unref(packet)
    return False


cdef inline int read_packet(Media *media, Source *source, ff.AVPacket *packet) noexcept nogil:
    cdef int status
    if media.plain:
        return read_plain(media, source, packet)
    if take_early(media, packet):
        return 1
    while True:
        status = watch(source)
        if status < 0:
            return status
        if media.first_rate > 0:
            # The demuxer counts what it trims at this rate, puts the header's back, and is wrong.
            media.stream.codecpar.sample_rate = media.first_rate
        status = ff.av_read_frame(media.format, packet)
        if watch(source) < 0 or source.errnum != 0:
            return status if status < 0 else ff.AVERROR_EXIT
        if status < 0 and status != ff.AVERROR(EAGAIN):
            media.read_failed = status != ff.AVERROR_EOF
            return 0
        if status >= 0:
            if packet.stream_index == media.stream_index:
                return 1
            ff.av_packet_unref(packet)


cdef inline int next_packet(Media *media, Source *source) noexcept nogil:
    """Read into `media.packet`; where the container needs it, know whether it is the last."""
    cdef int status
    if not media.looks_ahead:
        return read_packet(media, source, media.packet)
    if not media.has_ahead:
        media.has_ahead = True
        media.ahead_status = read_packet(media, source, media.ahead)
    status = media.ahead_status
    if status > 0:
        ff.av_packet_move_ref(media.packet, media.ahead)
        media.ahead_status = read_packet(media, source, media.ahead)
        media.sent_last = media.ahead_status == 0
    return status
