/* The power cut: what is left of changes that were not synced; and copies of a disk to try many. */
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "support/fake_disk_impl.h"

enum { SECTOR_BYTES = 512 };

/* --- copies --- */

static void clone_entries(struct entries *to, const struct entries *from)
{
    disk_entries_copy(to, from);
    for (size_t i = 0; i < to->count; i++) {
        to->items[i].inode = to->items[i].inode->twin;
    }
}

static void clone_contents(const struct inode *from, struct inode *to)
{
    disk_bytes_copy(&to->live, &from->live);
    disk_bytes_copy(&to->durable, &from->durable);
    srt_list_for_each(node, &from->changes) {
        const struct change *c = srt_container_of(node, struct change, node);
        struct change *copy = disk_change_add(&to->changes, c->at, c->size, c->is_resize);
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
        inode->twin = inode == disk->root ? copy->root : disk_inode_new(copy, inode->is_dir);
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
            disk_bytes_write(to, at, c->data + (at - c->at), end - at);
        }
        at = end;
    }
}

/* The size is metadata: it went through the same stages as the live one, and stopped at one of
 * them, whichever of the data made it. A size without its data reads as zeroes. */
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
            disk_bytes_resize(&inode->durable, size);
        }
    }
    disk_bytes_resize(&inode->durable, size);
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

/* Half the time as a journalling file system would, a prefix of all changes; else any subset that
 * keeps the order of what happened to one name. */
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
            disk_dir_change_apply(c, true);
            disk_dir_change_free(c);
        } else {
            srt_list_remove(&c->node);
            srt_list_push(&lost, &c->node);
        }
    }
    srt_list_for_each_safe(node, &lost) {
        disk_dir_change_free(srt_container_of(node, struct dir_change, node));
    }
}

static void crash_inode(struct inode *inode, enum fake_disk_mode mode, struct srt_rng *rng)
{
    if (mode == FAKE_DISK_KEEP_ALL) {
        disk_bytes_copy(&inode->durable, &inode->live);
        disk_entries_copy(&inode->durable_entries, &inode->live_entries);
    } else if (mode == FAKE_DISK_KEEP_SOME && !inode->is_dir) {
        keep_some(inode, rng);
    }
    disk_drop_changes(inode);
    disk_bytes_copy(&inode->live, &inode->durable);
    disk_entries_copy(&inode->live_entries, &inode->durable_entries);
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
        disk_dir_change_free(srt_container_of(node, struct dir_change, node));
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
