"""Where the audio starts and ends, to the frame, by the container's word.

MP4 (ISO/IEC 14496-12, boxes mvhd, tkhd, elst and stts): the sample table tells by the sum of its
durations, and so does the edit list, in ticks of the movie's clock, which often are milliseconds.
FFmpeg goes by the edit list alone, and its versions do not agree on what that cuts. iTunes has a
tag of its own; CAF a packet table (Apple, "Core Audio Format Specification 1.0").
"""
from libc.stdint cimport INT64_MAX, int64_t
from libc.stdio cimport sscanf

from pyffaudio._chunks cimport (
    MAX_CHUNKS, Chunk, ChunkForm, find_box, find_chunk, peek_integer)
from pyffaudio._source cimport Source


cdef enum:
    LONGEST_DELAY = 16384       # as FFmpeg has it

cdef struct TrackEnd:
    int64_t table_duration      # of the sample table, in the track's ticks; or 0
    int64_t edit_duration       # of the only edit, in the movie's ticks; or 0
    int64_t movie_ticks         # in a second
    int64_t gapless_delay       # by iTunes' tag or CAF, in the track's ticks; or 0
    int64_t gapless_end         # likewise, counted from the first packet; or 0


cdef inline int64_t table_duration(Source *source, const Chunk *stts) noexcept nogil:
    """The sum of the sample table; 0 if it has too many entries, of which audio needs a few."""
    cdef int64_t entries = <int64_t>peek_integer(source, stts.begin + 4, 4, True)
    cdef int64_t at = stts.begin + 8, duration = 0
    if entries > MAX_CHUNKS or stts.size < 8 + 8 * entries:
        return 0
    while entries > 0:
        entries -= 1
        duration += <int64_t>peek_integer(source, at, 4, True) * <int64_t>peek_integer(
            source, at + 4, 4, True)
        if duration < 0 or duration > INT64_MAX // 2:
            return 0
        at += 8
    return duration


cdef inline int64_t edit_duration(Source *source, const Chunk *elst) noexcept nogil:
    """The duration of the edit, if it is the only one that shows media, at normal speed."""
    cdef bint wide = peek_integer(source, elst.begin, 1, True) == 1
    cdef int field_bytes = 8 if wide else 4
    cdef int entry_bytes = 2 * field_bytes + 4
    cdef int64_t entries = <int64_t>peek_integer(source, elst.begin + 4, 4, True)
    cdef int64_t at = elst.begin + 8, duration = 0
    cdef int64_t nothing = -1 if wide else <int64_t>0xffffffffu
    if entries > MAX_CHUNKS or elst.size < 8 + entry_bytes * entries:
        return 0
    while entries > 0:
        entries -= 1
        if <int64_t>peek_integer(source, at + field_bytes, field_bytes, True) != nothing:
            if duration != 0 or peek_integer(source, at + 2 * field_bytes, 4, True) != 0x10000:
                return 0
            duration = <int64_t>peek_integer(source, at, field_bytes, True)
        at += entry_bytes
    return duration if duration > 0 else 0


cdef inline void read_track(Source *source, const Chunk *trak, TrackEnd *end) noexcept nogil:
    cdef Chunk box
    cdef int64_t limit = trak.next
    if find_box(source, trak.begin, limit, "edts", &box) \
            and find_box(source, box.begin, box.next, "elst", &box):
        end.edit_duration = edit_duration(source, &box)
    if find_box(source, trak.begin, limit, "mdia", &box) \
            and find_box(source, box.begin, box.next, "minf", &box) \
            and find_box(source, box.begin, box.next, "stbl", &box) \
            and find_box(source, box.begin, box.next, "stts", &box):
        end.table_duration = table_duration(source, &box)


cdef inline int64_t track_id(Source *source, const Chunk *trak) noexcept nogil:
    cdef Chunk tkhd
    if not find_box(source, trak.begin, trak.next, "tkhd", &tkhd):
        return -1
    # Two times come first, of 64 bits in version 1.
    return <int64_t>peek_integer(
        source, tkhd.begin + (20 if peek_integer(source, tkhd.begin, 1, True) == 1 else 12), 4,
        True)


cdef inline void find_track_end(Source *source, int64_t wanted_id, TrackEnd *end) noexcept nogil:
    """What the boxes of the track with this id say."""
    cdef Chunk moov, box, fragments
    cdef int64_t at
    cdef int left = MAX_CHUNKS
    if not find_box(source, 0, INT64_MAX // 4, "moov", &moov):
        return
    if find_box(source, moov.begin, moov.next, "mvhd", &box):
        end.movie_ticks = <int64_t>peek_integer(
            source, box.begin + (20 if peek_integer(source, box.begin, 1, True) == 1 else 12), 4,
            True)
    at = moov.begin
    while left > 0:
        left -= 1
        if not find_box(source, at, moov.next, "trak", &box):
            return
        if track_id(source, &box) == wanted_id:
            read_track(source, &box, end)
            if find_box(source, moov.begin, moov.next, "mvex", &fragments):
                end.table_duration = 0      # fragments go on where the table ends
            return
        at = box.next


cdef inline void read_packet_table(Source *source, TrackEnd *end) noexcept nogil:
    """CAF's: its valid frames, and the priming frames before them ("Packet Table Chunk")."""
    cdef ChunkForm form = ChunkForm(4, 8, True, 1, False)
    cdef Chunk chunk
    cdef int64_t length
    if not find_chunk(source, &form, 8, "pakt", &chunk) or chunk.size < 24:
        return
    length = <int64_t>peek_integer(source, chunk.begin + 8, 8, True)
    end.gapless_delay = <int64_t>peek_integer(source, chunk.begin + 16, 4, True)
    if length > 0 and 0 < end.gapless_delay < LONGEST_DELAY:
        end.gapless_end = end.gapless_delay + length
    else:
        end.gapless_delay = 0


cdef inline void read_gapless_tag(const char *tag, int64_t duration, TrackEnd *end) noexcept nogil:
    """iTunSMPB: encoder delay, padding and length; the end is believed if they add up."""
    cdef long long reserved = 0, delay = 0, padding = 0, length = 0
    if sscanf(tag, "%8llx %8llx %8llx %16llx", &reserved, &delay, &padding, &length) != 4:
        return
    if 0 < delay < LONGEST_DELAY:
        end.gapless_delay = delay
        if 0 < length < duration and delay + padding + length == duration:
            end.gapless_end = delay + length
