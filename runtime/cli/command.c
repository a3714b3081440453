#include "cli/command.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/command_help.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "record/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Words people bring from other tools, beside spelling mistakes. */
static const char *const habits[][2] = {
    {"list", "ls"},      {"describe", "show"}, {"delete", "rm"},         {"remove", "rm"},
    {"consume", "tail"}, {"cat", "tail"},      {"publish", "produce"},   {"add", "create"},
    {"start", "run"},    {"serve", "run"},     {"lint", "check"},        {"validate", "check"},
    {"topics", "topic"}, {"logs", "log"},      {"--version", "version"},
};

static const char *habit_of(const char *word)
{
    for (size_t i = 0; i < sizeof habits / sizeof habits[0]; i++) {
        if (strcmp(habits[i][0], word) == 0) {
            return habits[i][1];
        }
    }
    return NULL;
}

/* --- finding a command --- */

const struct command *command_find(const char *path)
{
    for (const struct command *c = command_table; c->path; c++) {
        if (strcmp(c->path, path) == 0) {
            return c;
        }
    }
    return NULL;
}

static size_t noun_length(const struct command *command)
{
    return strcspn(command->path, " ");
}

static bool is_noun(const char *word)
{
    for (const struct command *c = command_table; c->path; c++) {
        size_t n = noun_length(c);
        if (c->path[n] == ' ' && strlen(word) == n && memcmp(c->path, word, n) == 0) {
            return true;
        }
    }
    return false;
}

const char *command_nearest(const char *word, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t best_distance = 3;
    for (size_t i = 0; i < count; i++) {
        size_t distance = srt_edit_distance(srt_str_of(word), srt_str_of(names[i]), 2);
        if (distance < best_distance && distance < strlen(names[i])) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}

/* The nearest first word (noun NULL) or second word of a noun. The result is malloc'ed; NULL. */
static char *nearest_word(const char *word, const char *noun)
{
    const char *names[128];
    char *owned[128];
    size_t count = 0;
    for (const struct command *c = command_table; c->path && count < 128; c++) {
        size_t n = noun_length(c);
        bool nested = c->path[n] == ' ';
        if (!noun) {
            owned[count] = srt_xstrndup(c->path, n);
        } else if (nested && strlen(noun) == n && memcmp(noun, c->path, n) == 0) {
            owned[count] = srt_xstrdup(c->path + n + 1);
        } else {
            continue;
        }
        names[count] = owned[count];
        count++;
    }
    const char *found = NULL;
    const char *habit = habit_of(word);
    for (size_t i = 0; habit && i < count && !found; i++) {
        found = strcmp(names[i], habit) == 0 ? names[i] : NULL;
    }
    found = found ? found : command_nearest(word, names, count);
    char *result = found ? srt_xstrdup(found) : NULL;
    for (size_t i = 0; i < count; i++) {
        srt_free(owned[i]);
    }
    return result;
}

static int unknown_command(const char *noun, const char *word)
{
    char *near = nearest_word(word, noun);
    output_note("error: unknown command '%s%s%s'", noun ? noun : "", noun ? " " : "", word);
    if (near) {
        output_note("hint: did you mean 'streamrt %s%s%s'?", noun ? noun : "", noun ? " " : "",
                    near);
    } else {
        output_note("hint: streamrt help%s%s", noun ? " " : " --all", noun ? noun : "");
    }
    srt_free(near);
    return EXIT_USAGE;
}

static int unavailable(const char *kind, const char *name)
{
    output_note("error[E090]: %s '%s' is not available in this version", kind, name);
    output_note("hint: streamrt help --all says what is");
    return EXIT_USAGE;
}

/* --- flags --- */

struct parse {
    const struct command *command;
    const char **args;
    int arg_count;
    struct command_value *values;
    size_t value_count;
};

static const struct command_flag *find_flag(const struct command *command, const char *name,
                                            size_t name_len, char letter)
{
    const struct command_flag *lists[] = {command->flags, command_global_flags};
    for (size_t i = 0; i < 2; i++) {
        for (const struct command_flag *f = lists[i]; f && f->name; f++) {
            if (letter ? f->letter == letter
                       : strlen(f->name) == name_len && memcmp(f->name, name, name_len) == 0) {
                return f;
            }
        }
    }
    return NULL;
}

static int unknown_flag(const struct command *command, const char *given, size_t len)
{
    const char *names[64];
    size_t count = 0;
    const struct command_flag *lists[] = {command->flags, command_global_flags};
    for (size_t i = 0; i < 2; i++) {
        for (const struct command_flag *f = lists[i]; f && f->name && count < 64; f++) {
            names[count++] = f->name;
        }
    }
    char *word = srt_xstrndup(given, len);
    const char *near =
        word[0] == '-' && word[1] == '-' ? command_nearest(word + 2, names, count) : NULL;
    output_note("error: unknown flag '%s' for 'streamrt %s'", word, command->path);
    if (near) {
        output_note("hint: did you mean '--%s'?", near);
    } else {
        output_note("hint: streamrt %s --help", command->path);
    }
    srt_free(word);
    return EXIT_USAGE;
}

static int wrong_value(const struct command_flag *flag, const char *text, const char *expected)
{
    output_note("error: --%s '%s': expected %s", flag->name, text, expected);
    return EXIT_USAGE;
}

static int read_choice(const struct command_flag *flag, const char *text, int64_t *ret_number)
{
    struct srt_buf all;
    srt_buf_init(&all);
    for (int64_t i = 0; flag->choices[i]; i++) {
        if (strcmp(flag->choices[i], text) == 0) {
            *ret_number = i;
            srt_buf_fini(&all);
            return EXIT_DONE;
        }
        srt_buf_printf(&all, "%s%s", i ? ", " : "one of: ", flag->choices[i]);
    }
    int rc = wrong_value(flag, text, srt_buf_cstr(&all));
    srt_buf_fini(&all);
    return rc;
}

static int read_value(const struct command_flag *flag, const char *text, int64_t *ret_number)
{
    struct srt_str s = srt_str_of(text);
    uint64_t size = 0;
    switch (flag->type) {
    case COMMAND_SWITCH:
    case COMMAND_TEXT:
        return EXIT_DONE;
    case COMMAND_COUNT:
        if (srt_parse_count(s, ret_number) != SRT_OK || *ret_number < 0) {
            return wrong_value(flag, text, "a count such as 10 or 10k");
        }
        return EXIT_DONE;
    case COMMAND_DURATION:
        if (strcmp(text, "forever") == 0) {
            *ret_number = -1;
        } else if (srt_parse_duration_ms(s, ret_number) != SRT_OK) {
            return wrong_value(flag, text, "a duration such as 30s, 1h30m or 7d");
        }
        return EXIT_DONE;
    case COMMAND_SIZE:
        if (strcmp(text, "unlimited") == 0) {
            *ret_number = -1;
        } else if (srt_parse_size(s, &size) != SRT_OK || size > INT64_MAX) {
            return wrong_value(flag, text, "a size such as 64KiB or 2GiB");
        } else {
            *ret_number = (int64_t)size;
        }
        return EXIT_DONE;
    case COMMAND_CHOICE:
        return read_choice(flag, text, ret_number);
    }
    srt_unreachable("a flag of no type");
}

static int add_value(struct parse *parse, const struct command_flag *flag, const char *text)
{
    int64_t number = 0;
    if (flag->unavailable) {
        char *name = srt_xasprintf("--%s", flag->name);
        int rc = unavailable("flag", name);
        srt_free(name);
        return rc;
    }
    if (text) {
        int rc = read_value(flag, text, &number);
        if (rc != EXIT_DONE) {
            return rc;
        }
    }
    parse->values[parse->value_count++] =
        (struct command_value){.flag = flag, .text = text, .number = number};
    return EXIT_DONE;
}

/* One flag at argv[*at], with its value: --name VALUE, --name=VALUE, -nVALUE, -n VALUE, -abc. */
static int read_flag(struct parse *parse, int argc, char **argv, int *at)
{
    const char *arg = argv[*at];
    bool is_long = arg[1] == '-';
    const char *letter = arg + 1;
    for (;;) {
        size_t name_len = is_long ? strcspn(arg + 2, "=") : 1;
        const struct command_flag *flag = is_long ? find_flag(parse->command, arg + 2, name_len, 0)
                                                  : find_flag(parse->command, NULL, 0, *letter);
        if (!flag) {
            return unknown_flag(parse->command, arg, is_long ? name_len + 2 : strlen(arg));
        }
        const char *attached = is_long ? arg + 2 + name_len : letter + 1;
        if (flag->type == COMMAND_SWITCH) {
            if (is_long && *attached == '=') {
                output_note("error: --%s takes no value", flag->name);
                return EXIT_USAGE;
            }
            int rc = add_value(parse, flag, NULL);
            if (rc != EXIT_DONE || is_long || *attached == '\0') {
                return rc;
            }
            letter = attached;
            continue;
        }
        if (*attached != '\0') {
            return add_value(parse, flag, is_long ? attached + 1 : attached);
        }
        if (*at + 1 >= argc) {
            output_note("error: --%s needs a value: --%s %s", flag->name, flag->name, flag->value);
            return EXIT_USAGE;
        }
        *at += 1;
        return add_value(parse, flag, argv[*at]);
    }
}

static bool given(const struct parse *parse, const char *name)
{
    for (size_t i = 0; i < parse->value_count; i++) {
        if (strcmp(parse->values[i].flag->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int check_complete(const struct parse *parse)
{
    const struct command *c = parse->command;
    if (parse->arg_count < c->arg_min) {
        output_note("error: 'streamrt %s' needs %s", c->path, c->arguments);
        output_note("hint: streamrt %s --help", c->path);
        return EXIT_USAGE;
    }
    if (c->arg_max >= 0 && parse->arg_count > c->arg_max) {
        output_note("error: 'streamrt %s' takes no argument '%s'", c->path,
                    parse->args[c->arg_max]);
        output_note("hint: streamrt %s --help", c->path);
        return EXIT_USAGE;
    }
    for (const struct command_flag *f = c->flags; f && f->name; f++) {
        if (f->required && !given(parse, f->name)) {
            output_note("error: 'streamrt %s' needs --%s %s: %s", c->path, f->name, f->value,
                        f->help);
            return EXIT_USAGE;
        }
    }
    return EXIT_DONE;
}

static int parse_rest(struct parse *parse, int argc, char **argv, int at)
{
    bool only_arguments = false;
    for (; at < argc; at++) {
        const char *arg = argv[at];
        if (!only_arguments && strcmp(arg, "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && arg[0] == '-' && arg[1] != '\0') {
            int rc = read_flag(parse, argc, argv, &at);
            if (rc != EXIT_DONE) {
                return rc;
            }
        } else {
            parse->args[parse->arg_count++] = arg;
        }
    }
    return EXIT_DONE;
}

/* --- doing it --- */

static int print_help(void (*write)(struct srt_buf *, const struct command *),
                      const struct command *command)
{
    struct srt_buf text;
    struct srt_err err = {0};
    srt_buf_init(&text);
    write(&text, command);
    int code = output_flush(&text, &err);
    srt_buf_fini(&text);
    return code == SRT_OK || code == SRT_EEND ? EXIT_DONE : exit_code_of(code);
}

static void write_overview(struct srt_buf *to, const struct command *unused)
{
    (void)unused;
    command_help_overview(to);
}

static int run_command(const struct command *command, int argc, char **argv, int at,
                       const command_fn *externals)
{
    struct parse parse = {.command = command};
    /* every argument gives at most its length in flags (-abc) */
    size_t flag_max = 1;
    for (int i = at; i < argc; i++) {
        flag_max += strlen(argv[i]);
    }
    parse.args = srt_xcalloc((size_t)argc + 1, sizeof *parse.args);
    parse.values = srt_xcalloc(flag_max, sizeof *parse.values);

    int rc = parse_rest(&parse, argc, argv, at);
    if (rc == EXIT_DONE && given(&parse, "help")) {
        rc = print_help(command_help_of, command);
        goto out;
    }
    if (rc == EXIT_DONE) {
        rc = check_complete(&parse);
    }
    if (rc != EXIT_DONE) {
        goto out;
    }
    if (given(&parse, "verbose")) {
        srt_log_set_level(SRT_LOG_DEBUG);
    } else if (given(&parse, "quiet")) {
        srt_log_set_level(SRT_LOG_WARN);
    }
    struct command_line line = {.command = command,
                                .args = parse.args,
                                .arg_count = parse.arg_count,
                                .values = parse.values,
                                .value_count = parse.value_count};
    command_fn fn = command->external ? externals[command->external] : command->handler;
    srt_assert(fn != NULL);
    rc = fn(&line);
out:
    srt_free(parse.args);
    srt_free(parse.values);
    return rc;
}

/* `topic` alone: what there is below it. */
static int bare_noun(const char *noun, bool asked)
{
    struct srt_buf text;
    struct srt_err err = {0};
    srt_buf_init(&text);
    command_help_group(&text, noun);
    int rc = EXIT_DONE;
    if (asked) {
        output_flush(&text, &err);
    } else {
        output_note("error: '%s' needs a command below it", noun);
        output_write_fd(STDERR_FILENO, text.data, text.len);
        rc = EXIT_USAGE;
    }
    srt_buf_fini(&text);
    return rc;
}

static bool is_help(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

int command_main(int argc, char **argv, const command_fn *externals)
{
    if (argc < 2 || is_help(argv[1])) {
        return print_help(write_overview, NULL);
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) {
        word = "version";
    }
    const struct command *command = command_find(word);
    int at = 2;
    if (!command && is_noun(word)) {
        if (argc < 3 || is_help(argv[2])) {
            return bare_noun(word, argc >= 3);
        }
        char *path = srt_xasprintf("%s %s", word, argv[2]);
        command = command_find(path);
        srt_free(path);
        if (!command) {
            return argv[2][0] == '-' ? bare_noun(word, false) : unknown_command(word, argv[2]);
        }
        at = 3;
    }
    if (!command) {
        return unknown_command(NULL, word);
    }
    if (command->unavailable) {
        return unavailable("command", command->path);
    }
    return run_command(command, argc, argv, at, externals);
}

/* --- what handlers ask --- */

const char *command_text_at(const struct command_line *line, const char *flag, size_t n)
{
    for (size_t i = 0; i < line->value_count; i++) {
        if (strcmp(line->values[i].flag->name, flag) == 0 && n-- == 0) {
            return line->values[i].text;
        }
    }
    return NULL;
}

static const struct command_value *last_value(const struct command_line *line, const char *flag)
{
    const struct command_value *found = NULL;
    for (size_t i = 0; i < line->value_count; i++) {
        if (strcmp(line->values[i].flag->name, flag) == 0) {
            found = &line->values[i];
        }
    }
    return found;
}

bool command_has(const struct command_line *line, const char *flag)
{
    return last_value(line, flag) != NULL;
}

const char *command_text(const struct command_line *line, const char *flag)
{
    const struct command_value *value = last_value(line, flag);
    return value ? value->text : NULL;
}

int64_t command_number(const struct command_line *line, const char *flag, int64_t fallback)
{
    const struct command_value *value = last_value(line, flag);
    return value ? value->number : fallback;
}

/* --- failing --- */

int command_fail(const struct command_line *line, const struct srt_err *err, const char *hint)
{
    output_note("error: %s", err->msg);
    if (hint) {
        output_note("hint: %s", hint);
    }
    const char *output = command_text(line, "output");
    if (output && strcmp(output, "json") == 0) {
        struct srt_buf json;
        struct srt_err ignored = {0};
        srt_buf_init(&json);
        srt_buf_put_str(&json, "{\"error\":{\"code\":");
        json_put_string(&json, srt_code_name(err->code), strlen(srt_code_name(err->code)));
        srt_buf_put_str(&json, ",\"message\":");
        json_put_string(&json, err->msg, strlen(err->msg));
        srt_buf_put_str(&json, ",\"hint\":");
        json_put_string(&json, hint ? hint : "", hint ? strlen(hint) : 0);
        srt_buf_put_str(&json, "}}\n");
        output_flush(&json, &ignored);
        srt_buf_fini(&json);
    }
    return exit_code_of(err->code);
}

int command_misuse(const struct command_line *line, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    output_note("error: %s", text);
    output_note("hint: streamrt %s --help", line->command->path);
    return EXIT_USAGE;
}
