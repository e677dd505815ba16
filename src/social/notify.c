/* Notifications decided and made. The decision is a pure function of facts (mn_social_notice_decide); the rest gathers them
 * inside the transaction that made the news, so that what it wrote counts. */
#include "social/notify.h"

#include <stdio.h>

#include "base/clock.h"

#define DAY_MS         INT64_C(86400000)
#define NEW_ACCOUNT_MS (30 * DAY_MS)
#define NEW_FOLLOWER_MS                                                                        \
    (3 * DAY_MS) /* who has followed for less does not count as a follower yet */
#define HOUR_MS     INT64_C(3600000)
#define GROUP_HOURS 12 /* a group spans no more than that */

/* ---- the decision ------------------------------------------------------------------------------------------------ */

/* Told whatever stands between the two: it is the server that speaks. */
static bool official(mn_notice_kind k)
{
    return k == MN_NOTICE_ADMIN_SIGN_UP || k == MN_NOTICE_ADMIN_REPORT ||
           k == MN_NOTICE_SEVERED || k == MN_NOTICE_MODERATION_WARNING;
}

/* What the receiver's policy may keep away; the rest was asked for, or is about one's own doing. */
static bool filterable(mn_notice_kind k)
{
    return k == MN_NOTICE_MENTION || k == MN_NOTICE_REBLOG || k == MN_NOTICE_FOLLOW ||
           k == MN_NOTICE_FOLLOW_REQUEST || k == MN_NOTICE_FAVOURITE || k == MN_NOTICE_QUOTE;
}

static bool unwanted(const mn_notice_facts *f)
{
    return f->from_gone || f->blocking || f->blocked_by || f->muting_notifications ||
           f->muted_thread || (f->domain_blocking && !f->following);
}

static mn_policy_value by_policy(const mn_notice_facts *f)
{
    const mn_notification_policy *p = &f->policy;
    const struct {
        bool is;
        mn_policy_value value;
    } classes[] = {
        {!f->following, p->not_following},
        {!f->follower, p->not_followers},
        {f->from_new && !f->following, p->new_accounts},
        {f->kind == MN_NOTICE_MENTION && f->direct && !f->answer && !f->following,
         p->private_mentions},
        {f->from_silenced && !f->following, p->limited_accounts},
    };
    mn_policy_value most = MN_POLICY_ACCEPT;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (classes[i].is && classes[i].value > most) most = classes[i].value;
    return most;
}

mn_policy_value mn_social_notice_decide(const mn_notice_facts *f)
{
    if (f->to_gone) return MN_POLICY_DROP;
    if (official(f->kind)) return MN_POLICY_ACCEPT;
    if (f->to_self) return f->kind == MN_NOTICE_POLL ? MN_POLICY_ACCEPT : MN_POLICY_DROP;
    if (f->kind == MN_NOTICE_MENTION && f->from_staff && !f->from_gone) return MN_POLICY_ACCEPT;
    if (unwanted(f)) return MN_POLICY_DROP;
    if (!filterable(f->kind) || f->permitted) return MN_POLICY_ACCEPT;
    return by_policy(f);
}

/* ---- the facts --------------------------------------------------------------------------------------------------- */

static void of_sender(const mn_account *from, int64_t now_ms, mn_notice_facts *f)
{
    f->from_staff = from->role != MN_ROLE_MEMBER && from->domain.len == 0;
    f->from_gone = from->state != MN_ACCOUNT_ACTIVE;
    f->from_silenced = from->silenced_ms != 0;
    f->from_new = from->created_ms > now_ms - NEW_ACCOUNT_MS;
}

static void of_relation(const mn_relation *r, int64_t now_ms, mn_notice_facts *f)
{
    f->blocking = r->blocking;
    f->blocked_by = r->blocked_by;
    f->domain_blocking = r->domain_blocking;
    f->muting_notifications = r->muting && r->muting_notifications;
    f->following = r->following;
    f->follower = r->followed_by && r->followed_by_ms <= now_ms - NEW_FOLLOWER_MS;
}

/* MN_E_NOT_FOUND (no message) when receiver, sender or post is not here. */
static mn_rc gather(mn_tx *tx, const mn_notice *n, int64_t now_ms, mn_arena *ar,
                    mn_notice_facts *f, mn_err *e)
{
    mn_account to, from;
    mn_relation r;
    mn_notice_post post = {0};
    *f = (mn_notice_facts){.kind = n->kind, .to_self = n->to == n->from};
    MN_TRY(mn_store_account_tx(tx, n->to, ar, &to, e));
    f->to_gone = to.state != MN_ACCOUNT_ACTIVE || to.domain.len > 0;
    if (f->to_gone) return MN_OK;
    MN_TRY(mn_store_account_tx(tx, n->from, ar, &from, e));
    of_sender(&from, now_ms, f);
    MN_TRY(mn_store_relation(tx, n->to, n->from, ar, &r, e));
    of_relation(&r, now_ms, f);
    if (n->post_id) MN_TRY(mn_store_notice_post(tx, n->to, n->from, n->post_id, &post, e));
    if (post.gone) return MN_E_NOT_FOUND;
    f->direct = n->post_id && post.visibility == MN_VIS_DIRECT;
    f->muted_thread = post.muted;
    f->answer = post.answer;
    MN_TRY(mn_store_permission(tx, n->to, n->from, &f->permitted, e));
    return mn_store_policy_tx(tx, n->to, &f->policy, e);
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

/* "favourite-POST-" and the like; false: this kind stands alone. */
static bool key_stem(const mn_notice *n, char ret[64])
{
    const char *name = mn_notice_name(n->kind);
    bool of_post = n->kind == MN_NOTICE_FAVOURITE || n->kind == MN_NOTICE_REBLOG;
    if (of_post) snprintf(ret, 64, "%s-%llu-", name, (unsigned long long)n->post_id);
    else snprintf(ret, 64, "%s-", name);
    return of_post || n->kind == MN_NOTICE_FOLLOW || n->kind == MN_NOTICE_ADMIN_SIGN_UP;
}

/* The key of the group it joins: the one under way, while that is younger than 12 hours, else a new one. A key ends with
 * the hour its group began. */
static mn_rc group_key(mn_tx *tx, const mn_notice *n, int64_t at_ms, mn_arena *ar, mn_str *ret,
                       mn_err *e)
{
    char stem[64];
    mn_str last;
    int64_t hour = at_ms / HOUR_MS, began = 0;
    *ret = MN_STR("");
    if (!key_stem(n, stem)) return MN_OK;
    MN_TRY(mn_store_notification_key(tx, n->to, n->kind, n->post_id, ar, &last, e));
    bool joins = mn_str_starts(last, stem) &&
                 mn_str_to_i64(mn_str_sub(last, strlen(stem), SIZE_MAX), &began) == MN_OK &&
                 began <= hour && hour < began + GROUP_HOURS;
    *ret = joins ? last : mn_str_fmt(ar, "%s%lld", stem, (long long)hour);
    return ret->ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static mn_rc enter(mn_tx *tx, const mn_notice *n, bool filtered, int64_t at_ms, mn_arena *ar,
                   uint64_t *ret_id, mn_err *e)
{
    mn_notification row = {.account_id = n->to,
                           .kind = n->kind,
                           .from_id = n->from,
                           .post_id = n->post_id,
                           .other_id = n->other_id,
                           .at_ms = at_ms,
                           .filtered = filtered,
                           .group_key = MN_STR("")};
    if (!filtered) MN_TRY(group_key(tx, n, at_ms, ar, &row.group_key, e));
    MN_TRY(mn_store_notification_add(tx, &row, ret_id, e));
    if (!filtered || (n->kind != MN_NOTICE_MENTION && n->kind != MN_NOTICE_QUOTE)) return MN_OK;
    return mn_store_notification_request_note(tx, n->to, n->from, n->post_id, at_ms, e);
}

static mn_rc notify(mn_tx *tx, const mn_notice *n, mn_arena *ar, uint64_t *ret_id, mn_err *e)
{
    mn_notice_facts f;
    int64_t now_ms = mn_now_ms();
    MN_TRY(gather(tx, n, now_ms, ar, &f, e));
    mn_policy_value v = mn_social_notice_decide(&f);
    if (v == MN_POLICY_DROP) return MN_OK;
    return enter(tx, n, v == MN_POLICY_FILTER, n->at_ms ? n->at_ms : now_ms, ar, ret_id, e);
}

mn_rc mn_social_notify(mn_tx *tx, const mn_notice *n, uint64_t *ret_id, mn_err *e)
{
    mn_arena ar;
    uint64_t id = 0;
    if (n->to == n->from && !official(n->kind) && n->kind != MN_NOTICE_POLL) {
        if (ret_id) *ret_id = 0;
        return MN_OK;
    }
    mn_arena_init(&ar, 0);
    mn_rc rc = notify(tx, n, &ar, &id, e);
    mn_arena_release(&ar);
    if (rc == MN_E_NOT_FOUND || rc == MN_E_EXISTS) rc = MN_OK;
    if (rc == MN_OK && ret_id) *ret_id = id;
    return rc;
}

mn_rc mn_social_notify_undo(mn_tx *tx, const mn_notice *n, mn_err *e)
{
    return mn_store_notifications_undo(tx, n->to, n->kind, n->from, n->post_id, e);
}

mn_rc mn_social_notify_staff(mn_tx *tx, const mn_notice *n, mn_err *e)
{
    mn_arena ar;
    uint64_t *ids = NULL;
    size_t count = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_staff(tx, &ar, &ids, &count, e);
    for (size_t i = 0; rc == MN_OK && i < count; i++) {
        mn_notice one = *n;
        one.to = ids[i];
        rc = mn_social_notify(tx, &one, NULL, e);
    }
    mn_arena_release(&ar);
    return rc;
}
