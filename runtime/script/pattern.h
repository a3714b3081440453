/* pattern.h - Lua's patterns, over bytes: a matcher that can be told to stop.
 *
 * Owner:   whoever matches; it lives on the stack of one call.
 * Thread:  the caller's; `stop` may be set from a signal handler or another thread.
 * Memory:  none but the struct; at most PATTERN_DEPTH_MAX small frames of C stack.
 * Fails:   `failure` holds Lua's own words for a pattern that is wrong: found where it is read, so
 *          a wrong part that no subject reaches does not matter, as in Lua. After a stop the result
 *          means nothing: ask the flag. */
#ifndef SRT_SCRIPT_PATTERN_H
#define SRT_SCRIPT_PATTERN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    PATTERN_CAPTURES_MAX = 32,
    PATTERN_DEPTH_MAX = 200, /* as LUAI_MAXCCALLS: "pattern too complex" */
};

/* Values of a capture's len that are no length. */
enum { PATTERN_OPEN = -1, PATTERN_POSITION = -2 };

struct pattern_capture {
    const char *at;
    ptrdiff_t len;
};

struct pattern {
    const char *subject;
    const char *subject_end;
    const char *text; /* without the anchor */
    const char *text_end;
    const volatile sig_atomic_t *stop; /* not 0: give up; looked at in every step */
    int depth_left;
    int level;           /* captures in use */
    const char *failure; /* a printf format for failure_index, or NULL */
    int failure_index;
    struct pattern_capture captures[PATTERN_CAPTURES_MAX];
};

void pattern_init(struct pattern *m, const char *subject, size_t subject_len, const char *text,
                  size_t text_len, const volatile sig_atomic_t *stop);

/* Match exactly at `from`: where the match ends, or NULL. */
const char *pattern_match(struct pattern *m, const char *from);

/* The first match at or after `from`, or NULL. Matches that end at `not_end` do not count: an empty
 * one right behind the one before. */
const char *pattern_search(struct pattern *m, const char *from, const char *not_end,
                           const char **ret_end);

/* No character in it has a meaning of its own. */
bool pattern_is_literal(const char *text, size_t text_len);

/* memmem() in pieces, with a look at `stop` between them. */
const char *pattern_search_literal(const char *text, size_t len, const char *what, size_t what_len,
                                   const volatile sig_atomic_t *stop);

#endif
