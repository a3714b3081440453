/* config_fixture.h - what the tests of config/ share: a document with an environment of its own.
 *
 * Owner:   the test; documents are destroyed by it.
 * Thread:  one at a time.
 * Memory:  texts that are returned are freed by the test.
 * Fails:   the test. */
#ifndef SRT_UNIT_CONFIG_FIXTURE_H
#define SRT_UNIT_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "config/doc.h"

static inline const char *fixture_environment(void *arg, const char *name)
{
    (void)arg;
    if (!strcmp(name, "HOST")) {
        return "node-7";
    }
    if (!strcmp(name, "NASTY")) {
        return "a: b # c\n- d";
    }
    return !strcmp(name, "EMPTY") ? "" : NULL;
}

static inline struct config_doc *fixture_doc(void)
{
    return config_doc_create(fixture_environment, NULL);
}

/* The diagnostics as text; the caller frees it. */
static inline char *fixture_print(const struct config_doc *doc, enum diag_format format)
{
    struct srt_buf buf;
    srt_buf_init(&buf);
    diag_print(doc, format, &buf);
    char *text = strdup(srt_buf_cstr(&buf));
    srt_buf_fini(&buf);
    return text;
}

static inline void fixture_assert_says(const struct config_doc *doc, const char *expected)
{
    char *text = fixture_print(doc, DIAG_TEXT);
    bool found = strstr(text, expected) != NULL;
    if (!found) {
        print_error("expected to find:\n%s\nin:\n%s\n", expected, text);
    }
    free(text);
    assert_true(found);
}

static inline void fixture_assert_prints(const struct config_doc *doc, const char *expected)
{
    char *text = fixture_print(doc, DIAG_TEXT);
    assert_string_equal(text, expected);
    free(text);
}

#endif
