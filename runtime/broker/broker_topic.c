/* Topics are created, altered and deleted one at a time, each by one journal entry that
 * registry_apply turns into what is in memory. What can fail is done before the entry is written:
 * from then on the change has happened, and nothing may stand in its way. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "broker/broker_impl.h"
#include "broker/metadata.h"
#include "broker/topic_impl.h"

static int check_name(const char *name, bool internal, struct srt_err *err)
{
    if (!topic_name_valid(name)) {
        return srt_fail(
            err, SRT_EINVAL,
            "topic name '%.64s' is not valid: 1 to %d of a-z A-Z 0-9 . _ -, not '.' or '..'", name,
            SRT_TOPIC_NAME_MAX);
    }
    if (topic_name_reserved(name) != internal) {
        return srt_fail(err, SRT_EINVAL, "topic name '%s' %s with '__streamrt'", name,
                        internal ? "is not streamrt's own: it does not begin"
                                 : "is reserved: it begins");
    }
    return SRT_OK;
}

/* A record that no frame can hold could be made, but never written. */
static uint64_t record_bytes_max(struct broker *broker)
{
    return store_write_bytes_max(broker->store) / 2;
}

static int check_config(struct broker *broker, const struct topic_config *config,
                        struct srt_err *err)
{
    int code = topic_config_check(config, err);
    uint64_t limit = record_bytes_max(broker);
    if (code == SRT_OK && config->max_record_bytes > limit) {
        code = srt_fail(err, SRT_EINVAL,
                        "records of up to %" PRIu64
                        " bytes; half of what one journal frame takes is %" PRIu64,
                        config->max_record_bytes, limit);
    }
    return code;
}

static int create_topic(struct broker *broker, const char *name, const struct topic_config *config,
                        struct topic **ret_topic, struct srt_err *err)
{
    if (broker_topic_find(broker, name)) {
        return srt_fail(err, SRT_EEXIST, "topic '%s' exists already", name);
    }
    struct topic_id id = topic_id_new();
    struct srt_buf entry = {0};
    metadata_put_topic_created(&entry, &id, name, config);
    int code = broker_write_entry(broker, METADATA_TOPIC_CREATED, &entry, err);
    srt_buf_fini(&entry);
    if (code != SRT_OK) {
        return code;
    }
    struct topic *topic = broker_topic_find_id(broker, &id);
    srt_assert(topic);
    if (ret_topic) {
        *ret_topic = topic;
    }
    return SRT_OK;
}

static int check_and_create(struct broker *broker, const char *name, bool internal,
                            const struct topic_config *config, struct topic **ret_topic,
                            struct srt_err *err)
{
    int code = broker_check_writable(broker, err);
    code = code == SRT_OK ? check_name(name, internal, err) : code;
    if (code != SRT_OK) {
        return code;
    }
    if (check_config(broker, config, err) != SRT_OK) {
        return srt_err_wrap(err, "topic '%s'", name);
    }
    registry_begin_change(broker);
    code = create_topic(broker, name, config, ret_topic, err);
    registry_end_change(broker);
    return code;
}

int broker_topic_create(struct broker *broker, const char *name, const struct topic_config *config,
                        struct topic **ret_topic, struct srt_err *err)
{
    BROKER_MAY_BLOCK();
    return check_and_create(broker, name, false, config, ret_topic, err);
}

int broker_topic_create_internal(struct broker *broker, const char *name,
                                 const struct topic_config *config, struct topic **ret_topic,
                                 struct srt_err *err)
{
    BROKER_MAY_BLOCK();
    struct topic_config own = *config;
    uint64_t limit = record_bytes_max(broker);
    own.max_record_bytes = own.max_record_bytes < limit ? own.max_record_bytes : limit;
    return check_and_create(broker, name, true, &own, ret_topic, err);
}

static int alter_topic(struct broker *broker, const char *name, const struct topic_config *config,
                       struct srt_err *err)
{
    struct topic *topic = broker_topic_find(broker, name);
    if (!topic) {
        return srt_fail(err, SRT_ENOENT, "topic '%s' does not exist", name);
    }
    if (config->partition_count < topic_partition_count(topic)) {
        return srt_fail(err, SRT_EINVAL,
                        "topic '%s' has %" PRId32 " partitions and cannot shrink to %" PRId32
                        ": make a new topic instead",
                        name, topic_partition_count(topic), config->partition_count);
    }
    struct srt_buf entry = {0};
    metadata_put_topic_altered(&entry, &topic->id, config);
    int code = broker_write_entry(broker, METADATA_TOPIC_ALTERED, &entry, err);
    srt_buf_fini(&entry);
    return code;
}

int broker_topic_alter(struct broker *broker, const char *name, const struct topic_config *config,
                       struct srt_err *err)
{
    BROKER_MAY_BLOCK();
    int code = broker_check_writable(broker, err);
    if (code != SRT_OK) {
        return code;
    }
    if (check_config(broker, config, err) != SRT_OK) {
        return srt_err_wrap(err, "topic '%s'", name);
    }
    registry_begin_change(broker);
    code = alter_topic(broker, name, config, err);
    registry_end_change(broker);
    return code;
}

static int delete_topic(struct broker *broker, const char *name, struct srt_err *err)
{
    struct topic *topic = broker_topic_find(broker, name);
    if (!topic) {
        return srt_fail(err, SRT_ENOENT, "topic '%s' does not exist", name);
    }
    registry_close_topic(broker, topic);
    struct srt_buf entry = {0};
    metadata_put_topic_deleted(&entry, &topic->id);
    int code = broker_write_entry(broker, METADATA_TOPIC_DELETED, &entry, err);
    srt_buf_fini(&entry);
    if (code != SRT_OK) {
        registry_reopen_topic(broker, topic); /* else it is gone by now */
    }
    return code;
}

int broker_topic_delete(struct broker *broker, const char *name, struct srt_err *err)
{
    BROKER_MAY_BLOCK();
    int code = broker_check_writable(broker, err);
    if (code != SRT_OK) {
        return code;
    }
    registry_begin_change(broker);
    code = delete_topic(broker, name, err);
    registry_end_change(broker);
    return code;
}
