#include "limit_json.h"

#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The closing quote of the string whose first byte is at p. */
static const char *string_end(const char *p)
{
    for (;;) {
#ifdef __SSE2__
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
        __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
        unsigned found = (unsigned)_mm_movemask_epi8(_mm_or_si128(quote, slash));
        if (found == 0) {
            p += 16;
            continue;
        }
        p += __builtin_ctz(found);
#else
        p += strcspn(p, "\"\\");
#endif
        if (*p == '"') {
            return p;
        }
        p += 2;
    }
}

bool limit_json_next(const char **at, struct limit_field *ret)
{
    const char *p = *at;
    p += *p == ',';
    if (*p != '"') {
        return false;
    }
    ret->key = p + 1;
    p = string_end(p + 1);
    ret->key_len = (size_t)(p - ret->key);
    p += 2;
    ret->value = p;
    if (*p == '"') {
        p = string_end(p + 1) + 1;
    } else {
        while (*p != ',' && *p != '}') {
            p++;
        }
    }
    ret->value_len = (size_t)(p - ret->value);
    *at = p;
    return true;
}

bool limit_json_find(const char *record, const char *key, size_t key_len, struct limit_field *ret)
{
    const char *at = record + 1;
    while (limit_json_next(&at, ret)) {
        if (ret->key_len == key_len && memcmp(ret->key, key, key_len) == 0) {
            return true;
        }
    }
    return false;
}

bool limit_json_number(const char *text, size_t len, int64_t *ret_integer, double *ret_number)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    int64_t digits = 0;
    size_t dot = len;
    bool negative = *text == '-';
    for (size_t i = negative; i < len; i++) {
        if (text[i] == '.') {
            dot = i;
        } else if (text[i] < '0' || text[i] > '9' || i > 15) {
            *ret_number = strtod(text, NULL);
            return false;
        } else {
            digits = digits * 10 + (text[i] - '0');
        }
    }
    digits = negative ? -digits : digits;
    if (dot == len) {
        *ret_integer = digits;
        return true;
    }
    if (len - dot - 1 >= sizeof powers / sizeof powers[0]) {
        *ret_number = strtod(text, NULL);
        return false;
    }
    *ret_number = (double)digits / powers[len - dot - 1];
    return false;
}
