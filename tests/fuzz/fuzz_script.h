/* fuzz_script.h - a script state that is small and short of time.
 *
 * Owner:   the target.
 * Thread:  one.
 * Memory:  FUZZ_SCRIPT_MEMORY_BYTES of Lua's.
 * Fails:   by an assertion when the state cannot be made. */
#ifndef SRT_FUZZ_FUZZ_SCRIPT_H
#define SRT_FUZZ_FUZZ_SCRIPT_H

#include "base/assert.h"
#include "script/script.h"
#include "script/value.h"

enum {
    FUZZ_SCRIPT_MEMORY_BYTES = 2 << 20,
    FUZZ_SCRIPT_DEADLINE_MS = 20,
    FUZZ_SCRIPT_LATE_MS = 2000, /* of processor time, under sanitizers */
};

static inline struct script *fuzz_script_create(size_t memory_bytes, int64_t deadline_ms)
{
    struct script_options options;
    struct script *script;
    struct srt_err err;
    script_options_default(&options);
    options.memory_bytes = memory_bytes;
    options.deadline_ms = deadline_ms;
    int rc = script_create(&options, &script, &err);
    srt_assert(rc == SRT_OK);
    return script;
}

#endif
