"""The decoder of FLAC frames that is written in C: see flac_kernel.h."""
from libc.stdint cimport uint8_t


cdef extern from "flac_kernel.h" nogil:
    int FLAC_STREAMINFO_BYTES
    ctypedef struct FlacKernel "struct flac_kernel":
        int max_block
        int sample_rate
        int channels
        int bits
    FlacKernel *flac_kernel_new(const uint8_t *streaminfo)
    void flac_kernel_free(FlacKernel *kernel)
    int flac_kernel_decode(FlacKernel *kernel, const uint8_t *data, size_t size)
    void flac_kernel_write(const FlacKernel *kernel, void *out)
