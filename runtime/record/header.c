#include "record/header.h"

#include "base/assert.h"
#include "base/varint.h"

void header_put(struct srt_buf *to, const char *name, size_t name_len, const void *value,
                int32_t value_len)
{
    srt_assert(name_len <= INT32_MAX && value_len >= RECORD_ABSENT);
    size_t value_bytes = value_len > 0 ? (size_t)value_len : 0;
    uint8_t *start = srt_buf_reserve(to, 2 * SRT_VARINT_MAX_BYTES + name_len + value_bytes);
    if (!start) {
        return;
    }
    uint8_t *at = start;
    at += srt_put_varint(at, (int32_t)name_len);
    if (name_len) {
        memcpy(at, name, name_len);
        at += name_len;
    }
    at += srt_put_varint(at, value_len);
    if (value_bytes) {
        memcpy(at, value, value_bytes);
        at += value_bytes;
    }
    to->len += (size_t)(at - start);
}

int header_next(const uint8_t *headers, uint32_t headers_len, uint32_t *at, struct header *ret)
{
    uint32_t pos = *at;
    if (pos == headers_len) {
        return SRT_EEND;
    }
    if (pos > headers_len) {
        return SRT_ECORRUPT;
    }
    int32_t name_len;
    size_t used = srt_get_varint(headers + pos, headers_len - pos, &name_len);
    pos += (uint32_t)used;
    if (used == 0 || name_len < 0 || (uint32_t)name_len > headers_len - pos) {
        return SRT_ECORRUPT;
    }
    struct header found = {.name = headers + pos, .name_len = name_len};
    pos += (uint32_t)name_len;
    used = srt_get_varint(headers + pos, headers_len - pos, &found.value_len);
    pos += (uint32_t)used;
    if (used == 0 || found.value_len < RECORD_ABSENT) {
        return SRT_ECORRUPT;
    }
    if (found.value_len > 0 && (uint32_t)found.value_len > headers_len - pos) {
        return SRT_ECORRUPT;
    }
    found.value = found.value_len == RECORD_ABSENT ? NULL : headers + pos;
    pos += found.value_len > 0 ? (uint32_t)found.value_len : 0;
    *at = pos;
    *ret = found;
    return SRT_OK;
}

int header_check(const uint8_t *headers, uint32_t headers_len, int32_t count)
{
    uint32_t at = 0;
    struct header header;
    for (int32_t i = 0; i < count; i++) {
        if (header_next(headers, headers_len, &at, &header) != SRT_OK) {
            return SRT_ECORRUPT;
        }
    }
    return count >= 0 && at == headers_len ? SRT_OK : SRT_ECORRUPT;
}
