/* Statements at PostgreSQL: see postgres_int.h.
 *
 * A statement is prepared when it first runs, not before: its parameters are bound then, and their types are said with it
 * (a number is a BIGINT, always; text is TEXT, bytes are BYTEA). Left to guess, PostgreSQL takes `?1 = 0` for an INTEGER
 * of 32 bits and a parameter in a list of INSERT … SELECT for TEXT. What has only been NULL so far is left open; should a
 * parameter change its type later, the statement is prepared once more.
 *
 * A result is held whole, but for scans: those are cursors, read MN_PG_FETCH rows at a time, any number beside each other.
 *
 * Statements travel in pipelines (postgres_pipe.c). */
#include "store/postgres_int.h"

#include <endian.h>

#define OID_BOOL    16
#define OID_BYTEA   17
#define OID_INT8    20
#define OID_INT2    21
#define OID_INT4    23
#define OID_TEXT    25
#define OID_NUMERIC 1700
#define SLOTS_MIN   64

struct pg_stmt {
    mn_stmt base;
    pg_conn *conn;
    const char *sql; /* the key */
    char *text;      /* as PostgreSQL wants it */
    int n_params;
    bool scan, ddl;
    unsigned life;  /* of the connection it is prepared in; 0: in none */
    unsigned round; /* the pipeline that prepared it */
    unsigned number;
    bool running, declared;
    int row;
    PGresult *res;
    uint64_t n_changed;
    mn_rc bind_rc; /* the first failing bind since the last reset */
    /* By parameter. */
    Oid *types;
    uint64_t *numbers; /* as they go over the wire */
    const char **values;
    int *lengths, *formats;
};

/* ---- preparing --------------------------------------------------------------------------------------------------- */

static size_t slot_of(const pg_conn *c, const char *sql)
{
    size_t i = (size_t)(((uintptr_t)sql * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (c->cap - 1);
    while (c->slots[i] && c->slots[i]->sql != sql) i = (i + 1) & (c->cap - 1);
    return i;
}

static bool grow(pg_conn *c)
{
    pg_conn bigger = *c;
    bigger.cap = c->cap ? c->cap * 2 : SLOTS_MIN;
    bigger.slots = mn_calloc(bigger.cap, sizeof *bigger.slots);
    if (!bigger.slots) return false;
    for (size_t i = 0; i < c->cap; i++)
        if (c->slots[i]) bigger.slots[slot_of(&bigger, c->slots[i]->sql)] = c->slots[i];
    mn_free(c->slots);
    *c = bigger;
    return true;
}

static void free_stmt(pg_stmt *q)
{
    PQclear(q->res);
    mn_free(q->text);
    mn_free(q->types);
    mn_free(q->numbers);
    mn_free(q->values);
    mn_free(q->lengths);
    mn_free(q->formats);
    mn_free(q);
}

static bool make_room(pg_stmt *q)
{
    size_t n = (size_t)q->n_params + 1;
    q->types = mn_calloc(n, sizeof *q->types);
    q->numbers = mn_calloc(n, sizeof *q->numbers);
    q->values = mn_calloc(n, sizeof *q->values);
    q->lengths = mn_calloc(n, sizeof *q->lengths);
    q->formats = mn_calloc(n, sizeof *q->formats);
    for (size_t i = 0; q->formats && i < n; i++) q->formats[i] = 1;
    return q->types && q->numbers && q->values && q->lengths && q->formats;
}

static mn_rc new_stmt(pg_conn *c, const char *sql, bool scan, pg_stmt **ret, mn_err *e)
{
    mn_buf text;
    pg_stmt *q = mn_calloc(1, sizeof *q);
    if (!q) return mn_fail(e, MN_E_NOMEM, "out of memory");
    *q = (pg_stmt){.base.driver = &mn_store__postgres,
                   .conn = c,
                   .sql = sql,
                   .scan = scan,
                   .ddl = mn_store__pg_is_ddl(sql),
                   .number = ++c->n_names};
    mn_buf_init(&text, 0);
    if (scan) mn_buf_addf(&text, "DECLARE c%u NO SCROLL CURSOR FOR ", q->number);
    mn_rc rc = mn_store__pg_rewrite(sql, &text, &q->n_params, e);
    if (rc == MN_OK) q->text = mn_strndup(text.ptr, text.len);
    mn_buf_release(&text);
    if (rc == MN_OK && (!q->text || !make_room(q)))
        rc = mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) *ret = q;
    else free_stmt(q);
    return rc;
}

mn_rc mn_store__pg_prepare(mn_db *db, const char *sql, bool scan, mn_stmt **ret, mn_err *e)
{
    pg_conn *c = (pg_conn *)db;
    if (c->failed)
        return mn_fail(e, MN_E_IO, "the transaction on '%s' has failed; nothing of it is kept",
                       c->shown);
    pg_stmt *q = c->cap ? c->slots[slot_of(c, sql)] : NULL;
    if (!q) {
        if (c->n * 2 >= c->cap && !grow(c)) return mn_fail(e, MN_E_NOMEM, "out of memory");
        MN_TRY(new_stmt(c, sql, scan, &q, e));
        c->slots[slot_of(c, sql)] = q;
        c->n++;
    }
    MN_ASSERT(!q->running && q->scan == scan);
    *ret = &q->base;
    return MN_OK;
}

void mn_store__pg_free_all(pg_conn *c)
{
    for (size_t i = 0; i < c->cap; i++)
        if (c->slots[i]) free_stmt(c->slots[i]);
    mn_free(c->slots);
    c->slots = NULL;
    c->n = c->cap = 0;
}

/* ---- binding ----------------------------------------------------------------------------------------------------- */

static bool bind(pg_stmt *q, int i, Oid type, const void *p, size_t n)
{
    MN_ASSERT(i >= 1);
    if (i > q->n_params || n > INT32_MAX) {
        if (q->bind_rc == MN_OK) q->bind_rc = i > q->n_params ? MN_E_USAGE : MN_E_LIMIT;
        return false;
    }
    if (type != 0 && q->types[i - 1] != type) {
        q->types[i - 1] = type;
        q->life = 0;
    }
    q->values[i - 1] = p;
    q->lengths[i - 1] = (int)n;
    return true;
}

void mn_store__pg_bind_i64(mn_stmt *s, int i, int64_t v)
{
    pg_stmt *q = (pg_stmt *)s;
    if (bind(q, i, OID_INT8, i <= q->n_params ? &q->numbers[i - 1] : NULL, 8))
        q->numbers[i - 1] = htobe64((uint64_t)v);
}

void mn_store__pg_bind_bytes(mn_stmt *s, int i, const void *p, size_t n, bool is_text)
{
    pg_stmt *q = (pg_stmt *)s;
    if (is_text && q->bind_rc == MN_OK && !mn_store__text_ok((mn_str){p, n}))
        q->bind_rc = MN_E_PARSE;
    bind(q, i, is_text ? OID_TEXT : OID_BYTEA, p ? p : "", n);
}

void mn_store__pg_bind_null(mn_stmt *s, int i)
{
    bind((pg_stmt *)s, i, 0, NULL, 0);
}

static mn_rc fail_bind(const pg_stmt *q, mn_err *e)
{
    if (q->bind_rc == MN_E_PARSE) return mn_store__fail_text(e);
    if (q->bind_rc == MN_E_LIMIT)
        return mn_fail(e, MN_E_LIMIT, "a value is too large for the database");
    return mn_fail(e, MN_E_USAGE, "a statement has no such parameter: %.60s", q->sql);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static bool good(const PGresult *r)
{
    ExecStatusType t = PQresultStatus(r);
    return t == PGRES_TUPLES_OK || t == PGRES_COMMAND_OK;
}

/* Takes r: keeps it as the statement's, or words its failure. */
static mn_rc take(pg_stmt *q, PGresult *r, mn_err *e)
{
    if (good(r)) {
        PQclear(q->res);
        q->res = r;
        q->row = -1;
        return MN_OK;
    }
    mn_rc rc = mn_store__pg_fail(q->conn->h, r, q->conn->shown, e);
    PQclear(r);
    return rc;
}

static void name_of(const pg_stmt *q, char ret[16])
{
    snprintf(ret, 16, "%s%u", q->scan ? "c" : "m", q->number);
}

/* Sends the statement, with its preparation when it is the first time, into the open pipeline. */
static void send(pg_stmt *q)
{
    pg_conn *c = q->conn;
    char name[16];
    bool fresh = q->life != c->life;
    if (fresh)
        q->number = ++c->n_names; /* a name of its own: the one before may still be there */
    name_of(q, name);
    if (fresh) {
        mn_store__pg_pipe_sent(c, PQsendPrepare(c->h, name, q->text, q->n_params, q->types));
        q->life = c->life;
        q->round = c->round;
    }
    mn_store__pg_pipe_sent(
        c, PQsendQueryPrepared(c->h, name, q->n_params, q->values, q->lengths, q->formats, 1));
}

void mn_store__pg_forget_prepared(pg_conn *c)
{
    for (size_t i = 0; i < c->cap; i++)
        if (c->slots[i] && c->slots[i]->round == c->round) c->slots[i]->life = 0;
}

static mn_rc run_prepared(pg_stmt *q, mn_err *e)
{
    PGresult *r;
    MN_TRY(mn_store__pg_pipe_open(q->conn, e));
    send(q);
    MN_TRY(mn_store__pg_pipe_read(q->conn, &r, e));
    return take(q, r, e);
}

static mn_rc fetch(pg_stmt *q, mn_err *e)
{
    char sql[64];
    MN_TRY(mn_store__pg_direct(q->conn, e));
    snprintf(sql, sizeof sql, "FETCH %d FROM c%u", MN_PG_FETCH, q->number);
    return take(q, PQexecParams(q->conn->h, sql, 0, NULL, NULL, NULL, NULL, 1), e);
}

static mn_rc run_scan(pg_stmt *q, mn_err *e)
{
    pg_conn *c = q->conn;
    MN_TRY(mn_store__pg_direct(c, e));
    MN_TRY(take(q,
                PQexecParams(c->h, q->text, q->n_params, q->types, q->values, q->lengths,
                             q->formats, 1),
                e));
    q->declared = true;
    return fetch(q, e);
}

/* A change of the schema may have to build an index: it takes what time it needs. */
static mn_rc run_ddl(pg_stmt *q, mn_err *e)
{
    MN_TRY(mn_store__pg_direct(q->conn, e));
    MN_TRY(take(q, PQexec(q->conn->h, "SET LOCAL statement_timeout = 0"), e));
    return take(q, PQexec(q->conn->h, q->text), e);
}

static mn_rc run(pg_stmt *q, mn_err *e)
{
    pg_conn *c = q->conn;
    for (bool again = false;; again = true) {
        mn_rc rc = q->ddl ? run_ddl(q, e) : q->scan ? run_scan(q, e) : run_prepared(q, e);
        if (rc == MN_OK) return MN_OK;
        bool lost = c->h && PQstatus(c->h) != CONNECTION_OK;
        mn_store__pg_note_failure(c);
        /* Nothing was read or written yet, and the server may only have been started anew: once more. */
        if (lost && c->unbegun != PG_BEGUN && c->n_later == 0 && !again) continue;
        c->failed = c->in_tx;
        return rc;
    }
}

static void finish(pg_stmt *q)
{
    PQclear(q->res);
    q->res = NULL;
    q->running = false;
    q->declared = false;
    q->bind_rc = MN_OK;
}

void mn_store__pg_reset(mn_stmt *s)
{
    pg_stmt *q = (pg_stmt *)s;
    char sql[32];
    if (q->declared && !q->conn->failed && mn_store__pg_direct(q->conn, NULL) == MN_OK) {
        snprintf(sql, sizeof sql, "CLOSE c%u", q->number);
        PQclear(PQexec(q->conn->h, sql));
    }
    finish(q);
}

void mn_store__pg_reset_all(pg_conn *c)
{
    for (size_t i = 0; i < c->cap; i++)
        if (c->slots[i] && c->slots[i]->running) finish(c->slots[i]);
}

static mn_rc start(pg_stmt *q, mn_err *e)
{
    if (q->bind_rc != MN_OK) return fail_bind(q, e);
    MN_TRY(run(q, e));
    const char *n = PQcmdTuples(q->res);
    q->n_changed = 0;
    if (*n) mn_str_to_u64(mn_str_from(n), &q->n_changed);
    q->running = true;
    return MN_OK;
}

mn_rc mn_store__pg_step(mn_stmt *s, bool *ret_row, mn_err *e)
{
    pg_stmt *q = (pg_stmt *)s;
    mn_rc rc = q->running ? MN_OK : start(q, e);
    if (rc == MN_OK && ++q->row == PQntuples(q->res) && q->declared && q->row == MN_PG_FETCH) {
        rc = fetch(q, e);
        if (rc != MN_OK) mn_store__pg_note_failure(q->conn);
        if (rc != MN_OK) q->conn->failed = true;
        q->row = 0;
    }
    bool row = rc == MN_OK && q->row < PQntuples(q->res);
    if (!row) mn_store__pg_reset(s);
    if (rc == MN_OK) *ret_row = row;
    return rc;
}

/* A failure is told by the next statement somebody waits for, at the latest by the commit. */
mn_rc mn_store__pg_later(mn_stmt *s, mn_err *e)
{
    pg_stmt *q = (pg_stmt *)s;
    pg_conn *c = q->conn;
    bool row = true;
    mn_rc rc = MN_OK;
    if (q->ddl || q->scan || !c->in_tx || q->bind_rc != MN_OK) {
        while (rc == MN_OK && row) rc = mn_store__pg_step(s, &row, e);
        return rc;
    }
    rc = mn_store__pg_pipe_open(c, e);
    if (rc == MN_OK) {
        send(q);
        c->n_later++;
    }
    if (rc == MN_OK && c->n_sent >= MN_PG_SENT_MAX) rc = mn_store__pg_pipe_read(c, NULL, e);
    if (rc != MN_OK) {
        mn_store__pg_note_failure(c);
        c->failed = true;
    }
    finish(q);
    return rc;
}

uint64_t mn_store__pg_changed(mn_stmt *s)
{
    return ((pg_stmt *)s)->n_changed;
}

/* ---- columns ----------------------------------------------------------------------------------------------------- */

static uint64_t big_endian(const char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) v = v << 8 | (uint8_t)p[i];
    return v;
}

/* A NUMERIC (a sum of BIGINTs is one): groups of four decimal digits, the weight of the first, sign; cut to the whole. */
static int64_t numeric(const char *p, size_t n)
{
    if (n < 8) return 0;
    int groups = (int)big_endian(p, 2), weight = (int16_t)big_endian(p + 2, 2);
    bool negative = big_endian(p + 4, 2) == 0x4000;
    uint64_t v = 0;
    for (int i = 0; i <= weight && weight < 5; i++) {
        bool there = i < groups && 8 + 2 * (size_t)i + 2 <= n;
        v = v * 10000 + (there ? big_endian(p + 8 + 2 * i, 2) : 0);
    }
    return negative ? -(int64_t)v : (int64_t)v;
}

int64_t mn_store__pg_col_i64(mn_stmt *s, int i)
{
    const pg_stmt *q = (const pg_stmt *)s;
    if (PQgetisnull(q->res, q->row, i)) return 0;
    const char *p = PQgetvalue(q->res, q->row, i);
    switch (PQftype(q->res, i)) {
    case OID_INT8:
        return (int64_t)big_endian(p, 8);
    case OID_INT4:
        return (int32_t)big_endian(p, 4);
    case OID_INT2:
        return (int16_t)big_endian(p, 2);
    case OID_BOOL:
        return *p != 0;
    case OID_NUMERIC:
        return numeric(p, (size_t)PQgetlength(q->res, q->row, i));
    default:
        mn_assert_failed("a column that is no number was read as one", __FILE__, __LINE__);
    }
}

mn_str mn_store__pg_col_bytes(mn_stmt *s, int i)
{
    const pg_stmt *q = (const pg_stmt *)s;
    Oid type = PQftype(q->res, i);
    MN_ASSERT(type == OID_TEXT || type == OID_BYTEA);
    if (PQgetisnull(q->res, q->row, i)) return MN_STR("");
    return (mn_str){PQgetvalue(q->res, q->row, i), (size_t)PQgetlength(q->res, q->row, i)};
}

bool mn_store__pg_col_null(mn_stmt *s, int i)
{
    const pg_stmt *q = (const pg_stmt *)s;
    return PQgetisnull(q->res, q->row, i);
}
