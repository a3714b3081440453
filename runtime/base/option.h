/* option.h - a table of options: one row gives parsing, validation, documentation and the commented
 * reference configuration.
 *
 * Owner:   each module has a table beside the struct that it fills.
 * Thread:  any; tables are constant.
 * Memory:  none.
 * Fails:   never; config/ reads values by these tables and reports what is wrong. */
#ifndef SRT_BASE_OPTION_H
#define SRT_BASE_OPTION_H

#include <stddef.h>
#include <stdint.h>

enum srt_option_type {
    SRT_OPTION_BOOL,     /* bool */
    SRT_OPTION_INT,      /* int64_t, min..max; `names`, when given, is {"auto"}, which is 0 */
    SRT_OPTION_COUNT,    /* int64_t, "10k", min..max */
    SRT_OPTION_DURATION, /* int64_t ms, min..max; where min is -1, "forever" is -1, or the
                            word in `names` */
    SRT_OPTION_SIZE,     /* uint64_t bytes, min..max; int64_t, "unlimited" as -1 where min is -1 */
    SRT_OPTION_DOUBLE,   /* double, min..max */
    SRT_OPTION_STRING,   /* char *, owned by the config */
    SRT_OPTION_ENUM,     /* int, index into `names` */
    SRT_OPTION_STRINGS,  /* struct srt_option_strings: a list, or one scalar */
    SRT_OPTION_RANGE,    /* struct srt_option_range: "100ms..10s" */
    SRT_OPTION_SECTION,  /* a map, list or function that its owner reads: for name and doc */
};

struct srt_option_strings {
    char **items;
    size_t count;
};

struct srt_option_range {
    int64_t from_ms;
    int64_t to_ms;
};

struct srt_option {
    const char *name;
    enum srt_option_type type;
    size_t offset;            /* in the module's struct */
    const char *fallback;     /* the default, as it would be written in YAML; NULL: none */
    int64_t min;
    int64_t max;
    const char *const *names; /* ENUM, INT: NULL-terminated */
    const char *doc;          /* one or two sentences, ends with a period */
    const char *since;        /* NULL: works. Else it is refused with E090 (not in this version) */
};

#define SRT_OPTION_END {.name = NULL}

#endif
