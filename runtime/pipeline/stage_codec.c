#include "pipeline/stage_codec.h"

#include <string.h>

#include "base/alloc.h"

int stage_blob_set(struct stage_blob **blob, const void *bytes, size_t len)
{
    struct stage_blob *fresh = srt_alloc(sizeof *fresh + len);
    if (!fresh) {
        return SRT_ENOMEM;
    }
    fresh->len = (uint32_t)len;
    memcpy(fresh->bytes, bytes, len);
    srt_free(*blob);
    *blob = fresh;
    return SRT_OK;
}

static void put_blob(const struct stage_blob *blob, struct srt_buf *to)
{
    uint8_t len[4];
    srt_put_be32(len, blob ? blob->len : UINT32_MAX);
    srt_buf_put(to, len, sizeof len);
    if (blob) {
        srt_buf_put(to, blob->bytes, blob->len);
    }
}

static int damaged(struct srt_err *err)
{
    return srt_fail(err, SRT_ECORRUPT, "a row of state ends too early");
}

static int get_blob(struct stage_blob **blob, const uint8_t **at, const uint8_t *end,
                    struct srt_err *err)
{
    if (end - *at < 4) {
        return damaged(err);
    }
    uint32_t len = srt_get_be32(*at);
    *at += 4;
    if (len == UINT32_MAX) {
        return SRT_OK;
    }
    if ((size_t)(end - *at) < len) {
        return damaged(err);
    }
    if (stage_blob_set(blob, *at, len) != SRT_OK) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a row of state");
    }
    *at += len;
    return SRT_OK;
}

static void put_times(int64_t start_ms, int64_t last_ms, int64_t count, struct srt_buf *to)
{
    uint8_t bytes[24];
    srt_put_be64(bytes, (uint64_t)start_ms);
    srt_put_be64(bytes + 8, (uint64_t)last_ms);
    srt_put_be64(bytes + 16, (uint64_t)count);
    srt_buf_put(to, bytes, sizeof bytes);
}

static bool get_times(const uint8_t **at, const uint8_t *end, int64_t *ret_start,
                      int64_t *ret_last, int64_t *ret_count)
{
    if (end - *at < 24) {
        return false;
    }
    *ret_start = (int64_t)srt_get_be64(*at);
    *ret_last = (int64_t)srt_get_be64(*at + 8);
    *ret_count = (int64_t)srt_get_be64(*at + 16);
    *at += 24;
    return true;
}

/* --- AGGREGATE --- */

static void window_encode(void *arg, const void *cell, struct srt_buf *to)
{
    const struct stage *stage = arg;
    const struct stage_window *window = cell;
    put_times(window->start_ms, window->last_ms, window->count, to);
    for (uint32_t i = 0; i < stage_cell_count(stage); i++) {
        if (stage_cell_is_bytes(stage, i)) {
            put_blob(window->cells[i].a.heap, to);
        } else {
            aggregate_encode(&stage->aggregates[i].def, &window->cells[i], to);
        }
    }
}

static int window_decode(void *arg, void *cell, const uint8_t *data, size_t size,
                         struct srt_err *err)
{
    const struct stage *stage = arg;
    struct stage_window *window = cell;
    const uint8_t *at = data;
    const uint8_t *end = data + size;
    if (!get_times(&at, end, &window->start_ms, &window->last_ms, &window->count)) {
        return damaged(err);
    }
    for (uint32_t i = 0; i < stage_cell_count(stage); i++) {
        struct aggregate_cell *at_cell = &window->cells[i];
        int code = stage_cell_is_bytes(stage, i)
                       ? get_blob((struct stage_blob **)&at_cell->a.heap, &at, end, err)
                       : aggregate_decode(&stage->aggregates[i].def, at_cell, &at, end, err);
        if (code != SRT_OK) {
            return code;
        }
    }
    return at == end ? SRT_OK : srt_fail(err, SRT_ECORRUPT, "a row of state has bytes too many");
}

static void window_fini(void *arg, void *cell)
{
    const struct stage *stage = arg;
    struct stage_window *window = cell;
    for (uint32_t i = 0; i < stage_cell_count(stage); i++) {
        if (stage_cell_is_bytes(stage, i)) {
            srt_free(window->cells[i].a.heap);
        } else {
            aggregate_fini(&stage->aggregates[i].def, &window->cells[i]);
        }
    }
}

static size_t window_heap_bytes(void *arg, const void *cell)
{
    const struct stage *stage = arg;
    const struct stage_window *window = cell;
    size_t bytes = 0;
    for (uint32_t i = 0; i < stage_cell_count(stage); i++) {
        const struct stage_blob *blob = window->cells[i].a.heap;
        if (!stage_cell_is_bytes(stage, i)) {
            bytes += aggregate_heap_bytes(&stage->aggregates[i].def, &window->cells[i]);
        } else if (blob) {
            bytes += sizeof *blob + blob->len;
        }
    }
    return bytes;
}

/* --- one value --- */

static void bytes_encode(void *arg, const void *cell, struct srt_buf *to)
{
    (void)arg;
    const struct stage_bytes *row = cell;
    put_times(row->start_ms, row->last_ms, row->count, to);
    put_blob(row->blob, to);
}

static int bytes_decode(void *arg, void *cell, const uint8_t *data, size_t size,
                        struct srt_err *err)
{
    (void)arg;
    struct stage_bytes *row = cell;
    const uint8_t *at = data;
    const uint8_t *end = data + size;
    if (!get_times(&at, end, &row->start_ms, &row->last_ms, &row->count)) {
        return damaged(err);
    }
    int code = get_blob(&row->blob, &at, end, err);
    if (code == SRT_OK && at != end) {
        return srt_fail(err, SRT_ECORRUPT, "a row of state has bytes too many");
    }
    return code;
}

static void bytes_fini(void *arg, void *cell)
{
    (void)arg;
    struct stage_bytes *row = cell;
    srt_free(row->blob);
}

static size_t bytes_heap_bytes(void *arg, const void *cell)
{
    (void)arg;
    const struct stage_bytes *row = cell;
    return row->blob ? sizeof *row->blob + row->blob->len : 0;
}

bool stage_codec(const struct stage *stage, struct state_codec *ret)
{
    if (stage->kind == STAGE_AGGREGATE || stage->kind == STAGE_REDUCE) {
        *ret = (struct state_codec){
            .cell_bytes = sizeof(struct stage_window) +
                          stage_cell_count(stage) * sizeof(struct aggregate_cell),
            .encode = window_encode,
            .decode = window_decode,
            .fini = window_fini,
            .heap_bytes = window_heap_bytes,
            .arg = (void *)(uintptr_t)stage,
        };
        return true;
    }
    if (stage->kind == STAGE_DEDUPE || stage->kind == STAGE_PROCESS ||
        stage->kind == STAGE_JOIN) {
        *ret = (struct state_codec){
            .cell_bytes = sizeof(struct stage_bytes),
            .encode = bytes_encode,
            .decode = bytes_decode,
            .fini = bytes_fini,
            .heap_bytes = bytes_heap_bytes,
        };
        return true;
    }
    return false;
}

bool stage_codec_has_subkey(const struct stage *stage, const uint8_t *subkey, uint32_t len)
{
    if (stage->kind == STAGE_AGGREGATE || stage->kind == STAGE_REDUCE) {
        return len == STAGE_TIME_BYTES;
    }
    if (stage->kind == STAGE_PROCESS) {
        return len > 0 && ((subkey[0] == STAGE_SUBKEY_STATE && len == 1) ||
                           (subkey[0] == STAGE_SUBKEY_TIMER && len > 1 &&
                            len <= 1 + STAGE_TIMER_NAME_MAX));
    }
    if (stage->kind == STAGE_JOIN && stage->join->with_kind == JOIN_STREAM) {
        return len == STAGE_PLACE_BYTES && subkey[0] <= 1;
    }
    return len == 0;
}
