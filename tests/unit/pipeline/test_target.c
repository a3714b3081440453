#include "pipeline/epoch.h"
#include "pipeline/target.h"
#include "record/batch.h"
#include "support/cmocka_srt.h"

#include <stdio.h>

static struct record make(const char *key, const char *value)
{
    return (struct record){.key = (const uint8_t *)key,
                           .key_len = key ? (int32_t)strlen(key) : RECORD_ABSENT,
                           .value = (const uint8_t *)value,
                           .value_len = (int32_t)strlen(value),
                           .timestamp_ms = 1};
}

static int32_t count_records(const struct epoch_part *part, uint32_t *ret_batches)
{
    int32_t count = 0;
    *ret_batches = 0;
    for (uint32_t i = 0; i < part->append_count; i++) {
        const struct engine_append *append = &part->appends[i];
        for (size_t at = 0; at < append->size_bytes;) {
            struct batch_info info;
            assert_int_equal(
                batch_check_records(append->batches + at, append->size_bytes - at, &info), SRT_OK);
            count += info.record_count;
            at += info.size_bytes;
            ++*ret_batches;
        }
    }
    return count;
}

static void records_become_batches_of_their_partition(void **state)
{
    (void)state;
    struct srt_err err;
    struct engine *engine = engine_memory_create(srt_clock_real(), 4);
    struct target_set set;
    struct target *target;
    target_set_init(&set, engine, 1);
    assert_ok(target_set_find(&set, "out", &target, &err), &err);
    struct target *again;
    assert_ok(target_set_find(&set, "out", &again, &err), &err);
    assert_ptr_equal(target, again);
    char value[1000];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < 2000; i++) {
        char key[8];
        snprintf(key, sizeof key, "%d", i % 3);
        struct record rec = make(i % 2 ? key : NULL, value);
        assert_ok(target_put(&set, target, &rec, false, &err), &err);
    }
    assert_true(set.size_bytes > 2000 * 999);
    struct epoch_part *part = epoch_part_create(0);
    target_set_take(&set, part);
    assert_int_equal(set.size_bytes, 0);
    uint32_t batches;
    assert_int_equal(count_records(part, &batches), 2000);
    assert_in_range(batches, 8, 40);
    epoch_part_destroy(part);
    part = epoch_part_create(0);
    target_set_take(&set, part);
    assert_int_equal(part->append_count, 0);
    epoch_part_destroy(part);
    target_set_fini(&set);
    engine_memory_destroy(engine);
}

static void a_large_record_is_refused_unless_it_may_be_any_size(void **state)
{
    (void)state;
    struct srt_err err;
    struct engine *engine = engine_memory_create(srt_clock_real(), 1);
    struct target_set set;
    struct target *target;
    assert_ok(engine_memory_create_topic(engine, "out", 1, 10, &err), &err);
    target_set_init(&set, engine, 1);
    assert_ok(target_set_find(&set, "out", &target, &err), &err);
    struct record fits = make("1", "123456789");
    struct record large = make("1", "1234567890");
    assert_ok(target_put(&set, target, &fits, false, &err), &err);
    assert_int_equal(target_put(&set, target, &large, false, &err), SRT_ETOOBIG);
    assert_contains(err.msg, "11 bytes is larger than topic 'out' takes (10)");
    assert_ok(target_put(&set, target, &large, true, &err), &err);
    target_set_fini(&set);
    engine_memory_destroy(engine);
}

static const struct engine_ops *plain_ops;
static int ensure_compacted(struct engine *engine, const char *name, struct engine_topic *ret,
                            struct srt_err *err)
{
    int code = plain_ops->topic_ensure(engine, name, ret, err);
    ret->compacted = true;
    return code;
}

static void compacted_topic_takes_no_record_without_a_key(void **state)
{
    (void)state;
    struct srt_err err;
    struct engine *engine = engine_memory_create(srt_clock_real(), 1);
    struct target_set set;
    struct target *target;
    plain_ops = engine->ops;
    struct engine_ops ops = *plain_ops;
    ops.topic_ensure = ensure_compacted;
    engine->ops = &ops;
    target_set_init(&set, engine, 1);
    assert_ok(target_set_find(&set, "out", &target, &err), &err);
    struct record rec = make("1", "v");
    assert_ok(target_put(&set, target, &rec, false, &err), &err);
    rec.key_len = RECORD_ABSENT;
    assert_int_equal(target_put(&set, target, &rec, false, &err), SRT_EINVAL);
    assert_contains(err.msg, "without a key for topic 'out', which is compacted");
    assert_ok(target_put(&set, target, &rec, true, &err), &err); /* a dead letter */
    target_set_fini(&set);
    engine->ops = plain_ops;
    engine_memory_destroy(engine);
}

static void names_that_no_topic_may_have_are_refused(void **state)
{
    (void)state;
    struct srt_err err;
    struct engine *engine = engine_memory_create(srt_clock_real(), 1);
    struct target_set set;
    struct target *target;
    target_set_init(&set, engine, 1);
    assert_int_equal(target_set_find(&set, "a b", &target, &err), SRT_EINVAL);
    assert_int_equal(target_set_find(&set, "", &target, &err), SRT_EINVAL);
    assert_int_equal(target_set_find(&set, "__streamrt-meta", &target, &err), SRT_EINVAL);
    assert_contains(err.msg, "'__streamrt' is reserved");
    target_set_fini(&set);
    engine_memory_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_become_batches_of_their_partition),
        cmocka_unit_test(a_large_record_is_refused_unless_it_may_be_any_size),
        cmocka_unit_test(compacted_topic_takes_no_record_without_a_key),
        cmocka_unit_test(names_that_no_topic_may_have_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
