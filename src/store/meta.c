/* A small table: facts about the data folder. */
#include "store/store_int.h"

/* ---- key and value ----------------------------------------------------------------------------------------------- */

static mn_rc read_text(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    return mn_store__col_dup(q, 0, ar, ret, e);
}

mn_rc mn_store_meta_get(mn_store *s, const char *key, mn_arena *ar, mn_str *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT value FROM meta WHERE name = ?1", &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, mn_str_from(key));
        rc = mn_store__one(q, read_text, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_meta_set(mn_tx *tx, const char *key, mn_str value, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db,
        "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET "
        "value = excluded.value",
        &q, e));
    db_text(q, 1, mn_str_from(key));
    db_text(q, 2, value);
    return mn_store__run(q, NULL, e);
}
