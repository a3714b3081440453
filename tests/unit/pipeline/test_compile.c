/* Of compile.c, compile_source.c, compile_step.c, compile_operator.c, compile_load.c, bind.c and
 * graph.c. */
#include <lauxlib.h>

#include "compile_fixture.h"

static void a_pipeline_becomes_stages_in_topological_order(void **state)
{
    (void)state;
    struct compiled it =
        compiled_yaml("p.yaml", "pipelines:\n"
                                "  orders:\n"
                                "    description: test\n"
                                "    from: { topic: orders, codec: text, start: latest }\n"
                                "    steps:\n"
                                "      - filter: v.total > 0\n"
                                "      - as: bigger\n"
                                "        map: |\n"
                                "          return { n = v.n + 1 }\n"
                                "      - to: all\n"
                                "      - branch:\n"
                                "          - { name: paid, when: v.paid, to: paid }\n"
                                "          - when: v.big\n"
                                "            steps:\n"
                                "              - key_by: v.id\n"
                                "              - to_file: { path: out.jsonl, codec: json }\n"
                                "          - { to: unpaid }\n");
    const struct graph *graph = compiled_graph(&it);
    assert_shape(graph,
                 "0 from -> 1; 1 filter -> 2; 2 map -> 3; 3 to -> 4; 4 branch -> 5 | 6 | 8; 5 to; "
                 "6 key_by -> 7; 7 to_file; 8 to");
    assert_string_equal(graph->name, "orders");
    assert_string_equal(graph->dlq, "orders.dlq");
    assert_string_equal(graph->description, "test");
    assert_int_equal(graph->parallelism, 0);
    assert_int_equal(graph->commit_interval_ms, 100);
    assert_int_equal(graph->commit_bytes, 32 << 20);
    const struct source_spec *source = graph->stages[0].source;
    assert_int_equal(source->kind, SOURCE_TOPIC);
    assert_string_equal(source->topics[0], "orders");
    assert_int_equal(source->codec, CODEC_TEXT);
    assert_int_equal(source->start, START_LATEST);
    assert_string_equal(graph->stages[1].name, "filter-1");
    assert_false(graph->stages[1].named);
    assert_string_equal(graph->stages[2].name, "bigger");
    assert_true(graph->stages[2].named);
    assert_int_equal(graph->stages[2].fn.kind, GRAPH_FN_TEXT);
    assert_int_equal(graph->stages[2].fn.text.first_line, 9);
    assert_string_equal(graph->stages[3].topic, "all");
    assert_string_equal(graph->stages[4].arms[0].name, "paid");
    assert_int_equal(graph->stages[4].arms[0].when.kind, GRAPH_FN_TEXT);
    assert_int_equal(graph->stages[4].arms[2].when.kind, GRAPH_FN_NONE);
    assert_string_equal(graph->stages[7].path, "out.jsonl");
    assert_true(graph->stages[7].has_codec);
    compiled_free(&it);
}

static void every_step_is_read(void **state)
{
    (void)state;
    struct compiled it =
        compiled_yaml("p.yaml", "pipelines:\n"
                                "  p:\n"
                                "    parallelism: 4\n"
                                "    dlq: dead\n"
                                "    commit_interval: 1s\n"
                                "    commit_bytes: 1MiB\n"
                                "    on_error: { retry: 5, backoff: 1s..1m, give_up: stop }\n"
                                "    lua: { memory: 8MiB, deadline: 1s }\n"
                                "    from: { merge: [a, b] }\n"
                                "    steps:\n"
                                "      - { reject: v.bot, on_error: skip }\n"
                                "      - update: v.x = 1\n"
                                "      - flat_map: v.items\n"
                                "      - peek: function(v, r) end\n"
                                "      - throttle: { by: v.user, rate: 100/s }\n"
                                "      - throttle: 1/10s\n"
                                "      - sample: 0.25\n"
                                "      - print: label\n"
                                "      - print:\n"
                                "      - to: function(v) return v.kind end\n"
                                "      - to: { fn: v.kind }\n"
                                "      - to: { topic: fixed, codec: bytes }\n"
                                "      - to_stdout: {}\n"
                                "      - split: v.kind\n");
    const struct graph *graph = compiled_graph(&it);
    assert_int_equal(graph->parallelism, 4);
    assert_string_equal(graph->dlq, "dead");
    assert_int_equal(graph->commit_interval_ms, 1000);
    assert_int_equal(graph->on_error.retry, 5);
    assert_int_equal(graph->on_error.backoff_to_ms, 60000);
    assert_int_equal(graph->lua_memory_bytes, 8 << 20);
    assert_int_equal(graph->stages[0].source->topic_count, 2);
    const struct stage *s = graph->stages;
    assert_int_equal(s[1].on_error->give_up, GIVE_UP_SKIP);
    assert_int_equal(s[1].on_error->retry, 5); /* inherited */
    assert_int_equal(s[2].on_error->give_up, GIVE_UP_STOP);
    assert_int_equal(s[5].throttle_count, 100);
    assert_int_equal(s[5].throttle_per_ms, 1000);
    assert_int_equal(s[5].fn.kind, GRAPH_FN_TEXT);
    assert_true(s[5].exchange);
    assert_int_equal(s[6].throttle_count, 1);
    assert_int_equal(s[6].throttle_per_ms, 10000);
    assert_int_equal(s[6].fn.kind, GRAPH_FN_NONE);
    assert_true(s[7].sample > 0.24 && s[7].sample < 0.26);
    assert_string_equal(s[8].label, "label");
    assert_null(s[9].label);
    assert_null(s[10].topic);
    assert_int_equal(s[10].fn.kind, GRAPH_FN_TEXT);
    assert_int_equal(s[11].fn.kind, GRAPH_FN_TEXT);
    assert_string_equal(s[12].topic, "fixed");
    assert_int_equal(s[12].codec, CODEC_BYTES);
    assert_int_equal(s[13].kind, STAGE_TO_STDOUT);
    assert_false(s[13].has_codec);
    assert_int_equal(s[14].kind, STAGE_SPLIT);
    compiled_free(&it);
}

static struct compiled compiled_from(const char *from)
{
    char text[512];
    snprintf(text, sizeof(text), "pipelines:\n  p:\n    from: %s\n    steps: [ { to: out } ]\n",
             from);
    return compiled_yaml("dir/p.yaml", text);
}

static void every_source_is_read(void **state)
{
    (void)state;
    struct compiled it = compiled_from("orders");
    assert_string_equal(compiled_graph(&it)->stages[0].source->topics[0], "orders");
    assert_int_equal(it.graph->stages[0].source->codec, CODEC_JSON);
    assert_int_equal(it.graph->stages[0].source->start, START_EARLIEST);
    compiled_free(&it);
    it = compiled_from("{ topic: orders, start: 42 }");
    assert_int_equal(compiled_graph(&it)->stages[0].source->start, START_OFFSET);
    assert_int_equal(it.graph->stages[0].source->start_value, 42);
    compiled_free(&it);
    it = compiled_from("{ topic: orders, start: '@2026-01-05T10:00:00Z' }");
    assert_int_equal(compiled_graph(&it)->stages[0].source->start, START_TIME);
    assert_int_equal(it.graph->stages[0].source->start_value, 1767607200000);
    compiled_free(&it);
    it = compiled_from("{ topic: orders, start: '@1970-01-02' }");
    assert_int_equal(compiled_graph(&it)->stages[0].source->start_value, 86400000);
    compiled_free(&it);
    it = compiled_from("{ topic: orders, start: '@-1h' }");
    int64_t ago =
        srt_clock_wall_ms(srt_clock_real()) - compiled_graph(&it)->stages[0].source->start_value;
    assert_true(ago >= 3600000 && ago < 3600000 + 60000);
    compiled_free(&it);
    it = compiled_from("{ file: in.log, follow: true, codec: text, max_record_bytes: 64KiB }");
    assert_int_equal(compiled_graph(&it)->stages[0].source->kind, SOURCE_FILE);
    assert_string_equal(it.graph->stages[0].source->path, "dir/in.log");
    assert_true(it.graph->stages[0].source->follow);
    assert_int_equal(it.graph->stages[0].source->max_record_bytes, 65536);
    compiled_free(&it);
    it = compiled_from("{ stdin: {}, codec: text }");
    assert_int_equal(compiled_graph(&it)->stages[0].source->kind, SOURCE_STDIN);
    compiled_free(&it);
    it = compiled_from("{ generate: '{ n = v }', rate: 50, count: 10k, seed: 7 }");
    assert_int_equal(compiled_graph(&it)->stages[0].source->kind, SOURCE_GENERATE);
    assert_int_equal(it.graph->stages[0].source->count, 10000);
    assert_int_equal(it.graph->stages[0].source->seed, 7);
    assert_int_equal(it.graph->stages[0].source->generate.kind, GRAPH_FN_TEXT);
    compiled_free(&it);
}

static const struct {
    const char *body; /* behind "pipelines:\n  p:\n" */
    const char *says;
} wrong[] = {
    {"    steps: [ { to: x } ]\n", "error[E014]: pipeline 'p' has no source\n --> p.yaml:2:3\n"},
    {"    from: a\n", "error[E014]: pipeline 'p' has no steps"},
    {"    from: a\n    steps: []\n",
     "error[E040]: pipeline 'p' has no steps, so its records go nowhere"},
    {"    from: a\n    steps: [ { filter: v } ]\n",
     "error[E040]: what comes out of 'filter' goes nowhere\n --> p.yaml:4:16\n"},
    {"    from: a\n    steps: [ { fliter: v }, { to: x } ]\n", "did you mean 'filter'?"},
    {"    from: a\n    steps: [ { where: v }, { to: x } ]\n", "did you mean 'filter'?"},
    {"    from: a\n    steps: [ { to_queue: v }, { to: x } ]\n",
     "error[E090]: 'to_queue' is not available in this version\n --> p.yaml:4:16\n"},
    {"    from: a\n    steps: [ { filter: v, map: v }, { to: x } ]\n",
     "error[E013]: a step has one operator, this one has 'filter' and 'map'\n --> "
     "p.yaml:4:27\n"},
    {"    from: a\n    steps: [ { as: x }, { to: x } ]\n",
     "error[E013]: a step without an operator"},
    {"    from: a\n    steps: [ filter ]\n", "error[E011]: a step is 'filter'"},
    {"    from: a\n    steps: { to: x }\n", "error[E011]: 'steps' is a map; it takes a list"},
    {"    from: a\n    steps: [ { to: x y } ]\n",
     "error[E021]: 'x y' is not a valid name of a topic"},
    {"    from: a\n    steps: [ { to: __streamrt_x } ]\n",
     "error[E021]: '__streamrt_x' is reserved"},
    {"    from: a\n    steps: [ { to: a } ]\n",
     "error[E022]: the pipeline writes 'a', which it reads\n --> p.yaml:4:20\n"},
    {"    from: a\n    dlq: a\n    steps: [ { to: x } ]\n", "error[E022]"},
    {"    from: a\n    steps: [ { split: v }, { to: x } ]\n",
     "error[E040]: this step can never see a record"},
    {"    from: a\n    steps: [ { branch: [ { to: x }, { to: y } ] } ]\n",
     "error[E040]: this arm can never see a record"},
    {"    from: a\n    steps: [ { branch: [ { when: v } ] } ]\n",
     "error[E040]: this arm of 'branch' goes nowhere"},
    {"    from: a\n    steps: [ { branch: [] } ]\n", "error[E011]: 'branch' is empty"},
    {"    from: a\n    steps: [ { branch: [ { to: x, to_file: y } ] } ]\n", "error[E015]"},
    {"    from: a\n    steps: [ { branch: [ { to_queue: x } ] } ]\n", "error[E090]: 'to_queue'"},
    {"    from: a\n    steps: [ { as: one, to: x }, { as: one, to: y } ]\n",
     "error[E005]: two steps are named 'one'"},
    {"    from: a\n    steps: [ { filter: v.x > }, { to: x } ]\n", "error[L001]:"},
    {"    from: a\n    steps: [ { filter: { use: nothing.fn } }, { to: x } ]\n", "error[E030]:"},
    {"    from: a\n    steps: [ { filter: { use: nothing } }, { to: x } ]\n",
     "error[E030]: 'use' is 'nothing'; it takes MODULE.FUNCTION"},
    {"    from: a\n    steps: [ { filter: [v] }, { to: x } ]\n",
     "'filter' is a list; it takes a function"},
    {"    from: a\n    steps: [ { throttle: 100 }, { to: x } ]\n", "as in 100/s, 5/m or 1/10s"},
    {"    from: a\n    steps: [ { throttle: { by: v } }, { to: x } ]\n",
     "error[E014]: 'throttle' has no rate"},
    {"    from: a\n    steps: [ { sample: 2 }, { to: x } ]\n", "from 0 to 1"},
    {"    from: a\n    steps: [ { to: { topic: x, fn: v } } ]\n", "error[E015]"},
    {"    from: a\n    steps: [ { to: {} } ]\n", "error[E014]: 'to' does not say where"},
    {"    from: a\n    steps: [ { to: { topic: x, codec: csv } } ]\n",
     "error[E090]: codec 'csv' is not available in this version"},
    {"    from: a\n    steps: [ { to: x, on_error: retry } ]\n", "it takes dlq, skip or stop"},
    {"    from: {}\n    steps: [ { to: x } ]\n", "error[E014]: 'from' does not say what to read"},
    {"    from: { topic: a, file: b }\n    steps: [ { to: x } ]\n", "error[E015]"},
    {"    from: { queue: a }\n    steps: [ { to: x } ]\n", "error[E090]: 'queue'"},
    {"    from: { topic: a, follow: true }\n    steps: [ { to: x } ]\n",
     "'follow' has no meaning for 'topic'"},
    {"    from: { topic: a, start: yesterday }\n    steps: [ { to: x } ]\n", "@-1h"},
    {"    from: { topic: a, start: '@2026-13-01' }\n    steps: [ { to: x } ]\n", "error[E011]"},
    {"    from: { merge: [a, a] }\n    steps: [ { to: x } ]\n", "error[E005]: 'a' is merged twice"},
    {"    from: a\n    guarantee: at_least_once\n    steps: [ { to: x } ]\n", "error[E090]"},
    {"    from: a\n    cluster: prod\n    steps: [ { to: x } ]\n",
     "error[E090]: cluster 'prod' is not available in this version"},
    {"    from: a\n    paralelism: 2\n    steps: [ { to: x } ]\n", "did you mean 'parallelism'?"},
    {"    script: nowhere.lua\n", "nowhere.lua"},
    {"    script: nowhere.lua\n    from: a\n", "E015"},
};

static void wrong_pipelines_say_what_is_wrong_and_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[1024];
        snprintf(text, sizeof(text), "pipelines:\n  p:\n%s", wrong[i].body);
        struct compiled it = compiled_yaml("p.yaml", text);
        if (it.graph) {
            print_error("compiled: %s\n", wrong[i].body);
        }
        assert_null(it.graph);
        assert_true(diag_error_count(it.doc) >= 1);
        compiled_says(&it, wrong[i].says);
        compiled_free(&it);
    }
}

static void a_lua_error_points_into_the_block(void **state)
{
    (void)state;
    struct compiled it = compiled_yaml("p.yaml", "pipelines:\n"
                                                 "  p:\n"
                                                 "    from: a\n"
                                                 "    steps:\n"
                                                 "      - map: | # lua\n"
                                                 "          local x = 1\n"
                                                 "          return v.x = 1\n"
                                                 "      - to: b\n");
    assert_null(it.graph);
    compiled_says(&it, "error[L001]: ");
    compiled_says(&it, " --> p.yaml:7\n"
                       "  |\n"
                       "7 |           return v.x = 1\n"
                       "  |           ^^^^^^^^^^^^^^\n");
    compiled_free(&it);
}

static void all_mistakes_of_a_pipeline_are_shown_at_once(void **state)
{
    (void)state;
    struct compiled it = compiled_yaml("p.yaml", "pipelines:\n"
                                                 "  p:\n"
                                                 "    from: { topic: a, codec: jsn }\n"
                                                 "    parallelism: none\n"
                                                 "    steps:\n"
                                                 "      - fliter: v\n"
                                                 "      - filter: v.a >\n"
                                                 "      - map: v.b >\n"
                                                 "      - sample: 7\n"
                                                 "      - to: b\n");
    assert_int_equal(diag_error_count(it.doc), 6);
    compiled_free(&it);
}

static void an_expression_where_a_topic_stands_is_warned_of(void **state)
{
    (void)state;
    struct compiled it =
        compiled_yaml("p.yaml", "pipelines: { p: { from: a, steps: [ { to: v.kind } ] } }\n");
    compiled_graph(&it);
    assert_int_equal(diag_error_count(it.doc), 0);
    compiled_says(&it, "warning[E021]: 'v.kind' is the name of a topic here, not an expression");
    compiled_says(&it, "to: { fn: v.kind }");
    compiled_free(&it);
}

struct seen {
    char names[256];
};

static void add_name(void *arg, const char *topic, const struct config_mark *mark)
{
    struct seen *seen = arg;
    assert_non_null(mark->file);
    strncat(seen->names, topic, sizeof(seen->names) - strlen(seen->names) - 2);
    strncat(seen->names, " ", 2);
}

static void topics_are_named_once_each(void **state)
{
    (void)state;
    struct compiled it =
        compiled_yaml("p.yaml", "pipelines:\n"
                                "  p:\n"
                                "    from: { merge: [a, b] }\n"
                                "    steps: [ { to: x }, { to: y }, { to: x }, { to: p.dlq } ]\n");
    struct seen sources = {""};
    struct seen targets = {""};
    graph_each_source_topic(compiled_graph(&it), add_name, &sources);
    graph_each_target_topic(it.graph, add_name, &targets);
    assert_string_equal(sources.names, "a b ");
    assert_string_equal(targets.names, "x y p.dlq ");
    compiled_free(&it);
}

static void functions_are_bound_in_a_state(void **state)
{
    (void)state;
    struct compiled it =
        compiled_yaml("p.yaml", "pipelines:\n"
                                "  p:\n"
                                "    from: a\n"
                                "    steps:\n"
                                "      - filter: v > 1\n"
                                "      - branch: [ { when: v > 2, to: x }, { to: y } ]\n");
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
    assert_int_equal(bindings.stage_fns[0].ref, LUA_NOREF);
    assert_null(bindings.arm_fns[1]);
    assert_int_equal(bindings.arm_fns[2][1].ref, LUA_NOREF);
    script_push_fn(script, &bindings.stage_fns[1]);
    lua_pushinteger(script_state(script), 2);
    assert_int_equal(script_call(script, 1, 1, &err), SRT_OK);
    assert_true(lua_toboolean(script_state(script), -1));
    lua_pop(script_state(script), 1);
    script_push_fn(script, &bindings.arm_fns[2][0]);
    lua_pushinteger(script_state(script), 2);
    assert_int_equal(script_call(script, 1, 1, &err), SRT_OK);
    assert_false(lua_toboolean(script_state(script), -1));
    lua_pop(script_state(script), 1);
    graph_unbind(graph, script, &bindings);
    script_destroy(script);
    compiled_free(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipeline_becomes_stages_in_topological_order),
        cmocka_unit_test(every_step_is_read),
        cmocka_unit_test(every_source_is_read),
        cmocka_unit_test(wrong_pipelines_say_what_is_wrong_and_where),
        cmocka_unit_test(a_lua_error_points_into_the_block),
        cmocka_unit_test(all_mistakes_of_a_pipeline_are_shown_at_once),
        cmocka_unit_test(an_expression_where_a_topic_stands_is_warned_of),
        cmocka_unit_test(topics_are_named_once_each),
        cmocka_unit_test(functions_are_bound_in_a_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
