#include "store_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/varint.h"
#include "record/batch.h"

/* --- the keeper: a create entry is topic number (1), partition count (4) --- */

static int create(struct fixture *f, int topic, uint32_t partition_count, struct srt_err *err)
{
    struct keeper_topic *t = &f->topics[topic];
    char name[32];
    snprintf(name, sizeof name, "topic%d", topic);
    t->used = true;
    t->id = fixture_topic_id(topic);
    t->partition_count = partition_count;
    for (uint32_t i = 0; i < partition_count; i++) {
        int rc = store_partition_attach(f->store, &t->id, name, (int32_t)i, &f->config,
                                        &t->parts[i], err);
        if (rc != SRT_OK) {
            return rc;
        }
    }
    return SRT_OK;
}

static int keeper_apply(void *ctx, uint8_t kind, const uint8_t *data, size_t size,
                        struct srt_err *err)
{
    struct fixture *f = ctx;
    f->applied_count++;
    switch (kind) {
    case KEEPER_CREATE:
        srt_assert(size == 5);
        return create(f, data[0], srt_get_be32(data + 1), err);
    case KEEPER_DELETE: {
        struct keeper_topic *t = &f->topics[data[0]];
        for (uint32_t i = 0; i < t->partition_count; i++) {
            store_partition_detach(f->store, t->parts[i]);
        }
        *t = (struct keeper_topic){0};
        return SRT_OK;
    }
    case KEEPER_NOTE:
        srt_assert(size == 12);
        f->notes[srt_get_be32(data)] = srt_get_be64(data + 4);
        return SRT_OK;
    default:
        srt_unreachable("keeper kind");
    }
}

static void keeper_snapshot(void *ctx, struct srt_buf *to)
{
    struct fixture *f = ctx;
    for (int i = 0; i < FIXTURE_TOPICS_MAX; i++) {
        uint8_t bytes[5] = {f->topics[i].used};
        srt_put_be32(bytes + 1, f->topics[i].partition_count);
        srt_buf_put(to, bytes, sizeof bytes);
    }
    for (int i = 0; i < FIXTURE_NOTES_MAX; i++) {
        uint8_t bytes[8];
        srt_put_be64(bytes, f->notes[i]);
        srt_buf_put(to, bytes, sizeof bytes);
    }
}

static int keeper_restore(void *ctx, const uint8_t *data, size_t size, struct srt_err *err)
{
    struct fixture *f = ctx;
    f->restored_count++;
    srt_assert(size == 5 * FIXTURE_TOPICS_MAX + 8 * FIXTURE_NOTES_MAX);
    for (int i = 0; i < FIXTURE_TOPICS_MAX; i++, data += 5) {
        if (data[0]) {
            int rc = create(f, i, srt_get_be32(data + 1), err);
            if (rc != SRT_OK) {
                return rc;
            }
        }
    }
    for (int i = 0; i < FIXTURE_NOTES_MAX; i++, data += 8) {
        f->notes[i] = srt_get_be64(data);
    }
    return SRT_OK;
}

static void on_fatal(void *ctx, const struct srt_err *err)
{
    struct fixture *f = ctx;
    f->fatal_count++;
    f->fatal = *err;
}

/* --- life --- */

void fixture_init(struct fixture *f, struct fake_disk *disk)
{
    *f = (struct fixture){.disk = disk};
    srt_clock_fake_init(&f->clock, 1700000000000);
    store_options_default(&f->options);
    if (disk) {
        f->options.fs = fake_disk_fs(disk);
        f->options.data_dir = "/data";
    } else {
        temp_dir_make(&f->temp);
        f->options.data_dir = f->temp.path;
    }
    f->options.clock = &f->clock.clock;
    f->options.journal_file_bytes = 64 << 10;
    f->options.checkpoint_bytes = 96 << 10;
    f->options.meta = (struct store_meta_ops){f, keeper_restore, keeper_apply, keeper_snapshot};
    f->options.on_fatal = on_fatal;
    f->options.on_fatal_ctx = f;
    partition_config_default(&f->config);
    f->config.segment_bytes = 16 << 10;
    f->config.retention_ms = -1; /* the records of tests are from 1970 */
    f->config.index_interval_bytes = 512;
}

void fixture_fini(struct fixture *f)
{
    if (f->store) {
        (void)fixture_try_close(f);
    }
    if (f->disk) {
        assert_int_equal(fake_disk_open_fds(f->disk), 0);
    } else {
        temp_dir_remove(&f->temp);
    }
}

void fixture_forget(struct fixture *f)
{
    memset(f->topics, 0, sizeof f->topics);
    memset(f->notes, 0, sizeof f->notes);
    f->restored_count = f->applied_count = f->fatal_count = 0;
}

int fixture_try_open(struct fixture *f)
{
    fixture_forget(f);
    srt_err_clear(&f->err);
    int rc = store_open(&f->options, &f->store, &f->err);
    if (rc == SRT_OK) {
        store_get_recovery(f->store, &f->recovery);
    } else {
        assert_null(f->store);
    }
    return rc;
}

void fixture_open(struct fixture *f)
{
    int rc = fixture_try_open(f);
    if (rc != SRT_OK) {
        print_error("open: %s\n", f->err.msg);
    }
    assert_int_equal(rc, SRT_OK);
}

int fixture_try_close(struct fixture *f)
{
    struct store *store = f->store;
    f->store = NULL;
    return store_close(store, &f->err);
}

void fixture_close(struct fixture *f)
{
    int rc = fixture_try_close(f);
    if (rc != SRT_OK) {
        print_error("close: %s\n", f->err.msg);
    }
    assert_int_equal(rc, SRT_OK);
}

/* --- topics --- */

struct topic_id fixture_topic_id(int topic)
{
    struct topic_id id = {{0}};
    id.bytes[0] = 0xab;
    id.bytes[15] = (uint8_t)(topic + 1);
    return id;
}

static int write_meta(struct fixture *f, uint8_t kind, const void *data, size_t size)
{
    struct store_meta_entry meta = {kind, data, size};
    struct store_write write = {.metas = &meta, .meta_count = 1};
    return store_write_wait(f->store, &write, &f->err);
}

int fixture_try_create(struct fixture *f, int topic, uint32_t partition_count)
{
    uint8_t data[5] = {(uint8_t)topic};
    srt_put_be32(data + 1, partition_count);
    return write_meta(f, KEEPER_CREATE, data, sizeof data);
}

void fixture_create(struct fixture *f, int topic, uint32_t partition_count)
{
    assert_int_equal(fixture_try_create(f, topic, partition_count), SRT_OK);
}

void fixture_delete(struct fixture *f, int topic)
{
    uint8_t data[1] = {(uint8_t)topic};
    assert_int_equal(write_meta(f, KEEPER_DELETE, data, sizeof data), SRT_OK);
}

struct partition *fixture_part(struct fixture *f, int topic, int partition)
{
    return f->topics[topic].parts[partition];
}

int fixture_try_note(struct fixture *f, uint32_t slot, uint64_t value)
{
    uint8_t data[12];
    srt_put_be32(data, slot);
    srt_put_be64(data + 4, value);
    return write_meta(f, KEEPER_NOTE, data, sizeof data);
}

/* --- records --- */

void fixture_batch(struct srt_buf *to, uint64_t tag, int count, size_t value_bytes,
                   int64_t timestamp_ms)
{
    struct batch_builder b;
    uint8_t *value = calloc(1, value_bytes + 64);
    srt_assert(value);
    batch_builder_init(&b);
    for (int i = 0; i < count; i++) {
        memset(value, 'x', value_bytes);
        int len = snprintf((char *)value, 64, "%" PRIu64 ":%d ", tag, i);
        value[len] = 'x';
        struct record rec = {
            .value = value,
            .key_len = RECORD_ABSENT,
            .value_len = (int32_t)((size_t)len > value_bytes ? (size_t)len : value_bytes),
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

int fixture_try_append(struct fixture *f, struct partition *part, uint64_t tag, int count,
                       size_t value_bytes, int64_t timestamp_ms, int64_t *ret_offset)
{
    struct srt_buf buf;
    srt_buf_init(&buf);
    fixture_batch(&buf, tag, count, value_bytes, timestamp_ms);
    struct store_append append = {.part = part, .batches = buf.data, .size_bytes = buf.len};
    struct store_write write = {.appends = &append, .append_count = 1};
    int rc = store_write_wait(f->store, &write, &f->err);
    if (rc == SRT_OK && ret_offset) {
        *ret_offset = append.ret_base_offset;
    }
    srt_buf_fini(&buf);
    return rc;
}

int64_t fixture_append(struct fixture *f, struct partition *part, uint64_t tag, int count,
                       size_t value_bytes, int64_t timestamp_ms)
{
    int64_t offset = -1;
    int rc = fixture_try_append(f, part, tag, count, value_bytes, timestamp_ms, &offset);
    if (rc != SRT_OK) {
        print_error("append: %s\n", f->err.msg);
    }
    assert_int_equal(rc, SRT_OK);
    return offset;
}

static int visit_batches(const struct srt_buf *buf, int64_t *offset, int64_t *count,
                         fixture_record_fn each, void *arg)
{
    for (size_t at = 0; at < buf->len;) {
        struct batch_info info;
        struct batch_reader reader;
        struct record rec;
        if (batch_check(buf->data + at, buf->len - at, &info) != SRT_OK ||
            batch_reader_init(&reader, buf->data + at, &info, NULL) != SRT_OK) {
            return SRT_ECORRUPT;
        }
        while (batch_reader_next(&reader, &rec) == SRT_OK) {
            if (rec.offset < *offset) {
                continue;
            }
            if (rec.offset != *offset) {
                return SRT_ECORRUPT;
            }
            char text[64] = {0};
            memcpy(text, rec.value, (size_t)rec.value_len < 63 ? (size_t)rec.value_len : 63);
            uint64_t tag = 0;
            int number = -1;
            if (sscanf(text, "%" SCNu64 ":%d", &tag, &number) != 2) {
                return SRT_ECORRUPT;
            }
            if (each) {
                each(arg, rec.offset, tag, number);
            }
            (*offset)++;
            (*count)++;
        }
        at += info.size_bytes;
    }
    return SRT_OK;
}

int fixture_try_read(struct partition *part, int64_t offset, size_t max_bytes,
                     fixture_record_fn each, void *arg, int64_t *ret_count, struct srt_err *err)
{
    struct srt_buf buf;
    srt_buf_init(&buf);
    int64_t count = 0;
    int rc = SRT_OK;
    while (rc == SRT_OK) {
        srt_buf_clear(&buf);
        rc = partition_read(part, offset, max_bytes, &buf, err);
        if (rc != SRT_OK || buf.len == 0) {
            break;
        }
        rc = visit_batches(&buf, &offset, &count, each, arg);
        if (rc != SRT_OK) {
            srt_fail(err, rc, "test: wrong content at offset %" PRId64, offset);
        }
    }
    srt_buf_fini(&buf);
    *ret_count = count;
    return rc;
}

int64_t fixture_count(struct partition *part)
{
    struct srt_err err;
    int64_t count = 0;
    int rc = fixture_try_read(part, partition_log_start(part), 4096, NULL, NULL, &count, &err);
    if (rc != SRT_OK) {
        print_error("read: %s\n", err.msg);
    }
    assert_int_equal(rc, SRT_OK);
    assert_int_equal(partition_log_start(part) + count, partition_high_watermark(part));
    return count;
}
