/* operator.h - the table of steps: how each is written, what it takes, what it promises. It drives
 * the reading of steps (compile_step.c) and docs/reference/operators.md.
 *
 * Owner:   nobody; constant.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_PIPELINE_OPERATOR_H
#define SRT_PIPELINE_OPERATOR_H

#include "base/buf.h"
#include "base/option.h"
#include "pipeline/graph.h"

/* What stands behind the operator's key. */
enum operator_takes {
    OPERATOR_FUNCTION, /* an expression, a function, a body, or {use: module.fn} */
    OPERATOR_OPTIONS,  /* a map of options; `scalar` names the one that may stand alone */
    OPERATOR_ARMS,     /* the list of branch */
    OPERATOR_GROUP,    /* group_by: a function, for the stage behind it */
    OPERATOR_WINDOW,   /* a map of options, for the stage behind it */
    OPERATOR_FIELDS,   /* aggregate: a map of fields and aggregators */
    OPERATOR_REDUCE,   /* a function of two values */
    OPERATOR_JOIN,     /* a map of options, with another side */
};

struct operator
{
    enum stage_kind kind;
    const char *key;
    enum operator_takes takes;
    const char *scalar;               /* OPTIONS: the option that a scalar means; NULL: none */
    bool ends;                        /* a list of steps may end with it */
    bool stops;                       /* and nothing may follow it */
    const struct srt_option *options; /* OPTIONS, WINDOW, JOIN */
    const char *suggested_name;       /* it keeps state under a name: `as:` is demanded, such as
                                         this one; NULL: it has no need of one */
    /* for the reference */
    const char *what;
    const char *yaml;
    const char *lua;
    const char *nil;
    const char *order;
    const char *state;
};

const struct operator* operator_find(const char *key); /* NULL when there is none */
const struct operator* operator_of(enum stage_kind kind);
bool operator_planned(const char *key); /* the design has it, this version does not */

/* Of every step, NULL-terminated, in the order of the reference. */
const char *const *operator_names(void);

/* docs/reference/operators.md. */
void operator_document(struct srt_buf *to);

#endif
