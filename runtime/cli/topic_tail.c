/* `streamrt topic tail`: the last records of a topic, or what comes from some offset on; -f goes
 * on.
 *
 * Beside a running server there is no door to ask through, so following looks at the data
 * directory: a read-only view shows everything that is durable at the moment it is opened, and a
 * new one is opened when the journal's files say that something was written. Looking at their times
 * is all that is done while nothing happens. */
#include "base/alloc.h"
#include "base/clock.h"
#include "broker/broker.h"
#include "cli/commands.h"
#include "cli/data_dir.h"
#include "cli/exit_code.h"
#include "cli/offset_spec.h"
#include "cli/output.h"
#include "cli/record_format.h"
#include "cli/record_scan.h"
#include "io/fs.h"
#include "io/loop.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    TAIL_DEFAULT_COUNT = 10,
    FOLLOW_INTERVAL_MS = 200,
    /* Two writes within one tick of the file system's clock leave the same time: look again after a
     * write that is younger than this. */
    CLOCK_TICK_MS = 50,
};

/* A copy of a record, for putting the last ones of all partitions into order. */
struct kept {
    int64_t timestamp_ms;
    int64_t offset;
    int32_t partition;
    size_t line_at; /* in tail.lines */
    size_t line_len;
};

struct tail {
    const char *data_dir;
    const char *name; /* TOPIC[/PARTITION] as given */
    const char *topic;
    const struct record_format *format; /* NULL: JSON lines */
    bool follow;
    struct offset_spec spec;
    int64_t limit; /* records still to print; -1: all */
    int64_t *next; /* per partition: the first offset not yet looked at */
    int32_t count; /* of next */
    int32_t only;  /* partition, or -1 */
    struct srt_buf out;
    struct srt_buf lines;
    struct kept *kept;
    size_t kept_count;
    size_t kept_cap;
    struct io_loop *loop;
    uint64_t seen; /* fingerprint of the journal at the last look */
    bool fresh;    /* something may have been written within the same tick */
    int code;
    struct srt_err err;
};

static void format_record(const struct tail *tail, struct srt_buf *to, int32_t partition,
                          const struct record *rec)
{
    if (tail->format) {
        record_format_put(tail->format, to, tail->topic, partition, rec);
    } else {
        record_format_json(to, tail->topic, partition, rec);
    }
}

/* --- the last N of all partitions, by time --- */

static int keep_record(void *arg, int32_t partition, const struct record *rec, struct srt_err *err)
{
    struct tail *tail = arg;
    if (tail->kept_count == tail->kept_cap) {
        tail->kept_cap = tail->kept_cap ? tail->kept_cap * 2 : 64;
        tail->kept = srt_xrealloc(tail->kept, tail->kept_cap * sizeof *tail->kept);
    }
    size_t at = tail->lines.len;
    format_record(tail, &tail->lines, partition, rec);
    if (srt_buf_failed(&tail->lines)) {
        return srt_fail(err, SRT_ENOMEM, "the last records do not fit memory; give a smaller -n");
    }
    tail->kept[tail->kept_count++] = (struct kept){.timestamp_ms = rec->timestamp_ms,
                                                   .offset = rec->offset,
                                                   .partition = partition,
                                                   .line_at = at,
                                                   .line_len = tail->lines.len - at};
    return SRT_OK;
}

static int compare_kept(const void *left, const void *right)
{
    const struct kept *a = left;
    const struct kept *b = right;
    /* Within a partition the offset decides, whatever the timestamps say; qsort needs one order for
     * all, so the lines of a partition get times that never go back (see order_kept). */
    if (a->timestamp_ms != b->timestamp_ms) {
        return a->timestamp_ms < b->timestamp_ms ? -1 : 1;
    }
    if (a->partition != b->partition) {
        return a->partition < b->partition ? -1 : 1;
    }
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static void order_kept(struct tail *tail)
{
    for (size_t i = 1; i < tail->kept_count; i++) {
        struct kept *one = &tail->kept[i];
        const struct kept *before = one - 1;
        if (one->partition == before->partition && one->timestamp_ms < before->timestamp_ms) {
            one->timestamp_ms = before->timestamp_ms;
        }
    }
    if (tail->kept_count > 0) {
        qsort(tail->kept, tail->kept_count, sizeof *tail->kept, compare_kept);
    }
}

static int print_last(struct tail *tail, struct topic *topic, struct srt_err *err)
{
    int64_t count = tail->limit >= 0 ? tail->limit : TAIL_DEFAULT_COUNT;
    int code = SRT_OK;
    for (int32_t i = 0; i < tail->count && code == SRT_OK; i++) {
        struct partition *part = topic_partition(topic, i);
        if (tail->only >= 0 && i != tail->only) {
            continue;
        }
        int64_t end = partition_high_watermark(part);
        int64_t start = partition_log_start(part);
        tail->next[i] = end;
        code = record_scan(part, count > end - start ? start : end - count, end, keep_record, tail,
                           err);
    }
    order_kept(tail);
    size_t first = tail->kept_count > (size_t)count ? tail->kept_count - (size_t)count : 0;
    for (size_t i = first; i < tail->kept_count && code == SRT_OK; i++) {
        srt_buf_put(&tail->out, tail->lines.data + tail->kept[i].line_at, tail->kept[i].line_len);
        code = output_flush_large(&tail->out, err);
    }
    tail->limit = -1; /* what follows is not limited */
    srt_buf_fini(&tail->lines);
    return code;
}

/* --- from an offset on --- */

static int print_record(void *arg, int32_t partition, const struct record *rec, struct srt_err *err)
{
    struct tail *tail = arg;
    if (tail->limit == 0) {
        return SRT_EEND;
    }
    tail->limit -= tail->limit > 0;
    format_record(tail, &tail->out, partition, rec);
    tail->next[partition] = rec->offset + 1;
    return output_flush_large(&tail->out, err);
}

static int print_new(struct tail *tail, struct topic *topic, struct srt_err *err)
{
    int code = SRT_OK;
    for (int32_t i = 0; i < topic_partition_count(topic) && code == SRT_OK; i++) {
        struct partition *part = topic_partition(topic, i);
        if (tail->only >= 0 && i != tail->only) {
            continue;
        }
        if (i >= tail->count) { /* a partition that was added meanwhile */
            tail->next = srt_xrealloc(tail->next, (size_t)(i + 1) * sizeof *tail->next);
            tail->next[i] = 0;
            tail->count = i + 1;
        }
        code = record_scan(part, tail->next[i], INT64_MAX, print_record, tail, err);
    }
    return code;
}

static int print_range(struct tail *tail, struct topic *topic, struct srt_err *err)
{
    int code = SRT_OK;
    for (int32_t i = 0; i < tail->count && code == SRT_OK; i++) {
        struct partition *part = topic_partition(topic, i);
        int64_t from = 0;
        int64_t to = 0;
        if (tail->only >= 0 && i != tail->only) {
            continue;
        }
        code = record_scan_resolve(part, &tail->spec.from, &from, err);
        if (code == SRT_OK) {
            code = record_scan_resolve(part, &tail->spec.to, &to, err);
        }
        if (code == SRT_OK) {
            tail->next[i] = from;
            code = record_scan(part, from, to, print_record, tail, err);
            tail->next[i] = to > from ? to : from;
        }
    }
    return code;
}

/* --- looking --- */

/* One look through a new read-only view. */
static int look(struct tail *tail, int (*print)(struct tail *, struct topic *, struct srt_err *),
                struct srt_err *err)
{
    struct broker *broker = NULL;
    struct topic *topic;
    struct srt_err ignored = {0};
    int code = data_dir_open_reader(tail->data_dir, &broker, err);
    if (code == SRT_OK) {
        code = data_dir_find_topic(broker, tail->name, &topic, &tail->only, err);
    }
    if (code == SRT_OK) {
        tail->topic = topic_name(topic);
        if (!tail->next) {
            tail->count = topic_partition_count(topic);
            tail->next = srt_xcalloc((size_t)tail->count, sizeof *tail->next);
        }
        code = print(tail, topic, err);
    }
    if (code == SRT_OK || (code == SRT_EEND && tail->limit == 0)) {
        code = output_flush(&tail->out, err);
        if (code == SRT_OK && tail->limit == 0) {
            code = SRT_EEND;
        }
    }
    broker_close(broker, &ignored);
    return code;
}

/* Names, sizes and times of the journal's files in one number. */
static uint64_t fingerprint(struct tail *tail, int64_t *ret_newest_ms)
{
    const struct io_fs *fs = io_fs_real();
    struct srt_err ignored = {0};
    struct io_list list = {0};
    uint64_t sum = 1469598103934665603u; /* FNV-1a */
    char *dir = srt_xasprintf("%s/journal", tail->data_dir);
    *ret_newest_ms = 0;
    if (io_list_dir(fs, dir, &list, &ignored) == SRT_OK) {
        for (size_t i = 0; i < list.count; i++) {
            struct io_file_info info = {0};
            char *path = srt_xasprintf("%s/%s", dir, list.names[i]);
            if (io_path_info(fs, path, &info, &ignored) == SRT_OK) {
                sum = (sum ^ info.inode) * 1099511628211u;
                sum = (sum ^ info.size_bytes) * 1099511628211u;
                sum = (sum ^ (uint64_t)info.modified_ms) * 1099511628211u;
                *ret_newest_ms =
                    info.modified_ms > *ret_newest_ms ? info.modified_ms : *ret_newest_ms;
            }
            srt_free(path);
        }
        io_list_free(&list);
    }
    srt_free(dir);
    return sum;
}

/* Whether a new look may show something. */
static bool written_since(struct tail *tail)
{
    int64_t newest_ms;
    uint64_t now = fingerprint(tail, &newest_ms);
    bool changed = now != tail->seen || tail->fresh;
    tail->seen = now;
    tail->fresh = srt_clock_wall_ms(srt_clock_real()) - newest_ms < CLOCK_TICK_MS;
    return changed;
}

static void on_tick(void *arg)
{
    struct tail *tail = arg;
    if (!written_since(tail)) {
        return;
    }
    tail->code = look(tail, print_new, &tail->err);
    if (tail->code != SRT_OK) {
        io_loop_stop(tail->loop);
    }
}

static int follow(struct tail *tail)
{
    struct io_loop loop;
    struct io_timer timer;
    int code = io_loop_init(&loop, &tail->err);
    if (code != SRT_OK) {
        return code;
    }
    tail->loop = &loop;
    io_timer_init(&timer, &loop, on_tick, tail);
    io_timer_start(&timer, FOLLOW_INTERVAL_MS, FOLLOW_INTERVAL_MS);
    io_loop_run(&loop); /* until something fails, standard output closes, or a signal ends us */
    io_timer_close(&timer, NULL);
    io_loop_fini(&loop);
    return tail->code;
}

int topic_tail_run(const struct command_line *line)
{
    struct tail tail = {.data_dir = command_text(line, "data-dir"),
                        .name = line->args[0],
                        .follow = command_has(line, "follow"),
                        .limit = command_number(line, "last", -1),
                        .only = -1};
    struct record_format format = {0};
    const char *offset = command_text(line, "offset");
    const char *text = command_text(line, "format");
    int64_t now_ms = srt_clock_wall_ms(srt_clock_real());
    if (offset && offset_spec_parse(offset, now_ms, &tail.spec, &tail.err) != SRT_OK) {
        return command_misuse(line, "%s", tail.err.msg);
    }
    if (text && record_format_parse(&format, text, &tail.err) != SRT_OK) {
        return command_misuse(line, "%s", tail.err.msg);
    }
    tail.format = text ? &format : NULL;
    srt_buf_init(&tail.out);
    srt_buf_init(&tail.lines);
    int64_t newest_ms;
    tail.seen =
        fingerprint(&tail, &newest_ms); /* before the first look: what comes during it counts */
    tail.fresh = now_ms - newest_ms < CLOCK_TICK_MS;
    int code = look(&tail, offset ? print_range : print_last, &tail.err);
    if (code == SRT_OK && tail.follow) {
        code = follow(&tail);
    }
    srt_buf_fini(&tail.out);
    srt_buf_fini(&tail.lines);
    record_format_fini(&format);
    srt_free(tail.kept);
    srt_free(tail.next);
    return data_dir_end(line, code, &tail.err);
}
