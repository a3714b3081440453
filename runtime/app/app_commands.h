/* app_commands.h - the commands that need every layer: their functions for the table of commands.
 *
 * Owner:   main.c hands them to command_main.
 * Thread:  main.
 * Memory:  each frees what it takes.
 * Fails:   each prints why and returns its exit code. */
#ifndef SRT_APP_APP_COMMANDS_H
#define SRT_APP_APP_COMMANDS_H

#include "cli/command.h"

int app_commands_run(const struct command_line *line);
int app_commands_check(const struct command_line *line);

/* Indexed by enum command_external. */
extern const command_fn app_commands[COMMAND_EXTERNAL_COUNT];

#endif
