#include "broker/fetch.h"

#include <inttypes.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "broker/broker.h"

struct fetcher {
    struct topic *topic;
    struct partition *part;
    int32_t partition;
    int64_t offset;
    struct partition_watch watch;
    void (*moved)(void *arg);
    void *arg;
    /* A poll found nothing, and nobody was told since. Both sides exchange: either the store sees
     * that the reader waits, or the reader sees what the store has made visible before. */
    _Atomic bool waiting;
};

static void on_moved(void *arg)
{
    struct fetcher *fetcher = arg;
    if (srt_exchange(&fetcher->waiting, false)) {
        fetcher->moved(fetcher->arg);
    }
}

static int acquire(struct broker *broker, const struct topic_id *topic_id, int32_t partition,
                   struct topic **ret_topic, struct partition **ret_part, struct srt_err *err)
{
    struct topic *topic = broker_topic_acquire_id(broker, topic_id);
    if (!topic) {
        char text[TOPIC_ID_TEXT_MAX];
        return srt_fail(err, SRT_ENOENT, "topic %s does not exist",
                        topic_id_format(text, topic_id));
    }
    struct partition *part = topic_partition(topic, partition);
    if (!part) {
        int code = srt_fail(err, SRT_ENOENT, "topic '%s' has no partition %" PRId32,
                            topic_name(topic), partition);
        topic_unref(topic);
        return code;
    }
    *ret_topic = topic;
    *ret_part = part;
    return SRT_OK;
}

static int check_range(const struct fetcher *fetcher, int64_t offset, struct srt_err *err)
{
    int64_t start = partition_log_start(fetcher->part);
    int64_t end = partition_high_watermark(fetcher->part);
    if (offset < start || offset > end) {
        return srt_fail(err, SRT_ERANGE,
                        "topic '%s' partition %" PRId32 ": offset %" PRId64
                        " is not there, only %" PRId64 " to %" PRId64,
                        topic_name(fetcher->topic), fetcher->partition, offset, start, end);
    }
    return SRT_OK;
}

int fetcher_open(struct broker *broker, const struct topic_id *topic_id, int32_t partition,
                 int64_t offset, void (*moved)(void *arg), void *arg, struct fetcher **ret,
                 struct srt_err *err)
{
    struct fetcher *fetcher = srt_xcalloc(1, sizeof *fetcher);
    int code = acquire(broker, topic_id, partition, &fetcher->topic, &fetcher->part, err);
    if (code != SRT_OK) {
        srt_free(fetcher);
        return code;
    }
    fetcher->partition = partition;
    fetcher->offset = offset;
    fetcher->moved = moved;
    fetcher->arg = arg;
    code = check_range(fetcher, offset, err);
    if (code != SRT_OK) {
        topic_unref(fetcher->topic);
        srt_free(fetcher);
        return code;
    }
    if (moved) {
        fetcher->watch = (struct partition_watch){.moved = on_moved, .arg = fetcher};
        partition_watch_add(fetcher->part, &fetcher->watch);
    }
    *ret = fetcher;
    return SRT_OK;
}

void fetcher_close(struct fetcher *fetcher)
{
    if (!fetcher) {
        return;
    }
    if (fetcher->moved) {
        partition_watch_remove(fetcher->part, &fetcher->watch);
    }
    topic_unref(fetcher->topic);
    srt_free(fetcher);
}

/* The bytes were read and checked by the store: they are whole batches. */
static int64_t offset_behind(const struct srt_buf *batches, size_t from)
{
    int64_t next = -1;
    while (from < batches->len) {
        struct batch_info info;
        int code = batch_parse(batches->data + from, batches->len - from, &info);
        srt_assert(code == SRT_OK);
        next = batch_last_offset(&info) + 1;
        from += info.size_bytes;
    }
    return next;
}

int fetcher_poll(struct fetcher *fetcher, size_t max_bytes, struct srt_buf *to, struct srt_err *err)
{
    if (topic_deleted(fetcher->topic)) {
        return srt_fail(err, SRT_ENOENT, "topic '%s' was deleted", topic_name(fetcher->topic));
    }
    if (fetcher->offset >= partition_high_watermark(fetcher->part)) {
        (void)srt_exchange(&fetcher->waiting, true);
        if (fetcher->offset >= partition_high_watermark(fetcher->part)) {
            return SRT_OK;
        }
    }
    size_t before = to->len;
    int code = partition_read(fetcher->part, fetcher->offset, max_bytes, to, err);
    if (code != SRT_OK) {
        to->len = before;
        return code;
    }
    if (to->len > before) {
        fetcher->offset = offset_behind(to, before);
    }
    return SRT_OK;
}

int64_t fetcher_offset(const struct fetcher *fetcher)
{
    return fetcher->offset;
}

int64_t fetcher_start(const struct fetcher *fetcher)
{
    return partition_log_start(fetcher->part);
}

int64_t fetcher_end(const struct fetcher *fetcher)
{
    return partition_high_watermark(fetcher->part);
}

int fetcher_seek(struct fetcher *fetcher, int64_t offset, struct srt_err *err)
{
    int code = check_range(fetcher, offset, err);
    if (code == SRT_OK) {
        fetcher->offset = offset;
    }
    return code;
}

int fetch_range(struct broker *broker, const struct topic_id *topic_id, int32_t partition,
                int64_t *ret_start, int64_t *ret_end, struct srt_err *err)
{
    struct topic *topic;
    struct partition *part;
    int code = acquire(broker, topic_id, partition, &topic, &part, err);
    if (code == SRT_OK) {
        *ret_start = partition_log_start(part);
        *ret_end = partition_high_watermark(part);
        topic_unref(topic);
    }
    return code;
}

int fetch_offset_for_time(struct broker *broker, const struct topic_id *topic_id, int32_t partition,
                          int64_t timestamp_ms, int64_t *ret_offset, struct srt_err *err)
{
    struct topic *topic;
    struct partition *part;
    int code = acquire(broker, topic_id, partition, &topic, &part, err);
    if (code != SRT_OK) {
        return code;
    }
    int64_t offset;
    int64_t found_ms;
    code = partition_offset_for_time(part, timestamp_ms, &offset, &found_ms, err);
    if (code == SRT_ENOENT) {
        offset = partition_high_watermark(part);
        srt_err_clear(err);
        code = SRT_OK;
    }
    if (code == SRT_OK) {
        *ret_offset = offset;
    }
    topic_unref(topic);
    return code;
}
