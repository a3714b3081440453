#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "connect/file_identity.h"
#include "support/connect_fixture.h"

static struct file_identity identity_of(struct fixture *fx)
{
    int fd = -1;
    struct file_identity id;
    assert_int_equal(io_open(io_fs_real(), fx->path, O_RDONLY, 0, &fd, &fx->err), SRT_OK);
    assert_int_equal(
        file_identity_read(io_fs_real(), fd, fx->path, FILE_IDENTITY_HEAD_BYTES, &id, &fx->err),
        SRT_OK);
    io_close(io_fs_real(), &fd);
    return id;
}

static bool is_same(struct fixture *fx, const struct file_identity *then)
{
    int fd = -1;
    bool same = false;
    assert_int_equal(io_open(io_fs_real(), fx->path, O_RDONLY, 0, &fd, &fx->err), SRT_OK);
    assert_int_equal(file_identity_same_content(io_fs_real(), fd, fx->path, then, &same, &fx->err),
                     SRT_OK);
    io_close(io_fs_real(), &fd);
    return same;
}

static void only_the_first_bytes_are_looked_at(void **state)
{
    struct fixture *fx = *state;
    char content[1000];
    memset(content, 'x', sizeof content);
    fixture_write_bytes(fx->path, content, sizeof content);
    struct file_identity id = identity_of(fx);
    assert_int_equal(id.head_bytes, FILE_IDENTITY_HEAD_BYTES);
    content[256] = 'y';
    fixture_write_bytes(fx->path, content, sizeof content);
    assert_true(is_same(fx, &id));
    content[255] = 'y';
    fixture_write_bytes(fx->path, content, sizeof content);
    assert_false(is_same(fx, &id));
}

static void a_file_that_grew_is_the_same(void **state)
{
    struct fixture *fx = *state;
    fixture_write(fx->path, "abc");
    struct file_identity id = identity_of(fx);
    assert_int_equal(id.head_bytes, 3);
    fixture_append(fx->path, "def");
    assert_true(is_same(fx, &id));
    fixture_write(fx->path, "ab");
    assert_false(is_same(fx, &id));
    fixture_write(fx->path, "abx");
    assert_false(is_same(fx, &id));
}

static void golden_bytes_are_coded(void **state)
{
    (void)state;
    static const uint8_t golden[FILE_IDENTITY_CODED_BYTES] = {
        2, 0, 0, 0,    0,    0,    0,    0, 2, 0, 0, 0, 0, 0, 0, 1,
        3, 1, 0, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, 0, 0, 2, 1};
    struct file_identity id = {
        .device = 2, .inode = 259, .head_bytes = 256, .head_crc = 0xdeadbeef, .born_ns = 513};
    uint8_t coded[FILE_IDENTITY_CODED_BYTES];
    file_identity_encode(&id, coded);
    assert_memory_equal(coded, golden, sizeof golden);
    struct file_identity back;
    assert_int_equal(file_identity_decode(golden, sizeof golden, &back), SRT_OK);
    assert_memory_equal(&back.device, &id.device, 8);
    assert_int_equal(back.inode, 259);
    assert_int_equal(back.head_bytes, 256);
    assert_int_equal(back.head_crc, 0xdeadbeef);
    assert_int_equal(back.born_ns, 513);
}

static void the_version_before_is_read(void **state)
{
    (void)state;
    static const uint8_t golden[23] = {1, 0, 0, 0, 0, 0, 0, 0,    2,    0,    0,   0,
                                       0, 0, 0, 1, 3, 1, 0, 0xde, 0xad, 0xbe, 0xef};
    struct file_identity back;
    assert_int_equal(file_identity_decode(golden, sizeof golden, &back), SRT_OK);
    assert_int_equal(back.inode, 259);
    assert_int_equal(back.head_crc, 0xdeadbeef);
    assert_int_equal(back.born_ns, 0);
    assert_int_equal(file_identity_decode(golden, sizeof golden - 1, &back), SRT_ECORRUPT);
}

static void an_inode_that_serves_another_file_is_noticed(void **state)
{
    (void)state;
    struct file_identity a = {.device = 1, .inode = 7, .born_ns = 1000};
    struct file_identity b = a;
    assert_true(file_identity_same_file(&a, &b));
    b.born_ns = 2000;
    assert_false(file_identity_same_file(&a, &b));
    b.born_ns = 0; /* not known: the inode must do */
    assert_true(file_identity_same_file(&a, &b));
    b.inode = 8;
    assert_false(file_identity_same_file(&a, &b));
}

static void damaged_and_foreign_codings_are_refused(void **state)
{
    (void)state;
    uint8_t coded[FILE_IDENTITY_CODED_BYTES + 1] = {2};
    struct file_identity id;
    assert_int_equal(file_identity_decode(coded, 0, &id), SRT_ECORRUPT);
    assert_int_equal(file_identity_decode(coded, FILE_IDENTITY_CODED_BYTES - 1, &id), SRT_ECORRUPT);
    assert_int_equal(file_identity_decode(coded, FILE_IDENTITY_CODED_BYTES + 1, &id), SRT_ECORRUPT);
    assert_int_equal(file_identity_decode(coded, FILE_IDENTITY_CODED_BYTES, &id), SRT_OK);
    coded[17] = 2; /* a head of 512 bytes */
    assert_int_equal(file_identity_decode(coded, FILE_IDENTITY_CODED_BYTES, &id), SRT_ECORRUPT);
    coded[0] = 3;
    assert_int_equal(file_identity_decode(coded, FILE_IDENTITY_CODED_BYTES, &id), SRT_EVERSION);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_the_first_bytes_are_looked_at),
        TEST(a_file_that_grew_is_the_same),
        TEST(golden_bytes_are_coded),
        TEST(the_version_before_is_read),
        TEST(an_inode_that_serves_another_file_is_noticed),
        TEST(damaged_and_foreign_codings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
