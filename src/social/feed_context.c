/* What an account's timelines go by, read from the store and kept small: many of these are in memory. */
#include <stdlib.h>

#include "base/clock.h"
#include "social/feeds_int.h"

bool mn_social__id_in(const uint64_t *ids, size_t n, uint64_t id)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (ids[mid] < id) lo = mid + 1;
        else hi = mid;
    }
    return lo < n && ids[lo] == id;
}

const mn_feed_list *mn_social__feed_ctx_list(const mn_feed_ctx *c, uint64_t id)
{
    for (size_t i = 0; i < c->n_lists; i++)
        if (c->lists[i].id == id) return &c->lists[i];
    return NULL;
}

mn_feed_ctx *mn_social__feed_ctx_ref(mn_feed_ctx *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void mn_social__feed_ctx_unref(mn_feed_ctx *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1) return;
    mn_arena_release(&c->arena);
    mn_free(c);
}

/* ---- loading ------------------------------------------------------------------------------------------------------- */

static void *room(mn_feed_ctx *c, size_t n, size_t size, mn_err *e)
{
    void *p = mn_arena_calloc(&c->arena, n ? n : 1, size);
    if (!p) mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    return p;
}

static uint64_t *keep_ids(mn_feed_ctx *c, const uint64_t *ids, size_t n, mn_err *e)
{
    uint64_t *p = room(c, n, sizeof *p, e);
    if (p && n) memcpy(p, ids, n * sizeof *p);
    return p;
}

static mn_rc keep_follows(mn_feed_ctx *c, const mn_outlook *o, mn_err *e)
{
    size_t n_quiet = 0, n_langs = 0;
    for (size_t i = 0; i < o->n_follows; i++) {
        n_quiet += !o->follows[i].boosts;
        n_langs += o->follows[i].languages.len > 0;
    }
    c->follows = room(c, o->n_follows, sizeof *c->follows, e);
    c->quiet = room(c, n_quiet, sizeof *c->quiet, e);
    c->langs = room(c, n_langs, sizeof *c->langs, e);
    if (!c->follows || !c->quiet || !c->langs) return MN_E_NOMEM;
    for (size_t i = 0; i < o->n_follows; i++) {
        const mn_followee *f = &o->follows[i];
        c->follows[c->n_follows++] = f->id;
        if (!f->boosts) c->quiet[c->n_quiet++] = f->id;
        if (!f->languages.len) continue;
        mn_str l = mn_str_dup(&c->arena, f->languages);
        if (!l.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
        c->langs[c->n_langs++] = (mn_feed_lang){f->id, l};
    }
    return MN_OK;
}

static mn_rc keep_rest(mn_feed_ctx *c, const mn_outlook *o, mn_err *e)
{
    c->hidden = keep_ids(c, o->hidden, c->n_hidden = o->n_hidden, e);
    c->hidden_by = keep_ids(c, o->hidden_by, c->n_hidden_by = o->n_hidden_by, e);
    c->tags = keep_ids(c, o->tags, c->n_tags = o->n_tags, e);
    c->domains = room(c, o->n_domains, sizeof *c->domains, e);
    if (!c->hidden || !c->hidden_by || !c->tags || !c->domains) return MN_E_NOMEM;
    for (size_t i = 0; i < o->n_domains; i++) {
        c->domains[i] = mn_str_dup(&c->arena, o->domains[i]);
        if (!c->domains[i].ptr) return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    }
    c->n_domains = o->n_domains;
    c->stale_ms = o->mute_ends_ms;
    return MN_OK;
}

/* Members come by list and account; lists by id. */
static mn_rc keep_lists(mn_feed_ctx *c, const mn_list *lists, size_t n, const mn_list_member *m,
                        size_t n_m, mn_err *e)
{
    c->lists = room(c, n, sizeof *c->lists, e);
    c->exclusive = room(c, n_m, sizeof *c->exclusive, e);
    uint64_t *members = room(c, n_m, sizeof *members, e);
    if (!c->lists || !c->exclusive || !members) return MN_E_NOMEM;
    for (size_t i = 0, k = 0; i < n; i++) {
        mn_feed_list *l = &c->lists[c->n_lists++];
        *l = (mn_feed_list){.id = lists[i].id, .replies = lists[i].replies, .members = members};
        for (; k < n_m && m[k].list_id <= l->id; k++) {
            uint64_t who = m[k].account_id;
            if (m[k].list_id != l->id) continue; /* of a list made after the lists were read */
            if (who != c->account && !mn_social__id_in(c->follows, c->n_follows, who)) continue;
            l->members[l->n_members++] = who;
            if (lists[i].exclusive) c->exclusive[c->n_exclusive++] = who;
        }
        members += l->n_members;
    }
    return MN_OK;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static mn_rc load(mn_store *s, mn_feed_ctx *c, mn_arena *ar, mn_err *e)
{
    mn_outlook o;
    mn_list *lists = NULL;
    mn_list_member *members = NULL;
    size_t n_lists = 0, n_members = 0;
    MN_TRY(mn_store_outlook(s, c->account, mn_now_ms(), ar, &o, e));
    MN_TRY(mn_store_lists(s, c->account, 0, ar, &lists, &n_lists, e));
    if (n_lists) MN_TRY(mn_store_lists_members(s, c->account, ar, &members, &n_members, e));
    MN_TRY(keep_follows(c, &o, e));
    MN_TRY(keep_rest(c, &o, e));
    MN_TRY(keep_lists(c, lists, n_lists, members, n_members, e));
    qsort(c->exclusive, c->n_exclusive, sizeof *c->exclusive, by_id);
    return MN_OK;
}

mn_rc mn_social__feed_ctx_load(mn_store *s, uint64_t account, mn_feed_ctx **ret, mn_err *e)
{
    mn_arena ar;
    mn_feed_ctx *c = mn_calloc(1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "out of memory for a timeline");
    atomic_init(&c->refs, 1);
    c->account = account;
    mn_arena_init(&c->arena, 0);
    mn_arena_init(&ar, 0);
    mn_rc rc = load(s, c, &ar, e);
    mn_arena_release(&ar);
    if (rc == MN_OK) *ret = c;
    else mn_social__feed_ctx_unref(c);
    return rc;
}
