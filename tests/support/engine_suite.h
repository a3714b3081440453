/* engine_suite.h - what every engine must do, as tests that run against any of them: topics,
 * assignment, reading, waking, committing atomically.
 *
 * Owner:   the test program of each engine: it says how to make one and runs the suite.
 * Thread:  the test's; callbacks of the engine may come from any.
 * Memory:  the engine's.
 * Fails:   by failing the test. */
#ifndef SRT_SUPPORT_ENGINE_SUITE_H
#define SRT_SUPPORT_ENGINE_SUITE_H

#include "pipeline/engine.h"

/* A fresh engine without topics for each test. Topics that it makes have at least two
 * partitions. */
struct engine_suite {
    struct engine *(*create)(void);
    void (*destroy)(struct engine *eng);
};

/* Returns how many tests failed, as cmocka_run_group_tests does: main() returns it. */
int engine_suite_run(const struct engine_suite *suite);

#endif
