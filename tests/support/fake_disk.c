/* Each file has three things: `live`, what a reader sees now; `durable`, what is safe; and the list
 * of changes between the two, oldest first. A sync applies the changes to `durable` and empties the
 * list; a crash applies those that luck keeps, perhaps in part, and makes `live` a copy of the
 * result.
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
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "support/fake_disk_impl.h"

enum { FIRST_FD = 100000 };

/* --- inodes and paths --- */

struct inode *disk_inode_new(struct fake_disk *disk, bool is_dir)
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
        struct entry *found = disk_entry_find(&dir->live_entries, ret_name);
        at = found ? found->inode : NULL;
        path += len;
    }
    *ret_dir = dir;
    *ret_inode = at;
    return 0;
}

struct open_file *disk_file_of(struct fake_disk *disk, int fd)
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
    struct change *c = disk_change_add(&inode->changes, 0, size, true);
    c->when = disk_when(disk);
    disk_change_apply(c, &inode->live);
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
        inode = disk_inode_new(disk, false);
        disk_dir_change_add(disk, NULL, NULL, dir, name, inode);
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
    struct open_file *file = disk_file_of(disk, fd);
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
    struct open_file *file = disk_file_of(disk, fd);
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
    disk_bytes_read(live, (size_t)at, to, n);
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
    struct open_file *file = disk_file_of(disk, fd);
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
    if (disk->calls[FAKE_DISK_PWRITEV] == disk->cut_at && wanted > 1) {
        wanted /= 2;
    }
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
    struct change *c = disk_change_add(&inode->changes, (size_t)at, size, false);
    c->when = disk_when(disk);
    size_t done = 0;
    for (int i = 0; i < count && done < size; i++) {
        size_t n = parts[i].iov_len < size - done ? parts[i].iov_len : size - done;
        if (n) {
            memcpy(c->data + done, parts[i].iov_base, n);
        }
        done += n;
    }
    disk_change_apply(c, &inode->live);
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
    struct open_file *file = disk_file_of(disk, fd);
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
        disk_make_durable(file->inode, disk->moment);
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
    struct open_file *file = disk_file_of(disk, fd);
    if (rc == 0 && (!file || (file->flags & O_ACCMODE) == O_RDONLY || size < 0)) {
        rc = -EINVAL;
    }
    return leave(disk, rc < 0 ? rc : resize(disk, file->inode, (size_t)size));
}

static int disk_allocate(const struct io_fs *fs, int fd, int64_t at, int64_t size)
{
    struct fake_disk *disk = disk_of(fs);
    int rc = enter(disk, FAKE_DISK_ALLOCATE);
    struct open_file *file = disk_file_of(disk, fd);
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
    struct open_file *file = disk_file_of(disk, fd);
    if (file) {
        struct inode *inode = file->inode;
        disk_bytes_copy(&inode->live, &inode->durable);
        srt_list_for_each_safe(node, &inode->changes) {
            struct change *c = srt_container_of(node, struct change, node);
            if (c->doomed) {
                disk_change_free(c);
            } else {
                disk_change_apply(c, &inode->live);
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
    struct open_file *file = disk_file_of(disk, fd);
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
        disk_dir_change_add(disk, old_dir, old_name, dir, name, old);
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
        disk_dir_change_add(disk, dir, name, NULL, NULL, NULL);
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
        disk_dir_change_add(disk, NULL, NULL, dir, name, disk_inode_new(disk, true));
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
        disk_make_dir_durable(disk, inode, disk->moment);
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
        disk_entries_copy(&names, &inode->live_entries);
    }
    (void)leave(disk, rc);
    for (size_t i = 0; i < names.count; i++) {
        each(arg, names.items[i].name);
    }
    disk_entries_free(&names);
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
    disk->root = disk_inode_new(disk, true);
    fake_disk_heal(disk);
    return disk;
}

void fake_disk_destroy(struct fake_disk *disk)
{
    if (!disk) {
        return;
    }
    srt_list_for_each_safe(node, &disk->dir_changes) {
        disk_dir_change_free(srt_container_of(node, struct dir_change, node));
    }
    srt_list_for_each_safe(node, &disk->inodes) {
        struct inode *inode = srt_container_of(node, struct inode, node);
        disk_drop_changes(inode);
        srt_free(inode->live.data);
        srt_free(inode->durable.data);
        disk_entries_free(&inode->live_entries);
        disk_entries_free(&inode->durable_entries);
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

/* --- how far it may go --- */

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

void fake_disk_cut_write(struct fake_disk *disk, uint64_t nth, int sys)
{
    srt_assert(nth > 0);
    pthread_mutex_lock(&disk->lock);
    disk->cut_at = disk->calls[FAKE_DISK_PWRITEV] + nth;
    pthread_mutex_unlock(&disk->lock);
    if (sys > 0) {
        fake_disk_fail(disk, FAKE_DISK_PWRITEV, nth + 1, sys);
    }
}

void fake_disk_heal(struct fake_disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    disk->cut_at = 0;
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
