/* commands.h - the handlers that the table of commands names.
 *
 * Owner:   command_table.c refers to them; command.c calls them.
 * Thread:  main.
 * Memory:  each frees what it takes.
 * Fails:   each prints why and returns its exit code (cli/exit_code.h). */
#ifndef SRT_CLI_COMMANDS_H
#define SRT_CLI_COMMANDS_H

#include "cli/command.h"

int version_run(const struct command_line *line);
int command_help_run(const struct command_line *line);

/* log_commands.c: read-only, without a lock, beside a running server and after a crash */
int log_commands_dump(const struct command_line *line);
int log_commands_topics(const struct command_line *line);
int log_commands_groups(const struct command_line *line);
int log_commands_check(const struct command_line *line);
int log_commands_repair(const struct command_line *line); /* but this one: it takes the lock */

/* topic_commands.c: read-only, but for create */
int topic_commands_ls(const struct command_line *line);
int topic_commands_show(const struct command_line *line);
int topic_commands_create(const struct command_line *line);

int topic_produce_run(const struct command_line *line); /* takes the data directory's lock */
int topic_tail_run(const struct command_line *line);    /* read-only */

#endif
