/* cmocka_srt.h - cmocka with what it needs included before, and our panics as its assertions.
 *
 * Owner:   each unit test includes it instead of cmocka.h.
 * Thread:  a panic on another thread than the test's ends the program; assert on the test's thread.
 * Memory:  none.
 * Fails:   the test. */
#ifndef SRT_SUPPORT_CMOCKA_SRT_H
#define SRT_SUPPORT_CMOCKA_SRT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/err.h"

static inline void cmocka_srt_on_panic(const char *where, const char *what)
{
    mock_assert(0, what, where, 0);
}

/* In main(), or a setup: expect_assert_failure(call) then tests a precondition. */
static inline void cmocka_srt_catch_panics(void)
{
    srt_panic_set_hook(cmocka_srt_on_panic);
}

/* Fails with the error's own message. */
#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        if ((call) != SRT_OK) {                                                                    \
            fail_msg("%s: %s", #call, (err)->msg);                                                 \
        }                                                                                          \
    } while (0)

#define assert_contains(text, part)                                                                \
    do {                                                                                           \
        if (!strstr((text), (part))) {                                                             \
            fail_msg("'%s' is not in '%s'", (part), (text));                                       \
        }                                                                                          \
    } while (0)

#endif
