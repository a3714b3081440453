#include "broker/fetch.h"

#include <pthread.h>

#include "broker/produce.h"
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

struct bell { /* rung on the store thread */
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int rung;
};
#define BELL                                                                                       \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0                                     \
    }

static void ring(void *arg)
{
    struct bell *bell = arg;
    pthread_mutex_lock(&bell->lock);
    bell->rung++;
    pthread_cond_signal(&bell->cond);
    pthread_mutex_unlock(&bell->lock);
}

static void wait_for(struct bell *bell, int count)
{
    pthread_mutex_lock(&bell->lock);
    while (bell->rung < count) {
        pthread_cond_wait(&bell->cond, &bell->lock);
    }
    pthread_mutex_unlock(&bell->lock);
}

static struct fetcher *open_at(struct broker_fixture *f, const char *topic, int64_t offset,
                               struct bell *bell)
{
    struct fetcher *fetcher;
    struct srt_err err = {0};
    const struct topic_id *id = topic_get_id(broker_topic_find(f->broker, topic));
    assert_ok(fetcher_open(f->broker, id, 0, offset, bell ? ring : NULL, bell, &fetcher, &err),
              &err);
    return fetcher;
}

static void fetcher_goes_on_behind_what_it_returned(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    (void)broker_fixture_topic(f, "t", 1);
    for (int i = 0; i < 5; i++) {
        broker_fixture_produce(f, "t", 0, NULL, "value");
    }
    struct fetcher *fetcher = open_at(f, "t", 0, NULL);
    struct srt_buf buf = {0};
    assert_ok(fetcher_poll(fetcher, 1, &buf, &err), &err); /* at least one batch */
    assert_int_equal(fetcher_offset(fetcher), 1);
    assert_ok(fetcher_poll(fetcher, 1 << 20, &buf, &err), &err);
    assert_int_equal(fetcher_offset(fetcher), 5);
    assert_int_equal(fetcher_start(fetcher), 0);
    assert_int_equal(fetcher_end(fetcher), 5);
    size_t len = buf.len;
    assert_ok(fetcher_poll(fetcher, 1 << 20, &buf, &err), &err);
    assert_int_equal(buf.len, len);
    int64_t expected = 0;
    for (size_t at = 0; at < buf.len;) {
        struct batch_info info;
        assert_int_equal(batch_check_records(buf.data + at, buf.len - at, &info), SRT_OK);
        assert_int_equal(info.base_offset, expected++);
        at += info.size_bytes;
    }
    assert_int_equal(expected, 5);
    srt_buf_fini(&buf);
    fetcher_close(fetcher);
}

static void offset_inside_a_batch_gives_the_whole_batch(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "t", 1);
    struct srt_buf batch = {0};
    broker_fixture_batch(&batch, (const char *const[]){"a", "b", "c"}, 3);
    struct store_append append = {topic_partition(topic, 0), batch.data, batch.len, 0};
    struct broker_write write = {.appends = &append, .append_count = 1};
    assert_ok(broker_write_wait(f->broker, &write, &err), &err);
    struct fetcher *fetcher = open_at(f, "t", 2, NULL);
    struct srt_buf buf = {0};
    assert_ok(fetcher_poll(fetcher, 1, &buf, &err), &err);
    struct batch_info info;
    assert_int_equal(batch_parse(buf.data, buf.len, &info), SRT_OK);
    assert_int_equal(info.base_offset, 0);
    assert_int_equal(fetcher_offset(fetcher), 3);
    srt_buf_fini(&buf);
    srt_buf_fini(&batch);
    fetcher_close(fetcher);
}

static void one_that_found_nothing_is_woken_once(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    (void)broker_fixture_topic(f, "t", 1);
    struct bell bell = BELL;
    struct fetcher *fetcher = open_at(f, "t", 0, &bell);
    struct srt_buf buf = {0};
    broker_fixture_produce(f, "t", 0, NULL, "before anybody waits");
    assert_int_equal(bell.rung, 0);
    assert_ok(fetcher_poll(fetcher, 1 << 20, &buf, &err), &err);
    assert_int_equal(fetcher_offset(fetcher), 1);
    assert_ok(fetcher_poll(fetcher, 1 << 20, &buf, &err), &err); /* nothing: it waits */
    broker_fixture_produce(f, "t", 0, NULL, "rings");
    broker_fixture_produce(f, "t", 0, NULL, "does not ring again");
    wait_for(&bell, 1);
    assert_ok(fetcher_poll(fetcher, 1 << 20, &buf, &err), &err);
    assert_int_equal(fetcher_offset(fetcher), 3);
    assert_int_equal(bell.rung, 1);
    assert_ok(fetcher_poll(fetcher, 1 << 20, &buf, &err), &err);
    assert_ok(broker_topic_delete(f->broker, "t", &err), &err);
    wait_for(&bell, 2);
    assert_int_equal(fetcher_poll(fetcher, 1 << 20, &buf, &err), SRT_ENOENT);
    srt_buf_fini(&buf);
    fetcher_close(fetcher);
}

enum { RACE_RECORDS = 400 };

static void *produce_many(void *arg)
{
    struct broker_fixture *f = arg;
    struct producer *producer;
    struct srt_err err = {0};
    if (producer_create(f->broker, "t", NULL, &producer, &err) != SRT_OK) {
        return "create";
    }
    for (int i = 0; i < RACE_RECORDS; i++) {
        struct record rec = {
            .value = (const uint8_t *)"x", .value_len = 1, .key_len = RECORD_ABSENT};
        if (producer_add(producer, &rec, 0, &err) != SRT_OK ||
            producer_flush(producer, &err) != SRT_OK) {
            return "produce";
        }
    }
    producer_destroy(producer);
    return NULL;
}

/* A lost wake-up would hang here. */
static void reader_that_sleeps_when_there_is_nothing_reads_all(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    (void)broker_fixture_topic(f, "t", 1);
    struct bell bell = BELL;
    struct fetcher *fetcher = open_at(f, "t", 0, &bell);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, produce_many, f), 0);
    struct srt_buf buf = {0};
    int heard = 0;
    while (fetcher_offset(fetcher) < RACE_RECORDS) {
        srt_buf_clear(&buf);
        assert_ok(fetcher_poll(fetcher, 1, &buf, &err), &err);
        if (buf.len == 0) {
            wait_for(&bell, ++heard);
        }
    }
    void *failed;
    pthread_join(thread, &failed);
    assert_null(failed);
    srt_buf_fini(&buf);
    fetcher_close(fetcher);
}

static void offset_that_is_not_there_is_refused_with_what_is(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "t", 1);
    broker_fixture_produce(f, "t", 0, NULL, "one");
    struct fetcher *fetcher;
    const struct topic_id *id = topic_get_id(topic);
    assert_int_equal(fetcher_open(f->broker, id, 0, 2, NULL, NULL, &fetcher, &err), SRT_ERANGE);
    assert_string_equal(err.msg, "topic 't' partition 0: offset 2 is not there, only 0 to 1");
    assert_int_equal(fetcher_open(f->broker, id, 0, -1, NULL, NULL, &fetcher, &err), SRT_ERANGE);
    assert_int_equal(fetcher_open(f->broker, id, 1, 0, NULL, NULL, &fetcher, &err), SRT_ENOENT);
    struct topic_id unknown = topic_id_new();
    assert_int_equal(fetcher_open(f->broker, &unknown, 0, 0, NULL, NULL, &fetcher, &err),
                     SRT_ENOENT);
    fetcher = open_at(f, "t", 1, NULL);
    assert_int_equal(fetcher_seek(fetcher, 2, &err), SRT_ERANGE);
    assert_ok(fetcher_seek(fetcher, 0, &err), &err);
    assert_int_equal(fetcher_offset(fetcher), 0);
    fetcher_close(fetcher);
}

static void offset_is_found_by_time(void **state)
{
    struct broker_fixture *f = *state;
    struct srt_err err = {0};
    struct topic *topic = broker_fixture_topic(f, "t", 1);
    struct producer *producer;
    assert_ok(producer_create(f->broker, "t", NULL, &producer, &err), &err);
    for (int i = 0; i < 10; i++) {
        struct record rec = {.value = (const uint8_t *)"x",
                             .value_len = 1,
                             .key_len = RECORD_ABSENT,
                             .timestamp_ms = 1000 + 100 * i};
        assert_ok(producer_add(producer, &rec, 0, &err), &err);
        assert_ok(producer_flush(producer, &err), &err);
    }
    producer_destroy(producer);
    const struct topic_id *id = topic_get_id(topic);
    int64_t offset;
    assert_ok(fetch_offset_for_time(f->broker, id, 0, 0, &offset, &err), &err);
    assert_int_equal(offset, 0);
    assert_ok(fetch_offset_for_time(f->broker, id, 0, 1350, &offset, &err), &err);
    assert_int_equal(offset, 4);
    assert_ok(fetch_offset_for_time(f->broker, id, 0, 1901, &offset, &err), &err);
    assert_int_equal(offset, 10);
    int64_t start;
    int64_t end;
    assert_ok(fetch_range(f->broker, id, 0, &start, &end, &err), &err);
    assert_int_equal(start, 0);
    assert_int_equal(end, 10);
    assert_int_equal(fetch_range(f->broker, id, 3, &start, &end, &err), SRT_ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(fetcher_goes_on_behind_what_it_returned),
        TEST(offset_inside_a_batch_gives_the_whole_batch),
        TEST(one_that_found_nothing_is_woken_once),
        TEST(reader_that_sleeps_when_there_is_nothing_reads_all),
        TEST(offset_that_is_not_there_is_refused_with_what_is),
        TEST(offset_is_found_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
