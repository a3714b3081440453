/* file_window.h - a file read through a window, for those who judge every byte of it in order.
 *
 * Owner:   whoever opens it closes it.
 * Thread:  one at a time.
 * Memory:  the window: FILE_WINDOW_BYTES, or as much as was asked for at once.
 * Fails:   SRT_ENOENT, SRT_EIO, SRT_ENOMEM; SRT_EEND when the file became shorter meanwhile. */
#ifndef SRT_STORE_FILE_WINDOW_H
#define SRT_STORE_FILE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/fs.h"

enum { FILE_WINDOW_BYTES = SRT_HOSTILE ? 4096 : 1 << 20 };

struct file_window {
    const struct io_fs *fs;
    const char *path; /* the caller's */
    int fd;
    uint64_t size_bytes; /* of the file */
    struct srt_buf buf;
    uint64_t at;
    size_t len;
};

/* After a failure there is nothing to close; a zeroed window may be closed. */
int file_window_open(struct file_window *w, const struct io_fs *fs, const char *path,
                     struct srt_err *err);
void file_window_close(struct file_window *w);

/* At least `size` bytes of the file at `at`, borrowed until the next call; the caller keeps within
 * the file. */
int file_window_look(struct file_window *w, uint64_t at, size_t size, const uint8_t **ret_data,
                     struct srt_err *err);

/* How many bytes from `at` on the last look has left to see without another read. */
size_t file_window_left(const struct file_window *w, uint64_t at);

#endif
