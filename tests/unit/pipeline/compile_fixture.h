/* compile_fixture.h - one pipeline from YAML text, and the shape of its graph.
 *
 * Owner:   the test: compiled_free.
 * Thread:  one at a time.
 * Memory:  the graph lives in the document.
 * Fails:   the test. */
#ifndef SRT_UNIT_COMPILE_FIXTURE_H
#define SRT_UNIT_COMPILE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "config/doc.h"
#include "pipeline/compile.h"

struct compiled {
    struct config_doc *doc;
    struct graph *graph; /* NULL: errors */
    char *text;          /* the diagnostics, printed */
};

static inline void compiled_print(struct compiled *it)
{
    struct srt_buf buf;
    srt_buf_init(&buf);
    diag_print(it->doc, DIAG_TEXT, &buf);
    it->text = strdup(srt_buf_cstr(&buf));
    srt_buf_fini(&buf);
}

/* The first pipeline of a configuration. */
static inline struct compiled compiled_yaml(const char *file, const char *text)
{
    struct compiled it = {.doc = config_doc_create(NULL, NULL)};
    struct pipeline_defaults defaults;
    pipeline_defaults_init(&defaults);
    struct config_node *root = config_doc_read_text(it.doc, file, text);
    assert_non_null(root);
    struct config_node *pipelines = config_find(root, "pipelines");
    if (config_doc_resolve(it.doc, root) && pipelines) {
        it.graph = graph_compile(it.doc, &pipelines->entries[0], &defaults, srt_clock_real());
    }
    compiled_print(&it);
    return it;
}

static inline void compiled_free(struct compiled *it)
{
    config_doc_destroy(it->doc);
    free(it->text);
}

static inline const struct graph *compiled_graph(const struct compiled *it)
{
    if (!it->graph) {
        print_error("%s", it->text);
    }
    assert_non_null(it->graph);
    return it->graph;
}

static inline void compiled_says(const struct compiled *it, const char *expected)
{
    if (!strstr(it->text, expected)) {
        print_error("expected to find:\n%s\nin:\n%s\n", expected, it->text);
        fail();
    }
}

/* "0 from -> 1; 1 filter -> 2; 2 branch -> 3 | 4": the shape of a graph. */
static inline char *compiled_shape(const struct graph *graph)
{
    struct srt_buf buf;
    srt_buf_init(&buf);
    for (uint32_t i = 0; i < graph->stage_count; i++) {
        const struct stage *stage = &graph->stages[i];
        srt_buf_printf(&buf, "%s%u %s", i ? "; " : "", i, stage_kind_name(stage->kind));
        for (uint32_t j = 0; j < stage->arm_count; j++) {
            for (uint32_t k = 0; k < stage->arms[j].next_count; k++) {
                assert_true(stage->arms[j].next[k] > i); /* topological */
                srt_buf_printf(&buf, "%s%u", k ? "," : j ? " | " : " -> ", stage->arms[j].next[k]);
            }
        }
    }
    char *shape = strdup(srt_buf_cstr(&buf));
    srt_buf_fini(&buf);
    return shape;
}

static inline void assert_shape(const struct graph *graph, const char *expected)
{
    char *shape = compiled_shape(graph);
    assert_string_equal(shape, expected);
    free(shape);
}

#endif
