#include "cli/command_help.h"

#include "base/alloc.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"

#include <string.h>

/* Where the second column begins. */
enum { HELP_COLUMN = 26 };

static void put_row(struct srt_buf *to, const char *left, const char *right)
{
    srt_buf_printf(to, "  %-*s %s\n", HELP_COLUMN, left, right);
}

void command_help_overview(struct srt_buf *to)
{
    srt_buf_put_str(
        to, "streamrt " SRT_VERSION " - durable topics and Lua stream pipelines in one binary\n"
            "\n"
            "  streamrt run streamrt.yaml                   run the pipelines of a configuration\n"
            "  streamrt run streamrt.yaml --until-drained   process what is there, then end\n"
            "  streamrt check streamrt.yaml                 find every mistake without starting\n"
            "  streamrt topic tail orders --data-dir data   look at a topic's last records\n"
            "\n"
            "Commands:\n");
    for (const struct command *c = command_table; c->path; c++) {
        if (!c->unavailable) {
            put_row(to, c->path, c->help);
        }
    }
    srt_buf_put_str(
        to, "\nstreamrt COMMAND --help shows how; streamrt help --all lists what is to come.\n");
}

void command_help_all(struct srt_buf *to)
{
    for (const struct command *c = command_table; c->path; c++) {
        char *left = srt_xasprintf("%s%s%s", c->path, c->arguments ? " " : "",
                                   c->arguments ? c->arguments : "");
        srt_buf_printf(to, "%-34s %s%s\n", left, c->help,
                       c->unavailable ? " (not in this version)" : "");
        srt_free(left);
    }
}

bool command_help_group(struct srt_buf *to, const char *noun)
{
    size_t n = strlen(noun);
    bool any = false;
    for (const struct command *c = command_table; c->path; c++) {
        if (strncmp(c->path, noun, n) == 0 && c->path[n] == ' ') {
            any = true;
            char *right =
                srt_xasprintf("%s%s", c->help, c->unavailable ? " (not in this version)" : "");
            put_row(to, c->path, right);
            srt_free(right);
        }
    }
    return any;
}

static void put_flags(struct srt_buf *to, const struct command_flag *flags)
{
    for (const struct command_flag *f = flags; f && f->name; f++) {
        if (f->unavailable) {
            continue;
        }
        char short_name[5] = "    ";
        if (f->letter) {
            short_name[0] = '-';
            short_name[1] = f->letter;
            short_name[2] = ',';
        }
        char *left = srt_xasprintf("%s--%s%s%s", short_name, f->name, f->value ? " " : "",
                                   f->value ? f->value : "");
        put_row(to, left, f->help);
        srt_free(left);
    }
}

void command_help_of(struct srt_buf *to, const struct command *command)
{
    srt_buf_printf(to, "streamrt %s - %s\n\n", command->path, command->help);
    for (const char *at = command->examples; at && *at;) {
        size_t n = strcspn(at, "\n");
        srt_buf_printf(to, "  %.*s\n", (int)n, at);
        at += at[n] ? n + 1 : n;
    }
    srt_buf_printf(to, "\nUsage: streamrt %s%s%s", command->path, command->arguments ? " " : "",
                   command->arguments ? command->arguments : "");
    for (const struct command_flag *f = command->flags; f && f->name; f++) {
        if (f->required) {
            srt_buf_printf(to, " --%s %s", f->name, f->value);
        }
    }
    srt_buf_put_str(to, " [FLAGS]\n\n");
    put_flags(to, command->flags);
    put_flags(to, command_global_flags);
}

static int print(struct srt_buf *text)
{
    struct srt_err err = {0};
    int code = output_flush(text, &err);
    return code == SRT_OK || code == SRT_EEND ? EXIT_DONE : exit_code_of(code);
}

int command_help_run(const struct command_line *line)
{
    struct srt_buf text;
    srt_buf_init(&text);
    int rc = EXIT_DONE;
    if (command_has(line, "all")) {
        command_help_all(&text);
    } else if (line->arg_count == 0) {
        command_help_overview(&text);
    } else {
        char *path = srt_xasprintf("%s%s%s", line->args[0], line->arg_count > 1 ? " " : "",
                                   line->arg_count > 1 ? line->args[1] : "");
        const struct command *command = command_find(path);
        if (command) {
            command_help_of(&text, command);
        } else if (!command_help_group(&text, path)) {
            rc = command_misuse(line, "unknown command '%s'", path);
        }
        srt_free(path);
    }
    if (rc == EXIT_DONE) {
        rc = print(&text);
    }
    srt_buf_fini(&text);
    return rc;
}
