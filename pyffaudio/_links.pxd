"""Chained Ogg: files one after the other in one, each a link with parameters of its own.

The demuxer is shown one link at a time, and the next is opened as a new file would be: so every
version of FFmpeg converts and trims each link alike. The page headers are read as the bytes go by.
RFC 3533, 4 and 6: a link begins with pages that are marked as the first of their streams.
"""
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp, memcpy, memset


cdef enum:
    HEAD_BYTES = 27
    FIRST_PAGE = 2

cdef struct Links:
    bint watched                # this is Ogg
    int64_t origin              # where the present link begins
    int64_t next_link           # where the next one begins, once that is known; or 0
    int64_t next_page           # where the next page should begin
    bint has_data               # a page that is no stream's first has been seen
    uint8_t head[HEAD_BYTES + 255]
    int head_size               # so much of the page's head has been seen


cdef inline void begin_link(Links *links, int64_t origin) noexcept nogil:
    memset(links, 0, sizeof(Links))
    links.watched = True
    links.origin = origin
    links.next_page = origin


cdef inline int64_t find_page(const uint8_t *bytes, int64_t size) noexcept nogil:
    """How far on the next page seems to begin; the size if nowhere."""
    cdef int64_t i
    for i in range(size):
        if bytes[i] == b'O' and memcmp(bytes + i, "OggS", min(4, size - i)) == 0:
            return i
    return size


cdef inline bint is_first_page(const Links *links) noexcept nogil:
    """Whether this is a stream's first page: so marked, numbered 0 and without any audio yet."""
    cdef int i
    if links.head[4] != 0 or not links.head[5] & FIRST_PAGE or links.head[5] > 7:
        return False
    for i in range(6, 14):
        if links.head[i] != 0:
            return False
    for i in range(18, 22):
        if links.head[i] != 0:
            return False
    return True


cdef inline bint take_head(Links *links, const uint8_t *bytes, int64_t size) noexcept nogil:
    """Collect the head of the page from the bytes at `next_page`; whether all of it is here."""
    cdef int wanted = HEAD_BYTES
    cdef int64_t used = 0
    while True:
        if links.head_size >= HEAD_BYTES:
            wanted = HEAD_BYTES + links.head[26]
        used = min(size, wanted - links.head_size)
        if used <= 0:
            return links.head_size == wanted
        memcpy(links.head + links.head_size, bytes, used)
        links.head_size += <int>used
        bytes += used
        size -= used


cdef inline int64_t link_bytes(Links *links, const uint8_t *bytes, int64_t position,
                               int64_t size) noexcept nogil:
    """How many of these bytes, that stand at a position of the file, are still of this link."""
    cdef int64_t at, begin
    cdef int i
    while True:
        begin = links.next_page
        at = begin + links.head_size - position
        if at < 0 or at >= size:
            return size         # the demuxer looks elsewhere, or has not come as far
        if links.head_size == 0 and memcmp(bytes + at, "OggS", min(4, size - at)) != 0:
            links.next_page += find_page(bytes + at, size - at)
            continue
        if not take_head(links, bytes + at, size - at):
            return size
        if memcmp(links.head, "OggS", 4) != 0:
            # It was the start of the word only, at the end of what was read before.
            links.next_page = max(begin + 1, position)
            links.head_size = 0
            continue
        if not is_first_page(links):
            links.has_data = True
        elif links.has_data:
            links.next_link = begin
            return max(min(size, begin - position), 0)
        links.next_page = begin + links.head_size
        for i in range(HEAD_BYTES, links.head_size):
            links.next_page += links.head[i]
        links.head_size = 0
