#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "record/topic_id.h"

static void new_ids_differ_and_are_not_zero(void **state)
{
    (void)state;
    struct topic_id a = topic_id_new();
    struct topic_id b = topic_id_new();
    assert_false(topic_id_equal(&a, &b));
    assert_false(topic_id_is_zero(&a));
    struct topic_id zero = {{0}};
    assert_true(topic_id_is_zero(&zero));
}

static void format_and_parse_are_inverse(void **state)
{
    (void)state;
    struct topic_id id;
    for (int i = 0; i < 16; i++) {
        id.bytes[i] = (uint8_t)(i * 17);
    }
    char text[TOPIC_ID_TEXT_MAX];
    assert_string_equal(topic_id_format(text, &id), "00112233445566778899aabbccddeeff");
    struct topic_id back;
    assert_int_equal(topic_id_parse(text, strlen(text), &back), SRT_OK);
    assert_true(topic_id_equal(&id, &back));
}

static void parse_refuses_wrong_length_and_digits(void **state)
{
    (void)state;
    const char *good = "00112233445566778899aabbccddeeff";
    struct topic_id id;
    assert_int_equal(topic_id_parse(good, 31, &id), SRT_EPARSE);
    assert_int_equal(topic_id_parse("00112233445566778899aabbccddeeff0", 33, &id), SRT_EPARSE);
    assert_int_equal(topic_id_parse("00112233445566778899AABBCCDDEEFF", 32, &id), SRT_EPARSE);
    assert_int_equal(topic_id_parse("0011223344556677-899aabbccddeeff", 32, &id), SRT_EPARSE);
    assert_int_equal(topic_id_parse("g0112233445566778899aabbccddeeff", 32, &id), SRT_EPARSE);
}

static void topic_names_follow_kafka(void **state)
{
    (void)state;
    assert_true(topic_name_valid("orders"));
    assert_true(topic_name_valid("Orders_v2.eu-west"));
    assert_true(topic_name_valid("..."));
    assert_true(topic_name_valid(".a"));
    assert_false(topic_name_valid(""));
    assert_false(topic_name_valid("."));
    assert_false(topic_name_valid(".."));
    assert_false(topic_name_valid("a b"));
    assert_false(topic_name_valid("a/b"));
    assert_false(topic_name_valid("gr\xc3\xb6sse"));
    char name[260];
    memset(name, 'x', sizeof name);
    name[249] = '\0';
    assert_true(topic_name_valid(name));
    name[249] = 'x';
    name[250] = '\0';
    assert_false(topic_name_valid(name));
}

static void own_topics_are_reserved(void **state)
{
    (void)state;
    assert_true(topic_name_reserved("__streamrt"));
    assert_true(topic_name_reserved("__streamrt.offsets"));
    assert_false(topic_name_reserved("__consumer_offsets"));
    assert_false(topic_name_reserved("streamrt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_ids_differ_and_are_not_zero),
        cmocka_unit_test(format_and_parse_are_inverse),
        cmocka_unit_test(parse_refuses_wrong_length_and_digits),
        cmocka_unit_test(topic_names_follow_kafka),
        cmocka_unit_test(own_topics_are_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
