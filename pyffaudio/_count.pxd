"""How many frames a packet holds, by its own header: counting goes without decoding.

Sources: ISO/IEC 11172-3 and 13818-3, 2.4.2.3 (MPEG audio); ISO/IEC 13818-7, 6.2 (ADTS); RFC 6716,
3.1 (Opus); RFC 9639, 9.1 (FLAC).
"""
from libc.stdint cimport int64_t, uint8_t

from pyffaudio cimport ffmpeg as ff
from pyffaudio._container cimport AAC, CAF
from pyffaudio._flac cimport coded_bytes, own_block
from pyffaudio._length cimport has_sample_clock, in_frames
from pyffaudio._media cimport Media, frame_bits, reads
from pyffaudio._sync cimport read_mpeg_audio


cdef enum:
    UNKNOWN_COUNT = -1


cdef inline bint is_counted(const Media *media) noexcept nogil:
    """Whether each packet gives one frame, whose length is known without its being decoded."""
    cdef ff.AVCodecID codec_id = media.codec.codec_id
    return (frame_bits(media) > 0
            or codec_id == ff.AV_CODEC_ID_MP3 or codec_id == ff.AV_CODEC_ID_MP2
            or codec_id == ff.AV_CODEC_ID_MP1 or codec_id == ff.AV_CODEC_ID_OPUS
            or codec_id == ff.AV_CODEC_ID_FLAC or codec_id == ff.AV_CODEC_ID_ALAC
            or codec_id == ff.AV_CODEC_ID_TTA or codec_id == ff.AV_CODEC_ID_TAK
            or codec_id == ff.AV_CODEC_ID_WAVPACK
            or (codec_id == ff.AV_CODEC_ID_AAC
                and media.codec.profile == ff.AV_PROFILE_AAC_LOW))


cdef inline bint is_counted_to_the_end(const Media *media) noexcept nogil:
    """Whether that holds for the last packet too: of ALAC in CAF, only its own bits tell."""
    return is_counted(media) and not (
        reads(media, CAF) and media.codec.codec_id == ff.AV_CODEC_ID_ALAC)


cdef inline int64_t mpeg_audio_frames(const Media *media, const uint8_t *data,
                                      int size) noexcept nogil:
    cdef int layer, rate
    if size < 4 or read_mpeg_audio(data).num_bytes == 0:
        return UNKNOWN_COUNT
    layer = 4 - (data[1] >> 1 & 3)
    rate = data[2] >> 2 & 3
    rate = (44100 if rate == 0 else 48000 if rate == 1 else 32000) \
        >> (0 if data[1] & 0x18 == 0x18 else 1 if data[1] & 0x10 else 2)
    if rate != media.first_rate or (data[3] >> 6 == 3) != (media.first_layout.nb_channels == 1):
        return UNKNOWN_COUNT        # other parameters: only decoding tells what becomes of them
    if layer == 1:
        return 384
    return 576 if layer == 3 and data[1] & 8 == 0 else 1152


cdef inline int64_t aac_frames(const Media *media, const uint8_t *data, int size) noexcept nogil:
    """Of AAC-LC, which has no frames of other sizes within a stream."""
    if not is_counted(media) or media.codec.frame_size <= 0:
        return UNKNOWN_COUNT
    if reads(media, AAC) and (size < 7 or data[6] & 3 != 0):
        return UNKNOWN_COUNT        # several raw blocks in one
    return media.codec.frame_size


cdef inline int64_t opus_frames(const uint8_t *data, int size) noexcept nogil:
    cdef int configuration, count
    cdef int64_t length
    if size < 1:
        return UNKNOWN_COUNT
    configuration = data[0] >> 3
    if configuration < 12:
        length = 480 << (configuration & 3) if configuration & 3 < 3 else 2880
    elif configuration < 16:
        length = 480 << (configuration & 1)
    else:
        length = 120 << (configuration & 3)
    count = data[0] & 3
    if count == 3:
        if size < 2:
            return UNKNOWN_COUNT
        return length * (data[1] & 63)
    return length if count == 0 else 2 * length


cdef inline int64_t flac_frames(const uint8_t *data, int size) noexcept nogil:
    cdef int behind
    cdef int64_t count
    if size < 16 or data[0] != 0xff or data[1] | 1 != 0xf9:
        return UNKNOWN_COUNT
    behind = 4 + coded_bytes(data[4])
    count = own_block(data[2] >> 4, data + behind)
    return count if count > 0 else UNKNOWN_COUNT


cdef inline int64_t packet_frames(const Media *media) noexcept nogil:
    """Frames that the decoder would make of `media.packet`; UNKNOWN_COUNT where it must."""
    cdef const ff.AVPacket *packet = media.packet
    cdef ff.AVCodecID codec_id = media.codec.codec_id
    cdef int bits = frame_bits(media)
    if (codec_id == ff.AV_CODEC_ID_MP3 or codec_id == ff.AV_CODEC_ID_MP2
            or codec_id == ff.AV_CODEC_ID_MP1):
        return mpeg_audio_frames(media, packet.data, packet.size)
    if codec_id == ff.AV_CODEC_ID_AAC:
        return aac_frames(media, packet.data, packet.size)
    if codec_id == ff.AV_CODEC_ID_OPUS:
        return opus_frames(packet.data, packet.size)
    if codec_id == ff.AV_CODEC_ID_FLAC:
        return flac_frames(packet.data, packet.size)
    if bits > 0:
        return packet.size * <int64_t>8 // bits if packet.size * 8 % bits == 0 else UNKNOWN_COUNT
    if packet.duration > 0 and has_sample_clock(media) and is_counted(media):
        return in_frames(media, packet.duration, media.first_rate)
    return UNKNOWN_COUNT
