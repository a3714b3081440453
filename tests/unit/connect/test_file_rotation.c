/* file_rotation.c, by the source that uses it: what happens to a followed file while it is read and
 * while it is not. Nothing may be lost, and nothing read twice. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connect/connectors.h"
#include "connect/file_rotation.h"
#include "support/cmocka_srt.h"
#include "support/connect_fixture.h"

static const char *text_of(struct fixture *fx)
{
    return srt_buf_cstr(&fx->text);
}

static const char *sibling(struct fixture *fx, const char *suffix)
{
    static char paths[8][200];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s%s", fx->path, suffix);
    return path;
}

static int64_t born(const char *path)
{
    struct io_file_info info;
    assert_int_equal(io_fs_real()->path_info(io_fs_real(), path, &info), 0);
    return info.born_ns;
}

/* A new file, younger than all there are: the clock of a file system ticks a few hundred times a
 * second. */
static void create(struct fixture *fx, const char *path, const char *text)
{
    const char *probe = sibling(fx, "-probe");
    fixture_write(probe, "");
    int64_t now = born(probe);
    if (now == 0) {
        skip(); /* this file system does not tell births */
    }
    do {
        (void)unlink(path);
        fixture_write(path, text);
    } while (born(path) <= now);
    assert_int_equal(unlink(probe), 0);
}

static void move(const char *from, const char *to)
{
    assert_int_equal(rename(from, to), 0);
}

/* Read what is there now, then stop. */
static void read_and_stop(struct fixture *fx, bool resume, const char *expected)
{
    assert_int_equal(fixture_open(fx, &source_file_ops, resume), SRT_OK);
    assert_int_equal(fixture_read(fx), SRT_OK);
    assert_string_equal(text_of(fx), expected);
    fixture_close(fx);
}

/* Start again and read so many records. */
static void resume(struct fixture *fx, int count, const char *expected)
{
    assert_int_equal(fixture_open(fx, &source_file_ops, true), SRT_OK);
    assert_int_equal(fixture_read_count(fx, count), SRT_OK);
    assert_string_equal(text_of(fx), expected);
}

static int setup(void **state)
{
    int rc = fixture_setup(state);
    struct fixture *fx = *state;
    fx->spec.follow = true;
    return rc;
}

/* --- renamed --- */

static void renamed_meanwhile_the_old_file_is_finished_first(void **state)
{
    struct fixture *fx = *state;
    create(fx, fx->path, "one\ntwo\n");
    read_and_stop(fx, false, "0:one|4:two|");
    fixture_append(fx->path, "three\n");
    move(fx->path, sibling(fx, ".1"));
    create(fx, fx->path, "one\n"); /* begins as the old one did */
    resume(fx, 2, "8:three|0:one|");
}

static void stopped_while_the_old_file_is_read_it_is_gone_on_with(void **state)
{
    struct fixture *fx = *state;
    create(fx, fx->path, "one\ntwo\nthree\n");
    read_and_stop(fx, false, "0:one|4:two|8:three|");
    fx->position = 4; /* so far it was committed */
    move(fx->path, sibling(fx, ".1"));
    create(fx, fx->path, "new\n");
    assert_int_equal(fixture_open(fx, &source_file_ops, true), SRT_OK);
    assert_int_equal(fixture_read_count(fx, 2), SRT_OK);
    assert_string_equal(text_of(fx), "4:two|8:three|");
    fixture_close(fx); /* and again, between the two files */
    resume(fx, 1, "0:new|");
    fixture_close(fx);
    fixture_append(fx->path, "newer\n");
    resume(fx, 1, "4:newer|");
}

static void several_generations_are_read_in_their_order(void **state)
{
    struct fixture *fx = *state;
    create(fx, sibling(fx, ".3"), "older than all\n");
    create(fx, fx->path, "one\n");
    read_and_stop(fx, false, "0:one|");
    fixture_append(fx->path, "two\n");
    move(fx->path, sibling(fx, ".2"));
    create(fx, fx->path, "three\nlast without end");
    move(fx->path, sibling(fx, ".1"));
    create(fx, sibling(fx, ".1.gz"), "no log\n");
    create(fx, sibling(fx, ".lock"), "no log\n");
    create(fx, sibling(fx, ".5"), "\x1f\x8b\x08 compressed\n");
    create(fx, fx->path, "four\n");
    create(fx, sibling(fx, ".4"), "younger than all\n");
    resume(fx, 4, "4:two|0:three|6:last without end|0:four|");
}

static void two_rotations_between_two_looks_lose_nothing(void **state)
{
    struct fixture *fx = *state;
    create(fx, fx->path, "one\n");
    assert_int_equal(fixture_open(fx, &source_file_ops, false), SRT_OK);
    assert_int_equal(fixture_read(fx), SRT_OK);
    move(fx->path, sibling(fx, ".2"));
    create(fx, fx->path, "two\n");
    move(fx->path, sibling(fx, ".1"));
    create(fx, fx->path, "three\n");
    assert_int_equal(fixture_read_count(fx, 2), SRT_OK);
    assert_string_equal(text_of(fx), "0:two|0:three|");
}

static void renamed_and_not_made_again_yet_the_old_file_is_read_on(void **state)
{
    struct fixture *fx = *state;
    create(fx, fx->path, "one\n");
    read_and_stop(fx, false, "0:one|");
    move(fx->path, sibling(fx, ".1"));
    fixture_append(sibling(fx, ".1"), "two\n");
    resume(fx, 1, "4:two|");
    fixture_append(sibling(fx, ".1"), "three\n"); /* its writer has not noticed */
    assert_int_equal(fixture_read_count(fx, 1), SRT_OK);
    assert_string_equal(text_of(fx), "8:three|");
    create(fx, fx->path, "new\n");
    assert_int_equal(fixture_read_count(fx, 1), SRT_OK);
    assert_string_equal(text_of(fx), "0:new|");
}

/* --- removed --- */

static void removed_and_made_anew_it_is_read_from_its_beginning(void **state)
{
    struct fixture *fx = *state;
    create(fx, fx->path, "one\ntwo\n");
    read_and_stop(fx, false, "0:one|4:two|");
    assert_int_equal(unlink(fx->path), 0);
    create(fx, fx->path, "one\ntwo\nthree\n"); /* often with the same inode */
    resume(fx, 3, "0:one|4:two|8:three|");
}

static void removed_while_it_is_read_its_end_is_read_before_the_new_one(void **state)
{
    struct fixture *fx = *state;
    create(fx, fx->path, "one\n");
    assert_int_equal(fixture_open(fx, &source_file_ops, false), SRT_OK);
    assert_int_equal(fixture_read(fx), SRT_OK);
    fixture_append(fx->path, "two\n");
    assert_int_equal(unlink(fx->path), 0);
    create(fx, fx->path, "new\n");
    assert_int_equal(fixture_read_count(fx, 2), SRT_OK);
    assert_string_equal(text_of(fx), "4:two|0:new|");
}

/* --- copied and cut --- */

static void copy_and_cut(struct fixture *fx, const char *to)
{
    struct srt_buf content;
    assert_int_equal(io_read_file(io_fs_real(), fx->path, 1 << 20, &content, &fx->err), SRT_OK);
    create(fx, to, srt_buf_cstr(&content));
    srt_buf_fini(&content);
    assert_int_equal(truncate(fx->path, 0), 0);
}

static void cut_meanwhile_the_copy_is_finished_first(void **state)
{
    struct fixture *fx = *state;
    create(fx, sibling(fx, ".2"), "one\nfrom another day\n");
    create(fx, fx->path, "one\n");
    read_and_stop(fx, false, "0:one|");
    fixture_append(fx->path, "two\n");
    copy_and_cut(fx, sibling(fx, ".1"));
    fixture_append(fx->path, "new one that is longer than all before\n");
    resume(fx, 2, "4:two|0:new one that is longer than all before|");
    fixture_close(fx);
    fixture_append(fx->path, "next\n");
    resume(fx, 1, "39:next|");
}

static void cut_twice_meanwhile_both_copies_are_read(void **state)
{
    struct fixture *fx = *state;
    create(fx, fx->path, "one\n");
    read_and_stop(fx, false, "0:one|");
    fixture_append(fx->path, "two\n");
    copy_and_cut(fx, sibling(fx, ".1"));
    fixture_append(fx->path, "three\n");
    move(sibling(fx, ".1"), sibling(fx, ".2"));
    copy_and_cut(fx, sibling(fx, ".1"));
    fixture_append(fx->path, "four\n");
    resume(fx, 3, "4:two|0:three|0:four|");
}

static void cut_while_it_is_read_the_copy_has_what_was_not(void **state)
{
    struct fixture *fx = *state;
    create(fx, fx->path, "one\npart");
    assert_int_equal(fixture_open(fx, &source_file_ops, false), SRT_OK);
    assert_int_equal(fixture_read(fx), SRT_OK);
    assert_string_equal(text_of(fx), "0:one|");
    fixture_append(fx->path, " of a line\ntwo\n");
    copy_and_cut(fx, sibling(fx, "-20261129"));
    fixture_append(fx->path, "new\n");
    assert_int_equal(fixture_read_count(fx, 3), SRT_OK);
    assert_string_equal(text_of(fx), "4:part of a line|19:two|0:new|");
}

static void cut_and_written_beyond_the_place_is_noticed(void **state)
{
    struct fixture *fx = *state;
    create(fx, fx->path, "one\n");
    assert_int_equal(fixture_open(fx, &source_file_ops, false), SRT_OK);
    assert_int_equal(fixture_read(fx), SRT_OK);
    fixture_write(fx->path, "other and longer\n"); /* no copy */
    assert_int_equal(fixture_read_count(fx, 1), SRT_OK);
    assert_string_equal(text_of(fx), "0:other and longer|");
}

static void cut_meanwhile_without_a_copy_it_is_said_and_begun_again(void **state)
{
    struct fixture *fx = *state;
    create(fx, sibling(fx, ".1"), "one\ntwo\nolder than the file: no copy of it\n");
    create(fx, fx->path, "one\ntwo\n");
    read_and_stop(fx, false, "0:one|4:two|");
    fixture_write(fx->path, "new\n");
    resume(fx, 1, "0:new|");
    assert_non_null(strstr(srt_buf_cstr(&fx->warnings), "what the other one got since then"));
}

/* --- what may not happen --- */

static void a_pipe_beside_the_file_is_left_alone(void **state)
{
    struct fixture *fx = *state;
    create(fx, fx->path, "one\n");
    read_and_stop(fx, false, "0:one|");
    assert_int_equal(mkfifo(sibling(fx, ".1"), 0600), 0);
    assert_int_equal(mkdir(sibling(fx, ".2"), 0700), 0);
    assert_int_equal(unlink(fx->path), 0);
    create(fx, fx->path, "new\n");
    resume(fx, 1, "0:new|");
}

static void a_directory_that_is_not_there_finds_nothing(void **state)
{
    struct fixture *fx = *state;
    struct file_identity id = {.device = 1, .inode = 1, .head_bytes = 1, .born_ns = 1};
    int fd = -1;
    char *path = NULL;
    const struct io_fs *fs = io_fs_real();
    assert_false(file_rotation_find_moved(fs, sibling(fx, "/none"), &id, 0, &fd, &path));
    assert_false(file_rotation_find_copy(fs, sibling(fx, "/none"), &id, 0, &fd, &path));
    assert_false(file_rotation_find_next(fs, sibling(fx, "/none"), &id, &fd, &path));
    assert_int_equal(fd, -1);
    assert_null(path);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(renamed_meanwhile_the_old_file_is_finished_first),
        TEST(stopped_while_the_old_file_is_read_it_is_gone_on_with),
        TEST(several_generations_are_read_in_their_order),
        TEST(two_rotations_between_two_looks_lose_nothing),
        TEST(renamed_and_not_made_again_yet_the_old_file_is_read_on),
        TEST(removed_and_made_anew_it_is_read_from_its_beginning),
        TEST(removed_while_it_is_read_its_end_is_read_before_the_new_one),
        TEST(cut_meanwhile_the_copy_is_finished_first),
        TEST(cut_twice_meanwhile_both_copies_are_read),
        TEST(cut_while_it_is_read_the_copy_has_what_was_not),
        TEST(cut_and_written_beyond_the_place_is_noticed),
        TEST(cut_meanwhile_without_a_copy_it_is_said_and_begun_again),
        TEST(a_pipe_beside_the_file_is_left_alone),
        TEST(a_directory_that_is_not_there_finds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
