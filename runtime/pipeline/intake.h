/* intake.h - what a task reads: the partitions assigned to it, or a source that is not a topic.
 *
 * Owner:   a task.
 * Thread:  its worker.
 * Memory:  one buffer of read_bytes (or the largest batch), used for one partition at a time, and
 *          one for what a compressed batch becomes.
 * Fails:   intake_assign and intake_next: what the engine or the source fails with, when it is not
 *          worth trying again; SRT_ERANGE when a position was trimmed. */
#ifndef SRT_PIPELINE_INTAKE_H
#define SRT_PIPELINE_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "io/loop.h"
#include "pipeline/epoch.h"
#include "pipeline/item.h"
#include "pipeline/job.h"
#include "record/batch.h"

struct intake_entry; /* a partition, or a source */

struct intake_options {
    const struct job *job;
    uint32_t task;
    struct io_loop *loop;
    void (*wake)(void *arg); /* any thread: there may be more to read */
    void *wake_arg;
    struct script *script; /* for SOURCE_GENERATE */
    const struct script_fn *stage_fns;
};

struct intake {
    struct intake_options options;
    struct intake_entry **entries; /* sources first, then partitions */
    uint32_t entry_count;
    uint32_t source_count;
    uint32_t turn;                /* which entry to ask next */
    struct intake_entry *reading; /* the one whose records are being taken; NULL: none */
    struct srt_buf buf;           /* a partition's batches */
    size_t buf_at;
    struct srt_buf unpacked; /* the records of a compressed batch */
    enum intake_tables {
        INTAKE_TABLES_LOADING,
        INTAKE_TABLES_LOADED, /* in all tasks; what was read may still be on its way */
        INTAKE_TABLES_OPEN,   /* and an epoch was completed since: streams may be read */
    } tables;
    bool assigned;
    struct srt_buf detail;   /* of a position, for a moment */
    struct batch_reader batch;
    bool in_batch;
    int64_t due_ns;   /* an entry wants to be tried again then; 0: none */
    uint32_t closing; /* sources whose close is under way */
};

/* Task 0 opens the sources that are not topics. */
int intake_open(struct intake *in, const struct intake_options *options, struct srt_err *err);

/* Read these partitions from now on, from where the group's positions are. */
int intake_assign(struct intake *in, const struct engine_split *splits, uint32_t count,
                  struct srt_err *err);

enum intake_result {
    INTAKE_RECORD,
    INTAKE_BAD,  /* a record that is wrong in itself; `err` says how */
    INTAKE_NONE, /* nothing now: wake will be called, or due_ns comes */
    INTAKE_FAILED,
};
/* The next record; its bytes are valid until the next call. */
enum intake_result intake_next(struct intake *in, struct item_origin *ret, struct srt_err *err);

/* Nothing will ever come again. `final`: what is there now is all there will be. */
bool intake_finished(const struct intake *in, bool final);
/* Positions moved since they were taken last. */
bool intake_dirty(const struct intake *in);
void intake_take_positions(struct intake *in, struct epoch_part *part);

/* How far event time has come in a source stage's partitions here (watermark.h). */
int64_t intake_watermark(struct intake *in, uint32_t stage, bool final);
/* Tell the other tasks whether all is idle here: when it is everywhere, time goes on by itself. */
void intake_publish_time(struct intake *in);
/* What ended at or before this is over: it was closed by the end of input. */
void intake_raise_clocks(struct intake *in, int64_t floor_ms);
/* When intake_watermark() may say more though nothing comes; 0: never. */
int64_t intake_time_due_ns(const struct intake *in);

/* Sources close in their own time: intake_closed() says when the memory is dead. */
void intake_close(struct intake *in);
bool intake_closed(const struct intake *in);
void intake_fini(struct intake *in);

#endif
