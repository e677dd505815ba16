#include "corpus/gate.h"

#include "social/social.h"

const char *const mn_drop_names[MN_DROPS] = {
    [MN_DROP_NONE] = "",
    [MN_DROP_DELETED] = "deleted",
    [MN_DROP_BOOST] = "boost",
    [MN_DROP_NOT_PUBLIC] = "not_public",
    [MN_DROP_NO_CONSENT] = "no_consent",
    [MN_DROP_TOO_LONG] = "too_long",
    [MN_DROP_TOO_SHORT] = "too_short",
    [MN_DROP_MOSTLY_LINKS] = "mostly_links",
    [MN_DROP_TOO_MANY_LINKS] = "too_many_links",
    [MN_DROP_REPETITION] = "repetition",
    [MN_DROP_SYMBOLS] = "symbols",
    [MN_DROP_ALL_CAPS] = "all_caps",
    [MN_DROP_TEMPLATE] = "template",
    [MN_DROP_DUPLICATE] = "duplicate",
    [MN_DROP_NEAR_DUPLICATE] = "near_duplicate",
};

mn_drop mn_drop_parse(mn_str name)
{
    for (int d = 1; d < MN_DROPS; d++)
        if (mn_str_eqz(name, mn_drop_names[d])) return (mn_drop)d;
    return MN_DROP_NONE;
}

mn_drop mn_corpus_gate(const mn_post *p, mn_consents server)
{
    if (p->deleted_ms) return MN_DROP_DELETED;
    if (p->boost_of) return MN_DROP_BOOST;
    if (p->visibility != MN_VIS_PUBLIC) return MN_DROP_NOT_PUBLIC;
    return mn_social_allows(p, server, MN_P_TRAIN_GENERATIVE) ? MN_DROP_NONE
                                                              : MN_DROP_NO_CONSENT;
}

uint64_t mn_corpus_gate_rev(const mn_post *p, uint64_t server_seq)
{
    if (mn_consents_get(p->consent, MN_P_TRAIN_GENERATIVE)) return p->consent_rev;
    if (mn_consents_get(p->account_consent, MN_P_TRAIN_GENERATIVE))
        return p->account_consent_rev;
    return server_seq;
}
