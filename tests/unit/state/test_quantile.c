#include <float.h>
#include <math.h>

#include "aggregate_fixture.h"
#include "base/fault.h"
#include "state/quantile.h"

enum { MANY = 25000 };

static const double parts[] = {0, 0.001, 0.25, 0.29, 0.5, 0.9, 0.99, 0.999, 1};

static int ascending(const void *a, const void *b)
{
    return state_value_compare(a, b);
}

static const struct state_value *exact(const struct state_value *sorted, size_t count, double p)
{
    size_t rank = (size_t)floor(p * (double)count);
    return &sorted[rank < count ? rank : count - 1];
}

/* What a kind of data looks like. */
static struct state_value draw(struct srt_rng *rng, int shape)
{
    double unit = srt_rng_double(rng);
    switch (shape) {
    case 0:
        return value_integer((int64_t)srt_rng_below(rng, 5000) - 1000);
    case 1: /* latencies */
        return value_float(exp(unit * 12));
    case 2: /* around zero, and zero */
        return srt_rng_below(rng, 20) ? value_float((unit - 0.5) * 1e-3) : value_float(-0.0);
    case 3: /* all that there is */
        return value_float(ldexp(unit - 0.5, (int)srt_rng_below(rng, 2098) - 1073));
    case 4: /* subnormal, negative */
        return value_float(-ldexp(unit, -1030 - (int)srt_rng_below(rng, 40)));
    default:
        return srt_rng_below(rng, 2) ? value_integer((int64_t)srt_rng_next(rng))
                                     : value_float(unit);
    }
}

static void values_are_found_by_their_place(void **state)
{
    (void)state;
    static struct state_value values[MANY];
    static struct sample samples[MANY];
    static const size_t counts[] = {1, 2, 3, 100, 9999, 10000, 10001, MANY};
    for (int shape = 0; shape < 6; shape++) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            uint64_t seed = (uint64_t)shape * 100 + c;
            struct srt_rng rng;
            struct quantile *q = NULL;
            srt_rng_init(&rng, seed);
            for (size_t i = 0; i < counts[c]; i++) {
                values[i] = draw(&rng, shape);
                samples[i] = (struct sample){.value = values[i]};
                assert_int_equal(quantile_add(&q, &values[i]), SRT_OK);
                if (i % 5000 == 7) {
                    (void)quantile_value(q, 0.5); /* puts them in order meanwhile */
                }
            }
            qsort(values, counts[c], sizeof *values, ascending);
            for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
                struct state_value got = quantile_value(q, parts[k]);
                const struct state_value *expected = exact(values, counts[c], parts[k]);
                if (counts[c] <= QUANTILE_EXACT_MAX) {
                    assert_int_equal(state_value_compare(&got, expected), 0);
                    continue;
                }
                double want = expected->kind == STATE_VALUE_INTEGER ? (double)expected->is.integer
                                                                    : expected->is.number;
                if (fabs(got.is.number - want) > fabs(want) * 0.004) {
                    fail_msg("seed %d, p %g: %a is not near %a", (int)seed, parts[k],
                             got.is.number, want);
                }
            }
            quantile_destroy(q);
            /* and however they are added */
            struct aggregate_def def = {.kind = AGGREGATE_QUANTILE, .parameter = 0.7};
            struct aggregate_cell plain = {0};
            struct aggregate_cell other = {0};
            for (size_t i = 0; i < counts[c]; i++) {
                fixture_add(&def, &plain, &samples[i]);
            }
            fixture_add_somehow(&def, &other, samples, counts[c], &rng);
            fixture_assert_same(&def, &plain, &other, seed);
            aggregate_fini(&def, &plain);
            aggregate_fini(&def, &other);
        }
    }
}

static void the_ends_of_the_doubles_have_buckets(void **state)
{
    (void)state;
    static const double ends[] = {DBL_MAX, -DBL_MAX, 5e-324, -5e-324, DBL_MIN, 0.0, 1.0, -1.0};
    for (size_t e = 0; e < sizeof ends / sizeof *ends; e++) {
        struct quantile *q = NULL;
        struct state_value value = value_float(ends[e]);
        for (int i = 0; i <= QUANTILE_EXACT_MAX; i++) {
            assert_int_equal(quantile_add(&q, &value), SRT_OK);
        }
        double got = quantile_value(q, 0.5).is.number;
        assert_true(isfinite(got));
        assert_true(fabs(got - ends[e]) <= fabs(ends[e]) * 0.004);
        quantile_destroy(q);
    }
}

static void assert_encodes(const struct quantile *q, const struct srt_buf *expected)
{
    struct srt_buf bytes = {0};
    quantile_encode(q, &bytes);
    assert_int_equal(bytes.len, expected->len);
    assert_memory_equal(bytes.data, expected->data, bytes.len);
    srt_buf_fini(&bytes);
}

static void becoming_a_sketch_needs_memory_and_nothing_else(void **state)
{
    (void)state;
    for (int merged = 0; merged < 2; merged++) {
        struct srt_rng rng;
        struct quantile *q = NULL;
        struct quantile *more = NULL;
        struct srt_buf before = {0};
        srt_rng_init(&rng, 5);
        for (int i = 0; i < QUANTILE_EXACT_MAX; i++) {
            struct state_value value = draw(&rng, i % 6);
            assert_int_equal(quantile_add(&q, &value), SRT_OK);
        }
        struct state_value last = value_float(1e300);
        assert_int_equal(quantile_add(&more, &last), SRT_OK);
        quantile_encode(q, &before);
        uint64_t n = 0;
        int rc;
        do {
            srt_fault_arm(SRT_FAULT_alloc, ++n, SRT_FAULT_ERRNO, 12);
            rc = merged ? quantile_merge(&q, more) : quantile_add(&q, &last);
            srt_fault_disarm();
            if (rc != SRT_OK) {
                assert_int_equal(rc, SRT_ENOMEM);
                assert_encodes(q, &before);
            }
        } while (rc != SRT_OK);
        assert_true(n > 10);
        assert_true(quantile_value(q, 1).is.number > 1e299);
        quantile_destroy(q);
        quantile_destroy(more);
        srt_buf_fini(&before);
    }
}

static void an_empty_one_has_no_value(void **state)
{
    (void)state;
    assert_int_equal(quantile_value(NULL, 0.5).kind, STATE_VALUE_NIL);
    assert_int_equal(quantile_bytes(NULL), 0);
}

static void bytes_in_disorder_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[16];
        size_t size;
    } bad[] = {
        {{0, 4, 4, 2, 0}, 5},             /* 2 before 1 */
        {{2, 0, 0}, 3},                   /* no such form */
        {{1, 0, 0}, 3},                   /* a sketch of nothing */
        {{1, 0, 2, 2, 2, 0, 2}, 7},       /* of one value */
        {{0, 0, 2, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0}, 11}, /* infinity */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct quantile *q = NULL;
        struct srt_err err;
        const uint8_t *at = bad[i].bytes;
        assert_int_equal(quantile_decode(&q, &at, bad[i].bytes + bad[i].size, &err), SRT_ECORRUPT);
        assert_null(q);
    }
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_by_their_place),
        cmocka_unit_test(the_ends_of_the_doubles_have_buckets),
        cmocka_unit_test(becoming_a_sketch_needs_memory_and_nothing_else),
        cmocka_unit_test(an_empty_one_has_no_value),
        cmocka_unit_test(bytes_in_disorder_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
