/* Two numbers divide a partition. What lies below the high watermark is durable and anyone may read
 * it; what lies between it and next_offset is in the segment files but belongs to a frame whose
 * other parts are still being written. The log start only moves up, when retention has journalled
 * it.
 *
 *     trimmed   | log start          high watermark | next_offset
 *     ..........[ segment ][ segment ][ active ......|....]
 *
 * A reader takes a reference to one segment under the lock and reads its file without it. */
#include "store/partition.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/fault.h"
#include "store/partition_impl.h"

static _Thread_local char this_thread; /* its address tells threads apart */

/* --- life --- */

void partition_config_default(struct partition_config *config)
{
    *config = (struct partition_config){
        .retention_ms = INT64_C(7) * 24 * 3600 * 1000,
        .retention_bytes = -1,
        .segment_bytes = UINT64_C(128) << 20,
        .segment_ms = INT64_C(7) * 24 * 3600 * 1000,
        .index_interval_bytes = 4096,
        .delete_retention_ms = INT64_C(24) * 3600 * 1000,
    };
}

char *partition_dir_path(const char *data_dir, const struct topic_id *id, const char *topic,
                         int32_t index)
{
    char id_text[TOPIC_ID_TEXT_MAX];
    return srt_xasprintf("%s/topics/%s-%.*s-%" PRId32, data_dir, topic_id_format(id_text, id),
                         (int)PARTITION_DIR_TOPIC_BYTES, topic, index);
}

struct partition *partition_new(const struct io_fs *fs, const struct srt_clock *clock,
                                struct segment_files *files, const char *data_dir,
                                const struct topic_id *id, const char *topic, int32_t index,
                                const struct partition_config *config)
{
    struct partition *part = srt_xcalloc(1, sizeof *part);
    part->fs = fs;
    part->clock = clock;
    part->files = files;
    part->topic_id = *id;
    part->topic = srt_xstrdup(topic);
    part->index = index;
    part->dir = partition_dir_path(data_dir, id, topic, index);
    part->config = *config;
    part->compacted_ms = srt_clock_wall_ms(clock);
    atomic_init(&part->refs, 1);
    io_lock_init(&part->lock, IO_LOCK_PARTITION);
    io_cond_init(&part->called);
    srt_list_init(&part->watches);
    srt_list_init(&part->touched);
    for (size_t i = 0; i < PARTITION_HINTS; i++) {
        part->hints[i].offset = -1;
    }
    return part;
}

int partition_make_dir(struct partition *part, bool *ret_is_new, struct srt_err *err)
{
    int sys = SRT_FAULT(partition_create);
    int rc = sys == 0 ? io_make_dir(part->fs, part->dir, err)
                      : srt_fail_sys(err, srt_code_from_errno(sys), sys, "create directory '%s'",
                                     part->dir);
    *ret_is_new = rc == SRT_OK;
    rc = rc == SRT_EEXIST ? SRT_OK : rc;
    part->dir_missing = rc != SRT_OK;
    part->dir_dirty = part->dir_dirty || rc == SRT_OK;
    return rc;
}

/* What cannot be removed only takes room, until the next attempt. */
void partition_remove_dir(const struct io_fs *fs, const char *dir)
{
    struct io_list names;
    struct srt_err ignored;
    if (io_list_dir(fs, dir, &names, &ignored) != SRT_OK) {
        return;
    }
    for (size_t i = 0; i < names.count; i++) {
        char *path = srt_xasprintf("%s/%s", dir, names.names[i]);
        (void)io_unlink(fs, path, &ignored);
        srt_free(path);
    }
    io_list_free(&names);
    (void)fs->remove_dir(fs, dir);
}

void partition_ref(struct partition *part)
{
    srt_ref_add(&part->refs);
}

void partition_unref(struct partition *part)
{
    if (!part || !srt_ref_drop(&part->refs)) {
        return;
    }
    srt_assert(srt_list_empty(&part->watches) && srt_list_empty(&part->touched));
    for (size_t i = 0; i < part->segment_count; i++) {
        segment_unref(part->segments[i]);
    }
    if (part->remove_files) {
        partition_remove_dir(part->fs, part->dir);
    }
    srt_free(part->segments);
    io_cond_fini(&part->called);
    io_lock_fini(&part->lock);
    srt_free(part->topic);
    srt_free(part->dir);
    srt_free(part);
}

const struct topic_id *partition_topic_id(const struct partition *part)
{
    return &part->topic_id;
}

const char *partition_topic(const struct partition *part)
{
    return part->topic;
}

int32_t partition_index(const struct partition *part)
{
    return part->index;
}

int64_t partition_log_start(const struct partition *part)
{
    return srt_load_acquire(&part->log_start); /* partition_trim */
}

int64_t partition_high_watermark(const struct partition *part)
{
    return srt_load_acquire(&part->high_watermark); /* partition_publish */
}

uint64_t partition_size_bytes(const struct partition *part)
{
    return srt_load_relaxed(&part->size_bytes);
}

/* --- segments --- */

void partition_add_segment(struct partition *part, struct segment *take_seg)
{
    uint64_t size = srt_load_acquire(&take_seg->size_bytes);
    io_lock(&part->lock);
    if (part->segment_count == part->segment_cap) {
        part->segment_cap = part->segment_cap ? 2 * part->segment_cap : 4;
        part->segments =
            srt_xrealloc(part->segments, part->segment_cap * sizeof(struct segment *));
    }
    part->segments[part->segment_count++] = take_seg;
    io_unlock(&part->lock);
    srt_add_relaxed(&part->size_bytes, size);
}

/* Only the store thread changes the array, so it may look without the lock. */
static struct segment *active(const struct partition *part)
{
    return part->segment_count ? part->segments[part->segment_count - 1] : NULL;
}

static bool is_full(struct partition *part, struct segment *seg, size_t more)
{
    uint64_t size = srt_load_acquire(&seg->size_bytes);
    if (part->in_memory && !seg->in_memory) {
        return true; /* a view begins its own segment behind what is on disk */
    }
    if (size == SEGMENT_HEADER_BYTES) {
        return false;
    }
    if (size + more > part->config.segment_bytes || size + more > UINT32_MAX ||
        part->next_offset - seg->base_offset > INT32_MAX / 2) {
        return true;
    }
    return !part->replaying && srt_clock_wall_ms(part->clock) - seg->created_ms >=
                                   part->config.segment_ms;
}

void partition_write_index(struct partition *part)
{
    struct segment *seg = active(part);
    if (seg && seg->index_loaded && !seg->in_memory) {
        /* Only this thread adds entries; readers only look. */
        segment_index_write(&seg->index, part->fs, seg->index_path, seg->base_offset);
    }
}

/* The next segment. Nothing has changed when it fails, but for a file that the next attempt
 * empties. */
static int roll(struct partition *part, struct srt_err *err)
{
    int sys = SRT_FAULT(segment_roll);
    if (sys != 0) {
        return srt_fail_sys(err, srt_code_from_errno(sys), sys, "begin a segment in '%s'",
                            part->dir);
    }
    struct segment *seg =
        segment_new(part->files, &part->topic_id, part->index, part->dir, part->next_offset, 0,
                    srt_clock_wall_ms(part->clock));
    int rc = SRT_OK;
    if (part->in_memory) {
        static const uint8_t header[SEGMENT_HEADER_BYTES];
        seg->in_memory = true;
        seg->index_loaded = true;
        srt_buf_put(&seg->memory, header, sizeof header); /* positions as in a file */
    } else {
        if (part->dir_missing) {
            bool is_new;
            rc = partition_make_dir(part, &is_new, err);
        }
        if (rc == SRT_OK) {
            part->dir_dirty = true;
            rc = segment_create_file(seg, err);
        }
    }
    if (rc != SRT_OK) {
        segment_unref(seg);
        return rc;
    }
    struct segment *last = active(part);
    if (last) {
        partition_write_index(part);
        io_lock(&part->lock);
        segment_index_fini(&last->index); /* readers load what they need from the file */
        last->index_loaded = false;
        io_unlock(&part->lock);
    }
    partition_add_segment(part, seg);
    return SRT_OK;
}

/* The active segment's index must be whole before something is added to it. */
static int load_active_index(struct partition *part, struct segment *seg, struct srt_err *err)
{
    struct segment_index index;
    int rc = segment_begin_read(seg, err);
    if (rc != SRT_OK) {
        return rc;
    }
    rc = segment_load_index(seg, &index, srt_load_acquire(&seg->size_bytes),
                            part->config.index_interval_bytes, err);
    segment_end_read(seg);
    if (rc != SRT_OK) {
        return rc;
    }
    io_lock(&part->lock);
    seg->index = index;
    seg->index_loaded = true;
    io_unlock(&part->lock);
    return SRT_OK;
}

/* --- appending --- */

int64_t partition_assign_offsets(uint8_t *batches, size_t size, int64_t base)
{
    int64_t next = base >= 0 ? base : 0;
    for (size_t at = 0; at < size;) {
        struct batch_info info;
        int rc = batch_parse(batches + at, size - at, &info);
        srt_assert(rc == SRT_OK); /* the broker checks what comes from outside */
        if (base >= 0) {
            batch_set_base_offset(batches + at, next);
        }
        next += (int64_t)info.last_offset_delta + 1;
        at += info.size_bytes;
    }
    return next;
}

/* Note the batches in the index of the segment whose end they were written to. */
static int64_t index_batches(struct partition *part, struct segment *seg, const uint8_t *batches,
                             size_t size, int64_t *ret_next_offset)
{
    uint64_t start = srt_load_acquire(&seg->size_bytes);
    int64_t max_ms = srt_load_acquire(&seg->max_timestamp_ms);
    int64_t next = part->next_offset;
    io_lock(&part->lock);
    for (size_t at = 0; at < size;) {
        struct batch_info info;
        int rc = batch_parse(batches + at, size - at, &info);
        srt_assert(rc == SRT_OK && info.base_offset == next);
        segment_index_add(&seg->index, SEGMENT_HEADER_BYTES, part->config.index_interval_bytes,
                          (uint32_t)(next - seg->base_offset), start + at, max_ms);
        max_ms = info.max_timestamp_ms > max_ms ? info.max_timestamp_ms : max_ms;
        next = batch_last_offset(&info) + 1;
        at += info.size_bytes;
    }
    io_unlock(&part->lock);
    *ret_next_offset = next;
    return max_ms;
}

int partition_append(struct partition *part, const uint8_t *batches, size_t size,
                     struct srt_err *err)
{
    struct segment *seg = active(part);
    int rc = SRT_OK;
    if (!seg || is_full(part, seg, size)) {
        rc = roll(part, err);
        seg = active(part);
    } else if (!seg->index_loaded) {
        rc = load_active_index(part, seg, err);
        if (rc == SRT_ECORRUPT && part->next_offset > seg->base_offset) {
            /* Its readers will be told; what comes now need not suffer from it. */
            rc = roll(part, err);
            seg = active(part);
        }
    }
    if (rc == SRT_OK) {
        rc = segment_write(seg, batches, size, err);
    }
    if (rc != SRT_OK) {
        return rc;
    }
    int64_t next;
    int64_t max_ms = index_batches(part, seg, batches, size, &next);
    segment_grow(seg, size, max_ms);
    srt_add_relaxed(&part->size_bytes, size);
    part->next_offset = next;
    return SRT_OK;
}

/* --- watching --- */

void partition_watch_add(struct partition *part, struct partition_watch *watch)
{
    io_lock(&part->lock);
    srt_list_push(&part->watches, &watch->node);
    io_unlock(&part->lock);
}

void partition_watch_remove(struct partition *part, struct partition_watch *watch)
{
    io_lock(&part->lock);
    if (part->call_next == &watch->node) {
        part->call_next = watch->node.next;
    }
    srt_list_remove(&watch->node);
    while (part->calling == watch && part->calling_thread != &this_thread) {
        io_cond_wait(&part->called, &part->lock);
    }
    io_unlock(&part->lock);
}

/* The lock is not held during a call, so the list may change: call_next follows. */
void partition_notify(struct partition *part)
{
    io_lock(&part->lock);
    struct srt_list *node = part->watches.next;
    while (node != &part->watches) {
        struct partition_watch *watch = srt_container_of(node, struct partition_watch, node);
        part->calling = watch;
        part->calling_thread = &this_thread;
        part->call_next = node->next;
        io_unlock(&part->lock);
        watch->moved(watch->arg);
        io_lock(&part->lock);
        part->calling = NULL;
        node = part->call_next;
        part->call_next = NULL;
        io_cond_broadcast(&part->called);
    }
    io_unlock(&part->lock);
}

void partition_publish(struct partition *part)
{
    srt_assert(part->next_offset >= srt_load_acquire(&part->high_watermark));
    srt_store_release(&part->high_watermark, part->next_offset);
}

void partition_set_detached(struct partition *part)
{
    srt_store_release(&part->detached, true);
    io_lock(&part->lock);
    for (size_t i = 0; i < part->segment_count; i++) {
        srt_store_release(&part->segments[i]->gone, true);
    }
    io_unlock(&part->lock);
    partition_notify(part);
}

/* --- trimming --- */

size_t partition_trim(struct partition *part, int64_t log_start, struct segment ***ret_segments)
{
    size_t count = 0;
    uint64_t bytes = 0;
    io_lock(&part->lock);
    /* The last segment stays: it says where the partition ends. */
    while (count + 1 < part->segment_count &&
           part->segments[count + 1]->base_offset <= log_start) {
        srt_store_release(&part->segments[count]->gone, true);
        bytes += srt_load_acquire(&part->segments[count]->size_bytes);
        count++;
    }
    struct segment **gone = NULL;
    if (count) {
        gone = srt_xalloc(count * sizeof(struct segment *));
        memcpy(gone, part->segments, count * sizeof(struct segment *));
        part->segment_count -= count;
        memmove(part->segments, part->segments + count,
                part->segment_count * sizeof(struct segment *));
    }
    if (log_start > srt_load_acquire(&part->log_start)) {
        srt_store_release(&part->log_start, log_start);
    }
    io_unlock(&part->lock);
    atomic_fetch_sub_explicit(&part->size_bytes, bytes, memory_order_relaxed);
    *ret_segments = gone;
    return count;
}

/* --- compaction --- */

void partition_replace(struct partition *part, size_t first, size_t gone_count,
                       struct segment *const *fresh, size_t fresh_count,
                       struct segment **ret_gone)
{
    uint64_t before = 0;
    uint64_t after = 0;
    size_t behind = first + gone_count;
    srt_assert(behind < part->segment_count);
    size_t count = part->segment_count - gone_count + fresh_count;
    struct segment **segments = srt_xalloc(count * sizeof *segments);
    io_lock(&part->lock);
    for (size_t i = 0; i < gone_count; i++) {
        ret_gone[i] = part->segments[first + i];
        srt_store_release(&ret_gone[i]->gone, true);
        before += srt_load_acquire(&ret_gone[i]->size_bytes);
    }
    for (size_t i = 0; i < fresh_count; i++) {
        after += srt_load_acquire(&fresh[i]->size_bytes);
    }
    memcpy(segments, part->segments, first * sizeof *segments);
    memcpy(segments + first, fresh, fresh_count * sizeof *segments);
    memcpy(segments + first + fresh_count, part->segments + behind,
           (part->segment_count - behind) * sizeof *segments);
    srt_free(part->segments);
    part->segments = segments;
    part->segment_count = count;
    part->segment_cap = count;
    io_unlock(&part->lock);
    srt_add_relaxed(&part->size_bytes, after);
    atomic_fetch_sub_explicit(&part->size_bytes, before, memory_order_relaxed);
}

int partition_roll(struct partition *part, struct srt_err *err)
{
    return roll(part, err);
}

int64_t partition_retention_start(struct partition *part, int64_t now_ms)
{
    const struct partition_config *config = &part->config;
    int64_t start = srt_load_acquire(&part->log_start);
    uint64_t size = srt_load_relaxed(&part->size_bytes);
    for (size_t i = 0; i + 1 < part->segment_count; i++) {
        struct segment *seg = part->segments[i];
        uint64_t seg_size = srt_load_acquire(&seg->size_bytes);
        int64_t newest_ms = srt_load_acquire(&seg->max_timestamp_ms);
        newest_ms = newest_ms >= 0 ? newest_ms : seg->created_ms;
        bool old = config->retention_ms >= 0 && now_ms - newest_ms > config->retention_ms;
        bool over = config->retention_bytes >= 0 &&
                    size - seg_size >= (uint64_t)config->retention_bytes;
        if (!old && !over) {
            break;
        }
        size -= seg_size;
        start = part->segments[i + 1]->base_offset;
    }
    return start;
}
