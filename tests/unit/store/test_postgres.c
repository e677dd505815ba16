/* What only PostgreSQL can be asked: words for what is wrong with a connection, a foreign or newer schema, many processes
 * at once, a server that goes away and comes back, a writer that is killed, types of parameters, scans. */
#include "contract/postgres.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "store/postgres_int.h"
#include "store/store_int.h"

static char url[PG_URL_MAX];
static mn_err e;
static mn_store *s;

static int fresh(void **state)
{
    (void)state;
    e = (mn_err){0};
    s = NULL;
    pg_fresh(url);
    return 0;
}

static int done(void **state)
{
    (void)state;
    mn_store_close(s);
    pg_drop(url);
    return 0;
}

static void open_it(void)
{
    RUN(mn_store_open(url, &s, &e));
}

static mn_rc add_account(mn_store *to, uint64_t id, const char *name)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(to, &tx, &e));
    mn_rc rc = mn_store_account_add(tx, &(mn_account){.id = id, .name = mn_str_from(name)}, &e);
    if (rc == MN_OK) return mn_store_commit(tx, &e);
    mn_store_rollback(tx);
    return rc;
}

static mn_rc add_post(mn_store *to, uint64_t id)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(to, &tx, &e));
    mn_rc rc =
        mn_store_post_add(tx, &(mn_post){.id = id, .account_id = 1, .text = MN_STR("x")}, &e);
    if (rc == MN_OK) return mn_store_commit(tx, &e);
    mn_store_rollback(tx);
    return rc;
}

static uint64_t count_posts(void)
{
    uint64_t n = 0;
    RUN(mn_store_counts(s, NULL, &n, NULL, &e));
    return n;
}

/* ---- words --------------------------------------------------------------------------------------------------- */

/* The URL of the same server with another user, password or database. */
static void other_url(char ret[PG_URL_MAX], const char *user, const char *database)
{
    const char *host = strstr(pg_base, "host=");
    OK(host != NULL);
    snprintf(ret, PG_URL_MAX, "postgres://%s@/%s?%.*s", user, database, (int)strcspn(host, "&"),
             host);
}

static void what_is_wrong_with_a_connection_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *user, *database;
        mn_rc rc;
        const char *says;
    } cases[] = {
        {"locked:wrong", "mynah", MN_E_DENIED, "refuses the user or the password"},
        {"locked", "mynah", MN_E_DENIED, "asks for a password"},
        {"nobody_here", "mynah", MN_E_DENIED, "refuses the user"},
        {"mynah", "nowhere", MN_E_IO, "there is no database"},
        {"locked:secret", "postgres", MN_E_DENIED, "may not do this"},
    };
    if (!strstr(pg_base, "host=/")) SKIP("the server is not one of tools/pg-test-cluster.sh");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char other[PG_URL_MAX];
        other_url(other, cases[i].user, cases[i].database);
        mn_rc rc = mn_store_open(other, &s, &e);
        if (rc != cases[i].rc || !strstr(e.msg, cases[i].says))
            fail_msg("%s: %s: %s", other, mn_rc_name(rc), e.msg);
        OK(!strstr(e.msg, "wrong") && !strstr(e.msg, "secret")); /* no password is shown */
        OK(strstr(e.msg, cases[i].database));
    }
    FAILS(MN_E_IO, mn_store_open("postgres:///mynah?host=/nowhere/at/all", &s, &e));
    OK(strstr(e.msg, "cannot reach the PostgreSQL server"));
    FAILS(MN_E_USAGE, mn_store_open("postgres://u:secret@h/d?nonsense=1", &s, &e));
    OK(!strstr(e.msg, "secret"));
}

static void another_programs_tables_are_left_alone(void **state)
{
    (void)state;
    char sql[PG_URL_MAX];
    pg_sql(url, "CREATE TABLE posts (x int)");
    FAILS(MN_E_CORRUPT, mn_store_open(url, &s, &e));
    OK(strstr(e.msg, "another program"));
    snprintf(sql, sizeof sql, "DROP TABLE posts");
    pg_sql(url, sql);
    open_it();
}

static void a_newer_schema_is_refused_with_both_versions(void **state)
{
    (void)state;
    open_it();
    mn_store_close(s);
    s = NULL;
    pg_sql(url, "UPDATE mynah_schema SET version = 1000");
    FAILS(MN_E_UNSUPPORTED, mn_store_open(url, &s, &e));
    OK(strstr(e.msg, "1000"));
    pg_sql(url, "DELETE FROM mynah_schema");
    FAILS(MN_E_IO, mn_store_open(url, &s, &e)); /* its row is made again, its tables are not */
}

static void words_of_the_servers_codes_say_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        mn_rc rc;
        const char *says;
    } cases[] = {
        {"SET statement_timeout = '20ms'; SELECT pg_sleep(5)", MN_E_BUSY, "over one statement"},
        {"SET statement_timeout = 0; CREATE TEMP TABLE u (a int PRIMARY KEY); "
         "INSERT INTO u VALUES (1), (1)",
         MN_E_EXISTS, "refuses"},
        {"SELECT chr(0)", MN_E_LIMIT, "too large"},
        {"SELECT convert_from('\\xff', 'UTF8')", MN_E_PARSE, "refuses a value"},
        {"SELECT 1 / 0", MN_E_PARSE, "division"},
        {"SET transaction_read_only = on; CREATE TABLE mynah_x (a int)", MN_E_IO, "read-only"},
        {"SELECT nonsense", MN_E_IO, "42703"},
    };
    PGconn *h = PQconnectdb(url);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        PGresult *r = PQexec(h, cases[i].sql);
        mn_rc rc = mn_store__pg_fail(h, r, "postgres://here/db", &e);
        PQclear(r);
        if (rc != cases[i].rc || !strstr(e.msg, cases[i].says))
            fail_msg("%s: %s: %s", cases[i].sql, mn_rc_name(rc), e.msg);
    }
    PQfinish(h);
}

static void a_writer_that_waits_too_long_is_told_who_else_writes(void **state)
{
    (void)state;
    mn_err why = {0};
    open_it();
    PGconn *h = PQconnectdb(url), *other = PQconnectdb(url);
    PQclear(PQexec(h, "BEGIN; SELECT * FROM mynah_schema FOR UPDATE"));
    PGresult *r =
        PQexec(other, "SET lock_timeout = '50ms'; SELECT * FROM mynah_schema FOR UPDATE");
    assert_int_equal(mn_store__pg_fail(other, r, "postgres://here/db", &why), MN_E_BUSY);
    OK(strstr(why.msg, "another write has held"));
    PQclear(r);
    PQfinish(other);
    PQfinish(h); /* its lock goes with its connection */
    RUN(add_account(s, 1, "a"));
}

/* ---- many at once -------------------------------------------------------------------------------------------- */

static int wait_for(pid_t pid)
{
    int status = 0;
    OK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void processes_that_start_at_once_make_one_schema(void **state)
{
    (void)state;
    enum { N = 6 };
    pid_t pids[N];
    for (int i = 0; i < N; i++) {
        pids[i] = fork();
        OK(pids[i] >= 0);
        if (pids[i] > 0) continue;
        mn_rc rc = mn_store_open(url, &s, &e);
        if (rc != MN_OK) fprintf(stderr, "child: %s\n", e.msg);
        mn_store_close(s);
        _exit(rc == MN_OK ? 0 : 1);
    }
    for (int i = 0; i < N; i++) assert_int_equal(wait_for(pids[i]), 0);
    open_it();
    RUN(add_account(s, 1, "a"));
}

enum { WRITERS = 3, EACH = 120 };

static _Noreturn void write_posts(int writer)
{
    s = NULL;
    if (mn_store_open(url, &s, &e) != MN_OK) _exit(2);
    for (uint64_t i = 0; i < EACH; i++)
        if (add_post(s, 1000 + (uint64_t)writer * EACH + i) != MN_OK) _exit(3);
    mn_store_close(s);
    _exit(0);
}

/* Follows the change feed as an index does: what it has read up to a rev, it never looks at again. */
static size_t follow_until(mn_arena *ar, const pid_t *pids)
{
    uint64_t after = 0;
    size_t seen = 0;
    for (int running = WRITERS; running > 0 || seen < WRITERS * EACH;) {
        mn_posts page = {0};
        bool all_ended = running == 0; /* before this look: nothing comes after it */
        mn_arena_reset(ar);
        RUN(mn_store_posts_changed(s, after, 7, ar, &page, &e));
        for (size_t i = 0; i < page.n; i++) {
            OK(page.items[i].rev == after + 1); /* nothing skipped, in order */
            after = page.items[i].rev;
            seen++;
        }
        int status;
        for (int i = 0; i < WRITERS && page.n == 0; i++)
            if (waitpid(pids[i], &status, WNOHANG) == pids[i]) {
                OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
                running--;
            }
        if (all_ended && page.n == 0) break;
    }
    return seen;
}

static void a_follower_of_many_writers_never_skips_a_rev(void **state)
{
    (void)state;
    pid_t pids[WRITERS];
    mn_arena ar;
    open_it();
    RUN(add_account(s, 1, "a"));
    mn_store_close(s);
    s = NULL;
    for (int i = 0; i < WRITERS; i++) {
        pids[i] = fork();
        OK(pids[i] >= 0);
        if (pids[i] == 0) write_posts(i);
    }
    open_it();
    mn_arena_init(&ar, 0);
    assert_int_equal(follow_until(&ar, pids), WRITERS * EACH);
    mn_arena_release(&ar);
    assert_int_equal(count_posts(), WRITERS * EACH);
}

static void a_writer_killed_in_its_transaction_leaves_nothing_and_no_lock(void **state)
{
    (void)state;
    int fds[2];
    char x;
    open_it();
    RUN(add_account(s, 1, "a"));
    mn_store_close(s);
    s = NULL;
    OK(pipe(fds) == 0);
    pid_t pid = fork();
    OK(pid >= 0);
    if (pid == 0) {
        mn_tx *tx;
        if (mn_store_open(url, &s, &e) != MN_OK || mn_store_begin(s, &tx, &e) != MN_OK)
            _exit(1);
        for (uint64_t i = 0; i < 50; i++)
            if (mn_store_post_add(
                    tx, &(mn_post){.id = 10 + i, .account_id = 1, .text = MN_STR("lost")},
                    &e) != MN_OK)
                _exit(1);
        if (write(fds[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    OK(read(fds[0], &x, 1) == 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    open_it();
    int64_t from = mn_mono_us();
    RUN(add_post(s, 5));
    OK(mn_mono_us() - from < 5000000);
    assert_int_equal(count_posts(), 1);
    close(fds[0]);
    close(fds[1]);
}

/* ---- the server goes away ------------------------------------------------------------------------------------ */

static void cut_all(void)
{
    PGconn *h = PQconnectdb(url);
    PQclear(PQexec(h, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
                      "pg_backend_pid() AND backend_type = 'client backend'"));
    PQfinish(h);
}

static void a_lost_connection_costs_the_transaction_that_had_it_and_no_more(void **state)
{
    (void)state;
    mn_tx *tx;
    if (!*pg_dir) SKIP("the server is not this test's own");
    open_it();
    RUN(add_account(s, 1, "a"));
    RUN(add_post(s, 10));
    assert_int_equal(count_posts(), 1);
    cut_all(); /* while idle: nobody notices */
    assert_int_equal(count_posts(), 1);
    cut_all();
    RUN(add_post(s, 11));
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_post_add(tx, &(mn_post){.id = 12, .account_id = 1, .text = MN_STR("x")}, &e));
    cut_all();
    FAILS(MN_E_IO, mn_store_post_add(
                       tx, &(mn_post){.id = 13, .account_id = 1, .text = MN_STR("x")}, &e));
    OK(strstr(e.msg, "was lost"));
    FAILS(MN_E_IO, mn_store_post_add(
                       tx, &(mn_post){.id = 14, .account_id = 1, .text = MN_STR("x")}, &e));
    FAILS(MN_E_IO, mn_store_commit(tx, &e));
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_post_add(tx, &(mn_post){.id = 15, .account_id = 1, .text = MN_STR("x")}, &e));
    cut_all();
    FAILS(MN_E_IO, mn_store_commit(tx, &e));
    RUN(add_post(s, 16));
    assert_int_equal(count_posts(), 3);
}

static void a_server_that_crashes_and_starts_again_is_found_again(void **state)
{
    (void)state;
    char said[64];
    if (!*pg_dir) SKIP("the server is not this test's own");
    open_it();
    RUN(add_account(s, 1, "a"));
    RUN(add_post(s, 10));
    assert_int_equal(count_posts(), 1);
    assert_int_equal(pg_script("restart", said, sizeof said), 0);
    assert_int_equal(count_posts(), 1);
    RUN(add_post(s, 11));
    assert_int_equal(count_posts(), 2);
    RUN(mn_store_ledger_verify(s, NULL, &e));
}

/* ---- statements ---------------------------------------------------------------------------------------------- */

static mn_stmt *prepared(mn_db *db, const char *sql)
{
    mn_stmt *q;
    RUN(db_prepare(db, sql, &q, &e));
    return q;
}

static void one_row(mn_stmt *q)
{
    bool row = false;
    RUN(db_step(q, &row, &e));
    OK(row);
}

static void parameters_have_the_type_they_are_bound_with(void **state)
{
    (void)state;
    mn_db *db;
    open_it();
    RUN(mn_store__reader(s, &db, &e));
    static const char alone[] = "SELECT ?1, ?2, ?3", zero[] = "SELECT 1 WHERE ?1 = 0 OR ?1 > 5";
    for (int i = 0; i < 3; i++) { /* first without a type, then with one, then without again */
        mn_stmt *q = prepared(db, alone);
        if (i == 1) db_i64(q, 1, INT64_MIN);
        else db_null(q, 1);
        db_text(q, 2, MN_STR("3"));
        db_blob(q, 3, "\0\xff", 2);
        one_row(q);
        OK(db_col_null(q, 0) == (i != 1));
        OK(db_col_i64(q, 0) == (i == 1 ? INT64_MIN : 0));
        IS(db_col_str(q, 1), "3");
        OK(mn_str_eq(db_col_str(q, 2), (mn_str){"\0\xff", 2}));
        db_reset(q);
    }
    mn_stmt *q = prepared(db, zero);
    db_i64(q, 1, INT64_C(1) << 40); /* not of 32 bits, whatever it is compared with */
    one_row(q);
    db_reset(q);
    mn_store__reader_done(s, db);
}

static void numbers_of_every_type_are_read(void **state)
{
    (void)state;
    mn_db *db;
    open_it();
    RUN(mn_store__reader(s, &db, &e));
    mn_stmt *q = prepared(
        db, "SELECT 1, 2 = 2, 2 = 3, sum(x), -sum(x), CAST(7 AS SMALLINT), sum(0 * x), "
            "sum(NULL * x), max(x) FROM (VALUES (CAST(9000000000000000000 AS INTEGER)), "
            "(123)) AS t (x)");
    one_row(q);
    const int64_t want[] = {1, 1, 0, 9000000000000000123, -9000000000000000123,
                            7, 0, 0, 9000000000000000000};
    for (int i = 0; i < 9; i++) assert_int_equal(db_col_i64(q, i), want[i]);
    db_reset(q);
    mn_store__reader_done(s, db);
}

static void scans_run_beside_each_other_and_may_be_left(void **state)
{
    (void)state;
    mn_db *db;
    mn_stmt *a, *b;
    bool row_a = true, row_b = true;
    static const char first[] = "SELECT x FROM generate_series(1, 2500) AS t (x) ORDER BY x";
    static const char second[] =
        "SELECT x * ?1 FROM generate_series(1, 2000) AS t (x) ORDER BY x";
    open_it();
    for (int round = 0; round < 2; round++) {
        RUN(mn_store__reader(s, &db, &e));
        RUN(db_scan(db, first, &a, &e));
        RUN(db_scan(db, second, &b, &e));
        db_i64(b, 1, 3);
        int64_t n_a = 0, n_b = 0;
        while (row_a || row_b) {
            if (row_a) RUN(db_step(a, &row_a, &e));
            if (row_a) assert_int_equal(db_col_i64(a, 0), ++n_a);
            if (row_b && n_a % 2) RUN(db_step(b, &row_b, &e));
            if (row_b && n_a % 2) assert_int_equal(db_col_i64(b, 0), 3 * ++n_b);
            if (!row_a) row_b = false; /* left in the middle */
        }
        db_reset(b);
        assert_int_equal(n_a, 2500);
        OK(n_b >= 1250);
        RUN(db_scan(db, first, &a, &e));
        row_a = row_b = true;
        RUN(db_step(a, &row_a, &e));
        assert_int_equal(db_col_i64(a, 0), 1);
        mn_store__reader_done(s, db); /* ends what is under way */
    }
}

static void after_an_error_a_transaction_takes_nothing_more(void **state)
{
    (void)state;
    mn_tx *tx;
    mn_stmt *q;
    uint64_t n = 0;
    open_it();
    RUN(add_account(s, 1, "a"));
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_post_add(tx, &(mn_post){.id = 3, .account_id = 1, .text = MN_STR("x")}, &e));
    RUN(db_prepare(tx->db, "INSERT INTO accounts (id) VALUES (?1)", &q, &e));
    db_i64(q, 1, 1);
    FAILS(MN_E_EXISTS, mn_store__run(q, &n, &e));
    FAILS(MN_E_IO,
          mn_store_post_add(tx, &(mn_post){.id = 4, .account_id = 1, .text = MN_STR("x")}, &e));
    OK(strstr(e.msg, "has failed"));
    FAILS(MN_E_IO, mn_store_commit(tx, &e));
    assert_int_equal(count_posts(), 0);
    RUN(add_post(s, 5));
}

static void
a_failure_nobody_waited_for_is_told_by_the_next_statement_or_the_commit(void **state)
{
    (void)state;
    static const char twice[] = "INSERT INTO meta (name, value) VALUES (?1, 'x')";
    mn_tx *tx;
    mn_stmt *q;
    open_it();
    RUN(add_account(s, 1, "a"));
    for (int round = 0; round < 2; round++) {
        RUN(mn_store_begin(s, &tx, &e));
        for (int i = 0; i < 2; i++) {
            RUN(db_prepare(tx->db, twice, &q, &e));
            db_text(q, 1, MN_STR("same"));
            RUN(mn_store__run(q, NULL, &e));
        }
        mn_post p = {.id = 3, .account_id = 1, .text = MN_STR("x")};
        if (round == 0) FAILS(MN_E_EXISTS, mn_store_post_add(tx, &p, &e));
        if (round == 0) mn_store_rollback(tx);
        else FAILS(MN_E_EXISTS, mn_store_commit(tx, &e));
        OK(strstr(e.msg, "meta_pkey"));
    }
    assert_int_equal(count_posts(), 0);
    RUN(add_post(s, 5)); /* and statements prepared in what failed are there again */
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_meta_set(tx, "same", MN_STR("v"), &e));
    RUN(mn_store_commit(tx, &e));
}

static void more_statements_than_a_pipeline_holds_are_all_done(void **state)
{
    (void)state;
    char key[16];
    mn_tx *tx;
    mn_arena ar;
    mn_str v;
    open_it();
    mn_arena_init(&ar, 0);
    RUN(mn_store_begin(s, &tx, &e));
    for (int i = 0; i < 3 * MN_PG_SENT_MAX + 5; i++) {
        snprintf(key, sizeof key, "k%d", i);
        RUN(mn_store_meta_set(tx, key, mn_str_from(key), &e));
    }
    RUN(mn_store_commit(tx, &e));
    for (int i = 0; i < 3 * MN_PG_SENT_MAX + 5; i++) {
        snprintf(key, sizeof key, "k%d", i);
        RUN(mn_store_meta_get(s, key, &ar, &v, &e));
        OK(mn_str_eqz(v, key));
    }
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_meta_set(tx, "gone", MN_STR("x"), &e));
    mn_store_rollback(tx);
    FAILS(MN_E_NOT_FOUND, mn_store_meta_get(s, "gone", &ar, &v, &e));
    mn_arena_release(&ar);
}

static void a_reader_has_one_snapshot(void **state)
{
    (void)state;
    mn_db *db;
    uint64_t rev = 0;
    open_it();
    RUN(add_account(s, 1, "a"));
    RUN(mn_store__reader(s, &db, &e));
    RUN(mn_store__counter(db, "rev", &rev, &e));
    assert_int_equal(rev, 0);
    RUN(add_post(s, 5));
    RUN(mn_store__counter(db, "rev", &rev, &e));
    assert_int_equal(rev, 0);
    mn_store__reader_done(s, db);
    RUN(mn_store__reader(s, &db, &e));
    RUN(mn_store__counter(db, "rev", &rev, &e));
    assert_int_equal(rev, 1);
    mn_store__reader_done(s, db);
}

static void the_suite_on_postgres(void **state)
{
    (void)state;
    SKIP(pg_why);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, fresh, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_wrong_with_a_connection_is_said),
        CASE(another_programs_tables_are_left_alone),
        CASE(a_newer_schema_is_refused_with_both_versions),
        CASE(words_of_the_servers_codes_say_what_to_do),
        CASE(a_writer_that_waits_too_long_is_told_who_else_writes),
        CASE(processes_that_start_at_once_make_one_schema),
        CASE(a_follower_of_many_writers_never_skips_a_rev),
        CASE(a_writer_killed_in_its_transaction_leaves_nothing_and_no_lock),
        CASE(a_lost_connection_costs_the_transaction_that_had_it_and_no_more),
        CASE(a_server_that_crashes_and_starts_again_is_found_again),
        CASE(parameters_have_the_type_they_are_bound_with),
        CASE(numbers_of_every_type_are_read),
        CASE(scans_run_beside_each_other_and_may_be_left),
        CASE(after_an_error_a_transaction_takes_nothing_more),
        CASE(a_failure_nobody_waited_for_is_told_by_the_next_statement_or_the_commit),
        CASE(more_statements_than_a_pipeline_holds_are_all_done),
        CASE(a_reader_has_one_snapshot),
    };
    const struct CMUnitTest none[] = {TEST(the_suite_on_postgres)};
    /* Always a server of its own: it is stopped. */
    return pg_start_own() ? cmocka_run_group_tests_name("postgres", tests, NULL, NULL)
                          : cmocka_run_group_tests_name("postgres", none, NULL, NULL);
}
