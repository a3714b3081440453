/* Each answer is compared with what Lua gives for the same text and record: by hand for what is
 * known to be odd, and for many of both that are made by chance. Undecided is always right, so what
 * must be decided is said as well. */
#include "script/native_expr.h"

#include <inttypes.h>

#include "base/rng.h"
#include "script/lazy.h"
#include "script_fixture.h"

enum answer { ANSWER_SAME, ANSWER_UNDECIDED };

static struct native_doc doc;

/* Whether the value on top of the stack is this one. */
static bool is_same(struct script_fixture *f, const struct native_value *value)
{
    lua_State *L = script_state(f->script);
    int type = lua_type(L, -1);
    switch (value->kind) {
    case NATIVE_NIL:
        return type == LUA_TNIL;
    case NATIVE_NULL:
        return lazy_is_null(L, -1);
    case NATIVE_FALSE:
    case NATIVE_TRUE:
        return type == LUA_TBOOLEAN && lua_toboolean(L, -1) == (value->kind == NATIVE_TRUE);
    case NATIVE_INTEGER:
        return lua_isinteger(L, -1) && lua_tointeger(L, -1) == value->integer;
    case NATIVE_FLOAT: {
        lua_Number number = lua_tonumber(L, -1);
        bool both_nan = number != number && value->number != value->number;
        return type == LUA_TNUMBER && !lua_isinteger(L, -1) &&
               (both_nan || memcmp(&number, &value->number, sizeof number) == 0);
    }
    case NATIVE_TEXT:
    case NATIVE_ESCAPED: {
        struct srt_buf plain = {0};
        if (value->kind == NATIVE_ESCAPED) {
            json_unescape(value->text, value->len, &plain);
        } else {
            srt_buf_put(&plain, value->text, value->len);
        }
        size_t len = 0;
        const char *text = type == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
        bool same = text && len == plain.len && (len == 0 || memcmp(text, plain.data, len) == 0);
        srt_buf_fini(&plain);
        return same;
    }
    case NATIVE_JSON: {
        srt_buf_clear(&f->out);
        return type == LUA_TTABLE &&
               value_encode(f->script, -1, CODEC_JSON, &f->out, &f->err) == SRT_OK &&
               memmem(f->out.data, f->out.len, value->text, value->len) != NULL;
    }
    }
    return false;
}

/* Fails when the answer is another one than Lua's. */
static enum answer ask_both(struct script_fixture *f, const struct script_fn *fn, const char *text,
                            const char *json)
{
    struct native_value value;
    native_doc_clear(&doc);
    native_doc_set(&doc, json, strlen(json));
    if (!native_expr_eval(fn->native, &doc, &value)) {
        return ANSWER_UNDECIDED;
    }
    lua_State *L = script_state(f->script);
    int top = lua_gettop(L);
    script_push_fn(f->script, fn);
    int code = value_push(f->script, CODEC_JSON, (const uint8_t *)json, (int32_t)strlen(json),
                          &f->err);
    if (!code) {
        code = script_call(f->script, 1, 1, &f->err);
    }
    if (code) {
        fail_msg("'%s' of %s was decided, but Lua says: %s", text, json, f->err.msg);
    }
    if (!is_same(f, &value)) {
        fail_msg("'%s' of %s: kind %d is not what Lua gave: %s", text, json, (int)value.kind,
                 luaL_tolstring(L, -1, NULL));
    }
    lua_settop(L, top);
    return ANSWER_SAME;
}

static enum answer answer_of(struct script_fixture *f, const char *text, const char *json)
{
    struct script_fn fn;
    if (fixture_compile(f, text, SCRIPT_EXPRESSION, &fn)) {
        fail_msg("%s: %s", text, f->err.msg);
    }
    if (!fn.native) {
        fail_msg("'%s' was not compiled", text);
    }
    enum answer answer = ask_both(f, &fn, text, json);
    script_fn_release(f->script, &fn);
    return answer;
}

static const char sample[] =
    "{\"i\":7,\"j\":-3,\"f\":2.5,\"g\":7.0,\"s\":\"paid\",\"t\":\"\",\"e\":\"p\\u0061id\","
    "\"n\":null,\"yes\":true,\"no\":false,\"o\":{\"name\":\"x\",\"deep\":{\"z\":[1,[2]]}},"
    "\"a\":[10,\"b\",null],"
    "\"max\":9223372036854775807,\"min\":-9223372036854775808,\"odd key\":1,\"inf\":1e999,"
    "\"k\\n\":5,\"d\":1,\"d\":2}";

static void simple_expressions_are_decided_as_lua_decides_them(void **state)
{
    struct script_fixture *f = *state;
    static const char *const texts[] = {
        "v", "v.i", "v.s", "v.e", "v.n", "v.yes", "v.no", "v.none", "v.o", "v.a", "v.o.name",
        "v.o.deep.z[2][1]", "v.a[1]", "v.a[3]", "v.a[4]", "v.a.x", "v.o[1]", "v['odd key']",
        "v['k\\n']", "v.d", "v.max", "v.min", "v.inf", "v.s == 'paid'", "v.s ~= 'paid'",
        "v.e == 'paid'", "v.s == v.e", "v.e ~= 'x'", "v.i == 7", "v.g == 7", "v.i == v.g",
        "v.i == 7.5", "v.i == '7'", "v.n == s.null", "v.n == nil", "v.none == nil",
        "v.yes == true", "v.no == v.none", "v.o == 'x'", "v.o == nil", "v.i > 5", "v.i >= 7",
        "v.i < 7.5", "v.f < 3", "v.f <= 2.5", "v.j < v.i", "v.max > v.min", "v.inf > 1e308",
        "v.s < 'q'", "v.s > 'p'", "v.t <= ''", "'a' < 'ab'", "not v.n", "not v.none",
        "not not v.i", "v.none or 5", "v.n or 5", "v.no and v.i.x", "v.yes and v.i",
        "v.i > 5 and v.s ~= 'x'", "v.none and v.none.x > 3", "v.i + 1", "v.i - v.j * 2",
        "v.f * 2", "v.i / 2", "v.i % 4", "v.j % 4", "v.i % -4", "v.max + 1", "v.min - 1",
        "v.max * 3", "v.min % -1", "-v.min", "-v.f", "-v.i", "v.inf - v.inf", "#v.s", "#v.a",
        "#v.o.deep.z > 1", "#v.t == 0", "1", "'x'", "true", "nil or false", "s.null",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (answer_of(f, texts[i], sample) != ANSWER_SAME) {
            fail_msg("'%s' was not decided", texts[i]);
        }
    }
}

static void what_lua_raises_for_or_is_unusual_is_undecided(void **state)
{
    struct script_fixture *f = *state;
    static const char *const texts[] = {
        "v.i.x",       "v.none.x",  "v.n.x",      "v.s.len",      "v.i < 'x'",     "v.s < 1",
        "v.yes < true", "v.n < 1",  "v.o < v.o",  "v.s + 1",      "v.n + 1",       "v.none * 2",
        "-v.s",        "#v.i",      "#v.o",       "#v.none",      "v.i % 0",       "v.i / 0",
        "v.f % 2",     "v.o == v.a", "v.e < 'x'", "v.e == v.e",   "v.max == 1.5",  "#v.e",
        "v.max < v.f",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (answer_of(f, texts[i], sample) != ANSWER_UNDECIDED) {
            fail_msg("'%s' was decided", texts[i]);
        }
    }
    assert_int_equal(answer_of(f, "v.a", "{\"a\":1"), ANSWER_UNDECIDED);
    assert_int_equal(answer_of(f, "v", "5"), ANSWER_UNDECIDED);
    assert_int_equal(answer_of(f, "true or v.a", "{\"a\":1"), ANSWER_SAME); /* v is not touched */
}

/* --- by chance --- */

static const char *pick(struct srt_rng *rng, const char *const *of, size_t count)
{
    return of[srt_rng_below(rng, count)];
}
#define PICK(rng, list) pick((rng), (list), sizeof(list) / sizeof *(list))

static void put_random_json(struct srt_rng *rng, int depth, struct srt_buf *to)
{
    static const char *const scalars[] = {
        "0", "1", "-1", "2", "2.0", "1e2", "0.5", "-0", "-0.0", "9007199254740993",
        "9007199254740992.0", "9223372036854775807", "-9223372036854775808", "1e999", "12345678901",
        "\"\"", "\"a\"", "\"b\"", "\"ab\"", "\"\\u0061\"", "\"\\n\"", "\"\u00e4\"", "\"a\\u0000b\"",
        "true", "false", "null", "\"\\ud800\"",
    };
    static const char *const keys[] = {"a", "b", "c", "d", "\\u0061", "a b", "", "1"};
    uint64_t what = srt_rng_below(rng, depth > 2 ? 5 : 8);
    if (depth > 0 && what < 5) {
        srt_buf_put_str(to, PICK(rng, scalars));
        return;
    }
    bool object = depth == 0 ? srt_rng_below(rng, 20) > 0 : what < 7;
    srt_buf_put_str(to, object ? "{" : "[ ");
    uint64_t count = srt_rng_below(rng, depth == 0 ? 9 : 4);
    for (uint64_t i = 0; i < count; i++) {
        srt_buf_put_str(to, i ? "," : "");
        if (object) {
            srt_buf_printf(to, "\"%s\":", PICK(rng, keys));
        }
        put_random_json(rng, depth + 1, to);
    }
    srt_buf_put_str(to, object ? "}" : "]");
}

static void put_random_path(struct srt_rng *rng, struct srt_buf *to)
{
    static const char *const steps[] = {".a", ".b", ".c", ".d", "['a b']", "[1]", "[2]", "[\"\"]"};
    srt_buf_put_str(to, "v");
    uint64_t count = srt_rng_below(rng, 8);
    count = count < 6 ? 1 : count - 5;
    for (uint64_t i = 0; i < count; i++) {
        srt_buf_put_str(to, PICK(rng, steps));
    }
}

static void put_random_expr(struct srt_rng *rng, int depth, struct srt_buf *to)
{
    static const char *const constants[] = {
        "0", "1", "2", "-1", "2.0", "0.5", "9007199254740993", "9223372036854775807", "'a'", "'ab'",
        "\"\"", "'\\n'", "nil", "true", "false", "s.null", "1e999",
    };
    static const char *const operators[] = {
        " and ", " or ", "==", "~=", "<", "<=", ">", ">=", "+", "-", " * ", "/", "%",
        " and ", " or ", "==", "~=", "==",
    };
    static const char *const prefixes[] = {"not ", "-", "#", "not "};
    uint64_t what = srt_rng_below(rng, depth > 3 ? 6 : 12);
    if (what < 4) {
        put_random_path(rng, to);
    } else if (what < 6) {
        srt_buf_put_str(to, PICK(rng, constants));
    } else if (what < 7) {
        srt_buf_put_str(to, " ");
        srt_buf_put_str(to, PICK(rng, prefixes));
        put_random_expr(rng, depth + 1, to);
    } else if (what < 8) {
        srt_buf_put_str(to, "(");
        put_random_expr(rng, depth + 1, to);
        srt_buf_put_str(to, ")");
    } else {
        put_random_expr(rng, depth + 1, to);
        srt_buf_put_str(to, PICK(rng, operators));
        put_random_expr(rng, depth + 1, to);
    }
}

/* Now and then what is not JSON. */
static void damage(struct srt_rng *rng, struct srt_buf *text)
{
    if (srt_rng_below(rng, 20) == 0) {
        text->data[srt_rng_below(rng, text->len)] = (uint8_t)"{}\",:0 \\"[srt_rng_below(rng, 8)];
    }
}

static void answers_by_chance_are_those_of_lua(void **state)
{
    enum { EXPRESSIONS = 4000, RECORDS = 25 };
    struct script_fixture *f = *state;
    const char *given = getenv("SRT_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : 20261129;
    struct srt_rng rng;
    srt_rng_init(&rng, seed);
    struct srt_buf text = {0};
    struct srt_buf json = {0};
    uint64_t asked = 0;
    uint64_t decided = 0;
    for (int i = 0; i < EXPRESSIONS; i++) {
        srt_buf_clear(&text);
        put_random_expr(&rng, 0, &text);
        const char *expression = srt_buf_cstr(&text);
        struct script_fn fn;
        if (strstr(expression, "--") ||
            fixture_compile(f, expression, SCRIPT_EXPRESSION, &fn)) {
            continue; /* a comment, or a constant expression that Lua refuses */
        }
        for (int j = 0; fn.native && j < RECORDS; j++) {
            srt_buf_clear(&json);
            put_random_json(&rng, 0, &json);
            damage(&rng, &json);
            asked++;
            decided += ask_both(f, &fn, expression, srt_buf_cstr(&json)) == ANSWER_SAME;
        }
        script_fn_release(f->script, &fn);
    }
    if (asked < EXPRESSIONS * RECORDS / 2 || decided < asked / 2) {
        fail_msg("seed %" PRIu64 ": of %" PRIu64 " questions %" PRIu64 " were decided", seed, asked,
                 decided);
    }
    print_message("seed %" PRIu64 ": %" PRIu64 " of %" PRIu64 " decided\n", seed, decided, asked);
    srt_buf_fini(&text);
    srt_buf_fini(&json);
}

/* --- with the script --- */

static void only_expressions_have_a_native_form(void **state)
{
    struct script_fixture *f = *state;
    struct script_fn fn;
    assert_int_equal(fixture_compile(f, "v.total > 0 -- some", SCRIPT_AUTO, &fn), SRT_OK);
    assert_non_null(fn.native); /* what follows the last word is left out */
    script_fn_release(f->script, &fn);
    assert_null(fn.native);
    assert_int_equal(fixture_compile(f, "function(v) return v.total end", SCRIPT_AUTO, &fn),
                     SRT_OK);
    assert_null(fn.native);
    script_fn_release(f->script, &fn);
    assert_int_equal(fixture_compile(f, "v.total = 1", SCRIPT_AUTO, &fn), SRT_OK);
    assert_null(fn.native);
    script_fn_release(f->script, &fn);
    assert_int_equal(fixture_compile(f, "v.total + x", SCRIPT_AUTO, &fn), SRT_OK);
    assert_null(fn.native);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(simple_expressions_are_decided_as_lua_decides_them),
        fixture_test(what_lua_raises_for_or_is_unusual_is_undecided),
        fixture_test(answers_by_chance_are_those_of_lua),
        fixture_test(only_expressions_have_a_native_form),
    };
    native_doc_init(&doc);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    native_doc_fini(&doc);
    return failed;
}
