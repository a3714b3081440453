/* record.h - one record: a key, a value, a time and headers, as bytes that live somewhere else.
 *
 * Owner:   borrows: the bytes belong to a batch, a line buffer or a script value.
 * Thread:  any; it is only data.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_RECORD_RECORD_H
#define SRT_RECORD_RECORD_H

#include <stdint.h>

enum { RECORD_ABSENT = -1 }; /* as key_len: no key; as value_len: a tombstone */

struct record {
    const uint8_t *key;
    const uint8_t *value;
    const uint8_t *headers; /* as in a Kafka record, after the count: see record/header.h */
    int32_t key_len;
    int32_t value_len;
    uint32_t headers_len;
    int32_t header_count;
    int64_t timestamp_ms; /* since 1970-01-01 UTC; -1 none */
    int64_t offset;       /* in its partition; -1 before it has one */
};

#endif
