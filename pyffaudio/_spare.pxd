"""Decoders that are kept for the next stream of the same set-up.

Those of Vorbis build tables from its headers, which takes longer than to decode a second; files of
one encoder have the same headers. Once flushed such a decoder is as new: it has no other memory.
"""
from libc.string cimport memcmp

from pyffaudio cimport ffmpeg as ff
from pyffaudio._claim cimport claim, release


cdef extern from *:
    """
    /* Of the whole process: `busy` by PYFFAUDIO_CLAIM while one is looked at. */
    enum { PYFFAUDIO_SPARES = 4 };
    static struct pyffaudio_spare { int busy; AVCodecContext *codec; }
        pyffaudio_spares[PYFFAUDIO_SPARES];
    static unsigned pyffaudio_turns;
    #define PYFFAUDIO_NEXT_SPARE() \\
        (__atomic_fetch_add(&pyffaudio_turns, 1, __ATOMIC_RELAXED) % PYFFAUDIO_SPARES)
    """
    enum: SPARES "PYFFAUDIO_SPARES"
    struct Spare "pyffaudio_spare":
        int busy
        ff.AVCodecContext *codec
    Spare *spares "pyffaudio_spares"
    int next_spare "PYFFAUDIO_NEXT_SPARE" () nogil

cdef enum:
    MOST_HEADER_BYTES = 32 * 1024


cdef inline ff.AVCodecContext *take_spare(const ff.AVCodecParameters *wanted) noexcept nogil:
    """A decoder that was opened with these headers, NULL if none is at hand."""
    cdef ff.AVCodecContext *codec = NULL
    cdef Spare *spare
    cdef int i
    if wanted.codec_id != ff.AV_CODEC_ID_VORBIS:
        return NULL
    for i in range(SPARES):
        spare = &spares[i]
        if codec != NULL or not claim(&spare.busy):
            continue
        if spare.codec != NULL and spare.codec.extradata_size == wanted.extradata_size \
                and memcmp(spare.codec.extradata, wanted.extradata, wanted.extradata_size) == 0:
            codec = spare.codec
            spare.codec = NULL
        release(&spare.busy)
    return codec


cdef inline void keep_spare(ff.AVCodecContext **codec) noexcept nogil:
    """Keep a decoder that has met no damage; what is left in its place is to be freed."""
    cdef ff.AVCodecContext *kept = codec[0]
    cdef Spare *spare = &spares[next_spare()]
    if kept != NULL and kept.codec_id == ff.AV_CODEC_ID_VORBIS and ff.avcodec_is_open(kept) \
            and kept.extradata_size <= MOST_HEADER_BYTES and claim(&spare.busy):
        ff.avcodec_flush_buffers(kept)
        codec[0] = spare.codec
        spare.codec = kept
        release(&spare.busy)
