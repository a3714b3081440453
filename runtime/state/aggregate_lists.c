/* first, last, top, collect: a.heap is an ordered_list.h. */
#include "base/assert.h"
#include "state/aggregate_impl.h"
#include "state/ordered_list.h"
#include "state/state_bytes.h"

static enum ordered_by order_of(const struct aggregate_def *def)
{
    return def->kind == AGGREGATE_TOP    ? ORDERED_LARGEST
           : def->kind == AGGREGATE_LAST ? ORDERED_LATEST
                                         : ORDERED_EARLIEST;
}

static bool is_one(const struct aggregate_def *def)
{
    return def->kind == AGGREGATE_FIRST || def->kind == AGGREGATE_LAST;
}

static size_t limit_of(const struct aggregate_def *def)
{
    if (is_one(def)) {
        return 1;
    }
    return def->limit > 0 ? (size_t)def->limit : AGGREGATE_COLLECT_DEFAULT;
}

static void list_fini(struct aggregate_cell *cell)
{
    ordered_list_destroy(cell->a.heap);
}

static size_t list_heap_bytes(const struct aggregate_cell *cell)
{
    return ordered_list_bytes(cell->a.heap);
}

static int list_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                    const struct state_value *value, const struct state_value *by,
                    const struct aggregate_at *at, struct srt_err *err)
{
    if (by && state_value_is_absent(by)) {
        return SRT_OK; /* it has no place */
    }
    struct ordered_list *list = cell->a.heap;
    int rc = ordered_list_add(&list, order_of(def), limit_of(def), value, by, at, err);
    cell->a.heap = list;
    return rc;
}

static int list_merge(const struct aggregate_def *def, struct aggregate_cell *into,
                      const struct aggregate_cell *from, struct srt_err *err)
{
    struct ordered_list *list = into->a.heap;
    int rc = ordered_list_merge(&list, order_of(def), limit_of(def), from->a.heap, err);
    into->a.heap = list;
    return rc;
}

static void list_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                        int64_t span_ms, struct srt_buf *to)
{
    (void)def;
    (void)span_ms;
    const struct ordered_list *list = cell->a.heap;
    srt_buf_put_u8(to, '[');
    for (size_t i = 0; i < ordered_list_count(list); i++) {
        if (i > 0) {
            srt_buf_put_u8(to, ',');
        }
        state_value_put_json(to, ordered_list_value(list, i));
    }
    srt_buf_put_u8(to, ']');
}

static void one_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                       int64_t span_ms, struct srt_buf *to)
{
    (void)def;
    (void)span_ms;
    const struct ordered_list *list = cell->a.heap;
    if (ordered_list_count(list) == 0) {
        srt_buf_put_str(to, "null");
    } else {
        state_value_put_json(to, ordered_list_value(list, 0));
    }
}

static void list_encode(const struct aggregate_def *def, const struct aggregate_cell *cell,
                        struct srt_buf *to)
{
    ordered_list_encode(cell->a.heap, order_of(def), to);
}

/* A list of one is a list. */
static int list_decode(const struct aggregate_def *def, struct aggregate_cell *cell,
                       const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    size_t count;
    if (!state_bytes_get_count(at, end, 6, limit_of(def), &count)) {
        return srt_fail(err, SRT_ECORRUPT, "not a list");
    }
    struct ordered_list *list = NULL;
    int rc = SRT_OK;
    for (size_t i = 0; i < count && rc == SRT_OK; i++) {
        rc = ordered_list_decode_entry(&list, order_of(def), at, end, err);
    }
    cell->a.heap = list;
    return rc;
}

#define LIST(result_function)                                                                      \
    .fini = list_fini, .heap_bytes = list_heap_bytes, .add = list_add, .merge = list_merge,        \
    .result = (result_function), .encode = list_encode, .decode = list_decode

const struct aggregate_ops aggregate_first = {.takes = AGGREGATE_TAKES_ALL, LIST(one_result)};
const struct aggregate_ops aggregate_last = {.takes = AGGREGATE_TAKES_ALL, LIST(one_result)};
const struct aggregate_ops aggregate_collect = {.takes = AGGREGATE_TAKES_ALL, LIST(list_result)};
/* without `by` */
const struct aggregate_ops aggregate_top = {
    .takes = AGGREGATE_TAKES_RANKED,
    .takes_what = AGGREGATE_TAKES_RANKED_WHAT,
    LIST(list_result),
};
