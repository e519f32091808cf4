"""From header to header through a bare stream, many times faster than a demuxer would go."""
from libc.errno cimport ENOMEM
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport llabs

from pyffaudio cimport ffmpeg as ff
from pyffaudio._container cimport AAC, MP3
from pyffaudio._count cimport aac_frames, mpeg_audio_frames
from pyffaudio._index cimport Entry, Index, add_entry
from pyffaudio._length cimport has_sample_clock
from pyffaudio._media cimport Media, reads
from pyffaudio._source cimport Source, peek, watch
from pyffaudio._sync cimport first_byte, stated_bytes


cdef enum:
    WALK_BYTES = 256 * 1024     # read at once
    LEAST_HEADER = 8


cdef inline bint is_as_large_as_stated(const Media *media, Source *source) noexcept nogil:
    """Whether an MP3 is one file, by its first frame; if not, FFmpeg does not trim its end."""
    cdef int64_t stated = media.xing_bytes
    return stated == 0 or llabs(source.size - first_byte(source) - stated) <= stated // 32


cdef inline bint walks(const Media *media, Source *source) noexcept nogil:
    """Whether headers alone say all: MPEG audio, and AAC-LC in ADTS."""
    return (reads(media, MP3 | AAC) and has_sample_clock(media)
            and media.has_origin and media.first_entry.offset >= 0
            and is_as_large_as_stated(media, source))


cdef inline int64_t frames_at(const Media *media, const uint8_t *head,
                              const uint8_t *first) noexcept nogil:
    """Frames of the packet that begins here, if it is like the first; else a negative number."""
    if head[0] != 0xff or head[1] | 1 != media.frame_kind:
        return -1
    if media.codec.codec_id == ff.AV_CODEC_ID_AAC:
        # The profile, the rate and the channels are those of the first.
        if (head[2] ^ first[2]) & 0xfd or (head[3] ^ first[3]) & 0xc0:
            return -1
        return aac_frames(media, head, LEAST_HEADER)
    return mpeg_audio_frames(media, head, LEAST_HEADER)


cdef inline bint step(Media *media, const uint8_t *head, const uint8_t *first,
                      Entry *here) noexcept nogil:
    """Go over the frame that begins here; False where something else does."""
    cdef int64_t frames = frames_at(media, head, first)
    cdef int length = stated_bytes(media.codec.codec_id, head, LEAST_HEADER)
    if frames <= 0 or length <= LEAST_HEADER:
        return False
    here.position += frames
    here.pts += frames * (media.stream.time_base.den // media.first_rate)
    here.offset += length
    return True


cdef inline int walk(Media *media, Source *source, Index *index, Entry *here,
                     int64_t position) noexcept nogil:
    """Go on from a packet to the one at or behind a position, as far as headers follow each other.

    1 if it was reached, and a frame begins there; else 0, and `here` is where something else does.
    """
    cdef uint8_t first[LEAST_HEADER]
    cdef uint8_t *window = <uint8_t *>ff.av_malloc(WALK_BYTES)
    cdef Entry behind = here[0]
    cdef int64_t begin
    cdef int size
    cdef bint goes_on = peek(source, here.offset, first, LEAST_HEADER) == LEAST_HEADER
    cdef bint arrived = False
    if window == NULL:
        return ff.AVERROR(ENOMEM)
    while goes_on and not arrived:
        begin = here.offset
        size = peek(source, begin, window, WALK_BYTES)
        while goes_on and not arrived and here.offset - begin <= size - LEAST_HEADER:
            goes_on = step(media, window + (here.offset - begin), first, &behind) \
                and add_entry(index, here) >= 0
            arrived = goes_on and here.position >= position
            if not arrived:
                here[0] = behind
        goes_on = goes_on and here.offset > begin and watch(source) == 0 and source.errnum == 0
    ff.av_free(window)
    return arrived
