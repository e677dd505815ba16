/* What the files of the PostgreSQL driver share. Private to src/store/postgres*.c.
 *
 * postgres.c         connections, transactions, the table of the driver
 * postgres_pipe.c    many commands in one journey to the server
 * postgres_stmt.c    statements: types of parameters, execution, columns
 * postgres_sql.c     the SQL of this folder in PostgreSQL's words
 * postgres_error.c   what went wrong, for people
 * postgres_listen.c  the thread that hears what other processes tell
 */
#ifndef MN_STORE_POSTGRES_INT_H
#define MN_STORE_POSTGRES_INT_H

#include "store/db_int.h"
#include "store/libpq.h"

#define MN_PG_LOCK_S      30   /* how long a writer waits for the writer lock */
#define MN_PG_STATEMENT_S 60   /* how long one statement may take; migrations have no limit */
#define MN_PG_IDLE_S      300  /* how long a writer's transaction may be left alone */
#define MN_PG_CONNECT_S   10   /* how long to wait for the server to answer a connection */
#define MN_PG_FETCH       1000 /* rows that a scan holds at once */
#define MN_PG_CHANNEL_MAX 32

typedef struct pg_stmt pg_stmt;
typedef enum pg_begin { PG_BEGUN, PG_TO_READ, PG_TO_WRITE } pg_begin;
typedef struct pg_conn {
    mn_db base;
    PGconn *h;   /* NULL: lost, to be made again by the next transaction */
    char *url;   /* may hold a password: never shown */
    char *shown; /* user, host and database, for messages */
    bool writer, durable;
    bool in_tx;
    bool failed; /* the transaction has had an error; only rollback is left */
    pg_begin unbegun,
        begun_here; /* what BEGIN is still to be sent; what was sent in this pipeline */
    bool unsettled; /* a ROLLBACK was sent and its answer not read yet */
    int n_sent; /* commands of the pipeline, whose answers were not read yet; 0: none is open */
    int n_later; /* statements among them that nobody waits for */
    int lock_at; /* which of them takes the lock; -1: none */
    bool send_failed;
    unsigned round; /* which pipeline this is */
    unsigned life;  /* which connection this is: statements are prepared in one of them */
    unsigned n_names;
    char channel[MN_PG_CHANNEL_MAX]; /* on which the processes of this schema tell each other */
    pg_stmt **slots;                 /* open addressing by the address of the SQL */
    size_t n, cap;
} pg_conn;

/* ---- postgres.c -------------------------------------------------------------------------------------------------- */

/* Connects, waiting up to MN_PG_CONNECT_S; the connection speaks UTF-8. Gives *ret: PQfinish. */
mn_rc mn_store__pg_connect(const char *url, const char *shown, PGconn **ret, mn_err *e);
/* "postgres://user@host/database" without the password. Gives *ret: mn_free. MN_E_USAGE when it is no URL. */
mn_rc mn_store__pg_shown(const char *url, char **ret, mn_err *e);
/* Runs `sql`, whose last statement gives the name of the current schema, and makes the channel's name of that. */
mn_rc mn_store__pg_set_up(PGconn *h, const char *shown, const char *sql,
                          char ret_channel[MN_PG_CHANNEL_MAX], mn_err *e);
#define MN_PG_ASK_SCHEMA "SELECT coalesce(current_schema(), '')"
/* A lost connection is closed here; the transaction has failed. */
void mn_store__pg_note_failure(pg_conn *c);
/* Reads the answer that is still under way, makes a lost connection anew (never within a transaction). */
mn_rc mn_store__pg_ready(pg_conn *c, mn_err *e);

/* ---- postgres_pipe.c --------------------------------------------------------------------------------------------- */

/* Makes ready to send commands (PQsend…): connects if need be, opens a pipeline, sends the transaction's BEGIN first. */
mn_rc mn_store__pg_pipe_open(pg_conn *c, mn_err *e);
/* Counts a command just sent; `sent` is what PQsend… gave. */
void mn_store__pg_pipe_sent(pg_conn *c, int sent);
/* Reads all answers and closes the pipeline. *ret (may be NULL): the last command's result, to be cleared. The first failure
 * of any of them is told. */
mn_rc mn_store__pg_pipe_read(pg_conn *c, PGresult **ret, mn_err *e);
/* Before a command outside of pipelines: reads what is under way, begins the transaction. */
mn_rc mn_store__pg_direct(pg_conn *c, mn_err *e);
#define MN_PG_SENT_MAX 64 /* that many are under way at most: neither side's buffers fill up */

/* ---- postgres_stmt.c --------------------------------------------------------------------------------------------- */

mn_rc mn_store__pg_prepare(mn_db *db, const char *sql, bool scan, mn_stmt **ret, mn_err *e);
void mn_store__pg_bind_i64(mn_stmt *s, int i, int64_t v);
void mn_store__pg_bind_bytes(mn_stmt *s, int i, const void *p, size_t n, bool is_text);
void mn_store__pg_bind_null(mn_stmt *s, int i);
mn_rc mn_store__pg_step(mn_stmt *s, bool *ret_row, mn_err *e);
void mn_store__pg_reset(mn_stmt *s);
mn_rc mn_store__pg_later(mn_stmt *s, mn_err *e);
uint64_t mn_store__pg_changed(mn_stmt *s);
int64_t mn_store__pg_col_i64(mn_stmt *s, int i);
mn_str mn_store__pg_col_bytes(mn_stmt *s, int i);
bool mn_store__pg_col_null(mn_stmt *s, int i);
/* Ends all statements that are under way; frees all statements. */
void mn_store__pg_reset_all(pg_conn *c);
void mn_store__pg_free_all(pg_conn *c);
/* The pipeline failed: what it was to prepare may not be there. */
void mn_store__pg_forget_prepared(pg_conn *c);

/* ---- postgres_sql.c ---------------------------------------------------------------------------------------------- */

/* Rewrites one statement: ?N becomes $N, INTEGER is BIGINT and BLOB is BYTEA, and a table's TEXT compares by its bytes,
 * as SQLite's does, whatever the database's locale. What stands in quotes stays. *ret_n_params: the highest N.
 * errors MN_E_USAGE a quote without its end, a ? without a number; MN_E_NOMEM */
mn_rc mn_store__pg_rewrite(const char *sql, mn_buf *ret, int *ret_n_params, mn_err *e);
/* Is it one that changes the schema? Those are not prepared. */
bool mn_store__pg_is_ddl(const char *sql);

/* ---- postgres_error.c -------------------------------------------------------------------------------------------- */

/* The words for a result that is an error (NULL: none could be made), for one of connecting. `shown`: which database. */
mn_rc mn_store__pg_fail(PGconn *h, const PGresult *r, const char *shown, mn_err *e);
mn_rc mn_store__pg_fail_connect(PGconn *h, const char *shown, mn_err *e);

/* ---- postgres_listen.c ------------------------------------------------------------------------------------------- */

mn_rc mn_store__pg_follow(const char *url, mn_store__heard_fn *fn, void *arg, mn_follower **ret,
                          mn_err *e);
void mn_store__pg_unfollow(mn_follower *f);

#endif
