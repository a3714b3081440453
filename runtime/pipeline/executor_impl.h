/* executor_impl.h - what the executor's files share: its frames, and what happens when one fails.
 *
 * Owner:   executor.c; nobody else includes it.
 * Thread:  the task's worker.
 * Memory:  none of its own.
 * Fails:   nothing here fails but as it says. */
#ifndef SRT_PIPELINE_EXECUTOR_IMPL_H
#define SRT_PIPELINE_EXECUTOR_IMPL_H

#include "base/assert.h"
#include "pipeline/executor.h"
#include "script/value.h"

/* --- frames --- */

static inline const struct stage *executor_stage_of(const struct executor *ex,
                                                    const struct frame *f)
{
    return &ex->job->graph->stages[f->stage];
}

static inline struct frame *executor_top(struct executor *ex)
{
    srt_assert_slow(ex->depth > 0);
    return &ex->frames[ex->depth - 1];
}

/* A frame for each stage, and above each a timer that comes before the record. */
static inline uint32_t executor_depth_max(const struct graph *graph)
{
    return 2 * graph->stage_count + 1;
}

static inline struct frame *executor_push(struct executor *ex)
{
    srt_assert(ex->depth < executor_depth_max(ex->job->graph));
    struct frame *f = &ex->frames[ex->depth++];
    *f = (struct frame){.base = lua_gettop(script_state(ex->script))};
    return f;
}

static inline void executor_pop(struct executor *ex)
{
    lua_State *L = script_state(ex->script);
    int base = executor_top(ex)->base;
    ex->depth--;
    if (lua_gettop(L) != base) { /* else it was bytes all the way */
        lua_settop(L, base);
    }
    if (ex->depth == 0) {
        value_release(ex->script);
        srt_arena_clear(&ex->arena);
    }
}

/* --- executor_error.c --- */

/* The frame's stage failed with ex->failure: to be tried again (WAIT), given up (DONE, the frame's
 * phase says so), or the pipeline's end. */
enum executor_result executor_error_handle(struct executor *ex, struct frame *f);

/* Do with the record what the stage's on_error says; the frame is gone when it is DONE. */
enum executor_result executor_error_give_up(struct executor *ex, struct frame *f);

/* A call could only be ended by giving up the script's state (script_generation), which other
 * frames than the failing one may have had values in. */
bool executor_error_lost_state(const struct executor *ex);
/* Load the functions into the new state. */
int executor_error_reload(struct executor *ex, struct srt_err *err);
/* The same with a record at work: nothing is left of it to try again with, so it is given up. */
enum executor_result executor_error_abandon(struct executor *ex);

#endif
