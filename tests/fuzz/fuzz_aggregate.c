/* Any bytes as the cell of any aggregator: refused, or a cell that can do what all cells can, and
 * whose own bytes come back the same. */
#include "fuzz_input.h"
#include "record/json.h"
#include "state/aggregate.h"

static void check_result(const struct aggregate_def *def, const struct aggregate_cell *cell)
{
    struct srt_buf to = {0};
    size_t error_at;
    aggregate_result(def, cell, 1000, &to);
    srt_assert(json_validate((const char *)to.data, to.len, &error_at) == SRT_OK);
    srt_buf_fini(&to);
}

static void add_some(const struct aggregate_def *def, struct aggregate_cell *cell)
{
    static const struct state_value values[] = {
        {.kind = STATE_VALUE_TRUE},
        {.kind = STATE_VALUE_INTEGER, .is.integer = INT64_MAX},
        {.kind = STATE_VALUE_FLOAT, .is.number = -1e300},
        {.kind = STATE_VALUE_TEXT, .is.text = {"text", 4}},
    };
    struct srt_err err;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct aggregate_at at = {.offset = (int64_t)i};
        if (aggregate_check(def, &values[i], NULL, &err) == SRT_OK) {
            int rc = aggregate_add(def, cell, &values[i], NULL, &at, &err);
            srt_assert(rc == SRT_OK || rc == SRT_ETOOBIG);
        }
    }
}

/* Its own bytes are the same again. */
static void check_bytes(const struct aggregate_def *def, const struct aggregate_cell *cell,
                        struct aggregate_cell *ret_again)
{
    struct srt_buf bytes[2] = {{0}, {0}};
    struct srt_err err;
    aggregate_encode(def, cell, &bytes[0]);
    const uint8_t *at = bytes[0].data;
    int rc = aggregate_decode(def, ret_again, &at, bytes[0].data + bytes[0].len, &err);
    srt_assert(rc == SRT_OK && at == bytes[0].data + bytes[0].len);
    aggregate_encode(def, ret_again, &bytes[1]);
    srt_assert(bytes[0].len == bytes[1].len);
    srt_assert(memcmp(bytes[0].data, bytes[1].data, bytes[0].len) == 0);
    srt_buf_fini(&bytes[0]);
    srt_buf_fini(&bytes[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct aggregate_def def = {
        .kind = (enum aggregate_kind)(fuzz_byte(&in) % AGGREGATE_KIND_COUNT),
        .parameter = 0.5,
        .limit = 4,
        .bounds = {0, 10},
        .bound_count = 2,
    };
    struct aggregate_cell cell = {0};
    struct aggregate_cell again = {0};
    struct srt_err err;
    uint8_t *bytes = fuzz_copy(in.data, in.size);
    const uint8_t *at = bytes;
    if (aggregate_decode(&def, &cell, &at, bytes + in.size, &err) == SRT_OK) {
        srt_assert(at <= bytes + in.size);
        check_result(&def, &cell);
        check_bytes(&def, &cell, &again);
        /* what was read is in the form that is written */
        struct srt_buf written = {0};
        aggregate_encode(&def, &again, &written);
        srt_assert(written.len == (size_t)(at - bytes));
        srt_assert(memcmp(written.data, bytes, written.len) == 0);
        srt_buf_fini(&written);
        for (int i = 0; aggregate_can_merge(def.kind) && i < 3; i++) {
            int rc = aggregate_merge(&def, &cell, &again, &err);
            srt_assert(rc == SRT_OK || rc == SRT_ETOOBIG);
        }
        add_some(&def, &cell);
        check_result(&def, &cell);
    } else {
        srt_assert(err.code == SRT_ECORRUPT || err.code == SRT_ETOOBIG);
    }
    aggregate_fini(&def, &cell);
    aggregate_fini(&def, &again);
    free(bytes);
    return 0;
}
