"""Going to a frame without decoding all that comes before, so that the samples stay the same.

There are three ways. Where a container has a clock that counts frames, the demuxer seeks, and the
time of the packet found tells where it is. In a bare stream, headers are gone through, and places
kept for the next time. Elsewhere packets are counted, through the timeline that decoded frames
take. Whatever does not add up on the way is LOST: the caller begins anew and decodes.
"""
from libc.stdint cimport int64_t
from libc.stdlib cimport llabs

from pyffaudio cimport ffmpeg as ff
from pyffaudio._container cimport FLAC, MOV, OGG, TTA, WV
from pyffaudio._count cimport is_counted
from pyffaudio._index cimport Entry, Index, entry_before
from pyffaudio._issues cimport drop_issues, is_damaged_before
from pyffaudio._length cimport has_sample_clock, in_frames
from pyffaudio._marks cimport find_mark, has_marks, next_mark
from pyffaudio._media cimport Fault, Mark, Media, Policy, reads
from pyffaudio._plain cimport plain_frames
from pyffaudio._preroll cimport FROM_START, is_pcm, preroll_frames
from pyffaudio._source cimport Source, watch
from pyffaudio._timeline cimport consume_frame, drop_start, next_frame
from pyffaudio._tables cimport is_regular
from pyffaudio._walk cimport walk, walks


cdef enum:
    NEAR_FRAMES = 8192          # before the one sought, which decoding passes over at once
    UNTOLD_FRAMES = 4096        # at the start of a page of Ogg
    LEAST_DECODED = 32768       # frames before what headers do not tell

# What became of going to a frame; negative values are errors.
cdef enum Outcome:
    STAYED                      # nothing was done: decoding on is the way, if it lies ahead
    ARRIVED                     # the frame is the first of `media.frame`, or the end has come
    LOST                        # nothing holds any more


cdef inline bint can_go(const Media *media, const Source *source) noexcept nogil:
    """Whether places of packets mean anything: not within a chain, for one, or on a pipe."""
    return (media.first_rate > 0 and media.codec != NULL and source.seekable
            and source.links.next_link == 0 and media.link_position == 0)


cdef inline bint seeks_by_time(Media *media, Source *source) noexcept nogil:
    """Whether the demuxer finds packets by times that are positions."""
    if not media.has_origin or not has_sample_clock(media):
        return False
    if media.plain:
        return True
    if reads(media, MOV):
        return is_regular(media)
    if is_pcm(media):
        return media.promised_frames >= 0 and media.promise.end <= source.size
    if media.codec.codec_id == ff.AV_CODEC_ID_FLAC and reads(media, OGG):
        return False            # behind a seek, FFmpeg gives the first packets the page's end
    return (reads(media, TTA | WV) or (reads(media, FLAC | OGG) and has_marks(media, source)))


cdef inline bint is_divisible(Media *media, Source *source) noexcept nogil:
    """Whether a frame can be gone to at small cost, and all behind it is exact."""
    cdef int64_t preroll = preroll_frames(media)
    return (preroll != FROM_START and media.codec.codec_id != ff.AV_CODEC_ID_OPUS
            and media.codec.codec_id != ff.AV_CODEC_ID_AAC
            and (seeks_by_time(media, source) or walks(media, source)))


cdef inline void forget(Media *media) noexcept nogil:
    """Drop all that belongs to the place that is left."""
    ff.avcodec_flush_buffers(media.codec)
    ff.av_packet_unref(media.packet)
    ff.av_packet_unref(media.ahead)
    ff.av_frame_unref(media.frame)
    ff.av_frame_unref(media.waiting)
    while media.early_given < media.early_count:
        ff.av_packet_unref(media.early[media.early_given])
        media.early_given += 1
    media.issues.count = 0
    media.fault = Fault.NO_FAULT
    media.has_ahead = False
    media.has_frame = False
    media.has_waiting = False
    media.has_junk_behind = False
    media.had_short = False
    media.demuxed = False
    media.ended = False
    media.end_kept = False
    media.proved = False
    media.read_failed = False
    media.retimes = False
    media.sent_cut = False
    media.sent_last = False
    media.silence = 0
    media.skip = 0
    media.tag_left = 0
    media.unprimed = 0
    media.own_pts = ff.AV_NOPTS_VALUE
    media.wanted_pts = ff.AV_NOPTS_VALUE


cdef inline int lost_or_stopped(Source *source) noexcept nogil:
    """LOST, unless it was the source that stopped."""
    return ff.AVERROR_EXIT if watch(source) < 0 or source.errnum != 0 else Outcome.LOST


cdef inline bint seek_flac(Media *media, Source *source, int64_t position) noexcept nogil:
    """The numbers of frames need not begin with zero: they are times, and not positions."""
    cdef Mark mark = Mark(media.first_entry.offset, media.first_entry.position + media.origin, 0)
    return (find_mark(media, source, position + media.origin, NEAR_FRAMES, &mark)
            and ff.av_seek_frame(media.format, media.stream_index, mark.offset,
                                 ff.AVSEEK_FLAG_BYTE) >= 0)


cdef inline int64_t ticks_of_frame(const Media *media, int64_t position) noexcept nogil:
    return ff.av_rescale_q(position + media.origin, ff.AVRational(1, media.first_rate),
                           media.stream.time_base)


cdef inline int64_t granule_lead(const Media *media) noexcept nogil:
    """By how much granule positions are ahead of times: the pre-skip of Opus (RFC 7845, 5.1)."""
    if media.codec.codec_id == ff.AV_CODEC_ID_OPUS and media.codec.extradata_size >= 12:
        return media.codec.extradata[10] | media.codec.extradata[11] << 8
    return 0


cdef inline bint seek_ogg(Media *media, Source *source, int64_t position) noexcept nogil:
    """Find the page behind the one that ends before, and have FFmpeg find it in its index.

    The demuxer cannot be told of a byte; of a time that is in the index it is sure at once.
    """
    cdef int64_t granule = position + media.origin + granule_lead(media)
    cdef int64_t ticks
    cdef Mark page = Mark(0, 0, 0)
    cdef Mark following = media.last_mark
    cdef int64_t back = media.first_rate
    # The last page ends where the audio does, so that where it begins is not told; and a forged one
    # ends years behind the others.
    while following.offset >= media.last_mark.offset:
        page = Mark(0, 0, 0)
        if granule <= 0 or not find_mark(media, source, granule, 1, &page) or not next_mark(
                media, source, page.offset + 1, source.size, &following):
            return False
        granule -= back
        back *= 2
    ticks = ff.av_rescale_q(page.position - granule_lead(media),
                            ff.AVRational(1, media.first_rate), media.stream.time_base)
    return ff.av_add_index_entry(
        media.stream, following.offset, ticks, 0, 0, ff.AVINDEX_KEYFRAME) >= 0 \
        and ff.av_seek_frame(
            media.format, media.stream_index, ticks, ff.AVSEEK_FLAG_BACKWARD) >= 0


cdef inline bint seek_demuxer(Media *media, Source *source, int64_t position) noexcept nogil:
    """Have a packet come next that begins at a position or before."""
    if media.plain:
        media.plain_next = position // plain_frames(media) * plain_frames(media)
        return True
    if reads(media, FLAC):
        return seek_flac(media, source, position)
    if reads(media, OGG):
        return seek_ogg(media, source, position)
    return ff.av_seek_frame(media.format, media.stream_index, ticks_of_frame(media, position),
                            ff.AVSEEK_FLAG_BACKWARD) >= 0


cdef inline int land_by_time(Media *media, Source *source, const Policy *policy,
                             int64_t position) noexcept nogil:
    """Have a frame not behind this position, and know by its time which one it is."""
    # On a page of Ogg, the first packets may be the rest of one, and one to prime the decoder.
    cdef int64_t back = UNTOLD_FRAMES if reads(media, OGG) else 0
    while back < position:
        if not seek_demuxer(media, source, position - back):
            break
        forget(media)
        media.landed = True
        media.wanted_pts = ticks_of_frame(media, position - back)
        # Older decoders give nothing for the packet that primes them, newer ones a frame.
        media.unprimed = 1 if media.codec.codec_id == ff.AV_CODEC_ID_VORBIS else 0
        if next_frame(media, source, policy) <= 0 or media.decoded_frames <= 0:
            break
        if media.decoded_frames <= position:
            return Outcome.ARRIVED
        back = 4 * back + media.first_rate
    return lost_or_stopped(source)


cdef inline int land_by_entry(Media *media, Source *source, const Entry *entry) noexcept nogil:
    """Have a bare stream's demuxer give the packet at this place next."""
    if ff.av_seek_frame(media.format, media.stream_index, entry.offset, ff.AVSEEK_FLAG_BYTE) < 0:
        return lost_or_stopped(source)
    forget(media)
    media.decoded_frames = entry.position
    media.next_pts = entry.pts
    media.own_pts = entry.pts
    return Outcome.ARRIVED


cdef inline Entry known_entry(const Media *media, const Index *index,
                              int64_t position) noexcept nogil:
    cdef const Entry *known = entry_before(index, position)
    return known[0] if known != NULL else media.first_entry


cdef inline int walk_to(Media *media, Source *source, Index *index,
                        int64_t position) noexcept nogil:
    """Go to the packet at or behind a position by headers alone, or near to where they end."""
    cdef Entry here = known_entry(media, index, position)
    cdef int arrived = walk(media, source, index, &here, position)
    if arrived < 0:
        return Outcome.LOST
    if 0 < media.xing_frames < here.position + media.first_entry.position:
        return Outcome.STAYED       # more than one file: padding is trimmed in the midst
    if not arrived:
        # Something else than a frame, or the end: it is for decoding to say what.
        here = known_entry(media, index, here.position - LEAST_DECODED)
    return land_by_entry(media, source, &here)


cdef inline bint follows(const Media *media, int64_t expected) noexcept nogil:
    """Whether the frame's time is about the one expected, where there is one."""
    if media.sent_pts == ff.AV_NOPTS_VALUE or expected == ff.AV_NOPTS_VALUE:
        return True
    return llabs(in_frames(media, media.sent_pts - expected, media.first_rate)) \
        <= max(media.first_samples, media.first_rate // 50)


cdef inline int count_to(Media *media, Source *source, const Policy *policy,
                         int64_t position) noexcept nogil:
    """Go over whole packets, but not beyond this position, and leave the decoder fresh."""
    cdef int known = media.issues.count
    cdef int largest = media.first_samples
    cdef int status = 1
    cdef int64_t expected
    media.scans = True
    while status > 0 and media.decoded_frames <= position - largest:
        expected = media.next_pts
        status = next_frame(media, source, policy)
        if status > 0:
            if media.issues.count != known or media.link_position > 0 \
                    or not follows(media, expected):
                status = -1
            largest = max(largest, media.frame.nb_samples)
            consume_frame(media)
    media.scans = False
    if status < 0 or media.codec == NULL:
        return lost_or_stopped(source)      # of a chain, the next link could not be opened
    ff.avcodec_flush_buffers(media.codec)
    # What the last packet was worth shows in where the next one stands.
    expected = media.next_pts
    status = next_frame(media, source, policy)
    if status < 0 or (status > 0 and not follows(media, expected)):
        return lost_or_stopped(source)
    return Outcome.ARRIVED


cdef inline int settle(Media *media, Source *source, const Policy *policy,
                       int64_t preroll, int64_t target) noexcept nogil:
    """Decode up to the frame; what was met before it is not of what follows."""
    cdef int64_t sound = media.decoded_frames + preroll
    cdef int status = next_frame(media, source, policy)
    while status > 0 and media.decoded_frames + media.frame.nb_samples <= target:
        consume_frame(media)
        status = next_frame(media, source, policy)
    if status < 0:
        return lost_or_stopped(source)
    if is_damaged_before(&media.issues, sound):
        return Outcome.LOST         # the decoder goes on from what it had before the damage
    drop_issues(&media.issues, target)
    if status > 0:
        if media.decoded_frames > target:
            return Outcome.LOST
        if media.frame.sample_rate != media.first_rate or media.frame.format != media.first_format \
                or media.frame.ch_layout.nb_channels != media.first_layout.nb_channels:
            return Outcome.LOST     # other parameters: where they began is not known
        if media.decoded_frames < target:
            drop_start(media.frame, <int>(target - media.decoded_frames))
            media.decoded_frames = target
    return Outcome.ARRIVED


cdef inline int go_to(Media *media, Source *source, const Policy *policy, Index *index,
                      int64_t current, bint ahead, int64_t target) noexcept nogil:
    """Go to a frame of the stream; `current` has been given so far, and perhaps it lies ahead."""
    cdef int64_t preroll = preroll_frames(media)
    cdef int status
    if preroll == FROM_START or target < preroll + media.first_rate:
        return Outcome.STAYED
    if ahead and target - current < preroll + media.first_rate:
        return Outcome.STAYED
    if seeks_by_time(media, source):
        status = land_by_time(media, source, policy, target - preroll)
    elif walks(media, source):
        status = walk_to(media, source, index, target - preroll)
    elif not ahead or reads(media, FLAC) or not is_counted(media):
        return Outcome.STAYED       # of FLAC out of order, only decoding tells what is a frame
    else:
        status = count_to(media, source, policy, target - preroll)
    return settle(media, source, policy, preroll, target) if status == Outcome.ARRIVED else status
