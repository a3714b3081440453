/* `streamrt log ...`: what is in a data directory, read without a lock and without writing: beside
 * a running server, and after a crash exactly what recovery would keep. */
#include "base/str.h"
#include "broker/broker.h"
#include "cli/commands.h"
#include "cli/data_dir.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/record_format.h"
#include "cli/record_scan.h"
#include "cli/table_format.h"
#include "record/json.h"

#include <inttypes.h>
#include <string.h>

enum { OUTPUT_JSON = 1 }; /* the second choice of --output everywhere here */

/* --- dump --- */

struct dump {
    const char *topic;
    const struct record_format *format; /* NULL: JSON lines */
    struct srt_buf *out;
};

static int dump_record(void *arg, int32_t partition, const struct record *rec, struct srt_err *err)
{
    struct dump *dump = arg;
    if (dump->format) {
        record_format_put(dump->format, dump->out, dump->topic, partition, rec);
    } else {
        record_format_json(dump->out, dump->topic, partition, rec);
    }
    return output_flush_large(dump->out, err);
}

static int dump_topic(struct broker *broker, const struct command_line *line, struct srt_buf *out,
                      struct srt_err *err)
{
    struct topic *topic;
    struct record_format format = {0};
    int32_t only;
    const char *text = command_text(line, "format");
    int code = data_dir_find_topic(broker, line->args[0], &topic, &only, err);
    if (code != SRT_OK || (text && (code = record_format_parse(&format, text, err)) != SRT_OK)) {
        return code;
    }
    struct dump dump = {.topic = topic_name(topic), .format = text ? &format : NULL, .out = out};
    for (int32_t i = 0; i < topic_partition_count(topic) && code == SRT_OK; i++) {
        if (only < 0 || i == only) {
            code = record_scan(topic_partition(topic, i), 0, INT64_MAX, dump_record, &dump, err);
        }
    }
    record_format_fini(&format);
    return code;
}

int log_commands_dump(const struct command_line *line)
{
    return data_dir_report(line, dump_topic);
}

/* --- topics --- */

struct listing {
    bool json;
    bool all;
    bool first;
    struct srt_buf *out;
    struct table_format table;
};

static void list_topic(void *arg, struct topic *topic)
{
    struct listing *list = arg;
    char id[TOPIC_ID_TEXT_MAX];
    const char *name = topic_name(topic);
    if (topic_name_reserved(name) && !list->all) {
        return;
    }
    if (list->json) {
        srt_buf_printf(list->out, "%s{\"topic\":", list->first ? "" : ",\n ");
        json_put_string(list->out, name, strlen(name));
        srt_buf_printf(list->out, ",\"id\":\"%s\",\"partitions\":[",
                       topic_id_format(id, topic_get_id(topic)));
    }
    for (int32_t i = 0; i < topic_partition_count(topic); i++) {
        struct partition *part = topic_partition(topic, i);
        int64_t start = partition_log_start(part);
        int64_t end = partition_high_watermark(part);
        uint64_t bytes = partition_size_bytes(part);
        if (list->json) {
            srt_buf_printf(list->out,
                           "%s{\"partition\":%d,\"start\":%" PRId64 ",\"end\":%" PRId64
                           ",\"size_bytes\":%" PRIu64 "}",
                           i ? "," : "", i, start, end, bytes);
        } else {
            table_format_cell(&list->table, "%s", name);
            table_format_cell(&list->table, "%d", i);
            table_format_cell(&list->table, "%" PRId64, start);
            table_format_cell(&list->table, "%" PRId64, end);
            table_format_cell(&list->table, "%" PRId64, end - start);
            table_format_cell(&list->table, "%" PRIu64, bytes);
        }
    }
    if (list->json) {
        srt_buf_put_str(list->out, "]}");
    }
    list->first = false;
}

static void list_group(void *arg, const struct group_lag *lag)
{
    struct listing *list = arg;
    /* one of the three is there: a topic, one that was deleted, or a source that is no topic */
    const char *topic = lag->topic ? lag->topic : lag->former_topic;
    topic = topic ? topic : lag->source_name;
    if (list->json) {
        srt_buf_printf(list->out, "%s{\"group\":", list->first ? "" : ",\n ");
        json_put_string(list->out, lag->group, strlen(lag->group));
        srt_buf_put_str(list->out, ",\"topic\":");
        json_put_string(list->out, topic, strlen(topic));
        srt_buf_printf(list->out, ",\"partition\":%d,\"committed\":%" PRId64, lag->partition,
                       lag->committed);
        if (lag->end < 0) {
            srt_buf_put_str(list->out, ",\"end\":null,\"lag\":null}");
        } else {
            srt_buf_printf(list->out, ",\"end\":%" PRId64 ",\"lag\":%" PRId64 "}", lag->end,
                           lag->lag);
        }
    } else {
        table_format_cell(&list->table, "%s", lag->group);
        table_format_cell(&list->table, "%s", topic);
        table_format_cell(&list->table, "%d", lag->partition);
        table_format_cell(&list->table, "%" PRId64, lag->committed);
        if (lag->end < 0) {
            table_format_cell(&list->table, "-");
            table_format_cell(&list->table, "-");
        } else {
            table_format_cell(&list->table, "%" PRId64, lag->end);
            table_format_cell(&list->table, "%" PRId64, lag->lag);
        }
    }
    list->first = false;
}

static const struct table_column topic_columns[] = {{"TOPIC", 0}, {"PARTITION", 1}, {"START", 1},
                                                    {"END", 1},   {"RECORDS", 1},   {"BYTES", 1},
                                                    {NULL, 0}};

static const struct table_column group_columns[] = {
    {"GROUP", 0}, {"TOPIC", 0}, {"PARTITION", 1}, {"COMMITTED", 1},
    {"END", 1},   {"LAG", 1},   {NULL, 0}};

static void listing_begin(struct listing *list, const struct command_line *line,
                          struct srt_buf *out, const struct table_column *columns)
{
    *list = (struct listing){.json = command_number(line, "output", 0) == OUTPUT_JSON,
                             .all = command_has(line, "all"),
                             .first = true,
                             .out = out};
    table_format_init(&list->table, columns);
    srt_buf_put_str(out, list->json ? "[" : "");
}

static void listing_end(struct listing *list)
{
    if (list->json) {
        srt_buf_put_str(list->out, "]\n");
    } else {
        table_format_put(&list->table, list->out);
    }
    table_format_fini(&list->table);
}

static int list_topics(struct broker *broker, const struct command_line *line, struct srt_buf *out,
                       struct srt_err *err)
{
    struct listing list;
    (void)err;
    listing_begin(&list, line, out, topic_columns);
    broker_topic_each(broker, list_topic, &list);
    listing_end(&list);
    return SRT_OK;
}

static int list_groups(struct broker *broker, const struct command_line *line, struct srt_buf *out,
                       struct srt_err *err)
{
    struct listing list;
    (void)err;
    listing_begin(&list, line, out, group_columns);
    broker_group_each_lag(broker, list_group, &list);
    listing_end(&list);
    return SRT_OK;
}

int log_commands_topics(const struct command_line *line)
{
    return data_dir_report(line, list_topics);
}

int log_commands_groups(const struct command_line *line)
{
    return data_dir_report(line, list_groups);
}

/* --- check --- */

static void report_damage(void *arg, const char *path, uint64_t at_byte, const char *reason)
{
    srt_buf_printf(arg, "%s:%" PRIu64 ": %s\n", path, at_byte, reason);
}

int log_commands_check(const struct command_line *line)
{
    struct srt_err err = {0};
    struct srt_buf out;
    const char *dir = command_text(line, "data-dir");
    srt_buf_init(&out);
    int found = store_check(dir, NULL, report_damage, &out, &err);
    int code = found < 0 ? found : output_flush(&out, &err);
    srt_buf_fini(&out);
    if (code != SRT_OK) {
        return data_dir_end(line, code, &err);
    }
    if (found > 0) {
        output_note("%d damaged place%s in '%s'; nothing was changed", found, found == 1 ? "" : "s",
                    dir);
        return EXIT_FAILED;
    }
    output_note("no damage in '%s'", dir);
    return EXIT_DONE;
}

/* --- repair --- */

struct repair_output {
    bool dry_run;
    struct srt_buf out;
    int64_t lost_records;
    int code; /* of the first line that could not be printed */
    struct srt_err err;
};

/* Each line is out before what it says is done. */
static void repair_line(struct repair_output *to)
{
    struct srt_err err = {0};
    int code = output_flush(&to->out, &err);
    if (code != SRT_OK && to->code == SRT_OK) {
        to->code = code;
        to->err = err;
    }
}

static void repair_range(void *arg, const char *path, uint64_t from, uint64_t to,
                         const char *reason, const char *set_aside)
{
    struct repair_output *output = arg;
    srt_buf_printf(&output->out, "%s:%" PRIu64 "-%" PRIu64 ": %s", path, from, to, reason);
    if (set_aside) {
        srt_buf_printf(&output->out, "; %sset aside in %s", output->dry_run ? "would be " : "",
                       set_aside);
    }
    srt_buf_put_str(&output->out, "\n");
    repair_line(output);
}

static void repair_lost_records(void *arg, const char *topic, int32_t partition, int64_t from,
                                int64_t to)
{
    struct repair_output *output = arg;
    output->lost_records += to - from;
    srt_buf_printf(&output->out, "lost: topic '%s' partition %" PRId32 " offsets %" PRId64
                                 " to %" PRId64 "\n",
                   topic, partition, from, to - 1);
    repair_line(output);
}

static void repair_lost_frames(void *arg, uint64_t first, uint64_t last)
{
    struct repair_output *output = arg;
    srt_buf_printf(&output->out,
                   "lost: journal frames %" PRIu64 " to %" PRIu64
                   ", but for the records that are in segments: topics that they created and"
                   " positions that they committed\n",
                   first, last);
    repair_line(output);
}

/* What only the broker can tell: which partitions belong to no topic any more. */
static int repair_unknown(const char *dir, const struct store_repair_ops *ops, struct srt_err *err)
{
    struct srt_err ignored = {0};
    struct broker *broker = NULL;
    int found = data_dir_open_reader(dir, &broker, err);
    if (found == SRT_OK) {
        found = store_repair_unknown(broker_store(broker), ops, err);
    }
    broker_close(broker, &ignored); /* nothing was written to it */
    return found;
}

int log_commands_repair(const struct command_line *line)
{
    struct srt_err err = {0};
    const char *dir = command_text(line, "data-dir");
    struct repair_output output = {.dry_run = command_has(line, "dry-run")};
    const struct store_repair_ops ops = {&output, repair_range, repair_lost_records,
                                         repair_lost_frames};
    srt_buf_init(&output.out);
    int found = store_repair(dir, NULL, output.dry_run, &ops, &err);
    if (found >= 0 && !output.dry_run) {
        int unknown = repair_unknown(dir, &ops, &err);
        found = unknown < 0 ? unknown : found + unknown;
    }
    srt_buf_fini(&output.out);
    if (found < 0) {
        return data_dir_end(line, found, &err);
    }
    if (output.code != SRT_OK) {
        return data_dir_end(line, output.code, &output.err);
    }
    if (found == 0) {
        output_note("no damage in '%s'; nothing was changed", dir);
        return EXIT_DONE;
    }
    const char *did = output.dry_run ? "would be repaired; nothing was changed" : "repaired";
    output_note("%d damaged place%s in '%s' %s", found, found == 1 ? "" : "s", dir, did);
    if (output.lost_records > 0) {
        output_note("warning: %" PRId64 " records cannot be had any more; their offsets are empty",
                    output.lost_records);
    }
    return output.dry_run ? EXIT_FAILED : EXIT_DONE;
}
