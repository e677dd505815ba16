/* Tasks that rank 0 has and all ranks do: bytes in, bytes out, results in the order of the tasks whoever did them.
 *
 * What does a task is one function, the same on each rank; a rank may keep things from one task to the next (mn_tasks_each gives
 * each of them the same one). Rank 0 leads: it makes the tasks one after the other, gives every other rank up to MN_TASKS_AHEAD of them
 * before the first is done, does itself what is left, and takes the results in order. The others serve until rank 0 ends it.
 *
 * memory   rank 0: MN_TASKS_AHEAD + 1 tasks a rank and their results; the others: two of both
 * failures one of a task (its function's words, with the rank's number) or of rank 0 ends the run and leaves the ranks in step: mn_tasks_end
 *          makes it everybody's. One of the wire (a rank that is gone) does not: mn_ranks_abort is left.
 * A stop that was asked of one rank (base/stop.h) fails its next task, and so the run, with MN_E_CANCELLED. */
#ifndef MN_CORPUS_TASKS_H
#define MN_CORPUS_TASKS_H

#include "base/ranks.h"
#include "base/str.h"

#define MN_TASKS_AHEAD 3

/* Does one task: appends the result to ret. op and request are rank 0's; request begins where any type may. */
typedef mn_rc (*mn_task_fn)(void *arg, uint32_t op, mn_str request, mn_buf *ret, mn_err *e);

/* The tasks of one run. next appends the next request to ret, or sets *ret_more to false; take gets the results in order. */
typedef struct mn_tasks_work {
    uint32_t op;
    mn_rc (*next)(void *arg, mn_buf *ret, bool *ret_more, mn_err *e);
    mn_rc (*take)(void *arg, mn_str result, mn_err *e);
    void *arg;
} mn_tasks_work;

typedef struct mn_tasks mn_tasks;

/* On rank 0 of several. Borrows all. errors MN_E_NOMEM */
mn_rc mn_tasks_new(mn_ranks *r, mn_task_fn fn, void *arg, mn_tasks **ret, mn_err *e);
void mn_tasks_free(mn_tasks *t);
mn_rc mn_tasks_run(mn_tasks *t, const mn_tasks_work *w, mn_err *e);
/* The same task for each rank, once; take gets the results by rank. What each was given before is done by then. */
mn_rc mn_tasks_each(mn_tasks *t, uint32_t op, mn_str request,
                    mn_rc (*take)(void *arg, mn_str result, mn_err *e), void *arg, mn_err *e);
/* Ends serving on all ranks. rc: how it went here; the others learn it, and fail with it (mn_ranks_agree). Once, after success and failure. */
mn_rc mn_tasks_end(mn_tasks *t, mn_rc rc, mn_err *e);

/* On the others, until mn_tasks_end on rank 0, whose outcome it gives. */
mn_rc mn_tasks_serve(mn_ranks *r, mn_task_fn fn, void *arg, mn_err *e);

#endif
