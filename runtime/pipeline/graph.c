#include "pipeline/graph.h"

#include "base/assert.h"

#include <string.h>

static const struct {
    const char *name;
    bool keyed;
} kinds[] = {
#define STAGE_ROW(name, key, keyed) {key, keyed},
    STAGE_KIND_MAP(STAGE_ROW)
#undef STAGE_ROW
};

const char *stage_kind_name(enum stage_kind kind)
{
    srt_assert(kind < STAGE_KIND_COUNT);
    return kinds[kind].name;
}

bool stage_kind_keyed(enum stage_kind kind)
{
    srt_assert(kind < STAGE_KIND_COUNT);
    return kinds[kind].keyed;
}

static bool source_named_before(const struct graph *graph, uint32_t stage_index,
                                uint32_t topic_index, const char *topic)
{
    for (uint32_t i = 0; i <= stage_index; i++) {
        const struct source_spec *source = graph->stages[i].source;
        uint32_t count = !source ? 0 : i == stage_index ? topic_index : source->topic_count;
        for (uint32_t j = 0; j < count; j++) {
            if (!strcmp(source->topics[j], topic)) {
                return true;
            }
        }
    }
    return false;
}

void graph_each_source_topic(const struct graph *graph, graph_topic_fn each, void *arg)
{
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        const struct source_spec *source = graph->stages[i].source;
        for (uint32_t j = 0; source && j < source->topic_count; j++) {
            if (!source_named_before(graph, i, j, source->topics[j])) {
                each(arg, source->topics[j], &source->topic_marks[j]);
            }
        }
    }
}

/* The fixed topics that a stage writes: its own, and that of its window's late records. */
static uint32_t targets_of(const struct stage *stage, const char *ret_topics[2],
                           const struct config_mark *ret_marks[2])
{
    uint32_t count = 0;
    if (stage->topic) {
        ret_marks[count] = &stage->mark;
        ret_topics[count++] = stage->topic;
    }
    if (stage->window.late) {
        ret_marks[count] = &stage->window.late_mark;
        ret_topics[count++] = stage->window.late;
    }
    return count;
}

static bool target_named_before(const struct graph *graph, uint32_t stage_index, const char *topic)
{
    for (uint32_t i = 0; i < stage_index; i++) {
        const char *topics[2];
        const struct config_mark *marks[2];
        uint32_t count = targets_of(&graph->stages[i], topics, marks);
        for (uint32_t j = 0; j < count; j++) {
            if (!strcmp(topics[j], topic)) {
                return true;
            }
        }
    }
    return false;
}

void graph_each_target_topic(const struct graph *graph, graph_topic_fn each, void *arg)
{
    bool dlq_named = false;
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        const char *topics[2];
        const struct config_mark *marks[2];
        uint32_t count = targets_of(&graph->stages[i], topics, marks);
        for (uint32_t j = 0; j < count; j++) {
            bool again = target_named_before(graph, i, topics[j]);
            dlq_named |= !strcmp(topics[j], graph->dlq);
            if (!again) {
                each(arg, topics[j], marks[j]);
            }
        }
    }
    if (!dlq_named) {
        each(arg, graph->dlq, &graph->mark);
    }
}
