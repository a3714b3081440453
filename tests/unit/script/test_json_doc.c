#include "script/json_doc.h"

#include <stdio.h>

#include "support/cmocka_srt.h"

enum { SLOTS = 2048, CELLS = 8192 };
static struct json_slot slots[SLOTS];
static uint32_t cells[CELLS];

static void load(struct json_doc *doc, const char *text)
{
    struct json_index index;
    size_t error_at;
    json_index_init(&index);
    assert_int_equal(json_index(&index, text, strlen(text), &error_at), SRT_OK);
    assert_true(index.count <= SLOTS);
    *doc = (struct json_doc){.text = text, .size = (uint32_t)strlen(text), .is_root = true};
    uint32_t hash_size = json_doc_hash_size(index.count);
    assert_true(hash_size <= CELLS);
    json_doc_set_members(doc, &index, slots, cells, hash_size);
    json_index_fini(&index);
}

static char value_of(const struct json_doc *doc, const char *key)
{
    const struct json_slot *slot = json_doc_find(doc, key, strlen(key));
    return slot ? doc->text[slot->value_at] : '-';
}

static void members_are_found_by_name(void **state)
{
    (void)state;
    struct json_doc doc;
    load(&doc, " {\"a\":1,\"bb\":2,\"\":3,\"e\\u0041\":4} ");
    assert_int_equal(doc.body_at, 1);
    assert_int_equal(value_of(&doc, "a"), '1');
    assert_int_equal(value_of(&doc, "bb"), '2');
    assert_int_equal(value_of(&doc, ""), '3');
    assert_int_equal(value_of(&doc, "eA"), '4');
    assert_int_equal(value_of(&doc, "e\\u0041"), '-');
    assert_int_equal(value_of(&doc, "b"), '-');
}

static void the_last_of_equal_keys_is_found_and_the_others_are_marked(void **state)
{
    (void)state;
    struct json_doc doc;
    load(&doc, "{\"a\":1,\"b\":2,\"\\u0061\":3}");
    assert_int_equal(value_of(&doc, "a"), '3');
    json_doc_find_shadows(&doc);
    assert_true(doc.slots[0].type & SLOT_SHADOWED);
    assert_false(doc.slots[1].type & SLOT_SHADOWED);
    assert_false(doc.slots[2].type & SLOT_SHADOWED);
    assert_int_equal(json_slot_type(&doc.slots[0]), JSON_NUMBER);
}

static void many_members_are_found_through_a_hash(void **state)
{
    (void)state;
    static char text[1 << 16];
    size_t len = (size_t)snprintf(text, sizeof text, "{\"first\":0");
    for (int i = 0; i < 1000; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, ",\"key%d\":%d,\"\\u006b%d\":0", i,
                                i % 10, i);
    }
    snprintf(text + len, sizeof text - len, ",\"key5\":9,\"k\\u0065y6\":8}");
    struct json_doc doc;
    load(&doc, text);
    assert_non_null(doc.hash);
    for (int i = 7; i < 1000; i++) {
        char key[20];
        snprintf(key, sizeof key, "key%d", i);
        assert_int_equal(value_of(&doc, key), '0' + i % 10);
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(value_of(&doc, key), '0');
    }
    assert_int_equal(value_of(&doc, "key5"), '9');
    assert_int_equal(value_of(&doc, "key6"), '8');
    assert_int_equal(value_of(&doc, "key1000"), '-');
    int shadowed = 0;
    for (uint32_t i = 0; i < doc.count; i++) {
        shadowed += (doc.slots[i].type & SLOT_SHADOWED) != 0;
    }
    assert_int_equal(shadowed, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_found_by_name),
        cmocka_unit_test(the_last_of_equal_keys_is_found_and_the_others_are_marked),
        cmocka_unit_test(many_members_are_found_through_a_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
