/* Of compile_aggregate.c, compile_window.c, compile_fn.c and bind.c: what YAML says
 * about groups, windows and what is made of them. */
#include "compile_fixture.h"

#include <lauxlib.h>

/* A pipeline with these steps before a `to`, each line as it stands below `steps:`. */
static struct compiled compiled_steps(const char *steps)
{
    char text[4096];
    snprintf(text, sizeof(text),
             "pipelines:\n"
             "  p:\n"
             "    from: { topic: a, time: v.ts }\n"
             "    steps:\n"
             "%s"
             "      - to: b\n",
             steps);
    return compiled_yaml("p.yaml", text);
}

static void a_group_a_window_and_an_aggregate_are_one_stage(void **state)
{
    (void)state;
    struct compiled it =
        compiled_steps("      - group_by: v.user\n"
                       "      - window: { hopping: 1h, every: 5m, grace: 10s, late: too_late }\n"
                       "      - as: hourly\n"
                       "        aggregate: { n: count(), p: \"quantile(0.95, v.ms)\" }\n");
    const struct graph *graph = compiled_graph(&it);
    assert_shape(graph, "0 from -> 1; 1 aggregate -> 2; 2 to");
    const struct stage *stage = &graph->stages[1];
    assert_true(stage->named && stage->exchange);
    assert_string_equal(stage->fn.text.text, "v.user");
    assert_int_equal(stage->window.kind, WINDOW_HOPPING);
    assert_int_equal(stage->window.size_ms, 3600000);
    assert_int_equal(stage->window.every_ms, 300000);
    assert_int_equal(stage->window.grace_ms, 10000);
    assert_int_equal(stage->window.emit, WINDOW_EMIT_FINAL);
    assert_string_equal(stage->window.late, "too_late");
    assert_int_equal(stage->window.mark.line, 6);
    assert_int_equal(stage->window.late_mark.column, 61);
    assert_int_equal(stage->aggregate_count, 2);
    assert_int_equal(stage->aggregates[0].def.kind, AGGREGATE_COUNT);
    assert_int_equal(stage->aggregates[0].value.kind, GRAPH_FN_NONE);
    assert_int_equal(stage->aggregates[1].def.kind, AGGREGATE_QUANTILE);
    assert_true(stage->aggregates[1].def.parameter == 0.95);
    assert_string_equal(stage->aggregates[1].value.text.text, "v.ms");
    compiled_free(&it);
}

static void top_goes_by_its_value_when_nothing_else_is_given(void **state)
{
    (void)state;
    struct compiled it =
        compiled_steps("      - as: x\n"
                       "        aggregate: { a: \"top(3, v.x)\", b: \"top(2, v, v.y)\" }\n");
    const struct aggregate_spec *specs = compiled_graph(&it)->stages[1].aggregates;
    assert_string_equal(specs[0].value.text.text, "v.x");
    assert_string_equal(specs[0].by.text.text, "v.x");
    assert_string_equal(specs[1].by.text.text, "v.y");
    assert_int_equal(specs[1].def.limit, 2);
    compiled_free(&it);
}

static void without_a_window_each_record_gives_a_result(void **state)
{
    (void)state;
    struct compiled it = compiled_steps("      - { as: n, count: {} }\n");
    const struct stage *stage = &compiled_graph(&it)->stages[1];
    assert_int_equal(stage->window.kind, WINDOW_NONE);
    assert_int_equal(stage->window.emit, WINDOW_EMIT_UPDATES);
    assert_int_equal(stage->fn.kind, GRAPH_FN_NONE); /* by the record's key */
    assert_string_equal(stage->aggregates[0].name, "count");
    compiled_free(&it);
}

static void the_time_of_a_source_has_defaults(void **state)
{
    (void)state;
    struct compiled it = compiled_steps("");
    const struct source_spec *source = compiled_graph(&it)->stages[0].source;
    assert_string_equal(source->time.text.text, "v.ts");
    assert_int_equal(source->tie.kind, GRAPH_FN_NONE);
    assert_int_equal(source->out_of_order_ms, 0);
    assert_int_equal(source->idle_ms, 30000);
    assert_int_equal(source->max_ahead_ms, 86400000);
    compiled_free(&it);
    static const char *const sources[] = {
        "{ file: x, time: v.ts, tie: v.n, max_ahead: none }",
        "{ stdin: {}, time: v.ts, tie: v.n, max_ahead: none }",
        "{ generate: v, time: v.ts, tie: v.n, max_ahead: none }",
        "{ merge: [a, c], time: v.ts, tie: v.n, max_ahead: none }"};
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "pipelines:\n  p: { from: %s, steps: [ { to: b } ] }\n",
                 sources[i]);
        it = compiled_yaml("p.yaml", text);
        source = compiled_graph(&it)->stages[0].source;
        assert_string_equal(source->time.text.text, "v.ts");
        assert_string_equal(source->tie.text.text, "v.n");
        assert_int_equal(source->max_ahead_ms, -1);
        compiled_free(&it);
    }
}

static void late_records_have_a_target(void **state)
{
    (void)state;
    struct compiled it = compiled_steps("      - window: { tumbling: 1h, late: a }\n"
                                        "      - { as: n, count: {} }\n");
    assert_null(it.graph);
    compiled_says(&it, "error[E022]: the pipeline writes 'a', which it reads\n"
                       " --> p.yaml:5:39\n");
    compiled_free(&it);
}

/* Where Lua and the compiler see a mistake in an argument. */
static void arguments_know_their_places(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        const char *place;
    } cases[] = {
        {"          n: sum(v.a +)\n", "p.yaml:8:18\n"},
        {"          n: sum( v.a + )\n", "p.yaml:8:19\n"},
        {"          n: \"sum(v.a +)\"\n", "p.yaml:8:19\n"},
        {"          n: 'sum(v.a +)'\n", "p.yaml:8:19\n"},
        {"          'ä': top(2, 'ö', v.a +)\n", "p.yaml:8:28\n"},
        {"          n: { sum: v.a + }\n", "p.yaml:8:21\n"},
        {"          n: |\n            sum(\n              v.a +\n            )\n",
         "p.yaml:10:15\n"},
        {"          n: sum('it''s' +)\n", "p.yaml:8:18\n"}, /* plain: as it is */
        {"          n: 'sum(''x'' +)'\n", "p.yaml:8:14\n"}, /* escaped: the whole */
        {"          n: top(0, v)\n", "p.yaml:8:18\n"},
        {"          n: v.a\n          m: sum(v\n", "p.yaml:9:17\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char steps[512];
        snprintf(steps, sizeof(steps), "      - filter: v\n      - as: x\n        aggregate:\n%s",
                 cases[i].fields);
        struct compiled it = compiled_steps(steps);
        assert_null(it.graph);
        compiled_says(&it, cases[i].place);
        compiled_free(&it);
    }
}

static void an_own_aggregator_needs_merge_in_sessions_only(void **state)
{
    (void)state;
    static const char own[] =
        "      - window: { %s }\n"
        "      - as: x\n"
        "        aggregate:\n"
        "          n: { init: {}, add: \"function(acc, v) return acc end\" }\n";
    char steps[512];
    snprintf(steps, sizeof(steps), own, "tumbling: 1h");
    struct compiled it = compiled_steps(steps);
    const struct aggregate_spec *spec = &compiled_graph(&it)->stages[1].aggregates[0];
    assert_true(spec->is_script);
    assert_string_equal(spec->init.text.text, "{}");
    assert_int_equal(spec->merge.kind, GRAPH_FN_NONE);
    compiled_free(&it);
    snprintf(steps, sizeof(steps), own, "session: 1h");
    it = compiled_steps(steps);
    assert_null(it.graph);
    compiled_says(&it, "error[E014]: 'n' has no 'merge', and sessions grow together\n"
                       " --> p.yaml:8:11\n");
    compiled_free(&it);
}

static void a_stage_of_state_needs_a_name(void **state)
{
    (void)state;
    static const struct {
        const char *steps;
        const char *says;
    } cases[] = {
        {"      - window: { session: 1h }\n      - count: {}\n",
         "error[E031]: stage after 'window' keeps state but has no name\n"
         " --> p.yaml:6:9\n"
         "  |\n"
         "6 |       - count: {}\n"
         "  |         ^^^^^ add as: session\n"},
        {"      - group_by: v.user_id\n      - count: {}\n",
         "stage after 'group_by' keeps state but has no name\n"},
        {"      - group_by: v.user_id\n      - count: {}\n", "^^^^^ add as: by_user_id\n"},
        {"      - group_by: v.user .. 'x'\n      - count: {}\n", "^^^^^ add as: counts\n"},
        {"      - aggregate: { n: count() }\n", "'aggregate' keeps state but has no name\n"},
        {"      - reduce: function(a, b) return b end\n", "add as: reduced\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct compiled it = compiled_steps(cases[i].steps);
        assert_null(it.graph);
        compiled_says(&it, cases[i].says);
        compiled_free(&it);
    }
}

static void every_function_is_bound_in_a_state(void **state)
{
    (void)state;
    struct compiled it =
        compiled_steps("      - as: x\n"
                       "        aggregate:\n"
                       "          n: count()\n"
                       "          t: top(2, v.a, v.b)\n"
                       "          o: { init: 7, add: \"function(acc, v) return acc + v end\" }\n"
                       "      - { as: y, reduce: \"function(acc, v) return acc + v end\" }\n");
    const struct graph *graph = compiled_graph(&it);
    struct script_options options;
    script_options_default(&options);
    options.paths = graph->lua_paths;
    struct script *script;
    struct srt_err err;
    assert_int_equal(script_create(&options, &script, &err), SRT_OK);
    struct graph_bindings bindings;
    const struct graph_fn *failed;
    int line;
    assert_int_equal(graph_bind(graph, script, &bindings, &failed, &line, &err), SRT_OK);
    const struct script_fn *fns = bindings.own_fns[1];
    assert_int_not_equal(bindings.own_fns[0][SOURCE_FN_TIME].ref, LUA_NOREF);
    assert_int_equal(bindings.own_fns[0][SOURCE_FN_TIE].ref, LUA_NOREF);
    assert_int_equal(fns[AGGREGATE_FN_VALUE].ref, LUA_NOREF);
    assert_int_not_equal(fns[AGGREGATE_FN_COUNT + AGGREGATE_FN_VALUE].ref, LUA_NOREF);
    assert_int_not_equal(fns[AGGREGATE_FN_COUNT + AGGREGATE_FN_BY].ref, LUA_NOREF);
    assert_int_not_equal(fns[2 * AGGREGATE_FN_COUNT + AGGREGATE_FN_INIT].ref, LUA_NOREF);
    assert_int_equal(fns[2 * AGGREGATE_FN_COUNT + AGGREGATE_FN_MERGE].ref, LUA_NOREF);
    script_push_fn(script, &bindings.own_fns[2][REDUCE_FN_REDUCE]);
    lua_pushinteger(script_state(script), 2);
    lua_pushinteger(script_state(script), 3);
    assert_int_equal(script_call(script, 2, 1, &err), SRT_OK);
    assert_int_equal(lua_tointeger(script_state(script), -1), 5);
    lua_pop(script_state(script), 1);
    graph_unbind(graph, script, &bindings);
    script_destroy(script);
    compiled_free(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_a_window_and_an_aggregate_are_one_stage),
        cmocka_unit_test(top_goes_by_its_value_when_nothing_else_is_given),
        cmocka_unit_test(without_a_window_each_record_gives_a_result),
        cmocka_unit_test(the_time_of_a_source_has_defaults),
        cmocka_unit_test(late_records_have_a_target),
        cmocka_unit_test(arguments_know_their_places),
        cmocka_unit_test(an_own_aggregator_needs_merge_in_sessions_only),
        cmocka_unit_test(a_stage_of_state_needs_a_name),
        cmocka_unit_test(every_function_is_bound_in_a_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
