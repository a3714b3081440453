/* script_fixture.h - a script state and short ways to run texts in it.
 *
 * Owner:   the test.
 * Thread:  the test's.
 * Memory:  the fixture's buffer holds the last result.
 * Fails:   by failing the test. */
#ifndef SRT_UNIT_SCRIPT_FIXTURE_H
#define SRT_UNIT_SCRIPT_FIXTURE_H

#include <setjmp.h>
#include <lauxlib.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script/script.h"
#include "script/value.h"

struct script_fixture {
    struct script_options options;
    struct script *script;
    struct srt_err err;
    struct srt_buf out;
    int line;
};

static inline void fixture_open(struct script_fixture *f)
{
    assert_int_equal(script_create(&f->options, &f->script, &f->err), SRT_OK);
}

static inline int fixture_setup(void **state)
{
    struct script_fixture *f = calloc(1, sizeof *f);
    script_options_default(&f->options);
    fixture_open(f);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct script_fixture *f = *state;
    script_destroy(f->script);
    srt_buf_fini(&f->out);
    free(f);
    return 0;
}

static inline void fixture_reopen(struct script_fixture *f)
{
    script_destroy(f->script);
    fixture_open(f);
}

/* Compile as if it stood at line 14 of pipelines.yaml. */
static inline int fixture_compile(struct script_fixture *f, const char *text, enum script_form form,
                                  struct script_fn *ret_fn)
{
    struct script_text source = {.text = text,
                                 .len = strlen(text),
                                 .file = "pipelines.yaml",
                                 .first_line = 14,
                                 .form = form};
    return script_compile(f->script, &source, ret_fn, &f->line, &f->err);
}

/* Call the text with the JSON as v; the result's JSON, or NULL and f->err. "nil" for nil. */
static inline const char *fixture_run(struct script_fixture *f, const char *text, const char *json)
{
    struct script_fn fn;
    if (fixture_compile(f, text, SCRIPT_AUTO, &fn)) {
        return NULL;
    }
    lua_State *L = script_state(f->script);
    int top = lua_gettop(L);
    script_push_fn(f->script, &fn);
    const char *result = NULL;
    if (value_push(f->script, CODEC_JSON, (const uint8_t *)json, (int32_t)strlen(json), &f->err)) {
        lua_settop(L, top);
    } else if (script_call(f->script, 1, 1, &f->err) == SRT_OK) {
        srt_buf_clear(&f->out);
        if (lua_isnil(L, -1)) {
            result = "nil";
        } else if (value_encode(f->script, -1, CODEC_JSON, &f->out, &f->err) == SRT_OK) {
            result = srt_buf_cstr(&f->out);
        }
        lua_pop(L, 1);
    }
    assert_int_equal(lua_gettop(L), top);
    script_fn_release(f->script, &fn);
    return result;
}

#define fixture_test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#define assert_runs(f, text, json, expected)                                                       \
    do {                                                                                           \
        const char *result_ = fixture_run((f), (text), (json));                                    \
        if (!result_) {                                                                            \
            fail_msg("%s: %s", (text), (f)->err.msg);                                              \
        }                                                                                          \
        assert_string_equal(result_, (expected));                                                  \
    } while (0)

#define assert_fails(f, text, json, expected_code, expected_message)                               \
    do {                                                                                           \
        const char *result_ = fixture_run((f), (text), (json));                                    \
        if (result_) {                                                                             \
            fail_msg("%s gave %s", (text), result_);                                               \
        }                                                                                          \
        assert_string_equal((f)->err.msg, (expected_message));                                     \
        assert_int_equal((f)->err.code, (expected_code));                                          \
    } while (0)

#endif
