/* The bits of a packet, and residuals in Rice code among them. Nothing is read beyond the packet:
   from its last bytes on, a copy with zeros behind is read instead. */
#ifndef PYFFAUDIO_FLAC_BITS_H
#define PYFFAUDIO_FLAC_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define RARE __attribute__((noinline, cold))
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

enum { WORD = 8 };

/* The next bits of the packet, from the top; those below `count` are zero or what is to come. */
struct window {
    uint64_t bits;
    int64_t count;
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

/* Of WORD bytes or more. */
static struct reader open_reader(const uint8_t *data, size_t size)
{
    return (struct reader){
        .window = {.next = data}, .last = data + size - WORD, .origin = data, .size = size};
}

static inline uint64_t big_endian_word(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
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
    int top, rest;
    uint32_t code;
    if (UNLIKELY(window.bits < least))
        return take_long_code(reader, window, parameter);
    top = 63 ^ __builtin_clzll(window.bits);
    rest = top - parameter;
    code = (uint32_t)(window.bits >> rest) + ((uint32_t)(62 - top) << parameter);
    window.bits <<= 64 - rest;
    window.count += rest - 64;
    window.residual = (code >> 1) ^ (0 - (code & 1));
    return window;
}

#endif
