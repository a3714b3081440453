/* intake_impl.h - what intake.c (reading) and intake_time.c (event time) share.
 *
 * Owner:   these two files.
 * Thread:  the task's worker, but for `ready`.
 * Memory:  see intake.h.
 * Fails:   see intake.h. */
#ifndef SRT_PIPELINE_INTAKE_IMPL_H
#define SRT_PIPELINE_INTAKE_IMPL_H

#include "base/atomic.h"
#include "pipeline/event_clock.h"
#include "pipeline/intake.h"

static const int64_t NS_PER_MS = 1000000;

struct intake_entry {
    struct intake *in;
    uint32_t stage;
    const char *topic;  /* or what the source is called: "file:/x", "stdin" */
    _Atomic bool ready; /* set by who wakes, cleared before a poll */
    bool dirty;         /* the position is to be committed */
    bool failed_before; /* said so in the log */
    int64_t position;
    int64_t retry_ns; /* not before; 0: any time */
    struct event_clock clock;
    int64_t silent_ns; /* at its end since then; 0: it has input */
    bool idle;         /* for so long that it holds nothing open */
    /* a partition */
    struct engine_split split;
    struct engine_reader *reader;
    /* a source */
    struct source *source;
    const char *position_name; /* NULL: keeps no position */
    struct source_batch batch;
    uint32_t batch_at;
    bool is_global; /* a partition that every task reads, from its start: it has no position */
    int64_t load_until; /* of a table: what there was when it was opened */
    bool loaded;        /* and that was read */
    bool has_read;
    bool ended;
    uint8_t *detail;
    uint32_t detail_len;
};

static inline const struct source_spec *intake_spec(const struct intake_entry *entry)
{
    return entry->in->options.job->graph->stages[entry->stage].source;
}

static inline int64_t intake_now_ns(const struct intake *in)
{
    return srt_clock_mono_ns(in->options.job->clock);
}

/* Whether nothing more comes from it, when what is there now is all there will be. */
bool intake_entry_finished(const struct intake_entry *entry, bool final);

/* --- intake_time.c --- */

/* Whether the entry may be asked: streams wait for tables. */
bool intake_may_ask(const struct intake_entry *entry);
/* Look whether tables are loaded, here and everywhere. */
void intake_update_tables(struct intake *in);
/* A poll found something, or nothing. */
void intake_note_poll(struct intake_entry *entry, bool found);
/* The entry to ask next: the one whose time is lowest, of those that may have something. */
struct intake_entry *intake_lowest(const struct intake *in);
/* The position's detail: event time, and what the source itself wants to know again. */
void intake_put_detail(const struct intake_entry *entry, struct srt_buf *to);
/* Read the time at the beginning of a detail; *ret_size is how long it is. */
int intake_get_clock(struct intake_entry *entry, const struct engine_position *position,
                     size_t *ret_size, struct srt_err *err);

#endif
