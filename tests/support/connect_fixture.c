#include "support/connect_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/log.h"

static void on_wake(void *arg)
{
    struct fixture *fx = arg;
    fx->woken = true;
    fx->wakes++;
}

static void on_log(void *arg, enum srt_log_level level, const char *line)
{
    (void)level;
    struct fixture *fx = arg;
    srt_buf_printf(&fx->warnings, "%s\n", line);
}

int fixture_setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);
    const char *parent = getenv("TMPDIR");
    snprintf(fx->dir, sizeof fx->dir, "%.80s/srt-connect-XXXXXX", parent ? parent : "/tmp");
    assert_non_null(mkdtemp(fx->dir));
    snprintf(fx->path, sizeof fx->path, "%s/input", fx->dir);
    assert_int_equal(io_loop_init(&fx->loop, &fx->err), SRT_OK);
    srt_clock_fake_init(&fx->clock, 1000);
    fx->spec = (struct source_spec){
        .codec = CODEC_TEXT, .path = fx->path, .max_record_bytes = 1 << 20, .count = -1};
    fx->context = (struct source_context){
        .spec = &fx->spec,
        .loop = &fx->loop,
        .clock = &fx->clock.clock,
        .fs = io_fs_real(),
        .wake = on_wake,
        .wake_arg = fx,
    };
    srt_log_set_sink(on_log, fx);
    *state = fx;
    return 0;
}

static void remove_entry(void *arg, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", (const char *)arg, name);
    if (unlink(path) != 0) {
        (void)rmdir(path);
    }
}

int fixture_teardown(void **state)
{
    struct fixture *fx = *state;
    srt_fault_disarm();
    fixture_close(fx);
    io_loop_fini(&fx->loop);
    srt_log_set_sink(NULL, NULL);
    const struct io_fs *fs = io_fs_real();
    (void)fs->list(fs, fx->dir, remove_entry, fx->dir);
    assert_int_equal(rmdir(fx->dir), 0);
    srt_buf_fini(&fx->text);
    srt_buf_fini(&fx->warnings);
    free(fx);
    return 0;
}

/* --- files --- */

static void put(const char *path, const void *data, size_t size, int flags)
{
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    assert_int_equal(close(fd), 0);
}

void fixture_write(const char *path, const char *text)
{
    put(path, text, strlen(text), O_TRUNC);
}

void fixture_write_bytes(const char *path, const void *data, size_t size)
{
    put(path, data, size, O_TRUNC);
}

void fixture_append(const char *path, const char *text)
{
    put(path, text, strlen(text), O_APPEND);
}

const char *fixture_file(struct fixture *fx, const char *path)
{
    struct srt_buf content;
    assert_int_equal(io_read_file(io_fs_real(), path, 1 << 24, &content, &fx->err), SRT_OK);
    srt_buf_fini(&fx->text);
    fx->text = content;
    return srt_buf_cstr(&fx->text);
}

/* --- the source --- */

int fixture_open(struct fixture *fx, const struct source_ops *ops, bool resume)
{
    fx->woken = true; /* as a task polls at first */
    return ops->open(&fx->context, resume ? &fx->position : NULL, resume ? fx->detail : NULL,
                     resume ? fx->detail_len : 0, &fx->source, &fx->err);
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
}

void fixture_close(struct fixture *fx)
{
    bool closed = false;
    if (fx->source) {
        fx->source->ops->close(fx->source, on_closed, &closed);
        while (!closed) {
            io_loop_run_once(&fx->loop);
        }
        fx->source = NULL;
    }
}

static void note_batch(struct fixture *fx, const struct source_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct record *rec = &batch->records[i];
        bool bad = batch->bad_index == (int64_t)i;
        srt_buf_printf(&fx->text, "%d%c%.*s", (int)rec->offset, bad ? '!' : ':',
                       rec->value_len > 0 ? (int)rec->value_len : 0, (const char *)rec->value);
        if (rec->key_len >= 0) {
            srt_buf_printf(&fx->text, "=%.*s", (int)rec->key_len, (const char *)rec->key);
        }
        srt_buf_put_u8(&fx->text, '|');
        if (bad) {
            fx->bad = batch->bad;
        }
    }
    fx->position = batch->next_offset;
    const uint8_t *detail;
    fx->source->ops->detail(fx->source, &detail, &fx->detail_len);
    assert_true(fx->detail_len <= sizeof fx->detail);
    if (fx->detail_len) {
        memcpy(fx->detail, detail, fx->detail_len);
    }
}

/* One batch, added to the text. Counts its records in *count. */
static int poll_once(struct fixture *fx, int *count)
{
    struct source_batch batch = {.bad_index = -1};
    fx->woken = false;
    int rc = fx->source->ops->poll(fx->source, 1 << 16, &batch, &fx->err);
    *count = rc == SRT_OK ? (int)batch.count : 0;
    if (rc == SRT_OK) {
        note_batch(fx, &batch);
    }
    return rc;
}

int fixture_read(struct fixture *fx)
{
    srt_buf_clear(&fx->text);
    for (;;) {
        int count;
        int rc = poll_once(fx, &count);
        if (rc != SRT_OK || (count == 0 && !fx->woken)) {
            return rc;
        }
    }
}

int fixture_read_count(struct fixture *fx, int count)
{
    enum { LOOKS_MAX = 50 }; /* what never comes is a failure, not a test without an end */
    srt_buf_clear(&fx->text);
    for (int looks = 0; count > 0; looks++) {
        int some;
        int rc = poll_once(fx, &some);
        if (rc != SRT_OK) {
            return rc;
        }
        count -= some;
        looks = some > 0 ? 0 : looks;
        if (looks == LOOKS_MAX) {
            fail_msg("%d records are missing behind %s", count, srt_buf_cstr(&fx->text));
        }
        while (some == 0 && !fx->woken) {
            io_loop_run_once(&fx->loop);
        }
    }
    return SRT_OK;
}
