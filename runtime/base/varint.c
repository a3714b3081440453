#include "base/varint.h"

static uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

size_t srt_put_varlong(uint8_t *to, int64_t value)
{
    uint64_t z = zigzag(value);
    size_t n = 0;
    while (z >= 0x80) {
        to[n++] = (uint8_t)(z | 0x80);
        z >>= 7;
    }
    to[n++] = (uint8_t)z;
    return n;
}

size_t srt_put_varint(uint8_t *to, int32_t value)
{
    return srt_put_varlong(to, value);
}

size_t srt_varlong_size(int64_t value)
{
    uint64_t z = zigzag(value);
    size_t n = 1;
    while (z >= 0x80) {
        z >>= 7;
        n++;
    }
    return n;
}

size_t srt_varint_size(int32_t value)
{
    return srt_varlong_size(value);
}

static size_t get_leb128(const uint8_t *from, size_t size, size_t max_bytes, uint64_t *ret_value)
{
    uint64_t z = 0;
    size_t limit = size < max_bytes ? size : max_bytes;
    for (size_t n = 0; n < limit; n++) {
        uint64_t bits = from[n] & 0x7f;
        if (n == SRT_VARLONG_MAX_BYTES - 1 && bits > 1) {
            return 0; /* more than 64 bits */
        }
        z |= bits << (7 * n);
        if (!(from[n] & 0x80)) {
            *ret_value = z;
            return n + 1;
        }
    }
    return 0;
}

size_t srt_get_varlong(const uint8_t *from, size_t size, int64_t *ret_value)
{
    uint64_t z;
    size_t n = get_leb128(from, size, SRT_VARLONG_MAX_BYTES, &z);
    if (n) {
        *ret_value = unzigzag(z);
    }
    return n;
}

size_t srt_get_varint(const uint8_t *from, size_t size, int32_t *ret_value)
{
    uint64_t z;
    size_t n = get_leb128(from, size, SRT_VARINT_MAX_BYTES, &z);
    if (n == 0 || z > UINT32_MAX) {
        return 0;
    }
    *ret_value = (int32_t)unzigzag(z);
    return n;
}
