#include <math.h>

#include "aggregate_fixture.h"
#include "state/state_bytes.h"

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

/* In the order that compare() gives; equal neighbours of rank() are marked. */
static size_t ladder(struct state_value *values, bool *same_rank)
{
    size_t n = 0;
#define STEP(value, same)                                                                          \
    (values[n] = (value), same_rank[n] = (same), n++)
    STEP(value_of_kind(STATE_VALUE_FALSE), false);
    STEP(value_of_kind(STATE_VALUE_TRUE), false);
    STEP(value_float(-INFINITY), false);
    STEP(value_float(-1e300), false);
    STEP(value_float(-9223372036854777856.0), false);
    STEP(value_integer(INT64_MIN), false);
    STEP(value_float(-9223372036854775808.0), true);
    STEP(value_integer(-9007199254740993), false);
    STEP(value_float(-9007199254740992.0), false);
    STEP(value_float(-1.5), false);
    STEP(value_integer(-1), false);
    STEP(value_float(-0.5), false);
    STEP(value_float(-0.0), false);
    STEP(value_integer(0), true);
    STEP(value_float(0.0), true);
    STEP(value_float(5e-324), false);
    STEP(value_integer(1), false);
    STEP(value_float(1.0), true);
    STEP(value_float(1.5), false);
    STEP(value_integer(2), false);
    STEP(value_float(9007199254740992.0), false);
    STEP(value_integer(9007199254740993), false);
    STEP(value_integer(INT64_MAX), false);
    STEP(value_float(9223372036854775808.0), false);
    STEP(value_float(INFINITY), false);
    STEP(value_float(NAN), false);
    STEP(value_text(""), false);
    STEP(value_text("10"), false);
    STEP(value_text("a"), false);
    STEP(value_text("ab"), false);
    STEP(value_text("b"), false);
    STEP(value_json("[]"), false);
    STEP(value_json("{}"), false);
#undef STEP
    return n;
}

static void values_are_in_one_order(void **state)
{
    (void)state;
    struct state_value values[64];
    bool same_rank[64];
    size_t count = ladder(values, same_rank);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            size_t low = i < k ? i : k;
            size_t high = i < k ? k : i;
            bool same = true;
            for (size_t step = low + 1; step <= high; step++) {
                same = same && same_rank[step];
            }
            int expected = (i > k) - (i < k);
            assert_int_equal(sign(state_value_compare(&values[i], &values[k])), expected);
            assert_int_equal(sign(state_value_rank(&values[i], &values[k])), same ? 0 : expected);
        }
    }
}

static void values_come_back_from_bytes(void **state)
{
    (void)state;
    struct state_value values[64];
    bool same_rank[64];
    size_t count = ladder(values, same_rank);
    for (size_t i = 0; i < count; i++) {
        struct srt_buf bytes = {0};
        struct state_value back;
        state_value_encode(&bytes, &values[i]);
        const uint8_t *at = bytes.data;
        assert_true(state_value_decode(&at, bytes.data + bytes.len, &back));
        assert_ptr_equal(at, bytes.data + bytes.len);
        assert_int_equal(state_value_compare(&values[i], &back), 0);
        assert_int_equal(values[i].kind, back.kind);
        srt_buf_fini(&bytes);
    }
}

static void bytes_that_are_no_value_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[8];
        size_t size;
    } bad[] = {
        {{0}, 1},          {{7}, 1},           {{0}, 0},
        {{3}, 1},          {{3, 0x80}, 2},     {{3, 0x80, 0}, 3}, /* longer than need be */
        {{4, 0, 0}, 3},    {{5, 4, 'a'}, 3},   {{5, 1, 'a'}, 3}, /* a length of -1 */
        {{6, 0}, 2},       {{6, 2, '1'}, 3},   {{6, 4, '[', ','}, 4},
        {{6, 6, '[', ']', 'x'}, 5},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct state_value value;
        const uint8_t *at = bad[i].bytes;
        assert_false(state_value_decode(&at, bad[i].bytes + bad[i].size, &value));
    }
}

static void what_counts_as_the_same_has_one_form(void **state)
{
    (void)state;
    static const struct {
        double number;
        bool is_integer;
        int64_t integer;
    } cases[] = {
        {1.0, true, 1},
        {-0.0, true, 0},
        {1.5, false, 0},
        {-9223372036854775808.0, true, INT64_MIN},
        {9223372036854775808.0, false, 0},
        {1e300, false, 0},
        {INFINITY, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct state_value value = value_float(cases[i].number);
        struct state_value same = state_value_canonical(&value);
        assert_int_equal(same.kind, cases[i].is_integer ? STATE_VALUE_INTEGER : STATE_VALUE_FLOAT);
        if (cases[i].is_integer) {
            assert_true(same.is.integer == cases[i].integer);
        } else {
            assert_true(same.is.number == cases[i].number);
        }
    }
    struct state_value nans[2] = {value_float(NAN), value_float(-NAN)};
    struct state_value one = state_value_canonical(&nans[0]);
    struct state_value other = state_value_canonical(&nans[1]);
    assert_int_equal(state_value_compare(&one, &other), 0);
}

static void values_become_json(void **state)
{
    (void)state;
    struct srt_buf to = {0};
    const struct state_value values[] = {
        value_of_kind(STATE_VALUE_NIL), value_of_kind(STATE_VALUE_NULL),
        value_of_kind(STATE_VALUE_FALSE), value_of_kind(STATE_VALUE_TRUE), value_integer(-7),
        value_float(1.0), value_float(INFINITY), value_text("a\"\n\xff"), value_json("[1, 2]"),
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        state_value_put_json(&to, &values[i]);
        srt_buf_put_u8(&to, ' ');
    }
    assert_string_equal(srt_buf_cstr(&to),
                        "null null false true -7 1.0 null \"a\\\"\\n\xef\xbf\xbd\" [1, 2] ");
    srt_buf_fini(&to);
}

static void numbers_in_bytes_keep_their_bounds(void **state)
{
    (void)state;
    struct srt_buf bytes = {0};
    int64_t integer;
    size_t count;
    state_bytes_put_int(&bytes, -5);
    state_bytes_put_count(&bytes, 3);
    srt_buf_put_str(&bytes, "abc");
    const uint8_t *at = bytes.data;
    const uint8_t *end = bytes.data + bytes.len;
    assert_false(state_bytes_get_int(&at, end, -4, 4, &integer));
    assert_true(state_bytes_get_int(&at, end, -5, 4, &integer));
    assert_int_equal(integer, -5);
    assert_false(state_bytes_get_count(&at, end, 2, 100, &count)); /* only 3 bytes follow */
    assert_false(state_bytes_get_count(&at, end, 1, 2, &count));
    assert_true(state_bytes_get_count(&at, end, 1, 3, &count));
    assert_int_equal(count, 3);
    assert_ptr_equal(at, end - 3);
    srt_buf_fini(&bytes);
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_in_one_order),
        cmocka_unit_test(values_come_back_from_bytes),
        cmocka_unit_test(bytes_that_are_no_value_are_refused),
        cmocka_unit_test(what_counts_as_the_same_has_one_form),
        cmocka_unit_test(values_become_json),
        cmocka_unit_test(numbers_in_bytes_keep_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
