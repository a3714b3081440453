#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* largest first: both the order in which a duration is written and in which it is printed */
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0},
};

static const struct unit size_units[] = {
    {"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20},    {"KiB", 1ull << 10},
    {"TB", 1000000000000ull}, {"GB", 1000000000}, {"MB", 1000000}, {"KB", 1000}, {"B", 1},
    {NULL, 0},
};

static const struct unit count_units[] = {
    {"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {NULL, 0},
};

struct srt_str srt_str_of(const char *text)
{
    return (struct srt_str){text ? text : "", text ? strlen(text) : 0};
}

bool srt_str_is(struct srt_str s, const char *text)
{
    return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

static size_t digits_of(struct srt_str s, uint64_t *ret_value, bool *ret_overflow)
{
    uint64_t value = 0;
    size_t n = 0;
    *ret_overflow = false;
    for (; n < s.n && s.p[n] >= '0' && s.p[n] <= '9'; n++) {
        uint64_t digit = (uint64_t)(s.p[n] - '0');
        *ret_overflow |= __builtin_mul_overflow(value, 10, &value);
        *ret_overflow |= __builtin_add_overflow(value, digit, &value);
    }
    *ret_value = value;
    return n;
}

static size_t letters_of(struct srt_str s)
{
    size_t n = 0;
    while (n < s.n && ((s.p[n] >= 'a' && s.p[n] <= 'z') || (s.p[n] >= 'A' && s.p[n] <= 'Z'))) {
        n++;
    }
    return n;
}

static const struct unit *unit_named(const struct unit *units, struct srt_str name)
{
    for (const struct unit *u = units; u->name; u++) {
        if (srt_str_is(name, u->name)) {
            return u;
        }
    }
    return NULL;
}

/* One <integer><unit>; moves s behind it. */
static int parse_term(struct srt_str *s, const struct unit *units, const struct unit **ret_unit,
                      uint64_t *ret_value)
{
    uint64_t number;
    bool overflow;
    size_t n = digits_of(*s, &number, &overflow);
    struct srt_str rest = {s->p + n, s->n - n};
    size_t letters = letters_of(rest);
    const struct unit *unit = unit_named(units, (struct srt_str){rest.p, letters});
    if (n == 0 || !unit) {
        return SRT_EPARSE;
    }
    if (overflow || __builtin_mul_overflow(number, unit->factor, ret_value) ||
        *ret_value > INT64_MAX) {
        return SRT_ERANGE;
    }
    *s = (struct srt_str){rest.p + letters, rest.n - letters};
    *ret_unit = unit;
    return SRT_OK;
}

int srt_parse_duration_ms(struct srt_str s, int64_t *ret_ms)
{
    uint64_t total = 0;
    const struct unit *last = NULL;
    do {
        const struct unit *unit;
        uint64_t value;
        int rc = parse_term(&s, duration_units, &unit, &value);
        if (rc != SRT_OK) {
            return rc;
        }
        if (last && unit <= last) {
            return SRT_EPARSE; /* "30m1h" and "1h1h" are slips, not sums */
        }
        total += value; /* two values of at most INT64_MAX fit */
        if (total > INT64_MAX) {
            return SRT_ERANGE;
        }
        last = unit;
    } while (s.n > 0);
    *ret_ms = (int64_t)total;
    return SRT_OK;
}

static int parse_single(struct srt_str s, const struct unit *units, uint64_t *ret_value)
{
    const struct unit *unit;
    uint64_t value;
    int rc = parse_term(&s, units, &unit, &value);
    if (rc != SRT_OK) {
        return rc;
    }
    if (s.n > 0) {
        return SRT_EPARSE;
    }
    *ret_value = value;
    return SRT_OK;
}

int srt_parse_size(struct srt_str s, uint64_t *ret_bytes)
{
    return parse_single(s, size_units, ret_bytes);
}

int srt_parse_count(struct srt_str s, int64_t *ret_count)
{
    uint64_t value;
    int rc = parse_single(s, count_units, &value);
    if (rc == SRT_OK) {
        *ret_count = (int64_t)value;
    }
    return rc;
}

int srt_parse_int(struct srt_str s, int64_t *ret_value)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    struct srt_str number = {s.p + negative, s.n - negative};
    uint64_t value;
    bool overflow;
    size_t n = digits_of(number, &value, &overflow);
    if (n == 0 || n != number.n) {
        return SRT_EPARSE;
    }
    if (overflow || value > (uint64_t)INT64_MAX + negative) {
        return SRT_ERANGE;
    }
    *ret_value = negative ? (int64_t)(0 - value) : (int64_t)value;
    return SRT_OK;
}

int srt_parse_double(struct srt_str s, double *ret_value)
{
    char text[64];
    if (s.n == 0 || s.n >= sizeof text) {
        return SRT_EPARSE;
    }
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (strspn(text, "0123456789+-.eE") < s.n) {
        return SRT_EPARSE; /* strtod would also take spaces, hexadecimal, inf and nan */
    }
    char *end;
    double value = strtod(text, &end);
    if (*end != '\0') {
        return SRT_EPARSE;
    }
    if (!isfinite(value)) {
        return SRT_ERANGE;
    }
    *ret_value = value;
    return SRT_OK;
}

int srt_parse_bool(struct srt_str s, bool *ret_value)
{
    if (!srt_str_is(s, "true") && !srt_str_is(s, "false")) {
        return SRT_EPARSE;
    }
    *ret_value = s.n == 4;
    return SRT_OK;
}

char *srt_format_duration(char to[SRT_DURATION_TEXT_MAX], int64_t ms)
{
    srt_assert(ms >= 0);
    uint64_t rest = (uint64_t)ms;
    size_t n = 0;
    for (const struct unit *u = duration_units; u->name; u++) {
        if (rest >= u->factor) {
            n += (size_t)snprintf(to + n, SRT_DURATION_TEXT_MAX - n, "%" PRIu64 "%s",
                                  rest / u->factor, u->name);
            rest %= u->factor;
        }
    }
    if (n == 0) {
        snprintf(to, SRT_DURATION_TEXT_MAX, "0ms");
    }
    return to;
}

char *srt_format_size(char to[SRT_SIZE_TEXT_MAX], uint64_t bytes)
{
    for (const struct unit *u = size_units; u->name; u++) {
        if (bytes >= u->factor && bytes % u->factor == 0) {
            snprintf(to, SRT_SIZE_TEXT_MAX, "%" PRIu64 "%s", bytes / u->factor, u->name);
            return to;
        }
    }
    snprintf(to, SRT_SIZE_TEXT_MAX, "0B");
    return to;
}

size_t srt_edit_distance(struct srt_str a, struct srt_str b, size_t limit)
{
    enum { WORD_MAX = 63 };
    size_t gap = a.n > b.n ? a.n - b.n : b.n - a.n;
    if (a.n > WORD_MAX || b.n > WORD_MAX || gap > limit) {
        return limit + 1;
    }
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= b.n; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t replace = diagonal + (a.p[i - 1] != b.p[j - 1]);
            size_t either = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = replace < either ? replace : either;
        }
    }
    return row[b.n] <= limit ? row[b.n] : limit + 1;
}

bool srt_utf8_valid(const void *data, size_t size)
{
    const uint8_t *p = data;
    const uint8_t *end = p + size;
    while (p < end) {
        uint64_t eight;
        if (end - p >= 8 && (memcpy(&eight, p, 8), !(eight & 0x8080808080808080u))) {
            p += 8;
            continue;
        }
        uint8_t c = *p;
        if (c < 0x80) {
            p++;
            continue;
        }
        int more = c >= 0xc2 && c < 0xe0   ? 1
                   : c >= 0xe0 && c < 0xf0 ? 2
                   : c >= 0xf0 && c < 0xf5 ? 3
                                           : 0;
        if (more == 0 || end - p <= more) {
            return false;
        }
        /* the second byte also rules out overlong forms, surrogates and what is above U+10FFFF */
        uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
        uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        if (p[1] < low || p[1] > high) {
            return false;
        }
        for (int i = 2; i <= more; i++) {
            if ((p[i] & 0xc0) != 0x80) {
                return false;
            }
        }
        p += more + 1;
    }
    return true;
}
