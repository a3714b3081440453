/* changelog.h - state rows as records of a compacted topic, and back.
 *
 * Owner:   the caller; decoding borrows from the record.
 * Thread:  any; it is only data.
 * Memory:  appends to the caller's buffers.
 * Fails:   decoding: SRT_ECORRUPT, or SRT_EVERSION for a version of another release.
 *
 * docs/format/changelog.md has the bytes. A tombstone (no value) removes the row. */
#ifndef SRT_STATE_CHANGELOG_H
#define SRT_STATE_CHANGELOG_H

#include "base/buf.h"
#include "base/err.h"
#include "record/record.h"

struct changelog_row {
    uint32_t table_id; /* of the stage, from the pipeline's manifest */
    uint32_t key_group;
    const uint8_t *key;
    uint32_t key_len;
    const uint8_t *subkey;
    uint32_t subkey_len;
    int64_t due_ms;      /* STATE_NEVER_DUE: never */
    const uint8_t *cell; /* encoded; NULL: the row is removed */
    uint32_t cell_len;
};

void changelog_put_key(const struct changelog_row *row, struct srt_buf *to);
/* The value's beginning: the caller appends the encoded cell behind it. */
void changelog_put_value_head(int64_t due_ms, struct srt_buf *to);
int changelog_parse(const struct record *rec, struct changelog_row *ret, struct srt_err *err);

#endif
