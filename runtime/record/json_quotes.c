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

bool json_quotes_find(struct json_quotes *quotes, const uint8_t *text, size_t size)
{
    return size <= JSON_QUOTES_TEXT_MAX && __builtin_cpu_supports("avx2") &&
           __builtin_cpu_supports("bmi") && find_avx2(quotes, text, size);
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
