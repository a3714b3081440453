#include "cli/table_format.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <stdarg.h>
#include <string.h>

void table_format_init(struct table_format *table, const struct table_column *columns)
{
    *table = (struct table_format){.columns = columns};
    while (columns[table->column_count].title) {
        table->column_count++;
    }
}

void table_format_fini(struct table_format *table)
{
    for (size_t i = 0; i < table->cell_count; i++) {
        srt_free(table->cells[i]);
    }
    srt_free(table->cells);
    *table = (struct table_format){.columns = NULL};
}

void table_format_cell(struct table_format *table, const char *format, ...)
{
    struct srt_buf text;
    va_list args;
    srt_buf_init(&text);
    va_start(args, format);
    srt_buf_vprintf(&text, format, args);
    va_end(args);
    if (table->cell_count == table->cell_cap) {
        table->cell_cap = table->cell_cap ? table->cell_cap * 2 : 32;
        table->cells = srt_xrealloc(table->cells, table->cell_cap * sizeof *table->cells);
    }
    table->cells[table->cell_count++] = srt_xstrdup(srt_buf_cstr(&text));
    srt_buf_fini(&text);
}

/* Columns of a terminal: bytes that begin a character. Names are ASCII nearly always. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void put_cell(struct srt_buf *to, const char *text, size_t width, int numeric, int last)
{
    size_t pad = width - width_of(text);
    for (size_t i = 0; numeric && i < pad; i++) {
        srt_buf_put_u8(to, ' ');
    }
    srt_buf_put_str(to, text);
    for (size_t i = 0; !numeric && !last && i < pad; i++) {
        srt_buf_put_u8(to, ' ');
    }
    srt_buf_put_str(to, last ? "\n" : "  ");
}

void table_format_put(const struct table_format *table, struct srt_buf *to)
{
    size_t n = table->column_count;
    srt_assert(table->cell_count % n == 0);
    size_t *widths = srt_xcalloc(n, sizeof *widths);
    for (size_t c = 0; c < n; c++) {
        widths[c] = width_of(table->columns[c].title);
        for (size_t i = c; i < table->cell_count; i += n) {
            size_t width = width_of(table->cells[i]);
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    for (size_t c = 0; c < n; c++) {
        put_cell(to, table->columns[c].title, widths[c], table->columns[c].numeric, c == n - 1);
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t c = i % n;
        put_cell(to, table->cells[i], widths[c], table->columns[c].numeric, c == n - 1);
    }
    srt_free(widths);
}
