/* damage_case.h - a store with something of everything on a disk in memory, and what must be true
 * after any of its bytes have changed.
 *
 * Owner:   the test.
 * Thread:  the test's.
 * Memory:  the disk, and a row for each record.
 * Fails:   by cmocka, after printing which damage it was. */
#ifndef SRT_DAMAGE_DAMAGE_CASE_H
#define SRT_DAMAGE_DAMAGE_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "support/fake_disk.h"

enum {
    DAMAGE_TOPICS = 3,
    DAMAGE_PARTITIONS = 2,
    DAMAGE_RECORDS_MAX = 4000, /* of a partition */
    DAMAGE_FILES_MAX = 128,
    DAMAGE_PATH_MAX = 128,
};

enum damage_end {
    DAMAGE_CLOSED,         /* cleanly */
    DAMAGE_KILLED,         /* the last frame has records */
    DAMAGE_KILLED_AT_NOTE, /* the last frame has metadata only: it looks like a torn one */
};

/* What was written. */
struct damage_truth {
    int64_t log_start;
    int64_t end;
    uint64_t tags[DAMAGE_RECORDS_MAX];
    int numbers[DAMAGE_RECORDS_MAX];
};

struct damage_file {
    char path[DAMAGE_PATH_MAX];
    size_t size;
    uint8_t *data;
};

struct damage_store {
    enum damage_end end;
    struct fake_disk *disk;
    uint64_t note;
    struct damage_truth truths[DAMAGE_TOPICS][DAMAGE_PARTITIONS];
    struct damage_file files[DAMAGE_FILES_MAX];
    size_t file_count;
};

void damage_store_make(struct damage_store *d, enum damage_end end);
void damage_store_free(struct damage_store *d);

enum damage_kind {
    DAMAGE_FLIP,     /* one bit at `at` */
    DAMAGE_TRUNCATE, /* to `at` bytes */
    DAMAGE_EXTEND,   /* by `size` bytes of noise */
    DAMAGE_ZERO,     /* `size` bytes at `at` */
    DAMAGE_SWAP,     /* `size` bytes at `at` with those at `other` */
    DAMAGE_NOISE,    /* `size` bytes at `at` */
    DAMAGE_DELETE,
};

struct damage {
    enum damage_kind kind;
    size_t file;
    uint64_t at;
    uint64_t other;
    uint64_t size;
    uint64_t seed;
};

/* Do it to a copy of the disk, and hold everything that follows against what is promised. Returns
 * whether the check found it. */
bool damage_case_run(struct damage_store *d, const struct damage *damage);

/* The same repair, interrupted at each change that it makes to the disk. */
void damage_case_interrupt_repair(struct damage_store *d, const struct damage *damage);

/* The damage of the case that runs, for a failure's message; NULL between cases. */
extern const char *damage_case_now;

#endif
