/* A bound on the tags of one place in a file, for the bundled FFmpeg.

   It looks through all tags for each new one, so that as many as a header has room for take minutes,
   which nothing interrupts. The linker leads its calls of av_dict_set() here (`--wrap`); tags beyond
   the bound are left out, as those beyond Limits.max_tag_bytes are. Options come this way too, of
   which there are never so many. */
#include <libavutil/dict.h>
#include <libavutil/mem.h>

enum { MOST_TAGS = 2048 };

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
