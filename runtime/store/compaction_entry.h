/* compaction_entry.h - what a compaction's entry in the journal says: which segments of a partition
 * went and which took their place. docs/format/journal.md has the bytes.
 *
 * Owner:   plain bytes.
 * Thread:  any.
 * Memory:  what is put into the caller's buffer.
 * Fails:   applying: SRT_ECORRUPT when the bytes or the segments that go are not as they should be;
 *          then nothing was changed. */
#ifndef SRT_STORE_COMPACTION_ENTRY_H
#define SRT_STORE_COMPACTION_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/checkpoint.h"

/* Of `gone` only names matter: base offsets and generations. */
void compaction_entry_put(struct srt_buf *to, const struct checkpoint_segment *gone,
                          size_t gone_count, const struct checkpoint_segment *fresh,
                          size_t fresh_count);

int compaction_entry_apply(const uint8_t *data, size_t size, struct checkpoint_partition *row);

#endif
