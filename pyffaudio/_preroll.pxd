"""How a decoder behaves that is started in the middle of a stream.

Three classes, measured by tests/test_timeline.py and listed in docs/seeking.md: *exact*, after a
number of frames that are decoded and dropped the samples are those of the whole; *converging*, they
come very near; *from the start*, neither, and nothing is skipped.
"""
from libc.stdint cimport int64_t
from libc.string cimport memcmp, strncmp

from pyffaudio cimport ffmpeg as ff
from pyffaudio._media cimport Media


cdef enum:
    FROM_START = -1
    LARGEST_VORBIS_BLOCK = 8192
    MPEG_1_PREROLL = 12         # frames: 511 bytes of reservoir at 32 kb/s, and the overlap
    LOW_RATE_PREROLL = 32       # 255 bytes of reservoir at 8 kb/s, mono
    OPUS_PREROLL = 19200        # 400 ms, at 48 kHz


cdef inline int64_t vorbis_block(const ff.AVCodecContext *codec) noexcept nogil:
    """The larger of the two block sizes, by the identification header (Vorbis I, 4.2.2)."""
    cdef int i
    for i in range(min(codec.extradata_size, 512) - 30):
        if memcmp(codec.extradata + i, "\x01vorbis", 7) == 0:
            return 1 << (codec.extradata[i + 28] >> 4)
    return LARGEST_VORBIS_BLOCK


cdef inline bint is_pcm(const Media *media) noexcept nogil:
    return strncmp(ff.avcodec_get_name(media.codec.codec_id), "pcm_", 4) == 0


cdef inline bint is_lossless(ff.AVCodecID codec_id) noexcept nogil:
    """Whether its packets are decoded each by itself."""
    return (codec_id == ff.AV_CODEC_ID_FLAC or codec_id == ff.AV_CODEC_ID_ALAC
            or codec_id == ff.AV_CODEC_ID_TTA or codec_id == ff.AV_CODEC_ID_TAK
            or codec_id == ff.AV_CODEC_ID_WAVPACK or codec_id == ff.AV_CODEC_ID_APE)


cdef inline int64_t preroll_frames(const Media *media) noexcept nogil:
    """Frames to be decoded before the first one wanted; FROM_START where that is no way."""
    cdef ff.AVCodecID codec_id = media.codec.codec_id
    if is_pcm(media) or is_lossless(codec_id):
        return 0
    if codec_id == ff.AV_CODEC_ID_VORBIS:
        return 2 * vorbis_block(media.codec)    # to be primed, and to have what it overlaps
    if codec_id == ff.AV_CODEC_ID_OPUS:
        return OPUS_PREROLL
    # In fixed point, which MP1 and MP2 are decoded in, what is rounded off is carried on for ever.
    if codec_id == ff.AV_CODEC_ID_MP3 and media.first_format == ff.AV_SAMPLE_FMT_FLTP:
        return (MPEG_1_PREROLL * 1152 if media.first_rate >= 32000 else LOW_RATE_PREROLL * 576)
    if codec_id == ff.AV_CODEC_ID_AAC and media.codec.profile == ff.AV_PROFILE_AAC_LOW:
        return 2 * 1024
    return FROM_START
