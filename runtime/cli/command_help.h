/* command_help.h - help, written from the table of commands: examples first.
 *
 * Owner:   the caller's buffer.
 * Thread:  main.
 * Memory:  appends to the buffer.
 * Fails:   never. */
#ifndef SRT_CLI_COMMAND_HELP_H
#define SRT_CLI_COMMAND_HELP_H

#include "base/buf.h"
#include "cli/command.h"

void command_help_overview(struct srt_buf *to); /* `streamrt`, `streamrt help`: first steps */
void command_help_all(struct srt_buf *to);      /* the whole tree, also what is not there yet */
void command_help_of(struct srt_buf *to, const struct command *command);
/* The commands below a noun ("topic"); false when there is none. */
bool command_help_group(struct srt_buf *to, const char *noun);

#endif
