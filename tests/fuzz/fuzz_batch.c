/* Any bytes as a batch, once as they are and once with the CRC made right, so that the records are
 * reached. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/varint.h"
#include "record/batch.h"
#include "record/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_records(const uint8_t *data, const struct batch_info *info)
{
    struct batch_reader reader;
    struct record rec;
    struct srt_buf space = {0};
    int rc = batch_reader_init(&reader, data, info, &space);
    const uint8_t *end = reader.end;
    while (rc == SRT_OK && batch_reader_next(&reader, &rec) == SRT_OK) {
        srt_assert(rec.key_len <= 0 || rec.key + rec.key_len <= end);
        srt_assert(rec.value_len <= 0 || rec.value + rec.value_len <= end);
        srt_assert(rec.headers + rec.headers_len <= end);
        struct header header;
        uint32_t at = 0;
        while (header_next(rec.headers, rec.headers_len, &at, &header) == SRT_OK) {
            srt_assert(header.name + header.name_len <= end);
        }
    }
    srt_buf_fini(&space);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *batch = malloc(size + (size == 0));
    memcpy(batch, data, size);
    struct batch_info info;
    for (int round = 0; round < 2; round++) {
        if (batch_parse(batch, size, &info) == SRT_OK) {
            srt_assert(info.size_bytes <= size);
            read_records(batch, &info);
            (void)batch_check_records(batch, size, &info);
            srt_put_be32(batch + 17, srt_crc32c(0, batch + 21, info.size_bytes - 21));
        }
    }
    free(batch);
    return 0;
}
