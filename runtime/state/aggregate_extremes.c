/* min and max. In a cell stands a number or a text: b.integer says which number, or is the address
 * of the text, which is never that small. Numbers come before texts; among equal numbers
 * state_value_compare() decides, so that the order of adding does not. */
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "state/aggregate_impl.h"
#include "state/state_bytes.h"

enum { HOLDS_NOTHING, HOLDS_INTEGER, HOLDS_FLOAT, HOLDS_TEXT };

struct text {
    size_t len;
    size_t cap;
    char data[];
};

static int holds(const struct aggregate_cell *cell)
{
    return cell->b.integer >= 0 && cell->b.integer < HOLDS_TEXT ? (int)cell->b.integer : HOLDS_TEXT;
}

static struct state_value value_of(const struct aggregate_cell *cell)
{
    switch (holds(cell)) {
    case HOLDS_NOTHING:
        return (struct state_value){.kind = STATE_VALUE_NIL};
    case HOLDS_INTEGER:
        return (struct state_value){.kind = STATE_VALUE_INTEGER, .is.integer = cell->a.integer};
    case HOLDS_FLOAT:
        return (struct state_value){.kind = STATE_VALUE_FLOAT, .is.number = cell->a.number};
    default: {
        const struct text *text = cell->b.heap;
        return (struct state_value){.kind = STATE_VALUE_TEXT, .is.text = {text->data, text->len}};
    }
    }
}

static void extreme_fini(struct aggregate_cell *cell)
{
    if (holds(cell) == HOLDS_TEXT) {
        srt_free(cell->b.heap);
    }
}

static size_t extreme_heap_bytes(const struct aggregate_cell *cell)
{
    if (holds(cell) != HOLDS_TEXT) {
        return 0;
    }
    const struct text *text = cell->b.heap;
    return sizeof *text + text->cap;
}

static int hold_text(struct aggregate_cell *cell, const struct state_value *value,
                     struct srt_err *err)
{
    struct text *text = holds(cell) == HOLDS_TEXT ? cell->b.heap : NULL;
    size_t len = value->is.text.len;
    if (!text || text->cap < len) {
        struct text *larger = srt_alloc(sizeof *larger + len);
        if (!larger) {
            return srt_fail(err, SRT_ENOMEM, "no memory for a text of %zu bytes", len);
        }
        larger->cap = len;
        srt_free(text);
        text = larger;
        cell->b.heap = text;
    }
    text->len = len;
    if (len) {
        memcpy(text->data, value->is.text.data, len);
    }
    return SRT_OK;
}

static int hold(struct aggregate_cell *cell, const struct state_value *value, struct srt_err *err)
{
    if (value->kind == STATE_VALUE_TEXT) {
        return hold_text(cell, value, err);
    }
    extreme_fini(cell);
    if (value->kind == STATE_VALUE_INTEGER) {
        cell->a.integer = value->is.integer;
        cell->b.integer = HOLDS_INTEGER;
    } else {
        cell->a.number = value->is.number;
        cell->b.integer = HOLDS_FLOAT;
    }
    return SRT_OK;
}

static int extreme_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                       const struct state_value *value, const struct state_value *by,
                       const struct aggregate_at *at, struct srt_err *err)
{
    (void)by;
    (void)at;
    bool wants_less = def->kind == AGGREGATE_MIN;
    if (value->kind == STATE_VALUE_INTEGER && cell->b.integer == HOLDS_INTEGER) {
        if ((value->is.integer < cell->a.integer) == wants_less) {
            cell->a.integer = value->is.integer;
        }
        return SRT_OK;
    }
    struct state_value now = value_of(cell);
    if (now.kind != STATE_VALUE_NIL) {
        int order = state_value_compare(value, &now);
        if (order == 0 || (order < 0) != wants_less) {
            return SRT_OK;
        }
    }
    return hold(cell, value, err);
}

static int extreme_merge(const struct aggregate_def *def, struct aggregate_cell *into,
                         const struct aggregate_cell *from, struct srt_err *err)
{
    struct state_value value = value_of(from);
    return value.kind == STATE_VALUE_NIL ? SRT_OK : extreme_add(def, into, &value, NULL, NULL, err);
}

static void extreme_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                           int64_t span_ms, struct srt_buf *to)
{
    (void)def;
    (void)span_ms;
    struct state_value value = value_of(cell);
    state_value_put_json(to, &value);
}

static void extreme_encode(const struct aggregate_def *def, const struct aggregate_cell *cell,
                           struct srt_buf *to)
{
    (void)def;
    struct state_value value = value_of(cell);
    if (value.kind == STATE_VALUE_NIL) {
        srt_buf_put_u8(to, 0);
    } else {
        state_value_encode(to, &value);
    }
}

static int extreme_decode(const struct aggregate_def *def, struct aggregate_cell *cell,
                          const uint8_t **at, const uint8_t *end, struct srt_err *err)
{
    (void)def;
    if (*at < end && **at == 0) {
        ++*at;
        return SRT_OK;
    }
    struct state_value value;
    if (!state_value_decode(at, end, &value) || !state_value_can_rank(&value)) {
        return srt_fail(err, SRT_ECORRUPT, "neither a number nor a text");
    }
    return hold(cell, &value, err);
}

const struct aggregate_ops aggregate_min = {
    .takes = AGGREGATE_TAKES_RANKED,
    .takes_what = AGGREGATE_TAKES_RANKED_WHAT,
    .fini = extreme_fini,
    .heap_bytes = extreme_heap_bytes,
    .add = extreme_add,
    .merge = extreme_merge,
    .result = extreme_result,
    .encode = extreme_encode,
    .decode = extreme_decode,
};

const struct aggregate_ops aggregate_max = {
    .takes = AGGREGATE_TAKES_RANKED,
    .takes_what = AGGREGATE_TAKES_RANKED_WHAT,
    .fini = extreme_fini,
    .heap_bytes = extreme_heap_bytes,
    .add = extreme_add,
    .merge = extreme_merge,
    .result = extreme_result,
    .encode = extreme_encode,
    .decode = extreme_decode,
};
