/* Copying a store: see move.h.
 *
 * Rows are read by one scan a table, in the order of its key, and written HUNDRED at a time with one INSERT: over a
 * connection a row a statement would spend its time travelling. The SQL texts are made from the list of tables. */
#include "store/move.h"

#include <stdio.h>

#include "base/hash.h"
#include "store/tables.h"

#define HUNDRED     100
#define PARAMS_MAX  30000 /* of a statement; SQLite's own limit is 32,766 */
#define BATCH_BYTES (UINT64_C(4) << 20)
#define TX_ROWS     20000
#define TX_BYTES    (UINT64_C(32) << 20)
#define TELL_EVERY  4096
#define MARK        "moving"

typedef struct value {
    bool is_null;
    int64_t number;
    mn_str bytes;
} value;

/* Who is told how far it is. */
typedef struct teller {
    mn_move_progress_fn *fn;
    void *arg;
    const char *what;
    uint64_t done, total;
} teller;

static mn_rc tell(teller *t, mn_err *e)
{
    t->done++;
    if (!t->fn || t->done % TELL_EVERY != 0 || t->fn(t->arg, t->what, t->done, t->total))
        return MN_OK;
    return mn_fail(e, MN_E_CANCELLED, "stopped; the same command begins again");
}

/* ---- SQL texts --------------------------------------------------------------------------------------------------- */

static void add_columns(mn_buf *b, const mn_table *t)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        if (i) mn_buf_addc(b, ',');
        mn_buf_adds(b, t->columns[i].name);
    }
}

/* Texts are found by their address, so they are kept as long as the store. */
static mn_rc keep(mn_store *s, mn_buf *b, const char **ret, mn_err *e)
{
    pthread_mutex_lock(&s->lock);
    char *text = b->failed ? NULL : mn_arena_strndup(&s->texts, b->ptr, b->len);
    pthread_mutex_unlock(&s->lock);
    mn_buf_release(b);
    if (!text) return mn_fail(e, MN_E_NOMEM, "out of memory");
    *ret = text;
    return MN_OK;
}

static mn_rc select_sql(mn_store *s, const mn_table *t, const char **ret, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_buf_addz(&b, "SELECT ");
    add_columns(&b, t);
    mn_buf_addf(&b, " FROM %.*s", MN_STR_FMT(t->name));
    if (mn_str_eqz(t->name, "meta")) mn_buf_addz(&b, " WHERE name <> '" MARK "'");
    for (size_t i = 0; i < t->n_key; i++) {
        mn_buf_addz(&b, i ? "," : " ORDER BY ");
        mn_buf_adds(&b, t->columns[t->key[i]].name);
    }
    return keep(s, &b, ret, e);
}

static mn_rc insert_sql(mn_store *s, const mn_table *t, size_t n_rows, const char **ret,
                        mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_buf_addf(&b, "INSERT INTO %.*s (", MN_STR_FMT(t->name));
    add_columns(&b, t);
    mn_buf_addz(&b, ") VALUES ");
    for (size_t row = 0, p = 1; row < n_rows; row++) {
        mn_buf_addz(&b, row ? ",(" : "(");
        for (size_t i = 0; i < t->n_columns; i++, p++)
            mn_buf_addf(&b, "%s?%zu", i ? "," : "", p);
        mn_buf_addc(&b, ')');
    }
    return keep(s, &b, ret, e);
}

/* A statement about one table: "DELETE FROM %s" and the like. */
static mn_rc about_sql(mn_store *s, const char *before, const mn_table *t, const char *after,
                       const char **ret, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_buf_addf(&b, "%s%.*s%s", before, MN_STR_FMT(t->name), after);
    return keep(s, &b, ret, e);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static mn_rc read_row(mn_stmt *q, const mn_table *t, mn_arena *ar, value *ret, mn_err *e)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        value v = {.is_null = db_col_null(q, (int)i)};
        if (v.is_null) v.number = 0;
        else if (t->columns[i].kind == MN_COLUMN_INT) v.number = db_col_i64(q, (int)i);
        else MN_TRY(mn_store__col_dup(q, (int)i, ar, &v.bytes, e));
        ret[i] = v;
    }
    return MN_OK;
}

static void add_u64(mn_buf *b, uint64_t v)
{
    char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (char)(v >> (8 * i));
    mn_buf_add(b, bytes, 8);
}

/* The row under the cursor, as move.h describes it. */
static void add_row(mn_buf *b, mn_stmt *q, const mn_table *t)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        if (db_col_null(q, (int)i)) mn_buf_addc(b, 0);
        else if (t->columns[i].kind == MN_COLUMN_INT) {
            mn_buf_addc(b, 1);
            add_u64(b, db_col_u64(q, (int)i));
        } else {
            mn_str s = db_col_str(q, (int)i);
            mn_buf_addc(b, 2);
            add_u64(b, s.len);
            mn_buf_adds(b, s);
        }
    }
}

/* ---- digests ----------------------------------------------------------------------------------------------------- */

static mn_rc digest_rows(mn_stmt *q, const mn_table *t, teller *tl, mn_sha256 *h,
                         uint64_t *ret_rows, mn_err *e)
{
    mn_buf b;
    uint64_t n = 0;
    mn_rc rc = MN_OK;
    mn_buf_init(&b, 0);
    for (bool row = true; rc == MN_OK; n++) {
        rc = db_step(q, &row, e);
        if (rc != MN_OK || !row) break;
        mn_buf_clear(&b);
        add_row(&b, q, t);
        if (b.failed) rc = mn_fail(e, b.failed, "out of memory");
        if (rc == MN_OK) mn_sha256_add(h, b.ptr, b.len);
        if (rc == MN_OK) rc = tell(tl, e);
        if (rc != MN_OK) db_reset(q);
    }
    mn_buf_release(&b);
    *ret_rows = n;
    return rc;
}

static mn_rc digest_table(mn_store *s, mn_db *db, const mn_table *t, teller *tl,
                          mn_digest_table *ret, mn_err *e)
{
    mn_stmt *q;
    mn_sha256 h;
    const char *sql;
    *ret = (mn_digest_table){.name = t->name};
    MN_TRY(select_sql(s, t, &sql, e));
    MN_TRY(db_scan(db, sql, &q, e));
    MN_TRY(mn_sha256_init(&h, e));
    mn_rc rc = digest_rows(q, t, tl, &h, &ret->rows, e);
    mn_sha256_done(&h, ret->sha256);
    return rc;
}

static mn_rc digest_all(mn_store *s, teller *tl, mn_arena *ar, mn_digest *ret, mn_err *e)
{
    mn_db *db;
    mn_table *tables;
    mn_digest d = {0};
    MN_TRY(mn_store__tables(ar, &tables, &d.n, e));
    d.tables = mn_arena_calloc(ar, d.n, sizeof *d.tables);
    if (!d.tables) return mn_fail(e, MN_E_NOMEM, "out of memory");
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = MN_OK;
    for (size_t i = 0; rc == MN_OK && i < d.n; i++) {
        rc = digest_table(s, db, &tables[i], tl, &d.tables[i], e);
        d.rows += d.tables[i].rows;
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = d;
    return rc;
}

mn_rc mn_store_digest(mn_store *s, mn_move_progress_fn *fn, void *arg, mn_arena *ar,
                      mn_digest *ret, mn_err *e)
{
    return digest_all(s, &(teller){fn, arg, "check", 0, 0}, ar, ret, e);
}

const mn_digest_table *mn_digest_differs(const mn_digest *a, const mn_digest *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (i >= b->n || a->tables[i].rows != b->tables[i].rows ||
            memcmp(a->tables[i].sha256, b->tables[i].sha256, 32) != 0)
            return &a->tables[i];
    return NULL;
}

/* ---- the target -------------------------------------------------------------------------------------------------- */

/* One number from a table; 0 when there is no row. */
static mn_rc ask(mn_store *s, const char *sql, int64_t *ret, mn_err *e)
{
    mn_rc rc = mn_store__get2(s->writer, sql, 0, 0, ret, e);
    if (rc == MN_E_NOT_FOUND) *ret = 0;
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

static mn_rc check_empty(mn_store *to, const mn_table *tables, size_t n, mn_err *e)
{
    int64_t some = 0, counted = 0;
    MN_TRY(ask(to,
               "SELECT count(*) FROM counters WHERE name IN ('rev', 'ledger') AND value <> ?1",
               &counted, e));
    for (size_t i = 0; i < n; i++) {
        const char *sql;
        if (tables[i].seeded) continue;
        MN_TRY(about_sql(to, "SELECT count(*) FROM (SELECT 1 FROM ", &tables[i],
                         " LIMIT 1) AS one WHERE 0 = ?1", &sql, e));
        MN_TRY(ask(to, sql, &some, e));
        if (some)
            return mn_fail(
                e, MN_E_EXISTS,
                "the target '%s' is not empty (table %.*s has rows); name a new file "
                "or an empty database",
                to->shown, MN_STR_FMT(tables[i].name));
    }
    if (!counted) return MN_OK;
    return mn_fail(e, MN_E_EXISTS,
                   "the target '%s' has been written to before; name a new file or an empty "
                   "database",
                   to->shown);
}

static mn_rc set_mark(mn_store *to, mn_str source, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(to->writer, "INSERT INTO meta (name, value) VALUES ('" MARK "', ?1)", &q,
                      e));
    db_text(q, 1, source);
    return mn_store__run(q, NULL, e);
}

static mn_rc clear_all(mn_store *to, const mn_table *tables, size_t n, mn_err *e)
{
    for (size_t i = 0; i < n; i++) {
        mn_stmt *q;
        const char *sql;
        MN_TRY(about_sql(to, "DELETE FROM ", &tables[i], "", &sql, e));
        MN_TRY(db_prepare(to->writer, sql, &q, e));
        MN_TRY(mn_store__run(q, NULL, e));
    }
    return MN_OK;
}

/* Ends the transaction as it went. */
static mn_rc end(mn_store *to, mn_rc rc, mn_err *e)
{
    if (rc == MN_OK) return to->driver->commit(to->writer, e);
    to->driver->rollback(to->writer);
    return rc;
}

static mn_rc make_ready(mn_store *from, mn_store *to, const mn_table *tables, size_t n,
                        mn_err *e)
{
    mn_rc rc = MN_OK;
    MN_TRY(to->driver->begin(to->writer, true, e));
    if (!to->unfinished) rc = check_empty(to, tables, n, e);
    if (rc == MN_OK) rc = clear_all(to, tables, n, e);
    if (rc == MN_OK) rc = set_mark(to, mn_str_from(from->shown), e);
    rc = end(to, rc, e);
    if (rc == MN_OK) to->unfinished = true;
    return rc;
}

static mn_rc make_whole(mn_store *to, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(to->driver->begin(to->writer, true, e));
    mn_rc rc = db_prepare(to->writer, "DELETE FROM meta WHERE name = '" MARK "'", &q, e);
    if (rc == MN_OK) rc = mn_store__run(q, NULL, e);
    rc = end(to, rc, e);
    if (rc == MN_OK) to->unfinished = false;
    return rc;
}

mn_rc mn_store__find_mark(mn_db *db, bool *ret, mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    MN_TRY(db_prepare(db, "SELECT value FROM meta WHERE name = '" MARK "'", &q, e));
    MN_TRY(db_step(q, &row, e));
    if (row) db_reset(q);
    *ret = row;
    return MN_OK;
}

/* ---- copying ----------------------------------------------------------------------------------------------------- */

/* One table on its way: rows wait in `values` until there are enough for one INSERT. */
typedef struct copy {
    mn_store *to;
    const mn_table *t;
    const char *one, *many;
    size_t many_rows, n_rows; /* rows of the statement `many`; rows that wait */
    value *values;
    mn_arena ar; /* their bytes */
    uint64_t tx_rows, tx_bytes;
} copy;

static void bind_row(mn_stmt *q, const mn_table *t, const value *v, size_t first)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        int p = (int)(first + i);
        if (v[i].is_null) db_null(q, p);
        else if (t->columns[i].kind == MN_COLUMN_INT) db_i64(q, p, v[i].number);
        else if (t->columns[i].kind == MN_COLUMN_TEXT) db_text(q, p, v[i].bytes);
        else db_blob(q, p, v[i].bytes.ptr, v[i].bytes.len);
    }
}

/* "table posts, id 77": the row that would not go in. */
static mn_rc name_row(const copy *c, const value *v, mn_rc rc, mn_err *e)
{
    const mn_table *t = c->t;
    const value *k = &v[t->key[0]];
    if (t->columns[t->key[0]].kind == MN_COLUMN_INT)
        mn_err_wrap(e, "table %.*s, %.*s %lld", MN_STR_FMT(t->name),
                    MN_STR_FMT(t->columns[t->key[0]].name), (long long)k->number);
    else
        mn_err_wrap(e, "table %.*s, %.*s '%.*s'", MN_STR_FMT(t->name),
                    MN_STR_FMT(t->columns[t->key[0]].name),
                    k->bytes.len < 60 ? (int)k->bytes.len : 60, k->bytes.ptr);
    return rc;
}

static mn_rc write_rows(copy *c, const char *sql, size_t from, size_t n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(c->to->writer, sql, &q, e));
    for (size_t i = 0; i < n; i++)
        bind_row(q, c->t, &c->values[(from + i) * c->t->n_columns], i * c->t->n_columns + 1);
    mn_rc rc = mn_store__run(q, NULL, e);
    if (rc == MN_OK || n > 1) return rc;
    return name_row(c, &c->values[from * c->t->n_columns], rc, e);
}

static mn_rc bad_text(const copy *c, mn_err *e)
{
    for (size_t i = 0; i < c->n_rows * c->t->n_columns; i++) {
        const value *v = &c->values[i];
        if (c->t->columns[i % c->t->n_columns].kind != MN_COLUMN_TEXT || v->is_null) continue;
        if (mn_store__text_ok(v->bytes)) continue;
        mn_store__fail_text(e);
        return name_row(c, v - i % c->t->n_columns, MN_E_PARSE, e);
    }
    return MN_OK;
}

static mn_rc write_waiting(copy *c, mn_err *e)
{
    MN_TRY(bad_text(c, e));
    if (c->n_rows == c->many_rows) MN_TRY(write_rows(c, c->many, 0, c->n_rows, e));
    else
        for (size_t i = 0; i < c->n_rows; i++) MN_TRY(write_rows(c, c->one, i, 1, e));
    c->tx_rows += c->n_rows;
    c->tx_bytes += c->ar.used_bytes;
    c->n_rows = 0;
    mn_arena_reset(&c->ar);
    if (c->tx_rows < TX_ROWS && c->tx_bytes < TX_BYTES) return MN_OK;
    c->tx_rows = c->tx_bytes = 0;
    MN_TRY(c->to->driver->commit(c->to->writer, e));
    return c->to->driver->begin(c->to->writer, true, e);
}

static mn_rc copy_rows(copy *c, mn_stmt *q, teller *tl, mn_err *e)
{
    for (bool row = true;;) {
        MN_TRY(db_step(q, &row, e));
        if (!row) return write_waiting(c, e);
        MN_TRY(read_row(q, c->t, &c->ar, &c->values[c->n_rows * c->t->n_columns], e));
        c->n_rows++;
        if (c->n_rows == c->many_rows || c->ar.used_bytes > BATCH_BYTES)
            MN_TRY(write_waiting(c, e));
        MN_TRY(tell(tl, e));
    }
}

static mn_rc copy_table(mn_store *from, mn_db *db, mn_store *to, const mn_table *t, teller *tl,
                        mn_err *e)
{
    mn_stmt *q;
    const char *sql;
    copy c = {.to = to, .t = t, .many_rows = PARAMS_MAX / t->n_columns};
    if (c.many_rows > HUNDRED) c.many_rows = HUNDRED;
    MN_TRY(select_sql(from, t, &sql, e));
    MN_TRY(insert_sql(to, t, 1, &c.one, e));
    MN_TRY(insert_sql(to, t, c.many_rows, &c.many, e));
    MN_TRY(db_scan(db, sql, &q, e));
    c.values = mn_calloc(c.many_rows * t->n_columns, sizeof *c.values);
    if (!c.values) return mn_fail(e, MN_E_NOMEM, "out of memory");
    mn_arena_init(&c.ar, 0);
    mn_rc rc = to->driver->begin(to->writer, true, e);
    if (rc == MN_OK) rc = end(to, copy_rows(&c, q, tl, e), e);
    db_reset(q);
    mn_arena_release(&c.ar);
    mn_free(c.values);
    return rc;
}

static mn_rc copy_all(mn_store *from, mn_store *to, const mn_table *tables, size_t n,
                      teller *tl, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(from, &db, e));
    mn_rc rc = MN_OK;
    for (size_t i = 0; rc == MN_OK && i < n; i++)
        rc = copy_table(from, db, to, &tables[i], tl, e);
    mn_store__reader_done(from, db);
    return rc;
}

mn_rc mn_store_move(mn_store *from, mn_store *to, mn_move_progress_fn *fn, void *arg,
                    mn_arena *ar, mn_digest *ret, mn_err *e)
{
    mn_table *tables;
    size_t n = 0;
    mn_digest source, copied;
    teller tl = {fn, arg, "copy", 0, 0};
    MN_TRY(mn_store__tables(ar, &tables, &n, e));
    MN_TRY(make_ready(from, to, tables, n, e));
    MN_TRY(copy_all(from, to, tables, n, &tl, e));
    tl = (teller){fn, arg, "check", 0, 2 * tl.done};
    MN_TRY(digest_all(from, &tl, ar, &source, e));
    MN_TRY(digest_all(to, &tl, ar, &copied, e));
    const mn_digest_table *t = mn_digest_differs(&source, &copied);
    if (t)
        return mn_fail(e, MN_E_BUSY,
                       "table %.*s is not the same in '%s' and '%s': was it written to "
                       "meanwhile? Stop every mynah on it and begin again",
                       MN_STR_FMT(t->name), from->shown, to->shown);
    MN_TRY(make_whole(to, e));
    *ret = copied;
    return MN_OK;
}
