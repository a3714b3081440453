/* An entry that begins a call changes the disk at once, but as a call that has not returned: its
 * bytes may or may not be safe, and no sync that begins meanwhile covers them. A sync notes the
 * moment when it begins, and makes durable what had settled by then when it has returned.
 *
 * Descriptors are the program's numbers. They are used again, so a number means the file that was
 * opened last, from the moment when open returned to the moment when close began. */
#include "replay.h"

#include "base/alloc.h"
#include "base/map.h"
#include "io/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FDS_MAX = 65536 };

struct opened {
    int fd; /* the disk's; -1: none */
    char *path;
};

/* An entry, and what is known about its call. */
struct step {
    const struct trace_entry *entry;
    const char *data;
    int64_t result; /* of the call; INT64_MIN: it never returned */
    int64_t inode;
    struct step *begun; /* of a return: what returns */
    struct opened opened;
    int fd;          /* the disk's */
    uint64_t moment; /* when a sync began */
};

struct replay {
    struct srt_buf bytes;
    struct step *steps;
    size_t count;
    size_t at;
    struct fake_disk *disk;
    struct opened files[FDS_MAX];
    struct srt_map inodes; /* path -> inode */
};

static _Noreturn void die(const char *what, size_t at)
{
    fprintf(stderr, "crash_states: entry %zu of the trace: %s\n", at, what);
    exit(70);
}

/* --- reading --- */

static void read_file(const char *path, struct srt_buf *to)
{
    struct srt_err err;
    if (io_read_file(io_fs_real(), path, SIZE_MAX, to, &err) != SRT_OK) {
        fprintf(stderr, "crash_states: %s\n", err.msg);
        exit(70);
    }
}

/* Entries stand back to back, so nothing in them is aligned: each gets memory of its own. */
static void split(struct replay *r)
{
    size_t cap = 0;
    for (size_t at = 0; at < r->bytes.len;) {
        struct trace_entry head;
        if (r->bytes.len - at < sizeof head) {
            die("cut off", r->count);
        }
        memcpy(&head, r->bytes.data + at, sizeof head);
        if (head.magic != TRACE_MAGIC || head.size_bytes > r->bytes.len - at - sizeof head) {
            die("not valid", r->count);
        }
        struct trace_entry *entry = srt_xalloc(sizeof *entry + head.size_bytes + 1);
        *entry = head;
        char *data = (char *)(entry + 1);
        memcpy(data, r->bytes.data + at + sizeof head, head.size_bytes);
        data[head.size_bytes] = '\0';
        if (r->count == cap) {
            cap = cap ? 2 * cap : 1024;
            r->steps = srt_xrealloc(r->steps, cap * sizeof *r->steps);
        }
        r->steps[r->count++] = (struct step){
            .entry = entry, .data = data, .result = INT64_MIN, .opened.fd = -1, .fd = -1};
        at += sizeof head + head.size_bytes;
    }
}

static void pair_calls(struct replay *r)
{
    struct srt_map calls;
    srt_map_init(&calls);
    for (size_t i = 0; i < r->count; i++) {
        struct step *step = &r->steps[i];
        const uint64_t call = step->entry->call;
        if (step->entry->op != TRACE_RETURN) {
            (void)srt_map_set(&calls, &call, sizeof call, step);
            continue;
        }
        step->begun = srt_map_find(&calls, &call, sizeof call);
        if (!step->begun) {
            die("a return without a call", i);
        }
        step->begun->result = step->entry->a;
        step->begun->inode = step->entry->b;
    }
    srt_map_fini(&calls);
}

struct replay *replay_open(const char *trace_path)
{
    struct replay *r = srt_xcalloc(1, sizeof *r);
    read_file(trace_path, &r->bytes);
    split(r);
    pair_calls(r);
    r->disk = fake_disk_create();
    srt_map_init(&r->inodes);
    for (size_t i = 0; i < FDS_MAX; i++) {
        r->files[i].fd = -1;
    }
    return r;
}

void replay_close(struct replay *r)
{
    for (size_t i = 0; i < r->count; i++) {
        srt_free((void *)(uintptr_t)r->steps[i].entry);
    }
    for (size_t i = 0; i < FDS_MAX; i++) {
        srt_free(r->files[i].path);
    }
    fake_disk_destroy(r->disk);
    srt_map_fini(&r->inodes);
    srt_buf_fini(&r->bytes);
    srt_free(r->steps);
    srt_free(r);
}

/* --- doing it again --- */

static struct opened *file_of(struct replay *r, int64_t fd)
{
    if (fd < 0 || fd >= FDS_MAX) {
        die("no descriptor", r->at);
    }
    return &r->files[fd];
}

static int disk_fd(struct replay *r, int64_t fd)
{
    int found = file_of(r, fd)->fd;
    if (found < 0) {
        die("a descriptor that is not open", r->at);
    }
    return found;
}

static void forget(struct replay *r, struct opened *file)
{
    if (file->fd >= 0) {
        (void)fake_disk_fs(r->disk)->close(fake_disk_fs(r->disk), file->fd);
        srt_free(file->path);
        *file = (struct opened){.fd = -1};
    }
}

static int64_t write_again(struct replay *r, const struct step *step)
{
    const struct io_fs *fs = fake_disk_fs(r->disk);
    uint64_t size = step->entry->size_bytes;
    if (step->result >= 0 && (uint64_t)step->result < size) {
        size = (uint64_t)step->result; /* a short write */
    }
    struct iovec part = {(void *)(uintptr_t)step->data, size};
    ssize_t n = size ? fs->pwritev(fs, disk_fd(r, step->entry->a), &part, 1, step->entry->b) : 0;
    return n == (ssize_t)size ? 0 : -EIO;
}

static int64_t change(struct replay *r, struct step *step)
{
    const struct io_fs *fs = fake_disk_fs(r->disk);
    const struct trace_entry *e = step->entry;
    switch (e->op) {
    case TRACE_OPEN:
        step->opened.fd = fs->open(fs, step->data, (int)e->a & ~(O_CLOEXEC | O_LARGEFILE), 0644);
        return step->opened.fd;
    case TRACE_WRITE:
        return write_again(r, step);
    case TRACE_RESIZE:
        return fs->truncate(fs, disk_fd(r, e->a), e->b);
    case TRACE_ALLOCATE:
        return fs->allocate(fs, disk_fd(r, e->a), e->b, e->c);
    case TRACE_RENAME:
        return fs->rename(fs, step->data, step->data + strlen(step->data) + 1);
    case TRACE_UNLINK:
        return fs->unlink(fs, step->data);
    case TRACE_MAKE_DIR:
        return fs->make_dir(fs, step->data, 0755);
    case TRACE_REMOVE_DIR:
        return fs->remove_dir(fs, step->data);
    default:
        die("an operation that is not known", r->at);
    }
}

static void begin_call(struct replay *r, struct step *step)
{
    fake_disk_call_begin(r->disk, step->entry->call);
    int64_t rc = change(r, step);
    fake_disk_call_made(r->disk);
    if (rc < 0) {
        fprintf(stderr, "crash_states: '%s': %s\n", step->data, strerror((int)-rc));
        die("the call succeeded, and fails when it is done again", r->at);
    }
}

static void end_call(struct replay *r, struct step *step)
{
    switch (step->entry->op) {
    case TRACE_OPEN: {
        struct opened *file = file_of(r, step->result);
        forget(r, file);
        *file = (struct opened){step->opened.fd, srt_xstrdup(step->data)};
        (void)srt_map_set(&r->inodes, step->data, strlen(step->data),
                          (void *)(uintptr_t)(uint64_t)step->inode);
        break;
    }
    case TRACE_SYNC:
        fake_disk_sync_since(r->disk, step->fd, step->moment);
        break;
    default:
        break;
    }
    fake_disk_call_returned(r->disk, step->entry->call);
}

const struct trace_entry *replay_step(struct replay *r, const char **ret_data)
{
    struct step *step = &r->steps[r->at];
    switch (step->entry->op) {
    case TRACE_PROCESS:
        for (size_t i = 0; i < FDS_MAX; i++) {
            forget(r, &r->files[i]);
        }
        break;
    case TRACE_SAY:
    case TRACE_NOTE:
        break;
    case TRACE_RETURN:
        if (step->entry->a >= 0) {
            end_call(r, step->begun);
        }
        break;
    case TRACE_CLOSE:
        forget(r, file_of(r, step->entry->a));
        break;
    case TRACE_SYNC:
        step->fd = disk_fd(r, step->entry->a);
        step->moment = fake_disk_moment(r->disk);
        break;
    default:
        if (step->result >= 0 || step->result == INT64_MIN) {
            begin_call(r, step);
        }
    }
    r->at++;
    *ret_data = step->data;
    return step->entry;
}

size_t replay_count(const struct replay *r)
{
    return r->count;
}

size_t replay_at(const struct replay *r)
{
    return r->at;
}

struct fake_disk *replay_disk(struct replay *r)
{
    return r->disk;
}

const char *replay_path(const struct replay *r, int64_t fd)
{
    return fd >= 0 && fd < FDS_MAX && r->files[fd].path ? r->files[fd].path : "";
}

uint64_t replay_inode(const struct replay *r, const char *path)
{
    return (uint64_t)(uintptr_t)srt_map_find(&r->inodes, path, strlen(path));
}

/* --- saying where --- */

void replay_describe(const struct replay *r, struct srt_buf *to)
{
    static const char *const names[] = {
        [TRACE_PROCESS] = "a process starts",
        [TRACE_RETURN] = "return",
        [TRACE_OPEN] = "open",
        [TRACE_CLOSE] = "close",
        [TRACE_WRITE] = "write",
        [TRACE_RESIZE] = "truncate",
        [TRACE_ALLOCATE] = "allocate",
        [TRACE_SYNC] = "sync",
        [TRACE_RENAME] = "rename",
        [TRACE_UNLINK] = "unlink",
        [TRACE_MAKE_DIR] = "mkdir",
        [TRACE_REMOVE_DIR] = "rmdir",
        [TRACE_SAY] = "say",
        [TRACE_NOTE] = "note",
    };
    if (r->at == 0) {
        srt_buf_put_str(to, "at the beginning");
        return;
    }
    const struct step *step = &r->steps[r->at - 1];
    bool returned = step->entry->op == TRACE_RETURN;
    const struct step *call = returned ? step->begun : step;
    const struct trace_entry *e = call->entry;
    srt_buf_printf(to, "after entry %zu of %zu: %s%s", r->at - 1, r->count,
                   returned ? "return of " : "", names[e->op]);
    switch (e->op) {
    case TRACE_WRITE:
        srt_buf_printf(to, " %s: %" PRIu64 " bytes at %" PRId64, replay_path(r, e->a),
                       e->size_bytes, e->b);
        break;
    case TRACE_RESIZE:
    case TRACE_ALLOCATE:
    case TRACE_SYNC:
    case TRACE_CLOSE:
        srt_buf_printf(to, " %s", replay_path(r, e->a));
        break;
    case TRACE_RENAME:
        srt_buf_printf(to, " %s to %s", call->data, call->data + strlen(call->data) + 1);
        break;
    case TRACE_PROCESS:
        break;
    default:
        srt_buf_printf(to, " %.*s", (int)strcspn(call->data, "\n"), call->data);
    }
}
