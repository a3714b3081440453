#include "broker/broker.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "base/list.h"
#include "broker/broker_impl.h"
#include "broker/group_impl.h"
#include "broker/metadata.h"
#include "record/json.h"

enum { NODE_FILE_BYTES_MAX = 4096 };

void broker_options_default(struct broker_options *options)
{
    *options = (struct broker_options){.group_session_ms = 45 * 1000};
    store_options_default(&options->store);
}

/* node.json is the store's; the id in it is for people and clients. */
static int read_node_id(struct broker *broker, const struct store_options *options,
                        struct srt_err *err)
{
    char *path = srt_xasprintf("%s/node.json", options->data_dir);
    struct srt_buf text = {0};
    struct json_index index;
    json_index_init(&index);
    const struct io_fs *fs = options->fs ? options->fs : io_fs_real();
    int code = io_read_file(fs, path, NODE_FILE_BYTES_MAX, &text, err);
    if (code != SRT_OK) {
        goto out;
    }
    const char *json = srt_buf_cstr(&text);
    size_t wrong_at;
    const struct json_slot *slot = NULL;
    code = json_index(&index, json, text.len, &wrong_at);
    if (code == SRT_ENOMEM) {
        code = srt_fail(err, code, "read '%s': out of memory", path);
        goto out;
    }
    if (code == SRT_OK) {
        slot = json_find(&index, json, "node_id", strlen("node_id"));
    }
    struct topic_id id;
    if (!slot || slot->type != JSON_STRING || slot->value_len < 2 ||
        topic_id_parse(json + slot->value_at + 1, slot->value_len - 2, &id) != SRT_OK) {
        code = srt_fail(err, SRT_ECORRUPT, "'%s' has no node_id of 32 hex digits", path);
        goto out;
    }
    broker->node_id = srt_xstrndup(json + slot->value_at + 1, slot->value_len - 2);
    code = SRT_OK;
out:
    json_index_fini(&index);
    srt_buf_fini(&text);
    srt_free(path);
    return code;
}

int broker_open(const struct broker_options *options, struct broker **ret_broker,
                struct srt_err *err)
{
    struct broker *broker = srt_xcalloc(1, sizeof *broker);
    broker->clock = options->store.clock ? options->store.clock : srt_clock_real();
    broker->group_session_ms = options->group_session_ms;
    broker->read_only = options->store.read_only;
    registry_init(&broker->registry);

    struct store_options store_options = options->store;
    store_options.meta = registry_meta_ops(broker);
    int code = store_open(&store_options, &broker->store, err); /* set before it applies */
    if (code == SRT_OK) {
        code = read_node_id(broker, &store_options, err);
    }
    if (code != SRT_OK) {
        struct srt_err ignored = {0};
        (void)broker_close(broker, &ignored); /* the first error is the one that tells */
        return code;
    }
    *ret_broker = broker;
    return SRT_OK;
}

int broker_close(struct broker *broker, struct srt_err *err)
{
    if (!broker) {
        return SRT_OK;
    }
    int code = store_close(broker->store, err); /* may still apply, and asks for a snapshot */
    registry_fini(&broker->registry);
    srt_free(broker->node_id);
    srt_free(broker);
    return code;
}

struct store *broker_store(struct broker *broker)
{
    return broker->store;
}

const char *broker_node_id(const struct broker *broker)
{
    return broker->node_id;
}

const struct srt_clock *broker_clock(const struct broker *broker)
{
    return broker->clock;
}

uint64_t broker_write_bytes_max(const struct broker *broker)
{
    return store_write_bytes_max(broker->store);
}

int broker_check_writable(const struct broker *broker, struct srt_err *err)
{
    if (broker->read_only) {
        return srt_fail(err, SRT_EDENIED, "the data directory is opened to read only");
    }
    return SRT_OK;
}

int broker_write_entry(struct broker *broker, uint8_t kind, const struct srt_buf *entry,
                       struct srt_err *err)
{
    if (srt_buf_failed(entry)) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a metadata entry");
    }
    struct store_meta_entry meta = {.kind = kind, .data = entry->data, .size_bytes = entry->len};
    struct store_write write = {.metas = &meta, .meta_count = 1};
    return store_write_wait(broker->store, &write, err);
}

/* --- producing --- */

/* The bytes must be whole batches, back to back; what is inside them is their maker's business. */
static int check_append(const struct store_append *append, uint64_t *size_bytes,
                        struct srt_err *err)
{
    size_t at = 0;
    while (at < append->size_bytes) {
        struct batch_info info;
        int code = batch_parse(append->batches + at, append->size_bytes - at, &info);
        if (code == SRT_OK && info.size_bytes > append->size_bytes - at) {
            code = SRT_EAGAIN;
        }
        if (code == SRT_OK && (info.attributes & (BATCH_ATTR_TRANSACTIONAL | BATCH_ATTR_CONTROL))) {
            return srt_fail(err, SRT_EUNAVAILABLE, "transactional batches are not in this version");
        }
        if (code != SRT_OK || info.record_count < 1 ||
            info.last_offset_delta != info.record_count - 1) {
            return srt_fail(err, SRT_EINVAL,
                            "topic '%s' partition %" PRId32 ": no batch at byte %zu of %zu",
                            partition_topic(append->part), partition_index(append->part), at,
                            append->size_bytes);
        }
        at += info.size_bytes;
    }
    if (append->size_bytes == 0) {
        return srt_fail(err, SRT_EINVAL,
                        "topic '%s' partition %" PRId32 ": an append without a batch",
                        partition_topic(append->part), partition_index(append->part));
    }
    *size_bytes += append->size_bytes;
    return SRT_OK;
}

static int check_position(struct broker *broker, const struct group_position *position,
                          struct srt_err *err)
{
    bool of_topic = !topic_id_is_zero(&position->topic_id);
    size_t name_len = position->source_name ? strlen(position->source_name) : 0;
    if (of_topic == (name_len > 0)) {
        return srt_fail(err, SRT_EINVAL, "a position is of a partition or of a named source");
    }
    if (name_len > SRT_POSITION_SOURCE_NAME_MAX ||
        position->detail_len > SRT_POSITION_DETAIL_BYTES_MAX) {
        return srt_fail(err, SRT_ETOOBIG,
                        "position of '%.64s': its name has %zu bytes, its detail %" PRIu32
                        "; at most %d and %d",
                        name_len ? position->source_name : "a partition", name_len,
                        position->detail_len, SRT_POSITION_SOURCE_NAME_MAX,
                        SRT_POSITION_DETAIL_BYTES_MAX);
    }
    if (position->offset < 0 || position->partition < 0 ||
        (!of_topic && position->partition != 0)) {
        return srt_fail(err, SRT_EINVAL, "position %" PRId64 " of partition %" PRId32 " is none",
                        position->offset, position->partition);
    }
    if (!of_topic) {
        return SRT_OK;
    }
    struct topic *topic = broker_topic_acquire_id(broker, &position->topic_id);
    char text[TOPIC_ID_TEXT_MAX];
    int code = SRT_OK;
    if (!topic) {
        code = srt_fail(err, SRT_ENOENT, "topic %s was deleted",
                        topic_id_format(text, &position->topic_id));
    } else if (position->partition >= topic_partition_count(topic)) {
        code = srt_fail(err, SRT_EINVAL, "topic '%s' has no partition %" PRId32, topic_name(topic),
                        position->partition);
    }
    topic_unref(topic);
    return code;
}

static int check_write(struct broker *broker, const struct broker_write *write, struct srt_err *err)
{
    uint64_t size_bytes = 0;
    int code = broker_check_writable(broker, err);
    for (uint32_t i = 0; i < write->append_count && code == SRT_OK; i++) {
        code = check_append(&write->appends[i], &size_bytes, err);
    }
    for (uint32_t i = 0; i < write->position_count && code == SRT_OK; i++) {
        code = check_position(broker, &write->positions[i], err);
        size_bytes += write->positions[i].detail_len;
    }
    if (code != SRT_OK) {
        return code;
    }
    if (write->append_count == 0 && write->position_count == 0) {
        return srt_fail(err, SRT_EINVAL, "a write of nothing");
    }
    if (size_bytes > store_write_bytes_max(broker->store)) {
        return srt_fail(err, SRT_ETOOBIG,
                        "one write of %" PRIu64 " bytes; the journal takes %" PRIu64, size_bytes,
                        store_write_bytes_max(broker->store));
    }
    if (write->position_count > 0) {
        return group_check_name(write->group, err);
    }
    return SRT_OK;
}

static int encode_positions(struct broker *broker, struct broker_write *write, struct srt_err *err)
{
    struct group *group = registry_acquire_group(broker, write->group, false);
    srt_buf_init(&write->meta_bytes);
    if (group) {
        io_lock(&group->lock);
        metadata_put_positions(&write->meta_bytes, write->group, group->protocol_type,
                               write->position_count);
        io_unlock(&group->lock);
        registry_release_group(broker, group);
    } else {
        metadata_put_positions(&write->meta_bytes, write->group, NULL, write->position_count);
    }
    for (uint32_t i = 0; i < write->position_count; i++) {
        metadata_put_position(&write->meta_bytes, &write->positions[i], NULL);
    }
    if (srt_buf_failed(&write->meta_bytes)) {
        srt_buf_fini(&write->meta_bytes);
        return srt_fail(err, SRT_ENOMEM, "no memory for %" PRIu32 " positions",
                        write->position_count);
    }
    write->meta = (struct store_meta_entry){
        .kind = METADATA_POSITIONS,
        .data = write->meta_bytes.data,
        .size_bytes = write->meta_bytes.len,
    };
    return SRT_OK;
}

void broker_end_write(struct broker_write *write)
{
    registry_end_writes(write->broker, write->appends, write->append_count);
    srt_buf_fini(&write->meta_bytes);
}

static void on_done(struct store_write *store_write, int code)
{
    struct broker_write *write = srt_container_of(store_write, struct broker_write, store_write);
    broker_end_write(write);
    write->done(write, code);
}

int broker_begin_write(struct broker *broker, struct broker_write *write, struct srt_err *err)
{
    int code = check_write(broker, write, err);
    if (code != SRT_OK) {
        return code;
    }
    write->broker = broker;
    srt_buf_init(&write->meta_bytes);
    if (write->position_count > 0) {
        code = encode_positions(broker, write, err);
    }
    if (code == SRT_OK) {
        code = registry_begin_writes(broker, write->appends, write->append_count, err);
    }
    if (code != SRT_OK) {
        srt_buf_fini(&write->meta_bytes);
        return code;
    }
    write->store_write = (struct store_write){
        .appends = write->appends,
        .append_count = write->append_count,
        .metas = &write->meta,
        .meta_count = write->position_count > 0 ? 1 : 0,
        .done = on_done,
    };
    return SRT_OK;
}

int broker_submit(struct broker *broker, struct broker_write *write, struct srt_err *err)
{
    int code = broker_begin_write(broker, write, err);
    if (code != SRT_OK) {
        return code;
    }
    code = store_submit(broker->store, &write->store_write);
    if (code != SRT_OK) {
        broker_end_write(write);
        return broker_explain(broker, code, err);
    }
    return SRT_OK;
}

int broker_explain(struct broker *broker, int code, struct srt_err *err)
{
    return store_explain(broker->store, code, err);
}

int broker_write_wait(struct broker *broker, struct broker_write *write, struct srt_err *err)
{
    BROKER_MAY_BLOCK();
    int code = broker_begin_write(broker, write, err);
    if (code != SRT_OK) {
        return code;
    }
    code = store_write_wait(broker->store, &write->store_write, err);
    broker_end_write(write);
    return code;
}
