/* Files of a store are read from their beginning to their end by what checks them, a few bytes at a
 * time and sometimes a few back: one read fetches what the next thousand looks need. */
#include "store/file_window.h"

#include <fcntl.h>

#include "base/assert.h"

int file_window_open(struct file_window *w, const struct io_fs *fs, const char *path,
                     struct srt_err *err)
{
    *w = (struct file_window){.fs = fs, .path = path, .fd = -1};
    int rc = io_open(fs, path, O_RDONLY, 0, &w->fd, err);
    if (rc != SRT_OK) {
        return rc;
    }
    struct io_file_info info;
    rc = io_info(fs, w->fd, &info, path, err);
    if (rc != SRT_OK) {
        io_close(fs, &w->fd);
        return rc;
    }
    w->size_bytes = info.size_bytes;
    return SRT_OK;
}

void file_window_close(struct file_window *w)
{
    if (w->fs) {
        io_close(w->fs, &w->fd);
    }
    srt_buf_fini(&w->buf);
    *w = (struct file_window){.fd = -1};
}

int file_window_look(struct file_window *w, uint64_t at, size_t size, const uint8_t **ret_data,
                     struct srt_err *err)
{
    srt_assert(at <= w->size_bytes && size <= w->size_bytes - at);
    if (at < w->at || at + size > w->at + w->len) {
        uint64_t left = w->size_bytes - at;
        size_t want = size > FILE_WINDOW_BYTES ? size : FILE_WINDOW_BYTES;
        want = left < want ? (size_t)left : want;
        srt_buf_clear(&w->buf);
        w->len = 0;
        uint8_t *to = srt_buf_reserve(&w->buf, want);
        if (!to) {
            w->buf.failed = false; /* a smaller piece may fit */
            return srt_fail(err, SRT_ENOMEM, "out of memory for %zu bytes", want);
        }
        int rc = io_read_at(w->fs, w->fd, to, want, (int64_t)at, w->path, err);
        if (rc != SRT_OK) {
            return rc;
        }
        w->at = at;
        w->len = want;
    }
    *ret_data = w->buf.data + (at - w->at);
    return SRT_OK;
}

size_t file_window_left(const struct file_window *w, uint64_t at)
{
    return at >= w->at && at < w->at + w->len ? (size_t)(w->at + w->len - at) : 0;
}
