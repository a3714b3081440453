/* Of aggregate_text.c. */
#include "base/rng.h"
#include "pipeline/aggregate_text.h"
#include "support/cmocka_srt.h"

#include <stdio.h>

/* "name|arg|arg" of a text that is right. */
static void assert_parts(const char *text, const char *expected)
{
    struct aggregate_text parsed;
    size_t at;
    assert_int_equal(aggregate_text_parse(text, strlen(text), &parsed, &at), AGGREGATE_TEXT_OK);
    char found[512];
    int n = snprintf(found, sizeof(found), "%.*s", (int)parsed.name.len, text + parsed.name.at);
    for (uint32_t i = 0; i < parsed.arg_count; i++) {
        n += snprintf(found + n, sizeof(found) - (size_t)n, "|%.*s", (int)parsed.args[i].len,
                      text + parsed.args[i].at);
    }
    assert_string_equal(found, expected);
}

static void a_call_is_taken_apart(void **state)
{
    (void)state;
    assert_parts("count()", "count");
    assert_parts(" count ( ) ", "count");
    assert_parts("count(v.status >= 500)", "count|v.status >= 500");
    assert_parts("quantile(0.95, v.ms)", "quantile|0.95|v.ms");
    assert_parts("top(3, v, v.price)", "top|3|v|v.price");
    assert_parts("histogram(v.ms,10,100,1000)", "histogram|v.ms|10|100|1000");
    assert_parts("sum(\n  v.a +\n  v.b\n)\n", "sum|v.a +\n  v.b");
}

static void commas_inside_of_an_argument_are_its_own(void **state)
{
    (void)state;
    assert_parts("sum(math.max(v.a, v.b))", "sum|math.max(v.a, v.b)");
    assert_parts("distinct({v.a, v.b})", "distinct|{v.a, v.b}");
    assert_parts("first(v[f(1, 2)], 2)", "first|v[f(1, 2)]|2");
    assert_parts("any(v.page == ',)')", "any|v.page == ',)'");
    assert_parts("any(v.page == \"a\\\",)\")", "any|v.page == \"a\\\",)\"");
    assert_parts("any(v.page == [==[,)]=]]==], 1)", "any|v.page == [==[,)]=]]==]|1");
    assert_parts("sum(v.a --[[, )]] + 1)", "sum|v.a --[[, )]] + 1");
    assert_parts("sum(v.a -- , )\n + 1)", "sum|v.a -- , )\n + 1");
    assert_parts("top(2, function(v) return v.a, v.b end, v.c)",
                 "top|2|function(v) return v.a, v.b end|v.c");
    assert_parts("top(2, function(v) if v.a then return 1, 2 end return 3, 4 end, v.c)",
                 "top|2|function(v) if v.a then return 1, 2 end return 3, 4 end|v.c");
}

static void words_of_the_language_are_fields_behind_a_dot(void **state)
{
    (void)state;
    assert_parts("top(v.function, v.do, v . if, v:repeat(), 1)",
                 "top|v.function|v.do|v . if|v:repeat()|1");
    assert_parts("sum(0xend, v.a..v.b)", "sum|0xend|v.a..v.b");
    assert_parts("any(doing, iffy, functional)", "any|doing|iffy|functional");
}

static void what_is_wrong_has_a_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum aggregate_text_error error;
        size_t at;
    } cases[] = {
        {"", AGGREGATE_TEXT_NO_CALL, 0},
        {"v.total", AGGREGATE_TEXT_NO_CALL, 1},
        {"count", AGGREGATE_TEXT_NO_CALL, 5},
        {"(v)", AGGREGATE_TEXT_NO_CALL, 0},
        {"3(v)", AGGREGATE_TEXT_NO_CALL, 0},
        {"sum(v.a", AGGREGATE_TEXT_UNCLOSED, 3},
        {"sum(", AGGREGATE_TEXT_UNCLOSED, 3},
        {"sum(f(v.a)", AGGREGATE_TEXT_UNCLOSED, 3},
        {"sum(f{v.a)", AGGREGATE_TEXT_UNOPENED, 9},
        {"sum(v.a])", AGGREGATE_TEXT_UNOPENED, 7},
        {"sum('v.a)", AGGREGATE_TEXT_STRING, 4},
        {"sum([[v.a)", AGGREGATE_TEXT_STRING, 4},
        {"sum(v --[[ )", AGGREGATE_TEXT_STRING, 6},
        {"sum('\\", AGGREGATE_TEXT_STRING, 4},
        {"sum(,v)", AGGREGATE_TEXT_EMPTY_ARG, 4},
        {"sum(v,)", AGGREGATE_TEXT_EMPTY_ARG, 6},
        {"sum(v, ,v)", AGGREGATE_TEXT_EMPTY_ARG, 7},
        {"sum(v) / 2", AGGREGATE_TEXT_TRAILING, 7},
        {"sum(v))", AGGREGATE_TEXT_TRAILING, 6},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct aggregate_text parsed;
        size_t at;
        enum aggregate_text_error error =
            aggregate_text_parse(cases[i].text, strlen(cases[i].text), &parsed, &at);
        if (error != cases[i].error || at != cases[i].at) {
            print_error("%s: %d at %zu\n", cases[i].text, (int)error, at);
        }
        assert_int_equal(error, cases[i].error);
        assert_int_equal(at, cases[i].at);
    }
}

static void both_limits_are_errors(void **state)
{
    (void)state;
    char text[1024] = "f(";
    for (int i = 0; i < AGGREGATE_TEXT_ARGS_MAX; i++) {
        strcat(text, "1,");
    }
    struct aggregate_text parsed;
    size_t at;
    strcat(text, "1)");
    assert_int_equal(aggregate_text_parse(text, strlen(text), &parsed, &at),
                     AGGREGATE_TEXT_TOO_MANY);
    memset(text, '(', sizeof(text));
    text[0] = 'f';
    assert_int_equal(aggregate_text_parse(text, AGGREGATE_TEXT_DEPTH_MAX + 1, &parsed, &at),
                     AGGREGATE_TEXT_UNCLOSED);
    assert_int_equal(aggregate_text_parse(text, AGGREGATE_TEXT_DEPTH_MAX + 2, &parsed, &at),
                     AGGREGATE_TEXT_TOO_DEEP);
}

static const char *const seeds[] = {
    "count(v.status >= 500)",
    "top(3, function(v) return {v.a, v.b} end, v.price)",
    "quantile(0.95, v['a)'])",
    "any(v.page == [=[ ,) ]=] --[[ x ]] and f(1, \"\\\"\"))",
    "histogram(v.ms, 10, 100, 1000) -- end",
};
static const char bytes[] = "(),[]{}'\"\\-= \nabvfunctionendifdorepeat.:0129\0\xff";

static size_t mutate(struct srt_rng *rng, char *text, size_t len, size_t room)
{
    for (uint64_t left = 1 + srt_rng_below(rng, 6); left; left--) {
        char byte = bytes[srt_rng_below(rng, sizeof(bytes))];
        size_t at = (size_t)srt_rng_below(rng, len + 1);
        switch (srt_rng_below(rng, 3)) {
        case 0:
            if (at < len) {
                text[at] = byte;
            }
            break;
        case 1:
            if (len < room) {
                memmove(text + at + 1, text + at, len - at);
                text[at] = byte;
                len++;
            }
            break;
        default:
            if (at < len) {
                memmove(text + at, text + at + 1, len - at - 1);
                len--;
            }
        }
    }
    return len;
}

/* Parts are inside of the text, in order, with no white space around; the copy on the heap has no
 * byte behind it, so that the sanitizer sees a read beyond the end. */
static void any_text_gives_parts_inside_of_it(void **state)
{
    (void)state;
    enum { ROUNDS = 50000, ROOM = 200 };
    struct srt_rng rng;
    uint64_t seed = 7;
    srt_rng_init(&rng, seed);
    uint64_t right = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char text[ROOM];
        const char *from = seeds[srt_rng_below(&rng, sizeof(seeds) / sizeof(seeds[0]))];
        size_t len = strlen(from);
        memcpy(text, from, len);
        len = mutate(&rng, text, len, ROOM);
        char *copy = malloc(len ? len : 1);
        assert_non_null(copy);
        memcpy(copy, text, len);
        struct aggregate_text parsed;
        size_t at = 0;
        enum aggregate_text_error error = aggregate_text_parse(copy, len, &parsed, &at);
        assert_true(at <= len);
        size_t behind = parsed.name.at + parsed.name.len;
        for (uint32_t i = 0; error == AGGREGATE_TEXT_OK && i < parsed.arg_count; i++) {
            const struct aggregate_text_part *arg = &parsed.args[i];
            assert_true(arg->at > behind && arg->len > 0 && arg->at + arg->len < len);
            assert_false(copy[arg->at] == ' ' || copy[arg->at + arg->len - 1] == ' ');
            behind = arg->at + arg->len;
        }
        right += error == AGGREGATE_TEXT_OK;
        free(copy);
    }
    if (right < ROUNDS / 100 || right > ROUNDS - ROUNDS / 100) {
        fail_msg("seed %llu: %llu of %d are right", (unsigned long long)seed,
                 (unsigned long long)right, ROUNDS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_taken_apart),
        cmocka_unit_test(commas_inside_of_an_argument_are_its_own),
        cmocka_unit_test(words_of_the_language_are_fields_behind_a_dot),
        cmocka_unit_test(what_is_wrong_has_a_place),
        cmocka_unit_test(both_limits_are_errors),
        cmocka_unit_test(any_text_gives_parts_inside_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
