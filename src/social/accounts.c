/* Accounts: made, suspended, deleted; their passwords set. */
#include "social/social.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/snowflake.h"
#include "social/compose.h"
#include "social/passwords.h"
#include "store/access.h"
#include "store/erase.h"
#include "store/media.h"
#include "store/people.h"

static const char *const roles[] = {"member", "moderator", "operator"};

const char *mn_social_role_name(mn_account_role r)
{
    return (unsigned)r <= MN_ROLE_OPERATOR ? roles[r] : "unknown";
}

mn_rc mn_social_role_parse(const char *s, mn_account_role *ret, mn_err *e)
{
    for (int i = 0; i <= MN_ROLE_OPERATOR; i++) {
        if (strcmp(s, roles[i]) != 0) continue;
        *ret = (mn_account_role)i;
        return MN_OK;
    }
    return mn_fail(e, MN_E_USAGE,
                   "there is no role '%.64s'; the roles are member, moderator, operator", s);
}

const char *mn_social_state_name(mn_account_state s)
{
    static const char *const names[] = {"active", "suspended", "deleted"};
    return (unsigned)s <= MN_ACCOUNT_DELETED ? names[s] : "unknown";
}

/* ---- passwords --------------------------------------------------------------------------------------------------- */

/* The hash of what is given, of a new one-time password (NULL), or none at all (""). */
static mn_rc choose_password(const char *password, char *ret_password,
                             char ret_hash[MN_PASSWORD_HASH], mn_err *e)
{
    char one_time[32];
    ret_hash[0] = '\0';
    if (password && !*password) return MN_OK;
    if (password) return mn_password_hash(mn_str_from(password), false, ret_hash, e);
    MN_ASSERT(ret_password);
    MN_TRY(mn_password_one_time(one_time, e));
    MN_TRY(mn_password_hash(mn_str_from(one_time), true, ret_hash, e));
    memcpy(ret_password, one_time, sizeof one_time);
    return MN_OK;
}

mn_rc mn_social_password_check(const mn_account *a, mn_str password, bool *ret_ok, mn_err *e)
{
    bool right = false;
    MN_TRY(mn_password_verify(a->password_hash, password, &right, e));
    *ret_ok = right && a->state == MN_ACCOUNT_ACTIVE;
    return MN_OK;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static mn_rc add(mn_store *s, const mn_account *a, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, mn_store_account_add(tx, a, e), e);
}

mn_rc mn_social_account_create(mn_store *s, mn_str name, mn_str display, mn_account_role role,
                               const char *password, char *ret_password, uint64_t *ret_id,
                               mn_err *e)
{
    char hash[MN_PASSWORD_HASH], one_time[32];
    mn_account a = {.id = mn_snowflake_next(),
                    .name = name,
                    .display_name = display.len ? display : name,
                    .role = role,
                    .created_ms = mn_now_ms()};
    /* "operator" is reserved so that nobody else takes it */
    if (role != MN_ROLE_OPERATOR || !mn_str_eqz(name, "operator"))
        MN_TRY(mn_social_name_check(name, e));
    MN_TRY(choose_password(password, one_time, hash, e));
    a.password_hash = mn_str_from(hash);
    MN_TRY(add(s, &a, e));
    if (!password) memcpy(ret_password, one_time, sizeof one_time);
    if (ret_id) *ret_id = a.id;
    return MN_OK;
}

/* ---- changing ---------------------------------------------------------------------------------------------------- */

/* The account as it is while this transaction holds the writer's lock: nobody can change it between here and `save`, so
 * nothing that another change has set is written over. With any result but MN_OK the transaction is over. */
static mn_rc take(mn_store *s, uint64_t id, mn_arena *ar, mn_tx **ret_tx, mn_account *ret,
                  mn_err *e)
{
    MN_TRY(mn_store_begin(s, ret_tx, e));
    mn_rc rc = mn_store_account_by_id(s, id, ar, ret, e);
    if (rc == MN_E_NOT_FOUND) rc = mn_fail(e, rc, "there is no such account");
    if (rc != MN_OK) mn_store_rollback(*ret_tx);
    return rc;
}

static mn_rc save(mn_tx *tx, const mn_account *a, mn_err *e)
{
    return mn_store_end(tx, mn_store_account_update(tx, a, e), e);
}

/* Everybody who holds a session or a token of the account is out, and whoever remembers the account looks again. */
static mn_rc cut_access(mn_tx *tx, uint64_t id, mn_err *e)
{
    MN_TRY(mn_store_tokens_remove(tx, id, 0, e));
    return mn_store_event(tx, (mn_event){.kind = MN_EV_ACCOUNT, .account = id}, e);
}

/* Sets the password's hash, when it is not NULL, else the state. */
static mn_rc change(mn_store *s, uint64_t id, const char *hash, mn_account_state state,
                    mn_err *e)
{
    mn_arena ar;
    mn_account a;
    mn_tx *tx;
    mn_arena_init(&ar, 0);
    mn_rc rc = take(s, id, &ar, &tx, &a, e);
    if (rc == MN_OK && a.state == MN_ACCOUNT_DELETED) {
        mn_store_rollback(tx);
        rc = mn_fail(e, MN_E_DENIED, "the account was deleted");
    } else if (rc == MN_OK) {
        if (hash) a.password_hash = mn_str_from(hash);
        else a.state = state;
        rc = cut_access(tx, id, e);
        if (rc == MN_OK) rc = save(tx, &a, e);
        else mn_store_rollback(tx);
    }
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_social_password_set(mn_store *s, uint64_t account_id, const char *password,
                             char *ret_password, mn_err *e)
{
    char hash[MN_PASSWORD_HASH], one_time[32];
    MN_TRY(choose_password(password, one_time, hash, e));
    MN_TRY(change(s, account_id, hash, MN_ACCOUNT_ACTIVE, e));
    if (!password) memcpy(ret_password, one_time, sizeof one_time);
    return MN_OK;
}

mn_rc mn_social_account_suspend(mn_store *s, uint64_t account_id, bool suspended, mn_err *e)
{
    return change(s, account_id, NULL, suspended ? MN_ACCOUNT_SUSPENDED : MN_ACCOUNT_ACTIVE, e);
}

static mn_rc delete_posts(mn_store *s, const mn_posts *posts, mn_err *e)
{
    mn_tx *tx;
    mn_rc rc = mn_store_begin(s, &tx, e);
    if (rc != MN_OK) return rc;
    for (size_t i = 0; rc == MN_OK && i < posts->n; i++)
        rc = mn_social_post_remove(tx, posts->items[i].id, mn_now_ms(), e);
    return mn_store_end(tx, rc, e);
}

void mn_social_account_emptied(mn_account *a)
{
    *a = (mn_account){.id = a->id,
                      .name = a->name,
                      .domain = a->domain,
                      .origin = a->origin,
                      .import_id = a->import_id,
                      .state = MN_ACCOUNT_DELETED,
                      .created_ms = a->created_ms,
                      .display_name = MN_STR(""),
                      .bio = MN_STR(""),
                      .password_hash = MN_STR(""),
                      .fields = MN_STR(""),
                      .settings = MN_STR(""),
                      .plan = MN_STR("")};
}

/* When no post is left: what else hangs on the account, a step at a time. */
static mn_rc erase_rest(mn_store *s, uint64_t id, size_t limit, bool *ret_left, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, mn_store_account_erase(tx, id, limit, ret_left, e), e);
}

/* Closes the account, unless it is closed already. */
static mn_rc close_account(mn_store *s, uint64_t id, mn_arena *ar, mn_err *e)
{
    mn_tx *tx;
    mn_account a;
    MN_TRY(take(s, id, ar, &tx, &a, e));
    if (a.state == MN_ACCOUNT_DELETED) {
        mn_store_rollback(tx);
        return MN_OK;
    }
    mn_social_account_emptied(&a);
    mn_rc rc = cut_access(tx, id, e);
    if (rc == MN_OK) rc = mn_store_account_picture_set(tx, id, MN_MEDIA_AVATAR, 0, e);
    if (rc == MN_OK) rc = mn_store_account_picture_set(tx, id, MN_MEDIA_HEADER, 0, e);
    if (rc == MN_OK) return save(tx, &a, e);
    mn_store_rollback(tx);
    return rc;
}

mn_rc mn_social_account_delete(mn_store *s, uint64_t account_id, size_t limit, bool *ret_left,
                               mn_err *e)
{
    mn_arena ar;
    mn_posts posts = {0};
    mn_arena_init(&ar, 0);
    mn_rc rc = close_account(s, account_id, &ar, e);
    if (rc == MN_OK)
        rc = mn_store_posts_by_account(s, account_id, MN_VIS_DIRECT, 0, limit, &ar, &posts, e);
    if (rc == MN_OK && posts.n > 0) rc = delete_posts(s, &posts, e);
    if (rc == MN_OK && posts.n == limit) *ret_left = true;
    else if (rc == MN_OK) rc = erase_rest(s, account_id, limit, ret_left, e);
    mn_arena_release(&ar);
    return rc;
}
