#include "support/temp_dir.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void give_up(const char *what, const char *path)
{
    fprintf(stderr, "temp_dir: %s '%s': %s\n", what, path, strerror(errno));
    exit(70);
}

void temp_dir_make(struct temp_dir *dir)
{
    const char *base = getenv("TMPDIR");
    base = base && *base ? base : "/tmp";
    int len = snprintf(dir->path, sizeof dir->path, "%s/streamrt-test-XXXXXX", base);
    if (len >= (int)sizeof dir->path || !mkdtemp(dir->path)) {
        give_up("make", dir->path);
    }
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void temp_dir_remove(struct temp_dir *dir)
{
    if (dir->path[0] && nftw(dir->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0) {
        give_up("remove", dir->path);
    }
    dir->path[0] = '\0';
}

const char *temp_dir_path(const struct temp_dir *dir, const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    int len = snprintf(path, sizeof paths[0], "%s/%s", dir->path, name);
    if (len >= (int)sizeof paths[0]) {
        errno = ENAMETOOLONG;
        give_up("path too long", path);
    }
    return path;
}

void temp_dir_write_file(const struct temp_dir *dir, const char *name, const char *text)
{
    const char *path = temp_dir_path(dir, name);
    FILE *file = fopen(path, "we");
    if (!file || fputs(text, file) == EOF || fclose(file) != 0) {
        give_up("write", path);
    }
}
