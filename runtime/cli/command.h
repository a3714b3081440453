/* command.h - the table of commands, and the parser that reads a command line by it.
 *
 * Owner:   the table is constant (command_table.c); a command line belongs to main().
 * Thread:  main.
 * Memory:  control plane; arguments borrow argv.
 * Fails:   parsing says what is wrong on standard error, with the way out, and gives the exit code.
 *
 * One row gives everything about a command: how it is called, its help, its examples, who does it.
 * Help, suggestions and the manual page follow from the rows. */
#ifndef SRT_CLI_COMMAND_H
#define SRT_CLI_COMMAND_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum command_flag_type {
    COMMAND_SWITCH,   /* --no-key */
    COMMAND_TEXT,     /* any text */
    COMMAND_COUNT,    /* "10", "10k": not negative */
    COMMAND_DURATION, /* "7d", or "forever", which is -1 */
    COMMAND_SIZE,     /* "64KiB", or "unlimited", which is -1 */
    COMMAND_CHOICE,   /* one of `choices` */
};

struct command_flag {
    const char *name; /* "data-dir", without its dashes; NULL ends a list */
    char letter;      /* 'n' for -n; 0: none */
    enum command_flag_type type;
    const char *value; /* what the help calls its value: "DIR" */
    const char *const *choices;
    bool required;
    bool unavailable; /* known, and refused with E090: not in this version */
    const char *help; /* one line, begins in lower case */
};

struct command_line;

/* Does it and returns the exit code. */
typedef int (*command_fn)(const struct command_line *line);

/* Handlers that live above cli (app/); rows name them by number, main() brings the functions. */
enum command_external { COMMAND_NOT_EXTERNAL, COMMAND_RUN, COMMAND_CHECK, COMMAND_EXTERNAL_COUNT };

struct command {
    const char *path;      /* "topic ls"; NULL ends the table */
    const char *arguments; /* "TOPIC[/PARTITION]", "FILE..."; NULL: none */
    int arg_min;
    int arg_max; /* -1: any number */
    const char *help;
    const char *examples; /* lines "command   # what it does", by \n */
    const struct command_flag *flags;
    command_fn handler;
    enum command_external external;
    bool unavailable; /* known, and refused with E090 */
};

extern const struct command command_table[];
extern const struct command_flag command_global_flags[]; /* understood by every command */

/* Every flag that was given, in order; a command looks its own up by name. */
struct command_value {
    const struct command_flag *flag;
    const char *text; /* NULL for a switch */
    int64_t number;   /* COUNT, DURATION in ms, SIZE in bytes, CHOICE as its index */
};

struct command_line {
    const struct command *command;
    const char *const *args;
    int arg_count;
    const struct command_value *values;
    size_t value_count;
};

bool command_has(const struct command_line *line, const char *flag);
const char *command_text(const struct command_line *line,
                         const char *flag); /* the last; NULL: not given */
int64_t command_number(const struct command_line *line, const char *flag, int64_t fallback);
/* The n-th occurrence (from 0) of a flag that may be repeated; NULL behind the last. */
const char *command_text_at(const struct command_line *line, const char *flag, size_t n);

/* Parse and do. `externals` is indexed by enum command_external. Returns the exit code. */
int command_main(int argc, char **argv, const command_fn *externals);

/* The row whose path is exactly this; NULL. */
const struct command *command_find(const char *path);

/* The nearest known word, or NULL: for "did you mean". */
const char *command_nearest(const char *word, const char *const *names, size_t count);

/* --- how every command ends when it fails --- */

/* Print "error: ..." (and the hint, which may be NULL) on standard error; with -o json also the
 * error object on standard output. Returns the exit code for err->code. */
int command_fail(const struct command_line *line, const struct srt_err *err, const char *hint);

/* Wrong usage: the sentence, and how to see the help. Returns EXIT_USAGE. */
int command_misuse(const struct command_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
