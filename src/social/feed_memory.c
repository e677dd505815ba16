/* Timelines in memory and their pages. */
#include "social/feeds_int.h"

#define SLACK 100 /* entries above MN_FEED_KEPT + MN_FEED_BOOST before the oldest go */

/* ---- timelines ----------------------------------------------------------------------------------------------------------- */

mn_feed *mn_social__feeds_of(const mn_viewer *v, uint64_t list)
{
    mn_feed *x = v->feeds;
    while (x && x->list != list) x = x->next;
    return x;
}

mn_rc mn_social__feeds_belongs(const mn_feed_ctx *c, uint64_t list, mn_feed_post *p, bool *ret,
                               mn_err *e)
{
    const mn_feed_list *l = list ? mn_social__feed_ctx_list(c, list) : NULL;
    *ret = false;
    if (list) return l ? mn_social__feed_in_list(c, l, p, ret, e) : MN_OK;
    return mn_social__feed_in_home(c, p, ret, e);
}

void mn_social__feeds_trim(mn_feed *x)
{
    const size_t most = MN_FEED_KEPT + MN_FEED_BOOST;
    if (x->seq.n <= most + SLACK) return;
    size_t drop = x->seq.n - most;
    memmove(x->seq.items, x->seq.items + drop, most * sizeof *x->seq.items);
    x->seq.n = most;
    x->whole = false;
}

/* The newest entries, oldest first. */
static mn_rc read_seq(mn_feeds *f, const mn_feed_ctx *c, mn_feed *x, mn_arena *ar, mn_err *e)
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
static mn_rc look_again(mn_feeds *f, const mn_feed_ctx *c, mn_feed *x, uint64_t post,
                        mn_arena *ar, mn_err *e)
{
    mn_row row;
    bool yes = false;
    mn_rc rc = mn_store_row(f->store, post, ar, &row, e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    if (rc == MN_E_NOT_FOUND) row = (mn_row){.id = post};
    else {
        mn_feed_post p = {.row = &row, .store = f->store, .arena = ar};
        MN_TRY(mn_social__feeds_belongs(c, x->list, &p, &yes, e));
    }
    /* What is older than all that is held belongs to what is read from the store. */
    if (!x->whole && x->seq.n && post < x->seq.items[0].id) return MN_OK;
    if (!mn_social__feed_seq_put(&x->seq, (mn_feed_entry){post, row.boost_of}, yes))
        return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    return MN_OK;
}

/* Locked before and after, not between: x is filled, with what happened meanwhile. */
static mn_rc fill(mn_feeds *f, mn_viewer *v, mn_feed_ctx *c, mn_feed *x, mn_arena *ar,
                  mn_err *e)
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

static mn_rc build(mn_feeds *f, mn_viewer *v, uint64_t list, mn_err *e)
{
    mn_arena ar;
    mn_feed *x = mn_calloc(1, sizeof *x);
    if (!x || !mn_social__feeds_begin(f, v)) {
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
        mn_social__feeds_trim(x);
        f->stats.feeds++;
        f->stats.built++;
        mn_social__feeds_recount(f, v);
    } else {
        mn_free(x->seq.items);
        mn_free(x);
    }
    mn_social__feeds_end(f, v);
    mn_social__feed_ctx_unref(c);
    return rc;
}

/* Locked before and after: the timeline in memory. */
static mn_rc timeline(mn_feeds *f, uint64_t account, uint64_t list, mn_viewer **ret_v,
                      mn_feed **ret, mn_err *e)
{
    for (int tries = 0; tries < MN_FEED_TRIES; tries++) {
        mn_viewer *v = NULL;
        MN_TRY(mn_social__feeds_ready(f, account, &v, e));
        if (list && !mn_social__feed_ctx_list(v->ctx, list)) return MN_E_NOT_FOUND;
        *ret_v = v;
        *ret = mn_social__feeds_of(v, list);
        if (*ret && ((*ret)->whole || (*ret)->seq.n >= MN_FEED_KEPT / 2)) return MN_OK;
        if (*ret) mn_social__feeds_drop(f, v); /* so many were taken out that it is read anew */
        MN_TRY(build(f, v, list, e));
    }
    return mn_fail(e, MN_E_BUSY, "a timeline changes faster than it can be read; try again");
}

/* ---- pages ------------------------------------------------------------------------------------------------------------- */

/* From how far on every boost can be judged: the 40 before it are held, or there are none. */
static size_t judged_from(const mn_feed *x)
{
    if (x->whole) return 0;
    return x->seq.n < MN_FEED_BOOST ? x->seq.n : MN_FEED_BOOST;
}

static bool shown(const mn_feed *x, size_t i)
{
    return !mn_social__feed_repeats(&x->seq.items[i], -1, i);
}

/* Newest first. True: memory ended before the page did, which goes on in the store below *ret_below. */
static bool page_down(const mn_feed *x, const mn_span *sp, uint64_t *ret, size_t *ret_n,
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
static bool page_up(const mn_feed *x, const mn_span *sp, uint64_t *ret, size_t *ret_n)
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
    mn_viewer *v = NULL;
    mn_feed *x = NULL;
    size_t n = 0;
    uint64_t below = 0;
    pthread_mutex_lock(&f->lock);
    mn_rc rc = timeline(f, account, list, &v, &x, e);
    if (rc == MN_OK) {
        bool more = sp->upward ? !page_up(x, sp, ret, &n) : page_down(x, sp, ret, &n, &below);
        if (more) *ret_ctx = mn_social__feed_ctx_ref(v->ctx);
        if (more && !sp->upward) sp->below = below;
        f->stats.from_store += more;
        sp->limit -= n;
        *ret_n = n;
        mn_social__feeds_shrink(f, v);
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
