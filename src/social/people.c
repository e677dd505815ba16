/* What people do to each other. Rules here; rows, counters and events in store/people.h. */
#include "social/people.h"

#include "base/clock.h"
#include "text/count.h"

#define FOLLOWS_MOST 7500 /* and, beyond that, 1.1 times one's followers */

static mn_rc nobody(mn_err *e)
{
    return mn_fail(e, MN_E_NOT_FOUND, "there is no such account");
}

/* The other account: here, not deleted, not waiting for approval, not oneself. */
static mn_rc other(mn_tx *tx, uint64_t me, uint64_t id, mn_arena *ar, mn_account *ret,
                   mn_err *e)
{
    mn_rc rc = me == id ? MN_E_NOT_FOUND : mn_store_account_tx(tx, id, ar, ret, e);
    if (rc == MN_E_NOT_FOUND) return nobody(e);
    if (rc != MN_OK) return rc;
    return ret->state == MN_ACCOUNT_DELETED || ret->waits ? nobody(e) : MN_OK;
}

/* Checks only that it is there. */
static mn_rc exists(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e)
{
    mn_arena ar;
    mn_account a;
    mn_arena_init(&ar, 0);
    mn_rc rc = other(tx, me, id, &ar, &a, e);
    mn_arena_release(&ar);
    return rc;
}

/* ---- follow ------------------------------------------------------------------------------------------------------ */

static bool is_language(mn_str code)
{
    if (code.len < 2 || code.len > 16) return false;
    for (size_t i = 0; i < code.len; i++) {
        char c = code.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && (i < 2 || (c != '-' && !(c >= '0' && c <= '9')))) return false;
    }
    return true;
}

static mn_rc check_languages(mn_str list, mn_err *e)
{
    size_t n = 0;
    while (list.len > 0) {
        mn_str code = mn_str_split(list, ',', &list);
        if (!is_language(code))
            return mn_fail(e, MN_E_USAGE, "languages should be ISO 639 codes, not '%.*s'",
                           code.len < 32 ? (int)code.len : 32, code.ptr ? code.ptr : "");
        if (++n > 32) return mn_fail(e, MN_E_USAGE, "a follow has at most 32 languages");
    }
    return MN_OK;
}

static mn_rc check_room(const mn_account *me, mn_err *e)
{
    uint64_t most = me->n_followers + me->n_followers / 10;
    if (most < FOLLOWS_MOST) most = FOLLOWS_MOST;
    if (me->n_following < most) return MN_OK;
    return mn_fail(e, MN_E_LIMIT,
                   "you follow %llu people; more need more people who follow you",
                   (unsigned long long)me->n_following);
}

/* What was chosen over what there is, or over what a new follow is. */
static mn_follow settings(const mn_relation *r, const mn_follow_opts *o)
{
    bool there = r->following || r->requested;
    return (mn_follow){.boosts = o->has_boosts ? o->boosts : (there ? r->boosts : true),
                       .notify = o->has_notify ? o->notify : (there && r->notify),
                       .languages = o->has_languages ? o->languages
                                                     : (there ? r->languages : MN_STR("")),
                       .at_ms = mn_now_ms()};
}

static mn_rc tell(mn_tx *tx, mn_notice_kind kind, uint64_t to, uint64_t from, mn_err *e)
{
    return mn_social_notify(tx, &(mn_notice){.kind = kind, .to = to, .from = from}, NULL, e);
}

static mn_rc untell(mn_tx *tx, mn_notice_kind kind, uint64_t to, uint64_t from, mn_err *e)
{
    return mn_social_notify_undo(tx, &(mn_notice){.kind = kind, .to = to, .from = from}, e);
}

/* A follow that was not there: made, or asked for. */
static mn_rc begin_follow(mn_tx *tx, const mn_account *me, const mn_account *target,
                          const mn_follow *f, bool quiet, bool *ret_asked, mn_err *e)
{
    bool asks = target->locked || me->silenced_ms != 0;
    MN_TRY(check_room(me, e));
    if (asks) MN_TRY(mn_store_request_set(tx, me->id, target->id, f, NULL, e));
    else MN_TRY(mn_store_follow_set(tx, me->id, target->id, f, NULL, e));
    *ret_asked = asks;
    if (quiet && !asks) return MN_OK;
    return tell(tx, asks ? MN_NOTICE_FOLLOW_REQUEST : MN_NOTICE_FOLLOW, target->id, me->id, e);
}

static mn_rc follow(mn_tx *tx, uint64_t me_id, uint64_t id, const mn_follow_opts *o,
                    mn_arena *ar, bool *ret_asked, mn_err *e)
{
    mn_account me, target;
    mn_relation r;
    MN_TRY(other(tx, me_id, id, ar, &target, e));
    MN_TRY(other(tx, 0, me_id, ar, &me, e));
    if (target.state != MN_ACCOUNT_ACTIVE) return nobody(e);
    MN_TRY(mn_store_relation(tx, me_id, id, ar, &r, e));
    if (me.state != MN_ACCOUNT_ACTIVE || r.blocking || r.blocked_by || target.moved_to ||
        r.domain_blocking)
        return mn_fail(e, MN_E_DENIED, "this account can't be followed");
    if (o->has_languages) MN_TRY(check_languages(o->languages, e));
    mn_follow f = settings(&r, o);
    *ret_asked = r.requested;
    if (r.following) return mn_store_follow_set(tx, me_id, id, &f, NULL, e);
    if (r.requested) return mn_store_request_set(tx, me_id, id, &f, NULL, e);
    return begin_follow(tx, &me, &target, &f, o->no_notice, ret_asked, e);
}

mn_rc mn_social_follow(mn_tx *tx, uint64_t me, uint64_t id, const mn_follow_opts *o,
                       bool *ret_asked, mn_err *e)
{
    mn_arena ar;
    bool asked = false;
    const mn_follow_opts none = {0};
    mn_arena_init(&ar, 0);
    mn_rc rc = follow(tx, me, id, o ? o : &none, &ar, &asked, e);
    mn_arena_release(&ar);
    if (rc == MN_OK && ret_asked) *ret_asked = asked;
    return rc;
}

/* What `from` has of `to` ends: follow, request, and what was told of them. */
static mn_rc end(mn_tx *tx, uint64_t from, uint64_t to, mn_err *e)
{
    bool followed = false, asked = false;
    MN_TRY(mn_store_follow_end(tx, from, to, &followed, e));
    MN_TRY(mn_store_request_remove(tx, from, to, &asked, e));
    if (followed) MN_TRY(untell(tx, MN_NOTICE_FOLLOW, to, from, e));
    return asked ? untell(tx, MN_NOTICE_FOLLOW_REQUEST, to, from, e) : MN_OK;
}

mn_rc mn_social_unfollow(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e)
{
    MN_TRY(exists(tx, me, id, e));
    return end(tx, me, id, e);
}

mn_rc mn_social_remove_follower(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e)
{
    MN_TRY(exists(tx, me, id, e));
    return end(tx, id, me, e);
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static mn_rc accept(mn_tx *tx, uint64_t me, uint64_t from, mn_arena *ar, mn_err *e)
{
    mn_follow f;
    mn_rc rc = mn_store_request(tx, from, me, ar, &f, e);
    if (rc == MN_E_NOT_FOUND) return mn_fail(e, rc, "that account has not asked to follow you");
    if (rc != MN_OK) return rc;
    f.at_ms = mn_now_ms();
    MN_TRY(mn_store_follow_set(tx, from, me, &f, NULL, e)); /* takes the request away */
    MN_TRY(untell(tx, MN_NOTICE_FOLLOW_REQUEST, me, from, e));
    return tell(tx, MN_NOTICE_FOLLOW, me, from, e);
}

mn_rc mn_social_request_accept(mn_tx *tx, uint64_t me, uint64_t from, mn_err *e)
{
    mn_arena ar;
    mn_arena_init(&ar, 0);
    mn_rc rc = accept(tx, me, from, &ar, e);
    mn_arena_release(&ar);
    return rc;
}

mn_rc mn_social_request_reject(mn_tx *tx, uint64_t me, uint64_t from, mn_err *e)
{
    bool was = false;
    MN_TRY(mn_store_request_remove(tx, from, me, &was, e));
    if (!was) return mn_fail(e, MN_E_NOT_FOUND, "that account has not asked to follow you");
    return untell(tx, MN_NOTICE_FOLLOW_REQUEST, me, from, e);
}

/* ---- block, mute ------------------------------------------------------------------------------------------------- */

mn_rc mn_social_block(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e)
{
    MN_TRY(exists(tx, me, id, e));
    MN_TRY(end(tx, me, id, e));
    MN_TRY(end(tx, id, me, e));
    MN_TRY(mn_store_endorse_set(tx, me, id, false, e));
    MN_TRY(mn_store_endorse_set(tx, id, me, false, e));
    MN_TRY(mn_store_notifications_cut(tx, me, id, e));
    MN_TRY(mn_store_notifications_cut(tx, id, me, e));
    return mn_store_block_set(tx, me, id, true, mn_now_ms(), NULL, e);
}

mn_rc mn_social_unblock(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e)
{
    MN_TRY(exists(tx, me, id, e));
    return mn_store_block_set(tx, me, id, false, mn_now_ms(), NULL, e);
}

mn_rc mn_social_mute(mn_tx *tx, uint64_t me, uint64_t id, bool notifications,
                     int64_t duration_s, mn_err *e)
{
    int64_t now = mn_now_ms();
    const int64_t most_s = INT64_C(86400) * 365 * 100;
    MN_TRY(exists(tx, me, id, e));
    if (duration_s < 0 || duration_s > most_s)
        return mn_fail(e, MN_E_USAGE, "duration should be a number of seconds, 0 for good");
    return mn_store_mute_set(tx, me, id, notifications,
                             duration_s ? now + duration_s * 1000 : 0, now, e);
}

mn_rc mn_social_unmute(mn_tx *tx, uint64_t me, uint64_t id, mn_err *e)
{
    MN_TRY(exists(tx, me, id, e));
    return mn_store_mute_remove(tx, me, id, NULL, e);
}

/* ---- notes, endorsements, domains -------------------------------------------------------------------------------- */

mn_rc mn_social_note(mn_tx *tx, uint64_t me, uint64_t id, mn_str text, mn_err *e)
{
    MN_TRY(exists(tx, me, id, e));
    if (!mn_utf8_valid(text)) return mn_fail(e, MN_E_USAGE, "a note should be UTF-8 text");
    if (mn_utf8_count(text) > MN_NOTE_MAX)
        return mn_fail(e, MN_E_USAGE,
                       "Validation failed: Comment is too long (maximum is %d characters)",
                       MN_NOTE_MAX);
    return mn_store_note_set(tx, me, id, text, e);
}

mn_rc mn_social_endorse(mn_tx *tx, uint64_t me, uint64_t id, bool on, mn_err *e)
{
    mn_arena ar;
    mn_relation r;
    MN_TRY(exists(tx, me, id, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_relation(tx, me, id, &ar, &r, e);
    mn_arena_release(&ar);
    if (rc == MN_OK && on && !r.following)
        rc = mn_fail(e, MN_E_USAGE,
                     "Validation failed: You must be already following the person you want to "
                     "endorse");
    return rc == MN_OK ? mn_store_endorse_set(tx, me, id, on, e) : rc;
}

/* Letters, digits, hyphens and dots as host names have them; other scripts come as "xn--". */
static bool is_host(mn_str s)
{
    size_t label = 0;
    if (s.len == 0 || s.len > 253) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (c == '.' && (label == 0 || s.ptr[i - 1] == '-')) return false;
        if (c == '-' && label == 0) return false;
        if (!letter && c != '-' && c != '.') return false;
        label = c == '.' ? 0 : label + 1;
        if (label > 63) return false;
    }
    return label > 0 && s.ptr[s.len - 1] != '-';
}

mn_rc mn_social_domain_block(mn_tx *tx, uint64_t me, mn_str domain, bool on, mn_err *e)
{
    char host[256];
    mn_str low = {host, 0};
    domain = mn_str_trim(domain);
    for (; low.len < domain.len && low.len < sizeof host; low.len++) {
        char c = domain.ptr[low.len];
        host[low.len] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    if (domain.len > sizeof host || !is_host(low))
        return mn_fail(e, MN_E_USAGE, "Validation failed: Domain is not a valid domain name");
    MN_TRY(mn_store_domain_block_set(tx, me, low, on, e));
    return on ? mn_store_domain_follows_end(tx, me, low, e) : MN_OK;
}
