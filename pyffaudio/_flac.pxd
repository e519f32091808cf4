"""Where a FLAC frame belongs, by its own word.

FFmpeg's parser gathers frames before it tells one from the next, and damage among the first makes
it give several as one, with the time of another; of a shorter last frame it takes the number for
one of frames as short.
"""
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from pyffaudio cimport ffmpeg as ff
from pyffaudio._chunks cimport read_integer


cdef inline int coded_bytes(uint8_t first) noexcept nogil:
    """How many bytes a coded number has: as many as its first has ones in front, or one."""
    cdef int count = 0
    while count < 8 and first & (0x80 >> count):
        count += 1
    return count if count > 0 else 1


cdef inline int64_t coded_number(const uint8_t *bytes) noexcept nogil:
    """RFC 9639, 9.1.5: as UTF-8, of up to seven bytes; -1 for what is none."""
    cdef int count = coded_bytes(bytes[0])
    cdef int64_t number = bytes[0] & (0xff if count == 1 else 0x7f >> count)
    cdef int i
    if count > 7 or bytes[0] & 0xc0 == 0x80:
        return -1
    for i in range(1, count):
        if bytes[i] & 0xc0 != 0x80:
            return -1
        number = number << 6 | (bytes[i] & 0x3f)
    return number


cdef inline int64_t stated_block(const ff.AVCodecParameters *parameters) noexcept nogil:
    """The fixed block size by STREAMINFO, whose smallest and largest are equal; else 0."""
    cdef const uint8_t *info = parameters.extradata
    if parameters.extradata_size < 4 or memcmp(info, info + 2, 2) != 0:
        return 0
    return <int64_t>read_integer(info, 2, True)


cdef inline int64_t own_block(int code, const uint8_t *behind) noexcept nogil:
    """A frame's length by its header: the code, or one less than what stands behind the number.

    RFC 9639, 9.1.1 and 9.1.6.
    """
    if code >= 8:
        return 256 << (code - 8)
    if code >= 6:
        return <int64_t>read_integer(behind, code - 5, True) + 1
    if code >= 2:
        return 576 << (code - 2)
    return 192 if code == 1 else 0


cdef inline int64_t flac_position(const ff.AVPacket *packet,
                                  const ff.AVCodecParameters *parameters,
                                  bint *had_short) noexcept nogil:
    """The position of the packet's first sample; the packet's own time where that says nothing.

    RFC 9639, 9.1: a variable block size numbers samples, a fixed one frames, all of STREAMINFO's
    size (8.2) but for the last, which may be shorter. A stream that does otherwise is left alone.
    """
    cdef const uint8_t *data = packet.data
    cdef int64_t block = stated_block(parameters)
    cdef int64_t number, own
    cdef int behind
    if packet.size < 5 or data[0] != 0xff or data[1] | 1 != 0xf9:
        return packet.pts
    behind = 4 + coded_bytes(data[4])
    number = coded_number(data + 4) if packet.size >= behind + 2 else -1
    if number < 0 or data[1] & 1:
        return packet.pts if number < 0 else number
    own = own_block(data[2] >> 4, data + behind)
    if own == 0 or own > block or own < block and had_short[0]:
        return packet.pts
    had_short[0] |= own < block
    return number * block
