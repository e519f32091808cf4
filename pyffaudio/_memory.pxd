"""The account of memory that a stream's samples and FFmpeg together may take.

FFmpeg's part is counted where it is the bundled one, on Linux: see ffmpeg_memory.h. Whoever calls
FFmpeg for a stream has its memory counted before, and none after. While Python runs nothing is
counted, not even within a callback: other streams may be worked on there, and in between.
"""
from libc.stdint cimport INT64_MAX, int64_t


cdef extern from "ffmpeg_memory.h" nogil:
    ctypedef struct MemoryAccount "struct memory_account":
        int64_t most
        int64_t used
        int64_t samples
        int refused
    # Has this thread's be counted from now on; answers which was before.
    MemoryAccount *count_memory "pyffaudio_count_memory" (MemoryAccount *account)

cdef enum:
    # What FFmpeg may take beyond Limits.max_bytes: a file that needs more has a forged index, or
    # hours of audio, and a limit that expects these.
    MEMORY_BESIDE = 56 * 1024 * 1024


cdef inline void open_account(MemoryAccount *account, int64_t max_bytes) noexcept nogil:
    account.most = min(max_bytes, INT64_MAX - MEMORY_BESIDE) + MEMORY_BESIDE


cdef inline void take_samples(MemoryAccount *account, int64_t size) noexcept nogil:
    account.samples += size
    if account.used > account.most - account.samples:
        account.refused = True
