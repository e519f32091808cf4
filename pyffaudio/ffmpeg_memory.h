/* What the bundled FFmpeg takes of memory is counted, and refused beyond a bound. */
#ifndef PYFFAUDIO_FFMPEG_MEMORY_H
#define PYFFAUDIO_FFMPEG_MEMORY_H

#include <stdint.h>

struct memory_account {
    int64_t most;               /* bytes that `used` and `samples` may come to together */
    int64_t used;               /* by FFmpeg, for as long as it holds them */
    int64_t samples;            /* given to the caller, who counts them here */
    int refused;                /* whether there was not enough */
};

/* What this thread's FFmpeg takes and gives back from now on is counted here; NULL is nowhere. Who
   was counted for before is the answer, for when this one is through. */
#if PYFFAUDIO_BUNDLED && defined(__linux__)
struct memory_account *pyffaudio_count_memory(struct memory_account *account);
#else
static inline struct memory_account *pyffaudio_count_memory(struct memory_account *account)
{
    (void)account;
    return 0;
}
#endif

#endif
