#include "base/err.h"
#include "cli/exit_code.h"
#include "support/cmocka_srt.h"

static void every_code_of_the_list_has_an_exit_code(void **state)
{
    (void)state;
#define CHECK(name, number, text, retriable) assert_int_not_equal(exit_code_of(SRT_##name), 0);
    SRT_ERR_MAP(CHECK)
#undef CHECK
    assert_int_equal(exit_code_of(SRT_OK), 0);
}

static void the_pinned_ones_are_what_systemd_expects(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of(SRT_EFSYNC), 74);
    assert_int_equal(exit_code_of(SRT_ECORRUPT), 74);
    assert_int_equal(exit_code_of(SRT_EBUSY), 75);
    assert_int_equal(exit_code_of(SRT_EDENIED), 77);
    assert_int_equal(exit_code_of(SRT_ECONFIG), 78);
    assert_int_equal(exit_code_of(SRT_EINTERRUPTED), 130);
    assert_int_equal(exit_code_of(SRT_ENOENT), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_of_the_list_has_an_exit_code),
        cmocka_unit_test(the_pinned_ones_are_what_systemd_expects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
