/* The schema as a list of migrations: version N is made by running lists 1..N. A list never changes once released; a
 * change is a new list. docs/design/store.md draws the tables.
 *
 * Posts are a table keyed by their id, which rises with time, so that imports in time order append. Indexes are few,
 * because each costs an import: by rev (appended to), by account, by thread (only posts that do not start theirs), and
 * the public timeline. There is none on origin: an imported post is found at the id that its origin gives, and the few
 * that found their place taken are in `displaced`.
 */
#include "store/store_int.h"
#include "store/tables.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *const version_1[] = {
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
    "INSERT INTO counters VALUES ('rev', 0), ('ledger', 0), ('server_consent', 0), "
    "('server_consent_rev', 0)",
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",

    "CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT NOT NULL, name_key TEXT NOT "
    "NULL, "
    "display_name TEXT NOT NULL, bio TEXT NOT NULL, password_hash TEXT NOT NULL, "
    "origin TEXT NOT NULL, import_id INTEGER NOT NULL, state INTEGER NOT NULL, "
    "role INTEGER NOT NULL, bot INTEGER NOT NULL, locked INTEGER NOT NULL, "
    "created_ms INTEGER NOT NULL, n_posts INTEGER NOT NULL, consent INTEGER NOT NULL, "
    "consent_rev INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX accounts_name ON accounts (name_key)",
    "CREATE INDEX accounts_import ON accounts (import_id) WHERE import_id <> 0",
    "CREATE TABLE follows (follower INTEGER NOT NULL, followee INTEGER NOT NULL, "
    "at_ms INTEGER NOT NULL, PRIMARY KEY (follower, followee))",
    "CREATE INDEX follows_followee ON follows (followee)",

    "CREATE TABLE posts (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, "
    "rev INTEGER NOT NULL, created_ms INTEGER NOT NULL, edited_ms INTEGER NOT NULL, "
    "deleted_ms INTEGER NOT NULL, visibility INTEGER NOT NULL, reply_to INTEGER NOT NULL, "
    "quote_of INTEGER NOT NULL, boost_of INTEGER NOT NULL, thread_id INTEGER NOT NULL, "
    "sensitive INTEGER NOT NULL, import_id INTEGER NOT NULL, consent INTEGER NOT NULL, "
    "consent_rev INTEGER NOT NULL, origin TEXT NOT NULL, lang TEXT NOT NULL, "
    "warning TEXT NOT NULL, text TEXT NOT NULL)",
    "CREATE UNIQUE INDEX posts_rev ON posts (rev)",
    "CREATE INDEX posts_account ON posts (account_id, id)",
    "CREATE INDEX posts_thread ON posts (thread_id, id) WHERE thread_id <> id",
    "CREATE INDEX posts_public ON posts (id) WHERE visibility = 0 AND deleted_ms = 0",
    "CREATE TABLE displaced (origin TEXT PRIMARY KEY, post_id INTEGER NOT NULL)",
    "CREATE INDEX displaced_post ON displaced (post_id)",
    "CREATE TABLE post_versions (post_id INTEGER NOT NULL, n INTEGER NOT NULL, "
    "at_ms INTEGER NOT NULL, text TEXT NOT NULL, warning TEXT NOT NULL, "
    "PRIMARY KEY (post_id, n))",
    "CREATE TABLE media (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, "
    "account_id INTEGER NOT NULL, sha256 BLOB NOT NULL, mime TEXT NOT NULL, alt TEXT NOT NULL, "
    "size_bytes INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL)",
    "CREATE INDEX media_post ON media (post_id, id)",

    "CREATE TABLE ledger (seq INTEGER PRIMARY KEY, scope INTEGER NOT NULL, "
    "scope_id INTEGER NOT NULL, purpose INTEGER NOT NULL, value INTEGER NOT NULL, "
    "actor_id INTEGER NOT NULL, reason TEXT NOT NULL, at_ms INTEGER NOT NULL, "
    "hash BLOB NOT NULL)",
    "CREATE INDEX ledger_scope ON ledger (scope, scope_id, seq)",

    "CREATE TABLE imports (id INTEGER PRIMARY KEY, path TEXT NOT NULL, format TEXT NOT NULL, "
    "state INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, "
    "created INTEGER NOT NULL, first_rev INTEGER NOT NULL, consent INTEGER NOT NULL, "
    "consent_rev INTEGER NOT NULL)",

    "CREATE TABLE jobs (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL, "
    "tries INTEGER NOT NULL, run_at_ms INTEGER NOT NULL, dead INTEGER NOT NULL, "
    "reason TEXT NOT NULL)",
    "CREATE INDEX jobs_due ON jobs (kind, run_at_ms, id) WHERE dead = 0",
};

/* Posts taken out without a tombstone (an undone import): the change feed tells of them. */
static const char *const version_2[] = {
    "CREATE TABLE removed (post_id INTEGER PRIMARY KEY, rev INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX removed_rev ON removed (rev)",
};

static const mn_sql_list v1 = {version_1, COUNT(version_1)}, v2 = {version_2, COUNT(version_2)};

/* The network: schema_v3.c. */
static const mn_sql_list *const lists_1[] = {&v1, NULL}, *const lists_2[] = {&v2, NULL},
                                *const lists_3[] = {&mn_store__v3_columns,
                                                    &mn_store__v3_access_tables,
                                                    &mn_store__v3_people_tables,
                                                    &mn_store__v3_post_tables,
                                                    &mn_store__v3_reading_tables,
                                                    &mn_store__v3_moderation_tables,
                                                    &mn_store__v3_moving_tables,
                                                    NULL};

static const mn_sql_list *const *const migrations[] = {lists_1, lists_2, lists_3};

static mn_rc run_list(mn_db *db, const mn_sql_list *l, mn_err *e)
{
    for (size_t i = 0; i < l->n; i++) {
        mn_stmt *q;
        MN_TRY(db_prepare(db, l->sql[i], &q, e));
        MN_TRY(mn_store__run(q, NULL, e));
    }
    return MN_OK;
}

mn_rc mn_store__each_migration(mn_rc (*fn)(void *arg, const char *sql), void *arg)
{
    for (size_t v = 0; v < COUNT(migrations); v++)
        for (size_t l = 0; migrations[v][l]; l++)
            for (size_t i = 0; i < migrations[v][l]->n; i++)
                MN_TRY(fn(arg, migrations[v][l]->sql[i]));
    return MN_OK;
}

static mn_rc migrate_locked(mn_db *db, const char *url, int *ret, mn_err *e)
{
    const int newest = (int)COUNT(migrations);
    int at = 0;
    MN_TRY(db->driver->version(db, &at, e));
    if (at > newest)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "database '%s' has schema version %d and this mynah knows up to %d; use "
                       "the newer mynah "
                       "that made it",
                       url, at, newest);
    for (int v = at; v < newest; v++) {
        for (size_t i = 0; migrations[v][i]; i++) MN_TRY(run_list(db, migrations[v][i], e));
        MN_TRY(db->driver->set_version(db, v + 1, e));
    }
    *ret = newest;
    return MN_OK;
}

mn_rc mn_store__migrate(mn_db *db, const char *url, int *ret_version, mn_err *e)
{
    int at = 0;
    MN_TRY(db->driver->version(db, &at, e));
    if (at == (int)COUNT(migrations)) {
        *ret_version = at;
        return MN_OK;
    }
    /* Looked at again under the writer lock: another process may be doing the same. */
    MN_TRY(db->driver->begin(db, true, e));
    mn_rc rc = migrate_locked(db, url, ret_version, e);
    if (rc != MN_OK) {
        db->driver->rollback(db);
        return rc;
    }
    MN_TRY(db->driver->commit(db, e));
    db->driver->trim(db); /* the log holds the whole schema */
    return MN_OK;
}
