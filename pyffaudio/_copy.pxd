"""Samples that come out as they are, or times a power of two: no arithmetic that could differ.

The answer is libswresample's to the bit, without what it costs to set that up, which is more than
to decode a short clip.
"""
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t
from libc.string cimport memcpy

from pyffaudio cimport ffmpeg as ff


# What becomes of each sample.
cdef enum Copy:
    NO_COPY                     # something for libswresample
    SAME
    INT16_TO_FLOAT
    INT32_TO_FLOAT

# Frames in memory: bytes from one to the next, and the samples of each channel.
cdef struct Frames:
    uint8_t **channels
    int64_t step

cdef fused sample:
    uint8_t
    int16_t
    int32_t
    int64_t

cdef fused integer:
    int16_t
    int32_t


cdef inline Copy find_copy(ff.AVSampleFormat source, ff.AVSampleFormat target) noexcept nogil:
    source = ff.av_get_packed_sample_fmt(source)
    target = ff.av_get_packed_sample_fmt(target)
    if source == target:
        return Copy.SAME
    if target == ff.AV_SAMPLE_FMT_FLT and source == ff.AV_SAMPLE_FMT_S16:
        return Copy.INT16_TO_FLOAT
    if target == ff.AV_SAMPLE_FMT_FLT and source == ff.AV_SAMPLE_FMT_S32:
        return Copy.INT32_TO_FLOAT
    return Copy.NO_COPY


cdef inline bint are_packed(const Frames *frames, int channels, int item_bytes) noexcept nogil:
    """Whether all samples lie side by side, and where one of them may: compilers like it so."""
    return (frames.step == channels * item_bytes
            and <size_t>frames.channels[0] % item_bytes == 0
            and (channels == 1 or frames.channels[1] - frames.channels[0] == item_bytes)
            and (channels == 1 or frames.channels[channels - 1] - frames.channels[0]
                 == (channels - 1) * item_bytes))


# The first arguments of these two only name a type.
cdef inline void copy_same(sample type, const Frames *source, const Frames *target, int channels,
                           int64_t count) noexcept nogil:
    cdef const sample *left
    cdef const sample *right
    cdef sample *pairs
    cdef int channel
    cdef int64_t i
    if are_packed(target, channels, sizeof(sample)):
        if are_packed(source, channels, sizeof(sample)):
            memcpy(target.channels[0], source.channels[0],
                   <size_t>count * channels * sizeof(sample))
            return
        if channels == 2 and source.step == sizeof(sample):
            left = <const sample *>source.channels[0]
            right = <const sample *>source.channels[1]
            pairs = <sample *>target.channels[0]
            for i in range(count):
                pairs[2 * i] = left[i]
                pairs[2 * i + 1] = right[i]
            return
    for channel in range(channels):
        for i in range(count):
            memcpy(target.channels[channel] + i * target.step,
                   source.channels[channel] + i * source.step, sizeof(sample))


cdef inline void copy_scaled(integer type, float scale, const Frames *source, const Frames *target,
                             int channels, int64_t count) noexcept nogil:
    cdef const integer *integers
    cdef float *floats
    cdef float value
    cdef int64_t step = source.step // <int64_t>sizeof(integer)
    cdef int channel
    cdef int64_t i
    if are_packed(target, channels, sizeof(float)) \
            and are_packed(source, channels, sizeof(integer)):
        integers = <const integer *>source.channels[0]
        floats = <float *>target.channels[0]
        for i in range(count * channels):
            floats[i] = integers[i] * scale
        return
    for channel in range(channels):
        integers = <const integer *>source.channels[channel]
        for i in range(count):
            value = integers[i * step] * scale
            memcpy(target.channels[channel] + i * target.step, &value, sizeof(value))


cdef inline void copy_frames(Copy copy, int item_bytes, const Frames *source, const Frames *target,
                             int channels, int64_t count) noexcept nogil:
    """Copy frames from FFmpeg's memory to any other, of items of so many bytes there."""
    if copy == Copy.INT16_TO_FLOAT:
        copy_scaled(<int16_t>0, 1.0 / 32768.0, source, target, channels, count)
    elif copy == Copy.INT32_TO_FLOAT:
        copy_scaled(<int32_t>0, 1.0 / 2147483648.0, source, target, channels, count)
    elif item_bytes == 1:
        copy_same(<uint8_t>0, source, target, channels, count)
    elif item_bytes == 2:
        copy_same(<int16_t>0, source, target, channels, count)
    elif item_bytes == 4:
        copy_same(<int32_t>0, source, target, channels, count)
    else:
        copy_same(<int64_t>0, source, target, channels, count)
