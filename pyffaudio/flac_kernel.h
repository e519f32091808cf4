/* Decodes single frames of FLAC (RFC 9639), those that are beyond doubt; depends on nothing. */
#ifndef PYFFAUDIO_FLAC_KERNEL_H
#define PYFFAUDIO_FLAC_KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum { FLAC_STREAMINFO_BYTES = 34, FLAC_MAX_CHANNELS = 8 };

struct flac_kernel {
    /* By STREAMINFO (8.2). */
    int max_block;
    int sample_rate;
    int channels;
    int bits;
    /* The frame that was decoded last. */
    int block;                  /* its samples per channel */
    int assignment;             /* how its channels are coded (9.1.3) */
    int32_t *planes[FLAC_MAX_CHANNELS];
    int64_t *wide_side;         /* a side channel of 33 bits, where there may be one */
};

/* NULL where there is no memory, or nothing to decode by such a STREAMINFO. */
struct flac_kernel *flac_kernel_new(const uint8_t *streaminfo);
void flac_kernel_free(struct flac_kernel *kernel);

/* Decode a packet that is one whole frame: the answer is how many samples per channel it has, or 0
   where it is not accepted. Nothing is read beyond `size`. */
int flac_kernel_decode(struct flac_kernel *kernel, const uint8_t *data, size_t size);

/* Write that frame's samples interleaved, as int16_t for up to 16 bits and as int32_t for more, the
   unused bits at the bottom. */
void flac_kernel_write(const struct flac_kernel *kernel, void *out);

#endif
