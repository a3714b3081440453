#include <string.h>

#include "record/json.h"
#include "record/json_scan.h"

enum { REPLACEMENT = 0xfffd };

/* --- reading --- */

static size_t put_utf8(uint8_t to[4], uint32_t code)
{
    if (code < 0x80) {
        to[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (uint8_t)(0xc0 | code >> 6);
        to[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (uint8_t)(0xe0 | code >> 12);
        to[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | code >> 18);
    to[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

/* The number of a \uXXXX at `raw`; -1 when there is no such escape. */
static int32_t hex_escape(const uint8_t *raw, const uint8_t *end)
{
    if (end - raw < 6 || raw[0] != '\\' || raw[1] != 'u') {
        return -1;
    }
    int32_t code = 0;
    for (int i = 2; i < 6; i++) {
        int digit = json_hex_digit(raw[i]);
        if (digit < 0) {
            return -1;
        }
        code = code << 4 | digit;
    }
    return code;
}

size_t json_unescape_one(const uint8_t *raw, const uint8_t *end, uint8_t to[4], size_t *ret_count)
{
    static const char names[] = "\"\\/bfnrt";
    static const char bytes[] = "\"\\/\b\f\n\r\t";
    if (raw[0] != '\\' || end - raw < 2) {
        to[0] = raw[0];
        *ret_count = 1;
        return 1;
    }
    if (raw[1] != 'u') {
        const char *name = memchr(names, raw[1], sizeof names - 1);
        to[0] = name ? (uint8_t)bytes[name - names] : raw[1];
        *ret_count = 1;
        return 2;
    }
    int32_t code = hex_escape(raw, end);
    size_t taken = 6;
    if (code >= 0xd800 && code < 0xdc00) {
        int32_t low = hex_escape(raw + 6, end);
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            taken = 12;
        }
    }
    if (code < 0 || (code >= 0xd800 && code < 0xe000)) {
        code = REPLACEMENT; /* half a pair */
    }
    *ret_count = put_utf8(to, (uint32_t)code);
    return taken;
}

void json_unescape(const char *raw, size_t raw_len, struct srt_buf *to)
{
    const uint8_t *at = (const uint8_t *)raw;
    const uint8_t *end = at + raw_len;
    uint8_t *out = srt_buf_reserve(to, raw_len); /* no escape is shorter than what it stands for */
    if (!out) {
        return;
    }
    uint8_t *start = out;
    while (at < end) {
        const uint8_t *slash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((slash ? slash : end) - at);
        memcpy(out, at, plain);
        out += plain;
        at += plain;
        if (at < end) {
            uint8_t unit[4];
            size_t count;
            at += json_unescape_one(at, end, unit, &count);
            memcpy(out, unit, count);
            out += count;
        }
    }
    to->len += (size_t)(out - start);
}

/* --- writing --- */

/* What stands for a byte that is not plain and not part of valid UTF-8. */
static void put_escape(struct srt_buf *to, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    char text[6] = {'\\', 0, '0', '0', digits[byte >> 4], digits[byte & 15]};
    size_t len = 2;
    switch (byte) {
    case '"':
    case '\\':
        text[1] = (char)byte;
        break;
    case '\b':
        text[1] = 'b';
        break;
    case '\f':
        text[1] = 'f';
        break;
    case '\n':
        text[1] = 'n';
        break;
    case '\r':
        text[1] = 'r';
        break;
    case '\t':
        text[1] = 't';
        break;
    default:
        text[1] = 'u';
        len = 6;
        break;
    }
    srt_buf_put(to, text, len);
}

/* Copy a text if all of it is plain; else what stands at `to` means nothing. Loads and stores
 * overlap, so that two are enough for any size. */
static bool copy_plain(uint8_t *to, const uint8_t *from, size_t size)
{
#if JSON_SCAN_SSE2
    if (size >= 16) {
        unsigned special = 0;
        for (size_t at = 0; at < size && !special; at += 16) {
            at = at > size - 16 ? size - 16 : at;
            __m128i x = json_load16(from + at);
            special = json_special_bytes(x);
            _mm_storeu_si128((__m128i *)(void *)(to + at), x);
        }
        return !special;
    }
    if (size >= 4) {
        uint64_t first = 0;
        uint64_t last = 0;
        size_t width = size >= 8 ? 8 : 4;
        if (width == 8) {
            memcpy(&first, from, 8);
            memcpy(&last, from + size - 8, 8);
            memcpy(to, &first, 8);
            memcpy(to + size - 8, &last, 8);
        } else {
            memcpy(&first, from, 4);
            memcpy(&last, from + size - 4, 4);
            memcpy(to, &first, 4);
            memcpy(to + size - 4, &last, 4);
            first |= first << 32;
            last |= last << 32;
        }
        return !json_special_bytes(_mm_set_epi64x((int64_t)last, (int64_t)first));
    }
    bool plain = true;
    for (size_t i = 0; i < size; i++) {
        plain &= json_is_plain(from[i]);
        to[i] = from[i];
    }
    return plain;
#else
    (void)to;
    (void)from;
    (void)size;
    return false;
#endif
}

void json_put_string(struct srt_buf *to, const char *text, size_t size)
{
    const uint8_t *at = (const uint8_t *)text;
    const uint8_t *end = at + size;
    uint8_t *out = srt_buf_reserve(to, size + 2);
    if (!out) {
        return;
    }
    if (__builtin_expect(copy_plain(out + 1, at, size), 1)) {
        out[0] = out[size + 1] = '"';
        to->len += size + 2;
        return;
    }
    srt_buf_put_u8(to, '"');
    while (at < end) {
        const uint8_t *plain = json_plain_end((const uint8_t *)text, at, end);
        size_t len = 0;
        while (plain < end && *plain >= 0x80 && (len = json_utf8_length(plain, end)) > 0) {
            plain += len;
        }
        srt_buf_put(to, at, (size_t)(plain - at));
        at = plain;
        if (at < end && *at >= 0x80) {
            uint8_t unit[4];
            srt_buf_put(to, unit, put_utf8(unit, REPLACEMENT));
            at++;
        } else if (at < end && !json_is_plain(*at)) {
            put_escape(to, *at);
            at++;
        }
    }
    srt_buf_put_u8(to, '"');
}
