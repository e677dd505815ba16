/* A store moved from SQLite to PostgreSQL and back, and to another file: every row, also after interruptions. The list of
 * tables is held against what the databases themselves say. */
#include "contract/postgres.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "store/move.h"
#include "store/tables.h"

static char dir[64], file[128], other_file[128], url[PG_URL_MAX];
static mn_store *from, *to;
static mn_arena ar;
static mn_err e;

static int make(void **state)
{
    (void)state;
    e = (mn_err){0};
    mn_arena_init(&ar, 0);
    test_tmp(dir);
    snprintf(file, sizeof file, "%s/a.db", dir);
    snprintf(other_file, sizeof other_file, "%s/b.db", dir);
    *url = '\0';
    if (pg_there()) pg_fresh(url);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    mn_store_close(from);
    mn_store_close(to);
    from = to = NULL;
    mn_arena_release(&ar);
    if (*url) pg_drop(url);
    test_tmp_remove(dir);
    return 0;
}

static void open_both(const char *source, const char *target)
{
    RUN(mn_store_open(source, &from, &e));
    RUN(mn_store_open_opts(target, &(mn_store_opts){.unfinished = true}, &to, &e));
}

static void close_both(void)
{
    mn_store_close(from);
    mn_store_close(to);
    from = to = NULL;
}

/* Straight into the file, past the store. */
static void sql(const char *text)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    OK(sqlite3_open(file, &db) == SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s", message);
    sqlite3_close(db);
}

enum { POSTS = 457 };

/* Rows in the tables that have a life of their own, and one in each of the others. */
static void fill(void)
{
    mn_tx *tx;
    static char big[100000];
    memset(big, 'b', sizeof big);
    RUN(mn_store_open(file, &from, &e));
    RUN(mn_store_begin(from, &tx, &e));
    RUN(mn_store_account_add(
        tx, &(mn_account){.id = 1, .name = MN_STR("Ada"), .bio = MN_STR("b\xc3\xa9")}, &e));
    for (uint64_t i = 0; i < POSTS; i++) {
        mn_post p = {.id = i ? 1000 + i * 7 : INT64_MAX,
                     .account_id = 1,
                     .created_ms = -(int64_t)i,
                     .text =
                         i % 50 ? MN_STR("\xf0\x9f\x8c\xb8 'x'") : (mn_str){big, sizeof big},
                     .consent = i % 9 ? 0 : mn_consents_set(0, MN_P_SEARCH, MN_CONSENT_ALLOW)};
        RUN(mn_store_post_add(tx, &p, &e));
    }
    RUN(mn_store_post_delete(tx, 1007, 5, &e));
    RUN(mn_store_post_edit(tx, 1014, MN_STR("new"), MN_STR(""), MN_STR("en"), 9, &e));
    RUN(mn_store_job_add(tx, MN_STR("k"), MN_STR("{}"), 5, NULL, &e));
    RUN(mn_store_commit(tx, &e));
    mn_store_close(from);
    from = NULL;
}

/* A row in every table that has none, with other values in each column. */
static void fill_every_table(void)
{
    mn_table *tables;
    size_t n = 0;
    mn_buf b;
    RUN(mn_store__tables(&ar, &tables, &n, &e));
    mn_buf_init(&b, 0);
    for (size_t i = 0; i < n; i++) {
        mn_buf_clear(&b);
        mn_buf_addf(&b, "INSERT INTO %.*s SELECT ", MN_STR_FMT(tables[i].name));
        for (size_t k = 0; k < tables[i].n_columns; k++) {
            mn_column_kind kind = tables[i].columns[k].kind;
            if (k) mn_buf_addc(&b, ',');
            if (kind == MN_COLUMN_INT) mn_buf_addf(&b, "%d", (int)(i * 100 + k));
            else if (kind == MN_COLUMN_TEXT) mn_buf_addf(&b, "'t%d'", (int)k);
            else mn_buf_addf(&b, "x'00ff%02x'", (int)k);
        }
        mn_buf_addf(&b, " WHERE NOT EXISTS (SELECT 1 FROM %.*s)", MN_STR_FMT(tables[i].name));
        sql(b.ptr);
    }
    mn_buf_release(&b);
}

static mn_digest digest(mn_store *s)
{
    mn_digest d = {0};
    RUN(mn_store_digest(s, NULL, NULL, &ar, &d, &e));
    return d;
}

/* ---- the list of tables -------------------------------------------------------------------------------------- */

static bool has_column(const mn_table *t, const char *name, const char *type)
{
    static const char *const types[] = {"INTEGER", "TEXT", "BLOB", "bigint", "text", "bytea"};
    for (size_t i = 0; i < t->n_columns; i++)
        if (mn_str_eqz(t->columns[i].name, name))
            return strcmp(type, types[t->columns[i].kind]) == 0 ||
                   strcmp(type, types[t->columns[i].kind + 3]) == 0;
    return false;
}

static const mn_table *table_named(const mn_table *tables, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (mn_str_eqz(tables[i].name, name)) return &tables[i];
    fail_msg("table %s is not in the list", name);
    return NULL;
}

static void the_list_of_tables_is_what_sqlite_has(void **state)
{
    (void)state;
    mn_table *tables;
    size_t n = 0, n_columns = 0, found = 0;
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    RUN(mn_store__tables(&ar, &tables, &n, &e));
    RUN(mn_store_open(file, &from, &e));
    OK(sqlite3_open(file, &db) == SQLITE_OK);
    OK(sqlite3_prepare_v2(db,
                          "SELECT m.name, c.name, c.type, c.pk FROM sqlite_master m, "
                          "pragma_table_info(m.name) c WHERE m.type = 'table'",
                          -1, &q, NULL) == SQLITE_OK);
    for (size_t i = 0; i < n; i++) n_columns += tables[i].n_columns;
    while (sqlite3_step(q) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(q, 0);
        const char *column = (const char *)sqlite3_column_text(q, 1);
        const mn_table *t = table_named(tables, n, table);
        int pk = sqlite3_column_int(q, 3);
        if (!has_column(t, column, (const char *)sqlite3_column_text(q, 2)))
            fail_msg("%s.%s", table, column);
        if (pk) OK((size_t)pk <= t->n_key);
        if (pk) OK(mn_str_eqz(t->columns[t->key[pk - 1]].name, column));
        found++;
    }
    assert_int_equal(found, n_columns);
    sqlite3_finalize(q);
    sqlite3_close(db);
}

static void the_list_of_tables_is_what_postgresql_has(void **state)
{
    (void)state;
    mn_table *tables;
    size_t n = 0, n_columns = 0;
    if (!*url) SKIP(pg_why);
    RUN(mn_store__tables(&ar, &tables, &n, &e));
    RUN(mn_store_open(url, &from, &e));
    for (size_t i = 0; i < n; i++) n_columns += tables[i].n_columns;
    PGconn *h = PQconnectdb(url);
    PGresult *r = PQexec(h, "SELECT table_name, column_name, data_type FROM "
                            "information_schema.columns WHERE table_schema = current_schema() "
                            "AND table_name <> 'mynah_schema'");
    assert_int_equal(PQntuples(r), n_columns);
    for (int i = 0; i < PQntuples(r); i++)
        if (!has_column(table_named(tables, n, PQgetvalue(r, i, 0)), PQgetvalue(r, i, 1),
                        PQgetvalue(r, i, 2)))
            fail_msg("%s.%s", PQgetvalue(r, i, 0), PQgetvalue(r, i, 1));
    PQclear(r);
    PQfinish(h);
}

/* ---- moving -------------------------------------------------------------------------------------------------- */

static void move_and_compare(const char *source, const char *target)
{
    mn_digest moved = {0};
    open_both(source, target);
    mn_digest before = digest(from);
    RUN(mn_store_move(from, to, NULL, NULL, &ar, &moved, &e));
    OK(!mn_digest_differs(&before, &moved) && moved.rows == before.rows);
    for (size_t i = 0; i < moved.n; i++) OK(moved.tables[i].rows > 0);
    close_both();
}

/* What was moved is a store like any other: read, checked, written. */
static void lives_on(const char *where)
{
    mn_tx *tx;
    mn_post p = {0};
    uint64_t rev = 0, after = 0;
    RUN(mn_store_open(where, &to, &e));
    RUN(mn_store_post(to, INT64_MAX, &ar, &p, &e));
    OK(p.text.len == 100000);
    RUN(mn_store_post(to, 1014, &ar, &p, &e));
    IS(p.text, "new");
    RUN(mn_store_counts(to, NULL, NULL, &rev, &e));
    RUN(mn_store_begin(to, &tx, &e));
    RUN(mn_store_post_add(tx, &(mn_post){.id = 5, .account_id = 1, .text = MN_STR("x")}, &e));
    RUN(mn_store_commit(tx, &e));
    RUN(mn_store_counts(to, NULL, NULL, &after, &e));
    assert_int_equal(after, rev + 1);
    mn_store_close(to);
    to = NULL;
}

static void a_store_goes_to_postgresql_and_back_row_by_row(void **state)
{
    (void)state;
    if (!*url) SKIP(pg_why);
    fill();
    fill_every_table();
    move_and_compare(file, url);
    move_and_compare(url, other_file);
    lives_on(url);
    lives_on(other_file);
}

static void a_store_goes_to_another_file(void **state)
{
    (void)state;
    fill();
    RUN(mn_store_open(file, &from, &e));
    RUN(mn_store_ledger_verify(from, NULL, &e));
    mn_store_close(from);
    from = NULL;
    fill_every_table();
    move_and_compare(file, other_file);
    lives_on(other_file);
}

static void a_target_with_rows_is_refused_and_left_as_it_was(void **state)
{
    (void)state;
    mn_digest d = {0};
    mn_tx *tx;
    fill();
    open_both(file, other_file);
    RUN(mn_store_begin(to, &tx, &e));
    RUN(mn_store_meta_set(tx, "fact", MN_STR("here"), &e));
    RUN(mn_store_commit(tx, &e));
    mn_digest before = digest(to);
    FAILS(MN_E_EXISTS, mn_store_move(from, to, NULL, NULL, &ar, &d, &e));
    OK(strstr(e.msg, "not empty") && strstr(e.msg, "meta") && strstr(e.msg, other_file));
    mn_digest after = digest(to);
    OK(!mn_digest_differs(&before, &after));
    /* A store is not its own target either. */
    mn_store_close(to);
    RUN(mn_store_open_opts(file, &(mn_store_opts){.unfinished = true}, &to, &e));
    FAILS(MN_E_EXISTS, mn_store_move(from, to, NULL, NULL, &ar, &d, &e));
}

/* ---- interruptions ------------------------------------------------------------------------------------------- */

static bool stop_in_the_middle(void *arg, const char *what, uint64_t n, uint64_t total)
{
    (void)total;
    return strcmp(what, arg) != 0 || n < 8192;
}

static void many_rows(void)
{
    sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
        "INSERT INTO post_versions (post_id, n, at_ms, text, warning) SELECT i, 1, 5, "
        "'version', '' FROM n WHERE i <> 1014");
}

static void interrupted_and_begun_again(const char *target, const char *stage)
{
    mn_digest d = {0};
    mn_store *early = NULL;
    open_both(file, target);
    FAILS(MN_E_CANCELLED,
          mn_store_move(from, to, stop_in_the_middle, (void *)(uintptr_t)stage, &ar, &d, &e));
    close_both();
    FAILS(MN_E_BUSY, mn_store_open(target, &early, &e));
    OK(strstr(e.msg, "mynah store move"));
    open_both(file, target);
    RUN(mn_store_move(from, to, NULL, NULL, &ar, &d, &e));
    close_both();
    RUN(mn_store_open(target, &early, &e));
    mn_store_close(early);
    lives_on(target);
}

static void an_interrupted_move_begins_again(void **state)
{
    (void)state;
    fill();
    many_rows();
    interrupted_and_begun_again(other_file, "copy");
    if (*url) interrupted_and_begun_again(url, "check");
}

static bool say_and_wait(void *arg, const char *what, uint64_t n, uint64_t total)
{
    (void)what, (void)total;
    if (n < 40000) return true;
    if (write(*(int *)arg, "x", 1) != 1) _exit(1);
    for (;;) pause();
}

static void a_killed_move_begins_again(void **state)
{
    (void)state;
    int fds[2];
    char x;
    mn_digest d = {0};
    const char *target = *url ? url : other_file;
    mn_store *early = NULL;
    fill();
    many_rows();
    OK(pipe(fds) == 0);
    pid_t pid = fork();
    OK(pid >= 0);
    if (pid == 0) {
        open_both(file, target);
        mn_store_move(from, to, say_and_wait, &fds[1], &ar, &d, &e);
        _exit(1);
    }
    OK(read(fds[0], &x, 1) == 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fds[0]);
    close(fds[1]);
    FAILS(MN_E_BUSY, mn_store_open(target, &early, &e));
    open_both(file, target);
    RUN(mn_store_move(from, to, NULL, NULL, &ar, &d, &e));
    close_both();
    lives_on(target);
}

static bool write_meanwhile(void *arg, const char *what, uint64_t n, uint64_t total)
{
    (void)what, (void)total;
    mn_tx *tx;
    if (n != 8192) return true;
    if (mn_store_begin(arg, &tx, &e) != MN_OK) return false;
    if (mn_store_meta_set(tx, "meanwhile", MN_STR("1"), &e) != MN_OK) return false;
    return mn_store_commit(tx, &e) == MN_OK;
}

static void a_source_that_is_written_to_meanwhile_is_noticed(void **state)
{
    (void)state;
    mn_digest d = {0};
    fill();
    many_rows();
    open_both(file, other_file);
    FAILS(MN_E_BUSY, mn_store_move(from, to, write_meanwhile, from, &ar, &d, &e));
    OK(strstr(e.msg, "table meta") && strstr(e.msg, "meanwhile"));
    RUN(mn_store_move(from, to, NULL, NULL, &ar, &d, &e)); /* begun again, in peace */
}

static void a_text_that_cannot_be_kept_is_named_with_its_row(void **state)
{
    (void)state;
    mn_digest d = {0};
    fill();
    sql("UPDATE posts SET text = CAST(x'ff' AS TEXT) WHERE id = 1021");
    open_both(file, other_file);
    FAILS(MN_E_PARSE, mn_store_move(from, to, NULL, NULL, &ar, &d, &e));
    OK(strstr(e.msg, "table posts, id 1021") && strstr(e.msg, "UTF-8"));
}

static void a_digest_tells_one_changed_value_from_another(void **state)
{
    (void)state;
    fill();
    static const char *const changes[] = {
        "UPDATE posts SET text = 'newer' WHERE id = 1014",
        "UPDATE accounts SET bio = display_name, display_name = bio WHERE id = 1",
        "UPDATE jobs SET tries = 1", "DELETE FROM post_versions"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        RUN(mn_store_open(file, &from, &e));
        mn_digest before = digest(from);
        mn_store_close(from);
        sql(changes[i]);
        RUN(mn_store_open(file, &from, &e));
        mn_digest after = digest(from);
        mn_store_close(from);
        from = NULL;
        const mn_digest_table *t = mn_digest_differs(&before, &after);
        OK(t && mn_str_find(mn_str_from(changes[i]), t->name, 0) != SIZE_MAX);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_list_of_tables_is_what_sqlite_has),
        CASE(the_list_of_tables_is_what_postgresql_has),
        CASE(a_store_goes_to_postgresql_and_back_row_by_row),
        CASE(a_store_goes_to_another_file),
        CASE(a_target_with_rows_is_refused_and_left_as_it_was),
        CASE(an_interrupted_move_begins_again),
        CASE(a_killed_move_begins_again),
        CASE(a_source_that_is_written_to_meanwhile_is_noticed),
        CASE(a_text_that_cannot_be_kept_is_named_with_its_row),
        CASE(a_digest_tells_one_changed_value_from_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
