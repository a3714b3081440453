/* Runs a fuzz target on every file of the directories that are named, with any compiler. */
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "io/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *dir)
{
    struct srt_err err;
    struct io_list list;
    int count = 0;
    if (io_list_dir(io_fs_real(), dir, &list, &err) != SRT_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return -1;
    }
    for (size_t i = 0; i < list.count; i++) {
        char path[4096];
        struct srt_buf content;
        snprintf(path, sizeof path, "%s/%s", dir, list.names[i]);
        if (io_read_file(io_fs_real(), path, 1 << 24, &content, &err) != SRT_OK) {
            fprintf(stderr, "%s\n", err.msg);
            io_list_free(&list);
            return -1;
        }
        LLVMFuzzerTestOneInput(content.data, content.len);
        srt_buf_fini(&content);
        count++;
    }
    io_list_free(&list);
    return count;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int count = replay(argv[i]);
        if (count <= 0) {
            fprintf(stderr, "%s: nothing to replay\n", argv[i]);
            return 1;
        }
        printf("%s: %d inputs\n", argv[i], count);
    }
    return argc > 1 ? 0 : 1;
}
