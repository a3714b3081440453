/* A large checkpoint travels in several frames, and its process may end before the last of them.
 * What counts is the last one that is complete. */
#include "store/checkpoint_parts.h"

#include <string.h>

#include "base/err.h"
#include "base/varint.h"
#include "store/checkpoint.h"
#include "store/compaction_entry.h"

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

/* sequence (8), partition (4), size (4), topic id (16), payload */
enum { COMPACTION_HEAD_BYTES = 32 };

static void add_compaction(struct checkpoint_parts *cp, uint64_t sequence,
                           const struct frame_entry *entry)
{
    srt_buf_put_be64(&cp->compactions, sequence);
    srt_buf_put_be32(&cp->compactions, (uint32_t)entry->partition);
    srt_buf_put_be32(&cp->compactions, entry->size);
    srt_buf_put(&cp->compactions, entry->topic_id.bytes, sizeof entry->topic_id.bytes);
    srt_buf_put(&cp->compactions, entry->data, entry->size);
}

int checkpoint_parts_compact(const struct checkpoint_parts *cp, struct checkpoint *to)
{
    int rc = SRT_OK;
    for (size_t at = 0; rc == SRT_OK && at < cp->compactions.len;) {
        const uint8_t *head = cp->compactions.data + at;
        uint32_t size = srt_get_be32(head + 12);
        struct topic_id id;
        memcpy(id.bytes, head + 16, sizeof id.bytes);
        if (srt_get_be64(head) > to->boundary) {
            struct checkpoint_partition *row =
                checkpoint_find(to, &id, (int32_t)srt_get_be32(head + 8));
            rc = row ? compaction_entry_apply(head + COMPACTION_HEAD_BYTES, size, row)
                     : SRT_ECORRUPT;
        }
        at += COMPACTION_HEAD_BYTES + size;
    }
    return rc;
}

int checkpoint_parts_add(struct checkpoint_parts *cp, const uint8_t *frame,
                         const struct frame_info *info)
{
    struct frame_entry entry;
    cp->is_last = false;
    for (size_t at = 0; frame_next(frame, info, &at, &entry) == SRT_OK;) {
        if (entry.kind == FRAME_CHECKPOINT) {
            add_part(cp, &entry);
        } else if (entry.kind == FRAME_COMPACTION) {
            add_compaction(cp, info->sequence, &entry);
        }
    }
    return srt_buf_failed(&cp->parts) || srt_buf_failed(&cp->bytes) ||
                   srt_buf_failed(&cp->compactions)
               ? SRT_ENOMEM
               : SRT_OK;
}

void checkpoint_parts_fini(struct checkpoint_parts *cp)
{
    srt_buf_fini(&cp->bytes);
    srt_buf_fini(&cp->parts);
    srt_buf_fini(&cp->compactions);
    *cp = (struct checkpoint_parts){0};
}
