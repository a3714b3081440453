#include "connect/file_input.h"

#include <errno.h>
#include <inttypes.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/fault.h"
#include "record/gzip.h"

enum { PACKED_BYTES = SRT_HOSTILE ? 7 : 64 << 10 };

static int fail_read(const char *path, int sys, struct srt_err *err)
{
    return srt_fail_sys(err, srt_code_from_errno(sys), sys, "read '%s'", path);
}

static int read_file(const struct io_fs *fs, int fd, const char *path, uint8_t *to, size_t size,
                     int64_t at, size_t *ret_size, struct srt_err *err)
{
    int sys = SRT_FAULT(source_file_read);
    ssize_t n;
    do {
        n = sys ? -sys : fs->pread(fs, fd, to, size, at);
    } while (n == -EINTR);
    if (n < 0) {
        return fail_read(path, (int)-n, err);
    }
    *ret_size = (size_t)n;
    return SRT_OK;
}

int file_input_is_gzip(const struct io_fs *fs, int fd, const char *path, bool *ret,
                       struct srt_err *err)
{
    uint8_t magic[GZIP_MAGIC_BYTES];
    int rc = io_read_at(fs, fd, magic, sizeof magic, 0, path, err);
    if (rc == SRT_OK || rc == SRT_EEND) {
        *ret = rc == SRT_OK && gzip_magic(magic, sizeof magic);
        rc = SRT_OK;
    }
    return rc;
}

int file_input_open(struct file_input *in, const struct io_fs *fs, const char *path, int fd,
                    bool gzip, int64_t offset, struct srt_err *err)
{
    struct file_input new_in = {.fs = fs, .path = path, .fd = fd, .at = offset};
    if (gzip) {
        new_in.at = 0;
        new_in.skip = offset;
        if (gzip_reader_create(&new_in.gzip) != SRT_OK) {
            return srt_fail(err, SRT_ENOMEM, "no memory to decompress '%s'", path);
        }
        new_in.packed = srt_xalloc(PACKED_BYTES);
    }
    *in = new_in;
    return SRT_OK;
}

void file_input_close(struct file_input *in)
{
    io_close(in->fs, &in->fd);
    gzip_reader_destroy(in->gzip);
    srt_free(in->packed);
    *in = (struct file_input){.fs = in->fs, .fd = -1};
}

/* More compressed bytes, when all are used. None: the file has no more. */
static int fill(struct file_input *in, struct srt_err *err)
{
    if (in->packed_at < in->packed_len) {
        return SRT_OK;
    }
    size_t size = 0;
    int rc = read_file(in->fs, in->fd, in->path, in->packed, PACKED_BYTES, in->at, &size, err);
    if (rc == SRT_OK) {
        in->at += (int64_t)size;
        in->packed_at = 0;
        in->packed_len = size;
    }
    return rc;
}

static int read_gzip(struct file_input *in, uint8_t *to, size_t size, size_t *ret_size,
                     bool *ret_again, struct srt_err *err)
{
    size_t have = 0;
    size_t made = 0;
    do {
        int rc = fill(in, err);
        if (rc != SRT_OK) {
            return rc;
        }
        have = in->packed_len - in->packed_at;
        size_t used = 0;
        rc = gzip_reader_run(in->gzip, in->packed + in->packed_at, have, &used, to, size, &made,
                             err);
        if (rc != SRT_OK) {
            return srt_err_wrap(err, "read '%s'", in->path);
        }
        in->packed_at += used;
    } while (made == 0 && have > 0);
    size_t skipped = (int64_t)made < in->skip ? made : (size_t)in->skip;
    in->skip -= (int64_t)skipped;
    if (skipped > 0 && skipped < made) {
        memmove(to, to + skipped, made - skipped);
    }
    *ret_size = made - skipped;
    *ret_again = made > 0 && made == skipped;
    return SRT_OK;
}

int file_input_read(struct file_input *in, uint8_t *to, size_t size, size_t *ret_size,
                    bool *ret_again, struct srt_err *err)
{
    srt_assert(in->fd >= 0 && size > 0);
    *ret_again = false;
    if (in->gzip) {
        return read_gzip(in, to, size, ret_size, ret_again, err);
    }
    int rc = read_file(in->fs, in->fd, in->path, to, size, in->at, ret_size, err);
    if (rc == SRT_OK) {
        in->at += (int64_t)*ret_size;
    }
    return rc;
}

int file_input_check_end(const struct file_input *in, struct srt_err *err)
{
    struct io_file_info info;
    int rc = io_info(in->fs, in->fd, &info, in->path, err);
    if (rc != SRT_OK) {
        return rc;
    }
    if ((int64_t)info.size_bytes < in->at) {
        return srt_fail(err, SRT_ERANGE,
                        "file '%s' was cut to %" PRIu64 " bytes while it was read (byte %" PRId64
                        ")",
                        in->path, info.size_bytes, in->at);
    }
    if (in->gzip && !gzip_reader_whole(in->gzip)) {
        return srt_fail(err, SRT_ECORRUPT,
                        "read '%s': the gzip data ends too early, at byte %" PRIu64, in->path,
                        gzip_reader_used_bytes(in->gzip));
    }
    if (in->skip > 0) {
        return srt_fail(err, SRT_ERANGE,
                        "file '%s' holds %" PRId64
                        " bytes less, decompressed, than were read of it before: it was cut off; "
                        "restore it, or reset the pipeline's positions",
                        in->path, in->skip);
    }
    return SRT_OK;
}
