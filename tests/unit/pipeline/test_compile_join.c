/* Of compile_join.c, compile_state.c and compile_gate.c: what YAML says about joins, dedupes and
 * processes. */
#include "compile_fixture.h"

#include <lauxlib.h>

static struct compiled compiled_steps(const char *steps)
{
    char text[4096];
    snprintf(text, sizeof(text),
             "pipelines:\n"
             "  p:\n"
             "    from: orders\n"
             "    steps:\n"
             "%s"
             "      - to: b\n",
             steps);
    return compiled_yaml("p.yaml", text);
}

static void a_table_is_a_source_on_side_one(void **state)
{
    (void)state;
    struct compiled it = compiled_steps("      - filter: v.total > 0\n"
                                        "      - as: named\n"
                                        "        join: { table: customers, by: v.customer_id }\n");
    const struct graph *graph = compiled_graph(&it);
    assert_shape(graph, "0 from -> 1; 1 filter -> 3; 2 from -> 3; 3 join -> 4; 4 to");
    const struct stage *table = &graph->stages[2];
    assert_string_equal(table->name, "named.from");
    assert_true(table->source->table);
    assert_false(table->source->global);
    assert_string_equal(table->source->topics[0], "customers");
    assert_int_equal(table->arms[0].next_side[0], 1);
    assert_int_equal(graph->stages[1].arms[0].next_side[0], 0);
    const struct stage *join = &graph->stages[3];
    assert_true(join->exchange);
    assert_string_equal(join->fn.text.text, "v.customer_id");
    assert_int_equal(join->join->with_kind, JOIN_TABLE);
    assert_int_equal(join->join->how, JOIN_INNER);
    assert_string_equal(join->join->topic, "customers");
    assert_int_equal(join->join->with.kind, GRAPH_FN_NONE);
    compiled_free(&it);
}

static void a_global_table_and_a_stream_have_their_options(void **state)
{
    (void)state;
    struct compiled it =
        compiled_steps("      - { as: rated, join: { global: rates, how: left, by: v.currency } }\n"
                       "      - as: paid\n"
                       "        join:\n"
                       "          topic: { topic: payments, time: v.at, codec: json, idle: 1m }\n"
                       "          how: outer\n"
                       "          by: v.id\n"
                       "          other_by: v.order_id\n"
                       "          within: 15m\n"
                       "          grace: 5s\n"
                       "          with: function(a, b) return a or b end\n");
    const struct graph *graph = compiled_graph(&it);
    assert_shape(graph, "0 from -> 2; 1 from -> 2; 2 join -> 4; 3 from -> 4; 4 join -> 5; 5 to");
    assert_true(graph->stages[1].source->table && graph->stages[1].source->global);
    assert_int_equal(graph->stages[2].join->with_kind, JOIN_GLOBAL);
    assert_int_equal(graph->stages[2].join->how, JOIN_LEFT);
    const struct source_spec *payments = graph->stages[3].source;
    assert_false(payments->table);
    assert_string_equal(payments->time.text.text, "v.at");
    assert_int_equal(payments->idle_ms, 60000);
    const struct join_spec *join = graph->stages[4].join;
    assert_int_equal(join->with_kind, JOIN_STREAM);
    assert_int_equal(join->how, JOIN_OUTER);
    assert_string_equal(join->other_by.text.text, "v.order_id");
    assert_int_equal(join->within_ms, 900000);
    assert_int_equal(join->grace_ms, 5000);
    assert_int_equal(join->with.kind, GRAPH_FN_TEXT);
    compiled_free(&it);
}

static void a_topic_that_is_named_again_is_read_once(void **state)
{
    (void)state;
    struct compiled it =
        compiled_steps("      - { as: a, join: { table: { topic: t, codec: text }, by: v.x } }\n"
                       "      - { as: b, join: { table: t, by: v.y } }\n"
                       "      - { as: c, join: { topic: orders, within: 1h } }\n");
    assert_shape(compiled_graph(&it), "0 from -> 2,4; 1 from -> 2,3; 2 join -> 3; 3 join -> 4; "
                                      "4 join -> 5; 5 to");
    assert_int_equal(it.graph->stages[1].arms[0].next_side[1], 1);
    assert_int_equal(it.graph->stages[0].arms[0].next_side[1], 1);
    compiled_free(&it);
}

struct seen {
    char names[256];
};

static void add_name(void *arg, const char *topic, const struct config_mark *mark)
{
    struct seen *seen = arg;
    assert_int_equal(mark->line > 0, true);
    strncat(seen->names, topic, sizeof(seen->names) - strlen(seen->names) - 2);
    strncat(seen->names, " ", 2);
}

static void the_other_side_is_among_the_sources(void **state)
{
    (void)state;
    struct compiled it = compiled_steps("      - { as: a, join: { table: t, by: v.x } }\n"
                                        "      - { as: b, join: { topic: s, within: 1h } }\n"
                                        "      - window: { tumbling: 1h, late: l }\n"
                                        "      - { as: c, count: {} }\n");
    struct seen sources = {""};
    struct seen targets = {""};
    graph_each_source_topic(compiled_graph(&it), add_name, &sources);
    graph_each_target_topic(it.graph, add_name, &targets);
    assert_string_equal(sources.names, "orders t s ");
    assert_string_equal(targets.names, "l b p.dlq ");
    compiled_free(&it);
}

static void a_dedupe_may_do_without_a_name(void **state)
{
    (void)state;
    struct compiled it = compiled_steps("      - dedupe: { by: v.id, within: 10m }\n"
                                        "      - { as: once, dedupe: { within: forever } }\n");
    const struct stage *stages = compiled_graph(&it)->stages;
    assert_string_equal(stages[1].name, "dedupe-1");
    assert_int_equal(stages[1].dedupe->within_ms, 600000);
    assert_string_equal(stages[1].fn.text.text, "v.id");
    assert_true(stages[1].exchange);
    assert_string_equal(stages[2].name, "once");
    assert_int_equal(stages[2].dedupe->within_ms, -1);
    assert_int_equal(stages[2].fn.kind, GRAPH_FN_NONE);
    compiled_free(&it);
}

static void a_process_has_its_functions(void **state)
{
    (void)state;
    struct compiled it =
        compiled_steps("      - as: a\n"
                       "        process:\n"
                       "          on_record: function(v, st, ctx) st.n = v; return st.n * 2 end\n"
                       "          on_timer: function(st, ctx, name) end\n"
                       "          init: {}\n"
                       "          ttl: 30d\n"
                       "      - { as: b, process: { on_record: \"function(v, st, ctx) end\",\n"
                       "          init: function() return 7 end } }\n");
    const struct graph *graph = compiled_graph(&it);
    assert_true(graph->stages[1].process->ttl_ms == 30LL * 86400000);
    assert_string_equal(graph->stages[1].process->init.text.text, "{}");
    assert_int_equal(graph->stages[2].process->ttl_ms, -1);
    assert_int_equal(graph->stages[2].process->on_timer.kind, GRAPH_FN_NONE);
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
    assert_int_not_equal(bindings.own_fns[1][PROCESS_FN_ON_TIMER].ref, LUA_NOREF);
    assert_int_equal(bindings.own_fns[2][PROCESS_FN_ON_TIMER].ref, LUA_NOREF);
    lua_State *L = script_state(script);
    script_push_fn(script, &bindings.own_fns[1][PROCESS_FN_ON_RECORD]);
    lua_pushinteger(L, 21);
    script_push_fn(script, &bindings.own_fns[1][PROCESS_FN_INIT]);
    assert_int_equal(script_call(script, 0, 1, &err), SRT_OK);
    assert_int_equal(script_call(script, 2, 1, &err), SRT_OK);
    assert_int_equal(lua_tointeger(L, -1), 42);
    lua_pop(L, 1);
    graph_unbind(graph, script, &bindings);
    script_destroy(script);
    compiled_free(&it);
}

static void every_function_is_tried(void **state)
{
    (void)state;
    static const struct {
        const char *steps;
        const char *place;
    } cases[] = {
        {"      - dedupe: { by: v.a +, within: 1m }\n", "p.yaml:5:23\n"},
        {"      - { as: a, process: { on_record: function(v) v. end } }\n", "p.yaml:5:40\n"},
        {"      - { as: a, process: { on_record: function() end, init: n = 1 } }\n",
         "p.yaml:5:62\n"},
        {"      - { as: a, process: { on_record: function() end, on_timer: function( } }\n",
         "p.yaml:5:66\n"},
        {"      - { as: a, join: { table: t, by: v.a + } }\n", "p.yaml:5:40\n"},
        {"      - { as: a, join: { topic: t, within: 1s, other_by: v.a + } }\n", "p.yaml:5:58\n"},
        {"      - { as: a, join: { topic: t, within: 1s, with: function(a) a end } }\n",
         "p.yaml:5:54\n"},
        {"      - { as: a, join: { topic: { topic: t, time: v.a + }, within: 1s } }\n",
         "p.yaml:5:51\n"},
        {"      - { as: a, join: { table: t, use: no.module } }\n", "p.yaml:5:41\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct compiled it = compiled_steps(cases[i].steps);
        assert_null(it.graph);
        compiled_says(&it, cases[i].place);
        compiled_free(&it);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_a_source_on_side_one),
        cmocka_unit_test(a_global_table_and_a_stream_have_their_options),
        cmocka_unit_test(a_topic_that_is_named_again_is_read_once),
        cmocka_unit_test(the_other_side_is_among_the_sources),
        cmocka_unit_test(a_dedupe_may_do_without_a_name),
        cmocka_unit_test(a_process_has_its_functions),
        cmocka_unit_test(every_function_is_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
