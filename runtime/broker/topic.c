#include "broker/topic.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "broker/topic_impl.h"
#include "store/partition.h"

enum {
    DAY_MS = 24 * 60 * 60 * 1000,
    SEGMENT_BYTES_MIN = 1024,    /* tests roll quickly; a user gains nothing below a few MiB */
    SEGMENT_BYTES_MAX = 1 << 30, /* offset indexes hold 32-bit positions */
};

const char *const topic_cleanup_names[TOPIC_CLEANUP_COUNT + 1] = {
    "delete",
    "compact",
    "compact,delete",
    NULL,
};

void topic_config_default(struct topic_config *config)
{
    *config = (struct topic_config){
        .partition_count = 3,
        .retention_ms = INT64_C(7) * DAY_MS,
        .retention_bytes = -1,
        .segment_bytes = UINT64_C(128) << 20,
        .segment_ms = INT64_C(7) * DAY_MS,
        .max_record_bytes = UINT64_C(1) << 20,
        .delete_retention_ms = DAY_MS,
    };
}

static int check_cleanup(const struct topic_config *config, struct srt_err *err)
{
    if ((unsigned)config->cleanup >= TOPIC_CLEANUP_COUNT) {
        return srt_fail(err, SRT_EINVAL, "cleanup %d; the last one is %d (%s)",
                        (int)config->cleanup, TOPIC_CLEANUP_COUNT - 1,
                        topic_cleanup_names[TOPIC_CLEANUP_COUNT - 1]);
    }
    if (config->delete_retention_ms < 0) {
        return srt_fail(err, SRT_EINVAL, "delete_retention of %" PRId64 " ms; it is at least 0",
                        config->delete_retention_ms);
    }
    return SRT_OK;
}

int topic_config_check(const struct topic_config *config, struct srt_err *err)
{
    if (config->partition_count < 1 || config->partition_count > SRT_TOPIC_PARTITIONS_MAX) {
        return srt_fail(err, SRT_EINVAL, "%" PRId32 " partitions; a topic has 1 to %d",
                        config->partition_count, SRT_TOPIC_PARTITIONS_MAX);
    }
    if (config->retention_ms < 1 && config->retention_ms != -1) {
        return srt_fail(err, SRT_EINVAL,
                        "retention of %" PRId64 " ms; it is at least 1, or -1 for ever",
                        config->retention_ms);
    }
    if (config->retention_bytes < 1 && config->retention_bytes != -1) {
        return srt_fail(err, SRT_EINVAL,
                        "retention of %" PRId64 " bytes; it is at least 1, or -1 for any",
                        config->retention_bytes);
    }
    if (config->segment_bytes < SEGMENT_BYTES_MIN || config->segment_bytes > SEGMENT_BYTES_MAX) {
        return srt_fail(err, SRT_EINVAL, "segments of %" PRIu64 " bytes; they have %d to %d",
                        config->segment_bytes, SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
    }
    if (config->segment_ms < 1) {
        return srt_fail(err, SRT_EINVAL, "segments of %" PRId64 " ms; they span at least 1",
                        config->segment_ms);
    }
    if (config->max_record_bytes < 1 || config->max_record_bytes > INT32_MAX) {
        return srt_fail(err, SRT_EINVAL,
                        "records of up to %" PRIu64 " bytes; the limit is 1 to %" PRId32,
                        config->max_record_bytes, INT32_MAX);
    }
    if ((unsigned)config->compression >= COMPRESSION_COUNT) {
        return srt_fail(err, SRT_EINVAL, "compression %d; the last one is %d (%s)",
                        (int)config->compression, COMPRESSION_COUNT - 1,
                        compress_names[COMPRESSION_COUNT - 1]);
    }
    return check_cleanup(config, err);
}

/* Paired with the release in topic_set_version: who sees the version sees what it holds. */
static const struct topic_version *version_of(const struct topic *topic)
{
    return srt_load_acquire(&topic->version);
}

const char *topic_name(const struct topic *topic)
{
    return topic->name;
}

const struct topic_id *topic_get_id(const struct topic *topic)
{
    return &topic->id;
}

int32_t topic_partition_count(const struct topic *topic)
{
    return version_of(topic)->config.partition_count;
}

struct partition *topic_partition(const struct topic *topic, int32_t index)
{
    const struct topic_version *version = version_of(topic);
    return index >= 0 && index < version->config.partition_count ? version->parts[index] : NULL;
}

void topic_get_config(const struct topic *topic, struct topic_config *ret_config)
{
    *ret_config = version_of(topic)->config;
}

bool topic_deleted(const struct topic *topic)
{
    return srt_load_acquire(&topic->deleted); /* released by topic_retire */
}

int topic_check_record(const struct topic *topic, const struct record *rec, struct srt_err *err)
{
    uint64_t size = (rec->key_len > 0 ? (uint64_t)rec->key_len : 0) +
                    (rec->value_len > 0 ? (uint64_t)rec->value_len : 0) + rec->headers_len;
    uint64_t limit = version_of(topic)->config.max_record_bytes;
    if (size > limit) {
        return srt_fail(err, SRT_ETOOBIG,
                        "record of %" PRIu64
                        " bytes for topic '%s', whose max_record_bytes is %" PRIu64,
                        size, topic->name, limit);
    }
    if (rec->key_len == RECORD_ABSENT &&
        version_of(topic)->config.cleanup != TOPIC_CLEANUP_DELETE) {
        return srt_fail(err, SRT_EINVAL,
                        "record without a key for topic '%s', which is compacted: of each key the "
                        "last record stays, so it needs one",
                        topic->name);
    }
    return SRT_OK;
}

void topic_ref(struct topic *topic)
{
    srt_ref_add(&topic->refs);
}

void topic_unref(struct topic *topic)
{
    if (!topic || !srt_ref_drop(&topic->refs)) {
        return;
    }
    for (int32_t i = 0; topic_deleted(topic) && i < topic_partition_count(topic); i++) {
        partition_unref(topic_partition(topic, i));
    }
    struct topic_version *version = srt_load_acquire(&topic->version);
    while (version) {
        struct topic_version *older = version->older;
        srt_free(version);
        version = older;
    }
    srt_free(topic->name);
    srt_free(topic);
}

/* --- for the broker --- */

struct topic *topic_create(const struct topic_id *id, char **take_name,
                           struct topic_version **take_version)
{
    struct topic *topic = srt_xcalloc(1, sizeof *topic);
    topic->name = *take_name;
    *take_name = NULL;
    topic->id = *id;
    srt_store_relaxed(&topic->refs, 1);
    topic_set_version(topic, take_version);
    return topic;
}

struct topic_version *topic_version_create(const struct topic_config *config)
{
    size_t count = (size_t)config->partition_count;
    struct topic_version *version =
        srt_xcalloc(1, sizeof *version + count * sizeof version->parts[0]);
    version->config = *config;
    return version;
}

void topic_set_version(struct topic *topic, struct topic_version **take_version)
{
    struct topic_version *version = *take_version;
    *take_version = NULL;
    version->older = srt_load_relaxed(&topic->version);
    srt_store_release(&topic->version, version);
}

void topic_retire(struct topic *topic)
{
    for (int32_t i = 0; i < topic_partition_count(topic); i++) {
        partition_ref(topic_partition(topic, i));
    }
    srt_store_release(&topic->deleted, true);
}
