/* json.h - JSON text (RFC 8259): checked once, indexed one level at a time, never decoded as a
 * whole.
 *
 * Owner:   an index belongs to the caller and borrows the text.
 * Thread:  any, one at a time per object.
 * Memory:  an index's slots grow (srt_realloc); all else allocates nothing.
 * Fails:   SRT_EPARSE with the byte position; SRT_ETOOBIG, likewise with it, for nesting beyond
 *          SRT_JSON_DEPTH_MAX or more than 2^31-1 bytes; SRT_ENOMEM. A failed index has no slots.
 *
 * json_index() reads the whole text once: it validates everything (grammar, escapes, UTF-8, depth)
 * and notes where each member of the outermost object or array begins and ends. Nested containers
 * are indexed when they are touched, with json_index_trusted(), which skips what is known to be
 * valid. */
#ifndef SRT_RECORD_JSON_H
#define SRT_RECORD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* One member of an object or array: positions in the text that was indexed. */
struct json_slot {
    uint32_t key_at;   /* first byte after the opening quote; 0 in arrays */
    uint32_t key_len;  /* raw bytes up to the closing quote, escapes not resolved */
    uint32_t value_at; /* first byte of the value (for strings: the opening quote) */
    uint32_t value_len;
    uint8_t type;        /* enum json_type */
    bool key_escaped;    /* the key has a backslash */
    bool value_escaped;  /* a string value has a backslash */
    bool is_integer;     /* a number without fraction and exponent */
};

struct json_index {
    struct json_slot *slots;
    uint32_t count;
    uint32_t cap;
    enum json_type type; /* of the outermost value */
    struct json_slot root; /* the outermost value itself (without white space around it) */
    bool may_have_escapes; /* else no string anywhere in the text has one */
};

void json_index_init(struct json_index *index);
void json_index_fini(struct json_index *index);

/* Validate all of `text` and index its outermost container (no slots when it is a scalar). On
 * SRT_EPARSE, *ret_error_at is the offset of the first wrong byte (the text's size when it ends too
 * early; the first byte of a sequence that is not UTF-8). Duplicate keys are kept, in order:
 * readers take the last one. */
int json_index(struct json_index *index, const char *text, size_t size, size_t *ret_error_at);

/* The same, faster, for a text behind which JSON_PAD_BYTES zeros follow. */
enum { JSON_PAD_BYTES = 64 };
int json_index_padded(struct json_index *index, const char *text, size_t size,
                      size_t *ret_error_at);

/* The same for a container inside a text that json_index() accepted: no validation. */
int json_index_trusted(struct json_index *index, const char *text, size_t size);

/* Only whether it is valid. */
int json_validate(const char *text, size_t size, size_t *ret_error_at);

/* Find a key (given unescaped); NULL when absent; the last one of duplicates. */
const struct json_slot *json_find(const struct json_index *index, const char *text, const char *key,
                                  size_t key_len);

/* --- scalars --- */

/* Resolve the escapes of a string's raw bytes (between the quotes), appending UTF-8. A lone
 * surrogate escape becomes U+FFFD. */
void json_unescape(const char *raw, size_t raw_len, struct srt_buf *to);

/* A number's text (one that was validated): an int64 when it is an integer that fits, else the
 * nearest double; beyond the range of doubles infinity. Returns true for integer. "-0" is the
 * double -0.0, so that it survives. */
bool json_number(const char *text, size_t size, int64_t *ret_integer, double *ret_double);

/* --- writing --- */

/* Quote and escape. Bytes that are not UTF-8 are replaced by U+FFFD: the output is always valid. */
void json_put_string(struct srt_buf *to, const char *text, size_t size);
void json_put_integer(struct srt_buf *to, int64_t value);

/* The shortest decimal that reads back as the same double, always with a fraction or exponent
 * ("1.0", "1e+300"), so that a float stays a float. Not finite: SRT_EINVAL, nothing written. */
int json_put_double(struct srt_buf *to, double value);

#endif
