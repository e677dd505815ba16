/* Ranks over any carrier of messages; see ranks.h. */
#include "base/ranks.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/ranks_int.h"
#include "base/stop.h"
#include "base/thread.h"

#define YIELDS   100    /* looks before waiting sleeps */
#define NAP_US   20     /* ... first, then ever longer */
#define NAP_MOST 1000   /* ... up to this */
#define WATCH_US 200000 /* looks at the other processes this often */
#define HURRY_US 10000  /* ... and this often once all were asked to end */

typedef struct place { /* where a rank runs */
    int64_t pid;
    char host[120], space[40]; /* space: process ids mean the same within */
} place;

struct mn_ranks {
    const mn_ranks_ops *ops;
    void *self;
    int rank, size;
    bool silent; /* somebody else tells */
    bool agreed; /* on a failure */
    place *places;
    mn_ranks_set set;
    int64_t watched_us;
    const char *advice; /* "" or words for people whose run has ended */
};

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

static int number_in(const char *name)
{
    const char *s = getenv(name);
    char *end;
    long n = s && *s ? strtol(s, &end, 10) : 0;
    return s && *s && !*end && n > 0 && n <= 1000000 ? (int)n : 0;
}

static void find_place(place *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->pid = getpid();
    if (gethostname(ret->host, sizeof ret->host - 1) != 0) ret->host[0] = 0;
    ssize_t n = readlink("/proc/self/ns/pid", ret->space, sizeof ret->space - 1);
    ret->space[n > 0 ? n : 0] = 0;
}

/* All learn where all run. Until they do, nobody watches. */
static mn_rc meet(mn_ranks *r, mn_err *e)
{
    place own, *all = mn_calloc((size_t)r->size, sizeof *all);
    if (!all) return mn_fail(e, MN_E_NOMEM, "no memory for ranks");
    find_place(&own);
    mn_rc rc = mn_ranks_gather(r, &own, sizeof own, all, e);
    if (rc == MN_OK) rc = mn_ranks_broadcast(r, all, (size_t)r->size * sizeof *all, e);
    if (rc == MN_OK) r->places = all;
    else mn_free(all);
    return rc;
}

mn_rc mn_ranks_new(const mn_ranks_ops *ops, void *self, int rank, int size, mn_ranks **ret,
                   mn_err *e)
{
    mn_rc rc;
    mn_ranks *r = mn_calloc(1, sizeof *r);
    if (!r) {
        ops->close(self);
        return mn_fail(e, MN_E_NOMEM, "no memory for ranks");
    }
    *r = (mn_ranks){.ops = ops, .self = self, .rank = rank, .size = size, .advice = ""};
    rc = size > MN_RANKS_MAX
             ? mn_fail(e, MN_E_LIMIT, "%d ranks, at most %d are possible", size, MN_RANKS_MAX)
             : meet(r, e);
    if (rc == MN_OK) *ret = r;
    else mn_ranks_close(r);
    return rc;
}

mn_rc mn_ranks_open(mn_ranks **ret, mn_err *e)
{
    const mn_ranks_ops *ops;
    void *self;
    int rank, size = number_in("OMPI_COMM_WORLD_SIZE");
    if (!size && number_in("PMI_SIZE") > 1)
        return mn_fail(
            e, MN_E_UNSUPPORTED,
            "started as one of %d by another MPI than Open MPI: use Open MPI's mpirun",
            number_in("PMI_SIZE"));
    if (size <= 1) {
        *ret = NULL;
        return MN_OK;
    }
    const int said = size;
    MN_TRY(mn_ranks__mpi(&ops, &self, &rank, &size, e));
    if (size == said) return mn_ranks_new(ops, self, rank, size, ret, e);
    ops->close(self);
    return mn_fail(
        e, MN_E_UNSUPPORTED,
        "mpirun has started %d ranks, but its library knows of %d: they are of different "
        "versions, or OMPI_COMM_WORLD_SIZE is left over",
        said, size);
}

void mn_ranks_close(mn_ranks *r)
{
    if (!r) return;
    mn_ranks_set_release(&r->set);
    mn_free(r->places);
    r->ops->close(r->self);
    mn_free(r);
}

void mn_ranks_abort(mn_ranks *r)
{
    if (r) r->ops->abort(r->self);
}

void mn_ranks_advise(mn_ranks *r, const char *advice)
{
    if (r) r->advice = advice;
}

int mn_ranks_rank(const mn_ranks *r)
{
    return r ? r->rank : 0;
}

int mn_ranks_size(const mn_ranks *r)
{
    return r ? r->size : 1;
}

bool mn_ranks_tells(const mn_ranks *r)
{
    return !r || !r->silent;
}

bool mn_ranks_agreed(const mn_ranks *r)
{
    return !r || r->agreed;
}

int mn_ranks_threads(const mn_ranks *r)
{
    int mine = mn_cpu_count(), here = number_in("OMPI_COMM_WORLD_LOCAL_SIZE");
    bool bound = mine < (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (!r || bound || here <= 1) return mine;
    return mine / here > 1 ? mine / here : 1;
}

/* ---- waiting ---------------------------------------------------------------------------------------------------------- */

static bool near(const mn_ranks *r, int k)
{
    const place *a = &r->places[r->rank], *b = &r->places[k];
    return k != r->rank && a->space[0] && strcmp(a->host, b->host) == 0 &&
           strcmp(a->space, b->space) == 0;
}

static bool gone(const mn_ranks *r, int k)
{
    return kill((pid_t)r->places[k].pid, 0) != 0 && errno == ESRCH;
}

/* Fails when a process of this machine has ended. The first one left says so. */
static mn_rc watch(mn_ranks *r, mn_err *e)
{
    int64_t now = mn_mono_us(), each = mn_stop_requested() ? HURRY_US : WATCH_US;
    int lost = -1, first = r->rank;
    if (!r->places || now - r->watched_us < each) return MN_OK;
    r->watched_us = now;
    for (int k = 0; k < r->size; k++) {
        if (!near(r, k)) continue;
        if (gone(r, k)) lost = lost < 0 ? k : lost;
        else if (k < first) first = k;
    }
    if (lost < 0) return MN_OK;
    r->silent = first != r->rank;
    return mn_fail(
        e, MN_E_CANCELLED,
        "rank %d of %d (process %lld) has ended in the middle of the run, which ends here%s%s",
        lost, r->size, (long long)r->places[lost].pid, *r->advice ? "; " : "", r->advice);
}

static void nap(int tries)
{
    if (tries < YIELDS) {
        sched_yield();
        return;
    }
    long us = NAP_US + (long)(tries - YIELDS) * 2;
    const struct timespec t = {.tv_nsec = (us < NAP_MOST ? us : NAP_MOST) * 1000};
    nanosleep(&t, NULL);
}

mn_rc mn_ranks_poll(mn_ranks *r, mn_ranks_set *set, bool *ret_done, mn_err *e)
{
    size_t left = 0;
    mn_rc rc = MN_OK;
    for (size_t i = 0; i < set->n; i++) {
        bool done = false;
        if (rc == MN_OK) rc = r->ops->test(r->self, &set->under_way[i], &done, e);
        if (!done) set->under_way[left++] = set->under_way[i];
    }
    set->n = left;
    *ret_done = left == 0;
    return rc != MN_OK || !left ? rc : watch(r, e);
}

mn_rc mn_ranks_wait(mn_ranks *r, mn_ranks_set *set, mn_err *e)
{
    bool done = !set->n;
    for (int tries = 0; !done; tries++) {
        size_t before = set->n;
        MN_TRY(mn_ranks_poll(r, set, &done, e));
        if (set->n < before) tries = 0;
        if (!done) nap(tries);
    }
    return MN_OK;
}

/* ---- messages --------------------------------------------------------------------------------------------------------- */

static mn_rc make_room(mn_ranks_set *set, mn_err *e)
{
    if (set->n < set->cap) return MN_OK;
    size_t cap = set->cap ? 2 * set->cap : 16;
    void **more = mn_reallocarray(set->under_way, cap, sizeof *more);
    if (!more) return mn_fail(e, MN_E_NOMEM, "no memory for messages between ranks");
    set->under_way = more, set->cap = cap;
    return MN_OK;
}

mn_rc mn_ranks_send(mn_ranks *r, mn_ranks_set *set, int to, const void *p, size_t n, mn_err *e)
{
    for (size_t at = 0, len; at < n; at += len) {
        len = n - at < MN_RANKS_BLOCK ? n - at : MN_RANKS_BLOCK;
        MN_TRY(make_room(set, e));
        const char *from = (const char *)p + at;
        MN_TRY(r->ops->send(r->self, to, from, len, &set->under_way[set->n], e));
        set->n++;
    }
    return MN_OK;
}

mn_rc mn_ranks_recv(mn_ranks *r, mn_ranks_set *set, int from, void *p, size_t n, mn_err *e)
{
    for (size_t at = 0, len; at < n; at += len) {
        len = n - at < MN_RANKS_BLOCK ? n - at : MN_RANKS_BLOCK;
        MN_TRY(make_room(set, e));
        MN_TRY(r->ops->recv(r->self, from, (char *)p + at, len, &set->under_way[set->n], e));
        set->n++;
    }
    return MN_OK;
}

void mn_ranks_set_release(mn_ranks_set *set)
{
    mn_free(set->under_way);
    *set = (mn_ranks_set){0};
}

/* ---- together --------------------------------------------------------------------------------------------------------- */

/* A binomial tree: rank k hears from the rank without its highest bit, and tells those with one bit more above it. */
mn_rc mn_ranks_broadcast(mn_ranks *r, void *p, size_t n, mn_err *e)
{
    if (!r) return MN_OK;
    int high = 1;
    while (high <= r->rank) high *= 2;
    if (r->rank) {
        MN_TRY(mn_ranks_recv(r, &r->set, r->rank - high / 2, p, n, e));
        MN_TRY(mn_ranks_wait(r, &r->set, e));
    }
    for (int bit = high; r->rank + bit < r->size; bit *= 2)
        MN_TRY(mn_ranks_send(r, &r->set, r->rank + bit, p, n, e));
    return mn_ranks_wait(r, &r->set, e);
}

mn_rc mn_ranks_gather(mn_ranks *r, const void *own, size_t n, void *ret_all, mn_err *e)
{
    if (!r) return MN_OK;
    if (r->rank) MN_TRY(mn_ranks_send(r, &r->set, 0, own, n, e));
    else memcpy(ret_all, own, n);
    for (int k = 1; !r->rank && k < r->size; k++)
        MN_TRY(mn_ranks_recv(r, &r->set, k, (char *)ret_all + (size_t)k * n, n, e));
    return mn_ranks_wait(r, &r->set, e);
}

/* Each rank begins with the one after it, so that not all send to the same one at once. */
mn_rc mn_ranks_share(mn_ranks *r, void *p, const uint64_t *at, mn_err *e)
{
    if (!r) return MN_OK;
    char *bytes = p;
    const size_t own = (size_t)(at[r->rank + 1] - at[r->rank]);
    for (int i = 1; i < r->size; i++) {
        int from = (r->rank + r->size - i) % r->size;
        MN_TRY(mn_ranks_recv(r, &r->set, from, bytes + at[from],
                             (size_t)(at[from + 1] - at[from]), e));
    }
    for (int i = 1; i < r->size; i++)
        MN_TRY(mn_ranks_send(r, &r->set, (r->rank + i) % r->size, bytes + at[r->rank], own, e));
    return mn_ranks_wait(r, &r->set, e);
}

mn_rc mn_ranks_barrier(mn_ranks *r, mn_err *e)
{
    uint8_t here = 1, all[MN_RANKS_MAX];
    MN_TRY(mn_ranks_gather(r, &here, 1, all, e));
    return mn_ranks_broadcast(r, &here, 1, e);
}

typedef struct verdict {
    int32_t rc, rank;
    char msg[480];
} verdict;

mn_rc mn_ranks_agree(mn_ranks *r, mn_rc own, mn_err *e)
{
    verdict v = {.rc = own, .rank = mn_ranks_rank(r)}, *all = NULL;
    if (!r) return own;
    if (own != MN_OK && e) snprintf(v.msg, sizeof v.msg, "%s", e->msg);
    if (!r->rank && !(all = mn_calloc((size_t)r->size, sizeof *all)))
        return mn_fail(e, MN_E_NOMEM, "no memory for ranks");
    mn_rc rc = mn_ranks_gather(r, &v, sizeof v, all, e);
    for (int k = r->rank ? 0 : r->size; rc == MN_OK && k-- > 0;)
        if (all[k].rc != MN_OK) v = all[k];
    mn_free(all);
    if (rc == MN_OK) rc = mn_ranks_broadcast(r, &v, sizeof v, e);
    if (rc != MN_OK || v.rc == MN_OK) return rc;
    r->agreed = true;
    r->silent = r->rank != 0;
    v.msg[sizeof v.msg - 1] = 0;
    if (!v.rank) return mn_fail(e, (mn_rc)v.rc, "%s", v.msg);
    return mn_fail(e, (mn_rc)v.rc, "rank %d on '%s': %s", v.rank, r->places[v.rank].host,
                   v.msg);
}
