"""The last page of an Ogg file: whether the stream ends there, or was cut short."""
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from pyffaudio._source cimport Source, peek


cdef enum:
    OGG_PAGE_BYTES = 65307      # the most that a page can have
    OGG_END_OF_STREAM = 4
    WINDOW_BYTES = 4096

# What the last bytes of an Ogg file show.
cdef enum OggEnd:
    OGG_UNKNOWN
    OGG_ENDED
    OGG_NOT_ENDED
    OGG_CUT


cdef inline OggEnd page_end(Source *source, int64_t at, int64_t stop,
                            int64_t *next_page) noexcept nogil:
    """What the page that may begin here shows, and where it ends (RFC 3533, 6)."""
    cdef uint8_t head[27 + 255]
    cdef int got = peek(source, at, head, sizeof(head))
    cdef int64_t size
    cdef int i
    if got < 27:
        return OggEnd.OGG_CUT
    if head[4] != 0 or head[5] > 7:
        return OggEnd.OGG_UNKNOWN
    size = 27 + head[26]
    if got < size:
        return OggEnd.OGG_CUT
    for i in range(head[26]):
        size += head[27 + i]
    next_page[0] = at + size
    if at + size > stop:
        return OggEnd.OGG_CUT
    return OggEnd.OGG_ENDED if head[5] & OGG_END_OF_STREAM else OggEnd.OGG_NOT_ENDED


cdef inline OggEnd find_ogg_end(Source *source, int64_t *trailing_bytes) noexcept nogil:
    """Look for the last page of this link, backwards from its end."""
    cdef uint8_t window[WINDOW_BYTES + 3]
    cdef int64_t stop = source.links.next_link if source.links.next_link > 0 else source.size
    cdef int64_t at = stop
    cdef int64_t next_page = 0
    cdef OggEnd end
    cdef int i, got
    trailing_bytes[0] = 0
    if not source.seekable or source.size < 0:
        return OggEnd.OGG_UNKNOWN
    while at > source.links.origin and at > stop - OGG_PAGE_BYTES:
        at = max(at - WINDOW_BYTES, source.links.origin)
        got = peek(source, at, window, <int>min(WINDOW_BYTES + 3, stop - at))
        for i in range(got - 4, -1, -1):
            if memcmp(window + i, "OggS", 4) == 0:
                end = page_end(source, at + i, stop, &next_page)
                if end != OggEnd.OGG_UNKNOWN:
                    trailing_bytes[0] = stop - next_page
                    return end
    return OggEnd.OGG_UNKNOWN
