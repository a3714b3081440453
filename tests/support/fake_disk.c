/* Each file has three things: `live`, what a reader sees now; `durable`, what is safe; and the list of
 * changes between the two, oldest first. A sync applies the changes to `durable` and empties the list;
 * a crash applies those that luck keeps, perhaps in part, and makes `live` a copy of the result.
 *
 * Directories are alike, but their changes stand in one list for the whole disk, because a rename
 * belongs to two of them.
 *
 *        write ----> live      changes: [write 0+512][write 512+90][truncate 300]
 *                                           |  sync: all        crash: some, torn
 *                    durable  <-------------+
 */
#include "support/fake_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/list.h"
#include "base/rng.h"

enum { SECTOR_BYTES = 512, FIRST_FD = 100000 };

struct bytes {
    uint8_t *data;
    size_t size;
    size_t cap;
};

struct change {
    struct srt_list node;
    bool is_resize; /* else a write of `size` bytes at `at` */
    bool doomed;    /* a sync that covered it has failed */
    size_t at;
    size_t size; /* of a resize: the new size */
    uint8_t data[];
};

struct entry {
    char *name;
    struct inode *inode;
};

struct entries {
    struct entry *items;
    size_t count;
    size_t cap;
};

struct inode {
    struct srt_list node;
    uint64_t id;
    bool is_dir;
    int64_t modified_ms;
    /* a file's */
    struct bytes live;
    struct bytes durable;
    struct srt_list changes;
    /* a directory's */
    struct entries live_entries;
    struct entries durable_entries;
    struct inode *twin; /* while cloning: the copy */
};

/* Remove `old_name` from old_dir, if any, and put inode as `name` into dir, if any. So it is a create
 * (no old), an unlink (no new) or a rename (both). */
struct dir_change {
    struct srt_list node;
    struct inode *old_dir;
    char *old_name;
    struct inode *dir;
    char *name;
    struct inode *inode;
};

struct open_file {
    struct inode *inode; /* NULL: free slot */
    int flags;
};

struct failure {
    uint64_t at; /* call number, 0: none */
    bool from_then_on;
    int sys;
};

struct fake_disk {
    struct io_fs fs;
    pthread_mutex_t lock;
    struct inode *root;
    struct srt_list inodes;
    struct srt_list dir_changes;
    uint64_t next_id;
    int64_t ticks;
    struct open_file *files;
    size_t file_cap;
    uint64_t calls[FAKE_DISK_CALL_COUNT];
    struct failure failures[FAKE_DISK_CALL_COUNT];
    uint64_t changes;
    uint64_t stop_at; /* changes; UINT64_MAX: never */
    bool stopped;
    size_t transfer_max;
    uint64_t space_left;
};

/* --- bytes --- */

static void bytes_resize(struct bytes *b, size_t size)
{
    if (size > b->cap) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap < size) {
            cap *= 2;
        }
        b->data = srt_xrealloc(b->data, cap);
        b->cap = cap;
    }
    if (size > b->size) {
        memset(b->data + b->size, 0, size - b->size);
    }
    b->size = size;
}

static void bytes_write(struct bytes *b, size_t at, const void *data, size_t size)
{
    if (at + size > b->size) {
        bytes_resize(b, at + size);
    }
    if (size) {
        memcpy(b->data + at, data, size);
    }
}

static void bytes_copy(struct bytes *to, const struct bytes *from)
{
    to->size = 0;
    bytes_write(to, 0, from->data, from->size);
}

/* --- changes of a file --- */

static struct change *change_add(struct srt_list *changes, size_t at, size_t size, bool is_resize)
{
    struct change *c = srt_xalloc(sizeof *c + (is_resize ? 0 : size));
    *c = (struct change){.is_resize = is_resize, .at = at, .size = size};
    srt_list_push(changes, &c->node);
    return c;
}

static void change_apply(const struct change *c, struct bytes *to)
{
    if (c->is_resize) {
        bytes_resize(to, c->size);
    } else {
        bytes_write(to, c->at, c->data, c->size);
    }
}

static void change_free(struct change *c)
{
    srt_list_remove(&c->node);
    srt_free(c);
}

static void drop_changes(struct inode *inode)
{
    srt_list_for_each_safe(node, &inode->changes) {
        change_free(srt_container_of(node, struct change, node));
    }
}

static void make_durable(struct inode *inode)
{
    srt_list_for_each_safe(node, &inode->changes) {
        struct change *c = srt_container_of(node, struct change, node);
        if (!c->doomed) {
            change_apply(c, &inode->durable);
            change_free(c);
        }
    }
}

/* --- entries of a directory --- */

static struct entry *entry_find(const struct entries *e, const char *name)
{
    for (size_t i = 0; i < e->count; i++) {
        if (!strcmp(e->items[i].name, name)) {
            return &e->items[i];
        }
    }
    return NULL;
}

static void entry_remove(struct entries *e, const char *name)
{
    struct entry *found = entry_find(e, name);
    if (found) {
        srt_free(found->name);
        *found = e->items[--e->count];
    }
}

static void entry_set(struct entries *e, const char *name, struct inode *inode)
{
    struct entry *found = entry_find(e, name);
    if (found) {
        found->inode = inode;
        return;
    }
    if (e->count == e->cap) {
        e->cap = e->cap ? 2 * e->cap : 8;
        e->items = srt_xrealloc(e->items, e->cap * sizeof *e->items);
    }
    e->items[e->count++] = (struct entry){srt_xstrdup(name), inode};
}

static void entries_clear(struct entries *e)
{
    for (size_t i = 0; i < e->count; i++) {
        srt_free(e->items[i].name);
    }
    e->count = 0;
}

static void entries_copy(struct entries *to, const struct entries *from)
{
    entries_clear(to);
    for (size_t i = 0; i < from->count; i++) {
        entry_set(to, from->items[i].name, from->items[i].inode);
    }
}

static void entries_free(struct entries *e)
{
    entries_clear(e);
    srt_free(e->items);
    *e = (struct entries){0};
}

static void dir_change_apply(const struct dir_change *c, bool durable)
{
    if (c->old_dir) {
        entry_remove(durable ? &c->old_dir->durable_entries : &c->old_dir->live_entries,
                     c->old_name);
    }
    if (c->dir) {
        entry_set(durable ? &c->dir->durable_entries : &c->dir->live_entries, c->name, c->inode);
    }
}

static void dir_change_add(struct fake_disk *disk, struct inode *old_dir, const char *old_name,
                           struct inode *dir, const char *name, struct inode *inode)
{
    struct dir_change *c = srt_xalloc(sizeof *c);
    *c = (struct dir_change){
        .old_dir = old_dir,
        .old_name = old_name ? srt_xstrdup(old_name) : NULL,
        .dir = dir,
        .name = name ? srt_xstrdup(name) : NULL,
        .inode = inode,
    };
    srt_list_push(&disk->dir_changes, &c->node);
    dir_change_apply(c, false);
}

static void dir_change_free(struct dir_change *c)
{
    srt_list_remove(&c->node);
    srt_free(c->old_name);
    srt_free(c->name);
    srt_free(c);
}

/* --- inodes and paths --- */

static struct inode *inode_new(struct fake_disk *disk, bool is_dir)
{
    struct inode *inode = srt_xcalloc(1, sizeof *inode);
    inode->id = ++disk->next_id;
    inode->is_dir = is_dir;
    inode->modified_ms = ++disk->ticks;
    srt_list_init(&inode->changes);
    srt_list_push(&disk->inodes, &inode->node);
    return inode;
}

/* Find the directory of `path` and its last name, which may not exist (*ret_inode is NULL then).
 * The root has no name. */
static int walk(struct fake_disk *disk, const char *path, struct inode **ret_dir,
                char ret_name[256], struct inode **ret_inode)
{
    struct inode *dir = NULL;
    struct inode *at = disk->root;
    ret_name[0] = '\0';
    for (;;) {
        path += strspn(path, "/");
        size_t len = strcspn(path, "/");
        if (len == 0) {
            break;
        }
        if (len == 1 && path[0] == '.') {
            path++;
            continue;
        }
        if (len >= 256 || (len == 2 && path[0] == '.' && path[1] == '.')) {
            return len >= 256 ? -ENAMETOOLONG : -EINVAL;
        }
        if (!at) {
            return -ENOENT;
        }
        if (!at->is_dir) {
            return -ENOTDIR;
        }
        dir = at;
        memcpy(ret_name, path, len);
        ret_name[len] = '\0';
        struct entry *found = entry_find(&dir->live_entries, ret_name);
        at = found ? found->inode : NULL;
        path += len;
    }
    *ret_dir = dir;
    *ret_inode = at;
    return 0;
}

static struct open_file *file_of(struct fake_disk *disk, int fd)
{
    size_t slot = (size_t)(fd - FIRST_FD);
    return fd >= FIRST_FD && slot < disk->file_cap && disk->files[slot].inode ? &disk->files[slot]
                                                                              : NULL;
}

static int fd_new(struct fake_disk *disk, struct inode *inode, int flags)
{
    size_t slot = 0;
    while (slot < disk->file_cap && disk->files[slot].inode) {
        slot++;
    }
    if (slot == disk->file_cap) {
        size_t cap = disk->file_cap ? 2 * disk->file_cap : 16;
        disk->files = srt_xrealloc(disk->files, cap * sizeof *disk->files);
        memset(disk->files + slot, 0, (cap - slot) * sizeof *disk->files);
        disk->file_cap = cap;
    }
    disk->files[slot] = (struct open_file){inode, flags};
    return FIRST_FD + (int)slot;
}

/* --- every call of the table begins and ends here --- */

static struct fake_disk *disk_of(const struct io_fs *fs)
{
    return srt_container_of(fs, struct fake_disk, fs);
}

/* Takes the lock. 0, or the errno to fail with. */
static int enter(struct fake_disk *disk, enum fake_disk_call call)
{
    pthread_mutex_lock(&disk->lock);
    uint64_t number = ++disk->calls[call];
    if (disk->stopped) {
        return -EIO;
    }
    const struct failure *f = &disk->failures[call];
    if (f->at != 0 && (number == f->at || (f->from_then_on && number > f->at))) {
        return -f->sys;
    }
    return 0;
}

static int leave(struct fake_disk *disk, int rc)
{
    pthread_mutex_unlock(&disk->lock);
    return rc;
}

/* Called when everything else allows the change. */
static int count_change(struct fake_disk *disk)
{
    if (disk->changes >= disk->stop_at) {
        disk->stopped = true;
        return -EIO;
    }
    disk->changes++;
    return 0;
}

/* --- files --- */

static int resize(struct fake_disk *disk, struct inode *inode, size_t size)
{
    size_t more = size > inode->live.size ? size - inode->live.size : 0;
    if (more > disk->space_left) {
        return -ENOSPC;
    }
    int rc = count_change(disk);
    if (rc < 0) {
        return rc;
    }
    if (disk->space_left != UINT64_MAX) {
        disk->space_left += inode->live.size + more - size;
        disk->space_left -= more;
    }
    change_apply(change_add(&inode->changes, 0, size, true), &inode->live);
    inode->modified_ms = ++disk->ticks;
    return 0;
}

static int open_locked(struct fake_disk *disk, const char *path, int flags)
{
    struct inode *dir;
    struct inode *inode;
    char name[256];
    int rc = walk(disk, path, &dir, name, &inode);
    if (rc < 0) {
        return rc;
    }
    srt_assert(!(flags & O_APPEND)); /* a pwritev would not write where it says */
    bool writes = (flags & O_ACCMODE) != O_RDONLY;
    if (inode && (flags & O_CREAT) && (flags & O_EXCL)) {
        return -EEXIST;
    }
    if (inode && inode->is_dir && writes) {
        return -EISDIR;
    }
    if (inode && !inode->is_dir && (flags & O_DIRECTORY)) {
        return -ENOTDIR;
    }
    if (!inode) {
        if (!(flags & O_CREAT)) {
            return -ENOENT;
        }
        rc = count_change(disk);
        if (rc < 0) {
            return rc;
        }
        inode = inode_new(disk, false);
        dir_change_add(disk, NULL, NULL, dir, name, inode);
    } else if ((flags & O_TRUNC) && inode->live.size > 0) {
        rc = resize(disk, inode, 0);
        if (rc < 0) {
            return rc;
        }
    }
    return fd_new(disk, inode, flags);
}

static int disk_open(const struct io_fs *fs, const char *path, int flags, int mode)
{
    (void)mode;
    struct fake_disk *disk = disk_of(fs);
    int rc = enter(disk, FAKE_DISK_OPEN);
    return leave(disk, rc < 0 ? rc : open_locked(disk, path, flags));
}

static int disk_close(const struct io_fs *fs, int fd)
{
    struct fake_disk *disk = disk_of(fs);
    int rc = enter(disk, FAKE_DISK_CLOSE);
    struct open_file *file = file_of(disk, fd);
    if (file) {
        file->inode = NULL; /* also when it fails, as on Linux */
    } else {
        rc = rc < 0 ? rc : -EBADF;
    }
    return leave(disk, rc);
}

static size_t limited(const struct fake_disk *disk, size_t size)
{
    return disk->transfer_max && size > disk->transfer_max ? disk->transfer_max : size;
}

static int pread_locked(struct fake_disk *disk, int fd, void *to, size_t size, int64_t at)
{
    struct open_file *file = file_of(disk, fd);
    if (!file || (file->flags & O_ACCMODE) == O_WRONLY) {
        return -EBADF;
    }
    if (file->inode->is_dir) {
        return -EISDIR;
    }
    if (at < 0) {
        return -EINVAL;
    }
    const struct bytes *live = &file->inode->live;
    if ((uint64_t)at >= live->size) {
        return 0;
    }
    size_t left = live->size - (size_t)at;
    size_t n = limited(disk, size < left ? size : left);
    memcpy(to, live->data + at, n);
    return (int)n;
}

static ssize_t disk_pread(const struct io_fs *fs, int fd, void *to, size_t size, int64_t at)
{
    struct fake_disk *disk = disk_of(fs);
    int rc = enter(disk, FAKE_DISK_PREAD);
    return leave(disk, rc < 0 ? rc : pread_locked(disk, fd, to, size, at));
}

/* How much of a write at `at` fits the budget. */
static size_t fitting(const struct fake_disk *disk, const struct inode *inode, size_t at,
                      size_t size)
{
    size_t end = at + size;
    if (end <= inode->live.size || end - inode->live.size <= disk->space_left) {
        return size;
    }
    size_t room_end = inode->live.size + (size_t)disk->space_left;
    return room_end > at ? room_end - at : 0;
}

static int pwritev_locked(struct fake_disk *disk, int fd, const struct iovec *parts, int count,
                          int64_t at)
{
    struct open_file *file = file_of(disk, fd);
    if (!file || (file->flags & O_ACCMODE) == O_RDONLY) {
        return -EBADF;
    }
    if (at < 0 || count < 0 || count > 1024) {
        return -EINVAL;
    }
    struct inode *inode = file->inode;
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        size += parts[i].iov_len;
    }
    size_t wanted = limited(disk, size);
    size = fitting(disk, inode, (size_t)at, wanted);
    if (size == 0) {
        return wanted == 0 ? 0 : -ENOSPC;
    }
    int rc = count_change(disk);
    if (rc < 0) {
        return rc;
    }
    size_t end = (size_t)at + size;
    if (disk->space_left != UINT64_MAX && end > inode->live.size) {
        disk->space_left -= end - inode->live.size;
    }
    struct change *c = change_add(&inode->changes, (size_t)at, size, false);
    size_t done = 0;
    for (int i = 0; i < count && done < size; i++) {
        size_t n = parts[i].iov_len < size - done ? parts[i].iov_len : size - done;
        if (n) {
            memcpy(c->data + done, parts[i].iov_base, n);
        }
        done += n;
    }
    change_apply(c, &inode->live);
    inode->modified_ms = ++disk->ticks;
    return (int)size;
}

static ssize_t disk_pwritev(const struct io_fs *fs, int fd, const struct iovec *parts, int count,
                            int64_t at)
{
    struct fake_disk *disk = disk_of(fs);
    int rc = enter(disk, FAKE_DISK_PWRITEV);
    return leave(disk, rc < 0 ? rc : pwritev_locked(disk, fd, parts, count, at));
}

static int sync_file(const struct io_fs *fs, int fd, enum fake_disk_call call)
{
    struct fake_disk *disk = disk_of(fs);
    int rc = enter(disk, call);
    struct open_file *file = file_of(disk, fd);
    if (!file) {
        return leave(disk, rc < 0 ? rc : -EBADF);
    }
    if (rc < 0 && !disk->stopped && rc != -EINTR) { /* the kernel has given up on these pages */
        srt_list_for_each(node, &file->inode->changes) {
            srt_container_of(node, struct change, node)->doomed = true;
        }
    }
    rc = rc < 0 ? rc : count_change(disk);
    if (rc == 0) {
        make_durable(file->inode);
    }
    return leave(disk, rc);
}

static int disk_datasync(const struct io_fs *fs, int fd)
{
    return sync_file(fs, fd, FAKE_DISK_DATASYNC);
}

static int disk_sync(const struct io_fs *fs, int fd)
{
    return sync_file(fs, fd, FAKE_DISK_SYNC);
}

static int disk_truncate(const struct io_fs *fs, int fd, int64_t size)
{
    struct fake_disk *disk = disk_of(fs);
    int rc = enter(disk, FAKE_DISK_TRUNCATE);
    struct open_file *file = file_of(disk, fd);
    if (rc == 0 && (!file || (file->flags & O_ACCMODE) == O_RDONLY || size < 0)) {
        rc = -EINVAL;
    }
    return leave(disk, rc < 0 ? rc : resize(disk, file->inode, (size_t)size));
}

static int disk_allocate(const struct io_fs *fs, int fd, int64_t at, int64_t size)
{
    struct fake_disk *disk = disk_of(fs);
    int rc = enter(disk, FAKE_DISK_ALLOCATE);
    struct open_file *file = file_of(disk, fd);
    if (rc == 0 && (!file || (file->flags & O_ACCMODE) == O_RDONLY)) {
        rc = -EBADF;
    }
    if (rc == 0 && (at < 0 || size <= 0)) {
        rc = -EINVAL;
    }
    if (rc == 0 && (size_t)(at + size) > file->inode->live.size) {
        rc = resize(disk, file->inode, (size_t)(at + size));
    }
    return leave(disk, rc);
}

static void disk_drop_cache(const struct io_fs *fs, int fd)
{
    struct fake_disk *disk = disk_of(fs);
    pthread_mutex_lock(&disk->lock);
    struct open_file *file = file_of(disk, fd);
    if (file) {
        struct inode *inode = file->inode;
        bytes_copy(&inode->live, &inode->durable);
        srt_list_for_each_safe(node, &inode->changes) {
            struct change *c = srt_container_of(node, struct change, node);
            if (c->doomed) {
                change_free(c);
            } else {
                change_apply(c, &inode->live);
            }
        }
    }
    pthread_mutex_unlock(&disk->lock);
}

static void fill_info(const struct inode *inode, struct io_file_info *info)
{
    *info = (struct io_file_info){
        .size_bytes = inode->is_dir ? 0 : inode->live.size,
        .inode = inode->id,
        .device = 1,
        .modified_ms = inode->modified_ms,
        .is_dir = inode->is_dir,
        .is_regular = !inode->is_dir,
    };
}

static int disk_info(const struct io_fs *fs, int fd, struct io_file_info *ret_info)
{
    struct fake_disk *disk = disk_of(fs);
    int rc = enter(disk, FAKE_DISK_INFO);
    struct open_file *file = file_of(disk, fd);
    rc = rc == 0 && !file ? -EBADF : rc;
    if (rc == 0) {
        fill_info(file->inode, ret_info);
    }
    return leave(disk, rc);
}

/* --- directories --- */

static int disk_path_info(const struct io_fs *fs, const char *path, struct io_file_info *ret_info)
{
    struct fake_disk *disk = disk_of(fs);
    struct inode *dir;
    struct inode *inode = NULL;
    char name[256];
    int rc = enter(disk, FAKE_DISK_PATH_INFO);
    rc = rc < 0 ? rc : walk(disk, path, &dir, name, &inode);
    rc = rc == 0 && !inode ? -ENOENT : rc;
    if (rc == 0) {
        fill_info(inode, ret_info);
    }
    return leave(disk, rc);
}

static int rename_locked(struct fake_disk *disk, const char *from, const char *to)
{
    struct inode *old_dir;
    struct inode *old;
    struct inode *dir;
    struct inode *there;
    char old_name[256];
    char name[256];
    int rc = walk(disk, from, &old_dir, old_name, &old);
    rc = rc < 0 ? rc : walk(disk, to, &dir, name, &there);
    if (rc < 0) {
        return rc;
    }
    if (!old || !old_dir || !dir) {
        return !old ? -ENOENT : -EBUSY;
    }
    if (there == old) {
        return 0;
    }
    if (there && there->is_dir != old->is_dir) {
        return there->is_dir ? -EISDIR : -ENOTDIR;
    }
    if (there && there->is_dir && there->live_entries.count > 0) {
        return -ENOTEMPTY;
    }
    rc = count_change(disk);
    if (rc == 0) {
        dir_change_add(disk, old_dir, old_name, dir, name, old);
    }
    return rc;
}

static int disk_rename(const struct io_fs *fs, const char *from, const char *to)
{
    struct fake_disk *disk = disk_of(fs);
    int rc = enter(disk, FAKE_DISK_RENAME);
    return leave(disk, rc < 0 ? rc : rename_locked(disk, from, to));
}

static int remove_locked(struct fake_disk *disk, const char *path, bool is_dir)
{
    struct inode *dir;
    struct inode *inode;
    char name[256];
    int rc = walk(disk, path, &dir, name, &inode);
    if (rc < 0) {
        return rc;
    }
    if (!inode || !dir) {
        return !inode ? -ENOENT : -EBUSY;
    }
    if (inode->is_dir != is_dir) {
        return is_dir ? -ENOTDIR : -EISDIR;
    }
    if (inode->live_entries.count > 0) {
        return -ENOTEMPTY;
    }
    rc = count_change(disk);
    if (rc == 0) {
        if (disk->space_left != UINT64_MAX) {
            disk->space_left += inode->live.size;
        }
        dir_change_add(disk, dir, name, NULL, NULL, NULL);
    }
    return rc;
}

static int disk_unlink(const struct io_fs *fs, const char *path)
{
    struct fake_disk *disk = disk_of(fs);
    int rc = enter(disk, FAKE_DISK_UNLINK);
    return leave(disk, rc < 0 ? rc : remove_locked(disk, path, false));
}

static int disk_remove_dir(const struct io_fs *fs, const char *path)
{
    struct fake_disk *disk = disk_of(fs);
    int rc = enter(disk, FAKE_DISK_REMOVE_DIR);
    return leave(disk, rc < 0 ? rc : remove_locked(disk, path, true));
}

static int disk_make_dir(const struct io_fs *fs, const char *path, int mode)
{
    (void)mode;
    struct fake_disk *disk = disk_of(fs);
    struct inode *dir;
    struct inode *inode = NULL;
    char name[256];
    int rc = enter(disk, FAKE_DISK_MAKE_DIR);
    rc = rc < 0 ? rc : walk(disk, path, &dir, name, &inode);
    rc = rc == 0 && inode ? -EEXIST : rc;
    rc = rc < 0 ? rc : count_change(disk);
    if (rc == 0) {
        dir_change_add(disk, NULL, NULL, dir, name, inode_new(disk, true));
    }
    return leave(disk, rc);
}

static int disk_sync_dir(const struct io_fs *fs, const char *path)
{
    struct fake_disk *disk = disk_of(fs);
    struct inode *dir;
    struct inode *inode = NULL;
    char name[256];
    int rc = enter(disk, FAKE_DISK_SYNC_DIR);
    rc = rc < 0 ? rc : walk(disk, path, &dir, name, &inode);
    if (rc == 0 && (!inode || !inode->is_dir)) {
        rc = inode ? -ENOTDIR : -ENOENT;
    }
    rc = rc < 0 ? rc : count_change(disk);
    if (rc == 0) {
        srt_list_for_each_safe(node, &disk->dir_changes) {
            struct dir_change *c = srt_container_of(node, struct dir_change, node);
            if (c->dir == inode || c->old_dir == inode) {
                dir_change_apply(c, true);
                dir_change_free(c);
            }
        }
    }
    return leave(disk, rc);
}

static int disk_list(const struct io_fs *fs, const char *path,
                     void (*each)(void *arg, const char *name), void *arg)
{
    struct fake_disk *disk = disk_of(fs);
    struct inode *dir;
    struct inode *inode = NULL;
    char name[256];
    struct entries names = {0}; /* a copy: the callback may use the disk */
    int rc = enter(disk, FAKE_DISK_LIST);
    rc = rc < 0 ? rc : walk(disk, path, &dir, name, &inode);
    if (rc == 0 && (!inode || !inode->is_dir)) {
        rc = inode ? -ENOTDIR : -ENOENT;
    }
    if (rc == 0) {
        entries_copy(&names, &inode->live_entries);
    }
    (void)leave(disk, rc);
    for (size_t i = 0; i < names.count; i++) {
        each(arg, names.items[i].name);
    }
    entries_free(&names);
    return rc;
}

/* --- life --- */

struct fake_disk *fake_disk_create(void)
{
    struct fake_disk *disk = srt_xcalloc(1, sizeof *disk);
    disk->fs = (struct io_fs){
        .open = disk_open,
        .close = disk_close,
        .pread = disk_pread,
        .pwritev = disk_pwritev,
        .datasync = disk_datasync,
        .sync = disk_sync,
        .truncate = disk_truncate,
        .allocate = disk_allocate,
        .info = disk_info,
        .path_info = disk_path_info,
        .rename = disk_rename,
        .unlink = disk_unlink,
        .make_dir = disk_make_dir,
        .remove_dir = disk_remove_dir,
        .sync_dir = disk_sync_dir,
        .list = disk_list,
        .drop_cache = disk_drop_cache,
    };
    pthread_mutex_init(&disk->lock, NULL);
    srt_list_init(&disk->inodes);
    srt_list_init(&disk->dir_changes);
    disk->root = inode_new(disk, true);
    fake_disk_heal(disk);
    return disk;
}

void fake_disk_destroy(struct fake_disk *disk)
{
    if (!disk) {
        return;
    }
    srt_list_for_each_safe(node, &disk->dir_changes) {
        dir_change_free(srt_container_of(node, struct dir_change, node));
    }
    srt_list_for_each_safe(node, &disk->inodes) {
        struct inode *inode = srt_container_of(node, struct inode, node);
        drop_changes(inode);
        srt_free(inode->live.data);
        srt_free(inode->durable.data);
        entries_free(&inode->live_entries);
        entries_free(&inode->durable_entries);
        srt_free(inode);
    }
    srt_free(disk->files);
    pthread_mutex_destroy(&disk->lock);
    srt_free(disk);
}

const struct io_fs *fake_disk_fs(struct fake_disk *disk)
{
    return &disk->fs;
}

static void clone_entries(struct entries *to, const struct entries *from)
{
    entries_copy(to, from);
    for (size_t i = 0; i < to->count; i++) {
        to->items[i].inode = to->items[i].inode->twin;
    }
}

static void clone_contents(const struct inode *from, struct inode *to)
{
    bytes_copy(&to->live, &from->live);
    bytes_copy(&to->durable, &from->durable);
    srt_list_for_each(node, &from->changes) {
        const struct change *c = srt_container_of(node, struct change, node);
        struct change *copy = change_add(&to->changes, c->at, c->size, c->is_resize);
        copy->doomed = c->doomed;
        if (!c->is_resize) {
            memcpy(copy->data, c->data, c->size);
        }
    }
    clone_entries(&to->live_entries, &from->live_entries);
    clone_entries(&to->durable_entries, &from->durable_entries);
}

struct fake_disk *fake_disk_clone(struct fake_disk *disk)
{
    struct fake_disk *copy = fake_disk_create();
    pthread_mutex_lock(&disk->lock);
    srt_list_for_each(node, &disk->inodes) {
        struct inode *inode = srt_container_of(node, struct inode, node);
        inode->twin = inode == disk->root ? copy->root : inode_new(copy, inode->is_dir);
        inode->twin->id = inode->id;
        inode->twin->modified_ms = inode->modified_ms;
    }
    copy->next_id = disk->next_id;
    copy->ticks = disk->ticks;
    srt_list_for_each(node, &disk->inodes) {
        struct inode *inode = srt_container_of(node, struct inode, node);
        clone_contents(inode, inode->twin);
    }
    srt_list_for_each(node, &disk->dir_changes) {
        struct dir_change *c = srt_container_of(node, struct dir_change, node);
        struct dir_change *to = srt_xalloc(sizeof *to);
        *to = (struct dir_change){
            .old_dir = c->old_dir ? c->old_dir->twin : NULL,
            .old_name = c->old_name ? srt_xstrdup(c->old_name) : NULL,
            .dir = c->dir ? c->dir->twin : NULL,
            .name = c->name ? srt_xstrdup(c->name) : NULL,
            .inode = c->inode ? c->inode->twin : NULL,
        };
        srt_list_push(&copy->dir_changes, &to->node);
    }
    pthread_mutex_unlock(&disk->lock);
    return copy;
}

/* --- the power cut --- */

static bool coin(struct srt_rng *rng)
{
    return srt_rng_below(rng, 2) == 0;
}

/* Whichever sectors of a write luck has kept. */
static void apply_torn(const struct change *c, struct bytes *to, struct srt_rng *rng)
{
    uint64_t luck = srt_rng_below(rng, 4); /* 0: none, 1: all, else sector by sector */
    for (size_t at = c->at; at < c->at + c->size;) {
        size_t sector_end = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
        size_t end = sector_end < c->at + c->size ? sector_end : c->at + c->size;
        if (luck == 1 || (luck > 1 && coin(rng))) {
            bytes_write(to, at, c->data + (at - c->at), end - at);
        }
        at = end;
    }
}

/* The size is metadata: it went through the same stages as the live one, and stopped at one of them,
 * whichever of the data made it. A size without its data reads as zeroes. */
static void keep_some(struct inode *inode, struct srt_rng *rng)
{
    uint64_t count = 0;
    srt_list_for_each(node, &inode->changes) {
        count++;
    }
    uint64_t size_stage = srt_rng_below(rng, count + 1);
    size_t size = inode->durable.size;
    uint64_t stage = 0;
    srt_list_for_each(node, &inode->changes) {
        struct change *c = srt_container_of(node, struct change, node);
        bool counts = ++stage <= size_stage;
        if (!c->is_resize) {
            size = counts && c->at + c->size > size ? c->at + c->size : size;
            apply_torn(c, &inode->durable, rng);
        } else if (counts) {
            size = c->size;
            bytes_resize(&inode->durable, size);
        }
    }
    bytes_resize(&inode->durable, size);
}

static bool same_name(const struct inode *dir, const char *name, const struct inode *other_dir,
                      const char *other_name)
{
    return dir && dir == other_dir && !strcmp(name, other_name);
}

static bool same_place(const struct dir_change *a, const struct dir_change *b)
{
    return same_name(a->dir, a->name, b->dir, b->name) ||
           same_name(a->dir, a->name, b->old_dir, b->old_name) ||
           same_name(a->old_dir, a->old_name, b->dir, b->name) ||
           same_name(a->old_dir, a->old_name, b->old_dir, b->old_name);
}

/* Half the time as a journalling file system would, a prefix of all changes; else any subset that keeps
 * the order of what happened to one name. */
static void keep_some_entries(struct fake_disk *disk, struct srt_rng *rng)
{
    uint64_t count = 0;
    srt_list_for_each(node, &disk->dir_changes) {
        count++;
    }
    bool prefix = coin(rng);
    uint64_t kept_count = srt_rng_below(rng, count + 1);
    struct srt_list lost;
    srt_list_init(&lost);
    uint64_t i = 0;
    srt_list_for_each_safe(node, &disk->dir_changes) {
        struct dir_change *c = srt_container_of(node, struct dir_change, node);
        bool keep = prefix ? i < kept_count : coin(rng);
        i++;
        srt_list_for_each(before, &lost) {
            keep = keep && !same_place(c, srt_container_of(before, struct dir_change, node));
        }
        if (keep) {
            dir_change_apply(c, true);
            dir_change_free(c);
        } else {
            srt_list_remove(&c->node);
            srt_list_push(&lost, &c->node);
        }
    }
    srt_list_for_each_safe(node, &lost) {
        dir_change_free(srt_container_of(node, struct dir_change, node));
    }
}

static void crash_inode(struct inode *inode, enum fake_disk_mode mode, struct srt_rng *rng)
{
    if (mode == FAKE_DISK_KEEP_ALL) {
        bytes_copy(&inode->durable, &inode->live);
        entries_copy(&inode->durable_entries, &inode->live_entries);
    } else if (mode == FAKE_DISK_KEEP_SOME && !inode->is_dir) {
        keep_some(inode, rng);
    }
    drop_changes(inode);
    bytes_copy(&inode->live, &inode->durable);
    entries_copy(&inode->live_entries, &inode->durable_entries);
}

void fake_disk_crash(struct fake_disk *disk, uint64_t seed, enum fake_disk_mode mode)
{
    struct srt_rng rng;
    srt_rng_init(&rng, seed);
    pthread_mutex_lock(&disk->lock);
    if (mode == FAKE_DISK_KEEP_SOME) {
        keep_some_entries(disk, &rng);
    }
    srt_list_for_each_safe(node, &disk->dir_changes) {
        dir_change_free(srt_container_of(node, struct dir_change, node));
    }
    srt_list_for_each(node, &disk->inodes) {
        crash_inode(srt_container_of(node, struct inode, node), mode, &rng);
    }
    for (size_t i = 0; i < disk->file_cap; i++) {
        disk->files[i].inode = NULL;
    }
    pthread_mutex_unlock(&disk->lock);
    fake_disk_heal(disk);
}

uint64_t fake_disk_change_count(struct fake_disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    uint64_t count = disk->changes;
    pthread_mutex_unlock(&disk->lock);
    return count;
}

void fake_disk_stop_after(struct fake_disk *disk, uint64_t count)
{
    pthread_mutex_lock(&disk->lock);
    disk->stop_at = disk->changes + count;
    pthread_mutex_unlock(&disk->lock);
}

bool fake_disk_stopped(struct fake_disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    bool stopped = disk->stopped;
    pthread_mutex_unlock(&disk->lock);
    return stopped;
}

/* --- failures --- */

static void arm(struct fake_disk *disk, enum fake_disk_call call, uint64_t nth, int sys,
                bool from_then_on)
{
    srt_assert(call < FAKE_DISK_CALL_COUNT && nth > 0 && sys > 0);
    pthread_mutex_lock(&disk->lock);
    disk->failures[call] = (struct failure){disk->calls[call] + nth, from_then_on, sys};
    pthread_mutex_unlock(&disk->lock);
}

void fake_disk_fail(struct fake_disk *disk, enum fake_disk_call call, uint64_t nth, int sys)
{
    arm(disk, call, nth, sys, false);
}

void fake_disk_fail_from(struct fake_disk *disk, enum fake_disk_call call, uint64_t nth, int sys)
{
    arm(disk, call, nth, sys, true);
}

void fake_disk_heal(struct fake_disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    memset(disk->failures, 0, sizeof disk->failures);
    disk->transfer_max = 0;
    disk->space_left = UINT64_MAX;
    disk->stop_at = UINT64_MAX;
    disk->stopped = false;
    pthread_mutex_unlock(&disk->lock);
}

uint64_t fake_disk_calls(struct fake_disk *disk, enum fake_disk_call call)
{
    pthread_mutex_lock(&disk->lock);
    uint64_t count = disk->calls[call];
    pthread_mutex_unlock(&disk->lock);
    return count;
}

void fake_disk_limit_transfer(struct fake_disk *disk, size_t max_bytes)
{
    pthread_mutex_lock(&disk->lock);
    disk->transfer_max = max_bytes;
    pthread_mutex_unlock(&disk->lock);
}

void fake_disk_limit_space(struct fake_disk *disk, uint64_t more_bytes)
{
    pthread_mutex_lock(&disk->lock);
    disk->space_left = more_bytes;
    pthread_mutex_unlock(&disk->lock);
}

size_t fake_disk_open_fds(struct fake_disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    size_t count = 0;
    for (size_t i = 0; i < disk->file_cap; i++) {
        count += disk->files[i].inode != NULL;
    }
    pthread_mutex_unlock(&disk->lock);
    return count;
}
