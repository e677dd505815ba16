/* Generic cell rate algorithm: each caller has a theoretical arrival time (TAT). A request at `now` passes when the TAT is at
 * most burst − 1 intervals ahead of now, and then moves it by one interval; else it must wait for the difference.
 * source ITU-T I.371; the formulation without buckets or timers is the usual one of network equipment. */
#include "net/ratelimit.h"

#include <arpa/inet.h>
#include <pthread.h>

#include "base/hash.h"

#define SETS 1024
#define WAYS 4

typedef struct cell {
    uint64_t who;
    int64_t tat_us; /* 0: free */
} cell;

struct mn_ratelimit {
    pthread_mutex_t lock;
    int64_t interval_us, slack_us; /* slack: (burst - 1) intervals */
    uint64_t seed;
    cell cells[SETS][WAYS];
};

mn_rc mn_ratelimit_new(double per_minute, int burst, mn_ratelimit **ret, mn_err *e)
{
    MN_ASSERT(per_minute > 0 && burst >= 1);
    mn_ratelimit *l = mn_calloc(1, sizeof *l);
    if (!l) return mn_fail(e, MN_E_NOMEM, "out of memory for rate limits");
    mn_rc rc = mn_random_bytes(&l->seed, sizeof l->seed, e);
    if (rc != MN_OK) {
        mn_free(l);
        return rc;
    }
    l->interval_us = (int64_t)(60e6 / per_minute);
    l->slack_us = l->interval_us * (burst - 1);
    pthread_mutex_init(&l->lock, NULL);
    *ret = l;
    return MN_OK;
}

void mn_ratelimit_free(mn_ratelimit *l)
{
    if (!l) return;
    pthread_mutex_destroy(&l->lock);
    mn_free(l);
}

/* An IPv6 customer owns a /64: every address in it is one caller. */
static uint64_t caller_hash(const mn_ratelimit *l, mn_str who)
{
    char z[INET6_ADDRSTRLEN];
    uint8_t addr[16];
    if (who.len > 0 && who.len < sizeof z && memchr(who.ptr, ':', who.len)) {
        memcpy(z, who.ptr, who.len);
        z[who.len] = 0;
        if (inet_pton(AF_INET6, z, addr) == 1) return mn_hash64(addr, 8, l->seed);
    }
    return mn_hash64(who.ptr ? who.ptr : "", who.len, l->seed);
}

/* The caller's cell, or the one of its set that was quiet longest. */
static cell *find_cell(mn_ratelimit *l, uint64_t hash)
{
    cell *set = l->cells[hash % SETS], *oldest = set;
    for (int i = 0; i < WAYS; i++) {
        if (set[i].who == hash && set[i].tat_us) return &set[i];
        if (set[i].tat_us < oldest->tat_us) oldest = &set[i];
    }
    *oldest = (cell){hash, 0};
    return oldest;
}

int mn_ratelimit_take(mn_ratelimit *l, mn_str who, int64_t now_us)
{
    uint64_t hash = caller_hash(l, who);
    int wait_s = 0;
    pthread_mutex_lock(&l->lock);
    cell *c = find_cell(l, hash);
    int64_t tat = c->tat_us > now_us ? c->tat_us : now_us, early = tat - now_us - l->slack_us;
    if (early > 0) wait_s = (int)((early + 999999) / 1000000);
    else c->tat_us = tat + l->interval_us;
    pthread_mutex_unlock(&l->lock);
    return wait_s;
}
