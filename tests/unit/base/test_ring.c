#include <sched.h>

#include "base/ring.h"
#include "io/thread.h"
#include "support/cmocka_srt.h"

static void holds_as_many_as_asked_rounded_up(void **state)
{
    (void)state;
    struct srt_ring *ring = srt_ring_create(3);
    int items[5];
    assert_int_equal(srt_ring_free_slots(ring), 4);
    for (int i = 0; i < 4; i++) {
        assert_true(srt_ring_push(ring, &items[i]));
    }
    assert_false(srt_ring_push(ring, &items[4]));
    assert_int_equal(srt_ring_free_slots(ring), 0);
    assert_ptr_equal(srt_ring_peek(ring), &items[0]);
    assert_ptr_equal(srt_ring_pop(ring), &items[0]);
    assert_true(srt_ring_push(ring, &items[4]));
    for (int i = 1; i < 5; i++) {
        assert_ptr_equal(srt_ring_pop(ring), &items[i]);
    }
    assert_null(srt_ring_peek(ring));
    assert_null(srt_ring_pop(ring));
    srt_ring_destroy(ring);
    srt_ring_destroy(NULL);
}

static void the_producer_sees_all_slots_that_were_freed(void **state)
{
    (void)state;
    struct srt_ring *ring = srt_ring_create(4);
    int item;
    for (int i = 0; i < 3; i++) {
        assert_true(srt_ring_push(ring, &item));
    }
    assert_int_equal(srt_ring_free_slots(ring), 1);
    (void)srt_ring_pop(ring);
    (void)srt_ring_pop(ring);
    assert_int_equal(srt_ring_free_slots(ring), 3);
    srt_ring_destroy(ring);
}

static void one_slot_is_enough(void **state)
{
    (void)state;
    struct srt_ring *ring = srt_ring_create(1);
    int items[100];
    for (int i = 0; i < 100; i++) {
        assert_true(srt_ring_push(ring, &items[i]));
        assert_false(srt_ring_push(ring, &items[i]));
        assert_ptr_equal(srt_ring_pop(ring), &items[i]);
        assert_null(srt_ring_pop(ring));
    }
    srt_ring_destroy(ring);
}

static void nothing_is_no_item(void **state)
{
    (void)state;
    expect_assert_failure(srt_ring_create(0));
    struct srt_ring *ring = srt_ring_create(1);
    expect_assert_failure(srt_ring_push(ring, NULL));
    srt_ring_destroy(ring);
}

enum { COUNT = 200000 };

struct stream {
    struct srt_ring *ring;
    uint64_t items[COUNT]; /* written by the producer just before each push */
};

static void produce(void *arg)
{
    struct stream *stream = arg;
    for (uint64_t i = 0; i < COUNT; i++) {
        stream->items[i] = i * i;
        while (!srt_ring_push(stream->ring, &stream->items[i])) {
            sched_yield();
        }
    }
}

static void two_threads_pass_every_item_in_order(void **state)
{
    (void)state;
    struct srt_err err;
    struct stream *stream = calloc(1, sizeof *stream);
    stream->ring = srt_ring_create(8);
    struct io_thread thread;
    assert_ok(io_thread_start(&thread, IO_ROLE_WORK, 0, produce, stream, &err), &err);
    bool in_order = true;
    for (uint64_t i = 0; i < COUNT;) {
        const uint64_t *item = srt_ring_pop(stream->ring);
        if (item) {
            in_order &= item == &stream->items[i] && *item == i * i;
            i++;
        } else {
            sched_yield();
        }
    }
    io_thread_join(&thread);
    assert_true(in_order);
    assert_null(srt_ring_pop(stream->ring));
    srt_ring_destroy(stream->ring);
    free(stream);
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_as_many_as_asked_rounded_up),
        cmocka_unit_test(the_producer_sees_all_slots_that_were_freed),
        cmocka_unit_test(one_slot_is_enough),
        cmocka_unit_test(nothing_is_no_item),
        cmocka_unit_test(two_threads_pass_every_item_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
