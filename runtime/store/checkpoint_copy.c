/* After a clean end the journal is often nothing but one checkpoint: the frames before it are
 * freed. Everything that is known of topics, positions and segments hangs on those bytes, so there
 * is a second set of them. It is written just before the first one is journalled; either describes
 * a state that the disk has, and recovery itself believes only the journal.
 *
 * magic "SRTC" (4), version 1 (2), zero (2), checkpoint number (8), size (8), the checkpoint, then
 * the CRC-32C of all before it (4). docs/format/journal.md has the checkpoint. */
#include "store/checkpoint_copy.h"

#include "base/alloc.h"
#include "base/crc32c.h"
#include "base/varint.h"

#define COPY_MAGIC 0x53525443u /* SRTC */

enum {
    COPY_VERSION = 1,
    COPY_HEADER_BYTES = 24,
    COPY_CRC_BYTES = 4,
    COPY_FILE_BYTES_MAX = 1 << 30,
};

char *checkpoint_copy_path(const char *data_dir)
{
    return srt_xasprintf("%s/checkpoint.copy", data_dir);
}

int checkpoint_copy_write(const struct io_fs *fs, const char *data_dir, uint64_t number,
                          const struct srt_buf *bytes, struct srt_err *err)
{
    struct srt_buf file;
    srt_buf_init(&file);
    srt_buf_put_be32(&file, COPY_MAGIC);
    srt_buf_put_be16(&file, COPY_VERSION);
    srt_buf_put_be16(&file, 0);
    srt_buf_put_be64(&file, number);
    srt_buf_put_be64(&file, bytes->len);
    srt_buf_put(&file, bytes->data, bytes->len);
    srt_buf_put_be32(&file, srt_crc32c(0, file.data, file.len));
    char *path = checkpoint_copy_path(data_dir);
    int rc = srt_buf_failed(&file) || srt_buf_failed(bytes)
                 ? srt_fail(err, SRT_ENOMEM, "out of memory for '%s'", path)
                 : io_write_file_atomic(fs, path, file.data, file.len, err);
    srt_free(path);
    srt_buf_fini(&file);
    return rc;
}

static int decode(const struct srt_buf *file, uint64_t *ret_number)
{
    size_t least = COPY_HEADER_BYTES + COPY_CRC_BYTES;
    if (file->len < least || srt_get_be32(file->data) != COPY_MAGIC ||
        srt_get_be64(file->data + 16) != file->len - least ||
        srt_get_be32(file->data + file->len - COPY_CRC_BYTES) !=
            srt_crc32c(0, file->data, file->len - COPY_CRC_BYTES)) {
        return SRT_ECORRUPT;
    }
    *ret_number = srt_get_be64(file->data + 8);
    return srt_get_be16(file->data + 4) == COPY_VERSION ? SRT_OK : SRT_EVERSION;
}

int checkpoint_copy_read(const struct io_fs *fs, const char *data_dir, uint64_t *ret_number,
                         struct srt_buf *ret_bytes, struct srt_err *err)
{
    char *path = checkpoint_copy_path(data_dir);
    struct srt_buf file;
    int rc = io_read_file(fs, path, COPY_FILE_BYTES_MAX, &file, err);
    if (rc == SRT_OK) {
        rc = decode(&file, ret_number);
        if (rc == SRT_OK) {
            srt_buf_init(ret_bytes);
            srt_buf_put(ret_bytes, file.data + COPY_HEADER_BYTES,
                        file.len - COPY_HEADER_BYTES - COPY_CRC_BYTES);
        } else {
            srt_fail(err, rc, "'%s' is damaged at byte 0: it does not match its CRC", path);
        }
        srt_buf_fini(&file);
    }
    srt_free(path);
    return rc;
}
