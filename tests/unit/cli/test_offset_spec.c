#include "cli/offset_spec.h"
#include "support/cmocka_srt.h"

enum { HOUR_MS = 3600000 };
static const int64_t now_ms = 1800000000000;

struct spec_case {
    const char *text;
    struct offset_spec expected;
};

static const struct spec_case good[] = {
    {"start", {{OFFSET_START, 0}, {OFFSET_END, 0}}},
    {"end", {{OFFSET_END, 0}, {OFFSET_END, 0}}},
    {"42", {{OFFSET_EXACT, 42}, {OFFSET_END, 0}}},
    {"+10", {{OFFSET_START, 10}, {OFFSET_END, 0}}},
    {"-10", {{OFFSET_END, 10}, {OFFSET_END, 0}}},
    {"42:99", {{OFFSET_EXACT, 42}, {OFFSET_EXACT, 99}}},
    {":99", {{OFFSET_START, 0}, {OFFSET_EXACT, 99}}},
    {":end", {{OFFSET_START, 0}, {OFFSET_END, 0}}},
    {"-10:end", {{OFFSET_END, 10}, {OFFSET_END, 0}}},
    {"@-1h", {{OFFSET_TIME, 1800000000000 - HOUR_MS}, {OFFSET_END, 0}}},
    {"@-1h:5m",
     {{OFFSET_TIME, 1800000000000 - HOUR_MS}, {OFFSET_TIME, 1800000000000 - HOUR_MS + 300000}}},
    {"@-2h:@-1h",
     {{OFFSET_TIME, 1800000000000 - 2 * HOUR_MS}, {OFFSET_TIME, 1800000000000 - HOUR_MS}}},
    {"@1431857103000", {{OFFSET_TIME, 1431857103000}, {OFFSET_END, 0}}},
    {"@2015-05-17T10:05:03Z", {{OFFSET_TIME, 1431857103000}, {OFFSET_END, 0}}},
    {"@2015-05-17T12:05:03+02:00", {{OFFSET_TIME, 1431857103000}, {OFFSET_END, 0}}},
    {"@2015-05-17T10:05:03.250Z", {{OFFSET_TIME, 1431857103250}, {OFFSET_END, 0}}},
    {"@2015-05-17T10:05:03Z:5m", {{OFFSET_TIME, 1431857103000}, {OFFSET_TIME, 1431857403000}}},
    {"@2015-05-17T10:05:5m", {{OFFSET_TIME, 1431857100000}, {OFFSET_TIME, 1431857400000}}},
    {"@2000-02-29", {{OFFSET_TIME, 951782400000}, {OFFSET_END, 0}}},
    {"@2024-03-01", {{OFFSET_TIME, 1709251200000}, {OFFSET_END, 0}}},
};

static void reads_every_spelling(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct offset_spec spec;
        struct srt_err err = {0};
        if (offset_spec_parse(good[i].text, now_ms, &spec, &err) != SRT_OK) {
            fail_msg("%s", err.msg);
        }
        assert_int_equal(spec.from.kind, good[i].expected.from.kind);
        assert_int_equal(spec.from.value, good[i].expected.from.value);
        assert_int_equal(spec.to.kind, good[i].expected.to.kind);
        assert_int_equal(spec.to.value, good[i].expected.to.value);
    }
}

static void refuses_what_it_does_not_know(void **state)
{
    static const char *const bad[] = {"",
                                      "now",
                                      "@",
                                      "@yesterday",
                                      "+",
                                      "-",
                                      "4x",
                                      "42:",
                                      "@-1",
                                      "42:99:1",
                                      "--10",
                                      "@2015-13-01",
                                      "@2015-05-17T25:00Z",
                                      "99999999999999999999",
                                      "42 "};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct offset_spec spec;
        struct srt_err err = {0};
        if (offset_spec_parse(bad[i], now_ms, &spec, &err) != SRT_EPARSE) {
            fail_msg("'%s' was accepted", bad[i]);
        }
        assert_non_null(strstr(err.msg, "expected start"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_spelling),
        cmocka_unit_test(refuses_what_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
