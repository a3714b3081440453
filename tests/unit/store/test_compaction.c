/* compaction.c and store_compaction.c against a model: of each key the last record stays, where it
 * was, whatever came before, whoever reads and whenever the store is opened again. */
#include "keyed_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/rng.h"
#include "record/batch.h"

static struct keyed_model model;

static void begin(struct fixture *f, struct fake_disk *disk)
{
    fixture_init(f, disk);
    f->config.compact = true;
    f->config.segment_bytes = 8 << 10;
    f->config.segment_ms = INT64_C(1) << 50;
    f->options.checkpoint_bytes = 1 << 20; /* else it is compacted before the test says so */
    fixture_open(f);
    fixture_create(f, 0, 1);
    keyed_model_init(&model);
}

static void compact(struct fixture *f)
{
    assert_int_equal(store_checkpoint(f->store, &f->err), SRT_OK);
    int rc = store_compact(f->store, &f->err);
    if (rc != SRT_OK) {
        print_error("compact: %s\n", f->err.msg);
    }
    assert_int_equal(rc, SRT_OK);
}

static void put_rounds(struct fixture *f, int keys, int rounds, int64_t first_number)
{
    struct partition *part = fixture_part(f, 0, 0);
    for (int r = 0; r < rounds; r++) {
        for (int k = 0; k < keys; k += 4) {
            struct keyed_put puts[4];
            for (int i = 0; i < 4; i++) {
                puts[i] = (struct keyed_put){k + i, first_number + r};
            }
            assert_int_equal(keyed_try_put(f, part, puts, 4, 60, &model), SRT_OK);
        }
    }
}

/* So that what was written before is in closed segments. */
static void close_active(struct fixture *f, int key)
{
    keyed_put(f, fixture_part(f, 0, 0), key, 7, 9000, &model);
    keyed_put(f, fixture_part(f, 0, 0), key, 8, 9000, &model);
}

static void reopen(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

/* --- the model --- */

static void of_each_key_the_last_record_stays_where_it_was(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    put_rounds(&f, 40, 30, 100);
    close_active(&f, 1000);
    struct partition *part = fixture_part(&f, 0, 0);
    int64_t end = partition_high_watermark(part);
    uint64_t bytes = partition_size_bytes(part);
    assert_int_equal(keyed_check(part, &model), 40 * 30 + 2);
    compact(&f);
    assert_int_equal(keyed_check(part, &model), 40 + 2);
    assert_int_equal(partition_high_watermark(part), end);
    assert_int_equal(partition_log_start(part), 0);
    assert_true(partition_size_bytes(part) < bytes / 3);
    bytes = partition_size_bytes(part);
    for (int round = 0; round < 3; round++) {
        reopen(&f);
        part = fixture_part(&f, 0, 0);
        assert_int_equal(keyed_check(part, &model), 40 + 2);
        assert_int_equal(partition_high_watermark(part), end);
        compact(&f); /* what was small may have gone into one file, no more */
        assert_true(partition_size_bytes(part) <= bytes);
    }
    fixture_close(&f);
    fixture_fini(&f);
}

static void random_puts_and_compactions_agree_with_the_model(void **state)
{
    (void)state;
    const char *given = getenv("STREAMRT_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : 20;
    print_message("STREAMRT_SEED=%llu\n", (unsigned long long)seed);
    struct srt_rng rng;
    srt_rng_init(&rng, seed);
    struct fixture f;
    begin(&f, NULL);
    f.config.delete_retention_ms = 1000;
    for (int step = 0; step < 1500; step++) {
        struct partition *part = fixture_part(&f, 0, 0);
        struct keyed_put puts[8];
        int count = 1 + (int)srt_rng_below(&rng, 8);
        for (int i = 0; i < count; i++) {
            bool deletes = srt_rng_below(&rng, 5) == 0;
            puts[i] = (struct keyed_put){(int)srt_rng_below(&rng, 150),
                                         deletes ? KEYED_DELETED : step};
        }
        assert_int_equal(
            keyed_try_put(&f, part, puts, count, 10 + srt_rng_below(&rng, 300), &model), SRT_OK);
        srt_clock_fake_advance(&f.clock, (int64_t)srt_rng_below(&rng, 100));
        if (srt_rng_below(&rng, 40) == 0) {
            compact(&f);
            (void)keyed_check(part, &model);
        }
        if (srt_rng_below(&rng, 100) == 0) {
            reopen(&f);
            (void)keyed_check(fixture_part(&f, 0, 0), &model);
        }
    }
    fixture_close(&f);
    fixture_fini(&f);
}

static void more_keys_than_the_map_has_room_for_take_more_passes(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    fixture_close(&f);
    f.options.compaction_slots_max = 64;
    f.config.segment_bytes = 64 << 10; /* the first segment alone has more */
    fixture_open(&f);
    put_rounds(&f, 2000, 3, 1);
    close_active(&f, 3000);
    for (int i = 0; i < 10; i++) {
        close_active(&f, 3000);
    }
    compact(&f);
    assert_true(keyed_check(fixture_part(&f, 0, 0), &model) < 2000 + 10);
    reopen(&f);
    assert_true(keyed_check(fixture_part(&f, 0, 0), &model) < 2000 + 10);
    fixture_close(&f);
    fixture_fini(&f);
}

static void records_without_a_key_stay(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    struct partition *part = fixture_part(&f, 0, 0);
    for (int i = 0; i < 100; i++) {
        fixture_append(&f, part, (uint64_t)i, 3, 100, 0);
    }
    compact(&f);
    assert_int_equal(fixture_count(part), 300);
    fixture_close(&f);
    fixture_fini(&f);
}

/* --- deletions --- */

struct sight {
    int key;
    int64_t values;
    int64_t deletions;
};

static void look(void *arg, int64_t offset, int key, int64_t number)
{
    struct sight *sight = arg;
    (void)offset;
    if (key == sight->key) {
        sight->values += number != KEYED_DELETED;
        sight->deletions += number == KEYED_DELETED;
    }
}

static struct sight look_for(struct fixture *f, int key)
{
    struct sight sight = {.key = key};
    assert_int_equal(
        keyed_try_read(fixture_part(f, 0, 0), 0, 3000, look, &sight, &f->err), SRT_OK);
    return sight;
}

static void a_deletion_stays_for_its_time_after_what_it_deletes_is_gone(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    f.config.delete_retention_ms = 60000;
    reopen(&f);
    put_rounds(&f, 40, 2, 1);
    keyed_put(&f, fixture_part(&f, 0, 0), 5, KEYED_DELETED, 0, &model);
    close_active(&f, 1000);
    srt_clock_fake_advance(&f.clock, 10 * 60000); /* it is old before it is compacted */
    compact(&f);
    struct sight sight = look_for(&f, 5);
    assert_int_equal(sight.values, 0);
    assert_int_equal(sight.deletions, 1);
    srt_clock_fake_advance(&f.clock, 59000);
    compact(&f);
    assert_int_equal(look_for(&f, 5).deletions, 1);
    reopen(&f);
    srt_clock_fake_advance(&f.clock, 2000);
    close_active(&f, 1001);
    compact(&f);
    sight = look_for(&f, 5);
    assert_int_equal(sight.values + sight.deletions, 0);
    (void)keyed_check(fixture_part(&f, 0, 0), &model);
    fixture_close(&f);
    fixture_fini(&f);
}

static void a_key_that_comes_back_outlives_its_deletion(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    f.config.delete_retention_ms = 0;
    reopen(&f);
    keyed_put(&f, fixture_part(&f, 0, 0), 5, 1, 10, &model);
    keyed_put(&f, fixture_part(&f, 0, 0), 5, KEYED_DELETED, 0, &model);
    close_active(&f, 1000);
    compact(&f);
    keyed_put(&f, fixture_part(&f, 0, 0), 5, 2, 10, &model);
    close_active(&f, 1001);
    compact(&f);
    struct sight sight = look_for(&f, 5);
    assert_int_equal(sight.values, 1);
    assert_int_equal(sight.deletions, 0);
    (void)keyed_check(fixture_part(&f, 0, 0), &model);
    fixture_close(&f);
    fixture_fini(&f);
}

/* --- readers --- */

static void a_reader_in_the_middle_goes_on(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    put_rounds(&f, 40, 30, 1);
    close_active(&f, 1000);
    struct partition *part = fixture_part(&f, 0, 0);
    struct srt_buf buf;
    srt_buf_init(&buf);
    /* A hint of where the reader stands, in a segment that is about to be another. */
    assert_int_equal(partition_read(part, 500, 500, &buf, &f.err), SRT_OK);
    int64_t next = 500;
    for (size_t at = 0; at < buf.len;) {
        struct batch_info info;
        assert_int_equal(batch_parse(buf.data + at, buf.len - at, &info), SRT_OK);
        next = batch_last_offset(&info) + 1;
        at += info.size_bytes;
    }
    srt_buf_fini(&buf);
    compact(&f);
    struct sight sight = {.key = 3};
    assert_int_equal(keyed_try_read(part, next, 3000, look, &sight, &f.err), SRT_OK);
    assert_int_equal(sight.values, 1);
    for (int64_t offset = 0; offset < partition_high_watermark(part); offset += 7) {
        sight = (struct sight){.key = 1000};
        assert_int_equal(keyed_try_read(part, offset, 1, look, &sight, &f.err), SRT_OK);
        assert_true(sight.values >= 1);
    }
    fixture_close(&f);
    fixture_fini(&f);
}

static void times_are_found_as_before(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    struct partition *part = fixture_part(&f, 0, 0);
    int64_t start_ms = srt_clock_wall_ms(&f.clock.clock);
    for (int i = 0; i < 400; i++) {
        keyed_put(&f, part, i % 40, i, 60, &model);
        srt_clock_fake_advance(&f.clock, 1000);
    }
    close_active(&f, 1000);
    compact(&f);
    for (int key = 0; key < 40; key++) {
        int64_t offset, time_ms;
        int64_t at_ms = start_ms + 1000 * (360 + key);
        assert_int_equal(partition_offset_for_time(part, at_ms, &offset, &time_ms, &f.err), SRT_OK);
        assert_int_equal(offset, model.offset[key]);
        assert_int_equal(time_ms, at_ms);
    }
    fixture_close(&f);
    fixture_fini(&f);
}

static void a_view_beside_it_sees_the_same(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    put_rounds(&f, 40, 30, 1);
    close_active(&f, 1000);
    compact(&f); /* no checkpoint knows of it yet: the journal does */
    struct fixture view = f;
    view.options.read_only = true;
    view.options.meta.ctx = &view;
    view.store = NULL;
    fixture_open(&view);
    assert_int_equal(keyed_check(fixture_part(&view, 0, 0), &model), 40 + 2);
    fixture_close(&view);
    fixture_close(&f);
    fixture_fini(&f);
}

/* --- when --- */

static void half_of_it_new_is_enough_without_being_asked(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    put_rounds(&f, 40, 30, 1);
    close_active(&f, 1000);
    struct partition *part = fixture_part(&f, 0, 0);
    uint64_t bytes = partition_size_bytes(part);
    assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK);
    while (partition_size_bytes(part) >= bytes / 3) {
        assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK); /* gives the others time */
    }
    fixture_close(&f);
    fixture_open(&f);
    assert_true(keyed_check(fixture_part(&f, 0, 0), &model) < 40 * 30 / 2);
    fixture_close(&f);
    fixture_fini(&f);
}

static void what_is_not_to_be_compacted_is_left_alone(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    f.config.compact = false;
    fixture_create(&f, 1, 1);
    put_rounds(&f, 40, 30, 1);
    for (int i = 0; i < 200; i++) {
        keyed_put(&f, fixture_part(&f, 1, 0), 1, i, 100, NULL);
    }
    compact(&f);
    struct sight sight = {.key = 1};
    assert_int_equal(keyed_try_read(fixture_part(&f, 1, 0), 0, 3000, look, &sight, &f.err),
                     SRT_OK);
    assert_int_equal(sight.values, 200);
    fixture_close(&f);
    fixture_fini(&f);
}

static void an_old_active_segment_is_closed_for_compaction(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    f.config.segment_ms = 5000;
    reopen(&f);
    for (int i = 0; i < 20; i++) {
        keyed_put(&f, fixture_part(&f, 0, 0), i % 2, i, 10, &model);
    }
    srt_clock_fake_advance(&f.clock, 5000);
    assert_int_equal(store_apply_retention(f.store, &f.err), SRT_OK);
    compact(&f);
    assert_int_equal(keyed_check(fixture_part(&f, 0, 0), &model), 2);
    reopen(&f);
    assert_int_equal(keyed_check(fixture_part(&f, 0, 0), &model), 2);
    keyed_put(&f, fixture_part(&f, 0, 0), 1, 99, 10, &model);
    assert_int_equal(keyed_check(fixture_part(&f, 0, 0), &model), 3);
    fixture_close(&f);
    fixture_fini(&f);
}

/* --- trouble --- */

static int count_damage;
static void on_damage(void *arg, const char *path, uint64_t at, const char *reason)
{
    (void)arg;
    print_message("%s:%llu: %s\n", path, (unsigned long long)at, reason);
    count_damage++;
}

static int check(struct fixture *f)
{
    count_damage = 0;
    int count = store_check(f->options.data_dir, f->options.fs, on_damage, NULL, &f->err);
    assert_int_equal(count, count_damage);
    return count;
}

static void a_pass_that_fails_leaves_what_there_was(void **state)
{
    (void)state;
    static const enum srt_fault_point points[] = {
        SRT_FAULT_compaction_write, SRT_FAULT_compaction_written, SRT_FAULT_segment_write};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        struct fixture f;
        begin(&f, NULL);
        put_rounds(&f, 40, 10, 1);
        close_active(&f, 1000);
        fixture_close(&f);
        srt_fault_arm(points[i], 2, SRT_FAULT_ERRNO, ENOSPC);
        fixture_open(&f);
        int rc = store_compact(f.store, &f.err);
        assert_true(rc == SRT_OK || rc == SRT_ENOSPC);
        fixture_close(&f);
        srt_fault_disarm();
        fixture_open(&f);
        (void)keyed_check(fixture_part(&f, 0, 0), &model);
        compact(&f);
        assert_int_equal(keyed_check(fixture_part(&f, 0, 0), &model), 40 + 2);
        fixture_close(&f);
        assert_int_equal(check(&f), 0);
        fixture_open(&f);
        assert_int_equal(keyed_check(fixture_part(&f, 0, 0), &model), 40 + 2);
        fixture_close(&f);
        fixture_fini(&f);
    }
}

static void a_topic_that_is_deleted_or_trimmed_meanwhile_is_given_up(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    f.config.retention_bytes = 30 << 10;
    reopen(&f);
    for (int round = 0; round < 20; round++) {
        put_rounds(&f, 200, 1, round);
        assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK);
        assert_int_equal(store_apply_retention(f.store, &f.err), SRT_OK);
        struct sight sight = {.key = 3};
        struct partition *part = fixture_part(&f, 0, 0);
        assert_int_equal(
            keyed_try_read(part, partition_log_start(part), 3000, look, &sight, &f.err), SRT_OK);
    }
    fixture_delete(&f, 0);
    assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK);
    fixture_close(&f);
    fixture_open(&f);
    fixture_close(&f);
    fixture_fini(&f);
}

static void check_and_repair_know_compacted_segments(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, NULL);
    put_rounds(&f, 40, 30, 1);
    close_active(&f, 1000);
    compact(&f);
    assert_int_equal(check(&f), 0); /* the journal says which files count */
    assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK);
    assert_int_equal(check(&f), 0);
    fixture_close(&f);
    assert_int_equal(check(&f), 0);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_each_key_the_last_record_stays_where_it_was),
        cmocka_unit_test(random_puts_and_compactions_agree_with_the_model),
        cmocka_unit_test(more_keys_than_the_map_has_room_for_take_more_passes),
        cmocka_unit_test(records_without_a_key_stay),
        cmocka_unit_test(a_deletion_stays_for_its_time_after_what_it_deletes_is_gone),
        cmocka_unit_test(a_key_that_comes_back_outlives_its_deletion),
        cmocka_unit_test(a_reader_in_the_middle_goes_on),
        cmocka_unit_test(times_are_found_as_before),
        cmocka_unit_test(a_view_beside_it_sees_the_same),
        cmocka_unit_test(half_of_it_new_is_enough_without_being_asked),
        cmocka_unit_test(what_is_not_to_be_compacted_is_left_alone),
        cmocka_unit_test(an_old_active_segment_is_closed_for_compaction),
        cmocka_unit_test(a_pass_that_fails_leaves_what_there_was),
        cmocka_unit_test(a_topic_that_is_deleted_or_trimmed_meanwhile_is_given_up),
        cmocka_unit_test(check_and_repair_know_compacted_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
