#include "app/loading.h"

#include "base/alloc.h"
#include "base/log.h"
#include "cli/data_dir.h"

#include <string.h>

void loading_init(struct loading *loading)
{
    *loading = (struct loading){.doc = config_doc_create(NULL, NULL)};
}

void loading_fini(struct loading *loading)
{
    struct srt_err ignored = {0};
    broker_close(loading->view, &ignored); /* read-only: nothing can be lost */
    config_doc_destroy(loading->doc);
    srt_free(loading->yaml_files);
    srt_free(loading->lua_files);
    srt_free(loading->assignments);
}

/* Asked while settings are read, by when the data directory is known. */
static bool topic_exists(void *arg, const char *name)
{
    struct loading *loading = arg;
    const char *data_dir = settings_data_dir(&loading->settings);
    struct srt_err err = {0};
    if (!loading->looked && data_dir) {
        loading->looked = true;
        int code = data_dir_open_reader(data_dir, &loading->view, &err);
        loading->unreadable = code != SRT_OK && code != SRT_ENOENT;
        if (code != SRT_OK) {
            log_debug(LOG_APP, "no topics in '%s': %s", data_dir, err.msg);
        }
    }
    return loading->unreadable || (loading->view && broker_topic_find(loading->view, name));
}

static bool ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text);
    size_t m = strlen(ending);
    return n >= m && strcmp(text + n - m, ending) == 0;
}

static void sort_files(struct loading *loading, const struct command_line *line)
{
    size_t count = (size_t)line->arg_count + 1;
    int lua_count = 0;
    loading->yaml_files = srt_xcalloc(count, sizeof *loading->yaml_files);
    loading->lua_files = srt_xcalloc(count, sizeof *loading->lua_files);
    for (int i = 0; i < line->arg_count; i++) {
        if (ends_with(line->args[i], ".lua")) {
            loading->lua_files[lua_count++] = line->args[i];
        } else {
            loading->yaml_files[loading->yaml_count++] = line->args[i];
        }
    }
}

bool loading_read(struct loading *loading, const struct command_line *line)
{
    struct config_node *root = NULL;
    size_t count = 0;
    sort_files(loading, line);
    loading->assignments = srt_xcalloc(line->value_count + 1, sizeof *loading->assignments);
    for (const char *text; (text = command_text_at(line, "set", count)) != NULL;) {
        loading->assignments[count++] = text;
    }
    if (loading->yaml_count > 0) {
        root = config_doc_read(loading->doc, loading->yaml_files, loading->yaml_count);
    }
    const struct settings_options options = {.assignments = loading->assignments,
                                             .lua_files = loading->lua_files,
                                             .data_dir = command_text(line, "data-dir"),
                                             .topic_exists = topic_exists,
                                             .arg = loading};
    bool good = settings_read(loading->doc, root, &options, &loading->settings);
    struct srt_err ignored = {0};
    broker_close(loading->view, &ignored);
    loading->view = NULL;
    return good;
}
