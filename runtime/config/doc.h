/* doc.h - a configuration being read: files, tree, diagnostics.
 *
 * Owner:   the caller: config_doc_create / destroy.
 * Thread:  one at a time.
 * Memory:  control plane; everything read lives in it, and goes with it.
 * Fails:   everything is a diagnostic in the document; functions say whether any error was added.
 */
#ifndef SRT_CONFIG_DOC_H
#define SRT_CONFIG_DOC_H

#include <stdbool.h>

#include "base/err.h"
#include "base/option.h"
#include "config/diag.h"
#include "config/node.h"

struct config_doc;

/* `environment` finds ${NAME}; NULL: the process's. */
typedef const char *(*config_env_fn)(void *arg, const char *name);
struct config_doc *config_doc_create(config_env_fn environment, void *arg);
void config_doc_destroy(struct config_doc *doc); /* accepts NULL */

/* Read YAML files (later ones are merged by name, as includes are) and resolve their includes. The
 * root map, or NULL when nothing could be read. */
struct config_node *config_doc_read(struct config_doc *doc, const char *const *paths,
                                    int path_count);
struct config_node *config_doc_read_text(struct config_doc *doc, const char *file_name,
                                         const char *text);

/* --set path=value, before typing: "pipelines.orders.parallelism=4". The value is read as YAML, its
 * variables are not replaced (the shell did that). False when an error was reported. */
bool config_doc_set(struct config_doc *doc, struct config_node *root, const char *assignment);

/* Replace ${...} in every scalar (config/variables.c): once, after reading and the --set
 * assignments, before typed reading. Below pipelines.NAME the names in its `params:` come before
 * the environment. False when an error was reported. */
bool config_doc_resolve(struct config_doc *doc, struct config_node *root);

/* Memory that goes with the document. */
void *config_alloc(struct config_doc *doc, size_t size); /* zeroed */
char *config_strdup(struct config_doc *doc, const char *text);
char *config_strndup(struct config_doc *doc, const char *text, size_t len);

/* The text of a file that the document has read, or reads now; NULL (and *ret_len 0) when it
 * cannot. */
const char *config_file_text(struct config_doc *doc, const char *path, size_t *ret_len);

/* Line `line` of it, without its line end and not NUL-terminated; *ret_len 0 when there is none. */
const char *config_file_line(struct config_doc *doc, const char *path, int line, size_t *ret_len);

/* The directory of a mark's file: paths in a configuration resolve against it. */
char *config_resolve_path(struct config_doc *doc, const struct config_mark *mark, const char *path);

/* --- typed reading --- */

/* Fill `object` from `map` by a table: defaults first, then what is written. Unknown keys (but
 * x-*), wrong types and ranges are reported. Keys named in `also` (NULL-terminated, may be NULL)
 * are read by the caller and not reported. map may be NULL: only defaults. False when an error was
 * reported. */
bool config_read_options(struct config_doc *doc, const struct config_node *map,
                         const struct srt_option *options, const char *const *also, void *object,
                         const char *what);

/* The same over what `object` holds already: for options that are inherited key by key. */
bool config_override_options(struct config_doc *doc, const struct config_node *map,
                             const struct srt_option *options, const char *const *also,
                             void *object, const char *what);

/* The value of one option. False when an error was reported, with `key` as its name. */
bool config_read_option(struct config_doc *doc, const struct config_entry *entry,
                        const struct srt_option *option, void *object);

/* Report an unknown key: nearest name at the caret, all names as a note. names: NULL-terminated. */
void config_report_unknown(struct config_doc *doc, enum diag_code code,
                           const struct config_entry *entry, const char *const *names,
                           const char *what);

/* "is a list", "is a map", "is 'text'": what was found, for messages. In the document's memory. */
const char *config_describe(struct config_doc *doc, const struct config_node *node);

/* The alias table: `where` -> `filter`, `sink` -> `to`. NULL when there is none. */
const char *config_alias_of(const char *word);

/* The one of `names` (NULL-terminated) that was probably meant: by alias, else the nearest; or
 * NULL. */
const char *config_suggest(const char *word, const char *const *names);

#endif
