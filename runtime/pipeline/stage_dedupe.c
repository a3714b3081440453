#include "pipeline/stage_dedupe.h"

#include "pipeline/stage_codec.h"
#include "pipeline/stage_state.h"
#include "pipeline/window.h"

static int64_t within_of(const struct executor *ex, const struct frame *f)
{
    return ex->job->graph->stages[f->stage].dedupe->within_ms;
}

/* By event time alone, so that it does not matter when the row was cleaned up. */
static bool is_duplicate(const struct stage_bytes *seen, int64_t time_ms, int64_t within_ms)
{
    int64_t apart = time_ms > seen->start_ms ? time_ms - seen->start_ms : seen->start_ms - time_ms;
    return within_ms < 0 || apart < within_ms;
}

int stage_dedupe_invoke(struct executor *ex, struct frame *f, struct stage_result *ret,
                        struct srt_err *err)
{
    int64_t within = within_of(ex, f);
    int64_t time = f->rec.timestamp_ms;
    struct state_row row;
    bool known = stage_state_get(ex, f, "", 0, &row);
    ret->outcome = known && is_duplicate(row.cell, time, within) ? STAGE_DROP : STAGE_PASS;
    if (ret->outcome == STAGE_DROP ||
        (known && time < ((struct stage_bytes *)row.cell)->start_ms)) {
        return SRT_OK;
    }
    bool made;
    int code = stage_state_put(ex, f, "", 0, &row, &made, err);
    if (code == SRT_OK) {
        ((struct stage_bytes *)row.cell)->start_ms = time;
        state_table_touch(ex->state.tables[f->stage], &row,
                          within < 0 ? STATE_NEVER_DUE : window_close_ms(time, within));
    }
    return code;
}

int stage_dedupe_run_due(struct executor *ex, struct frame *f, struct state_row *row,
                         struct srt_err *err)
{
    (void)err;
    stage_state_expire(ex, f, row);
    return SRT_OK;
}
