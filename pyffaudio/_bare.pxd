"""Streams that are nothing but frames: tags and junk are cut off before a decoder sees them."""
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from pyffaudio cimport ffmpeg as ff
from pyffaudio._container cimport AAC, AC3, DTS, EAC3, LOAS, MLP, MP3, MPEG, MPEGTS, TRUEHD
from pyffaudio._issues cimport IssueCode
from pyffaudio._media cimport Media, note_here, reads
from pyffaudio._source cimport Source
from pyffaudio._sync cimport stated_bytes, tag_bytes


cdef inline bint is_bare_stream(const Media *media) noexcept nogil:
    """Whether the file is a stream of frames that are known by their own headers alone."""
    return reads(media, MP3 | AAC | LOAS | AC3 | EAC3 | DTS | TRUEHD | MLP)


cdef inline bint is_broadcast(const Media *media) noexcept nogil:
    """Whether the container is made to be cut anywhere; what it carries is a bare stream."""
    return reads(media, MPEGTS | MPEG)


cdef inline int frame_bytes(const Media *media, const ff.AVPacket *packet) noexcept nogil:
    """How long the frame at the start of the packet says it is; 0 if none begins there."""
    return stated_bytes(media.codec.codec_id, packet.data, packet.size)


cdef inline void pass_over(Media *media) noexcept nogil:
    """What is no audio takes no time, whatever its packet's times say; in front it is no news."""
    if media.first_rate > 0:
        note_here(media, IssueCode.TRAILING_DATA, 0)
    media.retimes = True


cdef inline bint passes_tags(Media *media, const Source *source) noexcept nogil:
    """Cut tags off the packet's start, which may have come in several; whether there were any.

    One that reaches beyond the end of the file lies, or is not one.
    """
    cdef ff.AVPacket *packet = media.packet
    cdef int64_t count
    cdef bint found = False
    while packet.size > 0:
        if media.tag_left <= 0:
            media.tag_left = tag_bytes(packet.data, packet.size)
            if packet.pos >= 0 and 0 <= source.size < packet.pos + media.tag_left:
                media.tag_left = min(media.tag_left, packet.size)
        if media.tag_left <= 0:
            break
        count = min(media.tag_left, packet.size)
        media.tag_left -= count
        packet.data += count
        packet.size -= <int>count
        found = True
    return found


cdef inline bint finds_frame(Media *media) noexcept nogil:
    """Go forward to a frame that ends where the packet ends; whether there is one."""
    cdef ff.AVPacket *packet = media.packet
    cdef int at
    for at in range(packet.size - 8):
        if stated_bytes(media.codec.codec_id, packet.data + at, packet.size - at) \
                == packet.size - at and (
                    media.first_rate == 0 or packet.data[at + 1] | 1 == media.frame_kind):
            packet.data += at
            packet.size -= at
            return True
    return False


cdef inline bint is_filler(const uint8_t *bytes, int size) noexcept nogil:
    """Whether this is padding or a tag, and not a piece of a frame."""
    return size < 2 or tag_bytes(bytes, size) > 0 or memcmp(bytes, bytes + 1, size - 1) == 0


cdef inline void leave_frame_alone(Media *media) noexcept nogil:
    """AC-3: its decoder refuses a frame with anything but a frame behind it."""
    cdef ff.AVPacket *packet = media.packet
    cdef int size = frame_bytes(media, packet)
    if 0 < size < packet.size - 1 and memcmp(packet.data + size, "\x0b\x77", 2) != 0:
        if is_filler(packet.data + size, packet.size - size):
            pass_over(media)
        else:
            media.has_junk_behind = True
        packet.size = size


cdef inline bint has_audio(Media *media, const Source *source) noexcept nogil:
    """Leave of the packet what is of a frame; False if nothing is."""
    cdef ff.AVPacket *packet = media.packet
    cdef const uint8_t *begin = packet.data
    if not is_bare_stream(media):
        return True
    if passes_tags(media, source):
        pass_over(media)
        # The rest may be a likeness of a frame in a picture.
        return finds_frame(media)
    if frame_bytes(media, packet) == 0 and finds_frame(media):
        if media.first_rate == 0 or is_filler(begin, <int>(packet.data - begin)):
            pass_over(media)
        else:
            note_here(media, IssueCode.CORRUPT_DATA, 0)     # a piece of a frame
    if reads(media, AC3 | EAC3):
        leave_frame_alone(media)
    return True
