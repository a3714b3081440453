#include "cli/command.h"
#include "cli/command_help.h"
#include "cli/exit_code.h"
#include "support/capture.h"
#include "support/cmocka_srt.h"

#include <stdio.h>

/* command.c, command_help.c and version.c over the real table. */

/* What the handler of `run` was given. */
static struct {
    int calls;
    int arg_count;
    char args[4][64];
    char data_dir[64];
    char sets[2][64];
    bool until_drained;
} seen;

static void keep(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text ? text : "(none)");
}

static int run_handler(const struct command_line *line)
{
    seen.calls++;
    seen.arg_count = line->arg_count;
    for (int i = 0; i < line->arg_count && i < 4; i++) {
        keep(seen.args[i], sizeof seen.args[i], line->args[i]);
    }
    keep(seen.data_dir, sizeof seen.data_dir, command_text(line, "data-dir"));
    keep(seen.sets[0], sizeof seen.sets[0], command_text_at(line, "set", 0));
    keep(seen.sets[1], sizeof seen.sets[1], command_text_at(line, "set", 1));
    seen.until_drained = command_has(line, "until-drained");
    return 42;
}

static const command_fn externals[COMMAND_EXTERNAL_COUNT] = {
    [COMMAND_RUN] = run_handler, [COMMAND_CHECK] = run_handler};

/* Run with the arguments up to NULL, what was printed captured. */
static int call(const char *first, ...)
{
    char *argv[16] = {(char *)(uintptr_t) "streamrt"};
    int argc = 1;
    va_list args;
    va_start(args, first);
    for (const char *arg = first; arg; arg = va_arg(args, const char *)) {
        argv[argc++] = (char *)(uintptr_t)arg;
    }
    va_end(args);
    memset(&seen, 0, sizeof seen);
    capture_begin();
    int rc = command_main(argc, argv, externals);
    capture_end();
    return rc;
}

static void expect_error(int rc, const char *part)
{
    assert_int_equal(rc, EXIT_USAGE);
    assert_int_equal(seen.calls, 0);
    assert_string_equal(capture_stdout(), "");
    if (!strstr(capture_stderr(), part)) {
        fail_msg("expected '%s' in: %s", part, capture_stderr());
    }
}

static void flags_and_arguments_come_in_any_order(void **state)
{
    (void)state;
    assert_int_equal(call("run", "a.yaml", "--data-dir", "d", "b.yaml", "--until-drained", NULL),
                     42);
    assert_int_equal(seen.arg_count, 2);
    assert_string_equal(seen.args[0], "a.yaml");
    assert_string_equal(seen.args[1], "b.yaml");
    assert_string_equal(seen.data_dir, "d");
    assert_true(seen.until_drained);
}

static void values_may_be_attached(void **state)
{
    (void)state;
    assert_int_equal(call("run", "--data-dir=d=e", "--set=a=1", "--set", "b=2", "a.yaml", NULL),
                     42);
    assert_string_equal(seen.data_dir, "d=e");
    assert_string_equal(seen.sets[0], "a=1");
    assert_string_equal(seen.sets[1], "b=2");
}

static void two_dashes_end_the_flags(void **state)
{
    (void)state;
    assert_int_equal(call("run", "--", "--until-drained", NULL), 42);
    assert_int_equal(seen.arg_count, 1);
    assert_string_equal(seen.args[0], "--until-drained");
    assert_false(seen.until_drained);
}

static void a_wrong_command_suggests_the_nearest(void **state)
{
    (void)state;
    expect_error(call("chekc", "x", NULL), "did you mean 'streamrt check'");
    expect_error(call("validate", "x", NULL), "did you mean 'streamrt check'");
    expect_error(call("topic", "list", NULL), "did you mean 'streamrt topic ls'");
    expect_error(call("log", "dmup", NULL), "did you mean 'streamrt log dump'");
    expect_error(call("xyzzy", NULL), "unknown command 'xyzzy'");
    expect_error(call("topic", NULL), "needs a command below it");
}

static void a_wrong_flag_suggests_the_nearest(void **state)
{
    (void)state;
    expect_error(call("run", "--data-dri", "d", "a.yaml", NULL), "did you mean '--data-dir'");
    expect_error(call("run", "-Z", "a.yaml", NULL), "unknown flag '-Z'");
    expect_error(call("run", "--until-drained=yes", "a.yaml", NULL), "takes no value");
    expect_error(call("run", "a.yaml", "--data-dir", NULL), "needs a value");
}

static void values_are_typed(void **state)
{
    (void)state;
    expect_error(call("topic", "create", "t", "--data-dir", "d", "--retention", "7", NULL),
                 "expected a duration");
    expect_error(call("topic", "create", "t", "--data-dir", "d", "-p", "many", NULL),
                 "expected a count");
    expect_error(call("check", "-o", "xml", "a.yaml", NULL), "one of: text, json, sarif");
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    expect_error(call("run", NULL), "needs FILE");
    expect_error(call("topic", "ls", NULL), "needs --data-dir DIR");
    expect_error(call("topic", "ls", "x", "--data-dir", "d", NULL), "takes no argument 'x'");
}

static void what_is_planned_is_refused_by_name(void **state)
{
    static const char *const later[] = {"repl", "test",    "eval",      "fmt",    "dev",
                                        "top",  "bench",   "gen",       "status", "reload",
                                        "diff", "explain", "completion"};
    static const char *const nouns[] = {"group",   "queue",   "pipeline", "dlq",
                                        "context", "cluster", NULL};
    (void)state;
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        expect_error(call(later[i], NULL), "E090");
    }
    for (size_t i = 0; nouns[i]; i++) {
        expect_error(call(nouns[i], "ls", NULL), "not available in this version");
    }
    expect_error(call("backup", "create", NULL), "E090");
    expect_error(call("config", "show", NULL), "E090");
    expect_error(call("run", "--keep-state", "a.yaml", NULL), "E090");
}

static void help_goes_to_standard_output_with_examples_first(void **state)
{
    (void)state;
    assert_int_equal(call("topic", "tail", "--help", NULL), EXIT_DONE);
    const char *example = strstr(capture_stdout(), "--data-dir data");
    const char *usage = strstr(capture_stdout(), "Usage:");
    assert_non_null(example);
    assert_non_null(usage);
    assert_true(example < usage);
    assert_string_equal(capture_stderr(), "");
    assert_int_equal(call(NULL), EXIT_DONE);
    assert_non_null(strstr(capture_stdout(), "streamrt run"));
    assert_int_equal(call("help", "--all", NULL), EXIT_DONE);
    assert_non_null(strstr(capture_stdout(), "repl"));
    assert_int_equal(call("help", "log", "dump", NULL), EXIT_DONE);
    assert_non_null(strstr(capture_stdout(), "TOPIC[/PARTITION]"));
    assert_int_equal(call("topic", "--help", NULL), EXIT_DONE);
    assert_non_null(strstr(capture_stdout(), "topic produce"));
}

static void help_fits_a_small_screen(void **state)
{
    (void)state;
    for (const struct command *c = command_table; c->path; c++) {
        if (c->unavailable) {
            continue;
        }
        struct srt_buf text = {0};
        command_help_of(&text, c);
        size_t lines = 0;
        for (size_t i = 0; i < text.len; i++) {
            lines += text.data[i] == '\n';
        }
        assert_true(lines <= 20);
        srt_buf_fini(&text);
    }
}

static void the_table_is_well_formed(void **state)
{
    (void)state;
    for (const struct command *c = command_table; c->path; c++) {
        assert_non_null(c->help);
        assert_ptr_equal(command_find(c->path), c); /* no path twice */
        assert_int_equal((c->handler != NULL) + (c->external != COMMAND_NOT_EXTERNAL),
                         !c->unavailable);
        assert_true(c->unavailable || c->examples);
        for (const struct command_flag *f = c->flags; f && f->name; f++) {
            assert_non_null(f->help);
            assert_int_equal(f->value == NULL, f->type == COMMAND_SWITCH);
            assert_int_equal(f->choices != NULL, f->type == COMMAND_CHOICE);
        }
    }
}

static void version_says_which(void **state)
{
    (void)state;
    assert_int_equal(call("version", NULL), EXIT_DONE);
    assert_string_equal(capture_stdout(), "streamrt " SRT_VERSION "\n");
    assert_int_equal(call("--version", NULL), EXIT_DONE);
    assert_string_equal(capture_stdout(), "streamrt " SRT_VERSION "\n");
    assert_int_equal(call("version", "-o", "json", NULL), EXIT_DONE);
    assert_string_equal(capture_stdout(), "{\"version\":\"" SRT_VERSION "\"}\n");
}

static void a_missing_data_directory_is_one_clear_line(void **state)
{
    (void)state;
    assert_int_equal(call("log", "topics", "--data-dir", "/nonexistent/streamrt", NULL),
                     EXIT_FAILED);
    assert_non_null(strstr(capture_stderr(), "/nonexistent/streamrt"));
    assert_int_equal(
        call("log", "topics", "--data-dir", "/nonexistent/streamrt", "-o", "json", NULL),
        EXIT_FAILED);
    assert_non_null(strstr(capture_stdout(), "{\"error\":{\"code\":\"ENOENT\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_and_arguments_come_in_any_order),
        cmocka_unit_test(values_may_be_attached),
        cmocka_unit_test(two_dashes_end_the_flags),
        cmocka_unit_test(a_wrong_command_suggests_the_nearest),
        cmocka_unit_test(a_wrong_flag_suggests_the_nearest),
        cmocka_unit_test(values_are_typed),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(what_is_planned_is_refused_by_name),
        cmocka_unit_test(help_goes_to_standard_output_with_examples_first),
        cmocka_unit_test(help_fits_a_small_screen),
        cmocka_unit_test(the_table_is_well_formed),
        cmocka_unit_test(version_says_which),
        cmocka_unit_test(a_missing_data_directory_is_one_clear_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
