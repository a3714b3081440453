/* file_input.h - the bytes of a file from an offset on; of a gzip file those that it holds.
 *
 * Owner:   source_file.c embeds it.
 * Thread:  the source's worker.
 * Memory:  none for a plain file; a buffer and zlib's window for a compressed one.
 * Fails:   SRT_EIO and what reading gives; SRT_ECORRUPT for damaged gzip data; SRT_ENOMEM.
 *          file_input_check_end: SRT_ERANGE.
 *
 * An offset into a compressed file counts the bytes that it holds. To begin there, what stands
 * before is decompressed and thrown away. */
#ifndef SRT_CONNECT_FILE_INPUT_H
#define SRT_CONNECT_FILE_INPUT_H

#include "base/err.h"
#include "io/fs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gzip_reader;

struct file_input {
    const struct io_fs *fs;
    const char *path; /* for messages; the caller's */
    int fd;           /* -1: none */
    int64_t at;       /* of the next byte to read from the file */
    /* A compressed file. */
    struct gzip_reader *gzip; /* NULL: it is plain */
    uint8_t *packed;
    size_t packed_at;
    size_t packed_len;
    int64_t skip; /* so many bytes more before the offset */
};

/* Whether it begins as gzip data does. */
int file_input_is_gzip(const struct io_fs *fs, int fd, const char *path, bool *ret,
                       struct srt_err *err);

/* Takes the file on success. `path` lives as long. */
int file_input_open(struct file_input *in, const struct io_fs *fs, const char *path, int fd,
                    bool gzip, int64_t offset, struct srt_err *err);
void file_input_close(struct file_input *in); /* accepts a zeroed one with fd -1 */

/* Up to `size` bytes; *ret_size 0: there are none now. *ret_again: ask again, it is only that those
 * before the offset are not passed yet. */
int file_input_read(struct file_input *in, uint8_t *to, size_t size, size_t *ret_size,
                    bool *ret_again, struct srt_err *err);

/* There are none, and there should be no more: whether the file is whole. SRT_ERANGE when it became
 * shorter than what was read of it, or when the offset is behind its end. */
int file_input_check_end(const struct file_input *in, struct srt_err *err);

#endif
