/* One pass over the text that knows as much of Lua as is needed to tell which comma parts two
 * arguments: brackets, strings, comments, and words that open and close a block (the commas of
 * `function(v) return v.a, v.b end` are its own). What an argument says is for Lua to judge. */
#include "pipeline/aggregate_text.h"

#include <stdbool.h>
#include <string.h>

struct scan {
    const char *text;
    size_t len;
    size_t at;
    char closers[AGGREGATE_TEXT_DEPTH_MAX]; /* ) ] } or e, for `end` and `until` */
    size_t opened_at[AGGREGATE_TEXT_DEPTH_MAX];
    size_t depth;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool begins_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static char peek(const struct scan *s, size_t ahead)
{
    return s->at + ahead < s->len ? s->text[s->at + ahead] : '\0';
}

static void skip_space(struct scan *s)
{
    while (s->at < s->len && is_space(s->text[s->at])) {
        s->at++;
    }
}

static struct aggregate_text_part take_word(struct scan *s)
{
    struct aggregate_text_part word = {s->at, 0};
    while (begins_word(peek(s, 0)) || is_digit(peek(s, 0))) {
        s->at++;
    }
    word.len = s->at - word.at;
    return word;
}

/* At "[", "[=": the number of "=" of a long bracket, or -1. */
static int long_bracket(const struct scan *s)
{
    int level = 0;
    while (peek(s, 1 + (size_t)level) == '=') {
        level++;
    }
    return peek(s, 1 + (size_t)level) == '[' ? level : -1;
}

static bool skip_long(struct scan *s, int level)
{
    for (s->at += (size_t)level + 2; s->at < s->len; s->at++) {
        int found = 0;
        while (peek(s, 0) == ']' && peek(s, 1 + (size_t)found) == '=' && found < level) {
            found++;
        }
        if (peek(s, 0) == ']' && found == level && peek(s, 1 + (size_t)found) == ']') {
            s->at += (size_t)level + 2;
            return true;
        }
    }
    return false;
}

static bool skip_string(struct scan *s)
{
    char quote = s->text[s->at++];
    while (s->at < s->len && s->text[s->at] != quote) {
        s->at += s->text[s->at] == '\\' ? 2 : 1;
    }
    if (s->at >= s->len) {
        s->at = s->len;
        return false;
    }
    s->at++;
    return true;
}

static bool skip_comment(struct scan *s)
{
    s->at += 2;
    int level = peek(s, 0) == '[' ? long_bracket(s) : -1;
    if (level >= 0) {
        return skip_long(s, level);
    }
    while (s->at < s->len && s->text[s->at] != '\n') {
        s->at++;
    }
    return true;
}

static bool open_bracket(struct scan *s, char closer, size_t at)
{
    if (s->depth == AGGREGATE_TEXT_DEPTH_MAX) {
        return false;
    }
    s->opened_at[s->depth] = at;
    s->closers[s->depth++] = closer;
    return true;
}

/* A block that was not closed ends with the bracket it is in: Lua says that better. */
static bool close_bracket(struct scan *s, char closer)
{
    while (closer != 'e' && s->depth && s->closers[s->depth - 1] == 'e') {
        s->depth--;
    }
    if (!s->depth || s->closers[s->depth - 1] != closer) {
        return closer == 'e';
    }
    s->depth--;
    return true;
}

static bool word_is(const struct scan *s, struct aggregate_text_part word, const char *text)
{
    return word.len == strlen(text) && !memcmp(s->text + word.at, text, word.len);
}

/* `v.end` is a field, and no word of the language. */
static bool is_field(const struct scan *s, size_t at)
{
    while (at > 0 && is_space(s->text[at - 1])) {
        at--;
    }
    return at > 0 && (s->text[at - 1] == ':' ||
                      (s->text[at - 1] == '.' && (at < 2 || s->text[at - 2] != '.')));
}

static bool scan_word(struct scan *s)
{
    static const char *const openers[] = {"function", "do", "if", "repeat", NULL};
    struct aggregate_text_part word = take_word(s);
    if (is_field(s, word.at)) {
        return true;
    }
    for (int i = 0; openers[i]; i++) {
        if (word_is(s, word, openers[i])) {
            return open_bracket(s, 'e', word.at);
        }
    }
    if (word_is(s, word, "end") || word_is(s, word, "until")) {
        close_bracket(s, 'e');
    }
    return true;
}

static bool is_blank(const struct scan *s, size_t from, size_t until)
{
    while (from < until && is_space(s->text[from])) {
        from++;
    }
    return from >= until;
}

static enum aggregate_text_error add_arg(const struct scan *s, struct aggregate_text *ret,
                                         size_t from, size_t until)
{
    while (from < until && is_space(s->text[from])) {
        from++;
    }
    while (until > from && is_space(s->text[until - 1])) {
        until--;
    }
    if (from == until) {
        return AGGREGATE_TEXT_EMPTY_ARG;
    }
    if (ret->arg_count == AGGREGATE_TEXT_ARGS_MAX) {
        return AGGREGATE_TEXT_TOO_MANY;
    }
    ret->args[ret->arg_count++] = (struct aggregate_text_part){from, until - from};
    return AGGREGATE_TEXT_OK;
}

/* One token of an argument. */
static enum aggregate_text_error scan_token(struct scan *s)
{
    static const char opening[] = "([{";
    static const char closing[] = ")]}";
    char c = s->text[s->at];
    size_t at = s->at;
    int level = c == '[' ? long_bracket(s) : -1;
    if (begins_word(c)) {
        return scan_word(s) ? AGGREGATE_TEXT_OK : AGGREGATE_TEXT_TOO_DEEP;
    }
    if (c == '"' || c == '\'' || level >= 0 || (c == '-' && peek(s, 1) == '-')) {
        bool ended = level >= 0 ? skip_long(s, level) : c == '-' ? skip_comment(s) : skip_string(s);
        s->at = ended ? s->at : at;
        return ended ? AGGREGATE_TEXT_OK : AGGREGATE_TEXT_STRING;
    }
    if (is_digit(c)) {
        while (begins_word(peek(s, 0)) || is_digit(peek(s, 0))) {
            s->at++;
        }
        return AGGREGATE_TEXT_OK;
    }
    const char *open = c ? strchr(opening, c) : NULL;
    if (open && !open_bracket(s, closing[open - opening], at)) {
        return AGGREGATE_TEXT_TOO_DEEP;
    }
    if (c && strchr(closing, c) && !close_bracket(s, c)) {
        return AGGREGATE_TEXT_UNOPENED;
    }
    s->at++;
    return AGGREGATE_TEXT_OK;
}

static enum aggregate_text_error scan_args(struct scan *s, struct aggregate_text *ret,
                                           size_t *ret_at)
{
    size_t from = s->at;
    enum aggregate_text_error error = AGGREGATE_TEXT_OK;
    while (s->at < s->len && s->depth && !error) {
        size_t at = s->at;
        bool comma = s->text[at] == ',' && s->depth == 1;
        error = scan_token(s);
        bool last = !s->depth;
        bool none = last && !ret->arg_count && is_blank(s, from, at);
        if (!error && (comma || (last && !none))) {
            error = add_arg(s, ret, from, at);
            from = s->at;
        }
        *ret_at = at;
    }
    if (!error && s->depth) {
        *ret_at = s->opened_at[s->depth - 1];
        error = AGGREGATE_TEXT_UNCLOSED;
    }
    return error;
}

enum aggregate_text_error aggregate_text_parse(const char *text, size_t len,
                                               struct aggregate_text *ret, size_t *ret_at)
{
    struct scan s = {.text = text, .len = len};
    ret->arg_count = 0;
    skip_space(&s);
    ret->name = begins_word(peek(&s, 0)) ? take_word(&s) : (struct aggregate_text_part){s.at, 0};
    skip_space(&s);
    *ret_at = s.at;
    if (!ret->name.len || peek(&s, 0) != '(') {
        return AGGREGATE_TEXT_NO_CALL;
    }
    open_bracket(&s, ')', s.at++);
    enum aggregate_text_error error = scan_args(&s, ret, ret_at);
    if (error) {
        return error;
    }
    skip_space(&s);
    *ret_at = s.at;
    return s.at < len ? AGGREGATE_TEXT_TRAILING : AGGREGATE_TEXT_OK;
}
