/* A frame is accepted when its checksums are right, its parameters are STREAMINFO's, it fills its
   packet, and every sample fits the bits of its subframe. Of such frames there are no two opinions;
   all others are for another decoder to judge. Sections are those of RFC 9639. */
#include "flac_kernel.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifndef __clang__
#pragma GCC optimize("O3")
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define RARE __attribute__((noinline, cold))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

enum { MAX_ORDER = 32, LEAST_BLOCK = 16, LEAST_FRAME = 10, MOST_BYTES = 1 << 28, WORD = 8 };
enum { LEFT_SIDE = 8, RIGHT_SIDE, MID_SIDE };

/* The next bits of the packet, from the top; those below `count` are zero or what is to come. */
struct window {
    uint64_t bits;
    int count;
    uint32_t residual;          /* what was read last */
    const uint8_t *next;
};

struct reader {
    struct window window;
    const uint8_t *last;        /* where a word can still be read */
    const uint8_t *origin;      /* `next` - `origin` + `offset` is the place in the packet */
    size_t offset;
    size_t size;
    bool failed;                /* read beyond the end, or a residual that is too large */
    uint8_t tail[3 * WORD];     /* the last bytes and zeros, to read words from */
};

struct subframe {
    int32_t *samples;
    int64_t *wide_samples;      /* those of 33 bits, else NULL */
    int block;                  /* how many */
    int bits;                   /* of each; wasted ones are not counted */
    int order;                  /* samples that prediction begins behind */
    uint64_t coefficients[MAX_ORDER];   /* the first is of the sample just before */
    int taps;                   /* how many there are; none leave the residual as it is */
    int shift;
    int parameter_bits;         /* of the Rice parameter of each partition */
    int partition;              /* samples in each, but for the first `order` */
};

static inline uint64_t big_endian_word(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static void open_reader(struct reader *reader, const uint8_t *data, size_t size)
{
    reader->window = (struct window){0, 0, 0, data};
    reader->last = data + size - WORD;
    reader->origin = data;
    reader->offset = 0;
    reader->size = size;
    reader->failed = false;
}

/* Go on in a copy of the last bytes; behind that there are zeros for ever. */
static RARE const uint8_t *read_tail(struct reader *reader, const uint8_t *next)
{
    size_t place = reader->offset + (size_t)(next - reader->origin);
    if (reader->origin == reader->tail) {
        reader->failed = true;
        return reader->last;
    }
    memset(reader->tail, 0, sizeof(reader->tail));
    memcpy(reader->tail, next, reader->size - place);
    reader->offset = place;
    reader->origin = reader->tail;
    reader->last = reader->tail + sizeof(reader->tail) - WORD;
    return reader->tail;
}

/* Have at least 56 bits. */
ALWAYS_INLINE struct window refill(struct reader *reader, struct window window)
{
    if (UNLIKELY(window.next > reader->last))
        window.next = read_tail(reader, window.next);
    window.bits |= big_endian_word(window.next) >> window.count;
    window.next += (63 - window.count) >> 3;
    window.count |= 56;
    return window;
}

ALWAYS_INLINE struct window skip(struct window window, int count)
{
    window.bits <<= count;
    window.count -= count;
    return window;
}

static uint64_t take(struct reader *reader, int count)
{
    struct window window = refill(reader, reader->window);
    uint64_t value = count > 0 ? window.bits >> (64 - count) : 0;
    reader->window = skip(window, count);
    return value;
}

static int64_t take_signed(struct reader *reader, int count)
{
    uint64_t value = take(reader, count);
    uint64_t sign = count > 0 ? UINT64_C(1) << (count - 1) : 0;
    return (int64_t)((value ^ sign) - sign);
}

/* The bits before the next one, all zeros, which is passed over. */
static uint64_t take_unary(struct reader *reader)
{
    uint64_t zeros = 0;
    while (!reader->failed) {
        struct window window = refill(reader, reader->window);
        int run = __builtin_clzll(window.bits | 1);
        if (run < window.count) {
            reader->window = skip(window, run + 1);
            return zeros + (uint64_t)run;
        }
        zeros += (uint64_t)window.count;
        reader->window = skip(window, window.count);
    }
    return 0;
}

static size_t bits_taken(const struct reader *reader)
{
    size_t place = reader->offset + (size_t)(reader->window.next - reader->origin);
    return 8 * place - (size_t)reader->window.count;
}

/* 9.2.7.3: a residual has 32 bits, and is not the least that these can hold. */
static RARE struct window take_long_code(struct reader *reader, struct window window, int parameter)
{
    uint64_t value;
    reader->window = window;
    value = take_unary(reader);
    if (value > UINT32_MAX >> parameter)
        reader->failed = true;
    value = value << parameter | take(reader, parameter);
    if (value >= UINT32_MAX)
        reader->failed = true;
    reader->window.residual = (uint32_t)(value >> 1) ^ (0 - (uint32_t)(value & 1));
    return reader->window;
}

/* A residual in Rice code (9.2.7.2), where there are 32 bits for it. */
ALWAYS_INLINE struct window read_code(struct reader *reader, struct window window, int parameter)
{
    /* Below, codes are longer than that, or very large. */
    const uint64_t least = UINT64_C(1) << (parameter > 24 ? 62 : 32 + parameter);
    if (UNLIKELY(window.bits < least))
        return take_long_code(reader, window, parameter);
    const int top = 63 ^ __builtin_clzll(window.bits);
    const int rest = top - parameter;
    uint32_t code = (uint32_t)(window.bits >> rest) + ((uint32_t)(62 - top) << parameter);
    window.bits <<= -rest & 63;
    window.count += rest - 64;
    window.residual = (code >> 1) ^ (0 - (code & 1));
    return window;
}

#define TAP(n) if (taps >= n) sum += c[n - 1] * (uint64_t)sample[-n];

/* Sum up products with the samples before; the newest, which is hardly ready, comes last. */
ALWAYS_INLINE uint64_t weigh(const uint64_t *c, const int32_t *sample, int taps, uint64_t newest)
{
    uint64_t sum = 0;
    int n;
    for (n = taps; n > 12; n--)
        TAP(n)
    TAP(12) TAP(11) TAP(10) TAP(9) TAP(8) TAP(7) TAP(6) TAP(5) TAP(4) TAP(3) TAP(2)
    return taps >= 1 ? sum + c[0] * newest : sum;
}

/* Put a sample in its place; it is the newest from now on. */
ALWAYS_INLINE uint64_t restored(int32_t *sample, uint32_t residual, uint64_t sum, int shift)
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
        restored(sample, (uint32_t)take_signed(reader, width), sum, subframe->shift);
    }
}

/* Read residuals and add what is predicted, in one loop: reading waits for the code before, and
   predicting for the sample before, and neither for the other. `taps` and `wide` are constants
   wherever speed matters.

   Two samples are predicted at once. Each one before them is multiplied by the coefficients that it
   has for both, which lie in one word: unless `wide`, their sums have 32 bits each. */
ALWAYS_INLINE void restore(struct reader *reader, const struct subframe *subframe, int taps,
                           bool wide)
{
    const int shift = subframe->shift, escape = (1 << subframe->parameter_bits) - 1;
    int32_t *sample = subframe->samples + subframe->order;
    uint64_t c[MAX_ORDER], pairs[MAX_ORDER];
    int end, n;
    memcpy(c, subframe->coefficients, sizeof(c));
    for (n = 0; n < taps; n++)
        pairs[n] = c[n] + (n + 1 < taps ? c[n + 1] << 32 : 0);
    for (end = subframe->partition; end <= subframe->block; end += subframe->partition) {
        int32_t *const stop = subframe->samples + end;
        const int parameter = (int)take(reader, subframe->parameter_bits);
        struct window window = reader->window;
        uint64_t newest;
        uint32_t first;
        if (parameter == escape) {
            restore_escaped(reader, subframe, sample, stop);
            sample = stop;
            continue;
        }
        newest = taps > 0 && sample < stop ? (uint64_t)sample[-1] : 0;
        for (; sample + 1 < stop; sample += 2) {
            uint64_t sum = weigh(wide ? c : pairs, sample, taps, newest);
            window = refill(reader, window);
            window = read_code(reader, window, parameter);
            first = window.residual;
            if (window.count < 32)
                window = refill(reader, window);
            window = read_code(reader, window, parameter);
            if (wide) {
                newest = restored(sample, first, sum, shift);
                sum = weigh(c, sample + 1, taps, newest);
            } else {
                newest = restored(sample, first, (uint64_t)(int32_t)(uint32_t)sum, shift);
                sum = ((sum + (UINT64_C(1) << 31)) >> 32) + (taps > 0 ? c[0] * newest : 0);
                sum = (uint64_t)(int32_t)(uint32_t)sum;
            }
            newest = restored(sample + 1, window.residual, sum, shift);
        }
        if (sample < stop) {
            const uint64_t sum = weigh(c, sample, taps, newest);
            window = read_code(reader, refill(reader, window), parameter);
            restored(sample++, window.residual, sum, shift);
        }
        reader->window = window;
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
    typedef uint32_t four __attribute__((vector_size(16)));
    const uint32_t half = UINT32_C(1) << (subframe->bits - 1);
    uint32_t range = 0;
    four ranges = {0};
    int i, n;
    for (i = 0; i + 4 <= subframe->block; i += 4) {
        four samples;
        memcpy(&samples, subframe->samples + i, sizeof(samples));
        ranges |= samples + half;
    }
    for (n = 0; n < 4; n++)
        range |= ranges[n];
    for (; i < subframe->block; i++)
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
    for (i = 0; i < subframe->taps; i++)
        weight += (uint64_t)llabs((int64_t)subframe->coefficients[i]);
    if (weight << (subframe->bits - 1) > INT32_MAX)
        restore_by_taps(reader, subframe, true);
    else
        restore_by_taps(reader, subframe, false);
    return fits(subframe);
}

static bool read_fixed(struct subframe *subframe)
{
    static const int8_t fixed[5][4] = {{0}, {1}, {2, -1}, {3, -3, 1}, {4, -6, 4, -1}};
    int i;
    for (i = 0; i < subframe->order; i++)
        subframe->coefficients[i] = (uint64_t)fixed[subframe->order][i];
    subframe->shift = 0;
    return true;
}

/* 9.2.6: a linear predictor. */
static bool read_predictor(struct reader *reader, struct subframe *subframe)
{
    int precision = (int)take(reader, 4) + 1;
    int i;
    subframe->shift = (int)take_signed(reader, 5);
    if (precision == 16 || subframe->shift < 0)
        return false;
    for (i = 0; i < subframe->order; i++)
        subframe->coefficients[i] = (uint64_t)take_signed(reader, precision);
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
    if (!(type < 32 ? read_fixed(subframe) : read_predictor(reader, subframe)))
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
    if (side && kernel->bits == 32) {
        for (i = 0; wasted && i < subframe.block; i++)
            kernel->wide_side[i] = (int64_t)((uint64_t)(int64_t)subframe.samples[i] << wasted);
    } else {
        for (i = 0; wasted && i < subframe.block; i++)
            subframe.samples[i] = (int32_t)((uint32_t)subframe.samples[i] << wasted);
    }
    return true;
}

/* 9.1.1 and 9.1.6; 0 is none. */
static int read_block(struct reader *reader, int code)
{
    if (code >= 8)
        return 256 << (code - 8);
    if (code >= 6)
        return (int)take(reader, 8 * (code - 5)) + 1;
    if (code >= 2)
        return 576 << (code - 2);
    return code == 1 ? 192 : 0;
}

/* 9.1.2 and 9.1.7; -1 is none. */
static int read_rate(struct reader *reader, int code, int stated)
{
    static const int rates[12] = {0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000,
                                  44100, 48000, 96000};
    if (code == 0)
        return stated;
    if (code < 12)
        return rates[code];
    if (code == 12)
        return 1000 * (int)take(reader, 8);
    if (code < 15)
        return (int)take(reader, 16) * (code == 14 ? 10 : 1);
    return -1;
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

/* 9.3: of a frame and what follows it, this is zero. */
static uint16_t crc_16(const uint16_t table[FLAC_CRC_SLICES][256], const uint8_t *data, size_t size)
{
    uint16_t crc = 0;
    for (; size >= 8; size -= 8, data += 8)
        crc = (table[5][data[2]] ^ table[4][data[3]] ^ table[3][data[4]] ^ table[2][data[5]]
               ^ table[1][data[6]] ^ table[0][data[7]])
            ^ (table[7][data[0] ^ crc >> 8] ^ table[6][data[1] ^ (crc & 0xff)]);
    for (; size > 0; size--, data++)
        crc = (uint16_t)(crc << 8) ^ table[0][*data ^ crc >> 8];
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
    return crc_8(data, bits_taken(reader) / 8) == 0
        && kernel->block > 0 && kernel->block <= kernel->max_block
        && rate == kernel->sample_rate
        && (size_code == 0 || sizes[size_code] == kernel->bits)
        && kernel->channels == (kernel->assignment < LEFT_SIDE ? kernel->assignment + 1 : 2)
        && kernel->assignment <= MID_SIDE;
}

/* Channels of 32 bits, whose difference has 33. */
static void decorrelate_wide(struct flac_kernel *kernel)
{
    uint32_t *left = (uint32_t *)kernel->planes[0], *right = (uint32_t *)kernel->planes[1];
    int i;
    for (i = 0; i < kernel->block; i++) {
        int64_t side = kernel->wide_side[i];
        if (kernel->assignment == LEFT_SIDE)
            right[i] = left[i] - (uint32_t)side;
        else if (kernel->assignment == RIGHT_SIDE)
            left[i] = right[i] + (uint32_t)side;
        else {
            right[i] = left[i] - (uint32_t)(side >> 1);
            left[i] = right[i] + (uint32_t)side;
        }
    }
    kernel->assignment = 1;
}

int flac_kernel_decode(struct flac_kernel *kernel, const uint8_t *data, size_t size)
{
    struct reader reader;
    int channel;
    if (size < LEAST_FRAME || size > MOST_BYTES || crc_16(kernel->crc_16, data, size) != 0)
        return 0;
    open_reader(&reader, data, size);
    if (!read_header(kernel, &reader, data))
        return 0;
    for (channel = 0; channel < kernel->channels; channel++)
        if (!read_subframe(kernel, &reader, channel))
            return 0;
    if ((bits_taken(&reader) + 7) / 8 + 2 != size)
        return 0;
    if (kernel->bits == 32 && kernel->assignment >= LEFT_SIDE)
        decorrelate_wide(kernel);
    return kernel->block;
}

ALWAYS_INLINE void put(void *out, size_t place, uint32_t value, bool narrow)
{
    if (narrow)
        ((int16_t *)out)[place] = (int16_t)value;
    else
        ((int32_t *)out)[place] = (int32_t)value;
}

ALWAYS_INLINE void write_pair(const struct flac_kernel *kernel, void *out, int assignment,
                              bool narrow)
{
    const int32_t *first = kernel->planes[0], *second = kernel->planes[1];
    const int shift = (narrow ? 16 : 32) - kernel->bits;
    int i;
    for (i = 0; i < kernel->block; i++) {
        uint32_t left = (uint32_t)first[i], right = (uint32_t)second[i];
        if (assignment == LEFT_SIDE)
            right = left - right;
        else if (assignment == RIGHT_SIDE)
            left += right;
        else if (assignment == MID_SIDE) {
            right = left - (uint32_t)(second[i] >> 1);
            left = right + (uint32_t)second[i];
        }
        put(out, 2 * (size_t)i, left << shift, narrow);
        put(out, 2 * (size_t)i + 1, right << shift, narrow);
    }
}

ALWAYS_INLINE void write_channels(const struct flac_kernel *kernel, void *out, int channels,
                                  bool narrow)
{
    const int shift = (narrow ? 16 : 32) - kernel->bits;
    int i, channel;
    for (channel = 0; channel < channels; channel++)
        for (i = 0; i < kernel->block; i++)
            put(out, (size_t)i * (size_t)channels + (size_t)channel,
                (uint32_t)kernel->planes[channel][i] << shift, narrow);
}

ALWAYS_INLINE void write_samples(const struct flac_kernel *kernel, void *out, bool narrow)
{
    switch (kernel->assignment) {
    case 0:
        write_channels(kernel, out, 1, narrow);
        break;
    case 1:
        write_pair(kernel, out, 1, narrow);
        break;
    case LEFT_SIDE:
        write_pair(kernel, out, LEFT_SIDE, narrow);
        break;
    case RIGHT_SIDE:
        write_pair(kernel, out, RIGHT_SIDE, narrow);
        break;
    case MID_SIDE:
        write_pair(kernel, out, MID_SIDE, narrow);
        break;
    default:
        write_channels(kernel, out, kernel->channels, narrow);
    }
}

void flac_kernel_write(const struct flac_kernel *kernel, void *out)
{
    if (kernel->bits <= 16)
        write_samples(kernel, out, true);
    else
        write_samples(kernel, out, false);
}

static void make_table(uint16_t table[FLAC_CRC_SLICES][256])
{
    int value, slice, bit;
    for (value = 0; value < 256; value++) {
        unsigned crc = (unsigned)value << 8;
        for (bit = 0; bit < 8; bit++)
            crc = crc << 1 ^ (crc & 0x8000 ? 0x18005 : 0);
        table[0][value] = (uint16_t)crc;
    }
    for (slice = 1; slice < FLAC_CRC_SLICES; slice++)
        for (value = 0; value < 256; value++) {
            unsigned crc = table[slice - 1][value];
            table[slice][value] = (uint16_t)(crc << 8 ^ table[0][crc >> 8]);
        }
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
    make_table(kernel->crc_16);
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
