/* The same trial with real files and the real binary. The sink remembers the file's inode as long
 * as nothing is committed (`out.txt.uncommitted`); files that are written anew have others, so the
 * note is brought up to date as if the file had kept its own. */
#include "base/alloc.h"
#include "broker/broker.h"
#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SINK "/out.txt"
#define NOTE "/out.txt.uncommitted"

static _Noreturn void die(const char *what, const char *path)
{
    fprintf(stderr, "crash_states: %s '%s': %s\n", what, path, strerror(errno));
    exit(70);
}

static void must(int rc, const struct srt_err *err)
{
    if (rc != SRT_OK) {
        fprintf(stderr, "crash_states: %s\n", err->msg);
        exit(70);
    }
}

/* --- files --- */

static void remove_tree(const char *path)
{
    const struct io_fs *fs = io_fs_real();
    struct io_list names;
    struct srt_err err;
    if (io_list_dir(fs, path, &names, &err) != SRT_OK) {
        return;
    }
    for (size_t i = 0; i < names.count; i++) {
        char *child = srt_xasprintf("%s/%s", path, names.names[i]);
        struct io_file_info info;
        if (fs->path_info(fs, child, &info) == 0 && info.is_dir) {
            remove_tree(child);
            (void)fs->remove_dir(fs, child);
        } else if (fs->unlink(fs, child) < 0) {
            die("remove", child);
        }
        srt_free(child);
    }
    io_list_free(&names);
}

/* Zeroes at the end are left to the file system: a new journal file has little else. */
static void write_file(const char *path, const struct srt_buf *bytes)
{
    struct srt_err err;
    size_t filled = bytes->len;
    while (filled > 0 && bytes->data[filled - 1] == 0) {
        filled--;
    }
    int fd = -1;
    must(io_open(io_fs_real(), path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd, &err), &err);
    must(io_write_at(io_fs_real(), fd, bytes->data, filled, 0, path, &err), &err);
    if (ftruncate(fd, (off_t)bytes->len) != 0) {
        die("resize", path);
    }
    io_close(io_fs_real(), &fd);
}

static void write_tree(const struct io_fs *from, const char *dir, const char *root)
{
    struct io_list names;
    struct srt_err err;
    must(io_list_dir(from, *dir ? dir : "/", &names, &err), &err);
    for (size_t i = 0; i < names.count; i++) {
        char *path = srt_xasprintf("%s/%s", dir, names.names[i]);
        char *to = srt_xasprintf("%s%s", root, path);
        struct io_file_info info;
        if (from->path_info(from, path, &info) < 0) {
            die("look at", path);
        }
        if (info.is_dir) {
            if (mkdir(to, 0755) != 0) {
                die("make", to);
            }
            write_tree(from, path, root);
        } else {
            struct srt_buf bytes = {0};
            must(io_read_file(from, path, SIZE_MAX / 2, &bytes, &err), &err);
            write_file(to, &bytes);
            srt_buf_fini(&bytes);
        }
        srt_free(path);
        srt_free(to);
    }
    io_list_free(&names);
}

static void renew_note(const struct replay *replay, const char *root)
{
    char *path = srt_xasprintf("%s" NOTE, root);
    char *sink = srt_xasprintf("%s" SINK, root);
    struct srt_buf text = {0};
    struct srt_err err;
    struct stat st;
    uint64_t inode = 0;
    if (stat(sink, &st) == 0 && io_read_file(io_fs_real(), path, 4096, &text, &err) == SRT_OK) {
        const char *at = strstr(srt_buf_cstr(&text), "(device ");
        if (at && sscanf(at, "(device %*u, inode %" SCNu64 ")", &inode) == 1 &&
            inode == replay_inode(replay, SINK)) {
            struct srt_buf renewed = {0};
            srt_buf_printf(&renewed, "%.*s(device %" PRIu64 ", inode %" PRIu64 ")\n",
                           (int)(at - (const char *)text.data), (const char *)text.data,
                           (uint64_t)st.st_dev, (uint64_t)st.st_ino);
            write_file(path, &renewed);
            srt_buf_fini(&renewed);
        }
    }
    srt_buf_fini(&text);
    srt_free(path);
    srt_free(sink);
}

void trial_write_files(struct fake_disk *disk, const struct replay *replay, const char *root)
{
    struct srt_err err;
    must(io_make_dirs(io_fs_real(), root, &err), &err);
    remove_tree(root);
    write_tree(fake_disk_fs(disk), "", root);
    renew_note(replay, root);
}

/* --- comparing --- */

static bool same_tree(const struct io_fs *a, const char *a_dir, const struct io_fs *b,
                      const char *b_dir, struct srt_buf *why);

static bool same_entry(const struct io_fs *a, const char *a_path, const struct io_fs *b,
                       const char *b_path, struct srt_buf *why)
{
    struct io_file_info a_info;
    struct io_file_info b_info;
    if (a->path_info(a, a_path, &a_info) < 0 || b->path_info(b, b_path, &b_info) < 0 ||
        a_info.is_dir != b_info.is_dir) {
        srt_buf_printf(why, "'%s' is not the same kind of thing", b_path);
        return false;
    }
    if (a_info.is_dir) {
        return same_tree(a, a_path, b, b_path, why);
    }
    struct srt_buf a_bytes = {0};
    struct srt_buf b_bytes = {0};
    struct srt_err err;
    must(io_read_file(a, a_path, SIZE_MAX / 2, &a_bytes, &err), &err);
    must(io_read_file(b, b_path, SIZE_MAX / 2, &b_bytes, &err), &err);
    bool same = a_bytes.len == b_bytes.len &&
                (a_bytes.len == 0 || memcmp(a_bytes.data, b_bytes.data, a_bytes.len) == 0);
    if (!same) {
        srt_buf_printf(why, "'%s' has other bytes than the trace gives it", b_path);
    }
    srt_buf_fini(&a_bytes);
    srt_buf_fini(&b_bytes);
    return same;
}

static bool same_tree(const struct io_fs *a, const char *a_dir, const struct io_fs *b,
                      const char *b_dir, struct srt_buf *why)
{
    struct io_list a_names;
    struct io_list b_names;
    struct srt_err err;
    must(io_list_dir(a, *a_dir ? a_dir : "/", &a_names, &err), &err);
    must(io_list_dir(b, b_dir, &b_names, &err), &err);
    bool same = a_names.count == b_names.count;
    for (size_t i = 0; same && i < a_names.count; i++) {
        same = strcmp(a_names.names[i], b_names.names[i]) == 0;
    }
    if (!same) {
        srt_buf_printf(why, "'%s' has other names in it than the trace gives it", b_dir);
    }
    for (size_t i = 0; same && i < a_names.count; i++) {
        char *a_path = srt_xasprintf("%s/%s", a_dir, a_names.names[i]);
        char *b_path = srt_xasprintf("%s/%s", b_dir, b_names.names[i]);
        same = same_entry(a, a_path, b, b_path, why);
        srt_free(a_path);
        srt_free(b_path);
    }
    io_list_free(&a_names);
    io_list_free(&b_names);
    return same;
}

bool trial_same_files(struct fake_disk *disk, const char *root, struct srt_buf *why)
{
    return same_tree(fake_disk_fs(disk), "", io_fs_real(), root, why);
}

/* --- running --- */

/* Standard output to `out`, standard error to `err`; the exit code, or 128 and the signal. */
static int run(const char *const *words, const char *out, const char *err)
{
    pid_t pid = fork();
    if (pid < 0) {
        die("start", words[0]);
    }
    if (pid == 0) {
        int out_fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        int err_fd = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        if (out_fd < 0 || err_fd < 0 || dup2(out_fd, 1) < 0 || dup2(err_fd, 2) < 0) {
            _exit(126);
        }
        execv(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    int status;
    if (waitpid(pid, &status, 0) != pid) {
        die("wait for", words[0]);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void say_end(const char *path, struct srt_buf *why)
{
    struct srt_buf text = {0};
    struct srt_err err;
    if (io_read_file(io_fs_real(), path, 1 << 20, &text, &err) == SRT_OK) {
        size_t from = text.len > 400 ? text.len - 400 : 0;
        srt_buf_printf(why, ": %s", srt_buf_cstr(&text) + from);
    }
    srt_buf_fini(&text);
}

struct places {
    char *data;
    char *out;
    char *err;
};

static bool run_well(const char *const *words, const struct places *at, struct srt_buf *why)
{
    int code = run(words, at->out, at->err);
    if (code != 0) {
        srt_buf_printf(why, "`streamrt %s %s` ends with %d", words[1], words[2], code);
        say_end(at->out, why);
        say_end(at->err, why);
    }
    return code == 0;
}

/* `log dump` shows each record that recovery kept, in order, and no other. Of a compacted topic,
 * which may have lost more since, the last one. */
static bool check_dump(const struct trial *trial, const struct trial_binary *how,
                       const struct places *at, const struct content_topic *topic,
                       struct srt_buf *why)
{
    const char *words[] = {how->binary, "log", "dump",        topic->name, "--data-dir",
                           at->data,    "-f",  "%p %o %v\\n", NULL};
    if (!run_well(words, at, why)) {
        return false;
    }
    struct srt_buf expected = {0};
    struct srt_buf found = {0};
    struct srt_err err;
    for (int32_t p = 0; p < topic->part_count; p++) {
        const struct content_part *part = &topic->parts[p];
        for (uint32_t i = topic->compacted && part->count ? part->count - 1 : 0; i < part->count;
             i++) {
            uint32_t n = part->numbers[i];
            uint64_t start = n ? trial->lines->ends[n - 1] : 0;
            srt_buf_printf(&expected, "%d %" PRId64 " ", (int)p,
                           topic->compacted ? (int64_t)n : part->start + i);
            srt_buf_put(&expected, trial->lines->text.data + start, trial->lines->ends[n] - start);
        }
    }
    must(io_read_file(io_fs_real(), at->out, SIZE_MAX / 2, &found, &err), &err);
    size_t skip = topic->compacted && found.len > expected.len ? found.len - expected.len : 0;
    bool same = found.len - skip == expected.len &&
                (expected.len == 0 || memcmp(found.data + skip, expected.data, expected.len) == 0);
    if (!same) {
        srt_buf_printf(why, "`log dump %s` shows other records than recovery kept", topic->name);
    }
    srt_buf_fini(&expected);
    srt_buf_fini(&found);
    return same;
}

static bool check_end(struct trial *trial, const struct trial_binary *how, const struct places *at,
                      struct srt_buf *why)
{
    struct broker_options options;
    struct broker *broker;
    struct contents contents;
    struct srt_err err;
    broker_options_default(&options);
    options.store.data_dir = at->data;
    options.store.read_only = true;
    if (broker_open(&options, &broker, &err) != SRT_OK) {
        srt_buf_printf(why, "after the job has ended: %s", err.msg);
        return false;
    }
    char *sink = srt_xasprintf("%s" SINK, how->root);
    bool ok = contents_read(&contents, broker, trial->lines, why) &&
              oracle_check(trial->oracle, &contents, io_fs_real(), sink, true, why);
    srt_free(sink);
    contents_fini(&contents);
    (void)broker_close(broker, &err); /* a view */
    if (!ok) {
        srt_buf_put_str(why, " (when the job was finished)");
    }
    return ok;
}

bool trial_with_binary(struct trial *trial, const struct trial_binary *how, struct fake_disk *disk,
                       const struct contents *contents, struct srt_buf *why)
{
    struct io_file_info info;
    const struct io_fs *fs = fake_disk_fs(disk);
    struct places at = {.data = srt_xasprintf("%s/data", how->root),
                        .out = srt_xasprintf("%s.stdout", how->root),
                        .err = srt_xasprintf("%s.stderr", how->root)};
    trial_write_files(disk, how->replay, how->root);
    bool ok = true;
    if (fs->path_info(fs, "/data/node.json", &info) == 0) {
        const char *check[] = {how->binary, "log", "check", "--data-dir", at.data, NULL};
        ok = run_well(check, &at, why);
        for (uint32_t i = 0; ok && i < contents->topic_count; i++) {
            ok = check_dump(trial, how, &at, &contents->topics[i], why);
        }
    }
    const char *finish[] = {how->binary,       "run", how->config, "--data-dir", at.data,
                            "--until-drained", NULL};
    ok = ok && run_well(finish, &at, why) && check_end(trial, how, &at, why);
    trial->recoveries++;
    srt_free(at.data);
    srt_free(at.out);
    srt_free(at.err);
    return ok;
}
