/* The life of a task, and what it does in one slice:
 *
 *     NEW --script, sources--> LOADING --state--> HELD --assignment--> RUNNING
 *     RUNNING --barrier--> RUNNING | HELD | ENDED
 *      `--------------------------------------------> FAILED           (close from any of them)
 *
 *     a slice: the record at work, if it waited; then records from the most downstream exchange
 *     that has some, then from the sources; until the slice is used up or nothing can be taken.
 *
 * The barrier of epoch e. When the controller asks for it, the task takes nothing more from its
 * sources and says on edge 0 that it has sent everything. Once it has that from all others too, it
 * has emitted all it ever will on edge 1, and so on; behind the last edge the epoch is complete,
 * and the task hands over its part: output, positions, counters. Everything after that belongs to
 * epoch e+1. */
#include "pipeline/task.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "pipeline/executor.h"
#include "pipeline/intake.h"
#include "pipeline/time_flow.h"

enum {
    SLICE_RECORDS_MAX = 4096,
    SLICE_MS = 2,
    CLOCK_STEP_MAX = 64, /* records between two looks at the clock, when they take little time */
};

static const int64_t NS_PER_MS = 1000000;

enum task_state {
    TASK_STATE_NEW,
    TASK_STATE_LOADING,
    TASK_STATE_HELD,
    TASK_STATE_RUNNING,
    TASK_STATE_ENDED,
    TASK_STATE_FAILED,
    TASK_STATE_CLOSING,
    TASK_STATE_CLOSED,
};

struct task_assignment {
    struct engine_split *splits;
    uint32_t count;
};

struct task {
    const struct job *job;
    uint32_t index;
    struct io_loop *loop;
    void (*wake)(void *arg);
    void *wake_arg;

    /* main -> worker */
    _Atomic(struct task_assignment *) assignment; /* main puts one in, the task takes it out */
    _Atomic uint64_t asked_epoch;                 /* store-release by main, after `after` */
    _Atomic int after;
    _Atomic bool close_asked;
    _Atomic(struct epoch_part *) spent; /* main puts one in that is durable, the task takes it */

    /* worker -> main */
    _Atomic uint32_t notes;
    _Atomic(struct epoch_part *) part; /* the task puts one in, main takes it out */
    struct srt_err failure;            /* written before TASK_FAILED is noted */
    _Atomic int waits_for;
    _Atomic uint32_t waits_at; /* the stage of a back-off */

    /* worker only */
    enum task_state state;
    struct executor executor;
    struct intake intake;
    uint64_t epoch;        /* the last one handed over */
    bool draining;         /* between the request and the hand-over */
    uint32_t barrier_edge; /* edges below have all barriers; ours is sent on this one */
    bool dirty;            /* noted in this epoch */
    bool full;             /* noted in this epoch */
    bool ended;            /* noted */
    bool tables_loaded;    /* they were when the epoch at hand began to end */
    bool time_moved;       /* look how far event time has come */
    int64_t time_due_ns;   /* it may go on by itself then; 0: not */
    bool waiting;          /* the record at work waits for executor.due_ns */
};

struct task *task_create(const struct job *job, uint32_t index)
{
    struct task *task = srt_xcalloc(1, sizeof *task);
    task->job = job;
    task->index = index;
    return task;
}

static void free_assignment(struct task_assignment *assignment)
{
    if (assignment) {
        srt_free(assignment->splits);
        srt_free(assignment);
    }
}

void task_destroy(struct task *task)
{
    if (!task) {
        return;
    }
    srt_assert(task->state == TASK_STATE_CLOSED || task->state == TASK_STATE_NEW);
    free_assignment(srt_exchange(&task->assignment, NULL));
    epoch_part_destroy(srt_exchange(&task->part, NULL));
    epoch_part_destroy(srt_exchange(&task->spent, NULL));
    srt_free(task);
}

void task_set_worker(struct task *task, struct io_loop *loop, void (*wake)(void *arg), void *arg)
{
    task->loop = loop;
    task->wake = wake;
    task->wake_arg = arg;
    if (task->job->exchange) {
        exchange_set_wake(task->job->exchange, task->index, wake, arg);
    }
}

/* --- main --- */

void task_poke(struct task *task)
{
    if (task->wake) {
        task->wake(task->wake_arg);
    }
}

void task_assign(struct task *task, struct engine_split *take_splits, uint32_t count)
{
    struct task_assignment *assignment = srt_xcalloc(1, sizeof *assignment);
    assignment->splits = take_splits;
    assignment->count = count;
    free_assignment(srt_exchange(&task->assignment, assignment));
    task_poke(task);
}

void task_ask_epoch(struct task *task, uint64_t epoch, enum task_after after)
{
    srt_store_relaxed(&task->after, (int)after);
    srt_store_release(&task->asked_epoch, epoch); /* acquire in run_slice */
    task_poke(task);
}

void task_ask_close(struct task *task)
{
    srt_store_release(&task->close_asked, true); /* acquire in task_run */
    task_poke(task);
}

uint32_t task_take_notes(struct task *task)
{
    return srt_exchange(&task->notes, 0);
}

struct epoch_part *task_take_part(struct task *task)
{
    return srt_exchange(&task->part, NULL);
}

void task_give_back(struct task *task, struct epoch_part *take_part)
{
    epoch_part_destroy(srt_exchange(&task->spent, take_part)); /* taken in reuse_spent */
}

const struct srt_err *task_failure(const struct task *task)
{
    return &task->failure;
}

enum task_wait task_waits_for(const struct task *task, uint32_t *ret_stage)
{
    *ret_stage = srt_load_relaxed(&task->waits_at);
    return (enum task_wait)srt_load_relaxed(&task->waits_for);
}

/* --- worker --- */

static void note(struct task *task, uint32_t what)
{
    (void)atomic_fetch_or_explicit(&task->notes, what, memory_order_acq_rel); /* task_take_notes */
    task->job->notify(task->job->notify_arg);
}

static void fail(struct task *task, const struct srt_err *why)
{
    task->failure = *why;
    task->state = TASK_STATE_FAILED;
    note(task, TASK_FAILED);
}

static void open_task(struct task *task)
{
    struct srt_err err;
    int code = executor_open(&task->executor, task->job, task->index, &err);
    if (code == SRT_OK) {
        const struct intake_options options = {
            .job = task->job,
            .task = task->index,
            .loop = task->loop,
            .wake = task->wake,
            .wake_arg = task->wake_arg,
            .script = task->executor.script,
            .stage_fns = task->executor.bindings.stage_fns,
        };
        code = intake_open(&task->intake, &options, &err);
    }
    if (code != SRT_OK) {
        fail(task, &err);
        return;
    }
    task->state = TASK_STATE_LOADING;
}

static void load_state(struct task *task)
{
    struct srt_err err;
    bool done;
    if (keyed_state_load(&task->executor.state, &done, &err) != SRT_OK) {
        fail(task, &err);
    } else if (done) {
        task->state = TASK_STATE_HELD;
    }
}

static void take_assignment(struct task *task)
{
    struct task_assignment *assignment = srt_exchange(&task->assignment, NULL);
    if (!assignment) {
        return;
    }
    struct srt_err err;
    int code = intake_assign(&task->intake, assignment->splits, assignment->count, &err);
    free_assignment(assignment);
    if (code != SRT_OK) {
        fail(task, &err);
        return;
    }
    task->ended = false;
    task->time_moved = task->job->timed;
    task->state = TASK_STATE_RUNNING;
}

/* --- epochs --- */

static void hand_over(struct task *task)
{
    struct srt_err err;
    if (keyed_state_write(&task->executor.state, &err) != SRT_OK) {
        fail(task, &err);
        return;
    }
    enum task_after after = (enum task_after)srt_load_relaxed(&task->after);
    if (task->job->timed && after == TASK_END) {
        intake_raise_clocks(&task->intake, srt_load_relaxed(&task->job->closed_ms));
    }
    struct epoch_part *part = epoch_part_create(task->job->sink_count);
    executor_take_epoch(&task->executor, part);
    intake_take_positions(&task->intake, part);
    if (task->tables_loaded) {
        task->intake.tables = INTAKE_TABLES_OPEN;
    }
    task->epoch++;
    task->draining = false;
    task->dirty = false;
    task->full = false;
    if (task->job->exchange) {
        exchange_unpark(task->job->exchange, task->index);
    }
    struct epoch_part *before = srt_exchange(&task->part, part);
    srt_assert(!before);
    switch (after) {
    case TASK_GO_ON:
        break;
    case TASK_HOLD:
        task->state = TASK_STATE_HELD;
        break;
    case TASK_END:
        task->state = TASK_STATE_ENDED;
        break;
    }
    note(task, TASK_PART);
}

/* The memory of an epoch that is durable serves the next ones: fresh pages cost more than what is
 * written to them. */
static void reuse_spent(struct task *task)
{
    if (srt_load_relaxed(&task->spent)) {
        struct epoch_part *part = srt_exchange(&task->spent, NULL);
        executor_reuse(&task->executor, part);
        epoch_part_destroy(part);
    }
}

static void begin_draining(struct task *task)
{
    task->draining = true;
    task->tables_loaded = task->intake.tables == INTAKE_TABLES_LOADED;
    task->barrier_edge = 0;
    if (task->job->exchange) {
        exchange_send_barrier(task->job->exchange, 0, task->index);
    }
}

/* Go on to the next edges whose barriers are complete; true when the epoch was handed over. */
static bool try_hand_over(struct task *task)
{
    struct exchange *ex = task->job->exchange;
    while (task->barrier_edge < exchange_edge_count(ex)) {
        if (!exchange_aligned(ex, task->barrier_edge, task->index)) {
            return false;
        }
        task->barrier_edge++;
        if (task->barrier_edge < exchange_edge_count(ex)) {
            exchange_send_barrier(ex, task->barrier_edge, task->index);
        }
    }
    hand_over(task);
    return true;
}

/* --- input --- */

static void note_dirty(struct task *task)
{
    if (!task->dirty) {
        task->dirty = true;
        note(task, TASK_DIRTY);
    }
}

static void wait_for(struct task *task, enum task_wait what)
{
    srt_store_relaxed(&task->waits_for, (int)what);
}

static bool is_full(struct task *task)
{
    if (executor_buffered_bytes(&task->executor) < task->job->buffer_bytes) {
        return false;
    }
    if (!task->full) {
        task->full = true;
        note(task, TASK_FULL);
    }
    return true;
}

/* Begin a record from the most downstream edge that may be taken from. */
static bool begin_from_exchange(struct task *task, int32_t spilled)
{
    struct exchange *ex = task->job->exchange;
    struct item item;
    int32_t lowest = spilled > 0 ? spilled : 0;
    for (int32_t edge = (int32_t)exchange_edge_count(ex) - 1; edge >= lowest; edge--) {
        uint32_t stage = exchange_edge_stage(ex, (uint32_t)edge);
        while (exchange_next(ex, (uint32_t)edge, task->index, &item)) {
            if (!item.is_watermark) {
                executor_begin_item(&task->executor, &item, stage);
                return true;
            }
            watermarks_hear(&task->executor.watermarks, stage, item.from, item.watermark_ms);
            task->time_moved = true;
        }
    }
    return false;
}

static void note_ended(struct task *task)
{
    bool final = srt_load_acquire(&task->job->input_final); /* release in the controller */
    bool over = !task->job->timed || task->job->keep_open || time_flow_ended(&task->executor);
    over = over && task->intake.tables == INTAKE_TABLES_OPEN;
    if (!task->ended && over && intake_finished(&task->intake, final)) {
        task->ended = true;
        note(task, TASK_ENDED);
    }
}

/* After the wait is set, which the controller looks at when it has the note: so the last of the
 * tasks to run dry is seen to. */
static void note_drained(struct task *task)
{
    if (task->dirty) {
        bool has_output = executor_buffered_bytes(&task->executor) > 0;
        note(task, has_output ? TASK_DRAINED | TASK_OUTPUT : TASK_DRAINED);
    }
}

/* True when it began with something that is due. */
static bool advance_time(struct task *task, int32_t spilled)
{
    bool final = srt_load_acquire(&task->job->input_final); /* release in the controller */
    bool begun = false;
    struct srt_err err;
    if (!task->job->timed || task->draining) {
        return false;
    }
    task->time_moved = false;
    if (time_flow_step(&task->executor, &task->intake, final, spilled, &begun, &err) != SRT_OK) {
        fail(task, &err);
        return false;
    }
    task->time_moved = begun;
    task->time_due_ns = begun ? 0 : time_flow_due_ns(&task->executor, &task->intake);
    return begun;
}

static bool begin_from_intake(struct task *task)
{
    struct item_origin *origin = &task->executor.origin;
    struct srt_err err;
    switch (intake_next(&task->intake, origin, &err)) {
    case INTAKE_RECORD:
        executor_begin(&task->executor, origin);
        return true;
    case INTAKE_BAD:
        executor_begin_bad(&task->executor, origin, &err);
        return true;
    case INTAKE_NONE:
        if (advance_time(task, -1)) {
            return true;
        }
        if (intake_dirty(&task->intake) || task->intake.tables == INTAKE_TABLES_LOADED) {
            note_dirty(task);
        }
        note_ended(task);
        wait_for(task, TASK_WAITS_INPUT);
        note_drained(task);
        return false;
    case INTAKE_FAILED:
        fail(task, &err);
        return false;
    }
    srt_unreachable("an intake result");
}

static bool begin_record(struct task *task)
{
    task->intake.due_ns = 0; /* only an intake that was asked wants to be asked again */
    struct exchange *ex = task->job->exchange;
    int32_t spilled = -1;
    if (ex) {
        spilled = exchange_spilled_edge(ex, task->index);
        if (spilled >= 0) {
            exchange_flush(ex, task->index);
            spilled = exchange_spilled_edge(ex, task->index);
        }
    }
    if (!task->draining && is_full(task)) {
        wait_for(task, TASK_WAITS_COMMIT);
        return false;
    }
    if (task->time_moved && advance_time(task, spilled)) {
        return true;
    }
    if (ex && begin_from_exchange(task, spilled)) {
        return true;
    }
    if (spilled >= 0) {
        wait_for(task, TASK_WAITS_EXCHANGE);
        return false;
    }
    return !task->draining && !task->ended && begin_from_intake(task);
}

/* --- a slice --- */

/* True when the task can take the next record. */
static bool run_record(struct task *task)
{
    switch (executor_run(&task->executor)) {
    case EXECUTOR_DONE:
        task->waiting = false;
        return true;
    case EXECUTOR_WAIT:
        task->waiting = true;
        srt_store_relaxed(&task->waits_at, task->executor.frames[task->executor.depth - 1].stage);
        wait_for(task, TASK_WAITS_BACKOFF);
        return false;
    case EXECUTOR_STOP:
        fail(task, &task->executor.failure);
        return false;
    }
    srt_unreachable("an executor result");
}

static int64_t now_ns(const struct task *task)
{
    return srt_clock_mono_ns(task->job->clock);
}

/* How long a record takes is not known before: the clock is looked at after each one at first, and
 * then more and more seldom as long as little time has passed. */
struct slice {
    int64_t end_ns;
    int64_t seen_ns;
    int step; /* records until the next look */
    int left;
};

static struct slice begin_slice(const struct task *task)
{
    int64_t now = now_ns(task);
    return (struct slice){now + SLICE_MS * NS_PER_MS, now, 1, 1};
}

static bool slice_is_over(struct slice *slice, const struct task *task)
{
    if (--slice->left > 0) {
        return false;
    }
    int64_t now = now_ns(task);
    bool quick = now - slice->seen_ns < SLICE_MS * NS_PER_MS / 16;
    slice->step = !quick ? 1 : slice->step < CLOCK_STEP_MAX ? 2 * slice->step : CLOCK_STEP_MAX;
    slice->left = slice->step;
    slice->seen_ns = now;
    return now >= slice->end_ns;
}

static bool run_slice(struct task *task)
{
    if (task->waiting && now_ns(task) < task->executor.due_ns) {
        return false;
    }
    if (task->waiting && !run_record(task)) {
        return false;
    }
    if (!task->draining && srt_load_acquire(&task->asked_epoch) > task->epoch) {
        begin_draining(task); /* the release is in task_ask_epoch */
    }
    wait_for(task, TASK_WAITS_NOT);
    reuse_spent(task);
    task->time_moved = task->job->timed; /* once a slice, and when there is news */
    struct slice slice = begin_slice(task);
    bool more = true;
    for (int i = 1; more && i <= SLICE_RECORDS_MAX; i++) {
        if (task->draining && try_hand_over(task)) {
            break;
        }
        more = begin_record(task);
        if (more) {
            wait_for(task, TASK_WAITS_NOT); /* only now: a wake-up without input changes nothing */
            note_dirty(task);
            more = run_record(task);
        }
        if (slice_is_over(&slice, task)) {
            break;
        }
    }
    if (task->draining && !task->waiting && task->state == TASK_STATE_RUNNING) {
        more = try_hand_over(task) || more; /* the last barrier may have come just now */
    }
    if (task->job->exchange) {
        exchange_flush(task->job->exchange, task->index);
    }
    return more;
}

static void begin_closing(struct task *task)
{
    task->state = TASK_STATE_CLOSING;
    intake_close(&task->intake);
}

static bool try_close(struct task *task)
{
    if (!intake_closed(&task->intake)) {
        return false;
    }
    intake_fini(&task->intake);
    executor_close(&task->executor);
    task->state = TASK_STATE_CLOSED;
    note(task, TASK_CLOSED);
    return false;
}

/* A task hands its part over when all barriers have come to it, not when its own have left: those
 * may wait for room behind the last chunks, and others wait for them. */
static void flush_rest(struct task *task)
{
    if (task->job->exchange) {
        exchange_flush(task->job->exchange, task->index);
    }
}

bool task_run(struct task *task)
{
    if (task->state < TASK_STATE_CLOSING && srt_load_acquire(&task->close_asked)) {
        begin_closing(task); /* the release is in task_ask_close */
    }
    switch (task->state) {
    case TASK_STATE_NEW:
        open_task(task);
        return true;
    case TASK_STATE_LOADING:
        load_state(task);
        return task->state != TASK_STATE_FAILED;
    case TASK_STATE_HELD:
        flush_rest(task);
        take_assignment(task);
        return task->state == TASK_STATE_RUNNING;
    case TASK_STATE_RUNNING:
        return run_slice(task);
    case TASK_STATE_CLOSING:
        return try_close(task);
    case TASK_STATE_ENDED:
        flush_rest(task);
        return false;
    case TASK_STATE_FAILED:
    case TASK_STATE_CLOSED:
        return false;
    }
    srt_unreachable("a task state");
}

int64_t task_due_ns(const struct task *task)
{
    if (task->state != TASK_STATE_RUNNING) {
        return 0;
    }
    if (task->waiting) {
        return task->executor.due_ns;
    }
    int64_t read = task->intake.due_ns;
    int64_t time = task->time_due_ns;
    return read == 0 || (time != 0 && time < read) ? time : read;
}

bool task_is_closed(const struct task *task)
{
    return task->state == TASK_STATE_CLOSED;
}
