/* topic_impl.h - the inside of a topic, for the files of broker/ only.
 *
 * Owner:   registry.c makes, alters and retires topics and counts the writes in flight.
 * Thread:  as each function says.
 * Memory:  one struct, one version for each alteration.
 * Fails:   never. */
#ifndef SRT_BROKER_TOPIC_IMPL_H
#define SRT_BROKER_TOPIC_IMPL_H

#include "base/atomic.h"
#include "broker/topic.h"

/* What an alteration changes, as one immutable piece that readers load with one acquire. Those who
 * loaded an older one may still look at it, so the old ones stay until the topic goes: alterations
 * are rare. */
struct topic_version {
    struct topic_version *older;
    struct topic_config config;
    struct partition *parts[]; /* config.partition_count of them */
};

/* A living topic's partitions are held by the store. A deleted one holds them itself, for those who
 * still read it. */
struct topic {
    char *name;
    struct topic_id id;
    _Atomic(struct topic_version *) version; /* store thread writes, any reads */
    _Atomic uint32_t refs;
    _Atomic bool deleted;
    /* Under the registry's lock: writes that name this topic and are not done, and whether a
     * delete, which waits for them, lets no new ones in. */
    uint32_t writes_in_flight;
    bool closed;
};

struct topic *topic_create(const struct topic_id *id, char **take_name,
                           struct topic_version **take_version);

struct topic_version *topic_version_create(const struct topic_config *config); /* srt_free */

/* Store thread, or before the broker is open. */
void topic_set_version(struct topic *topic, struct topic_version **take_version);

/* It is deleted: hold the partitions, before the store lets go of them. Store thread. */
void topic_retire(struct topic *topic);

#endif
