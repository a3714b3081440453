/* chunk_scan.h - what can be said about a piece of Lua text by looking at its words.
 *
 * Owner:   nobody.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never; text that is not Lua gives some answer, and the compiler says the rest. */
#ifndef SRT_SCRIPT_CHUNK_SCAN_H
#define SRT_SCRIPT_CHUNK_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct chunk_scan {
    bool is_function;   /* begins with `function (` */
    bool has_statement; /* an assignment or a statement's keyword outside of all brackets */
    bool is_empty;      /* nothing but white space and comments */
    size_t len;         /* without white space and comments at the end */
    int param_count;    /* the last of v, r, k, ctx that is mentioned: 0 to 4 */
};

void chunk_scan(const char *text, size_t len, struct chunk_scan *ret);

#endif
