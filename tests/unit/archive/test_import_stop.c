/* An import that is stopped or killed half-way: what it acknowledged stays, and running it again completes it. The import
 * runs in a child process, which ends itself from inside the progress call. */
#include "test.h"

#include <signal.h>
#include <sys/wait.h>

#include "archive/import.h"
#include "base/stop.h"

#define POSTS 30000

static mn_err e;
static char dir[64], db[128], file[128];

static void put_posts(void)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    for (int i = 0; i < POSTS; i++) /* children before parents, ids that are no numbers */
        mn_buf_addf(
            &b,
            "{\"id\":\"p%d\",\"created_at\":\"2023-02-18T12:%02d:%02dZ\",\"text\":\"post %d\","
            "\"in_reply_to\":\"p%d\"}\n",
            POSTS - i, (POSTS - i) / 600, (POSTS - i) / 10 % 60, i, (POSTS - i) / 2);
    RUN(mn_fs_write_atomic(file, b.ptr, b.len, &e));
    mn_buf_release(&b);
}
static int set_up(void **st)
{
    (void)st;
    test_tmp(dir);
    snprintf(db, sizeof db, "%s/db", dir);
    snprintf(file, sizeof file, "%s/p.jsonl", dir);
    put_posts();
    return 0;
}
static int tear_down(void **st)
{
    (void)st;
    test_tmp_remove(dir);
    return 0;
}

static void stop_after(void *arg, uint64_t done, uint64_t total, uint64_t posts)
{
    (void)done;
    (void)total;
    if (posts < 15000) return;
    if (*(int *)arg == SIGKILL) raise(SIGKILL);
    mn_stop_request();
}

/* In a child: 0 done, 1 stopped with kept posts in the message, 2 else; killed by itself when how is SIGKILL. */
static int import_in_child(int how)
{
    pid_t pid = fork();
    int status = 0;
    if (pid == 0) {
        mn_store *s;
        mn_import_report r = {0};
        mn_import_opts o = {
            .data_dir = dir, .progress = how ? stop_after : NULL, .progress_arg = &how};
        if (mn_store_open(db, &s, &e) != MN_OK) _exit(2);
        mn_rc rc = mn_import_run(s, file, &o, &r, &e);
        mn_store_close(s);
        if (rc == MN_OK) _exit(0);
        _exit(rc == MN_E_CANCELLED && strstr(e.msg, "kept") ? 1 : 2);
    }
    OK(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* How many posts there are; checks that they hang together when all are in. */
static uint64_t look(bool complete)
{
    mn_store *s;
    mn_arena a;
    uint64_t accounts = 0, posts = 0, rev = 0, after = 0, roots = 0;
    RUN(mn_store_open(db, &s, &e));
    RUN(mn_store_counts(s, &accounts, &posts, &rev, &e));
    mn_arena_init(&a, 0);
    for (mn_posts page = {.n = 1}; complete && page.n;) {
        mn_arena_reset(&a);
        RUN(mn_store_posts_scan(s, after, 1000, &a, &page, &e));
        for (size_t i = 0; i < page.n; i++) roots += page.items[i].reply_to == 0;
        if (page.n) after = page.items[page.n - 1].id;
    }
    if (complete) assert_int_equal(roots, 1); /* p1 answers p0, which is nowhere */
    mn_arena_release(&a);
    mn_store_close(s);
    return posts;
}

static void a_stopped_import_keeps_batches_and_is_completed(void **st)
{
    (void)st;
    assert_int_equal(import_in_child(SIGTERM), 1);
    uint64_t kept = look(false);
    OK(kept >= 10000 && kept < POSTS);
    assert_int_equal(import_in_child(0), 0);
    assert_int_equal(look(true), POSTS);
}
static void a_killed_import_keeps_batches_and_is_completed(void **st)
{
    (void)st;
    assert_int_equal(import_in_child(SIGKILL), 1000 + SIGKILL);
    uint64_t kept = look(false);
    OK(kept >= 10000 && kept < POSTS);
    assert_int_equal(import_in_child(0), 0);
    assert_int_equal(look(true), POSTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stopped_import_keeps_batches_and_is_completed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_killed_import_keeps_batches_and_is_completed, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
