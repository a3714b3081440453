/* gzip.c: a stream in pieces of any size, several members, padding, damage. */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/fault.h"
#include "record/gzip.h"
#include "support/cmocka_srt.h"

/* printf 'one\ntwo\nthree\n' | gzip -n */
static const uint8_t member[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xcb, 0xcf,
    0x4b, 0xe5, 0x2a, 0x29, 0xcf, 0xe7, 0x2a, 0xc9, 0x28, 0x4a, 0x4d, 0xe5,
    0x02, 0x00, 0xb6, 0xd5, 0xe6, 0x25, 0x0e, 0x00, 0x00, 0x00,
};
static const char text[] = "one\ntwo\nthree\n";

enum { TEXT_BYTES = sizeof text - 1 };

/* All of `in`, `in_step` bytes at a time into `out_step` bytes at a time. SRT_EAGAIN: it could go
 * on. */
static int run(const uint8_t *in, size_t size, size_t in_step, size_t out_step, struct srt_buf *to,
               struct srt_err *err)
{
    struct gzip_reader *z;
    assert_int_equal(gzip_reader_create(&z), SRT_OK);
    size_t at = 0;
    int rc = SRT_OK;
    size_t used = 0;
    size_t made = 0;
    do {
        size_t part = size - at < in_step ? size - at : in_step;
        uint8_t *exact = malloc(part + (part == 0)); /* the sanitizer sees a read behind it */
        memcpy(exact, in + at, part);
        rc = gzip_reader_run(z, exact, part, &used, srt_buf_reserve(to, out_step), out_step, &made,
                             err);
        free(exact);
        if (rc == SRT_OK) {
            at += used;
            to->len += made;
            assert_int_equal(gzip_reader_used_bytes(z), at);
        }
    } while (rc == SRT_OK && (at < size || made > 0));
    if (rc == SRT_OK && !gzip_reader_whole(z)) {
        rc = SRT_EAGAIN;
    }
    gzip_reader_destroy(z);
    return rc;
}

static void pieces_of_any_size_give_the_same(void **state)
{
    (void)state;
    struct srt_err err;
    for (size_t in_step = 1; in_step <= sizeof member; in_step++) {
        for (size_t out_step = 1; out_step <= TEXT_BYTES + 1; out_step++) {
            struct srt_buf out = {0};
            assert_int_equal(run(member, sizeof member, in_step, out_step, &out, &err), SRT_OK);
            assert_int_equal(out.len, TEXT_BYTES);
            assert_memory_equal(out.data, text, TEXT_BYTES);
            srt_buf_fini(&out);
        }
    }
}

static void members_are_one_stream_and_zeroes_end_it(void **state)
{
    (void)state;
    struct srt_err err;
    static const uint8_t zeroes[100];
    for (size_t step = 1; step < 200; step += 7) {
        struct srt_buf in = {0};
        struct srt_buf out = {0};
        for (int i = 0; i < 3; i++) {
            srt_buf_put(&in, member, sizeof member);
        }
        srt_buf_put(&in, zeroes, sizeof zeroes);
        assert_int_equal(run(in.data, in.len, step, step, &out, &err), SRT_OK);
        assert_int_equal(out.len, 3 * TEXT_BYTES);
        assert_memory_equal(out.data + 2 * TEXT_BYTES, text, TEXT_BYTES);
        srt_buf_fini(&in);
        srt_buf_fini(&out);
    }
}

static void what_ends_early_is_not_whole(void **state)
{
    (void)state;
    struct srt_err err;
    for (size_t size = 0; size < sizeof member; size++) {
        struct srt_buf out = {0};
        assert_int_equal(run(member, size, 5, 5, &out, &err), SRT_EAGAIN);
        assert_true(out.len <= TEXT_BYTES);
        srt_buf_fini(&out);
    }
}

static void damage_is_told_with_its_place(void **state)
{
    (void)state;
    struct srt_err err;
    struct srt_buf in = {0};
    struct srt_buf out = {0};
    srt_buf_put(&in, member, sizeof member);
    srt_buf_put(&in, "rubbish", 7);
    assert_int_equal(run(in.data, in.len, 1000, 1000, &out, &err), SRT_ECORRUPT);
    assert_int_equal(out.len, TEXT_BYTES); /* what came before it was given out */
    assert_non_null(strstr(err.msg, "damaged at byte 36: incorrect header check"));
    srt_buf_clear(&in);
    srt_buf_clear(&out);

    srt_buf_put(&in, member, sizeof member);
    srt_buf_put(&in, "\0\0x", 3);
    assert_int_equal(run(in.data, in.len, 1000, 1000, &out, &err), SRT_ECORRUPT);
    assert_non_null(strstr(err.msg, "damaged at byte 36: bytes behind its end"));
    srt_buf_clear(&in);
    srt_buf_clear(&out);

    srt_buf_put(&in, member, sizeof member);
    in.data[26] ^= 1; /* the checksum */
    assert_int_equal(run(in.data, in.len, 3, 3, &out, &err), SRT_ECORRUPT);
    assert_non_null(strstr(err.msg, "damaged at byte 30: incorrect data check"));
    srt_buf_fini(&in);
    srt_buf_fini(&out);
}

static void a_changed_bit_is_noticed_unless_it_means_nothing(void **state)
{
    (void)state;
    struct srt_err err;
    int harmless = 0;
    for (size_t at = 0; at < sizeof member; at++) {
        for (int bit = 0; bit < 8; bit++) {
            struct srt_buf out = {0};
            uint8_t copy[sizeof member];
            memcpy(copy, member, sizeof copy);
            copy[at] ^= (uint8_t)(1 << bit);
            int rc = run(copy, sizeof copy, 1000, 1000, &out, &err);
            if (rc == SRT_OK) { /* time, system, bits behind the last code */
                assert_int_equal(out.len, TEXT_BYTES);
                assert_memory_equal(out.data, text, TEXT_BYTES);
                harmless++;
            } else {
                assert_true(rc == SRT_ECORRUPT || rc == SRT_EAGAIN);
            }
            srt_buf_fini(&out);
        }
    }
    assert_in_range(harmless, 6 * 8, 8 * 8);
}

static void only_the_magic_says_that_it_is_gzip(void **state)
{
    (void)state;
    assert_true(gzip_magic(member, sizeof member));
    assert_true(gzip_magic(member, GZIP_MAGIC_BYTES));
    assert_false(gzip_magic(member, GZIP_MAGIC_BYTES - 1));
    assert_false(gzip_magic((const uint8_t *)"\x1f\x8b\x09", 3));
    assert_false(gzip_magic((const uint8_t *)text, TEXT_BYTES));
}

static void compressing_needs_room(void **state)
{
    (void)state;
    uint8_t zeroes[1000] = {0};
    uint8_t packed[100];
    size_t size;
    assert_int_equal(gzip_encode(zeroes, sizeof zeroes, packed, sizeof packed, &size), SRT_OK);
    assert_int_equal(gzip_encode(zeroes, sizeof zeroes, packed, size - 1, &size), SRT_ETOOBIG);
}

static void without_memory_there_is_no_reader(void **state)
{
    (void)state;
    for (int fail_at = 1; fail_at <= 3; fail_at++) {
        struct gzip_reader *z;
        srt_fault_arm(SRT_FAULT_alloc, (uint64_t)fail_at, SRT_FAULT_ERRNO, ENOMEM);
        int rc = gzip_reader_create(&z);
        srt_fault_disarm();
        if (rc == SRT_OK) {
            assert_int_equal(fail_at, 3); /* itself, and what inflate keeps */
            gzip_reader_destroy(z);
        } else {
            assert_int_equal(rc, SRT_ENOMEM);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_any_size_give_the_same),
        cmocka_unit_test(members_are_one_stream_and_zeroes_end_it),
        cmocka_unit_test(what_ends_early_is_not_whole),
        cmocka_unit_test(damage_is_told_with_its_place),
        cmocka_unit_test(a_changed_bit_is_noticed_unless_it_means_nothing),
        cmocka_unit_test(only_the_magic_says_that_it_is_gzip),
        cmocka_unit_test(compressing_needs_room),
        cmocka_unit_test(without_memory_there_is_no_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
