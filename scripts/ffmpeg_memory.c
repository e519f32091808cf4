/* The allocator of the bundled FFmpeg, libsoxr and zlib: the C library's, with an account kept.

   The linker leads their calls of malloc and the like here (`--wrap`). What one function takes
   another may give back, and a block may come from the C library itself: sizes are asked of it, and
   kept nowhere. */
#define PYFFAUDIO_BUNDLED 1
#include "ffmpeg_memory.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
int __real_posix_memalign(void **block, size_t alignment, size_t size);
void __real_free(void *block);

static __thread struct memory_account *current;

struct memory_account *pyffaudio_count_memory(struct memory_account *account)
{
    struct memory_account *before = current;

    current = account;
    return before;
}

static int may_take(size_t size)
{
    int64_t left = current ? current->most - current->used - current->samples : INT64_MAX;

    if (left >= 0 && size <= (uint64_t)left)
        return 1;
    if (current)
        current->refused = 1;
    errno = ENOMEM;
    return 0;
}

static void *taken(void *block)
{
    if (current && block)
        current->used += malloc_usable_size(block);
    return block;
}

void *__wrap_malloc(size_t size)
{
    return may_take(size) ? taken(__real_malloc(size)) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total) || !may_take(total))
        return NULL;
    return taken(__real_calloc(count, size));
}

int __wrap_posix_memalign(void **block, size_t alignment, size_t size)
{
    int status = may_take(size) ? __real_posix_memalign(block, alignment, size) : ENOMEM;

    if (!status)
        taken(*block);
    return status;
}

void *__wrap_realloc(void *block, size_t size)
{
    size_t before = block ? malloc_usable_size(block) : 0;
    void *moved;

    if (size > before && !may_take(size - before))
        return NULL;
    moved = __real_realloc(block, size);
    if (current && (moved || !size))
        current->used -= before;
    return taken(moved);
}

void __wrap_free(void *block)
{
    if (current && block)
        current->used -= malloc_usable_size(block);
    __real_free(block);
}
