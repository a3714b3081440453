#include "embedded/engine_embedded.h"

#include <pthread.h>

#include "broker/group.h"
#include "support/broker_fixture.h"
#include "support/cmocka_srt.h"

struct scene {
    struct broker_fixture fixture;
    struct engine *eng;
};

static void make_engine(struct scene *scene)
{
    struct topic_config defaults;
    topic_config_default(&defaults);
    defaults.partition_count = 4;
    defaults.retention_ms = 12345;
    struct srt_err err = {0};
    assert_ok(engine_embedded_create(scene->fixture.broker, &defaults, &scene->fixture.clock.clock,
                                     &scene->eng, &err),
              &err);
}

static int setup(void **state)
{
    static struct scene scene;
    broker_fixture_open(&scene.fixture);
    make_engine(&scene);
    *state = &scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    engine_embedded_destroy(scene->eng);
    broker_fixture_close(&scene->fixture);
    return 0;
}

static void restart(struct scene *scene)
{
    engine_embedded_destroy(scene->eng);
    broker_fixture_reopen(&scene->fixture);
    make_engine(scene);
}

struct outcome {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
    struct srt_err err;
};

static void on_done(struct engine_commit *commit, const struct srt_err *err)
{
    struct outcome *outcome = commit->arg;
    pthread_mutex_lock(&outcome->lock);
    outcome->err = *err;
    outcome->done = true;
    pthread_cond_signal(&outcome->cond);
    pthread_mutex_unlock(&outcome->lock);
}

static int commit_and_wait(struct engine *eng, struct engine_commit *commit, struct srt_err *err)
{
    struct outcome outcome = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, {0}};
    commit->done = on_done;
    commit->arg = &outcome;
    int code = eng->ops->commit(eng, commit, err);
    if (code != SRT_OK) {
        return code;
    }
    pthread_mutex_lock(&outcome.lock);
    while (!outcome.done) {
        pthread_cond_wait(&outcome.cond, &outcome.lock);
    }
    pthread_mutex_unlock(&outcome.lock);
    *err = outcome.err;
    return outcome.err.code;
}

static int commit_position(struct engine *eng, struct engine_position position, struct srt_err *err)
{
    struct engine_commit commit = {.group = "p", .positions = &position, .position_count = 1};
    return commit_and_wait(eng, &commit, err);
}

static void targets_are_made_with_the_given_defaults(void **state)
{
    struct scene *scene = *state;
    struct engine_topic topic;
    struct srt_err err = {0};
    assert_ok(scene->eng->ops->topic_ensure(scene->eng, "out", &topic, &err), &err);
    assert_int_equal(topic.partition_count, 4);
    struct topic_config config;
    topic_get_config(broker_topic_find(scene->fixture.broker, "out"), &config);
    assert_int_equal(config.retention_ms, 12345);
    assert_int_equal(scene->eng->ops->topic_ensure(scene->eng, "not valid", &topic, &err),
                     SRT_EINVAL);
    assert_int_equal(scene->eng->ops->topic_ensure(scene->eng, "__streamrt.x", &topic, &err),
                     SRT_EINVAL);
}

static void state_topic_is_compacted_and_kept_for_ever(void **state)
{
    struct scene *scene = *state;
    struct engine_topic topic;
    struct srt_err err = {0};
    for (int round = 0; round < 2; round++) {
        assert_ok(scene->eng->ops->state_topic_ensure(scene->eng, "__streamrt-p-state", 8, &topic,
                                                      &err),
                  &err);
        struct topic_config config;
        topic_get_config(broker_topic_find(scene->fixture.broker, "__streamrt-p-state"), &config);
        assert_int_equal(config.cleanup, TOPIC_CLEANUP_COMPACT);
        assert_int_equal(config.retention_ms, -1);
        assert_int_equal(config.retention_bytes, -1);
        assert_int_equal(config.max_record_bytes, topic.max_record_bytes);
        restart(scene);
    }
}

static void topic_that_is_not_compacted_is_no_state_topic(void **state)
{
    struct scene *scene = *state;
    struct engine_topic topic;
    struct srt_err err = {0};
    struct topic_config config;
    topic_config_default(&config);
    assert_ok(broker_topic_create_internal(scene->fixture.broker, "__streamrt-x", &config, NULL,
                                           &err),
              &err);
    assert_int_equal(
        scene->eng->ops->state_topic_ensure(scene->eng, "__streamrt-x", 3, &topic, &err),
        SRT_EEXIST);
    assert_string_equal(err.msg, "topic '__streamrt-x' is not compacted");
}

static void wrong_defaults_are_refused(void **state)
{
    struct scene *scene = *state;
    struct topic_config defaults;
    topic_config_default(&defaults);
    defaults.partition_count = 0;
    struct engine *eng;
    struct srt_err err = {0};
    assert_int_equal(engine_embedded_create(scene->fixture.broker, &defaults,
                                            &scene->fixture.clock.clock, &eng, &err),
                     SRT_EINVAL);
    assert_contains(err.msg, "defaults of target topics: 0 partitions");
}

static void commit_survives_a_restart(void **state)
{
    struct scene *scene = *state;
    struct srt_err err = {0};
    struct engine_topic topic;
    assert_ok(scene->eng->ops->topic_ensure(scene->eng, "in", &topic, &err), &err);
    assert_ok(
        commit_position(scene->eng,
                        (struct engine_position){.topic_id = topic.id, .partition = 3, .offset = 8},
                        &err),
        &err);
    restart(scene);
    struct engine_position at = {.topic_id = topic.id, .partition = 3};
    assert_ok(scene->eng->ops->position(scene->eng, "p", &at, &err), &err);
    assert_int_equal(at.offset, 8);
}

static void topic_created_again_is_refused_until_the_group_commits_on_it(void **state)
{
    struct scene *scene = *state;
    struct srt_err err = {0};
    struct engine_topic topic;
    const struct engine_ops *ops = scene->eng->ops;
    assert_ok(ops->topic_ensure(scene->eng, "in", &topic, &err), &err);
    assert_ok(commit_position(scene->eng,
                              (struct engine_position){.topic_id = topic.id, .offset = 8}, &err),
              &err);
    assert_ok(broker_topic_delete(scene->fixture.broker, "in", &err), &err);
    assert_ok(ops->topic_ensure(scene->eng, "in", &topic, &err), &err);
    restart(scene);
    struct engine_position at = {.topic_id = topic.id};
    assert_int_equal(ops->position(scene->eng, "p", &at, &err), SRT_ERANGE);
    assert_contains(err.msg, "topic 'in' was deleted and created again since 'p' read it");
    assert_int_equal(ops->position(scene->eng, "q", &at, &err), SRT_ENOENT);
    assert_ok(
        commit_position(scene->eng,
                        (struct engine_position){.topic_id = topic.id, .partition = 1, .offset = 1},
                        &err),
        &err);
    assert_int_equal(ops->position(scene->eng, "p", &at, &err), SRT_ENOENT);
}

static void commit_larger_than_a_frame_is_refused(void **state)
{
    struct scene *scene = *state;
    struct srt_err err = {0};
    struct engine_topic topic;
    assert_ok(scene->eng->ops->topic_ensure(scene->eng, "out", &topic, &err), &err);
    size_t size = 3 << 20;
    char *value = malloc(size + 1);
    memset(value, 'x', size);
    value[size] = '\0';
    struct srt_buf batches = {0};
    for (int i = 0; i < 2; i++) {
        broker_fixture_batch(&batches, (const char *const[]){value}, 1);
    }
    struct engine_append append = {topic.id, 0, batches.data, batches.len};
    struct engine_commit commit = {.group = "p", .appends = &append, .append_count = 1};
    assert_int_equal(commit_and_wait(scene->eng, &commit, &err), SRT_ETOOBIG);
    assert_contains(err.msg, "commit of 'p': one write of 62");
    assert_contains(err.msg, "the journal takes 6291456");
    srt_buf_fini(&batches);
    free(value);
}

static void ignore(void *arg)
{
    (void)arg;
}

static void consumers_cannot_join_a_pipelines_group(void **state)
{
    struct scene *scene = *state;
    struct srt_err err = {0};
    struct engine_member *member;
    assert_ok(
        scene->eng->ops->join(scene->eng, "p", "worker-0", NULL, 0, ignore, NULL, &member, &err),
        &err);
    struct group_join join = {.group = "p", .protocol_type = "consumer", .member_id = "c"};
    int32_t generation;
    assert_int_equal(group_member_join(scene->fixture.broker, &join, &generation, &err),
                     SRT_EINVAL);
    srt_clock_fake_advance(&scene->fixture.clock, INT64_C(365) * 24 * 3600 * 1000);
    group_expire_members(scene->fixture.broker);
    struct engine_split *splits;
    uint32_t count;
    assert_ok(scene->eng->ops->assignment(member, &splits, &count, &err), &err);
    free(splits);
    scene->eng->ops->leave(member);
}

static void reader_and_commit_learn_that_a_topic_was_deleted(void **state)
{
    struct scene *scene = *state;
    struct srt_err err = {0};
    struct engine_topic topic;
    const struct engine_ops *ops = scene->eng->ops;
    assert_ok(ops->topic_ensure(scene->eng, "in", &topic, &err), &err);
    struct engine_split split = {topic.id, 0};
    struct engine_reader *reader;
    assert_ok(ops->reader_open(scene->eng, &split, 0, ignore, NULL, &reader, &err), &err);
    assert_ok(broker_topic_delete(scene->fixture.broker, "in", &err), &err);
    struct srt_buf buf = {0};
    assert_int_equal(ops->reader_poll(reader, 1000, &buf, &err), SRT_ENOENT);
    assert_string_equal(err.msg, "topic 'in' was deleted");
    ops->reader_close(reader);
    assert_int_equal(
        commit_position(scene->eng, (struct engine_position){.topic_id = topic.id}, &err),
        SRT_ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(targets_are_made_with_the_given_defaults),
        TEST(state_topic_is_compacted_and_kept_for_ever),
        TEST(topic_that_is_not_compacted_is_no_state_topic),
        TEST(wrong_defaults_are_refused),
        TEST(commit_survives_a_restart),
        TEST(topic_created_again_is_refused_until_the_group_commits_on_it),
        TEST(commit_larger_than_a_frame_is_refused),
        TEST(consumers_cannot_join_a_pipelines_group),
        TEST(reader_and_commit_learn_that_a_topic_was_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
