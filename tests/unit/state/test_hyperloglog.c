#include <math.h>

#include "aggregate_fixture.h"
#include "base/fault.h"
#include "state/hyperloglog.h"

static uint64_t hash_of(int64_t integer)
{
    struct state_value value = value_integer(integer);
    return state_value_hash(&value);
}

static void assert_encodes(const struct hyperloglog *hll, const struct srt_buf *expected)
{
    struct srt_buf bytes = {0};
    hyperloglog_encode(hll, &bytes);
    assert_int_equal(bytes.len, expected->len);
    assert_memory_equal(bytes.data, expected->data, bytes.len);
    srt_buf_fini(&bytes);
}

static void few_are_counted_exactly_and_many_within_two_percent(void **state)
{
    (void)state;
    double squares = 0;
    int checks = 0;
    for (int64_t run = 0; run < 20; run++) {
        struct hyperloglog *hll = NULL;
        int64_t next = 1;
        for (int64_t i = 1; i <= 300000; i++) {
            assert_int_equal(hyperloglog_add(&hll, hash_of(run << 40 | i)), SRT_OK);
            assert_int_equal(hyperloglog_add(&hll, hash_of(run << 40 | (i / 2 + 1))), SRT_OK);
            if (i != next) {
                continue;
            }
            next += next / 3 + 1;
            int64_t count = hyperloglog_count(hll);
            if (i <= HYPERLOGLOG_SPARSE_MAX) {
                assert_int_equal(count, i);
                continue;
            }
            double error = (double)(count - i) / (double)i;
            squares += error * error;
            checks++;
            if (fabs(error) > 0.02) {
                fail_msg("run %d: %lld are counted as %lld", (int)run, (long long)i,
                         (long long)count);
            }
        }
        assert_true(hyperloglog_bytes(hll) <= 33 << 10);
        hyperloglog_destroy(hll);
    }
    assert_true(sqrt(squares / checks) < 0.008); /* the standard error is 0.0057 */
}

/* Any split into parts gives the same bytes: few and many, merged either way. */
static void parts_make_the_same_whole(void **state)
{
    (void)state;
    static const int counts[] = {0, 1, 100, 2047, 2048, 2049, 5000};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (int overlap = 0; overlap < 2; overlap++) {
            struct hyperloglog *whole = NULL;
            struct hyperloglog *parts[2] = {NULL, NULL};
            struct srt_buf bytes = {0};
            int cut = counts[c] / 3;
            for (int i = 0; i < counts[c]; i++) {
                assert_int_equal(hyperloglog_add(&whole, hash_of(i)), SRT_OK);
                assert_int_equal(hyperloglog_add(&parts[i >= cut], hash_of(i)), SRT_OK);
                if (overlap && i % 2) {
                    assert_int_equal(hyperloglog_add(&parts[i < cut], hash_of(i)), SRT_OK);
                }
            }
            hyperloglog_encode(whole, &bytes);
            assert_int_equal(hyperloglog_merge(&parts[0], parts[1]), SRT_OK);
            assert_encodes(parts[0], &bytes);
            assert_int_equal(hyperloglog_merge(&parts[1], parts[0]), SRT_OK);
            assert_encodes(parts[1], &bytes);
            struct hyperloglog *back = NULL;
            struct srt_err err;
            const uint8_t *at = bytes.data;
            assert_ok(hyperloglog_decode(&back, &at, bytes.data + bytes.len, &err), &err);
            assert_encodes(back, &bytes);
            assert_int_equal(hyperloglog_count(back), hyperloglog_count(whole));
            hyperloglog_destroy(back);
            hyperloglog_destroy(whole);
            hyperloglog_destroy(parts[0]);
            hyperloglog_destroy(parts[1]);
            srt_buf_fini(&bytes);
        }
    }
}

static void growing_without_memory_loses_nothing(void **state)
{
    (void)state;
    struct hyperloglog *hll = NULL;
    for (int i = 0; i < 2 * HYPERLOGLOG_SPARSE_MAX; i++) {
        struct srt_buf before = {0};
        srt_fault_arm(SRT_FAULT_alloc, 1, SRT_FAULT_ERRNO, 12);
        int64_t count = hyperloglog_count(hll);
        int rc = hyperloglog_add(&hll, hash_of(i));
        srt_fault_disarm();
        if (rc != SRT_OK) {
            assert_int_equal(hyperloglog_count(hll), count);
            assert_int_equal(hyperloglog_add(&hll, hash_of(i)), SRT_OK);
        }
        srt_buf_fini(&before);
    }
    assert_true(hyperloglog_count(hll) > 4000 && hyperloglog_count(hll) < 4200);
    hyperloglog_destroy(hll);
}

static void the_hash_zero_counts(void **state)
{
    (void)state;
    struct hyperloglog *hll = NULL;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hyperloglog_add(&hll, 0), SRT_OK);
    }
    assert_int_equal(hyperloglog_count(hll), 1);
    hyperloglog_destroy(hll);
}

static void bytes_that_are_no_sketch_are_refused(void **state)
{
    (void)state;
    static uint8_t bytes[1 + 32768] = {1};
    static const uint8_t disorder[] = {0, 4, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1};
    struct hyperloglog *hll = NULL;
    struct srt_err err;
    bytes[1000] = 51;
    const uint8_t *at = bytes;
    assert_int_equal(hyperloglog_decode(&hll, &at, bytes + sizeof bytes, &err), SRT_ECORRUPT);
    at = bytes;
    bytes[1000] = 50;
    assert_int_equal(hyperloglog_decode(&hll, &at, bytes + sizeof bytes - 1, &err), SRT_ECORRUPT);
    at = disorder;
    assert_int_equal(hyperloglog_decode(&hll, &at, disorder + sizeof disorder, &err), SRT_ECORRUPT);
    assert_null(hll);
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_are_counted_exactly_and_many_within_two_percent),
        cmocka_unit_test(parts_make_the_same_whole),
        cmocka_unit_test(growing_without_memory_loses_nothing),
        cmocka_unit_test(the_hash_zero_counts),
        cmocka_unit_test(bytes_that_are_no_sketch_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
