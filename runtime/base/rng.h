/* rng.h - random numbers from a seed (xoshiro256**), so that a run can be repeated.
 *
 * Owner:   the caller; each user has its own.
 * Thread:  one at a time.
 * Memory:  32 bytes, none allocated.
 * Fails:   never. */
#ifndef SRT_BASE_RNG_H
#define SRT_BASE_RNG_H

#include <stdint.h>

struct srt_rng {
    uint64_t s[4];
};

void srt_rng_init(struct srt_rng *rng, uint64_t seed);
uint64_t srt_rng_next(struct srt_rng *rng);
uint64_t srt_rng_below(struct srt_rng *rng, uint64_t limit); /* 0 .. limit-1, limit > 0 */
double srt_rng_double(struct srt_rng *rng);                  /* 0 <= x < 1 */

/* From the kernel: for ids and for seeds. Ends the process when the kernel has none. */
uint64_t srt_random_u64(void);
void srt_random_bytes(void *data, uint32_t size); /* at most 256 bytes */

#endif
