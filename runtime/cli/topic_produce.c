/* `streamrt topic produce`: lines of standard input become records.
 *
 * Records are gathered per partition and written in rounds: one round is one atomic write over all
 * partitions, sent when enough has come together, or when the input pauses (a read that gave less
 * than was asked for), so that a slow pipe or a person at a terminal is not kept waiting. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"
#include "broker/broker.h"
#include "cli/commands.h"
#include "cli/data_dir.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "record/batch.h"
#include "record/header.h"
#include "record/partitioner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 64 << 10, ROUND_BYTES = 1 << 20, LINE_SLACK_BYTES = 64 << 10 };

struct producer {
    struct broker *broker;
    struct topic *topic;
    struct topic_config config;
    struct batch_builder *builders; /* one a partition */
    int32_t partition_count;
    struct sticky_partitioner sticky;
    struct srt_buf headers;
    int32_t header_count;
    const char *key;      /* --key */
    bool no_key;          /* --no-key */
    int64_t partition;    /* --partition, or -1 */
    int64_t timestamp_ms; /* --timestamp, or -1: now */
    uint64_t line_number;
    uint64_t pending; /* records in the builders */
    uint64_t sent;
};

static int open_topic(struct producer *p, const struct command_line *line, struct srt_err *err)
{
    int32_t partition;
    int code = data_dir_open_writer(command_text(line, "data-dir"), &p->broker, err);
    if (code == SRT_OK) {
        code = data_dir_find_topic(p->broker, line->args[0], &p->topic, &partition, err);
    }
    if (code != SRT_OK) {
        return code;
    }
    if (topic_name_reserved(topic_name(p->topic))) {
        return srt_fail(err, SRT_EDENIED, "topic '%s' is internal", topic_name(p->topic));
    }
    if (partition >= 0) {
        p->partition = partition;
    }
    topic_get_config(p->topic, &p->config);
    p->partition_count = topic_partition_count(p->topic);
    if (p->partition >= p->partition_count) {
        return srt_fail(err, SRT_ENOENT, "topic '%s' has no partition %" PRId64 ": it has 0 to %d",
                        topic_name(p->topic), p->partition, p->partition_count - 1);
    }
    p->builders = srt_xcalloc((size_t)p->partition_count, sizeof *p->builders);
    for (int32_t i = 0; i < p->partition_count; i++) {
        batch_builder_init(&p->builders[i]);
        batch_builder_set_compression(&p->builders[i], p->config.compression);
    }
    sticky_init(&p->sticky, srt_random_u64());
    return SRT_OK;
}

static int read_headers(struct producer *p, const struct command_line *line, struct srt_err *err)
{
    for (size_t i = 0;; i++) {
        const char *text = command_text_at(line, "header", i);
        if (!text) {
            return SRT_OK;
        }
        const char *equals = strchr(text, '=');
        if (!equals || equals == text) {
            return srt_fail(err, SRT_EINVAL, "--header '%s': expected NAME=VALUE", text);
        }
        header_put(&p->headers, text, (size_t)(equals - text), equals + 1,
                   (int32_t)strlen(equals + 1));
        p->header_count++;
    }
}

/* --- writing --- */

static int send_round(struct producer *p, struct srt_err *err)
{
    if (p->pending == 0) {
        return SRT_OK;
    }
    struct store_append *appends = srt_xcalloc((size_t)p->partition_count, sizeof *appends);
    struct broker_write write = {.appends = appends};
    for (int32_t i = 0; i < p->partition_count; i++) {
        const uint8_t *data;
        size_t size;
        if (p->builders[i].record_count == 0) {
            continue;
        }
        batch_builder_finish(&p->builders[i], &data, &size);
        /* the batch is the builder's own memory; the store patches the offset into it */
        appends[write.append_count++] =
            (struct store_append){.part = topic_partition(p->topic, i),
                                  .batches = batch_builder_finished(&p->builders[i]),
                                  .size_bytes = size};
    }
    int code = broker_write_wait(p->broker, &write, err);
    srt_free(appends);
    for (int32_t i = 0; i < p->partition_count; i++) {
        batch_builder_clear(&p->builders[i]);
    }
    if (code == SRT_OK) {
        p->sent += p->pending;
        p->pending = 0;
        sticky_batch_full(&p->sticky);
    }
    return code;
}

static int32_t choose_partition(struct producer *p, const struct record *rec)
{
    if (p->partition >= 0) {
        return (int32_t)p->partition;
    }
    if (rec->key_len == RECORD_ABSENT) {
        return sticky_partition(&p->sticky, p->partition_count);
    }
    return partition_for_key(rec->key, rec->key_len, p->partition_count);
}

static int produce_record(struct producer *p, struct record *rec, struct srt_err *err)
{
    if (topic_check_record(p->topic, rec, err) != SRT_OK) {
        return srt_err_wrap(err, "line %" PRIu64, p->line_number);
    }
    int32_t partition = choose_partition(p, rec);
    struct batch_builder *builder = &p->builders[partition];
    int code = batch_builder_add(builder, rec);
    if (code != SRT_OK) {
        return srt_fail(err, code, "line %" PRIu64 " does not fit memory", p->line_number);
    }
    p->pending++;
    return batch_builder_size(builder) >= ROUND_BYTES ? send_round(p, err) : SRT_OK;
}

static int produce_line(struct producer *p, const uint8_t *line, size_t size, struct srt_err *err)
{
    struct record rec = {.key_len = RECORD_ABSENT,
                         .value = line,
                         .value_len = (int32_t)size,
                         .headers = p->headers.data,
                         .headers_len = (uint32_t)p->headers.len,
                         .header_count = p->header_count,
                         .timestamp_ms = p->timestamp_ms,
                         .offset = -1};
    p->line_number++;
    if (rec.timestamp_ms < 0) {
        rec.timestamp_ms = srt_clock_wall_ms(srt_clock_real());
    }
    const uint8_t *tab = p->key || p->no_key || size == 0 ? NULL : memchr(line, '\t', size);
    if (p->key) {
        rec.key = (const uint8_t *)p->key;
        rec.key_len = (int32_t)strlen(p->key);
    } else if (tab) {
        rec.key = line;
        rec.key_len = (int32_t)(tab - line);
        rec.value = tab + 1;
        rec.value_len = (int32_t)(size - (size_t)(tab - line) - 1);
    }
    return produce_record(p, &rec, err);
}

/* --- reading --- */

/* The whole lines of `buf`; what is left of the last one stays. */
static int produce_lines(struct producer *p, struct srt_buf *buf, struct srt_err *err)
{
    size_t at = 0;
    int code = SRT_OK;
    while (code == SRT_OK && at < buf->len) {
        const uint8_t *line = buf->data + at;
        const uint8_t *newline = memchr(line, '\n', buf->len - at);
        if (!newline) {
            break;
        }
        code = produce_line(p, line, (size_t)(newline - line), err);
        at += (size_t)(newline - line) + 1;
    }
    srt_buf_consume(buf, at);
    if (code == SRT_OK && buf->len > p->config.max_record_bytes + LINE_SLACK_BYTES) {
        code = srt_fail(err, SRT_ETOOBIG,
                        "line %" PRIu64 " is longer than topic '%s' takes (%" PRIu64 ")",
                        p->line_number + 1, topic_name(p->topic), p->config.max_record_bytes);
    }
    return code;
}

static int produce_input(struct producer *p, struct srt_err *err)
{
    struct srt_buf buf;
    int code = SRT_OK;
    srt_buf_init(&buf);
    while (code == SRT_OK) {
        uint8_t *to = srt_buf_reserve(&buf, READ_BYTES);
        if (!to) {
            code = srt_fail(err, SRT_ENOMEM, "a line does not fit memory");
            break;
        }
        ssize_t n = read(STDIN_FILENO, to, READ_BYTES);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            code = srt_fail_sys(err, SRT_EIO, errno, "read standard input");
            break;
        }
        if (n == 0) {
            if (buf.len > 0) { /* the last line has no newline */
                code = produce_line(p, buf.data, buf.len, err);
            }
            break;
        }
        buf.len += (size_t)n;
        code = produce_lines(p, &buf, err);
        if (code == SRT_OK && n < READ_BYTES) {
            code = send_round(p, err);
        }
    }
    srt_buf_fini(&buf);
    return code;
}

int topic_produce_run(const struct command_line *line)
{
    struct srt_err err = {0};
    struct srt_err end_err = {0};
    struct producer p = {.key = command_text(line, "key"),
                         .no_key = command_has(line, "no-key"),
                         .partition = command_number(line, "partition", -1),
                         .timestamp_ms = command_number(line, "timestamp", -1)};
    if (p.key && p.no_key) {
        return command_misuse(line, "--key and --no-key exclude each other");
    }
    srt_buf_init(&p.headers);
    int code = read_headers(&p, line, &err);
    if (code != SRT_OK) {
        code = command_misuse(line, "%s", err.msg);
        srt_buf_fini(&p.headers);
        return code;
    }
    code = open_topic(&p, line, &err);
    if (code == SRT_OK && isatty(STDIN_FILENO)) {
        output_note("%s, one record a line; Ctrl-D to end",
                    p.key || p.no_key ? "value" : "key<TAB>value, or a value alone");
    }
    if (code == SRT_OK) {
        code = produce_input(&p, &err);
        /* what was good before a bad line is kept */
        int sent = send_round(&p, &end_err);
        if (code == SRT_OK && sent != SRT_OK) {
            code = sent;
            err = end_err;
        }
        output_note("produced %" PRIu64 " record%s to '%s'", p.sent, p.sent == 1 ? "" : "s",
                    topic_name(p.topic));
    }
    for (int32_t i = 0; p.builders && i < p.partition_count; i++) {
        batch_builder_fini(&p.builders[i]);
    }
    srt_free(p.builders);
    srt_buf_fini(&p.headers);
    int closed = broker_close(p.broker, &end_err);
    if (code == SRT_OK && closed != SRT_OK) {
        code = closed;
        err = end_err;
    }
    return data_dir_end(line, code, &err);
}
