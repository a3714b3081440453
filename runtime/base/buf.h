/* buf.h - a growable run of bytes.
 *
 * Owner:   the caller; init/fini, the struct may be embedded. A zeroed struct is a valid empty
 *          buffer.
 * Thread:  one at a time.
 * Memory:  grows by doubling through srt_realloc; clear keeps it for reuse.
 * Fails:   out of memory makes the buffer `failed`: further puts do nothing, what was put before
 *          stays. Ask once at the end with srt_buf_failed(), as one does with a stdio stream. */
#ifndef SRT_BASE_BUF_H
#define SRT_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/varint.h"

struct srt_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    bool failed;
};

void srt_buf_init(struct srt_buf *buf);
void srt_buf_fini(struct srt_buf *buf);

/* Empty it, keep its memory, forget a failure. */
static inline void srt_buf_clear(struct srt_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

static inline bool srt_buf_failed(const struct srt_buf *buf)
{
    return buf->failed;
}

/* Make room for `more` bytes behind the last one; returns where they go, NULL when out of memory.
 * The caller then adds what it wrote to len. */
uint8_t *srt_buf_grow(struct srt_buf *buf, size_t more);

static inline uint8_t *srt_buf_reserve(struct srt_buf *buf, size_t more)
{
    if (buf->failed) {
        return NULL;
    }
    return buf->cap - buf->len >= more && buf->data ? buf->data + buf->len
                                                    : srt_buf_grow(buf, more);
}

static inline void srt_buf_put(struct srt_buf *buf, const void *data, size_t size)
{
    uint8_t *to = srt_buf_reserve(buf, size);
    if (to && size) {
        memcpy(to, data, size);
        buf->len += size;
    }
}

static inline void srt_buf_put_u8(struct srt_buf *buf, uint8_t value)
{
    srt_buf_put(buf, &value, 1);
}

/* Numbers as bytes, big endian. */
static inline void srt_buf_put_be16(struct srt_buf *buf, uint16_t value)
{
    uint8_t bytes[2];
    srt_put_be16(bytes, value);
    srt_buf_put(buf, bytes, sizeof bytes);
}

static inline void srt_buf_put_be32(struct srt_buf *buf, uint32_t value)
{
    uint8_t bytes[4];
    srt_put_be32(bytes, value);
    srt_buf_put(buf, bytes, sizeof bytes);
}

static inline void srt_buf_put_be64(struct srt_buf *buf, uint64_t value)
{
    uint8_t bytes[8];
    srt_put_be64(bytes, value);
    srt_buf_put(buf, bytes, sizeof bytes);
}

static inline void srt_buf_put_str(struct srt_buf *buf, const char *text)
{
    srt_buf_put(buf, text, strlen(text));
}

void srt_buf_printf(struct srt_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void srt_buf_vprintf(struct srt_buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* The content with a NUL behind it (not counted in len); "" when empty or failed. Borrowed. */
const char *srt_buf_cstr(struct srt_buf *buf);

/* Drop the first `size` bytes. */
void srt_buf_consume(struct srt_buf *buf, size_t size);

#endif
