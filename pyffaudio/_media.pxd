"""What is open: one struct for all that the stages between bytes and frames share.

Functions of every stage answer 1 (there is one), 0 (the end) or a negative AVERROR; where FFmpeg
has no code for what went wrong, `Media.fault` says it.
"""
from libc.stdint cimport int64_t, uint8_t

from pyffaudio cimport ffmpeg as ff
from pyffaudio._index cimport Entry
from pyffaudio._issues cimport IssueCode, Issues, note
from pyffaudio._gapless cimport TrackEnd
from pyffaudio._promise cimport Promise
from pyffaudio.flac_kernel cimport FlacKernel


# What FFmpeg has no error code for; diagnose.FAULT_NAMES has their names, in this order.
cdef enum Fault:
    NO_FAULT
    FORMAT_UNKNOWN
    FORMAT_NOT_ALLOWED
    FORMAT_MISSING
    HEADER_DAMAGED
    NO_AUDIO_STREAM
    NO_SUCH_STREAM
    NOT_AN_AUDIO_STREAM
    CODEC_NOT_ALLOWED
    CODEC_MISSING
    CODEC_REFUSED
    NOTHING_DECODED
    TOO_MANY_STREAMS
    TOO_MANY_CHANNELS
    RATE_TOO_HIGH
    TOO_MUCH_TO_FILTER
    FILTERS_FAILED
    CANNOT_CONVERT
    CANNOT_GO_BACK

# What the options and limits ask for, fixed before opening.
cdef struct Policy:
    const char *demuxers        # allowed, comma-separated
    const char *decoders
    const char *format          # demuxer named by the caller, or NULL
    const char *format_hint     # demuxer suggested by the path's suffix, or NULL
    int stream_index            # -1: the best
    int max_channels
    int max_sample_rate
    int max_streams

cdef enum:
    MAX_EARLY = 256

# A place that tells its own position (_marks.pxd).
cdef struct Mark:
    int64_t offset
    int64_t position            # of a FLAC frame's start, of an Ogg page's end
    int64_t order               # grows from one mark to the next

cdef struct Media:
    ff.AVIOContext *io
    ff.AVFormatContext *format
    ff.AVCodecContext *codec
    ff.AVStream *stream
    int stream_index
    int container               # one of Container, or 0
    bint doubtful               # the format is a guess that hardly beats others
    Fault fault
    int64_t fault_value
    const char *fault_name
    Issues issues
    Promise promise
    int64_t promised_frames     # of PCM, by the size of its chunk; or -1
    bint proved                 # the end is where the container says
    bint unproved_links         # of a chain, some of the earlier links are not
    # Packets (_packets.pxd)
    ff.AVPacket *early[MAX_EARLY]   # read before the stream was chosen
    int early_count
    int early_stream            # of the last of them
    int early_given             # so many of them have been handed on
    bint plain                  # they come straight from the data chunk (_plain.pxd)
    int64_t plain_next          # the first frame of the next one
    ff.AVPacket *packet
    ff.AVPacket *ahead          # the one after it, in containers that need to know the last
    bint looks_ahead
    bint has_ahead
    int ahead_status            # of reading it
    bint read_failed            # the demuxer gave up before the end
    bint demuxed                # the demuxer has nothing more
    # The packet last given to the decoder, and its answers (_frames.pxd)
    int sent_bytes
    bint sent_junk              # it does not begin with a frame
    bint has_junk_behind        # of which something that is no frame has been cut off
    bint sent_cut               # it ends before its own header says
    bint sent_last              # none follows
    int64_t sent_pts
    int64_t sent_position       # where it is in the file, or -1
    int64_t sent_duration       # 0 where that is unknown
    bint sent_trims             # it says what to skip and to discard
    int64_t sent_skip
    int64_t sent_discard
    int frame_kind              # second byte of a bare stream's frames: its kind of frame
    int64_t tag_left            # bytes of a tag that packets are still of
    bint had_short              # a FLAC frame that is shorter than all but the last may be
    bint retimes                # the next frame follows the last, whatever its time
    bint has_own_frame          # `frame` is of that packet, and not from FFmpeg's decoder
    ff.AVFrame *frame
    bint has_frame              # `frame` is ready and not yet consumed
    bint ended                  # the decoder has nothing more
    int first_rate              # of the first frame: the rate that positions are counted at
    ff.AVChannelLayout first_layout
    int first_format            # an AVSampleFormat
    int first_samples           # frames in the first frame
    # Where frames belong in time (_timeline.pxd)
    TrackEnd track_end
    int64_t xing_frames         # of an MP3, by its first frame; or 0
    int64_t xing_bytes          # likewise; or 0
    int64_t padding_frames      # of those at the end, by the tag of LAME
    int64_t first_pts           # of the first packet
    int64_t frame_pts           # of the frame, stated or counted
    int64_t next_pts            # where the next frame should begin
    int64_t skip                # frames still to be dropped at the start
    int64_t start_frames        # to be dropped there in all
    int64_t primed_frames       # of packets before the first that gave a frame
    int64_t trimmed_frames
    bint end_kept               # silence stands for what was refused last
    int64_t silent_frames       # of silence given so far
    int64_t silence             # frames still owed in place of lost ones
    ff.AVFrame *waiting         # the frame behind the silence
    bint has_waiting
    int64_t decoded_frames      # consumed so far: the position
    int64_t link_position       # at the start of the present link of a chain
    # Going to a frame (_seek.pxd)
    bint scans                  # packets are counted and not decoded
    int64_t origin              # of the first frame that was not all trimmed: what its time, in
    bint has_origin             # frames, is ahead of its position
    Entry first_entry           # of the packet that it came from
    bint landed                 # the next frame's time tells the position
    int64_t wanted_pts          # packets that end before are dropped; or none
    int unprimed                # frames to be dropped before, of which not even the length is right
    int64_t own_pts             # of the next packet, where the demuxer does not know; or none
    uint8_t[32] first_head      # of the first frame of FLAC, or page of Ogg (_marks.pxd)
    Mark last_mark
    int marks                   # 1 if they can be trusted, or -1, once that is known
    int regular                 # of MP4's table: 1 or -1, once that is known
    int64_t packets_decoded
    # FLAC without FFmpeg's decoder (_kernel.pxd)
    FlacKernel *kernel
    ff.AVBufferPool *kernel_buffers
    int64_t kernel_packets      # so many of those decoded were its


cdef inline int fail(Media *media, Fault fault, int64_t value, const char *name) noexcept nogil:
    media.fault = fault
    media.fault_value = value
    media.fault_name = name
    return ff.AVERROR_INVALIDDATA


cdef inline bint is_damage(Fault fault) noexcept nogil:
    """Whether it is the file that is at fault, and not our rules."""
    return (fault == Fault.HEADER_DAMAGED or fault == Fault.NO_AUDIO_STREAM
            or fault == Fault.NO_SUCH_STREAM or fault == Fault.NOT_AN_AUDIO_STREAM
            or fault == Fault.CODEC_REFUSED)


cdef inline void note_here(Media *media, IssueCode code, int64_t num_frames) noexcept nogil:
    note(&media.issues, code, media.decoded_frames, num_frames)


cdef inline bint reads(const Media *media, int containers) noexcept nogil:
    """Whether the file is in one of these."""
    return media.container & containers != 0


cdef inline int frame_bits(const Media *media) noexcept nogil:
    """Bits of a frame of PCM or of another codec with a fixed number; 0 for all others."""
    return (ff.av_get_exact_bits_per_sample(media.codec.codec_id)
            * media.codec.ch_layout.nb_channels)


cdef inline bint shape_frame(Media *media, int count) noexcept nogil:
    """All of a frame of `media.packet` but its samples, as FFmpeg's decoder would say it."""
    cdef ff.AVFrame *frame = media.frame
    cdef const ff.AVPacket *packet = media.packet
    frame.nb_samples = count
    frame.format = media.codec.sample_fmt
    frame.sample_rate = media.codec.sample_rate
    frame.linesize[0] = count * media.codec.ch_layout.nb_channels \
        * ff.av_get_bytes_per_sample(media.codec.sample_fmt)
    frame.pts = packet.pts
    if packet.flags & ff.AV_PKT_FLAG_DISCARD:
        frame.flags |= ff.AV_FRAME_FLAG_DISCARD
    if ff.av_channel_layout_copy(&frame.ch_layout, &media.codec.ch_layout) < 0:
        ff.av_frame_unref(frame)
        return False
    media.has_own_frame = True
    return True
