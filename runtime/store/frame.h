/* frame.h - the unit of atomicity in the journal: built from many entries, checked as a whole.
 *
 * Owner:   a builder belongs to the store thread; decoded entries borrow the frame's bytes.
 * Thread:  any, one at a time per object.
 * Memory:  a builder keeps its buffers over begin; large batches are referenced, not copied.
 * Fails:   building: SRT_ENOMEM, asked once at finish. Decoding: SRT_ECORRUPT for what is not
 *          whole.
 *
 * The layout is docs/format/journal.md. Pure: no file, no clock. */
#ifndef SRT_STORE_FRAME_H
#define SRT_STORE_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "record/topic_id.h"

enum {
    FRAME_ALIGN = 8,
    FRAME_HEADER_BYTES = 40,
    FRAME_FOOTER_BYTES = 8,
    FRAME_ENTRY_BYTES = 8,
    FRAME_APPEND_BYTES = 32, /* the fixed parts by kind */
    FRAME_TRIM_BYTES = 32,
    FRAME_CHECKPOINT_BYTES = 16,
    FRAME_COMPACTION_BYTES = 32,
    FRAME_VERSION = 1,
};

enum frame_kind {
    FRAME_APPEND = 1,
    FRAME_META = 2,
    FRAME_TRIM = 3,
    FRAME_CHECKPOINT = 4,
    FRAME_COMPACTION = 5,
};

/* --- building --- */

struct frame_builder {
    struct srt_buf scratch; /* headers, small payloads, padding */
    struct srt_buf parts;   /* struct frame_part: where the bytes come from, in order */
    struct srt_buf iov;
    uint32_t crc;
    uint32_t entry_count;
    size_t size_bytes;
};

void frame_builder_init(struct frame_builder *b);
void frame_builder_fini(struct frame_builder *b);
void frame_builder_begin(struct frame_builder *b);

/* `batches` have their final base offsets and stay where they are until the frame is written. */
void frame_builder_append(struct frame_builder *b, const struct topic_id *id, int32_t partition,
                          int64_t base_offset, const uint8_t *batches, size_t size);
void frame_builder_meta(struct frame_builder *b, uint8_t kind, const uint8_t *data, size_t size);
void frame_builder_trim(struct frame_builder *b, const struct topic_id *id, int32_t partition,
                        int64_t log_start);
void frame_builder_checkpoint(struct frame_builder *b, uint64_t number, uint32_t part_index,
                              uint32_t part_count, const uint8_t *data, size_t size);
/* `data` names the segments that went and those that took their place (compaction_entry.h). */
void frame_builder_compaction(struct frame_builder *b, const struct topic_id *id, int32_t partition,
                              int64_t base_offset, const uint8_t *data, size_t size);

/* What the whole frame will take. */
static inline size_t frame_builder_size(const struct frame_builder *b)
{
    return b->size_bytes + FRAME_FOOTER_BYTES;
}

/* Once per begin. The parts are borrowed until the next begin and may be used up by a write. */
int frame_builder_finish(struct frame_builder *b, uint64_t journal_id, uint64_t sequence,
                         struct iovec **ret_parts, int *ret_count);

/* What one entry takes, padded: to know before building whether a write fits. */
size_t frame_append_size(size_t batches_size);
size_t frame_meta_size(size_t size);

/* --- reading --- */

struct frame_info {
    uint64_t journal_id;
    uint64_t sequence;
    uint32_t size_bytes;
    uint32_t entry_count;
};

/* Only the header, which needs FRAME_HEADER_BYTES of data. The size may still be beyond the
 * file. */
int frame_parse(const uint8_t *data, size_t size, struct frame_info *ret_info);

/* Everything that makes a frame whole; `size` must reach to its end. */
int frame_check(const uint8_t *data, size_t size, struct frame_info *ret_info);

struct frame_entry {
    enum frame_kind kind;
    uint8_t meta_kind;
    struct topic_id topic_id; /* append, trim, compaction */
    int32_t partition;
    int64_t offset; /* append, compaction: base offset; trim: new log start */
    uint64_t checkpoint_number;
    uint32_t part_index;
    uint32_t part_count;
    const uint8_t *data;
    uint32_t size;
};

/* Walk the entries of a frame that frame_check accepted: start with *at = 0; SRT_EEND after the
 * last. */
int frame_next(const uint8_t *frame, const struct frame_info *info, size_t *at,
               struct frame_entry *ret);

/* The offset behind an append entry's last batch. */
int64_t frame_append_end(const struct frame_entry *entry);

#endif
