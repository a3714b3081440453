/* stage_lua.h - what each kind of stage does with a record.
 *
 * Owner:   the executor.
 * Thread:  its worker.
 * Memory:  the record's arena; the value's slot on the Lua stack.
 * Fails:   a record error (record_error.h), or one of the engine's. Nothing was emitted then, and
 *          the Lua stack is as it was. */
#ifndef SRT_PIPELINE_STAGE_LUA_H
#define SRT_PIPELINE_STAGE_LUA_H

#include "pipeline/executor.h"

enum stage_outcome {
    STAGE_DROP,     /* the record ends here, and is counted */
    STAGE_PASS,     /* on to the successors of `arm` */
    STAGE_EMITTED,  /* what was emitted goes on, the record itself ends here */
    STAGE_ELEMENTS, /* the value is now a plain Lua list of `element_count` */
};

struct stage_result {
    enum stage_outcome outcome;
    uint32_t arm;
    int64_t element_count;
};

int stage_lua_invoke(struct executor *ex, struct frame *f, struct stage_result *ret,
                     struct srt_err *err);

/* The key that a keyed stage works by: of its function, else the record's. Into f->group_key. */
int stage_lua_group_key(struct executor *ex, struct frame *f, struct srt_err *err);

/* Whether a function may raise s.retriable(): the name stands among its constants. */
bool stage_lua_may_retry(struct script *script, const struct script_fn *fn);

/* Put the value on the Lua stack if it is not there yet. */
int stage_lua_ensure_value(struct executor *ex, struct frame *f, struct srt_err *err);

/* What the function gives for a value that is still bytes, without Lua: undecided (false) for most
 * functions and some values, then stage_lua_call() tells. Borrowed until the record is done. */
bool stage_lua_native(struct executor *ex, const struct frame *f, const struct script_fn *fn,
                      struct native_value *ret);

/* Call a stage's function with (v, r, k), as many as it takes; the results are on the stack. */
int stage_lua_call(struct executor *ex, struct frame *f, const struct script_fn *fn,
                   int result_count, struct srt_err *err);

#endif
