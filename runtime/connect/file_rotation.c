/* Rotations rename ("app.log" becomes "app.log.1", and a new "app.log" is made) or copy ("app.log"
 * is copied to "app.log.1" and cut to nothing). After a stop, any number of them may have happened:
 *
 *     renamed:   app.log.2     app.log.1     app.log         each born after the one before
 *                ^was read     ^next         ^then
 *     copied:    app.log.2     app.log.1     app.log         the last one is the oldest
 *                ^found by its content
 *
 * Births give the order. Where a file system does not tell them, files between two that are known
 * are not found. Names decide what may be a generation of a log at all: in a directory there are
 * other files that begin with the same name. */
#include "connect/file_rotation.h"

#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "connect/file_input.h"

enum { ENTRIES_MAX = 10000 }; /* files that are looked at in one search */

struct search {
    const struct io_fs *fs;
    const char *base; /* the path's last part */
    const struct file_identity *known;
    int64_t at;
    bool by_inode;           /* only the very file will do */
    struct io_file_info now; /* of the file at the path; inode 0: there is none */
    int fd;                  /* the best so far, or -1 */
    char *path;
    int64_t born_ns;
};

/* Whether to look into the file at all; then whether it is one, and better than the best so far. */
typedef bool search_name_fn(const struct search *s, const char *name);
typedef bool search_match_fn(const struct search *s, const char *path, int fd,
                             const struct file_identity *id, const struct io_file_info *info);

/* --- names --- */

/* "app.log.1", "app.log-20261129", "app.log.2026-11-29T10:00:00Z"; for a copy also "app.log.old".
 */
static bool is_generation(const char *base, const char *name, bool copy)
{
    size_t len = strlen(base);
    if (strncmp(base, name, len) != 0 || (name[len] != '.' && name[len] != '-')) {
        return false;
    }
    const char *suffix = name + len + 1;
    if (copy && (strcmp(suffix, "old") == 0 || strcmp(suffix, "bak") == 0)) {
        return true;
    }
    size_t digits = strspn(suffix, "0123456789");
    return digits > 0 && suffix[strspn(suffix, "0123456789-_.:TZ")] == '\0';
}

static bool any_name(const struct search *s, const char *name)
{
    (void)s;
    (void)name;
    return true;
}

static bool copy_name(const struct search *s, const char *name)
{
    return is_generation(s->base, name, true);
}

static bool generation_name(const struct search *s, const char *name)
{
    return is_generation(s->base, name, false);
}

/* --- matches --- */

static bool has_content(const struct search *s, const char *path, int fd,
                        const struct io_file_info *info)
{
    struct srt_err ignored;
    bool same = false;
    return (int64_t)info->size_bytes >= s->at && s->known->head_bytes > 0 &&
           file_identity_same_content(s->fs, fd, path, s->known, &same, &ignored) == SRT_OK && same;
}

static bool match_moved(const struct search *s, const char *path, int fd,
                        const struct file_identity *id, const struct io_file_info *info)
{
    return file_identity_same_file(id, s->known) && has_content(s, path, fd, info);
}

/* A copy is younger than what it was made of. Without births only a long beginning is proof. */
static bool match_copy(const struct search *s, const char *path, int fd,
                       const struct file_identity *id, const struct io_file_info *info)
{
    bool known = s->known->born_ns != 0 && id->born_ns != 0;
    bool proof =
        known ? id->born_ns > s->known->born_ns : s->known->head_bytes == FILE_IDENTITY_HEAD_BYTES;
    return proof && has_content(s, path, fd, info) && (s->fd < 0 || id->born_ns > s->born_ns);
}

static bool match_next(const struct search *s, const char *path, int fd,
                       const struct file_identity *id, const struct io_file_info *info)
{
    (void)info;
    bool renames = s->now.inode != 0 && s->now.born_ns > s->known->born_ns;
    struct srt_err ignored;
    bool gzip = true;
    return id->born_ns > s->known->born_ns && (!renames || id->born_ns <= s->now.born_ns) &&
           (s->fd < 0 || id->born_ns < s->born_ns) &&
           file_input_is_gzip(s->fs, fd, path, &gzip, &ignored) == SRT_OK && !gzip;
}

/* --- searching --- */

/* Before it is opened: that alone would wake somebody who waits at a named pipe. */
static bool worth_opening(const struct search *s, const char *path)
{
    struct io_file_info info;
    return s->fs->path_info(s->fs, path, &info) == 0 && info.is_regular &&
           (info.inode != s->now.inode || info.device != s->now.device) &&
           (!s->by_inode || info.inode == s->known->inode);
}

static void look_at(struct search *s, char *path, search_match_fn *match)
{
    struct srt_err ignored;
    int fd = -1;
    if (!worth_opening(s, path) ||
        io_open(s->fs, path, O_RDONLY | O_NONBLOCK, 0, &fd, &ignored) != SRT_OK) {
        srt_free(path);
        return;
    }
    struct io_file_info info;
    struct file_identity id;
    bool found = s->fs->info(s->fs, fd, &info) == 0 && info.is_regular &&
                 file_identity_read(s->fs, fd, path, 0, &id, &ignored) == SRT_OK &&
                 match(s, path, fd, &id, &info);
    if (found) {
        io_close(s->fs, &s->fd);
        srt_free(s->path);
        s->fd = fd;
        s->path = path;
        s->born_ns = id.born_ns;
    } else {
        io_close(s->fs, &fd);
        srt_free(path);
    }
}

static bool search(struct search *s, const char *path, search_name_fn *name, search_match_fn *match,
                   int *ret_fd, char **ret_path)
{
    const char *slash = strrchr(path, '/');
    s->base = slash ? slash + 1 : path;
    s->fd = -1;
    s->now = (struct io_file_info){0};
    if (s->fs->path_info(s->fs, path, &s->now) < 0) {
        s->now = (struct io_file_info){0};
    }
    char *dir = slash ? srt_xstrndup(path, (size_t)(slash - path) + 1) : srt_xstrdup("./");
    struct io_list list = {0};
    struct srt_err ignored;
    if (io_list_dir(s->fs, dir, &list, &ignored) == SRT_OK) {
        int looked = 0;
        for (size_t i = 0; i < list.count && looked < ENTRIES_MAX; i++) {
            if (strcmp(list.names[i], s->base) != 0 && name(s, list.names[i])) {
                look_at(s, srt_xasprintf("%s%s", dir, list.names[i]), match);
                looked++;
            }
        }
        io_list_free(&list);
    }
    srt_free(dir);
    *ret_fd = s->fd;
    *ret_path = s->path;
    return s->fd >= 0;
}

bool file_rotation_find_moved(const struct io_fs *fs, const char *path,
                              const struct file_identity *then, int64_t at, int *ret_fd,
                              char **ret_path)
{
    struct search s = {.fs = fs, .known = then, .at = at, .by_inode = true};
    return search(&s, path, any_name, match_moved, ret_fd, ret_path);
}

bool file_rotation_find_copy(const struct io_fs *fs, const char *path,
                             const struct file_identity *then, int64_t at, int *ret_fd,
                             char **ret_path)
{
    struct search s = {.fs = fs, .known = then, .at = at};
    return search(&s, path, copy_name, match_copy, ret_fd, ret_path);
}

bool file_rotation_find_next(const struct io_fs *fs, const char *path,
                             const struct file_identity *done, int *ret_fd, char **ret_path)
{
    struct search s = {.fs = fs, .known = done};
    if (done->born_ns == 0) {
        return false;
    }
    return search(&s, path, generation_name, match_next, ret_fd, ret_path);
}
