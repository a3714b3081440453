/* child.h - run a function in a child process and see how that ends and what it says.
 *
 * Owner:   the test.
 * Thread:  one at a time, and none besides: it forks.
 * Memory:  the caller's buffer.
 * Fails:   by ending the test program. */
#ifndef SRT_SUPPORT_CHILD_H
#define SRT_SUPPORT_CHILD_H

#include <stddef.h>

/* Standard error goes to `ret_said` (cut at size, NUL-terminated). Returns what waitpid gives; the
 * child exits with 0 when fn returns. */
int child_run(void (*fn)(void *arg), void *arg, char *ret_said, size_t size);

#endif
