/* connect_fixture.h - a temporary directory, a loop, and a source that is polled as a task would
 * poll it.
 *
 * Owner:   a test.
 * Thread:  the test's.
 * Memory:  fixture_setup and fixture_teardown.
 * Fails:   by failing the test. */
#ifndef SRT_SUPPORT_CONNECT_FIXTURE_H
#define SRT_SUPPORT_CONNECT_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "pipeline/connector.h"

struct fixture {
    char dir[128];
    char path[160]; /* dir/input */
    struct io_loop loop;
    struct srt_clock_fake clock;
    struct source_spec spec;
    struct source_context context;
    struct source *source;
    bool woken;
    int wakes;
    struct srt_err err;
    /* What the last fixture_read gave. */
    struct srt_buf text; /* "offset:value|", "!" for ":" when bad, "=key" behind a value if any */
    int64_t position;
    uint8_t detail[64];
    uint32_t detail_len;
    struct srt_err bad;
    struct srt_buf warnings; /* what was logged since setup */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

void fixture_write(const char *path, const char *text);  /* a new content */
void fixture_append(const char *path, const char *text);
void fixture_write_bytes(const char *path, const void *data, size_t size);
const char *fixture_file(struct fixture *fx, const char *path); /* its content */

/* Open with `ops`, from the beginning or at fx->position with fx->detail. */
int fixture_open(struct fixture *fx, const struct source_ops *ops, bool resume);
void fixture_close(struct fixture *fx);

/* Poll until there is nothing now: SRT_OK; SRT_EEND; or an error. */
int fixture_read(struct fixture *fx);

/* The same, waiting for the source to wake us until `count` records have come. */
int fixture_read_count(struct fixture *fx, int count);

#endif
