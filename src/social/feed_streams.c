/* Whom of those who listen a post concerns; what is left out of public timelines. */
#include "social/feeds_int.h"

/* ---- streams ----------------------------------------------------------------------------------------------------------- */

mn_rc mn_feeds_watch(mn_feeds *f, uint64_t account, mn_err *e)
{
    mn_viewer *v = NULL;
    pthread_mutex_lock(&f->lock);
    mn_rc rc = mn_social__feeds_ready(f, account, &v, e);
    if (rc == MN_OK) {
        v->pins++;
        mn_social__feeds_recount(f, v);
        mn_social__feeds_shrink(f, v);
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

void mn_feeds_unwatch(mn_feeds *f, uint64_t account)
{
    pthread_mutex_lock(&f->lock);
    mn_viewer *v = mn_social__feeds_find(f, account);
    MN_ASSERT(v && v->pins > 0);
    v->pins--;
    mn_social__feeds_recount(f, v);
    mn_social__feeds_maybe_remove(f, v);
    pthread_mutex_unlock(&f->lock);
}

/* Watched accounts whose context was thrown away get it back, so that the index knows them. */
static mn_rc warm(mn_feeds *f, mn_err *e)
{
    while (f->n_cold) {
        mn_viewer *v = f->newest;
        while (v && !v->cold) v = v->older;
        if (!v) break;
        MN_TRY(mn_social__feeds_ready(f, v->account, &v, e));
    }
    return MN_OK;
}

static bool repeated_in(const mn_viewer *v, uint64_t list, const mn_row *r)
{
    const mn_feed *x = r->boost_of ? mn_social__feeds_of(v, list) : NULL;
    if (!x) return false;
    size_t i = mn_social__feed_seq_from(&x->seq, r->id);
    mn_feed_entry last[MN_FEED_BOOST + 1] = {{r->id, r->boost_of}};
    size_t n = i < MN_FEED_BOOST ? i : MN_FEED_BOOST;
    for (size_t k = 1; k <= n; k++) last[k] = x->seq.items[i - k];
    return mn_social__feed_repeats(last, 1, n);
}

/* Where the post belongs for one viewer; nothing is read, p holds all. */
static mn_rc places(const mn_viewer *v, mn_feed_post *p, mn_arena *ar, mn_audience *ret,
                    mn_err *e)
{
    const mn_feed_ctx *c = v->ctx;
    mn_audience a = {.account = v->account};
    a.lists = mn_arena_alloc(ar, (c->n_lists + 1) * sizeof *a.lists);
    if (!a.lists) return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    MN_TRY(mn_social__feeds_belongs(c, 0, p, &a.home, e));
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
        mn_viewer *v = who[i];
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
    if (rc == MN_OK) rc = mn_social__feeds_load(&p, e);
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

mn_rc mn_feeds_public(mn_feeds *f, uint64_t viewer_id, mn_row *rows, size_t *n, mn_err *e)
{
    mn_viewer *v = NULL;
    size_t kept = 0;
    mn_feed_ctx *c = NULL;
    if (viewer_id) {
        pthread_mutex_lock(&f->lock);
        mn_rc rc = mn_social__feeds_ready(f, viewer_id, &v, e);
        if (rc == MN_OK) {
            c = mn_social__feed_ctx_ref(v->ctx);
            mn_social__feeds_shrink(f, v);
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
