/* Groups of notifications.
 *
 * A page of groups is found in two steps. Rows are read in the page's order until `limit` groups have been met: the first
 * row of each is its lead, and pages go by leads, so a group that goes on below the page comes again on the next one (clients
 * put them together by key). Then each group is counted and sampled by its key. The rows of one group that many have added
 * to are passed over in batches that grow. */
#include "store/notifications_int.h"

#include <stdlib.h>

#define BATCH_LEAST 128
#define BATCH_MOST  MN_STORE_PAGE_MAX
#define GROUPABLE                                                                              \
    (MN_NOTICE_BIT(MN_NOTICE_FAVOURITE) | MN_NOTICE_BIT(MN_NOTICE_REBLOG) |                    \
     MN_NOTICE_BIT(MN_NOTICE_FOLLOW) | MN_NOTICE_BIT(MN_NOTICE_ADMIN_SIGN_UP))

/* ---- leads ------------------------------------------------------------------------------------------------------- */

typedef struct leads {
    const mn_notification_query *q;
    mn_notice_set grouped;
    mn_notification *items;
    size_t n;
    mn_arena *ar; /* of the strings kept */
} leads;

static bool has_group(const mn_notification *n, mn_notice_set grouped)
{
    return n->group_key.len > 0 && (grouped & MN_NOTICE_BIT(n->kind)) != 0;
}

static bool met(const leads *l, const mn_notification *n)
{
    if (!has_group(n, l->grouped)) return false;
    for (size_t i = 0; i < l->n; i++)
        if (mn_str_eq(l->items[i].group_key, n->group_key) && l->items[i].kind == n->kind)
            return true;
    return false;
}

static mn_rc take(leads *l, const mn_notification *rows, size_t n, mn_err *e)
{
    for (size_t i = 0; i < n && l->n < l->q->page.limit; i++) {
        if (met(l, &rows[i])) continue;
        mn_notification *kept = &l->items[l->n++];
        *kept = rows[i];
        kept->group_key = mn_str_dup(l->ar, rows[i].group_key);
        if (!kept->group_key.ptr)
            return mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
    }
    return MN_OK;
}

static mn_rc find_leads(mn_db *db, leads *l, mn_err *e)
{
    mn_notification_query part = *l->q;
    mn_arena scratch;
    mn_rc rc = MN_OK;
    bool more = true;
    mn_arena_init(&scratch, 0);
    for (size_t want = BATCH_LEAST; rc == MN_OK && more && l->n < l->q->page.limit;
         want = want < BATCH_MOST ? want * 2 : want) {
        mn_notification *rows = NULL;
        size_t n = 0;
        part.page.limit = want < BATCH_MOST ? want : BATCH_MOST;
        rc = mn_store__notification_list(db, &part, &scratch, &rows, &n, e);
        if (rc == MN_OK) rc = take(l, rows, n, e);
        more = n == part.page.limit;
        if (more && part.page.after) part.page.after = rows[n - 1].id;
        else if (more) part.page.before = rows[n - 1].id;
        mn_arena_reset(&scratch);
    }
    mn_arena_release(&scratch);
    return rc;
}

static mn_rc start_leads(leads *l, const mn_notification_query *q, mn_notice_set grouped,
                         mn_arena *ar, mn_err *e)
{
    *l = (leads){.q = q, .grouped = grouped ? grouped & GROUPABLE : GROUPABLE, .ar = ar};
    l->items = mn_arena_alloc(ar, (q->page.limit ? q->page.limit : 1) * sizeof *l->items);
    return l->items ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
}

/* ---- one group --------------------------------------------------------------------------------------------------- */

static mn_rc read_numbers(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    mn_notification_group *g = ret;
    g->n = db_col_u64(q, 0);
    g->page_min_id = db_col_u64(q, 1);
    return MN_OK;
}

/* The newest of a group, at most `limit`, not above hi. */
static mn_rc newest_of(mn_db *db, uint64_t account, mn_str key, uint64_t hi, size_t limit,
                       mn_arena *ar, mn_notification **ret, size_t *ret_n, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db,
                      MN_NOTIFICATION_SELECT
                      "WHERE n.account_id = ?1 AND n.group_key = ?2 AND n.id <= ?3 AND "
                      "n.filtered = 0 AND a.state = 0 ORDER BY n.id DESC LIMIT ?4",
                      &q, e));
    db_u64(q, 1, account);
    db_text(q, 2, key);
    db_i64(q, 3, hi <= (uint64_t)INT64_MAX ? (int64_t)hi : INT64_MAX);
    db_u64(q, 4, limit);
    return mn_store__collect(q, mn_store__notification_read, sizeof **ret, ar, (void **)ret,
                             ret_n, e);
}

static mn_rc count_group(mn_db *db, uint64_t account, mn_str key, uint64_t lo, uint64_t hi,
                         mn_notification_group *g, mn_err *e)
{
    mn_stmt *q;
    MN_TRY(db_prepare(db,
                      "SELECT count(*), coalesce(min(CASE WHEN id >= ?3 THEN id ELSE NULL "
                      "END), 0) FROM notifications WHERE account_id = ?1 AND group_key = ?2 "
                      "AND id <= ?4",
                      &q, e));
    db_u64(q, 1, account);
    db_text(q, 2, key);
    db_u64(q, 3, lo);
    db_i64(q, 4, hi <= (uint64_t)INT64_MAX ? (int64_t)hi : INT64_MAX);
    return mn_store__one(q, read_numbers, NULL, g, e);
}

static mn_rc fill_group(mn_db *db, uint64_t account, mn_str key, uint64_t lo, uint64_t hi,
                        mn_arena *ar, mn_notification_group *g, mn_err *e)
{
    mn_notification *rows = NULL;
    size_t n = 0;
    MN_TRY(newest_of(db, account, key, hi, MN_GROUP_SAMPLE, ar, &rows, &n, e));
    if (n == 0) return MN_E_NOT_FOUND;
    MN_TRY(count_group(db, account, key, lo, hi, g, e));
    g->newest = rows[0];
    g->page_max_id = rows[0].id;
    g->page_at_ms = rows[0].at_ms;
    for (size_t i = 0; i < n; i++) g->sample[g->n_sample++] = rows[i].from_id;
    return MN_OK;
}

static void fill_single(mn_notification_group *g, const mn_notification *n)
{
    *g = (mn_notification_group){.lead_id = n->id,
                                 .newest = *n,
                                 .n = 1,
                                 .page_min_id = n->id,
                                 .page_max_id = n->id,
                                 .page_at_ms = n->at_ms,
                                 .sample = {n->from_id},
                                 .n_sample = 1};
    g->newest.group_key = MN_STR("");
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */

static int newer_first(const void *a, const void *b)
{
    uint64_t x = ((const mn_notification_group *)a)->newest.id,
             y = ((const mn_notification_group *)b)->newest.id;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* The ids that the page covers: between its leads; an unfinished page reaches to the bound it was asked for. */
static void range_of(const leads *l, uint64_t *lo, uint64_t *hi)
{
    const mn_bounds *b = &l->q->page;
    bool whole = l->n == b->limit;
    uint64_t first = l->items[0].id, last = l->items[l->n - 1].id;
    if (b->after) {
        *lo = first;
        *hi = whole ? last : b->before ? b->before - 1 : UINT64_MAX;
    } else {
        *lo = whole ? last : b->since ? b->since + 1 : 0;
        *hi = first;
    }
}

static mn_rc fill_page(mn_db *db, const leads *l, mn_notification_group *g, size_t *ret_n,
                       mn_err *e)
{
    uint64_t lo = 0, hi = 0;
    size_t n = 0;
    if (l->n > 0) range_of(l, &lo, &hi);
    for (size_t i = 0; i < l->n; i++) {
        const mn_notification *lead = &l->items[i];
        fill_single(&g[n], lead);
        if (has_group(lead, l->grouped)) {
            g[n] = (mn_notification_group){.lead_id = lead->id};
            mn_rc rc =
                fill_group(db, lead->account_id, lead->group_key, lo, hi, l->ar, &g[n], e);
            if (rc == MN_E_NOT_FOUND) continue;
            if (rc != MN_OK) return rc;
        }
        n++;
    }
    qsort(g, n, sizeof *g, newer_first);
    *ret_n = n;
    return MN_OK;
}

mn_rc mn_store_notification_groups(mn_store *s, const mn_notification_query *q,
                                   mn_notice_set grouped, mn_arena *ar,
                                   mn_notification_group **ret, size_t *ret_n, mn_err *e)
{
    mn_db *db;
    leads l;
    MN_TRY(mn_store__bounds(q->page, e));
    MN_TRY(start_leads(&l, q, grouped, ar, e));
    mn_notification_group *g =
        mn_arena_alloc(ar, (q->page.limit ? q->page.limit : 1) * sizeof *g);
    if (!g) return mn_fail(e, MN_E_NOMEM, "out of memory reading the database");
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = find_leads(db, &l, e);
    if (rc == MN_OK) rc = fill_page(db, &l, g, ret_n, e);
    mn_store__reader_done(s, db);
    if (rc == MN_OK) *ret = g;
    return rc;
}

mn_rc mn_store_notification_groups_count(mn_store *s, const mn_notification_query *q,
                                         mn_notice_set grouped, uint64_t most, uint64_t *ret,
                                         mn_err *e)
{
    mn_db *db;
    mn_arena ar;
    leads l;
    mn_notification_query x = *q;
    x.page.limit = (size_t)most;
    MN_TRY(mn_store__bounds(x.page, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = start_leads(&l, &x, grouped, &ar, e);
    if (rc == MN_OK) rc = mn_store__reader(s, &db, e);
    if (rc == MN_OK) {
        rc = find_leads(db, &l, e);
        mn_store__reader_done(s, db);
    }
    if (rc == MN_OK) *ret = l.n;
    mn_arena_release(&ar);
    return rc;
}

/* ---- by key ------------------------------------------------------------------------------------------------------ */

#define UNGROUPED "ungrouped-"

/* The id in "ungrouped-ID"; 0: it is another key. */
static uint64_t single_id(mn_str key)
{
    uint64_t id = 0;
    if (!mn_str_starts(key, UNGROUPED)) return 0;
    if (mn_str_to_u64(mn_str_sub(key, sizeof UNGROUPED - 1, SIZE_MAX), &id) != MN_OK) return 0;
    return id;
}

mn_rc mn_store_notification_group(mn_store *s, uint64_t account, mn_str key, mn_arena *ar,
                                  mn_notification_group *ret, mn_err *e)
{
    mn_db *db;
    uint64_t id = single_id(key);
    if (id) {
        mn_notification n;
        MN_TRY(mn_store_notification(s, account, id, ar, &n, e));
        fill_single(ret, &n);
        return MN_OK;
    }
    if (key.len == 0) return MN_E_NOT_FOUND;
    mn_notification_group g = {0};
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = fill_group(db, account, key, 0, UINT64_MAX, ar, &g, e);
    mn_store__reader_done(s, db);
    if (rc != MN_OK) return rc;
    g.lead_id = g.newest.id;
    *ret = g;
    return MN_OK;
}

static mn_rc read_person(mn_stmt *q, mn_arena *ar, void *ret, mn_err *e)
{
    (void)ar, (void)e;
    *(mn_rel_row *)ret = (mn_rel_row){.id = db_col_u64(q, 0), .account_id = db_col_u64(q, 1)};
    return MN_OK;
}

/* ?5 key, ?6 the id of one that stands alone. */
#define PEOPLE(order)                                                                          \
    "SELECT n.id, n.from_id FROM notifications n JOIN accounts a ON a.id = n.from_id WHERE "   \
    "n.account_id = ?1 AND n.id < ?2 AND n.id > ?3 AND ((?6 = 0 AND n.group_key = ?5) OR "     \
    "n.id = ?6) AND a.state = 0 ORDER BY n.id " order " LIMIT ?4"

mn_rc mn_store_notification_group_people(mn_store *s, uint64_t account, mn_str key, mn_bounds b,
                                         mn_arena *ar, mn_rel_row **ret, size_t *ret_n,
                                         mn_err *e)
{
    mn_db *db;
    mn_stmt *q;
    MN_TRY(mn_store__bounds(b, e));
    if (key.len == 0) {
        *ret = NULL;
        *ret_n = 0;
        return MN_OK;
    }
    MN_TRY(mn_store__reader(s, &db, e));
    mn_rc rc = db_prepare(db, b.after ? PEOPLE("ASC") : PEOPLE("DESC"), &q, e);
    if (rc == MN_OK) {
        db_u64(q, 1, account);
        mn_store__bind_bounds(q, 2, b);
        db_text(q, 5, key);
        db_u64(q, 6, single_id(key));
        rc = mn_store__collect(q, read_person, sizeof **ret, ar, (void **)ret, ret_n, e);
    }
    mn_store__reader_done(s, db);
    if (rc == MN_OK && b.after) mn_store__turn(*ret, *ret_n, sizeof **ret);
    return rc;
}

mn_rc mn_store_notification_group_remove(mn_tx *tx, uint64_t account, mn_str key, mn_err *e)
{
    mn_stmt *q;
    uint64_t id = single_id(key);
    if (id) return mn_store_notification_remove(tx, account, id, NULL, e);
    if (key.len == 0) return MN_OK;
    MN_TRY(db_prepare(
        tx->db, "DELETE FROM notifications WHERE account_id = ?1 AND group_key = ?2", &q, e));
    db_u64(q, 1, account);
    db_text(q, 2, key);
    return mn_store__run(q, NULL, e);
}
