#include <math.h>
#include <stdio.h>

#include "aggregate_fixture.h"

enum { SAMPLES = 120, ROUNDS = 30 };

/* Every aggregator once, or more than once where an argument matters. */
static const struct aggregate_def defs[] = {
    {.kind = AGGREGATE_COUNT},
    {.kind = AGGREGATE_SUM},
    {.kind = AGGREGATE_AVG},
    {.kind = AGGREGATE_MIN},
    {.kind = AGGREGATE_MAX},
    {.kind = AGGREGATE_FIRST},
    {.kind = AGGREGATE_LAST},
    {.kind = AGGREGATE_ANY},
    {.kind = AGGREGATE_ALL},
    {.kind = AGGREGATE_HISTOGRAM, .bounds = {-5, 0, 0.5, 1e3, 1e18}, .bound_count = 5},
    {.kind = AGGREGATE_STDDEV},
    {.kind = AGGREGATE_DISTINCT},
    {.kind = AGGREGATE_APPROX_DISTINCT},
    {.kind = AGGREGATE_QUANTILE, .parameter = 0.5},
    {.kind = AGGREGATE_TOP, .limit = 1},
    {.kind = AGGREGATE_TOP, .limit = 10},
    {.kind = AGGREGATE_COLLECT},
    {.kind = AGGREGATE_COLLECT, .limit = 7},
    {.kind = AGGREGATE_EWMA, .parameter = 0.25},
    {.kind = AGGREGATE_RATE},
};
enum { DEF_COUNT = sizeof defs / sizeof *defs };

static bool takes(const struct aggregate_def *def, const struct state_value *value)
{
    struct srt_err err;
    return aggregate_check(def, value, NULL, &err) == SRT_OK;
}

/* Numbers of all sizes, with many that are equal, and all else. */
static struct state_value any_value(struct srt_rng *rng)
{
    static const char *const texts[] = {"", "a", "ab", "b", "1", "\xc3\xa4", "a longer text \"x\""};
    static const char *const jsons[] = {"{}", "[]", "[1]", "{\"a\":1}", "[1.0]"};
    switch (srt_rng_below(rng, 12)) {
    case 0:
        return value_of_kind((enum state_value_kind)srt_rng_below(rng, 4));
    case 1:
        return value_text(texts[srt_rng_below(rng, 7)]);
    case 2:
        return value_json(jsons[srt_rng_below(rng, 5)]);
    case 3:
        return value_integer((int64_t)srt_rng_next(rng));
    case 4:
        return value_float(ldexp(srt_rng_double(rng) - 0.5, (int)srt_rng_below(rng, 2100) - 1075));
    case 5:
        return value_float(srt_rng_below(rng, 2) ? -0.0 : 0.0);
    case 6:
    case 7:
        return value_float((double)(int64_t)srt_rng_below(rng, 20) / 4 - 2);
    default:
        return value_integer((int64_t)srt_rng_below(rng, 20) - 10);
    }
}

static size_t make_samples(const struct aggregate_def *def, struct sample *samples, size_t count,
                           struct srt_rng *rng)
{
    size_t made = 0;
    bool floats = srt_rng_below(rng, 2);
    while (made < count) {
        struct sample *sample = &samples[made];
        *sample = (struct sample){
            .value = any_value(rng),
            .at = {.time_ms = (int64_t)srt_rng_below(rng, 10),
                   .topic = (uint32_t)srt_rng_below(rng, 2),
                   .partition = (int32_t)srt_rng_below(rng, 3),
                   .offset = (int64_t)srt_rng_below(rng, 1000)},
        };
        if (srt_rng_below(rng, 3) == 0) {
            sample->at.tie = srt_rng_below(rng, 2) ? "tie" : "";
            sample->at.tie_len = strlen(sample->at.tie);
        }
        if (aggregate_takes_by(def->kind) && srt_rng_below(rng, 2)) {
            struct state_value by = any_value(rng);
            struct srt_err err;
            sample->has_by = aggregate_check(def, &sample->value, &by, &err) == SRT_OK;
            sample->by = by;
        }
        bool is_float = sample->value.kind == STATE_VALUE_FLOAT;
        made += (sample->has_by || takes(def, &sample->value)) && (floats || !is_float);
    }
    return made;
}

static void every_aggregator_has_its_name(void **state)
{
    (void)state;
    for (int kind = 0; kind < AGGREGATE_KIND_COUNT; kind++) {
        assert_int_equal(aggregate_kind_find(aggregate_kind_name((enum aggregate_kind)kind)), kind);
    }
    assert_int_equal(aggregate_kind_find("median"), -1);
    assert_true(aggregate_is_ordered(AGGREGATE_EWMA));
    assert_false(aggregate_can_merge(AGGREGATE_EWMA));
    assert_false(aggregate_is_ordered(AGGREGATE_SUM));
    assert_true(aggregate_can_merge(AGGREGATE_SUM));
    assert_true(aggregate_takes_by(AGGREGATE_TOP));
    assert_false(aggregate_takes_by(AGGREGATE_MAX));
}

static void neither_order_nor_merging_nor_bytes_in_between_matter(void **state)
{
    (void)state;
    struct sample samples[SAMPLES];
    for (size_t d = 0; d < DEF_COUNT; d++) {
        for (uint64_t seed = 0; seed < ROUNDS; seed++) {
            struct srt_rng rng;
            srt_rng_init(&rng, seed * DEF_COUNT + d);
            size_t count =
                make_samples(&defs[d], samples, srt_rng_below(&rng, SAMPLES), &rng);
            struct aggregate_cell plain = {0};
            struct aggregate_cell other = {0};
            for (size_t i = 0; i < count; i++) {
                fixture_add(&defs[d], &plain, &samples[i]);
            }
            if (!aggregate_is_ordered(defs[d].kind)) {
                fixture_add_somehow(&defs[d], &other, samples, count, &rng);
                fixture_assert_same(&defs[d], &plain, &other, seed);
            }
            aggregate_fini(&defs[d], &plain);
            aggregate_fini(&defs[d], &other);
        }
    }
}

static void without_memory_nothing_is_changed(void **state)
{
    (void)state;
    struct sample samples[SAMPLES];
    for (size_t d = 0; d < DEF_COUNT; d++) {
        struct srt_rng rng;
        srt_rng_init(&rng, 1000 + d);
        size_t count = make_samples(&defs[d], samples, SAMPLES, &rng);
        fixture_fail_each_allocation(&defs[d], samples, count);
    }
}

static void bytes_cut_short_are_refused(void **state)
{
    (void)state;
    struct sample samples[SAMPLES];
    for (size_t d = 0; d < DEF_COUNT; d++) {
        struct srt_rng rng;
        struct srt_err err;
        struct aggregate_cell cell = {0};
        struct srt_buf bytes = {0};
        srt_rng_init(&rng, 2000 + d);
        size_t count = make_samples(&defs[d], samples, 20, &rng);
        for (size_t i = 0; i < count; i++) {
            fixture_add(&defs[d], &cell, &samples[i]);
        }
        aggregate_encode(&defs[d], &cell, &bytes);
        for (size_t len = 0; len < bytes.len; len++) {
            struct aggregate_cell cut = {0};
            uint8_t *exact = malloc(len + 1);
            memcpy(exact, bytes.data, len);
            const uint8_t *at = exact;
            assert_int_equal(aggregate_decode(&defs[d], &cut, &at, exact + len, &err),
                             SRT_ECORRUPT);
            assert_contains(err.msg, aggregate_kind_name(defs[d].kind));
            assert_true(cut.a.integer == 0 && cut.b.integer == 0);
            free(exact);
        }
        aggregate_fini(&defs[d], &cell);
        srt_buf_fini(&bytes);
    }
}

static void nothing_has_a_result(void **state)
{
    (void)state;
    assert_string_equal(RESULT(COUNT, NOTHING), "0");
    assert_string_equal(RESULT(SUM, NOTHING), "0");
    assert_string_equal(RESULT(AVG, NOTHING), "null");
    assert_string_equal(RESULT(MIN, NOTHING), "null");
    assert_string_equal(RESULT(MAX, NOTHING), "null");
    assert_string_equal(RESULT(FIRST, NOTHING), "null");
    assert_string_equal(RESULT(LAST, NOTHING), "null");
    assert_string_equal(RESULT(DISTINCT, NOTHING), "0");
    assert_string_equal(RESULT(APPROX_DISTINCT, NOTHING), "0");
    assert_string_equal(RESULT(QUANTILE, NOTHING), "null");
    assert_string_equal(RESULT(TOP, NOTHING), "[]");
    assert_string_equal(RESULT(COLLECT, NOTHING), "[]");
    assert_string_equal(RESULT(ANY, NOTHING), "false");
    assert_string_equal(RESULT(ALL, NOTHING), "true");
    assert_string_equal(RESULT(STDDEV, NOTHING), "null");
    assert_string_equal(RESULT(EWMA, NOTHING), "null");
    assert_string_equal(RESULT(RATE, NOTHING), "0.0");
    assert_string_equal(RESULT(HISTOGRAM, NOTHING),
                        "[{\"le\":1,\"count\":0},{\"le\":2.5,\"count\":0},"
                        "{\"le\":10,\"count\":0},{\"le\":null,\"count\":0}]");
}

static void what_cannot_be_taken_is_refused(void **state)
{
    (void)state;
    static const struct {
        enum aggregate_kind kind;
        struct state_value value;
        const char *text;
    } cases[] = {
        {AGGREGATE_SUM, {.kind = STATE_VALUE_TEXT}, "sum takes numbers, this is a string"},
        {AGGREGATE_AVG, {.kind = STATE_VALUE_TRUE}, "avg takes numbers, this is a boolean"},
        {AGGREGATE_EWMA, {.kind = STATE_VALUE_JSON}, "ewma takes numbers, this is an object"},
        {AGGREGATE_STDDEV, {.kind = STATE_VALUE_JSON, .is.text = {"[]", 2}}, "this is a list"},
        {AGGREGATE_HISTOGRAM, {.kind = STATE_VALUE_TEXT}, "histogram takes numbers"},
        {AGGREGATE_RATE, {.kind = STATE_VALUE_TEXT}, "rate takes numbers or booleans"},
        {AGGREGATE_MAX, {.kind = STATE_VALUE_FALSE}, "max takes numbers or strings"},
        {AGGREGATE_MIN, {.kind = STATE_VALUE_FLOAT, .is.number = NAN}, "numbers, this is nan"},
        {AGGREGATE_SUM, {.kind = STATE_VALUE_FLOAT, .is.number = INFINITY}, "this is inf"},
        {AGGREGATE_SUM, {.kind = STATE_VALUE_FLOAT, .is.number = -INFINITY}, "this is -inf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct aggregate_def def = {.kind = cases[i].kind, .bound_count = 1};
        struct srt_err err;
        assert_int_equal(aggregate_check(&def, &cases[i].value, NULL, &err), SRT_ESCRIPT);
        assert_contains(err.msg, cases[i].text);
    }
}

static void definitions_are_checked(void **state)
{
    (void)state;
    static const struct {
        struct aggregate_def def;
        const char *text; /* NULL: it is right */
    } cases[] = {
        {{.kind = AGGREGATE_SUM}, NULL},
        {{.kind = AGGREGATE_EWMA, .parameter = 1}, NULL},
        {{.kind = AGGREGATE_EWMA, .parameter = 0}, "above 0 and up to 1, not 0"},
        {{.kind = AGGREGATE_EWMA, .parameter = NAN}, "not"},
        {{.kind = AGGREGATE_HISTOGRAM, .bounds = {1, 2}, .bound_count = 2}, NULL},
        {{.kind = AGGREGATE_QUANTILE, .parameter = 0}, NULL},
        {{.kind = AGGREGATE_QUANTILE, .parameter = 1.01}, "from 0 to 1, not 1.01"},
        {{.kind = AGGREGATE_TOP, .limit = 1}, NULL},
        {{.kind = AGGREGATE_TOP, .limit = 0}, "top keeps 1 to 100000 values, not 0"},
        {{.kind = AGGREGATE_COLLECT, .limit = 0}, NULL},
        {{.kind = AGGREGATE_COLLECT, .limit = 100001}, "not 100001"},
        {{.kind = AGGREGATE_HISTOGRAM}, "1 to 64 bounds, not 0"},
        {{.kind = AGGREGATE_HISTOGRAM, .bound_count = 65}, "not 65"},
        {{.kind = AGGREGATE_HISTOGRAM, .bounds = {2, 2}, .bound_count = 2}, "ascend: 2 after 2"},
        {{.kind = AGGREGATE_HISTOGRAM, .bounds = {INFINITY}, .bound_count = 1}, "finite"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct srt_err err;
        int rc = aggregate_def_check(&cases[i].def, &err);
        assert_int_equal(rc, cases[i].text ? SRT_EINVAL : SRT_OK);
        if (cases[i].text) {
            assert_contains(err.msg, cases[i].text);
        }
    }
}

static void integers_take_nothing_from_the_heap(void **state)
{
    (void)state;
    static const enum aggregate_kind kinds[] = {AGGREGATE_COUNT, AGGREGATE_SUM, AGGREGATE_AVG,
                                                AGGREGATE_MIN,   AGGREGATE_MAX, AGGREGATE_RATE};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct aggregate_def def = {.kind = kinds[k]};
        struct aggregate_cell cell = {0};
        for (int i = -50; i < 100; i++) {
            struct sample sample = {.value = value_integer(i)};
            fixture_add(&def, &cell, &sample);
        }
        assert_int_equal(aggregate_heap_bytes(&def, &cell), 0);
        aggregate_fini(&def, &cell);
    }
    assert_int_equal(sizeof(struct aggregate_cell), 16);
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_aggregator_has_its_name),
        cmocka_unit_test(neither_order_nor_merging_nor_bytes_in_between_matter),
        cmocka_unit_test(without_memory_nothing_is_changed),
        cmocka_unit_test(bytes_cut_short_are_refused),
        cmocka_unit_test(nothing_has_a_result),
        cmocka_unit_test(what_cannot_be_taken_is_refused),
        cmocka_unit_test(definitions_are_checked),
        cmocka_unit_test(integers_take_nothing_from_the_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
