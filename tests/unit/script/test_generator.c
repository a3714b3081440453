#include "script_fixture.h"

#include "script/generator.h"

static struct script *script;
static struct script_fn fn;
static struct generator *gen;
static struct srt_buf out;
static struct srt_err err;
static int32_t value_len;
static int32_t key_len;

static int setup(void **state)
{
    (void)state;
    struct script_options options;
    script_options_default(&options);
    return script_create(&options, &script, &err);
}

static int teardown(void **state)
{
    (void)state;
    generator_destroy(gen);
    gen = NULL;
    script_destroy(script);
    srt_buf_fini(&out);
    return 0;
}

static void create(const char *text, uint64_t seed)
{
    int line;
    const struct script_text chunk = {.text = text,
                                      .len = strlen(text),
                                      .file = "test.yaml",
                                      .first_line = 1,
                                      .form = SCRIPT_AUTO};
    assert_int_equal(script_compile(script, &chunk, &fn, &line, &err), SRT_OK);
    generator_destroy(gen);
    assert_int_equal(generator_create(script, &fn, seed, &gen, &err), SRT_OK);
}

static int make(int64_t n)
{
    return generator_make(gen, n, CODEC_JSON, &out, &value_len, &key_len, &err);
}

static void value_and_key_stand_one_behind_the_other(void **state)
{
    (void)state;
    create("function(n) return {n = n}, n * 1.0 end", 1);
    srt_buf_put_str(&out, "before ");
    assert_int_equal(make(7), SRT_OK);
    assert_string_equal(srt_buf_cstr(&out), "before {\"n\":7}7");
    assert_int_equal(value_len, 7);
    assert_int_equal(key_len, 1);
    create("function(n) return n end", 1);
    assert_int_equal(make(7), SRT_OK);
    assert_int_equal(key_len, RECORD_ABSENT);
}

static void failures_leave_buffer_and_stack_as_they_were(void **state)
{
    (void)state;
    create("function(n) if n == 1 then error('broken') elseif n == 2 then return nil\n"
           "elseif n == 3 then return {x = 0/0} elseif n == 4 then return 1, {x = 0/0} end return "
           "n end",
           1);
    int top = lua_gettop(script_state(script));
    srt_buf_put_str(&out, "x");
    assert_int_equal(make(1), SRT_ESCRIPT);
    assert_int_equal(make(2), SRT_EEND);
    assert_int_equal(make(3), SRT_EINVAL);
    assert_int_equal(make(4), SRT_EINVAL);
    assert_string_equal(srt_buf_cstr(&out), "x");
    assert_int_equal(make(5), SRT_OK);
    assert_string_equal(srt_buf_cstr(&out), "x5");
    assert_int_equal(lua_gettop(script_state(script)), top);
}

static void the_same_n_gives_the_same_numbers_in_any_order(void **state)
{
    (void)state;
    create("function(n, rng) return rng(1000000000) end", 5);
    assert_int_equal(make(3), SRT_OK);
    char *third = strdup(srt_buf_cstr(&out));
    srt_buf_clear(&out);
    assert_int_equal(make(1), SRT_OK);
    assert_string_not_equal(srt_buf_cstr(&out), third);
    srt_buf_clear(&out);
    assert_int_equal(make(3), SRT_OK);
    assert_string_equal(srt_buf_cstr(&out), third);
    free(third);
}

static void wrong_arguments_of_rng_are_named(void **state)
{
    (void)state;
    create("function(n, rng) if n == 1 then return rng(2, 1) end return rng(1, 2, 3) end", 5);
    assert_int_equal(make(1), SRT_ESCRIPT);
    assert_non_null(strstr(err.msg, "interval is empty"));
    assert_int_equal(make(2), SRT_ESCRIPT);
    assert_non_null(strstr(err.msg, "rng takes nothing, rng(n) or rng(m, n)"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(value_and_key_stand_one_behind_the_other),
        TEST(failures_leave_buffer_and_stack_as_they_were),
        TEST(the_same_n_gives_the_same_numbers_in_any_order),
        TEST(wrong_arguments_of_rng_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
