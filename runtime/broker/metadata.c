#include "broker/metadata.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/varint.h"
#include "broker/broker.h"

enum {
    METADATA_VERSION = 1,
    /* Of what holds a topic's options. 1 knew no compression, 2 no compaction. */
    METADATA_CONFIG_VERSION = 3,
    WITH_COMPRESSION = 2,
    WITH_COMPACTION = 3,
};

/* --- writing --- */

static void put_str16(struct srt_buf *to, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    srt_assert(len <= UINT16_MAX);
    srt_buf_put_be16(to, (uint16_t)len);
    srt_buf_put(to, text, len);
}

static void put_id(struct srt_buf *to, const struct topic_id *id)
{
    srt_buf_put(to, id->bytes, sizeof id->bytes);
}

static void put_config(struct srt_buf *to, const struct topic_config *config)
{
    srt_buf_put_be32(to, (uint32_t)config->partition_count);
    srt_buf_put_be64(to, (uint64_t)config->retention_ms);
    srt_buf_put_be64(to, (uint64_t)config->retention_bytes);
    srt_buf_put_be64(to, config->segment_bytes);
    srt_buf_put_be64(to, (uint64_t)config->segment_ms);
    srt_buf_put_be64(to, config->max_record_bytes);
    srt_buf_put_u8(to, (uint8_t)config->cleanup);
    srt_buf_put_u8(to, (uint8_t)config->compression);
    srt_buf_put_be64(to, (uint64_t)config->delete_retention_ms);
}

void metadata_put_topic_created(struct srt_buf *to, const struct topic_id *id, const char *name,
                                const struct topic_config *config)
{
    srt_buf_put_u8(to, METADATA_CONFIG_VERSION);
    metadata_put_snapshot_topic(to, id, name, config);
}

void metadata_put_topic_altered(struct srt_buf *to, const struct topic_id *id,
                                const struct topic_config *config)
{
    srt_buf_put_u8(to, METADATA_CONFIG_VERSION);
    put_id(to, id);
    put_config(to, config);
}

void metadata_put_topic_deleted(struct srt_buf *to, const struct topic_id *id)
{
    srt_buf_put_u8(to, METADATA_VERSION);
    put_id(to, id);
}

void metadata_put_group_deleted(struct srt_buf *to, const char *group)
{
    srt_buf_put_u8(to, METADATA_VERSION);
    put_str16(to, group);
}

void metadata_put_positions(struct srt_buf *to, const char *group, const char *protocol_type,
                            uint32_t count)
{
    srt_buf_put_u8(to, METADATA_VERSION);
    metadata_put_snapshot_group(to, group, protocol_type, count);
}

void metadata_put_position(struct srt_buf *to, const struct group_position *position,
                           const char *former_topic)
{
    put_id(to, &position->topic_id);
    srt_buf_put_be32(to, (uint32_t)position->partition);
    srt_buf_put_be64(to, (uint64_t)position->offset);
    put_str16(to, position->source_name);
    put_str16(to, former_topic);
    srt_buf_put_be32(to, position->detail_len);
    srt_buf_put(to, position->detail, position->detail_len);
}

void metadata_put_snapshot(struct srt_buf *to, uint32_t topic_count)
{
    srt_buf_put_u8(to, METADATA_CONFIG_VERSION);
    srt_buf_put_be32(to, topic_count);
}

void metadata_put_snapshot_topic(struct srt_buf *to, const struct topic_id *id, const char *name,
                                 const struct topic_config *config)
{
    put_id(to, id);
    put_str16(to, name);
    put_config(to, config);
}

void metadata_put_snapshot_groups(struct srt_buf *to, uint32_t group_count)
{
    srt_buf_put_be32(to, group_count);
}

void metadata_put_snapshot_group(struct srt_buf *to, const char *group, const char *protocol_type,
                                 uint32_t position_count)
{
    put_str16(to, group);
    put_str16(to, protocol_type);
    srt_buf_put_be32(to, position_count);
}

/* --- reading: a cursor that fails once and for all --- */

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    const char *wrong; /* NULL while all is well */
    uint8_t version;
};

static const uint8_t *take(struct cursor *c, size_t size)
{
    static const uint8_t zeroes[16];
    if (!c->wrong && (size_t)(c->end - c->at) < size) {
        c->wrong = "it ends too early";
    }
    if (c->wrong) {
        srt_assert(size <= sizeof zeroes);
        return zeroes;
    }
    const uint8_t *from = c->at;
    c->at += size;
    return from;
}

static void must(struct cursor *c, bool condition, const char *wrong)
{
    if (!c->wrong && !condition) {
        c->wrong = wrong;
    }
}

static uint8_t take_u8(struct cursor *c)
{
    return *take(c, 1);
}

static uint32_t take_u32(struct cursor *c)
{
    return srt_get_be32(take(c, 4));
}

static uint64_t take_u64(struct cursor *c)
{
    return srt_get_be64(take(c, 8));
}

static struct srt_str take_bytes(struct cursor *c, size_t size)
{
    must(c, (size_t)(c->end - c->at) >= size, "it ends too early");
    if (c->wrong) {
        return (struct srt_str){"", 0};
    }
    const uint8_t *from = take(c, 0);
    c->at += size;
    return (struct srt_str){(const char *)from, size};
}

/* Texts are C strings in memory: a NUL inside would make two different names one. */
static struct srt_str take_str16(struct cursor *c)
{
    struct srt_str s = take_bytes(c, srt_get_be16(take(c, 2)));
    must(c, s.n == 0 || !memchr(s.p, '\0', s.n), "a text has a NUL byte");
    return s;
}

static struct topic_id take_id(struct cursor *c)
{
    struct topic_id id;
    memcpy(id.bytes, take(c, sizeof id.bytes), sizeof id.bytes);
    return id;
}

static struct topic_id take_topic_id(struct cursor *c)
{
    struct topic_id id = take_id(c);
    must(c, !topic_id_is_zero(&id), "a topic id is zero");
    return id;
}

static struct srt_str take_topic_name(struct cursor *c)
{
    struct srt_str s = take_str16(c);
    char name[SRT_TOPIC_NAME_MAX + 1];
    must(c, s.n > 0 && s.n < sizeof name, "a topic's name is empty or too long");
    if (!c->wrong) {
        memcpy(name, s.p, s.n);
        name[s.n] = '\0';
        must(c, topic_name_valid(name), "a topic's name is not valid");
    }
    return s;
}

static struct srt_str take_group_name(struct cursor *c)
{
    struct srt_str s = take_str16(c);
    must(c, s.n > 0 && s.n <= SRT_GROUP_NAME_MAX, "a group's name is empty or too long");
    return s;
}

static struct topic_config take_config(struct cursor *c)
{
    struct topic_config config;
    topic_config_default(&config);
    config.partition_count = (int32_t)take_u32(c);
    config.retention_ms = (int64_t)take_u64(c);
    config.retention_bytes = (int64_t)take_u64(c);
    config.segment_bytes = take_u64(c);
    config.segment_ms = (int64_t)take_u64(c);
    config.max_record_bytes = take_u64(c);
    config.cleanup = (enum topic_cleanup)take_u8(c);
    must(c, config.cleanup == TOPIC_CLEANUP_DELETE || c->version >= WITH_COMPACTION,
         "a topic's cleanup is none of its version");
    if (c->version >= WITH_COMPRESSION) {
        config.compression = (enum compression)take_u8(c);
    }
    if (c->version >= WITH_COMPACTION) {
        config.delete_retention_ms = (int64_t)take_u64(c);
    }
    struct srt_err err = {0};
    if (!c->wrong && topic_config_check(&config, &err) != SRT_OK) {
        c->wrong = "a topic's options are not valid";
    }
    return config;
}

static struct metadata_position take_position(struct cursor *c)
{
    struct metadata_position position = {0};
    position.topic_id = take_id(c);
    position.partition = (int32_t)take_u32(c);
    position.offset = (int64_t)take_u64(c);
    position.source_name = take_str16(c);
    position.former_topic = take_str16(c);
    uint32_t detail_len = take_u32(c);
    must(c, detail_len <= SRT_POSITION_DETAIL_BYTES_MAX, "a position's detail is too long");
    position.detail = take_bytes(c, detail_len);

    bool named = position.source_name.n > 0;
    must(c, position.source_name.n <= SRT_POSITION_SOURCE_NAME_MAX, "a source's name is too long");
    must(c, topic_id_is_zero(&position.topic_id) == named,
         "a position is of nothing or of two things");
    must(c, !named || (position.partition == 0 && position.former_topic.n == 0),
         "a named source has a partition or topic");
    must(c, position.partition >= 0 && position.partition < SRT_TOPIC_PARTITIONS_MAX,
         "a position's partition is out of range");
    must(c, position.offset >= 0, "a position is negative");
    must(c, position.former_topic.n <= SRT_TOPIC_NAME_MAX, "a topic's name is too long");
    return position;
}

static struct metadata_group take_group(struct cursor *c)
{
    struct metadata_group group = {0};
    group.name = take_group_name(c);
    group.protocol_type = take_str16(c);
    group.position_count = take_u32(c);
    must(c, group.protocol_type.n <= SRT_GROUP_NAME_MAX, "a protocol type is too long");
    const uint8_t *first = c->at;
    for (uint32_t i = 0; i < group.position_count && !c->wrong; i++) {
        (void)take_position(c);
    }
    group.positions = (struct srt_str){(const char *)first, (size_t)(c->at - first)};
    return group;
}

static struct metadata_topic take_topic(struct cursor *c)
{
    struct metadata_topic topic = {0};
    topic.id = take_topic_id(c);
    topic.name = take_topic_name(c);
    topic.config = take_config(c);
    return topic;
}

static int check_version(struct cursor *c, uint8_t newest, const char *what, struct srt_err *err)
{
    c->version = take_u8(c);
    if (!c->wrong && (c->version == 0 || c->version > newest)) {
        return srt_fail(err, SRT_EVERSION, "%s has version %u, this program knows %s%u", what,
                        c->version, newest > METADATA_VERSION ? "1 to " : "", newest);
    }
    return SRT_OK;
}

static int check_end(struct cursor *c, const char *what, struct srt_err *err)
{
    must(c, c->at == c->end, "bytes follow its end");
    if (c->wrong) {
        return srt_fail(err, SRT_ECORRUPT, "%s: %s", what, c->wrong);
    }
    return SRT_OK;
}

int metadata_decode(uint8_t kind, const uint8_t *data, size_t size, struct metadata_entry *ret,
                    struct srt_err *err)
{
    struct cursor c = {.at = data, .end = data + size};
    uint8_t newest = kind == METADATA_TOPIC_CREATED || kind == METADATA_TOPIC_ALTERED
                         ? METADATA_CONFIG_VERSION
                         : METADATA_VERSION;
    char what[48];
    snprintf(what, sizeof what, "metadata entry of kind %u", kind);
    int code = check_version(&c, newest, what, err);
    if (code != SRT_OK) {
        return code;
    }
    struct metadata_entry entry = {.kind = (enum metadata_kind)kind};
    switch (kind) {
    case METADATA_TOPIC_CREATED:
        entry.topic = take_topic(&c);
        break;
    case METADATA_TOPIC_ALTERED:
        entry.topic.id = take_topic_id(&c);
        entry.topic.config = take_config(&c);
        break;
    case METADATA_TOPIC_DELETED:
        entry.topic.id = take_topic_id(&c);
        break;
    case METADATA_POSITIONS:
        entry.group = take_group(&c);
        break;
    case METADATA_GROUP_DELETED:
        entry.group.name = take_group_name(&c);
        break;
    default:
        return srt_fail(err, SRT_EVERSION, "%s: this program knows no such kind", what);
    }
    code = check_end(&c, what, err);
    if (code == SRT_OK) {
        *ret = entry;
    }
    return code;
}

bool metadata_next_position(struct srt_str *positions, struct metadata_position *ret)
{
    if (positions->n == 0) {
        return false;
    }
    const uint8_t *data = (const uint8_t *)positions->p;
    struct cursor c = {.at = data, .end = data + positions->n};
    *ret = take_position(&c);
    srt_assert(!c.wrong);
    *positions = (struct srt_str){(const char *)c.at, (size_t)(c.end - c.at)};
    return true;
}

static int read_snapshot(const uint8_t *data, size_t size, const struct metadata_visitor *visitor,
                         struct srt_err *err)
{
    struct cursor c = {.at = data, .end = data + size};
    int code = check_version(&c, METADATA_CONFIG_VERSION, "metadata snapshot", err);
    uint32_t topic_count = take_u32(&c);
    for (uint32_t i = 0; i < topic_count && !c.wrong && code == SRT_OK; i++) {
        struct metadata_topic topic = take_topic(&c);
        if (visitor && !c.wrong) {
            code = visitor->topic(visitor->ctx, &topic, err);
        }
    }
    uint32_t group_count = take_u32(&c);
    for (uint32_t i = 0; i < group_count && !c.wrong && code == SRT_OK; i++) {
        struct metadata_group group = take_group(&c);
        if (visitor && !c.wrong) {
            code = visitor->group(visitor->ctx, &group, err);
        }
    }
    return code == SRT_OK ? check_end(&c, "metadata snapshot", err) : code;
}

int metadata_decode_snapshot(const uint8_t *data, size_t size,
                             const struct metadata_visitor *visitor, struct srt_err *err)
{
    int code = read_snapshot(data, size, NULL, err);
    return code == SRT_OK ? read_snapshot(data, size, visitor, err) : code;
}
