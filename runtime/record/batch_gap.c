/* Offsets of a partition have no holes, so that a batch that is missing is noticed. What was lost
 * and is known to be lost is therefore written down, as a batch with no record in it. */
#include "record/batch_gap.h"

#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/varint.h"

void batch_gap_encode(uint8_t to[BATCH_HEADER_BYTES], int64_t base_offset, int64_t next_offset)
{
    srt_assert(base_offset >= 0 && next_offset > base_offset);
    srt_assert(next_offset - base_offset - 1 <= INT32_MAX);
    memset(to, 0, BATCH_HEADER_BYTES);
    srt_put_be64(to, (uint64_t)base_offset);
    srt_put_be32(to + 8, BATCH_HEADER_BYTES - 12);
    srt_put_be32(to + 12, UINT32_MAX); /* leader epoch: none */
    to[16] = BATCH_MAGIC;
    srt_put_be32(to + 23, (uint32_t)(next_offset - base_offset - 1));
    srt_put_be64(to + 27, UINT64_MAX); /* no time, no producer */
    srt_put_be64(to + 35, UINT64_MAX);
    srt_put_be64(to + 43, UINT64_MAX);
    srt_put_be16(to + 51, UINT16_MAX);
    srt_put_be32(to + 53, UINT32_MAX);
    srt_put_be32(to + 17, srt_crc32c(0, to + 21, BATCH_HEADER_BYTES - 21));
}
