/* limit_json.h - the cheapest correct way to a field of a flat JSON record: no checks, no index.
 *
 * Owner:   nobody; functions over the caller's text.
 * Thread:  any.
 * Memory:  none. Reads up to 16 bytes behind the record.
 * Fails:   never: the records are our own. */
#ifndef SRT_BENCH_LIMIT_JSON_H
#define SRT_BENCH_LIMIT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct limit_field {
    const char *key; /* without quotes */
    size_t key_len;
    const char *value; /* as it stands in the text */
    size_t value_len;
};

/* Walk over the members: *at begins behind the '{'; false behind the last. */
bool limit_json_next(const char **at, struct limit_field *ret);

bool limit_json_find(const char *record, const char *key, size_t key_len, struct limit_field *ret);

/* A number's text: true when it is an integer. */
bool limit_json_number(const char *text, size_t len, int64_t *ret_integer, double *ret_number);

#endif
