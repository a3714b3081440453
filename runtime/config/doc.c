#include "config/doc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "config/doc_impl.h"

/* --- the arena: everything of a document goes at once --- */

enum { BLOCK_BYTES = 64 << 10 };

struct config_block {
    struct config_block *next;
    size_t used;
    size_t cap;
    max_align_t data[];
};

void *config_alloc(struct config_doc *doc, size_t size)
{
    size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
    struct config_block *block = doc->blocks;
    if (!block || block->cap - block->used < size) {
        size_t cap = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        block = srt_xcalloc(1, sizeof(*block) + cap);
        block->cap = cap;
        block->next = doc->blocks;
        doc->blocks = block;
    }
    void *at = (char *)block->data + block->used;
    block->used += size;
    return at;
}

char *config_strndup(struct config_doc *doc, const char *text, size_t len)
{
    char *copy = config_alloc(doc, len + 1);
    if (len) {
        memcpy(copy, text, len);
    }
    return copy;
}

char *config_strdup(struct config_doc *doc, const char *text)
{
    return config_strndup(doc, text, strlen(text));
}

/* --- the document --- */

static const char *process_environment(void *arg, const char *name)
{
    (void)arg;
    return getenv(name); /* read at start, before there are threads that could change it */
}

struct config_doc *config_doc_create(config_env_fn environment, void *arg)
{
    struct config_doc *doc = srt_xcalloc(1, sizeof(*doc));
    doc->environment = environment ? environment : process_environment;
    doc->environment_arg = arg;
    return doc;
}

void config_doc_destroy(struct config_doc *doc)
{
    if (!doc) {
        return;
    }
    while (doc->blocks) {
        struct config_block *block = doc->blocks;
        doc->blocks = block->next;
        srt_free(block);
    }
    srt_buf_fini(&doc->set_text);
    srt_free(doc);
}

/* --- files --- */

/* Up to the limit and one byte more, so that a larger file is known as such. */
static int read_all(int fd, struct srt_buf *to)
{
    for (;;) {
        uint8_t *at = srt_buf_reserve(to, 64 << 10);
        if (!at) {
            return ENOMEM;
        }
        ssize_t n = read(fd, at, 64 << 10);
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n == 0 || to->len > SRT_CONFIG_FILE_BYTES_MAX) {
            return 0;
        }
        to->len += n > 0 ? (size_t)n : 0;
    }
}

static int load_text(struct config_doc *doc, const char *path, char **ret_text, size_t *ret_len)
{
    int fd;
    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return errno;
    }
    struct srt_buf buf;
    srt_buf_init(&buf);
    struct stat st;
    int sys = fstat(fd, &st) == 0 ? 0 : errno;
    if (!sys && S_ISDIR(st.st_mode)) {
        sys = EISDIR;
    }
    if (!sys) {
        sys = read_all(fd, &buf);
    }
    if (!sys && buf.len > SRT_CONFIG_FILE_BYTES_MAX) {
        sys = EFBIG;
    }
    if (!sys) {
        *ret_text = config_strndup(doc, srt_buf_cstr(&buf), buf.len);
        *ret_len = buf.len;
    }
    srt_buf_fini(&buf);
    close(fd);
    return sys;
}

struct config_file *config_add_text(struct config_doc *doc, const char *name, const char *text,
                                    size_t len)
{
    if (doc->file_count == SRT_CONFIG_FILES_MAX) {
        return NULL;
    }
    struct config_file *file = config_alloc(doc, sizeof(*file));
    file->name = config_strdup(doc, name);
    file->text = text;
    file->len = len;
    doc->files[doc->file_count++] = file;
    return file;
}

struct config_file *config_load(struct config_doc *doc, const char *path,
                                const struct config_mark *mark)
{
    char *text = NULL;
    size_t len = 0;
    int sys = load_text(doc, path, &text, &len);
    struct config_mark top = {.file = config_strdup(doc, path), .width = 1};
    if (sys == EFBIG) {
        diag_report(doc, DIAG_ERROR, DIAG_E001, mark ? mark : &top, "'%s' is larger than %d MiB",
                    path, SRT_CONFIG_FILE_BYTES_MAX >> 20);
        return NULL;
    }
    if (sys) {
        diag_report(doc, DIAG_ERROR, DIAG_E001, mark ? mark : &top, "cannot read '%s': %s", path,
                    strerrordesc_np(sys));
        return NULL;
    }
    struct config_file *file = config_add_text(doc, path, text, len);
    if (!file) {
        diag_report(doc, DIAG_ERROR, DIAG_E001, mark ? mark : &top,
                    "more than %d files in one configuration", SRT_CONFIG_FILES_MAX);
        return NULL;
    }
    char *real = realpath(path, NULL);
    file->real = real ? config_strdup(doc, real) : NULL;
    free(real);
    return file;
}

static const struct config_file *file_named(struct config_doc *doc, const char *name)
{
    for (uint32_t i = 0; i < doc->file_count; i++) {
        if (!strcmp(doc->files[i]->name, name)) {
            return doc->files[i];
        }
    }
    char *text;
    size_t len;
    return load_text(doc, name, &text, &len) ? NULL : config_add_text(doc, name, text, len);
}

const char *config_file_text(struct config_doc *doc, const char *path, size_t *ret_len)
{
    const struct config_file *file = file_named(doc, path);
    *ret_len = file ? file->len : 0;
    return file ? file->text : NULL;
}

struct srt_str config_source_line(struct config_doc *doc, const char *name, int line)
{
    const struct config_file *file = name && line > 0 ? file_named(doc, name) : NULL;
    if (!file) {
        return SRT_STR("");
    }
    const char *at = file->text;
    const char *end = file->text + file->len;
    for (int i = 1; i < line; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline) {
            return SRT_STR("");
        }
        at = newline + 1;
    }
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    struct srt_str found = {at, (size_t)((newline ? newline : end) - at)};
    if (found.n && found.p[found.n - 1] == '\r') {
        found.n--;
    }
    return found;
}

const char *config_file_line(struct config_doc *doc, const char *path, int line, size_t *ret_len)
{
    struct srt_str found = config_source_line(doc, path, line);
    *ret_len = found.n;
    return found.p;
}

char *config_resolve_path(struct config_doc *doc, const struct config_mark *mark, const char *path)
{
    const char *slash = mark && mark->file ? strrchr(mark->file, '/') : NULL;
    if (path[0] == '/' || !slash) {
        return config_strdup(doc, path);
    }
    while (path[0] == '.' && path[1] == '/' && path[2]) {
        path += 2;
    }
    size_t dir_len = (size_t)(slash - mark->file) + 1;
    size_t path_len = strlen(path);
    char *joined = config_alloc(doc, dir_len + path_len + 1);
    memcpy(joined, mark->file, dir_len);
    memcpy(joined + dir_len, path, path_len);
    return joined;
}

/* --- reading --- */

struct config_node *config_doc_read(struct config_doc *doc, const char *const *paths,
                                    int path_count)
{
    struct config_node *root = NULL;
    for (int i = 0; i < path_count; i++) {
        root = include_read(doc, root, paths[i], NULL);
    }
    return root;
}

struct config_node *config_doc_read_text(struct config_doc *doc, const char *file_name,
                                         const char *text)
{
    size_t len = strlen(text);
    struct config_file *file = config_add_text(doc, file_name, config_strndup(doc, text, len), len);
    srt_assert(file != NULL);
    struct config_node *root = yaml_parse(doc, file);
    if (root) {
        include_resolve(doc, root);
    }
    return root;
}

/* --- --set --- */

static struct config_mark set_mark(struct config_doc *doc, const char *assignment)
{
    int line = 1;
    for (size_t i = 0; i < doc->set_text.len; i++) {
        line += doc->set_text.data[i] == '\n';
    }
    srt_buf_put_str(&doc->set_text, assignment);
    srt_buf_put_u8(&doc->set_text, '\n');
    char *text = config_strndup(doc, srt_buf_cstr(&doc->set_text), doc->set_text.len);
    for (uint32_t i = 0; i < doc->file_count; i++) {
        if (!strcmp(doc->files[i]->name, "--set")) {
            doc->files[i]->text = text;
            doc->files[i]->len = doc->set_text.len;
            return (struct config_mark){doc->files[i]->name, line, 1, 1};
        }
    }
    struct config_file *file = config_add_text(doc, "--set", text, doc->set_text.len);
    return (struct config_mark){file ? file->name : "--set", line, 1, 1};
}

/* The entry of `key`, made when there is none. */
static struct config_entry *entry_for(struct config_doc *doc, struct config_node *map,
                                      const char *key, struct config_mark mark)
{
    for (size_t i = 0; i < map->entry_count; i++) {
        if (!strcmp(map->entries[i].key, key)) {
            return &map->entries[i];
        }
    }
    config_map_add(doc, map, key, mark, NULL);
    return &map->entries[map->entry_count - 1];
}

/* Topics have dots in their names: the longest key that is there wins over the shorter one; a name
 * that is not there ends at the next dot, but directly below `topics` it takes in all but the last
 * part. */
static size_t path_part(const struct config_node *map, const char *path, bool named)
{
    size_t best = 0;
    for (size_t i = 0; map && map->kind == CONFIG_MAP && i < map->entry_count; i++) {
        size_t n = strlen(map->entries[i].key);
        if (n > best && !strncmp(path, map->entries[i].key, n) && (!path[n] || path[n] == '.')) {
            best = n;
        }
    }
    if (best) {
        return best;
    }
    const char *last = strrchr(path, '.');
    return named && last ? (size_t)(last - path) : strcspn(path, ".");
}

bool config_doc_set(struct config_doc *doc, struct config_node *root, const char *assignment)
{
    struct config_mark mark = set_mark(doc, assignment);
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment) {
        mark.width = (int)strlen(assignment) ? (int)strlen(assignment) : 1;
        diag_help(
            diag_report(doc, DIAG_ERROR, DIAG_E011, &mark, "'%s' is not a setting", assignment),
            "write PATH=VALUE, as in pipelines.orders.parallelism=4");
        return false;
    }
    mark.width = (int)(equals - assignment);
    char *path = config_strndup(doc, assignment, (size_t)(equals - assignment));
    struct config_node *map = root;
    bool named = false;
    for (;;) {
        size_t n = path_part(map, path, named);
        bool last = !path[n];
        if (n == 0 || (!last && !path[n + 1])) {
            diag_report(doc, DIAG_ERROR, DIAG_E011, &mark, "an empty name in the path '%.*s'",
                        (int)(equals - assignment), assignment);
            return false;
        }
        path[n] = '\0';
        struct config_entry *entry = entry_for(doc, map, path, mark);
        if (last) {
            struct config_mark value_mark = mark;
            value_mark.column = (int)(equals - assignment) + 2;
            value_mark.width = (int)strlen(equals + 1) ? (int)strlen(equals + 1) : 1;
            entry->key_mark = mark;
            entry->value = yaml_parse_value(doc, &value_mark, equals + 1);
            return entry->value != NULL;
        }
        if (!entry->value || (entry->value->kind == CONFIG_SCALAR && entry->value->is_null)) {
            entry->value = config_new_map(doc, mark);
        }
        if (entry->value->kind != CONFIG_MAP) {
            diag_report(doc, DIAG_ERROR, DIAG_E011, &mark, "'%s' has no settings below it", path);
            return false;
        }
        named = map == root && !strcmp(path, "topics");
        map = entry->value;
        path += n + 1;
    }
}
