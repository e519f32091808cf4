"""Chunks: the boxes in boxes that most containers are made of, read past the demuxer's back.

A demuxer does not tell where the chunk of the audio ends by its own word, which is how a file that
was cut short is known.
"""
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from pyffaudio._source cimport Source, peek


cdef enum:
    MAX_CHUNKS = 4096           # looked at in one walk

# How a container writes the head of a chunk.
cdef struct ChunkForm:
    int name_bytes
    int size_bytes
    bint big_endian
    int padding                 # chunks begin at multiples of this
    bint counts_head            # the size is that of head and content

cdef struct Chunk:
    uint8_t name[16]
    int64_t begin               # of the content, from the start of the file
    int64_t size                # of the content; -1 where it is left open
    int64_t next


cdef inline uint64_t read_integer(const uint8_t *bytes, int count, bint big_endian) noexcept nogil:
    cdef uint64_t value = 0
    cdef int i
    for i in range(count):
        value |= <uint64_t>bytes[i] << 8 * (count - 1 - i if big_endian else i)
    return value


cdef inline uint64_t peek_integer(Source *source, int64_t offset, int count,
                                  bint big_endian) noexcept nogil:
    """The integer that stands there; 0 where the source ends before."""
    cdef uint8_t bytes[8]
    if peek(source, offset, bytes, count) < count:
        return 0
    return read_integer(bytes, count, big_endian)


cdef inline bint read_chunk(Source *source, const ChunkForm *form, int64_t at,
                            Chunk *chunk) noexcept nogil:
    """The head of the chunk at an offset; False where there is none."""
    cdef uint8_t head[24]
    cdef int head_bytes = form.name_bytes + form.size_bytes
    cdef uint64_t size, largest
    if at < 0 or at > INT64_MAX // 4 or peek(source, at, head, head_bytes) < head_bytes:
        return False
    memcpy(chunk.name, head, form.name_bytes)
    size = read_integer(head + form.name_bytes, form.size_bytes, form.big_endian)
    largest = 0xffffffffu if form.size_bytes == 4 else <uint64_t>-1
    chunk.begin = at + head_bytes
    chunk.size = -1
    chunk.next = INT64_MAX
    if size == largest or size > <uint64_t>INT64_MAX // 4:
        return True
    if form.counts_head:
        if size < <uint64_t>head_bytes:
            return True
        size -= head_bytes
    chunk.size = <int64_t>size
    chunk.next = chunk.begin + chunk.size
    chunk.next += (form.padding - chunk.next % form.padding) % form.padding
    return True


cdef inline bint find_chunk(Source *source, const ChunkForm *form, int64_t at, const char *name,
                            Chunk *chunk) noexcept nogil:
    cdef int left = MAX_CHUNKS
    while left > 0:
        left -= 1
        if not read_chunk(source, form, at, chunk):
            return False
        if memcmp(chunk.name, name, 4) == 0:
            return True
        at = chunk.next
    return False


cdef inline bint read_box(Source *source, int64_t at, int64_t end, int64_t limit,
                          Chunk *box) noexcept nogil:
    """The head of the MP4 box at an offset; False where there is none, or it goes over the limit.

    ISO/IEC 14496-12: the size, of 32 or 64 bits, counts the head; 0 reaches up to the end.
    """
    cdef uint8_t head[16]
    cdef uint64_t size
    cdef int head_bytes = 8
    if at < 0 or at > limit - 8 or peek(source, at, head, 8) < 8:
        return False
    size = read_integer(head, 4, True)
    memcpy(box.name, head + 4, 4)
    if size == 0:
        size = <uint64_t>max(end - at, 8)
    elif size == 1:
        head_bytes = 16
        if peek(source, at, head, 16) < 16:
            return False
        size = read_integer(head + 8, 8, True)
    if size < <uint64_t>head_bytes or size > <uint64_t>(limit - at):
        return False
    box.begin = at + head_bytes
    box.size = <int64_t>size - head_bytes
    box.next = at + <int64_t>size
    return True


cdef inline bint find_box(Source *source, int64_t at, int64_t limit, const char *name,
                          Chunk *box) noexcept nogil:
    cdef int left = MAX_CHUNKS
    while left > 0:
        left -= 1
        if not read_box(source, at, limit, limit, box):
            return False
        if memcmp(box.name, name, 4) == 0:
            return True
        at = box.next
    return False
