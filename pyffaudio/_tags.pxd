"""What is kept of a file's tags, which can be of any number and size, and become Python objects."""
from libc.stdint cimport int64_t


cdef inline bint keeps(int64_t *left, int64_t size) noexcept nogil:
    """Whether Limits.max_tag_bytes has room for so many more bytes, which are then taken."""
    if size > left[0]:
        return False
    left[0] -= size
    return True
