/* interrupt.h - SIGINT: the first asks to end, the next one ends the process where it stands.
 *
 * Owner:   lifecycle.c; one per process.
 * Thread:  install and uninstall on main; the handler runs on any.
 * Memory:  static, for the handler.
 * Fails:   never.
 *
 * It is a handler of our own and not one of the loop's, because the second SIGINT must work when
 * the main thread waits for a disk, a stuck pipe or a recovery. Ending without a commit is always
 * safe: what was not committed is done again at the next start. */
#ifndef SRT_APP_INTERRUPT_H
#define SRT_APP_INTERRUPT_H

#include "app/ready_file.h"
#include "io/loop.h"

/* The first SIGINT sends `wake`; the next removes the ready file and exits with 130. */
void interrupt_install(struct io_wake *wake, const struct ready_file *ready);
void interrupt_uninstall(void);

/* We are ending already (SIGTERM): the next SIGINT is the second. */
void interrupt_expect(void);

#endif
