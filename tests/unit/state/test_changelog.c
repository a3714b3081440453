#include "state/changelog.h"

#include <errno.h>

#include "base/fault.h"
#include "state/table.h"
#include "support/cmocka_srt.h"

static const uint8_t window_start[8] = {0, 0, 0, 0, 0, 0, 0, 0x10};

/* The example of docs/format/changelog.md. */
static const struct changelog_row example = {
    .table_id = 3,
    .key_group = 17,
    .key = (const uint8_t *)"ada",
    .key_len = 3,
    .subkey = window_start,
    .subkey_len = sizeof window_start,
    .due_ms = 1000,
    .cell = (const uint8_t *)"*",
    .cell_len = 1,
};
static const uint8_t example_key[] = {0x01, 0x06, 0x00, 0x11, 0x06, 'a', 'd', 'a',
                                      0,    0,    0,    0,    0,    0,   0,   0x10};
static const uint8_t example_value[] = {0x01, 0x01, 0xd0, 0x0f, '*'};

struct written {
    struct srt_buf key;
    struct srt_buf value;
    struct record rec;
};

static void write_row(struct written *written, const struct changelog_row *row)
{
    *written = (struct written){0};
    changelog_put_key(row, &written->key);
    changelog_put_value_head(row->due_ms, &written->value);
    srt_buf_put(&written->value, row->cell, row->cell_len);
    written->rec = (struct record){.key = written->key.data,
                                   .key_len = (int32_t)written->key.len,
                                   .value = written->value.data,
                                   .value_len = (int32_t)written->value.len,
                                   .offset = 7};
}

static void forget(struct written *written)
{
    srt_buf_fini(&written->key);
    srt_buf_fini(&written->value);
}

static void assert_same_row(const struct changelog_row *a, const struct changelog_row *b)
{
    assert_int_equal(a->table_id, b->table_id);
    assert_int_equal(a->key_group, b->key_group);
    assert_int_equal(a->key_len, b->key_len);
    assert_memory_equal(a->key, b->key, a->key_len);
    assert_int_equal(a->subkey_len, b->subkey_len);
    assert_memory_equal(a->subkey, b->subkey, a->subkey_len);
    assert_true(a->due_ms == b->due_ms);
    assert_int_equal(a->cell_len, b->cell_len);
    assert_memory_equal(a->cell, b->cell, a->cell_len);
}

static void assert_comes_back(const struct changelog_row *row)
{
    struct written written;
    struct changelog_row back;
    struct srt_err err;
    write_row(&written, row);
    assert_ok(changelog_parse(&written.rec, &back, &err), &err);
    assert_non_null(back.cell);
    assert_same_row(&back, row);
    forget(&written);
}

static void the_bytes_are_those_of_the_format(void **state)
{
    (void)state;
    struct written written;
    write_row(&written, &example);
    assert_int_equal(written.key.len, sizeof example_key);
    assert_memory_equal(written.key.data, example_key, sizeof example_key);
    assert_int_equal(written.value.len, sizeof example_value);
    assert_memory_equal(written.value.data, example_value, sizeof example_value);
    forget(&written);

    struct srt_buf never = {0};
    changelog_put_value_head(STATE_NEVER_DUE, &never);
    assert_int_equal(never.len, 2);
    assert_memory_equal(never.data, "\x01\x00", 2);
    srt_buf_fini(&never);
}

static void rows_come_back(void **state)
{
    (void)state;
    static uint8_t long_key[STATE_KEY_BYTES_MAX];
    static uint8_t long_subkey[STATE_SUBKEY_BYTES_MAX];
    memset(long_key, 'k', sizeof long_key);
    memset(long_subkey, 0xff, sizeof long_subkey);
    assert_comes_back(&example);
    assert_comes_back(&(struct changelog_row){.key = long_key,
                                              .key_len = sizeof long_key,
                                              .subkey = long_subkey,
                                              .subkey_len = sizeof long_subkey,
                                              .table_id = UINT32_MAX,
                                              .key_group = UINT16_MAX,
                                              .due_ms = STATE_NEVER_DUE,
                                              .cell = long_key,
                                              .cell_len = sizeof long_key});
    static const int64_t dues[] = {0, 1, -1, 63, 64, 1764400000000, INT64_MIN, INT64_MAX - 1};
    struct changelog_row row = example;
    for (size_t i = 0; i < sizeof dues / sizeof *dues; i++) {
        row.due_ms = dues[i];
        row.key_len = (uint32_t)i % 3; /* also the empty key, the empty subkey and the empty cell */
        row.subkey_len = (uint32_t)i % 4;
        row.cell_len = (uint32_t)i % 2;
        assert_comes_back(&row);
    }
}

static void a_record_without_a_value_removes_its_row(void **state)
{
    (void)state;
    struct written written;
    struct changelog_row back;
    struct srt_err err;
    write_row(&written, &example);
    written.rec.value = NULL;
    written.rec.value_len = RECORD_ABSENT;
    assert_ok(changelog_parse(&written.rec, &back, &err), &err);
    assert_null(back.cell);
    assert_int_equal(back.cell_len, 0);
    assert_int_equal(back.table_id, example.table_id);
    assert_int_equal(back.subkey_len, example.subkey_len);
    assert_true(back.due_ms == STATE_NEVER_DUE);
    forget(&written);
}

/* Parse a key and a value that end where their memory ends; NULL is absent. */
static int parse_copy(const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len,
                      struct srt_err *err)
{
    uint8_t *copies[2] = {malloc(key_len + 1), malloc(value_len + 1)};
    if (key) {
        memcpy(copies[0] + 1, key, key_len);
    }
    if (value) {
        memcpy(copies[1] + 1, value, value_len);
    }
    const struct record rec = {.key = key ? copies[0] + 1 : NULL,
                               .key_len = key ? (int32_t)key_len : RECORD_ABSENT,
                               .value = value ? copies[1] + 1 : NULL,
                               .value_len = value ? (int32_t)value_len : RECORD_ABSENT,
                               .offset = 7};
    struct changelog_row row;
    memset(&row, 0x5a, sizeof row);
    struct changelog_row before = row;
    int code = changelog_parse(&rec, &row, err);
    if (code != SRT_OK) {
        assert_memory_equal(&row, &before, sizeof row);
        assert_contains(err->msg, "offset 7");
    }
    free(copies[0]);
    free(copies[1]);
    return code;
}

static int parse_key(const char *bytes, size_t size)
{
    struct srt_err err;
    return parse_copy((const uint8_t *)bytes, size, example_value, sizeof example_value, &err);
}

static int parse_value(const char *bytes, size_t size)
{
    struct srt_err err;
    return parse_copy(example_key, sizeof example_key, (const uint8_t *)bytes, size, &err);
}

#define KEY(text)   parse_key(text, sizeof text - 1)
#define VALUE(text) parse_value(text, sizeof text - 1)

static void a_key_that_ends_early_is_damage(void **state)
{
    (void)state;
    struct srt_err err;
    for (size_t len = 0; len < 8; len++) { /* behind it only the subkey is shorter */
        assert_int_equal(parse_copy(example_key, len, example_value, sizeof example_value, &err),
                         SRT_ECORRUPT);
    }
    assert_int_equal(parse_copy(NULL, 0, example_value, sizeof example_value, &err),
                     SRT_ECORRUPT);
    assert_contains(err.msg, "no key");
}

static void numbers_have_their_ranges_and_one_spelling(void **state)
{
    (void)state;
    assert_int_equal(KEY("\x01\x06\x00\x11\x02k"), SRT_OK);
    assert_int_equal(KEY("\x01\x86\x00\x00\x11\x02k"), SRT_ECORRUPT); /* 3, longer than it is */
    assert_int_equal(KEY("\x01\x05\x00\x11\x02k"), SRT_ECORRUPT);     /* table -3 */
    assert_int_equal(KEY("\x01\xfe\xff\xff\xff\x1f\x00\x11\x02k"), SRT_OK); /* 2^32 - 1 */
    assert_int_equal(KEY("\x01\x80\x80\x80\x80\x20\x00\x11\x02k"), SRT_ECORRUPT);
    assert_int_equal(KEY("\x01\x06\x00\x11\x01k"), SRT_ECORRUPT);     /* length -1 */
    assert_int_equal(KEY("\x01\x06\x00\x11\x82\x00k"), SRT_ECORRUPT); /* 1, longer than it is */
    assert_int_equal(KEY("\x01\x06\x00\x11\x04k"), SRT_ECORRUPT);     /* one byte is missing */
    assert_int_equal(VALUE("\x01\x01\xd0\x0f"), SRT_OK);
    assert_int_equal(VALUE("\x01\x01\xd0\x8f\x00"), SRT_ECORRUPT);
    assert_int_equal(VALUE("\x01\x01\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                     SRT_ECORRUPT); /* never, as a time */
}

static void a_value_says_whether_it_is_due(void **state)
{
    (void)state;
    assert_int_equal(VALUE(""), SRT_ECORRUPT);
    assert_int_equal(VALUE("\x01"), SRT_ECORRUPT);
    assert_int_equal(VALUE("\x01\x00"), SRT_OK);
    assert_int_equal(VALUE("\x01\x01"), SRT_ECORRUPT);
    assert_int_equal(VALUE("\x01\x01\xd0"), SRT_ECORRUPT);
    assert_int_equal(VALUE("\x01\x02\xd0\x0f"), SRT_ECORRUPT);
}

static void names_that_are_too_long_are_damage(void **state)
{
    (void)state;
    struct srt_err err;
    struct srt_buf key = {0};
    static const uint8_t many[STATE_KEY_BYTES_MAX + 1];
    changelog_put_key(&example, &key);
    key.len -= example.subkey_len;
    size_t without_subkey = key.len;
    srt_buf_put(&key, many, STATE_SUBKEY_BYTES_MAX);
    assert_int_equal(parse_copy(key.data, key.len, NULL, 0, &err), SRT_OK);
    srt_buf_put_u8(&key, 0);
    assert_int_equal(parse_copy(key.data, key.len, NULL, 0, &err), SRT_ECORRUPT);

    key.len = without_subkey - example.key_len - 1;
    uint8_t length[SRT_VARINT_MAX_BYTES];
    srt_buf_put(&key, length, srt_put_varint(length, STATE_KEY_BYTES_MAX + 1));
    srt_buf_put(&key, many, STATE_KEY_BYTES_MAX + 1);
    assert_int_equal(parse_copy(key.data, key.len, NULL, 0, &err), SRT_ECORRUPT);
    srt_buf_fini(&key);

    struct changelog_row row = example;
    row.key_len = STATE_KEY_BYTES_MAX + 1;
    expect_assert_failure(changelog_put_key(&row, &key));
}

static void another_version_is_named(void **state)
{
    (void)state;
    struct srt_err err;
    uint8_t key[sizeof example_key];
    uint8_t value[sizeof example_value];
    memcpy(key, example_key, sizeof key);
    memcpy(value, example_value, sizeof value);
    value[0] = 2;
    assert_int_equal(parse_copy(key, sizeof key, value, sizeof value, &err), SRT_EVERSION);
    assert_contains(err.msg, "value has version 2");
    key[0] = 0;
    assert_int_equal(parse_copy(key, sizeof key, value, sizeof value, &err), SRT_EVERSION);
    assert_contains(err.msg, "key has version 0");
}

static void without_memory_the_buffer_says_so(void **state)
{
    (void)state;
    struct srt_buf key = {0};
    srt_fault_arm(SRT_FAULT_alloc, 1, SRT_FAULT_ERRNO, ENOMEM);
    changelog_put_key(&example, &key);
    srt_fault_disarm();
    assert_true(srt_buf_failed(&key));
    assert_int_equal(key.len, 0);
    srt_buf_fini(&key);
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_those_of_the_format),
        cmocka_unit_test(rows_come_back),
        cmocka_unit_test(a_record_without_a_value_removes_its_row),
        cmocka_unit_test(a_key_that_ends_early_is_damage),
        cmocka_unit_test(numbers_have_their_ranges_and_one_spelling),
        cmocka_unit_test(a_value_says_whether_it_is_due),
        cmocka_unit_test(names_that_are_too_long_are_damage),
        cmocka_unit_test(another_version_is_named),
        cmocka_unit_test(without_memory_the_buffer_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
