/* lifecycle.h - the main thread of `run`: from ready to drained, and what signals mean meanwhile.
 *
 * Owner:   run_command.c.
 * Thread:  main.
 * Memory:  on the stack of lifecycle_run.
 * Fails:   lifecycle_run: what assembling fails with. Afterwards failures are pipelines' own, or
 * fatal.
 *
 *     assemble --> ready --> run ... --> drain --> close --> summary
 *                             |            |
 *                      first SIGINT,    second SIGINT: 130
 *                      SIGTERM, or      fatal error of the store: 74
 *                      all is drained */
#ifndef SRT_APP_LIFECYCLE_H
#define SRT_APP_LIFECYCLE_H

#include "app/assemble.h"
#include "base/err.h"

#include <stdbool.h>

struct lifecycle_options {
    const struct settings *settings;
    bool until_drained;
    bool keep_open;                 /* see runner.h */
    const char *const *reset_state; /* NULL-terminated, or NULL */
};

/* Run until the end; *ret_exit is the process's exit code. */
int lifecycle_run(const struct lifecycle_options *options, int *ret_exit, struct srt_err *err);

#endif
