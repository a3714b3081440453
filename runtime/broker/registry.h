/* registry.h - what the broker knows: topics by name and id, groups by name; changed by the journal
 * only.
 *
 * Owner:   the broker has one.
 * Thread:  lookups from any; changes on the store thread (or before the broker is open).
 * Memory:  control plane.
 * Fails:   applying: SRT_ECORRUPT, SRT_EVERSION for entries that make no sense; what attaching a
 *          partition fails with. */
#ifndef SRT_BROKER_REGISTRY_H
#define SRT_BROKER_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/map.h"
#include "broker/topic.h"
#include "io/thread.h"
#include "store/store.h"

struct broker;
struct group;

struct registry {
    struct io_lock lock;
    struct io_cond changed;        /* `admin_busy` fell, or a topic's last write in flight ended */
    bool admin_busy;               /* one creates, alters or deletes a topic or deletes a group */
    struct srt_map topics_by_name; /* -> struct topic, one reference for both maps */
    struct srt_map topics_by_id;
    struct srt_map groups; /* -> struct group */
};

void registry_init(struct registry *registry);
void registry_fini(struct registry *registry);

struct store_meta_ops registry_meta_ops(struct broker *broker);

/* --- groups: acquired ones stay until released --- */

/* NULL when there is none and it is not to be created. */
struct group *registry_acquire_group(struct broker *broker, const char *name, bool create);
void registry_release_group(struct broker *broker, struct group *group); /* forgets an empty one */

/* All of them; released and freed together. */
struct group **registry_acquire_groups(struct broker *broker, size_t *ret_count);
void registry_release_groups(struct broker *broker, struct group **groups, size_t count);

/* --- writes in flight --- */

/* Count the topics of these appends as being written; SRT_ENOENT when one is gone or going: then
 * none is counted. */
int registry_begin_writes(struct broker *broker, const struct store_append *appends, uint32_t count,
                          struct srt_err *err);
void registry_end_writes(struct broker *broker, const struct store_append *appends, uint32_t count);

/* --- one change of topics or groups at a time --- */

void registry_begin_change(struct broker *broker); /* blocks */
void registry_end_change(struct broker *broker);

/* Let no new writes in and wait for those in flight; and let them in again. */
void registry_close_topic(struct broker *broker, struct topic *topic);
void registry_reopen_topic(struct broker *broker, struct topic *topic);

#endif
