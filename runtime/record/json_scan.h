/* json_scan.h - what reading and writing JSON strings have in common: runs of plain bytes, and
 * UTF-8.
 *
 * Owner:   none; pure.
 * Thread:  any.
 * Memory:  none; never reads at or beyond `end`.
 * Fails:   never.
 *
 * For json*.c only. A byte is plain when it stands for itself in a JSON string: not a quote,
 * backslash, control character or part of a longer UTF-8 sequence. */
#ifndef SRT_RECORD_JSON_SCAN_H
#define SRT_RECORD_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Hostile builds take the portable way, so that it is tested on every machine. */
#if defined(__SSE2__) && !SRT_HOSTILE
#define JSON_SCAN_SSE2 1
#include <emmintrin.h>
#else
#define JSON_SCAN_SSE2 0
#endif

static inline bool json_is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

#if JSON_SCAN_SSE2
/* A bit for each of 16 bytes that is not plain. */
static inline unsigned json_special_bytes(__m128i x)
{
    /* As signed bytes, control characters and everything from 0x80 on are below 0x20. */
    __m128i hit = _mm_or_si128(_mm_cmplt_epi8(x, _mm_set1_epi8(0x20)),
                               _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
                                            _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))));
    return (unsigned)_mm_movemask_epi8(hit);
}

static inline __m128i json_load16(const uint8_t *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}
#endif

/* The first byte from `at` that is not plain, or `end`. The text is known to begin at `begin`. */
static inline const uint8_t *json_plain_end(const uint8_t *begin, const uint8_t *at,
                                            const uint8_t *end)
{
#if JSON_SCAN_SSE2
    while (end - at >= 16) {
        unsigned mask = json_special_bytes(json_load16(at));
        if (mask) {
            return at + __builtin_ctz(mask);
        }
        at += 16;
    }
    if (end - begin >= 16) { /* the rest, seen together with what stands before it */
        unsigned mask = json_special_bytes(json_load16(end - 16)) >> (16 - (end - at));
        return mask ? at + __builtin_ctz(mask) : end;
    }
#else
    (void)begin;
    /* Eight bytes a step: each term has the top bit of a byte set when that byte is, in this order,
     * below 0x20, a quote, a backslash, or has its own top bit set. */
    const uint64_t ones = 0x0101010101010101u;
    while (end - at >= 8) {
        uint64_t x;
        memcpy(&x, at, sizeof x);
        uint64_t quote = x ^ (ones * '"');
        uint64_t slash = x ^ (ones * '\\');
        uint64_t hit = (x - ones * 0x20) | (quote - ones) | (slash - ones) | x;
        if (hit & (ones * 0x80)) {
            break; /* perhaps only by a borrow: the loop below looks at each byte */
        }
        at += 8;
    }
#endif
    while (at < end && json_is_plain(*at)) {
        at++;
    }
    return at;
}

#if JSON_SCAN_SSE2
/* A bit for each of the 16 bytes that is no digit. */
static inline unsigned json_other_mask(const uint8_t *at)
{
    __m128i x = json_load16(at);
    /* As signed bytes, the ten digits become the ten least. */
    __m128i moved = _mm_add_epi8(x, _mm_set1_epi8(0x80 - '0'));
    return (unsigned)_mm_movemask_epi8(_mm_cmpgt_epi8(moved, _mm_set1_epi8(INT8_MIN + 9)));
}
#endif

/* The length of the UTF-8 sequence of more than one byte that begins at `at` (RFC 3629: shortest
 * form, no surrogates, nothing above U+10FFFF); 0 when there is none. */
static inline size_t json_utf8_length(const uint8_t *at, const uint8_t *end)
{
    size_t left = (size_t)(end - at);
    uint8_t a = at[0];
    if (a < 0xc2 || a > 0xf4 || left < 2) {
        return 0;
    }
    uint8_t b = at[1];
    if (a < 0xe0) {
        return (b & 0xc0) == 0x80 ? 2 : 0;
    }
    if (left < 3 || (b & 0xc0) != 0x80 || (at[2] & 0xc0) != 0x80) {
        return 0;
    }
    if (a < 0xf0) {
        bool overlong = a == 0xe0 && b < 0xa0;
        bool surrogate = a == 0xed && b > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    bool overlong = a == 0xf0 && b < 0x90;
    bool beyond = a == 0xf4 && b > 0x8f;
    return left < 4 || (at[3] & 0xc0) != 0x80 || overlong || beyond ? 0 : 4;
}

static inline int json_hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One unit of a string's raw bytes (valid, between the quotes): an escape resolved or a byte
 * copied, as one to four bytes of UTF-8. Returns how many raw bytes it took. */
size_t json_unescape_one(const uint8_t *raw, const uint8_t *end, uint8_t to[4], size_t *ret_count);

#endif
