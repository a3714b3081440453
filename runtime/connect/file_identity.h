/* file_identity.h - what tells a file from another that stands in its place later.
 *
 * Owner:   a plain value.
 * Thread:  any.
 * Memory:  none.
 * Fails:   file_identity_read: what reading fails with; file_identity_decode: SRT_ECORRUPT,
 *          SRT_EVERSION.
 *
 * Device and inode name a file as long as it exists, and with the time of its creation also after
 * that, when the inode serves another; the checksum of its first bytes tells whether its content is
 * still that of before, even after it was copied or restored. Stored as docs/format/position.md
 * says. */
#ifndef SRT_CONNECT_FILE_IDENTITY_H
#define SRT_CONNECT_FILE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/fs.h"

enum { FILE_IDENTITY_HEAD_BYTES = 256, FILE_IDENTITY_CODED_BYTES = 31 };

struct file_identity {
    uint64_t device;
    uint64_t inode;
    uint16_t head_bytes; /* how many first bytes the checksum covers */
    uint32_t head_crc;
    int64_t born_ns; /* 0: not known */
};

/* Of an open file; the checksum covers at most head_bytes_max of what is there now. */
int file_identity_read(const struct io_fs *fs, int fd, const char *path, size_t head_bytes_max,
                       struct file_identity *ret, struct srt_err *err);

/* Whether both are of one file, whatever it holds. */
bool file_identity_same_file(const struct file_identity *a, const struct file_identity *b);

/* Whether the file still begins with the bytes it began with then. */
int file_identity_same_content(const struct io_fs *fs, int fd, const char *path,
                               const struct file_identity *then, bool *ret_same,
                               struct srt_err *err);

void file_identity_encode(const struct file_identity *id, uint8_t to[FILE_IDENTITY_CODED_BYTES]);
int file_identity_decode(const uint8_t *from, size_t size, struct file_identity *ret);

#endif
