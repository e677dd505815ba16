/* Answers made of posts: retrieve, weigh, group, quote, cite, or say that nothing here speaks of
 * it.
 *
 * 1. The index gives CANDIDATES posts for the question, expanded. Their scores are made relative
 *    to the best and lifted where many good posts stand close in time (a kernel density over the
 *    best; events come in bursts).
 * 2. A post counts when one passage of it carries at least MN_ASK_COVER of the question's
 *    weight. One whose author has not allowed quoting is counted as withheld and not looked at
 *    again.
 * 3. Posts that say the same become a group. A group is worth its best post, a little more when
 *    many accounts say it.
 * 4. Each line quotes the earliest original of a group among its best, word for word, and cites
 *    up to three others.
 */
#include "mind/ask.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "mind/ask_int.h"

#define CANDIDATES   200u
#define BURST_POSTS  50u    /* that the density is made of */
#define BURST_MS     43.2e6 /* width of the kernel: 12 hours */
#define BURST_WEIGHT 0.3
#define NEARLY       0.9  /* of a group's best: good enough to be quoted for being earlier */
#define CROWD_WEIGHT 0.03 /* for each doubling of accounts */
#define REPEATED     0.8  /* of a quote's words (Jaccard): said in a line above */
#define ECHO_WEIGHT                                                                            \
    0.4 /* how the question is worded, where it has one topic word ("what is love") */
#define OTHER_LANGUAGE 0.7 /* of what a post in the language asked in is worth */

typedef struct asking {
    mn_arena *a;      /* what is answered */
    mn_arena scratch; /* what is not */
    mn_snap *snap;
    mn_store *store;
    mn_ask_question q;
    mn_consents server;
    mn_ask_post *posts; /* that may be quoted and carry the question, by id */
    size_t n;
    size_t withheld;
} asking;

/* ---- relevance ------------------------------------------------------------------------------- */

static double density(const mn_post *posts, const double *score, size_t n, int64_t at)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)(posts[i].created_ms - at) / BURST_MS;
        sum += score[i] * exp(-0.5 * d * d);
    }
    return sum;
}

/* Turns scores (best first) into relevance: share of the best, and of the densest. */
static mn_rc lift_bursts(asking *k, const mn_posts *posts, double *score, mn_err *e)
{
    size_t n = posts->n, top = n < BURST_POSTS ? n : BURST_POSTS;
    double most = 0, best = n ? score[0] : 0;
    double *dense = mn_arena_alloc(&k->scratch, (n + 1) * sizeof *dense);
    if (!dense) return mn_fail(e, MN_E_NOMEM, "no memory for an answer");
    for (size_t i = 0; i < n; i++) {
        dense[i] = density(posts->items, score, top, posts->items[i].created_ms);
        if (dense[i] > most) most = dense[i];
    }
    for (size_t i = 0; i < n && best > 0 && most > 0; i++)
        score[i] = score[i] / best + BURST_WEIGHT * dense[i] / most;
    return MN_OK;
}

static int by_id(const void *x, const void *y)
{
    const mn_ask_post *a = x, *b = y;
    return a->post->id < b->post->id ? -1 : a->post->id > b->post->id;
}

static bool readable(const mn_post *p)
{
    return !p->deleted_ms && !p->boost_of && p->visibility <= MN_VIS_UNLISTED &&
           p->account_state == MN_ACCOUNT_ACTIVE;
}

static mn_rc weigh_post(asking *k, const mn_post *p, double relevance, mn_err *e)
{
    double echo;
    mn_ask_post *it = &k->posts[k->n];
    *it = (mn_ask_post){.post = p, .relevance = relevance};
    if (!readable(p)) return MN_OK;
    MN_TRY(mn_ask__best_passage(&k->q, p->text, &k->scratch, &it->quote, &it->cover, e));
    if (it->cover < MN_ASK_COVER) return MN_OK;
    if (!mn_social_allows(p, k->server, MN_P_INFERENCE_INPUT)) {
        k->withheld++;
        return MN_OK;
    }
    MN_TRY(mn_ask__echo(&k->q, it->quote, &echo, e));
    it->worth = relevance * it->cover * mn_ask__quality(it->quote) *
                (k->q.n > 1 ? 1 : 1 - ECHO_WEIGHT + ECHO_WEIGHT * echo);
    if (!mn_ask__same_language(k->q.lang, p->lang, p->text)) it->worth *= OTHER_LANGUAGE;
    k->n++;
    return mn_ask__words(p->text, &k->scratch, &it->words, &it->n_words, e);
}

static mn_rc retrieve(asking *k, mn_search *x, mn_str question, uint64_t before, mn_err *e)
{
    mn_hit *hits;
    size_t n_hits, n = 0;
    mn_posts posts;
    uint64_t seq, ids[CANDIDATES];
    double score[CANDIDATES];
    mn_str words;
    mn_query_opts o = {.before = before, .limit = CANDIDATES, .expand = true};
    MN_TRY(mn_store_consent_server(k->store, &k->server, &seq, e));
    /* one word alone would bring its 200 shortest posts; the wording finds those that explain it */
    if (k->q.n == 1) words = question;
    else MN_TRY(mn_ask__topic_words(&k->q, question, &k->scratch, &words, e));
    MN_TRY(mn_search_query(x, words, &o, &k->scratch, &hits, &n_hits, e));
    for (size_t i = 0; i < n_hits; i++) ids[i] = hits[i].id;
    /* quotes are slices of these texts: they live as long as the answer */
    MN_TRY(mn_store_posts_by_ids(k->store, ids, n_hits, k->a, &posts, e));
    for (size_t i = 0; i < n_hits && n < posts.n; i++) /* absent ones were left out */
        if (posts.items[n].id == ids[i]) score[n++] = hits[i].score;
    posts.n = n;
    MN_TRY(lift_bursts(k, &posts, score, e));
    k->posts = mn_arena_alloc(&k->scratch, (n + 1) * sizeof *k->posts);
    if (!k->posts) return mn_fail(e, MN_E_NOMEM, "no memory for an answer");
    for (size_t i = 0; i < n; i++) MN_TRY(weigh_post(k, &posts.items[i], score[i], e));
    if (k->n) qsort(k->posts, k->n, sizeof *k->posts, by_id);
    return MN_OK;
}

/* ---- groups ---------------------------------------------------------------------------------- */

typedef struct group {
    size_t number, quoted; /* quoted: place in posts */
    size_t n_posts, n_accounts, n_own_words;
    double worth;
} group;

static int by_worth(const void *x, const void *y)
{
    const group *a = x, *b = y;
    if (a->worth != b->worth) return a->worth < b->worth ? 1 : -1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Is it the first of its group by this account? own: and not a copy of the quoted post. */
static bool first_of_account(const asking *k, size_t i, const mn_ask_post *quoted, bool own)
{
    const mn_ask_post *p = &k->posts[i];
    if (own && p != quoted &&
        mn_ask__jaccard(p->words, p->n_words, quoted->words, quoted->n_words) >= MN_ASK_COPY)
        return false;
    for (size_t j = 0; j < i; j++)
        if (k->posts[j].group == p->group &&
            k->posts[j].post->account_id == p->post->account_id)
            return false;
    return true;
}

/* The earliest of those that speak of the question nearly as well as any in the group and are
 * not somebody else's text passed on; when all are passed on, the earliest that speaks of it. */
static size_t choose_quoted(const asking *k, size_t number)
{
    size_t first = k->n;
    double best = 0;
    for (size_t i = 0; i < k->n; i++) {
        if (k->posts[i].group == number && k->posts[i].worth > best) best = k->posts[i].worth;
    }
    for (size_t i = 0; i < k->n; i++) {
        const mn_ask_post *p = &k->posts[i];
        if (p->group != number || p->worth < NEARLY * best) continue;
        if (!mn_ask__is_boosted_text(p->post->text)) return i;
        if (first == k->n) first = i;
    }
    return first;
}

static group weigh_group(const asking *k, size_t number)
{
    group g = {.number = number, .quoted = choose_quoted(k, number)};
    for (size_t i = 0; i < k->n; i++) {
        const mn_ask_post *p = &k->posts[i];
        if (p->group != number) continue;
        g.n_posts++;
        g.n_accounts += first_of_account(k, i, &k->posts[g.quoted], false);
        g.n_own_words += first_of_account(k, i, &k->posts[g.quoted], true);
        if (p->worth > g.worth) g.worth = p->worth;
    }
    g.worth += CROWD_WEIGHT * log2((double)g.n_accounts);
    return g;
}

static mn_rc make_groups(asking *k, group **ret, size_t *ret_n, mn_err *e)
{
    size_t *leaders = mn_arena_alloc(&k->scratch, (k->n + 1) * sizeof *leaders);
    group *g = mn_arena_alloc(&k->scratch, (k->n + 1) * sizeof *g);
    if (!leaders || !g) return mn_fail(e, MN_E_NOMEM, "no memory for an answer");
    size_t n = mn_ask__group(k->posts, k->n, leaders);
    for (size_t i = 0; i < n; i++) g[i] = weigh_group(k, i);
    if (n) qsort(g, n, sizeof *g, by_worth);
    *ret = g;
    *ret_n = n;
    return MN_OK;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static mn_rc write_line(asking *k, const group *g, mn_answer_line *ret, mn_err *e)
{
    const mn_ask_post *quoted = &k->posts[g->quoted];
    mn_answer_line l = {.text = quoted->quote,
                        .n_posts = g->n_posts,
                        .n_accounts = g->n_accounts,
                        .unconfirmed = g->n_own_words < 2,
                        .first_ms = INT64_MAX};
    l.citations = mn_arena_alloc(k->a, MN_ASK_CITATIONS_MAX * sizeof *l.citations);
    if (!l.citations) return mn_fail(e, MN_E_NOMEM, "no memory for an answer");
    l.citations[l.n_citations++] = quoted->post->id;
    for (size_t i = 0; i < k->n; i++) {
        const mn_ask_post *p = &k->posts[i];
        if (p->group != g->number) continue;
        if (p->post->created_ms < l.first_ms) l.first_ms = p->post->created_ms;
        if (i != g->quoted && l.n_citations < MN_ASK_CITATIONS_MAX)
            l.citations[l.n_citations++] = p->post->id;
    }
    *ret = l;
    return MN_OK;
}

/* Do the quoted words stand in an earlier line already, in a longer or shorter post? */
static mn_rc is_repeated(asking *k, const mn_answer *r, mn_str quote, bool *ret, mn_err *e)
{
    uint64_t *x, *y;
    size_t n, m;
    *ret = false;
    MN_TRY(mn_ask__words(quote, &k->scratch, &x, &n, e));
    for (size_t i = 0; i < r->n_lines && !*ret; i++) {
        MN_TRY(mn_ask__words(r->lines[i].text, &k->scratch, &y, &m, e));
        *ret = mn_ask__jaccard(x, n, y, m) >= REPEATED;
    }
    return MN_OK;
}

static const mn_post *post_of(const asking *k, uint64_t id)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->posts[i].post->id == id) return k->posts[i].post;
    return NULL;
}

/* Every cited post once, in order of first citation. */
static mn_rc list_posts(const asking *k, mn_answer *r, mn_err *e)
{
    r->posts.items =
        mn_arena_alloc(k->a, (r->n_lines * MN_ASK_CITATIONS_MAX + 1) * sizeof *r->posts.items);
    if (!r->posts.items) return mn_fail(e, MN_E_NOMEM, "no memory for an answer");
    for (size_t i = 0; i < r->n_lines; i++)
        for (size_t c = 0; c < r->lines[i].n_citations; c++) {
            uint64_t id = r->lines[i].citations[c];
            bool listed = false;
            for (size_t p = 0; p < r->posts.n && !listed; p++)
                listed = r->posts.items[p].id == id;
            if (!listed) r->posts.items[r->posts.n++] = *post_of(k, id);
        }
    return MN_OK;
}

/* The model's sentence goes first, standing on the line it is supported by. */
static mn_rc add_generated(asking *k, mn_engine *g, mn_str question, mn_answer *r, mn_err *e)
{
    mn_str said, *sources = mn_arena_alloc(&k->scratch, (r->n_lines + 1) * sizeof *sources);
    size_t from;
    if (!sources) return mn_fail(e, MN_E_NOMEM, "no memory for an answer");
    for (size_t i = 0; i < r->n_lines; i++)
        sources[i] = post_of(k, r->lines[i].citations[0])->text;
    MN_TRY(
        mn_ask__model_sentence(g, question, &k->q, sources, r->n_lines, k->a, &said, &from, e));
    if (!said.ptr) return MN_OK;
    mn_answer_line l = r->lines[from];
    l.text = said;
    l.generated = true;
    memmove(r->lines + 1, r->lines, r->n_lines * sizeof *r->lines);
    r->lines[0] = l;
    r->n_lines++;
    return MN_OK;
}

static mn_rc answer(asking *k, mn_search *x, mn_str question, const mn_ask_opts *o,
                    mn_answer *r, mn_err *e)
{
    group *g = NULL;
    size_t n = 0, most = o->max_lines ? o->max_lines : 5;
    MN_TRY(mn_ask__question(question, k->snap, &k->scratch, &k->q, e));
    if (k->q.n == 0) return MN_OK; /* asks nothing */
    MN_TRY(retrieve(k, x, question, o->before, e));
    MN_TRY(make_groups(k, &g, &n, e));
    r->lines = mn_arena_calloc(k->a, most + 2, sizeof *r->lines);
    if (!r->lines) return mn_fail(e, MN_E_NOMEM, "no memory for an answer");
    for (size_t i = 0; i < n && r->n_lines < most; i++) {
        bool repeated;
        MN_TRY(is_repeated(k, r, k->posts[g[i].quoted].quote, &repeated, e));
        if (repeated) continue;
        MN_TRY(write_line(k, &g[i], &r->lines[r->n_lines], e));
        r->n_lines++;
    }
    if (o->engine && n) MN_TRY(add_generated(k, o->engine, question, r, e));
    r->withheld = k->withheld;
    r->found = n > 0;
    return list_posts(k, r, e);
}

mn_rc mn_ask(mn_search *x, mn_store *s, mn_str question, const mn_ask_opts *o, mn_arena *a,
             mn_answer *ret, mn_err *e)
{
    asking k = {.a = a, .store = s, .snap = mn_mind__search_snap(x)};
    mn_answer r = {0};
    int64_t started = mn_mono_us();
    mn_arena_init(&k.scratch, 0);
    mn_rc rc = answer(&k, x, question, o, &r, e);
    mn_arena_release(&k.scratch);
    mn_mind__snap_unref(k.snap);
    r.took_ms = (double)(mn_mono_us() - started) / 1000.0;
    if (rc == MN_OK) *ret = r;
    return rc;
}
