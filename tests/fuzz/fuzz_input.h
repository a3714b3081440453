/* fuzz_input.h - the bytes of a fuzzer taken as numbers and parts: what is not there is zero.
 *
 * Owner:   the target; it borrows the fuzzer's bytes.
 * Thread:  one.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_FUZZ_FUZZ_INPUT_H
#define SRT_FUZZ_FUZZ_INPUT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

/* The target. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
    const uint8_t *data;
    size_t size;
};

static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
    if (in->size == 0) {
        return 0;
    }
    in->size--;
    return *in->data++;
}

static inline uint32_t fuzz_number(struct fuzz_input *in, int bytes)
{
    uint32_t number = 0;
    while (bytes-- > 0) {
        number = number << 8 | fuzz_byte(in);
    }
    return number;
}

/* Up to `size` bytes as an input of their own. */
static inline struct fuzz_input fuzz_part(struct fuzz_input *in, size_t size)
{
    struct fuzz_input part = {in->data, size < in->size ? size : in->size};
    in->data += part.size;
    in->size -= part.size;
    return part;
}

/* A copy that ends where its memory ends, so that reading beyond it is seen; the caller frees. */
static inline uint8_t *fuzz_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + (size == 0));
    srt_assert(copy);
    if (size) {
        memcpy(copy, data, size);
    }
    return copy;
}

#endif
