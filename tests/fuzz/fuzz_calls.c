/* Calls of the libraries that scripts have, and edits of a lazy value, as the bytes say: calls.lua
 * plays them and compares. Here is a state that has Lua's own libraries beside ours, and a look at
 * the value that comes back. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

#include "fuzz_input.h"
#include "fuzz_script.h"
#include "io/fs.h"
#include "record/json.h"
#include "script/sandbox.h"

enum { MEMORY_BYTES = 8 << 20, DEADLINE_MS = 100 /* also to compile the machine */ };

static void provide_library(lua_State *L, lua_CFunction open, const char *name)
{
    lua_pushcfunction(L, open);
    lua_pushstring(L, name);
    lua_call(L, 1, 1);
    lua_setfield(L, -2, name);
}

static void provide_stock(lua_State *L)
{
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_newtable(L);
    provide_library(L, luaopen_string, "string");
    provide_library(L, luaopen_table, "table");
    provide_library(L, luaopen_utf8, "utf8");
    sandbox_provide(L, "stock");
    lua_setmetatable(L, -2); /* the strings' own, which luaopen_string replaced */
    lua_pop(L, 1);
}

/* One state for many inputs: to make one takes longer than most programs run, and they leave
 * nothing behind. */
static struct script *script;
static struct script_fn machine;

static void open_machine(void)
{
    struct srt_buf text;
    struct srt_err err;
    int line;
    int rc = io_read_file(io_fs_real(), SRT_FUZZ_DIR "/calls.lua", 1 << 20, &text, &err);
    srt_assert(rc == SRT_OK);
    script = fuzz_script_create(MEMORY_BYTES, DEADLINE_MS);
    provide_stock(script_state(script));
    struct script_text source = {.text = (const char *)text.data,
                                 .len = text.len,
                                 .file = "calls.lua",
                                 .first_line = 1,
                                 .form = SCRIPT_BODY};
    rc = script_compile(script, &source, &machine, &line, &err);
    srt_assert(rc == SRT_OK);
    srt_buf_fini(&text);
}

static void close_machine(void)
{
    script_fn_release(script, &machine);
    script_destroy(script);
    script = NULL;
}

static void finish(void)
{
    struct srt_buf out = {0};
    struct srt_err err;
    size_t at;
    int rc = value_encode(script, -1, CODEC_JSON, &out, &err);
    srt_assert(rc != SRT_OK || json_validate((const char *)out.data, out.len, &at) == SRT_OK);
    srt_buf_fini(&out);
    lua_pop(script_state(script), 1);
}

/* Returns SRT_EBUDGET when the state had too much to do. */
static int play(const struct fuzz_input *json, const struct fuzz_input *program)
{
    struct srt_err err = {0};
    lua_State *L = script_state(script);
    int top = lua_gettop(L);
    script_push_fn(script, &machine);
    int rc = value_push(script, CODEC_JSON, json->data, (int32_t)json->size, &err);
    if (rc == SRT_EPARSE) { /* a scalar that is none */
        lua_settop(L, top);
        return SRT_OK;
    }
    srt_assert(rc == SRT_OK);
    rc = value_push_bytes(script, program->data, (int32_t)program->size, &err);
    srt_assert(rc == SRT_OK);
    rc = script_call(script, 2, 1, &err);
    if (rc == SRT_OK) {
        finish();
    } else if (rc != SRT_EBUDGET) {
        fprintf(stderr, "%s\n%s\n", err.msg, script_traceback(script));
    }
    srt_assert(rc == SRT_OK || rc == SRT_EBUDGET);
    srt_assert(lua_gettop(L) == top);
    return rc;
}

/* Mostly one of these: what a fuzzer writes is seldom JSON. */
static const char *const values[] = {
    "{\"a\":1,\"b\":[1,2.5,\"x\",null],\"c\":{\"d\":\"\\u00e9\",\"e\":{}},\"text\":\"a b\"}",
    "[1,2,3,[4,[5]],{\"a\":[]}]",
    "{}",
    "[]",
    "{\"a\":{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]}}},\"b\":true,\"n\":-0.5e3}",
    "{\"k\":1,\"k\":2,\"\":3,\"\\n\":4,\"k\\u0065y\":\"\\ud83d\\ude00\"}",
    "\"abc\"",
    " [ null , { \"x\" : 9007199254740993 } , 1e308 , \"\\\\\" ] ",
};

static struct fuzz_input take_json(struct fuzz_input *in)
{
    uint8_t first = fuzz_byte(in);
    if (first & 0x80) {
        struct fuzz_input json = fuzz_part(in, first & 0x7f);
        size_t at;
        if (json_validate((const char *)json.data, json.size, &at) == SRT_OK) {
            return json;
        }
    }
    const char *text = values[first % (sizeof values / sizeof values[0])];
    return (struct fuzz_input){(const uint8_t *)text, strlen(text)};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct fuzz_input json = take_json(&in);
    if (!script) {
        open_machine();
    }
    if (play(&json, &in) != SRT_OK || script_memory_bytes(script) > MEMORY_BYTES / 2) {
        close_machine(); /* there would be little left for the next */
    }
    return 0;
}
