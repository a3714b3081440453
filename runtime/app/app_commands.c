#include "app/app_commands.h"

#include "app/lifecycle.h"
#include "app/loading.h"
#include "base/buf.h"
#include "cli/exit_code.h"
#include "cli/output.h"

#include <inttypes.h>
#include <unistd.h>

const command_fn app_commands[COMMAND_EXTERNAL_COUNT] = {
    [COMMAND_RUN] = app_commands_run,
    [COMMAND_CHECK] = app_commands_check,
};

/* --- check --- */

static enum diag_format check_format(const struct command_line *line)
{
    static const enum diag_format formats[] = {DIAG_TEXT, DIAG_JSON, DIAG_SARIF};
    enum diag_format format = formats[command_number(line, "output", 0)];
    bool color = format == DIAG_TEXT && output_color(STDOUT_FILENO, command_has(line, "no-color"));
    return color ? DIAG_TEXT_COLOR : format;
}

int app_commands_check(const struct command_line *line)
{
    struct loading loading;
    struct srt_err err = {0};
    struct srt_buf text;
    srt_buf_init(&text);
    loading_init(&loading);
    bool good = loading_read(&loading, line);
    enum diag_format format = check_format(line);
    bool structured = format == DIAG_JSON || format == DIAG_SARIF;
    if (structured || diag_count(loading.doc) > 0) {
        diag_print(loading.doc, format, &text);
    }
    int code = output_flush(&text, &err);
    if (good && !structured) {
        size_t pipelines = loading.settings.graph_count;
        size_t topics = loading.settings.topic_count;
        output_note("ok: %zu pipeline%s, %zu topic%s declared", pipelines,
                    pipelines == 1 ? "" : "s", topics, topics == 1 ? "" : "s");
    }
    loading_fini(&loading);
    srt_buf_fini(&text);
    if (code != SRT_OK && code != SRT_EEND) {
        return command_fail(line, &err, NULL);
    }
    return good ? EXIT_DONE : EXIT_FAILED;
}

/* --- run --- */

static void print_diagnostics(const struct loading *loading, const struct command_line *line)
{
    struct srt_buf text;
    srt_buf_init(&text);
    bool color = output_color(STDERR_FILENO, command_has(line, "no-color"));
    diag_print(loading->doc, color ? DIAG_TEXT_COLOR : DIAG_TEXT, &text);
    output_errors(&text);
    srt_buf_fini(&text);
}

static const char *hint_for(int code)
{
    switch (code) {
    case SRT_EBUSY:
        return "end that process first, or give another directory with --data-dir";
    case SRT_ECORRUPT:
        return "nothing was changed; streamrt log check --data-dir DIR shows every damaged place, "
               "streamrt log repair sets them aside";
    case SRT_EVERSION:
        return "use the streamrt that wrote it, or another directory with --data-dir";
    default:
        return NULL;
    }
}

enum { RESETS_MAX = 100 };

int app_commands_run(const struct command_line *line)
{
    struct loading loading;
    struct srt_err err = {0};
    int exit_code = EXIT_CONFIG;
    if (command_has(line, "keep-open") && !command_has(line, "until-drained")) {
        return command_misuse(line, "--keep-open has a meaning with --until-drained only");
    }
    loading_init(&loading);
    bool good = loading_read(&loading, line);
    if (diag_count(loading.doc) > 0) {
        print_diagnostics(&loading, line);
    }
    if (good) {
        const char *resets[RESETS_MAX + 1] = {NULL};
        for (size_t i = 0; i < RESETS_MAX; i++) {
            resets[i] = command_text_at(line, "reset-state", i);
        }
        const struct lifecycle_options options = {
            .settings = &loading.settings,
            .until_drained = command_has(line, "until-drained"),
            .keep_open = command_has(line, "keep-open"),
            .reset_state = resets,
        };
        int code = lifecycle_run(&options, &exit_code, &err);
        if (code != SRT_OK) {
            exit_code = command_fail(line, &err, hint_for(code));
        }
    }
    loading_fini(&loading);
    return exit_code;
}
