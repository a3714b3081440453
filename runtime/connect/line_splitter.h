/* line_splitter.h - bytes of an input cut into lines, each a record.
 *
 * Owner:   a source embeds it.
 * Thread:  the source's worker.
 * Memory:  one buffer, of the longest line and one read at most; a fixed number of records. What
 *          was taken stays valid until the next line_splitter_space().
 * Fails:   line_splitter_init ends the process without memory; line_splitter_space: NULL.
 *
 * A line ends at a line feed. Under text and json a carriage return before it does not belong to
 * the line, under json an empty line is no record. A line beyond max_record_bytes becomes a record
 * of its first bytes that is marked as bad; the rest of it is passed over without being kept. */
#ifndef SRT_CONNECT_LINE_SPLITTER_H
#define SRT_CONNECT_LINE_SPLITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "pipeline/connector.h"
#include "record/codec.h"

struct line_splitter {
    struct srt_buf buf;
    size_t head;    /* where the next line begins in buf */
    size_t scanned; /* so many bytes from there hold no line feed */
    int64_t offset; /* of the next line in the input */
    size_t max_record_bytes;
    bool strip_return;
    bool skip_empty;
    /* A line that is too long and has not ended: its first bytes are in buf, the others only
     * counted. */
    bool overlong;
    bool overlong_ended;
    int64_t overlong_bytes; /* of the whole line so far, its line feed included */
    struct record *records;
};

void line_splitter_init(struct line_splitter *ls, enum codec codec, uint64_t max_record_bytes);
void line_splitter_fini(struct line_splitter *ls);

/* Forget what is there and go on at this offset of the input. */
void line_splitter_reset(struct line_splitter *ls, int64_t offset);

/* Room for `size` bytes more; NULL when out of memory, and nothing has changed. */
uint8_t *line_splitter_space(struct line_splitter *ls, size_t size);
void line_splitter_filled(struct line_splitter *ls, size_t size); /* so many were put there */

/* The next records, of about max_bytes, at most one of them bad (and then the last); none only when
 * there is none in what was put in. `at_end`: what is left without a line feed is a line, too. */
void line_splitter_take(struct line_splitter *ls, size_t max_bytes, bool at_end, int64_t now_ms,
                        struct source_batch *ret);

/* Where in the input the bytes end that were put in. */
int64_t line_splitter_end(const struct line_splitter *ls);

#endif
