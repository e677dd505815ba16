/* Tasks under way stand in a ring by their number: those with rank 0 and those with
 * others. What waits is rank 0, and only when it can neither hand out nor do anything itself: for the task that is to be
 * taken next. It looks after the others' messages between two tasks of its own, so a rank has several tasks ahead of it; and a
 * rank asks for the bytes of its next task before it begins with one, because long messages travel only once they are asked for.
 */
#include "corpus/tasks.h"

#include "base/mem.h"
#include "base/stop.h"
#include "corpus/tasks_int.h"

/* ---- rank 0 ---------------------------------------------------------------------------------------------------------- */

typedef struct task {
    mn_tasks_head out;
    mn_buf own;     /* the request, unless it is everybody's */
    mn_str request; /* what is asked */
    mn_ranks_set sends;
    mn_buf result;
    mn_rc rc;
    int rank;
    bool done;
} task;

typedef struct peer { /* another rank, by its number less one */
    mn_ranks_set recvs;
    uint64_t given[MN_TASKS_AHEAD]; /* numbers of the tasks that it has */
    int n_given;
    mn_tasks_head in;
    bool in_bytes; /* the head is here, its bytes are coming */
} peer;

struct mn_tasks {
    mn_ranks *ranks;
    mn_task_fn fn;
    void *arg;
    int n_peers;
    peer *peers;
    task *ring;
    size_t n_ring;
    uint64_t first, next; /* tasks [first, next) are under way */
    bool lost;            /* out of step: nothing can be said to the others any more */
};

mn_rc mn_tasks_new(mn_ranks *r, mn_task_fn fn, void *arg, mn_tasks **ret, mn_err *e)
{
    mn_tasks *t = mn_calloc(1, sizeof *t);
    if (!t) return mn_fail(e, MN_E_NOMEM, "no memory for the ranks' tasks");
    *t = (mn_tasks){.ranks = r, .fn = fn, .arg = arg, .n_peers = mn_ranks_size(r) - 1};
    t->peers = mn_calloc((size_t)t->n_peers, sizeof *t->peers);
    t->n_ring = (size_t)t->n_peers * (MN_TASKS_AHEAD + 1) + 1;
    t->ring = mn_calloc(t->n_ring, sizeof *t->ring);
    if (!t->peers || !t->ring) {
        mn_free(t->ring);
        mn_free(t->peers);
        mn_free(t);
        return mn_fail(e, MN_E_NOMEM, "no memory for the ranks' tasks");
    }
    for (size_t i = 0; i < t->n_ring; i++) {
        mn_buf_init(&t->ring[i].own, MN_TASKS_BYTES);
        mn_buf_init(&t->ring[i].result, MN_TASKS_BYTES);
    }
    *ret = t;
    return MN_OK;
}

void mn_tasks_free(mn_tasks *t)
{
    if (!t) return;
    for (int k = 0; k < t->n_peers; k++) mn_ranks_set_release(&t->peers[k].recvs);
    for (size_t i = 0; i < t->n_ring; i++) {
        mn_ranks_set_release(&t->ring[i].sends);
        mn_buf_release(&t->ring[i].own);
        mn_buf_release(&t->ring[i].result);
    }
    mn_free(t->ring);
    mn_free(t->peers);
    mn_free(t);
}

static task *at(mn_tasks *t, uint64_t number)
{
    return &t->ring[number % t->n_ring];
}

static bool room(const mn_tasks *t)
{
    return t->next - t->first < t->n_ring;
}

static mn_rc wire(mn_tasks *t, mn_rc rc)
{
    if (rc != MN_OK) t->lost = true;
    return rc;
}

/* A new task, not yet counted: t->next is its number. What stood in its place is done, so it has been received. */
static mn_rc add(mn_tasks *t, uint32_t op, task **ret, mn_err *e)
{
    task *x = at(t, t->next);
    MN_TRY(wire(t, mn_ranks_wait(t->ranks, &x->sends, e)));
    mn_buf_clear(&x->own);
    mn_buf_clear(&x->result);
    x->out = (mn_tasks_head){.op = op};
    x->rc = MN_OK;
    x->rank = 0;
    x->done = false;
    *ret = x;
    return MN_OK;
}

static mn_rc hear_head(mn_tasks *t, int k, mn_err *e)
{
    peer *p = &t->peers[k];
    return wire(t, mn_ranks_recv(t->ranks, &p->recvs, k + 1, &p->in, sizeof p->in, e));
}

/* The newest task to a rank that has room for it. */
static mn_rc give(mn_tasks *t, int k, mn_err *e)
{
    peer *p = &t->peers[k];
    task *x = at(t, t->next);
    x->rank = k + 1;
    x->out.len = x->request.len;
    MN_TRY(wire(t, mn_ranks_send(t->ranks, &x->sends, k + 1, &x->out, sizeof x->out, e)));
    MN_TRY(
        wire(t, mn_ranks_send(t->ranks, &x->sends, k + 1, x->request.ptr, x->request.len, e)));
    p->given[p->n_given++] = t->next++;
    return p->n_given == 1 ? hear_head(t, k, e) : MN_OK;
}

/* What was asked for is here: the head of a result, or its bytes. */
static mn_rc heard(mn_tasks *t, int k, mn_err *e)
{
    peer *p = &t->peers[k];
    task *x = at(t, p->given[0]);
    if (!p->in_bytes) {
        if (p->in.len > MN_TASKS_BYTES ||
            mn_buf_reserve(&x->result, (size_t)p->in.len) != MN_OK)
            return wire(t,
                        mn_fail(e, MN_E_NOMEM, "no memory for what rank %d has done", k + 1));
        p->in_bytes = true;
        return wire(
            t, mn_ranks_recv(t->ranks, &p->recvs, k + 1, x->result.ptr, (size_t)p->in.len, e));
    }
    mn_tasks__will_have(&x->result, (size_t)p->in.len);
    x->rc = (mn_rc)p->in.rc;
    x->done = true;
    p->in_bytes = false;
    p->n_given--;
    for (int i = 0; i < p->n_given; i++) p->given[i] = p->given[i + 1];
    return p->n_given ? hear_head(t, k, e) : MN_OK;
}

/* Takes in what a rank has sent; with wait, until a task of its is done. */
static mn_rc look(mn_tasks *t, int k, bool wait, mn_err *e)
{
    peer *p = &t->peers[k];
    const int had = p->n_given;
    bool here;
    while (p->n_given) {
        here = wait && p->n_given == had;
        MN_TRY(wire(t, here ? mn_ranks_wait(t->ranks, &p->recvs, e)
                            : mn_ranks_poll(t->ranks, &p->recvs, &here, e)));
        if (!here) break;
        MN_TRY(heard(t, k, e));
    }
    return MN_OK;
}

static mn_rc do_own(mn_tasks *t, uint64_t number, mn_err *e)
{
    task *x = at(t, number);
    MN_TRY(t->fn(t->arg, x->out.op, x->request, &x->result, e));
    if (x->result.failed) return mn_fail(e, x->result.failed, "no memory for a task's result");
    x->done = true;
    return MN_OK;
}

static mn_rc failed(const task *x, mn_err *e)
{
    if (x->rc == MN_E_CANCELLED) return mn_fail(e, x->rc, "stopped");
    return mn_fail(e, x->rc, "rank %d: %.*s", x->rank, (int)x->result.len, x->result.ptr);
}

/* Takes the results that are there, in order. */
static mn_rc take_done(mn_tasks *t, mn_rc (*take)(void *arg, mn_str result, mn_err *e),
                       void *arg, mn_err *e)
{
    for (; t->first < t->next && at(t, t->first)->done; t->first++) {
        const task *x = at(t, t->first);
        if (x->rc != MN_OK) return failed(x, e);
        MN_TRY(take(arg, mn_buf_str(&x->result), e));
    }
    return MN_OK;
}

static mn_rc make(mn_tasks *t, const mn_tasks_work *w, bool *io_more, mn_err *e)
{
    task *x;
    MN_TRY(add(t, w->op, &x, e));
    MN_TRY(w->next(w->arg, &x->own, io_more, e));
    if (x->own.failed) return mn_fail(e, x->own.failed, "no memory for the ranks' tasks");
    x->request = mn_buf_str(&x->own);
    return MN_OK;
}

/* Those that have least come first. */
static mn_rc hand_out(mn_tasks *t, const mn_tasks_work *w, bool *io_more, mn_err *e)
{
    for (int n = 0; n < MN_TASKS_AHEAD; n++)
        for (int k = 0; k < t->n_peers; k++) {
            if (t->peers[k].n_given > n) continue;
            if (!*io_more || !room(t)) return MN_OK;
            MN_TRY(make(t, w, io_more, e));
            if (*io_more) MN_TRY(give(t, k, e));
        }
    return MN_OK;
}

static mn_rc look_all(mn_tasks *t, mn_err *e)
{
    for (int k = 0; k < t->n_peers; k++) MN_TRY(look(t, k, false, e));
    return MN_OK;
}

mn_rc mn_tasks_run(mn_tasks *t, const mn_tasks_work *w, mn_err *e)
{
    bool more = true;
    while (more || t->first < t->next) {
        if (mn_stop_requested()) return mn_fail(e, MN_E_CANCELLED, "stopped");
        MN_TRY(look_all(t, e));
        MN_TRY(hand_out(t, w, &more, e));
        MN_TRY(take_done(t, w->take, w->arg, e));
        if (more && room(t)) {
            MN_TRY(make(t, w, &more, e));
            if (more) MN_TRY(do_own(t, t->next++, e));
        } else if (t->first < t->next) {
            const task *x = at(t, t->first);
            if (!x->done) MN_TRY(look(t, x->rank - 1, true, e));
        }
    }
    return MN_OK;
}

/* What the others are still doing is waited for. */
static mn_rc drain(mn_tasks *t, mn_err *e)
{
    for (int k = 0; k < t->n_peers; k++)
        while (t->peers[k].n_given) MN_TRY(look(t, k, true, e));
    for (size_t i = 0; i < t->n_ring; i++)
        MN_TRY(wire(t, mn_ranks_wait(t->ranks, &t->ring[i].sends, e)));
    return MN_OK;
}

static mn_rc do_each(mn_tasks *t, uint32_t op, mn_str request,
                     mn_rc (*take)(void *arg, mn_str result, mn_err *e), void *arg, mn_err *e)
{
    const uint64_t own = t->next;
    for (int k = -1; k < t->n_peers; k++) {
        task *x;
        MN_TRY(add(t, op, &x, e));
        x->request = request;
        if (k < 0) t->next++;
        else MN_TRY(give(t, k, e));
    }
    MN_TRY(do_own(t, own, e));
    for (int k = 0; k < t->n_peers; k++)
        while (t->peers[k].n_given) MN_TRY(look(t, k, true, e));
    return take_done(t, take, arg, e);
}

/* How it went, and how it went then. A rank that is gone makes this one stop too, so that is what is told. */
static mn_rc worse(mn_rc rc, mn_rc then, const mn_err *why, mn_err *io_e)
{
    if (then == MN_OK || (rc != MN_OK && rc != MN_E_CANCELLED)) return rc;
    *io_e = *why;
    return then;
}

/* Nothing looks at the request any more when this is back. */
mn_rc mn_tasks_each(mn_tasks *t, uint32_t op, mn_str request,
                    mn_rc (*take)(void *arg, mn_str result, mn_err *e), void *arg, mn_err *e)
{
    mn_err why = {0};
    mn_rc rc = do_each(t, op, request, take, arg, e);
    return t->lost ? rc : worse(rc, drain(t, &why), &why, e);
}

static mn_rc dismiss(mn_tasks *t, mn_err *e)
{
    static const mn_tasks_head end = {.op = MN_TASKS_END};
    mn_ranks_set *set = &t->ring[0].sends;
    MN_TRY(drain(t, e));
    for (int k = 0; k < t->n_peers; k++)
        MN_TRY(mn_ranks_send(t->ranks, set, k + 1, &end, sizeof end, e));
    return mn_ranks_wait(t->ranks, set, e);
}

mn_rc mn_tasks_end(mn_tasks *t, mn_rc rc, mn_err *e)
{
    mn_err why = {0};
    MN_ASSERT(!t->lost || rc != MN_OK);
    if (t->lost) return rc;
    mn_rc told = dismiss(t, &why);
    return told == MN_OK ? mn_ranks_agree(t->ranks, rc, e) : worse(rc, told, &why, e);
}
