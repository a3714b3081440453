/* offset_spec.h - where to begin and end reading, as rpk spells it.
 *
 * Owner:   the caller; a plain value.
 * Thread:  any.
 * Memory:  none.
 * Fails:   offset_spec_parse: SRT_EPARSE with what is expected.
 *
 *     start  end  42  +10 (ten behind the start)  -10 (ten before the end)  42:99  :99  -10:end
 *     @-1h (an hour ago)  @1431857103000  @2026-01-05  @2026-01-05T10:00:00Z  @-2h:@-1h  @-1h:5m
 *
 * The end of a range is exclusive; after a time, a duration counts from that time. */
#ifndef SRT_CLI_OFFSET_SPEC_H
#define SRT_CLI_OFFSET_SPEC_H

#include "base/err.h"

#include <stdint.h>

enum offset_kind {
    OFFSET_START, /* value records behind the first */
    OFFSET_END,   /* value records before the end */
    OFFSET_EXACT, /* value is the offset */
    OFFSET_TIME,  /* value is ms since 1970 */
};

struct offset_point {
    enum offset_kind kind;
    int64_t value;
};

struct offset_spec {
    struct offset_point from;
    struct offset_point to; /* exclusive; OFFSET_END with 0 when not given */
};

int offset_spec_parse(const char *text, int64_t now_ms, struct offset_spec *ret,
                      struct srt_err *err);

#endif
