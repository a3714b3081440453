/* json_quotes.h - where the strings of a JSON text begin and end, found before anything else.
 *
 * Owner:   none; pure.
 * Thread:  any.
 * Memory:  the caller's array.
 * Fails:   never: json_quotes_find() says false where there is no fast way, and nothing is lost.
 *
 * For json.c only. */
#ifndef SRT_RECORD_JSON_QUOTES_H
#define SRT_RECORD_JSON_QUOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JSON_QUOTES_TEXT_MAX = 4096, /* longer texts have longer strings, and gain less */
    JSON_QUOTES_BEHIND = 64,     /* written behind the last position, and no position */
    JSON_QUOTES_MAX = JSON_QUOTES_TEXT_MAX + JSON_QUOTES_BEHIND,
};

struct json_quotes {
    bool has_special; /* an escape, a control character or something beyond ASCII is anywhere */
    uint16_t at[JSON_QUOTES_MAX];
};

/* The positions of all quotes that no backslash escapes, and then `size` twice. Behind the text
 * stand JSON_PAD_BYTES zeros. False: the text is too long, or this processor cannot do it. */
bool json_quotes_find(struct json_quotes *quotes, const uint8_t *text, size_t size);

#endif
