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

/* How the latest import stands, and what settling says about it: one warning or none. */
static mn_import_state settle(const char *expected)
{
    mn_store *s;
    mn_arena a;
    mn_import *list;
    size_t n;
    mn_import_report r = {0};
    mn_arena_init(&a, 0);
    RUN(mn_store_open(db, &s, &e));
    RUN(mn_import_settle(s, dir, &r, &e));
    OK(r.n_warnings == (expected ? 1 : 0));
    if (expected && !strstr(r.warnings[0], expected)) fail_msg("%s", r.warnings[0]);
    mn_import_report_release(&r);
    RUN(mn_store_imports(s, &a, &list, &n, &e));
    mn_import_state state = list[n - 1].state;
    OK(list[n - 1].created > 0 || state == MN_IMPORT_UNDONE);
    mn_arena_release(&a);
    mn_store_close(s);
    return state;
}

static void a_stopped_import_keeps_batches_and_is_completed(void **st)
{
    (void)st;
    assert_int_equal(import_in_child(SIGTERM), 1);
    uint64_t kept = look(false);
    OK(kept >= 10000 && kept < POSTS);
    OK(settle(NULL) == MN_IMPORT_INTERRUPTED); /* whoever stopped it knows */
    assert_int_equal(import_in_child(0), 0);
    assert_int_equal(look(true), POSTS);
    OK(settle(NULL) == MN_IMPORT_DONE);
}
static void a_killed_import_keeps_batches_and_is_completed(void **st)
{
    (void)st;
    assert_int_equal(import_in_child(SIGKILL), 1000 + SIGKILL);
    uint64_t kept = look(false);
    OK(kept >= 10000 && kept < POSTS);
    OK(settle("p.jsonl' ended half-way; ") == MN_IMPORT_INTERRUPTED);
    OK(settle(NULL) == MN_IMPORT_INTERRUPTED); /* said once */
    assert_int_equal(import_in_child(0), 0);
    assert_int_equal(look(true), POSTS);
}
/* Called by the import itself, half-way: looks at it from a second connection. */
static void settle_inside(void *arg, uint64_t done, uint64_t total, uint64_t posts)
{
    (void)done;
    (void)total;
    if (posts < 15000 || *(int *)arg) return;
    *(int *)arg = 1;
    OK(settle(NULL) == MN_IMPORT_RUNNING);
}
static void an_import_at_work_is_left_alone(void **st)
{
    (void)st;
    mn_store *s;
    int looked = 0;
    mn_import_report r = {0};
    mn_import_opts o = {.data_dir = dir, .progress = settle_inside, .progress_arg = &looked};
    RUN(mn_store_open(db, &s, &e));
    RUN(mn_import_run(s, file, &o, &r, &e));
    OK(looked == 1 && r.created == POSTS && r.n_warnings == 0);
    mn_import_report_release(&r);
    mn_store_close(s);
    OK(settle(NULL) == MN_IMPORT_DONE);
}
/* Killed while its posts were being removed: the next one to come removes the rest. */
static void a_removal_that_was_cut_short_is_finished(void **st)
{
    (void)st;
    mn_store *s;
    mn_arena a;
    mn_import *list;
    size_t n;
    mn_tx *tx;
    bool left = false;
    assert_int_equal(import_in_child(0), 0);
    mn_arena_init(&a, 0);
    RUN(mn_store_open(db, &s, &e));
    RUN(mn_store_imports(s, &a, &list, &n, &e));
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_import_end(tx, list[0].id, MN_IMPORT_UNDOING, 0, &e));
    RUN(mn_store_import_undo(tx, list[0].id, 1000, &left, &e));
    RUN(mn_store_commit(tx, &e));
    mn_arena_release(&a);
    mn_store_close(s);
    OK(left && look(false) == POSTS - 1000);
    OK(settle("p.jsonl' had failed; ") == MN_IMPORT_UNDONE);
    OK(settle(NULL) == MN_IMPORT_UNDONE && look(false) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stopped_import_keeps_batches_and_is_completed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_killed_import_keeps_batches_and_is_completed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_import_at_work_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_removal_that_was_cut_short_is_finished, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
