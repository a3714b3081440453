/* Event time of what a task reads. A partition that has been at its end for `idle` does not hold
 * time back any more; when all are so, in all tasks, time goes on at the wall clock's pace from the
 * highest time seen, so that windows close without input. What it came to that way is put into the
 * partitions' own clocks when they have input again, and so into their positions: a restart knows
 * which records are late without knowing how long anybody waited. */
#include <inttypes.h>

#include "base/alloc.h"
#include "pipeline/intake_impl.h"
#include "pipeline/watermark.h"

enum {
    LOOK_MS = 100,    /* how often time that goes on by itself is looked at */
    LOAD_LOOK_MS = 5, /* and whether the other tasks have loaded their tables */
};

void intake_note_poll(struct intake_entry *entry, bool found)
{
    struct intake *in = entry->in;
    struct job *job = (struct job *)(uintptr_t)in->options.job;
    if (!job->timed) {
        return;
    }
    if (!found) {
        entry->silent_ns = entry->silent_ns ? entry->silent_ns : intake_now_ns(in);
        return;
    }
    entry->silent_ns = 0;
    if (entry->idle) {
        entry->idle = false;
        event_clock_raise(&entry->clock, srt_load_relaxed(&job->reached_ms));
    }
}

struct intake_entry *intake_lowest(const struct intake *in)
{
    struct intake_entry *lowest = NULL;
    for (uint32_t i = 0; i < in->entry_count; i++) {
        struct intake_entry *entry = in->entries[i];
        bool may = srt_load_acquire(&entry->ready) && entry->retry_ns == 0 && !entry->ended &&
                   intake_may_ask(entry);
        if (may && (!lowest || event_clock_watermark(&entry->clock) <
                                   event_clock_watermark(&lowest->clock))) {
            lowest = entry;
        }
    }
    return lowest;
}

/* --- tables ---
 *
 * Before the first record of a stream all tasks have read what there was of the tables (or all
 * there will be, where there is an end of input: another pipeline may be about to fill them), and
 * an epoch was completed after that: its barriers came behind the last row on every channel. */

bool intake_may_ask(const struct intake_entry *entry)
{
    return entry->in->tables == INTAKE_TABLES_OPEN || intake_spec(entry)->table;
}

static bool all_loaded_here(struct intake *in)
{
    const struct job *job = in->options.job;
    bool final = srt_load_acquire(&job->input_final); /* release in the controller */
    bool all = in->assigned && (final || !job->until_drained);
    for (uint32_t i = 0; i < in->entry_count; i++) {
        struct intake_entry *entry = in->entries[i];
        if (entry->reader && intake_spec(entry)->table) {
            int64_t until =
                final ? job->engine->ops->reader_end(entry->reader) : entry->load_until;
            entry->loaded = entry->loaded || entry->position >= until;
            all = all && entry->loaded && in->reading != entry;
        }
    }
    return all;
}

void intake_update_tables(struct intake *in)
{
    const struct job *job = in->options.job;
    if (in->tables != INTAKE_TABLES_LOADING) {
        return;
    }
    struct job_time *own = &job->times[in->options.task];
    if (!srt_load_relaxed(&own->tables_loaded)) {
        srt_store_release(&own->tables_loaded, all_loaded_here(in)); /* acquire below */
    }
    for (uint32_t i = 0; i < job->task_count; i++) {
        if (!srt_load_acquire(&job->times[i].tables_loaded)) {
            in->due_ns = intake_now_ns(in) + LOAD_LOOK_MS * NS_PER_MS;
            return;
        }
    }
    in->tables = INTAKE_TABLES_LOADED;
}

/* --- idle --- */

static void update_idle(struct intake_entry *entry)
{
    int64_t idle_ns = intake_spec(entry)->idle_ms * NS_PER_MS;
    if (entry->silent_ns && !entry->idle && entry->retry_ns == 0 &&
        intake_now_ns(entry->in) - entry->silent_ns >= idle_ns) {
        entry->idle = true;
    }
}

void intake_publish_time(struct intake *in)
{
    struct job_time *time = &in->options.job->times[in->options.task];
    bool active = false;
    int64_t most = WATERMARK_UNKNOWN;
    int64_t silent = 0;
    for (uint32_t i = 0; i < in->entry_count; i++) {
        struct intake_entry *entry = in->entries[i];
        update_idle(entry);
        int64_t w = event_clock_watermark(&entry->clock);
        if (intake_spec(entry)->table) {
            continue;
        }
        active = active || !entry->idle;
        most = w > most ? w : most;
        silent = entry->silent_ns > silent ? entry->silent_ns : silent;
    }
    srt_store_relaxed(&time->most_ms, most);
    srt_store_relaxed(&time->silent_ns, silent);
    srt_store_release(&time->active, active); /* acquire in time_by_itself */
}

/* Where time is when nobody has input: WATERMARK_IDLE while somebody has, or nothing is known. */
static int64_t time_by_itself(const struct intake *in)
{
    const struct job *job = in->options.job;
    int64_t most = WATERMARK_UNKNOWN;
    int64_t silent = 0;
    for (uint32_t i = 0; i < job->task_count; i++) {
        struct job_time *time = &job->times[i];
        if (srt_load_acquire(&time->active)) { /* release in intake_publish_time */
            return WATERMARK_IDLE;
        }
        int64_t task_most = srt_load_relaxed(&time->most_ms);
        int64_t task_silent = srt_load_relaxed(&time->silent_ns);
        most = task_most > most ? task_most : most;
        silent = task_silent > silent ? task_silent : silent;
    }
    if (most == WATERMARK_UNKNOWN || most >= WATERMARK_IDLE) {
        return WATERMARK_IDLE;
    }
    return most + (intake_now_ns(in) - silent) / NS_PER_MS;
}

/* --- watermarks --- */

int64_t intake_watermark(struct intake *in, uint32_t stage, bool final)
{
    int64_t lowest = WATERMARK_END;
    bool idle = !final; /* without partitions of its own a task has nothing to say */
    bool any = false;
    for (uint32_t i = 0; i < in->entry_count; i++) {
        struct intake_entry *entry = in->entries[i];
        if (entry->stage != stage) {
            continue;
        }
        if (intake_entry_finished(entry, final)) {
            continue;
        }
        idle = true;
        if (entry->idle) {
            continue;
        }
        int64_t w = event_clock_watermark(&entry->clock);
        lowest = w < lowest ? w : lowest;
        any = true;
    }
    if (any) {
        return lowest;
    }
    return idle ? time_by_itself(in) : WATERMARK_END;
}

void intake_raise_clocks(struct intake *in, int64_t floor_ms)
{
    for (uint32_t i = 0; i < in->entry_count; i++) {
        struct intake_entry *entry = in->entries[i];
        int64_t before = entry->clock.floor_ms;
        event_clock_raise(&entry->clock, floor_ms);
        entry->dirty = entry->dirty || entry->clock.floor_ms != before;
    }
}

int64_t intake_time_due_ns(const struct intake *in)
{
    int64_t due = 0;
    bool all_idle = true;
    for (uint32_t i = 0; i < in->entry_count; i++) {
        const struct intake_entry *entry = in->entries[i];
        if (!entry->idle && !intake_spec(entry)->table) {
            all_idle = false;
            int64_t at = entry->silent_ns + intake_spec(entry)->idle_ms * NS_PER_MS;
            due = entry->silent_ns && (due == 0 || at < due) ? at : due;
        }
    }
    return all_idle ? intake_now_ns(in) + LOOK_MS * NS_PER_MS : due;
}

/* --- in positions --- */

void intake_put_detail(const struct intake_entry *entry, struct srt_buf *to)
{
    if (entry->in->options.job->timed) {
        event_clock_encode(&entry->clock, to);
    }
    if (!entry->reader) {
        srt_buf_put(to, entry->detail, entry->detail_len);
    }
}

int intake_get_clock(struct intake_entry *entry, const struct engine_position *position,
                     size_t *ret_size, struct srt_err *err)
{
    int code =
        event_clock_decode(&entry->clock, position->detail, position->detail_len, ret_size, err);
    return code == SRT_OK ? code : srt_err_wrap(err, "position in %s", entry->topic);
}
