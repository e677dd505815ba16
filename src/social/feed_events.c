/* What has happened, and whom in memory it concerns. */
#include "social/feeds_int.h"

/* ---- events ------------------------------------------------------------------------------------------------------------- */

static void invalidate(mn_feeds *f, uint64_t account)
{
    mn_viewer *v = mn_social__feeds_find(f, account);
    if (!v) return;
    if (v->busy) v->stale = true;
    if (v->ctx) f->stats.rebuilt_by_event++;
    mn_social__feeds_forget(f, v);
    mn_social__feeds_maybe_remove(f, v);
}

/* Loads what the rules may ask for of a live post, so that nothing is read under the lock. */
mn_rc mn_social__feeds_load(mn_feed_post *p, mn_err *e)
{
    uint64_t of = p->row->boost_of ? p->row->boost_of : p->row->id;
    MN_TRY(mn_store_row_mentions(p->store, of, p->arena, &p->mentions, &p->n_mentions, e));
    p->has_mentions = true;
    p->has_tags = p->row->boost_of != 0 || p->row->visibility != MN_VIS_PUBLIC;
    return mn_social__feed_post_tags(p, e);
}

static void drop_all(mn_feeds *f)
{
    for (mn_viewer *v = f->newest, *older; v; v = older) {
        older = v->older;
        if (v->busy) v->stale = true;
        mn_social__feeds_forget(f, v);
        mn_social__feeds_maybe_remove(f, v);
    }
}

/* p NULL: the post is gone. */
static void touch(mn_feeds *f, mn_viewer *v, uint64_t post, mn_feed_post *p)
{
    if (v->mark == f->mark) return;
    v->mark = f->mark;
    for (mn_feed *x = v->feeds; x; x = x->next) {
        bool yes = false;
        mn_err e = {0};
        mn_feed_entry entry = {post, p ? p->row->boost_of : 0};
        if (!x->whole && x->seq.n && post < x->seq.items[0].id) continue;
        mn_rc rc = p ? mn_social__feeds_belongs(v->ctx, x->list, p, &yes, &e) : MN_OK;
        if (rc != MN_OK || !mn_social__feed_seq_put(&x->seq, entry, yes)) {
            mn_social__feeds_drop(f, v); /* read anew when there is memory */
            return;
        }
        mn_social__feeds_trim(x);
    }
    if (v->feeds) mn_social__feeds_recount(f, v);
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
    for (mn_viewer *v = f->newest; v; v = v->older)
        if (v->ctx && v->ctx->n_tags) touch(f, v, post, p);
}

/* Notes the post for those who are reading; true when anybody in memory may be concerned. */
static bool concerns(mn_feeds *f, const mn_event *ev)
{
    size_t n = 0;
    for (mn_viewer *v = f->newest; v && f->n_busy; v = v->older)
        if (v->busy) mn_social__feeds_note(v, ev->id);
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
    if (rc == MN_OK) rc = mn_social__feeds_load(&p, &e);
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
    for (mn_viewer *v = f->newest; v && f->n_tagged; v = v->older)
        if (v->ctx && v->ctx->n_tags) mn_social__feeds_drop(f, v);
}

static void drop_readers(mn_feeds *f, uint64_t author)
{
    size_t n = 0;
    void *const *who = mn_social__index_get(&f->authors, author, &n);
    for (size_t i = 0; i < n; i++) mn_social__feeds_drop(f, who[i]);
    for (mn_viewer *v = f->newest; v && f->n_busy; v = v->older)
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

void mn_social__feeds_events(void *arg, const mn_event *ev, size_t n)
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
