#include "cli/data_dir.h"

#include "base/alloc.h"
#include "base/str.h"
#include "cli/exit_code.h"
#include "cli/output.h"

#include <string.h>

static int open_with(const char *path, bool read_only, struct broker **ret_broker,
                     struct srt_err *err)
{
    struct broker_options options;
    broker_options_default(&options);
    options.store.data_dir = path;
    options.store.read_only = read_only;
    options.store.create = !read_only;
    return broker_open(&options, ret_broker, err);
}

int data_dir_open_reader(const char *path, struct broker **ret_broker, struct srt_err *err)
{
    return open_with(path, true, ret_broker, err);
}

int data_dir_open_writer(const char *path, struct broker **ret_broker, struct srt_err *err)
{
    return open_with(path, false, ret_broker, err);
}

int data_dir_find_topic(struct broker *broker, const char *text, struct topic **ret_topic,
                        int32_t *ret_partition, struct srt_err *err)
{
    const char *slash = strrchr(text, '/');
    int64_t partition = -1;
    if (slash) {
        if (srt_parse_int(srt_str_of(slash + 1), &partition) != SRT_OK || partition < 0 ||
            partition > INT32_MAX) {
            return srt_fail(err, SRT_EINVAL, "'%s': expected TOPIC or TOPIC/PARTITION", text);
        }
    }
    char *name = srt_xstrndup(text, slash ? (size_t)(slash - text) : strlen(text));
    struct topic *topic = broker_topic_find(broker, name);
    srt_free(name);
    if (!topic) {
        int len = slash ? (int)(slash - text) : (int)strlen(text);
        return srt_fail(err, SRT_ENOENT, "unknown topic '%.*s'", len, text);
    }
    if (slash && partition >= topic_partition_count(topic)) {
        return srt_fail(err, SRT_ENOENT, "topic '%s' has no partition %d: it has 0 to %d",
                        topic_name(topic), (int)partition, topic_partition_count(topic) - 1);
    }
    *ret_topic = topic;
    *ret_partition = (int32_t)partition;
    return SRT_OK;
}

static const char *hint_for(int code)
{
    switch (code) {
    case SRT_EBUSY:
        return "end that process first; `log dump`, `topic ls` and `topic tail` work beside it";
    case SRT_ENOENT:
        return "streamrt topic ls --data-dir DIR lists what there is";
    case SRT_EEXIST:
        return "streamrt topic show --data-dir DIR shows it";
    case SRT_ECORRUPT:
        return "streamrt log check --data-dir DIR shows every damaged place, streamrt log repair "
               "sets them aside";
    default:
        return NULL;
    }
}

int data_dir_end(const struct command_line *line, int code, const struct srt_err *err)
{
    return code == SRT_OK || code == SRT_EEND ? EXIT_DONE : command_fail(line, err, hint_for(code));
}

int data_dir_report(const struct command_line *line, data_dir_fn fill)
{
    struct srt_err err = {0};
    struct srt_err flush_err = {0};
    struct srt_err ignored = {0};
    struct srt_buf out;
    struct broker *broker = NULL;
    srt_buf_init(&out);
    int code = data_dir_open_reader(command_text(line, "data-dir"), &broker, &err);
    if (code == SRT_OK) {
        code = fill(broker, line, &out, &err);
    }
    if (code != SRT_EEND) {
        /* also after a failure: what was read before a damaged place is worth having */
        int flushed = output_flush(&out, &flush_err);
        if (code == SRT_OK) {
            code = flushed;
            err = flush_err;
        }
    }
    broker_close(broker, &ignored); /* nothing was written: nothing can be lost */
    srt_buf_fini(&out);
    return data_dir_end(line, code, &err);
}
