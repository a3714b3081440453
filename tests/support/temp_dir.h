/* temp_dir.h - a directory of its own for a test, removed with everything in it.
 *
 * Owner:   the test, usually by its cmocka setup and teardown.
 * Thread:  one at a time.
 * Memory:  the path is in the struct.
 * Fails:   by ending the test program with a message: a test without its directory says nothing. */
#ifndef SRT_SUPPORT_TEMP_DIR_H
#define SRT_SUPPORT_TEMP_DIR_H

struct temp_dir {
    char path[256];
};

void temp_dir_make(struct temp_dir *dir); /* under $TMPDIR, else /tmp */
void temp_dir_remove(struct temp_dir *dir);

/* dir/name, in a static buffer of which eight are used in turn. */
const char *temp_dir_path(const struct temp_dir *dir, const char *name);

void temp_dir_write_file(const struct temp_dir *dir, const char *name, const char *text);

#endif
