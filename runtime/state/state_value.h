/* state_value.h - what a value function gave: how such values are ordered, written and kept.
 *
 * Owner:   the caller; texts are borrowed.
 * Thread:  any; it is only data.
 * Memory:  appends to the caller's buffers.
 * Fails:   state_value_decode: false for bytes that are no value. */
#ifndef SRT_STATE_STATE_VALUE_H
#define SRT_STATE_STATE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum state_value_kind {
    STATE_VALUE_NIL, /* nothing: ignored, but by count(), collect() never sees it */
    STATE_VALUE_NULL,
    STATE_VALUE_FALSE,
    STATE_VALUE_TRUE,
    STATE_VALUE_INTEGER,
    STATE_VALUE_FLOAT,
    STATE_VALUE_TEXT, /* UTF-8 as it is, not quoted */
    STATE_VALUE_JSON, /* an object or an array, encoded */
};

struct state_value {
    enum state_value_kind kind;
    union {
        int64_t integer;
        double number;
        struct {
            const char *data;
            size_t len;
        } text; /* TEXT, JSON; borrowed */
    } is;
};

/* Append as JSON; NIL as null, a float that is not finite as null. */
void state_value_put_json(struct srt_buf *to, const struct state_value *value);

static inline bool state_value_is_absent(const struct state_value *value)
{
    return value->kind <= STATE_VALUE_NULL;
}

static inline bool state_value_is_true(const struct state_value *value)
{
    return value->kind > STATE_VALUE_FALSE;
}

/* The bytes behind `value` that are not in the struct. */
static inline size_t state_value_len(const struct state_value *value)
{
    return value->kind >= STATE_VALUE_TEXT ? value->is.text.len : 0;
}

/* A finite number or a text: what can be ranked by. */
bool state_value_can_rank(const struct state_value *value);

/* The exact order of an integer and a float that is no NaN: below 0, 0 or above. */
int state_value_compare_number(int64_t integer, double number);

/* The order by which values are ranked: false, true, numbers, texts by their bytes, JSON by its.
 * 1 and 1.0 are equal, and so are 0.0 and -0.0; a NaN is above all numbers. */
int state_value_rank(const struct state_value *a, const struct state_value *b);

/* The same, but 0 only for what is the same to the bit: of equal numbers -0.0 comes first, then the
 * integer, then the float. */
int state_value_compare(const struct state_value *a, const struct state_value *b);

/* docs/format/aggregate.md; not NIL and not NULL. The head is all but the bytes of a text. */
enum { STATE_VALUE_HEAD_MAX = 1 + SRT_VARLONG_MAX_BYTES };
size_t state_value_encode_head(uint8_t to[STATE_VALUE_HEAD_MAX], const struct state_value *value);
void state_value_encode(struct srt_buf *to, const struct state_value *value);
/* Borrows from the bytes. JSON is validated, so that what is written later is JSON again. */
bool state_value_decode(const uint8_t **at, const uint8_t *end, struct state_value *ret);

/* The one value for all that counts as the same: 1 for 1.0, 0 for -0.0, one NaN. */
struct state_value state_value_canonical(const struct state_value *value);

/* Of a canonical value; the same on every machine and in every version. */
uint64_t state_value_hash(const struct state_value *value);

#endif
