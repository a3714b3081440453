/* Places where a function is expected, and where in the file they stand. */
#include "pipeline/compile_impl.h"
#include "script/chunk_scan.h"

#include <string.h>

/* --- places --- */

/* The bytes before character `column` of a line. */
static size_t byte_of_column(const char *line, size_t len, int column)
{
    size_t at = 0;
    for (int seen = 1; at < len && seen < column; seen++) {
        for (at++; at < len && ((unsigned char)line[at] & 0xc0) == 0x80; at++) {
        }
    }
    return at;
}

static int chars_in(const char *text, size_t len)
{
    int count = 0;
    for (size_t i = 0; i < len; i++) {
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return count;
}

/* The text's line that `at` is in stands somewhere in the file's line as it is, unless it was
 * quoted with escapes, folded or put together from variables: the place of the whole, then. */
static struct config_mark place_of_part(struct config_doc *doc, const struct config_node *node,
                                        size_t at, size_t len)
{
    struct config_mark mark = node->mark;
    size_t line_at = 0;
    int line = mark.line + (node->block ? 1 : 0);
    for (size_t i = 0; i < at; i++) {
        if (node->text[i] == '\n') {
            line_at = i + 1;
            line++;
        }
    }
    const char *line_end = memchr(node->text + line_at, '\n', node->text_len - line_at);
    size_t line_len =
        line_end ? (size_t)(line_end - node->text) - line_at : node->text_len - line_at;
    size_t file_len;
    const char *file_line = config_file_line(doc, mark.file, line, &file_len);
    bool beside = line == node->mark.line && mark.column > 0;
    size_t from = beside ? byte_of_column(file_line, file_len, mark.column) : 0;
    const char *found = file_len && line_len ? memmem(file_line + from, file_len - from,
                                                      node->text + line_at, line_len)
                                             : NULL;
    if (!found) {
        if (node->block) {
            mark = (struct config_mark){mark.file, line, 0, 0};
        }
        return mark;
    }
    size_t until = at + len < line_at + line_len ? at + len : line_at + line_len;
    mark.line = line;
    mark.column = 1 + chars_in(file_line, (size_t)(found - file_line) + (at - line_at));
    mark.width = until > at ? chars_in(node->text + at, until - at) : 1;
    return mark;
}

struct config_node *compile_part(struct compile *c, const struct config_node *node, size_t at,
                                 size_t len)
{
    char *text = config_strndup(c->doc, node->text + at, len);
    return config_new_scalar(c->doc, place_of_part(c->doc, node, at, len), text, len);
}

/* --- functions --- */

static bool fn_from_text(const struct config_node *node, struct graph_fn *ret)
{
    ret->kind = GRAPH_FN_TEXT;
    ret->text = (struct script_text){
        .text = node->text,
        .len = node->text_len,
        .file = node->mark.file,
        .first_line = node->mark.line + (node->block ? 1 : 0),
        .form = SCRIPT_AUTO,
    };
    return true;
}

bool compile_use(struct compile *c, const struct config_entry *use, struct graph_fn *ret)
{
    const struct config_node *node = use->value;
    const char *dot = node->kind == CONFIG_SCALAR ? strrchr(node->text, '.') : NULL;
    if (!dot || dot == node->text || !dot[1]) {
        diag_help(compile_error(c, DIAG_E030, &node->mark, "'use' %s; it takes MODULE.FUNCTION",
                                config_describe(c->doc, node)),
                  "as in orders.add_customer, from orders.lua in lua.path");
        return false;
    }
    ret->kind = GRAPH_FN_USE;
    ret->use = node->text;
    ret->mark = node->mark;
    return true;
}

bool compile_fn(struct compile *c, const char *key, const struct config_node *node,
                struct graph_fn *ret)
{
    *ret = (struct graph_fn){.mark = node->mark};
    if (node->function_index) {
        ret->kind = GRAPH_FN_BUILDER;
        ret->builder_index = node->function_index;
        return true;
    }
    if (node->kind == CONFIG_SCALAR && node->text_len &&
        strspn(node->text, " \t\r\n") < node->text_len) {
        return fn_from_text(node, ret);
    }
    const struct config_entry *use = config_find_entry(node, "use");
    const struct config_entry *fn = config_find_entry(node, "fn");
    if (node->kind == CONFIG_MAP && node->entry_count == 1 && use) {
        return compile_use(c, use, ret);
    }
    if (node->kind == CONFIG_MAP && node->entry_count == 1 && fn &&
        fn->value->kind == CONFIG_SCALAR) {
        return compile_fn(c, key, fn->value, ret);
    }
    struct diag *diag = compile_error(c, DIAG_E011, &node->mark, "'%s' %s; it takes a function",
                                      key, config_describe(c->doc, node));
    diag_help(diag, "an expression such as v.total > 0, or { use: module.fn }");
    return false;
}

/* Where v, r and k would say nothing, an expression is none. */
bool compile_whole_fn(struct compile *c, const char *key, const char *signature,
                      const struct config_node *node, struct graph_fn *ret)
{
    const struct config_entry *fn = config_find_entry(node, "fn");
    const struct config_node *text = fn && node->entry_count == 1 ? fn->value : node;
    if (text->kind == CONFIG_SCALAR && !text->function_index && !text->is_null) {
        struct chunk_scan scan;
        chunk_scan(text->text, text->text_len, &scan);
        if (!scan.is_function && !scan.is_empty) {
            diag_help(compile_error(c, DIAG_E011, &text->mark, "'%s' %s; it takes a whole function",
                                    key, config_describe(c->doc, text)),
                      "write %s", signature);
            return false;
        }
    }
    return compile_fn(c, key, node, ret);
}

/* `init: {}` is a map to YAML, and means an empty table. */
bool compile_init_fn(struct compile *c, const struct config_node *node, struct graph_fn *ret)
{
    bool empty = (node->kind == CONFIG_MAP && !node->entry_count) ||
                 (node->kind == CONFIG_LIST && !node->item_count);
    if (empty) {
        return compile_fn(c, "init", config_new_scalar(c->doc, node->mark, "{}", 2), ret);
    }
    if (node->kind == CONFIG_LIST ||
        (node->kind == CONFIG_MAP && !config_find(node, "use") && !config_find(node, "fn"))) {
        diag_help(compile_error(c, DIAG_E011, &node->mark,
                                "'init' %s; it takes a function or an expression",
                                config_describe(c->doc, node)),
                  "write it as Lua, in quotes: \"{ n = 0 }\"");
        return false;
    }
    return compile_fn(c, "init", node, ret);
}
