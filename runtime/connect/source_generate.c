/* Records that a Lua function makes: called with (n, rng), n from 1, it returns the value, and perhaps the
 * key as a second result; nil ends the source.
 *
 * Its position is how many records it made, so that a restart goes on with the next n. For the same n to
 * give the same record then, the random numbers begin anew for each n, from the seed and n together.
 *
 * At a rate, records become due by the clock: the k-th since `started` at started + k / rate. When the
 * pipeline does not keep up, at most BURST_MS of them are made at once afterwards. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/rng.h"
#include "connect/connectors.h"
#include "script/script.h"
#include "script/value.h"

enum {
    RECORDS_PER_POLL = SRT_HOSTILE ? 3 : 256,
    BURST_MS = 1000,
    POLL_MS_MAX = 20, /* then others have their turn: the function may take long */
    STACK_SLOTS = 8,
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
    struct script_fn rng_fn;
    struct srt_rng *rng; /* the state's: rng_fn holds it */
    struct srt_buf bytes;
    struct record records[RECORDS_PER_POLL];
    size_t key_at[RECORDS_PER_POLL]; /* in bytes, which moves as it grows */
    size_t value_at[RECORDS_PER_POLL];
    struct io_timer timer;
    io_closed_fn on_closed;
    void *on_closed_arg;
};

static struct source_generate *generate_of(struct source *source)
{
    return (struct source_generate *)source;
}

/* --- rng: what the function is given beside n --- */

static int refuse(lua_State *L, const char *message)
{
    lua_pushstring(L, message);
    return lua_error(L);
}

/* As math.random: rng() in [0, 1), rng(m) in 1..m, rng(m, n) in m..n. */
static int rng_call(lua_State *L)
{
    struct srt_rng *rng = lua_touserdata(L, lua_upvalueindex(1));
    int count = lua_gettop(L);
    if (count == 0) {
        lua_pushnumber(L, srt_rng_double(rng));
        return 1;
    }
    int low_ok = 1;
    int high_ok = 0;
    lua_Integer low = count > 1 ? lua_tointegerx(L, 1, &low_ok) : 1;
    lua_Integer high = lua_tointegerx(L, count > 1 ? 2 : 1, &high_ok);
    if (count > 2 || !low_ok || !high_ok) {
        return refuse(L, "rng takes nothing, rng(n) or rng(m, n) with integers");
    }
    if (low > high) {
        return refuse(L, "rng: the interval is empty");
    }
    uint64_t width = (uint64_t)high - (uint64_t)low + 1; /* 0: all there are */
    uint64_t offset = width ? srt_rng_below(rng, width) : srt_rng_next(rng);
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + offset));
    return 1;
}

static int make_rng(lua_State *L)
{
    void *rng = lua_newuserdatauv(L, sizeof(struct srt_rng), 0);
    lua_pushcclosure(L, rng_call, 1);
    lua_pushlightuserdata(L, rng);
    return 2;
}

static int create_rng(struct source_generate *g, struct srt_err *err)
{
    struct script *script = g->context.script;
    lua_State *L = script_state(script);
    if (!lua_checkstack(L, STACK_SLOTS)) {
        return srt_fail(err, SRT_ENOMEM, "no memory for the generator's stack");
    }
    lua_pushcfunction(L, make_rng);
    int rc = script_call(script, 0, 2, err);
    if (rc != SRT_OK) {
        return rc;
    }
    g->rng = lua_touserdata(L, -1);
    lua_pop(L, 1);
    rc = script_fn_take(script, &g->rng_fn);
    return rc == SRT_OK ? SRT_OK : srt_fail(err, rc, "no memory for the generator");
}

/* --- source --- */

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
    int rc = create_rng(g, err);
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

/* Encode the results on the stack (value, key) as record `i`. */
static int encode(struct source_generate *g, uint32_t i, struct record *rec, struct srt_err *err)
{
    struct script *script = g->context.script;
    lua_State *L = script_state(script);
    g->value_at[i] = g->bytes.len;
    int rc = value_encode(script, -2, g->context.spec->codec, &g->bytes, err);
    if (rc != SRT_OK) {
        return rc;
    }
    size_t value_len = g->bytes.len - g->value_at[i];
    g->key_at[i] = g->bytes.len;
    bool has_key = !lua_isnil(L, -1);
    rc = has_key ? value_encode_key(script, -1, &g->bytes, err) : SRT_OK;
    size_t key_len = g->bytes.len - g->key_at[i];
    if (rc == SRT_OK && srt_buf_failed(&g->bytes)) {
        rc = srt_fail(err, SRT_ENOMEM, "no memory for a generated record");
    }
    if (rc == SRT_OK && (value_len > INT32_MAX || key_len > INT32_MAX)) {
        rc = srt_fail(err, SRT_ETOOBIG, "the value or key is larger than 2 GiB");
    }
    if (rc == SRT_OK) {
        rec->value_len = (int32_t)value_len;
        rec->key_len = has_key ? (int32_t)key_len : RECORD_ABSENT;
    }
    return rc;
}

/* Call the function for the next n. What it raises, or returns that cannot be encoded, is an error of that
 * record: *rec then has no value. SRT_EEND for nil. */
static int make_record(struct source_generate *g, uint32_t i, struct record *rec,
                       struct srt_err *err)
{
    struct script *script = g->context.script;
    lua_State *L = script_state(script);
    if (!lua_checkstack(L, STACK_SLOTS)) {
        return srt_fail(err, SRT_ENOMEM, "no memory for the generator's stack");
    }
    int64_t n = g->made + 1;
    srt_rng_init(g->rng, g->context.spec->seed ^ (0x9e3779b97f4a7c15u * (uint64_t)n));
    script_push_fn(script, g->context.generate);
    lua_pushinteger(L, n);
    script_push_fn(script, &g->rng_fn);
    int rc = script_call(script, 2, 2, err);
    if (rc != SRT_OK) {
        return rc;
    }
    size_t before = g->bytes.len;
    rc = lua_isnil(L, -2) ? SRT_EEND : encode(g, i, rec, err);
    if (rc != SRT_OK) {
        g->bytes.len = before;
        g->bytes.failed = false;
    }
    lua_pop(L, 2);
    return rc;
}

/* The buffer stands still now: offsets become pointers. */
static void settle(struct source_generate *g, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct record *rec = &g->records[i];
        rec->value = rec->value_len == RECORD_ABSENT ? NULL : g->bytes.data + g->value_at[i];
        rec->key = rec->key_len == RECORD_ABSENT ? NULL : g->bytes.data + g->key_at[i];
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
        int rc = make_record(g, i, rec, &batch->bad);
        if (rc == SRT_EEND) {
            g->ended = true;
            break;
        }
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
    script_fn_release(g->context.script, &g->rng_fn);
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
