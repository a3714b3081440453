#include "pipeline/stage_output.h"

#include <string.h>

#include "base/assert.h"

static enum codec output_codec(const struct executor *ex, const struct stage *stage)
{
    return stage->has_codec ? stage->codec : ex->origin.codec;
}

static int find_target(struct executor *ex, const struct stage *stage, const char *name,
                       struct target **ret, struct srt_err *err)
{
    if (name) {
        return target_set_find(&ex->target_set, name, ret, err);
    }
    struct target **found = &ex->targets[stage->index];
    if (!*found) {
        int code = target_set_find(&ex->target_set, stage->topic, found, err);
        if (code != SRT_OK) {
            return code;
        }
    }
    *ret = *found;
    return SRT_OK;
}

int stage_output_topic(struct executor *ex, struct frame *f, const char *name, struct srt_err *err)
{
    const struct stage *stage = &ex->job->graph->stages[f->stage];
    struct record rec = f->rec;
    int code = executor_encode(ex, f, output_codec(ex, stage), &rec.value, &rec.value_len, err);
    if (code != SRT_OK) {
        return code;
    }
    struct target *target;
    code = find_target(ex, stage, name, &target, err);
    if (code == SRT_OK) {
        code = target_put(&ex->target_set, target, &rec, false, err);
    }
    ex->counters.out += code == SRT_OK;
    return code;
}

/* JSON as it came may be spread over lines. Line breaks stand only between its tokens (inside a
 * string they are escaped), so blanks do as well. */
static void put_one_line(struct srt_buf *to, const uint8_t *data, size_t size)
{
    size_t start = to->len;
    srt_buf_put(to, data, size);
    if (srt_buf_failed(to)) {
        return;
    }
    for (uint8_t *at = to->data + start; at < to->data + to->len; at++) {
        if (*at == '\n' || *at == '\r') {
            *at = ' ';
        }
    }
}

int stage_output_line(struct executor *ex, struct frame *f, struct srt_err *err)
{
    const struct stage *stage = &ex->job->graph->stages[f->stage];
    uint32_t sink = ex->job->stage_sinks[f->stage];
    srt_assert(sink != JOB_NO_SINK);
    enum codec codec = output_codec(ex, stage);
    const uint8_t *data;
    int32_t len;
    int code = executor_encode(ex, f, codec, &data, &len, err);
    if (code != SRT_OK) {
        return code;
    }
    struct srt_buf *to = &ex->sinks[sink];
    size_t before = to->len;
    if (stage->label) {
        srt_buf_printf(to, "%s: ", stage->label);
    }
    if (len == RECORD_ABSENT) {
        srt_buf_put_str(to, codec == CODEC_JSON ? "null" : "");
    } else if (codec == CODEC_JSON) {
        put_one_line(to, data, (size_t)len);
    } else {
        srt_buf_put(to, data, (size_t)len);
    }
    srt_buf_put_u8(to, '\n');
    if (srt_buf_failed(to)) {
        to->len = before;
        to->failed = false;
        return srt_fail(err, SRT_ENOMEM, "no memory for the output of stage '%s'", stage->name);
    }
    if (stage->kind != STAGE_PRINT || stage->arms[0].next_count == 0) {
        ex->counters.out++;
    }
    return SRT_OK;
}
