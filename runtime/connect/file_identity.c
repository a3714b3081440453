#include "connect/file_identity.h"

#include <assert.h>
#include <errno.h>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/varint.h"

/* Version 1 had no time of creation. */
enum { CODED_VERSION = 2, CODED_BYTES_OF_1 = 23 };


static_assert(FILE_IDENTITY_CODED_BYTES == 1 + 8 + 8 + 2 + 4 + 8, "docs/format/position.md");

static int fail(struct srt_err *err, int sys, const char *path)
{
    return srt_fail_sys(err, srt_code_from_errno(sys), sys, "read '%s'", path);
}

int file_identity_read(const struct io_fs *fs, int fd, const char *path, size_t head_bytes_max,
                       struct file_identity *ret, struct srt_err *err)
{
    srt_assert(head_bytes_max <= FILE_IDENTITY_HEAD_BYTES);
    struct io_file_info info;
    int rc = io_info(fs, fd, &info, path, err);
    if (rc != SRT_OK) {
        return rc;
    }
    uint8_t head[FILE_IDENTITY_HEAD_BYTES];
    size_t have = 0;
    while (have < head_bytes_max) {
        ssize_t n = fs->pread(fs, fd, head + have, head_bytes_max - have, (int64_t)have);
        if (n == -EINTR) {
            continue;
        }
        if (n < 0) {
            return fail(err, (int)-n, path);
        }
        if (n == 0) {
            break;
        }
        have += (size_t)n;
    }
    *ret = (struct file_identity){
        .device = info.device,
        .inode = info.inode,
        .head_bytes = (uint16_t)have,
        .head_crc = srt_crc32c(0, head, have),
        .born_ns = info.born_ns,
    };
    return SRT_OK;
}

bool file_identity_same_file(const struct file_identity *a, const struct file_identity *b)
{
    return a->inode == b->inode && a->device == b->device &&
           (a->born_ns == b->born_ns || a->born_ns == 0 || b->born_ns == 0);
}

int file_identity_same_content(const struct io_fs *fs, int fd, const char *path,
                               const struct file_identity *then, bool *ret_same,
                               struct srt_err *err)
{
    struct file_identity now;
    int rc = file_identity_read(fs, fd, path, then->head_bytes, &now, err);
    if (rc == SRT_OK) {
        *ret_same = now.head_bytes == then->head_bytes && now.head_crc == then->head_crc;
    }
    return rc;
}

void file_identity_encode(const struct file_identity *id, uint8_t to[FILE_IDENTITY_CODED_BYTES])
{
    to[0] = CODED_VERSION;
    srt_put_be64(to + 1, id->device);
    srt_put_be64(to + 9, id->inode);
    srt_put_be16(to + 17, id->head_bytes);
    srt_put_be32(to + 19, id->head_crc);
    srt_put_be64(to + 23, (uint64_t)id->born_ns);
}

int file_identity_decode(const uint8_t *from, size_t size, struct file_identity *ret)
{
    if (size == 0) {
        return SRT_ECORRUPT;
    }
    if (from[0] == 0 || from[0] > CODED_VERSION) {
        return SRT_EVERSION;
    }
    if (size != (from[0] == 1 ? CODED_BYTES_OF_1 : FILE_IDENTITY_CODED_BYTES)) {
        return SRT_ECORRUPT;
    }
    struct file_identity id = {
        .device = srt_get_be64(from + 1),
        .inode = srt_get_be64(from + 9),
        .head_bytes = srt_get_be16(from + 17),
        .head_crc = srt_get_be32(from + 19),
        .born_ns = from[0] == 1 ? 0 : (int64_t)srt_get_be64(from + 23),
    };
    if (id.head_bytes > FILE_IDENTITY_HEAD_BYTES) {
        return SRT_ECORRUPT;
    }
    *ret = id;
    return SRT_OK;
}
