/* keyed_fixture.h - records with keys, and what a partition that is compacted has to have of them.
 *
 * Owner:   the test.
 * Thread:  the test's.
 * Memory:  fixed.
 * Fails:   helpers assert by cmocka, except the keyed_try_ family, which returns the code. */
#ifndef SRT_UNIT_KEYED_FIXTURE_H
#define SRT_UNIT_KEYED_FIXTURE_H

#include "store_fixture.h"

enum { KEYED_KEYS_MAX = 4096, KEYED_DELETED = -1 };

/* Key k has value `number` (a deletion: KEYED_DELETED), padded to value_bytes. */
struct keyed_put {
    int key;
    int64_t number;
};

/* For each key what was put last, and where. */
struct keyed_model {
    int64_t number[KEYED_KEYS_MAX];
    int64_t offset[KEYED_KEYS_MAX]; /* -1: never */
};
void keyed_model_init(struct keyed_model *model);

/* One batch, acknowledged; the model (may be NULL) takes it over when it is. */
int keyed_try_put(struct fixture *f, struct partition *part, const struct keyed_put *puts,
                  int count, size_t value_bytes, struct keyed_model *model);
void keyed_put(struct fixture *f, struct partition *part, int key, int64_t number,
               size_t value_bytes, struct keyed_model *model);

typedef void (*keyed_record_fn)(void *arg, int64_t offset, int key, int64_t number);
/* Every record from `offset` on, whose offsets must rise, up to the partition's end. */
int keyed_try_read(struct partition *part, int64_t offset, size_t max_bytes, keyed_record_fn each,
                   void *arg, struct srt_err *err);

/* Read all of it: the last record of every key is the model's, where it was put; deletions may be
 * gone with their key. Returns how many records there are. */
int64_t keyed_check(struct partition *part, const struct keyed_model *model);

#endif
