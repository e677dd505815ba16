/* Timelines in memory.
 *
 * A viewer is an account that reads or is watched: its context (whom it follows, hides …), which never changes, and the
 * newest entries of its home and of lists it has read. An index leads from an author or a tag to the viewers it concerns, so a
 * new post costs what its audience in memory costs, not what its followers cost.
 *
 * What keeps it right: a change of what a viewer goes by throws its context and its timelines away, and they are read anew
 * when next asked for; a post that comes, changes or goes is looked at anew, and entered or taken out. Both come as events
 * after their commit. Reading anew happens outside the lock; meanwhile the viewer is busy, and what happens is noted: posts
 * are looked at once more before the result is used, a change of the context makes it begin again. The store is never read
 * under the lock. */
#include "social/feeds.h"

#include <pthread.h>

#include "base/clock.h"
#include "social/feeds_int.h"

#define BYTES_DEFAULT (32u << 20)
#define PENDING_MAX   4096 /* posts noted while a timeline is read; more: it is read again */
#define TRIES_MAX     50
#define SLACK         100 /* entries above MN_FEED_KEPT + MN_FEED_BOOST before the oldest go */
#define BUCKETS       4096

typedef struct feed {
    uint64_t list; /* 0: the home */
    mn_feed_seq seq;
    bool whole; /* there is nothing older */
    struct feed *next;
} feed;

typedef struct viewer {
    uint64_t account;
    mn_feed_ctx *ctx; /* NULL: to be read */
    feed *feeds;
    size_t bytes;
    int pins;
    bool busy, stale,
        cold; /* stale: while busy, begin again; cold: pinned and without context */
    uint64_t *pending;
    size_t n_pending;
    uint64_t mark; /* of the last walk that met it */
    struct viewer *chain, *newer, *older;
} viewer;

struct mn_feeds {
    mn_store *store;
    size_t bytes_max;
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t idle;  /* a viewer is busy no more */
    viewer *buckets[BUCKETS];
    viewer *newest, *oldest; /* by use */
    mn_feed_index authors, tags;
    size_t n_busy, n_cold, n_tagged; /* n_tagged: contexts that follow tags */
    uint64_t mark;
    mn_feeds_stats stats;
};

/* ---- viewers ------------------------------------------------------------------------------------------------------- */

static size_t bucket(uint64_t account)
{
    return (size_t)((account * UINT64_C(0x9E3779B97F4A7C15)) >> 40) % BUCKETS;
}

static viewer *find(const mn_feeds *f, uint64_t account)
{
    viewer *v = f->buckets[bucket(account)];
    while (v && v->account != account) v = v->chain;
    return v;
}

static void unlink_use(mn_feeds *f, viewer *v)
{
    if (v->newer) v->newer->older = v->older;
    else f->newest = v->older;
    if (v->older) v->older->newer = v->newer;
    else f->oldest = v->newer;
    v->newer = v->older = NULL;
}

static void link_newest(mn_feeds *f, viewer *v)
{
    v->older = f->newest;
    v->newer = NULL;
    if (f->newest) f->newest->newer = v;
    else f->oldest = v;
    f->newest = v;
}

static void used(mn_feeds *f, viewer *v)
{
    if (f->newest == v) return;
    unlink_use(f, v);
    link_newest(f, v);
}

static viewer *find_or_make(mn_feeds *f, uint64_t account)
{
    viewer *v = find(f, account);
    if (v) return v;
    v = mn_calloc(1, sizeof *v);
    if (!v) return NULL;
    v->account = account;
    v->bytes = sizeof *v;
    v->chain = f->buckets[bucket(account)];
    f->buckets[bucket(account)] = v;
    link_newest(f, v);
    f->stats.accounts++;
    f->stats.bytes += v->bytes;
    return v;
}

static void recount(mn_feeds *f, viewer *v)
{
    size_t bytes = sizeof *v;
    if (v->ctx)
        bytes += v->ctx->arena.used_bytes + sizeof *v->ctx +
                 (v->ctx->n_follows + v->ctx->n_tags + 1) * sizeof(void *) * 2;
    for (const feed *x = v->feeds; x; x = x->next)
        bytes += sizeof *x + x->seq.cap * sizeof *x->seq.items;
    f->stats.bytes += bytes - v->bytes;
    v->bytes = bytes;
    bool cold = v->pins > 0 && !v->ctx;
    if (cold != v->cold) f->n_cold += cold ? 1 : (size_t)-1;
    v->cold = cold;
}

static void drop_feeds(mn_feeds *f, viewer *v)
{
    for (feed *x = v->feeds, *next; x; x = next) {
        next = x->next;
        mn_free(x->seq.items);
        mn_free(x);
        f->stats.feeds--;
    }
    v->feeds = NULL;
    recount(f, v);
}

static void index_out(mn_feeds *f, viewer *v, const mn_feed_ctx *c)
{
    mn_social__index_remove(&f->authors, v->account, v);
    for (size_t i = 0; i < c->n_follows; i++)
        mn_social__index_remove(&f->authors, c->follows[i], v);
    for (size_t i = 0; i < c->n_tags; i++) mn_social__index_remove(&f->tags, c->tags[i], v);
}

static bool index_in(mn_feeds *f, viewer *v, const mn_feed_ctx *c)
{
    bool ok = mn_social__index_add(&f->authors, v->account, v);
    for (size_t i = 0; ok && i < c->n_follows; i++)
        ok = mn_social__index_add(&f->authors, c->follows[i], v);
    for (size_t i = 0; ok && i < c->n_tags; i++)
        ok = mn_social__index_add(&f->tags, c->tags[i], v);
    if (!ok) index_out(f, v, c);
    return ok;
}

/* Context and timelines go. */
static void forget(mn_feeds *f, viewer *v)
{
    if (v->ctx) {
        index_out(f, v, v->ctx);
        f->n_tagged -= v->ctx->n_tags > 0;
        mn_social__feed_ctx_unref(v->ctx);
        v->ctx = NULL;
    }
    drop_feeds(f, v);
}

static bool adopt(mn_feeds *f, viewer *v, mn_feed_ctx *c)
{
    if (!index_in(f, v, c)) return false;
    v->ctx = c;
    f->n_tagged += c->n_tags > 0;
    recount(f, v);
    return true;
}

static void remove_viewer(mn_feeds *f, viewer *v)
{
    forget(f, v);
    viewer **at = &f->buckets[bucket(v->account)];
    while (*at != v) at = &(*at)->chain;
    *at = v->chain;
    unlink_use(f, v);
    f->stats.accounts--;
    f->stats.bytes -= v->bytes;
    mn_free(v->pending);
    mn_free(v);
}

/* Those not used for the longest go until the rest fits; of watched ones the timelines alone. */
static void shrink(mn_feeds *f, const viewer *keep)
{
    for (viewer *v = f->oldest, *next; v && f->stats.bytes > f->bytes_max; v = next) {
        next = v->newer;
        if (v == keep || v->busy || (v->pins && !v->feeds)) continue;
        f->stats.evicted++;
        if (v->pins) drop_feeds(f, v);
        else remove_viewer(f, v);
    }
}

/* ---- being busy ------------------------------------------------------------------------------------------------------ */

static bool begin_busy(mn_feeds *f, viewer *v)
{
    if (!v->pending) v->pending = mn_alloc(PENDING_MAX * sizeof *v->pending);
    if (!v->pending) return false;
    v->busy = true;
    v->stale = false;
    v->n_pending = 0;
    f->n_busy++;
    return true;
}

static void end_busy(mn_feeds *f, viewer *v)
{
    v->busy = false;
    mn_free(v->pending);
    v->pending = NULL;
    f->n_busy--;
    pthread_cond_broadcast(&f->idle);
}

static void note_pending(viewer *v, uint64_t post)
{
    if (v->n_pending == PENDING_MAX) v->stale = true;
    else v->pending[v->n_pending++] = post;
}

/* Nothing keeps this viewer any more. */
static void maybe_remove(mn_feeds *f, viewer *v)
{
    if (!v->busy && !v->pins && !v->ctx) remove_viewer(f, v);
}

/* ---- contexts ---------------------------------------------------------------------------------------------------------- */

static bool current(const viewer *v)
{
    return v->ctx && (v->ctx->stale_ms == 0 || mn_now_ms() < v->ctx->stale_ms);
}

/* Reads the context of a busy viewer; the lock is let go meanwhile. */
static mn_rc read_context(mn_feeds *f, viewer *v, mn_err *e)
{
    mn_feed_ctx *c = NULL;
    pthread_mutex_unlock(&f->lock);
    mn_rc rc = mn_social__feed_ctx_load(f->store, v->account, &c, e);
    pthread_mutex_lock(&f->lock);
    if (rc == MN_OK && !v->stale && !adopt(f, v, c)) {
        rc = mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
        mn_social__feed_ctx_unref(c);
    } else if (rc == MN_OK && v->stale) {
        mn_social__feed_ctx_unref(c);
    }
    return rc;
}

static mn_rc too_busy(mn_err *e)
{
    return mn_fail(e, MN_E_BUSY, "a timeline changes faster than it can be read; try again");
}

/* Locked before and after: the viewer, not busy, with a context that is right. */
static mn_rc ready(mn_feeds *f, uint64_t account, viewer **ret, mn_err *e)
{
    for (int tries = 0; tries < TRIES_MAX;) {
        viewer *v = find_or_make(f, account);
        if (!v) return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
        if (v->busy) {
            pthread_cond_wait(&f->idle, &f->lock);
            continue;
        }
        if (current(v)) {
            used(f, v);
            *ret = v;
            return MN_OK;
        }
        forget(f, v);
        if (!begin_busy(f, v)) return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
        mn_rc rc = read_context(f, v, e);
        end_busy(f, v);
        if (rc != MN_OK) {
            maybe_remove(f, v);
            return rc;
        }
        tries++;
    }
    return too_busy(e);
}

/* ---- timelines ----------------------------------------------------------------------------------------------------------- */

static feed *feed_of(const viewer *v, uint64_t list)
{
    feed *x = v->feeds;
    while (x && x->list != list) x = x->next;
    return x;
}

static mn_rc belongs(const mn_feed_ctx *c, uint64_t list, mn_feed_post *p, bool *ret, mn_err *e)
{
    const mn_feed_list *l = list ? mn_social__feed_ctx_list(c, list) : NULL;
    *ret = false;
    if (list) return l ? mn_social__feed_in_list(c, l, p, ret, e) : MN_OK;
    return mn_social__feed_in_home(c, p, ret, e);
}

static void trim(feed *x)
{
    const size_t most = MN_FEED_KEPT + MN_FEED_BOOST;
    if (x->seq.n <= most + SLACK) return;
    size_t drop = x->seq.n - most;
    memmove(x->seq.items, x->seq.items + drop, most * sizeof *x->seq.items);
    x->seq.n = most;
    x->whole = false;
}

/* The newest entries, oldest first. */
static mn_rc read_seq(mn_feeds *f, const mn_feed_ctx *c, feed *x, mn_arena *ar, mn_err *e)
{
    const size_t most = MN_FEED_KEPT + MN_FEED_BOOST;
    mn_feed_merge *m = NULL;
    const mn_feed_list *l = x->list ? mn_social__feed_ctx_list(c, x->list) : NULL;
    mn_feed_entry *got = mn_arena_alloc(ar, most * sizeof *got);
    if (!got) return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    MN_TRY(mn_social__merge_new(f->store, c, l, 0, false, ar, &m, e));
    size_t n = 0;
    bool more = true;
    mn_rc rc = MN_OK;
    while (rc == MN_OK && n < most && more) {
        rc = mn_social__merge_next(m, &got[n], &more, e);
        if (rc == MN_OK && more) n++;
    }
    mn_social__merge_end(m);
    if (rc != MN_OK) return rc;
    x->whole = !more;
    x->seq.items = mn_reallocarray(NULL, n ? n : 1, sizeof *got);
    if (!x->seq.items) return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    for (size_t i = 0; i < n; i++) x->seq.items[i] = got[n - 1 - i];
    x->seq.n = n;
    x->seq.cap = n ? n : 1;
    return MN_OK;
}

/* Looks at a post once more and enters it or takes it out. */
static mn_rc look_again(mn_feeds *f, const mn_feed_ctx *c, feed *x, uint64_t post, mn_arena *ar,
                        mn_err *e)
{
    mn_row row;
    bool yes = false;
    mn_rc rc = mn_store_row(f->store, post, ar, &row, e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    if (rc == MN_E_NOT_FOUND) row = (mn_row){.id = post};
    else {
        mn_feed_post p = {.row = &row, .store = f->store, .arena = ar};
        MN_TRY(belongs(c, x->list, &p, &yes, e));
    }
    /* What is older than all that is held belongs to what is read from the store. */
    if (!x->whole && x->seq.n && post < x->seq.items[0].id) return MN_OK;
    if (!mn_social__feed_seq_put(&x->seq, (mn_feed_entry){post, row.boost_of}, yes))
        return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    return MN_OK;
}

/* Locked before and after, not between: x is filled, with what happened meanwhile. */
static mn_rc fill(mn_feeds *f, viewer *v, mn_feed_ctx *c, feed *x, mn_arena *ar, mn_err *e)
{
    pthread_mutex_unlock(&f->lock);
    mn_rc rc = read_seq(f, c, x, ar, e);
    pthread_mutex_lock(&f->lock);
    for (size_t done = 0; rc == MN_OK && !v->stale && done < v->n_pending; done++) {
        uint64_t post = v->pending[done];
        pthread_mutex_unlock(&f->lock);
        rc = look_again(f, c, x, post, ar, e);
        pthread_mutex_lock(&f->lock);
    }
    return rc;
}

static mn_rc build(mn_feeds *f, viewer *v, uint64_t list, mn_err *e)
{
    mn_arena ar;
    feed *x = mn_calloc(1, sizeof *x);
    if (!x || !begin_busy(f, v)) {
        mn_free(x);
        return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    }
    mn_feed_ctx *c = mn_social__feed_ctx_ref(v->ctx);
    x->list = list;
    mn_arena_init(&ar, 0);
    mn_rc rc = fill(f, v, c, x, &ar, e);
    mn_arena_release(&ar);
    if (rc == MN_OK && !v->stale && v->ctx == c) {
        x->next = v->feeds;
        v->feeds = x;
        trim(x);
        f->stats.feeds++;
        f->stats.built++;
        recount(f, v);
    } else {
        mn_free(x->seq.items);
        mn_free(x);
    }
    end_busy(f, v);
    mn_social__feed_ctx_unref(c);
    return rc;
}

/* Locked before and after: the timeline in memory. */
static mn_rc ready_feed(mn_feeds *f, uint64_t account, uint64_t list, viewer **ret_v,
                        feed **ret, mn_err *e)
{
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        viewer *v = NULL;
        MN_TRY(ready(f, account, &v, e));
        if (list && !mn_social__feed_ctx_list(v->ctx, list)) return MN_E_NOT_FOUND;
        *ret_v = v;
        *ret = feed_of(v, list);
        if (*ret && ((*ret)->whole || (*ret)->seq.n >= MN_FEED_KEPT / 2)) return MN_OK;
        if (*ret) drop_feeds(f, v); /* so many were taken out that it is read anew */
        MN_TRY(build(f, v, list, e));
    }
    return too_busy(e);
}

/* ---- pages ------------------------------------------------------------------------------------------------------------- */

/* From how far on every boost can be judged: the 40 before it are held, or there are none. */
static size_t judged_from(const feed *x)
{
    if (x->whole) return 0;
    return x->seq.n < MN_FEED_BOOST ? x->seq.n : MN_FEED_BOOST;
}

static bool shown(const feed *x, size_t i)
{
    return !mn_social__feed_repeats(&x->seq.items[i], -1, i);
}

/* Newest first. True: memory ended before the page did, which goes on in the store below *ret_below. */
static bool page_down(const feed *x, const mn_span *sp, uint64_t *ret, size_t *ret_n,
                      uint64_t *ret_below)
{
    size_t n = 0, least = judged_from(x);
    size_t i = sp->below ? mn_social__feed_seq_from(&x->seq, sp->below) : x->seq.n;
    bool bounded = false;
    *ret_below = sp->below;
    for (; n < sp->limit && i > least && !bounded; i--) {
        *ret_below = x->seq.items[i - 1].id;
        bounded = *ret_below <= sp->above;
        if (!bounded && shown(x, i - 1)) ret[n++] = *ret_below;
    }
    *ret_n = n;
    return n < sp->limit && !bounded && !x->whole;
}

/* False: it begins below what memory can tell. */
static bool page_up(const feed *x, const mn_span *sp, uint64_t *ret, size_t *ret_n)
{
    size_t n = 0, i = mn_social__feed_seq_from(&x->seq, sp->above + 1);
    if (!x->whole && i < MN_FEED_BOOST) return false;
    for (; n < sp->limit && i < x->seq.n; i++) {
        if (sp->below && x->seq.items[i].id >= sp->below) break;
        if (shown(x, i)) ret[n++] = x->seq.items[i].id;
    }
    for (size_t k = 0; k < n / 2; k++) {
        uint64_t t = ret[k];
        ret[k] = ret[n - 1 - k];
        ret[n - 1 - k] = t;
    }
    *ret_n = n;
    return true;
}

/* What memory does not hold, with the context of then. Not locked. */
static mn_rc from_store(mn_feeds *f, const mn_feed_ctx *c, uint64_t list, const mn_span *sp,
                        uint64_t *ret, size_t *ret_n, mn_err *e)
{
    mn_arena ar;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_social__merge_page(
        f->store, c, list ? mn_social__feed_ctx_list(c, list) : NULL, sp, &ar, ret, ret_n, e);
    mn_arena_release(&ar);
    return rc;
}

/* What memory holds of the page; *ret_ctx, counted, when the rest, *sp, is to be had from the store. */
static mn_rc from_memory(mn_feeds *f, uint64_t account, uint64_t list, mn_span *sp,
                         uint64_t *ret, size_t *ret_n, mn_feed_ctx **ret_ctx, mn_err *e)
{
    viewer *v = NULL;
    feed *x = NULL;
    size_t n = 0;
    uint64_t below = 0;
    pthread_mutex_lock(&f->lock);
    mn_rc rc = ready_feed(f, account, list, &v, &x, e);
    if (rc == MN_OK) {
        bool more = sp->upward ? !page_up(x, sp, ret, &n) : page_down(x, sp, ret, &n, &below);
        if (more) *ret_ctx = mn_social__feed_ctx_ref(v->ctx);
        if (more && !sp->upward) sp->below = below;
        f->stats.from_store += more;
        sp->limit -= n;
        *ret_n = n;
        shrink(f, v);
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

mn_rc mn_feeds_page(mn_feeds *f, uint64_t account, uint64_t list, const mn_span *sp,
                    mn_arena *ar, uint64_t **ret, size_t *ret_n, mn_err *e)
{
    mn_feed_ctx *c = NULL;
    mn_span rest = *sp;
    size_t n = 0, more = 0;
    if (sp->limit > 1000) return mn_fail(e, MN_E_LIMIT, "a page has at most 1000 posts");
    uint64_t *ids = mn_arena_alloc(ar, (sp->limit + 1) * sizeof *ids);
    if (!ids) return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    mn_rc rc = from_memory(f, account, list, &rest, ids, &n, &c, e);
    if (rc == MN_OK && c) rc = from_store(f, c, list, &rest, ids + n, &more, e);
    mn_social__feed_ctx_unref(c);
    if (rc != MN_OK) return rc;
    *ret = ids;
    *ret_n = n + more;
    return MN_OK;
}

/* ---- events ------------------------------------------------------------------------------------------------------------- */

static void invalidate(mn_feeds *f, uint64_t account)
{
    viewer *v = find(f, account);
    if (!v) return;
    if (v->busy) v->stale = true;
    if (v->ctx) f->stats.rebuilt_by_event++;
    forget(f, v);
    maybe_remove(f, v);
}

/* Loads what the rules may ask for of a live post, so that nothing is read under the lock. */
static mn_rc load_beside(mn_feed_post *p, mn_err *e)
{
    uint64_t of = p->row->boost_of ? p->row->boost_of : p->row->id;
    MN_TRY(mn_store_row_mentions(p->store, of, p->arena, &p->mentions, &p->n_mentions, e));
    p->has_mentions = true;
    p->has_tags = p->row->boost_of != 0 || p->row->visibility != MN_VIS_PUBLIC;
    return mn_social__feed_post_tags(p, e);
}

static void drop_all(mn_feeds *f)
{
    for (viewer *v = f->newest, *older; v; v = older) {
        older = v->older;
        if (v->busy) v->stale = true;
        forget(f, v);
        maybe_remove(f, v);
    }
}

/* p NULL: the post is gone. */
static void touch(mn_feeds *f, viewer *v, uint64_t post, mn_feed_post *p)
{
    if (v->mark == f->mark) return;
    v->mark = f->mark;
    for (feed *x = v->feeds; x; x = x->next) {
        bool yes = false;
        mn_err e = {0};
        mn_feed_entry entry = {post, p ? p->row->boost_of : 0};
        if (!x->whole && x->seq.n && post < x->seq.items[0].id) continue;
        mn_rc rc = p ? belongs(v->ctx, x->list, p, &yes, &e) : MN_OK;
        if (rc != MN_OK || !mn_social__feed_seq_put(&x->seq, entry, yes)) {
            drop_feeds(f, v); /* read anew when there is memory */
            return;
        }
        trim(x);
    }
    if (v->feeds) recount(f, v);
}

static void touch_all(mn_feeds *f, const mn_feed_index *index, uint64_t key, uint64_t post,
                      mn_feed_post *p)
{
    size_t n = 0;
    void *const *who = mn_social__index_get(index, key, &n);
    for (size_t i = 0; i < n; i++) touch(f, who[i], post, p);
}

static void touch_tagged(mn_feeds *f, uint64_t post, mn_feed_post *p)
{
    for (viewer *v = f->newest; v; v = v->older)
        if (v->ctx && v->ctx->n_tags) touch(f, v, post, p);
}

/* Notes the post for those who are reading; true when anybody in memory may be concerned. */
static bool concerns(mn_feeds *f, const mn_event *ev)
{
    size_t n = 0;
    for (viewer *v = f->newest; v && f->n_busy; v = v->older)
        if (v->busy) note_pending(v, ev->id);
    mn_social__index_get(&f->authors, ev->account, &n);
    return n > 0 || f->n_tagged > 0;
}

static void post_event(mn_feeds *f, const mn_event *ev)
{
    mn_arena ar;
    mn_row row;
    mn_err e = {0};
    pthread_mutex_lock(&f->lock);
    bool any = concerns(f, ev);
    pthread_mutex_unlock(&f->lock);
    if (!any) return;
    mn_arena_init(&ar, 0);
    mn_feed_post p = {.row = &row, .store = f->store, .arena = &ar};
    mn_rc rc = mn_store_row(f->store, ev->id, &ar, &row, &e);
    bool gone = rc == MN_E_NOT_FOUND;
    if (rc == MN_OK) rc = load_beside(&p, &e);
    pthread_mutex_lock(&f->lock);
    f->mark++;
    if (rc != MN_OK && !gone) {
        drop_all(f); /* they are read anew when the store answers again */
    } else {
        touch_all(f, &f->authors, ev->account, ev->id, gone ? NULL : &p);
        if (ev->kind != MN_EV_POST_NEW) touch_tagged(f, ev->id, gone ? NULL : &p);
        for (size_t i = 0; i < p.n_tags && !gone; i++)
            touch_all(f, &f->tags, p.tags[i], ev->id, &p);
    }
    pthread_mutex_unlock(&f->lock);
    mn_arena_release(&ar);
}

static void drop_tagged(mn_feeds *f)
{
    for (viewer *v = f->newest; v && f->n_tagged; v = v->older)
        if (v->ctx && v->ctx->n_tags) drop_feeds(f, v);
}

static void drop_readers(mn_feeds *f, uint64_t author)
{
    size_t n = 0;
    void *const *who = mn_social__index_get(&f->authors, author, &n);
    for (size_t i = 0; i < n; i++) drop_feeds(f, who[i]);
    for (viewer *v = f->newest; v && f->n_busy; v = v->older)
        if (v->busy) v->stale = true;
    drop_tagged(f);
}

static void locked_event(mn_feeds *f, const mn_event *ev)
{
    switch (ev->kind) {
    case MN_EV_RELATION:
        invalidate(f, ev->other);
        /* fall through */
    case MN_EV_FOLLOW:
    case MN_EV_UNFOLLOW:
    case MN_EV_LIST:
    case MN_EV_TAGS:
        invalidate(f, ev->account);
        break;
    case MN_EV_POSTS:
        drop_readers(f, ev->account);
        break;
    case MN_EV_ACCOUNT: /* silenced, perhaps: what comes by tags asks for that */
        if (ev->other != MN_EV_ACCOUNT_COUNTS) drop_tagged(f);
        break;
    case MN_EV_RULES:
        drop_tagged(f);
        break;
    case MN_EV_ALL:
        drop_all(f);
        break;
    default:
        break;
    }
}

static void on_events(void *arg, const mn_event *ev, size_t n)
{
    mn_feeds *f = arg;
    for (size_t i = 0; i < n; i++) {
        if (ev[i].kind >= MN_EV_POST_NEW && ev[i].kind <= MN_EV_POST_GONE) {
            post_event(f, &ev[i]);
            continue;
        }
        pthread_mutex_lock(&f->lock);
        locked_event(f, &ev[i]);
        pthread_mutex_unlock(&f->lock);
    }
}

/* ---- streams ----------------------------------------------------------------------------------------------------------- */

mn_rc mn_feeds_watch(mn_feeds *f, uint64_t account, mn_err *e)
{
    viewer *v = NULL;
    pthread_mutex_lock(&f->lock);
    mn_rc rc = ready(f, account, &v, e);
    if (rc == MN_OK) {
        v->pins++;
        recount(f, v);
        shrink(f, v);
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

void mn_feeds_unwatch(mn_feeds *f, uint64_t account)
{
    pthread_mutex_lock(&f->lock);
    viewer *v = find(f, account);
    MN_ASSERT(v && v->pins > 0);
    v->pins--;
    recount(f, v);
    maybe_remove(f, v);
    pthread_mutex_unlock(&f->lock);
}

/* Watched accounts whose context was thrown away get it back, so that the index knows them. */
static mn_rc warm(mn_feeds *f, mn_err *e)
{
    while (f->n_cold) {
        viewer *v = f->newest;
        while (v && !v->cold) v = v->older;
        if (!v) break;
        MN_TRY(ready(f, v->account, &v, e));
    }
    return MN_OK;
}

static bool repeated_in(const viewer *v, uint64_t list, const mn_row *r)
{
    const feed *x = r->boost_of ? feed_of(v, list) : NULL;
    if (!x) return false;
    size_t i = mn_social__feed_seq_from(&x->seq, r->id);
    mn_feed_entry last[MN_FEED_BOOST + 1] = {{r->id, r->boost_of}};
    size_t n = i < MN_FEED_BOOST ? i : MN_FEED_BOOST;
    for (size_t k = 1; k <= n; k++) last[k] = x->seq.items[i - k];
    return mn_social__feed_repeats(last, 1, n);
}

/* Where the post belongs for one viewer; nothing is read, p holds all. */
static mn_rc places(const viewer *v, mn_feed_post *p, mn_arena *ar, mn_audience *ret, mn_err *e)
{
    const mn_feed_ctx *c = v->ctx;
    mn_audience a = {.account = v->account};
    a.lists = mn_arena_alloc(ar, (c->n_lists + 1) * sizeof *a.lists);
    if (!a.lists) return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    MN_TRY(belongs(c, 0, p, &a.home, e));
    a.home = a.home && !repeated_in(v, 0, p->row);
    for (size_t i = 0; i < c->n_lists; i++) {
        bool yes = false;
        MN_TRY(mn_social__feed_in_list(c, &c->lists[i], p, &yes, e));
        if (yes && !repeated_in(v, c->lists[i].id, p->row))
            a.lists[a.n_lists++] = c->lists[i].id;
    }
    *ret = a;
    return MN_OK;
}

static mn_rc gather(mn_feeds *f, const mn_feed_index *index, uint64_t key, mn_feed_post *p,
                    mn_arena *ar, mn_buf *out, mn_err *e)
{
    size_t n = 0;
    void *const *who = mn_social__index_get(index, key, &n);
    for (size_t i = 0; i < n; i++) {
        viewer *v = who[i];
        mn_audience a;
        if (!v->pins || v->mark == f->mark) continue;
        v->mark = f->mark;
        MN_TRY(places(v, p, ar, &a, e));
        if ((a.home || a.n_lists) && mn_buf_add(out, &a, sizeof a) != MN_OK)
            return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    }
    return MN_OK;
}

static mn_rc gather_all(mn_feeds *f, mn_feed_post *p, mn_arena *ar, mn_buf *out, mn_err *e)
{
    f->mark++;
    MN_TRY(gather(f, &f->authors, p->row->account_id, p, ar, out, e));
    for (size_t i = 0; i < p->n_tags; i++)
        MN_TRY(gather(f, &f->tags, p->tags[i], p, ar, out, e));
    return MN_OK;
}

mn_rc mn_feeds_audience(mn_feeds *f, uint64_t post, mn_arena *ar, mn_audience **ret,
                        size_t *ret_n, mn_err *e)
{
    mn_row row;
    mn_buf out;
    mn_feed_post p = {.row = &row, .store = f->store, .arena = ar};
    mn_rc rc = mn_store_row(f->store, post, ar, &row, e);
    *ret = NULL;
    *ret_n = 0;
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    if (rc == MN_OK) rc = load_beside(&p, e);
    if (rc != MN_OK) return rc;
    mn_buf_init(&out, 0);
    pthread_mutex_lock(&f->lock);
    rc = warm(f, e);
    if (rc == MN_OK) rc = gather_all(f, &p, ar, &out, e);
    pthread_mutex_unlock(&f->lock);
    if (rc == MN_OK && out.len) {
        mn_audience *all = mn_arena_alloc(ar, out.len);
        if (all) {
            memcpy(all, out.ptr, out.len);
            *ret = all;
            *ret_n = out.len / sizeof *all;
        } else rc = mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    }
    mn_buf_release(&out);
    return rc;
}

mn_rc mn_feeds_belongs(mn_feeds *f, uint64_t account, uint64_t post, mn_arena *ar,
                       mn_audience *ret, mn_err *e)
{
    mn_row row;
    viewer *v = NULL;
    mn_feed_post p = {.row = &row, .store = f->store, .arena = ar};
    mn_rc rc = mn_store_row(f->store, post, ar, &row, e);
    if (rc == MN_E_NOT_FOUND) {
        *ret = (mn_audience){.account = account};
        return MN_OK;
    }
    if (rc == MN_OK) rc = load_beside(&p, e);
    if (rc != MN_OK) return rc;
    pthread_mutex_lock(&f->lock);
    rc = ready(f, account, &v, e);
    if (rc == MN_OK) rc = places(v, &p, ar, ret, e);
    if (rc == MN_OK) shrink(f, v);
    pthread_mutex_unlock(&f->lock);
    return rc;
}

mn_rc mn_feeds_public(mn_feeds *f, uint64_t viewer_id, mn_row *rows, size_t *n, mn_err *e)
{
    viewer *v = NULL;
    size_t kept = 0;
    mn_feed_ctx *c = NULL;
    if (viewer_id) {
        pthread_mutex_lock(&f->lock);
        mn_rc rc = ready(f, viewer_id, &v, e);
        if (rc == MN_OK) {
            c = mn_social__feed_ctx_ref(v->ctx);
            shrink(f, v);
        }
        pthread_mutex_unlock(&f->lock);
        if (rc != MN_OK) return rc;
    }
    for (size_t i = 0; i < *n; i++)
        if (c ? !mn_social__feed_not_public(c, &rows[i]) : !rows[i].silenced)
            rows[kept++] = rows[i];
    *n = kept;
    mn_social__feed_ctx_unref(c);
    return MN_OK;
}

/* ---- life ----------------------------------------------------------------------------------------------------------------- */

mn_rc mn_feeds_new(mn_store *s, size_t bytes_max, mn_feeds **ret, mn_err *e)
{
    mn_feeds *f = mn_calloc(1, sizeof *f);
    if (!f) return mn_fail(e, MN_E_NOMEM, "out of memory for timelines");
    f->store = s;
    f->bytes_max = bytes_max ? bytes_max : BYTES_DEFAULT;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->idle, NULL);
    mn_rc rc = mn_store_listen(s, on_events, f, e);
    if (rc == MN_OK) *ret = f;
    else {
        pthread_cond_destroy(&f->idle);
        pthread_mutex_destroy(&f->lock);
        mn_free(f);
    }
    return rc;
}

void mn_feeds_free(mn_feeds *f)
{
    if (!f) return;
    mn_store_unlisten(f->store, on_events, f);
    while (f->newest) remove_viewer(f, f->newest);
    mn_social__index_release(&f->authors);
    mn_social__index_release(&f->tags);
    pthread_cond_destroy(&f->idle);
    pthread_mutex_destroy(&f->lock);
    mn_free(f);
}

void mn_feeds_stats_get(mn_feeds *f, mn_feeds_stats *ret)
{
    pthread_mutex_lock(&f->lock);
    *ret = f->stats;
    pthread_mutex_unlock(&f->lock);
}
