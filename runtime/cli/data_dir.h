/* data_dir.h - a data directory opened by a command: to look at, beside whoever runs it, or to
 * write to.
 *
 * Owner:   the command; broker_close ends both.
 * Thread:  main.
 * Memory:  the broker's.
 * Fails:   SRT_ENOENT (no such directory or topic), SRT_EBUSY (writing while another process has
 * it), SRT_EVERSION, SRT_ECORRUPT, SRT_EINVAL for a topic that is spelled wrongly. */
#ifndef SRT_CLI_DATA_DIR_H
#define SRT_CLI_DATA_DIR_H

#include "base/buf.h"
#include "base/err.h"
#include "broker/broker.h"
#include "cli/command.h"

#include <stdint.h>

/* No lock, no write: exactly what a recovery would keep at this moment. */
int data_dir_open_reader(const char *path, struct broker **ret_broker, struct srt_err *err);

/* With the lock; makes the directory when it is missing. */
int data_dir_open_writer(const char *path, struct broker **ret_broker, struct srt_err *err);

/* "TOPIC" or "TOPIC/PARTITION"; *ret_partition is -1 for all. The topic is borrowed from the
 * broker. */
int data_dir_find_topic(struct broker *broker, const char *text, struct topic **ret_topic,
                        int32_t *ret_partition, struct srt_err *err);

/* A command that reads: open, let `fill` put its output into `out` (it may flush in between), print
 * what is there, close. Returns the exit code; what failed is printed. */
typedef int (*data_dir_fn)(struct broker *broker, const struct command_line *line,
                           struct srt_buf *out, struct srt_err *err);
int data_dir_report(const struct command_line *line, data_dir_fn fill);

/* The exit code for how a command on a data directory ended, after printing why it failed and what
 * to try. SRT_EEND is no failure: the reader of our output has had enough. */
int data_dir_end(const struct command_line *line, int code, const struct srt_err *err);

#endif
