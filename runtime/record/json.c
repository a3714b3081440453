/* One pass over the text does all: grammar, escapes, UTF-8, depth, and the places of the outermost
 * members.
 *
 *     {"id": 7, "items": [{"sku": "a"}, 2], "note": "x"}
 *      ~~    ~   ~~~~~   ~~~~~~~~~~~~~~~~~   ~~~~   ~~~      three slots
 *                        `-- checked by scan_value's loop, noted as one value
 *
 * Nesting is a loop with a stack of one bit a level (object or array), so hostile depth costs
 * nothing. Strings are skipped 16 bytes at a time. There is no tape, no tree and no padding: most
 * records have a handful of fields, of which a script touches few, and the text itself is the best
 * copy of the rest.
 *
 * Touching a nested container indexes it in turn. Then its text is known to be valid, and skipping
 * a value is counting brackets outside strings: index_level() is compiled twice, with and without
 * checks. */
#include "record/json.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "record/json_scan.h"

enum { SLOTS_MIN = SRT_HOSTILE ? 1 : 16 };

#define INLINE static inline __attribute__((always_inline))

/* What the scanners share: where the text ends, and what was wrong first. */
struct scan {
    const uint8_t *end;
    const uint8_t *error_at;
    int error;
};

static const uint8_t *fail(struct scan *s, int error, const uint8_t *at)
{
    s->error = error;
    s->error_at = at;
    return NULL;
}

INLINE const uint8_t *skip_space(const uint8_t *at, const uint8_t *end)
{
    if (__builtin_expect(at < end && *at > ' ', 1)) {
        return at; /* most texts have no space between their parts */
    }
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) {
        at++;
    }
    return at;
}

/* --- strings --- */

/* At a backslash; returns what stands behind the escape. */
static const uint8_t *scan_escape(struct scan *s, const uint8_t *at)
{
    at++;
    if (at == s->end) {
        return fail(s, SRT_EPARSE, at);
    }
    switch (*at) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return at + 1;
    case 'u':
        for (int i = 1; i <= 4; i++) {
            if (at + i == s->end || json_hex_digit(at[i]) < 0) {
                return fail(s, SRT_EPARSE, at + i);
            }
        }
        return at + 5;
    default:
        return fail(s, SRT_EPARSE, at);
    }
}

/* `at` is behind the opening quote; returns the closing one. */
INLINE const uint8_t *scan_string(struct scan *s, const uint8_t *at, bool *ret_escaped)
{
    bool escaped = false;
    for (;;) {
        at = json_plain_end(at, s->end);
        if (__builtin_expect(at == s->end, 0)) {
            return fail(s, SRT_EPARSE, at);
        }
        if (__builtin_expect(*at == '"', 1)) {
            *ret_escaped = escaped;
            return at;
        }
        if (*at == '\\') {
            escaped = true;
            at = scan_escape(s, at);
            if (!at) {
                return NULL;
            }
        } else if (*at < 0x20) {
            return fail(s, SRT_EPARSE, at);
        } else {
            do { /* text that is not ASCII comes in runs */
                size_t len = json_utf8_length(at, s->end);
                if (len == 0) {
                    return fail(s, SRT_EPARSE, at);
                }
                at += len;
            } while (at < s->end && *at >= 0x80);
        }
    }
}

/* The same for text that is known to be valid. */
INLINE const uint8_t *skip_string(const uint8_t *at, const uint8_t *end, bool *ret_escaped)
{
    bool escaped = false;
    for (;;) {
#if JSON_SCAN_SSE2
        while (end - at >= 16) {
            __m128i x = _mm_loadu_si128((const __m128i *)(const void *)at);
            __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
                                       _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
            unsigned mask = (unsigned)_mm_movemask_epi8(hit);
            if (mask) {
                at += __builtin_ctz(mask);
                break;
            }
            at += 16;
        }
#endif
        while (at < end && *at != '"' && *at != '\\') {
            at++;
        }
        srt_assert(at < end);
        if (*at == '"') {
            *ret_escaped = escaped;
            return at;
        }
        escaped = true;
        at += 2;
    }
}

/* --- other scalars --- */

INLINE bool is_digit(const uint8_t *at, const uint8_t *end)
{
    return at < end && (uint8_t)(*at - '0') < 10;
}

INLINE const uint8_t *scan_number(struct scan *s, const uint8_t *at, bool *ret_integer)
{
    const uint8_t *end = s->end;
    bool integer = true;
    at += *at == '-';
    if (!is_digit(at, end)) {
        return fail(s, SRT_EPARSE, at);
    }
    if (*at == '0') {
        at++; /* a digit that follows is then no part of it, and wrong where it stands */
    } else {
        while (is_digit(at, end)) {
            at++;
        }
    }
    if (at < end && *at == '.') {
        integer = false;
        at++;
        if (!is_digit(at, end)) {
            return fail(s, SRT_EPARSE, at);
        }
        while (is_digit(at, end)) {
            at++;
        }
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        integer = false;
        at++;
        at += at < end && (*at == '+' || *at == '-');
        if (!is_digit(at, end)) {
            return fail(s, SRT_EPARSE, at);
        }
        while (is_digit(at, end)) {
            at++;
        }
    }
    *ret_integer = integer;
    return at;
}

static const uint8_t *scan_word(struct scan *s, const uint8_t *at, const char *word)
{
    for (; *word; word++, at++) {
        if (at == s->end || *at != (uint8_t)*word) {
            return fail(s, SRT_EPARSE, at);
        }
    }
    return at;
}

/* A scalar at `at`, noted in *slot; returns what stands behind it. */
INLINE const uint8_t *scan_scalar(struct scan *s, const uint8_t *at, bool trusted,
                                  struct json_slot *slot)
{
    if (__builtin_expect(at == s->end, 0)) {
        return fail(s, SRT_EPARSE, at);
    }
    switch (*at) {
    case '"':
        slot->type = JSON_STRING;
        at = trusted ? skip_string(at + 1, s->end, &slot->value_escaped)
                     : scan_string(s, at + 1, &slot->value_escaped);
        return at ? at + 1 : NULL;
    case 't':
        slot->type = JSON_TRUE;
        return scan_word(s, at, "true");
    case 'f':
        slot->type = JSON_FALSE;
        return scan_word(s, at, "false");
    case 'n':
        slot->type = JSON_NULL;
        return scan_word(s, at, "null");
    default:
        slot->type = JSON_NUMBER;
        if (*at != '-' && (uint8_t)(*at - '0') >= 10) {
            return fail(s, SRT_EPARSE, at);
        }
        return scan_number(s, at, &slot->is_integer);
    }
}

/* --- nested containers --- */

/* From where a member's name must stand, to where its value begins. */
INLINE const uint8_t *scan_name(struct scan *s, const uint8_t *at, bool trusted,
                                struct json_slot *slot, const uint8_t **ret_name)
{
    if (at == s->end || *at != '"') {
        return fail(s, SRT_EPARSE, at);
    }
    const uint8_t *name = at + 1;
    const uint8_t *close = trusted ? skip_string(name, s->end, &slot->key_escaped)
                                   : scan_string(s, name, &slot->key_escaped);
    if (!close) {
        return NULL;
    }
    *ret_name = name;
    slot->key_len = (uint32_t)(close - name);
    at = skip_space(close + 1, s->end);
    if (at == s->end || *at != ':') {
        return fail(s, SRT_EPARSE, at);
    }
    return skip_space(at + 1, s->end);
}

/* Any value at `at`, of which `depth` containers are open around; returns what stands behind it. */
static const uint8_t *scan_value(struct scan *s, const uint8_t *at, uint32_t depth)
{
    uint64_t is_object[SRT_JSON_DEPTH_MAX / 64] = {0};
    static_assert(SRT_JSON_DEPTH_MAX % 64 == 0, "one bit a level");
    struct json_slot ignored;
    const uint8_t *name;
    uint32_t level = depth;
    for (;;) {
        if (at < s->end && (*at == '{' || *at == '[')) {
            if (level == SRT_JSON_DEPTH_MAX) {
                return fail(s, SRT_ETOOBIG, at);
            }
            bool object = *at == '{';
            uint64_t bit = (uint64_t)1 << (level % 64);
            is_object[level / 64] = (is_object[level / 64] & ~bit) | (object ? bit : 0);
            level++;
            at = skip_space(at + 1, s->end);
            if (at == s->end || *at != (object ? '}' : ']')) {
                at = object ? scan_name(s, at, false, &ignored, &name) : at;
                if (!at) {
                    return NULL;
                }
                continue;
            }
            at++;
            level--;
        } else {
            at = scan_scalar(s, at, false, &ignored);
            if (!at) {
                return NULL;
            }
        }
        for (;;) { /* a value has ended, and perhaps the containers that it was the last of */
            if (level == depth) {
                return at;
            }
            bool object = is_object[(level - 1) / 64] >> ((level - 1) % 64) & 1;
            at = skip_space(at, s->end);
            if (at == s->end) {
                return fail(s, SRT_EPARSE, at);
            }
            if (*at == ',') {
                at = skip_space(at + 1, s->end);
                at = object ? scan_name(s, at, false, &ignored, &name) : at;
                break;
            }
            if (*at != (object ? '}' : ']')) {
                return fail(s, SRT_EPARSE, at);
            }
            at++;
            level--;
        }
        if (!at) {
            return NULL;
        }
    }
}

/* A container that is known to be valid: to behind its last bracket. */
static const uint8_t *skip_container(const uint8_t *at, const uint8_t *end)
{
    uint32_t level = 0;
    bool escaped;
    for (;;) {
#if JSON_SCAN_SSE2
        while (end - at >= 16) {
            __m128i x = _mm_loadu_si128((const __m128i *)(const void *)at);
            /* '[' and ']' are '{' and '}' without bit 5 */
            __m128i folded = _mm_or_si128(x, _mm_set1_epi8(0x20));
            __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
                                       _mm_or_si128(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')),
                                                    _mm_cmpeq_epi8(folded, _mm_set1_epi8('}'))));
            unsigned mask = (unsigned)_mm_movemask_epi8(hit);
            if (mask) {
                at += __builtin_ctz(mask);
                break;
            }
            at += 16;
        }
#endif
        srt_assert(at < end);
        switch (*at) {
        case '"':
            at = skip_string(at + 1, end, &escaped);
            break;
        case '{':
        case '[':
            level++;
            break;
        case '}':
        case ']':
            level--;
            break;
        default:
            break;
        }
        at++;
        if (level == 0) {
            return at;
        }
    }
}

/* --- the index --- */

void json_index_init(struct json_index *index)
{
    memset(index, 0, sizeof *index);
}

void json_index_fini(struct json_index *index)
{
    srt_free(index->slots);
    memset(index, 0, sizeof *index);
}

static bool slots_grow(struct json_index *index)
{
    uint32_t cap = index->cap ? 2 * index->cap : SLOTS_MIN;
    struct json_slot *slots = srt_realloc(index->slots, (size_t)cap * sizeof *slots);
    if (!slots) {
        return false;
    }
    index->slots = slots;
    index->cap = cap;
    return true;
}

/* The members of the container that opens at `at`; returns what stands behind it. */
INLINE const uint8_t *index_level(struct json_index *index, struct scan *s, const uint8_t *text,
                                  const uint8_t *at, bool object, bool trusted)
{
    const uint8_t close = object ? '}' : ']';
    at = skip_space(at + 1, s->end);
    if (at < s->end && *at == close) {
        return at + 1;
    }
    for (;;) {
        if (index->count == index->cap && !slots_grow(index)) {
            return fail(s, SRT_ENOMEM, at);
        }
        struct json_slot slot = {0};
        if (object) {
            const uint8_t *name = NULL;
            at = scan_name(s, at, trusted, &slot, &name);
            if (!at) {
                return NULL;
            }
            slot.key_at = (uint32_t)(name - text);
        }
        const uint8_t *value = at;
        if (at < s->end && (*at == '{' || *at == '[')) {
            slot.type = *at == '{' ? JSON_OBJECT : JSON_ARRAY;
            at = trusted ? skip_container(at, s->end) : scan_value(s, at, 1);
        } else {
            at = scan_scalar(s, at, trusted, &slot);
        }
        if (!at) {
            return NULL;
        }
        slot.value_at = (uint32_t)(value - text);
        slot.value_len = (uint32_t)(at - value);
        index->slots[index->count++] = slot;
        at = skip_space(at, s->end);
        if (at == s->end) {
            return fail(s, SRT_EPARSE, at);
        }
        if (*at == close) {
            return at + 1;
        }
        if (*at != ',') {
            return fail(s, SRT_EPARSE, at);
        }
        at = skip_space(at + 1, s->end);
    }
}

INLINE const uint8_t *index_root(struct json_index *index, struct scan *s, const uint8_t *text,
                                 bool trusted)
{
    struct json_slot root = {0};
    const uint8_t *start = skip_space(text, s->end);
    const uint8_t *at;
    if (start < s->end && *start == '{') {
        root.type = JSON_OBJECT;
        at = index_level(index, s, text, start, true, trusted);
    } else if (start < s->end && *start == '[') {
        root.type = JSON_ARRAY;
        at = index_level(index, s, text, start, false, trusted);
    } else {
        at = scan_scalar(s, start, trusted, &root);
    }
    if (!at) {
        return NULL;
    }
    root.value_at = (uint32_t)(start - text);
    root.value_len = (uint32_t)(at - start);
    index->type = (enum json_type)root.type;
    index->root = root;
    at = skip_space(at, s->end);
    return at == s->end ? at : fail(s, SRT_EPARSE, at);
}

int json_index(struct json_index *index, const char *text, size_t size, size_t *ret_error_at)
{
    index->count = 0;
    if (size > INT32_MAX) {
        *ret_error_at = INT32_MAX;
        return SRT_ETOOBIG;
    }
    const uint8_t *from = (const uint8_t *)text;
    struct scan s = {.end = from + size};
    if (__builtin_expect(!index_root(index, &s, from, false), 0)) {
        index->count = 0;
        *ret_error_at = (size_t)(s.error_at - from);
        return s.error;
    }
    return SRT_OK;
}

int json_index_trusted(struct json_index *index, const char *text, size_t size)
{
    index->count = 0;
    srt_assert(size <= INT32_MAX);
    const uint8_t *from = (const uint8_t *)text;
    struct scan s = {.end = from + size};
    if (!index_root(index, &s, from, true)) {
        index->count = 0;
        srt_assert(s.error == SRT_ENOMEM); /* else it was not valid */
        return s.error;
    }
    return SRT_OK;
}

int json_validate(const char *text, size_t size, size_t *ret_error_at)
{
    if (size > INT32_MAX) {
        *ret_error_at = INT32_MAX;
        return SRT_ETOOBIG;
    }
    const uint8_t *from = (const uint8_t *)text;
    struct scan s = {.end = from + size};
    const uint8_t *at = scan_value(&s, skip_space(from, s.end), 0);
    if (at) {
        at = skip_space(at, s.end);
        at = at == s.end ? at : fail(&s, SRT_EPARSE, at);
    }
    if (!at) {
        *ret_error_at = (size_t)(s.error_at - from);
        return s.error;
    }
    return SRT_OK;
}

/* --- finding --- */

static bool escaped_key_is(const uint8_t *raw, uint32_t raw_len, const char *key, size_t key_len)
{
    const uint8_t *end = raw + raw_len;
    size_t matched = 0;
    while (raw < end) {
        uint8_t unit[4];
        size_t count;
        raw += json_unescape_one(raw, end, unit, &count);
        if (key_len - matched < count || memcmp(key + matched, unit, count) != 0) {
            return false;
        }
        matched += count;
    }
    return matched == key_len;
}

const struct json_slot *json_find(const struct json_index *index, const char *text, const char *key,
                                  size_t key_len)
{
    if (index->type != JSON_OBJECT) {
        return NULL;
    }
    for (uint32_t i = index->count; i-- > 0;) {
        const struct json_slot *slot = &index->slots[i];
        const char *name = text + slot->key_at;
        if (slot->key_escaped) {
            if (escaped_key_is((const uint8_t *)name, slot->key_len, key, key_len)) {
                return slot;
            }
        } else if (slot->key_len == key_len && memcmp(name, key, key_len) == 0) {
            return slot;
        }
    }
    return NULL;
}
