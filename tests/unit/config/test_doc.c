#include "config_fixture.h"

static void paths_resolve_against_the_file_that_names_them(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct config_mark deep = {.file = "etc/streamrt/main.yaml", .line = 1};
    struct config_mark here = {.file = "main.yaml", .line = 1};
    assert_string_equal(config_resolve_path(doc, &deep, "a.lua"), "etc/streamrt/a.lua");
    assert_string_equal(config_resolve_path(doc, &deep, "/abs/a.lua"), "/abs/a.lua");
    assert_string_equal(config_resolve_path(doc, &here, "a.lua"), "a.lua");
    assert_string_equal(config_resolve_path(doc, &deep, "./a.lua"), "etc/streamrt/a.lua");
    assert_string_equal(config_resolve_path(doc, &deep, "../a.lua"), "etc/streamrt/../a.lua");
    config_doc_destroy(doc);
}

static void set_replaces_and_adds(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct config_node *root = config_doc_read_text(
        doc, "a.yaml", "pipelines:\n  p: { parallelism: 1 }\ntopics:\n  a.b: { partitions: 1 }\n");
    assert_true(config_doc_set(doc, root, "pipelines.p.parallelism=4"));
    assert_true(config_doc_set(doc, root, "topics.a.b.partitions=5"));
    assert_true(config_doc_set(doc, root, "topics.new.one.partitions=6"));
    assert_true(config_doc_set(doc, root, "node.name=x=y $$ ${UNSET}"));
    assert_true(config_doc_set(doc, root, "lua.path=[a, b]"));
    assert_true(config_doc_resolve(doc, root));
    const struct config_node *topics = config_find(root, "topics");
    assert_string_equal(
        config_find(config_find(config_find(root, "pipelines"), "p"), "parallelism")->text, "4");
    assert_string_equal(config_find(config_find(topics, "a.b"), "partitions")->text, "5");
    assert_string_equal(config_find(config_find(topics, "new.one"), "partitions")->text, "6");
    assert_string_equal(config_find(config_find(root, "node"), "name")->text, "x=y $$ ${UNSET}");
    assert_int_equal(config_find(config_find(root, "lua"), "path")->item_count, 2);
    assert_int_equal(diag_count(doc), 0);
    config_doc_destroy(doc);
}

static void a_wrong_set_is_shown_like_a_file(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct config_node *root = config_doc_read_text(doc, "a.yaml", "node: { name: x }\n");
    assert_false(config_doc_set(doc, root, "nothing"));
    fixture_assert_prints(doc,
                          "error[E011]: 'nothing' is not a setting\n"
                          " --> --set:1:1\n"
                          "  |\n"
                          "1 | nothing\n"
                          "  | ^^^^^^^ write PATH=VALUE, as in pipelines.orders.parallelism=4\n"
                          "1 problem in 1 file\n");
    assert_false(config_doc_set(doc, root, "node.name.x=1"));
    fixture_assert_says(doc, "'name' has no settings below it\n --> --set:2:1\n");
    assert_false(config_doc_set(doc, root, "node..x=1"));
    assert_false(config_doc_set(doc, root, "lua.path=[a"));
    config_doc_destroy(doc);
}

static void trees_can_be_built_by_hand(void **state)
{
    (void)state;
    struct config_doc *doc = fixture_doc();
    struct config_mark mark = {.file = "x.lua", .line = 3};
    struct config_node *map = config_new_map(doc, mark);
    struct config_node *list = config_new_list(doc, mark);
    char key[16];
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        config_list_add(doc, list, config_new_scalar(doc, mark, key, strlen(key)));
        config_map_add(doc, map, key, mark, list);
    }
    assert_int_equal(list->item_count, 100);
    assert_string_equal(list->items[63]->text, "k63");
    assert_ptr_equal(config_find(map, "k99"), list);
    assert_null(config_find(map, "k100"));
    config_doc_destroy(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_resolve_against_the_file_that_names_them),
        cmocka_unit_test(set_replaces_and_adds),
        cmocka_unit_test(a_wrong_set_is_shown_like_a_file),
        cmocka_unit_test(trees_can_be_built_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
