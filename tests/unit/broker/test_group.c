#include "broker/group.h"

#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
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

struct ear { /* what a member was told, perhaps on two threads at once */
    _Atomic int told;
    _Atomic int32_t generation;
};

static void hear(void *arg, int32_t generation)
{
    struct ear *ear = arg;
    ear->told++;
    ear->generation = generation;
}

static const char *const orders[] = {"orders"};

static int join_as(struct broker_fixture *f, const char *type, const char *id, int64_t session_ms,
                   struct ear *ear, int32_t *ret_generation, struct srt_err *err)
{
    struct group_join join = {.group = "g",
                              .protocol_type = type,
                              .member_id = id,
                              .topics = orders,
                              .topic_count = 1,
                              .session_ms = session_ms,
                              .on_change = ear ? hear : NULL,
                              .arg = ear};
    return group_member_join(f->broker, &join, ret_generation, err);
}

static int32_t join(struct broker_fixture *f, const char *id, int64_t session_ms, struct ear *ear)
{
    struct srt_err err = {0};
    int32_t generation;
    assert_ok(join_as(f, "consumer", id, session_ms, ear, &generation, &err), &err);
    return generation;
}

static uint32_t part_count(struct broker_fixture *f, const char *id, int32_t *ret_generation)
{
    struct group_partition *parts;
    uint32_t count;
    struct srt_err err = {0};
    assert_ok(group_member_assignment(f->broker, "g", id, ret_generation, &parts, &count, &err),
              &err);
    srt_free(parts);
    return count;
}

static void partitions_are_spread_as_members_come_and_go(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    (void)broker_fixture_topic(f, "orders", 7);
    struct ear ears[3] = {{0}};
    int32_t generation;
    assert_int_equal(join(f, "a", -1, &ears[0]), 1);
    assert_int_equal(part_count(f, "a", &generation), 7);
    assert_int_equal(join(f, "b", -1, &ears[1]), 2);
    assert_int_equal(part_count(f, "a", &generation), 4);
    assert_int_equal(generation, 2);
    assert_int_equal(part_count(f, "b", &generation), 3);
    assert_int_equal(join(f, "c", -1, &ears[2]), 3);
    assert_int_equal(part_count(f, "a", &generation) + part_count(f, "b", &generation) +
                         part_count(f, "c", &generation),
                     7);
    assert_int_equal(ears[0].told, 2);
    assert_int_equal(ears[1].told, 1);
    assert_int_equal(ears[2].told, 0);
    assert_ok(group_member_leave(f->broker, "g", "b", &err), &err);
    assert_int_equal(ears[1].told, 1);
    assert_int_equal(ears[0].generation, 4);
    assert_int_equal(part_count(f, "a", &generation) + part_count(f, "c", &generation), 7);
    struct group_partition *parts;
    uint32_t count;
    assert_int_equal(
        group_member_assignment(f->broker, "g", "b", &generation, &parts, &count, &err),
        SRT_ENOENT);
    assert_string_equal(err.msg, "group 'g' has no member 'b'");
}

static void silent_member_is_put_out_and_told(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    (void)broker_fixture_topic(f, "orders", 4);
    struct ear ears[3] = {{0}};
    (void)join(f, "a", 1000, &ears[0]);
    (void)join(f, "b", 5000, &ears[1]);
    (void)join(f, "worker", -1, &ears[2]);
    srt_clock_fake_advance(&f->clock, 1000);
    group_expire_members(f->broker); /* not yet: silent for exactly its session */
    assert_int_equal(ears[0].told, 2);
    srt_clock_fake_advance(&f->clock, 1);
    group_expire_members(f->broker);
    assert_int_equal(ears[0].told, 3);
    int32_t generation;
    assert_int_equal(part_count(f, "b", &generation), 2);
    assert_int_equal(generation, 4);
    assert_int_equal(ears[0].generation, 4);
    assert_int_equal(group_member_heartbeat(f->broker, "g", "a", 3, &err), SRT_EFENCED);
    assert_contains(err.msg, "was silent too long");
    assert_int_equal(group_member_leave(f->broker, "g", "a", &err), SRT_EFENCED);
    assert_int_equal(group_member_leave(f->broker, "g", "a", &err), SRT_ENOENT);

    srt_clock_fake_advance(&f->clock, INT64_C(100) * 24 * 3600 * 1000);
    assert_ok(group_member_heartbeat(f->broker, "g", "b", 4, &err), &err); /* just in time */
    group_expire_members(f->broker);
    assert_int_equal(part_count(f, "worker", &generation), 2);
}

static void expired_member_may_join_again(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    (void)broker_fixture_topic(f, "orders", 4);
    (void)join(f, "a", 1000, NULL);
    (void)join(f, "b", -1, NULL);
    srt_clock_fake_advance(&f->clock, 2000);
    group_expire_members(f->broker);
    int32_t generation = join(f, "a", 1000, NULL);
    assert_ok(group_member_heartbeat(f->broker, "g", "a", generation, &err), &err);
    int32_t seen;
    assert_int_equal(part_count(f, "a", &seen), 2);
}

static void default_session_is_the_brokers(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    (void)join(f, "a", 0, NULL);
    (void)join(f, "b", -1, NULL);
    srt_clock_fake_advance(&f->clock, 45000);
    group_expire_members(f->broker);
    assert_ok(group_member_heartbeat(f->broker, "g", "a", 2, &err), &err);
    srt_clock_fake_advance(&f->clock, 45001);
    group_expire_members(f->broker);
    assert_int_equal(group_member_heartbeat(f->broker, "g", "a", 2, &err), SRT_EFENCED);
}

static void another_protocol_type_is_refused_also_after_a_restart(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "orders", 1);
    int32_t generation;
    assert_ok(join_as(f, "pipeline", "worker-0", -1, NULL, &generation, &err), &err);
    assert_int_equal(join_as(f, "consumer", "c", 0, NULL, &generation, &err), SRT_EINVAL);
    assert_string_equal(err.msg, "group 'g' belongs to a pipeline; a consumer cannot join it");
    struct group_position position = {.topic_id = *topic_get_id(topic), .offset = 1};
    struct broker_write write = {.group = "g", .positions = &position, .position_count = 1};
    assert_ok(broker_write_wait(f->broker, &write, &err), &err);
    broker_fixture_reopen(f);
    assert_int_equal(join_as(f, "consumer", "c", 0, NULL, &generation, &err), SRT_EINVAL);
    assert_ok(join_as(f, "pipeline", "worker-0", -1, NULL, &generation, &err), &err);
}

static void group_without_members_and_positions_is_forgotten(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    int32_t generation;
    assert_ok(join_as(f, "pipeline", "worker-0", -1, NULL, &generation, &err), &err);
    assert_ok(group_member_leave(f->broker, "g", "worker-0", &err), &err);
    assert_ok(join_as(f, "consumer", "c", 0, NULL, &generation, &err), &err);
    assert_int_equal(generation, 1);
}

static void unknown_groups_and_members_are_named(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    assert_int_equal(group_member_leave(f->broker, "none", "m", &err), SRT_ENOENT);
    assert_string_equal(err.msg, "group 'none' has no member 'm'");
    assert_int_equal(group_member_heartbeat(f->broker, "none", "m", 1, &err), SRT_ENOENT);
    int32_t generation;
    struct group_join join = {.group = "", .protocol_type = "consumer", .member_id = "m"};
    assert_int_equal(group_member_join(f->broker, &join, &generation, &err), SRT_EINVAL);
    join.group = "g";
    join.member_id = NULL;
    assert_int_equal(group_member_join(f->broker, &join, &generation, &err), SRT_EINVAL);
}

static void older_generation_is_fenced_but_alive(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    int32_t first = join(f, "a", 1000, NULL);
    (void)join(f, "b", -1, NULL);
    srt_clock_fake_advance(&f->clock, 900);
    assert_int_equal(group_member_heartbeat(f->broker, "g", "a", first, &err), SRT_EFENCED);
    assert_string_equal(err.msg, "member 'a' of group 'g' is in generation 1, the group in 2");
    srt_clock_fake_advance(&f->clock, 900);
    group_expire_members(f->broker);
    assert_ok(group_member_heartbeat(f->broker, "g", "a", 2, &err), &err);
}

/* --- leaving and being told at the same time --- */

struct gate { /* an on_change that stays inside until it is let out */
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool inside;
    bool open;
    bool returned;
};

static void stay_inside(void *arg, int32_t generation)
{
    (void)generation;
    struct gate *gate = arg;
    pthread_mutex_lock(&gate->lock);
    gate->inside = true;
    pthread_cond_broadcast(&gate->cond);
    while (!gate->open) {
        pthread_cond_wait(&gate->cond, &gate->lock);
    }
    gate->returned = true;
    pthread_mutex_unlock(&gate->lock);
}

static struct broker_fixture *threads_fixture;

static void *join_b(void *arg)
{
    (void)arg;
    int32_t generation;
    struct srt_err err = {0};
    struct group_join request = {
        .group = "g", .protocol_type = "consumer", .member_id = "b", .session_ms = -1};
    return (void *)(intptr_t)group_member_join(threads_fixture->broker, &request, &generation,
                                               &err);
}

static void *let_out(void *arg)
{
    struct gate *gate = arg;
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->cond);
    pthread_mutex_unlock(&gate->lock);
    return NULL;
}

static void leaving_waits_until_nobody_calls_the_member(void **state)
{
    struct broker_fixture *f = threads_fixture = *state;
    struct srt_err err = {0};
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false, false};
    struct group_join request = {.group = "g",
                                 .protocol_type = "consumer",
                                 .member_id = "a",
                                 .session_ms = -1,
                                 .on_change = stay_inside,
                                 .arg = &gate};
    int32_t generation;
    assert_ok(group_member_join(f->broker, &request, &generation, &err), &err);
    pthread_t joiner;
    pthread_t opener;
    assert_int_equal(pthread_create(&joiner, NULL, join_b, NULL), 0);
    pthread_mutex_lock(&gate.lock);
    while (!gate.inside) {
        pthread_cond_wait(&gate.cond, &gate.lock);
    }
    pthread_mutex_unlock(&gate.lock);
    assert_int_equal(pthread_create(&opener, NULL, let_out, &gate), 0);
    assert_ok(group_member_leave(f->broker, "g", "a", &err), &err);
    assert_true(gate.returned);
    void *code;
    pthread_join(joiner, &code);
    pthread_join(opener, NULL);
    assert_int_equal((intptr_t)code, SRT_OK);
}

static void leave_at_once(void *arg, int32_t generation)
{
    (void)generation;
    struct srt_err err = {0};
    *(int *)arg = group_member_leave(threads_fixture->broker, "g", "a", &err);
}

static void member_may_leave_from_its_own_callback(void **state)
{
    struct broker_fixture *f = threads_fixture = *state;
    struct srt_err err = {0};
    int left = 1;
    struct group_join request = {.group = "g",
                                 .protocol_type = "consumer",
                                 .member_id = "a",
                                 .session_ms = -1,
                                 .on_change = leave_at_once,
                                 .arg = &left};
    int32_t generation;
    assert_ok(group_member_join(f->broker, &request, &generation, &err), &err);
    (void)join(f, "b", -1, NULL);
    assert_int_equal(left, SRT_OK);
    assert_ok(group_member_heartbeat(f->broker, "g", "b", 3, &err), &err);
    assert_int_equal(group_member_heartbeat(f->broker, "g", "a", 3, &err), SRT_ENOENT);
}

enum { CHURNERS = 4, CHURNS = 200 };

static void *churn(void *arg)
{
    char id[16];
    snprintf(id, sizeof id, "m%d", *(int *)arg);
    for (int i = 0; i < CHURNS; i++) {
        struct ear *ear = calloc(1, sizeof *ear);
        int32_t generation;
        struct srt_err err = {0};
        if (join_as(threads_fixture, "consumer", id, -1, ear, &generation, &err) != SRT_OK ||
            group_member_leave(threads_fixture->broker, "g", id, &err) != SRT_OK) {
            return "failed";
        }
        free(ear); /* a sanitizer sees who still tells it something */
    }
    return NULL;
}

static void members_may_come_and_go_on_many_threads(void **state)
{
    struct broker_fixture *f = threads_fixture = *state;
    (void)broker_fixture_topic(f, "orders", 10);
    (void)join(f, "stays", -1, NULL);
    pthread_t threads[CHURNERS];
    int numbers[CHURNERS];
    for (int i = 0; i < CHURNERS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &numbers[i]), 0);
    }
    for (int i = 0; i < CHURNERS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    int32_t generation;
    assert_int_equal(part_count(f, "stays", &generation), 10);
    assert_int_equal(generation, 1 + 2 * CHURNERS * CHURNS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(partitions_are_spread_as_members_come_and_go),
        TEST(silent_member_is_put_out_and_told),
        TEST(expired_member_may_join_again),
        TEST(default_session_is_the_brokers),
        TEST(another_protocol_type_is_refused_also_after_a_restart),
        TEST(group_without_members_and_positions_is_forgotten),
        TEST(unknown_groups_and_members_are_named),
        TEST(older_generation_is_fenced_but_alive),
        TEST(leaving_waits_until_nobody_calls_the_member),
        TEST(member_may_leave_from_its_own_callback),
        TEST(members_may_come_and_go_on_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
