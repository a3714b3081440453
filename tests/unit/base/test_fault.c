#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "support/child.h"
#include "support/cmocka_srt.h"

static int teardown(void **state)
{
    (void)state;
    srt_fault_disarm();
    return 0;
}

static void unarmed_points_cost_nothing_and_do_nothing(void **state)
{
    (void)state;
    assert_false(srt_fault_armed);
    assert_int_equal(SRT_FAULT(journal_sync), 0);
    assert_int_equal(srt_fault_passed(SRT_FAULT_journal_sync), 0);
}

static void armed_point_fails_once_at_its_hit(void **state)
{
    (void)state;
    srt_fault_arm(SRT_FAULT_journal_sync, 3, SRT_FAULT_ERRNO, ENOSPC);
    int results[5];
    for (int i = 0; i < 5; i++) {
        results[i] = SRT_FAULT(journal_sync);
        assert_int_equal(SRT_FAULT(segment_write), 0); /* another point is not touched */
    }
    static const int expected[5] = {0, 0, ENOSPC, 0, 0};
    assert_memory_equal(results, expected, sizeof expected);
    assert_int_equal(srt_fault_passed(SRT_FAULT_journal_sync), 5);
    srt_fault_arm(SRT_FAULT_journal_sync, 1, SRT_FAULT_ERRNO, EIO); /* counts from now */
    assert_int_equal(SRT_FAULT(journal_sync), EIO);
}

static void armed_point_fails_from_then_on(void **state)
{
    (void)state;
    srt_fault_arm(SRT_FAULT_segment_write, 2, SRT_FAULT_ERRNO_FROM_THEN_ON, EIO);
    assert_int_equal(SRT_FAULT(segment_write), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(SRT_FAULT(segment_write), EIO);
    }
}

static void watching_counts_only(void **state)
{
    (void)state;
    srt_fault_watch();
    for (int i = 0; i < 4; i++) {
        assert_int_equal(SRT_FAULT(ack), 0);
    }
    assert_int_equal(srt_fault_passed(SRT_FAULT_ack), 4);
    srt_fault_disarm();
    assert_int_equal(srt_fault_passed(SRT_FAULT_ack), 0);
}

static void pass_twice(void *arg)
{
    (void)arg;
    srt_fault_arm(SRT_FAULT_commit_done, 2, SRT_FAULT_KILL, 0);
    (void)SRT_FAULT(commit_done);
    (void)SRT_FAULT(commit_done);
}

static void kill_ends_the_process_without_a_word(void **state)
{
    (void)state;
    char said[200];
    int status = child_run(pass_twice, NULL, said, sizeof said);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    assert_string_equal(said, "");
}

static void text_arms_several_points(void **state)
{
    (void)state;
    assert_true(
        srt_fault_arm_from_text("journal_sync:2:EIO,alloc:1:ENOMEM,segment_write:1:ENOSPC+"));
    assert_int_equal(SRT_FAULT(journal_sync), 0);
    assert_int_equal(SRT_FAULT(journal_sync), EIO);
    assert_int_equal(SRT_FAULT(alloc), ENOMEM);
    assert_int_equal(SRT_FAULT(alloc), 0);
    assert_int_equal(SRT_FAULT(segment_write), ENOSPC);
    assert_int_equal(SRT_FAULT(segment_write), ENOSPC);
    assert_true(srt_fault_arm_from_text(""));
    assert_true(srt_fault_arm_from_text("journal_roll:9:kill"));
}

static void text_that_cannot_be_read_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "journal_sync",         "journal_sync:1",         "journal_sync:0:EIO",
        "journal_sync:x:EIO",   "journal_sync:1x:EIO",    "journal_sync:-1:EIO",
        "journal_sync:1:EWHAT", "journal_syncs:1:EIO",    "journal:1:EIO",
        "journal_sync:1:kil",   "journal_sync:1:",        ":1:EIO",
        "journal_sync: 1:EIO",  "journal_sync:1:EIO,ack", "journal_sync:99999999999999999999:EIO",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (srt_fault_arm_from_text(texts[i])) {
            fail_msg("'%s' was accepted", texts[i]);
        }
    }
}

static void points_have_the_names_of_the_list(void **state)
{
    (void)state;
    assert_string_equal(srt_fault_name(SRT_FAULT_alloc), "alloc");
    assert_string_equal(srt_fault_name(SRT_FAULT_ack), "ack");
    expect_assert_failure(srt_fault_arm(SRT_FAULT_POINT_COUNT, 1, SRT_FAULT_ERRNO, EIO));
    expect_assert_failure(srt_fault_arm(SRT_FAULT_ack, 0, SRT_FAULT_ERRNO, EIO));
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unarmed_points_cost_nothing_and_do_nothing),
        cmocka_unit_test_teardown(armed_point_fails_once_at_its_hit, teardown),
        cmocka_unit_test_teardown(armed_point_fails_from_then_on, teardown),
        cmocka_unit_test_teardown(watching_counts_only, teardown),
        cmocka_unit_test_teardown(kill_ends_the_process_without_a_word, teardown),
        cmocka_unit_test_teardown(text_arms_several_points, teardown),
        cmocka_unit_test_teardown(text_that_cannot_be_read_is_refused, teardown),
        cmocka_unit_test_teardown(points_have_the_names_of_the_list, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
