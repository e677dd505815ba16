/* Filters: a set for each account that reads, compiled when first asked for and thrown away when it changes. */
#include "social/filters.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/snowflake.h"
#include "social/filter_match.h"

#define BUCKETS   1024
#define BYTES_MAX (8u << 20)

struct mn_filter_set {
    atomic_int refs;
    uint64_t account;
    mn_arena arena;
    mn_filter *filters;
    size_t n;
    mn_words *words;     /* NULL: none */
    uint32_t *filter_of; /* by word: its filter */
    mn_str *texts;       /* by word */
    size_t n_words, bytes;
    mn_filter_set *chain, *newer, *older; /* guarded by the table's lock */
};

struct mn_filters {
    mn_store *store;
    pthread_mutex_t lock;
    mn_filter_set *buckets[BUCKETS], *newest, *oldest;
    size_t bytes;
    uint64_t changes; /* how often anything was thrown away by an event */
};

/* ---- sets ------------------------------------------------------------------------------------------------------------ */

void mn_filter_set_done(mn_filter_set *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1) return;
    mn_words_free(s->words);
    mn_arena_release(&s->arena);
    mn_free(s);
}

bool mn_filter_set_empty(const mn_filter_set *s)
{
    return s->n == 0;
}

bool mn_filter_set_has_words(const mn_filter_set *s)
{
    return s->words != NULL;
}

static mn_rc compile(mn_filter_set *s, mn_err *e)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < s->n; i++) n += s->filters[i].n_keywords;
    if (n == 0) return MN_OK;
    mn_word *words = mn_arena_alloc(&s->arena, n * sizeof *words);
    s->filter_of = mn_arena_alloc(&s->arena, n * sizeof *s->filter_of);
    s->texts = mn_arena_alloc(&s->arena, n * sizeof *s->texts);
    if (!words || !s->filter_of || !s->texts)
        return mn_fail(e, MN_E_NOMEM, "out of memory for filters");
    for (size_t i = 0; i < s->n; i++)
        for (size_t w = 0; w < s->filters[i].n_keywords; w++, k++) {
            const mn_filter_keyword *kw = &s->filters[i].keywords[w];
            words[k] = (mn_word){kw->keyword, kw->whole_word};
            s->filter_of[k] = (uint32_t)i;
            s->texts[k] = kw->keyword;
        }
    s->n_words = n;
    return mn_words_new(words, n, &s->words, e);
}

static mn_rc load(mn_store *store, uint64_t account, mn_filter_set **ret, mn_err *e)
{
    mn_filter_set *s = mn_calloc(1, sizeof *s);
    if (!s) return mn_fail(e, MN_E_NOMEM, "out of memory for filters");
    atomic_init(&s->refs, 1);
    s->account = account;
    mn_arena_init(&s->arena, 0);
    mn_rc rc = mn_store_filters(store, account, &s->arena, &s->filters, &s->n, e);
    if (rc == MN_OK) rc = compile(s, e);
    s->bytes = sizeof *s + s->arena.used_bytes + (s->words ? mn_words_bytes(s->words) : 0);
    if (rc == MN_OK) *ret = s;
    else mn_filter_set_done(s);
    return rc;
}

/* ---- the table --------------------------------------------------------------------------------------------------------- */

static mn_filter_set **place(mn_filters *f, uint64_t account)
{
    mn_filter_set **at =
        &f->buckets[(size_t)((account * UINT64_C(0x9E3779B97F4A7C15)) >> 40) % BUCKETS];
    while (*at && (*at)->account != account) at = &(*at)->chain;
    return at;
}

static void unlink_use(mn_filters *f, mn_filter_set *s)
{
    if (s->newer) s->newer->older = s->older;
    else f->newest = s->older;
    if (s->older) s->older->newer = s->newer;
    else f->oldest = s->newer;
}

static void link_use(mn_filters *f, mn_filter_set *s)
{
    s->newer = NULL;
    s->older = f->newest;
    if (f->newest) f->newest->newer = s;
    else f->oldest = s;
    f->newest = s;
}

static void drop(mn_filters *f, mn_filter_set **at)
{
    mn_filter_set *s = *at;
    if (!s) return;
    *at = s->chain;
    unlink_use(f, s);
    f->bytes -= s->bytes;
    mn_filter_set_done(s);
}

static void keep(mn_filters *f, mn_filter_set *s)
{
    mn_filter_set **at = place(f, s->account);
    drop(f, at);
    at = place(f, s->account);
    s->chain = *at;
    *at = s;
    atomic_fetch_add(&s->refs, 1);
    link_use(f, s);
    f->bytes += s->bytes;
    while (f->bytes > BYTES_MAX && f->oldest != s) drop(f, place(f, f->oldest->account));
}

mn_rc mn_filters_take(mn_filters *f, uint64_t account, mn_filter_set **ret, mn_err *e)
{
    mn_filter_set *s;
    pthread_mutex_lock(&f->lock);
    s = *place(f, account);
    if (s) {
        atomic_fetch_add(&s->refs, 1);
        unlink_use(f, s);
        link_use(f, s);
    }
    uint64_t changes = f->changes;
    pthread_mutex_unlock(&f->lock);
    if (!s) {
        MN_TRY(load(f->store, account, &s, e));
        pthread_mutex_lock(&f->lock);
        if (changes == f->changes) keep(f, s); /* else it may be of before the change */
        pthread_mutex_unlock(&f->lock);
    }
    *ret = s;
    return MN_OK;
}

static void on_events(void *arg, const mn_event *ev, size_t n)
{
    mn_filters *f = arg;
    for (size_t i = 0; i < n; i++) {
        if (ev[i].kind != MN_EV_FILTERS && ev[i].kind != MN_EV_ALL) continue;
        pthread_mutex_lock(&f->lock);
        f->changes++;
        if (ev[i].kind == MN_EV_FILTERS) drop(f, place(f, ev[i].account));
        while (ev[i].kind == MN_EV_ALL && f->oldest) drop(f, place(f, f->oldest->account));
        pthread_mutex_unlock(&f->lock);
    }
}

mn_rc mn_filters_new(mn_store *s, mn_filters **ret, mn_err *e)
{
    mn_filters *f = mn_calloc(1, sizeof *f);
    if (!f) return mn_fail(e, MN_E_NOMEM, "out of memory for filters");
    f->store = s;
    pthread_mutex_init(&f->lock, NULL);
    mn_rc rc = mn_store_listen(s, on_events, f, e);
    if (rc == MN_OK) *ret = f;
    else {
        pthread_mutex_destroy(&f->lock);
        mn_free(f);
    }
    return rc;
}

void mn_filters_free(mn_filters *f)
{
    if (!f) return;
    mn_store_unlisten(f->store, on_events, f);
    while (f->oldest) drop(f, place(f, f->oldest->account));
    pthread_mutex_destroy(&f->lock);
    mn_free(f);
}

/* ---- matching ---------------------------------------------------------------------------------------------------------- */

static bool names_post(const mn_filter *f, uint64_t post)
{
    for (size_t i = 0; i < f->n_posts; i++)
        if (f->posts[i].post_id == post) return true;
    return false;
}

static mn_rc match_one(const mn_filter_set *s, size_t i, const bool *found, uint64_t post,
                       mn_arena *ar, mn_filter_match *ret, mn_err *e)
{
    const mn_filter *f = &s->filters[i];
    *ret = (mn_filter_match){.filter = f, .post = names_post(f, post)};
    ret->keywords = mn_arena_alloc(ar, (f->n_keywords + 1) * sizeof(mn_str));
    if (!ret->keywords) return mn_fail(e, MN_E_NOMEM, "out of memory for filters");
    for (size_t k = 0; k < s->n_words; k++)
        if (s->filter_of[k] == i && found[k]) ret->keywords[ret->n_keywords++] = s->texts[k];
    return MN_OK;
}

mn_rc mn_filter_set_match(const mn_filter_set *s, uint64_t post_id, const mn_str *texts,
                          size_t n_texts, int64_t now_ms, mn_arena *ar, mn_filter_match **ret,
                          size_t *ret_n, mn_err *e)
{
    size_t n = 0;
    bool *found = mn_arena_calloc(ar, s->n_words + 1, sizeof *found);
    mn_filter_match *all = mn_arena_alloc(ar, (s->n + 1) * sizeof *all);
    if (!found || !all) return mn_fail(e, MN_E_NOMEM, "out of memory for filters");
    for (size_t i = 0; s->words && i < n_texts; i++) mn_words_find(s->words, texts[i], found);
    for (size_t i = 0; i < s->n; i++) {
        if (s->filters[i].expires_ms && s->filters[i].expires_ms <= now_ms) continue;
        MN_TRY(match_one(s, i, found, post_id, ar, &all[n], e));
        n += all[n].n_keywords || all[n].post;
    }
    *ret = all;
    *ret_n = n;
    return MN_OK;
}

/* ---- what members do ----------------------------------------------------------------------------------------------------- */

static mn_rc check(const mn_filter *f, mn_err *e)
{
    if (f->title.len == 0)
        return mn_fail(e, MN_E_USAGE, "Validation failed: Title can't be blank");
    if (mn_utf8_count(f->title) > MN_FILTER_TITLE_MAX)
        return mn_fail(e, MN_E_USAGE,
                       "Validation failed: Title is too long (maximum is %d characters)",
                       MN_FILTER_TITLE_MAX);
    if (f->context == 0)
        return mn_fail(e, MN_E_USAGE,
                       "Validation failed: Context None or invalid context supplied");
    return MN_OK;
}

static mn_rc check_keyword(mn_str keyword, mn_err *e)
{
    if (mn_str_trim(keyword).len == 0)
        return mn_fail(e, MN_E_USAGE, "Validation failed: Keyword can't be blank");
    if (mn_utf8_count(keyword) > MN_FILTER_KEYWORD_MAX)
        return mn_fail(e, MN_E_USAGE,
                       "Validation failed: Keyword is too long (maximum is %d characters)",
                       MN_FILTER_KEYWORD_MAX);
    return MN_OK;
}

static mn_rc change_keyword(mn_store *s, mn_tx *tx, uint64_t account, uint64_t filter,
                            const mn_keyword_change *c, mn_arena *ar, mn_err *e)
{
    mn_filter_keyword k = {.id = c->id ? c->id : mn_snowflake_next(),
                           .filter_id = filter,
                           .keyword = c->keyword,
                           .whole_word = c->whole_word > 0};
    if (c->id && c->destroy) return mn_store_filter_keyword_remove(tx, account, c->id, e);
    if (c->id) {
        MN_TRY(mn_store_filter_keyword(s, account, c->id, ar, &k, e));
        if (filter && k.filter_id != filter) return MN_E_NOT_FOUND;
        if (c->keyword.ptr) k.keyword = c->keyword;
        if (c->whole_word >= 0) k.whole_word = c->whole_word > 0;
    }
    MN_TRY(check_keyword(k.keyword, e));
    return c->id ? mn_store_filter_keyword_update(tx, account, &k, e)
                 : mn_store_filter_keyword_add(tx, account, &k, e);
}

static mn_rc check_counts(mn_tx *tx, uint64_t account, mn_err *e)
{
    uint64_t filters = 0, keywords = 0;
    MN_TRY(mn_store_filter_counts(tx, account, &filters, &keywords, e));
    if (filters > MN_FILTERS_MAX)
        return mn_fail(e, MN_E_LIMIT, "Validation failed: there are at most %d filters",
                       MN_FILTERS_MAX);
    if (keywords > MN_FILTER_KEYWORDS_MAX)
        return mn_fail(e, MN_E_LIMIT, "Validation failed: filters hold at most %d keywords",
                       MN_FILTER_KEYWORDS_MAX);
    return MN_OK;
}

static mn_rc save(mn_store *s, mn_tx *tx, const mn_filter_change *c, mn_filter *f, mn_arena *ar,
                  mn_err *e)
{
    MN_TRY(c->f.id ? mn_store_filter_update(tx, f, e) : mn_store_filter_add(tx, f, e));
    for (size_t i = 0; i < c->n_keywords; i++)
        MN_TRY(change_keyword(s, tx, f->account_id, f->id, &c->keywords[i], ar, e));
    return check_counts(tx, f->account_id, e);
}

mn_rc mn_social_filter_save(mn_store *s, const mn_filter_change *c, uint64_t *ret_id, mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    mn_filter f = c->f;
    if (!f.id) f.id = mn_snowflake_next();
    MN_TRY(check(&f, e));
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = save(s, tx, c, &f, &ar, e);
    mn_arena_release(&ar);
    rc = mn_store_end(tx, rc, e);
    if (rc == MN_OK) *ret_id = f.id;
    return rc;
}
