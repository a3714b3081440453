#include "config/diag.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "config/doc_impl.h"

enum {
    SHOWN_MAX = 96,  /* characters of a source line around the caret */
    NOTE_WIDTH = 86, /* of a note's line, behind its "=" */
};

static const char *const code_names[] = {
#define DIAG_NAME(name, text) #name,
    DIAG_CODE_MAP(DIAG_NAME)
#undef DIAG_NAME
};

static const char *const code_texts[] = {
#define DIAG_TEXT_OF(name, text) text,
    DIAG_CODE_MAP(DIAG_TEXT_OF)
#undef DIAG_TEXT_OF
};

static const char *const level_names[] = {"error", "warning", "hint"};

const char *diag_code_name(enum diag_code code)
{
    srt_assert(code < DIAG_CODE_COUNT);
    return code_names[code];
}

const char *diag_code_text(enum diag_code code)
{
    srt_assert(code < DIAG_CODE_COUNT);
    return code_texts[code];
}

/* --- collecting --- */

static char *formatted(struct config_doc *doc, const char *format, va_list args)
{
    struct srt_buf buf;
    srt_buf_init(&buf);
    srt_buf_vprintf(&buf, format, args);
    char *text = config_strndup(doc, srt_buf_cstr(&buf), buf.len);
    srt_buf_fini(&buf);
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < 32) {
            *p = ' '; /* one line, and nothing that a terminal would act upon */
        }
    }
    return text;
}

/* Errors and the rest have their own share, so that warnings cannot hide errors. */
static bool has_room(const struct config_doc *doc, enum diag_level level)
{
    size_t errors = doc->level_counts[DIAG_ERROR];
    size_t others = doc->level_counts[DIAG_WARNING] + doc->level_counts[DIAG_HINT];
    return (level == DIAG_ERROR ? errors : others) < SRT_CONFIG_ERRORS_MAX;
}

struct diag *diag_report(struct config_doc *doc, enum diag_level level, enum diag_code code,
                         const struct config_mark *mark, const char *format, ...)
{
    struct diag *diag = &doc->diag_scratch;
    bool keep = has_room(doc, level);
    doc->level_counts[level]++;
    if (keep) {
        diag = config_alloc(doc, sizeof(*diag));
        srt_assert(doc->diag_kept < DIAG_KEPT_MAX);
        doc->diags[doc->diag_kept++] = diag;
    }
    *diag = (struct diag){.doc = doc, .level = level, .code = code};
    if (mark) {
        diag->mark = *mark;
    }
    if (keep) {
        va_list args;
        va_start(args, format);
        diag->message = formatted(doc, format, args);
        va_end(args);
    }
    return diag;
}

void diag_help(struct diag *diag, const char *format, ...)
{
    if (diag == &diag->doc->diag_scratch) {
        return;
    }
    va_list args;
    va_start(args, format);
    diag->help = formatted(diag->doc, format, args);
    va_end(args);
}

void diag_note(struct diag *diag, const char *format, ...)
{
    if (diag == &diag->doc->diag_scratch || diag->note_count == DIAG_NOTES_MAX) {
        return;
    }
    va_list args;
    va_start(args, format);
    diag->notes[diag->note_count++] = formatted(diag->doc, format, args);
    va_end(args);
}

const char *diag_nearest(const char *word, const char *const *names)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) <= 3 ? 2 : 3; /* of short words, two letters are too much */
    for (size_t i = 0; names[i]; i++) {
        size_t distance = srt_edit_distance(srt_str_of(word), srt_str_of(names[i]), 2);
        if (distance < best_distance) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}

size_t diag_error_count(const struct config_doc *doc)
{
    return doc->level_counts[DIAG_ERROR];
}

size_t diag_count(const struct config_doc *doc)
{
    return doc->level_counts[DIAG_ERROR] + doc->level_counts[DIAG_WARNING] +
           doc->level_counts[DIAG_HINT];
}

/* --- order: by file as they were read, then by place --- */

static uint32_t file_rank(const struct config_doc *doc, const char *name)
{
    for (uint32_t i = 0; name && i < doc->file_count; i++) {
        if (!strcmp(doc->files[i]->name, name)) {
            return i;
        }
    }
    return SRT_CONFIG_FILES_MAX;
}

static bool stands_before(const struct config_doc *doc, const struct diag *a, const struct diag *b)
{
    uint32_t rank_a = file_rank(doc, a->mark.file);
    uint32_t rank_b = file_rank(doc, b->mark.file);
    if (rank_a != rank_b) {
        return rank_a < rank_b;
    }
    int names = strcmp(a->mark.file ? a->mark.file : "", b->mark.file ? b->mark.file : "");
    if (names) {
        return names < 0;
    }
    return a->mark.line != b->mark.line ? a->mark.line < b->mark.line
                                        : a->mark.column < b->mark.column;
}

/* Stable, and at most 40 of them. */
static uint32_t sorted(const struct config_doc *doc, const struct diag *ret[DIAG_KEPT_MAX])
{
    for (uint32_t i = 0; i < doc->diag_kept; i++) {
        uint32_t at = i;
        while (at > 0 && stands_before(doc, doc->diags[i], ret[at - 1])) {
            ret[at] = ret[at - 1];
            at--;
        }
        ret[at] = doc->diags[i];
    }
    return doc->diag_kept;
}

static size_t file_count(const struct diag *const *diags, uint32_t count)
{
    size_t files = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool seen = false;
        for (uint32_t j = 0; j < i && !seen; j++) {
            seen = diags[i]->mark.file && diags[j]->mark.file &&
                   !strcmp(diags[i]->mark.file, diags[j]->mark.file);
        }
        files += !seen;
    }
    return files;
}

/* --- text --- */

static const char *const level_colors[] = {"\033[1;31m", "\033[1;33m", "\033[1;36m"};

static void put_place(const struct config_mark *mark, struct srt_buf *to)
{
    srt_buf_put_str(to, mark->file ? mark->file : "(command line)");
    if (mark->line > 0) {
        srt_buf_printf(to, ":%d", mark->line);
    }
    if (mark->line > 0 && mark->column > 0) {
        srt_buf_printf(to, ":%d", mark->column);
    }
}

static bool char_begins(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80; /* not inside a UTF-8 sequence */
}

/* The characters [from, to) of a line; tabs as one space, so that the caret stands right. */
static void put_chars(struct srt_str line, size_t from, size_t until, struct srt_buf *to)
{
    size_t at = 0;
    for (size_t i = 0; i < line.n; i++) {
        at += char_begins(line.p[i]);
        if (at > from && at <= until) {
            unsigned char c = (unsigned char)line.p[i];
            srt_buf_put_u8(to, c < 32 || c == 127 ? ' ' : c);
        }
    }
}

static size_t char_count(struct srt_str line)
{
    size_t count = 0;
    for (size_t i = 0; i < line.n; i++) {
        count += char_begins(line.p[i]);
    }
    return count;
}

static void put_padded(struct srt_buf *to, char c, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        srt_buf_put_u8(to, (uint8_t)c);
    }
}

static void put_source(struct config_doc *doc, const struct diag *diag, int gutter,
                       const char *color, struct srt_buf *to)
{
    struct srt_str line = config_source_line(doc, diag->mark.file, diag->mark.line);
    size_t chars = char_count(line);
    size_t caret = diag->mark.column > 0 ? (size_t)diag->mark.column - 1 : 0;
    size_t width = diag->mark.width > 0 ? (size_t)diag->mark.width : 1;
    if (diag->mark.column <= 0) { /* the whole line: its text */
        while (caret < line.n && (line.p[caret] == ' ' || line.p[caret] == '\t')) {
            caret++;
        }
        width = chars > caret ? chars - caret : 1;
    }
    size_t from = caret > SHOWN_MAX - 24 ? caret - (SHOWN_MAX - 24) : 0;
    size_t until = chars > from + SHOWN_MAX ? from + SHOWN_MAX : chars;
    if (caret + width > until) {
        width = until > caret ? until - caret : 1;
    }
    srt_buf_printf(to, "%*s |\n%*d | ", gutter, "", gutter, diag->mark.line);
    put_chars(line, from, until, to);
    srt_buf_printf(to, "\n%*s | ", gutter, "");
    put_padded(to, ' ', caret - from);
    srt_buf_put_str(to, color);
    put_padded(to, '^', width);
    if (diag->help) {
        srt_buf_printf(to, " %s", diag->help);
    }
    srt_buf_printf(to, "%s\n", *color ? "\033[0m" : "");
}

/* "= ..." lines, broken between words where they are long. */
static void put_note(const char *note, int gutter, struct srt_buf *to)
{
    const char *mark = "=";
    for (const char *at = note; *at;) {
        size_t n = strlen(at);
        if (n > NOTE_WIDTH) {
            n = NOTE_WIDTH;
            while (n > NOTE_WIDTH / 2 && at[n] != ' ') {
                n--;
            }
            n = at[n] == ' ' ? n : strlen(at);
        }
        srt_buf_printf(to, "%*s %s %.*s\n", gutter, "", mark, (int)n, at);
        at += n;
        at += strspn(at, " ");
        mark = "   ";
    }
}

static void put_text(struct config_doc *doc, const struct diag *diag, bool colored,
                     struct srt_buf *to)
{
    const char *color = colored ? level_colors[diag->level] : "";
    int gutter = 1;
    for (int line = diag->mark.line; line >= 10; line /= 10) {
        gutter++;
    }
    srt_buf_printf(to, "%s%s[%s]%s: %s\n", color, level_names[diag->level],
                   diag_code_name(diag->code), colored ? "\033[0m" : "", diag->message);
    srt_buf_printf(to, "%*s--> ", gutter, "");
    put_place(&diag->mark, to);
    srt_buf_put_u8(to, '\n');
    if (config_source_line(doc, diag->mark.file, diag->mark.line).n) {
        put_source(doc, diag, gutter, color, to);
    } else if (diag->help) {
        srt_buf_printf(to, "%*s = %s\n", gutter, "", diag->help);
    }
    for (uint32_t i = 0; i < diag->note_count; i++) {
        put_note(diag->notes[i], gutter, to);
    }
}

static void print_text(struct config_doc *doc, const struct diag *const *diags, uint32_t count,
                       bool colored, struct srt_buf *to)
{
    for (uint32_t i = 0; i < count; i++) {
        put_text(doc, diags[i], colored, to);
    }
    size_t total = diag_count(doc);
    size_t files = file_count(diags, count);
    if (total) {
        srt_buf_printf(to, "%zu problem%s in %zu file%s", total, total == 1 ? "" : "s", files,
                       files == 1 ? "" : "s");
        if (total > count) {
            srt_buf_printf(to, ", %u of them shown", count);
        }
        srt_buf_put_u8(to, '\n');
    }
}

/* --- JSON and SARIF --- */

static void put_json_string(struct srt_buf *to, const char *text)
{
    srt_buf_put_u8(to, '"');
    bool valid = srt_utf8_valid(text, strlen(text));
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\') {
            srt_buf_put_u8(to, '\\');
            srt_buf_put_u8(to, *p);
        } else if (*p < 32) {
            srt_buf_printf(to, "\\u%04x", *p);
        } else if (*p >= 128 && !valid) {
            srt_buf_put_u8(to, '?');
        } else {
            srt_buf_put_u8(to, *p);
        }
    }
    srt_buf_put_u8(to, '"');
}

static void put_json_field(struct srt_buf *to, const char *name, const char *text)
{
    srt_buf_printf(to, "\"%s\":", name);
    if (text) {
        put_json_string(to, text);
    } else {
        srt_buf_put_str(to, "null");
    }
}

static void print_json(const struct diag *const *diags, uint32_t count, struct srt_buf *to)
{
    srt_buf_put_u8(to, '[');
    for (uint32_t i = 0; i < count; i++) {
        const struct diag *diag = diags[i];
        srt_buf_put_str(to, i ? ",\n {" : "{");
        put_json_field(to, "code", diag_code_name(diag->code));
        srt_buf_put_u8(to, ',');
        put_json_field(to, "level", level_names[diag->level]);
        srt_buf_put_u8(to, ',');
        put_json_field(to, "message", diag->message);
        srt_buf_put_u8(to, ',');
        put_json_field(to, "file", diag->mark.file);
        srt_buf_printf(to, ",\"line\":%d,\"column\":%d,\"width\":%d,", diag->mark.line,
                       diag->mark.column, diag->mark.width);
        put_json_field(to, "help", diag->help);
        srt_buf_put_str(to, ",\"notes\":[");
        for (uint32_t j = 0; j < diag->note_count; j++) {
            srt_buf_put_str(to, j ? "," : "");
            put_json_string(to, diag->notes[j]);
        }
        srt_buf_put_str(to, "]}");
    }
    srt_buf_put_str(to, "]\n");
}

static void put_sarif_result(const struct diag *diag, struct srt_buf *to)
{
    static const char *const levels[] = {"error", "warning", "note"};
    const struct config_mark *mark = &diag->mark;
    srt_buf_printf(to, "{\"ruleId\":\"%s\",\"level\":\"%s\",\"message\":{\"text\":",
                   diag_code_name(diag->code), levels[diag->level]);
    struct srt_buf text;
    srt_buf_init(&text);
    srt_buf_put_str(&text, diag->message);
    if (diag->help) {
        srt_buf_printf(&text, "; %s", diag->help);
    }
    put_json_string(to, srt_buf_cstr(&text));
    srt_buf_fini(&text);
    srt_buf_put_str(to, "},\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":");
    put_json_string(to, mark->file ? mark->file : "");
    srt_buf_put_u8(to, '}');
    if (mark->line > 0) {
        int column = mark->column > 0 ? mark->column : 1;
        srt_buf_printf(to, ",\"region\":{\"startLine\":%d,\"startColumn\":%d,\"endColumn\":%d}",
                       mark->line, column, column + (mark->width > 0 ? mark->width : 1));
    }
    srt_buf_put_str(to, "}}]}");
}

static void print_sarif(const struct diag *const *diags, uint32_t count, struct srt_buf *to)
{
    srt_buf_put_str(to, "{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\","
                        "\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":"
                        "{\"name\":\"streamrt\",\"version\":\"" SRT_VERSION "\",\"rules\":[");
    for (int code = 0; code < DIAG_CODE_COUNT; code++) {
        srt_buf_printf(to, "%s{\"id\":\"%s\",\"shortDescription\":{\"text\":", code ? "," : "",
                       code_names[code]);
        put_json_string(to, code_texts[code]);
        srt_buf_put_str(to, "}}");
    }
    srt_buf_put_str(to, "]}},\"columnKind\":\"unicodeCodePoints\",\"results\":[");
    for (uint32_t i = 0; i < count; i++) {
        srt_buf_put_str(to, i ? ",\n" : "");
        put_sarif_result(diags[i], to);
    }
    srt_buf_put_str(to, "]}]}\n");
}

void diag_print(const struct config_doc *doc, enum diag_format format, struct srt_buf *to)
{
    const struct diag *diags[DIAG_KEPT_MAX];
    uint32_t count = sorted(doc, diags);
    if (format == DIAG_JSON) {
        print_json(diags, count, to);
    } else if (format == DIAG_SARIF) {
        print_sarif(diags, count, to);
    } else {
        /* Lines of Lua modules are read when they are shown: the document's cache is not its
         * content. */
        print_text((struct config_doc *)(uintptr_t)doc, diags, count, format == DIAG_TEXT_COLOR,
                   to);
    }
}
