/* One channel for every (edge, sending task, receiving task), a single-producer single-consumer
 * ring of chunks whose memory changes owner:
 *
 *     task 0 --- edge 0 ---> ring [chunk][chunk][BARRIER][chunk] ---> task 1
 *            `-- spill list (only while the ring is full)
 *
 * A sender fills an open chunk per channel and pushes it when it is full or at the end of its time
 * slice. A full ring never blocks: the chunk goes to the channel's spill list, and the task takes
 * no more input that could lead to this edge until the list is empty. So a spill list holds what
 * one record emitted at most, and the back-pressure travels up to the source.
 *
 * Why this cannot deadlock. Edges are numbered in the graph's order; what arrives on edge i is only
 * ever sent on to edges above i. A task that has chunks waiting on edge j goes on receiving on
 * edges >= j, so the last edge is always drained, therefore the one before it, and so on down to
 * the sources.
 *
 * Barriers. A sender puts one on every channel of an edge when it will send nothing more there in
 * this epoch; the receiver parks the channel, because what follows belongs to the next epoch, until
 * the task has the epoch complete on all edges. */
#include "pipeline/exchange.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/ring.h"

enum {
    SLOT_COUNT_DEFAULT = SRT_HOSTILE ? 2 : 16,
    CHUNK_BYTES_MIN = SRT_HOSTILE ? 1 : 1024,
    CHUNK_BYTES_MAX = SRT_HOSTILE ? 200 : 32 * 1024,
    RINGS_BYTES = 8 << 20, /* of all rings of a pipeline together, when all are full */
};

struct chunk {
    struct srt_list node; /* in the spill list */
    bool barrier;
    struct srt_buf items;
};

/* What stands in front of an item's bytes. Both ends are this process: the layout is the
 * compiler's. */
struct item_head {
    size_t size;      /* of head and bytes together */
    struct item item; /* its pointers mean nothing but for origin.topic */
    bool origin_key_same;
    bool origin_value_same;
};

struct channel {
    struct srt_ring *ring;
    /* sender */
    struct chunk *open;
    struct srt_list spill;
    /* the sender waits for room: it sets, the receiver clears */
    _Atomic bool starved;
    /* receiver */
    struct chunk *reading;
    size_t at;
    bool parked;
};

struct endpoint {
    void (*wake)(void *arg);
    void *arg;
    uint32_t *turn;       /* receiving, per edge: which sender to begin with */
    uint32_t spill_count; /* sending: chunks that wait for room */
};

struct exchange {
    uint32_t task_count;
    uint32_t edge_count;
    uint32_t *edge_stages; /* edge -> stage */
    uint32_t *stage_edges; /* stage -> edge */
    size_t chunk_bytes;
    struct channel *channels; /* [edge][from][to] */
    struct endpoint *endpoints;
};

static struct channel *channel_of(const struct exchange *ex, uint32_t edge, uint32_t from,
                                  uint32_t to)
{
    srt_assert_slow(edge < ex->edge_count && from < ex->task_count && to < ex->task_count);
    return &ex->channels[((size_t)edge * ex->task_count + from) * ex->task_count + to];
}

/* --- life --- */

static void create_channels(struct exchange *ex, size_t slot_count)
{
    size_t count = (size_t)ex->edge_count * ex->task_count * ex->task_count;
    ex->channels = srt_xcalloc(count, sizeof *ex->channels);
    for (uint32_t edge = 0; edge < ex->edge_count; edge++) {
        for (uint32_t from = 0; from < ex->task_count; from++) {
            for (uint32_t to = 0; to < ex->task_count; to++) {
                struct channel *ch = channel_of(ex, edge, from, to);
                srt_list_init(&ch->spill);
                ch->ring = from != to ? srt_ring_create(slot_count) : NULL;
            }
        }
    }
}

/* The more rings, the smaller the chunks: what they hold together is bounded. */
static size_t default_chunk_bytes(const struct exchange *ex, size_t slot_count)
{
    size_t chunks = ex->edge_count * ex->task_count * (ex->task_count - 1) * slot_count;
    size_t bytes = RINGS_BYTES / chunks;
    bytes = bytes < CHUNK_BYTES_MIN ? CHUNK_BYTES_MIN : bytes;
    return bytes < CHUNK_BYTES_MAX ? bytes : CHUNK_BYTES_MAX;
}

struct exchange *exchange_create(const struct graph *graph, uint32_t task_count,
                                 const struct exchange_options *options)
{
    uint32_t edge_count = 0;
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        edge_count += graph->stages[i].exchange;
    }
    if (edge_count == 0 || task_count < 2) {
        return NULL;
    }
    struct exchange *ex = srt_xcalloc(1, sizeof *ex);
    ex->task_count = task_count;
    ex->edge_count = edge_count;
    ex->edge_stages = srt_xcalloc(edge_count, sizeof *ex->edge_stages);
    ex->stage_edges = srt_xcalloc(graph->stage_count, sizeof *ex->stage_edges);
    uint32_t edge = 0;
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        if (graph->stages[i].exchange) {
            ex->edge_stages[edge] = i;
            ex->stage_edges[i] = edge++;
        }
    }
    size_t slot_count = options->slot_count ? options->slot_count : SLOT_COUNT_DEFAULT;
    slot_count = slot_count < 2 ? 2 : slot_count;
    ex->chunk_bytes =
        options->chunk_bytes ? options->chunk_bytes : default_chunk_bytes(ex, slot_count);
    create_channels(ex, slot_count);
    ex->endpoints = srt_xcalloc(task_count, sizeof *ex->endpoints);
    for (uint32_t i = 0; i < task_count; i++) {
        ex->endpoints[i].turn = srt_xcalloc(edge_count, sizeof *ex->endpoints[i].turn);
    }
    return ex;
}

static void chunk_destroy(struct chunk *chunk)
{
    if (chunk) {
        srt_buf_fini(&chunk->items);
        srt_free(chunk);
    }
}

static void channel_fini(struct channel *ch)
{
    if (!ch->ring) {
        return;
    }
    chunk_destroy(ch->open);
    chunk_destroy(ch->reading);
    for (void *chunk = srt_ring_pop(ch->ring); chunk; chunk = srt_ring_pop(ch->ring)) {
        chunk_destroy(chunk);
    }
    srt_list_for_each_safe(node, &ch->spill)
    {
        chunk_destroy(srt_container_of(node, struct chunk, node));
    }
    srt_ring_destroy(ch->ring);
}

void exchange_destroy(struct exchange *ex)
{
    if (!ex) {
        return;
    }
    size_t count = (size_t)ex->edge_count * ex->task_count * ex->task_count;
    for (size_t i = 0; i < count; i++) {
        channel_fini(&ex->channels[i]);
    }
    for (uint32_t i = 0; i < ex->task_count; i++) {
        srt_free(ex->endpoints[i].turn);
    }
    srt_free(ex->endpoints);
    srt_free(ex->channels);
    srt_free(ex->edge_stages);
    srt_free(ex->stage_edges);
    srt_free(ex);
}

void exchange_set_wake(struct exchange *ex, uint32_t task, void (*wake)(void *arg), void *arg)
{
    ex->endpoints[task].wake = wake;
    ex->endpoints[task].arg = arg;
}

static void wake(const struct exchange *ex, uint32_t task)
{
    if (ex->endpoints[task].wake) {
        ex->endpoints[task].wake(ex->endpoints[task].arg);
    }
}

uint32_t exchange_edge_count(const struct exchange *ex)
{
    return ex ? ex->edge_count : 0;
}

uint32_t exchange_edge_into(const struct exchange *ex, uint32_t stage)
{
    srt_assert(ex->edge_stages[ex->stage_edges[stage]] == stage);
    return ex->stage_edges[stage];
}

uint32_t exchange_edge_stage(const struct exchange *ex, uint32_t edge)
{
    return ex->edge_stages[edge];
}

/* --- sending --- */

/* Push, keeping the last slot for a barrier. */
static bool push(struct exchange *ex, struct channel *ch, uint32_t to, struct chunk *chunk)
{
    size_t wanted = chunk->barrier ? 1 : 2;
    if (srt_ring_free_slots(ch->ring) < wanted) {
        /* Either the receiver sees this after its next pop and wakes us, or we see that pop here:
         * both exchange the same cell, and one of them comes first. */
        (void)srt_exchange(&ch->starved, true);
        if (srt_ring_free_slots(ch->ring) < wanted) {
            return false;
        }
    }
    bool pushed = srt_ring_push(ch->ring, chunk);
    srt_assert(pushed);
    wake(ex, to);
    return true;
}

static void hand_over(struct exchange *ex, struct channel *ch, uint32_t from, uint32_t to,
                      struct chunk *chunk)
{
    if (!srt_list_empty(&ch->spill) || !push(ex, ch, to, chunk)) {
        srt_list_push(&ch->spill, &chunk->node);
        ex->endpoints[from].spill_count++;
    }
}

static void close_chunk(struct exchange *ex, struct channel *ch, uint32_t from, uint32_t to)
{
    if (ch->open) {
        struct chunk *chunk = ch->open;
        ch->open = NULL;
        hand_over(ex, ch, from, to, chunk);
    }
}

static struct chunk *chunk_create(void)
{
    struct chunk *chunk = srt_alloc(sizeof *chunk);
    if (chunk) {
        *chunk = (struct chunk){0};
        srt_list_init(&chunk->node);
    }
    return chunk;
}

static size_t present(int32_t len)
{
    return len > 0 ? (size_t)len : 0;
}

static bool same(const uint8_t *a, int32_t a_len, const uint8_t *b, int32_t b_len)
{
    return a_len == b_len && (a == b || a_len <= 0);
}

static void put_item(struct srt_buf *to, const struct item *item)
{
    const struct record *rec = &item->rec;
    const struct record *from = &item->origin.rec;
    struct item_head head = {
        .item = *item,
        .origin_key_same = same(rec->key, rec->key_len, from->key, from->key_len),
        .origin_value_same = same(rec->value, rec->value_len, from->value, from->value_len),
    };
    size_t start = to->len;
    srt_buf_put(to, &head, sizeof head);
    srt_buf_put(to, rec->headers, rec->headers_len);
    srt_buf_put(to, item->group_key, present(item->group_key_len));
    srt_buf_put(to, rec->key, present(rec->key_len));
    srt_buf_put(to, rec->value, present(rec->value_len));
    if (!head.origin_key_same) {
        srt_buf_put(to, from->key, present(from->key_len));
    }
    if (!head.origin_value_same) {
        srt_buf_put(to, from->value, present(from->value_len));
    }
    if (srt_buf_failed(to)) {
        to->len = start;
        return;
    }
    size_t size = to->len - start;
    memcpy(to->data + start + offsetof(struct item_head, size), &size, sizeof size);
}

int exchange_send(struct exchange *ex, uint32_t edge, uint32_t from, uint32_t to,
                  const struct item *item)
{
    srt_assert(from != to);
    struct channel *ch = channel_of(ex, edge, from, to);
    if (!ch->open && !(ch->open = chunk_create())) {
        return SRT_ENOMEM;
    }
    put_item(&ch->open->items, item);
    if (srt_buf_failed(&ch->open->items)) {
        ch->open->items.failed = false;
        return SRT_ENOMEM;
    }
    if (ch->open->items.len >= ex->chunk_bytes) {
        close_chunk(ex, ch, from, to);
    }
    return SRT_OK;
}

int exchange_send_watermark(struct exchange *ex, uint32_t edge, uint32_t from,
                            int64_t watermark_ms)
{
    const struct item item = {.rec = {.key_len = RECORD_ABSENT, .value_len = RECORD_ABSENT},
                              .group_key_len = RECORD_ABSENT,
                              .origin.rec = {.key_len = RECORD_ABSENT, .value_len = RECORD_ABSENT},
                              .is_watermark = true,
                              .from = from,
                              .watermark_ms = watermark_ms};
    for (uint32_t to = 0; to < ex->task_count; to++) {
        int code = to == from ? SRT_OK : exchange_send(ex, edge, from, to, &item);
        if (code != SRT_OK) {
            return code;
        }
    }
    return SRT_OK;
}

static void push_spilled(struct exchange *ex, struct channel *ch, uint32_t from, uint32_t to)
{
    while (!srt_list_empty(&ch->spill)) {
        struct srt_list *node = srt_list_pop(&ch->spill); /* once pushed, it is not ours any more */
        if (!push(ex, ch, to, srt_container_of(node, struct chunk, node))) {
            srt_list_push(ch->spill.next, node); /* back to the front */
            return;
        }
        ex->endpoints[from].spill_count--;
    }
}

void exchange_flush(struct exchange *ex, uint32_t from)
{
    for (uint32_t edge = 0; edge < ex->edge_count; edge++) {
        for (uint32_t to = 0; to < ex->task_count; to++) {
            struct channel *ch = channel_of(ex, edge, from, to);
            if (to != from) {
                push_spilled(ex, ch, from, to);
                close_chunk(ex, ch, from, to);
            }
        }
    }
}

int32_t exchange_spilled_edge(const struct exchange *ex, uint32_t from)
{
    if (ex->endpoints[from].spill_count == 0) {
        return -1;
    }
    for (uint32_t edge = ex->edge_count; edge-- > 0;) {
        for (uint32_t to = 0; to < ex->task_count; to++) {
            if (!srt_list_empty(&channel_of(ex, edge, from, to)->spill)) {
                return (int32_t)edge;
            }
        }
    }
    return -1;
}

void exchange_send_barrier(struct exchange *ex, uint32_t edge, uint32_t from)
{
    for (uint32_t to = 0; to < ex->task_count; to++) {
        if (to == from) {
            continue;
        }
        struct channel *ch = channel_of(ex, edge, from, to);
        close_chunk(ex, ch, from, to);
        struct chunk *barrier = srt_xcalloc(1, sizeof *barrier);
        srt_list_init(&barrier->node);
        barrier->barrier = true;
        hand_over(ex, ch, from, to, barrier);
    }
}

/* --- receiving --- */

static const uint8_t *skip(const uint8_t **at, int32_t len)
{
    const uint8_t *start = *at;
    *at += present(len);
    return start;
}

static void get_item(struct channel *ch, struct item *ret)
{
    struct item_head head;
    const uint8_t *start = ch->reading->items.data + ch->at;
    memcpy(&head, start, sizeof head);
    const uint8_t *at = start + sizeof head;
    *ret = head.item;
    ret->origin.clock = NULL; /* of another task */
    ret->rec.headers = at;
    ret->origin.rec.headers = at;
    at += head.item.rec.headers_len;
    ret->group_key = skip(&at, head.item.group_key_len);
    ret->rec.key = skip(&at, head.item.rec.key_len);
    ret->rec.value = skip(&at, head.item.rec.value_len);
    ret->origin.rec.key =
        head.origin_key_same ? ret->rec.key : skip(&at, head.item.origin.rec.key_len);
    ret->origin.rec.value =
        head.origin_value_same ? ret->rec.value : skip(&at, head.item.origin.rec.value_len);
    ch->at += head.size;
    srt_assert(at == start + head.size);
}

static bool channel_next(struct exchange *ex, struct channel *ch, uint32_t from, struct item *ret)
{
    for (;;) {
        if (ch->reading && ch->at < ch->reading->items.len) {
            get_item(ch, ret);
            return true;
        }
        chunk_destroy(ch->reading);
        ch->reading = NULL;
        struct chunk *chunk = ch->parked ? NULL : srt_ring_pop(ch->ring);
        if (!chunk) {
            return false;
        }
        if (srt_exchange(&ch->starved, false)) { /* the other half of push */
            wake(ex, from);
        }
        if (chunk->barrier) {
            chunk_destroy(chunk);
            ch->parked = true;
            return false;
        }
        ch->reading = chunk;
        ch->at = 0;
    }
}

bool exchange_next(struct exchange *ex, uint32_t edge, uint32_t to, struct item *ret)
{
    uint32_t *turn = &ex->endpoints[to].turn[edge];
    for (uint32_t tried = 0; tried < ex->task_count; tried++) {
        uint32_t from = *turn;
        if (from != to && channel_next(ex, channel_of(ex, edge, from, to), from, ret)) {
            return true;
        }
        *turn = (from + 1) % ex->task_count;
    }
    return false;
}

bool exchange_aligned(const struct exchange *ex, uint32_t edge, uint32_t to)
{
    for (uint32_t from = 0; from < ex->task_count; from++) {
        if (from != to && !channel_of(ex, edge, from, to)->parked) {
            return false;
        }
    }
    return true;
}

void exchange_unpark(struct exchange *ex, uint32_t to)
{
    for (uint32_t edge = 0; edge < ex->edge_count; edge++) {
        for (uint32_t from = 0; from < ex->task_count; from++) {
            channel_of(ex, edge, from, to)->parked = false;
        }
    }
}
