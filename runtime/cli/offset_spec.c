#include "cli/offset_spec.h"

#include "base/str.h"

#include <stdbool.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Exactly `count` digits. */
static bool read_digits(const char **at, int count, int64_t *ret)
{
    int64_t value = 0;
    for (int i = 0; i < count; i++) {
        if (!is_digit((*at)[i])) {
            return false;
        }
        value = value * 10 + ((*at)[i] - '0');
    }
    *at += count;
    *ret = value;
    return true;
}

static bool read_char(const char **at, char c)
{
    if (**at != c) {
        return false;
    }
    *at += 1;
    return true;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar, years 1970 to 9999. March is taken as
 * the first month, so that the leap day is the last of its year. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3;
    int64_t era_days = 365 * y + y / 4 - y / 100 + y / 400;
    return era_days + (153 * m + 2) / 5 + day - 1 - 719468;
}

static bool read_fraction(const char **at, int64_t *ret_ms)
{
    int64_t ms = 0;
    int digits = 0;
    for (; is_digit(**at); *at += 1, digits++) {
        if (digits < 3) {
            ms = ms * 10 + (**at - '0');
        }
    }
    for (int i = digits; i < 3; i++) {
        ms *= 10;
    }
    *ret_ms = ms;
    return digits > 0;
}

/* "+02:00", "Z" or nothing, which is UTC too. */
static bool read_zone(const char **at, int64_t *ret_minutes)
{
    int64_t hours;
    int64_t minutes;
    *ret_minutes = 0;
    if (read_char(at, 'Z') || (**at != '+' && **at != '-')) {
        return true;
    }
    int64_t sign = **at == '-' ? -1 : 1;
    *at += 1;
    if (!read_digits(at, 2, &hours) || !read_char(at, ':') || !read_digits(at, 2, &minutes)) {
        return false;
    }
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

/* 2026-01-05, 2026-01-05T10:00, 2026-01-05T10:00:00.250Z. */
static bool read_date(const char **at, int64_t *ret_ms)
{
    int64_t year, month, day, hour = 0, minute = 0, second = 0, ms = 0, zone = 0;
    if (!read_digits(at, 4, &year) || !read_char(at, '-') || !read_digits(at, 2, &month) ||
        !read_char(at, '-') || !read_digits(at, 2, &day)) {
        return false;
    }
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31) {
        return false;
    }
    if (read_char(at, 'T')) {
        if (!read_digits(at, 2, &hour) || !read_char(at, ':') || !read_digits(at, 2, &minute)) {
            return false;
        }
        /* "10:00:5m" is a time and a duration behind it, "10:00:05" has seconds */
        if (at[0][0] == ':' && is_digit(at[0][1]) && is_digit(at[0][2]) &&
            (at[0][3] == '\0' || strchr(".Z+-:", at[0][3]))) {
            *at += 1;
            read_digits(at, 2, &second);
            if (read_char(at, '.') && !read_fraction(at, &ms)) {
                return false;
            }
        }
        if (!read_zone(at, &zone) || hour > 23 || minute > 59 || second > 60) {
            return false;
        }
    }
    *ret_ms =
        ((days_of(year, month, day) * 24 + hour) * 60 + minute - zone) * 60000 + second * 1000 + ms;
    return true;
}

/* Behind the '@': -1h, 1431857103000, or a date. Goes on until ':' or the end. */
static bool read_time(const char **at, int64_t now_ms, int64_t *ret_ms)
{
    if (**at == '-') {
        struct srt_str text = {*at + 1, strcspn(*at, ":") - 1};
        int64_t ago_ms;
        if (srt_parse_duration_ms(text, &ago_ms) != SRT_OK) {
            return false;
        }
        *at += 1 + text.n;
        *ret_ms = now_ms - ago_ms;
        return true;
    }
    size_t digits = strspn(*at, "0123456789");
    if (digits > 0 && ((*at)[digits] == '\0' || (*at)[digits] == ':')) {
        struct srt_str text = {*at, digits};
        *at += digits;
        return srt_parse_int(text, ret_ms) == SRT_OK;
    }
    return read_date(at, ret_ms);
}

static bool read_point(const char **at, int64_t now_ms, struct offset_point *ret)
{
    if (read_char(at, '@')) {
        ret->kind = OFFSET_TIME;
        return read_time(at, now_ms, &ret->value);
    }
    struct srt_str word = {*at, strcspn(*at, ":")};
    const char *start = *at;
    *at += word.n;
    if (srt_str_is(word, "start") || srt_str_is(word, "end")) {
        *ret = (struct offset_point){srt_str_is(word, "end") ? OFFSET_END : OFFSET_START, 0};
        return true;
    }
    ret->kind = *start == '+' ? OFFSET_START : *start == '-' ? OFFSET_END : OFFSET_EXACT;
    struct srt_str digits =
        ret->kind == OFFSET_EXACT ? word : (struct srt_str){start + 1, word.n - 1};
    return digits.n > 0 && is_digit(digits.p[0]) && srt_parse_int(digits, &ret->value) == SRT_OK;
}

int offset_spec_parse(const char *text, int64_t now_ms, struct offset_spec *ret,
                      struct srt_err *err)
{
    struct offset_spec spec = {.from = {OFFSET_START, 0}, .to = {OFFSET_END, 0}};
    const char *at = text;
    bool good = *at != '\0' && (*at == ':' || read_point(&at, now_ms, &spec.from));
    if (good && *at == ':') {
        at++;
        int64_t span_ms;
        struct srt_str rest = srt_str_of(at);
        if (spec.from.kind == OFFSET_TIME && srt_parse_duration_ms(rest, &span_ms) == SRT_OK) {
            spec.to = (struct offset_point){OFFSET_TIME, spec.from.value + span_ms};
            at += rest.n;
        } else {
            good = read_point(&at, now_ms, &spec.to);
        }
    }
    if (!good || *at != '\0') {
        return srt_fail(err, SRT_EPARSE,
                        "offset '%s': expected start, end, 42, +10, -10, 42:99, @-1h, "
                        "@2026-01-05T10:00:00Z or @-1h:5m",
                        text);
    }
    *ret = spec;
    return SRT_OK;
}
