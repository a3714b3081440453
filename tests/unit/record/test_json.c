#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fault.h"
#include "record/json.h"

static void index_of(struct json_index *index, const char *text)
{
    size_t at = 0;
    json_index_init(index);
    assert_int_equal(json_index(index, text, strlen(text), &at), SRT_OK);
}

static void assert_slice(const char *text, uint32_t at, uint32_t len, const char *expected)
{
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(text + at, expected, len);
}

static void assert_member(const char *text, const struct json_slot *slot, const char *key,
                          enum json_type type, const char *value)
{
    assert_non_null(slot);
    assert_slice(text, slot->key_at, slot->key_len, key);
    assert_int_equal(slot->type, type);
    assert_slice(text, slot->value_at, slot->value_len, value);
}

static void members_of_an_object_are_noted_in_order(void **state)
{
    (void)state;
    static const char text[] =
        " { \"id\" : 7 , \"o\":{\"x\":[1,2]}, \"a\": [ 1 , {} ],\"s\":\"v\", "
        "\"t\":true,\"f\":false,\"n\":null,\"d\":-1.5e3} ";
    struct json_index index;
    index_of(&index, text);
    assert_int_equal(index.type, JSON_OBJECT);
    assert_int_equal(index.count, 8);
    assert_member(text, &index.slots[0], "id", JSON_NUMBER, "7");
    assert_true(index.slots[0].is_integer);
    assert_member(text, &index.slots[1], "o", JSON_OBJECT, "{\"x\":[1,2]}");
    assert_member(text, &index.slots[2], "a", JSON_ARRAY, "[ 1 , {} ]");
    assert_member(text, &index.slots[3], "s", JSON_STRING, "\"v\"");
    assert_member(text, &index.slots[4], "t", JSON_TRUE, "true");
    assert_member(text, &index.slots[5], "f", JSON_FALSE, "false");
    assert_member(text, &index.slots[6], "n", JSON_NULL, "null");
    assert_member(text, &index.slots[7], "d", JSON_NUMBER, "-1.5e3");
    assert_false(index.slots[7].is_integer);
    assert_int_equal(index.root.value_at, 1);
    assert_int_equal(index.root.value_len, sizeof text - 1 - 2);
    json_index_fini(&index);
}

static void elements_of_an_array_have_no_key(void **state)
{
    (void)state;
    static const char text[] = "[1,\"two\",[3],{\"4\":5},null]";
    struct json_index index;
    index_of(&index, text);
    assert_int_equal(index.type, JSON_ARRAY);
    assert_int_equal(index.count, 5);
    assert_member(text, &index.slots[0], "", JSON_NUMBER, "1");
    assert_member(text, &index.slots[1], "", JSON_STRING, "\"two\"");
    assert_member(text, &index.slots[2], "", JSON_ARRAY, "[3]");
    assert_member(text, &index.slots[3], "", JSON_OBJECT, "{\"4\":5}");
    assert_member(text, &index.slots[4], "", JSON_NULL, "null");
    assert_int_equal(index.slots[3].key_at, 0);
    json_index_fini(&index);
}

static void a_scalar_is_its_own_root(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_type type;
        const char *value;
    } cases[] = {
        {" 12 ", JSON_NUMBER, "12"},           {"-0.5", JSON_NUMBER, "-0.5"},
        {"\"a\\n\"", JSON_STRING, "\"a\\n\""}, {" true", JSON_TRUE, "true"},
        {"false\n", JSON_FALSE, "false"},      {"null", JSON_NULL, "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_index index;
        index_of(&index, cases[i].text);
        assert_int_equal(index.count, 0);
        assert_int_equal(index.type, cases[i].type);
        assert_int_equal(index.root.type, cases[i].type);
        assert_slice(cases[i].text, index.root.value_at, index.root.value_len, cases[i].value);
        assert_int_equal(index.root.is_integer, i == 0);
        assert_int_equal(index.root.value_escaped, i == 2);
        json_index_fini(&index);
    }
}

static void escapes_are_flagged_where_they_are(void **state)
{
    (void)state;
    static const char text[] = "{\"a\\tb\":\"plain\",\"plain\":\"a\\tb\",\"x\":[\"\\n\"]}";
    struct json_index index;
    index_of(&index, text);
    assert_true(index.slots[0].key_escaped);
    assert_false(index.slots[0].value_escaped);
    assert_false(index.slots[1].key_escaped);
    assert_true(index.slots[1].value_escaped);
    assert_false(index.slots[2].value_escaped);
    json_index_fini(&index);
}

static void an_index_is_used_again(void **state)
{
    (void)state;
    struct json_index index;
    json_index_init(&index);
    size_t at;
    assert_int_equal(json_index(&index, "[1,2,3]", 7, &at), SRT_OK);
    assert_int_equal(json_index(&index, "{\"a\":1}", 7, &at), SRT_OK);
    assert_int_equal(index.count, 1);
    assert_int_equal(json_index(&index, "[1,2", 4, &at), SRT_EPARSE);
    assert_int_equal(index.count, 0);
    assert_int_equal(json_index(&index, "[]", 2, &at), SRT_OK);
    assert_int_equal(index.count, 0);
    json_index_fini(&index);
}

static void many_members_fit(void **state)
{
    (void)state;
    struct srt_buf buf = {0};
    srt_buf_put_str(&buf, "{");
    for (int i = 0; i < 1000; i++) {
        srt_buf_printf(&buf, "%s\"k%d\":%d", i ? "," : "", i, i * i);
    }
    srt_buf_put_str(&buf, "}");
    const char *text = (const char *)buf.data;
    struct json_index index;
    json_index_init(&index);
    size_t at;
    assert_int_equal(json_index(&index, text, buf.len, &at), SRT_OK);
    assert_int_equal(index.count, 1000);
    const struct json_slot *slot = json_find(&index, text, "k999", 4);
    assert_member(text, slot, "k999", JSON_NUMBER, "998001");
    json_index_fini(&index);
    srt_buf_fini(&buf);
}

static void no_memory_for_slots_is_an_error(void **state)
{
    (void)state;
    struct json_index index;
    json_index_init(&index);
    size_t at;
    srt_fault_arm(SRT_FAULT_alloc, 1, SRT_FAULT_ERRNO, 12);
    assert_int_equal(json_index(&index, "[1]", 3, &at), SRT_ENOMEM);
    srt_fault_arm(SRT_FAULT_alloc, 1, SRT_FAULT_ERRNO, 12);
    assert_int_equal(json_index_trusted(&index, "[1]", 3), SRT_ENOMEM);
    srt_fault_disarm();
    assert_int_equal(index.count, 0);
    assert_int_equal(json_index(&index, "[1]", 3, &at), SRT_OK);
    assert_int_equal(index.count, 1);
    json_index_fini(&index);
}

/* --- finding --- */

static void find_takes_the_last_of_duplicates(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":1,\"b\":2,\"a\":3,\"\\u0062\":4}";
    struct json_index index;
    index_of(&index, text);
    assert_member(text, json_find(&index, text, "a", 1), "a", JSON_NUMBER, "3");
    assert_member(text, json_find(&index, text, "b", 1), "\\u0062", JSON_NUMBER, "4");
    assert_null(json_find(&index, text, "c", 1));
    assert_null(json_find(&index, text, "", 0));
    json_index_fini(&index);
}

static void find_resolves_escaped_keys(void **state)
{
    (void)state;
    static const char text[] = "{\"gr\\u00f6\\u00dfe\":1,\"\\ud83d\\ude00!\":2,\"a\\/"
                               "\\\\\\\"\\n\":3,\"\\u0000\":4,\"\":5}";
    struct json_index index;
    index_of(&index, text);
    assert_ptr_equal(json_find(&index, text,
                               "gr\xc3\xb6\xc3\x9f"
                               "e",
                               7),
                     &index.slots[0]);
    assert_ptr_equal(json_find(&index, text, "\xf0\x9f\x98\x80!", 5), &index.slots[1]);
    assert_null(json_find(&index, text, "\xf0\x9f\x98\x80", 4));
    assert_null(json_find(&index, text, "\xf0\x9f\x98\x80!!", 6));
    assert_ptr_equal(json_find(&index, text, "a/\\\"\n", 5), &index.slots[2]);
    assert_ptr_equal(json_find(&index, text, "\0", 1), &index.slots[3]);
    assert_ptr_equal(json_find(&index, text, "", 0), &index.slots[4]);
    json_index_fini(&index);
}

static void find_in_what_is_no_object_finds_nothing(void **state)
{
    (void)state;
    struct json_index index;
    index_of(&index, "[\"a\"]");
    assert_null(json_find(&index, "[\"a\"]", "", 0));
    json_index_fini(&index);
}

/* --- without validation --- */

/* An index of valid text is the same with and without checks, at every level. */
static void assert_trusted_agrees(const char *text, size_t size, int depth)
{
    char *exact = malloc(size);
    memcpy(exact, text, size);
    struct json_index checked;
    struct json_index trusted;
    json_index_init(&checked);
    json_index_init(&trusted);
    size_t at;
    assert_int_equal(json_index(&checked, exact, size, &at), SRT_OK);
    assert_int_equal(json_index_trusted(&trusted, exact, size), SRT_OK);
    assert_int_equal(checked.type, trusted.type);
    assert_int_equal(checked.count, trusted.count);
    assert_memory_equal(&checked.root, &trusted.root, sizeof checked.root);
    for (uint32_t i = 0; i < checked.count; i++) {
        const struct json_slot *slot = &checked.slots[i];
        assert_memory_equal(slot, &trusted.slots[i], sizeof *slot);
        if (slot->type == JSON_ARRAY || slot->type == JSON_OBJECT) {
            assert_trusted_agrees(exact + slot->value_at, slot->value_len, depth + 1);
        }
    }
    json_index_fini(&checked);
    json_index_fini(&trusted);
    free(exact);
}

static void trusted_indexing_agrees_at_every_level(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        "[[]]",
        "{\"a\":{\"b\":{\"c\":[1,[2,[3,{\"d\":\"]}\"}]]]}}}",
        "{\"s\":\"\\\"]}\",\"t\":[\"}\\\\\",\"{[\\\\\\\"\"],\"u\":1}",
        "{\"long\":[\"a text with brackets ]]}} and a quote \\\" beyond two blocks of sixteen\","
        "{\"k\":\"v\"},12345678901234567890,true,false,null,[[[[[[[[[[[[]]]]]]]]]]]]],\"z\":-1e-5}",
        " [ { \"a\" : [ ] , \"b\" : { } } , \"\xc3\xa4\xc3\xb6\", [ 1 , 2 , 3 ] ] ",
        "[\"exactly sixteen!\",\"\\u005d\\u007d\",{\"\\\"\":\"\\\\\"}]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_trusted_agrees(texts[i], strlen(texts[i]), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_of_an_object_are_noted_in_order),
        cmocka_unit_test(elements_of_an_array_have_no_key),
        cmocka_unit_test(a_scalar_is_its_own_root),
        cmocka_unit_test(escapes_are_flagged_where_they_are),
        cmocka_unit_test(an_index_is_used_again),
        cmocka_unit_test(many_members_fit),
        cmocka_unit_test(no_memory_for_slots_is_an_error),
        cmocka_unit_test(find_takes_the_last_of_duplicates),
        cmocka_unit_test(find_resolves_escaped_keys),
        cmocka_unit_test(find_in_what_is_no_object_finds_nothing),
        cmocka_unit_test(trusted_indexing_agrees_at_every_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
