/* stage_state.h - the stages that keep keyed state: what a record, or the time, does to their rows.
 *
 * Owner:   the executor.
 * Thread:  its worker.
 * Memory:  rows of the task's state; what is emitted is in the record's arena.
 * Fails:   as stage_lua.h; and SRT_EIO-like codes that end the pipeline when the state has no room:
 *          it goes on from its last commit when it is started again. */
#ifndef SRT_PIPELINE_STAGE_STATE_H
#define SRT_PIPELINE_STAGE_STATE_H

#include "pipeline/executor.h"
#include "pipeline/stage_lua.h"

/* A record came in. */
int stage_state_invoke(struct executor *ex, struct frame *f, struct stage_result *ret,
                       struct srt_err *err);

/* The row that the frame names is due. */
int stage_state_run_due(struct executor *ex, struct frame *f, struct srt_err *err);
/* Doing so failed for good: it is not to be tried again. */
void stage_state_drop_due(struct executor *ex, struct frame *f);

/* The stage's row of the frame's key, made when there is none. */
int stage_state_put(struct executor *ex, const struct frame *f, const void *subkey,
                    size_t subkey_len, struct state_row *ret, bool *ret_made, struct srt_err *err);
bool stage_state_get(struct executor *ex, const struct frame *f, const void *subkey,
                     size_t subkey_len, struct state_row *ret);

/* The row's time is over. At the end of input it stays, for what comes in a later run. */
void stage_state_expire(struct executor *ex, const struct frame *f, const struct state_row *row);

/* Due only at the end of input, when even this is reached. */
#define STAGE_DUE_AT_END (INT64_MAX - 1)

/* The row that is due is given up: when the end of input did it, records for it that come in a
 * later run are late. */
void stage_state_note_closed(struct executor *ex, const struct frame *f, int64_t close_ms);

/* Changing state failed in the middle: nothing that was not committed is to be used. */
int stage_state_broken(struct executor *ex, const struct frame *f, struct srt_err *err);

/* A record that came too late for all its windows: count it, and write it to `late:`. */
int stage_state_late(struct executor *ex, struct frame *f, struct srt_err *err);

/* Whether the frame's record is too late for what closes at `close_ms`. */
bool stage_state_is_late(const struct executor *ex, const struct frame *f, int64_t close_ms);

#endif
