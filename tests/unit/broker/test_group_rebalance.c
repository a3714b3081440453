#include "base/alloc.h"
#include "broker/group.h"
#include "support/broker_fixture.h"
#include "support/cmocka_srt.h"

static int setup(void **state)
{
    static struct broker_fixture fixture;
    broker_fixture_open(&fixture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    broker_fixture_close(*state);
    return 0;
}

static void count_calls(void *arg, int32_t generation)
{
    (void)generation;
    ++*(int *)arg;
}

static void join(struct broker_fixture *f, const char *id, const char *const *topics,
                 uint32_t count, int *calls)
{
    struct group_join request = {.group = "g",
                                 .protocol_type = "pipeline",
                                 .member_id = id,
                                 .topics = topics,
                                 .topic_count = count,
                                 .session_ms = -1,
                                 .on_change = calls ? count_calls : NULL,
                                 .arg = calls};
    int32_t generation;
    struct srt_err err = {0};
    assert_ok(group_member_join(f->broker, &request, &generation, &err), &err);
}

static uint32_t assignment(struct broker_fixture *f, const char *id, struct group_partition **ret)
{
    uint32_t count;
    int32_t generation;
    struct srt_err err = {0};
    assert_ok(group_member_assignment(f->broker, "g", id, &generation, ret, &count, &err), &err);
    return count;
}

static uint32_t part_count(struct broker_fixture *f, const char *id)
{
    struct group_partition *parts;
    uint32_t count = assignment(f, id, &parts);
    srt_free(parts);
    return count;
}

static void add_partitions(struct broker_fixture *f, const char *name, int32_t partition_count)
{
    struct topic_config config;
    topic_get_config(broker_topic_find(f->broker, name), &config);
    config.partition_count = partition_count;
    struct srt_err err = {0};
    assert_ok(broker_topic_alter(f->broker, name, &config, &err), &err);
}

static void new_partitions_are_assigned_and_the_members_told(void **state)
{
    struct broker_fixture *f = *state;
    (void)broker_fixture_topic(f, "orders", 2);
    (void)broker_fixture_topic(f, "other", 2);
    int calls = 0;
    join(f, "a", (const char *const[]){"orders"}, 1, &calls);
    add_partitions(f, "orders", 5);
    assert_int_equal(calls, 1);
    assert_int_equal(part_count(f, "a"), 5);
    add_partitions(f, "other", 5);
    assert_int_equal(calls, 1);
}

static void other_options_make_no_new_generation(void **state)
{
    struct broker_fixture *f = *state;
    struct topic *topic = broker_fixture_topic(f, "orders", 2);
    int calls = 0;
    join(f, "a", (const char *const[]){"orders"}, 1, &calls);
    struct topic_config config;
    topic_get_config(topic, &config);
    config.retention_ms = 1000;
    struct srt_err err = {0};
    assert_ok(broker_topic_alter(f->broker, "orders", &config, &err), &err);
    assert_int_equal(calls, 0);
}

static void topic_that_appears_later_is_read_and_one_that_goes_is_not(void **state)
{
    struct broker_fixture *f = *state;
    int calls = 0;
    join(f, "a", (const char *const[]){"later", "never"}, 2, &calls);
    assert_int_equal(part_count(f, "a"), 0);
    (void)broker_fixture_topic(f, "later", 3);
    assert_int_equal(calls, 1);
    assert_int_equal(part_count(f, "a"), 3);
    struct srt_err err = {0};
    assert_ok(broker_topic_delete(f->broker, "later", &err), &err);
    assert_int_equal(calls, 2);
    assert_int_equal(part_count(f, "a"), 0);
}

static void members_of_different_topics_get_their_own(void **state)
{
    struct broker_fixture *f = *state;
    struct topic *orders = broker_fixture_topic(f, "orders", 3);
    struct topic *clicks = broker_fixture_topic(f, "clicks", 2);
    join(f, "a", (const char *const[]){"orders", "orders"}, 2, NULL); /* twice is once */
    join(f, "b", (const char *const[]){"clicks"}, 1, NULL);
    struct group_partition *parts;
    assert_int_equal(assignment(f, "a", &parts), 3);
    for (int i = 0; i < 3; i++) {
        assert_true(topic_id_equal(&parts[i].topic_id, topic_get_id(orders)));
        assert_int_equal(parts[i].partition, i);
    }
    srt_free(parts);
    assert_int_equal(assignment(f, "b", &parts), 2);
    assert_true(topic_id_equal(&parts[1].topic_id, topic_get_id(clicks)));
    srt_free(parts);
    join(f, "b", (const char *const[]){"clicks", "orders"}, 2, NULL); /* again, with more */
    assert_int_equal(part_count(f, "a"), 3);
    assert_int_equal(part_count(f, "b"), 2);
}

static void joining_moves_no_more_than_it_must(void **state)
{
    struct broker_fixture *f = *state;
    (void)broker_fixture_topic(f, "orders", 9);
    const char *const topics[] = {"orders"};
    join(f, "b", topics, 1, NULL);
    join(f, "c", topics, 1, NULL);
    struct group_partition *before[2];
    uint32_t before_count[2] = {assignment(f, "b", &before[0]), assignment(f, "c", &before[1])};
    join(f, "a", topics, 1, NULL);
    static const char *const ids[] = {"b", "c"};
    for (int m = 0; m < 2; m++) {
        struct group_partition *after;
        uint32_t after_count = assignment(f, ids[m], &after);
        assert_int_equal(after_count, 3);
        for (uint32_t i = 0; i < after_count; i++) {
            bool had = false;
            for (uint32_t j = 0; j < before_count[m]; j++) {
                had |= before[m][j].partition == after[i].partition;
            }
            assert_true(had);
        }
        srt_free(after);
        srt_free(before[m]);
    }
    assert_int_equal(part_count(f, "a"), 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(new_partitions_are_assigned_and_the_members_told),
        TEST(other_options_make_no_new_generation),
        TEST(topic_that_appears_later_is_read_and_one_that_goes_is_not),
        TEST(members_of_different_topics_get_their_own),
        TEST(joining_moves_no_more_than_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
