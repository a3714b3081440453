/* node.h - a YAML file as a tree that still knows where everything stood.
 *
 * Owner:   a document owns its nodes, files and diagnostics; nodes live until config_doc_destroy.
 * Thread:  one at a time.
 * Memory:  control plane, one arena per document.
 * Fails:   parsing reports into the document's diagnostics (config/diag.h) and goes on.
 *
 * Plain scalars are never typed by YAML: `country: no` is the text "no"; the schema of the place
 * decides.
 * ${VAR}, ${VAR:-default}, ${VAR:?message} and $$ are resolved in scalar values after parsing, so
 * that a value can never add structure. */
#ifndef SRT_CONFIG_NODE_H
#define SRT_CONFIG_NODE_H

#include <stdbool.h>
#include <stddef.h>

enum config_kind { CONFIG_SCALAR, CONFIG_LIST, CONFIG_MAP };

/* A place in a file; line and column count from 1. */
struct config_mark {
    const char *file; /* as it was named by the user or the include */
    int line;         /* 0: the file as a whole */
    int column;       /* 0: the line as a whole (Lua knows no columns) */
    int width;        /* of what the caret shall underline, at least 1 */
};

struct config_entry {
    const char *key;
    struct config_mark key_mark;
    struct config_node *value;
};

struct config_node {
    enum config_kind kind;
    struct config_mark mark;
    /* CONFIG_SCALAR */
    const char *text; /* after ${} substitution; NUL-terminated */
    size_t text_len;
    bool quoted;        /* '...' or "..." */
    bool block;         /* | or >: the text begins on the line after the mark's */
    bool is_null;       /* nothing was written: `key:` */
    bool has_variables; /* a '$' in it waits for config_doc_resolve */
    const char *tag;    /* "!secret", or NULL */
    /* CONFIG_LIST */
    struct config_node **items;
    size_t item_count;
    /* CONFIG_MAP, in the order of the file */
    struct config_entry *entries;
    size_t entry_count;
    /* A function that cannot be written as text: built by a Lua file (pipeline/builder). 0: none.
     */
    int function_index;
};

struct config_doc;

struct config_node *config_find(const struct config_node *map,
                                const char *key); /* NULL when absent */
const struct config_entry *config_find_entry(const struct config_node *map, const char *key);

/* For trees that are not read from YAML (the Lua builder): nodes in the document's arena. */
struct config_node *config_new_scalar(struct config_doc *doc, struct config_mark mark,
                                      const char *text, size_t len);
struct config_node *config_new_list(struct config_doc *doc, struct config_mark mark);
struct config_node *config_new_map(struct config_doc *doc, struct config_mark mark);
void config_list_add(struct config_doc *doc, struct config_node *list, struct config_node *item);
void config_map_add(struct config_doc *doc, struct config_node *map, const char *key,
                    struct config_mark key_mark, struct config_node *value);

#endif
