/* What moderators do to accounts, and what follows from it. The account is read under the writer's lock, so that two
 * moderators at once do not undo each other. */
#include "social/moderation.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/snowflake.h"
#include "social/compose.h"
#include "social/erase.h"
#include "social/mail.h"
#include "social/moderation_int.h"
#include "social/notify.h"
#include "store/access.h"

#define DAY_MS   INT64_C(86400000)
#define TEXT_MAX 5000

/* ---- names ----------------------------------------------------------------------------------------------------------- */

#define NAMES(variable, ...)                                                                   \
    static const char *const variable##_words[] = {__VA_ARGS__};                               \
    const mn_names variable = {variable##_words, sizeof variable##_words / sizeof(char *)}

NAMES(mn_strike_names, "none", "disable", "mark_statuses_as_sensitive", "delete_statuses",
      "sensitive", "silence", "suspend");
NAMES(mn_report_names, "other", "spam", "legal", "violation");
NAMES(mn_block_names, "noop", "silence", "suspend");
NAMES(mn_ip_names, "none", "sign_up_requires_approval", "sign_up_block", "no_access");
NAMES(mn_word_kind_names, "phrase", "pattern", "link");
NAMES(mn_word_action_names, "report", "reject", "sensitive");

mn_rc mn_name_parse(const mn_names *n, const char *what, mn_str s, int *ret, mn_err *e)
{
    char list[240] = "";
    size_t at = 0;
    for (size_t i = 0; i < n->n; i++) {
        if (mn_str_eqz(s, n->names[i])) {
            *ret = (int)i;
            return MN_OK;
        }
        at += (size_t)snprintf(list + at, at < sizeof list ? sizeof list - at : 0, "%s%s",
                               i ? ", " : "", n->names[i]);
    }
    return mn_fail(e, MN_E_USAGE, "Validation failed: %s should be one of %s", what, list);
}

/* ---- who may --------------------------------------------------------------------------------------------------------- */

mn_rc mn_moderation__staff(mn_actor by, mn_err *e)
{
    if (by.role >= MN_ROLE_MODERATOR) return MN_OK;
    return mn_fail(e, MN_E_DENIED, "This action is not allowed");
}

mn_rc mn_moderation__target(mn_store *s, mn_actor by, uint64_t target, mn_arena *ar,
                            mn_moderated *ret, mn_err *e)
{
    MN_TRY(mn_moderation__staff(by, e));
    MN_TRY(mn_store_moderated(s, target, ar, ret, e));
    if (ret->state == MN_ACCOUNT_DELETED) return MN_E_NOT_FOUND;
    if (by.account_id == 0) return MN_OK;
    if (by.account_id == target)
        return mn_fail(e, MN_E_DENIED, "This action is not allowed on your own account");
    if (ret->role >= by.role)
        return mn_fail(e, MN_E_DENIED,
                       "This action is not allowed on somebody of the same or a higher role");
    return MN_OK;
}

mn_rc mn_moderation__audit(mn_tx *tx, mn_actor by, const char *action, const char *kind,
                           uint64_t id, mn_str detail, mn_err *e)
{
    mn_audit a = {.id = mn_snowflake_next(),
                  .account_id = by.account_id,
                  .action = mn_str_from(action),
                  .target_kind = mn_str_from(kind),
                  .target_id = id,
                  .detail = mn_utf8_cut(detail, 2000),
                  .at_ms = mn_now_ms()};
    return mn_store_audit_add(tx, &a, e);
}

/* A transaction with the account as it is under its lock. With any result but MN_OK there is no transaction. */
static mn_rc take(mn_store *s, mn_actor by, uint64_t target, mn_arena *ar, mn_tx **ret_tx,
                  mn_moderated *ret, mn_err *e)
{
    MN_TRY(mn_moderation__staff(by, e));
    MN_TRY(mn_store_begin(s, ret_tx, e));
    mn_rc rc = mn_moderation__target(s, by, target, ar, ret, e);
    if (rc != MN_OK) mn_store_rollback(*ret_tx);
    return rc;
}

static mn_measures measures_of(const mn_moderated *m)
{
    return (mn_measures){m->state, m->silenced_ms, m->sensitized_ms, m->disabled_ms,
                         m->suspended_ms};
}

/* ---- acts ---------------------------------------------------------------------------------------------------------------- */

typedef struct act {
    mn_store *s;
    mn_actor by;
    const mn_act *a;
    mn_moderated target;
    mn_report report; /* id 0: none */
    const uint64_t *posts;
    size_t n_posts;
    mn_strike strike;
    mn_arena *ar;
} act;

static mn_rc already(const char *what, mn_err *e)
{
    return mn_fail(e, MN_E_EXISTS, "Validation failed: the account is %s already", what);
}

/* What the action makes of the account. */
static mn_rc set_measures(mn_tx *tx, const act *x, mn_err *e)
{
    mn_measures m = measures_of(&x->target);
    int64_t now = mn_now_ms();
    switch (x->a->action) {
    case MN_STRIKE_DISABLE:
        if (!x->target.has_user)
            return mn_fail(e, MN_E_USAGE,
                           "Validation failed: nobody can sign in to this account");
        if (m.disabled_ms) return already("disabled", e);
        m.disabled_ms = now;
        break;
    case MN_STRIKE_SENSITIVE:
        if (m.sensitized_ms) return already("marked as sensitive", e);
        m.sensitized_ms = now;
        break;
    case MN_STRIKE_SILENCE:
        if (m.silenced_ms) return already("limited", e);
        m.silenced_ms = now;
        break;
    case MN_STRIKE_SUSPEND:
        if (m.state == MN_ACCOUNT_SUSPENDED) return already("suspended", e);
        m.state = MN_ACCOUNT_SUSPENDED;
        m.suspended_ms = now;
        break;
    default:
        return MN_OK;
    }
    MN_TRY(mn_store_account_measures_set(tx, x->target.id, &m, e));
    if (x->a->action == MN_STRIKE_SENSITIVE || x->a->action == MN_STRIKE_SILENCE) return MN_OK;
    return mn_store_tokens_remove(tx, x->target.id, 0, e);
}

static mn_rc do_posts(mn_tx *tx, const act *x, mn_err *e)
{
    mn_strike_action what = x->a->action;
    if (what == MN_STRIKE_MARK_SENSITIVE)
        return mn_store_posts_cover(tx, x->target.id, x->posts, x->n_posts, e);
    for (size_t i = 0; what == MN_STRIKE_DELETE_POSTS && i < x->n_posts; i++)
        MN_TRY(mn_social_post_remove(tx, x->posts[i], mn_now_ms(), e));
    return MN_OK;
}

static mn_rc close_reports(mn_tx *tx, act *x, mn_err *e)
{
    int64_t now = mn_now_ms();
    if (!x->report.id) return MN_OK;
    if (x->a->action != MN_STRIKE_NONE)
        return mn_store_reports_close(tx, x->target.id, x->by.account_id, now, e);
    x->report.done_by = x->report.assigned_id = x->by.account_id;
    x->report.done_ms = x->report.updated_ms = now;
    return mn_store_report_update(tx, &x->report, e);
}

static const char *const told_words[MN_STRIKES] = {
    [MN_STRIKE_NONE] = "You have got a warning from the moderators.",
    [MN_STRIKE_DISABLE] = "You cannot sign in to your account for now. Your posts stay as they "
                          "are.",
    [MN_STRIKE_MARK_SENSITIVE] = "Some of your posts were marked as sensitive.",
    [MN_STRIKE_DELETE_POSTS] = "Some of your posts were deleted.",
    [MN_STRIKE_SENSITIVE] = "Your media are shown behind a cover from now on.",
    [MN_STRIKE_SILENCE] =
        "Your account was limited: those who follow you see your posts, others "
        "only when they look for you.",
    [MN_STRIKE_SUSPEND] = "Your account was suspended. Nobody sees it any more. After 30 days "
                          "it is deleted for good.",
};

static mn_rc mail_about(mn_tx *tx, const act *x, mn_err *e)
{
    mn_buf b;
    char code[33];
    if (x->by.mail_base.len == 0 || x->target.email.len == 0) return MN_OK;
    MN_TRY(mn_social_appeal_code(tx, x->s, x->strike.id, code, e));
    mn_buf_init(&b, 64 << 10);
    mn_buf_addf(&b, "Hello %.*s,\n\n%s\n\n", MN_STR_FMT(x->target.name),
                told_words[x->a->action]);
    if (x->a->text.len) {
        mn_buf_adds(&b, x->a->text);
        mn_buf_addz(&b, "\n\n");
    }
    mn_buf_addf(&b, "If you think that this is wrong, say so here:\n%.*s/appeals/%llu/%s\n",
                MN_STR_FMT(x->by.mail_base), (unsigned long long)x->strike.id, code);
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "the mail is too long")
                        : mn_social_mail_add(tx, x->target.email, MN_STR("About your account"),
                                             mn_buf_str(&b), MN_STR("moderation"), e);
    mn_buf_release(&b);
    return rc;
}

static mn_rc tell(mn_tx *tx, const act *x, mn_err *e)
{
    mn_notice n = {.kind = MN_NOTICE_MODERATION_WARNING,
                   .to = x->target.id,
                   .from = x->target.id,
                   .other_id = x->strike.id};
    if (!x->a->tell || x->target.domain.len) return MN_OK;
    MN_TRY(mn_social_notify(tx, &n, NULL, e));
    return mail_about(tx, x, e);
}

static mn_rc act_on(mn_tx *tx, act *x, mn_err *e)
{
    MN_TRY(set_measures(tx, x, e));
    MN_TRY(do_posts(tx, x, e));
    x->strike = (mn_strike){.id = mn_snowflake_next(),
                            .target_id = x->target.id,
                            .account_id = x->by.account_id,
                            .action = x->a->action,
                            .text = x->a->text,
                            .report_id = x->report.id,
                            .posts = (uint64_t *)(uintptr_t)x->posts,
                            .n_posts = x->n_posts,
                            .at_ms = mn_now_ms()};
    MN_TRY(mn_store_strike_add(tx, &x->strike, e));
    MN_TRY(close_reports(tx, x, e));
    MN_TRY(mn_moderation__audit(tx, x->by, mn_strike_names.names[x->a->action], "account",
                                x->target.id, x->a->text, e));
    return tell(tx, x, e);
}

/* The posts that are meant are the account's own. */
static mn_rc check_posts(const act *x, mn_err *e)
{
    mn_posts posts = {0};
    bool about_posts =
        x->a->action == MN_STRIKE_MARK_SENSITIVE || x->a->action == MN_STRIKE_DELETE_POSTS;
    if (x->n_posts > 1000) return mn_fail(e, MN_E_LIMIT, "at most 1,000 posts at a time");
    if (about_posts && x->n_posts == 0)
        return mn_fail(e, MN_E_USAGE, "Validation failed: no posts were named");
    if (x->n_posts == 0) return MN_OK;
    MN_TRY(mn_store_posts_by_ids(x->s, x->posts, x->n_posts, x->ar, &posts, e));
    for (size_t i = 0; i < posts.n; i++)
        if (posts.items[i].account_id != x->target.id)
            return mn_fail(e, MN_E_USAGE,
                           "Validation failed: a post is not by the account in question");
    return MN_OK;
}

static mn_rc prepare(act *x, mn_err *e)
{
    x->posts = x->a->posts;
    x->n_posts = x->a->n_posts;
    if (mn_utf8_count(x->a->text) > TEXT_MAX)
        return mn_fail(e, MN_E_LIMIT, "Validation failed: the text has more than %d characters",
                       TEXT_MAX);
    if (x->a->report_id) {
        MN_TRY(mn_store_report(x->s, x->a->report_id, x->ar, &x->report, e));
        if (x->report.target_id != x->target.id)
            return mn_fail(e, MN_E_USAGE,
                           "Validation failed: the report is about another account");
        if (!x->posts) x->posts = x->report.posts, x->n_posts = x->report.n_posts;
    }
    return check_posts(x, e);
}

mn_rc mn_social_moderate(mn_store *s, mn_actor by, uint64_t target, const mn_act *a,
                         uint64_t *ret_strike, mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    act x = {.s = s, .by = by, .a = a, .ar = &ar};
    mn_arena_init(&ar, 0);
    mn_rc rc = take(s, by, target, &ar, &tx, &x.target, e);
    if (rc == MN_OK) {
        rc = prepare(&x, e);
        if (rc == MN_OK) rc = act_on(tx, &x, e);
        rc = mn_store_end(tx, rc, e);
    }
    if (rc == MN_OK && ret_strike) *ret_strike = x.strike.id;
    mn_arena_release(&ar);
    return rc;
}

/* ---- undoing -------------------------------------------------------------------------------------------------------------- */

static bool undo_one(mn_measures *m, mn_undo what)
{
    int64_t *mark = what == MN_UNDO_DISABLE     ? &m->disabled_ms
                    : what == MN_UNDO_SENSITIVE ? &m->sensitized_ms
                    : what == MN_UNDO_SILENCE   ? &m->silenced_ms
                                                : &m->suspended_ms;
    bool was = *mark != 0;
    *mark = 0;
    if (what != MN_UNDO_SUSPEND) return was;
    was = m->state == MN_ACCOUNT_SUSPENDED;
    m->state = MN_ACCOUNT_ACTIVE;
    return was;
}

mn_rc mn_social_moderate_undo(mn_store *s, mn_actor by, uint64_t target, mn_undo what,
                              mn_err *e)
{
    static const char *const names[] = {"enable", "unsensitive", "unsilence", "unsuspend"};
    mn_arena ar;
    mn_tx *tx;
    mn_moderated m;
    mn_arena_init(&ar, 0);
    mn_rc rc = take(s, by, target, &ar, &tx, &m, e);
    if (rc == MN_OK) {
        mn_measures x = measures_of(&m);
        bool was = undo_one(&x, what);
        if (was) rc = mn_store_account_measures_set(tx, target, &x, e);
        if (was && rc == MN_OK)
            rc = mn_moderation__audit(tx, by, names[what], "account", target, MN_STR(""), e);
        rc = mn_store_end(tx, rc, e);
    }
    mn_arena_release(&ar);
    return rc;
}

/* ---- sign-ups --------------------------------------------------------------------------------------------------------------- */

static mn_rc approve(mn_tx *tx, mn_actor by, const mn_moderated *m, mn_err *e)
{
    MN_TRY(mn_store_account_approve(tx, m->id, e));
    MN_TRY(mn_moderation__audit(tx, by, "approve", "account", m->id, MN_STR(""), e));
    if (by.mail_base.len == 0 || m->email.len == 0) return MN_OK;
    mn_arena ar;
    mn_arena_init(&ar, 0);
    mn_str text =
        mn_str_fmt(&ar, "Hello %.*s,\n\nyour account was approved. Sign in here:\n%.*s/\n",
                   MN_STR_FMT(m->name), MN_STR_FMT(by.mail_base));
    mn_rc rc = text.ptr ? mn_social_mail_add(tx, m->email, MN_STR("Welcome"), text,
                                             MN_STR("moderation"), e)
                        : mn_fail(e, MN_E_NOMEM, "out of memory");
    mn_arena_release(&ar);
    return rc;
}

static mn_rc reject(mn_tx *tx, mn_actor by, const mn_moderated *m, mn_err *e)
{
    MN_TRY(mn_store_sign_up_drop(tx, m->id, e));
    return mn_moderation__audit(tx, by, "reject", "account", m->id, m->name, e);
}

static mn_rc sign_up(mn_store *s, mn_actor by, uint64_t target,
                     mn_rc (*decide)(mn_tx *tx, mn_actor by, const mn_moderated *m, mn_err *e),
                     mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    mn_moderated m;
    mn_arena_init(&ar, 0);
    mn_rc rc = take(s, by, target, &ar, &tx, &m, e);
    if (rc == MN_OK) {
        if (m.approved)
            rc = mn_fail(e, MN_E_DENIED,
                         "This action is not allowed: the account does not wait");
        else rc = decide(tx, by, &m, e);
        rc = mn_store_end(tx, rc, e);
    }
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_social_approve(mn_store *s, mn_actor by, uint64_t target, mn_err *e)
{
    return sign_up(s, by, target, approve, e);
}

mn_rc mn_social_reject(mn_store *s, mn_actor by, uint64_t target, mn_err *e)
{
    return sign_up(s, by, target, reject, e);
}

/* ---- deletion ----------------------------------------------------------------------------------------------------------------- */

/* From here on it cannot be taken back: the mark of suspension goes, the job is in the queue. */
static mn_rc give_to_queue(mn_tx *tx, mn_actor by, const mn_moderated *m, mn_err *e)
{
    mn_measures x = measures_of(m);
    x.suspended_ms = 0;
    MN_TRY(mn_store_account_measures_set(tx, m->id, &x, e));
    MN_TRY(mn_social_account_erase_later(tx, m->id, e));
    return mn_moderation__audit(tx, by, "delete", "account", m->id, m->name, e);
}

mn_rc mn_social_moderate_delete(mn_store *s, mn_actor by, uint64_t target, mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    mn_moderated m;
    mn_arena_init(&ar, 0);
    mn_rc rc = take(s, by, target, &ar, &tx, &m, e);
    if (rc == MN_OK) {
        if (m.state != MN_ACCOUNT_SUSPENDED)
            rc = mn_fail(
                e, MN_E_DENIED,
                "This action is not allowed: an account is suspended before it is deleted");
        else rc = give_to_queue(tx, by, &m, e);
        rc = mn_store_end(tx, rc, e);
    }
    mn_arena_release(&ar);
    return rc;
}

static mn_rc purge_one(mn_store *s, uint64_t id, int64_t before_ms, mn_arena *ar, mn_err *e)
{
    mn_actor nobody = {.role = MN_ROLE_OPERATOR};
    mn_tx *tx;
    mn_moderated m;
    mn_rc rc = take(s, nobody, id, ar, &tx, &m, e);
    if (rc != MN_OK) return rc == MN_E_NOT_FOUND ? MN_OK : rc;
    /* it may have been forgiven since it was listed */
    if (m.suspended_ms && m.suspended_ms < before_ms) rc = give_to_queue(tx, nobody, &m, e);
    return mn_store_end(tx, rc, e);
}

mn_rc mn_social_suspended_purge(mn_store *s, int64_t now_ms, size_t *ret_n, mn_err *e)
{
    mn_arena ar;
    uint64_t *ids;
    size_t n = 0;
    int64_t before_ms = now_ms - MN_SUSPENDED_DAYS * DAY_MS;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_suspended_since(s, before_ms, 0, 1000, &ar, &ids, &n, e);
    for (size_t i = 0; rc == MN_OK && i < n; i++) rc = purge_one(s, ids[i], before_ms, &ar, e);
    if (rc == MN_OK) *ret_n = n;
    mn_arena_release(&ar);
    return rc;
}

/* ---- roles and plans ------------------------------------------------------------------------------------------------------------ */

static mn_rc operators(mn_store *s, mn_arena *ar, size_t *ret, mn_err *e)
{
    mn_mod_filter f = {.status = MN_MOD_ACTIVE, .local = true, .role = MN_ROLE_OPERATOR};
    mn_page_ids p = {.limit = 2};
    mn_moderated *list;
    return mn_store_moderated_list(s, &f, &p, ar, &list, ret, e);
}

static mn_rc may_set_role(mn_store *s, mn_actor by, const mn_moderated *m, mn_account_role role,
                          mn_arena *ar, mn_err *e)
{
    size_t n = 0;
    if (m->domain.len || m->state != MN_ACCOUNT_ACTIVE)
        return mn_fail(e, MN_E_USAGE, "Validation failed: only active members have a role");
    if (m->role != MN_ROLE_OPERATOR || role == MN_ROLE_OPERATOR) return MN_OK;
    if (by.account_id && by.account_id != m->id)
        return mn_fail(e, MN_E_DENIED, "This action is not allowed on another operator");
    MN_TRY(operators(s, ar, &n, e));
    return n > 1
               ? MN_OK
               : mn_fail(e, MN_E_DENIED, "This action is not allowed: the last operator stays");
}

mn_rc mn_social_role_set(mn_store *s, mn_actor by, uint64_t target, mn_account_role role,
                         mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    mn_moderated m;
    if (by.role != MN_ROLE_OPERATOR)
        return mn_fail(e, MN_E_DENIED, "This action is not allowed");
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_moderated(s, target, &ar, &m, e);
    if (rc == MN_OK) rc = may_set_role(s, by, &m, role, &ar, e);
    if (rc == MN_OK) rc = mn_store_account_role_set(tx, target, role, e);
    if (rc == MN_OK)
        rc = mn_moderation__audit(tx, by, "role", "account", target,
                                  mn_str_from(mn_social_role_name(role)), e);
    mn_arena_release(&ar);
    return mn_store_end(tx, rc, e);
}

mn_rc mn_social_plan_set(mn_store *s, mn_actor by, uint64_t target, mn_str plan, mn_err *e)
{
    mn_tx *tx;
    if (by.role != MN_ROLE_OPERATOR)
        return mn_fail(e, MN_E_DENIED, "This action is not allowed");
    if (plan.len > 64 || !mn_utf8_valid(plan))
        return mn_fail(e, MN_E_LIMIT, "Validation failed: a plan's name has at most 64 bytes");
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_store_account_plan_set(tx, target, plan, e);
    if (rc == MN_OK) rc = mn_moderation__audit(tx, by, "plan", "account", target, plan, e);
    return mn_store_end(tx, rc, e);
}
