/* A team: threads that walk through the same stages together, for work too fine for mn_pool (a token of a language model is
 * some hundred stages of microseconds each).
 *
 *   run: every thread calls fn(arg, walk), arg being a copy of its own. In it, stage by stage and in the same order on every thread:
 *       for (size_t part; mn_stage_next(walk, n_parts, &part);) …work on that part…
 *       mn_stage_done(walk);
 *
 * A stage is over when all its PARTS are done, not when all threads have come: a thread that the system has put aside between
 * parts delays nobody, it finds its stages done and catches up. Who waits spins for some microseconds and then sleeps, so
 * that on a busy machine the processor goes to whoever has work. Parts are handed out dynamically: each thread begins with
 * its own share of them, in order, then takes from the others' ends. A computation that writes by part gives the same bits on any
 * number of threads.
 *
 * thread  mn_team_run: one at a time for each team, from any thread (which works too). fn must decide what its stages
 *         are from `arg` (and from what never changes, such as a model's shape), so that all threads walk alike, and touch
 *         anything else only while it holds a part: a thread that comes late may walk on when the run is long over.
 * limits  MN_TEAM_STAGES stages a run, MN_TEAM_ARG bytes of arg, less than 4,095 parts of a stage for each thread */
#ifndef MN_BASE_TEAM_H
#define MN_BASE_TEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MN_TEAM_STAGES 4096
#define MN_TEAM_ARG    256

typedef struct mn_team mn_team;
typedef struct mn_walk mn_walk;

/* n_threads counts the caller of mn_team_run: 1 starts none. 0 means mn_cpu_count(). */
mn_rc mn_team_new(int n_threads, mn_team **ret, mn_err *e);
void mn_team_free(mn_team *t);
int mn_team_threads(const mn_team *t);

/* Returns when every stage of fn is done. arg: `size` bytes, copied for each thread. */
void mn_team_run(mn_team *t, void (*fn)(void *arg, mn_walk *w), const void *arg, size_t size);

/* The next part of the walk's stage that nobody has taken; false when there is none left. n_parts: the same on all threads. */
bool mn_stage_next(mn_walk *w, size_t n_parts, size_t *ret_part);
/* Waits until all parts of the stage are done; what they wrote is visible then. The next mn_stage_next begins another stage.
 * Returns false when the run is over without this thread: then fn must return at once. */
bool mn_stage_done(mn_walk *w);
/* 0 .. threads-1: whose scratch space to use. */
int mn_walk_thread(const mn_walk *w);

#endif
