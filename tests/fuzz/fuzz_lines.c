/* Any bytes as a file that is read in parts of any size: the lines must be those that a reader of
 * the whole would cut, also when reading begins anew where a batch ended. And a file's identity:
 * what was written of it is read again, and it knows its file. */
#include "connect/file_identity.h"
#include "connect/line_splitter.h"
#include "fuzz_disk.h"
#include "fuzz_input.h"

struct expected {
    const uint8_t *data;
    size_t size;
    size_t at; /* where the next line begins */
    enum codec codec;
    size_t max_bytes;
};

struct line {
    size_t at;
    size_t len; /* of the record */
    bool bad;
};

/* The next line that is a record; false at the end. */
static bool next_line(struct expected *e, struct line *ret)
{
    while (e->at < e->size) {
        const uint8_t *from = e->data + e->at;
        const uint8_t *feed = memchr(from, '\n', e->size - e->at);
        size_t len = feed ? (size_t)(feed - from) : e->size - e->at;
        *ret = (struct line){.at = e->at, .len = len};
        e->at += len + (feed != NULL);
        if (e->codec != CODEC_BYTES && feed && len > 0 && from[len - 1] == '\r') {
            ret->len--;
        }
        if (ret->len > e->max_bytes) {
            ret->len = e->max_bytes;
            ret->bad = true;
        }
        if (ret->len > 0 || e->codec != CODEC_JSON) {
            return true;
        }
    }
    return false;
}

static void compare(struct expected *e, const struct source_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct record *rec = &batch->records[i];
        struct line line;
        srt_assert(next_line(e, &line));
        srt_assert(rec->offset == (int64_t)line.at);
        srt_assert(rec->value_len == (int32_t)line.len);
        srt_assert(line.len == 0 || memcmp(rec->value, e->data + line.at, line.len) == 0);
        srt_assert(line.bad == (batch->bad_index == (int64_t)i));
        srt_assert(!line.bad || i + 1 == batch->count);
    }
    srt_assert(batch->next_offset >= 0 && (size_t)batch->next_offset <= e->size);
}

static void split(struct fuzz_input *steps, struct expected *e)
{
    struct line_splitter ls;
    line_splitter_init(&ls, e->codec, e->max_bytes);
    size_t fed = 0;
    for (;;) {
        uint8_t step = fuzz_byte(steps);
        struct source_batch batch;
        bool at_end = fed == e->size;
        line_splitter_take(&ls, step & 0x40 ? 1 : 4096, at_end, 0, &batch);
        compare(e, &batch);
        srt_assert(line_splitter_end(&ls) == (int64_t)fed);
        if (step & 0x80) { /* another process goes on from the position */
            line_splitter_reset(&ls, batch.next_offset);
            fed = (size_t)batch.next_offset;
        } else if (batch.count == 0 && at_end) {
            srt_assert(batch.next_offset == (int64_t)e->size);
            break;
        }
        size_t part = steps->size > 0 ? (size_t)(step & 0x3f) : 64;
        part = part < e->size - fed ? part : e->size - fed;
        uint8_t *to = line_splitter_space(&ls, part);
        srt_assert(to);
        if (part) {
            memcpy(to, e->data + fed, part);
        }
        line_splitter_filled(&ls, part);
        fed += part;
    }
    struct line more;
    srt_assert(!next_line(e, &more));
    line_splitter_fini(&ls);
}

static bool same_content(const struct io_fs *fs, const char *path, const struct file_identity *then)
{
    struct srt_err err;
    int fd = -1;
    bool same = false;
    int rc = io_open(fs, path, O_RDONLY, 0, &fd, &err);
    srt_assert(rc == SRT_OK);
    rc = file_identity_same_content(fs, fd, path, then, &same, &err);
    srt_assert(rc == SRT_OK);
    io_close(fs, &fd);
    return same;
}

static void identify(const uint8_t *data, size_t size, size_t head_bytes)
{
    struct fake_disk *disk = fake_disk_create();
    const struct io_fs *fs = fake_disk_fs(disk);
    struct file_identity id;
    struct file_identity again;
    struct srt_err err;
    uint8_t coded[FILE_IDENTITY_CODED_BYTES];
    int fd = -1;
    fuzz_disk_write(fs, "/f", data, size);
    int rc = io_open(fs, "/f", O_RDONLY, 0, &fd, &err);
    srt_assert(rc == SRT_OK);
    rc = file_identity_read(fs, fd, "/f", head_bytes, &id, &err);
    srt_assert(rc == SRT_OK);
    io_close(fs, &fd);
    file_identity_encode(&id, coded);
    rc = file_identity_decode(coded, sizeof coded, &again);
    srt_assert(rc == SRT_OK && again.device == id.device && again.inode == id.inode &&
               again.head_bytes == id.head_bytes && again.head_crc == id.head_crc);
    srt_assert(same_content(fs, "/f", &again));
    if (id.head_bytes > 0) {
        uint8_t *other = fuzz_copy(data, size);
        other[id.head_bytes - 1] ^= 1;
        fuzz_disk_write(fs, "/f", other, size);
        srt_assert(!same_content(fs, "/f", &id));
        fuzz_disk_write(fs, "/f", data, (size_t)id.head_bytes - 1);
        srt_assert(!same_content(fs, "/f", &id));
        free(other);
    }
    if (file_identity_decode(data, size, &id) == SRT_OK) {
        (void)same_content(fs, "/f", &id);
        file_identity_encode(&id, coded);
        if (size == sizeof coded && data[0] == coded[0]) { /* not of an earlier version */
            srt_assert(memcmp(coded, data, sizeof coded) == 0);
        }
    }
    fuzz_disk_destroy(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum codec codecs[] = {CODEC_JSON, CODEC_TEXT, CODEC_BYTES};
    struct fuzz_input in = {data, size};
    uint8_t first = fuzz_byte(&in);
    struct expected e = {.codec = codecs[first % 3], .max_bytes = 1 + (size_t)fuzz_byte(&in) % 70};
    size_t step_count = fuzz_byte(&in);
    struct fuzz_input steps = fuzz_part(&in, step_count);
    uint8_t *file = fuzz_copy(in.data, in.size);
    e.data = file;
    e.size = in.size;
    split(&steps, &e);
    if (first & 0x80) {
        identify(file, in.size, first & 0x40 ? FILE_IDENTITY_HEAD_BYTES : (size_t)first % 40);
    }
    free(file);
    return 0;
}
