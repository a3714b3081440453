/*     buf:   | given out before | line \n line \n the beginning of a li|
 *                               ^head               `--scanned--------'
 *
 * Records point into buf, so it is only moved when the next bytes are asked for. A line that grows
 * beyond the limit is cut down to its first bytes at once and counted from there on: an input that
 * never has a line feed costs no memory. */
#include "connect/line_splitter.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

enum { RECORDS_MAX = SRT_HOSTILE ? 3 : 4096 };

void line_splitter_init(struct line_splitter *ls, enum codec codec, uint64_t max_record_bytes)
{
    srt_assert(max_record_bytes > 0 && max_record_bytes <= INT32_MAX);
    *ls = (struct line_splitter){
        .max_record_bytes = (size_t)max_record_bytes,
        .strip_return = codec != CODEC_BYTES,
        .skip_empty = codec == CODEC_JSON,
        .records = srt_xcalloc(RECORDS_MAX, sizeof(struct record)),
    };
}

void line_splitter_fini(struct line_splitter *ls)
{
    srt_buf_fini(&ls->buf);
    srt_free(ls->records);
    *ls = (struct line_splitter){0};
}

void line_splitter_reset(struct line_splitter *ls, int64_t offset)
{
    srt_buf_clear(&ls->buf);
    ls->head = 0;
    ls->scanned = 0;
    ls->offset = offset;
    ls->overlong = false;
    ls->overlong_ended = false;
    ls->overlong_bytes = 0;
}

int64_t line_splitter_end(const struct line_splitter *ls)
{
    if (!ls->overlong) {
        return ls->offset + (int64_t)(ls->buf.len - ls->head);
    }
    size_t behind = ls->buf.len - ls->head - ls->max_record_bytes;
    return ls->offset + ls->overlong_bytes + (int64_t)behind;
}

/* --- filling --- */

uint8_t *line_splitter_space(struct line_splitter *ls, size_t size)
{
    if (ls->head > 0) {
        srt_buf_consume(&ls->buf, ls->head);
        ls->head = 0;
    }
    uint8_t *to = srt_buf_reserve(&ls->buf, size);
    ls->buf.failed = false;
    return to;
}

void line_splitter_filled(struct line_splitter *ls, size_t size)
{
    uint8_t *from = ls->buf.data + ls->buf.len;
    if (!ls->overlong || ls->overlong_ended) {
        ls->buf.len += size;
        return;
    }
    const uint8_t *feed = memchr(from, '\n', size);
    if (!feed) {
        ls->overlong_bytes += (int64_t)size;
        return;
    }
    size_t used = (size_t)(feed - from) + 1;
    ls->overlong_bytes += (int64_t)used;
    ls->overlong_ended = true;
    memmove(from, from + used, size - used);
    ls->buf.len += size - used;
}

/* --- taking --- */

static void add_record(struct line_splitter *ls, struct source_batch *batch, size_t len,
                       int64_t now_ms)
{
    ls->records[batch->count++] = (struct record){
        .value = ls->buf.data + ls->head,
        .value_len = (int32_t)len,
        .key_len = RECORD_ABSENT,
        .timestamp_ms = now_ms,
        .offset = ls->offset,
    };
}

static void add_bad_record(struct line_splitter *ls, struct source_batch *batch, int64_t line_bytes,
                           int64_t now_ms)
{
    batch->bad_index = batch->count;
    (void)srt_fail(&batch->bad, SRT_ETOOBIG,
                   "line of %" PRId64 " bytes is longer than max_record_bytes (%zu)", line_bytes,
                   ls->max_record_bytes);
    add_record(ls, batch, ls->max_record_bytes, now_ms);
}

static void take_overlong(struct line_splitter *ls, struct source_batch *batch, int64_t now_ms)
{
    add_bad_record(ls, batch, ls->overlong_bytes - ls->overlong_ended, now_ms);
    ls->head += ls->max_record_bytes;
    ls->offset += ls->overlong_bytes;
    ls->scanned = 0;
    ls->overlong = false;
    ls->overlong_ended = false;
    ls->overlong_bytes = 0;
}

/* The line at head has no end yet: keep only its first bytes when it is too long already. */
static void cut_if_overlong(struct line_splitter *ls)
{
    size_t have = ls->buf.len - ls->head;
    ls->scanned = have;
    if (have > ls->max_record_bytes + ls->strip_return) {
        ls->overlong = true;
        ls->overlong_bytes = (int64_t)have;
        ls->buf.len = ls->head + ls->max_record_bytes;
    }
}

/* One line of `total` bytes with its end; returns false when it was bad. */
static bool take_line(struct line_splitter *ls, struct source_batch *batch, size_t total,
                      bool ended, int64_t now_ms)
{
    size_t len = total - ended;
    if (ls->strip_return && ended && len > 0 && ls->buf.data[ls->head + len - 1] == '\r') {
        len--;
    }
    bool fits = len <= ls->max_record_bytes;
    if (!fits) {
        add_bad_record(ls, batch, (int64_t)len, now_ms);
    } else if (len > 0 || !ls->skip_empty) {
        add_record(ls, batch, len, now_ms);
    }
    ls->head += total;
    ls->offset += (int64_t)total;
    ls->scanned = 0;
    return fits;
}

void line_splitter_take(struct line_splitter *ls, size_t max_bytes, bool at_end, int64_t now_ms,
                        struct source_batch *ret)
{
    struct source_batch batch = {.records = ls->records, .bad_index = -1};
    int64_t start = ls->offset;
    bool more = true;
    /* Lines that are no records do not fill a batch: none means that there is none. */
    while (more && batch.count < RECORDS_MAX &&
           (batch.count == 0 || ls->offset - start < (int64_t)max_bytes)) {
        if (ls->overlong) {
            if (ls->overlong_ended || at_end) {
                take_overlong(ls, &batch, now_ms);
            }
            break;
        }
        size_t have = ls->buf.len - ls->head;
        if (have == 0) {
            break;
        }
        const uint8_t *from = ls->buf.data + ls->head;
        const uint8_t *feed = memchr(from + ls->scanned, '\n', have - ls->scanned);
        if (feed) {
            more = take_line(ls, &batch, (size_t)(feed - from) + 1, true, now_ms);
        } else if (at_end) {
            more = take_line(ls, &batch, have, false, now_ms);
        } else {
            cut_if_overlong(ls);
            break;
        }
    }
    batch.next_offset = ls->offset;
    *ret = batch;
}
