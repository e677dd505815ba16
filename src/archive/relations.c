/* What an account stands in relation to, as rows that mean the same elsewhere: what is here, and what was brought along and
 * waits. */
#include "archive/moving_int.h"

#include <stdlib.h>

#include "store/lists.h"
#include "store/marks.h"
#include "store/people.h"

#define PAGE 500

const char *const mn_related_names[MN_RELATED_KINDS] = {"follow", "block",    "mute", "domain",
                                                        "list",   "bookmark", "like", "pin"};

typedef struct gather {
    const mn_place *p;
    uint64_t account;
    mn_related kind;
    mn_arena *ar, scratch; /* ar: what the rows hold; scratch: of one page */
    mn_relation_row *rows;
    size_t n, cap;
    mn_err *e;
} gather;

static mn_rc no_memory(gather *g)
{
    return mn_fail(g->e, MN_E_NOMEM, "no memory for an account's relations");
}

/* The row's texts are on g->ar already. */
static mn_rc add(gather *g, mn_relation_row row)
{
    if (!row.ref.ptr) return no_memory(g);
    if (g->n == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 64;
        mn_relation_row *bigger = mn_reallocarray(g->rows, cap, sizeof *bigger);
        if (!bigger) return no_memory(g);
        g->rows = bigger;
        g->cap = cap;
    }
    g->rows[g->n++] = row;
    return MN_OK;
}

/* ---- people ---------------------------------------------------------------------------------------------------------- */

static mn_rc people_page(gather *g, const uint64_t *ids, size_t n)
{
    mn_relation *rel = NULL;
    mn_account *accounts = NULL;
    size_t n_rel = 0, n_accounts = 0;
    mn_store *s = g->p->store;
    MN_TRY(mn_store_relations(s, g->account, ids, n, &g->scratch, &rel, &n_rel, g->e));
    MN_TRY(mn_store_accounts_by_ids(s, ids, n, &g->scratch, &accounts, &n_accounts, g->e));
    for (size_t i = 0, k = 0; i < n_accounts; i++) {
        while (k < n_rel && rel[k].id != accounts[i].id) k++;
        if (k == n_rel) break;
        if (accounts[i].state == MN_ACCOUNT_DELETED) continue;
        mn_relation_row row = {.ref = mn_moving__address(g->p, &accounts[i], g->ar),
                               .boosts = rel[k].boosts,
                               .notify = rel[k].notify,
                               .notifications = rel[k].muting_notifications,
                               .expires_ms = rel[k].mute_expires_ms,
                               .languages = mn_str_dup(g->ar, rel[k].languages)};
        MN_TRY(add(g, row));
    }
    return MN_OK;
}

static mn_rc people(gather *g, mn_rel rel)
{
    uint64_t *ids = NULL;
    size_t n = 0;
    mn_arena all;
    mn_arena_init(&all, 0);
    mn_rc rc = mn_store_rel_ids(g->p->store, g->account, rel, &all, &ids, &n, g->e);
    for (size_t i = 0; rc == MN_OK && i < n; i += PAGE) {
        rc = people_page(g, ids + i, n - i < PAGE ? n - i : PAGE);
        mn_arena_reset(&g->scratch);
    }
    mn_arena_release(&all);
    return rc;
}

static mn_rc domains(gather *g)
{
    mn_bounds b = {.limit = PAGE};
    for (;;) {
        mn_domain_row *rows = NULL;
        size_t n = 0;
        MN_TRY(mn_store_domain_blocks_page(g->p->store, g->account, b, &g->scratch, &rows, &n,
                                           g->e));
        for (size_t i = 0; i < n; i++)
            MN_TRY(add(g, (mn_relation_row){.ref = mn_str_dup(g->ar, rows[i].domain)}));
        if (n < PAGE) return MN_OK;
        b.before = rows[n - 1].id;
        mn_arena_reset(&g->scratch);
    }
}

/* ---- lists ------------------------------------------------------------------------------------------------------------ */

static mn_rc one_list(gather *g, const mn_list *l, const mn_list_member *m, size_t n)
{
    mn_account *accounts = NULL;
    size_t n_accounts = 0;
    mn_relation_row row = {.exclusive = l->exclusive, .replies = (int)l->replies};
    row.ref = mn_str_fmt(g->ar, "%.*s\n", MN_STR_FMT(l->title));
    MN_TRY(add(g, row));
    for (size_t i = 0; i < n; i++) {
        if (m[i].list_id != l->id) continue;
        MN_TRY(mn_store_accounts_by_ids(g->p->store, &m[i].account_id, 1, &g->scratch,
                                        &accounts, &n_accounts, g->e));
        if (!n_accounts || accounts[0].state == MN_ACCOUNT_DELETED) continue;
        mn_str address = mn_moving__address(g->p, &accounts[0], &g->scratch);
        row.ref = mn_str_fmt(g->ar, "%.*s\n%.*s", MN_STR_FMT(l->title), MN_STR_FMT(address));
        MN_TRY(add(g, row));
    }
    return MN_OK;
}

static mn_rc lists(gather *g)
{
    mn_list *l = NULL;
    mn_list_member *m = NULL;
    size_t n = 0, n_members = 0;
    mn_store *s = g->p->store;
    MN_TRY(mn_store_lists(s, g->account, 0, &g->scratch, &l, &n, g->e));
    MN_TRY(mn_store_lists_members(s, g->account, &g->scratch, &m, &n_members, g->e));
    for (size_t i = 0; i < n; i++) MN_TRY(one_list(g, &l[i], m, n_members));
    return MN_OK;
}

/* ---- marks ------------------------------------------------------------------------------------------------------------ */

static mn_rc marks_page(gather *g, const mn_mark_row *marks, size_t n)
{
    mn_posts posts = {0};
    uint64_t ids[PAGE];
    for (size_t i = 0; i < n; i++) ids[i] = marks[i].post_id;
    MN_TRY(mn_store_posts_by_ids(g->p->store, ids, n, &g->scratch, &posts, g->e));
    for (size_t i = 0; i < posts.n; i++) {
        mn_str ref = mn_moving__ref(g->p, &posts.items[i], &g->scratch);
        MN_TRY(add(g, (mn_relation_row){.ref = mn_str_dup(g->ar, ref)}));
    }
    return MN_OK;
}

static mn_rc marks(gather *g, mn_mark which)
{
    mn_mark_span span = {.limit = PAGE};
    for (;;) {
        mn_mark_row *rows = NULL;
        size_t n = 0;
        MN_TRY(mn_store_marks_by(g->p->store, which, g->account, &span, &g->scratch, &rows, &n,
                                 g->e));
        MN_TRY(marks_page(g, rows, n));
        if (n < PAGE) return MN_OK;
        span.below = rows[n - 1].id;
        mn_arena_reset(&g->scratch);
    }
}

/* ---- what waits -------------------------------------------------------------------------------------------------------- */

void mn_moving__row_json(mn_related kind, const mn_relation_row *r, mn_json_writer *j)
{
    if (kind == MN_RELATED_FOLLOW) {
        mn_jw_kbool(j, "boosts", r->boosts);
        mn_jw_kbool(j, "notify", r->notify);
        mn_jw_kstr(j, "languages", r->languages.ptr ? r->languages : MN_STR(""));
    } else if (kind == MN_RELATED_MUTE) {
        mn_jw_kbool(j, "notifications", r->notifications);
        mn_jw_ki64(j, "expires_ms", r->expires_ms);
    } else if (kind == MN_RELATED_LIST) {
        mn_jw_kbool(j, "exclusive", r->exclusive);
        mn_jw_ki64(j, "replies", r->replies);
    }
}

void mn_moving__row_read(mn_related kind, const mn_json *o, mn_relation_row *r)
{
    int64_t replies = mn_json_i64(mn_json_get(o, "replies"), 0);
    mn_str languages = mn_json_str(mn_json_get(o, "languages"));
    r->boosts = mn_json_bool(mn_json_get(o, "boosts"), true);
    r->notify = mn_json_bool(mn_json_get(o, "notify"), false);
    r->languages = languages.ptr && languages.len < 512 ? languages : MN_STR("");
    r->notifications = mn_json_bool(mn_json_get(o, "notifications"), true);
    r->expires_ms = mn_json_i64(mn_json_get(o, "expires_ms"), 0);
    r->exclusive = mn_json_bool(mn_json_get(o, "exclusive"), false);
    r->replies = replies >= 0 && replies <= MN_LIST_REPLIES_NONE ? (int)replies : 0;
    (void)kind;
}

static mn_rc waiting_row(gather *g, const mn_brought *b)
{
    mn_json *o = NULL;
    mn_relation_row row = {.boosts = true, .notifications = true};
    if (b->data.len) MN_TRY(mn_json_parse(b->data, &g->scratch, &o, g->e));
    mn_moving__row_read(g->kind, o, &row);
    row.ref = mn_str_dup(g->ar, b->ref);
    if (row.languages.len) row.languages = mn_str_dup(g->ar, row.languages);
    return add(g, row);
}

static mn_rc waiting(gather *g)
{
    mn_str kind = mn_str_from(mn_related_names[g->kind]), after = MN_STR("");
    for (;;) {
        mn_brought *b = NULL;
        size_t n = 0;
        mn_arena_reset(&g->scratch);
        MN_TRY(mn_store_brought(g->p->store, g->account, kind, after, PAGE, &g->scratch, &b, &n,
                                g->e));
        for (size_t i = 0; i < n; i++) MN_TRY(waiting_row(g, &b[i]));
        if (n < PAGE) return MN_OK;
        after = mn_str_dup(g->ar, b[n - 1].ref);
        if (!after.ptr) return no_memory(g);
    }
}

/* ---- all ---------------------------------------------------------------------------------------------------------------- */

static mn_rc gather_all(gather *g)
{
    switch (g->kind) {
    case MN_RELATED_FOLLOW:
        MN_TRY(people(g, MN_REL_FOLLOWING));
        MN_TRY(people(g, MN_REL_REQUESTED));
        break;
    case MN_RELATED_BLOCK:
        MN_TRY(people(g, MN_REL_BLOCKING));
        break;
    case MN_RELATED_MUTE:
        MN_TRY(people(g, MN_REL_MUTING));
        break;
    case MN_RELATED_DOMAIN:
        return domains(g);
    case MN_RELATED_LIST:
        MN_TRY(lists(g));
        break;
    case MN_RELATED_BOOKMARK:
        MN_TRY(marks(g, MN_MARK_BOOKMARK));
        break;
    case MN_RELATED_LIKE:
        MN_TRY(marks(g, MN_MARK_FAVOURITE));
        break;
    default:
        return marks(g, MN_MARK_PIN);
    }
    return waiting(g);
}

static int by_ref(const void *a, const void *b)
{
    const mn_relation_row *x = a, *y = b;
    return mn_str_cmp(x->ref, y->ref);
}

static void settle(gather *g)
{
    size_t kept = 0;
    if (g->kind == MN_RELATED_PIN) { /* pages come newest first */
        for (size_t i = 0; i < g->n / 2; i++) {
            mn_relation_row t = g->rows[i];
            g->rows[i] = g->rows[g->n - 1 - i];
            g->rows[g->n - 1 - i] = t;
        }
        return;
    }
    if (g->n) qsort(g->rows, g->n, sizeof *g->rows, by_ref);
    for (size_t i = 0; i < g->n; i++)
        if (!kept || !mn_str_eq(g->rows[kept - 1].ref, g->rows[i].ref))
            g->rows[kept++] = g->rows[i];
    g->n = kept;
}

mn_rc mn_moving__rows(const mn_place *p, uint64_t account, mn_related kind, mn_arena *ar,
                      mn_relation_row **ret, size_t *ret_n, mn_err *e)
{
    gather g = {.p = p, .account = account, .kind = kind, .ar = ar, .e = e};
    mn_arena_init(&g.scratch, 0);
    mn_rc rc = gather_all(&g);
    if (rc == MN_OK) {
        settle(&g);
        mn_relation_row *rows = mn_arena_alloc(ar, (g.n ? g.n : 1) * sizeof *rows);
        if (rows && g.n) memcpy(rows, g.rows, g.n * sizeof *rows);
        if (!rows) rc = no_memory(&g);
        *ret = rows;
        *ret_n = g.n;
    }
    mn_arena_release(&g.scratch);
    mn_free(g.rows);
    return rc;
}
