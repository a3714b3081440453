#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "connect/line_splitter.h"

static void feed(struct line_splitter *ls, const char *data, size_t size)
{
    uint8_t *to = line_splitter_space(ls, size);
    assert_non_null(to);
    memcpy(to, data, size);
    line_splitter_filled(ls, size);
}

/* Feed `input` in parts of `part` bytes and write down what comes out, as "offset:value|" or
 * "offset!value|" for a bad one. */
static void split(enum codec codec, uint64_t max, const char *input, size_t size, size_t part,
                  struct srt_buf *to)
{
    struct line_splitter ls;
    line_splitter_init(&ls, codec, max);
    size_t fed = 0;
    for (;;) {
        struct source_batch batch;
        bool at_end = fed == size;
        line_splitter_take(&ls, 1 << 20, at_end, 77, &batch);
        for (uint32_t i = 0; i < batch.count; i++) {
            const struct record *rec = &batch.records[i];
            assert_int_equal(rec->timestamp_ms, 77);
            assert_int_equal(rec->key_len, RECORD_ABSENT);
            srt_buf_printf(to, "%d%c%.*s|", (int)rec->offset,
                           batch.bad_index == (int64_t)i ? '!' : ':', (int)rec->value_len,
                           (const char *)rec->value);
        }
        assert_true(line_splitter_end(&ls) == (int64_t)fed);
        if (batch.count > 0) {
            continue;
        }
        if (at_end) {
            assert_int_equal(batch.next_offset, size);
            break;
        }
        size_t some = size - fed < part ? size - fed : part;
        feed(&ls, input + fed, some);
        fed += some;
    }
    line_splitter_fini(&ls);
}

static void assert_split(enum codec codec, uint64_t max, const char *input, const char *expected)
{
    for (size_t part = 1; part <= 40; part++) {
        struct srt_buf out = {0};
        split(codec, max, input, strlen(input), part, &out);
        assert_string_equal(srt_buf_cstr(&out), expected);
        srt_buf_fini(&out);
    }
}

static void lines_become_records_at_their_offsets(void **state)
{
    (void)state;
    assert_split(CODEC_TEXT, 100, "one\ntwo\nthree\n", "0:one|4:two|8:three|");
    assert_split(CODEC_TEXT, 100, "", "");
    assert_split(CODEC_TEXT, 100, "\n", "0:|");
}

static void a_last_line_without_line_feed_counts(void **state)
{
    (void)state;
    assert_split(CODEC_TEXT, 100, "one\ntwo", "0:one|4:two|");
    assert_split(CODEC_BYTES, 100, "x", "0:x|");
}

static void empty_lines_are_records_but_not_of_json(void **state)
{
    (void)state;
    assert_split(CODEC_TEXT, 100, "a\n\n\nb\n", "0:a|2:|3:|4:b|");
    assert_split(CODEC_BYTES, 100, "a\n\nb\n", "0:a|2:|3:b|");
    assert_split(CODEC_JSON, 100, "1\n\n\r\n2\n\n", "0:1|5:2|");
    assert_split(CODEC_JSON, 100, "\n\n\n", "");
}

static void a_return_before_the_line_feed_belongs_to_bytes_only(void **state)
{
    (void)state;
    assert_split(CODEC_TEXT, 100, "a\r\nb\r\n", "0:a|3:b|");
    assert_split(CODEC_JSON, 100, "1\r\n2\r\n", "0:1|3:2|");
    assert_split(CODEC_BYTES, 100, "a\r\nb\r\n", "0:a\r|3:b\r|");
    assert_split(CODEC_TEXT, 100, "a\rb\r\r\n\r", "0:a\rb\r|6:\r|");
}

static void lines_that_are_too_long_are_bad_and_passed_over(void **state)
{
    (void)state;
    assert_split(CODEC_TEXT, 4, "abcd\nabcde\nxy\n", "0:abcd|5!abcd|11:xy|");
    assert_split(CODEC_TEXT, 4, "abcd\r\nabcde\r\nxy", "0:abcd|6!abcd|13:xy|");
    assert_split(CODEC_BYTES, 4, "abcd\r\nxy\n", "0!abcd|6:xy|");
    assert_split(CODEC_TEXT, 4, "0123456789012345678901234567890123456789\nok\n", "0!0123|41:ok|");
    assert_split(CODEC_TEXT, 4, "0123456789012345678901234567890123456789", "0!0123|");
    assert_split(CODEC_TEXT, 1, "abc\ndef\n\nghi", "0!a|4!d|8:|9!g|");
}

static void the_error_says_how_long_the_line_was(void **state)
{
    (void)state;
    for (size_t part = 1; part <= 20; part++) {
        struct line_splitter ls;
        line_splitter_init(&ls, CODEC_TEXT, 4);
        const char *input = "0123456789\n";
        struct source_batch batch = {0};
        for (size_t at = 0; at < 11; at += part) {
            line_splitter_take(&ls, 100, false, 0, &batch);
            feed(&ls, input + at, 11 - at < part ? 11 - at : part);
        }
        line_splitter_take(&ls, 100, false, 0, &batch);
        assert_int_equal(batch.count, 1);
        assert_int_equal(batch.bad_index, 0);
        assert_int_equal(batch.bad.code, SRT_ETOOBIG);
        assert_string_equal(batch.bad.msg, "line of 10 bytes is longer than max_record_bytes (4)");
        line_splitter_fini(&ls);
    }
}

static void an_endless_line_takes_no_memory(void **state)
{
    (void)state;
    struct line_splitter ls;
    line_splitter_init(&ls, CODEC_TEXT, 1000);
    char block[4096];
    memset(block, 'x', sizeof block);
    struct source_batch batch;
    for (int i = 0; i < 5000; i++) {
        feed(&ls, block, sizeof block);
        line_splitter_take(&ls, 1 << 20, false, 0, &batch);
        assert_int_equal(batch.count, 0);
    }
    assert_true(ls.buf.cap <= 16384);
    assert_true(line_splitter_end(&ls) == 5000 * 4096);
    feed(&ls, "\nnext\n", 6);
    line_splitter_take(&ls, 1 << 20, false, 0, &batch);
    assert_int_equal(batch.bad_index, 0);
    assert_int_equal(batch.records[0].value_len, 1000);
    assert_true(batch.next_offset == 5000 * 4096 + 1);
    line_splitter_take(&ls, 1 << 20, false, 0, &batch);
    assert_int_equal(batch.count, 1);
    assert_memory_equal(batch.records[0].value, "next", 4);
    line_splitter_fini(&ls);
}

static void a_batch_ends_near_its_limit(void **state)
{
    (void)state;
    struct line_splitter ls;
    line_splitter_init(&ls, CODEC_TEXT, 100);
    feed(&ls, "aaaa\nbbbb\ncccc\ndddd\n", 20);
    struct source_batch batch;
    line_splitter_take(&ls, 6, false, 0, &batch);
    assert_int_equal(batch.count, 2);
    assert_int_equal(batch.next_offset, 10);
    line_splitter_take(&ls, 1, false, 0, &batch);
    assert_int_equal(batch.count, 1);
    assert_memory_equal(batch.records[0].value, "cccc", 4);
    line_splitter_fini(&ls);
}

/* Sources take an empty batch for the end of what they put in. */
static void empty_lines_do_not_end_a_batch_before_its_first_record(void **state)
{
    (void)state;
    struct line_splitter ls;
    struct source_batch batch;
    line_splitter_init(&ls, CODEC_JSON, 100);
    feed(&ls, "\n\n\n\n\n\n1\n2\n\n", 11);
    line_splitter_take(&ls, 2, true, 0, &batch);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.records[0].offset, 6);
    line_splitter_take(&ls, 2, true, 0, &batch);
    assert_int_equal(batch.count, 1);
    line_splitter_take(&ls, 2, true, 0, &batch);
    assert_int_equal(batch.count, 0);
    assert_int_equal(batch.next_offset, 11);
    line_splitter_fini(&ls);
}

/* Any input, cut anyhow, gives what cutting it by hand gives. */
static void random_inputs_agree_with_a_plain_splitter(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 8);
    for (int round = 0; round < 3000; round++) {
        char input[200];
        size_t size = srt_rng_below(&rng, sizeof input);
        for (size_t i = 0; i < size; i++) {
            input[i] = "abcdef\n\n\r"[srt_rng_below(&rng, 9)];
        }
        enum codec codec = (enum codec)srt_rng_below(&rng, 3);
        size_t max = 1 + srt_rng_below(&rng, 10);
        struct srt_buf expected = {0};
        for (size_t at = 0; at < size;) {
            const char *end = memchr(input + at, '\n', size - at);
            size_t len = end ? (size_t)(end - input) - at : size - at;
            size_t next = at + len + (end != NULL);
            if (codec != CODEC_BYTES && end && len > 0 && input[at + len - 1] == '\r') {
                len--;
            }
            if (len > 0 || codec != CODEC_JSON) {
                srt_buf_printf(&expected, "%d%c%.*s|", (int)at, len > max ? '!' : ':',
                               (int)(len > max ? max : len), input + at);
            }
            at = next;
        }
        struct srt_buf out = {0};
        split(codec, max, input, size, 1 + srt_rng_below(&rng, 50), &out);
        assert_string_equal(srt_buf_cstr(&out), srt_buf_cstr(&expected));
        srt_buf_fini(&out);
        srt_buf_fini(&expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_records_at_their_offsets),
        cmocka_unit_test(a_last_line_without_line_feed_counts),
        cmocka_unit_test(empty_lines_are_records_but_not_of_json),
        cmocka_unit_test(a_return_before_the_line_feed_belongs_to_bytes_only),
        cmocka_unit_test(lines_that_are_too_long_are_bad_and_passed_over),
        cmocka_unit_test(the_error_says_how_long_the_line_was),
        cmocka_unit_test(an_endless_line_takes_no_memory),
        cmocka_unit_test(a_batch_ends_near_its_limit),
        cmocka_unit_test(empty_lines_do_not_end_a_batch_before_its_first_record),
        cmocka_unit_test(random_inputs_agree_with_a_plain_splitter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
