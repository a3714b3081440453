#include "state/changelog.h"

#include <string.h>

#include "base/varint.h"
#include "state/table.h"

enum { CHANGELOG_VERSION = 1, KEY_HEAD_BYTES = 1 + 4 + 2 + 4 };

void changelog_put_key(const struct changelog_row *row, struct srt_buf *to)
{
    uint8_t head[KEY_HEAD_BYTES] = {CHANGELOG_VERSION};
    srt_put_be32(head + 1, row->table_id);
    srt_put_be16(head + 5, (uint16_t)row->key_group);
    srt_put_be32(head + 7, row->key_len);
    srt_buf_put(to, head, sizeof head);
    srt_buf_put(to, row->key, row->key_len);
    srt_buf_put(to, row->subkey, row->subkey_len);
}

void changelog_put_value_head(int64_t due_ms, struct srt_buf *to)
{
    uint8_t head[9] = {CHANGELOG_VERSION};
    srt_put_be64(head + 1, (uint64_t)due_ms);
    srt_buf_put(to, head, sizeof head);
}

static int damaged(const struct record *rec, const char *what, struct srt_err *err)
{
    return srt_fail(err, SRT_ECORRUPT, "state record at offset %lld: %s", (long long)rec->offset,
                    what);
}

int changelog_parse(const struct record *rec, struct changelog_row *ret, struct srt_err *err)
{
    const uint8_t *key = rec->key;
    if (rec->key_len < KEY_HEAD_BYTES) {
        return damaged(rec, "its key is too short", err);
    }
    if (key[0] != CHANGELOG_VERSION) {
        return srt_fail(err, SRT_EVERSION, "state record at offset %lld is of version %d",
                        (long long)rec->offset, key[0]);
    }
    *ret = (struct changelog_row){.table_id = srt_get_be32(key + 1),
                                  .key_group = srt_get_be16(key + 5),
                                  .key = key + KEY_HEAD_BYTES,
                                  .key_len = srt_get_be32(key + 7),
                                  .due_ms = STATE_NEVER_DUE};
    size_t rest = (size_t)rec->key_len - KEY_HEAD_BYTES;
    if (ret->key_len > rest || ret->key_len > STATE_KEY_BYTES_MAX ||
        rest - ret->key_len > STATE_SUBKEY_BYTES_MAX) {
        return damaged(rec, "the lengths in its key do not fit", err);
    }
    ret->subkey = ret->key + ret->key_len;
    ret->subkey_len = (uint32_t)(rest - ret->key_len);
    if (rec->value_len == RECORD_ABSENT) {
        return SRT_OK;
    }
    if (rec->value_len < 9) {
        return damaged(rec, "its value is too short", err);
    }
    if (rec->value[0] != CHANGELOG_VERSION) {
        return srt_fail(err, SRT_EVERSION, "state record at offset %lld is of version %d",
                        (long long)rec->offset, rec->value[0]);
    }
    ret->due_ms = (int64_t)srt_get_be64(rec->value + 1);
    ret->cell = rec->value + 9;
    ret->cell_len = (uint32_t)rec->value_len - 9;
    return SRT_OK;
}
