/* The index as a whole: opening, following the store, making changes durable, merging, asking.
 *
 * What stands on disk is what the manifest names. An update gathers new documents in a builder
 * and deaths in copies of the lists of the dead; `commit` writes them under fresh numbers, then
 * the manifest, then swaps the snapshot, then removes what is no longer named. A crash or
 * failure before the manifest is in place leaves the index as it was: the next opening removes
 * files without a name and follows the store again from the manifest's rev.
 *
 * An id is live in at most one place (one segment or the builder): every post from the change
 * feed is first taken out everywhere, then added where it may be.
 */
#include "mind/search.h"

#include <stdio.h>
#include <unistd.h>

#include "base/thread.h"
#include "mind/parts.h"

#define FEED_BATCH     2000u
#define COMMIT_ENTRIES (4u << 20) /* postings held before a segment is written: 32 MB */
#define COMMIT_DOCS    (256u << 10)
#define TIER_WIDTH     8u /* segments of about one size that become one */
#define TIER_BASE      64u

/* A segment and what an update in progress has killed in it. */
typedef struct held_seg {
    mn_seg *seg;
    mn_dead *dead;    /* as committed; NULL: nobody */
    mn_dead *pending; /* the copy being changed; NULL: unchanged */
} held_seg;

struct mn_search {
    char *dir;
    mn_store *store;
    bool read_only, locked;
    mn_fs_lock lock;
    pthread_mutex_t update; /* held by the one who changes what is below */
    mn_manifest now;        /* rev, next, server; its list is made when written */
    held_seg *segs;
    size_t n_segs, cap;
    mn_builder *builder;
    pthread_mutex_t swap; /* guards snap, for an instant */
    mn_snap *snap;
    char notice[600];
};

/* ---- names ----------------------------------------------------------------------------------- */

static void seg_path(const mn_search *x, uint64_t number, char ret[4096])
{
    snprintf(ret, 4096, "%s/%08llu.seg", x->dir, (unsigned long long)number);
}

static void dead_path(const mn_search *x, uint64_t generation, char ret[4096])
{
    snprintf(ret, 4096, "%s/%08llu.dead", x->dir, (unsigned long long)generation);
}

/* ---- the list of segments -------------------------------------------------------------------- */

static void drop_segs(mn_search *x)
{
    for (size_t i = 0; i < x->n_segs; i++) {
        mn_mind__seg_unref(x->segs[i].seg);
        mn_mind__dead_unref(x->segs[i].dead);
        mn_mind__dead_unref(x->segs[i].pending);
    }
    x->n_segs = 0;
}

static mn_rc seg_room(mn_search *x, mn_err *e)
{
    if (x->n_segs < x->cap) return MN_OK;
    held_seg *s = mn_reallocarray(x->segs, x->cap * 2 + 16, sizeof *s);
    if (!s) return mn_fail(e, MN_E_NOMEM, "no memory for a list of search segments");
    x->segs = s;
    x->cap = x->cap * 2 + 16;
    return MN_OK;
}

/* Takes both. */
static mn_rc push_seg(mn_search *x, mn_seg *seg, mn_dead *dead, mn_err *e)
{
    mn_rc rc = seg_room(x, e);
    if (rc != MN_OK) {
        mn_mind__seg_unref(seg);
        mn_mind__dead_unref(dead);
        return rc;
    }
    x->segs[x->n_segs++] = (held_seg){seg, dead, NULL};
    return MN_OK;
}

/* The snapshot of what is held, with the changes being made. */
static mn_rc make_snap(const mn_search *x, mn_snap **ret, mn_err *e)
{
    mn_snap_item *items = mn_reallocarray(NULL, x->n_segs + 1, sizeof *items);
    if (!items) return mn_fail(e, MN_E_NOMEM, "no memory for a list of search segments");
    for (size_t i = 0; i < x->n_segs; i++) {
        held_seg *h = &x->segs[i];
        items[i] = (mn_snap_item){h->seg, h->pending ? h->pending : h->dead};
    }
    mn_rc rc = mn_mind__snap_new(items, x->n_segs, ret, e);
    mn_free(items);
    return rc;
}

/* Takes snap. */
static void swap_snap(mn_search *x, mn_snap *snap)
{
    pthread_mutex_lock(&x->swap);
    mn_snap *old = x->snap;
    x->snap = snap;
    pthread_mutex_unlock(&x->swap);
    mn_mind__snap_unref(old);
}

static mn_rc publish(mn_search *x, mn_err *e)
{
    mn_snap *snap;
    MN_TRY(make_snap(x, &snap, e));
    swap_snap(x, snap);
    return MN_OK;
}

mn_snap *mn_mind__search_snap(mn_search *x)
{
    pthread_mutex_lock(&x->swap);
    mn_snap *s = mn_mind__snap_ref(x->snap);
    pthread_mutex_unlock(&x->swap);
    return s;
}

/* ---- opening --------------------------------------------------------------------------------- */

static mn_rc load_seg(mn_search *x, const mn_manifest_seg *m, mn_err *e)
{
    char path[4096];
    mn_seg *seg = NULL;
    mn_dead *dead = NULL;
    seg_path(x, m->number, path);
    mn_rc rc = mn_mind__seg_open(path, &seg, e);
    if (rc != MN_OK) return rc;
    seg->number = m->number;
    if (m->generation) {
        dead_path(x, m->generation, path);
        rc = mn_mind__dead_read(path, seg, &dead, e);
        if (rc == MN_OK) dead->generation = m->generation;
    }
    if (rc == MN_OK) return push_seg(x, seg, dead, e);
    mn_mind__seg_unref(seg);
    return rc;
}

/* All that the manifest names. MN_E_NOT_FOUND: no manifest, or a file is not there (a writer just replaced it). */
static mn_rc load(mn_search *x, mn_err *e)
{
    mn_arena a;
    mn_manifest m;
    mn_arena_init(&a, 0);
    drop_segs(x);
    mn_rc rc = mn_mind__manifest_read(x->dir, &a, &m, e);
    if (rc == MN_OK && m.analysis != MN_ANALYSIS_VERSION)
        rc = mn_fail(e, MN_E_UNSUPPORTED,
                     "the search index was made by another version of mynah");
    for (size_t i = 0; rc == MN_OK && i < m.n_segs; i++) {
        rc = load_seg(x, &m.segs[i], e);
        if (rc == MN_E_CORRUPT && !x->read_only) { /* set aside */
            char path[4096], bad[4104];
            seg_path(x, m.segs[i].number, path);
            snprintf(bad, sizeof bad, "%s.bad", path);
            rename(path, bad);
        }
    }
    if (rc == MN_OK) {
        x->now = m;
        x->now.segs = NULL;
        x->now.n_segs = 0;
    } else {
        drop_segs(x);
    }
    mn_arena_release(&a);
    return rc;
}

static void start_anew(mn_search *x, const char *why)
{
    uint64_t next = x->now.next;
    drop_segs(x);
    x->now = (mn_manifest){.analysis = MN_ANALYSIS_VERSION, .next = next ? next : 1};
    if (why) snprintf(x->notice, sizeof x->notice, "%s; the search index is made again", why);
}

/* The greatest number in use by any file of the folder, so that a fresh start takes no name twice. */
static void take_numbers(mn_search *x)
{
    mn_arena a;
    char **names;
    size_t n;
    mn_arena_init(&a, 0);
    if (mn_fs_list(x->dir, &a, &names, &n, NULL) == MN_OK)
        for (size_t i = 0; i < n; i++) {
            uint64_t v;
            mn_str rest, head = mn_str_split(mn_str_from(names[i]), '.', &rest);
            if (mn_str_to_u64(head, &v) == MN_OK && v < UINT64_MAX / 2 && v >= x->now.next)
                x->now.next = v + 1;
        }
    mn_arena_release(&a);
}

static bool is_named(const mn_search *x, mn_str name)
{
    uint64_t v;
    mn_str rest, head = mn_str_split(name, '.', &rest);
    bool seg = mn_str_eqz(rest, "seg"), dead = mn_str_eqz(rest, "dead");
    if (mn_str_to_u64(head, &v) != MN_OK || !(seg || dead)) return !mn_str_ends(name, ".tmp");
    for (size_t i = 0; i < x->n_segs; i++) {
        if (seg && x->segs[i].seg->number == v) return true;
        if (dead && x->segs[i].dead && x->segs[i].dead->generation == v) return true;
    }
    return false;
}

/* Removes segments and lists of the dead that the manifest does not name. */
static void sweep_files(const mn_search *x)
{
    mn_arena a;
    char **names;
    size_t n;
    mn_arena_init(&a, 0);
    if (mn_fs_list(x->dir, &a, &names, &n, NULL) == MN_OK)
        for (size_t i = 0; i < n; i++) {
            char *path =
                is_named(x, mn_str_from(names[i])) ? NULL : mn_fs_join(&a, x->dir, names[i]);
            if (path) unlink(path);
        }
    mn_arena_release(&a);
}

/* With one, a file that is not found is a loss. */
static bool has_manifest(const mn_search *x)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/manifest.json", x->dir);
    return mn_fs_exists(path);
}

static mn_rc load_to_write(mn_search *x, mn_err *e)
{
    mn_err why = {0};
    uint64_t last_rev = 0;
    mn_rc rc = load(x, &why);
    switch (rc) {
    case MN_OK:
        break;
    case MN_E_NOT_FOUND:
        start_anew(x, has_manifest(x) ? why.msg : NULL);
        break;
    case MN_E_CORRUPT:
    case MN_E_UNSUPPORTED:
        start_anew(x, why.msg);
        break;
    default:
        return mn_fail(e, rc, "%s", why.msg);
    }
    take_numbers(x);
    MN_TRY(mn_store_counts(x->store, NULL, NULL, &last_rev, e));
    if (x->now.rev > last_rev) start_anew(x, "the search index is of another database");
    return MN_OK;
}

/* A writer may replace files between our reading the manifest and opening them: then the manifest is new. */
static mn_rc load_to_read(mn_search *x, mn_err *e)
{
    mn_rc rc = MN_OK;
    for (int tries = 0; tries < 5; tries++) {
        rc = load(x, e);
        if (rc != MN_E_NOT_FOUND) return rc;
    }
    start_anew(x, NULL); /* nothing there yet */
    return MN_OK;
}

mn_rc mn_search_open(const char *dir, mn_store *s, bool read_only, mn_search **ret, mn_err *e)
{
    char path[4096];
    if (strlen(dir) > 4000)
        return mn_fail(e, MN_E_LIMIT, "the path of the data folder is too long");
    mn_search *x = mn_calloc(1, sizeof *x);
    if (!x) return mn_fail(e, MN_E_NOMEM, "no memory to open the search index");
    pthread_mutex_init(&x->update, NULL);
    pthread_mutex_init(&x->swap, NULL);
    x->store = s;
    x->read_only = read_only;
    mn_rc rc = (x->dir = mn_strdup(dir))
                   ? MN_OK
                   : mn_fail(e, MN_E_NOMEM, "no memory to open the search index");
    if (rc == MN_OK && !read_only) {
        snprintf(path, sizeof path, "%s/lock", dir);
        rc = mn_fs_mkdirs(dir, e);
        if (rc == MN_OK) rc = mn_fs_lock_take(path, &x->lock, e);
        x->locked = rc == MN_OK;
        if (rc == MN_OK) rc = mn_mind__builder_new(&x->builder, e);
        if (rc == MN_OK) rc = load_to_write(x, e);
        if (rc == MN_OK) sweep_files(x);
    } else if (rc == MN_OK) {
        rc = load_to_read(x, e);
    }
    if (rc == MN_OK) rc = publish(x, e);
    if (rc == MN_OK) *ret = x;
    else mn_search_close(x);
    return rc;
}

void mn_search_close(mn_search *x)
{
    if (!x) return;
    mn_mind__snap_unref(x->snap);
    drop_segs(x);
    mn_free(x->segs);
    mn_mind__builder_free(x->builder);
    if (x->locked) mn_fs_lock_release(&x->lock);
    pthread_mutex_destroy(&x->update);
    pthread_mutex_destroy(&x->swap);
    mn_free(x->dir);
    mn_free(x);
}

const char *mn_search_notice(const mn_search *x)
{
    return x->notice;
}

uint64_t mn_search_count(const mn_search *x)
{
    mn_search *y = (mn_search *)(uintptr_t)x; /* only its mutex is touched */
    pthread_mutex_lock(&y->swap);
    uint64_t n = x->snap->n_live;
    pthread_mutex_unlock(&y->swap);
    return n;
}

/* ---- making changes durable ------------------------------------------------------------------ */

static mn_rc write_manifest(const mn_search *x, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_manifest m = x->now;
    m.segs = mn_arena_alloc(&a, (x->n_segs + 1) * sizeof *m.segs);
    mn_rc rc = m.segs ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for the search manifest");
    for (size_t i = 0; rc == MN_OK && i < x->n_segs; i++) {
        const mn_dead *d = x->segs[i].pending ? x->segs[i].pending : x->segs[i].dead;
        m.segs[m.n_segs++] = (mn_manifest_seg){x->segs[i].seg->number, d ? d->generation : 0,
                                               x->segs[i].seg->n_docs};
    }
    if (rc == MN_OK) rc = mn_mind__manifest_write(x->dir, &m, e);
    mn_arena_release(&a);
    return rc;
}

static void discard_pending(mn_search *x)
{
    for (size_t i = 0; i < x->n_segs; i++) {
        mn_mind__dead_unref(x->segs[i].pending);
        x->segs[i].pending = NULL;
    }
    mn_mind__builder_clear(x->builder);
}

static mn_rc write_new_seg(mn_search *x, mn_err *e)
{
    char path[4096];
    mn_seg *seg = NULL;
    if (mn_mind__builder_count(x->builder) == 0) return MN_OK;
    uint64_t number = x->now.next++;
    seg_path(x, number, path);
    MN_TRY(mn_mind__builder_write(x->builder, path, e));
    MN_TRY(mn_mind__seg_open(path, &seg, e));
    seg->number = number;
    return push_seg(x, seg, NULL, e);
}

static mn_rc write_dead(mn_search *x, mn_err *e)
{
    char path[4096];
    for (size_t i = 0; i < x->n_segs; i++) {
        mn_dead *d = x->segs[i].pending;
        if (!d) continue;
        d->generation = x->now.next++;
        dead_path(x, d->generation, path);
        MN_TRY(mn_mind__dead_write(d, path, e));
    }
    return mn_fs_sync_dir(x->dir, e);
}

/* From here on the changes are what the index is; old files go. Takes snap. Cannot fail: the manifest is in place. */
static void adopt(mn_search *x, mn_snap *snap)
{
    for (size_t i = 0; i < x->n_segs; i++) {
        held_seg *h = &x->segs[i];
        if (!h->pending) continue;
        mn_mind__dead_unref(h->dead);
        h->dead = h->pending;
        h->pending = NULL;
    }
    mn_mind__builder_clear(x->builder);
    swap_snap(x, snap);
    sweep_files(x);
}

/* Writes what was gathered, with x->now.rev = rev. On failure the index is as it was before. */
static mn_rc commit(mn_search *x, uint64_t rev, mn_err *e)
{
    mn_manifest before = x->now;
    size_t n_before = x->n_segs;
    mn_snap *snap = NULL;
    mn_rc rc = write_new_seg(x, e);
    if (rc == MN_OK) rc = write_dead(x, e);
    if (rc == MN_OK) rc = make_snap(x, &snap, e);
    x->now.rev = rev;
    if (rc == MN_OK) rc = write_manifest(x, e);
    if (rc == MN_OK) {
        adopt(x, snap);
        return MN_OK;
    }
    mn_mind__snap_unref(snap);
    while (x->n_segs > n_before) mn_mind__seg_unref(x->segs[--x->n_segs].seg);
    before.next = x->now.next;
    x->now = before;
    discard_pending(x);
    return rc;
}

/* ---- merging --------------------------------------------------------------------------------- */

static uint32_t live_of(const held_seg *h)
{
    return h->seg->n_docs - (h->dead ? h->dead->n_dead : 0);
}

static unsigned tier_of(const held_seg *h)
{
    unsigned tier = 0;
    for (uint64_t n = live_of(h); n >= TIER_BASE * TIER_WIDTH; n /= TIER_WIDTH) tier++;
    return tier;
}

/* Marks the segments that should become one: a full tier, or one that is a third dead. */
static size_t choose_merge(const mn_search *x, bool *ret)
{
    for (size_t i = 0; i < x->n_segs; i++) {
        size_t n = 0;
        bool rotten = live_of(&x->segs[i]) < x->segs[i].seg->n_docs / 3 * 2;
        for (size_t k = 0; k < x->n_segs; k++) {
            ret[k] = rotten ? k == i : tier_of(&x->segs[k]) == tier_of(&x->segs[i]);
            n += ret[k];
        }
        if (rotten || n >= TIER_WIDTH) return n;
    }
    return 0;
}

static mn_rc merge_marked(mn_search *x, const bool *marked, size_t n, mn_err *e)
{
    char path[4096];
    mn_arena a;
    mn_seg *seg = NULL;
    mn_snap *snap = NULL;
    mn_arena_init(&a, 0);
    mn_snap_item *items = mn_arena_alloc(&a, n * sizeof *items);
    held_seg *kept = mn_arena_alloc(&a, (x->n_segs + 1) * sizeof *kept);
    held_seg *old = x->segs;
    size_t n_old = x->n_segs, k = 0, n_kept = 0;
    uint64_t number = x->now.next++;
    mn_rc rc =
        items && kept ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory to merge search segments");
    for (size_t i = 0; rc == MN_OK && i < n_old; i++) {
        if (marked[i]) items[k++] = (mn_snap_item){old[i].seg, old[i].dead};
        else kept[n_kept++] = old[i];
    }
    seg_path(x, number, path);
    if (rc == MN_OK) rc = mn_mind__seg_merge(items, n, path, e);
    if (rc == MN_OK) rc = mn_mind__seg_open(path, &seg, e);
    if (rc == MN_OK) {
        seg->number = number;
        kept[n_kept++] = (held_seg){seg, NULL, NULL};
        x->segs = kept;
        x->n_segs = n_kept;
        rc = mn_fs_sync_dir(x->dir, e);
        if (rc == MN_OK) rc = make_snap(x, &snap, e);
        if (rc == MN_OK) rc = write_manifest(x, e);
        x->segs = old;
        x->n_segs = n_old;
    }
    if (rc == MN_OK) {
        for (size_t i = 0; i < n; i++) {
            mn_mind__seg_unref(items[i].seg);
            mn_mind__dead_unref(items[i].dead);
        }
        memcpy(x->segs, kept, n_kept * sizeof *kept);
        x->n_segs = n_kept;
        adopt(x, snap);
    } else {
        mn_mind__snap_unref(snap);
        mn_mind__seg_unref(seg);
    }
    mn_arena_release(&a);
    return rc;
}

static mn_rc merge_tiers(mn_search *x, mn_err *e)
{
    mn_rc rc = MN_OK;
    while (rc == MN_OK) {
        bool *marked = mn_calloc(x->n_segs + 1, sizeof *marked);
        if (!marked) return mn_fail(e, MN_E_NOMEM, "no memory to merge search segments");
        size_t n = choose_merge(x, marked);
        if (n) rc = merge_marked(x, marked, n, e);
        mn_free(marked);
        if (n == 0) break;
    }
    return rc;
}

/* ---- following the store --------------------------------------------------------------------- */

static mn_rc kill_doc(mn_search *x, uint64_t id, mn_err *e)
{
    uint32_t doc;
    mn_mind__builder_remove(x->builder, id);
    for (size_t i = 0; i < x->n_segs; i++) {
        held_seg *h = &x->segs[i];
        const mn_dead *d = h->pending ? h->pending : h->dead;
        if (!mn_mind__seg_find_doc(h->seg, id, &doc) || mn_mind__dead_has(d, doc)) continue;
        if (!h->pending) MN_TRY(mn_mind__dead_new(h->dead, h->seg->n_docs, &h->pending, e));
        mn_mind__dead_set(h->pending, h->seg, doc);
    }
    return MN_OK;
}

static bool searchable(const mn_post *p, mn_consents server)
{
    return !p->deleted_ms && !p->boost_of && p->text.len > 0 &&
           p->visibility <= MN_VIS_UNLISTED && mn_social_allows(p, server, MN_P_SEARCH);
}

static mn_rc follow(mn_search *x, mn_consents server, uint64_t *n, mn_err *e)
{
    mn_arena a;
    mn_rc rc = MN_OK;
    uint64_t rev = x->now.rev;
    mn_arena_init(&a, 0);
    for (;;) {
        mn_posts posts;
        mn_arena_reset(&a);
        rc = mn_store_posts_changed(x->store, rev, FEED_BATCH, &a, &posts, e);
        if (rc != MN_OK || posts.n == 0) break;
        for (size_t i = 0; rc == MN_OK && i < posts.n; i++) {
            const mn_post *p = &posts.items[i];
            rc = kill_doc(x, p->id, e);
            if (rc == MN_OK && searchable(p, server))
                rc = mn_mind__builder_add(x->builder, p->id, p->account_id, p->text, e);
        }
        if (rc != MN_OK) break;
        rev = posts.items[posts.n - 1].rev;
        *n += posts.n;
        if (mn_mind__builder_entries(x->builder) > COMMIT_ENTRIES ||
            mn_mind__builder_count(x->builder) > COMMIT_DOCS)
            rc = commit(x, rev, e);
        if (rc != MN_OK) break;
    }
    if (rc == MN_OK && rev != x->now.rev) rc = commit(x, rev, e);
    if (rc != MN_OK) discard_pending(x);
    mn_arena_release(&a);
    return rc;
}

/* The builder keeps the memory of its largest batch: after a big one, a fresh one takes its place. */
static void shrink_builder(mn_search *x)
{
    mn_builder *fresh;
    if (mn_mind__builder_new(&fresh, NULL) != MN_OK) return;
    mn_mind__builder_free(x->builder);
    x->builder = fresh;
}

static mn_rc update_locked(mn_search *x, uint64_t *n, mn_err *e)
{
    mn_consents server;
    uint64_t seq;
    MN_TRY(mn_store_consent_server(x->store, &server, &seq, e));
    if (mn_consents_get(server, MN_P_SEARCH) != mn_consents_get(x->now.server, MN_P_SEARCH))
        x->now.rev = 0; /* the default changed: every post is looked at again */
    x->now.server = server;
    MN_TRY(follow(x, server, n, e));
    if (*n > 4096) shrink_builder(x);
    return merge_tiers(x, e);
}

static mn_rc reload(mn_search *x, mn_err *e)
{
    mn_arena a;
    mn_manifest m;
    mn_arena_init(&a, 0);
    mn_rc rc = mn_mind__manifest_read(x->dir, &a, &m, e);
    bool same = rc == MN_OK && m.next == x->now.next && m.rev == x->now.rev;
    mn_arena_release(&a);
    if (rc == MN_E_NOT_FOUND || same) return MN_OK;
    if (rc == MN_OK) rc = load_to_read(x, e);
    return rc == MN_OK ? publish(x, e) : rc;
}

mn_rc mn_search_update(mn_search *x, uint64_t *ret_n, mn_err *e)
{
    uint64_t n = 0;
    pthread_mutex_lock(&x->update);
    mn_rc rc = x->read_only ? reload(x, e) : update_locked(x, &n, e);
    pthread_mutex_unlock(&x->update);
    if (rc == MN_OK && ret_n) *ret_n = n;
    return rc;
}

/* ---- asking ---------------------------------------------------------------------------------- */

#define FEEDBACK_DOCS 10u
#define GONE_BATCH    500u

static mn_rc expand(mn_search *x, const mn_snap *s, uint64_t before, mn_arena *a,
                    mn_query_term **t, size_t *n, mn_err *e)
{
    mn_hit *hits;
    size_t n_hits, k = 0;
    mn_posts posts;
    uint64_t ids[FEEDBACK_DOCS];
    mn_feedback docs[FEEDBACK_DOCS];
    MN_TRY(mn_mind__query_run(s, *t, *n, before, FEEDBACK_DOCS, a, &hits, &n_hits, e));
    for (size_t i = 0; i < n_hits; i++) ids[i] = hits[i].id;
    MN_TRY(mn_store_posts_by_ids(x->store, ids, n_hits, a, &posts, e));
    for (size_t i = 0; i < n_hits && k < posts.n; i++)
        if (posts.items[k].id == ids[i])
            docs[k] = (mn_feedback){posts.items[k].text, hits[i].score}, k++;
    return mn_mind__expand(s, *t, *n, docs, k, a, t, n, e);
}

/* Takes out what the store does not have any more: the index follows it a moment later. */
static mn_rc drop_gone(mn_search *x, mn_hit *hits, size_t *n, mn_err *e)
{
    mn_arena a;
    mn_rc rc = MN_OK;
    uint64_t ids[GONE_BATCH];
    size_t kept = 0;
    mn_arena_init(&a, 0);
    for (size_t from = 0; rc == MN_OK && from < *n; from += GONE_BATCH) {
        size_t m = *n - from < GONE_BATCH ? *n - from : GONE_BATCH, k = 0;
        mn_posts posts;
        mn_arena_reset(&a);
        for (size_t i = 0; i < m; i++) ids[i] = hits[from + i].id;
        rc = mn_store_posts_by_ids(x->store, ids, m, &a, &posts, e);
        for (size_t i = 0; rc == MN_OK && i < m && k < posts.n; i++) {
            if (posts.items[k].id != ids[i]) continue;
            if (!posts.items[k++].deleted_ms) hits[kept++] = hits[from + i];
        }
    }
    mn_arena_release(&a);
    if (rc == MN_OK) *n = kept;
    return rc;
}

mn_rc mn_search_query(mn_search *x, mn_str query, const mn_query_opts *o, mn_arena *a,
                      mn_hit **ret, size_t *ret_n, mn_err *e)
{
    mn_query_term *t;
    mn_hit *hits = NULL;
    size_t n, n_hits = 0;
    if (o->limit > MN_SEARCH_LIMIT_MAX)
        return mn_fail(e, MN_E_USAGE, "limit %zu is too high: at most %d", o->limit,
                       MN_SEARCH_LIMIT_MAX);
    MN_TRY(mn_mind__query_terms(query, a, &t, &n, e));
    mn_snap *s = mn_mind__search_snap(x);
    mn_rc rc = o->expand && n ? expand(x, s, o->before, a, &t, &n, e) : MN_OK;
    if (rc == MN_OK)
        rc = mn_mind__query_run(s, t, n, o->before, o->limit ? o->limit : 50, a, &hits, &n_hits,
                                e);
    mn_mind__snap_unref(s);
    if (rc == MN_OK) rc = drop_gone(x, hits, &n_hits, e);
    if (rc != MN_OK) return rc;
    *ret = hits;
    *ret_n = n_hits;
    return MN_OK;
}
