"""What a container says of the audio's end and must keep, or else the file was cut short.

Sources: RIFF: IBM and Microsoft, "Multimedia Programming Interface and Data Specifications 1.0";
RF64: EBU Tech 3306; Wave64: Sony, "Wave64 File Format"; AIFF: Apple, "Audio Interchange File
Format 1.3"; CAF: Apple, "Core Audio Format Specification 1.0"; AU: Sun, audio(7); Matroska:
RFC 9559; ASF: Microsoft, "Advanced Systems Format 01.20.03"; DSF and DSDIFF: Sony and Philips.
"""
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from pyffaudio cimport ffmpeg as ff
from pyffaudio._chunks cimport (
    MAX_CHUNKS, Chunk, ChunkForm, find_chunk, peek_integer, read_box, read_integer)
from pyffaudio._container cimport AIFF, ASF, AU, AVI, CAF, DSF, IFF, MATROSKA, MOV, W64, WAV
from pyffaudio._source cimport Source, peek


cdef struct Promise:
    int64_t begin               # of a chunk of nothing but audio, or -1
    int64_t end                 # the source must reach as far as this, or -1


cdef inline void promise_chunk(Promise *promise, const Chunk *chunk) noexcept nogil:
    if chunk.size > 0:
        promise.begin = chunk.begin
        promise.end = chunk.begin + chunk.size


cdef inline void read_wav(Source *source, Promise *promise) noexcept nogil:
    cdef ChunkForm form = ChunkForm(4, 4, False, 2, False)
    cdef uint8_t head[4]
    cdef Chunk chunk, sizes
    if peek(source, 0, head, 4) < 4:
        return
    form.big_endian = memcmp(head, "RIFX", 4) == 0
    if not find_chunk(source, &form, 12, "data", &chunk):
        return
    if memcmp(head, "RF64", 4) == 0 or memcmp(head, "BW64", 4) == 0:
        # The 64-bit size of the data comes second in ds64, and stands for every smaller one.
        if find_chunk(source, &form, 12, "ds64", &sizes) and sizes.size >= 16:
            chunk.size = <int64_t>peek_integer(source, sizes.begin + 8, 8, False)
        if chunk.size > INT64_MAX // 4:
            return
    elif chunk.size >= 0xfffffff0u:
        return      # of a stream: the largest size, rounded down to whole frames
    promise_chunk(promise, &chunk)
    if chunk.size == 0 and chunk.begin < source.size \
            and peek_integer(source, 4, 4, form.big_endian) + 8 == <uint64_t>source.size:
        # Not left open, as in a stream: the file knows how long it is, and has other chunks behind.
        promise.begin = chunk.begin
        promise.end = chunk.begin


cdef inline void read_named(Source *source, Promise *promise, const ChunkForm *form, int64_t at,
                            const char *name, int head_bytes) noexcept nogil:
    """The promise of one chunk, the content of which begins with a small head of its own."""
    cdef Chunk chunk
    if find_chunk(source, form, at, name, &chunk) and chunk.size > head_bytes:
        promise_chunk(promise, &chunk)
        promise.begin += head_bytes


cdef inline void read_au(Source *source, Promise *promise) noexcept nogil:
    cdef int64_t begin = <int64_t>peek_integer(source, 4, 4, True)
    cdef int64_t size = <int64_t>peek_integer(source, 8, 4, True)
    if begin >= 24 and 0 < size < 0xffffffffu:
        promise.begin = begin
        promise.end = begin + size


cdef inline int read_ebml_number(const uint8_t *bytes, int size, uint64_t *value) noexcept nogil:
    """A number of EBML's variable length: how many bytes it takes, 0 where it is not whole.

    All ones, which stand for an unknown size, give the largest 64-bit value.
    """
    cdef int length = 1
    cdef uint64_t ones
    while length <= 8 and not bytes[0] & (0x100 >> length):
        length += 1
    if length > 8 or length > size:
        return 0
    ones = (<uint64_t>1 << 7 * length) - 1
    value[0] = read_integer(bytes, length, True) & ones
    if value[0] == ones:
        value[0] = <uint64_t>-1
    return length


cdef inline void read_matroska(Source *source, Promise *promise) noexcept nogil:
    """The end of the Segment, which follows the EBML header."""
    cdef uint8_t head[12]
    cdef uint64_t size = 0
    cdef int length
    cdef int64_t segment
    if peek(source, 4, head, 8) < 8:
        return
    length = read_ebml_number(head, 8, &size)
    if length == 0 or size > 1 << 20:
        return
    segment = 4 + length + <int64_t>size
    if peek(source, segment, head, 12) < 12 or memcmp(head, "\x18\x53\x80\x67", 4) != 0:
        return
    length = read_ebml_number(head + 4, 8, &size)
    if length > 0 and 0 < size < <uint64_t>INT64_MAX // 4:
        promise.end = segment + 4 + length + <int64_t>size


cdef inline void read_asf(Source *source, Promise *promise) noexcept nogil:
    """The file size of the File Properties Object, unless the broadcast flag is set."""
    cdef ChunkForm form = ChunkForm(16, 8, False, 1, True)
    cdef Chunk chunk
    cdef uint64_t size
    if not find_chunk(source, &form, 30, "\xa1\xdc\xab\x8c", &chunk) or chunk.size < 80:
        return
    size = peek_integer(source, chunk.begin + 16, 8, False)
    if size < <uint64_t>INT64_MAX and not peek_integer(source, chunk.begin + 64, 4, False) & 1:
        promise.end = <int64_t>size


cdef inline bint is_top_level(const Chunk *box) noexcept nogil:
    """Whether MP4 has boxes of this name at its top; what else follows them is no promise."""
    cdef char name[5]
    memcpy(name, box.name, 4)
    name[4] = 0
    return ff.av_match_list(
        name, "ftyp,styp,moov,moof,mdat,mfra,free,skip,wide,uuid,meta,udta,sidx,ssix,prft,emsg,"
        "pdin,pnot,junk,PICT", b',') != 0


cdef inline void read_mov(Source *source, Promise *promise) noexcept nogil:
    """The end of the last box: boxes follow each other without gaps."""
    cdef int64_t at = 0
    cdef Chunk box
    cdef int left = MAX_CHUNKS
    cdef int movies = 0
    if not source.seekable or source.size < 0:
        return
    while left > 0 and read_box(source, at, source.size, INT64_MAX // 4, &box) \
            and is_top_level(&box):
        left -= 1
        movies += memcmp(box.name, "moov", 4) == 0
        at = box.next
    if left > 0 and movies < 2:
        promise.end = at


cdef inline void find_promise(Source *source, int container, Promise *promise) noexcept nogil:
    """What such a container promises; -1 where it says nothing."""
    cdef ChunkForm iff = ChunkForm(4, 4, True, 2, False)
    cdef ChunkForm caf = ChunkForm(4, 8, True, 1, False)
    cdef ChunkForm dff = ChunkForm(4, 8, True, 2, False)
    cdef ChunkForm riff = ChunkForm(4, 4, False, 2, False)
    cdef ChunkForm w64 = ChunkForm(16, 8, False, 8, True)
    cdef ChunkForm dsf = ChunkForm(4, 8, False, 1, True)
    promise.begin = -1
    promise.end = -1
    if container == WAV:
        read_wav(source, promise)
    elif container == W64:
        read_named(source, promise, &w64, 40, "data", 0)
    elif container == AIFF:
        read_named(source, promise, &iff, 12, "SSND", 8)
        if promise.begin >= 8:
            # The chunk's head says how many bytes more come before the first frame.
            promise.begin += <int64_t>peek_integer(source, promise.begin - 8, 4, True)
    elif container == CAF:
        read_named(source, promise, &caf, 8, "data", 4)
    elif container == IFF:
        read_named(source, promise, &dff, 16, "DSD ", 0)
    elif container == DSF:
        # Its last block is padded.
        read_named(source, promise, &dsf, 28, "data", 0)
        promise.begin = -1
    elif container == AVI:
        read_named(source, promise, &riff, 0, "RIFF", 0)
        promise.begin = -1
    elif container == AU:
        read_au(source, promise)
    elif container == ASF:
        read_asf(source, promise)
    elif container == MATROSKA:
        read_matroska(source, promise)
    elif container == MOV:
        read_mov(source, promise)
