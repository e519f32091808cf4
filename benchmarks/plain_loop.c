/* The plain way to decode a file with libav, as its examples have it: what pyffaudio must not be
 * slower than. It is linked to the same bundled FFmpeg, which has no protocols, so that the file is
 * opened and read here, as FFmpeg's own `file:` does it. The output's buffer grows twofold; no
 * sample is copied but by the converter. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswresample/swresample.h>

#define BUFFER_SIZE 32768 /* libavformat's own */

struct Samples {
    float *data;
    int64_t frames, capacity;
    int rate, channels;
};

struct Loop {
    int file;
    AVIOContext *io;
    AVFormatContext *format;
    AVCodecContext *codec;
    SwrContext *swr;
    AVPacket *packet;
    AVFrame *frame;
    int stream;
};

static int read_file(void *opaque, uint8_t *buffer, int size)
{
    ssize_t count = read(((struct Loop *)opaque)->file, buffer, size);
    return count > 0 ? (int)count : count ? AVERROR(errno) : AVERROR_EOF;
}

static int64_t seek_file(void *opaque, int64_t offset, int whence)
{
    int file = ((struct Loop *)opaque)->file;
    struct stat status;
    if (whence == AVSEEK_SIZE)
        return fstat(file, &status) < 0 ? AVERROR(errno) : status.st_size;
    int64_t place = lseek(file, offset, whence);
    return place < 0 ? AVERROR(errno) : place;
}

static int open_file(struct Loop *loop, const char *path)
{
    loop->file = open(path, O_RDONLY | O_CLOEXEC);
    if (loop->file < 0)
        return AVERROR(errno);
    uint8_t *buffer = av_malloc(BUFFER_SIZE);
    loop->io = buffer ? avio_alloc_context(buffer, BUFFER_SIZE, 0, loop, read_file, NULL, seek_file)
                      : NULL;
    loop->format = avformat_alloc_context();
    if (!loop->io || !loop->format)
        return AVERROR(ENOMEM);
    loop->format->pb = loop->io;
    return avformat_open_input(&loop->format, path, NULL, NULL);
}

static int open_decoder(struct Loop *loop)
{
    const AVCodec *decoder = NULL;
    int error = avformat_find_stream_info(loop->format, NULL);
    if (error < 0)
        return error;
    loop->stream = av_find_best_stream(loop->format, AVMEDIA_TYPE_AUDIO, -1, -1, &decoder, 0);
    if (loop->stream < 0)
        return loop->stream;
    AVStream *stream = loop->format->streams[loop->stream];
    loop->codec = avcodec_alloc_context3(decoder);
    loop->packet = av_packet_alloc();
    loop->frame = av_frame_alloc();
    if (!loop->codec || !loop->packet || !loop->frame)
        return AVERROR(ENOMEM);
    if ((error = avcodec_parameters_to_context(loop->codec, stream->codecpar)) < 0)
        return error;
    loop->codec->pkt_timebase = stream->time_base;
    return avcodec_open2(loop->codec, decoder, NULL);
}

static int open_converter(struct Loop *loop, struct Samples *out)
{
    AVFrame *frame = loop->frame;
    out->rate = frame->sample_rate;
    out->channels = frame->ch_layout.nb_channels;
    int error = swr_alloc_set_opts2(&loop->swr, &frame->ch_layout, AV_SAMPLE_FMT_FLT, out->rate,
                                    &frame->ch_layout, frame->format, out->rate, 0, NULL);
    return error < 0 ? error : swr_init(loop->swr);
}

static int convert(struct Loop *loop, struct Samples *out)
{
    AVFrame *frame = loop->frame;
    int error = loop->swr ? 0 : open_converter(loop, out);
    if (error < 0)
        return error;
    int64_t needed = out->frames + frame->nb_samples;
    if (needed > out->capacity) {
        int64_t capacity = FFMAX(needed, 2 * out->capacity);
        float *data = realloc(out->data, capacity * out->channels * sizeof(float));
        if (!data)
            return AVERROR(ENOMEM);
        out->data = data;
        out->capacity = capacity;
    }
    uint8_t *target = (uint8_t *)(out->data + out->frames * out->channels);
    int count = swr_convert(loop->swr, &target, frame->nb_samples,
                            (const uint8_t **)frame->extended_data, frame->nb_samples);
    if (count > 0)
        out->frames += count;
    return count;
}

/* Send one packet, or NULL at the end, and convert all frames that come out. */
static int decode(struct Loop *loop, AVPacket *packet, struct Samples *out)
{
    int error = avcodec_send_packet(loop->codec, packet);
    while (error >= 0 && (error = avcodec_receive_frame(loop->codec, loop->frame)) >= 0)
        error = convert(loop, out);
    return error == AVERROR(EAGAIN) || error == AVERROR_EOF ? 0 : error;
}

static int run(struct Loop *loop, const char *path, struct Samples *out)
{
    int error = open_file(loop, path);
    if (error >= 0)
        error = open_decoder(loop);
    while (error >= 0 && (error = av_read_frame(loop->format, loop->packet)) >= 0) {
        if (loop->packet->stream_index == loop->stream)
            error = decode(loop, loop->packet, out);
        av_packet_unref(loop->packet);
    }
    return error == AVERROR_EOF ? decode(loop, NULL, out) : error;
}

/* Decode a file to interleaved floats; 0 or an error of libav's. */
int plain_decode(const char *path, struct Samples *out)
{
    struct Loop loop = {.file = -1};
    *out = (struct Samples){0};
    int error = run(&loop, path, out);
    swr_free(&loop.swr);
    av_frame_free(&loop.frame);
    av_packet_free(&loop.packet);
    avcodec_free_context(&loop.codec);
    avformat_close_input(&loop.format);
    if (loop.io)
        av_freep(&loop.io->buffer);
    avio_context_free(&loop.io);
    if (loop.file >= 0)
        close(loop.file);
    if (error < 0)
        free(out->data);
    return FFMIN(error, 0);
}

void plain_free(struct Samples *samples)
{
    free(samples->data);
}
