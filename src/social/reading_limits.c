/* Who has read how many posts today, and used how many tokens of models. A reader's entry is filled from the store when first needed and once a minute; what is
 * counted since waits in it (pending) until the timer writes it. On a new day all entries start from nothing. */
#include "social/limits_int.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/hash.h"
#include "store/moderation.h"

#define DAY_MS      INT64_C(86400000)
#define FRESH_US    60000000
#define READERS_MAX 65536
#define BATCH       500
#define WHO_MAX     64

/* ---- the table ------------------------------------------------------------------------------------------------------ */

static bool same(const mn_limits__reader *a, const mn_limits__reader *b)
{
    return a->item == b->item && a->account == b->account &&
           memcmp(a->address, b->address, 16) == 0;
}

static size_t slot_of(const mn_limits *l, const mn_limits__reader *table, size_t cap,
                      const mn_limits__reader *who)
{
    uint64_t h = mn_hash64(who->address, 16, l->seed + who->account + who->item);
    size_t i = (size_t)h & (cap - 1);
    while (table[i].used && !same(&table[i], who)) i = (i + 1) & (cap - 1);
    return i;
}

/* A table of `cap` with the entries that must stay: all, or those with something to be written. */
static mn_rc rebuild(mn_limits *l, size_t cap, bool all, mn_err *e)
{
    mn_limits__reader *t = mn_calloc(cap, sizeof *t);
    if (!t) return mn_fail(e, MN_E_NOMEM, "out of memory for limits");
    l->n_readers = 0;
    for (size_t i = 0; i < l->cap_readers; i++) {
        const mn_limits__reader *r = &l->readers[i];
        if (!r->used || !(all || r->pending || r->writing)) continue;
        t[slot_of(l, t, cap, r)] = *r;
        l->n_readers++;
    }
    mn_free(l->readers);
    l->readers = t;
    l->cap_readers = cap;
    return MN_OK;
}

/* Room for one more. When READERS_MAX all wait to be written, no new reader is taken up: MN_E_LIMIT. */
static mn_rc make_room(mn_limits *l, mn_err *e)
{
    if (l->n_readers * 2 < l->cap_readers) return MN_OK;
    if (l->cap_readers < 2 * READERS_MAX)
        return rebuild(l, l->cap_readers ? l->cap_readers * 2 : 256, true, e);
    MN_TRY(rebuild(l, l->cap_readers, false, e));
    if (l->n_readers * 2 < l->cap_readers) return MN_OK;
    return mn_fail(e, MN_E_LIMIT, "too many readers at once");
}

static void start_day(mn_limits *l, int64_t day)
{
    if (l->day == day) return;
    /* What was not written of the day before is a few seconds of reading that count for nothing now. */
    if (l->readers) memset(l->readers, 0, l->cap_readers * sizeof *l->readers);
    l->n_readers = 0;
    l->day = day;
}

static mn_limits__reader reader_of(const mn_caller *who, mn_plan_item item)
{
    mn_limits__reader r = {.item = item, .account = who->account_id, .used = true};
    if (!r.account) mn_limits__address(who->address, r.address);
    return r;
}

static void name_of(const mn_limits__reader *r, char ret[WHO_MAX])
{
    char text[INET6_ADDRSTRLEN];
    if (r->account)
        snprintf(ret, WHO_MAX, "%s:%llu", r->item == MN_PLAN_READS ? "a" : "m",
                 (unsigned long long)r->account);
    else
        snprintf(ret, WHO_MAX, "i:%s",
                 inet_ntop(AF_INET6, r->address, text, sizeof text) ? text : "");
}

static mn_rc refresh(mn_limits *l, mn_limits__reader *r, mn_err *e)
{
    char who[WHO_MAX];
    uint64_t n = 0;
    mn_level level;
    name_of(r, who);
    MN_TRY(mn_limits_level(l, r->account, &level, e));
    MN_TRY(mn_store_reading(l->store, mn_str_from(who), l->day, &n, e));
    r->level = level;
    /* While some is on its way, nobody can say whether the store's number has it; then the next minute will do. */
    if (!r->writing && n > r->stored) r->stored = n;
    r->fresh_until_us = mn_mono_us() + FRESH_US;
    return MN_OK;
}

static mn_rc find(mn_limits *l, const mn_caller *who, mn_plan_item item,
                  mn_limits__reader **ret, mn_err *e)
{
    mn_limits__reader key = reader_of(who, item);
    start_day(l, mn_now_ms() / DAY_MS);
    MN_TRY(make_room(l, e));
    mn_limits__reader *r = &l->readers[slot_of(l, l->readers, l->cap_readers, &key)];
    if (r->used && r->fresh_until_us > mn_mono_us()) {
        *ret = r;
        return MN_OK;
    }
    if (r->used) key = *r;
    MN_TRY(refresh(l, &key, e));
    if (!r->used) l->n_readers++;
    *r = key;
    *ret = r;
    return MN_OK;
}

/* ---- counting ---------------------------------------------------------------------------------------------------------- */

static mn_rc add(mn_limits *l, const mn_caller *who, mn_plan_item item, uint64_t n,
                 mn_reading *ret, mn_err *e)
{
    mn_limits__reader *r;
    pthread_mutex_lock(&l->readers_lock);
    mn_rc rc = find(l, who, item, &r, e);
    if (rc == MN_OK) {
        ret->level = r->level;
        ret->limit = l->plan[r->level][item];
        if (ret->limit || item != MN_PLAN_READS) r->pending += n;
        ret->used = r->stored + r->writing + r->pending;
    }
    pthread_mutex_unlock(&l->readers_lock);
    return rc;
}

static mn_reading nothing_yet(void)
{
    return (mn_reading){.resets_ms = (mn_now_ms() / DAY_MS + 1) * DAY_MS};
}

mn_rc mn_limits_read(mn_limits *l, const mn_caller *who, uint64_t n, mn_reading *ret, mn_err *e)
{
    *ret = nothing_yet();
    if (mn_limits_counts_reading(l)) return add(l, who, MN_PLAN_READS, n, ret, e);
    return n ? MN_OK : mn_limits_level(l, who->account_id, &ret->level, e);
}

mn_rc mn_limits_model_tokens(mn_limits *l, uint64_t account_id, uint64_t n, mn_reading *ret,
                             mn_err *e)
{
    const mn_caller who = {.account_id = account_id};
    *ret = nothing_yet();
    return account_id ? add(l, &who, MN_PLAN_MODEL_TOKENS, n, ret, e) : MN_OK;
}

mn_rc mn_limits_reading(mn_limits *l, const mn_caller *who, mn_reading *ret, mn_err *e)
{
    return mn_limits_read(l, who, 0, ret, e);
}

/* ---- writing ----------------------------------------------------------------------------------------------------------- */

typedef struct batch {
    size_t n;
    mn_limits__reader rows[BATCH];
} batch;

/* Up to BATCH entries from *at on become "being written". */
static void gather(mn_limits *l, size_t *at, batch *b, int64_t *ret_day)
{
    b->n = 0;
    pthread_mutex_lock(&l->readers_lock);
    *ret_day = l->day;
    for (; *at < l->cap_readers && b->n < BATCH; ++*at) {
        mn_limits__reader *r = &l->readers[*at];
        if (!r->used || !r->pending) continue;
        r->writing += r->pending;
        r->pending = 0;
        b->rows[b->n++] = *r;
    }
    pthread_mutex_unlock(&l->readers_lock);
}

/* They are written, or wait again. The table may have been rebuilt meanwhile: entries are found by what they are. */
static void settle(mn_limits *l, const batch *b, int64_t day, bool written)
{
    pthread_mutex_lock(&l->readers_lock);
    for (size_t i = 0; l->day == day && i < b->n; i++) {
        mn_limits__reader *r = &l->readers[slot_of(l, l->readers, l->cap_readers, &b->rows[i])];
        if (!r->used) continue;
        if (written) r->stored += b->rows[i].writing;
        else r->pending += b->rows[i].writing;
        r->writing = 0;
    }
    pthread_mutex_unlock(&l->readers_lock);
}

static mn_rc write_rows(mn_limits *l, const batch *b, int64_t day, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(l->store, &tx, e));
    mn_rc rc = mn_store_readings_forget(tx, day, e);
    for (size_t i = 0; rc == MN_OK && i < b->n; i++) {
        char who[WHO_MAX];
        name_of(&b->rows[i], who);
        rc = mn_store_reading_add(tx, mn_str_from(who), day, b->rows[i].writing, e);
    }
    return mn_store_end(tx, rc, e);
}

mn_rc mn_limits_flush(mn_limits *l, mn_err *e)
{
    mn_rc rc = MN_OK;
    size_t at = 0;
    batch *b = mn_alloc(sizeof *b);
    if (!b) return mn_fail(e, MN_E_NOMEM, "out of memory");
    pthread_mutex_lock(&l->flush_lock);
    do {
        int64_t day;
        gather(l, &at, b, &day);
        if (b->n == 0) break;
        rc = write_rows(l, b, day, e);
        settle(l, b, day, rc == MN_OK);
    } while (rc == MN_OK && b->n == BATCH);
    pthread_mutex_unlock(&l->flush_lock);
    mn_free(b);
    return rc;
}
