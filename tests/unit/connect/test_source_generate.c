#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "connect/connectors.h"
#include "script/script.h"
#include "support/connect_fixture.h"

static struct script *script;
static struct script_fn generate;

static int setup(void **state)
{
    struct srt_err err;
    struct script_options options;
    script_options_default(&options);
    if (script_create(&options, &script, &err) != SRT_OK) {
        fail_msg("%s", err.msg);
    }
    return fixture_setup(state);
}

static int teardown(void **state)
{
    int rc = fixture_teardown(state);
    script_destroy(script);
    return rc;
}

static void open_at(struct fixture *fx, const char *text, bool resume)
{
    int line;
    struct script_text chunk = {.text = text,
                                .len = strlen(text),
                                .file = "test.yaml",
                                .first_line = 1,
                                .form = SCRIPT_AUTO};
    if (script_compile(script, &chunk, &generate, &line, &fx->err) != SRT_OK) {
        fail_msg("%s", fx->err.msg);
    }
    fx->spec.kind = SOURCE_GENERATE;
    fx->context.script = script;
    fx->context.generate = &generate;
    if (fixture_open(fx, &source_generate_ops, resume) != SRT_OK) {
        fail_msg("%s", fx->err.msg);
    }
}

static void open_ok(struct fixture *fx, const char *text)
{
    open_at(fx, text, false);
}

/* Until the end. */
static const char *all_of(struct fixture *fx)
{
    assert_int_equal(fixture_read(fx), SRT_EEND);
    return srt_buf_cstr(&fx->text);
}

static void it_counts_from_one_to_its_count(void **state)
{
    struct fixture *fx = *state;
    fx->spec.count = 3;
    assert_false(source_generate_ops.endless(&fx->spec));
    open_ok(fx, "function(n) return n * 10 end");
    assert_string_equal(all_of(fx), "0:10|1:20|2:30|");
    assert_int_equal(fx->position, 3);
    assert_true(fx->source->ops->drained(fx->source));
    assert_string_equal(all_of(fx), "");
}

static void nil_ends_it(void **state)
{
    struct fixture *fx = *state;
    assert_true(source_generate_ops.endless(&fx->spec));
    open_ok(fx, "function(n) if n < 3 then return 'x' .. n end end");
    assert_string_equal(all_of(fx), "0:x1|1:x2|");
    assert_string_equal(all_of(fx), "");
}

static void values_are_encoded_and_a_second_result_is_the_key(void **state)
{
    struct fixture *fx = *state;
    fx->spec.codec = CODEC_JSON;
    fx->spec.count = 2;
    open_ok(fx, "function(n) return {n = n}, n == 1 and 'k' or nil end");
    assert_string_equal(all_of(fx), "0:{\"n\":1}=k|1:{\"n\":2}|");
}

static void the_same_seed_gives_the_same_records(void **state)
{
    struct fixture *fx = *state;
    const char *text =
        "function(n, rng) return rng(1000000) .. ' ' .. rng(5, 6) .. ' ' .. rng() end";
    fx->spec.count = 20;
    fx->spec.seed = 42;
    open_ok(fx, text);
    char *first = strdup(all_of(fx));
    fixture_close(fx);
    open_ok(fx, text);
    assert_string_equal(all_of(fx), first);
    fixture_close(fx);
    fx->spec.seed = 43;
    open_ok(fx, text);
    assert_string_not_equal(all_of(fx), first);
    free(first);
}

static void a_restart_goes_on_with_the_next_record(void **state)
{
    struct fixture *fx = *state;
    const char *text = "function(n, rng) return n .. ' ' .. rng(1000000) end";
    fx->spec.count = 10;
    open_ok(fx, text);
    char *whole = strdup(all_of(fx));
    fixture_close(fx);
    fx->position = 6;
    open_at(fx, text, true);
    const char *rest = all_of(fx);
    assert_memory_equal(rest, "6:7 ", 4);
    assert_string_equal(rest, strstr(whole, "6:7 "));
    free(whole);
}

static void random_numbers_stay_in_their_interval(void **state)
{
    struct fixture *fx = *state;
    fx->spec.count = 1;
    open_ok(fx, "function(n, rng)\n"
                "  for i = 1, 1000 do\n"
                "    local a, b, c = rng(3), rng(-2, 2), rng()\n"
                "    if a < 1 or a > 3 or math.type(a) ~= 'integer' then return 'a' end\n"
                "    if b < -2 or b > 2 then return 'b' end\n"
                "    if c < 0 or c >= 1 then return 'c' end\n"
                "  end\n"
                "  rng(math.mininteger, math.maxinteger)\n"
                "  return 'ok'\n"
                "end");
    assert_string_equal(all_of(fx), "0:ok|");
}

static void wrong_use_of_rng_is_an_error_of_the_record(void **state)
{
    struct fixture *fx = *state;
    fx->spec.count = 2;
    open_ok(fx, "function(n, rng) return n == 1 and rng(2, 1) or rng('x') end");
    assert_string_equal(all_of(fx), "0!|1!|");
    assert_int_equal(fx->bad.code, SRT_ESCRIPT);
    assert_non_null(strstr(fx->bad.msg, "number expected, got string"));
}

static void an_error_costs_only_its_record(void **state)
{
    struct fixture *fx = *state;
    fx->spec.count = 4;
    open_ok(fx, "function(n) if n == 2 then error('broken') end return n == 3 and print or n end");
    assert_string_equal(all_of(fx), "0:1|1!|2!|3:4|");
}

static void a_kept_rng_does_no_harm_after_the_source(void **state)
{
    struct fixture *fx = *state;
    fx->spec.count = 1;
    open_ok(fx, "function(n, rng) kept = kept or rng; return kept(10) > 0 and 'ok' end");
    assert_string_equal(all_of(fx), "0:ok|");
    fixture_close(fx);
    script_collect(script);
    open_ok(fx, "function(n, rng) return kept(10) > 0 and 'still ok' end");
    assert_string_equal(all_of(fx), "0:still ok|");
}

static void a_rate_is_kept_by_the_clock(void **state)
{
    struct fixture *fx = *state;
    fx->spec.rate = 10;
    open_ok(fx, "function(n) return n end");
    assert_int_equal(fixture_read(fx), SRT_OK);
    assert_string_equal(srt_buf_cstr(&fx->text), "0:1|");
    assert_false(fx->source->ops->drained(fx->source));
    srt_clock_fake_advance(&fx->clock, 99);
    assert_int_equal(fixture_read(fx), SRT_OK);
    assert_string_equal(srt_buf_cstr(&fx->text), "");
    srt_clock_fake_advance(&fx->clock, 1);
    assert_int_equal(fixture_read(fx), SRT_OK);
    assert_string_equal(srt_buf_cstr(&fx->text), "1:2|");
    srt_clock_fake_advance(&fx->clock, 300);
    assert_int_equal(fixture_read(fx), SRT_OK);
    assert_string_equal(srt_buf_cstr(&fx->text), "2:3|3:4|4:5|");
    srt_clock_fake_advance(&fx->clock, 3600 * 1000); /* after a stall only a second's worth comes */
    assert_int_equal(fixture_read(fx), SRT_OK);
    assert_int_equal(fx->position, 5 + 11);
}

static void the_timer_wakes_for_the_next_record(void **state)
{
    struct fixture *fx = *state;
    fx->context.clock = srt_clock_real();
    fx->spec.rate = 200;
    fx->spec.count = 5;
    open_ok(fx, "function(n) return n end");
    assert_int_equal(fixture_read_count(fx, 5), SRT_OK);
    assert_string_equal(srt_buf_cstr(&fx->text), "0:1|1:2|2:3|3:4|4:5|");
}

static void thousands_come_in_batches(void **state)
{
    struct fixture *fx = *state;
    fx->spec.count = 5000;
    open_ok(fx, "function(n) return 'value ' .. n end");
    const char *text = all_of(fx);
    assert_non_null(strstr(text, "|4999:value 5000|"));
    assert_int_equal(fx->position, 5000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_counts_from_one_to_its_count),
        TEST(nil_ends_it),
        TEST(values_are_encoded_and_a_second_result_is_the_key),
        TEST(the_same_seed_gives_the_same_records),
        TEST(a_restart_goes_on_with_the_next_record),
        TEST(random_numbers_stay_in_their_interval),
        TEST(wrong_use_of_rng_is_an_error_of_the_record),
        TEST(an_error_costs_only_its_record),
        TEST(a_kept_rng_does_no_harm_after_the_source),
        TEST(a_rate_is_kept_by_the_clock),
        TEST(the_timer_wakes_for_the_next_record),
        TEST(thousands_come_in_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
