#include "script/code_dump.h"

#include "script_fixture.h"

/* The code of a function's text. */
static void take(struct script_fixture *f, const char *text, bool strip, struct code_dump *ret)
{
    struct script_fn fn;
    assert_int_equal(fixture_compile(f, text, SCRIPT_AUTO, &fn), SRT_OK);
    script_push_fn(f->script, &fn);
    assert_true(code_dump_take(script_state(f->script), strip, ret));
    lua_pop(script_state(f->script), 1);
    script_fn_release(f->script, &fn);
}

static uint32_t find(const struct code_dump *dump, unsigned op)
{
    for (uint32_t i = 0; i < dump->count; i++) {
        if (code_dump_at(dump, i).op == op) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* The first loop over pairs; UINT32_MAX when there is none. */
static uint32_t find_pairs(const struct code_dump *dump, unsigned *ret_of, unsigned *ret_loop)
{
    for (uint32_t i = 0; i < dump->count; i++) {
        if (code_dump_pairs(dump, i, ret_of, ret_loop)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static void instructions_are_taken_apart(void **state)
{
    struct code_dump dump;
    take(*state, "function(v) local a, b = 1, 2 local t = {x = 1, y = 2} t[b] = a return t end",
         true, &dump);
    uint32_t at = find(&dump, CODE_NEWTABLE);
    assert_true(at < dump.count);
    struct code_parts parts = code_dump_at(&dump, at);
    assert_int_equal(parts.a, 3);
    assert_int_equal(parts.b, 2); /* 2 to the 1 fields */
    assert_int_equal(parts.c, 0);
    assert_false(parts.k);
    parts = code_dump_at(&dump, find(&dump, CODE_SETTABLE));
    assert_int_equal(parts.a, 3);
    assert_int_equal(parts.b, 2);
    assert_int_equal(parts.c, 1);
    code_dump_set_b(&dump, at, 5);
    parts = code_dump_at(&dump, at);
    assert_int_equal(parts.op, CODE_NEWTABLE);
    assert_int_equal(parts.a, 3);
    assert_int_equal(parts.b, 5);
    assert_int_equal(parts.c, 0);
    parts = code_dump_at(&dump, dump.count);
    assert_int_equal(parts.op, 127);
    code_dump_fini(&dump);
}

static void a_stripped_function_has_the_same_code(void **state)
{
    static const char text[] = "function(v, ...) local s, n, x = 'some', 1.5, 123456 return v end";
    struct code_dump full;
    struct code_dump bare;
    take(*state, text, false, &full);
    take(*state, text, true, &bare);
    assert_true(full.has_vararg);
    assert_true(bare.bytes.len < full.bytes.len);
    assert_int_equal(full.count, bare.count);
    assert_memory_equal(full.code, bare.code, 4 * (size_t)full.count);
    code_dump_fini(&full);
    code_dump_fini(&bare);
}

static void a_loop_over_pairs_is_known(void **state)
{
    static const char *const loops[] = {
        "function(v) for k, x in pairs(v) do n = k end end",
        "function(v) local a, b, c = nil, true, 'pairs' for k in pairs(v) do n = 1.5 end end",
    };
    static const char *const others[] = {
        "function(v) for k, x in ipairs(v) do n = k end end",
        "function(v) for k, x in next, v do n = k end end",
        "function(v) for k, x in pairs(v, 1) do n = k end end",
        "function(v) for k, x in s.pairs(v) do n = k end end",
        "function(v) local pairs = p for k, x in pairs(v) do n = k end end",
        "function(v) pairs(v) end",
        "function(v) for k, x in v.pairs, v do n = k end end",
    };
    struct code_dump dump;
    unsigned of;
    unsigned loop;
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        take(*state, loops[i], true, &dump);
        assert_int_not_equal(find_pairs(&dump, &of, &loop), UINT32_MAX);
        assert_int_equal(of, 0);
        assert_int_equal(loop, i == 0 ? 1 : 4);
        assert_int_equal(dump.upvalue_count, 1);
        code_dump_fini(&dump);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        take(*state, others[i], true, &dump);
        if (find_pairs(&dump, &of, &loop) != UINT32_MAX) {
            fail_msg("'%s' is said to loop over pairs", others[i]);
        }
        code_dump_fini(&dump);
    }
}

static void a_function_in_c_has_no_code(void **state)
{
    struct script_fixture *f = *state;
    struct code_dump dump;
    lua_getglobal(script_state(f->script), "tostring");
    assert_false(code_dump_take(script_state(f->script), true, &dump));
    lua_pop(script_state(f->script), 1);
    code_dump_fini(&dump);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(instructions_are_taken_apart),
        fixture_test(a_stripped_function_has_the_same_code),
        fixture_test(a_loop_over_pairs_is_known),
        fixture_test(a_function_in_c_has_no_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
