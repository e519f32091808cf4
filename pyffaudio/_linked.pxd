"""Which FFmpeg this process has loaded, from where, and what it has."""
from pyffaudio cimport ffmpeg as ff
from pyffaudio._describe cimport text


cdef extern from "dlfcn.h" nogil:
    ctypedef struct Dl_info:
        const char *dli_fname
    int dladdr(const void *address, Dl_info *info)


cdef inline str dotted(unsigned int version):
    return f"{version >> 16}.{version >> 8 & 255}.{version & 255}"


cdef inline dict versions_of_ffmpeg():
    return {
        "ffmpeg": text(ff.av_version_info()),
        "libavfilter": dotted(ff.avfilter_version()),
        "libavformat": dotted(ff.avformat_version()),
        "libavcodec": dotted(ff.avcodec_version()),
        "libavutil": dotted(ff.avutil_version()),
        "libswresample": dotted(ff.swresample_version()),
        "license": text(ff.avcodec_license()),
        "configuration": text(ff.avcodec_configuration()),
    }


cdef inline str file_of(const void *function):
    cdef Dl_info info
    return text(info.dli_fname) if dladdr(function, &info) != 0 else "unknown"


cdef inline list files_of_ffmpeg():
    return [
        file_of(<void *>ff.avfilter_version), file_of(<void *>ff.avformat_version),
        file_of(<void *>ff.avcodec_version),
        file_of(<void *>ff.avutil_version), file_of(<void *>ff.swresample_version)]


cdef inline list demuxers_of_ffmpeg():
    cdef void *state = NULL
    cdef const ff.AVInputFormat *demuxer = ff.av_demuxer_iterate(&state)
    cdef list names = []
    while demuxer != NULL:
        names.extend(text(demuxer.name).split(","))
        demuxer = ff.av_demuxer_iterate(&state)
    return names


cdef inline list decoders_of_ffmpeg():
    cdef void *state = NULL
    cdef const ff.AVCodec *codec = ff.av_codec_iterate(&state)
    cdef list names = []
    while codec != NULL:
        if codec.type == ff.AVMEDIA_TYPE_AUDIO and ff.av_codec_is_decoder(codec):
            names.append(text(codec.name))
        codec = ff.av_codec_iterate(&state)
    return names
