/* value.h - records as Lua values and back: lazy JSON that looks like a table in every way.
 *
 * Owner:   a pushed value belongs to the Lua state; it keeps its own copy of the bytes it needs, so
 *          a script may store it anywhere.
 * Thread:  the state's.
 * Memory:  counted against the state's cap.
 * Fails:   pushing: SRT_EPARSE for a scalar that is not JSON, else only when touched: then the
 *          script sees an error that names the byte. Encoding: SRT_EINVAL with a path
 *          ("v.items[3].price is not a number that JSON can hold (nan)"), SRT_ETOOBIG for depth.
 *          SRT_EBUDGET when the state has no memory left. Nothing here raises Lua errors; call
 *          these outside of script_call. */
#ifndef SRT_SCRIPT_VALUE_H
#define SRT_SCRIPT_VALUE_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "record/codec.h"
#include "record/record.h"

struct json_index;
struct script;

/* What `r` shows: metadata of the record that a stage works on. */
struct value_meta {
    const struct record *rec; /* key, headers, timestamp, offset */
    const char *topic;        /* or "file:PATH" */
    int32_t partition;
};

/* Push the value of a record. value_len RECORD_ABSENT (a tombstone) is nil. Never raises. */
int value_push(struct script *script, enum codec codec, const uint8_t *data, int32_t size,
               struct srt_err *err);

/* The same, in the table that the value before it had: for values that only such functions see as
 * are known to forget them (script_fn.forgets_value), and that the host does not keep either. Then
 * value_release() says that nothing on the stack shows it any more, and that the next one may have
 * the table. A value of which a part was handed out (an inner table) loses it; while there is none,
 * this is value_push(). */
int value_push_reused(struct script *script, enum codec codec, const uint8_t *data, int32_t size,
                      struct srt_err *err);
void value_release(struct script *script);

/* The JSON object or array that was just pushed and is on top has this index (of its whole text):
 * it need not be made again. */
void value_adopt_index(struct script *script, const struct json_index *index);

/* Push `r`: a table with key, headers, timestamp, topic, partition, offset. Never raises. */
int value_push_meta(struct script *script, const struct value_meta *meta, struct srt_err *err);

/* Push bytes (a key) as a Lua string, nil for RECORD_ABSENT. Never raises. */
int value_push_bytes(struct script *script, const uint8_t *data, int32_t size, struct srt_err *err);

/* Append the encoding of the value at `index`: an untouched lazy value gives its original bytes, a
 * changed one is spliced. Under CODEC_JSON strings are quoted; under text and bytes a string is
 * written as it is and everything else as JSON. nil is SRT_EINVAL. Never raises. Fields are read
 * raw: no code of the script runs. */
int value_encode(struct script *script, int index, enum codec codec, struct srt_buf *to,
                 struct srt_err *err);

/* A key from what key_by returned: strings as they are, integers and floats in their shortest form
 * (1 and 1.0 give the same "1"), booleans as true/false, tables and lists as JSON; nil is
 * SRT_EINVAL. docs/format/key.md. */
int value_encode_key(struct script *script, int index, struct srt_buf *to, struct srt_err *err);

/* What was done with lazy values since the last call: for tests that show laziness. */
struct value_stats {
    uint64_t pushed;
    uint64_t indexed;     /* touched: validated and indexed */
    uint64_t forwarded;   /* encoded without a change: bytes copied */
    uint64_t spliced;
    uint64_t materialised; /* became plain tables (setmetatable, arrays...) */
    uint64_t reused;       /* pushed in a table that was there */
};
void value_take_stats(struct script *script, struct value_stats *ret);

#endif
