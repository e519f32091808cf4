"""Where decoded frames belong in time: padding is trimmed, and silence stands for lost audio.

The decoder trims nothing itself: which end a container means is decided here, the same for every
version of FFmpeg.
"""
from libc.errno cimport ENOMEM
from libc.stdint cimport INT64_MAX, int64_t
from libc.stdlib cimport llabs

from pyffaudio cimport ffmpeg as ff
from pyffaudio._chunks cimport read_integer
from pyffaudio._container cimport (
    AAC, AC3, APE, ASF, AVI, CAF, DTS, EAC3, FLAC, FLV, LOAS, MATROSKA, MOV, MP3, MPEG, MPEGTS,
    OGG, TTA, WV)
from pyffaudio._ending cimport end_stream
from pyffaudio._floats cimport find_unsound, is_finite, is_float
from pyffaudio._frames cimport count_frame, decode_frame
from pyffaudio._index cimport Entry
from pyffaudio._issues cimport IssueCode, RawIssue, is_damaged, is_fatal, last_issue, note
from pyffaudio._length cimport claimed_frames, end_of_mov, in_frames
from pyffaudio._media cimport (
    Fault, Media, Policy, fail, frame_bits, is_damage, note_here, reads)
from pyffaudio._open cimport open_next_link, open_stream
from pyffaudio._source cimport Source, watch


cdef enum:
    SILENCE_FRAMES = 4096
    LATE_FRAMES = 4096
    LARGEST_LAST_PACKETS = 65536
    MOST_SILENCE_SECONDS = 3600     # of one stream: a small file must not become days of it
    LONGEST_GAP_SECONDS = 600   # a jump beyond it is another recording, not a loss


cdef inline int64_t in_ticks(const Media *media, int64_t frames) noexcept nogil:
    """A number of frames of the present rate in the container's time."""
    return ff.av_rescale_q(frames, ff.AVRational(1, media.frame.sample_rate),
                           media.stream.time_base)


cdef inline bint counts_frames(const Media *media) noexcept nogil:
    """Whether the container's clock is fine enough to count frames."""
    return media.stream.time_base.den // media.stream.time_base.num >= media.frame.sample_rate


cdef inline bint is_timed(const Media *media) noexcept nogil:
    """Whether times show what is missing; those of bare streams count what the decoder refuses."""
    return reads(media, FLAC | OGG | MOV | MATROSKA | ASF | FLV | AVI | MPEGTS | MPEG | WV | TTA
                 | APE | CAF | MP3 | AAC | LOAS | AC3 | EAC3 | DTS)


cdef inline bint numbers_frames(const Media *media) noexcept nogil:
    """Whether each frame says exactly which it is."""
    return reads(media, FLAC | WV)


cdef inline int64_t frames_before_start(const Media *media) noexcept nogil:
    """Frames that a container has before its zero, which are not meant to be heard."""
    cdef int64_t ticks = 0
    if reads(media, MATROSKA):
        # Else forgotten, where the same packet has something to discard at its end.
        return media.stream.codecpar.initial_padding
    if ff.AV_NOPTS_VALUE < media.frame.pts < 0 and reads(media, MOV | OGG):
        ticks = -media.frame.pts
    elif media.first_pts == 0:
        ticks = media.track_end.gapless_delay
    return in_frames(media, ticks, media.frame.sample_rate)


cdef inline int64_t frames_lost_at_start(Media *media) noexcept nogil:
    """Frames of the packets that were refused before the first one that was not."""
    cdef const RawIssue *last = last_issue(&media.issues, media.decoded_frames)
    if last == NULL or not is_fatal(last.code) or media.first_pts == ff.AV_NOPTS_VALUE:
        return 0
    return in_frames(media, media.frame.pts - media.first_pts, media.frame.sample_rate)


cdef inline int64_t frames_lost(Media *media) noexcept nogil:
    """Frames that are missing between the end of the last frame and this one, by their times.

    Only the step from frame to frame counts: a clock that drifts against the samples, as those of
    live recordings do, loses nothing.
    """
    cdef ff.AVFrame *frame = media.frame
    cdef int64_t lost, packets
    if media.next_pts == ff.AV_NOPTS_VALUE:
        lost = frames_lost_at_start(media)
    else:
        lost = in_frames(media, frame.pts - media.next_pts, frame.sample_rate)
    if counts_frames(media):
        return lost if lost > frame.nb_samples // 8 else 0
    # A clock of milliseconds or so, on which whole packets can be missed and no less.
    if lost * 2 < frame.nb_samples or lost * 200 < frame.sample_rate:
        return 0
    packets = (lost + frame.nb_samples // 2) // frame.nb_samples * frame.nb_samples
    return packets if llabs(lost - packets) * 300 <= frame.sample_rate else lost


cdef inline void note_loss(Media *media, int64_t lost) noexcept nogil:
    """Silence comes in place of the lost frames: their number belongs to what was refused here."""
    cdef RawIssue *issue = last_issue(&media.issues, media.decoded_frames)
    if issue != NULL and issue.code == IssueCode.CORRUPT_DATA:
        issue.num_frames += lost
    else:
        note_here(media, IssueCode.GAP, lost)


cdef inline void correct_frame(Media *media) noexcept nogil:
    """Mend what FFmpeg gets wrong of two codecs in Ogg, where it has each packet's end right.

    The start of a Vorbis packet is wrong where long blocks follow short ones or the other way
    round; 7.1 has as much silence after each wide-band frame of Speex.
    """
    cdef ff.AVFrame *frame = media.frame
    if media.sent_duration <= 0 or media.sent_last or not reads(media, OGG):
        return
    if media.codec.codec_id == ff.AV_CODEC_ID_VORBIS and frame.pts != ff.AV_NOPTS_VALUE:
        frame.pts += media.sent_duration - frame.nb_samples
    elif media.codec.codec_id == ff.AV_CODEC_ID_SPEEX:
        frame.nb_samples = <int>min(
            frame.nb_samples, in_frames(media, media.sent_duration, frame.sample_rate))


cdef inline void place_landing(Media *media) noexcept nogil:
    """Behind a seek: know the position by the time of the first frame; -1 where it has none."""
    cdef ff.AVFrame *frame = media.frame
    media.landed = False
    media.decoded_frames = -1
    if frame.pts != ff.AV_NOPTS_VALUE:
        media.decoded_frames = in_frames(media, frame.pts, media.first_rate) - media.origin
    media.next_pts = frame.pts


cdef inline void keep_time(Media *media) noexcept nogil:
    """Let silence go before the frame, if frames before it are missing."""
    cdef ff.AVFrame *frame = media.frame
    cdef int64_t lost = 0
    correct_frame(media)
    if media.landed:
        place_landing(media)
    if media.next_pts == ff.AV_NOPTS_VALUE:
        media.skip = frames_before_start(media)
        media.primed_frames = in_frames(media, frame.pts - media.first_pts, frame.sample_rate)
        if reads(media, OGG) and in_frames(media, frame.pts, frame.sample_rate) > LATE_FRAMES:
            # The rest of a broadcast, or the first pages are damaged: Ogg does not tell which.
            note_here(media, IssueCode.LENGTH_MISMATCH, 0)
    media.frame_pts = media.next_pts
    if frame.pts != ff.AV_NOPTS_VALUE:
        if is_timed(media) and not media.retimes:
            lost = frames_lost(media)
            if numbers_frames(media) and frame.pts < media.next_pts:
                # Frames that were there before: all that follows stands later than they say.
                note_here(media, IssueCode.LENGTH_MISMATCH, 0)
        media.frame_pts = frame.pts
        media.retimes = False
    if media.frame_pts != ff.AV_NOPTS_VALUE:
        media.next_pts = media.frame_pts + in_ticks(media, frame.nb_samples)
    if lost > <int64_t>LONGEST_GAP_SECONDS * frame.sample_rate:
        note_here(media, IssueCode.LENGTH_MISMATCH, 0)
    elif lost > 0 and media.silent_frames > MOST_SILENCE_SECONDS * <int64_t>frame.sample_rate:
        note_loss(media, 0)
    elif lost > 0:
        media.silent_frames += lost
        note_loss(media, ff.av_rescale(lost, media.first_rate, frame.sample_rate))
        media.silence = lost
        media.has_waiting = True
        ff.av_frame_move_ref(media.waiting, frame)


cdef inline void take_trims(Media *media, int64_t *discard) noexcept nogil:
    """Learn what to skip, and what to discard of this frame, from its packet or its decoder."""
    cdef const ff.AVFrameSideData *trims
    if media.sent_trims:
        media.sent_trims = False
        discard[0] = media.sent_discard
        # At the start of MP4, versions of FFmpeg count this at different rates for HE-AAC.
        if not reads(media, MOV) or media.decoded_frames + media.trimmed_frames > 0:
            media.skip = max(media.skip, media.sent_skip)
        return
    trims = ff.av_frame_get_side_data(media.frame, ff.AV_FRAME_DATA_SKIP_SAMPLES)
    if trims != NULL and trims.size >= 10:
        # Newer decoders of Vorbis give a frame for the packet that only primes them.
        media.primed_frames = max(media.primed_frames, <int64_t>read_integer(trims.data, 4, False))
        media.skip = max(media.skip, <int64_t>read_integer(trims.data, 4, False))


cdef inline int64_t end_of_last_packet(Media *media) noexcept nogil:
    """Where the audio ends by the container's word, in ticks; AV_NOPTS_VALUE if it has none.

    No word that cuts more than the last packet is taken: it is wrong, and noted.
    """
    cdef int64_t end = ff.AV_NOPTS_VALUE
    if media.sent_pts == ff.AV_NOPTS_VALUE or not media.sent_last:
        return end
    if reads(media, MOV):
        end = end_of_mov(media)
    elif not reads(media, OGG):
        end = media.stream.duration
    elif media.sent_duration > 0:
        end = media.sent_pts + media.sent_duration
    else:
        return end
    if end != ff.AV_NOPTS_VALUE and end <= media.sent_pts:
        note_here(media, IssueCode.LENGTH_MISMATCH, 0)
        return ff.AV_NOPTS_VALUE
    return end


cdef inline int64_t frames_to_discard(const Media *media, int64_t discard) noexcept nogil:
    """What the demuxer wants discarded of a last packet, as far as it counts right.

    Where all packets of Vorbis are on one page of Ogg, FFmpeg counts the first as audio: it only
    primes the decoder.
    """
    if media.codec.codec_id == ff.AV_CODEC_ID_VORBIS and media.first_pts == 0:
        return max(discard - media.primed_frames, 0)
    return discard


cdef inline int64_t frames_to_keep(Media *media, int64_t discard) noexcept nogil:
    """How many frames of this one come before the end of the audio."""
    cdef int64_t count = media.frame.nb_samples
    cdef int64_t end = ff.AV_NOPTS_VALUE
    if media.promised_frames >= 0:
        # Some demuxers read past the end of their chunk.
        if 0 < media.promised_frames <= media.decoded_frames:
            note_here(media, IssueCode.TRAILING_DATA, 0)
        return min(max(media.promised_frames - media.decoded_frames, 0), count)
    if media.track_end.gapless_end > 0 and media.first_pts == 0:
        # It adds up with the sample table: the one that may cut more than the last packet.
        end = media.track_end.gapless_end
    elif discard > 0 and not reads(media, MOV):
        discard = frames_to_discard(media, discard)
        return count - discard if discard <= count else count
    elif media.looks_ahead:
        end = end_of_last_packet(media)
    if end == ff.AV_NOPTS_VALUE or media.frame_pts == ff.AV_NOPTS_VALUE:
        return count
    return min(max(in_frames(media, end - media.frame_pts, media.frame.sample_rate), 0), count)


cdef inline void drop_start(ff.AVFrame *frame, int count) noexcept nogil:
    cdef int step = ff.av_get_bytes_per_sample(<ff.AVSampleFormat>frame.format)
    cdef int planes = frame.ch_layout.nb_channels
    cdef int plane
    if not ff.av_sample_fmt_is_planar(<ff.AVSampleFormat>frame.format):
        step *= planes
        planes = 1
    for plane in range(planes):
        frame.extended_data[plane] += <int64_t>step * count
    frame.nb_samples -= count


cdef inline bint stores_floats(const Media *media) noexcept nogil:
    """Whether floats come as the file has them, and not from a decoder's arithmetic."""
    return is_float(<ff.AVSampleFormat>media.frame.format) and (
        frame_bits(media) > 0 or media.codec.codec_id == ff.AV_CODEC_ID_WAVPACK)


cdef inline void note_unsound(Media *media) noexcept nogil:
    """A note for each run of such frames, to the frame: packets differ in size between FFmpegs."""
    cdef int rate = media.frame.sample_rate
    cdef int begin = 0, end = 0
    cdef int64_t position
    while find_unsound(media.frame, &begin, &end):
        position = ff.av_rescale(begin, media.first_rate, rate)
        note(&media.issues, IssueCode.NONFINITE, media.decoded_frames + position,
             ff.av_rescale(end, media.first_rate, rate) - position)
        begin = end


cdef inline void find_origin(Media *media, int skip) noexcept nogil:
    """Learn from the first frame what lies between times and positions."""
    cdef int64_t begin
    if media.has_origin or media.frame_pts == ff.AV_NOPTS_VALUE \
            or media.sent_pts == ff.AV_NOPTS_VALUE:
        return
    begin = in_frames(media, media.frame_pts, media.first_rate)
    if llabs(begin) > INT64_MAX // 8:
        return      # nobody's audio: positions near it would not fit
    media.has_origin = True
    media.origin = begin + skip - media.decoded_frames
    media.first_entry = Entry(in_frames(media, media.sent_pts, media.first_rate) - media.origin,
                              media.sent_pts, media.sent_position)


cdef inline void trim_frame(Media *media) noexcept nogil:
    """Drop what comes before the audio's start and after its end; `has_frame` if some is left."""
    cdef ff.AVFrame *frame = media.frame
    cdef int64_t discard = 0
    cdef int64_t keep
    cdef int skip
    take_trims(media, &discard)
    if media.trimmed_frames == 0 and media.decoded_frames == media.link_position \
            and media.codec.codec_id != ff.AV_CODEC_ID_VORBIS:
        media.start_frames = media.skip
    if frame.flags & ff.AV_FRAME_FLAG_DISCARD and media.skip == 0:
        # Between two edits of MP4.
        keep = 0
    else:
        keep = frames_to_keep(media, discard)
    skip = <int>min(media.skip, keep)
    media.trimmed_frames += frame.nb_samples - keep + skip
    media.skip -= skip
    frame.nb_samples = <int>keep
    if skip < keep:
        find_origin(media, skip)
        media.has_frame = True
        if media.scans:
            frame.nb_samples -= skip
            return
        drop_start(frame, skip)
        if stores_floats(media) and not is_finite(frame):
            note_unsound(media)
    else:
        ff.av_frame_unref(frame)


cdef inline int make_silence(Media *media) noexcept nogil:
    """The next piece of the silence, like the frame that waits behind it."""
    cdef ff.AVFrame *frame = media.frame
    cdef int status
    frame.format = media.waiting.format
    frame.sample_rate = media.waiting.sample_rate
    frame.nb_samples = <int>min(media.silence, SILENCE_FRAMES)
    status = ff.av_channel_layout_copy(&frame.ch_layout, &media.waiting.ch_layout)
    if status >= 0:
        status = ff.av_frame_get_buffer(frame, 0)
    if status >= 0:
        status = ff.av_samples_set_silence(
            frame.extended_data, 0, frame.nb_samples, frame.ch_layout.nb_channels,
            <ff.AVSampleFormat>frame.format)
    if status < 0:
        return status
    media.silence -= frame.nb_samples
    media.has_frame = True
    return 1


cdef inline int keep_end(Media *media) noexcept nogil:
    """Let silence stand for the packets that were refused last; 0 if there are none.

    Not in Monkey's Audio, where nothing after a damaged frame decodes.
    """
    cdef RawIssue *issue = last_issue(&media.issues, media.decoded_frames)
    cdef int64_t lost
    if (media.end_kept or media.first_rate == 0
            or issue == NULL or issue.code != IssueCode.CORRUPT_DATA
            or media.sent_junk or media.retimes or media.sent_cut
            or media.next_pts == ff.AV_NOPTS_VALUE or media.sent_pts == ff.AV_NOPTS_VALUE
            or not is_timed(media) or reads(media, APE)):
        return 0
    # Of the kind of the first frame: a refused packet may have told the decoder anything.
    lost = in_frames(media, media.sent_pts + media.sent_duration - media.next_pts,
                     media.first_rate)
    if lost <= 0 or lost > LARGEST_LAST_PACKETS:
        return 0
    media.end_kept = True
    media.waiting.format = media.first_format
    media.waiting.sample_rate = media.first_rate
    if ff.av_channel_layout_copy(&media.waiting.ch_layout, &media.first_layout) < 0:
        return ff.AVERROR(ENOMEM)
    issue.num_frames += lost
    media.silence = lost
    return 1


cdef inline int go_on(Media *media, Source *source, const Policy *policy) noexcept nogil:
    """At the end: judge it, and open what may come after it; 0 if nothing does."""
    cdef int status = keep_end(media)
    if status != 0:
        return status
    end_stream(media, source)
    while source.links.next_link > 0:
        media.unproved_links |= not media.proved
        status = open_next_link(media, source, policy)
        if status > 0:
            return 1
        if watch(source) < 0 or source.errnum != 0 or not is_damage(media.fault):
            media.ended = True
            return status
        note_here(media, IssueCode.CORRUPT_DATA, 0)
    media.ended = True
    return 0


cdef inline int next_frame(Media *media, Source *source, const Policy *policy) noexcept nogil:
    """Have the next frame of the audio in `media.frame`, unless it still holds one."""
    cdef int status = 1
    while status > 0 and not media.has_frame:
        if media.silence > 0:
            status = make_silence(media)
        elif media.has_waiting:
            media.has_waiting = False
            ff.av_frame_move_ref(media.frame, media.waiting)
            trim_frame(media)
        elif media.ended:
            return 0
        else:
            status = count_frame(media, source, policy) if media.scans \
                else decode_frame(media, source, policy)
            if status > 0 and media.unprimed > 0:
                media.unprimed -= 1
                ff.av_frame_unref(media.frame)
            elif status > 0:
                keep_time(media)
                if not media.has_waiting:
                    trim_frame(media)
            elif status == 0:
                status = go_on(media, source, policy)
    if status < 0:
        media.ended = True      # whatever is still open is not to be read any more
    return status


cdef inline void consume_frame(Media *media) noexcept nogil:
    media.decoded_frames += ff.av_rescale(media.frame.nb_samples, media.first_rate,
                                          media.frame.sample_rate)
    media.has_frame = False
    ff.av_frame_unref(media.frame)


cdef inline bint has_dropped_all(const Media *media) noexcept nogil:
    """Whether FFmpeg's parser found no frame in anything that the container has of the stream.

    Those of TrueHD and MLP drop what is none without a word.
    """
    return (media.packets_decoded == 0
            and media.stream.event_flags & ff.AVSTREAM_EVENT_FLAG_NEW_PACKETS != 0)


cdef inline int open_media(Media *media, Source *source, const Policy *policy,
                           ff.AVDictionary **options) noexcept nogil:
    """Open everything and decode the first frame, which alone tells the true parameters."""
    cdef int status = open_stream(media, source, policy, options)
    if status > 0:
        status = next_frame(media, source, policy)
    if status >= 0 and media.codec == NULL:
        # The last link of a chain could not be opened, and no other had a frame that is kept.
        return fail(media, Fault.NOTHING_DECODED, 0, "ogg")
    if status != 0 or media.first_rate > 0:
        return status
    media.first_rate = media.codec.sample_rate
    media.first_format = media.codec.sample_fmt
    if ff.av_channel_layout_copy(&media.first_layout, &media.codec.ch_layout) < 0:
        return ff.AVERROR(ENOMEM)
    if (is_damaged(&media.issues) or has_dropped_all(media) or media.first_rate <= 0
            or media.codec.ch_layout.nb_channels <= 0 or claimed_frames(media) > 0):
        return fail(media, Fault.FORMAT_UNKNOWN if media.doubtful else Fault.NOTHING_DECODED, 0,
                    media.format.iformat.name)
    return 1
