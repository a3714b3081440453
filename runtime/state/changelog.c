#include "state/changelog.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/varint.h"
#include "state/table.h"

enum {
    CHANGELOG_VERSION = 1, /* of keys and of values, each has its own byte */
    KEY_GROUP_MAX = UINT16_MAX,
    KEY_HEAD_BYTES_MAX = 1 + SRT_VARINT_MAX_BYTES + 2 + SRT_VARINT_MAX_BYTES,
    VALUE_HEAD_BYTES_MAX = 1 + 1 + SRT_VARLONG_MAX_BYTES,
};

/* --- putting --- */

void changelog_put_key(const struct changelog_row *row, struct srt_buf *to)
{
    srt_assert(row->key_group <= KEY_GROUP_MAX);
    srt_assert(row->key_len <= STATE_KEY_BYTES_MAX && row->subkey_len <= STATE_SUBKEY_BYTES_MAX);
    uint8_t *head = srt_buf_reserve(to, KEY_HEAD_BYTES_MAX + row->key_len + row->subkey_len);
    if (!head) {
        return;
    }
    size_t len = 0;
    head[len++] = CHANGELOG_VERSION;
    len += srt_put_varlong(head + len, row->table_id);
    srt_put_be16(head + len, (uint16_t)row->key_group);
    len += 2;
    len += srt_put_varint(head + len, (int32_t)row->key_len);
    to->len += len;
    srt_buf_put(to, row->key, row->key_len);
    srt_buf_put(to, row->subkey, row->subkey_len);
}

void changelog_put_value_head(int64_t due_ms, struct srt_buf *to)
{
    uint8_t head[VALUE_HEAD_BYTES_MAX] = {CHANGELOG_VERSION, due_ms != STATE_NEVER_DUE};
    size_t len = 2;
    if (due_ms != STATE_NEVER_DUE) {
        len += srt_put_varlong(head + len, due_ms);
    }
    srt_buf_put(to, head, len);
}

/* --- parsing --- */

/* What is left of a key or a value. */
struct rest {
    const uint8_t *at;
    size_t size;
};

static void skip(struct rest *rest, size_t size)
{
    rest->at += size;
    rest->size -= size;
}

/* A number in as few bytes as it needs: a name has one spelling. */
static bool take_number(struct rest *rest, int64_t min, int64_t max, int64_t *ret)
{
    size_t size = srt_get_varlong(rest->at, rest->size, ret);
    if (size == 0 || size != srt_varlong_size(*ret) || *ret < min || *ret > max) {
        return false;
    }
    skip(rest, size);
    return true;
}

static int damaged(const struct record *rec, const char *what, struct srt_err *err)
{
    return srt_fail(err, SRT_ECORRUPT, "state record at offset %" PRId64 ": %s", rec->offset,
                    what);
}

static int take_version(const struct record *rec, struct rest *rest, const char *of,
                        struct srt_err *err)
{
    if (rest->size == 0) {
        return damaged(rec, "it ends before its version", err);
    }
    if (rest->at[0] != CHANGELOG_VERSION) {
        return srt_fail(err, SRT_EVERSION,
                        "state record at offset %" PRId64
                        ": its %s has version %d, this release reads %d",
                        rec->offset, of, rest->at[0], CHANGELOG_VERSION);
    }
    skip(rest, 1);
    return SRT_OK;
}

static int parse_key(const struct record *rec, struct changelog_row *row, struct srt_err *err)
{
    if (rec->key_len == RECORD_ABSENT) {
        return damaged(rec, "it has no key", err);
    }
    struct rest rest = {rec->key, (size_t)rec->key_len};
    int code = take_version(rec, &rest, "key", err);
    if (code != SRT_OK) {
        return code;
    }
    int64_t number;
    if (!take_number(&rest, 0, UINT32_MAX, &number)) {
        return damaged(rec, "its table is no number", err);
    }
    row->table_id = (uint32_t)number;
    if (rest.size < 2) {
        return damaged(rec, "it ends in its key group", err);
    }
    row->key_group = srt_get_be16(rest.at);
    skip(&rest, 2);
    if (!take_number(&rest, 0, STATE_KEY_BYTES_MAX, &number) || (size_t)number > rest.size) {
        return damaged(rec, "its key's length is not valid", err);
    }
    row->key = rest.at;
    row->key_len = (uint32_t)number;
    skip(&rest, row->key_len);
    if (rest.size > STATE_SUBKEY_BYTES_MAX) {
        return damaged(rec, "its subkey is too long", err);
    }
    row->subkey = rest.at;
    row->subkey_len = (uint32_t)rest.size;
    return SRT_OK;
}

static int parse_value(const struct record *rec, struct changelog_row *row, struct srt_err *err)
{
    row->due_ms = STATE_NEVER_DUE;
    if (rec->value_len == RECORD_ABSENT) {
        return SRT_OK;
    }
    struct rest rest = {rec->value, (size_t)rec->value_len};
    int code = take_version(rec, &rest, "value", err);
    if (code != SRT_OK) {
        return code;
    }
    if (rest.size == 0 || rest.at[0] > 1) {
        return damaged(rec, "it does not say whether it is due", err);
    }
    bool is_due = rest.at[0] == 1;
    skip(&rest, 1);
    if (is_due && !take_number(&rest, INT64_MIN, STATE_NEVER_DUE - 1, &row->due_ms)) {
        return damaged(rec, "its due time is not valid", err);
    }
    row->cell = rest.at;
    row->cell_len = (uint32_t)rest.size;
    return SRT_OK;
}

int changelog_parse(const struct record *rec, struct changelog_row *ret, struct srt_err *err)
{
    struct changelog_row row = {0};
    int code = parse_key(rec, &row, err);
    if (code == SRT_OK) {
        code = parse_value(rec, &row, err);
    }
    if (code == SRT_OK) {
        *ret = row;
    }
    return code;
}
