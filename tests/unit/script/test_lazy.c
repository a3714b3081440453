#include "script_fixture.h"

#include "base/rng.h"

static void take(struct script_fixture *f, struct value_stats *ret)
{
    value_take_stats(f->script, ret);
}

static void nothing_is_decoded_until_touched(void **state)
{
    struct script_fixture *f = *state;
    struct value_stats stats;
    assert_runs(f, "function(v) kept = v return true end", "{\"a\":[1,{\"b\":2}]}", "true");
    take(f, &stats);
    assert_int_equal(stats.pushed, 1);
    assert_int_equal(stats.indexed, 0);
    assert_int_equal(stats.materialised, 0);
    assert_runs(f, "function() return kept.a[2].b end", "{}", "2");
    take(f, &stats);
    assert_int_equal(stats.indexed, 1);
    assert_int_equal(stats.materialised, 1); /* the array */
}

static void an_untouched_value_is_forwarded_as_it_came_even_when_it_is_not_json(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "function(v) return v end", " {\"a\" :1,} ", " {\"a\" :1,} ");
    struct value_stats stats;
    take(f, &stats);
    assert_int_equal(stats.forwarded, 1);
}

static void the_first_touch_validates_everything(void **state)
{
    struct script_fixture *f = *state;
    assert_fails(f, "v.a", "{\"a\":1,\"b\":tru}", SRT_ESCRIPT,
                 "pipelines.yaml:14: the value is not JSON: unexpected at byte 14");
    assert_fails(f, "#v", "[1,2", SRT_ESCRIPT,
                 "pipelines.yaml:14: the value is not JSON: unexpected at byte 4");
    assert_fails(f, "function(v) v.a = 1 return v end", "{\"\xff\":1}", SRT_ESCRIPT,
                 "pipelines.yaml:14: the value is not JSON: unexpected at byte 2");
    assert_fails(f, "function(v) for _ in pairs(v) do end end", "{]", SRT_ESCRIPT,
                 "pipelines.yaml:14: the value is not JSON: unexpected at byte 1");
}

static void scalars_that_are_not_json_are_refused_at_once(void **state)
{
    struct script_fixture *f = *state;
    assert_fails(f, "v", "nul", SRT_EPARSE, "the value is not JSON: unexpected at byte 3");
    assert_fails(f, "v", "", SRT_EPARSE, "the value is not JSON: unexpected at byte 0");
    assert_fails(f, "v", "1 2", SRT_EPARSE, "the value is not JSON: unexpected at byte 2");
}

static void scalars_are_values(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "v + 1", "41", "42");
    assert_runs(f, "math.type(v)", " 1e0", "\"float\"");
    assert_runs(f, "v == s.null", "null", "true");
    assert_runs(f, "not v", "false", "true");
    assert_runs(f, "#v", "\"\\u00e9\\n\"", "3");
    assert_runs(f, "v", "-0", "-0.0");
    assert_runs(f, "v.a", "{\"a\":-0}", "-0.0");
    assert_runs(f, "v", "9223372036854775807", "9223372036854775807");
    assert_runs(f, "math.type(v.a)", "{\"a\":9223372036854775808}", "\"float\"");
    assert_runs(f, "v.a == math.mininteger", "{\"a\":-9223372036854775808}", "true");
}

static void many_inner_containers_stay_within_the_memory_cap(void **state)
{
    struct script_fixture *f = *state;
    static char text[1 << 20];
    size_t len = 0;
    text[len++] = '[';
    while (len < sizeof text - 8) {
        memcpy(text + len, "{},", 3);
        len += 3;
    }
    memcpy(text + len, "{}]", 4);
    f->options.deadline_ms = 20000;
    fixture_reopen(f);
    assert_runs(f,
                "function(v) local n = 0 for _, x in ipairs(v) do n = n + 1 end return n == #v end",
                text, "true");
}

/* --- one table for many values --- */

/* Inside of another value it is written member by member, and gives the same. */
static void assert_same_inside(struct script_fixture *f, int index, const struct srt_buf *expected)
{
    lua_State *L = script_state(f->script);
    struct srt_buf inside = {0};
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, 1);
    if (value_encode(f->script, -1, CODEC_JSON, &inside, &f->err) == SRT_OK) {
        assert_int_equal(inside.len, expected->len + 2);
        assert_memory_equal(inside.data + 1, expected->data, expected->len);
    } else {
        assert_int_equal(f->err.code, SRT_EINVAL); /* nobody has looked at it: it was not JSON */
    }
    lua_pop(L, 1);
    srt_buf_fini(&inside);
}

/* Run the functions one after the other on the JSON, as a pipeline does, and encode the rest. */
static void run_chain(struct script_fixture *f, const struct script_fn *fns, size_t count,
                      const char *json, bool reused, struct srt_buf *to)
{
    lua_State *L = script_state(f->script);
    int top = lua_gettop(L);
    int32_t len = (int32_t)strlen(json);
    assert_int_equal((reused ? value_push_reused : value_push)(
                         f->script, CODEC_JSON, (const uint8_t *)json, len, &f->err),
                     SRT_OK);
    srt_buf_clear(to);
    int rc = SRT_OK;
    for (size_t i = 0; i < count && !rc; i++) {
        script_push_fn(f->script, &fns[i]);
        lua_pushvalue(L, top + 1);
        rc = script_call(f->script, 1, 1, &f->err);
        if (!rc && lua_toboolean(L, -1)) {
            lua_replace(L, top + 1); /* map */
        }
        lua_settop(L, top + 1);
    }
    rc = rc ? rc : value_encode(f->script, top + 1, CODEC_JSON, to, &f->err);
    if (!rc && reused) {
        assert_same_inside(f, top + 1, to);
    }
    if (rc) {
        srt_buf_clear(to);
        srt_buf_printf(to, "error %d", f->err.code);
    }
    lua_settop(L, top);
    if (reused) {
        value_release(f->script);
    }
}

static void put_random_json(struct srt_rng *rng, struct srt_buf *to, int depth)
{
    static const char *const scalars[] = {"1", "-2.50",
                                          "\"x\"", "\"\\u00e9\"", "null", "true"};
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "total", "\\u0061"};
    if (depth == 0 || srt_rng_below(rng, 3)) {
        srt_buf_put_str(to, scalars[srt_rng_below(rng, 6)]);
        return;
    }
    bool is_array = srt_rng_below(rng, 3) == 0;
    srt_buf_put_str(to, is_array ? "[" : "{ ");
    for (uint64_t i = 0, count = srt_rng_below(rng, 5); i < count; i++) {
        srt_buf_put_str(to, i ? ", " : "");
        if (!is_array) {
            srt_buf_printf(to, "\"%s\": ", keys[srt_rng_below(rng, 8)]);
        }
        put_random_json(rng, to, depth - 1);
    }
    srt_buf_put_str(to, is_array ? "]" : "}");
}

static void put_random_record(struct srt_rng *rng, struct srt_buf *to)
{
    srt_buf_clear(to);
    srt_buf_put_str(to, srt_rng_below(rng, 20) ? "{" : "[");
    bool is_array = to->data[0] == '[';
    uint64_t count = srt_rng_below(rng, srt_rng_below(rng, 10) ? 8 : 40);
    for (uint64_t i = 0; i < count; i++) {
        srt_buf_put_str(to, i ? "," : "");
        if (!is_array) {
            srt_buf_printf(to, "\"%c%s\":", (char)('a' + srt_rng_below(rng, 6)),
                           srt_rng_below(rng, 4) ? "" : "long name");
        }
        put_random_json(rng, to, 2);
    }
    srt_buf_put_str(to, srt_rng_below(rng, 50) ? is_array ? "]" : "}" : "");
}

/* A table that was used before gives the same as a new one, whatever was done with it before. */
static void a_reused_table_is_as_good_as_new(void **state)
{
    static const char *const texts[] = {
        "v.a", "v.b ~= nil", "v.total = 1", "v.a = v.b", "v.b = nil", "v.zz = v.a return v",
        "v.a = nil v.b = 7 return v", "v.new1, v.new2 = 1, 'x' return v", "v.c = v.total return v",
        "v.a = {v.b, v.c} return v", "v.list = v.d return v", "return v.e", "return {v.a, x = v.f}",
        "local a = v.a if a and a ~= s.null and type(a) == 'table' then a.b = 1 end return v",
        "v[1] = 2 return v", "v[1]", "v[r and 1 or 'a']", "v.a.b.c = 1 return v",
        "count = (count or 0) + 1", "v.f = v.f return v", "if v.a == 1 then v.d = {} end return v",
    };
    enum { TEXTS = sizeof texts / sizeof *texts, ROUNDS = 20000 };
    struct script_fixture *f = *state;
    struct script_fn fns[TEXTS];
    for (size_t i = 0; i < TEXTS; i++) {
        assert_int_equal(fixture_compile(f, texts[i], SCRIPT_AUTO, &fns[i]), SRT_OK);
    }
    struct srt_buf json = {0};
    struct srt_buf expected = {0};
    struct srt_buf got = {0};
    struct srt_rng rng;
    srt_rng_init(&rng, 23);
    for (int round = 0; round < ROUNDS; round++) {
        put_random_record(&rng, &json);
        struct script_fn chain[3];
        size_t count = 0;
        for (uint64_t left = srt_rng_below(&rng, 4); left > 0; left--) {
            const struct script_fn *fn = &fns[srt_rng_below(&rng, TEXTS)];
            if (fn->forgets_value) {
                chain[count++] = *fn;
            }
        }
        run_chain(f, chain, count, srt_buf_cstr(&json), false, &expected);
        run_chain(f, chain, count, srt_buf_cstr(&json), true, &got);
        if (strcmp(srt_buf_cstr(&got), srt_buf_cstr(&expected)) != 0) {
            fail_msg("%s gave %s instead of %s", srt_buf_cstr(&json), srt_buf_cstr(&got),
                     srt_buf_cstr(&expected));
        }
        if (round % 1000 == 0) {
            script_collect(f->script);
        }
    }
    struct value_stats stats;
    take(f, &stats);
    assert_true(stats.reused > ROUNDS / 4);
    srt_buf_fini(&json);
    srt_buf_fini(&expected);
    srt_buf_fini(&got);
}

static void push_reused(struct script_fixture *f, const char *json)
{
    assert_int_equal(value_push_reused(f->script, CODEC_JSON, (const uint8_t *)json,
                                       (int32_t)strlen(json), &f->err),
                     SRT_OK);
}

static void a_table_that_is_out_is_not_given_again(void **state)
{
    struct script_fixture *f = *state;
    lua_State *L = script_state(f->script);
    push_reused(f, "{\"a\":1}");
    push_reused(f, "{\"a\":2}");
    assert_ptr_not_equal(lua_topointer(L, -1), lua_topointer(L, -2));
    const void *first = lua_topointer(L, -2);
    lua_pop(L, 2);
    value_release(f->script);
    value_release(f->script); /* once is enough */
    push_reused(f, "{\"a\":3}");
    assert_ptr_equal(lua_topointer(L, -1), first);
    srt_buf_clear(&f->out);
    assert_int_equal(value_encode(f->script, -1, CODEC_JSON, &f->out, &f->err), SRT_OK);
    assert_string_equal(srt_buf_cstr(&f->out), "{\"a\":3}");
    lua_pop(L, 1);
}

static void a_part_that_was_handed_out_stays_what_it_is(void **state)
{
    struct script_fixture *f = *state;
    lua_State *L = script_state(f->script);
    struct script_fn fn;
    assert_int_equal(fixture_compile(f, "kept = v.a", SCRIPT_AUTO, &fn), SRT_OK);
    assert_true(fn.forgets_value);
    struct srt_buf out = {0};
    run_chain(f, &fn, 1, "{\"a\":{\"x\":[1,2]}}", true, &out);
    struct script_fn other;
    assert_int_equal(fixture_compile(f, "v.b", SCRIPT_AUTO, &other), SRT_OK);
    for (int i = 0; i < 10; i++) {
        run_chain(f, &other, 1, "{\"b\":{\"y\":[3,4]}}", true, &out);
    }
    srt_buf_fini(&out);
    assert_runs(f, "kept.x[2]", "{}", "2");
    assert_int_equal(lua_gettop(L), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(nothing_is_decoded_until_touched),
        fixture_test(an_untouched_value_is_forwarded_as_it_came_even_when_it_is_not_json),
        fixture_test(the_first_touch_validates_everything),
        fixture_test(scalars_that_are_not_json_are_refused_at_once),
        fixture_test(scalars_are_values),
        fixture_test(a_reused_table_is_as_good_as_new),
        fixture_test(a_table_that_is_out_is_not_given_again),
        fixture_test(a_part_that_was_handed_out_stays_what_it_is),
        fixture_test(many_inner_containers_stay_within_the_memory_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
