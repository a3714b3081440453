#define ZLIB_CONST /* it reads its input and does not write there */
#include "record/gzip.h"

#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/assert.h"

enum gzip_state {
    GZIP_MEMBER,  /* inside of one, or before the first */
    GZIP_BETWEEN, /* one has ended */
    GZIP_PADDING, /* zeroes, up to the end */
};

struct gzip_reader {
    z_stream z;
    enum gzip_state state;
    uint64_t used_bytes;
};

static const uint8_t magic[GZIP_MAGIC_BYTES] = {0x1f, 0x8b, Z_DEFLATED};

bool gzip_magic(const uint8_t *data, size_t size)
{
    return size >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

/* zlib's memory is ours, so that a lack of it can be tested. */
static void *alloc(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    return srt_alloc((size_t)count * size);
}

static void release(void *opaque, void *ptr)
{
    (void)opaque;
    srt_free(ptr);
}

/* --- compressing --- */

int gzip_encode(const uint8_t *data, size_t size, uint8_t *to, size_t room, size_t *ret_size)
{
    enum { GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8 };
    z_stream z = {.zalloc = alloc, .zfree = release};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return SRT_ENOMEM;
    }
    z.next_in = data;
    z.avail_in = (uInt)size;
    z.next_out = to;
    z.avail_out = (uInt)room;
    int rc = deflate(&z, Z_FINISH);
    *ret_size = room - z.avail_out;
    (void)deflateEnd(&z); /* Z_DATA_ERROR: it was not finished, which is no error here */
    return rc == Z_STREAM_END ? SRT_OK : SRT_ETOOBIG;
}

/* --- decompressing --- */

int gzip_reader_create(struct gzip_reader **ret)
{
    enum { GZIP_ONLY = 15 + 16 };
    struct gzip_reader *z = srt_alloc(sizeof *z);
    if (!z) {
        return SRT_ENOMEM;
    }
    *z = (struct gzip_reader){.z = {.zalloc = alloc, .zfree = release}};
    if (inflateInit2(&z->z, GZIP_ONLY) != Z_OK) {
        srt_free(z);
        return SRT_ENOMEM;
    }
    *ret = z;
    return SRT_OK;
}

void gzip_reader_destroy(struct gzip_reader *z)
{
    if (z) {
        (void)inflateEnd(&z->z);
        srt_free(z);
    }
}

static int fail(const struct gzip_reader *z, uint64_t at, const char *why, struct srt_err *err)
{
    return srt_fail(err, SRT_ECORRUPT, "the gzip data is damaged at byte %" PRIu64 ": %s", at,
                    why                        ? why
                    : z->state == GZIP_PADDING ? "bytes behind its end"
                                               : "no gzip data");
}

/* Between members: which of the two may follow. Takes padding. */
static int look_ahead(struct gzip_reader *z, const uint8_t *in, size_t size, size_t *ret_used,
                      struct srt_err *err)
{
    size_t used = 0;
    if (z->state == GZIP_BETWEEN) {
        z->state = in[0] == 0 ? GZIP_PADDING : GZIP_MEMBER;
        if (z->state == GZIP_MEMBER && inflateReset(&z->z) != Z_OK) {
            srt_unreachable("inflateReset of a stream that was initialised");
        }
    }
    while (z->state == GZIP_PADDING && used < size) {
        if (in[used] != 0) {
            return fail(z, z->used_bytes + used, NULL, err);
        }
        used++;
    }
    *ret_used = used;
    return SRT_OK;
}

/* One call of inflate, within the current member. */
static int run_member(struct gzip_reader *z, const uint8_t *in, size_t in_size, size_t *ret_used,
                      uint8_t *out, size_t out_size, size_t *ret_made, struct srt_err *err)
{
    uInt in_now = in_size < INT32_MAX ? (uInt)in_size : INT32_MAX;
    uInt out_now = out_size < INT32_MAX ? (uInt)out_size : INT32_MAX;
    z->z.next_in = in;
    z->z.avail_in = in_now;
    z->z.next_out = out;
    z->z.avail_out = out_now;
    int rc = inflate(&z->z, Z_NO_FLUSH);
    *ret_used = in_now - z->z.avail_in;
    *ret_made = out_now - z->z.avail_out;
    switch (rc) {
    case Z_STREAM_END:
        z->state = GZIP_BETWEEN;
        return SRT_OK;
    case Z_OK:
    case Z_BUF_ERROR: /* no progress: one side is used up */
        return SRT_OK;
    case Z_MEM_ERROR:
        return srt_fail(err, SRT_ENOMEM, "no memory to decompress");
    default:
        return fail(z, z->used_bytes + *ret_used, z->z.msg, err);
    }
}

int gzip_reader_run(struct gzip_reader *z, const uint8_t *in, size_t in_size, size_t *ret_used,
                    uint8_t *out, size_t out_size, size_t *ret_made, struct srt_err *err)
{
    srt_assert(out_size > 0);
    size_t used = 0;
    size_t made = 0;
    for (;;) {
        size_t step = 0;
        size_t step_made = 0;
        int rc = SRT_OK;
        if (z->state != GZIP_MEMBER && used < in_size) {
            rc = look_ahead(z, in + used, in_size - used, &step, err);
        }
        if (rc == SRT_OK && z->state == GZIP_MEMBER) {
            rc = run_member(z, in + used, in_size - used, &step, out + made, out_size - made,
                            &step_made, err);
        }
        if (rc != SRT_OK && made + step_made == 0) {
            return rc;
        }
        z->used_bytes += step;
        used += step;
        made += step_made;
        if (rc != SRT_OK) {
            break; /* what came before the damage first: the next call meets it again */
        }
        bool stuck = step == 0 && step_made == 0;
        if (stuck || made == out_size || (used == in_size && z->state != GZIP_MEMBER)) {
            break;
        }
    }
    *ret_used = used;
    *ret_made = made;
    return SRT_OK;
}

bool gzip_reader_whole(const struct gzip_reader *z)
{
    return z->state != GZIP_MEMBER;
}

uint64_t gzip_reader_used_bytes(const struct gzip_reader *z)
{
    return z->used_bytes;
}
