/* A backtracking matcher for the patterns of Lua 5.4's manual, section 6.4.1. Every pattern can be
 * made to take exponential time, so each step looks at `stop`, which the watchdog sets.
 *
 * The pattern is read while it is matched. An item is what stands for one character:
 *
 *     a  .  %d  %.  [^%s"]        and its suffix      ?  *  +  -
 *
 * Two things make it fast on lines of text. The runs of the frequent items (any character, a class,
 * one character, any but one) have loops of their own or are memchr(). And where an item may take
 * more or less characters, or a match may begin anywhere, the next item that must take a character
 * is looked up first (`required_item`): only where it would, the rest is tried.
 *
 *     (.-) %[        from each place where `.-` may end, the rest is tried at spaces only
 *
 * What is tried is tried in Lua's order, with Lua's recursion: results, captures and errors are the
 * same. Characters are classed as in the C locale, whatever the process has set. */
#include "script/pattern.h"

#include "base/assert.h"

#include <stdint.h>
#include <string.h>

/* --- classes of characters --- */

enum {
    ALPHA = 1,
    DIGIT = 2,
    LOWER = 4,
    SPACE = 8,
    UPPER = 16,
    CNTRL = 32,
    PUNCT = 64,
    XDIGIT = 128,
};

#define BETWEEN(c, from, to) ((c) >= (from) && (c) <= (to))
#define PRINTED(c)           BETWEEN(c, 33, 126)
#define LETTER(c)            (BETWEEN(c, 'a', 'z') || BETWEEN(c, 'A', 'Z'))
#define CLASSES(c)                                                                                 \
    ((LETTER(c) ? ALPHA : 0) | (BETWEEN(c, '0', '9') ? DIGIT | XDIGIT : 0) |                       \
     (BETWEEN(c, 'a', 'z') ? LOWER : 0) | (BETWEEN(c, 'A', 'Z') ? UPPER : 0) |                     \
     ((c) == ' ' || BETWEEN(c, 9, 13) ? SPACE : 0) | ((c) < 32 || (c) == 127 ? CNTRL : 0) |        \
     (PRINTED(c) && !LETTER(c) && !BETWEEN(c, '0', '9') ? PUNCT : 0) |                             \
     (BETWEEN(c, 'a', 'f') || BETWEEN(c, 'A', 'F') ? XDIGIT : 0))
#define ROW4(c)  CLASSES(c), CLASSES((c) + 1), CLASSES((c) + 2), CLASSES((c) + 3)
#define ROW16(c) ROW4(c), ROW4((c) + 4), ROW4((c) + 8), ROW4((c) + 12)

static const uint8_t classes[256] = {
    ROW16(0),   ROW16(16),  ROW16(32),  ROW16(48),  ROW16(64),  ROW16(80),  ROW16(96),  ROW16(112),
    ROW16(128), ROW16(144), ROW16(160), ROW16(176), ROW16(192), ROW16(208), ROW16(224), ROW16(240),
};

static uint8_t to_lower(uint8_t c)
{
    return classes[c] & UPPER ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* 0: the letter names no class. */
static uint8_t class_mask(uint8_t letter)
{
    switch (to_lower(letter)) {
    case 'a':
        return ALPHA;
    case 'c':
        return CNTRL;
    case 'd':
        return DIGIT;
    case 'g':
        return ALPHA | DIGIT | PUNCT;
    case 'l':
        return LOWER;
    case 'p':
        return PUNCT;
    case 's':
        return SPACE;
    case 'u':
        return UPPER;
    case 'w':
        return ALPHA | DIGIT;
    case 'x':
        return XDIGIT;
    default:
        return 0;
    }
}

/* What `%letter` says of c; of a letter that names no class, whether c is that one. */
static bool class_has(uint8_t letter, uint8_t c)
{
    uint8_t mask = class_mask(letter);
    if (mask) {
        return ((classes[c] & mask) != 0) != ((classes[letter] & UPPER) != 0);
    }
    if (to_lower(letter) == 'z') { /* the zero, an old name that Lua still knows */
        return (c == 0) != (letter == 'Z');
    }
    return letter == c;
}

/* --- items --- */

enum item_kind {
    ITEM_ANY,   /* . */
    ITEM_ONE,   /* c */
    ITEM_OTHER, /* any but c: [^c] */
    ITEM_CLASS, /* (classes[x] & mask) != 0, or == 0 */
    ITEM_ZERO,  /* %z, %Z */
    ITEM_SET,   /* [...] */
};

struct item {
    enum item_kind kind;
    uint8_t c; /* of ITEM_ONE and ITEM_OTHER; of ITEM_ZERO the letter */
    uint8_t mask;
    bool negated;
    const char *set;     /* ITEM_SET: behind [ or [^ */
    const char *set_end; /* its ] */
    const char *end;     /* behind the item: its suffix, if it has one */
};

static void fail(struct pattern *m, const char *failure, int index)
{
    if (!m->failure) {
        m->failure = failure;
        m->failure_index = index;
    }
}

static bool read_set(struct pattern *m, const char *p, struct item *ret)
{
    ret->negated = p < m->text_end && *p == '^';
    p += ret->negated;
    ret->set = p;
    do { /* a ] that comes first is a member */
        if (p == m->text_end) {
            fail(m, "malformed pattern (missing ']')", 0);
            return false;
        }
        if (*p++ == '%' && p < m->text_end) {
            p++;
        }
    } while (p == m->text_end || *p != ']');
    ret->set_end = p;
    ret->end = p + 1;
    ret->kind = ITEM_SET;
    bool one = p - ret->set == 1;
    bool escaped = p - ret->set == 2 && *ret->set == '%' && !class_mask((uint8_t)p[-1]) &&
                   to_lower((uint8_t)p[-1]) != 'z';
    if (p - ret->set == 2 && *ret->set == '%' && class_mask((uint8_t)p[-1])) {
        ret->kind = ITEM_CLASS;
        ret->mask = class_mask((uint8_t)p[-1]);
        ret->negated ^= (classes[(uint8_t)p[-1]] & UPPER) != 0;
    } else if ((one && *ret->set != '%') || escaped) {
        ret->kind = ret->negated ? ITEM_OTHER : ITEM_ONE;
        ret->c = (uint8_t)p[-1];
    }
    return true;
}

/* The item at p, which is not the end; false with a failure. */
static bool read_item(struct pattern *m, const char *p, struct item *ret)
{
    ret->end = p + 1;
    switch (*p) {
    case '.':
        ret->kind = ITEM_ANY;
        return true;
    case '[':
        return read_set(m, p + 1, ret);
    case '%':
        if (p + 1 == m->text_end) {
            fail(m, "malformed pattern (ends with '%%')", 0);
            return false;
        }
        ret->end = p + 2;
        ret->c = (uint8_t)p[1];
        ret->mask = class_mask(ret->c);
        ret->negated = (classes[ret->c] & UPPER) != 0;
        ret->kind = ret->mask ? ITEM_CLASS : to_lower(ret->c) == 'z' ? ITEM_ZERO : ITEM_ONE;
        return true;
    default:
        ret->kind = ITEM_ONE;
        ret->c = (uint8_t)*p;
        return true;
    }
}

static bool set_has(const struct item *item, uint8_t c)
{
    const char *p = item->set;
    const char *end = item->set_end;
    for (; p < end; p++) {
        if (*p == '%') {
            p++;
            if (class_has((uint8_t)*p, c)) {
                return !item->negated;
            }
        } else if (p[1] == '-' && p + 2 < end) {
            p += 2;
            if ((uint8_t)p[-2] <= c && c <= (uint8_t)*p) {
                return !item->negated;
            }
        } else if ((uint8_t)*p == c) {
            return !item->negated;
        }
    }
    return item->negated;
}

static inline bool item_has(const struct item *item, uint8_t c)
{
    switch (item->kind) {
    case ITEM_ANY:
        return true;
    case ITEM_ONE:
        return c == item->c;
    case ITEM_OTHER:
        return c != item->c;
    case ITEM_CLASS:
        return ((classes[c] & item->mask) != 0) != item->negated;
    case ITEM_ZERO:
        return class_has(item->c, c);
    case ITEM_SET:
        return set_has(item, c);
    }
    srt_unreachable("every kind of item is listed");
}

/* How far the item goes on from s. */
static const char *item_run(struct pattern *m, const struct item *item, const char *s)
{
    const char *end = m->subject_end;
    if (item->kind == ITEM_ANY) {
        return end;
    }
    if (item->kind == ITEM_OTHER) {
        const char *stop = memchr(s, item->c, (size_t)(end - s));
        return stop ? stop : end;
    }
    if (item->kind == ITEM_CLASS) {
        unsigned mask = item->mask;
        bool negated = item->negated;
        while (s < end && ((classes[(uint8_t)*s] & mask) != 0) != negated) {
            s++;
        }
        return s;
    }
    while (s < end && item_has(item, (uint8_t)*s)) {
        if (*m->stop) {
            return s; /* whoever goes on from here sees it too */
        }
        s++;
    }
    return s;
}

/* --- the next item that must take a character --- */

static bool is_quantifier(const char *p, const char *end)
{
    return p < end && (*p == '*' || *p == '?' || *p == '-');
}

/* Whether all that matches from p on begins with the item in *ret, and nothing can fail before it
 * is looked at. Captures may begin and end on the way. */
static bool required_item(struct pattern *m, const char *p, struct item *ret)
{
    enum { FRAMES = PATTERN_CAPTURES_MAX + 2 }; /* no recursion before the item is too deep */
    if (m->depth_left < FRAMES) {
        return false;
    }
    int closable = 0;
    for (int i = m->level - 1; i >= 0; i--) {
        closable += m->captures[i].len == PATTERN_OPEN;
    }
    bool opened = false;
    for (; p < m->text_end && *p == ')' && closable > 0; closable--) {
        p++;
    }
    while (p < m->text_end && *p == '(' && !opened && m->level < PATTERN_CAPTURES_MAX) {
        opened = true;
        p += p + 1 < m->text_end && p[1] == ')' ? 2 : 1;
    }
    if (p == m->text_end || *p == '(' || *p == ')' || *p == '$') {
        return false;
    }
    if (*p == '%' && p + 1 < m->text_end &&
        (p[1] == 'b' || p[1] == 'f' || (classes[(uint8_t)p[1]] & DIGIT))) {
        return false;
    }
    if (*p == '[' || (*p == '%' && p + 1 == m->text_end)) {
        /* It may be wrong: that has to be found where Lua finds it. */
        struct pattern probe = {.text_end = m->text_end};
        return read_item(&probe, p, ret) && !is_quantifier(ret->end, m->text_end);
    }
    return read_item(m, p, ret) && !is_quantifier(ret->end, m->text_end);
}

/* --- matching --- */

static const char *match(struct pattern *m, const char *s, const char *p);

static const char *match_longest(struct pattern *m, const char *s, const struct item *item,
                                 const char *rest)
{
    const char *at = item_run(m, item, s);
    struct item next;
    bool looks = required_item(m, rest, &next);
    for (;; at--) {
        if (*m->stop) {
            return NULL;
        }
        if (!looks || (at < m->subject_end && item_has(&next, (uint8_t)*at))) {
            const char *end = match(m, at, rest);
            if (end || m->failure) {
                return end;
            }
        }
        if (at == s) {
            return NULL;
        }
    }
}

static const char *match_shortest(struct pattern *m, const char *s, const struct item *item,
                                  const char *rest)
{
    struct item next;
    bool looks = required_item(m, rest, &next);
    for (;; s++) {
        if (*m->stop) {
            return NULL;
        }
        if (looks && item->kind == ITEM_ANY && next.kind == ITEM_ONE) {
            s = memchr(s, next.c, (size_t)(m->subject_end - s));
            if (!s) {
                return NULL;
            }
        }
        if (!looks || (s < m->subject_end && item_has(&next, (uint8_t)*s))) {
            const char *end = match(m, s, rest);
            if (end || m->failure) {
                return end;
            }
        }
        if (s == m->subject_end || !item_has(item, (uint8_t)*s)) {
            return NULL;
        }
    }
}

static const char *open_capture(struct pattern *m, const char *s, const char *rest, ptrdiff_t what)
{
    if (m->level >= PATTERN_CAPTURES_MAX) {
        fail(m, "too many captures", 0);
        return NULL;
    }
    m->captures[m->level] = (struct pattern_capture){s, what};
    m->level++;
    const char *end = match(m, s, rest);
    if (!end) {
        m->level--;
    }
    return end;
}

static const char *close_capture(struct pattern *m, const char *s, const char *rest)
{
    int i = m->level - 1;
    while (i >= 0 && m->captures[i].len != PATTERN_OPEN) {
        i--;
    }
    if (i < 0) {
        fail(m, "invalid pattern capture", 0);
        return NULL;
    }
    m->captures[i].len = s - m->captures[i].at;
    const char *end = match(m, s, rest);
    if (!end) {
        m->captures[i].len = PATTERN_OPEN;
    }
    return end;
}

/* %1: the same text once more; where it ends. */
static const char *match_again(struct pattern *m, const char *s, char digit)
{
    int i = digit - '1';
    if (i < 0 || i >= m->level || m->captures[i].len == PATTERN_OPEN) {
        fail(m, "invalid capture index %%%d", i + 1);
        return NULL;
    }
    size_t len = (size_t)m->captures[i].len; /* a position is too long for any subject */
    if ((size_t)(m->subject_end - s) >= len && memcmp(m->captures[i].at, s, len) == 0) {
        return s + len;
    }
    return NULL;
}

/* %bxy: where the balanced part ends. */
static const char *match_balance(struct pattern *m, const char *s, const char *p)
{
    if (m->text_end - p < 2) {
        fail(m, "malformed pattern (missing arguments to '%%b')", 0);
        return NULL;
    }
    if (s == m->subject_end || *s != p[0]) {
        return NULL;
    }
    ptrdiff_t open = 1;
    for (s++; s < m->subject_end && !*m->stop; s++) {
        if (*s == p[1]) {
            if (--open == 0) {
                return s + 1;
            }
        } else if (*s == p[0]) {
            open++;
        }
    }
    return NULL;
}

/* %f[set]: behind the item when s is at the edge, else NULL. */
static const char *match_edge(struct pattern *m, const char *s, const char *p)
{
    if (p == m->text_end || *p != '[') {
        fail(m, "missing '[' after '%%f' in pattern", 0);
        return NULL;
    }
    struct item item;
    if (!read_item(m, p, &item)) {
        return NULL;
    }
    uint8_t before = s == m->subject ? 0 : (uint8_t)s[-1];
    uint8_t here = s == m->subject_end ? 0 : (uint8_t)*s;
    return !item_has(&item, before) && item_has(&item, here) ? item.end : NULL;
}

/* One step for what has a meaning of its own behind a %. 0: not this; 1: go on at *s and *p; -1: no
 * match. */
static int match_special(struct pattern *m, const char **s, const char **p)
{
    if (*p + 1 >= m->text_end) {
        return 0;
    }
    char letter = (*p)[1];
    if (letter == 'f') {
        *p = match_edge(m, *s, *p + 2);
        return *p ? 1 : -1;
    }
    if (letter == 'b') {
        *s = match_balance(m, *s, *p + 2);
        *p += 4;
        return *s ? 1 : -1;
    }
    if (classes[(uint8_t)letter] & DIGIT) {
        *s = match_again(m, *s, letter);
        *p += 2;
        return *s ? 1 : -1;
    }
    return 0;
}

static const char *match_items(struct pattern *m, const char *s, const char *p)
{
    while (p < m->text_end) {
        if (*m->stop) {
            return NULL;
        }
        if (*p == '(') {
            bool position = p + 1 < m->text_end && p[1] == ')';
            return open_capture(m, s, p + 1 + position, position ? PATTERN_POSITION : PATTERN_OPEN);
        }
        if (*p == ')') {
            return close_capture(m, s, p + 1);
        }
        if (*p == '$' && p + 1 == m->text_end) {
            return s == m->subject_end ? s : NULL;
        }
        if (*p == '%') {
            int special = match_special(m, &s, &p);
            if (special < 0) {
                return NULL;
            }
            if (special > 0) {
                continue;
            }
        }
        struct item item;
        if (!read_item(m, p, &item)) {
            return NULL;
        }
        bool has = s < m->subject_end && item_has(&item, (uint8_t)*s);
        char suffix = '\0';
        if (item.end < m->text_end) {
            suffix = *item.end;
        }
        if (!has) {
            if (suffix != '*' && suffix != '-' && suffix != '?') {
                return NULL;
            }
            p = item.end + 1;
            continue;
        }
        if (suffix == '*' || suffix == '-') {
            return suffix == '*' ? match_longest(m, s, &item, item.end + 1)
                                 : match_shortest(m, s, &item, item.end + 1);
        }
        if (suffix == '?') {
            const char *end = match(m, s + 1, item.end + 1);
            if (end || m->failure) {
                return end;
            }
            p = item.end + 1;
            continue;
        }
        if (suffix == '+') {
            return match_longest(m, s + 1, &item, item.end + 1);
        }
        s++;
        p = item.end;
    }
    return s;
}

static const char *match(struct pattern *m, const char *s, const char *p)
{
    if (m->depth_left == 0) {
        fail(m, "pattern too complex", 0);
        return NULL;
    }
    m->depth_left--;
    const char *end = match_items(m, s, p);
    m->depth_left++;
    return end;
}

/* --- entries --- */

void pattern_init(struct pattern *m, const char *subject, size_t subject_len, const char *text,
                  size_t text_len, const volatile sig_atomic_t *stop)
{
    /* Not the captures: they are written before they are read. */
    m->subject = subject;
    m->subject_end = subject + subject_len;
    m->text = text;
    m->text_end = text + text_len;
    m->stop = stop;
    m->depth_left = PATTERN_DEPTH_MAX;
    m->level = 0;
    m->failure = NULL;
    m->failure_index = 0;
}

const char *pattern_match(struct pattern *m, const char *from)
{
    srt_assert(m->depth_left == PATTERN_DEPTH_MAX);
    m->level = 0;
    return match(m, from, m->text);
}

/* The first place from `s` on where the item would take a character, or NULL. */
static const char *item_search(struct pattern *m, const struct item *item, const char *s)
{
    if (item->kind == ITEM_ONE) {
        return memchr(s, item->c, (size_t)(m->subject_end - s));
    }
    while (s < m->subject_end && !item_has(item, (uint8_t)*s)) {
        if (*m->stop) {
            return NULL;
        }
        s++;
    }
    return s < m->subject_end ? s : NULL;
}

const char *pattern_search(struct pattern *m, const char *from, const char *not_end,
                           const char **ret_end)
{
    struct item first;
    m->level = 0;
    bool looks = required_item(m, m->text, &first);
    for (const char *s = from;; s++) {
        if (looks) {
            s = item_search(m, &first, s);
            if (!s) {
                return NULL;
            }
        }
        const char *end = pattern_match(m, s);
        if (end && end != not_end) {
            *ret_end = end;
            return s;
        }
        if (s == m->subject_end || m->failure || *m->stop) {
            return NULL;
        }
    }
}

bool pattern_is_literal(const char *text, size_t text_len)
{
    for (size_t i = 0; i < text_len; i++) {
        switch (text[i]) {
        case '^':
        case '$':
        case '*':
        case '+':
        case '?':
        case '.':
        case '(':
        case '[':
        case '%':
        case '-':
            return false;
        default:
            break;
        }
    }
    return true;
}

const char *pattern_search_literal(const char *text, size_t len, const char *what, size_t what_len,
                                   const volatile sig_atomic_t *stop)
{
    enum { PIECE = 1 << 16 };
    if (what_len == 0) {
        return text;
    }
    if (what_len == 1) {
        return memchr(text, (uint8_t)*what, len);
    }
    /* Pieces overlap by what_len - 1 bytes and are longer than twice that, so all of them together
     * are at most twice the text. */
    size_t piece = what_len > PIECE / 4 ? 4 * what_len : PIECE;
    for (; len > piece && !*stop; len -= piece - what_len + 1, text += piece - what_len + 1) {
        const char *found = memmem(text, piece, what, what_len);
        if (found) {
            return found;
        }
    }
    return *stop ? NULL : memmem(text, len, what, what_len);
}
