#include <pthread.h>
#include <stdio.h>

#include "base/fault.h"
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

static int32_t join(struct broker_fixture *f, const char *id)
{
    struct group_join request = {.group = "g",
                                 .protocol_type = "consumer",
                                 .member_id = id,
                                 .topics = (const char *const[]){"orders"},
                                 .topic_count = 1,
                                 .session_ms = 1000};
    int32_t generation;
    struct srt_err err = {0};
    assert_ok(group_member_join(f->broker, &request, &generation, &err), &err);
    return generation;
}

static int64_t committed(struct broker_fixture *f, const struct topic_id *id)
{
    int64_t offset;
    uint8_t *detail;
    uint32_t detail_len;
    return broker_group_position(f->broker, "g", id, 0, NULL, &offset, &detail, &detail_len) ==
                   SRT_OK
               ? offset
               : -1;
}

static void commit_of_the_current_generation_is_durable(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic_id id = *topic_get_id(broker_fixture_topic(f, "orders", 1));
    int32_t generation = join(f, "a");
    struct group_position position = {.topic_id = id, .offset = 5};
    assert_ok(group_member_commit(f->broker, "g", "a", generation, &position, 1, &err), &err);
    assert_int_equal(committed(f, &id), 5);
    broker_fixture_reopen(f);
    assert_int_equal(committed(f, &id), 5);
}

static void commit_of_an_older_generation_is_fenced(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic_id id = *topic_get_id(broker_fixture_topic(f, "orders", 1));
    int32_t first = join(f, "a");
    int32_t second = join(f, "b");
    struct group_position position = {.topic_id = id, .offset = 5};
    assert_int_equal(group_member_commit(f->broker, "g", "a", first, &position, 1, &err),
                     SRT_EFENCED);
    assert_int_equal(committed(f, &id), -1);
    assert_ok(group_member_commit(f->broker, "g", "a", second, &position, 1, &err), &err);
    assert_int_equal(committed(f, &id), 5);
    assert_int_equal(group_member_commit(f->broker, "g", "c", second, &position, 1, &err),
                     SRT_ENOENT);
    assert_int_equal(group_member_commit(f->broker, "h", "a", second, &position, 1, &err),
                     SRT_ENOENT);
}

static void committing_keeps_a_member_alive(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic_id id = *topic_get_id(broker_fixture_topic(f, "orders", 1));
    int32_t generation = join(f, "a");
    struct group_position position = {.topic_id = id, .offset = 5};
    for (int i = 0; i < 3; i++) {
        srt_clock_fake_advance(&f->clock, 900);
        group_expire_members(f->broker);
        assert_ok(group_member_commit(f->broker, "g", "a", generation, &position, 1, &err), &err);
    }
    srt_clock_fake_advance(&f->clock, 1001);
    group_expire_members(f->broker);
    assert_int_equal(group_member_commit(f->broker, "g", "a", generation, &position, 1, &err),
                     SRT_EFENCED);
}

/* Two members commit as fast as they can while the generation changes under them. Each commits its
 * own rising number only when it is the current generation's owner, so what is committed at the end
 * is what the last successful commit said. */
static struct broker_fixture *threads_fixture;
static struct topic_id threads_topic;

static void *commit_often(void *arg)
{
    const char *member = arg;
    struct srt_err err = {0};
    for (int i = 0; i < 300; i++) {
        struct group_position position = {.topic_id = threads_topic, .offset = i};
        int32_t generation = 0;
        struct group_partition *parts;
        uint32_t count;
        if (group_member_assignment(threads_fixture->broker, "g", member, &generation, &parts,
                                    &count, &err) != SRT_OK) {
            return "assignment";
        }
        free(parts);
        int code = group_member_commit(threads_fixture->broker, "g", member, generation, &position,
                                       1, &err);
        if (code != SRT_OK && code != SRT_EFENCED) {
            return "commit";
        }
    }
    return NULL;
}

static void commits_and_rebalances_may_race(void **state)
{
    struct broker_fixture *f = threads_fixture = *state;
    struct srt_err err = {0};
    threads_topic = *topic_get_id(broker_fixture_topic(f, "orders", 1));
    (void)join(f, "a");
    (void)join(f, "b");
    pthread_t threads[2];
    assert_int_equal(pthread_create(&threads[0], NULL, commit_often, "a"), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, commit_often, "b"), 0);
    for (int i = 0; i < 100; i++) {
        (void)join(f, "c");
        assert_ok(group_member_leave(f->broker, "g", "c", &err), &err);
    }
    for (int i = 0; i < 2; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_in_range(committed(f, &threads_topic), 0, 299);
}

static void deleted_group_starts_anew(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic_id id = *topic_get_id(broker_fixture_topic(f, "orders", 1));
    int32_t generation = join(f, "a");
    struct group_position position = {.topic_id = id, .offset = 5};
    assert_ok(group_member_commit(f->broker, "g", "a", generation, &position, 1, &err), &err);
    assert_int_equal(broker_group_delete(f->broker, "g", &err), SRT_EBUSY);
    assert_string_equal(err.msg, "group 'g' has 1 members");
    assert_ok(group_member_leave(f->broker, "g", "a", &err), &err);
    assert_ok(broker_group_delete(f->broker, "g", &err), &err);
    assert_int_equal(broker_group_delete(f->broker, "g", &err), SRT_ENOENT);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(committed(f, &id), -1);
        broker_fixture_reopen(f);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(commit_of_the_current_generation_is_durable),
        TEST(commit_of_an_older_generation_is_fenced),
        TEST(committing_keeps_a_member_alive),
        TEST(commits_and_rebalances_may_race),
        TEST(deleted_group_starts_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
