#include "base/buf.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"

enum { BUF_MIN_BYTES = SRT_HOSTILE ? 23 : 256 };

void srt_buf_init(struct srt_buf *buf)
{
    *buf = (struct srt_buf){0};
}

void srt_buf_fini(struct srt_buf *buf)
{
    srt_free(buf->data);
    *buf = (struct srt_buf){0};
}

uint8_t *srt_buf_grow(struct srt_buf *buf, size_t more)
{
    if (buf->failed || more > SIZE_MAX / 2 - buf->len) {
        buf->failed = true;
        return NULL;
    }
    size_t cap = buf->cap ? buf->cap : BUF_MIN_BYTES;
    while (cap < buf->len + more) {
        cap *= 2;
    }
    uint8_t *data = srt_realloc(buf->data, cap);
    if (!data) {
        buf->failed = true;
        return NULL;
    }
    buf->data = data;
    buf->cap = cap;
    return buf->data + buf->len;
}

void srt_buf_vprintf(struct srt_buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    srt_assert(len >= 0);
    uint8_t *to = srt_buf_reserve(buf, (size_t)len + 1);
    if (to) {
        vsnprintf((char *)to, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

void srt_buf_printf(struct srt_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    srt_buf_vprintf(buf, format, args);
    va_end(args);
}

const char *srt_buf_cstr(struct srt_buf *buf)
{
    uint8_t *end = srt_buf_reserve(buf, 1);
    if (!end) {
        return "";
    }
    *end = '\0';
    return (const char *)buf->data;
}

void srt_buf_consume(struct srt_buf *buf, size_t size)
{
    srt_assert(size <= buf->len);
    memmove(buf->data, buf->data + size, buf->len - size);
    buf->len -= size;
}
