/* fix_crc.h - checksums made right over wrong bytes, so that a fuzzer gets behind them.
 *
 * Owner:   the caller's bytes.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never: what has no shape to find checksums in stays as it is.
 *
 * Written from docs/format/, not from the code that is tested. */
#ifndef SRT_FUZZ_FIX_CRC_H
#define SRT_FUZZ_FIX_CRC_H

#include <stddef.h>
#include <stdint.h>

void fix_crc_batches(uint8_t *data, size_t size);          /* back to back */
void fix_crc_frames(uint8_t *data, size_t size);           /* and the batches in them */
void fix_crc_journal(uint8_t *data, size_t size);          /* a file: its header and its frames */
void fix_crc_segment(uint8_t *data, size_t size);          /* a file: its header and its batches */
void fix_crc_index(uint8_t *data, size_t size);            /* a file: its header and its entries */

#endif
