/* Ranks that are threads of one program: each message is copied when both its ends are posted. */
#ifndef MN_TESTS_RANKS_FIXTURE_H
#define MN_TESTS_RANKS_FIXTURE_H

#include "test.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/ranks_int.h"

#define BOARD_RANKS 9
#define BOARD_MOST  256 /* messages under way from one rank to another */

typedef struct letter {
    const void *from;
    void *to;
    size_t n;
    bool done;
    struct letter *next; /* of all that were ever posted */
} letter;

typedef struct
    lane { /* from one rank to another: sends and receives in the order they were posted */
    letter *out[BOARD_MOST], *in[BOARD_MOST];
    size_t n_out, n_in, matched;
} lane;

typedef struct board {
    pthread_mutex_t lock;
    lane lanes[BOARD_RANKS][BOARD_RANKS];
    letter *all;
    int size, fail_rank; /* fail_rank: its wire breaks after fail_after messages; -1: none */
    int fail_after;
    bool broken; /* nothing moves any more */
} board;

typedef struct seat {
    board *b;
    int rank, sent;
} seat;

static void lane_match(lane *l)
{
    while (l->matched < l->n_out && l->matched < l->n_in) {
        letter *o = l->out[l->matched % BOARD_MOST], *i = l->in[l->matched % BOARD_MOST];
        OK(o->n == i->n);
        memcpy(i->to, o->from, o->n);
        o->done = i->done = true;
        l->matched++;
    }
}

static mn_rc seat_post(seat *s, int from, int to, letter l, void **ret, mn_err *e)
{
    board *b = s->b;
    letter *mine = mn_calloc(1, sizeof *mine);
    *mine = l;
    pthread_mutex_lock(&b->lock);
    mine->next = b->all;
    b->all = mine;
    b->broken |= s->rank == b->fail_rank && ++s->sent > b->fail_after;
    bool broken = b->broken;
    lane *x = &b->lanes[from][to];
    if (!broken) {
        OK(x->n_out - x->matched < BOARD_MOST && x->n_in - x->matched < BOARD_MOST);
        if (l.from) x->out[x->n_out++ % BOARD_MOST] = mine;
        else x->in[x->n_in++ % BOARD_MOST] = mine;
        lane_match(x);
    }
    pthread_mutex_unlock(&b->lock);
    *ret = mine;
    return broken ? mn_fail(e, MN_E_IO, "the wire is cut") : MN_OK;
}

static mn_rc seat_send(void *self, int to, const void *p, size_t n, void **ret, mn_err *e)
{
    return seat_post(self, ((seat *)self)->rank, to, (letter){.from = p, .n = n}, ret, e);
}

static mn_rc seat_recv(void *self, int from, void *p, size_t n, void **ret, mn_err *e)
{
    return seat_post(self, from, ((seat *)self)->rank, (letter){.to = p, .n = n}, ret, e);
}

static mn_rc seat_test(void *self, void **io_one, bool *ret_done, mn_err *e)
{
    board *b = ((seat *)self)->b;
    pthread_mutex_lock(&b->lock);
    bool done = ((letter *)*io_one)->done, broken = b->broken;
    pthread_mutex_unlock(&b->lock);
    if (!done && broken) return mn_fail(e, MN_E_IO, "the wire is cut");
    *ret_done = done;
    return MN_OK;
}

static void seat_abort(void *self)
{
    (void)self;
}

static void seat_close(void *self)
{
    mn_free(self);
}

static const mn_ranks_ops seat_ops = {seat_send, seat_recv, seat_test, seat_abort, seat_close};

typedef struct crew_one {
    board *b;
    int rank;
    void (*work)(mn_ranks *r, void *arg);
    void *arg;
} crew_one;

static void *crew_run(void *arg)
{
    crew_one *c = arg;
    mn_err e = {0};
    mn_ranks *r;
    seat *s = mn_calloc(1, sizeof *s);
    *s = (seat){.b = c->b, .rank = c->rank};
    RUN(mn_ranks_new(&seat_ops, s, c->rank, c->b->size, &r, &e));
    c->work(r, c->arg);
    mn_ranks_close(r);
    return NULL;
}

/* Runs work as `size` ranks at once, with NULL where it is one; all have come back when it does. */
static void crew(int size, int fail_rank, int fail_after, void (*work)(mn_ranks *r, void *arg),
                 void *arg)
{
    static board b;
    pthread_t t[BOARD_RANKS];
    crew_one c[BOARD_RANKS];
    if (size == 1) {
        work(NULL, arg);
        return;
    }
    memset(&b, 0, sizeof b);
    b.size = size, b.fail_rank = fail_rank, b.fail_after = fail_after;
    pthread_mutex_init(&b.lock, NULL);
    for (int k = 0; k < size; k++) {
        c[k] = (crew_one){&b, k, work, arg};
        OK(pthread_create(&t[k], NULL, crew_run, &c[k]) == 0);
    }
    for (int k = 0; k < size; k++) OK(pthread_join(t[k], NULL) == 0);
    for (letter *l = b.all, *next; l; l = next) next = l->next, mn_free(l);
    pthread_mutex_destroy(&b.lock);
}

#endif
