/* Any text as a stage's script, run over a small record: whatever it does, it ends in time, within
 * its memory, and what it returns is written as JSON or refused. */
#include "fuzz_script.h"

#include <string.h>
#include <time.h>

#include "fuzz_input.h"
#include "record/json.h"

static const char value[] = "{\"a\":1,\"b\":[1,2.5,\"x\",null],\"c\":{\"d\":\"\\u00e9\",\"e\":{}},"
                            "\"text\":\"some text\",\"n\":-7,\"t\":true}";

static int64_t cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void call(struct script *script, const struct script_fn *fn)
{
    static const struct record rec = {.key = (const uint8_t *)"key",
                                      .key_len = 3,
                                      .value_len = RECORD_ABSENT,
                                      .timestamp_ms = 1700000000000,
                                      .offset = 9};
    static const struct value_meta meta = {.rec = &rec, .topic = "orders"};
    lua_State *L = script_state(script);
    struct srt_err err = {0};
    int top = lua_gettop(L);
    script_push_fn(script, fn);
    if (value_push(script, CODEC_JSON, (const uint8_t *)value, sizeof value - 1, &err) != SRT_OK ||
        value_push_meta(script, &meta, &err) != SRT_OK) {
        srt_assert(err.code == SRT_EBUDGET); /* loading took the memory */
        lua_settop(L, top);
        return;
    }
    int64_t start_ms = cpu_ms();
    int rc = script_call(script, 2, 1, &err);
    srt_assert(cpu_ms() - start_ms < FUZZ_SCRIPT_LATE_MS);
    srt_assert(rc == SRT_OK || rc == SRT_ESCRIPT || rc == SRT_EBUDGET);
    srt_assert(rc == SRT_OK || err.msg[0] != '\0');
    if (rc == SRT_OK) {
        struct srt_buf out = {0};
        size_t at;
        rc = value_encode(script, -1, CODEC_JSON, &out, &err);
        srt_assert(rc != SRT_OK || json_validate((const char *)out.data, out.len, &at) == SRT_OK);
        srt_buf_clear(&out);
        (void)value_encode(script, -1, CODEC_TEXT, &out, &err);
        srt_buf_clear(&out);
        (void)value_encode_key(script, -1, &out, &err);
        srt_buf_fini(&out);
        lua_pop(L, 1);
    }
    srt_assert(lua_gettop(L) == top);
    srt_assert(script_memory_peak_bytes(script) <= FUZZ_SCRIPT_MEMORY_BYTES + (64 << 10));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum script_form forms[] = {SCRIPT_AUTO, SCRIPT_EXPRESSION, SCRIPT_BODY};
    struct fuzz_input in = {data, size};
    struct script *script =
        fuzz_script_create(FUZZ_SCRIPT_MEMORY_BYTES, FUZZ_SCRIPT_DEADLINE_MS);
    struct script_fn fn;
    struct srt_err err = {0};
    int line = 0;
    uint8_t control = fuzz_byte(&in);
    char *text = (char *)fuzz_copy(in.data, in.size);
    struct script_text source = {.text = text,
                                 .len = in.size,
                                 .file = "pipelines.yaml",
                                 .first_line = 14,
                                 .form = forms[control % 3]};
    int rc = script_compile(script, &source, &fn, &line, &err);
    srt_assert(rc == SRT_OK || err.msg[0] != '\0');
    if (rc == SRT_OK) {
        call(script, &fn);
        call(script, &fn); /* what the first left behind is there */
        script_fn_release(script, &fn);
    }
    free(text);
    script_destroy(script);
    return 0;
}
