/* Consent decided. The decision is a pure function of a post (which carries its own and its author's settings) and the
 * server's: the nearest scope that says anything decides, and silence everywhere is a no to everything but search.
 *
 * Invariants (tests/unit/social/test_consent.c walks all combinations): a nearer setting always beats a farther one, and
 * putting a deny anywhere never turns a no into a yes. */
#include "social/social.h"

#include "base/clock.h"

mn_consent mn_social_setting(const mn_post *p, mn_consents server, mn_purpose purpose)
{
    const mn_consents scopes[] = {p->consent, p->account_consent, server};
    for (int i = 0; i < 3; i++) {
        mn_consent c = mn_consents_get(scopes[i], purpose);
        if (c != MN_CONSENT_UNSET) return c;
    }
    return MN_CONSENT_UNSET;
}

bool mn_social_allows(const mn_post *p, mn_consents server, mn_purpose purpose)
{
    bool training = purpose == MN_P_TRAIN_GENERATIVE || purpose == MN_P_TRAIN_OTHER;
    if (p->deleted_ms != 0 || p->account_state != MN_ACCOUNT_ACTIVE) return false;
    if (p->visibility != MN_VIS_PUBLIC && p->visibility != MN_VIS_UNLISTED) return false;
    if (training && (p->visibility != MN_VIS_PUBLIC || p->boost_of != 0)) return false;
    switch (mn_social_setting(p, server, purpose)) {
    case MN_CONSENT_ALLOW:
        return true;
    case MN_CONSENT_UNSET:
        return purpose == MN_P_SEARCH && p->visibility == MN_VIS_PUBLIC;
    default:
        return false;
    }
}

mn_rc mn_social_consent_set(mn_store *s, mn_scope scope, uint64_t scope_id, mn_purpose p,
                            mn_consent v, uint64_t actor, mn_str reason, mn_err *e)
{
    mn_tx *tx;
    mn_ledger_line l = {.scope = scope,
                        .scope_id = scope_id,
                        .purpose = p,
                        .value = v,
                        .actor_id = actor,
                        .reason = reason,
                        .at_ms = mn_now_ms()};
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, mn_store_consent_add(tx, &l, NULL, e), e);
}

static const char *const values[] = {"unset", "allow", "deny"};

const char *mn_social_consent_name(mn_consent c)
{
    return (unsigned)c <= MN_CONSENT_DENY ? values[c] : "unknown";
}

mn_rc mn_social_consent_parse(const char *arg, mn_purpose *ret_p, mn_consent *ret_v, mn_err *e)
{
    mn_purpose p;
    mn_str value, name = mn_str_split(mn_str_from(arg), '=', &value);
    MN_TRY(mn_purpose_parse(name, &p, e));
    for (int i = 0; i <= MN_CONSENT_DENY; i++) {
        if (value.ptr ? !mn_str_eqz(value, values[i]) : i != MN_CONSENT_ALLOW) continue;
        *ret_p = p;
        *ret_v = (mn_consent)i;
        return MN_OK;
    }
    return mn_fail(e, MN_E_USAGE, "'%s' is allow, deny or unset, not '%.*s'",
                   mn_purpose_names[p], value.len < 64 ? (int)value.len : 64, value.ptr);
}
