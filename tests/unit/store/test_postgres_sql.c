/* The SQL of src/store in PostgreSQL's words: the rewriting, and that PostgreSQL takes every text there is. The texts are
 * found in the compiled library itself, as its constant strings that begin like a statement, so none is forgotten. */
#include "contract/postgres.h"

#include "store/postgres_int.h"
#include "store/store.h"
#include "store/tables.h"

static mn_err e;
static mn_buf out;

static int make_buf(void **state)
{
    (void)state;
    e = (mn_err){0};
    mn_buf_init(&out, 0);
    return 0;
}

static int release_buf(void **state)
{
    (void)state;
    mn_buf_release(&out);
    return 0;
}

/* ---- rewriting ----------------------------------------------------------------------------------------------- */

static void rewrites(const char *sql, const char *want, int want_params)
{
    int n = -1;
    mn_buf_clear(&out);
    RUN(mn_store__pg_rewrite(sql, &out, &n, &e));
    assert_string_equal(out.ptr, want);
    assert_int_equal(n, want_params);
}

static void parameters_and_types_are_put_in_postgresqls_words(void **state)
{
    (void)state;
    rewrites("SELECT a FROM t WHERE b = ?1 AND c = ?12 OR d = ?1",
             "SELECT a FROM t WHERE b = $1 AND c = $12 OR d = $1", 12);
    rewrites("SELECT CAST(a AS INTEGER) FROM t", "SELECT CAST(a AS BIGINT) FROM t", 0);
    rewrites(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT NOT NULL, b BLOB)",
        "CREATE TABLE t (id BIGINT PRIMARY KEY, text TEXT COLLATE \"C\" NOT NULL, b BYTEA)", 0);
    rewrites("ALTER TABLE t ADD COLUMN x TEXT NOT NULL DEFAULT ''",
             "ALTER TABLE t ADD COLUMN x TEXT COLLATE \"C\" NOT NULL DEFAULT ''", 0);
}

static void what_stands_in_quotes_or_in_names_stays(void **state)
{
    (void)state;
    rewrites("SELECT 'a ?1 INTEGER', 'it''s ?', \"TEXT\" FROM t WHERE integer_of = ?2",
             "SELECT 'a ?1 INTEGER', 'it''s ?', \"TEXT\" FROM t WHERE integer_of = $2", 2);
    rewrites("SELECT text, CAST(a AS TEXT), INTEGERS, my_BLOB FROM t",
             "SELECT text, CAST(a AS TEXT), INTEGERS, my_BLOB FROM t", 0);
    rewrites("CREATE INDEX i ON t (text) WHERE kind = 'TEXT'",
             "CREATE INDEX i ON t (text) WHERE kind = 'TEXT'", 0);
}

static void a_text_that_is_wrong_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "SELECT 'a",  "SELECT ?",      "SELECT ?0",  "SELECT ?a",
        "SELECT ?1a", "SELECT ?65536", "SELECT \"x", "SELECT ?99999999999999999999",
        "SELECT 'a''"};
    int n = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mn_buf_clear(&out);
        FAILS(MN_E_USAGE, mn_store__pg_rewrite(bad[i], &out, &n, &e));
    }
}

/* ---- every text ---------------------------------------------------------------------------------------------- */

static void read_library(mn_buf *ret)
{
    char path[1024];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 64);
    OK(n > 0);
    path[n] = '\0';
    char *at = strstr(path, "/tests/unit/");
    OK(at != NULL);
    strcpy(at, "/lib/libmn_store.a");
    RUN(mn_fs_read(path, 256u << 20, ret, &e));
}

/* A whole statement? Pieces that are put together at run time end in a blank, or wait for printf. */
static bool is_statement(const char *s)
{
    static const char *const begin[] = {"SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ",
                                        "WITH "};
    size_t n = strlen(s);
    bool like_one = false;
    for (size_t i = 0; i < sizeof begin / sizeof *begin; i++)
        like_one = like_one || strncmp(s, begin[i], strlen(begin[i])) == 0;
    for (const char *p = strchr(s, '%'); p; p = strchr(p + 1, '%'))
        if (strchr("sdulz.", p[1]) && p[1]) return false;
    return like_one && n > 12 && s[n - 1] != ' ' && s[n - 1] != '(' &&
           !strstr(s, "sqlite_master") && !strstr(s, "$1");
}

/* A migration's? It has run already, on tables as they were then. */
static mn_rc is_same(void *arg, const char *sql)
{
    return strcmp(arg, sql) == 0 ? MN_E_EXISTS : MN_OK;
}

/* With types left open, then with numbers, then with text: at run time they are said. */
static bool is_taken(PGconn *h, const char *sql, int n_params, mn_buf *ret_why)
{
    static const Oid types[] = {0, 20, 25};
    bool good = false;
    for (size_t t = 0; t < 3 && !good; t++) {
        Oid all[64];
        OK(n_params <= 64);
        for (int i = 0; i < n_params; i++) all[i] = types[t];
        PGresult *r = PQprepare(h, "", sql, n_params, all);
        good = PQresultStatus(r) == PGRES_COMMAND_OK;
        if (!good) mn_buf_addf(ret_why, "    %s", PQresultErrorMessage(r));
        PQclear(r);
    }
    return good;
}

static void postgresql_takes_every_statement_of_the_store(void **state)
{
    (void)state;
    char url[PG_URL_MAX];
    mn_store *s = NULL;
    mn_buf lib, why;
    int n = 0, n_bad = 0, params = 0;
    if (!pg_there()) SKIP(pg_why);
    pg_fresh(url);
    RUN(mn_store_open(url, &s, &e));
    mn_store_close(s);
    PGconn *h = PQconnectdb(url);
    mn_buf_init(&lib, 0);
    mn_buf_init(&why, 0);
    read_library(&lib);
    for (const char *p = lib.ptr; p < lib.ptr + lib.len; p += strlen(p) + 1) {
        if (!is_statement(p) ||
            mn_store__each_migration(is_same, (void *)(uintptr_t)p) != MN_OK)
            continue;
        n++;
        mn_buf_clear(&out);
        mn_buf_clear(&why);
        RUN(mn_store__pg_rewrite(p, &out, &params, &e));
        if (is_taken(h, out.ptr, params, &why)) continue;
        print_message("PostgreSQL refuses: %s\n%s", p, why.ptr);
        n_bad++;
    }
    mn_buf_release(&lib);
    mn_buf_release(&why);
    PQfinish(h);
    pg_drop(url);
    print_message("%d statements\n", n);
    OK(n > 50);
    assert_int_equal(n_bad, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make_buf, release_buf)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(parameters_and_types_are_put_in_postgresqls_words),
        CASE(what_stands_in_quotes_or_in_names_stays),
        CASE(a_text_that_is_wrong_is_refused),
        CASE(postgresql_takes_every_statement_of_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
