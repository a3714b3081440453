/* header.h - a record's headers: names with optional values, in the encoding of Kafka's record.
 *
 * Owner:   the caller's buffer.
 * Thread:  any.
 * Memory:  header_put appends to the caller's buffer.
 * Fails:   header_next: SRT_EEND after the last, SRT_ECORRUPT.
 *
 * One header is varint name length, name, varint value length (-1: none), value. */
#ifndef SRT_RECORD_HEADER_H
#define SRT_RECORD_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "record/record.h"

struct header {
    const uint8_t *name;
    int32_t name_len;
    const uint8_t *value;
    int32_t value_len; /* RECORD_ABSENT: none */
};

void header_put(struct srt_buf *to, const char *name, size_t name_len, const void *value,
                int32_t value_len);

/* Walk: start with *at = 0. */
int header_next(const uint8_t *headers, uint32_t headers_len, uint32_t *at, struct header *ret);

/* Whether the bytes are exactly `count` well-formed headers. */
int header_check(const uint8_t *headers, uint32_t headers_len, int32_t count);

#endif
