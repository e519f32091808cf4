"""Between libsox's samples, which are int32 in all formats and effects, and arrays of any dtype.

What a lossless format holds comes out as pyffaudio's own decoders give it: stored integers lose
their low bits, all else is rounded to fewer bits; floats are divided by 2**31.
"""
from libc.math cimport rint
from libc.stdint cimport INT32_MAX, INT32_MIN, int8_t, int16_t, int32_t, int64_t, uint8_t
from libc.string cimport memcpy


cdef enum Kind:
    UINT8
    INT8
    INT16
    INT32
    FLOAT32
    FLOAT64

# Where frames are, with any strides. A NULL base drops what is stored.
cdef struct Place:
    char *base
    int64_t frame_stride
    int64_t channel_stride
    int num_channels
    Kind kind
    bint rounds                 # to fewer bits, in place of dropping them

cdef fused item:
    uint8_t
    int8_t
    int16_t
    int32_t
    float
    double


cdef inline int32_t rounded(double value) noexcept nogil:
    """The nearest sample; none, of what is no number."""
    if value >= INT32_MAX:
        return INT32_MAX
    if value <= INT32_MIN:
        return INT32_MIN
    return <int32_t>rint(value) if value == value else 0


cdef inline int32_t narrowed(int32_t value, int bits, bint rounds) noexcept nogil:
    """The value without its lowest bits; halves go to the even number."""
    if not rounds:
        return value >> bits
    return min(<int32_t>rint(value / <double>(1 << bits)), INT32_MAX >> bits)


# The first argument of these two only names a type. Arrays need not be aligned.
cdef inline void store_as(item type, const Place *place, const int32_t *samples,
                          int64_t count) noexcept nogil:
    cdef int64_t frame
    cdef int channel
    cdef item value
    for frame in range(count):
        for channel in range(place.num_channels):
            if item is uint8_t:
                value = <uint8_t>(narrowed(samples[0], 24, place.rounds) + 128)
            elif item is int8_t:
                value = <int8_t>narrowed(samples[0], 24, place.rounds)
            elif item is int16_t:
                value = <int16_t>narrowed(samples[0], 16, place.rounds)
            elif item is int32_t:
                value = samples[0]
            else:
                value = <item>samples[0] * <item>(1.0 / 2147483648.0)
            memcpy(place.base + frame * place.frame_stride + channel * place.channel_stride,
                   &value, sizeof(value))
            samples += 1


cdef inline void load_as(item type, const Place *place, int32_t *samples,
                         int64_t count) noexcept nogil:
    cdef int64_t frame
    cdef int channel
    cdef item value = 0
    for frame in range(count):
        for channel in range(place.num_channels):
            memcpy(&value, place.base + frame * place.frame_stride
                   + channel * place.channel_stride, sizeof(value))
            if item is uint8_t:
                samples[0] = (<int32_t>value - 128) * (1 << 24)
            elif item is int8_t:
                samples[0] = <int32_t>value * (1 << 24)
            elif item is int16_t:
                samples[0] = <int32_t>value * (1 << 16)
            elif item is int32_t:
                samples[0] = value
            else:
                samples[0] = rounded(value * 2147483648.0)
            samples += 1


cdef inline void store(Place *place, const int32_t *samples, int64_t count) noexcept nogil:
    """Write interleaved frames, and be behind them."""
    if place.base == NULL:
        return
    if place.kind == Kind.UINT8:
        store_as(<uint8_t>0, place, samples, count)
    elif place.kind == Kind.INT8:
        store_as(<int8_t>0, place, samples, count)
    elif place.kind == Kind.INT16:
        store_as(<int16_t>0, place, samples, count)
    elif place.kind == Kind.INT32:
        store_as(<int32_t>0, place, samples, count)
    elif place.kind == Kind.FLOAT32:
        store_as(<float>0, place, samples, count)
    else:
        store_as(<double>0, place, samples, count)
    place.base += count * place.frame_stride


cdef inline void load(Place *place, int32_t *samples, int64_t count) noexcept nogil:
    """Read frames, interleaved, and be behind them."""
    if place.kind == Kind.UINT8:
        load_as(<uint8_t>0, place, samples, count)
    elif place.kind == Kind.INT8:
        load_as(<int8_t>0, place, samples, count)
    elif place.kind == Kind.INT16:
        load_as(<int16_t>0, place, samples, count)
    elif place.kind == Kind.INT32:
        load_as(<int32_t>0, place, samples, count)
    elif place.kind == Kind.FLOAT32:
        load_as(<float>0, place, samples, count)
    else:
        load_as(<double>0, place, samples, count)
    place.base += count * place.frame_stride


cdef inline void mix(const double *matrix, const int32_t *source, int source_channels,
                     int32_t *target, int num_channels, int64_t count) noexcept nogil:
    """Mix interleaved frames: one row of weights for each channel that comes out."""
    cdef const double *row
    cdef double total
    cdef int channel, each
    while count > 0:
        row = matrix
        for channel in range(num_channels):
            total = 0
            for each in range(source_channels):
                total += row[each] * source[each]
            target[channel] = rounded(total)
            row += source_channels
        source += source_channels
        target += num_channels
        count -= 1
