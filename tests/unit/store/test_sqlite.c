/* What only the SQLite back end can be asked: foreign and damaged files, versions, a full disk, a ledger tampered with,
 * no memory. */
#include "test.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "store/people.h"
#include "store/store.h"

static char dir[64], path[128];
static mn_err e;

static int make_dir(void **state)
{
    (void)state;
    e = (mn_err){0};
    snprintf(path, sizeof path, "%s/mynah.db", test_tmp(dir));
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    test_tmp_remove(dir);
    return 0;
}

/* Straight into the file, past the store. */
static void sql(const char *text)
{
    sqlite3 *db = NULL;
    OK(sqlite3_open(path, &db) == SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s", message);
    sqlite3_close(db);
}

static mn_store *open_store(void)
{
    mn_store *s = NULL;
    RUN(mn_store_open(path, &s, &e));
    return s;
}

static void write_file(const void *p, size_t n)
{
    RUN(mn_fs_write_atomic(path, p, n, &e));
}

/* Two accounts, 200 posts, five lines in the ledger. */
static mn_rc fill(mn_store *s)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, &e));
    mn_rc rc = mn_store_account_add(tx, &(mn_account){.id = 1, .name = MN_STR("a")}, &e);
    for (uint64_t i = 1; rc == MN_OK && i <= 200; i++) {
        uint64_t at;
        mn_post p = {.id = i, .account_id = 1, .text = MN_STR("a secret word: xylograph")};
        char origin[32];
        snprintf(origin, sizeof origin, "x:%d", (int)i);
        p.origin = mn_str_from(origin);
        rc = mn_store_post_import(tx, &p, &at, &e);
    }
    for (int i = 0; rc == MN_OK && i < 5; i++) {
        const mn_ledger_line l = {.scope = i == 2   ? MN_SCOPE_ACCOUNT
                                           : i == 3 ? MN_SCOPE_POST
                                                    : MN_SCOPE_SERVER,
                                  .scope_id = i == 2   ? 1
                                              : i == 3 ? 7
                                                       : 0,
                                  .purpose = MN_P_SEARCH,
                                  .value = MN_CONSENT_ALLOW,
                                  .reason = MN_STR("because")};
        rc = mn_store_consent_add(tx, &l, NULL, &e);
    }
    if (rc == MN_OK) return mn_store_commit(tx, &e);
    mn_store_rollback(tx);
    return rc;
}

static void filled(void)
{
    mn_store *s = open_store();
    RUN(fill(s));
    mn_store_close(s);
}

/* ---- opening ------------------------------------------------------------------------------------------------- */

static void a_new_file_has_the_newest_schema_and_our_mark(void **state)
{
    (void)state;
    mn_store *s = open_store();
    int version = mn_store_schema_version(s);
    OK(version >= 1);
    mn_store_close(s);
    mn_store_close(NULL);
    s = open_store(); /* and again: nothing to migrate */
    assert_int_equal(mn_store_schema_version(s), version);
    mn_store_close(s);
    mn_buf b;
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(path, 1 << 20, &b, &e));
    OK(memcmp(b.ptr + 68, "Mynh", 4) == 0);
    mn_buf_release(&b);
}

static void urls_that_name_no_file_are_refused(void **state)
{
    (void)state;
    mn_store *s = NULL;
    FAILS(MN_E_USAGE, mn_store_open("postgres://[", &s, &e));
    FAILS(MN_E_USAGE, mn_store_open("postgresql://x?nonsense=1", &s, &e));
    FAILS(MN_E_USAGE, mn_store_open("", &s, &e));
    FAILS(MN_E_USAGE, mn_store_open(":memory:", &s, &e));
    FAILS(MN_E_USAGE, mn_store_open("file:x?mode=memory", &s, &e));
    FAILS(MN_E_IO, mn_store_open("/nowhere/at/all/mynah.db", &s, &e));
    FAILS(MN_E_IO, mn_store_open(dir, &s, &e));
    OK(s == NULL && strstr(e.msg, dir));
}

static void a_file_that_is_no_database_is_refused_and_left_alone(void **state)
{
    (void)state;
    mn_store *s = NULL;
    char text[4096];
    memset(text, 'x', sizeof text);
    write_file(text, sizeof text);
    FAILS(MN_E_CORRUPT, mn_store_open(path, &s, &e));
    OK(strstr(e.msg, path));
    mn_buf b;
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(path, 1 << 20, &b, &e));
    OK(b.len == sizeof text && memcmp(b.ptr, text, b.len) == 0);
    mn_buf_release(&b);
}

static void a_database_of_another_program_is_refused_and_left_alone(void **state)
{
    (void)state;
    mn_store *s = NULL;
    sql("CREATE TABLE posts (x)");
    FAILS(MN_E_CORRUPT, mn_store_open(path, &s, &e));
    OK(strstr(e.msg, "another program"));
    sql("PRAGMA user_version = 5; PRAGMA application_id = 7");
    FAILS(MN_E_CORRUPT, mn_store_open(path, &s, &e));
}

/* What the first version made, word for word. */
static const char first_version[] =
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);"
    "INSERT INTO counters VALUES ('rev', 2), ('ledger', 0), ('server_consent', 0), "
    "('server_consent_rev', 0);"
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT NOT NULL, name_key TEXT NOT "
    "NULL, "
    "display_name TEXT NOT NULL, bio TEXT NOT NULL, password_hash TEXT NOT NULL, "
    "origin TEXT NOT NULL, import_id INTEGER NOT NULL, state INTEGER NOT NULL, "
    "role INTEGER NOT NULL, bot INTEGER NOT NULL, locked INTEGER NOT NULL, "
    "created_ms INTEGER NOT NULL, n_posts INTEGER NOT NULL, consent INTEGER NOT NULL, "
    "consent_rev INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX accounts_name ON accounts (name_key);"
    "CREATE INDEX accounts_import ON accounts (import_id) WHERE import_id <> 0;"
    "CREATE TABLE follows (follower INTEGER NOT NULL, followee INTEGER NOT NULL, "
    "at_ms INTEGER NOT NULL, PRIMARY KEY (follower, followee));"
    "CREATE INDEX follows_followee ON follows (followee);"
    "CREATE TABLE posts (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, "
    "rev INTEGER NOT NULL, created_ms INTEGER NOT NULL, edited_ms INTEGER NOT NULL, "
    "deleted_ms INTEGER NOT NULL, visibility INTEGER NOT NULL, reply_to INTEGER NOT NULL, "
    "quote_of INTEGER NOT NULL, boost_of INTEGER NOT NULL, thread_id INTEGER NOT NULL, "
    "sensitive INTEGER NOT NULL, import_id INTEGER NOT NULL, consent INTEGER NOT NULL, "
    "consent_rev INTEGER NOT NULL, origin TEXT NOT NULL, lang TEXT NOT NULL, "
    "warning TEXT NOT NULL, text TEXT NOT NULL);"
    "CREATE UNIQUE INDEX posts_rev ON posts (rev);"
    "CREATE INDEX posts_account ON posts (account_id, id);"
    "CREATE INDEX posts_thread ON posts (thread_id, id) WHERE thread_id <> id;"
    "CREATE INDEX posts_public ON posts (id) WHERE visibility = 0 AND deleted_ms = 0;"
    "CREATE TABLE displaced (origin TEXT PRIMARY KEY, post_id INTEGER NOT NULL);"
    "CREATE INDEX displaced_post ON displaced (post_id);"
    "CREATE TABLE post_versions (post_id INTEGER NOT NULL, n INTEGER NOT NULL, "
    "at_ms INTEGER NOT NULL, text TEXT NOT NULL, warning TEXT NOT NULL, "
    "PRIMARY KEY (post_id, n));"
    "CREATE TABLE media (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, "
    "account_id INTEGER NOT NULL, sha256 BLOB NOT NULL, mime TEXT NOT NULL, alt TEXT NOT NULL, "
    "size_bytes INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL);"
    "CREATE INDEX media_post ON media (post_id, id);"
    "CREATE TABLE ledger (seq INTEGER PRIMARY KEY, scope INTEGER NOT NULL, "
    "scope_id INTEGER NOT NULL, purpose INTEGER NOT NULL, value INTEGER NOT NULL, "
    "actor_id INTEGER NOT NULL, reason TEXT NOT NULL, at_ms INTEGER NOT NULL, "
    "hash BLOB NOT NULL);"
    "CREATE INDEX ledger_scope ON ledger (scope, scope_id, seq);"
    "CREATE TABLE imports (id INTEGER PRIMARY KEY, path TEXT NOT NULL, format TEXT NOT NULL, "
    "state INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, "
    "created INTEGER NOT NULL, first_rev INTEGER NOT NULL, consent INTEGER NOT NULL, "
    "consent_rev INTEGER NOT NULL);"
    "CREATE TABLE jobs (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL, "
    "tries INTEGER NOT NULL, run_at_ms INTEGER NOT NULL, dead INTEGER NOT NULL, "
    "reason TEXT NOT NULL);"
    "CREATE INDEX jobs_due ON jobs (kind, run_at_ms, id) WHERE dead = 0;"
    "INSERT INTO accounts VALUES (1, 'Ada', 'ada', 'Ada', 'bio', '', '', 0, 0, 2, 0, 0, 5, 2, "
    "0, 0), (2, 'Bob', 'bob', 'Robert', '', '', '', 0, 0, 0, 0, 0, 5, 0, 0, 0);"
    "INSERT INTO follows VALUES (1, 2, 1700000000000), (2, 1, 5);"
    "INSERT INTO posts VALUES (10, 1, 1, 5, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, '', 'en', '', "
    "'old'), "
    "(11, 1, 2, 6, 0, 0, 0, 10, 0, 0, 10, 0, 0, 0, 0, '', 'en', '', 'answer');"
    "PRAGMA application_id = 1299803752; PRAGMA user_version = 1";

/* Who followed whom has ids now, and is counted; people are found. */
static void check_people(mn_store *s, mn_arena *ar)
{
    for (uint64_t id = 1; id <= 2; id++) {
        mn_account a;
        mn_rel_row *rows = NULL;
        size_t n = 0;
        RUN(mn_store_account_by_id(s, id, ar, &a, &e));
        OK(a.n_followers == 1 && a.n_following == 1 && a.last_post_ms == (id == 1 ? 6 : 0));
        OK(a.domain.len == 0 && a.settings.len == 0 && !a.waits);
        RUN(mn_store_rel_page(s, id, MN_REL_FOLLOWERS, (mn_bounds){.limit = 5}, ar, &rows, &n,
                              &e));
        OK(n == 1 && rows[0].account_id == 3 - id && rows[0].id > 0);
    }
    uint64_t *found = NULL;
    size_t n = 0;
    mn_people_query q = {.text = MN_STR("rob"), .limit = 5};
    RUN(mn_store_people_search(s, &q, ar, &found, &n, &e));
    OK(n == 1 && found[0] == 2);
}

/* A database as the first version made it: what came later is added, and what is in it stays. */
static void an_older_schema_is_brought_up_and_keeps_its_posts(void **state)
{
    (void)state;
    uint64_t posts = 0, rev = 0, import = 0, at = 0;
    bool left = true;
    mn_tx *tx;
    mn_arena ar;
    mn_post old = {0};
    sql(first_version);
    mn_store *s = open_store();
    OK(mn_store_schema_version(s) >= 3);
    mn_arena_init(&ar, 0);
    RUN(mn_store_counts(s, NULL, &posts, &rev, &e));
    OK(posts == 2 && rev == 2);
    RUN(mn_store_post(s, 11, &ar, &old, &e));
    IS(old.text, "answer");
    IS(old.account_name, "Ada");
    check_people(s, &ar);
    mn_arena_release(&ar);
    mn_post p = {.id = 900000, .account_id = 1, .text = MN_STR("x"), .origin = MN_STR("x:1")};
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_import_begin(tx, MN_STR("f"), MN_STR("x"), &import, &e));
    p.import_id = import;
    RUN(mn_store_post_import(tx, &p, &at, &e));
    RUN(mn_store_import_undo(tx, import, 10, &left, &e));
    RUN(mn_store_commit(tx, &e));
    OK(!left);
    mn_store_close(s);
}

static void a_newer_schema_is_refused_with_both_versions(void **state)
{
    (void)state;
    mn_store *s = NULL;
    mn_store_close(open_store());
    sql("PRAGMA user_version = 1000");
    FAILS(MN_E_UNSUPPORTED, mn_store_open(path, &s, &e));
    OK(strstr(e.msg, "1000") && strstr(e.msg, path));
}

static void a_truncated_database_is_said_to_be_damaged(void **state)
{
    (void)state;
    mn_store *s = NULL;
    mn_arena ar;
    mn_posts page = {0};
    filled();
    OK(truncate(path, 4096 * 3) == 0);
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_open(path, &s, &e);
    if (rc == MN_OK) {
        rc = mn_store_posts_scan(s, 0, 1000, &ar, &page, &e);
        if (rc == MN_OK) rc = mn_store_ledger_verify(s, NULL, &e);
        mn_store_close(s);
    }
    mn_arena_release(&ar);
    assert_int_equal(rc, MN_E_CORRUPT);
    OK(strstr(e.msg, "damaged") && strstr(e.msg, path));
}

/* ---- the disk ------------------------------------------------------------------------------------------------ */

/* In a child whose files may not grow past a limit: writes go on until one fails; exit code 0 when it failed well. */
static int child_with_a_small_disk(void)
{
    const struct rlimit limit = {600 * 1024, 600 * 1024};
    mn_store *s = NULL;
    mn_rc rc = MN_OK;
    uint64_t n = 0;
    signal(SIGXFSZ, SIG_IGN);
    if (mn_store_open(path, &s, &e) != MN_OK || setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    while (rc == MN_OK && n < 10000) {
        mn_tx *tx;
        char text[2000];
        memset(text, 'x', sizeof text);
        mn_post p = {.id = 1000 + n, .account_id = 1, .text = {text, sizeof text}};
        rc = mn_store_begin(s, &tx, &e);
        if (rc != MN_OK) break;
        rc = mn_store_post_add(tx, &p, &e);
        if (rc == MN_OK) rc = mn_store_commit(tx, &e);
        else mn_store_rollback(tx);
        n += rc == MN_OK;
    }
    if (rc != MN_E_IO || n == 0) return 2;
    return n < 200 ? (int)n : 3; /* how many were acknowledged */
}

static void a_full_disk_fails_one_write_and_keeps_the_others(void **state)
{
    (void)state;
    int status = 0;
    uint64_t posts = 0;
    filled();
    pid_t pid = fork();
    if (pid == 0) _exit(child_with_a_small_disk());
    waitpid(pid, &status, 0);
    OK(WIFEXITED(status) && WEXITSTATUS(status) > 3);
    mn_store *s = open_store();
    RUN(mn_store_counts(s, NULL, &posts, NULL, &e));
    assert_int_equal(posts, 200 + WEXITSTATUS(status));
    RUN(mn_store_ledger_verify(s, NULL, &e));
    mn_store_close(s);
}

static void the_text_of_a_deleted_post_is_gone_from_the_file(void **state)
{
    (void)state;
    mn_buf b;
    mn_tx *tx;
    filled();
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(path, 1 << 24, &b, &e));
    OK(memmem(b.ptr, b.len, "xylograph", 9) != NULL);
    mn_store *s = open_store();
    RUN(mn_store_begin(s, &tx, &e));
    for (uint64_t id = 1; id <= 200; id++) {
        if (id % 2)
            RUN(mn_store_post_edit(tx, id, MN_STR("new"), MN_STR(""), MN_STR(""), 1, &e));
        RUN(mn_store_post_delete(tx, id, 1, &e));
    }
    RUN(mn_store_commit(tx, &e));
    mn_store_close(
        s); /* the last connection moves the write-ahead log into the file and removes it */
    mn_buf_clear(&b);
    RUN(mn_fs_read(path, 1 << 24, &b, &e));
    OK(memmem(b.ptr, b.len, "xylograph", 9) == NULL);
    mn_buf_release(&b);
    char wal[160];
    snprintf(wal, sizeof wal, "%s-wal", path);
    OK(!mn_fs_exists(wal));
}

/* ---- the ledger ---------------------------------------------------------------------------------------------- */

static void tampering_with_the_ledger_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *says;
    } cases[] = {
        {"UPDATE ledger SET value = 2 WHERE seq = 2", "line 2 "},
        {"UPDATE ledger SET reason = 'because!' WHERE seq = 3", "line 3 "},
        {"UPDATE ledger SET at_ms = 5 WHERE seq = 1", "line 1 "},
        {"DELETE FROM ledger WHERE seq = 2", "line 2 "},
        {"DELETE FROM ledger WHERE seq = 5", "line 5 "},
        {"DELETE FROM ledger WHERE seq > 0", "line 1 "},
        {"UPDATE ledger SET hash = x'00' WHERE seq = 4", "line 4 "},
        {"UPDATE ledger SET purpose = 99 WHERE seq = 4", "line 4 "},
        {"UPDATE posts SET consent = 2 WHERE id = 7", "line 4 "},
        {"UPDATE posts SET consent = 1 WHERE id = 8", "post 8"},
        {"UPDATE posts SET consent = 0, consent_rev = 0 WHERE id = 7", "line 4 "},
        {"UPDATE accounts SET consent = 0 WHERE id = 1", "line 3 "},
        {"UPDATE counters SET value = 2 WHERE name = 'server_consent'", "line 5 "},
    };
    uint64_t n = 0;
    filled();
    mn_buf clean;
    mn_buf_init(&clean, 0);
    RUN(mn_fs_read(path, 1 << 24, &clean, &e));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(clean.ptr, clean.len);
        mn_store *s = open_store();
        RUN(mn_store_ledger_verify(s, &n, &e));
        assert_int_equal(n, 5);
        mn_store_close(s);
        sql(cases[i].sql);
        s = open_store();
        mn_rc rc = mn_store_ledger_verify(s, &n, &e);
        mn_store_close(s);
        if (rc != MN_E_CORRUPT || !strstr(e.msg, cases[i].says))
            fail_msg("%s: %s: %s", cases[i].sql, mn_rc_name(rc), e.msg);
    }
    mn_buf_release(&clean);
}

static void nothing_is_appended_to_a_ledger_that_lost_its_end(void **state)
{
    (void)state;
    mn_tx *tx;
    filled();
    sql("DELETE FROM ledger WHERE seq = 5");
    mn_store *s = open_store();
    RUN(mn_store_begin(s, &tx, &e));
    FAILS(MN_E_CORRUPT, mn_store_consent_add(tx, &(mn_ledger_line){0}, NULL, &e));
    mn_store_rollback(tx);
    mn_store_close(s);
}

/* ---- no memory ----------------------------------------------------------------------------------------------- */

/* Everything a store does, once. */
static mn_rc live(void)
{
    mn_store *s = NULL;
    mn_arena ar;
    mn_posts page = {0};
    mn_ledger_line *lines = NULL;
    size_t n = 0;
    MN_TRY(mn_store_open(path, &s, &e));
    mn_arena_init(&ar, 0);
    mn_rc rc = fill(s);
    if (rc == MN_OK) rc = mn_store_posts_changed(s, 0, 1000, &ar, &page, &e);
    if (rc == MN_OK) rc = mn_store_ledger(s, 0, 10, &ar, &lines, &n, &e);
    if (rc == MN_OK) rc = mn_store_ledger_verify(s, NULL, &e);
    mn_arena_release(&ar);
    mn_store_close(s);
    return rc;
}

static void without_memory_every_call_fails_cleanly(void **state)
{
    (void)state;
    mn_rc rc = MN_E_NOMEM;
    long n = 1;
    for (; rc != MN_OK && n < 2000; n++) {
        RUN(mn_fs_remove_tree(path, &e));
        mn_mem_fail_after(n);
        rc = live();
        mn_mem_fail_after(0);
        OK(rc == MN_OK || rc == MN_E_NOMEM);
        if (rc == MN_OK) break;
        /* whatever was interrupted, the file is one that opens, with all of the batch or nothing */
        uint64_t posts = 1;
        mn_store *s = open_store();
        RUN(mn_store_counts(s, NULL, &posts, NULL, &e));
        OK(posts == 0 || posts == 200);
        mn_store_close(s);
    }
    OK(n > 20 && n < 2000);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_new_file_has_the_newest_schema_and_our_mark),
        CASE(urls_that_name_no_file_are_refused),
        CASE(a_file_that_is_no_database_is_refused_and_left_alone),
        CASE(a_database_of_another_program_is_refused_and_left_alone),
        CASE(an_older_schema_is_brought_up_and_keeps_its_posts),
        CASE(a_newer_schema_is_refused_with_both_versions),
        CASE(a_truncated_database_is_said_to_be_damaged),
        CASE(a_full_disk_fails_one_write_and_keeps_the_others),
        CASE(the_text_of_a_deleted_post_is_gone_from_the_file),
        CASE(tampering_with_the_ledger_is_found),
        CASE(nothing_is_appended_to_a_ledger_that_lost_its_end),
        CASE(without_memory_every_call_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
