#include <errno.h>

#include "support/cmocka_srt.h"

static void fail_fills_everything_and_returns_the_code(void **state)
{
    (void)state;
    struct srt_err err;
    int rc = srt_fail(&err, SRT_ECORRUPT, "batch %d of '%s'", 7, "x");
    assert_int_equal(rc, SRT_ECORRUPT);
    assert_int_equal(err.code, SRT_ECORRUPT);
    assert_int_equal(err.sys, 0);
    assert_string_equal(err.msg, "batch 7 of 'x'");
    assert_contains(err.where, "test_err.c:");
    srt_err_clear(&err);
    assert_int_equal(err.code, SRT_OK);
    assert_string_equal(err.msg, "");
}

static void system_error_appends_its_text(void **state)
{
    (void)state;
    struct srt_err err;
    assert_int_equal(srt_fail_sys(&err, SRT_ENOSPC, ENOSPC, "write '%s'", "x"), SRT_ENOSPC);
    assert_int_equal(err.sys, ENOSPC);
    assert_string_equal(err.msg, "write 'x': No space left on device");
}

static void wrap_prepends_and_keeps_the_code(void **state)
{
    (void)state;
    struct srt_err err;
    (void)srt_fail_sys(&err, SRT_EIO, EIO, "read");
    assert_int_equal(srt_err_wrap(&err, "topic '%s'", "orders"), SRT_EIO);
    assert_string_equal(err.msg, "topic 'orders': read: Input/output error");
    assert_int_equal(err.sys, EIO);
}

static void too_long_message_says_that_it_was_cut(void **state)
{
    (void)state;
    struct srt_err err;
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    size_t max = sizeof err.msg - 1;

    (void)srt_fail(&err, SRT_EINVAL, "%s", text);
    assert_int_equal(strlen(err.msg), max);
    assert_string_equal(err.msg + max - 4, "x...");

    (void)srt_fail(&err, SRT_EINVAL, "%.*s", (int)max, text); /* fits exactly */
    assert_int_equal(strlen(err.msg), max);
    assert_string_equal(err.msg + max - 4, "xxxx");

    (void)srt_fail_sys(&err, SRT_EIO, EIO, "%.*s", (int)max - 3, text);
    assert_string_equal(err.msg + max - 4, "x...");

    (void)srt_fail(&err, SRT_EINVAL, "%.*s", (int)max, text);
    assert_int_equal(srt_err_wrap(&err, "%s", text), SRT_EINVAL);
    assert_int_equal(strlen(err.msg), max);
    assert_string_equal(err.msg + max - 4, "x...");
}

static void every_code_has_a_name_and_a_text(void **state)
{
    (void)state;
#define CHECK(name, number, text, retriable)                                                       \
    assert_int_equal(SRT_##name, -(number));                                                       \
    assert_string_equal(srt_code_name(SRT_##name), #name);                                         \
    assert_string_equal(srt_code_text(SRT_##name), text);                                          \
    assert_int_equal(srt_code_retriable(SRT_##name), retriable);
    SRT_ERR_MAP(CHECK)
#undef CHECK
    assert_string_equal(srt_code_name(SRT_OK), "OK");
    assert_string_equal(srt_code_name(-9999), "UNKNOWN");
    assert_string_equal(srt_code_text(-9999), "unknown error");
    assert_false(srt_code_retriable(-9999));
}

static void errnos_have_codes(void **state)
{
    (void)state;
    static const struct {
        int sys;
        int code;
    } rows[] = {
        {0, SRT_OK},           {ENOSPC, SRT_ENOSPC},  {EDQUOT, SRT_ENOSPC}, {EACCES, SRT_EDENIED},
        {EPERM, SRT_EDENIED},  {EROFS, SRT_EDENIED},  {ENOENT, SRT_ENOENT}, {EEXIST, SRT_EEXIST},
        {ENOMEM, SRT_ENOMEM},  {EIO, SRT_EIO},        {EMFILE, SRT_EFILES},
        {ENFILE, SRT_EFILES},
        {ENOTDIR, SRT_EINVAL}, {ELOOP, SRT_EINVAL},   {ENAMETOOLONG, SRT_EINVAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(srt_code_from_errno(rows[i].sys), rows[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fail_fills_everything_and_returns_the_code),
        cmocka_unit_test(system_error_appends_its_text),
        cmocka_unit_test(wrap_prepends_and_keeps_the_code),
        cmocka_unit_test(too_long_message_says_that_it_was_cut),
        cmocka_unit_test(every_code_has_a_name_and_a_text),
        cmocka_unit_test(errnos_have_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
