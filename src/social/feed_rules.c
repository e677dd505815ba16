/* The rules of feeds.h, one function a sentence. */
#include "social/feeds_int.h"

static bool in(const uint64_t *ids, size_t n, uint64_t id)
{
    return n && id && mn_social__id_in(ids, n, id);
}

static bool follows(const mn_feed_ctx *c, uint64_t id)
{
    return in(c->follows, c->n_follows, id);
}

static bool hides(const mn_feed_ctx *c, uint64_t id)
{
    return id != c->account && in(c->hidden, c->n_hidden, id);
}

static mn_rc load_mentions(mn_feed_post *p, mn_err *e)
{
    if (p->has_mentions) return MN_OK;
    uint64_t of = p->row->boost_of ? p->row->boost_of : p->row->id;
    MN_TRY(mn_store_row_mentions(p->store, of, p->arena, &p->mentions, &p->n_mentions, e));
    p->has_mentions = true;
    return MN_OK;
}

mn_rc mn_social__feed_post_tags(mn_feed_post *p, mn_err *e)
{
    if (p->has_tags) return MN_OK;
    MN_TRY(mn_store_row_tags(p->store, p->row->id, p->arena, &p->tags, &p->n_tags, e));
    p->has_tags = true;
    return MN_OK;
}

/* ---- never -------------------------------------------------------------------------------------------------------- */

static bool domain_blocked(const mn_feed_ctx *c, mn_str domain, uint64_t author)
{
    for (size_t i = 0; domain.len && i < c->n_domains; i++)
        if (mn_str_eq_nocase(c->domains[i], domain)) return !follows(c, author);
    return false;
}

static bool by_unwanted(const mn_feed_ctx *c, const mn_row *r)
{
    return hides(c, r->account_id) || hides(c, r->boost_account) ||
           hides(c, r->quote_account) || in(c->hidden_by, c->n_hidden_by, r->account_id) ||
           in(c->hidden_by, c->n_hidden_by, r->boost_account) ||
           domain_blocked(c, r->domain, r->account_id) ||
           domain_blocked(c, r->boost_domain, r->boost_account);
}

static mn_rc unwanted(const mn_feed_ctx *c, mn_feed_post *p, bool *ret, mn_err *e)
{
    bool yes = by_unwanted(c, p->row);
    if (!yes && c->n_hidden) {
        MN_TRY(load_mentions(p, e));
        for (size_t i = 0; i < p->n_mentions && !yes; i++) yes = hides(c, p->mentions[i]);
    }
    *ret = yes;
    return MN_OK;
}

bool mn_social__feed_not_public(const mn_feed_ctx *c, const mn_row *r)
{
    if (r->account_id == c->account) return false;
    return by_unwanted(c, r) || (r->silenced && !follows(c, r->account_id));
}

/* ---- people --------------------------------------------------------------------------------------------------------- */

static bool speaks(const mn_feed_ctx *c, const mn_row *r)
{
    size_t len = strlen(r->lang), i = 0;
    while (i < c->n_langs && c->langs[i].id != r->account_id) i++;
    if (i == c->n_langs || len == 0) return true;
    for (mn_str rest = c->langs[i].languages; rest.len;)
        if (mn_str_eqz(mn_str_trim(mn_str_split(rest, ',', &rest)), r->lang)) return true;
    return false;
}

static bool sees_boosted(const mn_feed_ctx *c, const mn_row *r)
{
    if (r->boost_visibility <= MN_VIS_UNLISTED || r->boost_account == c->account) return true;
    return r->boost_visibility == MN_VIS_FOLLOWERS && follows(c, r->boost_account);
}

/* A reply or a boost that is wanted, or neither. list NULL: in the home. */
static bool wanted_kind(const mn_feed_ctx *c, const mn_feed_list *list, const mn_row *r)
{
    if (r->boost_of) return !in(c->quiet, c->n_quiet, r->account_id) && sees_boosted(c, r);
    if (r->reply_to == 0) return true;
    if (r->reply_account == 0) return false;
    if (r->reply_account == r->account_id || r->reply_account == c->account) return true;
    if (!list || list->replies == MN_LIST_REPLIES_FOLLOWED) return follows(c, r->reply_account);
    return list->replies == MN_LIST_REPLIES_LIST &&
           in(list->members, list->n_members, r->reply_account);
}

static mn_rc addressed(const mn_feed_ctx *c, mn_feed_post *p, bool *ret, mn_err *e)
{
    *ret = p->row->visibility != MN_VIS_DIRECT;
    if (*ret) return MN_OK;
    MN_TRY(load_mentions(p, e));
    *ret = in(p->mentions, p->n_mentions, c->account);
    return MN_OK;
}

static mn_rc by_follow(const mn_feed_ctx *c, mn_feed_post *p, bool *ret, mn_err *e)
{
    const mn_row *r = p->row;
    *ret = follows(c, r->account_id) && !in(c->exclusive, c->n_exclusive, r->account_id) &&
           speaks(c, r) && wanted_kind(c, NULL, r);
    return *ret ? addressed(c, p, ret, e) : MN_OK;
}

static mn_rc by_tag(const mn_feed_ctx *c, mn_feed_post *p, bool *ret, mn_err *e)
{
    const mn_row *r = p->row;
    *ret = false;
    if (!c->n_tags || r->visibility != MN_VIS_PUBLIC || r->boost_of || r->silenced ||
        !r->active)
        return MN_OK;
    MN_TRY(mn_social__feed_post_tags(p, e));
    for (size_t i = 0; i < p->n_tags && !*ret; i++) *ret = in(c->tags, c->n_tags, p->tags[i]);
    return MN_OK;
}

mn_rc mn_social__feed_in_home(const mn_feed_ctx *c, mn_feed_post *p, bool *ret, mn_err *e)
{
    bool yes = p->row->account_id == c->account, never = false;
    if (!yes) {
        MN_TRY(by_follow(c, p, &yes, e));
        if (!yes) MN_TRY(by_tag(c, p, &yes, e));
        if (yes) MN_TRY(unwanted(c, p, &never, e));
    }
    *ret = yes && !never;
    return MN_OK;
}

mn_rc mn_social__feed_in_list(const mn_feed_ctx *c, const mn_feed_list *l, mn_feed_post *p,
                              bool *ret, mn_err *e)
{
    const mn_row *r = p->row;
    bool own = r->account_id == c->account, never = false;
    bool yes = in(l->members, l->n_members, r->account_id) && r->visibility != MN_VIS_DIRECT &&
               wanted_kind(c, l, r) && (own || speaks(c, r));
    if (yes && !own) MN_TRY(unwanted(c, p, &never, e));
    *ret = yes && !never;
    return MN_OK;
}

bool mn_social__feed_repeats(const mn_feed_entry *at, ptrdiff_t step, size_t n)
{
    if (at->boost_of == 0) return false;
    if (n > MN_FEED_BOOST) n = MN_FEED_BOOST;
    for (size_t i = 1; i <= n; i++) {
        const mn_feed_entry *x = at + step * (ptrdiff_t)i;
        if (x->id == at->boost_of || x->boost_of == at->boost_of) return true;
    }
    return false;
}
