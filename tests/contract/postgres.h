/* A PostgreSQL for tests: the one that $MYNAH_TEST_POSTGRES names, else one of this program's own, made by
 * tools/pg-test-cluster.sh when first asked for and removed at exit. A fresh database is a schema of its own. */
#ifndef MN_TESTS_CONTRACT_POSTGRES_H
#define MN_TESTS_CONTRACT_POSTGRES_H

#include "test.h"

#include <libpq-fe.h>

#define PG_URL_MAX 320 /* of a database; a server's URL is shorter */

static char pg_base[PG_URL_MAX - 80]; /* the server's URL; empty: none yet */
static char pg_dir[64];               /* of our own server; empty: not ours */
static char pg_why[200];              /* why there is none */
static pid_t pg_owner;                /* a child does not stop its parent's server */

static inline int pg_script(const char *verb, char *ret, size_t n)
{
    char cmd[160];
    snprintf(cmd, sizeof cmd, "tools/pg-test-cluster.sh %s %s 2>&1", verb, pg_dir);
    FILE *f = popen(cmd, "r");
    if (!f) return -1;
    ret[0] = '\0';
    while (fgets(ret, (int)n, f)) continue; /* the last line is the answer */
    ret[strcspn(ret, "\n")] = '\0';
    return pclose(f);
}

static inline void pg_stop(void)
{
    char said[64];
    if (!*pg_dir || pg_owner != getpid()) return;
    pg_script("stop", said, sizeof said);
    test_tmp_remove(pg_dir);
    *pg_dir = '\0';
}

/* A server of our own, whatever the environment says: for tests that stop it. */
static inline bool pg_start_own(void)
{
    if (*pg_dir) return true;
    test_tmp(pg_dir);
    pg_owner = getpid();
    atexit(pg_stop);
    if (pg_script("start", pg_base, sizeof pg_base) == 0) return true;
    snprintf(pg_why, sizeof pg_why, "%.190s", pg_base);
    *pg_base = '\0';
    test_tmp_remove(pg_dir);
    *pg_dir = '\0';
    return false;
}

/* There is a server to test with; pg_why says why not. */
static inline bool pg_there(void)
{
    const char *url = getenv("MYNAH_TEST_POSTGRES");
    if (*pg_base) return true;
    if (*pg_why) return false;
    if (url && *url) {
        snprintf(pg_base, sizeof pg_base, "%s", url);
        return true;
    }
    return pg_start_own();
}

static inline void pg_sql(const char *url, const char *text)
{
    PGconn *h = PQconnectdb(url);
    PGresult *r = PQexec(h, text);
    bool good = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;
    if (!good) print_message("%s: %s", text, PQerrorMessage(h));
    PQclear(r);
    PQfinish(h);
    assert_true(good);
}

/* The URL of a schema that nobody has used. */
static inline void pg_fresh(char ret[PG_URL_MAX])
{
    static int n;
    char sql[80];
    snprintf(sql, sizeof sql, "CREATE SCHEMA t%d_%d", (int)getpid(), ++n);
    pg_sql(pg_base, sql);
    snprintf(ret, PG_URL_MAX, "%s%coptions=-csearch_path%%3Dt%d_%d", pg_base,
             strchr(pg_base, '?') ? '&' : '?', (int)getpid(), n);
}

static inline void pg_drop(const char *url)
{
    char sql[120];
    const char *name = strstr(url, "search_path%3D");
    if (!name) return;
    snprintf(sql, sizeof sql, "SET client_min_messages = warning; DROP SCHEMA %s CASCADE",
             name + strlen("search_path%3D"));
    pg_sql(pg_base, sql);
}

#endif
