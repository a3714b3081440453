/* exit_code.h - what the process tells its caller by its exit code: the one place where our error
 * codes are translated for shells and for systemd.
 *
 * Owner:   nobody.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_CLI_EXIT_CODE_H
#define SRT_CLI_EXIT_CODE_H

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,   /* the command failed, or found what it was sent to look for */
    EXIT_USAGE = 2,    /* it was called wrongly */
    EXIT_MISSING = 69, /* something that is needed is not there */
    EXIT_DAMAGE = 74,  /* a sync failed, or stored bytes are damaged */
    EXIT_IN_USE = 75,  /* another process has the data directory */
    EXIT_DENIED = 77,
    EXIT_CONFIG = 78,      /* `run` was given a wrong configuration */
    EXIT_INTERRUPTED = 130 /* the second SIGINT */
};

/* The exit code for an error that ended a command. */
int exit_code_of(int code);

#endif
