#include "script/chunk_scan.h"

#include <string.h>

struct scanner {
    const char *at;
    const char *end;
};

struct word {
    const char *p;
    size_t n; /* 0: the end */
};

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* At "[", "[=", ...: the level of a long bracket, or -1. */
static int long_level(const struct scanner *s)
{
    const char *p = s->at + 1;
    while (p < s->end && *p == '=') {
        p++;
    }
    return p < s->end && *p == '[' ? (int)(p - s->at) - 1 : -1;
}

static void skip_long(struct scanner *s, int level)
{
    s->at += level + 2;
    for (; s->at < s->end; s->at++) {
        if (*s->at != ']') {
            continue;
        }
        const char *p = s->at + 1;
        while (p < s->end && *p == '=' && p - s->at <= level) {
            p++;
        }
        if (p < s->end && *p == ']' && p - s->at == level + 1) {
            s->at = p + 1;
            return;
        }
    }
}

static void skip_string(struct scanner *s)
{
    char quote = *s->at++;
    while (s->at < s->end && *s->at != quote && *s->at != '\n') {
        s->at += *s->at == '\\' && s->at + 1 < s->end ? 2 : 1;
    }
    if (s->at < s->end) {
        s->at++;
    }
}

static void skip_comment(struct scanner *s)
{
    s->at += 2;
    int level = s->at < s->end && *s->at == '[' ? long_level(s) : -1;
    if (level >= 0) {
        skip_long(s, level);
        return;
    }
    while (s->at < s->end && *s->at != '\n') {
        s->at++;
    }
}

static bool begins(const struct scanner *s, const char *with)
{
    size_t n = strlen(with);
    return (size_t)(s->end - s->at) >= n && memcmp(s->at, with, n) == 0;
}

/* The next name, number or sign; a string counts as the sign of its first character. */
static struct word next_word(struct scanner *s)
{
    for (;;) {
        while (s->at < s->end && strchr(" \t\r\n\f\v", *s->at) && *s->at) {
            s->at++;
        }
        if (!begins(s, "--")) {
            break;
        }
        skip_comment(s);
    }
    struct word word = {.p = s->at};
    if (s->at >= s->end) {
        return word;
    }
    word.n = 1;
    if (is_name_char(*s->at)) {
        while (s->at < s->end && is_name_char(*s->at)) {
            s->at++;
        }
        word.n = (size_t)(s->at - word.p);
        return word;
    }
    if (*s->at == '"' || *s->at == '\'') {
        skip_string(s);
        return word;
    }
    if (*s->at == '[' && long_level(s) >= 0) {
        word.p = "\"";
        skip_long(s, long_level(s));
        return word;
    }
    static const char *const pairs[] = {"==", "~=", "<=", ">=", "::", "..", "//", "<<", ">>"};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (begins(s, pairs[i])) {
            word.n = 2;
        }
    }
    s->at += word.n;
    return word;
}

static bool is(struct word word, const char *text)
{
    return word.n == strlen(text) && memcmp(word.p, text, word.n) == 0;
}

static bool is_one_of(struct word word, const char *const *texts)
{
    for (; *texts; texts++) {
        if (is(word, *texts)) {
            return true;
        }
    }
    return false;
}

static const char *const opening[] = {"(", "{", "[", NULL};
static const char *const closing[] = {")", "}", "]", NULL};
static const char *const statements[] = {"=",     "local",  "return", "if", "for",  "while",
                                         "break", "repeat", "goto",   "do", "then", NULL};
static const char *const params[] = {"v", "r", "k", "ctx"};

void chunk_scan(const char *text, size_t len, struct chunk_scan *ret)
{
    struct scanner s = {.at = text, .end = text + len};
    struct word first = next_word(&s);
    struct word second = next_word(&s);
    *ret = (struct chunk_scan){.is_empty = first.n == 0,
                               .is_function = is(first, "function") && is(second, "(")};
    s.at = text;
    int depth = 0;
    struct word before = {.p = text, .n = 0};
    for (struct word word = next_word(&s); word.n; word = next_word(&s)) {
        depth += is_one_of(word, opening) - is_one_of(word, closing);
        ret->has_statement |= depth == 0 && is_one_of(word, statements);
        bool is_field = is(before, ".") || is(before, ":");
        for (int i = 0; !is_field && i < 4; i++) {
            if (is(word, params[i]) && ret->param_count < i + 1) {
                ret->param_count = i + 1;
            }
        }
        before = word;
        ret->len = (size_t)(s.at - text);
    }
}
