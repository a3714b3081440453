/* Variables are replaced in scalars of the finished tree, never in the text of a file: whatever a
 * value holds (a colon, a hash, a line break), it stays one value and cannot add structure.
 *
 *     ${NAME}            its value; an error when it is not set
 *     ${NAME:-default}   the default when it is not set, or empty
 *     ${NAME:?message}   an error with this message when it is not set, or empty
 *     $$                 a dollar sign
 *
 * A dollar sign before anything else stands for itself, so Lua patterns such as "%d+$" need no
 * care. Below `pipelines.NAME`, the names in `params:` come before the environment. */
#include <string.h>

#include "base/buf.h"
#include "config/doc_impl.h"

static bool name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

/* Where in the file the text at `offset` of a scalar stands. */
static struct config_mark mark_within(struct config_doc *doc, const struct config_node *node,
                                      size_t offset)
{
    struct config_mark mark = node->mark;
    mark.line += node->block ? 1 : 0;
    size_t line_start = 0;
    for (size_t i = 0; i < offset; i++) {
        if (node->text[i] == '\n') {
            mark.line++;
            line_start = i + 1;
        }
    }
    const char *closing = memchr(node->text + offset, '}', node->text_len - offset);
    size_t width = closing ? (size_t)(closing - node->text) + 1 - offset : 2;
    struct srt_str line = config_source_line(doc, mark.file, mark.line);
    size_t from = line_start == 0 && !node->block && node->mark.column > 0
                      ? (size_t)node->mark.column - 1
                      : 0;
    const char *found =
        from < line.n ? memmem(line.p + from, line.n - from, node->text + offset, width) : NULL;
    if (!found) {
        return node->mark; /* a folded or escaped scalar: its beginning must do */
    }
    mark.column = (int)(found - line.p) + 1;
    mark.width = (int)width;
    return mark;
}

struct variable {
    char name[128];
    char op; /* 0, '-' or '?' */
    struct srt_str word;
    size_t len; /* of the whole ${...} */
};

static bool variable_parse(const char *text, size_t len, struct variable *ret)
{
    size_t i = 2;
    while (i < len && name_char(text[i], i == 2)) {
        i++;
    }
    if (i == 2 || i - 2 >= sizeof(ret->name) || i == len) {
        return false;
    }
    memcpy(ret->name, text + 2, i - 2);
    ret->name[i - 2] = '\0';
    ret->op = 0;
    ret->word = SRT_STR("");
    if (text[i] == ':' && i + 1 < len && (text[i + 1] == '-' || text[i + 1] == '?')) {
        const char *closing = memchr(text + i, '}', len - i);
        if (!closing) {
            return false;
        }
        ret->op = text[i + 1];
        ret->word = (struct srt_str){text + i + 2, (size_t)(closing - text) - i - 2};
        i = (size_t)(closing - text);
    }
    ret->len = i + 1;
    return text[i] == '}';
}

static bool replace_one(struct config_doc *doc, const struct config_node *node, size_t *at,
                        variables_find_fn find, void *arg, struct srt_buf *to)
{
    struct variable var;
    struct config_mark mark;
    if (!variable_parse(node->text + *at, node->text_len - *at, &var)) {
        mark = mark_within(doc, node, *at);
        struct diag *diag = diag_report(doc, DIAG_ERROR, DIAG_E003, &mark,
                                        "what follows '${' is not the name of a variable");
        diag_help(diag, "for a dollar sign write $$");
        diag_note(diag, "variables: ${NAME}, ${NAME:-default}, ${NAME:?message}");
        return false;
    }
    const char *value = find ? find(arg, var.name) : NULL;
    if (!value) {
        value = doc->environment(doc->environment_arg, var.name);
    }
    bool use = value && (var.op == 0 || value[0] != '\0');
    if (use) {
        srt_buf_put_str(to, value);
    } else if (var.op == '-') {
        srt_buf_put(to, var.word.p, var.word.n);
    } else {
        mark = mark_within(doc, node, *at);
        struct diag *diag = diag_report(doc, DIAG_ERROR, DIAG_E003, &mark, "%s is %s%s%.*s",
                                        var.name, value ? "empty" : "not set",
                                        var.word.n ? ": " : "", (int)var.word.n, var.word.p);
        diag_help(diag, "set it, or give a default: ${%s:-...}", var.name);
        return false;
    }
    *at += var.len;
    return true;
}

bool variables_replace(struct config_doc *doc, struct config_node *node, variables_find_fn find,
                       void *arg)
{
    if (!node->has_variables) {
        return true;
    }
    node->has_variables = false;
    struct srt_buf to;
    srt_buf_init(&to);
    bool ok = true;
    for (size_t i = 0; ok && i < node->text_len;) {
        char c = node->text[i];
        char next = i + 1 < node->text_len ? node->text[i + 1] : '\0';
        if (c == '$' && next == '{') {
            ok = replace_one(doc, node, &i, find, arg, &to);
        } else {
            srt_buf_put_u8(&to, (uint8_t)c);
            i += c == '$' && next == '$' ? 2 : 1;
        }
        if (to.len > CONFIG_TEXT_MAX) {
            diag_report(doc, DIAG_ERROR, DIAG_E003, &node->mark,
                        "the value is longer than 1 MiB with its variables replaced");
            ok = false;
        }
    }
    if (ok) {
        node->text = config_strndup(doc, srt_buf_cstr(&to), to.len);
        node->text_len = to.len;
    }
    srt_buf_fini(&to);
    return ok;
}

bool variables_replace_all(struct config_doc *doc, struct config_node *node, variables_find_fn find,
                           void *arg)
{
    bool ok = true;
    if (!node) {
        return true;
    }
    if (node->kind == CONFIG_SCALAR) {
        return variables_replace(doc, node, find, arg);
    }
    for (size_t i = 0; i < node->item_count; i++) {
        ok &= variables_replace_all(doc, node->items[i], find, arg);
    }
    for (size_t i = 0; i < node->entry_count; i++) {
        if (strncmp(node->entries[i].key, "x-", 2) != 0) {
            ok &= variables_replace_all(doc, node->entries[i].value, find, arg);
        }
    }
    return ok;
}

static const char *find_param(void *arg, const char *name)
{
    const struct config_node *param = config_find(arg, name);
    return param && param->kind == CONFIG_SCALAR ? param->text : NULL;
}

bool config_doc_resolve(struct config_doc *doc, struct config_node *root)
{
    struct config_node *pipelines = config_find(root, "pipelines");
    bool ok = true;
    for (size_t i = 0; pipelines && i < pipelines->entry_count; i++) {
        struct config_node *params = config_find(pipelines->entries[i].value, "params");
        if (params && params->kind == CONFIG_MAP) {
            ok &= variables_replace_all(doc, params, NULL, NULL);
            ok &= variables_replace_all(doc, pipelines->entries[i].value, find_param, params);
        }
    }
    return variables_replace_all(doc, root, NULL, NULL) && ok;
}
