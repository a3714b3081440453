/* A file that is read and files that are written, while each call they make fails once. A pipeline
 * reads lines, writes them to two files and commits where each of them ends; what failed is tried
 * again as a pipeline does. In the end both files have every line once. */
#include <sched.h>
#include <stdio.h>

#include "base/atomic.h"
#include "connect/connectors.h"
#include "fault/nth.h"
#include "pipeline/sink_writer.h"
#include "support/cmocka_srt.h"

enum { SINKS = 2, EPOCHS = 3, LINES = 400 };

/* --- sinks --- */

struct committed {
    bool any;
    int64_t at[SINKS];
};

static const struct stage stages[SINKS] = {{.kind = STAGE_TO_FILE, .path = "/out/a"},
                                           {.kind = STAGE_TO_FILE, .path = "/out/b"}};

static void nothing(void *arg)
{
    (void)arg;
}

static int open_writer(struct fake_disk *disk, const struct committed *committed,
                       struct sink_writer **ret, struct srt_err *err)
{
    struct sink_spec specs[SINKS];
    for (int i = 0; i < SINKS; i++) {
        specs[i] = (struct sink_spec){.ops = &sink_file_ops,
                                      .stage = &stages[i],
                                      .position_name = sink_file_ops.position_name(&stages[i]),
                                      .has_position = committed->any,
                                      .position = committed->at[i]};
    }
    return sink_writer_open(specs, SINKS, fake_disk_fs(disk), nothing, NULL, ret, err);
}

static int write_epoch(struct sink_writer *writer, struct epoch_part *part, struct srt_err *err)
{
    sink_writer_write(writer, &part, 1);
    while (!sink_writer_take_result(writer, err)) {
        sched_yield();
    }
    return err->code;
}

/* What the commit does with the positions; always durable here. */
static void commit_epoch(struct sink_writer *writer, struct committed *committed)
{
    struct epoch_part *positions = epoch_part_create(0);
    sink_writer_positions(writer, positions);
    assert_int_equal(positions->position_count, SINKS);
    for (int i = 0; i < SINKS; i++) {
        committed->at[i] = positions->positions[i].offset;
    }
    committed->any = true;
    epoch_part_destroy(positions);
    sink_writer_committed(writer);
}

static void assert_file(struct fake_disk *disk, const char *path, const char *expected)
{
    struct srt_buf content;
    struct srt_err err;
    assert_ok(io_read_file(fake_disk_fs(disk), path, 1 << 20, &content, &err), &err);
    assert_string_equal(srt_buf_cstr(&content), expected);
    srt_buf_fini(&content);
}

/* One life of the pipeline, from the epoch after the last committed one. SRT_OK, or why it ended:
 * what cannot pass ends it. Heals the disk at the first failure that can. */
static int live(struct fake_disk *disk, const struct nth *nth, struct epoch_part *const *epochs,
                struct committed *committed, int *done, bool *met)
{
    struct sink_writer *writer;
    struct srt_err err = {0};
    int rc = open_writer(disk, committed, &writer, &err);
    if (rc != SRT_OK) {
        nth_check_answer(nth, rc, &err);
        assert_false(nth_code_may_pass(rc)); /* that is waited for, not ended with */
        return rc;
    }
    while (rc == SRT_OK && *done < EPOCHS) {
        rc = write_epoch(writer, epochs[*done], &err);
        nth_check_answer(nth, rc, &err);
        if (rc == SRT_OK) {
            commit_epoch(writer, committed);
            (*done)++;
        } else if (nth_code_may_pass(rc)) {
            *met = nth_disarm(nth, disk);
            rc = SRT_OK;
        }
    }
    sink_writer_close(writer);
    return rc;
}

struct epochs {
    struct epoch_part *parts[EPOCHS];
    struct srt_buf whole; /* what each file has in the end */
};

static bool try_sinks(void *arg, const struct nth *nth)
{
    const struct epochs *epochs = arg;
    struct fake_disk *disk = fake_disk_create();
    struct srt_err err;
    struct committed committed = {0};
    int done = 0;
    bool met = false;
    assert_ok(io_make_dirs(fake_disk_fs(disk), "/out", &err), &err);
    nth_arm(nth, disk);
    int rc = live(disk, nth, epochs->parts, &committed, &done, &met);
    assert_false(rc == SRT_OK && done < EPOCHS);
    met = nth_disarm(nth, disk) || met;
    assert_int_equal(fake_disk_open_fds(disk), 0);
    fake_disk_crash(disk, nth->n, nth->n % 2 ? FAKE_DISK_DROP_UNSYNCED : FAKE_DISK_KEEP_SOME);
    rc = live(disk, nth, epochs->parts, &committed, &done, &met);
    assert_int_equal(rc, SRT_OK);
    const char *whole = (const char *)epochs->whole.data;
    assert_file(disk, "/out/a", whole);
    assert_file(disk, "/out/b", whole);
    struct io_list list;
    assert_ok(io_list_dir(fake_disk_fs(disk), "/out", &list, &err), &err);
    assert_int_equal(list.count, SINKS); /* and no note is left */
    io_list_free(&list);
    assert_int_equal(fake_disk_open_fds(disk), 0);
    fake_disk_destroy(disk);
    return met;
}

static void two_files_have_every_line_once_whatever_fails(void **state)
{
    (void)state;
    struct epochs epochs = {0};
    for (int e = 0; e < EPOCHS; e++) {
        epochs.parts[e] = epoch_part_create(SINKS);
        for (int line = 0; line < 20; line++) {
            char text[64];
            snprintf(text, sizeof text, "epoch %d, line %d\n", e, line);
            for (int s = 0; s < SINKS; s++) {
                srt_buf_put_str(&epochs.parts[e]->sinks[s], text);
            }
            srt_buf_put_str(&epochs.whole, text);
        }
    }
    (void)srt_buf_cstr(&epochs.whole); /* its end */
    nth_for_each("write files", try_sinks, &epochs);
    for (int e = 0; e < EPOCHS; e++) {
        epoch_part_destroy(epochs.parts[e]);
    }
    srt_buf_fini(&epochs.whole);
}

/* --- source --- */

struct reader {
    struct io_loop loop;
    struct source_spec spec;
    struct source_context context;
    int64_t position;
    uint8_t detail[64];
    uint32_t detail_len;
    int64_t next_number; /* of the line that comes next */
};

static int read_batches(struct reader *reader, struct source *source, struct srt_err *err)
{
    for (;;) {
        struct source_batch part = {.bad_index = -1};
        int rc = source->ops->poll(source, 700, &part, err);
        if (rc != SRT_OK) {
            return rc;
        }
        for (uint32_t i = 0; i < part.count; i++) {
            char expected[32];
            int len = snprintf(expected, sizeof expected, "line number %d",
                               (int)reader->next_number++);
            assert_int_equal(part.records[i].value_len, len);
            assert_memory_equal(part.records[i].value, expected, (size_t)len);
        }
        const uint8_t *detail;
        reader->position = part.next_offset;
        source->ops->detail(source, &detail, &reader->detail_len);
        memcpy(reader->detail, detail, reader->detail_len);
    }
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
}

/* From the last position to the end, or to an error. */
static int read_on(struct reader *reader, struct srt_err *err)
{
    struct source *source;
    bool any = reader->detail_len > 0;
    int rc = source_file_ops.open(&reader->context, any ? &reader->position : NULL,
                                  any ? reader->detail : NULL, reader->detail_len, &source, err);
    if (rc != SRT_OK) {
        return rc;
    }
    rc = read_batches(reader, source, err);
    bool closed = false;
    source->ops->close(source, on_closed, &closed);
    while (!closed) {
        io_loop_run_once(&reader->loop);
    }
    return rc == SRT_EEND ? SRT_OK : rc;
}

static bool try_source(void *arg, const struct nth *nth)
{
    struct fake_disk *disk = fake_disk_clone(arg);
    struct reader reader = {0};
    struct srt_err err = {0};
    assert_ok(io_loop_init(&reader.loop, &err), &err);
    reader.spec = (struct source_spec){
        .codec = CODEC_TEXT, .path = "/in", .max_record_bytes = 1 << 20, .count = -1};
    reader.context = (struct source_context){.spec = &reader.spec,
                                             .loop = &reader.loop,
                                             .clock = srt_clock_real(),
                                             .fs = fake_disk_fs(disk),
                                             .wake = nothing};
    nth_arm(nth, disk);
    int rc = read_on(&reader, &err);
    nth_check_answer(nth, rc, &err);
    bool met = nth_disarm(nth, disk);
    assert_int_equal(fake_disk_open_fds(disk), 0);
    assert_ok(read_on(&reader, &err), &err);
    assert_int_equal(reader.next_number, LINES);
    io_loop_fini(&reader.loop);
    fake_disk_destroy(disk);
    return met;
}

static void a_file_is_read_line_by_line_once_whatever_fails(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct srt_buf lines = {0};
    struct srt_err err;
    for (int i = 0; i < LINES; i++) {
        srt_buf_printf(&lines, "line number %d\n", i);
    }
    assert_ok(io_write_file_atomic(fake_disk_fs(disk), "/in", lines.data, lines.len, &err), &err);
    srt_buf_fini(&lines);
    nth_for_each("read a file", try_source, disk);
    fake_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(two_files_have_every_line_once_whatever_fails, nth_teardown),
        cmocka_unit_test_teardown(a_file_is_read_line_by_line_once_whatever_fails, nth_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
