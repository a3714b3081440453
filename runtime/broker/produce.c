#include "broker/produce.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "broker/broker.h"
#include "record/header.h"
#include "record/partitioner.h"

/* One partition: the batch that is filling, and finished ones behind each other. */
struct lane {
    struct batch_builder builder;
    struct srt_buf finished;
};

struct producer {
    struct broker *broker;
    struct topic *topic;
    const struct srt_clock *clock;
    struct producer_options options;
    struct sticky_partitioner sticky;
    struct lane *lanes;
    int32_t lane_count;      /* the topic's partitions when the producer was made */
    uint64_t finished_bytes; /* in all lanes */
    uint64_t added_count;    /* since the last flush */
    uint64_t durable_count;
};

void producer_options_default(struct producer_options *options)
{
    *options = (struct producer_options){
        .batch_bytes = 64 << 10,
        .pending_bytes = 4 << 20,
    };
}

int producer_create(struct broker *broker, const char *topic_name_,
                    const struct producer_options *options, struct producer **ret,
                    struct srt_err *err)
{
    struct topic *topic = broker_topic_acquire(broker, topic_name_);
    if (!topic) {
        return srt_fail(err, SRT_ENOENT, "topic '%s' does not exist", topic_name_);
    }
    struct producer *producer = srt_xcalloc(1, sizeof *producer);
    producer->broker = broker;
    producer->topic = topic;
    producer->clock = broker_clock(broker);
    if (options) {
        producer->options = *options;
    } else {
        producer_options_default(&producer->options);
    }
    sticky_init(&producer->sticky,
                producer->options.seed ? producer->options.seed : srt_random_u64());
    producer->lane_count = topic_partition_count(topic);
    producer->lanes = srt_xcalloc((size_t)producer->lane_count, sizeof *producer->lanes);
    struct topic_config config;
    topic_get_config(topic, &config);
    for (int32_t i = 0; i < producer->lane_count; i++) {
        batch_builder_init(&producer->lanes[i].builder);
        batch_builder_set_compression(&producer->lanes[i].builder, config.compression);
        srt_buf_init(&producer->lanes[i].finished);
    }
    *ret = producer;
    return SRT_OK;
}

void producer_destroy(struct producer *producer)
{
    if (!producer) {
        return;
    }
    for (int32_t i = 0; i < producer->lane_count; i++) {
        batch_builder_fini(&producer->lanes[i].builder);
        srt_buf_fini(&producer->lanes[i].finished);
    }
    srt_free(producer->lanes);
    topic_unref(producer->topic);
    srt_free(producer);
}

/* Write the finished batches of all lanes, in one write: they become visible together. */
static int write_finished(struct producer *producer, struct srt_err *err)
{
    struct store_append *appends = srt_xcalloc((size_t)producer->lane_count, sizeof *appends);
    uint32_t count = 0;
    for (int32_t i = 0; i < producer->lane_count; i++) {
        struct lane *lane = &producer->lanes[i];
        if (lane->finished.len > 0) {
            appends[count++] = (struct store_append){
                .part = topic_partition(producer->topic, i),
                .batches = lane->finished.data,
                .size_bytes = lane->finished.len,
            };
        }
    }
    struct broker_write write = {.appends = appends, .append_count = count};
    int code = count > 0 ? broker_write_wait(producer->broker, &write, err) : SRT_OK;
    srt_free(appends);
    if (code != SRT_OK) {
        return srt_err_wrap(err, "produce to topic '%s'", topic_name(producer->topic));
    }
    for (int32_t i = 0; i < producer->lane_count; i++) {
        srt_buf_clear(&producer->lanes[i].finished);
    }
    producer->finished_bytes = 0;
    return SRT_OK;
}

/* Move a lane's batch, if it has records, to the finished ones. Out of memory leaves it where it
 * is. */
static int finish(struct producer *producer, struct lane *lane, struct srt_err *err)
{
    if (lane->builder.record_count == 0) {
        return SRT_OK;
    }
    size_t size = batch_builder_size(&lane->builder);
    if (producer->finished_bytes + size > broker_write_bytes_max(producer->broker)) {
        int code = write_finished(producer, err);
        if (code != SRT_OK) {
            return code;
        }
    }
    if (!srt_buf_reserve(&lane->finished, size)) {
        lane->finished.failed = false;
        return srt_fail(err, SRT_ENOMEM, "no memory for a batch of topic '%s'",
                        topic_name(producer->topic));
    }
    const uint8_t *data;
    batch_builder_finish(&lane->builder, &data, &size);
    srt_buf_put(&lane->finished, data, size);
    srt_assert(!srt_buf_failed(&lane->finished));
    batch_builder_clear(&lane->builder);
    producer->finished_bytes += size;
    return SRT_OK;
}

static int choose_partition(struct producer *producer, const struct record *rec, int32_t partition,
                            int32_t *ret, struct srt_err *err)
{
    if (partition >= producer->lane_count || partition < PRODUCE_ANY_PARTITION) {
        return srt_fail(err, SRT_EINVAL,
                        "topic '%s' has no partition %" PRId32 ", only 0 to %" PRId32,
                        topic_name(producer->topic), partition, producer->lane_count - 1);
    }
    if (partition != PRODUCE_ANY_PARTITION) {
        *ret = partition;
    } else if (rec->key_len != RECORD_ABSENT) {
        *ret = partition_for_key(rec->key, rec->key_len, producer->lane_count);
    } else {
        *ret = sticky_partition(&producer->sticky, producer->lane_count);
    }
    return SRT_OK;
}

int producer_add(struct producer *producer, const struct record *rec, int32_t partition,
                 struct srt_err *err)
{
    int code = topic_check_record(producer->topic, rec, err);
    if (code != SRT_OK) {
        return code;
    }
    if (header_check(rec->headers, rec->headers_len, rec->header_count) != SRT_OK) {
        return srt_fail(err, SRT_EINVAL, "the record's headers are not %" PRId32 " whole headers",
                        rec->header_count);
    }
    if (producer->finished_bytes >= producer->options.pending_bytes) {
        code = write_finished(producer, err);
    }
    code = code == SRT_OK ? choose_partition(producer, rec, partition, &partition, err) : code;
    if (code != SRT_OK) {
        return code;
    }
    struct lane *lane = &producer->lanes[partition];
    if (lane->builder.record_count > 0 &&
        batch_builder_size(&lane->builder) + batch_record_size_max(rec) >
            producer->options.batch_bytes) {
        code = finish(producer, lane, err);
        if (code != SRT_OK) {
            return code;
        }
        sticky_batch_full(&producer->sticky);
    }
    struct record copy = *rec;
    if (copy.timestamp_ms == -1) {
        copy.timestamp_ms = srt_clock_wall_ms(producer->clock);
    }
    code = batch_builder_add(&lane->builder, &copy);
    if (code != SRT_OK) {
        return srt_fail(err, code, "record for topic '%s': %s", topic_name(producer->topic),
                        srt_code_text(code));
    }
    producer->added_count++;
    return SRT_OK;
}

int producer_flush(struct producer *producer, struct srt_err *err)
{
    for (int32_t i = 0; i < producer->lane_count; i++) {
        int code = finish(producer, &producer->lanes[i], err);
        if (code != SRT_OK) {
            return code;
        }
    }
    int code = write_finished(producer, err);
    if (code == SRT_OK) {
        producer->durable_count += producer->added_count;
        producer->added_count = 0;
    }
    return code;
}

uint64_t producer_record_count(const struct producer *producer)
{
    return producer->durable_count;
}
