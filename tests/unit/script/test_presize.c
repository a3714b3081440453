#include "script/presize.h"

#include "script/code_dump.h"
#include "script_fixture.h"

/* What stands for the room of the first table that the function makes. */
static unsigned room_of(struct script_fixture *f, const char *text)
{
    struct script_fn fn;
    struct code_dump dump;
    if (fixture_compile(f, text, SCRIPT_AUTO, &fn)) {
        fail_msg("%s: %s", text, f->err.msg);
    }
    script_push_fn(f->script, &fn);
    assert_true(code_dump_take(script_state(f->script), false, &dump));
    lua_pop(script_state(f->script), 1);
    script_fn_release(f->script, &fn);
    unsigned room = UINT32_MAX;
    for (uint32_t i = 0; i < dump.count && room == UINT32_MAX; i++) {
        struct code_parts parts = code_dump_at(&dump, i);
        room = parts.op == CODE_NEWTABLE ? parts.b : room;
    }
    code_dump_fini(&dump);
    return room;
}

static void tables_that_a_loop_over_pairs_fills_have_room(void **state)
{
    static const char *const filled[] = {
        "function(v) local t = {} for k, x in pairs(v) do t[k] = x end return t end",
        "local t, w = {}, v.some for k, x in pairs(w) do if x then t[k] = x + 1 end end return t",
        "local t = {} t.a = 1 for k in pairs(v) do t[k] = true end return t",
        "local t = {} for _ in pairs(v) do end for k in pairs(v) do t[k] = 1 end return t",
    };
    static const char *const others[] = {
        "function(v) local t = {} for i, x in ipairs(v) do t[i] = x end return t end",
        "function(v) local t = {} for k, x in pairs(v) do t[x] = k end return t end",
        "function(v) local t = {} for k, x in pairs(v) do t[#t + 1] = k end return t end",
        "function(v) local t = {} for k, x in pairs(v) do t.n = k end return t end",
        "function(v) local t = {} t[v.k] = 1 return t end",
        "function(v) local t = {} t = {} for k in pairs(v) do v[k] = 1 end return t end",
    };
    for (size_t i = 0; i < sizeof filled / sizeof *filled; i++) {
        if (room_of(*state, filled[i]) != 5) {
            fail_msg("no room is made by '%s'", filled[i]);
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (room_of(*state, others[i]) != 0) {
            fail_msg("room is made by '%s'", others[i]);
        }
    }
    assert_int_equal(room_of(*state, "function(v) local t = {a = 1} for k, x in pairs(v) do "
                                     "t[k] = x end return t end"),
                     1); /* as it was written */
}

static void what_they_do_is_the_same(void **state)
{
    struct script_fixture *f = *state;
    static const char copy[] =
        "function(v) local t = {} for k, x in pairs(v) do t[k] = x end return t end";
    assert_runs(f, copy, "{}", "{}");
    assert_runs(f, copy, "{\"b\":1,\"a\":{\"c\":[1,2]}}", "{\"a\":{\"c\":[1,2]},\"b\":1}");
    assert_runs(f, copy, "[1,2,3]", "[1,2,3]");
    struct srt_buf json = {0};
    for (int i = 0; i < 40; i++) {
        srt_buf_printf(&json, "%c\"k%02d\":%d", i ? ',' : '{', i, i);
    }
    srt_buf_put_str(&json, "}");
    assert_runs(f, copy, srt_buf_cstr(&json), srt_buf_cstr(&json));
    srt_buf_fini(&json);
    assert_runs(f, "local t, n = {}, 0 for k in pairs(v) do t[k] = 1 end for _ in pairs(t) do "
                   "n = n + 1 end return n + #t",
                "{\"a\":1,\"b\":2}", "2");
}

static void errors_name_the_same_lines_and_variables(void **state)
{
    struct script_fixture *f = *state;
    assert_fails(f, "local t = {}\nfor k, x in pairs(v) do\n  t[k] = x.y.z\nend\nreturn t",
                 "{\"a\":{}}", SRT_ESCRIPT,
                 "pipelines.yaml:16: attempt to index a nil value (field 'y')");
    assert_fails(f, "local t = {}\nfor k, x in pairs(v) do t[k] = x end\nlocal w\nreturn w.a", "{}",
                 SRT_ESCRIPT, "pipelines.yaml:17: attempt to index a nil value (local 'w')");
}

/* Nothing of a value is seen in the next one, whose table it shares. */
static void values_that_are_walked_over_share_a_table(void **state)
{
    struct script_fixture *f = *state;
    static const char *const texts[][2] = {
        {"{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1,\"b\":2,\"c\":3}"},
        {"{\"b\":1,\"b\":2,\"a\":4}", "{\"a\":4,\"b\":2}"},
        {"{\"a\":{\"x\":1},\"b\":2}", "{\"a\":{\"x\":1},\"b\":2}"},
        {"{}", "{}"},
        {"{\"c\":3}", "{\"c\":3}"},
    };
    struct script_fn fn;
    struct value_stats stats;
    static const char copy[] =
        "function(v) local t = {} for k, x in pairs(v) do t[k] = x end return t end";
    assert_int_equal(fixture_compile(f, copy, SCRIPT_AUTO, &fn), SRT_OK);
    assert_true(fn.forgets_value);
    lua_State *L = script_state(f->script);
    value_take_stats(f->script, &stats);
    for (size_t i = 0; i < 50; i++) {
        const char *const *text = texts[i % 5];
        script_push_fn(f->script, &fn);
        assert_int_equal(value_push_reused(f->script, CODEC_JSON, (const uint8_t *)text[0],
                                           (int32_t)strlen(text[0]), &f->err),
                         SRT_OK);
        assert_int_equal(script_call(f->script, 1, 1, &f->err), SRT_OK);
        srt_buf_clear(&f->out);
        assert_int_equal(value_encode(f->script, -1, CODEC_JSON, &f->out, &f->err), SRT_OK);
        assert_string_equal(srt_buf_cstr(&f->out), text[1]);
        lua_pop(L, 1);
        value_release(f->script);
    }
    value_take_stats(f->script, &stats);
    assert_int_equal(stats.reused, 39); /* that with an inner table loses it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(tables_that_a_loop_over_pairs_fills_have_room),
        fixture_test(what_they_do_is_the_same),
        fixture_test(errors_name_the_same_lines_and_variables),
        fixture_test(values_that_are_walked_over_share_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
