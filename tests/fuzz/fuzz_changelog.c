/* Any bytes as a record of state: what is taken for a row is written again in the same bytes, and
 * nothing is read outside. Two bytes say what is a key and what is a value. */
#include "base/buf.h"
#include "fuzz/fuzz_input.h"
#include "state/changelog.h"
#include "state/table.h"

static void check_row(const struct record *rec, const struct changelog_row *row)
{
    srt_assert(row->key_len <= STATE_KEY_BYTES_MAX);
    srt_assert(row->subkey_len <= STATE_SUBKEY_BYTES_MAX);
    struct srt_buf out = {0};
    changelog_put_key(row, &out);
    srt_assert(out.len == (size_t)rec->key_len && memcmp(out.data, rec->key, out.len) == 0);
    srt_buf_clear(&out);
    srt_assert((rec->value_len == RECORD_ABSENT) == (row->cell == NULL));
    if (row->cell) {
        changelog_put_value_head(row->due_ms, &out);
        srt_buf_put(&out, row->cell, row->cell_len);
        srt_assert(out.len == (size_t)rec->value_len && memcmp(out.data, rec->value, out.len) == 0);
    }
    srt_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    uint8_t has = fuzz_byte(&in); /* bit 0: a key, bit 1: a value */
    struct fuzz_input key = fuzz_part(&in, fuzz_byte(&in));
    uint8_t *key_copy = fuzz_copy(key.data, key.size);
    uint8_t *value_copy = fuzz_copy(in.data, in.size);
    const struct record rec = {.key = has & 1 ? key_copy : NULL,
                               .key_len = has & 1 ? (int32_t)key.size : RECORD_ABSENT,
                               .value = has & 2 ? value_copy : NULL,
                               .value_len = has & 2 ? (int32_t)in.size : RECORD_ABSENT};
    struct changelog_row row;
    struct srt_err err;
    int code = changelog_parse(&rec, &row, &err);
    srt_assert(code == SRT_OK || code == SRT_ECORRUPT || code == SRT_EVERSION);
    if (code == SRT_OK) {
        check_row(&rec, &row);
    }
    free(key_copy);
    free(value_copy);
    return 0;
}
