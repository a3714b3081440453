/* native_parse.h - the small language of native_expr.h: from text to nodes.
 *
 * Owner:   the caller; nodes point into the program they stand in, which does not move.
 * Thread:  any.
 * Memory:  the program's own, of one size.
 * Fails:   false: the text is not of this language, or larger than a program is. */
#ifndef SRT_SCRIPT_NATIVE_PARSE_H
#define SRT_SCRIPT_NATIVE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "script/native_doc.h"

enum {
    NATIVE_EXPR_BYTES_MAX = 1024,
    NATIVE_NODES_MAX = 64,
    NATIVE_STEPS_MAX = 64,
    NATIVE_DEPTH_MAX = 32, /* of what stands inside of what */
};

enum native_op {
    NATIVE_CONSTANT, /* value */
    NATIVE_PATH,     /* v and the steps behind it */
    NATIVE_NOT,      /* one side: left */
    NATIVE_NEGATE,
    NATIVE_LENGTH,
    NATIVE_OR, /* two sides */
    NATIVE_AND,
    NATIVE_EQUAL,
    NATIVE_DIFFERENT,
    NATIVE_LESS, /* `a > b` is `b < a` */
    NATIVE_LESS_EQUAL,
    NATIVE_ADD,
    NATIVE_SUBTRACT,
    NATIVE_MULTIPLY,
    NATIVE_DIVIDE,
    NATIVE_MODULO,
};

struct native_node {
    enum native_op op;
    bool is_swapped; /* LESS, LESS_EQUAL: written with > or >=, so right comes first */
    uint16_t left;
    uint16_t right;
    uint16_t step; /* PATH: the first one */
    uint16_t step_count;
    struct native_value value; /* CONSTANT */
};

struct native_step {
    const char *key; /* NULL: `number` */
    size_t key_len;
    int64_t number;
};

struct native_program {
    struct native_node nodes[NATIVE_NODES_MAX];
    struct native_step steps[NATIVE_STEPS_MAX];
    uint16_t node_count;
    uint16_t step_count;
    uint16_t root;
    char bytes[NATIVE_EXPR_BYTES_MAX]; /* keys and strings, without their escapes */
    size_t bytes_len;
};

bool native_parse(struct native_program *program, const char *text, size_t len);

#endif
