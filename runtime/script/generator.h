/* generator.h - a Lua function that makes records: called with (n, rng), it returns a value, and
 * perhaps a key as a second result, or nil to end.
 *
 * Owner:   whoever creates it; the state must outlive it.
 * Thread:  the state's.
 * Memory:  its random numbers belong to the state, which a script may keep for longer.
 * Fails:   create: SRT_ENOMEM, SRT_EBUDGET. make: SRT_EEND for nil; what script_call(),
 *          value_encode() and value_encode_key() fail with; SRT_ETOOBIG beyond 2 GiB.
 *
 * `rng` is as math.random: rng() is in [0, 1), rng(m) in 1..m, rng(m, n) in m..n. Its numbers begin
 * anew for each n, from the seed and n together: the same n gives the same record, in whatever
 * order and after any restart. */
#ifndef SRT_SCRIPT_GENERATOR_H
#define SRT_SCRIPT_GENERATOR_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "record/codec.h"
#include "script/script.h"

struct generator;

int generator_create(struct script *script, const struct script_fn *fn, uint64_t seed,
                     struct generator **ret, struct srt_err *err);
void generator_destroy(struct generator *gen); /* accepts NULL */

/* Append the n-th value, and behind it the key (*ret_key_len RECORD_ABSENT: none). On failure the
 * buffer is as it was. */
int generator_make(struct generator *gen, int64_t n, enum codec codec, struct srt_buf *to,
                   int32_t *ret_value_len, int32_t *ret_key_len, struct srt_err *err);

#endif
