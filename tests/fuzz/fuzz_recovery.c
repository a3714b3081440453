/* Sound data directories, changed as the fuzzer likes and mostly with their checksums made right,
 * opened by a broker: it opens or says why not. Looking changes nothing; what a look shows is what
 * recovery keeps; recovering again, after a clean close or a crash, gives the same. */
#include "broker/broker.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/crc32c.h"
#include "base/rng.h"
#include "fix_crc.h"
#include "fuzz_disk.h"
#include "fuzz_input.h"

enum {
    WORLDS = 4,
    PATHS_MAX = 64,
    EDITS_MAX = 16,
    FILE_BYTES_MAX = 1 << 20,
    HEADER_USED = 36, /* of a journal file; the rest of its header block is not read */
};

struct world {
    struct fake_disk *disk;
    char *paths[PATHS_MAX];
    size_t path_count;
};

static struct srt_clock_fake fake_clock;

/* In place of the kernel's: ids that are the same in every run. */
void __wrap_srt_random_bytes(void *data, uint32_t size);
void __wrap_srt_random_bytes(void *data, uint32_t size)
{
    static _Atomic uint64_t calls;
    struct srt_rng rng;
    srt_rng_init(&rng, atomic_fetch_add(&calls, 1));
    for (uint32_t i = 0; i < size; i++) {
        ((uint8_t *)data)[i] = (uint8_t)srt_rng_next(&rng);
    }
}

/* --- sound directories --- */

static struct broker_options options_for(struct fake_disk *disk)
{
    struct broker_options options;
    broker_options_default(&options);
    options.store.fs = fake_disk_fs(disk);
    options.store.data_dir = "/data";
    options.store.clock = &fake_clock.clock;
    options.store.journal_file_bytes = 64 << 10;
    options.store.checkpoint_bytes = 24 << 10;
    return options;
}

static void must(int rc, const struct srt_err *err)
{
    if (rc != SRT_OK) {
        fprintf(stderr, "%s\n", err->msg);
    }
    srt_assert(rc == SRT_OK);
}

static struct topic *make_topic(struct broker *broker, const char *name, int32_t partitions)
{
    struct topic_config config;
    struct topic *topic;
    struct srt_err err;
    topic_config_default(&config);
    config.partition_count = partitions;
    config.segment_bytes = 2048;
    config.max_record_bytes = 4096;
    must(broker_topic_create(broker, name, &config, &topic, &err), &err);
    return topic;
}

/* One batch to each partition and the positions of a group, in one frame. */
static void write_round(struct broker *broker, struct topic *topic, int round)
{
    enum { PARTS = 2 };
    struct batch_builder builders[PARTS];
    struct store_append appends[PARTS];
    struct group_position positions[PARTS];
    struct srt_err err;
    for (int i = 0; i < PARTS; i++) {
        const uint8_t *data;
        size_t size;
        batch_builder_init(&builders[i]);
        for (int n = 0; n <= round % 3; n++) {
            struct record rec = {.key = (const uint8_t *)"key",
                                 .key_len = n % 2 ? 3 : RECORD_ABSENT,
                                 .value = (const uint8_t *)"{\"a\":1,\"text\":\"some text\"}",
                                 .value_len = 26,
                                 .timestamp_ms = srt_clock_wall_ms(&fake_clock.clock) + round};
            must(batch_builder_add(&builders[i], &rec), &err);
        }
        batch_builder_finish(&builders[i], &data, &size);
        appends[i] = (struct store_append){.part = topic_partition(topic, i),
                                           .batches = builders[i].buf.data,
                                           .size_bytes = size};
        positions[i] = (struct group_position){.topic_id = *topic_get_id(topic),
                                               .partition = i,
                                               .offset = round,
                                               .detail = (const uint8_t *)"note",
                                               .detail_len = (uint32_t)round % 5};
    }
    struct broker_write write = {.appends = appends,
                                 .append_count = PARTS,
                                 .group = round % 2 ? "readers" : "others",
                                 .positions = positions,
                                 .position_count = PARTS};
    must(broker_write_wait(broker, &write, &err), &err);
    for (int i = 0; i < PARTS; i++) {
        batch_builder_fini(&builders[i]);
    }
}

static void list_dir(struct world *world, const char *dir)
{
    struct io_list names;
    struct srt_err err;
    must(io_list_dir(fake_disk_fs(world->disk), dir, &names, &err), &err);
    for (size_t i = 0; i < names.count && world->path_count < PATHS_MAX; i++) {
        if (strncmp(names.names[i], "spare", 5) != 0) { /* there or not, as threads go */
            world->paths[world->path_count++] = srt_xasprintf("%s/%s", dir, names.names[i]);
        }
    }
    io_list_free(&names);
}

static void list_files(struct world *world)
{
    struct io_list names;
    struct srt_err err;
    list_dir(world, "/data/journal");
    must(io_list_dir(fake_disk_fs(world->disk), "/data/topics", &names, &err), &err);
    for (size_t i = 0; i < names.count; i++) {
        char *dir = srt_xasprintf("/data/topics/%s", names.names[i]);
        list_dir(world, dir);
        srt_free(dir);
    }
    io_list_free(&names);
    world->paths[world->path_count++] = srt_xstrdup("/data/node.json");
}

/* 0: only a journal. 1: closed, with several segments. 2: a checkpoint and frames behind it, a
 * topic deleted. 3: the same, begun twice, acknowledged before synced. */
static void make_world(struct world *world, int kind)
{
    struct fake_disk *disk = fake_disk_create();
    struct broker_options options = options_for(disk);
    struct broker *broker;
    struct srt_err err;
    options.store.durability = kind == 3 ? STORE_DURABILITY_OS : STORE_DURABILITY_SYNC;
    must(broker_open(&options, &broker, &err), &err);
    struct topic *topic = make_topic(broker, "orders", 2);
    for (int i = 0; i < (kind == 0 ? 4 : 20); i++) {
        write_round(broker, topic, i);
    }
    if (kind >= 2) {
        make_topic(broker, "gone", 1);
        must(store_checkpoint(broker_store(broker), &err), &err);
        must(broker_topic_delete(broker, "gone", &err), &err);
        write_round(broker, topic, 20);
    }
    if (kind == 3) {
        must(broker_close(broker, &err), &err);
        must(broker_open(&options, &broker, &err), &err);
        write_round(broker, broker_topic_find(broker, "orders"), 21);
    }
    if (kind == 1) {
        must(broker_close(broker, &err), &err);
    }
    world->disk = fake_disk_clone(disk);
    fake_disk_crash(world->disk, 1, FAKE_DISK_KEEP_ALL);
    if (kind != 1) {
        must(broker_close(broker, &err), &err);
    }
    fake_disk_destroy(disk);
    list_files(world);
}

static const struct world *world_of(uint8_t kind)
{
    static struct world worlds[WORLDS];
    struct world *world = &worlds[kind % WORLDS];
    if (!world->disk) {
        srt_clock_fake_init(&fake_clock, 1700000000000);
        make_world(world, kind % WORLDS);
    }
    return world;
}

/* --- changing them --- */

static bool ends_with(const char *path, const char *end)
{
    return strlen(path) >= strlen(end) && strcmp(path + strlen(path) - strlen(end), end) == 0;
}

static void fix(const char *path, struct srt_buf *file)
{
    if (ends_with(path, ".jnl")) {
        fix_crc_journal(file->data, file->len);
    } else if (ends_with(path, ".seg")) {
        fix_crc_segment(file->data, file->len);
    } else if (ends_with(path, ".idx")) {
        fix_crc_index(file->data, file->len);
    }
}

static const uint64_t numbers[] = {0,
                                   1,
                                   2,
                                   7,
                                   8,
                                   64,
                                   255,
                                   1024,
                                   INT16_MAX,
                                   UINT16_MAX,
                                   INT32_MAX,
                                   (uint64_t)INT32_MAX + 1,
                                   UINT32_MAX,
                                   INT64_MAX - 1,
                                   INT64_MAX,
                                   (uint64_t)INT64_MAX + 1,
                                   UINT64_MAX};

/* A place in the file; the empty part of a journal's header is passed over. */
static size_t place(struct fuzz_input *in, const char *path, size_t size)
{
    size_t at = fuzz_number(in, 2);
    if (ends_with(path, ".jnl") && at >= HEADER_USED) {
        at += 4096 - HEADER_USED;
    }
    return size ? at % size : 0;
}

static void put_number(uint8_t *to, size_t room, uint64_t number, uint8_t width)
{
    size_t bytes = (size_t)1 << width % 4;
    for (size_t i = 0; i < bytes && i < room; i++) {
        to[i] = (uint8_t)(number >> 8 * (bytes - 1 - i));
    }
}

static void move_bytes(struct srt_buf *file, size_t from, size_t to, size_t count)
{
    size_t last = from > to ? from : to;
    count = count < file->len - last ? count : file->len - last;
    memmove(file->data + to, file->data + from, count);
}

static void change(struct fuzz_input *in, uint8_t op, const char *path, struct srt_buf *file)
{
    size_t at = place(in, path, file->len);
    uint8_t value = fuzz_byte(in);
    if (file->len == 0) {
        return;
    }
    switch (op) {
    case 0:
        file->data[at] ^= value;
        break;
    case 1:
        put_number(file->data + at, file->len - at,
                   numbers[value % (sizeof numbers / sizeof numbers[0])], fuzz_byte(in));
        break;
    case 2: {
        uint64_t before = 0;
        for (size_t i = 0; i < 8 && at + i < file->len; i++) {
            before = before << 8 | file->data[at + i];
        }
        put_number(file->data + at, file->len - at, before + (uint64_t)(int8_t)value, 3);
        break;
    }
    case 3:
        file->len = at;
        break;
    case 4:
        move_bytes(file, at, place(in, path, file->len), (size_t)value * 8);
        break;
    default: {
        struct fuzz_input bytes = fuzz_part(in, value);
        size_t room = file->len - at;
        memcpy(file->data + at, bytes.data, bytes.size < room ? bytes.size : room);
    }
    }
}

static void edit(const struct world *world, struct fake_disk *disk, struct fuzz_input *in,
                 bool fix_crc)
{
    const struct io_fs *fs = fake_disk_fs(disk);
    uint8_t op = fuzz_byte(in) % 9;
    const char *path = world->paths[fuzz_byte(in) % world->path_count];
    struct srt_buf file;
    struct srt_err err;
    if (op == 7) {
        (void)fs->unlink(fs, path);
        return;
    }
    if (io_read_file(fs, path, FILE_BYTES_MAX, &file, &err) != SRT_OK) {
        return; /* it is gone already */
    }
    if (op == 8) {
        path = world->paths[fuzz_byte(in) % world->path_count];
    } else {
        change(in, op, path, &file);
    }
    if (fix_crc) {
        fix(path, &file);
    }
    fuzz_disk_write(fs, path, file.data, file.len);
    srt_buf_fini(&file);
}

/* --- what a broker shows --- */

struct digest {
    uint32_t sum;
    bool damaged; /* something could not be read */
    size_t partition_count;
};

static void add(struct digest *d, const void *data, size_t size)
{
    d->sum = srt_crc32c(d->sum, data, size);
}

static void add_number(struct digest *d, int64_t number)
{
    add(d, &number, sizeof number);
}

static void add_partition(struct digest *d, struct partition *part)
{
    struct srt_buf buf = {0};
    struct srt_err err;
    int64_t offset = partition_log_start(part);
    int64_t end = partition_high_watermark(part);
    int64_t found;
    int64_t time_ms;
    srt_assert(offset >= 0 && offset <= end);
    add_number(d, offset);
    add_number(d, end);
    while (offset < end) {
        srt_buf_clear(&buf);
        int rc = partition_read(part, offset, 3000, &buf, &err);
        if (rc != SRT_OK) {
            d->damaged = true;
            break;
        }
        srt_assert(buf.len > 0);
        for (size_t at = 0; at < buf.len;) {
            struct batch_info info;
            rc = batch_check(buf.data + at, buf.len - at, &info);
            srt_assert(rc == SRT_OK && batch_last_offset(&info) >= offset);
            offset = batch_last_offset(&info) + 1;
            at += info.size_bytes;
        }
        add(d, buf.data, buf.len);
    }
    if (partition_offset_for_time(part, 1700000000003, &found, &time_ms, &err) == SRT_OK) {
        add_number(d, found);
    }
    srt_buf_fini(&buf);
}

static void add_topic(void *arg, struct topic *topic)
{
    struct digest *d = arg;
    struct topic_config config;
    topic_get_config(topic, &config);
    add(d, topic_name(topic), strlen(topic_name(topic)));
    add(d, topic_get_id(topic)->bytes, sizeof topic_get_id(topic)->bytes);
    add_number(d, config.retention_ms);
    add_number(d, config.retention_bytes);
    add_number(d, (int64_t)config.segment_bytes);
    add_number(d, topic_partition_count(topic));
    d->partition_count += (size_t)topic_partition_count(topic);
    for (int32_t i = 0; i < topic_partition_count(topic); i++) {
        add_partition(d, topic_partition(topic, i));
    }
}

static void add_lag(void *arg, const struct group_lag *lag)
{
    struct digest *d = arg;
    add(d, lag->group, strlen(lag->group));
    add(d, lag->topic ? lag->topic : "", lag->topic ? strlen(lag->topic) : 0);
    add(d, lag->source_name ? lag->source_name : "",
        lag->source_name ? strlen(lag->source_name) : 0);
    add_number(d, lag->partition);
    add_number(d, lag->committed);
}

static struct digest digest_of(struct broker *broker)
{
    struct digest d = {0};
    broker_topic_each(broker, add_topic, &d);
    broker_group_each_lag(broker, add_lag, &d);
    return d;
}

/* --- opening them --- */

static int open_disk(struct fake_disk *disk, bool read_only, struct broker **ret,
                     struct digest *ret_digest, struct srt_err *ret_err)
{
    struct broker_options options = options_for(disk);
    *ret_err = (struct srt_err){0};
    options.store.read_only = read_only;
    options.store.create = false;
    int rc = broker_open(&options, ret, ret_err);
    if (rc == SRT_OK) {
        *ret_digest = digest_of(*ret);
    } else {
        srt_assert(ret_err->code == rc && ret_err->msg[0] != '\0');
    }
    return rc;
}

static void count_report(void *arg, const char *path, uint64_t at, const char *reason)
{
    (void)at;
    srt_assert(path && reason);
    ++*(int *)arg;
}

static int look(struct fake_disk *disk, struct digest *ret)
{
    struct broker *broker;
    struct srt_err err;
    uint64_t changes = fake_disk_change_count(disk);
    int rc = open_disk(disk, true, &broker, ret, &err);
    if (rc == SRT_OK) {
        must(broker_close(broker, &err), &err);
    }
    int reports = 0;
    int found = store_check("/data", fake_disk_fs(disk), count_report, &reports, &err);
    srt_assert(found < 0 || found == reports);
    srt_assert(fake_disk_change_count(disk) == changes);
    return rc;
}

/* A topic's name or number of partitions forged under a valid checksum leaves directories that
 * nothing in the journal knows, which no program does; what is in them looks like the trace of
 * frames that are gone. */
static bool has_strangers(struct fake_disk *disk, const struct digest *expected)
{
    struct io_list names;
    struct srt_err err;
    if (io_list_dir(fake_disk_fs(disk), "/data/topics", &names, &err) != SRT_OK) {
        return false;
    }
    bool found = names.count > expected->partition_count;
    io_list_free(&names);
    return found;
}

/* The digest of a directory that a recovery has been through: it must open. */
static void compare(struct fake_disk *disk, const struct digest *expected)
{
    struct broker *broker;
    struct digest d;
    struct srt_err err;
    int rc = open_disk(disk, false, &broker, &d, &err);
    if (rc == SRT_ECORRUPT && (expected->damaged || has_strangers(disk, expected))) {
        return; /* a crash makes a recovery look closer than a clean close does */
    }
    must(rc, &err);
    srt_assert(expected->damaged || d.sum == expected->sum);
    (void)broker_close(broker, &err);
}

static void recover(struct fake_disk *disk, int looked, const struct digest *seen)
{
    struct broker *broker;
    struct digest d;
    struct srt_err err = {0};
    int rc = open_disk(disk, false, &broker, &d, &err);
    if (rc != SRT_OK) {
        srt_assert(fake_disk_open_fds(disk) == 0);
        return; /* a segment that must be cut or written is looked at more closely than to view */
    }
    srt_assert(looked == SRT_OK && (d.damaged || seen->damaged || d.sum == seen->sum));
    struct fake_disk *crashed = fake_disk_clone(disk);
    fake_disk_crash(crashed, 1, FAKE_DISK_KEEP_ALL);
    bool closed = broker_close(broker, &err) == SRT_OK;
    compare(crashed, &d);
    if (closed) {
        compare(disk, &d);
    }
    fuzz_disk_destroy(crashed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    uint8_t control = fuzz_byte(&in);
    const struct world *world = world_of(control >> 4);
    struct fake_disk *disk = fake_disk_clone(world->disk);
    struct digest seen = {0};
    for (int i = 0; i < EDITS_MAX && in.size > 0; i++) {
        edit(world, disk, &in, !(control & 1));
    }
    int looked = look(disk, &seen);
    recover(disk, looked, &seen);
    fuzz_disk_destroy(disk);
    return 0;
}
