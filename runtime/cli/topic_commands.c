/* `streamrt topic ls | show | create` on a data directory. */
#include "base/limits.h"
#include "base/str.h"
#include "broker/broker.h"
#include "cli/commands.h"
#include "cli/data_dir.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/table_format.h"
#include "record/json.h"

#include <inttypes.h>
#include <string.h>

enum { OUTPUT_JSON = 1 };

static const char *duration_text(char to[SRT_DURATION_TEXT_MAX], int64_t ms)
{
    return ms < 0 ? "forever" : srt_format_duration(to, ms);
}

static const char *size_text(char to[SRT_SIZE_TEXT_MAX], int64_t bytes)
{
    return bytes < 0 ? "unlimited" : srt_format_size(to, (uint64_t)bytes);
}

static void topic_totals(struct topic *topic, int64_t *ret_records, uint64_t *ret_bytes)
{
    *ret_records = 0;
    *ret_bytes = 0;
    for (int32_t i = 0; i < topic_partition_count(topic); i++) {
        struct partition *part = topic_partition(topic, i);
        *ret_records += partition_high_watermark(part) - partition_log_start(part);
        *ret_bytes += partition_size_bytes(part);
    }
}

/* --- ls --- */

struct listing {
    bool json;
    bool all;
    bool first;
    struct srt_buf *out;
    struct table_format table;
};

static void put_json_head(struct srt_buf *out, struct topic *topic)
{
    char id[TOPIC_ID_TEXT_MAX];
    struct topic_config config;
    int64_t records;
    uint64_t bytes;
    const char *name = topic_name(topic);
    topic_get_config(topic, &config);
    topic_totals(topic, &records, &bytes);
    srt_buf_put_str(out, "{\"topic\":");
    json_put_string(out, name, strlen(name));
    srt_buf_printf(out,
                   ",\"id\":\"%s\",\"partition_count\":%d,\"records\":%" PRId64
                   ",\"size_bytes\":%" PRIu64 ",\"retention_ms\":%" PRId64
                   ",\"retention_bytes\":%" PRId64 ",\"segment_bytes\":%" PRIu64
                   ",\"segment_ms\":%" PRId64 ",\"max_record_bytes\":%" PRIu64
                   ",\"compression\":\"%s\",\"cleanup\":\"%s\",\"delete_retention_ms\":%" PRId64,
                   topic_id_format(id, topic_get_id(topic)), topic_partition_count(topic), records,
                   bytes, config.retention_ms, config.retention_bytes, config.segment_bytes,
                   config.segment_ms, config.max_record_bytes,
                   compress_names[config.compression], topic_cleanup_names[config.cleanup],
                   config.delete_retention_ms);
}

static void list_topic(void *arg, struct topic *topic)
{
    struct listing *list = arg;
    char text[SRT_DURATION_TEXT_MAX];
    char size[SRT_SIZE_TEXT_MAX];
    struct topic_config config;
    int64_t records;
    uint64_t bytes;
    if (topic_name_reserved(topic_name(topic)) && !list->all) {
        return;
    }
    if (list->json) {
        srt_buf_put_str(list->out, list->first ? "" : ",\n ");
        put_json_head(list->out, topic);
        srt_buf_put_u8(list->out, '}');
        list->first = false;
        return;
    }
    topic_get_config(topic, &config);
    topic_totals(topic, &records, &bytes);
    table_format_cell(&list->table, "%s", topic_name(topic));
    table_format_cell(&list->table, "%d", topic_partition_count(topic));
    table_format_cell(&list->table, "%" PRId64, records);
    table_format_cell(&list->table, "%s", srt_format_size(size, bytes));
    table_format_cell(&list->table, "%s", duration_text(text, config.retention_ms));
}

static int list_topics(struct broker *broker, const struct command_line *line, struct srt_buf *out,
                       struct srt_err *err)
{
    static const struct table_column columns[] = {{"TOPIC", 0}, {"PARTITIONS", 1}, {"RECORDS", 1},
                                                  {"SIZE", 1},  {"RETENTION", 1},  {NULL, 0}};
    struct listing list = {.json = command_number(line, "output", 0) == OUTPUT_JSON,
                           .all = command_has(line, "all"),
                           .first = true,
                           .out = out};
    (void)err;
    table_format_init(&list.table, columns);
    srt_buf_put_str(out, list.json ? "[" : "");
    broker_topic_each(broker, list_topic, &list);
    if (list.json) {
        srt_buf_put_str(out, "]\n");
    } else {
        table_format_put(&list.table, out);
    }
    table_format_fini(&list.table);
    return SRT_OK;
}

int topic_commands_ls(const struct command_line *line)
{
    return data_dir_report(line, list_topics);
}

/* --- show --- */

static void show_json(struct topic *topic, struct srt_buf *out)
{
    put_json_head(out, topic);
    srt_buf_put_str(out, ",\"partitions\":[");
    for (int32_t i = 0; i < topic_partition_count(topic); i++) {
        struct partition *part = topic_partition(topic, i);
        srt_buf_printf(out,
                       "%s{\"partition\":%d,\"start\":%" PRId64 ",\"end\":%" PRId64
                       ",\"size_bytes\":%" PRIu64 "}",
                       i ? "," : "", i, partition_log_start(part), partition_high_watermark(part),
                       partition_size_bytes(part));
    }
    srt_buf_put_str(out, "]}\n");
}

static void show_text(struct topic *topic, struct srt_buf *out)
{
    static const struct table_column columns[] = {{"PARTITION", 1}, {"START", 1}, {"END", 1},
                                                  {"RECORDS", 1},   {"SIZE", 1},  {NULL, 0}};
    char text[SRT_DURATION_TEXT_MAX];
    char size[SRT_SIZE_TEXT_MAX];
    char id[TOPIC_ID_TEXT_MAX];
    struct topic_config config;
    topic_get_config(topic, &config);
    srt_buf_printf(out, "topic            %s\nid               %s\n", topic_name(topic),
                   topic_id_format(id, topic_get_id(topic)));
    srt_buf_printf(out, "retention        %s\n", duration_text(text, config.retention_ms));
    srt_buf_printf(out, "retention_bytes  %s\n", size_text(size, config.retention_bytes));
    srt_buf_printf(out, "segment_bytes    %s\n", srt_format_size(size, config.segment_bytes));
    srt_buf_printf(out, "segment_age      %s\n", duration_text(text, config.segment_ms));
    srt_buf_printf(out, "max_record       %s\n", srt_format_size(size, config.max_record_bytes));
    srt_buf_printf(out, "compression      %s\n", compress_names[config.compression]);
    srt_buf_printf(out, "cleanup          %s\n", topic_cleanup_names[config.cleanup]);
    if (config.cleanup != TOPIC_CLEANUP_DELETE) {
        srt_buf_printf(out, "delete_retention %s\n",
                       duration_text(text, config.delete_retention_ms));
    }
    srt_buf_put_u8(out, '\n');
    struct table_format table;
    table_format_init(&table, columns);
    for (int32_t i = 0; i < topic_partition_count(topic); i++) {
        struct partition *part = topic_partition(topic, i);
        int64_t start = partition_log_start(part);
        int64_t end = partition_high_watermark(part);
        table_format_cell(&table, "%d", i);
        table_format_cell(&table, "%" PRId64, start);
        table_format_cell(&table, "%" PRId64, end);
        table_format_cell(&table, "%" PRId64, end - start);
        table_format_cell(&table, "%s", srt_format_size(size, partition_size_bytes(part)));
    }
    table_format_put(&table, out);
    table_format_fini(&table);
}

static int show_topic(struct broker *broker, const struct command_line *line, struct srt_buf *out,
                      struct srt_err *err)
{
    struct topic *topic;
    int32_t partition;
    int code = data_dir_find_topic(broker, line->args[0], &topic, &partition, err);
    if (code != SRT_OK) {
        return code;
    }
    if (command_number(line, "output", 0) == OUTPUT_JSON) {
        show_json(topic, out);
    } else {
        show_text(topic, out);
    }
    return SRT_OK;
}

int topic_commands_show(const struct command_line *line)
{
    return data_dir_report(line, show_topic);
}

/* --- create --- */

int topic_commands_create(const struct command_line *line)
{
    struct srt_err err = {0};
    struct broker *broker = NULL;
    struct topic_config config;
    const char *name = line->args[0];
    const char *dir = command_text(line, "data-dir");
    topic_config_default(&config);
    int64_t partitions = command_number(line, "partitions", config.partition_count);
    if (partitions < 1 || partitions > SRT_TOPIC_PARTITIONS_MAX) {
        return command_misuse(line, "--partitions %" PRId64 ": expected 1 to %d", partitions,
                              SRT_TOPIC_PARTITIONS_MAX);
    }
    int64_t segment_bytes = command_number(line, "segment-bytes", (int64_t)config.segment_bytes);
    int64_t record_bytes =
        command_number(line, "max-record-bytes", (int64_t)config.max_record_bytes);
    if (segment_bytes < 1 || record_bytes < 1) {
        return command_misuse(line, "a segment and a record have a size");
    }
    config.partition_count = (int32_t)partitions;
    config.retention_ms = command_number(line, "retention", config.retention_ms);
    config.retention_bytes = command_number(line, "retention-bytes", config.retention_bytes);
    config.segment_bytes = (uint64_t)segment_bytes;
    config.max_record_bytes = (uint64_t)record_bytes;
    config.compression = (enum compression)command_number(line, "compression", COMPRESSION_NONE);
    config.cleanup = (enum topic_cleanup)command_number(line, "cleanup", TOPIC_CLEANUP_DELETE);
    config.delete_retention_ms =
        command_number(line, "delete-retention", config.delete_retention_ms);
    if (topic_name_reserved(name)) {
        srt_fail(&err, SRT_EINVAL, "topic '%s': names that begin with __streamrt are reserved",
                 name);
        return command_fail(line, &err, NULL);
    }
    struct topic *topic;
    int code = data_dir_open_writer(dir, &broker, &err);
    if (code == SRT_OK) {
        code = broker_topic_create(broker, name, &config, &topic, &err);
    }
    struct srt_err close_err = {0};
    int closed = broker_close(broker, &close_err);
    if (code == SRT_OK && closed != SRT_OK) {
        code = closed;
        err = close_err;
    }
    if (code == SRT_OK) {
        output_note("created topic '%s' with %" PRId64 " partition%s", name, partitions,
                    partitions == 1 ? "" : "s");
        output_note("next: streamrt topic produce %s --data-dir %s", name, dir);
        return EXIT_DONE;
    }
    return data_dir_end(line, code, &err);
}
