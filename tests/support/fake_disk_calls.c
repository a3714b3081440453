/* Calls that take time and overlap: what was changed by a call that has not returned is on its way
 * to the disk, but no sync covers it yet. The disk counts moments, one for each call that
 * returned; a sync makes durable what had settled when it began. */
#include "base/assert.h"
#include "support/fake_disk_impl.h"

void fake_disk_call_begin(struct fake_disk *disk, uint64_t call)
{
    pthread_mutex_lock(&disk->lock);
    srt_assert(call > 0 && disk->call == 0);
    disk->call = call;
    pthread_mutex_unlock(&disk->lock);
}

void fake_disk_call_made(struct fake_disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    disk->call = 0;
    pthread_mutex_unlock(&disk->lock);
}

static void settle(struct when *when, uint64_t call, uint64_t moment)
{
    if (when->call == call) {
        when->call = 0;
        when->settled_at = moment;
    }
}

void fake_disk_call_returned(struct fake_disk *disk, uint64_t call)
{
    pthread_mutex_lock(&disk->lock);
    uint64_t moment = ++disk->moment;
    srt_list_for_each(inode_node, &disk->inodes) {
        struct inode *inode = srt_container_of(inode_node, struct inode, node);
        srt_list_for_each(node, &inode->changes) {
            settle(&srt_container_of(node, struct change, node)->when, call, moment);
        }
    }
    srt_list_for_each(node, &disk->dir_changes) {
        settle(&srt_container_of(node, struct dir_change, node)->when, call, moment);
    }
    pthread_mutex_unlock(&disk->lock);
}

uint64_t fake_disk_moment(struct fake_disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    uint64_t moment = disk->moment;
    pthread_mutex_unlock(&disk->lock);
    return moment;
}

void fake_disk_sync_since(struct fake_disk *disk, int fd, uint64_t moment)
{
    pthread_mutex_lock(&disk->lock);
    const struct open_file *file = disk_file_of(disk, fd);
    srt_assert(file);
    if (file->inode->is_dir) {
        disk_make_dir_durable(disk, file->inode, moment);
    } else {
        disk_make_durable(file->inode, moment);
    }
    pthread_mutex_unlock(&disk->lock);
}
