"""The verdict at the end: is this all that the container promised?"""
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport llabs

from pyffaudio cimport ffmpeg as ff
from pyffaudio._bare cimport is_bare_stream, is_broadcast
from pyffaudio._container cimport APE, ASF, AVI, CAF, FLAC, MATROSKA, MOV, MP3, OGG, TAK, TTA, WV
from pyffaudio._issues cimport IssueCode, RawIssue, is_damaged, is_noted
from pyffaudio._length cimport claimed_frames, end_of_table, in_frames
from pyffaudio._media cimport Media, note_here, reads
from pyffaudio._ogg cimport OggEnd, find_ogg_end
from pyffaudio._source cimport Source, peek
from pyffaudio._sync cimport first_byte, stated_bytes


cdef enum:
    MOST_PADDING_PACKETS = 3    # HE-AAC has some two
    LEAST_GAP_FRAMES = 2048     # of Ogg: pages have more
    LARGEST_PACKET_FRAMES = 4608


cdef inline bint begins_with_frame(const Media *media, Source *source) noexcept nogil:
    """Whether a bare stream begins with a frame, behind tags at most.

    One that does not was cut out of a broadcast, and may end in the middle of a frame as well.
    """
    cdef uint8_t head[8]
    return (peek(source, first_byte(source), head, 8) < 8
            or stated_bytes(media.codec.codec_id, head, 8) > 0)


cdef inline int64_t link_frames(const Media *media) noexcept nogil:
    """Frames of this link of a chain, which other files are one of."""
    return media.decoded_frames - media.link_position


cdef inline bint is_short(const Media *media, const Source *source) noexcept nogil:
    """Whether a count that the container must keep says that the file ends too early."""
    cdef int64_t available = source.size if source.size >= 0 else source.offset
    if media.promised_frames >= 0:
        return link_frames(media) < media.promised_frames
    return media.promise.end > available


cdef inline bint stops_in_frame(const Media *media, const Source *source) noexcept nogil:
    """Whether the last frame is not whole."""
    cdef int64_t available = source.size if source.size >= 0 else source.offset
    return media.sent_cut or (media.read_failed and source.position >= available)


cdef inline int64_t total_frames(const Media *media) noexcept nogil:
    """A total that the header states to the frame; or -1."""
    if media.promised_frames >= 0 or (reads(media, MP3) and media.xing_frames > 0):
        return claimed_frames(media)
    if reads(media, MOV) and media.track_end.table_duration > 0:
        return claimed_frames(media)
    if reads(media, FLAC | WV | TTA | APE | TAK | CAF) and media.stream.duration > 0:
        return claimed_frames(media)
    return -1


cdef inline int64_t missing_frames(const Media *media) noexcept nogil:
    """By the header's total; 0 where it has none."""
    return max(total_frames(media) - link_frames(media), 0) if media.first_rate > 0 else 0


cdef inline RawIssue *last_refusal(Media *media) noexcept nogil:
    """What was refused last of all, with nothing accepted after it; or NULL."""
    cdef RawIssue *last
    if media.issues.count == 0 or link_frames(media) == 0:
        return NULL
    last = &media.issues.items[media.issues.count - 1]
    if last.code != IssueCode.CORRUPT_DATA or last.position != media.decoded_frames:
        return NULL
    return last


cdef inline bint was_complete(const Media *media) noexcept nogil:
    """Whether what the decoder refuses now comes after the audio.

    At the end of a bare stream, what is no frame is tags or padding.
    """
    cdef int64_t claimed = claimed_frames(media)
    return ((is_bare_stream(media) and not media.sent_cut)
            or 0 <= claimed <= link_frames(media))


cdef inline void end_short(Media *media) noexcept nogil:
    cdef RawIssue *last = last_refusal(media)
    if last != NULL:
        last.code = IssueCode.TRUNCATED
    note_here(media, IssueCode.TRUNCATED, missing_frames(media))


cdef inline void end_in_broadcast(Media *media) noexcept nogil:
    """The stream went on, and its last frame is not all here: that is how one is recorded."""
    cdef RawIssue *last = last_refusal(media)
    if last != NULL:
        last.code = IssueCode.NO_END_OF_STREAM
    note_here(media, IssueCode.NO_END_OF_STREAM, 0)


cdef inline void end_of_ogg(Media *media, Source *source) noexcept nogil:
    cdef int64_t missing, trailing_bytes = 0
    cdef OggEnd end = find_ogg_end(source, &trailing_bytes)
    if end != OggEnd.OGG_CUT and trailing_bytes > 0:
        note_here(media, IssueCode.TRAILING_DATA, 0)
    if end == OggEnd.OGG_CUT:
        note_here(media, IssueCode.TRUNCATED, 0)
    elif end == OggEnd.OGG_NOT_ENDED and media.format.nb_streams == 1:
        note_here(media, IssueCode.NO_END_OF_STREAM, 0)
    elif end == OggEnd.OGG_ENDED:
        media.proved = not is_noted(&media.issues, IssueCode.LENGTH_MISMATCH)
        missing = claimed_frames(media) - link_frames(media)
        if source.links.origin == 0 and source.links.next_link == 0 and missing > LEAST_GAP_FRAMES:
            # FFmpeg gives the packets of the last page no time by which to see it.
            note_here(media, IssueCode.GAP, missing)


cdef inline bint hides_audio(const Media *media) noexcept nogil:
    """Whether the edit list of MP4 leaves out more of the sample table than padding."""
    if media.track_end.table_duration <= 0 or not reads(media, MOV):
        return False
    return media.next_pts == ff.AV_NOPTS_VALUE or in_frames(
        media, end_of_table(media) - media.next_pts, media.first_rate
    ) > MOST_PADDING_PACKETS * media.codec.frame_size


cdef inline bint is_as_long_as_stated(const Media *media) noexcept nogil:
    """Whether the decoded audio is what the header states, as finely as it states it.

    Matroska and ASF state how long the whole file is; muxers of CAF count frames of whole packets.
    """
    cdef int64_t total = total_frames(media)
    cdef int64_t tolerance = 0
    if reads(media, MATROSKA | ASF):
        total = claimed_frames(media)
        tolerance = media.first_rate // 4
    elif reads(media, CAF):
        tolerance = max(media.codec.frame_size, LARGEST_PACKET_FRAMES)
    return total < 0 or llabs(total - link_frames(media)) <= tolerance


cdef inline bint is_one_of_several(const Media *media) noexcept nogil:
    """Whether the length that the container states may be that of another stream."""
    return reads(media, MATROSKA | ASF) and media.format.nb_streams > 1


cdef inline void end_whole(Media *media, Source *source) noexcept nogil:
    """Nothing says that the file ends too early: is what there was all, and undamaged?"""
    cdef RawIssue *last = last_refusal(media)
    if last != NULL and last.num_frames == 0 and was_complete(media):
        last.code = IssueCode.TRAILING_DATA
    elif media.has_junk_behind:
        note_here(media, IssueCode.TRAILING_DATA, 0)
    if is_damaged(&media.issues):
        return
    if reads(media, OGG):
        end_of_ogg(media, source)
    elif hides_audio(media) or not is_as_long_as_stated(media):
        if not is_one_of_several(media):
            note_here(media, IssueCode.LENGTH_MISMATCH, 0)
    elif not reads(media, AVI):
        media.proved = (media.promise.end >= 0 or total_frames(media) >= 0) \
            and not is_noted(&media.issues, IssueCode.LENGTH_MISMATCH)


cdef inline void end_stream(Media *media, Source *source) noexcept nogil:
    """Note what the end of the file tells."""
    cdef bint too_short = is_short(media, source)
    cdef bint in_frame = stops_in_frame(media, source)
    cdef bint broadcast = is_broadcast(media) or (
        is_bare_stream(media) and not begins_with_frame(media, source))
    if in_frame and not media.sent_cut and total_frames(media) == link_frames(media):
        # It was behind the audio that the demuxer gave up.
        note_here(media, IssueCode.TRAILING_DATA, 0)
        in_frame = False
    elif media.read_failed and not in_frame and not too_short:
        note_here(media, IssueCode.CORRUPT_DATA, 0)
    if last_refusal(media) != NULL and missing_frames(media) > LARGEST_PACKET_FRAMES:
        too_short = True
    if too_short or (in_frame and not broadcast):
        end_short(media)
    elif in_frame:
        end_in_broadcast(media)
    elif media.first_rate > 0 or media.promised_frames == 0:
        end_whole(media, source)
