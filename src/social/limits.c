/* Limits: settings read, rates counted, levels decided. Who has read how much is in reading_limits.c.
 *
 * A rate counts in windows that begin at multiples of its period. A caller's count is one cell of a set-associative table,
 * found by a keyed hash of rate and caller, so that nobody can aim at somebody else's set; when a set is full, a cell of a
 * window that is over goes first, then the one with the smallest count. */
#include "social/limits.h"

#include <arpa/inet.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/hash.h"
#include "social/limits_int.h"
#include "store/moderation.h"

#define DAY_MS   INT64_C(86400000)
#define KNOWN_US 2000000

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static mn_rc read_rates(mn_limits *l, const mn_conf *c, mn_err *e)
{
    for (size_t i = 0; mn_rates[i].name; i++) {
        uint64_t n = mn_rates[i].count;
        MN_ASSERT(i < MN_LIMITS__RATES_MAX);
        if (mn_rates[i].setting)
            MN_TRY(mn_conf_u64(c, mn_rates[i].setting, 1, 1000000000, &n, e));
        l->counts[i] = (uint32_t)n;
    }
    return mn_conf_bool(c, "rate_limits", &l->rates_on, e);
}

static mn_rc read_plan(mn_limits *l, const mn_conf *c, mn_err *e)
{
    for (size_t i = 0; i < MN_PLAN_ITEMS; i++) {
        const mn_plan_row *row = &mn_plan[i];
        MN_ASSERT(row->item == (mn_plan_item)i);
        for (size_t k = 0; k < MN_LEVELS; k++)
            if (row->settings[k])
                MN_TRY(
                    mn_conf_u64(c, row->settings[k], row->least, row->most, &l->plan[k][i], e));
        if (row->as_member && l->plan[MN_LEVEL_SUBSCRIBER][i] == 0)
            l->plan[MN_LEVEL_SUBSCRIBER][i] = l->plan[MN_LEVEL_MEMBER][i];
    }
    return MN_OK;
}

static mn_rc read_conf(mn_limits *l, const mn_conf *c, mn_err *e)
{
    const char *reading = mn_conf_get(c, "reading");
    l->members_only = strcmp(reading, "members") == 0;
    if (!l->members_only && strcmp(reading, "open") != 0)
        return mn_fail(e, MN_E_USAGE, "the setting 'reading' is open or members, not '%s'",
                       reading);
    MN_TRY(mn_conf_u64(c, "new_account_days", 0, 3650, &l->new_days, e));
    MN_TRY(mn_conf_u64(c, "new_account_posts", 0, 1000000, &l->new_posts, e));
    MN_TRY(read_rates(l, c, e));
    return read_plan(l, c, e);
}

/* ---- routes ------------------------------------------------------------------------------------------------------------ */

static mn_limits__route *route_slot(mn_limits__route *table, mn_str a, mn_str b, uint64_t seed)
{
    uint64_t h = mn_hash64(a.ptr, a.len, seed) ^ mn_hash64(b.ptr, b.len, seed + 1);
    for (size_t i = (size_t)h % MN_LIMITS__ROUTES;; i = (i + 1) % MN_LIMITS__ROUTES) {
        mn_limits__route *r = &table[i];
        if (!r->name) return r;
        mn_str pattern, method = mn_str_split(mn_str_from(r->name), ' ', &pattern);
        if (mn_str_eq(method, a) && mn_str_eq(pattern, b)) return r;
    }
}

static mn_limits__route *route_add(mn_limits *l, const char *name)
{
    mn_str pattern, method = mn_str_split(mn_str_from(name), ' ', &pattern);
    mn_limits__route *r = route_slot(l->routes, method, pattern, l->seed);
    r->name = name;
    return r;
}

const mn_limits__route *mn_limits__route_find(const mn_limits *l, const char *method,
                                              const char *pattern)
{
    /* The table is never full; a free slot is found and not filled. */
    mn_limits *own = (mn_limits *)(uintptr_t)l;
    const mn_limits__route *r =
        route_slot(own->routes, mn_str_from(method), mn_str_from(pattern), l->seed);
    return r->name ? r : NULL;
}

static void fill_routes(mn_limits *l)
{
    size_t n = 0;
    for (size_t i = 0; mn_rates[i].name; i++)
        for (const char *const *r = mn_rates[i].routes; r && *r; r++, n++)
            if (**r != '*') route_add(l, *r)->rates |= 1u << i;
    for (const char *const *r = mn_limits__reading_routes; *r; r++, n++)
        route_add(l, *r)->reading = true;
    MN_ASSERT(n < MN_LIMITS__ROUTES / 2);
}

/* ---- life -------------------------------------------------------------------------------------------------------------- */

mn_rc mn_limits_new(mn_store *s, const mn_conf *c, mn_limits **ret, mn_err *e)
{
    mn_limits *l = mn_calloc(1, sizeof *l);
    if (!l) return mn_fail(e, MN_E_NOMEM, "out of memory for limits");
    l->store = s;
    pthread_mutex_init(&l->rates_lock, NULL);
    pthread_mutex_init(&l->known_lock, NULL);
    pthread_mutex_init(&l->readers_lock, NULL);
    pthread_mutex_init(&l->flush_lock, NULL);
    l->cells = mn_calloc(MN_LIMITS__SETS, sizeof *l->cells);
    mn_rc rc = l->cells ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory for limits");
    if (rc == MN_OK) rc = mn_random_bytes(&l->seed, sizeof l->seed, e);
    if (rc == MN_OK) rc = read_conf(l, c, e);
    if (rc != MN_OK) {
        mn_limits_free(l);
        return rc;
    }
    fill_routes(l);
    *ret = l;
    return MN_OK;
}

void mn_limits_free(mn_limits *l)
{
    mn_err e = {0};
    if (!l) return;
    mn_limits_flush(l, &e); /* what cannot be written now is lost, as after a crash */
    pthread_mutex_destroy(&l->rates_lock);
    pthread_mutex_destroy(&l->known_lock);
    pthread_mutex_destroy(&l->readers_lock);
    pthread_mutex_destroy(&l->flush_lock);
    mn_free(l->cells);
    mn_free(l->readers);
    mn_free(l);
}

/* ---- rates --------------------------------------------------------------------------------------------------------------- */

void mn_limits__address(mn_str text, uint8_t ret[16])
{
    char z[INET6_ADDRSTRLEN];
    memset(ret, 0, 16);
    if (text.len == 0 || text.len >= sizeof z) return;
    memcpy(z, text.ptr, text.len);
    z[text.len] = 0;
    if (inet_pton(AF_INET, z, ret + 12) == 1) {
        ret[10] = ret[11] = 0xff;
        return;
    }
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (inet_pton(AF_INET6, z, ret) != 1) memset(ret, 0, 16);
    else if (memcmp(ret, mapped, 12) != 0) memset(ret + 8, 0, 8);
}

/* Whom a rate counts, as bytes; 0: nobody, the rate does not concern this request. */
static size_t whom(const mn_rate *rate, const mn_caller *who, uint8_t ret[16])
{
    uint64_t id = rate->by == MN_BY_TOKEN ? who->token_id : who->account_id;
    switch (rate->by) {
    case MN_BY_STRANGER:
        if (who->account_id) return 0;
        /* fallthrough */
    case MN_BY_ADDRESS:
        mn_limits__address(who->address, ret);
        return 16;
    case MN_BY_ACCOUNT:
    case MN_BY_TOKEN:
        memcpy(ret, &id, sizeof id);
        return id ? sizeof id : 0;
    case MN_BY_NAME:
    case MN_BY_PLAN:
        break;
    }
    return 0;
}

static mn_limits__cell *cell_of(mn_limits *l, uint64_t key, uint32_t window)
{
    mn_limits__cell *set = l->cells[key % MN_LIMITS__SETS], *least = NULL;
    for (int i = 0; i < MN_LIMITS__WAYS; i++)
        if (set[i].key == key) {
            if (set[i].window != window) set[i] = (mn_limits__cell){key, window, 0};
            return &set[i];
        }
    for (int i = 0; i < MN_LIMITS__WAYS; i++)
        if (set[i].key == 0 || !least || set[i].n < least->n) {
            least = &set[i];
            if (least->key == 0) break;
        }
    *least = (mn_limits__cell){key, window, 0};
    return least;
}

/* One more for the rate. The cells of one set belong to different rates, so windows of others cannot be told to be over;
 * the smallest count stands for "least used". */
static mn_rate_state count_of(mn_limits *l, size_t rate, uint32_t limit, const void *who,
                              size_t n, int64_t now_ms)
{
    int64_t period_ms = mn_rates[rate].period_s * INT64_C(1000), window = now_ms / period_ms;
    uint64_t key = mn_hash64(who, n, l->seed ^ (rate + 1) * UINT64_C(0x9E3779B97F4A7C15)) | 1;
    mn_rate_state s = {&mn_rates[rate], limit, 0, (window + 1) * period_ms, false};
    pthread_mutex_lock(&l->rates_lock);
    mn_limits__cell *c = cell_of(l, key, (uint32_t)window);
    if (c->n >= s.limit) s.over = true;
    else c->n++;
    s.remaining = s.limit > c->n ? s.limit - c->n : 0;
    pthread_mutex_unlock(&l->rates_lock);
    return s;
}

static mn_rate_state count(mn_limits *l, size_t rate, const void *who, size_t n, int64_t now_ms)
{
    return count_of(l, rate, l->counts[rate], who, n, now_ms);
}

static bool in_tree(const mn_rate *rate, mn_str path)
{
    for (const char *const *r = rate->routes; r && *r; r++)
        if (**r == '*' && mn_str_starts(path, *r + 2)) return true;
    return false;
}

void mn_limits_take(mn_limits *l, const char *method, const char *pattern, mn_str path,
                    const mn_caller *who, mn_rate_state *ret)
{
    int64_t now_ms = mn_now_ms();
    *ret = (mn_rate_state){0};
    if (!l->rates_on) return;
    const mn_limits__route *route = pattern ? mn_limits__route_find(l, method, pattern) : NULL;
    if (pattern) path = mn_str_from(pattern);
    for (size_t i = 0; mn_rates[i].name; i++) {
        uint8_t key[16];
        if (!(route && (route->rates >> i & 1)) && !in_tree(&mn_rates[i], path)) continue;
        size_t n = whom(&mn_rates[i], who, key);
        if (n == 0) continue;
        mn_rate_state s = count(l, i, key, n, now_ms);
        if (s.over || !ret->rate || s.remaining < ret->remaining) *ret = s;
        if (s.over) return;
    }
}

static size_t rate_named(const char *rate)
{
    size_t i = 0;
    while (mn_rates[i].name && strcmp(mn_rates[i].name, rate) != 0) i++;
    MN_ASSERT(mn_rates[i].name);
    return i;
}

bool mn_limits_take_name(mn_limits *l, const char *rate, mn_str who, mn_rate_state *ret)
{
    char lower[256];
    size_t n = who.len < sizeof lower ? who.len : sizeof lower;
    for (size_t k = 0; k < n; k++)
        lower[k] =
            (char)(who.ptr[k] >= 'A' && who.ptr[k] <= 'Z' ? who.ptr[k] + 32 : who.ptr[k]);
    size_t i = rate_named(rate);
    MN_ASSERT(mn_rates[i].by == MN_BY_NAME);
    if (!l->rates_on) return true;
    mn_rate_state s = count(l, i, lower, n, mn_now_ms());
    if (ret) *ret = s;
    return !s.over;
}

/* ---- levels -------------------------------------------------------------------------------------------------------------- */

static mn_level level_of(const mn_limits *l, const mn_moderated *m)
{
    if (m->role != MN_ROLE_MEMBER || m->plan.len) return MN_LEVEL_SUBSCRIBER;
    bool young = mn_now_ms() - m->created_ms < (int64_t)l->new_days * DAY_MS;
    return young || m->n_posts < l->new_posts ? MN_LEVEL_NEW : MN_LEVEL_MEMBER;
}

mn_rc mn_limits_level(mn_limits *l, uint64_t account_id, mn_level *ret, mn_err *e)
{
    mn_arena ar;
    mn_moderated m;
    *ret = MN_LEVEL_ANONYMOUS;
    if (!account_id) return MN_OK;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_moderated(l->store, account_id, &ar, &m, e);
    if (rc == MN_OK) *ret = level_of(l, &m);
    mn_arena_release(&ar);
    return rc;
}

uint64_t mn_limits_of(const mn_limits *l, mn_level level, mn_plan_item item)
{
    return l->plan[level][item];
}

/* The level, up to KNOWN_US old. */
static mn_rc level_lately(mn_limits *l, uint64_t account_id, mn_level *ret, mn_err *e)
{
    int64_t now_us = mn_mono_us();
    mn_limits__known *k = &l->known[(account_id ^ account_id >> 22) % MN_LIMITS__KNOWN];
    pthread_mutex_lock(&l->known_lock);
    bool known = k->account == account_id && k->until_us > now_us;
    if (known) *ret = k->level;
    pthread_mutex_unlock(&l->known_lock);
    if (known) return MN_OK;
    MN_TRY(mn_limits_level(l, account_id, ret, e));
    pthread_mutex_lock(&l->known_lock);
    *k = (mn_limits__known){account_id, now_us + KNOWN_US, *ret};
    pthread_mutex_unlock(&l->known_lock);
    return MN_OK;
}

mn_rc mn_limits_included(mn_limits *l, uint64_t account_id, mn_plan_item item, uint64_t *ret,
                         mn_err *e)
{
    mn_level level;
    MN_TRY(level_lately(l, account_id, &level, e));
    *ret = mn_limits_of(l, level, item);
    return MN_OK;
}

mn_rc mn_limits_take_plan(mn_limits *l, const char *rate, uint64_t account_id,
                          mn_plan_item item, mn_rate_state *ret, mn_err *e)
{
    uint64_t limit = 0;
    *ret = (mn_rate_state){0};
    if (!l->rates_on || !account_id) return MN_OK;
    MN_TRY(mn_limits_included(l, account_id, item, &limit, e));
    if (limit)
        *ret = count_of(l, rate_named(rate), (uint32_t)limit, &account_id, sizeof account_id,
                        mn_now_ms());
    return MN_OK;
}

bool mn_limits_members_only(const mn_limits *l)
{
    return l->members_only;
}

bool mn_limits_is_reading(const mn_limits *l, const char *method, const char *pattern)
{
    const mn_limits__route *r = pattern ? mn_limits__route_find(l, method, pattern) : NULL;
    return r && r->reading;
}

bool mn_limits_counts_reading(const mn_limits *l)
{
    for (int k = 0; k < MN_LEVELS; k++)
        if (l->plan[k][MN_PLAN_READS]) return true;
    return false;
}
