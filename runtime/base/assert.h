/* assert.h - checks on our own code. Always on: a wrong assumption stops the process before it
 * writes.
 *
 * Owner:   nobody; stateless but for one panic hook.
 * Thread:  any.
 * Memory:  none.
 * Fails:   by ending the process: message, the last log lines, backtrace, abort. */
#ifndef SRT_BASE_ASSERT_H
#define SRT_BASE_ASSERT_H

#include "base/err.h"

/* Errors of the world (disk, network, config, scripts) are returned; only our mistakes assert. */
#define srt_assert(condition)                                                                      \
    ((condition) ? (void)0 : srt_panic(SRT_WHERE, "assertion failed: " #condition))

/* Expensive checks: hostile and debug builds only. */
#if defined(NDEBUG) && !SRT_HOSTILE
#define srt_assert_slow(condition) ((void)sizeof(!(condition)))
#else
#define srt_assert_slow(condition) srt_assert(condition)
#endif

#define srt_unreachable(why) srt_panic(SRT_WHERE, "unreachable: " why)

_Noreturn void srt_panic(const char *where, const char *what);

/* Tests replace what a panic does (cmocka's mock_assert). The hook may return: then abort
 * follows. */
typedef void (*srt_panic_hook_fn)(const char *where, const char *what);
void srt_panic_set_hook(srt_panic_hook_fn hook);

#endif
