/* fuzz_disk.h - files on a disk in memory, for targets that read directories.
 *
 * Owner:   the target.
 * Thread:  one.
 * Memory:  the disk's.
 * Fails:   by an assertion: a disk in memory has no excuse. */
#ifndef SRT_FUZZ_FUZZ_DISK_H
#define SRT_FUZZ_FUZZ_DISK_H

#include <fcntl.h>

#include "base/assert.h"
#include "support/fake_disk.h"

/* The whole file, in place of what was there. */
static inline void fuzz_disk_write(const struct io_fs *fs, const char *path, const void *data,
                                   size_t size)
{
    struct srt_err err;
    int fd = -1;
    int rc = io_open(fs, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd, &err);
    srt_assert(rc == SRT_OK);
    rc = io_write_at(fs, fd, data, size, 0, path, &err);
    srt_assert(rc == SRT_OK);
    io_close(fs, &fd);
}

static inline void fuzz_disk_make_dir(const struct io_fs *fs, const char *path)
{
    struct srt_err err;
    int rc = io_make_dirs(fs, path, &err);
    srt_assert(rc == SRT_OK);
}

/* Nothing was left open. */
static inline void fuzz_disk_destroy(struct fake_disk *disk)
{
    srt_assert(fake_disk_open_fds(disk) == 0);
    fake_disk_destroy(disk);
}

#endif
