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
 * a value is counting brackets outside strings. So index_level() is compiled for three kinds of
 * text (enum trust): valid ones; those that may be anything; and those that may be anything, but of
 * which json_quotes.c has found the quotes. Behind the last kind stand zeros. A zero is never
 * right, so nothing there has to ask whether the text goes on before it looks at the next byte. */
#include "record/json.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "record/json_quotes.h"
#include "record/json_scan.h"

enum { SLOTS_MIN = SRT_HOSTILE ? 1 : 16 };

#define INLINE static inline __attribute__((always_inline))

enum trust {
    CHECKED, /* may be anything */
    QUOTED,  /* the same; its quotes are known, and JSON_PAD_BYTES zeros stand behind it */
    TRUSTED, /* known to be valid */
};

/* What the scanners share: where the text ends, and what was wrong first. */
struct scan {
    const uint8_t *begin;
    const uint8_t *end;
    const struct json_quotes *quotes; /* QUOTED only */
    bool has_escapes; /* seen so far */
    const uint8_t *error_at;
    int error;
};

static const uint8_t *fail(struct scan *s, int error, const uint8_t *at)
{
    s->error = error;
    s->error_at = at;
    return NULL;
}

/* Whether the byte at `at`, which may be the end, is `byte`, which is not zero. */
INLINE bool is_byte(const struct scan *s, const uint8_t *at, uint8_t byte, enum trust trust)
{
    return (trust == QUOTED || at < s->end) && *at == byte;
}

static const uint8_t *skip_spaces(const uint8_t *at, const uint8_t *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) {
        at++;
    }
    return at;
}

INLINE const uint8_t *skip_space(const struct scan *s, const uint8_t *at, enum trust trust)
{
    if (__builtin_expect((trust == QUOTED || at < s->end) && *at > ' ', 1)) {
        return at; /* most texts have no space between their parts */
    }
    return skip_spaces(at, s->end);
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

/* At something that is not plain: an escape, or not ASCII. Goes on to the closing quote. */
static __attribute__((noinline)) const uint8_t *scan_special(struct scan *s, const uint8_t *at,
                                                             bool *ret_escaped)
{
    for (;;) {
        if (at == s->end) {
            return fail(s, SRT_EPARSE, at);
        }
        if (*at == '"') {
            return at;
        }
        if (*at == '\\') {
            *ret_escaped = true;
            s->has_escapes = true;
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
        at = json_plain_end(s->begin, at, s->end);
    }
}

/* `at` is behind the opening quote; returns the closing one. */
INLINE const uint8_t *scan_string(struct scan *s, const uint8_t *at, bool *ret_escaped)
{
    *ret_escaped = false;
    at = json_plain_end(s->begin, at, s->end);
    if (__builtin_expect(at < s->end && *at == '"', 1)) {
        return at;
    }
    return scan_special(s, at, ret_escaped);
}

/* From an opening quote, which is the next one in the list, to the closing one. *ret_escaped is
 * false before. */
INLINE const uint8_t *take_string(struct scan *s, const uint16_t **quote, bool *ret_escaped)
{
    const uint8_t *open = s->begin + (*quote)[0];
    const uint8_t *close = s->begin + (*quote)[1];
    *quote += 2;
    if (__builtin_expect(s->quotes->has_special, 0)) {
        return scan_string(s, open + 1, ret_escaped);
    }
    return __builtin_expect(close == s->end, 0) ? fail(s, SRT_EPARSE, close) : close;
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

/* Any of them, for a string whose opening quote is at `at`. */
INLINE const uint8_t *string_end(struct scan *s, const uint8_t *at, enum trust trust,
                                 const uint16_t **quote, bool *ret_escaped)
{
    switch (trust) {
    case QUOTED:
        return take_string(s, quote, ret_escaped);
    case TRUSTED:
        return skip_string(at + 1, s->end, ret_escaped);
    case CHECKED:
        break;
    }
    return scan_string(s, at + 1, ret_escaped);
}

/* --- other scalars --- */

/* At least one digit; returns what stands behind the last. */
INLINE const uint8_t *scan_digits(struct scan *s, const uint8_t *at)
{
    const uint8_t *first = at;
    while (at < s->end && (uint8_t)(*at - '0') < 10) {
        at++;
    }
    return __builtin_expect(at == first, 0) ? fail(s, SRT_EPARSE, at) : at;
}

static const uint8_t *scan_number(struct scan *s, const uint8_t *at, bool *ret_integer)
{
    const uint8_t *end = s->end;
    at += *at == '-';
    const uint8_t *first = at;
    at = scan_digits(s, first);
    if (!at) {
        return NULL;
    }
    if (*first == '0') {
        at = first + 1; /* a digit that follows is then no part of it, and wrong where it stands */
    }
    bool integer = true;
    if (at < end && *at == '.') {
        integer = false;
        at = scan_digits(s, at + 1);
        if (!at) {
            return NULL;
        }
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        integer = false;
        at++;
        at += at < end && (*at == '+' || *at == '-');
        at = scan_digits(s, at);
    }
    *ret_integer = integer;
    return at;
}

/* The same where 16 bytes can be read: most numbers are digits, perhaps with a point between them,
 * and end within those. How many digits there are is different in each record, so nothing here
 * branches on it. */
INLINE const uint8_t *take_number(struct scan *s, const uint8_t *at, bool *ret_integer)
{
#if JSON_SCAN_SSE2
    unsigned sign = *at == '-';
    const uint8_t *first = at + sign;
    unsigned others = json_other_mask(at) >> sign;
    if (__builtin_expect(others > 1, 1)) {
        unsigned count = (unsigned)__builtin_ctz(others);
        const uint8_t *stop = first + count;
        bool good = count > 0 && (*first != '0' || count == 1);
        *ret_integer = true;
        if (*stop == '.') {
            *ret_integer = false;
            others &= others - 1;
            unsigned behind = (unsigned)__builtin_ctz(others | 1u << 31);
            good &= behind > count + 1 && others != 0;
            stop = first + behind;
        }
        if (__builtin_expect(good && (*stop | 0x20) != 'e', 1)) {
            return stop;
        }
    }
#endif
    return scan_number(s, at, ret_integer);
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
INLINE const uint8_t *scan_scalar(struct scan *s, const uint8_t *at, enum trust trust,
                                  const uint16_t **quote, struct json_slot *slot)
{
    if (trust != QUOTED && __builtin_expect(at == s->end, 0)) {
        return fail(s, SRT_EPARSE, at);
    }
    if (*at == '"') {
        slot->type = JSON_STRING;
        at = string_end(s, at, trust, quote, &slot->value_escaped);
        return at ? at + 1 : NULL;
    }
    if (*at == '-' || (uint8_t)(*at - '0') < 10) {
        slot->type = JSON_NUMBER;
        return trust == QUOTED ? take_number(s, at, &slot->is_integer)
                               : scan_number(s, at, &slot->is_integer);
    }
    switch (*at) {
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
        return fail(s, SRT_EPARSE, at);
    }
}

/* --- nested containers --- */

/* From where a member's name must stand, to where its value begins. */
INLINE const uint8_t *scan_name(struct scan *s, const uint8_t *at, enum trust trust,
                                const uint16_t **quote, struct json_slot *slot)
{
    if (!is_byte(s, at, '"', trust)) {
        return fail(s, SRT_EPARSE, at);
    }
    const uint8_t *name = trust == QUOTED ? s->begin + (*quote)[0] + 1 : at + 1;
    const uint8_t *close = string_end(s, at, trust, quote, &slot->key_escaped);
    if (!close) {
        return NULL;
    }
    slot->key_at = (uint32_t)(name - s->begin);
    slot->key_len = (uint32_t)(close - name);
    at = skip_space(s, close + 1, trust);
    if (!is_byte(s, at, ':', trust)) {
        return fail(s, SRT_EPARSE, at);
    }
    return skip_space(s, at + 1, trust);
}

/* Any value at `at`, of which `depth` containers are open around; returns what stands behind it. */
INLINE const uint8_t *scan_nested(struct scan *s, const uint8_t *at, uint32_t depth,
                                  enum trust trust, const uint16_t **quote)
{
    uint64_t is_object[SRT_JSON_DEPTH_MAX / 64] = {0};
    static_assert(SRT_JSON_DEPTH_MAX % 64 == 0, "one bit a level");
    struct json_slot ignored;
    uint32_t level = depth;
    for (;;) {
        if (is_byte(s, at, '{', trust) || is_byte(s, at, '[', trust)) {
            if (level == SRT_JSON_DEPTH_MAX) {
                return fail(s, SRT_ETOOBIG, at);
            }
            bool object = *at == '{';
            uint64_t bit = (uint64_t)1 << (level % 64);
            is_object[level / 64] = (is_object[level / 64] & ~bit) | (object ? bit : 0);
            level++;
            at = skip_space(s, at + 1, trust);
            if (!is_byte(s, at, object ? '}' : ']', trust)) {
                at = object ? scan_name(s, at, trust, quote, &ignored) : at;
                if (!at) {
                    return NULL;
                }
                continue;
            }
            at++;
            level--;
        } else {
            at = scan_scalar(s, at, trust, quote, &ignored);
            if (!at) {
                return NULL;
            }
        }
        for (;;) { /* a value has ended, and perhaps the containers that it was the last of */
            if (level == depth) {
                return at;
            }
            bool object = is_object[(level - 1) / 64] >> ((level - 1) % 64) & 1;
            at = skip_space(s, at, trust);
            if (is_byte(s, at, ',', trust)) {
                at = skip_space(s, at + 1, trust);
                at = object ? scan_name(s, at, trust, quote, &ignored) : at;
                break;
            }
            if (!is_byte(s, at, object ? '}' : ']', trust)) {
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

static const uint8_t *scan_value(struct scan *s, const uint8_t *at, uint32_t depth)
{
    return scan_nested(s, at, depth, CHECKED, NULL);
}

/* The same with the list of quotes, of which *quote is the next. */
static const uint8_t *scan_quoted(struct scan *s, const uint8_t *at, uint32_t depth,
                                  const uint16_t *quote, const uint16_t **ret_quote)
{
    at = scan_nested(s, at, depth, QUOTED, &quote);
    *ret_quote = quote;
    return at;
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

/* A container inside the outermost one; returns what stands behind it. */
INLINE const uint8_t *inner_end(struct scan *s, const uint8_t *at, enum trust trust,
                                const uint16_t **quote)
{
    if (trust == TRUSTED) {
        return skip_container(at, s->end);
    }
    if (trust == CHECKED) {
        return scan_value(s, at, 1);
    }
    const uint16_t *next; /* so that *quote itself may stay in a register */
    at = scan_quoted(s, at, 1, *quote, &next);
    *quote = next;
    return at;
}

/* The members of the container that opens at `at`; returns what stands behind it. */
INLINE const uint8_t *index_level(struct json_index *index, struct scan *s, const uint8_t *at,
                                  bool object, enum trust trust)
{
    const uint8_t close = object ? '}' : ']';
    const uint16_t *quote = trust == QUOTED ? s->quotes->at : NULL;
    at = skip_space(s, at + 1, trust);
    if (is_byte(s, at, close, trust)) {
        return at + 1;
    }
    for (;;) {
        if (__builtin_expect(index->count == index->cap, 0) && !slots_grow(index)) {
            return fail(s, SRT_ENOMEM, at);
        }
        struct json_slot *slot = &index->slots[index->count];
        *slot = (struct json_slot){0};
        at = object ? scan_name(s, at, trust, &quote, slot) : at;
        if (!at) {
            return NULL;
        }
        const uint8_t *value = at;
        if (!is_byte(s, at, '"', trust) &&
            (is_byte(s, at, '{', trust) || is_byte(s, at, '[', trust))) {
            slot->type = *at == '{' ? JSON_OBJECT : JSON_ARRAY;
            at = inner_end(s, at, trust, &quote);
        } else {
            at = scan_scalar(s, at, trust, &quote, slot);
        }
        if (!at) {
            return NULL;
        }
        slot->value_at = (uint32_t)(value - s->begin);
        slot->value_len = (uint32_t)(at - value);
        index->count++;
        at = skip_space(s, at, trust);
        if (is_byte(s, at, close, trust)) {
            return at + 1;
        }
        if (!is_byte(s, at, ',', trust)) {
            return fail(s, SRT_EPARSE, at);
        }
        at = skip_space(s, at + 1, trust);
    }
}

INLINE const uint8_t *index_root(struct json_index *index, struct scan *s, enum trust trust)
{
    struct json_slot root = {0};
    const uint16_t *quote = trust == QUOTED ? s->quotes->at : NULL;
    const uint8_t *start = skip_space(s, s->begin, trust);
    const uint8_t *at;
    if (is_byte(s, start, '{', trust)) {
        root.type = JSON_OBJECT;
        at = index_level(index, s, start, true, trust);
    } else if (is_byte(s, start, '[', trust)) {
        root.type = JSON_ARRAY;
        at = index_level(index, s, start, false, trust);
    } else {
        at = scan_scalar(s, start, trust, &quote, &root);
    }
    if (!at) {
        return NULL;
    }
    root.value_at = (uint32_t)(start - s->begin);
    root.value_len = (uint32_t)(at - start);
    index->type = (enum json_type)root.type;
    index->root = root;
    at = skip_space(s, at, trust);
    return at == s->end ? at : fail(s, SRT_EPARSE, at);
}

INLINE int index_text(struct json_index *index, const char *text, size_t size, enum trust trust,
                      const struct json_quotes *quotes, size_t *ret_error_at)
{
    index->count = 0;
    if (size > INT32_MAX) {
        *ret_error_at = INT32_MAX;
        return SRT_ETOOBIG;
    }
    const uint8_t *from = (const uint8_t *)text;
    struct scan s = {.begin = from, .end = from + size, .quotes = quotes};
    if (__builtin_expect(!index_root(index, &s, trust), 0)) {
        index->count = 0;
        *ret_error_at = (size_t)(s.error_at - from);
        return s.error;
    }
    index->may_have_escapes = trust == TRUSTED || s.has_escapes;
    return SRT_OK;
}

int json_index(struct json_index *index, const char *text, size_t size, size_t *ret_error_at)
{
    return index_text(index, text, size, CHECKED, NULL, ret_error_at);
}

int json_index_padded(struct json_index *index, const char *text, size_t size,
                      size_t *ret_error_at)
{
    srt_assert(text[size] == '\0');
    struct json_quotes quotes;
    if (json_quotes_find(&quotes, (const uint8_t *)text, size)) {
        return index_text(index, text, size, QUOTED, &quotes, ret_error_at);
    }
    return index_text(index, text, size, CHECKED, NULL, ret_error_at);
}

int json_index_trusted(struct json_index *index, const char *text, size_t size)
{
    srt_assert(size <= INT32_MAX);
    size_t error_at;
    int rc = index_text(index, text, size, TRUSTED, NULL, &error_at);
    srt_assert(rc == SRT_OK || rc == SRT_ENOMEM); /* else it was not valid */
    return rc;
}

int json_validate(const char *text, size_t size, size_t *ret_error_at)
{
    if (size > INT32_MAX) {
        *ret_error_at = INT32_MAX;
        return SRT_ETOOBIG;
    }
    const uint8_t *from = (const uint8_t *)text;
    struct scan s = {.begin = from, .end = from + size};
    const uint8_t *at = scan_value(&s, skip_space(&s, from, CHECKED), 0);
    if (at) {
        at = skip_space(&s, at, CHECKED);
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
