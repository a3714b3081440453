/* executor.h - runs one record at a time through the stages of a graph.
 *
 * Owner:   a task.
 * Thread:  its worker.
 * Memory:  a frame per stage at most, the record's small copies (freed when it is done), this
 *          epoch's output.
 * Fails:   executor_open: what the script fails with. A record's errors are dealt with inside, by
 *          the stage's on_error. */
#ifndef SRT_PIPELINE_EXECUTOR_H
#define SRT_PIPELINE_EXECUTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/rng.h"
#include "pipeline/compile.h"
#include "pipeline/epoch.h"
#include "pipeline/item.h"
#include "pipeline/job.h"
#include "pipeline/keyed_state.h"
#include "pipeline/target.h"
#include "pipeline/throttle.h"
#include "pipeline/watermark.h"
#include "script/native_doc.h"

enum frame_phase {
    FRAME_TIME,     /* at a source: find the record's event time */
    FRAME_ROUTE,    /* find the stage's key, and the task that owns it */
    FRAME_INVOKE,   /* the stage's own work */
    FRAME_EMIT,     /* make what the stage returned fit for its successors */
    FRAME_DELIVER,  /* to one successor after the other */
    FRAME_ELEMENTS, /* a list: deliver one element after the other */
    FRAME_EMISSIONS, /* what the stage emitted: deliver one after the other */
    FRAME_DUE,      /* no record: a row of the stage's state is due */
    FRAME_GIVE_UP,  /* the error is the executor's `failure` */
};

/* What a stage emits beside or instead of the record it was given; in the record's arena. */
struct emission {
    struct emission *next;
    struct record rec;
    enum codec codec;
};

/* One record on its way into, through and out of one stage. */
struct frame {
    uint32_t stage;
    enum frame_phase phase;
    uint32_t arm;             /* DELIVER */
    uint32_t next;            /* DELIVER: successors served so far */
    int base;                 /* the Lua stack's top below this frame */
    int value_index;          /* where the value is on it; 0: not there yet, it is rec.value */
    struct record rec;        /* key, headers, time; the value's bytes while value_index is 0 */
    enum codec value_codec;   /* how to read rec.value */
    const uint8_t *group_key; /* of a keyed stage, once it is known */
    int32_t group_key_len;
    int64_t watermark_ms;     /* of where it came from: what it is late against */
    int64_t tie;
    bool has_tie;
    uint32_t side;            /* of a join */
    const uint8_t *due_subkey; /* DUE: of the row, whose key is group_key */
    uint32_t due_subkey_len;
    struct emission *emissions; /* EMISSIONS: not yet delivered */
    int64_t element; /* ELEMENTS: delivered so far; the list is at value_index */
    int64_t element_count;
    int64_t attempts; /* of this stage, that failed */
    /* The value as it was when the stage began, to try again from. */
    bool has_restore;
    const uint8_t *restore;
    int32_t restore_len;
    enum codec restore_codec;
};

enum executor_result {
    EXECUTOR_DONE, /* ready for the next record */
    EXECUTOR_WAIT, /* not before `due_ns` */
    EXECUTOR_STOP, /* the pipeline must end: `failure` */
};

/* What keeps a log quiet when every record fails alike. */
struct executor_log {
    int64_t next_ns;
    uint64_t suppressed;
};

struct executor {
    const struct job *job;
    uint32_t task;
    struct script *script;
    struct graph_bindings bindings;
    bool bound;
    uint64_t generation; /* of the script's state that they belong to */
    bool reuses_values; /* no function keeps a value: one table serves record after record */
    struct frame *frames;
    uint32_t depth;
    struct item_origin origin;  /* of the record at work */
    struct srt_arena arena;     /* lives as long as that record */
    struct native_doc native;   /* what expressions are answered from without Lua, likewise */
    struct srt_buf scratch;     /* an encoded value or key, for a moment */
    struct srt_buf headers;     /* of a dead letter, for a moment */
    struct srt_rng rng;         /* jitter */
    struct throttle *throttles; /* per stage */
    bool *snapshots;            /* per stage: keep the value, it may be tried again */
    struct target **targets;    /* per stage: its fixed topic, once it was found */
    struct target_set target_set;
    bool timed; /* some stage goes by event time */
    struct watermarks watermarks;
    struct keyed_state state;
    uint64_t rows_made; /* of state, to weigh it now and then */
    struct emission *emissions; /* of the invocation at work, in order */
    struct emission **emissions_end;
    struct srt_buf *sinks; /* one per sink of the job */
    struct runner_counters counters;
    size_t record_from_bytes;     /* buffered when the record at work began */
    size_t record_sent_bytes;     /* and what it sent to other tasks since */
    int64_t due_ns;
    int64_t pause_ms; /* how long the last infrastructure error waited */
    struct srt_err failure;
    char traceback[2048];
    struct executor_log log;
};

int executor_open(struct executor *ex, const struct job *job, uint32_t task, struct srt_err *err);
void executor_close(struct executor *ex); /* accepts a zeroed one */

/* Begin a record that was read from a source; its bytes stay valid until EXECUTOR_DONE. The origin
 * may have been written to ex->origin, which saves a copy. */
void executor_begin(struct executor *ex, const struct item_origin *origin);
/* Begin one that came through the exchange in front of `stage`. */
void executor_begin_item(struct executor *ex, const struct item *item, uint32_t stage);
/* Begin one that is wrong in itself: its source's on_error decides. */
void executor_begin_bad(struct executor *ex, const struct item_origin *origin,
                        const struct srt_err *why);

/* Begin with what is due in the state of `stage` (keyed_state_due). */
void executor_begin_due(struct executor *ex, uint32_t stage, const struct state_row *row);

/* Go on until the record is done, must wait, or ends the pipeline. */
enum executor_result executor_run(struct executor *ex);

size_t executor_buffered_bytes(const struct executor *ex);

/* Hand this epoch's output and counters over. */
void executor_take_epoch(struct executor *ex, struct epoch_part *part);
/* Take what memory is of use out of an earlier epoch's part. */
void executor_reuse(struct executor *ex, struct epoch_part *part);

/* --- for the files of stages --- */

/* One more record behind what the stage emitted so far; its bytes are in the record's arena. Its
 * key, headers and time are set. */
int executor_emit(struct executor *ex, const struct record *rec, enum codec codec,
                  struct srt_err *err);

/* The value's bytes under a codec, borrowed until the next call; RECORD_ABSENT for a tombstone. */
int executor_encode(struct executor *ex, const struct frame *f, enum codec codec,
                    const uint8_t **ret_data, int32_t *ret_len, struct srt_err *err);
/* Bytes that read back as the same value, in the record's arena. */
int executor_copy_value(struct executor *ex, const struct frame *f, const uint8_t **ret_data,
                        int32_t *ret_len, enum codec *ret_codec, struct srt_err *err);

#endif
