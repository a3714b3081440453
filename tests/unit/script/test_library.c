#include "script_fixture.h"

#include "base/log.h"
#include "script/library.h"
#include "support/cmocka_srt.h"

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = calloc(1, 1 << 16);
    assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
    fclose(file);
    return text;
}

static void every_function_in_c_is_described_and_nothing_else(void **state)
{
    (void)state;
    char *stubs = read_text(SRT_SOURCE_DIR "/lualib/_meta/native.d.lua");
    size_t count = 0;
    for (const luaL_Reg *reg = library_functions; reg->name; reg++) {
        char want[100];
        snprintf(want, sizeof want, "\nfunction native.%s(", reg->name);
        assert_contains(stubs, want);
        count++;
    }
    size_t described = 0;
    for (const char *at = stubs; (at = strstr(at, "\nfunction native.")); at++) {
        described++;
    }
    assert_int_equal(described, count);
    free(stubs);
}

/* Every name in `s`, its tables' included, stands in the reference. */
static void every_name_of_the_library_is_in_the_reference(void **state)
{
    struct script_fixture *f = *state;
    char *reference = read_text(SRT_SOURCE_DIR "/docs/reference/lua.md");
    const char *names = fixture_run(
        f,
        "local builder = require 'streamrt.builder' local list = {} "
        "for name, value in pairs(s) do if not builder[name] then "
        "if type(value) == 'table' then for k in pairs(value) do "
        "list[#list + 1] = (name == 'log' and '/' or '') .. k end "
        "else list[#list + 1] = 's.' .. name end end end return table.concat(list, ' ')",
        "{}");
    assert_non_null(names);
    char *copy = strdup(names + 1);
    copy[strlen(copy) - 1] = '\0';
    int count = 0;
    for (char *rest = copy, *name; (name = strsep(&rest, " "));) {
        const char *want = strcmp(name, "/debug") == 0 ? "log.debug" : name;
        assert_contains(reference, want);
        count++;
    }
    assert_true(count > 20);
    free(copy);
    free(reference);
}

static char logged[512];
static enum srt_log_level logged_level;

static void keep_line(void *arg, enum srt_log_level level, const char *line)
{
    (void)arg;
    logged_level = level;
    snprintf(logged, sizeof logged, "%s", line);
}

static void log_writes_one_line_with_json(void **state)
{
    struct script_fixture *f = *state;
    srt_log_set_sink(keep_line, NULL);
    assert_runs(f, "s.log.warn('got', 1, v, nil, s.null)", "{\"a\": [1]}", "nil");
    srt_log_set_sink(NULL, NULL);
    assert_contains(logged, "script: script: got 1 {\"a\": [1]} nil null");
    assert_int_equal(logged_level, SRT_LOG_WARN);
}

static void json_works_in_coroutines(void **state)
{
    struct script_fixture *f = *state;
    assert_runs(f,
                "local co = coroutine.wrap(function(x) "
                "local text = s.json.encode(x) coroutine.yield(text) "
                "local ok, e = pcall(s.json.encode, {0 / 0}) return tostring(ok) .. e end) "
                "return {co(v), co()}",
                "{\"a\":1}",
                "[\"{\\\"a\\\":1}\",\"falsev[1] is not a number that JSON can hold (nan)\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_in_c_is_described_and_nothing_else),
        fixture_test(every_name_of_the_library_is_in_the_reference),
        fixture_test(log_writes_one_line_with_json),
        fixture_test(json_works_in_coroutines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
