/* The values in their canonical encoding, one behind the other, each after its length; and a table
 * of slots (open addressing, at most half full) that says where each is.
 *
 *     slots  [hash, at] [      ] [hash, at] ...
 *                   \________________  |
 *     data   [3: 'a' 'b' 'c'] [1: ...] [9: ...] ...
 */
#include "state/distinct_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "state/state_bytes.h"

enum {
    FIRST_SLOTS = 8,
    FIRST_DATA_BYTES = 64,
    LEN_BYTES = 4,
};

struct slot {
    uint32_t hash;
    uint32_t at; /* of the value in data, counted from 1; 0: a free slot */
};

struct distinct_set {
    uint32_t count;
    uint32_t slot_count; /* a power of two */
    uint32_t data_len;
    uint32_t data_cap;
    struct slot *slots;
    uint8_t *data;
};

/* A canonical value as it is looked for. */
struct probe {
    struct state_value value;
    uint32_t hash;
    uint32_t len; /* of the encoding */
    uint32_t head_len;
    uint8_t head[STATE_VALUE_HEAD_MAX];
};

void distinct_set_destroy(struct distinct_set *set)
{
    if (set) {
        srt_free(set->slots);
        srt_free(set->data);
        srt_free(set);
    }
}

size_t distinct_set_bytes(const struct distinct_set *set)
{
    return set ? sizeof *set + set->slot_count * sizeof *set->slots + set->data_cap : 0;
}

int64_t distinct_set_count(const struct distinct_set *set)
{
    return set ? set->count : 0;
}

static struct probe probe_of(const struct state_value *value)
{
    struct probe probe = {.value = state_value_canonical(value)};
    probe.hash = (uint32_t)state_value_hash(&probe.value);
    probe.head_len = (uint32_t)state_value_encode_head(probe.head, &probe.value);
    probe.len = probe.head_len + (uint32_t)state_value_len(&probe.value);
    return probe;
}

static const uint8_t *stored(const struct distinct_set *set, const struct slot *slot,
                             uint32_t *ret_len)
{
    const uint8_t *at = set->data + slot->at - 1;
    *ret_len = srt_get_be32(at);
    return at + LEN_BYTES;
}

static bool is_probe(const uint8_t *bytes, uint32_t len, const struct probe *probe)
{
    return len == probe->len && memcmp(bytes, probe->head, probe->head_len) == 0 &&
           (len == probe->head_len || memcmp(bytes + probe->head_len, probe->value.is.text.data,
                                             len - probe->head_len) == 0);
}

/* The slot that has it, or the free one where it belongs. */
static struct slot *find(const struct distinct_set *set, const struct probe *probe)
{
    for (uint32_t i = probe->hash;; i++) {
        struct slot *slot = &set->slots[i & (set->slot_count - 1)];
        if (slot->at == 0) {
            return slot;
        }
        uint32_t len;
        if (slot->hash == probe->hash) {
            const uint8_t *bytes = stored(set, slot, &len);
            if (is_probe(bytes, len, probe)) {
                return slot;
            }
        }
    }
}

/* --- room --- */

static int reserve_slots(struct distinct_set *set, uint32_t count)
{
    uint32_t slot_count = set->slot_count ? set->slot_count : FIRST_SLOTS;
    while (slot_count / 2 < count) {
        slot_count *= 2;
    }
    if (slot_count == set->slot_count) {
        return SRT_OK;
    }
    struct slot *slots = srt_alloc(slot_count * sizeof *slots);
    if (!slots) {
        return SRT_ENOMEM;
    }
    memset(slots, 0, slot_count * sizeof *slots);
    for (uint32_t i = 0; i < set->slot_count; i++) {
        if (set->slots[i].at != 0) {
            uint32_t to = set->slots[i].hash & (slot_count - 1);
            while (slots[to].at != 0) {
                to = (to + 1) & (slot_count - 1);
            }
            slots[to] = set->slots[i];
        }
    }
    srt_free(set->slots);
    set->slots = slots;
    set->slot_count = slot_count;
    return SRT_OK;
}

static int reserve_data(struct distinct_set *set, size_t more)
{
    size_t cap = set->data_cap ? set->data_cap : FIRST_DATA_BYTES;
    while (cap < set->data_len + more) {
        cap *= 2;
    }
    if (cap == set->data_cap) {
        return SRT_OK;
    }
    uint8_t *data = srt_realloc(set->data, cap);
    if (!data) {
        return SRT_ENOMEM;
    }
    set->data = data;
    set->data_cap = (uint32_t)cap;
    return SRT_OK;
}

/* Room for so many values more, of so many bytes together. */
static int reserve(struct distinct_set **set, uint32_t count, size_t bytes, struct srt_err *err)
{
    size_t used = *set ? (*set)->data_len : 0;
    if (bytes > DISTINCT_SET_BYTES_MAX || used + bytes > DISTINCT_SET_BYTES_MAX) {
        return srt_fail(err, SRT_ETOOBIG,
                        "distinct has more than %d bytes of different values; approx_distinct "
                        "counts any number",
                        DISTINCT_SET_BYTES_MAX);
    }
    if (!*set) {
        struct distinct_set *made = srt_alloc(sizeof *made);
        if (made) {
            *made = (struct distinct_set){0};
            *set = made;
        }
    }
    if (!*set || reserve_slots(*set, (*set)->count + count) != SRT_OK ||
        reserve_data(*set, bytes) != SRT_OK) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a set of values");
    }
    return SRT_OK;
}

/* --- adding --- */

/* `slot` is free, and room is there. */
static void put(struct distinct_set *set, struct slot *slot, const struct probe *probe)
{
    uint8_t *to = set->data + set->data_len;
    srt_put_be32(to, probe->len);
    memcpy(to + LEN_BYTES, probe->head, probe->head_len);
    if (probe->len > probe->head_len) {
        memcpy(to + LEN_BYTES + probe->head_len, probe->value.is.text.data,
               probe->len - probe->head_len);
    }
    *slot = (struct slot){.hash = probe->hash, .at = set->data_len + 1};
    set->data_len += LEN_BYTES + probe->len;
    set->count++;
}

int distinct_set_add(struct distinct_set **set, const struct state_value *value,
                     struct srt_err *err)
{
    if (state_value_len(value) > DISTINCT_SET_BYTES_MAX) {
        return reserve(set, 1, state_value_len(value), err);
    }
    struct probe probe = probe_of(value);
    if (*set && (*set)->count > 0 && find(*set, &probe)->at != 0) {
        return SRT_OK;
    }
    if (reserve(set, 1, LEN_BYTES + probe.len, err) != SRT_OK) {
        return err->code;
    }
    put(*set, find(*set, &probe), &probe);
    return SRT_OK;
}

/* The n-th value of data; *at goes on to the next. */
static struct probe next_probe(const struct distinct_set *set, uint32_t *at)
{
    const uint8_t *bytes = set->data + *at + LEN_BYTES;
    uint32_t len = srt_get_be32(set->data + *at);
    struct state_value value;
    bool is_value = state_value_decode(&bytes, bytes + len, &value);
    srt_assert(is_value);
    *at += LEN_BYTES + len;
    return probe_of(&value);
}

int distinct_set_merge(struct distinct_set **into, const struct distinct_set *from,
                       struct srt_err *err)
{
    if (!from || from->count == 0) {
        return SRT_OK;
    }
    uint32_t count = 0;
    size_t bytes = 0;
    for (uint32_t at = 0; at < from->data_len;) {
        struct probe probe = next_probe(from, &at);
        if (!*into || (*into)->count == 0 || find(*into, &probe)->at == 0) {
            count++;
            bytes += LEN_BYTES + probe.len;
        }
    }
    if (reserve(into, count, bytes, err) != SRT_OK) {
        return err->code;
    }
    for (uint32_t at = 0; at < from->data_len;) {
        struct probe probe = next_probe(from, &at);
        struct slot *slot = find(*into, &probe);
        if (slot->at == 0) {
            put(*into, slot, &probe);
        }
    }
    return SRT_OK;
}

/* --- bytes --- */

struct span {
    const uint8_t *bytes;
    uint32_t len;
};

static int compare_spans(const void *a, const void *b)
{
    const struct span *x = a;
    const struct span *y = b;
    int order = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

void distinct_set_encode(const struct distinct_set *set, struct srt_buf *to)
{
    uint32_t count = set ? set->count : 0;
    state_bytes_put_count(to, count);
    if (count == 0) {
        return;
    }
    struct span *spans = srt_alloc(count * sizeof *spans);
    if (!spans) {
        to->failed = true;
        return;
    }
    uint32_t used = 0;
    for (uint32_t i = 0; i < set->slot_count; i++) {
        if (set->slots[i].at != 0) {
            spans[used].bytes = stored(set, &set->slots[i], &spans[used].len);
            used++;
        }
    }
    srt_assert(used == count);
    qsort(spans, count, sizeof *spans, compare_spans);
    for (uint32_t i = 0; i < count; i++) {
        srt_buf_put(to, spans[i].bytes, spans[i].len);
    }
    srt_free(spans);
}

static int decode_value(struct distinct_set **set, struct span *before, const uint8_t **at,
                        const uint8_t *end, struct srt_err *err)
{
    struct state_value value;
    struct span here = {.bytes = *at};
    if (!state_value_decode(at, end, &value) || *at - here.bytes > DISTINCT_SET_BYTES_MAX) {
        return srt_fail(err, SRT_ECORRUPT, "not a value of a set");
    }
    here.len = (uint32_t)(*at - here.bytes);
    struct probe probe = probe_of(&value);
    if (!is_probe(here.bytes, here.len, &probe) ||
        (before->bytes && compare_spans(before, &here) >= 0)) {
        return srt_fail(err, SRT_ECORRUPT, "a set that is not in order");
    }
    *before = here;
    return distinct_set_add(set, &value, err);
}

int distinct_set_decode(struct distinct_set **ret, const uint8_t **at, const uint8_t *end,
                        struct srt_err *err)
{
    size_t count;
    if (!state_bytes_get_count(at, end, 1, UINT32_MAX, &count)) {
        return srt_fail(err, SRT_ECORRUPT, "not a set");
    }
    struct distinct_set *set = NULL;
    struct span before = {0};
    for (size_t i = 0; i < count; i++) {
        if (decode_value(&set, &before, at, end, err) != SRT_OK) {
            distinct_set_destroy(set);
            return err->code;
        }
    }
    *ret = set;
    return SRT_OK;
}
