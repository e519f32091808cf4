"""The demuxer's own table of packets: whether its times count frames."""
from libc.stdint cimport int64_t

from pyffaudio cimport ffmpeg as ff
from pyffaudio._media cimport Media, frame_bits


cdef inline int64_t ticks_of(const Media *media, const ff.AVIndexEntry *entry) noexcept nogil:
    """How long the decoder will find the packet; 0 where that is no whole number of ticks."""
    cdef int bits = frame_bits(media)
    cdef int64_t frames = entry.size * <int64_t>8 // bits if bits > 0 else media.first_samples
    cdef int64_t scaled = frames * media.stream.time_base.den
    return scaled // media.first_rate if scaled % media.first_rate == 0 else 0


cdef inline bint is_regular(Media *media) noexcept nogil:
    """Whether all packets but the last are as long as the frames that the decoder makes of them.

    The table of MP4 may say anything; the samples follow each other all the same.
    """
    cdef ff.AVStream *stream = media.stream
    cdef int count = ff.avformat_index_get_entries_count(stream)
    cdef const ff.AVIndexEntry *entry
    cdef int64_t expected
    cdef int i
    if media.regular == 0:
        media.regular = 1 if count > 1 else -1
        expected = ff.avformat_index_get_entry(stream, 0).timestamp if count > 1 else 0
        for i in range(count):
            entry = ff.avformat_index_get_entry(stream, i)
            if entry.timestamp != expected:
                media.regular = -1
                break
            expected += ticks_of(media, entry)
    return media.regular > 0
