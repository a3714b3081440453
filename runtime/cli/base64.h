/* base64.h - bytes as text (RFC 4648, padded), for values that are not UTF-8.
 *
 * Owner:   the caller's buffer.
 * Thread:  any.
 * Memory:  appends to the buffer.
 * Fails:   never (the buffer remembers when it is full). */
#ifndef SRT_CLI_BASE64_H
#define SRT_CLI_BASE64_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

void base64_put(struct srt_buf *to, const uint8_t *data, size_t size);

#endif
