"""What stands in streams that are nothing but frames: frames of stated sizes, and tags.

Their parsers give what is left at the end of the file as a packet like any other.
"""
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from pyffaudio cimport ffmpeg as ff
from pyffaudio._chunks cimport read_integer
from pyffaudio._source cimport Source, peek


cdef inline int64_t tag_bytes(const uint8_t *head, int64_t size) noexcept nogil:
    """The length of the tag that begins here; 0 if none does.

    ID3v2.4, 3.1: the length in seven bits of each byte, and perhaps a footer; ID3v1: 128 bytes;
    APEv2: the length without the header, which it need not have.
    """
    if size < 10:
        return 0
    if memcmp(head, "ID3", 3) == 0 and 2 <= head[3] <= 4 \
            and (head[6] | head[7] | head[8] | head[9]) < 0x80:
        return (20 if head[5] & 0x10 else 10) + (
            <int64_t>head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
    if memcmp(head, "TAG", 3) == 0:
        return 128
    if size >= 16 and memcmp(head, "APETAGEX", 8) == 0:
        return 32 + <int64_t>read_integer(head + 12, 4, False)
    return 0


cdef inline int64_t first_byte(Source *source) noexcept nogil:
    """Where a stream begins behind ID3 tags."""
    cdef uint8_t head[10]
    cdef int64_t at = 0
    cdef int64_t size
    while peek(source, at, head, 10) == 10 and memcmp(head, "ID3", 3) == 0:
        size = tag_bytes(head, 10)
        if size == 0:
            break
        at += size
    return at


# What the head of a frame of MPEG audio says.
cdef struct MpegAudio:
    int num_bytes
    int layer
    int sample_rate
    int num_channels
    int kilobits                # in a second

cdef inline MpegAudio read_mpeg_audio(const uint8_t *head) noexcept nogil:
    """ISO/IEC 11172-3 and 13818-3, 2.4.1.3; 0 bytes for what is no frame, or of free format."""
    cdef int[48] kilobits_of_1 = [
        0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0,
        0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0,
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0]
    cdef int[32] kilobits_of_2 = [
        0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0,
        0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0]
    cdef int[4] sample_rates = [44100, 48000, 32000, 0]
    cdef int version = head[1] >> 3 & 3         # 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
    cdef int index = head[2] >> 4
    cdef int padding = head[2] >> 1 & 1
    cdef MpegAudio frame
    frame.num_bytes = 0
    frame.kilobits = 0
    frame.layer = 4 - (head[1] >> 1 & 3)
    frame.sample_rate = sample_rates[head[2] >> 2 & 3]
    frame.num_channels = 1 if head[3] >> 6 == 3 else 2
    if head[0] != 0xff or head[1] < 0xe0 or version == 1 or frame.layer == 4 \
            or frame.sample_rate == 0:
        return frame
    if version == 3:
        frame.kilobits = kilobits_of_1[16 * (frame.layer - 1) + index]
    else:
        frame.sample_rate >>= 1 if version == 2 else 2
        frame.kilobits = kilobits_of_2[index if frame.layer == 1 else 16 + index]
    if frame.kilobits == 0:
        return frame
    if frame.layer == 1:
        frame.num_bytes = (12000 * frame.kilobits // frame.sample_rate + padding) * 4
    elif frame.layer == 3 and version != 3:
        frame.num_bytes = 72000 * frame.kilobits // frame.sample_rate + padding
    else:
        frame.num_bytes = 144000 * frame.kilobits // frame.sample_rate + padding
    return frame


cdef inline int adts_bytes(const uint8_t *head) noexcept nogil:
    """ISO/IEC 13818-7, 6.2."""
    if head[0] != 0xff or head[1] & 0xf6 != 0xf0:
        return 0
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5


cdef inline int loas_bytes(const uint8_t *head) noexcept nogil:
    """ISO/IEC 14496-3, 1.7.2."""
    if head[0] != 0x56 or head[1] & 0xe0 != 0xe0:
        return 0
    return 3 + ((head[1] & 0x1f) << 8 | head[2])


cdef inline int ac3_bytes(const uint8_t *head) noexcept nogil:
    """ETSI TS 102 366: 5.4.1 and table 4.13, and E.1.2 for E-AC-3."""
    cdef int[19] kilobits = [
        32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640]
    cdef int code = head[4] & 0x3f
    if head[0] != 0x0b or head[1] != 0x77:
        return 0
    if head[5] >> 3 > 10:
        return 2 * (((head[2] & 7) << 8 | head[3]) + 1)
    if code >> 1 > 18:
        return 0
    if head[4] >> 6 == 0:
        return 4 * kilobits[code >> 1]
    if head[4] >> 6 == 1:
        return 2 * (320 * kilobits[code >> 1] // 147 + (code & 1))
    return 6 * kilobits[code >> 1]


cdef inline int dts_bytes(const uint8_t *head) noexcept nogil:
    """ETSI TS 102 114, 5.3; of the core frame, 16 bits big-endian."""
    if memcmp(head, "\x7f\xfe\x80\x01", 4) != 0:
        return 0
    return ((head[5] & 3) << 12 | head[6] << 4 | head[7] >> 4) + 1


cdef inline int stated_bytes(ff.AVCodecID codec_id, const uint8_t *head, int size) noexcept nogil:
    """How long the frame that begins here says it is; 0 where it does not say."""
    if size < 8:
        return 0
    if (codec_id == ff.AV_CODEC_ID_MP3 or codec_id == ff.AV_CODEC_ID_MP2
            or codec_id == ff.AV_CODEC_ID_MP1):
        return read_mpeg_audio(head).num_bytes
    if codec_id == ff.AV_CODEC_ID_AAC:
        return adts_bytes(head)
    if codec_id == ff.AV_CODEC_ID_AAC_LATM:
        return loas_bytes(head)
    if codec_id == ff.AV_CODEC_ID_AC3 or codec_id == ff.AV_CODEC_ID_EAC3:
        return ac3_bytes(head)
    if codec_id == ff.AV_CODEC_ID_DTS:
        return dts_bytes(head)
    if codec_id == ff.AV_CODEC_ID_TRUEHD or codec_id == ff.AV_CODEC_ID_MLP:
        return 2 * ((head[0] & 0xf) << 8 | head[1])
    return 0


cdef inline int64_t xing_frames(Source *source, int64_t *padding, int64_t *stated) noexcept nogil:
    """The frames that an MP3's first frame counts, and how many at the end are padding; 0: none.

    `stated` is how many bytes it counts, 0 where it does not.

    Encoders put "Xing" or "Info" behind the side information, LAME its tag behind that;
    Fraunhofer's put "VBRI" at a fixed place.
    """
    cdef uint8_t frame[4 + 32 + 144]
    cdef int offset, samples
    cdef int64_t count
    cdef bint mono
    padding[0] = 0
    stated[0] = 0
    if peek(source, first_byte(source), frame, sizeof(frame)) < <int>sizeof(frame) \
            or read_mpeg_audio(frame).num_bytes == 0:
        return 0
    samples = 1152 if frame[1] & 8 else 576
    if memcmp(frame + 36, "VBRI", 4) == 0:
        return samples * <int64_t>read_integer(frame + 36 + 14, 4, True)
    mono = frame[3] >> 6 == 3
    offset = 4 + ((17 if mono else 32) if frame[1] & 8 else (9 if mono else 17))
    if (memcmp(frame + offset, "Xing", 4) != 0 and memcmp(frame + offset, "Info", 4) != 0) \
            or not frame[offset + 7] & 1:
        return 0
    count = <int64_t>read_integer(frame + offset + 8, 4, True)
    if frame[offset + 7] & 2:
        stated[0] = <int64_t>read_integer(frame + offset + 12, 4, True)
    if frame[offset + 7] & 15 == 15:
        # 12 bits of delay and 12 of padding, in which the decoder's own delay of 529 is counted.
        offset += 120 + 21
        padding[0] = max(((frame[offset + 1] & 15) << 8 | frame[offset + 2]) - 529, 0)
    return count * samples
