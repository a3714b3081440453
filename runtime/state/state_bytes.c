#include "state/state_bytes.h"

#include "base/assert.h"

void state_bytes_put_int(struct srt_buf *to, int64_t value)
{
    uint8_t *at = srt_buf_reserve(to, SRT_VARLONG_MAX_BYTES);
    if (at) {
        to->len += srt_put_varlong(at, value);
    }
}

void state_bytes_put_count(struct srt_buf *to, uint64_t count)
{
    srt_assert(count <= INT64_MAX);
    state_bytes_put_int(to, (int64_t)count);
}

void state_bytes_put_double(struct srt_buf *to, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    srt_buf_put_be64(to, bits);
}

bool state_bytes_get_u8(const uint8_t **at, const uint8_t *end, uint8_t max, uint8_t *ret)
{
    if (*at == end || **at > max) {
        return false;
    }
    *ret = *(*at)++;
    return true;
}

bool state_bytes_get_u64(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
    if (end - *at < 8) {
        return false;
    }
    *ret = srt_get_be64(*at);
    *at += 8;
    return true;
}

bool state_bytes_get_double(const uint8_t **at, const uint8_t *end, double *ret)
{
    uint64_t bits;
    if (!state_bytes_get_u64(at, end, &bits)) {
        return false;
    }
    memcpy(ret, &bits, sizeof *ret);
    return true;
}

bool state_bytes_get_int(const uint8_t **at, const uint8_t *end, int64_t min, int64_t max,
                         int64_t *ret)
{
    int64_t value;
    size_t size = srt_get_varlong(*at, (size_t)(end - *at), &value);
    if (size == 0 || value < min || value > max || size != srt_varlong_size(value)) {
        return false;
    }
    *at += size;
    *ret = value;
    return true;
}

bool state_bytes_get_count(const uint8_t **at, const uint8_t *end, size_t item_bytes, uint64_t max,
                           size_t *ret)
{
    const uint8_t *next = *at;
    int64_t count;
    if (!state_bytes_get_int(&next, end, 0, INT64_MAX, &count) || (uint64_t)count > max ||
        (uint64_t)count > (uint64_t)(end - next) / item_bytes) {
        return false;
    }
    *at = next;
    *ret = (size_t)count;
    return true;
}

bool state_bytes_get_bytes(const uint8_t **at, const uint8_t *end, const uint8_t **ret_data,
                           size_t *ret_len)
{
    size_t len;
    if (!state_bytes_get_count(at, end, 1, SIZE_MAX, &len)) {
        return false;
    }
    *ret_data = *at;
    *ret_len = len;
    *at += len;
    return true;
}
