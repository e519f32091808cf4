"""Where a FLAC frame belongs, by its own word.

FFmpeg's parser gathers frames before it tells one from the next, and damage among the first makes
it give several as one, with the time of another; of a shorter last frame it takes the number for
one of frames as short.
"""
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from pyffaudio cimport ffmpeg as ff
from pyffaudio._chunks cimport read_integer


cdef inline int64_t coded_number(const uint8_t *bytes, int64_t size) noexcept nogil:
    """RFC 9639, 9.1.5: as UTF-8, of up to seven bytes; -1 for what is none."""
    cdef int count = 1
    cdef int64_t number = bytes[0]
    cdef int i
    if number < 0x80:
        return number
    while count < 8 and number & (0x80 >> count):
        count += 1
    if not 2 <= count <= 7 or count > size:
        return -1
    number &= 0x7f >> count
    for i in range(1, count):
        if bytes[i] & 0xc0 != 0x80:
            return -1
        number = number << 6 | (bytes[i] & 0x3f)
    return number


cdef inline int64_t flac_position(const ff.AVPacket *packet,
                                  const ff.AVCodecParameters *parameters) noexcept nogil:
    """The position of the packet's first sample; the packet's own time where that says nothing.

    RFC 9639, 9.1: a variable block size numbers samples, a fixed one frames, whose length is
    STREAMINFO's smallest and largest block (8.2).
    """
    cdef const uint8_t *info = parameters.extradata
    cdef int64_t number
    if packet.size < 6 or packet.data[0] != 0xff or packet.data[1] | 1 != 0xf9:
        return packet.pts
    number = coded_number(packet.data + 4, packet.size - 4)
    if number < 0 or packet.data[1] & 1:
        return packet.pts if number < 0 else number
    if parameters.extradata_size < 4 or memcmp(info, info + 2, 2) != 0:
        return packet.pts
    return number * <int64_t>read_integer(info, 2, True)
