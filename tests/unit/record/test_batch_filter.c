#include "record/batch_filter.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka_srt.h"

/* Which records stay, by their first byte; 'D' stands for a deletion. */
static enum batch_filter_verdict judge(void *arg, const struct record *rec)
{
    if (rec->value_len == RECORD_ABSENT) {
        return BATCH_FILTER_DROP_WHEN_DUE;
    }
    return strchr(arg, rec->value[0]) ? BATCH_FILTER_KEEP : BATCH_FILTER_DROP;
}

/* One record for each character, at times 1000, 1001 ... */
static void make(struct srt_buf *to, const char *values, enum compression compression)
{
    struct batch_builder b;
    char text[200];
    batch_builder_init(&b);
    batch_builder_set_compression(&b, compression);
    for (int i = 0; values[i]; i++) {
        memset(text, values[i], sizeof text);
        struct record rec = {.key = (const uint8_t *)&values[i],
                             .key_len = 1,
                             .value = values[i] == 'D' ? NULL : (const uint8_t *)text,
                             .value_len = values[i] == 'D' ? RECORD_ABSENT : (int32_t)sizeof text,
                             .timestamp_ms = 1000 + i};
        assert_int_equal(batch_builder_add(&b, &rec), SRT_OK);
    }
    const uint8_t *data;
    size_t size;
    batch_builder_finish(&b, &data, &size);
    srt_buf_clear(to);
    srt_buf_put(to, data, size);
    batch_set_base_offset(to->data, 500);
    batch_builder_fini(&b);
}

/* What stays, each as its first byte and its offset's last digit; the result is the input. */
static void filter(struct srt_buf *batch, const char *keep, int64_t now_ms, const char *expected)
{
    struct batch_filter f;
    struct batch_info info;
    struct srt_buf out = {0};
    struct srt_buf space = {0};
    int32_t kept;
    batch_filter_init(&f, judge, (void *)(uintptr_t)keep);
    f.now_ms = now_ms;
    f.delete_retention_ms = 50;
    assert_int_equal(batch_parse(batch->data, batch->len, &info), SRT_OK);
    assert_int_equal(batch_filter_run(&f, batch->data, &info, &out, &kept), SRT_OK);
    batch_filter_fini(&f);
    assert_int_equal(kept * 2, strlen(expected));
    if (kept == 0) {
        assert_int_equal(out.len, 0);
        return;
    }
    struct batch_info left;
    struct batch_reader reader;
    struct record rec;
    assert_int_equal(batch_check(out.data, out.len, &left), SRT_OK);
    assert_int_equal(left.size_bytes, out.len);
    assert_int_equal(left.base_offset, info.base_offset);
    assert_int_equal(batch_last_offset(&left), batch_last_offset(&info));
    assert_int_equal(left.record_count, kept);
    assert_int_equal(batch_reader_init(&reader, out.data, &left, &space), SRT_OK);
    struct srt_buf text = {0};
    int64_t newest_ms = 0;
    while (batch_reader_next(&reader, &rec) == SRT_OK) {
        srt_buf_printf(&text, "%c%d", rec.key[0], (int)(rec.offset % 10));
        assert_int_equal(rec.timestamp_ms, 1000 + rec.offset - 500);
        newest_ms = rec.timestamp_ms > newest_ms ? rec.timestamp_ms : newest_ms;
    }
    assert_string_equal(srt_buf_cstr(&text), expected);
    assert_int_equal(left.max_timestamp_ms, newest_ms);
    srt_buf_fini(&text);
    srt_buf_fini(&space);
    srt_buf_fini(batch);
    *batch = out;
}

static void what_stays_keeps_its_offset_and_time(void **state)
{
    (void)state;
    for (int c = 0; c < COMPRESSION_COUNT; c++) {
        struct srt_buf batch = {0};
        make(&batch, "abcdefghij", (enum compression)c);
        filter(&batch, "bdj", 0, "b1d3j9");
        filter(&batch, "bd", 0, "b1d3");
        filter(&batch, "d", 0, "d3");
        filter(&batch, "", 0, "");
        srt_buf_fini(&batch);
    }
}

static void a_batch_of_which_all_stays_is_the_same_bytes(void **state)
{
    (void)state;
    struct srt_buf batch = {0};
    struct srt_buf before = {0};
    make(&batch, "abc", COMPRESSION_ZSTD);
    srt_buf_put(&before, batch.data, batch.len);
    filter(&batch, "abc", 0, "a0b1c2");
    assert_int_equal(batch.len, before.len);
    assert_memory_equal(batch.data, before.data, batch.len);
    srt_buf_fini(&batch);
    srt_buf_fini(&before);
}

static void a_deletion_goes_when_its_time_is_over(void **state)
{
    (void)state;
    for (int c = 0; c < COMPRESSION_COUNT; c++) {
        struct srt_buf batch = {0};
        struct batch_info info;
        make(&batch, "aDbD", (enum compression)c);
        filter(&batch, "ab", 2000, "a0D1b2D3"); /* its time begins here */
        assert_int_equal(batch_parse(batch.data, batch.len, &info), SRT_OK);
        assert_true(info.attributes & BATCH_ATTR_DELETE_HORIZON);
        assert_int_equal(info.base_timestamp_ms, 2050);
        filter(&batch, "a", 2049, "a0D1D3"); /* and does not begin anew */
        assert_int_equal(batch_parse(batch.data, batch.len, &info), SRT_OK);
        assert_int_equal(info.base_timestamp_ms, 2050);
        filter(&batch, "a", 2050, "a0");
        srt_buf_fini(&batch);
    }
}

static void damaged_records_are_told(void **state)
{
    (void)state;
    struct srt_buf batch = {0};
    struct srt_buf out = {0};
    struct batch_filter f;
    struct batch_info info;
    int32_t kept;
    make(&batch, "abc", COMPRESSION_NONE);
    batch.data[BATCH_HEADER_BYTES] = 0xff; /* the first record's length */
    batch_filter_init(&f, judge, "a");
    assert_int_equal(batch_parse(batch.data, batch.len, &info), SRT_OK);
    assert_int_equal(batch_filter_run(&f, batch.data, &info, &out, &kept), SRT_ECORRUPT);
    assert_int_equal(out.len, 0);
    batch_filter_fini(&f);
    srt_buf_fini(&batch);
    srt_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stays_keeps_its_offset_and_time),
        cmocka_unit_test(a_batch_of_which_all_stays_is_the_same_bytes),
        cmocka_unit_test(a_deletion_goes_when_its_time_is_over),
        cmocka_unit_test(damaged_records_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
