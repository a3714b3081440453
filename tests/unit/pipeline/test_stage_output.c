/* Where records go: topics, files, standard output, and in which form. */
#include "base/alloc.h"
#include "support/cmocka_srt.h"
#include "support/pipeline_fixture.h"

static void assert_sink(struct fixture *fix, const char *expected)
{
    char *text = srt_xstrndup((const char *)fix->sink.data, fix->sink.len);
    assert_string_equal(text, expected);
    srt_free(text);
}

static void a_computed_topic_is_created_and_must_be_a_name(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"c\":\"at\"}");
    fixture_produce(fix, "in", "b", "{}");
    fixture_produce(fix, "in", "c", "{\"c\":\"__streamrt-x\"}");
    fixture_run_steps(fix, "      - to: { fn: v.c }\n");
    fixture_assert_topic(fix, "at", "a={\"c\":\"at\"}\n");
    fixture_assert_topic(fix, "p.dlq", "b={}\nc={\"c\":\"__streamrt-x\"}\n");
}

static void text_goes_out_as_it_came_unless_a_codec_says_otherwise(void **state)
{
    struct fixture *fix = *state;
    fixture_load(fix,
                 "pipelines:\n"
                 "  p:\n"
                 "    from: { topic: in, codec: text }\n"
                 "    steps:\n"
                 "      - branch:\n"
                 "          - { when: v == 'table', steps: [ map: '{ t = v }', to: tables ] }\n"
                 "          - { when: v == 'json', to: { topic: quoted, codec: json } }\n"
                 "          - { steps: [ map: 'v:upper()', to: plain ] }\n");
    fixture_produce(fix, "in", "a", "table");
    fixture_produce(fix, "in", "b", "json");
    fixture_produce(fix, "in", "c", "other");
    fixture_drain(fix);
    fixture_assert_topic(fix, "tables", "a={\"t\":\"table\"}\n");
    fixture_assert_topic(fix, "quoted", "b=\"json\"\n");
    fixture_assert_topic(fix, "plain", "c=OTHER\n");
}

static void a_record_larger_than_its_topic_takes_is_dead_lettered(void **state)
{
    struct fixture *fix = *state;
    struct srt_err err;
    assert_ok(engine_memory_create_topic(fix->engine, "small", 1, 100, &err), &err);
    fixture_produce(fix, "in", "a", "{\"n\":10}");
    fixture_produce(fix, "in", "b", "{\"n\":1000}");
    fixture_run_steps(fix, "      - map: ('x'):rep(v.n)\n"
                           "      - to: small\n");
    fixture_assert_topic(fix, "small", "a=\"xxxxxxxxxx\"\n");
    fixture_assert_topic(fix, "p.dlq", "b={\"n\":1000}\n");
    char *error = fixture_header(fix, "p.dlq", "streamrt-dlq-error");
    assert_contains(error, "larger than topic 'small' takes (100)");
    srt_free(error);
    assert_int_equal(fixture_counters(fix, "p").out, 1);
}

static void a_file_gets_one_line_a_record(void **state)
{
    struct fixture *fix = *state;
    fix->options.worker_count = 1;
    struct srt_err err;
    assert_ok(engine_memory_create_topic(fix->engine, "in", 1, 1 << 20, &err), &err);
    fixture_produce(fix, "in", "a", "{\"n\":\n 1}");
    fixture_produce(fix, "in", "b", "\"two\"");
    fixture_produce(fix, "in", "c", NULL);
    fixture_run_steps(fix, "      - to_file: /tmp/not-written\n");
    assert_sink(fix, "{\"n\":  1}\n\"two\"\nnull\n");
    assert_int_equal(fixture_counters(fix, "p").out, 3);
}

static void print_writes_a_label_and_passes_on(void **state)
{
    struct fixture *fix = *state;
    fixture_produce(fix, "in", "a", "{\"n\":1}");
    fixture_run_steps(fix, "      - print: seen\n"
                           "      - to: out\n");
    assert_sink(fix, "seen: {\"n\":1}\n");
    fixture_assert_topic(fix, "out", "a={\"n\":1}\n");
    assert_int_equal(fixture_counters(fix, "p").out, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_computed_topic_is_created_and_must_be_a_name),
        fixture_test(text_goes_out_as_it_came_unless_a_codec_says_otherwise),
        fixture_test(a_record_larger_than_its_topic_takes_is_dead_lettered),
        fixture_test(a_file_gets_one_line_a_record),
        fixture_test(print_writes_a_label_and_passes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
