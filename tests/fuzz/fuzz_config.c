/* Any text as a configuration, with files beside it that it may include or load: all of it is read,
 * typed and compiled, or told of with its place. What compiles also loads. No file is touched but
 * those that the input brings. */
#include "app/settings.h"

#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz_input.h"
#include "fuzz_script.h"
#include "pipeline/compile.h"
#include "record/json.h"

enum { FILES = 4, SEPARATOR = 1 /* between the files in the input */ };

static const char *const names[FILES] = {"streamrt.yaml", "part.yaml", "lib.lua", "flow.lua"};
static struct fuzz_input files[FILES];
static bool is_inside; /* a run of the target, and not the fuzzer's own files */

/* --- the kernel's files, replaced by those of the input --- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int find_file(const char *path)
{
    for (int i = 0; i < FILES; i++) {
        if (strcmp(base_name(path), names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = va_arg(args, int);
    va_end(args);
    if (!is_inside) {
        return __real_open(path, flags, mode);
    }
    int index = find_file(path);
    if (index < 0) {
        errno = ENOENT;
        return -1;
    }
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    srt_assert(fd >= 0);
    ssize_t put = pwrite(fd, files[index].data, files[index].size, 0);
    srt_assert(put == (ssize_t)files[index].size);
    return fd;
}

char *__wrap_realpath(const char *path, char *to);
char *__wrap_realpath(const char *path, char *to)
{
    srt_assert(to == NULL);
    if (find_file(path) < 0) {
        errno = ENOENT;
        return NULL;
    }
    return strdup(names[find_file(path)]);
}

/* A star stands for the second file. */
int __wrap_glob(const char *pattern, int flags, int (*failed)(const char *path, int sys),
                glob_t *ret);
int __wrap_glob(const char *pattern, int flags, int (*failed)(const char *path, int sys),
                glob_t *ret)
{
    (void)flags;
    (void)failed;
    const char *found = strchr(pattern, '*') ? "part.yaml" : pattern;
    if (find_file(found) < 0) {
        return GLOB_NOMATCH;
    }
    ret->gl_pathc = 1;
    ret->gl_pathv = calloc(2, sizeof(char *));
    srt_assert(ret->gl_pathv);
    ret->gl_pathv[0] = strdup(found);
    return 0;
}

void __wrap_globfree(glob_t *found);
void __wrap_globfree(glob_t *found)
{
    if (found->gl_pathc) {
        free(found->gl_pathv[0]);
        free(found->gl_pathv);
    }
}

/* A configuration may ask for more than a fuzzer has. */
int __real_script_create(const struct script_options *options, struct script **ret,
                         struct srt_err *err);
int __wrap_script_create(const struct script_options *options, struct script **ret,
                         struct srt_err *err);
int __wrap_script_create(const struct script_options *options, struct script **ret,
                         struct srt_err *err)
{
    struct script_options small = *options;
    if (small.memory_bytes > FUZZ_SCRIPT_MEMORY_BYTES) {
        small.memory_bytes = FUZZ_SCRIPT_MEMORY_BYTES;
    }
    if (small.deadline_ms > FUZZ_SCRIPT_DEADLINE_MS) {
        small.deadline_ms = FUZZ_SCRIPT_DEADLINE_MS;
    }
    return __real_script_create(&small, ret, err);
}

/* --- what is read --- */

static const char *environment(void *arg, const char *name)
{
    (void)arg;
    return strlen(name) == 1 ? "from 1 environment" : NULL;
}

static bool topic_exists(void *arg, const char *name)
{
    (void)arg;
    return strlen(name) % 2 == 0;
}

/* That a file can be told of in all ways, and is told of when something is wrong. */
static void print(const struct config_doc *doc, bool ok)
{
    struct srt_buf out = {0};
    size_t at;
    diag_print(doc, DIAG_TEXT, &out);
    srt_assert(ok || out.len > 0);
    srt_buf_clear(&out);
    diag_print(doc, DIAG_TEXT_COLOR, &out);
    srt_buf_clear(&out);
    diag_print(doc, DIAG_JSON, &out);
    int rc = json_validate((const char *)out.data, out.len, &at);
    srt_assert(rc == SRT_OK);
    srt_buf_clear(&out);
    diag_print(doc, DIAG_SARIF, &out);
    rc = json_validate((const char *)out.data, out.len, &at);
    srt_assert(rc == SRT_OK);
    srt_buf_fini(&out);
}

static void load(const struct graph *graph)
{
    struct script_options options;
    struct script *script;
    struct graph_bindings bindings;
    const struct graph_fn *failed;
    struct srt_err err;
    int line;
    script_options_default(&options);
    options.paths = graph->lua_paths;
    options.params = graph->params;
    options.param_count = graph->param_count;
    options.name = graph->name;
    int rc = script_create(&options, &script, &err);
    srt_assert(rc == SRT_OK);
    rc = graph_bind(graph, script, &bindings, &failed, &line, &err);
    if (rc == SRT_OK) {
        graph_unbind(graph, script, &bindings);
    } else {
        /* a file that nearly took too long the first time, or tells one time from another */
        fprintf(stderr, "%s\n", err.msg);
        srt_assert(rc == SRT_EBUDGET || files[2].size > 0 || files[3].size > 0);
    }
    script_destroy(script);
}

static void read_config(struct config_doc *doc, const char *assignment, const char *lua_file)
{
    const char *paths[] = {names[0]};
    const char *assignments[] = {assignment, NULL};
    const char *lua_files[] = {lua_file, NULL};
    struct settings_options options = {.assignments = assignment ? assignments : NULL,
                                       .lua_files = lua_file ? lua_files : NULL,
                                       .topic_exists = topic_exists};
    struct settings settings;
    struct config_node *root = config_doc_read(doc, paths, 1);
    bool ok = (root || lua_file) && settings_read(doc, root, &options, &settings);
    print(doc, ok);
    for (size_t i = 0; ok && i < settings.graph_count; i++) {
        load(settings.graphs[i]);
    }
    if (ok) {
        struct store_options store;
        store_options_default(&store);
        settings_apply_store(&settings, &store);
        srt_assert(store.data_dir);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    uint8_t control = fuzz_byte(&in);
    char *assignment = NULL;
    if (control & 1) {
        struct fuzz_input part = fuzz_part(&in, 16 + control % 16);
        assignment = strndup((const char *)part.data, part.size);
    }
    for (int i = 0; i < FILES; i++) {
        const uint8_t *end = in.size ? memchr(in.data, SEPARATOR, in.size) : NULL;
        files[i] = fuzz_part(&in, end && i + 1 < FILES ? (size_t)(end - in.data) : in.size);
        (void)fuzz_byte(&in);
    }
    struct config_doc *doc = config_doc_create(environment, NULL);
    is_inside = true;
    read_config(doc, assignment, control & 2 ? names[3] : NULL);
    is_inside = false;
    config_doc_destroy(doc);
    free(assignment);
    return 0;
}
