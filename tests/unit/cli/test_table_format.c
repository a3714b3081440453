#include "cli/table_format.h"
#include "support/cmocka_srt.h"

static const struct table_column columns[] = {{"NAME", 0}, {"COUNT", 1}, {"NOTE", 0}, {NULL, 0}};

static void columns_fit_their_widest_cell(void **state)
{
    struct table_format table;
    struct srt_buf buf = {0};
    (void)state;
    table_format_init(&table, columns);
    table_format_cell(&table, "a");
    table_format_cell(&table, "%d", 1234567);
    table_format_cell(&table, "x");
    table_format_cell(&table, "a longer name");
    table_format_cell(&table, "%d", 1);
    table_format_cell(&table, "caf\xc3\xa9");
    table_format_put(&table, &buf);
    assert_string_equal(srt_buf_cstr(&buf), "NAME             COUNT  NOTE\n"
                                            "a              1234567  x\n"
                                            "a longer name        1  caf\xc3\xa9\n");
    table_format_fini(&table);
    srt_buf_fini(&buf);
}

static void no_rows_still_name_the_columns(void **state)
{
    struct table_format table;
    struct srt_buf buf = {0};
    (void)state;
    table_format_init(&table, columns);
    table_format_put(&table, &buf);
    assert_string_equal(srt_buf_cstr(&buf), "NAME  COUNT  NOTE\n");
    table_format_fini(&table);
    srt_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_fit_their_widest_cell),
        cmocka_unit_test(no_rows_still_name_the_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
