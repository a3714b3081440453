#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"

enum { RECENT_LINES = 64, LINE_BYTES = 512 };

static const char *const category_names[] = {
#define SRT_LOG_NAME(name, text) text,
    SRT_LOG_CATEGORY_MAP(SRT_LOG_NAME)
#undef SRT_LOG_NAME
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* io's lock_rank table starts above base, so the log has the one lock of its own: a leaf, never
 * held while another is taken. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char recent[RECENT_LINES][LINE_BYTES];
static unsigned recent_next;
static srt_log_sink_fn sink_fn;
static void *sink_arg;
static _Atomic int level_now = SRT_LOG_INFO;

void srt_log_set_level(enum srt_log_level level)
{
    srt_store_relaxed(&level_now, (int)level);
}

bool srt_log_enabled(enum srt_log_level level)
{
    return (int)level >= srt_load_relaxed(&level_now);
}

void srt_log_set_sink(srt_log_sink_fn sink, void *arg)
{
    pthread_mutex_lock(&lock);
    sink_fn = sink;
    sink_arg = arg;
    pthread_mutex_unlock(&lock);
}

/* Text from outside (a script's error, a path) must not be able to look like a second line, nor
 * speak to the terminal. */
static void make_one_line(char *line)
{
    for (; *line; line++) {
        if ((unsigned char)*line < ' ' || *line == 0x7f) {
            *line = ' ';
        }
    }
}

void srt_log_write(enum srt_log_level level, enum srt_log_category category, const char *format,
                   ...)
{
    char line[LINE_BYTES];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    int n = snprintf(line, sizeof line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %-5s %s: ",
                     utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                     utc.tm_sec, now.tv_nsec / 1000000, level_names[level],
                     category_names[category]);
    size_t len = n > 0 ? (size_t)n : 0;
    va_list args;
    va_start(args, format);
    n = vsnprintf(line + len, sizeof line - len - 1, format, args);
    va_end(args);
    len += n > 0 ? (size_t)n : 0;
    len = len < sizeof line - 2 ? len : sizeof line - 2;
    line[len] = '\0';
    make_one_line(line);

    pthread_mutex_lock(&lock);
    memcpy(recent[recent_next++ % RECENT_LINES], line, len + 1);
    if (sink_fn) {
        sink_fn(sink_arg, level, line);
    } else {
        line[len] = '\n';
        ssize_t ignored = write(STDERR_FILENO, line, len + 1);
        (void)ignored;
    }
    pthread_mutex_unlock(&lock);
}

void srt_log_dump_recent(int fd)
{
    /* no lock: a panic may hold it */
    unsigned first = recent_next > RECENT_LINES ? recent_next - RECENT_LINES : 0;
    for (unsigned i = first; i < recent_next; i++) {
        const char *line = recent[i % RECENT_LINES];
        ssize_t ignored = write(fd, line, strnlen(line, LINE_BYTES));
        ignored = write(fd, "\n", 1);
        (void)ignored;
    }
}
