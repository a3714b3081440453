#include "script_fixture.h"

#include "base/log.h"
#include "record/header.h"
#include "record/json.h"
#include "support/cmocka_srt.h"

/* What a text gives under a codec. */
static const char *encoded(struct script_fixture *f, const char *text, enum codec codec)
{
    lua_State *L = script_state(f->script);
    struct script_fn fn;
    assert_ok(fixture_compile(f, text, SCRIPT_AUTO, &fn), &f->err);
    script_push_fn(f->script, &fn);
    assert_ok(script_call(f->script, 0, 1, &f->err), &f->err);
    srt_buf_clear(&f->out);
    int rc = value_encode(f->script, -1, codec, &f->out, &f->err);
    lua_pop(L, 1);
    return rc ? NULL : srt_buf_cstr(&f->out);
}

static const char *key_of(struct script_fixture *f, const char *text)
{
    lua_State *L = script_state(f->script);
    struct script_fn fn;
    assert_ok(fixture_compile(f, text, SCRIPT_AUTO, &fn), &f->err);
    script_push_fn(f->script, &fn);
    assert_ok(script_call(f->script, 0, 1, &f->err), &f->err);
    srt_buf_clear(&f->out);
    int rc = value_encode_key(f->script, -1, &f->out, &f->err);
    lua_pop(L, 1);
    return rc ? NULL : srt_buf_cstr(&f->out);
}

static void strings_are_quoted_in_json_only(void **state)
{
    struct script_fixture *f = *state;
    assert_string_equal(encoded(f, "'a\"b'", CODEC_JSON), "\"a\\\"b\"");
    assert_string_equal(encoded(f, "'a\"b'", CODEC_TEXT), "a\"b");
    assert_string_equal(encoded(f, "'a\"b'", CODEC_BYTES), "a\"b");
    assert_string_equal(encoded(f, "'\\xff'", CODEC_BYTES), "\xff");
    assert_string_equal(encoded(f, "'\\xff'", CODEC_JSON), "\"\xef\xbf\xbd\"");
    assert_string_equal(encoded(f, "{a = 1}", CODEC_TEXT), "{\"a\":1}");
    assert_string_equal(encoded(f, "1.5", CODEC_TEXT), "1.5");
    assert_string_equal(encoded(f, "''", CODEC_TEXT), "");
}

static void nil_cannot_be_encoded(void **state)
{
    struct script_fixture *f = *state;
    assert_null(encoded(f, "nil", CODEC_JSON));
    assert_int_equal(f->err.code, SRT_EINVAL);
    assert_string_equal(f->err.msg, "there is no value (nil); s.null is JSON's null");
    assert_null(key_of(f, "nil"));
    assert_string_equal(f->err.msg, "the key is nil");
}

static void a_failure_takes_back_what_it_wrote(void **state)
{
    struct script_fixture *f = *state;
    lua_State *L = script_state(f->script);
    srt_buf_put_str(&f->out, "before");
    luaL_dostring(L, "return {1, 2, print}");
    assert_int_equal(value_encode(f->script, -1, CODEC_JSON, &f->out, &f->err), SRT_EINVAL);
    assert_string_equal(srt_buf_cstr(&f->out), "before");
    assert_string_equal(f->err.msg, "v[3] is a function, which JSON cannot hold");
    lua_pop(L, 1);
}

static void depth_has_a_limit(void **state)
{
    struct script_fixture *f = *state;
    assert_null(encoded(f, "local t = {} t.t = t return t", CODEC_JSON));
    assert_int_equal(f->err.code, SRT_ETOOBIG);
    assert_string_equal(f->err.msg, "v.t.t.t nests deeper than 128; is there a circle?");
    /* What is read back must not be deeper either, when valid texts are put into each other. */
    static const char nest[] =
        "local function nest(n) return s.json.decode(('['):rep(n) .. (']'):rep(n)) end ";
    char text[300];
    snprintf(text, sizeof text, "%s return {nest(127)}", nest);
    assert_non_null(encoded(f, text, CODEC_JSON));
    snprintf(text, sizeof text, "%s return {nest(128)}", nest);
    assert_null(encoded(f, text, CODEC_JSON));
    assert_int_equal(f->err.code, SRT_ETOOBIG);
    snprintf(text, sizeof text, "%s local x = nest(128) local _ = #x return {x}", nest);
    assert_null(encoded(f, text, CODEC_JSON));
    assert_int_equal(f->err.code, SRT_ETOOBIG);
}

static void what_was_never_checked_cannot_spoil_what_is_around_it(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f, "function(v) bad = v return true end", "{\"a\":}", "true");
    assert_fails(f, "{inner = bad}", "{}", SRT_EINVAL,
                 "v.inner is not JSON: unexpected at byte 5");
}

static void keys_have_one_spelling(void **state)
{
    struct script_fixture *f = *state;
    assert_string_equal(key_of(f, "'k'"), "k");
    assert_string_equal(key_of(f, "1"), "1");
    assert_string_equal(key_of(f, "1.0"), "1");
    assert_string_equal(key_of(f, "-0.0"), "0");
    assert_string_equal(key_of(f, "1.5"), "1.5");
    assert_string_equal(key_of(f, "true"), "true");
    assert_string_equal(key_of(f, "{1, 'a'}"), "[1,\"a\"]");
    assert_string_equal(key_of(f, "{b = 1, a = 2}"), "{\"a\":2,\"b\":1}");
    assert_string_equal(key_of(f, "s.null"), "null");
    assert_null(key_of(f, "print"));
}

static void tombstones_are_nil(void **state)
{
    struct script_fixture *f = *state;
    lua_State *L = script_state(f->script);
    assert_ok(value_push(f->script, CODEC_JSON, NULL, RECORD_ABSENT, &f->err), &f->err);
    assert_true(lua_isnil(L, -1));
    assert_ok(value_push_bytes(f->script, (const uint8_t *)"", 0, &f->err), &f->err);
    assert_string_equal(lua_tostring(L, -1), "");
    lua_pop(L, 2);
}

static void the_record_is_shown(void **state)
{
    struct script_fixture *f = *state;
    lua_State *L = script_state(f->script);
    struct srt_buf headers = {0};
    header_put(&headers, "trace", 5, "abc", 3);
    header_put(&headers, "empty", 5, NULL, RECORD_ABSENT);
    struct record rec = {
        .key = (const uint8_t *)"k1",
        .key_len = 2,
        .value_len = RECORD_ABSENT,
        .headers = headers.data,
        .headers_len = (uint32_t)headers.len,
        .header_count = 2,
        .timestamp_ms = 1431857103250,
        .offset = 42,
    };
    struct value_meta meta = {.rec = &rec, .topic = "orders", .partition = 3};
    assert_ok(value_push_meta(f->script, &meta, &f->err), &f->err);
    assert_ok(value_encode(f->script, -1, CODEC_JSON, &f->out, &f->err), &f->err);
    assert_string_equal(
        srt_buf_cstr(&f->out),
        "{\"headers\":{\"empty\":\"\",\"trace\":\"abc\"},\"key\":\"k1\",\"offset\":42,"
        "\"partition\":3,\"timestamp\":1431857103250,\"topic\":\"orders\"}");
    lua_pop(L, 1);
    srt_buf_fini(&headers);
}

static void pushing_into_a_full_state_fails_without_raising(void **state)
{
    struct script_fixture *f = *state;
    f->options.memory_bytes = 1 << 20;
    fixture_reopen(f);
    lua_State *L = script_state(f->script);
    int top = lua_gettop(L);
    static uint8_t text[2 << 20];
    memset(text, ' ', sizeof text);
    text[0] = '[';
    text[sizeof text - 1] = ']';
    assert_int_equal(value_push(f->script, CODEC_JSON, text, sizeof text, &f->err), SRT_EBUDGET);
    assert_int_equal(value_push(f->script, CODEC_TEXT, text, sizeof text, &f->err), SRT_EBUDGET);
    assert_int_equal(value_push_bytes(f->script, text, sizeof text, &f->err), SRT_EBUDGET);
    assert_int_equal(lua_gettop(L), top);
    assert_runs(f, "#v", "[1,2]", "2");
}

static void stats_tell_what_was_copied_and_what_was_spliced(void **state)
{
    struct script_fixture *f = *state;
    struct value_stats stats;
    static const char text[] = "{\"a\":1,\"b\":{\"c\":2}}";
    value_take_stats(f->script, &stats);
    assert_runs(f, "function(v) return v end", text, text);
    assert_runs(f, "function(v) local x = v.b.c + v.a return v end", text, text);
    assert_runs(f, "function(v) for k in pairs(v) do end return v end", text, text);
    assert_runs(f, "function(v) v.a = 1 v.b.c = 2 return v end", text, text);
    assert_runs(f, "function(v) v.b.c = 3 return v end", text, "{\"a\":1,\"b\":{\"c\":3}}");
    assert_runs(f, "function(v) return {v.a} end", text, "[1]");
    value_take_stats(f->script, &stats);
    assert_int_equal(stats.pushed, 6);
    assert_int_equal(stats.indexed, 5);
    assert_int_equal(stats.forwarded, 4);
    assert_int_equal(stats.spliced, 1);
    assert_int_equal(stats.materialised, 0);
    assert_runs(f, "function(v) rawlen(v) return v end", text, text);
    value_take_stats(f->script, &stats);
    assert_int_equal(stats.materialised, 1);
    value_take_stats(f->script, &stats);
    assert_int_equal(stats.pushed, 0);
}

static void an_index_that_was_made_elsewhere_serves_the_first_touch(void **state)
{
    struct script_fixture *f = *state;
    static const char text[] = " { \"a\":1,\"b\":{\"c\":2}, \"a\":3}";
    struct json_index index;
    size_t error_at;
    json_index_init(&index);
    assert_int_equal(json_index(&index, text, sizeof text - 1, &error_at), SRT_OK);
    struct script_fn fn;
    assert_int_equal(fixture_compile(f, "v.d = v.a + v.b.c", SCRIPT_BODY, &fn), SRT_OK);
    lua_State *L = script_state(f->script);
    struct value_stats stats;
    value_take_stats(f->script, &stats);
    for (int i = 0; i < 3; i++) {
        script_push_fn(f->script, &fn);
        assert_int_equal(value_push_reused(f->script, CODEC_JSON, (const uint8_t *)text,
                                           sizeof text - 1, &f->err),
                         SRT_OK);
        value_adopt_index(f->script, &index);
        lua_pushvalue(L, -1);
        lua_insert(L, -3);
        assert_int_equal(script_call(f->script, 1, 0, &f->err), SRT_OK);
        srt_buf_clear(&f->out);
        assert_int_equal(value_encode(f->script, -1, CODEC_JSON, &f->out, &f->err), SRT_OK);
        assert_string_equal(srt_buf_cstr(&f->out),
                            " { \"a\":1,\"b\":{\"c\":2}, \"a\":3,\"d\":5}");
        lua_pop(L, 1);
        value_release(f->script);
    }
    value_take_stats(f->script, &stats);
    assert_int_equal(stats.pushed, 3);
    assert_int_equal(stats.indexed, 0);
    json_index_fini(&index);
}

static void an_index_that_does_not_fit_is_made_again(void **state)
{
    struct script_fixture *f = *state;
    static const char text[] = "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,"
                               "\"i\":9,\"j\":1,\"k\":2,\"l\":3,\"m\":4,\"n\":5,\"o\":6,\"p\":7,"
                               "\"q\":8}";
    struct json_index index;
    size_t error_at;
    json_index_init(&index);
    assert_int_equal(json_index(&index, text, sizeof text - 1, &error_at), SRT_OK);
    struct script_fn fn;
    assert_int_equal(fixture_compile(f, "v.q", SCRIPT_EXPRESSION, &fn), SRT_OK);
    lua_State *L = script_state(f->script);
    script_push_fn(f->script, &fn);
    assert_int_equal(
        value_push(f->script, CODEC_JSON, (const uint8_t *)text, sizeof text - 1, &f->err), SRT_OK);
    value_adopt_index(f->script, &index);
    assert_int_equal(script_call(f->script, 1, 1, &f->err), SRT_OK);
    assert_int_equal(lua_tointeger(L, -1), 8);
    lua_pop(L, 1);
    json_index_fini(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(strings_are_quoted_in_json_only),
        fixture_test(nil_cannot_be_encoded),
        fixture_test(a_failure_takes_back_what_it_wrote),
        fixture_test(depth_has_a_limit),
        fixture_test(what_was_never_checked_cannot_spoil_what_is_around_it),
        fixture_test(keys_have_one_spelling),
        fixture_test(tombstones_are_nil),
        fixture_test(the_record_is_shown),
        fixture_test(pushing_into_a_full_state_fails_without_raising),
        fixture_test(stats_tell_what_was_copied_and_what_was_spliced),
        fixture_test(an_index_that_was_made_elsewhere_serves_the_first_touch),
        fixture_test(an_index_that_does_not_fit_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
