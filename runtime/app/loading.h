/* loading.h - from a command line's files to settings: what `run` and `check` begin with.
 *
 * Owner:   the command: init/fini; settings and graphs live in it.
 * Thread:  main.
 * Memory:  a document, and a read-only view of the data directory while topics are looked up.
 * Fails:   everything that is wrong is a diagnostic in the document; loading_read says whether
 * there is one. */
#ifndef SRT_APP_LOADING_H
#define SRT_APP_LOADING_H

#include "app/settings.h"
#include "broker/broker.h"
#include "cli/command.h"
#include "config/doc.h"

#include <stdbool.h>

struct loading {
    struct config_doc *doc;
    struct settings settings;
    const char **yaml_files; /* NULL-terminated */
    int yaml_count;
    const char **lua_files;   /* NULL-terminated */
    const char **assignments; /* NULL-terminated */
    struct broker *view;      /* of the data directory; NULL when there is none */
    bool looked;              /* whether opening it was tried */
    bool unreadable;          /* there is one, and it cannot be read: who opens it next says why */
};

void loading_init(struct loading *loading);
void loading_fini(struct loading *loading);

/* Read, type, check and compile everything; false when anything is wrong. A topic that is not
 * declared is looked up in the data directory, which is neither made nor changed. */
bool loading_read(struct loading *loading, const struct command_line *line);

#endif
