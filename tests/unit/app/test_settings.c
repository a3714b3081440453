#include "app/settings.h"

#include <string.h>

#include "support/cmocka_srt.h"
#include "support/temp_dir.h"

struct read {
    struct config_doc *doc;
    struct settings settings;
    bool ok;
    char *text;
};

static const char *environment(void *arg, const char *name)
{
    (void)arg;
    return !strcmp(name, "TOPIC") ? "from.environment" : NULL;
}

static struct read read_with(const char *file, const char *text,
                             const struct settings_options *options)
{
    struct read it = {.doc = config_doc_create(environment, NULL)};
    struct config_node *root = config_doc_read_text(it.doc, file, text);
    it.ok = settings_read(it.doc, root, options, &it.settings);
    struct srt_buf buf;
    srt_buf_init(&buf);
    diag_print(it.doc, DIAG_TEXT, &buf);
    it.text = strdup(srt_buf_cstr(&buf));
    srt_buf_fini(&buf);
    return it;
}

static struct read read_text(const char *text)
{
    struct settings_options options = {.assignments = NULL};
    return read_with("etc/streamrt.yaml", text, &options);
}

static void read_free(struct read *it)
{
    config_doc_destroy(it->doc);
    free(it->text);
}

static void an_empty_configuration_has_the_documented_defaults(void **state)
{
    (void)state;
    struct read it = read_text("");
    assert_true(it.ok);
    const struct settings *s = &it.settings;
    assert_non_null(s->node_name);
    assert_string_equal(settings_data_dir(s), "etc/data");
    assert_int_equal(s->worker_count, 0);
    assert_int_equal(s->durability, STORE_DURABILITY_SYNC);
    struct store_options store;
    struct store_options fallback;
    store_options_default(&store);
    store_options_default(&fallback);
    settings_apply_store(s, &store);
    assert_int_equal(store.journal_file_bytes, fallback.journal_file_bytes);
    assert_int_equal(store.checkpoint_bytes, fallback.checkpoint_bytes);
    assert_int_equal(store.checkpoint_interval_ms, fallback.checkpoint_interval_ms);
    assert_int_equal(s->pipeline.lua_memory_bytes, 64 << 20);
    assert_int_equal(s->pipeline.lua_deadline_ms, 100);
    assert_string_equal(s->pipeline.lua_paths[0], "etc/pipelines");
    assert_null(s->pipeline.lua_paths[1]);
    assert_int_equal(s->pipeline.on_error.retry, -1);
    assert_int_equal(s->pipeline.on_error.give_up, GIVE_UP_DLQ);
    assert_int_equal(s->topic_count, 0);
    assert_int_equal(s->graph_count, 0);
    struct topic_config broker;
    topic_config_default(&broker);
    assert_int_equal(s->topic_default.partition_count, broker.partition_count);
    assert_int_equal(s->topic_default.retention_ms, broker.retention_ms);
    assert_int_equal(s->topic_default.retention_bytes, broker.retention_bytes);
    assert_int_equal(s->topic_default.segment_bytes, broker.segment_bytes);
    assert_int_equal(s->topic_default.segment_ms, broker.segment_ms);
    assert_int_equal(s->topic_default.max_record_bytes, broker.max_record_bytes);
    assert_int_equal(s->topic_default.compression, broker.compression);
    assert_int_equal(s->topic_default.cleanup, broker.cleanup);
    assert_int_equal(s->topic_default.delete_retention_ms, broker.delete_retention_ms);
    read_free(&it);
}

static void all_sections_are_read(void **state)
{
    (void)state;
    struct read it =
        read_text("version: 1\n"
                  "x-note: anything\n"
                  "node:\n"
                  "  { name: n, data_dir: /var/lib/s, workers: 2, durability: os,\n"
                  "    journal_file_bytes: 100003B, checkpoint_bytes: 1MiB,\n"
                  "    checkpoint_interval: 5s }\n"
                  "lua: { path: [a, /b], memory: 8MiB, deadline: 1s }\n"
                  "defaults:\n"
                  "  topic: { partitions: 6 }\n"
                  "  on_error: { retry: 3, give_up: skip }\n"
                  "topics:\n"
                  "  ${TOPIC}x: {}\n"
                  "  orders: { partitions: 12, retention: forever, max_record_bytes: 2MiB }\n"
                  "  empty:\n"
                  "pipelines:\n"
                  "  p: { from: \"orders\", steps: [ { to: \"${TOPIC}\" } ] }\n");
    assert_string_equal(it.text, "error[E021]: '${TOPIC}x' is not a valid name of a topic\n"
                                 "  --> etc/streamrt.yaml:12:3\n"
                                 "   |\n"
                                 "12 |   ${TOPIC}x: {}\n"
                                 "   |   ^^^^^^^^^ 1 to 249 of a-z A-Z 0-9 . _ -\n"
                                 "1 problem in 1 file\n"); /* keys are never replaced */
    const struct settings *s = &it.settings;
    assert_string_equal(s->node_name, "n");
    assert_string_equal(s->data_dir, "/var/lib/s");
    assert_int_equal(s->worker_count, 2);
    assert_int_equal(s->durability, STORE_DURABILITY_OS);
    struct store_options store;
    store_options_default(&store);
    settings_apply_store(s, &store);
    assert_int_equal(store.journal_file_bytes, 100000); /* frames stand at multiples of 8 */
    assert_int_equal(store.checkpoint_bytes, 1 << 20);
    assert_int_equal(store.checkpoint_interval_ms, 5000);
    assert_string_equal(s->pipeline.lua_paths[0], "etc/a");
    assert_string_equal(s->pipeline.lua_paths[1], "/b");
    assert_int_equal(s->topic_default.partition_count, 6);
    assert_int_equal(s->topic_count, 3);
    assert_string_equal(s->topics[1].name, "orders");
    assert_int_equal(s->topics[1].config.partition_count, 12);
    assert_int_equal(s->topics[1].config.retention_ms, -1);
    assert_int_equal(s->topics[1].config.max_record_bytes, 2 << 20);
    assert_int_equal(s->topics[2].config.partition_count, 6);
    assert_int_equal(s->graph_count, 1);
    assert_string_equal(s->graphs[0]->stages[1].topic, "from.environment");
    assert_int_equal(s->graphs[0]->on_error.retry, 3);
    assert_int_equal(s->graphs[0]->on_error.give_up, GIVE_UP_SKIP);
    assert_string_equal(s->graphs[0]->lua_paths[2], "etc");
    read_free(&it);
}

static void flags_come_before_the_file(void **state)
{
    (void)state;
    const char *const sets[] = {"node.workers=3", "topics.a.partitions=7", NULL};
    struct settings_options options = {.assignments = sets, .data_dir = "here"};
    struct read it = read_with("etc/a.yaml", "node: { workers: 1, data_dir: there }\n", &options);
    assert_true(it.ok);
    assert_int_equal(it.settings.worker_count, 3);
    assert_string_equal(settings_data_dir(&it.settings), "here");
    assert_string_equal(it.settings.topics[0].name, "a");
    assert_int_equal(it.settings.topics[0].config.partition_count, 7);
    read_free(&it);
}

static bool only_known(void *arg, const char *name)
{
    return !strcmp(name, arg);
}

static void a_source_topic_must_come_from_somewhere(void **state)
{
    (void)state;
    static const char text[] = "topics: { orders: {} }\n"
                               "pipelines:\n"
                               "  a: { from: orders, steps: [ { to: made } ] }\n"
                               "  b: { from: made, steps: [ { to: x } ] }\n"
                               "  c: { from: a.dlq, steps: [ { to: x } ] }\n"
                               "  d: { from: ordes, steps: [ { to: x } ] }\n";
    struct read it = read_text(text);
    assert_false(it.ok);
    assert_contains(
        it.text, "error[E020]: there is no topic 'ordes' to read\n --> etc/streamrt.yaml:6:14\n");
    assert_contains(it.text, "did you mean 'orders'?");
    assert_int_equal(diag_error_count(it.doc), 1);
    read_free(&it);
    char known[] = "ordes";
    struct settings_options options = {.topic_exists = only_known, .arg = known};
    it = read_with("a.yaml", text, &options);
    assert_true(it.ok);
    read_free(&it);
}

static void what_the_design_has_and_this_version_lacks_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"listen: { http: 127.0.0.1:0 }", "'listen'"},
        {"auth: {}", "'auth'"},
        {"secrets: {}", "'secrets'"},
        {"queues: {}", "'queues'"},
        {"clusters: {}", "'clusters'"},
        {"tests: []", "'tests'"},
        {"node: { memory: 2GiB }", "'memory'"},
        {"topics: { a: { replication: 3 } }", "'replication'"},
        {"defaults: { codec: json }", "'codec'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct read it = read_text(cases[i][0]);
        assert_false(it.ok);
        assert_contains(it.text, "error[E090]: ");
        assert_contains(it.text, cases[i][1]);
        assert_contains(it.text, "is not available in this version\n");
        assert_int_equal(diag_error_count(it.doc), 1);
        read_free(&it);
    }
}

static void pipelines_do_not_share_what_one_must_own(void **state)
{
    (void)state;
    struct read it = read_text("pipelines:\n"
                               "  a: { from: { stdin: {} }, steps: [ { to_file: out } ] }\n"
                               "  b: { from: { stdin: {} }, steps: [ { to_file: out } ] }\n");
    assert_false(it.ok);
    assert_contains(it.text, "error[E015]: two pipelines write the file 'etc/out'");
    assert_contains(it.text, "error[E015]: two pipelines read standard input");
    assert_int_equal(diag_error_count(it.doc), 2);
    read_free(&it);
}

static void lua_files_of_the_command_line_are_pipelines_too(void **state)
{
    (void)state;
    struct temp_dir dir;
    temp_dir_make(&dir);
    temp_dir_write_file(&dir, "one.lua", "s.pipeline { name = 'p' } s.stdin():to 'x'\n");
    const char *const files[] = {temp_dir_path(&dir, "one.lua"), NULL};
    struct settings_options options = {.lua_files = files};
    struct config_doc *doc = config_doc_create(NULL, NULL);
    struct settings settings;
    assert_true(settings_read(doc, NULL, &options, &settings));
    assert_int_equal(settings.graph_count, 1);
    assert_string_equal(settings.graphs[0]->name, "p");
    config_doc_destroy(doc);
    struct read it = read_with(
        "a.yaml", "pipelines: { p: { from: { stdin: {} }, steps: [ { to: y } ] } }\n", &options);
    assert_false(it.ok);
    assert_contains(it.text, "error[E005]: two pipelines are named 'p'");
    read_free(&it);
    temp_dir_remove(&dir);
}

static void nothing_read_is_not_ok(void **state)
{
    (void)state;
    struct config_doc *doc = config_doc_create(NULL, NULL);
    const char *const paths[] = {"/nowhere/streamrt.yaml"};
    struct config_node *root = config_doc_read(doc, paths, 1);
    struct settings settings;
    struct settings_options options = {.assignments = NULL};
    assert_false(settings_read(doc, root, &options, &settings));
    assert_int_equal(diag_error_count(doc), 1);
    config_doc_destroy(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_configuration_has_the_documented_defaults),
        cmocka_unit_test(all_sections_are_read),
        cmocka_unit_test(flags_come_before_the_file),
        cmocka_unit_test(a_source_topic_must_come_from_somewhere),
        cmocka_unit_test(what_the_design_has_and_this_version_lacks_is_refused_by_name),
        cmocka_unit_test(pipelines_do_not_share_what_one_must_own),
        cmocka_unit_test(lua_files_of_the_command_line_are_pipelines_too),
        cmocka_unit_test(nothing_read_is_not_ok),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
