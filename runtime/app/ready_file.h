/* ready_file.h - run/ready.json in the data directory: who serves it, and at which addresses, while
 * it runs.
 *
 * Owner:   lifecycle.c.
 * Thread:  main; ready_file_remove_now from a signal handler.
 * Memory:  one path.
 * Fails:   writing: what io_write_file_atomic fails with. */
#ifndef SRT_APP_READY_FILE_H
#define SRT_APP_READY_FILE_H

#include "base/err.h"

struct ready_file {
    char *path;
};

/* Forget the file of a process that was killed; the data directory is ours by now. */
int ready_file_init(struct ready_file *ready, const char *data_dir, struct srt_err *err);

/* Whole or not at all, for those who wait for it. */
int ready_file_write(struct ready_file *ready, const char *data_dir, struct srt_err *err);

void ready_file_fini(struct ready_file *ready); /* removes the file */

/* Only the file, nothing else: async-signal-safe. */
void ready_file_remove_now(const struct ready_file *ready);

#endif
