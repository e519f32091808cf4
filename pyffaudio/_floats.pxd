"""Floats that a file may set to anything: what is no number is noted, what is wild is tamed."""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from pyffaudio cimport ffmpeg as ff


cdef enum:
    WILD_LEVEL = 32768          # 90 dB over full scale

cdef fused floating:
    float
    double

# The bits of as many floats. Its largest exponent is that of infinity and NaN, and without the sign
# they are the largest integers.
cdef fused float_bits:
    uint32_t
    uint64_t


cdef inline bint is_float(ff.AVSampleFormat sample_format) noexcept nogil:
    cdef ff.AVSampleFormat packed = ff.av_get_packed_sample_fmt(sample_format)
    return packed == ff.AV_SAMPLE_FMT_FLT or packed == ff.AV_SAMPLE_FMT_DBL


cdef inline void tame(floating *samples, int64_t count) noexcept nogil:
    cdef int64_t i
    for i in range(count):
        if samples[i] != samples[i]:
            samples[i] = 0
        elif samples[i] > WILD_LEVEL:
            samples[i] = WILD_LEVEL
        elif samples[i] < -WILD_LEVEL:
            samples[i] = -WILD_LEVEL


cdef inline int tame_frame(ff.AVFrame *frame) noexcept nogil:
    """Keep floats, which a file may set to anything, where conversion to integers saturates.

    Beyond some 2**31 it wraps round instead, and NaN becomes any value. What is louder than full
    scale by less than that is left to saturate after resampling.
    """
    cdef int planar = ff.av_sample_fmt_is_planar(<ff.AVSampleFormat>frame.format)
    cdef int planes = frame.ch_layout.nb_channels if planar else 1
    cdef int64_t count = frame.nb_samples * <int64_t>(1 if planar else frame.ch_layout.nb_channels)
    cdef int plane
    cdef int status = ff.av_frame_make_writable(frame)
    if status < 0:
        return status
    for plane in range(planes):
        if ff.av_get_bytes_per_sample(<ff.AVSampleFormat>frame.format) == sizeof(float):
            tame(<float *>frame.extended_data[plane], count)
        else:
            tame(<double *>frame.extended_data[plane], count)
    return 1


cdef inline float_bits largest_bits(const float_bits *samples, int64_t count) noexcept nogil:
    """The bits of the largest magnitude, shifted left by one, over the sign."""
    cdef float_bits largest = 0
    cdef float_bits magnitude
    cdef int64_t i
    for i in range(count):
        magnitude = samples[i] << 1
        largest = magnitude if magnitude > largest else largest
    return largest


cdef inline bint is_finite(const ff.AVFrame *frame) noexcept nogil:
    """Whether all samples of a frame of floats are numbers."""
    cdef int planar = ff.av_sample_fmt_is_planar(<ff.AVSampleFormat>frame.format)
    cdef int planes = frame.ch_layout.nb_channels if planar else 1
    cdef int64_t count = frame.nb_samples * <int64_t>(1 if planar else frame.ch_layout.nb_channels)
    cdef int plane
    for plane in range(planes):
        if ff.av_get_bytes_per_sample(<ff.AVSampleFormat>frame.format) == sizeof(float):
            if largest_bits(<const uint32_t *>frame.extended_data[plane], count) >= 0xff000000u:
                return False
        elif (largest_bits(<const uint64_t *>frame.extended_data[plane], count) >> 32
                >= 0xffe00000u):
            return False
    return True


cdef inline bint is_number(const ff.AVFrame *frame, int at, int channel) noexcept nogil:
    cdef int channels = frame.ch_layout.nb_channels
    cdef bint planar = ff.av_sample_fmt_is_planar(<ff.AVSampleFormat>frame.format)
    cdef const uint8_t *plane = frame.extended_data[channel if planar else 0]
    cdef int64_t index = at if planar else at * <int64_t>channels + channel
    if ff.av_get_bytes_per_sample(<ff.AVSampleFormat>frame.format) == sizeof(float):
        return largest_bits(<const uint32_t *>plane + index, 1) < 0xff000000u
    return largest_bits(<const uint64_t *>plane + index, 1) >> 32 < 0xffe00000u


cdef inline bint is_sound(const ff.AVFrame *frame, int at) noexcept nogil:
    """Whether all channels have a number there."""
    cdef int channel
    for channel in range(frame.ch_layout.nb_channels):
        if not is_number(frame, at, channel):
            return False
    return True


cdef inline bint find_unsound(const ff.AVFrame *frame, int *begin, int *end) noexcept nogil:
    """Move on to the next run of what is no number; False if there is none."""
    while begin[0] < frame.nb_samples and is_sound(frame, begin[0]):
        begin[0] += 1
    end[0] = begin[0]
    while end[0] < frame.nb_samples and not is_sound(frame, end[0]):
        end[0] += 1
    return begin[0] < end[0]
