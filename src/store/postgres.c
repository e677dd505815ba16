/* The PostgreSQL driver: connections and transactions. docs/design/postgres.md has the reasons.
 *
 * One writer at a time, in all processes: a write transaction begins by locking the one row of the table mynah_schema, and
 * keeps it to its end. A row's lock goes only after its transaction can be seen by others, so whoever gets the lock next
 * reads all that came before, counts on from its `rev`, and revs rise in the order in which commits become visible. There
 * are no advisory locks and no table locks, which not every database that speaks this protocol has.
 *
 * A reader has one snapshot (REPEATABLE READ READ ONLY). A connection that was lost is made again by the next transaction;
 * the one that was under way fails. */
#include "store/postgres_int.h"

#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "base/hash.h"
#include "sonames.h"

MN_LATE_LIBRARY(mn_libpq, MN_LIBPQ, MN_SONAME_PQ, "libpq")

/* ---- connecting -------------------------------------------------------------------------------------------------- */

static const char *part(const PQconninfoOption *o, const char *keyword)
{
    for (; o->keyword; o++)
        if (strcmp(o->keyword, keyword) == 0) return o->val ? o->val : "";
    return "";
}

mn_rc mn_store__pg_shown(const char *url, char **ret, mn_err *e)
{
    char *why = NULL;
    mn_buf b;
    MN_TRY(mn_libpq_open(e));
    PQconninfoOption *o = PQconninfoParse(url, &why);
    if (!o) {
        /* Its words would repeat the URL, and the password with it. */
        PQfreemem(why);
        return mn_fail(e, MN_E_USAGE,
                       "'database' is not a URL of PostgreSQL; write "
                       "postgres://USER@HOST/DATABASE");
    }
    mn_buf_init(&b, 0);
    mn_buf_addz(&b, "postgres://");
    if (*part(o, "user")) mn_buf_addf(&b, "%s@", part(o, "user"));
    mn_buf_addz(&b, part(o, "host"));
    if (*part(o, "port")) mn_buf_addf(&b, ":%s", part(o, "port"));
    mn_buf_addf(&b, "/%s", *part(o, "dbname") ? part(o, "dbname") : part(o, "user"));
    PQconninfoFree(o);
    char *shown = b.failed ? NULL : mn_strndup(b.ptr, b.len);
    mn_buf_release(&b);
    if (!shown) return mn_fail(e, MN_E_NOMEM, "out of memory");
    *ret = shown;
    return MN_OK;
}

/* libpq's own connect_timeout is kept by PQconnectdb only; we need the handle before, for the words of errors. */
static bool poll_connect(PGconn *h)
{
    int64_t until = mn_mono_us() + MN_PG_CONNECT_S * INT64_C(1000000);
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    while (want == PGRES_POLLING_READING || want == PGRES_POLLING_WRITING) {
        struct pollfd p = {.fd = PQsocket(h),
                           .events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        int64_t left_ms = (until - mn_mono_us()) / 1000;
        if (left_ms <= 0) return false;
        int n = poll(&p, 1, (int)left_ms);
        if (n < 0 && errno != EINTR) return false;
        if (n > 0) want = PQconnectPoll(h);
    }
    return want == PGRES_POLLING_OK;
}

/* Notices ("already exists, skipping") are for nobody. */
static void pass_over(void *arg, const char *message)
{
    (void)arg, (void)message;
}

mn_rc mn_store__pg_connect(const char *url, const char *shown, PGconn **ret, mn_err *e)
{
    /* What stands before dbname the URL may say otherwise: a server that vanished is noticed within a minute. */
    const char *const names[] = {"fallback_application_name", "keepalives_idle",
                                 "keepalives_interval",       "keepalives_count",
                                 "tcp_user_timeout",          "dbname",
                                 "client_encoding",           NULL};
    const char *const values[] = {"mynah", "30", "10", "3", "60000", url, "UTF8", NULL};
    mn_rc rc = MN_OK;
    MN_TRY(mn_libpq_open(e));
    PGconn *h = PQconnectStartParams(names, values, 1);
    if (h) PQsetErrorVerbosity(h, PQERRORS_VERBOSE);
    if (!h || PQstatus(h) == CONNECTION_BAD || !poll_connect(h))
        rc = h && PQstatus(h) != CONNECTION_BAD
                 ? mn_fail(e, MN_E_IO,
                           "the PostgreSQL server of '%s' did not answer within %d s; check "
                           "that it runs, and 'database' in mynah.conf",
                           shown, MN_PG_CONNECT_S)
                 : mn_store__pg_fail_connect(h, shown, e);
    if (rc == MN_OK && strcmp(PQparameterStatus(h, "server_encoding"), "UTF8") != 0)
        rc = mn_fail(e, MN_E_UNSUPPORTED,
                     "database '%s' has the encoding %s; make one with createdb --encoding "
                     "UTF8 --template template0",
                     shown, PQparameterStatus(h, "server_encoding"));
    if (rc != MN_OK) {
        PQfinish(h);
        return rc;
    }
    PQsetErrorVerbosity(h, PQERRORS_DEFAULT);
    PQsetNoticeProcessor(h, pass_over, NULL);
    *ret = h;
    return MN_OK;
}

/* Runs SQL without parameters; *ret (may be NULL): the result, to be cleared. */
static mn_rc exec(PGconn *h, const char *shown, const char *sql, PGresult **ret, mn_err *e)
{
    mn_rc rc = MN_OK;
    PGresult *r = PQexec(h, sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK)
        rc = mn_store__pg_fail(h, r, shown, e);
    if (rc == MN_OK && ret) *ret = r;
    else PQclear(r);
    return rc;
}

/* A number from one row of one column; `none` when there is no row. */
static mn_rc ask(PGconn *h, const char *shown, const char *sql, int64_t none, int64_t *ret,
                 mn_err *e)
{
    PGresult *r;
    MN_TRY(exec(h, shown, sql, &r, e));
    int64_t v = none;
    if (PQntuples(r) > 0) mn_str_to_i64(mn_str_from(PQgetvalue(r, 0, 0)), &v);
    PQclear(r);
    *ret = v;
    return MN_OK;
}

mn_rc mn_store__pg_set_up(PGconn *h, const char *shown, const char *sql,
                          char ret_channel[MN_PG_CHANNEL_MAX], mn_err *e)
{
    PGresult *r;
    MN_TRY(exec(h, shown, sql, &r, e));
    mn_str schema = mn_str_from(PQgetvalue(r, 0, 0));
    snprintf(ret_channel, MN_PG_CHANNEL_MAX, "mynah_%016llx",
             (unsigned long long)mn_hash64(schema.ptr, schema.len, 0));
    PQclear(r);
    return MN_OK;
}

/* Whose the schema is, in one look: OURS and more when our mark is there, else how many tables it has; -1: there is none. */
#define OURS 1000000
static mn_rc look_whose(pg_conn *c, int64_t *ret, mn_err *e)
{
    return ask(c->h, c->shown,
               "SELECT CASE WHEN current_schema() IS NULL THEN -1 ELSE (SELECT "
               "coalesce(sum(CASE WHEN table_name = 'mynah_schema' THEN 1000000 ELSE 1 END), "
               "0) FROM information_schema.tables WHERE table_schema = current_schema()) END",
               0, ret, e);
}

/* The table mynah_schema, with its one row: the version, and the writer's lock. Two processes may do this at once; IF NOT
 * EXISTS alone does not make that safe, so a failure is forgotten when the table is there afterwards. */
static mn_rc make_mark(pg_conn *c, int64_t whose, mn_err *e)
{
    mn_rc rc = MN_OK;
    if (whose < OURS)
        rc = exec(c->h, c->shown,
                  "CREATE TABLE IF NOT EXISTS mynah_schema (id BIGINT PRIMARY KEY, version "
                  "BIGINT NOT NULL)",
                  NULL, e);
    if (rc != MN_OK && PQstatus(c->h) == CONNECTION_OK) MN_TRY(look_whose(c, &whose, e));
    if (rc != MN_OK && whose < OURS) return rc;
    return exec(c->h, c->shown,
                "INSERT INTO mynah_schema (id, version) VALUES (1, 0) ON CONFLICT DO NOTHING",
                NULL, e);
}

static mn_rc check_owner(pg_conn *c, mn_err *e)
{
    int64_t whose = 0, rows = 0;
    MN_TRY(look_whose(c, &whose, e));
    if (whose < 0)
        return mn_fail(e, MN_E_USAGE,
                       "database '%s' has no schema to keep tables in; make the one that "
                       "search_path names",
                       c->shown);
    if (whose > 0 && whose < OURS)
        return mn_fail(e, MN_E_CORRUPT,
                       "database '%s' holds the tables of another program; name another one",
                       c->shown);
    if (whose > 0)
        MN_TRY(
            ask(c->h, c->shown, "SELECT count(*) FROM mynah_schema WHERE id = 1", 0, &rows, e));
    return rows > 0 ? MN_OK : make_mark(c, whose, e);
}

/* What every connection is told first. JIT costs short statements more than it gives. */
static mn_rc set_up(pg_conn *c, mn_err *e)
{
    char sql[320];
    snprintf(
        sql, sizeof sql,
        "SET lock_timeout = '%ds'; SET statement_timeout = '%ds'; "
        "SET idle_in_transaction_session_timeout = '%ds'; SET jit = off%s; " MN_PG_ASK_SCHEMA,
        MN_PG_LOCK_S, MN_PG_STATEMENT_S, c->writer ? MN_PG_IDLE_S : 0,
        c->writer && c->durable ? "; SET synchronous_commit = on" : "");
    return mn_store__pg_set_up(c->h, c->shown, sql, c->channel, e);
}

static mn_rc connect_now(pg_conn *c, mn_err *e)
{
    MN_TRY(mn_store__pg_connect(c->url, c->shown, &c->h, e));
    c->life++;
    c->unsettled = false;
    mn_rc rc = set_up(c, e);
    if (rc != MN_OK) {
        PQfinish(c->h);
        c->h = NULL;
    }
    return rc;
}

void mn_store__pg_note_failure(pg_conn *c)
{
    if (!c->h || PQstatus(c->h) == CONNECTION_OK) return;
    PQfinish(c->h);
    c->h = NULL;
    c->unsettled = false;
    c->n_sent = 0;
    c->lock_at = -1;
    c->send_failed = false;
}

/* Reads the answer of a ROLLBACK that nobody waited for. */
static void settle(pg_conn *c)
{
    PGresult *r;
    if (!c->unsettled || !c->h) return;
    while ((r = PQgetResult(c->h))) PQclear(r);
    c->unsettled = false;
    mn_store__pg_note_failure(c);
}

mn_rc mn_store__pg_ready(pg_conn *c, mn_err *e)
{
    settle(c);
    if (c->h) return MN_OK;
    if (c->in_tx && c->unbegun == PG_BEGUN)
        return mn_fail(e, MN_E_IO, "the connection to database '%s' was lost; try again",
                       c->shown);
    return connect_now(c, e);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static void close_db(mn_db *db)
{
    pg_conn *c = (pg_conn *)db;
    if (!c) return;
    mn_store__pg_free_all(c);
    if (c->h) PQfinish(c->h);
    mn_free(c->url);
    mn_free(c->shown);
    mn_free(c);
}

static mn_rc open_db(const char *url, const mn_store_opts *o, bool writer, mn_db **ret,
                     mn_err *e)
{
    pg_conn *c = mn_calloc(1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "out of memory");
    c->base.driver = &mn_store__postgres;
    c->writer = writer;
    c->lock_at = -1;
    c->durable = o->durable;
    c->url = mn_strdup(url);
    mn_rc rc = c->url ? mn_store__pg_shown(url, &c->shown, e)
                      : mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) rc = connect_now(c, e);
    if (rc == MN_OK && writer) rc = check_owner(c, e);
    if (rc == MN_OK) *ret = &c->base;
    else close_db(&c->base);
    return rc;
}

static mn_rc version(mn_db *db, int *ret, mn_err *e)
{
    pg_conn *c = (pg_conn *)db;
    int64_t v = 0;
    MN_TRY(mn_store__pg_direct(c, e));
    MN_TRY(ask(c->h, c->shown, "SELECT version FROM mynah_schema WHERE id = 1", 0, &v, e));
    *ret = (int)v;
    return MN_OK;
}

static mn_rc set_version(mn_db *db, int v, mn_err *e)
{
    pg_conn *c = (pg_conn *)db;
    char sql[80];
    MN_TRY(mn_store__pg_direct(c, e));
    snprintf(sql, sizeof sql, "UPDATE mynah_schema SET version = %d WHERE id = 1", v);
    return exec(c->h, c->shown, sql, NULL, e);
}

/* ---- transactions ------------------------------------------------------------------------------------------------ */

static void roll_back(pg_conn *c)
{
    if (!c->h) return;
    PQclear(PQexec(c->h, "ROLLBACK"));
    mn_store__pg_note_failure(c);
}

/* Nothing is sent yet: see postgres_pipe.c. */
static mn_rc begin(mn_db *db, bool write, mn_err *e)
{
    pg_conn *c = (pg_conn *)db;
    (void)e;
    c->failed = false;
    c->in_tx = true;
    c->n_later = 0;
    c->unbegun = write ? PG_TO_WRITE : PG_TO_READ;
    return MN_OK;
}

static void rollback(mn_db *db)
{
    pg_conn *c = (pg_conn *)db;
    if (c->h && c->n_sent > 0) mn_store__pg_pipe_read(c, NULL, NULL);
    bool open = c->in_tx && c->unbegun == PG_BEGUN;
    mn_store__pg_reset_all(c);
    c->in_tx = c->failed = false;
    c->unbegun = PG_BEGUN;
    mn_store__pg_note_failure(c);
    if (!open || !c->h) return;
    if (c->writer) roll_back(c);
    else if (PQsendQuery(c->h, "ROLLBACK")) c->unsettled = true;
    else mn_store__pg_note_failure(c);
}

static mn_rc fail_commit(pg_conn *c, mn_rc rc, mn_err *e)
{
    if (c->h && PQstatus(c->h) != CONNECTION_OK)
        rc = mn_fail(e, MN_E_IO,
                     "the connection to database '%s' was lost at the end of a transaction; "
                     "whether it is kept shows when the database is back",
                     c->shown);
    rollback(&c->base);
    return rc;
}

static mn_rc commit(mn_db *db, mn_err *e)
{
    pg_conn *c = (pg_conn *)db;
    PGresult *r;
    mn_store__pg_reset_all(c);
    if (c->unbegun != PG_BEGUN && !c->failed) { /* nothing was done */
        rollback(db);
        return MN_OK;
    }
    mn_rc rc = c->failed || !c->h ? MN_E_IO : mn_store__pg_pipe_open(c, e);
    if (c->failed || !c->h)
        rc = mn_fail(e, MN_E_IO, "the transaction on '%s' has failed; nothing of it is kept",
                     c->shown);
    if (rc == MN_OK) {
        mn_store__pg_pipe_sent(c,
                               PQsendQueryParams(c->h, "COMMIT", 0, NULL, NULL, NULL, NULL, 1));
        rc = mn_store__pg_pipe_read(c, &r, e);
    }
    if (rc != MN_OK) return fail_commit(c, rc, e);
    bool kept = strcmp(PQcmdStatus(r), "COMMIT") == 0;
    PQclear(r);
    c->in_tx = false;
    return kept
               ? MN_OK
               : mn_fail(e, MN_E_IO,
                         "the transaction on '%s' has failed; nothing of it is kept", c->shown);
}

/* In the transaction, to every process that listens when it commits. */
static mn_rc notify(mn_db *db, const char *payload, mn_err *e)
{
    pg_conn *c = (pg_conn *)db;
    const char *const values[] = {c->channel, payload};
    if (c->failed)
        return mn_fail(e, MN_E_IO, "the transaction on '%s' has failed; nothing of it is kept",
                       c->shown);
    mn_rc rc = mn_store__pg_pipe_open(c, e);
    if (rc != MN_OK) {
        c->failed = true;
        return rc;
    }
    mn_store__pg_pipe_sent(c, PQsendQueryParams(c->h, "SELECT pg_notify($1::text, $2::text)", 2,
                                                NULL, values, NULL, NULL, 1));
    c->n_later++;
    return MN_OK;
}

/* ---- what has no meaning here ------------------------------------------------------------------------------------ */

/* The memory that makes later work faster is the server's own. */
static void trim(mn_db *db)
{
    (void)db;
}

static void bulk(mn_db *db, bool on)
{
    (void)db, (void)on;
}

/* The disk is the server's and cannot be asked for; taking back needs no room there but for its log. */
static mn_rc room(mn_db *db, mn_err *e)
{
    (void)db, (void)e;
    return MN_OK;
}

static mn_rc prepare(mn_db *db, const char *sql, mn_stmt **ret, mn_err *e)
{
    return mn_store__pg_prepare(db, sql, false, ret, e);
}

static mn_rc scan(mn_db *db, const char *sql, mn_stmt **ret, mn_err *e)
{
    return mn_store__pg_prepare(db, sql, true, ret, e);
}

const mn_driver mn_store__postgres = {
    .name = "postgres",
    .open = open_db,
    .close = close_db,
    .shown = mn_store__pg_shown,
    .trim = trim,
    .bulk = bulk,
    .version = version,
    .set_version = set_version,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .room = room,
    .prepare = prepare,
    .scan = scan,
    .bind_i64 = mn_store__pg_bind_i64,
    .bind_bytes = mn_store__pg_bind_bytes,
    .bind_null = mn_store__pg_bind_null,
    .step = mn_store__pg_step,
    .later = mn_store__pg_later,
    .reset = mn_store__pg_reset,
    .changed = mn_store__pg_changed,
    .col_i64 = mn_store__pg_col_i64,
    .col_bytes = mn_store__pg_col_bytes,
    .col_null = mn_store__pg_col_null,
    .notify = notify,
    .follow = mn_store__pg_follow,
    .unfollow = mn_store__pg_unfollow,
};
