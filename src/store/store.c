/* Opening, the pool of readers, and transactions.
 *
 * Invariants: one transaction at a time in the process (`writing`); at most MN_STORE_READERS readers, made when first
 * needed and never closed before the store is; a transaction's counters (rev, posts per account, end of the ledger) live
 * in memory and are written once, at commit, in the same database transaction as what they count.
 */
#include "store/store.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/snowflake.h"
#include "store/store_int.h"

#define ACCOUNTS_MIN 64
#define LONG_TX_US   50000
#define GAP_US       2000

/* ---- small helpers over the driver ------------------------------------------------------------------------------- */

bool mn_store__text_ok(mn_str s)
{
    return s.len == 0 || (!memchr(s.ptr, 0, s.len) && mn_utf8_valid(s));
}

mn_rc mn_store__fail_text(mn_err *e)
{
    return mn_fail(e, MN_E_PARSE,
                   "a text for the database is not UTF-8, or holds a NUL byte; neither can be "
                   "kept");
}

mn_rc mn_store__run(mn_stmt *q, uint64_t *ret_changed, mn_err *e)
{
    bool row = true;
    if (!ret_changed && q->driver->later) return q->driver->later(q, e);
    while (row) MN_TRY(db_step(q, &row, e));
    if (ret_changed) *ret_changed = q->driver->changed(q);
    return MN_OK;
}

mn_rc mn_store__run2(mn_db *db, const char *sql, uint64_t a, uint64_t b, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, sql, &q, e));
    db_u64(q, 1, a);
    if (strstr(sql, "?2")) db_u64(q, 2, b);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store__join(mn_db *db, const char *sql, uint64_t a, uint64_t b, bool *ret_changed,
                     mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(db, sql, &q, e));
    db_u64(q, 1, a);
    db_u64(q, 2, b);
    if (strstr(sql, "?3")) db_u64(q, 3, mn_snowflake_next());
    MN_TRY(mn_store__run(q, &n, e));
    if (ret_changed) *ret_changed = n > 0;
    return MN_OK;
}

mn_rc mn_store__get2(mn_db *db, const char *sql, uint64_t a, uint64_t b, int64_t *ret,
                     mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    MN_TRY(db_prepare(db, sql, &q, e));
    db_u64(q, 1, a);
    if (strstr(sql, "?2")) db_u64(q, 2, b);
    MN_TRY(db_step(q, &row, e));
    if (!row) return MN_E_NOT_FOUND;
    *ret = db_col_i64(q, 0);
    db_reset(q);
    return MN_OK;
}

mn_rc mn_store__col_dup(mn_stmt *q, int i, mn_arena *ar, mn_str *ret, mn_err *e)
{
    mn_str s = db_col_str(q, i);
    if (s.len == 0) {
        *ret = MN_STR("");
        return MN_OK;
    }
    s = mn_str_dup(ar, s);
    if (!s.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
    *ret = s;
    return MN_OK;
}

static mn_rc grow(mn_arena *ar, char **list, size_t n, size_t *cap, size_t item_bytes,
                  mn_err *e)
{
    size_t bigger = *cap ? *cap * 2 : 16;
    char *p = mn_arena_alloc(ar, bigger * item_bytes);
    if (!p) return mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
    if (n > 0) memcpy(p, *list, n * item_bytes);
    *list = p;
    *cap = bigger;
    return MN_OK;
}

mn_rc mn_store__collect(mn_stmt *q, mn_store__row_fn fn, size_t item_bytes, mn_arena *ar,
                        void **ret, size_t *ret_n, mn_err *e)
{
    char *list = NULL;
    size_t n = 0, cap = 0;
    for (bool row = true;; n++) {
        MN_TRY(db_step(q, &row, e));
        if (!row) break;
        mn_rc rc = n < cap ? MN_OK : grow(ar, &list, n, &cap, item_bytes, e);
        if (rc == MN_OK) rc = fn(q, ar, list + n * item_bytes, e);
        if (rc != MN_OK) {
            db_reset(q);
            return rc;
        }
    }
    *ret = list;
    *ret_n = n;
    return MN_OK;
}

void mn_store__turn(void *items, size_t n, size_t item_bytes)
{
    unsigned char *p = items;
    for (size_t i = 0, k = n; i + 1 < k; i++, k--)
        for (size_t c = 0; c < item_bytes; c++) {
            unsigned char x = p[i * item_bytes + c];
            p[i * item_bytes + c] = p[(k - 1) * item_bytes + c];
            p[(k - 1) * item_bytes + c] = x;
        }
}

mn_rc mn_store__page_of(mn_store *s, const mn_store__pages *sql, uint64_t of, mn_store__span sp,
                        mn_arena *ar, void **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, sp.upward ? sql->oldest : sql->newest, &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, of);
        db_i64(q, 2, db_below(sp.below));
        db_i64(q, 3, db_number(sp.above));
        db_limit(q, 4, sp.limit);
        rc = mn_store__collect(q, sql->read, sql->item_bytes, ar, ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK && sp.upward) mn_store__turn(*ret, *ret_n, sql->item_bytes);
    return rc;
}

mn_rc mn_store__row_id(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(uint64_t *)ret = db_col_u64(q, 0);
    return MN_OK;
}

mn_rc mn_store__one(mn_stmt *q, mn_store__row_fn fn, mn_arena *ar, void *ret, mn_err *e)
{
    bool row = false;
    MN_TRY(db_step(q, &row, e));
    if (!row) return MN_E_NOT_FOUND;
    mn_rc rc = fn(q, ar, ret, e);
    db_reset(q);
    return rc;
}

mn_rc mn_store__counter(mn_db *db, const char *name, uint64_t *ret, mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    MN_TRY(db_prepare(db, "SELECT value FROM counters WHERE name = ?1", &q, e));
    db_text(q, 1, mn_str_from(name));
    MN_TRY(db_step(q, &row, e));
    if (!row) return mn_fail(e, MN_E_CORRUPT, "the database has lost its counter '%s'", name);
    *ret = db_col_u64(q, 0);
    db_reset(q);
    return MN_OK;
}

mn_rc mn_store__counter_set(mn_db *db, const char *name, uint64_t value, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, "UPDATE counters SET value = ?2 WHERE name = ?1", &q, e));
    db_text(q, 1, mn_str_from(name));
    db_u64(q, 2, value);
    return mn_store__run(q, NULL, e);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static mn_rc driver_of(const char *url, const mn_driver **ret, mn_err *e)
{
    mn_str s = mn_str_from(url);
    if (mn_str_starts(s, "postgres://") || mn_str_starts(s, "postgresql://"))
        *ret = &mn_store__postgres;
    else if (s.len == 0 || mn_str_starts(s, ":") || mn_str_starts(s, "file:"))
        return mn_fail(e, MN_E_USAGE, "'%s' does not name a database file", url);
    else *ret = &mn_store__sqlite;
    return MN_OK;
}

mn_rc mn_store_open(const char *url, mn_store **ret, mn_err *e)
{
    return mn_store_open_opts(url, &(mn_store_opts){0}, ret, e);
}

static mn_rc open_writer(mn_store *s, const char *url, mn_err *e)
{
    s->url = mn_strdup(url);
    if (!s->url) return mn_fail(e, MN_E_NOMEM, "out of memory");
    MN_TRY(mn_random_bytes(&s->instance, sizeof s->instance, e));
    MN_TRY(s->driver->shown(url, &s->shown, e));
    MN_TRY(s->driver->open(url, &s->opts, true, &s->writer, e));
    MN_TRY(mn_store__migrate(s->writer, s->shown, &s->version, e));
    MN_TRY(mn_store__find_mark(s->writer, &s->unfinished, e));
    if (!s->unfinished || s->opts.unfinished) return MN_OK;
    return mn_fail(e, MN_E_BUSY,
                   "database '%s' is the target of a move that has not come to its end; run "
                   "that `mynah store move` again",
                   s->shown);
}

mn_rc mn_store_open_opts(const char *url, const mn_store_opts *o, mn_store **ret, mn_err *e)
{
    const mn_driver *driver = NULL;
    MN_TRY(driver_of(url, &driver, e));
    mn_store *s = mn_calloc(1, sizeof *s);
    if (!s) return mn_fail(e, MN_E_NOMEM, "out of memory");
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->telling, NULL);
    pthread_mutex_init(&s->starting, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->freed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    mn_arena_init(&s->texts, 0);
    s->driver = driver;
    s->opts = *o;
    mn_rc rc = open_writer(s, url, e);
    if (rc != MN_OK) {
        mn_store_close(s);
        return rc;
    }
    *ret = s;
    return MN_OK;
}

void mn_store_close(mn_store *s)
{
    if (!s) return;
    MN_ASSERT(!s->writing && s->n_idle == s->n_readers);
    if (s->follower) s->driver->unfollow(s->follower);
    for (int i = 0; i < s->n_idle; i++) s->driver->close(s->idle[i]);
    if (s->writer) s->driver->close(s->writer);
    pthread_cond_destroy(&s->freed);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->telling);
    pthread_mutex_destroy(&s->starting);
    mn_free(s->url);
    mn_free(s->shown);
    mn_arena_release(&s->texts);
    mn_free(s);
}

const char *mn_store_shown(const mn_store *s)
{
    return s->shown;
}

int mn_store_schema_version(const mn_store *s)
{
    return s->version;
}

/* ---- readers ----------------------------------------------------------------------------------------------------- */

static void give_reader(mn_store *s, mn_db *db)
{
    pthread_mutex_lock(&s->lock);
    if (db) s->idle[s->n_idle++] = db;
    else s->n_readers--;
    pthread_cond_broadcast(&s->freed);
    pthread_mutex_unlock(&s->lock);
}

mn_rc mn_store__reader(mn_store *s, mn_db **ret, mn_err *e)
{
    mn_db *db = NULL;
    pthread_mutex_lock(&s->lock);
    while (s->n_idle == 0 && s->n_readers == MN_STORE_READERS)
        pthread_cond_wait(&s->freed, &s->lock);
    if (s->n_idle > 0) db = s->idle[--s->n_idle];
    else s->n_readers++;
    pthread_mutex_unlock(&s->lock);

    mn_rc rc = db ? MN_OK : s->driver->open(s->url, &s->opts, false, &db, e);
    if (rc == MN_OK) rc = s->driver->begin(db, false, e);
    if (rc != MN_OK) {
        give_reader(s, db);
        return rc;
    }
    *ret = db;
    return MN_OK;
}

void mn_store__reader_done(mn_store *s, mn_db *db)
{
    s->driver->rollback(db);
    give_reader(s, db);
}

/* ---- transactions ------------------------------------------------------------------------------------------------ */

static mn_rc take_writer(mn_store *s, mn_err *e)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += MN_STORE_WAIT_S;
    int waited = 0;
    pthread_mutex_lock(&s->lock);
    while (s->writing && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&s->freed, &s->lock, &until);
    bool got = !s->writing;
    if (got) s->writing = true;
    pthread_mutex_unlock(&s->lock);
    return got ? MN_OK
               : mn_fail(e, MN_E_BUSY,
                         "another write has held the database for %d s; try again later",
                         MN_STORE_WAIT_S);
}

static void give_writer(mn_store *s)
{
    pthread_mutex_lock(&s->lock);
    s->writing = false;
    pthread_cond_broadcast(&s->freed);
    pthread_mutex_unlock(&s->lock);
}

static void tx_free(mn_tx *tx)
{
    mn_store *s = tx->s;
    mn_free(tx->accounts);
    mn_free(tx->moves);
    mn_free(tx->counts);
    mn_free(tx->events);
    mn_free(tx);
    give_writer(s);
}

void mn_store_trim(mn_store *s)
{
    if (take_writer(s, NULL) != MN_OK) return;
    s->driver->trim(s->writer);
    give_writer(s);
}

void mn_store_bulk(mn_store *s, bool on)
{
    if (take_writer(s, NULL) != MN_OK) return; /* as it was: only slower */
    s->driver->bulk(s->writer, on);
    give_writer(s);
}

mn_rc mn_store_room(mn_tx *tx, mn_err *e)
{
    return tx->s->driver->room(tx->db, e);
}

mn_rc mn_store_begin(mn_store *s, mn_tx **ret, mn_err *e)
{
    MN_TRY(take_writer(s, e));
    mn_tx *tx = mn_calloc(1, sizeof *tx);
    if (!tx) {
        give_writer(s);
        return mn_fail(e, MN_E_NOMEM, "out of memory");
    }
    tx->s = s;
    tx->db = s->writer;
    tx->displaced = -1;
    mn_rc rc = s->driver->begin(tx->db, true, e);
    if (rc != MN_OK) {
        tx_free(tx);
        return rc;
    }
    rc = mn_store__counter(tx->db, "rev", &tx->rev, e);
    if (rc != MN_OK) {
        mn_store_rollback(tx);
        return rc;
    }
    tx->rev_at_begin = tx->rev;
    tx->began_us = mn_mono_us();
    *ret = tx;
    return MN_OK;
}

mn_rc mn_store__flush_accounts(mn_tx *tx, mn_err *e)
{
    mn_stmt *q;
    for (size_t i = 0; i < tx->cap_accounts; i++) {
        const mn_tx_account *a = &tx->accounts[i];
        if (a->id == 0 || (a->delta == 0 && !a->claimed)) continue;
        if (a->imported)
            MN_TRY(mn_store_event(tx, (mn_event){.kind = MN_EV_POSTS, .account = a->id}, e));
        MN_TRY(db_prepare(
            tx->db,
            "UPDATE accounts SET n_posts = n_posts + ?2, import_id = ?3, last_post_ms = "
            "CASE WHEN last_post_ms < ?4 THEN ?4 ELSE last_post_ms END WHERE id = ?1",
            &q, e));
        db_u64(q, 1, a->id);
        db_i64(q, 2, a->delta);
        db_u64(q, 3, a->import_id);
        db_i64(q, 4, a->last_ms);
        MN_TRY(mn_store__run(q, NULL, e));
    }
    if (tx->accounts) memset(tx->accounts, 0, tx->cap_accounts * sizeof *tx->accounts);
    tx->n_accounts = 0;
    return MN_OK;
}

static mn_rc flush(mn_tx *tx, mn_err *e)
{
    MN_TRY(mn_store__flush_moves(tx, e));
    MN_TRY(mn_store__flush_counts(tx, e));
    MN_TRY(mn_store__flush_accounts(tx, e));
    if (tx->rev != tx->rev_at_begin) MN_TRY(mn_store__counter_set(tx->db, "rev", tx->rev, e));
    if (tx->ledger_dirty) MN_TRY(mn_store__counter_set(tx->db, "ledger", tx->ledger_seq, e));
    return mn_store__tell_others(tx, e);
}

mn_rc mn_store_commit(mn_tx *tx, mn_err *e)
{
    mn_rc rc = flush(tx, e);
    if (rc != MN_OK) {
        mn_store_rollback(tx);
        return rc;
    }
    mn_store *s = tx->s;
    rc = s->driver->commit(tx->db, e);
    int64_t held_us = mn_mono_us() - tx->began_us;
    /* In the order of the commits: the lock of the listeners is taken before the writer is given back. */
    mn_event *events = tx->events;
    size_t n_events = rc == MN_OK ? tx->n_events : 0;
    tx->events = NULL;
    if (n_events > 0) pthread_mutex_lock(&s->telling);
    tx_free(tx);
    if (n_events > 0) {
        mn_store__tell(s, events, n_events);
        pthread_mutex_unlock(&s->telling);
    }
    mn_free(events);
    /* Whoever writes in long transactions leaves a gap for those who wait, in this process and in others. */
    if (held_us > LONG_TX_US) usleep(GAP_US);
    return rc;
}

void mn_store_rollback(mn_tx *tx)
{
    if (!tx) return;
    tx->s->driver->rollback(tx->db);
    tx_free(tx);
}

mn_rc mn_store_end(mn_tx *tx, mn_rc rc, mn_err *e)
{
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    return rc;
}

/* ---- a transaction's accounts ------------------------------------------------------------------------------------ */

static size_t account_slot(const mn_tx_account *t, size_t cap, uint64_t id)
{
    size_t i = (size_t)((id * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (cap - 1);
    while (t[i].id != 0 && t[i].id != id) i = (i + 1) & (cap - 1);
    return i;
}

static mn_rc grow_accounts(mn_tx *tx, mn_err *e)
{
    size_t cap = tx->cap_accounts ? tx->cap_accounts * 2 : ACCOUNTS_MIN;
    mn_tx_account *t = mn_calloc(cap, sizeof *t);
    if (!t) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < tx->cap_accounts; i++)
        if (tx->accounts[i].id) t[account_slot(t, cap, tx->accounts[i].id)] = tx->accounts[i];
    mn_free(tx->accounts);
    tx->accounts = t;
    tx->cap_accounts = cap;
    return MN_OK;
}

static mn_rc load_account(mn_tx *tx, uint64_t id, mn_tx_account *ret, mn_err *e)
{
    mn_stmt *q;
    bool row = false;
    MN_TRY(db_prepare(tx->db, "SELECT import_id, n_posts, origin FROM accounts WHERE id = ?1",
                      &q, e));
    db_u64(q, 1, id);
    MN_TRY(db_step(q, &row, e));
    if (!row)
        return mn_fail(e, MN_E_NOT_FOUND, "there is no account with id %llu",
                       (unsigned long long)id);
    ret->id = id;
    ret->import_id = db_col_u64(q, 0);
    ret->fresh = ret->import_id == 0 && db_col_u64(q, 1) == 0 && db_col_str(q, 2).len > 0;
    db_reset(q);
    return MN_OK;
}

mn_rc mn_store__tx_account(mn_tx *tx, uint64_t id, mn_tx_account **ret, mn_err *e)
{
    if (tx->n_accounts * 2 >= tx->cap_accounts) MN_TRY(grow_accounts(tx, e));
    mn_tx_account *a = &tx->accounts[account_slot(tx->accounts, tx->cap_accounts, id)];
    if (a->id == 0) {
        mn_tx_account loaded = {0};
        MN_TRY(load_account(tx, id, &loaded, e));
        *a = loaded;
        tx->n_accounts++;
    }
    *ret = a;
    return MN_OK;
}
