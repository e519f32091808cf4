"""Places of packets met on the way: what a format without an index of its own gets."""
from libc.errno cimport ENOMEM
from libc.stdint cimport int64_t

from pyffaudio cimport ffmpeg as ff


cdef enum:
    FRAMES_BETWEEN = 65536      # of two entries: 600 kB for ten hours
    FIRST_CAPACITY = 256

cdef struct Entry:
    int64_t position            # of the packet's first frame
    int64_t pts
    int64_t offset              # of its bytes in the file

cdef struct Index:
    Entry *entries              # in order
    int count
    int capacity


cdef inline int add_entry(Index *index, const Entry *entry) noexcept nogil:
    """Keep the entry if it is far enough behind the last."""
    cdef Entry *larger
    cdef int capacity = index.capacity
    if entry.offset < 0 or (
            index.count > 0
            and entry.position < index.entries[index.count - 1].position + FRAMES_BETWEEN):
        return 0
    if index.count == capacity:
        capacity = FIRST_CAPACITY if capacity == 0 else 2 * capacity
        larger = <Entry *>ff.av_realloc_array(index.entries, capacity, sizeof(Entry))
        if larger == NULL:
            return ff.AVERROR(ENOMEM)
        index.entries = larger
        index.capacity = capacity
    index.entries[index.count] = entry[0]
    index.count += 1
    return 0


cdef inline const Entry *entry_before(const Index *index, int64_t position) noexcept nogil:
    """The last entry that is not behind a position; NULL if there is none."""
    cdef int low = 0, high = index.count, middle
    while low < high:
        middle = (low + high) // 2
        if index.entries[middle].position <= position:
            low = middle + 1
        else:
            high = middle
    return NULL if low == 0 else &index.entries[low - 1]


cdef inline void free_index(Index *index) noexcept nogil:
    ff.av_freep(&index.entries)
    index.count = 0
    index.capacity = 0
