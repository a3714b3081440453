/* The data directory: whether it is one, whose it is, and how a new one begins. node.json is
 * written last, so a directory that has it is complete, and a journal without it has lost it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/crc32c.h"
#include "store/store_impl.h"

enum {
    FORMAT_VERSION = 1,
    NODE_FILE_BYTES_MAX = 4096,
};

/* {"format":1,"node_id":"<32 hex digits>","crc":"<8 hex digits>"}: the checksum is of what stands
 * before its comma. */
int store_write_node_file(const struct io_fs *fs, const char *data_dir, struct srt_err *err)
{
    struct topic_id node_id = topic_id_new();
    char id_text[TOPIC_ID_TEXT_MAX];
    struct srt_buf text;
    srt_buf_init(&text);
    srt_buf_printf(&text, "{\"format\":%d,\"node_id\":\"%s\"", (int)FORMAT_VERSION,
                   topic_id_format(id_text, &node_id));
    srt_buf_printf(&text, ",\"crc\":\"%08" PRIx32 "\"}\n", srt_crc32c(0, text.data, text.len));
    char *path = srt_xasprintf("%s/node.json", data_dir);
    int rc = srt_buf_failed(&text) ? srt_fail(err, SRT_ENOMEM, "out of memory for '%s'", path)
                                   : io_write_file_atomic(fs, path, text.data, text.len, err);
    srt_free(path);
    srt_buf_fini(&text);
    return rc;
}

/* The file is ours and small: {"format":N,... with nothing before it but white space. Of another
 * version nothing else is known. */
static int check_node_text(const char *text, size_t len, const char *path, struct srt_err *err)
{
    int format = 0;
    if (sscanf(text, " { \"format\" : %d", &format) != 1) {
        return srt_fail(err, SRT_ECORRUPT, "'%s' is damaged at byte 0: no \"format\"", path);
    }
    if (format != FORMAT_VERSION) {
        return srt_fail(err, SRT_EVERSION, "'%s' has format %d, this version reads format %d", path,
                        format, (int)FORMAT_VERSION);
    }
    const char *crc = strstr(text, ",\"crc\":\"");
    char expected[32];
    size_t covered = crc ? (size_t)(crc - text) : len;
    snprintf(expected, sizeof expected, ",\"crc\":\"%08" PRIx32 "\"}\n",
             srt_crc32c(0, text, covered));
    if (len - covered != strlen(expected) || memcmp(text + covered, expected, len - covered) != 0) {
        return srt_fail(err, SRT_ECORRUPT, "'%s' is damaged at byte 0: it does not match its CRC",
                        path);
    }
    return SRT_OK;
}

/* Without node.json there must be no journal file either: then SRT_ENOENT. */
static int check_no_journal(const struct io_fs *fs, const char *data_dir, const char *node_path,
                            struct srt_err *err)
{
    struct io_list names = {0};
    char *dir = srt_xasprintf("%s/journal", data_dir);
    bool found = false;
    int rc = io_list_dir(fs, dir, &names, err);
    srt_free(dir);
    for (size_t i = 0; i < names.count; i++) {
        found = found || strstr(names.names[i], ".jnl") != NULL;
    }
    io_list_free(&names);
    if (rc != SRT_OK && rc != SRT_ENOENT) {
        return rc;
    }
    if (found) {
        return srt_fail(err, SRT_ECORRUPT, "'%s' is missing, but there is a journal", node_path);
    }
    return srt_fail(err, SRT_ENOENT, "'%s' is not a data directory: it has no node.json", data_dir);
}

int store_check_format(const struct io_fs *fs, const char *data_dir, struct srt_err *err)
{
    char *path = srt_xasprintf("%s/node.json", data_dir);
    struct srt_buf text;
    srt_buf_init(&text);
    int rc = io_read_file(fs, path, NODE_FILE_BYTES_MAX, &text, err);
    if (rc == SRT_OK) {
        rc = check_node_text(srt_buf_cstr(&text), text.len, path, err);
    } else if (rc == SRT_ENOENT) {
        rc = check_no_journal(fs, data_dir, path, err);
    }
    srt_buf_fini(&text);
    srt_free(path);
    return rc;
}

static int create_format(struct store *store, struct srt_err *err)
{
    char *journal = srt_xasprintf("%s/journal", store->data_dir);
    int rc = io_make_dirs(store->fs, journal, err);
    if (rc == SRT_OK) {
        rc = io_make_dirs(store->fs, store->topics_dir, err);
    }
    if (rc == SRT_OK) {
        rc = store_write_node_file(store->fs, store->data_dir, err);
    }
    srt_free(journal);
    return rc;
}

/* Only on the kernel's files: a disk of a test has no other processes. */
int store_lock_dir(const struct io_fs *fs, const char *data_dir, int *ret_fd, struct srt_err *err)
{
    if (fs != io_fs_real()) {
        return SRT_OK;
    }
    char *path = srt_xasprintf("%s/LOCK", data_dir);
    int rc = io_lock_file(path, ret_fd, err);
    srt_free(path);
    if (rc == SRT_EBUSY) {
        rc = srt_fail(err, SRT_EBUSY, "data directory '%s' is in use by another process",
                      data_dir);
    }
    return rc;
}

int store_prepare_dir(struct store *store, struct srt_err *err)
{
    const struct store_options *options = &store->options;
    struct io_file_info info;
    int rc = io_path_info(store->fs, store->data_dir, &info, err);
    if (rc == SRT_ENOENT && (options->read_only || !options->create)) {
        return srt_fail(err, SRT_ENOENT, "data directory '%s' does not exist", store->data_dir);
    }
    if (rc == SRT_OK && options->read_only) {
        return store_check_format(store->fs, store->data_dir, err);
    }
    rc = rc == SRT_ENOENT ? io_make_dirs(store->fs, store->data_dir, err) : rc;
    if (rc == SRT_OK) {
        rc = store_lock_dir(store->fs, store->data_dir, &store->lock_fd, err);
    }
    if (rc == SRT_OK) {
        rc = store_check_format(store->fs, store->data_dir, err);
        rc = rc == SRT_ENOENT && options->create ? create_format(store, err) : rc;
    }
    return rc;
}
