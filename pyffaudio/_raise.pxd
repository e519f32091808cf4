"""From a status to the exception that it means: the one place where codes become exceptions."""
from libc.errno cimport ENOMEM
from libc.stdint cimport int64_t

from pyffaudio cimport ffmpeg as ff
from pyffaudio._describe cimport text
from pyffaudio._media cimport Fault, Media
from pyffaudio._memory cimport MEMORY_BESIDE
from pyffaudio._source cimport Source, SourceStop, drop_error


cdef enum:
    HEAD_BYTES = 512            # shown to diagnose: enough to tell a web page


cdef inline object raise_if_stopped(Source *source, limits, str description):
    """Raise what stopped the source, if anything did."""
    from pyffaudio import diagnose
    cdef object error
    if source.error != NULL:
        error = <object>source.error
        drop_error(source)
        raise error
    if source.stop == SourceStop.TIMED_OUT:
        raise diagnose.limit_error(limits, "timeout", description)
    if source.stop == SourceStop.CANCELLED:
        raise RuntimeError(f"{description}: cancelled by another thread")
    if source.stop == SourceStop.INPUT_TOO_LARGE:
        raise diagnose.limit_error(limits, "max_input_bytes", description, source.offset)
    if source.errnum != 0:
        raise diagnose.system_error(source.errnum, description)


cdef inline object memory_error(limits, str description):
    """The exception for an account of memory that was not enough."""
    from pyffaudio import diagnose
    what = f"the samples, and what FFmpeg keeps beyond {MEMORY_BESIDE >> 20} MiB,"
    return diagnose.limit_error(limits, "max_bytes", description, what=what)


cdef inline object raise_if_failed(int64_t status, Source *source, Media *media, limits,
                                   str description):
    """Raise what a negative status means."""
    from pyffaudio import diagnose
    cdef char words[128]
    cdef int64_t head_size = source.start_size if source.start_size < HEAD_BYTES else HEAD_BYTES
    if status >= 0:
        return
    raise_if_stopped(source, limits, description)
    if status == ff.AVERROR(ENOMEM):
        raise MemoryError(f"{description}: FFmpeg could not allocate memory")
    if media.fault == Fault.NO_FAULT:
        ff.av_strerror(<int>status, words, sizeof(words))
        raise diagnose.fault_error("ffmpeg", status, text(words), b"", description, limits)
    fault = diagnose.FAULT_NAMES[<int>media.fault]
    raise diagnose.fault_error(fault, media.fault_value, text(media.fault_name),
                               source.start[:head_size], description, limits)
