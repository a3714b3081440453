#include "broker/broker.h"

#include <pthread.h>

#include "base/limits.h"
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

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int done_count;
    int code;
};
#define WAITER                                                                                     \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 1                                  \
    }

static void on_done(struct broker_write *write, int code)
{
    struct waiter *waiter = write->arg;
    pthread_mutex_lock(&waiter->lock);
    waiter->done_count++;
    waiter->code = code;
    pthread_cond_signal(&waiter->cond);
    pthread_mutex_unlock(&waiter->lock);
}

static int wait_for(struct waiter *waiter, int count)
{
    pthread_mutex_lock(&waiter->lock);
    while (waiter->done_count < count) {
        pthread_cond_wait(&waiter->cond, &waiter->lock);
    }
    pthread_mutex_unlock(&waiter->lock);
    return waiter->code;
}

static int64_t committed(struct broker *broker, const char *group, const struct topic *topic,
                         int32_t partition, const char *source)
{
    int64_t offset;
    uint8_t *detail;
    uint32_t detail_len;
    int code = broker_group_position(broker, group, topic ? topic_get_id(topic) : NULL, partition,
                                     source, &offset, &detail, &detail_len);
    if (code != SRT_OK) {
        assert_int_equal(code, SRT_ENOENT);
        return -1;
    }
    free(detail);
    return offset;
}

static void appends_and_positions_become_visible_together(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "out", 2);
    struct srt_buf first = {0};
    struct srt_buf second = {0};
    broker_fixture_batch(&first, (const char *const[]){"a", "b"}, 2);
    broker_fixture_batch(&second, (const char *const[]){"c"}, 1);
    struct store_append appends[] = {{topic_partition(topic, 0), first.data, first.len, 0},
                                     {topic_partition(topic, 1), second.data, second.len, 0}};
    struct group_position positions[] = {
        {.topic_id = *topic_get_id(topic), .partition = 1, .offset = 9},
        {.source_name = "file:/x",
         .offset = 77,
         .detail = (const uint8_t *)"inode",
         .detail_len = 5},
    };
    struct waiter waiter = WAITER;
    struct broker_write write = {.appends = appends,
                                 .append_count = 2,
                                 .group = "g",
                                 .positions = positions,
                                 .position_count = 2,
                                 .done = on_done,
                                 .arg = &waiter};
    assert_ok(broker_submit(f->broker, &write, &err), &err);
    assert_int_equal(wait_for(&waiter, 1), SRT_OK);
    for (int round = 0; round < 3; round++) {
        topic = broker_topic_find(f->broker, "out");
        assert_int_equal(committed(f->broker, "g", topic, 1, NULL), 9);
        assert_int_equal(committed(f->broker, "g", topic, 0, NULL), -1);
        assert_int_equal(committed(f->broker, "h", topic, 1, NULL), -1);
        int64_t offset;
        uint8_t *detail;
        uint32_t detail_len;
        assert_int_equal(broker_group_position(f->broker, "g", NULL, 0, "file:/x", &offset, &detail,
                                               &detail_len),
                         SRT_OK);
        assert_int_equal(offset, 77);
        assert_int_equal(detail_len, 5);
        assert_memory_equal(detail, "inode", 5);
        free(detail);
        struct srt_buf values = {0};
        broker_fixture_values(f->broker, "out", 0, 0, &values);
        broker_fixture_values(f->broker, "out", 1, 0, &values);
        assert_string_equal(srt_buf_cstr(&values), "a b c ");
        srt_buf_fini(&values);
        broker_fixture_reopen(f);
    }
    srt_buf_fini(&first);
    srt_buf_fini(&second);
}

static void refused_write_leaves_nothing(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "out", 1);
    struct srt_buf batch = {0};
    broker_fixture_batch(&batch, (const char *const[]){"a"}, 1);
    struct store_append append = {topic_partition(topic, 0), batch.data, batch.len, 0};
    struct group_position unknown = {.topic_id = topic_id_new(), .offset = 1};
    struct broker_write write = {.appends = &append,
                                 .append_count = 1,
                                 .group = "g",
                                 .positions = &unknown,
                                 .position_count = 1};
    assert_int_equal(broker_write_wait(f->broker, &write, &err), SRT_ENOENT);
    assert_contains(err.msg, "was deleted");
    assert_int_equal(partition_high_watermark(topic_partition(topic, 0)), 0);
    /* Nothing is thought to be in flight, or this would wait for ever. */
    assert_ok(broker_topic_delete(f->broker, "out", &err), &err);
    srt_buf_fini(&batch);
}

static void bytes_that_are_no_batches_are_refused(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "out", 1);
    struct srt_buf batch = {0};
    broker_fixture_batch(&batch, (const char *const[]){"a", "b"}, 2);
    struct store_append append = {topic_partition(topic, 0), batch.data, batch.len - 1, 0};
    struct broker_write write = {.appends = &append, .append_count = 1};
    assert_int_equal(broker_write_wait(f->broker, &write, &err), SRT_EINVAL);
    assert_contains(err.msg, "topic 'out' partition 0: no batch at byte 0 of");
    append.size_bytes = 0;
    assert_int_equal(broker_write_wait(f->broker, &write, &err), SRT_EINVAL);
    append.size_bytes = batch.len;
    batch.data[22] |= BATCH_ATTR_TRANSACTIONAL; /* the low byte; the CRC is the reader's matter */
    assert_int_equal(broker_write_wait(f->broker, &write, &err), SRT_EUNAVAILABLE);
    write = (struct broker_write){0};
    assert_int_equal(broker_write_wait(f->broker, &write, &err), SRT_EINVAL);
    assert_string_equal(err.msg, "a write of nothing");
    srt_buf_fini(&batch);
}

static int commit(struct broker_fixture *f, const char *group, struct group_position position,
                  struct srt_err *err)
{
    struct broker_write write = {.group = group, .positions = &position, .position_count = 1};
    return broker_write_wait(f->broker, &write, err);
}

static void positions_that_make_no_sense_are_refused(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "in", 1);
    struct topic_id id = *topic_get_id(topic);
#define REFUSED(code, group, ...)                                                                  \
    assert_int_equal(commit(f, group, (struct group_position){__VA_ARGS__}, &err), code)
    REFUSED(SRT_EINVAL, "g", .offset = 1);
    REFUSED(SRT_EINVAL, "g", .topic_id = id, .source_name = "file:x", .offset = 1);
    REFUSED(SRT_EINVAL, "g", .topic_id = id, .offset = -1);
    REFUSED(SRT_EINVAL, "g", .topic_id = id, .partition = 1, .offset = 1);
    REFUSED(SRT_EINVAL, "g", .topic_id = id, .partition = -1, .offset = 1);
    REFUSED(SRT_EINVAL, NULL, .topic_id = id, .offset = 1);
    REFUSED(SRT_EINVAL, "", .topic_id = id, .offset = 1);
    char name[SRT_GROUP_NAME_MAX + 2];
    memset(name, 'g', sizeof name);
    name[SRT_GROUP_NAME_MAX + 1] = '\0';
    REFUSED(SRT_EINVAL, name, .topic_id = id, .offset = 1);
    static const uint8_t detail[SRT_POSITION_DETAIL_BYTES_MAX + 1];
    REFUSED(SRT_ETOOBIG, "g", .source_name = "file:x", .detail = detail,
            .detail_len = sizeof detail);
}

static void write_beyond_a_frame_is_refused_with_both_numbers(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "out", 1);
    size_t size = 3000000;
    char *value = malloc(size + 1);
    memset(value, 'x', size);
    value[size] = '\0';
    struct srt_buf batches = {0};
    for (int i = 0; i < 3; i++) {
        broker_fixture_batch(&batches, (const char *const[]){value}, 1);
    }
    struct store_append append = {topic_partition(topic, 0), batches.data, batches.len, 0};
    struct broker_write write = {.appends = &append, .append_count = 1};
    assert_int_equal(broker_write_wait(f->broker, &write, &err), SRT_ETOOBIG);
    assert_contains(err.msg, "the journal takes 6291456");
    srt_buf_fini(&batches);
    free(value);
}

static void submitted_write_is_done_before_close_returns(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "out", 1);
    enum { WRITES = 50 };
    struct srt_buf batches[WRITES] = {0};
    struct store_append appends[WRITES];
    struct broker_write writes[WRITES];
    struct waiter waiter = WAITER;
    for (int i = 0; i < WRITES; i++) {
        broker_fixture_batch(&batches[i], (const char *const[]){"x"}, 1);
        appends[i] =
            (struct store_append){topic_partition(topic, 0), batches[i].data, batches[i].len, 0};
        writes[i] = (struct broker_write){
            .appends = &appends[i], .append_count = 1, .done = on_done, .arg = &waiter};
        assert_ok(broker_submit(f->broker, &writes[i], &err), &err);
    }
    broker_fixture_reopen(f);
    assert_int_equal(waiter.done_count, WRITES);
    topic = broker_topic_find(f->broker, "out");
    assert_int_equal(partition_high_watermark(topic_partition(topic, 0)), WRITES);
    for (int i = 0; i < WRITES; i++) {
        assert_int_equal(appends[i].ret_base_offset, i);
        srt_buf_fini(&batches[i]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(appends_and_positions_become_visible_together),
        TEST(refused_write_leaves_nothing),
        TEST(bytes_that_are_no_batches_are_refused),
        TEST(positions_that_make_no_sense_are_refused),
        TEST(write_beyond_a_frame_is_refused_with_both_numbers),
        TEST(submitted_write_is_done_before_close_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
