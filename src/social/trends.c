/* Trends: uses are sorted by thing and account, so that one walk counts distinct accounts by day and over all. */
#include "social/trends.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/snowflake.h"
#include "store/timelines.h"

#define DAY_MS    INT64_C(86400000)
#define HALF_MS   (12.0 * 3600 * 1000)
#define READ_MAX  200000
#define LEAST     2
#define POST_DAYS 3

typedef struct use {
    uint64_t thing, account, post;
} use;

typedef struct ranking {
    mn_trend items[MN_TRENDS_MAX];
    size_t n;
} ranking;

struct mn_trends {
    mn_store *store;
    pthread_mutex_t lock, working; /* lock guards `kinds`; working: one refresh at a time */
    bool known;
    ranking kinds[MN_TREND_KINDS];
};

static double weight(uint64_t post, int64_t now)
{
    double age = (double)(now - mn_snowflake_ms(post));
    return age <= 0 ? 1.0 : exp2(-age / HALF_MS);
}

/* Keeps the best; items are sorted at the end. */
static void rank(ranking *r, const mn_trend *t)
{
    if (r->n < MN_TRENDS_MAX) {
        r->items[r->n++] = *t;
        return;
    }
    size_t worst = 0;
    for (size_t i = 1; i < r->n; i++)
        if (r->items[i].score < r->items[worst].score) worst = i;
    if (t->score > r->items[worst].score) r->items[worst] = *t;
}

static int best_first(const void *a, const void *b)
{
    const mn_trend *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->id > y->id ? -1 : x->id < y->id;
}

/* By thing, account, newest post first. */
static int by_thing(const void *a, const void *b)
{
    const use *x = a, *y = b;
    if (x->thing != y->thing) return x->thing < y->thing ? -1 : 1;
    if (x->account != y->account) return x->account < y->account ? -1 : 1;
    return x->post > y->post ? -1 : x->post < y->post;
}

static size_t day_of(uint64_t post, int64_t now)
{
    int64_t days = now / DAY_MS - mn_snowflake_ms(post) / DAY_MS;
    return days < 0 ? 0 : (size_t)days;
}

/* One thing's uses u[0..n), sorted. */
static void count_thing(const use *u, size_t n, int64_t now, ranking *r)
{
    mn_trend t = {.id = u[0].thing};
    size_t accounts = 0, last_day = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        bool fresh = i == 0 || u[i].account != u[i - 1].account;
        size_t day = day_of(u[i].post, now);
        if (fresh) {
            accounts++;
            t.score += weight(u[i].post, now);
        }
        if (day >= MN_TREND_DAYS) continue;
        t.days[day].uses++;
        if (fresh || day != last_day) t.days[day].accounts++;
        last_day = day;
    }
    if (accounts >= LEAST) rank(r, &t);
}

static void count_uses(use *u, size_t n, int64_t now, ranking *r)
{
    qsort(u, n, sizeof *u, by_thing);
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && u[k].thing == u[i].thing; k++) {
        }
        count_thing(u + i, k - i, now, r);
    }
    qsort(r->items, r->n, sizeof *r->items, best_first);
}

/* ---- what there is ---------------------------------------------------------------------------------------------------- */

static mn_rc rank_tags(mn_store *s, int64_t now, mn_arena *ar, ranking *r, mn_err *e)
{
    mn_tag_mention *m = NULL;
    size_t n = 0;
    uint64_t from = mn_snowflake_floor((now / DAY_MS - MN_TREND_DAYS + 1) * DAY_MS);
    MN_TRY(mn_store_tag_mentions(s, from, READ_MAX, ar, &m, &n, e));
    use *u = mn_arena_alloc(ar, (n + 1) * sizeof *u);
    if (!u) return mn_fail(e, MN_E_NOMEM, "out of memory for trends");
    for (size_t i = 0; i < n; i++) u[i] = (use){m[i].tag_id, m[i].account_id, m[i].post_id};
    count_uses(u, n, now, r);
    return MN_OK;
}

static void rank_links(const mn_trend_row *rows, size_t n, int64_t now, use *u, ranking *r)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (rows[i].card_id) u[k++] = (use){rows[i].card_id, rows[i].account_id, rows[i].id};
    count_uses(u, k, now, r);
}

/* Sorted by account, best first: the first of each is its one. */
typedef struct candidate {
    uint64_t account;
    mn_trend t;
} candidate;

static int by_account(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->account != y->account) return x->account < y->account ? -1 : 1;
    return best_first(&x->t, &y->t);
}

static void rank_posts(const mn_trend_row *rows, size_t n, int64_t now, candidate *c,
                       ranking *r)
{
    size_t k = 0;
    uint64_t from = mn_snowflake_floor(now - POST_DAYS * DAY_MS);
    for (size_t i = 0; i < n; i++)
        if (rows[i].marks >= LEAST && !rows[i].reply && rows[i].id >= from)
            c[k++] = (candidate){
                rows[i].account_id,
                {.id = rows[i].id, .score = (double)rows[i].marks * weight(rows[i].id, now)}};
    qsort(c, k, sizeof *c, by_account);
    for (size_t i = 0; i < k; i++)
        if (i == 0 || c[i].account != c[i - 1].account) rank(r, &c[i].t);
    qsort(r->items, r->n, sizeof *r->items, best_first);
}

static mn_rc work_out(mn_store *s, int64_t now, mn_arena *ar, ranking *kinds, mn_err *e)
{
    mn_trend_row *rows = NULL;
    size_t n = 0;
    uint64_t from = mn_snowflake_floor((now / DAY_MS - MN_TREND_DAYS + 1) * DAY_MS);
    MN_TRY(rank_tags(s, now, ar, &kinds[MN_TREND_TAGS], e));
    mn_arena_reset(ar);
    MN_TRY(mn_store_trend_rows(s, from, READ_MAX, ar, &rows, &n, e));
    use *u = mn_arena_alloc(ar, (n + 1) * sizeof *u);
    candidate *c = mn_arena_alloc(ar, (n + 1) * sizeof *c);
    if (!u || !c) return mn_fail(e, MN_E_NOMEM, "out of memory for trends");
    rank_links(rows, n, now, u, &kinds[MN_TREND_LINKS]);
    rank_posts(rows, n, now, c, &kinds[MN_TREND_POSTS]);
    return MN_OK;
}

mn_rc mn_trends_refresh(mn_trends *t, int64_t now_ms, mn_err *e)
{
    mn_arena ar;
    ranking *kinds = mn_calloc(MN_TREND_KINDS, sizeof *kinds);
    if (!kinds) return mn_fail(e, MN_E_NOMEM, "out of memory for trends");
    mn_arena_init(&ar, 0);
    pthread_mutex_lock(&t->working);
    mn_rc rc = work_out(t->store, now_ms, &ar, kinds, e);
    if (rc == MN_OK) {
        pthread_mutex_lock(&t->lock);
        memcpy(t->kinds, kinds, sizeof t->kinds);
        t->known = true;
        pthread_mutex_unlock(&t->lock);
    }
    pthread_mutex_unlock(&t->working);
    mn_arena_release(&ar);
    mn_free(kinds);
    return rc;
}

mn_rc mn_trends_get(mn_trends *t, mn_trend_kind kind, size_t offset, size_t limit,
                    int64_t now_ms, mn_arena *ar, mn_trend **ret, size_t *ret_n, mn_err *e)
{
    pthread_mutex_lock(&t->lock);
    bool known = t->known;
    pthread_mutex_unlock(&t->lock);
    if (!known) MN_TRY(mn_trends_refresh(t, now_ms, e));
    mn_trend *out = mn_arena_alloc(ar, (limit + 1) * sizeof *out);
    if (!out) return mn_fail(e, MN_E_NOMEM, "out of memory for trends");
    pthread_mutex_lock(&t->lock);
    const ranking *r = &t->kinds[kind];
    size_t n = offset < r->n ? r->n - offset : 0;
    if (n > limit) n = limit;
    if (n) memcpy(out, r->items + offset, n * sizeof *out);
    pthread_mutex_unlock(&t->lock);
    *ret = out;
    *ret_n = n;
    return MN_OK;
}

mn_rc mn_trends_new(mn_store *s, mn_trends **ret, mn_err *e)
{
    mn_trends *t = mn_calloc(1, sizeof *t);
    if (!t) return mn_fail(e, MN_E_NOMEM, "out of memory for trends");
    t->store = s;
    pthread_mutex_init(&t->lock, NULL);
    pthread_mutex_init(&t->working, NULL);
    *ret = t;
    return MN_OK;
}

void mn_trends_free(mn_trends *t)
{
    if (!t) return;
    pthread_mutex_destroy(&t->lock);
    pthread_mutex_destroy(&t->working);
    mn_free(t);
}
