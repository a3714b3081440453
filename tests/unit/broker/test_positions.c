#include "broker/positions.h"

#include "base/rng.h"
#include "support/broker_fixture.h"
#include "support/cmocka_srt.h"

static struct metadata_position of_partition(uint8_t topic, int32_t partition, int64_t offset)
{
    return (struct metadata_position){
        .topic_id = {{topic}}, .partition = partition, .offset = offset};
}

static struct metadata_position of_source(const char *name, int64_t offset)
{
    return (struct metadata_position){.source_name = srt_str_of(name), .offset = offset};
}

static const struct topic_id none;

static int64_t offset_of(const struct positions *positions, uint8_t topic, int32_t partition)
{
    struct topic_id id = {{topic}};
    const struct positions_entry *entry = positions_find(positions, &id, partition, NULL);
    return entry ? entry->offset : -1;
}

static void set(struct positions *positions, struct metadata_position position)
{
    positions_set(positions, &position);
}

static void positions_are_found_whatever_order_they_came_in(void **state)
{
    (void)state;
    enum { TOPICS = 5, PARTITIONS = 40 };
    struct srt_rng rng;
    srt_rng_init(&rng, 3);
    struct positions positions;
    positions_init(&positions);
    int64_t expected[TOPICS][PARTITIONS];
    memset(expected, 0xff, sizeof expected);
    for (int i = 0; i < 2000; i++) {
        uint8_t topic = (uint8_t)srt_rng_below(&rng, TOPICS);
        int32_t partition = (int32_t)srt_rng_below(&rng, PARTITIONS);
        expected[topic][partition] = i;
        set(&positions, of_partition((uint8_t)(topic + 1), partition, i));
    }
    set(&positions, of_source("file:b", 2));
    set(&positions, of_source("file:a", 1));
    set(&positions, of_source("file:ab", 3));
    for (int t = 0; t < TOPICS; t++) {
        for (int p = 0; p < PARTITIONS; p++) {
            assert_int_equal(offset_of(&positions, (uint8_t)(t + 1), p), expected[t][p]);
        }
    }
    assert_int_equal(positions_find(&positions, &none, 0, "file:a")->offset, 1);
    assert_int_equal(positions_find(&positions, &none, 0, "file:ab")->offset, 3);
    assert_null(positions_find(&positions, &none, 0, "file:"));
    for (uint32_t i = 0; i < 3; i++) { /* sources stand last, by name */
        static const char *const names[] = {"file:a", "file:ab", "file:b"};
        assert_string_equal(positions.entries[positions.count - 3 + i].source_name, names[i]);
    }
    positions_fini(&positions);
}

static void detail_is_replaced_with_its_position(void **state)
{
    (void)state;
    struct positions positions;
    positions_init(&positions);
    static const char *const details[] = {"inode 12", "inode 13", "", "x"};
    for (size_t i = 0; i < 4; i++) {
        struct metadata_position position = of_source("file:a", (int64_t)i);
        position.detail = srt_str_of(details[i]);
        positions_set(&positions, &position);
        const struct positions_entry *entry = positions_find(&positions, &none, 0, "file:a");
        assert_int_equal(entry->detail_len, strlen(details[i]));
        if (entry->detail_len > 0) {
            assert_memory_equal(entry->detail, details[i], entry->detail_len);
        }
    }
    assert_int_equal(positions.count, 1);
    positions_fini(&positions);
}

static void lost_positions_are_kept_until_dropped(void **state)
{
    (void)state;
    struct positions positions;
    positions_init(&positions);
    set(&positions, of_partition(1, 0, 10));
    set(&positions, of_partition(1, 1, 11));
    set(&positions, of_partition(2, 0, 20));
    struct topic_id first = {{1}};
    positions_topic_gone(&positions, &first, "orders");
    assert_true(positions_has_former(&positions, "orders"));
    assert_false(positions_has_former(&positions, "order"));
    assert_int_equal(offset_of(&positions, 1, 1), 11);
    positions_drop_former(&positions, "orders");
    assert_false(positions_has_former(&positions, "orders"));
    assert_int_equal(positions.count, 1);
    assert_int_equal(offset_of(&positions, 2, 0), 20);
    positions_fini(&positions);
}

/* --- through the broker --- */

static void add_row(void *arg, const struct group_lag *lag)
{
    srt_buf_printf(arg, "%s %s/%s/%s %d: %d of %d, %d;\n", lag->group,
                   lag->topic ? lag->topic : "-", lag->former_topic ? lag->former_topic : "-",
                   lag->source_name ? lag->source_name : "-", (int)lag->partition,
                   (int)lag->committed, (int)lag->end, (int)lag->lag);
}

static void commit(struct broker_fixture *f, const char *group, struct group_position position)
{
    struct srt_err err = {0};
    struct broker_write write = {.group = group, .positions = &position, .position_count = 1};
    assert_ok(broker_write_wait(f->broker, &write, &err), &err);
}

static void lag_is_told_sorted_and_for_every_kind_of_source(void **state)
{
    (void)state;
    struct broker_fixture f;
    broker_fixture_open(&f);
    struct srt_err err = {0};
    struct topic_id b = *topic_get_id(broker_fixture_topic(&f, "b", 2));
    struct topic_id a = *topic_get_id(broker_fixture_topic(&f, "a", 1));
    struct topic_id gone = *topic_get_id(broker_fixture_topic(&f, "gone", 1));
    for (int i = 0; i < 3; i++) {
        broker_fixture_produce(&f, "b", 1, NULL, "x");
    }
    commit(&f, "g2", (struct group_position){.topic_id = b, .partition = 1, .offset = 1});
    commit(&f, "g2", (struct group_position){.topic_id = b, .partition = 0, .offset = 0});
    commit(&f, "g2", (struct group_position){.topic_id = a, .partition = 0, .offset = 0});
    commit(&f, "g2", (struct group_position){.topic_id = gone, .offset = 4});
    commit(&f, "g2", (struct group_position){.source_name = "file:/x", .offset = 512});
    commit(&f, "g1", (struct group_position){.topic_id = b, .partition = 1, .offset = 3});
    assert_ok(broker_topic_delete(f.broker, "gone", &err), &err);
    for (int round = 0; round < 2; round++) {
        struct srt_buf rows = {0};
        broker_group_each_lag(f.broker, add_row, &rows);
        assert_string_equal(srt_buf_cstr(&rows), "g1 b/-/- 1: 3 of 3, 0;\n"
                                                 "g2 a/-/- 0: 0 of 0, 0;\n"
                                                 "g2 b/-/- 0: 0 of 0, 0;\n"
                                                 "g2 b/-/- 1: 1 of 3, 2;\n"
                                                 "g2 -/gone/- 0: 4 of -1, -1;\n"
                                                 "g2 -/-/file:/x 0: 512 of -1, -1;\n");
        srt_buf_fini(&rows);
        broker_fixture_reopen(&f);
    }
    broker_fixture_close(&f);
}

static void topic_created_again_is_noticed_until_the_first_commit_on_it(void **state)
{
    (void)state;
    struct broker_fixture f;
    broker_fixture_open(&f);
    struct srt_err err = {0};
    struct topic_id first = *topic_get_id(broker_fixture_topic(&f, "orders", 2));
    commit(&f, "g", (struct group_position){.topic_id = first, .partition = 0, .offset = 7});
    assert_false(broker_group_lost_topic(f.broker, "g", "orders"));
    assert_ok(broker_topic_delete(f.broker, "orders", &err), &err);
    assert_true(broker_group_lost_topic(f.broker, "g", "orders"));
    struct topic_id second = *topic_get_id(broker_fixture_topic(&f, "orders", 2));
    for (int round = 0; round < 2; round++) {
        assert_true(broker_group_lost_topic(f.broker, "g", "orders"));
        assert_false(broker_group_lost_topic(f.broker, "other", "orders"));
        int64_t offset;
        uint8_t *detail;
        uint32_t detail_len;
        assert_int_equal(
            broker_group_position(f.broker, "g", &second, 0, NULL, &offset, &detail, &detail_len),
            SRT_ENOENT);
        broker_fixture_reopen(&f);
    }
    commit(&f, "g", (struct group_position){.topic_id = second, .partition = 1, .offset = 1});
    for (int round = 0; round < 2; round++) {
        assert_false(broker_group_lost_topic(f.broker, "g", "orders"));
        broker_fixture_reopen(&f);
    }
    broker_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_are_found_whatever_order_they_came_in),
        cmocka_unit_test(detail_is_replaced_with_its_position),
        cmocka_unit_test(lost_positions_are_kept_until_dropped),
        cmocka_unit_test(lag_is_told_sorted_and_for_every_kind_of_source),
        cmocka_unit_test(topic_created_again_is_noticed_until_the_first_commit_on_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
