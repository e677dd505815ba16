/* A crash at any moment loses no acknowledged write and leaves no half of one.
 *
 * A child imports batches, each one transaction that also edits, deletes and sets consent on the batch before, and says
 * each committed batch on a pipe. It is killed with SIGKILL at moments that differ from round to round (also while it
 * closes the store, which moves the write-ahead log into the database). Then everything acknowledged must be there, the
 * batch that was under way must be there wholly or not at all, and ledger, counters and the file must be sound. */
#include "contract/store.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "base/hash.h"

enum { ROUNDS = 12, BATCH = 60, FIRST_ID = 1000000, REOPEN_EVERY = 25 };

static uint64_t id_of(uint64_t batch, uint64_t i)
{
    return FIRST_ID + batch * BATCH + i;
}

static void words(char ret[64], uint64_t batch, uint64_t i)
{
    snprintf(ret, 64, "post %d of batch %d: %08x", (int)i, (int)batch,
             (unsigned)mn_rand_at(1, batch, i));
}

/* ---- the child ----------------------------------------------------------------------------------------------- */

static mn_rc change_batch_before(mn_tx *tx, uint64_t batch)
{
    if (batch == 0) return MN_OK;
    MN_TRY(mn_store_post_delete(tx, id_of(batch - 1, 0), 5, &e));
    MN_TRY(mn_store_post_edit(tx, id_of(batch - 1, 1), MN_STR("edited"), MN_STR(""), MN_STR(""),
                              5, &e));
    mn_ledger_line l = {.scope = MN_SCOPE_POST,
                        .scope_id = id_of(batch - 1, 2),
                        .purpose = MN_P_SEARCH,
                        .value = MN_CONSENT_DENY};
    return mn_store_consent_add(tx, &l, NULL, &e);
}

static mn_rc write_batch(mn_tx *tx, uint64_t batch)
{
    for (uint64_t i = 0; i < BATCH; i++) {
        char text[64];
        uint64_t at = 0;
        words(text, batch, i);
        mn_post p = post(id_of(batch, i), 1, text);
        p.origin = mn_str_from(text);
        MN_TRY(mn_store_post_import(tx, &p, &at, &e));
    }
    return change_batch_before(tx, batch);
}

static _Noreturn void child(uint64_t batch, int pipe_fd)
{
    mn_tx *tx;
    for (;; batch++) {
        if (!s && mn_store_open(url, &s, &e) != MN_OK) break;
        if (mn_store_begin(s, &tx, &e) != MN_OK) break;
        if (write_batch(tx, batch) != MN_OK) break;
        if (mn_store_commit(tx, &e) != MN_OK) break;
        if (write(pipe_fd, &batch, sizeof batch) != (ssize_t)sizeof batch) break;
        if (batch % REOPEN_EVERY == 0) {
            mn_store_close(s);
            s = NULL;
        }
    }
    fprintf(stderr, "child: %s\n", e.msg);
    _exit(1);
}

/* Starts a child at `batch`, kills it after `after_us`; *ret_acked: how many batches were acknowledged in all. */
static void run_and_kill(uint64_t batch, unsigned after_us, uint64_t *ret_acked)
{
    int fds[2], status = 0;
    uint64_t b = 0, acked = batch;
    OK(pipe(fds) == 0);
    mn_store_close(s); /* before the fork: a connection must not be carried over */
    s = NULL;
    pid_t pid = fork();
    OK(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        child(batch, fds[1]);
    }
    close(fds[1]);
    usleep(after_us);
    kill(pid, SIGKILL);
    while (read(fds[0], &b, sizeof b) == (ssize_t)sizeof b) acked = b + 1;
    close(fds[0]);
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status)) fail_msg("the child ended by itself");
    *ret_acked = acked;
}

/* ---- what must be true afterwards ---------------------------------------------------------------------------- */

static void check_post(const mn_post *p, uint64_t batch, uint64_t i, bool last)
{
    char text[64];
    words(text, batch, i);
    OK(mn_str_eqz(p->origin, text));
    if (!last && i == 0) OK(p->deleted_ms == 5 && p->text.len == 0);
    else if (!last && i == 1) OK(mn_str_eqz(p->text, "edited"));
    else OK(mn_str_eqz(p->text, text) && p->deleted_ms == 0);
    OK((mn_consents_get(p->consent, MN_P_SEARCH) == MN_CONSENT_DENY) == (!last && i == 2));
}

/* How many batches are there, whole; fails on half of one. */
static uint64_t batches_there(void)
{
    uint64_t n = 0, after = 0;
    mn_posts page = {0};
    do {
        mn_arena_reset(&ar);
        RUN(mn_store_posts_changed(s, after, 1000, &ar, &page, &e));
        n += page.n;
        if (page.n > 0) after = page.items[page.n - 1].rev;
    } while (page.n > 0);
    OK(n % BATCH == 0);
    return n / BATCH;
}

static void check_batches(uint64_t n)
{
    for (uint64_t batch = 0; batch < n; batch++) {
        uint64_t ids[BATCH];
        mn_posts page = {0};
        for (uint64_t i = 0; i < BATCH; i++) ids[i] = id_of(batch, i);
        mn_arena_reset(&ar);
        RUN(mn_store_posts_by_ids(s, ids, BATCH, &ar, &page, &e));
        assert_int_equal(page.n, BATCH);
        for (uint64_t i = 0; i < BATCH; i++)
            check_post(&page.items[i], batch, i, batch + 1 == n);
    }
}

static void check_counters(uint64_t n)
{
    uint64_t posts = 0, rev = 0;
    RUN(mn_store_counts(s, NULL, &posts, &rev, &e));
    assert_int_equal(posts, n * BATCH - (n ? n - 1 : 0));
    assert_int_equal(rev, n * BATCH + (n ? 3 * (n - 1) : 0));
    verify(n ? n - 1 : 0);
}

static void check_file(void)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    if (strcmp(backend->name, "sqlite") != 0) return;
    OK(sqlite3_open(url, &db) == SQLITE_OK);
    OK(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &q, NULL) == SQLITE_OK);
    OK(sqlite3_step(q) == SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(q, 0), "ok");
    sqlite3_finalize(q);
    sqlite3_close(db);
}

static void a_killed_import_loses_no_acknowledged_batch(void **state)
{
    (void)state;
    uint64_t there = 0, killed_mid_way = 0;
    add_account(1, "a");
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t acked = 0, before = there;
        unsigned after_us = 2000 + (unsigned)(mn_rand_at(7, 0, (uint64_t)round) % 90000);
        run_and_kill(before, after_us, &acked);
        reopen();
        there = batches_there();
        OK(there == acked ||
           there == acked + 1); /* committed, but killed before it could say so */
        killed_mid_way += acked > before;
        check_batches(there);
        check_counters(there);
        check_file();
    }
    OK(killed_mid_way > 0); /* else the machine is too slow for this to have tested anything */
}

/* ---- beside an import ---------------------------------------------------------------------------------------- */

enum { LONG_BATCH = 6000, SMALL_WRITES = 8 };

/* One long transaction after the other, without a pause of its own, until killed. */
static _Noreturn void child_import(int pipe_fd)
{
    mn_tx *tx;
    if (mn_store_open(url, &s, &e) != MN_OK) _exit(1);
    for (uint64_t batch = 0;; batch++) {
        if (mn_store_begin(s, &tx, &e) != MN_OK) _exit(1);
        for (uint64_t i = 0; i < LONG_BATCH; i++) {
            mn_post p = post(FIRST_ID + batch * LONG_BATCH + i, 1, "x");
            if (mn_store_post_add(tx, &p, &e) != MN_OK) _exit(1);
        }
        if (mn_store_commit(tx, &e) != MN_OK) _exit(1);
        if (batch == 0 && write(pipe_fd, "x", 1) != 1) _exit(1);
    }
}

static void a_small_write_gets_its_turn_beside_an_import(void **state)
{
    (void)state;
    int fds[2];
    char x;
    add_account(1, "a");
    OK(pipe(fds) == 0);
    mn_store_close(s);
    s = NULL;
    pid_t pid = fork();
    OK(pid >= 0);
    if (pid == 0) child_import(fds[1]);
    OK(read(fds[0], &x, 1) == 1);
    reopen();
    int64_t longest_us = 0;
    for (int i = 0; i < SMALL_WRITES; i++) {
        usleep(30000); /* so that the import is in the middle of one again */
        int64_t from = mn_mono_us();
        TX(mn_store_meta_set(tx, "small", MN_STR("write"), &e));
        int64_t took = mn_mono_us() - from;
        if (took > longest_us) longest_us = took;
    }
    int status = 0;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    OK(WIFSIGNALED(status)); /* it was at work all the time */
    close(fds[0]);
    close(fds[1]);
    print_message("longest wait: %d ms\n", (int)(longest_us / 1000));
    OK(longest_us < 10000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(a_killed_import_loses_no_acknowledged_batch),
                                       CASE(a_small_write_gets_its_turn_beside_an_import)};
    RUN_ON_ALL(tests);
}
