/* A large checkpoint travels in several frames, and its process may end before the last of them.
 * What counts is the last one that is complete. */
#include "store/checkpoint_parts.h"

#include "base/err.h"

static void add_part(struct checkpoint_parts *cp, const struct frame_entry *entry)
{
    if (entry->part_index == 0) {
        cp->next_number = entry->checkpoint_number;
        cp->parts_seen = 0;
        srt_buf_clear(&cp->parts);
    }
    if (entry->checkpoint_number != cp->next_number || entry->part_index != cp->parts_seen) {
        return; /* of a checkpoint whose process ended before it was complete */
    }
    srt_buf_put(&cp->parts, entry->data, entry->size);
    if (++cp->parts_seen == entry->part_count) {
        struct srt_buf old = cp->bytes;
        cp->bytes = cp->parts;
        cp->parts = old;
        cp->found = true;
        cp->number = cp->next_number;
        cp->is_last = true;
    }
}

int checkpoint_parts_add(struct checkpoint_parts *cp, const uint8_t *frame,
                         const struct frame_info *info)
{
    struct frame_entry entry;
    cp->is_last = false;
    for (size_t at = 0; frame_next(frame, info, &at, &entry) == SRT_OK;) {
        if (entry.kind == FRAME_CHECKPOINT) {
            add_part(cp, &entry);
        }
    }
    return srt_buf_failed(&cp->parts) || srt_buf_failed(&cp->bytes) ? SRT_ENOMEM : SRT_OK;
}

void checkpoint_parts_fini(struct checkpoint_parts *cp)
{
    srt_buf_fini(&cp->bytes);
    srt_buf_fini(&cp->parts);
    *cp = (struct checkpoint_parts){0};
}
