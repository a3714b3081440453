/* aggregate_fixture.h - random values added and merged in random ways, and what must come of it.
 *
 * Owner:   a test.
 * Thread:  the test's.
 * Memory:  texts are literals or the test's own.
 * Fails:   by failing the test, with the seed. */
#ifndef SRT_UNIT_AGGREGATE_FIXTURE_H
#define SRT_UNIT_AGGREGATE_FIXTURE_H

#include "base/rng.h"
#include "state/aggregate.h"
#include "support/cmocka_srt.h"

struct sample {
    struct state_value value;
    struct state_value by;
    bool has_by;
    struct aggregate_at at;
};

struct state_value value_integer(int64_t integer);
struct state_value value_float(double number);
struct state_value value_text(const char *text);
struct state_value value_json(const char *json);
struct state_value value_of_kind(enum state_value_kind kind);

/* Checked and added; fails the test when it is refused. */
void fixture_add(const struct aggregate_def *def, struct aggregate_cell *cell,
                 const struct sample *sample);

/* The samples in a random order, through a random tree of merges (when it can merge), with
 * encodings and decodings in between. */
void fixture_add_somehow(const struct aggregate_def *def, struct aggregate_cell *cell,
                         const struct sample *samples, size_t count, struct srt_rng *rng);

/* The result, as text; valid until the next call. */
const char *fixture_result(const struct aggregate_def *def, const struct aggregate_cell *cell,
                           int64_t span_ms);

/* The result of values added one after the other, in a window of 1.5 s. */
const char *fixture_result_of(const struct aggregate_def *def, const struct state_value *values,
                              size_t count);

/* The same for RESULT(SUM, I(1), F(2.0)): with the arguments 0.5, 3 and three bounds. */
#define VALUES(...) ((struct state_value[]){__VA_ARGS__})
#define RESULT(aggregate, ...)                                                                     \
    fixture_result_of(&(struct aggregate_def){.kind = AGGREGATE_##aggregate,                       \
                                              .parameter = 0.5,                                    \
                                              .limit = 3,                                          \
                                              .bounds = {1, 2.5, 10},                              \
                                              .bound_count = 3},                                   \
                      VALUES(__VA_ARGS__),                                                         \
                      sizeof VALUES(__VA_ARGS__) / sizeof(struct state_value))
#define I(value) value_integer(value)
#define F(value) value_float(value)
#define T(text)  value_text(text)
#define NOTHING  value_of_kind(STATE_VALUE_NIL), value_of_kind(STATE_VALUE_NULL)
#define TRUE_    value_of_kind(STATE_VALUE_TRUE)
#define FALSE_   value_of_kind(STATE_VALUE_FALSE)

/* Both encode alike, and decode to what encodes alike and has the same result. */
void fixture_assert_same(const struct aggregate_def *def, const struct aggregate_cell *a,
                         const struct aggregate_cell *b, uint64_t seed);

/* Every allocation of adding and of merging fails once: nothing is changed, and again it works. */
void fixture_fail_each_allocation(const struct aggregate_def *def, const struct sample *samples,
                                  size_t count);

#endif
