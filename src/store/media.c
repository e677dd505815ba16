/* Media rows: uploaded attached to nothing, then part of one post, or an account's picture, or a preview's. Who may attach
 * what is decided here, in the transaction that attaches. */
#include "store/media.h"

#include "base/hash.h"
#include "store/store_int.h"

#define COLUMNS                                                                                \
    "m.id, m.post_id, m.account_id, m.sha256, m.mime, m.alt, m.size_bytes, m.width, "          \
    "m.height, "                                                                               \
    "m.state, m.use, m.place, m.created_ms, m.duration_ms, m.preview, m.preview_mime, "        \
    "m.preview_width, m.preview_height, m.blurhash, m.focus_x, m.focus_y "

static void bind_contents(mn_stmt *q, const mn_media *m)
{
    db_blob(q, 2, m->sha256, 32);
    db_text(q, 3, m->mime);
    db_text(q, 4, m->alt);
    db_u64(q, 5, m->size_bytes);
    db_i64(q, 6, m->width);
    db_i64(q, 7, m->height);
    db_i64(q, 8, m->state);
    db_i64(q, 9, m->duration_ms);
    db_text(q, 10, m->preview);
    db_text(q, 11, m->preview_mime);
    db_i64(q, 12, m->preview_width);
    db_i64(q, 13, m->preview_height);
    db_text(q, 14, m->blurhash);
    db_i64(q, 15, m->focus_x);
    db_i64(q, 16, m->focus_y);
}

static mn_rc count_media(mn_tx *tx, uint64_t post_id, mn_err *e)
{
    return mn_store__run2(tx->db,
                          "UPDATE posts SET n_media = (SELECT count(*) FROM media WHERE "
                          "media.post_id = ?1) WHERE id = ?1",
                          post_id, 0, e);
}

mn_rc mn_store_media_add(mn_tx *tx, const mn_media *m, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    if (m->id == 0 || m->id > (uint64_t)INT64_MAX)
        return mn_fail(e, MN_E_USAGE, "a media row needs an id of 1 to 2^63 - 1");
    MN_TRY(db_prepare(
        tx->db,
        "INSERT INTO media (id, sha256, mime, alt, size_bytes, width, height, state, "
        "duration_ms, "
        "preview, preview_mime, preview_width, preview_height, blurhash, focus_x, focus_y, "
        "post_id, "
        "account_id, use, place, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
        "?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21) ON CONFLICT (id) DO NOTHING",
        &q, e));
    db_u64(q, 1, m->id);
    bind_contents(q, m);
    db_u64(q, 17, m->post_id);
    db_u64(q, 18, m->account_id);
    db_i64(q, 19, m->use);
    db_i64(q, 20, m->place);
    db_i64(q, 21, m->created_ms);
    MN_TRY(mn_store__run(q, &n, e));
    if (n != 1)
        return mn_fail(e, MN_E_EXISTS, "there is a media row with id %llu already",
                       (unsigned long long)m->id);
    return m->post_id ? count_media(tx, m->post_id, e) : MN_OK;
}

static mn_rc read_media(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_media m = {.id = db_col_u64(q, 0),
                  .post_id = db_col_u64(q, 1),
                  .account_id = db_col_u64(q, 2),
                  .size_bytes = db_col_u64(q, 6),
                  .width = (int)db_col_i64(q, 7),
                  .height = (int)db_col_i64(q, 8),
                  .state = (mn_media_state)db_col_i64(q, 9),
                  .use = (mn_media_use)db_col_i64(q, 10),
                  .place = (int)db_col_i64(q, 11),
                  .created_ms = db_col_i64(q, 12),
                  .duration_ms = db_col_i64(q, 13),
                  .preview_width = (int)db_col_i64(q, 16),
                  .preview_height = (int)db_col_i64(q, 17),
                  .focus_x = (int)db_col_i64(q, 19),
                  .focus_y = (int)db_col_i64(q, 20)};
    mn_str hash = db_col_str(q, 3);
    if (hash.len != 32)
        return mn_fail(e, MN_E_CORRUPT, "media row %llu has no hash", (unsigned long long)m.id);
    memcpy(m.sha256, hash.ptr, 32);
    MN_TRY(mn_store__col_dup(q, 4, ar, &m.mime, e));
    MN_TRY(mn_store__col_dup(q, 5, ar, &m.alt, e));
    MN_TRY(mn_store__col_dup(q, 14, ar, &m.preview, e));
    MN_TRY(mn_store__col_dup(q, 15, ar, &m.preview_mime, e));
    MN_TRY(mn_store__col_dup(q, 18, ar, &m.blurhash, e));
    *(mn_media *)ret = m;
    return MN_OK;
}

/* ---- read ------------------------------------------------------------------------------------------------------- */

static mn_rc get(mn_db *db, uint64_t id, mn_arena *ar, mn_media *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, "SELECT " COLUMNS "FROM media m WHERE m.id = ?1", &q, e));
    db_u64(q, 1, id);
    return mn_store__one(q, read_media, ar, ret, e);
}

mn_rc mn_store_medium(mn_store *s, uint64_t id, mn_arena *ar, mn_media *ret, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = get(db, id, ar, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc of_post(mn_db *db, uint64_t post_id, mn_arena *ar, mn_media **ret, size_t *ret_n,
                     mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db,
                      "SELECT " COLUMNS "FROM media m WHERE m.post_id = ?1 AND m.state = 0 "
                      "ORDER BY m.place, m.id",
                      &q, e));
    db_u64(q, 1, post_id);
    return mn_store__collect(q, read_media, sizeof **ret, ar, (void **)ret, ret_n, e);
}

mn_rc mn_store_media_of(mn_store *s, uint64_t post_id, mn_arena *ar, mn_media **ret,
                        size_t *ret_n, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = of_post(db, post_id, ar, ret, ret_n, e);
    mn_store__reader_done(s, db);
    return rc;
}

/* Rows gathered from several statements. */
typedef struct rows {
    mn_media *items;
    size_t n, cap;
} rows;

static mn_rc add_rows(rows *r, mn_arena *ar, const mn_media *items, size_t n, mn_err *e)
{
    if (r->n + n > r->cap) {
        size_t cap = (r->n + n) * 2 + 8;
        mn_media *more = mn_arena_alloc(ar, cap * sizeof *more);
        if (!more) return mn_fail(e, MN_E_NOMEM, "out of memory reading media");
        if (r->n) memcpy(more, r->items, r->n * sizeof *more);
        r->items = more;
        r->cap = cap;
    }
    if (n) memcpy(r->items + r->n, items, n * sizeof *items);
    r->n += n;
    return MN_OK;
}

mn_rc mn_store_media_of_posts(mn_store *s, const uint64_t *post_ids, size_t n, mn_arena *ar,
                              mn_media **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    rows all = {0};
    if (n > MN_STORE_PAGE_MAX)
        return mn_fail(e, MN_E_LIMIT, "at most %d posts are asked about at once",
                       MN_STORE_PAGE_MAX);
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = MN_OK;
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        mn_media *some = NULL;
        size_t k = 0;
        rc = of_post(db, post_ids[i], ar, &some, &k, e);
        if (rc == MN_OK) rc = add_rows(&all, ar, some, k, e);
    }
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    *ret = all.items;
    *ret_n = all.n;
    return MN_OK;
}

mn_rc mn_store_media_by_ids(mn_store *s, const uint64_t *ids, size_t n, mn_arena *ar,
                            mn_media **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    rows all = {0};
    if (n > MN_STORE_PAGE_MAX)
        return mn_fail(e, MN_E_LIMIT, "at most %d media are asked for at once",
                       MN_STORE_PAGE_MAX);
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = MN_OK;
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        mn_media m;
        rc = get(db, ids[i], ar, &m, e);
        if (rc == MN_OK) rc = add_rows(&all, ar, &m, 1, e);
        else if (rc == MN_E_NOT_FOUND) rc = MN_OK;
    }
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    *ret = all.items;
    *ret_n = all.n;
    return MN_OK;
}

/* ---- write ------------------------------------------------------------------------------------------------------ */

static mn_rc tell_post(mn_tx *tx, uint64_t post_id, mn_err *e)
{
    if (!post_id) return MN_OK;
    return mn_store_event(tx, (mn_event){.kind = MN_EV_POST_COUNTS, .id = post_id}, e);
}

mn_rc mn_store_media_update(mn_tx *tx, const mn_media *m, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    int64_t post = 0;
    MN_TRY(db_prepare(tx->db,
                      "UPDATE media SET sha256 = ?2, mime = ?3, alt = ?4, size_bytes = ?5, "
                      "width = ?6, height = ?7, state = ?8, duration_ms = ?9, preview = ?10, "
                      "preview_mime = ?11, preview_width = ?12, preview_height = ?13, "
                      "blurhash = ?14, focus_x = ?15, focus_y = ?16 WHERE id = ?1",
                      &q, e));
    db_u64(q, 1, m->id);
    bind_contents(q, m);
    MN_TRY(mn_store__run(q, &n, e));
    if (!n) return MN_E_NOT_FOUND;
    MN_TRY(
        mn_store__get2(tx->db, "SELECT post_id FROM media WHERE id = ?1", m->id, 0, &post, e));
    return tell_post(tx, (uint64_t)post, e);
}

static mn_rc drop(mn_tx *tx, uint64_t id, mn_err *e)
{
    return mn_store__run2(tx->db, "DELETE FROM media WHERE id = ?1", id, 0, e);
}

mn_rc mn_store_media_remove(mn_tx *tx, uint64_t id, mn_err *e)
{
    int64_t post = 0;
    MN_TRY(mn_store__get2(tx->db, "SELECT post_id FROM media WHERE id = ?1", id, 0, &post, e));
    if (post) return mn_fail(e, MN_E_DENIED, "the media belongs to a post");
    return drop(tx, id, e);
}

/* ---- attaching -------------------------------------------------------------------------------------------------- */

static bool moves(mn_str mime)
{
    return mn_str_starts(mime, "video/") || mn_str_starts(mime, "audio/");
}

static mn_rc may_attach(const mn_media *m, uint64_t account_id, uint64_t post_id, mn_err *e)
{
    bool mine = m->account_id == account_id && m->use == MN_MEDIA_POST;
    if (!mine || (m->post_id && m->post_id != post_id)) return MN_E_NOT_FOUND;
    if (m->state == MN_MEDIA_WAITING)
        return mn_fail(e, MN_E_BUSY,
                       "Cannot attach files that have not finished processing. Try again in a "
                       "moment!");
    if (m->state == MN_MEDIA_FAILED)
        return mn_fail(e, MN_E_USAGE, "Validation failed: the file could not be processed");
    return MN_OK;
}

mn_rc mn_store_media_check(mn_tx *tx, uint64_t account_id, uint64_t post_id,
                           const uint64_t *ids, size_t n, mn_err *e)
{
    mn_arena a;
    mn_rc rc = MN_OK;
    size_t moving = 0;
    if (n > MN_MEDIA_PER_POST_MAX)
        return mn_fail(e, MN_E_USAGE, "Validation failed: Cannot attach more than %d files",
                       MN_MEDIA_PER_POST_MAX);
    mn_arena_init(&a, 0);
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        mn_media m;
        for (size_t j = 0; j < i; j++)
            if (ids[i] == ids[j])
                rc = mn_fail(e, MN_E_USAGE, "the same file is attached twice");
        if (rc == MN_OK) rc = get(tx->db, ids[i], &a, &m, e);
        if (rc == MN_OK) rc = may_attach(&m, account_id, post_id, e);
        if (rc == MN_OK && moves(m.mime)) moving++;
    }
    mn_arena_release(&a);
    if (rc == MN_OK && moving && n > 1)
        return mn_fail(e, MN_E_USAGE,
                       "Validation failed: Cannot attach a video to a post that already "
                       "contains images");
    return rc;
}

mn_rc mn_store_media_attach(mn_tx *tx, uint64_t account_id, uint64_t post_id,
                            const uint64_t *ids, size_t n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(mn_store_media_check(tx, account_id, post_id, ids, n, e));
    /* First all go out, so that those that stay out can be told by being loose with a place. */
    MN_TRY(mn_store__run2(tx->db, "UPDATE media SET place = -1 WHERE post_id = ?1", post_id, 0,
                          e));
    for (size_t i = 0; i < n; i++) {
        MN_TRY(db_prepare(tx->db, "UPDATE media SET post_id = ?2, place = ?3 WHERE id = ?1", &q,
                          e));
        db_u64(q, 1, ids[i]);
        db_u64(q, 2, post_id);
        db_i64(q, 3, (int64_t)i);
        MN_TRY(mn_store__run(q, NULL, e));
    }
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM media WHERE post_id = ?1 AND place = -1",
                          post_id, 0, e));
    return count_media(tx, post_id, e);
}

mn_rc mn_store_media_detach(mn_tx *tx, uint64_t post_id, int64_t now_ms, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db, "UPDATE media SET post_id = 0, place = 0, created_ms = ?2 WHERE post_id = ?1",
        &q, e));
    db_u64(q, 1, post_id);
    db_i64(q, 2, now_ms);
    MN_TRY(mn_store__run(q, NULL, e));
    return count_media(tx, post_id, e);
}

/* ---- an account's pictures -------------------------------------------------------------------------------------- */

mn_rc mn_store_account_picture_set(mn_tx *tx, uint64_t account_id, mn_media_use use,
                                   uint64_t media_id, mn_err *e)
{
    bool avatar = use == MN_MEDIA_AVATAR;
    int64_t before = 0;
    MN_TRY(mn_store__get2(tx->db,
                          avatar ? "SELECT avatar_id FROM accounts WHERE id = ?1"
                                 : "SELECT header_id FROM accounts WHERE id = ?1",
                          account_id, 0, &before, e));
    MN_TRY(mn_store__run2(tx->db,
                          avatar ? "UPDATE accounts SET avatar_id = ?2 WHERE id = ?1"
                                 : "UPDATE accounts SET header_id = ?2 WHERE id = ?1",
                          account_id, media_id, e));
    if (before && (uint64_t)before != media_id) MN_TRY(drop(tx, (uint64_t)before, e));
    return mn_store_event(tx, (mn_event){.kind = MN_EV_ACCOUNT, .account = account_id}, e);
}

mn_rc mn_store_account_pictures(mn_store *s, uint64_t account_id, mn_arena *ar, mn_media **ret,
                                size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db,
                          "SELECT " COLUMNS "FROM accounts a, media m WHERE a.id = ?1 AND "
                          "m.id IN (a.avatar_id, a.header_id) ORDER BY m.use",
                          &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, account_id);
        rc = mn_store__collect(q, read_media, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

/* ---- cleaning --------------------------------------------------------------------------------------------------- */

mn_rc mn_store_media_sweep(mn_tx *tx, int64_t before_ms, size_t limit, uint64_t *ret_removed,
                           mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db,
        "DELETE FROM media WHERE id IN (SELECT m.id FROM media m WHERE m.post_id = 0 "
        "AND m.created_ms < ?1 AND m.use = 0 ORDER BY m.created_ms LIMIT ?2)",
        &q, e));
    db_i64(q, 1, before_ms);
    db_u64(q, 2, limit);
    return mn_store__run(q, ret_removed, e);
}

mn_rc mn_store_media_raw(mn_store *s, uint64_t after, size_t limit, mn_arena *ar,
                         mn_media **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(
        db,
        "SELECT " COLUMNS "FROM media m WHERE m.use = 0 AND m.blurhash = '' AND m.id > ?1 AND "
        "m.state = 0 AND m.mime IN ('image/jpeg', 'image/png', 'image/webp', 'image/gif', "
        "'image/avif') ORDER BY m.id LIMIT ?2",
        &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, after);
        db_u64(q, 2, limit);
        rc = mn_store__collect(q, read_media, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_file_used(mn_store *s, const uint8_t sha256[32], bool *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    char hex[MN_HEX256];
    bool row = false;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(
        db,
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM media WHERE sha256 = ?1) OR EXISTS (SELECT 1 "
        "FROM media WHERE preview = ?2) OR EXISTS (SELECT 1 FROM custom_emoji WHERE file = ?2) "
        "OR EXISTS (SELECT 1 FROM custom_emoji WHERE still = ?2)",
        &q, e);
    if (rc == MN_OK) {
        db_blob(q, 1, sha256, 32);
        db_text(q, 2, mn_str_from(mn_hex(sha256, 32, hex)));
        rc = db_step(q, &row, e);
        if (rc == MN_OK && row) db_reset(q);
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = row;
    return rc;
}
