#include "pipeline/dead_letter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "record/header.h"

/* A traceback is for people; a deep one says no more than its beginning. */
enum { TRACEBACK_BYTES_MAX = 4096 };

struct writer {
    struct srt_buf *to;
    int32_t count;
};

static void put_text(struct writer *w, const char *name, const char *text, size_t max)
{
    size_t len = strnlen(text, max);
    header_put(w->to, name, strlen(name), text, (int32_t)len);
    w->count++;
}

static void put_number(struct writer *w, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    put_text(w, name, text, sizeof text);
}

void dead_letter_make(const struct dead_letter *letter, struct srt_buf *headers, struct record *ret)
{
    const struct record *rec = &letter->origin->rec;
    struct writer w = {.to = headers, .count = rec->header_count};
    srt_buf_clear(headers);
    srt_buf_put(headers, rec->headers, rec->headers_len);
    put_text(&w, "streamrt-dlq-pipeline", letter->pipeline, SIZE_MAX);
    put_text(&w, "streamrt-dlq-stage", letter->stage, SIZE_MAX);
    put_text(&w, "streamrt-dlq-topic", letter->origin->topic, SIZE_MAX);
    put_number(&w, "streamrt-dlq-partition", letter->origin->partition);
    put_number(&w, "streamrt-dlq-offset", rec->offset);
    put_number(&w, "streamrt-dlq-timestamp", rec->timestamp_ms);
    put_number(&w, "streamrt-dlq-attempts", letter->attempts);
    put_text(&w, "streamrt-dlq-error", letter->error->msg, sizeof letter->error->msg);
    if (letter->traceback && letter->traceback[0]) {
        put_text(&w, "streamrt-dlq-traceback", letter->traceback, TRACEBACK_BYTES_MAX);
    }
    put_number(&w, "streamrt-dlq-failed-at", letter->failed_at_ms);
    *ret = *rec;
    ret->headers = headers->data;
    ret->headers_len = (uint32_t)headers->len;
    ret->header_count = w.count;
}
