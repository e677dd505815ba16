/* What members do with posts of others and their own: boosts, favourites, bookmarks, pins, muted threads, quotes taken
 * back. */
#include "base/clock.h"
#include "base/snowflake.h"
#include "social/compose_int.h"
#include "social/notify.h"
#include "store/marks.h"

/* A boost stands for the post it boosts. */
static mn_rc subject(const mn_compose *c, uint64_t account, uint64_t post, mn_arena *ar,
                     mn_post *ret, mn_err *e)
{
    MN_TRY(mn_compose__visible(c->store, post, account, NULL, ar, ret, e));
    if (!ret->boost_of) return MN_OK;
    return mn_compose__visible(c->store, ret->boost_of, account, NULL, ar, ret, e);
}

/* The id of what a mark is on, though it may not be seen any more; it need not be there. */
static mn_rc marked(const mn_compose *c, uint64_t post, mn_arena *ar, mn_post *ret, mn_err *e)
{
    mn_rc rc = mn_store_post(c->store, post, ar, ret, e);
    if (rc == MN_OK && ret->boost_of) rc = mn_store_post(c->store, ret->boost_of, ar, ret, e);
    if (rc == MN_E_NOT_FOUND) return mn_fail(e, rc, "there is no such post");
    return rc;
}

static mn_notice notice(mn_notice_kind kind, const mn_post *p, uint64_t from)
{
    return (mn_notice){.kind = kind,
                       .to = p->account_id,
                       .from = from,
                       .post_id = p->id,
                       .at_ms = mn_now_ms()};
}

/* ---- boosts -------------------------------------------------------------------------------------------------------- */

static mn_rc may_boost(const mn_post *p, uint64_t account, mn_err *e)
{
    bool own = p->account_id == account;
    if (p->visibility <= MN_VIS_UNLISTED || (own && p->visibility == MN_VIS_FOLLOWERS))
        return MN_OK;
    return mn_fail(e, MN_E_DENIED, "this post is not to be boosted");
}

/* What a boost of a post is visible to: never more people than asked for, nor than the post itself. */
static mn_visibility boost_visibility(const mn_post *p, const mn_account *by,
                                      const mn_prefs *prefs, int asked)
{
    mn_visibility v = asked < 0 ? prefs->privacy : (mn_visibility)asked;
    if (v == MN_VIS_DIRECT) v = MN_VIS_FOLLOWERS;
    if (v == MN_VIS_PUBLIC && by->silenced_ms) v = MN_VIS_UNLISTED;
    return p->visibility == MN_VIS_FOLLOWERS ? MN_VIS_FOLLOWERS : v;
}

static mn_rc write_boost(mn_tx *tx, const mn_post *p, uint64_t account, uint64_t app_id,
                         mn_visibility v, uint64_t *ret_id, mn_err *e)
{
    mn_post boost = {.id = mn_snowflake_next(),
                     .account_id = account,
                     .created_ms = mn_now_ms(),
                     .visibility = v,
                     .boost_of = p->id,
                     .quote_policy = MN_QUOTES_NOBODY,
                     .app_id = app_id,
                     .text = MN_STR(""),
                     .warning = MN_STR(""),
                     .lang = MN_STR(""),
                     .origin = MN_STR("")};
    mn_notice n = notice(MN_NOTICE_REBLOG, p, account);
    mn_rc rc = mn_store_boost_of(tx, account, p->id, ret_id, e);
    if (rc != MN_E_NOT_FOUND) return rc;
    MN_TRY(mn_store_post_add(tx, &boost, e));
    MN_TRY(mn_compose__tell_counts(tx, p->id, e));
    MN_TRY(mn_store_event(
        tx,
        (mn_event){.kind = MN_EV_ACCOUNT, .account = account, .other = MN_EV_ACCOUNT_COUNTS},
        e));
    if (p->account_id != account) MN_TRY(mn_social_notify(tx, &n, NULL, e));
    *ret_id = boost.id;
    return MN_OK;
}

mn_rc mn_social_boost(const mn_compose *c, uint64_t account, uint64_t app_id, uint64_t post,
                      int visibility, uint64_t *ret_id, mn_err *e)
{
    mn_arena ar;
    mn_post p;
    mn_account by;
    mn_prefs prefs;
    mn_tx *tx;
    uint64_t id = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_compose__author(c, account, &ar, &by, &prefs, e);
    if (rc == MN_OK) rc = subject(c, account, post, &ar, &p, e);
    if (rc == MN_OK) rc = may_boost(&p, account, e);
    if (rc == MN_OK) rc = mn_store_begin(c->store, &tx, e);
    if (rc == MN_OK)
        rc = mn_store_end(tx,
                          write_boost(tx, &p, account, app_id,
                                      boost_visibility(&p, &by, &prefs, visibility), &id, e),
                          e);
    mn_arena_release(&ar);
    if (rc == MN_OK) *ret_id = id;
    return rc;
}

static mn_rc remove_boost(mn_tx *tx, const mn_post *p, uint64_t account, mn_err *e)
{
    uint64_t id = 0;
    mn_notice n = notice(MN_NOTICE_REBLOG, p, account);
    mn_rc rc = mn_store_boost_of(tx, account, p->id, &id, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    MN_TRY(rc);
    MN_TRY(mn_store_post_delete(tx, id, mn_now_ms(), e));
    MN_TRY(mn_store_event(
        tx,
        (mn_event){.kind = MN_EV_ACCOUNT, .account = account, .other = MN_EV_ACCOUNT_COUNTS},
        e));
    return mn_social_notify_undo(tx, &n, e);
}

mn_rc mn_social_unboost(const mn_compose *c, uint64_t account, uint64_t post, mn_err *e)
{
    mn_arena ar;
    mn_post p;
    mn_tx *tx;
    mn_arena_init(&ar, 0);
    mn_rc rc = marked(c, post, &ar, &p, e);
    if (rc == MN_OK) rc = mn_store_begin(c->store, &tx, e);
    if (rc == MN_OK) rc = mn_store_end(tx, remove_boost(tx, &p, account, e), e);
    mn_arena_release(&ar);
    return rc;
}

/* ---- favourites, bookmarks ----------------------------------------------------------------------------------------- */

static mn_rc set_favourite(mn_tx *tx, const mn_post *p, uint64_t account, bool on, mn_err *e)
{
    bool changed = false;
    mn_notice n = notice(MN_NOTICE_FAVOURITE, p, account);
    MN_TRY(mn_store_mark_set(tx, MN_MARK_FAVOURITE, account, p->id, on, &changed, e));
    if (!changed || p->account_id == account) return MN_OK;
    return on ? mn_social_notify(tx, &n, NULL, e) : mn_social_notify_undo(tx, &n, e);
}

static mn_rc set_bookmark(mn_tx *tx, const mn_post *p, uint64_t account, bool on, mn_err *e)
{
    return mn_store_mark_set(tx, MN_MARK_BOOKMARK, account, p->id, on, NULL, e);
}

static mn_rc set_thread_mute(mn_tx *tx, const mn_post *p, uint64_t account, bool on, mn_err *e)
{
    return mn_store_thread_mute_set(tx, account, p->thread_id, on, NULL, e);
}

typedef mn_rc set_fn(mn_tx *tx, const mn_post *p, uint64_t account, bool on, mn_err *e);

/* Putting a mark on needs a post that may be seen, taking it off only one that is or was there: whoever lost sight of a post
 * can still take back what they did, and learns nothing by it. */
static mn_rc set_mark(const mn_compose *c, uint64_t account, uint64_t post, bool on, set_fn *fn,
                      mn_err *e)
{
    mn_arena ar;
    mn_post p;
    mn_tx *tx;
    mn_arena_init(&ar, 0);
    mn_rc rc = on ? subject(c, account, post, &ar, &p, e) : marked(c, post, &ar, &p, e);
    if (rc == MN_OK) rc = mn_store_begin(c->store, &tx, e);
    if (rc == MN_OK) rc = mn_store_end(tx, fn(tx, &p, account, on, e), e);
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_social_favourite(const mn_compose *c, uint64_t account, uint64_t post, bool on,
                          mn_err *e)
{
    return set_mark(c, account, post, on, set_favourite, e);
}

mn_rc mn_social_bookmark(const mn_compose *c, uint64_t account, uint64_t post, bool on,
                         mn_err *e)
{
    return set_mark(c, account, post, on, set_bookmark, e);
}

/* Both directions need a post that may be seen: a thread is muted by one of its posts. */
mn_rc mn_social_thread_mute(const mn_compose *c, uint64_t account, uint64_t post, bool on,
                            mn_err *e)
{
    mn_arena ar;
    mn_post p;
    mn_tx *tx;
    mn_arena_init(&ar, 0);
    mn_rc rc = subject(c, account, post, &ar, &p, e);
    if (rc == MN_OK) rc = mn_store_begin(c->store, &tx, e);
    if (rc == MN_OK) rc = mn_store_end(tx, set_thread_mute(tx, &p, account, on, e), e);
    mn_arena_release(&ar);
    return rc;
}

/* ---- pins ---------------------------------------------------------------------------------------------------------- */

static mn_rc may_pin(const mn_post *p, uint64_t account, mn_err *e)
{
    if (p->boost_of)
        return mn_fail(e, MN_E_USAGE, "Validation failed: A boost cannot be pinned");
    if (p->account_id != account)
        return mn_fail(e, MN_E_USAGE,
                       "Validation failed: Someone else's post cannot be pinned");
    if (p->visibility == MN_VIS_DIRECT)
        return mn_fail(
            e, MN_E_USAGE,
            "Validation failed: Posts that are only visible to mentioned users cannot "
            "be pinned");
    return MN_OK;
}

static mn_rc set_pin(const mn_compose *c, mn_tx *tx, const mn_post *p, bool on, mn_err *e)
{
    uint64_t n = 0;
    bool changed = false;
    MN_TRY(mn_store_mark_set(tx, MN_MARK_PIN, p->account_id, p->id, on, &changed, e));
    if (!on || !changed) return MN_OK;
    MN_TRY(mn_store_pins_count(tx, p->account_id, &n, e));
    if (n <= c->limits.pins) return MN_OK;
    return mn_fail(e, MN_E_LIMIT,
                   "Validation failed: You have already pinned the maximum number of posts");
}

mn_rc mn_social_pin(const mn_compose *c, uint64_t account, uint64_t post, bool on, mn_err *e)
{
    mn_arena ar;
    mn_post p;
    mn_tx *tx;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_compose__visible(c->store, post, account, NULL, &ar, &p, e);
    if (rc == MN_OK && (on || p.account_id != account)) rc = may_pin(&p, account, e);
    if (rc == MN_OK) rc = mn_store_begin(c->store, &tx, e);
    if (rc == MN_OK) rc = mn_store_end(tx, set_pin(c, tx, &p, on, e), e);
    mn_arena_release(&ar);
    return rc;
}

/* ---- quotes -------------------------------------------------------------------------------------------------------- */

mn_rc mn_social_quote_revoke(const mn_compose *c, uint64_t account, uint64_t post,
                             uint64_t quoting, mn_err *e)
{
    mn_arena ar;
    mn_post own, q;
    mn_tx *tx;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_compose__visible(c->store, post, account, NULL, &ar, &own, e);
    if (rc == MN_OK) rc = mn_store_post(c->store, quoting, &ar, &q, e);
    if (rc == MN_E_NOT_FOUND || (rc == MN_OK && (q.quote_of != post || q.deleted_ms)))
        rc = mn_fail(e, MN_E_NOT_FOUND, "there is no such quote");
    if (rc == MN_OK && own.account_id != account)
        rc = mn_fail(e, MN_E_DENIED, "only the quoted post's author can take a quote back");
    if (rc == MN_OK) rc = mn_store_begin(c->store, &tx, e);
    if (rc == MN_OK)
        rc = mn_store_end(
            tx, mn_store_post_quote(tx, quoting, q.quote_policy, MN_QUOTE_REVOKED, e), e);
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_social_quote_policy_set(const mn_compose *c, uint64_t account, uint64_t post,
                                 mn_quote_policy policy, mn_err *e)
{
    mn_arena ar;
    mn_post p;
    mn_tx *tx;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_compose__visible(c->store, post, account, NULL, &ar, &p, e);
    if (rc == MN_OK && (p.account_id != account || p.boost_of))
        rc = mn_fail(e, MN_E_DENIED, "only a post's author decides who may quote it");
    if (rc == MN_OK && p.visibility > MN_VIS_UNLISTED) policy = MN_QUOTES_NOBODY;
    if (rc == MN_OK) rc = mn_store_begin(c->store, &tx, e);
    if (rc == MN_OK)
        rc = mn_store_end(tx, mn_store_post_quote(tx, post, policy, p.quote_state, e), e);
    mn_arena_release(&ar);
    return rc;
}
