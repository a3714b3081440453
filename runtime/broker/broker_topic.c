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

static int check_name(const char *name, struct srt_err *err)
{
    if (!topic_name_valid(name)) {
        return srt_fail(
            err, SRT_EINVAL,
            "topic name '%.64s' is not valid: 1 to %d of a-z A-Z 0-9 . _ -, not '.' or '..'", name,
            SRT_TOPIC_NAME_MAX);
    }
    if (topic_name_reserved(name)) {
        return srt_fail(err, SRT_EINVAL, "topic name '%s' is reserved: it begins with '__streamrt'",
                        name);
    }
    return SRT_OK;
}

/* A record that no frame can hold could be made, but never written. */
static int check_config(struct broker *broker, const struct topic_config *config,
                        struct srt_err *err)
{
    int code = topic_config_check(config, err);
    uint64_t limit = store_write_bytes_max(broker->store);
    if (code == SRT_OK && config->max_record_bytes > limit / 2) {
        code = srt_fail(err, SRT_EINVAL,
                        "records of up to %" PRIu64
                        " bytes; half of what one journal frame takes is %" PRIu64,
                        config->max_record_bytes, limit / 2);
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

static int create_checked(struct broker *broker, const char *name,
                          const struct topic_config *config, struct topic **ret_topic,
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
    code = create_topic(broker, name, config, ret_topic, err);
    registry_end_change(broker);
    return code;
}

int broker_topic_create(struct broker *broker, const char *name, const struct topic_config *config,
                        struct topic **ret_topic, struct srt_err *err)
{
    int code = check_name(name, err);
    return code == SRT_OK ? create_checked(broker, name, config, ret_topic, err) : code;
}

int broker_topic_create_own(struct broker *broker, const char *name,
                            const struct topic_config *config, struct srt_err *err)
{
    srt_assert(topic_name_valid(name) && topic_name_reserved(name));
    return create_checked(broker, name, config, NULL, err);
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
