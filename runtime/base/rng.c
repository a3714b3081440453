/* xoshiro256** by David Blackman and Sebastiano Vigna (2018), seeded through splitmix64 as they
 * advise: https://prng.di.unimi.it/ */
#include "base/rng.h"

#include <sys/random.h>

#include "base/assert.h"

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

void srt_rng_init(struct srt_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        rng->s[i] = splitmix64(&seed);
    }
}

uint64_t srt_rng_next(struct srt_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t srt_rng_below(struct srt_rng *rng, uint64_t limit)
{
    srt_assert(limit > 0);
    uint64_t threshold = -limit % limit; /* below it the remainder would favour small numbers */
    for (;;) {
        uint64_t x = srt_rng_next(rng);
        if (x >= threshold) {
            return x % limit;
        }
    }
}

double srt_rng_double(struct srt_rng *rng)
{
    return (double)(srt_rng_next(rng) >> 11) * 0x1.0p-53;
}

void srt_random_bytes(void *data, uint32_t size)
{
    srt_assert(size <= 256); /* up to there getrandom is never short */
    srt_assert(getrandom(data, size, 0) == (ssize_t)size);
}

uint64_t srt_random_u64(void)
{
    uint64_t value;
    srt_random_bytes(&value, sizeof value);
    return value;
}
