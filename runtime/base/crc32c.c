#include "base/crc32c.h"

#include <isa-l/crc.h>
#include <limits.h>

uint32_t srt_crc32c(uint32_t before, const void *data, size_t size)
{
    /* The library takes an int for the length, a writable pointer that it does not write to, and
     * leaves both inversions to the caller. */
    unsigned char *p = (unsigned char *)(uintptr_t)data;
    uint32_t crc = ~before;
    while (size > 0) {
        size_t part = size < INT_MAX ? size : INT_MAX;
        crc = crc32_iscsi(p, (int)part, crc);
        p += part;
        size -= part;
    }
    return ~crc;
}
