"""Marks: places in a file that tell their own position, found from anywhere by what they look like.

Frames of FLAC (RFC 9639, 9.1) and pages of Ogg (RFC 3533, 6). A few of them show whether the file
is one stream whose positions grow from end to end, as everything else here supposes; between two of
them, any position is found by interpolation.
"""
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memchr, memcmp

from pyffaudio._chunks cimport read_integer
from pyffaudio._container cimport FLAC
from pyffaudio._flac cimport coded_bytes, coded_number, own_block, stated_block
from pyffaudio._media cimport Mark, Media, reads
from pyffaudio._source cimport Source, peek


cdef enum:
    WINDOW_BYTES = 16 * 1024
    MOST_WINDOWS = 64           # without a mark
    FLAC_HEADER_BYTES = 16
    OGG_HEADER_BYTES = 27
    MOST_STEPS = 32


cdef inline uint8_t crc_8(const uint8_t *bytes, int size) noexcept nogil:
    """RFC 9639, 9.1.8: polynomial x^8 + x^2 + x + 1."""
    cdef uint8_t crc = 0
    cdef int i
    for i in range(8 * size):
        if i % 8 == 0:
            crc ^= bytes[i // 8]
        crc = <uint8_t>(crc << 1 ^ (0x07 if crc & 0x80 else 0))
    return crc


cdef inline bint read_flac_mark(const Media *media, const uint8_t *head,
                                Mark *mark) noexcept nogil:
    """Whether a frame like the first begins here, by the checksum of its header."""
    cdef const uint8_t *first = &media.first_head[0]
    cdef int64_t number, block, own
    cdef int size
    if head[0] != 0xff or head[1] != first[1] or head[2] & 0xf != first[2] & 0xf \
            or head[3] & 0xf != first[3] & 0xf:
        return False
    size = 4 + coded_bytes(head[4])
    number = coded_number(head + 4)
    own = own_block(head[2] >> 4, head + size)
    size += (2 if head[2] >> 4 == 7 else 1 if head[2] >> 4 == 6 else 0)
    size += (1 if head[2] & 0xf == 12 else 2 if head[2] & 0xf > 12 else 0)
    if number < 0 or own <= 0 or size > FLAC_HEADER_BYTES - 1 or crc_8(head, size) != head[size]:
        return False
    block = stated_block(media.stream.codecpar)
    if not head[1] & 1 and block == 0:
        return False
    mark.position = number if head[1] & 1 else number * block
    mark.order = mark.position
    return True


cdef inline bint read_ogg_mark(const Media *media, const uint8_t *head, Mark *mark) noexcept nogil:
    """Whether a page of the first page's stream begins here, on which a packet ends."""
    if memcmp(head, "OggS", 4) != 0 or head[4] != 0 or head[5] > 7:
        return False
    mark.position = <int64_t>read_integer(head + 6, 8, False)
    mark.order = <int64_t>read_integer(head + 18, 4, False)
    if memcmp(head + 14, media.first_head + 14, 4) != 0:
        mark.order = -1         # of another stream
        return True
    return mark.position >= 0


cdef inline int header_bytes(const Media *media) noexcept nogil:
    return FLAC_HEADER_BYTES if reads(media, FLAC) else OGG_HEADER_BYTES


cdef inline int mark_in(const Media *media, const uint8_t *window, int begin, int size,
                        Mark *mark) noexcept nogil:
    """Where the first mark at or behind `begin` is in the window; -1 if there is none."""
    cdef bint flac = reads(media, FLAC)
    cdef int last = size - header_bytes(media)
    cdef const uint8_t *found
    while begin <= last:
        found = <const uint8_t *>memchr(
            window + begin, 0xff if flac else b'O', last + 1 - begin)
        if found == NULL:
            return -1
        begin = <int>(found - window)
        if read_flac_mark(media, found, mark) if flac else read_ogg_mark(media, found, mark):
            return begin
        begin += 1
    return -1


cdef inline bint next_mark(Media *media, Source *source, int64_t offset, int64_t limit,
                           Mark *mark) noexcept nogil:
    """The first mark at or behind an offset that begins before the limit."""
    cdef uint8_t window[WINDOW_BYTES]
    cdef int left = MOST_WINDOWS
    cdef int got, at
    while left > 0 and offset < limit:
        left -= 1
        got = peek(source, offset, window, WINDOW_BYTES)
        at = mark_in(media, window, 0, got, mark)
        if at >= 0:
            mark.offset = offset + at
            return mark.offset < limit
        if got < WINDOW_BYTES:
            return False
        offset += WINDOW_BYTES - header_bytes(media) + 1
    return False


cdef inline bint last_mark(Media *media, Source *source, Mark *mark) noexcept nogil:
    """The last mark of the file, which is looked for in its last 64 kB."""
    cdef uint8_t window[WINDOW_BYTES]
    cdef int64_t begin = source.size
    cdef int64_t end = max(source.size - 4 * WINDOW_BYTES, 0)
    cdef bint found = False
    cdef int got, at
    cdef Mark here
    while not found and begin > end:
        begin = max(begin - WINDOW_BYTES + header_bytes(media) - 1, end)
        got = peek(source, begin, window, WINDOW_BYTES)
        at = mark_in(media, window, 0, got, &here)
        while at >= 0:
            found = True
            mark[0] = Mark(begin + at, here.position, here.order)
            at = mark_in(media, window, at + 1, got, &here)
    return found


cdef inline bint has_marks(Media *media, Source *source) noexcept nogil:
    """Whether this is one stream, of which all marks looked at are in order up to the last."""
    cdef int64_t before = -1
    cdef int64_t size = source.size
    cdef int step
    cdef Mark mark
    if media.marks != 0 or size <= 0:
        return media.marks > 0
    media.marks = -1
    if media.format.nb_streams != 1 or media.first_entry.offset < 0 \
            or peek(source, media.first_entry.offset if reads(media, FLAC) else 0,
                    media.first_head, sizeof(media.first_head)) < <int>sizeof(media.first_head) \
            or not last_mark(media, source, &media.last_mark):
        return False
    # What is put together of several streams begins anew somewhere: by doubling, that shows.
    for step in range(10, 0, -1):
        if size >> step < WINDOW_BYTES:
            continue
        if not next_mark(media, source, size >> step, size, &mark) or mark.order <= before:
            return False
        before = mark.order
    if media.last_mark.order < before:
        return False
    media.marks = 1
    return True


cdef inline int64_t guess_offset(const Mark *low, const Mark *high,
                                 int64_t position) noexcept nogil:
    """Where a position should be, a little early, if bytes were even."""
    cdef int64_t span = max(high.position - low.position, 1)
    cdef int64_t even = low.offset + <int64_t>(
        (high.offset - low.offset) * (<double>(position - low.position) / span))
    return min(max(even - WINDOW_BYTES, low.offset + 1), high.offset - 1)


cdef inline bint find_mark(Media *media, Source *source, int64_t position, int64_t near,
                           Mark *low) noexcept nogil:
    """A mark not behind a position, and near before it; `low` is one to begin from."""
    cdef Mark high = media.last_mark
    cdef Mark mark
    cdef int64_t guess
    cdef int left = MOST_STEPS
    if high.position <= position:
        low[0] = high
        return True
    while position - low.position >= near and high.offset - low.offset > 1:
        left -= 1
        # Halving now and then, lest uneven bytes make the steps ever smaller.
        guess = guess_offset(low, &high, position) if left % 4 != 0 \
            else low.offset + (high.offset - low.offset) // 2
        if left == 0:
            return False
        if not next_mark(media, source, guess, high.offset, &mark):
            high.offset = guess
        elif mark.position < low.position or mark.position > high.position:
            return False
        elif mark.position > position:
            high = Mark(guess, mark.position, mark.order)
        else:
            low[0] = mark
    return True
