/* Records that a Lua function makes: called with (n, rng), n from 1, it returns the value, and
 * perhaps the key as a second result; nil ends the source.
 *
 * Its position is how many records it made, so that a restart goes on with the next n. For the same
 * n to give the same record then, the random numbers begin anew for each n, from the seed and n
 * together.
 *
 * At a rate, records become due by the clock: the k-th since `started` at started + k / rate. When
 * the pipeline does not keep up, at most BURST_MS of them are made at once afterwards. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "connect/connectors.h"
#include "script/generator.h"

enum {
    RECORDS_PER_POLL = SRT_HOSTILE ? 3 : 256,
    BURST_MS = 1000,
    POLL_MS_MAX = 20, /* then others have their turn: the function may take long */
};

static const int64_t NS_PER_MS = 1000000;

struct source_generate {
    struct source source;
    struct source_context context;
    int64_t made; /* records so far: the next is n = made + 1 */
    bool ended;
    bool drained;
    int64_t started_ns; /* of the schedule; 0: not yet */
    int64_t scheduled;  /* records made on it */
    struct generator *generator;
    struct srt_buf bytes;
    struct record records[RECORDS_PER_POLL];
    size_t value_at[RECORDS_PER_POLL]; /* in bytes, which moves as it grows; the key is behind it */
    struct io_timer timer;
    io_closed_fn on_closed;
    void *on_closed_arg;
};

static struct source_generate *generate_of(struct source *source)
{
    return (struct source_generate *)source;
}

static char *position_name(const struct source_spec *spec)
{
    return srt_xasprintf("generate:%" PRIu64, spec->seed);
}

static bool endless(const struct source_spec *spec)
{
    return spec->count < 0;
}

static void on_timer(void *arg)
{
    struct source_generate *g = arg;
    g->context.wake(g->context.wake_arg);
}

static int open_source(const struct source_context *context, const int64_t *at,
                       const uint8_t *detail, uint32_t detail_len, struct source **ret,
                       struct srt_err *err)
{
    (void)detail;
    (void)detail_len;
    struct source_generate *g = srt_xcalloc(1, sizeof *g);
    g->source.ops = &source_generate_ops;
    g->context = *context;
    g->made = at ? *at : 0;
    int rc = generator_create(context->script, context->generate, context->spec->seed,
                              &g->generator, err);
    if (rc != SRT_OK) {
        srt_free(g);
        return rc;
    }
    io_timer_init(&g->timer, context->loop, on_timer, g);
    *ret = &g->source;
    return SRT_OK;
}

/* How many may be made now; when none, *ret_wait_ms until the next. */
static int64_t due_count(struct source_generate *g, int64_t now_ns, int64_t *ret_wait_ms)
{
    double rate = g->context.spec->rate;
    if (rate <= 0) {
        return RECORDS_PER_POLL;
    }
    if (g->started_ns == 0) {
        g->started_ns = now_ns;
        g->scheduled = 0;
    }
    double due = floor((double)(now_ns - g->started_ns) * 1e-9 * rate) + 1;
    double behind = due - (double)g->scheduled;
    if (behind > rate * BURST_MS / 1000 + 1) { /* begin the schedule again */
        behind = rate * BURST_MS / 1000 + 1;
        g->started_ns = now_ns - BURST_MS * NS_PER_MS;
        g->scheduled = 0;
    }
    if (behind < 1) {
        double next_ns = (double)g->started_ns + (double)g->scheduled / rate * 1e9;
        double wait_ms = ceil((next_ns - (double)now_ns) / (double)NS_PER_MS);
        *ret_wait_ms = wait_ms < 1 ? 1 : wait_ms > 1e9 ? 1000000000 : (int64_t)wait_ms;
        return 0;
    }
    return behind < RECORDS_PER_POLL ? (int64_t)behind : RECORDS_PER_POLL;
}

/* The buffer stands still now: offsets become pointers. */
static void settle(struct source_generate *g, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct record *rec = &g->records[i];
        if (rec->value_len != RECORD_ABSENT) {
            rec->value = g->bytes.data + g->value_at[i];
        }
        if (rec->key_len != RECORD_ABSENT) {
            rec->key = rec->value + rec->value_len;
        }
    }
}

static bool all_made(const struct source_generate *g)
{
    int64_t count = g->context.spec->count;
    return g->ended || (count >= 0 && g->made >= count);
}

/* Up to `limit` records, until one is bad. */
static void make_records(struct source_generate *g, int64_t limit, size_t max_bytes,
                         struct source_batch *batch)
{
    const struct srt_clock *clock = g->context.clock;
    int64_t deadline_ns = srt_clock_mono_ns(clock) + POLL_MS_MAX * NS_PER_MS;
    int64_t now_ms = srt_clock_wall_ms(clock);
    while (batch->count < (uint32_t)limit && batch->bad_index < 0 && g->bytes.len < max_bytes &&
           !all_made(g)) {
        uint32_t i = batch->count;
        struct record *rec = &g->records[i];
        *rec = (struct record){
            .key_len = RECORD_ABSENT,
            .value_len = RECORD_ABSENT,
            .timestamp_ms = now_ms,
            .offset = g->made,
        };
        size_t at = g->bytes.len;
        int rc = generator_make(g->generator, g->made + 1, g->context.spec->codec, &g->bytes,
                                &rec->value_len, &rec->key_len, &batch->bad);
        if (rc == SRT_EEND) {
            g->ended = true;
            break;
        }
        g->value_at[i] = at;
        batch->bad_index = rc == SRT_OK ? -1 : (int64_t)i;
        batch->count++;
        g->made++;
        g->scheduled++;
        if (srt_clock_mono_ns(clock) >= deadline_ns) {
            break;
        }
    }
}

static int poll_source(struct source *source, size_t max_bytes, struct source_batch *ret,
                       struct srt_err *err)
{
    (void)err; /* the function's errors belong to its records */
    struct source_generate *g = generate_of(source);
    struct source_batch batch = {.records = g->records, .bad_index = -1};
    srt_buf_clear(&g->bytes);
    int64_t wait_ms = 0;
    int64_t limit = all_made(g) ? 0 : due_count(g, srt_clock_mono_ns(g->context.clock), &wait_ms);
    if (limit > 0) {
        make_records(g, limit, max_bytes, &batch);
        settle(g, batch.count);
    }
    batch.next_offset = g->made;
    if (batch.count == 0 && all_made(g)) {
        g->drained = true;
        return SRT_EEND;
    }
    g->drained = batch.count == 0;
    if (batch.count == 0) {
        io_timer_start(&g->timer, wait_ms, 0);
    }
    *ret = batch;
    return SRT_OK;
}

static void detail(const struct source *source, const uint8_t **ret, uint32_t *ret_len)
{
    (void)source;
    *ret = NULL;
    *ret_len = 0;
}

/* An endless one has no end to drain to, and one with an end is drained there. */
static bool drained(const struct source *source)
{
    const struct source_generate *g = (const struct source_generate *)source;
    return g->drained && all_made(g);
}

static void on_timer_closed(void *arg)
{
    struct source_generate *g = arg;
    io_closed_fn on_closed = g->on_closed;
    void *on_closed_arg = g->on_closed_arg;
    srt_buf_fini(&g->bytes);
    srt_free(g);
    on_closed(on_closed_arg);
}

static void close_source(struct source *source, io_closed_fn on_closed, void *arg)
{
    struct source_generate *g = generate_of(source);
    g->on_closed = on_closed;
    g->on_closed_arg = arg;
    generator_destroy(g->generator);
    io_timer_close(&g->timer, on_timer_closed);
}

const struct source_ops source_generate_ops = {
    .kind = SOURCE_GENERATE,
    .position_name = position_name,
    .open = open_source,
    .poll = poll_source,
    .detail = detail,
    .endless = endless,
    .drained = drained,
    .close = close_source,
};
