/* writer DATA_DIR LINES COUNT [FIRST]: commits to topics with one hand, makes and deletes topics
 * with the other, checkpoints, trims and compacts with a third, and says what it knows to be done:
 *
 *   wrote N         commits 0 .. N-1 are durable: line i to `left`, `right` and `latest`, and the
 *                   position
 *   created NAME    a topic
 *   deleting NAME   from here on it may be gone
 *   deleted NAME    it is
 *
 * It is run under the recorder (recorder.c), which sees write(2) and nothing of printf. */
#include "base/alloc.h"
#include "broker/broker.h"
#include "contents.h"
#include "record/batch.h"
#include "record/header.h"
#include "states.h"

#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOPICS = 12, RECORDS_EACH = 5, COMMITS_PER_CHECKPOINT = 8, PAD_BYTES_MAX = 6000 };

struct writer {
    struct broker *broker;
    struct lines lines;
    int64_t first;
    int64_t count;
    sem_t checkpoints; /* one for each that is wanted */
    atomic_bool done;
};

static _Noreturn void die(const struct srt_err *err)
{
    fprintf(stderr, "writer: %s\n", err->msg);
    exit(1);
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (write(STDOUT_FILENO, text, (size_t)len) != len) {
        exit(1);
    }
}

static void add_line(const struct writer *w, struct batch_builder *builder, int64_t number,
                     bool keyed)
{
    char key[32];
    int key_len = snprintf(key, sizeof key, "%" PRId64, number % STATES_LATEST_KEYS);
    static const char pad[PAD_BYTES_MAX];
    uint64_t start = number ? w->lines.ends[number - 1] : 0;
    struct srt_buf headers = {0};
    header_put(&headers, "pad", 3, pad, (int32_t)(number * 397 % PAD_BYTES_MAX));
    struct record rec = {
        .key = (const uint8_t *)key,
        .key_len = keyed ? key_len : RECORD_ABSENT,
        .value = w->lines.text.data + start,
        .value_len = (int32_t)(w->lines.ends[number] - start - 1),
        .headers = headers.data,
        .headers_len = (uint32_t)headers.len,
        .header_count = 1,
        .timestamp_ms = 1000 + number, /* so old that retention takes every full segment */
    };
    if (batch_builder_add(builder, &rec) != SRT_OK) {
        exit(1);
    }
    srt_buf_fini(&headers);
}

static struct topic *topic_of(const struct writer *w, const char *name, int32_t partition_count,
                              enum topic_cleanup cleanup)
{
    struct topic_config config;
    struct topic *topic = broker_topic_find(w->broker, name);
    struct srt_err err;
    topic_config_default(&config);
    config.partition_count = partition_count;
    config.segment_bytes = 16 << 10;
    config.max_record_bytes = 8 << 10;
    config.cleanup = cleanup;
    if (!topic && broker_topic_create(w->broker, name, &config, &topic, &err) != SRT_OK) {
        die(&err);
    }
    return topic;
}

enum { COMMIT_TOPICS = 3 };

/* Line `number` to all topics, the last of which is compacted, and the position behind it, in one
 * commit. */
static void commit(const struct writer *w, struct topic *const *topics, int64_t number)
{
    struct batch_builder builders[COMMIT_TOPICS];
    struct store_append appends[COMMIT_TOPICS];
    for (int i = 0; i < COMMIT_TOPICS; i++) {
        const uint8_t *data;
        batch_builder_init(&builders[i]);
        add_line(w, &builders[i], number, i + 1 == COMMIT_TOPICS);
        batch_builder_finish(&builders[i], &data, &appends[i].size_bytes);
        appends[i].batches = builders[i].buf.data;
        appends[i].part =
            topic_partition(topics[i], (int32_t)number % topic_partition_count(topics[i]));
    }
    struct group_position position = {.source_name = STATES_WRITER_SOURCE, .offset = number + 1};
    struct broker_write write = {.appends = appends,
                                 .append_count = COMMIT_TOPICS,
                                 .group = STATES_WRITER_GROUP,
                                 .positions = &position,
                                 .position_count = 1};
    struct srt_err err;
    if (broker_write_wait(w->broker, &write, &err) != SRT_OK) {
        die(&err);
    }
    for (int i = 0; i < COMMIT_TOPICS; i++) {
        batch_builder_fini(&builders[i]);
    }
}

static void *make_and_delete(void *arg)
{
    struct writer *w = arg;
    for (int i = 0; i < TOPICS; i++) {
        char name[64];
        struct srt_err err;
        snprintf(name, sizeof name, "passing-%" PRId64 "-%d", w->first, i);
        struct topic *topic = topic_of(w, name, 1 + i % 3, TOPIC_CLEANUP_DELETE);
        say("created %s\n", name);
        for (int n = 0; n < RECORDS_EACH; n++) {
            struct batch_builder builder;
            const uint8_t *data;
            struct store_append append = {.part = topic_partition(topic, n % (1 + i % 3))};
            struct broker_write write = {.appends = &append, .append_count = 1};
            batch_builder_init(&builder);
            add_line(w, &builder, n, false);
            batch_builder_finish(&builder, &data, &append.size_bytes);
            append.batches = builder.buf.data;
            if (broker_write_wait(w->broker, &write, &err) != SRT_OK) {
                die(&err);
            }
            batch_builder_fini(&builder);
        }
        if (i % 4 != 3) { /* some stay */
            say("deleting %s\n", name);
            if (broker_topic_delete(w->broker, name, &err) != SRT_OK) {
                die(&err);
            }
            say("deleted %s\n", name);
        }
    }
    return NULL;
}

static void *checkpoint(void *arg)
{
    struct writer *w = arg;
    struct store *store = broker_store(w->broker);
    struct srt_err err;
    while (sem_wait(&w->checkpoints) == 0 && !atomic_load(&w->done)) {
        if (store_checkpoint(store, &err) != SRT_OK ||
            store_apply_retention(store, &err) != SRT_OK ||
            store_compact(store, &err) != SRT_OK) {
            die(&err);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: writer DATA_DIR LINES COUNT [FIRST]\n");
        return 2;
    }
    struct writer w = {.count = strtoll(argv[3], NULL, 10),
                       .first = argc > 4 ? strtoll(argv[4], NULL, 10) : 0};
    struct broker_options options;
    struct srt_err err;
    lines_read(&w.lines, argv[2]);
    broker_options_default(&options);
    options.store.data_dir = argv[1];
    options.store.create = true;
    options.store.journal_file_bytes = STATES_JOURNAL_FILE_BYTES;
    options.store.checkpoint_bytes = STATES_CHECKPOINT_BYTES;
    if (broker_open(&options, &w.broker, &err) != SRT_OK) {
        die(&err);
    }
    struct topic *topics[COMMIT_TOPICS] = {
        topic_of(&w, "left", 1, TOPIC_CLEANUP_DELETE),
        topic_of(&w, "right", 3, TOPIC_CLEANUP_DELETE),
        topic_of(&w, "latest", 1, TOPIC_CLEANUP_COMPACT),
    };
    say("created left\ncreated right\ncreated latest\n");
    pthread_t hands[2];
    if (sem_init(&w.checkpoints, 0, 0) != 0 ||
        pthread_create(&hands[0], NULL, make_and_delete, &w) != 0 ||
        pthread_create(&hands[1], NULL, checkpoint, &w) != 0) {
        return 1;
    }
    for (int64_t i = w.first; i < w.first + w.count; i++) {
        commit(&w, topics, i);
        say("wrote %" PRId64 "\n", i + 1);
        if (i % COMMITS_PER_CHECKPOINT == 0) {
            sem_post(&w.checkpoints);
        }
    }
    pthread_join(hands[0], NULL);
    atomic_store(&w.done, true);
    sem_post(&w.checkpoints);
    pthread_join(hands[1], NULL);
    if (broker_close(w.broker, &err) != SRT_OK) {
        die(&err);
    }
    lines_fini(&w.lines);
    return 0;
}
