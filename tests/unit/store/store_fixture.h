/* store_fixture.h - a store with a small keeper of metadata, on a disk that forgets or on the real
 * one.
 *
 * Owner:   the test.
 * Thread:  the test's; the keeper runs where the store calls it.
 * Memory:  fixed.
 * Fails:   helpers assert by cmocka, except the fixture_try_ family, which returns the code. */
#ifndef SRT_UNIT_STORE_FIXTURE_H
#define SRT_UNIT_STORE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "base/clock.h"
#include "store/partition.h"
#include "store/store.h"
#include "support/fake_disk.h"
#include "support/temp_dir.h"

enum { FIXTURE_TOPICS_MAX = 8, FIXTURE_PARTITIONS_MAX = 4, FIXTURE_NOTES_MAX = 16 };

enum { KEEPER_CREATE = 1, KEEPER_DELETE = 2, KEEPER_NOTE = 3 };

/* What it knows of a topic is what is in the metadata entry that created it. */
struct keeper_topic {
    bool used;
    struct topic_id id;
    uint32_t partition_count;
    struct partition *parts[FIXTURE_PARTITIONS_MAX];
};

struct fixture {
    struct fake_disk *disk; /* NULL: the real one */
    struct temp_dir temp;
    struct srt_clock_fake clock;
    struct store_options options;
    struct store *store;
    struct store_recovery recovery;
    struct srt_err err;
    struct partition_config config;

    /* the keeper */
    struct keeper_topic topics[FIXTURE_TOPICS_MAX];
    uint64_t notes[FIXTURE_NOTES_MAX];
    int restored_count;
    int applied_count;
    int fatal_count;
    struct srt_err fatal;
};

void fixture_init(struct fixture *f, struct fake_disk *disk); /* small files, small segments */
void fixture_fini(struct fixture *f);

int fixture_try_open(struct fixture *f);
void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);     /* must succeed */
int fixture_try_close(struct fixture *f);
void fixture_forget(struct fixture *f);    /* the keeper's memory, as a new process */

/* Topics are numbered; topic t has an id made of t+1. */
struct topic_id fixture_topic_id(int topic);
int fixture_try_create(struct fixture *f, int topic, uint32_t partition_count);
void fixture_create(struct fixture *f, int topic, uint32_t partition_count);
void fixture_delete(struct fixture *f, int topic);
struct partition *fixture_part(struct fixture *f, int topic, int partition);

/* A batch of `count` records whose values say who they are: "<tag>:<n>" padded to `value_bytes`. */
void fixture_batch(struct srt_buf *to, uint64_t tag, int count, size_t value_bytes,
                   int64_t timestamp_ms);

/* Append one batch; the base offset. */
int fixture_try_append(struct fixture *f, struct partition *part, uint64_t tag, int count,
                       size_t value_bytes, int64_t timestamp_ms, int64_t *ret_offset);
int64_t fixture_append(struct fixture *f, struct partition *part, uint64_t tag, int count,
                       size_t value_bytes, int64_t timestamp_ms);
int fixture_try_note(struct fixture *f, uint32_t slot, uint64_t value);

/* Read everything from `offset` on and give each record's tag and number; the count of records. */
typedef void (*fixture_record_fn)(void *arg, int64_t offset, uint64_t tag, int number);
int fixture_try_read(struct partition *part, int64_t offset, size_t max_bytes,
                     fixture_record_fn each, void *arg, int64_t *ret_count, struct srt_err *err);
int64_t fixture_count(struct partition *part); /* from log start to the end, checked */

#endif
