#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "record/partitioner.h"

/* The expected values are those that Kafka's own tests state for its Java client. */
static void murmur2_agrees_with_the_java_client(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t hash;
    } known[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        int32_t hash = (int32_t)murmur2(known[i].key, (int32_t)strlen(known[i].key));
        assert_int_equal(hash, known[i].hash);
    }
}

static void murmur2_reads_unaligned_keys(void **state)
{
    (void)state;
    char space[32];
    for (size_t shift = 0; shift < 8; shift++) {
        memcpy(space + shift, "foobar", 6);
        assert_int_equal((int32_t)murmur2(space + shift, 6), -790332482);
    }
}

static void negative_hashes_are_masked_not_negated(void **state)
{
    (void)state;
    /* "21" hashes to -973932308, masked 1173551340. */
    assert_int_equal(partition_for_key("21", 2, 1000), 1173551340 % 1000);
    assert_int_equal(partition_for_key("21", 2, 1), 0);
    assert_int_equal(partition_for_key("abc", 3, 7), 479470107 % 7);
}

static void sticky_stays_until_the_batch_is_full_then_moves(void **state)
{
    (void)state;
    struct sticky_partitioner sticky;
    sticky_init(&sticky, 42);
    int32_t before = sticky_partition(&sticky, 5);
    for (int round = 0; round < 200; round++) {
        assert_in_range(before, 0, 4);
        assert_int_equal(sticky_partition(&sticky, 5), before);
        sticky_batch_full(&sticky);
        int32_t next = sticky_partition(&sticky, 5);
        assert_int_not_equal(next, before);
        before = next;
    }
}

static void sticky_reaches_every_partition_about_equally(void **state)
{
    (void)state;
    struct sticky_partitioner sticky;
    sticky_init(&sticky, 7);
    int seen[4] = {0};
    for (int round = 0; round < 4000; round++) {
        seen[sticky_partition(&sticky, 4)]++;
        sticky_batch_full(&sticky);
    }
    for (int i = 0; i < 4; i++) {
        assert_in_range(seen[i], 800, 1200);
    }
}

static void sticky_copes_with_one_and_with_fewer_partitions(void **state)
{
    (void)state;
    struct sticky_partitioner sticky;
    sticky_init(&sticky, 1);
    for (int round = 0; round < 10; round++) {
        assert_int_equal(sticky_partition(&sticky, 1), 0);
        sticky_batch_full(&sticky);
    }
    sticky.current = 7;
    assert_in_range(sticky_partition(&sticky, 3), 0, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(murmur2_agrees_with_the_java_client),
        cmocka_unit_test(murmur2_reads_unaligned_keys),
        cmocka_unit_test(negative_hashes_are_masked_not_negated),
        cmocka_unit_test(sticky_stays_until_the_batch_is_full_then_moves),
        cmocka_unit_test(sticky_reaches_every_partition_about_equally),
        cmocka_unit_test(sticky_copes_with_one_and_with_fewer_partitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
