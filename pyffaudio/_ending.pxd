"""The verdict at the end: is this all that the container promised?"""
from libc.stdint cimport int64_t, uint8_t

from pyffaudio cimport ffmpeg as ff
from pyffaudio._frames cimport is_bare_stream
from pyffaudio._issues cimport IssueCode, RawIssue, is_damaged, is_noted
from pyffaudio._length cimport claimed_frames, end_of_table, in_frames
from pyffaudio._media cimport Media, note_here, reads
from pyffaudio._ogg cimport OggEnd, find_ogg_end
from pyffaudio._source cimport Source, peek
from pyffaudio._sync cimport first_byte, stated_bytes


cdef enum:
    MOST_PADDING_PACKETS = 3    # HE-AAC has some two


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


cdef inline bint is_cut(const Media *media, const Source *source) noexcept nogil:
    """Whether a count says that the file ends too early."""
    cdef int64_t available = source.size if source.size >= 0 else source.offset
    if media.promised_frames >= 0:
        return link_frames(media) < media.promised_frames
    return media.promise.end > available


cdef inline bint stops_in_frame(const Media *media, const Source *source) noexcept nogil:
    """Whether the last frame is not whole."""
    cdef int64_t available = source.size if source.size >= 0 else source.offset
    return media.sent_cut or (media.read_failed and source.position >= available)


cdef inline bint was_complete(const Media *media) noexcept nogil:
    """Whether what the decoder refuses now comes after the audio.

    At the end of a bare stream, what is no frame is tags or padding.
    """
    cdef int64_t claimed = claimed_frames(media)
    return ((is_bare_stream(media) and not media.sent_cut)
            or 0 <= claimed <= link_frames(media))


cdef inline void judge_refusals(Media *media, bint cut) noexcept nogil:
    """What was refused last of all is damage, or what the cut has left, or follows the audio."""
    cdef RawIssue *last
    if media.issues.count == 0 or link_frames(media) == 0:
        return
    last = &media.issues.items[media.issues.count - 1]
    if last.code != IssueCode.CORRUPT_DATA or last.position != media.decoded_frames:
        return
    if cut:
        last.code = IssueCode.TRUNCATED
    elif was_complete(media):
        last.code = IssueCode.TRAILING_DATA


cdef inline int64_t total_frames(const Media *media) noexcept nogil:
    """A total that the header states to the frame, though nothing holds it to that; or -1."""
    if reads(media, "mp3"):
        return claimed_frames(media) if media.xing_frames > 0 else -1
    if reads(media, "flac,wv,tta,ape") and media.stream.duration > 0:
        return claimed_frames(media)
    return -1


cdef inline void judge_total(Media *media) noexcept nogil:
    cdef int64_t total = total_frames(media)
    cdef int64_t decoded = link_frames(media)
    if total < 0 or is_damaged(&media.issues):
        return
    if decoded == total:
        media.proved = True
    else:
        note_here(media, IssueCode.LENGTH_MISMATCH, 0)


cdef inline void judge_ogg(Media *media, Source *source) noexcept nogil:
    cdef OggEnd end = find_ogg_end(source)
    if end == OggEnd.OGG_CUT:
        note_here(media, IssueCode.TRUNCATED, 0)
    elif end == OggEnd.OGG_NOT_ENDED and media.format.nb_streams == 1:
        note_here(media, IssueCode.NO_END_OF_STREAM, 0)
    elif end == OggEnd.OGG_ENDED:
        media.proved = True


cdef inline bint hides_audio(const Media *media) noexcept nogil:
    """Whether the edit list of MP4 leaves out more of the sample table than padding."""
    if media.track_end.table_duration <= 0 or not reads(media, "mov"):
        return False
    return media.next_pts == ff.AV_NOPTS_VALUE or in_frames(
        media, end_of_table(media) - media.next_pts, media.first_rate
    ) > MOST_PADDING_PACKETS * media.codec.frame_size


cdef inline void end_stream(Media *media, Source *source) noexcept nogil:
    """Note what the end of the file tells."""
    cdef bint cut = is_cut(media, source)
    cdef bint in_frame = stops_in_frame(media, source)
    cdef int64_t claimed = claimed_frames(media) if media.first_rate > 0 else -1
    cdef bint cast = reads(media, "mpegts,mpeg") or (
        is_bare_stream(media) and not begins_with_frame(media, source))
    judge_refusals(media, cut or (in_frame and not cast))
    if media.read_failed and not cut and not in_frame:
        note_here(media, IssueCode.CORRUPT_DATA, 0)
    if cut or (in_frame and not cast):
        note_here(media, IssueCode.TRUNCATED, max(claimed - link_frames(media), 0))
    elif in_frame:
        note_here(media, IssueCode.NO_END_OF_STREAM, 0)
    elif hides_audio(media):
        note_here(media, IssueCode.LENGTH_MISMATCH, 0)
    elif media.promise.end >= 0 or media.promised_frames >= 0:
        media.proved = not is_noted(&media.issues, IssueCode.LENGTH_MISMATCH)
    elif reads(media, "ogg"):
        judge_ogg(media, source)
    else:
        judge_total(media)
