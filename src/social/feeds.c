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

#include "base/clock.h"
#include "social/feeds_int.h"

#define BYTES_DEFAULT (32u << 20)
#define PENDING_MAX   4096 /* posts noted while a timeline is read; more: it is read again */

/* ---- viewers ------------------------------------------------------------------------------------------------------- */

static size_t bucket(uint64_t account)
{
    return (size_t)((account * UINT64_C(0x9E3779B97F4A7C15)) >> 40) % MN_FEED_BUCKETS;
}

mn_viewer *mn_social__feeds_find(const mn_feeds *f, uint64_t account)
{
    mn_viewer *v = f->buckets[bucket(account)];
    while (v && v->account != account) v = v->chain;
    return v;
}

static void unlink_use(mn_feeds *f, mn_viewer *v)
{
    if (v->newer) v->newer->older = v->older;
    else f->newest = v->older;
    if (v->older) v->older->newer = v->newer;
    else f->oldest = v->newer;
    v->newer = v->older = NULL;
}

static void link_newest(mn_feeds *f, mn_viewer *v)
{
    v->older = f->newest;
    v->newer = NULL;
    if (f->newest) f->newest->newer = v;
    else f->oldest = v;
    f->newest = v;
}

static void used(mn_feeds *f, mn_viewer *v)
{
    if (f->newest == v) return;
    unlink_use(f, v);
    link_newest(f, v);
}

static mn_viewer *find_or_make(mn_feeds *f, uint64_t account)
{
    mn_viewer *v = mn_social__feeds_find(f, account);
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

void mn_social__feeds_recount(mn_feeds *f, mn_viewer *v)
{
    size_t bytes = sizeof *v;
    if (v->ctx)
        bytes += v->ctx->arena.used_bytes + sizeof *v->ctx +
                 (v->ctx->n_follows + v->ctx->n_tags + 1) * sizeof(void *) * 2;
    for (const mn_feed *x = v->feeds; x; x = x->next)
        bytes += sizeof *x + x->seq.cap * sizeof *x->seq.items;
    f->stats.bytes += bytes - v->bytes;
    v->bytes = bytes;
    bool cold = v->pins > 0 && !v->ctx;
    if (cold != v->cold) f->n_cold += cold ? 1 : (size_t)-1;
    v->cold = cold;
}

void mn_social__feeds_drop(mn_feeds *f, mn_viewer *v)
{
    for (mn_feed *x = v->feeds, *next; x; x = next) {
        next = x->next;
        mn_free(x->seq.items);
        mn_free(x);
        f->stats.feeds--;
    }
    v->feeds = NULL;
    mn_social__feeds_recount(f, v);
}

static void index_out(mn_feeds *f, mn_viewer *v, const mn_feed_ctx *c)
{
    mn_social__index_remove(&f->authors, v->account, v);
    for (size_t i = 0; i < c->n_follows; i++)
        mn_social__index_remove(&f->authors, c->follows[i], v);
    for (size_t i = 0; i < c->n_tags; i++) mn_social__index_remove(&f->tags, c->tags[i], v);
}

static bool index_in(mn_feeds *f, mn_viewer *v, const mn_feed_ctx *c)
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
void mn_social__feeds_forget(mn_feeds *f, mn_viewer *v)
{
    if (v->ctx) {
        index_out(f, v, v->ctx);
        f->n_tagged -= v->ctx->n_tags > 0;
        mn_social__feed_ctx_unref(v->ctx);
        v->ctx = NULL;
    }
    mn_social__feeds_drop(f, v);
}

static bool adopt(mn_feeds *f, mn_viewer *v, mn_feed_ctx *c)
{
    if (!index_in(f, v, c)) return false;
    v->ctx = c;
    f->n_tagged += c->n_tags > 0;
    mn_social__feeds_recount(f, v);
    return true;
}

static void remove_viewer(mn_feeds *f, mn_viewer *v)
{
    mn_social__feeds_forget(f, v);
    mn_viewer **at = &f->buckets[bucket(v->account)];
    while (*at != v) at = &(*at)->chain;
    *at = v->chain;
    unlink_use(f, v);
    f->stats.accounts--;
    f->stats.bytes -= v->bytes;
    mn_free(v->pending);
    mn_free(v);
}

/* Those not used for the longest go until the rest fits; of watched ones the timelines alone. */
void mn_social__feeds_shrink(mn_feeds *f, const mn_viewer *keep)
{
    for (mn_viewer *v = f->oldest, *next; v && f->stats.bytes > f->bytes_max; v = next) {
        next = v->newer;
        if (v == keep || v->busy || (v->pins && !v->feeds)) continue;
        f->stats.evicted++;
        if (v->pins) mn_social__feeds_drop(f, v);
        else remove_viewer(f, v);
    }
}

/* ---- being busy ------------------------------------------------------------------------------------------------------ */

bool mn_social__feeds_begin(mn_feeds *f, mn_viewer *v)
{
    if (!v->pending) v->pending = mn_alloc(PENDING_MAX * sizeof *v->pending);
    if (!v->pending) return false;
    v->busy = true;
    v->stale = false;
    v->n_pending = 0;
    f->n_busy++;
    return true;
}

void mn_social__feeds_end(mn_feeds *f, mn_viewer *v)
{
    v->busy = false;
    mn_free(v->pending);
    v->pending = NULL;
    f->n_busy--;
    pthread_cond_broadcast(&f->idle);
}

void mn_social__feeds_note(mn_viewer *v, uint64_t post)
{
    if (v->n_pending == PENDING_MAX) v->stale = true;
    else v->pending[v->n_pending++] = post;
}

/* Nothing keeps this viewer any more. */
void mn_social__feeds_maybe_remove(mn_feeds *f, mn_viewer *v)
{
    if (!v->busy && !v->pins && !v->ctx) remove_viewer(f, v);
}

/* ---- contexts ---------------------------------------------------------------------------------------------------------- */

static bool current(const mn_viewer *v)
{
    return v->ctx && (v->ctx->stale_ms == 0 || mn_now_ms() < v->ctx->stale_ms);
}

/* Reads the context of a busy viewer; the lock is let go meanwhile. */
static mn_rc read_context(mn_feeds *f, mn_viewer *v, mn_err *e)
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

/* Locked before and after: the viewer, not busy, with a context that is right. */
mn_rc mn_social__feeds_ready(mn_feeds *f, uint64_t account, mn_viewer **ret, mn_err *e)
{
    for (int tries = 0; tries < MN_FEED_TRIES;) {
        mn_viewer *v = find_or_make(f, account);
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
        mn_social__feeds_forget(f, v);
        if (!mn_social__feeds_begin(f, v))
            return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
        mn_rc rc = read_context(f, v, e);
        mn_social__feeds_end(f, v);
        if (rc != MN_OK) {
            mn_social__feeds_maybe_remove(f, v);
            return rc;
        }
        tries++;
    }
    return mn_fail(e, MN_E_BUSY, "a timeline changes faster than it can be read; try again");
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
    mn_rc rc = mn_store_listen(s, mn_social__feeds_events, f, e);
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
    mn_store_unlisten(f->store, mn_social__feeds_events, f);
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
