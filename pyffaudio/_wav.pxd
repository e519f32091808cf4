"""DTS in disguise: what the first bytes of a RIFF WAVE file say, which FFmpeg asks at great cost.

RIFF chunks: IBM and Microsoft, "Multimedia Programming Interface and Data Specifications 1.0".
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memchr, memcmp


cdef inline uint32_t little_endian(const uint8_t *bytes, int count) noexcept nogil:
    cdef uint32_t value = 0
    cdef int i
    for i in range(count):
        value |= <uint32_t>bytes[i] << 8 * i
    return value


cdef inline const uint8_t *find_chunk(const uint8_t *start, int64_t size,
                                      const char *name) noexcept nogil:
    """The eight bytes of name and size of the first such chunk; NULL if it is not in the start."""
    cdef int64_t at = 12
    if size < 12 or memcmp(start, "RIFF", 4) != 0 or memcmp(start + 8, "WAVE", 4) != 0:
        return NULL
    while at <= size - 8:
        if memcmp(start + at, name, 4) == 0:
            return start + at
        # Chunks are padded to an even size.
        at += 8 + <int64_t>little_endian(start + at + 4, 4) + (start[at + 4] & 1)
    return NULL


cdef inline bint is_cd_like(const uint8_t *start, int64_t size) noexcept nogil:
    """Whether this is 16-bit stereo at a CD's or DAT's rate, the one kind that hides DTS."""
    cdef const uint8_t *chunk = find_chunk(start, size, "fmt ")
    cdef uint32_t sample_rate
    if chunk == NULL or chunk + 24 > start + size:
        return True
    sample_rate = little_endian(chunk + 12, 4)
    return (little_endian(chunk + 10, 2) == 2 and little_endian(chunk + 22, 2) == 16
            and (sample_rate == 44100 or sample_rate == 48000))


cdef inline bint has_word(const uint8_t *start, int64_t size, const char *word,
                          const char *swapped) noexcept nogil:
    """Whether one of two words is there: the first byte of one is the second of the other."""
    cdef const uint8_t *end = start + size - 3
    cdef const uint8_t *at = start
    while at < end:
        at = <const uint8_t *>memchr(at, word[0], end - at)
        if at == NULL:
            return False
        if memcmp(at, word, 4) == 0 or (at > start and memcmp(at - 1, swapped, 4) == 0):
            return True
        at += 1
    return False


cdef inline bint may_be_dts(const uint8_t *start, int64_t size) noexcept nogil:
    """Whether a WAV of PCM may be DTS in disguise: a sync word, in any packing, is in its start.

    FFmpeg probes the packets of every 16-bit WAV for it, which costs 0.5 to 10 ms.
    """
    return is_cd_like(start, size) and (
        has_word(start, size, "\x7f\xfe\x80\x01", "\xfe\x7f\x01\x80")
        or has_word(start, size, "\x1f\xff\xe8\x00", "\xff\x1f\x00\xe8"))
