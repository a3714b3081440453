#include "keyed_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "record/batch.h"

void keyed_model_init(struct keyed_model *model)
{
    for (int k = 0; k < KEYED_KEYS_MAX; k++) {
        model->number[k] = KEYED_DELETED;
        model->offset[k] = -1;
    }
}

static void make_batch(struct srt_buf *to, const struct keyed_put *puts, int count,
                       size_t value_bytes, int64_t timestamp_ms)
{
    struct batch_builder b;
    char *value = calloc(1, value_bytes + 64);
    srt_assert(value);
    batch_builder_init(&b);
    for (int i = 0; i < count; i++) {
        char key[32];
        int key_len = snprintf(key, sizeof key, "key-%d", puts[i].key);
        memset(value, 'x', value_bytes);
        int len = snprintf(value, 64, "%" PRId64 " ", puts[i].number);
        value[len] = 'x';
        bool deleted = puts[i].number == KEYED_DELETED;
        size_t size = (size_t)len > value_bytes ? (size_t)len : value_bytes;
        struct record rec = {
            .key = (const uint8_t *)key,
            .key_len = key_len,
            .value = deleted ? NULL : (const uint8_t *)value,
            .value_len = deleted ? RECORD_ABSENT : (int32_t)size,
            .timestamp_ms = timestamp_ms + i,
        };
        srt_assert(batch_builder_add(&b, &rec) == SRT_OK);
    }
    const uint8_t *data;
    size_t size;
    batch_builder_finish(&b, &data, &size);
    srt_buf_put(to, data, size);
    batch_builder_fini(&b);
    free(value);
}

int keyed_try_put(struct fixture *f, struct partition *part, const struct keyed_put *puts,
                  int count, size_t value_bytes, struct keyed_model *model)
{
    struct srt_buf buf;
    srt_buf_init(&buf);
    make_batch(&buf, puts, count, value_bytes, srt_clock_wall_ms(&f->clock.clock));
    struct store_append append = {.part = part, .batches = buf.data, .size_bytes = buf.len};
    struct store_write write = {.appends = &append, .append_count = 1};
    int rc = store_write_wait(f->store, &write, &f->err);
    for (int i = 0; rc == SRT_OK && model && i < count; i++) {
        model->number[puts[i].key] = puts[i].number;
        model->offset[puts[i].key] = append.ret_base_offset + i;
    }
    srt_buf_fini(&buf);
    return rc;
}

void keyed_put(struct fixture *f, struct partition *part, int key, int64_t number,
               size_t value_bytes, struct keyed_model *model)
{
    struct keyed_put put = {key, number};
    assert_int_equal(keyed_try_put(f, part, &put, 1, value_bytes, model), SRT_OK);
}

static int read_batch(const uint8_t *data, const struct batch_info *info, int64_t *next,
                      keyed_record_fn each, void *arg)
{
    struct batch_reader reader;
    struct record rec;
    int rc = batch_reader_init(&reader, data, info, NULL);
    while (rc == SRT_OK && (rc = batch_reader_next(&reader, &rec)) == SRT_OK) {
        int key;
        char text[64] = {0};
        if (rec.offset < *next) {
            continue;
        }
        *next = rec.offset + 1;
        memcpy(text, rec.key, (size_t)rec.key_len < 63 ? (size_t)rec.key_len : 63);
        if (sscanf(text, "key-%d", &key) != 1) {
            return SRT_ECORRUPT;
        }
        int64_t number = KEYED_DELETED;
        if (rec.value_len != RECORD_ABSENT) {
            memset(text, 0, sizeof text);
            memcpy(text, rec.value, (size_t)rec.value_len < 63 ? (size_t)rec.value_len : 63);
            if (sscanf(text, "%" SCNd64, &number) != 1) {
                return SRT_ECORRUPT;
            }
        }
        each(arg, rec.offset, key, number);
    }
    return rc == SRT_EEND ? SRT_OK : rc;
}

int keyed_try_read(struct partition *part, int64_t offset, size_t max_bytes, keyed_record_fn each,
                   void *arg, struct srt_err *err)
{
    struct srt_buf buf;
    srt_buf_init(&buf);
    int rc = SRT_OK;
    int64_t next = offset;
    while (rc == SRT_OK) {
        srt_buf_clear(&buf);
        rc = partition_read(part, offset, max_bytes, &buf, err);
        if (rc != SRT_OK || buf.len == 0) {
            break;
        }
        for (size_t at = 0; rc == SRT_OK && at < buf.len;) {
            struct batch_info info;
            rc = batch_check(buf.data + at, buf.len - at, &info);
            if (rc == SRT_OK) {
                rc = read_batch(buf.data + at, &info, &next, each, arg);
                at += info.size_bytes;
                offset = batch_last_offset(&info) + 1;
            }
        }
        if (rc != SRT_OK) {
            srt_fail(err, rc, "test: wrong content at offset %" PRId64, offset);
        }
    }
    if (rc == SRT_OK && offset != partition_high_watermark(part)) {
        rc = srt_fail(err, SRT_ECORRUPT, "test: it ends at offset %" PRId64, offset);
    }
    srt_buf_fini(&buf);
    return rc;
}

struct last {
    struct keyed_model model;
    int64_t count;
};

static void take_last(void *arg, int64_t offset, int key, int64_t number)
{
    struct last *last = arg;
    last->model.number[key] = number;
    last->model.offset[key] = offset;
    last->count++;
}

int64_t keyed_check(struct partition *part, const struct keyed_model *model)
{
    static struct last last;
    struct srt_err err = {0};
    keyed_model_init(&last.model);
    last.count = 0;
    int rc = keyed_try_read(part, partition_log_start(part), 3000, take_last, &last, &err);
    if (rc != SRT_OK) {
        print_error("read: %s\n", err.msg);
    }
    assert_int_equal(rc, SRT_OK);
    for (int k = 0; k < KEYED_KEYS_MAX; k++) {
        assert_int_equal(last.model.number[k], model->number[k]);
        if (model->number[k] != KEYED_DELETED || last.model.offset[k] >= 0) {
            assert_int_equal(last.model.offset[k], model->offset[k]);
        }
    }
    return last.count;
}
