/* record_format.h - a record as a line of text: one JSON object, or a format of the user's own.
 *
 * Owner:   the caller's buffer; a compiled format belongs to the caller.
 * Thread:  any.
 * Memory:  appends to the buffer.
 * Fails:   record_format_parse: SRT_EPARSE with what is wrong in the format.
 *
 *     {"topic":"orders","partition":0,"offset":7,"timestamp":1431857103000,"key":"k1",
 *      "value":{"n":1},"headers":[["source","web"]]}
 *
 * A value that is JSON is embedded as JSON, other UTF-8 becomes a string, anything else stands as
 * "value_base64"; a tombstone is null. A key is always a string, "key_base64", or null. The value
 * of a header is a string, null, or {"base64": "..."}. */
#ifndef SRT_CLI_RECORD_FORMAT_H
#define SRT_CLI_RECORD_FORMAT_H

#include "base/buf.h"
#include "base/err.h"
#include "record/record.h"

#include <stdint.h>

/* With the newline. */
void record_format_json(struct srt_buf *to, const char *topic, int32_t partition,
                        const struct record *rec);

/* A format: text with %t topic, %p partition, %o offset, %k key, %v value, %h headers
 * (name=value,...), %d timestamp in ms, %% and the escapes \n \t \r \0 \\. Keys and values are
 * written as they are. */
struct record_format {
    struct srt_buf ops; /* literal bytes, and a zero byte with a letter for each field */
};

int record_format_parse(struct record_format *format, const char *text, struct srt_err *err);
void record_format_fini(struct record_format *format);
void record_format_put(const struct record_format *format, struct srt_buf *to, const char *topic,
                       int32_t partition, const struct record *rec);

#endif
