/* Bounds on the tags of one place in a file, for the bundled FFmpeg.

   It looks through all tags for each new one, so that as many as a header has room for take minutes,
   which nothing interrupts. The linker leads its calls of av_dict_set() here (`--wrap`); tags beyond
   the bound are left out, as those beyond Limits.max_tag_bytes are. Options come this way too, of
   which there are never so many.

   Frames of ID3, and the headers of old QuickTime files, may be packed, by up to 1,032 times. Text,
   pictures and tables are packed by 10 times or so: what claims to be more than the bound is taken
   for damaged. */
#include <libavutil/dict.h>
#include <libavutil/mem.h>
#include <zlib.h>

enum { MOST_TAGS = 1024, MOST_UNPACKED = 128 };

int __real_pyffaudio_av_dict_set(AVDictionary **tags, const char *key, const char *value,
                                 int flags);

int __wrap_pyffaudio_av_dict_set(AVDictionary **tags, const char *key, const char *value,
                                 int flags)
{
    if (!value || av_dict_count(*tags) < MOST_TAGS)
        return __real_pyffaudio_av_dict_set(tags, key, value, flags);
    if (flags & AV_DICT_DONT_STRDUP_KEY)
        av_free((void *)key);
    if (flags & AV_DICT_DONT_STRDUP_VAL)
        av_free((void *)value);
    return 0;
}

int __real_uncompress(Bytef *unpacked, uLongf *size, const Bytef *packed, uLong packed_size);

int __wrap_uncompress(Bytef *unpacked, uLongf *size, const Bytef *packed, uLong packed_size)
{
    if (*size / MOST_UNPACKED > packed_size)
        return Z_DATA_ERROR;
    return __real_uncompress(unpacked, size, packed, packed_size);
}
