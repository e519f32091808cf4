/* The allocator of the bundled FFmpeg, libsoxr and zlib: the C library's, with an account kept.

   The linker leads their calls of malloc and the like here (`--wrap`). What one function takes
   another may give back, and a block may come from the C library itself: sizes are asked of it, and
   kept nowhere. */
#define PYFFAUDIO_BUNDLED 1
#include "ffmpeg_memory.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The pages of what is at least so large go back to the system as soon as they are free. */
#define LARGE ((size_t)1 << 20)
/* What is larger the C library maps by itself, and moves without a copy: so much room its heap keeps. */
#define LARGEST_IN_HEAP ((size_t)64 << 20)

/* What a block takes beside itself where it is small: the C library's own words, and what is left
   over between aligned ones. */
#define BESIDE 64

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

    if (left >= BESIDE && size <= (uint64_t)left - BESIDE)
        return 1;
    if (current)
        current->refused = 1;
    errno = ENOMEM;
    return 0;
}

static void *taken(void *block)
{
    if (current && block)
        current->used += malloc_usable_size(block) + BESIDE;
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

/* The C library keeps the pages of what was freed in its heap, where what is larger finds no place: the
   process would have half as much again as the account. */
static void give_pages_back(void *block, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)block + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)block + size) & ~(page - 1);
    int error = errno;

    if (end > first)
        madvise((void *)first, end - first, MADV_DONTNEED);
    errno = error;
}

/* In pieces, so that no page is there twice. */
static void *moved(char *block, size_t before, size_t size)
{
    char *there = __real_malloc(size);
    size_t at, piece;

    if (!there)
        return NULL;
    for (at = 0; at < before; at += piece) {
        piece = before - at < LARGE ? before - at : LARGE;
        memcpy(there + at, block + at, piece);
        give_pages_back(block + at, piece);
    }
    __real_free(block);
    return there;
}

void *__wrap_realloc(void *block, size_t size)
{
    size_t before = block ? malloc_usable_size(block) : 0;
    void *there;

    if (size > before && !may_take(size - before))
        return NULL;
    if (size > before && before >= LARGE && before <= LARGEST_IN_HEAP)
        there = moved(block, before, size);
    else
        there = __real_realloc(block, size);
    if (current && block && (there || !size))
        current->used -= before + BESIDE;
    return taken(there);
}

void __wrap_free(void *block)
{
    size_t size = block ? malloc_usable_size(block) : 0;

    if (current && block)
        current->used -= size + BESIDE;
    if (size >= LARGE)
        give_pages_back(block, size);
    __real_free(block);
}
