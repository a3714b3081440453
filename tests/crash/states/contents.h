/* contents.h - everything that a broker holds, read once, so that it can be judged and compared.
 *
 * Owner:   who reads it finishes it.
 * Thread:  one.
 * Memory:  four bytes a record.
 * Fails:   contents_read: false, and why, when a record cannot be read or is not one that was
 *          written. */
#ifndef SRT_CRASH_CONTENTS_H
#define SRT_CRASH_CONTENTS_H

#include "base/buf.h"
#include "record/topic_id.h"

#include <stdbool.h>
#include <stdint.h>

struct broker;

/* The input: each record's value is one of its lines, which begins with its number. */
struct lines {
    struct srt_buf text;
    uint64_t *ends; /* behind each line's newline */
    uint32_t count;
};

void lines_read(struct lines *lines, const char *path);
void lines_fini(struct lines *lines);

/* How many whole lines so many bytes are; -1 when they end within one. */
int64_t lines_in(const struct lines *lines, int64_t bytes);

struct content_part {
    int64_t start;
    int64_t end;
    uint32_t *numbers; /* of the lines, from `start` on */
    uint32_t count;
    uint32_t cap;
};

struct content_topic {
    char *name;
    struct topic_id id;
    struct content_part *parts;
    int32_t part_count;
    bool compacted; /* offsets may be missing */
};

struct content_position {
    char *group;
    char *source; /* a topic's name, or the name of what is no topic */
    int32_t partition;
    int64_t committed;
};

struct contents {
    struct content_topic *topics; /* by name */
    uint32_t topic_count;
    struct content_position *positions;
    uint32_t position_count;
    uint64_t digest; /* of all that is above, and of keys and times */
};

bool contents_read(struct contents *contents, struct broker *broker, const struct lines *lines,
                   struct srt_buf *why);
void contents_fini(struct contents *contents);

const struct content_topic *contents_topic(const struct contents *contents, const char *name);

/* -1: none */
int64_t contents_position(const struct contents *contents, const char *group, const char *source,
                          int32_t partition);

#endif
