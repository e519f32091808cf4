"""From decoded frames to the caller's array: sample format, channels and rate.

libswresample does the arithmetic, where there is any, and writes straight into the array where its
strides allow it. A run is a stretch of frames of equal parameters; each that needs it has a
SwrContext of its own.
"""
from libc.errno cimport ENOMEM
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, memset

from pyffaudio cimport ffmpeg as ff
from pyffaudio._copy cimport Copy, Frames, copy_frames, find_copy
from pyffaudio._demuxer cimport QUIET
from pyffaudio._feed cimport (
    Feed, consume_feed, feed_format, feed_frame, feed_layout, feed_rate, is_filtered, next_feed)
from pyffaudio._floats cimport is_float, tame_frame
from pyffaudio._plain cimport read_samples
from pyffaudio._source cimport watch


cdef enum:
    MAX_CHANNELS = 64           # as many as libswresample can mix
    CHUNK_FRAMES = 16384        # converted at once, between two looks at the clock and at signals
    TAIL_FRAMES = 256
    RESTART_FRAMES = 64

# What the caller gets; 0 and AV_SAMPLE_FMT_NONE until settle_target() knows the first frame.
cdef struct Target:
    int sample_rate
    int num_channels
    ff.AVSampleFormat sample_format     # packed or planar, as libswresample writes it
    int item_bytes
    bint flips_sign                     # int8 is uint8 with the top bit flipped
    bint planar

# Where frames go: any strides. A NULL base drops them.
cdef struct Output:
    uint8_t *base
    int64_t frame_stride
    int64_t channel_stride

cdef enum Phase:
    FINISHED                    # of this run; a waiting frame starts the next
    FEEDING
    FLUSHING

cdef struct Converter:
    Phase phase
    bint has_run                # has been set up for frames
    Copy copy                   # how their samples are copied; or NO_COPY
    bint copies_integers        # as they are; floats would have to be looked at
    ff.SwrContext *swr
    ff.AVChannelLayout layout   # of the frames of this run
    int sample_format
    int sample_rate
    bint resamples
    bint tames                  # floats become integers: see tame_frame()
    int frame_offset            # consumed of the frame that is fed
    int64_t frames_in           # of this run, when resampling
    int64_t frames_out
    int error                   # met after some frames were filled: the next call's answer
    uint8_t *scratch            # CHUNK_FRAMES frames that could not be written to the output itself
    int kept_offset             # those in it that wait for room
    int kept


cdef inline void settle_target(Target *target, const Feed *feed) noexcept nogil:
    """Let what is left open be as the first frame is."""
    cdef ff.AVSampleFormat sample_format = target.sample_format
    if target.sample_rate == 0:
        target.sample_rate = feed_rate(feed)
    if target.num_channels == 0:
        target.num_channels = feed_layout(feed).nb_channels
    if sample_format == ff.AV_SAMPLE_FMT_NONE:
        sample_format = ff.av_get_packed_sample_fmt(feed_format(feed))
        if sample_format == ff.AV_SAMPLE_FMT_S64:
            sample_format = ff.AV_SAMPLE_FMT_DBL
    if target.planar:
        sample_format = ff.av_get_planar_sample_fmt(sample_format)
    target.sample_format = sample_format
    target.item_bytes = ff.av_get_bytes_per_sample(sample_format)


cdef inline void end_run(Converter *converter) noexcept nogil:
    converter.has_run = False
    converter.resamples = False
    converter.phase = Phase.FINISHED
    ff.swr_free(&converter.swr)
    ff.av_channel_layout_uninit(&converter.layout)


cdef inline int open_swr(Converter *converter, const Target *target, const ff.AVFrame *frame,
                         const double *matrix) noexcept nogil:
    """Have libswresample convert frames like this one.

    The layouts are only names for a number of channels here: what goes where is the matrix's
    business.
    """
    cdef ff.AVChannelLayout source_layout, target_layout
    cdef ff.AVSampleFormat working = ff.AV_SAMPLE_FMT_FLTP
    cdef ff.AVSampleFormat packed = ff.av_get_packed_sample_fmt(target.sample_format)
    cdef int status
    if packed == ff.AV_SAMPLE_FMT_S32 or packed == ff.AV_SAMPLE_FMT_DBL:
        working = ff.AV_SAMPLE_FMT_DBLP
    memset(&source_layout, 0, sizeof(source_layout))
    memset(&target_layout, 0, sizeof(target_layout))
    ff.av_channel_layout_default(&source_layout, frame.ch_layout.nb_channels)
    ff.av_channel_layout_default(&target_layout, target.num_channels)
    status = ff.swr_alloc_set_opts2(
        &converter.swr, &target_layout, target.sample_format, target.sample_rate,
        &source_layout, <ff.AVSampleFormat>frame.format, frame.sample_rate, QUIET, NULL)
    if status >= 0:
        status = ff.av_opt_set_sample_fmt(converter.swr, "internal_sample_fmt", working, 0)
    if status >= 0 and matrix != NULL:
        status = ff.swr_set_matrix(converter.swr, matrix, frame.ch_layout.nb_channels)
    if status >= 0:
        status = ff.swr_init(converter.swr)
    return status


cdef inline int start_run(Converter *converter, const Target *target, const ff.AVFrame *frame,
                          const double *matrix) noexcept nogil:
    """Set up for frames like this one; `matrix` remixes them, NULL keeps the channels.

    Not from the codec context, which may say something else (HE-AAC).
    """
    cdef ff.AVSampleFormat packed = ff.av_get_packed_sample_fmt(target.sample_format)
    cdef int status
    end_run(converter)
    status = ff.av_channel_layout_copy(&converter.layout, &frame.ch_layout)
    converter.copy = Copy.NO_COPY
    if matrix == NULL and frame.ch_layout.nb_channels != target.num_channels:
        return ff.AVERROR_INVALIDDATA
    if matrix == NULL and frame.sample_rate == target.sample_rate and not target.flips_sign:
        converter.copy = find_copy(<ff.AVSampleFormat>frame.format, packed)
    converter.copies_integers = converter.copy == Copy.SAME and not is_float(packed)
    if status >= 0 and converter.copy == Copy.NO_COPY:
        status = open_swr(converter, target, frame, matrix)
    if status < 0:
        return status
    converter.has_run = True
    converter.sample_format = frame.format
    converter.sample_rate = frame.sample_rate
    converter.resamples = frame.sample_rate != target.sample_rate
    converter.tames = is_float(<ff.AVSampleFormat>frame.format) and not is_float(packed)
    converter.frame_offset = 0
    converter.frames_in = 0
    converter.frames_out = 0
    converter.phase = Phase.FEEDING
    return 1


cdef inline int64_t greatest_divisor(int64_t a, int64_t b) noexcept nogil:
    cdef int64_t rest
    while b > 0:
        rest = a % b
        a = b
        b = rest
    return a


cdef inline int64_t aligned_frame(int64_t frame, int64_t most, int source_rate, int target_rate,
                                  int64_t *source_frame) noexcept nogil:
    """The last frame where a run may begin anew, so that `frame` comes out as in the whole.

    There the filter is in its first phase. It must have left its beginning behind, and with it the
    frame of the decoder that it began within, since last bits depend on how input is cut up.
    `source_frame`, at most `most`, is the same in the input.
    """
    cdef int64_t divisor = greatest_divisor(source_rate, target_rate)
    cdef int64_t source_step = source_rate // divisor
    cdef int64_t target_step = target_rate // divisor
    cdef int64_t margin = RESTART_FRAMES + ff.av_rescale_rnd(
        RESTART_FRAMES, target_rate, source_rate, ff.AV_ROUND_UP)
    cdef int64_t steps = min((frame - margin) // target_step, most // source_step)
    source_frame[0] = max(steps, 0) * source_step
    return max(steps, 0) * target_step


cdef inline bint belongs_to_run(const Converter *converter, const Target *target,
                                const ff.AVFrame *frame) noexcept nogil:
    if (frame.format != converter.sample_format or frame.sample_rate != converter.sample_rate
            or frame.ch_layout.nb_channels != converter.layout.nb_channels):
        return False
    # The names of the channels matter to a remix only.
    return (frame.ch_layout.nb_channels == target.num_channels
            or ff.av_channel_layout_compare(&frame.ch_layout, &converter.layout) == 0)


cdef inline bint writes_directly(const Target *target, const Output *output) noexcept nogil:
    if output.base == NULL:
        return False
    if target.num_channels == 1 or target.planar:
        return output.frame_stride == target.item_bytes
    return (output.channel_stride == target.item_bytes
            and output.frame_stride == target.item_bytes * target.num_channels)


cdef inline void flip_signs(const Target *target, uint8_t **planes, int count) noexcept nogil:
    cdef int plane, i
    cdef int num_planes = target.num_channels if target.planar else 1
    cdef int length = count if target.planar else count * target.num_channels
    for plane in range(num_planes):
        for i in range(length):
            planes[plane][i] ^= 0x80


cdef inline int convert(Converter *converter, const Target *target, const Output *output, int room,
                        int most, const uint8_t **data, int count) noexcept nogil:
    """swr_convert() of at most `most` frames: into the output if they fit there, else to be kept.

    `most` does not depend on `room`: the resampler's last bits depend on how its output is cut up,
    and reading block by block must give what reading at once gives.
    """
    cdef uint8_t *planes[MAX_CHANNELS]
    cdef bint direct = room >= most and writes_directly(target, output)
    cdef uint8_t *base = output.base
    cdef int64_t channel_step = output.channel_stride
    cdef int channel, written
    if not direct:
        if converter.scratch == NULL:
            converter.scratch = <uint8_t *>ff.av_malloc(
                <size_t>CHUNK_FRAMES * target.num_channels * target.item_bytes)
        if converter.scratch == NULL:
            return ff.AVERROR(ENOMEM)
        base = converter.scratch
        channel_step = target.item_bytes * CHUNK_FRAMES
    for channel in range(target.num_channels):
        planes[channel] = base + channel * channel_step
    written = ff.swr_convert(converter.swr, planes, most, data, count)
    if written > 0 and target.flips_sign:
        flip_signs(target, planes, written)
    if written > 0 and not direct:
        converter.kept_offset = 0
        converter.kept = written
    return written


cdef inline int give_kept(Converter *converter, const Target *target, const Output *output,
                          int room) noexcept nogil:
    """Move kept frames to the output, whatever its strides."""
    cdef int64_t frame_step = target.item_bytes
    cdef int64_t channel_step = target.item_bytes
    cdef int count = converter.kept if converter.kept < room else room
    cdef int channel, frame
    cdef const uint8_t *start
    if target.planar:
        channel_step *= CHUNK_FRAMES
    else:
        frame_step *= target.num_channels
    start = converter.scratch + converter.kept_offset * frame_step
    converter.kept_offset += count
    converter.kept -= count
    if output.base == NULL:
        return count
    if not target.planar and writes_directly(target, output):
        memcpy(output.base, start, count * frame_step)
        return count
    for channel in range(target.num_channels):
        for frame in range(count):
            memcpy(output.base + channel * output.channel_stride + frame * output.frame_stride,
                   start + channel * channel_step + frame * frame_step, target.item_bytes)
    return count


cdef inline int copy(const Converter *converter, const Target *target, const Output *output,
                     const ff.AVFrame *frame, uint8_t **planes, int step, int count) noexcept nogil:
    """Copy frames that begin in these planes."""
    cdef uint8_t *from_channels[MAX_CHANNELS]
    cdef uint8_t *to_channels[MAX_CHANNELS]
    cdef Frames source, into
    cdef int item = ff.av_get_bytes_per_sample(<ff.AVSampleFormat>frame.format)
    cdef int channel
    source.channels = planes
    source.step = step
    into.channels = to_channels
    into.step = output.frame_stride
    if step > item:
        source.channels = from_channels
        for channel in range(target.num_channels):
            from_channels[channel] = planes[0] + channel * item
    to_channels[0] = output.base
    for channel in range(1, target.num_channels):
        to_channels[channel] = to_channels[channel - 1] + output.channel_stride
    copy_frames(converter.copy, item, &source, &into, target.num_channels, count)
    return count


cdef inline int find_planes(const Converter *converter, const ff.AVFrame *frame,
                            uint8_t **planes) noexcept nogil:
    """Where the rest of the frame begins; answers the bytes from one frame to the next."""
    cdef int channels = frame.ch_layout.nb_channels
    cdef int step = ff.av_get_bytes_per_sample(<ff.AVSampleFormat>frame.format)
    cdef int channel
    if not ff.av_sample_fmt_is_planar(<ff.AVSampleFormat>frame.format):
        step *= channels
        channels = 1
    for channel in range(channels):
        planes[channel] = frame.extended_data[channel] + <int64_t>converter.frame_offset * step
    return step


cdef inline void consume(Converter *converter, Feed *feed, int count) noexcept nogil:
    converter.frame_offset += count
    if converter.frame_offset == feed_frame(feed).nb_samples:
        converter.frame_offset = 0
        consume_feed(feed)


cdef inline int convert_frame(Converter *converter, const Target *target, const Output *output,
                              int room, Feed *feed) noexcept nogil:
    """Convert as much of the frame as there is room for; libswresample keeps none of it."""
    cdef uint8_t *planes[MAX_CHANNELS]
    cdef ff.AVFrame *frame = feed_frame(feed)
    cdef int count = min(frame.nb_samples - converter.frame_offset, room)
    cdef int step = find_planes(converter, frame, planes)
    if output.base != NULL:
        if converter.copy != Copy.NO_COPY:
            count = copy(converter, target, output, frame, planes, step, count)
        else:
            count = convert(converter, target, output, count, count, <const uint8_t **>planes,
                            count)
        if count <= 0:
            return count if count < 0 else ff.AVERROR_INVALIDDATA
    consume(converter, feed, count)
    return count


cdef inline int resample_frame(Converter *converter, const Target *target, const Output *output,
                               int room, Feed *feed) noexcept nogil:
    """Hand a piece of the frame to the resampler, which keeps what there is no room for."""
    cdef uint8_t *planes[MAX_CHANNELS]
    cdef const ff.AVFrame *frame = feed_frame(feed)
    cdef int count = min(frame.nb_samples - converter.frame_offset, CHUNK_FRAMES)
    cdef int written
    find_planes(converter, frame, planes)
    written = convert(converter, target, output, room, CHUNK_FRAMES, <const uint8_t **>planes,
                      count)
    converter.frames_in += count
    consume(converter, feed, count)
    return written


cdef inline int resample_kept(Converter *converter, const Target *target, const Output *output,
                              int room) noexcept nogil:
    """What the resampler can still give of the frames handed to it."""
    cdef const uint8_t *nothing[MAX_CHANNELS]
    cdef int channel
    # An empty input, other than a NULL one, does not tell it that the end has come.
    for channel in range(MAX_CHANNELS):
        nothing[channel] = <const uint8_t *>nothing
    return convert(converter, target, output, room, CHUNK_FRAMES, nothing, 0)


cdef inline int64_t frames_owed(const Converter *converter, const Target *target) noexcept nogil:
    """What is missing of ceil(frames in x target rate / source rate)."""
    return ff.av_rescale_rnd(converter.frames_in, target.sample_rate, converter.sample_rate,
                             ff.AV_ROUND_UP) - converter.frames_out


cdef inline int flush_run(Converter *converter, const Target *target, const Output *output,
                          int room) noexcept nogil:
    """The last frames that a resampled run owes.

    libswresample's own flush stops short of them by some frames, and gives nothing at all of an
    input shorter than its filter: silence pushes the rest out.
    """
    cdef int64_t owed = frames_owed(converter, target)
    cdef int written
    if owed <= 0:
        return 0
    written = convert(converter, target, output, room,
                      <int>owed if owed < CHUNK_FRAMES else CHUNK_FRAMES, NULL, 0)
    if written == 0 and ff.swr_inject_silence(converter.swr, TAIL_FRAMES) < 0:
        return ff.AVERROR(ENOMEM)
    return written


cdef inline int take_frame(Converter *converter, const Target *target, const Output *output,
                           int room, Feed *feed) noexcept nogil:
    """Convert the next frame, as far as there is room, if it belongs to this run; else end it."""
    cdef int status = 0
    if converter.copies_integers and writes_directly(target, output) \
            and (target.num_channels == 1 or not target.planar) and not is_filtered(feed):
        status = <int>read_samples(&feed.media, &feed.source, output.base, room)
    if status > 0:
        return status
    status = next_feed(feed)
    if status < 0:
        return status
    if status == 0 or not belongs_to_run(converter, target, feed_frame(feed)):
        converter.phase = Phase.FLUSHING if converter.resamples else Phase.FINISHED
        return 0
    if converter.tames and converter.frame_offset == 0:
        status = tame_frame(feed_frame(feed))
        if status < 0:
            return status
    if converter.resamples:
        return resample_frame(converter, target, output, room, feed)
    return convert_frame(converter, target, output, room, feed)


cdef inline int advance(Converter *converter, const Target *target, const Output *output, int room,
                        Feed *feed) noexcept nogil:
    """One step of the run: frames written (perhaps none), a change of phase, or an error."""
    cdef int written = 0
    if converter.kept > 0:
        return give_kept(converter, target, output, room)
    if converter.phase == Phase.FLUSHING:
        written = flush_run(converter, target, output, room)
        if written == 0 and frames_owed(converter, target) <= 0:
            converter.phase = Phase.FINISHED
    else:
        if converter.resamples:
            written = resample_kept(converter, target, output, room)
        if written == 0:
            written = take_frame(converter, target, output, room, feed)
    if written > 0:
        converter.frames_out += written
    return give_kept(converter, target, output, room) if converter.kept > 0 else written


cdef inline int64_t fill(Converter *converter, const Target *target, const Output *output,
                         int64_t room, Feed *feed) noexcept nogil:
    """Fill up to `room` frames of the output from this run; fewer mean that the run has ended.

    An error after some frames is kept: these frames are good, and the next call answers it.
    """
    cdef Output rest = output[0]
    cdef int64_t filled = 0
    cdef int status = converter.error
    if status < 0:
        return status
    while filled < room and converter.phase != Phase.FINISHED:
        status = watch(&feed.source)
        if status >= 0:
            status = advance(converter, target, &rest,
                             CHUNK_FRAMES if room - filled > CHUNK_FRAMES else <int>(room - filled),
                             feed)
        if status < 0:
            converter.error = status
            return filled if filled > 0 else status
        filled += status
        if rest.base != NULL:
            rest.base += status * rest.frame_stride
    return filled


cdef inline void close_converter(Converter *converter) noexcept nogil:
    end_run(converter)
    ff.av_freep(&converter.scratch)
