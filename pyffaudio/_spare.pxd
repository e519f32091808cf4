"""Decoders that are kept for the next stream of the same set-up.

Those of Vorbis build tables from its headers, which takes longer than to decode a second, and files
of one encoder have the same headers. Those of PCM take as long to open as a short clip to decode.
Once flushed such a decoder is as new: it has no other memory.
"""
from libc.string cimport memcmp

from pyffaudio cimport ffmpeg as ff
from pyffaudio._claim cimport claim, release
from pyffaudio._plain cimport is_native


cdef extern from *:
    """
    /* Of the whole process: `busy` by PYFFAUDIO_CLAIM while one is looked at. */
    enum { PYFFAUDIO_SPARES = 8 };
    static struct pyffaudio_spare { int busy; AVCodecContext *codec; }
        pyffaudio_spares[PYFFAUDIO_SPARES];
    static unsigned pyffaudio_turns;
    #define PYFFAUDIO_NEXT_TURN() __atomic_fetch_add(&pyffaudio_turns, 1, __ATOMIC_RELAXED)
    """
    enum: SPARES "PYFFAUDIO_SPARES"
    struct Spare "pyffaudio_spare":
        int busy
        ff.AVCodecContext *codec
    Spare *spares "pyffaudio_spares"
    unsigned int next_turn "PYFFAUDIO_NEXT_TURN" () nogil

cdef enum:
    MOST_HEADER_BYTES = 32 * 1024


cdef inline bint may_be_kept(ff.AVCodecID codec_id, int header_bytes) noexcept nogil:
    return ((codec_id == ff.AV_CODEC_ID_VORBIS or is_native(codec_id))
            and header_bytes <= MOST_HEADER_BYTES)


cdef inline bint has_set_up(const ff.AVCodecContext *codec,
                            const ff.AVCodecParameters *wanted) noexcept nogil:
    if codec.codec_id != wanted.codec_id or codec.extradata_size != wanted.extradata_size \
            or memcmp(codec.extradata, wanted.extradata, <size_t>wanted.extradata_size) != 0:
        return False
    # The headers of Vorbis say all else.
    return codec.codec_id == ff.AV_CODEC_ID_VORBIS or (
        codec.sample_rate == wanted.sample_rate
        and codec.block_align == wanted.block_align
        and codec.bits_per_coded_sample == wanted.bits_per_coded_sample
        and codec.bits_per_raw_sample == wanted.bits_per_raw_sample
        and ff.av_channel_layout_compare(&codec.ch_layout, &wanted.ch_layout) == 0)


cdef inline ff.AVCodecContext *take_spare(const ff.AVCodecParameters *wanted) noexcept nogil:
    """A decoder that was opened in the same way, NULL if none is at hand."""
    cdef ff.AVCodecContext *codec = NULL
    cdef Spare *spare
    cdef int i
    if not may_be_kept(wanted.codec_id, wanted.extradata_size):
        return NULL
    for i in range(SPARES):
        spare = &spares[i]
        if codec != NULL or not claim(&spare.busy):
            continue
        if spare.codec != NULL and has_set_up(spare.codec, wanted):
            codec = spare.codec
            spare.codec = NULL
        release(&spare.busy)
    return codec


cdef inline bint put_spare(ff.AVCodecContext **codec, int place, bint replaces) noexcept nogil:
    """Exchange a decoder for what is in a place, which is nothing unless it `replaces`."""
    cdef Spare *spare = &spares[place]
    cdef ff.AVCodecContext *kept = codec[0]
    cdef bint put = False
    if claim(&spare.busy):
        put = replaces or spare.codec == NULL
        if put:
            codec[0] = spare.codec
            spare.codec = kept
        release(&spare.busy)
    return put


cdef inline void keep_spare(ff.AVCodecContext **codec) noexcept nogil:
    """Keep a decoder that has met no damage; what is left in its place is to be freed."""
    cdef int i
    if codec[0] == NULL or not ff.avcodec_is_open(codec[0]) \
            or not may_be_kept(codec[0].codec_id, codec[0].extradata_size):
        return
    ff.avcodec_flush_buffers(codec[0])
    for i in range(SPARES):
        if put_spare(codec, i, False):
            return
    put_spare(codec, <int>(next_turn() % SPARES), True)
