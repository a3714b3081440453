/* builder_fixture.h - one pipeline from a Lua file in a directory of the test's.
 *
 * Owner:   the test: make_dir, remove_dir around the group; compiled_free.
 * Thread:  one at a time.
 * Memory:  the graph lives in the document.
 * Fails:   the test. */
#ifndef SRT_UNIT_BUILDER_FIXTURE_H
#define SRT_UNIT_BUILDER_FIXTURE_H

#include "compile_fixture.h"
#include "support/temp_dir.h"

static struct temp_dir dir;

static inline int make_dir(void **state)
{
    (void)state;
    temp_dir_make(&dir);
    return 0;
}

static inline int remove_dir(void **state)
{
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

/* A .lua file alone. */
static inline struct compiled compiled_lua(const char *name, const char *text)
{
    temp_dir_write_file(&dir, name, text);
    struct compiled it = {.doc = config_doc_create(NULL, NULL)};
    struct pipeline_defaults defaults;
    pipeline_defaults_init(&defaults);
    it.graph = graph_compile_lua(it.doc, temp_dir_path(&dir, name), &defaults, srt_clock_real());
    compiled_print(&it);
    return it;
}

#endif
