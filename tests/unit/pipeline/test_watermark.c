/* Two sources lead into a window that is behind an exchange, and that to a target:
 *
 *     orders (0) --.
 *                  +--> minutes (2, exchange) --> to (3)
 *     clicks (1) --'
 */
#include "pipeline/watermark.h"
#include "support/cmocka_srt.h"

enum { ORDERS, CLICKS, MINUTES, TO, STAGES, TASKS = 3, SELF = 1 };

static uint32_t to_minutes[] = {MINUTES};
static uint32_t to_target[] = {TO};
static struct graph_arm into_minutes = {.next = to_minutes, .next_count = 1};
static struct graph_arm into_target = {.next = to_target, .next_count = 1};

struct world {
    struct stage stages[STAGES];
    struct graph graph;
    struct watermarks w;
};

static int setup_tasks(void **state, uint32_t tasks)
{
    struct world *world = calloc(1, sizeof *world);
    world->stages[ORDERS] =
        (struct stage){.kind = STAGE_SOURCE, .arms = &into_minutes, .arm_count = 1};
    world->stages[CLICKS] = world->stages[ORDERS];
    world->stages[MINUTES] = (struct stage){.kind = STAGE_AGGREGATE,
                                            .exchange = true,
                                            .arms = &into_target,
                                            .arm_count = 1};
    world->stages[TO] = (struct stage){.kind = STAGE_TO};
    world->graph.stages = world->stages;
    world->graph.stage_count = STAGES;
    watermarks_init(&world->w, &world->graph, tasks > 1 ? SELF : 0, tasks);
    *state = world;
    return 0;
}

static int setup(void **state)
{
    return setup_tasks(state, TASKS);
}

static int setup_alone(void **state)
{
    return setup_tasks(state, 1);
}

static int teardown(void **state)
{
    struct world *world = *state;
    watermarks_fini(&world->w);
    watermarks_fini(&world->w); /* a zeroed one */
    free(world);
    return 0;
}

static void others_say(struct watermarks *w, int64_t a, int64_t b)
{
    watermarks_hear(w, MINUTES, 0, a);
    watermarks_hear(w, MINUTES, 2, b);
}

static int64_t reach(struct watermarks *w, int64_t orders, int64_t clicks)
{
    w->said[ORDERS] = orders;
    w->said[CLICKS] = clicks;
    (void)watermarks_update_local(w, MINUTES);
    watermarks_update_reached(w, MINUTES);
    return w->reached[MINUTES];
}

static void nothing_is_reached_before_all_have_spoken(void **state)
{
    struct watermarks *w = &((struct world *)*state)->w;
    assert_int_equal(reach(w, 100, 200), WATERMARK_UNKNOWN);
    watermarks_hear(w, MINUTES, 0, 50);
    assert_int_equal(reach(w, 100, 200), WATERMARK_UNKNOWN);
    watermarks_say(w, MINUTES, 0);
    assert_int_equal(w->said[MINUTES], WATERMARK_UNKNOWN);
    watermarks_hear(w, MINUTES, 2, 300);
    assert_int_equal(reach(w, 100, 200), 50);
    assert_int_equal(reach(w, WATERMARK_UNKNOWN, 200), 50); /* it never goes back */
}

static void the_lowest_of_all_counts_and_idle_ones_do_not(void **state)
{
    struct watermarks *w = &((struct world *)*state)->w;
    others_say(w, WATERMARK_IDLE, 120);
    assert_int_equal(reach(w, 100, WATERMARK_IDLE), 100);
    assert_int_equal(reach(w, WATERMARK_IDLE, WATERMARK_IDLE), 120);
    others_say(w, WATERMARK_IDLE, WATERMARK_IDLE);
    assert_int_equal(reach(w, WATERMARK_IDLE, WATERMARK_IDLE), 120);
    watermarks_say(w, MINUTES, 0);
    assert_int_equal(w->said[MINUTES], WATERMARK_IDLE);
    assert_int_equal(reach(w, 130, WATERMARK_IDLE), 130);
    watermarks_say(w, MINUTES, 0);
    assert_int_equal(w->said[MINUTES], 130);
}

static void its_own_task_is_heard_from_itself_only(void **state)
{
    struct watermarks *w = &((struct world *)*state)->w;
    others_say(w, 500, 500);
    watermarks_hear(w, MINUTES, SELF, 1); /* does not come; local is newer */
    assert_int_equal(reach(w, 100, 200), 100);
}

static void the_end_comes_when_all_have_ended(void **state)
{
    struct watermarks *w = &((struct world *)*state)->w;
    others_say(w, WATERMARK_END, WATERMARK_END);
    assert_int_equal(reach(w, WATERMARK_END, 70), 70);
    assert_int_equal(reach(w, WATERMARK_END, WATERMARK_END), WATERMARK_END);
    watermarks_say(w, MINUTES, 5000);
    assert_int_equal(w->said[MINUTES], WATERMARK_END);
}

static void ended_ones_do_not_end_what_is_idle(void **state)
{
    struct watermarks *w = &((struct world *)*state)->w;
    others_say(w, WATERMARK_END, WATERMARK_IDLE);
    (void)reach(w, WATERMARK_END, 10);
    watermarks_hear(w, MINUTES, 2, WATERMARK_END);
    assert_int_equal(reach(w, WATERMARK_END, WATERMARK_IDLE), 10);
}

static void news_for_others_is_told_once(void **state)
{
    struct watermarks *w = &((struct world *)*state)->w;
    assert_false(watermarks_update_local(w, MINUTES)); /* they know that nothing is known */
    w->said[ORDERS] = 10;
    assert_false(watermarks_update_local(w, MINUTES));
    w->said[CLICKS] = 20;
    assert_true(watermarks_update_local(w, MINUTES));
    assert_int_equal(w->local[MINUTES], 10);
    assert_false(watermarks_update_local(w, MINUTES));
    w->said[CLICKS] = 30;
    assert_false(watermarks_update_local(w, MINUTES));
    w->said[ORDERS] = WATERMARK_IDLE;
    assert_true(watermarks_update_local(w, MINUTES));
    assert_int_equal(w->local[MINUTES], 30);
}

static void what_may_be_held_back_is_taken_off(void **state)
{
    struct watermarks *w = &((struct world *)*state)->w;
    others_say(w, 1000, 1000);
    (void)reach(w, 1000, 1000);
    watermarks_say(w, MINUTES, 300);
    (void)watermarks_update_local(w, TO);
    watermarks_update_reached(w, TO); /* no exchange: only its own task's */
    assert_int_equal(w->reached[TO], 700);
}

static void one_task_waits_for_no_other(void **state)
{
    struct watermarks *w = &((struct world *)*state)->w;
    assert_int_equal(reach(w, 100, 200), 100);
}

static void a_hold_keeps_within_the_range_and_leaves_what_means_something(void **state)
{
    (void)state;
    assert_int_equal(watermark_minus(100, 30), 70);
    assert_int_equal(watermark_minus(-100, 30), -130);
    assert_int_equal(watermark_minus(INT64_MIN + 10, 11), WATERMARK_UNKNOWN);
    assert_int_equal(watermark_minus(INT64_MIN + 11, 10), INT64_MIN + 1);
    assert_int_equal(watermark_minus(WATERMARK_UNKNOWN, 10), WATERMARK_UNKNOWN);
    assert_int_equal(watermark_minus(WATERMARK_IDLE, 10), WATERMARK_IDLE);
    assert_int_equal(watermark_minus(WATERMARK_END, 10), WATERMARK_END);
}

static void a_stage_holds_back_its_grace_and_of_sessions_the_gap(void **state)
{
    (void)state;
    struct join_spec join = {.with_kind = JOIN_STREAM, .within_ms = 60, .grace_ms = 5};
    struct stage stage = {.kind = STAGE_AGGREGATE,
                          .window = {.kind = WINDOW_TUMBLING, .size_ms = 100, .grace_ms = 7}};
    assert_int_equal(watermark_hold_ms(&stage), 7);
    stage.window.kind = WINDOW_SESSION;
    assert_int_equal(watermark_hold_ms(&stage), 107);
    stage.kind = STAGE_REDUCE;
    assert_int_equal(watermark_hold_ms(&stage), 107);
    stage.kind = STAGE_FILTER;
    assert_int_equal(watermark_hold_ms(&stage), 0);
    stage.kind = STAGE_JOIN;
    stage.join = &join;
    assert_int_equal(watermark_hold_ms(&stage), 65);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_reached_before_all_have_spoken, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_lowest_of_all_counts_and_idle_ones_do_not, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(its_own_task_is_heard_from_itself_only, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_comes_when_all_have_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(ended_ones_do_not_end_what_is_idle, setup, teardown),
        cmocka_unit_test_setup_teardown(news_for_others_is_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_may_be_held_back_is_taken_off, setup, teardown),
        cmocka_unit_test_setup_teardown(one_task_waits_for_no_other, setup_alone, teardown),
        cmocka_unit_test(a_hold_keeps_within_the_range_and_leaves_what_means_something),
        cmocka_unit_test(a_stage_holds_back_its_grace_and_of_sessions_the_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
