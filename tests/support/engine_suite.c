#include "support/engine_suite.h"

#include <pthread.h>

#include "base/alloc.h"
#include "record/batch.h"
#include "support/cmocka_srt.h"

static const struct engine_suite *suite;

static int setup(void **state)
{
    *state = suite->create();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    suite->destroy(*state);
    return 0;
}

/* --- helpers --- */

struct bell { /* counts callbacks from any thread */
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int rung;
    int code;
};
#define BELL                                                                                       \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 1                                  \
    }

static void ring(void *arg)
{
    struct bell *bell = arg;
    pthread_mutex_lock(&bell->lock);
    bell->rung++;
    pthread_cond_signal(&bell->cond);
    pthread_mutex_unlock(&bell->lock);
}

static int rung(struct bell *bell)
{
    pthread_mutex_lock(&bell->lock);
    int count = bell->rung;
    pthread_mutex_unlock(&bell->lock);
    return count;
}

static void wait_for(struct bell *bell, int count)
{
    pthread_mutex_lock(&bell->lock);
    while (bell->rung < count) {
        pthread_cond_wait(&bell->cond, &bell->lock);
    }
    pthread_mutex_unlock(&bell->lock);
}

static void on_done(struct engine_commit *commit, const struct srt_err *err)
{
    ((struct bell *)commit->arg)->code = err->code;
    ring(commit->arg);
}

static struct engine_topic ensure(struct engine *eng, const char *name)
{
    struct engine_topic topic;
    struct srt_err err = {0};
    assert_ok(eng->ops->topic_ensure(eng, name, &topic, &err), &err);
    return topic;
}

static void put_batch(struct srt_buf *to, const char *const *values, int count)
{
    struct batch_builder builder;
    batch_builder_init(&builder);
    for (int i = 0; i < count; i++) {
        struct record rec = {.key_len = RECORD_ABSENT,
                             .value = (const uint8_t *)values[i],
                             .value_len = (int32_t)strlen(values[i]),
                             .timestamp_ms = 1000 + i};
        assert_int_equal(batch_builder_add(&builder, &rec), SRT_OK);
    }
    const uint8_t *data;
    size_t size;
    batch_builder_finish(&builder, &data, &size);
    srt_buf_put(to, data, size);
    batch_builder_fini(&builder);
}

/* Commit and wait; the code with which it ended, at once or later. */
static int commit(struct engine *eng, struct engine_commit *commit)
{
    struct bell bell = BELL;
    struct srt_err err = {0};
    commit->done = on_done;
    commit->arg = &bell;
    int code = eng->ops->commit(eng, commit, &err);
    if (code != SRT_OK) {
        assert_int_equal(err.code, code);
        assert_true(err.msg[0] != '\0');
        return code;
    }
    wait_for(&bell, 1);
    return bell.code;
}

static void write_values(struct engine *eng, const struct engine_topic *topic, int32_t partition,
                         const char *const *values, int count)
{
    struct srt_buf batch = {0};
    put_batch(&batch, values, count);
    struct engine_append append = {topic->id, partition, batch.data, batch.len};
    struct engine_commit request = {.group = "writer", .appends = &append, .append_count = 1};
    assert_int_equal(commit(eng, &request), SRT_OK);
    srt_buf_fini(&batch);
}

static struct engine_reader *open_reader(struct engine *eng, const struct engine_topic *topic,
                                         int32_t partition, int64_t offset, struct bell *bell)
{
    struct engine_split split = {topic->id, partition};
    struct engine_reader *reader;
    struct srt_err err = {0};
    assert_ok(eng->ops->reader_open(eng, &split, offset, bell ? ring : NULL, bell, &reader, &err),
              &err);
    return reader;
}

/* All values from an offset on, each followed by a blank; offsets must have no gaps. */
static void assert_values(struct engine *eng, const struct engine_topic *topic, int32_t partition,
                          int64_t offset, const char *expected)
{
    struct engine_reader *reader = open_reader(eng, topic, partition, offset, NULL);
    struct srt_buf bytes = {0};
    struct srt_err err = {0};
    while (eng->ops->reader_offset(reader) < eng->ops->reader_end(reader)) {
        assert_ok(eng->ops->reader_poll(reader, 64, &bytes, &err), &err);
    }
    eng->ops->reader_close(reader);
    struct srt_buf values = {0};
    int64_t next = offset;
    for (size_t at = 0; at < bytes.len;) {
        struct batch_info info;
        struct batch_reader records;
        assert_int_equal(batch_check_records(bytes.data + at, bytes.len - at, &info), SRT_OK);
        assert_int_equal(batch_reader_init(&records, bytes.data + at, &info, NULL), SRT_OK);
        struct record rec;
        while (batch_reader_next(&records, &rec) == SRT_OK) {
            if (rec.offset >= offset) {
                assert_int_equal(rec.offset, next++);
                srt_buf_put(&values, rec.value, (size_t)rec.value_len);
                srt_buf_put_u8(&values, ' ');
            }
        }
        at += info.size_bytes;
    }
    assert_string_equal(srt_buf_cstr(&values), expected);
    srt_buf_fini(&values);
    srt_buf_fini(&bytes);
}

/* --- topics --- */

static void topic_is_made_once_and_found(void **state)
{
    struct engine *eng = *state;
    struct srt_err err = {0};
    struct engine_topic found;
    assert_int_equal(eng->ops->topic_find(eng, "orders", &found, &err), SRT_ENOENT);
    assert_contains(err.msg, "orders");
    struct engine_topic made = ensure(eng, "orders");
    assert_true(made.partition_count >= 2);
    assert_true(made.max_record_bytes > 0);
    assert_false(topic_id_is_zero(&made.id));
    assert_ok(eng->ops->topic_find(eng, "orders", &found, &err), &err);
    assert_true(topic_id_equal(&found.id, &made.id));
    struct engine_topic again = ensure(eng, "orders");
    assert_true(topic_id_equal(&again.id, &made.id));
    struct engine_topic other = ensure(eng, "other");
    assert_false(topic_id_equal(&other.id, &made.id));
}

static void state_topic_is_made_as_asked_and_found_again(void **state)
{
    struct engine *eng = *state;
    struct srt_err err = {0};
    struct engine_topic made;
    struct engine_topic found;
    assert_ok(eng->ops->state_topic_ensure(eng, "__streamrt-p-state", 7, &made, &err), &err);
    assert_int_equal(made.partition_count, 7);
    assert_true(made.max_record_bytes > 1 << 20);
    assert_ok(eng->ops->state_topic_ensure(eng, "__streamrt-p-state", 7, &found, &err), &err);
    assert_true(topic_id_equal(&found.id, &made.id));
    assert_ok(eng->ops->topic_find(eng, "__streamrt-p-state", &found, &err), &err);
    assert_true(topic_id_equal(&found.id, &made.id));
    write_values(eng, &made, 6, (const char *const[]){"a", "b"}, 2);
    assert_values(eng, &made, 6, 0, "a b ");
}

static void state_topic_of_another_kind_is_refused(void **state)
{
    struct engine *eng = *state;
    struct srt_err err = {0};
    struct engine_topic topic;
    assert_ok(eng->ops->state_topic_ensure(eng, "__streamrt-p-state", 4, &topic, &err), &err);
    assert_int_equal(eng->ops->state_topic_ensure(eng, "__streamrt-p-state", 5, &topic, &err),
                     SRT_EEXIST);
    assert_contains(err.msg, "'__streamrt-p-state' has 4 partitions, expected 5");
    assert_int_equal(eng->ops->state_topic_ensure(eng, "orders", 4, &topic, &err), SRT_EINVAL);
    assert_int_equal(eng->ops->state_topic_ensure(eng, "__streamrt-q", 0, &topic, &err),
                     SRT_EINVAL);
    assert_int_equal(eng->ops->topic_find(eng, "orders", &topic, &err), SRT_ENOENT);
}

/* --- reading --- */

static void what_is_committed_is_read_in_order(void **state)
{
    struct engine *eng = *state;
    struct engine_topic topic = ensure(eng, "orders");
    write_values(eng, &topic, 0, (const char *const[]){"a", "b", "c"}, 3);
    write_values(eng, &topic, 1, (const char *const[]){"x"}, 1);
    write_values(eng, &topic, 0, (const char *const[]){"d"}, 1);
    assert_values(eng, &topic, 0, 0, "a b c d ");
    assert_values(eng, &topic, 0, 2, "c d ");
    assert_values(eng, &topic, 0, 4, "");
    assert_values(eng, &topic, 1, 0, "x ");
}

static void one_append_may_have_many_batches(void **state)
{
    struct engine *eng = *state;
    struct engine_topic topic = ensure(eng, "orders");
    struct srt_buf batches = {0};
    put_batch(&batches, (const char *const[]){"a", "b"}, 2);
    put_batch(&batches, (const char *const[]){"c"}, 1);
    put_batch(&batches, (const char *const[]){"d", "e"}, 2);
    struct engine_append append = {topic.id, 0, batches.data, batches.len};
    struct engine_commit request = {.group = "g", .appends = &append, .append_count = 1};
    assert_int_equal(commit(eng, &request), SRT_OK);
    assert_values(eng, &topic, 0, 0, "a b c d e ");
    srt_buf_fini(&batches);
}

static void reader_goes_on_behind_what_it_returned(void **state)
{
    struct engine *eng = *state;
    struct srt_err err = {0};
    struct engine_topic topic = ensure(eng, "orders");
    struct engine_reader *reader = open_reader(eng, &topic, 0, 0, NULL);
    struct srt_buf buf = {0};
    assert_ok(eng->ops->reader_poll(reader, 1000, &buf, &err), &err);
    assert_int_equal(buf.len, 0);
    write_values(eng, &topic, 0, (const char *const[]){"a", "b"}, 2);
    write_values(eng, &topic, 0, (const char *const[]){"c"}, 1);
    assert_int_equal(eng->ops->reader_end(reader), 3);
    assert_ok(eng->ops->reader_poll(reader, 1, &buf, &err), &err); /* at least one batch */
    assert_int_equal(eng->ops->reader_offset(reader), 2);
    assert_ok(eng->ops->reader_poll(reader, 1 << 20, &buf, &err), &err);
    assert_int_equal(eng->ops->reader_offset(reader), 3);
    size_t len = buf.len;
    assert_ok(eng->ops->reader_poll(reader, 1 << 20, &buf, &err), &err);
    assert_int_equal(buf.len, len);
    eng->ops->reader_close(reader);
    srt_buf_fini(&buf);
}

static void offsets_outside_what_is_there_are_refused(void **state)
{
    struct engine *eng = *state;
    struct srt_err err = {0};
    struct engine_topic topic = ensure(eng, "orders");
    write_values(eng, &topic, 0, (const char *const[]){"a"}, 1);
    struct engine_split split = {topic.id, 0};
    struct engine_reader *reader;
    assert_int_equal(eng->ops->reader_open(eng, &split, 2, NULL, NULL, &reader, &err), SRT_ERANGE);
    assert_true(err.msg[0] != '\0');
    split.partition = topic.partition_count;
    assert_int_equal(eng->ops->reader_open(eng, &split, 0, NULL, NULL, &reader, &err), SRT_ENOENT);
}

static void reader_that_found_nothing_is_woken(void **state)
{
    struct engine *eng = *state;
    struct srt_err err = {0};
    struct engine_topic topic = ensure(eng, "orders");
    struct bell bell = BELL;
    struct engine_reader *reader = open_reader(eng, &topic, 0, 0, &bell);
    struct srt_buf buf = {0};
    for (int i = 1; i <= 5; i++) {
        int before = rung(&bell);
        assert_ok(eng->ops->reader_poll(reader, 1000, &buf, &err), &err);
        write_values(eng, &topic, 0, (const char *const[]){"v"}, 1);
        wait_for(&bell, before + 1);
        assert_ok(eng->ops->reader_poll(reader, 1000, &buf, &err), &err);
        assert_int_equal(eng->ops->reader_offset(reader), i);
    }
    eng->ops->reader_close(reader);
    int before = rung(&bell);
    write_values(eng, &topic, 0, (const char *const[]){"after the close"}, 1);
    assert_int_equal(rung(&bell), before);
    srt_buf_fini(&buf);
}

static void ranges_and_times_are_found(void **state)
{
    struct engine *eng = *state;
    struct srt_err err = {0};
    struct engine_topic topic = ensure(eng, "orders");
    struct engine_split split = {topic.id, 1};
    int64_t start;
    int64_t end;
    int64_t offset;
    assert_ok(eng->ops->offset_range(eng, &split, &start, &end, &err), &err);
    assert_int_equal(start, 0);
    assert_int_equal(end, 0);
    assert_ok(eng->ops->offset_for_time(eng, &split, 0, &offset, &err), &err);
    assert_int_equal(offset, 0);
    write_values(eng, &topic, 1, (const char *const[]){"1000", "1001", "1002"}, 3);
    assert_ok(eng->ops->offset_range(eng, &split, &start, &end, &err), &err);
    assert_int_equal(end, 3);
    assert_ok(eng->ops->offset_for_time(eng, &split, 1001, &offset, &err), &err);
    assert_int_equal(offset, 1);
    assert_ok(eng->ops->offset_for_time(eng, &split, 999, &offset, &err), &err);
    assert_int_equal(offset, 0);
    assert_ok(eng->ops->offset_for_time(eng, &split, 1003, &offset, &err), &err);
    assert_int_equal(offset, 3);
}

/* --- commits --- */

static void outputs_and_positions_are_committed_together(void **state)
{
    struct engine *eng = *state;
    struct srt_err err = {0};
    struct engine_topic in = ensure(eng, "in");
    struct engine_topic out = ensure(eng, "out");
    struct srt_buf first = {0};
    struct srt_buf second = {0};
    put_batch(&first, (const char *const[]){"a", "b"}, 2);
    put_batch(&second, (const char *const[]){"c"}, 1);
    struct engine_append appends[] = {{out.id, 0, first.data, first.len},
                                      {out.id, 1, second.data, second.len}};
    struct engine_position positions[] = {
        {.topic_id = in.id, .partition = 1, .offset = 42},
        {.source_name = "file:/x",
         .offset = 7,
         .detail = (const uint8_t *)"inode",
         .detail_len = 5},
    };
    struct engine_commit request = {.group = "p",
                                    .appends = appends,
                                    .append_count = 2,
                                    .positions = positions,
                                    .position_count = 2};
    assert_int_equal(commit(eng, &request), SRT_OK);
    assert_values(eng, &out, 0, 0, "a b ");
    assert_values(eng, &out, 1, 0, "c ");

    struct engine_position at = {.topic_id = in.id, .partition = 1};
    assert_ok(eng->ops->position(eng, "p", &at, &err), &err);
    assert_int_equal(at.offset, 42);
    assert_int_equal(at.detail_len, 0);
    srt_free((void *)(uintptr_t)at.detail);
    at = (struct engine_position){.source_name = "file:/x"};
    assert_ok(eng->ops->position(eng, "p", &at, &err), &err);
    assert_int_equal(at.offset, 7);
    assert_int_equal(at.detail_len, 5);
    assert_memory_equal(at.detail, "inode", 5);
    srt_free((void *)(uintptr_t)at.detail);

    at = (struct engine_position){.topic_id = in.id, .partition = 0};
    assert_int_equal(eng->ops->position(eng, "p", &at, &err), SRT_ENOENT);
    at.partition = 1;
    assert_int_equal(eng->ops->position(eng, "q", &at, &err), SRT_ENOENT);
    at = (struct engine_position){.source_name = "file:/y"};
    assert_int_equal(eng->ops->position(eng, "p", &at, &err), SRT_ENOENT);
    srt_buf_fini(&first);
    srt_buf_fini(&second);
}

static void later_commit_replaces_positions(void **state)
{
    struct engine *eng = *state;
    struct srt_err err = {0};
    struct engine_topic in = ensure(eng, "in");
    for (int64_t offset = 1; offset <= 3; offset++) {
        struct engine_position position = {
            .topic_id = in.id, .partition = 0, .offset = offset * 10};
        struct engine_commit request = {.group = "p", .positions = &position, .position_count = 1};
        assert_int_equal(commit(eng, &request), SRT_OK);
        struct engine_position at = {.topic_id = in.id, .partition = 0};
        assert_ok(eng->ops->position(eng, "p", &at, &err), &err);
        assert_int_equal(at.offset, offset * 10);
        srt_free((void *)(uintptr_t)at.detail);
    }
}

static void failed_commit_leaves_nothing(void **state)
{
    struct engine *eng = *state;
    struct srt_err err = {0};
    struct engine_topic topic = ensure(eng, "orders");
    struct srt_buf batch = {0};
    put_batch(&batch, (const char *const[]){"a"}, 1);
    struct engine_append appends[] = {{topic.id, 0, batch.data, batch.len},
                                      {topic_id_new(), 0, batch.data, batch.len}};
    struct engine_position position = {.topic_id = topic.id, .partition = 0, .offset = 1};
    struct engine_commit request = {.group = "p",
                                    .appends = appends,
                                    .append_count = 2,
                                    .positions = &position,
                                    .position_count = 1};
    assert_int_equal(commit(eng, &request), SRT_ENOENT);
    appends[1] = (struct engine_append){topic.id, topic.partition_count, batch.data, batch.len};
    assert_int_equal(commit(eng, &request), SRT_ENOENT);
    assert_values(eng, &topic, 0, 0, "");
    struct engine_position at = {.topic_id = topic.id, .partition = 0};
    assert_int_equal(eng->ops->position(eng, "p", &at, &err), SRT_ENOENT);
    srt_buf_fini(&batch);
}

static void commit_of_nothing_is_done(void **state)
{
    struct engine *eng = *state;
    struct engine_commit request = {.group = "p"};
    assert_int_equal(commit(eng, &request), SRT_OK);
}

static void commits_may_follow_each_other_without_waiting(void **state)
{
    struct engine *eng = *state;
    enum { COMMITS = 50 };
    struct srt_err err = {0};
    struct engine_topic topic = ensure(eng, "orders");
    struct srt_buf batches[COMMITS] = {0};
    struct engine_append appends[COMMITS];
    struct engine_commit commits[COMMITS];
    struct bell bell = BELL;
    for (int i = 0; i < COMMITS; i++) {
        put_batch(&batches[i], (const char *const[]){"v"}, 1);
        appends[i] = (struct engine_append){topic.id, 0, batches[i].data, batches[i].len};
        commits[i] = (struct engine_commit){
            .group = "p", .appends = &appends[i], .append_count = 1, .done = on_done, .arg = &bell};
        assert_ok(eng->ops->commit(eng, &commits[i], &err), &err);
    }
    wait_for(&bell, COMMITS);
    struct engine_split split = {topic.id, 0};
    int64_t start;
    int64_t end;
    assert_ok(eng->ops->offset_range(eng, &split, &start, &end, &err), &err);
    assert_int_equal(end, COMMITS);
    for (int i = 0; i < COMMITS; i++) {
        srt_buf_fini(&batches[i]);
    }
}

/* --- assignment --- */

static struct engine_member *join(struct engine *eng, const char *id, struct bell *bell)
{
    struct engine_member *member;
    struct srt_err err = {0};
    static const char *const topics[] = {"in", "also"};
    assert_ok(eng->ops->join(eng, "p", id, topics, 2, ring, bell, &member, &err), &err);
    return member;
}

/* Adds what a member has to `owners`, which counts the owners of each partition of both topics. */
static uint32_t add_splits(struct engine *eng, struct engine_member *member,
                           const struct engine_topic *in, const struct engine_topic *also,
                           int *owners)
{
    struct engine_split *splits;
    uint32_t count;
    struct srt_err err = {0};
    assert_ok(eng->ops->assignment(member, &splits, &count, &err), &err);
    for (uint32_t i = 0; i < count; i++) {
        bool first = topic_id_equal(&splits[i].topic_id, &in->id);
        assert_true(first || topic_id_equal(&splits[i].topic_id, &also->id));
        assert_in_range(splits[i].partition, 0, (first ? in : also)->partition_count - 1);
        owners[splits[i].partition + (first ? 0 : in->partition_count)]++;
    }
    srt_free(splits);
    return count;
}

static void partitions_are_spread_over_members_as_they_come_and_go(void **state)
{
    struct engine *eng = *state;
    struct engine_topic in = ensure(eng, "in");
    struct engine_topic also = ensure(eng, "also");
    int32_t total = in.partition_count + also.partition_count;
    int *owners = calloc((size_t)total, sizeof *owners);
    struct bell bells[3] = {BELL, BELL, BELL};
    struct engine_member *members[3];
    static const char *const ids[] = {"worker-0", "worker-1", "worker-2"};
    for (int joined = 1; joined <= 3; joined++) {
        members[joined - 1] = join(eng, ids[joined - 1], &bells[joined - 1]);
        memset(owners, 0, (size_t)total * sizeof *owners);
        uint32_t least = UINT32_MAX;
        uint32_t most = 0;
        for (int m = 0; m < joined; m++) {
            wait_for(&bells[m], joined - 1 - m); /* told of each who came later */
            uint32_t count = add_splits(eng, members[m], &in, &also, owners);
            least = count < least ? count : least;
            most = count > most ? count : most;
        }
        assert_true(most - least <= 1);
        for (int32_t p = 0; p < total; p++) {
            assert_int_equal(owners[p], 1);
        }
    }
    int before = rung(&bells[2]);
    eng->ops->leave(members[0]);
    wait_for(&bells[2], before + 1);
    eng->ops->leave(members[1]);
    memset(owners, 0, (size_t)total * sizeof *owners);
    assert_int_equal(add_splits(eng, members[2], &in, &also, owners), total);
    eng->ops->leave(members[2]);
    free(owners);
}

int engine_suite_run(const struct engine_suite *which)
{
    suite = which;
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(topic_is_made_once_and_found),
        TEST(state_topic_is_made_as_asked_and_found_again),
        TEST(state_topic_of_another_kind_is_refused),
        TEST(what_is_committed_is_read_in_order),
        TEST(one_append_may_have_many_batches),
        TEST(reader_goes_on_behind_what_it_returned),
        TEST(offsets_outside_what_is_there_are_refused),
        TEST(reader_that_found_nothing_is_woken),
        TEST(ranges_and_times_are_found),
        TEST(outputs_and_positions_are_committed_together),
        TEST(later_commit_replaces_positions),
        TEST(failed_commit_leaves_nothing),
        TEST(commit_of_nothing_is_done),
        TEST(commits_may_follow_each_other_without_waiting),
        TEST(partitions_are_spread_over_members_as_they_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
