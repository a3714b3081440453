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
        copy->when = c->when;
        if (!c->is_resize) {
            memcpy(copy->data, c->data, c->size);
        }
    }
    clone_entries(&to->live_entries, &from->live_entries);
    clone_entries(&to->durable_entries, &from->durable_entries);
}

static void make_twin(struct fake_disk *copy, struct inode *inode);

static void make_twins(struct fake_disk *copy, const struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        make_twin(copy, entries->items[i].inode);
    }
}

/* Of an inode and what is below it, unless it has one. */
static void make_twin(struct fake_disk *copy, struct inode *inode)
{
    if (inode && !inode->twin) {
        inode->twin = disk_inode_new(copy, inode->is_dir);
        inode->twin->id = inode->id;
        inode->twin->modified_ms = inode->modified_ms;
        make_twins(copy, &inode->live_entries);
        make_twins(copy, &inode->durable_entries);
    }
}

/* What has no name, and none that could come back, stays behind: most of a long history. */
static void choose_twins(struct fake_disk *disk, struct fake_disk *copy)
{
    srt_list_for_each(node, &disk->inodes) {
        srt_container_of(node, struct inode, node)->twin = NULL;
    }
    disk->root->twin = copy->root;
    make_twins(copy, &disk->root->live_entries);
    make_twins(copy, &disk->root->durable_entries);
    srt_list_for_each(node, &disk->dir_changes) {
        const struct dir_change *c = srt_container_of(node, struct dir_change, node);
        make_twin(copy, c->old_dir);
        make_twin(copy, c->dir);
        make_twin(copy, c->inode);
    }
}

struct fake_disk *fake_disk_clone(struct fake_disk *disk)
{
    struct fake_disk *copy = fake_disk_create();
    pthread_mutex_lock(&disk->lock);
    choose_twins(disk, copy);
    copy->next_id = disk->next_id;
    copy->ticks = disk->ticks;
    copy->next_number = disk->next_number;
    copy->moment = disk->moment;
    srt_list_for_each(node, &disk->inodes) {
        struct inode *inode = srt_container_of(node, struct inode, node);
        if (inode->twin) {
            clone_contents(inode, inode->twin);
        }
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
            .when = c->when,
        };
        srt_list_push(&copy->dir_changes, &to->node);
    }
    pthread_mutex_unlock(&disk->lock);
    return copy;
}

/* --- the power cut --- */

/* What one cut has decided. Changes are numbered over the whole disk, so a prefix is one number. */
struct cut {
    struct fake_disk *disk;
    const struct fake_disk_luck *luck;
    struct srt_rng rng;
    uint64_t first_lost; /* of a prefix */
    uint64_t torn;       /* the one write to be torn when each is kept; 0: none */
    struct srt_buf *said;
};

static bool coin(struct srt_rng *rng)
{
    return srt_rng_below(rng, 2) == 0;
}

static bool keeps(struct cut *cut, enum fake_disk_keep keep, const struct when *when)
{
    switch (keep) {
    case FAKE_DISK_KEEP_NONE:
        return false;
    case FAKE_DISK_KEEP_EACH:
        return true;
    case FAKE_DISK_KEEP_PREFIX:
        return when->number < cut->first_lost;
    case FAKE_DISK_KEEP_SUBSET:
        return coin(&cut->rng);
    }
    return false;
}

static bool find_path(const struct inode *dir, const struct inode *inode, struct srt_buf *to)
{
    for (size_t i = 0; i < dir->live_entries.count; i++) {
        const struct entry *entry = &dir->live_entries.items[i];
        size_t len = to->len;
        srt_buf_printf(to, "/%s", entry->name);
        if (entry->inode == inode || find_path(entry->inode, inode, to)) {
            return true;
        }
        to->len = len;
    }
    return false;
}

static void say_path(struct cut *cut, const struct inode *inode)
{
    if (inode != cut->disk->root && !find_path(cut->disk->root, inode, cut->said)) {
        srt_buf_printf(cut->said, "(without a name: %llu)", (unsigned long long)inode->id);
    }
}

static void say_change(struct cut *cut, const struct inode *inode, const struct change *c)
{
    srt_buf_printf(cut->said, "%6llu ", (unsigned long long)c->when.number);
    say_path(cut, inode);
    if (c->is_resize) {
        srt_buf_printf(cut->said, ": size %zu:", c->size);
    } else {
        srt_buf_printf(cut->said, ": %zu bytes at %zu:", c->size, c->at);
    }
}

/* Whichever blocks of a write luck has kept. */
static void tear(struct cut *cut, const struct change *c, struct bytes *to)
{
    size_t block = cut->luck->tear_bytes;
    bool front = coin(&cut->rng); /* so many from the front, else any */
    uint64_t count = (c->at + c->size - 1) / block - c->at / block + 1;
    uint64_t kept = srt_rng_below(&cut->rng, count + 1);
    uint64_t i = 0;
    for (size_t at = c->at; at < c->at + c->size; i++) {
        size_t block_end = (at / block + 1) * block;
        size_t end = block_end < c->at + c->size ? block_end : c->at + c->size;
        if (front ? i < kept : coin(&cut->rng)) {
            disk_bytes_write(to, at, c->data + (at - c->at), end - at);
            if (cut->said) {
                srt_buf_printf(cut->said, " [%zu,%zu)", at, end);
            }
        }
        at = end;
    }
}

static bool is_torn(struct cut *cut, const struct change *c)
{
    if (cut->luck->tear_bytes == 0) {
        return false;
    }
    switch (cut->luck->writes) {
    case FAKE_DISK_KEEP_NONE:
        return false;
    case FAKE_DISK_KEEP_EACH:
        return c->when.number == cut->torn;
    case FAKE_DISK_KEEP_PREFIX:
        return c->when.number == cut->first_lost;
    case FAKE_DISK_KEEP_SUBSET:
        return coin(&cut->rng);
    }
    return false;
}

static uint64_t count_changes(const struct inode *inode)
{
    uint64_t count = 0;
    srt_list_for_each(node, &inode->changes) {
        count++;
    }
    return count;
}

/* The size went through the same stages as the live one, and when it is apart, stopped at one of
 * them, whichever of the data made it. */
static void keep_some(struct cut *cut, struct inode *inode)
{
    bool apart = cut->luck->sizes_apart;
    uint64_t size_stage = apart ? srt_rng_below(&cut->rng, count_changes(inode) + 1) : 0;
    size_t size = inode->durable.size;
    uint64_t stage = 0;
    srt_list_for_each(node, &inode->changes) {
        struct change *c = srt_container_of(node, struct change, node);
        bool torn = !c->is_resize && is_torn(cut, c);
        bool kept = !torn && keeps(cut, cut->luck->writes, &c->when);
        bool counts = apart ? ++stage <= size_stage : kept || torn;
        if (cut->said) {
            say_change(cut, inode, c);
        }
        if (torn) {
            tear(cut, c, &inode->durable);
        } else if (kept && !c->is_resize) {
            disk_bytes_write(&inode->durable, c->at, c->data, c->size);
        }
        if (!c->is_resize) {
            size = counts && c->at + c->size > size ? c->at + c->size : size;
        } else if (counts) {
            size = c->size;
            disk_bytes_resize(&inode->durable, size);
        }
        if (cut->said) {
            const char *fate = torn ? "torn" : kept ? "kept" : "lost";
            const char *size_fate = counts ? ", its size kept" : ", its size lost";
            srt_buf_printf(cut->said, " %s%s\n", fate, apart ? size_fate : "");
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

static void say_dir_change(struct cut *cut, const struct dir_change *c, bool kept)
{
    const char *what = !c->dir ? "remove" : c->old_dir ? "rename" : "create";
    srt_buf_printf(cut->said, "%6llu %s", (unsigned long long)c->when.number, what);
    if (c->old_dir) {
        srt_buf_put_u8(cut->said, ' ');
        say_path(cut, c->old_dir);
        srt_buf_printf(cut->said, "/%s", c->old_name);
    }
    if (c->dir) {
        srt_buf_put_u8(cut->said, ' ');
        say_path(cut, c->dir);
        srt_buf_printf(cut->said, "/%s", c->name);
    }
    srt_buf_put_str(cut->said, kept ? ": kept\n" : ": lost\n");
}

/* A prefix is what a journalling file system leaves. Any subset must keep the order of what
 * happened to one name. */
static void keep_some_entries(struct cut *cut)
{
    struct srt_list lost;
    srt_list_init(&lost);
    srt_list_for_each_safe(node, &cut->disk->dir_changes) {
        struct dir_change *c = srt_container_of(node, struct dir_change, node);
        bool keep = keeps(cut, cut->luck->entries, &c->when);
        srt_list_for_each(before, &lost) {
            keep = keep && !same_place(c, srt_container_of(before, struct dir_change, node));
        }
        if (cut->said) {
            say_dir_change(cut, c, keep);
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

/* All numbers of changes that are not durable; writes alone for the one to be torn. */
static void note_number(uint64_t **numbers, size_t *count, const struct when *when)
{
    if ((*count & (*count - 1)) == 0) { /* a power of two, or none: full */
        *numbers = srt_xrealloc(*numbers, (*count ? 2 * *count : 1) * sizeof **numbers);
    }
    (*numbers)[(*count)++] = when->number;
}

static void draw(struct cut *cut)
{
    uint64_t *all = NULL;
    uint64_t *writes = NULL;
    size_t count = 0;
    size_t write_count = 0;
    srt_list_for_each(inode_node, &cut->disk->inodes) {
        const struct inode *inode = srt_container_of(inode_node, struct inode, node);
        srt_list_for_each(node, &inode->changes) {
            const struct change *c = srt_container_of(node, struct change, node);
            note_number(&all, &count, &c->when);
            if (!c->is_resize) {
                note_number(&writes, &write_count, &c->when);
            }
        }
    }
    srt_list_for_each(node, &cut->disk->dir_changes) {
        note_number(&all, &count, &srt_container_of(node, struct dir_change, node)->when);
    }
    uint64_t at = srt_rng_below(&cut->rng, count + 1);
    cut->first_lost = at < count ? all[at] : UINT64_MAX;
    cut->torn = write_count ? writes[srt_rng_below(&cut->rng, write_count)] : 0;
    srt_free(all);
    srt_free(writes);
}

void fake_disk_crash_by(struct fake_disk *disk, const struct fake_disk_luck *luck,
                        struct srt_buf *said)
{
    struct cut cut = {.disk = disk, .luck = luck, .said = said};
    srt_rng_init(&cut.rng, luck->seed);
    pthread_mutex_lock(&disk->lock);
    draw(&cut);
    srt_list_for_each(node, &disk->inodes) {
        struct inode *inode = srt_container_of(node, struct inode, node);
        if (!inode->is_dir) {
            keep_some(&cut, inode);
        }
        disk_drop_changes(inode);
        disk_bytes_copy(&inode->live, &inode->durable);
    }
    keep_some_entries(&cut);
    srt_list_for_each(node, &disk->inodes) {
        struct inode *inode = srt_container_of(node, struct inode, node);
        disk_entries_copy(&inode->live_entries, &inode->durable_entries);
    }
    for (size_t i = 0; i < disk->file_cap; i++) {
        disk->files[i].inode = NULL;
    }
    disk->call = 0;
    pthread_mutex_unlock(&disk->lock);
    fake_disk_heal(disk);
}

void fake_disk_crash(struct fake_disk *disk, uint64_t seed, enum fake_disk_mode mode)
{
    struct fake_disk_luck luck = {.seed = seed};
    if (mode == FAKE_DISK_KEEP_ALL) {
        luck.writes = luck.entries = FAKE_DISK_KEEP_EACH;
    } else if (mode == FAKE_DISK_KEEP_SOME) {
        luck.writes = FAKE_DISK_KEEP_SUBSET;
        luck.tear_bytes = SECTOR_BYTES;
        luck.sizes_apart = true;
        luck.entries = seed % 2 ? FAKE_DISK_KEEP_PREFIX : FAKE_DISK_KEEP_SUBSET;
    }
    fake_disk_crash_by(disk, &luck, NULL);
}
