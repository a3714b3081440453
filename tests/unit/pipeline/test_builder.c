#include <lauxlib.h>

#include "builder_fixture.h"

static void a_lua_file_gives_the_same_graph_as_yaml(void **state)
{
    (void)state;
    struct compiled lua =
        compiled_lua("same.lua", "s.pipeline { name = 'orders', parallelism = 2, dlq = 'dead' }\n"
                                 "local paid = s.topic(\"orders\", { codec = 'text' })\n"
                                 "  :filter \"v.total > 0\"\n"
                                 "  :map(function(v) return v end):as \"copied\"\n"
                                 "  :throttle { by = 'v.user', rate = '5/m' }\n"
                                 "  :branch { { 'paid', 'v.paid' }, { 'rest' } }\n"
                                 "paid.paid:to 'paid'\n"
                                 "paid.rest:sample(0.5):to_file 'rest.txt'\n");
    struct compiled yaml = compiled_yaml(
        "same.yaml",
        "pipelines:\n"
        "  orders:\n"
        "    parallelism: 2\n"
        "    dlq: dead\n"
        "    from: { topic: orders, codec: text }\n"
        "    steps:\n"
        "      - filter: v.total > 0\n"
        "      - { as: copied, map: function(v) return v end }\n"
        "      - throttle: { by: v.user, rate: 5/m }\n"
        "      - branch:\n"
        "          - { name: paid, when: v.paid, to: paid }\n"
        "          - { name: rest, steps: [ { sample: 0.5 }, { to_file: rest.txt } ] }\n");
    const struct graph *a = compiled_graph(&lua);
    const struct graph *b = compiled_graph(&yaml);
    char *shape = compiled_shape(b);
    assert_shape(a, shape);
    free(shape);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->dlq, b->dlq);
    assert_int_equal(a->parallelism, b->parallelism);
    for (uint32_t i = 0; i < a->stage_count; i++) {
        assert_string_equal(a->stages[i].name, b->stages[i].name);
        assert_int_equal(a->stages[i].named, b->stages[i].named);
        assert_int_equal(a->stages[i].throttle_per_ms, b->stages[i].throttle_per_ms);
        assert_int_equal(a->stages[i].arm_count, b->stages[i].arm_count);
    }
    assert_int_equal(a->stages[2].fn.kind, GRAPH_FN_BUILDER);
    assert_int_equal(a->builder_fn_count, 1);
    compiled_free(&lua);
    compiled_free(&yaml);
}

static void steps_know_their_lines_in_a_chain(void **state)
{
    (void)state;
    struct compiled it = compiled_lua("lines.lua", "local s = require \"streamrt\"\n"
                                                   "s.topic \"orders\" -- :filter comes below\n"
                                                   "  :filter \"v.total > 0\"\n"
                                                   "\n"
                                                   "  :filter [[\n"
                                                   "    v.x\n"
                                                   "  ]]\n"
                                                   "  :to \"out\"\n");
    const struct graph *graph = compiled_graph(&it);
    assert_int_equal(graph->stages[1].mark.line, 3);
    assert_int_equal(graph->stages[1].mark.column, 4);
    assert_int_equal(graph->stages[1].mark.width, 6);
    assert_int_equal(graph->stages[2].mark.line, 5);
    assert_int_equal(graph->stages[2].fn.text.first_line, 6);
    assert_int_equal(graph->stages[3].mark.line, 8);
    compiled_free(&it);
}

static void a_stream_that_is_used_twice_goes_both_ways(void **state)
{
    (void)state;
    struct compiled it = compiled_lua("fork.lua", "local all = s.topic 'a' :filter 'v'\n"
                                                  "all:to 'b'\n"
                                                  "all:filter 'v.x' :to 'c'\n"
                                                  "all:print():to_stdout()\n");
    assert_shape(
        compiled_graph(&it),
        "0 from -> 1; 1 filter -> 2,3,5; 2 to; 3 filter -> 4; 4 to; 5 print -> 6; 6 to_stdout");
    assert_string_equal(it.graph->name, "fork"); /* of the file */
    compiled_free(&it);
}

static void every_source_can_be_built(void **state)
{
    (void)state;
    struct compiled it =
        compiled_lua("file.lua", "s.file('in.log', { follow = true, codec = 'text' }):to 'x'\n");
    assert_int_equal(compiled_graph(&it)->stages[0].source->kind, SOURCE_FILE);
    assert_string_equal(it.graph->stages[0].source->path, temp_dir_path(&dir, "in.log"));
    compiled_free(&it);
    it = compiled_lua("stdin.lua", "s.stdin():to 'x'\n");
    assert_int_equal(compiled_graph(&it)->stages[0].source->kind, SOURCE_STDIN);
    compiled_free(&it);
    it = compiled_lua("merge.lua", "s.merge(s.topic 'a', s.topic 'b'):to 'x'\n");
    assert_int_equal(compiled_graph(&it)->stages[0].source->topic_count, 2);
    compiled_free(&it);
    it = compiled_lua(
        "gen.lua",
        "s.generate { fn = function(n) return { n = n } end, rate = 2.5, count = 3 }:to 'x'\n");
    const struct source_spec *source = compiled_graph(&it)->stages[0].source;
    assert_int_equal(source->kind, SOURCE_GENERATE);
    assert_int_equal(source->generate.kind, GRAPH_FN_BUILDER);
    assert_true(source->rate > 2.4 && source->rate < 2.6);
    assert_int_equal(source->count, 3);
    compiled_free(&it);
}

static void wrong_files_say_what_is_wrong_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"s.topic 'a'\n  :filter 'v'\n  :to_queue(1)\n",
         "error[E090]: ':to_queue' is not available in this version\n --> /"},
        {"s.topic 'a'\n  :filter 'v'\n  :to_queue(1)\n", "wrong.lua:3:4\n"},
        {"s.queue 'a'\n", "error[E090]: 's.queue' is not available in this version\n"},
        {"s.topic 'a' :fliter 'v'\n", "error[E012]: unknown step 'fliter'"},
        {"local x = = 1\n", "error[L001]:"},
        {"local x = 1\n", "error[E014]: pipeline 'wrong' has no source"},
        {"s.topic 'a'\n", "error[E040]: pipeline 'wrong' has no steps"},
        {"s.topic 'a' :filter 'v'\n", "error[E040]: what comes out of 'filter' goes nowhere"},
        {"s.topic 'a' :filter 'v >' :to 'x'\n", "error[L001]:"},
        {"s.topic 'a'\n  :filter 'v >'\n  :to 'x'\n", "wrong.lua:2:4\n"},
        {"s.topic 'a' :filter() :to 'x'\n", "error[L002]: :filter takes a function"},
        {"s.topic 'a' :to 'a'\n", "error[E022]"},
        {"s.topic('a', { cdec = 'text' }):to 'x'\n", "did you mean 'codec'?"},
        {"s.pipeline { paralelism = 2 }\ns.topic 'a' :to 'x'\n", "did you mean 'parallelism'?"},
        {"s.pipeline {}\ns.pipeline {}\n", "error[L002]: s.pipeline is called twice"},
        {"s.topic 'a' :to 'x'\ns.topic 'b' :to 'y'\n",
         "error[E090]: a second source in one pipeline is not available in this version\n"},
        {"s.merge(s.topic 'a' :filter 'v', s.topic 'b'):to 'y'\n", "error[E090]: merging"},
        {"s.topic.filter 'x'\n", "error[L002]:"},
        {"local t = s.topic 'a'\nt.filter 'x'\n", "with a colon"},
        {"s.topic 'a' :branch { { 'x', 'v' } }.y:to 'z'\n", "this branch has no arm 'y'"},
        {"s.topic 'a' :branch { { 'x', 'v' }, { 'y' } }.y:to 'z'\n",
         "error[E040]: this arm of 'branch' goes nowhere"},
        {"s.topic 'a' :as 'x' :to 'y'\n", ":as belongs behind a step"},
        {"s.topic 'a' :throttle { rate = {}, by = 'v' } :to 'y'\n", "error[E011]: 'rate' is a map"},
        {"s.topic 'a' :map(function(v) return v end, 1) :to(s.topic 'b')\n", "stream"},
        {"while true do end\n", "error[L002]:"},
        {"error 'on purpose'\n", "error[L002]: on purpose\n"},
        {"s.pipeline { script = 'x' }\ns.topic 'a' :to 'b'\n", "error[E015]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct compiled it = compiled_lua("wrong.lua", cases[i].text);
        if (it.graph) {
            print_error("compiled: %s\n", cases[i].text);
        }
        assert_null(it.graph);
        compiled_says(&it, cases[i].says);
        compiled_free(&it);
    }
}

static void yaml_names_and_overrules_the_script(void **state)
{
    (void)state;
    temp_dir_write_file(&dir, "built.lua",
                        "s.pipeline { name = 'other', parallelism = 2, dlq = 'of.lua' }\n"
                        "s.topic(s.param('input', 'a')):to 'b'\n");
    char text[256];
    snprintf(text, sizeof(text),
             "pipelines:\n  mine: { script: built.lua, parallelism: 3, params: { input: z } }\n");
    struct compiled it = compiled_yaml(temp_dir_path(&dir, "main.yaml"), text);
    const struct graph *graph = compiled_graph(&it);
    assert_string_equal(graph->name, "mine");
    assert_int_equal(graph->parallelism, 3);
    assert_string_equal(graph->dlq, "of.lua");
    assert_string_equal(graph->stages[0].source->topics[0], "z");
    assert_string_equal(graph->script, temp_dir_path(&dir, "built.lua"));
    compiled_free(&it);
}

static void a_worker_finds_the_same_functions(void **state)
{
    (void)state;
    struct compiled it = compiled_lua("worker.lua", "local function twice(v) return v * 2 end\n"
                                                    "s.topic 'a'\n"
                                                    "  :map(twice)\n"
                                                    "  :filter(function(v) return v > 3 end)\n"
                                                    "  :map 'v + 1'\n"
                                                    "  :to(function(v) return 'x' .. v end)\n");
    const struct graph *graph = compiled_graph(&it);
    assert_int_equal(graph->builder_fn_count, 3);
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
    static const struct {
        int stage;
        const char *result;
    } calls[] = {{1, "42"}, {2, "true"}, {3, "22"}, {4, "x21"}};
    lua_State *L = script_state(script);
    for (size_t i = 0; i < 4; i++) {
        script_push_fn(script, &bindings.stage_fns[calls[i].stage]);
        lua_pushinteger(L, 21);
        assert_int_equal(script_call(script, 1, 1, &err), SRT_OK);
        assert_string_equal(luaL_tolstring(L, -1, NULL), calls[i].result);
        lua_pop(L, 2);
    }
    graph_unbind(graph, script, &bindings);
    script_destroy(script);
    compiled_free(&it);
}

static void a_file_that_builds_another_pipeline_each_time_is_refused(void **state)
{
    (void)state;
    temp_dir_write_file(&dir, "once.lua", "s.topic 'a' :to(function() return 'x' end)\n");
    struct config_doc *doc = config_doc_create(NULL, NULL);
    struct pipeline_defaults defaults;
    pipeline_defaults_init(&defaults);
    struct graph *graph =
        graph_compile_lua(doc, temp_dir_path(&dir, "once.lua"), &defaults, srt_clock_real());
    assert_non_null(graph);
    temp_dir_write_file(
        &dir, "once.lua",
        "s.topic 'a' :map(function(v) return v end) :to(function() return 'x' end)\n");
    struct script_options options;
    script_options_default(&options);
    struct script *script;
    struct srt_err err;
    assert_int_equal(script_create(&options, &script, &err), SRT_OK);
    struct graph_bindings bindings;
    const struct graph_fn *failed;
    int line;
    assert_int_equal(graph_bind(graph, script, &bindings, &failed, &line, &err), SRT_ESCRIPT);
    assert_non_null(strstr(err.msg, "the file is not deterministic"));
    script_destroy(script);
    config_doc_destroy(doc);
}

static void a_module_that_builds_outside_of_loading_is_told_so(void **state)
{
    (void)state;
    struct compiled it = compiled_lua(
        "late.lua", "s.topic 'a' :map(function(v) s.topic 'b' return v end) :to 'x'\n");
    const struct graph *graph = compiled_graph(&it);
    struct script_options options;
    script_options_default(&options);
    struct script *script;
    struct srt_err err;
    assert_int_equal(script_create(&options, &script, &err), SRT_OK);
    struct graph_bindings bindings;
    const struct graph_fn *failed;
    int line;
    assert_int_equal(graph_bind(graph, script, &bindings, &failed, &line, &err), SRT_OK);
    script_push_fn(script, &bindings.stage_fns[1]);
    assert_int_equal(script_call(script, 0, 1, &err), SRT_ESCRIPT);
    assert_non_null(strstr(err.msg, "only while a pipeline's Lua file is loaded"));
    graph_unbind(graph, script, &bindings);
    script_destroy(script);
    compiled_free(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lua_file_gives_the_same_graph_as_yaml),
        cmocka_unit_test(steps_know_their_lines_in_a_chain),
        cmocka_unit_test(a_stream_that_is_used_twice_goes_both_ways),
        cmocka_unit_test(every_source_can_be_built),
        cmocka_unit_test(wrong_files_say_what_is_wrong_and_where),
        cmocka_unit_test(yaml_names_and_overrules_the_script),
        cmocka_unit_test(a_worker_finds_the_same_functions),
        cmocka_unit_test(a_file_that_builds_another_pipeline_each_time_is_refused),
        cmocka_unit_test(a_module_that_builds_outside_of_loading_is_told_so),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
