/* What files and directories hold, now and durably, and the changes between the two. */
#include <string.h>

#include "base/alloc.h"
#include "support/fake_disk_impl.h"

/* --- bytes --- */

static void reserve(struct bytes *b, size_t size)
{
    if (size > b->cap) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap < size) {
            cap *= 2;
        }
        b->data = srt_xrealloc(b->data, cap);
        b->cap = cap;
    }
}

void disk_bytes_resize(struct bytes *b, size_t size)
{
    b->size = size;
    b->filled = b->filled < size ? b->filled : size;
}

void disk_bytes_write(struct bytes *b, size_t at, const void *data, size_t size)
{
    if (size == 0) {
        return;
    }
    reserve(b, at + size);
    if (at > b->filled) {
        memset(b->data + b->filled, 0, at - b->filled);
    }
    memcpy(b->data + at, data, size);
    b->filled = b->filled > at + size ? b->filled : at + size;
    b->size = b->size > at + size ? b->size : at + size;
}

void disk_bytes_read(const struct bytes *b, size_t at, void *to, size_t size)
{
    size_t there = at < b->filled ? b->filled - at : 0;
    there = there < size ? there : size;
    if (there) {
        memcpy(to, b->data + at, there);
    }
    memset((uint8_t *)to + there, 0, size - there);
}

void disk_bytes_copy(struct bytes *to, const struct bytes *from)
{
    *to = (struct bytes){.data = to->data, .cap = to->cap};
    disk_bytes_write(to, 0, from->data, from->filled);
    to->size = from->size;
}

/* --- changes of a file --- */

struct change *disk_change_add(struct srt_list *changes, size_t at, size_t size, bool is_resize)
{
    struct change *c = srt_xalloc(sizeof *c + (is_resize ? 0 : size));
    *c = (struct change){.is_resize = is_resize, .at = at, .size = size};
    srt_list_push(changes, &c->node);
    return c;
}

void disk_change_apply(const struct change *c, struct bytes *to)
{
    if (c->is_resize) {
        disk_bytes_resize(to, c->size);
    } else {
        disk_bytes_write(to, c->at, c->data, c->size);
    }
}

void disk_change_free(struct change *c)
{
    srt_list_remove(&c->node);
    srt_free(c);
}

void disk_drop_changes(struct inode *inode)
{
    srt_list_for_each_safe(node, &inode->changes) {
        disk_change_free(srt_container_of(node, struct change, node));
    }
}

struct when disk_when(struct fake_disk *disk)
{
    return (struct when){
        .number = ++disk->next_number,
        .call = disk->call,
        .settled_at = disk->call ? UINT64_MAX : ++disk->moment,
    };
}

void disk_make_durable(struct inode *inode, uint64_t moment)
{
    srt_list_for_each_safe(node, &inode->changes) {
        struct change *c = srt_container_of(node, struct change, node);
        if (!c->doomed && c->when.settled_at <= moment) {
            disk_change_apply(c, &inode->durable);
            disk_change_free(c);
        }
    }
}

/* --- entries of a directory --- */

struct entry *disk_entry_find(const struct entries *e, const char *name)
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
    struct entry *found = disk_entry_find(e, name);
    if (found) {
        srt_free(found->name);
        *found = e->items[--e->count];
    }
}

void disk_entry_set(struct entries *e, const char *name, struct inode *inode)
{
    struct entry *found = disk_entry_find(e, name);
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

void disk_entries_clear(struct entries *e)
{
    for (size_t i = 0; i < e->count; i++) {
        srt_free(e->items[i].name);
    }
    e->count = 0;
}

void disk_entries_copy(struct entries *to, const struct entries *from)
{
    disk_entries_clear(to);
    for (size_t i = 0; i < from->count; i++) {
        disk_entry_set(to, from->items[i].name, from->items[i].inode);
    }
}

void disk_entries_free(struct entries *e)
{
    disk_entries_clear(e);
    srt_free(e->items);
    *e = (struct entries){0};
}

void disk_dir_change_apply(const struct dir_change *c, bool durable)
{
    if (c->old_dir) {
        entry_remove(durable ? &c->old_dir->durable_entries : &c->old_dir->live_entries,
                     c->old_name);
    }
    if (c->dir) {
        disk_entry_set(durable ? &c->dir->durable_entries : &c->dir->live_entries, c->name,
                       c->inode);
    }
}

void disk_dir_change_add(struct fake_disk *disk, struct inode *old_dir, const char *old_name,
                           struct inode *dir, const char *name, struct inode *inode)
{
    struct dir_change *c = srt_xalloc(sizeof *c);
    *c = (struct dir_change){
        .old_dir = old_dir,
        .old_name = old_name ? srt_xstrdup(old_name) : NULL,
        .dir = dir,
        .name = name ? srt_xstrdup(name) : NULL,
        .inode = inode,
        .when = disk_when(disk),
    };
    srt_list_push(&disk->dir_changes, &c->node);
    disk_dir_change_apply(c, false);
}

void disk_dir_change_free(struct dir_change *c)
{
    srt_list_remove(&c->node);
    srt_free(c->old_name);
    srt_free(c->name);
    srt_free(c);
}

void disk_make_dir_durable(struct fake_disk *disk, const struct inode *inode, uint64_t moment)
{
    srt_list_for_each_safe(node, &disk->dir_changes) {
        struct dir_change *c = srt_container_of(node, struct dir_change, node);
        if ((c->dir == inode || c->old_dir == inode) && c->when.settled_at <= moment) {
            disk_dir_change_apply(c, true);
            disk_dir_change_free(c);
        }
    }
}
