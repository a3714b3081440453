/* diag.h - what is wrong with a configuration: code, place, sentence, help. Collected, shown all at
 * once.
 *
 * Owner:   a document (config/doc.h).
 * Thread:  one at a time.
 * Memory:  control plane; at most SRT_CONFIG_ERRORS_MAX are kept, the rest only counted.
 * Fails:   never.
 *
 *     error[E012]: unknown step 'fliter'
 *       --> streamrt.yaml:61:9
 *        |
 *     61 |       - fliter: v.total > 0
 *        |         ^^^^^^ did you mean 'filter'?
 *        = steps: filter, reject, map, update, ... */
#ifndef SRT_CONFIG_DIAG_H
#define SRT_CONFIG_DIAG_H

#include <stddef.h>

#include "base/buf.h"
#include "config/node.h"

enum diag_level { DIAG_ERROR, DIAG_WARNING, DIAG_HINT };

/* Every code that `check` and `run` can print; docs/reference/errors.md explains each. */
#define DIAG_CODE_MAP(X)                                                                           \
    X(E001, "the file cannot be read")                                                             \
    X(E002, "the YAML is not well formed")                                                         \
    X(E003, "a variable is not set and has no default")                                            \
    X(E004, "an include does not match, or includes itself")                                       \
    X(E005, "the same name is defined twice")                                                      \
    X(E010, "an unknown key")                                                                      \
    X(E011, "a value of the wrong type or outside its range")                                      \
    X(E012, "an unknown step")                                                                     \
    X(E013, "a step with no operator, or with more than one")                                      \
    X(E014, "something required is missing")                                                       \
    X(E015, "two settings that exclude each other")                                                \
    X(E020, "an unknown topic")                                                                    \
    X(E021, "a name that is not valid or is reserved")                                             \
    X(E022, "a pipeline that writes what it reads, or never ends")                                 \
    X(E030, "a Lua module or function that does not exist")                                        \
    X(E031, "a stage that keeps state and has no name")                                            \
    X(E040, "a stage that can never see a record, or whose output goes nowhere")                   \
    X(E090, "not available in this version")                                                       \
    X(L001, "the Lua text does not compile")                                                       \
    X(L002, "the Lua file raised an error while it was loaded")

enum diag_code {
#define DIAG_ENUM(name, text) DIAG_##name,
    DIAG_CODE_MAP(DIAG_ENUM)
#undef DIAG_ENUM
    DIAG_CODE_COUNT
};

const char *diag_code_name(enum diag_code code); /* "E012" */
const char *diag_code_text(enum diag_code code);

/* Report at a place. Returns a handle for diag_help and diag_note, valid until the next report. */
struct diag;
struct diag *diag_report(struct config_doc *doc, enum diag_level level, enum diag_code code,
                         const struct config_mark *mark, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void diag_help(struct diag *diag, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* at the caret */
void diag_note(struct diag *diag, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* "= ..." line */

/* The usual "did you mean": nearest of NULL-terminated `names` within distance 2, or NULL. */
const char *diag_nearest(const char *word, const char *const *names);

size_t diag_error_count(const struct config_doc *doc);
size_t diag_count(const struct config_doc *doc);

enum diag_format { DIAG_TEXT, DIAG_TEXT_COLOR, DIAG_JSON, DIAG_SARIF };
void diag_print(const struct config_doc *doc, enum diag_format format, struct srt_buf *to);

#endif
