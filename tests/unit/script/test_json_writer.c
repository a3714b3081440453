#include "script/json_writer.h"

#include "script_fixture.h"

/* The JSON of what a Lua expression gives; NULL and f->err when it has none. */
static const char *json_of(struct script_fixture *f, const char *expression)
{
    lua_State *L = script_state(f->script);
    struct script_fn fn;
    assert_int_equal(fixture_compile(f, expression, SCRIPT_AUTO, &fn), SRT_OK);
    script_push_fn(f->script, &fn);
    assert_int_equal(script_call(f->script, 0, 1, &f->err), SRT_OK);
    srt_buf_clear(&f->out);
    f->err = (struct srt_err){0};
    int rc = json_writer_encode(f->script, -1, &f->out, &f->err);
    lua_pop(L, 1);
    script_fn_release(f->script, &fn);
    return rc ? NULL : srt_buf_cstr(&f->out);
}

static void tables_with_a_field_1_are_arrays(void **state)
{
    struct script_fixture *f = *state;
    assert_string_equal(json_of(f, "{'a', {}, {1}}"), "[\"a\",{},[1]]");
    assert_string_equal(json_of(f, "{[2] = 'b', [1] = 'a'}"), "[\"a\",\"b\"]");
    assert_string_equal(json_of(f, "{[2] = 'b'}"), "{\"2\":\"b\"}");
    assert_string_equal(json_of(f, "s.array {}"), "[]");
    assert_string_equal(json_of(f, "{}"), "{}");
}

static void fields_are_sorted_by_their_bytes_however_many(void **state)
{
    struct script_fixture *f = *state;
    assert_string_equal(json_of(f, "{b = 1, a = 2, ['a b'] = 3, B = 4, ['\xc3\xa4'] = 5}"),
                        "{\"B\":4,\"a\":2,\"a b\":3,\"b\":1,\"\xc3\xa4\":5}");
    const char *many =
        json_of(f, "local t = {} for i = 1, 500 do t[('k%03d'):format(i)] = i end return t");
    assert_non_null(many);
    int last = 0;
    int count = 0;
    for (const char *at = many; (at = strstr(at, "\"k")); at++) {
        int number = (int)strtol(at + 2, NULL, 10);
        assert_true(number > last);
        last = number;
        count++;
    }
    assert_int_equal(count, 500);
}

static void what_json_cannot_hold_is_named_with_its_place(void **state)
{
    static const struct {
        const char *expression;
        int code;
        const char *message;
    } cases[] = {
        {"print", SRT_EINVAL, "v is a function, which JSON cannot hold"},
        {"{a = {1, 2, {b = 1 / 0}}}", SRT_EINVAL,
         "v.a[3].b is not a number that JSON can hold (inf)"},
        {"{['x y'] = {['0'] = 0 / 0}}", SRT_EINVAL,
         "v[\"x y\"][\"0\"] is not a number that JSON can hold (nan)"},
        {"{1, nil, 3}", SRT_EINVAL,
         "v[2] is missing: an array has no holes (s.null is JSON's null)"},
        {"{1, x = 2}", SRT_EINVAL, "v is an array and has the field 'x' too"},
        {"{a = {[true] = 1}}", SRT_EINVAL, "v.a has a boolean as a key, which JSON cannot hold"},
        {"local t = {} for i = 1, 20 do t = {t} end t.x = 1 return t", SRT_EINVAL,
         "v is an array and has the field 'x' too"},
        {"local t = {} t[1] = {t} return t", SRT_ETOOBIG,
         "v[1][1][1] nests deeper than 128; is there a circle?"},
    };
    struct script_fixture *f = *state;
    int top = lua_gettop(script_state(f->script));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(json_of(f, cases[i].expression));
        assert_string_equal(f->err.msg, cases[i].message);
        assert_int_equal(f->err.code, cases[i].code);
        assert_int_equal(f->out.len, 0);
        assert_int_equal(lua_gettop(script_state(f->script)), top);
    }
}

static void metatables_play_no_part(void **state)
{
    struct script_fixture *f = *state;
    assert_string_equal(
        json_of(f, "setmetatable({a = 1}, {__index = {b = 2}, __pairs = error, __len = error, "
                   "__tostring = error})"),
        "{\"a\":1}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(tables_with_a_field_1_are_arrays),
        fixture_test(fields_are_sorted_by_their_bytes_however_many),
        fixture_test(what_json_cannot_hold_is_named_with_its_place),
        fixture_test(metatables_play_no_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
