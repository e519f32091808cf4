/* A frame is accepted when its checksums are right, its parameters are STREAMINFO's, it fills its
   packet, and every sample fits the bits of its subframe. Of such frames there are no two opinions;
   all others are for another decoder to judge. Sections are those of RFC 9639. */
#include "flac_kernel.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

#include "flac_bits.h"

enum { MAX_ORDER = 32, LEAST_BLOCK = 16, LEAST_FRAME = 10, MOST_BYTES = 1 << 28 };
enum { CRC_SLICES = 8 };
enum { LEFT_SIDE = 8, RIGHT_SIDE, MID_SIDE };

/* May be anything's alias so that compilers multiply by what is in memory: there are more of them
   than registers, and loads of their own cost as much as the products. */
typedef uint64_t __attribute__((may_alias)) factor;

struct subframe {
    int32_t *samples;
    int64_t *wide_samples;      /* those of 33 bits, else NULL */
    int block;                  /* how many */
    int bits;                   /* of each; wasted ones are not counted */
    int order;                  /* samples that prediction begins behind */
    factor coefficients[MAX_ORDER];     /* the first is of the sample just before */
    factor pairs[MAX_ORDER];            /* each with the one behind it in its upper half */
    int taps;                   /* how many there are; none leave the residual as it is */
    int shift;
    int parameter_bits;         /* of the Rice parameter of each partition */
    int partition;              /* samples in each, but for the first `order` */
};

#define TAP(n) if (taps >= n) sum += c[n - 1] * (uint64_t)sample[-n];

/* Sum up products with the samples before; the newest, which is hardly ready, comes last. */
ALWAYS_INLINE uint64_t weigh(const factor *c, const int32_t *sample, int taps, uint64_t newest)
{
    uint64_t sum = 0;
    int n;
    for (n = taps; n > 12; n--)
        TAP(n)
    TAP(12) TAP(11) TAP(10) TAP(9) TAP(8) TAP(7) TAP(6) TAP(5) TAP(4) TAP(3) TAP(2)
    return taps >= 1 ? sum + c[0] * newest : sum;
}

/* Put a sample in its place; it is the newest from now on. */
ALWAYS_INLINE uint64_t put(int32_t *sample, uint32_t residual, uint64_t sum, int shift)
{
    *sample = (int32_t)(residual + (uint32_t)((int64_t)sum >> shift));
    return (uint64_t)*sample;
}

/* A partition whose residuals are plain numbers (9.2.7.1). */
static RARE void restore_escaped(struct reader *reader, const struct subframe *subframe,
                                 int32_t *sample, const int32_t *stop)
{
    int width = (int)take(reader, 5);
    for (; sample < stop; sample++) {
        uint64_t newest = subframe->taps > 0 ? (uint64_t)sample[-1] : 0;
        uint64_t sum = weigh(subframe->coefficients, sample, subframe->taps, newest);
        put(sample, (uint32_t)take_signed(reader, width), sum, subframe->shift);
    }
}

/* Read residuals and add what is predicted, in one loop: reading waits for the code before, and
   predicting for the sample before, and neither for the other.

   Two samples are predicted at once. Each one before them is multiplied by the factors that it has
   for both, which lie in one word: unless `wide`, their sums have 32 bits each. */
ALWAYS_INLINE void restore_coded(struct reader *reader, const struct subframe *subframe,
                                 int32_t *sample, const int32_t *stop, int parameter, int taps,
                                 bool wide)
{
    const factor *c = subframe->coefficients, *pairs = subframe->pairs;
    const int shift = subframe->shift;
    struct window window = reader->window;
    uint64_t newest = taps > 0 && sample < stop ? (uint64_t)sample[-1] : 0;
    /* No call within a call here: it would make GCC keep the window in memory. */
    for (; sample + 1 < stop; sample += 2) {
        uint64_t sum = weigh(wide ? c : pairs, sample, taps, newest);
        uint32_t first;
        window = refill(reader, window);
        window = read_code(reader, window, parameter);
        first = window.residual;
        if (window.count < 32)
            window = refill(reader, window);
        window = read_code(reader, window, parameter);
        if (wide) {
            newest = put(sample, first, sum, shift);
            sum = weigh(c, sample + 1, taps, newest);
        } else {
            newest = put(sample, first, (uint64_t)(int32_t)(uint32_t)sum, shift);
            sum = ((sum + (UINT64_C(1) << 31)) >> 32) + (taps > 0 ? c[0] * newest : 0);
            sum = (uint64_t)(int32_t)(uint32_t)sum;
        }
        newest = put(sample + 1, window.residual, sum, shift);
    }
    if (sample < stop) {
        window = refill(reader, window);
        window = read_code(reader, window, parameter);
        put(sample, window.residual, weigh(c, sample, taps, newest), shift);
    }
    reader->window = window;
}

/* `taps` and `wide` are constants wherever speed matters. */
ALWAYS_INLINE void restore(struct reader *reader, const struct subframe *subframe, int taps,
                           bool wide)
{
    const int escape = (1 << subframe->parameter_bits) - 1;
    int begin = subframe->order, end;
    for (end = subframe->partition; end <= subframe->block; end += subframe->partition) {
        int32_t *sample = subframe->samples + begin, *stop = subframe->samples + end;
        int parameter = (int)take(reader, subframe->parameter_bits);
        if (parameter == escape)
            restore_escaped(reader, subframe, sample, stop);
        else
            restore_coded(reader, subframe, sample, stop, parameter, taps, wide);
        begin = end;
    }
}

#define TAPS(n) case n: restore(reader, subframe, n, wide); break;

ALWAYS_INLINE void restore_by_taps(struct reader *reader, const struct subframe *subframe,
                                   bool wide)
{
    switch (subframe->taps) {
        TAPS(0) TAPS(1) TAPS(2) TAPS(3) TAPS(4) TAPS(5) TAPS(6)
        TAPS(7) TAPS(8) TAPS(9) TAPS(10) TAPS(11) TAPS(12)
    default:
        restore(reader, subframe, subframe->taps, wide);
    }
}

/* Whether every sample has the bits that it should have. */
static bool fits(const struct subframe *subframe)
{
    const uint32_t half = UINT32_C(1) << (subframe->bits - 1);
    uint32_t range = 0;
    int i;
    for (i = 0; i < subframe->block; i++)
        range |= (uint32_t)subframe->samples[i] + half;
    return (uint64_t)range >> subframe->bits == 0;
}

/* 9.2.7: what comes behind the predictor. */
static bool read_residual(struct reader *reader, struct subframe *subframe)
{
    int method = (int)take(reader, 2);
    int order = (int)take(reader, 4);
    uint64_t weight = 0;
    int i;
    subframe->partition = subframe->block >> order;
    subframe->parameter_bits = 4 + method;
    if (method > 1 || subframe->partition << order != subframe->block
            || subframe->partition < subframe->order)
        return false;
    for (i = 0; i < subframe->taps; i++) {
        uint64_t next = i + 1 < subframe->taps ? subframe->coefficients[i + 1] : 0;
        subframe->pairs[i] = subframe->coefficients[i] + (next << 32);
        weight += (uint64_t)llabs((int64_t)subframe->coefficients[i]);
    }
    if (weight << (subframe->bits - 1) > INT32_MAX)
        restore_by_taps(reader, subframe, true);
    else
        restore_by_taps(reader, subframe, false);
    return fits(subframe);
}

/* 9.2.5 and 9.2.6: a fixed predictor, or a linear one of its own. */
static bool read_predictor(struct reader *reader, struct subframe *subframe, bool fixed)
{
    static const int8_t fixed_ones[5][4] = {{0}, {1}, {2, -1}, {3, -3, 1}, {4, -6, 4, -1}};
    int precision = fixed ? 1 : (int)take(reader, 4) + 1;
    int i;
    subframe->shift = fixed ? 0 : (int)take_signed(reader, 5);
    if (precision == 16 || subframe->shift < 0)
        return false;
    for (i = 0; i < subframe->order; i++)
        subframe->coefficients[i] = (uint64_t)(
            fixed ? fixed_ones[subframe->order][i] : take_signed(reader, precision));
    return true;
}

/* Samples of 33 bits, from their residual. */
static bool restore_wide(const struct subframe *subframe)
{
    int64_t *samples = subframe->wide_samples;
    int i, n;
    for (i = subframe->order; i < subframe->block; i++) {
        int64_t sum = 0;
        for (n = 1; n <= subframe->order; n++)
            sum += (int64_t)subframe->coefficients[n - 1] * samples[i - n];
        samples[i] = subframe->samples[i] + (sum >> subframe->shift);
        if (samples[i] < -(INT64_C(1) << 32) || samples[i] >= INT64_C(1) << 32)
            return false;
    }
    return true;
}

/* 9.2.1: how many samples stand before what is made of them. */
static int stored_samples(int type, int block)
{
    if (type == 0)
        return 1;
    if (type == 1)
        return block;
    if (type >= 8 && type <= 12)
        return type - 8;
    return type >= 32 ? type - 31 : INT_MAX;
}

static bool read_samples(struct reader *reader, struct subframe *subframe, int type)
{
    int64_t value = 0;
    int i;
    subframe->order = stored_samples(type, subframe->block);
    if (subframe->order > subframe->block)
        return false;
    for (i = 0; i < (type == 0 ? subframe->block : subframe->order); i++) {
        if (type != 0 || i == 0)
            value = take_signed(reader, subframe->bits);
        if (subframe->wide_samples)
            subframe->wide_samples[i] = value;
        else
            subframe->samples[i] = (int32_t)value;
    }
    if (type <= 1)
        return true;
    if (!read_predictor(reader, subframe, type < 32))
        return false;
    subframe->taps = subframe->order;
    if (!subframe->wide_samples)
        return read_residual(reader, subframe);
    subframe->taps = 0;
    subframe->bits = 32;
    return read_residual(reader, subframe) && restore_wide(subframe);
}

/* 9.2 */
static bool read_subframe(struct flac_kernel *kernel, struct reader *reader, int channel)
{
    struct subframe subframe = {.samples = kernel->planes[channel], .block = kernel->block};
    bool side = kernel->assignment >= LEFT_SIDE
        && channel == (kernel->assignment == RIGHT_SIDE ? 0 : 1);
    bool reserved = take(reader, 1);
    int type = (int)take(reader, 6);
    uint64_t wasted = take(reader, 1) ? take_unary(reader) + 1 : 0;
    int i;
    subframe.bits = kernel->bits + side;
    if (reserved || wasted >= (uint64_t)subframe.bits)
        return false;
    subframe.bits -= (int)wasted;
    if (subframe.bits == 33)
        subframe.wide_samples = kernel->wide_side;
    if (!read_samples(reader, &subframe, type) || reader->failed)
        return false;
    for (i = 0; wasted && i < subframe.block; i++) {
        int64_t sample = subframe.samples[i] * (INT64_C(1) << wasted);
        subframe.samples[i] = (int32_t)(uint32_t)sample;
        if (side && kernel->bits == 32)
            kernel->wide_side[i] = sample;
    }
    return true;
}

/* 9.1.1 and 9.1.6; 0 is none. */
static int read_block(struct reader *reader, int code)
{
    if (code == 6 || code == 7)
        return (int)take(reader, 8 * (code - 5)) + 1;
    return code >= 8 ? 256 << (code - 8) : code >= 2 ? 576 << (code - 2) : 192 * code;
}

/* 9.1.2 and 9.1.7; -1 is none. */
static int read_rate(struct reader *reader, int code, int stated)
{
    static const int rates[16] = {0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000,
                                  44100, 48000, 96000, 1000, 1, 10, -1};
    if (code == 0)
        return stated;
    return rates[code] * (code >= 12 && code <= 14 ? (int)take(reader, code == 12 ? 8 : 16) : 1);
}

/* 9.1.5; what number it is has been seen to where the packet was placed in time. */
static bool skip_number(struct reader *reader)
{
    uint64_t first = take(reader, 8);
    uint64_t bit;
    if ((first & 0xc0) == 0x80 || first >= 0xfe)
        return false;
    for (bit = 0x40; first >= 0x80 && first & bit; bit >>= 1)
        if (take(reader, 8) >> 6 != 2)
            return false;
    return true;
}

/* 9.1.8 */
static uint8_t crc_8(const uint8_t *data, size_t size)
{
    unsigned crc = 0;
    size_t i;
    int bit;
    for (i = 0; i < size; i++) {
        crc ^= data[i];
        for (bit = 0; bit < 8; bit++)
            crc = crc << 1 ^ (crc & 0x80 ? 0x107 : 0);
    }
    return (uint8_t)crc;
}

/* Of CRC-16 (9.3): each byte's, and the same with up to seven bytes behind it. */
static uint16_t crc_table[CRC_SLICES][256];

/* Once, when the library is loaded. */
static __attribute__((constructor)) void make_crc_table(void)
{
    int value, slice, bit;
    for (value = 0; value < 256; value++) {
        unsigned crc = (unsigned)value << 8;
        for (bit = 0; bit < 8; bit++)
            crc = crc << 1 ^ (crc & 0x8000 ? 0x18005 : 0);
        crc_table[0][value] = (uint16_t)crc;
    }
    for (slice = 1; slice < CRC_SLICES; slice++)
        for (value = 0; value < 256; value++) {
            unsigned crc = crc_table[slice - 1][value];
            crc_table[slice][value] = (uint16_t)(crc << 8 ^ crc_table[0][crc >> 8]);
        }
}

/* 9.3: of a frame and what follows it, this is zero. */
static uint16_t crc_16(const uint8_t *data, size_t size)
{
    uint16_t crc = 0;
    for (; size >= 8; size -= 8, data += 8)
        crc = (crc_table[5][data[2]] ^ crc_table[4][data[3]] ^ crc_table[3][data[4]]
               ^ crc_table[2][data[5]] ^ crc_table[1][data[6]] ^ crc_table[0][data[7]])
            ^ (crc_table[7][data[0] ^ crc >> 8] ^ crc_table[6][data[1] ^ (crc & 0xff)]);
    for (; size > 0; size--, data++)
        crc = (uint16_t)(crc << 8) ^ crc_table[0][*data ^ crc >> 8];
    return crc;
}

/* 9.1 */
static bool read_header(struct flac_kernel *kernel, struct reader *reader, const uint8_t *data)
{
    static const int sizes[8] = {0, 8, 12, -1, 16, 20, 24, 32};
    bool sync = take(reader, 15) == 0x7ffc;
    int block_code, rate_code, size_code, rate;
    bool reserved;
    take(reader, 1);            /* whether block sizes vary: only the number depends on it */
    block_code = (int)take(reader, 4);
    rate_code = (int)take(reader, 4);
    kernel->assignment = (int)take(reader, 4);
    size_code = (int)take(reader, 3);
    reserved = take(reader, 1);
    if (!sync || reserved || !skip_number(reader))
        return false;
    kernel->block = read_block(reader, block_code);
    rate = read_rate(reader, rate_code, kernel->sample_rate);
    take(reader, 8);
    return bits_taken(reader) / 8 <= reader->size && crc_8(data, bits_taken(reader) / 8) == 0
        && kernel->block > 0 && kernel->block <= kernel->max_block
        && rate == kernel->sample_rate
        && (size_code == 0 || sizes[size_code] == kernel->bits)
        && kernel->channels == (kernel->assignment < LEFT_SIDE ? kernel->assignment + 1 : 2)
        && kernel->assignment <= MID_SIDE;
}

/* 4.2: make left and right of a pair; false where one does not fit its bits. */
ALWAYS_INLINE bool join(const struct flac_kernel *kernel, int assignment)
{
    int32_t *restrict first = kernel->planes[0], *restrict second = kernel->planes[1];
    const uint32_t half = UINT32_C(1) << (kernel->bits - 1);
    const int block = kernel->block;
    uint32_t range = 0;
    int i;
    for (i = 0; i < block; i++) {
        uint32_t left = (uint32_t)first[i], right = (uint32_t)second[i];
        if (assignment == LEFT_SIDE)
            right = left - right;
        else if (assignment == RIGHT_SIDE)
            left += right;
        else {
            right = left - (uint32_t)(second[i] >> 1);
            left = right + (uint32_t)second[i];
        }
        range |= (left + half) | (right + half);
        first[i] = (int32_t)left;
        second[i] = (int32_t)right;
    }
    return (uint64_t)range >> kernel->bits == 0;
}

/* The same where the side has 33 bits. */
static bool join_wide(const struct flac_kernel *kernel)
{
    const int assignment = kernel->assignment;
    int32_t *first = kernel->planes[0], *second = kernel->planes[1];
    int i;
    for (i = 0; i < kernel->block; i++) {
        int64_t side = kernel->wide_side[i];
        int64_t right = assignment == LEFT_SIDE ? first[i] - side
            : assignment == RIGHT_SIDE ? second[i] : first[i] - (side >> 1);
        int64_t left = right + side;
        if (left != (int32_t)left || right != (int32_t)right)
            return false;
        first[i] = (int32_t)left;
        second[i] = (int32_t)right;
    }
    return true;
}

static bool join_channels(const struct flac_kernel *kernel)
{
    if (kernel->assignment >= LEFT_SIDE && kernel->bits == 32)
        return join_wide(kernel);
    switch (kernel->assignment) {
    case LEFT_SIDE:
        return join(kernel, LEFT_SIDE);
    case RIGHT_SIDE:
        return join(kernel, RIGHT_SIDE);
    case MID_SIDE:
        return join(kernel, MID_SIDE);
    default:
        return true;
    }
}

int flac_kernel_decode(struct flac_kernel *kernel, const uint8_t *data, size_t size)
{
    struct reader reader;
    int channel;
    if (size < LEAST_FRAME || size > MOST_BYTES || crc_16(data, size) != 0)
        return 0;
    reader = open_reader(data, size);
    if (!read_header(kernel, &reader, data))
        return 0;
    for (channel = 0; channel < kernel->channels; channel++)
        if (!read_subframe(kernel, &reader, channel))
            return 0;
    if ((bits_taken(&reader) + 7) / 8 + 2 != size)
        return 0;
    return join_channels(kernel) ? kernel->block : 0;
}

ALWAYS_INLINE void store(void *out, int place, uint32_t value, bool narrow)
{
    if (narrow)
        ((int16_t *)out)[place] = (int16_t)value;
    else
        ((int32_t *)out)[place] = (int32_t)value;
}

ALWAYS_INLINE void write_samples(const struct flac_kernel *kernel, void *out, bool narrow)
{
    const int shift = (narrow ? 16 : 32) - kernel->bits, channels = kernel->channels;
    const int block = kernel->block;
    const int32_t *left = kernel->planes[0], *right = kernel->planes[1];
    int channel, i;
    for (i = 0; channels == 1 && i < block; i++)
        store(out, i, (uint32_t)left[i] << shift, narrow);
    for (i = 0; channels == 2 && i < block; i++) {
        store(out, 2 * i, (uint32_t)left[i] << shift, narrow);
        store(out, 2 * i + 1, (uint32_t)right[i] << shift, narrow);
    }
    for (channel = 0; channels > 2 && channel < channels; channel++)
        for (i = 0; i < block; i++)
            store(out, i * channels + channel, (uint32_t)kernel->planes[channel][i] << shift,
                  narrow);
}

void flac_kernel_write(const struct flac_kernel *kernel, void *out)
{
    if (kernel->bits <= 16)
        write_samples(kernel, out, true);
    else
        write_samples(kernel, out, false);
}

static int big_endian(const uint8_t *bytes, int count)
{
    int value = 0;
    while (count-- > 0)
        value = value << 8 | *bytes++;
    return value;
}

struct flac_kernel *flac_kernel_new(const uint8_t *streaminfo)
{
    struct flac_kernel *kernel = calloc(1, sizeof(*kernel));
    int channel;
    if (!kernel)
        return NULL;
    kernel->max_block = big_endian(streaminfo + 2, 2);
    kernel->sample_rate = big_endian(streaminfo + 10, 3) >> 4;
    kernel->channels = (streaminfo[12] >> 1 & 7) + 1;
    kernel->bits = (big_endian(streaminfo + 12, 2) >> 4 & 31) + 1;
    if (kernel->max_block >= LEAST_BLOCK && kernel->sample_rate > 0 && kernel->bits >= 4) {
        size_t plane = (size_t)kernel->max_block;
        kernel->planes[0] = malloc(plane * (size_t)kernel->channels * sizeof(int32_t));
        kernel->wide_side = malloc(kernel->bits == 32 ? plane * sizeof(int64_t) : 1);
    }
    if (!kernel->planes[0] || !kernel->wide_side) {
        flac_kernel_free(kernel);
        return NULL;
    }
    for (channel = 1; channel < kernel->channels; channel++)
        kernel->planes[channel] = kernel->planes[channel - 1] + kernel->max_block;
    return kernel;
}

void flac_kernel_free(struct flac_kernel *kernel)
{
    if (kernel) {
        free(kernel->planes[0]);
        free(kernel->wide_side);
    }
    free(kernel);
}
