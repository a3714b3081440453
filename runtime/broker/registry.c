/* What the broker knows of topics, groups and positions is the sum of the journal's metadata
 * entries. There is one way in, registry_apply, which the store calls when an entry is durable, and
 * again with the same entries in the same order when it recovers:
 *
 *     broker_topic_create --entry--> journal --fdatasync--> registry_apply --> maps
 *                                       |                        ^
 *                                       `------ recovery --------'
 *
 * So a crash at any moment leaves memory and disk of one mind, and nothing here is undone, ever. An
 * entry that makes no sense (a topic that exists is created) was let in by a bug or is damage; both
 * end the recovery. Members of groups are not metadata: they live and die with the process
 * (group.c). */
#include "broker/registry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "broker/broker_impl.h"
#include "broker/group_impl.h"
#include "broker/metadata.h"
#include "broker/topic_impl.h"

void registry_init(struct registry *registry)
{
    *registry = (struct registry){0};
    io_lock_init(&registry->lock, IO_LOCK_BROKER_REGISTRY);
    io_cond_init(&registry->changed);
    srt_map_init(&registry->topics_by_name);
    srt_map_init(&registry->topics_by_id);
    srt_map_init(&registry->groups);
}

void registry_fini(struct registry *registry)
{
    void *value;
    for (size_t at = 0; srt_map_next(&registry->topics_by_id, &at, NULL, NULL, &value);) {
        topic_unref(value);
    }
    for (size_t at = 0; srt_map_next(&registry->groups, &at, NULL, NULL, &value);) {
        group_destroy(value);
    }
    srt_map_fini(&registry->topics_by_name);
    srt_map_fini(&registry->topics_by_id);
    srt_map_fini(&registry->groups);
    io_cond_fini(&registry->changed);
    io_lock_fini(&registry->lock);
}

/* --- finding --- */

static struct topic *find_id(struct broker *broker, const struct topic_id *id)
{
    return srt_map_find(&broker->registry.topics_by_id, id->bytes, sizeof id->bytes);
}

static struct topic *acquire(struct topic *topic)
{
    if (topic) {
        topic_ref(topic);
    }
    return topic;
}

struct topic *broker_topic_acquire(struct broker *broker, const char *name)
{
    io_lock(&broker->registry.lock);
    struct topic *topic = acquire(srt_map_find_str(&broker->registry.topics_by_name, name));
    io_unlock(&broker->registry.lock);
    return topic;
}

struct topic *broker_topic_acquire_id(struct broker *broker, const struct topic_id *id)
{
    io_lock(&broker->registry.lock);
    struct topic *topic = acquire(find_id(broker, id));
    io_unlock(&broker->registry.lock);
    return topic;
}

struct topic *broker_topic_find(struct broker *broker, const char *name)
{
    io_lock(&broker->registry.lock);
    struct topic *topic = srt_map_find_str(&broker->registry.topics_by_name, name);
    io_unlock(&broker->registry.lock);
    return topic;
}

struct topic *broker_topic_find_id(struct broker *broker, const struct topic_id *id)
{
    io_lock(&broker->registry.lock);
    struct topic *topic = find_id(broker, id);
    io_unlock(&broker->registry.lock);
    return topic;
}

/* --- sorted walks --- */

static int compare_topics(const void *left, const void *right)
{
    return strcmp(topic_name(*(struct topic *const *)left),
                  topic_name(*(struct topic *const *)right));
}

static int compare_groups(const void *left, const void *right)
{
    return strcmp((*(struct group *const *)left)->name, (*(struct group *const *)right)->name);
}

/* The values of a map in the order of their names; the caller frees. Under the lock. */
static void **sorted(const struct srt_map *map, int (*compare)(const void *, const void *))
{
    void **values = srt_xcalloc(map->used, sizeof *values);
    size_t count = 0;
    void *value;
    for (size_t at = 0; srt_map_next(map, &at, NULL, NULL, &value);) {
        values[count++] = value;
    }
    srt_assert(count == map->used);
    qsort(values, count, sizeof *values, compare);
    return values;
}

void broker_topic_each(struct broker *broker, void (*each)(void *arg, struct topic *topic),
                       void *arg)
{
    io_lock(&broker->registry.lock);
    size_t count = broker->registry.topics_by_name.used;
    struct topic **topics =
        (struct topic **)sorted(&broker->registry.topics_by_name, compare_topics);
    for (size_t i = 0; i < count; i++) {
        topic_ref(topics[i]);
    }
    io_unlock(&broker->registry.lock);
    for (size_t i = 0; i < count; i++) {
        each(arg, topics[i]);
        topic_unref(topics[i]);
    }
    srt_free(topics);
}

/* --- groups --- */

struct group *registry_acquire_group(struct broker *broker, const char *name, bool create)
{
    io_lock(&broker->registry.lock);
    struct group *group = srt_map_find_str(&broker->registry.groups, name);
    if (!group && create) {
        group = group_create(name);
        srt_map_set_str(&broker->registry.groups, name, group);
    }
    if (group) {
        group->refs++;
    }
    io_unlock(&broker->registry.lock);
    return group;
}

/* When nobody uses a group any more, nobody holds its lock either. */
static void release_locked(struct broker *broker, struct group *group)
{
    io_lock_assert_held(&broker->registry.lock);
    srt_assert(group->refs > 0);
    group->refs--;
    if (group->refs == 0 && group_is_empty(group)) {
        (void)srt_map_remove_str(&broker->registry.groups, group->name);
        group_destroy(group);
    }
}

void registry_release_group(struct broker *broker, struct group *group)
{
    io_lock(&broker->registry.lock);
    release_locked(broker, group);
    io_unlock(&broker->registry.lock);
}

struct group **registry_acquire_groups(struct broker *broker, size_t *ret_count)
{
    io_lock(&broker->registry.lock);
    *ret_count = broker->registry.groups.used;
    struct group **groups = (struct group **)sorted(&broker->registry.groups, compare_groups);
    for (size_t i = 0; i < *ret_count; i++) {
        groups[i]->refs++;
    }
    io_unlock(&broker->registry.lock);
    return groups;
}

void registry_release_groups(struct broker *broker, struct group **groups, size_t count)
{
    io_lock(&broker->registry.lock);
    for (size_t i = 0; i < count; i++) {
        release_locked(broker, groups[i]);
    }
    io_unlock(&broker->registry.lock);
    srt_free(groups);
}

/* --- writes in flight --- */

static struct topic *topic_of(struct broker *broker, const struct store_append *append)
{
    return find_id(broker, partition_topic_id(append->part));
}

static void end_locked(struct broker *broker, const struct store_append *appends, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct topic *topic = topic_of(broker, &appends[i]);
        srt_assert(topic && topic->writes_in_flight > 0);
        topic->writes_in_flight--;
        if (topic->closed && topic->writes_in_flight == 0) {
            io_cond_broadcast(&broker->registry.changed);
        }
    }
}

int registry_begin_writes(struct broker *broker, const struct store_append *appends, uint32_t count,
                          struct srt_err *err)
{
    int code = SRT_OK;
    io_lock(&broker->registry.lock);
    for (uint32_t i = 0; i < count && code == SRT_OK; i++) {
        struct topic *topic = topic_of(broker, &appends[i]);
        if (topic && !topic->closed) {
            topic->writes_in_flight++;
        } else {
            code = srt_fail(err, SRT_ENOENT, "topic '%s' was deleted",
                            partition_topic(appends[i].part));
            end_locked(broker, appends, i);
        }
    }
    io_unlock(&broker->registry.lock);
    return code;
}

void registry_end_writes(struct broker *broker, const struct store_append *appends, uint32_t count)
{
    io_lock(&broker->registry.lock);
    end_locked(broker, appends, count);
    io_unlock(&broker->registry.lock);
}

void registry_close_topic(struct broker *broker, struct topic *topic)
{
    struct registry *registry = &broker->registry;
    io_lock(&registry->lock);
    topic->closed = true;
    while (topic->writes_in_flight > 0) {
        io_cond_wait(&registry->changed, &registry->lock);
    }
    io_unlock(&registry->lock);
}

void registry_reopen_topic(struct broker *broker, struct topic *topic)
{
    io_lock(&broker->registry.lock);
    topic->closed = false;
    io_unlock(&broker->registry.lock);
}

void registry_begin_change(struct broker *broker)
{
    struct registry *registry = &broker->registry;
    io_lock(&registry->lock);
    while (registry->admin_busy) {
        io_cond_wait(&registry->changed, &registry->lock);
    }
    registry->admin_busy = true;
    io_unlock(&registry->lock);
}

void registry_end_change(struct broker *broker)
{
    io_lock(&broker->registry.lock);
    broker->registry.admin_busy = false;
    io_cond_broadcast(&broker->registry.changed);
    io_unlock(&broker->registry.lock);
}

/* --- applying: topics --- */

/* All partitions of a version, found or created, with its options. */
static int attach(struct broker *broker, const struct topic_id *id, const char *name,
                  struct topic_version *version, struct srt_err *err)
{
    struct partition_config config;
    partition_config_default(&config);
    config.retention_ms = version->config.retention_ms;
    config.retention_bytes = version->config.retention_bytes;
    config.segment_bytes = version->config.segment_bytes;
    config.segment_ms = version->config.segment_ms;
    config.compact = version->config.cleanup != TOPIC_CLEANUP_DELETE;
    config.delete_retention_ms = version->config.delete_retention_ms;
    if (version->config.cleanup == TOPIC_CLEANUP_COMPACT) {
        config.retention_ms = -1;
        config.retention_bytes = -1;
    }
    for (int32_t i = 0; i < version->config.partition_count; i++) {
        int code =
            store_partition_attach(broker->store, id, name, i, &config, &version->parts[i], err);
        if (code != SRT_OK) {
            return code;
        }
    }
    return SRT_OK;
}

static int make_version(struct broker *broker, const struct topic_id *id, const char *name,
                        const struct topic_config *config, struct topic_version **ret,
                        struct srt_err *err)
{
    struct topic_version *version = topic_version_create(config);
    int code = attach(broker, id, name, version, err);
    if (code != SRT_OK) {
        srt_free(version);
        return code;
    }
    *ret = version;
    return SRT_OK;
}

static int apply_created(struct broker *broker, const struct metadata_topic *meta,
                         struct srt_err *err)
{
    char *name = srt_xstrndup(meta->name.p, meta->name.n);
    if (broker_topic_find(broker, name) || broker_topic_find_id(broker, &meta->id)) {
        int code = srt_fail(err, SRT_ECORRUPT, "topic '%s' is created, but exists", name);
        srt_free(name);
        return code;
    }
    struct topic_version *version;
    int code = make_version(broker, &meta->id, name, &meta->config, &version, err);
    if (code != SRT_OK) {
        srt_free(name);
        return code;
    }
    struct topic *topic = topic_create(&meta->id, &name, &version);
    io_lock(&broker->registry.lock);
    srt_map_set_str(&broker->registry.topics_by_name, topic->name, topic);
    srt_map_set(&broker->registry.topics_by_id, topic->id.bytes, sizeof topic->id.bytes, topic);
    io_unlock(&broker->registry.lock);
    group_topic_changed(broker, topic->name);
    return SRT_OK;
}

static int fail_unknown(const struct topic_id *id, const char *what, struct srt_err *err)
{
    char text[TOPIC_ID_TEXT_MAX];
    return srt_fail(err, SRT_ECORRUPT, "topic %s is %s, but there is none",
                    topic_id_format(text, id), what);
}

static int apply_altered(struct broker *broker, const struct metadata_topic *meta,
                         struct srt_err *err)
{
    struct topic *topic = broker_topic_find_id(broker, &meta->id);
    if (!topic) {
        return fail_unknown(&meta->id, "altered", err);
    }
    int32_t before = topic_partition_count(topic);
    if (meta->config.partition_count < before) {
        return srt_fail(err, SRT_ECORRUPT, "topic '%s' is altered to fewer partitions",
                        topic->name);
    }
    struct topic_version *version;
    int code = make_version(broker, &meta->id, topic->name, &meta->config, &version, err);
    if (code != SRT_OK) {
        return code;
    }
    topic_set_version(topic, &version);
    if (meta->config.partition_count != before) {
        group_topic_changed(broker, topic->name);
    }
    return SRT_OK;
}

static int apply_deleted(struct broker *broker, const struct metadata_topic *meta,
                         struct srt_err *err)
{
    struct topic *topic = broker_topic_find_id(broker, &meta->id);
    if (!topic) {
        return fail_unknown(&meta->id, "deleted", err);
    }
    size_t group_count;
    struct group **groups = registry_acquire_groups(broker, &group_count);
    for (size_t i = 0; i < group_count; i++) {
        io_lock(&groups[i]->lock);
        positions_topic_gone(&groups[i]->positions, &topic->id, topic->name);
        io_unlock(&groups[i]->lock);
    }
    registry_release_groups(broker, groups, group_count);

    io_lock(&broker->registry.lock);
    (void)srt_map_remove_str(&broker->registry.topics_by_name, topic->name);
    (void)srt_map_remove(&broker->registry.topics_by_id, topic->id.bytes, sizeof topic->id.bytes);
    io_unlock(&broker->registry.lock);
    topic_retire(topic);
    for (int32_t i = 0; i < topic_partition_count(topic); i++) {
        store_partition_detach(broker->store, topic_partition(topic, i));
    }
    group_topic_changed(broker, topic->name);
    topic_unref(topic);
    return SRT_OK;
}

/* --- applying: groups --- */

static struct group *acquire_named(struct broker *broker, struct srt_str name)
{
    char text[SRT_GROUP_NAME_MAX + 1];
    memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    return registry_acquire_group(broker, text, true);
}

/* A position on a topic that is not there any more is ignored, unless it is what is left of one; a
 * position on a new topic ends those on its namesake. */
static void set_position(struct broker *broker, struct group *group,
                         const struct metadata_position *position)
{
    if (position->source_name.n > 0 || position->former_topic.n > 0) {
        positions_set(&group->positions, position);
        return;
    }
    struct topic *topic = find_id(broker, &position->topic_id);
    if (topic) {
        positions_drop_former(&group->positions, topic->name);
        positions_set(&group->positions, position);
    }
}

static void apply_positions(struct broker *broker, const struct metadata_group *meta)
{
    struct group *group = acquire_named(broker, meta->name);
    struct srt_str positions = meta->positions;
    struct metadata_position position;
    io_lock(&broker->registry.lock);
    io_lock(&group->lock);
    if (meta->protocol_type.n > 0 &&
        !(group->protocol_type && srt_str_is(meta->protocol_type, group->protocol_type))) {
        srt_free(group->protocol_type);
        group->protocol_type = srt_xstrndup(meta->protocol_type.p, meta->protocol_type.n);
    }
    while (metadata_next_position(&positions, &position)) {
        set_position(broker, group, &position);
    }
    io_unlock(&group->lock);
    io_unlock(&broker->registry.lock);
    registry_release_group(broker, group);
}

static void apply_group_deleted(struct broker *broker, const struct metadata_group *meta)
{
    struct group *group = acquire_named(broker, meta->name);
    io_lock(&group->lock);
    positions_fini(&group->positions);
    if (group->member_count == 0) {
        srt_free(group->protocol_type);
        group->protocol_type = NULL;
    }
    io_unlock(&group->lock);
    registry_release_group(broker, group);
}

static int registry_apply(void *ctx, uint8_t kind, const uint8_t *data, size_t size,
                          struct srt_err *err)
{
    struct broker *broker = ctx;
    struct metadata_entry entry;
    int code = metadata_decode(kind, data, size, &entry, err);
    if (code != SRT_OK) {
        return code;
    }
    switch (entry.kind) {
    case METADATA_TOPIC_CREATED:
        return apply_created(broker, &entry.topic, err);
    case METADATA_TOPIC_ALTERED:
        return apply_altered(broker, &entry.topic, err);
    case METADATA_TOPIC_DELETED:
        return apply_deleted(broker, &entry.topic, err);
    case METADATA_POSITIONS:
        apply_positions(broker, &entry.group);
        return SRT_OK;
    case METADATA_GROUP_DELETED:
        apply_group_deleted(broker, &entry.group);
        return SRT_OK;
    }
    srt_unreachable("metadata_decode knows every kind");
}

/* --- the snapshot --- */

static int restore_topic(void *ctx, const struct metadata_topic *topic, struct srt_err *err)
{
    return apply_created(ctx, topic, err);
}

static int restore_group(void *ctx, const struct metadata_group *group, struct srt_err *err)
{
    (void)err;
    apply_positions(ctx, group);
    return SRT_OK;
}

static int registry_restore(void *ctx, const uint8_t *data, size_t size, struct srt_err *err)
{
    struct metadata_visitor visitor = {.ctx = ctx, .topic = restore_topic, .group = restore_group};
    return metadata_decode_snapshot(data, size, &visitor, err);
}

static uint32_t count_lasting(struct group **groups, size_t count)
{
    uint32_t lasting = 0;
    for (size_t i = 0; i < count; i++) {
        lasting += groups[i]->positions.count > 0;
    }
    return lasting;
}

/* Only the store thread changes topics and positions, and this is the store thread: nothing moves
 * while it is written down. */
static void registry_snapshot(void *ctx, struct srt_buf *to)
{
    struct broker *broker = ctx;
    struct registry *registry = &broker->registry;
    io_lock(&registry->lock);
    size_t topic_count = registry->topics_by_name.used;
    struct topic **topics = (struct topic **)sorted(&registry->topics_by_name, compare_topics);
    io_unlock(&registry->lock);
    metadata_put_snapshot(to, (uint32_t)topic_count);
    for (size_t i = 0; i < topic_count; i++) {
        struct topic_config config;
        topic_get_config(topics[i], &config);
        metadata_put_snapshot_topic(to, &topics[i]->id, topics[i]->name, &config);
    }
    srt_free(topics);

    size_t group_count;
    struct group **groups = registry_acquire_groups(broker, &group_count);
    metadata_put_snapshot_groups(to, count_lasting(groups, group_count));
    for (size_t i = 0; i < group_count; i++) {
        struct group *group = groups[i];
        io_lock(&group->lock);
        if (group->positions.count > 0) {
            metadata_put_snapshot_group(to, group->name, group->protocol_type,
                                        group->positions.count);
            positions_encode(&group->positions, to);
        }
        io_unlock(&group->lock);
    }
    registry_release_groups(broker, groups, group_count);
}

struct store_meta_ops registry_meta_ops(struct broker *broker)
{
    return (struct store_meta_ops){
        .ctx = broker,
        .restore = registry_restore,
        .apply = registry_apply,
        .snapshot = registry_snapshot,
    };
}
