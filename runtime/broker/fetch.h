/* fetch.h - reading one partition, batch by batch: the reader that all above the broker use.
 *
 * Owner:   whoever opens it closes it.
 * Thread:  one at a time per fetcher; `moved` comes on the store thread and must not block.
 * Memory:  none but what it appends to the caller's buffer; it keeps the topic alive.
 * Fails:   SRT_ENOENT: the topic was deleted, or has no such partition; SRT_ERANGE: the offset is
 *          below the log's start (retention took it) or beyond its end; SRT_ECORRUPT, SRT_EIO. */
#ifndef SRT_BROKER_FETCH_H
#define SRT_BROKER_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "record/topic_id.h"

struct broker;
struct fetcher;

/* `moved` (or NULL) is called when there is something to fetch after a poll that found nothing, and
 * when the topic is deleted. */
int fetcher_open(struct broker *broker, const struct topic_id *topic_id, int32_t partition,
                 int64_t offset, void (*moved)(void *arg), void *arg, struct fetcher **ret,
                 struct srt_err *err);
void fetcher_close(struct fetcher *fetcher); /* accepts NULL; `moved` is not running afterwards */

/* Append whole batches to `to`, about max_bytes and at least one when there is any, and go on
 * behind them. The first may begin below the fetcher's offset: those records are to be skipped. */
int fetcher_poll(struct fetcher *fetcher, size_t max_bytes, struct srt_buf *to,
                 struct srt_err *err);

int64_t fetcher_offset(const struct fetcher *fetcher); /* the next one that it will return */
int64_t fetcher_start(const struct fetcher *fetcher);  /* of the log: the first one there is */
int64_t fetcher_end(const struct fetcher *fetcher);    /* high watermark: the next to be written */

/* Go on elsewhere; SRT_ERANGE when it is not between start and end. */
int fetcher_seek(struct fetcher *fetcher, int64_t offset, struct srt_err *err);

/* --- without a fetcher --- */

int fetch_range(struct broker *broker, const struct topic_id *topic_id, int32_t partition,
                int64_t *ret_start, int64_t *ret_end, struct srt_err *err);

/* The first offset whose record is at or after a time (ms since 1970); the end when there is
 * none. */
int fetch_offset_for_time(struct broker *broker, const struct topic_id *topic_id, int32_t partition,
                          int64_t timestamp_ms, int64_t *ret_offset, struct srt_err *err);

#endif
