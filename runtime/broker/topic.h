/* topic.h - a topic: its id, options and partitions.
 *
 * Owner:   broker.c keeps them; a found topic is borrowed and lives until the broker closes or the topic
 *          is deleted and the last topic_unref.
 * Thread:  any; a topic's fields but its options and partition count do not change.
 * Memory:  one struct and one pointer a partition.
 * Fails:   never. */
#ifndef SRT_BROKER_TOPIC_H
#define SRT_BROKER_TOPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "record/topic_id.h"

struct partition;
struct topic;

enum topic_cleanup { TOPIC_CLEANUP_DELETE, TOPIC_CLEANUP_COMPACT };

/* As in a config's topics: section. */
struct topic_config {
    int32_t partition_count;      /* 3 */
    int64_t retention_ms;         /* 7d; -1 for ever */
    int64_t retention_bytes;      /* -1: any size; of one partition */
    uint64_t segment_bytes;       /* 128 MiB */
    int64_t segment_ms;           /* 7d */
    uint64_t max_record_bytes;    /* 1 MiB: key, value and headers together */
};
void topic_config_default(struct topic_config *config);

const char *topic_name(const struct topic *topic);
const struct topic_id *topic_get_id(const struct topic *topic);
int32_t topic_partition_count(const struct topic *topic);
struct partition *topic_partition(const struct topic *topic, int32_t index); /* NULL when there is none */
void topic_get_config(const struct topic *topic, struct topic_config *ret_config);

void topic_ref(struct topic *topic);
void topic_unref(struct topic *topic);

#endif
