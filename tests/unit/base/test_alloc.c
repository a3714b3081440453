#include <errno.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "support/child.h"
#include "support/cmocka_srt.h"

/* The sanitizers' allocators otherwise end the process themselves when memory is out. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void size_of_zero_gives_a_pointer(void **state)
{
    (void)state;
    void *a = srt_alloc(0);
    void *b = srt_xalloc(0);
    void *c = srt_xcalloc(0, 8);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    a = srt_realloc(a, 0);
    assert_non_null(a);
    srt_free(a);
    srt_free(b);
    srt_free(c);
    srt_free(NULL);
}

static void calloc_zeroes_and_realloc_keeps(void **state)
{
    (void)state;
    uint8_t *bytes = srt_xcalloc(16, 4);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(bytes[i], 0);
        bytes[i] = (uint8_t)i;
    }
    bytes = srt_xrealloc(bytes, 10000);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(bytes[i], i);
    }
    srt_free(bytes);
}

static void text_is_copied(void **state)
{
    (void)state;
    char *whole = srt_xstrdup("text");
    char *part = srt_xstrndup("text and more", 4);
    char *made = srt_xasprintf("%s-%d", "text", 5);
    assert_string_equal(whole, "text");
    assert_string_equal(part, "text");
    assert_string_equal(made, "text-5");
    srt_free(whole);
    srt_free(part);
    srt_free(made);
}

static void data_plane_allocation_may_fail(void **state)
{
    (void)state;
    void *kept = srt_alloc(10);
    srt_fault_arm(SRT_FAULT_alloc, 1, SRT_FAULT_ERRNO_FROM_THEN_ON, ENOMEM);
    assert_null(srt_alloc(10));
    assert_null(srt_realloc(kept, 20));
    void *control = srt_xalloc(10); /* the control plane is not part of the experiment */
    srt_fault_disarm();
    assert_non_null(control);
    srt_free(control);
    srt_free(kept);
}

static void take_too_much(void *arg)
{
    (void)arg;
    /* volatile: the compiler must not reason about a size that cannot be */
    volatile size_t size = SIZE_MAX / 4;
    srt_free(srt_xalloc(size));
}

static void overflow(void *arg)
{
    (void)arg;
    volatile size_t count = SIZE_MAX / 4;
    srt_free(srt_xcalloc(count, 8));
}

static void control_plane_ends_the_process_with_a_line(void **state)
{
    (void)state;
    char said[4000];
    int status = child_run(take_too_much, NULL, said, sizeof said);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_contains(said, "streamrt: out of memory");
    status = child_run(overflow, NULL, said, sizeof said);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_contains(said, "streamrt: out of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_of_zero_gives_a_pointer),
        cmocka_unit_test(calloc_zeroes_and_realloc_keeps),
        cmocka_unit_test(text_is_copied),
        cmocka_unit_test(data_plane_allocation_may_fail),
        cmocka_unit_test(control_plane_ends_the_process_with_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
