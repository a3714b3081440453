/* Includes: globs, relative to the file that includes, merged by name.
 *
 *     streamrt.yaml                 a.yaml                      the one tree
 *       topics: {x}                   topics: {y}                topics: {x, y}
 *       include: [a.yaml]        +    pipelines: {a}        =    pipelines: {a}
 *
 * Sections are merged one level deep and never deeper: a name that stands in two files is an error
 * that shows both places. Every file is read once; a file that is met again is a cycle or a
 * repetition, and both are mistakes. */
#include <errno.h>
#include <glob.h>
#include <string.h>

#include "config/doc_impl.h"

static const struct config_file *file_again(const struct config_doc *doc,
                                            const struct config_file *file)
{
    for (uint32_t i = 0; file->real && i < doc->file_count; i++) {
        const struct config_file *other = doc->files[i];
        if (other != file && other->real && !strcmp(other->real, file->real)) {
            return other;
        }
    }
    return NULL;
}

struct config_node *include_read(struct config_doc *doc, struct config_node *into, const char *path,
                                 const struct config_mark *from)
{
    struct config_file *file = config_load(doc, path, from);
    if (!file) {
        return into;
    }
    if (file_again(doc, file)) {
        struct config_mark top = {.file = file->name, .width = 1};
        diag_help(diag_report(doc, DIAG_ERROR, DIAG_E004, from ? from : &top,
                              "'%s' is part of this configuration already", path),
                  "each file is read once; an include must not lead back");
        return into;
    }
    struct config_node *root = yaml_parse(doc, file);
    if (!root) {
        return into;
    }
    include_resolve(doc, root);
    return include_merge(doc, into, root);
}

static void report_twice(struct config_doc *doc, const struct config_entry *second,
                         const struct config_entry *first, const char *section)
{
    struct diag *diag =
        diag_report(doc, DIAG_ERROR, DIAG_E005, &second->key_mark, "'%s' is defined twice%s%s",
                    second->key, section ? " in " : "", section ? section : "");
    diag_note(diag, "first at %s:%d:%d", first->key_mark.file, first->key_mark.line,
              first->key_mark.column);
}

static bool is_nothing(const struct config_node *node)
{
    return node->kind == CONFIG_SCALAR && node->is_null;
}

static void merge_section(struct config_doc *doc, struct config_entry *into,
                          const struct config_entry *from)
{
    if (is_nothing(from->value)) {
        return;
    }
    if (is_nothing(into->value)) {
        *into = *from;
        return;
    }
    if (into->value->kind == CONFIG_LIST && from->value->kind == CONFIG_LIST) {
        for (size_t i = 0; i < from->value->item_count; i++) {
            config_list_add(doc, into->value, from->value->items[i]);
        }
        return;
    }
    if (into->value->kind != CONFIG_MAP || from->value->kind != CONFIG_MAP) {
        bool same = into->value->kind == CONFIG_SCALAR && from->value->kind == CONFIG_SCALAR &&
                    !strcmp(into->value->text, from->value->text);
        if (!same) { /* `version: 1` may stand in every file */
            report_twice(doc, from, into, NULL);
        }
        return;
    }
    for (size_t i = 0; i < from->value->entry_count; i++) {
        const struct config_entry *entry = &from->value->entries[i];
        const struct config_entry *first = config_find_entry(into->value, entry->key);
        if (first && strncmp(entry->key, "x-", 2) != 0) {
            report_twice(doc, entry, first, into->key);
        } else if (!first) {
            config_map_add(doc, into->value, entry->key, entry->key_mark, entry->value);
        }
    }
}

struct config_node *include_merge(struct config_doc *doc, struct config_node *into,
                                  struct config_node *from)
{
    if (!into) {
        return from;
    }
    for (size_t i = 0; i < from->entry_count; i++) {
        const struct config_entry *entry = &from->entries[i];
        struct config_entry *section = NULL;
        for (size_t j = 0; j < into->entry_count && !section; j++) {
            section = !strcmp(into->entries[j].key, entry->key) ? &into->entries[j] : NULL;
        }
        if (!strncmp(entry->key, "x-", 2) || !strcmp(entry->key, "include")) {
            continue; /* its own file's affair, and done */
        }
        if (section) {
            merge_section(doc, section, entry);
        } else {
            config_map_add(doc, into, entry->key, entry->key_mark, entry->value);
        }
    }
    return into;
}

/* A directory that is not there has no files; one that may not be read is an error. */
static int directory_failed(const char *path, int sys)
{
    (void)path;
    return sys != ENOENT && sys != ENOTDIR;
}

static void include_one(struct config_doc *doc, struct config_node *root, struct config_node *item)
{
    if (item->kind != CONFIG_SCALAR || item->is_null || !item->text_len) {
        diag_report(doc, DIAG_ERROR, DIAG_E011, &item->mark,
                    "an include is the name of a file, or a pattern");
        return;
    }
    if (!variables_replace(doc, item, NULL, NULL)) {
        return;
    }
    char *pattern = config_resolve_path(doc, &item->mark, item->text);
    glob_t found = {.gl_pathc = 0};
    int rc = glob(pattern, 0, directory_failed, &found); /* sorted by name */
    if (rc == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            include_read(doc, root, found.gl_pathv[i], &item->mark);
        }
    } else if (rc == GLOB_NOMATCH) {
        bool is_pattern = strpbrk(pattern, "*?[") != NULL;
        diag_help(diag_report(doc, is_pattern ? DIAG_WARNING : DIAG_ERROR, DIAG_E004, &item->mark,
                              "no file matches '%s'", pattern),
                  "paths are relative to the file that includes");
    } else {
        diag_report(doc, DIAG_ERROR, DIAG_E004, &item->mark, "cannot read what matches '%s'",
                    pattern);
    }
    globfree(&found);
}

void include_resolve(struct config_doc *doc, struct config_node *root)
{
    struct config_node *include = config_find(root, "include");
    if (!include || is_nothing(include)) {
        return;
    }
    if (include->kind == CONFIG_MAP) {
        diag_help(
            diag_report(doc, DIAG_ERROR, DIAG_E011, &include->mark, "'include' is a list of files"),
            "write [ \"pipelines/*.yaml\" ]");
        return;
    }
    if (include->kind == CONFIG_SCALAR) {
        include_one(doc, root, include);
        return;
    }
    for (size_t i = 0; i < include->item_count; i++) {
        include_one(doc, root, include->items[i]);
    }
}
