/* A scanner that looks for the end of a string before it knows where the next one begins waits for
 * each of these answers in turn: of the 120 ns that it takes for a record of eleven fields, most
 * is waiting. So the positions of all quotes are found first, 64 bytes at a time, none of which
 * depends on the one before:
 *
 *     text     {"id":7,"note":"a \"b\""}
 *     quotes    ^  ^   ^    ^ ^       ^         1 4 8 13 15 24, then the size
 *
 * and the scanner (json.c) takes the end of a string from the list. It still looks at every byte
 * outside of strings; a string itself needs a second look only where `has_special` says that
 * anything in the text does. (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019,
 * find all structural characters in this way. Strings are enough here, because an index has no use
 * for what is inside a nested container.) */
#include "record/json_quotes.h"

#include "record/json_scan.h"

#if defined(__x86_64__) && defined(__GNUC__) && !SRT_HOSTILE

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,bmi,popcnt")))

/* Which bytes of a block a backslash escapes. Of a run of backslashes every other one does; `carry`
 * is 1 when the last one of the block before did. */
static uint64_t escaped_bytes(uint64_t backslash, uint64_t *carry)
{
    const uint64_t even = 0x5555555555555555u;
    backslash &= ~*carry;
    uint64_t follows = backslash << 1 | *carry;
    uint64_t odd_starts = backslash & ~even & ~follows;
    uint64_t even_runs;
    *carry = __builtin_add_overflow(odd_starts, backslash, &even_runs);
    return (even ^ even_runs << 1) & follows;
}

AVX2 static inline uint16_t *put_positions(uint16_t *to, uint64_t bits, size_t base)
{
    int count = __builtin_popcountll(bits);
    /* Some at a time, needed or not: a loop that ends anywhere is always a surprise. */
    int done = 0;
    do {
        for (int i = 0; i < 4; i++) {
            to[done + i] = (uint16_t)(base + _tzcnt_u64(bits));
            bits = _blsr_u64(bits);
        }
        done += 4;
    } while (done < count);
    return to + count;
}

AVX2 static inline __m256i load32(const uint8_t *at)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

AVX2 static inline uint64_t equal_bytes(__m256i low, __m256i high, char byte)
{
    const __m256i all = _mm256_set1_epi8(byte);
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, all)) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, all)) << 32;
}

AVX2 static inline __m256i special_bytes(__m256i x)
{
    /* As signed bytes, control characters and everything from 0x80 on are below a space. */
    return _mm256_or_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(' '), x),
                           _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\\')));
}

/* From somewhere in the first half on: zeros where the text is, spaces behind it. */
#define SPACES16 "                "
static const uint8_t behind[128] =
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" SPACES16 SPACES16
        SPACES16 SPACES16;

/* `escapes`: look for backslashes. Else the positions are wrong where there are some. */
AVX2 static inline uint16_t *find_all(struct json_quotes *quotes, const uint8_t *text, size_t size,
                                      bool escapes)
{
    uint16_t *to = quotes->at;
    __m256i special = _mm256_setzero_si256();
    uint64_t carry = 0;
    for (size_t base = 0; base < size; base += 64) {
        __m256i low = load32(text + base);
        __m256i high = load32(text + base + 32);
        if (size - base < 64) { /* the zeros behind the text are no control characters */
            const uint8_t *spaces = behind + 64 - (size - base);
            low = _mm256_or_si256(low, load32(spaces));
            high = _mm256_or_si256(high, load32(spaces + 32));
        }
        uint64_t bits = equal_bytes(low, high, '"');
        if (escapes) {
            bits &= ~escaped_bytes(equal_bytes(low, high, '\\'), &carry);
        }
        __m256i either = _mm256_or_si256(special_bytes(low), special_bytes(high));
        special = _mm256_or_si256(special, either);
        to = put_positions(to, bits, base);
    }
    quotes->has_special = !_mm256_testz_si256(special, special);
    return to;
}

AVX2 static bool find_avx2(struct json_quotes *quotes, const uint8_t *text, size_t size)
{
    uint16_t *to = find_all(quotes, text, size, false);
    if (__builtin_expect(quotes->has_special, 0)) {
        to = find_all(quotes, text, size, true);
        quotes->has_special = true;
    }
    to[0] = to[1] = (uint16_t)size;
    return true;
}

/* --- the same where one instruction lists the positions of a block --- */

static const _Alignas(64) uint8_t byte_numbers[64] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
};

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,popcnt")))

/* Up to 32 positions at once, needed or not; a block of that many quotes is rare. */
AVX512 static inline uint16_t *put_compressed(uint16_t *to, uint64_t bits, size_t base)
{
    const __m512i numbers = _mm512_load_si512(byte_numbers);
    __m512i at = _mm512_maskz_compress_epi8(bits, numbers);
    __m512i start = _mm512_set1_epi16((short)base);
    int count = __builtin_popcountll(bits);
    __m512i low = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(at));
    _mm512_storeu_si512(to, _mm512_add_epi16(low, start));
    if (__builtin_expect(count > 32, 0)) {
        __m512i high = _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(at, 1));
        _mm512_storeu_si512(to + 32, _mm512_add_epi16(high, start));
    }
    return to + count;
}

AVX512 static inline uint16_t *find_wide(struct json_quotes *quotes, const uint8_t *text,
                                         size_t size, bool escapes)
{
    const __m512i quote = _mm512_set1_epi8('"');
    const __m512i slash = _mm512_set1_epi8('\\');
    const __m512i space = _mm512_set1_epi8(' ');
    uint16_t *to = quotes->at;
    uint64_t special = 0;
    uint64_t carry = 0;
    for (size_t base = 0; base < size; base += 64) {
        uint64_t inside = size - base < 64 ? ((uint64_t)1 << (size - base)) - 1 : ~(uint64_t)0;
        __m512i x = _mm512_loadu_si512(text + base);
        uint64_t bits = _mm512_cmpeq_epi8_mask(x, quote);
        uint64_t slashes = _mm512_cmpeq_epi8_mask(x, slash);
        special |= (slashes | _mm512_cmplt_epi8_mask(x, space)) & inside;
        if (escapes) {
            bits &= ~escaped_bytes(slashes, &carry);
        }
        to = put_compressed(to, bits, base);
    }
    quotes->has_special = special != 0;
    return to;
}

AVX512 static bool find_avx512(struct json_quotes *quotes, const uint8_t *text, size_t size)
{
    uint16_t *to = find_wide(quotes, text, size, false);
    if (__builtin_expect(quotes->has_special, 0)) {
        to = find_wide(quotes, text, size, true);
    }
    to[0] = to[1] = (uint16_t)size;
    return true;
}

bool json_quotes_find(struct json_quotes *quotes, const uint8_t *text, size_t size)
{
    if (size > JSON_QUOTES_TEXT_MAX) {
        return false;
    }
    if (__builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw")) {
        return find_avx512(quotes, text, size);
    }
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           find_avx2(quotes, text, size);
}

#else

bool json_quotes_find(struct json_quotes *quotes, const uint8_t *text, size_t size)
{
    (void)quotes;
    (void)text;
    (void)size;
    return false;
}

#endif
