/* table_format.h - rows for people: columns as wide as their widest cell, numbers to the right.
 *
 * Owner:   the caller: init/fini.
 * Thread:  one at a time.
 * Memory:  control plane; keeps every cell until it is written.
 * Fails:   never. */
#ifndef SRT_CLI_TABLE_FORMAT_H
#define SRT_CLI_TABLE_FORMAT_H

#include "base/buf.h"

#include <stddef.h>

struct table_column {
    const char *title; /* NULL ends the list */
    int numeric;       /* to the right */
};

struct table_format {
    const struct table_column *columns;
    size_t column_count;
    char **cells;
    size_t cell_count;
    size_t cell_cap;
};

void table_format_init(struct table_format *table, const struct table_column *columns);
void table_format_fini(struct table_format *table);

/* The next cell, row by row. */
void table_format_cell(struct table_format *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void table_format_put(const struct table_format *table, struct srt_buf *to);

#endif
