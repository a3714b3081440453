/* A store from the outside: what was acknowledged is there, once, in order, now and after a reopen. */
#include "store_fixture.h"

#include <errno.h>
#include <string.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_store_opens_and_closes_without_a_journal),
        cmocka_unit_test(appended_records_are_read_back_in_order),
        cmocka_unit_test(a_closed_store_reopens_with_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
