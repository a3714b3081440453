#include "support/capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 16 };

static int saved[2];
static FILE *files[2];
static char texts[2][TEXT_MAX];

static void must(int good)
{
    if (!good) {
        perror("capture");
        abort();
    }
}

void capture_begin(void)
{
    fflush(stdout);
    fflush(stderr);
    for (int i = 0; i < 2; i++) {
        files[i] = tmpfile();
        must(files[i] != NULL);
        saved[i] = dup(i + 1);
        must(saved[i] >= 0 && dup2(fileno(files[i]), i + 1) >= 0);
    }
}

void capture_end(void)
{
    fflush(stdout);
    fflush(stderr);
    for (int i = 0; i < 2; i++) {
        must(dup2(saved[i], i + 1) >= 0);
        close(saved[i]);
        rewind(files[i]);
        size_t n = fread(texts[i], 1, TEXT_MAX - 1, files[i]);
        texts[i][n] = '\0';
        fclose(files[i]);
    }
}

const char *capture_stdout(void)
{
    return texts[0];
}

const char *capture_stderr(void)
{
    return texts[1];
}
