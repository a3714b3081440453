#include <float.h>
#include <math.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "state/exact_sum.h"
#include "state/exact_wide.h"
#include "support/cmocka_srt.h"

__extension__ typedef __int128 wide;

enum { TERMS_MAX = 200, PARTIALS_MAX = 64 };

static void add_term(struct exact_sum **sum, struct exact_term term)
{
    assert_int_equal(exact_sum_reserve(sum, &term), SRT_OK);
    exact_sum_add(*sum, &term);
}

static double rounded(const struct exact_sum *sum, uint64_t divisor)
{
    struct exact_wide wide_sum;
    exact_wide_load(&wide_sum, sum, 0);
    return exact_wide_quotient(&wide_sum, divisor);
}

/* Another way to the same: partial sums that do not overlap (Shewchuk, "Adaptive Precision
 * Floating-Point Arithmetic", 1997), rounded once at the end. Only where nothing overflows. */
static double reference_sum(const double *values, size_t count)
{
    double partials[PARTIALS_MAX];
    size_t used = 0;
    for (size_t v = 0; v < count; v++) {
        double x = values[v];
        size_t kept = 0;
        for (size_t i = 0; i < used; i++) {
            double y = partials[i];
            if (fabs(x) < fabs(y)) {
                double swap = x;
                x = y;
                y = swap;
            }
            double high = x + y;
            double low = y - (high - x);
            if (low != 0) {
                partials[kept++] = low;
            }
            x = high;
        }
        partials[kept++] = x;
        used = kept;
        assert_true(used < PARTIALS_MAX);
    }
    double high = 0;
    double low = 0;
    while (used > 0 && low == 0) {
        double x = high;
        double y = partials[--used];
        high = x + y;
        low = y - (high - x);
    }
    /* half way: what is below decides */
    if (used > 0 && ((low < 0 && partials[used - 1] < 0) || (low > 0 && partials[used - 1] > 0))) {
        double y = low * 2;
        double x = high + y;
        if (y == x - high) {
            high = x;
        }
    }
    return high;
}

static double random_double(struct srt_rng *rng, int lowest, int highest)
{
    double value = ldexp(0.5 + srt_rng_double(rng) / 2,
                         lowest + (int)srt_rng_below(rng, (uint64_t)(highest - lowest + 1)));
    if (srt_rng_below(rng, 3) == 0) {
        value = ldexp(1.0, ilogb(value)); /* ties come of these */
    }
    return srt_rng_below(rng, 2) ? value : -value;
}

static void a_sum_is_rounded_once_in_any_order(void **state)
{
    (void)state;
    static const int ranges[][2] = {
        {-60, 60}, {-10, 10}, {-1073, -1000}, {-1073, 1000}, {900, 1000},
    };
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct srt_rng rng;
        double values[TERMS_MAX];
        srt_rng_init(&rng, seed);
        const int *range = ranges[seed % 5];
        size_t count = 1 + srt_rng_below(&rng, TERMS_MAX);
        struct exact_sum *parts[3] = {NULL, NULL, NULL};
        for (size_t i = 0; i < count; i++) {
            bool undoes = i > 0 && srt_rng_below(&rng, 3) == 0;
            values[i] = undoes ? -values[srt_rng_below(&rng, i)]
                               : random_double(&rng, range[0], range[1]);
            add_term(&parts[srt_rng_below(&rng, 3)], exact_term_of_double(values[i]));
        }
        for (int i = 1; i < 3; i++) {
            if (parts[i]) {
                assert_int_equal(exact_sum_reserve_for(&parts[0], parts[i]), SRT_OK);
                exact_sum_add_sum(parts[0], parts[i]);
            }
        }
        double expected = reference_sum(values, count);
        double got = rounded(parts[0], 1);
        if (got != expected) {
            fail_msg("seed %llu: %a is not %a", (unsigned long long)seed, got, expected);
        }
        for (int i = 0; i < 3; i++) {
            srt_free(parts[i]);
        }
    }
}

static void a_quotient_of_integers_is_the_nearest_double(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 7);
    for (int round = 0; round < 20000; round++) {
        int64_t dividend = (int64_t)srt_rng_next(&rng) >> srt_rng_below(&rng, 63);
        uint64_t divisor = 1 + (srt_rng_next(&rng) >> (12 + srt_rng_below(&rng, 50)));
        struct exact_wide number;
        exact_wide_load(&number, NULL, dividend);
        double got = exact_wide_quotient(&number, divisor);
        /* exact in 128 bits: with 2^e its last bit, |got - quotient| <= 2^(e-1) */
        if (dividend == 0) {
            assert_true(got == 0.0);
            continue;
        }
        int exponent = ilogb(got) - 52;
        int64_t mantissa = (int64_t)ldexp(got, -exponent);
        if (exponent > 0) { /* all within 64 bits */
            wide distance = (wide)mantissa * ((wide)1 << exponent) * divisor - dividend;
            distance = distance < 0 ? -distance : distance;
            assert_true(2 * distance <= ((wide)divisor << exponent));
        } else if (exponent >= -60) {
            wide distance = (wide)mantissa * divisor - ((wide)dividend * ((wide)1 << -exponent));
            distance = distance < 0 ? -distance : distance;
            assert_true(2 * distance <= (wide)divisor);
        }
    }
}

static void halves_go_to_the_even_one(void **state)
{
    (void)state;
    static const struct {
        int64_t values[3];
        double expected;
    } cases[] = {
        {{9007199254740992, 1, 0}, 9007199254740992.0},
        {{9007199254740992, 1, 2}, 9007199254740996.0},
        {{-9007199254740992, -1, 0}, -9007199254740992.0},
        {{INT64_MAX, 1, 0}, 9223372036854775808.0},
        {{INT64_MAX, INT64_MAX, INT64_MAX}, 27670116110564327424.0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct exact_sum *sum = NULL;
        for (int k = 0; k < 3; k++) {
            add_term(&sum, exact_term_of_integer(cases[i].values[k]));
        }
        assert_true(rounded(sum, 1) == cases[i].expected);
        srt_free(sum);
    }
    struct exact_sum *sum = NULL; /* a half and the smallest bit that there is */
    add_term(&sum, exact_term_of_integer(9007199254740993));
    assert_true(rounded(sum, 1) == 9007199254740992.0);
    add_term(&sum, exact_term_of_double(5e-324));
    assert_true(rounded(sum, 1) == 9007199254740994.0);
    add_term(&sum, exact_term_of_double(-1e-323));
    assert_true(rounded(sum, 1) == 9007199254740992.0);
    srt_free(sum);
    sum = NULL; /* 3 * (2^53 + 1): a half, and with one more only the remainder is above it */
    for (int i = 0; i < 3; i++) {
        add_term(&sum, exact_term_of_integer(9007199254740993));
    }
    assert_true(rounded(sum, 3) == 9007199254740992.0);
    add_term(&sum, exact_term_of_double(ldexp(1.0, -64))); /* a third of it has no end */
    assert_true(rounded(sum, 3) == 9007199254740994.0);
    add_term(&sum, exact_term_of_double(-ldexp(1.0, -64)));
    add_term(&sum, exact_term_of_double(5e-324));
    assert_true(rounded(sum, 3) == 9007199254740994.0);
    srt_free(sum);
}

static void the_ends_of_the_range_round_as_they_should(void **state)
{
    (void)state;
    struct exact_sum *sum = NULL;
    add_term(&sum, exact_term_of_double(DBL_MAX));
    assert_true(rounded(sum, 1) == DBL_MAX);
    add_term(&sum, exact_term_of_double(ldexp(1.0, 969)));
    assert_true(rounded(sum, 1) == DBL_MAX);
    add_term(&sum, exact_term_of_double(ldexp(1.0, 969)));
    assert_true(isinf(rounded(sum, 1)));
    assert_true(rounded(sum, 2) == DBL_MAX / 2 + ldexp(1.0, 969));
    for (int i = 0; i < 2; i++) {
        add_term(&sum, exact_term_of_double(-DBL_MAX));
    }
    assert_true(rounded(sum, 1) == nextafter(-DBL_MAX, 0)); /* half way, the even one */
    srt_free(sum);
    sum = NULL;
    add_term(&sum, exact_term_of_double(5e-324));
    assert_true(rounded(sum, 1) == 5e-324);
    assert_true(rounded(sum, 2) == 0.0); /* a tie, to the even one */
    add_term(&sum, exact_term_of_double(1e-323));
    assert_true(rounded(sum, 2) == 1e-323); /* 1.5 of the smallest */
    assert_true(rounded(sum, 4) == 5e-324);
    assert_true(rounded(sum, 7) == 0.0);
    srt_free(sum);
}

/* Each limb on top of the sign is needed sooner or later: the carry goes on through all of them. */
static void signs_have_room(void **state)
{
    (void)state;
    for (int negative = 0; negative < 2; negative++) {
        struct exact_sum *sum = NULL;
        struct exact_sum *copy = NULL;
        double one = negative ? -1.0 : 1.0;
        add_term(&sum, exact_term_of_double(one));
        for (int i = 1; i <= 1000; i++) { /* doubled each time */
            srt_free(copy);
            copy = NULL;
            assert_int_equal(exact_sum_reserve_for(&copy, sum), SRT_OK);
            exact_sum_add_sum(copy, sum);
            assert_int_equal(exact_sum_reserve_for(&sum, copy), SRT_OK);
            exact_sum_add_sum(sum, copy);
            assert_true(rounded(sum, 1) == ldexp(one, i));
        }
        srt_free(copy);
        srt_free(sum);
    }
}

/* As no sum of values comes to it: the sign itself is full. */
static void a_full_sign_gets_another_limb(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[18];
        int64_t more;
        double expected;
    } cases[] = {
        {{0, 4, 255, 255, 255, 255, 255, 255, 255, 255, 127, 255, 255, 255, 255, 255, 255, 255},
         1,
         0x1p127},
        {{0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 128, 0, 0, 0, 0, 0, 0, 0}, -2, -0x1p127},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct exact_sum *sum = NULL;
        struct srt_err err;
        const uint8_t *at = cases[i].bytes;
        assert_ok(exact_sum_decode(&sum, EXACT_DOUBLES, &at, cases[i].bytes + 18, &err), &err);
        add_term(&sum, exact_term_of_integer(cases[i].more));
        assert_true(rounded(sum, 1) == cases[i].expected);
        srt_free(sum);
    }
}

static void bytes_come_back_and_longer_ones_are_refused(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct srt_rng rng;
        struct srt_err err;
        struct srt_buf bytes = {0};
        struct srt_buf again = {0};
        struct exact_sum *sum = NULL;
        struct exact_sum *back = NULL;
        struct exact_wide number;
        srt_rng_init(&rng, seed);
        for (uint64_t i = srt_rng_below(&rng, 10); i > 0; i--) {
            add_term(&sum, exact_term_of_double(random_double(&rng, -1073, 1020)));
        }
        exact_wide_load(&number, sum, 0);
        exact_wide_encode(&number, &bytes);
        const uint8_t *at = bytes.data;
        assert_ok(exact_sum_decode(&back, EXACT_DOUBLES, &at, bytes.data + bytes.len, &err), &err);
        exact_wide_load(&number, back, 0);
        exact_wide_encode(&number, &again);
        assert_int_equal(bytes.len, again.len);
        assert_memory_equal(bytes.data, again.data, again.len);
        srt_free(sum);
        srt_free(back);
        srt_buf_fini(&bytes);
        srt_buf_fini(&again);
    }
    static const struct {
        uint8_t bytes[24];
        size_t size;
    } bad[] = {
        {{0, 2, 0, 0, 0, 0, 0, 0, 0, 0}, 10},                                  /* zero */
        {{2, 0}, 2},                                                           /* no limbs at 1 */
        {{0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, 18},          /* a sign too much */
        {{0, 4, 255, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255, 255, 255, 255, 255}, 18},
        {{36, 2, 0, 0, 0, 0, 0, 0, 0, 1}, 10},                                 /* beyond doubles */
        {{0, 4, 0, 0, 0, 0, 0, 0, 0, 1}, 10},                                  /* cut short */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct exact_sum *sum = NULL;
        struct srt_err err;
        const uint8_t *at = bad[i].bytes;
        assert_int_equal(
            exact_sum_decode(&sum, EXACT_DOUBLES, &at, bad[i].bytes + bad[i].size, &err),
            SRT_ECORRUPT);
        assert_null(sum);
    }
}

static void a_deviation_loses_nothing_to_a_large_mean(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct srt_rng rng;
        struct exact_sum *sum = NULL;
        struct exact_sum *squares = NULL;
        long double spread = 0;
        long double mean = 0;
        double values[TERMS_MAX];
        srt_rng_init(&rng, seed);
        size_t count = 2 + srt_rng_below(&rng, TERMS_MAX - 2);
        double base = (double)(srt_rng_below(&rng, 2) * (1ull << 30));
        for (size_t i = 0; i < count; i++) {
            values[i] = base + random_double(&rng, -3, 3);
            struct exact_term term = exact_term_of_double(values[i]);
            add_term(&sum, term);
            add_term(&squares, exact_term_square(&term));
            mean += (long double)values[i] / (long double)count;
        }
        for (size_t i = 0; i < count; i++) { /* two passes: the mean is known */
            spread += (values[i] - mean) * (values[i] - mean);
        }
        double expected = (double)sqrtl(spread / (long double)count);
        struct exact_wide wides[2];
        exact_wide_load(&wides[0], squares, 0);
        exact_wide_load(&wides[1], sum, 0);
        double got = exact_wide_deviation(&wides[0], &wides[1], count);
        if (fabs(got - expected) > expected * 1e-12) {
            fail_msg("seed %llu: %a is not %a", (unsigned long long)seed, got, expected);
        }
        srt_free(sum);
        srt_free(squares);
    }
}

static void a_sum_of_prices_is_small(void **state)
{
    (void)state;
    struct exact_sum *sum = NULL;
    assert_int_equal(exact_sum_bytes(sum), 0);
    for (int i = 0; i < 1000; i++) {
        add_term(&sum, exact_term_of_double(0.01 * i));
    }
    assert_int_equal(exact_sum_bytes(sum), 40);
    srt_free(sum);
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_is_rounded_once_in_any_order),
        cmocka_unit_test(a_quotient_of_integers_is_the_nearest_double),
        cmocka_unit_test(halves_go_to_the_even_one),
        cmocka_unit_test(the_ends_of_the_range_round_as_they_should),
        cmocka_unit_test(signs_have_room),
        cmocka_unit_test(a_full_sign_gets_another_limb),
        cmocka_unit_test(bytes_come_back_and_longer_ones_are_refused),
        cmocka_unit_test(a_deviation_loses_nothing_to_a_large_mean),
        cmocka_unit_test(a_sum_of_prices_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
