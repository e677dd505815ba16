/* Accounts. A name is unique without regard to ASCII case: name_key is the name in lower case, with "@domain" behind it for
 * an account of another server. Who follows whom is in people.c. */
#include "store/people_int.h"

#define NAME_MAX_BYTES 64
#define KEY_MAX_BYTES  (NAME_MAX_BYTES + 1 + 253)

/* Whether it waits is in its credentials; an account without any does not. */
#define SELECT_ACCOUNTS                                                                        \
    "SELECT a.id, a.name, a.display_name, a.bio, a.password_hash, a.origin, a.import_id, "     \
    "a.state, a.role, a.bot, a.locked, a.created_ms, a.n_posts, a.domain, a.fields, "          \
    "a.settings, a.avatar_id, a.header_id, a.discoverable, a.hide_follows, a.silenced_ms, "    \
    "a.sensitized_ms, a.moved_to, a.plan, a.n_followers, a.n_following, a.last_post_ms, "      \
    "a.consent, CASE WHEN c.approved = 0 OR (c.must_confirm = 1 AND c.email_confirmed_ms = "   \
    "0) "                                                                                      \
    "THEN 1 ELSE 0 END FROM accounts a LEFT JOIN credentials c ON c.account_id = a.id "

static size_t lower(mn_str s, char *ret)
{
    for (size_t i = 0; i < s.len; i++)
        ret[i] = (char)(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] + 32 : s.ptr[i]);
    return s.len;
}

/* A name as it was asked for, perhaps with a domain; what is too long is nobody's. */
static mn_str key_of(mn_str s, char ret[KEY_MAX_BYTES])
{
    return (mn_str){ret, lower(mn_str_sub(s, 0, KEY_MAX_BYTES), ret)};
}

/* The parameters that adding and updating share: ?1 … ?20. */
static void bind_fields(mn_stmt *q, const mn_account *a)
{
    db_u64(q, 1, a->id);
    db_text(q, 2, a->display_name);
    db_text(q, 3, a->bio);
    db_text(q, 4, a->password_hash);
    db_text(q, 5, a->origin);
    db_i64(q, 6, a->state);
    db_i64(q, 7, a->role);
    db_i64(q, 8, a->bot);
    db_i64(q, 9, a->locked);
    db_i64(q, 10, a->created_ms);
    db_text(q, 11, a->fields);
    db_text(q, 12, a->settings);
    db_u64(q, 13, a->avatar_id);
    db_u64(q, 14, a->header_id);
    db_i64(q, 15, a->discoverable);
    db_i64(q, 16, a->hide_follows);
    db_i64(q, 17, a->silenced_ms);
    db_i64(q, 18, a->sensitized_ms);
    db_u64(q, 19, a->moved_to);
    db_text(q, 20, a->plan);
}

mn_rc mn_store_account_add(mn_tx *tx, const mn_account *a, mn_err *e)
{
    mn_stmt *q;
    char key[KEY_MAX_BYTES];
    uint64_t n = 0;
    if (a->id == 0 || a->id > (uint64_t)INT64_MAX || a->name.len == 0 ||
        a->name.len > NAME_MAX_BYTES || a->domain.len > 253)
        return mn_fail(e, MN_E_USAGE, "an account needs an id and a name of 1 to %d bytes",
                       NAME_MAX_BYTES);
    size_t len = lower(a->name, key);
    if (a->domain.len) {
        key[len++] = '@';
        len += lower(a->domain, key + len);
    }
    MN_TRY(db_prepare(
        tx->db,
        "INSERT INTO accounts (id, display_name, bio, password_hash, origin, state, role, bot, "
        "locked, created_ms, fields, settings, avatar_id, header_id, discoverable, "
        "hide_follows, silenced_ms, sensitized_ms, moved_to, plan, name, name_key, domain, "
        "import_id, n_posts, consent, consent_rev) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
        "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, 0, 0, 0) "
        "ON CONFLICT DO NOTHING",
        &q, e));
    bind_fields(q, a);
    db_text(q, 21, a->name);
    db_text(q, 22, (mn_str){key, len});
    db_text(q, 23, a->domain);
    db_u64(q, 24, a->import_id);
    MN_TRY(mn_store__run(q, &n, e));
    if (n == 1) return mn_store__words_set(tx, a->id, a->display_name, e);
    return mn_fail(e, MN_E_EXISTS, "the account name '%.*s' is taken", MN_STR_FMT(a->name));
}

mn_rc mn_store_account_update(mn_tx *tx, const mn_account *a, mn_err *e)
{
    mn_stmt *q;
    int64_t state = 0;
    mn_rc rc =
        mn_store__get2(tx->db, "SELECT state FROM accounts WHERE id = ?1", a->id, 0, &state, e);
    if (rc == MN_E_NOT_FOUND)
        return mn_fail(e, rc, "there is no account with id %llu", (unsigned long long)a->id);
    if (rc != MN_OK) return rc;
    MN_TRY(db_prepare(
        tx->db,
        "UPDATE accounts SET display_name = ?2, bio = ?3, password_hash = ?4, origin = ?5, "
        "state = ?6, role = ?7, bot = ?8, locked = ?9, created_ms = ?10, fields = ?11, "
        "settings = ?12, avatar_id = ?13, header_id = ?14, discoverable = ?15, "
        "hide_follows = ?16, silenced_ms = ?17, sensitized_ms = ?18, moved_to = ?19, "
        "plan = ?20 WHERE id = ?1",
        &q, e));
    bind_fields(q, a);
    MN_TRY(mn_store__run(q, NULL, e));
    MN_TRY(mn_store__words_set(tx, a->id, a->display_name, e));
    MN_TRY(mn_store_event(tx, (mn_event){.kind = MN_EV_ACCOUNT, .account = a->id}, e));
    if (state == (int64_t)a->state) return MN_OK;
    return mn_store__touch_posts(tx, "SELECT id FROM posts WHERE account_id = ?1", a->id, 0, e);
}

static mn_rc read_strings(mn_stmt *q, mn_arena *ar, mn_account *a, mn_err *e)
{
    MN_TRY(mn_store__col_dup(q, 1, ar, &a->name, e));
    MN_TRY(mn_store__col_dup(q, 2, ar, &a->display_name, e));
    MN_TRY(mn_store__col_dup(q, 3, ar, &a->bio, e));
    MN_TRY(mn_store__col_dup(q, 4, ar, &a->password_hash, e));
    MN_TRY(mn_store__col_dup(q, 5, ar, &a->origin, e));
    MN_TRY(mn_store__col_dup(q, 13, ar, &a->domain, e));
    MN_TRY(mn_store__col_dup(q, 14, ar, &a->fields, e));
    MN_TRY(mn_store__col_dup(q, 15, ar, &a->settings, e));
    return mn_store__col_dup(q, 23, ar, &a->plan, e);
}

static mn_rc read_account(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    mn_account a = {.id = db_col_u64(q, 0),
                    .import_id = db_col_u64(q, 6),
                    .state = (mn_account_state)db_col_i64(q, 7),
                    .role = (mn_account_role)db_col_i64(q, 8),
                    .bot = db_col_i64(q, 9) != 0,
                    .locked = db_col_i64(q, 10) != 0,
                    .created_ms = db_col_i64(q, 11),
                    .n_posts = db_col_u64(q, 12),
                    .avatar_id = db_col_u64(q, 16),
                    .header_id = db_col_u64(q, 17),
                    .discoverable = db_col_i64(q, 18) != 0,
                    .hide_follows = db_col_i64(q, 19) != 0,
                    .silenced_ms = db_col_i64(q, 20),
                    .sensitized_ms = db_col_i64(q, 21),
                    .moved_to = db_col_u64(q, 22),
                    .n_followers = db_col_u64(q, 24),
                    .n_following = db_col_u64(q, 25),
                    .last_post_ms = db_col_i64(q, 26),
                    .consent = (mn_consents)db_col_i64(q, 27),
                    .waits = db_col_i64(q, 28) != 0};
    MN_TRY(read_strings(q, ar, &a, e));
    *(mn_account *)ret = a;
    return MN_OK;
}

static mn_rc one_by_id(mn_db *db, uint64_t id, mn_arena *ar, mn_account *ret, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db, SELECT_ACCOUNTS "WHERE a.id = ?1", &q, e));
    db_u64(q, 1, id);
    return mn_store__one(q, read_account, ar, ret, e);
}

mn_rc mn_store_account_tx(mn_tx *tx, uint64_t id, mn_arena *ar, mn_account *ret, mn_err *e)
{
    return one_by_id(tx->db, id, ar, ret, e);
}

mn_rc mn_store_account_by_id(mn_store *s, uint64_t id, mn_arena *ar, mn_account *ret, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = one_by_id(db, id, ar, ret, e);
    mn_store__reader_done(s, db);
    return rc;
}

mn_rc mn_store_account_by_name(mn_store *s, mn_str name, mn_arena *ar, mn_account *ret,
                               mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    char key[KEY_MAX_BYTES];
    if (name.len > KEY_MAX_BYTES) return MN_E_NOT_FOUND;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, SELECT_ACCOUNTS "WHERE a.name_key = ?1", &q, e);
    if (rc == MN_OK) {
        db_text(q, 1, key_of(name, key));
        rc = mn_store__one(q, read_account, ar, ret, e);
    }
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc read_ids(mn_db *db, const uint64_t *ids, size_t n, mn_arena *ar, mn_account **ret,
                      size_t *ret_n, mn_err *e)
{
    size_t found = 0;
    mn_account *items = mn_arena_alloc(ar, (n ? n : 1) * sizeof *items);
    if (!items) return mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
    for (size_t i = 0; i < n; i++) {
        mn_rc rc = one_by_id(db, ids[i], ar, &items[found], e);
        if (rc == MN_OK) found++;
        else if (rc != MN_E_NOT_FOUND) return rc;
    }
    *ret = items;
    *ret_n = found;
    return MN_OK;
}

mn_rc mn_store_accounts_by_ids(mn_store *s, const uint64_t *ids, size_t n, mn_arena *ar,
                               mn_account **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    if (n > MN_STORE_PAGE_MAX)
        return mn_fail(e, MN_E_LIMIT, "a page has at most %d accounts", MN_STORE_PAGE_MAX);
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = read_ids(db, ids, n, ar, ret, ret_n, e);
    mn_store__reader_done(s, db);
    return rc;
}

static mn_rc read_accounts(mn_db *db, mn_str after, size_t limit, mn_arena *ar,
                           mn_account **ret, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    char key[KEY_MAX_BYTES];
    MN_TRY(db_prepare(db, SELECT_ACCOUNTS "WHERE a.name_key > ?1 ORDER BY a.name_key LIMIT ?2",
                      &q, e));
    db_text(q, 1, key_of(after, key));
    db_u64(q, 2, limit);
    return mn_store__collect(q, read_account, sizeof **ret, ar, (void **)ret, ret_n, e);
}

mn_rc mn_store_accounts(mn_store *s, mn_str after, size_t limit, mn_arena *ar, mn_account **ret,
                        size_t *ret_n, mn_err *e)
{
    mn_db *db;
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = read_accounts(db, after, limit, ar, ret, ret_n, e);
    mn_store__reader_done(s, db);
    return rc;
}
