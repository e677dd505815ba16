/* Three kinds of counters say whether a page is still what it was: `strict` for what may change any page (an edit, a deletion,
 * a suspension, a count, a setting), one for the new posts of an author (of those that share the place), and `all`, which
 * every change moves first. A page is put away with the counters as they were when the last look at `all` still found it
 * where it was before the store was read. */
#include "api/pages/kept.h"

#include <pthread.h>
#include <stdatomic.h>

#include "api/mastodon/mastodon.h"
#include "api/mastodon/params.h"
#include "base/clock.h"
#include "base/hash.h"

#define AUTHORS        1024
#define PATH_MAX_BYTES 128

typedef struct kept {
    char path[PATH_MAX_BYTES];
    size_t path_len, n_read;
    char *body; /* NULL: the place is free */
    size_t len;
    uint64_t author, strict, news;
    int64_t made_us;
} kept;

struct mn_kept {
    mn_store *store;
    _Atomic uint64_t all, strict, authors[AUTHORS], hits;
    pthread_mutex_t lock; /* of the pages */
    kept pages[MN_KEPT_PAGES];
};

/* ---- changes ----------------------------------------------------------------------------------------------------- */

static _Atomic uint64_t *author_of(mn_kept *c, uint64_t account)
{
    return &c->authors[account * UINT64_C(0x9E3779B97F4A7C15) >> 54];
}

static void changed(mn_kept *c, _Atomic uint64_t *counter)
{
    atomic_fetch_add(&c->all, 1);
    atomic_fetch_add(counter, 1);
}

static void on_event(mn_kept *c, const mn_event *ev)
{
    switch (ev->kind) {
    case MN_EV_POST_NEW:
        changed(c, author_of(c, ev->account));
        return;
    case MN_EV_ACCOUNT:
        changed(c, ev->other == MN_EV_ACCOUNT_COUNTS ? author_of(c, ev->account) : &c->strict);
        return;
    case MN_EV_NOTIFICATION:
    case MN_EV_NOTIFICATIONS_MERGED:
    case MN_EV_CONVERSATION:
    case MN_EV_FILTERS:
    case MN_EV_RELATION:
    case MN_EV_LIST:
    case MN_EV_TAGS:
    case MN_EV_TOKEN_GONE:
    case MN_EV_ANNOUNCEMENT:
    case MN_EV_MARKERS:
        return; /* what members have for themselves */
    default:
        changed(c, &c->strict);
    }
}

static void on_events(void *arg, const mn_event *ev, size_t n)
{
    for (size_t i = 0; i < n; i++) on_event(arg, &ev[i]);
}

/* ---- the door ---------------------------------------------------------------------------------------------------- */

mn_rc mn_kept_new(mn_store *s, mn_kept **ret, mn_err *e)
{
    mn_kept *c = mn_calloc(1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "out of memory starting the server");
    pthread_mutex_init(&c->lock, NULL);
    c->store = s;
    mn_rc rc = mn_store_listen(s, on_events, c, e);
    if (rc != MN_OK) mn_kept_free(c);
    else *ret = c;
    return rc;
}

void mn_kept_free(mn_kept *c)
{
    if (!c) return;
    mn_store_unlisten(c->store, on_events, c);
    for (size_t i = 0; i < MN_KEPT_PAGES; i++) mn_free(c->pages[i].body);
    pthread_mutex_destroy(&c->lock);
    mn_free(c);
}

/* The place of the page, NULL when it is none that is kept. */
static kept *place_of(mn_kept *c, const mn_req *r)
{
    if (r->query.len || r->path.len > PATH_MAX_BYTES || mn_masto_me(r)) return NULL;
    return &c->pages[mn_hash64(r->path.ptr, r->path.len, 0) % MN_KEPT_PAGES];
}

static uint64_t news_of(mn_kept *c, uint64_t author)
{
    return author ? atomic_load(author_of(c, author)) : atomic_load(&c->all);
}

static bool is_good(mn_kept *c, const kept *k, const mn_req *r)
{
    return k->body && mn_str_eq((mn_str){k->path, k->path_len}, r->path) &&
           k->strict == atomic_load(&c->strict) && k->news == news_of(c, k->author) &&
           mn_mono_us() - k->made_us < MN_KEPT_MS * INT64_C(1000);
}

bool mn_kept_answer(mn_kept *c, mn_req *r, mn_resp *w, uint64_t *ret_ticket)
{
    kept *k = place_of(c, r);
    *ret_ticket = atomic_load(&c->all);
    if (!k) return false;
    pthread_mutex_lock(&c->lock);
    size_t n_read = k->n_read;
    bool is = is_good(c, k, r) && mn_buf_add(mn_resp_body(w), k->body, k->len) == MN_OK;
    pthread_mutex_unlock(&c->lock);
    if (!is) return false;
    mn_resp_status(w, 200);
    mn_resp_type(w, "text/html; charset=utf-8");
    mn_resp_header(w, "Vary", MN_STR("Cookie"));
    mn_resp_etag(w);
    mn_api__read(r, n_read);
    atomic_fetch_add(&c->hits, 1);
    return true;
}

static bool fill(kept *k, const mn_req *r, const mn_buf *b)
{
    char *body = mn_realloc(k->body, b->len);
    if (!body) return false;
    k->body = body;
    k->len = b->len;
    memcpy(body, b->ptr, b->len);
    memcpy(k->path, r->path.ptr, r->path.len);
    k->path_len = r->path.len;
    return true;
}

void mn_kept_put(mn_kept *c, mn_req *r, mn_resp *w, uint64_t ticket, uint64_t author)
{
    kept *k = place_of(c, r);
    const mn_masto_state *state = r->priv;
    const mn_buf *b = mn_resp_body(w);
    if (!k || b->failed || b->len == 0 || b->len > MN_KEPT_BYTES_MAX) return;
    uint64_t strict = atomic_load(&c->strict), news = news_of(c, author);
    if (atomic_load(&c->all) != ticket) return;
    pthread_mutex_lock(&c->lock);
    if (fill(k, r, b)) {
        k->author = author;
        k->strict = strict;
        k->news = news;
        k->n_read = state ? state->n_read : 0;
        k->made_us = mn_mono_us();
    }
    pthread_mutex_unlock(&c->lock);
}

uint64_t mn_kept_hits(mn_kept *c)
{
    return atomic_load(&c->hits);
}
