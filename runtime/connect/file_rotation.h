/* file_rotation.h - where the content of a followed file went: other files in its directory.
 *
 * Owner:   source_file.c asks.
 * Thread:  the source's worker.
 * Memory:  the names of the directory, while it looks.
 * Fails:   never: what cannot be read is not found.
 *
 * Three searches. Each gives an open file and its path, both the caller's (io_close, srt_free), or
 * false. */
#ifndef SRT_CONNECT_FILE_ROTATION_H
#define SRT_CONNECT_FILE_ROTATION_H

#include "connect/file_identity.h"
#include "io/fs.h"

#include <stdbool.h>
#include <stdint.h>

/* The very file, under another name, with at least `at` bytes: a rotation by rename. */
bool file_rotation_find_moved(const struct io_fs *fs, const char *path,
                              const struct file_identity *then, int64_t at, int *ret_fd,
                              char **ret_path);

/* A file that has its content, with at least `at` bytes, under a name that rotations give: it was
 * copied away before the file was cut. Of several the newest. */
bool file_rotation_find_copy(const struct io_fs *fs, const char *path,
                             const struct file_identity *then, int64_t at, int *ret_fd,
                             char **ret_path);

/* The file that was begun after `done` and was rotated away since: the oldest one that is younger
 * than `done`, and no younger than the file at the path unless the path keeps its file for good. */
bool file_rotation_find_next(const struct io_fs *fs, const char *path,
                             const struct file_identity *done, int *ret_fd, char **ret_path);

#endif
