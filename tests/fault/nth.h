/* nth.h - the n-th call fails: which call, with what, once or from then on.
 *
 * Owner:   a test; nth_for_each runs it.
 * Thread:  the test's; the calls fail on whatever thread makes them.
 * Memory:  none.
 * Fails:   by failing the test.
 *
 *     nth_for_each("append", try_one, arg);    // try_one arms, works, heals, checks
 *
 * The failing of one kind of call is tried at its 1st, 2nd, 3rd ... passage, until a run meets no
 * failure any more: then every passage of it has failed once. */
#ifndef SRT_FAULT_NTH_H
#define SRT_FAULT_NTH_H

#include <stdbool.h>
#include <stdint.h>

#include "support/fake_disk.h"

struct nth {
    const char *what;         /* "pwritev ENOSPC, from then on", for messages */
    enum fake_disk_call call; /* FAKE_DISK_CALL_COUNT: an allocation of the data plane */
    bool half;                /* a write that is cut in half first */
    int sys;                  /* 0: only cut */
    bool for_good;
    uint64_t n;
};

/* Let the n-th call from now on fail. */
void nth_arm(const struct nth *nth, struct fake_disk *disk);

/* No more failures. Whether the n-th call came since nth_arm. */
bool nth_disarm(const struct nth *nth, struct fake_disk *disk);

/* Whether an operation that ended with this code may be tried again, and nothing has happened: no
 * room, no memory, no descriptor. */
bool nth_code_may_pass(int code);

/* Fails the test unless `rc` is an answer to this failure: nothing for an interrupted or short
 * call, EFSYNC for a sync, else what the errno says or success; in one sentence that names what it
 * is about. */
void nth_check_answer(const struct nth *nth, int rc, const struct srt_err *err);

/* Each kind of failure, each n. `try_one` returns whether the failure was met. With
 * STREAMRT_TEST_LONG every n is tried, else the larger ones in growing steps; with
 * STREAMRT_TEST_ONLY those whose label has that text ("commit: open EMFILE at call 3"). */
void nth_for_each(const char *operation, bool (*try_one)(void *arg, const struct nth *nth),
                  void *arg);

/* A cmocka teardown: says at which failure the test stopped, if it did. */
int nth_teardown(void **state);

#endif
