/* Reports: made by members about what they can see, or by a word filter; worked off by moderators. Appeals against what came of
 * them. */
#include "social/moderation_int.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/snowflake.h"
#include "social/notify.h"
#include "social/reading.h"

#define DAY_MS      INT64_C(86400000)
#define COMMENT_MAX 1000
#define APPEAL_MAX  2000
#define APPEAL_DAYS 20

/* ---- made -------------------------------------------------------------------------------------------------------------- */

static mn_rc check_target(mn_store *s, const mn_report *r, mn_arena *ar, mn_err *e)
{
    mn_moderated m;
    MN_TRY(mn_store_moderated(s, r->target_id, ar, &m, e));
    if (m.state == MN_ACCOUNT_DELETED) return MN_E_NOT_FOUND;
    if (r->target_id == r->account_id)
        return mn_fail(e, MN_E_USAGE, "Validation failed: nobody reports themselves");
    return MN_OK;
}

/* The posts are the target's and the reporter can see them; else it is as if there were none. */
static mn_rc check_posts(mn_store *s, const mn_report *r, mn_arena *ar, mn_err *e)
{
    mn_posts posts = {0};
    if (r->n_posts > 1000) return mn_fail(e, MN_E_LIMIT, "at most 1,000 posts in a report");
    if (r->n_posts == 0) return MN_OK;
    MN_TRY(mn_store_posts_by_ids(s, r->posts, r->n_posts, ar, &posts, e));
    MN_TRY(mn_social_posts_visible(s, &posts, r->account_id, e));
    for (size_t i = 0; i < r->n_posts; i++) {
        bool found = false;
        for (size_t k = 0; !found && k < posts.n; k++)
            found =
                posts.items[k].id == r->posts[i] && posts.items[k].account_id == r->target_id;
        if (!found) return MN_E_NOT_FOUND;
    }
    return MN_OK;
}

static mn_rc check_rules(mn_store *s, const uint64_t *ids, size_t n, mn_arena *ar, mn_err *e)
{
    mn_rule *rules;
    size_t n_rules = 0;
    if (n == 0) return MN_OK;
    MN_TRY(mn_store_rules(s, ar, &rules, &n_rules, e));
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        for (size_t k = 0; !found && k < n_rules; k++) found = rules[k].id == ids[i];
        if (!found)
            return mn_fail(e, MN_E_USAGE,
                           "Validation failed: Rule ids does not reference valid rules");
    }
    return MN_OK;
}

static mn_rc check_report(mn_store *s, const mn_report *r, mn_arena *ar, mn_err *e)
{
    if (mn_utf8_count(r->comment) > COMMENT_MAX)
        return mn_fail(e, MN_E_LIMIT,
                       "Validation failed: Comment is too long (maximum is %d characters)",
                       COMMENT_MAX);
    MN_TRY(check_target(s, r, ar, e));
    MN_TRY(check_posts(s, r, ar, e));
    return check_rules(s, r->rules, r->n_rules, ar, e);
}

static mn_rc add(mn_tx *tx, const mn_report *r, uint64_t from, mn_err *e)
{
    mn_notice n = {.kind = MN_NOTICE_ADMIN_REPORT, .from = from, .other_id = r->id};
    MN_TRY(mn_store_report_add(tx, r, e));
    return mn_social_notify_staff(tx, &n, e);
}

mn_rc mn_social_report(mn_store *s, const mn_report *r, uint64_t *ret_id, mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    mn_report x = *r;
    x.id = mn_snowflake_next();
    x.created_ms = mn_now_ms();
    if (x.n_rules) x.category = MN_REPORT_VIOLATION;
    if (x.category != MN_REPORT_VIOLATION) x.n_rules = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = check_report(s, &x, &ar, e);
    mn_arena_release(&ar);
    if (rc != MN_OK) return rc;
    MN_TRY(mn_store_begin(s, &tx, e));
    MN_TRY(mn_store_end(tx, add(tx, &x, x.account_id, e), e));
    *ret_id = x.id;
    return MN_OK;
}

mn_rc mn_moderation_flag(mn_tx *tx, uint64_t author, uint64_t post, uint64_t filter_id,
                         mn_err *e)
{
    char comment[80];
    snprintf(comment, sizeof comment, "The word filter %llu found something in this %s.",
             (unsigned long long)filter_id, post ? "post" : "profile");
    mn_report r = {.id = mn_snowflake_next(),
                   .target_id = author,
                   .category = MN_REPORT_OTHER,
                   .comment = mn_str_from(comment),
                   .posts = &post,
                   .n_posts = post ? 1 : 0,
                   .created_ms = mn_now_ms()};
    return add(tx, &r, author, e);
}

/* ---- worked off ---------------------------------------------------------------------------------------------------------- */

static const char *const do_names[] = {"assign_to_self", "unassign", "resolve", "reopen"};

static void apply(mn_report *r, mn_actor by, mn_report_do what)
{
    r->updated_ms = mn_now_ms();
    switch (what) {
    case MN_REPORT_ASSIGN:
        r->assigned_id = by.account_id;
        break;
    case MN_REPORT_UNASSIGN:
        r->assigned_id = 0;
        break;
    case MN_REPORT_RESOLVE:
        if (r->done_ms) break;
        r->done_ms = r->updated_ms;
        r->done_by = by.account_id;
        break;
    case MN_REPORT_REOPEN:
        r->done_ms = 0;
        r->done_by = 0;
        break;
    }
}

mn_rc mn_social_report_do(mn_store *s, mn_actor by, uint64_t report_id, mn_report_do what,
                          mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    mn_report r;
    MN_TRY(mn_moderation__staff(by, e));
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_report(s, report_id, &ar, &r, e);
    if (rc == MN_OK) {
        apply(&r, by, what);
        rc = mn_store_report_update(tx, &r, e);
    }
    if (rc == MN_OK)
        rc = mn_moderation__audit(tx, by, do_names[what], "report", report_id, MN_STR(""), e);
    mn_arena_release(&ar);
    return mn_store_end(tx, rc, e);
}

mn_rc mn_social_report_recategorise(mn_store *s, mn_actor by, uint64_t report_id,
                                    mn_report_category category, const uint64_t *rules,
                                    size_t n_rules, mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    mn_report r;
    MN_TRY(mn_moderation__staff(by, e));
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_report(s, report_id, &ar, &r, e);
    if (rc == MN_OK && rules) rc = check_rules(s, rules, n_rules, &ar, e);
    if (rc == MN_OK) {
        r.category = category;
        r.updated_ms = mn_now_ms();
        if (rules) r.rules = (uint64_t *)(uintptr_t)rules, r.n_rules = n_rules;
        if (category != MN_REPORT_VIOLATION) r.n_rules = 0;
        rc = mn_store_report_update(tx, &r, e);
    }
    if (rc == MN_OK)
        rc = mn_moderation__audit(tx, by, "update", "report", report_id,
                                  mn_str_from(mn_report_names.names[category]), e);
    mn_arena_release(&ar);
    return mn_store_end(tx, rc, e);
}

mn_rc mn_social_note_add(mn_store *s, mn_actor by, const mn_mod_note *n, uint64_t *ret_id,
                         mn_err *e)
{
    mn_tx *tx;
    mn_mod_note x = *n;
    MN_TRY(mn_moderation__staff(by, e));
    if (x.text.len == 0 || mn_utf8_count(x.text) > APPEAL_MAX)
        return mn_fail(e, MN_E_LIMIT, "Validation failed: a note has 1 to %d characters",
                       APPEAL_MAX);
    x.id = mn_snowflake_next();
    x.account_id = by.account_id;
    x.at_ms = mn_now_ms();
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_store_mod_note_add(tx, &x, e);
    if (rc == MN_OK)
        rc = mn_moderation__audit(tx, by, "note", x.report_id ? "report" : "account",
                                  x.report_id ? x.report_id : x.target_id, MN_STR(""), e);
    MN_TRY(mn_store_end(tx, rc, e));
    *ret_id = x.id;
    return MN_OK;
}

/* ---- appeals --------------------------------------------------------------------------------------------------------------- */

static mn_rc check_appeal(const mn_strike *k, uint64_t account_id, mn_str text, mn_err *e)
{
    if (k->target_id != account_id) return MN_E_NOT_FOUND;
    if (text.len == 0 || mn_utf8_count(text) > APPEAL_MAX)
        return mn_fail(e, MN_E_LIMIT, "Validation failed: an appeal has 1 to %d characters",
                       APPEAL_MAX);
    if (k->overruled_ms || mn_now_ms() - k->at_ms > APPEAL_DAYS * DAY_MS)
        return mn_fail(e, MN_E_DENIED,
                       "This action is not allowed: appeals are made within %d days",
                       APPEAL_DAYS);
    return MN_OK;
}

mn_rc mn_social_appeal(mn_store *s, uint64_t account_id, uint64_t strike_id, mn_str text,
                       mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    mn_strike k;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_strike(s, strike_id, &ar, &k, e);
    if (rc == MN_OK) rc = check_appeal(&k, account_id, text, e);
    if (rc == MN_OK)
        rc = mn_store_appeal_add(tx, mn_snowflake_next(), strike_id, account_id, text,
                                 mn_now_ms(), e);
    mn_arena_release(&ar);
    return mn_store_end(tx, rc, e);
}

/* Takes back what the strike did, unless another strike that still stands did the same. */
static mn_rc take_back(mn_store *s, mn_tx *tx, const mn_strike *k, mn_arena *ar, mn_err *e)
{
    mn_moderated m;
    mn_strike *all;
    size_t n = 0;
    mn_page_ids p = {.limit = 1000};
    mn_rc rc = mn_store_moderated(s, k->target_id, ar, &m, e);
    if (rc != MN_OK || m.state == MN_ACCOUNT_DELETED) return rc == MN_E_NOT_FOUND ? MN_OK : rc;
    MN_TRY(mn_store_strikes(s, k->target_id, false, &p, ar, &all, &n, e));
    for (size_t i = 0; i < n; i++)
        if (all[i].id > k->id && all[i].action == k->action && !all[i].overruled_ms)
            return MN_OK;
    mn_measures x = {m.state, m.silenced_ms, m.sensitized_ms, m.disabled_ms, m.suspended_ms};
    if (k->action == MN_STRIKE_DISABLE) x.disabled_ms = 0;
    else if (k->action == MN_STRIKE_SENSITIVE) x.sensitized_ms = 0;
    else if (k->action == MN_STRIKE_SILENCE) x.silenced_ms = 0;
    else if (k->action == MN_STRIKE_SUSPEND) x.state = MN_ACCOUNT_ACTIVE, x.suspended_ms = 0;
    else return MN_OK;
    return mn_store_account_measures_set(tx, k->target_id, &x, e);
}

/* Somebody else decides, as long as there is somebody else. */
static mn_rc check_judge(mn_store *s, mn_actor by, const mn_strike *k, mn_arena *ar, mn_err *e)
{
    mn_mod_filter f = {.status = MN_MOD_ACTIVE, .local = true, .staff = true, .role = -1};
    mn_page_ids p = {.limit = 2};
    mn_moderated *list;
    size_t n = 0;
    if (by.account_id == 0 || k->account_id != by.account_id) return MN_OK;
    MN_TRY(mn_store_moderated_list(s, &f, &p, ar, &list, &n, e));
    return n < 2 ? MN_OK
                 : mn_fail(e, MN_E_DENIED,
                           "This action is not allowed: somebody else decides this appeal");
}

mn_rc mn_social_appeal_decide(mn_store *s, mn_actor by, uint64_t strike_id, bool granted,
                              mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    mn_strike k;
    MN_TRY(mn_moderation__staff(by, e));
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_strike(s, strike_id, &ar, &k, e);
    if (rc == MN_OK) rc = check_judge(s, by, &k, &ar, e);
    if (rc == MN_OK)
        rc = mn_store_appeal_decide(tx, strike_id, by.account_id, granted, mn_now_ms(), e);
    if (rc == MN_OK && granted) rc = take_back(s, tx, &k, &ar, e);
    if (rc == MN_OK)
        rc = mn_moderation__audit(tx, by, granted ? "approve_appeal" : "reject_appeal",
                                  "account", k.target_id, MN_STR(""), e);
    mn_arena_release(&ar);
    return mn_store_end(tx, rc, e);
}

/* ---- the code in the mail -------------------------------------------------------------------------------------------------- */

#define SECRET_KEY "appeal_secret"

static void code_of(mn_str secret, uint64_t strike_id, char ret[33])
{
    uint8_t hash[32];
    char text[128];
    int n = snprintf(text, sizeof text, "%.*s:%llu", MN_STR_FMT(secret),
                     (unsigned long long)strike_id);
    mn_sha256_of(text, (size_t)n, hash);
    mn_hex(hash, 16, ret);
}

mn_rc mn_social_appeal_code(mn_tx *tx, mn_store *s, uint64_t strike_id, char ret[33], mn_err *e)
{
    mn_arena ar;
    mn_str secret;
    uint8_t random[32];
    char hex[65];
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_meta_get(s, SECRET_KEY, &ar, &secret, e);
    if (rc == MN_E_NOT_FOUND) {
        rc = mn_random_bytes(random, sizeof random, e);
        if (rc == MN_OK) {
            secret = mn_str_from(mn_hex(random, sizeof random, hex));
            rc = mn_store_meta_set(tx, SECRET_KEY, secret, e);
        }
    }
    if (rc == MN_OK) code_of(secret, strike_id, ret);
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_social_appeal_code_right(mn_store *s, uint64_t strike_id, mn_str code, bool *ret,
                                  mn_err *e)
{
    mn_arena ar;
    mn_str secret;
    char right[33];
    unsigned char d = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_meta_get(s, SECRET_KEY, &ar, &secret, e);
    *ret = false;
    if (rc == MN_OK) {
        code_of(secret, strike_id, right);
        for (size_t i = 0; code.len == 32 && i < 32; i++)
            d |= (unsigned char)(code.ptr[i] ^ right[i]);
        *ret = code.len == 32 && d == 0;
    }
    mn_arena_release(&ar);
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}
