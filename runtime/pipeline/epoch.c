#include "pipeline/epoch.h"

#include "base/alloc.h"
#include "base/assert.h"

struct epoch_part *epoch_part_create(uint32_t sink_count)
{
    struct epoch_part *part = srt_xcalloc(1, sizeof *part);
    part->sinks = srt_xcalloc(sink_count, sizeof *part->sinks);
    part->sink_count = sink_count;
    return part;
}

void epoch_part_destroy(struct epoch_part *part)
{
    if (!part) {
        return;
    }
    for (uint32_t i = 0; part->batches && i < part->append_count; i++) {
        srt_buf_fini(&part->batches[i]);
    }
    srt_free(part->batches);
    for (uint32_t i = 0; i < part->position_count; i++) {
        srt_free((void *)part->positions[i].detail);
    }
    for (uint32_t i = 0; i < part->sink_count; i++) {
        srt_buf_fini(&part->sinks[i]);
    }
    srt_free(part->appends);
    srt_free(part->positions);
    srt_free(part->sinks);
    srt_free(part);
}

/* The capacity for one more of `count`. */
static uint32_t grown(uint32_t count, uint32_t cap)
{
    if (count < cap) {
        return cap;
    }
    return cap ? cap * 2 : 8;
}

void epoch_part_append(struct epoch_part *part, const struct topic_id *topic_id, int32_t partition,
                       struct srt_buf *take_batches)
{
    uint32_t cap = grown(part->append_count, part->append_cap);
    if (cap > part->append_cap) {
        part->append_cap = cap;
        part->appends = srt_xrealloc(part->appends, cap * sizeof *part->appends);
        part->batches = srt_xrealloc(part->batches, cap * sizeof *part->batches);
    }
    part->appends[part->append_count] = (struct engine_append){.topic_id = *topic_id,
                                                               .partition = partition,
                                                               .batches = take_batches->data,
                                                               .size_bytes = take_batches->len};
    part->batches[part->append_count++] = *take_batches;
    srt_buf_init(take_batches);
}

void epoch_part_join(struct epoch_part *part, const struct epoch_part *other)
{
    srt_assert(!part->batches);
    uint32_t count = part->append_count + other->append_count;
    if (count > part->append_cap) {
        part->append_cap = count;
        part->appends = srt_xrealloc(part->appends, count * sizeof *part->appends);
    }
    for (uint32_t i = 0; i < other->append_count; i++) {
        part->appends[part->append_count++] = other->appends[i];
    }
    for (uint32_t i = 0; i < other->position_count; i++) {
        epoch_part_position(part, &other->positions[i]);
    }
    epoch_counters_add(&part->counters, &other->counters);
}

void epoch_part_position(struct epoch_part *part, const struct engine_position *position)
{
    part->position_cap = grown(part->position_count, part->position_cap);
    part->positions = srt_xrealloc(part->positions, part->position_cap * sizeof *part->positions);
    struct engine_position copy = *position;
    copy.detail = NULL;
    if (position->detail_len > 0) {
        uint8_t *detail = srt_xalloc(position->detail_len);
        memcpy(detail, position->detail, position->detail_len);
        copy.detail = detail;
    }
    part->positions[part->position_count++] = copy;
}

void epoch_counters_add(struct runner_counters *to, const struct runner_counters *more)
{
    to->in += more->in;
    to->out += more->out;
    to->dropped += more->dropped;
    to->late += more->late;
    to->retried += more->retried;
    to->dead += more->dead;
}
