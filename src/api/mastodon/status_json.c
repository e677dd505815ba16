/* Status entities: the parts that are the same for everybody come from memory (shown.h), accounts from theirs; around them
 * goes what depends on the viewer: flags, filters, polls, and what of boosts and quotes may be seen.
 *
 * A page is done in steps, each for all its posts at once: gather them with what they boost and quote, ask who may see what,
 * read the flags, then write. */
#include "api/mastodon/accounts.h"
#include "api/mastodon/statuses.h"
#include "social/reading.h"
#include "store/marks.h"

#define CHUNK 200 /* posts of one page; longer lists are done piece by piece */

/* One post of the page. */
typedef struct subject {
    const mn_shown_entry *x;
    bool may;
    mn_post_flags flags;
    mn_str filtered; /* JSON array; empty: not asked yet */
    bool hide;       /* a filter of the viewer says so */
} subject;

typedef struct page {
    const mn_view *v;
    mn_filter_context where;
    bool check, with_text;
    subject *s;
    size_t n, cap;
} page;

#define NOWHERE SIZE_MAX

/* ---- gathering ----------------------------------------------------------------------------------------------------------- */

static size_t index_of(const page *g, uint64_t id)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->s[i].x->post.id == id) return i;
    return NOWHERE;
}

/* The post's place; NOWHERE when it is gone. */
static mn_rc add(page *g, uint64_t id, size_t *ret, mn_err *e)
{
    const mn_shown_entry *x = NULL;
    *ret = index_of(g, id);
    if (*ret != NOWHERE) return MN_OK;
    mn_rc rc = mn_masto__shown(g->v, id, &x, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK;
    MN_TRY(rc);
    MN_ASSERT(g->n < g->cap);
    *ret = g->n;
    g->s[g->n++] = (subject){.x = x};
    return MN_OK;
}

static mn_rc add_quoted(page *g, const mn_post *p, mn_err *e)
{
    size_t at;
    if (!p->quote_of || p->quote_state != MN_QUOTE_ACCEPTED) return MN_OK;
    return add(g, p->quote_of, &at, e);
}

static mn_rc gather(page *g, const uint64_t *ids, size_t n, mn_err *e)
{
    g->cap = 4 * n; /* itself, what it boosts, what either quotes */
    g->s = mn_arena_alloc(g->v->arena, g->cap * sizeof *g->s);
    if (!g->s) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        size_t at, boosted;
        MN_TRY(add(g, ids[i], &at, e));
        if (at == NOWHERE) continue;
        const mn_post *p = &g->s[at].x->post;
        MN_TRY(add_quoted(g, p, e));
        if (!p->boost_of) continue;
        MN_TRY(add(g, p->boost_of, &boosted, e));
        if (boosted != NOWHERE) MN_TRY(add_quoted(g, &g->s[boosted].x->post, e));
    }
    return MN_OK;
}

static void let_go(page *g)
{
    for (size_t i = 0; i < g->n; i++) mn_shown_done(g->v->api->shown, g->s[i].x);
}

/* ---- what depends on the viewer --------------------------------------------------------------------------------------------- */

/* Each for itself: a boost's own visibility here, what it boosts is a subject of its own. */
static mn_rc look(page *g, mn_err *e)
{
    mn_posts posts = {.items = mn_arena_alloc(g->v->arena, g->n * sizeof(mn_post)), .n = g->n};
    bool *may = mn_arena_alloc(g->v->arena, g->n * sizeof *may);
    if (!posts.items || !may) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < g->n; i++) {
        posts.items[i] = g->s[i].x->post;
        posts.items[i].boost_of = 0;
    }
    for (size_t from = 0; from < g->n; from += 1000) {
        mn_posts part = {posts.items + from, g->n - from < 1000 ? g->n - from : 1000};
        MN_TRY(mn_social_may_see_posts(g->v->api->home->store, &part, g->v->me, may + from, e));
    }
    for (size_t i = 0; i < g->n; i++) g->s[i].may = may[i];
    return MN_OK;
}

static mn_rc read_flags(page *g, mn_err *e)
{
    uint64_t *ids = mn_arena_alloc(g->v->arena, 2 * g->n * sizeof *ids), *threads = ids + g->n;
    mn_post_flags *flags = mn_arena_alloc(g->v->arena, g->n * sizeof *flags);
    if (!ids || !flags) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < g->n; i++) {
        ids[i] = g->s[i].x->post.id;
        threads[i] = g->s[i].x->post.thread_id;
    }
    MN_TRY(mn_store_post_flags(g->v->api->home->store, g->v->me, ids, threads, g->n, flags, e));
    for (size_t i = 0; i < g->n; i++) g->s[i].flags = flags[i];
    return MN_OK;
}

static mn_rc read_filters(page *g, subject *s, mn_err *e)
{
    mn_buf b;
    mn_json_writer j;
    if (!g->v->me || s->filtered.len) return MN_OK;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&j, &b, 0);
    mn_rc rc = mn_entity_filtered(g->v, &s->x->post, g->where, &j, &s->hide, e);
    if (rc == MN_OK) {
        s->filtered = b.len == 2 ? MN_STR("[]") : mn_str_dup(g->v->arena, mn_buf_str(&b));
        if (!s->filtered.ptr) rc = mn_fail(e, MN_E_NOMEM, "out of memory");
    }
    mn_buf_release(&b);
    return rc;
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------- */

/* The subject that is read: what a boost boosts, else the post itself. NULL: gone or not to be seen. */
static subject *proper(page *g, subject *s)
{
    const mn_post *p = &s->x->post;
    if ((g->check && !s->may) || p->account_state == MN_ACCOUNT_DELETED) return NULL;
    if (!p->boost_of) return s;
    size_t at = index_of(g, p->boost_of);
    return at != NOWHERE && g->s[at].may ? &g->s[at] : NULL;
}

static mn_rc put_approval(page *g, const mn_post *p, mn_json_writer *j, mn_err *e)
{
    bool follows = false;
    static const char *const names[] = {"public", "followers", NULL};
    const char *automatic = p->visibility <= MN_VIS_UNLISTED ? names[p->quote_policy] : NULL;
    if (g->v->me && p->quote_policy == MN_QUOTES_FOLLOWERS && p->account_id != g->v->me)
        MN_TRY(
            mn_store_follow_is(g->v->api->home->store, g->v->me, p->account_id, &follows, e));
    bool may = mn_social_may_quote(p, g->v->me, follows) == MN_QUOTE_YES;
    mn_jw_key(j, "quote_approval");
    mn_jw_object(j);
    mn_jw_key(j, "automatic");
    mn_jw_array(j);
    if (automatic) mn_jw_strz(j, automatic);
    mn_jw_array_end(j);
    mn_jw_key(j, "manual");
    mn_jw_array(j);
    mn_jw_array_end(j);
    mn_jw_kstrz(j, "current_user", may ? "automatic" : "denied");
    mn_jw_object_end(j);
    return MN_OK;
}

static void put_flags(page *g, const subject *flags, const subject *s, mn_json_writer *j)
{
    const mn_post *p = &s->x->post;
    if (!g->v->me) return;
    mn_jw_kbool(j, "favourited", flags->flags.favourited);
    mn_jw_kbool(j, "reblogged", flags->flags.boosted);
    mn_jw_kbool(j, "muted", flags->flags.muted);
    mn_jw_kbool(j, "bookmarked", flags->flags.bookmarked);
    if (p->account_id == g->v->me && !p->boost_of && p->visibility != MN_VIS_DIRECT)
        mn_jw_kbool(j, "pinned", flags->flags.pinned);
}

static mn_rc put_status(page *g, subject *s, subject *boosted, int depth, mn_json_writer *j,
                        mn_err *e);

static const char *quote_state(const page *g, const mn_post *p, size_t at)
{
    static const char *const names[] = {"accepted", "pending", "rejected", "revoked"};
    if (p->quote_state != MN_QUOTE_ACCEPTED) return names[p->quote_state];
    if (at == NOWHERE) return "deleted";
    return g->s[at].may ? "accepted" : "unauthorized";
}

static mn_rc put_quote(page *g, const mn_post *p, int depth, mn_json_writer *j, mn_err *e)
{
    mn_jw_key(j, "quote");
    if (!p->quote_of) {
        mn_jw_null(j);
        return MN_OK;
    }
    size_t at = p->quote_state == MN_QUOTE_ACCEPTED ? index_of(g, p->quote_of) : NOWHERE;
    const char *state = quote_state(g, p, at);
    bool shown = !strcmp(state, "accepted");
    mn_jw_object(j);
    mn_jw_kstrz(j, "state", state);
    mn_jw_key(j, depth ? "quoted_status_id" : "quoted_status");
    if (!shown) mn_jw_null(j);
    else if (depth) mn_jw_id(j, p->quote_of);
    else MN_TRY(put_status(g, &g->s[at], &g->s[at], 1, j, e));
    mn_jw_object_end(j);
    return MN_OK;
}

static mn_rc put_poll(page *g, const mn_post *p, mn_json_writer *j, mn_err *e)
{
    mn_jw_key(j, "poll");
    if (p->poll_id) {
        mn_rc rc = mn_entity_poll(g->v, p->poll_id, j, e);
        if (rc != MN_E_NOT_FOUND) return rc;
    }
    mn_jw_null(j);
    return MN_OK;
}

static mn_rc put_filtered(page *g, subject *s, mn_json_writer *j, mn_err *e)
{
    if (!g->v->me) return MN_OK;
    MN_TRY(read_filters(g, s, e));
    mn_jw_key(j, "filtered");
    mn_jw_raw(j, s->filtered);
    return MN_OK;
}

/* s as it stands; read: the post that is read in it (itself, or what it boosts). depth 1: inside a quote. */
static mn_rc put_status(page *g, subject *s, subject *read, int depth, mn_json_writer *j,
                        mn_err *e)
{
    const mn_post *p = &s->x->post;
    mn_jw_object(j);
    mn_jw_raw(j, s->x->json); /* members, at least one */
    mn_jw_key(j, "account");
    MN_TRY(mn_entity_account(g->v, p->account_id, j, e));
    mn_jw_key(j, "reblog");
    if (s == read) mn_jw_null(j);
    else MN_TRY(put_status(g, read, read, depth, j, e));
    MN_TRY(put_poll(g, p, j, e));
    MN_TRY(put_quote(g, p, depth, j, e));
    MN_TRY(put_approval(g, p, j, e));
    put_flags(g, read, s, j);
    MN_TRY(put_filtered(g, read, j, e));
    if (g->with_text && depth == 0) mn_jw_kstr(j, "text", p->text.ptr ? p->text : MN_STR(""));
    mn_jw_object_end(j);
    return MN_OK;
}

static mn_rc put_page(page *g, const uint64_t *ids, size_t n, size_t *ret_n, mn_json_writer *j,
                      mn_err *e)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = index_of(g, ids[i]);
        subject *s = at == NOWHERE ? NULL : &g->s[at], *read = s ? proper(g, s) : NULL;
        if (!read) continue;
        MN_TRY(read_filters(g, read, e));
        if (read->hide && g->where != MN_FILTER_NONE) continue;
        MN_TRY(put_status(g, s, read, 0, j, e));
        if (g->v->n_read) ++*g->v->n_read;
        ++*ret_n;
    }
    return MN_OK;
}

static mn_rc write_chunk(page *g, const uint64_t *ids, size_t n, size_t *ret_n,
                         mn_json_writer *j, mn_err *e)
{
    mn_rc rc = gather(g, ids, n, e);
    if (rc == MN_OK && g->n) rc = look(g, e);
    if (rc == MN_OK && g->n && g->v->me) rc = read_flags(g, e);
    if (rc == MN_OK) rc = put_page(g, ids, n, ret_n, j, e);
    let_go(g);
    return rc;
}

static mn_rc write_all(const page *like, const uint64_t *ids, size_t n, size_t *ret_n,
                       mn_json_writer *j, mn_err *e)
{
    *ret_n = 0;
    for (size_t from = 0; from < n; from += CHUNK) {
        page g = *like;
        MN_TRY(write_chunk(&g, ids + from, n - from < CHUNK ? n - from : CHUNK, ret_n, j, e));
    }
    return MN_OK;
}

/* ---- the doors ---------------------------------------------------------------------------------------------------------------- */

mn_rc mn_entity_statuses_by_ids(const mn_view *v, const uint64_t *ids, size_t n, bool check,
                                mn_filter_context where, mn_json_writer *j, mn_err *e)
{
    size_t written;
    return write_all(&(page){.v = v, .where = where, .check = check}, ids, n, &written, j, e);
}

mn_rc mn_entity_statuses(const mn_view *v, const mn_posts *posts, mn_filter_context where,
                         mn_json_writer *j, mn_err *e)
{
    uint64_t *ids = mn_arena_alloc(v->arena, (posts->n + 1) * sizeof *ids);
    if (!ids) return mn_fail(e, MN_E_NOMEM, "out of memory");
    for (size_t i = 0; i < posts->n; i++) ids[i] = posts->items[i].id;
    return mn_entity_statuses_by_ids(v, ids, posts->n, false, where, j, e);
}

static mn_rc one(const page *like, uint64_t id, mn_json_writer *j, mn_err *e)
{
    size_t written = 0;
    MN_TRY(write_all(like, &id, 1, &written, j, e));
    return written ? MN_OK : MN_E_NOT_FOUND;
}

mn_rc mn_entity_status(const mn_view *v, const mn_post *p, mn_filter_context where,
                       mn_json_writer *j, mn_err *e)
{
    return one(&(page){.v = v, .where = where}, p->id, j, e);
}

mn_rc mn_masto__status(const mn_view *v, uint64_t id, bool with_text, mn_json_writer *j,
                       mn_err *e)
{
    return one(&(page){.v = v, .where = MN_FILTER_NONE, .check = true, .with_text = with_text},
               id, j, e);
}
