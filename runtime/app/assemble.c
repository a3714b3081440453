#include "app/assemble.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/rng.h"
#include "connect/connectors.h"
#include "embedded/engine_embedded.h"
#include "io/fs.h"

#include <inttypes.h>

/* --- topics --- */

static bool same_config(const struct topic_config *a, const struct topic_config *b)
{
    return a->partition_count == b->partition_count && a->retention_ms == b->retention_ms &&
           a->retention_bytes == b->retention_bytes && a->segment_bytes == b->segment_bytes &&
           a->segment_ms == b->segment_ms && a->max_record_bytes == b->max_record_bytes &&
           a->compression == b->compression && a->cleanup == b->cleanup &&
           a->delete_retention_ms == b->delete_retention_ms;
}

/* A declared topic exists with the options that are declared. */
static int ensure_topic(struct broker *broker, const struct settings_topic *declared,
                        struct srt_err *err)
{
    struct topic_config current;
    struct topic *topic = broker_topic_find(broker, declared->name);
    if (!topic) {
        return broker_topic_create(broker, declared->name, &declared->config, &topic, err);
    }
    topic_get_config(topic, &current);
    if (same_config(&current, &declared->config)) {
        return SRT_OK;
    }
    if (declared->config.partition_count < current.partition_count) {
        return srt_fail(
            err, SRT_ECONFIG,
            "topic '%s' has %d partitions and is declared with %d; partitions can only be added",
            declared->name, current.partition_count, declared->config.partition_count);
    }
    log_info(LOG_APP, "topic '%s': options changed as declared", declared->name);
    return broker_topic_alter(broker, declared->name, &declared->config, err);
}

/* --- assembling --- */

static void log_recovery(struct broker *broker, const char *data_dir)
{
    struct store_recovery recovery;
    store_get_recovery(broker_store(broker), &recovery);
    if (!recovery.clean && recovery.frames_replayed > 0) {
        log_info(LOG_APP, "recovered '%s' in %" PRId64 " ms: %" PRIu64 " frames, %" PRIu64 " bytes",
                 data_dir, recovery.took_ms, recovery.frames_replayed, recovery.bytes_replayed);
    }
}

static int open_broker(const struct assemble_options *o, struct broker **ret, struct srt_err *err)
{
    struct broker_options options;
    broker_options_default(&options);
    settings_apply_store(o->settings, &options.store);
    options.store.create = true;
    options.store.on_fatal = o->on_store_fatal;
    options.store.on_fatal_ctx = o->arg;
    if (options.store.durability == STORE_DURABILITY_OS) {
        log_warn(LOG_APP,
                 "durability: os: a power cut may take the last seconds of what was acknowledged");
    }
    int code = broker_open(&options, ret, err);
    if (code == SRT_OK) {
        log_recovery(*ret, options.store.data_dir);
    }
    return code;
}

static int open_runner(const struct assemble_options *o, struct assembly *assembly,
                       struct srt_err *err)
{
    const struct runner_options options = {.loop = o->loop,
                                           .engine = assembly->engine,
                                           .connectors = connectors_builtin(),
                                           .clock = srt_clock_real(),
                                           .fs = io_fs_real(),
                                           .worker_count = (uint32_t)o->settings->worker_count,
                                           .until_drained = o->until_drained,
                                           .keep_open = o->keep_open,
                                           .reset_state = o->reset_state,
                                           .seed = srt_random_u64(),
                                           .on_idle = o->on_idle,
                                           .on_stopped = o->on_stopped,
                                           .arg = o->arg};
    int code = runner_create(&options, &assembly->runner, err);
    for (size_t i = 0; code == SRT_OK && i < o->settings->graph_count; i++) {
        code = runner_add(assembly->runner, o->settings->graphs[i], err);
    }
    return code;
}

int assemble_open(const struct assemble_options *options, struct assembly *ret, struct srt_err *err)
{
    const struct settings *settings = options->settings;
    *ret = (struct assembly){.broker = NULL};
    int code = open_broker(options, &ret->broker, err);
    for (size_t i = 0; code == SRT_OK && i < settings->topic_count; i++) {
        code = ensure_topic(ret->broker, &settings->topics[i], err);
    }
    if (code != SRT_OK || settings->graph_count == 0) {
        return code;
    }
    code = engine_embedded_create(ret->broker, &settings->topic_default, srt_clock_real(),
                                  &ret->engine, err);
    return code == SRT_OK ? open_runner(options, ret, err) : code;
}

int assemble_close(struct assembly *assembly, struct srt_err *err)
{
    runner_destroy(assembly->runner);
    engine_embedded_destroy(assembly->engine);
    int code = broker_close(assembly->broker, err);
    *assembly = (struct assembly){.broker = NULL};
    return code;
}
