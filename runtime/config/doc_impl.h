/* doc_impl.h - what the sources of config/ share about a document; no other layer includes it.
 *
 * Owner:   doc.c.
 * Thread:  one at a time.
 * Memory:  the document's arena.
 * Fails:   never. */
#ifndef SRT_CONFIG_DOC_IMPL_H
#define SRT_CONFIG_DOC_IMPL_H

#include <stdint.h>

#include "base/limits.h"
#include "base/str.h"
#include "config/doc.h"

enum {
    CONFIG_DEPTH_MAX = 64,      /* nesting of one file: readers recurse */
    CONFIG_NODES_MAX = 200000,  /* of one document, aliases expanded: bounds "billion laughs" */
    CONFIG_ENTRIES_MAX = 10000, /* of one map: each new key is compared with those before */
    CONFIG_TEXT_MAX = 1 << 20,  /* one scalar after ${} substitution */
    DIAG_NOTES_MAX = 4,
    DIAG_KEPT_MAX = 2 * SRT_CONFIG_ERRORS_MAX, /* errors, and as many warnings and hints */
};

struct config_block; /* of the arena */

struct config_file {
    const char *name;
    const char *real; /* canonical path, to know a file again; NULL for texts */
    const char *text;
    size_t len;
};

struct diag {
    struct config_doc *doc;
    enum diag_level level;
    enum diag_code code;
    struct config_mark mark;
    const char *message;
    const char *help;
    const char *notes[DIAG_NOTES_MAX];
    uint32_t note_count;
};

struct config_doc {
    config_env_fn environment;
    void *environment_arg;
    struct config_block *blocks;
    struct config_file *files[SRT_CONFIG_FILES_MAX];
    uint32_t file_count;
    uint32_t node_count;
    struct diag *diags[DIAG_KEPT_MAX];
    uint32_t diag_kept;
    size_t level_counts[DIAG_HINT + 1]; /* all, kept or not */
    struct diag diag_scratch;           /* of what is only counted */
    struct srt_buf set_text; /* the --set assignments, one a line: a file to point into */
};

/* yaml.c: one text as a tree; NULL when an error was reported, or when the file is empty. */
struct config_node *yaml_parse(struct config_doc *doc, const struct config_file *file);
/* The same for a value given on a command line, which stands at `mark`. */
struct config_node *yaml_parse_value(struct config_doc *doc, const struct config_mark *mark,
                                     const char *text);

/* include.c: merge `from` into `into` by the names in their sections. */
struct config_node *include_read(struct config_doc *doc, struct config_node *into, const char *path,
                                 const struct config_mark *from);
struct config_node *include_merge(struct config_doc *doc, struct config_node *into,
                                  struct config_node *from);
void include_resolve(struct config_doc *doc, struct config_node *root);

/* variables.c: replace in one scalar; find may be NULL. False when an error was reported. */
typedef const char *(*variables_find_fn)(void *arg, const char *name);
bool variables_replace(struct config_doc *doc, struct config_node *scalar, variables_find_fn find,
                       void *arg);
bool variables_replace_all(struct config_doc *doc, struct config_node *node, variables_find_fn find,
                           void *arg);

/* doc.c: a file's text; NULL with an error reported at `mark` (which may be NULL). */
struct config_file *config_load(struct config_doc *doc, const char *path,
                                const struct config_mark *mark);
struct config_file *config_add_text(struct config_doc *doc, const char *name, const char *text,
                                    size_t len);
struct config_node *config_new_node(struct config_doc *doc, enum config_kind kind,
                                    struct config_mark mark);
/* One line of a file, without its line end; empty when there is none. Reads files that the document
 * does not hold yet (Lua modules). */
struct srt_str config_source_line(struct config_doc *doc, const char *file, int line);

#endif
