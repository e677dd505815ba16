/* Many commands in one journey to the server: see postgres_int.h.
 *
 * libpq's pipeline mode is entered with the first command and left when the answers are read. What nobody waits for is
 * only sent (a writer's UPDATEs, NOTIFY); its answer is read with that of the next command somebody does wait for, at the
 * latest COMMIT's. BEGIN, and a writer's taking of the lock, go out with the first statement. So a post written costs
 * four journeys, not nine, which is what a database on another machine is slow by.
 *
 * When one command of a pipeline fails, the server skips the rest up to the end of the pipeline, COMMIT too. */
#include "store/postgres_int.h"

static void send(pg_conn *c, const char *sql)
{
    if (!PQsendQueryParams(c->h, sql, 0, NULL, NULL, NULL, NULL, 1)) c->send_failed = true;
    c->n_sent++;
}

mn_rc mn_store__pg_pipe_open(pg_conn *c, mn_err *e)
{
    MN_TRY(mn_store__pg_ready(c, e));
    if (PQpipelineStatus(c->h) == PQ_PIPELINE_OFF && !PQenterPipelineMode(c->h))
        return mn_store__pg_fail(c->h, NULL, c->shown, e);
    if (c->unbegun == PG_BEGUN) return MN_OK;
    c->begun_here = c->unbegun;
    c->unbegun = PG_BEGUN;
    if (c->begun_here == PG_TO_READ) {
        send(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        return MN_OK;
    }
    send(c, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
    c->lock_at = c->n_sent;
    send(c, "SELECT version FROM mynah_schema WHERE id = 1 FOR UPDATE");
    return MN_OK;
}

void mn_store__pg_pipe_sent(pg_conn *c, int sent)
{
    c->send_failed = c->send_failed || !sent;
    c->n_sent++;
}

/* What came back: the last command's result, or the first that failed. */
typedef struct answers {
    PGresult *last, *bad;
    bool failed, no_lock;
} answers;

/* Takes r, the result of command i. */
static void note(answers *a, const pg_conn *c, int i, PGresult *r)
{
    ExecStatusType t = PQresultStatus(r);
    bool good = t == PGRES_TUPLES_OK || t == PGRES_COMMAND_OK;
    if (good && i == c->lock_at && PQntuples(r) != 1) a->no_lock = a->failed = true;
    if (good && i == c->n_sent - 1) a->last = r;
    else if (!good && !a->bad) a->bad = r;
    else PQclear(r);
    a->failed = a->failed || !good;
}

static answers read_answers(pg_conn *c)
{
    answers a = {.failed = c->send_failed};
    bool synced = PQpipelineSync(c->h);
    for (int i = 0; synced && i < c->n_sent; i++) {
        PGresult *r = PQgetResult(c->h);
        if (!r) a.failed = true;
        else note(&a, c, i, r);
        while (r && (r = PQgetResult(c->h))) PQclear(r);
    }
    PQclear(synced ? PQgetResult(c->h) : NULL); /* the end of the pipeline */
    a.failed = !PQexitPipelineMode(c->h) || !synced || a.failed;
    return a;
}

static mn_rc fail_answers(pg_conn *c, const answers *a, mn_err *e)
{
    if (a->no_lock && !a->bad)
        return mn_fail(e, MN_E_CORRUPT,
                       "database '%s' has lost the row of its table mynah_schema; restore a "
                       "backup",
                       c->shown);
    mn_rc rc = mn_store__pg_fail(c->h, a->bad, c->shown, e);
    if (PQstatus(c->h) != CONNECTION_OK) c->unbegun = c->begun_here;
    return rc;
}

mn_rc mn_store__pg_pipe_read(pg_conn *c, PGresult **ret, mn_err *e)
{
    answers a = read_answers(c);
    mn_rc rc = a.failed ? fail_answers(c, &a, e) : MN_OK;
    if (rc == MN_OK) c->n_later = 0;
    else mn_store__pg_forget_prepared(c);
    c->n_sent = 0;
    c->lock_at = -1;
    c->send_failed = false;
    c->begun_here = PG_BEGUN;
    c->round++;
    PQclear(a.bad);
    if (rc == MN_OK && ret) *ret = a.last;
    else PQclear(a.last);
    return rc;
}

mn_rc mn_store__pg_direct(pg_conn *c, mn_err *e)
{
    if (c->unbegun == PG_BEGUN && c->n_sent == 0) return mn_store__pg_ready(c, e);
    mn_rc rc = mn_store__pg_pipe_open(c, e);
    return rc == MN_OK ? mn_store__pg_pipe_read(c, NULL, e) : rc;
}
