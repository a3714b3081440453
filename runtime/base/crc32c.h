/* crc32c.h - CRC-32C (Castagnoli), the checksum of Kafka's batches and of our frames.
 *
 * Owner:   none; pure.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_BASE_CRC32C_H
#define SRT_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of `data`, going on from the CRC of what came before (0 at the start): crc("ab") =
 * srt_crc32c(srt_crc32c(0, "a", 1), "b", 1). Check value: "123456789" gives 0xe3069283. */
uint32_t srt_crc32c(uint32_t before, const void *data, size_t size);

#endif
