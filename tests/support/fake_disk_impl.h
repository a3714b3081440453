/* fake_disk_impl.h - what the files of the fake disk share; for nobody else.
 *
 * Owner:   struct fake_disk owns everything here.
 * Thread:  under the disk's lock.
 * Memory:  the heap, by the control plane's allocator.
 * Fails:   never. */
#ifndef SRT_SUPPORT_FAKE_DISK_IMPL_H
#define SRT_SUPPORT_FAKE_DISK_IMPL_H

#include <pthread.h>

#include "base/list.h"
#include "support/fake_disk.h"

/* A file's bytes; what lies between `filled` and `size` was never written and reads as zeroes, so
 * that a journal file of full size costs nothing. */
struct bytes {
    uint8_t *data;
    size_t filled;
    size_t size;
    size_t cap;
};

/* When a change happened, as the disk counts. A call that has not returned (fake_disk_call_begin)
 * may reach the disk, but no sync covers it. */
struct when {
    uint64_t number;     /* of the change, over the whole disk */
    uint64_t call;       /* the call it belongs to; 0 when that has returned */
    uint64_t settled_at; /* a sync that began at this moment or later covers it; UINT64_MAX: none */
};

struct change {
    struct srt_list node;
    struct when when;
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

/* Remove `old_name` from old_dir, if any, and put inode as `name` into dir, if any. So it is a
 * create (no old), an unlink (no new) or a rename (both). */
struct dir_change {
    struct srt_list node;
    struct when when;
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
    uint64_t next_number; /* of a change */
    uint64_t moment;      /* counts calls that returned */
    uint64_t call;        /* changes belong to this call; 0: to one that returns at once */
    struct open_file *files;
    size_t file_cap;
    uint64_t calls[FAKE_DISK_CALL_COUNT];
    struct failure failures[FAKE_DISK_CALL_COUNT];
    uint64_t changes;
    uint64_t cut_at; /* the number of the write that is cut in half, 0: none */
    uint64_t stop_at; /* changes; UINT64_MAX: never */
    bool stopped;
    size_t transfer_max;
    uint64_t space_left;
};

/* fake_disk_content.c */
void disk_bytes_resize(struct bytes *b, size_t size);
void disk_bytes_write(struct bytes *b, size_t at, const void *data, size_t size);
void disk_bytes_read(const struct bytes *b, size_t at, void *to, size_t size); /* within its size */
void disk_bytes_copy(struct bytes *to, const struct bytes *from);
struct change *disk_change_add(struct srt_list *changes, size_t at, size_t size, bool is_resize);
struct when disk_when(struct fake_disk *disk); /* of a change that is made now */
void disk_change_apply(const struct change *c, struct bytes *to);
void disk_change_free(struct change *c);
void disk_drop_changes(struct inode *inode);
void disk_make_durable(struct inode *inode, uint64_t moment); /* what had settled by then */
struct entry *disk_entry_find(const struct entries *e, const char *name);
void disk_entry_set(struct entries *e, const char *name, struct inode *inode);
void disk_entries_clear(struct entries *e);
void disk_entries_copy(struct entries *to, const struct entries *from);
void disk_entries_free(struct entries *e);
void disk_dir_change_apply(const struct dir_change *c, bool durable);
void disk_dir_change_add(struct fake_disk *disk, struct inode *old_dir, const char *old_name,
                         struct inode *dir, const char *name, struct inode *inode);
void disk_dir_change_free(struct dir_change *c);
void disk_make_dir_durable(struct fake_disk *disk, const struct inode *inode, uint64_t moment);

/* fake_disk.c */
struct inode *disk_inode_new(struct fake_disk *disk, bool is_dir);
struct open_file *disk_file_of(struct fake_disk *disk, int fd); /* NULL: not open */

#endif
