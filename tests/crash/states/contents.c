#include "contents.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "broker/broker.h"
#include "cli/record_scan.h"
#include "io/fs.h"
#include "states.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- lines --- */

void lines_read(struct lines *lines, const char *path)
{
    struct srt_err err;
    *lines = (struct lines){.count = 0};
    if (io_read_file(io_fs_real(), path, UINT32_MAX, &lines->text, &err) != SRT_OK) {
        fprintf(stderr, "crash_states: %s\n", err.msg);
        exit(70);
    }
    size_t cap = 0;
    for (size_t at = 0; at < lines->text.len; at++) {
        if (lines->text.data[at] != '\n') {
            continue;
        }
        if (lines->count == cap) {
            cap = cap ? 2 * cap : 1024;
            lines->ends = srt_xrealloc(lines->ends, cap * sizeof *lines->ends);
        }
        lines->ends[lines->count++] = at + 1;
    }
}

void lines_fini(struct lines *lines)
{
    srt_buf_fini(&lines->text);
    srt_free(lines->ends);
}

int64_t lines_in(const struct lines *lines, int64_t bytes)
{
    uint32_t low = 0;
    uint32_t high = lines->count;
    while (low < high) { /* the first whose end is at or behind `bytes` */
        uint32_t middle = (low + high) / 2;
        if (lines->ends[middle] < (uint64_t)bytes) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (bytes == 0) {
        return 0;
    }
    return low < lines->count && lines->ends[low] == (uint64_t)bytes ? (int64_t)low + 1 : -1;
}

/* The number of the line that this value is; -1 when it is none. */
static int64_t number_of(const struct lines *lines, const uint8_t *value, int32_t len)
{
    char digits[8] = "";
    if (len < 7) {
        return -1;
    }
    memcpy(digits, value, 7);
    char *end;
    unsigned long number = strtoul(digits, &end, 10);
    if (*end || number >= lines->count) {
        return -1;
    }
    uint64_t start = number ? lines->ends[number - 1] : 0;
    uint64_t size = lines->ends[number] - start - 1;
    return size == (uint64_t)len && memcmp(lines->text.data + start, value, size) == 0
               ? (int64_t)number
               : -1;
}

/* --- reading --- */

struct reading {
    struct contents *to;
    const struct lines *lines;
    struct content_topic *topic;
    struct content_part *part;
    struct srt_buf *why;
    bool ok;
};

static void add_to_digest(struct contents *c, const void *data, size_t size)
{
    c->digest = srt_hash(data, size, c->digest);
}

static int take_record(void *arg, int32_t partition, const struct record *rec, struct srt_err *err)
{
    struct reading *r = arg;
    struct content_part *part = r->part;
    int64_t number = number_of(r->lines, rec->value, rec->value_len);
    bool follows = r->topic->compacted ? rec->offset >= part->start + part->count
                                       : rec->offset == part->start + part->count;
    if (number < 0 || !follows) {
        return srt_fail(err, SRT_ECORRUPT,
                        "topic '%s' partition %d has at offset %" PRId64 ", expected %" PRId64
                        ", a record that nobody wrote: %.20s",
                        r->topic->name, (int)partition, rec->offset, part->start + part->count,
                        rec->value_len > 0 ? (const char *)rec->value : "");
    }
    if (part->count == part->cap) {
        part->cap = part->cap ? 2 * part->cap : 64;
        part->numbers = srt_xrealloc(part->numbers, part->cap * sizeof *part->numbers);
    }
    part->numbers[part->count++] = (uint32_t)number;
    if (r->topic->compacted) {
        return SRT_OK; /* of what it may lose at any time nothing goes into the digest */
    }
    if (rec->key_len > 0) {
        add_to_digest(r->to, rec->key, (size_t)rec->key_len);
    }
    add_to_digest(r->to, &rec->timestamp_ms, sizeof rec->timestamp_ms);
    return SRT_OK;
}

static void read_part(struct reading *r, struct partition *from, int32_t index)
{
    struct srt_err err;
    r->part = &r->topic->parts[index];
    r->part->start = partition_log_start(from);
    r->part->end = partition_high_watermark(from);
    if (record_scan(from, r->part->start, r->part->end, take_record, r, &err) != SRT_OK) {
        srt_buf_printf(r->why, "%s", err.msg);
        r->ok = false;
    } else if (!r->topic->compacted && r->part->start + r->part->count != r->part->end) {
        srt_buf_printf(r->why,
                       "topic '%s' partition %d has %u records from %" PRId64 " to %" PRId64,
                       r->topic->name, (int)index, r->part->count, r->part->start, r->part->end);
        r->ok = false;
    }
    int64_t ends[] = {r->part->start, r->part->end};
    add_to_digest(r->to, ends, sizeof ends);
    if (r->topic->compacted) {
        uint32_t last[STATES_LATEST_KEYS] = {0};
        for (uint32_t i = 0; i < r->part->count; i++) {
            last[r->part->numbers[i] % STATES_LATEST_KEYS] = r->part->numbers[i];
        }
        add_to_digest(r->to, last, sizeof last);
        return;
    }
    add_to_digest(r->to, r->part->numbers, r->part->count * sizeof *r->part->numbers);
}

static void read_topic(void *arg, struct topic *topic)
{
    struct reading *r = arg;
    struct contents *c = r->to;
    if (!r->ok) {
        return;
    }
    c->topics = srt_xrealloc(c->topics, (c->topic_count + 1) * sizeof *c->topics);
    r->topic = &c->topics[c->topic_count++];
    *r->topic = (struct content_topic){
        .name = srt_xstrdup(topic_name(topic)),
        .id = *topic_get_id(topic),
        .part_count = topic_partition_count(topic),
    };
    struct topic_config config;
    topic_get_config(topic, &config);
    r->topic->compacted = config.cleanup != TOPIC_CLEANUP_DELETE;
    r->topic->parts = srt_xcalloc((size_t)r->topic->part_count, sizeof *r->topic->parts);
    add_to_digest(c, r->topic->name, strlen(r->topic->name));
    add_to_digest(c, &r->topic->id, sizeof r->topic->id);
    for (int32_t i = 0; r->ok && i < r->topic->part_count; i++) {
        read_part(r, topic_partition(topic, i), i);
    }
}

static void read_position(void *arg, const struct group_lag *lag)
{
    struct reading *r = arg;
    struct contents *c = r->to;
    const char *source = lag->topic          ? lag->topic
                         : lag->former_topic ? lag->former_topic
                                             : lag->source_name;
    c->positions = srt_xrealloc(c->positions, (c->position_count + 1) * sizeof *c->positions);
    c->positions[c->position_count++] = (struct content_position){
        .group = srt_xstrdup(lag->group),
        .source = srt_xstrdup(source),
        .partition = lag->partition,
        .committed = lag->committed,
    };
    add_to_digest(c, lag->group, strlen(lag->group));
    add_to_digest(c, source, strlen(source));
    int64_t numbers[] = {lag->partition, lag->committed};
    add_to_digest(c, numbers, sizeof numbers);
}

bool contents_read(struct contents *contents, struct broker *broker, const struct lines *lines,
                   struct srt_buf *why)
{
    *contents = (struct contents){.digest = 1};
    struct reading r = {.to = contents, .lines = lines, .why = why, .ok = true};
    broker_topic_each(broker, read_topic, &r);
    broker_group_each_lag(broker, read_position, &r);
    return r.ok;
}

void contents_fini(struct contents *contents)
{
    for (uint32_t i = 0; i < contents->topic_count; i++) {
        struct content_topic *topic = &contents->topics[i];
        for (int32_t p = 0; p < topic->part_count; p++) {
            srt_free(topic->parts[p].numbers);
        }
        srt_free(topic->parts);
        srt_free(topic->name);
    }
    for (uint32_t i = 0; i < contents->position_count; i++) {
        srt_free(contents->positions[i].group);
        srt_free(contents->positions[i].source);
    }
    srt_free(contents->topics);
    srt_free(contents->positions);
    *contents = (struct contents){0};
}

const struct content_topic *contents_topic(const struct contents *contents, const char *name)
{
    for (uint32_t i = 0; i < contents->topic_count; i++) {
        if (strcmp(contents->topics[i].name, name) == 0) {
            return &contents->topics[i];
        }
    }
    return NULL;
}

int64_t contents_position(const struct contents *contents, const char *group, const char *source,
                          int32_t partition)
{
    for (uint32_t i = 0; i < contents->position_count; i++) {
        const struct content_position *at = &contents->positions[i];
        if (strcmp(at->group, group) == 0 && strcmp(at->source, source) == 0 &&
            at->partition == partition) {
            return at->committed;
        }
    }
    return -1;
}
