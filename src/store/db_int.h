/* The driver: what the domain functions of this folder ask of a database. Private to src/store.
 *
 * A connection (mn_db) is used by one thread at a time. SQL texts are constants in the portable subset of SQLite and
 * PostgreSQL, one statement each, with parameters ?1 ?2 … (a driver for a database that wants $1 rewrites them when it
 * prepares). In table definitions INTEGER means 64 bits and BLOB means bytes, whatever the database calls them.
 *
 * Prepared statements are kept for the life of the connection, found by the address of their SQL text: pass constants
 * only. A statement is bound, stepped to its end or reset, and never used twice at once on a connection. Text and blob
 * parameters are borrowed until the statement is reset. A failing bind is remembered and reported by the next step.
 */
#ifndef MN_STORE_DB_INT_H
#define MN_STORE_DB_INT_H

#include "store/store.h"

typedef struct mn_driver mn_driver;
typedef struct mn_db {
    const mn_driver *driver;
} mn_db;
typedef struct mn_stmt {
    const mn_driver *driver;
} mn_stmt;

/* What another process told, or {NULL, 0}: something it told may have been lost. On a thread of the driver's. */
typedef void mn_store__heard_fn(void *arg, mn_str payload);
typedef struct mn_follower mn_follower;
#define MN_STORE_PAYLOAD_MAX 7999 /* bytes of what notify tells: PostgreSQL's own limit */

struct mn_driver {
    const char *name;
    /* Opens one connection. A database that is not ours is MN_E_CORRUPT; nothing is written to it then. */
    mn_rc (*open)(const char *url, const mn_store_opts *o, bool writer, mn_db **ret, mn_err *e);
    void (*close)(mn_db *db);
    /* The url as messages may show it, without a password. Gives *ret: mn_free. */
    mn_rc (*shown)(const char *url, char **ret, mn_err *e);
    void (*trim)(mn_db *db);          /* gives back memory that only makes later work faster */
    void (*bulk)(mn_db *db, bool on); /* may use more of it for now */
    /* The schema version: 0 when nothing was ever made here. set_version belongs into the transaction that migrates. */
    mn_rc (*version)(mn_db *db, int *ret, mn_err *e);
    mn_rc (*set_version)(mn_db *db, int version, mn_err *e);
    /* A write transaction takes the database's writer lock at once, or with its first statement, before that runs
     * (waiting up to 30 s); a read transaction is one snapshot. After rollback, and after a failed commit, no transaction is open. */
    mn_rc (*begin)(mn_db *db, bool write, mn_err *e);
    mn_rc (*commit)(mn_db *db, mn_err *e);
    void (*rollback)(mn_db *db);
    /* MN_E_IO when the disk has no room to take back what the write-ahead log holds. */
    mn_rc (*room)(mn_db *db, mn_err *e);
    mn_rc (*prepare)(mn_db *db, const char *sql, mn_stmt **ret, mn_err *e);
    /* The same for a SELECT that may give any number of rows and is stepped through: few of them are held at once, and
     * several scans may be under way beside each other. An SQL text is for one of the two, always. */
    mn_rc (*scan)(mn_db *db, const char *sql, mn_stmt **ret, mn_err *e);
    void (*bind_i64)(mn_stmt *q, int i, int64_t v);
    void (*bind_bytes)(mn_stmt *q, int i, const void *p, size_t n, bool is_text);
    void (*bind_null)(mn_stmt *q, int i);
    /* *ret_row: a row is there to be read. After the last one, and after an error, the statement is reset. */
    mn_rc (*step)(mn_stmt *q, bool *ret_row, mn_err *e);
    /* Runs a bound statement whose rows and count nobody asks for. It may be put off, but not past the next statement that
     * is stepped, nor the commit; which then tell its failure. NULL: step it. */
    mn_rc (*later)(mn_stmt *q, mn_err *e);
    void (*reset)(mn_stmt *q);
    uint64_t (*changed)(mn_stmt *q); /* rows the last finished step wrote */
    int64_t (*col_i64)(mn_stmt *q, int i);
    mn_str (*col_bytes)(mn_stmt *q, int i); /* borrowed until the next step */
    bool (*col_null)(mn_stmt *q, int i);    /* the two above give 0 and "" then */
    /* Between processes; NULL where there is only one. notify is part of the transaction; what it tells is heard by every
     * follower of the database, this process's own too, when it commits, in the order of the commits. follow returns when
     * nothing told from now on is missed; it keeps its connection alive by itself. */
    mn_rc (*notify)(mn_db *db, const char *payload, mn_err *e);
    mn_rc (*follow)(const char *url, mn_store__heard_fn *fn, void *arg, mn_follower **ret,
                    mn_err *e);
    void (*unfollow)(
        mn_follower *f); /* no call is under way or comes after this; NULL is fine */
};

extern const mn_driver mn_store__sqlite, mn_store__postgres;

/* What every driver asks of a text parameter: UTF-8 without NUL bytes (PostgreSQL takes no other), and its words when it
 * is not so: MN_E_PARSE. */
bool mn_store__text_ok(mn_str s);
mn_rc mn_store__fail_text(mn_err *e);

/* ---- short words over the table -------------------------------------------------------------------------------- */

static inline mn_rc db_prepare(mn_db *db, const char *sql, mn_stmt **ret, mn_err *e)
{
    return db->driver->prepare(db, sql, ret, e);
}
static inline mn_rc db_scan(mn_db *db, const char *sql, mn_stmt **ret, mn_err *e)
{
    return db->driver->scan(db, sql, ret, e);
}
static inline void db_i64(mn_stmt *q, int i, int64_t v)
{
    q->driver->bind_i64(q, i, v);
}
/* As a number of the database: what is too large is as good as the largest. */
static inline int64_t db_number(uint64_t v)
{
    return v > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)v;
}
/* A bound that ids stay below; 0: none. */
static inline int64_t db_below(uint64_t v)
{
    return v ? db_number(v) : INT64_MAX;
}
/* Ids and counts. Ids have 63 bits; a larger one matches nothing and cannot be stored (the callers refuse it). */
static inline void db_u64(mn_stmt *q, int i, uint64_t v)
{
    q->driver->bind_i64(q, i, v > (uint64_t)INT64_MAX ? -1 : (int64_t)v);
}
/* How many rows at most: what is too large is as good as the largest. */
static inline void db_limit(mn_stmt *q, int i, uint64_t n)
{
    q->driver->bind_i64(q, i, db_number(n));
}
static inline void db_text(mn_stmt *q, int i, mn_str s)
{
    q->driver->bind_bytes(q, i, s.ptr ? s.ptr : "", s.len, true);
}
static inline void db_blob(mn_stmt *q, int i, const void *p, size_t n)
{
    q->driver->bind_bytes(q, i, p, n, false);
}
static inline void db_null(mn_stmt *q, int i)
{
    q->driver->bind_null(q, i);
}
static inline mn_rc db_step(mn_stmt *q, bool *ret_row, mn_err *e)
{
    return q->driver->step(q, ret_row, e);
}
static inline void db_reset(mn_stmt *q)
{
    q->driver->reset(q);
}
static inline int64_t db_col_i64(mn_stmt *q, int i)
{
    return q->driver->col_i64(q, i);
}
static inline uint64_t db_col_u64(mn_stmt *q, int i)
{
    return (uint64_t)q->driver->col_i64(q, i);
}
static inline mn_str db_col_str(mn_stmt *q, int i)
{
    return q->driver->col_bytes(q, i);
}
static inline bool db_col_null(mn_stmt *q, int i)
{
    return q->driver->col_null(q, i);
}

/* Runs a bound statement that gives no rows; *ret_changed: rows written. Without it (NULL), a failure may be told later in
 * the transaction: whoever wants to know of a conflict says ON CONFLICT DO NOTHING and asks for the count. */
mn_rc mn_store__run(mn_stmt *q, uint64_t *ret_changed, mn_err *e);
/* Prepares, binds up to two ids (?1 ?2) and runs. */
mn_rc mn_store__run2(mn_db *db, const char *sql, uint64_t a, uint64_t b, mn_err *e);
/* A row that joins two ids, there or not: `sql` binds them as ?1 ?2, and one that inserts may bind a new id of the row as ?3. *ret_changed
 * (may be NULL): it was not so before. */
mn_rc mn_store__join(mn_db *db, const char *sql, uint64_t a, uint64_t b, bool *ret_changed,
                     mn_err *e);
/* One number by up to two ids; MN_E_NOT_FOUND without a message when there is no row. */
mn_rc mn_store__get2(mn_db *db, const char *sql, uint64_t a, uint64_t b, int64_t *ret,
                     mn_err *e);
/* A column's text, copied into the arena and NUL-terminated. The empty string costs nothing. */
mn_rc mn_store__col_dup(mn_stmt *q, int i, mn_arena *ar, mn_str *ret, mn_err *e);
/* Reads the current row into *ret, strings into the arena. */
typedef mn_rc (*mn_store__row_fn)(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e);
/* Runs a bound statement to its end and collects its rows in the arena; no rows give NULL and 0. */
mn_rc mn_store__collect(mn_stmt *q, mn_store__row_fn fn, size_t item_bytes, mn_arena *ar,
                        void **ret, size_t *ret_n, mn_err *e);
mn_rc mn_store__row_id(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e); /* a uint64_t */
/* Turns the order of n items around: what was read upwards is given newest first. */
void mn_store__turn(void *items, size_t n, size_t item_bytes);
/* The first row of a bound statement; MN_E_NOT_FOUND without a message when there is none. */
mn_rc mn_store__one(mn_stmt *q, mn_store__row_fn fn, mn_arena *ar, void *ret, mn_err *e);

#endif
