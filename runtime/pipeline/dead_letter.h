/* dead_letter.h - the record that a pipeline gave up on, with the reason in its headers.
 *
 * Owner:   none; the caller's buffer gets the headers.
 * Thread:  any.
 * Memory:  appends to the caller's buffer.
 * Fails:   the buffer's way: ask srt_buf_failed.
 *
 * Key, value and time are the original ones, byte for byte; behind the original headers stand
 * streamrt-dlq-pipeline, -stage, -topic, -partition, -offset, -timestamp, -attempts, -error,
 * -traceback (when there is one) and -failed-at (ms since 1970). */
#ifndef SRT_PIPELINE_DEAD_LETTER_H
#define SRT_PIPELINE_DEAD_LETTER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "pipeline/item.h"

struct dead_letter {
    const char *pipeline;
    const char *stage;
    const struct item_origin *origin;
    int64_t attempts;
    const struct srt_err *error;
    const char *traceback; /* NULL or empty: none */
    int64_t failed_at_ms;
};

/* `ret` borrows from the origin and from `headers`, which is cleared first. */
void dead_letter_make(const struct dead_letter *letter, struct srt_buf *headers,
                      struct record *ret);

#endif
