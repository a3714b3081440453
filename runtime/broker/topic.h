/* topic.h - a topic: its id, options and partitions.
 *
 * Owner:   registry.c keeps them; a found topic is borrowed and lives until the broker closes or
 *          the topic is deleted and the last topic_unref.
 * Thread:  any; a topic's fields but its options and partition count do not change.
 * Memory:  one struct and one pointer a partition.
 * Fails:   the checks say what is wrong: SRT_EINVAL, SRT_ETOOBIG; all else never. */
#ifndef SRT_BROKER_TOPIC_H
#define SRT_BROKER_TOPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "record/compress.h"
#include "record/record.h"
#include "record/topic_id.h"

struct partition;
struct topic;

/* What becomes of old records. */
enum topic_cleanup {
    TOPIC_CLEANUP_DELETE,  /* they go by time and size */
    TOPIC_CLEANUP_COMPACT, /* of each key the last one stays */
    TOPIC_CLEANUP_COMPACT_DELETE,
    TOPIC_CLEANUP_COUNT,
};
extern const char *const topic_cleanup_names[TOPIC_CLEANUP_COUNT + 1]; /* NULL at the end */

/* As in a config's topics: section. */
struct topic_config {
    int32_t partition_count;   /* 3 */
    int64_t retention_ms;      /* 7d; -1 for ever */
    int64_t retention_bytes;   /* -1: any size; of one partition */
    uint64_t segment_bytes;    /* 128 MiB */
    int64_t segment_ms;        /* 7d */
    uint64_t max_record_bytes; /* 1 MiB: key, value and headers together */
    enum compression compression; /* none: what batches made here are compressed with */
    enum topic_cleanup cleanup;   /* delete */
    int64_t delete_retention_ms;  /* 1d: how long a compacted topic keeps what says "deleted" */
};
void topic_config_default(struct topic_config *config);

/* SRT_EINVAL, naming the first option that is out of its range. */
int topic_config_check(const struct topic_config *config, struct srt_err *err);

const char *topic_name(const struct topic *topic);
const struct topic_id *topic_get_id(const struct topic *topic);
int32_t topic_partition_count(const struct topic *topic);
struct partition *topic_partition(const struct topic *topic, int32_t index); /* or NULL */
void topic_get_config(const struct topic *topic, struct topic_config *ret_config);

/* True from the moment a delete is durable; what was read before stays readable while it is
 * referenced. */
bool topic_deleted(const struct topic *topic);

/* Whoever makes records asks this first: SRT_ETOOBIG when key, value and headers together are
 * larger than the topic's max_record_bytes; SRT_EINVAL when it has no key and the topic is
 * compacted. */
int topic_check_record(const struct topic *topic, const struct record *rec, struct srt_err *err);

void topic_ref(struct topic *topic);
void topic_unref(struct topic *topic);

#endif
