/* batch_gap.h - a batch without records that stands for offsets which have none any more.
 *
 * Owner:   plain bytes.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_RECORD_BATCH_GAP_H
#define SRT_RECORD_BATCH_GAP_H

#include <stdint.h>

#include "record/batch.h"

/* Offsets [base_offset, next_offset), at least one and at most 2^31. Readers find a batch like any
 * other and go on behind it; Kafka's compaction leaves such batches, too. */
void batch_gap_encode(uint8_t to[BATCH_HEADER_BYTES], int64_t base_offset, int64_t next_offset);

#endif
