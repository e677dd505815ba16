/* Small tables: facts about the data folder, and media rows. */
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

/* ---- media ------------------------------------------------------------------------------------------------------- */

mn_rc mn_store_media_add(mn_tx *tx, const mn_media *m, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    if (m->id == 0 || m->id > (uint64_t)INT64_MAX)
        return mn_fail(e, MN_E_USAGE, "a media row needs an id of 1 to 2^63 - 1");
    MN_TRY(db_prepare(
        tx->db,
        "INSERT INTO media (id, post_id, account_id, sha256, mime, alt, size_bytes, width, "
        "height) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING",
        &q, e));
    db_u64(q, 1, m->id);
    db_u64(q, 2, m->post_id);
    db_u64(q, 3, m->account_id);
    db_blob(q, 4, m->sha256, 32);
    db_text(q, 5, m->mime);
    db_text(q, 6, m->alt);
    db_u64(q, 7, m->size_bytes);
    db_i64(q, 8, m->width);
    db_i64(q, 9, m->height);
    MN_TRY(mn_store__run(q, &n, e));
    if (n == 1) return MN_OK;
    return mn_fail(e, MN_E_EXISTS, "there is a media row with id %llu already",
                   (unsigned long long)m->id);
}

static mn_rc read_media(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_media m = {.id = db_col_u64(q, 0),
                  .post_id = db_col_u64(q, 1),
                  .account_id = db_col_u64(q, 2),
                  .size_bytes = db_col_u64(q, 6),
                  .width = (int)db_col_i64(q, 7),
                  .height = (int)db_col_i64(q, 8)};
    mn_str hash = db_col_str(q, 3);
    if (hash.len != 32)
        return mn_fail(e, MN_E_CORRUPT, "media row %llu has no hash", (unsigned long long)m.id);
    memcpy(m.sha256, hash.ptr, 32);
    MN_TRY(mn_store__col_dup(q, 4, ar, &m.mime, e));
    MN_TRY(mn_store__col_dup(q, 5, ar, &m.alt, e));
    *(mn_media *)ret = m;
    return MN_OK;
}

mn_rc mn_store_media_of(mn_store *s, uint64_t post_id, mn_arena *ar, mn_media **ret,
                        size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(
        db,
        "SELECT id, post_id, account_id, sha256, mime, alt, size_bytes, width, height "
        "FROM media WHERE post_id = ?1 ORDER BY id",
        &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, post_id);
        rc = mn_store__collect(q, read_media, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}
