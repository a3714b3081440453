#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"

void *srt_alloc(size_t size)
{
    if (SRT_FAULT(alloc)) {
        return NULL;
    }
    return malloc(size ? size : 1);
}

void *srt_realloc(void *ptr, size_t size)
{
    if (SRT_FAULT(alloc)) {
        return NULL;
    }
    return realloc(ptr, size ? size : 1);
}

void srt_out_of_memory(size_t size)
{
    fprintf(stderr, "streamrt: out of memory (%zu bytes wanted)\n", size);
    _Exit(1);
}

static void *or_exit(void *ptr, size_t size)
{
    if (!ptr) {
        srt_out_of_memory(size);
    }
    return ptr;
}

void *srt_xalloc(size_t size)
{
    return or_exit(malloc(size ? size : 1), size);
}

void *srt_xcalloc(size_t count, size_t size)
{
    return or_exit(calloc(count ? count : 1, size ? size : 1), count * size);
}

void *srt_xrealloc(void *ptr, size_t size)
{
    return or_exit(realloc(ptr, size ? size : 1), size);
}

char *srt_xstrdup(const char *text)
{
    return srt_xstrndup(text, strlen(text));
}

char *srt_xstrndup(const char *text, size_t len)
{
    char *copy = srt_xalloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *srt_xasprintf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int len = vasprintf(&text, format, args);
    va_end(args);
    return or_exit(len < 0 ? NULL : text, 0);
}

void srt_free(void *ptr)
{
    free(ptr);
}
