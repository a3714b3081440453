#include "pipeline/exchange.h"
#include "pipeline/item.h"
#include "support/cmocka_srt.h"

#include <stdio.h>

/* Two keyed stages behind a source, between three tasks. */
static struct stage stages[] = {
    {.index = 0, .kind = STAGE_SOURCE, .name = "from-1"},
    {.index = 1, .kind = STAGE_THROTTLE, .name = "one", .exchange = true},
    {.index = 2, .kind = STAGE_FILTER, .name = "filter-1"},
    {.index = 3, .kind = STAGE_THROTTLE, .name = "two", .exchange = true},
};
static const struct graph graph = {.name = "p", .stages = stages, .stage_count = 4};

static int woken[3];

static void wake(void *arg)
{
    ++*(int *)arg;
}

static struct exchange *create(size_t slot_count, size_t chunk_bytes)
{
    const struct exchange_options options = {.slot_count = slot_count, .chunk_bytes = chunk_bytes};
    struct exchange *ex = exchange_create(&graph, 3, &options);
    assert_non_null(ex);
    for (uint32_t i = 0; i < 3; i++) {
        woken[i] = 0;
        exchange_set_wake(ex, i, wake, &woken[i]);
    }
    return ex;
}

static struct item text_item(const char *value)
{
    struct record rec = {.key = (const uint8_t *)"key",
                         .key_len = 3,
                         .value = (const uint8_t *)value,
                         .value_len = (int32_t)strlen(value),
                         .timestamp_ms = 7,
                         .offset = 42};
    return (struct item){.rec = rec,
                         .value_codec = CODEC_TEXT,
                         .group_key = (const uint8_t *)"group",
                         .group_key_len = 5,
                         .origin = {.rec = rec, .topic = "in", .partition = 2}};
}

static void send(struct exchange *ex, uint32_t edge, uint32_t from, uint32_t to, const char *value)
{
    struct item item = text_item(value);
    assert_int_equal(exchange_send(ex, edge, from, to, &item), SRT_OK);
}

static void assert_next(struct exchange *ex, uint32_t edge, uint32_t to, const char *value)
{
    struct item item;
    assert_true(exchange_next(ex, edge, to, &item));
    assert_int_equal(item.rec.value_len, strlen(value));
    assert_memory_equal(item.rec.value, value, strlen(value));
}

static void assert_nothing(struct exchange *ex, uint32_t edge, uint32_t to)
{
    struct item item;
    assert_false(exchange_next(ex, edge, to, &item));
}

static void there_is_none_without_a_keyed_stage_or_a_second_task(void **state)
{
    (void)state;
    const struct exchange_options options = {0};
    const struct graph plain = {.stages = stages, .stage_count = 1};
    assert_null(exchange_create(&plain, 3, &options));
    assert_null(exchange_create(&graph, 1, &options));
    assert_int_equal(exchange_edge_count(NULL), 0);
    exchange_destroy(NULL);
}

static void edges_are_numbered_downstream(void **state)
{
    (void)state;
    struct exchange *ex = create(4, 100);
    assert_int_equal(exchange_edge_count(ex), 2);
    assert_int_equal(exchange_edge_into(ex, 1), 0);
    assert_int_equal(exchange_edge_into(ex, 3), 1);
    assert_int_equal(exchange_edge_stage(ex, 1), 3);
    exchange_destroy(ex);
}

static void an_item_arrives_whole_and_wakes_its_receiver(void **state)
{
    (void)state;
    struct exchange *ex = create(4, 1);
    struct item item = text_item("changed");
    item.origin.rec.value = (const uint8_t *)"original";
    item.origin.rec.value_len = 8;
    item.origin.rec.key = NULL;
    item.origin.rec.key_len = RECORD_ABSENT;
    item.rec.headers = (const uint8_t *)"\x02h\x02v";
    item.rec.headers_len = 4;
    item.rec.header_count = 1;
    item.origin.rec.headers_len = 4;
    item.origin.rec.header_count = 1;
    assert_int_equal(exchange_send(ex, 0, 0, 2, &item), SRT_OK);
    assert_int_equal(woken[2], 1);
    struct item got;
    assert_true(exchange_next(ex, 0, 2, &got));
    assert_memory_equal(got.rec.value, "changed", 7);
    assert_memory_equal(got.rec.key, "key", 3);
    assert_memory_equal(got.rec.headers, "\x02h\x02v", 4);
    assert_memory_equal(got.origin.rec.headers, "\x02h\x02v", 4);
    assert_memory_equal(got.origin.rec.value, "original", 8);
    assert_int_equal(got.origin.rec.value_len, 8);
    assert_int_equal(got.origin.rec.key_len, RECORD_ABSENT);
    assert_memory_equal(got.group_key, "group", 5);
    assert_int_equal(got.rec.timestamp_ms, 7);
    assert_int_equal(got.origin.rec.offset, 42);
    assert_string_equal(got.origin.topic, "in");
    assert_int_equal(got.origin.partition, 2);
    assert_int_equal(got.value_codec, CODEC_TEXT);
    assert_nothing(ex, 0, 2);
    exchange_destroy(ex);
}

static void items_that_do_not_fill_a_chunk_leave_with_flush(void **state)
{
    (void)state;
    struct exchange *ex = create(4, 1 << 20);
    send(ex, 0, 0, 1, "a");
    send(ex, 0, 0, 1, "b");
    assert_nothing(ex, 0, 1);
    exchange_flush(ex, 0);
    assert_next(ex, 0, 1, "a");
    assert_next(ex, 0, 1, "b");
    assert_nothing(ex, 0, 1);
    exchange_destroy(ex);
}

static void a_full_ring_spills_and_says_on_which_edge(void **state)
{
    (void)state;
    struct exchange *ex = create(2, 1);
    assert_int_equal(exchange_spilled_edge(ex, 0), -1);
    send(ex, 0, 0, 1, "a");
    assert_int_equal(exchange_spilled_edge(ex, 0), -1);
    send(ex, 0, 0, 1, "b"); /* the second slot is kept for a barrier */
    send(ex, 0, 0, 1, "c");
    assert_int_equal(exchange_spilled_edge(ex, 0), 0);
    send(ex, 1, 0, 1, "x");
    send(ex, 1, 0, 1, "y");
    assert_int_equal(exchange_spilled_edge(ex, 0), 1);
    woken[0] = 0;
    assert_next(ex, 0, 1, "a");
    assert_true(woken[0] > 0);
    exchange_flush(ex, 0);
    assert_next(ex, 0, 1, "b");
    exchange_flush(ex, 0);
    assert_next(ex, 0, 1, "c");
    assert_next(ex, 1, 1, "x");
    exchange_flush(ex, 0);
    assert_next(ex, 1, 1, "y");
    assert_int_equal(exchange_spilled_edge(ex, 0), -1);
    exchange_destroy(ex);
}

static void a_barrier_parks_its_channel_until_the_epoch_is_complete(void **state)
{
    (void)state;
    struct exchange *ex = create(8, 1);
    send(ex, 0, 0, 2, "a");
    exchange_send_barrier(ex, 0, 0);
    send(ex, 0, 0, 2, "next epoch");
    assert_next(ex, 0, 2, "a");
    assert_nothing(ex, 0, 2);
    assert_false(exchange_aligned(ex, 0, 2));
    send(ex, 0, 1, 2, "b");
    assert_next(ex, 0, 2, "b");
    exchange_send_barrier(ex, 0, 1);
    assert_nothing(ex, 0, 2);
    assert_true(exchange_aligned(ex, 0, 2));
    exchange_unpark(ex, 2);
    assert_false(exchange_aligned(ex, 0, 2));
    assert_next(ex, 0, 2, "next epoch");
    exchange_destroy(ex);
}

static void a_barrier_stays_behind_what_was_spilled(void **state)
{
    (void)state;
    struct exchange *ex = create(2, 1);
    send(ex, 0, 0, 1, "a");
    send(ex, 0, 0, 1, "b");
    exchange_send_barrier(ex, 0, 0);
    assert_next(ex, 0, 1, "a");
    assert_nothing(ex, 0, 1);
    exchange_flush(ex, 0);
    assert_next(ex, 0, 1, "b");
    exchange_flush(ex, 0);
    assert_nothing(ex, 0, 1);
    exchange_send_barrier(ex, 0, 2);
    assert_nothing(ex, 0, 1);
    assert_true(exchange_aligned(ex, 0, 1));
    exchange_destroy(ex); /* with items still inside */
}

static void senders_take_turns(void **state)
{
    (void)state;
    struct exchange *ex = create(8, 1);
    send(ex, 0, 0, 1, "a");
    send(ex, 0, 0, 1, "b");
    send(ex, 0, 2, 1, "x");
    assert_next(ex, 0, 1, "a");
    assert_next(ex, 0, 1, "b");
    assert_next(ex, 0, 1, "x");
    exchange_destroy(ex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_none_without_a_keyed_stage_or_a_second_task),
        cmocka_unit_test(edges_are_numbered_downstream),
        cmocka_unit_test(an_item_arrives_whole_and_wakes_its_receiver),
        cmocka_unit_test(items_that_do_not_fill_a_chunk_leave_with_flush),
        cmocka_unit_test(a_full_ring_spills_and_says_on_which_edge),
        cmocka_unit_test(a_barrier_parks_its_channel_until_the_epoch_is_complete),
        cmocka_unit_test(a_barrier_stays_behind_what_was_spilled),
        cmocka_unit_test(senders_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
