/* Any bytes as JSON: what is valid must index, be trusted, and be written again; nothing may be
 * read outside. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "record/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every level must look the same without checks, and every scalar must be readable. */
static void walk(const char *text, size_t size)
{
    struct json_index index;
    json_index_init(&index);
    srt_assert(json_index_trusted(&index, text, size) == SRT_OK);
    struct srt_buf out = {0};
    for (uint32_t i = 0; i < index.count; i++) {
        const struct json_slot *slot = &index.slots[i];
        const char *value = text + slot->value_at;
        srt_buf_clear(&out);
        json_unescape(text + slot->key_at, slot->key_len, &out);
        if (index.type == JSON_OBJECT) {
            srt_assert(json_find(&index, text, (const char *)out.data, out.len) != NULL);
        }
        srt_buf_clear(&out);
        if (slot->type == JSON_STRING) {
            json_unescape(value + 1, slot->value_len - 2, &out);
        } else if (slot->type == JSON_NUMBER) {
            int64_t integer;
            double number;
            bool is_integer = json_number(value, slot->value_len, &integer, &number);
            srt_assert(!is_integer || slot->is_integer);
        } else if (slot->type == JSON_ARRAY || slot->type == JSON_OBJECT) {
            walk(value, slot->value_len);
        }
    }
    srt_buf_fini(&out);
    json_index_fini(&index);
}

/* Whatever is faster must say the same. */
static void check_padded(const struct json_index *expected, int rc, size_t at, const char *text,
                         size_t size)
{
    char *padded = calloc(1, size + JSON_PAD_BYTES);
    memcpy(padded, text, size);
    struct json_index index;
    json_index_init(&index);
    size_t padded_at = at;
    srt_assert(json_index_padded(&index, padded, size, &padded_at) == rc && padded_at == at);
    srt_assert(index.count == expected->count);
    srt_assert(index.count == 0 || memcmp(index.slots, expected->slots,
                                          index.count * sizeof *index.slots) == 0);
    json_index_fini(&index);
    free(padded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + (size == 0));
    memcpy(text, data, size);
    struct json_index index;
    json_index_init(&index);
    size_t at = 0;
    size_t index_at = 0;
    int rc = json_validate(text, size, &at);
    srt_assert(json_index(&index, text, size, &index_at) == rc);
    srt_assert(rc == SRT_OK || (at == index_at && at <= size));
    check_padded(&index, rc, index_at, text, size);
    if (rc == SRT_OK) {
        walk(text + index.root.value_at, index.root.value_len);
    }
    struct srt_buf out = {0};
    json_put_string(&out, text, size); /* whatever the bytes are */
    srt_assert(json_validate((const char *)out.data, out.len, &at) == SRT_OK);
    srt_buf_fini(&out);
    json_index_fini(&index);
    free(text);
    return 0;
}
