/* Texts are compiled where they stand: the reader below hands Lua as many empty lines as there are
 * above the text in its file, then a head, the text itself and a tail, all without copying.
 *
 *     function (v) ... end      return (TEXT)
 *     v.total > 0               return function(v, r, k, ctx) return (TEXT) end
 *     v.a = 1 ...               return function(v, r, k, ctx) TEXT end
 *
 * TEXT is first compiled by itself, so that it cannot close what the head opened and messages do
 * not speak of brackets that nobody wrote. Then what follows its last word is left out: a comment
 * there would swallow the tail, and on a line of its own the tail would be the line that Lua gives
 * for errors in the last one. */
#include "script/chunk.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "io/fs.h"
#include "script/chunk_scan.h"
#include "script/errors.h"
#include "script/keep_scan.h"
#include "script/native_expr.h"
#include "script/presize.h"
#include "script/script_impl.h"

/* --- reading pieces --- */

struct pieces {
    int lines_above;
    const char *piece[3]; /* head, text, tail */
    size_t len[3];
    int next;
};

static const char *read_piece(lua_State *L, void *arg, size_t *ret_size)
{
    (void)L;
    static const char lines[] = "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n";
    struct pieces *p = arg;
    if (p->lines_above > 0) {
        int count = p->lines_above < (int)sizeof lines - 1 ? p->lines_above : (int)sizeof lines - 1;
        p->lines_above -= count;
        *ret_size = (size_t)count;
        return lines;
    }
    while (p->next < 3 && p->len[p->next] == 0) {
        p->next++;
    }
    if (p->next == 3) {
        *ret_size = 0;
        return NULL;
    }
    *ret_size = p->len[p->next];
    return p->piece[p->next++];
}

/* Lua shows at most 59 bytes of a name; errors.c puts the rest back. */
static void note_long_name(struct script *script, const char *name)
{
    size_t len = strlen(name);
    if (len < LUA_IDSIZE) {
        return;
    }
    char shown[LUA_IDSIZE];
    memcpy(shown, "...", 3);
    memcpy(shown + 3, name + len - (LUA_IDSIZE - 4), LUA_IDSIZE - 3);
    srt_free(srt_map_set_str(&script->long_names, shown, srt_xstrdup(name)));
}

static int load(lua_State *L, struct pieces *pieces, const char *name)
{
    note_long_name(script_of(L), name);
    char *chunk_name = srt_xasprintf("@%s", name);
    int status = lua_load(L, read_piece, pieces, chunk_name, "t");
    srt_free(chunk_name);
    return status;
}

int chunk_load_text(lua_State *L, const char *text, size_t len, const char *name)
{
    struct pieces pieces = {.piece = {"", text, ""}, .len = {0, len, 0}};
    return load(L, &pieces, name);
}

/* --- files --- */

int chunk_load_file(lua_State *L, const char *path, struct srt_err *err)
{
    struct srt_buf text = {0};
    int rc = io_read_file(io_fs_real(), path, SRT_CONFIG_FILE_BYTES_MAX, &text, err);
    if (rc) {
        return rc;
    }
    const char *from = srt_buf_cstr(&text);
    size_t len = text.len;
    if (len && *from == '#') { /* a first line for the shell; its line break stays */
        const char *line_end = memchr(from, '\n', len);
        size_t skip = line_end ? (size_t)(line_end - from) : len;
        from += skip;
        len -= skip;
    }
    int status = chunk_load_text(L, from, len, path);
    srt_buf_fini(&text);
    return status == LUA_OK ? SRT_OK : errors_fill(L, status, BUDGET_KEPT, err);
}

/* --- the short forms --- */

#define PARAMS "function(v, r, k, ctx) "

enum form { FORM_FUNCTION, FORM_EXPRESSION, FORM_BODY };

static const struct {
    const char *check; /* before the text alone */
    const char *head;
    const char *tail;
} forms[] = {
    [FORM_FUNCTION] = {"return ", "return (", ")"},
    [FORM_EXPRESSION] = {"return ", "return " PARAMS "return (", ") end"},
    [FORM_BODY] = {"local v, r, k, ctx = ... ", "return " PARAMS, " end"},
};

static int load_part(lua_State *L, const struct script_text *text, size_t len, const char *head,
                     const char *tail)
{
    struct pieces pieces = {
        .lines_above = text->first_line > 0 ? text->first_line - 1 : 0,
        .piece = {head, text->text, tail},
        .len = {strlen(head), len, strlen(tail)},
    };
    return load(L, &pieces, text->file);
}

/* Leaves the chunk, or the message, on the stack. */
static int load_form(lua_State *L, const struct script_text *text, const struct chunk_scan *scan,
                     enum form form)
{
    int status = load_part(L, text, text->len, forms[form].check, "");
    if (status == LUA_OK) {
        lua_pop(L, 1);
        status = load_part(L, text, scan->len, forms[form].head, forms[form].tail);
    }
    return status;
}

/* The first guess decides which message a text gets that is neither. */
static int load_auto(lua_State *L, const struct script_text *text, const struct chunk_scan *scan,
                     enum form *ret_form)
{
    *ret_form = scan->is_function ? FORM_FUNCTION : FORM_EXPRESSION;
    int status = load_form(L, text, scan, *ret_form);
    if (status != LUA_ERRSYNTAX || scan->is_function) {
        return status;
    }
    *ret_form = FORM_BODY;
    int body_status = load_form(L, text, scan, FORM_BODY);
    if (body_status == LUA_OK || scan->has_statement) {
        lua_remove(L, -2);
        return body_status;
    }
    lua_pop(L, 1);
    return status;
}

static int count_lines(const struct script_text *text)
{
    int lines = 1;
    size_t len = text->len;
    while (len && (text->text[len - 1] == '\n' || text->text[len - 1] == ' ')) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        lines += text->text[i] == '\n';
    }
    return lines;
}

/* "file:line: message": the line, moved back when the tail is what Lua stumbled over. */
static int message_line(lua_State *L, const struct script_text *text)
{
    size_t name_len = strlen(text->file);
    name_len = name_len < LUA_IDSIZE ? name_len : LUA_IDSIZE - 1;
    size_t len = 0;
    const char *message = lua_tolstring(L, -1, &len);
    const char *colon = message && len > name_len ? message + name_len : NULL;
    long line = colon && *colon == ':' ? strtol(colon + 1, NULL, 10) : 0;
    int last = text->first_line + count_lines(text) - 1;
    if (line <= last) {
        return (int)line;
    }
    const char *rest = strchr(colon + 1, ':');
    if (rest) {
        lua_pushlstring(L, message, (size_t)(colon - message));
        lua_pushfstring(L, "%s:%d%s", lua_tostring(L, -1), last, rest);
        lua_replace(L, -3);
        lua_pop(L, 1);
    }
    return last;
}

struct compile_job {
    const struct script_text *text;
    struct script_fn fn;
    size_t len; /* of the text, without what may follow it */
    int line;
    bool is_expression;
    bool failed;
};

/* Whether the function on top is of this text (which may have been an expression that gave some
 * other one), and has no upvalue but _ENV, with the globals in it. */
static bool is_alone(lua_State *L, const struct script_text *text)
{
    lua_Debug ar;
    if (!lua_isfunction(L, -1) || lua_iscfunction(L, -1)) {
        return false;
    }
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">Su", &ar);
    if (ar.nups != 1 || strcmp(ar.source + 1, text->file) != 0) {
        return false;
    }
    bool is_env = strcmp(lua_getupvalue(L, -1, 1), "_ENV") == 0;
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    bool is_globals = is_env && lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_globals;
}

/* The result is the message when it failed. */
static int compile_protected(lua_State *L)
{
    struct compile_job *job = lua_touserdata(L, 1);
    const struct script_text *text = job->text;
    struct chunk_scan scan;
    chunk_scan(text->text, text->len, &scan);
    int status;
    enum form form = text->form == SCRIPT_BODY ? FORM_BODY : FORM_EXPRESSION;
    if (scan.is_empty) {
        job->line = text->first_line;
        job->failed = true;
        lua_pushfstring(L, "%s:%d: there is no Lua here", text->file, text->first_line);
        return 1;
    }
    if (text->form == SCRIPT_AUTO) {
        status = load_auto(L, text, &scan, &form);
    } else {
        status = load_form(L, text, &scan, form);
    }
    if (status != LUA_OK) {
        job->failed = true;
        job->line = message_line(L, text);
        return 1;
    }
    lua_call(L, 0, 1);
    bool alone = is_alone(L, text);
    if (alone) {
        presize_function(L);
    }
    bool forgets = keep_scan_forgets(L, alone);
    int rc = script_fn_take(script_of(L), &job->fn);
    if (rc == SRT_EBUDGET) {
        return budget_raise(&script_of(L)->budget, L);
    }
    if (rc) {
        job->failed = true;
        job->line = text->first_line;
        lua_pushfstring(L, "%s:%d: not a function", text->file, text->first_line);
        return 1;
    }
    if (form != FORM_FUNCTION) {
        job->fn.param_count = scan.param_count;
    }
    job->fn.forgets_value = forgets;
    job->is_expression = form == FORM_EXPRESSION;
    job->len = scan.len;
    lua_pushliteral(L, "");
    return 1;
}

/* The program is the script's: a state that is given up takes its functions along. */
static const struct native_expr *compile_native(struct script *script, const char *text, size_t len)
{
    struct native_expr *expr = native_expr_compile(text, len);
    if (expr) {
        size_t size = (script->native_count + 1) * sizeof(*script->natives);
        script->natives = srt_xrealloc(script->natives, size);
        script->natives[script->native_count++] = expr;
    }
    return expr;
}

int script_compile(struct script *script, const struct script_text *text, struct script_fn *ret_fn,
                   int *ret_line, struct srt_err *err)
{
    lua_State *L = script->L;
    struct compile_job job = {.text = text};
    *ret_line = 0;
    lua_pushcfunction(L, compile_protected);
    lua_pushlightuserdata(L, &job);
    int rc = script_call(script, 1, 1, err);
    if (rc) {
        return rc;
    }
    if (job.failed) {
        *ret_line = job.line;
        return errors_fill(L, LUA_ERRSYNTAX, BUDGET_KEPT, err);
    }
    lua_pop(L, 1);
    if (job.is_expression) {
        job.fn.native = compile_native(script, text->text, job.len);
    }
    *ret_fn = job.fn;
    return SRT_OK;
}
