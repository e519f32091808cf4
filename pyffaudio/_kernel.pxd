"""FLAC by our own kernel, which is faster than FFmpeg's decoder and takes its place where it can.

A packet that the kernel does not accept goes to FFmpeg's decoder, and what comes of that is as if
there were no kernel: FLAC has no delay, and of one frame the decoder keeps for the next nothing but
the parameters, with which agrees() deals.
"""
from libc.stdint cimport uint8_t
from libc.string cimport memcmp

from pyffaudio cimport ffmpeg as ff
from pyffaudio._media cimport Media, shape_frame
from pyffaudio.flac_kernel cimport (
    FLAC_STREAMINFO_BYTES, flac_kernel_decode, flac_kernel_free, flac_kernel_new,
    flac_kernel_write)


cdef inline void close_kernel(Media *media) noexcept nogil:
    ff.av_buffer_pool_uninit(&media.kernel_buffers)
    flac_kernel_free(media.kernel)
    media.kernel = NULL


cdef inline void open_kernel(Media *media) noexcept nogil:
    """Have a kernel for FLAC; without one, for want of memory too, FFmpeg decodes everything."""
    cdef const ff.AVCodecContext *codec = media.codec
    # Behind "fLaC" and the head of a metadata block, in some containers (RFC 9639, 8).
    cdef int place = 0
    if codec.extradata_size >= 4 and memcmp(codec.extradata, "fLaC", 4) == 0:
        place = 8
    if codec.codec_id == ff.AV_CODEC_ID_FLAC \
            and codec.extradata_size >= place + FLAC_STREAMINFO_BYTES:
        media.kernel = flac_kernel_new(codec.extradata + place)
    if media.kernel != NULL:
        # Room for the largest block: each frame has the memory of one before it.
        media.kernel_buffers = ff.av_buffer_pool_init(
            <size_t>media.kernel.max_block * media.kernel.channels * 4, NULL)
        if media.kernel_buffers == NULL:
            close_kernel(media)


cdef inline bint agrees(const Media *media) noexcept nogil:
    """Whether FFmpeg's decoder still goes by STREAMINFO, and not by a frame that said otherwise."""
    return (media.codec.sample_rate == media.kernel.sample_rate
            and media.codec.ch_layout.nb_channels == media.kernel.channels
            and media.codec.bits_per_raw_sample == media.kernel.bits)


cdef inline bint decode_flac(Media *media) noexcept nogil:
    """Have in `media.frame` what FFmpeg's decoder would make of `media.packet`, if that is sure."""
    cdef ff.AVFrame *frame = media.frame
    cdef const ff.AVPacket *packet = media.packet
    cdef int count = 0
    if media.kernel != NULL and agrees(media):
        count = flac_kernel_decode(media.kernel, packet.data, packet.size)
    if count == 0:
        return False
    frame.buf[0] = ff.av_buffer_pool_get(media.kernel_buffers)
    if frame.buf[0] == NULL:
        return False
    frame.data[0] = frame.buf[0].data
    if not shape_frame(media, count):
        return False
    flac_kernel_write(media.kernel, frame.data[0])
    media.kernel_packets += 1
    return True
