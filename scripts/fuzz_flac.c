/* Fuzz the FLAC kernel: fuzz_flac SEEDS FRAMES SEED.

   Frames are mutated, most of them are given right checksums again, and those that the kernel
   accepts are decoded by FFmpeg too: it must give the same. Each frame is in memory of its own
   size, so that sanitizers see what is read beyond it. SEEDS is what fuzz_flac.py writes: streams,
   each a STREAMINFO, the number of its frames, and of each its size and its bytes. A frame is a
   function of SEED and its number, which a finding ends with; N- for FRAMES is that one alone. */
#include <libavcodec/avcodec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flac_kernel.h"

enum { MOST_STREAMS = 4096, MOST_FRAMES = 64, MOST_BYTES = 1 << 20 };

struct stream {
    const uint8_t *info;
    int count;
    const uint8_t *frames[MOST_FRAMES];
    size_t sizes[MOST_FRAMES];
    struct flac_kernel *kernel;
    AVCodecContext *codec;
};

static struct stream streams[MOST_STREAMS];
static int num_streams;
static uint64_t state;

static uint32_t draw(uint32_t below)
{
    uint64_t mixed = state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((mixed ^ mixed >> 31) >> 32) % below;
}

static uint32_t number(const uint8_t *bytes)
{
    return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void check(int holds, const char *what, uint64_t place)
{
    if (!holds) {
        printf("%s, at %llu\n", what, (unsigned long long)place);
        fflush(stdout);
        abort();
    }
}

static void open_stream(struct stream *stream)
{
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_FLAC);
    AVCodecContext *context = avcodec_alloc_context3(codec);
    context->extradata = av_mallocz(FLAC_STREAMINFO_BYTES + AV_INPUT_BUFFER_PADDING_SIZE);
    context->extradata_size = FLAC_STREAMINFO_BYTES;
    context->err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
    memcpy(context->extradata, stream->info, FLAC_STREAMINFO_BYTES);
    stream->codec = context;
    check(avcodec_open2(context, codec, NULL) >= 0, "FFmpeg cannot open a stream", 0);
    stream->kernel = flac_kernel_new(stream->info);
    check(stream->kernel != NULL, "the kernel cannot open a stream", 0);
}

static void read_seeds(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t size, at = 0;
    uint8_t *data;
    int i;
    check(file && fseek(file, 0, SEEK_END) == 0, "no seeds", 0);
    size = (size_t)ftell(file);
    rewind(file);
    data = malloc(size);
    check(fread(data, 1, size, file) == size, "seeds cannot be read", 0);
    fclose(file);
    while (at < size && num_streams < MOST_STREAMS) {
        struct stream *stream = &streams[num_streams++];
        stream->info = data + at;
        stream->count = (int)number(data + at + FLAC_STREAMINFO_BYTES);
        at += FLAC_STREAMINFO_BYTES + 4;
        for (i = 0; i < stream->count; i++) {
            stream->sizes[i] = number(data + at);
            stream->frames[i] = data + at + 4;
            at += 4 + stream->sizes[i];
        }
        open_stream(stream);
    }
}

static unsigned crc(const uint8_t *data, size_t size, unsigned polynomial, int width)
{
    unsigned value = 0;
    int bit;
    for (; size > 0; size--, data++) {
        value ^= (unsigned)*data << (width - 8);
        for (bit = 0; bit < 8; bit++)
            value = value << 1 ^ (value >> (width - 1) & 1 ? polynomial : 0);
    }
    return value & ((1u << width) - 1);
}

/* Where the checksum of a frame's header stands, as far as the header can be read. */
static size_t header_bytes(const uint8_t *data, size_t size)
{
    unsigned block = data[2] >> 4, rate = data[2] & 15;
    size_t bytes = 5;
    while (bytes < 11 && data[4] >= 0xc0 && data[4] << (bytes - 4) & 0x80)
        bytes++;
    bytes += (block == 6) + 2 * (block == 7) + (rate == 12) + 2 * (rate == 13 || rate == 14);
    return bytes < size ? bytes : size - 1;
}

static void mend(uint8_t *data, size_t size)
{
    size_t header = header_bytes(data, size);
    unsigned footer;
    data[header] = (uint8_t)crc(data, header, 0x07, 8);
    footer = crc(data, size - 2, 0x8005, 16);
    data[size - 2] = (uint8_t)(footer >> 8);
    data[size - 1] = (uint8_t)footer;
}

/* Change a frame once; half of the time in its first bytes, where most is decided. */
static size_t mutate(uint8_t *data, size_t size)
{
    size_t at = draw((uint32_t)(draw(2) || size < 40 ? size : 40));
    const struct stream *other = &streams[draw((uint32_t)num_streams)];
    uint32_t piece = draw((uint32_t)other->count), i, run;
    switch (draw(8)) {
    case 0:
    case 1:
    case 2:
        data[at] ^= 1 << draw(8);
        break;
    case 3:
        data[at] = (uint8_t)draw(256);
        break;
    case 4:
        memset(data + at, draw(2) ? 0 : 255, size - at < 12 ? size - at : draw(12));
        break;
    case 5:
        for (i = 0, run = draw(16); i < run && at + i < size; i++)
            data[at + i] = (uint8_t)draw(256);
        break;
    case 6:
        run = draw(200);
        for (i = 0; i < run && at + i < size && at + i < other->sizes[piece]; i++)
            data[at + i] = other->frames[piece][at + i];
        break;
    default:
        size = draw(2) ? size - draw(8) : size + draw(8);
    }
    return size < 10 ? 10 : size;
}

/* What the kernel has accepted, FFmpeg must give too. */
static void compare(struct stream *stream, const uint8_t *data, size_t size, uint64_t place)
{
    static AVPacket *packet;
    static AVFrame *frame;
    const struct flac_kernel *kernel = stream->kernel;
    int width = kernel->bits <= 16 ? 2 : 4;
    size_t bytes = (size_t)kernel->block * (size_t)kernel->channels * (size_t)width;
    uint8_t *samples = malloc(bytes);
    packet = packet ? packet : av_packet_alloc();
    frame = frame ? frame : av_frame_alloc();
    flac_kernel_write(kernel, samples);
    av_new_packet(packet, (int)size);
    memcpy(packet->data, data, size);
    check(avcodec_send_packet(stream->codec, packet) >= 0
          && avcodec_receive_frame(stream->codec, frame) >= 0, "FFmpeg refuses a frame", place);
    check(frame->nb_samples == kernel->block && frame->sample_rate == kernel->sample_rate
          && frame->ch_layout.nb_channels == kernel->channels
          && frame->format == (width == 2 ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_S32),
          "FFmpeg says otherwise", place);
    check(memcmp(samples, frame->data[0], bytes) == 0, "FFmpeg has other samples", place);
    av_frame_unref(frame);
    av_packet_unref(packet);
    free(samples);
}

/* One frame, a function of `state`. The answer is how often it was changed, if it was accepted. */
static int fuzz(uint64_t place)
{
    static uint8_t data[MOST_BYTES + 64];
    struct stream *stream = &streams[draw((uint32_t)num_streams)];
    uint32_t piece = draw((uint32_t)stream->count);
    size_t size = stream->sizes[piece];
    int changes = draw(16) ? 1 + (int)draw(4) : 0, i, accepted;
    int encoded = stream->info[18] | stream->info[19];  /* it states an MD5 */
    uint8_t *exact;
    memcpy(data, stream->frames[piece], size);
    memset(data + size, 0, 64);
    for (i = 0; i < changes; i++)
        size = mutate(data, size);
    if (draw(16))
        mend(data, size);
    exact = malloc(size);
    memcpy(exact, data, size);
    accepted = flac_kernel_decode(stream->kernel, exact, size) > 0;
    check(accepted || changes > 0 || !encoded, "a sound frame is not accepted", place);
    if (accepted)
        compare(stream, exact, size, place);
    free(exact);
    return accepted ? changes : -1;
}

int main(int argc, char **argv)
{
    uint64_t first, last, place, seed, accepted = 0, mutated = 0;
    check(argc == 4, "usage: fuzz_flac SEEDS FRAMES SEED", 0);
    av_log_set_level(AV_LOG_QUIET);
    read_seeds(argv[1]);
    last = strtoull(argv[2], NULL, 10);
    first = strchr(argv[2], '-') ? last++ : 0;
    seed = strtoull(argv[3], NULL, 10);
    for (place = first; place < last; place++) {
        int changes;
        state = seed * UINT64_C(0x9e3779b97f4a7c15) ^ place * UINT64_C(0xd1342543de82ef95);
        changes = fuzz(place);
        accepted += changes >= 0;
        mutated += changes > 0;
    }
    printf("%llu frames; %llu accepted, %llu of them mutated, all as FFmpeg has them\n",
           (unsigned long long)(last - first), (unsigned long long)accepted,
           (unsigned long long)mutated);
    return 0;
}
