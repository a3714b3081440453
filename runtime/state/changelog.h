/* changelog.h - state rows as records of a compacted topic, and back.
 *
 * Owner:   the caller; what parsing gives is borrowed from the record.
 * Thread:  any; it is only data.
 * Memory:  appends to the caller's buffers.
 * Fails:   parsing: SRT_ECORRUPT, or SRT_EVERSION for a version of another release. Putting: as a
 *          buffer does.
 *
 * docs/format/changelog.md has the bytes. A record without a value removes the row. */
#ifndef SRT_STATE_CHANGELOG_H
#define SRT_STATE_CHANGELOG_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "record/record.h"

struct changelog_row {
    uint32_t table_id;  /* of the stage, from the pipeline's manifest */
    uint32_t key_group; /* below 65,536 */
    const uint8_t *key;
    uint32_t key_len; /* at most STATE_KEY_BYTES_MAX */
    const uint8_t *subkey;
    uint32_t subkey_len; /* at most STATE_SUBKEY_BYTES_MAX */
    int64_t due_ms;      /* STATE_NEVER_DUE: never */
    const uint8_t *cell; /* encoded; NULL: the row is removed */
    uint32_t cell_len;
};

/* The row's name: table, key group, key and subkey; the rest of it is not looked at. */
void changelog_put_key(const struct changelog_row *row, struct srt_buf *to);
/* The value's beginning: the caller appends the encoded cell behind it. */
void changelog_put_value_head(int64_t due_ms, struct srt_buf *to);

/* *ret is set only on success. A row that is put again gives the same bytes. */
int changelog_parse(const struct record *rec, struct changelog_row *ret, struct srt_err *err);

#endif
