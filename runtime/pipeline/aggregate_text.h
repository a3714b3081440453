/* aggregate_text.h - `quantile(0.95, v.ms)`: the parts of a call, without knowing what they mean.
 *
 * Owner:   the caller; parts are places in its text.
 * Thread:  any.
 * Memory:  none.
 * Fails:   returns what is wrong, and where. */
#ifndef SRT_PIPELINE_AGGREGATE_TEXT_H
#define SRT_PIPELINE_AGGREGATE_TEXT_H

#include "state/aggregate.h"

#include <stddef.h>
#include <stdint.h>

enum {
    AGGREGATE_TEXT_ARGS_MAX = AGGREGATE_BOUNDS_MAX + 2,
    AGGREGATE_TEXT_DEPTH_MAX = 64, /* of brackets and blocks in an argument */
};

struct aggregate_text_part {
    size_t at;
    size_t len;
};

struct aggregate_text {
    struct aggregate_text_part name;
    struct aggregate_text_part args[AGGREGATE_TEXT_ARGS_MAX]; /* without white space around */
    uint32_t arg_count;
};

enum aggregate_text_error {
    AGGREGATE_TEXT_OK,
    AGGREGATE_TEXT_NO_CALL,   /* it does not begin with NAME( */
    AGGREGATE_TEXT_UNCLOSED,  /* a bracket that nothing closes */
    AGGREGATE_TEXT_UNOPENED,  /* one that closes nothing */
    AGGREGATE_TEXT_STRING,    /* a string without an end */
    AGGREGATE_TEXT_EMPTY_ARG, /* nothing between two commas */
    AGGREGATE_TEXT_TOO_MANY,  /* arguments */
    AGGREGATE_TEXT_TOO_DEEP,
    AGGREGATE_TEXT_TRAILING, /* something behind the call */
};

/* Arguments are Lua: a comma in brackets, strings, comments and functions is part of one. `ret` is
 * filled when all is well; its name is as well whenever there is one. *ret_at: the place of what is
 * wrong. */
enum aggregate_text_error aggregate_text_parse(const char *text, size_t len,
                                               struct aggregate_text *ret, size_t *ret_at);

#endif
