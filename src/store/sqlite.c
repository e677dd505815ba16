/* The SQLite driver.
 *
 * WAL, so that readers never wait for the writer and a killed process loses nothing it was told is committed: a commit
 * is in the write-ahead log, in the kernel's hands, before it returns. synchronous=NORMAL syncs at checkpoints only;
 * `durable` (FULL) syncs at each commit and so survives power loss as well. A checkpoint comes every 20,000 pages instead
 * of every 1,000: with an index that is not appended to, early checkpoints write the same pages again and again
 * (measured: 37,000 rows/s become 82,000). BEGIN IMMEDIATE takes the writer lock at once; a transaction that reads first
 * and writes later would fail with SQLITE_BUSY where waiting cannot help.
 *
 * No memory mapping: an I/O error would be a SIGBUS, and mapped pages count as the process's memory.
 */
#include "store/db_int.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define APPLICATION_ID                                                                         \
    0x4D796E68             /* "Mynh", in the file's header: file(1) and we know whose it is */
#define CACHE      "-8000" /* of the writer, in negative KiB as the pragma wants it */
#define CACHE_BULK "-32000"
#define BUSY_MS    30000
#define SLOTS_MIN  64
#define ROOM_MIN   (UINT64_C(4) << 20)

enum { BEGIN_READ, BEGIN_WRITE, COMMIT, ROLLBACK, N_AROUND };

typedef struct stmt {
    mn_stmt base;
    struct conn *conn;
    const char *sql;
    sqlite3_stmt *st;
    int bind_rc;   /* first failing bind since the last reset */
    bool bad_text; /* a text that no database of ours takes was bound since then */
} stmt;

typedef struct conn {
    mn_db base;
    sqlite3 *h;
    char *path;
    bool in_tx;
    sqlite3_stmt *around[N_AROUND]; /* what begins and ends transactions, once it was needed */
    stmt **slots;                   /* open addressing by the address of the SQL */
    size_t n, cap;
} conn;

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* Words an error of SQLite's for people: what, and what to do. */
static mn_rc fail_code(const char *path, int code, const char *detail, mn_err *e)
{
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return mn_fail(e, MN_E_NOMEM, "out of memory in the database");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return mn_fail(e, MN_E_BUSY,
                       "database '%s' is held by another program; try again when it is done",
                       path);
    case SQLITE_CORRUPT:
        return mn_fail(
            e, MN_E_CORRUPT,
            "database '%s' is damaged (%s); restore a backup, or save what can be read with "
            "'sqlite3 FILE .recover'",
            path, detail);
    case SQLITE_NOTADB:
        return mn_fail(
            e, MN_E_CORRUPT,
            "'%s' is not a database; restore a backup, or move it away to begin a new one",
            path);
    case SQLITE_FULL:
        return mn_fail(e, MN_E_IO,
                       "the disk is full while writing '%s'; free some space and try again",
                       path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return mn_fail(e, MN_E_IO,
                       "cannot write '%s': the file or its folder is read-only; make it "
                       "writable or choose "
                       "another folder with --data",
                       path);
    case SQLITE_CANTOPEN:
        return mn_fail(
            e, MN_E_IO,
            "cannot open database '%s': check that its folder exists and may be written", path);
    case SQLITE_IOERR:
        return mn_fail(e, MN_E_IO, "cannot read or write database '%s' (%s); check the disk",
                       path, detail);
    case SQLITE_TOOBIG:
        return mn_fail(e, MN_E_LIMIT, "a value is too large for the database");
    case SQLITE_CONSTRAINT:
        return mn_fail(e, MN_E_EXISTS, "the database refuses: %s", detail);
    case SQLITE_INTERRUPT:
        return mn_fail(e, MN_E_CANCELLED, "stopped");
    default:
        return mn_fail(e, MN_E_IO, "database '%s': %s", path, detail);
    }
}

static mn_rc fail_conn(conn *c, int code, mn_err *e)
{
    return fail_code(c->path, code, sqlite3_errmsg(c->h), e);
}

static mn_rc exec(conn *c, const char *sql, mn_err *e)
{
    int code = sqlite3_exec(c->h, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? MN_OK : fail_conn(c, code, e);
}

/* Begins or ends a transaction. Each request does so several times: compiling the word anew cost more than the lock. */
static mn_rc around(conn *c, int which, mn_err *e)
{
    static const char *const words[N_AROUND] = {"BEGIN", "BEGIN IMMEDIATE", "COMMIT",
                                                "ROLLBACK"};
    sqlite3_stmt **st = &c->around[which];
    int code = SQLITE_OK;
    if (!*st)
        code = sqlite3_prepare_v3(c->h, words[which], -1, SQLITE_PREPARE_PERSISTENT, st, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(*st);
    mn_rc rc = code == SQLITE_DONE ? MN_OK : fail_conn(c, code, e);
    sqlite3_reset(*st);
    return rc;
}

/* One number from a statement that is run once: pragmas and the like. */
static mn_rc ask(conn *c, const char *sql, int64_t *ret, mn_err *e)
{
    sqlite3_stmt *st = NULL;
    int code = sqlite3_prepare_v2(c->h, sql, -1, &st, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(st);
    if (code == SQLITE_ROW) *ret = sqlite3_column_int64(st, 0);
    mn_rc rc = code == SQLITE_ROW ? MN_OK : fail_conn(c, code, e);
    sqlite3_finalize(st);
    return rc;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static void close_db(mn_db *db)
{
    conn *c = (conn *)db;
    if (!c) return;
    for (size_t i = 0; i < c->cap; i++) {
        if (!c->slots[i]) continue;
        sqlite3_finalize(c->slots[i]->st);
        mn_free(c->slots[i]);
    }
    mn_free(c->slots);
    for (int i = 0; i < N_AROUND; i++) sqlite3_finalize(c->around[i]);
    sqlite3_close_v2(c->h);
    mn_free(c->path);
    mn_free(c);
}

/* Waits for another process's lock. SQLite's own handler sleeps up to 100 ms between looks and so hardly ever meets the
 * moment between two transactions of an import; this one looks every millisecond. */
static int wait_for_lock(void *arg, int n_looks)
{
    (void)arg;
    if (n_looks >= BUSY_MS) return 0;
    usleep(1000);
    return 1;
}

/* Ours, or empty? Looked at before anything is written. */
static mn_rc check_owner(conn *c, mn_err *e)
{
    int64_t id = 0, tables = 0;
    MN_TRY(ask(c, "PRAGMA application_id", &id, e));
    if (id == APPLICATION_ID) return MN_OK;
    MN_TRY(ask(c, "SELECT count(*) FROM sqlite_master", &tables, e));
    if (id == 0 && tables == 0) return MN_OK;
    return mn_fail(e, MN_E_CORRUPT,
                   "'%s' is a database of another program; name another file or folder",
                   c->path);
}

static mn_rc set_up(conn *c, const mn_store_opts *o, bool writer, mn_err *e)
{
    if (sqlite3_db_readonly(c->h, "main") == 1)
        return fail_code(c->path, SQLITE_READONLY, "", e);
    if (!writer) return exec(c, "PRAGMA query_only=1", e);
    MN_TRY(check_owner(c, e));
    MN_TRY(exec(c, "PRAGMA journal_mode=WAL; PRAGMA secure_delete=ON", e));
    MN_TRY(exec(c, o->durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", e));
    return exec(c, "PRAGMA wal_autocheckpoint=20000; PRAGMA cache_size=" CACHE, e);
}

static mn_rc open_db(const char *url, const mn_store_opts *o, bool writer, mn_db **ret,
                     mn_err *e)
{
    conn *c = mn_calloc(1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "out of memory");
    mn_rc rc = MN_OK;
    c->base.driver = &mn_store__sqlite;
    c->path = mn_strdup(url);
    if (!c->path) {
        rc = mn_fail(e, MN_E_NOMEM, "out of memory");
        goto out;
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (writer ? SQLITE_OPEN_CREATE : 0);
    int code = sqlite3_open_v2(url, &c->h, flags, NULL);
    if (code != SQLITE_OK) {
        rc = fail_code(url, code, c->h ? sqlite3_errmsg(c->h) : "", e);
        goto out;
    }
    sqlite3_extended_result_codes(c->h, 1);
    sqlite3_busy_handler(c->h, wait_for_lock, NULL);
    rc = set_up(c, o, writer, e);
    if (rc != MN_OK) goto out;
    *ret = &c->base;
    c = NULL;
out:
    close_db((mn_db *)c);
    return rc;
}

static mn_rc version(mn_db *db, int *ret, mn_err *e)
{
    int64_t v = 0;
    MN_TRY(ask((conn *)db, "PRAGMA user_version", &v, e));
    *ret = (int)v;
    return MN_OK;
}

static mn_rc set_version(mn_db *db, int v, mn_err *e)
{
    char sql[96];
    snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d",
             APPLICATION_ID, v);
    return exec((conn *)db, sql, e);
}

/* ---- transactions ------------------------------------------------------------------------------------------------ */

static mn_rc begin(mn_db *db, bool write, mn_err *e)
{
    conn *c = (conn *)db;
    MN_TRY(around(c, write ? BEGIN_WRITE : BEGIN_READ, e));
    c->in_tx = true;
    return MN_OK;
}

/* Also ends statements that an error left in the middle. */
static void rollback(mn_db *db)
{
    conn *c = (conn *)db;
    c->in_tx = false;
    for (sqlite3_stmt *st = sqlite3_next_stmt(c->h, NULL); st; st = sqlite3_next_stmt(c->h, st))
        if (sqlite3_stmt_busy(st)) sqlite3_reset(st);
    if (!sqlite3_get_autocommit(c->h)) around(c, ROLLBACK, NULL);
}

static mn_rc commit(mn_db *db, mn_err *e)
{
    conn *c = (conn *)db;
    mn_rc rc = around(c, COMMIT, e);
    if (rc != MN_OK) rollback(db);
    c->in_tx = false;
    return rc;
}

/* The log as it is, and what the open transaction may still add to it: three times that. Undoing was measured to write up to
 * one and a half times the log that doing did, and the log's pages then have to find a place in the database file. */
static mn_rc room(mn_db *db, mn_err *e)
{
    conn *c = (conn *)db;
    struct statvfs fs;
    struct stat st;
    char log[4096];
    int cached = 0, most = 0;
    if (statvfs(c->path, &fs) != 0) return MN_OK; /* no file: nothing to measure */
    snprintf(log, sizeof log, "%s-wal", c->path);
    uint64_t log_bytes = stat(log, &st) == 0 ? (uint64_t)st.st_size : 0;
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    sqlite3_db_status(c->h, SQLITE_DBSTATUS_CACHE_USED, &cached, &most, 0);
    if (free_bytes >= 3 * (log_bytes + (uint64_t)cached) + ROOM_MIN) return MN_OK;
    return mn_fail(e, MN_E_IO,
                   "the disk is nearly full: %llu MiB are left for '%s'; free some space and "
                   "try again",
                   (unsigned long long)(free_bytes >> 20), c->path);
}

/* ---- statements -------------------------------------------------------------------------------------------------- */

static size_t slot_of(const conn *c, const char *sql)
{
    size_t i = (size_t)(((uintptr_t)sql * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (c->cap - 1);
    while (c->slots[i] && c->slots[i]->sql != sql) i = (i + 1) & (c->cap - 1);
    return i;
}

static bool grow(conn *c)
{
    conn bigger = *c;
    bigger.cap = c->cap ? c->cap * 2 : SLOTS_MIN;
    bigger.slots = mn_calloc(bigger.cap, sizeof *bigger.slots);
    if (!bigger.slots) return false;
    for (size_t i = 0; i < c->cap; i++)
        if (c->slots[i]) bigger.slots[slot_of(&bigger, c->slots[i]->sql)] = c->slots[i];
    mn_free(c->slots);
    *c = bigger;
    return true;
}

static mn_rc prepare_new(conn *c, const char *sql, mn_stmt **ret, mn_err *e)
{
    if (c->n * 2 >= c->cap && !grow(c)) return mn_fail(e, MN_E_NOMEM, "out of memory");
    stmt *q = mn_calloc(1, sizeof *q);
    if (!q) return mn_fail(e, MN_E_NOMEM, "out of memory");
    int code = sqlite3_prepare_v3(c->h, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->st, NULL);
    if (code != SQLITE_OK) {
        mn_free(q);
        return fail_conn(c, code, e);
    }
    q->base.driver = &mn_store__sqlite;
    q->conn = c;
    q->sql = sql;
    c->slots[slot_of(c, sql)] = q;
    c->n++;
    *ret = &q->base;
    return MN_OK;
}

static mn_rc prepare(mn_db *db, const char *sql, mn_stmt **ret, mn_err *e)
{
    conn *c = (conn *)db;
    /* SQLite ends a transaction by itself when the disk fills; nothing may then be written outside of one. */
    if (c->in_tx && sqlite3_get_autocommit(c->h))
        return mn_fail(e, MN_E_IO, "the transaction on '%s' has failed; nothing of it is kept",
                       c->path);
    stmt *q = c->cap ? c->slots[slot_of(c, sql)] : NULL;
    if (!q) return prepare_new(c, sql, ret, e);
    MN_ASSERT(!sqlite3_stmt_busy(q->st));
    *ret = &q->base;
    return MN_OK;
}

static void note_bind(stmt *q, int code)
{
    if (q->bind_rc == SQLITE_OK) q->bind_rc = code;
}

static void bind_i64(mn_stmt *s, int i, int64_t v)
{
    stmt *q = (stmt *)s;
    note_bind(q, sqlite3_bind_int64(q->st, i, v));
}

static void bind_bytes(mn_stmt *s, int i, const void *p, size_t n, bool is_text)
{
    stmt *q = (stmt *)s;
    if (is_text && !mn_store__text_ok((mn_str){p, n})) q->bad_text = true;
    note_bind(q, is_text ? sqlite3_bind_text64(q->st, i, p, n, SQLITE_STATIC, SQLITE_UTF8)
                         : sqlite3_bind_blob64(q->st, i, p, n, SQLITE_STATIC));
}

static void bind_null(mn_stmt *s, int i)
{
    stmt *q = (stmt *)s;
    note_bind(q, sqlite3_bind_null(q->st, i));
}

static void reset(mn_stmt *s)
{
    stmt *q = (stmt *)s;
    sqlite3_reset(q->st);
    q->bind_rc = SQLITE_OK;
    q->bad_text = false;
}

static mn_rc step(mn_stmt *s, bool *ret_row, mn_err *e)
{
    stmt *q = (stmt *)s;
    if (q->bad_text) {
        reset(s);
        return mn_store__fail_text(e);
    }
    int code = q->bind_rc == SQLITE_OK ? sqlite3_step(q->st) : q->bind_rc;
    if (code == SQLITE_ROW) {
        *ret_row = true;
        return MN_OK;
    }
    mn_rc rc = code == SQLITE_DONE ? MN_OK : fail_conn(q->conn, code, e);
    reset(s);
    if (rc == MN_OK) *ret_row = false;
    return rc;
}

static uint64_t changed(mn_stmt *s)
{
    return (uint64_t)sqlite3_changes64(((stmt *)s)->conn->h);
}

static int64_t col_i64(mn_stmt *s, int i)
{
    return sqlite3_column_int64(((stmt *)s)->st, i);
}

/* As a blob: the bytes are the same as the text's, and need no terminator, so nothing is copied and nothing can fail. */
static mn_str col_bytes(mn_stmt *s, int i)
{
    stmt *q = (stmt *)s;
    const void *p = sqlite3_column_blob(q->st, i);
    return p ? (mn_str){p, (size_t)sqlite3_column_bytes(q->st, i)} : MN_STR("");
}

static bool col_null(mn_stmt *s, int i)
{
    return sqlite3_column_type(((stmt *)s)->st, i) == SQLITE_NULL;
}

static mn_rc shown(const char *url, char **ret, mn_err *e)
{
    char *copy = mn_strdup(url);
    if (!copy) return mn_fail(e, MN_E_NOMEM, "out of memory");
    *ret = copy;
    return MN_OK;
}

/* Pages of memory, and the log that a burst of writing made long (only the writer is trimmed). */
static void trim(mn_db *db)
{
    conn *c = (conn *)db;
    sqlite3_db_release_memory(c->h);
    sqlite3_wal_checkpoint_v2(c->h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

/* Should the size not change, work is only slower or memory larger: no error matters. */
static void bulk(mn_db *db, bool on)
{
    exec((conn *)db, on ? "PRAGMA cache_size=" CACHE_BULK : "PRAGMA cache_size=" CACHE, NULL);
    if (!on) trim(db);
}

const mn_driver mn_store__sqlite = {
    .name = "sqlite",
    .open = open_db,
    .close = close_db,
    .shown = shown,
    .trim = trim,
    .bulk = bulk,
    .version = version,
    .set_version = set_version,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .room = room,
    .prepare = prepare,
    .scan = prepare, /* steps hold one row anyway */
    .bind_i64 = bind_i64,
    .bind_bytes = bind_bytes,
    .bind_null = bind_null,
    .step = step,
    .reset = reset,
    .changed = changed,
    .col_i64 = col_i64,
    .col_bytes = col_bytes,
    .col_null = col_null,
};
