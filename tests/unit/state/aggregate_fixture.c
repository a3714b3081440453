#include "aggregate_fixture.h"

#include <errno.h>
#include <stdio.h>

#include "base/fault.h"

struct state_value value_integer(int64_t integer)
{
    return (struct state_value){.kind = STATE_VALUE_INTEGER, .is.integer = integer};
}

struct state_value value_float(double number)
{
    return (struct state_value){.kind = STATE_VALUE_FLOAT, .is.number = number};
}

struct state_value value_text(const char *text)
{
    return (struct state_value){.kind = STATE_VALUE_TEXT, .is.text = {text, strlen(text)}};
}

struct state_value value_json(const char *json)
{
    return (struct state_value){.kind = STATE_VALUE_JSON, .is.text = {json, strlen(json)}};
}

struct state_value value_of_kind(enum state_value_kind kind)
{
    return (struct state_value){.kind = kind};
}

static int add(const struct aggregate_def *def, struct aggregate_cell *cell,
               const struct sample *sample, struct srt_err *err)
{
    return aggregate_add(def, cell, &sample->value, sample->has_by ? &sample->by : NULL,
                         &sample->at, err);
}

void fixture_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                 const struct sample *sample)
{
    struct srt_err err;
    assert_ok(aggregate_check(def, &sample->value, sample->has_by ? &sample->by : NULL, &err),
              &err);
    assert_ok(add(def, cell, sample, &err), &err);
}

/* Through bytes and back. */
static void renew(const struct aggregate_def *def, struct aggregate_cell *cell)
{
    struct srt_buf bytes = {0};
    struct srt_err err;
    aggregate_encode(def, cell, &bytes);
    assert_false(srt_buf_failed(&bytes));
    aggregate_fini(def, cell);
    *cell = (struct aggregate_cell){0};
    uint8_t *exact = malloc(bytes.len); /* reading beyond is seen */
    memcpy(exact, bytes.data, bytes.len);
    const uint8_t *at = exact;
    assert_ok(aggregate_decode(def, cell, &at, exact + bytes.len, &err), &err);
    assert_ptr_equal(at, exact + bytes.len);
    free(exact);
    srt_buf_fini(&bytes);
}

static void build(const struct aggregate_def *def, struct aggregate_cell *cell,
                  const struct sample **samples, size_t count, struct srt_rng *rng, int depth)
{
    if (!aggregate_can_merge(def->kind) || depth == 0 || count < 2 || srt_rng_below(rng, 4) == 0) {
        for (size_t i = 0; i < count; i++) {
            fixture_add(def, cell, samples[i]);
            if (srt_rng_below(rng, count) == 0) {
                renew(def, cell);
            }
        }
        return;
    }
    struct aggregate_cell right = {0};
    struct srt_err err;
    size_t half = srt_rng_below(rng, count + 1);
    build(def, cell, samples, half, rng, depth - 1);
    build(def, &right, samples + half, count - half, rng, depth - 1);
    if (srt_rng_below(rng, 2)) {
        renew(def, cell);
        renew(def, &right);
    }
    assert_ok(aggregate_merge(def, cell, &right, &err), &err);
    aggregate_fini(def, &right);
}

void fixture_add_somehow(const struct aggregate_def *def, struct aggregate_cell *cell,
                         const struct sample *samples, size_t count, struct srt_rng *rng)
{
    const struct sample **order = malloc((count + 1) * sizeof *order);
    for (size_t i = 0; i < count; i++) {
        size_t to = srt_rng_below(rng, i + 1);
        order[i] = order[to];
        order[to] = &samples[i];
    }
    build(def, cell, order, count, rng, 8);
    free(order);
}

const char *fixture_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                           int64_t span_ms)
{
    static char text[1 << 16];
    struct srt_buf to = {0};
    aggregate_result(def, cell, span_ms, &to);
    snprintf(text, sizeof text, "%s", srt_buf_cstr(&to));
    srt_buf_fini(&to);
    return text;
}

const char *fixture_result_of(const struct aggregate_def *def, const struct state_value *values,
                              size_t count)
{
    struct aggregate_cell cell = {0};
    for (size_t i = 0; i < count; i++) {
        struct sample sample = {.value = values[i], .at.offset = (int64_t)i};
        fixture_add(def, &cell, &sample);
    }
    const char *result = fixture_result(def, &cell, 1500);
    aggregate_fini(def, &cell);
    return result;
}

void fixture_assert_same(const struct aggregate_def *def, const struct aggregate_cell *a,
                         const struct aggregate_cell *b, uint64_t seed)
{
    struct srt_buf bytes[2] = {{0}, {0}};
    struct srt_buf results[2] = {{0}, {0}};
    const struct aggregate_cell *cells[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        aggregate_encode(def, cells[i], &bytes[i]);
        aggregate_result(def, cells[i], 1500, &results[i]);
    }
    if (bytes[0].len != bytes[1].len || memcmp(bytes[0].data, bytes[1].data, bytes[0].len) != 0) {
        fail_msg("%s: other bytes with seed %llu: %s and %s", aggregate_kind_name(def->kind),
                 (unsigned long long)seed, srt_buf_cstr(&results[0]), srt_buf_cstr(&results[1]));
    }
    assert_string_equal(srt_buf_cstr(&results[0]), srt_buf_cstr(&results[1]));
    for (int i = 0; i < 2; i++) {
        srt_buf_fini(&bytes[i]);
        srt_buf_fini(&results[i]);
    }
}

/* --- out of memory --- */

static void assert_bytes(const struct aggregate_def *def, const struct aggregate_cell *cell,
                         const struct srt_buf *expected)
{
    struct srt_buf bytes = {0};
    aggregate_encode(def, cell, &bytes);
    assert_int_equal(bytes.len, expected->len);
    assert_memory_equal(bytes.data, expected->data, bytes.len);
    srt_buf_fini(&bytes);
}

/* Calls one step with its 1st, 2nd, 3rd ... allocation failing until none does. */
static void fail_each(const struct aggregate_def *def, struct aggregate_cell *cell,
                      const struct sample *sample, const struct aggregate_cell *from)
{
    struct srt_buf before = {0};
    struct srt_err err;
    aggregate_encode(def, cell, &before);
    for (uint64_t n = 1;; n++) {
        srt_fault_arm(SRT_FAULT_alloc, n, SRT_FAULT_ERRNO, ENOMEM);
        int rc = from ? aggregate_merge(def, cell, from, &err) : add(def, cell, sample, &err);
        srt_fault_disarm();
        if (rc == SRT_OK) {
            break;
        }
        assert_int_equal(rc, SRT_ENOMEM);
        assert_int_equal(err.code, SRT_ENOMEM);
        assert_bytes(def, cell, &before);
        assert_true(n < 10000);
    }
    srt_buf_fini(&before);
}

static void fail_decoding(const struct aggregate_def *def, const struct aggregate_cell *cell)
{
    struct srt_buf bytes = {0};
    struct srt_err err;
    aggregate_encode(def, cell, &bytes);
    for (uint64_t n = 1;; n++) {
        struct aggregate_cell again = {0};
        const uint8_t *at = bytes.data;
        srt_fault_arm(SRT_FAULT_alloc, n, SRT_FAULT_ERRNO, ENOMEM);
        int rc = aggregate_decode(def, &again, &at, bytes.data + bytes.len, &err);
        srt_fault_disarm();
        if (rc == SRT_OK) {
            assert_bytes(def, &again, &bytes);
            aggregate_fini(def, &again);
            break;
        }
        assert_int_equal(rc, SRT_ENOMEM);
        assert_true(again.a.integer == 0 && again.b.integer == 0);
        assert_int_equal(aggregate_heap_bytes(def, &again), 0);
    }
    /* encoding says so, too */
    struct srt_buf small = {0};
    srt_fault_arm(SRT_FAULT_alloc, 1, SRT_FAULT_ERRNO_FROM_THEN_ON, ENOMEM);
    aggregate_encode(def, cell, &small);
    srt_fault_disarm();
    assert_true(srt_buf_failed(&small));
    srt_buf_fini(&small);
    srt_buf_fini(&bytes);
}

void fixture_fail_each_allocation(const struct aggregate_def *def, const struct sample *samples,
                                  size_t count)
{
    struct aggregate_cell halves[2] = {{{0}, {0}}, {{0}, {0}}};
    for (size_t i = 0; i < count; i++) {
        fail_each(def, &halves[i % 2], &samples[i], NULL);
    }
    if (aggregate_can_merge(def->kind)) {
        fail_each(def, &halves[0], NULL, &halves[1]);
        struct aggregate_cell empty = {0};
        fail_each(def, &empty, NULL, &halves[1]);
        fixture_assert_same(def, &empty, &halves[1], 0);
        aggregate_fini(def, &empty);
    }
    fail_decoding(def, &halves[0]);
    aggregate_fini(def, &halves[0]);
    aggregate_fini(def, &halves[1]);
}
