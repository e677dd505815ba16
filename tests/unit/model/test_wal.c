/* The log of steps: what is written is read, a torn end is cut, and nothing can be changed in it without showing. */
#include "test.h"

#include <fcntl.h>

#include "model/wal.h"

static char tmp[64], path[100];

static int set_up(void **state)
{
    (void)state;
    test_tmp(tmp);
    snprintf(path, sizeof path, "%s/steps.wal", tmp);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_tmp_remove(tmp);
    return 0;
}

static const mn_wal_run run = {.seed = 7, .batch_rows = 8, .row_tokens = 256, .corpus = {1, 2}};

static mn_wal_record record(uint64_t step)
{
    return (mn_wal_record){.step = step,
                           .epoch = step / 5,
                           .row = step % 5 * 8,
                           .rows = 8,
                           .rate = 1e-3 / (double)step,
                           .scored = 1000 + step,
                           .docs = {(uint8_t)step}};
}

/* A log of n flushed steps. */
static void write_log(uint64_t n)
{
    mn_err e = {0};
    mn_wal w;
    RUN(mn_wal_open(path, &run, 0, &w, &e));
    for (uint64_t i = 1; i <= n; i++) {
        mn_wal_record r = record(i);
        RUN(mn_wal_add(&w, &r, &e));
    }
    RUN(mn_wal_flush(&w, &e));
    mn_wal_close(&w);
}

static mn_buf bytes(void)
{
    mn_err e = {0};
    mn_buf b;
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(path, SIZE_MAX, &b, &e));
    return b;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_wal_log l;
    write_log(12);
    RUN(mn_wal_log_open(path, 12, &l, &e));
    OK(l.n == 12 && mn_wal_run_same(&l.run, &run));
    for (uint64_t i = 0; i < l.n; i++) {
        mn_wal_record r, want = record(i + 1);
        mn_wal_log_at(&l, i, &r);
        OK(r.step == want.step && r.epoch == want.epoch && r.row == want.row && r.rows == 8);
        OK(r.rate == want.rate && r.scored == want.scored);
        OK(memcmp(r.docs, want.docs, 32) == 0);
        if (i + 1 == l.n) OK(memcmp(r.chain, l.chain, 32) == 0);
    }
    mn_wal_log_close(&l);
}

static void steps_that_were_not_flushed_are_not_there(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_wal w;
    mn_wal_log l;
    write_log(4);
    RUN(mn_wal_open(path, &run, 4, &w, &e));
    mn_wal_record r = record(5);
    RUN(mn_wal_add(&w, &r, &e));
    mn_wal_close(&w);
    FAILS(MN_E_CORRUPT, mn_wal_log_open(path, 5, &l, &e));
    OK(strstr(e.msg, "cut short: 4 steps, expected 5"));
}

static void going_on_cuts_what_follows_and_gives_the_same_bytes(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_wal w;
    write_log(9);
    mn_buf want = bytes();
    int fd = open(path, O_WRONLY | O_APPEND);
    OK(fd >= 0 && write(fd, "torn", 4) == 4);
    close(fd);
    RUN(mn_wal_open(path, &run, 6, &w, &e)); /* the checkpoint is of step 6 */
    for (uint64_t i = 7; i <= 9; i++) {
        mn_wal_record r = record(i);
        RUN(mn_wal_add(&w, &r, &e));
    }
    RUN(mn_wal_flush(&w, &e));
    mn_wal_close(&w);
    mn_buf got = bytes();
    OK(got.len == want.len && memcmp(got.ptr, want.ptr, got.len) == 0);
    mn_buf_release(&got);
    mn_buf_release(&want);
}

static void every_flipped_byte_is_found(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_wal_log l;
    write_log(3);
    mn_buf b = bytes();
    uint8_t *p = (uint8_t *)b.ptr;
    RUN(mn_wal_parse(p, b.len, 3, &l, &e));
    for (size_t i = 0; i < b.len; i++) {
        p[i] ^= 0x10;
        FAILS(MN_E_CORRUPT, mn_wal_parse(p, b.len, 3, &l, &e));
        p[i] ^= 0x10;
    }
    for (size_t n = 0; n < b.len; n++) FAILS(MN_E_CORRUPT, mn_wal_parse(p, n, 3, &l, &e));
    mn_buf_release(&b);
}

static void records_cannot_change_places_or_be_left_out(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_wal_log l;
    write_log(4);
    mn_buf b = bytes();
    uint8_t *p = (uint8_t *)b.ptr + MN_WAL_HEAD, third[MN_WAL_RECORD];
    memcpy(third, p + 2 * MN_WAL_RECORD, MN_WAL_RECORD);
    memmove(p + 2 * MN_WAL_RECORD, p + 3 * MN_WAL_RECORD, MN_WAL_RECORD);
    FAILS(MN_E_CORRUPT, mn_wal_parse((uint8_t *)b.ptr, b.len - MN_WAL_RECORD, 3, &l, &e));
    OK(strstr(e.msg, "step 3"));
    memcpy(p + 3 * MN_WAL_RECORD, third, MN_WAL_RECORD);
    FAILS(MN_E_CORRUPT, mn_wal_parse((uint8_t *)b.ptr, b.len, 4, &l, &e));
    mn_buf_release(&b);
}

static void a_log_of_another_run_is_refused(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_wal w;
    mn_wal_run other = run;
    write_log(4);
    other.seed = 8;
    FAILS(MN_E_CORRUPT, mn_wal_open(path, &other, 4, &w, &e));
    OK(strstr(e.msg, "another training"));
    FAILS(MN_E_CORRUPT, mn_wal_open(path, &run, 5, &w, &e));
    unlink(path);
    FAILS(MN_E_NOT_FOUND, mn_wal_open(path, &run, 4, &w, &e));
}

static void a_full_disk_is_said(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_wal w;
    if (access("/dev/full", W_OK) != 0) SKIP("no /dev/full");
    FAILS(MN_E_IO, mn_wal_open("/dev/full", &run, 0, &w, &e));
    OK(strstr(e.msg, "/dev/full"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(steps_that_were_not_flushed_are_not_there),
        TEST(going_on_cuts_what_follows_and_gives_the_same_bytes),
        TEST(every_flipped_byte_is_found),
        TEST(records_cannot_change_places_or_be_left_out),
        TEST(a_log_of_another_run_is_refused),
        TEST(a_full_disk_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
