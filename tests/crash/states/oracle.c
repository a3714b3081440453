/* The promises, and where they are read off the trace:
 *
 *   a batch is written to a segment   its frame is durable: readers may have seen it by now
 *   "summary ..." is printed          the job has committed all lines that there were
 *   "produced N records ..."          the records are there
 *   "ready" is printed                the declared topics are there
 *   "created topic ..."               this one is
 *   what writer.c says                its commits, topics and deletions
 *
 * And what holds at every moment, whatever was promised, because one commit is one frame: the
 * outputs of the job are those of the lines below its position, no more and no less, in every topic
 * and in the file; the second pipeline's those of the records below its positions; writer.c's two
 * topics and its position agree. */
#include "oracle.h"

#include "base/alloc.h"
#include "record/batch.h"
#include "states.h"
#include "store/segment.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES_MAX = 256 };

/* A partition, by its directory's name, and how far it was written to its segments. */
struct known_part {
    char name[NAME_BYTES_MAX]; /* <topic id>-<topic>-<partition> */
    struct topic_id id;
    int32_t index;
    int64_t end;
};

enum topic_fate { TOPIC_CREATED, TOPIC_MAY_GO, TOPIC_GONE };

struct known_topic {
    char name[NAME_BYTES_MAX];
    enum topic_fate fate;
};

struct oracle {
    const struct lines *lines;
    char *line_source;
    char *sink_source;
    struct known_part *parts;
    size_t part_count;
    struct known_topic *topics;
    size_t topic_count;
    int64_t lines_there; /* in the file, for the process that runs */
    int64_t lines_done;  /* committed by the job */
    int64_t typed;       /* records of `topic produce` */
    int64_t written;     /* commits of writer.c */
};

struct oracle *oracle_create(const struct lines *lines, const char *lines_path,
                             const char *sink_path)
{
    struct oracle *o = srt_xcalloc(1, sizeof *o);
    o->lines = lines;
    o->line_source = srt_xasprintf("file:%s", lines_path);
    o->sink_source = srt_xasprintf("sink:file:%s", sink_path);
    return o;
}

void oracle_destroy(struct oracle *o)
{
    srt_free(o->line_source);
    srt_free(o->sink_source);
    srt_free(o->parts);
    srt_free(o->topics);
    srt_free(o);
}

bool oracle_expects_data(const struct oracle *o)
{
    return o->topic_count > 0 || o->part_count > 0;
}

/* --- learning --- */

static struct known_part *part_of(struct oracle *o, const char *name, size_t len)
{
    for (size_t i = 0; i < o->part_count; i++) {
        if (strlen(o->parts[i].name) == len && memcmp(o->parts[i].name, name, len) == 0) {
            return &o->parts[i];
        }
    }
    o->parts = srt_xrealloc(o->parts, (o->part_count + 1) * sizeof *o->parts);
    struct known_part *part = &o->parts[o->part_count++];
    *part = (struct known_part){.end = 0};
    snprintf(part->name, sizeof part->name, "%.*s", (int)len, name);
    const char *dash = strrchr(part->name, '-');
    part->index = dash ? (int32_t)strtol(dash + 1, NULL, 10) : -1;
    if (!dash || len < 32 || topic_id_parse(part->name, 32, &part->id) != SRT_OK) {
        fprintf(stderr, "crash_states: '%s' is no directory of a partition\n", part->name);
        exit(70);
    }
    return part;
}

static void learn_write(struct oracle *o, const char *path, const struct trace_entry *entry,
                        const char *data)
{
    static const char topics[] = "/data/topics/";
    size_t len = strlen(path);
    if (strncmp(path, topics, sizeof topics - 1) != 0 || len < 4 ||
        strcmp(path + len - 4, ".seg") != 0 || entry->b < SEGMENT_HEADER_BYTES) {
        return;
    }
    const char *name = path + sizeof topics - 1;
    struct known_part *part = part_of(o, name, strcspn(name, "/"));
    const uint8_t *bytes = (const uint8_t *)data;
    struct batch_info info;
    for (size_t at = 0; at < entry->size_bytes; at += info.size_bytes) {
        if (batch_parse(bytes + at, entry->size_bytes - at, &info) != SRT_OK) {
            return; /* the rest of a write that was cut short */
        }
        int64_t end = batch_last_offset(&info) + 1;
        part->end = end > part->end ? end : part->end;
    }
}

static void learn_topic(struct oracle *o, const char *name, size_t len, enum topic_fate fate)
{
    for (size_t i = 0; i < o->topic_count; i++) {
        if (strlen(o->topics[i].name) == len && memcmp(o->topics[i].name, name, len) == 0) {
            o->topics[i].fate = fate;
            return;
        }
    }
    o->topics = srt_xrealloc(o->topics, (o->topic_count + 1) * sizeof *o->topics);
    struct known_topic *topic = &o->topics[o->topic_count++];
    topic->fate = fate;
    snprintf(topic->name, sizeof topic->name, "%.*s", (int)len, name);
}

static void learn_line(struct oracle *o, const char *line, size_t len)
{
    static const char *const declared[] = {"all", "recent", "sevens", "second", "typed"};
    static const struct {
        const char *word;
        enum topic_fate fate;
    } fates[] = {
        {"created ", TOPIC_CREATED}, {"deleting ", TOPIC_MAY_GO}, {"deleted ", TOPIC_GONE}};
    int64_t number;
    char name[NAME_BYTES_MAX];
    if (sscanf(line, "created topic '%255[^']'", name) == 1) { /* `topic create` */
        learn_topic(o, name, strlen(name), TOPIC_CREATED);
        return;
    }
    if (sscanf(line, "lines %" SCNd64, &number) == 1) {
        o->lines_there = number;
    } else if (strncmp(line, "summary ", 8) == 0) {
        o->lines_done = o->lines_there;
    } else if (sscanf(line, "produced %" SCNd64, &number) == 1) {
        o->typed += number;
    } else if (sscanf(line, "wrote %" SCNd64, &number) == 1) {
        o->written = number;
    } else if (strncmp(line, "ready", 5) == 0) {
        for (size_t i = 0; i < sizeof declared / sizeof *declared; i++) {
            learn_topic(o, declared[i], strlen(declared[i]), TOPIC_CREATED);
        }
    }
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++) {
        size_t word = strlen(fates[i].word);
        if (len > word && strncmp(line, fates[i].word, word) == 0) {
            learn_topic(o, line + word, len - word, fates[i].fate);
        }
    }
}

void oracle_learn(struct oracle *o, const struct replay *replay, const struct trace_entry *entry,
                  const char *data)
{
    if (entry->op == TRACE_WRITE) {
        learn_write(o, replay_path(replay, entry->a), entry, data);
    } else if (entry->op == TRACE_SAY || entry->op == TRACE_NOTE) {
        for (size_t at = 0; at < entry->size_bytes;) {
            size_t len = strcspn(data + at, "\n");
            learn_line(o, data + at, len);
            at += len + 1;
        }
    }
}

/* --- what was promised --- */

static bool is_gone_rightly(const struct oracle *o, const struct known_part *part)
{
    for (size_t i = 0; i < o->topic_count; i++) {
        size_t len = strlen(o->topics[i].name);
        if (o->topics[i].fate != TOPIC_CREATED && part->name[32] == '-' &&
            strncmp(part->name + 33, o->topics[i].name, len) == 0 && part->name[33 + len] == '-') {
            return true;
        }
    }
    return false;
}

static bool check_part(const struct oracle *o, const struct contents *c,
                       const struct known_part *known, struct srt_buf *why)
{
    for (uint32_t i = 0; i < c->topic_count; i++) {
        const struct content_topic *topic = &c->topics[i];
        if (!topic_id_equal(&topic->id, &known->id)) {
            continue;
        }
        if (known->index < topic->part_count && topic->parts[known->index].end >= known->end) {
            return true;
        }
        srt_buf_printf(why,
                       "partition '%s' was visible up to offset %" PRId64 ", now up to %" PRId64,
                       known->name, known->end,
                       known->index < topic->part_count ? topic->parts[known->index].end : -1);
        return false;
    }
    if (is_gone_rightly(o, known)) {
        return true;
    }
    srt_buf_printf(why, "partition '%s' was visible, and its topic is gone", known->name);
    return false;
}

static bool check_promises(const struct oracle *o, const struct contents *c, struct srt_buf *why)
{
    for (size_t i = 0; i < o->part_count; i++) {
        if (!check_part(o, c, &o->parts[i], why)) {
            return false;
        }
    }
    for (size_t i = 0; i < o->topic_count; i++) {
        const struct known_topic *known = &o->topics[i];
        bool there = contents_topic(c, known->name) != NULL;
        if (known->fate == TOPIC_CREATED && !there) {
            srt_buf_printf(why, "topic '%s' was created and is gone", known->name);
            return false;
        }
        if (known->fate == TOPIC_GONE && there) {
            srt_buf_printf(why, "topic '%s' was deleted and is there", known->name);
            return false;
        }
    }
    return true;
}

/* --- what always holds --- */

/* All numbers of a topic's records below these ends (NULL: all), each counted. */
static uint32_t *count_numbers(const struct oracle *o, const struct content_topic *topic,
                               const int64_t *ends)
{
    uint32_t *counts = srt_xcalloc(o->lines->count + 1, sizeof *counts);
    for (int32_t p = 0; topic && p < topic->part_count; p++) {
        const struct content_part *part = &topic->parts[p];
        for (uint32_t i = 0; i < part->count; i++) {
            if (!ends || part->start + i < ends[p]) {
                counts[part->numbers[i]]++;
            }
        }
    }
    return counts;
}

/* The topic must hold each line below `limit` that is a multiple of `step` once, and no other. */
static bool check_set(const struct oracle *o, const struct contents *c, const char *name,
                      int64_t limit, uint32_t step, struct srt_buf *why)
{
    uint32_t *counts = count_numbers(o, contents_topic(c, name), NULL);
    bool ok = true;
    for (uint32_t n = 0; ok && n < o->lines->count; n++) {
        uint32_t expected = n < limit && n % step == 0;
        ok = counts[n] == expected;
        if (!ok) {
            srt_buf_printf(why,
                           "topic '%s' has line %u %u times, expected %u: %" PRId64
                           " lines are committed",
                           name, n, counts[n], expected, limit);
        }
    }
    srt_free(counts);
    return ok;
}

/* Of a topic that retention trims: partition p of n holds the lines p, p + n, p + 2n ... in order,
 * from some offset up to the last line below `limit`. */
static bool check_rows(const struct contents *c, const char *name, int64_t limit,
                       struct srt_buf *why)
{
    const struct content_topic *topic = contents_topic(c, name);
    if (!topic && limit > 0) {
        srt_buf_printf(why, "topic '%s' is gone, but %" PRId64 " lines are committed", name, limit);
        return false;
    }
    for (int32_t p = 0; topic && p < topic->part_count; p++) {
        const struct content_part *part = &topic->parts[p];
        int64_t end = (limit - p + topic->part_count - 1) / topic->part_count;
        if (part->end != (end < 0 ? 0 : end)) {
            srt_buf_printf(why,
                           "topic '%s' partition %d ends at %" PRId64 ", but %" PRId64
                           " lines are committed",
                           name, (int)p, part->end, limit);
            return false;
        }
        for (uint32_t i = 0; i < part->count; i++) {
            if (part->numbers[i] != (part->start + i) * topic->part_count + p) {
                srt_buf_printf(why, "topic '%s' partition %d has line %u at offset %" PRId64, name,
                               (int)p, part->numbers[i], part->start + i);
                return false;
            }
        }
    }
    return true;
}

/* The file has the committed lines, and perhaps more behind them, which the next start cuts. */
static bool check_sink(const struct oracle *o, const struct contents *c, const struct io_fs *fs,
                       const char *path, int64_t limit, struct srt_buf *why)
{
    int64_t at = contents_position(c, "copy", o->sink_source, 0);
    int64_t expected = limit > 0 ? (int64_t)o->lines->ends[limit - 1] : 0;
    if ((at < 0 ? 0 : at) != expected) {
        srt_buf_printf(why, "the sink's position is %" PRId64 ", but the lines' is %" PRId64, at,
                       expected);
        return false;
    }
    struct srt_buf bytes = {0};
    struct srt_err err;
    int rc = io_read_file(fs, path, SIZE_MAX / 2, &bytes, &err);
    bool ok = expected == 0 || (rc == SRT_OK && bytes.len >= (uint64_t)expected &&
                                memcmp(bytes.data, o->lines->text.data, (size_t)expected) == 0);
    if (!ok) {
        srt_buf_printf(why,
                       "the file has %zu bytes (%s), and the first %" PRId64
                       " are not the committed lines",
                       bytes.len, rc == SRT_OK ? "read" : err.msg, expected);
    }
    srt_buf_fini(&bytes);
    return ok;
}

static bool check_copy(const struct oracle *o, const struct contents *c, const struct io_fs *fs,
                       const char *sink, bool finished, struct srt_buf *why)
{
    int64_t at = contents_position(c, "copy", o->line_source, 0);
    int64_t done = lines_in(o->lines, at < 0 ? 0 : at);
    if (done < (finished ? (int64_t)o->lines->count : o->lines_done)) {
        srt_buf_printf(why,
                       "the job's position is %" PRId64 " (line %" PRId64 "), but %" PRId64
                       " lines were done",
                       at, done, finished ? (int64_t)o->lines->count : o->lines_done);
        return false;
    }
    return check_set(o, c, "all", done, 1, why) && check_set(o, c, "sevens", done, 7, why) &&
           check_rows(c, "recent", done, why) && check_sink(o, c, fs, sink, done, why);
}

static bool check_again(const struct oracle *o, const struct contents *c, bool finished,
                        struct srt_buf *why)
{
    const struct content_topic *all = contents_topic(c, "all");
    int64_t ends[STATES_PARTS_MAX] = {0};
    for (int32_t p = 0; all && p < all->part_count; p++) {
        int64_t at = contents_position(c, "again", "all", p);
        ends[p] = at < 0 ? 0 : at;
        if (ends[p] > all->parts[p].end || (finished && ends[p] < all->parts[p].end)) {
            srt_buf_printf(why,
                           "the second pipeline is at offset %" PRId64
                           " of partition %d, which ends at "
                           "%" PRId64,
                           ends[p], (int)p, all->parts[p].end);
            return false;
        }
    }
    uint32_t *expected = count_numbers(o, all, ends);
    uint32_t *found = count_numbers(o, contents_topic(c, "second"), NULL);
    bool ok = true;
    for (uint32_t n = 0; ok && n < o->lines->count; n++) {
        ok = found[n] == expected[n];
        if (!ok) {
            srt_buf_printf(why, "topic 'second' has line %u %u times, expected %u", n, found[n],
                           expected[n]);
        }
    }
    srt_free(expected);
    srt_free(found);
    return ok;
}

static int64_t count_records(const struct contents *c, const char *name)
{
    const struct content_topic *topic = contents_topic(c, name);
    int64_t count = 0;
    for (int32_t p = 0; topic && p < topic->part_count; p++) {
        count += topic->parts[p].count;
    }
    return count;
}

/* Rounds are written one after the other, each as a whole: what is there is a prefix. */
static bool check_typed(const struct oracle *o, const struct contents *c, struct srt_buf *why)
{
    int64_t there = count_records(c, "typed");
    if (there < o->typed) {
        srt_buf_printf(why,
                       "topic 'typed' has %" PRId64 " records, but %" PRId64 " were acknowledged",
                       there, o->typed);
        return false;
    }
    return check_set(o, c, "typed", there, 1, why);
}

/* Of a compacted topic: lines below `limit` in order, of each key (n % STATES_LATEST_KEYS) the last
 * one. */
static bool check_latest(const struct contents *c, const char *name, int64_t limit,
                         struct srt_buf *why)
{
    const struct content_topic *topic = contents_topic(c, name);
    const struct content_part *part = topic ? &topic->parts[0] : NULL;
    int64_t last[STATES_LATEST_KEYS];
    for (int k = 0; k < STATES_LATEST_KEYS; k++) {
        last[k] = -1;
    }
    int64_t before = -1;
    for (uint32_t i = 0; part && i < part->count; i++) {
        int64_t number = part->numbers[i];
        if (number <= before || number >= limit) {
            srt_buf_printf(why, "topic '%s' has line %" PRId64 " behind line %" PRId64, name,
                           number, before);
            return false;
        }
        before = number;
        last[number % STATES_LATEST_KEYS] = number;
    }
    for (int64_t n = limit > STATES_LATEST_KEYS ? limit - STATES_LATEST_KEYS : 0; n < limit; n++) {
        if (last[n % STATES_LATEST_KEYS] != n) {
            srt_buf_printf(why,
                           "topic '%s' has line %" PRId64 " as the last of its key, expected"
                           " %" PRId64 ": %" PRId64 " lines are committed",
                           name, last[n % STATES_LATEST_KEYS], n, limit);
            return false;
        }
    }
    return true;
}

static bool check_written(const struct oracle *o, const struct contents *c, struct srt_buf *why)
{
    int64_t at = contents_position(c, STATES_WRITER_GROUP, STATES_WRITER_SOURCE, 0);
    at = at < 0 ? 0 : at;
    if (at < o->written) {
        srt_buf_printf(
            why, "the writer's position is %" PRId64 ", but %" PRId64 " commits were acknowledged",
            at, o->written);
        return false;
    }
    return check_rows(c, "left", at, why) && check_rows(c, "right", at, why) &&
           check_latest(c, "latest", at, why);
}

bool oracle_check(const struct oracle *o, const struct contents *c, const struct io_fs *fs,
                  const char *sink, bool finished, struct srt_buf *why)
{
    return check_promises(o, c, why) && check_copy(o, c, fs, sink, finished, why) &&
           check_again(o, c, finished, why) && check_typed(o, c, why) && check_written(o, c, why);
}
