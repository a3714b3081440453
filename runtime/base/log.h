/* log.h - what the process says of itself, on standard error, one line each.
 *
 * Owner:   the process; one sink, one level.
 * Thread:  any; a line is written whole.
 * Memory:  fixed: the last 64 lines are kept for a panic.
 * Fails:   never; a line that cannot be written is lost.
 *
 * Diagnostics only: what is durable is called topic, partition, segment. base, io, record,
 * store and config say nothing above debug: they return errors, and whoever decides what to do
 * logs once. */
#ifndef SRT_BASE_LOG_H
#define SRT_BASE_LOG_H

#include <stdbool.h>

enum srt_log_level { SRT_LOG_DEBUG, SRT_LOG_INFO, SRT_LOG_WARN, SRT_LOG_ERROR };

#define SRT_LOG_CATEGORY_MAP(X)                                                                    \
    X(BASE, "base")                                                                                \
    X(CONFIG, "config")                                                                            \
    X(IO, "io")                                                                                    \
    X(RECORD, "record")                                                                            \
    X(STORE, "store")                                                                              \
    X(BROKER, "broker")                                                                            \
    X(SCRIPT, "script")                                                                            \
    X(PIPELINE, "pipeline")                                                                        \
    X(EMBEDDED, "embedded")                                                                        \
    X(CONNECT, "connect")                                                                          \
    X(CLI, "cli")                                                                                  \
    X(APP, "app")

enum srt_log_category {
#define SRT_LOG_ENUM(name, text) LOG_##name,
    SRT_LOG_CATEGORY_MAP(SRT_LOG_ENUM)
#undef SRT_LOG_ENUM
};

#define log_debug(category, ...) SRT_LOG_AT(SRT_LOG_DEBUG, category, __VA_ARGS__)
#define log_info(category, ...)  SRT_LOG_AT(SRT_LOG_INFO, category, __VA_ARGS__)
#define log_warn(category, ...)  SRT_LOG_AT(SRT_LOG_WARN, category, __VA_ARGS__)
#define log_error(category, ...) SRT_LOG_AT(SRT_LOG_ERROR, category, __VA_ARGS__)

void srt_log_set_level(enum srt_log_level level); /* default: info */
bool srt_log_enabled(enum srt_log_level level);

/* Tests look at what was logged; NULL puts standard error back. The callback holds the log's
 * lock: it must not log. */
typedef void (*srt_log_sink_fn)(void *arg, enum srt_log_level level, const char *line);
void srt_log_set_sink(srt_log_sink_fn sink, void *arg);

/* Write the last lines, also those below the level; async-signal-safe enough for a panic. */
void srt_log_dump_recent(int fd);

void srt_log_write(enum srt_log_level level, enum srt_log_category category, const char *format,
                   ...) __attribute__((format(printf, 3, 4)));

#define SRT_LOG_AT(level, category, ...)                                                           \
    do {                                                                                           \
        if (srt_log_enabled(level)) {                                                              \
            srt_log_write((level), (category), __VA_ARGS__);                                       \
        }                                                                                          \
    } while (0)

#endif
