/* Link previews, one row an address, shown by any number of posts; and the table of custom emoji. */
#include "base/snowflake.h"
#include "store/media.h"
#include "store/store_int.h"

#define CARD                                                                                   \
    "id, url, fetched_ms, published_ms, kind, title, description, author, author_url, "        \
    "provider, provider_url, lang, image_id, width, height "

static mn_rc read_card(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_card c = {.id = db_col_u64(q, 0),
                 .fetched_ms = db_col_i64(q, 2),
                 .published_ms = db_col_i64(q, 3),
                 .kind = (mn_card_kind)db_col_i64(q, 4),
                 .image_id = db_col_u64(q, 12),
                 .width = (int)db_col_i64(q, 13),
                 .height = (int)db_col_i64(q, 14)};
    MN_TRY(mn_store__col_dup(q, 1, ar, &c.url, e));
    MN_TRY(mn_store__col_dup(q, 5, ar, &c.title, e));
    MN_TRY(mn_store__col_dup(q, 6, ar, &c.description, e));
    MN_TRY(mn_store__col_dup(q, 7, ar, &c.author, e));
    MN_TRY(mn_store__col_dup(q, 8, ar, &c.author_url, e));
    MN_TRY(mn_store__col_dup(q, 9, ar, &c.provider, e));
    MN_TRY(mn_store__col_dup(q, 10, ar, &c.provider_url, e));
    MN_TRY(mn_store__col_dup(q, 11, ar, &c.lang, e));
    *(mn_card *)ret = c;
    return MN_OK;
}

static mn_rc find(mn_db *db, mn_str url, mn_arena *ar, mn_card *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, "SELECT " CARD "FROM cards WHERE url = ?1", &q, e));
    db_text(q, 1, url);
    return mn_store__one(q, read_card, ar, ret, e);
}

mn_rc mn_store_card_find(mn_store *s, mn_str url, mn_arena *ar, mn_card *ret, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = find(db, url, ar, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_card(mn_store *s, uint64_t id, mn_arena *ar, mn_card *ret, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, "SELECT " CARD "FROM cards WHERE id = ?1", &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, id);
        rc = mn_store__one(q, read_card, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc write_card(mn_tx *tx, const mn_card *c, uint64_t id, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db,
        "INSERT INTO cards (" CARD ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
        "?12, ?13, ?14, ?15) ON CONFLICT (url) DO UPDATE SET fetched_ms = "
        "excluded.fetched_ms, published_ms = excluded.published_ms, kind = excluded.kind, "
        "title = excluded.title, description = excluded.description, author = excluded.author, "
        "author_url = excluded.author_url, provider = excluded.provider, provider_url = "
        "excluded.provider_url, lang = excluded.lang, image_id = excluded.image_id, width = "
        "excluded.width, height = excluded.height",
        &q, e));
    db_u64(q, 1, id);
    db_text(q, 2, c->url);
    db_i64(q, 3, c->fetched_ms);
    db_i64(q, 4, c->published_ms);
    db_i64(q, 5, c->kind);
    db_text(q, 6, c->title);
    db_text(q, 7, c->description);
    db_text(q, 8, c->author);
    db_text(q, 9, c->author_url);
    db_text(q, 10, c->provider);
    db_text(q, 11, c->provider_url);
    db_text(q, 12, c->lang);
    db_u64(q, 13, c->image_id);
    db_i64(q, 14, c->width);
    db_i64(q, 15, c->height);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_card_put(mn_tx *tx, const mn_card *c, uint64_t *ret_id, mn_err *e)
{
    mn_arena a;
    mn_card before = {0};
    mn_arena_init(&a, 0);
    mn_rc rc = find(tx->db, c->url, &a, &before, e);
    uint64_t id = rc == MN_OK ? before.id : mn_snowflake_next();
    if (rc == MN_E_NOT_FOUND) rc = MN_OK;
    if (rc == MN_OK && before.image_id && before.image_id != c->image_id)
        rc = mn_store__run2(tx->db, "DELETE FROM media WHERE id = ?1 AND use = 3",
                            before.image_id, 0, e);
    if (rc == MN_OK) rc = write_card(tx, c, id, e);
    mn_arena_release(&a);
    if (rc == MN_OK) *ret_id = id;
    return rc;
}

mn_rc mn_store_post_card_set(mn_tx *tx, uint64_t post_id, uint64_t card_id, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db,
                      "UPDATE posts SET card_id = ?2 WHERE id = ?1 AND deleted_ms = 0 AND "
                      "card_id <> ?2",
                      &q, e));
    db_u64(q, 1, post_id);
    db_u64(q, 2, card_id);
    MN_TRY(mn_store__run(q, &n, e));
    if (!n) return MN_OK;
    return mn_store_event(tx, (mn_event){.kind = MN_EV_POST_COUNTS, .id = post_id}, e);
}

/* A card that may be looked at by the sweep: id, image, and whether a post shows it. */
typedef struct seen_card {
    uint64_t id, image_id;
    bool shown;
    int64_t fetched_ms;
} seen_card;

static mn_rc read_seen(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar;
    (void)e;
    *(seen_card *)ret = (seen_card){.id = db_col_u64(q, 0),
                                    .image_id = db_col_u64(q, 1),
                                    .fetched_ms = db_col_i64(q, 2),
                                    .shown = db_col_i64(q, 3) != 0};
    return MN_OK;
}

static mn_rc drop_card(mn_tx *tx, const seen_card *c, mn_err *e)
{
    MN_TRY(mn_store__run2(tx->db, "DELETE FROM media WHERE id = ?1 AND use = 3", c->image_id, 0,
                          e));
    return mn_store__run2(tx->db, "DELETE FROM cards WHERE id = ?1", c->id, 0, e);
}

mn_rc mn_store_cards_sweep(mn_tx *tx, int64_t before_ms, size_t limit, uint64_t *cursor,
                           uint64_t *ret_removed, mn_err *e)
{
    mn_arena a;
    mn_stmt *q;
    seen_card *list = NULL;
    size_t n = 0;
    uint64_t removed = 0;
    MN_TRY(db_prepare(
        tx->db,
        "SELECT c.id, c.image_id, c.fetched_ms, CASE WHEN EXISTS (SELECT 1 FROM posts p "
        "WHERE p.card_id = c.id AND p.card_id <> 0) THEN 1 ELSE 0 END FROM cards c "
        "WHERE c.id > ?1 ORDER BY c.id LIMIT ?2",
        &q, e));
    db_u64(q, 1, *cursor);
    db_u64(q, 2, limit);
    mn_arena_init(&a, 0);
    mn_rc rc = mn_store__collect(q, read_seen, sizeof *list, &a, (void **)&list, &n, e);
    uint64_t next = n == limit ? list[n - 1].id : 0;
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        if (list[i].shown || list[i].fetched_ms >= before_ms) continue;
        rc = drop_card(tx, &list[i], e);
        removed++;
    }
    mn_arena_release(&a);
    if (rc != MN_OK) return rc;
    *cursor = next;
    *ret_removed = removed;
    return MN_OK;
}

/* ---- custom emoji ----------------------------------------------------------------------------------------------- */

#define EMOJI "shortcode, file, still, mime, category, visible, created_ms "

static mn_rc read_emoji(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_emoji x = {.visible = db_col_i64(q, 5) != 0, .created_ms = db_col_i64(q, 6)};
    MN_TRY(mn_store__col_dup(q, 0, ar, &x.shortcode, e));
    MN_TRY(mn_store__col_dup(q, 1, ar, &x.file, e));
    MN_TRY(mn_store__col_dup(q, 2, ar, &x.still, e));
    MN_TRY(mn_store__col_dup(q, 3, ar, &x.mime, e));
    MN_TRY(mn_store__col_dup(q, 4, ar, &x.category, e));
    *(mn_emoji *)ret = x;
    return MN_OK;
}

mn_rc mn_store_emoji_all(mn_store *s, mn_arena *ar, mn_emoji **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc =
        db_prepare(db, "SELECT " EMOJI "FROM custom_emoji ORDER BY category, shortcode", &q, e);
    if (rc == MN_OK)
        rc = mn_store__collect(q, read_emoji, sizeof **ret, ar, (void **)ret, ret_n, e);
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc one_emoji(mn_db *db, mn_str shortcode, mn_arena *ar, mn_emoji *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, "SELECT " EMOJI "FROM custom_emoji WHERE shortcode = ?1", &q, e));
    db_text(q, 1, shortcode);
    return mn_store__one(q, read_emoji, ar, ret, e);
}

mn_rc mn_store_emoji_by(mn_store *s, const mn_str *shortcodes, size_t n, mn_arena *ar,
                        mn_emoji **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    size_t found = 0;
    if (n > MN_STORE_PAGE_MAX)
        return mn_fail(e, MN_E_LIMIT, "at most %d emoji are asked for at once",
                       MN_STORE_PAGE_MAX);
    mn_emoji *list = mn_arena_alloc(ar, n * sizeof *list);
    if (!list) return mn_fail(e, MN_E_NOMEM, "out of memory reading emoji");
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = MN_OK;
    for (size_t i = 0; rc == MN_OK && i < n; i++) {
        rc = one_emoji(db, shortcodes[i], ar, &list[found], e);
        if (rc == MN_OK) found++;
        else if (rc == MN_E_NOT_FOUND) rc = MN_OK;
    }
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    *ret = list;
    *ret_n = found;
    return MN_OK;
}

mn_rc mn_store_emoji_put(mn_tx *tx, const mn_emoji *x, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(
        tx->db,
        "INSERT INTO custom_emoji (" EMOJI ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT "
        "(shortcode) DO UPDATE SET file = excluded.file, still = excluded.still, mime = "
        "excluded.mime, category = excluded.category, visible = excluded.visible",
        &q, e));
    db_text(q, 1, x->shortcode);
    db_text(q, 2, x->file);
    db_text(q, 3, x->still);
    db_text(q, 4, x->mime);
    db_text(q, 5, x->category);
    db_i64(q, 6, x->visible);
    db_i64(q, 7, x->created_ms);
    return mn_store__run(q, NULL, e);
}

mn_rc mn_store_emoji_remove(mn_tx *tx, mn_str shortcode, mn_err *e)
{
    mn_stmt *q;
    uint64_t n = 0;
    MN_TRY(db_prepare(tx->db, "DELETE FROM custom_emoji WHERE shortcode = ?1", &q, e));
    db_text(q, 1, shortcode);
    MN_TRY(mn_store__run(q, &n, e));
    return n ? MN_OK : MN_E_NOT_FOUND;
}
