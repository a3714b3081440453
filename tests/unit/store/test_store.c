/* A store from the outside: what was acknowledged is there, once, in order, now and after a reopen;
 * with it store_dir.c, store_partitions.c and retention.c. */
#include "store_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "record/batch.h"
#include "store/journal.h"

static void an_empty_store_opens_and_closes_without_a_journal(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_open(&f);
    assert_true(f.recovery.clean);
    fixture_close(&f);
    fixture_open(&f);
    assert_true(f.recovery.clean);
    assert_int_equal(f.restored_count, 0);
    fixture_close(&f);
    fixture_fini(&f);
}

static void appended_records_are_read_back_in_order(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_open(&f);
    fixture_create(&f, 0, 2);
    struct partition *part = fixture_part(&f, 0, 1);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(fixture_append(&f, part, (uint64_t)i, 3, 100, 1000 * i), 3 * i);
        assert_int_equal(partition_high_watermark(part), 3 * i + 3);
    }
    assert_int_equal(fixture_count(part), 150);
    assert_int_equal(fixture_count(fixture_part(&f, 0, 0)), 0);
    fixture_close(&f);
    fixture_fini(&f);
}

static void a_closed_store_reopens_with_everything(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_open(&f);
    fixture_create(&f, 0, 2);
    for (int i = 0; i < 300; i++) {
        fixture_append(&f, fixture_part(&f, 0, i % 2), (uint64_t)i, 3, 100, 1000 * i);
    }
    assert_int_equal(fixture_try_note(&f, 3, 77), SRT_OK);
    fixture_close(&f);
    for (int round = 0; round < 3; round++) {
        fixture_open(&f);
        assert_true(f.recovery.clean);
        assert_int_equal(f.recovery.frames_replayed, 0);
        assert_int_equal(f.restored_count, 1);
        assert_int_equal(f.notes[3], 77);
        assert_int_equal(fixture_count(fixture_part(&f, 0, 0)), 450 + 3 * round);
        assert_int_equal(fixture_count(fixture_part(&f, 0, 1)), 450);
        fixture_append(&f, fixture_part(&f, 0, 0), 1000, 3, 100, 0);
        fixture_close(&f);
    }
    fixture_fini(&f);
}


/* --- segments --- */

static int64_t segment_files(struct fixture *f, const char *dir)
{
    struct io_list names;
    int64_t count = 0;
    assert_int_equal(io_list_dir(f->options.fs, dir, &names, &f->err), SRT_OK);
    for (size_t i = 0; i < names.count; i++) {
        count += strstr(names.names[i], ".seg") != NULL;
    }
    io_list_free(&names);
    return count;
}

static const char topic_dir[] = "/data/topics/ab000000000000000000000000000001-topic0-0";

static void segments_roll_by_size_and_by_age(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    f.config.segment_ms = 60000;
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    struct partition *part = fixture_part(&f, 0, 0);
    for (int i = 0; i < 40; i++) {
        fixture_append(&f, part, (uint64_t)i, 1, 1000, i);
    }
    assert_int_equal(segment_files(&f, topic_dir), 3); /* 16 KiB each */
    srt_clock_fake_advance(&f.clock, 59999);
    fixture_append(&f, part, 40, 1, 10, 40);
    assert_int_equal(segment_files(&f, topic_dir), 3);
    srt_clock_fake_advance(&f.clock, 1);
    fixture_append(&f, part, 41, 1, 10, 41);
    assert_int_equal(segment_files(&f, topic_dir), 4);
    assert_int_equal(fixture_count(part), 42);
    fixture_close(&f);
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

static void a_time_leads_to_the_first_record_at_or_after_it(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    struct partition *part = fixture_part(&f, 0, 0);
    for (int i = 0; i < 200; i++) {
        fixture_append(&f, part, (uint64_t)i, 2, 300, 1000 * i);
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 200; i++) {
            int64_t offset, time_ms;
            assert_int_equal(partition_offset_for_time(part, 1000 * i, &offset, &time_ms, &f.err),
                             SRT_OK);
            assert_int_equal(offset, 2 * i);
            assert_int_equal(time_ms, 1000 * i);
            assert_int_equal(
                partition_offset_for_time(part, 1000 * i + 1, &offset, &time_ms, &f.err), SRT_OK);
            assert_int_equal(offset, 2 * i + 1);
            assert_int_equal(
                partition_offset_for_time(part, 1000 * i - 998, &offset, &time_ms, &f.err), SRT_OK);
            assert_int_equal(offset, 2 * i);
        }
        int64_t offset, time_ms;
        assert_int_equal(partition_offset_for_time(part, 199002, &offset, &time_ms, &f.err),
                         SRT_ENOENT);
        fixture_close(&f); /* the second time with indexes from their files */
        fixture_open(&f);
        part = fixture_part(&f, 0, 0);
    }
    fixture_close(&f);
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

static void reading_respects_offsets_and_limits(void **state)
{
    (void)state;
    struct fixture f;
    struct srt_buf buf;
    srt_buf_init(&buf);
    fixture_init(&f, NULL);
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    struct partition *part = fixture_part(&f, 0, 0);
    for (int i = 0; i < 100; i++) {
        fixture_append(&f, part, (uint64_t)i, 2, 500, i);
    }
    assert_int_equal(partition_read(part, 200, 1000, &buf, &f.err), SRT_OK);
    assert_int_equal(buf.len, 0);
    assert_int_equal(partition_read(part, 201, 1000, &buf, &f.err), SRT_ERANGE);
    assert_int_equal(partition_read(part, -1, 1000, &buf, &f.err), SRT_ERANGE);
    for (int64_t offset = 0; offset < 200; offset++) {
        struct batch_info info;
        srt_buf_clear(&buf);
        assert_int_equal(partition_read(part, offset, 0, &buf, &f.err), SRT_OK); /* at least one */
        assert_int_equal(batch_check(buf.data, buf.len, &info), SRT_OK);
        assert_int_equal(info.size_bytes, buf.len);
        assert_int_equal(info.base_offset, offset / 2 * 2);
        srt_buf_clear(&buf);
        assert_int_equal(partition_read(part, offset, 5000, &buf, &f.err), SRT_OK);
        assert_true(buf.len <= 5000 && (buf.len > 3800 || offset > 190));
    }
    srt_buf_fini(&buf);
    fixture_close(&f);
    fixture_fini(&f);
}

static void retention_by_size_and_time_keeps_the_active_segment(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    f.config.retention_bytes = 20 << 10;
    f.config.retention_ms = 60000;
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    struct partition *part = fixture_part(&f, 0, 0);
    for (int i = 0; i < 60; i++) {
        fixture_append(&f, part, (uint64_t)i, 1, 1000, 1700000000000);
    }
    assert_int_equal(store_apply_retention(f.store, &f.err), SRT_OK);
    int64_t start = partition_log_start(part);
    assert_true(start > 0 && start < 60);
    assert_true(partition_size_bytes(part) >= 20 << 10);
    assert_true(partition_size_bytes(part) < 40 << 10);
    assert_int_equal(fixture_count(part), 60 - start);
    struct srt_buf buf;
    srt_buf_init(&buf);
    assert_int_equal(partition_read(part, start - 1, 1000, &buf, &f.err), SRT_ERANGE);
    srt_buf_fini(&buf);
    fixture_close(&f);
    fixture_open(&f);
    part = fixture_part(&f, 0, 0);
    assert_int_equal(partition_log_start(part), start);
    assert_int_equal(fixture_count(part), 60 - start);
    srt_clock_fake_advance(&f.clock, 60001);
    assert_int_equal(store_apply_retention(f.store, &f.err), SRT_OK);
    assert_true(partition_log_start(part) > start);
    fixture_close(&f);
    assert_int_equal(segment_files(&f, topic_dir), 1);
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

/* --- the journal's files --- */

static size_t journal_files(struct fixture *f)
{
    struct io_list names;
    assert_int_equal(io_list_dir(f->options.fs, "/data/journal", &names, &f->err), SRT_OK);
    size_t count = names.count;
    io_list_free(&names);
    return count;
}

static void journal_files_are_used_again_after_checkpoints(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    fixture_init(&f, disk);
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    for (int i = 0; i < 1000; i++) { /* some 16 journal files */
        fixture_append(&f, fixture_part(&f, 0, 0), (uint64_t)i, 1, 1000, i);
    }
    fixture_close(&f);
    assert_true(journal_files(&f) <= 10);
    fixture_open(&f);
    assert_int_equal(fixture_count(fixture_part(&f, 0, 0)), 1000);
    assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK);
    fixture_close(&f);
    assert_true(journal_files(&f) <= 2 + JOURNAL_SPARES_MAX); /* the last one, spares */
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

static void a_deleted_topic_leaves_no_files_behind(void **state)
{
    (void)state;
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    struct io_file_info info;
    fixture_init(&f, disk);
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    fixture_append(&f, fixture_part(&f, 0, 0), 1, 1, 1000, 0);
    struct partition *part = fixture_part(&f, 0, 0);
    partition_ref(part);
    fixture_delete(&f, 0);
    assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK);
    assert_int_equal(fixture_count(part), 1); /* who reads it may finish */
    assert_int_equal(fixture_try_append(&f, part, 2, 1, 10, 0, NULL), SRT_ENOENT);
    partition_unref(part);
    fixture_close(&f);
    fixture_open(&f);
    assert_false(f.topics[0].used);
    fixture_close(&f);
    assert_int_equal(fake_disk_fs(disk)->path_info(fake_disk_fs(disk), topic_dir, &info), -ENOENT);
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

/* --- what is refused --- */

static void a_write_that_fits_no_frame_is_too_big(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    struct partition *part = fixture_part(&f, 0, 0);
    size_t max = store_write_bytes_max(f.store);
    assert_int_equal(max, 48 << 10);
    assert_int_equal(fixture_try_append(&f, part, 1, 1, max, 0, NULL), SRT_ETOOBIG);
    assert_int_equal(fixture_try_append(&f, part, 1, 1, max - 200, 0, NULL), SRT_OK);
    assert_int_equal(fixture_count(part), 1);
    fixture_close(&f);
    fixture_fini(&f);
}

static void a_data_directory_has_one_writer_and_any_number_of_views(void **state)
{
    (void)state;
    struct fixture f, g;
    fixture_init(&f, NULL);
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    fixture_append(&f, fixture_part(&f, 0, 0), 1, 2, 10, 0);
    fixture_init(&g, NULL);
    g.options.data_dir = f.temp.path;
    assert_int_equal(fixture_try_open(&g), SRT_EBUSY);
    assert_non_null(strstr(g.err.msg, "is in use by another process"));
    g.options.read_only = true;
    fixture_open(&g);
    assert_int_equal(fixture_count(fixture_part(&g, 0, 0)), 2);
    fixture_append(&f, fixture_part(&f, 0, 0), 2, 2, 10, 0);
    assert_int_equal(fixture_count(fixture_part(&g, 0, 0)), 2); /* as it was */
    assert_int_equal(fixture_try_append(&g, fixture_part(&g, 0, 0), 1, 1, 1, 0, NULL), SRT_ECLOSED);
    fixture_close(&g);
    fixture_fini(&g);
    fixture_close(&f);
    fixture_fini(&f);
}

static void another_format_and_a_missing_directory_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    temp_dir_write_file(&f.temp, "node.json", "{\"format\":2,\"node_id\":\"x\"}");
    assert_int_equal(fixture_try_open(&f), SRT_EVERSION);
    temp_dir_write_file(&f.temp, "node.json", "nonsense");
    assert_int_equal(fixture_try_open(&f), SRT_ECORRUPT);
    char missing[300];
    snprintf(missing, sizeof missing, "%s/none", f.temp.path);
    f.options.data_dir = missing;
    f.options.create = false;
    assert_int_equal(fixture_try_open(&f), SRT_ENOENT);
    f.options.create = true;
    f.options.read_only = true;
    assert_int_equal(fixture_try_open(&f), SRT_ENOENT);
    fixture_fini(&f);
}

/* --- watching --- */

static void count_moved(void *arg)
{
    (*(int *)arg)++;
}

static void watchers_are_told_until_they_leave(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, NULL);
    fixture_open(&f);
    fixture_create(&f, 0, 1);
    struct partition *part = fixture_part(&f, 0, 0);
    int a_count = 0, b_count = 0;
    struct partition_watch a = {.moved = count_moved, .arg = &a_count};
    struct partition_watch b = {.moved = count_moved, .arg = &b_count};
    partition_watch_add(part, &a);
    partition_watch_add(part, &b);
    fixture_append(&f, part, 1, 1, 10, 0);
    partition_watch_remove(part, &a);
    assert_int_equal(a_count, 1);
    fixture_append(&f, part, 1, 1, 10, 0);
    partition_watch_remove(part, &b);
    assert_int_equal(a_count, 1);
    assert_int_equal(b_count, 2);
    fixture_close(&f);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_store_opens_and_closes_without_a_journal),
        cmocka_unit_test(appended_records_are_read_back_in_order),
        cmocka_unit_test(a_closed_store_reopens_with_everything),
        cmocka_unit_test(segments_roll_by_size_and_by_age),
        cmocka_unit_test(a_time_leads_to_the_first_record_at_or_after_it),
        cmocka_unit_test(reading_respects_offsets_and_limits),
        cmocka_unit_test(retention_by_size_and_time_keeps_the_active_segment),
        cmocka_unit_test(journal_files_are_used_again_after_checkpoints),
        cmocka_unit_test(a_deleted_topic_leaves_no_files_behind),
        cmocka_unit_test(a_write_that_fits_no_frame_is_too_big),
        cmocka_unit_test(a_data_directory_has_one_writer_and_any_number_of_views),
        cmocka_unit_test(another_format_and_a_missing_directory_are_refused),
        cmocka_unit_test(watchers_are_told_until_they_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
