/* json_padded.h - json_index_padded() gives what json_index() gives, whatever the text is.
 *
 * Owner:   none.
 * Thread:  any.
 * Memory:  blocks without a byte to spare, freed.
 * Fails:   the test. */
#ifndef SRT_UNIT_JSON_PADDED_H
#define SRT_UNIT_JSON_PADDED_H

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "record/json.h"

static inline void json_padded_check(const char *text, size_t size)
{
    char *exact = malloc(size + (size == 0));
    char *padded = calloc(1, size + JSON_PAD_BYTES);
    memcpy(exact, text, size);
    memcpy(padded, text, size);
    struct json_index a;
    struct json_index b;
    json_index_init(&a);
    json_index_init(&b);
    size_t a_at = SIZE_MAX;
    size_t b_at = SIZE_MAX;
    assert_int_equal(json_index_padded(&b, padded, size, &b_at),
                     json_index(&a, exact, size, &a_at));
    assert_int_equal(a_at, b_at);
    assert_int_equal(a.count, b.count);
    if (a_at == SIZE_MAX) {
        assert_int_equal(a.type, b.type);
        assert_memory_equal(&a.root, &b.root, sizeof a.root);
    }
    if (a.count) {
        assert_memory_equal(a.slots, b.slots, a.count * sizeof *a.slots);
    }
    json_index_fini(&a);
    json_index_fini(&b);
    free(exact);
    free(padded);
}

#endif
