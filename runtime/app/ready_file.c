#include "app/ready_file.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "io/fs.h"
#include "record/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int ready_file_init(struct ready_file *ready, const char *data_dir, struct srt_err *err)
{
    ready->path = srt_xasprintf("%s/run/ready.json", data_dir);
    int code = io_unlink(io_fs_real(), ready->path, err);
    return code == SRT_ENOENT ? SRT_OK : code;
}

int ready_file_write(struct ready_file *ready, const char *data_dir, struct srt_err *err)
{
    struct srt_buf json;
    srt_buf_init(&json);
    char *absolute = realpath(data_dir, NULL);
    const char *shown = absolute ? absolute : data_dir;
    srt_buf_printf(&json, "{\"pid\":%ld,\"data_dir\":", (long)getpid());
    json_put_string(&json, shown, strlen(shown));
    srt_buf_put_str(&json, ",\"version\":\"" SRT_VERSION "\"}\n");
    char *dir = srt_xasprintf("%s/run", data_dir);
    int code = io_make_dirs(io_fs_real(), dir, err);
    if (code == SRT_OK) {
        code = io_write_file_atomic(io_fs_real(), ready->path, json.data, json.len, err);
    }
    srt_free(dir);
    free(absolute); /* realpath's own */
    srt_buf_fini(&json);
    return code;
}

void ready_file_remove_now(const struct ready_file *ready)
{
    if (ready->path) {
        unlink(ready->path); /* nobody is left to be told */
    }
}

void ready_file_fini(struct ready_file *ready)
{
    ready_file_remove_now(ready);
    srt_free(ready->path);
    ready->path = NULL;
}
