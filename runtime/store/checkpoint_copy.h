/* checkpoint_copy.h - the last checkpoint once more, in a file of its own, for the day on which the
 * journal's is damaged.
 *
 * Owner:   the back thread writes it; only repairs read it.
 * Thread:  one at a time.
 * Memory:  the checkpoint.
 * Fails:   writing: as io_write_file_atomic, and it is no reason to stop: an older copy is a worse
 *          one. Reading: SRT_ENOENT, SRT_ECORRUPT, SRT_EVERSION, SRT_EIO. */
#ifndef SRT_STORE_CHECKPOINT_COPY_H
#define SRT_STORE_CHECKPOINT_COPY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/fs.h"

char *checkpoint_copy_path(const char *data_dir); /* the caller frees */

/* Everything that the encoded checkpoint vouches for is synced by now. */
int checkpoint_copy_write(const struct io_fs *fs, const char *data_dir, uint64_t number,
                          const struct srt_buf *bytes, struct srt_err *err);

/* ret_bytes is filled on success, and the caller finishes it. */
int checkpoint_copy_read(const struct io_fs *fs, const char *data_dir, uint64_t *ret_number,
                         struct srt_buf *ret_bytes, struct srt_err *err);

#endif
