/* One line of text for each stage that keeps state:
 *
 *     streamrt-manifest 1 128 8           version, key groups, partitions of the changelog
 *     1 route_minute aggregate tumbling:60000 count(),sum(v.bytes)
 *     ^ table   ^ stage      ^ what its rows are made by: all of it must be the same
 *
 * Tables of stages that are gone keep their lines, so that a number is never used twice. */
#include "pipeline/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "pipeline/item.h"
#include "pipeline/keyed_state.h"
#include "pipeline/stage_codec.h"

#define MANIFEST_HEAD "streamrt-manifest 1 "

/* --- what a stage's rows are made by --- */

static void put_fn(struct srt_buf *to, const struct graph_fn *fn)
{
    switch (fn->kind) {
    case GRAPH_FN_TEXT:
        srt_buf_put(to, fn->text.text, fn->text.len);
        break;
    case GRAPH_FN_USE:
        srt_buf_printf(to, "use:%s", fn->use);
        break;
    case GRAPH_FN_BUILDER:
        srt_buf_put_str(to, "function");
        break;
    case GRAPH_FN_NONE:
        break;
    }
}

static void put_window(struct srt_buf *to, const struct window_spec *window)
{
    static const char *const kinds[] = {"none",    "tumbling", "hopping",
                                        "sliding", "session",  "count"};
    srt_buf_printf(to, "%s:%" PRId64 ":%" PRId64 ":%" PRId64, kinds[window->kind], window->size_ms,
                   window->every_ms, window->count);
}

static void put_aggregate(struct srt_buf *to, const struct aggregate_spec *spec)
{
    srt_buf_printf(to, " %s=", spec->name);
    if (spec->is_script) {
        srt_buf_put_str(to, "own");
        return;
    }
    srt_buf_printf(to, "%s(", aggregate_kind_name(spec->def.kind));
    put_fn(to, &spec->value);
    srt_buf_printf(to, ",%.17g,%" PRId64, spec->def.parameter, spec->def.limit);
    for (uint32_t i = 0; i < spec->def.bound_count; i++) {
        srt_buf_printf(to, ",%.17g", spec->def.bounds[i]);
    }
    srt_buf_put_str(to, ")");
}

/* Without line breaks: it is one line. */
static void put_signature(struct srt_buf *to, const struct stage *stage)
{
    size_t start = to->len;
    srt_buf_printf(to, "%s ", stage_kind_name(stage->kind));
    if (stage->kind == STAGE_AGGREGATE || stage->kind == STAGE_REDUCE) {
        put_window(to, &stage->window);
        srt_buf_put_str(to, " by ");
        put_fn(to, &stage->fn);
    }
    for (uint32_t i = 0; i < stage->aggregate_count; i++) {
        put_aggregate(to, &stage->aggregates[i]);
    }
    for (size_t i = start; i < to->len; i++) {
        to->data[i] = to->data[i] == '\n' || to->data[i] == '\r' ? ' ' : to->data[i];
    }
}

/* --- lines --- */

struct line {
    uint32_t table_id;
    const char *stage;
    size_t stage_len;
    const char *signature;
    size_t signature_len;
};

static bool parse_line(const char *text, size_t len, struct line *ret)
{
    char *end;
    unsigned long id = strtoul(text, &end, 10);
    const char *stage = end + 1;
    const char *stop = text + len;
    if (id == 0 || id >= UINT32_MAX || end >= stop || *end != ' ') {
        return false;
    }
    const char *space = memchr(stage, ' ', (size_t)(stop - stage));
    if (!space) {
        return false;
    }
    *ret = (struct line){(uint32_t)id, stage, (size_t)(space - stage), space + 1,
                         (size_t)(stop - space - 1)};
    return true;
}

static const struct stage *find_stage(const struct graph *graph, const struct line *line)
{
    struct state_codec ignored;
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        const struct stage *stage = &graph->stages[i];
        if (strlen(stage->name) == line->stage_len &&
            memcmp(stage->name, line->stage, line->stage_len) == 0 &&
            stage_codec(stage, &ignored)) {
            return stage;
        }
    }
    return NULL;
}

static bool is_reset(const struct job *job, const struct runner_options *options,
                     const struct line *line)
{
    size_t name_len = strlen(job->graph->name);
    for (size_t i = 0; options->reset_state && options->reset_state[i]; i++) {
        const char *reset = options->reset_state[i];
        if (strncmp(reset, job->graph->name, name_len) == 0 && reset[name_len] == '.' &&
            strlen(reset) == name_len + 1 + line->stage_len &&
            memcmp(reset + name_len + 1, line->stage, line->stage_len) == 0) {
            return true;
        }
    }
    return false;
}

static int refuse(const struct job *job, const struct line *line, const struct stage *stage,
                  struct srt_err *err)
{
    const char *name = job->graph->name;
    int len = (int)line->stage_len;
    if (!stage) {
        return srt_fail(err, SRT_ECONFIG,
                        "pipeline '%s' remembers stage '%.*s', which is gone: bring it back, or "
                        "forget it with --reset-state %s.%.*s",
                        name, len, line->stage, name, len, line->stage);
    }
    return srt_fail(err, SRT_ECONFIG,
                    "pipeline '%s': what stage '%.*s' remembers was made by another definition: "
                    "give it a new name, or forget it with --reset-state %s.%.*s",
                    name, len, line->stage, name, len, line->stage);
}

/* One line of what was committed: kept, forgotten, or refused. */
static int take_line(struct manifest *manifest, const struct job *job,
                     const struct runner_options *options, const struct line *line,
                     struct srt_err *err)
{
    const struct stage *stage = find_stage(job->graph, line);
    struct srt_buf signature = {0};
    bool gone = line->signature_len == 1 && line->signature[0] == '-';
    bool same = false;
    if (stage) {
        put_signature(&signature, stage);
        same = signature.len == line->signature_len &&
               memcmp(signature.data, line->signature, signature.len) == 0;
    }
    srt_buf_fini(&signature);
    if (same && !is_reset(job, options, line)) {
        manifest->table_ids[stage->index] = line->table_id;
        srt_buf_printf(&manifest->text, "%u %.*s %.*s\n", line->table_id, (int)line->stage_len,
                       line->stage, (int)line->signature_len, line->signature);
        return SRT_OK;
    }
    if (!gone && !is_reset(job, options, line)) {
        return refuse(job, line, stage, err);
    }
    manifest->changed = manifest->changed || !gone;
    srt_buf_printf(&manifest->text, "%u %.*s -\n", line->table_id, (int)line->stage_len,
                   line->stage);
    return SRT_OK;
}

static int read_lines(struct manifest *manifest, const struct job *job,
                      const struct runner_options *options, char *text, uint32_t *ret_last,
                      struct srt_err *err)
{
    char *rest = NULL;
    char *head = strtok_r(text, "\n", &rest);
    unsigned groups = 0;
    unsigned partitions = 0;
    if (!head || sscanf(head, MANIFEST_HEAD "%u %u", &groups, &partitions) != 2) {
        return srt_fail(err, SRT_EVERSION, "pipeline '%s': its manifest is of another version",
                        job->graph->name);
    }
    if (groups != ITEM_KEY_GROUP_COUNT || partitions != KEYED_STATE_PARTITIONS) {
        return srt_fail(err, SRT_EVERSION, "pipeline '%s': its state has %u key groups",
                        job->graph->name, groups);
    }
    for (char *at = strtok_r(NULL, "\n", &rest); at; at = strtok_r(NULL, "\n", &rest)) {
        struct line line;
        if (!parse_line(at, strlen(at), &line)) {
            return srt_fail(err, SRT_ECORRUPT, "pipeline '%s': its manifest is damaged",
                            job->graph->name);
        }
        int code = take_line(manifest, job, options, &line, err);
        if (code != SRT_OK) {
            return code;
        }
        *ret_last = line.table_id > *ret_last ? line.table_id : *ret_last;
    }
    return SRT_OK;
}

/* --- life --- */

int manifest_open(struct manifest *manifest, const struct job *job,
                  const struct runner_options *options, struct srt_err *err)
{
    const struct graph *graph = job->graph;
    *manifest = (struct manifest){.table_ids = srt_xcalloc(graph->stage_count, sizeof(uint32_t))};
    srt_buf_printf(&manifest->text, MANIFEST_HEAD "%d %d\n", ITEM_KEY_GROUP_COUNT,
                   KEYED_STATE_PARTITIONS);
    struct engine_position position = {.source_name = MANIFEST_POSITION};
    int code = job->engine->ops->position(job->engine, graph->name, &position, err);
    uint32_t last = 0;
    if (code == SRT_OK) {
        char *text = srt_xalloc(position.detail_len + 1);
        memcpy(text, position.detail, position.detail_len);
        text[position.detail_len] = '\0';
        srt_free((void *)position.detail);
        code = read_lines(manifest, job, options, text, &last, err);
        srt_free(text);
    } else if (code == SRT_ENOENT) {
        srt_err_clear(err);
        code = SRT_OK;
    }
    for (uint32_t i = 0; code == SRT_OK && i < graph->stage_count; i++) {
        struct state_codec ignored;
        if (stage_codec(&graph->stages[i], &ignored) && manifest->table_ids[i] == 0) {
            manifest->table_ids[i] = ++last;
            srt_buf_printf(&manifest->text, "%u %s ", last, graph->stages[i].name);
            put_signature(&manifest->text, &graph->stages[i]);
            srt_buf_put_u8(&manifest->text, '\n');
            manifest->changed = true;
        }
    }
    if (code == SRT_OK && srt_buf_failed(&manifest->text)) {
        srt_out_of_memory(manifest->text.len);
    }
    return code;
}

void manifest_close(struct manifest *manifest)
{
    srt_free(manifest->table_ids);
    srt_buf_fini(&manifest->text);
    *manifest = (struct manifest){0};
}

void manifest_put_position(struct manifest *manifest, struct epoch_part *part)
{
    manifest->sent = manifest->changed;
    if (manifest->changed) {
        const struct engine_position position = {.source_name = MANIFEST_POSITION,
                                                 .detail = manifest->text.data,
                                                 .detail_len = (uint32_t)manifest->text.len};
        epoch_part_position(part, &position);
    }
}

void manifest_committed(struct manifest *manifest)
{
    manifest->changed = manifest->changed && !manifest->sent;
}
