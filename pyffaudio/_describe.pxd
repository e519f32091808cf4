"""What a container and the first frame say, as Python objects; text from C and to it."""
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t
from libc.string cimport strlen

from pyffaudio cimport ffmpeg as ff
from pyffaudio._convert cimport Target
from pyffaudio._issues cimport Issues
from pyffaudio._length cimport claimed_frames
from pyffaudio._media cimport Media
from pyffaudio._source cimport Source
from pyffaudio._tags cimport keeps


cdef enum:
    CHAPTER_BYTES = 128         # that a chapter counts for beside its tags

cdef inline str text(const char *chars):
    return "" if chars == NULL else PyUnicode_DecodeUTF8(chars, strlen(chars), "replace")


cdef inline const char *chars_or_null(bytes string) except? NULL:
    """The characters of a bytes object that outlives them, NULL for None."""
    if string is None:
        return NULL
    return string


cdef inline list channel_names(const ff.AVChannelLayout *layout):
    """Each channel's name ("FL"), None where the layout does not say which it is."""
    cdef char name[32]
    cdef int i
    cdef ff.AVChannel channel
    cdef list names = []
    for i in range(layout.nb_channels):
        channel = ff.av_channel_layout_channel_from_index(layout, i)
        if channel == ff.AV_CHAN_NONE or ff.av_channel_name(name, sizeof(name), channel) < 0:
            names.append(None)
        else:
            names.append(text(name))
    return names


cdef inline dict tags_of(const ff.AVDictionary *dictionary, int64_t *left):
    """Those that there is room for, in so many bytes."""
    cdef const ff.AVDictionaryEntry *entry = NULL
    cdef dict tags = {}
    while True:
        entry = ff.av_dict_get(dictionary, "", entry, ff.AV_DICT_IGNORE_SUFFIX)
        if entry == NULL:
            return tags
        if keeps(left, strlen(entry.key) + strlen(entry.value)):
            tags[text(entry.key).lower()] = text(entry.value)


cdef inline str layout_text(const ff.AVChannelLayout *layout):
    """FFmpeg's description; one or two channels of no said place are mono and stereo."""
    cdef ff.AVChannelLayout usual
    cdef char words[128]
    if layout.order == ff.AV_CHANNEL_ORDER_UNSPEC and layout.nb_channels <= 2:
        ff.av_channel_layout_default(&usual, layout.nb_channels)
        layout = &usual
    ff.av_channel_layout_describe(layout, words, sizeof(words))
    return text(words)


cdef inline object positive(int64_t value):
    """The value, None where the container leaves it open."""
    return value if value > 0 else None


cdef inline dict describe_stream(const ff.AVStream *stream, int index, int64_t *left):
    cdef ff.AVCodecParameters *parameters = stream.codecpar
    return {
        "index": index,
        "type": text(ff.av_get_media_type_string(parameters.codec_type)) or "unknown",
        "codec": text(ff.avcodec_get_name(parameters.codec_id)),
        "sample_rate": positive(parameters.sample_rate),
        "num_channels": positive(parameters.ch_layout.nb_channels),
        "is_cover": bool(stream.disposition & ff.AV_DISPOSITION_ATTACHED_PIC),
        "tags": tags_of(stream.metadata, left),
    }


cdef inline list describe_chapters(const ff.AVFormatContext *context, int64_t *left):
    cdef ff.AVChapter *chapter
    cdef unsigned int i
    cdef list chapters = []
    for i in range(context.nb_chapters):
        chapter = context.chapters[i]
        if not keeps(left, CHAPTER_BYTES):
            break
        chapters.append({
            "start_seconds": chapter.start * chapter.time_base.num / <double>chapter.time_base.den,
            "stop_seconds": chapter.end * chapter.time_base.num / <double>chapter.time_base.den,
            "tags": tags_of(chapter.metadata, left),
        })
    return chapters


cdef inline str flac_md5(const ff.AVCodecContext *codec):
    """The MD5 of the samples that STREAMINFO states (RFC 9639, 8.2), "" if it does not."""
    if codec.codec_id != ff.AV_CODEC_ID_FLAC or codec.extradata_size < 34:
        return ""
    md5 = codec.extradata[codec.extradata_size - 16:codec.extradata_size]
    return md5.hex() if any(md5) else ""


cdef inline dict describe(Media *media, const Source *source, int64_t max_tag_bytes):
    """What the container and the first frame say, for AudioInfo."""
    cdef ff.AVCodecParameters *parameters = media.stream.codecpar
    cdef int64_t claimed = claimed_frames(media)
    cdef int64_t left = max_tag_bytes
    # The stream's own come first, as they do where they are the same.
    streams = [describe_stream(media.format.streams[i], i, &left)
               for i in range(<int>media.format.nb_streams)]
    return {
        "sample_rate": media.first_rate,
        "num_channels": media.first_layout.nb_channels,
        "channel_layout": layout_text(&media.first_layout),
        "num_frames": claimed if claimed >= 0 else None,
        "is_exact": media.promised_frames >= 0 and media.promise.end <= source.size,
        "codec": text(ff.avcodec_get_name(media.codec.codec_id)),
        "container": text(media.format.iformat.name),
        "sample_format": text(ff.av_get_sample_fmt_name(<ff.AVSampleFormat>media.first_format)),
        "bits_per_sample": positive(media.codec.bits_per_raw_sample
                                    or ff.av_get_exact_bits_per_sample(media.codec.codec_id)),
        "bit_rate": positive(parameters.bit_rate or media.format.bit_rate),
        "stream_index": media.stream_index,
        "tags": tags_of(media.format.metadata, &left),
        "streams": streams,
        "chapters": describe_chapters(media.format, &left),
    }


cdef inline str dtype_of(dict sample_formats, const Target *target):
    cdef int packed = ff.av_get_packed_sample_fmt(target.sample_format)
    for name, code in sample_formats.items():
        if code == packed and (name == "int8") == target.flips_sign:
            return name


cdef inline list describe_issues(const Issues *issues, tuple codes, int64_t origin, int rate,
                                 int target_rate):
    """(code, frame offset, frames) of each from `origin` on: counted at `rate`, told at
    `target_rate`.
    """
    cdef int i
    cdef list described = []
    for i in range(issues.count):
        begin = max(issues.items[i].position - origin, 0)
        end = issues.items[i].position - origin + issues.items[i].num_frames
        if end >= 0:
            described.append((codes[<int>issues.items[i].code],
                              ff.av_rescale(begin, target_rate, rate),
                              ff.av_rescale(end - begin, target_rate, rate)))
    return described
