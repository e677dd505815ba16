/* Two streams of candidates, each newest first: the index (or, without words, timelines), and the member's library. Of each the
 * first offset + limit that fit are kept; the page is cut from their union. */
#include "mind/post_search.h"

#include <stdlib.h>

#include "base/snowflake.h"
#include "mind/post_query.h"
#include "social/reading.h"
#include "store/media.h"
#include "store/timelines.h"
#include "text/html.h"

#define BATCH 200

typedef struct run {
    const mn_post_search *s;
    mn_post_query q;
    mn_consents server;
    uint64_t from[MN_POST_QUERY_PARTS], not_from[MN_POST_QUERY_PARTS];
    size_t n_from, n_not_from;
    bool nobody; /* from: named only accounts that are not here */
    mn_arena *a, scratch;
    uint64_t below, above; /* bounds of the query and of the page together */
    size_t want;
} run;

/* ---- does one post fit? ------------------------------------------------------------------------------------------------ */

static bool in(const uint64_t *ids, size_t n, uint64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id) return true;
    return false;
}

static bool language_is(const mn_str *langs, size_t n, mn_str lang)
{
    for (size_t i = 0; i < n; i++)
        if (mn_str_eq_nocase(langs[i], lang) ||
            (lang.len > langs[i].len && lang.ptr[langs[i].len] == '-' &&
             mn_str_eq_nocase(langs[i], mn_str_sub(lang, 0, langs[i].len))))
            return true;
    return false;
}

static bool has_link(const mn_post *p)
{
    mn_link_span spans[64];
    if (p->card_id) return true;
    size_t n = mn_text_links(p->text, spans, 64);
    for (size_t i = 0; i < n; i++)
        if (spans[i].kind == 'u') return true;
    return false;
}

static mn_rc media_bits(run *r, const mn_post *p, unsigned *ret, mn_err *e)
{
    mn_media *m = NULL;
    size_t n = 0;
    if (p->n_media == 0) return MN_OK;
    *ret |= MN_HAS_MEDIA;
    if (!((r->q.has | r->q.has_not) & (MN_HAS_IMAGE | MN_HAS_VIDEO | MN_HAS_AUDIO)))
        return MN_OK;
    MN_TRY(mn_store_media_of(r->s->store, p->id, &r->scratch, &m, &n, e));
    for (size_t i = 0; i < n; i++) {
        if (mn_str_starts(m[i].mime, "image/")) *ret |= MN_HAS_IMAGE;
        if (mn_str_starts(m[i].mime, "video/")) *ret |= MN_HAS_VIDEO;
        if (mn_str_starts(m[i].mime, "audio/")) *ret |= MN_HAS_AUDIO;
    }
    return MN_OK;
}

static mn_rc kinds_fit(run *r, const mn_post *p, bool *ret, mn_err *e)
{
    unsigned bits = 0, asked = r->q.has | r->q.has_not;
    if (asked & (MN_HAS_MEDIA | MN_HAS_IMAGE | MN_HAS_VIDEO | MN_HAS_AUDIO))
        MN_TRY(media_bits(r, p, &bits, e));
    if (p->poll_id) bits |= MN_HAS_POLL;
    if (p->quote_of) bits |= MN_HAS_QUOTE;
    if (p->reply_to) bits |= MN_IS_REPLY;
    if (p->sensitive) bits |= MN_IS_SENSITIVE;
    if ((asked & MN_HAS_LINK) && has_link(p)) bits |= MN_HAS_LINK;
    *ret = (bits & r->q.has) == r->q.has && !(bits & r->q.has_not);
    return MN_OK;
}

static bool facts_fit(const run *r, const mn_post *p)
{
    const mn_post_query *q = &r->q;
    if (p->deleted_ms || p->boost_of || r->nobody) return false;
    if (r->s->account && p->account_id != r->s->account) return false;
    if (r->n_from && !in(r->from, r->n_from, p->account_id)) return false;
    if (in(r->not_from, r->n_not_from, p->account_id)) return false;
    if (q->from_ms && p->created_ms < q->from_ms) return false;
    if (q->until_ms && p->created_ms >= q->until_ms) return false;
    if (q->n_langs && !language_is(q->langs, q->n_langs, p->lang)) return false;
    return !language_is(q->not_langs, q->n_not_langs, p->lang);
}

static mn_rc fits(run *r, const mn_post *p, bool library, bool *ret, mn_err *e)
{
    bool ok = facts_fit(r, p) && (library || mn_social_allows(p, r->server, MN_P_SEARCH));
    if (ok) MN_TRY(kinds_fit(r, p, &ok, e));
    if (ok) {
        mn_str text = p->text;
        if (p->warning.len)
            text =
                mn_str_fmt(&r->scratch, "%.*s\n%.*s", MN_STR_FMT(p->warning), MN_STR_FMT(text));
        MN_TRY(mn_post_query_fits_text(&r->q, text, &r->scratch, &ok, e));
    }
    *ret = ok;
    return MN_OK;
}

/* Takes out what those wrote whom the member blocks or mutes. */
static mn_rc without_hidden(run *r, mn_posts *posts, mn_err *e)
{
    size_t n = posts->n, k = 0;
    mn_row *rows = mn_arena_calloc(&r->scratch, n + 1, sizeof *rows);
    if (!rows) return mn_fail(e, MN_E_NOMEM, "no memory for a search");
    for (size_t i = 0; i < n; i++)
        rows[i] = (mn_row){.id = posts->items[i].id,
                           .account_id = posts->items[i].account_id,
                           .domain = posts->items[i].account_domain};
    MN_TRY(mn_feeds_public(r->s->feeds, r->s->me, rows, &n, e));
    posts->n = 0;
    for (size_t i = 0; k < n; i++)
        if (posts->items[i].id == rows[k].id) {
            posts->items[posts->n++] = posts->items[i];
            k++;
        }
    return MN_OK;
}

/* ---- streams --------------------------------------------------------------------------------------------------------- */

/* The next candidates of a stream, ids below `below`, newest first. */
typedef mn_rc stream_fn(run *r, uint64_t below, uint64_t **ret, size_t *ret_n, mn_err *e);

static mn_rc by_words(run *r, uint64_t below, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    return mn_search_match(r->s->index, r->q.words, below, BATCH, &r->scratch, ret, ret_n, e);
}

static mn_rc library(run *r, uint64_t below, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    return mn_store_library(r->s->store, r->s->me, below, BATCH, &r->scratch, ret, ret_n, e);
}

static mn_rc ids_of(run *r, const mn_posts *p, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    uint64_t *ids = mn_arena_alloc(&r->scratch, (p->n + 1) * sizeof *ids);
    if (!ids) return mn_fail(e, MN_E_NOMEM, "no memory for a search");
    for (size_t i = 0; i < p->n; i++) ids[i] = p->items[i].id;
    *ret = ids;
    *ret_n = p->n;
    return MN_OK;
}

static mn_rc public_posts(run *r, uint64_t below, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_posts p = {0};
    MN_TRY(mn_store_posts_public(r->s->store, below, BATCH, &r->scratch, &p, e));
    return ids_of(r, &p, ret, ret_n, e);
}

/* Without words: of one account, when only one is asked for. */
static mn_rc one_author(run *r, uint64_t below, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_posts p = {0};
    uint64_t who = r->s->account ? r->s->account : r->from[0];
    MN_TRY(mn_store_posts_by_account(r->s->store, who, MN_VIS_UNLISTED, below, BATCH,
                                     &r->scratch, &p, e));
    return ids_of(r, &p, ret, ret_n, e);
}

typedef struct found {
    uint64_t *ids;
    size_t n, cap;
} found;

static mn_rc take(run *r, const uint64_t *ids, size_t n, bool lib, found *f, mn_err *e)
{
    mn_posts posts = {0};
    MN_TRY(mn_store_posts_by_ids(r->s->store, ids, n, &r->scratch, &posts, e));
    MN_TRY(mn_social_posts_visible(r->s->store, &posts, r->s->me, e));
    MN_TRY(without_hidden(r, &posts, e));
    size_t kept = 0;
    for (size_t i = 0; i < posts.n && kept < r->want; i++) {
        bool ok = false;
        MN_TRY(fits(r, &posts.items[i], lib, &ok, e));
        if (ok && f->n < f->cap) f->ids[f->n++] = posts.items[i].id;
        kept += ok;
    }
    return MN_OK;
}

/* *ret_cut: it ended because enough was looked at, not because there was no more. */
static mn_rc follow(run *r, stream_fn *next, bool lib, found *f, bool *ret_cut, mn_err *e)
{
    uint64_t below = r->below;
    size_t begin = f->n, looked = 0;
    while (f->n - begin < r->want && looked < MN_POST_SEARCH_LOOK) {
        uint64_t *ids = NULL;
        size_t n = 0;
        mn_arena_reset(&r->scratch);
        MN_TRY(next(r, below, &ids, &n, e));
        size_t all = n;
        if (all) below = ids[all - 1];
        while (n && ids[n - 1] <= r->above) n--;
        if (n) MN_TRY(take(r, ids, n, lib, f, e));
        looked += n;
        if (all < BATCH || n < all) break;
    }
    *ret_cut = looked >= MN_POST_SEARCH_LOOK;
    return MN_OK;
}

static int newest_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x > y ? -1 : x < y;
}

/* Words of one author: where too many others use them, the author's own posts are looked through. */
static mn_rc search_public(run *r, found *f, mn_err *e)
{
    bool words = r->q.words.len > 0, one = r->s->account || r->n_from == 1, cut = false;
    if (words && r->s->index) MN_TRY(follow(r, by_words, false, f, &cut, e));
    if (one && (!words || cut)) return follow(r, one_author, false, f, &cut, e);
    return words ? MN_OK : follow(r, public_posts, false, f, &cut, e);
}

static mn_rc search(run *r, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    bool cut = false;
    size_t n = 0, cap = 4 * (r->want + BATCH);
    found f = {mn_arena_alloc(r->a, cap * sizeof *f.ids), 0, cap};
    if (!f.ids) return mn_fail(e, MN_E_NOMEM, "no memory for a search");
    if (r->q.in != MN_IN_LIBRARY) MN_TRY(search_public(r, &f, e));
    if (r->q.in != MN_IN_PUBLIC && r->s->me) MN_TRY(follow(r, library, true, &f, &cut, e));
    qsort(f.ids, f.n, sizeof *f.ids, newest_first);
    for (size_t i = 0; i < f.n; i++)
        if (n == 0 || f.ids[n - 1] != f.ids[i]) f.ids[n++] = f.ids[i];
    size_t from = r->s->offset < n ? r->s->offset : n;
    *ret = f.ids + from;
    *ret_n = n - from < r->s->limit ? n - from : r->s->limit;
    return MN_OK;
}

/* ---- names ----------------------------------------------------------------------------------------------------------- */

static mn_rc find_accounts(run *r, const mn_str *names, size_t n, uint64_t *ret, size_t *ret_n,
                           mn_err *e)
{
    for (size_t i = 0; i < n; i++) {
        mn_account acc;
        mn_str domain = MN_STR_NONE, name = mn_str_split(names[i], '@', &domain);
        if (domain.len && !mn_str_eq_nocase(domain, r->s->domain)) name = names[i];
        if (mn_str_eqz(name, "me") && r->s->me) {
            ret[(*ret_n)++] = r->s->me;
            continue;
        }
        mn_rc rc = mn_store_account_by_name(r->s->store, name, r->a, &acc, e);
        if (rc == MN_OK) ret[(*ret_n)++] = acc.id;
        else if (rc != MN_E_NOT_FOUND) return rc;
    }
    return MN_OK;
}

static mn_rc prepare(run *r, mn_err *e)
{
    uint64_t seq = 0;
    const mn_post_query *q = &r->q;
    MN_TRY(mn_post_query_parse(r->s->query, r->a, &r->q, e));
    MN_TRY(mn_store_consent_server(r->s->store, &r->server, &seq, e));
    MN_TRY(find_accounts(r, q->from, q->n_from, r->from, &r->n_from, e));
    MN_TRY(find_accounts(r, q->not_from, q->n_not_from, r->not_from, &r->n_not_from, e));
    r->nobody = q->n_from > 0 && r->n_from == 0;
    r->below = r->s->below;
    r->above = r->s->above;
    if (q->until_ms) {
        uint64_t id = mn_snowflake_floor(q->until_ms);
        if (r->below == 0 || id < r->below) r->below = id;
    }
    if (q->from_ms) {
        uint64_t id = mn_snowflake_floor(q->from_ms);
        if (id > r->above + 1) r->above = id - 1;
    }
    return MN_OK;
}

mn_rc mn_post_search_run(const mn_post_search *s, mn_arena *a, uint64_t **ret, size_t *ret_n,
                         mn_err *e)
{
    run r = {.s = s, .a = a, .want = s->offset + s->limit};
    if (s->offset > 1000 || s->limit > 1000 || r.want > 1000)
        return mn_fail(e, MN_E_LIMIT, "a search gives at most 1000 posts");
    mn_arena_init(&r.scratch, 0);
    mn_rc rc = prepare(&r, e);
    *ret = NULL;
    *ret_n = 0;
    if (rc == MN_OK && !mn_post_query_empty(&r.q) && !r.nobody) rc = search(&r, ret, ret_n, e);
    mn_arena_release(&r.scratch);
    return rc;
}
